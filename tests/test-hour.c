/* How much in the last hour. */

#include "base/hour.h"
#include "base/macro.h"
#include "test.h"

#define SECOND UINT64_C(1000000)

static void test_sums(void) {
        static const struct {
                const char *label;
                uint64_t seconds[4], now; /* one each then */
                uint64_t sum;
        } rows[] = {
                {"nothing",             {0},                       100,   0},
                {"one",                 {90},                      90,    1},
                {"in one minute",       {60, 61, 119},             119,   3},
                {"in several",          {60, 121, 3000},           3001,  3},
                {"an hour is not over", {7200},                    10740, 1},
                {"it is over",          {7200},                    10800, 0},
                {"the first is over",   {7200, 7260},              10800, 1},
                {"over long ago",       {7200, 7260},              99999, 0},
                {"the place is taken",  {7200, 10800},             10800, 1},
                {"after a long sleep",  {7200, 7201, 7202, 90000}, 90000, 1},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Hour hour = {0};

                for (size_t k = 0; k < ARRAY_SIZE(rows[i].seconds); k++)
                        if (rows[i].seconds[k] > 0)
                                hour_add(&hour, rows[i].seconds[k] * SECOND, 1);
                TEST_ROW(rows[i].label, hour_sum(&hour, rows[i].now * SECOND) == rows[i].sum);
        }
}

int main(void) {
        test_sums();
        return 0;
}
