/*
 * The engine: a change of ours that comes back as news
 *
 * Under NOTIFY a server does not tell what others do in the mailbox that is selected, and so the modseq behind a
 * STORE or EXPUNGE of ours vouches for nothing (sync/modseq.h): the STATUS when the mailbox is closed says that it
 * has changed, and it must be looked at again, as if others had changed it, which they may have. That is known
 * before. So the mailbox is not closed in between: the question goes with what closes it, and a round trip, a
 * STATUS and another NOTIFY are saved.
 *
 * It lasts no longer than a turn of the pump. If no run can be begun then, it is closed.
 */

#include <errno.h>

#include "sync/run-private.h"

bool run_leaves_echo(const SyncRun *run) {
        const Engine *engine = run->mailbox->engine;

        if (engine->options.once || engine->hold || engine->wants_list || engine->n_listing > 0)
                return false;
        if (run->incomplete || run->again || run->verifies || !run->is_open[SIDE_REMOTE] ||
            !run->wrote[SIDE_REMOTE] || !run_replica(run, SIDE_REMOTE)->ops->leave)
                return false;
        return run->opened[SIDE_REMOTE].modseq > 0 &&
               run->modseq[SIDE_REMOTE] == run->opened[SIDE_REMOTE].modseq;
}

/* That there is nothing new is as likely as it is after a STATUS: if there is, the server lists it. */
void engine_stay_open(SyncMailbox *mailbox) {
        const bool gains = mailbox->may_gain[SIDE_REMOTE];

        sync_mailbox_mark(mailbox, SIDE_REMOTE);
        mailbox->may_gain[SIDE_REMOTE] = gains;
        mailbox->engine->n_stay_open += !mailbox->stays_open;
        mailbox->stays_open = true;
}

void engine_close_over(SyncMailbox *mailbox) {
        mailbox->engine->n_stay_open -= mailbox->stays_open;
        mailbox->stays_open = false;
}

int engine_close_left(Engine *engine) {
        Replica *remote = engine->replica[SIDE_REMOTE];
        int n = 0;

        for (size_t i = 0; engine->n_stay_open > 0 && i < engine->n_mailboxes; i++) {
                SyncMailbox *mailbox = engine->mailboxes[i];
                int r;

                if (!mailbox->stays_open || mailbox->run)
                        continue;
                engine_close_over(mailbox);
                r = remote->ops->close(remote, &mailbox->replica[SIDE_REMOTE]);
                if (r < 0)
                        return r;
                n++;
        }
        return n;
}
