/* The engine and the life of mailboxes: renamed, deleted, subscribed, made twice. */

#include "base/macro.h"
#include "store/state-db.h"
#include "sync-world.h"
#include "test.h"

static MemoryMailbox *stored(World *world, Side side, const char *name) {
        return memory_store_find(&world->store[side], name);
}

static const EngineMailbox *look(World *world, const char *mailbox) {
        const EngineMailbox *found = engine_find_mailbox(world->engine, mailbox);

        assert(found);
        return found;
}

static uint64_t n_bodies(const World *world) {
        return memory_replica_n_bodies(world->replica[SIDE_REMOTE]) +
               memory_replica_n_bodies(world->replica[SIDE_LOCAL]);
}

static void list(World *world) {
        assert(engine_list(world->engine) == 0 && world_pump(world));
}

/* Every mailbox of both sides with how many messages it has, and how many of them the base has. */
static void check(const char *label, World *world, const char *wanted) {
        Buffer text = BUFFER_NULL;
        char *is;

        for (Side side = 0; side < _SIDE_MAX; side++)
                for (unsigned char c = 'A'; c <= 'Z'; c++)
                        for (size_t i = 0; i < world->store[side].n_mailboxes; i++) {
                                const MemoryMailbox *mailbox = world->store[side].mailboxes[i];
                                const EngineMailbox *known =
                                        engine_find_mailbox(world->engine, mailbox->name);

                                if (mailbox->name[0] != c || strchr(mailbox->name, '/'))
                                        continue;
                                assert(buffer_append_format(
                                               &text, "%s%s:%zu=%llu", text.size > 0 ? " " : "",
                                               mailbox->name, memory_count_visible(mailbox),
                                               (unsigned long long) (known ? known->messages
                                                                           : 0)) == 0);
                        }
        is = buffer_steal_string(&text);
        if (strcmp(is ? is : "", wanted) != 0)
                fprintf(stderr, "%s: %s\n", label, is);
        TEST_ROW(label, strcmp(is ? is : "", wanted) == 0);
        free(is);
}

/* --- renaming --- */

typedef enum Evidence {
        EVIDENCE_NUMBERS, /* and samples of the messages */
        EVIDENCE_OBJECT,
        EVIDENCE_TOLD,
        _EVIDENCE_MAX,
} Evidence;

static const char *const evidence_names[] = {"numbers", "object", "told"};

/* A with a child, and two more mailboxes whose numbers are the same. */
static void make_family(World *world, Evidence evidence) {
        world_init(world);
        world->store[SIDE_REMOTE].has_objects = evidence == EVIDENCE_OBJECT;
        world_make_in_sync(world, "A", "a", 30);
        world_make_in_sync(world, "A/x", "x", 5);
        world_make_in_sync(world, "K", "k", 30);
        world_make_in_sync(world, "INBOX", "i", 3);
}

/* What the base knows of MAILBOXID it has from looking once. */
static void look_once(World *world) {
        world_start(world);
        assert(world_sync(world));
        world_stop(world);
}

static void check_family(const char *label, World *world, const char *name) {
        char child[16], wanted[128];

        (void) snprintf(child, sizeof(child), "%s/x", name);
        (void) snprintf(wanted, sizeof(wanted),
                        "%s:30=30 INBOX:3=3 K:30=30 %s:30=30 INBOX:3=3 "
                        "K:30=30",
                        name, name);
        check(label, world, wanted);
        TEST_ROW(label, memory_count_visible(stored(world, SIDE_REMOTE, child)) == 5);
        TEST_ROW(label, memory_count_visible(stored(world, SIDE_LOCAL, child)) == 5);
        TEST_ROW(label, look(world, child)->messages == 5 && !*look(world, child)->error);
        TEST_ROW(label, !*look(world, name)->error && !engine_find_mailbox(world->engine, "A"));
        TEST_ROW(label, n_bodies(world) == 0 && engine_totals(world->engine).failed == 0);
}

/* Nothing but what the server tells would do. */
static void rename_told(World *world, Side side) {
        MemoryMailbox *parent = stored(world, side, "B"), *child = stored(world, side, "B/x");

        const uint32_t uidvalidity[] = {parent->uidvalidity, child->uidvalidity};

        parent->uidvalidity = child->uidvalidity = 7;
        memory_replica_tell_renamed(world->replica[side], "A", "B");
        assert(world_pump(world));
        parent->uidvalidity = uidvalidity[0];
        child->uidvalidity = uidvalidity[1];
}

static void rename_with(Evidence evidence, Side side, bool are_servers) {
        const char *label = evidence_names[evidence];
        World world;

        make_family(&world, evidence);
        if (are_servers)
                world_make_servers(&world);
        world.store[side].has_objects = evidence == EVIDENCE_OBJECT;
        look_once(&world);
        memory_store_rename(&world.store[side], "A", "B");
        world_start(&world);
        if (evidence == EVIDENCE_TOLD && (side == SIDE_REMOTE || are_servers))
                rename_told(&world, side);
        list(&world);
        check_family(label, &world, "B");
        TEST_ROW(label, world.n_notes[ENGINE_NOTE_RENAMED] == 2 &&
                                world.n_notes[ENGINE_NOTE_CREATED] == 0);
        if (are_servers) {
                TEST_ROW(label, world_is_on_wire(&world, SIDE_LOCAL, "perso.B.x", "B/x"));
                TEST_ROW(label, world_is_on_wire(&world, SIDE_LOCAL, "B/x", NULL));
                TEST_ROW(label, world_is_on_wire(&world, SIDE_REMOTE, "B/x", "B/x"));
        }
        world_done(&world);
}

static void test_rename(void) {
        for (Evidence evidence = 0; evidence < _EVIDENCE_MAX; evidence++)
                for (Side side = 0; side < _SIDE_MAX; side++) {
                        rename_with(evidence, side, false);
                        rename_with(evidence, side, true);
                }
}

/* Messages with keywords, of which the samples show the second first. */
static void make_keywords(World *world) {
        WorldMessage messages[10];
        WorldPair pairs[ARRAY_SIZE(messages)];

        world_init(world);
        world->store[SIDE_LOCAL].is_files = true; /* else there is a run at once */
        for (Side side = 0; side < _SIDE_MAX; side++)
                memory_store_add(&world->store[side], "A");
        for (unsigned i = 0; i < ARRAY_SIZE(messages); i++) {
                char text[32];

                (void) snprintf(text, sizeof(text), "a%u%s", i,
                                i == 0   ? ""
                                : i == 1 ? " +first"
                                         : " +second");
                world_parse_message(world, text, &messages[i]);
                pairs[i] = (WorldPair){
                        {i + 1, i + 1},
                        &messages[i]
                };
        }
        world_add_in_sync(world, "A", pairs, ARRAY_SIZE(messages));
}

static void make_single(World *world, const char *mailbox, const char *text) {
        WorldMessage message;
        const WorldPair pair = {
                {1, 1},
                &message
        };

        world_parse_message(world, text, &message);
        for (Side side = 0; side < _SIDE_MAX; side++)
                memory_store_add(&world->store[side], mailbox);
        world_add_in_sync(world, mailbox, &pair, 1);
}

/* A message without a Message-ID is not taken for another one of its size, in a mailbox with the same numbers. */
static void test_rename_without_id(void) {
        World world;

        world_init(&world);
        make_single(&world, "A", "none/1@100");
        make_single(&world, "K", "none/2@200");
        memory_store_rename(&world.store[SIDE_REMOTE], "K", "L");
        memory_store_remove(&world.store[SIDE_REMOTE], "A");
        world_start(&world);
        list(&world);
        assert(strstr(stored(&world, SIDE_LOCAL, "L")->messages[0].bytes, "none/2"));
        assert(stored(&world, SIDE_LOCAL, "A") && !stored(&world, SIDE_LOCAL, "K"));
        world_done(&world);
}

/* What is seen before a run does not change what the base's keywords mean. */
static void test_keywords(void) {
        static const char *const labels[] = {"waited for", "sampled"};

        for (unsigned n = 0; n < ARRAY_SIZE(labels); n++) {
                const char *name = n == 0 ? "A" : "B";
                _cleanup_free_ char *is = NULL;
                MessageFlags flag;
                World world;

                make_keywords(&world);
                memory_store_rename(&world.store[SIDE_REMOTE], "A", name);
                world_start(&world);
                list(&world);
                if (n == 0) { /* as the answer to the SELECT before an IDLE has it */
                        const ReplicaMailbox *mailbox =
                                engine_replica_mailbox(world.engine, "A", SIDE_REMOTE);

                        assert(keywords_add(mailbox->keywords, bytes_of("second"), &flag) == 0);
                }
                memory_set_flags(
                        stored(&world, SIDE_REMOTE, name),
                        memory_find(stored(&world, SIDE_REMOTE, name), 1),
                        world_flags(&world, SIDE_REMOTE, world_parse_flags(&world, "+first")));
                assert(world_sync(&world));
                is = world_describe(&world, name);
                TEST_ROW(labels[n], strstr(is, "a0 +first | a0 +first | = +first\n") &&
                                            strstr(is, "a1 +first | a1 +first | = +first\n") &&
                                            strstr(is, "a2 +second | a2 +second | = +second\n"));
                world_done(&world);
        }
}

/* In each way to die meanwhile: the rename is found done, or is done. */
static void test_rename_killed(void) {
        for (unsigned n = 0; n < 4; n++) {
                const Side side = (Side) (n % 2);
                bool killed = true;

                for (uint64_t at = 1; killed; at++) {
                        World world;

                        make_family(&world, n < 2 ? EVIDENCE_NUMBERS : EVIDENCE_OBJECT);
                        look_once(&world);
                        memory_store_rename(&world.store[side], "A", "B");
                        world.kill = (KillSwitch){.at = at};
                        world_start(&world);
                        assert(engine_list(world.engine) == 0);
                        killed = !world_pump(&world);
                        world_stop(&world);
                        world.kill.at = 0;
                        world_start(&world);
                        list(&world);
                        check_family("killed", &world, "B");
                        world_done(&world);
                }
        }
}

typedef struct Story {
        const char *label;
        void (*happen)(World *world);
        const char *after;
        uint64_t n_bodies;
} Story;

static void keep_and_make_anew(World *world) {
        memory_store_rename(&world->store[SIDE_LOCAL], "K", "L");
        memory_deliver(memory_store_add(&world->store[SIDE_LOCAL], "K"), 0,
                       "Message-ID: <new>\r\nSubject: new\r\n\r\n", 0, 0);
}

static void chain(World *world) {
        memory_store_rename(&world->store[SIDE_LOCAL], "K", "L");
        memory_store_rename(&world->store[SIDE_LOCAL], "A", "K");
}

static void both_alike(World *world) {
        memory_store_rename(&world->store[SIDE_REMOTE], "K", "L");
        memory_store_rename(&world->store[SIDE_LOCAL], "K", "L");
}

static void both_otherwise(World *world) {
        memory_store_rename(&world->store[SIDE_REMOTE], "K", "L");
        memory_store_rename(&world->store[SIDE_LOCAL], "K", "M");
}

static void renamed_and_deleted(World *world) {
        memory_store_rename(&world->store[SIDE_LOCAL], "K", "L");
        memory_store_remove(&world->store[SIDE_REMOTE], "K");
}

static void more_since(World *world) {
        memory_deliver(stored(world, SIDE_REMOTE, "K"), 0, "Message-ID: <n>\r\nSubject: n\r\n\r\n",
                       0, 0);
        memory_store_rename(&world->store[SIDE_REMOTE], "K", "L");
}

static void deleted_and_copied(World *world) {
        const MemoryMailbox *old = stored(world, SIDE_REMOTE, "K");
        MemoryMailbox *new = memory_store_add(&world->store[SIDE_REMOTE], "L");

        /* the same numbers, other messages */
        for (size_t i = 0; i < old->n_messages; i++)
                memory_deliver(new, 0, "Message-ID: <o>\r\nSubject: o\r\n\r\n", 0, 0);
        memory_store_remove(&world->store[SIDE_REMOTE], "K");
}

static void child_moved_out(World *world) {
        memory_store_rename(&world->store[SIDE_LOCAL], "A/x", "X");
        memory_store_rename(&world->store[SIDE_LOCAL], "A", "B");
}

static void test_stories(void) {
        static const Story stories[] = {
                {"renamed, and another one in its place", keep_and_make_anew,
                 "A:30=30 INBOX:3=3 K:1=1 L:30=30 A:30=30 INBOX:3=3 K:1=1 L:30=30",                                                   1 },
                {"a chain",                               chain,               "INBOX:3=3 K:30=30 L:30=30 INBOX:3=3 K:30=30 L:30=30", 0 },
                {"on both sides alike",                   both_alike,
                 "A:30=30 INBOX:3=3 L:30=30 A:30=30 INBOX:3=3 L:30=30",                                                               0 },
                {"on both sides otherwise",               both_otherwise,
                 "A:30=30 INBOX:3=3 L:30=30 A:30=30 INBOX:3=3 L:30=30",                                                               0 },
                {"renamed here, deleted there",           renamed_and_deleted,
                 "A:30=30 INBOX:3=3 L:30=30 A:30=30 INBOX:3=3 L:30=30",                                                               30},
                {"with mail that came since",             more_since,
                 "A:30=30 INBOX:3=3 L:31=31 A:30=30 INBOX:3=3 L:31=31",                                                               1 },
                {"the same numbers, and not the same",    deleted_and_copied,
                 "A:30=30 INBOX:3=3 L:30=30 A:30=30 INBOX:3=3 K:30=30 L:30=30",                                                       30},
                {"a child moved out",                     child_moved_out,
                 "B:30=30 INBOX:3=3 K:30=30 X:5=5 B:30=30 INBOX:3=3 K:30=30 X:5=5",                                                   0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
                World world;

                make_family(&world, EVIDENCE_OBJECT);
                if (stories[i].happen == both_alike || stories[i].happen == deleted_and_copied)
                        world.store[SIDE_REMOTE].has_objects = false;
                look_once(&world);
                stories[i].happen(&world);
                world_start(&world);
                list(&world);
                check(stories[i].label, &world, stories[i].after);
                TEST_ROW(stories[i].label, n_bodies(&world) == stories[i].n_bodies);
                world_done(&world);
        }
}

static void other_content(World *world) {
        MemoryMailbox *mailbox;

        memory_store_rename(&world->store[SIDE_REMOTE], "K", "L");
        mailbox = stored(world, SIDE_REMOTE, "L");
        memory_expunge(mailbox, mailbox->messages[0].uid);
        memory_deliver(mailbox, 0, "Message-ID: <o>\r\nSubject: o\r\n\r\n", 0, 0);
        memory_renumber(mailbox, 1);
}

static void rename_remotely(World *world) {
        memory_store_rename(&world->store[SIDE_REMOTE], "K", "L");
}

static void rename_locally(World *world) {
        memory_store_rename(&world->store[SIDE_LOCAL], "K", "L");
}

/* Neither UIDVALIDITY nor UIDs last: the messages tell. Then they are paired anew. */
static void test_rename_renumbers(void) {
        static const Story stories[] = {
                {"renumbered there",            rename_remotely,
                 "A:30=30 INBOX:3=3 L:30=30 A:30=30 INBOX:3=3 L:30=30",         0 },
                {"renumbered by our renaming",  rename_locally,
                 "A:30=30 INBOX:3=3 L:30=30 A:30=30 INBOX:3=3 L:30=30",         0 },
                {"as many messages, others",    deleted_and_copied,
                 "A:30=30 INBOX:3=3 L:30=30 A:30=30 INBOX:3=3 K:30=30 L:30=30", 30},
                {"as many messages, one other", other_content,
                 "A:30=30 INBOX:3=3 L:30=30 A:30=30 INBOX:3=3 K:30=30 L:30=30", 30},
        };

        for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
                World world;

                make_family(&world, EVIDENCE_NUMBERS);
                world.store[SIDE_REMOTE].renumbers_renamed = true;
                look_once(&world);
                stories[i].happen(&world);
                world_start(&world);
                list(&world);
                list(&world);
                check(stories[i].label, &world, stories[i].after);
                TEST_ROW(stories[i].label, n_bodies(&world) == stories[i].n_bodies);
                world_done(&world);
        }
}

/* The other side says no: nothing is made or deleted for it, and it is tried again. */
static void test_rename_refused(void) {
        World world;

        make_family(&world, EVIDENCE_OBJECT);
        look_once(&world);
        memory_store_rename(&world.store[SIDE_LOCAL], "K", "L");
        world.store[SIDE_REMOTE].n_refused_life = 1;
        world_start(&world);
        list(&world);
        check("refused", &world, "A:30=30 INBOX:3=3 K:30=30 A:30=30 INBOX:3=3 L:30=0");
        assert(strstr(look(&world, "K")->error, "the store says no"));
        assert(strstr(look(&world, "L")->error, "K"));
        assert(engine_totals(world.engine).failed == 2);
        list(&world);
        check("and then not", &world, "A:30=30 INBOX:3=3 L:30=30 A:30=30 INBOX:3=3 L:30=30");
        assert(engine_totals(world.engine).failed == 0 && n_bodies(&world) == 0);

        /* refused once more, and renamed back */
        memory_store_rename(&world.store[SIDE_LOCAL], "L", "M");
        world.store[SIDE_REMOTE].n_refused_life = 1;
        list(&world);
        assert(engine_totals(world.engine).failed == 2);
        memory_store_rename(&world.store[SIDE_LOCAL], "M", "L");
        list(&world);
        assert(engine_totals(world.engine).failed == 0 && n_bodies(&world) == 0);
        assert(!engine_find_mailbox(world.engine, "M"));
        world_done(&world);
}

static void test_dry_run(void) {
        World world;

        make_family(&world, EVIDENCE_NUMBERS);
        look_once(&world);
        memory_store_rename(&world.store[SIDE_REMOTE], "K", "L");
        memory_store_remove(&world.store[SIDE_LOCAL], "A/x");
        world.options.dry_run = true;
        world.options.deletion = MAILBOX_DELETION_YES;
        world_start(&world);
        list(&world);
        assert(world.n_notes[ENGINE_NOTE_WOULD] == 2);
        assert(stored(&world, SIDE_LOCAL, "K") && stored(&world, SIDE_REMOTE, "A/x"));
        world_stop(&world);
        assert(world.n_commits == 0 && world.n_writes == 0);
        world_done(&world);
}

/* --- deleting --- */

static void test_delete_asks(void) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                World world;

                make_family(&world, EVIDENCE_NUMBERS);
                look_once(&world);
                memory_store_remove(&world.store[side], "A/x");
                world_start(&world);
                list(&world);
                assert(look(&world, "A/x")->deleted[side] && look(&world, "A/x")->held[side] == 5);
                assert(stored(&world, side_other(side), "A/x"));
                assert(engine_totals(world.engine).held == 5);
                assert(engine_confirm(world.engine, "A") == STATE_DB_E_NONE);

                assert(engine_confirm(world.engine, "A/x") == 0 && world_pump(&world));
                assert(!stored(&world, side_other(side), "A/x"));
                assert(!engine_find_mailbox(world.engine, "A/x"));
                assert(engine_totals(world.engine).held == 0);
                assert(world.n_notes[ENGINE_NOTE_REMOVED] == 1);
                assert(engine_confirm(world.engine, "A/x") == STATE_DB_E_NONE);
                world_done(&world);
        }
}

typedef struct Deletion {
        const char *label;
        MailboxDeletion deletion;
        void (*happen)(World *world);
        const char *mailbox;
        bool stays;
        const char *error;
} Deletion;

static void delete_small(World *world) {
        memory_store_remove(&world->store[SIDE_REMOTE], "A/x");
}

static void delete_big(World *world) {
        memory_store_remove(&world->store[SIDE_REMOTE], "K");
}

static void delete_with_news(World *world) {
        memory_deliver(stored(world, SIDE_LOCAL, "A/x"), 0, "Message-ID: <n>\r\nSubject: n\r\n\r\n",
                       0, 0);
        memory_store_remove(&world->store[SIDE_REMOTE], "A/x");
}

static void delete_flagged(World *world) {
        MemoryMailbox *mailbox = stored(world, SIDE_LOCAL, "A/x");

        memory_set_flags(mailbox, memory_find(mailbox, 1), FLAG_SEEN);
        memory_store_remove(&world->store[SIDE_REMOTE], "A/x");
}

static void delete_inbox(World *world) {
        memory_store_remove(&world->store[SIDE_REMOTE], "INBOX");
}

static void delete_all(World *world) {
        while (world->store[SIDE_REMOTE].n_mailboxes > 0)
                memory_store_remove(&world->store[SIDE_REMOTE],
                                    world->store[SIDE_REMOTE].mailboxes[0]->name);
}

static void delete_all_but_inbox(World *world) {
        static const char *const names[] = {"A/x", "A", "K"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                memory_store_remove(&world->store[SIDE_REMOTE], names[i]);
        world->options.brake.count = 100; /* so much of it may be gone */
}

static void delete_both(World *world) {
        memory_store_remove(&world->store[SIDE_REMOTE], "K");
        memory_store_remove(&world->store[SIDE_LOCAL], "K");
}

static void test_delete(void) {
        static const Deletion rows[] = {
                {"as configured",          MAILBOX_DELETION_YES,   delete_small,         "A/x",   false, NULL     },
                {"flags are no news",      MAILBOX_DELETION_YES,   delete_flagged,       "A/x",   false, NULL     },
                {"never",                  MAILBOX_DELETION_NEVER, delete_small,         "A/x",   true,  "never"  },
                {"so much looks wrong",    MAILBOX_DELETION_YES,   delete_big,           "K",     true,  "confirm"},
                {"news on the other side", MAILBOX_DELETION_YES,   delete_with_news,     "A/x",   true,
                 "never on"                                                                                       },
                {"INBOX",                  MAILBOX_DELETION_YES,   delete_inbox,         "INBOX", true,  "gone"   },
                {"all of them",            MAILBOX_DELETION_YES,   delete_all,           "A/x",   true,  "confirm"},
                {"all but INBOX",          MAILBOX_DELETION_YES,   delete_all_but_inbox, "A/x",   true,
                 "confirm"                                                                                        },
                {"on both",                MAILBOX_DELETION_ASK,   delete_both,          "K",     false, NULL     },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                World world;

                make_family(&world, EVIDENCE_NUMBERS);
                look_once(&world);
                rows[i].happen(&world);
                world.options.deletion = rows[i].deletion;
                world_start(&world);
                list(&world);
                TEST_ROW(rows[i].label,
                         !stored(&world, SIDE_LOCAL, rows[i].mailbox) == !rows[i].stays);
                TEST_ROW(rows[i].label,
                         !engine_find_mailbox(world.engine, rows[i].mailbox) == !rows[i].stays);
                if (rows[i].error)
                        TEST_ROW(rows[i].label,
                                 strstr(look(&world, rows[i].mailbox)->error, rows[i].error));
                world_done(&world);
        }
}

/* What was confirmed is done after a crash, and what is there again by then is kept. */
static void test_delete_killed(void) {
        bool killed = true;

        for (uint64_t at = 1; killed; at++) {
                World world;

                make_family(&world, EVIDENCE_NUMBERS);
                look_once(&world);
                memory_store_remove(&world.store[SIDE_LOCAL], "A/x");
                world_start(&world);
                list(&world);
                world.kill = (KillSwitch){.at = at};
                assert(engine_confirm(world.engine, "A/x") == 0);
                killed = !world_pump(&world);
                world_stop(&world);
                world.kill.at = 0;
                world_start(&world);
                list(&world);
                if (stored(&world, SIDE_REMOTE, "A/x")) {
                        assert(look(&world, "A/x")->deleted[SIDE_LOCAL]);
                        assert(engine_confirm(world.engine, "A/x") == 0 && world_pump(&world));
                }
                assert(!stored(&world, SIDE_REMOTE, "A/x"));
                assert(!engine_find_mailbox(world.engine, "A/x"));
                check("killed", &world, "A:30=30 INBOX:3=3 K:30=30 A:30=30 INBOX:3=3 K:30=30");
                world_done(&world);
        }
}

/* --- subscriptions --- */

static void test_subscriptions(void) {
        World world;

        make_family(&world, EVIDENCE_NUMBERS);
        for (Side side = 0; side < _SIDE_MAX; side++)
                world.store[side].has_subscriptions = true;
        stored(&world, SIDE_REMOTE, "A")->subscribed = true;
        world_start(&world);
        list(&world);
        assert(stored(&world, SIDE_LOCAL, "A")->subscribed);
        assert(!stored(&world, SIDE_LOCAL, "K")->subscribed);

        stored(&world, SIDE_LOCAL, "A")->subscribed = false;
        stored(&world, SIDE_LOCAL, "K")->subscribed = true;
        list(&world);
        assert(!stored(&world, SIDE_REMOTE, "A")->subscribed);
        assert(stored(&world, SIDE_REMOTE, "K")->subscribed);

        /* a rename takes it along */
        memory_store_rename(&world.store[SIDE_REMOTE], "K", "L");
        stored(&world, SIDE_LOCAL, "K")->subscribed = false;
        list(&world);
        assert(stored(&world, SIDE_LOCAL, "L")->subscribed);
        assert(stored(&world, SIDE_REMOTE, "L")->subscribed);

        /* both had it before they met */
        memory_store_add(&world.store[SIDE_REMOTE], "B")->subscribed = true;
        memory_store_add(&world.store[SIDE_LOCAL], "B");
        list(&world);
        assert(stored(&world, SIDE_LOCAL, "B")->subscribed);

        /* what is new is what it is there */
        memory_store_add(&world.store[SIDE_REMOTE], "M")->subscribed = true;
        memory_store_add(&world.store[SIDE_REMOTE], "N");
        list(&world);
        assert(stored(&world, SIDE_LOCAL, "M")->subscribed);
        assert(!stored(&world, SIDE_LOCAL, "N")->subscribed);
        world_done(&world);
}

/* A Maildir without an opinion gives none, but shows what was made there. */
static void test_no_subscriptions(void) {
        World world;

        make_family(&world, EVIDENCE_NUMBERS);
        world.store[SIDE_REMOTE].has_subscriptions = true;
        memory_store_add(&world.store[SIDE_LOCAL], "M");
        world_start(&world);
        list(&world);
        assert(stored(&world, SIDE_REMOTE, "M")->subscribed);
        assert(!stored(&world, SIDE_REMOTE, "A")->subscribed);
        assert(!stored(&world, SIDE_LOCAL, "A")->subscribed);
        world_done(&world);
}

/* What no side is subscribed to is left out, but for INBOX; and stays as it is where it was not. */
static void test_only_subscribed(void) {
        World world;

        make_family(&world, EVIDENCE_NUMBERS);
        world.options.only_subscribed = true;
        world.store[SIDE_REMOTE].has_subscriptions = true;
        memory_store_add(&world.store[SIDE_REMOTE], "N");
        memory_store_add(&world.store[SIDE_REMOTE], "S")->subscribed = true;
        world_start(&world);
        list(&world);
        assert(stored(&world, SIDE_LOCAL, "S") && !stored(&world, SIDE_LOCAL, "N"));
        assert(!*engine_find_mailbox(world.engine, "INBOX")->left_out);
        assert(*engine_find_mailbox(world.engine, "N")->left_out);

        stored(&world, SIDE_REMOTE, "S")->subscribed = false;
        stored(&world, SIDE_REMOTE, "N")->subscribed = true;
        list(&world);
        assert(stored(&world, SIDE_LOCAL, "N"));
        assert(stored(&world, SIDE_LOCAL, "S") && stored(&world, SIDE_REMOTE, "S"));
        assert(*engine_find_mailbox(world.engine, "S")->left_out);
        world_done(&world);
}

/* A server that was not asked who is subscribed says nothing: not on either side. */
static void test_unasked_subscriptions(void) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                World world;

                make_family(&world, EVIDENCE_NUMBERS);
                world_make_servers(&world);
                memory_store_add(&world.store[side], "M");
                world_start(&world);
                list(&world);
                assert(!stored(&world, side_other(side), "M")->subscribed);
                world_stop(&world);
                for (Side s = 0; s < _SIDE_MAX; s++)
                        world.store[s].has_subscriptions = true;
                stored(&world, side, "M")->subscribed = true;
                world_start(&world);
                list(&world);
                assert(stored(&world, side_other(side), "M")->subscribed);
                world_done(&world);
        }
}

/* --- twins --- */

/* A file system that folds case gives the folder of another mailbox: its messages are not mixed. */
static void test_twins(void) {
        World world;

        make_family(&world, EVIDENCE_NUMBERS);
        world.store[SIDE_LOCAL].folds_case = true;
        memory_deliver(memory_store_add(&world.store[SIDE_REMOTE], "k"), 0,
                       "Message-ID: <n>\r\nSubject: n\r\n\r\n", 0, 0);
        world_start(&world);
        list(&world);
        assert(strstr(look(&world, "k")->error, "“K”"));
        assert(look(&world, "k")->messages == 0 && look(&world, "K")->messages == 30);
        assert(n_bodies(&world) == 0);
        world_done(&world);
}

/* --- two servers --- */

static void test_unsayable(void) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                World world;

                world_init(&world);
                world_make_servers(&world);
                world.store[SIDE_REMOTE].delimiter = '^';
                memory_store_add(&world.store[side], side == SIDE_REMOTE ? "a.b" : "a^b");
                memory_store_add(&world.store[side], "c/d");
                world_start(&world);
                assert(world_sync(&world));
                assert(strstr(look(&world, side == SIDE_REMOTE ? "a.b" : "a^b")->error,
                              "it cannot be made on the"));
                assert(stored(&world, side_other(side), "c/d") && !*look(&world, "c/d")->error);
                assert(world_is_on_wire(&world, SIDE_LOCAL, "perso.c.d", "c/d"));
                assert(world_is_on_wire(&world, SIDE_REMOTE, "c^d", "c/d"));
                world_done(&world);
        }
}

/* A server tells names in UTF-8 that are not so on the wire. */
static void test_utf8(void) {
        World world;

        world_init(&world);
        world_make_servers(&world);
        world.store[SIDE_LOCAL].prefix = "Gr&APYA3w-e.";
        memory_store_add(&world.store[SIDE_REMOTE], "c/d");
        world_start(&world);
        assert(world_sync(&world));
        assert(world_is_on_wire(&world, SIDE_LOCAL, "Größe.c.d", "c/d"));
        assert(world_is_on_wire(&world, SIDE_LOCAL, "c.d", NULL));
        world_done(&world);
}

static void start_servers(World *world) {
        make_family(world, EVIDENCE_NUMBERS);
        world_make_servers(world);
        world_start(world);
        assert(world_sync(world));
}

/* One side's look at its mailboxes, in the middle of the other's, shows what has come and gone there. */
static void test_polled(void) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                World world;

                start_servers(&world);
                for (Side s = 0; s < _SIDE_MAX; s++)
                        memory_replica_tell_poll(world.replica[s]);
                assert(world_pump(&world) && !*look(&world, "K")->error);

                memory_store_remove(&world.store[side], "A/x");
                for (Side s = 0; s < _SIDE_MAX; s++)
                        memory_replica_tell_poll(world.replica[s]);
                assert(world_pump(&world) && look(&world, "A/x")->deleted[side]);

                memory_store_add(&world.store[side], "N");
                memory_replica_tell_poll(world.replica[side]);
                assert(world_pump(&world) && stored(&world, side_other(side), "N"));
                world_done(&world);
        }
}

/* Made while nobody told, or never listed: it is looked for once. */
static void test_unlisted(void) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                World world;

                start_servers(&world);
                memory_store_add(&world.store[side], "N");
                memory_replica_tell_status(world.replica[side], "N");
                assert(world_pump(&world) && stored(&world, side_other(side), "N"));
                assert(world.n_notes[ENGINE_NOTE_NOTICE] == 0);

                for (unsigned n = 0; n < 4; n++) {
                        memory_replica_tell_status(world.replica[side], "never");
                        memory_replica_tell_status(world.replica[side], "unwanted");
                        assert(world_pump(&world));
                }
                assert(world.n_notes[ENGINE_NOTE_NOTICE] == 1);
                world_done(&world);
        }
}

static int count_due(const char *wire, void *userdata) {
        unsigned *n = userdata;

        assert(strncmp(wire, "perso.", 6) == 0);
        (*n)++;
        return 0;
}

static void test_due(void) {
        unsigned n_other = 0, n = 0;
        World world;

        make_family(&world, EVIDENCE_NUMBERS);
        world_make_servers(&world);
        world.store[SIDE_REMOTE].prefix = "perso.";
        world_start(&world);
        assert(world_sync(&world));
        assert(engine_each_due(world.engine, SIDE_REMOTE, world.now, 60, count_due, &n_other) == 0);
        assert(engine_each_due(world.engine, SIDE_LOCAL, world.now, 60, count_due, &n) == 0);
        assert(n == 4 && n_other == 4); /* asked by itself */
        assert(engine_each_due(world.engine, SIDE_LOCAL, world.now, 60, count_due, &n) == 0);
        assert(n == 4);
        world_done(&world);
}

int main(void) {
        test_rename();
        test_rename_without_id();
        test_unsayable();
        test_utf8();
        test_polled();
        test_unlisted();
        test_due();
        test_keywords();
        test_rename_killed();
        test_rename_renumbers();
        test_stories();
        test_rename_refused();
        test_dry_run();
        test_delete_asks();
        test_delete();
        test_delete_killed();
        test_subscriptions();
        test_no_subscriptions();
        test_only_subscribed();
        test_unasked_subscriptions();
        test_twins();
        return 0;
}
