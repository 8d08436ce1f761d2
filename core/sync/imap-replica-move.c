/*
 * An IMAP account as a replica: messages into another mailbox
 *
 * By MOVE (RFC 6851) where there is one. Else by COPY, and once the copies are made, by EXPUNGE of the
 * originals: never in one go, for a COPY that is refused must leave them where they are. Which UIDs
 * they have now the server says in COPYUID (RFC 4315), of MOVE in an untagged OK before the messages
 * vanish; those that were gone already are left out there.
 */

#include <errno.h>

#include "sync/imap-replica-private.h"

static bool uses_move(const ImapReplica *r) {
        return imap_has(&r->capabilities, IMAP_CAPABILITY_MOVE) && !r->no_move;
}

/* "UID MOVE set target", or COPY; the barrier holds back what would select another mailbox. */
static int submit_move(ImapReplica *r, Job *job) {
        _cleanup_(buffer_done) Buffer after = BUFFER_NULL;
        int e;

        e = buffer_append_string(&after, " ");
        if (e == 0)
                e = format_mailbox(bytes_of(job->target->wire), &after);
        if (e == 0)
                e = buffer_append(&after, "", 1);
        if (e < 0)
                return e;
        if (uses_move(r))
                return submit_set(r, COMMAND_MOVE, job, "UID MOVE ", &job->uids, after.data);

        e = submit_set(r, COMMAND_COPY, job, "UID COPY ", &job->uids, after.data);
        if (e == 0)
                r->barrier = job;
        return e;
}

int start_move(ImapReplica *r, Job *job) {
        if (!uses_move(r) && !imap_has(&r->capabilities, IMAP_CAPABILITY_UIDPLUS))
                return job_fail(job, REPLICA_REFUSED,
                                "the server can neither move messages nor expunge single ones (it "
                                "lacks MOVE and UIDPLUS)",
                                BYTES_NULL);

        return start_confirmed(r, job, "nothing was moved from there",
                               job->is_copied ? submit_expunge : submit_move);
}

/* Both sets must stay ascending, for the n-th became the n-th. */
static bool is_beyond(const UidSet *set, const UidSet *more) {
        return set->n_ranges == 0 || set->ranges[set->n_ranges - 1].last < more->ranges[0].first;
}

static int add_set(UidSet *set, const UidSet *more) {
        int e = 0;

        for (size_t i = 0; i < more->n_ranges && e == 0; i++)
                e = uid_set_add(set, more->ranges[i].first, more->ranges[i].last);
        return e;
}

int on_copyuid(Job *job, const ImapText *text) {
        int e;

        if (job->kind != JOB_MOVE || text->uids.n_ranges == 0 || text->uids_to.n_ranges == 0)
                return 0;
        if (job->target->uidvalidity > 0 && job->target->uidvalidity != text->number[0])
                return 0;
        if (!is_beyond(&job->moved, &text->uids) || !is_beyond(&job->moved_to, &text->uids_to))
                return 0; /* told twice, or out of order: not known, then */

        e = add_set(&job->moved, &text->uids);
        return e < 0 ? e : add_set(&job->moved_to, &text->uids_to);
}

/* One that offers MOVE and cannot do it here is asked for a COPY, as long as this session lasts. */
int move_refused(ImapReplica *r, const Command *command, const ImapText *text) {
        Job *job = command->job;
        const bool is_unable = text->status == IMAP_BAD || text->code == IMAP_CODE_CANNOT;

        if (command->kind == COMMAND_MOVE && r->selected == job->opened && is_unable &&
            imap_has(&r->capabilities, IMAP_CAPABILITY_UIDPLUS) && uid_set_is_empty(&job->moved)) {
                r->no_move = true;
                job->again = true;
                return 0;
        }
        return refused_in_mailbox(r, job, text, "the server cannot move the messages");
}

/* What was copied has moved once the originals are gone; before that, both are there. */
int tell_moved(ImapReplica *r, Job *job) {
        Waiting *waiting;

        if (uid_set_is_empty(&job->moved) || (job->outcome != REPLICA_OK && !uses_move(r)))
                return 0;
        waiting = event_add(r, REPLICA_EVENT_MOVED);
        if (!waiting)
                return -ENOMEM;

        waiting->event.request = REPLICA_MOVE;
        waiting->event.mailbox = job->mailbox;
        waiting->moved = job->moved;
        waiting->moved_to = job->moved_to;
        job->moved = job->moved_to = UID_SET_NULL;
        return 0;
}
