/* The engine and the size limit: what is too large stays where it is, until the limit is another one. */

#include "base/macro.h"
#include "sync-world.h"
#include "test.h"

#define INBOX "INBOX"
#define BOTH  "m1 | m1 | =\nm2 | m2 | =\n"
#define LARGE "this-one-is-larger-than-the-limit-allows"
#define OTHER "that-one-is-larger-than-the-limit-as-well"
#define HUGE  "and-this-one-is-larger-than-any-limit-that-one-would-think-of-in-this-test-alone"

static uint64_t limit;

static uint64_t size_limit(const char *mailbox, void *userdata) {
        (void) userdata;
        return strcmp(mailbox, "Any") == 0 ? 0 : limit;
}

static void begin(World *world, bool servers, uint64_t wanted) {
        limit = wanted;
        world_init(world);
        world->options.size_limit = size_limit;
        if (servers)
                world_make_servers(world);
        world_make_in_sync(world, INBOX, "m", 2);
        world_start(world);
        assert(world_sync(world));
}

/* The next process, with another limit. */
static void turn(World *world, uint64_t wanted) {
        world_stop(world);
        limit = wanted;
        world_start(world);
        assert(engine_list(world->engine) == 0 && world_pump(world));
}

static MemoryMailbox *stored(World *world, Side side, const char *name) {
        return memory_store_find(&world->store[side], name);
}

static void deliver(World *world, Side side, const char *name, const char *text) {
        WorldMessage message;

        world_parse_message(world, text, &message);
        memory_deliver(stored(world, side, name), 0, message.bytes, message.date, message.flags);
}

static bool is_in(World *world, const char *name, const char *wanted) {
        _cleanup_free_ char *text = world_describe(world, name);

        if (strcmp(text, wanted) != 0)
                fprintf(stderr, "it is\n%s", text);
        return strcmp(text, wanted) == 0;
}

static bool is(World *world, const char *wanted) {
        return is_in(world, INBOX, wanted);
}

static uint64_t n_large(World *world) {
        return engine_find_mailbox(world->engine, INBOX)->large;
}

/* Whichever side it is on; small ones are copied; later runs do nothing about it. */
static void test_left_out(bool servers, Side side) {
        const char *left = side == SIDE_REMOTE ? BOTH "s | s | =\n" LARGE " | | parked\n"
                                               : BOTH "s | s | =\n| " LARGE " | parked\n";
        World world;

        begin(&world, servers, 90);
        deliver(&world, side, INBOX, LARGE);
        deliver(&world, side, INBOX, "s");
        assert(world_sync(&world) && is(&world, left));
        assert(n_large(&world) == 1 && engine_totals(world.engine).large == 1);
        assert(engine_find_mailbox(world.engine, INBOX)->parked == 0);
        assert(engine_find_mailbox(world.engine, INBOX)->deferred == 0 && !world.failure);

        for (unsigned i = 0; i < 2;
             i++) { /* nobody has refused it: to name the mailbox is no reason */
                turn(&world, 90);
                assert(engine_retry_parked(world.engine, INBOX) == 0 && world_sync(&world));
                assert(is(&world, left) && n_large(&world) == 1);
        }
        world_stop(&world);
        assert(world.n_writes == 0);
        world_start(&world);

        turn(&world, 4096);
        assert(is(&world, BOTH "s | s | =\n" LARGE " | " LARGE " | =\n") && n_large(&world) == 0);
        turn(&world, 90); /* what is in sync stays so, and is deleted and flagged as any other */
        memory_expunge(stored(&world, side, INBOX), 3);
        assert(world_sync(&world) && is(&world, BOTH "s | s | =\n"));
        world_done(&world);
}

/* Nothing is asked of what is left out, by no later run: not even that there is one. */
static void test_costs_nothing(void) {
        World world;
        uint64_t n_events;

        begin(&world, false, 90);
        for (unsigned i = 0; i < 30; i++) {
                char text[64];

                (void) snprintf(text, sizeof(text), LARGE "%02u", i);
                deliver(&world, SIDE_REMOTE, INBOX, text);
        }
        assert(world_sync(&world) && n_large(&world) == 30);
        turn(&world, 90);
        assert(world.n_notes[ENGINE_NOTE_RUN] == 0);
        n_events = memory_replica_n_events(world.replica[SIDE_REMOTE]);
        deliver(&world, SIDE_REMOTE, INBOX, "s");
        assert(engine_mark(world.engine, INBOX, SIDE_REMOTE, NULL) == 0 && world_pump(&world));
        assert(memory_replica_n_events(world.replica[SIDE_REMOTE]) - n_events < 20);
        assert(n_large(&world) == 30);
        world_done(&world);
}

/* A limit that is raised lets through what is below it; one that is lowered takes nothing back. */
static void test_raised_and_lowered(void) {
        World world;

        begin(&world, false, 150);
        deliver(&world, SIDE_REMOTE, INBOX, HUGE);
        assert(world_sync(&world) && n_large(&world) == 1);
        turn(&world, 90);
        deliver(&world, SIDE_REMOTE, INBOX, LARGE);
        assert(world_sync(&world) && n_large(&world) == 2);
        turn(&world, 150);
        assert(n_large(&world) == 1);
        assert(is(&world, HUGE " | | parked\n" BOTH LARGE " | " LARGE " | =\n"));
        turn(&world, 150); /* learns how the local side was left */
        turn(&world, 150);
        assert(world.n_notes[ENGINE_NOTE_RUN] == 0 && n_large(&world) == 1);
        turn(&world, 0);
        assert(n_large(&world) == 0);
        assert(is(&world, HUGE " | " HUGE " | =\n" BOTH LARGE " | " LARGE " | =\n"));
        world_done(&world);
}

/* Deleted where it is, it is none any more; copied by hand, it is found and not doubled. */
static void test_meanwhile(void) {
        World world;

        begin(&world, false, 90);
        deliver(&world, SIDE_REMOTE, INBOX, LARGE);
        deliver(&world, SIDE_REMOTE, INBOX, OTHER);
        assert(world_sync(&world) && n_large(&world) == 2);
        memory_expunge(stored(&world, SIDE_REMOTE, INBOX), 4);
        assert(world_sync(&world) && n_large(&world) == 1);
        deliver(&world, SIDE_LOCAL, INBOX, LARGE);
        assert(world_sync(&world) && n_large(&world) == 2);
        turn(&world, 4096);
        assert(is(&world, BOTH LARGE " | " LARGE " | =\n"));
        world_done(&world);
}

/* The server counts anew, or the state is lost: it is left out again, and nothing is deleted. */
static void test_anew(void) {
        World world;

        begin(&world, false, 90);
        deliver(&world, SIDE_REMOTE, INBOX, LARGE);
        assert(world_sync(&world));
        stored(&world, SIDE_REMOTE, INBOX)->uidvalidity++;
        memory_renumber(stored(&world, SIDE_REMOTE, INBOX), 50);
        assert(world_sync(&world) && n_large(&world) == 1);
        assert(is(&world, BOTH LARGE " | | parked\n"));
        world_stop(&world);
        world_lose_database(&world);
        world_start(&world);
        assert(world_sync(&world) && n_large(&world) == 1);
        assert(is(&world, BOTH LARGE " | | parked\n"));
        world_done(&world);
}

/* Another limit for another mailbox: moved there, it comes. */
static void test_mailboxes(void) {
        World world;

        begin(&world, false, 90);
        for (Side side = 0; side < _SIDE_MAX; side++)
                memory_store_add(&world.store[side], "Any");
        deliver(&world, SIDE_REMOTE, "Any", OTHER);
        deliver(&world, SIDE_REMOTE, INBOX, LARGE);
        assert(world_sync(&world) && n_large(&world) == 1);
        memory_move(stored(&world, SIDE_REMOTE, INBOX), 3, stored(&world, SIDE_REMOTE, "Any"));
        assert(world_sync(&world) && n_large(&world) == 0 && is(&world, BOTH));
        assert(is_in(&world, "Any", OTHER " | " OTHER " | =\n" LARGE " | " LARGE " | =\n"));
        world_done(&world);
}

/* Together with the policy, which lets it wait only. */
static void test_policy(void) {
        const Policy small_only = {.max_body = 90, .scan_flags = true};
        const Policy all = {.scan_flags = true};
        World world;

        begin(&world, false, 150);
        engine_set_policy(world.engine, &small_only);
        deliver(&world, SIDE_REMOTE, INBOX, LARGE);
        deliver(&world, SIDE_REMOTE, INBOX, HUGE);
        assert(world_sync(&world) && n_large(&world) == 1);
        assert(engine_find_mailbox(world.engine, INBOX)->deferred == 1);
        engine_set_policy(world.engine, &all);
        assert(world_pump(&world) && n_large(&world) == 1);
        assert(is(&world, HUGE " | | parked\n" BOTH LARGE " | " LARGE " | =\n"));
        world_done(&world);
}

static void test_dry_run(void) {
        World world;

        begin(&world, false, 90);
        world_stop(&world);
        deliver(&world, SIDE_REMOTE, INBOX, LARGE);
        world.options.dry_run = true;
        world_start(&world);
        assert(world_sync(&world) && world.n_notes[ENGINE_NOTE_WOULD] == 0);
        deliver(&world, SIDE_REMOTE, INBOX, "s");
        assert(world_sync(&world) && world.n_notes[ENGINE_NOTE_WOULD] > 0);
        world_done(&world);
}

/* Killed at any action, under the limit and behind it. */
static void test_killed(bool servers, Side side) {
        bool killed = true;

        for (uint64_t n = 1; killed; n++) {
                World world;

                begin(&world, servers, 90);
                deliver(&world, side, INBOX, LARGE);
                deliver(&world, side, INBOX, "s");
                world.kill.at = world.kill.n_actions + n;
                (void) world_sync(&world);
                if (!world.kill.dead) {
                        world_stop(&world);
                        limit = 4096;
                        world_start(&world);
                        (void) world_sync(&world);
                }
                killed = world.kill.dead;
                world.kill.at = 0;
                world_stop(&world);
                limit = 90;
                world_start(&world);
                assert(world_sync(&world));
                turn(&world, 4096);
                assert(world_sync(&world));
                assert(is(&world, BOTH "s | s | =\n" LARGE " | " LARGE " | =\n"));
                world_done(&world);
        }
}

int main(void) {
        for (Side side = 0; side < _SIDE_MAX; side++)
                for (unsigned servers = 0; servers < 2; servers++) {
                        test_left_out(servers, side);
                        test_killed(servers, side);
                }
        test_costs_nothing();
        test_raised_and_lowered();
        test_meanwhile();
        test_anew();
        test_mailboxes();
        test_policy();
        test_dry_run();
        return 0;
}
