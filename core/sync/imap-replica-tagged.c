/* An IMAP account as a replica: tagged responses, what a job does next, and how it ends. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sync/imap-replica-private.h"

/* RFC 5530, and what to do about it. */
ReplicaOutcome outcome_of(const ImapText *text, ReplicaOutcome otherwise) {
        if (imap_back_off(text).scope != IMAP_BACK_OFF_NONE)
                return REPLICA_FAILED;

        switch (text->code) {
        case IMAP_CODE_TRYCREATE:
        case IMAP_CODE_NONEXISTENT:
                return REPLICA_NO_MAILBOX;

        case IMAP_CODE_CANNOT:
        case IMAP_CODE_CONTACTADMIN:
        case IMAP_CODE_NOPERM:
        case IMAP_CODE_OVERQUOTA:
        case IMAP_CODE_SERVERBUG:
        case IMAP_CODE_TOOBIG:
                return REPLICA_REFUSED;

        default:
                return otherwise;
        }
}

/* A command that needs a selected mailbox, and how its refusal is told. */
int refused_in_mailbox(const ImapReplica *r, Job *job, const ImapText *text, const char *what) {
        const Opened *opened = job->opened;

        if (r->selected != opened) { /* a consequence of its SELECT */
                job->again |= opened->denied;
                return job_fail(job,
                                opened->failure != REPLICA_OK ? opened->failure : REPLICA_FAILED,
                                opened->failure_text && *opened->failure_text
                                        ? opened->failure_text
                                        : "the mailbox is not selected any more",
                                BYTES_NULL);
        }
        if (job->distrusted && job->phase == JOB_FIRST)
                return 0; /* CHANGEDSINCE where there are no modseqs: all is listed next */
        if (text->code == IMAP_CODE_EXPUNGEISSUED)
                return 0; /* some of the messages are gone: the others were told */

        return job_fail(job, outcome_of(text, REPLICA_FAILED), what, text->text);
}

static int list_refused(ImapReplica *r, Job *job, const ImapText *text) {
        if (!r->no_list_return && imap_back_off(text).scope == IMAP_BACK_OFF_NONE) {
                r->no_list_return = true;
                job->again = true;
                return 0;
        }

        return job_fail(job, outcome_of(text, REPLICA_FAILED),
                        "the server cannot list its mailboxes", text->text);
}

static int on_refused(ImapReplica *r, const Command *command, const ImapText *text) {
        Job *job = command->job;

        switch (command->kind) {
        case COMMAND_FETCH:
        case COMMAND_FETCH_NEW:
                return refused_in_mailbox(r, job, text, "the server cannot give the messages");
        case COMMAND_SEARCH:
                return r->selected != job->opened ? refused_in_mailbox(r, job, text, "")
                                                  : search_refused(r, job, text);
        case COMMAND_STORE:
                return refused_in_mailbox(r, job, text, "the server cannot store the flags");
        case COMMAND_EXPUNGE:
                return refused_in_mailbox(r, job, text, "the server cannot expunge the messages");
        case COMMAND_MOVE:
        case COMMAND_COPY:
                return move_refused(r, command, text);
        case COMMAND_CREATE:
        case COMMAND_RENAME:
        case COMMAND_REMOVE:
        case COMMAND_SUBSCRIBE:
                return life_refused(job, command->kind, text);
        case COMMAND_LSUB:
                r->has_subscribed = false;
                return 0;
        case COMMAND_LIST:
                return list_refused(r, job, text);
        case COMMAND_NOTIFY:
                return job_fail(job, outcome_of(text, REPLICA_REFUSED), "the server refuses NOTIFY",
                                text->text);
        case COMMAND_NOTIFY_AGAIN:
                return event_add(r, REPLICA_EVENT_OVERFLOW) ? 0 : -ENOMEM;
        case COMMAND_IDLE:
                return r->selected != job->opened ? refused_in_mailbox(r, job, text, "")
                                                  : job_fail(job, outcome_of(text, REPLICA_REFUSED),
                                                             "the server refuses IDLE", text->text);
        case COMMAND_APPEND: /* append_answered() */
        case COMMAND_ENABLE:
        case COMMAND_COMPRESS:
        case COMMAND_SELECT:
        case COMMAND_UNSELECT:
        case COMMAND_EXAMINE:
        case COMMAND_DELIMITER:
        case COMMAND_NAMESPACE:
        case COMMAND_STATUS: /* no evidence of anything */
        case COMMAND_NOTIFY_NONE:
        case COMMAND_OTHER:
                return 0;
        }

        abort(); /* the switch is complete */
}

static int on_created(Job *job, const ImapText *text) {
        job->object = bytes_dup(text->object);
        return job->object ? 0 : -ENOMEM;
}

static int start_again(ImapReplica *r, Job *job) {
        free(job->text);
        job->text = NULL;
        job->outcome = REPLICA_OK;
        job->phase = JOB_FIRST;
        job->again = job->distrusted = job->complete = job->told_opened = false;
        job->lists_known = false;
        search_forget(job);
        if (job->kind == JOB_LIST || job->kind == JOB_POLL)
                names_done(&r->names);
        return job_queue_first(r, job);
}

static int next_phase(ImapReplica *r, Job *job, JobPhase phase) {
        job->phase = phase;
        return job_queue_first(r, job);
}

/* UIDs of a mailbox that was replaced meanwhile mean other messages or none. */
static int check_uidvalidity(Job *job) {
        if (job->kind != JOB_FETCH && job->kind != JOB_STORE && job->kind != JOB_EXPUNGE &&
            job->kind != JOB_MOVE && job->kind != JOB_SEARCH)
                return 0;
        if (job->uidvalidity == 0 || job->uidvalidity == job->opened->uidvalidity)
                return 0;

        return job_fail(job, REPLICA_FAILED, "the mailbox was replaced meanwhile (UIDVALIDITY)",
                        BYTES_NULL);
}

/* Only what is worth it is asked for once more: a plain answer is a list, not a count. */
static int on_unanswered(ImapReplica *r, Job *job) {
        const bool again = job->with_esearch && !job->search.count;
        int e;

        r->no_esearch |= job->with_esearch;
        if (again)
                return start_again(r, job);
        e = job_fail(job, REPLICA_FAILED, "the server does not say what it has found", BYTES_NULL);
        return e < 0 ? e : job_complete(r, job);
}

/* All commands of a job are answered: on to its next phase, or its end. */
int job_continue(ImapReplica *r, Job *job) {
        int e;

        if (r->barrier == job || (job->kind == JOB_APPEND && !job->ended))
                return 0;
        e = expunge_continue(r, job);
        if (e < 0)
                return e;
        if (job->again)
                return start_again(r, job);

        if (job->kind == JOB_APPEND && job->appended) {
                if (needs_flags(r, job))
                        return next_phase(r, job, JOB_FLAGS);
                if (job->phase == JOB_FLAGS && job->outcome == REPLICA_OK)
                        job->flags_given = job->flags_meant;
                job->outcome = REPLICA_OK; /* it is there, whatever became of its flags */
        }
        if (job->outcome == REPLICA_OK && job->phase == JOB_FIRST) {
                if (job->kind == JOB_CHANGES && job->distrusted)
                        return next_phase(r, job, JOB_LISTING);
                if (job->kind == JOB_CHANGES && job->lists_known)
                        return next_phase(r, job, JOB_KNOWN);
                if ((job->kind == JOB_CREATE || job->kind == JOB_RENAME) && !job->wires)
                        return next_phase(r, job, JOB_CREATING);
                if (job->kind == JOB_LIST &&
                    (r->no_list_return || !imap_has(&r->capabilities, IMAP_CAPABILITY_LIST_STATUS)))
                        return next_phase(r, job, JOB_STATUSES);
        }

        if (job->kind == JOB_SEARCH && job->outcome == REPLICA_OK && !is_answered(job))
                return on_unanswered(r, job);

        e = check_uidvalidity(job);
        return e < 0 ? e : job_complete(r, job);
}

/* Complete what needed no command, up to the next command under way. */
static int finish_markers(ImapReplica *r) {
        while (r->n_commands > 0 && r->commands[r->first_command].tag == 0) {
                Job *job = r->commands[r->first_command].job;
                int e;

                r->first_command++;
                r->n_commands--;
                job->n_under_way--;
                e = job_complete(r, job);
                if (e < 0)
                        return e;
        }

        return 0;
}

/* What an expunge or a move waits for is answered: its SELECT, and is it the mailbox that was meant? Or
 * its SEARCH or COPY: what follows must come while that mailbox still is selected. */
static int release_barrier(ImapReplica *r) {
        Job *job = r->barrier;
        int e = 0;

        if (!job || r->n_selects_under_way > 0 || job->n_under_way > 0)
                return 0;

        r->barrier = NULL;
        if (job->outcome == REPLICA_OK && r->selected != job->opened && !job->again)
                e = job_fail(job, REPLICA_FAILED, "the mailbox is not selected any more",
                             BYTES_NULL);
        if (e == 0)
                e = check_uidvalidity(job);
        if (e < 0)
                return e;

        if (job->again || job->outcome != REPLICA_OK) {
                e = job_continue(r, job);
                return e < 0 ? e : replica_pump(r);
        }
        if (job->phase == JOB_FIRST)
                return next_phase(r, job, JOB_CONFIRMED);
        job->is_copied = job->kind == JOB_MOVE;
        return next_phase(r, job, job->is_copied ? JOB_COPIED : JOB_ALONE);
}

/* Take the command out of the queue: the oldest, unless the server answers out of order. */
static bool take_command(ImapReplica *r, ImapTag tag, Command *ret_command) {
        for (size_t i = 0; i < r->n_commands; i++) {
                Command *command = &r->commands[r->first_command + i];

                if (command->tag != tag)
                        continue;
                *ret_command = *command;
                r->n_commands--;
                r->n_searches -= command->kind == COMMAND_SEARCH;
                r->searches_plainly &= r->n_searches > 0;
                if (i == 0)
                        r->first_command++;
                else
                        memmove(command, command + 1, (r->n_commands - i) * sizeof(*command));
                return true;
        }

        return false;
}

/* By how much the safe modseq of the selected mailbox may rise: see sync/modseq.h. */
static uint64_t safe_rise(const ImapReplica *r, const Command *command, const ImapText *text) {
        if (!r->notify_sent)
                return UINT64_MAX;
        return command->kind == COMMAND_APPEND && text->status == IMAP_OK && command->job &&
               command->job->opened == r->selected;
}

static void on_modseq(ImapReplica *r, const Command *command, const ImapText *text) {
        if (!r->selected || !has_condstore(r) || command->kind == COMMAND_UNSELECT ||
            command->kind == COMMAND_EXAMINE)
                return;

        if (text->code == IMAP_CODE_HIGHESTMODSEQ)
                modseq_code(&r->selected->modseq, text->number[0]);
        modseq_tagged(&r->selected->modseq, safe_rise(r, command, text));
}

static int on_answer(ImapReplica *r, const Command *command, const ImapText *text) {
        switch (command->kind) {
        case COMMAND_ENABLE:
                if (r->qresync != IMAP_ENABLED_ON)
                        r->qresync = IMAP_ENABLED_OFF;
                if (r->uidonly != IMAP_ENABLED_ON)
                        r->uidonly = IMAP_ENABLED_OFF;
                return 0;
        case COMMAND_COMPRESS:
                return on_compress(r, text);
        case COMMAND_SELECT:
                r->n_selects_under_way--;
                return selecting_tagged(r, command, text);
        case COMMAND_EXAMINE:
        case COMMAND_UNSELECT:
                r->n_selects_under_way--;
                r->selecting = (Selecting){0};
                opened_set(r, &r->selected, NULL);
                return 0;
        default:
                break;
        }

        if (command->kind == COMMAND_APPEND)
                return append_answered(r, command->job, text);
        if (text->status != IMAP_OK)
                return on_refused(r, command, text);
        if (command->kind == COMMAND_CREATE && !command->job->object &&
            text->code == IMAP_CODE_MAILBOXID)
                return on_created(command->job, text);
        return command->job && text->code == IMAP_CODE_COPYUID ? on_copyuid(command->job, text) : 0;
}

int on_tagged(ImapReplica *r, const ImapEvent *event) {
        const ImapText *text = &event->text;
        Command command;
        int e = 0;

        if (text->code == IMAP_CODE_CAPABILITY)
                replica_learn(r, &text->capabilities);
        if (text->code == IMAP_CODE_ALERT)
                e = replica_alert(r, text->text);
        if (e == 0)
                e = note_back_off(r, text);
        if (e < 0 || !take_command(r, event->tag, &command))
                return e; /* not ours: the login's last one */

        e = on_answer(r, &command, text);
        on_modseq(r, &command, text);
        (void) opened_unref(r, command.opened);
        if (e < 0)
                return e;

        if (command.kind == COMMAND_APPEND)
                e = append_continue(r, command.job);
        else if (command.job && --command.job->n_under_way == 0)
                e = job_continue(r, command.job);
        if (e == 0)
                e = finish_markers(r);
        if (e == 0)
                e = release_barrier(r);
        return e == 0 && (command.kind == COMMAND_SEARCH || command.kind == COMMAND_COMPRESS)
                       ? replica_pump(r)
                       : e;
}
