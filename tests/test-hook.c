/* Hooks on a loop: what a run is told and says, how it ends, and what the next one is told then. */

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "daemon/hook-run.h"
#include "daemon/hook.h"
#include "test-tree.h"
#include "test.h"

#define LONG_USEC  ((uint64_t) 60 * 1000000)
#define SHORT_USEC ((uint64_t) 100 * 1000)

/* --- one run --- */

typedef struct Outcome {
        sd_event *event;
        Buffer lines;
        unsigned n_calls;
        uint64_t n_more;
        char *why;
} Outcome;

static void on_line(const char *line, void *userdata) {
        Outcome *outcome = userdata;

        assert(buffer_append_string(&outcome->lines, line) == 0);
        assert(buffer_append_string(&outcome->lines, "\n") == 0);
}

static void on_over(const char *why, uint64_t n_more, void *userdata) {
        Outcome *outcome = userdata;

        outcome->n_calls++;
        outcome->n_more = n_more;
        outcome->why = why ? strdup(why) : NULL;
        assert(sd_event_exit(outcome->event, 0) >= 0);
}

static void outcome_done(Outcome *outcome) {
        buffer_done(&outcome->lines);
        free(outcome->why);
        sd_event_unref(outcome->event);
}

static int stop_run(sd_event_source *source, uint64_t usec, void *userdata) {
        (void) source, (void) usec;
        hook_run_stop(userdata);
        return 0;
}

/* @stops: after a moment */
static Outcome run(const char *command, const char *input, uint64_t timeout_usec, bool stops) {
        char *environment[] = {(char *) "PATH=/usr/bin:/bin", (char *) "GREETING=hello", NULL};
        Outcome outcome = {.lines = BUFFER_NULL};
        Buffer bytes = BUFFER_NULL;
        const HookRunOptions options = {
                .title = "on-new",
                .command = command,
                .environment = environment,
                .timeout_usec = timeout_usec,
                .on_line = on_line,
                .on_over = on_over,
                .userdata = &outcome,
        };
        HookRun *hook;

        assert(sd_event_new(&outcome.event) >= 0);
        assert(buffer_append_string(&bytes, input) == 0);
        assert(hook_run_new(outcome.event, &options, &bytes, &hook) == 0);
        assert(bytes.data == NULL);
        if (stops)
                assert(sd_event_add_time_relative(outcome.event, NULL, CLOCK_MONOTONIC, SHORT_USEC,
                                                  1, stop_run, hook) >= 0);
        assert(sd_event_loop(outcome.event) >= 0);
        assert(outcome.n_calls == 1);
        hook_run_free(hook);
        return outcome;
}

static bool same(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static void test_runs(void) {
        /* clang-format off */
        static const struct {
                const char *label, *command, *input;
                uint64_t timeout_usec;
                bool stops;
                const char *lines, *why;
                uint64_t n_more;
        } rows[] = {
                {"nothing",          "true",                      "",         LONG_USEC, false, "", NULL, 0},
                {"input",            "cat",                       "/a\n/b\n", LONG_USEC, false, "/a\n/b\n", NULL, 0},
                {"no input",         "cat",                       "",         LONG_USEC, false, "", NULL, 0},
                {"environment",      "echo $GREETING",            "",         LONG_USEC, false, "hello\n", NULL, 0},
                {"does not read",    "exec <&-; echo a",          "/a\n",     LONG_USEC, false, "a\n", NULL, 0},
                {"both outputs",     "echo a; echo b >&2",        "",         LONG_USEC, false, "a\nb\n", NULL, 0},
                {"no last line end", "printf 'a\\nb'",            "",         LONG_USEC, false, "a\nb\n", NULL, 0},
                {"empty lines",      "printf '\\n\\na\\r\\n\\n'", "",         LONG_USEC, false, "a\n", NULL, 0},
                {"harmful",          "printf '\\033[31m'",        "",         LONG_USEC, false, "\\x1b[31m\n", NULL, 0},
                {"many lines",       "seq 13",                    "",         LONG_USEC, false,
                 "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", NULL, 3},
                {"fails",            "exit 3",                    "",         LONG_USEC, false, "",
                 "on-new exited with status 3", 0},
                {"fails, and says",  "echo a; echo b; exit 3",    "",         LONG_USEC, false, "a\nb\n",
                 "on-new exited with status 3: b", 0},
                {"is killed",        "kill -KILL $$",             "",         LONG_USEC, false, "",
                 "on-new was killed by signal 9 (SIGKILL)", 0},
                {"takes long",       "echo a; sleep 60",          "",         SHORT_USEC, false, "a\n",
                 "on-new was ended: it took longer than 0.1 s: a", 0},
                {"says good-bye",    "trap 'echo b; exit 0' TERM; while :; do :; done", "", SHORT_USEC, false, "b\n",
                 "on-new was ended: it took longer than 0.1 s: b", 0},
                {"does not listen",  "trap '' TERM; echo a; while :; do sleep 0.1; done", "", SHORT_USEC, false, "a\n",
                 "on-new was ended: it took longer than 0.1 s: a", 0},
                {"leaves a child",   "sleep 60 & echo a",         "",         LONG_USEC, false, "a\n", NULL, 0},
                {"is stopped",       "sleep 60",                  "",         LONG_USEC, true, "",
                 "on-new was ended before it was done", 0},
        };
        /* clang-format on */

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(outcome_done) Outcome outcome =
                        run(rows[i].command, rows[i].input, rows[i].timeout_usec, rows[i].stops);

                TEST_ROW(rows[i].label,
                         bytes_equal(buffer_view(&outcome.lines), bytes_of(rows[i].lines)));
                TEST_ROW(rows[i].label, same(outcome.why, rows[i].why));
                TEST_ROW(rows[i].label, outcome.n_more == rows[i].n_more);
        }
}

/* More than a pipe holds, both ways at once. */
static void test_much(void) {
        _cleanup_(buffer_done) Buffer input = BUFFER_NULL;
        _cleanup_free_ char *text = NULL;

        for (unsigned i = 0; i < 20000; i++)
                assert(buffer_append_format(&input, "/path/of/message/%05u\n", i) == 0);
        text = buffer_steal_string(&input);
        assert(text);

        _cleanup_(outcome_done) Outcome outcome = run("cat; echo end", text, LONG_USEC, false);

        assert(!outcome.why && outcome.n_more == 20001 - HOOK_RUN_MAX_LINES);
}

/* --- the hooks of an account --- */

typedef struct World {
        sd_event *event;
        AccountConfig config;
        Hooks *hooks;
        TestTree tree;
        char *log; /* owned */
        bool is_manual;
        unsigned n_idle;
} World;

static void on_idle(void *userdata) {
        World *world = userdata;

        world->n_idle++;
        assert(sd_event_exit(world->event, 0) >= 0);
}

/* A hook writes what it was told into a file of the world. */
#define TELL(name)                                                                                 \
        "{ echo " name " $IMAPSYNCD_EVENT $IMAPSYNCD_NEW $IMAPSYNCD_CHANGED $IMAPSYNCD_REMOVED "   \
        "$IMAPSYNCD_LOCAL $IMAPSYNCD_PATHS $IMAPSYNCD_MAILBOXES; cat; } >>\"$HOOK_LOG\""

static World world_new(const char *on_change, const char *on_new, bool is_manual) {
        return (World){
                .config =
                        {
                                 .name = (char *) "test",
                                 .on_change = (char *) on_change,
                                 .on_new = (char *) on_new,
                                 .hook_delay_usec = 1000,
                                 .hook_timeout_usec = LONG_USEC,
                                 },
                .is_manual = is_manual,
        };
}

static void world_begin(World *world) {
        const HooksOptions options = {
                .is_manual = world->is_manual,
                .on_idle = on_idle,
                .userdata = world,
        };

        world->tree = test_tree_new();
        world->log = test_tree_path(&world->tree, "log");
        assert(setenv("HOOK_LOG", world->log, 1) == 0);
        assert(sd_event_new(&world->event) >= 0);
        assert(hooks_new(world->event, &world->config, &options, &world->hooks) == 0);
}

static void world_done(World *world) {
        hooks_free(world->hooks);
        sd_event_unref(world->event);
        free(world->log);
        test_tree_done(&world->tree);
}

/* Until nothing is to be told any more; the loop can be gone on with after. */
static void settle(World *world) {
        assert(sd_event_loop(world->event) >= 0);
        assert(hooks_are_idle(world->hooks));
        world->event = sd_event_unref(world->event);
}

static bool log_is(const World *world, const char *text) {
        char told[2000];
        FILE *file = fopen(world->log, "re");
        size_t n = file ? fread(told, 1, sizeof(told) - 1, file) : 0;

        if (file)
                (void) fclose(file);
        told[n] = '\0';
        if (strcmp(told, text) != 0)
                fprintf(stderr, "told: %s\n", told);
        return strcmp(told, text) == 0;
}

static void test_told(void) {
        _cleanup_(world_done) World world = world_new(TELL("a"), TELL("b"), false);

        world_begin(&world);
        hooks_tell(world.hooks, CHANGE_NEW, 1, "INBOX", "/new");
        hooks_tell(world.hooks, CHANGE_CHANGED, 1, "INBOX", "/changed");
        hooks_tell(world.hooks, CHANGE_REMOVED, 1, "Sent", "/removed");
        hooks_tell(world.hooks, CHANGE_LOCAL, 1, "Sent", NULL);
        assert(!hooks_are_idle(world.hooks));
        settle(&world);
        assert(log_is(&world, "a change 1 1 1 0 complete INBOX Sent\n/new\n/changed\n/removed\n"
                              "b new 1 0 0 0 complete INBOX\n/new\n"));
}

static void test_no_new(void) {
        _cleanup_(world_done) World world = world_new(TELL("a"), TELL("b"), false);

        world_begin(&world);
        hooks_tell(world.hooks, CHANGE_REMOVED, 1, "INBOX", NULL);
        settle(&world);
        assert(log_is(&world, "a change 0 0 1 0 incomplete INBOX\n"));
}

static void test_local(void) {
        _cleanup_(world_done) World world = world_new(TELL("a"), TELL("b"), false);

        world.config.hook_local = true;
        world_begin(&world);
        hooks_tell(world.hooks, CHANGE_LOCAL, 2, "INBOX", NULL);
        settle(&world);
        assert(log_is(&world, "a change 0 0 0 2 incomplete INBOX\n"));
}

static void test_patterns(void) {
        char *patterns[] = {(char *) "!Junk", NULL};
        _cleanup_(world_done) World world = world_new(TELL("a"), NULL, false);

        world.config.hook_mailboxes = patterns;
        world_begin(&world);
        hooks_tell(world.hooks, CHANGE_NEW, 1, "Junk", "/junk");
        assert(hooks_are_idle(world.hooks));
        hooks_tell(world.hooks, CHANGE_NEW, 1, "INBOX", "/new");
        settle(&world);
        assert(log_is(&world, "a change 1 0 0 0 complete INBOX\n/new\n"));
}

/* What one run was told in vain the next is told again, with what came meanwhile. */
static int tell_more(sd_event_source *source, uint64_t usec, void *userdata) {
        World *world = userdata;

        (void) source, (void) usec;
        assert(strcmp(hooks_warning(world->hooks), "on-change exited with status 7") == 0);
        hooks_tell(world->hooks, CHANGE_NEW, 1, "Sent", "/second");
        return 0;
}

static int look_for_warning(sd_event_source *source, void *userdata) {
        World *world = userdata;

        if (!hooks_warning(world->hooks)[0])
                return 0;
        (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return tell_more(NULL, 0, world);
}

static void test_fails(void) {
        _cleanup_(world_done) World world = world_new(
                "if [ ! -e $HOOK_LOG ]; then : >$HOOK_LOG; exit 7; fi; " TELL("a"), NULL, false);
        sd_event_source *source;

        world_begin(&world);
        assert(sd_event_add_post(world.event, &source, look_for_warning, &world) >= 0);
        assert(sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IMPORTANT) >= 0);
        hooks_tell(world.hooks, CHANGE_NEW, 1, "INBOX", "/first");
        settle(&world);
        sd_event_source_unref(source);
        assert(log_is(&world, "a change 2 0 0 0 complete INBOX Sent\n/first\n/second\n"));
        assert(hooks_warning(world.hooks)[0] == '\0');
}

static void test_manual(void) {
        _cleanup_(world_done) World world = world_new(TELL("a"), NULL, true);

        world_begin(&world);
        hooks_tell(world.hooks, CHANGE_NEW, 1, "INBOX", "/new");
        hooks_run(world.hooks);
        settle(&world);
        assert(world.n_idle == 1);
        assert(log_is(&world, "a change 1 0 0 0 complete INBOX\n/new\n"));
}

/* What it was told and was not done with is told the one who asks. */
static void test_stopped(void) {
        _cleanup_(world_done) World world = world_new("sleep 60", NULL, true);
        uint64_t counts[_CHANGE_MAX];

        world_begin(&world);
        hooks_tell(world.hooks, CHANGE_NEW, 3, "INBOX", NULL);
        hooks_run(world.hooks);
        hooks_tell(world.hooks, CHANGE_REMOVED, 2, "INBOX", NULL);
        hooks_stop(world.hooks);
        settle(&world);
        hooks_untold(world.hooks, counts);
        assert(counts[CHANGE_NEW] == 3 && counts[CHANGE_REMOVED] == 2);
        assert(hooks_warning(world.hooks)[0] == '\0');
}

/* The loop keeps a killed child until it is reaped; here there is no loop any more. */
static void reap_all(void) {
        while (waitpid(-1, NULL, 0) > 0)
                ;
        assert(errno == ECHILD);
}

int main(void) {
        (void) signal(SIGPIPE, SIG_IGN);
        test_runs();
        test_much();
        test_told();
        test_no_new();
        test_local();
        test_patterns();
        test_fails();
        test_manual();
        test_stopped();
        reap_all();
        return 0;
}
