/* The state database: what one run has found out, in temporary tables. */

#include <errno.h>

#include "store/state-db-private.h"

int state_db_change_put(StateDb *db, int64_t mailbox, Side side, uint32_t remote_uid, bool gone,
                        MessageFlags flags) {
        int r;

        r = db_need_temporary(db);
        if (r < 0)
                return r;
        return db_run(db, SQL_CHANGE_PUT, "iiiii", mailbox, (int64_t) side, (int64_t) remote_uid,
                      (int64_t) gone, (int64_t) flags);
}

int state_db_change_flags(StateDb *db, int64_t mailbox, Side side, uint32_t remote_uid,
                          MessageFlags *ret_flags) {
        if (!db->has_temporary)
                return STATE_DB_E_NONE;
        return db_integer(db, (int64_t *) ret_flags, SQL_CHANGE_FLAGS, "iii", mailbox,
                          (int64_t) side, (int64_t) remote_uid);
}

int state_db_change_drop(StateDb *db, int64_t mailbox, Side side, uint32_t remote_uid) {
        if (!db->has_temporary)
                return 0;
        return db_run(db, SQL_CHANGE_DROP, "iii", mailbox, (int64_t) side, (int64_t) remote_uid);
}

int state_db_change_put_gone(StateDb *db, int64_t mailbox, Side side, uint32_t first, uint32_t last,
                             bool late) {
        int r;

        r = db_need_temporary(db);
        if (r < 0)
                return r;
        return db_run(db, side == SIDE_REMOTE ? SQL_CHANGE_GONE_REMOTE : SQL_CHANGE_GONE_LOCAL,
                      "iiii", mailbox, (int64_t) first, (int64_t) last, (int64_t) (late ? 2 : 1));
}

int state_db_change_put_unlisted(StateDb *db, int64_t mailbox, Side side) {
        int r;

        r = db_need_temporary(db);
        if (r < 0)
                return r;
        return db_run(db,
                      side == SIDE_REMOTE ? SQL_CHANGE_UNLISTED_REMOTE : SQL_CHANGE_UNLISTED_LOCAL,
                      "i", mailbox);
}

static int count_gone(StateDb *db, int64_t mailbox, Side side, int64_t gone, uint64_t *ret_n) {
        *ret_n = 0;
        if (!db->has_temporary)
                return 0;
        return db_integer(db, (int64_t *) ret_n, SQL_CHANGE_COUNT_GONE, "iii", mailbox,
                          (int64_t) side, gone);
}

int state_db_change_count_gone(StateDb *db, int64_t mailbox, Side side, uint64_t *ret_n) {
        return count_gone(db, mailbox, side, 1, ret_n);
}

int state_db_change_count_late(StateDb *db, int64_t mailbox, Side side, uint64_t *ret_n) {
        return count_gone(db, mailbox, side, 2, ret_n);
}

/* One side of a row of CHANGE_NEXT: its columns are NULL where it has nothing to say. */
static void column_change(sqlite3_stmt *statement, int column, Side side, ChangedMessage *message) {
        message->has[side] = sqlite3_column_type(statement, column) != SQLITE_NULL;
        message->gone[side] = sqlite3_column_int(statement, column) != 0;
        message->late |= sqlite3_column_int(statement, column) == 2;
        message->flags[side] = message->has[side]
                                       ? (MessageFlags) sqlite3_column_int64(statement, column + 1)
                                       : base_flags(&message->base, side);
}

int state_db_change_next(StateDb *db, int64_t mailbox, uint32_t after,
                         ChangedMessage *ret_message) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        if (!db->has_temporary)
                return STATE_DB_E_NONE;
        r = db_row(db, SQL_CHANGE_NEXT, &statement, "ii", mailbox, (int64_t) after);
        if (r != 0)
                return r;

        *ret_message = (ChangedMessage){
                .base.uid[SIDE_REMOTE] = (uint32_t) sqlite3_column_int64(statement, 0),
                .base.uid[SIDE_LOCAL] = (uint32_t) sqlite3_column_int64(statement, 1),
                .base.flags = (MessageFlags) sqlite3_column_int64(statement, 2),
                .base.apart = (MessageFlags) sqlite3_column_int64(statement, 3),
        };
        column_change(statement, 4, SIDE_REMOTE, ret_message);
        column_change(statement, 6, SIDE_LOCAL, ret_message);
        return 0;
}

int state_db_listed_put(StateDb *db, int64_t mailbox, Side side, uint32_t uid) {
        int r;

        r = db_need_temporary(db);
        if (r < 0)
                return r;
        return db_run(db, SQL_LISTED_PUT, "iii", mailbox, (int64_t) side, (int64_t) uid);
}

int state_db_listed_clear(StateDb *db, int64_t mailbox, Side side) {
        if (!db->has_temporary)
                return 0;
        return db_run(db, SQL_LISTED_CLEAR_SIDE, "ii", mailbox, (int64_t) side);
}

int state_db_parked_unlisted(StateDb *db, int64_t mailbox, Side side, UidSet *uids) {
        sqlite3_stmt *statement;
        int r;

        r = db_need_temporary(db);
        if (r >= 0)
                r = db_query(db, SQL_PARKED_UNLISTED, &statement, "ii", mailbox, (int64_t) side);
        return r < 0 ? r : db_collect_uids(db, statement, uids);
}

int state_db_unknown_put(StateDb *db, int64_t mailbox, Side side, const ReplicaMessage *message) {
        const bool has_date = message->present & REPLICA_HAS_DATE;
        const bool has_size = message->present & REPLICA_HAS_SIZE;
        const bool has_id = message->present & REPLICA_HAS_MESSAGE_ID;
        int r;

        r = db_need_temporary(db);
        if (r < 0)
                return r;
        db->has_unknown = true;

        if (has_date && has_size && has_id)
                r = db_run(db, SQL_UNKNOWN_PUT, "iiiiiiibi", mailbox, (int64_t) side,
                           (int64_t) message->uid, (int64_t) message->flags, message->date,
                           (int64_t) message->date_zone, (int64_t) message->size,
                           message->message_id,
                           (int64_t) ((message->present & REPLICA_HAS_FLAGS) != 0));

        else if (has_date && has_id)
                r = db_run(db, SQL_UNKNOWN_PUT, "iiiiiinbi", mailbox, (int64_t) side,
                           (int64_t) message->uid, (int64_t) message->flags, message->date,
                           (int64_t) message->date_zone, message->message_id,
                           (int64_t) ((message->present & REPLICA_HAS_FLAGS) != 0));
        else
                r = db_run(db, SQL_UNKNOWN_PUT, "iiiinnnni", mailbox, (int64_t) side,
                           (int64_t) message->uid, (int64_t) message->flags,
                           (int64_t) ((message->present & REPLICA_HAS_FLAGS) != 0));
        if (r < 0 || !(message->present & REPLICA_HAS_OBJECT))
                return r;

        return db_run(db, SQL_UNKNOWN_OBJECT, "iiib", mailbox, (int64_t) side,
                      (int64_t) message->uid, message->object);
}

int state_db_unknown_remove(StateDb *db, int64_t mailbox, Side side, uint32_t uid) {
        return state_db_unknown_remove_range(db, mailbox, side, uid, uid);
}

int state_db_unknown_remove_range(StateDb *db, int64_t mailbox, Side side, uint32_t first,
                                  uint32_t last) {
        if (!db->has_unknown)
                return 0;
        return db_run(db, SQL_UNKNOWN_REMOVE, "iiii", mailbox, (int64_t) side, (int64_t) first,
                      (int64_t) last);
}

int state_db_unknown_remove_unlisted(StateDb *db, int64_t mailbox, Side side) {
        if (!db->has_unknown)
                return 0;
        return db_run(db, SQL_UNKNOWN_REMOVE_UNLISTED, "ii", mailbox, (int64_t) side);
}

int state_db_unknown_add_gone(StateDb *db, int64_t mailbox, Side side) {
        if (!db->has_temporary)
                return 0;
        db->has_unknown = true;
        return db_run(db, SQL_UNKNOWN_ADD_GONE, "ii", mailbox, (int64_t) side);
}

int state_db_unknown_remove_known(StateDb *db, int64_t mailbox) {
        int r;

        if (!db->has_unknown)
                return 0;
        r = db_run(db, SQL_UNKNOWN_REMOVE_KNOWN, "i", mailbox);
        return r < 0 ? r : db_run(db, SQL_UNKNOWN_REMOVE_KNOWN_REMOTE, "i", mailbox);
}

int state_db_unknown_forget_sizes(StateDb *db, int64_t mailbox) {
        if (!db->has_unknown)
                return 0;
        return db_run(db, SQL_UNKNOWN_FORGET_SIZES, "i", mailbox);
}

int state_db_unknown_count(StateDb *db, int64_t mailbox, Side side, uint64_t *ret_n) {
        *ret_n = 0;
        if (!db->has_unknown)
                return 0;
        return db_integer(db, (int64_t *) ret_n, SQL_UNKNOWN_COUNT, "ii", mailbox, (int64_t) side);
}

/* Collect the UIDs of a statement over side, after, max. */
static int collect_unknown(StateDb *db, Sql sql, int64_t mailbox, Side side, uint32_t after,
                           size_t max, UidSet *uids) {
        sqlite3_stmt *statement;
        int r;

        if (!db->has_unknown)
                return 0;
        r = db_query(db, sql, &statement, "iiii", mailbox, (int64_t) side, (int64_t) after,
                     (int64_t) max);
        return r < 0 ? r : db_collect_uids(db, statement, uids);
}

int state_db_unknown_uids(StateDb *db, int64_t mailbox, Side side, uint32_t after, size_t max,
                          UidSet *uids) {
        return collect_unknown(db, SQL_UNKNOWN_UIDS, mailbox, side, after, max, uids);
}

int state_db_unknown_newest(StateDb *db, int64_t mailbox, Side side, size_t max, UidSet *uids) {
        return collect_unknown(db, SQL_UNKNOWN_NEWEST, mailbox, side, 0, max, uids);
}

int state_db_unidentified(StateDb *db, int64_t mailbox, Side side, uint32_t after, size_t max,
                          UidSet *uids) {
        return collect_unknown(db, SQL_UNIDENTIFIED, mailbox, side, after, max, uids);
}

int state_db_unknown_get(StateDb *db, int64_t mailbox, Side side, uint32_t uid,
                         ReplicaMessage *ret_message) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        if (!db->has_unknown)
                return STATE_DB_E_NONE;
        r = db_row(db, SQL_UNKNOWN_GET, &statement, "iii", mailbox, (int64_t) side, (int64_t) uid);
        if (r != 0)
                return r;

        *ret_message = (ReplicaMessage){
                .present = REPLICA_HAS_FLAGS,
                .uid = uid,
                .flags = (MessageFlags) sqlite3_column_int64(statement, 0),
        };
        if (sqlite3_column_type(statement, 1) != SQLITE_NULL) {
                ret_message->present |= REPLICA_HAS_DATE | REPLICA_HAS_SIZE;
                ret_message->date = sqlite3_column_int64(statement, 1);
                ret_message->date_zone = sqlite3_column_int(statement, 2);
                ret_message->size = (uint64_t) sqlite3_column_int64(statement, 3);
        }
        return 0;
}

int state_db_unknown_try(StateDb *db, int64_t mailbox, Side side, uint32_t uid, unsigned *ret_n) {
        int64_t n;
        int r;

        r = db_need_temporary(db);
        if (r >= 0)
                r = db_integer(db, &n, SQL_UNKNOWN_TRY, "iii", mailbox, (int64_t) side,
                               (int64_t) uid);
        if (r == 0)
                *ret_n = (unsigned) n;
        return r;
}

int state_db_unknown_set_digest(StateDb *db, int64_t mailbox, Side side, uint32_t uid,
                                ByteView digest) {
        return db_run(db, SQL_UNKNOWN_DIGEST, "iiib", mailbox, (int64_t) side, (int64_t) uid,
                      digest);
}

int state_db_pair_next(StateDb *db, int64_t mailbox, PairRung rung, uint32_t after,
                       BaseMessage *ret_pair, MessageFlags ret_flags[_SIDE_MAX]) {
        static const Sql rungs[] = {
                [PAIR_MESSAGE_ID] = SQL_PAIR_BY_MESSAGE_ID,
                [PAIR_DATE] = SQL_PAIR_BY_DATE,
                [PAIR_DIGEST_NEW] = SQL_PAIR_BY_DIGEST_NEW,
                [PAIR_DIGEST] = SQL_PAIR_BY_DIGEST,
        };
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        if (!db->has_temporary)
                return STATE_DB_E_NONE;
        r = db_row(db, rungs[rung], &statement, "ii", mailbox, (int64_t) after);
        if (r != 0)
                return r;

        *ret_pair = (BaseMessage){
                .uid[SIDE_REMOTE] = (uint32_t) sqlite3_column_int64(statement, 0),
                .uid[SIDE_LOCAL] = (uint32_t) sqlite3_column_int64(statement, 1),
        };
        ret_flags[SIDE_REMOTE] = (MessageFlags) sqlite3_column_int64(statement, 2);
        ret_flags[SIDE_LOCAL] = (MessageFlags) sqlite3_column_int64(statement, 3);
        return 0;
}

int state_db_doubtful_next(StateDb *db, int64_t mailbox, Side side, uint32_t after,
                           uint32_t *ret_uid) {
        int64_t uid;
        int r;

        if (!db->has_temporary)
                return STATE_DB_E_NONE;
        r = db_integer(db, &uid, SQL_DOUBTFUL_NEXT, "iii", mailbox, (int64_t) side,
                       (int64_t) after);
        if (r == 0)
                *ret_uid = (uint32_t) uid;
        return r;
}

int state_db_run_clear(StateDb *db, int64_t mailbox) {
        static const Sql all[] = {SQL_CHANGE_CLEAR, SQL_LISTED_CLEAR, SQL_UNKNOWN_CLEAR};

        if (!db->has_temporary)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                int r = db_run(db, all[i], "i", mailbox);

                if (r < 0)
                        return r;
        }
        return 0;
}
