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

/* " (\Seen) "17-Jul-1996 02:44:25 -0700"", as far as there is any of it. */
static int format_message(const Job *job, Buffer *out) {
        const MessageFlags flags = storable_flags(job->opened, job->flags_given);
        size_t empty;
        int e;

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

static int format_append(const Job *job, Buffer *out) {
        int e;

        e = buffer_append_string(out, "APPEND ");
        if (e == 0)
                e = format_mailbox(bytes_of(job->opened->wire), out);
        return e < 0 ? e : format_message(job, out);
}

/*
 * Messages that are handed in one after the other for the same mailbox travel as one APPEND (RFC 3502): all of
 * them are taken or none. It stays open until something else is asked for, or nothing more is handed in
 * (replica_next()). Only where nothing waits for "+", and where the answer tells the UIDs.
 */
static bool may_batch(const ImapReplica *r) {
        return imap_has(&r->capabilities, IMAP_CAPABILITY_MULTIAPPEND) &&
               imap_has(&r->capabilities, IMAP_CAPABILITY_LITERAL_PLUS) &&
               imap_has(&r->capabilities, IMAP_CAPABILITY_UIDPLUS) && !r->no_batch && !r->bad_batch;
}

bool is_between_messages(const ImapReplica *r) {
        return r->appending && r->appending->ended;
}

int append_finish(ImapReplica *r) {
        int e = imap_session_append_end(r->session);

        r->appending = r->leader = NULL;
        return e;
}

static bool may_join(const ImapReplica *r, const Job *job) {
        uint64_t n_bytes = job->size;
        unsigned n = 1;

        if (!is_between_messages(r) || !r->leader || r->waiting || job->outcome != REPLICA_OK ||
            r->appending->opened != job->opened || r->leader->n_under_way == 0)
                return false;
        for (const Job *other = r->leader; other; other = other->follower) {
                n_bytes += other->size;
                n++;
        }
        return n <= APPEND_MAX_MESSAGES && n_bytes <= APPEND_MAX_BYTES;
}

/* Another message of the APPEND that is open. */
static int join(ImapReplica *r, Job *job) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        int e;

        e = format_message(job, &out);
        if (e == 0)
                e = imap_session_append_more(r->session, buffer_view(&out), job->size);
        if (e < 0)
                return e;

        job->opened->is_written = true;
        job->without_sync = true;
        job->n_under_way++;
        r->appending->follower = job;
        r->appending = job;
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
        if (may_join(r, job))
                return join(r, job);
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

        if (may_batch(r) && job->n_under_way > 0)
                return replica_pump(r);
        e = append_finish(r);
        if (e < 0)
                return e;
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
                e = append_finish(r);
                if (e < 0)
                        return e;
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
        r->appending = r->leader = job;
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

/* The server may mean one of them, or have room for some: each is to go alone. */
static int refuse_batch(ImapReplica *r, Job *leader) {
        r->no_batch = true;
        for (Job *job = leader; job; job = job->follower) {
                int e = job_fail(job, REPLICA_FAILED, "the server refuses several messages at once",
                                 BYTES_NULL);

                if (e < 0)
                        return e;
                job->alone = true;
        }
        return 0;
}

static int append_refused(ImapReplica *r, Job *leader, const ImapText *text) {
        const ReplicaOutcome outcome = text->code == IMAP_CODE_OVERQUOTA
                                               ? REPLICA_FULL
                                               : outcome_of(text, REPLICA_REFUSED);

        /* RFC 7888 section 4: what was meant as a message may be taken for commands now. */
        if (text->status == IMAP_BAD && leader->without_sync) {
                r->bad_batch |= leader->follower != NULL;
                return replica_fail(r, -EPROTO, "the server does not understand APPEND",
                                    text->text);
        }
        if (leader->follower && (outcome == REPLICA_REFUSED || outcome == REPLICA_FULL))
                return refuse_batch(r, leader);

        for (Job *job = leader; job; job = job->follower) {
                int e = job_fail(job, outcome, "the server refuses the message", text->text);

                if (e < 0)
                        return e;
        }
        return 0;
}

static bool has_uids(const Job *leader, const ImapText *text) {
        const Opened *opened = leader->opened;
        uint64_t n = 0;

        for (const Job *job = leader; job; job = job->follower)
                n++;
        if (text->code != IMAP_CODE_APPENDUID || uid_set_count(&text->uids) != n)
                return false;
        return opened->uidvalidity == 0 || opened->uidvalidity == text->number[0];
}

/* RFC 4315 section 3, RFC 3502: the UIDs ascend. They mean nothing under another UIDVALIDITY than the known
 * one. */
static void on_appended(Job *leader, const ImapText *text) {
        const bool known = has_uids(leader, text);
        uint32_t uid = 0;
        size_t i = 0;

        for (Job *job = leader; job; job = job->follower) {
                job->appended = true;
                if (!known)
                        continue;
                if (uid == 0 || uid == text->uids.ranges[i].last)
                        uid = text->uids.ranges[uid == 0 ? i : ++i].first;
                else
                        uid++;
                job->appended_uidvalidity = (uint32_t) text->number[0];
                job->appended_uid = uid;
        }
}

int append_answered(ImapReplica *r, Job *leader, const ImapText *text) {
        if (text->status != IMAP_OK)
                return append_refused(r, leader, text);
        on_appended(leader, text);
        return 0;
}

/* In the order of their UIDs. A server may answer while the command is open still. */
int append_continue(ImapReplica *r, Job *leader) {
        Job *next = leader;
        int e = 0;

        if (r->leader == leader && is_between_messages(r))
                e = append_finish(r);
        else if (r->leader == leader)
                r->leader = NULL;
        if (e < 0)
                return e;
        while (next) {
                Job *job = next;

                next = job->follower;
                job->follower = NULL;
                if (--job->n_under_way > 0)
                        continue;
                e = job_continue(r, job);
                if (e < 0)
                        return e;
        }
        return 0;
}

bool needs_flags(const ImapReplica *r, const Job *job) {
        return job->appended && job->phase == JOB_FIRST && job->appended_uid > 0 &&
               (job->flags_given != job->flags_meant || quirk_forgotten_flags(r, job));
}
