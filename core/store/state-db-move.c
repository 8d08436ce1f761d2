/* The state database: what is gone in one mailbox and new in another. */

#include <errno.h>

#include "store/state-db-private.h"

int state_db_lost_next(StateDb *db, int64_t mailbox, Side side, uint32_t after,
                       BaseMessage *ret_message) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        if (!db->has_temporary)
                return STATE_DB_E_NONE;
        r = db_row(db, SQL_LOST_NEXT, &statement, "iii", mailbox, (int64_t) side, (int64_t) after);
        if (r != 0)
                return r;

        *ret_message = db_column_message(statement);
        return 0;
}

int state_db_lost_set_object(StateDb *db, int64_t mailbox, Side side, uint32_t remote_uid,
                             ByteView object) {
        return db_run(db, SQL_CHANGE_OBJECT, "iiib", mailbox, (int64_t) side, (int64_t) remote_uid,
                      object);
}

int state_db_move_next(StateDb *db, const MoveSearch *search, uint32_t after,
                       BaseMessage *ret_message, uint32_t *ret_uid) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        if (!db->has_temporary)
                return STATE_DB_E_NONE;
        r = db_row(db, search->by_object ? SQL_MOVE_BY_OBJECT : SQL_MOVE_BY_IDENTITY, &statement,
                   "iiii", search->source, (int64_t) search->side, (int64_t) after, search->target);
        if (r != 0)
                return r;

        *ret_message = db_column_message(statement);
        *ret_uid = (uint32_t) sqlite3_column_int64(statement, 4);
        return 0;
}

int state_db_moved_add(StateDb *db, int64_t mailbox, Side side, uint32_t uid, MessageFlags flags) {
        return db_run(db, SQL_MOVED_ADD, "iiii", mailbox, (int64_t) side, (int64_t) uid,
                      (int64_t) flags);
}

int state_db_moved_find(StateDb *db, int64_t mailbox, Side side, uint32_t uid,
                        MessageFlags *ret_flags) {
        int64_t flags;
        int r;

        r = db_integer(db, &flags, SQL_MOVED_FIND, "iii", mailbox, (int64_t) side, (int64_t) uid);
        if (r == 0)
                *ret_flags = (MessageFlags) flags;
        return r;
}

int state_db_moved_remove(StateDb *db, int64_t mailbox, Side side, uint32_t uid) {
        return db_run(db, SQL_MOVED_REMOVE, "iii", mailbox, (int64_t) side, (int64_t) uid);
}

int state_db_moved_remove_side(StateDb *db, int64_t mailbox, Side side) {
        return db_run(db, SQL_MOVED_FORGET_SIDE, "ii", mailbox, (int64_t) side);
}

int state_db_moved_remove_all(StateDb *db, int64_t mailbox) {
        return db_run(db, SQL_MOVED_FORGET, "i", mailbox);
}

int state_db_moved_any(StateDb *db, int64_t mailbox, bool *ret_any) {
        int64_t any;
        int r;

        r = db_integer(db, &any, SQL_MOVED_ANY, "i", mailbox);
        if (r == 0)
                *ret_any = any != 0;
        return r;
}
