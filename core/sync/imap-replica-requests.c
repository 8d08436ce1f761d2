/* An IMAP account as a replica: requests become jobs. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sync/imap-replica-private.h"

int job_new_opened(ImapReplica *r, JobKind kind, ReplicaMailbox *mailbox, Job **ret_job) {
        Job *job;
        int e;

        e = job_new(r, kind, mailbox, &job);
        if (e < 0)
                return e;
        e = opened_get(r, mailbox, &job->opened);
        if (e > 0)
                e = job_fail_name(job, e);
        if (e < 0) {
                job_free(r, job);
                return e;
        }

        if (job->opened) {
                job->opened->closing = job->opened->only_idle = false;
                job->uidvalidity = job->opened->uidvalidity;
                e = opened_stay(r, job->opened);
                if (e < 0) {
                        job_free(r, job);
                        return e;
                }
        }
        *ret_job = job;
        return 0;
}

static int copy_uids(const UidSet *from, UidSet *to) {
        for (size_t i = 0; from && i < from->n_ranges; i++) {
                int e = uid_set_add(to, from->ranges[i].first, from->ranges[i].last);

                if (e < 0)
                        return e;
        }

        return 0;
}

/* The same, with UIDs. */
static int job_new_uids(ImapReplica *r, JobKind kind, ReplicaMailbox *mailbox, const UidSet *uids,
                        Job **ret_job) {
        Job *job;
        int e;

        e = job_new_opened(r, kind, mailbox, &job);
        if (e < 0)
                return e;
        e = copy_uids(uids, &job->uids);
        if (e < 0) {
                job_free(r, job);
                return e;
        }

        *ret_job = job;
        return 0;
}

static int job_new_queued(ImapReplica *r, JobKind kind, ReplicaMailbox *mailbox) {
        Job *job;
        int e;

        e = job_new(r, kind, mailbox, &job);
        return e < 0 ? e : job_queue(r, job);
}

static int imap_list(Replica *replica) {
        return job_new_queued(imap_replica_of(replica), JOB_LIST, NULL);
}

static int imap_create(Replica *replica, ReplicaMailbox *mailbox) {
        return job_new_queued(imap_replica_of(replica), JOB_CREATE, mailbox);
}

static int imap_standing(Replica *replica, ReplicaMailbox *mailbox) {
        return job_new_queued(imap_replica_of(replica), JOB_STANDING, mailbox);
}

static int imap_remove(Replica *replica, ReplicaMailbox *mailbox) {
        return job_new_queued(imap_replica_of(replica), JOB_REMOVE, mailbox);
}

static int imap_rename(Replica *replica, ReplicaMailbox *mailbox, const char *name) {
        ImapReplica *r = imap_replica_of(replica);
        Job *job;
        int e;

        e = job_new(r, JOB_RENAME, mailbox, &job);
        if (e < 0)
                return e;
        job->name = strdup(name);
        if (!job->name) {
                job_free(r, job);
                return -ENOMEM;
        }
        return job_queue(r, job);
}

static int imap_subscribe(Replica *replica, ReplicaMailbox *mailbox, bool subscribe) {
        ImapReplica *r = imap_replica_of(replica);
        Job *job;
        int e;

        e = job_new(r, JOB_SUBSCRIBE, mailbox, &job);
        if (e < 0)
                return e;
        job->subscribe = subscribe;
        return job_queue(r, job);
}

static int imap_changes(Replica *replica, ReplicaMailbox *mailbox, const ReplicaToken *since,
                        const UidSet *known, ReplicaWant want) {
        ImapReplica *r = imap_replica_of(replica);
        Job *job;
        int e;

        e = job_new_uids(r, JOB_CHANGES, mailbox, known, &job);
        if (e < 0)
                return e;

        job->since = *since;
        job->want = want;
        job->newest = mailbox->newest;
        return job_queue(r, job);
}

static int imap_fetch(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids,
                      ReplicaWant want) {
        ImapReplica *r = imap_replica_of(replica);
        Job *job;
        int e;

        e = job_new_uids(r, JOB_FETCH, mailbox, uids, &job);
        if (e < 0)
                return e;

        job->want = want;
        return job_queue(r, job);
}

static int imap_store(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids,
                      MessageFlags add, MessageFlags remove) {
        ImapReplica *r = imap_replica_of(replica);
        Job *job;
        int e;

        e = job_new_uids(r, JOB_STORE, mailbox, uids, &job);
        if (e < 0)
                return e;

        job->add = add;
        job->remove = remove;
        return job_queue(r, job);
}

static int imap_expunge(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids) {
        ImapReplica *r = imap_replica_of(replica);
        Job *job;
        int e;

        e = job_new_uids(r, JOB_EXPUNGE, mailbox, uids, &job);
        return e < 0 ? e : job_queue(r, job);
}

static int imap_move(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids,
                     ReplicaMailbox *target) {
        ImapReplica *r = imap_replica_of(replica);
        Job *job;
        int e;

        e = job_new_uids(r, JOB_MOVE, mailbox, uids, &job);
        if (e < 0)
                return e;
        e = opened_get(r, target, &job->target);
        if (e > 0)
                e = job_fail_name(job, e);
        if (e < 0) {
                job_free(r, job);
                return e;
        }
        return job_queue(r, job);
}

static int imap_search(Replica *replica, ReplicaMailbox *mailbox, const ReplicaSearch *search,
                       uint64_t cookie) {
        ImapReplica *r = imap_replica_of(replica);
        Job *job;
        int e;

        e = job_new_opened(r, JOB_SEARCH, mailbox, &job);
        if (e < 0)
                return e;

        job->search = *search;
        job->cookie = cookie;
        return job_queue(r, job);
}

static int imap_nothing(Replica *replica, ReplicaMailbox *mailbox) {
        (void) replica, (void) mailbox;
        return 0;
}

static int imap_noted(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid) {
        (void) replica, (void) mailbox, (void) uid;
        return 0;
}

/* Nothing is ever between two states here: an APPEND is durable and visible when it is answered. */
static int imap_recover(Replica *replica, ReplicaMailbox *mailbox, UidRange staged, UidSet *lost) {
        (void) replica, (void) mailbox, (void) staged, (void) lost;
        return 0;
}

static int imap_stamp(Replica *replica, ReplicaMailbox *mailbox, int64_t now_ns,
                      uint64_t ret_stamp[4]) {
        (void) replica, (void) mailbox, (void) now_ns, (void) ret_stamp;
        return 0;
}

static void imap_reset(Replica *replica) {
        ImapReplica *r = imap_replica_of(replica);

        if (r->session && !imap_replica_is_busy(r))
                replica_close_all(r);
        else
                imap_replica_detach(r);
}

const ReplicaOps imap_replica_ops = {
        .list = imap_list,
        .standing = imap_standing,
        .create = imap_create,
        .rename = imap_rename,
        .remove = imap_remove,
        .subscribe = imap_subscribe,
        .changes = imap_changes,
        .fetch = imap_fetch,
        .store = imap_store,
        .expunge = imap_expunge,
        .move = imap_move,
        .search = imap_search,
        .append_begin = replica_append_begin,
        .append_data = replica_append_data,
        .append_end = replica_append_end,
        .append_abort = replica_append_abort,
        .prepare = imap_nothing,
        .publish = imap_nothing,
        .noted = imap_noted,
        .recover = imap_recover,
        .forgotten = imap_noted,
        .stamp = imap_stamp,
        .reset = imap_reset,
        .leave = replica_leave,
        .close = replica_close,
        .next = replica_next,
};
