/*
 * A run, transfers: messages that one side does not have
 *
 * Bodies stream from one replica into the other, piece by piece. What the destination has taken is
 * gathered into batches (run-batch.c).
 */

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "sync/run-private.h"

/* --- refused messages --- */

int run_put_parked(SyncRun *run, Side source, uint32_t uid, const char *reason) {
        SyncMailbox *mailbox = run->mailbox;
        Replica *replica = mailbox->engine->replica[source];
        StateDb *db = mailbox->engine->db;
        uint64_t *count;
        int r;

        r = state_db_park(db, mailbox->state.id, source, uid, reason);
        if (r >= 0)
                r = replica->ops->noted(replica, &mailbox->replica[source], uid);
        if (r >= 0)
                r = state_db_intent_remove(db, mailbox->state.id, side_other(source), uid);
        if (r >= 0)
                r = state_db_unknown_remove(db, mailbox->state.id, source, uid);
        if (r < 0)
                return r;

        run_note_numbering(run);
        mailbox->state.parked[source]++;
        count = mailbox_state_count(&mailbox->state, reason);
        if (count)
                ++*count;
        mailbox->has_deferred = false;
        return 0;
}

/* The other side will not have this message of @source, ever: keep it where it is, show it, go on. */
int run_park(SyncRun *run, Side source, uint32_t uid, const char *reason) {
        SyncMailbox *mailbox = run->mailbox;
        int r;

        engine_note_text(mailbox->engine, ENGINE_NOTE_PARKED, mailbox,
                         "%s message %u stays on its side only: %s", side_name(source), uid,
                         reason ? reason : "it was refused");
        r = engine_begin(mailbox->engine);
        if (r >= 0)
                r = run_put_parked(run, source, uid, reason ? reason : "refused");
        if (r >= 0)
                r = sync_mailbox_save(mailbox);
        return r < 0 ? r : engine_commit(mailbox->engine);
}

/* No body came. The first time it is asked for again, once the others are through; then parked. */
int run_on_no_body(SyncRun *run, Side side, const ReplicaEvent *event) {
        const ReplicaMessage *message = &event->message;
        const int64_t mailbox = run->mailbox->state.id;
        StateDb *db = run->mailbox->engine->db;
        unsigned n = 0;
        int r;

        if (message->uid == 0)
                return 0;
        r = state_db_unknown_put(db, mailbox, side, message);
        if (r >= 0)
                r = state_db_unknown_try(db, mailbox, side, message->uid, &n);
        if (r < 0)
                return r;
        if (n > 1)
                return run_park(run, side, message->uid,
                                event->text ? event->text : "it has no body");
        run->no_body = true;
        return 0;
}

/* --- bodies --- */

/* It is still to be handed over: by this run, or a later one. */
static int keep_for_later(SyncRun *run, Side source, uint32_t uid) {
        const ReplicaMessage message = {.uid = uid};

        if (source == SIDE_REMOTE)
                run->ascending = false;
        return state_db_unknown_put(run->mailbox->engine->db, run->mailbox->state.id, source,
                                    &message);
}

/* Return: 1 if this body is wanted, 0 if not, or negative. */
static int is_wanted(SyncRun *run, Side side, const ReplicaMessage *message) {
        const MailboxState *state = &run->mailbox->state;
        StateDb *db = run->mailbox->engine->db;
        BaseMessage base;
        int r;

        if (run->failed || run->discard[side] || message->uid == 0)
                return 0;
        if (run->lists[side] && run->phase != RUN_TRANSFER) {
                r = state_db_listed_put(db, state->id, side, message->uid);
                if (r < 0)
                        return r;
        }
        r = state_db_find(db, state->id, side, message->uid, &base);
        if (r <= 0)
                return r;
        if (run_is_in_batch(run, side, message->uid))
                return 0;
        if (run->is_full[side_other(side)])
                return keep_for_later(run, side, message->uid);
        if (run->phase == RUN_TRANSFER || run->complete[side])
                return 1;

        r = run_count_room(run);
        if (r < 0)
                return r;
        if (run->room == 0)
                return state_db_unknown_put(db, state->id, side, message);
        run->room--;
        return 1;
}

/* A Maildir may be full or broken; a server that takes nothing is lost. */
static int on_not_taken(SyncRun *run, Side to, int error) {
        return run_replica(run, to)->gives_numbers
                       ? run_fail_locally(run, "a message cannot be written", error)
                       : error;
}

static int on_body_begin(SyncRun *run, Side side, const ReplicaMessage *message) {
        const Side to = side_other(side);
        Replica *replica = run->mailbox->engine->replica[to];
        int r;

        r = is_wanted(run, side, message);
        if (r <= 0)
                return r;
        if (!(message->present & REPLICA_HAS_SIZE) && !run_replica(run, to)->gives_numbers)
                return 0; /* there is none, as its end will say; but a server must be told the size */

        r = run_intend(run, to);
        if (r < 0)
                return r;
        r = replica->ops->append_begin(replica, &run->mailbox->replica[to], message, message->uid);
        if (r < 0)
                return on_not_taken(run, to, r);
        run->receiving[side] = true;
        run->receiving_uid[side] = message->uid;
        run->wrote[to] = true;
        return 0;
}

static int on_body_data(SyncRun *run, Side side, ByteView data) {
        Engine *engine = run->mailbox->engine;
        const Side to = side_other(side);
        ssize_t n;

        if (!run->receiving[side])
                return 0;
        run->counts.bytes += data.size;
        run->batch_bytes += data.size;
        run_note_bytes(run);

        n = engine->replica[to]->ops->append_data(engine->replica[to], data);
        if (n < 0) {
                run->receiving[side] = false;
                (void) engine->replica[to]->ops->append_abort(engine->replica[to]);
                return on_not_taken(run, to, (int) n);
        }
        if ((size_t) n == data.size)
                return 0;

        engine->is_stalled[to] = true;
        engine->stalled_data[to].size = 0;
        return buffer_append(&engine->stalled_data[to], data.data + n, data.size - (size_t) n);
}

/* It costs the connection. The next one, maybe of another process, gets it once more, but not for ever. */
static int on_body_cut(SyncRun *run, Side side, const ReplicaEvent *event) {
        const int64_t mailbox = run->mailbox->state.id;
        const uint32_t uid = run->receiving_uid[side];
        StateDb *db = run->mailbox->engine->db;
        _cleanup_free_ char *last = NULL;
        char key[64], value[16];
        int r;

        (void) snprintf(key, sizeof(key), "body-cut-%lld-%s", (long long) mailbox, side_name(side));
        (void) snprintf(value, sizeof(value), "%u", uid);
        r = state_db_get(db, key, &last);
        if (r < 0)
                return r;
        if (last && strcmp(last, value) == 0)
                return run_park(run, side, uid, event->text);

        engine_note_text(run->mailbox->engine, ENGINE_NOTE_NOTICE, run->mailbox,
                         "%s message %u ended too early, and is tried once more: %s",
                         side_name(side), uid, event->text ? event->text : "no reason given");
        r = engine_begin(run->mailbox->engine);
        if (r >= 0)
                r = state_db_set(db, key, value);
        return r < 0 ? r : engine_commit(run->mailbox->engine);
}

/* The body did not come whole. */
static int on_body_broken(SyncRun *run, Side side, const ReplicaEvent *event) {
        Replica *replica = run->mailbox->engine->replica[side_other(side)];
        int r = 0;

        if (run->receiving[side])
                r = replica->ops->append_abort(replica);
        run->receiving[side] = false;
        if (r == -ECONNABORTED) { /* a server waits for the rest */
                const int k = on_body_cut(run, side, event);

                return k < 0 ? k : r;
        }
        if (r < 0)
                return r;
        if (run->failed || run->discard[side])
                return 0;
        run->ascending = false;
        return run_on_no_body(run, side, event);
}

/* If the base is to hear of it by what was listed, this is newer. Its object is kept there until the
 * base has it. */
static int refresh_unknown(SyncRun *run, Side side, const ReplicaMessage *message) {
        const int64_t mailbox = run->mailbox->state.id;
        StateDb *db = run->mailbox->engine->db;
        ReplicaMessage said;
        int r;

        if (message->present & REPLICA_HAS_OBJECT)
                return state_db_unknown_put(db, mailbox, side, message);
        r = state_db_unknown_get(db, mailbox, side, message->uid, &said);
        if (r != 0)
                return r < 0 ? r : 0;
        return state_db_unknown_put(db, mailbox, side, message);
}

static int on_body_end(SyncRun *run, Side side, const ReplicaEvent *event) {
        const Side to = side_other(side);
        Replica *replica = run->mailbox->engine->replica[to];
        int r;

        if (event->text)
                return on_body_broken(run, side, event);
        if (!run->receiving[side])
                return 0;

        run->receiving[side] = false;
        r = refresh_unknown(run, side, &event->message);
        if (r < 0)
                return r;
        r = replica->ops->append_end(replica, &event->message);
        if (r < 0)
                return on_not_taken(run, to, r);
        run->n_appends++;
        return 0;
}

int run_on_body(SyncRun *run, Side side, const ReplicaEvent *event) {
        if (event->type == REPLICA_EVENT_BODY_BEGIN)
                return on_body_begin(run, side, &event->message);
        if (event->type == REPLICA_EVENT_BODY_DATA)
                return on_body_data(run, side, event->data);
        return on_body_end(run, side, event);
}

/* New UIDs follow each other; one that does not was preceded by somebody else's message. */
static void follow_uidnext(SyncRun *run, const BatchMessage *message) {
        const uint32_t uid = message->uid[SIDE_REMOTE];
        const Side to = side_other(message->source);
        uint32_t *remote = &run->opened[SIDE_REMOTE].uidnext;

        if (message->uid[to] == run->opened[to].uidnext && message->uid[to] < UID_MAX)
                run->opened[to].uidnext++;
        if (message->source != SIDE_REMOTE)
                return;

        if (run->phase == RUN_ASK && uid >= *remote && uid < UID_MAX)
                *remote = uid + 1;
        if (run->newest > 0 && uid >= run->newest)
                return;
        if (uid <= run->last_uid)
                run->ascending = false;
        run->last_uid = MAX(run->last_uid, uid);
}

static int add_to_batch(SyncRun *run, Side side, const ReplicaEvent *event,
                        BatchMessage **ret_message) {
        BatchMessage *message;

        assert(run->n_batch < run_max_batch(run));
        if (run->n_batch == run->n_batch_allocated) {
                const size_t n = MAX(2 * run->n_batch, 32u);

                message = reallocarray(run->batch, n, sizeof(*message));
                if (!message)
                        return -ENOMEM;
                run->batch = message;
                run->n_batch_allocated = n;
        }
        message = &run->batch[run->n_batch++];
        *message = (BatchMessage){.source = side_other(side), .flags = event->message.flags};
        message->uid[message->source] = (uint32_t) event->cookie;
        message->uid[side] = event->message.uid;
        for (Side s = 0; s < _SIDE_MAX; s++)
                run->batch_last[s] = MAX(run->batch_last[s], message->uid[s]);
        *ret_message = message;
        return 0;
}

int run_on_appended(SyncRun *run, Side side, const ReplicaEvent *event) {
        BatchMessage *message;
        int r;

        assert(run->n_appends > 0);
        run->n_appends--;
        if (event->token.modseq > 0)
                run->modseq[side] = event->token.modseq;
        if (event->message.uid == 0) {
                r = run_on_taken_unnamed(run, side, (uint32_t) event->cookie);
                return r < 0 ? r : run_next_phase(run);
        }
        if (!run_replica(run, side)->gives_numbers) {
                r = run_check_appended(run, side, event);
                if (r != 0)
                        return r < 0 ? r : run_next_phase(run);
        }

        r = add_to_batch(run, side, event, &message);
        if (r < 0)
                return r;
        follow_uidnext(run, message);

        if (run->n_batch == run_max_batch(run) || run->batch_bytes >= RUN_MAX_BYTES) {
                r = run_flush_batch(run);
                if (r < 0)
                        return r;
        }
        return run_next_phase(run);
}

static int on_refused(SyncRun *run, Side side, const ReplicaEvent *event) {
        const uint32_t uid = (uint32_t) event->cookie;
        const Side source = side_other(side);

        if (event->alone) {
                run->no_body = true;
                return keep_for_later(run, source, uid);
        }
        if (event->outcome == REPLICA_REFUSED)
                return run_park(run, source, uid, event->text);
        if (event->outcome != REPLICA_FULL) {
                run_fail(run, event->text);
                return 0;
        }
        run->is_full[side] = true;
        run_refuse(run, event->text);
        return keep_for_later(run, source, uid);
}

/* Not taken. A server may say so before it has all of the message: then no more of it is sent. */
int run_on_append_failed(SyncRun *run, Side side, const ReplicaEvent *event) {
        const Side source = side_other(side);
        Engine *engine = run->mailbox->engine;
        int r;

        if (run->receiving[source] && run->receiving_uid[source] == event->cookie) {
                run->receiving[source] = false;
                engine->is_stalled[side] = false;
        } else {
                assert(run->n_appends > 0);
                run->n_appends--;
        }

        r = on_refused(run, side, event);
        return r < 0 ? r : run_next_phase(run);
}

/* --- asking for bodies --- */

static int fetch_bodies(SyncRun *run, Side side, const UidSet *uids) {
        Replica *replica = run->mailbox->engine->replica[side];
        int r;

        r = replica->ops->fetch(replica, &run->mailbox->replica[side], uids, REPLICA_WANT_BODY);
        if (r < 0)
                return r;
        run->n_under_way++;
        run->transferred[side] = uids->ranges[uids->n_ranges - 1].last;
        return 0;
}

static int send_chunk(SyncRun *run, Side side, const UidSet *uids) {
        _cleanup_(uid_set_done) UidSet send = UID_SET_NULL;
        const Side to = side_other(side);

        if (!run->intents && !run->unnamed[to])
                return fetch_bodies(run, side, uids);
        for (size_t i = 0; i < uids->n_ranges; i++)
                for (uint64_t uid = uids->ranges[i].first; uid <= uids->ranges[i].last; uid++) {
                        int r = run_may_send(run, to, (uint32_t) uid);

                        if (r > 0)
                                r = uid_set_add(&send, (uint32_t) uid, (uint32_t) uid);
                        if (r < 0)
                                return r;
                }
        run->transferred[side] = uids->ranges[uids->n_ranges - 1].last;
        return uid_set_is_empty(&send) ? 0 : fetch_bodies(run, side, &send);
}

static void note_would_copy(SyncRun *run, Side side, const UidSet *uids) {
        engine_note_text(run->mailbox->engine, ENGINE_NOTE_WOULD, run->mailbox,
                         "copy %llu messages from %s to %s",
                         (unsigned long long) uid_set_count(uids), side_name(side),
                         side_name(side_other(side)));
        run->transferred[side] = uids->ranges[uids->n_ranges - 1].last;
}

/* The next unknown messages of this side, that were not asked for in this run. */
static int next_chunk(SyncRun *run, Side side, UidSet *uids) {
        const Side to = side_other(side);
        const size_t max = side == SIDE_REMOTE ? RUN_MAX_IDENTIFY : run_max_batch(run);

        /* among them may be one that was taken, but not named */
        if (run->unnamed[side] || (side == SIDE_REMOTE && run->again) || run->is_full[to] ||
            !sync_mailbox_may(run->mailbox, to, DEED_ADD))
                return 0;
        return state_db_unknown_uids(run->mailbox->engine->db, run->mailbox->state.id, side,
                                     run->transferred[side], max, uids);
}

/*
 * Of many new messages that were listed, the newest first: those are what people look for. The order is of no
 * consequence, since all of them are known and only the end of the run says that it got so far. On a server it would
 * stay for ever, as the order of its UIDs.
 */
static int next_head(SyncRun *run, UidSet *uids) {
        const SyncMailbox *mailbox = run->mailbox;
        const unsigned newest = mailbox->engine->options.newest;
        StateDb *db = mailbox->engine->db;
        uint64_t n;
        int r;

        if (run->has_head || mailbox->engine->options.dry_run ||
            !run_replica(run, SIDE_LOCAL)->gives_numbers)
                return 0;
        run->has_head = true;
        r = state_db_unknown_count(db, mailbox->state.id, SIDE_REMOTE, &n);
        if (r < 0 || n <= newest || run->again || run->is_full[SIDE_LOCAL])
                return r;
        return state_db_unknown_newest(db, mailbox->state.id, SIDE_REMOTE, newest, uids);
}

/* Ask for these, or say what would be. Return: 1, 0 if it is not their turn, or negative. */
static int ask_bodies(SyncRun *run, Side side, const UidSet *uids) {
        int r;

        if (run->mailbox->engine->options.dry_run) {
                note_would_copy(run, side, uids);
                return 1;
        }
        if (!run_begin_flow(run, side)) {
                if (!run->has_flow)
                        run_await_flow(run, side);
                return 0;
        }
        r = send_chunk(run, side, uids);
        if (run->n_under_way == 0) /* none was asked for: let those of the other side go */
                run_end_flow(run);
        return r < 0 ? r : 1;
}

/* Return: 1 if there were some, 0 if not, or if it is not their turn, or negative. */
static int transfer_side(SyncRun *run, Side side) {
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
        const uint32_t before = run->transferred[side];
        bool is_head;
        int r;

        r = side == SIDE_REMOTE ? next_head(run, &uids) : 0;
        is_head = !uid_set_is_empty(&uids);
        if (r >= 0 && !is_head)
                r = next_chunk(run, side, &uids);
        if (r < 0 || uid_set_is_empty(&uids))
                return r;
        r = run_defer(run, side, &uids);
        if (r < 0 || uid_set_is_empty(&uids))
                return r < 0 ? r : 1;

        r = ask_bodies(run, side, &uids);
        if (is_head) /* the base has them when the others are asked for, from the oldest on */
                run->transferred[side] = before;
        return r;
}

/* Once through, what came without a body is asked for again. Return: is there any? */
static bool begin_again(SyncRun *run) {
        if (!run->no_body)
                return false;
        run->no_body = false;
        run->transferred[SIDE_REMOTE] = run->transferred[SIDE_LOCAL] = 0;
        return true;
}

/* All is transferred. What was said meanwhile is acted upon, but deletions must be checked first. */
int run_end_transfer(SyncRun *run) {
        int r;

        if (run->has_news && !run->again)
                return run_act(run);

        for (Side side = 0; side < _SIDE_MAX; side++) {
                uint64_t n_late;

                r = state_db_change_count_late(run->mailbox->engine->db, run->mailbox->state.id,
                                               side, &n_late);

                if (r < 0)
                        return r;
                run->again |= n_late > 0;
        }
        r = run_evict(run);
        if (r != 0)
                return MIN(r, 0);
        return run_close(run);
}

int run_transfer(SyncRun *run) {
        const bool begins = run->phase != RUN_TRANSFER;
        int r, n = 0;

        run->phase = RUN_TRANSFER;
        r = run_put_batch(run);
        if (r >= 0)
                r = run_leave_alone(run);
        if (r >= 0 && begins)
                r = run_count_transfer(run);
        if (r < 0)
                return r;
        if (run->failed)
                return run_close(run);
        r = run_copy(run);
        if (r != 0)
                return r < 0 ? r : 0;
        if (run->failed)
                return run_close(run);
        if (!run_may_fetch(run))
                return 0;
        r = run_leave_surplus(run);
        if (r < 0)
                return r;
        r = run_ask_sizes(run);
        if (r != 0)
                return r < 0 ? r : 0;
        r = run_leave_old(run);
        if (r != 0)
                return r < 0 ? r : run_close(run);

        do {
                n = 0;
                for (Side side = 0; side < _SIDE_MAX && !run->is_queued; side++) {
                        r = transfer_side(run, side);
                        if (r < 0)
                                return r;
                        n += r;
                }
        } while (run->n_under_way == 0 && !run->is_queued && (n > 0 || begin_again(run)));

        return run->n_under_way == 0 && !run->is_queued ? run_end_transfer(run) : 0;
}
