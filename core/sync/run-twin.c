/*
 * A run, twins: an upload that the server answers with a message that it has already
 *
 * Some servers keep one copy of equal messages and take another one without a word (Gmail). The UID
 * that they name is then not a new one. To take it for new would give two messages one other
 * half; to send it again would never end.
 */

#include <stdio.h>

#include "sync/run-private.h"

/* Has the message of this side another half, or is about to get one? Return: 1, 0, or negative. */
static int has_half(SyncRun *run, Side side, uint32_t uid) {
        BaseMessage base;
        int r;

        if (run->receiving[side] && run->receiving_uid[side] == uid)
                return 1;
        if (run_is_in_batch(run, side, uid))
                return 1;

        r = state_db_find(run->mailbox->engine->db, run->mailbox->state.id, side, uid, &base);
        return r < 0 ? r : r == 0;
}

/*
 * The UID of an upload is known. Return: 1 if it is not that of a new message and was dealt with, 0 if
 * the two are a pair, or negative.
 */
int run_check_appended(SyncRun *run, Side side, const ReplicaEvent *event) {
        const uint32_t source = (uint32_t) event->cookie, uid = event->message.uid;
        const int64_t mailbox = run->mailbox->state.id;
        ReplicaMessage unknown;
        int r;

        r = has_half(run, side, uid);
        if (r > 0) {
                char text[128];

                (void) snprintf(text, sizeof(text),
                                "%s keeps one copy of equal messages, and has this one already",
                                side_server(side));
                r = run_park(run, side_other(side), source, text);
                return r < 0 ? r : 1;
        }
        if (r < 0)
                return r;
        if (uid >= run->opened[side].uidnext)
                return 0;

        /* An old one without another half: one that waits for it, or one that nobody has told of. */
        r = state_db_unknown_get(run->mailbox->engine->db, mailbox, side, uid, &unknown);
        if (r <= 0)
                return r;
        r = run_on_taken_unnamed(run, side, source);
        return r < 0 ? r : 1;
}
