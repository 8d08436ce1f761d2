/* A token bucket: what passes in a window is what the rate allows, and never much more. */

#include "base/macro.h"
#include "daemon/bucket.h"
#include "test.h"

#define SEC UINT64_C(1000000)

static void test_wait(void) {
        static const struct {
                const char *label;
                uint64_t rate, first, pause, second;
                uint64_t wait; /* after the second */
        } rows[] = {
                {"no limit",               0,                    UINT64_C(1) << 40, 0,         UINT64_C(1) << 40, 0               },
                {"what is there",          1000000,              200000,            0,         0,                 0               },
                {"all that is there",      1000000,              250000,            0,         0,                 125000          },
                {"a debt",                 1000000,              750000,            0,         0,                 625000          },
                {"a debt that has passed", 1000000,              750000,            SEC,       0,                 0               },
                {"it fills no further",    1000000,              0,                 60 * SEC,  350000,            225000          },
                {"slow",                   10000,                18500,             0,         0,                 1600000 + 125000},
                {"after a long sleep",     UINT64_C(1000000000), 0,                 SEC << 32, 0,                 0               },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Bucket bucket = bucket_make(rows[i].rate, 5 * SEC);

                bucket_take(&bucket, rows[i].first, 5 * SEC);
                bucket_take(&bucket, rows[i].second, 5 * SEC + rows[i].pause);
                TEST_ROW(rows[i].label, bucket_wait(&bucket) == rows[i].wait);
        }
}

/* Somebody who reads pieces as fast as he may: how much is that in ten seconds, and how often is it? */
static void test_window(void) {
        static const struct {
                const char *label;
                uint64_t rate, piece, max_turns;
        } rows[] = {
                {"a megabyte",      1000000, 65536, 200 },
                {"small pieces",    1000000, 1500,  8000},
                {"slow, TLS reads", 10000,   16384, 10  },
                {"odd",             33333,   4096,  100 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Bucket bucket = bucket_make(rows[i].rate, SEC);
                uint64_t now = SEC, bytes = 0, turns = 0;

                while (now < 11 * SEC) {
                        bucket_take(&bucket, rows[i].piece, now);
                        bytes += rows[i].piece;
                        turns++;
                        now += bucket_wait(&bucket);
                        now += 7; /* the clock goes on meanwhile */
                }
                TEST_ROW(rows[i].label,
                         bytes <= 10 * rows[i].rate + rows[i].rate / 4 + 2 * rows[i].piece);
                TEST_ROW(rows[i].label, bytes >= 9 * rows[i].rate);
                TEST_ROW(rows[i].label, turns <= rows[i].max_turns);
        }
}

int main(void) {
        test_wait();
        test_window();
        return 0;
}
