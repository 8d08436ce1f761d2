#pragma once

/*
 * UID sets
 *
 * A set of UIDs as IMAP writes it: "4,7:9,12" (RFC 9051 sequence-set, RFC 7162 known-uids). Ranges
 * are kept sorted, disjoint and merged. A set never holds "*": which UID that is depends on the
 * selected mailbox, so the caller resolves it before it gets here.
 *
 * Functions return 0 on success, -EBADMSG for malformed text, -E2BIG past the given limit and
 * -ENOMEM. A set that failed to change is unchanged.
 */

#include "base/bytes.h"

#define UID_MAX UINT32_MAX

typedef struct UidRange {
        uint32_t first;
        uint32_t last; /* inclusive, 0 < first <= last */
} UidRange;

typedef struct UidSet {
        UidRange *ranges; /* owned */
        size_t n_ranges;
        size_t capacity;
} UidSet;

#define UID_SET_NULL ((UidSet){0})

void uid_set_done(UidSet *set);

/* Adding at or after the end, the usual case, costs nothing but the new range; elsewhere it is
 * O(log ranges) to find and O(ranges) to move. A removal may split a range. 0 < first <= last. */
int uid_set_add(UidSet *set, uint32_t first, uint32_t last);
int uid_set_remove(UidSet *set, uint32_t first, uint32_t last);
int uid_set_parse(ByteView text, size_t max_ranges, UidSet *ret_set);

bool uid_set_contains(const UidSet *set, uint32_t uid);

/* How many UIDs the set holds. */
uint64_t uid_set_count(const UidSet *set);

static inline bool uid_set_is_empty(const UidSet *set) {
        return set->n_ranges == 0;
}

/**
 * uid_set_format() - write ranges as IMAP text, as many as fit
 * @set:   what to write
 * @index: the range to begin with; on return, the first one that was not written
 * @max:   at most this many bytes are appended; at least 21, so that one range always fits
 * @out:   appended to
 *
 * RFC 7162 section 4 asks for command lines of 8192 octets at most, so a large set becomes several
 * commands: call until *@index == set->n_ranges.
 *
 * Return: 0, -ENOMEM, or -E2BIG from the buffer's own limit.
 */
int uid_set_format(const UidSet *set, size_t *index, size_t max, Buffer *out);
