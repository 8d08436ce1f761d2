/*
 * An account: waiting, as well as the server allows
 *
 * NOTIFY tells of every mailbox, with nothing selected, and needs only a sign of life before half an
 * hour is over; that sign is a look at all mailboxes, which also finds what NOTIFY has missed. Else
 * IDLE on INBOX, and a look at the others each poll interval. Else only that.
 */

#include <errno.h>
#include <stdio.h>

#include "daemon/account-private.h"
#include "daemon/log.h"

#define SECOND    ((uint64_t) 1000000)
#define KEEPALIVE (25 * 60 * SECOND)

static bool can_notify(const Account *account) {
        return !account->notify_failed && imap_has(&account->capabilities, IMAP_CAPABILITY_NOTIFY);
}

static int collect_wire(const EngineMailbox *mailbox, void *userdata) {
        Buffer *views = userdata;
        const ByteView wire = bytes_of(mailbox->wire);

        return mailbox->wire ? buffer_append(views, &wire, sizeof(wire)) : 0;
}

/* How do all mailboxes stand? */
static int poll_all(Account *account) {
        _cleanup_(buffer_done) Buffer views = BUFFER_NULL;
        int r = 0;

        if (!imap_has(&account->capabilities, IMAP_CAPABILITY_LIST_STATUS))
                r = engine_each_mailbox(account->engine, collect_wire, &views);
        if (r < 0)
                return r;
        return imap_replica_poll(account->remote,
                                 IMAP_STATUS_MESSAGES | IMAP_STATUS_UIDNEXT |
                                         IMAP_STATUS_UIDVALIDITY | IMAP_STATUS_HIGHESTMODSEQ,
                                 (const ByteView *) (const void *) views.data,
                                 views.size / sizeof(ByteView));
}

/* Time for a look: at the server, and at the folders if inotify does not tell. */
static void on_poll(Account *account) {
        int r;

        if (!account->is_attached)
                return;
        if (account->watch_is_broken)
                (void) engine_list(account->engine);
        engine_retry(account->engine);
        r = poll_all(account);
        if (r < 0) {
                account_lose(account, r, strerror(-r));
                return;
        }
        if (account->mode != WAIT_NOTIFY)
                account->mode = WAIT_NONE;
        else
                account_arm(account, KEEPALIVE, 60 * SECOND, on_poll);
        account_pump(account);
}

static void arm_poll(Account *account) {
        const uint64_t usec = account->options.poll_interval_usec;

        account_arm(account, usec, usec / 10, on_poll);
}

static int start_notify(Account *account) {
        account->mode = WAIT_NOTIFY;
        (void) snprintf(account->waits, sizeof(account->waits), "NOTIFY");
        account->waits_why[0] = '\0';
        if (account->watch_is_broken)
                arm_poll(account);
        else
                account_arm(account, KEEPALIVE, 60 * SECOND, on_poll);
        return imap_replica_notify(account->remote);
}

static const char *why_not_notify(const Account *account) {
        return account->notify_failed ? "the server refuses NOTIFY" : "the server has no NOTIFY";
}

static int start_idle_or_poll(Account *account) {
        const unsigned long long seconds = account->options.poll_interval_usec / SECOND;
        const char *how = imap_has(&account->capabilities, IMAP_CAPABILITY_LIST_STATUS)
                                  ? "LIST-STATUS"
                                  : "STATUS";
        ReplicaMailbox *inbox = NULL;

        if (imap_has(&account->capabilities, IMAP_CAPABILITY_IDLE))
                inbox = engine_replica_mailbox(account->engine, "INBOX", SIDE_REMOTE);

        arm_poll(account);
        account->mode = inbox ? WAIT_IDLE : WAIT_POLL;
        (void) snprintf(account->waits, sizeof(account->waits), "%s%s every %llu s",
                        inbox ? "IDLE on INBOX, " : "", how, seconds);
        (void) snprintf(account->waits_why, sizeof(account->waits_why), "%s%s",
                        why_not_notify(account), inbox ? "" : " and no IDLE");
        return inbox ? imap_replica_idle(account->remote, inbox) : 0;
}

/* The engine has nothing to do: wait. A mode that is on already stays on; IDLE ends with any work. */
void account_wait(Account *account) {
        int r;

        if (account->mode == WAIT_POLL || account->mode == WAIT_NOTIFY)
                return;
        if (account->mode == WAIT_IDLE && imap_replica_is_idle(account->remote))
                return;
        if (imap_replica_is_busy(account->remote))
                return; /* a poll is under way */

        if (can_notify(account))
                r = start_notify(account);
        else
                r = start_idle_or_poll(account);
        if (r < 0)
                account_lose(account, r, strerror(-r));
}

void account_on_waited(const ReplicaEvent *done, void *userdata) {
        Account *account = userdata;

        if (done->outcome == REPLICA_OK || done->cookie != IMAP_REPLICA_NOTIFY)
                return;
        log_notice("%s: the server refuses NOTIFY (%s)", account_name(account),
                   done->text ? done->text : "no reason given");
        account->notify_failed = true;
        account->mode = WAIT_NONE;
        account_pump_soon(account);
}

/* NOTIFY has given up for now: ask for it again, which shows what was missed. */
void account_on_overflow(Account *account) {
        if (account->mode == WAIT_NOTIFY)
                account->mode = WAIT_NONE;
        account_pump_soon(account);
}
