/* The state database: the base, a Maildir's files, intents, and what is parked. */

#include <errno.h>

#include "store/state-db-private.h"

BaseMessage db_column_message(sqlite3_stmt *statement) {
        return (BaseMessage){
                .uid[SIDE_REMOTE] = (uint32_t) sqlite3_column_int64(statement, 0),
                .uid[SIDE_LOCAL] = (uint32_t) sqlite3_column_int64(statement, 1),
                .flags = (MessageFlags) sqlite3_column_int64(statement, 2),
                .apart = (MessageFlags) sqlite3_column_int64(statement, 3),
        };
}

/* A second message of the same mailbox is not there: the next are new as well. */
static int learn_bound(StateDb *db, int64_t mailbox) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        MessageBound *bound = &db->bound;
        int r;

        if (bound->mailbox != mailbox) {
                *bound = (MessageBound){.mailbox = mailbox};
                return 0;
        }
        if (bound->is_known)
                return 0;
        r = db_row(db, SQL_MESSAGE_BOUND, &statement, "i", mailbox);
        if (r != 0)
                return r;
        bound->beyond[SIDE_REMOTE] = (uint64_t) sqlite3_column_int64(statement, 0) + 1;
        bound->beyond[SIDE_LOCAL] = (uint64_t) sqlite3_column_int64(statement, 1) + 1;
        bound->is_known = true;
        return 0;
}

static bool is_beyond(const MessageBound *bound, int64_t mailbox, Side side, uint32_t uid) {
        return bound->is_known && bound->mailbox == mailbox && uid >= bound->beyond[side];
}

static void widen(MessageBound *bound, int64_t mailbox, const BaseMessage *message) {
        for (Side side = 0; bound->mailbox == mailbox && side < _SIDE_MAX; side++)
                bound->beyond[side] = MAX(bound->beyond[side], message->uid[side] + 1ull);
}

int state_db_find(StateDb *db, int64_t mailbox, Side side, uint32_t uid, BaseMessage *ret_message) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        if (is_beyond(&db->bound, mailbox, side, uid))
                return STATE_DB_E_NONE;
        r = db_row(db, side == SIDE_REMOTE ? SQL_MESSAGE_BY_REMOTE : SQL_MESSAGE_BY_LOCAL,
                   &statement, "ii", mailbox, (int64_t) uid);
        if (r == STATE_DB_E_NONE) {
                r = learn_bound(db, mailbox);
                return r < 0 ? r : STATE_DB_E_NONE;
        }
        if (r != 0)
                return r;

        *ret_message = db_column_message(statement);
        return 0;
}

int state_db_next(StateDb *db, int64_t mailbox, uint32_t after, BaseMessage *ret_message) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_row(db, SQL_MESSAGE_NEXT, &statement, "ii", mailbox, (int64_t) after);
        if (r != 0)
                return r;
        *ret_message = db_column_message(statement);
        return 0;
}

int state_db_add(StateDb *db, int64_t mailbox, const BaseMessage *message) {
        widen(&db->bound, mailbox, message);
        return db_run(db, SQL_MESSAGE_ADD, "iiiii", mailbox, (int64_t) message->uid[SIDE_REMOTE],
                      (int64_t) message->uid[SIDE_LOCAL], (int64_t) message->flags,
                      (int64_t) message->apart);
}

int state_db_set_flags(StateDb *db, int64_t mailbox, uint32_t remote_uid, MessageFlags flags,
                       MessageFlags apart) {
        return db_run(db, SQL_MESSAGE_SET_FLAGS, "iiii", mailbox, (int64_t) remote_uid,
                      (int64_t) flags, (int64_t) apart);
}

int state_db_remove(StateDb *db, int64_t mailbox, uint32_t remote_uid) {
        int r;

        r = db_run(db, SQL_OBJECT_REMOVE, "ii", mailbox, (int64_t) remote_uid);
        return r < 0 ? r : db_run(db, SQL_MESSAGE_REMOVE, "ii", mailbox, (int64_t) remote_uid);
}

int state_db_uids_from(StateDb *db, int64_t mailbox, Side side, uint32_t first, UidSet *uids) {
        sqlite3_stmt *statement;
        int r;

        r = db_query(db, side == SIDE_REMOTE ? SQL_MESSAGE_FROM_REMOTE : SQL_MESSAGE_FROM_LOCAL,
                     &statement, "ii", mailbox, (int64_t) first);
        return r < 0 ? r : db_collect_uids(db, statement, uids);
}

int state_db_count_unseen(StateDb *db, int64_t mailbox, uint64_t *ret_n) {
        return db_integer(db, (int64_t *) ret_n, SQL_MESSAGE_UNSEEN, "i", mailbox);
}

int state_db_remove_all(StateDb *db, int64_t mailbox) {
        int r;

        r = db_run(db, SQL_OBJECT_REMOVE_ALL, "i", mailbox);
        return r < 0 ? r : db_run(db, SQL_MESSAGE_REMOVE_ALL, "i", mailbox);
}

int state_db_each(StateDb *db, int64_t mailbox,
                  int (*each)(const BaseMessage *message, void *userdata), void *userdata) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_query(db, SQL_MESSAGE_EACH, &statement, "i", mailbox);
        if (r < 0)
                return r;

        while ((r = db_step(db, statement)) > 0) {
                const BaseMessage message = db_column_message(statement);

                r = each(&message, userdata);
                if (r != 0)
                        return r;
        }
        return r;
}

int state_db_file_find(StateDb *db, int64_t mailbox, const char *name, uint32_t *ret_uid) {
        int64_t uid;
        int r;

        r = db_integer(db, &uid, SQL_FILE_FIND, "is", mailbox, name);
        if (r == 0)
                *ret_uid = (uint32_t) uid;
        return r;
}

int state_db_file_name(StateDb *db, int64_t mailbox, uint32_t uid, char **ret_name) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        char *name;
        int r;

        r = db_row(db, SQL_FILE_NAME, &statement, "ii", mailbox, (int64_t) uid);
        if (r != 0)
                return r;

        name = strdup((const char *) sqlite3_column_text(statement, 0));
        if (!name)
                return -ENOMEM;
        *ret_name = name;
        return 0;
}

int state_db_file_add(StateDb *db, int64_t mailbox, uint32_t uid, const char *name, uint64_t object,
                      bool unknown) {
        return db_run(db, SQL_FILE_ADD, "iisii", mailbox, (int64_t) uid, name, (int64_t) unknown,
                      (int64_t) object);
}

int state_db_file_object(StateDb *db, int64_t mailbox, uint32_t uid, uint64_t *ret_object) {
        int64_t object;
        int r;

        r = db_integer(db, &object, SQL_FILE_OBJECT, "ii", mailbox, (int64_t) uid);
        if (r == 0)
                *ret_object = (uint64_t) object;
        return r;
}

int state_db_file_set_known(StateDb *db, int64_t mailbox, uint32_t uid, bool known) {
        return db_run(db, SQL_FILE_SET_UNKNOWN, "iii", mailbox, (int64_t) uid, (int64_t) !known);
}

int state_db_file_set_all_unknown(StateDb *db, int64_t mailbox) {
        return db_run(db, SQL_FILE_ALL_UNKNOWN, "i", mailbox);
}

int state_db_file_remove(StateDb *db, int64_t mailbox, uint32_t uid) {
        return db_run(db, SQL_FILE_REMOVE, "ii", mailbox, (int64_t) uid);
}

/* Call @each with the two columns of every row: a number and a text. Takes the statement over. */
static int each_named(StateDb *db, sqlite3_stmt *borrowed,
                      int (*each)(uint32_t uid, const char *name, void *userdata), void *userdata) {
        _cleanup_reset_ sqlite3_stmt *statement = borrowed;
        int r;

        while ((r = db_step(db, statement)) > 0) {
                r = each((uint32_t) sqlite3_column_int64(statement, 0),
                         (const char *) sqlite3_column_text(statement, 1), userdata);
                if (r != 0)
                        return r;
        }
        return r;
}

int state_db_file_each(StateDb *db, int64_t mailbox, bool unknown,
                       int (*each)(uint32_t uid, const char *name, void *userdata),
                       void *userdata) {
        sqlite3_stmt *statement;
        int r;

        r = db_query(db, unknown ? SQL_FILE_EACH_UNKNOWN : SQL_FILE_EACH, &statement, "i", mailbox);
        return r < 0 ? r : each_named(db, statement, each, userdata);
}

int state_db_file_bounds(StateDb *db, int64_t mailbox, uint32_t *ret_first, uint32_t *ret_last) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_query(db, SQL_FILE_BOUNDS, &statement, "i", mailbox);
        if (r < 0)
                return r;
        r = db_step(db, statement);
        if (r < 0)
                return r;

        *ret_first = (uint32_t) sqlite3_column_int64(statement, 0);
        *ret_last = (uint32_t) sqlite3_column_int64(statement, 1);
        return 0;
}

int state_db_intent_add(StateDb *db, int64_t mailbox, const Intent *intent) {
        return db_run(db, SQL_INTENT_ADD, "iiiiii", mailbox, (int64_t) intent->side,
                      (int64_t) intent->source_uid, (int64_t) intent->uidnext,
                      (int64_t) intent->taken, intent->time);
}

int state_db_intent_remove(StateDb *db, int64_t mailbox, Side side, uint32_t source_uid) {
        return db_run(db, SQL_INTENT_REMOVE, "iii", mailbox, (int64_t) side, (int64_t) source_uid);
}

int state_db_intent_find(StateDb *db, int64_t mailbox, Side side, uint32_t source_uid,
                         Intent *ret_intent) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_row(db, SQL_INTENT_FIND, &statement, "iii", mailbox, (int64_t) side,
                   (int64_t) source_uid);
        if (r != 0)
                return r;

        *ret_intent = (Intent){
                .side = side,
                .source_uid = source_uid,
                .uidnext = (uint32_t) sqlite3_column_int64(statement, 0),
                .taken = sqlite3_column_int(statement, 1) != 0,
                .time = sqlite3_column_int64(statement, 2),
        };
        return 0;
}

int state_db_intent_count(StateDb *db, int64_t mailbox, uint64_t *ret_n) {
        return db_integer(db, (int64_t *) ret_n, SQL_INTENT_COUNT, "i", mailbox);
}

int state_db_newest_intent(StateDb *db, Side side, int64_t *ret_time) {
        return db_integer(db, ret_time, SQL_INTENT_NEWEST, "i", (int64_t) side);
}

int state_db_intent_remove_all(StateDb *db, int64_t mailbox) {
        return db_run(db, SQL_INTENT_FORGET, "i", mailbox);
}

int state_db_intent_remove_side(StateDb *db, int64_t mailbox, Side side) {
        return db_run(db, SQL_INTENT_REMOVE_SIDE, "ii", mailbox, (int64_t) side);
}

int state_db_staged_set(StateDb *db, int64_t mailbox, uint32_t first, uint32_t last) {
        return db_run(db, SQL_STAGED_SET, "iii", mailbox, (int64_t) first, (int64_t) last);
}

int state_db_staged_get(StateDb *db, int64_t mailbox, UidRange *ret_range) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_row(db, SQL_STAGED_GET, &statement, "i", mailbox);
        if (r != 0)
                return r;

        *ret_range = (UidRange){
                .first = (uint32_t) sqlite3_column_int64(statement, 0),
                .last = (uint32_t) sqlite3_column_int64(statement, 1),
        };
        return 0;
}

int state_db_staged_clear(StateDb *db, int64_t mailbox) {
        return db_run(db, SQL_STAGED_CLEAR, "i", mailbox);
}

int state_db_park_known(StateDb *db, int64_t mailbox, Side side, uint32_t uid, const char *reason,
                        MessageFlags flags) {
        return db_run(db, SQL_PARK, "iiisi", mailbox, (int64_t) side, (int64_t) uid, reason,
                      (int64_t) flags);
}

int state_db_park(StateDb *db, int64_t mailbox, Side side, uint32_t uid, const char *reason) {
        return state_db_park_known(db, mailbox, side, uid, reason, 0);
}

int state_db_parked_flags(StateDb *db, int64_t mailbox, Side side, uint32_t uid,
                          MessageFlags *ret_flags) {
        return db_integer(db, (int64_t *) ret_flags, SQL_PARKED_FLAGS, "iii", mailbox,
                          (int64_t) side, (int64_t) uid);
}

int state_db_unpark(StateDb *db, int64_t mailbox, Side side, uint32_t uid) {
        int r;

        r = db_run(db, SQL_UNPARK, "iii", mailbox, (int64_t) side, (int64_t) uid);
        if (r < 0)
                return r;
        return sqlite3_changes(db->sqlite) > 0 ? 0 : STATE_DB_E_NONE;
}

int state_db_unpark_all(StateDb *db, int64_t mailbox, Side side) {
        return db_run(db, SQL_PARKED_CLEAR, "ii", mailbox, (int64_t) side);
}

bool state_db_is_parked(StateDb *db, int64_t mailbox, Side side, uint32_t uid) {
        int64_t one;

        return db_integer(db, &one, SQL_PARKED_FIND, "iii", mailbox, (int64_t) side,
                          (int64_t) uid) == 0;
}

int state_db_parked_reason(StateDb *db, int64_t mailbox, Side side, uint32_t uid,
                           char **ret_reason) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        const char *text;
        char *reason;
        int r;

        r = db_row(db, SQL_PARKED_REASON, &statement, "iii", mailbox, (int64_t) side,
                   (int64_t) uid);
        if (r != 0)
                return r;

        text = (const char *) sqlite3_column_text(statement, 0);
        reason = strdup(text ? text : "");
        if (!reason)
                return -ENOMEM;
        *ret_reason = reason;
        return 0;
}

int state_db_parked_for(StateDb *db, int64_t mailbox, Side side, const char *reason, UidSet *uids) {
        sqlite3_stmt *statement;
        int r;

        r = db_query(db, SQL_PARKED_FOR, &statement, "iis", mailbox, (int64_t) side, reason);
        return r < 0 ? r : db_collect_uids(db, statement, uids);
}

int state_db_deferred(StateDb *db, int64_t mailbox, Side side, UidSet *uids) {
        return state_db_parked_for(db, mailbox, side, STATE_DB_DEFERRED, uids);
}

int state_db_left(StateDb *db, int64_t mailbox, Side side, UidSet *uids) {
        return state_db_parked_for(db, mailbox, side, STATE_DB_LEFT, uids);
}

int state_db_alone(StateDb *db, int64_t mailbox, Side side, UidSet *uids) {
        return state_db_parked_for(db, mailbox, side, STATE_DB_ALONE, uids);
}

int state_db_large(StateDb *db, int64_t mailbox, Side side, UidSet *uids) {
        return state_db_parked_for(db, mailbox, side, STATE_DB_LARGE, uids);
}

int state_db_refused(StateDb *db, int64_t mailbox, Side side, UidSet *uids) {
        sqlite3_stmt *statement;
        int r;

        r = db_query(db, SQL_PARKED_REFUSED, &statement, "iisssss", mailbox, (int64_t) side,
                     STATE_DB_ALONE, STATE_DB_LARGE, STATE_DB_OLD, STATE_DB_SURPLUS,
                     STATE_DB_EVICTED);
        return r < 0 ? r : db_collect_uids(db, statement, uids);
}

int state_db_parked_count(StateDb *db, int64_t mailbox, const char *reason, uint64_t *ret_n) {
        return db_integer(db, (int64_t *) ret_n, SQL_PARKED_COUNT, "is", mailbox, reason);
}

int state_db_parked_in(StateDb *db, int64_t mailbox, Side side, UidRange range, UidSet *uids) {
        sqlite3_stmt *statement;
        int r;

        r = db_query(db, SQL_PARKED_IN, &statement, "iiii", mailbox, (int64_t) side,
                     (int64_t) range.first, (int64_t) range.last);
        return r < 0 ? r : db_collect_uids(db, statement, uids);
}

int state_db_parked_from(StateDb *db, int64_t mailbox, Side side, uint32_t first, UidSet *uids) {
        sqlite3_stmt *statement;
        int r;

        r = db_query(db, SQL_PARKED_FROM, &statement, "iii", mailbox, (int64_t) side,
                     (int64_t) first);
        return r < 0 ? r : db_collect_uids(db, statement, uids);
}
