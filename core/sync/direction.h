#pragma once

/*
 * The direction of a mailbox: what may be done on which side (pure)
 *
 * What a direction forbids on a side is never asked of it, and what that leaves different on the two sides is
 * written down as such: a message that only one side has is parked there, flags that differ are in the base
 * of each side. So it is no change any more when another direction holds, and nothing is made up for later.
 */

#include <stdbool.h>

#include "sync/replica.h"

typedef enum Direction {
        DIRECTION_BOTH,
        DIRECTION_PULL,    /* nothing is changed on the remote side */
        DIRECTION_PUSH,    /* nothing is changed on the local side */
        DIRECTION_ARCHIVE, /* as pull, and nothing is deleted on the local side */
        _DIRECTION_MAX,
} Direction;

/* What is done on a side so that it becomes as the other one is. */
typedef enum Deed {
        DEED_ADD,       /* a message */
        DEED_FLAGS,     /* change those of a message */
        DEED_DELETE,    /* a message */
        DEED_MAKE,      /* the mailbox */
        DEED_RENAME,    /* it */
        DEED_REMOVE,    /* it */
        DEED_SUBSCRIBE, /* to it, or not any more */
        _DEED_MAX,
} Deed;

bool direction_allows(Direction direction, Side side, Deed deed);

/* From a mailbox to another one on a side? What is kept in an archive may go to another archive. */
bool direction_allows_move(Direction from, Direction to, Side side);

/* "both", "pull", "push", "archive". */
const char *direction_name(Direction direction);

/* Return: 0, or -EINVAL if it is none of the words. */
int direction_parse(const char *word, Direction *ret_direction);
