/* What may be done on which side. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "sync/direction.h"

#define BIT(deed)  (1u << (deed))
#define EVERYTHING (BIT(_DEED_MAX) - 1)
#define NOTHING    0u

/* A subscription takes nothing away; a mailbox that is renamed keeps all that is in it. */
static const unsigned allowed[_DIRECTION_MAX][_SIDE_MAX] = {
        [DIRECTION_BOTH] = {[SIDE_REMOTE] = EVERYTHING, [SIDE_LOCAL] = EVERYTHING             },
        [DIRECTION_PULL] = {[SIDE_REMOTE] = NOTHING,    [SIDE_LOCAL] = EVERYTHING             },
        [DIRECTION_PUSH] = {[SIDE_REMOTE] = EVERYTHING, [SIDE_LOCAL] = NOTHING                },
        [DIRECTION_ARCHIVE] = {[SIDE_REMOTE] = NOTHING,
                            [SIDE_LOCAL] = EVERYTHING & ~(BIT(DEED_DELETE) | BIT(DEED_REMOVE))},
};

static const char *const names[_DIRECTION_MAX] = {
        [DIRECTION_BOTH] = "both",
        [DIRECTION_PULL] = "pull",
        [DIRECTION_PUSH] = "push",
        [DIRECTION_ARCHIVE] = "archive",
};

bool direction_allows(Direction direction, Side side, Deed deed) {
        return allowed[direction][side] & BIT(deed);
}

bool direction_allows_move(Direction from, Direction to, Side side) {
        if (!direction_allows(to, side, DEED_ADD))
                return false;
        if (direction_allows(from, side, DEED_DELETE))
                return true;
        return direction_allows(from, side, DEED_ADD) && !direction_allows(to, side, DEED_DELETE);
}

const char *direction_name(Direction direction) {
        return names[direction];
}

int direction_parse(const char *word, Direction *ret_direction) {
        for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(names[i], word) == 0) {
                        *ret_direction = (Direction) i;
                        return 0;
                }
        return -EINVAL;
}
