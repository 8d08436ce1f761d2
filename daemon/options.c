/* The command line of imapsyncd. */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "base/macro.h"
#include "core/control.h"
#include "daemon/options.h"

const char options_usage[] =
        "imapsyncd [OPTION...] [ACCOUNT...]\n"
        "Keep mail accounts and their local copies in sync.\n\n"
        "  -c, --config FILE     default $XDG_CONFIG_HOME/imapsyncd/imapsyncd.conf\n"
        "  -1, --once            bring everything in sync once, then exit\n"
        "  -n, --dry-run         with --once: print what would be done, change nothing\n"
        "      --check           read the configuration, say what is wrong, exit\n"
        "      --probe           try the login of a configuration on standard input; for setup\n"
        "      --find-server DOMAIN\n"
        "                        the server that its autoconfig file names; for setup\n"
        "      --state-dir DIR   default $STATE_DIRECTORY, else $XDG_STATE_HOME/imapsyncd\n"
        "      --socket PATH     default $XDG_RUNTIME_DIR/imapsyncd/control\n"
        "      --complete -- [WORD...]\n"
        "                        what may come next, for completions in shells\n"
        "  -v, --verbose         more log; twice: the IMAP dialogue, secrets struck out\n"
        "  -h, --help            this text\n"
        "  -V, --version         the version\n\n"
        "Exit status: 0 in sync or asked to stop, 1 not in sync, 2 wrong usage or configuration.\n";

void options_done(Options *options) {
        free(options->config_path);
        free(options->state_dir);
        free(options->socket_path);
        *options = (Options){0};
}

static int set_string(char **string, const char *value) {
        free(*string);
        *string = strdup(value);
        return *string ? 0 : -ENOMEM;
}

/* $VARIABLE/REST, or $HOME/FALLBACK/REST. */
static int xdg_path(const char *variable, const char *fallback, const char *rest, char **ret_path) {
        const char *base = getenv(variable), *home = getenv("HOME");
        int n;

        if (base && base[0] == '/')
                n = asprintf(ret_path, "%s/%s", base, rest);
        else if (home && home[0] == '/' && fallback)
                n = asprintf(ret_path, "%s/%s/%s", home, fallback, rest);
        else
                return -ENOENT;
        return n < 0 ? -ENOMEM : 0;
}

static int default_state_dir(Options *options) {
        const char *given = getenv("STATE_DIRECTORY");

        if (given && given[0] == '/')
                return set_string(&options->state_dir, given);
        return xdg_path("XDG_STATE_HOME", ".local/state", "imapsyncd", &options->state_dir);
}

static int fill_in_defaults(Options *options) {
        int r = 0;

        if (!options->config_path)
                r = xdg_path("XDG_CONFIG_HOME", ".config", "imapsyncd/imapsyncd.conf",
                             &options->config_path);
        if (r == 0 && !options->state_dir)
                r = default_state_dir(options);
        if (r == -ENOENT) {
                fputs("imapsyncd: $HOME is not set; name the files with --config and --state-dir\n",
                      stderr);
                return -EINVAL;
        }
        if (r == 0 && !options->socket_path) {
                r = xdg_path("XDG_RUNTIME_DIR", NULL, CONTROL_SOCKET, &options->socket_path);
                if (r == -ENOENT)
                        r = 0;
        }
        return r;
}

static int check_usage(const Options *options) {
        if (options->dry_run && !options->once) {
                fputs("imapsyncd: --dry-run needs --once\n", stderr);
                return -EINVAL;
        }
        return 0;
}

int options_parse(int argc, char **argv, Options *ret_options) {
        enum {
                OPTION_CHECK = 256,
                OPTION_COMPLETE,
                OPTION_FIND,
                OPTION_PROBE,
                OPTION_STATE_DIR,
                OPTION_SOCKET
        };
        static const struct option known[] = {
                {"config",      required_argument, NULL, 'c'             },
                {"once",        no_argument,       NULL, '1'             },
                {"dry-run",     no_argument,       NULL, 'n'             },
                {"check",       no_argument,       NULL, OPTION_CHECK    },
                {"complete",    no_argument,       NULL, OPTION_COMPLETE },
                {"find-server", required_argument, NULL, OPTION_FIND     },
                {"probe",       no_argument,       NULL, OPTION_PROBE    },
                {"state-dir",   required_argument, NULL, OPTION_STATE_DIR},
                {"socket",      required_argument, NULL, OPTION_SOCKET   },
                {"verbose",     no_argument,       NULL, 'v'             },
                {"help",        no_argument,       NULL, 'h'             },
                {"version",     no_argument,       NULL, 'V'             },
                {NULL,          0,                 NULL, 0               },
        };
        _cleanup_(options_done) Options options = {0};
        int c, r = 0;

        while (r == 0 && (c = getopt_long(argc, argv, "c:1nvhV", known, NULL)) >= 0)
                switch (c) {
                case 'c':
                        r = set_string(&options.config_path, optarg);
                        break;
                case '1':
                        options.once = true;
                        break;
                case 'n':
                        options.dry_run = true;
                        break;
                case OPTION_CHECK:
                        options.check = true;
                        break;
                case OPTION_COMPLETE:
                        options.complete = true;
                        break;
                case OPTION_FIND:
                        options.find_server = optarg;
                        break;
                case OPTION_PROBE:
                        options.probe = true;
                        break;
                case OPTION_STATE_DIR:
                        r = set_string(&options.state_dir, optarg);
                        break;
                case OPTION_SOCKET:
                        r = set_string(&options.socket_path, optarg);
                        break;
                case 'v':
                        options.verbose++;
                        break;
                case 'h':
                        options.help = true;
                        break;
                case 'V':
                        options.version = true;
                        break;
                default:
                        return -EINVAL;
                }
        options.accounts = argv + optind;

        if (r == 0)
                r = check_usage(&options);
        if (r == 0 && !options.help && !options.version && !options.probe && !options.find_server)
                r = fill_in_defaults(&options);
        if (r == -ENOMEM)
                fputs("imapsyncd: out of memory\n", stderr);
        if (r < 0)
                return r;
        *ret_options = options;
        options = (Options){0};
        return 0;
}
