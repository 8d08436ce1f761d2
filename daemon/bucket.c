/* A token bucket. */

#include "daemon/bucket.h"
#include "base/macro.h"

#define USEC_PER_SEC UINT64_C(1000000)
#define FULL_USEC    (USEC_PER_SEC / 4)  /* so much of time a full bucket is worth */
#define TURN_USEC    (USEC_PER_SEC / 8)  /* and so much one that is worth a turn */
#define AGE_MAX_USEC (60 * USEC_PER_SEC) /* longer is no fuller, and does not fit the product */

static int64_t worth(const Bucket *bucket, uint64_t usec) {
        return (int64_t) (bucket->rate * usec / USEC_PER_SEC);
}

Bucket bucket_make(uint64_t rate, uint64_t now_usec) {
        Bucket bucket = {.rate = rate, .fill_usec = now_usec};

        bucket.tokens = worth(&bucket, FULL_USEC);
        return bucket;
}

/* What a fraction of a byte would need is left for the next time. */
static void fill(Bucket *bucket, uint64_t now_usec) {
        const uint64_t age = now_usec > bucket->fill_usec ? now_usec - bucket->fill_usec : 0;
        const int64_t more = worth(bucket, MIN(age, AGE_MAX_USEC));
        const int64_t full = worth(bucket, FULL_USEC);

        if (more == 0)
                return;
        bucket->tokens = MIN(bucket->tokens + more, full);
        bucket->fill_usec = now_usec;
}

void bucket_take(Bucket *bucket, uint64_t bytes, uint64_t now_usec) {
        if (bucket->rate == 0)
                return;
        fill(bucket, now_usec);
        bucket->tokens -= (int64_t) bytes;
}

uint64_t bucket_wait(const Bucket *bucket) {
        if (bucket->rate == 0 || bucket->tokens > 0)
                return 0;
        return (uint64_t) -bucket->tokens * USEC_PER_SEC / bucket->rate + TURN_USEC;
}
