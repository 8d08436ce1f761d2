/* What must fit together in a configuration: sides, secrets, encryption, and whose Maildir it is. */

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "config/config-draft.h"
#include "config/config-value.h"

static const mode_t readable_by_others = S_IRGRP | S_IROTH;

static bool has(const ConfigSection *section, ConfigKeyId id) {
        return section->key_lines[id] > 0;
}

/* The line of a key, of the section if the key is not given. */
static unsigned line_of(const ConfigSection *section, ConfigKeyId id) {
        return has(section, id) ? section->key_lines[id] : section->line;
}

/* Nobody but the user may read a password. A file that is not there yet is the account's trouble
 * later, not a mistake in the configuration. */
static void check_secret_files(ConfigDraft *draft, const ConfigSection *section,
                               const Endpoint *endpoint) {
        const SecretSource *secret = &endpoint->secret;
        struct stat st;

        if (secret->password && (draft->mode & readable_by_others))
                config_report(&draft->report, line_of(section, CONFIG_KEY_PASSWORD),
                              "password: others can read this file; run “chmod 600 %s”, or use "
                              "password-command",
                              draft->report.path);

        if (endpoint->proxy && endpoint->proxy->password && (draft->mode & readable_by_others))
                config_report(
                        &draft->report, line_of(section, CONFIG_KEY_PROXY),
                        "proxy: others can read this file, and a password is in it; run “chmod 600 "
                        "%s”",
                        draft->report.path);

        if (secret->file && stat(secret->file, &st) == 0 && S_ISREG(st.st_mode) &&
            (st.st_mode & readable_by_others))
                config_report(&draft->report, line_of(section, CONFIG_KEY_PASSWORD_FILE),
                              "password-file: others can read it; run “chmod 600 %s”",
                              secret->file);
}

/* What “auth” asks for must be possible with what else is given. */
static void check_auth(ConfigDraft *draft, const ConfigSection *section, const Endpoint *endpoint) {
        const SecretSource *secret = &endpoint->secret;
        const char *wanted = NULL;

        switch (endpoint->auth) {
        case IMAP_AUTH_AUTOMATIC:
                return;
        case IMAP_AUTH_SCRAM_SHA_256_PLUS:
        case IMAP_AUTH_SCRAM_SHA_1_PLUS:
                if (endpoint->tls == TLS_NONE)
                        wanted = "TLS";
                __attribute__((__fallthrough__));
        case IMAP_AUTH_SCRAM_SHA_256:
        case IMAP_AUTH_SCRAM_SHA_1:
        case IMAP_AUTH_CRAM_MD5:
        case IMAP_AUTH_PLAIN:
        case IMAP_AUTH_LOGIN:
                if (!secret->password && !secret->command && !secret->file && !secret->credential)
                        wanted = "a password";
                break;
        case IMAP_AUTH_EXTERNAL:
                if (!endpoint->tls_certificate)
                        wanted = "a “tls-certificate”";
                break;
        case IMAP_AUTH_OAUTHBEARER:
        case IMAP_AUTH_XOAUTH2:
                if (!secret->token_command)
                        wanted = "a “token-command”";
                break;
        }

        if (wanted)
                config_report(&draft->report, line_of(section, CONFIG_KEY_AUTH),
                              "auth: this needs %s", wanted);
}

static void check_login(ConfigDraft *draft, const ConfigSection *section,
                        const Endpoint *endpoint) {
        static const ConfigKeyId sources[] = {
                CONFIG_KEY_PASSWORD,      CONFIG_KEY_TOKEN_COMMAND, CONFIG_KEY_PASSWORD_COMMAND,
                CONFIG_KEY_PASSWORD_FILE, CONFIG_KEY_CREDENTIAL,
        };
        const char *first = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
                if (!has(section, sources[i]))
                        continue;
                if (first)
                        config_report(&draft->report, line_of(section, sources[i]),
                                      "%s: there is a “%s” already; one of them is enough",
                                      config_key_name(sources[i]), first);
                first = config_key_name(sources[i]);
        }

        if (!has(section, CONFIG_KEY_USER) && (first || has(section, CONFIG_KEY_HOST)))
                config_report(&draft->report, section->line, "the key “user” is missing");
        if (!first && !has(section, CONFIG_KEY_TLS_CERTIFICATE) &&
            (has(section, CONFIG_KEY_USER) || has(section, CONFIG_KEY_HOST)))
                config_report(&draft->report, section->line,
                              "there is no password: expected one of password-command, credential, "
                              "password-file, password and token-command");
        if (has(section, CONFIG_KEY_AUTH))
                check_auth(draft, section, endpoint);

        check_secret_files(draft, section, endpoint);
}

/* The key is as good as a password. */
static void check_certificate(ConfigDraft *draft, const ConfigSection *section,
                              const Endpoint *endpoint) {
        const char *key = endpoint->tls_key ? endpoint->tls_key : endpoint->tls_certificate;
        const ConfigKeyId key_id =
                endpoint->tls_key ? CONFIG_KEY_TLS_KEY : CONFIG_KEY_TLS_CERTIFICATE;
        struct stat st;

        if (endpoint->tls_key && !endpoint->tls_certificate)
                config_report(&draft->report, line_of(section, CONFIG_KEY_TLS_KEY),
                              "tls-key: means nothing without a “tls-certificate”");
        if (!endpoint->tls_certificate)
                return;

        if (endpoint->tls == TLS_NONE)
                config_report(&draft->report, line_of(section, CONFIG_KEY_TLS_CERTIFICATE),
                              "tls-certificate: means nothing with “tls = none”");
        if (access(endpoint->tls_certificate, R_OK) < 0)
                config_report(&draft->report, line_of(section, CONFIG_KEY_TLS_CERTIFICATE),
                              "tls-certificate: “%s” cannot be read: %m",
                              endpoint->tls_certificate);
        if (stat(key, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & readable_by_others))
                config_report(&draft->report, line_of(section, key_id),
                              "%s: others can read the key in it; run “chmod 600 %s”",
                              config_key_name(key_id), key);
}

static void check_tls(ConfigDraft *draft, const ConfigSection *section, const Endpoint *endpoint) {
        static const ConfigKeyId trust[] = {CONFIG_KEY_CA_FILE, CONFIG_KEY_TLS_PIN};

        if (endpoint->ca_file && access(endpoint->ca_file, R_OK) < 0)
                config_report(&draft->report, line_of(section, CONFIG_KEY_CA_FILE),
                              "ca-file: “%s” cannot be read: %m", endpoint->ca_file);
        if (has(section, CONFIG_KEY_TLS_PIN) && !endpoint->tls_pins)
                config_report(&draft->report, line_of(section, CONFIG_KEY_TLS_PIN),
                              "tls-pin: a value is expected");

        check_certificate(draft, section, endpoint);
        if (endpoint->tls != TLS_NONE)
                return;

        for (size_t i = 0; i < ARRAY_SIZE(trust); i++)
                if (has(section, trust[i]))
                        config_report(&draft->report, line_of(section, trust[i]),
                                      "%s: nothing is checked with “tls = none”",
                                      config_key_name(trust[i]));
        if (endpoint->host && endpoint->proxy && !endpoint->allow_cleartext)
                config_report(
                        &draft->report, line_of(section, CONFIG_KEY_TLS),
                        "tls: “none” would send the password and all mail to the proxy, and to "
                        "“%s”, for "
                        "anyone to read; use implicit or starttls, or say “allow-cleartext = yes”",
                        endpoint->host);
        else if (endpoint->host && !endpoint->allow_cleartext && !value_is_loopback(endpoint->host))
                config_report(
                        &draft->report, line_of(section, CONFIG_KEY_TLS),
                        "tls: “none” would send the password and all mail to “%s” for anyone to "
                        "read; use implicit or starttls, or say “allow-cleartext = yes”",
                        endpoint->host);
}

static void refuse_with_tunnel(ConfigDraft *draft, const ConfigSection *section, ConfigKeyId id) {
        if (has(section, id))
                config_report(&draft->report, line_of(section, id),
                              "%s: means nothing with a “tunnel”", config_key_name(id));
}

/* A tunnel is plain, unless TLS is asked for: then “host” is whose certificate it must be. */
static void check_tunnel(ConfigDraft *draft, const ConfigSection *section,
                         const Endpoint *endpoint) {
        refuse_with_tunnel(draft, section, CONFIG_KEY_PORT);
        refuse_with_tunnel(draft, section, CONFIG_KEY_ALLOW_CLEARTEXT);
        refuse_with_tunnel(draft, section, CONFIG_KEY_PROXY);

        if (!has(section, CONFIG_KEY_TLS) || endpoint->tls != TLS_IMPLICIT) {
                if (has(section, CONFIG_KEY_HOST))
                        config_report(&draft->report, line_of(section, CONFIG_KEY_HOST),
                                      "host: there is a “tunnel” already; one of them is enough, "
                                      "unless “tls = implicit” goes through it");
                if (has(section, CONFIG_KEY_TLS))
                        config_report(&draft->report, line_of(section, CONFIG_KEY_TLS),
                                      "tls: a “tunnel” is plain, or takes “implicit”");
                refuse_with_tunnel(draft, section, CONFIG_KEY_CA_FILE);
                refuse_with_tunnel(draft, section, CONFIG_KEY_TLS_PIN);
                refuse_with_tunnel(draft, section, CONFIG_KEY_TLS_CERTIFICATE);
                refuse_with_tunnel(draft, section, CONFIG_KEY_TLS_KEY);
                return;
        }

        if (!has(section, CONFIG_KEY_HOST))
                config_report(&draft->report, line_of(section, CONFIG_KEY_TLS),
                              "tls: through a “tunnel” it needs the key “host”, to know whose "
                              "certificate it must be");
        check_tls(draft, section, endpoint);
}

/* It is told in one word, and SOCKS5 has a byte for its size. */
static void check_proxy(ConfigDraft *draft, const ConfigSection *section,
                        const Endpoint *endpoint) {
        if (endpoint->proxy && endpoint->host &&
            (strlen(endpoint->host) > PROXY_SOCKS5_MAX || strpbrk(endpoint->host, " \t")))
                config_report(&draft->report, line_of(section, CONFIG_KEY_HOST),
                              "host: no “proxy” can be asked for this");
}

static void check_endpoint(ConfigDraft *draft, const ConfigSection *section,
                           const Endpoint *endpoint) {
        if (!has(section, CONFIG_KEY_HOST) && !has(section, CONFIG_KEY_TUNNEL)) {
                config_report(&draft->report, section->line,
                              "there is no server: expected the key “host” or “tunnel”");
                return;
        }

        if (has(section, CONFIG_KEY_TUNNEL)) {
                check_tunnel(draft, section, endpoint);
        } else {
                check_proxy(draft, section, endpoint);
                check_tls(draft, section, endpoint);
        }

        check_login(draft, section, endpoint);
}

static bool same_string(const char *a, const char *b) {
        return a && b && strcmp(a, b) == 0;
}

/* Would a synchronisation between the two find the same messages on both sides? */
static bool same_server(const Endpoint *a, const Endpoint *b) {
        if (a->tunnel || b->tunnel)
                return same_string(a->tunnel, b->tunnel) &&
                       (same_string(a->user, b->user) || a->user == b->user);

        return a->host && b->host && bytes_equal_fold(bytes_of(a->host), bytes_of(b->host)) &&
               a->port == b->port && same_string(a->user, b->user);
}

static void check_sides(ConfigDraft *draft, const ConfigSection *section) {
        const ConfigSection *local =
                config_draft_find(draft, CONFIG_SECTION_LOCAL, section->account.name);

        if (!has(section, CONFIG_KEY_MAILDIR) && !local)
                config_report(
                        &draft->report, section->line,
                        "there is no local side: expected the key “maildir” or a section [local "
                        "%s]",
                        section->account.name);
        if (has(section, CONFIG_KEY_MAILDIR) && local)
                config_report(&draft->report, local->line,
                              "[local %s]: the account has a “maildir” in line %u; one of them is "
                              "enough",
                              section->account.name, section->key_lines[CONFIG_KEY_MAILDIR]);
        if (has(section, CONFIG_KEY_MAILDIR_LAYOUT) && local)
                config_report(&draft->report, line_of(section, CONFIG_KEY_MAILDIR_LAYOUT),
                              "maildir-layout: means nothing without a “maildir”");
        if (local && same_server(&section->account.remote, &local->account.local))
                config_report(&draft->report, local->line,
                              "[local %s]: both sides of the account are the same server and user",
                              section->account.name);
}

/*
 * What @path, absolute, is once symbolic links are followed, though its end may not exist yet.
 * NULL when out of memory.
 */
static char *path_resolve(const char *path) {
        _cleanup_free_ char *head = strdup(path);
        size_t n = strlen(path);
        char *result;

        if (!head)
                return NULL;

        for (;;) {
                _cleanup_free_ char *real = NULL;

                head[n] = '\0';
                real = realpath(n > 0 ? head : "/", NULL);
                if (real) {
                        const char *parent = strcmp(real, "/") == 0 ? "" : real;

                        return asprintf(&result, "%s%s", parent, path + n) < 0 ? NULL : result;
                }
                if (n == 0)
                        return strdup(path);
                do
                        n--;
                while (n > 0 && path[n] != '/');
        }
}

/* Is @path @tree, or below it? */
static bool path_is_within(const char *path, const char *tree) {
        size_t n = strlen(tree);

        return strncmp(path, tree, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static void report_overlap(ConfigDraft *draft, const ConfigSection *section,
                           const ConfigSection *other, const char *relation) {
        config_report(
                &draft->report, line_of(section, CONFIG_KEY_MAILDIR),
                "maildir: “%s” %s that of account “%s” in line %u; each account needs a tree of "
                "its own",
                section->account.maildir, relation, other->account.name,
                line_of(other, CONFIG_KEY_MAILDIR));
}

/* Two accounts in one tree would take each other's mail for their own. */
static void check_overlap(ConfigDraft *draft) {
        char **paths = calloc(draft->n_sections + 1, sizeof(*paths));

        for (size_t i = 0; paths && i < draft->n_sections; i++) {
                const ConfigSection *section = &draft->sections[i];

                if (!section->account.maildir)
                        continue;
                paths[i] = path_resolve(section->account.maildir);
                if (!paths[i]) {
                        draft->report.out_of_memory = true;
                        break;
                }

                for (size_t k = 0; k < i; k++) {
                        const ConfigSection *other = &draft->sections[k];

                        if (!paths[k])
                                continue;
                        if (strcmp(paths[i], paths[k]) == 0)
                                report_overlap(draft, section, other, "is also");
                        else if (path_is_within(paths[i], paths[k]))
                                report_overlap(draft, section, other, "lies inside");
                        else if (path_is_within(paths[k], paths[i]))
                                report_overlap(draft, section, other, "contains");
                }
        }

        if (!paths)
                draft->report.out_of_memory = true;
        for (size_t i = 0; paths && i < draft->n_sections; i++)
                free(paths[i]);
        free(paths);
}

static void check_list(ConfigDraft *draft, const ConfigSection *section, ConfigKeyId id,
                       char *const *list, const char *what) {
        if (has(section, id) && !list && !section->is_refused[id])
                config_report(&draft->report, line_of(section, id),
                              "%s: a %s is expected, here or in the indented lines below",
                              config_key_name(id), what);
}

static void check_patterns(ConfigDraft *draft, const ConfigSection *section, ConfigKeyId id,
                           char *const *patterns) {
        check_list(draft, section, id, patterns, "pattern");
}

/* May what is beyond a limit leave a mailbox of this name? */
static bool may_leave(const AccountConfig *account, const char *mailbox) {
        const Direction direction = account_config_direction(account, mailbox);

        return direction_allows(direction, SIDE_LOCAL, DEED_ADD) &&
               direction_allows(direction, SIDE_LOCAL, DEED_DELETE);
}

/* Where nothing comes from the server, or nothing that did may go, a limit says the opposite. Of patterns it is
 * asked what holds for a mailbox that is called as they are. */
static void check_limits(ConfigDraft *draft, const ConfigSection *section, ConfigKeyId id,
                         char *const *lines) {
        const AccountConfig *account = &section->account;

        for (; lines && *lines; lines++) {
                char word[VALUE_WORD_MAX];
                const char *pattern, *mailbox;

                if (value_split_word(*lines, word, &pattern) < 0 || strcmp(word, "0") == 0)
                        continue;
                mailbox = *pattern ? pattern : "*";
                if (may_leave(account, mailbox))
                        continue;
                config_report(&draft->report, line_of(section, id),
                              "%s: “%s” means nothing with “direction = %s”, by which no message "
                              "leaves this side; take it away, or let the direction be both or "
                              "pull",
                              config_key_name(id), *lines,
                              direction_name(account_config_direction(account, mailbox)));
        }
}

/* Who is told of new mail is told whose it is, and that is read from its file. */
static void check_hooks(ConfigDraft *draft, const ConfigSection *section) {
        const AccountConfig *account = &section->account;

        check_patterns(draft, section, CONFIG_KEY_HOOK_MAILBOXES, account->hook_mailboxes);
        check_patterns(draft, section, CONFIG_KEY_NOTIFY_MAILBOXES, account->notify_mailboxes);
        if (account->notify && !account->maildir)
                config_report(&draft->report, line_of(section, CONFIG_KEY_NOTIFY),
                              "notify: means nothing without a “maildir”");
}

static void check_account(ConfigDraft *draft, const ConfigSection *section) {
        check_patterns(draft, section, CONFIG_KEY_MAILBOXES, section->account.mailboxes);
        check_list(draft, section, CONFIG_KEY_DIRECTION, section->account.directions, "value");
        check_list(draft, section, CONFIG_KEY_SIZE_LIMIT, section->account.size_limits, "value");
        check_list(draft, section, CONFIG_KEY_AGE_LIMIT, section->account.age_limits, "value");
        check_list(draft, section, CONFIG_KEY_COUNT_LIMIT, section->account.count_limits, "value");
        check_limits(draft, section, CONFIG_KEY_AGE_LIMIT, section->account.age_limits);
        check_limits(draft, section, CONFIG_KEY_COUNT_LIMIT, section->account.count_limits);
        check_list(draft, section, CONFIG_KEY_MAP, section->account.map, "rule");
        check_hooks(draft, section);
        check_endpoint(draft, section, &section->account.remote);
        check_sides(draft, section);
}

static void check_local(ConfigDraft *draft, const ConfigSection *section) {
        if (!config_draft_find(draft, CONFIG_SECTION_ACCOUNT, section->account.name))
                config_report(&draft->report, section->line,
                              "[local %s]: there is no section [account %s]", section->account.name,
                              section->account.name);

        check_endpoint(draft, section, &section->account.local);
}

void config_draft_check(ConfigDraft *draft) {
        bool any_account = false;

        /* Its commands are run: who can write to the file can run what he likes. */
        if (draft->mode & S_IWOTH)
                config_report(
                        &draft->report, 0,
                        "everybody can write to this file, and it says which commands to run; "
                        "run “chmod 600 %s”",
                        draft->report.path);

        for (size_t i = 0; i < draft->n_sections; i++) {
                const ConfigSection *section = &draft->sections[i];

                if (section->type == CONFIG_SECTION_ACCOUNT)
                        check_account(draft, section);
                else if (section->type == CONFIG_SECTION_LOCAL)
                        check_local(draft, section);
                any_account = any_account || section->type == CONFIG_SECTION_ACCOUNT;
        }
        check_overlap(draft);

        if (!any_account && draft->report.n_errors == 0)
                config_report(&draft->report, 0,
                              "there is no account: expected a section [account NAME]");
}
