/* A run, its end: what is committed, and what is told. */

#include <errno.h>

#include "sync/run-private.h"

static void commit_server_token(SyncRun *run, Side side) {
        ReplicaToken *token = &run->mailbox->state.token[side];

        token->uidvalidity = run->opened[side].uidvalidity;
        token->uidnext = MAX(token->uidnext, run->opened[side].uidnext);
        token->modseq = run->modseq[side];
}

static void commit_maildir_token(SyncRun *run, Side side) {
        ReplicaToken *token = &run->mailbox->state.token[side];
        const ReplicaToken before = *token;

        *token = run->opened[side];
        token->modseq = run->modseq[side];
        if (!run->marked[side])
                memcpy(token->stamp, before.stamp, sizeof(before.stamp));
        else if (run->mailbox->replica[side].has_names)
                token_forget_times(token);
}

static void commit_tokens(SyncRun *run) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                if (run->is_open[side] && !run->holds[side]) {
                        if (run_replica(run, side)->gives_numbers)
                                commit_maildir_token(run, side);
                        else
                                commit_server_token(run, side);
                        mailbox_state_end_adoption(&run->mailbox->state, side);
                }
                if (run->wrote[side])
                        token_forget_times(&run->mailbox->state.token[side]);
        }
}

static bool token_changed(const ReplicaToken *a, const ReplicaToken *b) {
        return a->uidvalidity != b->uidvalidity || a->uidnext != b->uidnext ||
               a->modseq != b->modseq || memcmp(a->stamp, b->stamp, sizeof(a->stamp)) != 0;
}

static bool did_something(const EngineCounts *counts) {
        return counts->paired || counts->moved[0] || counts->moved[1] || counts->added[0] ||
               counts->added[1] || counts->changed[0] || counts->changed[1] || counts->removed[0] ||
               counts->removed[1];
}

/* What was begun by this or an earlier run has come to its end. */
static int conclude_begun(SyncRun *run) {
        SyncMailbox *mailbox = run->mailbox;
        StateDb *db = mailbox->engine->db;
        int r = 0;

        if (run->is_staged && !run->unpublished) {
                r = state_db_staged_clear(db, mailbox->state.id);
                run->is_staged = false;
        }
        if (r >= 0 && run->intents && !run->incomplete) /* of messages that are there no more */
                r = state_db_intent_remove_all(db, mailbox->state.id);
        if (r >= 0 && !run->incomplete)
                r = run_conclude_moved(run);
        return r;
}

/*
 * That a batch is where it belongs, and what was sent has arrived, must be known before anybody moves those messages
 * away; how far the deltas went need not.
 */
static int begin_conclusion(const SyncRun *run) {
        StateDb *db = run->mailbox->engine->db;

        return run->is_staged || run->intents || run->awaits_moved ? state_db_begin(db)
                                                                   : state_db_begin_minor(db);
}

/* Everything of both deltas has taken effect: say so in the base. */
static int conclude(SyncRun *run) {
        SyncMailbox *mailbox = run->mailbox;
        ReplicaToken before[_SIDE_MAX];
        int r;

        memcpy(before, mailbox->state.token, sizeof(before));
        if (!run->incomplete)
                commit_tokens(run);
        if (did_something(&run->counts))
                mailbox->state.last_change = mailbox->engine->now;

        if (run->is_staged || run->intents || run->awaits_moved || did_something(&run->counts) ||
            token_changed(&before[0], &mailbox->state.token[0]) ||
            token_changed(&before[1], &mailbox->state.token[1])) {
                r = begin_conclusion(run);
                if (r >= 0)
                        r = conclude_begun(run);
                if (r >= 0)
                        r = sync_mailbox_save(mailbox);
                if (r < 0)
                        return r;
        }
        r = run_commit_rotation(run);
        return r < 0 ? r : engine_commit_soon(mailbox->engine);
}

static int close_side(SyncRun *run, Side side) {
        Replica *replica = run_replica(run, side);
        int r;

        if (side == SIDE_REMOTE && run_leaves_echo(run)) {
                engine_stay_open(run->mailbox);
                return 0;
        }
        if (!run->is_open[side] && !run->wrote[side] &&
            !(side == SIDE_REMOTE && run->mailbox->stays_open))
                return 0;
        if (side == SIDE_REMOTE)
                engine_close_over(run->mailbox);
        r = replica->ops->close(replica, &run->mailbox->replica[side]);
        if (r < 0)
                return r;
        run->n_under_way++;
        return 0;
}

static void note_end(SyncRun *run) {
        SyncMailbox *mailbox = run->mailbox;

        if (run->incomplete)
                return;
        mailbox->wants_compare &= !run->compares;
        if (run->is_open[SIDE_REMOTE]) /* else what went wrong there still does */
                sync_mailbox_set_error(mailbox, NULL);
        for (Side side = 0; side < _SIDE_MAX; side++)
                if (run->asked[side])
                        mailbox->confirmed[side] = false;
        engine_note(mailbox->engine, &(EngineNote){
                                             .type = ENGINE_NOTE_SYNCED,
                                             .mailbox = mailbox->state.name,
                                             .counts = &run->counts,
                                     });
}

int run_close(SyncRun *run) {
        int r;

        r = run_put_batch(run);
        if (r >= 0)
                r = run_commit_planned(run);
        if (r >= 0)
                r = run_end_sending(run);
        if (r < 0)
                return r;
        run->phase = RUN_CLOSE;
        if (run->failed)
                run->again = false; /* not at once */
        if (run->verifies) {        /* the last run has said how things are */
                r = engine_commit(run->mailbox->engine);
                if (r < 0)
                        return r;
        } else if (!run->again) {
                r = conclude(run);
                if (r < 0)
                        return r;
                run_remember_seen(run, SIDE_REMOTE);
                run_remember_seen(run, SIDE_LOCAL);
                note_end(run);
        } else {
                r = engine_commit(run->mailbox->engine);
                if (r < 0)
                        return r;
        }

        r = close_side(run, SIDE_REMOTE);
        return r < 0 ? r : close_side(run, SIDE_LOCAL);
}
