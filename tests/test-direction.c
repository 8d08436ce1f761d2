/* The table of directions, whole, and its laws. */

#include <errno.h>

#include "base/macro.h"
#include "sync/direction.h"
#include "test.h"

static void test_table(void) {
        /* a letter a deed: add, flags, delete, make, rename, remove, subscribe; "-": it is not allowed */
        static const struct {
                const char *name, *remote, *local;
        } rows[_DIRECTION_MAX] = {
                {"both",    "afdmrxs", "afdmrxs"},
                {"pull",    "-------", "afdmrxs"},
                {"push",    "afdmrxs", "-------"},
                {"archive", "-------", "af-mr-s"},
        };

        for (unsigned i = 0; i < _DIRECTION_MAX; i++)
                for (Deed deed = 0; deed < _DEED_MAX; deed++) {
                        const Direction direction = (Direction) i;

                        TEST_ROW(rows[i].name, direction_allows(direction, SIDE_REMOTE, deed) ==
                                                       (rows[i].remote[deed] != '-'));
                        TEST_ROW(rows[i].name, direction_allows(direction, SIDE_LOCAL, deed) ==
                                                       (rows[i].local[deed] != '-'));
                }
}

static void test_moves(void) {
        static const struct {
                Direction from, to;
                bool remote, local;
        } rows[] = {
                {DIRECTION_BOTH,    DIRECTION_BOTH,    true,  true },
                {DIRECTION_BOTH,    DIRECTION_PULL,    false, true },
                {DIRECTION_BOTH,    DIRECTION_PUSH,    true,  false},
                {DIRECTION_BOTH,    DIRECTION_ARCHIVE, false, true },
                {DIRECTION_PULL,    DIRECTION_PULL,    false, true },
                {DIRECTION_PULL,    DIRECTION_PUSH,    false, false},
                {DIRECTION_PUSH,    DIRECTION_PUSH,    true,  false},
                {DIRECTION_ARCHIVE, DIRECTION_ARCHIVE, false, true },
                {DIRECTION_ARCHIVE, DIRECTION_PULL,    false, false},
                {DIRECTION_ARCHIVE, DIRECTION_BOTH,    false, false},
                {DIRECTION_PULL,    DIRECTION_ARCHIVE, false, true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *label = direction_name(rows[i].from);

                TEST_ROW(label, direction_allows_move(rows[i].from, rows[i].to, SIDE_REMOTE) ==
                                        rows[i].remote);
                TEST_ROW(label, direction_allows_move(rows[i].from, rows[i].to, SIDE_LOCAL) ==
                                        rows[i].local);
        }
}

/* A move adds and takes away; what one of the two mailboxes forbids it does not get around. */
static void test_move_law(void) {
        for (unsigned n = 0; n < _DIRECTION_MAX * _DIRECTION_MAX; n++)
                for (Side side = 0; side < _SIDE_MAX; side++) {
                        const Direction from = (Direction) (n % _DIRECTION_MAX);
                        const Direction to = (Direction) (n / _DIRECTION_MAX);
                        const char *label = direction_name(from);

                        if (!direction_allows_move(from, to, side))
                                continue;
                        TEST_ROW(label, direction_allows(to, side, DEED_ADD));
                        TEST_ROW(label, direction_allows(from, side, DEED_ADD));
                        TEST_ROW(label, direction_allows(from, side, DEED_DELETE) ||
                                                !direction_allows(to, side, DEED_DELETE));
                }
}

static void test_words(void) {
        Direction direction = DIRECTION_BOTH;

        for (unsigned i = 0; i < _DIRECTION_MAX; i++) {
                const char *name = direction_name((Direction) i);

                TEST_ROW(name, direction_parse(name, &direction) == 0 && direction == i);
        }
        assert(direction_parse("Pull", &direction) == -EINVAL);
        assert(direction_parse("", &direction) == -EINVAL);
}

int main(void) {
        test_table();
        test_moves();
        test_move_law();
        test_words();
        return 0;
}
