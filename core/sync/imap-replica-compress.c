/*
 * An IMAP account as a replica: COMPRESS, once there is something to read (RFC 4978)
 *
 * A look at how the mailboxes stand is a few hundred bytes and not worth it; the answer to the first
 * SELECT and what follows it are. Before a first sync it is known that they will come: then COMPRESS
 * leaves with that look, and costs no round trip.
 */

#include <stdlib.h>

#include "sync/imap-replica-private.h"

void imap_replica_compress(ImapReplica *r, int (*start)(void *userdata), void *userdata) {
        r->start_deflate = start;
        r->deflate_userdata = userdata;
}

static bool needs_mailbox(JobKind kind) {
        switch (kind) {
        case JOB_CHANGES:
        case JOB_FETCH:
        case JOB_STORE:
        case JOB_EXPUNGE:
        case JOB_MOVE:
        case JOB_APPEND:
        case JOB_SEARCH:
                return true;

        case JOB_LIST:
        case JOB_STANDING:
        case JOB_CREATE:
        case JOB_RENAME:
        case JOB_REMOVE:
        case JOB_SUBSCRIBE:
        case JOB_CLOSE:
        case JOB_LEAVE:
        case JOB_NOTIFY:
        case JOB_POLL:
        case JOB_IDLE:
        case JOB_NOOP:
        case JOB_LOGOUT:
                return false;
        }

        abort(); /* the switch is complete */
}

/* What is under way may have more to say, and nothing may be said between COMPRESS and its answer: then
 * it is left for another time. */
int compress_before(ImapReplica *r, const Job *job) {
        int e;

        if (!r->start_deflate || r->n_commands > 0 || !needs_mailbox(job->kind) ||
            !imap_has(&r->capabilities, IMAP_CAPABILITY_COMPRESS_DEFLATE))
                return 0;

        e = submit(r, COMMAND_COMPRESS, NULL, BYTES("COMPRESS DEFLATE"));
        if (e == 0)
                r->compressing = true;
        return e;
}

/* Both answers come together, and what the job does next is compressed. */
int compress_behind(ImapReplica *r, Job *job) {
        int e;

        if (!r->start_deflate || r->compressing || !r->base.is_first ||
            !imap_has(&r->capabilities, IMAP_CAPABILITY_COMPRESS_DEFLATE))
                return 0;

        e = submit(r, COMMAND_COMPRESS, job, BYTES("COMPRESS DEFLATE"));
        if (e == 0)
                r->compressing = true;
        return e;
}

int on_compress(ImapReplica *r, const ImapText *text) {
        int (*start)(void *userdata) = r->start_deflate;

        r->compressing = false;
        r->start_deflate = NULL;
        return text->status == IMAP_OK ? start(r->deflate_userdata) : 0;
}
