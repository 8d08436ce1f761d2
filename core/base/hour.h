#pragma once

/* How often, or how much, in the last hour: sixty sums of a minute each. Times are usec of any clock that only
 * goes forward; no sum is older than an hour, nor younger than 59 minutes. */

#include <stdint.h>

#define HOUR_MINUTES 60u

/* All 0: nothing yet. */
typedef struct Hour {
        uint64_t minute; /* of the last sum, since the clock began */
        uint64_t sums[HOUR_MINUTES];
} Hour;

void hour_add(Hour *hour, uint64_t now, uint64_t n);
uint64_t hour_sum(const Hour *hour, uint64_t now);
