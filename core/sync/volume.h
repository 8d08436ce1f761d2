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
        unsigned listed; /* bytes that FETCH spends on the flags of a message; 0: never ask so */
} VolumePolicy;

extern const VolumePolicy volume_policy_default;

/* A mailbox, as far as the predictions go by it. */
typedef struct VolumeFacts {
        uint64_t messages; /* that are known */
        uint64_t n_ranges; /* of UIDs, that they make */
        uint32_t last_uid; /* the longest that may be written */
        bool can_count;    /* ESEARCH: counts are cheap, and sets are written as ranges */
        bool no_positions; /* who stands at a position cannot be asked (UIDONLY) */
} VolumeFacts;

typedef enum VolumeSearch {
        VOLUME_WHOLE,  /* the UIDs of the whole mailbox */
        VOLUME_COUNTS, /* how many each volume has, then the UIDs of those that lack some */
        VOLUME_PIECES, /* the UIDs of the whole mailbox, in pieces that no answer is too long for */
        VOLUME_POSITIONS, /* the UID at the end of each volume: how far it has moved says the same */
} VolumeSearch;

/* How to find @missing messages that are gone. */
VolumeSearch volume_find_gone(const VolumePolicy *policy, const VolumeFacts *facts,
                              uint64_t missing);

/* Are all flags together little enough to be listed? A list has keywords, too, that nobody has heard of;
 * and without ESEARCH each flag costs a round trip. */
bool volume_lists_flags(const VolumePolicy *policy, const VolumeFacts *facts);

typedef enum VolumeFlag {
        VOLUME_FLAG_WHOLE,  /* which messages of the mailbox have it */
        VOLUME_FLAG_COUNT,  /* how many, then which in the volumes that differ */
        VOLUME_FLAG_ROTATE, /* only of the volumes whose turn it is */
} VolumeFlag;

/* How to find out about a flag that @with messages have, as far as is known. */
VolumeFlag volume_find_flag(const VolumePolicy *policy, const VolumeFacts *facts, uint64_t with);

/* Ask for those that have it, or for those that lack it: for the fewer. */
static inline bool volume_asks_without(uint64_t messages, uint64_t with) {
        return with > messages - (with < messages ? with : messages);
}

/* Bytes of an answer that holds so many of the messages. */
uint64_t volume_predict(const VolumeFacts *facts, uint64_t messages, uint64_t n_ranges);

/*
 * The rotation. Where no question shows which volumes have changed, each is looked at in its turn, so that
 * within a bound all have been. The newest is looked at each time, and at least each VOLUME_STEPS-th
 * part of the bound. Times are in usec since 1970.
 */
#define VOLUME_STEPS 24

typedef struct VolumeRotation {
        uint32_t uid;     /* up to this one, in the pass that is under way */
        int64_t begun;    /* the pass that is under way */
        int64_t complete; /* all volumes were looked at since then; 0: never */
        int64_t last;     /* up to when turns have been taken */
} VolumeRotation;

/* How many volumes' turn it is; all of them with a @bound of 0. */
uint64_t volume_rotation_due(const VolumeRotation *rotation, uint64_t n_volumes, int64_t now,
                             int64_t bound);

/* Volumes up to @uid were looked at; 0: up to the last. */
void volume_rotation_step(VolumeRotation *rotation, uint32_t uid, int64_t now, int64_t bound);

/* Everything was looked at. */
void volume_rotation_reset(VolumeRotation *rotation, int64_t now);
