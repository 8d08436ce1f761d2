/* The state database: what is old, by date or by UID, and what may not go though it is. */

#include "base/macro.h"
#include "store/state-db.h"
#include "test.h"

#define READ FLAG_SEEN

static int64_t begin(StateDb **ret_db) {
        char *error = NULL;
        int64_t mailbox;

        assert(state_db_open(":memory:", ret_db, &error) == 0);
        assert(state_db_begin(*ret_db) == 0);
        assert(state_db_add_mailbox(*ret_db, "INBOX", NULL, NULL, &mailbox) == 0);
        return mailbox;
}

static void add(StateDb *db, int64_t mailbox, uint32_t uid, MessageFlags flags,
                MessageFlags apart) {
        const BaseMessage message = {
                .uid = {uid, uid + 100},
                  .flags = flags, .apart = apart
        };

        assert(state_db_add(db, mailbox, &message) == 0);
}

static void check_found(const char *label, const BaseMessage *messages, size_t n,
                        const char *wanted) {
        char text[128] = "";

        for (size_t i = 0; i < n; i++) {
                const size_t size = strlen(text);

                (void) snprintf(text + size, sizeof(text) - size, "%u ", messages[i].uid[0]);
        }
        TEST_ROW(label, strcmp(text, wanted) == 0);
}

/* Each row is a message of this date, 10 at first; cutoff 20. */
static void test_may_go(void) {
        static const struct {
                const char *label;
                MessageFlags flags, apart;
                int64_t date;
                bool changed, goes;
        } rows[] = {
                {"read",          READ,                 0,            10,        false, true },
                {"and answered",  READ | FLAG_ANSWERED, 0,            10,        false, true },
                {"unread",        0,                    0,            10,        false, false},
                {"flagged",       READ | FLAG_FLAGGED,  0,            10,        false, false},
                {"a draft",       READ | FLAG_DRAFT,    0,            10,        false, false},
                {"flagged here",  READ,                 FLAG_FLAGGED, 10,        false, false},
                {"changed",       READ,                 0,            10,        true,  false},
                {"young",         READ,                 0,            20,        false, false},
                {"just old",      READ,                 0,            19,        false, true },
                {"before 1970",   READ,                 0,            -5,        false, true },
                {"never told of", READ,                 0,            INT64_MAX, false, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(state_db_freep) StateDb *db = NULL;
                const int64_t mailbox = begin(&db);
                BaseMessage found[4];
                bool any;
                size_t n;

                add(db, mailbox, 7, rows[i].flags, rows[i].apart);
                assert(state_db_keep_dates(db, mailbox) == 0);
                assert(state_db_set_date(db, mailbox, 7, rows[i].date) == 0);
                if (rows[i].changed)
                        assert(state_db_change_put(db, mailbox, SIDE_LOCAL, 7, false, 0) == 0);
                assert(state_db_old(db, mailbox, 20, 4, found, &n) == 0);
                check_found(rows[i].label, found, n, rows[i].goes ? "7 " : "");
                assert(state_db_any_old(db, mailbox, 20, &any) == 0);
                TEST_ROW(rows[i].label, any == (rows[i].goes || rows[i].changed));
        }
}

static void test_dates(void) {
        _cleanup_(uid_set_done) UidSet undated = UID_SET_NULL, more = UID_SET_NULL;
        _cleanup_(state_db_freep) StateDb *db = NULL;
        const int64_t mailbox = begin(&db);
        const ReplicaMessage unknown = {.present = REPLICA_HAS_DATE | REPLICA_HAS_SIZE |
                                                   REPLICA_HAS_MESSAGE_ID,
                                        .uid = 4,
                                        .date = 12};
        const BaseMessage dated =
                                  {
                                          .uid = {4, 104},
                                            .flags = READ
        },
                          bare = {.uid = {5, 105}};
        BaseMessage found[8];
        bool any;
        size_t n;

        for (uint32_t uid = 1; uid <= 3; uid++)
                add(db, mailbox, uid, uid == 2 ? 0 : READ, 0);
        assert(state_db_any_old(db, mailbox, 20, &any) == 0 && !any); /* no dates are kept */
        assert(state_db_keep_dates(db, mailbox) == 0);
        assert(state_db_any_old(db, mailbox, 20, &any) == 0 && any);
        assert(state_db_old(db, mailbox, 20, 8, found, &n) == 0 && n == 0);
        assert(state_db_undated(db, mailbox, 0, 8, &undated) == 0 && uid_set_count(&undated) == 2);
        assert(state_db_undated(db, mailbox, 1, 8, &more) == 0 && uid_set_count(&more) == 1);
        assert(state_db_set_date(db, mailbox, 1, 15) == 0);
        assert(state_db_set_date(db, mailbox, 3, 11) == 0);
        assert(state_db_set_flags(db, mailbox, 2, READ, 0) == 0); /* read by now */
        assert(state_db_set_date(db, mailbox, 2, 13) == 0);

        assert(state_db_unknown_put(db, mailbox, SIDE_REMOTE, &unknown) == 0);
        assert(state_db_add(db, mailbox, &dated) == 0 && state_db_add(db, mailbox, &bare) == 0);
        assert(state_db_note_date(db, mailbox, &dated) == 0);
        assert(state_db_note_date(db, mailbox, &bare) == 0);
        assert(state_db_old(db, mailbox, 20, 8, found, &n) == 0);
        check_found("the oldest first", found, n, "3 4 2 1 ");
        assert(state_db_old(db, mailbox, 20, 2, found, &n) == 0);
        check_found("not more than asked for", found, n, "3 4 ");
}

static void test_surplus(void) {
        _cleanup_(state_db_freep) StateDb *db = NULL;
        const int64_t mailbox = begin(&db);
        BaseMessage found[8];
        size_t n;

        for (uint32_t uid = 1; uid <= 6; uid++)
                add(db, mailbox, uid, uid == 2 ? 0 : READ, 0);
        assert(state_db_surplus(db, mailbox, 4, 8, found, &n) == 0);
        check_found("of the first four", found, n, "1 3 4 ");
        assert(state_db_surplus(db, mailbox, 4, 2, found, &n) == 0);
        check_found("two at most", found, n, "1 3 ");
}

/* The base has 10, 20, 30. */
static void test_newest(void) {
        static const struct {
                const char *label;
                uint32_t unknown[4];
                uint64_t n;
                uint32_t first;
        } rows[] = {
                {"nothing new",      {0},          2, 0 },
                {"new ones, few",    {40, 50},     2, 0 },
                {"new ones, many",   {40, 50, 60}, 2, 50},
                {"more than all",    {40, 50, 60}, 9, 0 },
                {"an old one",       {5},          3, 10},
                {"an old one, room", {5},          4, 5 },
                {"in between",       {25},         2, 25},
                {"below and above",  {5, 15, 35},  4, 15},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(state_db_freep) StateDb *db = NULL;
                const int64_t mailbox = begin(&db);
                uint32_t first;

                for (uint32_t uid = 10; uid <= 30; uid += 10)
                        add(db, mailbox, uid, READ, 0);
                for (size_t k = 0; k < 4 && rows[i].unknown[k] > 0; k++)
                        assert(state_db_unknown_put(db, mailbox, SIDE_REMOTE,
                                                    &(ReplicaMessage){.uid = rows[i].unknown[k]}) ==
                               0);
                assert(state_db_newest_from(db, mailbox, rows[i].n, &first) == 0);
                TEST_ROW(rows[i].label, first == rows[i].first);
        }
}

/* What may have been sent by a run that came to no end is to be found, not to be left. */
static void test_unknown(void) {
        _cleanup_(uid_set_done) UidSet old = UID_SET_NULL, surplus = UID_SET_NULL;
        _cleanup_(state_db_freep) StateDb *db = NULL;
        const int64_t mailbox = begin(&db);
        const Intent intent = {.side = SIDE_LOCAL, .source_uid = 2};
        bool any;

        for (uint32_t uid = 1; uid <= 4; uid++)
                for (Side side = 0; side < _SIDE_MAX; side++)
                        assert(state_db_unknown_put(
                                       db, mailbox, side,
                                       &(ReplicaMessage){.present = REPLICA_HAS_DATE |
                                                                    REPLICA_HAS_SIZE |
                                                                    REPLICA_HAS_MESSAGE_ID,
                                                         .uid = uid,
                                                         .date = 10 * (int64_t) uid}) == 0);
        assert(state_db_intent_add(db, mailbox, &intent) == 0);
        assert(state_db_unknown_old(db, mailbox, 35, &old) == 0);
        assert(uid_set_count(&old) == 2 && uid_set_contains(&old, 1) && uid_set_contains(&old, 3));
        assert(state_db_unknown_surplus(db, mailbox, 3, &surplus) == 0);
        assert(uid_set_count(&surplus) == 1 && uid_set_contains(&surplus, 1));
        assert(state_db_unknown_any_old(db, mailbox, 9, &any) == 0 && !any);
        assert(state_db_unknown_any_old(db, mailbox, 10, &any) == 0 && any);
}

static void test_evicted(void) {
        _cleanup_(state_db_freep) StateDb *db = NULL;
        const int64_t mailbox = begin(&db);
        MessageFlags flags;

        assert(state_db_park_known(db, mailbox, SIDE_LOCAL, 3, STATE_DB_EVICTED, READ) == 0);
        assert(state_db_parked_flags(db, mailbox, SIDE_LOCAL, 3, &flags) == 0 && flags == READ);
        assert(state_db_parked_flags(db, mailbox, SIDE_LOCAL, 4, &flags) == STATE_DB_E_NONE);
}

int main(void) {
        test_may_go();
        test_dates();
        test_surplus();
        test_newest();
        test_unknown();
        test_evicted();
        return 0;
}
