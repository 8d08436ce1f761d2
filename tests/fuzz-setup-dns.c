/* Fuzz answers of the DNS: what is found are names that a host can have, the best first. The first byte is the
 * type that was asked for. */

#include "base/macro.h"
#include "ctl/setup-dns.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_host(const DnsRecord *record, DnsType type) {
        const size_t n = strlen(record->host);

        for (size_t i = 0; i < n; i++)
                assert(record->host[i] > ' ' && record->host[i] < 0x7F);
        if (n > 0)
                assert(record->host[0] != '-' && record->host[n - 1] != '.');
        if (n > 0 && type == DNS_SRV)
                assert(record->port > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        DnsAnswer answer;
        DnsType type;

        if (size < 1)
                return 0;
        type = data[0] & 1 ? DNS_MX : DNS_SRV;
        if (dns_parse((ByteView){(const char *) data + 1, size - 1}, type, &answer) < 0)
                return 0;

        assert(answer.n_records <= DNS_RECORDS_MAX);
        for (size_t i = 0; i < answer.n_records; i++) {
                check_host(&answer.records[i], type);
                if (i > 0)
                        assert(answer.records[i - 1].priority <= answer.records[i].priority);
        }
        return 0;
}
