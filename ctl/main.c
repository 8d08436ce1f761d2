/*
 * imapsyncctl: the client of the control socket
 *
 * The usage text is the specification; a function carries out each verb; the dispatcher at the end
 * knows how many arguments each takes.
 */

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/macro.h"
#include "core/control.h"
#include "ctl/client.h"
#include "ctl/complete.h"
#include "ctl/duplicates.h"
#include "ctl/explain.h"
#include "ctl/find.h"
#include "ctl/format.h"
#include "ctl/import.h"
#include "ctl/json.h"
#include "ctl/output.h"
#include "ctl/setup.h"
#include "ctl/top.h"
#include "ctl/wait.h"

#define STOP_MSEC 10000

static const char usage[] =
        "imapsyncctl [--socket PATH] [--json] VERB [ARG...]\n"
        "\n"
        "  setup [ADDRESS] [OPTION...]   set up an account; setup --help tells the options\n"
        "  status [--format waybar|TEMPLATE] [ACCOUNT]\n"
        "                                how the accounts are, or all about one\n"
        "  mailboxes ACCOUNT             its mailboxes, a line each\n"
        "  sync [--wait] [ACCOUNT [MAILBOX...]]\n"
        "                                bring in sync now; --wait: until it is done\n"
        "  watch                         what happens, as it happens\n"
        "  top                           how the accounts are, live; q ends\n"
        "  pause [ACCOUNT]               leave an account alone\n"
        "  resume [ACCOUNT]              take it up again\n"
        "  held [ACCOUNT]                deletions that the brake holds back\n"
        "  confirm ACCOUNT MAILBOX       let them through\n"
        "  verify [--digests] ACCOUNT [MAILBOX...]\n"
        "                                compare both sides, message by message; or byte by byte\n"
        "  explain [--ask] ACCOUNT MAILBOX UID|FILE\n"
        "                                what is known of a message, and what would be done;\n"
        "                                --ask: also what the server says of it now\n"
        "  duplicates ACCOUNT [MAILBOX...]\n"
        "                                messages that are in a mailbox more than once\n"
        "  policy [ac|battery|low|metered|auto] [--for TIME]\n"
        "                                what the accounts may cost, and why; or overrule that\n"
        "  reload                        read the configuration again\n"
        "  stop                          end the daemon, and wait until it has\n"
        "  version                       of the daemon\n"
        "  import mbsync|offlineimap|interimap [--dry-run] [--from FILE]\n"
        "         [--config FILE] [--state-dir DIR]\n"
        "                                take over what that program has synchronised\n"
        "  complete -- [WORD...]         what may come next, for completions in shells\n"
        "\n"
        "      --socket PATH   default $XDG_RUNTIME_DIR/" CONTROL_SOCKET "\n"
        "      --json          for programs: see imapsyncctl(1)\n"
        "  -h, --help\n"
        "  -V, --version       of this program\n"
        "\n"
        "Exit status: 0 done; 1 the daemon says no, or something is not in sync; 2 wrong usage;\n"
        "3 no daemon.\n";

typedef struct Ctl {
        sd_bus *bus;
        const char *socket; /* borrowed; NULL: the default */
        const char *span;   /* borrowed; NULL: none */
        const char *format; /* borrowed; NULL: for people */
        bool json, wait, digests, ask;
        ImportOptions import;
        Screen out, err;
} Ctl;

typedef int (*Output)(sd_bus_message *reply, const Screen *screen, Buffer *buffer);

/* output */

static int cannot_show(int r) {
        complain("The daemon's answer cannot be shown: %s", strerror(-r));
        return EXIT_SAYS_NO;
}

static int print_buffer(const Buffer *buffer) {
        if (buffer->size > 0)
                fwrite(buffer->data, 1, buffer->size, stdout);
        if (fflush(stdout) != 0) {
                complain("Cannot write: %s", strerror(errno));
                return EXIT_SAYS_NO;
        }
        return EXIT_DONE;
}

/* Print a reply as JSON, or by @output (NULL: silence is the answer). Return: the exit status. */
static int print_reply(const Ctl *ctl, sd_bus_message *reply, Output output, const char *name) {
        _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
        int r = 0;

        if (ctl->json) {
                r = json_append_message(&buffer, reply, name ? &name : NULL, name ? 1 : 0);
                if (r == 0)
                        r = buffer_append_string(&buffer, "\n");
        } else if (output)
                r = output(reply, &ctl->out, &buffer);
        return r < 0 ? cannot_show(r) : print_buffer(&buffer);
}

/* Call a method that takes an account ("" for all) and print what it says. */
static int call_account(const Ctl *ctl, const char *member, const char *account, Output output) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        int status = client_call(ctl->bus, &reply, member, "s", account ? account : "");

        return status != 0 ? status : print_reply(ctl, reply, output, NULL);
}

static int call_plain(const Ctl *ctl, const char *member) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        int status = client_call(ctl->bus, &reply, member, NULL);

        return status != 0 ? status : print_reply(ctl, reply, NULL, NULL);
}

/* verbs: @args ends with NULL */

/* Status by a template. */
static int run_status_format(const Ctl *ctl, const char *account) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
        _cleanup_free_ char *wrong = NULL;
        int status = client_call(ctl->bus, &reply, "Status", "s", account ? account : "");
        int r;

        if (status != 0)
                return status;
        r = format_accounts(ctl->format, reply, &ctl->out, &buffer, &wrong);
        if (r == -EINVAL) {
                complain("--format: “%s” is not a field; see imapsyncctl(1).", wrong);
                return EXIT_USAGE;
        }
        return r < 0 ? cannot_show(r) : print_buffer(&buffer);
}

static int run_status(Ctl *ctl, char **args) {
        if (ctl->format)
                return run_status_format(ctl, args[0]);
        return call_account(ctl, "Status", args[0], args[0] ? output_account : output_accounts);
}

static int run_mailboxes(Ctl *ctl, char **args) {
        return call_account(ctl, "Mailboxes", args[0], output_mailboxes);
}

static int run_held(Ctl *ctl, char **args) {
        return call_account(ctl, "Held", args[0], output_held);
}

static int run_pause(Ctl *ctl, char **args) {
        return call_account(ctl, "Pause", args[0], NULL);
}

static int run_resume(Ctl *ctl, char **args) {
        return call_account(ctl, "Resume", args[0], NULL);
}

static int run_reload(Ctl *ctl, char **args) {
        (void) args;
        return call_plain(ctl, "Reload");
}

static int run_confirm(Ctl *ctl, char **args) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        int status = client_call(ctl->bus, &reply, "Confirm", "ss", args[0], args[1]);

        return status != 0 ? status : print_reply(ctl, reply, NULL, NULL);
}

static int run_explain(Ctl *ctl, char **args) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        int status = explain_call(ctl->bus, args, ctl->ask, &reply);

        return status != 0 ? status : print_reply(ctl, reply, output_explained, NULL);
}

static int run_duplicates(Ctl *ctl, char **args) {
        return duplicates_run(ctl->bus, &ctl->out, ctl->json, args[0], args + 1);
}

static int run_policy(Ctl *ctl, char **args) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        int status;

        if (!args[0]) {
                status = client_call(ctl->bus, &reply, "Policy", NULL);
                return status != 0 ? status : print_reply(ctl, reply, output_policy, NULL);
        }
        status = client_call(ctl->bus, &reply, "SetPolicy", "ss", args[0],
                             ctl->span ? ctl->span : "");
        return status != 0 ? status : print_reply(ctl, reply, NULL, NULL);
}

/* The daemon closes the socket as the last thing it does. */
static int run_stop(Ctl *ctl, char **args) {
        struct pollfd pollfd = {.fd = sd_bus_get_fd(ctl->bus), .events = POLLRDHUP};
        int status = call_plain(ctl, "Stop");

        (void) args;
        if (status != 0)
                return status;
        if (poll(&pollfd, 1, STOP_MSEC) == 0) {
                complain("imapsyncd is still about to stop.");
                return EXIT_SAYS_NO;
        }
        return EXIT_DONE;
}

static int output_version(sd_bus_message *reply, const Screen *screen, Buffer *buffer) {
        const char *version;
        int r = sd_bus_message_read(reply, "s", &version);

        (void) screen;
        if (r >= 0)
                r = buffer_append_string(buffer, "imapsyncd ");
        if (r >= 0)
                r = text_escape(buffer, version);
        return r < 0 ? r : buffer_append_string(buffer, "\n");
}

static int run_version(Ctl *ctl, char **args) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        int status = client_call(ctl->bus, &reply, "Version", NULL);

        (void) args;
        return status != 0 ? status : print_reply(ctl, reply, output_version, "version");
}

static int start_waiter(Waiter *waiter) {
        int r = waiter_init(waiter);

        if (r < 0) {
                complain("Cannot wait: %s", strerror(-r));
                return EXIT_SAYS_NO;
        }
        return 0;
}

static int run_watch(Ctl *ctl, char **args) {
        _cleanup_(waiter_done) Waiter waiter = {
                .bus = ctl->bus,
                .out = &ctl->out,
                .json = ctl->json,
        };
        int status = start_waiter(&waiter);

        (void) args;
        if (status == 0)
                status = client_call(ctl->bus, NULL, "Watch", "b", 1);
        return status != 0 ? status : waiter_run(&waiter, 0);
}

static int run_top(Ctl *ctl, char **args) {
        (void) args;
        return top_run(ctl->bus, &ctl->out);
}

/* Start a job by @member and wait for its end. */
static int run_job(Ctl *ctl, const char *member, char **args, const char *all_good) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(waiter_done) Waiter waiter = {
                .bus = ctl->bus,
                .out = &ctl->out,
                .bar = ctl->err.width > 0 && !ctl->json ? &ctl->err : NULL,
                .all_good = all_good,
                .json = ctl->json,
        };
        int status = start_waiter(&waiter);
        uint64_t job;

        if (status == 0)
                status = client_call_mailboxes(ctl->bus, &reply, member, args[0] ? args[0] : "",
                                               args[0] ? args + 1 : args);
        if (status != 0)
                return status;
        if (sd_bus_message_read(reply, "t", &job) < 0) {
                complain("The daemon's answer cannot be understood.");
                return EXIT_SAYS_NO;
        }
        return waiter_run(&waiter, job);
}

static int run_sync(Ctl *ctl, char **args) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        int status;

        if (ctl->wait)
                return run_job(ctl, "Sync", args, "In sync.");
        status = client_call_mailboxes(ctl->bus, &reply, "Sync", args[0] ? args[0] : "",
                                       args[0] ? args + 1 : args);
        return status != 0 ? status : print_reply(ctl, reply, NULL, "job");
}

/* It needs no daemon. */
static int run_import(Ctl *ctl, char **args) {
        ctl->import.program = args[0];
        return ctl_import(&ctl->import, ctl->json);
}

static int run_verify(Ctl *ctl, char **args) {
        return run_job(ctl, ctl->digests ? "VerifyDigests" : "Verify", args, "Both sides agree.");
}

/* options */

/* The screen that a stream goes to; width 0 if it is none. */
static Screen find_screen(FILE *stream) {
        const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
        Screen screen = {};
        struct winsize size;
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        screen.now_usec = (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
        if (!isatty(fileno(stream)))
                return screen;

        screen.width = 80;
        if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
                screen.width = size.ws_col;
        screen.colour = !(no_colour && no_colour[0]) && term && strcmp(term, "dumb") != 0;
        return screen;
}

static int bad_usage(const char *what, const char *word) {
        complain("%s%s. Try: imapsyncctl --help", what, word);
        return EXIT_USAGE;
}

/* What a verb does with its arguments, and which daemon it is for. */
typedef struct Verb {
        const char *name;
        int min, max;
        int (*run)(Ctl *ctl, char **args);
        bool has_account; /* the first argument, if there is one */
} Verb;

/* Takes the connection. */
static int run_on(Ctl *ctl, const Verb *verb, sd_bus *bus, char **args) {
        int status;

        ctl->bus = bus;
        status = verb->run(ctl, args);
        ctl->bus = sd_bus_close_unref(bus);
        return status;
}

static int run_on_path(Ctl *ctl, const Verb *verb, const char *path, char **args) {
        sd_bus *bus = NULL;
        int status = client_connect(path, &bus);

        return status != 0 ? status : run_on(ctl, verb, bus, args);
}

/* The account's own daemon, or that for all accounts. */
static int run_for_account(Ctl *ctl, const Verb *verb, const Sockets *sockets, char **args) {
        for (size_t i = 0; i + 1 < sockets->n_paths; i++) {
                sd_bus *bus = NULL;
                int status = client_try_connect(sockets->paths[i], &bus);

                if (status == 0)
                        return run_on(ctl, verb, bus, args);
                if (status != EXIT_NO_DAEMON)
                        return status;
        }
        return run_on_path(ctl, verb, sockets->paths[sockets->n_paths - 1], args);
}

/* Connect to all that are there. Return: the worst exit status, but for daemons that are not. */
static int connect_all(const Sockets *sockets, sd_bus **buses, size_t *ret_n) {
        int worst = EXIT_DONE;

        *ret_n = 0;
        for (size_t i = 0; i < sockets->n_paths; i++) {
                int status = client_try_connect(sockets->paths[i], &buses[*ret_n]);

                if (status == 0)
                        (*ret_n)++;
                else if (status != EXIT_NO_DAEMON)
                        worst = MAX(worst, status);
        }
        return worst;
}

/* No account was named: every daemon there is, one after the other. */
static int run_everywhere(Ctl *ctl, const Verb *verb, const Sockets *sockets, char **args) {
        sd_bus **buses = calloc(sockets->n_paths, sizeof(*buses));
        size_t n = 0;
        int status;

        if (!buses) {
                complain("%s", strerror(ENOMEM));
                return EXIT_SAYS_NO;
        }
        status = connect_all(sockets, buses, &n);
        if (n == 0 && status == EXIT_DONE)
                status = run_on_path(ctl, verb, sockets->paths[0],
                                     args); /* says that there is none */
        if (n > 1 && (verb->run == run_watch || verb->run == run_top)) {
                complain("Several imapsyncd run: name the socket of one by --socket PATH.");
                status = EXIT_USAGE;
        }
        for (size_t i = 0; i < n; i++) {
                int one = EXIT_USAGE;

                if (status == EXIT_USAGE) /* another daemon will not understand it better */
                        sd_bus_close_unref(buses[i]);
                else
                        one = run_on(ctl, verb, buses[i], args);
                status = MAX(status, one);
        }
        free(buses);
        return status;
}

static int run_verb(Ctl *ctl, const Verb *verb, char **args) {
        _cleanup_(sockets_done) Sockets sockets = SOCKETS_NULL;
        const char *account = verb->has_account ? args[0] : NULL;
        int r;

        if (ctl->socket)
                return run_on_path(ctl, verb, ctl->socket, args);
        r = sockets_find(account, &sockets);
        if (r == -ENOENT) {
                complain("XDG_RUNTIME_DIR is not set, so the daemon's socket is not known: "
                         "name it by --socket PATH.");
                return EXIT_USAGE;
        }
        if (r < 0) {
                complain("%s", strerror(-r));
                return EXIT_SAYS_NO;
        }
        return account ? run_for_account(ctl, verb, &sockets, args)
                       : run_everywhere(ctl, verb, &sockets, args);
}

static bool has_import_options(const Ctl *ctl) {
        return ctl->import.from || ctl->import.config || ctl->import.state_dir ||
               ctl->import.dry_run;
}

static int dispatch(Ctl *ctl, int n_args, char **args) {
        static const Verb verbs[] = {
                {"status",     0, 1,       run_status,     true },
                {"mailboxes",  1, 1,       run_mailboxes,  true },
                {"sync",       0, INT_MAX, run_sync,       true },
                {"watch",      0, 0,       run_watch,      false},
                {"top",        0, 0,       run_top,        false},
                {"pause",      0, 1,       run_pause,      true },
                {"resume",     0, 1,       run_resume,     true },
                {"held",       0, 1,       run_held,       true },
                {"confirm",    2, 2,       run_confirm,    true },
                {"verify",     1, INT_MAX, run_verify,     true },
                {"explain",    3, 3,       run_explain,    true },
                {"duplicates", 1, INT_MAX, run_duplicates, true },
                {"policy",     0, 1,       run_policy,     false},
                {"reload",     0, 0,       run_reload,     false},
                {"stop",       0, 0,       run_stop,       false},
                {"version",    0, 0,       run_version,    false},
                {"import",     1, 1,       run_import,     false},
        };

        if (n_args == 0)
                return bad_usage("No verb given", "");
        if (strcmp(args[0], "complete") == 0)
                return complete_run(usage, ctl->socket, (const char *const *) args + 1);
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
                if (strcmp(verbs[i].name, args[0]) != 0)
                        continue;
                if (n_args - 1 < verbs[i].min)
                        return bad_usage("More arguments are needed by ", args[0]);
                if (n_args - 1 > verbs[i].max)
                        return bad_usage("Too many arguments for ", args[0]);
                if (ctl->wait && verbs[i].run != run_sync)
                        return bad_usage("--wait is not for ", args[0]);
                if (ctl->format && (verbs[i].run != run_status || ctl->json))
                        return bad_usage("--format goes with status and without --json, not with ",
                                         ctl->json ? "--json" : args[0]);
                if (has_import_options(ctl) && verbs[i].run != run_import)
                        return bad_usage("Those options are for import, not for ", args[0]);
                if (verbs[i].run == run_import && ctl->socket)
                        return bad_usage("--socket is not for ", args[0]);
                if (ctl->digests && verbs[i].run != run_verify)
                        return bad_usage("--digests is not for ", args[0]);
                if (ctl->ask && verbs[i].run != run_explain)
                        return bad_usage("--ask is not for ", args[0]);
                if (ctl->span && (verbs[i].run != run_policy || n_args < 2))
                        return bad_usage("--for goes with policy ROW, not with ", args[0]);
                return verbs[i].run == run_import ? run_import(ctl, args + 1)
                                                  : run_verb(ctl, &verbs[i], args + 1);
        }
        return bad_usage("Unknown verb: ", args[0]);
}

/* Setup has options of its own, and needs no daemon. Return: where the verb is, if it is that; else 0. */
static int find_setup(char **argv) {
        int i = 1;

        while (argv[i] && strcmp(argv[i], "--json") == 0)
                i++;
        return argv[i] && strcmp(argv[i], "setup") == 0 ? i : 0;
}

static int run_setup(int argc, char **argv, int verb, const Screen *screen) {
        char *word = argv[verb];

        argv[verb] = argv[1]; /* --json, or itself */
        argv[1] = word;
        return setup_run(argc - 1, argv + 1, screen);
}

int main(int argc, char **argv) {
        static const struct option options[] = {
                {"socket",           required_argument, NULL, 's'},
                {"json",              no_argument, NULL, 'j'},
                {"wait",                  no_argument, NULL, 'w'},
                {"for",required_argument, NULL, 'f'},
                {"digests",               no_argument, NULL, 'D'},
                {"ask",             no_argument, NULL, 'a'},
                {"format",              required_argument, NULL, 'T'},
                {"from",                  required_argument, NULL, 'F'},
                {"config",        required_argument, NULL, 'c'},
                {"state-dir",               required_argument, NULL, 'd'},
                {"dry-run",          no_argument, NULL, 'n'},
                {"help",              no_argument, NULL, 'h'},
                {"version",                  no_argument, NULL, 'V'},
                {              },
        };
        Ctl ctl = {.out = find_screen(stdout), .err = find_screen(stderr)};
        int c;

        /* for wcwidth(3), which knows nothing beyond ASCII in the C locale */
        (void) setlocale(LC_CTYPE, "C.UTF-8");

        if ((c = find_setup(argv)) > 0)
                return run_setup(argc, argv, c, &ctl.out);

        while ((c = getopt_long(argc, argv, "hV", options, NULL)) >= 0)
                switch (c) {
                case 's':
                        ctl.socket = optarg;
                        break;
                case 'j':
                        ctl.json = true;
                        break;
                case 'w':
                        ctl.wait = true;
                        break;
                case 'D':
                        ctl.digests = true;
                        break;
                case 'a':
                        ctl.ask = true;
                        break;
                case 'T':
                        ctl.format = optarg;
                        break;
                case 'f':
                        ctl.span = optarg;
                        break;
                case 'F':
                        ctl.import.from = optarg;
                        break;
                case 'c':
                        ctl.import.config = optarg;
                        break;
                case 'd':
                        ctl.import.state_dir = optarg;
                        break;
                case 'n':
                        ctl.import.dry_run = true;
                        break;
                case 'h':
                        fputs(usage, stdout);
                        return EXIT_DONE;
                case 'V':
                        puts("imapsyncctl " IMAPSYNCCTL_VERSION);
                        return EXIT_DONE;
                default:
                        return EXIT_USAGE; /* getopt has said why */
                }

        return dispatch(&ctl, argc - optind, argv + optind);
}
