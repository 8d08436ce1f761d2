#pragma once

/*
 * A token bucket: how much may be read now, when so much a second may be
 *
 * What was read is taken, even where it is more than there was: the debt is waited for. So a limit holds
 * over any second or two, and a pause is one timer. Times are usec of any clock that goes on.
 */

#include <stdint.h>

typedef struct Bucket {
        uint64_t rate;      /* bytes a second; 0: no limit */
        int64_t tokens;     /* bytes */
        uint64_t fill_usec; /* up to when it was filled */
} Bucket;

/* Full: as much as comes in a quarter of a second. */
Bucket bucket_make(uint64_t rate, uint64_t now_usec);

void bucket_take(Bucket *bucket, uint64_t bytes, uint64_t now_usec);

/* Return: usec until there is enough for it to be worth a turn; 0: go on. */
uint64_t bucket_wait(const Bucket *bucket);
