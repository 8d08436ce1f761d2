/* The configuration: what a file means, and every mistake with its line. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/macro.h"
#include "config/config-keys.h"
#include "test.h"

/* A sound account, 5 lines without and 6 with its local side. */
#define SERVER(name)                                                                               \
        "[account " name "]\nhost = imap.example.org\nuser = me\npassword-command = p\n"
#define ACCOUNT(name) SERVER(name) "maildir = /nowhere/" name "\n"

static int parse(const char *text, mode_t mode, Config **ret_config, char **reterr) {
        return config_parse(bytes_of(text), "/etc/t.conf", mode, "/home/me", ret_config, reterr);
}

static void dump_list(Buffer *out, const char *name, char *const *list) {
        for (; list && *list; list++)
                assert(buffer_append_format(out, " %s=<%s>", name, *list) == 0);
}

static void dump_string(Buffer *out, const char *name, const char *value) {
        if (value)
                assert(buffer_append_format(out, " %s=<%s>", name, value) == 0);
}

static void dump_endpoint(Buffer *out, const char *side, const Endpoint *endpoint) {
        if (!endpoint->host && !endpoint->tunnel)
                return;

        assert(buffer_append_format(out, " %s:", side) == 0);
        dump_string(out, "tunnel", endpoint->tunnel);
        if (endpoint->host)
                assert(buffer_append_format(out, " %s:%u/%d%s", endpoint->host, endpoint->port,
                                            (int) endpoint->tls,
                                            endpoint->allow_cleartext ? " cleartext" : "") == 0);
        dump_string(out, "ca", endpoint->ca_file);
        dump_list(out, "pin", endpoint->tls_pins);
        dump_string(out, "certificate", endpoint->tls_certificate);
        dump_string(out, "key", endpoint->tls_key);
        dump_string(out, "user", endpoint->user);
        if (endpoint->auth != IMAP_AUTH_AUTOMATIC)
                assert(buffer_append_format(out, " auth=%d", (int) endpoint->auth) == 0);
        dump_string(out, "password", endpoint->secret.password);
        dump_string(out, "command", endpoint->secret.command);
        dump_string(out, "token", endpoint->secret.token_command);
        dump_string(out, "file", endpoint->secret.file);
        dump_string(out, "credential", endpoint->secret.credential);
        dump_string(out, "reference", endpoint->list_reference);
        if (endpoint->overrides.disabled)
                assert(buffer_append_format(out, " disabled=%#" PRIx64,
                                            endpoint->overrides.disabled) == 0);
        if (endpoint->overrides.n_commands)
                assert(buffer_append_format(out, " depth=%u", endpoint->overrides.n_commands) == 0);
        if (endpoint->overrides.on || endpoint->overrides.off)
                assert(buffer_append_format(out, " quirks=%#x/%#x", endpoint->overrides.on,
                                            endpoint->overrides.off) == 0);
}

static void dump_policies(Buffer *out, const Config *config) {
        for (PolicyRow row = 0; row < _POLICY_MAX; row++) {
                const Policy *policy = &config->policies[row], *usual = &policy_defaults[row];

                if (config_keys_equal(CONFIG_SCOPE_POLICY, policy, usual) ||
                    (row == POLICY_AC && policy->poll_interval_usec == config->poll_interval_usec &&
                     policy->idle == usual->idle && policy->max_body == usual->max_body))
                        continue;
                assert(buffer_append_format(
                               out, "%s: %" PRIu64 " s idle=%d%s%s %" PRIu64 " B %" PRIu64 " s\n",
                               policy_row_name(row), policy->poll_interval_usec / 1000000,
                               (int) policy->idle, policy->all_mailboxes ? "" : " INBOX",
                               policy->scan_flags ? "" : " unscanned", policy->max_body,
                               policy->upload_delay_usec / 1000000) == 0);
        }
}

/* Everything that is not at its default, in one line an account. */
static char *dump(const Config *config) {
        Buffer out = BUFFER_NULL;

        if (config->poll_interval_usec != 30000000)
                assert(buffer_append_format(&out, "poll %" PRIu64 " s\n",
                                            config->poll_interval_usec / 1000000) == 0);
        if (config->flag_scan_usec != (uint64_t) 86400 * 1000000)
                assert(buffer_append_format(&out, "flag scan %" PRIu64 " s\n",
                                            config->flag_scan_usec / 1000000) == 0);

        dump_policies(&out, config);

        for (size_t i = 0; i < config->n_accounts; i++) {
                const AccountConfig *account = &config->accounts[i];

                assert(buffer_append_format(&out, "%s@%u", account->name, account->line) == 0);
                if (account->connections != 3 || account->timeout_usec != 60000000)
                        assert(buffer_append_format(&out, " %u connections %" PRIu64 " s",
                                                    account->connections,
                                                    account->timeout_usec / 1000000) == 0);
                if (account->brake_percent != 25 || account->brake_count != 20)
                        assert(buffer_append_format(&out, " brake %u%% %u", account->brake_percent,
                                                    account->brake_count) == 0);
                dump_endpoint(&out, "remote", &account->remote);
                dump_endpoint(&out, "local", &account->local);
                dump_string(&out, account->layout == MAILDIR_LAYOUT_FS ? "fs" : "maildir++",
                            account->maildir);
                dump_list(&out, "mailbox", account->mailboxes);
                assert(buffer_append_string(&out, "\n") == 0);
        }

        return buffer_steal_string(&out);
}

static void test_values(void) {
        /* clang-format off */
        static const struct {
                const char *label;
                const char *text;
                const char *values;
        } rows[] = {
                {"the example of the manual",
                 "[daemon]\n"
                 "poll-interval = 45s            # used where the server offers no NOTIFY; on battery\n"
                 "flag-scan = 12h\n"
                 "\n"
                 "[account work]\n"
                 "host = imap.example.org\n"
                 "port = 993                     # default follows tls\n"
                 "tls = implicit                 # implicit | starttls | none (none: refused for a)\n"
                 "user = me@example.org\n"
                 "password-command = secret-tool lookup imap work    # or credential = NAME (systemd)\n"
                 "maildir = ~/Mail/work          # the local side: a Maildir tree\n"
                 "maildir-layout = fs            # fs: mailbox a/b is the Maildir PATH/a/b | maildir++\n"
                 "mailboxes =                    # one pattern a line, * and %, ! excludes; default *\n"
                 "    *\n"
                 "    !Junk\n",
                 "poll 45 s\n"
                 "flag scan 43200 s\n"
                 "work@5 remote: imap.example.org:993/0 user=<me@example.org> "
                 "command=<secret-tool lookup imap work> fs=</home/me/Mail/work> mailbox=<*> "
                 "mailbox=<!Junk>\n"},
                {"what is said against a server",
                 ACCOUNT("a") "disable-extensions = CONDSTORE idle\n    QRESYNC\npipeline-depth = 4\n"
                 "quirks = wants-id, !notify-goes-quiet\n    !one-at-a-time one-at-a-time\n",
                 "a@1 remote: imap.example.org:993/0 user=<me> command=<p> disabled=0x98000 depth=4 "
                 "quirks=0x6/0x1 fs=</nowhere/a>\n"},
                {"two servers",
                 "[local b]\ntunnel = /usr/lib/dovecot/imap # a command\n"
                 "list-reference = Größe/\n" SERVER("b"),
                 "b@4 remote: imap.example.org:993/0 user=<me> command=<p> local: "
                 "tunnel=</usr/lib/dovecot/imap> reference=<Größe/>\n"},
                {"a token",
                 "[account a]\nhost = h\nuser = u\ntoken-command = t\nauth = xoauth2\nmaildir = /m\n",
                 "a@1 remote: h:993/0 user=<u> auth=10 token=<t> fs=</m>\n"},
                {"a certificate alone",
                 "[account a]\nhost = h\nuser = u\ntls-certificate = /dev/null\nmaildir = /m\n",
                 "a@1 remote: h:993/0 certificate=</dev/null> user=<u> fs=</m>\n"},
                {"TLS through a tunnel",
                 "[account a]\ntunnel = nc p 1\nhost = h\ntls = implicit\nca-file = /dev/null\nuser = me\n"
                 "credential = imap.a\nmaildir = /m\n",
                 "a@1 remote: tunnel=<nc p 1> h:993/0 ca=</dev/null> user=<me> credential=<imap.a> "
                 "fs=</m>\n"},
                {"policies",
                 "[daemon]\npoll-interval = 10s\n[policy battery]\nidle = no\nall-mailboxes = no\n"
                 "[policy metered]\npoll-interval = 1h\nmax-body = 200k\nscan-flags = yes\n"
                 "upload-delay = 2min\n" ACCOUNT("a"),
                 "poll 10 s\nbattery: 300 s idle=0 INBOX 0 B 30 s\n"
                 "metered: 3600 s idle=1 204800 B 120 s\n"
                 "a@11 remote: imap.example.org:993/0 user=<me> command=<p> fs=</nowhere/a>\n"},
                {"the interval of the mains",
                 "[daemon]\npoll-interval = 10s\n[policy ac]\npoll-interval = 20s\n" ACCOUNT("a"),
                 "poll 20 s\na@5 remote: imap.example.org:993/0 user=<me> command=<p> "
                 "fs=</nowhere/a>\n"},
                {"IPv6 in brackets",
                 "[account a]\nhost = [::1]\ntls = none\nuser = me\ncredential = c\nmaildir = /m\n",
                 "a@1 remote: ::1:143/2 user=<me> credential=<c> fs=</m>\n"},
                {"login through a tunnel",
                 "[account a]\ntunnel = nc x 143\nuser = me\ncredential = imap.a\nmaildir = /m\n",
                 "a@1 remote: tunnel=<nc x 143> user=<me> credential=<imap.a> fs=</m>\n"},
                {"ports follow tls",
                 ACCOUNT("a") "tls = starttls\n[account b]\ntls = none\nhost = ::1\nuser = u\n"
                              "password = x\nmaildir = /nowhere/b\n",
                 "a@1 remote: imap.example.org:143/1 user=<me> command=<p> fs=</nowhere/a>\n"
                 "b@7 remote: ::1:143/2 user=<u> password=<x> fs=</nowhere/b>\n"},
                {"cleartext on purpose",
                 ACCOUNT("a") "tls = none\nallow-cleartext = yes\nport = 1143\n",
                 "a@1 remote: imap.example.org:1143/2 cleartext user=<me> command=<p> "
                 "fs=</nowhere/a>\n"},
                {"numbers",
                 ACCOUNT("a") "connections = 20\nbrake = 5%\nbrake-count = 0\ntimeout = 2min\n",
                 "a@1 20 connections 120 s brake 5% 0 remote: imap.example.org:993/0 user=<me> "
                 "command=<p> fs=</nowhere/a>\n"},
                {"paths",
                 SERVER("a") "maildir = Mail//x/./y/\n" SERVER("b") "maildir = ~\n",
                 "a@1 remote: imap.example.org:993/0 user=<me> command=<p> fs=</etc/Mail/x/y>\n"
                 "b@6 remote: imap.example.org:993/0 user=<me> command=<p> fs=</home/me>\n"},
                {"comments and quotes",
                 "# first\n; second\n[account a] # third\nhost = h ; fourth\nuser = a#b\n"
                 "password = \"p \\\"#;\\\\ \"   # fifth\nmaildir = /m\n  # sixth\n",
                 "a@3 remote: h:993/0 user=<a#b> password=<p \"#;\\ > fs=</m>\n"},
                {"CRLF, a byte order mark, no last line end",
                 "\xEF\xBB\xBF[account a]\r\nhost = h\r\nuser : u\r\npassword = p\r\nmaildir = /m",
                 "a@1 remote: h:993/0 user=<u> password=<p> fs=</m>\n"},
                {"patterns",
                 ACCOUNT("a") "mailboxes = INBOX\n\n    [Gmail]/*   ; all\n"
                              "# in between\n\t![Gmail]/Spam\n    \"#shared/*\"\n    K\xC3\xB6ln\n",
                 "a@1 remote: imap.example.org:993/0 user=<me> command=<p> fs=</nowhere/a> "
                 "mailbox=<INBOX> mailbox=<[Gmail]/*> mailbox=<![Gmail]/Spam> mailbox=<#shared/*> "
                 "mailbox=<K\xC3\xB6ln>\n"},
                {"maildir++", ACCOUNT("a") "maildir-layout = maildir++\n",
                 "a@1 remote: imap.example.org:993/0 user=<me> command=<p> "
                 "maildir++=</nowhere/a>\n"},
                {"pins",
                 ACCOUNT("a") "tls-pin = sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
                              "  sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
                 "a@1 remote: imap.example.org:993/0 "
                 "pin=<sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=> "
                 "pin=<sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=> user=<me> command=<p> "
                 "fs=</nowhere/a>\n"},
        };
        /* clang-format on */

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_free_ char *errors = NULL, *values = NULL;
                int r = parse(rows[i].text, 0600, &config, &errors);

                if (r < 0)
                        fprintf(stderr, "%s", errors ? errors : "no text\n");
                TEST_ROW(rows[i].label, r == 0 && !errors);
                values = dump(config);
                if (strcmp(values, rows[i].values) != 0)
                        fprintf(stderr, "%s", values);
                TEST_ROW(rows[i].label, strcmp(values, rows[i].values) == 0);
        }
}

/* Each row gives the errors without "/etc/t.conf:" in front, which every one must have. */
typedef struct ErrorRow {
        const char *label;
        const char *text;
        const char *errors;
} ErrorRow;

static void check_errors(const ErrorRow *rows, size_t n_rows, mode_t mode) {
        for (size_t i = 0; i < n_rows; i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_free_ char *errors = NULL;
                _cleanup_(buffer_done) Buffer expected = BUFFER_NULL;
                ByteView rest = bytes_of(rows[i].errors);
                int r = parse(rows[i].text, mode, &config, &errors);

                while (rest.size > 0) {
                        const char *end = memchr(rest.data, '\n', rest.size);

                        assert(buffer_append_string(&expected, "/etc/t.conf:") == 0);
                        assert(buffer_append(&expected, rest.data,
                                             (size_t) (end + 1 - rest.data)) == 0);
                        rest = bytes_of(end + 1);
                }

                TEST_ROW(rows[i].label, r == -EINVAL && !config);
                if (!bytes_equal(bytes_of(errors), buffer_view(&expected)))
                        fprintf(stderr, "%s", errors);
                TEST_ROW(rows[i].label, bytes_equal(bytes_of(errors), buffer_view(&expected)));
        }
}

static void test_sections(void) {
        /* clang-format off */
        static const ErrorRow rows[] = {
                {"nothing at all", "", " there is no account: expected a section [account NAME]\n"},
                {"only the daemon", "[daemon]\n",
                 " there is no account: expected a section [account NAME]\n"},
                {"misspelt", "[acount a]\nhost = x\n",
                 "1: “acount” is not a section: expected [daemon], [account NAME], [local NAME] or [policy "
                 "NAME]; did you mean “account”?\n"},
                {"unknown", "[general]\n",
                 "1: “general” is not a section: expected [daemon], [account NAME], [local NAME] or "
                 "[policy NAME]\n"},
                {"no name", "[account]\n",
                 "1: “” is not the name of an account: expected [account NAME] with at most 64 "
                 "letters, digits, “-”, “_”, “.” (not first)\n"},
                {"name that would leave the state directory", "[account ../a]\n",
                 "1: “../a” is not the name of an account: expected [account NAME] with at most 64 "
                 "letters, digits, “-”, “_”, “.” (not first)\n"},
                {"daemon with a name", "[daemon x]\n",
                 "1: the section [daemon] has no name behind it\n"},
                {"twice, the second without keys", ACCOUNT("a") "[account a]\n",
                 "6: the section [account a] stands already in line 1\n"},
                {"daemon twice", "[daemon]\n[daemon]\n" ACCOUNT("a"),
                 "2: the section [daemon] stands already in line 1\n"},
                {"head without end", "[account a\n" ACCOUNT("b"),
                 "1: the head of a section ends with “]”, and nothing stands behind it\n"},
                {"head with more", "[account a] host = x\n" ACCOUNT("b"),
                 "1: the head of a section ends with “]”, and nothing stands behind it\n"},
                {"policy without a name", "[policy]\n" ACCOUNT("a"),
                 "1: “” is not a policy: expected [policy ac], [policy battery], [policy low] or "
                 "[policy metered]\n"},
                {"policy of another name", "[policy train]\n" ACCOUNT("a"),
                 "1: “train” is not a policy: expected [policy ac], [policy battery], [policy low] "
                 "or [policy metered]\n"},
                {"policy twice", "[policy low]\n[policy ac]\n[policy low]\n" ACCOUNT("a"),
                 "3: the section [policy low] stands already in line 1\n"},
                {"local alone", ACCOUNT("a") "[local b]\ntunnel = x\n",
                 "6: [local b]: there is no section [account b]\n"},
                {"two local sides", ACCOUNT("a") "[local a]\ntunnel = x\n",
                 "6: [local a]: the account has a “maildir” in line 5; one of them is enough\n"},
                {"no local side", SERVER("a"),
                 "1: there is no local side: expected the key “maildir” or a section [local a]\n"},
                {"empty local side", SERVER("a") "[local a]\n",
                 "5: there is no server: expected the key “host” or “tunnel”\n"},
                {"no server", "[account a]\nmaildir = /m\n",
                 "1: there is no server: expected the key “host” or “tunnel”\n"},
                {"both sides the same",
                 SERVER("a") "[local a]\nhost = IMAP.example.org\nport = 993\nuser = me\n"
                             "password-command = p\n",
                 "5: [local a]: both sides of the account are the same server and user\n"},
                {"both sides the same tunnel", "[account a]\ntunnel = x\n[local a]\ntunnel = x\n",
                 "3: [local a]: both sides of the account are the same server and user\n"},
                {"notify without Maildir",
                 SERVER("a") "notify = yes\n[local a]\ntunnel = x\n",
                 "5: notify: means nothing without a “maildir”\n"},
                {"hook-mailboxes without a pattern", ACCOUNT("a") "hook-mailboxes =\n",
                 "6: hook-mailboxes: a pattern is expected, here or in the indented lines below\n"},
                {"layout without Maildir",
                 SERVER("a") "maildir-layout = fs\n[local a]\ntunnel = x\n",
                 "5: maildir-layout: means nothing without a “maildir”\n"},
        };
        /* clang-format on */

        check_errors(rows, ARRAY_SIZE(rows), 0600);
}

static void test_keys(void) {
        /* clang-format off */
        static const ErrorRow rows[] = {
                {"before all sections", "host = x\n" ACCOUNT("a"),
                 "1: “host” stands before the first section\n"},
                {"misspelt", ACCOUNT("a") "pasword-command = x\n",
                 "6: “pasword-command” is not a key of this section; did you mean "
                 "“password-command”?\n"},
                {"wrong case", ACCOUNT("a") "Mailboxes = *\n",
                 "6: “Mailboxes” is not a key of this section; did you mean “mailboxes”?\n"},
                {"unknown", ACCOUNT("a") "colour = blue\n",
                 "6: “colour” is not a key of this section; imapsyncd.conf(5) lists them\n"},
                {"of the daemon", ACCOUNT("a") "poll-interval = 30s\n",
                 "6: “poll-interval” belongs into a section [daemon]\n"},
                {"of the daemon, in a policy", "[policy low]\nflag-scan = 1d\n" ACCOUNT("a"),
                 "2: “flag-scan” belongs into a section [daemon]\n"},
                {"of a policy", "[daemon]\nmax-body = 1M\n" ACCOUNT("a"),
                 "2: “max-body” belongs into a section [policy NAME]\n"},
                {"not a size", "[policy low]\nmax-body = 1 MB\n" ACCOUNT("a"),
                 "2: max-body: “1 MB” is not a size: expected bytes, written like 500k or 2M\n"},
                {"not a word", "[policy low]\nidle = never\n" ACCOUNT("a"),
                 "2: idle: “never” is not known: expected no, quiet or yes\n"},
                {"of an account", "[daemon]\nconnections = 2\n" ACCOUNT("a"),
                 "2: “connections” belongs into a section [account NAME]\n"},
                {"of a server", "[daemon]\nhost = x\n" ACCOUNT("a"),
                 "2: “host” belongs into a section [account NAME] or [local NAME]\n"},
                {"twice", ACCOUNT("a") "host = other\n", "6: “host” stands already in line 2\n"},
                {"no value", ACCOUNT("a") "port =   # what?\n", "6: port: a value is expected\n"},
                {"no equals sign", ACCOUNT("a") "allow-cleartext\n",
                 "6: neither a section nor a key: expected KEY = VALUE\n"},
                {"no key", ACCOUNT("a") "= x\n",
                 "6: neither a section nor a key: expected KEY = VALUE\n"},
                {"indented keys", "[account a]\n  host = h\n  user = u\n  maildir = /m\n",
                 "3: the line is indented, so it continues “host” of line 2, which takes one value; "
                 "begin keys at the left margin\n"
                 "1: the key “user” is missing\n"
                 "1: there is no password: expected one of password-command, credential, "
                 "password-file, password and token-command\n"
                 "1: there is no local side: expected the key “maildir” or a section [local a]\n"},
                {"what is below a refused line goes with it",
                 ACCOUNT("a") "mailboxen\n  *\nmailboxs =\n  *\n  !x\n",
                 "6: neither a section nor a key: expected KEY = VALUE\n"
                 "8: “mailboxs” is not a key of this section; did you mean “mailboxes”?\n"},
                {"control character", ACCOUNT("a") "port = 9\x1b[1m\n",
                 "6: the line holds a control character\n"},
                {"Latin-1", ACCOUNT("a") "mailboxes = K\xF6ln\n", "6: the line is not UTF-8\n"},
                {"quote without end",
                 "[account a]\nhost = h\nuser = u\nmaildir = /m\npassword = \"hush #1\n",
                 "5: password: a value that begins with a double quote must end with one; inside, "
                 "write \\\" for a quote and \\\\ for a backslash\n"},
                {"no such word", ACCOUNT("a") "delete-mailboxes = maybe\n",
                 "6: delete-mailboxes: “maybe” is not known: expected ask, yes or never\n"},
                {"several mistakes, all of them",
                 ACCOUNT("a") "port = 0\n\n# comment\nbrake = 200%\n",
                 "6: port: “0” is not a port: expected a number from 1 to 65535\n"
                 "9: brake: “200%” is not a share: expected 0% to 100%\n"},
        };
        /* clang-format on */

        check_errors(rows, ARRAY_SIZE(rows), 0600);
}

static void test_bad_values(void) {
        /* clang-format off */
        static const ErrorRow rows[] = {
                {"port", ACCOUNT("a") "port = imaps\n",
                 "6: port: “imaps” is not a port: expected a number from 1 to 65535\n"},
                {"connections", ACCOUNT("a") "connections = 21\n",
                 "6: connections: “21” is not a fitting number: expected a number from 1 to 20\n"},
                {"time", "[daemon]\npoll-interval = 0\n" ACCOUNT("a"),
                 "2: poll-interval: “0” is not a fitting time: expected 1s to 1d, written like 90s, "
                 "5min or 1h\n"},
                {"time without sense", ACCOUNT("a") "timeout = soon\n",
                 "6: timeout: “soon” is not a fitting time: expected 5s to 1h, written like 90s, 5min "
                 "or 1h\n"},
                {"extension", ACCOUNT("a") "disable-extensions = IDLE\n    QRESYNC, XYZZY MOVE\n",
                 "7: disable-extensions: “XYZZY” is not an extension that is made use of: expected a "
                 "name as the server says it, such as COMPRESS=DEFLATE\n"},
                {"an extension that is needed", ACCOUNT("a") "disable-extensions = STARTTLS\n",
                 "6: disable-extensions: “STARTTLS” is not one that can be done without\n"},
                {"a reference with a wildcard", ACCOUNT("a") "list-reference = perso/*\n",
                 "6: list-reference: “perso/*” is not a reference: expected how the names of mailboxes "
                 "begin on the server, in UTF-8 and without “*” and “%”\n"},
                {"pipeline depth", ACCOUNT("a") "pipeline-depth = 0\n",
                 "6: pipeline-depth: “0” is not a fitting number: expected a number from 1 to 1000\n"},
                {"bandwidth", ACCOUNT("a") "bandwidth = 9kB/s\n",
                 "6: bandwidth: “9kB/s” is not a fitting rate: expected 10kB/s to 10GB/s, written like "
                 "500kB/s or 2MB/s, or 0 for no limit\n"},
                {"quirk", ACCOUNT("a") "quirks = wants-id !slow\n",
                 "6: quirks: “slow” is not known: expected notify-goes-quiet, one-at-a-time, wants-id, "
                 "late-capabilities, broken-qresync, broken-esearch, broken-move, broken-uidplus, "
                 "append-loses-flags, no-mdnsent, wrong-size, placeholder-bodies, "
                 "uidvalidity-by-select, lists-locks, login-alone, mailboxid-by-select, "
                 "rename-renumbers\n"},
                {"tls", ACCOUNT("a") "tls = ssl\n",
                 "6: tls: “ssl” is not known: expected implicit, starttls or none\n"},
                {"layout", ACCOUNT("a") "maildir-layout = mbox\n",
                 "6: maildir-layout: “mbox” is not known: expected fs or maildir++\n"},
                {"deleted-messages", ACCOUNT("a") "deleted-messages = keep\n",
                 "6: deleted-messages: “keep” is not known: expected auto, expunge or trash\n"},
                {"bool", ACCOUNT("a") "allow-cleartext = maybe\n",
                 "6: allow-cleartext: “maybe” is not a choice: expected yes or no\n"},
                {"pin", ACCOUNT("a") "tls-pin = sha1:00\n",
                 "6: tls-pin: “sha1:00” is not a pin: expected sha256: and the digest of the server's "
                 "public key in hexadecimal (64 digits) or base64 (44 characters)\n"
                 "6: tls-pin: a value is expected\n"},
                {"somebody's home", SERVER("a") "maildir = ~you/Mail\n",
                 "5: maildir: “~you/Mail” is not understood: of paths with a tilde only ~/... is\n"},
                {"empty list", ACCOUNT("a") "mailboxes =\n",
                 "6: mailboxes: a pattern is expected, here or in the indented lines below\n"},
                {"nothing excluded", ACCOUNT("a") "mailboxes = *\n  !\n",
                 "7: mailboxes: “!” is not a pattern: behind “!” stands what is excluded\n"},
                {"credential with a path",
                 "[account a]\nhost = h\nuser = u\nmaildir = /m\ncredential = ../x\n",
                 "5: credential: “../x” is not the name of a credential: expected letters, "
                 "digits, “-”, “_”, “.”\n"},
        };
        /* clang-format on */

        check_errors(rows, ARRAY_SIZE(rows), 0600);
}

static void test_servers(void) {
        /* clang-format off */
        static const ErrorRow rows[] = {
                {"cleartext", ACCOUNT("a") "tls = none\n",
                 "6: tls: “none” would send the password and all mail to “imap.example.org” for "
                 "anyone to read; use implicit or starttls, or say “allow-cleartext = yes”\n"},
                {"cleartext to what looks like loopback",
                 "[account a]\nhost = 127.0.0.1.org\nuser = u\npassword = p\nmaildir = /m\ntls = none\n",
                 "6: tls: “none” would send the password and all mail to “127.0.0.1.org” for "
                 "anyone to read; use implicit or starttls, or say “allow-cleartext = yes”\n"},
                {"trust without TLS",
                 ACCOUNT("a") "tls = none\nallow-cleartext = yes\nca-file = /dev/null\n",
                 "8: ca-file: nothing is checked with “tls = none”\n"},
                {"no such CA", ACCOUNT("a") "ca-file = /nowhere/ca.pem\n",
                 "6: ca-file: “/nowhere/ca.pem” cannot be read: No such file or directory\n"},
                {"host and tunnel", ACCOUNT("a") "tunnel = x\n",
                 "2: host: there is a “tunnel” already; one of them is enough, unless “tls = "
                 "implicit” goes through it\n"},
                {"TLS through a tunnel, to whom?",
                 "[account a]\ntunnel = x\ntls = implicit\nport = 993\nmaildir = /m\n",
                 "4: port: means nothing with a “tunnel”\n3: tls: through a “tunnel” it needs the "
                 "key “host”, to know whose certificate it must be\n"},
                {"another TLS through a tunnel",
                 "[account a]\ntunnel = x\ntls = starttls\nca-file = /dev/null\nmaildir = /m\n",
                 "3: tls: a “tunnel” is plain, or takes “implicit”\n"
                 "4: ca-file: means nothing with a “tunnel”\n"},
                {"host and port in one",
                 "[account a]\nhost = h:993\nuser = u\npassword = p\nmaildir = /m\n",
                 "2: host: “h:993” is not a name or an address (a port has a key of its own)\n"},
                {"no user", "[account a]\nhost = h\npassword-command = p\nmaildir = /m\n",
                 "1: the key “user” is missing\n"},
                {"no password", "[account a]\nhost = h\nuser = u\nmaildir = /m\n",
                 "1: there is no password: expected one of password-command, credential, "
                 "password-file, password and token-command\n"},
                {"user without password in a tunnel",
                 "[account a]\ntunnel = x\nuser = u\nmaildir = /m\n",
                 "1: there is no password: expected one of password-command, credential, "
                 "password-file, password and token-command\n"},
                {"password without user in a tunnel",
                 "[account a]\ntunnel = x\npassword-command = u\nmaildir = /m\n",
                 "1: the key “user” is missing\n"},
                {"auth that is none", ACCOUNT("a") "auth = scram\n",
                 "6: auth: “scram” is not known: expected automatic, scram-sha-256-plus, "
                 "scram-sha-1-plus, scram-sha-256, scram-sha-1, cram-md5, plain, login, external, "
                 "oauthbearer or xoauth2\n"},
                {"auth without a token", ACCOUNT("a") "auth = xoauth2\n",
                 "6: auth: this needs a “token-command”\n"},
                {"auth without a certificate", ACCOUNT("a") "auth = external\n",
                 "6: auth: this needs a “tls-certificate”\n"},
                {"auth without a password",
                 "[account a]\nhost = h\nuser = u\ntoken-command = t\nmaildir = /m\nauth = plain\n",
                 "6: auth: this needs a password\n"},
                {"channel binding without a channel",
                 "[account a]\nhost = localhost\nuser = u\npassword = t\nmaildir = /m\ntls = none\n"
                 "auth = scram-sha-256-plus\n",
                 "7: auth: this needs TLS\n"},
                {"a key without a certificate", ACCOUNT("a") "tls-key = /dev/null\n",
                 "6: tls-key: means nothing without a “tls-certificate”\n"},
                {"no such certificate", ACCOUNT("a") "tls-certificate = /nowhere/me.pem\n",
                 "6: tls-certificate: “/nowhere/me.pem” cannot be read: No such file or directory\n"},
                {"a certificate without TLS",
                 "[account a]\nhost = localhost\nuser = u\nmaildir = /m\ntls = none\n"
                 "tls-certificate = /dev/null\n",
                 "6: tls-certificate: means nothing with “tls = none”\n"},
                {"a certificate in a tunnel",
                 "[account a]\ntunnel = t\nmaildir = /m\ntls-certificate = /dev/null\n",
                 "4: tls-certificate: means nothing with a “tunnel”\n"},
                {"a password and a token", ACCOUNT("a") "token-command = x\n",
                 "4: password-command: there is a “token-command” already; one of them is enough\n"},
                {"two passwords", ACCOUNT("a") "password = x\n",
                 "4: password-command: there is a “password” already; one of them is enough\n"},
        };
        /* clang-format on */

        check_errors(rows, ARRAY_SIZE(rows), 0600);
}

static void test_overlap(void) {
        /* clang-format off */
        static const ErrorRow rows[] = {
                {"the same", SERVER("a") "maildir = /m/x\n" SERVER("b") "maildir = /m//./x/\n",
                 "10: maildir: “/m/x” is also that of account “a” in line 5; each account needs a "
                 "tree of its own\n"},
                {"inside", SERVER("a") "maildir = /m/x\n" SERVER("b") "maildir = /m/x/y\n",
                 "10: maildir: “/m/x/y” lies inside that of account “a” in line 5; each account "
                 "needs a tree of its own\n"},
                {"around", SERVER("a") "maildir = /m/x\n" SERVER("b") "maildir = /m\n",
                 "10: maildir: “/m” contains that of account “a” in line 5; each account needs a "
                 "tree of its own\n"},
                {"all there is", SERVER("a") "maildir = /m\n" SERVER("b") "maildir = /\n",
                 "10: maildir: “/” contains that of account “a” in line 5; each account needs a tree "
                 "of its own\n"},
                {"by a symbolic link",
                 SERVER("a") "maildir = /proc/self/root/m\n" SERVER("b") "maildir = /m\n",
                 "10: maildir: “/m” is also that of account “a” in line 5; each account needs a tree "
                 "of its own\n"},
        };
        /* clang-format on */
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *errors = NULL;

        check_errors(rows, ARRAY_SIZE(rows), 0600);

        /* Neighbours whose names begin alike do not overlap. */
        assert(parse(SERVER("a") "maildir = /m/x\n" SERVER("b") "maildir = /m/xy\n", 0600, &config,
                     &errors) == 0);
}

#define PASSWORD_ACCOUNT "[account a]\nhost = h\nuser = u\nmaildir = /m\npassword = hush\n"

static void test_modes(void) {
        /* clang-format off */
        static const ErrorRow shared[] = {
                {"a password for others to read", PASSWORD_ACCOUNT,
                 "5: password: others can read this file; run “chmod 600 /etc/t.conf”, or use "
                 "password-command\n"},
        };
        /* clang-format on */
        /* clang-format off */
        static const ErrorRow writable[] = {
                {"commands by others", ACCOUNT("a"),
                 " everybody can write to this file, and it says which commands to run; run “chmod "
                 "600 /etc/t.conf”\n"},
        };
        /* clang-format on */
        /* clang-format off */
        static const struct {
                const char *label;
                const char *text;
                mode_t mode;
                int result;
        } rows[] = {
                {"password, the user alone",  PASSWORD_ACCOUNT, 0600, 0      },
                {"password, the group reads", PASSWORD_ACCOUNT, 0640, -EINVAL},
                {"password, others read",     PASSWORD_ACCOUNT, 0604, -EINVAL},
                {"no password, all read",     ACCOUNT("a"),     0644, 0      },
                {"no password, all write",    ACCOUNT("a"),     0646, -EINVAL},
        };
        /* clang-format on */

        check_errors(shared, ARRAY_SIZE(shared), S_IFREG | 0644);
        check_errors(writable, ARRAY_SIZE(writable), S_IFREG | 0602);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_free_ char *errors = NULL;

                TEST_ROW(rows[i].label,
                         parse(rows[i].text, rows[i].mode, &config, &errors) == rows[i].result);
        }
}

/* What a hostile or damaged file can grow has a limit, and is refused in the right line. */
static void test_limits(void) {
        /* clang-format off */
        static const struct {
                const char *label;
                const char *head, *repeated;
                size_t n;
                const char *tail;
                const char *error; /* the first, or NULL */
        } rows[] = {
                {"a long line", ACCOUNT("a") "\nmailboxes = ", "x", 4000, "\n", NULL},
                {"a line too long", ACCOUNT("a") "\nmailboxes = ", "x", 5000, "\nport = 1\n",
                 "/etc/t.conf:7: the line is too long; what is long belongs into a script\n"},
                {"a long comment", ACCOUNT("a") "#", "x", 100000, "\nport = 1\n", NULL},
                {"a name longer than inih keeps", "[account ", "n", 64,
                 "]\nhost = h\nuser = u\npassword = p\nmaildir = /m\n", NULL},
                {"many sections", "", "[x]\n", 20000, "",
                 "/etc/t.conf:1: “x” is not a section: expected [daemon], [account NAME], [local "
                 "NAME] or [policy NAME]\n"},
                {"many patterns", ACCOUNT("a") "mailboxes =\n", " x\n", 1001, "",
                 "/etc/t.conf:1007: mailboxes: “x” is not taken: there are 1000 already\n"},
        };
        /* clang-format on */

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
                _cleanup_free_ char *errors = NULL;
                int r;

                assert(buffer_append_string(&text, rows[i].head) == 0);
                for (size_t k = 0; k < rows[i].n; k++)
                        assert(buffer_append_string(&text, rows[i].repeated) == 0);
                assert(buffer_append_string(&text, rows[i].tail) == 0);

                r = config_parse(buffer_view(&text), "/etc/t.conf", 0600, NULL, &config, &errors);
                if (rows[i].error) {
                        TEST_ROW(rows[i].label, r == -EINVAL);
                        TEST_ROW(rows[i].label,
                                 bytes_starts_fold(bytes_of(errors), bytes_of(rows[i].error)));
                        TEST_ROW(rows[i].label, strlen(errors) < 64 * 1024);
                } else
                        TEST_ROW(rows[i].label, r == 0);
        }
}

/* As many accounts as one process is to serve. */
static void test_many_accounts(void) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_free_ char *errors = NULL;

        for (unsigned i = 0; i < 1000; i++)
                assert(buffer_append_format(&text,
                                            "[account a%u]\nhost = h\nuser = u\npassword = p\n"
                                            "[local a%u]\ntunnel = imap\n",
                                            i, i) == 0);
        TEST_ROW(errors ? errors : "1000", config_parse(buffer_view(&text), "/etc/t.conf", 0600,
                                                        NULL, &config, &errors) == 0 &&
                                                   config->n_accounts == 1000);
}

/* A change of any key must be seen by reload; one in each row differs from the first row. */
static void test_equal(void) {
        /* clang-format off */
        static const struct {
                const char *label;
                const char *text;
                bool equal;
        } rows[] = {
                {"itself", ACCOUNT("a"), true},
                {"comments and lines", "\n# x\n" ACCOUNT("a"), true},
                {"a default written out", ACCOUNT("a") "connections = 3\n", true},
                {"name", SERVER("b") "maildir = /nowhere/a\n", false},
                {"maildir", SERVER("a") "maildir = /nowhere/b\n", false},
                {"layout", ACCOUNT("a") "maildir-layout = maildir++\n", false},
                {"mailboxes", ACCOUNT("a") "mailboxes = *\n", false},
                {"deleted-messages", ACCOUNT("a") "deleted-messages = trash\n", false},
                {"deleted-messages, the default", ACCOUNT("a") "deleted-messages = auto\n", true},
                {"only-subscribed", ACCOUNT("a") "only-subscribed = yes\n", false},
                {"connections", ACCOUNT("a") "connections = 4\n", false},
                {"brake", ACCOUNT("a") "brake = 26%\n", false},
                {"brake-count", ACCOUNT("a") "brake-count = 21\n", false},
                {"delete-mailboxes", ACCOUNT("a") "delete-mailboxes = yes\n", false},
                {"timeout", ACCOUNT("a") "timeout = 61s\n", false},
                {"on-change", ACCOUNT("a") "on-change = true\n", false},
                {"on-new", ACCOUNT("a") "on-new = true\n", false},
                {"hook-delay", ACCOUNT("a") "hook-delay = 3s\n", false},
                {"hook-delay, the default", ACCOUNT("a") "hook-delay = 2s\n", true},
                {"hook-timeout", ACCOUNT("a") "hook-timeout = 2min\n", false},
                {"hook-timeout, the default", ACCOUNT("a") "hook-timeout = 1min\n", true},
                {"hook-mailboxes", ACCOUNT("a") "hook-mailboxes = INBOX\n", false},
                {"hook-local", ACCOUNT("a") "hook-local = yes\n", false},
                {"notify", ACCOUNT("a") "notify = yes\n", false},
                {"notify-mailboxes", ACCOUNT("a") "notify-mailboxes = *\n", false},
                {"port", ACCOUNT("a") "port = 994\n", false},
                {"tls", ACCOUNT("a") "tls = starttls\nport = 993\n", false},
                {"proxy", ACCOUNT("a") "proxy = socks5://p:1\n", false},
                {"allow-cleartext", ACCOUNT("a") "allow-cleartext = yes\n", false},
                {"ca-file", ACCOUNT("a") "ca-file = /dev/null\n", false},
                {"host", "[account a]\nhost = h\nuser = me\npassword-command = p\n"
                         "maildir = /nowhere/a\n", false},
                {"password", "[account a]\nhost = imap.example.org\nuser = me\npassword = p\n"
                             "maildir = /nowhere/a\n", false},
                {"local", SERVER("a") "[local a]\ntunnel = x\n", false},
                {"disable-extensions", ACCOUNT("a") "disable-extensions = MOVE\n", false},
                {"pipeline-depth", ACCOUNT("a") "pipeline-depth = 1\n", false},
                {"bandwidth", ACCOUNT("a") "bandwidth = 1MB/s\n", false},
                {"list-reference", ACCOUNT("a") "list-reference = p/\n", false},
                {"quirks on", ACCOUNT("a") "quirks = wants-id\n", false},
                {"quirks off", ACCOUNT("a") "quirks = !wants-id\n", false},
        };
        /* clang-format on */
        _cleanup_(config_freep) Config *first = NULL;
        _cleanup_free_ char *first_errors = NULL;

        assert(parse(rows[0].text, 0600, &first, &first_errors) == 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_free_ char *errors = NULL;

                TEST_ROW(rows[i].label, parse(rows[i].text, 0600, &config, &errors) == 0);
                TEST_ROW(rows[i].label,
                         account_config_equal(&first->accounts[0], &config->accounts[0]) ==
                                 rows[i].equal);
                TEST_ROW(rows[i].label, account_config_equal(&config->accounts[0],
                                                             &first->accounts[0]) == rows[i].equal);
        }
}

static void test_wants(void) {
        static const struct {
                const char *label;
                const char *patterns; /* the lines below "mailboxes =" */
                const char *mailbox;
                bool wanted;
        } rows[] = {
                {"default",                     NULL,                   "a/b",              true },
                {"all",                         " *\n",                 "a/b",              true },
                {"one level",                   " %\n",                 "a",                true },
                {"not below it",                " %\n",                 "a/b",              false},
                {"only what is named",          " a\n",                 "b",                false},
                {"INBOX in any case",           " inbox\n",             "INBOX",            true },
                {"the last match, out",         " *\n !a\n",            "a",                false},
                {"the last match, back in",     " *\n !a/*\n a/b\n",    "a/b",              true },
                {"the last match, still out",   " *\n !a/*\n a/b\n",    "a/c",              false},
                {"excluding first means all",   " !Junk\n",             "INBOX",            true },
                {"excluding first, that one",   " !Junk\n",             "Junk",             false},
                {"excluding first, then again", " !a/*\n a/b\n",        "a/b",              true },
                {"brackets are letters",        " *\n ![Gmail]/All*\n", "[Gmail]/All Mail", false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_free_ char *errors = NULL, *text = NULL;

                assert(asprintf(&text, ACCOUNT("a") "%s%s", rows[i].patterns ? "mailboxes =\n" : "",
                                rows[i].patterns ? rows[i].patterns : "") > 0);
                TEST_ROW(rows[i].label, parse(text, 0600, &config, &errors) == 0);
                TEST_ROW(rows[i].label, account_config_wants(&config->accounts[0],
                                                             rows[i].mailbox) == rows[i].wanted);
        }
}

/* Named, and not only wanted: what an exception is made for. */
static void test_names(void) {
        static const struct {
                const char *label;
                const char *patterns;
                bool named;
        } rows[] = {
                {"default",                NULL,                               false},
                {"all",                    " *\n",                             false},
                {"all below",              " [Gmail]/*\n",                     false},
                {"one level",              " [Gmail]/%\n",                     false},
                {"by name",                " *\n [Gmail]/All Mail\n",          true },
                {"and excluded again",     " [Gmail]/All Mail\n ![Gmail]/*\n", false},
                {"the last match decides", " [Gmail]/All Mail\n *\n",          false},
                {"excluded by name",       " *\n ![Gmail]/All Mail\n",         false},
                {"another one",            " *\n [Gmail]/Starred\n",           false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_free_ char *errors = NULL, *text = NULL;

                assert(asprintf(&text, ACCOUNT("a") "%s%s", rows[i].patterns ? "mailboxes =\n" : "",
                                rows[i].patterns ? rows[i].patterns : "") > 0);
                TEST_ROW(rows[i].label, parse(text, 0600, &config, &errors) == 0);
                TEST_ROW(rows[i].label, account_config_names(&config->accounts[0],
                                                             "[Gmail]/All Mail") == rows[i].named);
        }
}

static void write_file(const char *path, const char *text, mode_t mode) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

        assert(fd >= 0 && fchmod(fd, mode) == 0);
        assert(write(fd, text, strlen(text)) == (ssize_t) strlen(text));
}

/* What only a real file can show: permissions, relative paths, and files that are not there. */
static void test_load(void) {
        /* clang-format off */
        static const struct {
                const char *label;
                const char *text;
                mode_t mode, secret_mode;
                int result;
                const char *error; /* part of it */
        } rows[] = {
                {"sound", ACCOUNT("a"), 0644, 0600, 0, NULL},
                {"password, shared", PASSWORD_ACCOUNT, 0644, 0600, -EINVAL, "run “chmod 600 t.conf”"},
                {"password, alone", PASSWORD_ACCOUNT, 0600, 0600, 0, NULL},
                {"password file, shared",
                 "[account a]\nhost = h\nuser = u\nmaildir = m\npassword-file = secret\n", 0644, 0640,
                 -EINVAL, "t.conf:5: password-file: others can read it; run “chmod 600 /"},
                {"password file, alone",
                 "[account a]\nhost = h\nuser = u\nmaildir = m\npassword-file = secret\n", 0644, 0400,
                 0, NULL},
                {"password file, not there yet",
                 "[account a]\nhost = h\nuser = u\nmaildir = m\npassword-file = none\n", 0644, 0640,
                 0, NULL},
        };
        /* clang-format on */

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_free_ char *errors = NULL;

                write_file("t.conf", rows[i].text, rows[i].mode);
                write_file("secret", "hush\n", rows[i].secret_mode);
                TEST_ROW(rows[i].label,
                         config_load("t.conf", NULL, &config, &errors) == rows[i].result);
                TEST_ROW(rows[i].label, !rows[i].error || strstr(errors, rows[i].error));
                assert(unlink("secret") == 0);
        }
}

static void test_unreadable(void) {
        static const struct {
                const char *path;
                int result;
                const char *error;
        } rows[] = {
                {"none.conf", -ENOENT, "none.conf: the configuration cannot be read: No such file"},
                {".",         -EISDIR, ".: the configuration cannot be read: Is a directory"      },
                {"/dev/zero", -EFBIG,  "/dev/zero: the configuration cannot be read: File too"    },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Config *config;
                _cleanup_free_ char *errors = NULL;

                TEST_ROW(rows[i].path,
                         config_load(rows[i].path, NULL, &config, &errors) == rows[i].result);
                TEST_ROW(rows[i].path,
                         bytes_starts_fold(bytes_of(errors), bytes_of(rows[i].error)));
        }
}

/* Paths in the file are relative to its folder, not to the working directory. */
static void test_relative(const char *folder) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *errors = NULL, *maildir = NULL;

        assert(mkdir("etc", 0700) == 0);
        write_file("etc/t.conf", SERVER("a") "maildir = mail\n", 0600);
        assert(config_load("etc/t.conf", NULL, &config, &errors) == 0);

        assert(asprintf(&maildir, "%s/etc/mail", folder) > 0);
        assert(strcmp(config->accounts[0].maildir, maildir) == 0);
        assert(strcmp(config->path, "etc/t.conf") == 0);
        assert(config_find(config, "a") == &config->accounts[0]);
        assert(!config_find(config, "b"));

        assert(unlink("etc/t.conf") == 0 && rmdir("etc") == 0);
}

int main(void) {
        char folder[] = "/tmp/test-config-XXXXXX";

        test_values();
        test_sections();
        test_keys();
        test_bad_values();
        test_servers();
        test_overlap();
        test_modes();
        test_limits();
        test_many_accounts();
        test_equal();
        test_wants();
        test_names();

        assert(mkdtemp(folder) && chdir(folder) == 0);
        test_load();
        test_unreadable();
        test_relative(folder);
        assert(unlink("t.conf") == 0 && rmdir(folder) == 0);
        return 0;
}
