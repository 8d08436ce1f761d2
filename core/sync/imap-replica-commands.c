/* An IMAP account as a replica: jobs to commands. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imap/command.h"
#include "imap/mailbox-name.h"
#include "sync/imap-replica-private.h"

static bool has(const ImapReplica *r, ImapCapability one) {
        return imap_has(&r->capabilities, one);
}

bool has_condstore(const ImapReplica *r) {
        return has(r, IMAP_CAPABILITY_CONDSTORE) || has(r, IMAP_CAPABILITY_QRESYNC);
}

int reserve_command(ImapReplica *r) {
        const size_t capacity = r->commands_capacity > 0 ? r->commands_capacity * 2 : 16;
        Command *commands;

        if (r->first_command + r->n_commands < r->commands_capacity)
                return 0;
        if (r->first_command > 0 && r->first_command >= r->n_commands) {
                memmove(r->commands, r->commands + r->first_command,
                        r->n_commands * sizeof(*commands));
                r->first_command = 0;
                return 0;
        }

        commands = reallocarray(r->commands, capacity, sizeof(*commands));
        if (!commands)
                return -ENOMEM;
        r->commands = commands;
        r->commands_capacity = capacity;
        return 0;
}

static Command *enter_command(ImapReplica *r, ImapTag tag, CommandKind kind, Job *job) {
        Command *command = &r->commands[r->first_command + r->n_commands++];

        *command = (Command){.tag = tag, .kind = kind, .job = job};
        r->n_searches += kind == COMMAND_SEARCH;
        if (job)
                job->n_under_way++;
        return command;
}

int add_command(ImapReplica *r, ImapTag tag, CommandKind kind, Job *job) {
        int e = reserve_command(r);

        if (e == 0)
                (void) enter_command(r, tag, kind, job);
        return e;
}

int submit(ImapReplica *r, CommandKind kind, Job *job, ByteView command) {
        ImapTag tag;
        int e;

        e = reserve_command(r);
        if (e == 0)
                e = imap_session_submit(r->session, command, &tag);
        if (e == 0)
                (void) enter_command(r, tag, kind, job);
        return e;
}

/* The job needs nothing said: it is complete once what was asked for before it is. */
static int finish_in_turn(ImapReplica *r, Job *job) {
        return r->n_commands == 0 ? job_complete(r, job) : add_command(r, 0, COMMAND_OTHER, job);
}

static bool may_use_qresync(const ImapReplica *r) {
        return r->qresync == IMAP_ENABLED_ON ||
               (r->qresync == IMAP_ENABLED_UNASKED && r->enable_asked &&
                has(r, IMAP_CAPABILITY_QRESYNC));
}

/* Message sequence numbers must not be used then (RFC 9586). */
bool may_be_uidonly(const ImapReplica *r) {
        return r->uidonly == IMAP_ENABLED_ON ||
               (r->uidonly == IMAP_ENABLED_UNASKED && r->enable_asked &&
                has(r, IMAP_CAPABILITY_UIDONLY));
}

/* ENABLE must come before the first SELECT (RFC 5161 section 3.1), and need not come earlier. */
static int enable(ImapReplica *r) {
        const char *command = imap_enable_command(&r->capabilities);
        int e;

        if (r->qresync != IMAP_ENABLED_UNASKED || r->enable_asked || !command)
                return 0;

        e = submit(r, COMMAND_ENABLE, NULL, bytes_of(command));
        if (e == 0)
                r->enable_asked = true;
        return e;
}

/* The server tells what has changed after @modseq if it has QRESYNC and both numbers are known. */
static int submit_select(ImapReplica *r, Job *job, uint32_t uidvalidity, uint64_t modseq) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        const bool resume = may_use_qresync(r) && uidvalidity > 0 && modseq > 0;
        Opened *opened = job->opened;
        Command *command;
        ImapTag tag;
        int e;

        e = buffer_append_string(&out, "SELECT ");
        if (e == 0)
                e = format_mailbox(bytes_of(opened->wire), &out);
        if (e == 0 && resume)
                e = buffer_append_format(&out, " (QRESYNC (%" PRIu32 " %" PRIu64 "))", uidvalidity,
                                         modseq);
        else if (e == 0 && !may_use_qresync(r) && has_condstore(r))
                e = buffer_append_string(&out, " (CONDSTORE)");
        if (e == 0)
                e = reserve_command(r);
        if (e == 0)
                e = imap_session_submit(r->session, buffer_view(&out), &tag);
        if (e < 0)
                return e;

        command = enter_command(r, tag, COMMAND_SELECT, job);
        command->opened = opened_ref(opened);
        command->with_qresync = resume;
        r->n_selects_under_way++;
        opened_set(r, &r->tail, opened);
        return 0;
}

/* As it was when last heard of, so that only what has changed since is told. */
int ensure_selected(ImapReplica *r, Job *job) {
        int e;

        if (r->tail == job->opened)
                return 0;

        e = enable(r);
        if (e < 0)
                return e;
        return submit_select(r, job, job->opened->uidvalidity, job->opened->modseq.safe);
}

/* One way or another nothing is selected then. CLOSE would expunge, but not after EXAMINE. */
int unselect(ImapReplica *r, Job *job) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        int e;

        if (!r->tail)
                return 0;

        if (has(r, IMAP_CAPABILITY_UNSELECT)) {
                e = submit(r, COMMAND_UNSELECT, job, BYTES("UNSELECT"));
        } else {
                e = buffer_append_string(&out, "EXAMINE ");
                if (e == 0)
                        e = format_mailbox(bytes_of(r->tail->wire), &out);
                if (e == 0)
                        e = submit(r, COMMAND_EXAMINE, job, buffer_view(&out));
                if (e < 0)
                        return e;
                r->n_selects_under_way++;
                e = submit(r, COMMAND_UNSELECT, job, BYTES("CLOSE"));
        }
        if (e < 0)
                return e;

        r->n_selects_under_way++;
        opened_set(r, &r->tail, NULL);
        return 0;
}

/* "@before @set@after", in as many commands as its length needs. */
int submit_set(ImapReplica *r, CommandKind kind, Job *job, const char *before, const UidSet *set,
               const char *after) {
        const size_t max = COMMAND_MAX - MIN(strlen(before) + strlen(after), COMMAND_MAX / 2);

        for (size_t i = 0; i < set->n_ranges;) {
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
                int e;

                e = buffer_append_string(&out, before);
                if (e == 0)
                        e = uid_set_format(set, &i, max, &out);
                if (e == 0)
                        e = buffer_append_string(&out, after);
                if (e == 0)
                        e = submit(r, kind, job, buffer_view(&out));
                if (e < 0)
                        return e;
        }

        return 0;
}

/* What is the same for a message in all mailboxes of the account. */
static const char *object_item(const ImapReplica *r) {
        if (has(r, IMAP_CAPABILITY_OBJECTID))
                return " EMAILID";

        return has(r, IMAP_CAPABILITY_GMAIL) ? " X-GM-MSGID" : "";
}

static int format_items(const ImapReplica *r, ReplicaWant want, Buffer *out) {
        switch (want) {
        case REPLICA_WANT_FLAGS:
                return buffer_append_string(out, " (FLAGS)");
        case REPLICA_WANT_IDENTITY:
                return buffer_append_format(
                        out,
                        " (FLAGS INTERNALDATE%s%s BODY.PEEK[HEADER.FIELDS (MESSAGE-ID X-TUID)])",
                        object_item(r), has_quirk(r, IMAP_QUIRK_WRONG_SIZE) ? "" : " RFC822.SIZE");
        case REPLICA_WANT_BODY:
                return buffer_append_format(out, " (FLAGS INTERNALDATE%s BODY.PEEK[])",
                                            object_item(r));
        }

        abort(); /* the switch is complete */
}

static int submit_fetch(ImapReplica *r, CommandKind kind, Job *job, const UidSet *set,
                        ReplicaWant want) {
        _cleanup_(buffer_done) Buffer items = BUFFER_NULL;
        int e;

        e = format_items(r, want, &items);
        if (e == 0)
                e = buffer_append(&items, "", 1); /* its NUL */
        return e < 0 ? e : submit_set(r, kind, job, "UID FETCH ", set, items.data);
}

/* Never "*": a server may give it another meaning while messages go (Cyrus), or count backwards from
 * it (Exchange). */
static int fetch_all_flags(ImapReplica *r, Job *job) {
        _cleanup_(uid_set_done) UidSet all = UID_SET_NULL;
        int e;

        e = uid_set_add(&all, 1, UID_MAX);
        return e < 0 ? e : submit_fetch(r, COMMAND_FETCH, job, &all, REPLICA_WANT_FLAGS);
}

/* The flags of what is known, or of what of that has changed: every UID below uidnext, and those above
 * that are in the set. */
static int fetch_known(ImapReplica *r, Job *job, const char *items) {
        _cleanup_(uid_set_done) UidSet old = UID_SET_NULL;
        int e = 0;

        if (job->since.uidnext > 1)
                e = uid_set_add(&old, 1, job->since.uidnext - 1);
        for (size_t i = 0; i < job->uids.n_ranges && e == 0; i++)
                e = uid_set_add(&old, job->uids.ranges[i].first, job->uids.ranges[i].last);

        return e < 0 ? e : submit_set(r, COMMAND_FETCH, job, "UID FETCH ", &old, items);
}

static int fetch_known_flags(ImapReplica *r, Job *job) {
        return fetch_known(r, job, " (FLAGS)");
}

/* RFC 7162 section 3.1.4.1. */
static int fetch_changed_flags(ImapReplica *r, Job *job) {
        char items[64];

        (void) snprintf(items, sizeof(items), " (FLAGS) (CHANGEDSINCE %" PRIu64 ")",
                        job->since.modseq);
        return fetch_known(r, job, items);
}

/* Those of this range that are not known. */
static int fetch_new_of(ImapReplica *r, Job *job, uint32_t first, uint32_t last) {
        _cleanup_(uid_set_done) UidSet new = UID_SET_NULL;
        int e;

        e = uid_set_add(&new, first, last);
        for (size_t i = 0; i < job->uids.n_ranges && e == 0; i++)
                e = uid_set_remove(&new, job->uids.ranges[i].first, job->uids.ranges[i].last);

        return e < 0 ? e : submit_fetch(r, COMMAND_FETCH_NEW, job, &new, job->want);
}

static int fetch_new(ImapReplica *r, Job *job) {
        const uint32_t first = MAX(job->since.uidnext, 1u);
        int e;

        if (job->want != REPLICA_WANT_BODY || job->newest <= first)
                return fetch_new_of(r, job, first, UID_MAX);
        e = fetch_new_of(r, job, job->newest, UID_MAX);
        return e < 0 ? e : fetch_new_of(r, job, first, job->newest - 1);
}

static Rung choose_rung(const ImapReplica *r, const Job *job) {
        const ReplicaToken *since = &job->since;

        if (since->uidvalidity == 0 || since->uidnext == 0)
                return RUNG_LIST;
        if (may_use_qresync(r) && since->modseq > 0)
                return job->opened->lost_track ? RUNG_LIST : RUNG_QRESYNC;
        return has_condstore(r) && since->modseq > 0 ? RUNG_CONDSTORE : RUNG_SEARCH;
}

/* What was known before the mailbox was selected, as its rung has it. */
static int fetch_old(ImapReplica *r, Job *job) {
        switch (job->rung) {
        case RUNG_LIST:
                return fetch_known_flags(r, job);
        case RUNG_CONDSTORE:
                return fetch_changed_flags(r, job);
        case RUNG_SEARCH:
        case RUNG_QRESYNC:
                return 0;
        }

        abort(); /* the switch is complete */
}

/* With QRESYNC the answer to SELECT tells what changed and vanished, new messages' flags included. */
static int start_changes(ImapReplica *r, Job *job) {
        const ReplicaToken *since = &job->since;
        bool resume;
        int e;

        if (job->phase == JOB_LISTING || job->phase == JOB_KNOWN) {
                e = ensure_selected(r, job);
                if (e < 0)
                        return e;
                return job->phase == JOB_LISTING ? fetch_all_flags(r, job)
                                                 : fetch_known_flags(r, job);
        }

        e = enable(r);
        if (e < 0)
                return e;
        job->rung = choose_rung(r, job);
        job->complete = job->rung == RUNG_LIST;
        resume = job->rung == RUNG_QRESYNC;
        e = submit_select(r, job, resume ? since->uidvalidity : 0, since->modseq);
        if (e < 0)
                return e;
        job->opened->is_written = false; /* what came of it is told now */

        if (job->want == REPLICA_WANT_FLAGS && job->complete)
                return fetch_all_flags(r, job);
        if (job->want == REPLICA_WANT_FLAGS && resume)
                return 0;
        e = fetch_old(r, job);
        return e < 0 ? e : fetch_new(r, job);
}

static int start_fetch(ImapReplica *r, Job *job) {
        int e = ensure_selected(r, job);

        return e < 0 ? e : submit_fetch(r, COMMAND_FETCH_NEW, job, &job->uids, job->want);
}

/* "UID STORE set +FLAGS.SILENT (...)"; nothing, if none of @flags has a name. */
int submit_store(ImapReplica *r, Job *job, char sign, MessageFlags flags) {
        _cleanup_(buffer_done) Buffer after = BUFFER_NULL;
        size_t empty;
        int e;

        e = buffer_append_format(&after, " %cFLAGS.SILENT (", sign);
        empty = after.size;
        if (e == 0)
                e = flags_format(flags, job->mailbox->keywords, &after);
        if (e < 0)
                return e;
        if (after.size == empty)
                return 0;

        e = ensure_selected(r, job);
        if (e == 0)
                e = buffer_append(&after, ")", 2); /* with its NUL */
        return e < 0 ? e : submit_set(r, COMMAND_STORE, job, "UID STORE ", &job->uids, after.data);
}

MessageFlags storable_flags(const Opened *opened, MessageFlags flags) {
        return opened && opened->has_storable ? flags & opened->storable : flags;
}

static int start_store(ImapReplica *r, Job *job) {
        int e;

        e = submit_store(r, job, '+', storable_flags(job->opened, job->add));
        if (e == 0)
                e = submit_store(r, job, '-', storable_flags(job->opened, job->remove));
        return e;
}

static int not_confirmed(Job *job, const char *why, const char *what) {
        char text[160];

        (void) snprintf(text, sizeof(text), "%s, so %s", why, what);
        return job_fail(job, REPLICA_FAILED, text, BYTES_NULL);
}

int start_confirmed(ImapReplica *r, Job *job, const char *what,
                    int (*confirmed)(ImapReplica *r, Job *job)) {
        if (job->uidvalidity == 0)
                return not_confirmed(
                        job, "the mailbox was not looked at since the connection is up", what);
        if (job->phase == JOB_FIRST &&
            (r->tail != job->opened || r->selected != job->opened || r->n_selects_under_way > 0)) {
                r->barrier = job;
                return ensure_selected(r, job);
        }
        if (job->uidvalidity != job->opened->uidvalidity)
                return not_confirmed(job, "the mailbox was replaced meanwhile (UIDVALIDITY)", what);
        if (job->phase == JOB_FIRST)
                job->phase = JOB_CONFIRMED;
        return confirmed(r, job);
}

static int start_kind(ImapReplica *r, Job *job) {
        switch (job->kind) {
        case JOB_LIST:
                return start_list(r, job);
        case JOB_STANDING:
                return start_standing(r, job);
        case JOB_CREATE:
                return start_create(r, job);
        case JOB_RENAME:
                return start_rename(r, job);
        case JOB_REMOVE:
                return start_remove(r, job);
        case JOB_SUBSCRIBE:
                return start_subscribe(r, job);
        case JOB_CHANGES:
                return start_changes(r, job);
        case JOB_FETCH:
                return start_fetch(r, job);
        case JOB_STORE:
                return start_store(r, job);
        case JOB_EXPUNGE:
                return start_expunge(r, job);
        case JOB_MOVE:
                return start_move(r, job);
        case JOB_APPEND:
                return start_append(r, job);
        case JOB_SEARCH:
                return start_search(r, job);
        case JOB_CLOSE:
        case JOB_LEAVE:
                return start_close(r, job);
        case JOB_NOTIFY:
                return start_notify(r, job);
        case JOB_POLL:
                return start_poll(r, job);
        case JOB_IDLE:
                return start_idle(r, job);
        case JOB_NOOP:
                return submit(r, COMMAND_OTHER, job, BYTES("NOOP"));
        case JOB_LOGOUT:
                return submit(r, COMMAND_OTHER, job, BYTES("LOGOUT"));
        }

        abort(); /* the switch is complete */
}

static bool is_write(const Job *job) {
        return job->kind == JOB_STORE || job->kind == JOB_EXPUNGE || job->kind == JOB_MOVE ||
               job->kind == JOB_APPEND;
}

int job_start(ImapReplica *r, Job *job) {
        int e;

        if (job->opened && is_write(job))
                job->opened->is_written = true;
        if (job->target)
                job->target->is_written = true;

        if (job->outcome == REPLICA_OK) {
                e = start_kind(r, job);
                if (e == -EINVAL)
                        e = job_fail(job, REPLICA_REFUSED,
                                     "the mailbox has a name that cannot be said to the server",
                                     BYTES_NULL);
                if (e < 0)
                        return e;
        }

        /* An upload is complete when its data is handed in; an expunge or a move waits. */
        if (job->n_under_way > 0 || r->barrier == job || r->current == job)
                return 0;
        return finish_in_turn(r, job);
}
