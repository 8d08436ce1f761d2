/*
 * The control socket and its tool, together: a Control over fakes in one process, and against it the
 * real imapsyncctl, whose output is compared as a whole, and clients that mean no good.
 *
 *      test-control PATH-OF-IMAPSYNCCTL
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>

#include "base/bytes.h"
#include "base/macro.h"
#include "core/control.h"
#include "fake-manager.h"
#include "test.h"

#define PATIENCE_MSEC 60000 /* longer than anything here takes; only a hang reaches it */

static const char *program; /* imapsyncctl */
static char dir[] = "/tmp/test-control-XXXXXX";
static char socket_path[108]; /* as much as an address holds */

/* the daemon */

static pid_t daemon_start(void) {
        int ready[2];
        char byte;
        pid_t pid;

        assert(pipe2(ready, O_CLOEXEC) == 0);
        pid = fork();
        assert(pid >= 0);
        if (pid == 0) {
                /* a test that fails leaves nothing running */
                assert(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
                exit(fake_manager_run(socket_path, ready[1]));
        }
        (void) close(ready[1]);
        assert(read(ready[0], &byte, 1) == 1);
        (void) close(ready[0]);
        return pid;
}

static void daemon_expect_end(pid_t pid) {
        int status;

        assert(waitpid(pid, &status, 0) == pid);
        assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert(access(socket_path, F_OK) < 0 && errno == ENOENT);
}

/* the tool */

typedef struct Run {
        pid_t pid;
        int out, err; /* what it prints; err: -1 when on a terminal together with out */
} Run;

static void exec_program(const char *const *args) {
        const char *argv[16] = {program};

        for (size_t i = 0; args[i]; i++)
                argv[i + 1] = args[i];
        execv(program, (char **) (uintptr_t) argv);
        _exit(127);
}

static Run run_start(const char *const *args) {
        int out[2], err[2];
        Run run;

        assert(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
        run = (Run){fork(), out[0], err[0]};
        assert(run.pid >= 0);
        if (run.pid == 0) {
                dup2(out[1], STDOUT_FILENO);
                dup2(err[1], STDERR_FILENO);
                exec_program(args);
        }
        (void) close(out[1]);
        (void) close(err[1]);
        return run;
}

static Run run_start_terminal(const char *const *args, unsigned short width) {
        const struct winsize size = {.ws_row = 24, .ws_col = width};
        Run run = {.err = -1};

        run.pid = forkpty(&run.out, NULL, NULL, &size);
        assert(run.pid >= 0);
        if (run.pid == 0)
                exec_program(args);
        return run;
}

/* All that comes until the end, as a string. A terminal ends with EIO. */
static char *read_all(int fd) {
        Buffer buffer = BUFFER_NULL;
        ssize_t n;

        for (;;) {
                char bytes[4096];

                n = read(fd, bytes, sizeof(bytes));
                if (n <= 0)
                        break;
                assert(buffer_append(&buffer, bytes, (size_t) n) == 0);
        }
        assert(n == 0 || errno == EIO);
        (void) close(fd);
        return buffer_steal_string(&buffer);
}

static int run_end(Run *run) {
        int status;

        assert(waitpid(run->pid, &status, 0) == run->pid);
        assert(WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* Times of day and of the epoch change: they become #. */
static void mask_times(char *text) {
        static const char key[] = "_usec\":", time_key[] = "\"time\":";

        for (char *p = text; *p; p++) {
                size_t n = 0;

                if (strncmp(p, key, strlen(key)) == 0)
                        n = strlen(key);
                else if (strncmp(p, time_key, strlen(time_key)) == 0)
                        n = strlen(time_key);
                if (n == 0 || p[n] == '0')
                        continue;
                p += n;
                n = strspn(p, "0123456789");
                memmove(p + 1, p + n, strlen(p + n) + 1);
                *p = '#';
        }
        for (char *p = text; *p; p++)
                if (strlen(p) > 8 && p[2] == ':' && p[5] == ':' && p[8] == ' ')
                        memset(p, '#', 8);
}

static void show_difference(const char *label, const char *what, const char *is,
                            const char *expected) {
        if (strcmp(is, expected) != 0)
                fprintf(stderr, "--- %s, %s: expected\n%s--- but got\n%s---\n", label, what,
                        expected, is);
}

static void test_outputs(void) {
        static const struct {
                const char *label;
                const char *args[6];
                int status;
                const char *out, *err;
        } rows[] = {
                {"status",
                 {"status"},
                 0,                                                                          "ACCOUNT  STATE    MAILBOXES  MESSAGES  LAST SYNC  TRAFFIC  WAITS BY\n"
                 "home     refused          4       310  never          0 B\n"
                 "    The server refuses the password (\"\\x1b[31m\xef\xbf\xbd"
                 "AUTH\"). Mend it, then: imapsyncctl resume home\n"
                 "    1 change pending, 25 deletions held back (imapsyncctl held), 1 message "
                 "parked: "
                 "refused "
                 "by a side\n"
                 "work     in sync         12     10200  3 min ago   1.2 MB  NOTIFY\n",                                ""                                                     },
                {"status of one",
                 {"status", "work"},
                 0,                                                                          "work: in sync\n"
                 "    remote      imap.example.org:993 (encrypted, compressed)\n"
                 "    local       /home/me/Mail/work\n"
                 "    waits by    NOTIFY\n"
                 "    last sync   3 min ago\n"
                 "    connected   2 h ago\n"
                 "    mailboxes   12\n"
                 "    messages    10200\n"
                 "    pending     0\n"
                 "    held        0\n"
                 "    parked      0\n"
                 "    traffic     1.2 MB in, 8.9 kB out\n",                                                            ""                                                     },
                {"status as JSON",
                 {"--json", "status", "work"},
                 0,                                                                          "[{\"name\":\"work\",\"state\":\"in sync\",\"sentence\":\"\",\"remote\":"
                 "\"imap.example.org:993\",\"local\":\"/home/me/Mail/work\",\"waits\":\"NOTIFY\","
                 "\"waits_why\":\"\",\"mailboxes\":12,\"messages\":10200,\"pending\":0,\"held\":0,"
                 "\"parked\":0,\"last_sync_usec\":#,\"retry_usec\":0,\"connected_usec\":#,"
                 "\"bytes_in\":1234567,\"bytes_out\":8900,\"compressed\":true,\"encrypted\":true}]"
                 "\n",                                                                                                 ""                                                     },
                {"status of none",
                 {"status", "x\033[31m"},
                 1,                                                                          "",
                 "imapsyncctl: There is no account “x\\x1b[31m”.\n"                                                                                                                          },
                {"mailboxes",
                 {"mailboxes", "work"},
                 0,                                                                          "MAILBOX        MESSAGES  UNSEEN  PENDING  LAST CHANGE\n"
                 "INBOX              1200       7        3  10 min ago\n"
                 "Entwürfe/日本         2       0        0  never\n"
                 "odd\\x09name           0       0        0  never\n"
                 "    The server says NO to APPEND: over quota.\n"
                 "    21 deletions held back (imapsyncctl held)\n",                                                    ""                                                     },
                {"mailboxes as JSON",
                 {"mailboxes", "work", "--json"},
                 0,                                                                          "[{\"name\":\"INBOX\",\"messages\":1200,\"unseen\":7,\"pending\":3,\"held\":0,"
                 "\"parked\":0,\"last_change_usec\":#,\"error\":\"\"},"
                 "{\"name\":\"Entwürfe/日本\",\"messages\":2,\"unseen\":0,\"pending\":0,\"held\":0,"
                 "\"parked\":0,\"last_change_usec\":0,\"error\":\"\"},"
                 "{\"name\":\"odd\\tname\",\"messages\":0,\"unseen\":0,\"pending\":0,\"held\":21,"
                 "\"parked\":0,\"last_change_usec\":0,\"error\":"
                 "\"The server says NO to APPEND: over quota.\"}]\n",                                                  ""                                                     },
                {"no mailbox yet",           {"mailboxes", "home"},                       0, "No mailbox is known yet.\n",                ""                                                     },
                {"no mailbox, JSON",         {"--json", "mailboxes", "home"},             0, "[]\n",                                      ""                                                     },
                {"held",
                 {"held"},
                 0,                                                                          "ACCOUNT  MAILBOX  GONE FROM  MESSAGES   SINCE\n"
                 "home     INBOX    local      25 of 100  2 d ago\n"
                 "    More than 25 % of the mailbox vanished at once.\n"
                 "Let a deletion through with: imapsyncctl confirm ACCOUNT MAILBOX\n",                                 ""                                                     },
                {"nothing held",             {"held", "work"},                            0, "Nothing is held back.\n",                   ""                                                     },
                {"held as JSON",
                 {"held", "--json"},
                 0,                                                                          "[{\"account\":\"home\",\"mailbox\":\"INBOX\",\"side\":\"local\",\"vanished\":25,"
                 "\"messages\":100,\"since_usec\":#,\"reason\":"
                 "\"More than 25 % of the mailbox vanished at once.\"}]\n",                                            ""                                                     },
                {"confirm",                  {"confirm", "home", "INBOX"},                0, "",                                          ""                                                     },
                {"confirm as JSON",          {"confirm", "home", "INBOX", "--json"},      0, "{}\n",                                      ""                                                     },
                {"confirm what is not held",
                 {"confirm", "home", "Sent"},
                 1,                                                                          "",
                 "imapsyncctl: Nothing is held back there.\n"                                                                                                                                    },
                {"sync",                     {"sync"},                                    0, "",                                          ""                                                     },
                {"sync, good end",           {"sync", "--wait", "work", "Sent", "INBOX"}, 0, "",                                          ""                                                     },
                {"sync, bad end",
                 {"sync", "--wait", "home"},
                 1,                                                                          "",
                 "imapsyncctl: home: The server refuses the password.\n"                                                                                                                         },
                {"sync, no such mailbox",
                 {"sync", "--wait", "work", "Nope"},
                 1,                                                                          "",
                 "imapsyncctl: There is no such mailbox.\n"                                                                                                                                      },
                {"verify that agrees",       {"verify", "home"},                          0, "",                                          ""                                                     },
                {"verify",
                 {"verify", "work"},
                 1,                                                                          "work/INBOX: UID 42: the flags differ: \\Seen only on the remote\n"
                 "work/Sent: only on the local side: 1700000000.M1P2.host\n",                                          "imapsyncctl: Something differs.\n"                    },
                {"pause",                    {"pause", "work"},                           0, "",                                          ""                                                     },
                {"pause as JSON",            {"pause", "--json"},                         0, "{}\n",                                      ""                                                     },
                {"pause that fails",
                 {"pause", "stuck"},
                 1,                                                                          "",
                 "imapsyncctl: Device or resource busy\n"                                                                                                                                        },
                {"resume",                   {"resume", "stuck"},                         0, "",                                          ""                                                     },
                {"reload that fails",
                 {"reload"},
                 1,                                                                          "",
                 "imapsyncctl: imapsyncd.conf:3: unknown key “hots”\n"                                                                                                                       },
                {"version",                  {"version"},                                 0, "imapsyncd " IMAPSYNCD_VERSION "\n",         ""                                                     },
                {"version as JSON",
                 {"version", "--json"},
                 0,                                                                          "{\"version\":\"" IMAPSYNCD_VERSION "\"}\n",
                 ""                                                                                                                                                                              },
                {"own version",              {"-V"},                                      0, "imapsyncctl " IMAPSYNCD_VERSION "\n",       ""                                                     },
                {"no verb",                  {NULL},                                      2, "",                                          "imapsyncctl: No verb given. Try: imapsyncctl --help\n"},
                {"unknown verb",
                 {"dance"},
                 2,                                                                          "",
                 "imapsyncctl: Unknown verb: dance. Try: imapsyncctl --help\n"                                                                                                                   },
                {"too few arguments",
                 {"confirm", "home"},
                 2,                                                                          "",
                 "imapsyncctl: More arguments are needed by confirm. Try: imapsyncctl --help\n"                                                                                                  },
                {"too many arguments",
                 {"watch", "home"},
                 2,                                                                          "",
                 "imapsyncctl: Too many arguments for watch. Try: imapsyncctl --help\n"                                                                                                          },
                {"--wait elsewhere",
                 {"status", "--wait"},
                 2,                                                                          "",
                 "imapsyncctl: --wait is not for status. Try: imapsyncctl --help\n"                                                                                                              },
                {"not UTF-8",
                 {"status", "\377"},
                 2,                                                                          "",
                 "imapsyncctl: An argument cannot be sent: it is not UTF-8\n"                                                                                                                    },
                {"no daemon",
                 {"--socket", "/nowhere/control", "status"},
                 3,                                                                          "",
                 "imapsyncctl: No imapsyncd listens on /nowhere/control. "
                 "Start it with: systemctl --user start imapsyncd\n"                                                                                                                             },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Run run = run_start(rows[i].args);
                _cleanup_free_ char *out = read_all(run.out);
                _cleanup_free_ char *err = read_all(run.err);
                int status = run_end(&run);

                mask_times(out);
                show_difference(rows[i].label, "stdout", out, rows[i].out);
                show_difference(rows[i].label, "stderr", err, rows[i].err);
                TEST_ROW(rows[i].label, strcmp(out, rows[i].out) == 0);
                TEST_ROW(rows[i].label, strcmp(err, rows[i].err) == 0);
                TEST_ROW(rows[i].label, status == rows[i].status);
        }
}

/* The number of the job is the daemon's count: only the form is known. */
static void test_job_json(void) {
        static const struct {
                const char *label;
                const char *args[5];
                const char *format; /* with the job's number */
        } rows[] = {
                {"sync",           {"sync", "work", "--json"}, "{\"job\":%llu}\n"},
                {"sync, good end",
                 {"sync", "work", "--json", "--wait"},
                 "{\"job\":%llu,\"in_sync\":true,\"sentence\":\"\"}\n"           },
                {"sync, bad end",
                 {"sync", "home", "--json", "--wait"},
                 "{\"job\":%llu,\"in_sync\":false,\"sentence\":"
                 "\"home: The server refuses the password.\"}\n"                 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Run run = run_start(rows[i].args);
                _cleanup_free_ char *out = read_all(run.out);
                _cleanup_free_ char *err = read_all(run.err);
                unsigned long long job = 0;
                char expected[256];

                (void) run_end(&run);
                TEST_ROW(rows[i].label, sscanf(out, "{\"job\":%llu", &job) == 1 && job > 0);
                snprintf(expected, sizeof(expected), rows[i].format, job);
                show_difference(rows[i].label, "stdout", out, expected);
                TEST_ROW(rows[i].label, strcmp(out, expected) == 0);
                TEST_ROW(rows[i].label, err[0] == '\0');
        }
}

/* More differences than a queue holds: each is shown or counted. */
static void test_verify_flood(void) {
        static const char *const args[] = {"verify", "flood", NULL};
        Run run = run_start(args);
        _cleanup_free_ char *out = read_all(run.out);
        _cleanup_free_ char *err = read_all(run.err);
        unsigned n_shown = 0, n_missing = 0;

        for (const char *p = out; (p = strchr(p, '\n')); p++)
                n_shown++;
        if (n_shown < 10000)
                assert(sscanf(err, "imapsyncctl: Something differs. %u more differences",
                              &n_missing) == 1);
        assert(n_shown + n_missing == 10000 && n_shown >= 2048);
        assert(run_end(&run) == 1);
}

static char *read_lines(int fd, unsigned n_lines) {
        Buffer buffer = BUFFER_NULL;
        char byte;

        while (n_lines > 0) {
                assert(read(fd, &byte, 1) == 1);
                assert(buffer_append(&buffer, &byte, 1) == 0);
                if (byte == '\n')
                        n_lines--;
        }
        return buffer_steal_string(&buffer);
}

static char *read_until(int fd, const char *what) {
        Buffer buffer = BUFFER_NULL;

        while (!buffer.data || !memmem(buffer.data, buffer.size, what, strlen(what))) {
                char byte;

                assert(read(fd, &byte, 1) == 1);
                assert(buffer_append(&buffer, &byte, 1) == 0);
        }
        return buffer_steal_string(&buffer);
}

static void test_watch(void) {
        static const struct {
                const char *label;
                const char *args[3];
                const char *out;
        } rows[] = {
                {"lines",
                 {"watch"},
                 "######## work/INBOX: synced: 3 new\n"
                 "######## home: error: gone\\x0d\\x0afor \"good\"\n"},
                {"JSON",
                 {"watch", "--json"},
                 "{\"time\":#,\"account\":\"work\",\"mailbox\":\"INBOX\",\"event\":\"synced\","
                 "\"message\":\"3 new\",\"new_local\":3,\"new_remote\":0,\"changed_local\":0,"
                 "\"changed_remote\":0,\"removed_local\":0,\"removed_remote\":0}\n"
                 "{\"time\":#,\"account\":\"home\",\"mailbox\":\"\",\"event\":\"error\","
                 "\"message\":\"gone\\r\\nfor \\\"good\\\"\",\"new_local\":0,\"new_remote\":0,"
                 "\"changed_local\":0,\"changed_remote\":0,\"removed_local\":0,"
                 "\"removed_remote\":0}\n"                           },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Run run = run_start(rows[i].args);
                _cleanup_free_ char *out = read_lines(run.out, 2);

                mask_times(out);
                show_difference(rows[i].label, "stdout", out, rows[i].out);
                TEST_ROW(rows[i].label, strcmp(out, rows[i].out) == 0);
                assert(kill(run.pid, SIGINT) == 0);
                free(read_all(run.out));
                free(read_all(run.err));
                TEST_ROW(rows[i].label, run_end(&run) == 130);
        }
}

static void test_terminal(void) {
        static const char *const status_args[] = {"status", NULL};
        static const char *const sync_args[] = {"sync", "--wait", "work", NULL};
        static const char *const stuck_args[] = {"sync", "--wait", "stuck", NULL};
        _cleanup_free_ char *status = NULL, *plain = NULL, *sync = NULL, *stuck = NULL;
        Run run;

        run = run_start_terminal(status_args, 60);
        status = read_all(run.out);
        assert(run_end(&run) == 0);
        assert(strstr(status, "\033[1mWAITS BY\033[0m\r\n"));
        assert(strstr(status, "\033[1;31mrefused\033[0m"));
        assert(strstr(status, "\033[32min sync\033[0m"));
        assert(!strstr(status, "TRAFFIC") && !strstr(status, "\033[31m"));

        assert(setenv("NO_COLOR", "1", 1) == 0);
        run = run_start_terminal(status_args, 80);
        plain = read_all(run.out);
        assert(unsetenv("NO_COLOR") == 0);
        assert(run_end(&run) == 0);
        assert(strstr(plain, "refused") && !strchr(plain, '\033'));

        run = run_start_terminal(sync_args, 80);
        sync = read_all(run.out);
        assert(run_end(&run) == 0);
        assert(strstr(sync, "work/INBOX") && strstr(sync, "4 of 4  100 %  4.0 kB"));
        assert(strstr(sync, "\r\033[KIn sync.\r\n"));

        /* ^C on the terminal, once the bar shows that the program waits */
        run = run_start_terminal(stuck_args, 80);
        stuck = read_until(run.out, "1 of 4");
        assert(write(run.out, "\003", 1) == 1);
        free(stuck);
        stuck = read_all(run.out);
        assert(strlen(stuck) >= 2 && strcmp(stuck + strlen(stuck) - 2, "\r\n") == 0);
        assert(run_end(&run) == 130);
}

/* clients that mean no good */

static int connect_raw(void) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert(fd >= 0);
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
        assert(connect(fd, (struct sockaddr *) &address, sizeof(address)) == 0);
        return fd;
}

/* Read until the other end is closed. Return: how many bytes came before. */
static size_t expect_closed(int fd) {
        size_t size = 0;

        for (;;) {
                struct pollfd pollfd = {.fd = fd, .events = POLLIN};
                char bytes[4096];
                ssize_t n;

                assert(poll(&pollfd, 1, PATIENCE_MSEC) == 1);
                n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
                if (n == 0 || (n < 0 && errno == ECONNRESET))
                        break;
                assert(n > 0);
                size += (size_t) n;
        }
        (void) close(fd);
        return size;
}

static sd_bus *connect_bus(void) {
        int fd = connect_raw();
        sd_bus *bus = NULL;

        assert(sd_bus_new(&bus) >= 0);
        assert(sd_bus_set_fd(bus, fd, fd) >= 0);
        assert(sd_bus_start(bus) >= 0);
        return bus;
}

/* Leave, and wait until the daemon has noticed: only then is there room for another. */
static void disconnect_bus(sd_bus *bus) {
        int fd = dup(sd_bus_get_fd(bus));

        assert(fd >= 0);
        (void) shutdown(fd, SHUT_WR);
        (void) expect_closed(fd);
        sd_bus_close_unref(bus);
}

static int call(sd_bus *bus, const char *member, const char *types, ...) {
        sd_bus_message *message = NULL;
        va_list args;
        int r;

        assert(sd_bus_message_new_method_call(bus, &message, NULL, CONTROL_PATH, CONTROL_INTERFACE,
                                              member) >= 0);
        va_start(args, types);
        if (types[0])
                assert(sd_bus_message_appendv(message, types, args) >= 0);
        va_end(args);
        r = sd_bus_call(bus, message, 0, NULL, NULL);
        sd_bus_message_unref(message);
        return r;
}

/* Is somebody watching? The fake tells as the number of messages of "probe". */
static bool is_watched(void) {
        static const char *const args[] = {"status", "probe", NULL};
        Run run = run_start(args);
        _cleanup_free_ char *out = read_all(run.out);

        free(read_all(run.err));
        assert(run_end(&run) == 0);
        return strstr(out, "messages    1\n");
}

static void test_garbage(void) {
        static const struct {
                const char *label;
                ByteView first;
        } rows[] = {
                {"no NUL in front",   BYTES("GET / HTTP/1.1\r\n")                             },
                {"no command",        BYTES("\0HELLO\r\n")                                    },
                {"an endless line",   BYTES("\0AUTH EXTERNAL ")                               },
                {"no message",        BYTES("\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\nl\1\0\7")    },
                {"a message of 2 GB",
                 BYTES("\0AUTH "
                       "EXTERNAL\r\nDATA\r\nBEGIN\r\nl\1\0\1\377\377\377\177\1\0\0\0\1\0\0\0")},
        };
        static char garbage[1000000];

        memset(garbage, 'x', sizeof(garbage));
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int fd = connect_raw();
                size_t sent = 0;

                TEST_ROW(rows[i].label, send(fd, rows[i].first.data, rows[i].first.size,
                                             MSG_NOSIGNAL) == (ssize_t) rows[i].first.size);
                while (sent < sizeof(garbage)) {
                        ssize_t n = send(fd, garbage + sent, sizeof(garbage) - sent, MSG_NOSIGNAL);

                        if (n < 0)
                                break;
                        sent += (size_t) n;
                }
                TEST_ROW(rows[i].label, expect_closed(fd) < 1024);
                TEST_ROW(rows[i].label, !is_watched());
        }
}

static void expect_turned_away(void) {
        static const char *const args[] = {"version", NULL};
        Run run = run_start(args);
        _cleanup_free_ char *out = read_all(run.out);
        _cleanup_free_ char *err = read_all(run.err);

        show_difference("turned away", "stdout", out, "");
        show_difference("turned away", "stderr", err,
                        "imapsyncctl: imapsyncd closed the connection. It lets in only its own "
                        "user, and 32 clients at a time.\n");
        assert(out[0] == '\0' && strstr(err, "32 clients at a time"));
        assert(run_end(&run) == 1);
}

/* 32 get in; the next is turned away; who leaves makes room. */
static void test_many_clients(void) {
        sd_bus *clients[32];

        for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
                clients[i] = connect_bus();
                /* the tools of the tests before are gone, but perhaps the daemon has yet to see it */
                while (call(clients[i], "Version", "") < 0) {
                        disconnect_bus(clients[i]);
                        clients[i] = connect_bus();
                }
        }
        assert(expect_closed(connect_raw()) == 0);
        expect_turned_away();
        assert(call(clients[31], "Version", "") >= 0);

        disconnect_bus(clients[0]);
        clients[0] = connect_bus();
        assert(call(clients[0], "Version", "") >= 0);
        for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
                disconnect_bus(clients[i]);
}

/* A watcher that does not read is dropped before the events fill the memory. */
static void test_deaf_watcher(void) {
        sd_bus *deaf = connect_bus(), *other = connect_bus();

        assert(call(deaf, "Watch", "b", 1) >= 0);
        assert(is_watched());
        assert(call(other, "Sync", "sas", "flood", 0) >= 0);
        assert(!is_watched());
        assert(call(other, "Version", "") >= 0);
        disconnect_bus(deaf);
        disconnect_bus(other);
}

/* So is a client that asks and asks and never reads an answer; Ping is answered by sd-bus itself. */
static void test_deaf_asker(const char *interface, const char *member, const char *argument) {
        sd_bus *bus = connect_bus();
        int r = 0;

        for (size_t i = 0; i < 1000000 && r >= 0; i++) {
                sd_bus_message *message = NULL;
                uint64_t cookie;

                r = sd_bus_message_new_method_call(bus, &message, NULL, CONTROL_PATH, interface,
                                                   member);
                if (r >= 0 && argument)
                        r = sd_bus_message_append(message, "s", argument);
                if (r >= 0)
                        r = sd_bus_send(bus, message, &cookie); /* NULL: no reply wanted */
                if (r >= 0)
                        r = sd_bus_flush(bus);
                sd_bus_message_unref(message);
        }
        assert(r == -ECONNRESET || r == -EPIPE || r == -ENOTCONN);
        disconnect_bus(bus);
        assert(!is_watched());
}

/* Calls that are well-formed D-Bus and make no sense here. */
static void test_odd_calls(void) {
        sd_bus *bus = connect_bus();
        char **mailboxes = calloc(5001, sizeof(char *));
        sd_bus_message *message = NULL;
        char inbox[] = "INBOX";

        assert(mailboxes);
        assert(call(bus, "Nothing", "") < 0);
        assert(call(bus, "Status", "u", 1) < 0);
        assert(call(bus, "Sync", "s", "work") < 0);
        assert(call(bus, "Watch", "b", 0) >= 0);

        for (size_t i = 0; i < 5000; i++)
                mailboxes[i] = inbox;
        assert(sd_bus_message_new_method_call(bus, &message, NULL, CONTROL_PATH, CONTROL_INTERFACE,
                                              "Sync") >= 0);
        assert(sd_bus_message_append(message, "s", "work") >= 0);
        assert(sd_bus_message_append_strv(message, mailboxes) >= 0);
        assert(sd_bus_call(bus, message, 0, NULL, NULL) < 0);
        sd_bus_message_unref(message);
        free(mailboxes);

        for (size_t i = 0; i < 16; i++)
                assert(call(bus, "Sync", "sas", "stuck", 0) >= 0);
        assert(call(bus, "Sync", "sas", "stuck", 0) < 0);
        assert(call(bus, "Version", "") >= 0);
        disconnect_bus(bus);
}

static uint64_t cpu_ticks(pid_t pid) {
        unsigned long long user, system;
        char name[64];
        FILE *file;

        snprintf(name, sizeof(name), "/proc/%d/stat", (int) pid);
        file = fopen(name, "re");
        assert(file);
        assert(fscanf(file, "%*d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu", &user,
                      &system) == 2);
        fclose(file);
        return user + system;
}

/* A daemon out of descriptors lets the client wait, and does not turn in circles meanwhile. */
static void test_no_descriptors(pid_t daemon) {
        const uint64_t before = cpu_ticks(daemon);
        struct rlimit none = {0, 0}, old;
        struct pollfd pollfd;
        sd_bus *bus;

        assert(prlimit(daemon, RLIMIT_NOFILE, NULL, &old) == 0);
        none.rlim_max = old.rlim_max;
        assert(prlimit(daemon, RLIMIT_NOFILE, &none, NULL) == 0);
        pollfd = (struct pollfd){.fd = connect_raw(), .events = POLLIN};
        assert(poll(&pollfd, 1, 500) == 0); /* neither closed nor served */
        assert(prlimit(daemon, RLIMIT_NOFILE, &old, NULL) == 0);
        (void) close(pollfd.fd);

        bus = connect_bus();
        assert(call(bus, "Version", "") >= 0);
        disconnect_bus(bus);
        assert(cpu_ticks(daemon) - before < (uint64_t) sysconf(_SC_CLK_TCK) / 4);
}

/* Another user is turned away even where the file lets him in. */
static void test_other_user(void) {
        char folder[160];
        int status;
        pid_t pid;

        if (geteuid() != 0) {
                printf("not root: another user cannot be tried\n");
                return;
        }
        snprintf(folder, sizeof(folder), "%s/imapsyncd", dir);
        assert(chmod(dir, 0755) == 0 && chmod(folder, 0755) == 0 && chmod(socket_path, 0666) == 0);
        pid = fork();
        assert(pid >= 0);
        if (pid == 0) {
                int fd;

                assert(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
                fd = connect_raw();
                (void) send(fd, "\0AUTH EXTERNAL\r\nDATA\r\n", 22, MSG_NOSIGNAL);
                assert(expect_closed(fd) == 0);
                _exit(0);
        }
        assert(waitpid(pid, &status, 0) == pid);
        assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert(chmod(folder, 0700) == 0 && chmod(socket_path, 0600) == 0);
}

static void test_stop(pid_t daemon) {
        static const char *const stop_args[] = {"stop", NULL}, *const version_args[] = {"version",
                                                                                        NULL};
        Run run = run_start(stop_args);

        free(read_all(run.out));
        free(read_all(run.err));
        assert(run_end(&run) == 0);
        daemon_expect_end(daemon);

        run = run_start(version_args);
        free(read_all(run.out));
        free(read_all(run.err));
        assert(run_end(&run) == 3);
}

/* Who watches is told that the daemon has gone. */
static void test_daemon_goes(void) {
        static const char *const args[] = {"watch", NULL};
        pid_t daemon = daemon_start();
        Run run = run_start(args);
        _cleanup_free_ char *err = NULL;

        free(read_lines(run.out, 2));
        assert(kill(daemon, SIGTERM) == 0);
        daemon_expect_end(daemon);
        free(read_all(run.out));
        err = read_all(run.err);
        assert(strcmp(err, "imapsyncctl: imapsyncd has gone away.\n") == 0);
        assert(run_end(&run) == 3);
}

int main(int argc, char **argv) {
        pid_t daemon;
        int half_open;

        assert(argc == 2);
        program = argv[1];
        assert(mkdtemp(dir));
        snprintf(socket_path, sizeof(socket_path), "%s/%s", dir, CONTROL_SOCKET);
        assert(setenv("XDG_RUNTIME_DIR", dir, 1) == 0 && setenv("TERM", "xterm", 1) == 0);
        assert(unsetenv("NO_COLOR") == 0);

        daemon = daemon_start();
        test_outputs();
        test_job_json();
        test_verify_flood();
        test_watch();
        test_terminal();
        test_garbage();
        test_many_clients();
        half_open = connect_raw(); /* says nothing, ever */
        test_deaf_watcher();
        test_deaf_asker("org.freedesktop.DBus.Peer", "Ping", NULL);
        test_deaf_asker(CONTROL_INTERFACE, "Status", "");
        test_odd_calls();
        test_no_descriptors(daemon);
        test_other_user();
        (void) expect_closed(half_open);
        test_stop(daemon);
        test_daemon_goes();

        snprintf(socket_path, sizeof(socket_path), "%s/imapsyncd", dir);
        assert(rmdir(socket_path) == 0 && rmdir(dir) == 0);
        return 0;
}
