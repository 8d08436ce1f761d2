/*
 * A run, copies: messages that the local side has already, in another mailbox
 *
 * Where the server tells which messages are the same (REPLICA_HAS_OBJECT), one that is in several
 * mailboxes is fetched once, and copied on the local side for the others. So that it is there in time,
 * mailboxes that are labels fetch their bodies one after the other.
 */

#include "sync/run-private.h"

SyncMailbox *engine_find_id(const Engine *engine, int64_t id) {
        for (size_t i = 0; i < engine->n_mailboxes; i++)
                if (engine->mailboxes[i]->state.id == id)
                        return engine->mailboxes[i];
        return NULL;
}

/* Return: 1 it is under way, 0 it is not to be had and will be fetched, or negative. */
static int copy_one(SyncRun *run, const ReplicaMessage *message, int64_t twin, uint32_t twin_uid) {
        Engine *engine = run->mailbox->engine;
        Replica *local = engine->replica[SIDE_LOCAL];
        SyncMailbox *source = engine_find_id(engine, twin);
        int r;

        if (!source || !source->exists[SIDE_LOCAL])
                return 0;
        r = local->ops->append_copy(local, &run->mailbox->replica[SIDE_LOCAL], message,
                                    message->uid, &source->replica[SIDE_LOCAL], twin_uid);
        if (r < 0)
                return run_fail_locally(run, "a message cannot be copied", r);
        if (r > 0)
                return 0;
        run->n_appends++;
        run->wrote[SIDE_LOCAL] = true;
        return 1;
}

/* Copy what can be, a batch at a time. Return: 1 if some are under way, 0 if there are no more, or
 * negative. */
int run_copy(SyncRun *run) {
        SyncMailbox *mailbox = run->mailbox;
        int r;

        if (!mailbox->engine->replica[SIDE_LOCAL]->ops->append_copy ||
            mailbox->engine->options.dry_run || run->again ||
            !sync_mailbox_may(mailbox, SIDE_LOCAL, DEED_ADD))
                return 0;
        while (run->n_appends < run_max_batch(run) && !run->failed) {
                ReplicaMessage message;
                uint32_t twin_uid;
                int64_t twin;

                r = state_db_twin_next(mailbox->engine->db, mailbox->state.id, run->copied,
                                       &message, &twin, &twin_uid);
                if (r < 0)
                        return r;
                if (r == STATE_DB_E_NONE)
                        break;
                run->copied = message.uid;
                r = copy_one(run, &message, twin, twin_uid);
                if (r < 0)
                        return r;
        }
        return run->n_appends > 0;
}

/*
 * Bodies of new messages that were compared are asked for together, which takes fewer packets. Who is ready waits for
 * those that the local side is about to answer, and whoever comes last lets the others go first: what was selected
 * last may be so still.
 */
static bool gathers(const SyncRun *run) {
        const Engine *engine = run->mailbox->engine;

        for (size_t i = 0; run->gains[SIDE_REMOTE] && i < engine->n_runs; i++) {
                const SyncRun *other = engine->runs[i];

                if (other == run || other->failed || !other->gains[SIDE_REMOTE])
                        continue;
                if (other->phase == RUN_ACT && other->n_requests[SIDE_REMOTE] == 0)
                        return true;
                if (run->waited == 0 && (other->phase == RUN_MEET || other->is_queued))
                        return true;
        }
        return false;
}

/* May this run fetch bodies now? If not, it is resumed when it may. */
bool run_may_fetch(SyncRun *run) {
        Engine *engine = run->mailbox->engine;

        if (!engine->replica[SIDE_REMOTE]->has_labels) {
                run->is_queued = gathers(run);
                if (run->is_queued && run->waited == 0)
                        run->waited = ++engine->n_waited;
                return !run->is_queued;
        }
        if (!engine->fetching)
                engine->fetching = run;
        run->is_queued = engine->fetching != run;
        return !run->is_queued;
}

static bool may_resume(const Engine *engine, const SyncRun *run) {
        if (!run->is_queued)
                return false;
        if (run->awaits_flow)
                return engine_may_flow(engine, run->flow);
        return engine->replica[SIDE_REMOTE]->has_labels ? !engine->fetching : !gathers(run);
}

/* The first to have waited, of those that may go on. */
static SyncRun *next_queued(const Engine *engine) {
        SyncRun *next = NULL;

        for (size_t i = 0; i < engine->n_runs; i++) {
                SyncRun *run = engine->runs[i];

                if (may_resume(engine, run) && (!next || run->waited < next->waited))
                        next = run;
        }
        return next;
}

/* Return: 1 if a run goes on that had to wait, 0 if there is none, or negative. */
int engine_resume_queued(Engine *engine) {
        SyncRun *run = next_queued(engine);
        int r;

        if (!run)
                return 0;
        run->is_queued = false;
        run->copied = 0; /* the other one may have brought what this one lacks */
        r = run_next_phase(run);
        if (r < 0)
                return r;
        engine_end_if_over(engine, run->mailbox);
        return 1;
}
