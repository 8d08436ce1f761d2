/* Secrets: every source, every way a command can go wrong, and that nothing is left behind. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "daemon/secret.h"
#include "test.h"

#define SHORT_USEC ((uint64_t) 100 * 1000)

typedef struct Outcome {
        sd_event *event;
        unsigned n_calls;
        char *secret, *why;
        uint64_t lifetime_usec;
        long locked; /* bytes of this process, while it is kept */
} Outcome;

static void on_secret(const char *secret, const char *why, void *userdata) {
        Outcome *outcome = userdata;

        assert(!secret != !why);
        outcome->n_calls++;
        outcome->secret = secret ? strdup(secret) : NULL;
        outcome->why = why ? strdup(why) : NULL;
        assert(sd_event_exit(outcome->event, 0) >= 0);
}

static long locked_bytes(void) {
        FILE *status = fopen("/proc/self/status", "re");
        char line[256];
        long kilobytes = 0;

        assert(status);
        while (fgets(line, sizeof(line), status))
                (void) sscanf(line, "VmLck: %ld kB", &kilobytes);
        assert(fclose(status) == 0);
        return kilobytes * 1024;
}

/* Run the loop until the callback has come. */
static Outcome get(const SecretSource *source, uint64_t timeout_usec) {
        Outcome outcome = {};
        Secret *secret;

        assert(sd_event_new(&outcome.event) >= 0);
        assert(secret_get(outcome.event, source, timeout_usec, on_secret, &outcome, &secret) == 0);
        assert(outcome.n_calls == 0);
        assert(sd_event_loop(outcome.event) >= 0);
        assert(outcome.n_calls == 1);
        outcome.lifetime_usec = secret_lifetime(secret);
        outcome.locked = locked_bytes();
        secret_free(secret);
        sd_event_unref(outcome.event);
        return outcome;
}

static void outcome_done(Outcome *outcome) {
        free(outcome->secret);
        free(outcome->why);
}

/* The loop keeps a killed child until it is reaped; here there is no loop any more. */
static void reap_all(void) {
        while (waitpid(-1, NULL, 0) > 0)
                ;
        assert(errno == ECHILD);
}

static bool same(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static void test_command(void) {
        /* clang-format off */
        static const struct {
                const char *label;
                const char *command;
                uint64_t timeout_usec;
                const char *secret;
                const char *why; /* without "the password command " */
        } rows[] = {
                {"one line",           "echo hush",                   SECRET_TIMEOUT_USEC, "hush", NULL},
                {"no line end",        "printf hush",                 SECRET_TIMEOUT_USEC, "hush", NULL},
                {"CRLF",               "printf 'hush\\r\\nx'",        SECRET_TIMEOUT_USEC, "hush", NULL},
                {"blanks are kept",    "echo ' hu sh '",              SECRET_TIMEOUT_USEC, " hu sh ", NULL},
                {"only the first",     "echo hush; echo user: me",    SECRET_TIMEOUT_USEC, "hush", NULL},
                {"in two writes",      "printf hu; exec printf sh",   SECRET_TIMEOUT_USEC, "hush", NULL},
                {"noise on stderr",    "echo noise >&2; echo hush",   SECRET_TIMEOUT_USEC, "hush", NULL},
                {"more than a pipe",   "echo hush; yes | head -c 300000", SECRET_TIMEOUT_USEC, "hush", NULL},
                {"stdin is empty",     "cat; echo hush",              SECRET_TIMEOUT_USEC, "hush", NULL},
                {"signals are unblocked", "kill -TERM $$; echo hush", SECRET_TIMEOUT_USEC, NULL,
                 "was killed by signal 15 (SIGTERM)"},
                {"an agent keeps the pipe", "sleep 9 & echo hush",   SECRET_TIMEOUT_USEC, "hush", NULL},
                {"nothing",            "true",                        SECRET_TIMEOUT_USEC, NULL,
                 "gives no password: its first line is empty"},
                {"an empty line",      "echo; echo hush",             SECRET_TIMEOUT_USEC, NULL,
                 "gives no password: its first line is empty"},
                {"a NUL",              "printf 'hu\\0sh'",            SECRET_TIMEOUT_USEC, NULL,
                 "gives no password: its first line holds a NUL"},
                {"too long",           "yes | tr -d '\\n' | head -c 20000", SECRET_TIMEOUT_USEC, NULL,
                 "gives a first line of more than 16383 bytes"},
                {"failure",            "echo hush; exit 3",           SECRET_TIMEOUT_USEC, NULL,
                 "exited with status 3"},
                {"failure with a reason", "echo one >&2; echo two >&2; echo >&2; exit 1", SECRET_TIMEOUT_USEC, NULL,
                 "exited with status 1: two"},
                {"failure with a long reason", "yes | head -c 200000 >&2; echo last >&2; exit 1", SECRET_TIMEOUT_USEC, NULL,
                 "exited with status 1: last"},
                {"failure with an escape", "printf '\\033[1mred' >&2; exit 1", SECRET_TIMEOUT_USEC, NULL,
                 "exited with status 1: \\x1b[1mred"},
                {"no such program",    "exec /nowhere/program 2>/dev/null", SECRET_TIMEOUT_USEC, NULL,
                 "exited with status 127"},
                {"a crash",            "kill -KILL $$",               SECRET_TIMEOUT_USEC, NULL,
                 "was killed by signal 9 (SIGKILL)"},
                {"a hang",             "echo hush; sleep 30",         SHORT_USEC, NULL,
                 "was killed: it took longer than 0.1 s"},
                {"a hang that ignores signals", "trap '' TERM HUP; sleep 30; true", SHORT_USEC, NULL,
                 "was killed: it took longer than 0.1 s"},
                {"a hang with its output closed", "exec >&- 2>&-; sleep 30; true", SHORT_USEC, NULL,
                 "was killed: it took longer than 0.1 s"},
                {"output without end", "yes hush",                    SHORT_USEC, NULL,
                 "was killed: it took longer than 0.1 s"},
        };
        /* clang-format on */

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_free_ char *command = strdup(rows[i].command), *why = NULL;
                const SecretSource source = {.command = command};
                _cleanup_(outcome_done) Outcome outcome = get(&source, rows[i].timeout_usec);

                if (rows[i].why)
                        assert(asprintf(&why, "the password command %s", rows[i].why) > 0);
                if (!same(outcome.why, why))
                        fprintf(stderr, "%s\n", outcome.why ? outcome.why : "no reason");
                TEST_ROW(rows[i].label, same(outcome.secret, rows[i].secret));
                TEST_ROW(rows[i].label, same(outcome.why, why));
        }

        reap_all();
}

/* A thousand accounts keep theirs, and 8 MB is what a user may lock. */
static void test_kept(void) {
        const SecretSource short_one = {.password = (char *) "hush"};
        _cleanup_free_ char *text = malloc(5000);
        const SecretSource long_one = {.password = text};
        const long page = sysconf(_SC_PAGESIZE), before = locked_bytes();
        _cleanup_(outcome_done) Outcome little = get(&short_one, SECRET_TIMEOUT_USEC);

        assert(text);
        memset(text, 'x', 4999);
        text[4999] = '\0';
        assert(same(little.secret, "hush") && little.locked - before <= page);

        _cleanup_(outcome_done) Outcome large = get(&long_one, SECRET_TIMEOUT_USEC);
        assert(same(large.secret, text) && large.locked - before <= (5000 / page + 1) * page);
        assert(locked_bytes() == before);
}

/* The second line of a token's command says how long it is good. */
static void test_token(void) {
        static const struct {
                const char *label;
                char *command;
                const char *secret, *why;
                uint64_t seconds;
        } rows[] = {
                {"alone",           (char *) "echo ya29",                                       "ya29", NULL, 0   },
                {"with its time",   (char *) "echo ya29; echo 3599",                            "ya29", NULL, 3599},
                {"no line end",     (char *) "printf 'ya29\\n3599'",                            "ya29", NULL, 3599},
                {"CRLF",            (char *) "printf 'ya29\\r\\n60\\r\\n'",                     "ya29", NULL, 60  },
                {"and more",        (char *) "printf 'ya29\\n60\\nx\\n'",                       "ya29", NULL, 60  },
                {"not a number",    (char *) "echo ya29; echo soon",                            "ya29", NULL, 0   },
                {"a negative one",  (char *) "echo ya29; echo -1",                              "ya29", NULL, 0   },
                {"longer than any", (char *) "echo ya29; echo 99999999999",                     "ya29", NULL, 0   },
                {"an empty line",   (char *) "echo ya29; echo; echo 60",                        "ya29", NULL, 0   },
                {"of 12 kB",        (char *) "yes | tr -d '\\n' | head -c 12000; echo; echo 9", NULL,   NULL,
                 9                                                                                                },
                {"none",            (char *) "true",                                            NULL,
                 "the token command gives no token: its first line is empty",                                 0   },
                {"failure",         (char *) "echo 'log in again' >&2; exit 1",                 NULL,
                 "the token command exited with status 1: log in again",                                      0   },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const SecretSource source = {.token_command = rows[i].command};
                _cleanup_(outcome_done) Outcome outcome = get(&source, SECRET_TIMEOUT_USEC);

                if (rows[i].secret || rows[i].why)
                        TEST_ROW(rows[i].label, same(outcome.secret, rows[i].secret));
                else
                        TEST_ROW(rows[i].label, strlen(outcome.secret) == 12000);
                TEST_ROW(rows[i].label, same(outcome.why, rows[i].why));
                TEST_ROW(rows[i].label, outcome.lifetime_usec == rows[i].seconds * 1000000);
        }
        reap_all();
}

static void write_file(const char *path, const char *text, mode_t mode) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

        assert(fd >= 0 && fchmod(fd, mode) == 0);
        assert(write(fd, text, strlen(text)) == (ssize_t) strlen(text));
}

static void test_files(const char *folder) {
        static const struct {
                const char *label;
                const char *file, *credential, *password;
                const char *secret, *why;
        } rows[] = {
                {"file",              "alone",  NULL,     NULL,     "hush",   NULL                },
                {"file, shared",      "shared", NULL,     NULL,     NULL,
                 "the password file “shared” can be read by others; run “chmod 600” on it"},
                {"no such file",      "none",   NULL,     NULL,     NULL,
                 "the password file “none” cannot be read: No such file or directory"         },
                {"a directory",       ".",      NULL,     NULL,     NULL,
                 "the password file “.” is not a regular file"                                },
                {"a FIFO",            "fifo",   NULL,     NULL,     NULL,
                 "the password file “fifo” is not a regular file"                             },
                {"an empty file",     "empty",  NULL,     NULL,     NULL,
                 "the password file “empty” gives no password: its first line is empty"       },
                {"credential",        NULL,     "alone",  NULL,     "hush",   NULL                },
                {"credential by ACL", NULL,     "shared", NULL,     "hush",   NULL                },
                {"no credential",     NULL,     "none",   NULL,     NULL,
                 "the credential “none” cannot be read: No such file or directory"            },
                {"password",          NULL,     NULL,     " hush ", " hush ", NULL                },
                {"empty password",    NULL,     NULL,     "",       NULL,
                 "the configuration gives no password: its first line is empty"                   },
        };

        write_file("alone", "hush\nuser: me\n", 0400);
        write_file("shared", "hush", 0440);
        write_file("empty", "", 0600);
        assert(mkfifo("fifo", 0600) == 0);
        assert(setenv("CREDENTIALS_DIRECTORY", folder, 1) == 0);

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const SecretSource source = {
                        .file = (char *) rows[i].file,
                        .credential = (char *) rows[i].credential,
                        .password = (char *) rows[i].password,
                };
                _cleanup_(outcome_done) Outcome outcome = get(&source, SHORT_USEC);

                if (!same(outcome.why, rows[i].why))
                        fprintf(stderr, "%s\n", outcome.why ? outcome.why : "no reason");
                TEST_ROW(rows[i].label, same(outcome.secret, rows[i].secret));
                TEST_ROW(rows[i].label, same(outcome.why, rows[i].why));
        }

        assert(unsetenv("CREDENTIALS_DIRECTORY") == 0);
        {
                const SecretSource source = {.credential = (char *) "alone"};
                _cleanup_(outcome_done) Outcome outcome = get(&source, SHORT_USEC);

                assert(same(outcome.why, "the credential “alone” cannot be read: "
                                         "$CREDENTIALS_DIRECTORY is not set; the unit needs "
                                         "LoadCredential="));
        }

        assert(unlink("alone") == 0 && unlink("shared") == 0 && unlink("empty") == 0);
        assert(unlink("fifo") == 0);
}

static int on_pid(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        (void) source, (void) fd, (void) revents;

        return sd_event_exit(userdata, 0);
}

/* Freed before its time, a secret takes the whole process group with it and calls nobody. */
static void test_cancel(void) {
        static const char command[] = "sleep 30 & echo $! >&9; sleep 30; true";
        const SecretSource source = {.command = (char *) command};
        Outcome outcome = {};
        sd_event_source *reader;
        Secret *secret;
        char digits[16] = "";
        int pipe_fds[2];
        pid_t grandchild;

        assert(pipe(pipe_fds) == 0);
        assert(dup2(pipe_fds[1], 9) == 9 && close(pipe_fds[1]) == 0);

        assert(sd_event_new(&outcome.event) >= 0);
        assert(secret_get(outcome.event, &source, SECRET_TIMEOUT_USEC, on_secret, &outcome,
                          &secret) == 0);
        assert(close(9) == 0);
        assert(sd_event_add_io(outcome.event, &reader, pipe_fds[0], EPOLLIN, on_pid,
                               outcome.event) >= 0);
        assert(sd_event_loop(outcome.event) >= 0);
        assert(read(pipe_fds[0], digits, sizeof(digits) - 1) > 0);
        grandchild = (pid_t) atoi(digits);
        assert(grandchild > 1);

        secret_free(secret);
        sd_event_source_unref(reader);
        sd_event_unref(outcome.event);
        assert(outcome.n_calls == 0);

        /* All that held the other end of the pipe are dead. */
        assert(read(pipe_fds[0], digits, sizeof(digits)) == 0);
        assert(close(pipe_fds[0]) == 0);
        reap_all();

        assert(!secret_free(NULL));
}

/* The loop reaps what was killed, so that no zombie stays. */
static void test_reaped(void) {
        const SecretSource hang = {.command = (char *) "sleep 30"};
        Outcome outcome = {};
        Secret *secret;

        assert(sd_event_new(&outcome.event) >= 0);
        assert(secret_get(outcome.event, &hang, SECRET_TIMEOUT_USEC, on_secret, &outcome,
                          &secret) == 0);
        secret_free(secret);

        for (;;) {
                siginfo_t info = {};

                if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
                        break;
                assert(sd_event_run(outcome.event, UINT64_MAX) >= 0);
        }
        assert(errno == ECHILD);
        sd_event_unref(outcome.event);
}

int main(void) {
        char folder[] = "/tmp/test-secret-XXXXXX";
        sigset_t blocked;

        /* As the daemon does for its own signals. */
        assert(sigemptyset(&blocked) == 0 && sigaddset(&blocked, SIGTERM) == 0);
        assert(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);

        test_command();
        test_kept();
        test_token();
        test_cancel();
        test_reaped();

        assert(mkdtemp(folder) && chdir(folder) == 0);
        test_files(folder);
        assert(rmdir(folder) == 0);
        return 0;
}
