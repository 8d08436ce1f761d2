/* The state database: which messages are the same in several mailboxes of a side. */

#include "store/state-db-private.h"

int state_db_object_note(StateDb *db, int64_t mailbox, Side side, const BaseMessage *message) {
        if (!db->has_temporary)
                return 0;
        return db_run(db, SQL_OBJECT_NOTE, "iiii", mailbox, (int64_t) side,
                      (int64_t) message->uid[side], (int64_t) message->uid[SIDE_REMOTE]);
}

int state_db_object_elsewhere(StateDb *db, int64_t mailbox, uint32_t remote_uid, Side side,
                              int64_t after, int64_t *ret_mailbox) {
        int r;

        r = db_need_temporary(db);
        return r < 0 ? r
                     : db_integer(db, ret_mailbox, SQL_OBJECT_ELSEWHERE, "iiii", mailbox,
                                  (int64_t) remote_uid, after, (int64_t) side);
}

int state_db_twin_next(StateDb *db, int64_t mailbox, uint32_t after, ReplicaMessage *ret_message,
                       int64_t *ret_mailbox, uint32_t *ret_local_uid) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        if (!db->has_temporary)
                return STATE_DB_E_NONE;
        r = db_row(db, SQL_TWIN_NEXT, &statement, "ii", mailbox, (int64_t) after);
        if (r != 0)
                return r;

        *ret_message = (ReplicaMessage){
                .present = REPLICA_HAS_FLAGS,
                .uid = (uint32_t) sqlite3_column_int64(statement, 0),
                .flags = (MessageFlags) sqlite3_column_int64(statement, 1),
                .date = sqlite3_column_int64(statement, 2),
                .date_zone = sqlite3_column_int(statement, 3),
        };
        if (sqlite3_column_type(statement, 2) != SQLITE_NULL)
                ret_message->present |= REPLICA_HAS_DATE;
        *ret_mailbox = sqlite3_column_int64(statement, 4);
        *ret_local_uid = (uint32_t) sqlite3_column_int64(statement, 5);
        return 0;
}
