/*
 * A run: one mailbox brought in sync
 *
 *      ask local -> (survey) -> check -> (relist -> check) -> the same of the remote side
 *      -> (identify -> digest) -> (meet) -> act -> transfer -> close
 *
 * Each phase makes its requests and ends when all of them are answered (run_next_phase). The tokens,
 * how far the sides are in sync, are committed at the very end, with the last effect of the deltas
 * that they close; a run that could not do everything commits none, and what it did do is found done
 * by the next one.
 */

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/advice.h"
#include "sync/run-private.h"

int run_new(SyncMailbox *mailbox, SyncRun **ret_run) {
        SyncRun *run = calloc(1, sizeof(*run));
        int r;

        if (!run)
                return -ENOMEM;
        run->mailbox = mailbox;
        run->ascending = true;
        run->asking = SIDE_LOCAL;
        run->storable[SIDE_REMOTE] = run->storable[SIDE_LOCAL] = FLAGS_FIXED;

        r = sync_mailbox_load_keywords(mailbox);
        if (r < 0) {
                free(run);
                return r;
        }

        *ret_run = run;
        return 0;
}

SyncRun *run_free(SyncRun *run) {
        if (!run)
                return NULL;

        if (run->digest) {
                char unused[64];

                (void) run->mailbox->engine->options.digest->end(run->digest, unused);
        }
        free(run->batch);
        free(run->checked);
        free(run->planned);
        free(run->moved);
        uid_set_done(&run->undated);
        uid_set_done(&run->unchanged);
        for (Side side = 0; side < _SIDE_MAX; side++)
                run_survey_done(run, side);
        run_end_flow(run);
        free(run);
        return NULL;
}

/* The run cannot go on. What is under way is awaited, then the mailbox is closed with this sentence. */
void run_fail(SyncRun *run, const char *text) {
        if (run->failed)
                return;
        run->failed = true;
        run->incomplete = true;
        run->ascending = false; /* there may be a gap now */
        sync_mailbox_set_error(run->mailbox, text ? text : "it could not be brought in sync");
        engine_note_text(run->mailbox->engine, ENGINE_NOTE_FAILED, run->mailbox, "%s",
                         run->mailbox->error ? run->mailbox->error : "");
}

/* The same for an error of a Maildir. Return: 0, or -ENOMEM. */
int run_fail_locally(SyncRun *run, const char *what, int error) {
        char text[256];

        if (error == -ENOMEM)
                return error;
        (void) snprintf(text, sizeof(text), "%s: %s%s", what, strerror(-error),
                        error_advice(error));
        run_fail(run, text);
        return 0;
}

/* --- asking --- */

static int ask(SyncRun *run, Side side, const ReplicaToken *since, const UidSet *known,
               ReplicaWant want) {
        Replica *replica = run_replica(run, side);
        int r;

        r = state_db_listed_clear(run->mailbox->engine->db, run->mailbox->state.id, side);
        if (r >= 0)
                r = replica->ops->changes(replica, &run->mailbox->replica[side], since, known,
                                          want);
        if (r < 0)
                return r;
        run->n_under_way++;
        run->complete[side] = run->lists[side] = run->has_room = false;
        run->asked[side] = true;
        return 0;
}

/* What the base or the parked hold of this side beyond its uidnext: not to be asked for again. */
static int known_beyond(SyncRun *run, Side side, UidSet *ret_known) {
        const MailboxState *state = &run->mailbox->state;
        const uint32_t first = MAX(state->token[side].uidnext, 1u);
        StateDb *db = run->mailbox->engine->db;
        int r;

        r = state_db_uids_from(db, state->id, side, first, ret_known);
        if (r < 0 || state->parked[side] == 0)
                return r;
        return state_db_parked_from(db, state->id, side, first, ret_known);
}

/* A message of the base whose file never came to be: as if it had not been fetched yet. */
static int run_forget_lost(SyncRun *run, uint32_t local_uid) {
        SyncMailbox *mailbox = run->mailbox;
        ReplicaToken *token = &mailbox->state.token[SIDE_REMOTE];
        Replica *local = run_replica(run, SIDE_LOCAL);
        BaseMessage message;
        int r;

        r = state_db_find(mailbox->engine->db, mailbox->state.id, SIDE_LOCAL, local_uid, &message);
        if (r != 0)
                return r < 0 ? r : 0;
        r = state_db_remove(mailbox->engine->db, mailbox->state.id, message.uid[SIDE_REMOTE]);
        if (r >= 0)
                r = local->ops->forgotten(local, &mailbox->replica[SIDE_LOCAL], local_uid);
        if (r < 0)
                return r;

        mailbox->state.messages--;
        token->uidnext = MIN(token->uidnext, message.uid[SIDE_REMOTE]);
        run->marked[SIDE_REMOTE] = true;
        return 0;
}

/*
 * A batch was committed and perhaps not made visible: do that now. Messages that are nowhere were lost
 * with the crash and are fetched again: the base must not take their absence for a deletion.
 */
static int recover_staged(SyncRun *run) {
        _cleanup_(uid_set_done) UidSet lost = UID_SET_NULL;
        SyncMailbox *mailbox = run->mailbox;
        Replica *local = run_replica(run, SIDE_LOCAL);
        StateDb *db = mailbox->engine->db;
        UidRange staged;
        int r;

        if (mailbox->engine->options.dry_run)
                return 0;
        r = state_db_staged_get(db, mailbox->state.id, &staged);
        if (r != 0)
                return r < 0 ? r : 0;
        r = local->ops->recover(local, &mailbox->replica[SIDE_LOCAL], staged, &lost);
        if (r < 0)
                return run_fail_locally(run, "new messages cannot be moved into the mailbox", r);
        r = engine_begin(mailbox->engine);

        for (size_t i = 0; r >= 0 && i < lost.n_ranges; i++)
                for (uint64_t uid = lost.ranges[i].first; r >= 0 && uid <= lost.ranges[i].last;
                     uid++)
                        r = run_forget_lost(run, (uint32_t) uid);
        if (r >= 0)
                r = state_db_staged_clear(db, mailbox->state.id);
        if (r >= 0)
                r = sync_mailbox_save(mailbox);
        return r < 0 ? r : engine_commit(mailbox->engine);
}

/*
 * What came after this is asked of a side. Without modseq and stamp that is all that it has; a Maildir
 * needs its uidnext in any case, as it gives the numbers itself.
 */
static ReplicaToken since(const SyncRun *run, Side side) {
        const ReplicaToken *committed = &run->mailbox->state.token[side];

        if (!run->verifies && !run->compares)
                return *committed;
        return (ReplicaToken){
                .uidvalidity = committed->uidvalidity,
                .uidnext = run_replica(run, side)->gives_numbers ? committed->uidnext : 0,
        };
}

static int ask_local(SyncRun *run) {
        const ReplicaToken after = since(run, SIDE_LOCAL);

        run->phase = RUN_ASK;
        run->asking = SIDE_LOCAL;
        run_survey_done(run, SIDE_LOCAL);
        return ask(run, SIDE_LOCAL, &after, NULL, REPLICA_WANT_FLAGS);
}

int run_start(SyncRun *run) {
        SyncMailbox *mailbox = run->mailbox;
        uint64_t n_intents;
        int r;

        r = recover_staged(run);
        if (r < 0)
                return r;
        if (run->failed) /* what was not recovered looks like deleted */
                return run_close(run);

        r = state_db_intent_count(mailbox->engine->db, mailbox->state.id, &n_intents);
        if (r < 0)
                return r;
        run->intents = n_intents > 0;
        r = run_keep_dates(run);
        if (r < 0)
                return r;
        r = state_db_moved_any(mailbox->engine->db, mailbox->state.id, &run->awaits_moved);
        return r < 0 ? r : ask_local(run);
}

static int count_unknown(SyncRun *run, Side side, uint64_t *ret_n) {
        return state_db_unknown_count(run->mailbox->engine->db, run->mailbox->state.id, side,
                                      ret_n);
}

/*
 * New remote messages come with their bodies in the same round trip, unless they must be compared
 * first: with local ones that wait for a counterpart, with what is gone in another mailbox, with what
 * is gone in this one, which a server without modseqs shows only when all is listed, or with what is
 * here under another label; or unless bodies go the other way now, or the large ones or all are to be left. Where
 * all that the server has told is that there are none, they are not asked for: if there are after all, the
 * answer to SELECT lists them.
 */
static ReplicaWant wanted_of_remote(const SyncRun *run, uint64_t n_unknown) {
        const MailboxState *state = &run->mailbox->state;

        if (run->mailbox->count_limit > 0 && n_unknown == 0 && state->messages == 0)
                return REPLICA_WANT_FLAGS; /* most of them are to stay there, and nobody asks who they are */
        if (n_unknown > 0 || run->intents || run->mailbox->engine->options.dry_run ||
            sync_mailbox_is_limited(run->mailbox) || run->mailbox->engine->max_body > 0 ||
            run->mailbox->size_limit > 0 || !sync_mailbox_may(run->mailbox, SIDE_LOCAL, DEED_ADD) ||
            run_replica(run, SIDE_REMOTE)->has_labels ||
            !engine_may_flow(run->mailbox->engine, SIDE_REMOTE))
                return REPLICA_WANT_IDENTITY;
        if (state->token[SIDE_REMOTE].modseq == 0 && state->messages > 0)
                return REPLICA_WANT_IDENTITY;
        if (!run->may_gain && state->token[SIDE_REMOTE].modseq > 0)
                return REPLICA_WANT_FLAGS;
        return run_others_may_lose(run, SIDE_REMOTE) ? REPLICA_WANT_IDENTITY : REPLICA_WANT_BODY;
}

/* The server tells of all changes, new messages' bodies included, and nothing is to be said to it: the
 * mailbox can be left at once. */
static int leave_remote(SyncRun *run, ReplicaWant want, const ReplicaToken *since) {
        Replica *replica = run_replica(run, SIDE_REMOTE);

        if (want == REPLICA_WANT_IDENTITY || since->modseq == 0 || run->n_changes[SIDE_LOCAL] > 0 ||
            run->awaits_moved || !replica->ops->leave)
                return 0;
        return replica->ops->leave(replica, &run->mailbox->replica[SIDE_REMOTE]);
}

/*
 * From which UID on new messages come first, as people look for them: by the numbers, since nothing is listed before.
 * A server keeps the order in which they come, for others to see; files have none.
 */
static uint32_t newest_from(const SyncRun *run) {
        const SyncMailbox *mailbox = run->mailbox;
        const unsigned n = mailbox->engine->options.newest;
        const uint32_t uidnext = mailbox->told[SIDE_REMOTE].status.uidnext;
        const uint32_t first = MAX(mailbox->state.token[SIDE_REMOTE].uidnext, 1u);

        if (!run_replica(run, SIDE_LOCAL)->gives_numbers || uidnext < first ||
            uidnext - first <= 2 * n)
                return 0;
        return uidnext - n;
}

static int ask_remote(SyncRun *run) {
        _cleanup_(uid_set_done) UidSet known = UID_SET_NULL;
        const ReplicaToken after = since(run, SIDE_REMOTE);
        uint64_t n_unknown;
        ReplicaWant want;
        int r;

        r = count_unknown(run, SIDE_LOCAL, &n_unknown);
        if (r < 0)
                return r;

        run->phase = RUN_ASK;
        run->asking = SIDE_REMOTE;
        run_survey_done(run, SIDE_REMOTE);
        if (run->verifies || run->compares)
                return ask(run, SIDE_REMOTE, &after, NULL, REPLICA_WANT_FLAGS);
        if (!run->marked[SIDE_REMOTE] && n_unknown == 0 && run->n_changes[SIDE_LOCAL] == 0)
                return run_next_phase(run); /* an echo of our own, nothing else */

        r = known_beyond(run, SIDE_REMOTE, &known);
        if (r < 0)
                return r;
        want = wanted_of_remote(run, n_unknown);
        run->gains[SIDE_REMOTE] = want == REPLICA_WANT_IDENTITY ||
                                  (want == REPLICA_WANT_FLAGS && run->mailbox->count_limit > 0);
        run->asks_bodies = want == REPLICA_WANT_BODY;
        if (want == REPLICA_WANT_BODY) {
                (void) run_begin_flow(run, SIDE_REMOTE);
                run->total_bytes = sync_mailbox_first_bytes(run->mailbox);
                run->newest = newest_from(run);
        }
        run->mailbox->replica[SIDE_REMOTE].newest = run->newest;
        r = ask(run, SIDE_REMOTE, &after, &known, want);
        return r < 0 ? r : leave_remote(run, want, &after);
}

/* Not to be believed: have every UID of the side listed, and let the list decide. */
static int relist(SyncRun *run, Side side) {
        const ReplicaToken nothing = {.uidvalidity = run->opened[side].uidvalidity};

        engine_note_text(run->mailbox->engine, ENGINE_NOTE_NOTICE, run->mailbox,
                         "what %s tells of changes does not fit the %u messages that it says "
                         "it has; comparing all of them",
                         side_server(side), run->exists[side]);
        run->phase = RUN_RELIST;
        return ask(run, side, &nothing, NULL, REPLICA_WANT_FLAGS);
}

/* The numbers of @side are new; of the other side everything must be seen once more. */
static int forget_numbers(SyncMailbox *mailbox, Side side) {
        MailboxState *state = &mailbox->state;
        StateDb *db = mailbox->engine->db;
        ReplicaToken *other = &state->token[side_other(side)];
        int r;

        r = state_db_remove_all(db, state->id);
        if (r >= 0)
                r = sync_mailbox_unpark_left(mailbox);
        if (r >= 0)
                r = sync_mailbox_unpark_all(mailbox, side);
        if (r >= 0)
                r = state_db_file_set_all_unknown(db, state->id);
        if (r >= 0) /* they go by these numbers; pairing finds what was sent */
                r = state_db_intent_remove_side(db, state->id, side_other(side));
        if (r >= 0)
                r = state_db_moved_remove_side(db, state->id, side);
        if (r < 0)
                return r;

        state->messages = 0;
        state->token[side] = (ReplicaToken){0};
        other->uidvalidity = 0;
        other->modseq = 0;
        token_forget_times(other);
        for (Side s = 0; s < _SIDE_MAX; s++) {
                mailbox->held[s] = 0;
                mailbox->confirmed[s] = false;
        }
        return sync_mailbox_save(mailbox);
}

/*
 * The UIDs of a side that the base has mean nothing any more (UIDVALIDITY, or the server lost its
 * index). Forget them, so that everything on both sides is unknown, and pair it anew. Nothing is
 * deleted by that on either side.
 */
static int repair(SyncRun *run, Side side) {
        SyncMailbox *mailbox = run->mailbox;
        int r;

        engine_note_text(mailbox->engine, ENGINE_NOTE_NOTICE, mailbox,
                         "the %s side is not what it was; comparing all messages", side_name(side));

        r = engine_begin(mailbox->engine);
        if (r >= 0)
                r = forget_numbers(mailbox, side);
        if (r >= 0)
                r = engine_commit(mailbox->engine);
        if (r < 0)
                return r;

        run->again = true;
        return run_close(run);
}

static bool is_renumbered(const SyncRun *run, Side side) {
        const ReplicaToken *committed = &run->mailbox->state.token[side];
        const ReplicaToken *opened = &run->opened[side];

        return run->is_open[side] && committed->uidvalidity != 0 &&
               (committed->uidvalidity != opened->uidvalidity ||
                token_is_behind(committed, opened));
}

/* Was a Maildir put back from an older copy? It lacks what is newer. Return: 1, 0, or negative. */
static int is_put_back(SyncRun *run, Side side) {
        uint64_t n_gone;
        int r;

        if (!token_is_replaced(&run->mailbox->state.token[side], &run->opened[side]))
                return 0;
        r = state_db_change_count_gone(run->mailbox->engine->db, run->mailbox->state.id, side,
                                       &n_gone);
        return r < 0 ? r : n_gone > 0;
}

/* What the side has not said was searched for. Return: 1 if it is said and adds up, 0 if answers are to
 * come, or the run is over, or negative. */
static int check_asked(SyncRun *run, Side side) {
        int r;

        if (is_renumbered(run, side))
                return repair(run, side);
        if (run->unnamed[side_other(
                    side)]) /* some are counted here, and not known: pair them first */
                return run_close(run);
        r = run_survey(run, side);
        if (r != 0)
                return r < 0 ? r : 0;

        r = run_check_delta(run, side);
        if (r < 0)
                return r;
        if (run->failed)
                return run_close(run);
        if (r > 0 && run->n_rounds[side]++ > 0)
                return relist(run, side);
        if (r > 0)
                return side == SIDE_LOCAL ? ask_local(run) : ask_remote(run);

        r = is_put_back(run, side);
        if (r > 0)
                return repair(run, side);
        return r < 0 ? r : 1;
}

/* The side that was asked has answered. */
static int on_asked(SyncRun *run) {
        const Side side = run->asking;
        int r;

        r = run->verifies ? run_take_listed(run, side) : check_asked(run, side);
        if (r < 0 || (r == 0 && !run->verifies))
                return r;
        if (side == SIDE_LOCAL) {
                r = run_expect_moves(run, SIDE_LOCAL);
                return r < 0 ? r : ask_remote(run);
        }
        if (run->verifies)
                return run_verify(run);
        r = run_compare_gone(run);
        return r < 0 ? r : run_identify(run);
}

int run_next_phase(SyncRun *run) {
        if (run_is_waiting(run))
                return 0;
        run_end_flow(run);
        if (run->failed && run->phase != RUN_CLOSE)
                return run_close(run);

        switch (run->phase) {
        case RUN_ASK:
        case RUN_RELIST:
        case RUN_SURVEY:
                return on_asked(run);
        case RUN_IDENTIFY:
                return run_identify(run);
        case RUN_DIGEST:
                return run_digest(run);
        case RUN_VERIFY:
                return run_verify_digests(run);
        case RUN_INSPECT:
                return 0; /* it goes on by itself */
        case RUN_MEET:
                return 0; /* engine_meet() goes on */
        case RUN_ACT:
                return run_act_done(run);
        case RUN_TRANSFER:
                return run_transfer(run);
        case RUN_EVICT:
                return run_end_transfer(run);
        case RUN_CLOSE:
                return 0;
        }
        abort();
}

/* --- events --- */

/* A folder that a crash left half made is whole now, and who it is has not been listed. Of any other the listing
 * told, and one that was put in its place since is for the next listing. */
static bool is_identified(SyncRun *run, Side side) {
        return run_replica(run, side)->gives_numbers && run->mailbox->state.life.object[side];
}

static int on_opened(SyncRun *run, Side side, const ReplicaEvent *event) {
        run->opened[side] = event->token;
        run->modseq[side] = event->token.modseq;
        run->is_open[side] = true;
        run->complete[side] = event->complete;
        run->lists[side] = event->complete && (run->mailbox->state.messages > 0 ||
                                               run->mailbox->state.parked[side] > 0);
        run->storable[side] = event->storable;
        if (event->storable_keywords)
                run->storable[side] |= ~FLAGS_FIXED;
        run->exists[side] = event->exists;
        run->untold[side] = event->untold;
        run->can_count[side] = event->can_count;
        run->no_positions[side] = event->no_positions;
        run->new_keywords[side] = event->storable_keywords;
        if (side == SIDE_REMOTE)
                run_expect_transfer(run);
        run->discard[side] = is_renumbered(run, side);
        return run->discard[side] || is_identified(run, side)
                       ? 0
                       : engine_save_object(run->mailbox, side, event->object);
}

/* It is not to be had, and what it was to do stays undone; but nothing else stops for it. */
void run_refuse(SyncRun *run, const char *text) {
        if (run->incomplete && run->mailbox->error && text &&
            strcmp(run->mailbox->error, text) == 0)
                return; /* it has been said */
        run->incomplete = true;
        sync_mailbox_set_error(run->mailbox, text ? text : "a change was refused");
        engine_note_text(run->mailbox->engine, ENGINE_NOTE_FAILED, run->mailbox, "%s",
                         run->mailbox->error ? run->mailbox->error : "");
}

static int on_done(SyncRun *run, Side side, const ReplicaEvent *event) {
        const bool is_change = event->request == REPLICA_STORE ||
                               event->request == REPLICA_EXPUNGE || event->request == REPLICA_MOVE;

        if (run->phase != RUN_CLOSE && event->token.modseq > 0)
                run->modseq[side] = event->token.modseq;
        if (event->request == REPLICA_APPEND) /* one that was taken has said so in APPENDED */
                return event->outcome == REPLICA_OK ? run_next_phase(run)
                                                    : run_on_append_failed(run, side, event);

        assert(run->n_under_way > 0);
        run->n_under_way--;
        if (event->request == REPLICA_MOVE && run->target)
                return run_on_moves_done(run, event);
        if (is_change)
                run_on_answer(run, side, event->outcome == REPLICA_OK);
        if (event->request == REPLICA_MOVE)
                engine_mark_trash(run->mailbox->engine, side);
        if (event->request == REPLICA_CHANGES && event->outcome == REPLICA_OK)
                run->exists[side] = event->exists;
        if (event->request == REPLICA_SEARCH) {
                run->exists[side] = MIN(run->exists[side], event->exists);
                if (event->outcome == REPLICA_REFUSED || event->outcome == REPLICA_FAILED) {
                        int r = run_on_unfound(run, side, event->cookie);

                        return r < 0 ? r : run_next_phase(run);
                }
        }
        if (event->outcome == REPLICA_OK || run->phase == RUN_CLOSE)
                return run_next_phase(run);

        if (event->outcome == REPLICA_NO_MAILBOX)
                run->mailbox->engine->wants_list = true;
        if (event->outcome == REPLICA_REFUSED && is_change)
                run_refuse(run, event->text);
        else
                run_fail(run, event->text);
        return run_next_phase(run);
}

int run_on_event(SyncRun *run, Side side, const ReplicaEvent *event) {
        if (run->inspects > 0)
                return run_on_inspect_event(run, side, event);
        switch (event->type) {
        case REPLICA_EVENT_OPENED:
                return on_opened(run, side, event);
        case REPLICA_EVENT_MESSAGE:
                return run->failed ? 0 : run_on_message(run, side, &event->message);
        case REPLICA_EVENT_VANISHED:
                if (run->untold[side] & REPLICA_UNTOLD_EXPUNGES)
                        return 0; /* who does not tell of all is not believed about some (iCloud) */
                return run->failed ? 0 : run_on_vanished(run, side, &event->uids);
        case REPLICA_EVENT_BODY_BEGIN:
        case REPLICA_EVENT_BODY_DATA:
        case REPLICA_EVENT_BODY_END:
                if (run->phase == RUN_VERIFY)
                        return run_on_verify_event(run, side, event);
                return run->phase == RUN_DIGEST ? run_on_digest_event(run, side, event)
                                                : run_on_body(run, side, event);
        case REPLICA_EVENT_APPENDED:
                return run_on_appended(run, side, event);
        case REPLICA_EVENT_DONE:
                return on_done(run, side, event);
        case REPLICA_EVENT_MOVED:
                return run_on_moved(run, side, event);
        case REPLICA_EVENT_FOUND:
                return run->failed ? 0 : run_on_found(run, side, event);
        case REPLICA_EVENT_MAILBOX:
        case REPLICA_EVENT_STATUS:
        case REPLICA_EVENT_OVERFLOW:
        case REPLICA_EVENT_ALERT:
                return 0;
        }
        abort();
}
