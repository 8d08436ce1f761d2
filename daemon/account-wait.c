/*
 * An account: waiting, as well as each server allows
 *
 * sync/wait-ladder.h decides how. NOTIFY tells of every mailbox, with nothing selected, and needs only
 * a sign of life from time to time; that sign is a look at all mailboxes, which also finds what NOTIFY
 * has missed. Else IDLE on INBOX, and a look at the others each poll interval. Else only that.
 *
 * One pulse has the signs of life of all accounts leave together, and their answers are left in the sockets
 * for a moment, to be read together too. What is between here and the server is kept awake by the kernel.
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

uint64_t account_uptime(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

static int collect_wire(const char *wire, void *userdata) {
        const ByteView view = bytes_of(wire);

        return buffer_append(userdata, &view, sizeof(view));
}

static bool has_list_status(const AccountLink *link) {
        return imap_has(&link->capabilities, IMAP_CAPABILITY_LIST_STATUS);
}

/*
 * A frequent look leaves out what is not needed each time. A mailbox that was deleted and made again may
 * have the very numbers of the old one but UIDVALIDITY, which costs three bytes a mailbox. And INBOX
 * stays selected for the IDLE, so only a full look finds what neither IDLE nor a command tells of it.
 */
#define LOOKS_PER_FULL_ONE 20u

/* Of INBOX alone: the others wait for another policy, or for the server to tell of them. */
static int poll_inbox(AccountLink *link, unsigned items) {
        ReplicaMailbox *inbox = engine_replica_mailbox(link->account->engine, "INBOX", link->side);
        const ByteView wire = bytes_of(inbox ? inbox->wire : "");

        if (inbox)
                return imap_replica_poll_only(link->replica, items | IMAP_STATUS_UIDVALIDITY, &wire,
                                              1);
        link->is_polling = false;
        return imap_replica_noop(link->replica);
}

/* How do the mailboxes stand: all, where one command tells, else those that are due? */
static int poll_mailboxes(AccountLink *link) {
        const unsigned items =
                IMAP_STATUS_MESSAGES | IMAP_STATUS_UIDNEXT | IMAP_STATUS_HIGHESTMODSEQ;
        _cleanup_(buffer_done) Buffer views = BUFFER_NULL;
        int r = 0;

        if (!link->account->policy.all_mailboxes)
                return poll_inbox(link, items);
        if (!has_list_status(link))
                r = engine_each_due(link->account->engine, link->side, account_now(),
                                    (int64_t) link->account->policy.poll_interval_usec,
                                    collect_wire, &views);
        if (r < 0)
                return r;

        const ByteView *wires = (const ByteView *) (const void *) views.data;
        const size_t n = views.size / sizeof(*wires);

        if (link->mode == WAIT_NOTIFY || link->n_looks++ % LOOKS_PER_FULL_ONE == 0)
                return imap_replica_poll(link->replica, items | IMAP_STATUS_UIDVALIDITY, wires, n);
        return imap_replica_poll_others(link->replica, items, wires, n);
}

static void on_due(void *userdata);

static void arm(AccountLink *link) {
        int r;

        if (link->account->holds)
                return;
        timer_disarm(&link->timer);
        r = pulse_arm(link->account->options.pulse, &link->beat, wait_earliest(&link->plan),
                      wait_latest(&link->plan), on_due, link);
        if (r < 0)
                account_end_without_timer(link->account, link->title, r);
}

/* We have not spoken for a while: the answer tells whether the connection has outlived that. */
static void break_silence(AccountLink *link) {
        const uint64_t now = account_uptime();

        link->silence = now - link->spoken;
        link->spoken = link->said = now;
        if (link->silence >= PROBE_USEC)
                connection_expect(link->connection,
                                  MIN(PROBE_USEC, link->account->config->timeout_usec));
}

/* How often is there to be a look beside the signs of life? 0: never. */
static uint64_t look_interval(const AccountLink *link) {
        const Account *account = link->account;

        if (!account_is_whole(account))
                return 0; /* whatever it finds can wait until the other side is back */
        if (link->mode == WAIT_NOTIFY && !account->watch_is_broken)
                return 0;
        if (link->mode == WAIT_IDLE && !account->policy.all_mailboxes)
                return 0; /* it tells of the only one */
        return account->policy.poll_interval_usec;
}

static void plan_next(AccountLink *link, bool has_looked) {
        link->wait.is_probed = true; /* if it can be had */
        link->wait.is_probed = connection_keep_alive(link->connection, wait_probe(&link->wait));
        wait_plan(&link->plan, &link->wait, account_uptime(), look_interval(link), has_looked);
}

/* How much has the server said during IDLE that told nothing? */
static void measure_chatter(AccountLink *link) {
        const uint64_t now = account_uptime(), n = imap_replica_n_chatter(link->replica);

        if (link->idle_since > 0 && n >= link->n_chatter)
                wait_on_idled(&link->wait, now - link->idle_since, n - link->n_chatter);
        link->idle_since = now;
        link->n_chatter = n;
}

static int start_idle(AccountLink *link) {
        ReplicaMailbox *inbox = engine_replica_mailbox(link->account->engine, "INBOX", link->side);

        if (!imap_replica_is_idle(link->replica)) {
                link->idle_since = account_uptime();
                link->n_chatter = imap_replica_n_chatter(link->replica);
        }
        return inbox ? imap_replica_idle(link->replica, inbox) : 0;
}

/* Time for a look: at the server, and at the folders if inotify does not tell. */
static int look(AccountLink *link) {
        const bool was_idle = link->mode == WAIT_IDLE;
        int r;

        if (link->account->watch_is_broken)
                (void) engine_list(link->account->engine);
        link->idle_is_silent = was_idle && !imap_replica_idle_told(link->replica);
        link->is_polling = true;
        r = poll_mailboxes(link);
        return r == 0 && was_idle ? start_idle(link) : r;
}

static int show_sign_of_life(AccountLink *link) {
        return link->mode == WAIT_IDLE ? start_idle(link) : imap_replica_noop(link->replica);
}

/* DONE is a sign of life; what waits without IDLE needs another, since a look may have nothing to ask. */
int account_look_now(AccountLink *link) {
        int r = 0;

        link->spoken = link->said = account_uptime();
        if (link->mode != WAIT_IDLE)
                r = imap_replica_noop(link->replica);
        if (r == 0)
                r = look(link);
        if (r < 0)
                return r;
        plan_next(link, true);
        arm(link);
        return 0;
}

static void on_lull_over(void *userdata) {
        AccountLink *link = userdata;

        if (link->connection)
                connection_hold_input(link->connection, false);
}

#define LULL_MIN (SECOND / 100) /* less is not worth a timer */

/* Who is alone reads its answer when it comes. Those who had their turn with us all have the same window, so one
 * wake-up reads what all of them get. */
static void begin_lull(AccountLink *link) {
        Pulse *pulse = link->account->options.pulse;
        const uint64_t span = wait_linger(&link->plan, pulse_now(pulse));

        if (span < LULL_MIN || pulse_is_single(pulse))
                return;
        if (link->account->holds || !imap_replica_is_attached(link->replica))
                return;
        if (pulse_gather(pulse, &link->lull, span, on_lull_over, link) < 0)
                return;
        connection_hold_input(link->connection, true);
}

static void on_due(void *userdata) {
        AccountLink *link = userdata;
        const uint64_t now = account_uptime();
        int r = 0;

        if (!imap_replica_is_attached(link->replica))
                return;

        if (now >= wait_earliest(&link->plan)) {
                const bool looks = wait_wants_look(&link->plan, now);

                if (link->mode == WAIT_IDLE && imap_replica_is_idle(link->replica))
                        measure_chatter(link);
                break_silence(link);
                account_relax(link->account);
                r = looks ? look(link) : show_sign_of_life(link);
                plan_next(link, looks);
        }
        if (r < 0) {
                account_lose(link, r, strerror(-r));
                return;
        }
        arm(link);
        account_pump(link->account);
        begin_lull(link);
}

/* What the server does beside what it should. */
static void say_why(AccountLink *link, const char *why) {
        const unsigned long long chatter = imap_replica_n_chatter(link->replica);
        char more[96] = "", dead[96] = "";

        if (link->mode == WAIT_IDLE && chatter > 0)
                (void) snprintf(more, sizeof(more), "%sIDLE has sent %llu lines without news",
                                *why ? "; " : "", chatter);
        if (link->wait.here.n_deaths > 0)
                (void) snprintf(dead, sizeof(dead),
                                "%sfound dead %u times, so never silent for more than %llu min",
                                *why || *more ? "; " : "", link->wait.here.n_deaths,
                                (unsigned long long) (wait_silence(&link->wait) / SECOND / 60));
        (void) snprintf(link->waits_why, sizeof(link->waits_why), "%s%s%s", why, more, dead);
}

static void say_how(AccountLink *link) {
        const unsigned long long seconds = link->account->policy.poll_interval_usec / SECOND;
        const bool one_command = has_list_status(link);

        if (link->mode == WAIT_NOTIFY)
                (void) snprintf(link->waits, sizeof(link->waits), "NOTIFY");
        else if (!link->account->policy.all_mailboxes && link->mode == WAIT_IDLE)
                (void) snprintf(link->waits, sizeof(link->waits), "IDLE on INBOX alone");
        else if (!link->account->policy.all_mailboxes)
                (void) snprintf(link->waits, sizeof(link->waits), "STATUS of INBOX every %llu s",
                                seconds);
        else
                (void) snprintf(link->waits, sizeof(link->waits), "%s%s every %llu s%s",
                                link->mode == WAIT_IDLE ? "IDLE on INBOX, " : "",
                                one_command ? "LIST-STATUS" : "STATUS", seconds,
                                one_command || (int64_t) link->account->policy.poll_interval_usec >=
                                                        WAIT_COLD
                                        ? ""
                                        : ", of quiet mailboxes more rarely");
}

static WaitRung choose(const AccountLink *link, const char **ret_why) {
        const WaitRung rung = wait_choose(&link->wait, &link->capabilities, account_now(), ret_why);

        return wait_restrict(&link->wait, rung, &link->account->policy, ret_why);
}

static int start(AccountLink *link) {
        const char *why;
        WaitRung rung = choose(link, &why);

        if (rung == WAIT_RUNG_IDLE &&
            !engine_replica_mailbox(link->account->engine, "INBOX", link->side)) {
                rung = WAIT_RUNG_POLL;
                why = "INBOX is not synchronised, so there is nothing for IDLE";
        }
        link->mode = rung == WAIT_RUNG_NOTIFY ? WAIT_NOTIFY
                     : rung == WAIT_RUNG_IDLE ? WAIT_IDLE
                                              : WAIT_POLL;
        if (link->mode == WAIT_IDLE && link->idle_failed)
                link->mode = WAIT_POLL; /* until the next look */
        plan_next(link, true);
        say_how(link);
        say_why(link, why);

        if (link->mode == WAIT_NOTIFY)
                return imap_replica_notify(link->replica);
        if (link->mode == WAIT_IDLE)
                return start_idle(link);
        return imap_replica_is_idle(link->replica) ? imap_replica_noop(link->replica) : 0;
}

/* Of two links one may be silent while the other works. */
static void note_words(AccountLink *link) {
        const ConnectionTraffic traffic = account_link_traffic(link);
        const uint64_t n = traffic.bytes_in + traffic.bytes_out, now = account_uptime();

        if (n != link->n_spoken)
                link->spoken = now;
        if (traffic.bytes_out != link->n_said)
                link->said = now;
        link->n_spoken = n;
        link->n_said = traffic.bytes_out;
}

/* Is it on, and quiet enough? */
static bool is_good_idle(AccountLink *link) {
        const char *why;

        if (!imap_replica_is_idle(link->replica))
                return false;
        measure_chatter(link);
        return choose(link, &why) != WAIT_RUNG_POLL;
}

/* The engine has nothing to do: wait. A mode that is on already stays on; IDLE ends with any work. */
void account_wait(AccountLink *link) {
        bool is_on = link->mode == WAIT_NOTIFY || link->mode == WAIT_POLL;
        int r = 0;

        if (!imap_replica_is_attached(link->replica))
                return; /* the other link was lost just now, and took this one with it */
        note_words(link);
        link->idle_is_silent &= link->is_polling;
        is_on |= link->mode == WAIT_IDLE && is_good_idle(link);
        if (!is_on) {
                if (imap_replica_is_busy(link->replica))
                        return; /* a look is under way */
                r = start(link);
        }
        if (r < 0)
                account_lose(link, r, strerror(-r));
        else
                arm(link);
}

/* A mailbox is looked at: who has told of that? */
void account_on_run(AccountLink *link, const EngineNote *note) {
        if (link->mode != WAIT_IDLE || note->side != link->side ||
            strcmp(note->mailbox, "INBOX") != 0)
                return;

        if (imap_replica_idle_told(link->replica))
                wait_on_told(&link->wait);
        else if (link->idle_is_silent) {
                wait_on_missed(&link->wait, account_now());
                link->mode = WAIT_NONE; /* choose again */
        }
        link->idle_is_silent = false;
}

/* Nobody has asked anything: TCP has, and had no answer, or one from who knows nothing of us; or the server found
 * that it has waited for long enough. */
static void on_quiet_end(AccountLink *link, int error, bool is_dead) {
        const uint64_t now = account_uptime(), probe = wait_probe(&link->wait);

        if (link->mode == WAIT_NONE || link->account->holds)
                return;
        if (is_dead && probe > 0 && now - link->spoken >= probe)
                wait_on_silent_death(&link->wait, probe);
        else if (error == 0 || error == -ESHUTDOWN)
                wait_on_ended(&link->wait, now - link->said);
}

/* Something that was not answered for so long is no answer to us: it was silent, and is dead. */
void account_on_dead(AccountLink *link, int error) {
        const bool is_dead = error == -ETIMEDOUT || error == -ECONNRESET || error == -EPIPE;

        if (link->silence == 0)
                on_quiet_end(link, error, is_dead);
        else if (is_dead)
                wait_on_silent_death(&link->wait, link->silence);
        else
                return;
        link->silence = 0;
}

static void on_refused(AccountLink *link, const ReplicaEvent *done) {
        const char *what = done->cookie == IMAP_REPLICA_NOTIFY ? "NOTIFY" : "IDLE";

        log_about(LOG_NOTICE, (LogSubject){account_name(link->account)}, "%sno %s: %s",
                  account_link_prefix(link), what, done->text ? done->text : "no reason given");
        if (done->outcome == REPLICA_REFUSED && done->cookie == IMAP_REPLICA_NOTIFY)
                link->wait.notify_refused = true;
        if (done->outcome == REPLICA_REFUSED && done->cookie == IMAP_REPLICA_IDLE)
                link->wait.idle_refused = true;
        link->idle_failed = done->cookie == IMAP_REPLICA_IDLE;
        link->mode = done->cookie == IMAP_REPLICA_NOTIFY ? WAIT_NONE : WAIT_POLL;
        account_pump_soon(link->account);
}

void account_on_waited(AccountLink *link, const ReplicaEvent *done) {
        if (link->silence > 0) {
                wait_on_survived(&link->wait, link->silence);
                link->silence = 0;
        }
        if (done->cookie == IMAP_REPLICA_POLL) {
                link->is_polling = false;
                link->idle_failed = false;
                if (link->mode == WAIT_POLL)
                        link->mode = WAIT_NONE; /* is there a better way by now? */
        } else if (done->outcome != REPLICA_OK && done->cookie != IMAP_REPLICA_NOOP)
                on_refused(link, done);
}

/* NOTIFY has given up for now: ask for it again, which shows what was missed. */
void account_on_overflow(AccountLink *link) {
        wait_on_overflow(&link->wait, account_now());
        if (link->mode == WAIT_NOTIFY)
                link->mode = WAIT_NONE;
        account_pump_soon(link->account);
}

/* Is something to be looked at that was left out before, or is it time to by now? */
static bool looks_after(const AccountLink *link, const Policy *before) {
        const Policy *policy = &link->account->policy;

        if ((policy->all_mailboxes && !before->all_mailboxes) ||
            (policy->scan_flags && !before->scan_flags))
                return true;
        return link->mode != WAIT_NOTIFY && policy->poll_interval_usec < before->poll_interval_usec;
}

/* Wait otherwise from now on. */
void account_on_policy(AccountLink *link, const Policy *before) {
        if (link->mode == WAIT_NONE || !imap_replica_is_attached(link->replica) || link->is_polling)
                return; /* what comes next goes by the new one */
        plan_next(link, true);
        say_how(link);
        if (account_is_whole(link->account) && looks_after(link, before))
                link->plan.look = account_uptime(); /* and then chooses again */
        else if (link->mode == WAIT_POLL)
                link->mode = WAIT_NONE;
}
