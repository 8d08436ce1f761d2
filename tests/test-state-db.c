/* The state database: each group of functions, what outlasts what, and what a question may cost. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/macro.h"
#include "store/state-db-private.h"
#include "sync/plan.h"
#include "test-tree.h"
#include "test.h"

static StateDb *open_database(const char *path) {
        _cleanup_free_ char *error = NULL;
        StateDb *db = NULL;

        assert(state_db_open(path, &db, &error) == 0);
        assert(!error);
        return db;
}

static int64_t add_mailbox(StateDb *db, const char *name) {
        int64_t id;

        assert(state_db_add_mailbox(db, name, NULL, NULL, &id) == 0);
        return id;
}

static void add_message(StateDb *db, int64_t mailbox, uint32_t remote, uint32_t local,
                        MessageFlags flags) {
        const BaseMessage message = {
                .uid = {remote, local},
                  .flags = flags
        };

        assert(state_db_add(db, mailbox, &message) == 0);
}

static void check_set(const UidSet *set, const char *text) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        size_t index = 0;

        assert(uid_set_format(set, &index, 1000, &out) == 0);
        TEST_ROW(text, bytes_equal(buffer_view(&out), bytes_of(text)));
}

#define RELAXED_MOST (40 * 1024)

/* --- in memory --- */

static void test_facts(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        _cleanup_free_ char *value = NULL;

        assert(state_db_get(db, "capabilities", &value) == STATE_DB_E_NONE);
        assert(state_db_set(db, "capabilities", "IMAP4rev1") == 0);
        assert(state_db_set(db, "capabilities", "IDLE") == 0);
        assert(state_db_get(db, "capabilities", &value) == 0);
        assert(strcmp(value, "IDLE") == 0);
}

static int take_only(MailboxState *state, void *userdata) {
        MailboxState *only = userdata;

        assert(!only->name);
        *only = *state;
        return 0;
}

static void test_mailbox(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        _cleanup_(mailbox_state_done) MailboxState read = {0};
        MailboxState state = {
                .wire = {(char *) "Entw&APw-rfe", (char *) "perso.Entw&APw-rfe"   },
                .token = {{1, 2, 3, {0}},          {4, 5, 6, {7, 8, 9, UINT64_MAX}}},
                .messages = 10,
                .files = 11,
                .parked = {12,                      13                              },
                .gone = {14,                      15                              },
                .gone_since = 16,
                .last_change = 17,
                .alone = 18,
                .large = 19,
                .size_limit = 20,
                .old = 21,
                .surplus = 22,
                .evicted = 23,
                .age_limit = 24,
                .count_limit = 25,
                .left_until = 26,
                .is_dated = true,
        };

        state.id = add_mailbox(db, "Entwürfe");
        assert(state_db_save_mailbox(db, &state) == 0);
        assert(state_db_each_mailbox(db, take_only, &read) == 0);
        assert(strcmp(read.name, "Entwürfe") == 0 &&
               strcmp(read.wire[SIDE_REMOTE], state.wire[SIDE_REMOTE]) == 0 &&
               strcmp(read.wire[SIDE_LOCAL], state.wire[SIDE_LOCAL]) == 0);
        for (Side side = 0; side < _SIDE_MAX; side++)
                assert(memcmp(&read.token[side], &state.token[side], sizeof(ReplicaToken)) == 0);
        assert(read.messages == 10 && read.files == 11);
        assert(read.parked[SIDE_REMOTE] == 12 && read.parked[SIDE_LOCAL] == 13);
        assert(read.gone[SIDE_REMOTE] == 14 && read.gone[SIDE_LOCAL] == 15);
        assert(read.gone_since == 16 && read.last_change == 17);
        assert(read.alone == 18 && read.large == 19 && read.size_limit == 20);
        assert(read.old == 21 && read.surplus == 22 && read.evicted == 23);
        assert(read.age_limit == 24 && read.count_limit == 25);
        assert(read.left_until == 26 && read.is_dated);
        assert(state_db_add_mailbox(db, "Entwürfe", NULL, NULL, &state.id) == -EBADMSG);
}

static void test_keywords(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        const int64_t mailbox = add_mailbox(db, "a");
        Keywords keywords = KEYWORDS_NULL, read = KEYWORDS_NULL;
        MessageFlags flag;

        assert(keywords_add(&keywords, BYTES("work"), &flag) == 0);
        assert(state_db_save_keywords(db, mailbox, &keywords, 0) == 0);
        assert(keywords_add(&keywords, BYTES("Home"), &flag) == 0);
        assert(state_db_save_keywords(db, mailbox, &keywords, 1) == 0);
        assert(state_db_load_keywords(db, mailbox, &read) == 0);
        assert(read.n_names == 2 && keywords_find(&read, BYTES("home")) == flag);
        keywords_done(&keywords);
        keywords_done(&read);
}

static int count_to_two(const BaseMessage *message, void *userdata) {
        unsigned *n = userdata;

        (void) message;
        return ++*n == 2 ? 7 : 0;
}

static void test_base(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        const int64_t a = add_mailbox(db, "a"), b = add_mailbox(db, "b");
        _cleanup_(uid_set_done) UidSet remote = UID_SET_NULL, local = UID_SET_NULL;
        BaseMessage message;
        unsigned n = 0;

        add_message(db, a, 1, 30, FLAG_SEEN);
        add_message(db, a, 2, 20, 0);
        add_message(db, a, UID_MAX, 10, 0);
        add_message(db, b, 1, 30, FLAG_DRAFT);

        assert(state_db_find(db, a, SIDE_REMOTE, 1, &message) == 0);
        assert(message.uid[SIDE_LOCAL] == 30 && message.flags == FLAG_SEEN);
        assert(state_db_find(db, a, SIDE_LOCAL, 10, &message) == 0);
        assert(message.uid[SIDE_REMOTE] == UID_MAX);
        assert(state_db_find(db, a, SIDE_LOCAL, 1, &message) == STATE_DB_E_NONE);
        assert(state_db_set_flags(db, a, 1, (MessageFlags) 1 << 62, FLAG_SEEN) == 0);
        assert(state_db_find(db, a, SIDE_REMOTE, 1, &message) == 0);
        assert(message.flags == (MessageFlags) 1 << 62 && message.apart == FLAG_SEEN);
        assert(base_flags(&message, SIDE_LOCAL) == ((MessageFlags) 1 << 62 | FLAG_SEEN));

        assert(state_db_uids_from(db, a, SIDE_REMOTE, 2, &remote) == 0);
        check_set(&remote, "2,4294967295");
        assert(state_db_uids_from(db, a, SIDE_LOCAL, 11, &local) == 0);
        check_set(&local, "20,30");
        assert(state_db_each(db, a, count_to_two, &n) == 7 && n == 2);

        assert(state_db_remove(db, a, 2) == 0);
        assert(state_db_find(db, a, SIDE_LOCAL, 20, &message) == STATE_DB_E_NONE);
        assert(state_db_remove_all(db, a) == 0);
        assert(state_db_find(db, a, SIDE_REMOTE, 1, &message) == STATE_DB_E_NONE);
        assert(state_db_find(db, b, SIDE_REMOTE, 1, &message) == 0);
}

/* A UID has one counterpart: to give it a second one is an error, not a silent change. */
static void test_base_is_unique(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        const int64_t mailbox = add_mailbox(db, "a");
        const BaseMessage same_remote =
                                  {
                                          .uid = {1, 2}
        },
                          same_local = {.uid = {2, 1}};

        add_message(db, mailbox, 1, 1, 0);
        assert(state_db_add(db, mailbox, &same_remote) == -EBADMSG);
        assert(state_db_add(db, mailbox, &same_local) == -EBADMSG);
}

static int collect_file(uint32_t uid, const char *name, void *userdata) {
        assert(buffer_append_format(userdata, "%u=%s ", uid, name) == 0);
        return 0;
}

static void test_files(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        _cleanup_(buffer_done) Buffer all = BUFFER_NULL, unknown = BUFFER_NULL;
        const int64_t mailbox = add_mailbox(db, "a");
        _cleanup_free_ char *name = NULL;
        uint32_t uid, first, last;

        assert(state_db_file_bounds(db, mailbox, &first, &last) == 0 && first == 0 && last == 0);
        assert(state_db_file_add(db, mailbox, 7, "x.host", 9, true) == 0);
        assert(state_db_file_add(db, mailbox, 5, "y.host", 9, false) == 0);
        assert(state_db_file_bounds(db, mailbox, &first, &last) == 0 && first == 5 && last == 7);
        assert(state_db_file_find(db, mailbox, "x.host", &uid) == 0 && uid == 7);
        assert(state_db_file_find(db, mailbox, "z.host", &uid) == STATE_DB_E_NONE);
        assert(state_db_file_name(db, mailbox, 5, &name) == 0 && strcmp(name, "y.host") == 0);
        assert(state_db_file_each(db, mailbox, false, collect_file, &all) == 0);
        assert(bytes_equal(buffer_view(&all), BYTES("5=y.host 7=x.host ")));
        assert(state_db_file_each(db, mailbox, true, collect_file, &unknown) == 0);
        assert(bytes_equal(buffer_view(&unknown), BYTES("7=x.host ")));

        buffer_consume(&unknown, unknown.size);
        assert(state_db_file_set_all_unknown(db, mailbox) == 0);
        assert(state_db_file_set_known(db, mailbox, 7, true) == 0);
        assert(state_db_file_remove(db, mailbox, 7) == 0);
        assert(state_db_file_each(db, mailbox, true, collect_file, &unknown) == 0);
        assert(bytes_equal(buffer_view(&unknown), BYTES("5=y.host ")));
}

static void test_intents(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        const int64_t mailbox = add_mailbox(db, "a");
        Intent intent = {.side = SIDE_REMOTE, .source_uid = 4, .uidnext = 9, .time = 100};
        UidRange staged;
        int64_t newest;
        uint64_t n;

        assert(state_db_newest_intent(db, SIDE_REMOTE, &newest) == 0 && newest == 0);
        assert(state_db_intent_add(db, mailbox, &intent) == 0);
        intent.taken = true;
        assert(state_db_intent_add(db, mailbox, &intent) == 0);
        assert(state_db_intent_count(db, mailbox, &n) == 0 && n == 1);
        assert(state_db_newest_intent(db, SIDE_REMOTE, &newest) == 0 && newest == 100);
        assert(state_db_newest_intent(db, SIDE_LOCAL, &newest) == 0 && newest == 0);
        intent = (Intent){0};
        assert(state_db_intent_find(db, mailbox, SIDE_REMOTE, 4, &intent) == 0);
        assert(intent.taken && intent.uidnext == 9 && intent.source_uid == 4 && intent.time == 100);
        assert(state_db_intent_find(db, mailbox, SIDE_LOCAL, 4, &intent) == STATE_DB_E_NONE);
        assert(state_db_intent_remove(db, mailbox, SIDE_REMOTE, 4) == 0);
        assert(state_db_intent_count(db, mailbox, &n) == 0 && n == 0);

        assert(state_db_staged_get(db, mailbox, &staged) == STATE_DB_E_NONE);
        assert(state_db_staged_set(db, mailbox, 1, 2) == 0);
        assert(state_db_staged_set(db, mailbox, 3, 9) == 0);
        assert(state_db_staged_get(db, mailbox, &staged) == 0);
        assert(staged.first == 3 && staged.last == 9);
        assert(state_db_staged_clear(db, mailbox) == 0);
        assert(state_db_staged_get(db, mailbox, &staged) == STATE_DB_E_NONE);
}

/* Local: 3 is refused, 8 is left over. */
static void test_parked_reasons(StateDb *db, int64_t mailbox) {
        _cleanup_(uid_set_done) UidSet alone = UID_SET_NULL, large = UID_SET_NULL,
                                       refused = UID_SET_NULL, in = UID_SET_NULL;
        uint64_t n = 0;

        assert(state_db_park(db, mailbox, SIDE_LOCAL, 9, STATE_DB_ALONE) == 0);
        assert(state_db_park(db, mailbox, SIDE_REMOTE, 9, STATE_DB_ALONE) == 0);
        assert(state_db_park(db, mailbox, SIDE_LOCAL, 10, STATE_DB_LARGE) == 0);
        assert(state_db_alone(db, mailbox, SIDE_LOCAL, &alone) == 0);
        assert(state_db_large(db, mailbox, SIDE_LOCAL, &large) == 0);
        assert(state_db_refused(db, mailbox, SIDE_LOCAL, &refused) == 0);
        assert(state_db_parked_in(db, mailbox, SIDE_LOCAL, (UidRange){4, 9}, &in) == 0);
        check_set(&alone, "9");
        check_set(&large, "10");
        check_set(&refused, "3,8");
        check_set(&in, "8:9");
        assert(state_db_parked_count(db, mailbox, STATE_DB_ALONE, &n) == 0 && n == 2);
        assert(state_db_parked_count(db, mailbox, STATE_DB_LARGE, &n) == 0 && n == 1);
        assert(state_db_unpark(db, mailbox, SIDE_LOCAL, 9) == 0);
        assert(state_db_unpark(db, mailbox, SIDE_REMOTE, 9) == 0);
        assert(state_db_unpark(db, mailbox, SIDE_LOCAL, 10) == 0);
}

static void test_parked(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        _cleanup_(uid_set_done) UidSet from = UID_SET_NULL, unlisted = UID_SET_NULL,
                                       left = UID_SET_NULL, deferred = UID_SET_NULL;
        const int64_t mailbox = add_mailbox(db, "a");

        assert(state_db_park(db, mailbox, SIDE_LOCAL, 3, "too big") == 0);
        assert(state_db_park(db, mailbox, SIDE_LOCAL, 8, "too big") == 0);
        assert(state_db_park(db, mailbox, SIDE_REMOTE, 5, "no body") == 0);
        assert(state_db_is_parked(db, mailbox, SIDE_LOCAL, 3));
        assert(!state_db_is_parked(db, mailbox, SIDE_REMOTE, 3));
        assert(state_db_parked_from(db, mailbox, SIDE_LOCAL, 4, &from) == 0);
        check_set(&from, "8");
        assert(state_db_park(db, mailbox, SIDE_LOCAL, 8, STATE_DB_LEFT) == 0);
        assert(state_db_left(db, mailbox, SIDE_LOCAL, &left) == 0);
        assert(state_db_deferred(db, mailbox, SIDE_LOCAL, &deferred) == 0);
        check_set(&left, "8");
        check_set(&deferred, "");
        test_parked_reasons(db, mailbox);

        assert(state_db_listed_put(db, mailbox, SIDE_LOCAL, 8) == 0);
        assert(state_db_parked_unlisted(db, mailbox, SIDE_LOCAL, &unlisted) == 0);
        check_set(&unlisted, "3");

        assert(state_db_unpark(db, mailbox, SIDE_LOCAL, 3) == 0);
        assert(state_db_unpark(db, mailbox, SIDE_LOCAL, 3) == STATE_DB_E_NONE);
        assert(state_db_unpark_all(db, mailbox, SIDE_LOCAL) == 0);
        assert(!state_db_is_parked(db, mailbox, SIDE_LOCAL, 8));
        assert(state_db_is_parked(db, mailbox, SIDE_REMOTE, 5));
}

static int add_one(MailboxState *state, void *userdata) {
        ++*(unsigned *) userdata;
        mailbox_state_done(state);
        return 0;
}

static void test_life(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        _cleanup_(mailbox_state_done) MailboxState read = {0}, again = {0};
        const MailboxLife life = {
                .object = {(char *) "F1", (char *) "12.34"},
                .subscribed = SUBSCRIBED_NO,
                .renaming = (char *) "b",
                .renaming_side = SIDE_LOCAL,
                .removing = 2,
        };
        const int64_t mailbox = add_mailbox(db, "a");

        assert(state_db_each_mailbox(db, take_only, &read) == 0);
        assert(!read.life.object[SIDE_REMOTE] && !read.life.renaming && !read.life.removing);
        assert(read.life.subscribed == SUBSCRIBED_UNKNOWN);
        assert(state_db_save_life(db, mailbox, &life) == 0);
        assert(state_db_rename_mailbox(db, mailbox, "b", "B", "p.B") == 0);
        assert(state_db_each_mailbox(db, take_only, &again) == 0);
        assert(strcmp(again.name, "b") == 0 && strcmp(again.wire[SIDE_REMOTE], "B") == 0 &&
               strcmp(again.wire[SIDE_LOCAL], "p.B") == 0);
        assert(strcmp(again.life.object[SIDE_REMOTE], "F1") == 0);
        assert(strcmp(again.life.object[SIDE_LOCAL], "12.34") == 0);
        assert(strcmp(again.life.renaming, "b") == 0 && again.life.renaming_side == SIDE_LOCAL);
        assert(again.life.subscribed == SUBSCRIBED_NO && again.life.removing == 2);
}

static void test_moved(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        const int64_t mailbox = add_mailbox(db, "a"), other = add_mailbox(db, "b");
        MessageFlags flags = 0;
        bool any = true;

        assert(state_db_moved_any(db, mailbox, &any) == 0 && !any);
        assert(state_db_moved_add(db, mailbox, SIDE_LOCAL, 4, FLAG_SEEN) == 0);
        assert(state_db_moved_add(db, mailbox, SIDE_LOCAL, 5, 0) == 0);
        assert(state_db_moved_add(db, mailbox, SIDE_REMOTE, 4, 0) == 0);
        assert(state_db_moved_find(db, mailbox, SIDE_LOCAL, 4, &flags) == 0);
        assert(flags == FLAG_SEEN);
        assert(state_db_moved_find(db, other, SIDE_LOCAL, 4, &flags) == STATE_DB_E_NONE);
        assert(state_db_moved_remove(db, mailbox, SIDE_LOCAL, 4) == 0);
        assert(state_db_moved_find(db, mailbox, SIDE_LOCAL, 4, &flags) == STATE_DB_E_NONE);
        assert(state_db_moved_remove_side(db, mailbox, SIDE_REMOTE) == 0);
        assert(state_db_moved_find(db, mailbox, SIDE_REMOTE, 4, &flags) == STATE_DB_E_NONE);
        assert(state_db_moved_any(db, mailbox, &any) == 0 && any);
        assert(state_db_moved_remove_all(db, mailbox) == 0);
        assert(state_db_moved_any(db, mailbox, &any) == 0 && !any);
}

/* A database of the first version: its rows stay. */
static void test_older(const char *path) {
        static const char *const steps[] = {STATE_DB_MIGRATIONS};
        _cleanup_(mailbox_state_done) MailboxState read = {0};
        sqlite3 *sqlite = NULL;
        StateDb *db;

        (void) unlink(path);
        assert(sqlite3_open(path, &sqlite) == SQLITE_OK);
        assert(sqlite3_exec(sqlite, steps[0], NULL, NULL, NULL) == SQLITE_OK);
        assert(sqlite3_exec(sqlite,
                            "INSERT INTO mailbox (name, wire) VALUES ('a', 'A');"
                            "PRAGMA user_version = 1",
                            NULL, NULL, NULL) == SQLITE_OK);
        assert(sqlite3_close(sqlite) == SQLITE_OK);

        db = open_database(path);
        assert(state_db_each_mailbox(db, take_only, &read) == 0);
        assert(strcmp(read.name, "a") == 0 && read.life.subscribed == SUBSCRIBED_UNKNOWN);
        assert(strcmp(read.wire[SIDE_REMOTE], "A") == 0 && !read.wire[SIDE_LOCAL]);
        state_db_free(db);
}

static void test_forget(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        const int64_t mailbox = add_mailbox(db, "a");
        BaseMessage message;
        unsigned n = 0;
        uint32_t uid;

        add_message(db, mailbox, 1, 1, 0);
        assert(state_db_file_add(db, mailbox, 1, "x", 9, false) == 0);
        assert(state_db_park(db, mailbox, SIDE_LOCAL, 3, "too big") == 0);
        assert(state_db_forget_mailbox(db, mailbox) == 0);
        assert(state_db_find(db, mailbox, SIDE_REMOTE, 1, &message) == STATE_DB_E_NONE);
        assert(state_db_file_find(db, mailbox, "x", &uid) == STATE_DB_E_NONE);
        assert(!state_db_is_parked(db, mailbox, SIDE_LOCAL, 3));
        assert(state_db_each_mailbox(db, add_one, &n) == 0 && n == 0);
}

/* --- what one run gathers --- */

static void test_changes(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        const int64_t mailbox = add_mailbox(db, "a");
        ChangedMessage change;
        uint64_t n;

        for (uint32_t uid = 1; uid <= 5; uid++)
                add_message(db, mailbox, uid, uid + 100, FLAG_SEEN);
        assert(state_db_change_next(db, mailbox, 0, &change) == STATE_DB_E_NONE);

        assert(state_db_change_put(db, mailbox, SIDE_REMOTE, 2, false, FLAG_DRAFT) == 0);
        assert(state_db_change_put_gone(db, mailbox, SIDE_LOCAL, 102, 103, false) == 0);
        assert(state_db_change_put_gone(db, mailbox, SIDE_LOCAL, 103, 900, true) == 0);
        assert(state_db_change_put(db, mailbox, SIDE_REMOTE, 77, true, 0) == 0); /* no such */
        assert(state_db_change_count_gone(db, mailbox, SIDE_LOCAL, &n) == 0 && n == 2);
        assert(state_db_change_count_late(db, mailbox, SIDE_LOCAL, &n) == 0 && n == 2);
        assert(state_db_change_count_gone(db, mailbox, SIDE_REMOTE, &n) == 0 && n == 0);

        assert(state_db_change_next(db, mailbox, 0, &change) == 0);
        assert(change.base.uid[SIDE_REMOTE] == 2 && change.base.uid[SIDE_LOCAL] == 102);
        assert(change.has[SIDE_REMOTE] && !change.gone[SIDE_REMOTE] && !change.late);
        assert(change.flags[SIDE_REMOTE] == FLAG_DRAFT && change.gone[SIDE_LOCAL]);
        assert(state_db_change_next(db, mailbox, 2, &change) == 0);
        assert(change.base.uid[SIDE_REMOTE] == 3 && !change.has[SIDE_REMOTE] && !change.late);
        assert(change.flags[SIDE_REMOTE] == FLAG_SEEN);
        assert(state_db_change_next(db, mailbox, 3, &change) == 0 && change.late);

        assert(state_db_change_drop(db, mailbox, SIDE_LOCAL, 4) == 0);
        assert(state_db_change_next(db, mailbox, 3, &change) == 0);
        assert(change.base.uid[SIDE_REMOTE] == 5);
        assert(state_db_run_clear(db, mailbox) == 0);
        assert(state_db_change_next(db, mailbox, 0, &change) == STATE_DB_E_NONE);
}

static void test_listed(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        _cleanup_(uid_set_done) UidSet left = UID_SET_NULL;
        const int64_t mailbox = add_mailbox(db, "a");
        const ReplicaMessage nine = {.uid = 9}, ten = {.uid = 10};
        uint64_t n;

        for (uint32_t uid = 1; uid <= 5; uid++)
                add_message(db, mailbox, uid, 6 - uid, 0);
        for (uint32_t uid = 2; uid <= 4; uid++)
                assert(state_db_listed_put(db, mailbox, SIDE_LOCAL, uid) == 0);
        assert(state_db_listed_put(db, mailbox, SIDE_LOCAL, 9) == 0);
        assert(state_db_listed_put(db, mailbox, SIDE_LOCAL, 9) == 0);
        assert(state_db_unknown_put(db, mailbox, SIDE_LOCAL, &nine) == 0);
        assert(state_db_unknown_put(db, mailbox, SIDE_LOCAL, &ten) == 0);

        assert(state_db_change_put_unlisted(db, mailbox, SIDE_LOCAL) == 0);
        assert(state_db_change_count_gone(db, mailbox, SIDE_LOCAL, &n) == 0 && n == 2);
        assert(state_db_unknown_remove_unlisted(db, mailbox, SIDE_LOCAL) == 0);
        assert(state_db_unknown_uids(db, mailbox, SIDE_LOCAL, 0, 9, &left) == 0);
        check_set(&left, "9");
        assert(state_db_listed_clear(db, mailbox, SIDE_LOCAL) == 0);
        assert(state_db_change_put_unlisted(db, mailbox, SIDE_LOCAL) == 0);
        assert(state_db_change_count_gone(db, mailbox, SIDE_LOCAL, &n) == 0 && n == 5);
}

static void test_unknown(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        _cleanup_(uid_set_done) UidSet some = UID_SET_NULL, unidentified = UID_SET_NULL;
        const int64_t mailbox = add_mailbox(db, "a");
        const ReplicaMessage flags = {
                .present = REPLICA_HAS_FLAGS,
                .uid = 3,
                .flags = FLAG_SEEN,
        };
        const ReplicaMessage identity = {
                .present = REPLICA_HAS_DATE | REPLICA_HAS_SIZE | REPLICA_HAS_MESSAGE_ID,
                .uid = 3,
                .date = -5,
                .date_zone = -90,
                .size = 700,
                .message_id = BYTES("<a@b>"),
        };
        ReplicaMessage read;
        unsigned n_tries;
        uint64_t n;

        assert(state_db_unknown_get(db, mailbox, SIDE_LOCAL, 3, &read) == STATE_DB_E_NONE);
        assert(state_db_unknown_put(db, mailbox, SIDE_LOCAL, &flags) == 0);
        for (uint32_t uid = 4; uid <= 8; uid++)
                assert(state_db_unknown_put(db, mailbox, SIDE_LOCAL,
                                            &(ReplicaMessage){.uid = uid}) == 0);
        assert(state_db_unknown_put(db, mailbox, SIDE_LOCAL, &identity) == 0);
        assert(state_db_unknown_get(db, mailbox, SIDE_LOCAL, 3, &read) == 0);
        assert(read.flags == FLAG_SEEN && read.date == -5 && read.date_zone == -90);
        assert(read.size == 700);

        assert(state_db_unknown_count(db, mailbox, SIDE_LOCAL, &n) == 0 && n == 6);
        assert(state_db_unknown_count(db, mailbox, SIDE_REMOTE, &n) == 0 && n == 0);
        assert(state_db_unknown_uids(db, mailbox, SIDE_LOCAL, 3, 2, &some) == 0);
        check_set(&some, "4:5");
        assert(state_db_unidentified(db, mailbox, SIDE_LOCAL, 0, 99, &unidentified) == 0);
        check_set(&unidentified, "4:8");
        assert(state_db_unknown_remove(db, mailbox, SIDE_LOCAL, 3) == 0);
        assert(state_db_unknown_remove_range(db, mailbox, SIDE_LOCAL, 5, UID_MAX) == 0);
        assert(state_db_unknown_count(db, mailbox, SIDE_LOCAL, &n) == 0 && n == 1);

        assert(state_db_unknown_try(db, mailbox, SIDE_LOCAL, 4, &n_tries) == 0 && n_tries == 1);
        assert(state_db_unknown_try(db, mailbox, SIDE_LOCAL, 4, &n_tries) == 0 && n_tries == 2);
        assert(state_db_unknown_try(db, mailbox, SIDE_LOCAL, 5, &n_tries) == STATE_DB_E_NONE);
}

/* What is gone on the remote side, and there under other UIDs. */
/* One message in two mailboxes, known by its object. */
static void test_objects(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        const int64_t a = add_mailbox(db, "a"), b = add_mailbox(db, "b");
        ReplicaMessage message = {
                .present = REPLICA_HAS_FLAGS | REPLICA_HAS_OBJECT,
                .uid = 7,
                .flags = FLAG_SEEN,
                .object = BYTES("M1"),
        };
        const BaseMessage in_a =
                                  {
                                          .uid = {7, 70}
        },
                          in_b = {.uid = {3, 30}};
        ReplicaMessage twin;
        uint32_t local_uid;
        int64_t mailbox;

        assert(state_db_object_note(db, a, SIDE_REMOTE, &in_a) ==
               0); /* nobody has said anything yet */
        assert(state_db_unknown_put(db, a, SIDE_REMOTE, &message) == 0);
        assert(state_db_twin_next(db, a, 0, &twin, &mailbox, &local_uid) == STATE_DB_E_NONE);
        add_message(db, a, 7, 70, 0);
        assert(state_db_object_note(db, a, SIDE_REMOTE, &in_a) == 0);
        assert(state_db_unknown_remove(db, a, SIDE_REMOTE, 7) == 0);
        assert(state_db_object_elsewhere(db, a, 7, SIDE_LOCAL, 0, &mailbox) == STATE_DB_E_NONE);

        message.uid = 3;
        assert(state_db_unknown_put(db, b, SIDE_REMOTE, &message) == 0);
        assert(state_db_unknown_put(db, b, SIDE_REMOTE, &(ReplicaMessage){.uid = 2}) == 0);
        assert(state_db_twin_next(db, b, 0, &twin, &mailbox, &local_uid) == 0);
        assert(twin.uid == 3 && twin.flags == FLAG_SEEN && mailbox == a && local_uid == 70);
        assert(state_db_twin_next(db, b, 3, &twin, &mailbox, &local_uid) == STATE_DB_E_NONE);

        add_message(db, b, 3, 30, 0);
        assert(state_db_object_note(db, b, SIDE_REMOTE, &in_b) == 0);
        assert(state_db_object_elsewhere(db, a, 7, SIDE_LOCAL, 0, &mailbox) == 0 &&
               state_db_object_elsewhere(db, b, 3, SIDE_LOCAL, 0, &mailbox) == 0);
        assert(state_db_change_put(db, b, SIDE_LOCAL, 3, true, 0) == 0);
        assert(state_db_object_elsewhere(db, a, 7, SIDE_LOCAL, 0, &mailbox) == STATE_DB_E_NONE);
        assert(state_db_object_elsewhere(db, a, 7, SIDE_REMOTE, 0, &mailbox) == 0);
        assert(state_db_remove(db, a, 7) == 0);
        assert(state_db_object_elsewhere(db, b, 3, SIDE_LOCAL, 0, &mailbox) == STATE_DB_E_NONE);
}

/* The same, known by what it is on the local side; which is not what that means on the remote one. */
static void test_local_objects(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        const int64_t boxes[] = {add_mailbox(db, "a"), add_mailbox(db, "b"), add_mailbox(db, "c")};
        const Side sides[] = {SIDE_LOCAL, SIDE_LOCAL, SIDE_REMOTE};
        const BaseMessage base = {
                .uid = {7, 70}
        };
        int64_t mailbox;

        for (size_t i = 0; i < ARRAY_SIZE(boxes); i++) {
                const ReplicaMessage message = {
                        .present = REPLICA_HAS_FLAGS | REPLICA_HAS_OBJECT,
                        .uid = base.uid[sides[i]],
                        .object = BYTES("M1"),
                };

                assert(state_db_unknown_put(db, boxes[i], sides[i], &message) == 0);
                add_message(db, boxes[i], 7, 70, 0);
                assert(state_db_object_note(db, boxes[i], sides[i], &base) == 0);
        }
        assert(state_db_object_elsewhere(db, boxes[0], 7, SIDE_REMOTE, 0, &mailbox) == 0);
        assert(mailbox == boxes[1]);
        assert(state_db_object_elsewhere(db, boxes[0], 7, SIDE_REMOTE, boxes[1], &mailbox) ==
               STATE_DB_E_NONE);
        assert(state_db_object_elsewhere(db, boxes[2], 7, SIDE_REMOTE, 0, &mailbox) ==
               STATE_DB_E_NONE);
}

static void test_unknown_of_gone(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        _cleanup_(uid_set_done) UidSet added = UID_SET_NULL;
        const int64_t mailbox = add_mailbox(db, "a");
        ReplicaMessage read;
        uint64_t n;

        for (uint32_t uid = 1; uid <= 4; uid++)
                add_message(db, mailbox, uid, uid + 10, FLAG_SEEN);
        assert(state_db_change_put_gone(db, mailbox, SIDE_REMOTE, 1, 3, false) == 0);
        assert(state_db_change_put(db, mailbox, SIDE_LOCAL, 2, false, FLAG_DRAFT) == 0);
        assert(state_db_change_put(db, mailbox, SIDE_LOCAL, 3, true, 0) == 0);
        assert(state_db_unknown_add_gone(db, mailbox, SIDE_REMOTE) == 0);
        assert(state_db_unknown_uids(db, mailbox, SIDE_LOCAL, 0, 9, &added) == 0);
        check_set(&added, "11:12");
        assert(state_db_unknown_get(db, mailbox, SIDE_LOCAL, 11, &read) == 0);
        assert(read.flags == FLAG_SEEN);
        assert(state_db_unknown_get(db, mailbox, SIDE_LOCAL, 12, &read) == 0);
        assert(read.flags == FLAG_DRAFT);

        assert(state_db_remove(db, mailbox, 2) == 0);
        assert(state_db_unknown_remove_known(db, mailbox) == 0);
        assert(state_db_unknown_count(db, mailbox, SIDE_LOCAL, &n) == 0 && n == 1);
}

/* --- moves --- */

static void add_unknown(StateDb *db, int64_t mailbox, Side side, uint32_t uid, const char *id,
                        int64_t date) {
        const ReplicaMessage message = {
                .present = REPLICA_HAS_DATE | REPLICA_HAS_SIZE | REPLICA_HAS_MESSAGE_ID |
                           REPLICA_HAS_OBJECT,
                .uid = uid,
                .date = date,
                .size = 7,
                .message_id = bytes_of(id),
                .object = bytes_of(id),
        };

        assert(state_db_unknown_put(db, mailbox, side, &message) == 0);
}

/* "1=5": what was 1 on the remote side of the source is 5 in the target. */
static void check_moves(const char *label, StateDb *db, const MoveSearch *search,
                        const char *expected) {
        _cleanup_(buffer_done) Buffer found = BUFFER_NULL;
        BaseMessage message = {0};
        uint32_t uid;

        while (state_db_move_next(db, search, message.uid[SIDE_REMOTE], &message, &uid) == 0)
                assert(buffer_append_format(&found, "%u=%u ", message.uid[SIDE_REMOTE], uid) == 0);
        TEST_ROW(label, bytes_equal(buffer_view(&found), bytes_of(expected)));
}

/* Gone in one mailbox, new in the other. */
static void test_moves(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        const int64_t from = add_mailbox(db, "a"), to = add_mailbox(db, "b");
        MoveSearch search = {.source = from, .target = to, .side = SIDE_REMOTE};
        BaseMessage lost;

        check_moves("nothing is known", db, &search, "");
        for (uint32_t uid = 1; uid <= 7; uid++)
                add_message(db, from, uid, uid + 10, 0);
        assert(state_db_change_put_gone(db, from, SIDE_REMOTE, 1, 6, false) == 0);
        assert(state_db_change_put_gone(db, from, SIDE_REMOTE, 7, 7, true) == 0);
        assert(state_db_change_put(db, from, SIDE_LOCAL, 2, true, 0) == 0);
        assert(state_db_lost_next(db, from, SIDE_REMOTE, 1, &lost) == 0 && lost.uid[0] == 3);
        assert(state_db_lost_next(db, from, SIDE_REMOTE, 6, &lost) == STATE_DB_E_NONE);
        assert(state_db_lost_next(db, from, SIDE_LOCAL, 0, &lost) == STATE_DB_E_NONE);

        static const char *const ids[] = {"one", "two", "date", "twin", "twin", "other", "late"};

        for (uint32_t uid = 1; uid <= 7; uid++)
                add_unknown(db, from, SIDE_LOCAL, uid + 10, ids[uid - 1], 5);
        add_unknown(db, to, SIDE_REMOTE, 21, "one", 5);
        add_unknown(db, to, SIDE_REMOTE, 22, "two", 5);
        add_unknown(db, to, SIDE_REMOTE, 23, "date", 6);
        add_unknown(db, to, SIDE_REMOTE, 24, "twin", 5);
        add_unknown(db, to, SIDE_REMOTE, 27, "late", 5);
        check_moves("by identity", db, &search, "1=21 ");
        add_unknown(db, to, SIDE_REMOTE, 28, "one", 5);
        check_moves("not alone in the target", db, &search, "");
        search.target = from;
        check_moves("not here", db, &search, "");

        search = (MoveSearch){.source = from, .target = to, .side = SIDE_REMOTE, .by_object = true};
        check_moves("objects are not known", db, &search, "");
        for (uint32_t uid = 1; uid <= 6; uid++)
                assert(state_db_lost_set_object(db, from, SIDE_REMOTE, uid,
                                                bytes_of(ids[uid - 1])) == 0);
        check_moves("by object", db, &search, "1=21 3=23 4=24 5=24 ");
}

/* --- pairing --- */

typedef struct Stranger {
        Side side;
        uint32_t uid;
        const char *message_id;
        uint64_t size;
        int64_t date;
        const char *digest;
} Stranger;

/* "1=11 2=12": the pairs of a rung, in the order in which they come, taken out as they do. */
static void find_pairs(StateDb *db, int64_t mailbox, PairRung rung, Buffer *out) {
        MessageFlags flags[_SIDE_MAX];
        BaseMessage pair = {0};

        while (state_db_pair_next(db, mailbox, rung, pair.uid[SIDE_REMOTE], &pair, flags) == 0) {
                assert(buffer_append_format(out, "%u=%u ", pair.uid[SIDE_REMOTE],
                                            pair.uid[SIDE_LOCAL]) == 0);
                for (Side side = 0; side < _SIDE_MAX; side++)
                        assert(state_db_unknown_remove(db, mailbox, side, pair.uid[side]) == 0);
        }
}

static const struct {
        const char *label;
        Stranger strangers[6];
        const char *pairs[4]; /* of each rung */
        uint32_t doubtful;    /* the first one on the remote side before the digests */
} pair_rows[] = {
        {"alone",
         {{SIDE_REMOTE, 1, "a", 5, 1, NULL}, {SIDE_LOCAL, 11, "a", 5, 2, NULL}},
         {"1=11 ", "", "", ""},
         0},
        {"another size",
         {{SIDE_REMOTE, 1, "a", 5, 1, NULL}, {SIDE_LOCAL, 11, "a", 6, 1, NULL}},
         {"", "", "", ""},
         0},
        {"another Message-ID",
         {{SIDE_REMOTE, 1, "a", 5, 1, NULL}, {SIDE_LOCAL, 11, "b", 5, 1, NULL}},
         {"", "", "", ""},
         0},
        {"no Message-ID needs the bytes",
         {{SIDE_REMOTE, 1, "", 5, 1, "x"}, {SIDE_LOCAL, 11, "", 5, 1, "x"}},
         {"", "", "1=11 ", ""},
         0},
        {"told apart by date",
         {{SIDE_REMOTE, 1, "a", 5, 1, NULL},
          {SIDE_REMOTE, 2, "a", 5, 2, NULL},
          {SIDE_LOCAL, 11, "a", 5, 2, NULL},
          {SIDE_LOCAL, 12, "a", 5, 1, NULL}},
         {"", "1=12 2=11 ", "", ""},
         0},
        {"one too many, and the date tells which",
         {{SIDE_REMOTE, 1, "a", 5, 1, NULL},
          {SIDE_REMOTE, 2, "a", 5, 2, NULL},
          {SIDE_LOCAL, 11, "a", 5, 2, NULL}},
         {"", "2=11 ", "", ""},
         0},
        {"told apart by digest",
         {{SIDE_REMOTE, 1, "a", 5, 1, "x"},
          {SIDE_REMOTE, 2, "a", 5, 1, "y"},
          {SIDE_LOCAL, 11, "a", 5, 1, "y"},
          {SIDE_LOCAL, 12, "a", 5, 1, "x"}},
         {"", "", "1=12 2=11 ", ""},
         0},
        {"copies pair in order",
         {{SIDE_REMOTE, 1, "a", 5, 1, "x"},
          {SIDE_REMOTE, 2, "a", 5, 1, "x"},
          {SIDE_LOCAL, 11, "a", 5, 1, "x"},
          {SIDE_LOCAL, 12, "a", 5, 1, "x"},
          {SIDE_LOCAL, 13, "a", 5, 1, "x"}},
         {"", "", "1=11 2=12 ", ""},
         0},
        {"nobody knows",
         {{SIDE_REMOTE, 7, "a", 5, 1, NULL},
          {SIDE_REMOTE, 8, "a", 5, 1, NULL},
          {SIDE_LOCAL, 11, "a", 5, 1, NULL}},
         {"", "", "", ""},
         7},
        {"same Message-ID, nobody on the other side has the size",
         {{SIDE_REMOTE, 7, "a", 5, 1, NULL},
          {SIDE_REMOTE, 8, "a", 5, 1, NULL},
          {SIDE_LOCAL, 11, "a", 9, 1, NULL}},
         {"", "", "", ""},
         0},
};

static void put_stranger(StateDb *db, int64_t mailbox, const Stranger *s) {
        const ReplicaMessage message = {
                .present = REPLICA_HAS_DATE | REPLICA_HAS_SIZE | REPLICA_HAS_MESSAGE_ID,
                .uid = s->uid,
                .date = s->date,
                .size = s->size,
                .message_id = bytes_of(s->message_id),
        };

        assert(state_db_unknown_put(db, mailbox, s->side, &message) == 0);
        if (s->digest)
                assert(state_db_unknown_set_digest(db, mailbox, s->side, s->uid,
                                                   bytes_of(s->digest)) == 0);
}

static void test_pairs(void) {
        for (size_t i = 0; i < ARRAY_SIZE(pair_rows); i++) {
                _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
                const int64_t mailbox = add_mailbox(db, "a");
                uint32_t doubtful = 0;

                for (const Stranger *s = pair_rows[i].strangers; s->message_id; s++)
                        put_stranger(db, mailbox, s);
                for (PairRung rung = PAIR_MESSAGE_ID; rung <= PAIR_DIGEST; rung++) {
                        _cleanup_(buffer_done) Buffer pairs = BUFFER_NULL;

                        find_pairs(db, mailbox, rung, &pairs);
                        TEST_ROW(pair_rows[i].label,
                                 bytes_equal(buffer_view(&pairs),
                                             bytes_of(pair_rows[i].pairs[rung])));
                }
                (void) state_db_doubtful_next(db, mailbox, SIDE_REMOTE, 0, &doubtful);
                TEST_ROW(pair_rows[i].label, doubtful == pair_rows[i].doubtful);
        }
}

/* One that the base has, and whose other half is gone, comes behind what is new. */
static void test_pair_behind_base(void) {
        static const Stranger strangers[] = {
                {SIDE_REMOTE, 1,  "a", 5, 1, "x"},
                {SIDE_REMOTE, 2,  "a", 5, 1, "x"},
                {SIDE_LOCAL,  11, "a", 5, 1, "x"},
        };

        for (unsigned with_new = 0; with_new < 2; with_new++) {
                _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
                _cleanup_(buffer_done) Buffer pairs = BUFFER_NULL;
                const int64_t mailbox = add_mailbox(db, "a");

                assert(state_db_add(db, mailbox,
                                    &(BaseMessage){
                                            .uid = {1, 10}
                }) == 0);
                for (size_t i = 0; i < ARRAY_SIZE(strangers); i++)
                        if (with_new || strangers[i].uid != 2)
                                put_stranger(db, mailbox, &strangers[i]);
                find_pairs(db, mailbox, PAIR_DIGEST_NEW, &pairs);
                assert(bytes_equal(buffer_view(&pairs), bytes_of(with_new ? "2=11 " : "")));
                find_pairs(db, mailbox, PAIR_DIGEST, &pairs);
                assert(bytes_equal(buffer_view(&pairs), bytes_of(with_new ? "2=11 " : "1=11 ")));
        }
}

/* --- transactions and files --- */

static void test_rollback(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        const int64_t mailbox = add_mailbox(db, "a");
        const uint64_t n_commits = state_db_n_commits(db);
        BaseMessage message;

        assert(state_db_commit(db) == 0); /* of nothing */
        state_db_rollback(db);
        assert(state_db_begin(db) == 0 && state_db_begin(db) == 0);
        add_message(db, mailbox, 1, 1, 0);
        /* the temporary tables are made within the transaction, and go with it */
        assert(state_db_listed_put(db, mailbox, SIDE_LOCAL, 1) == 0);
        state_db_rollback(db);
        assert(state_db_find(db, mailbox, SIDE_REMOTE, 1, &message) == STATE_DB_E_NONE);
        assert(state_db_listed_put(db, mailbox, SIDE_LOCAL, 1) == 0);
        assert(state_db_n_commits(db) == n_commits);

        assert(state_db_begin(db) == 0);
        add_message(db, mailbox, 1, 1, 0);
        assert(state_db_commit(db) == 0);
        assert(state_db_n_commits(db) == n_commits + 1);
        assert(state_db_find(db, mailbox, SIDE_REMOTE, 1, &message) == 0);
}

static void check_refused(const char *label, const char *path, int result, const char *word) {
        _cleanup_free_ char *error = NULL;
        StateDb *db = NULL;

        TEST_ROW(label, state_db_open(path, &db, &error) == result);
        TEST_ROW(label, error && strstr(error, word) && strstr(error, path));
        TEST_ROW(label, !db);
}

static void test_reopen(const char *path) {
        StateDb *db = open_database(path);
        int64_t mailbox = add_mailbox(db, "a");
        BaseMessage message;

        check_refused("a second process", path, -EBUSY, "in use");
        assert(state_db_begin(db) == 0);
        add_message(db, mailbox, 1, 1, 0);
        assert(state_db_commit(db) == 0);
        assert(state_db_begin(db) == 0);
        add_message(db, mailbox, 2, 2, 0);
        db = state_db_free(db); /* in the middle */

        db = open_database(path);
        assert(state_db_find(db, mailbox, SIDE_REMOTE, 1, &message) == 0);
        assert(state_db_find(db, mailbox, SIDE_REMOTE, 2, &message) == STATE_DB_E_NONE);
        state_db_free(db);
}

static int bytes_used(StateDb *db) {
        int cache, statements, most;

        assert(sqlite3_db_status(db->sqlite, SQLITE_DBSTATUS_CACHE_USED, &cache, &most, 0) == 0);
        assert(sqlite3_db_status(db->sqlite, SQLITE_DBSTATUS_STMT_USED, &statements, &most, 0) ==
               0);
        return cache + statements;
}

/* What a burst needed is given back, and nothing else. */
static void test_relax(const char *path) {
        _cleanup_(state_db_freep) StateDb *db = open_database(path);
        const int64_t mailbox = add_mailbox(db, "Relaxed");
        BaseMessage message;
        int before;

        assert(state_db_begin(db) == 0);
        for (uint32_t uid = 1; uid <= 5000; uid++)
                add_message(db, mailbox, uid, uid, FLAG_SEEN);
        state_db_relax(db); /* not within a transaction */
        assert(bytes_used(db) > RELAXED_MOST);
        assert(state_db_commit(db) == 0);

        before = bytes_used(db);
        state_db_relax(db);
        TEST_ROW("used", before > RELAXED_MOST && bytes_used(db) < RELAXED_MOST);
        assert(state_db_find(db, mailbox, SIDE_REMOTE, 4999, &message) == 0);
        assert(message.uid[SIDE_LOCAL] == 4999);
}

static void test_newer(const char *path) {
        sqlite3 *sqlite = NULL;

        assert(sqlite3_open(path, &sqlite) == SQLITE_OK);
        assert(sqlite3_exec(sqlite, "PRAGMA user_version = 999", NULL, NULL, NULL) == SQLITE_OK);
        assert(sqlite3_close(sqlite) == SQLITE_OK);
        check_refused("newer", path, STATE_DB_E_NEWER, "newer version");
}

static void test_damaged(const char *path) {
        static const char junk[] =
                "This is no database, and never was one. It is long enough to be "
                "looked at: a header has one hundred bytes, and so has this.";
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert(write(fd, junk, sizeof(junk)) == (ssize_t) sizeof(junk));
        (void) close(fd);
        check_refused("damaged", path, -EBADMSG, "no mail is lost");
}

static void test_no_folder(void) {
        check_refused("no folder", "/nonexistent/state.db", -EACCES, "cannot be opened");

        /* nobody makes a file there; to open it for reading says that there is none */
        assert(open("/sys/imapsyncd.db", O_RDWR | O_CREAT | O_CLOEXEC, 0600) < 0);
        check_refused("not made", "/sys/imapsyncd.db", -EACCES, strerror(errno));
}

static void test_files_on_disk(void) {
        TestTree tree = test_tree_new();
        _cleanup_free_ char *path = test_tree_path(&tree, "state.db");

        test_older(path);
        assert(unlink(path) == 0);
        test_reopen(path);
        test_relax(path);
        test_newer(path);
        test_damaged(path);
        test_tree_done(&tree);
}

/* --- costs --- */

typedef struct Statement {
        const char *name, *text;
} Statement;

static const Statement statements[] = {
#define X(name, text) {#name, text},
        STATE_DB_STATEMENTS(X)
#undef X
};

/* Those that walk a mailbox, and when. All others take part in runs that must cost what changed. */
static const char *const walkers[] = {
        "MESSAGE_KEEP_DATES",     /* once, under a new age limit */
        "MESSAGE_SURPLUS",        /* only as many as are too many */
        "NEWEST_FROM",            /* as many as the limit, where old ones are new again */
        "MESSAGE_REMOVE_ALL",     /* UIDVALIDITY changed */
        "OBJECT_REMOVE_ALL",      /* the same */
        "MESSAGE_EACH",           /* nobody's steady state */
        "MESSAGE_UNSEEN",         /* a person asked */
        "MESSAGE_UNSEEN",         /* somebody asks */
        "FILE_FORGET",            /* the mailbox is forgotten */
        "FILE_ALL_UNKNOWN",       /* UIDVALIDITY changed */
        "FILE_EACH",              /* a scan of the folder */
        "FILE_EACH_UNKNOWN",      /* only the unknown ones, by an index that has no others */
        "FILE_BOUNDS",            /* the first and the last entry of the key */
        "VOLUME_RANGES_REMOTE",   /* some are gone, and nobody says which */
        "VOLUME_RANGES_LOCAL",    /* the same */
        "CHANGE_UNLISTED_REMOTE", /* everything was listed */
        "CHANGE_UNLISTED_LOCAL",  /* the same */
};

static bool is_walker(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(walkers); i++)
                if (strcmp(walkers[i], name) == 0)
                        return true;
        return false;
}

/*
 * "SEARCH m USING PRIMARY KEY (mailbox=? AND remote=?)" is well; "(mailbox=?)" walks the mailbox. What
 * a run gathered may be walked once, but not once for each row: l, r and t are joined to others.
 */
static bool walks(const char *detail) {
        static const struct {
                const char *name;
                unsigned n_conditions;
        } tables[] = {
                {"message", 2},
                {"file",    2},
                {"object",  2},
                {"m",       2},
                {"l",       3},
                {"r",       3},
                {"t",       3},
                {"own",     2},
                {"twin",    1}
        };
        unsigned n_conditions = strncmp(detail, "SCAN ", 5) != 0;
        char table[32] = "";

        if (sscanf(detail, "SCAN %31s", table) != 1 && sscanf(detail, "SEARCH %31s", table) != 1)
                return false;
        for (const char *at = detail; (at = strstr(at, " AND ")); at++)
                n_conditions++;
        for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
                if (strcmp(table, tables[i].name) == 0)
                        return n_conditions < tables[i].n_conditions;
        return false;
}

static void test_plans(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");

        assert(db_need_temporary(db) == 0);
        for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
                char text[4096];
                sqlite3_stmt *plan;
                bool walked = false;

                (void) snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", statements[i].text);
                TEST_ROW(statements[i].name,
                         sqlite3_prepare_v2(db->sqlite, text, -1, &plan, NULL) == SQLITE_OK);
                while (sqlite3_step(plan) == SQLITE_ROW)
                        walked |= walks((const char *) sqlite3_column_text(plan, 3));
                (void) sqlite3_finalize(plan);
                TEST_ROW(statements[i].name, walked == is_walker(statements[i].name));
        }
}

/* The same, counted: steps of SQLite's machine for a small delta of a large mailbox. */
static void test_small_delta(void) {
        const uint32_t n_messages = 100000;
        _cleanup_(state_db_freep) StateDb *db = open_database(":memory:");
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
        const int64_t mailbox = add_mailbox(db, "a");
        const ReplicaMessage unknown = {.uid = n_messages + 1};
        ChangedMessage change;
        BaseMessage found;
        uint64_t n;

        assert(state_db_begin(db) == 0);
        for (uint32_t uid = 1; uid <= n_messages; uid++)
                add_message(db, mailbox, uid, uid, 0);
        assert(state_db_commit(db) == 0);
        for (size_t i = 0; i < _SQL_MAX; i++)
                if (db->statements[i])
                        (void) sqlite3_stmt_status(db->statements[i], SQLITE_STMTSTATUS_VM_STEP, 1);

        assert(state_db_uids_from(db, mailbox, SIDE_REMOTE, n_messages - 2, &uids) == 0);
        assert(state_db_find(db, mailbox, SIDE_LOCAL, 5000, &found) == 0);
        assert(state_db_change_put(db, mailbox, SIDE_LOCAL, 7, false, FLAG_SEEN) == 0);
        assert(state_db_change_put_gone(db, mailbox, SIDE_LOCAL, 5000, 5002, false) == 0);
        assert(state_db_change_put_gone(db, mailbox, SIDE_REMOTE, 9000, 9002, false) == 0);
        assert(state_db_change_count_gone(db, mailbox, SIDE_LOCAL, &n) == 0 && n == 3);
        assert(state_db_change_next(db, mailbox, 7, &change) == 0);
        assert(state_db_unknown_put(db, mailbox, SIDE_REMOTE, &unknown) == 0);
        assert(state_db_unknown_add_gone(db, mailbox, SIDE_REMOTE) == 0);
        assert(state_db_unknown_remove_known(db, mailbox) == 0);
        assert(state_db_remove(db, mailbox, 5000) == 0);
        assert(state_db_set_flags(db, mailbox, 6, FLAG_SEEN, 0) == 0);

        for (size_t i = 0; i < _SQL_MAX; i++)
                if (db->statements[i])
                        TEST_ROW(statements[i].name,
                                 sqlite3_stmt_status(db->statements[i], SQLITE_STMTSTATUS_VM_STEP,
                                                     0) < 1000);
}

/* A base that was taken over: each side by itself, until a run has gone through on it; also on the disk. */
static void test_adopted(void) {
        const Brake brake = {.percent = 25, .count = 20};
        MailboxState state = {.messages = 1000000};

        assert(!mailbox_state_is_adopted(&state, SIDE_REMOTE));
        mailbox_state_end_adoption(&state, SIDE_REMOTE);
        assert(state.gone_since == 0);

        mailbox_state_adopt(&state);
        assert(brake_holds(&brake, state.messages, 1, state.gone[SIDE_REMOTE]));
        assert(brake_holds(&brake, state.messages, 1, state.gone[SIDE_LOCAL]));
        assert(!brake_holds(&brake, state.messages, 0, state.gone[SIDE_LOCAL]));

        mailbox_state_end_adoption(&state, SIDE_REMOTE);
        assert(!mailbox_state_is_adopted(&state, SIDE_REMOTE));
        assert(mailbox_state_is_adopted(&state, SIDE_LOCAL));
        assert(!brake_holds(&brake, state.messages, 1, state.gone[SIDE_REMOTE]));
        assert(brake_holds(&brake, state.messages, 1, state.gone[SIDE_LOCAL]));

        mailbox_state_end_adoption(&state, SIDE_LOCAL);
        assert(!mailbox_state_is_adopted(&state, SIDE_LOCAL));
        assert(state.gone_since == 0);
}

int main(void) {
        test_adopted();
        test_facts();
        test_mailbox();
        test_life();
        test_keywords();
        test_base();
        test_base_is_unique();
        test_files();
        test_intents();
        test_moved();
        test_parked();
        test_forget();
        test_changes();
        test_listed();
        test_unknown();
        test_objects();
        test_local_objects();
        test_unknown_of_gone();
        test_moves();
        test_pairs();
        test_pair_behind_base();
        test_rollback();
        test_no_folder();
        test_files_on_disk();
        test_plans();
        test_small_delta();
        return 0;
}
