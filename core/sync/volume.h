#pragma once

/*
 * Volumes: how to find out what a server does not tell (pure)
 *
 * A mailbox is cut into volumes: ranges of UIDs that hold a fixed number of known messages each. What
 * has changed somewhere is looked for first in all volumes by what is cheap to ask (a count, the UID
 * at a position), and then only in those that have changed. Nothing here asks; these are the
 * decisions.
 */

#include "sync/replica.h"

typedef struct VolumePolicy {
        uint32_t messages; /* in a volume; at least 2 */
        uint64_t answer; /* an answer of so many bytes is asked for without a question before it */
} VolumePolicy;

extern const VolumePolicy volume_policy_default;

/* A mailbox, as far as the predictions go by it. */
typedef struct VolumeFacts {
        uint64_t messages; /* that are known */
        uint64_t n_ranges; /* of UIDs, that they make */
        uint32_t last_uid; /* the longest that may be written */
        bool can_count;    /* ESEARCH: counts are cheap, and sets are written as ranges */
} VolumeFacts;

typedef enum VolumeSearch {
        VOLUME_WHOLE,     /* the UIDs of the whole mailbox */
        VOLUME_COUNTS,    /* how many each volume has, then the UIDs of those that lack some */
        VOLUME_POSITIONS, /* the UID at the end of each volume: how far it has moved says the same */
} VolumeSearch;

/* How to find @missing messages that are gone. */
VolumeSearch volume_find_gone(const VolumePolicy *policy, const VolumeFacts *facts,
                              uint64_t missing);

/* Bytes of an answer that holds so many of the messages. */
uint64_t volume_predict(const VolumeFacts *facts, uint64_t messages, uint64_t n_ranges);
