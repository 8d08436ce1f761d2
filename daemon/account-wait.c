/*
 * An account: waiting, as well as the server allows
 *
 * sync/wait-ladder.h decides how. NOTIFY tells of every mailbox, with nothing selected, and needs only
 * a sign of life from time to time; that sign is a look at all mailboxes, which also finds what NOTIFY
 * has missed. Else IDLE on INBOX, and a look at the others each poll interval. Else only that.
 *
 * A look and the IDLE behind it leave in one write: DONE, UNSELECT, LIST, SELECT, IDLE.
 */

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "daemon/account-private.h"
#include "daemon/log.h"

#define SECOND ((uint64_t) 1000000)

/* After a silence an answer is due sooner than it would be else: is anybody there? */
#define PROBE_USEC (20 * SECOND)

/* Mailboxes that failed are tried again after 30 s, 1 min, 2 min ... */
#define RETRY_FIRST (30 * SECOND)
#define RETRY_MAX   (900 * SECOND)

uint64_t account_uptime(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

static int collect_wire(const char *wire, void *userdata) {
        const ByteView view = bytes_of(wire);

        return buffer_append(userdata, &view, sizeof(view));
}

static bool has_list_status(const Account *account) {
        return imap_has(&account->capabilities, IMAP_CAPABILITY_LIST_STATUS);
}

/*
 * A frequent look leaves out what is not needed each time. A mailbox that was deleted and made again may
 * have the very numbers of the old one but UIDVALIDITY, which costs three bytes a mailbox. And INBOX
 * stays selected for the IDLE, so only a full look finds what neither IDLE nor a command tells of it.
 */
#define LOOKS_PER_FULL_ONE 20u

/* How do the mailboxes stand: all, where one command tells, else those that are due? */
static int poll_mailboxes(Account *account) {
        const unsigned items =
                IMAP_STATUS_MESSAGES | IMAP_STATUS_UIDNEXT | IMAP_STATUS_HIGHESTMODSEQ;
        _cleanup_(buffer_done) Buffer views = BUFFER_NULL;
        int r = 0;

        if (!has_list_status(account))
                r = engine_each_due(account->engine, SIDE_REMOTE, account_now(),
                                    (int64_t) account->options.poll_interval_usec, collect_wire,
                                    &views);
        if (r < 0)
                return r;

        const ByteView *wires = (const ByteView *) (const void *) views.data;
        const size_t n = views.size / sizeof(*wires);

        if (account->mode == WAIT_NOTIFY || account->n_looks++ % LOOKS_PER_FULL_ONE == 0)
                return imap_replica_poll(account->remote, items | IMAP_STATUS_UIDVALIDITY, wires,
                                         n);
        return imap_replica_poll_others(account->remote, items, wires, n);
}

static void on_due(Account *account);

static void arm(Account *account) {
        const uint64_t due = MIN(account->poll_due, MIN(account->life_due, account->retry_due));
        const uint64_t now = account_uptime(), usec = due > now ? due - now : 0;

        account_arm(account, usec, MIN(usec / 10 + 1, 60 * SECOND), on_due);
}

/* We have not spoken for a while: the answer tells whether the connection has outlived that. */
static void break_silence(Account *account) {
        const uint64_t now = account_uptime();

        account->silence = now - account->spoken;
        account->spoken = now;
        if (account->silence >= PROBE_USEC)
                connection_expect(account->connection,
                                  MIN(PROBE_USEC, account->config->timeout_usec));
}

static void plan_next(Account *account) {
        const uint64_t now = account_uptime(), interval = account->options.poll_interval_usec;
        const uint64_t life = wait_silence(&account->wait);

        account->poll_due = account->life_due = now + life;
        if (account->mode != WAIT_NOTIFY || account->watch_is_broken)
                account->poll_due = now + interval;
}

static int start_idle(Account *account) {
        ReplicaMailbox *inbox = engine_replica_mailbox(account->engine, "INBOX", SIDE_REMOTE);

        return inbox ? imap_replica_idle(account->remote, inbox) : 0;
}

/* Time for a look: at the server, and at the folders if inotify does not tell. */
static int look(Account *account) {
        const bool was_idle = account->mode == WAIT_IDLE;
        int r;

        if (account->watch_is_broken)
                (void) engine_list(account->engine);
        account->idle_is_silent = was_idle && !imap_replica_idle_told(account->remote);
        account->is_polling = true;
        r = poll_mailboxes(account);
        return r == 0 && was_idle ? start_idle(account) : r;
}

static int show_sign_of_life(Account *account) {
        return account->mode == WAIT_IDLE ? start_idle(account)
                                          : imap_replica_noop(account->remote);
}

static void on_due(Account *account) {
        const uint64_t now = account_uptime();
        int r = 0;

        if (!account->is_attached)
                return;

        if (now >= account->retry_due) {
                account->retry_due = UINT64_MAX;
                engine_retry(account->engine);
        }
        if (now >= MIN(account->poll_due, account->life_due)) {
                break_silence(account);
                r = now >= account->poll_due ? look(account) : show_sign_of_life(account);
                plan_next(account);
        }
        if (r < 0) {
                account_lose(account, r, strerror(-r));
                return;
        }
        arm(account);
        account_pump(account);
}

/* Mailboxes with a problem get another try, less and less often. */
static void plan_retry(Account *account, bool failed) {
        const uint64_t first = MIN(RETRY_FIRST, account->options.poll_interval_usec);

        if (!failed) {
                account->retry_span = 0;
                account->retry_due = UINT64_MAX;
                return;
        }
        if (account->retry_due != UINT64_MAX)
                return;
        account->retry_span =
                account->retry_span > 0 ? MIN(account->retry_span * 2, RETRY_MAX) : first;
        account->retry_due = account_uptime() + account->retry_span;
}

/* What the server does beside what it should. */
static void say_why(Account *account, const char *why) {
        const unsigned long long chatter = imap_replica_n_chatter(account->remote);
        char more[96] = "", dead[96] = "";

        if (account->mode == WAIT_IDLE && chatter > 0)
                (void) snprintf(more, sizeof(more), "%sIDLE has sent %llu lines without news",
                                *why ? "; " : "", chatter);
        if (account->wait.n_deaths > 0)
                (void) snprintf(dead, sizeof(dead),
                                "%sfound dead %u times, so never silent for more than %llu min",
                                *why || *more ? "; " : "", account->wait.n_deaths,
                                (unsigned long long) (wait_silence(&account->wait) / SECOND / 60));
        (void) snprintf(account->waits_why, sizeof(account->waits_why), "%s%s%s", why, more, dead);
}

static void say_how(Account *account) {
        const unsigned long long seconds = account->options.poll_interval_usec / SECOND;
        const bool one_command = has_list_status(account);

        if (account->mode == WAIT_NOTIFY)
                (void) snprintf(account->waits, sizeof(account->waits), "NOTIFY");
        else
                (void) snprintf(account->waits, sizeof(account->waits), "%s%s every %llu s%s",
                                account->mode == WAIT_IDLE ? "IDLE on INBOX, " : "",
                                one_command ? "LIST-STATUS" : "STATUS", seconds,
                                one_command || (int64_t) account->options.poll_interval_usec >=
                                                        WAIT_COLD
                                        ? ""
                                        : ", of quiet mailboxes more rarely");
}

static int start(Account *account) {
        const char *why;
        WaitRung rung = wait_choose(&account->wait, &account->capabilities, account_now(), &why);

        if (rung == WAIT_RUNG_IDLE &&
            !engine_replica_mailbox(account->engine, "INBOX", SIDE_REMOTE)) {
                rung = WAIT_RUNG_POLL;
                why = "INBOX is not synchronised, so there is nothing for IDLE";
        }
        account->mode = rung == WAIT_RUNG_NOTIFY ? WAIT_NOTIFY
                        : rung == WAIT_RUNG_IDLE ? WAIT_IDLE
                                                 : WAIT_POLL;
        if (account->mode == WAIT_IDLE && account->idle_failed)
                account->mode = WAIT_POLL; /* until the next look */
        plan_next(account);
        say_how(account);
        say_why(account, why);

        if (account->mode == WAIT_NOTIFY)
                return imap_replica_notify(account->remote);
        return account->mode == WAIT_IDLE ? start_idle(account) : 0;
}

/* The engine has nothing to do: wait. A mode that is on already stays on; IDLE ends with any work. */
void account_wait(Account *account) {
        bool is_on = account->mode == WAIT_NOTIFY || account->mode == WAIT_POLL;
        int r = 0;

        account->spoken = account_uptime();
        account->idle_is_silent &= account->is_polling;
        plan_retry(account, engine_totals(account->engine).failed > 0);
        is_on |= account->mode == WAIT_IDLE && imap_replica_is_idle(account->remote);
        if (!is_on) {
                if (imap_replica_is_busy(account->remote))
                        return; /* a look is under way */
                r = start(account);
        }
        if (r < 0)
                account_lose(account, r, strerror(-r));
        else
                arm(account);
}

/* A mailbox is looked at: who has told of that? */
void account_on_run(Account *account, const EngineNote *note) {
        if (account->mode != WAIT_IDLE || note->side != SIDE_REMOTE ||
            strcmp(note->mailbox, "INBOX") != 0)
                return;

        if (imap_replica_idle_told(account->remote))
                wait_on_told(&account->wait);
        else if (account->idle_is_silent) {
                wait_on_missed(&account->wait, account_now());
                account->mode = WAIT_NONE; /* choose again */
        }
        account->idle_is_silent = false;
}

/* Something that was not answered for so long is no answer to us: it was silent, and is dead. */
void account_on_dead(Account *account, int error) {
        if (account->silence == 0 ||
            (error != -ETIMEDOUT && error != -ECONNRESET && error != -EPIPE))
                return;
        wait_on_silent_death(&account->wait, account->silence);
        account->silence = 0;
}

static void on_refused(Account *account, const ReplicaEvent *done) {
        const char *what = done->cookie == IMAP_REPLICA_NOTIFY ? "NOTIFY" : "IDLE";

        log_notice("%s: no %s: %s", account_name(account), what,
                   done->text ? done->text : "no reason given");
        if (done->outcome == REPLICA_REFUSED && done->cookie == IMAP_REPLICA_NOTIFY)
                account->wait.notify_refused = true;
        if (done->outcome == REPLICA_REFUSED && done->cookie == IMAP_REPLICA_IDLE)
                account->wait.idle_refused = true;
        account->idle_failed = done->cookie == IMAP_REPLICA_IDLE;
        account->mode = done->cookie == IMAP_REPLICA_NOTIFY ? WAIT_NONE : WAIT_POLL;
        account_pump_soon(account);
}

void account_on_waited(Side side, const ReplicaEvent *done, void *userdata) {
        Account *account = userdata;

        (void) side;

        if (account->silence > 0) {
                wait_on_survived(&account->wait, account->silence);
                account->silence = 0;
        }
        if (done->cookie == IMAP_REPLICA_POLL) {
                account->is_polling = false;
                account->idle_failed = false;
                if (account->mode == WAIT_POLL)
                        account->mode = WAIT_NONE; /* is there a better way by now? */
        } else if (done->outcome != REPLICA_OK && done->cookie != IMAP_REPLICA_NOOP)
                on_refused(account, done);
}

/* NOTIFY has given up for now: ask for it again, which shows what was missed. */
void account_on_overflow(Account *account) {
        wait_on_overflow(&account->wait, account_now());
        if (account->mode == WAIT_NOTIFY)
                account->mode = WAIT_NONE;
        account_pump_soon(account);
}
