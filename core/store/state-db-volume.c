/* The state database: volumes, what the base knows of ranges of UIDs. */

#include <errno.h>

#include "store/state-db-private.h"

/* The statement of the remote side, or that of the local one. */
static Sql of_side(Side side, Sql remote, Sql local) {
        return side == SIDE_REMOTE ? remote : local;
}

int state_db_volume_next(StateDb *db, int64_t mailbox, Side side, uint32_t after, uint32_t n,
                         uint32_t *ret_last, uint64_t *ret_n) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_query(db, of_side(side, SQL_VOLUME_NEXT_REMOTE, SQL_VOLUME_NEXT_LOCAL), &statement,
                     "iii", mailbox, (int64_t) after, (int64_t) n);
        if (r < 0)
                return r;
        r = db_step(db, statement);
        if (r < 0)
                return r;

        *ret_last = (uint32_t) sqlite3_column_int64(statement, 0);
        *ret_n = (uint64_t) sqlite3_column_int64(statement, 1);
        return 0;
}

int state_db_volume_ranges(StateDb *db, int64_t mailbox, Side side, uint64_t max, uint64_t *ret_n) {
        return db_integer(db, (int64_t *) ret_n,
                          of_side(side, SQL_VOLUME_RANGES_REMOTE, SQL_VOLUME_RANGES_LOCAL), "ii",
                          mailbox, (int64_t) max);
}

int state_db_volume_count(StateDb *db, int64_t mailbox, Side side, UidRange range,
                          uint64_t *ret_n) {
        static const Sql others[] = {SQL_VOLUME_COUNT_PARKED, SQL_VOLUME_COUNT_UNKNOWN};
        int r;

        r = db_need_temporary(db);
        if (r < 0)
                return r;

        r = db_integer(db, (int64_t *) ret_n,
                       of_side(side, SQL_VOLUME_COUNT_REMOTE, SQL_VOLUME_COUNT_LOCAL), "iii",
                       mailbox, (int64_t) range.first, (int64_t) range.last);
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(others); i++) {
                int64_t n = 0;

                r = db_integer(db, &n, others[i], "iiii", mailbox, (int64_t) range.first,
                               (int64_t) range.last, (int64_t) side);
                *ret_n += (uint64_t) n;
        }
        return r;
}

int state_db_volume_newest(StateDb *db, int64_t mailbox, Side side, uint32_t last, uint32_t n,
                           uint32_t *ret_first) {
        int64_t first;
        int r;

        r = db_integer(db, &first, of_side(side, SQL_VOLUME_NEWEST_REMOTE, SQL_VOLUME_NEWEST_LOCAL),
                       "iii", mailbox, (int64_t) last, (int64_t) n);
        if (r == 0)
                *ret_first = (uint32_t) first;
        return r;
}

/* The rows of a statement over a range, by bit. Takes the statement over. */
static int count_flags(StateDb *db, sqlite3_stmt *borrowed, uint64_t counts[64]) {
        _cleanup_reset_ sqlite3_stmt *statement = borrowed;
        int r;

        while ((r = db_step(db, statement)) > 0)
                for (uint64_t flags = (uint64_t) sqlite3_column_int64(statement, 0); flags != 0;
                     flags &= flags - 1)
                        counts[__builtin_ctzll(flags)]++;
        return r;
}

int state_db_volume_flags(StateDb *db, int64_t mailbox, Side side, UidRange range,
                          uint64_t ret_counts[64]) {
        sqlite3_stmt *statement;
        int r;

        memset(ret_counts, 0, 64 * sizeof(*ret_counts));
        r = db_query(db, of_side(side, SQL_VOLUME_FLAGS_REMOTE, SQL_VOLUME_FLAGS_LOCAL), &statement,
                     "iii", mailbox, (int64_t) range.first, (int64_t) range.last);
        return r < 0 ? r : count_flags(db, statement, ret_counts);
}

/* Those that are not in the base, and those of it that are gone. */
static int count_flags_beside(StateDb *db, int64_t mailbox, Side side, UidRange range,
                              uint64_t unknown[64], uint64_t gone[64]) {
        sqlite3_stmt *statement;
        int r;

        r = db_query(db, SQL_VOLUME_FLAGS_UNKNOWN, &statement, "iiii", mailbox,
                     (int64_t) range.first, (int64_t) range.last, (int64_t) side);
        if (r >= 0)
                r = count_flags(db, statement, unknown);
        if (r >= 0)
                r = db_query(
                        db,
                        of_side(side, SQL_VOLUME_FLAGS_GONE_REMOTE, SQL_VOLUME_FLAGS_GONE_LOCAL),
                        &statement, "iii", mailbox, (int64_t) range.first, (int64_t) range.last);
        return r < 0 ? r : count_flags(db, statement, gone);
}

int state_db_volume_flag(StateDb *db, int64_t mailbox, Side side, UidRange range, MessageFlags flag,
                         uint64_t *ret_n) {
        uint64_t base[64] = {0}, unknown[64] = {0}, gone[64] = {0};
        const int bit = __builtin_ctzll(flag);
        int r;

        r = db_need_temporary(db);
        if (r >= 0)
                r = state_db_volume_flags(db, mailbox, side, range, base);
        if (r >= 0)
                r = count_flags_beside(db, mailbox, side, range, unknown, gone);
        if (r < 0)
                return r;
        *ret_n = base[bit] + unknown[bit] - MIN(gone[bit], base[bit]);
        return 0;
}

int state_db_volume_differs(StateDb *db, int64_t mailbox, Side side, UidRange range,
                            MessageFlags flag, bool has, BaseMessage *ret_message) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_need_temporary(db);
        if (r >= 0)
                r = db_row(db, of_side(side, SQL_VOLUME_DIFFERS_REMOTE, SQL_VOLUME_DIFFERS_LOCAL),
                           &statement, "iiiii", mailbox, (int64_t) range.first,
                           (int64_t) range.last, (int64_t) flag, (int64_t) has);
        if (r != 0)
                return r;

        *ret_message = db_column_message(statement);
        return 0;
}

int state_db_rotation_get(StateDb *db, int64_t mailbox, Side side, VolumeRotation *ret_rotation) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_query(db, SQL_ROTATION_GET, &statement, "ii", mailbox, (int64_t) side);
        if (r < 0)
                return r;
        r = db_step(db, statement);
        if (r < 0)
                return r;

        *ret_rotation = (VolumeRotation){0};
        if (r > 0)
                *ret_rotation = (VolumeRotation){
                        .uid = (uint32_t) sqlite3_column_int64(statement, 0),
                        .begun = sqlite3_column_int64(statement, 1),
                        .complete = sqlite3_column_int64(statement, 2),
                        .last = sqlite3_column_int64(statement, 3),
                };
        return 0;
}

int state_db_rotation_set(StateDb *db, int64_t mailbox, Side side, const VolumeRotation *rotation) {
        return db_run(db, SQL_ROTATION_SET, "iiiiii", mailbox, (int64_t) side,
                      (int64_t) rotation->uid, rotation->begun, rotation->complete, rotation->last);
}
