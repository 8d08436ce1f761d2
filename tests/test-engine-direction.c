/*
 * The engine and the direction: what a side is never asked for, and what becomes of what that leaves different. What
 * happens by chance is in test-model-direction.c.
 */

#include "base/macro.h"
#include "sync-world.h"
#include "test.h"

#define INBOX "INBOX"
#define BOTH  "m1 | m1 | =\nm2 | m2 | =\n"

/* Of every mailbox but "Other", which goes both ways. */
static Direction direction;

static Direction direction_of(const char *mailbox, void *userdata) {
        (void) userdata;
        return strcmp(mailbox, "Other") == 0 ? DIRECTION_BOTH : direction;
}

static void start(World *world) {
        world->options.direction = direction_of;
        world_start(world);
}

static void begin(World *world, bool servers, Direction wanted) {
        direction = wanted;
        world_init(world);
        if (servers)
                world_make_servers(world);
        world_make_in_sync(world, INBOX, "m", 2);
        start(world);
        assert(world_sync(world));
}

/* The next process, with another direction. */
static void turn(World *world, Direction wanted) {
        world_stop(world);
        direction = wanted;
        start(world);
        assert(world_sync(world));
}

static void set_flags(World *world, Side side, uint32_t uid, const char *flags) {
        MemoryMailbox *inbox = world_stored(world, side, INBOX);

        memory_set_flags(inbox, memory_find(inbox, uid),
                         world_flags(world, side, world_parse_flags(world, flags)));
}

static int compare_strings(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* As world_describe() has them. */
static char *sort_lines(const char *text) {
        _cleanup_free_ char *copy = strdup(text);
        Buffer sorted = BUFFER_NULL;
        char *lines[64], *result;
        size_t n = 0;

        assert(copy);
        for (char *line = strtok(copy, "\n"); line && n < ARRAY_SIZE(lines);
             line = strtok(NULL, "\n"))
                lines[n++] = line;
        if (n > 0)
                qsort(lines, n, sizeof(*lines), compare_strings);
        for (size_t i = 0; i < n; i++)
                assert(buffer_append_format(&sorted, "%s\n", lines[i]) == 0);
        result = buffer_steal_string(&sorted);
        assert(result);
        return result;
}

/* @lines: in any order */
static void check(World *world, const char *name, const char *lines) {
        _cleanup_free_ char *text = world_describe(world, name), *wanted = sort_lines(lines);

        if (strcmp(text, wanted) == 0)
                return;
        fprintf(stderr, "%s, %s: it is\n%sshould be\n%s", direction_name(direction), name, text,
                wanted);
        abort();
}

static uint64_t n_writes(const World *world, Side side) {
        return memory_replica_n_writes(world->replica[side]);
}

/* Nothing more is done, by any process, whatever direction holds. */
static void check_quiet(World *world, const char *wanted) {
        static const Direction directions[] = {
                DIRECTION_PULL, DIRECTION_BOTH, DIRECTION_PUSH, DIRECTION_ARCHIVE, DIRECTION_BOTH,
        };

        for (size_t i = 0; i < ARRAY_SIZE(directions); i++) {
                turn(world, directions[i]);
                check(world, INBOX, wanted);
                assert(n_writes(world, SIDE_REMOTE) == 0 && n_writes(world, SIDE_LOCAL) == 0);
        }
}

/* --- messages --- */

static const char *leads(const char *on_remote, const char *on_local, Side side) {
        return side == SIDE_REMOTE ? on_remote : on_local;
}

/* @side leads, the other one follows. */
static void test_new(bool servers, Direction wanted, Side side) {
        const char *after = leads(BOTH "a S | a S | = S\n| b |"
                                       " parked\n",
                                  BOTH "a S | a S | = S\nb | | parked\n", side);
        World world;

        begin(&world, servers, wanted);
        world_deliver(&world, side, INBOX, "a S");
        world_deliver(&world, side_other(side), INBOX, "b");
        assert(world_sync(&world));
        check(&world, INBOX, after);
        assert(n_writes(&world, side) == 0);
        assert(engine_find_mailbox(world.engine, INBOX)->alone == 1);
        assert(engine_totals(world.engine).alone == 1 && engine_totals(world.engine).parked == 0);
        assert(world.n_notes[ENGINE_NOTE_PARKED] == 0 && !world.failure);
        check_quiet(&world, after);
        world_done(&world);
}

/* What was there before is found on both sides, and is not doubled; nor is what a lost database knew. */
static void test_paired(bool servers, Direction wanted, Side side) {
        World world;

        begin(&world, servers, wanted);
        world_deliver(&world, side, INBOX, side == SIDE_REMOTE ? "a S" : "a F");
        world_deliver(&world, side_other(side), INBOX, side == SIDE_REMOTE ? "a F" : "a S");
        world_deliver(&world, side_other(side), INBOX, "b");
        assert(world_sync(&world));
        assert(n_writes(&world, side) == 0);
        world_stop(&world);
        world_lose_database(&world);
        start(&world);
        assert(world_sync(&world));
        assert(n_writes(&world, side) == 0);
        check(&world, INBOX,
              leads(BOTH "a S | a SF | = S\n| b | parked\n",
                    BOTH "a SF | a F | = SF\nb | | parked\n", side));
        world_done(&world);
}

static void test_flags(bool servers, Direction wanted, Side side) {
        World world;

        begin(&world, servers, wanted);
        set_flags(&world, side_other(side), 1, "F +work");
        assert(world_sync(&world));
        check(&world, INBOX,
              leads("m1 | m1 F +work | =\nm2 | m2 | =\n",
                    "m1 F +work | m1 | = F +work\nm2 | m2 | =\n", side));
        assert(n_writes(&world, side) == 0);

        /* of these only \Seen has changed where it counts */
        set_flags(&world, side, 1, "S");
        assert(world_sync(&world));
        assert(n_writes(&world, side) == 0);
        check(&world, INBOX,
              leads("m1 S | m1 SF +work | = S\nm2 | m2 | =\n",
                    "m1 SF +work | m1 S | = SF +work\nm2 | m2 | =\n", side));
        check_quiet(&world, leads("m1 S | m1 SF +work | = S\nm2 | m2 | =\n",
                                  "m1 SF +work | m1 S | = SF +work\nm2 | m2 | =\n", side));

        /* both ways, a flag that is changed now is on both sides as it is here; no other one is */
        set_flags(&world, side_other(side), 1, "S +work");
        assert(world_sync(&world));
        check(&world, INBOX,
              leads("m1 S | m1 S +work | = S\nm2 | m2 | =\n",
                    "m1 S +work | m1 S | = S +work\nm2 | m2 | =\n", side));
        world_done(&world);
}

static void test_deleted(bool servers, Direction wanted, Side side) {
        const bool is_archive = wanted == DIRECTION_ARCHIVE;
        const char *alone = leads("m1 | | parked\n", "| m1 | parked\n", side);
        char after[128];
        World world;

        begin(&world, servers, wanted);
        memory_expunge(world_stored(&world, side_other(side), INBOX), 1);
        assert(world_sync(&world) && n_writes(&world, side) == 0);
        (void) snprintf(after, sizeof(after), "m2 | m2 | =\n%s", alone);
        check(&world, INBOX, after);
        assert(engine_retry_parked(world.engine, INBOX) == 0); /* nobody has refused it */
        check_quiet(&world, after);

        turn(&world, wanted);
        memory_expunge(world_stored(&world, side, INBOX), 2);
        assert(world_sync(&world) && n_writes(&world, side) == 0);
        check(&world, INBOX, is_archive ? "m1 | | parked\n| m2 | parked\n" : alone);
        memory_expunge(world_stored(&world, side, INBOX), 1);
        assert(world_sync(&world));
        check(&world, INBOX, is_archive ? "| m2 | parked\n" : "");
        assert(engine_find_mailbox(world.engine, INBOX)->alone == is_archive);
        world_done(&world);
}

/* So many deletions are held in any direction; then each side keeps what it has. */
static void test_brake(void) {
        World world;

        direction = DIRECTION_ARCHIVE;
        world_init(&world);
        world_make_in_sync(&world, INBOX, "m", 40);
        start(&world);
        assert(world_sync(&world));
        for (uint32_t uid = 1; uid <= 30; uid++)
                memory_expunge(world_stored(&world, SIDE_REMOTE, INBOX), uid);
        assert(world_sync(&world));
        assert(engine_find_mailbox(world.engine, INBOX)->held[SIDE_REMOTE] == 30);
        assert(engine_find_mailbox(world.engine, INBOX)->messages == 40);
        assert(engine_confirm(world.engine, INBOX) == 0 && world_pump(&world));
        assert(engine_find_mailbox(world.engine, INBOX)->messages == 10);
        assert(engine_find_mailbox(world.engine, INBOX)->alone == 30);
        assert(memory_count_visible(world_stored(&world, SIDE_LOCAL, INBOX)) == 40);
        assert(n_writes(&world, SIDE_LOCAL) == 0);
        world_done(&world);
}

/* The server counts its messages anew: what was deleted here alone comes back, all else stays as it is. */
static void test_renumbered(void) {
        World world;

        begin(&world, false, DIRECTION_ARCHIVE);
        world_deliver(&world, SIDE_REMOTE, INBOX, "a");
        world_deliver(&world, SIDE_LOCAL, INBOX, "b");
        assert(world_sync(&world));
        memory_expunge(world_stored(&world, SIDE_REMOTE, INBOX), 1);
        memory_expunge(world_stored(&world, SIDE_LOCAL, INBOX), 2);
        set_flags(&world, SIDE_LOCAL, 4, "F");
        assert(world_sync(&world));
        check(&world, INBOX, "a | a F | =\nm2 | | parked\n| b | parked\n| m1 | parked\n");
        world_stored(&world, SIDE_REMOTE, INBOX)->uidvalidity++;
        memory_renumber(world_stored(&world, SIDE_REMOTE, INBOX), 70);
        assert(world_sync(&world));
        check(&world, INBOX, "a | a F | =\nm2 | m2 | =\n| b | parked\n| m1 | parked\n");
        assert(engine_find_mailbox(world.engine, INBOX)->alone == 2);
        assert(n_writes(&world, SIDE_REMOTE) == 0);
        world_done(&world);
}

/* --- moves, and mailboxes of other directions --- */

static void test_moved(Direction wanted, Side side, Side mover) {
        World world;

        begin(&world, false, wanted);
        for (Side s = 0; s < _SIDE_MAX; s++)
                memory_store_add(&world.store[s], "Kept");
        assert(world_sync(&world));
        memory_move(world_stored(&world, mover, INBOX), 1, world_stored(&world, mover, "Kept"));
        assert(world_sync(&world) && n_writes(&world, side) == 0);
        if (mover == side) { /* the other one follows, and no byte is copied */
                check(&world, INBOX, "m2 | m2 | =\n");
                check(&world, "Kept", "m1 | m1 | =\n");
                assert(world.counts.bytes == 0);
        } else {
                check(&world, INBOX,
                      leads("m1 | | parked\nm2 | m2 | =\n", "m2 | m2 | =\n| m1 | parked\n", side));
                check(&world, "Kept", leads("| m1 | parked\n", "m1 | | parked\n", side));
        }
        world_done(&world);
}

/* Out of an archive into what is none: the archive keeps it. */
static void test_moved_from_archive(void) {
        World world;

        begin(&world, false, DIRECTION_ARCHIVE);
        for (Side s = 0; s < _SIDE_MAX; s++)
                memory_store_add(&world.store[s], "Other");
        assert(world_sync(&world));
        memory_move(world_stored(&world, SIDE_REMOTE, INBOX), 1,
                    world_stored(&world, SIDE_REMOTE, "Other"));
        assert(world_sync(&world) && n_writes(&world, SIDE_REMOTE) == 0);
        check(&world, INBOX, "m2 | m2 | =\n| m1 | parked\n");
        check(&world, "Other", "m1 | m1 | =\n");
        world_done(&world);
}

static const EngineMailbox *find(World *world, const char *name) {
        const EngineMailbox *found = engine_find_mailbox(world->engine, name);

        assert(found);
        return found;
}

/* Mailboxes that come, go, and get another name on either side. */
static void test_mailboxes(Direction wanted, Side side) {
        const Side other = side_other(side);
        World world;

        begin(&world, false, wanted);
        world.store[SIDE_REMOTE].has_objects = true;
        memory_store_add(&world.store[side], "there");
        memory_store_add(&world.store[other], "here");
        memory_store_add(&world.store[other], "Other");
        assert(world_sync(&world));
        assert(memory_store_find(&world.store[other], "there"));
        assert(!memory_store_find(&world.store[side], "here"));
        assert(memory_store_find(&world.store[side], "Other")); /* that one goes both ways */
        assert(find(&world, "here")->left_out[0] && engine_totals(world.engine).failed == 0);

        memory_store_rename(&world.store[side], "there", "renamed");
        assert(world_sync(&world));
        assert(memory_store_find(&world.store[other], "renamed"));
        assert(!memory_store_find(&world.store[other], "there"));
        memory_store_rename(&world.store[other], "renamed", "mine");
        assert(world_sync(&world));
        assert(memory_store_find(&world.store[side], "renamed"));
        assert(!memory_store_find(&world.store[side], "mine"));
        assert(find(&world, "renamed")->left_out[0] && find(&world, "mine")->left_out[0]);
        assert(engine_totals(world.engine).failed == 0);
        memory_store_rename(&world.store[other], "mine", "renamed");
        assert(world_sync(&world) && !find(&world, "renamed")->left_out[0]);

        world_deliver(&world, side, "renamed", "x");
        assert(world_sync(&world));
        world.options.deletion = MAILBOX_DELETION_YES;
        turn(&world, wanted);
        memory_store_remove(&world.store[side], "renamed");
        assert(world_sync(&world));
        assert(!memory_store_find(&world.store[other], "renamed") == (wanted != DIRECTION_ARCHIVE));
        assert(engine_totals(world.engine).failed == 0);
        assert(n_writes(&world, side) == 0);
        world_done(&world);
}

/* One that was deleted on the side that follows stays on the other; both ways again, that is to be confirmed. */
static void test_deleted_mailbox(void) {
        World world;

        begin(&world, false, DIRECTION_PULL);
        world.options.deletion = MAILBOX_DELETION_YES;
        for (Side s = 0; s < _SIDE_MAX; s++)
                memory_store_add(&world.store[s], "box");
        turn(&world, DIRECTION_PULL);
        world_deliver(&world, SIDE_REMOTE, "box", "x");
        assert(world_sync(&world));
        memory_store_remove(&world.store[SIDE_LOCAL], "box");
        assert(world_sync(&world) && find(&world, "box")->left_out[0]);
        turn(&world, DIRECTION_PULL);
        assert(find(&world, "box")->left_out[0] && n_writes(&world, SIDE_LOCAL) == 0);

        turn(&world, DIRECTION_BOTH);
        assert(find(&world, "box")->deleted[SIDE_LOCAL] && n_writes(&world, SIDE_REMOTE) == 0);
        memory_store_add(&world.store[SIDE_LOCAL], "box");
        assert(world_sync(&world));
        assert(memory_store_find(&world.store[SIDE_REMOTE], "box"));
        world_done(&world);
}

/* One that holds what only it has is not deleted. */
static void test_kept_mailbox(void) {
        World world;

        begin(&world, false, DIRECTION_PULL);
        for (Side s = 0; s < _SIDE_MAX; s++)
                memory_store_add(&world.store[s], "box");
        assert(world_sync(&world));
        world_deliver(&world, SIDE_LOCAL, "box", "mine");
        assert(world_sync(&world));
        world.options.deletion = MAILBOX_DELETION_YES;
        turn(&world, DIRECTION_PULL);
        memory_store_remove(&world.store[SIDE_REMOTE], "box");
        assert(world_sync(&world));
        assert(memory_store_find(&world.store[SIDE_LOCAL], "box"));
        world_done(&world);
}

static void test_dry_run(void) {
        World world;

        begin(&world, false, DIRECTION_PULL);
        world_stop(&world);
        world_deliver(&world, SIDE_LOCAL, INBOX, "a");
        memory_expunge(world_stored(&world, SIDE_LOCAL, INBOX), 1);
        set_flags(&world, SIDE_LOCAL, 2, "S");
        world.options.dry_run = true;
        start(&world);
        assert(world_sync(&world) && world.n_notes[ENGINE_NOTE_WOULD] == 0);
        world_done(&world);
}

int main(void) {
        static const struct {
                Direction direction;
                Side leader;
        } rows[] = {
                {DIRECTION_PULL,    SIDE_REMOTE},
                {DIRECTION_PUSH,    SIDE_LOCAL },
                {DIRECTION_ARCHIVE, SIDE_REMOTE},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                for (unsigned servers = 0; servers < 2; servers++) {
                        test_new(servers, rows[i].direction, rows[i].leader);
                        test_paired(servers, rows[i].direction, rows[i].leader);
                        test_flags(servers, rows[i].direction, rows[i].leader);
                        test_deleted(servers, rows[i].direction, rows[i].leader);
                }
                test_moved(rows[i].direction, rows[i].leader, SIDE_REMOTE);
                test_moved(rows[i].direction, rows[i].leader, SIDE_LOCAL);
                test_mailboxes(rows[i].direction, rows[i].leader);
        }
        test_brake();
        test_renumbered();
        test_moved_from_archive();
        test_deleted_mailbox();
        test_kept_mailbox();
        test_dry_run();
        return 0;
}
