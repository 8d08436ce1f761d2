/* Volumes: what to ask, so that the answers are small, and whose turn it is. */

#include "base/macro.h"
#include "sync/volume.h"
#include "test.h"

static const VolumePolicy policy = {.messages = 1000, .answer = 1400, .listed = 48};

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
                {"a single one",        {.last_uid = 99, .can_count = true},   1,   1,   3   },
                {"many of them",        {.last_uid = 1234, .can_count = true}, 900, 900, 4500},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label, volume_predict(&rows[i].facts, rows[i].messages,
                                                       rows[i].n_ranges) == rows[i].bytes);
}

static void test_find_gone(void) {
        static const struct {
                const char *label;
                VolumeFacts facts;
                uint64_t missing;
                VolumeSearch search;
        } rows[] = {
                {"one volume, plain",   {1000, 900, 5000, false, false},    1,   VOLUME_WHOLE    },
                {"one volume, ESEARCH", {1000, 900, 5000, true, false},     1,   VOLUME_WHOLE    },
                {"more, plain",         {1001, 1, 1001, false, false},      1,   VOLUME_POSITIONS},
                {"dense, ESEARCH",      {100000, 1, 100000, true, false},   5,   VOLUME_WHOLE    },
                {"holes, ESEARCH",      {100000, 99, 100000, true, false},  1,   VOLUME_WHOLE    },
                {"and one more",        {100000, 100, 100000, true, false}, 1,   VOLUME_COUNTS   },
                {"many are gone",       {100000, 1, 100000, true, false},   500, VOLUME_COUNTS   },
                {"dense, plain",        {100000, 1, 100000, false, false},  5,   VOLUME_POSITIONS},
                {"UIDONLY",             {100000, 1, 100000, false, true},   5,   VOLUME_PIECES   },
                {"UIDONLY, ESEARCH",    {100000, 1, 100000, true, true},    500, VOLUME_COUNTS   },
                {"UIDONLY, small",      {1000, 1, 1000, false, true},       5,   VOLUME_WHOLE    },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label, volume_find_gone(&policy, &rows[i].facts,
                                                         rows[i].missing) == rows[i].search);
}

static void test_lists_flags(void) {
        static const struct {
                const char *label;
                uint64_t messages;
                bool can_count, lists;
        } rows[] = {
                {"an empty mailbox", 0,   true,  true },
                {"a few, ESEARCH",   58,  true,  true },
                {"one more",         59,  true,  false},
                {"some, plain",      233, false, true },
                {"one more",         234, false, false},
        };
        static const VolumePolicy never = {.messages = 1000, .answer = 1400};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const VolumeFacts facts = {.messages = rows[i].messages,
                                           .can_count = rows[i].can_count};

                TEST_ROW(rows[i].label, volume_lists_flags(&policy, &facts) == rows[i].lists);
                TEST_ROW(rows[i].label, !volume_lists_flags(&never, &facts));
        }
}

static void test_find_flag(void) {
        static const struct {
                const char *label;
                uint64_t messages, with;
                VolumeFlag plain, esearch;
        } rows[] = {
                {"none",          100000, 0,      VOLUME_FLAG_WHOLE,  VOLUME_FLAG_WHOLE},
                {"all",           100000, 100000, VOLUME_FLAG_WHOLE,  VOLUME_FLAG_WHOLE},
                {"few have it",   100000, 200,    VOLUME_FLAG_WHOLE,  VOLUME_FLAG_WHOLE},
                {"one more",      100000, 201,    VOLUME_FLAG_ROTATE, VOLUME_FLAG_COUNT},
                {"few lack it",   100000, 99800,  VOLUME_FLAG_WHOLE,  VOLUME_FLAG_WHOLE},
                {"one more",      100000, 99799,  VOLUME_FLAG_ROTATE, VOLUME_FLAG_COUNT},
                {"a third",       100000, 33333,  VOLUME_FLAG_ROTATE, VOLUME_FLAG_COUNT},
                {"more than all", 10,     20,     VOLUME_FLAG_WHOLE,  VOLUME_FLAG_WHOLE},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                VolumeFacts facts = {.messages = rows[i].messages, .last_uid = 100000};

                TEST_ROW(rows[i].label,
                         volume_find_flag(&policy, &facts, rows[i].with) == rows[i].plain);
                facts.can_count = true;
                TEST_ROW(rows[i].label,
                         volume_find_flag(&policy, &facts, rows[i].with) == rows[i].esearch);
        }
        assert(!volume_asks_without(10, 0) && !volume_asks_without(10, 5));
        assert(volume_asks_without(10, 6) && volume_asks_without(10, 10));
        assert(volume_asks_without(10, 11));
}

#define BOUND ((int64_t) VOLUME_STEPS * 1000)

static void test_due(void) {
        static const struct {
                const char *label;
                VolumeRotation rotation;
                uint64_t n_volumes;
                int64_t now, bound;
                uint64_t due;
        } rows[] = {
                {"never looked at",     {0, 0, 0, 0},          100, 5000,  BOUND, 100},
                {"just looked at",      {0, 5000, 5000, 5000}, 100, 5999,  BOUND, 0  },
                {"a turn",              {0, 5000, 5000, 5000}, 100, 6000,  BOUND, 5  },
                {"a small mailbox",     {0, 5000, 5000, 5000}, 3,   6000,  BOUND, 1  },
                {"one volume",          {0, 5000, 5000, 5000}, 1,   6000,  BOUND, 1  },
                {"turns were missed",   {0, 5000, 5000, 5000}, 100, 8000,  BOUND, 13 },
                {"all were missed",     {0, 5000, 5000, 5000}, 100, 99000, BOUND, 100},
                {"the clock went back", {0, 5000, 5000, 5000}, 100, 10,    BOUND, 5  },
                {"each time",           {0, 5000, 5000, 5000}, 100, 5000,  0,     100},
                {"no volume",           {0, 5000, 5000, 5000}, 0,   99000, BOUND, 0  },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label,
                         volume_rotation_due(&rows[i].rotation, rows[i].n_volumes, rows[i].now,
                                             rows[i].bound) == rows[i].due);
}

/* Whenever somebody looks, and however seldom: no volume waits for longer than the bound, and a step
 * for the look itself to come. */
static void test_bound(void) {
        static const struct {
                const char *label;
                uint64_t n_volumes;
                int64_t every;
        } rows[] = {
                {"all the time",         100, 10  },
                {"each turn",            100, 1000},
                {"a bit late each time", 100, 1007},
                {"seldom",               100, 7777},
                {"few volumes",          5,   300 },
                {"as many as turns",     24,  1000},
                {"one more",             25,  1000},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int64_t looked[128] = {0};
                VolumeRotation rotation = {0};
                uint64_t at = 0;

                volume_rotation_reset(&rotation, 1);
                for (uint64_t v = 0; v < rows[i].n_volumes; v++)
                        looked[v] = 1;
                for (int64_t now = 1; now < 10 * BOUND; now += rows[i].every) {
                        uint64_t due =
                                volume_rotation_due(&rotation, rows[i].n_volumes, now, BOUND);

                        for (uint64_t v = 0; v < rows[i].n_volumes; v++)
                                TEST_ROW(rows[i].label,
                                         now - looked[v] <=
                                                 BOUND + BOUND / VOLUME_STEPS + 2 * rows[i].every);
                        if (due == 0)
                                continue;
                        for (; due > 0 && at < rows[i].n_volumes; due--)
                                looked[at++] = now;
                        at = at == rows[i].n_volumes ? 0 : at;
                        volume_rotation_step(&rotation, (uint32_t) at, now, BOUND);
                        for (uint64_t v = 0; v < rows[i].n_volumes; v++)
                                TEST_ROW(rows[i].label, looked[v] >= rotation.complete);
                }
        }
}

int main(void) {
        test_predict();
        test_find_gone();
        test_lists_flags();
        test_find_flag();
        test_due();
        test_bound();
        return 0;
}
