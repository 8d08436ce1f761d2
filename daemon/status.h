#pragma once

/*
 * How things are: what the daemon's own objects tell to whoever shows them (control socket, STATUS=
 * of sd_notify, the log). Plain values, filled on request, borrowed until the loop runs again.
 */

#include <stdbool.h>
#include <stdint.h>

typedef enum AccountState {
        ACCOUNT_STATE_STARTING,
        ACCOUNT_STATE_CONNECTING,
        ACCOUNT_STATE_SYNCING,
        ACCOUNT_STATE_IN_SYNC,
        ACCOUNT_STATE_WAITING, /* lost the connection or failed; will try again at retry_usec */
        ACCOUNT_STATE_REFUSED, /* a person must act: password, certificate, local root missing */
        ACCOUNT_STATE_PAUSED,
        ACCOUNT_STATE_OFFLINE, /* no network, or the machine sleeps; goes on by itself, no timer */
        _ACCOUNT_STATE_MAX,
} AccountState;

/* "in sync", "connecting", ... */
const char *account_state_name(AccountState state);

typedef struct AccountStatus {
        const char *name;
        AccountState state;
        const char *
                sentence; /* what is wrong and what will be done, or what the user should do; "" in sync */
        const char *remote; /* "imap.example.org:993" or the tunnel command */
        const char *local;  /* the Maildir's path, or the local server */
        const char *waits; /* "NOTIFY", "IDLE on INBOX, LIST-STATUS every 30 s", ...; "" when not */
        const char *waits_why; /* why not a better one; "" */
        const char *quirks;    /* of the server, in force: "wants-id wrong-size"; "" */
        const char *local_waits, *local_waits_why,
                *local_quirks; /* of a local server, or a Maildir without inotify; "" */
        uint64_t mailboxes, messages, pending, held, parked;
        uint64_t bytes_left;          /* of a first synchronisation, as far as the server says */
        uint64_t last_sync_usec;      /* since 1970; 0: never */
        uint64_t retry_usec;          /* since 1970; 0: no timer */
        uint64_t connected_usec;      /* since 1970; 0: not */
        uint64_t bytes_in, bytes_out; /* on the wire since the start of the daemon */
        uint64_t local_connected_usec, local_bytes_in, local_bytes_out; /* the local server */
        uint64_t flags_since_usec; /* every flag was looked at since then; 0: changes are told */
        bool compressed, encrypted;
        bool local_compressed, local_encrypted;
        const char *warning;      /* of what goes on beside: a hook has failed; "" */
        const char *left_out;     /* names of mailboxes that are left out, ", " between them; "" */
        const char *config_error; /* of the file, for all accounts: it was not read again; "" */
        uint64_t deferred;        /* messages that are too large for the policy in force */
        const char *policy, *policy_why; /* as of PolicyStatus */
        uint64_t wakeups_hour;           /* of the daemon, for all accounts together */
        uint64_t bytes_hour;             /* on the wire in the last hour, both ways */
        const char *
                direction; /* "both", "pull", "push", "archive"; "mixed" if mailboxes differ in it */
        uint64_t alone, large; /* messages left on one side: by it, or as too large (size-limit) */
        const char *proxy, *local_proxy; /* "socks5://localhost:9050", without a login; "" */
        uint64_t old, surplus; /* messages left on the server: by age-limit, or by count-limit */
} AccountStatus;

/* What all accounts may cost now. */
typedef struct PolicyStatus {
        const char *policy; /* the rows that hold: "ac", "battery metered" */
        const char
                *why; /* "on battery", "asked for by imapsyncctl policy until 14:05"; "" for "ac" */
        bool forced;  /* a person wants it */
        uint64_t until_usec; /* since 1970: so long; 0: until told otherwise */
        uint64_t poll_interval_sec, upload_delay_sec;
        uint64_t max_body; /* 0: no limit */
        const char *idle;  /* "yes", "quiet", "no" */
        bool all_mailboxes, scan_flags;
} PolicyStatus;

typedef struct MailboxStatus {
        const char *name;
        uint64_t messages, unseen;
        uint64_t pending; /* changes known and not yet carried out */
        uint64_t held, parked;
        uint64_t deferred;         /* too large for the policy in force */
        uint64_t last_change_usec; /* since 1970; 0: never */
        uint64_t flags_since_usec; /* every flag was looked at since then; 0: changes are told */
        const char *error;         /* "" */
        const char *left_out;      /* it is not synchronised: why; "" */
        const char *direction;     /* "both", "pull", "push", "archive" */
        uint64_t alone, large; /* messages left on one side: by it, or as too large (size-limit) */
        uint64_t old, surplus; /* messages left on the server: by age-limit, or by count-limit */
} MailboxStatus;

/* A deletion that the brake holds back. */
typedef struct HeldStatus {
        const char *account, *mailbox;
        const char *side;  /* where the messages vanished: "local" or "remote" */
        uint64_t vanished; /* so many */
        uint64_t messages; /* of so many */
        uint64_t since_usec;
        const char *reason; /* a sentence */
} HeldStatus;

/* What is known of one message, and what would be done with it. */
typedef struct MessageStatus {
        const char *account, *mailbox;
        const char *folder;             /* of the Maildir; "": the local side is a server */
        const char *file;               /* its name without flags; "": none is known */
        uint32_t remote_uid, local_uid; /* 0: not known */
        bool known;                     /* both sides have had it */
        const char *flags;              /* that both agreed on, as IMAP writes them */
        const char *parked;             /* why it does not follow to the other side; "" */
        uint32_t uidvalidity, uidnext;  /* so far the server was dealt with */
        uint64_t modseq;
        uint64_t held;       /* deletions in its mailbox */
        bool pending;        /* something in its mailbox is to be looked at */
        const char *verdict; /* sentences: what would be done */
        /* What the server says of it now, if it was asked: */
        bool asked;
        bool remote_has;
        const char *remote_flags,
                *remote_error;     /* "": none; why it was not asked, or says nothing */
        uint64_t remote_size;      /* with CRLF line ends; 0: not told */
        uint64_t remote_date_usec; /* INTERNALDATE, since 1970; 0: not told */
} MessageStatus;

/* What the remote, the local side and the base do not agree on, found by verify. */
typedef struct VerifyDifference {
        const char *account, *mailbox;
        uint32_t uid;     /* on the remote; 0: it has none there */
        const char *what; /* a sentence: "only on the local side", "flags differ: ..." */
} VerifyDifference;
