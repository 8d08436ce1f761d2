/* An IMAP account as a replica: requests become jobs. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sync/imap-replica-private.h"

/* A request about messages of a mailbox. A name that no server could know ends it at once. */
static int job_new_opened(ImapReplica *r, JobKind kind, ReplicaMailbox *mailbox, Job **ret_job) {
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

static int imap_list(Replica *replica) {
        ImapReplica *r = imap_replica_of(replica);
        Job *job;
        int e;

        e = job_new(r, JOB_LIST, NULL, &job);
        return e < 0 ? e : job_queue(r, job);
}

static int imap_create(Replica *replica, ReplicaMailbox *mailbox) {
        ImapReplica *r = imap_replica_of(replica);
        Job *job;
        int e;

        e = job_new(r, JOB_CREATE, mailbox, &job);
        return e < 0 ? e : job_queue(r, job);
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

/* What can be known to be impossible before a byte is sent. */
static int append_check(const ImapReplica *r, Job *job) {
        const uint64_t limit = r->capabilities.append_limit;

        if (job->size == 0)
                return job_fail(job, REPLICA_REFUSED, "a message without a byte cannot be uploaded",
                                BYTES_NULL);
        if (limit > 0 && job->size > limit)
                return job_fail(job, REPLICA_REFUSED,
                                "the message is larger than the server takes (APPENDLIMIT)",
                                BYTES_NULL);

        return 0;
}

static int imap_append_begin(Replica *replica, ReplicaMailbox *mailbox,
                             const ReplicaMessage *message, uint64_t cookie) {
        ImapReplica *r = imap_replica_of(replica);
        Job *job;
        int e;

        assert(!r->current);

        if (!(message->present & REPLICA_HAS_SIZE))
                return -EINVAL;
        e = job_new_opened(r, JOB_APPEND, mailbox, &job);
        if (e < 0)
                return e;

        job->cookie = cookie;
        job->size = message->size;
        job->has_date = message->present & REPLICA_HAS_DATE;
        job->date = message->date;
        job->date_zone = message->date_zone;
        job->flags_given = message->present & REPLICA_HAS_FLAGS ? message->flags : 0;
        e = append_check(r, job);
        if (e < 0) {
                job_free(r, job);
                return e;
        }

        r->current = job;
        return job->outcome == REPLICA_OK ? job_queue(r, job) : 0;
}

static ssize_t imap_append_data(Replica *replica, ByteView data) {
        ImapReplica *r = imap_replica_of(replica);

        if (!r->session)
                return -ENOTCONN;
        assert(r->current);

        if (r->current == r->appending)
                return imap_session_append_data(r->session, data);

        /* Refused already: taken and forgotten. Else it waits for its turn. */
        return r->current->outcome == REPLICA_OK ? 0 : (ssize_t) data.size;
}

static int imap_append_end(Replica *replica, const ReplicaMessage *message) {
        ImapReplica *r = imap_replica_of(replica);
        Job *job = r->current;
        int e;

        if (!r->session)
                return -ENOTCONN;
        assert(job);

        if (job != r->appending && job->outcome == REPLICA_OK)
                return -EINVAL; /* it has taken no byte yet */

        job->ended = true;
        job->flags_meant = message->present & REPLICA_HAS_FLAGS ? message->flags : job->flags_given;
        r->current = NULL;
        if (job != r->appending)
                return job_queue(r, job);

        e = imap_session_append_end(r->session);
        if (e < 0)
                return e;
        r->appending = NULL;
        if (job->n_under_way == 0) {
                e = job_continue(r, job); /* refused before its data was asked for */
                if (e < 0)
                        return e;
        }
        return replica_pump(r);
}

static int imap_append_abort(Replica *replica) {
        ImapReplica *r = imap_replica_of(replica);
        Job *job = r->current;
        int e;

        if (!r->session)
                return -ENOTCONN;
        assert(job);

        if (job == r->appending) {
                if (job->n_under_way > 0)
                        return -ECONNABORTED; /* the server waits for the bytes */
                e = imap_session_append_end(r->session);
                if (e < 0)
                        return e;
                r->appending = NULL;
        }

        for (Job **place = &r->waiting; *place; place = &(*place)->next)
                if (*place == job) {
                        *place = job->next;
                        break;
                }
        r->current = NULL;
        job_free(r, job);
        return replica_pump(r);
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
        imap_replica_detach(imap_replica_of(replica));
}

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
                if (opened->mailbox && !opened->closing && !opened->only_idle)
                        return true;

        return false;
}

static int imap_close(Replica *replica, ReplicaMailbox *mailbox) {
        ImapReplica *r = imap_replica_of(replica);
        Opened *opened;
        Job *job;
        int e;

        e = job_new(r, JOB_CLOSE, mailbox, &job);
        if (e < 0)
                return e;

        opened = opened_find(r, mailbox);
        if (opened) {
                e = r->options.once && !opened->is_written ? 0 : touch(r, opened);
                if (e < 0) {
                        job_free(r, job);
                        return e;
                }
                opened->closing = true;
        }
        if (!is_any_open(r)) {
                job->wires = TAKE_PTR(r->touched);
                job->n_wires = r->n_touched;
                r->n_touched = 0;
        }
        return job_queue(r, job);
}

const ReplicaOps imap_replica_ops = {
        .list = imap_list,
        .create = imap_create,
        .changes = imap_changes,
        .fetch = imap_fetch,
        .store = imap_store,
        .expunge = imap_expunge,
        .move = imap_move,
        .search = imap_search,
        .append_begin = imap_append_begin,
        .append_data = imap_append_data,
        .append_end = imap_append_end,
        .append_abort = imap_append_abort,
        .prepare = imap_nothing,
        .publish = imap_nothing,
        .noted = imap_noted,
        .recover = imap_recover,
        .forgotten = imap_noted,
        .stamp = imap_stamp,
        .reset = imap_reset,
        .close = imap_close,
        .next = replica_next,
};
