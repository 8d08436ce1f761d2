/* The engine over several mailboxes: lists, marks, the brake's memory, stamps, and what it does not do. */

#include <errno.h>

#include "base/macro.h"
#include "store/state-db.h"
#include "sync-world.h"
#include "test.h"

#define INBOX "INBOX"

static MemoryMailbox *stored(World *world, Side side, const char *name) {
        return memory_store_find(&world->store[side], name);
}

static MemoryMailbox *make(World *world, Side side, const char *name) {
        return memory_store_add(&world->store[side], name);
}

static MemoryMessage *deliver(World *world, Side side, const char *mailbox, const char *text) {
        WorldMessage message;

        world_parse_message(world, text, &message);
        return memory_deliver(stored(world, side, mailbox), 0, message.bytes, message.date,
                              world_flags(world, side, message.flags));
}

static void make_in_sync(World *world, const char *mailbox, unsigned n) {
        world_make_in_sync(world, mailbox, "m", n);
}

/* A mailbox "a" with three messages, in sync. */
static void begin(World *world) {
        world_init(world);
        make_in_sync(world, "a", 3);
        world_start(world);
        assert(world_sync(world));
}

static void check(World *world, const char *mailbox, const char *wanted) {
        _cleanup_free_ char *is = world_describe(world, mailbox);

        if (strcmp(is, wanted) != 0)
                fprintf(stderr, "%s is\n%s", mailbox, is);
        TEST_ROW(mailbox, strcmp(is, wanted) == 0);
}

static const EngineMailbox *look(World *world, const char *mailbox) {
        const EngineMailbox *found = engine_find_mailbox(world->engine, mailbox);

        assert(found);
        return found;
}

static uint64_t n_events(const World *world) {
        return memory_replica_n_events(world->replica[SIDE_REMOTE]) +
               memory_replica_n_events(world->replica[SIDE_LOCAL]);
}

/* --- mailboxes that come and go --- */

static void test_new_mailboxes(void) {
        World world;

        world_init(&world);
        make(&world, SIDE_REMOTE, "down");
        make(&world, SIDE_LOCAL, "up");
        make(&world, SIDE_REMOTE, "unwanted");
        deliver(&world, SIDE_REMOTE, "down", "a S");
        deliver(&world, SIDE_LOCAL, "up", "b F");
        world_start(&world);
        assert(world_sync(&world));
        check(&world, "down", "a S | a S | = S\n");
        check(&world, "up", "b F | b F | = F\n");
        assert(!stored(&world, SIDE_LOCAL, "unwanted"));
        assert(world.n_notes[ENGINE_NOTE_CREATED] == 2);
        assert(world_is_on_wire(&world, SIDE_REMOTE, "up", "up"));
        assert(world_is_on_wire(&world, SIDE_REMOTE, "unwanted", NULL));
        world_done(&world);
}

/* In each way to die while mailboxes are made. */
static void test_new_mailboxes_killed(void) {
        bool killed = true;

        for (uint64_t n = 1; killed; n++) {
                World world;

                world_init(&world);
                make(&world, SIDE_REMOTE, "down");
                make(&world, SIDE_LOCAL, "up");
                deliver(&world, SIDE_REMOTE, "down", "a S");
                deliver(&world, SIDE_LOCAL, "up", "b F");
                world.kill.at = n;
                world_start(&world);
                killed = !world_sync(&world);
                world_stop(&world);
                world.kill.at = 0;
                world_start(&world);
                assert(world_sync(&world));
                check(&world, "down", "a S | a S | = S\n");
                check(&world, "up", "b F | b F | = F\n");
                world_done(&world);
        }
}

static void test_dry_run_makes_nothing(void) {
        World world;

        world_init(&world);
        world.options.dry_run = true;
        make(&world, SIDE_REMOTE, "down");
        deliver(&world, SIDE_REMOTE, "down", "a S");
        world_start(&world);
        assert(world_sync(&world));
        assert(world.n_notes[ENGINE_NOTE_WOULD] > 0);
        assert(!stored(&world, SIDE_LOCAL, "down"));
        world_stop(&world);
        assert(world.n_commits == 0 && world.n_writes == 0);
        world_done(&world);
}

/* A mailbox that was in sync and is gone from a side: nothing of it is touched. */
static void test_gone_mailbox(Side gone) {
        World world;
        MemoryMailbox *back;

        world_init(&world);
        world.store[SIDE_LOCAL].is_files = gone == SIDE_REMOTE;
        make_in_sync(&world, "a", 3);
        make_in_sync(&world, "b", 1);
        memory_store_remove(&world.store[gone], "a");
        world_start(&world);
        assert(world_sync(&world));
        assert(strstr(look(&world, "a")->error, side_name(gone)));
        assert(memory_count_visible(stored(&world, side_other(gone), "a")) == 3);
        assert(look(&world, "a")->messages == 3 && look(&world, "b")->error[0] == '\0');
        assert(engine_totals(world.engine).held == 3 && engine_totals(world.engine).failed == 0);

        /* it is told once, not at each look */
        assert(world.n_notes[ENGINE_NOTE_HELD] == 1);
        assert(world_sync(&world));
        assert(world.n_notes[ENGINE_NOTE_HELD] == 1);

        /* and when it is there again, empty and with another UIDVALIDITY, nothing is deleted */
        back = make(&world, gone, "a");
        back->uidvalidity++;
        assert(world_sync(&world));
        assert(look(&world, "a")->error[0] == '\0');
        check(&world, "a", "m1 | m1 | =\nm2 | m2 | =\nm3 | m3 | =\n");
        world_done(&world);
}

/* A list that fails is no evidence of anything, and is asked for again. */
static void test_failed_list(void) {
        World world;

        begin(&world);

        world.store[SIDE_LOCAL].n_list_fails = 1;
        deliver(&world, SIDE_REMOTE, "a", "x");
        make(&world, SIDE_REMOTE, "b");
        assert(engine_list(world.engine) == 0 && world_pump(&world));
        assert(world.n_notes[ENGINE_NOTE_FAILED] == 1 && look(&world, "a")->error[0] == '\0');
        assert(engine_totals(world.engine).failed == 1);
        assert(!stored(&world, SIDE_LOCAL, "b"));
        assert(look(&world, "a")->messages == 4); /* it is there, as far as anybody knows */

        engine_retry(world.engine);
        assert(world_pump(&world));
        assert(stored(&world, SIDE_LOCAL, "b") && engine_totals(world.engine).failed == 0);
        world_done(&world);
}

/* What is to be looked at while nobody knows whether it is there still is so after the next list. */
static void test_marked_before_list(void) {
        MemoryMailbox *mailbox;
        World world;

        world_init(&world);
        world.store[SIDE_LOCAL].is_files = false;
        world.store[SIDE_LOCAL].no_modseq = true;
        world.options.volumes.answer = 1000000;
        world.options.flag_scan = (int64_t) 24 * 3600 * 1000000;
        make_in_sync(&world, "a", 3);
        world_start(&world);
        assert(world_sync(&world));
        world_stop(&world);
        mailbox = stored(&world, SIDE_LOCAL, "a");
        memory_set_flags(mailbox, &mailbox->messages[0], world_parse_flags(&world, "F"));
        world.store[SIDE_REMOTE].n_list_fails = 1;
        world_start(&world);
        engine_look_at_all(world.engine);
        assert(world_pump(&world));
        assert(world.n_notes[ENGINE_NOTE_RUN] == 0);

        engine_retry(world.engine);
        assert(world_pump(&world));
        check(&world, "a", "m1 F | m1 F | = F\nm2 | m2 | =\nm3 | m3 | =\n");
        world_done(&world);
}

/* A person asks for a look: what has changed is opened, and what a list does not tell of. */
static void test_look_at_all(void) {
        static const struct {
                const char *label;
                bool changed, no_modseq;
                unsigned n_runs;
        } rows[] = {
                {"nothing has changed",             false, false, 0},
                {"one has changed",                 true,  false, 1},
                {"a server that tells of no flags", false, true,  2},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                MemoryMailbox *mailbox;
                World world;

                world_init(&world);
                world.store[SIDE_LOCAL].is_files = false;
                world.store[SIDE_LOCAL].no_modseq = rows[i].no_modseq;
                make_in_sync(&world, "a", 3);
                make_in_sync(&world, "b", 3);
                world_start(&world);
                assert(world_sync(&world));
                mailbox = stored(&world, SIDE_REMOTE, "a");
                if (rows[i].changed)
                        memory_set_flags(mailbox, &mailbox->messages[0],
                                         world_parse_flags(&world, "F"));
                world.n_notes[ENGINE_NOTE_RUN] = 0;
                engine_look_at_all(world.engine);
                assert(world_pump(&world));
                TEST_ROW(rows[i].label, world.n_notes[ENGINE_NOTE_RUN] == rows[i].n_runs);
                check(&world, "a",
                      rows[i].changed ? "m1 F | m1 F | = F\nm2 | m2 | =\nm3 | m3 | =\n"
                                      : "m1 | m1 | =\nm2 | m2 | =\nm3 | m3 | =\n");
                world_done(&world);
        }
}

/* Somebody makes it in both places at a time, and has put mail into it. */
static void test_made_meanwhile(void) {
        World world;

        begin(&world);

        make(&world, SIDE_REMOTE, "b");
        make(&world, SIDE_LOCAL, "b");
        deliver(&world, SIDE_REMOTE, "b", "x");
        deliver(&world, SIDE_LOCAL, "b", "y");
        world.store[SIDE_LOCAL].not_listed = "b";
        assert(engine_list(world.engine) == 0 && world_pump(&world));
        assert(!world.store[SIDE_LOCAL].not_listed);
        check(&world, "b", "x | x | =\ny | y | =\n");
        world_done(&world);
}

/* What was not heard is no evidence either: whoever does not listen is told again. */
static void test_no_memory(void) {
        World world;

        begin(&world);

        make(&world, SIDE_REMOTE, "b");
        world.store[SIDE_REMOTE].is_short_of_memory = true;
        assert(engine_list(world.engine) == 0);
        assert(engine_pump(world.engine, ++world.now) == -ENOMEM);
        assert(engine_pump(world.engine, ++world.now) == -ENOMEM);
        assert(engine_interrupt(world.engine) == 0 && world_pump(&world));
        assert(stored(&world, SIDE_LOCAL, "b"));
        world_done(&world);
}

/* --- many at once --- */

static void make_crowd(World *world, unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "box%02u", i);
                make_in_sync(world, name, 2);
                memory_expunge(stored(world, SIDE_REMOTE, name), 1);
                deliver(world, SIDE_REMOTE, name, "r +work");
                deliver(world, SIDE_LOCAL, name, "l +home");
                deliver(world, SIDE_LOCAL, name, "none/1");
                deliver(world, SIDE_REMOTE, name, "none/1");
        }
}

static void check_crowd(World *world, unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "box%02u", i);
                check(world, name,
                      "l +home | l +home | = +home\nm2 | m2 | =\nnone/1 | none/1 | =\n"
                      "r +work | r +work | = +work\n");
        }
}

/* More than are worked on at a time. */
static void test_crowd(void) {
        World world;

        world_init(&world);
        make_crowd(&world, 70);
        world_start(&world);
        assert(world_sync(&world));
        check_crowd(&world, 70);
        assert(engine_totals(world.engine).mailboxes == 70);
        assert(engine_totals(world.engine).messages == 280);
        assert(engine_totals(world.engine).pending == 0);
        world_done(&world);
}

/* Runs share one database: what one commits must not be half of what another one does. */
static void test_crowd_killed_and_lost(void) {
        bool killed = true;

        for (uint64_t n = 1; killed; n++) {
                World world;

                world_init(&world);
                make_crowd(&world, 3);
                world.kill = (KillSwitch){.at = n};
                world_start(&world);
                killed = !world_sync(&world);
                world_stop(&world);
                world.kill.at = 0;
                world_start(&world);
                memory_replica_lose(world.replica[SIDE_REMOTE], n * 7 % 151, (unsigned) (n % 3));
                assert(world_sync(&world));
                check_crowd(&world, 3);
                world_done(&world);
        }
}

/* --- marks --- */

static void test_names(void) {
        static char *nobody[] = {NULL}, three[] = "3", *only_three[] = {three, NULL};
        World world;

        world_init(&world);
        make_in_sync(&world, INBOX, 3);
        world_start(&world);
        assert(world_sync(&world));
        for (uint32_t uid = 1; uid <= 3; uid++)
                memory_set_flags(stored(&world, SIDE_LOCAL, INBOX),
                                 memory_find(stored(&world, SIDE_LOCAL, INBOX), uid), FLAG_SEEN);

        assert(engine_mark(world.engine, INBOX, SIDE_LOCAL, nobody) == 0 && world_pump(&world));
        check(&world, INBOX, "m1 | m1 S | =\nm2 | m2 S | =\nm3 | m3 S | =\n");
        assert(engine_mark(world.engine, INBOX, SIDE_LOCAL, only_three) == 0 && world_pump(&world));
        check(&world, INBOX, "m1 | m1 S | =\nm2 | m2 S | =\nm3 S | m3 S | = S\n");
        assert(engine_mark(world.engine, INBOX, SIDE_LOCAL, NULL) == 0 && world_pump(&world));
        check(&world, INBOX, "m1 S | m1 S | = S\nm2 S | m2 S | = S\nm3 S | m3 S | = S\n");
        world_done(&world);
}

/* Names that a failed run has used up are not forgotten. */
static void test_names_of_a_failed_run(void) {
        static char two[] = "2", *names[] = {two, NULL};
        World world;

        world_init(&world);
        make_in_sync(&world, INBOX, 3);
        world_start(&world);
        assert(world_sync(&world));
        memory_set_flags(stored(&world, SIDE_LOCAL, INBOX),
                         memory_find(stored(&world, SIDE_LOCAL, INBOX), 2), FLAG_SEEN);
        world.store[SIDE_REMOTE].fails = 1;
        assert(engine_mark(world.engine, INBOX, SIDE_LOCAL, names) == 0 && world_pump(&world));
        assert(look(&world, INBOX)->error[0] != '\0');
        check(&world, INBOX, "m1 | m1 | =\nm2 | m2 S | =\nm3 | m3 | =\n");

        assert(engine_mark(world.engine, INBOX, SIDE_REMOTE, NULL) == 0 && world_pump(&world));
        check(&world, INBOX, "m1 | m1 | =\nm2 S | m2 S | = S\nm3 | m3 | =\n");
        assert(look(&world, INBOX)->error[0] == '\0');
        world_done(&world);
}

static void test_hold(void) {
        World world;

        world_init(&world);
        make_in_sync(&world, INBOX, 1);
        world_start(&world);
        assert(world_sync(&world));
        engine_hold(world.engine, true);
        deliver(&world, SIDE_REMOTE, INBOX, "x");
        assert(engine_mark(world.engine, INBOX, SIDE_REMOTE, NULL) == 0);
        assert(world_pump(&world) && look(&world, INBOX)->pending);
        assert(look(&world, INBOX)->messages == 1);
        engine_hold(world.engine, false);
        assert(world_pump(&world) && !look(&world, INBOX)->pending);
        assert(look(&world, INBOX)->messages == 2);
        world_done(&world);
}

/* --- what must not be done --- */

/* A look at mailboxes that are as they were asks for none of them. */
static void test_quiet(void) {
        World world;
        uint64_t before;

        world_init(&world);
        make_in_sync(&world, "a", 50);
        make_in_sync(&world, "b", 50);
        world_start(&world);
        assert(engine_list(world.engine) == 0 && world_pump(&world));
        assert(world.n_notes[ENGINE_NOTE_RUN] == 0);
        before = n_events(&world);
        assert(engine_list(world.engine) == 0 && world_pump(&world));
        assert(n_events(&world) - before == 2 * (2 * 2 + 1)); /* MAILBOX and STATUS, DONE */
        world_done(&world);
}

/* A small change in a large mailbox costs what it costs in a small one. */
static void test_cost(void) {
        uint64_t costs[2];

        for (unsigned i = 0; i < 2; i++) {
                World world;

                world_init(&world);
                make_in_sync(&world, INBOX, i == 0 ? 10 : 3000);
                world_start(&world);
                assert(engine_list(world.engine) == 0 && world_pump(&world));
                deliver(&world, SIDE_REMOTE, INBOX, "x");
                memory_set_flags(stored(&world, SIDE_LOCAL, INBOX),
                                 memory_find(stored(&world, SIDE_LOCAL, INBOX), 5), FLAG_SEEN);
                memory_expunge(stored(&world, SIDE_REMOTE, INBOX), 6);
                costs[i] = n_events(&world);
                assert(engine_list(world.engine) == 0 && world_pump(&world));
                costs[i] = n_events(&world) - costs[i];
                assert(look(&world, INBOX)->messages == (i == 0 ? 10 : 3000));
                world_done(&world);
        }
        assert(costs[0] == costs[1]);
}

/* How far a run came is committed with what comes next, or when the owner says; lost, it is found done. */
static void test_late_end(void) {
        for (int is_late = 0; is_late < 2; is_late++) {
                World world;

                world_init(&world);
                world.options.concludes_late = is_late;
                make_in_sync(&world, INBOX, 10);
                world_start(&world);
                assert(engine_list(world.engine) == 0 && world_pump(&world));
                assert(engine_conclude(world.engine) == 0);

                for (unsigned i = 0; i < 3; i++) {
                        const uint64_t before = state_db_n_commits(world.db);

                        memory_set_flags(stored(&world, SIDE_REMOTE, INBOX),
                                         memory_find(stored(&world, SIDE_REMOTE, INBOX), 2 + i),
                                         FLAG_SEEN);
                        assert(engine_mark(world.engine, INBOX, SIDE_REMOTE, NULL) == 0);
                        assert(world_pump(&world));
                        assert(state_db_n_commits(world.db) - before == (is_late ? 1 : 2));
                }
                if (is_late) {
                        const uint64_t before = state_db_n_commits(world.db);

                        assert(engine_conclude(world.engine) == 0);
                        assert(engine_conclude(world.engine) == 0);
                        assert(state_db_n_commits(world.db) - before == 1);
                }
                memory_expunge(stored(&world, SIDE_REMOTE, INBOX), 7);
                assert(engine_mark(world.engine, INBOX, SIDE_REMOTE, NULL) == 0);
                assert(world_pump(&world));

                world_stop(&world);
                world_start(&world);
                assert(world_sync(&world));
                assert(look(&world, INBOX)->messages == 9);
                assert(world.n_writes == 0);
                world_done(&world);
        }
}

/* How many bytes a first synchronisation has to transfer, where the server says so. */
static void test_first_bytes(void) {
        static const struct {
                const char *label;
                bool has_sizes, has_base, has_local, is_told;
        } rows[] = {
                {"the server does not say",                  false, false, false, false},
                {"it does with the first list",              true,  false, false, true },
                {"a mailbox that is new is asked about",     true,  true,  false, true },
                {"what may be there already is not counted", true,  false, true,  false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t size;
                World world;

                world_init(&world);
                world.store[SIDE_REMOTE].has_sizes = rows[i].has_sizes;
                if (rows[i].has_base)
                        make_in_sync(&world, INBOX, 3);
                make(&world, SIDE_REMOTE, "new");
                for (unsigned n = 0; n < 70; n++) {
                        char text[16];

                        (void) snprintf(text, sizeof(text), "m%u", n);
                        deliver(&world, SIDE_REMOTE, "new", text);
                }
                if (rows[i].has_local) {
                        make(&world, SIDE_LOCAL, "new");
                        deliver(&world, SIDE_LOCAL, "new", "m1");
                }
                world_start(&world);
                assert(engine_list(world.engine) == 0 && world_pump(&world));

                size = rows[i].is_told ? world.progress.bytes : 0;
                TEST_ROW(rows[i].label, world.progress.done == (rows[i].has_local ? 69 : 70));
                TEST_ROW(rows[i].label, world.first_progress.total == world.progress.done);
                TEST_ROW(rows[i].label, world.first_progress.total_bytes == size);
                TEST_ROW(rows[i].label, world.progress.total_bytes == size);
                TEST_ROW(rows[i].label, world.progress.bytes_left == 0);
                TEST_ROW(rows[i].label,
                         !rows[i].is_told || world.first_progress.bytes_left ==
                                                     size - world.first_progress.bytes);

                assert(engine_list(world.engine) == 0 && world_pump(&world));
                TEST_ROW(rows[i].label, !memory_replica_base(world.replica[SIDE_REMOTE])->is_first);
                world_done(&world);
        }
}

/* What failed, or is held, is looked at no more than once a list. */
static void test_no_hot_loop(void) {
        static const char *const labels[] = {"failed", "held", "parked"};

        for (unsigned i = 0; i < ARRAY_SIZE(labels); i++) {
                World world;
                unsigned n_runs;

                world_init(&world);
                make_in_sync(&world, INBOX, 30);
                world_start(&world);
                assert(engine_list(world.engine) == 0 && world_pump(&world));
                if (i == 0)
                        world.store[SIDE_REMOTE].fails = 2;
                if (i == 2)
                        world.store[SIDE_LOCAL].refuses = "Subject: x";
                for (uint32_t uid = 1; i == 1 && uid <= 25; uid++)
                        memory_expunge(stored(&world, SIDE_REMOTE, INBOX), uid);
                deliver(&world, SIDE_REMOTE, INBOX, "x");

                for (n_runs = 0; n_runs < 3; n_runs++)
                        assert(engine_list(world.engine) == 0 && world_pump(&world));
                TEST_ROW(labels[i], world.n_notes[ENGINE_NOTE_RUN] <= 3);
                n_runs = world.n_notes[ENGINE_NOTE_RUN];

                deliver(&world, SIDE_REMOTE, INBOX, "y");
                assert(engine_list(world.engine) == 0 && world_pump(&world));
                TEST_ROW(labels[i], world.n_notes[ENGINE_NOTE_RUN] > n_runs);
                TEST_ROW(labels[i], memory_count_visible(stored(&world, SIDE_LOCAL, INBOX)) ==
                                            (i == 2 ? 31 : 32));
                world_done(&world);
        }
}

/* What is refused is tried once more when a person asks, and is parked again. */
static void test_retry_parked(void) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                World world;

                world_init(&world);
                make_in_sync(&world, INBOX, 2);
                world.store[side].refuses = "Subject: x";
                deliver(&world, side_other(side), INBOX, "x");
                world_start(&world);
                assert(world_sync(&world));
                assert(look(&world, INBOX)->parked == 1);

                assert(world_sync(&world));
                assert(world.n_notes[ENGINE_NOTE_PARKED] == 1);

                assert(engine_retry_parked(world.engine, "none") == STATE_DB_E_NONE);
                assert(engine_retry_parked(world.engine, INBOX) == 0);
                assert(world_sync(&world));
                assert(world.n_notes[ENGINE_NOTE_PARKED] == 2);
                assert(look(&world, INBOX)->parked == 1 && !look(&world, INBOX)->error[0]);

                assert(world_sync(&world));
                assert(world.n_notes[ENGINE_NOTE_PARKED] == 2);
                world_done(&world);
        }
}

/* --- the brake's memory --- */

static void expunge_ten(World *world, uint32_t first) {
        for (uint32_t uid = first; uid < first + 10; uid++)
                memory_expunge(stored(world, SIDE_LOCAL, INBOX), uid);
        assert(world_sync(world));
}

static void test_drop_by_drop(void) {
        World world;

        world_init(&world);
        make_in_sync(&world, INBOX, 60);
        world_start(&world);
        expunge_ten(&world, 1);
        assert(look(&world, INBOX)->held[SIDE_LOCAL] == 0);
        expunge_ten(&world, 11);
        assert(look(&world, INBOX)->held[SIDE_LOCAL] == 0);
        expunge_ten(&world, 21);
        assert(look(&world, INBOX)->held[SIDE_LOCAL] == 10);
        assert(look(&world, INBOX)->messages == 40);
        assert(look(&world, INBOX)->held_since > 0);
        assert(world.n_notes[ENGINE_NOTE_HELD] == 1);

        /* Also after a restart; but an hour later ten are ten again. */
        world_stop(&world);
        world_start(&world);
        assert(world_sync(&world));
        assert(look(&world, INBOX)->held[SIDE_LOCAL] == 10);
        world.now += (int64_t) 3601 * 1000000;
        assert(world_sync(&world));
        assert(look(&world, INBOX)->held[SIDE_LOCAL] == 0);
        assert(memory_count_visible(stored(&world, SIDE_REMOTE, INBOX)) == 30);
        world_done(&world);
}

/* A confirmation is for what was held, and for nothing after it. */
static void test_confirm_once(void) {
        World world;

        world_init(&world);
        make_in_sync(&world, INBOX, 100);
        world_start(&world);
        assert(engine_confirm(world.engine, INBOX) == STATE_DB_E_NONE);
        assert(engine_confirm(world.engine, "nowhere") == STATE_DB_E_NONE);
        for (uint32_t uid = 1; uid <= 40; uid++)
                memory_expunge(stored(&world, SIDE_REMOTE, INBOX), uid);
        assert(world_sync(&world));
        assert(look(&world, INBOX)->held[SIDE_REMOTE] == 40);
        assert(engine_totals(world.engine).held == 40);
        assert(engine_confirm(world.engine, INBOX) == 0 && world_pump(&world));
        assert(look(&world, INBOX)->held[SIDE_REMOTE] == 0);
        assert(memory_count_visible(stored(&world, SIDE_LOCAL, INBOX)) == 60);

        memory_expunge(stored(&world, SIDE_REMOTE, INBOX), 41);
        assert(world_sync(&world));
        assert(look(&world, INBOX)->held[SIDE_REMOTE] == 0);
        for (uint32_t uid = 42; uid <= 80; uid++)
                memory_expunge(stored(&world, SIDE_REMOTE, INBOX), uid);
        assert(world_sync(&world));
        assert(look(&world, INBOX)->held[SIDE_REMOTE] == 39);
        world_done(&world);
}

/* Held deletions are still known when only some files were looked at. */
static void test_held_and_names(void) {
        static char sixty[] = "60", *names[] = {sixty, NULL};
        World world;

        world_init(&world);
        make_in_sync(&world, INBOX, 60);
        world_start(&world);
        assert(world_sync(&world));
        for (uint32_t uid = 1; uid <= 40; uid++)
                memory_expunge(stored(&world, SIDE_LOCAL, INBOX), uid);
        assert(world_sync(&world));
        memory_set_flags(stored(&world, SIDE_LOCAL, INBOX),
                         memory_find(stored(&world, SIDE_LOCAL, INBOX), 60), FLAG_SEEN);
        assert(engine_mark(world.engine, INBOX, SIDE_LOCAL, names) == 0 && world_pump(&world));
        assert(memory_find(stored(&world, SIDE_REMOTE, INBOX), 60)->flags == FLAG_SEEN);
        assert(look(&world, INBOX)->held[SIDE_LOCAL] == 40);
        assert(memory_count_visible(stored(&world, SIDE_REMOTE, INBOX)) == 60);
        world_done(&world);
}

/* --- stamps --- */

static void test_settle(void) {
        World world;

        world_init(&world);
        make_in_sync(&world, INBOX, 2);
        world_start(&world);
        assert(world_sync(&world));
        assert(!engine_needs_settling(world.engine));
        deliver(&world, SIDE_REMOTE, INBOX, "x");
        assert(world_sync(&world));
        assert(world_sync(&world)); /* which has looked at the folder since it was written to */
        deliver(&world, SIDE_REMOTE, INBOX, "y");
        assert(engine_mark(world.engine, INBOX, SIDE_REMOTE, NULL) == 0 && world_pump(&world));
        assert(engine_needs_settling(world.engine));

        /* Somebody changes it between the two steps, and is not missed. */
        assert(engine_settle(world.engine, false, world.now) == 0);
        memory_set_flags(stored(&world, SIDE_LOCAL, INBOX),
                         memory_find(stored(&world, SIDE_LOCAL, INBOX), 1), FLAG_SEEN);
        assert(engine_settle(world.engine, true, world.now) == 1);
        assert(engine_needs_settling(world.engine));
        world_stop(&world);
        world_start(&world);
        assert(engine_list(world.engine) == 0 && world_pump(&world));
        check(&world, INBOX, "m1 S | m1 S | = S\nm2 | m2 | =\nx | x | =\ny | y | =\n");

        /* Nobody does: the next process need not look. */
        deliver(&world, SIDE_REMOTE, INBOX, "z");
        assert(engine_mark(world.engine, INBOX, SIDE_REMOTE, NULL) == 0 && world_pump(&world));
        assert(engine_settle(world.engine, false, world.now) == 0);
        assert(engine_settle(world.engine, true, world.now) == 0);
        assert(!engine_needs_settling(world.engine));
        world_stop(&world);
        world_start(&world);
        assert(engine_list(world.engine) == 0 && world_pump(&world));
        assert(world.n_notes[ENGINE_NOTE_RUN] == 0);
        world_done(&world);
}

int main(void) {
        test_new_mailboxes();
        test_new_mailboxes_killed();
        test_dry_run_makes_nothing();
        test_gone_mailbox(SIDE_REMOTE);
        test_gone_mailbox(SIDE_LOCAL);
        test_failed_list();
        test_marked_before_list();
        test_look_at_all();
        test_made_meanwhile();
        test_no_memory();
        test_crowd();
        test_crowd_killed_and_lost();
        test_names();
        test_names_of_a_failed_run();
        test_hold();
        test_quiet();
        test_cost();
        test_late_end();
        test_first_bytes();
        test_no_hot_loop();
        test_retry_parked();
        test_drop_by_drop();
        test_confirm_once();
        test_held_and_names();
        test_settle();
        return 0;
}
