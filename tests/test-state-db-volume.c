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

/* UIDs 10, 20, ... 100 on this side, 1, 2, ... 10 on the other; of every second the flag is set. */
static void fill(StateDb *db, Side side) {
        for (uint32_t n = 1; n <= 10; n++) {
                BaseMessage message = {.flags = n % 2 ? FLAG_SEEN : FLAG_SEEN | FLAG_FLAGGED};

                if (side == SIDE_LOCAL) { /* other flags on the remote one make no difference */
                        message.apart = FLAG_SEEN | FLAG_DRAFT;
                        message.flags ^= message.apart;
                }
                message.uid[side] = n * 10;
                message.uid[side_other(side)] = n;
                assert(state_db_add(db, MAILBOX, &message) == 0);
        }
}

/* What changes are kept by. */
static uint32_t remote_of(Side side, uint32_t uid) {
        return side == SIDE_REMOTE ? uid : uid / 10;
}

static void test_volumes(Side side) {
        _cleanup_(state_db_freep) StateDb *db = open_database();
        BaseMessage next = {0};
        uint32_t uid;
        uint64_t n;

        assert(state_db_volume_next(db, MAILBOX, side, 0, 4, &uid, &n) == 0 && uid == 0 && n == 0);
        assert(state_db_volume_newest(db, MAILBOX, side, UID_MAX, 4, &uid) == 0 && uid == 1);
        fill(db, side);
        assert(state_db_volume_next(db, MAILBOX, side, 0, 4, &uid, &n) == 0 && uid == 40 && n == 4);
        assert(state_db_volume_next(db, MAILBOX, side, 80, 4, &uid, &n) == 0 && uid == 100 &&
               n == 2);
        assert(state_db_volume_newest(db, MAILBOX, side, UID_MAX, 4, &uid) == 0 && uid == 70);
        assert(state_db_volume_newest(db, MAILBOX, side, 65, 2, &uid) == 0 && uid == 50);
        assert(state_db_volume_ranges(db, MAILBOX, side, 100, &n) == 0 && n == 10);
        assert(state_db_volume_ranges(db, MAILBOX, side, 3, &n) == 0 && n == 3);
        next.uid[side] = 101;
        next.uid[side_other(side)] = 11;
        assert(state_db_add(db, MAILBOX, &next) == 0);
        assert(state_db_volume_ranges(db, MAILBOX, side, 100, &n) == 0 && n == 10);
}

static void test_counts(Side side) {
        static const UidRange range = {15, 60};
        const ReplicaMessage unknown = {
                .present = REPLICA_HAS_FLAGS,
                .uid = 33,
                .flags = FLAG_FLAGGED,
        };
        _cleanup_(state_db_freep) StateDb *db = open_database();
        uint64_t counts[64], n;

        fill(db, side);
        assert(state_db_volume_count(db, MAILBOX, side, range, &n) == 0 && n == 5);
        assert(state_db_volume_flag(db, MAILBOX, side, range, FLAG_FLAGGED, &n) == 0 && n == 3);
        assert(state_db_volume_flags(db, MAILBOX, side, range, counts) == 0);
        assert(counts[0] == 5 && counts[2] == 3 && counts[1] == 0);

        assert(state_db_unknown_put(db, MAILBOX, side, &unknown) == 0);
        assert(state_db_park(db, MAILBOX, side, 34, "no") == 0);
        assert(state_db_park(db, MAILBOX, side_other(side), 35, "no") == 0);
        assert(state_db_change_put_gone(db, MAILBOX, side, 20, 30, false) == 0);
        assert(state_db_change_put_gone(db, MAILBOX, side_other(side), 4, 4, false) == 0);
        assert(state_db_volume_count(db, MAILBOX, side, range, &n) == 0 && n == 7);
        assert(state_db_volume_flag(db, MAILBOX, side, range, FLAG_FLAGGED, &n) == 0 && n == 3);
        assert(state_db_volume_flag(db, MAILBOX, side, range, FLAG_SEEN, &n) == 0 && n == 3);
}

static void test_differs(Side side) {
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

        fill(db, side);
        assert(state_db_change_put_gone(db, MAILBOX, side, 20, 20, false) == 0);
        assert(state_db_change_put(db, MAILBOX, side, remote_of(side, 30), false, FLAG_DRAFT) == 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                BaseMessage found = {0};
                const int r = state_db_volume_differs(db, MAILBOX, side, rows[i].range,
                                                      rows[i].flag, rows[i].has, &found);

                TEST_ROW(rows[i].label, r == (rows[i].uid ? 0 : STATE_DB_E_NONE));
                TEST_ROW(rows[i].label, found.uid[side] == rows[i].uid);
        }
        assert(state_db_change_flags(db, MAILBOX, side, remote_of(side, 30), &flags) == 0 &&
               flags == FLAG_DRAFT);
        assert(state_db_change_flags(db, MAILBOX, side, remote_of(side, 20), &flags) ==
               STATE_DB_E_NONE);
        assert(state_db_change_flags(db, MAILBOX, side, remote_of(side, 40), &flags) ==
               STATE_DB_E_NONE);
}

static void test_rotation(Side side) {
        static const VolumeRotation said = {7, 1000000000000, 900000000000, 1000000000001};
        _cleanup_(state_db_freep) StateDb *db = open_database();
        VolumeRotation rotation = said;

        assert(state_db_rotation_get(db, MAILBOX, side, &rotation) == 0 && rotation.complete == 0);
        assert(state_db_rotation_set(db, MAILBOX, side, &said) == 0);
        assert(state_db_rotation_get(db, MAILBOX, side, &rotation) == 0);
        assert(rotation.uid == said.uid && rotation.begun == said.begun &&
               rotation.complete == said.complete && rotation.last == said.last);
        assert(state_db_rotation_get(db, MAILBOX, side_other(side), &rotation) == 0 &&
               rotation.complete == 0);
        assert(state_db_forget_mailbox(db, MAILBOX) == 0);
        assert(state_db_rotation_get(db, MAILBOX, side, &rotation) == 0 && rotation.complete == 0);
}

int main(void) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                test_volumes(side);
                test_counts(side);
                test_differs(side);
                test_rotation(side);
        }
        return 0;
}
