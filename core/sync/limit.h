#pragma once

/*
 * What is to be here of a mailbox: messages up to an age, or the newest so many (pure)
 *
 * What is beyond that stays on the remote side alone, and nothing is said to that side of it. What is here
 * already stays as long as somebody may want it: unread, flagged, a draft, or changed on a side and not yet
 * agreed on (state_db_old() and state_db_surplus() find the others).
 */

#include <stdint.h>

/* Messages dated before this are too old (seconds since 1970; 0: none is). It moves once a day, so that
 * they go together. @now: usec since 1970; @age: seconds, 0: no limit. */
int64_t limit_cutoff(int64_t now, uint64_t age);

/* The day, in which the cutoff does not move. */
int64_t limit_day(int64_t now);

/* How many messages of @n are too many; @count 0: no limit. */
uint64_t limit_excess(uint64_t n, uint64_t count);
