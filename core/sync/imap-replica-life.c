/* An IMAP account as a replica: mailboxes are made, renamed, deleted, subscribed. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sync/imap-replica-private.h"

void object_take(char object[OBJECT_MAX + 1], ByteView text) {
        if (text.size > OBJECT_MAX)
                text.size = 0;
        if (text.size > 0)
                memcpy(object, text.data, text.size);
        object[text.size] = '\0';
}

/* "WORD mailbox": what acts on a name must not meet it selected, where servers differ. */
static int submit_name(ImapReplica *r, CommandKind kind, Job *job, const char *word,
                       const char *wire, const char *new_wire) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        int e;

        e = buffer_append_string(&out, word);
        if (e == 0)
                e = format_mailbox(bytes_of(wire), &out);
        if (e == 0 && new_wire)
                e = buffer_append_string(&out, " ");
        if (e == 0 && new_wire)
                e = format_mailbox(bytes_of(new_wire), &out);
        return e < 0 ? e : submit(r, kind, job, buffer_view(&out));
}

/* How the mailbox is called on the wire. Return: 1, 0 if no server could know it: the job has failed
 * then. */
static int wire_of(ImapReplica *r, Job *job, char **ret_wire) {
        int e = mailbox_wire(r, job->mailbox, ret_wire);

        if (e > 0)
                return job_fail_name(job, e);
        return e < 0 ? e : 1;
}

int start_standing(ImapReplica *r, Job *job) {
        const bool says_object = imap_has(&r->capabilities, IMAP_CAPABILITY_OBJECTID) &&
                                 !has_quirk(r, IMAP_QUIRK_MAILBOXID_BY_SELECT);
        const unsigned more = IMAP_STATUS_UIDVALIDITY | (says_object ? IMAP_STATUS_MAILBOXID : 0) |
                              (r->base.has_sizes ? IMAP_STATUS_SIZE : 0);
        _cleanup_free_ char *wire = NULL;
        int e;

        e = wire_of(r, job, &wire);
        if (e <= 0)
                return e;
        return submit_statuses(r, job, &wire, 1, status_items(r) | more);
}

/* The delimiter is to be known before a name with levels can be said. */
static bool needs_delimiter(const ImapReplica *r, const Job *job, const char *name) {
        return name_needs_delimiter(r, name) && job->phase == JOB_FIRST;
}

/* The name that is to be, into wires. Return: as wire_of(). */
static int new_wire(ImapReplica *r, Job *job, const char *known, const char *name) {
        int e = 0;

        job->wires = calloc(1, sizeof(*job->wires));
        if (!job->wires)
                return -ENOMEM;
        if (known)
                job->wires[0] = strdup(known);
        else
                e = name_encode(r, name, &job->wires[0]);
        if (e > 0)
                return job_fail_name(job, e);
        if (e < 0 || !job->wires[0])
                return -ENOMEM;
        job->n_wires = 1;
        return 1;
}

int start_create(ImapReplica *r, Job *job) {
        int e;

        if (!job->mailbox->wire && needs_delimiter(r, job, job->mailbox->name))
                return submit_delimiter(r, job);

        e = new_wire(r, job, job->mailbox->wire, job->mailbox->name);
        return e <= 0 ? e : submit_name(r, COMMAND_CREATE, job, "CREATE ", job->wires[0], NULL);
}

int start_rename(ImapReplica *r, Job *job) {
        _cleanup_free_ char *wire = NULL;
        int e;

        if (needs_delimiter(r, job, job->name))
                return submit_delimiter(r, job);

        e = unselect(r, job);
        if (e == 0)
                e = wire_of(r, job, &wire);
        if (e > 0)
                e = new_wire(r, job, NULL, job->name);
        return e <= 0 ? e : submit_name(r, COMMAND_RENAME, job, "RENAME ", wire, job->wires[0]);
}

int start_remove(ImapReplica *r, Job *job) {
        _cleanup_free_ char *wire = NULL;
        int e;

        e = unselect(r, job);
        if (e == 0)
                e = wire_of(r, job, &wire);
        return e <= 0 ? e : submit_name(r, COMMAND_REMOVE, job, "DELETE ", wire, NULL);
}

int start_subscribe(ImapReplica *r, Job *job) {
        _cleanup_free_ char *wire = NULL;
        int e;

        e = wire_of(r, job, &wire);
        return e <= 0 ? e
                      : submit_name(r, COMMAND_SUBSCRIBE, job,
                                    job->subscribe ? "SUBSCRIBE " : "UNSUBSCRIBE ", wire, NULL);
}

/* What is so already needs no doing. */
int life_refused(Job *job, CommandKind kind, const ImapText *text) {
        const char *what = "the server cannot create the mailbox";

        if (kind == COMMAND_CREATE && text->code == IMAP_CODE_ALREADYEXISTS)
                return 0;
        if (kind == COMMAND_REMOVE && text->code == IMAP_CODE_NONEXISTENT)
                return 0;

        if (kind == COMMAND_RENAME)
                what = "the server cannot rename the mailbox";
        else if (kind == COMMAND_REMOVE)
                what = "the server cannot delete the mailbox";
        else if (kind == COMMAND_SUBSCRIBE)
                what = "the server cannot change the subscription";
        return job_fail(job, outcome_of(text, REPLICA_REFUSED), what, text->text);
}
