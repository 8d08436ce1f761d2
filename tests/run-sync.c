/*
 * Runs the cases of the engine (tests/cases/sync-*.test), each in three ways:
 *
 *      straight
 *      with the process killed after the n-th action that lasts, and begun again; for all n
 *      with the connection lost at the n-th event of a side that is a server; for all n, or many
 *
 * The first two also with remote sides that do not tell all (sync_rungs), and with a server on the
 * local side; these, and a sanitizer, which is slow, leave out some of many kills. Two servers that do
 * not tell all are put together in every way with SYNC_ALL in the environment, which takes minutes. A
 * sanitizer leaves out some rungs as well. In each way the end must be what the case says, and a
 * further run must change nothing.
 */

#include <glob.h>

#include "base/macro.h"
#include "sync-case.h"
#include "test.h"

#define MAX_POINTS 20000u
#if defined(__SANITIZE_ADDRESS__)
#define IS_SLOW true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SLOW true
#endif
#endif
#ifndef IS_SLOW
#define IS_SLOW false
#endif

#define MAX_LOSSES       50u /* of a case with more events, some are left out; not with SYNC_ALL */
#define MAX_LOCAL_LOSSES 10u

static const char *current;
static const SyncRung *rung, *local_rung; /* NULL: a Maildir */
static char way[64], sides[64];

static void check_equal(const char *what, const char *is, const char *wanted) {
        if (strcmp(is, wanted) == 0)
                return;
        fprintf(stderr, "%s (%s, %s): %s\n--- is\n%s--- should be\n%s", current, sides, way, what,
                is, wanted);
        abort();
}

static void check_zero(const char *what, uint64_t n) {
        if (n == 0)
                return;
        fprintf(stderr, "%s (%s, %s): %llu %s\n", current, sides, way, (unsigned long long) n,
                what);
        abort();
}

static void check_state(SyncCase *c, const char *what) {
        for (size_t i = 0; i < c->n_mailboxes; i++) {
                _cleanup_free_ char *is = world_describe(&c->world, c->mailboxes[i].name);

                check_equal(what, is, c->mailboxes[i].expected);
        }
}

static void check_held(SyncCase *c) {
        const EngineMailbox *mailbox = engine_find_mailbox(c->world.engine, SYNC_CASE_MAILBOX);

        assert(mailbox);
        for (Side side = 0; side < _SIDE_MAX; side++)
                TEST_ROW(current, mailbox->held[side] == c->held[side]);
        if (mailbox->error[0])
                check_equal("an error is left", mailbox->error, "");
}

/* Nothing is refused any more, and a person says so. */
static bool retry(SyncCase *c) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                free((char *) c->world.store[side].refuses);
                c->world.store[side].refuses = NULL;
        }
        assert(engine_retry_parked(c->world.engine, SYNC_CASE_MAILBOX) == 0);
        for (Side side = 0; side < _SIDE_MAX; side++)
                assert(engine_mark(c->world.engine, SYNC_CASE_MAILBOX, side, NULL) == 0);
        return world_pump(&c->world);
}

/* Go on to the end. Return: false if the process was killed. */
static bool finish(SyncCase *c) {
        uint64_t n_happened;

        do {
                n_happened = c->n_happened;
                if (!world_sync(&c->world))
                        return false;
        } while (c->n_happened > n_happened); /* perhaps when the engine had looked already */
        if (c->confirms) {
                (void) engine_confirm(c->world.engine, SYNC_CASE_MAILBOX);
                if (!world_pump(&c->world))
                        return false;
        }
        return !c->retries || retry(c);
}

/* The first of these may still commit what it learns, how far the sides are in sync; no more. */
static void check_nothing_is_left(SyncCase *c) {
        for (unsigned i = 0; i < 2; i++) {
                world_stop(&c->world);
                sync_case_start(c);
                assert(world_sync(&c->world));
                check_held(c);
                check_state(c, "after a further run");
                world_stop(&c->world);
                check_zero("requests of a run with nothing to do", c->world.n_writes);
                if (i > 0)
                        check_zero("commits of a run with nothing to do", c->world.n_commits);
        }
}

static void run_straight(SyncCase *c, uint64_t n_events[_SIDE_MAX]) {
        (void) snprintf(way, sizeof(way), "straight");
        sync_case_start(c);
        assert(finish(c));
        check_held(c);
        for (Side side = 0; side < _SIDE_MAX; side++)
                n_events[side] = memory_replica_n_events(c->world.replica[side]);
        if (c->world.options.dry_run) {
                world_stop(&c->world);
                check_state(c, "at the end");
                check_zero("requests of a dry run", c->world.n_writes);
                check_zero("commits of a dry run", c->world.n_commits);
                for (size_t i = 0; i < c->n_mailboxes; i++)
                        check_equal("a dry run", c->mailboxes[i].before, c->mailboxes[i].expected);
                return;
        }
        check_state(c, "at the end");
        if (c->no_bodies)
                check_zero("bytes of messages that were moved", c->world.counts.bytes);
        if (c->no_notices)
                check_zero("notices", c->world.n_notes[ENGINE_NOTE_NOTICE]);
        check_nothing_is_left(c);
}

/* Return: false if the process came to its end before action @n. */
static bool run_killed(const char *path, uint64_t n) {
        SyncCase c;
        bool killed;

        (void) snprintf(way, sizeof(way), "killed after action %llu", (unsigned long long) n);
        sync_case_load_on(&c, path, rung, local_rung);
        c.world.kill = (KillSwitch){.at = n};
        sync_case_start(&c);
        killed = !finish(&c);
        world_stop(&c.world);
        c.world.kill.at = 0;

        sync_case_start(&c);
        assert(finish(&c));
        check_held(&c);
        check_state(&c, "at the end");
        check_nothing_is_left(&c);
        sync_case_done(&c);
        return killed;
}

static void run_lost(const char *path, Side side, uint64_t n, unsigned taken) {
        SyncCase c;

        (void) snprintf(way, sizeof(way), "%s lost after event %llu, %u taken", side_name(side),
                        (unsigned long long) n, taken);
        sync_case_load_on(&c, path, rung, local_rung);
        sync_case_start(&c);
        memory_replica_lose(c.world.replica[side], n, taken);
        assert(finish(&c));
        check_held(&c);
        check_state(&c, "at the end");
        check_nothing_is_left(&c);
        sync_case_done(&c);
}

/* All of few, some of many. */
static uint64_t next_point(uint64_t n) {
        if (local_rung && !getenv("SYNC_ALL"))
                return n + 1 + (rung == &sync_rungs[0] ? n / 4 : n);
        return n + 1 + (IS_SLOW ? n / 2 : rung != &sync_rungs[0] ? n / 16 : 0);
}

static void run_all_lost(const char *path, Side side, uint64_t n_events, uint64_t max) {
        const uint64_t step = getenv("SYNC_ALL") ? 1 : (IS_SLOW ? 10 : 1) + n_events / max;

        for (uint64_t i = 0; i <= n_events; i += step)
                for (unsigned taken = 0; taken < 3; taken++)
                        run_lost(path, side, i, taken);
}

/* What is deleted on one side while a server on the other has taken its copy, unheard, is new there. */
static bool may_come_back(const SyncCase *c) {
        for (size_t i = 0; local_rung && i < c->n_meanwhile; i++)
                if (c->meanwhile[i].type == MEANWHILE_EXPUNGE)
                        return true;
        return false;
}

static uint64_t run_interrupted(const char *path, const uint64_t n_events[_SIDE_MAX]) {
        uint64_t n_kills = 0;

        for (uint64_t n = 1; run_killed(path, n); n = next_point(n), n_kills++)
                assert(n < MAX_POINTS);
        if (rung == &sync_rungs[0] && !local_rung)
                run_all_lost(path, SIDE_REMOTE, n_events[SIDE_REMOTE], MAX_LOSSES);
        else if (rung == &sync_rungs[0] && local_rung == &sync_rungs[0])
                run_all_lost(path, SIDE_LOCAL, n_events[SIDE_LOCAL], MAX_LOCAL_LOSSES);
        return n_kills;
}

/* In all ways, if it is not to be run straight. */
static void run_case_on(const char *path) {
        uint64_t n_events[_SIDE_MAX], n_kills = 0;
        SyncCase c;

        sync_case_load_on(&c, path, rung, local_rung);
        run_straight(&c, n_events);
        if (!c.world.options.dry_run && !c.is_straight && !may_come_back(&c))
                n_kills = run_interrupted(path, n_events);
        sync_case_done(&c);
        printf("%s (%s): %llu kills, %llu events\n", current, sides, (unsigned long long) n_kills,
               (unsigned long long) n_events[SIDE_REMOTE]);
}

/* SYNC_LOCAL in the environment is "files" or "servers", if not both are to be the local side. */
static bool is_asked_for(size_t local) {
        const char *asked = getenv("SYNC_LOCAL");

        return !asked || (strcmp(asked, "files") == 0) == (local == n_sync_rungs);
}

/* Are these two put together? Each with a Maildir; two servers if they are alike, or all. */
static bool is_pair(const SyncCase *facts, size_t remote, size_t local) {
        if (IS_SLOW && remote > 0 && remote + 1 < n_sync_rungs)
                return false;
        if (remote > 0 && facts->has_rung[SIDE_REMOTE])
                return false;
        if (local == n_sync_rungs)
                return true;
        if (facts->is_of_files || facts->has_rung[SIDE_LOCAL])
                return false;
        return local == remote || (local == 0 && facts->has_rung[SIDE_REMOTE]) ||
               getenv("SYNC_ALL") != NULL;
}

static void run_case(const char *path) {
        SyncCase facts;

        current = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
        sync_case_load(&facts, path);
        for (size_t local = 0; local <= n_sync_rungs; local++)
                for (size_t remote = 0; remote < n_sync_rungs; remote++) {
                        if (!is_asked_for(local) || !is_pair(&facts, remote, local))
                                continue;
                        rung = &sync_rungs[remote];
                        local_rung = local < n_sync_rungs ? &sync_rungs[local] : NULL;
                        (void) snprintf(sides, sizeof(sides), "%s | %s", rung->name,
                                        local_rung ? local_rung->name : "files");
                        run_case_on(path);
                }
        sync_case_done(&facts);
}

/* Arguments: the folder with the cases, or cases. */
int main(int argc, char **argv) {
        glob_t found;

        setvbuf(stdout, NULL, _IOLBF, 0);
        for (int i = 1; i < argc; i++) {
                char pattern[4096];

                (void) snprintf(pattern, sizeof(pattern), "%s%s", argv[i],
                                strstr(argv[i], ".test") ? "" : "/sync-*.test");
                assert(glob(pattern, 0, NULL, &found) == 0);
                for (size_t n = 0; n < found.gl_pathc; n++)
                        run_case(found.gl_pathv[n]);
                globfree(&found);
        }
        return 0;
}
