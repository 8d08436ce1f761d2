/* The state database: volumes, what the base knows of ranges of remote UIDs. */

#include <errno.h>

#include "store/state-db-private.h"

int state_db_volume_next(StateDb *db, int64_t mailbox, uint32_t after, uint32_t n,
                         uint32_t *ret_last, uint64_t *ret_n) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_query(db, SQL_VOLUME_NEXT, &statement, "iii", mailbox, (int64_t) after, (int64_t) n);
        if (r < 0)
                return r;
        r = db_step(db, statement);
        if (r < 0)
                return r;

        *ret_last = (uint32_t) sqlite3_column_int64(statement, 0);
        *ret_n = (uint64_t) sqlite3_column_int64(statement, 1);
        return 0;
}

int state_db_volume_ranges(StateDb *db, int64_t mailbox, uint64_t max, uint64_t *ret_n) {
        return db_integer(db, (int64_t *) ret_n, SQL_VOLUME_RANGES, "ii", mailbox, (int64_t) max);
}

int state_db_volume_count(StateDb *db, int64_t mailbox, UidRange range, uint64_t *ret_n) {
        static const Sql all[] = {SQL_VOLUME_COUNT, SQL_VOLUME_COUNT_PARKED,
                                  SQL_VOLUME_COUNT_UNKNOWN};
        int r;

        r = db_need_temporary(db);
        if (r < 0)
                return r;

        *ret_n = 0;
        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                int64_t n;

                r = db_integer(db, &n, all[i], "iii", mailbox, (int64_t) range.first,
                               (int64_t) range.last);
                if (r < 0)
                        return r;
                *ret_n += (uint64_t) n;
        }
        return 0;
}

int state_db_volume_newest(StateDb *db, int64_t mailbox, uint32_t last, uint32_t n,
                           uint32_t *ret_first) {
        int64_t first;
        int r;

        r = db_integer(db, &first, SQL_VOLUME_NEWEST, "iii", mailbox, (int64_t) last, (int64_t) n);
        if (r == 0)
                *ret_first = (uint32_t) first;
        return r;
}

static int count_flags(StateDb *db, Sql sql, int64_t mailbox, UidRange range, uint64_t counts[64]) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_query(db, sql, &statement, "iii", mailbox, (int64_t) range.first,
                     (int64_t) range.last);
        if (r < 0)
                return r;

        while ((r = db_step(db, statement)) > 0)
                for (uint64_t flags = (uint64_t) sqlite3_column_int64(statement, 0); flags != 0;
                     flags &= flags - 1)
                        counts[__builtin_ctzll(flags)]++;
        return r;
}

int state_db_volume_flags(StateDb *db, int64_t mailbox, UidRange range, uint64_t ret_counts[64]) {
        memset(ret_counts, 0, 64 * sizeof(*ret_counts));
        return count_flags(db, SQL_VOLUME_FLAGS, mailbox, range, ret_counts);
}

int state_db_volume_flag(StateDb *db, int64_t mailbox, UidRange range, MessageFlags flag,
                         uint64_t *ret_n) {
        static const Sql all[] = {SQL_VOLUME_FLAGS, SQL_VOLUME_FLAGS_UNKNOWN,
                                  SQL_VOLUME_FLAGS_GONE};
        uint64_t n[ARRAY_SIZE(all)];
        int r;

        r = db_need_temporary(db);
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(all); i++) {
                uint64_t counts[64] = {0};

                r = count_flags(db, all[i], mailbox, range, counts);
                n[i] = counts[__builtin_ctzll(flag)];
        }
        if (r < 0)
                return r;
        *ret_n = n[0] + n[1] - MIN(n[2], n[0]);
        return 0;
}

int state_db_volume_differs(StateDb *db, int64_t mailbox, UidRange range, MessageFlags flag,
                            bool has, BaseMessage *ret_message) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_need_temporary(db);
        if (r >= 0)
                r = db_row(db, SQL_VOLUME_DIFFERS, &statement, "iiiii", mailbox,
                           (int64_t) range.first, (int64_t) range.last, (int64_t) flag,
                           (int64_t) has);
        if (r != 0)
                return r;

        *ret_message = db_column_message(statement);
        return 0;
}

int state_db_rotation_get(StateDb *db, int64_t mailbox, VolumeRotation *ret_rotation) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_query(db, SQL_ROTATION_GET, &statement, "i", mailbox);
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

int state_db_rotation_set(StateDb *db, int64_t mailbox, const VolumeRotation *rotation) {
        return db_run(db, SQL_ROTATION_SET, "iiiii", mailbox, (int64_t) rotation->uid,
                      rotation->begun, rotation->complete, rotation->last);
}
