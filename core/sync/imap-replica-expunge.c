/*
 * An IMAP account as a replica: EXPUNGE, and what is gone by it
 *
 * An OK is no proof. Dovecot answers OK to UID EXPUNGE and keeps the message, if it has not taken in yet
 * that it is marked: because the STORE came in one piece with the EXPUNGE, and with another STORE or
 * another client's EXPUNGE. Who takes that for done takes the message for a new one next time.
 *
 * VANISHED tells which ones are gone. Where there is none, EXPUNGE only tells how many, which may be those
 * of others: so the server is asked, in the same breath, which ones it still has. That it has them is taken
 * at its word, even if it only looks so for a moment (Dovecot tells how it was before its EXPUNGE). That it
 * has not is believed of what was there at SELECT already, or after the answer to one EXPUNGE: earlier it
 * may not have seen the message yet. What is left is expunged again, a few times.
 */

#include "sync/imap-replica-private.h"

/* One does on most servers, two on Dovecot without QRESYNC, three where it has kept the message at first. */
#define ROUNDS_MAX 4u

static bool tells_vanished(const ImapReplica *r) {
        return r->qresync == IMAP_ENABLED_ON || r->uidonly == IMAP_ENABLED_ON;
}

bool asks_what_is_left(const ImapReplica *r, const Job *job) {
        const bool expunges = job->kind == JOB_EXPUNGE || (job->kind == JOB_MOVE && job->is_copied);

        return expunges && (job->n_rounds > 0 || !tells_vanished(r));
}

/* Those that are marked are expunged by @command; all that goes with it. */
static int submit_round(ImapReplica *r, Job *job, const char *command) {
        const bool asks = asks_what_is_left(r, job);
        int e;

        e = submit_store(r, job, '+', FLAG_DELETED);
        if (e == 0)
                e = command ? submit(r, COMMAND_EXPUNGE, job, bytes_of(command))
                            : submit_set(r, COMMAND_EXPUNGE, job, "UID EXPUNGE ", &job->uids, "");
        if (e == 0 && asks)
                e = submit_search_left(r, job);
        job->n_rounds++;
        return e;
}

/* Only our UIDs: a plain EXPUNGE would take what others have marked (RFC 4315 section 2.1). */
int submit_expunge(ImapReplica *r, Job *job) {
        return submit_round(r, job, NULL);
}

/* Without UIDPLUS there is only that plain EXPUNGE: find out first what is marked. */
static int search_deleted(ImapReplica *r, Job *job) {
        r->barrier = job;
        return submit_search_deleted(r, job);
}

static int set_subtract(UidSet *set, const UidSet *less) {
        int e = 0;

        for (size_t i = 0; i < less->n_ranges && e == 0; i++)
                e = uid_set_remove(set, less->ranges[i].first, less->ranges[i].last);
        return e;
}

/*
 * It is done only where nothing but ours is marked. Other clients take the marks of others away for that
 * time; but a connection that is lost then would lose those marks, and whoever set them may mean to keep
 * the messages for a while. So ours wait for them.
 */
static int expunge_alone(ImapReplica *r, Job *job) {
        int e;

        e = set_subtract(&job->found, &job->uids);
        if (e < 0)
                return e;
        if (job->n_listed == 0 || !uid_set_is_empty(&job->found))
                return job_fail(job, REPLICA_FAILED,
                                "other messages are marked as deleted, which the server would "
                                "expunge with ours (it lacks UIDPLUS), so nothing was deleted "
                                "there; expunge or unmark them",
                                BYTES_NULL);

        return submit_round(r, job, "EXPUNGE");
}

int start_expunge(ImapReplica *r, Job *job) {
        const bool has_uidplus = imap_has(&r->capabilities, IMAP_CAPABILITY_UIDPLUS);

        if (job->phase == JOB_ALONE)
                return expunge_alone(r, job);
        return start_confirmed(r, job, "nothing was deleted there",
                               has_uidplus ? submit_expunge : search_deleted);
}

/* The server has told of messages that are gone: what is left to be expunged? */
int note_gone(ImapReplica *r, const UidSet *uids) {
        int e = 0;

        for (Job *job = r->jobs; job && e == 0; job = job->all_next)
                if (job->n_rounds > 0 && job->n_under_way > 0 && job->opened == r->selected)
                        e = set_subtract(&job->uids, uids);
        return e;
}

static int set_intersect(const UidSet *a, const UidSet *b, UidSet *ret_both) {
        _cleanup_(uid_set_done) UidSet both = UID_SET_NULL;

        for (size_t i = 0, k = 0; i < a->n_ranges && k < b->n_ranges;) {
                const UidRange one = a->ranges[i], other = b->ranges[k];
                const uint32_t first = MAX(one.first, other.first);
                const uint32_t last = MIN(one.last, other.last);
                int e = first <= last ? uid_set_add(&both, first, last) : 0;

                if (e < 0)
                        return e;
                if (one.last < other.last)
                        i++;
                else
                        k++;
        }
        *ret_both = both;
        both = UID_SET_NULL;
        return 0;
}

/* Can the server not have overlooked one of them? */
static bool is_proof(const Job *job) {
        return job->n_rounds > 1 ||
               job->uids.ranges[job->uids.n_ranges - 1].last < job->opened->uidnext;
}

/* The answer to what is left. */
static int take_left(ImapReplica *r, Job *job) {
        _cleanup_(uid_set_done) UidSet left = UID_SET_NULL;
        int e;

        if (!is_answered(job) && !job->with_esearch)
                return job_fail(job, REPLICA_FAILED,
                                "the server does not say whether it still has the messages that "
                                "it was told to expunge",
                                BYTES_NULL);
        if (!is_answered(job)) {
                r->no_esearch = true;
                return 0;
        }
        e = set_intersect(&job->uids, &job->found, &left);
        if (e < 0 || (uid_set_is_empty(&left) && !is_proof(job)))
                return e;

        uid_set_done(&job->uids);
        job->uids = left;
        left = UID_SET_NULL;
        return 0;
}

/* A round is over: what may be left is expunged once more. */
int expunge_continue(ImapReplica *r, Job *job) {
        int e = 0;

        if (job->n_rounds == 0 || job->outcome != REPLICA_OK || job->again)
                return 0;
        if (job->n_asked > 0 && !uid_set_is_empty(&job->uids))
                e = take_left(r, job);
        if (e < 0 || job->outcome != REPLICA_OK || uid_set_is_empty(&job->uids))
                return e;

        if (job->n_rounds >= ROUNDS_MAX)
                return job_fail(job, REPLICA_FAILED,
                                "the server says that it has expunged messages, but it still has "
                                "them",
                                BYTES_NULL);
        job->again = true;
        return 0;
}
