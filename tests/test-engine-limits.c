/* The engine and the limits of age and count: what is beyond them leaves the local side, and never the remote one. */

#include "base/macro.h"
#include "sync-world.h"
#include "sync/run-private.h"
#include "test.h"

#define INBOX "INBOX"
#define BOTH  "m1 | m1 | =\nm2 | m2 | =\n" /* unread, so they stay */
#define DAY   ((int64_t) 24 * 3600)

/* The world's day is 1000000000. */
#define OLD    "@990000000"
#define YOUNG  "@999000000"
#define LATER  (100 * DAY) /* what was young is old then */
#define NINETY ((uint64_t) 90 * DAY)

static uint64_t age, count;

static uint64_t age_limit(const char *mailbox, void *userdata) {
        (void) userdata;
        return strcmp(mailbox, "Any") == 0 ? 0 : age;
}

static uint64_t count_limit(const char *mailbox, void *userdata) {
        (void) userdata;
        return strcmp(mailbox, "Any") == 0 ? 0 : count;
}

static void begin(World *world, bool servers, uint64_t days, uint64_t newest) {
        age = days * DAY;
        count = newest;
        world_init(world);
        world->options.age_limit = age_limit;
        world->options.count_limit = count_limit;
        if (servers)
                world_make_servers(world);
        world_make_in_sync(world, INBOX, "m", 2);
        world_start(world);
        assert(world_sync(world));
}

/* The next process, with other limits. */
static void turn(World *world, uint64_t days, uint64_t newest) {
        world_stop(world);
        age = days * DAY;
        count = newest;
        world_start(world);
        assert(engine_list(world->engine) == 0 && world_pump(world));
}

static void pass(World *world, int64_t seconds) {
        world->now += seconds * 1000000;
}

static MemoryMailbox *stored(World *world, Side side) {
        return world_stored(world, side, INBOX);
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

static const EngineMailbox *inbox(World *world) {
        return engine_find_mailbox(world->engine, INBOX);
}

static uint64_t n_removed(const World *world) {
        return world->counts.removed[SIDE_REMOTE] + world->counts.removed[SIDE_LOCAL];
}

/* Of what is new only the young comes; later runs do nothing about the rest; a raised limit lets it come. */
static void test_left(bool servers) {
        World world;
        uint64_t n_bodies;

        begin(&world, servers, 90, 0);
        n_bodies = memory_replica_n_bodies(world.replica[SIDE_REMOTE]);
        world_deliver(&world, SIDE_REMOTE, INBOX, "old" OLD " S");
        world_deliver(&world, SIDE_REMOTE, INBOX, "flagged" OLD " SF");
        world_deliver(&world, SIDE_REMOTE, INBOX, "young" YOUNG " S");
        assert(world_sync(&world));
        assert(memory_replica_n_bodies(world.replica[SIDE_REMOTE]) - n_bodies == 1);
        assert(is(&world, "flagged" OLD " SF | | parked\n" BOTH "old" OLD " S | | parked\n"
                          "young" YOUNG " S | young" YOUNG " S | = S\n"));
        assert(inbox(&world)->old == 2 && engine_totals(world.engine).old == 2);
        assert(inbox(&world)->parked == 0 && inbox(&world)->deferred == 0 && !world.failure);

        for (unsigned i = 0; i < 3; i++) { /* to name the mailbox is no reason */
                turn(&world, 90, 0);
                assert(engine_retry_parked(world.engine, INBOX) == 0 && world_sync(&world));
                assert(inbox(&world)->old == 2);
                world_stop(&world);
                assert(world.n_writes == 0);
                world_start(&world);
        }
        turn(&world, 300, 0);
        assert(is(&world, "flagged" OLD " SF | flagged" OLD " SF | = SF\n" BOTH "old" OLD
                          " S | old" OLD " S | = S\n"
                          "young" YOUNG " S | young" YOUNG " S | = S\n"));
        assert(inbox(&world)->old == 0);
        world_done(&world);
}

/* Of those that grow old go the ones that nobody wants to see again. */
static void test_evicted(bool servers) {
        World world;

        begin(&world, servers, 90, 0);
        world_deliver(&world, SIDE_REMOTE, INBOX, "read" YOUNG " S");
        world_deliver(&world, SIDE_LOCAL, INBOX, "own" YOUNG " SR");
        world_deliver(&world, SIDE_REMOTE, INBOX, "unread" YOUNG);
        world_deliver(&world, SIDE_REMOTE, INBOX, "flagged" YOUNG " SF");
        world_deliver(&world, SIDE_REMOTE, INBOX, "draft" YOUNG " SD");
        assert(world_sync(&world) && inbox(&world)->old == 0);

        pass(&world, LATER); /* nothing has happened anywhere, and somebody looks */
        assert(world_pump(&world));
        assert(is(&world, "draft" YOUNG " SD | draft" YOUNG " SD | = SD\n"
                          "flagged" YOUNG " SF | flagged" YOUNG " SF | = SF\n" BOTH "own" YOUNG
                          " SR | | parked\nread" YOUNG " S | | parked\n"
                          "unread" YOUNG " | unread" YOUNG " | =\n"));
        assert(inbox(&world)->old == 2 && n_removed(&world) == 0 && inbox(&world)->parked == 0);
        assert(memory_replica_n_writes(world.replica[SIDE_REMOTE]) == 1); /* own */

        /* read by now, it goes on the next day */
        memory_set_flags(stored(&world, SIDE_LOCAL), &stored(&world, SIDE_LOCAL)->messages[3],
                         FLAG_SEEN);
        assert(world_sync(&world) && inbox(&world)->messages == 4);
        world_stop(&world);
        world_start(&world);
        assert(world_sync(&world) && world_sync(&world));
        world_stop(&world);
        world_start(&world); /* and then there is nothing to do */
        assert(engine_list(world.engine) == 0 && world_pump(&world));
        world_stop(&world);
        assert(world.n_writes == 0 && world.n_commits == 0);
        world_start(&world);

        turn(&world, 0, 0);
        assert(inbox(&world)->old == 0 && inbox(&world)->messages == 7);
        assert(stored(&world, SIDE_LOCAL)->n_messages == 7);
        world_done(&world);
}

/* A limit is new, and what is there has no dates yet. Not even the brake minds that all goes. */
static void test_new_limit(bool servers, bool by_count) {
        World world;

        begin(&world, servers, 0, 0);
        for (unsigned i = 0; i < 60; i++) {
                char text[64];

                (void) snprintf(text, sizeof(text), "x%02u" OLD " S", i);
                world_deliver(&world, i % 2 ? SIDE_REMOTE : SIDE_LOCAL, INBOX, text);
        }
        assert(world_sync(&world) && inbox(&world)->messages == 62);
        turn(&world, by_count ? 0 : 90, by_count ? 10 : 0);
        assert(inbox(&world)->messages == (by_count ? 12 : 2));
        assert(inbox(&world)->held[SIDE_LOCAL] == 0 && inbox(&world)->held[SIDE_REMOTE] == 0);
        assert((by_count ? inbox(&world)->surplus : inbox(&world)->old) == (by_count ? 50 : 60));
        assert(memory_count_visible(stored(&world, SIDE_REMOTE)) == 62);
        assert(memory_count_visible(stored(&world, SIDE_LOCAL)) == inbox(&world)->messages);

        /* deletions go on being braked, and are no more than before */
        while (stored(&world, SIDE_REMOTE)->n_messages > 2)
                memory_expunge(stored(&world, SIDE_REMOTE),
                               stored(&world, SIDE_REMOTE)->messages[2].uid);
        assert(world_sync(&world));
        assert(inbox(&world)->old + inbox(&world)->surplus == 0 && is(&world, BOTH));
        world_done(&world);
}

/* Put here by somebody, and old: the server gets it first. */
static void test_put_here(bool servers) {
        World world;

        begin(&world, servers, 90, 0);
        world_deliver(&world, SIDE_LOCAL, INBOX, "put" OLD " S");
        assert(world_sync(&world));
        assert(is(&world, BOTH "put" OLD " S | | parked\n") && inbox(&world)->old == 1);

        /* and once more, from a copy: it is the same one */
        world_deliver(&world, SIDE_LOCAL, INBOX, "put" OLD " S");
        world_deliver(&world, SIDE_LOCAL, INBOX, "other" OLD " SF");
        assert(world_sync(&world));
        assert(is(&world, BOTH "other" OLD " SF | other" OLD " SF | = SF\n"
                               "put" OLD " S | | parked\n"));
        assert(inbox(&world)->old == 1);
        world_done(&world);
}

/* What has changed is carried over before it may go. */
static void test_changed(void) {
        World world;

        begin(&world, false, 90, 0);
        world_deliver(&world, SIDE_REMOTE, INBOX, "here" YOUNG " S");
        world_deliver(&world, SIDE_REMOTE, INBOX, "there" YOUNG " S");
        world_deliver(&world, SIDE_REMOTE, INBOX, "gone" YOUNG " S");
        assert(world_sync(&world));
        pass(&world, LATER);
        memory_set_flags(stored(&world, SIDE_LOCAL), &stored(&world, SIDE_LOCAL)->messages[2],
                         FLAG_SEEN | FLAG_FLAGGED);
        memory_set_flags(stored(&world, SIDE_REMOTE), &stored(&world, SIDE_REMOTE)->messages[3], 0);
        memory_expunge(stored(&world, SIDE_LOCAL), stored(&world, SIDE_LOCAL)->messages[4].uid);
        assert(world_sync(&world));
        assert(is(&world, "here" YOUNG " SF | here" YOUNG " SF | = SF\n" BOTH "there" YOUNG
                          " | there" YOUNG " | =\n"));
        world_done(&world);
}

static World *changed; /* where something happens once the local side was listed */

static void change_late(void *is_deletion) {
        const SyncMailbox *mailbox = engine_lookup(changed->engine, INBOX);
        MemoryMailbox *local = stored(changed, SIDE_LOCAL);

        if (!mailbox->run || mailbox->run->asking != SIDE_REMOTE || local->n_messages < 3 ||
            local->messages[2].flags != FLAG_SEEN)
                return;
        if (is_deletion)
                memory_expunge(local, local->messages[2].uid);
        else
                memory_set_flags(local, &local->messages[2], FLAG_SEEN | FLAG_FLAGGED);
}

/* Also if it has changed since the run has begun. */
static void test_just_then(bool servers, bool is_deletion) {
        World world;

        begin(&world, servers, 90, 0);
        world_deliver(&world, SIDE_REMOTE, INBOX, "a" YOUNG " S");
        assert(world_sync(&world));
        pass(&world, LATER);
        changed = &world;
        memory_replica_on_next(world.replica[SIDE_REMOTE], change_late,
                               is_deletion ? world.options.userdata : NULL);
        assert(world_pump(&world) && world_sync(&world));
        assert(is(&world, is_deletion ? BOTH : "a" YOUNG " SF | a" YOUNG " SF | = SF\n" BOTH));
        world_done(&world);
}

/* Moved on the server out of the limit, it comes with its body; moved here into it, it goes there too. */
static void test_moved(void) {
        World world;

        begin(&world, false, 90, 0);
        for (Side side = 0; side < _SIDE_MAX; side++)
                memory_store_add(&world.store[side], "Any");
        world_deliver(&world, SIDE_REMOTE, INBOX, "a" OLD " S");
        world_deliver(&world, SIDE_REMOTE, "Any", "b" OLD " S");
        assert(world_sync(&world) && inbox(&world)->old == 1);
        memory_move(stored(&world, SIDE_REMOTE), 3, world_stored(&world, SIDE_REMOTE, "Any"));
        assert(world_sync(&world) && inbox(&world)->old == 0 && is(&world, BOTH));
        assert(is_in(&world, "Any",
                     "a" OLD " S | a" OLD " S | = S\nb" OLD " S | b" OLD " S | = S\n"));
        memory_move(world_stored(&world, SIDE_LOCAL, "Any"),
                    world_stored(&world, SIDE_LOCAL, "Any")->messages[0].uid,
                    stored(&world, SIDE_LOCAL));
        assert(world_sync(&world) && world_sync(&world));
        assert(memory_count_visible(stored(&world, SIDE_REMOTE)) == 3);
        assert(inbox(&world)->old == 1 && inbox(&world)->messages == 2);
        assert(memory_count_visible(world_stored(&world, SIDE_REMOTE, "Any")) == 1);
        world_done(&world);
}

/* The server counts anew, a folder is put back, or the state is lost: left out again, and nothing is lost. */
static void test_anew(bool servers, Side side) {
        static const char whole[] = BOTH "old" OLD " S | | parked\n"
                                         "young" YOUNG " S | young" YOUNG " S | = S\n";
        World world;

        begin(&world, servers, 90, 0);
        world_deliver(&world, SIDE_LOCAL, INBOX, "old" OLD " S");
        world_deliver(&world, SIDE_REMOTE, INBOX, "young" YOUNG " S");
        assert(world_sync(&world) && is(&world, whole));
        if (servers || side == SIDE_REMOTE) {
                stored(&world, side)->uidvalidity++;
                memory_renumber(stored(&world, side), 50);
                assert(world_sync(&world) && is(&world, whole) && inbox(&world)->old == 1);
        }
        world_stop(&world);
        world_lose_database(&world);
        world_start(&world);
        assert(world_sync(&world) && is(&world, whole) && inbox(&world)->old == 1);
        world_done(&world);
}

/* The newest so many; those that stay below them are not counted against them. */
static void test_count(bool servers) {
        World world;
        uint64_t n_bodies;

        begin(&world, servers, 0, 4);
        n_bodies = memory_replica_n_bodies(world.replica[SIDE_REMOTE]);
        for (unsigned i = 0; i < 8; i++) {
                char text[64];

                (void) snprintf(text, sizeof(text), "n%u S", i);
                world_deliver(&world, SIDE_REMOTE, INBOX, text);
        }
        assert(world_sync(&world) && inbox(&world)->surplus == 4 && inbox(&world)->messages == 6);
        assert(memory_replica_n_bodies(world.replica[SIDE_REMOTE]) - n_bodies == 4);
        world_deliver(&world, SIDE_REMOTE, INBOX, "n8");
        world_deliver(&world, SIDE_LOCAL, INBOX, "n9 S");
        assert(world_sync(&world) && inbox(&world)->surplus == 6 && n_removed(&world) == 0);
        assert(is(&world, BOTH "n0 S | | parked\nn1 S | | parked\nn2 S | | parked\n"
                               "n3 S | | parked\nn4 S | | parked\nn5 S | | parked\n"
                               "n6 S | n6 S | = S\nn7 S | n7 S | = S\nn8 | n8 | =\n"
                               "n9 S | n9 S | = S\n"));
        turn(&world, 0, 6);
        assert(inbox(&world)->surplus == 4 && inbox(&world)->messages == 8);
        turn(&world, 0, 0);
        assert(inbox(&world)->surplus == 0 && inbox(&world)->messages == 12);
        turn(&world, 0, 1);
        assert(inbox(&world)->surplus == 8 && inbox(&world)->messages == 4);
        world_done(&world);
}

/* Nothing is asked of what is left out, nor of what may not go yet. */
static void test_costs_nothing(uint64_t days, uint64_t newest) {
        World world;
        uint64_t n_events;

        begin(&world, false, days, newest);
        for (unsigned i = 0; i < 40; i++) {
                char text[64];

                (void) snprintf(text, sizeof(text), "x%02u%s", i, i % 2 ? OLD " S" : YOUNG);
                world_deliver(&world, SIDE_REMOTE, INBOX, text);
        }
        assert(world_sync(&world));
        turn(&world, days, newest); /* learns how the local side was left */
        turn(&world, days, newest);
        assert(world.n_notes[ENGINE_NOTE_RUN] == 0);
        n_events = memory_replica_n_events(world.replica[SIDE_REMOTE]);
        world_deliver(&world, SIDE_REMOTE, INBOX, "s" YOUNG);
        assert(engine_mark(world.engine, INBOX, SIDE_REMOTE, NULL) == 0 && world_pump(&world));
        assert(memory_replica_n_events(world.replica[SIDE_REMOTE]) - n_events < 20);
        world_done(&world);
}

/* On a server that does not tell of changed flags, those of what is left out are not listed each time. */
static void test_flags_cost_nothing(void) {
        World world;
        uint64_t n_events;

        age = NINETY;
        count = 0;
        world_init(&world);
        world.options.age_limit = age_limit;
        world.options.volumes = (VolumePolicy){.messages = 10, .answer = 1000, .listed = 1};
        world.store[SIDE_REMOTE].untold = REPLICA_UNTOLD_EXPUNGES | REPLICA_UNTOLD_FLAGS;
        world.store[SIDE_REMOTE].can_count = true;
        for (Side side = 0; side < _SIDE_MAX; side++)
                memory_store_add(&world.store[side], INBOX);
        for (unsigned i = 0; i < 200; i++) {
                char text[64];

                (void) snprintf(text, sizeof(text), "x%03u%s", i, i < 195 ? OLD " S" : YOUNG " S");
                world_deliver(&world, SIDE_REMOTE, INBOX, text);
        }
        world_start(&world);
        assert(world_sync(&world) && inbox(&world)->old == 195);
        n_events = memory_replica_n_events(world.replica[SIDE_REMOTE]);
        memory_set_flags(stored(&world, SIDE_REMOTE), &stored(&world, SIDE_REMOTE)->messages[199],
                         FLAG_SEEN | FLAG_FLAGGED);
        assert(world_sync(&world));
        assert(stored(&world, SIDE_LOCAL)->messages[4].flags == (FLAG_SEEN | FLAG_FLAGGED));
        assert(memory_replica_n_events(world.replica[SIDE_REMOTE]) - n_events < 30);
        memory_expunge(stored(&world, SIDE_REMOTE), 3);
        assert(world_sync(&world) && inbox(&world)->old == 194);
        world_done(&world);
}

static void test_dry_run(void) {
        World world;

        begin(&world, false, 0, 0);
        world_deliver(&world, SIDE_REMOTE, INBOX, "x" OLD " S");
        assert(world_sync(&world));
        world_stop(&world);
        age = NINETY;
        world.options.dry_run = true;
        world_start(&world);
        assert(engine_list(world.engine) == 0 && world_pump(&world));
        assert(world.n_notes[ENGINE_NOTE_WOULD] == 1);
        world_stop(&world);
        assert(world.n_writes == 0 && memory_count_visible(stored(&world, SIDE_LOCAL)) == 3);
        world.options.dry_run = false;
        world_start(&world);
        world_done(&world);
}

/* With both limits, each gives its own reason. */
static void test_both(void) {
        World world;

        begin(&world, false, 90, 3);
        world_deliver(&world, SIDE_REMOTE, INBOX, "a" YOUNG " S");
        world_deliver(&world, SIDE_REMOTE, INBOX, "b" OLD " S");
        world_deliver(&world, SIDE_REMOTE, INBOX, "c" YOUNG " S");
        world_deliver(&world, SIDE_REMOTE, INBOX, "d" YOUNG " S");
        assert(world_sync(&world) && inbox(&world)->old == 1 && inbox(&world)->surplus == 1);
        turn(&world, 300, 3);
        assert(inbox(&world)->old == 0 && inbox(&world)->surplus == 1);
        turn(&world, 300, 4);
        assert(inbox(&world)->old == 0 && inbox(&world)->surplus == 0);
        world_done(&world);
}

/* Killed at any action while it arrives, grows old, and is wanted again. */
static void test_killed(bool servers, uint64_t newest) {
        bool killed = true;

        for (uint64_t n = 1; killed; n++) {
                World world;
                bool is_through;

                begin(&world, servers, newest > 0 ? 0 : 90, 0);
                world_deliver(&world, SIDE_REMOTE, INBOX, "a" YOUNG " S");
                world_deliver(&world, SIDE_LOCAL, INBOX, "b" YOUNG " S");
                world_deliver(&world, SIDE_REMOTE, INBOX, "c" OLD " S");
                world_deliver(&world, SIDE_LOCAL, INBOX, "d" OLD " S");
                world.kill.at = world.kill.n_actions + n;
                is_through = world_sync(&world);
                count = newest;
                pass(&world, LATER);
                if (is_through) {
                        world_stop(&world);
                        world_start(&world);
                        (void) world_sync(&world);
                }
                killed = world.kill.dead;
                world.kill.at = 0;
                world_stop(&world);
                world_start(&world);
                assert(world_sync(&world) && n_removed(&world) == 0);
                assert(memory_count_visible(stored(&world, SIDE_REMOTE)) == 6);
                assert(memory_count_visible(stored(&world, SIDE_LOCAL)) == (newest ? 5 : 2));
                turn(&world, 0, 0);
                assert(world_sync(&world));
                assert(is(&world, "a" YOUNG " S | a" YOUNG " S | = S\nb" YOUNG " S | b" YOUNG
                                  " S | = S\nc" OLD " S | c" OLD " S | = S\nd" OLD " S | d" OLD
                                  " S | = S\n" BOTH));
                world_done(&world);
        }
}

/* Evicted by a process that ended before it was removed here; what somebody does then. */
static void test_meanwhile(bool servers, bool is_deleted) {
        bool killed = true;

        for (uint64_t n = 1; killed; n++) {
                World world;
                MemoryMailbox *local;

                begin(&world, servers, 90, 0);
                world_deliver(&world, SIDE_REMOTE, INBOX, "a" YOUNG " S");
                assert(world_sync(&world));
                pass(&world, LATER);
                world.kill.at = world.kill.n_actions + n;
                (void) world_sync(&world);
                killed = world.kill.dead;
                world.kill.at = 0;
                world_stop(&world);
                local = stored(&world, SIDE_LOCAL);
                if (is_deleted)
                        memory_expunge(stored(&world, SIDE_REMOTE),
                                       stored(&world, SIDE_REMOTE)->messages[2].uid);
                else if (local->n_messages == 3)
                        memory_set_flags(local, &local->messages[2], FLAG_SEEN | FLAG_ANSWERED);
                world_start(&world);
                assert(world_sync(&world) && world_sync(&world));
                assert(memory_count_visible(local) == 2);
                assert(memory_count_visible(stored(&world, SIDE_REMOTE)) == (is_deleted ? 2 : 3));
                assert(is_deleted ? is(&world, BOTH) : inbox(&world)->old == 1);
                world_done(&world);
        }
}

int main(void) {
        for (unsigned servers = 0; servers < 2; servers++) {
                test_left(servers);
                test_evicted(servers);
                test_new_limit(servers, false);
                test_new_limit(servers, true);
                test_put_here(servers);
                test_just_then(servers, false);
                test_just_then(servers, true);
                test_anew(servers, SIDE_REMOTE);
                test_anew(servers, SIDE_LOCAL);
                test_count(servers);
                test_killed(servers, 0);
                test_killed(servers, 3);
                test_meanwhile(servers, false);
                test_meanwhile(servers, true);
        }
        test_changed();
        test_moved();
        test_costs_nothing(90, 0);
        test_costs_nothing(0, 5);
        test_flags_cost_nothing();
        test_dry_run();
        test_both();
        return 0;
}
