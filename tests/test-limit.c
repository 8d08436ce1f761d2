/* What is too old, and how many are too many. */

#include "base/macro.h"
#include "sync/limit.h"
#include "test.h"

#define DAY ((int64_t) 24 * 3600)
#define US  ((int64_t) 1000000)

static void test_cutoff(void) {
        static const struct {
                const char *label;
                int64_t now;
                uint64_t age;
                int64_t cutoff;
        } rows[] = {
                {"no limit",           1000 * DAY * US,       0,          0            },
                {"at midnight",        1000 * DAY * US,       90 * DAY,   910 * DAY    },
                {"a moment before",    1000 * DAY * US - 1,   90 * DAY,   909 * DAY    },
                {"in the evening",     (1001 * DAY - 1) * US, 90 * DAY,   910 * DAY    },
                {"a day",              1000 * DAY * US,       DAY,        999 * DAY    },
                {"not whole days",     1000 * DAY * US,       DAY + 5,    999 * DAY - 5},
                {"since ever",         1000 * DAY * US,       1000 * DAY, 0            },
                {"longer than ever",   1000 * DAY * US,       UINT64_MAX, 0            },
                {"no clock",           0,                     DAY,        0            },
                {"a clock gone wrong", -5 * DAY * US,         DAY,        0            },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label, limit_cutoff(rows[i].now, rows[i].age) == rows[i].cutoff);
}

static void test_excess(void) {
        static const struct {
                const char *label;
                uint64_t n, count, excess;
        } rows[] = {
                {"no limit", 100, 0,  0 },
                {"fewer",    9,   10, 0 },
                {"as many",  10,  10, 0 },
                {"more",     25,  10, 15},
                {"nothing",  0,   10, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label, limit_excess(rows[i].n, rows[i].count) == rows[i].excess);
}

int main(void) {
        test_cutoff();
        test_excess();
        return 0;
}
