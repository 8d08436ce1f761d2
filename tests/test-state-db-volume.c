/* The state database: what is known of volumes. */

#include "store/state-db.h"
#include "test.h"

#define MAILBOX 1

static StateDb *open_database(void) {
        StateDb *db;
        char *error;
        int64_t id;

        assert(state_db_open(":memory:", &db, &error) == 0);
        assert(state_db_add_mailbox(db, "a", NULL, NULL, &id) == 0 && id == MAILBOX);
        return db;
}

/* Remote UIDs 10, 20, ... 100; of every second the flag is set. */
static void fill(StateDb *db) {
        for (uint32_t n = 1; n <= 10; n++) {
                const BaseMessage message = {
                        .uid = {n * 10, n},
                        .flags = n % 2 ? FLAG_SEEN : FLAG_SEEN | FLAG_FLAGGED,
                };

                assert(state_db_add(db, MAILBOX, &message) == 0);
        }
}

static void test_volumes(void) {
        _cleanup_(state_db_freep) StateDb *db = open_database();
        uint32_t uid;
        uint64_t n;

        assert(state_db_volume_next(db, MAILBOX, 0, 4, &uid, &n) == 0 && uid == 0 && n == 0);
        assert(state_db_volume_newest(db, MAILBOX, UID_MAX, 4, &uid) == 0 && uid == 1);
        fill(db);
        assert(state_db_volume_next(db, MAILBOX, 0, 4, &uid, &n) == 0 && uid == 40 && n == 4);
        assert(state_db_volume_next(db, MAILBOX, 80, 4, &uid, &n) == 0 && uid == 100 && n == 2);
        assert(state_db_volume_newest(db, MAILBOX, UID_MAX, 4, &uid) == 0 && uid == 70);
        assert(state_db_volume_newest(db, MAILBOX, 65, 2, &uid) == 0 && uid == 50);
        assert(state_db_volume_ranges(db, MAILBOX, 100, &n) == 0 && n == 10);
        assert(state_db_volume_ranges(db, MAILBOX, 3, &n) == 0 && n == 3);
        assert(state_db_add(db, MAILBOX,
                            &(BaseMessage){
                                    .uid = {101, 11}
        }) == 0);
        assert(state_db_volume_ranges(db, MAILBOX, 100, &n) == 0 && n == 10);
}

static void test_counts(void) {
        static const UidRange range = {15, 60};
        const ReplicaMessage unknown = {
                .present = REPLICA_HAS_FLAGS,
                .uid = 33,
                .flags = FLAG_FLAGGED,
        };
        _cleanup_(state_db_freep) StateDb *db = open_database();
        uint64_t counts[64], n;

        fill(db);
        assert(state_db_volume_count(db, MAILBOX, range, &n) == 0 && n == 5);
        assert(state_db_volume_flag(db, MAILBOX, range, FLAG_FLAGGED, &n) == 0 && n == 3);
        assert(state_db_volume_flags(db, MAILBOX, range, counts) == 0);
        assert(counts[0] == 5 && counts[2] == 3 && counts[1] == 0);

        assert(state_db_unknown_put(db, MAILBOX, SIDE_REMOTE, &unknown) == 0);
        assert(state_db_park(db, MAILBOX, SIDE_REMOTE, 34, "no") == 0);
        assert(state_db_park(db, MAILBOX, SIDE_LOCAL, 35, "no") == 0);
        assert(state_db_change_put_gone(db, MAILBOX, SIDE_REMOTE, 20, 30, false) == 0);
        assert(state_db_change_put_gone(db, MAILBOX, SIDE_LOCAL, 4, 4, false) == 0);
        assert(state_db_volume_count(db, MAILBOX, range, &n) == 0 && n == 7);
        assert(state_db_volume_flag(db, MAILBOX, range, FLAG_FLAGGED, &n) == 0 && n == 3);
        assert(state_db_volume_flag(db, MAILBOX, range, FLAG_SEEN, &n) == 0 && n == 3);
}

static void test_differs(void) {
        static const struct {
                const char *label;
                UidRange range;
                MessageFlags flag;
                bool has;
                uint32_t uid; /* 0: none */
        } rows[] = {
                {"all have it",         {1, 100},  FLAG_SEEN,    true,  0 },
                {"none should",         {15, 100}, FLAG_SEEN,    false, 30}, /* 20 is gone */
                {"the first without",   {1, 100},  FLAG_FLAGGED, true,  10},
                {"the first with",      {1, 100},  FLAG_FLAGGED, false, 40},
                {"nobody in the range", {41, 49},  FLAG_FLAGGED, true,  0 },
                {"none has it",         {1, 100},  FLAG_DRAFT,   false, 0 },
        };
        _cleanup_(state_db_freep) StateDb *db = open_database();
        MessageFlags flags;

        fill(db);
        assert(state_db_change_put_gone(db, MAILBOX, SIDE_REMOTE, 20, 20, false) == 0);
        assert(state_db_change_put(db, MAILBOX, SIDE_REMOTE, 30, false, FLAG_DRAFT) == 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                BaseMessage found = {0};
                const int r = state_db_volume_differs(db, MAILBOX, rows[i].range, rows[i].flag,
                                                      rows[i].has, &found);

                TEST_ROW(rows[i].label, r == (rows[i].uid ? 0 : STATE_DB_E_NONE));
                TEST_ROW(rows[i].label, found.uid[SIDE_REMOTE] == rows[i].uid);
        }
        assert(state_db_change_flags(db, MAILBOX, SIDE_REMOTE, 30, &flags) == 0 &&
               flags == FLAG_DRAFT);
        assert(state_db_change_flags(db, MAILBOX, SIDE_REMOTE, 20, &flags) == STATE_DB_E_NONE);
        assert(state_db_change_flags(db, MAILBOX, SIDE_REMOTE, 40, &flags) == STATE_DB_E_NONE);
}

static void test_rotation(void) {
        static const VolumeRotation said = {7, 1000000000000, 900000000000, 1000000000001};
        _cleanup_(state_db_freep) StateDb *db = open_database();
        VolumeRotation rotation = said;

        assert(state_db_rotation_get(db, MAILBOX, &rotation) == 0 && rotation.complete == 0);
        assert(state_db_rotation_set(db, MAILBOX, &said) == 0);
        assert(state_db_rotation_get(db, MAILBOX, &rotation) == 0);
        assert(rotation.uid == said.uid && rotation.begun == said.begun &&
               rotation.complete == said.complete && rotation.last == said.last);
        assert(state_db_forget_mailbox(db, MAILBOX) == 0);
        assert(state_db_rotation_get(db, MAILBOX, &rotation) == 0 && rotation.complete == 0);
}

int main(void) {
        test_volumes();
        test_counts();
        test_differs();
        test_rotation();
        return 0;
}
