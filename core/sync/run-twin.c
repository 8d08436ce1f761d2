/*
 * A run, twins: an upload that the server answers with a message that it has already
 *
 * Some servers keep one copy of equal messages and take another one without a word (Gmail). The UID
 * that they name is then not a new one. To take it for new would give two local messages one remote
 * half; to send it again would never end.
 */

#include "sync/engine-private.h"

/* Has the remote message a local half, or is about to get one? Return: 1, 0, or negative. */
static int has_half(SyncRun *run, uint32_t uid) {
        BaseMessage base;
        int r;

        if (run->receiving[SIDE_REMOTE] && run->receiving_uid[SIDE_REMOTE] == uid)
                return 1;
        for (size_t i = 0; i < run->n_batch; i++)
                if (run->batch[i].uid[SIDE_REMOTE] == uid)
                        return 1;

        r = state_db_find(run->mailbox->engine->db, run->mailbox->state.id, SIDE_REMOTE, uid,
                          &base);
        return r < 0 ? r : r == 0;
}

/*
 * The UID of an upload is known. Return: 1 if it is not that of a new message and was dealt with, 0 if
 * the two are a pair, or negative.
 */
int run_check_appended(SyncRun *run, const ReplicaEvent *event) {
        const uint32_t local = (uint32_t) event->cookie, uid = event->message.uid;
        const int64_t mailbox = run->mailbox->state.id;
        ReplicaMessage unknown;
        int r;

        r = has_half(run, uid);
        if (r > 0)
                r = run_park(run, SIDE_LOCAL, local,
                             "the server keeps one copy of equal messages, and has this one "
                             "already");
        if (r != 0)
                return r < 0 ? r : 1;
        if (uid >= run->opened[SIDE_REMOTE].uidnext)
                return 0;

        /* An old one without a local half: one that waits for it, or one that nobody has told of. */
        r = state_db_unknown_get(run->mailbox->engine->db, mailbox, SIDE_REMOTE, uid, &unknown);
        if (r <= 0)
                return r;
        r = run_on_taken_unnamed(run, SIDE_REMOTE, local);
        return r < 0 ? r : 1;
}
