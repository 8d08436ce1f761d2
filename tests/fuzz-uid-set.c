/* Fuzz UID sets: what parses keeps the header's promises and survives being written and read. */

#include "base/macro.h"
#include "imap/uid-set.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(uid_set_done) UidSet set = UID_SET_NULL, again = UID_SET_NULL;
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        size_t index = 0;

        if (uid_set_parse((ByteView){(const char *) data, size}, 1000, &set) < 0)
                return 0;

        assert(set.n_ranges > 0 && set.n_ranges <= 1000);
        for (size_t i = 0; i < set.n_ranges; i++) {
                assert(set.ranges[i].first > (i > 0 ? set.ranges[i - 1].last + 1 : 0));
                assert(set.ranges[i].first <= set.ranges[i].last);
                assert(uid_set_contains(&set, set.ranges[i].first));
        }

        assert(uid_set_format(&set, &index, SIZE_MAX, &text) == 0 && index == set.n_ranges);
        assert(uid_set_parse(buffer_view(&text), 1000, &again) == 0);
        assert(again.n_ranges == set.n_ranges);
        assert(memcmp(again.ranges, set.ranges, set.n_ranges * sizeof(UidRange)) == 0);

        return 0;
}
