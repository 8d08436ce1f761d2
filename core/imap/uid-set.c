/* UID sets: sorted, disjoint, merged ranges, so that one binary search answers any question. */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/macro.h"
#include "imap/uid-set.h"

#define RANGE_TEXT_MAX 21u /* "4294967294:4294967295" */

void uid_set_done(UidSet *set) {
        free(set->ranges);
        *set = UID_SET_NULL;
}

/* The first range that ends at @uid or behind it; n_ranges if there is none. */
static size_t find_end(const UidSet *set, uint32_t uid) {
        size_t low = 0, high = set->n_ranges;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (set->ranges[middle].last < uid)
                        low = middle + 1;
                else
                        high = middle;
        }

        return low;
}

/* The first range that begins behind @uid; n_ranges if there is none. */
static size_t find_begin(const UidSet *set, uint32_t uid) {
        size_t i = find_end(set, uid);

        return i < set->n_ranges && set->ranges[i].first <= uid ? i + 1 : i;
}

static int reserve(UidSet *set, size_t n_ranges) {
        size_t capacity = MAX(n_ranges, set->capacity * 2);
        UidRange *ranges;

        if (n_ranges <= set->capacity)
                return 0;

        ranges = reallocarray(set->ranges, capacity, sizeof(*ranges));
        if (!ranges)
                return -ENOMEM;
        set->ranges = ranges;
        set->capacity = capacity;
        return 0;
}

/* Put @n ranges in the place of those from @begin to before @end. */
static int replace(UidSet *set, size_t begin, size_t end, const UidRange *ranges, size_t n) {
        size_t n_behind = set->n_ranges - end;
        int r;

        r = reserve(set, begin + n + n_behind);
        if (r < 0)
                return r;

        if (n_behind > 0)
                memmove(set->ranges + begin + n, set->ranges + end, n_behind * sizeof(*ranges));
        if (n > 0)
                memcpy(set->ranges + begin, ranges, n * sizeof(*ranges));
        set->n_ranges = begin + n + n_behind;
        return 0;
}

int uid_set_add(UidSet *set, uint32_t first, uint32_t last) {
        UidRange range = {first, last};
        size_t begin, end;

        assert(first > 0 && first <= last);

        if (set->n_ranges == 0 || set->ranges[set->n_ranges - 1].last < first - 1)
                return replace(set, set->n_ranges, set->n_ranges, &range, 1);

        /* neighbours merge too: 4:5 and 6:7 are 4:7 */
        begin = find_end(set, first - 1);
        end = last < UID_MAX ? find_begin(set, last + 1) : set->n_ranges;
        if (begin < end) {
                range.first = MIN(first, set->ranges[begin].first);
                range.last = MAX(last, set->ranges[end - 1].last);
        }

        return replace(set, begin, end, &range, 1);
}

int uid_set_remove(UidSet *set, uint32_t first, uint32_t last) {
        UidRange left[2];
        size_t begin, end, n = 0;

        assert(first > 0 && first <= last);

        begin = find_end(set, first);
        end = find_begin(set, last);
        if (begin == end)
                return 0;

        if (set->ranges[begin].first < first)
                left[n++] = (UidRange){set->ranges[begin].first, first - 1};
        if (set->ranges[end - 1].last > last)
                left[n++] = (UidRange){last + 1, set->ranges[end - 1].last};

        return replace(set, begin, end, left, n);
}

static int parse_uid(ByteView text, uint32_t *ret_uid) {
        uint64_t uid;
        int r;

        r = bytes_to_u64(text, UID_MAX, &uid);
        if (r < 0)
                return r;
        if (uid == 0)
                return -EBADMSG;

        *ret_uid = (uint32_t) uid;
        return 0;
}

/* The order of the two ends has no meaning (RFC 9051 section 9, seq-range). */
static int parse_range(ByteView text, UidRange *ret_range) {
        const char *colon = text.size > 0 ? memchr(text.data, ':', text.size) : NULL;
        size_t n = colon ? (size_t) (colon - text.data) : text.size;
        uint32_t a, b;
        int r;

        r = parse_uid((ByteView){text.data, n}, &a);
        if (r < 0)
                return r;

        b = a;
        if (colon) {
                r = parse_uid((ByteView){colon + 1, text.size - n - 1}, &b);
                if (r < 0)
                        return r;
        }

        *ret_range = (UidRange){MIN(a, b), MAX(a, b)};
        return 0;
}

int uid_set_parse(ByteView text, size_t max_ranges, UidSet *ret_set) {
        _cleanup_(uid_set_done) UidSet set = UID_SET_NULL;
        int r;

        for (;;) {
                const char *comma = text.size > 0 ? memchr(text.data, ',', text.size) : NULL;
                size_t n = comma ? (size_t) (comma - text.data) : text.size;
                UidRange range;

                r = parse_range((ByteView){text.data, n}, &range);
                if (r < 0)
                        return r;

                r = uid_set_add(&set, range.first, range.last);
                if (r < 0)
                        return r;
                if (set.n_ranges > max_ranges)
                        return -E2BIG;

                if (!comma)
                        break;
                text = (ByteView){comma + 1, text.size - n - 1};
        }

        *ret_set = set;
        set = UID_SET_NULL;
        return 0;
}

bool uid_set_contains(const UidSet *set, uint32_t uid) {
        size_t i = find_end(set, uid);

        return i < set->n_ranges && set->ranges[i].first <= uid;
}

uint64_t uid_set_count(const UidSet *set) {
        uint64_t count = 0;

        for (size_t i = 0; i < set->n_ranges; i++)
                count += (uint64_t) set->ranges[i].last - set->ranges[i].first + 1;

        return count;
}

int uid_set_format(const UidSet *set, size_t *index, size_t max, Buffer *out) {
        const size_t start = out->size;
        size_t i;
        int r;

        assert(max >= RANGE_TEXT_MAX);

        for (i = *index; i < set->n_ranges; i++) {
                const UidRange *range = &set->ranges[i];
                const char *comma = i > *index ? "," : "";
                char text[1 + RANGE_TEXT_MAX + 1];
                int n;

                if (range->first == range->last)
                        n = snprintf(text, sizeof(text), "%s%u", comma, range->first);
                else
                        n = snprintf(text, sizeof(text), "%s%u:%u", comma, range->first,
                                     range->last);
                if (out->size - start + (size_t) n > max)
                        break;

                r = buffer_append(out, text, (size_t) n);
                if (r < 0) {
                        out->size = start;
                        return r;
                }
        }

        *index = i;
        return 0;
}
