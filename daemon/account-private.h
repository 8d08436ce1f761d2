#pragma once

/* What the files of an account share. */

#include "daemon/account.h"
#include "daemon/connection.h"
#include "daemon/maildir-watch.h"
#include "daemon/secret.h"
#include "imap/login.h"
#include "store/maildir.h"
#include "sync/imap-replica.h"
#include "sync/maildir-replica.h"
#include "sync/wait-ladder.h"

/* How an account learns that the remote side has changed. */
typedef enum WaitMode {
        WAIT_NONE,
        WAIT_NOTIFY,
        WAIT_IDLE, /* on INBOX, and a poll of all mailboxes each interval */
        WAIT_POLL,
} WaitMode;

struct Account {
        sd_event *event;             /* borrowed */
        const AccountConfig *config; /* borrowed */
        AccountOptions options;

        StateDb *db;
        MaildirRoot *root;
        Replica *local;
        ImapReplica *remote;
        Engine *engine;
        MaildirWatch *watch; /* NULL: none; local changes are then found by polling */
        bool watch_is_broken;

        Connection *connection;
        Connection *closed; /* to be freed by the loop: this may be a callback of it */
        ImapLogin *login;   /* until it is over */
        Secret *secret;
        char *password; /* owned by secret */
        bool is_attached;
        bool is_early; /* attached before the login was over */
        bool is_compressed;
        ImapCapabilities capabilities; /* as remembered, then as the server says */
        bool has_capabilities;
        char *prefix; /* owned, as remembered: imap_replica_prefix() */
        char *server; /* owned: how it called itself; NULL: it was never asked */
        ImapQuirks quirks;
        char *quirks_text;  /* owned: their names; NULL: not known yet */
        uint64_t n_skipped; /* on this connection: responses that made no sense */

        AccountState state;
        char sentence[512];
        bool paused, stopping, finished;
        unsigned n_attempts;                                /* without success, for back-off */
        int64_t retry_usec, connected_usec, last_sync_usec; /* since 1970 */

        WaitMode mode;
        WaitRecord wait; /* what the server does */
        unsigned n_looks;
        bool is_polling;                        /* a look at all mailboxes is under way */
        bool idle_is_silent;                    /* and until that look IDLE had told nothing */
        bool idle_failed;                       /* INBOX cannot be opened now */
        uint64_t poll_due, life_due, retry_due; /* CLOCK_BOOTTIME; UINT64_MAX: not */
        uint64_t retry_span;
        uint64_t spoken;  /* when we said something last */
        uint64_t silence; /* that was broken just now, and nobody has answered yet; 0: none */
        char waits[128], waits_why[300];

        bool is_throttled;    /* the server asked for silence, until retry_usec */
        unsigned n_back_offs; /* so many times since all was well */
        unsigned n_refusals;  /* of a password that has worked before */
        uint64_t dialled;     /* CLOCK_BOOTTIME */

        sd_event_source *timer; /* one for all: retry, poll, keepalive, end */
        sd_event_source *pump;  /* deferred: the engine has something to do */
        void (*on_timer)(Account *account);

        ConnectionTraffic traffic_before; /* of connections that are gone */
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

int64_t account_now(void);     /* usec since 1970 */
uint64_t account_uptime(void); /* usec of CLOCK_BOOTTIME */
void account_set_state(Account *account, AccountState state, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void account_arm(Account *account, uint64_t usec, uint64_t accuracy,
                 void (*on_timer)(Account *account));
void account_disarm(Account *account);
void account_pump_soon(Account *account);

/* account-local.c */
int account_open_local(Account *account);
void account_watch_mailbox(Account *account, const char *mailbox);
void account_watch_all(Account *account);

/* account-connect.c */
void account_connect(Account *account);
void account_disconnect(Account *account);
/* The connection is of no use (any more): say why, and try again later. */
void account_lose(Account *account, int error, const char *why);
void account_refuse(Account *account, const char *why);

/* account-server.c */
void account_load_server(Account *account);
void account_learn_login(Account *account);
/* What the server has said of itself since the login. */
void account_learn_session(Account *account);
void account_log_skipped(Account *account);

/* account-wait.c */
void account_wait(Account *account);
void account_on_waited(Side side, const ReplicaEvent *done, void *userdata);
void account_on_overflow(Account *account);
void account_on_run(Account *account, const EngineNote *note);
void account_on_dead(Account *account, int error);

/* account-back-off.c */
uint64_t account_told_to_stay_away(Account *account);
bool account_is_told_to_wait(Account *account);

/* account.c */
void account_pump(Account *account);
void account_finish(Account *account);
