/*
 * Random two-way runs against a model
 *
 *      test-model [SEEDS [OPERATIONS [FIRST-SEED]]]
 *
 * Two stores of random kinds; random things happen to them between and in the middle of runs, while
 * processes are killed and connections lost. The model knows each message by its name: it is there
 * until one side deletes it, and each of its flags is changed on one side only, so that its last value
 * there is what both must have. In the end remote, local, base and model are the same, nothing is
 * doubled, and a further run changes nothing.
 */

#include "base/macro.h"
#include "sync-world.h"
#include "test.h"

#define MAX_MESSAGES 256u
#define MAILBOX      "INBOX"

typedef struct ModelMessage {
        bool exists;
        Side origin;
        MessageFlags flags;   /* in the world's keywords */
        MessageFlags changed; /* since all was at rest */
} ModelMessage;

typedef struct Model {
        World world;
        uint64_t random, seed;
        ModelMessage messages[MAX_MESSAGES];
        unsigned n_messages;
        unsigned n_settled; /* those before it are in the base */
        unsigned per_mille; /* chance that something happens before an event */
        bool is_peaceful;   /* nothing went wrong since all was at rest */
        bool is_verbose;
        bool no_keywords;
} Model;

/* xorshift64*; good enough to stumble */
static uint64_t next_random(Model *model) {
        model->random ^= model->random >> 12;
        model->random ^= model->random << 25;
        model->random ^= model->random >> 27;
        return model->random * 0x2545f4914f6cdd1du;
}

static unsigned below(Model *model, unsigned n) {
        return (unsigned) (next_random(model) >> 33) % n;
}

static bool chance(Model *model, unsigned percent) {
        return below(model, 100) < percent;
}

#define TRACE(model, ...)                                                                          \
        do {                                                                                       \
                if ((model)->is_verbose)                                                           \
                        fprintf(stderr, __VA_ARGS__);                                              \
        } while (0)

static MemoryMailbox *stored_of(Model *model, Side side) {
        return memory_store_find(&model->world.store[side], MAILBOX);
}

/* The bytes of message @n, some without a Message-ID. */
static void make_message(Model *model, unsigned n, WorldMessage *ret_message) {
        char text[64];

        (void) snprintf(text, sizeof(text), n % 5 == 4 ? "none/%03u" : "m%03u", n);
        world_parse_message(&model->world, text, ret_message);
}

static unsigned number_of(const MemoryMessage *message) {
        const char *subject = strstr(message->bytes, "Subject: ") + strlen("Subject: ");

        return (unsigned) strtoul(subject + strcspn(subject, "0123456789"), NULL, 10);
}

/* The flags that the tests set: all but \Deleted and \Draft, and two keywords. */
static MessageFlags random_flag(Model *model) {
        static const char *const flags[] = {"S", "R", "F", "P", "+work", "+home"};

        const unsigned n = ARRAY_SIZE(flags) - (model->no_keywords ? 2 : 0);

        return world_parse_flags(&model->world, flags[below(model, n)]);
}

/* Which side may change this flag of this message. */
static Side owner_of(unsigned n, MessageFlags flag) {
        const uint64_t hash = (n + 1) * 0x9e3779b97f4a7c15u ^ flag * 0xff51afd7ed558ccdu;

        return hash >> 60 & 1 ? SIDE_REMOTE : SIDE_LOCAL;
}

static MemoryMessage *random_message(Model *model, Side side) {
        MemoryMailbox *stored = stored_of(model, side);
        MemoryMessage *message;

        if (stored->n_messages == 0)
                return NULL;
        message = &stored->messages[below(model, (unsigned) stored->n_messages)];
        return message->stage == MEMORY_VISIBLE ? message : NULL;
}

/* --- what other clients do --- */

static void deliver(Model *model, Side side) {
        const unsigned n = model->n_messages;
        WorldMessage message;

        if (n == MAX_MESSAGES)
                return;
        make_message(model, n, &message);
        for (unsigned i = 0; i < 2; i++) {
                const MessageFlags flag = random_flag(model);

                if (owner_of(n, flag) == side)
                        message.flags |= flag;
        }
        TRACE(model, "  %s: deliver %u\n", side_name(side), n);
        memory_deliver(stored_of(model, side), 0, message.bytes, message.date,
                       world_flags(&model->world, side, message.flags));
        model->messages[n] = (ModelMessage){true, side, message.flags, 0};
        model->n_messages++;
}

static void change_flag(Model *model, Side side) {
        MemoryMessage *message = random_message(model, side);
        const MessageFlags flag = random_flag(model);
        unsigned n;

        if (!message)
                return;
        n = number_of(message);
        if (owner_of(n, flag) != side)
                return;
        /* as long as there is no base for it, what either side has set stays set */
        if (n >= model->n_settled && (model->messages[n].flags & flag))
                return;
        /* a change that was carried out but not heard of, and is taken back, is one of the other side */
        if (!model->is_peaceful && (model->messages[n].changed & flag))
                return;
        TRACE(model, "  %s: flag %llx of %u (UID %u)\n", side_name(side), (unsigned long long) flag,
              n, message->uid);
        memory_set_flags(stored_of(model, side), message,
                         message->flags ^ world_flags(&model->world, side, flag));
        model->messages[n].flags ^= flag;
        model->messages[n].changed |= flag;
}

static void expunge(Model *model, Side side) {
        MemoryMessage *message = random_message(model, side);
        unsigned n;

        if (!message)
                return;
        /* what has no base may be there twice: its copy was taken, and that not heard of */
        n = number_of(message);
        if (n >= model->n_settled &&
            (side == SIDE_LOCAL || model->messages[n].origin == SIDE_LOCAL ||
             !model->world.store[SIDE_LOCAL].is_files))
                return;
        TRACE(model, "  %s: expunge %u (UID %u)\n", side_name(side), n, message->uid);
        model->messages[n].exists = false;
        memory_expunge(stored_of(model, side), message->uid);
}

static void happen(Model *model) {
        const Side side = chance(model, 50) ? SIDE_REMOTE : SIDE_LOCAL;

        switch (below(model, 5)) {
        case 0:
        case 1:
                deliver(model, side);
                return;
        case 2:
        case 3:
                change_flag(model, side);
                return;
        case 4:
                expunge(model, side);
                return;
        }
        abort();
}

/* The same message comes to both sides by other ways: it must be paired. */
static void deliver_to_both(Model *model) {
        const unsigned n = model->n_messages;
        WorldMessage message;

        if (n == MAX_MESSAGES)
                return;
        make_message(model, n, &message);
        TRACE(model, "  both: deliver %u\n", n);
        for (Side side = 0; side < _SIDE_MAX; side++)
                memory_deliver(stored_of(model, side), 0, message.bytes, message.date, 0);
        model->messages[n] = (ModelMessage){true, SIDE_LOCAL, 0, 0};
        model->n_messages++;
}

static void on_next(void *userdata) {
        Model *model = userdata;

        if (model->per_mille > 0 && below(model, 1000) < model->per_mille)
                happen(model);
}

/* --- what goes wrong --- */

static void renumber(Model *model) {
        MemoryMailbox *remote = stored_of(model, SIDE_REMOTE);

        switch (below(model, 3)) {
        case 0:
                remote->uidvalidity++;
                memory_renumber(remote, 1);
                break;
        case 1: /* the index is lost, the modseq restarts */
                remote->modseq = 0;
                memory_renumber(remote, remote->uidnext);
                break;
        case 2: /* and nothing shows it */
                memory_renumber(remote, remote->uidnext);
                break;
        }
        TRACE(model, "  remote: renumbered, UIDVALIDITY %u, modseq %llu\n", remote->uidvalidity,
              (unsigned long long) remote->modseq);
}

static void go_wrong(Model *model) {
        World *world = &model->world;
        MemoryStore *store = &world->store[chance(model, 50) ? SIDE_REMOTE : SIDE_LOCAL];
        const unsigned after = below(model, 60);

        model->is_peaceful = false;

        switch (below(model, 6)) {
        case 0:
                world->kill.at = world->kill.n_actions + 1 + below(model, 12);
                TRACE(model, "  to be killed after action %llu\n",
                      (unsigned long long) world->kill.at);
                return;
        case 1:
        case 2:
                TRACE(model, "  connection to be lost after %u\n", after);
                memory_replica_lose(world->replica[SIDE_REMOTE], after, below(model, 3));
                return;
        case 3:
                TRACE(model, "  a request to fail\n");
                store->fails = 1 + below(model, 8);
                return;
        case 4:
                TRACE(model, "  EXISTS and VANISHED to lie\n");
                world->store[SIDE_REMOTE].n_bogus_exists = below(model, 2);
                world->store[SIDE_REMOTE].n_bogus_vanished = 1;
                world->store[SIDE_REMOTE].bogus_vanished =
                        (UidRange){1 + below(model, 5), 5 + below(model, 5)};
                return;
        case 5:
                store->n_no_body = 1;
                store->no_body = "Subject";
                return;
        }
        abort();
}

/* --- runs --- */

static void start(Model *model) {
        world_start(&model->world);
        for (Side side = 0; side < _SIDE_MAX; side++)
                memory_replica_on_next(model->world.replica[side], on_next, model);
}

static void restart(Model *model) {
        TRACE(model, " restart\n");
        world_stop(&model->world);
        model->world.kill.at = 0;
        start(model);
}

/* Until a run comes through in peace. */
static void settle(Model *model) {
        model->per_mille = 0;
        model->world.kill.at = 0;
        if (!world_sync(&model->world)) {
                restart(model);
                assert(world_sync(&model->world));
        }
        while (engine_totals(model->world.engine).failed > 0)
                assert(world_sync(&model->world));
        model->n_settled = model->n_messages;
        model->is_peaceful = true;
        for (unsigned n = 0; n < model->n_messages; n++)
                model->messages[n].changed = 0;
}

static char *describe_model(Model *model) {
        Buffer text = BUFFER_NULL;
        char *described;

        /* "m003" sorts before "none/004", and both by number */
        for (unsigned no_id = 0; no_id < 2; no_id++)
                for (unsigned n = 0; n < model->n_messages; n++) {
                        const ModelMessage *message = &model->messages[n];
                        Buffer flags = BUFFER_NULL;
                        char name[32];

                        if (!message->exists || (n % 5 == 4) != no_id)
                                continue;
                        (void) snprintf(name, sizeof(name), no_id ? "none/%03u" : "m%03u", n);
                        world_format_flags(&model->world, message->flags, &flags);
                        assert(buffer_append_format(&text, "%s%.*s | %s%.*s | =%.*s\n", name,
                                                    (int) flags.size, flags.size ? flags.data : "",
                                                    name, (int) flags.size,
                                                    flags.size ? flags.data : "", (int) flags.size,
                                                    flags.size ? flags.data : "") == 0);
                        buffer_done(&flags);
                }
        described = buffer_steal_string(&text);
        assert(described);
        return described;
}

static void check(Model *model, const char *when) {
        _cleanup_free_ char *is = world_describe(&model->world, MAILBOX);
        _cleanup_free_ char *should = describe_model(model);

        if (strcmp(is, should) == 0)
                return;
        fprintf(stderr, "seed %llu, %s\n--- is\n%s--- should be\n%s",
                (unsigned long long) model->seed, when, is, should);
        abort();
}

static void check_quiet(Model *model) {
        for (unsigned i = 0; i < 2; i++) {
                restart(model);
                assert(world_sync(&model->world));
                check(model, "after a further run");
                world_stop(&model->world);
                if (model->world.n_writes > 0 || (i > 0 && model->world.n_commits > 0)) {
                        fprintf(stderr, "seed %llu: a run with nothing to do does something\n",
                                (unsigned long long) model->seed);
                        abort();
                }
        }
}

/* A stretch of life: something happens, and runs go on meanwhile. */
static void live(Model *model) {
        const unsigned n = below(model, 8);

        model->per_mille = chance(model, 50) ? below(model, 60) : 0;
        for (unsigned i = 0; i < n; i++)
                happen(model);
        if (chance(model, 20))
                restart(model);
        if (chance(model, 60))
                go_wrong(model);
        TRACE(model, " run\n");
        if (!world_sync(&model->world))
                restart(model);
        if (chance(model, 50))
                return;

        settle(model);
        check(model, "at rest");
        if (chance(model, 30)) {
                deliver_to_both(model);
                settle(model); /* until they are one, a deletion of one is none of the other */
        }
        if (chance(model, 10)) {
                TRACE(model, " database lost\n");
                world_stop(&model->world);
                world_lose_database(&model->world);
                start(model);
                settle(model);
                check(model, "without the old database");
        }
        if (chance(model, 20)) {
                renumber(model);
                TRACE(model, " run\n");
                settle(model);
                check(model, "renumbered");
        }
}

/* How flags are found that are not told; only a list has keywords that nobody has heard of. */
static void choose_flag_scan(Model *model) {
        EngineOptions *options = &model->world.options;

        switch (below(model, 3)) {
        case 0: /* by a list */
                options->volumes.listed = 1;
                return;
        case 1: /* by a search, all in one turn */
                model->no_keywords = true;
                return;
        case 2: /* by a search of the whole mailbox, whoever's turn it is */
                model->no_keywords = true;
                options->volumes.answer = 1000000;
                options->flag_scan = (int64_t) 24 * 3600 * 1000000;
                return;
        }
        abort();
}

static void choose_rung(Model *model, MemoryStore *store) {
        static const unsigned untold[] = {
                0,
                0,
                REPLICA_UNTOLD_EXPUNGES,
                REPLICA_UNTOLD_EXPUNGES | REPLICA_UNTOLD_FLAGS,
        };

        store->untold = untold[below(model, ARRAY_SIZE(untold))];
        store->can_count = chance(model, 50);
        model->world.options.volumes.messages = 2 + below(model, 8);
        model->world.options.volumes.answer = below(model, 60);
        choose_flag_scan(model);
}

static void choose_stores(Model *model) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                MemoryStore *store = &model->world.store[side];

                store->is_files = side == SIDE_LOCAL && chance(model, 70);
                store->no_modseq = chance(model, 25);
                store->tells_new = chance(model, 50);
                store->window = chance(model, 30) ? 1 + below(model, 20) : 0;
                store->no_uidplus = side == SIDE_REMOTE && chance(model, 25);
                if (side == SIDE_REMOTE && !store->no_modseq)
                        choose_rung(model, store);
                memory_store_add(store, MAILBOX);
        }
}

static void run_seed(uint64_t seed, unsigned n_operations, bool is_verbose) {
        Model model = {
                .seed = seed,
                .random = seed * 0x9e3779b97f4a7c15u + 1,
                .is_verbose = is_verbose,
        };

        memory_replica_trace = is_verbose;
        world_init(&model.world);
        model.world.options.brake = (Brake){.percent = 100, .count = MAX_MESSAGES};
        choose_stores(&model);
        start(&model);
        for (unsigned i = 0; i < n_operations / 4; i++)
                live(&model);
        settle(&model);
        check(&model, "at the end");
        check_quiet(&model);
        world_done(&model.world);
}

int main(int argc, char **argv) {
        const uint64_t n_seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 100;
        const unsigned n_operations = argc > 2 ? (unsigned) strtoul(argv[2], NULL, 10) : 60;
        const uint64_t first = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;

        for (uint64_t i = 0; i < n_seeds; i++)
                run_seed(first + i, n_operations, argc > 3 && n_seeds == 1);
        return 0;
}
