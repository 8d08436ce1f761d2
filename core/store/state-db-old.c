/*
 * The state database: what is old, by date or by UID
 *
 * Dates are kept only of mailboxes that have had an age limit, and the index only of what may be evicted: the
 * others pay nothing for it, and what stays however old it is costs nothing when the old ones are looked for.
 */

#include <assert.h>

#include "store/state-db-private.h"

static_assert((FLAG_SEEN | FLAG_FLAGGED | FLAG_DRAFT) == 21 && FLAG_SEEN == 1,
              "_MESSAGE_EVICTABLE says so");

int state_db_keep_dates(StateDb *db, int64_t mailbox) {
        return db_run(db, SQL_MESSAGE_KEEP_DATES, "i", mailbox);
}

int state_db_note_date(StateDb *db, int64_t mailbox, const BaseMessage *message) {
        int r = db_need_temporary(db);

        return r < 0 ? r
                     : db_run(db, SQL_MESSAGE_NOTE_DATE, "iii", mailbox,
                              (int64_t) message->uid[SIDE_REMOTE],
                              (int64_t) message->uid[SIDE_LOCAL]);
}

int state_db_set_date(StateDb *db, int64_t mailbox, uint32_t remote_uid, int64_t date) {
        return db_run(db, SQL_MESSAGE_SET_DATE, "iii", mailbox, (int64_t) remote_uid, date);
}

int state_db_undated(StateDb *db, int64_t mailbox, uint32_t after, size_t max, UidSet *uids) {
        sqlite3_stmt *statement;
        int r;

        r = db_query(db, SQL_MESSAGE_UNDATED, &statement, "iii", mailbox, (int64_t) after,
                     (int64_t) max);
        return r < 0 ? r : db_collect_uids(db, statement, uids);
}

static int collect_messages(StateDb *db, Sql sql, int64_t mailbox, int64_t bound, size_t max,
                            BaseMessage *ret_messages, size_t *ret_n) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        *ret_n = 0;
        r = db_need_temporary(db);
        if (r >= 0)
                r = db_query(db, sql, &statement, "iii", mailbox, bound, (int64_t) max);
        if (r < 0)
                return r;
        while ((r = db_step(db, statement)) > 0)
                ret_messages[(*ret_n)++] = db_column_message(statement);
        return r;
}

int state_db_old(StateDb *db, int64_t mailbox, int64_t cutoff, size_t max,
                 BaseMessage *ret_messages, size_t *ret_n) {
        return collect_messages(db, SQL_MESSAGE_OLD, mailbox, cutoff, max, ret_messages, ret_n);
}

int state_db_surplus(StateDb *db, int64_t mailbox, uint64_t excess, size_t max,
                     BaseMessage *ret_messages, size_t *ret_n) {
        return collect_messages(db, SQL_MESSAGE_SURPLUS, mailbox, (int64_t) excess, max,
                                ret_messages, ret_n);
}

static int exists(StateDb *db, Sql sql, int64_t mailbox, int64_t bound, bool *ret_any) {
        int64_t any;
        int r = db_integer(db, &any, sql, "ii", mailbox, bound);

        if (r == 0)
                *ret_any = any != 0;
        return r;
}

int state_db_any_old(StateDb *db, int64_t mailbox, int64_t cutoff, bool *ret_any) {
        return exists(db, SQL_MESSAGE_ANY_OLD, mailbox, cutoff, ret_any);
}

int state_db_unknown_any_old(StateDb *db, int64_t mailbox, int64_t until, bool *ret_any) {
        *ret_any = false;
        return db->has_unknown ? exists(db, SQL_UNKNOWN_ANY_OLD, mailbox, until, ret_any) : 0;
}

static int collect_unknown(StateDb *db, Sql sql, int64_t mailbox, int64_t bound, UidSet *uids) {
        sqlite3_stmt *statement;
        int r;

        if (!db->has_unknown)
                return 0;
        r = db_query(db, sql, &statement, "ii", mailbox, bound);
        return r < 0 ? r : db_collect_uids(db, statement, uids);
}

int state_db_unknown_old(StateDb *db, int64_t mailbox, int64_t cutoff, UidSet *uids) {
        return collect_unknown(db, SQL_UNKNOWN_OLD, mailbox, cutoff, uids);
}

int state_db_unknown_surplus(StateDb *db, int64_t mailbox, uint32_t first, UidSet *uids) {
        return collect_unknown(db, SQL_UNKNOWN_SURPLUS, mailbox, first, uids);
}

/* Are there at most @n new ones, each above all of the base? */
static int are_newest(StateDb *db, int64_t mailbox, uint64_t n, bool *ret_are) {
        _cleanup_(uid_set_done) UidSet lowest = UID_SET_NULL;
        uint64_t n_unknown;
        int64_t highest;
        int r;

        *ret_are = true;
        r = state_db_unknown_count(db, mailbox, SIDE_REMOTE, &n_unknown);
        if (r < 0 || n_unknown == 0)
                return r;
        r = state_db_unknown_uids(db, mailbox, SIDE_REMOTE, 0, 1, &lowest);
        if (r >= 0) /* NULL, which is 0, if the base is empty */
                r = db_integer(db, &highest, SQL_MESSAGE_BOUND, "i", mailbox);
        if (r < 0)
                return r;
        *ret_are = n_unknown <= n && lowest.ranges[0].first > highest;
        return 0;
}

int state_db_newest_from(StateDb *db, int64_t mailbox, uint64_t n, uint32_t *ret_first) {
        int64_t first = 0;
        bool are;
        int r;

        *ret_first = 0;
        r = are_newest(db, mailbox, n, &are);
        if (r < 0 || are)
                return r;
        r = db_integer(db, &first, SQL_NEWEST_FROM, "ii", mailbox, (int64_t) n);
        if (r == 0)
                *ret_first = (uint32_t) first;
        return MIN(r, 0);
}
