/*
 * A run, batches: messages that the destination has taken
 *
 * A batch is made durable there, its rows are committed, then it is made visible. A server does the
 * first and the last when it takes a message.
 */

#include <errno.h>

#include "sync/run-private.h"

#define NOTE_BYTES (64u * 1024) /* between two notes of progress */

/* What a side has said of a message before the base had it, by an echo or by another client. */
int run_take_early_news(SyncRun *run, Side side, const BaseMessage *base) {
        const int64_t mailbox = run->mailbox->state.id;
        StateDb *db = run->mailbox->engine->db;
        ReplicaMessage said;
        int r;

        r = state_db_unknown_get(db, mailbox, side, base->uid[side], &said);
        if (r != 0)
                return r < 0 ? r : 0;
        r = state_db_unknown_remove(db, mailbox, side, base->uid[side]);
        return r < 0 ? r : run_on_known(run, side, base, said.flags);
}

static int commit_batch_message(SyncRun *run, const BatchMessage *message) {
        SyncMailbox *mailbox = run->mailbox;
        Replica *local = mailbox->engine->replica[SIDE_LOCAL];
        StateDb *db = mailbox->engine->db;
        const BaseMessage base = {
                .uid = {message->uid[SIDE_REMOTE], message->uid[SIDE_LOCAL]},
                .flags = message->flags,
        };
        int r;

        r = state_db_add(db, mailbox->state.id, &base);
        if (r >= 0 && mailbox->state.is_dated)
                r = state_db_note_date(db, mailbox->state.id, &base);
        if (r >= 0)
                r = run_note_objects(run, &base);
        if (r >= 0)
                r = local->ops->noted(local, &mailbox->replica[SIDE_LOCAL], base.uid[SIDE_LOCAL]);
        if (r >= 0)
                r = run_forget_intents(run, &base);
        if (r >= 0)
                r = run_forget_moved(run, &base);
        for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++)
                r = run_take_early_news(run, side, &base);
        if (r < 0)
                return r;

        mailbox->state.messages++;
        run->counts.added[side_other(message->source)]++;
        return 0;
}

/*
 * New remote messages arrive in ascending order, but for the newest, which come first: uidnext follows the others, and
 * an interrupted first sync goes on where it was, past the newest that the base has. Its modseq is that of SELECT,
 * since when nothing was missed.
 */
static void advance_uidnext(SyncRun *run) {
        ReplicaToken *token = &run->mailbox->state.token[SIDE_REMOTE];

        if (!run->ascending || (run->last_uid == 0 && run->newest == 0) || run->phase != RUN_ASK)
                return;
        if (token->uidvalidity == 0) {
                token->uidvalidity = run->opened[SIDE_REMOTE].uidvalidity;
                token->modseq = run->opened[SIDE_REMOTE].modseq;
        }
        if (run->last_uid < UID_MAX)
                token->uidnext = MAX(token->uidnext, run->last_uid + 1);
}

/*
 * A server on the local side: nothing had changed there, or no bodies would have been asked for, and
 * what has come since came from us, up to where its UIDs ceased to follow each other.
 */
static void advance_local(SyncRun *run) {
        ReplicaToken *token = &run->mailbox->state.token[SIDE_LOCAL];

        if (run->phase != RUN_ASK || run->n_changes[SIDE_LOCAL] > 0 || run->unnamed[SIDE_LOCAL] ||
            run_replica(run, SIDE_LOCAL)->gives_numbers)
                return;
        token->uidvalidity = run->opened[SIDE_LOCAL].uidvalidity;
        token->uidnext = MAX(token->uidnext, run->opened[SIDE_LOCAL].uidnext);
        token->modseq = run->opened[SIDE_LOCAL].modseq;
}

/*
 * Rows, and what is parked, go by UIDs, and those by a UIDVALIDITY: the base must know of which, even if this run comes to no
 * end. All is listed once more then, since a token without uidnext asks for that.
 */
void run_note_numbering(SyncRun *run) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                ReplicaToken *token = &run->mailbox->state.token[side];

                if (token->uidvalidity == 0 && run->is_open[side] &&
                    !run_replica(run, side)->gives_numbers)
                        *token = (ReplicaToken){.uidvalidity = run->opened[side].uidvalidity};
        }
}

/* The range of local UIDs that come to be with this batch. */
static UidRange staged_range(const SyncRun *run) {
        const bool is_staged = run_replica(run, SIDE_LOCAL)->gives_numbers;
        UidRange range = {UID_MAX, 0};

        for (size_t i = 0; is_staged && i < run->n_batch; i++) {
                if (run->batch[i].source != SIDE_REMOTE)
                        continue;
                range.first = MIN(range.first, run->batch[i].uid[SIDE_LOCAL]);
                range.last = MAX(range.last, run->batch[i].uid[SIDE_LOCAL]);
        }
        return range;
}

static int put_rows(SyncRun *run) {
        SyncMailbox *mailbox = run->mailbox;
        const UidRange staged = staged_range(run);
        StateDb *db = mailbox->engine->db;
        int r;

        r = engine_begin(mailbox->engine);
        for (size_t i = 0; r >= 0 && i < run->n_batch; i++)
                r = commit_batch_message(run, &run->batch[i]);
        if (r >= 0 && staged.last > 0) {
                r = state_db_staged_set(db, mailbox->state.id, staged.first, staged.last);
                run->is_staged = true;
        }
        if (r >= 0)
                r = run_renew_intents(run);
        if (r < 0)
                return r;

        advance_uidnext(run);
        advance_local(run);
        run_note_numbering(run);
        return sync_mailbox_save(mailbox);
}

/* With what has arrived and is not durable yet: a batch takes long on a slow line. */
static void note_progress(SyncRun *run) {
        const uint64_t done =
                run->counts.added[SIDE_REMOTE] + run->counts.added[SIDE_LOCAL] + run->n_batch;
        const uint64_t total_bytes =
                run->total_bytes > 0 ? MAX(run->counts.bytes, run->total_bytes) : 0;

        engine_note(run->mailbox->engine, &(EngineNote){
                                                  .type = ENGINE_NOTE_PROGRESS,
                                                  .mailbox = run->mailbox->state.name,
                                                  .done = done,
                                                  .total = MAX(done, run->total),
                                                  .bytes = run->counts.bytes,
                                                  .total_bytes = total_bytes,
                                          });
        run->noted_bytes = run->counts.bytes;
}

void run_note_bytes(SyncRun *run) {
        if (run->counts.bytes >= run->noted_bytes + NOTE_BYTES)
                note_progress(run);
}

/* Durable, in the base, and only then visible. */
static int deliver_batch(SyncRun *run) {
        ReplicaMailbox *mailbox = &run->mailbox->replica[SIDE_LOCAL];
        Replica *local = run->mailbox->engine->replica[SIDE_LOCAL];
        int r;

        r = local->ops->prepare(local, mailbox);
        if (r < 0) /* what was not made durable is lost, and fetched again */
                return run_fail_locally(run, "new messages cannot be written", r);
        r = put_rows(run);
        if (r >= 0)
                r = engine_commit(run->mailbox->engine);
        if (r < 0)
                return r;

        r = local->ops->publish(local, mailbox);
        if (r < 0) {
                run->unpublished = true; /* the next run does it */
                return run_fail_locally(run, "new messages cannot be moved into the mailbox", r);
        }
        return 0;
}

/*
 * The messages of this batch are in the base, with the next commit at the latest: a server has them, and
 * if it comes to no commit, the intents lead the next run to them.
 */
int run_put_batch(SyncRun *run) {
        int r = 0;

        if (run->n_batch == 0)
                return 0;
        if (run_replica(run, SIDE_LOCAL)->gives_numbers) {
                if (!run->unpublished) /* else what is staged is not to be forgotten for these */
                        r = deliver_batch(run);
        } else
                r = put_rows(run);
        run->batch_bytes = 0;
        run->n_batch = 0;
        memset(run->batch_last, 0, sizeof(run->batch_last));
        if (r >= 0)
                note_progress(run);
        return r;
}

int run_flush_batch(SyncRun *run) {
        const bool is_full = run->n_batch > 0;
        int r;

        r = run_put_batch(run);
        return r < 0 || !is_full ? r : engine_commit(run->mailbox->engine);
}
