#pragma once

/* What the files of an account share. */

#include "base/hour.h"
#include "daemon/account.h"
#include "daemon/connection.h"
#include "daemon/desktop-notification.h"
#include "daemon/hook.h"
#include "daemon/maildir-watch.h"
#include "daemon/sasl-crypto.h"
#include "daemon/secret.h"
#include "daemon/timer.h"
#include "imap/login.h"
#include "store/maildir.h"
#include "sync/imap-replica.h"
#include "sync/maildir-replica.h"
#include "sync/wait-ladder.h"

/* How a link learns that its side has changed. */
typedef enum WaitMode {
        WAIT_NONE,
        WAIT_NOTIFY,
        WAIT_IDLE, /* on INBOX, and a poll of all mailboxes each interval */
        WAIT_POLL,
} WaitMode;

typedef enum LinkState {
        LINK_OFF,        /* there is no connection, and none is due */
        LINK_CONNECTING, /* until the login is over */
        LINK_READY,
        LINK_THROTTLED, /* the server asked for silence on the connection, until retry_usec */
        LINK_WAITING,   /* lost; a new one is made at retry_usec */
        LINK_REFUSED,   /* a person must act */
} LinkState;

/* The connection to a side that is an IMAP server, and all that is known of that. */
typedef struct AccountLink {
        Account *account; /* borrowed: whose it is */
        Side side;
        const Endpoint *endpoint; /* borrowed from the configuration */
        char *title;              /* owned: how the dialogue in the log begins */

        LinkState state;
        char sentence[512]; /* what is wrong and what will be done; "" */
        ImapReplica *replica;
        Connection *connection;
        Connection *closed; /* to be freed by the loop: this may be a callback of it */
        ImapLogin *login;   /* until it is over */
        Secret *secret;
        char *password;              /* owned by secret; with a token-command the token */
        uint64_t token_until;        /* CLOCK_BOOTTIME: when another one is to be asked for */
        char nonce[SASL_NONCE_SIZE]; /* of the login */
        bool is_early;               /* attached before the login was over */
        bool is_compressed;
        Timer timer; /* to connect again, to go on; never together with the beat */

        ImapCapabilities capabilities; /* as remembered, then as the server says */
        bool has_capabilities;
        char *prefix; /* owned, as remembered: imap_replica_prefix() */
        char *server; /* owned: how it called itself; NULL: it was never asked */
        ImapQuirks quirks;
        char *quirks_text;  /* owned: their names; NULL: not known yet */
        uint64_t n_skipped; /* on this connection: responses that made no sense */

        unsigned n_attempts;  /* without success, for back-off */
        unsigned n_back_offs; /* it asked for silence so many times since all was well */
        unsigned n_refusals;  /* of a password that has worked before */
        int64_t retry_usec, connected_usec; /* since 1970 */
        int64_t stay_away_usec; /* since 1970: the server wants no connection before that */
        uint64_t eager_until;   /* CLOCK_BOOTTIME: something has changed; no back-off until then */
        bool is_mistrusted;     /* refused for its certificate, which may be a portal's */
        int64_t apart_since;    /* usec since 1970: the last connection's end, or our start */
        uint64_t dialled;       /* CLOCK_BOOTTIME */

        WaitMode mode;
        WaitRecord wait; /* what the server does */
        unsigned n_looks;
        bool is_polling;     /* a look at all mailboxes is under way */
        bool idle_is_silent; /* and until that look IDLE had told nothing */
        bool idle_failed;    /* INBOX cannot be opened now */
        WaitPlan plan;       /* CLOCK_BOOTTIME */
        Beat beat;           /* then */
        Beat lull;           /* its answers are left until those of the others are there too */
        uint64_t spoken;     /* when we said or heard something last */
        uint64_t n_spoken;   /* bytes until then */
        uint64_t said;       /* when we said something last */
        uint64_t n_said;
        uint64_t idle_since; /* CLOCK_BOOTTIME: since when its chatter is measured */
        uint64_t n_chatter;  /* as it was then */
        uint64_t silence;    /* that was broken just now, and nobody has answered yet; 0: none */
        char waits[128], waits_why[300];

        ConnectionTraffic traffic_before; /* of connections that are gone */
} AccountLink;

struct Account {
        sd_event *event;             /* borrowed */
        const AccountConfig *config; /* borrowed */
        AccountOptions options;
        Policy policy;    /* in force */
        uint64_t network; /* 0: nobody says */

        StateDb *db;
        AccountLink *links[_SIDE_MAX]; /* owned; NULL for a side that is a Maildir */
        MaildirRoot *root;
        Replica *maildir; /* NULL: the local side is a server */
        Engine *engine;
        Hooks *hooks;                /* NULL: none are wanted */
        DesktopNotification *notice; /* NULL: none is wanted */
        bool is_ending_hooks;        /* all that is left to be done */
        bool has_recalled;           /* what the database knew of that at the start */
        bool has_untold;             /* the database knows of changes that hooks were not told of */
        MaildirWatch *watch;         /* NULL: none; local changes are then found by polling */
        bool watch_is_broken;
        const char *watch_why; /* so; static */
        bool wrote_files;      /* of which inotify is about to tell */

        AccountState state;
        char sentence[1100];
        bool was_in_sync; /* before it began to work */
        bool paused, stopping, finished;
        unsigned holds;         /* in force */
        unsigned holds_told;    /* a person may want it to be tried all the same */
        int64_t last_sync_usec; /* since 1970 */

        Timer timer;         /* the start, and the end */
        Timer retry;         /* of mailboxes that have failed */
        uint64_t retry_span; /* 0: it is not armed, and nothing has failed */
        bool retry_is_armed;
        Timer upload; /* of local changes that wait for each other */
        bool upload_is_armed, upload_is_due;
        Hour traffic;          /* bytes, both ways, of both sides */
        uint64_t n_traffic;    /* in all */
        uint64_t traffic_usec; /* CLOCK_BOOTTIME: when it became more last */
        sd_event_source *pump; /* deferred: the engine has something to do */

        void (*on_stopped)(Account *account, void *userdata);
        void *stopped_userdata;
        enum {
                SETTLE_NOT_YET,
                SETTLE_WAIT,   /* until the stamps are old enough */
                SETTLE_COMMIT, /* they are; once the engine has looked at the last news */
        } settling;
        unsigned n_settled;
        int64_t uidvalidity_usec; /* since 1970: when UIDVALIDITY was asked for last */
};

int64_t account_now(void); /* usec since 1970 */
void account_pump_soon(Account *account);

/* account-status.c */
void account_set_state(Account *account, AccountState state, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void account_show_totals(Account *account, const EngineTotals *totals);
void account_tell_parked(Account *account, const EngineTotals *totals);

/* account-link.c */
int account_link_new(Account *account, Side side, const Endpoint *endpoint, AccountLink **ret_link);
AccountLink *account_link_free(AccountLink *link);
/* What is wrong with a link is told for the account, and names the link if that has two. */
void account_link_set_state(AccountLink *link, LinkState state, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void account_link_arm(AccountLink *link, uint64_t usec, uint64_t accuracy,
                      void (*callback)(void *link));
void account_link_disarm(AccountLink *link);
/* "the local server: ", as a line of the log about the link begins; "" where there is but one. */
const char *account_link_prefix(const AccountLink *link);
ConnectionTraffic account_link_traffic(const AccountLink *link);
/* Say what the links are in the account's own state; nothing while it is paused. */
void account_show_links(Account *account);
/* The one after @link, the first one for NULL; NULL: no more. */
AccountLink *account_next_link(const Account *account, const AccountLink *link);
/* Are all attached? And does none of them have to be silent? */
bool account_is_attached(const Account *account);
bool account_is_whole(const Account *account);
/* The engine may begin runs only while all links can be used. */
void account_hold_engine(Account *account);

/* account-hold.c */
const char *account_held_sentence(const Account *account);
/* A person wants this now: try, whatever is known of the network. */
void account_insist(Account *account);
/* That was to no avail. Return: is it held now? */
bool account_keep_still_again(Account *account);

/* account-local.c */
int account_open_sides(Account *account);
void account_watch_mailbox(Account *account, const char *mailbox);
void account_watch_all(Account *account);

/* account-map.c */
/* Other names than when UIDVALIDITY was asked for last: it is to be asked for. */
void account_check_map(Account *account);
/* It was: part of the caller's transaction. */
int account_save_map(Account *account);

/* account-hook.c */
/* What is to be told of changes here; nothing in a dry run. Return: 0, or a negative errno. */
int account_hooks_begin(Account *account);
/* The local side is about to be used; may be called again. */
void account_hooks_observe(Account *account);
void account_hooks_note(Account *account, const EngineNote *note);
/* Nothing more will be done: with once they are run, else ended. Return: true, or false if account_finish() is
 * to be called again, which will be done. */
bool account_hooks_finish(Account *account);
void account_hooks_free(Account *account);

/* account-connect.c */
void account_connect(AccountLink *link);
void account_connect_all(Account *account);
/* When the server wants us to. */
void account_connect_later(AccountLink *link);
void account_go_on_with_logins(Account *account);
void account_disconnect(AccountLink *link);
void account_disconnect_all(Account *account);
/* The connection is of no use (any more): say why, and try again later. */
void account_lose(AccountLink *link, int error, const char *why);
void account_refuse(AccountLink *link, const char *why);

/* account-server.c */
void account_load_server(AccountLink *link);
void account_learn_login(AccountLink *link);
/* What the server has said of itself since the login. */
void account_learn_session(AccountLink *link);
void account_log_skipped(AccountLink *link);

/* account-wait.c */
void account_wait(AccountLink *link);
/* A sign of life and a look at all mailboxes, whatever is due. Return: 0, or a negative errno. */
int account_look_now(AccountLink *link);
void account_on_waited(AccountLink *link, const ReplicaEvent *done);
void account_on_overflow(AccountLink *link);
void account_on_run(AccountLink *link, const EngineNote *note);
void account_on_dead(AccountLink *link, int error);

void account_on_policy(AccountLink *link, const Policy *before);

/* account-policy.c */
/* How many bytes have come and gone since the last time? */
void account_note_traffic(Account *account);
/* Before the engine looks what there is to do: may local changes wait? */
void account_gather(Account *account);
/* It has done all that may not: how long do they? */
void account_wait_for_uploads(Account *account);
void account_forget_gathering(Account *account);

/* account-back-off.c */
uint64_t account_told_to_stay_away(AccountLink *link);
bool account_is_told_to_wait(AccountLink *link);
/* The time that it asked for goes on. */
void account_go_on_later(AccountLink *link);

/* account.c */
/* Nothing happens for a while: what is not committed yet is, and memory is given back. */
void account_relax(Account *account);
void account_pump(Account *account);
void account_forget_retry(Account *account);
void account_begin(Account *account);
void account_finish(Account *account);
/* Take in what inotify has to tell, and remember the stamps of folders that are quiet. */
void account_settle(Account *account);

/* What could not be opened is tried again when a person asks, who may wait for what comes of it. */
void account_wake(Account *account);
/* A timer cannot be set: end the program, and say why. */
void account_end_without_timer(Account *account, const char *title, int error);
