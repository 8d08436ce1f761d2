/*
 * An IMAP account as a replica: leaving a mailbox behind what was asked of it
 *
 * Who asks for changes and expects to have nothing to say about them need not come back to unselect the
 * mailbox and ask how it stands: that travels with the question, and a round trip and most of what the
 * server says twice are saved. If something is to be said after all, the mailbox is selected again.
 *
 * How a mailbox stands is news only when it can be held against what a run has left. So what comes
 * before the mailbox is closed is kept until then.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sync/imap-replica-private.h"

/* Its STATUS is to be asked when the last mailbox is closed. */
static int touch(ImapReplica *r, const Opened *opened) {
        char **touched;

        for (size_t i = 0; i < r->n_touched; i++)
                if (strcmp(r->touched[i], opened->wire) == 0)
                        return 0;

        touched = reallocarray(r->touched, r->n_touched + 1, sizeof(*touched));
        if (!touched)
                return -ENOMEM;
        r->touched = touched;
        touched[r->n_touched] = strdup(opened->wire);
        if (!touched[r->n_touched])
                return -ENOMEM;
        r->n_touched++;
        return 0;
}

static bool is_any_open(const ImapReplica *r) {
        for (const Opened *opened = r->openeds; opened; opened = opened->next)
                if (opened->mailbox && !opened->closing && !opened->only_idle && !opened->left)
                        return true;

        return false;
}

static void take_touched(ImapReplica *r, Job *job) {
        if (is_any_open(r))
                return;
        job->wires = TAKE_PTR(r->touched);
        job->n_wires = r->n_touched;
        r->n_touched = 0;
}

/* Once it was left nothing was selected and nothing was written: its STATUS is on its way. */
static bool is_left_for_good(const ImapReplica *r, const Opened *opened) {
        return opened->left && !opened->is_written && !r->tail;
}

int replica_close(Replica *replica, ReplicaMailbox *mailbox) {
        ImapReplica *r = imap_replica_of(replica);
        Opened *opened;
        Job *job;
        int e = 0;

        e = job_new(r, JOB_CLOSE, mailbox, &job);
        if (e < 0)
                return e;

        opened = opened_find(r, mailbox);
        if (opened) {
                if (!is_left_for_good(r, opened) && (!r->options.once || opened->is_written))
                        e = touch(r, opened);
                if (e == 0)
                        e = opened_stay(r, opened);
                if (e < 0) {
                        job_free(r, job);
                        return e;
                }
                opened->closing = true;
        }
        take_touched(r, job);
        return job_queue(r, job);
}

/* A single run does not ask how a mailbox stands that it has only read. */
int replica_leave(Replica *replica, ReplicaMailbox *mailbox) {
        ImapReplica *r = imap_replica_of(replica);
        Opened *opened = opened_find(r, mailbox);
        Job *job;
        int e;

        if (r->options.once || !opened || opened->closing)
                return 0;
        e = touch(r, opened);
        if (e < 0)
                return e;
        opened->left = true;
        if (is_any_open(r))
                return 0;

        e = job_new(r, JOB_LEAVE, NULL, &job);
        if (e < 0)
                return e;
        take_touched(r, job);
        return job_queue(r, job);
}

static Opened *find_left(ImapReplica *r, const char *wire) {
        for (Opened *opened = r->openeds; opened; opened = opened->next)
                if (opened->mailbox && opened->left && strcmp(opened->wire, wire) == 0)
                        return opened;

        return NULL;
}

int leave_keep_status(ImapReplica *r) {
        Waiting *status = &r->events[r->first_event + r->n_events - 1];
        Opened *opened = find_left(r, status->wire);

        if (!opened)
                return 0;
        if (!opened->status) {
                opened->status = malloc(sizeof(*opened->status));
                if (!opened->status)
                        return -ENOMEM;
        } else
                waiting_done(opened->status); /* the latest is how it stands */
        *opened->status = *status;
        r->n_events--;
        return 0;
}

/* It was not left, or is left no longer: what was kept is told. */
int opened_stay(ImapReplica *r, Opened *opened) {
        Waiting *told;

        opened->left = false;
        if (!opened->status)
                return 0;
        told = event_add(r, REPLICA_EVENT_STATUS);
        if (!told)
                return -ENOMEM;
        *told = *opened->status;
        free(opened->status);
        opened->status = NULL;
        return 0;
}

void opened_forget_status(Opened *opened) {
        if (opened->status)
                waiting_done(opened->status);
        free(opened->status);
        opened->status = NULL;
}
