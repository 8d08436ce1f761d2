/* What is too old, and how many are too many. */

#include "sync/limit.h"

#define SEC_PER_DAY  ((int64_t) 24 * 3600)
#define USEC_PER_SEC ((int64_t) 1000000)

int64_t limit_day(int64_t now) {
        return now / USEC_PER_SEC / SEC_PER_DAY;
}

int64_t limit_cutoff(int64_t now, uint64_t age) {
        const int64_t today = limit_day(now) * SEC_PER_DAY;

        return age == 0 || today < 0 || age >= (uint64_t) today ? 0 : today - (int64_t) age;
}

uint64_t limit_excess(uint64_t n, uint64_t count) {
        return count > 0 && n > count ? n - count : 0;
}
