/* Answers of the DNS, read by the C library's resolver. */

#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>

#undef MAX /* of <sys/param.h>, which <resolv.h> brings */
#undef MIN
#include "base/macro.h"
#include "ctl/setup-dns.h"

#define ANSWER_MAX 65535

/* Letters, digits, "-", "_" and dots between them: what can be told to a person and dialled. */
static bool is_host(const char *name) {
        if (!*name || *name == '.' || *name == '-' || strstr(name, ".."))
                return false;
        return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
               strlen(name);
}

/* How much stands before the name in the record. */
static size_t fixed_size(DnsType type) {
        return type == DNS_SRV ? 6 : 2;
}

static uint16_t number_at(const unsigned char *data) {
        return (uint16_t) (data[0] << 8 | data[1]);
}

static int parse_record(const ns_msg *message, const ns_rr *record, DnsType type, DnsRecord *ret) {
        const unsigned char *data = ns_rr_rdata(*record);
        DnsRecord one = {.priority = 0};
        size_t n;

        if (ns_rr_rdlen(*record) <= fixed_size(type))
                return -EBADMSG;
        one.priority = number_at(data);
        if (type == DNS_SRV) {
                one.weight = number_at(data + 2);
                one.port = number_at(data + 4);
        }
        if (ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message), data + fixed_size(type),
                               one.host, sizeof(one.host)) < 0)
                return -EBADMSG;

        n = strlen(one.host);
        if (n > 0 && one.host[n - 1] == '.')
                one.host[--n] = '\0'; /* the root is "." or "": not offered */
        if (n > 0 && (!is_host(one.host) || (type == DNS_SRV && one.port == 0)))
                return -EBADMSG;
        *ret = one;
        return 0;
}

/* RFC 2782: the lowest priority; of those the weight is for sharing load among many clients, and for one that
 * writes it down the heaviest will do. */
static int compare(const void *a, const void *b) {
        const DnsRecord *one = a, *other = b;

        if (one->priority != other->priority)
                return one->priority < other->priority ? -1 : 1;
        if (one->weight != other->weight)
                return one->weight > other->weight ? -1 : 1;
        return strcmp(one->host, other->host);
}

int dns_parse(ByteView bytes, DnsType type, DnsAnswer *ret_answer) {
        const ns_type wanted = type == DNS_SRV ? ns_t_srv : ns_t_mx;
        DnsAnswer answer = {.n_records = 0};
        ns_msg message;

        if (bytes.size > ANSWER_MAX ||
            ns_initparse((const unsigned char *) bytes.data, (int) bytes.size, &message) < 0)
                return -EBADMSG;
        for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
                ns_rr record;

                if (ns_parserr(&message, ns_s_an, i, &record) < 0)
                        return -EBADMSG;
                if (ns_rr_type(record) != wanted || ns_rr_class(record) != ns_c_in ||
                    answer.n_records == DNS_RECORDS_MAX)
                        continue; /* an alias on the way, or more than anybody needs */
                if (parse_record(&message, &record, type, &answer.records[answer.n_records]) == 0)
                        answer.n_records++;
        }
        qsort(answer.records, answer.n_records, sizeof(answer.records[0]), compare);
        *ret_answer = answer;
        return 0;
}

int dns_ask(const char *name, DnsType type, DnsAnswer *ret_answer) {
        unsigned char *answer;
        int n, r;

        if (res_init() < 0)
                return -EHOSTUNREACH;
        if (_res.retrans == RES_TIMEOUT) { /* who has set another time knows better */
                _res.retrans = 2;
                _res.retry = 2;
        }
        answer = malloc(ANSWER_MAX);
        if (!answer)
                return -ENOMEM;
        n = res_query(name, ns_c_in, type == DNS_SRV ? ns_t_srv : ns_t_mx, answer, ANSWER_MAX);
        if (n < 0) {
                free(answer);
                *ret_answer = (DnsAnswer){.n_records = 0};
                return h_errno == TRY_AGAIN ? -EHOSTUNREACH : 0;
        }
        r = dns_parse((ByteView){(const char *) answer, (size_t) MIN(n, ANSWER_MAX)}, type,
                      ret_answer);
        free(answer);
        return r == -EBADMSG ? -EHOSTUNREACH : r;
}
