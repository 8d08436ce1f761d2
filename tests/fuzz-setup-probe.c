/* Fuzz what imapsyncd --probe says: a reply is whole, or there is none. */

#include "base/macro.h"
#include "base/utf8.h"
#include "ctl/setup-probe.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(probe_reply_done) ProbeReply reply = PROBE_REPLY_NULL;

        if (probe_reply_parse((ByteView){(const char *) data, size}, &reply) < 0)
                return 0;

        assert(reply.outcome != PROBE_BROKEN);
        assert(reply.outcome == PROBE_DONE ? reply.server != NULL : reply.sentence != NULL);
        for (size_t i = 0; i < reply.n_rows; i++) {
                const ProbeRow *row = &reply.rows[i];

                assert(row->note && *row->name && utf8_is_valid(bytes_of(row->name)));
                assert(!strpbrk(row->name, "\n") && row->messages <= UINT32_MAX);
        }
        return 0;
}
