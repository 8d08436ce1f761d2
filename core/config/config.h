#pragma once

/*
 * The configuration: an INI file (read with inih) to a checked Config
 *
 * Everything that can be wrong is found here, with file and line, before anything is started: an
 * unknown key or section, a bad value, a duplicate section or key, an account without a side, a
 * secret in a file that others can read, cleartext to a host that is not loopback.
 * imapsyncd.conf(5) documents every key.
 */

#include <sys/types.h>

#include "base/bytes.h"
#include "base/macro.h"
#include "imap/login.h"
#include "imap/proxy.h"
#include "imap/quirk.h"
#include "sync/direction.h"
#include "sync/mailbox-plan.h"
#include "sync/policy.h"

typedef enum TlsMode {
        TLS_IMPLICIT, /* default port 993 */
        TLS_STARTTLS, /* default port 143 */
        TLS_NONE,     /* default port 143 */
} TlsMode;

typedef enum MaildirLayout {
        MAILDIR_LAYOUT_FS,              /* a/b is ROOT/a/b, INBOX is ROOT/INBOX */
        MAILDIR_LAYOUT_MAILDIRPLUSPLUS, /* a/b is ROOT/.a.b, INBOX is ROOT itself */
} MaildirLayout;

/* What becomes on the remote side of a message that was deleted on the local one. */
typedef enum DeletedMessages {
        DELETED_AUTO,    /* where an expunge only takes a label off (Gmail): trash; else expunge */
        DELETED_EXPUNGE, /* it is gone */
        DELETED_TRASH,   /* it is moved to the mailbox for that (\Trash), and expunged from there */
} DeletedMessages;

/* Where the password, or the token, comes from; at most one is set. All owned. */
typedef struct SecretSource {
        char *password;
        char *command; /* run by /bin/sh -c; the first line of its output */
        char *token_command; /* the same for an access token of OAuth; a second line: good for so many seconds */
        char *file;       /* the first line of it */
        char *credential; /* a file of this name in $CREDENTIALS_DIRECTORY (systemd) */
} SecretSource;

/* Whom to ask for the way to a server. All owned; the password is wiped. */
typedef struct Proxy {
        ProxyKind kind;
        char *host;
        uint16_t port;
        char *user, *password; /* NULL: none; both or neither */
} Proxy;

/* An IMAP server. All strings owned, NULL when not given. */
typedef struct Endpoint {
        char *tunnel;  /* a command that speaks IMAP on stdin and stdout; else host is dialled */
        char *host;    /* with a tunnel: whom the certificate must name, if tls is implicit */
        uint16_t port; /* filled in by tls when not given */
        Proxy *proxy;  /* owned; NULL: host is dialled itself */
        TlsMode tls;   /* TLS_NONE with a tunnel, unless implicit is given */
        bool allow_cleartext;
        char *ca_file;
        char **tls_pins; /* "sha256:" base64 or hex of the SubjectPublicKeyInfo; NULL-terminated, or NULL */
        char *tls_certificate; /* of the client, in PEM form */
        char *tls_key;         /* of it; NULL: it is in the same file */
        char *user;            /* NULL with a tunnel: preauthenticated is expected */
        ImapAuth auth;
        SecretSource secret;
        uint64_t bandwidth;   /* bytes a second that are read of it; 0: no limit */
        char *list_reference; /* its mailboxes are below it, INBOX too; UTF-8, its own delimiter */
        ImapOverrides overrides; /* of what the server says it can, and of its quirks */
} Endpoint;

typedef struct AccountConfig {
        char *name;    /* letters, digits, "-", "_", "." (not first); at most 64 bytes */
        unsigned line; /* of its section */
        Endpoint remote;

        char *maildir; /* absolute, "~/" expanded; NULL: local is an IMAP server */
        MaildirLayout layout;
        Endpoint local; /* of [local NAME], when maildir is NULL */

        /* Patterns in order, "!" in front excludes, the last match decides. What none matches is not
         * wanted, unless the first pattern excludes. NULL-terminated; NULL: all are wanted. */
        char **mailboxes;
        /* "WORD" or "WORD PATTERN", the last whose pattern matches decides; NULL: "both", "0". */
        char **directions;
        char **size_limits;
        char **age_limits, **count_limits;
        char **map; /* "THERE -> HERE": imap/mailbox-map.h; NULL: names are the same on both sides */
        bool only_subscribed; /* and of those only what a side is subscribed to, INBOX, and what is named */
        DeletedMessages deleted;
        unsigned connections;   /* limit, 1 to 20, default 3 */
        unsigned brake_percent; /* hold deletions of more than this share of a mailbox, 0 to 100,
                                   default 25; never fewer than brake_count messages */
        unsigned brake_count;   /* default 20 */
        MailboxDeletion delete_mailboxes; /* default ask */
        uint64_t timeout_usec;            /* of one answer from the server, default 60 s */

        char *on_change, *on_new;   /* commands for /bin/sh -c; NULL: none */
        uint64_t hook_delay_usec;   /* without another change, default 2 s */
        uint64_t hook_timeout_usec; /* default 1 min */
        char **hook_mailboxes;      /* patterns, as of mailboxes */
        bool hook_local;            /* on-change also for what other programs did here */
        bool notify;                /* on the desktop; needs a Maildir */
        char **notify_mailboxes;    /* patterns; NULL: INBOX */
} AccountConfig;

typedef struct Config {
        char *path;
        uint64_t poll_interval_usec; /* default 30 s, 1 s to 1 day; that of the policy "ac" */
        uint64_t flag_scan_usec;     /* default 1 day, 1 minute to 30 days */
        Policy policies[_POLICY_MAX];
        AccountConfig *accounts; /* in the order of the file */
        size_t n_accounts;
} Config;

/**
 * config_load() - read and check a configuration file
 * @path:    the file
 * @environ_home:  replaces "~"
 * @reterr:  when negative is returned: one sentence a line, each beginning with "FILE:LINE: " (or
 *           "FILE: ") and ended by a line feed; all that was found, not only the first. Owned by the
 *           caller, NULL when out of memory.
 *
 * Return: 0, -EINVAL for what the user must mend, -ENOENT when there is no such file, or another
 *         negative errno from reading it.
 */
int config_load(const char *path, const char *environ_home, Config **ret_config, char **reterr);
Config *config_free(Config *config);

/**
 * config_parse() - the same for a text in memory
 * @path: names the file in errors; relative paths in it start from its folder
 * @mode: the file's permissions, which decide whether it may hold a password
 */
int config_parse(ByteView text, const char *path, mode_t mode, const char *environ_home,
                 Config **ret_config, char **reterr);

/* Is a password or a token needed to log in? Else the certificate is all. */
bool endpoint_has_secret(const Endpoint *endpoint);

/* The account of that name, or NULL. */
const AccountConfig *config_find(const Config *config, const char *name);

/* Is everything that concerns the running account the same? Used by reload. */
bool account_config_equal(const AccountConfig *a, const AccountConfig *b);

/* Do patterns, as of AccountConfig.mailboxes, want this mailbox? */
bool config_patterns_match(char *const *patterns, const char *mailbox);

/* Does the account synchronise the mailbox of that name (UTF-8 with "/")? */
bool account_config_wants(const AccountConfig *account, const char *mailbox);

/* What may be done to that mailbox, and how large a message of it may be (bytes, 0: any size). */
Direction account_config_direction(const AccountConfig *account, const char *mailbox);
uint64_t account_config_size_limit(const AccountConfig *account, const char *mailbox);
/* How old (seconds), and how many the messages of it may be that are here; 0: no limit. */
uint64_t account_config_age_limit(const AccountConfig *account, const char *mailbox);
uint64_t account_config_count_limit(const AccountConfig *account, const char *mailbox);

/* And is it the last pattern to match that says so, and has it no wildcard? */
bool account_config_names(const AccountConfig *account, const char *mailbox);

DEFINE_CLEANUP(Config *, config_free)
