/* The engine and the power policy: large messages that wait, and local changes that wait for each other. */

#include "base/macro.h"
#include "sync-world.h"
#include "test.h"

#define INBOX "INBOX"
#define LARGE "this-one-is-larger-than-the-limit-allows"
#define OTHER "that-one-is-larger-than-the-limit-as-well"

static const Policy small_only = {.max_body = 90, .scan_flags = true, .all_mailboxes = true};
static const Policy all = {.scan_flags = true, .all_mailboxes = true};

static MemoryMailbox *stored(World *world, Side side) {
        return memory_store_find(&world->store[side], INBOX);
}

static MemoryMessage *deliver(World *world, Side side, const char *text) {
        WorldMessage message;

        world_parse_message(world, text, &message);
        return memory_deliver(stored(world, side), 0, message.bytes, message.date, message.flags);
}

static bool is(World *world, const char *wanted) {
        _cleanup_free_ char *text = world_describe(world, INBOX);

        if (strcmp(text, wanted) != 0)
                fprintf(stderr, "it is\n%s", text);
        return strcmp(text, wanted) == 0;
}

static uint64_t n_deferred(World *world) {
        return engine_find_mailbox(world->engine, INBOX)->deferred;
}

/* Two messages in sync; what comes is under a policy from then on. */
static void begin(World *world, bool servers, const Policy *policy) {
        world_init(world);
        if (servers)
                world_make_servers(world);
        world_make_in_sync(world, INBOX, "m", 2);
        world_start(world);
        engine_set_policy(world->engine, policy);
        assert(world_sync(world));
}

#define BOTH "m1 | m1 | =\nm2 | m2 | =\n"

/* Large ones wait, of whichever side; small ones do not; then nothing is left over. */
static void test_deferred(bool servers, Side side) {
        World world;

        begin(&world, servers, &small_only);
        deliver(&world, side, LARGE);
        deliver(&world, side, "s");
        assert(world_sync(&world));
        assert(is(&world, side == SIDE_REMOTE ? BOTH "s | s | =\n" LARGE " | | parked\n"
                                              : BOTH "s | s | =\n| " LARGE " | parked\n"));
        assert(n_deferred(&world) == 1 && engine_totals(world.engine).deferred == 1);
        assert(engine_find_mailbox(world.engine, INBOX)->parked == 0);
        assert(world.n_notes[ENGINE_NOTE_PARKED] == 0 && !world.failure);

        deliver(&world, side, OTHER); /* the next one joins it; the first is not looked at again */
        assert(world_sync(&world) && n_deferred(&world) == 2);
        engine_set_policy(world.engine, &small_only);
        assert(world_pump(&world) && n_deferred(&world) == 2);

        engine_set_policy(world.engine, &all);
        assert(world_pump(&world) && n_deferred(&world) == 0);
        assert(is(&world,
                  BOTH "s | s | =\n" OTHER " | " OTHER " | =\n" LARGE " | " LARGE " | =\n"));
        assert(world_sync(&world));
        assert(is(&world,
                  BOTH "s | s | =\n" OTHER " | " OTHER " | =\n" LARGE " | " LARGE " | =\n"));
        world_done(&world);
}

/* A limit that was raised lets through what is below it. */
static void test_raised(void) {
        const Policy raised = {.max_body = 4096, .scan_flags = true};
        World world;

        begin(&world, false, &small_only);
        deliver(&world, SIDE_REMOTE, LARGE);
        assert(world_sync(&world) && n_deferred(&world) == 1);
        engine_set_policy(world.engine, &raised);
        assert(world_pump(&world) && n_deferred(&world) == 0);
        world_done(&world);
}

/* The next process knows of them; it may be one under a limit, or not. */
static void test_restart(void) {
        World world;

        begin(&world, false, &small_only);
        deliver(&world, SIDE_REMOTE, LARGE);
        assert(world_sync(&world));
        world_stop(&world);
        world_start(&world);
        engine_set_policy(world.engine, &small_only);
        assert(engine_list(world.engine) == 0 && world_pump(&world));
        assert(world.n_notes[ENGINE_NOTE_RUN] == 0 && n_deferred(&world) == 1);
        world_stop(&world);
        world_start(&world);
        engine_set_policy(world.engine, &all);
        assert(engine_list(world.engine) == 0 && world_pump(&world));
        assert(n_deferred(&world) == 0 && is(&world, BOTH LARGE " | " LARGE " | =\n"));
        world_done(&world);
}

/* Deleted, or copied by hand, while it waited: it is not fetched, or not doubled. */
static void test_meanwhile(void) {
        World world;

        begin(&world, false, &small_only);
        deliver(&world, SIDE_REMOTE, LARGE);
        deliver(&world, SIDE_REMOTE, OTHER);
        assert(world_sync(&world) && n_deferred(&world) == 2);
        memory_expunge(stored(&world, SIDE_REMOTE), 4);
        assert(world_sync(&world) && n_deferred(&world) == 1);
        engine_set_policy(world.engine, &all);
        deliver(&world, SIDE_LOCAL, LARGE);
        assert(world_sync(&world));
        assert(is(&world, BOTH LARGE " | " LARGE " | =\n"));
        world_done(&world);
}

/* Killed at any action, before or after the limit is gone, and again under the limit: nothing is lost or
 * doubled. */
static void test_killed(bool servers, Side side) {
        bool killed = true;

        for (uint64_t n = 1; killed; n++) {
                World world;

                begin(&world, servers, &small_only);
                deliver(&world, side, LARGE);
                deliver(&world, side, "s");
                world.kill.at = world.kill.n_actions + n;
                if (world_sync(&world)) {
                        engine_set_policy(world.engine, &all);
                        (void) world_sync(&world);
                }
                killed = world.kill.dead;
                world_stop(&world);
                world.kill.at = 0;
                world_start(&world);
                engine_set_policy(world.engine, &small_only);
                assert(world_sync(&world));
                engine_set_policy(world.engine, &all);
                assert(world_sync(&world));
                assert(is(&world, BOTH "s | s | =\n" LARGE " | " LARGE " | =\n"));
                world_done(&world);
        }
}

/* --- gathering --- */

static void test_gather(void) {
        World world;

        begin(&world, false, &all);
        engine_gather(world.engine, true);
        deliver(&world, SIDE_LOCAL, "x");
        assert(engine_mark(world.engine, INBOX, SIDE_LOCAL, NULL) == 0 && world_pump(&world));
        assert(engine_is_gathering(world.engine) && !engine_is_busy(world.engine));
        assert(is(&world, BOTH "| x |\n"));

        deliver(&world, SIDE_LOCAL, "y");
        assert(engine_mark(world.engine, INBOX, SIDE_LOCAL, NULL) == 0 && world_pump(&world));
        engine_gather(world.engine, false);
        assert(engine_is_busy(world.engine) && world_pump(&world));
        assert(is(&world, BOTH "x | x | =\ny | y | =\n"));
        assert(world.n_notes[ENGINE_NOTE_SYNCED] > 0 && !engine_is_gathering(world.engine));

        /* What the server tells takes them with it. */
        engine_gather(world.engine, true);
        deliver(&world, SIDE_LOCAL, "z");
        assert(engine_mark(world.engine, INBOX, SIDE_LOCAL, NULL) == 0 && world_pump(&world));
        deliver(&world, SIDE_REMOTE, "r");
        assert(engine_mark(world.engine, INBOX, SIDE_REMOTE, NULL) == 0 && world_pump(&world));
        assert(is(&world, BOTH "r | r | =\nx | x | =\ny | y | =\nz | z | =\n"));
        world_done(&world);
}

int main(void) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                test_deferred(false, side);
                test_deferred(true, side);
                test_killed(false, side);
                test_killed(true, side);
        }
        test_raised();
        test_restart();
        test_meanwhile();
        test_gather();
        return 0;
}
