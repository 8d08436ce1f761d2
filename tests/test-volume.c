/* Volumes: what to ask, so that the answers are small. */

#include "base/macro.h"
#include "sync/volume.h"
#include "test.h"

static void test_predict(void) {
        static const struct {
                const char *label;
                VolumeFacts facts;
                uint64_t messages, n_ranges, bytes;
        } rows[] = {
                {"nothing",             {.last_uid = 9},                       0,   0,   0   },
                {"a digit and a space", {.last_uid = 9},                       3,   1,   6   },
                {"long ones",           {.last_uid = UID_MAX},                 2,   2,   22  },
                {"a range",             {.last_uid = 99, .can_count = true},   50,  1,   6   },
                {"single ones",         {.last_uid = 99, .can_count = true},   1,   1,   3   },
                {"many of them",        {.last_uid = 1234, .can_count = true}, 900, 900, 4500},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label, volume_predict(&rows[i].facts, rows[i].messages,
                                                       rows[i].n_ranges) == rows[i].bytes);
}

static void test_find_gone(void) {
        static const VolumePolicy policy = {.messages = 1000, .answer = 1400};
        static const struct {
                const char *label;
                VolumeFacts facts;
                uint64_t missing;
                VolumeSearch search;
        } rows[] = {
                {"one volume, plain",   {1000, 900, 5000, false},    1,   VOLUME_WHOLE    },
                {"one volume, ESEARCH", {1000, 900, 5000, true},     1,   VOLUME_WHOLE    },
                {"more, plain",         {1001, 1, 1001, false},      1,   VOLUME_POSITIONS},
                {"dense, ESEARCH",      {100000, 1, 100000, true},   5,   VOLUME_WHOLE    },
                {"holes, ESEARCH",      {100000, 99, 100000, true},  1,   VOLUME_WHOLE    },
                {"and one more",        {100000, 100, 100000, true}, 1,   VOLUME_COUNTS   },
                {"many are gone",       {100000, 1, 100000, true},   500, VOLUME_COUNTS   },
                {"dense, plain",        {100000, 1, 100000, false},  5,   VOLUME_POSITIONS},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label, volume_find_gone(&policy, &rows[i].facts,
                                                         rows[i].missing) == rows[i].search);
}

int main(void) {
        test_predict();
        test_find_gone();
        return 0;
}
