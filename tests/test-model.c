/*
 * Random two-way runs against a model
 *
 *      test-model [SEEDS [OPERATIONS [FIRST-SEED [limits]]]]
 *
 * Two stores of random kinds; random things happen to them between and in the middle of runs, while
 * processes are killed and connections lost. The model knows each message by its name: it is in one
 * mailbox until one side moves it to another or deletes it, and each of its flags is changed on one
 * side only, so that its last value there is what both must have. Mailboxes are renamed, deleted and
 * made again. In the end remote, local, base and model are the same, nothing is doubled, and a further
 * run changes nothing.
 *
 * With limits, some mailboxes have one of age or of count, and days pass: what is beyond it may be, and what nobody
 * wants to keep must be, on the remote side only. In the end the limits are lifted, and all is as without.
 */

#include "base/macro.h"
#include "sync-world.h"
#include "sync/limit.h"
#include "sync/run-private.h"
#include "test.h"

#define MAX_MESSAGES 256u
#define N_BOXES      4u

/* INBOX, two others, and one below the last of those. */
typedef struct ModelBox {
        bool exists;
        char name[_SIDE_MAX][16];
        bool is_still
                [_SIDE_MAX]; /* the other side has renamed or deleted it: nothing happens here */
} ModelBox;
#define BOX_PARENT 2u
#define BOX_CHILD  3u

typedef struct ModelMessage {
        bool exists;
        Side origin;
        unsigned box;
        bool is_moved;        /* since all was at rest, ... */
        Side mover;           /* ... on this side */
        MessageFlags flags;   /* in the world's keywords */
        MessageFlags changed; /* since all was at rest */
} ModelMessage;

typedef struct Model {
        World world;
        uint64_t random, seed;
        ModelBox boxes[N_BOXES];
        ModelMessage messages[MAX_MESSAGES];
        unsigned n_messages;
        unsigned n_settled; /* those before it are in the base */
        unsigned per_mille; /* chance that something happens before an event */
        bool is_peaceful;   /* nothing went wrong since all was at rest */
        bool is_at_rest, has_run;
        bool is_changed[BOX_CHILD]; /* since then: a mailbox, or what is below it */
        bool is_verbose;
        bool has_limits;
        bool is_running;
} Model;

#define DAY   ((int64_t) 24 * 3600)
#define TODAY ((int64_t) 1000000000) /* the world's first day */

static uint64_t age, count; /* of the mailboxes that have a limit */

/* By its name, so that a renamed one may have another. */
static bool has_limit(const char *mailbox) {
        return strcmp(mailbox, "INBOX") == 0 || (mailbox[0] & 1);
}

static uint64_t age_limit(const char *mailbox, void *userdata) {
        (void) userdata;
        return has_limit(mailbox) ? age : 0;
}

static uint64_t count_limit(const char *mailbox, void *userdata) {
        (void) userdata;
        return has_limit(mailbox) ? count : 0;
}

static int64_t date_of(unsigned n) {
        return TODAY - n * 37 % 200 * DAY + n;
}

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

/* NULL: it is not there. */
static MemoryMailbox *stored_of(Model *model, Side side, unsigned box) {
        return memory_store_find(&model->world.store[side], model->boxes[box].name[side]);
}

static MemoryMailbox *random_stored(Model *model, Side side, unsigned *ret_box) {
        const unsigned box = chance(model, 50) ? 0 : below(model, N_BOXES);

        *ret_box = box;
        return model->boxes[box].exists && !model->boxes[box].is_still[side]
                       ? stored_of(model, side, box)
                       : NULL;
}

/* Is it in the base, where it is? */
static bool is_settled(const Model *model, unsigned n) {
        return n < model->n_settled && !model->messages[n].is_moved;
}

/* Some are without a Message-ID. */
static void name_message(const Model *model, unsigned n, char name[static 64]) {
        if (model->has_limits)
                (void) snprintf(name, 64, n % 5 == 4 ? "none/%03u@%lld" : "m%03u@%lld", n,
                                (long long) date_of(n));
        else
                (void) snprintf(name, 64, n % 5 == 4 ? "none/%03u@%u" : "m%03u", n, n);
}

static void make_message(Model *model, unsigned n, WorldMessage *ret_message) {
        char text[64];

        name_message(model, n, text);
        world_parse_message(&model->world, text, ret_message);
}

static unsigned number_of(const MemoryMessage *message) {
        const char *subject = strstr(message->bytes, "Subject: ") + strlen("Subject: ");

        return (unsigned) strtoul(subject + strcspn(subject, "0123456789"), NULL, 10);
}

/* The flags that the tests set: all but \Deleted and \Draft, and two keywords. */
static MessageFlags random_flag(Model *model) {
        static const char *const flags[] = {"S", "R", "F", "P", "+work", "+home"};

        return world_parse_flags(&model->world, flags[below(model, ARRAY_SIZE(flags))]);
}

/* Which side may change this flag of this message. */
static Side owner_of(unsigned n, MessageFlags flag) {
        const uint64_t hash = (n + 1) * 0x9e3779b97f4a7c15u ^ flag * 0xff51afd7ed558ccdu;

        return hash >> 60 & 1 ? SIDE_REMOTE : SIDE_LOCAL;
}

/* May it leave the local side any moment, or is it doing so? What somebody does with it just then comes too late. */
static bool is_leaving(Model *model, Side side, unsigned box, const MemoryMessage *message) {
        const SyncMailbox *mailbox =
                engine_lookup(model->world.engine, model->boxes[box].name[side]);
        _cleanup_free_ char *reason = NULL;

        if (!model->has_limits || side == SIDE_REMOTE || !mailbox)
                return false;
        if (model->is_running && (message->flags & (FLAG_SEEN | FLAG_FLAGGED)) == FLAG_SEEN)
                return true;
        return state_db_parked_reason(model->world.db, mailbox->state.id, side, message->uid,
                                      &reason) == 0 &&
               strcmp(reason, STATE_DB_EVICTED) == 0;
}

static MemoryMessage *random_message(Model *model, Side side, unsigned *ret_box) {
        MemoryMailbox *stored = random_stored(model, side, ret_box);
        MemoryMessage *message;

        if (!stored || stored->n_messages == 0)
                return NULL;
        message = &stored->messages[below(model, (unsigned) stored->n_messages)];
        return message->stage == MEMORY_VISIBLE && !is_leaving(model, side, *ret_box, message)
                       ? message
                       : NULL;
}

/* --- what other clients do --- */

static void deliver(Model *model, Side side) {
        const unsigned n = model->n_messages;
        unsigned box;
        MemoryMailbox *stored = random_stored(model, side, &box);
        WorldMessage message;

        if (!stored || n == MAX_MESSAGES)
                return;
        make_message(model, n, &message);
        for (unsigned i = 0; i < 2; i++) {
                const MessageFlags flag = random_flag(model);

                if (owner_of(n, flag) == side)
                        message.flags |= flag;
        }
        TRACE(model, "  %s: deliver %u to %s\n", side_name(side), n, stored->name);
        memory_deliver(stored, 0, message.bytes, message.date,
                       world_flags(&model->world, side, message.flags));
        model->messages[n] =
                (ModelMessage){.exists = true, .origin = side, .box = box, .flags = message.flags};
        model->n_messages++;
}

/* One that is renamed while the process dies, or that has lost messages as well, may come without its base,
 * and keeps all that it had. */
static bool is_renamed(const Model *model, unsigned box) {
        return model->boxes[box].is_still[SIDE_REMOTE] || model->boxes[box].is_still[SIDE_LOCAL];
}

static void change_flag(Model *model, Side side) {
        unsigned n, box;
        MemoryMessage *message = random_message(model, side, &box);
        const MessageFlags flag = random_flag(model);

        if (!message)
                return;
        n = number_of(message);
        if (owner_of(n, flag) != side)
                return;
        /* it is about to follow there; a Maildir replica does not tell with which flags it came */
        if (model->has_run && model->messages[n].is_moved && model->messages[n].mover != side)
                return;
        /* as long as there is no base for it, what either side has set stays set */
        if ((!is_settled(model, n) || is_renamed(model, box)) && (model->messages[n].flags & flag))
                return;
        /* a change that was carried out but not heard of, and is taken back, is one of the other side */
        if (!model->is_peaceful && (model->messages[n].changed & flag))
                return;
        TRACE(model, "  %s: flag %llx of %u (UID %u)\n", side_name(side), (unsigned long long) flag,
              n, message->uid);
        memory_set_flags(stored_of(model, side, box), message,
                         message->flags ^ world_flags(&model->world, side, flag));
        model->messages[n].flags ^= flag;
        model->messages[n].changed |= flag;
}

static void expunge(Model *model, Side side) {
        unsigned n, box;
        MemoryMessage *message = random_message(model, side, &box);

        if (!message)
                return;
        /* what has no base may be there twice: its copy was taken, and that not heard of */
        n = number_of(message);
        if (model->messages[n].is_moved || is_renamed(model, box))
                return;
        if (n >= model->n_settled &&
            (side == SIDE_LOCAL || model->messages[n].origin == SIDE_LOCAL ||
             !model->world.store[SIDE_LOCAL].is_files))
                return;
        TRACE(model, "  %s: expunge %u (UID %u)\n", side_name(side), n, message->uid);
        model->messages[n].exists = false;
        memory_expunge(stored_of(model, side, box), message->uid);
}

static void move(Model *model, Side side) {
        unsigned n, box, target_box;
        MemoryMessage *message = random_message(model, side, &box);
        MemoryMailbox *target = random_stored(model, side, &target_box);
        ModelMessage *known;

        if (!message || !target || target_box == box || is_renamed(model, box))
                return;
        n = number_of(message);
        known = &model->messages[n];
        /* what the other side has moved or deleted is in two places from then on; what has no base may
         * be there twice */
        if (!known->exists || (known->is_moved && known->mover != side) ||
            ((!is_settled(model, n) || known->changed) && model->has_run))
                return;
        TRACE(model, "  %s: move %u (UID %u) to %s\n", side_name(side), n, message->uid,
              target->name);
        memory_move(stored_of(model, side, box), message->uid, target);
        known->box = target_box;
        known->is_moved = true;
        known->mover = side;
}

static void happen(Model *model) {
        const Side side = chance(model, 50) ? SIDE_REMOTE : SIDE_LOCAL;

        switch (below(model, 7)) {
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
        case 5:
        case 6:
                move(model, side);
                return;
        }
        abort();
}

/* --- mailboxes; all is at rest --- */

static bool is_name_used(const Model *model, const char *name) {
        for (unsigned box = 1; box < N_BOXES; box++)
                for (Side side = 0; side < _SIDE_MAX; side++)
                        if (model->boxes[box].name[side][0] == name[0])
                                return true;
        return false;
}

static void be_still(Model *model, unsigned box, Side side) {
        model->boxes[box].is_still[side] = true;
}

static void rename_box(Model *model, Side side, unsigned box) {
        const char name[] = {(char) ('A' + below(model, 6)), '\0'};
        ModelBox *renamed = &model->boxes[box];
        ModelBox *child = &model->boxes[BOX_CHILD];

        if (box == 0 || box == BOX_CHILD || is_name_used(model, name))
                return;
        TRACE(model, "  %s: rename %s to %s\n", side_name(side), renamed->name[side], name);
        memory_store_rename(&model->world.store[side], renamed->name[side], name);
        renamed->name[side][0] = name[0];
        be_still(model, box, side_other(side));
        if (box != BOX_PARENT)
                return;
        child->name[side][0] = name[0];
        be_still(model, BOX_CHILD, side_other(side));
}

static void delete_box(Model *model, Side side, unsigned box) {
        ModelBox *deleted = &model->boxes[box];

        if (box == 0)
                return;
        TRACE(model, "  %s: delete %s\n", side_name(side), deleted->name[side]);
        memory_store_remove(&model->world.store[side], deleted->name[side]);
        deleted->exists = false;
        for (unsigned n = 0; n < model->n_messages; n++)
                if (model->messages[n].box == box)
                        model->messages[n].exists = false;
}

/* With all that is in it moved elsewhere before. */
static void empty_box(Model *model, Side side, unsigned box) {
        MemoryMailbox *stored = stored_of(model, side, box);

        if (box == 0)
                return;
        while (stored->n_messages > 0) {
                ModelMessage *known = &model->messages[number_of(stored->messages)];

                memory_move(stored, stored->messages[0].uid, stored_of(model, side, 0));
                known->box = 0;
                known->is_moved = true;
                known->mover = side;
        }
        delete_box(model, side, box);
}

static void make_box(Model *model, Side side, unsigned box) {
        TRACE(model, "  %s: make %s\n", side_name(side), model->boxes[box].name[side]);
        memory_store_add(&model->world.store[side], model->boxes[box].name[side]);
        model->boxes[box].exists = true;
}

/* Of it or of its child. */
static bool has_nothing(const Model *model, unsigned box) {
        const unsigned last = box == BOX_PARENT && model->boxes[BOX_CHILD].exists ? BOX_CHILD : box;

        for (unsigned i = box; i <= last; i++) {
                const char *name = model->boxes[i].name[SIDE_LOCAL];

                if (engine_find_mailbox(model->world.engine, name)->messages == 0)
                        return true;
        }
        return false;
}

static void change_box(Model *model) {
        /* one that is gone from the local side is kept if it holds what was never there */
        const Side side = chance(model, 50) || model->has_limits ? SIDE_REMOTE : SIDE_LOCAL;
        const unsigned box = below(model, N_BOXES);
        const unsigned family = MIN(box, BOX_PARENT);

        if (model->is_changed[family]) /* a child goes with its parent: one thing at a time */
                return;
        model->is_changed[family] = true;
        if (!model->boxes[box].exists) {
                make_box(model, side, box);
                return;
        }
        /* of empty ones that look alike nobody can tell which was renamed, nor of those that have nothing in common */
        if (stored_of(model, side, box)->n_messages == 0 ||
            (model->has_limits && has_nothing(model, box)))
                return;
        switch (below(model, 5)) {
        case 0:
                delete_box(model, side, box);
                return;
        case 1:
                empty_box(model, side, box);
                return;
        default:
                rename_box(model, side, box);
                return;
        }
}

/* The same message comes to both sides by other ways: it must be paired. */
static void deliver_to_both(Model *model) {
        const unsigned n = model->n_messages, box = below(model, N_BOXES);
        WorldMessage message;

        if (n == MAX_MESSAGES || !model->boxes[box].exists)
                return;
        make_message(model, n, &message);
        TRACE(model, "  both: deliver %u to %s\n", n, model->boxes[box].name[SIDE_LOCAL]);
        for (Side side = 0; side < _SIDE_MAX; side++)
                memory_deliver(stored_of(model, side, box), 0, message.bytes, message.date, 0);
        model->messages[n] = (ModelMessage){.exists = true, .origin = SIDE_LOCAL, .box = box};
        model->n_messages++;
}

/* Between two servers no bodies are under way in both directions. */
static void check_flow(const Model *model) {
        const Engine *engine = model->world.engine;
        bool flows[_SIDE_MAX] = {false};

        if (!engine || model->world.store[SIDE_LOCAL].is_files)
                return;
        for (size_t i = 0; i < engine->n_mailboxes; i++)
                for (Side side = 0; engine->mailboxes[i]->run && side < _SIDE_MAX; side++)
                        flows[side] |= engine->mailboxes[i]->run->receiving[side];
        assert(!flows[SIDE_REMOTE] || !flows[SIDE_LOCAL]);
}

static void on_next(void *userdata) {
        Model *model = userdata;

        check_flow(model);
        model->is_running = true;
        if (model->per_mille > 0 && below(model, 1000) < model->per_mille)
                happen(model);
        model->is_running = false;
}

/* --- what goes wrong --- */

/* A side that is no Maildir. */
static Side random_server(Model *model) {
        return !model->world.store[SIDE_LOCAL].is_files && chance(model, 50) ? SIDE_LOCAL
                                                                             : SIDE_REMOTE;
}

static void renumber(Model *model) {
        const Side side = random_server(model);
        unsigned box;
        MemoryMailbox *stored = random_stored(model, side, &box);

        if (!stored)
                return;
        switch (below(model, 3)) {
        case 0:
                stored->uidvalidity++;
                memory_renumber(stored, 1);
                break;
        case 1: /* the index is lost, the modseq restarts */
                stored->modseq = 0;
                memory_renumber(stored, stored->uidnext);
                break;
        case 2: /* and nothing shows it */
                memory_renumber(stored, stored->uidnext);
                break;
        }
        TRACE(model, "  %s: renumbered %s, UIDVALIDITY %u, modseq %llu\n", side_name(side),
              stored->name, stored->uidvalidity, (unsigned long long) stored->modseq);
}

static void go_wrong(Model *model) {
        World *world = &model->world;
        MemoryStore *store = &world->store[chance(model, 50) ? SIDE_REMOTE : SIDE_LOCAL];
        const Side server = random_server(model);
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
                memory_replica_lose(world->replica[server], after, below(model, 3));
                return;
        case 3:
                TRACE(model, "  a request to fail\n");
                store->fails = 1 + below(model, 8);
                return;
        case 4:
                TRACE(model, "  EXISTS and VANISHED to lie\n");
                world->store[server].n_bogus_exists = below(model, 2);
                world->store[server].n_bogus_vanished = 1;
                world->store[server].bogus_vanished =
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

/* Which of the changed flags may be either way? A change is none if the message is gone from there by
 * now; and a move that nobody has heard of is one of two messages that were paired. */
static MessageFlags doubtful_flags(const Model *model, unsigned n) {
        const ModelMessage *message = &model->messages[n];
        MessageFlags doubtful = 0;

        for (unsigned bit = 0; message->is_moved && bit < 64; bit++) {
                const MessageFlags flag = (MessageFlags) 1 << bit;

                if (owner_of(n, flag) != message->mover ||
                    (!model->is_peaceful && !(message->flags & flag)))
                        doubtful |= message->changed & flag;
        }
        return doubtful;
}

static void take_doubtful_flags(Model *model, unsigned n) {
        ModelMessage *message = &model->messages[n];
        const MessageFlags doubtful = message->exists ? doubtful_flags(model, n) : 0;
        MemoryMailbox *stored = doubtful ? stored_of(model, SIDE_REMOTE, message->box) : NULL;

        for (size_t i = 0; stored && i < stored->n_messages; i++)
                if (number_of(&stored->messages[i]) == n)
                        message->flags =
                                (message->flags & ~doubtful) |
                                (doubtful &
                                 memory_translate(stored->messages[i].flags,
                                                  &model->world.store[SIDE_REMOTE].keywords,
                                                  &model->world.keywords));
}

/* A new name is the name on both sides by now. */
static void rest_boxes(Model *model) {
        for (unsigned box = 0; box < N_BOXES; box++) {
                ModelBox *b = &model->boxes[box];

                for (Side side = 0; side < _SIDE_MAX; side++)
                        if (b->is_still[side])
                                memcpy(b->name[side], b->name[side_other(side)],
                                       sizeof(b->name[side]));
                memset(b->is_still, 0, sizeof(b->is_still));
        }
}

static void rest(Model *model) {
        rest_boxes(model);
        for (unsigned n = 0; n < model->n_messages; n++) {
                take_doubtful_flags(model, n);
                model->messages[n].changed = 0;
                model->messages[n].is_moved = false;
        }
        model->n_settled = model->n_messages;
        model->is_peaceful = model->is_at_rest = true;
        model->has_run = false;
        memset(model->is_changed, 0, sizeof(model->is_changed));
}

static int confirm_deleted(const EngineMailbox *mailbox, void *userdata) {
        char *name = userdata;

        if (mailbox->deleted[SIDE_REMOTE] || mailbox->deleted[SIDE_LOCAL])
                (void) snprintf(name, 16, "%s", mailbox->name);
        return 0;
}

/* Return: was there something to confirm? */
static bool confirm_any(Model *model) {
        char name[16] = "";

        assert(engine_each_mailbox(model->world.engine, confirm_deleted, name) == 0);
        if (!*name)
                return false;
        TRACE(model, " confirm %s\n", name);
        assert(engine_confirm(model->world.engine, name) == 0);
        return true;
}

/* Until a run comes through in peace. */
static void settle(Model *model) {
        unsigned n = 0;

        model->per_mille = 0;
        model->world.kill.at = 0;
        if (!world_sync(&model->world)) {
                restart(model);
                assert(world_sync(&model->world));
        }
        while (confirm_any(model) || engine_totals(model->world.engine).failed > 0) {
                assert(world_sync(&model->world));
                if (++n < 20)
                        continue;
                fprintf(stderr, "seed %llu: never at rest: %s\n", (unsigned long long) model->seed,
                        model->world.failure);
                abort();
        }
        rest(model);
}

/* Is it on the remote side only, by what is, and may it be? Or must it be? */
static bool is_left(const Model *model, unsigned n, const char *line, const char *is) {
        const ModelMessage *message = &model->messages[n];
        const int64_t cutoff = limit_cutoff(model->world.now, age);
        const char *found = strstr(is, line);

        if (!has_limit(model->boxes[message->box].name[SIDE_LOCAL]))
                return false;
        if (age > 0 && date_of(n) >= cutoff)
                return false;
        if (age > 0 && (message->flags & (FLAG_SEEN | FLAG_FLAGGED)) == FLAG_SEEN)
                return true;
        return found && (found == is || found[-1] == '\n');
}

static void append_message(Model *model, unsigned n, const char *is, Buffer *out) {
        Buffer flags = BUFFER_NULL;
        char name[64], line[256];

        name_message(model, n, name);
        world_format_flags(&model->world, model->messages[n].flags, &flags);
        assert(buffer_append(&flags, "", 1) == 0);
        (void) snprintf(line, sizeof(line), "%s%s | | parked\n", name, flags.data);
        if (!model->has_limits || !is_left(model, n, line, is))
                (void) snprintf(line, sizeof(line), "%s%s | %s%s | =%s\n", name, flags.data, name,
                                flags.data, flags.data);
        assert(buffer_append_string(out, line) == 0);
        buffer_done(&flags);
}

static char *describe_box(Model *model, unsigned box, const char *is) {
        Buffer text = BUFFER_NULL;
        char *described;

        /* "m003" sorts before "none/004", and both by number */
        for (unsigned no_id = 0; no_id < 2; no_id++)
                for (unsigned n = 0; n < model->n_messages; n++) {
                        const ModelMessage *message = &model->messages[n];

                        if (!message->exists || message->box != box || (n % 5 == 4) != no_id)
                                continue;
                        append_message(model, n, is, &text);
                }
        described = buffer_steal_string(&text);
        assert(described);
        return described;
}

static void check_box(Model *model, unsigned box, const char *when) {
        const char *name = model->boxes[box].name[SIDE_LOCAL];
        _cleanup_free_ char *is = world_describe(&model->world, name);
        _cleanup_free_ char *should = describe_box(model, box, is);

        if (strcmp(is, should) == 0)
                return;
        fprintf(stderr, "seed %llu, %s, %s\n--- is\n%s--- should be\n%s",
                (unsigned long long) model->seed, when, name, is, should);
        abort();
}

static void check(Model *model, const char *when) {
        size_t n = 0;

        for (unsigned box = 0; box < N_BOXES; box++)
                if (model->boxes[box].exists) {
                        check_box(model, box, when);
                        n++;
                }
        for (Side side = 0; side < _SIDE_MAX; side++) {
                const MemoryStore *store = &model->world.store[side];

                if (store->n_mailboxes == n)
                        continue;
                fprintf(stderr, "seed %llu, %s: %zu mailboxes on the %s side instead of %zu:",
                        (unsigned long long) model->seed, when, store->n_mailboxes, side_name(side),
                        n);
                for (size_t i = 0; i < store->n_mailboxes; i++)
                        fprintf(stderr, " %s", store->mailboxes[i]->name);
                fprintf(stderr, "\n");
                abort();
        }
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
        for (unsigned i = 0; model->is_at_rest && i < 3 && chance(model, 50); i++)
                change_box(model);
        model->is_at_rest = false;
        for (unsigned i = 0; i < n; i++)
                happen(model);
        if (model->has_limits && chance(model, 30))
                model->world.now += (int64_t) (1 + below(model, 20)) * DAY * 1000000;
        if (chance(model, 20))
                restart(model);
        if (chance(model, 60))
                go_wrong(model);
        TRACE(model, " run\n");
        model->has_run = true;
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

/* How flags are found that are not told. */
static void choose_flag_scan(Model *model) {
        EngineOptions *options = &model->world.options;

        switch (below(model, 3)) {
        case 0: /* by a list */
                options->volumes.listed = 1;
                return;
        case 1: /* by a search, all in one turn */
                return;
        case 2: /* by a search of the whole mailbox, whoever's turn it is */
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
}

static void choose_stores(Model *model) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                MemoryStore *store = &model->world.store[side];

                store->is_files = side == SIDE_LOCAL && chance(model, 50);
                store->no_modseq = chance(model, 25);
                store->tells_new = chance(model, 50);
                store->window = chance(model, 30) ? 1 + below(model, 20) : 0;
                store->no_uidplus = !store->is_files && chance(model, 25);
                if (!store->is_files && !store->no_modseq)
                        choose_rung(model, store);
                store->has_objects = chance(model, 50);
                store->no_move = !store->is_files && chance(model, 20);
        }
        model->world.options.volumes.messages = 2 + below(model, 8);
        model->world.options.volumes.answer = below(model, 60);
        choose_flag_scan(model);
}

static void make_boxes(Model *model) {
        static const char *const names[N_BOXES] = {"INBOX", "A", "B", "B/x"};

        for (unsigned box = 0; box < N_BOXES; box++) {
                model->boxes[box].exists = true;
                for (Side side = 0; side < _SIDE_MAX; side++) {
                        (void) snprintf(model->boxes[box].name[side], 16, "%s", names[box]);
                        memory_store_add(&model->world.store[side], names[box]);
                }
        }
}

static void choose_limits(Model *model) {
        model->world.options.age_limit = age_limit;
        model->world.options.count_limit = count_limit;
        age = count = 0;
        if (chance(model, 60))
                age = (uint64_t) (1 + below(model, 150)) * DAY;
        else
                count = 1 + below(model, 8);
}

/* All comes back. */
static void lift_limits(Model *model) {
        TRACE(model, " limits lifted\n");
        age = count = 0;
        restart(model);
        settle(model);
        check(model, "without limits");
}

static void run_seed(uint64_t seed, unsigned n_operations, bool has_limits, bool is_verbose) {
        Model model = {
                .seed = seed,
                .random = seed * 0x9e3779b97f4a7c15u + 1,
                .is_verbose = is_verbose,
                .has_limits = has_limits,
        };

        memory_replica_trace = is_verbose;
        world_init(&model.world);
        model.world.options.brake = (Brake){.percent = 100, .count = MAX_MESSAGES};
        model.world.options.deletion =
                chance(&model, 50) ? MAILBOX_DELETION_ASK : MAILBOX_DELETION_YES;
        /* Few, or they would never come ahead of others. */
        model.world.options.newest = 1 + (unsigned) (seed % 3);
        model.world.options.concludes_late = seed % 4 > 1;
        choose_stores(&model);
        if (has_limits)
                choose_limits(&model);
        make_boxes(&model);
        start(&model);
        for (unsigned i = 0; i < n_operations / 4; i++)
                live(&model);
        settle(&model);
        check(&model, "at the end");
        if (has_limits)
                lift_limits(&model);
        check_quiet(&model);
        world_done(&model.world);
}

int main(int argc, char **argv) {
        const uint64_t n_seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 100;
        const unsigned n_operations = argc > 2 ? (unsigned) strtoul(argv[2], NULL, 10) : 60;
        const uint64_t first = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;

        for (uint64_t i = 0; i < n_seeds; i++)
                run_seed(first + i, n_operations, argc > 4 && strcmp(argv[4], "limits") == 0,
                         argc > 3 && n_seeds == 1);
        return 0;
}
