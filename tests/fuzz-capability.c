/* Fuzz capabilities: any bytes are words, and what is written of them reads as the same set. */

#include "base/macro.h"
#include "imap/capability.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        ImapCapabilities parsed, again;

        parsed = imap_capabilities_parse((ByteView){(const char *) data, size});
        assert(parsed.bits < (uint64_t) 1 << _IMAP_CAPABILITY_MAX);
        assert(parsed.append_limit == 0 || imap_has(&parsed, IMAP_CAPABILITY_APPENDLIMIT));

        assert(imap_capabilities_format(&parsed, &text) == 0);
        again = imap_capabilities_parse(buffer_view(&text));
        assert(again.bits == parsed.bits && again.append_limit == parsed.append_limit);

        return 0;
}
