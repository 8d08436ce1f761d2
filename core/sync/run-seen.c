/*
 * A run, how it left a side: what the next STATUS is held against
 *
 * A STATUS that differs is news, and a run looks what it is. But there are servers whose STATUS never
 * says what SELECT says, and each run ends in a STATUS: that would never end. So what has been looked
 * at in vain a few times is excused, until it is another again.
 */

#include "sync/run-private.h"

#define VAIN_MAX 3u

/* Was there nothing new, although STATUS said so? */
static bool is_vain(const SyncRun *run, Side side, const Seen *before) {
        const ReplicaToken *now = &run->opened[side];

        return before->was_news && !run->incomplete && !run->wrote[side] &&
               before->opened.uidvalidity == now->uidvalidity &&
               before->opened.uidnext == now->uidnext && before->opened.modseq == now->modseq &&
               before->exists == run->exists[side];
}

/* What a STATUS after this run will say, if nobody else does anything. */
void run_remember_seen(SyncRun *run, Side side) {
        SyncMailbox *mailbox = run->mailbox;
        const MailboxState *state = &mailbox->state;
        Seen *seen = &mailbox->seen[side];

        if (!run->is_open[side]) { /* it cannot be opened as it stands */
                seen->is_awaited |= run->asked[side];
                return;
        }

        seen->n_vain = is_vain(run, side, seen) ? MIN(seen->n_vain + 1, VAIN_MAX) : 0;
        seen->was_news = false;
        seen->opened = run->opened[side];
        seen->exists = run->exists[side];

        seen->is_known = !run->incomplete;
        seen->is_awaited = run->incomplete;
        seen->is_excused = seen->n_vain == VAIN_MAX;
        seen->has_excuse = false;
        seen->token = run->opened[side];
        seen->token.modseq = run->modseq[side];
        /* Some servers tell UIDNEXT by STATUS alone. What came after the last one is still news. */
        if (run->opened[side].uidnext == 0)
                seen->token.uidnext = MAX(state->token[side].uidnext, seen->told_uidnext);
        seen->messages = state->messages + state->parked[side];
        if (run->holds[side])
                seen->messages -= MIN(mailbox->held[side], state->messages);
}

/* What it does not say is as it was. */
static void excuse(Seen *seen, const ReplicaStatus *status) {
        seen->has_excuse = true;
        seen->excuse = seen->token;
        seen->excuse_messages = status->has_messages ? status->messages : seen->messages;
        if (status->has_uidvalidity)
                seen->excuse.uidvalidity = status->uidvalidity;
        if (status->uidnext > 0)
                seen->excuse.uidnext = status->uidnext;
        if (status->modseq > 0)
                seen->excuse.modseq = status->modseq;
}

/* Does a STATUS say something else than the last run has left? */
bool run_is_unlike_seen(Seen *seen, const ReplicaStatus *status) {
        const bool differs = status_is_dirty(&seen->token, seen->messages, status);

        /* Only the one behind the run: a later one may be of a change. */
        if (seen->is_excused && differs)
                excuse(seen, status);
        seen->is_excused = false;
        if (!differs)
                return false;

        return !seen->has_excuse || status_is_dirty(&seen->excuse, seen->excuse_messages, status);
}
