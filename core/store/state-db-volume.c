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
