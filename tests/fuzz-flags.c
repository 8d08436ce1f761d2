/* Fuzz flags: any bytes are a list, and what is written of it reads as the same set. */

#include "base/macro.h"
#include "imap/flags.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const ByteView list = {(const char *) data, size};
        _cleanup_(keywords_done) Keywords keywords = KEYWORDS_NULL;
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        MessageFlags flags, again, fixed;
        unsigned n_names;

        assert(flags_parse(list, &keywords, &flags) == 0);
        n_names = keywords.n_names;
        assert(n_names <= KEYWORDS_MAX);
        assert(flags <= INT64_MAX);

        assert(flags_format(flags, &keywords, &text) == 0);
        assert(flags_parse(buffer_view(&text), &keywords, &again) == 0);
        assert(again == flags && keywords.n_names == n_names);

        assert(flags_parse(list, NULL, &fixed) == 0);
        assert(fixed == (flags & FLAGS_FIXED));

        return 0;
}
