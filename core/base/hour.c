/* How often, or how much, in the last hour. */

#include "base/hour.h"
#include "base/macro.h"

#define MINUTE ((uint64_t) 60 * 1000000)

void hour_add(Hour *hour, uint64_t now, uint64_t n) {
        const uint64_t minute = now / MINUTE;
        const uint64_t n_new = minute > hour->minute ? minute - hour->minute : 0;

        for (uint64_t i = 0; i < MIN(n_new, (uint64_t) HOUR_MINUTES); i++)
                hour->sums[(minute - i) % HOUR_MINUTES] = 0;
        hour->minute = MAX(hour->minute, minute);
        hour->sums[hour->minute % HOUR_MINUTES] += n;
}

uint64_t hour_sum(const Hour *hour, uint64_t now) {
        const uint64_t minute = now / MINUTE;
        const uint64_t n_old = minute > hour->minute ? minute - hour->minute : 0;
        uint64_t sum = 0;

        for (uint64_t i = n_old; i < HOUR_MINUTES;
             i++) /* those of the minutes that are not over it */
                sum += hour->sums[(hour->minute + HOUR_MINUTES - (i - n_old)) % HOUR_MINUTES];
        return sum;
}
