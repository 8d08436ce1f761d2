/*
 * Random two-way runs of mailboxes that go one way
 *
 *      test-model-direction [SEEDS [FIRST-SEED]]
 *
 * Random things happen on both sides, processes are killed and connections lost, and the side that leads is as nobody
 * but its own clients has made it: message by message, UID by UID. The other one has all of it, less what was deleted
 * there. When both ways are allowed again nothing happens that nobody has asked for then.
 */

#include "base/macro.h"
#include "sync-world.h"
#include "test.h"

#define INBOX "INBOX"

static Direction direction; /* of every mailbox */

static Direction direction_of(const char *mailbox, void *userdata) {
        (void) mailbox, (void) userdata;
        return direction;
}

static void start(World *world) {
        world->options.direction = direction_of;
        world_start(world);
}

/* The next process, with another direction. */
static void turn(World *world, Direction wanted) {
        world_stop(world);
        direction = wanted;
        start(world);
        assert(world_sync(world));
}

static uint64_t n_writes(const World *world, Side side) {
        return memory_replica_n_writes(world->replica[side]);
}

#define MAX_MESSAGES 200u

typedef struct Chance {
        World world;
        uint64_t random, seed;
        Side leader;
        unsigned n_messages;
        /* The follower's clients have delivered, moved or deleted it: it may be with one side alone. */
        bool is_touched[MAX_MESSAGES];
        bool is_deleted
                [MAX_MESSAGES]; /* by them, and not moved by the leader's, since it comes with that */
        bool is_moved[MAX_MESSAGES]; /* by the leader's clients, and no run has seen it */
} Chance;

static unsigned below(Chance *c, unsigned n) {
        c->random ^= c->random >> 12;
        c->random ^= c->random << 25;
        c->random ^= c->random >> 27;
        return (unsigned) (c->random * 0x2545f4914f6cdd1du >> 33) % n;
}

static const char *const boxes[] = {INBOX, "A"};

static MemoryMailbox *random_box(Chance *c, Side side) {
        return world_stored(&c->world, side, boxes[below(c, ARRAY_SIZE(boxes))]);
}

static MemoryMessage *random_message(Chance *c, MemoryMailbox *box) {
        MemoryMessage *message;

        if (box->n_messages == 0)
                return NULL;
        message = &box->messages[below(c, (unsigned) box->n_messages)];
        return message->stage == MEMORY_VISIBLE ? message : NULL;
}

static unsigned number_of(const char *text) {
        return (unsigned) strtoul(text + strcspn(text, "0123456789"), NULL, 10);
}

static void touch(Chance *c, Side side, const char *text) {
        if (side != c->leader)
                c->is_touched[number_of(text)] = true;
}

static unsigned count_copies(Chance *c, Side side, const char *bytes);

static void expunge(Chance *c, Side side, MemoryMailbox *box, const MemoryMessage *message) {
        _cleanup_free_ char *bytes = strdup(message->bytes);
        const unsigned n = number_of(bytes);

        touch(c, side, bytes);
        memory_expunge(box, message->uid);
        if (side != c->leader && !c->is_moved[n] && count_copies(c, side, bytes) == 0)
                c->is_deleted[n] = true;
}

static void move(Chance *c, Side side, MemoryMailbox *box, const MemoryMessage *message) {
        const unsigned n = number_of(message->bytes);

        touch(c, side, message->bytes);
        if (side == c->leader) {
                c->is_moved[n] = true;
                c->is_deleted[n] = false;
        }
        memory_move(box, message->uid,
                    world_stored(&c->world, side, boxes[strcmp(box->name, boxes[0]) == 0]));
}

static void happen(Chance *c) {
        static const char *const flags[] = {"S", "R", "F", "+work", "+home"};
        const Side side = below(c, 2) ? SIDE_REMOTE : SIDE_LOCAL;
        MemoryMailbox *box = random_box(c, side);
        MemoryMessage *message = random_message(c, box);
        char text[32];

        switch (below(c, 6)) {
        case 0:
        case 1:
                (void) snprintf(text, sizeof(text), "m%03u", c->n_messages);
                if (c->n_messages == MAX_MESSAGES)
                        return;
                world_deliver(&c->world, side, box->name, text);
                touch(c, side, text);
                c->n_messages++;
                return;
        case 2:
        case 3:
                if (message)
                        memory_set_flags(box, message,
                                         message->flags ^ world_flags(&c->world, side,
                                                                      world_parse_flags(
                                                                              &c->world,
                                                                              flags[below(c, 5)])));
                return;
        case 4:
                if (message)
                        expunge(c, side, box, message);
                return;
        case 5:
                if (message && random_box(c, side) != box)
                        move(c, side, box, message);
                return;
        }
        abort();
}

/* A side as text: each message with its UID and flags. */
static char *snapshot(Chance *c, Side side) {
        Buffer text = BUFFER_NULL;
        char *result;

        for (size_t i = 0; i < ARRAY_SIZE(boxes); i++) {
                const MemoryMailbox *box = world_stored(&c->world, side, boxes[i]);

                assert(buffer_append_format(&text, "%s: %zu\n", box->name, box->n_messages) == 0);
                for (size_t n = 0; n < box->n_messages; n++)
                        assert(buffer_append_format(&text, "%u %llx %.24s\n", box->messages[n].uid,
                                                    (unsigned long long) box->messages[n].flags,
                                                    box->messages[n].bytes) == 0);
        }
        result = buffer_steal_string(&text);
        assert(result);
        return result;
}

static void bad(const Chance *c, const char *what, const char *more) {
        fprintf(stderr, "seed %llu, %s: %s%s\n", (unsigned long long) c->seed,
                direction_name(direction), what, more);
        abort();
}

static unsigned count_copies(Chance *c, Side side, const char *bytes) {
        unsigned n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(boxes); i++) {
                const MemoryMailbox *box = world_stored(&c->world, side, boxes[i]);

                for (size_t k = 0; k < box->n_messages; k++)
                        n += strcmp(box->messages[k].bytes, bytes) == 0;
        }
        return n;
}

/* Each message that the leader has is with the follower, or was deleted there: then it is parked; none is
 * with either of them more often than an archive makes it. */
static void check_followed(Chance *c) {
        for (size_t i = 0; i < ARRAY_SIZE(boxes); i++) {
                MemoryMailbox *box = world_stored(&c->world, c->leader, boxes[i]);

                for (size_t n = 0; n < box->n_messages; n++) {
                        const char *bytes = box->messages[n].bytes;

                        if (count_copies(c, c->leader, bytes) != 1)
                                bad(c, "doubled where it came from: ", bytes);
                        if (c->is_deleted[number_of(bytes)] &&
                            count_copies(c, side_other(c->leader), bytes) > 0)
                                bad(c, "deleted, and there again: ", bytes);
                }
        }
        for (size_t i = 0; i < ARRAY_SIZE(boxes); i++) {
                _cleanup_free_ char *text = world_describe(&c->world, boxes[i]);

                for (char *line = text; *line; line = strchr(line, '\n') + 1) {
                        const size_t size = strcspn(line, "\n");

                        /* in the base, or parked: nothing is left over */
                        if (!memmem(line, size, "| =", 3) && !memmem(line, size, "parked", 6))
                                bad(c, "neither in sync nor left alone:\n", text);
                        if (memmem(line, size, "gone", 4))
                                bad(c, "it is gone, and in the base:\n", text);
                        if (memmem(line, size, "parked", 6) && !c->is_touched[number_of(line)] &&
                            (direction != DIRECTION_ARCHIVE || *line != '|'))
                                bad(c, "it should have followed:\n", text);
                }
        }
}

static void go_wrong(Chance *c) {
        const Side server =
                !c->world.store[SIDE_LOCAL].is_files && below(c, 2) ? SIDE_LOCAL : SIDE_REMOTE;

        switch (below(c, 4)) {
        case 0:
                c->world.kill.at = c->world.kill.n_actions + 1 + below(c, 12);
                return;
        case 1:
                memory_replica_lose(c->world.replica[server], below(c, 60), below(c, 3));
                return;
        case 2:
                c->world.store[server].fails = 1 + below(c, 8);
                return;
        case 3:
                return;
        }
        abort();
}

/* Until a run goes through. */
static void settle(Chance *c) {
        uint64_t n_asked = 0;

        for (unsigned i = 0; i < 20; i++) {
                const bool is_done = world_sync(&c->world);

                n_asked += n_writes(&c->world, c->leader);
                if (is_done && engine_totals(c->world.engine).failed == 0)
                        break;
                world_stop(&c->world);
                c->world.kill.at = 0;
                start(&c->world);
        }
        c->world.kill.at = 0; /* what has not gone wrong by now does not */
        c->world.store[SIDE_REMOTE].fails = c->world.store[SIDE_LOCAL].fails = 0;
        if (n_asked > 0 && direction != DIRECTION_BOTH)
                bad(c, "the leader was asked for a change", "");
}

/* Both ways, or the same again: there is nothing to do. */
static void check_rest(Chance *c, Direction next) {
        char *before[] = {snapshot(c, SIDE_REMOTE), snapshot(c, SIDE_LOCAL)};

        turn(&c->world, next);
        for (Side side = 0; side < _SIDE_MAX; side++) {
                _cleanup_free_ char *after = snapshot(c, side);

                if (strcmp(before[side], after) != 0 || n_writes(&c->world, side) > 0)
                        bad(c, "with nothing to do something was done: ", side_name(side));
                free(before[side]);
        }
}

static void live(Chance *c, Direction wanted) {
        _cleanup_free_ char *before = NULL, *after = NULL;

        for (unsigned i = below(c, 8); i > 0; i--)
                happen(c);
        if (below(c, 100) < 10) {
                world_stop(&c->world);
                world_lose_database(&c->world);
                start(&c->world);
                memset(c->is_touched, true, sizeof(c->is_touched));
                memset(c->is_deleted, false, sizeof(c->is_deleted));
        }
        before = snapshot(c, c->leader);
        if (below(c, 2))
                go_wrong(c);
        settle(c);
        memset(c->is_moved, false, sizeof(c->is_moved));
        after = snapshot(c, c->leader);
        if (strcmp(before, after) != 0)
                bad(c, "the leader was changed:\n", after);
        check_followed(c);
        if (below(c, 4) == 0) {
                check_rest(c, wanted);
                check_rest(c, DIRECTION_BOTH);
                check_rest(c, wanted);
        }
}

static void run_seed(uint64_t seed) {
        static const Direction wanted[] = {DIRECTION_PULL, DIRECTION_PUSH, DIRECTION_ARCHIVE};
        Chance c = {.seed = seed, .random = seed * 0x9e3779b97f4a7c15u + 1};
        MemoryStore *local = &c.world.store[SIDE_LOCAL];

        direction = wanted[seed % 3];
        c.leader = direction == DIRECTION_PUSH ? SIDE_LOCAL : SIDE_REMOTE;
        world_init(&c.world);
        c.world.options.brake = (Brake){.percent = 100, .count = MAX_MESSAGES};
        c.world.options.volumes.listed = 1;
        local->is_files = below(&c, 2);
        for (Side side = 0; side < _SIDE_MAX; side++) {
                MemoryStore *store = &c.world.store[side];

                store->no_uidplus = !store->is_files && below(&c, 4) == 0;
                store->no_modseq = below(&c, 4) == 0;
                store->tells_new = below(&c, 2);
                store->no_move = !store->is_files && below(&c, 5) == 0;
                for (size_t i = 0; i < ARRAY_SIZE(boxes); i++)
                        memory_store_add(store, boxes[i]);
        }
        start(&c.world);
        for (unsigned i = 0; i < 15; i++)
                live(&c, wanted[seed % 3]);
        world_done(&c.world);
}

int main(int argc, char **argv) {
        const uint64_t n_seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 100;
        const uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

        for (uint64_t i = 0; i < n_seeds; i++)
                run_seed(first + i);
        return 0;
}
