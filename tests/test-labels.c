/* The engine where a mailbox is a label: what is left out, what is copied and not fetched. */

#include "base/macro.h"
#include "imap/session.h"
#include "sync-world.h"
#include "test.h"

static const char *const labels[] = {"INBOX", "one", "two"};

static MemoryMailbox *stored(World *world, Side side, const char *name) {
        return memory_store_find(&world->store[side], name);
}

static void deliver(World *world, const char *mailbox, const char *text) {
        WorldMessage message;

        world_parse_message(world, text, &message);
        memory_deliver(stored(world, SIDE_REMOTE, mailbox), 0, message.bytes, message.date,
                       world_flags(world, SIDE_REMOTE, message.flags));
}

static void begin(World *world) {
        world_init(world);
        world->store[SIDE_REMOTE].has_labels = true;
        for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
                memory_store_add(&world->store[SIDE_REMOTE], labels[i]);
}

static void check(World *world, const char *mailbox, const char *wanted) {
        _cleanup_free_ char *is = world_describe(world, mailbox);

        if (strcmp(is, wanted) != 0)
                fprintf(stderr, "%s is\n%s", mailbox, is);
        TEST_ROW(mailbox, strcmp(is, wanted) == 0);
}

/* Under all labels at once, from the first time on; then under one more. */
static void test_fetched_once(void) {
        World world;

        begin(&world);
        for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
                deliver(&world, labels[i], "a S");
                deliver(&world, labels[i], "b");
        }
        deliver(&world, "one", "only");
        world_start(&world);
        assert(world_sync(&world));
        check(&world, "INBOX", "a S | a S | = S\nb | b | =\n");
        check(&world, "one", "a S | a S | = S\nb | b | =\nonly | only | =\n");
        check(&world, "two", "a S | a S | = S\nb | b | =\n");
        assert(memory_replica_n_bodies(world.replica[SIDE_REMOTE]) == 3);

        deliver(&world, "two", "only F");
        assert(world_sync(&world));
        check(&world, "two", "a S | a S | = S\nb | b | =\nonly F | only F | = F\n");
        assert(memory_replica_n_bodies(world.replica[SIDE_REMOTE]) == 3);
        world_done(&world);
}

/* More than a batch of copies, and one whose twin is there no more: that one is fetched. */
static void test_many(void) {
        World world;

        begin(&world);
        for (unsigned i = 0; i < 300; i++) {
                char text[16];

                (void) snprintf(text, sizeof(text), "m%u", i);
                deliver(&world, "one", text);
        }
        world_start(&world);
        assert(world_sync(&world));
        for (unsigned i = 0; i < 300; i++) {
                char text[16];

                (void) snprintf(text, sizeof(text), "m%u", i);
                deliver(&world, "two", text);
        }
        memory_expunge(stored(&world, SIDE_LOCAL, "one"), 7); /* and nobody has told yet */
        assert(engine_mark(world.engine, "two", SIDE_REMOTE, NULL) == 0 && world_pump(&world));
        assert(memory_replica_n_bodies(world.replica[SIDE_REMOTE]) == 301);
        assert(memory_count_visible(stored(&world, SIDE_LOCAL, "two")) == 300);
        world_done(&world);
}

static void begin_twice_labelled(World *world) {
        begin(world);
        for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
                deliver(world, labels[i], "a S");
                deliver(world, labels[i], "b");
        }
}

static void check_twice_labelled(World *world) {
        for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
                check(world, labels[i], "a S | a S | = S\nb | b | =\n");
}

/* Dying after each action: nothing is lost or doubled. */
static void test_killed(void) {
        bool killed = true;
        uint64_t n;

        for (n = 1; killed; n++) {
                World world;

                begin_twice_labelled(&world);
                world.kill.at = n;
                world_start(&world);
                killed = !world_sync(&world);
                world_stop(&world);
                world.kill.at = 0;
                world_start(&world);
                assert(world_sync(&world));
                check_twice_labelled(&world);
                world_done(&world);
        }
        assert(n > 10);
}

/* Losing the connection after each event. */
static void test_lost(void) {
        for (uint64_t n = 0; n < 100; n++) {
                World world;

                begin_twice_labelled(&world);
                world_start(&world);
                memory_replica_lose(world.replica[SIDE_REMOTE], n, 0);
                assert(world_sync(&world));
                check_twice_labelled(&world);
                world_done(&world);
        }
}

/* --- both sides --- */

/* What one side shows twice is left out of both. */
static void test_left_out(void) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                const EngineMailbox *all;
                World world;

                world_init(&world);
                world_make_servers(&world);
                world.store[side].has_labels = true;
                memory_store_add(&world.store[side], "All")->attributes = IMAP_LIST_ALL;
                memory_store_add(&world.store[side], "INBOX");
                world_start(&world);
                assert(world_sync(&world));
                all = engine_find_mailbox(world.engine, "All");
                assert(all && *all->left_out);
                assert(!stored(&world, side_other(side), "All"));
                assert(stored(&world, side_other(side), "INBOX"));

                stored(&world, side, "All")->attributes = 0; /* it is another one now */
                assert(world_sync(&world) && stored(&world, side_other(side), "All"));
                world_done(&world);
        }
}

/* Under two labels on both sides. */
static void begin_both(World *world, Side origin) {
        world_init(world);
        world_make_servers(world);
        for (Side side = 0; side < _SIDE_MAX; side++) {
                world->store[side].has_labels = true;
                memory_store_add(&world->store[side], "Trash")->attributes = IMAP_LIST_TRASH;
        }
        for (size_t i = 0; i < 2; i++) {
                WorldMessage message;

                memory_store_add(&world->store[origin], labels[i]);
                world_parse_message(world, "a", &message);
                memory_deliver(stored(world, origin, labels[i]), 0, message.bytes, message.date, 0);
                world_parse_message(world, "b", &message);
                memory_deliver(stored(world, origin, labels[i]), 0, message.bytes, message.date, 0);
        }
        world_start(world);
        assert(world_sync(world));
        check(world, "one", "a | a | =\nb | b | =\n");
}

/* Whichever side it came from, and whichever it is deleted on: from its last label it goes to the trash. */
static void test_discarded(void) {
        for (unsigned n = 0; n < 4; n++) {
                const Side origin = (Side) (n / 2), side = (Side) (n % 2);
                World world;

                begin_both(&world, origin);
                for (size_t i = 0; i < 2; i++) {
                        memory_expunge(stored(&world, side, labels[i]), 1);
                        assert(world_sync(&world));
                        check(&world, labels[i], "b | b | =\n");
                        check(&world, "Trash", i == 0 ? "" : "a | a | =\n");
                }
                world_done(&world);
        }
}

int main(void) {
        test_left_out();
        test_discarded();
        test_fetched_once();
        test_many();
        test_killed();
        test_lost();
        return 0;
}
