/* The state database: what pairing costs where many messages are alike, in steps of SQLite's machine. */

#include "base/macro.h"
#include "store/state-db-private.h"
#include "test.h"

#define MAILBOX 1
#define FEW     100u
#define STEP    10 /* so many steps are counted as one */

typedef enum Alike {
        ALIKE_DATES,  /* but for their dates */
        ALIKE_BYTES,  /* but for their bytes, and in another order on the other side */
        ALIKE_COPIES, /* altogether */
        _ALIKE_MAX,
} Alike;

static StateDb *open_database(void) {
        StateDb *db;
        char *error;
        int64_t id;

        assert(state_db_open(":memory:", &db, &error) == 0);
        assert(state_db_add_mailbox(db, "a", NULL, NULL, &id) == 0 && id == MAILBOX);
        return db;
}

static void put(StateDb *db, Alike alike, Side side, uint32_t uid, uint32_t n) {
        const ReplicaMessage message = {
                .present = REPLICA_HAS_DATE | REPLICA_HAS_SIZE | REPLICA_HAS_MESSAGE_ID,
                .uid = uid,
                .date = alike == ALIKE_DATES ? uid : 1,
                .size = 500,
                .message_id = BYTES("<the@same>"),
        };

        (void) n;
        assert(state_db_unknown_put(db, MAILBOX, side, &message) == 0);
}

static void set_digest(StateDb *db, Alike alike, Side side, uint32_t uid, uint32_t n) {
        char digest[16] = "one";

        if (alike == ALIKE_BYTES)
                (void) snprintf(digest, sizeof(digest), "%u",
                                side == SIDE_LOCAL ? uid : n + 1 - uid);
        assert(state_db_unknown_set_digest(db, MAILBOX, side, uid, bytes_of(digest)) == 0);
}

static void each(StateDb *db, Alike alike, uint32_t n,
                 void (*does)(StateDb *, Alike, Side, uint32_t, uint32_t)) {
        for (Side side = 0; side < _SIDE_MAX; side++)
                for (uint32_t uid = 1; uid <= n; uid++)
                        does(db, alike, side, uid, n);
}

/* All pairs of a rung, taken out as they come. Return: how many. */
static uint32_t pair(StateDb *db, PairRung rung) {
        MessageFlags flags[_SIDE_MAX];
        BaseMessage found = {0};
        uint32_t n = 0;

        for (; state_db_pair_next(db, MAILBOX, rung, found.uid[SIDE_REMOTE], &found, flags) == 0;
             n++)
                for (Side side = 0; side < _SIDE_MAX; side++)
                        assert(state_db_unknown_remove(db, MAILBOX, side, found.uid[side]) == 0);
        return n;
}

static uint32_t count_doubtful(StateDb *db, Side side) {
        uint32_t uid = 0, n = 0;

        while (state_db_doubtful_next(db, MAILBOX, side, uid, &uid) == 0)
                n++;
        return n;
}

static int count_step(void *userdata) {
        ++*(uint64_t *) userdata;
        return 0;
}

/* As a run does it. Return: what it took. */
static uint64_t cost(Alike alike, uint32_t n) {
        _cleanup_(state_db_freep) StateDb *db = open_database();
        const bool by_bytes = alike != ALIKE_DATES;
        uint64_t steps = 0;

        each(db, alike, n, put);
        sqlite3_progress_handler(db->sqlite, STEP, count_step, &steps);
        assert(pair(db, PAIR_MESSAGE_ID) == 0);
        assert(pair(db, PAIR_DATE) == (by_bytes ? 0 : n));
        for (Side side = 0; side < _SIDE_MAX; side++)
                assert(count_doubtful(db, side) == (by_bytes ? n : 0));
        if (by_bytes)
                each(db, alike, n, set_digest);
        assert(pair(db, PAIR_DIGEST) == (by_bytes ? n : 0));
        sqlite3_progress_handler(db->sqlite, 0, NULL, NULL);
        return steps;
}

/* Four times as many take four times as long, not sixteen. */
static void test_alike(void) {
        static const char *const names[_ALIKE_MAX] = {"dates", "bytes", "copies"};

        for (Alike alike = 0; alike < _ALIKE_MAX; alike++) {
                const uint64_t few = cost(alike, FEW), many = cost(alike, 4 * FEW);

                if (many > 5 * few)
                        fprintf(stderr, "%s: %llu, then %llu\n", names[alike],
                                (unsigned long long) few, (unsigned long long) many);
                TEST_ROW(names[alike], many <= 5 * few);
        }
}

int main(void) {
        test_alike();
        return 0;
}
