/* The flags of imapsyncctl setup. */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "config/config-keys.h"
#include "config/config-proxy.h"
#include "config/config-value.h"
#include "ctl/client.h"
#include "ctl/setup-options.h"

const char setup_usage[] =
        "imapsyncctl setup [ADDRESS] [OPTION...]\n"
        "Set up a mail account: find the server, try the login, write the configuration, start.\n"
        "What no option says is asked.\n\n"
        "      --address ADDRESS  the mail address\n"
        "      --name NAME        of the account in the configuration; default by the address\n"
        "      --host HOST        the IMAP server; default: it is looked for\n"
        "      --port PORT        default 993, or 143\n"
        "      --tls MODE         implicit (default), starttls, none\n"
        "      --ca-file FILE     trust this issuer instead of the system's\n"
        "      --tls-pin PIN      trust the server with this public key: sha256:...\n"
        "      --proxy URL        reach the server through this proxy: socks5://HOST:PORT or\n"
        "                         http://HOST:PORT, with USER:PASSWORD@ in front of HOST; no name\n"
        "                         server and no web site is asked for the server then\n"
        "      --user USER        to log in with; default the address\n"
        "      --secret WHERE     where the password is kept: secret-tool, pass, credential (of\n"
        "                         systemd), file\n"
        "      --password-command COMMAND\n"
        "                         what prints the password; nothing else is kept\n"
        "      --token-command COMMAND\n"
        "                         what prints a token (OAuth) instead of a password\n"
        "      --password-stdin   the password is the first line of standard input\n"
        "      --maildir DIR      default ~/Mail/NAME\n"
        "      --config FILE      default $XDG_CONFIG_HOME/imapsyncd/imapsyncd.conf\n"
        "      --yes              write without asking\n"
        "      --no-enable        leave the daemon alone\n"
        "      --json             print the outcome as JSON; nothing is asked\n"
        "  -h, --help\n";

enum {
        OPTION_ADDRESS = 256,
        OPTION_CA_FILE,
        OPTION_CONFIG,
        OPTION_HOST,
        OPTION_JSON,
        OPTION_MAILDIR,
        OPTION_NAME,
        OPTION_NO_ENABLE,
        OPTION_PASSWORD_COMMAND,
        OPTION_PASSWORD_STDIN,
        OPTION_PORT,
        OPTION_PROXY,
        OPTION_SECRET,
        OPTION_TLS,
        OPTION_TLS_PIN,
        OPTION_TOKEN_COMMAND,
        OPTION_USER,
        OPTION_YES,
};

void setup_options_done(SetupOptions *options) {
        free(options->config_path);
        config_secret_free(options->proxy_url);
        proxy_destroy(options->proxy);
        *options = SETUP_OPTIONS_NULL;
}

static int bad(const char *what, const char *value) {
        complain("%s%s. Try: imapsyncctl setup --help", what, value);
        return -EINVAL;
}

static int set_port(SetupOptions *options, const char *value) {
        uint64_t port;

        if (value_parse_unsigned(value, 1, UINT16_MAX, &port) < 0)
                return bad("--port: a number from 1 to 65535 is expected, not ", value);
        options->port = (uint16_t) port;
        return 0;
}

static int set_tls(SetupOptions *options, const char *value) {
        static const char *const words[] = {"implicit", "starttls", "none", NULL};
        static const TlsMode modes[] = {TLS_IMPLICIT, TLS_STARTTLS, TLS_NONE};
        const int i = value_parse_word(value, words);

        if (i < 0)
                return bad("--tls: implicit, starttls or none is expected, not ", value);
        options->tls = modes[i];
        options->has_tls = true;
        return 0;
}

static int set_secret(SetupOptions *options, const char *value) {
        options->secret = secret_kind_of(value);
        if (options->secret == SECRET_UNSAID)
                return bad("--secret: secret-tool, pass, credential or file is expected, not ",
                           value);
        return 0;
}

static int set_string(char **string, const char *value) {
        free(*string);
        *string = strdup(value);
        return *string ? 0 : -ENOMEM;
}

/* A password may be in it: others of this machine see it no longer than until it is read. */
static int set_proxy(SetupOptions *options, char *value) {
        int r;

        config_secret_free(TAKE_PTR(options->proxy_url));
        options->proxy = proxy_destroy(options->proxy);
        r = set_string(&options->proxy_url, value);
        explicit_bzero(value, strlen(value));
        if (r == 0)
                r = proxy_parse(options->proxy_url, &options->proxy);
        return r > 0 ? bad("--proxy: ", proxy_parse_error(r)) : r;
}

static int set(SetupOptions *options, int option, char *value) {
        switch (option) {
        case OPTION_ADDRESS:
                options->address = value;
                return 0;
        case OPTION_CA_FILE:
                options->ca_file = value;
                return 0;
        case OPTION_CONFIG:
                return set_string(&options->config_path, value);
        case OPTION_HOST:
                options->host = value;
                return 0;
        case OPTION_JSON:
                options->json = true;
                return 0;
        case OPTION_MAILDIR:
                options->maildir = value;
                return 0;
        case OPTION_NAME:
                options->name = value;
                return 0;
        case OPTION_NO_ENABLE:
                options->no_enable = true;
                return 0;
        case OPTION_PASSWORD_COMMAND:
                options->password_command = value;
                return 0;
        case OPTION_PASSWORD_STDIN:
                options->password_stdin = true;
                return 0;
        case OPTION_PORT:
                return set_port(options, value);
        case OPTION_PROXY:
                return set_proxy(options, value);
        case OPTION_SECRET:
                return set_secret(options, value);
        case OPTION_TLS:
                return set_tls(options, value);
        case OPTION_TLS_PIN:
                options->tls_pin = value;
                return 0;
        case OPTION_TOKEN_COMMAND:
                options->token_command = value;
                return 0;
        case OPTION_USER:
                options->user = value;
                return 0;
        case OPTION_YES:
                options->yes = true;
                return 0;
        case 'h':
                fputs(setup_usage, stdout);
                return 1;
        }
        return -EINVAL; /* getopt has said why */
}

static int default_config(char **ret_path) {
        const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        int n;

        if (base && base[0] == '/')
                n = asprintf(ret_path, "%s/imapsyncd/imapsyncd.conf", base);
        else if (home && home[0] == '/')
                n = asprintf(ret_path, "%s/.config/imapsyncd/imapsyncd.conf", home);
        else
                return bad("$HOME is not set: name the file by --config FILE", "");
        return n < 0 ? -ENOMEM : 0;
}

static int check(SetupOptions *options, int n_rest, char **rest) {
        if (n_rest > 0 && !options->address) {
                options->address = rest[0];
                n_rest--;
                rest++;
        }
        if (n_rest > 0)
                return bad("Too many arguments: ", rest[0]);
        if ((options->password_command || options->token_command) &&
            (options->secret || options->password_stdin))
                return bad("A command goes with neither --secret nor --password-stdin", "");
        if (options->password_command && options->token_command)
                return bad("--password-command or --token-command, not both", "");
        if (!options->host && (options->port > 0 || options->has_tls))
                return bad("--port and --tls go with --host", "");
        return options->config_path ? 0 : default_config(&options->config_path);
}

int setup_options_parse(int argc, char **argv, SetupOptions *options) {
        static const struct option known[] = {
                {"address",          required_argument, NULL, OPTION_ADDRESS         },
                {"ca-file",          required_argument, NULL, OPTION_CA_FILE         },
                {"config",           required_argument, NULL, OPTION_CONFIG          },
                {"host",             required_argument, NULL, OPTION_HOST            },
                {"json",             no_argument,       NULL, OPTION_JSON            },
                {"maildir",          required_argument, NULL, OPTION_MAILDIR         },
                {"name",             required_argument, NULL, OPTION_NAME            },
                {"no-enable",        no_argument,       NULL, OPTION_NO_ENABLE       },
                {"password-command", required_argument, NULL, OPTION_PASSWORD_COMMAND},
                {"password-stdin",   no_argument,       NULL, OPTION_PASSWORD_STDIN  },
                {"port",             required_argument, NULL, OPTION_PORT            },
                {"proxy",            required_argument, NULL, OPTION_PROXY           },
                {"secret",           required_argument, NULL, OPTION_SECRET          },
                {"tls",              required_argument, NULL, OPTION_TLS             },
                {"tls-pin",          required_argument, NULL, OPTION_TLS_PIN         },
                {"token-command",    required_argument, NULL, OPTION_TOKEN_COMMAND   },
                {"user",             required_argument, NULL, OPTION_USER            },
                {"yes",              no_argument,       NULL, OPTION_YES             },
                {"help",             no_argument,       NULL, 'h'                    },
                {NULL,               0,                 NULL, 0                      },
        };
        static char name[] = "imapsyncctl setup";
        int c, r = 0;

        argv[0] = name; /* begins the sentences of getopt */
        optind = 0;     /* the GNU way to begin again */
        while (r == 0 && (c = getopt_long(argc, argv, "h", known, NULL)) >= 0)
                r = set(options, c, optarg);
        if (r == 0)
                r = check(options, argc - optind, argv + optind);
        if (r == -ENOMEM)
                complain("%s", strerror(ENOMEM));
        return r;
}
