/*
 * An IMAP account as a replica: uploads.
 *
 * A message is handed in piece by piece while nothing else can be submitted; what is asked for meanwhile
 * waits.
 */

#include <assert.h>
#include <errno.h>

#include "imap/command.h"
#include "sync/imap-replica-private.h"

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

int replica_append_begin(Replica *replica, ReplicaMailbox *mailbox, const ReplicaMessage *message,
                         uint64_t cookie) {
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

ssize_t replica_append_data(Replica *replica, ByteView data) {
        ImapReplica *r = imap_replica_of(replica);

        if (!r->session)
                return -ENOTCONN;
        assert(r->current);

        if (r->current == r->appending)
                return imap_session_append_data(r->session, data);

        /* Refused already: taken and forgotten. Else it waits for its turn. */
        return r->current->outcome == REPLICA_OK ? 0 : (ssize_t) data.size;
}

int replica_append_end(Replica *replica, const ReplicaMessage *message) {
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

int replica_append_abort(Replica *replica) {
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

/* RFC 7888 section 5: LITERAL- allows it up to 4096 octets, which the session looks after. */
static ImapLiteralMode literal_mode(const ImapReplica *r) {
        if (imap_has(&r->capabilities, IMAP_CAPABILITY_LITERAL_PLUS))
                return IMAP_LITERAL_PLUS;

        return imap_has(&r->capabilities, IMAP_CAPABILITY_LITERAL_MINUS) ? IMAP_LITERAL_MINUS
                                                                         : IMAP_LITERAL_SYNC;
}

static int format_append(const Job *job, Buffer *out) {
        const MessageFlags flags = storable_flags(job->opened, job->flags_given);
        size_t empty;
        int e;

        e = buffer_append_string(out, "APPEND ");
        if (e == 0)
                e = format_mailbox(bytes_of(job->opened->wire), out);
        if (e == 0)
                e = buffer_append_string(out, " (");
        empty = out->size;
        if (e == 0)
                e = flags_format(flags, job->mailbox->keywords, out);
        if (e == 0 && out->size == empty)
                out->size -= sizeof(" (") - 1;
        else if (e == 0)
                e = buffer_append_string(out, ")");
        if (e == 0 && job->has_date)
                e = buffer_append_string(out, " ");
        if (e == 0 && job->has_date)
                e = imap_format_date(job->date, job->date_zone, out);
        return e;
}

static int append_start(ImapReplica *r, Job *job) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        const ImapLiteralMode mode = literal_mode(r);
        ImapTag tag;
        int e;

        e = format_append(job, &out);
        if (e == -EINVAL)
                return job_fail(job, REPLICA_REFUSED,
                                "the mailbox has a name that cannot be said to the server",
                                BYTES_NULL);
        if (e == 0)
                e = reserve_command(r);
        if (e == 0)
                e = imap_session_append_begin(r->session, buffer_view(&out), job->size, mode, &tag);
        if (e < 0)
                return e;

        e = add_command(r, tag, COMMAND_APPEND, job);
        if (e < 0)
                return e;
        job->without_sync =
                mode == IMAP_LITERAL_PLUS || (mode == IMAP_LITERAL_MINUS && job->size <= 4096);
        r->appending = job;
        return 0;
}

/* The flags were not all known when the upload began. */
static int start_append_flags(ImapReplica *r, Job *job) {
        const MessageFlags add = quirk_forgotten_flags(r, job);
        const MessageFlags remove = job->flags_given & ~job->flags_meant;
        int e;

        e = uid_set_add(&job->uids, job->appended_uid, job->appended_uid);
        if (e == 0)
                e = submit_store(r, job, '+', storable_flags(job->opened, add));
        if (e == 0)
                e = submit_store(r, job, '-', storable_flags(job->opened, remove));
        return e;
}

int start_append(ImapReplica *r, Job *job) {
        return job->phase == JOB_FLAGS ? start_append_flags(r, job) : append_start(r, job);
}

int append_refused(ImapReplica *r, Job *job, const ImapText *text) {
        /* RFC 7888 section 4: what was meant as a message may be taken for commands now. */
        if (text->status == IMAP_BAD && job->without_sync)
                return replica_fail(r, -EPROTO, "the server does not understand APPEND",
                                    text->text);

        return job_fail(job, outcome_of(text, REPLICA_REFUSED), "the server refuses the message",
                        text->text);
}

/* RFC 4315 section 3. The UID means nothing under another UIDVALIDITY than the known one. */
void on_appended(Job *job, const ImapText *text) {
        const Opened *opened = job->opened;

        job->appended = true;
        if (text->code != IMAP_CODE_APPENDUID || text->uids.n_ranges == 0)
                return;
        if (opened->uidvalidity > 0 && opened->uidvalidity != text->number[0])
                return;

        job->appended_uidvalidity = (uint32_t) text->number[0];
        job->appended_uid = text->uids.ranges[0].first;
}

bool needs_flags(const ImapReplica *r, const Job *job) {
        return job->appended && job->phase == JOB_FIRST && job->appended_uid > 0 &&
               (job->flags_given != job->flags_meant || quirk_forgotten_flags(r, job));
}
