/* An IMAP account as a replica: waiting for changes by NOTIFY, IDLE and polls. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "imap/mailbox-name.h"
#include "sync/imap-replica-private.h"

/* Only "personal": a "selected" group makes Dovecot 2.3 lose events, and a second SET kills its watch
 * unless NONE came in between. */
#define NOTIFY_EVENTS                                                                              \
        "(personal (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))"

int start_notify(ImapReplica *r, Job *job) {
        int e;

        if (!imap_has(&r->capabilities, IMAP_CAPABILITY_NOTIFY))
                return job_fail(job, REPLICA_REFUSED, "the server has no NOTIFY", BYTES_NULL);

        e = unselect(r, job);
        if (e == 0 && r->notify_sent)
                e = submit(r, COMMAND_NOTIFY_NONE, job, BYTES("NOTIFY NONE"));
        if (e < 0)
                return e;

        r->notify_sent = true;
        r->n_statuses = r->n_renewals = 0;
        return submit(r, COMMAND_NOTIFY, job, BYTES("NOTIFY SET STATUS " NOTIFY_EVENTS));
}

/* A STATUS for every mailbox is due only so often that it comes to these for each renewal. */
#define RENEWAL_STATUSES 8u

typedef enum Renewal {
        RENEW_NOT,
        RENEW_BY_NOOP,
        RENEW_BY_STATUSES,
} Renewal;

/*
 * How a watch that goes quiet is renewed. With the STATUS of all mailboxes nothing can be missed, but it costs some
 * bytes for each. Without, what has changed so far is told in the answer to NOOP, which leaves the blink of an eye
 * between the two: what falls into that is told with the next STATUS.
 */
static Renewal next_renewal(ImapReplica *r) {
        if (!r->notify_sent || !has_quirk(r, IMAP_QUIRK_NOTIFY_GOES_QUIET))
                return RENEW_NOT;
        if (++r->n_renewals * RENEWAL_STATUSES < r->n_statuses)
                return RENEW_BY_NOOP;
        r->n_renewals = r->n_statuses = 0;
        return RENEW_BY_STATUSES;
}

static int renew(ImapReplica *r, Job *job, Renewal how) {
        int e = submit(r, COMMAND_NOTIFY_NONE, job, BYTES("NOTIFY NONE"));

        if (e < 0)
                return e;
        return submit(r, COMMAND_NOTIFY_AGAIN, job,
                      how == RENEW_BY_STATUSES ? BYTES("NOTIFY SET STATUS " NOTIFY_EVENTS)
                                               : BYTES("NOTIFY SET " NOTIFY_EVENTS));
}

static int unselect_and_ask(ImapReplica *r, Job *job) {
        int e = unselect(r, job);

        return e < 0 ? e : submit_statuses(r, job, job->wires, job->n_wires, status_items(r));
}

/*
 * Of the one mailbox that is left in the same breath as it was asked, and is still selected, NOOP tells what has
 * changed there too, with fewer bytes than its STATUS.
 */
static int close_by_noop(ImapReplica *r, Job *job) {
        const bool leaves = job->kind == JOB_LEAVE && job->n_wires == 1 && r->tail &&
                            strcmp(job->wires[0], r->tail->wire) == 0;
        int e = leaves ? 0 : unselect_and_ask(r, job);

        if (e == 0)
                e = submit(r, COMMAND_OTHER, job, BYTES("NOOP"));
        return e == 0 && leaves ? unselect(r, job) : e;
}

int start_close(ImapReplica *r, Job *job) {
        Renewal how;
        int e = 0;

        if (job->n_wires == 0)
                return 0;
        how = next_renewal(r);
        switch (how) {
        case RENEW_NOT:
                return unselect_and_ask(r, job);
        case RENEW_BY_NOOP:
                e = close_by_noop(r, job);
                break;
        case RENEW_BY_STATUSES: /* which tells of the closed ones too */
                e = unselect(r, job);
                break;
        }
        return e < 0 ? e : renew(r, job, how);
}

/* Is this a poll with the mailbox of the IDLE still selected? What the server says of that one, beside its
 * STATUS, is news of it then. */
bool is_polling_others(const ImapReplica *r, const Job *job) {
        return job && job->kind == JOB_POLL && job->stays && r->selected && r->idle &&
               r->idle->opened == r->selected;
}

int start_poll(ImapReplica *r, Job *job) {
        unsigned items = job->items & ~untrusted_items(r);
        int e;

        if (!has_condstore(r))
                items |= IMAP_STATUS_UNSEEN;

        job->stays &= r->idle && r->tail == r->idle->opened;
        e = job->stays ? 0 : unselect(r, job);
        if (e < 0)
                return e;

        if (!job->only && imap_has(&r->capabilities, IMAP_CAPABILITY_LIST_STATUS) &&
            !r->no_list_return)
                return submit_list(r, job, true, items);
        return submit_statuses(r, job, job->wires, job->n_wires, items);
}

/* What the IDLE tells of is not handed out, so nothing is safe to commit until the mailbox is looked
 * at again. */
int start_idle(ImapReplica *r, Job *job) {
        ImapTag tag;
        int e;

        if (!imap_has(&r->capabilities, IMAP_CAPABILITY_IDLE))
                return job_fail(job, REPLICA_REFUSED, "the server has no IDLE", BYTES_NULL);

        e = ensure_selected(r, job);
        if (e == 0)
                e = imap_session_done(r->session); /* an IDLE that is to be renewed */
        if (e == 0)
                e = imap_session_idle(r->session, &tag);
        if (e == 0)
                e = add_command(r, tag, COMMAND_IDLE, job);
        if (e < 0)
                return e;

        r->idle = job;
        r->idle_told = r->idle_told_itself = false;
        return 0;
}

static Waiting *add_status(ImapReplica *r, const Opened *opened) {
        Waiting *waiting = event_add(r, REPLICA_EVENT_STATUS);

        if (!waiting)
                return NULL;
        waiting->wire = strdup(opened->wire);
        waiting->name = strdup(opened->mailbox ? opened->mailbox->name : "");
        return waiting->wire && waiting->name ? waiting : NULL;
}

bool is_leaving(const Command *head) {
        return head && head->kind == COMMAND_OTHER && head->job && head->job->kind == JOB_LEAVE;
}

/* Something has changed in the mailbox while it was left: it is looked at again. */
int tell_left_change(ImapReplica *r) {
        Waiting *waiting = add_status(r, r->selected);

        modseq_start(&r->selected->modseq, 0);
        if (!waiting)
                return -ENOMEM;
        waiting->event.changed = waiting->event.unasked = true;
        return leave_keep_status(r);
}

/* Something has changed in the mailbox of the IDLE: once is enough. */
int tell_idle_change(ImapReplica *r) {
        const bool is_asked = imap_replica_is_busy(r); /* to end */
        Waiting *waiting;

        modseq_start(&r->selected->modseq, 0);
        if (r->idle_told)
                return 0;

        waiting = add_status(r, r->selected);
        if (!waiting)
                return -ENOMEM;
        waiting->event.changed = true;
        waiting->event.unasked = true;
        r->idle_told = true;
        r->idle_told_itself = !is_asked;
        return 0;
}

/* How the mailbox stood when it was selected for IDLE. */
int tell_idle_status(ImapReplica *r, const Opened *opened) {
        Waiting *waiting = add_status(r, opened);

        if (!waiting)
                return -ENOMEM;
        waiting->event.status = (ReplicaStatus){
                .has_uidvalidity = true,
                .uidvalidity = opened->uidvalidity,
                .uidnext = opened->uidnext,
                .has_messages = true,
                .messages = opened->exists,
                .modseq = r->selecting.modseq,
        };
        return 0;
}

static int queue_new(ImapReplica *r, JobKind kind, ImapReplicaWait wait) {
        Job *job;
        int e;

        e = job_new(r, kind, NULL, &job);
        if (e < 0)
                return e;

        job->cookie = wait;
        return job_queue(r, job);
}

int imap_replica_notify(ImapReplica *r) {
        return queue_new(r, JOB_NOTIFY, IMAP_REPLICA_NOTIFY);
}

static int poll(ImapReplica *r, unsigned items, const ByteView *mailboxes, size_t n_mailboxes,
                bool stays, bool only) {
        Job *job;
        int e;

        e = job_new(r, JOB_POLL, NULL, &job);
        if (e < 0)
                return e;

        job->cookie = IMAP_REPLICA_POLL;
        job->items = items;
        job->stays = stays;
        job->only = only;
        job->wires = calloc(MAX(n_mailboxes, (size_t) 1), sizeof(*job->wires));
        while (job->wires && job->n_wires < n_mailboxes) {
                job->wires[job->n_wires] = bytes_dup(mailboxes[job->n_wires]);
                if (!job->wires[job->n_wires])
                        break;
                job->n_wires++;
        }
        if (!job->wires || job->n_wires < n_mailboxes) {
                job_free(r, job);
                return -ENOMEM;
        }

        return job_queue(r, job);
}

int imap_replica_poll(ImapReplica *r, unsigned items, const ByteView *mailboxes,
                      size_t n_mailboxes) {
        return poll(r, items, mailboxes, n_mailboxes, false, false);
}

int imap_replica_poll_only(ImapReplica *r, unsigned items, const ByteView *mailboxes,
                           size_t n_mailboxes) {
        return poll(r, items, mailboxes, n_mailboxes, false, true);
}

int imap_replica_poll_others(ImapReplica *r, unsigned items, const ByteView *mailboxes,
                             size_t n_mailboxes) {
        return poll(r, items, mailboxes, n_mailboxes, true, false);
}

int imap_replica_idle(ImapReplica *r, ReplicaMailbox *mailbox) {
        const bool was_open = opened_find(r, mailbox);
        Job *job;
        int e;

        e = job_new(r, JOB_IDLE, mailbox, &job);
        if (e < 0)
                return e;
        e = opened_get(r, mailbox, &job->opened);
        if (e > 0)
                e = job_fail_name(job, e);
        if (e < 0) {
                job_free(r, job);
                return e;
        }
        if (job->opened && !was_open)
                job->opened->only_idle = true;
        if (job->opened)
                job->opened->closing = job->opened->left = false;

        job->cookie = IMAP_REPLICA_IDLE;
        return job_queue(r, job);
}

bool imap_replica_idle_told(const ImapReplica *r) {
        return r->idle_told_itself;
}

uint64_t imap_replica_n_chatter(const ImapReplica *r) {
        return r->n_chatter;
}

int imap_replica_noop(ImapReplica *r) {
        return queue_new(r, JOB_NOOP, IMAP_REPLICA_NOOP);
}

int imap_replica_logout(ImapReplica *r) {
        int e = queue_new(r, JOB_LOGOUT, IMAP_REPLICA_LOGOUT);

        if (e == 0)
                r->logging_out = true;
        return e;
}
