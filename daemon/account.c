/* An account: its life, its state, and the pump between engine and connection. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "daemon/account-private.h"
#include "daemon/digest.h"
#include "daemon/log.h"

int64_t account_now(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A sentence of one blank is none. */
void account_set_state(Account *account, AccountState state, const char *format, ...) {
        const AccountState before = account->state;
        va_list args;

        account->state = state;
        va_start(args, format);
        (void) vsnprintf(account->sentence, sizeof(account->sentence), format, args);
        va_end(args);
        if (strcmp(account->sentence, " ") == 0)
                account->sentence[0] = '\0';
        if (state != before)
                account->options.on_note(account, NULL, account->options.userdata);
}

/* --- timers --- */

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Account *account = userdata;

        (void) source, (void) usec;
        account->on_timer(account);
        return 0;
}

/* Call @on_timer once, @usec from now. Replaces what was armed before. */
void account_arm(Account *account, uint64_t usec, uint64_t accuracy,
                 void (*callback)(Account *account)) {
        int r;

        account->on_timer = callback;
        if (account->timer) {
                r = sd_event_source_set_time_relative(account->timer, usec);
                if (r >= 0)
                        r = sd_event_source_set_time_accuracy(account->timer, accuracy);
                if (r >= 0)
                        r = sd_event_source_set_enabled(account->timer, SD_EVENT_ONESHOT);
        } else
                r = sd_event_add_time_relative(account->event, &account->timer, CLOCK_BOOTTIME,
                                               usec, accuracy, on_timer, account);
        if (r < 0)
                (void) log_error_errno(r, "%s: a timer cannot be set: %m", account_name(account));
}

void account_disarm(Account *account) {
        if (account->timer)
                (void) sd_event_source_set_enabled(account->timer, SD_EVENT_OFF);
}

static int on_pump(sd_event_source *source, void *userdata) {
        Account *account = userdata;

        (void) source;
        account->closed = connection_free(account->closed);
        account_pump(account);
        return 0;
}

void account_pump_soon(Account *account) {
        if (account->pump)
                (void) sd_event_source_set_enabled(account->pump, SD_EVENT_ONESHOT);
}

/* --- the pump --- */

/* What the server broke is told by the replica, else it is our own side. */
static void on_pump_failed(Account *account, int error) {
        const char *why = imap_replica_error(account->remote);

        if (*why)
                account_lose(account, error, why);
        else if (*engine_error(account->engine))
                account_lose(account, error, engine_error(account->engine));
        else
                account_lose(account, error, strerror(-error));
}

/*
 * A mailbox that was deleted and made again may have the very numbers of the old one but UIDVALIDITY,
 * which costs three bytes a mailbox. So --once asks for it once a day, the daemon whenever it connects.
 */
#define UIDVALIDITY_CHECK ((int64_t) 24 * 3600 * 1000000)

static bool is_uidvalidity_due(const Account *account) {
        const int64_t age = account_now() - account->uidvalidity_usec;

        return age < 0 || age > UIDVALIDITY_CHECK;
}

static void note_uidvalidity_check(Account *account) {
        char text[32];

        if (!is_uidvalidity_due(account) || account->options.dry_run)
                return;
        account->uidvalidity_usec = account_now();
        (void) snprintf(text, sizeof(text), "%lld", (long long) account->uidvalidity_usec);
        if (state_db_begin(account->db) < 0 ||
            state_db_set(account->db, "uidvalidity-checked", text) < 0 ||
            state_db_commit(account->db) < 0)
                state_db_rollback(account->db);
}

/* What the server puts before names: asked for once. */
static void remember_prefix(Account *account) {
        const char *prefix = imap_replica_prefix(account->remote);

        if (account->prefix || !prefix || account->options.dry_run)
                return;
        account->prefix = strdup(prefix);
        if (!account->prefix || state_db_begin(account->db) < 0 ||
            state_db_set(account->db, "prefix", prefix) < 0 || state_db_commit(account->db) < 0)
                state_db_rollback(account->db);
}

static void on_idle(Account *account) {
        const EngineTotals totals = engine_totals(account->engine);

        account->last_sync_usec = account_now();
        remember_prefix(account);
        account->n_attempts = account->n_back_offs = 0;
        account_learn_session(account);
        note_uidvalidity_check(account);
        if (account->options.once || account->stopping) {
                account_finish(account);
                return;
        }
        account_wait(account);
        if (!account->connection)
                return;
        if (totals.failed > 0)
                account_set_state(account, ACCOUNT_STATE_IN_SYNC, "%llu mailboxes have a problem",
                                  (unsigned long long) totals.failed);
        else if (totals.held > 0)
                account_set_state(account, ACCOUNT_STATE_IN_SYNC,
                                  "%llu deletions are held; see “imapsyncctl held”",
                                  (unsigned long long) totals.held);
        else
                account_set_state(account, ACCOUNT_STATE_IN_SYNC, " ");
}

void account_pump(Account *account) {
        int r;

        if (!account->is_attached || account->login || account->finished)
                return;

        r = engine_pump(account->engine, account_now());
        account_log_skipped(account);
        if (r < 0) {
                on_pump_failed(account, r);
                return;
        }
        if (account_is_told_to_wait(account))
                return;
        if (r == 0)
                on_idle(account);
        else
                account_set_state(account, ACCOUNT_STATE_SYNCING, " ");
        if (account->connection)
                connection_flush(account->connection);
}

/* --- the end --- */

static void finished(Account *account) {
        account->finished = true;
        account_disarm(account);
        if (account->stopping && account->on_stopped)
                account->on_stopped(account, account->stopped_userdata);
        else if (account->options.once)
                account->options.on_finished(account, account->options.userdata);
}

#define SETTLE_USEC   ((uint64_t) 30000) /* more than a tick of the file system's clock */
#define SETTLE_ROUNDS 4u                 /* others may be at work in the folders */

/* Take in what inotify has to tell, our own doing for the most part, and look at it. */
static void on_settled(Account *account) {
        maildir_watch_flush(account->watch);
        account->settling = SETTLE_COMMIT;
        if (account->is_attached)
                account_pump(account); /* comes back by on_idle() */
        else
                account_finish(account);
}

/* What is still as it was, and nobody else has touched meanwhile, may be remembered. */
static void commit_stamps(Account *account) {
        (void) engine_settle(account->engine, false, account_now());
        maildir_watch_flush(account->watch);
        (void) engine_settle(account->engine, true, account_now());
}

static bool may_settle(const Account *account) {
        return account->engine && account->watch && !account->watch_is_broken &&
               (account->options.once || !engine_is_busy(account->engine)) &&
               engine_needs_settling(account->engine);
}

/*
 * Nothing more will be done. The stamps of folders that we wrote to can be remembered only now: once
 * they are old enough to prove something, and inotify has had its say on what others did meanwhile.
 */
void account_finish(Account *account) {
        if (account->finished)
                return;
        if (account->settling == SETTLE_NOT_YET && may_settle(account)) {
                account->settling = SETTLE_WAIT;
                account_arm(account, SETTLE_USEC, 1, on_settled);
                return;
        }
        if (account->settling == SETTLE_WAIT)
                return;
        if (account->settling == SETTLE_COMMIT && may_settle(account)) {
                commit_stamps(account);
                if (++account->n_settled < SETTLE_ROUNDS && may_settle(account)) {
                        account->settling = SETTLE_WAIT;
                        account_arm(account, SETTLE_USEC, 1, on_settled);
                        return;
                }
        }

        if (account->is_attached) {
                (void) imap_replica_logout(account->remote);
        }
        if (account->engine)
                account_disconnect(account);
        finished(account);
}

void account_stop(Account *account, void (*on_stopped)(Account *account, void *userdata),
                  void *userdata) {
        account->stopping = true;
        account->on_stopped = on_stopped;
        account->stopped_userdata = userdata;
        account_finish(account);
}

/* --- what the engine tells --- */

static EngineWish wants(const char *mailbox, void *userdata) {
        const AccountConfig *config = ((Account *) userdata)->config;

        if (!account_config_wants(config, mailbox))
                return ENGINE_WANTS_NOT;
        return account_config_names(config, mailbox) ? ENGINE_WANTS_BY_NAME : ENGINE_WANTS;
}

static void on_note(const EngineNote *note, void *userdata) {
        Account *account = userdata;

        switch (note->type) {
        case ENGINE_NOTE_OVERFLOW:
                account_on_overflow(account);
                return;
        case ENGINE_NOTE_RUN:
                account_on_run(account, note);
                if (account->options.once)
                        account_watch_mailbox(account, note->mailbox);
                return;
        case ENGINE_NOTE_CREATED:
        case ENGINE_NOTE_RENAMED:
                if (note->side == SIDE_LOCAL)
                        account_watch_mailbox(account, note->mailbox);
                break;
        case ENGINE_NOTE_REMOVED:
        case ENGINE_NOTE_SYNCED:
        case ENGINE_NOTE_FAILED:
        case ENGINE_NOTE_HELD:
        case ENGINE_NOTE_PARKED:
        case ENGINE_NOTE_NOTICE:
        case ENGINE_NOTE_WOULD:
        case ENGINE_NOTE_ALERT:
        case ENGINE_NOTE_PROGRESS:
        case ENGINE_NOTE_DIFFERENCE:
                break;
        }
        account->options.on_note(account, note, account->options.userdata);
}

/* --- life --- */

static int make_engine(Account *account) {
        const ImapReplicaOptions replica_options = {
                .once = account->options.once,
                .want_special_use = account->config->deleted == DELETED_TRASH,
                .skip_uidvalidity = account->options.once && !is_uidvalidity_due(account),
                .want_subscribed = !account->options.once || is_uidvalidity_due(account),
                .prefix = account->prefix,
                .list_reference = account->config->remote.list_reference,
                .overrides = account->config->remote.overrides,
        };
        const EngineOptions options = {
                .brake = {account->config->brake_percent, account->config->brake_count},
                .deletion = account->config->delete_mailboxes,
                .deleted = account->config->deleted,
                .dry_run = account->options.dry_run,
                .flag_scan = (int64_t) account->options.flag_scan_usec,
                .once = account->options.once,
                .digest = &digest_sha256,
                .wants = wants,
                .note = on_note,
                .waited = account_on_waited,
                .userdata = account,
        };
        int r;

        r = imap_replica_new(SIDE_REMOTE, &replica_options, &account->remote);
        if (r < 0)
                return r;
        r = engine_new(account->db, imap_replica_base(account->remote), account->local, &options,
                       &account->engine);
        if (r < 0)
                return r;
        engine_hold(account->engine, true);
        return 0;
}

/* Opened from the loop, so that a failure reaches an owner that is complete. */
static void start(Account *account) {
        int r;

        r = account_open_local(account);
        if (r >= 0) {
                r = make_engine(account);
                if (r < 0)
                        account_set_state(account, ACCOUNT_STATE_REFUSED, "%s",
                                          account->db ? state_db_error(account->db) : strerror(-r));
        }
        if (r >= 0) {
                account_connect(account);
                return;
        }
        log_error("%s: %s", account_name(account), account->sentence);
        if (account->options.once)
                finished(account);
}

int account_new(sd_event *event, const AccountConfig *config, const AccountOptions *options,
                Account **ret_account) {
        _cleanup_(account_freep) Account *account = NULL;
        int r;

        account = calloc(1, sizeof(*account));
        if (!account)
                return -ENOMEM;
        account->event = event;
        account->config = config;
        account->options = *options;
        account->retry_due = UINT64_MAX;

        r = sd_event_add_defer(event, &account->pump, on_pump, account);
        if (r >= 0)
                r = sd_event_source_set_enabled(account->pump, SD_EVENT_OFF);
        if (r < 0)
                return r;
        account_arm(account, 0, 1, start);

        *ret_account = TAKE_PTR(account);
        return 0;
}

Account *account_free(Account *account) {
        if (!account)
                return NULL;

        if (account->engine)
                account_disconnect(account);
        sd_event_source_disable_unref(account->timer);
        sd_event_source_disable_unref(account->pump);
        connection_free(account->closed);
        maildir_watch_free(account->watch);
        engine_free(account->engine);
        imap_replica_free(account->remote);
        maildir_replica_free(account->local);
        maildir_root_free(account->root);
        state_db_free(account->db);
        secret_free(account->secret);
        free(account->prefix);
        free(account->server);
        free(account->quirks_text);
        free(account);
        return NULL;
}

/* --- what people ask and want --- */

const AccountConfig *account_config(const Account *account) {
        return account->config;
}

const char *account_name(const Account *account) {
        return account->config->name;
}

static const char *describe_remote(const Account *account) {
        static char text[300];
        const Endpoint *remote = &account->config->remote;

        if (remote->tunnel)
                return remote->tunnel;
        (void) snprintf(text, sizeof(text), strchr(remote->host, ':') ? "[%s]:%u" : "%s:%u",
                        remote->host, remote->port);
        return text;
}

static int add_left_out(const EngineMailbox *mailbox, void *userdata) {
        Buffer *names = userdata;

        if (!mailbox->left_out[0])
                return 0;
        return buffer_append_format(names, "%s%s", names->size > 0 ? ", " : "", mailbox->name);
}

static const char *describe_left_out(const Account *account) {
        _cleanup_(buffer_done) Buffer names = BUFFER_NULL;
        static char text[1000];

        text[0] = '\0';
        if (account->engine && engine_each_mailbox(account->engine, add_left_out, &names) >= 0)
                (void) snprintf(text, sizeof(text), "%.*s", (int) MIN(names.size, sizeof(text)),
                                names.data ? names.data : "");
        return text;
}

AccountStatus account_status(Account *account) {
        const EngineTotals totals =
                account->engine ? engine_totals(account->engine) : (EngineTotals){0};
        ConnectionTraffic traffic = account->traffic_before;

        if (account->connection) {
                const ConnectionTraffic now = connection_traffic(account->connection);

                traffic.bytes_in += now.bytes_in;
                traffic.bytes_out += now.bytes_out;
        }
        return (AccountStatus){
                .name = account_name(account),
                .state = account->state,
                .sentence = account->sentence,
                .remote = describe_remote(account),
                .local = account->config->maildir,
                .waits = account->is_attached && account->mode != WAIT_NONE ? account->waits : "",
                .waits_why = account->is_attached && account->mode != WAIT_NONE ? account->waits_why
                                                                                : "",
                .quirks = account->quirks_text ? account->quirks_text : "",
                .mailboxes = totals.mailboxes,
                .messages = totals.messages,
                .pending = totals.pending,
                .held = totals.held,
                .parked = totals.parked,
                .bytes_left = totals.bytes_left,
                .last_sync_usec = (uint64_t) account->last_sync_usec,
                .retry_usec = (uint64_t) account->retry_usec,
                .connected_usec = (uint64_t) account->connected_usec,
                .bytes_in = traffic.bytes_in,
                .bytes_out = traffic.bytes_out,
                .flags_since_usec =
                        account->engine ? (uint64_t) engine_flags_since(account->engine) : 0,
                .compressed = account->is_compressed,
                .encrypted = account->connection && connection_is_encrypted(account->connection),
                .left_out = describe_left_out(account),
        };
}

int account_each_mailbox(Account *account,
                         int (*each)(const EngineMailbox *mailbox, void *userdata),
                         void *userdata) {
        return account->engine ? engine_each_mailbox(account->engine, each, userdata) : 0;
}

uint64_t account_count_unseen(Account *account, const char *mailbox) {
        return account->engine ? engine_count_unseen(account->engine, mailbox) : 0;
}

bool account_is_busy(const Account *account) {
        if (account->finished || account->paused)
                return false;
        return account->state == ACCOUNT_STATE_STARTING ||
               account->state == ACCOUNT_STATE_CONNECTING ||
               account->state == ACCOUNT_STATE_SYNCING ||
               (account->is_attached && engine_is_busy(account->engine));
}

bool account_is_in_sync(Account *account) {
        EngineTotals totals;

        if (!account->engine)
                return false;
        totals = engine_totals(account->engine);
        return totals.failed == 0 && totals.held == 0 && totals.parked == 0 &&
               (account->state == ACCOUNT_STATE_IN_SYNC ||
                (account->options.once && account->state == ACCOUNT_STATE_SYNCING));
}

/* What could not be opened is tried again when a person asks. */
static void wake(Account *account) {
        if (!account->engine)
                account_arm(account, 0, 1, start);
        else if (!account->is_attached && !account->connection)
                account_arm(account, 0, 1, account_connect);
}

int account_sync(Account *account, const char *const *mailboxes, size_t n_mailboxes) {
        if (account->engine && n_mailboxes == 0) {
                engine_mark_all(account->engine);
                (void) engine_list(account->engine);
        }
        for (size_t i = 0; account->engine && i < n_mailboxes; i++) {
                if (!engine_find_mailbox(account->engine, mailboxes[i]))
                        return -ENOENT;
                (void) engine_retry_parked(account->engine, mailboxes[i]);
                (void) engine_mark(account->engine, mailboxes[i], SIDE_REMOTE, NULL);
                (void) engine_mark(account->engine, mailboxes[i], SIDE_LOCAL, NULL);
        }
        wake(account);
        account_pump_soon(account);
        return 0;
}

static int collect_name(const EngineMailbox *mailbox, void *userdata) {
        if (mailbox->left_out[0])
                return 0;
        return buffer_append(userdata, &mailbox->name, sizeof(mailbox->name));
}

int account_verify(Account *account, const char *const *mailboxes, size_t n_mailboxes) {
        _cleanup_(buffer_done) Buffer all = BUFFER_NULL;
        int r;

        if (!account->engine)
                return account_sync(account, NULL, 0); /* open it, and look at everything */
        if (n_mailboxes == 0) {
                r = engine_each_mailbox(account->engine, collect_name, &all);
                if (r < 0)
                        return r;
                mailboxes = (const char *const *) (const void *) all.data;
                n_mailboxes = all.size / sizeof(*mailboxes);
        }
        for (size_t i = 0; i < n_mailboxes; i++) {
                if (!engine_find_mailbox(account->engine, mailboxes[i]))
                        return -ENOENT;
                (void) engine_verify(account->engine, mailboxes[i]);
        }
        wake(account);
        account_pump_soon(account);
        return 0;
}

void account_pause(Account *account, bool pause) {
        if (account->paused == pause)
                return;
        account->paused = pause;
        if (!pause) {
                account_set_state(account, ACCOUNT_STATE_CONNECTING, " ");
                wake(account);
                return;
        }
        if (account->engine)
                account_disconnect(account);
        account_disarm(account);
        account->retry_usec = 0;
        account_set_state(account, ACCOUNT_STATE_PAUSED, " ");
}

int account_confirm(Account *account, const char *mailbox) {
        int r;

        if (!account->engine)
                return STATE_DB_E_NONE;
        r = engine_confirm(account->engine, mailbox);
        account_pump_soon(account);
        return r;
}
