/* An account: its life, its state, and the pump between engine and connection. */

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/advice.h"
#include "daemon/account-private.h"
#include "daemon/digest.h"
#include "daemon/log.h"

int64_t account_now(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* What waits for it would wait for ever. */
void account_end_without_timer(Account *account, const char *title, int error) {
        (void) log_error_errno(error, "%s: a timer cannot be set: %m; start imapsyncd again",
                               title);
        (void) sd_event_exit(account->event, 1);
}

static void arm(Account *account, Timer *timer, uint64_t usec, uint64_t accuracy,
                void (*callback)(void *userdata)) {
        int r;

        r = timer_arm(timer, account->event, usec, accuracy, callback, account);
        if (r < 0)
                account_end_without_timer(account, account_name(account), r);
}

static int on_pump(sd_event_source *source, void *userdata) {
        Account *account = userdata;

        (void) source;
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                link->closed = connection_free(link->closed);
        account_go_on_with_logins(account);
        account_pump(account);
        return 0;
}

void account_pump_soon(Account *account) {
        if (account->pump)
                (void) sd_event_source_set_enabled(account->pump, SD_EVENT_ONESHOT);
}

/* --- the pump --- */

/*
 * What a server broke is told by its replica, else it is our own side. Only a link that is attached takes
 * the engine with it, which must forget what it was about.
 */
static void on_pump_failed(Account *account, int error) {
        const char *why = engine_error(account->engine);
        AccountLink *lost = NULL;
        char text[512];

        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link)) {
                if (!imap_replica_is_attached(link->replica))
                        continue;
                if (!lost || *imap_replica_error(link->replica))
                        lost = link;
        }
        if (!lost)
                return;
        if (*why)
                (void) snprintf(text, sizeof(text), "%.200s/%.100s.db: %.150s%s",
                                account->options.state_dir, account_name(account), why,
                                error_advice(error));
        else
                (void) snprintf(text, sizeof(text), "%s", strerror(-error));
        if (*imap_replica_error(lost->replica))
                (void) snprintf(text, sizeof(text), "%s", imap_replica_error(lost->replica));
        account_lose(lost, error, text);
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
            account_save_map(account) < 0 || state_db_commit(account->db) < 0)
                state_db_rollback(account->db);
}

/* Mailboxes that failed are tried again after 30 s, 1 min, 2 min ... */
#define RETRY_FIRST ((uint64_t) 30 * 1000000)
#define RETRY_MAX   ((uint64_t) 900 * 1000000)

static void on_retry_due(void *userdata) {
        Account *account = userdata;

        account->retry_is_armed = false;
        engine_retry(account->engine);
        account_pump(account);
}

void account_forget_retry(Account *account) {
        account->retry_is_armed = false;
        timer_disarm(&account->retry);
}

static void plan_retry(Account *account, bool failed) {
        const uint64_t first = MIN(RETRY_FIRST, account->policy.poll_interval_usec);

        if (!failed) {
                account->retry_span = 0;
                account_forget_retry(account);
                return;
        }
        if (account->retry_is_armed || account->holds)
                return;
        account->retry_span =
                account->retry_span > 0 ? MIN(account->retry_span * 2, RETRY_MAX) : first;
        account->retry_is_armed = true;
        arm(account, &account->retry, account->retry_span, account->retry_span / 10, on_retry_due);
}

/* What inotify tells of our own doing is looked at while we are awake, not in a turn of its own. */
static void take_echoes(Account *account) {
        if (account->wrote_files && account->watch && !account->watch_is_broken)
                maildir_watch_flush(account->watch);
        account->wrote_files = false;
}

void account_relax(Account *account) {
        if (engine_conclude(account->engine) >= 0) /* else the next pump says so */
                state_db_relax(account->db);
}

static void on_idle(Account *account) {
        const EngineTotals totals = engine_totals(account->engine);

        account->last_sync_usec = account_now();
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link)) {
                link->n_attempts = link->n_back_offs = 0;
                account_learn_session(link);
                /* all was looked at, and now it waits */
                if (link->mode == WAIT_NONE && !account->options.once)
                        account_relax(account);
        }
        note_uidvalidity_check(account);
        if (account->options.once || account->stopping) {
                account_tell_parked(account, &totals);
                account_finish(account);
                return;
        }
        plan_retry(account, totals.failed > 0);
        take_echoes(account);
        account_wait_for_uploads(account);
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                account_wait(link);
        if (account_is_whole(account))
                account_show_totals(account, &totals);
}

static bool may_speak(const AccountLink *link) {
        return imap_replica_is_attached(link->replica) && link->state != LINK_THROTTLED;
}

/* What all have to say leaves now. */
static void flush(Account *account) {
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                if (may_speak(link))
                        connection_flush(link->connection);
}

/* A link waits alone while the other one is away, or has to be silent; not if it is about to come. */
static void wait_alone(Account *account) {
        if (account->holds)
                return;
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link)) {
                const AccountLink *other = account->links[side_other(link->side)];

                if (link->state == LINK_READY && other && other->state != LINK_CONNECTING)
                        account_wait(link);
        }
}

/* A login that is not over has its answers for itself, and took them all: what can be read belongs to the
 * replicas. */
static bool may_pump(const Account *account) {
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                if (imap_replica_is_attached(link->replica) && !link->login)
                        return !account->finished;
        return false;
}

static void pump(Account *account) {
        int r;

        account_gather(account);
        r = engine_pump(account->engine, account_now());
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                account_log_skipped(link);
        if (r < 0) {
                on_pump_failed(account, r);
                return;
        }
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                (void) account_is_told_to_wait(link);
        if (account->finished)
                return;
        if (!account_is_whole(account))
                wait_alone(account);
        else if (r == 0)
                on_idle(account);
        else
                account_set_state(account, ACCOUNT_STATE_SYNCING, " ");
        flush(account);
}

void account_pump(Account *account) {
        if (may_pump(account))
                pump(account);
}

/* The last link was attached behind its login: what the engine asks for first travels with that. */
void account_begin(Account *account) {
        (void) engine_pump(account->engine, account_now());
        flush(account);
}

/* --- the end --- */

static void finished(Account *account) {
        account->finished = true;
        timer_disarm(&account->timer);
        account_forget_retry(account);
        account_forget_gathering(account);
        if (account->stopping && account->on_stopped)
                account->on_stopped(account, account->stopped_userdata);
        else if (account->options.once)
                account->options.on_finished(account, account->options.userdata);
}

#define SETTLE_USEC   ((uint64_t) 30000) /* more than a tick of the file system's clock */
#define SETTLE_ROUNDS 4u                 /* others may be at work in the folders */

/* Take in what inotify has to tell, our own doing for the most part, and look at it. */
static void on_settled(void *userdata) {
        Account *account = userdata;

        maildir_watch_flush(account->watch);
        account->settling = SETTLE_COMMIT;
        if (account_is_whole(account))
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

/* Else each folder that was written to since the start looks as if it had changed. */
void account_settle(Account *account) {
        if (account->watch && !account->watch_is_broken)
                maildir_watch_flush(account->watch);
        if (may_settle(account))
                commit_stamps(account);
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
                arm(account, &account->timer, SETTLE_USEC, 1, on_settled);
                return;
        }
        if (account->settling == SETTLE_WAIT)
                return;
        if (account->settling == SETTLE_COMMIT && may_settle(account)) {
                commit_stamps(account);
                if (++account->n_settled < SETTLE_ROUNDS && may_settle(account)) {
                        account->settling = SETTLE_WAIT;
                        arm(account, &account->timer, SETTLE_USEC, 1, on_settled);
                        return;
                }
        }

        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                if (imap_replica_is_attached(link->replica))
                        (void) imap_replica_logout(link->replica);
        if (account->engine)
                account_disconnect_all(account);
        if (account_hooks_finish(account))
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

static Direction direction_of(const char *mailbox, void *userdata) {
        return account_config_direction(((Account *) userdata)->config, mailbox);
}

static uint64_t size_limit_of(const char *mailbox, void *userdata) {
        return account_config_size_limit(((Account *) userdata)->config, mailbox);
}

static uint64_t age_limit_of(const char *mailbox, void *userdata) {
        return account_config_age_limit(((Account *) userdata)->config, mailbox);
}

static uint64_t count_limit_of(const char *mailbox, void *userdata) {
        return account_config_count_limit(((Account *) userdata)->config, mailbox);
}

static bool has_written(const EngineCounts *counts) {
        return counts->added[SIDE_LOCAL] > 0 || counts->changed[SIDE_LOCAL] > 0 ||
               counts->moved[SIDE_LOCAL] > 0 || counts->removed[SIDE_LOCAL] > 0;
}

static void on_note(const EngineNote *note, void *userdata) {
        Account *account = userdata;
        AccountLink *link = account->links[note->side];

        account_hooks_note(account, note);
        switch (note->type) {
        case ENGINE_NOTE_OVERFLOW:
                account_on_overflow(link);
                return;
        case ENGINE_NOTE_RUN:
                if (link)
                        account_on_run(link, note);
                if (account->options.once)
                        account_watch_mailbox(account, note->mailbox);
                return;
        case ENGINE_NOTE_CREATED:
        case ENGINE_NOTE_RENAMED:
                if (note->side == SIDE_LOCAL)
                        account_watch_mailbox(account, note->mailbox);
                break;
        case ENGINE_NOTE_SYNCED:
                account->wrote_files |= has_written(note->counts);
                break;
        case ENGINE_NOTE_REMOVED:
        case ENGINE_NOTE_FAILED:
        case ENGINE_NOTE_HELD:
        case ENGINE_NOTE_PARKED:
        case ENGINE_NOTE_NOTICE:
        case ENGINE_NOTE_WOULD:
        case ENGINE_NOTE_ALERT:
        case ENGINE_NOTE_PROGRESS:
        case ENGINE_NOTE_DIFFERENCE:
        case ENGINE_NOTE_INSPECTED:
                break;
        }
        account->options.on_note(account, note, account->options.userdata);
}

/* --- life --- */

/* What the engine did not ask for is a link's. */
static void on_waited(Side side, const ReplicaEvent *done, void *userdata) {
        Account *account = userdata;

        account_on_waited(account->links[side], done);
}

static int make_replica(AccountLink *link) {
        const Account *account = link->account;
        const ImapReplicaOptions options = {
                .once = account->options.once,
                .want_special_use =
                        link->side == SIDE_REMOTE && account->config->deleted == DELETED_TRASH,
                .skip_uidvalidity = account->options.once && !is_uidvalidity_due(account),
                .want_subscribed = !account->options.once || is_uidvalidity_due(account) ||
                                   account->config->only_subscribed,
                .prefix = link->prefix,
                .list_reference = link->endpoint->list_reference,
                .map = link->side == SIDE_REMOTE ? account->config->map : NULL,
                .overrides = link->endpoint->overrides,
        };

        return link->replica ? 0 : imap_replica_new(link->side, &options, &link->replica);
}

static Replica *replica_of(const Account *account, Side side) {
        return account->links[side] ? imap_replica_base(account->links[side]->replica)
                                    : account->maildir;
}

static int make_engine(Account *account) {
        const EngineOptions options = {
                .brake = {account->config->brake_percent, account->config->brake_count},
                .deletion = account->config->delete_mailboxes,
                .only_subscribed = account->config->only_subscribed,
                .deleted = account->config->deleted,
                .dry_run = account->options.dry_run,
                .flag_scan = (int64_t) account->options.flag_scan_usec,
                .once = account->options.once,
                .concludes_late = !account->options.once,
                .digest = &digest_sha256,
                .wants = wants,
                .direction = direction_of,
                .size_limit = size_limit_of,
                .age_limit = age_limit_of,
                .count_limit = count_limit_of,
                .note = on_note,
                .waited = on_waited,
                .userdata = account,
        };
        int r = 0;

        for (AccountLink *link = account_next_link(account, NULL); link && r >= 0;
             link = account_next_link(account, link))
                r = make_replica(link);
        if (r < 0)
                return r;
        r = engine_new(account->db, replica_of(account, SIDE_REMOTE),
                       replica_of(account, SIDE_LOCAL), &options, &account->engine);
        if (r < 0)
                return r;
        engine_hold(account->engine, true);
        engine_set_policy(account->engine, &account->policy);
        return 0;
}

/* Opened from the loop, so that a failure reaches an owner that is complete. */
static void start(void *userdata) {
        Account *account = userdata;
        int r;

        r = account_open_sides(account);
        if (r >= 0) {
                r = make_engine(account);
                if (r < 0)
                        account_set_state(account, ACCOUNT_STATE_REFUSED, "%s",
                                          *state_db_error(account->db) ? state_db_error(account->db)
                                                                       : strerror(-r));
        }
        if (r >= 0) {
                account_connect_all(account);
                return;
        }
        if (account->state != ACCOUNT_STATE_REFUSED) /* a failure that nobody has put into words */
                account_set_state(account, ACCOUNT_STATE_REFUSED,
                                  "the account cannot be started: %s; start imapsyncd again",
                                  strerror(-r));
        log_about(LOG_ERR, (LogSubject){account_name(account)}, "%s", account->sentence);
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
        account->policy = options->policy;

        r = account_hooks_begin(account);
        if (r < 0)
                return r;
        r = sd_event_add_defer(event, &account->pump, on_pump, account);
        if (r >= 0)
                r = sd_event_source_set_enabled(account->pump, SD_EVENT_OFF);
        if (r < 0)
                return r;
        arm(account, &account->timer, 0, 1, start);

        *ret_account = TAKE_PTR(account);
        return 0;
}

Account *account_free(Account *account) {
        if (!account)
                return NULL;

        if (account->engine)
                account_disconnect_all(account);
        timer_done(&account->timer);
        timer_done(&account->retry);
        timer_done(&account->upload);
        sd_event_source_disable_unref(account->pump);
        maildir_watch_free(account->watch);
        engine_free(account->engine);
        for (Side side = 0; side < _SIDE_MAX; side++)
                account_link_free(account->links[side]);
        maildir_replica_free(account->maildir);
        maildir_root_free(account->root);
        account_hooks_free(account);
        state_db_free(account->db);
        free(account);
        return NULL;
}

const AccountConfig *account_config(const Account *account) {
        return account->config;
}

const char *account_name(const Account *account) {
        return account->config->name;
}

static void on_wake(void *userdata) {
        account_connect_all(userdata);
}

void account_wake(Account *account) {
        if (account->stopping || account->finished || account->paused)
                return;
        if (!account->engine)
                account_set_state(account, ACCOUNT_STATE_STARTING, " ");
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                if (account->engine && !link->connection)
                        account_link_set_state(link, LINK_CONNECTING, " ");
        arm(account, &account->timer, 0, 1, account->engine ? on_wake : start);
}
