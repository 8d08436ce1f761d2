/*
 * A run, intents: what is on its way to a server
 *
 * Before the first message leaves, an intent is committed: if an answer is lost, the next run asks what
 * there is on either side, and pairs it, before it sends anything again. What a server has taken
 * without saying under which UID is written down by message: if pairing does not find it, it is not
 * sent for ever.
 *
 * The limit of this: if the message is deleted where it came from before that next run, its copy stands
 * alone, looks like any new message, and comes back. That it was ours would have to be known of each
 * message before it leaves; a deletion undone is the lesser evil.
 */

#include <stdio.h>

#include "sync/run-private.h"

/* That messages are on their way to this side: one row for all of them. */
#define WHATEVER_COMES 0u

static int put_intent(SyncRun *run, Side to) {
        const SyncMailbox *mailbox = run->mailbox;

        return state_db_intent_add(mailbox->engine->db, mailbox->state.id,
                                   &(Intent){
                                           .side = to,
                                           .source_uid = WHATEVER_COMES,
                                           .uidnext = run->opened[to].uidnext,
                                           .time = mailbox->engine->now,
                                   });
}

/* Bodies were asked for to fill a mailbox that is new here, and none has come yet. */
static bool is_about_to_send(const SyncRun *run, Side to) {
        return run && to == SIDE_LOCAL && run->phase == RUN_ASK && run->asks_bodies &&
               run->is_open[to] && !run->intends[to] &&
               run->mailbox->state.token[SIDE_REMOTE].uidvalidity == 0;
}

/* The first message is about to leave for a server; those of others will soon, and one commit is enough. */
int run_intend(SyncRun *run, Side to) {
        Engine *engine = run->mailbox->engine;
        int r;

        if (run->intends[to] || run_replica(run, to)->gives_numbers)
                return 0;
        run->intends[to] = true;
        r = engine_begin(engine);
        if (r >= 0)
                r = put_intent(run, to);
        for (size_t i = 0; r >= 0 && i < engine->n_mailboxes; i++) {
                SyncRun *other = engine->mailboxes[i]->run;

                if (!is_about_to_send(other, to))
                        continue;
                other->intends[to] = true;
                r = put_intent(other, to);
        }
        return r < 0 ? r : engine_commit(engine);
}

/* There are more to come: their time is now. */
int run_renew_intents(SyncRun *run) {
        int r = 0;

        for (Side to = 0; r >= 0 && to < _SIDE_MAX; to++)
                if (run->intends[to])
                        r = put_intent(run, to);
        return r;
}

int run_end_sending(SyncRun *run) {
        int r = 0;

        for (Side to = 0; r >= 0 && to < _SIDE_MAX; to++) {
                if (!run->intends[to])
                        continue;
                run->intends[to] = false;
                r = engine_begin(run->mailbox->engine);
                if (r >= 0)
                        r = state_db_intent_remove(run->mailbox->engine->db, run->mailbox->state.id,
                                                   to, WHATEVER_COMES);
        }
        return r;
}

/* Both sides have the message, and know it: of an earlier run's intents, those of it are fulfilled. */
int run_forget_intents(SyncRun *run, const BaseMessage *message) {
        int r = 0;

        for (Side to = 0; run->intents && r >= 0 && to < _SIDE_MAX; to++)
                r = state_db_intent_remove(run->mailbox->engine->db, run->mailbox->state.id, to,
                                           message->uid[side_other(to)]);
        return r;
}

/* One that an earlier run sent, and whose copy the pairing has not found, is not sent for ever.
 * Return: 1 send it, 0 do not, or negative. */
int run_may_send(SyncRun *run, Side to, uint32_t uid) {
        SyncMailbox *mailbox = run->mailbox;
        char reason[64];
        Intent intent;
        int r;

        r = state_db_intent_find(mailbox->engine->db, mailbox->state.id, to, uid, &intent);
        if (r != 0)
                return r < 0 ? r : 1;
        if (run->unnamed[to]) /* perhaps by this run: the next one looks for it */
                return 0;
        (void) snprintf(reason, sizeof(reason), "%s took it but does not show it", side_server(to));
        r = run_park(run, side_other(to), uid, reason);
        return r < 0 ? r : 0;
}

/* Taken, but under which UID the side does not say: the next run will find it there. */
int run_on_taken_unnamed(SyncRun *run, Side side, uint32_t uid) {
        const int64_t mailbox = run->mailbox->state.id;
        const Intent intent = {
                .side = side,
                .source_uid = uid,
                .taken = true,
                .time = run->mailbox->engine->now,
        };
        StateDb *db = run->mailbox->engine->db;
        int r;

        run->again = run->unnamed[side] = true;
        if (side == SIDE_LOCAL)
                run->ascending = false;
        r = engine_begin(run->mailbox->engine);
        if (r >= 0)
                r = state_db_intent_add(db, mailbox, &intent);
        if (r >= 0)
                r = state_db_unknown_remove(db, mailbox, side_other(side), uid);
        if (r < 0 ||
            ++run->n_unnamed % RUN_MAX_BATCH > 0) /* committed at the latest by run_close() */
                return r;
        return engine_commit(run->mailbox->engine);
}
