/*
 * An IMAP account as a replica: SEARCH, and what its answer is worth.
 *
 * An answer decides what is deleted on the other side, so it is not taken on trust. ESEARCH is asked
 * for a set and its count, and the two must agree: servers are known that answer COUNT whatever they
 * were asked. One whose answer is of no use is asked without ESEARCH for the rest of the session.
 */

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

#include "sync/imap-replica-private.h"

bool can_count(const ImapReplica *r) {
        return imap_has(&r->capabilities, IMAP_CAPABILITY_ESEARCH) && !r->no_esearch;
}

/*
 * Without ESEARCH an answer does not say which command it is for, and servers carry out several of them
 * at the same time (Dovecot) and answer in any order: so each goes alone.
 */
bool search_must_wait(const ImapReplica *r, const Job *job) {
        const bool is_alone =
                job->kind == JOB_EXPUNGE && !imap_has(&r->capabilities, IMAP_CAPABILITY_UIDPLUS);

        if (is_alone || (job->kind == JOB_SEARCH && job->search.stride > 0))
                return r->n_searches > 0;
        if (job->kind != JOB_SEARCH && !asks_what_is_left(r, job))
                return false;
        return can_count(r) ? r->searches_plainly : r->n_searches > 0;
}

/* No answer has come yet. */
void search_forget(Job *job) {
        uid_set_done(&job->found);
        job->found = UID_SET_NULL;
        job->n_found = job->n_asked = job->n_counted = job->n_listed = 0;
}

/* "SEEN", "UNSEEN", "KEYWORD work", "UNKEYWORD work"; -ENOENT if the flag has no name. */
static int format_key(const Job *job, Buffer *out) {
        _cleanup_(buffer_done) Buffer name = BUFFER_NULL;
        const char *un = job->search.without ? "UN" : "";
        int e;

        e = flags_format(job->search.flag, job->mailbox->keywords, &name);
        if (e == 0 && name.size == 0)
                e = -ENOENT;
        if (e == 0)
                e = buffer_append(&name, "", 1);
        if (e < 0)
                return e;
        if (name.data[0] != '\\')
                return buffer_append_format(out, " %sKEYWORD %s", un, name.data);
        for (char *c = name.data; *c; c++)
                *c = (char) toupper((unsigned char) *c);
        return buffer_append_format(out, " %s%s", un, name.data + 1);
}

static int format_search(const Job *job, Buffer *out) {
        const UidRange range = job->search.range;
        const bool whole = range.first == 1 && range.last == UID_MAX;
        int e;

        e = buffer_append_string(out, "UID SEARCH");
        if (e == 0 && job->with_esearch)
                e = buffer_append_string(out, job->search.count ? " RETURN (COUNT)"
                                                                : " RETURN (ALL COUNT)");
        if (e == 0 && !whole)
                e = buffer_append_format(out, " UID %" PRIu32 ":%" PRIu32, range.first, range.last);
        if (e == 0 && job->search.flag)
                e = format_key(job, out);
        else if (e == 0 && whole)
                e = buffer_append_string(out, " ALL");
        return e;
}

/* By message sequence numbers, which nothing has changed since the server told of them last: it may
 * not do so while no command is under way. */
static int submit_positions(ImapReplica *r, Job *job) {
        _cleanup_(uid_set_done) UidSet positions = UID_SET_NULL;
        const uint32_t stride = job->search.stride;
        int e = 0;

        for (uint64_t n = stride; n <= job->opened->exists && e == 0; n += stride)
                e = uid_set_add(&positions, (uint32_t) n, (uint32_t) n);
        job->n_listed = 1; /* none of them may be there any more */
        r->searches_plainly = true;
        return e < 0 ? e : submit_set(r, COMMAND_SEARCH, job, "FETCH ", &positions, " (UID)");
}

int start_search(ImapReplica *r, Job *job) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        int e;

        e = ensure_selected(r, job);
        if (e < 0)
                return e;
        if (job->search.stride > 0 && may_be_uidonly(r))
                return job_fail(job, REPLICA_REFUSED,
                                "messages have no numbers where UIDONLY is enabled", BYTES_NULL);
        if (job->search.stride > 0)
                return submit_positions(r, job);

        job->with_esearch = can_count(r);
        r->searches_plainly |= !job->with_esearch;
        e = format_search(job, &out);
        if (e == -ENOENT)
                return job_fail(job, REPLICA_FAILED, "the keyword has no name", BYTES_NULL);
        return e < 0 ? e : submit(r, COMMAND_SEARCH, job, buffer_view(&out));
}

/* What is marked in the whole mailbox, by anybody. */
int submit_search_deleted(ImapReplica *r, Job *job) {
        search_forget(job);
        r->searches_plainly = true;
        return submit(r, COMMAND_SEARCH, job, BYTES("UID SEARCH DELETED"));
}

/* Which of the job's messages are there? In as many commands as it takes: their answers add up. */
int submit_search_left(ImapReplica *r, Job *job) {
        const unsigned before = job->n_under_way;
        int e;

        search_forget(job);
        job->with_esearch = can_count(r);
        r->searches_plainly |= !job->with_esearch;
        e = submit_set(r, COMMAND_SEARCH, job,
                       job->with_esearch ? "UID SEARCH RETURN (ALL COUNT) UID " : "UID SEARCH UID ",
                       &job->uids, "");
        job->n_asked = job->n_under_way - before;
        return e;
}

/* The plain one is alone: it is meant, whatever else is under way. */
static Job *searching_job(const ImapReplica *r, ImapTag tag) {
        for (size_t i = 0; i < r->n_commands; i++) {
                const Command *command = &r->commands[r->first_command + i];

                if (command->kind == COMMAND_SEARCH && (command->tag == tag || r->searches_plainly))
                        return command->job;
        }
        return NULL;
}

int on_search(ImapReplica *r, const ImapEvent *event) {
        Job *job = searching_job(r, event->tag);

        if (!job)
                return 0;
        if (event->type == IMAP_EVENT_ESEARCH_COUNT) {
                job->n_counted++;
                job->n_found += event->number;
                return 0;
        }

        job->n_listed += event->last;
        if (job->outcome != REPLICA_OK)
                return 0; /* it was too much, and perhaps there is no end of it */
        for (size_t i = 0; i < event->uids.n_ranges; i++) {
                int e = uid_set_add(&job->found, event->uids.ranges[i].first,
                                    event->uids.ranges[i].last);

                if (e < 0)
                        return e;
        }
        if (job->found.n_ranges > FOUND_MAX)
                return job_fail(job, REPLICA_FAILED, "the server finds too many messages",
                                BYTES_NULL);
        return 0;
}

int on_position(Job *job, const ImapFetch *fetch) {
        if (!(fetch->present & IMAP_FETCH_UID) || job->search.stride == 0 || fetch->seqnum == 0 ||
            fetch->seqnum % job->search.stride != 0)
                return 0;
        return uid_set_add(&job->found, fetch->uid, fetch->uid);
}

/* Did the server say what was asked for? */
bool is_answered(const Job *job) {
        const unsigned n_asked = MAX(job->n_asked, 1u);

        if (!job->with_esearch)
                return job->n_listed >= n_asked;
        if (job->n_counted < n_asked || job->search.count)
                return job->n_counted >= n_asked;

        return uid_set_count(&job->found) == job->n_found;
}

int search_refused(ImapReplica *r, Job *job, const ImapText *text) {
        if (job->with_esearch && text->status == IMAP_BAD) {
                r->no_esearch = true;
                job->again = true;
                return 0;
        }
        return job_fail(job, outcome_of(text, REPLICA_FAILED), "the server refuses to search",
                        text->text);
}

int tell_found(ImapReplica *r, Job *job) {
        Waiting *waiting = event_add(r, REPLICA_EVENT_FOUND);

        if (!waiting)
                return -ENOMEM;
        waiting->event.request = REPLICA_SEARCH;
        waiting->event.mailbox = job->mailbox;
        waiting->event.cookie = job->cookie;
        waiting->event.count =
                job->with_esearch && job->search.count ? job->n_found : uid_set_count(&job->found);
        waiting->uids = job->found;
        job->found = UID_SET_NULL;
        return 0;
}
