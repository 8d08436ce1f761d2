/*
 * The engine of one account: the pump that drives the lists and the runs.
 */

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "sync/run-private.h"

/* In a dry run everything happens in one transaction that is never committed. */
int engine_begin(Engine *engine) {
        return state_db_begin(engine->db);
}

int engine_commit(Engine *engine) {
        engine->n_concluded = 0;
        return engine->options.dry_run ? 0 : state_db_commit(engine->db);
}

/*
 * What has come to its end, and nothing waits for: with the next commit, or when all is quiet
 * (engine_conclude()). Until then a crash makes it happen again, as one a moment earlier would have.
 */
int engine_commit_soon(Engine *engine) {
        return ++engine->n_concluded < ENGINE_MAX_CONCLUDED ? 0 : engine_commit(engine);
}

void engine_note(Engine *engine, const EngineNote *note) {
        engine->options.note(note, engine->options.userdata);
}

void engine_note_text(Engine *engine, EngineNoteType type, const SyncMailbox *mailbox,
                      const char *format, ...) {
        char text[1024];
        va_list args;

        va_start(args, format);
        (void) vsnprintf(text, sizeof(text), format, args);
        va_end(args);

        engine_note(engine, &(EngineNote){
                                    .type = type,
                                    .mailbox = mailbox ? mailbox->state.name : NULL,
                                    .text = text,
                            });
}

/* --- life --- */

static int load_mailbox(MailboxState *state, void *userdata) {
        SyncMailbox *mailbox;
        int r = engine_add_mailbox(userdata, state, &mailbox);

        if (r >= 0)
                sync_mailbox_check_limit(mailbox);
        return r;
}

int engine_new(StateDb *db, Replica *remote, Replica *local, const EngineOptions *options,
               Engine **ret_engine) {
        _cleanup_(engine_freep) Engine *engine = NULL;
        int r;

        assert(options->wants && options->note);

        engine = calloc(1, sizeof(*engine));
        if (!engine)
                return -ENOMEM;
        engine->db = db;
        engine->replica[SIDE_REMOTE] = remote;
        engine->replica[SIDE_LOCAL] = local;
        engine->options = *options;
        engine->max_body = policy_defaults[POLICY_AC].max_body;
        engine->scan_flags = policy_defaults[POLICY_AC].scan_flags;
        if (options->volumes.messages == 0)
                engine->options.volumes = volume_policy_default;
        if (engine->options.newest == 0)
                engine->options.newest = ENGINE_NEWEST;

        r = state_db_each_mailbox(db, load_mailbox, engine);
        if (r < 0)
                return r;

        *ret_engine = TAKE_PTR(engine);
        return 0;
}

Engine *engine_free(Engine *engine) {
        if (!engine)
                return NULL;

        for (Side side = 0; side < _SIDE_MAX; side++)
                if (engine->replica[side])
                        engine->replica[side]->ops->reset(engine->replica[side]);
        state_db_rollback(engine->db);
        for (size_t i = 0; i < engine->n_mailboxes; i++)
                sync_mailbox_free(engine->mailboxes[i]);
        free(engine->mailboxes);
        engine_forget_hints(engine);
        engine_forget_unusable(engine, true);
        for (size_t i = 0; i < engine->n_unlisted; i++)
                free(engine->unlisted[i]);
        free(engine->unlisted);
        for (Side side = 0; side < _SIDE_MAX; side++) {
                free(engine->by_wire[side].entries);
                buffer_done(&engine->stalled_data[side]);
                engine_forget_trash(engine, side);
        }
        free(engine->error);
        free(engine);
        return NULL;
}

/* --- the pump --- */

/* The place of a run, or where it would be, in the order of the mailboxes. */
static size_t place_of(const Engine *engine, const SyncMailbox *mailbox) {
        size_t i = 0;

        while (i < engine->n_runs &&
               strcmp(engine->runs[i]->mailbox->state.name, mailbox->state.name) < 0)
                i++;
        return i;
}

static void add_run(Engine *engine, SyncMailbox *mailbox) {
        const size_t place = place_of(engine, mailbox);

        assert(engine->n_runs < ENGINE_MAX_RUNS);
        memmove(engine->runs + place + 1, engine->runs + place,
                (engine->n_runs - place) * sizeof(*engine->runs));
        engine->runs[place] = mailbox->run;
        engine->n_runs++;
}

static void drop_run(Engine *engine, SyncMailbox *mailbox) {
        const size_t place = place_of(engine, mailbox);

        assert(place < engine->n_runs && engine->runs[place] == mailbox->run);
        engine->n_runs--;
        memmove(engine->runs + place, engine->runs + place + 1,
                (engine->n_runs - place) * sizeof(*engine->runs));
}

static bool wants_run(const SyncMailbox *mailbox) {
        return sync_mailbox_is_marked(mailbox) || sync_mailbox_n_wishes(mailbox) > 0;
}

/* A run that has nothing under way and nothing left to do is over. */
static void end_run(Engine *engine, SyncMailbox *mailbox) {
        const bool again = mailbox->run->again;

        /* names that this run has used up may not have been dealt with */
        mailbox->all_names |= mailbox->run->incomplete;
        (void) state_db_run_clear(engine->db, mailbox->state.id);
        if (engine->fetching == mailbox->run)
                engine->fetching = NULL;
        drop_run(engine, mailbox);
        mailbox->run = run_free(mailbox->run);
        if (wants_run(mailbox))
                engine_forget_turns(engine);
        if (again) {
                mailbox->all_names = true;
                sync_mailbox_mark(mailbox, SIDE_REMOTE);
                sync_mailbox_mark(mailbox, SIDE_LOCAL);
        }
}

void engine_end_if_over(Engine *engine, SyncMailbox *mailbox) {
        if (mailbox->run->phase == RUN_CLOSE && !run_is_waiting(mailbox->run))
                end_run(engine, mailbox);
}

/* A run over all that both sides have, which changes nothing. */
static int start_verifying(SyncMailbox *mailbox) {
        mailbox->wants_verify = false;
        mailbox->engine->n_verifying--;
        mailbox->run->verifies = true;
        mailbox->run->verifies_bytes = mailbox->wants_digests;
        mailbox->wants_digests = false;
        mailbox->replica[SIDE_LOCAL].has_names = false;
        return run_start(mailbox->run);
}

static int start_inspecting(SyncMailbox *mailbox) {
        const uint32_t uid = mailbox->inspects;

        mailbox->inspects = 0;
        mailbox->engine->n_verifying--;
        return run_inspect(mailbox->run, uid);
}

/* Has no run gone through since the base was taken over from another program? */
static bool is_adopted(const SyncMailbox *mailbox) {
        return mailbox_state_is_adopted(&mailbox->state, SIDE_REMOTE) ||
               mailbox_state_is_adopted(&mailbox->state, SIDE_LOCAL);
}

/* Begin the run of a marked mailbox: its marks are used up. */
static int start_marked(SyncMailbox *mailbox) {
        mailbox->engine->n_dirty--;
        names_free(mailbox->names[1]);
        mailbox->names[1] = TAKE_PTR(mailbox->names[0]);
        mailbox->n_names = 0;
        mailbox->run->marked[SIDE_REMOTE] = mailbox->dirty[SIDE_REMOTE];
        mailbox->run->marked[SIDE_LOCAL] = mailbox->dirty[SIDE_LOCAL];
        memcpy(mailbox->run->loses, mailbox->may_lose, sizeof(mailbox->may_lose));
        memset(mailbox->may_lose, 0, sizeof(mailbox->may_lose));
        mailbox->run->may_gain = mailbox->may_gain[SIDE_REMOTE];
        memset(mailbox->may_gain, 0, sizeof(mailbox->may_gain));
        mailbox->run->compares = mailbox->wants_compare || is_adopted(mailbox);
        mailbox->replica[SIDE_LOCAL].has_names = /* unmarked: none; held ones must be seen again */
                !mailbox->all_names && mailbox->held[SIDE_LOCAL] == 0 && !mailbox->run->compares;
        mailbox->replica[SIDE_LOCAL].names = mailbox->names[1];
        mailbox->all_names = false;
        mailbox->dirty[SIDE_REMOTE] = mailbox->dirty[SIDE_LOCAL] = false;
        mailbox->run->met_left = mailbox->wants_old && mailbox->wants_surplus;
        if (mailbox->wants_parked || mailbox->wants_deferred || mailbox->wants_large ||
            mailbox->wants_old || mailbox->wants_surplus) {
                int r = engine_unpark(mailbox);

                if (r < 0)
                        return r;
        }

        engine_note(mailbox->engine,
                    &(EngineNote){
                            .type = ENGINE_NOTE_RUN,
                            .mailbox = mailbox->state.name,
                            .side = mailbox->run->marked[SIDE_REMOTE] ? SIDE_REMOTE : SIDE_LOCAL,
                    });
        return run_start(mailbox->run);
}

static int start_run(SyncMailbox *mailbox) {
        int r;

        r = run_new(mailbox, &mailbox->run);
        if (r < 0)
                return r;
        add_run(mailbox->engine, mailbox);
        if (sync_mailbox_is_marked(mailbox))
                r = start_marked(mailbox);
        else
                r = mailbox->wants_verify ? start_verifying(mailbox) : start_inspecting(mailbox);
        if (r >= 0)
                engine_end_if_over(mailbox->engine, mailbox);
        return r;
}

/* It has gone from a side, or one could not be listed. */
static void forget_marks(SyncMailbox *mailbox) {
        for (Side side = 0; side < _SIDE_MAX; side++)
                mailbox->put_off[side] |= mailbox->engine->list_failed && mailbox->dirty[side];
        mailbox->engine->n_dirty -= sync_mailbox_is_marked(mailbox);
        mailbox->engine->n_verifying -= sync_mailbox_n_wishes(mailbox);
        mailbox->dirty[SIDE_REMOTE] = mailbox->dirty[SIDE_LOCAL] = mailbox->wants_verify = false;
        mailbox->inspects = 0;
}

/*
 * When it is its mailbox's turn. Those with new messages come last: the last of them is still selected when what is
 * gone elsewhere is known, and nothing is to be done in it before its bodies are asked for. Of those, INBOX is what
 * people wait for.
 */
enum {
        TURN_NO_GAIN,
        TURN_LOSS_TOO,
        TURN_INBOX,
        TURN_GAIN,
        _TURN_MAX,
};
static_assert(_TURN_MAX == ENGINE_N_TURNS, "each has a place to go on from");

static unsigned turn_of(const SyncMailbox *mailbox) {
        if (!mailbox->may_gain[SIDE_REMOTE])
                return TURN_NO_GAIN;
        if (mailbox->may_lose[SIDE_REMOTE])
                return TURN_LOSS_TOO;
        return strcmp(mailbox->state.name, "INBOX") == 0 ? TURN_INBOX : TURN_GAIN;
}

static int start_turn(Engine *engine, unsigned turn) {
        int n_started = 0;

        while (engine->turns_from[turn] < engine->n_mailboxes && engine->n_runs < ENGINE_MAX_RUNS &&
               engine->n_dirty + engine->n_verifying > 0) {
                SyncMailbox *mailbox = engine->mailboxes[engine->turns_from[turn]++];
                int r;

                if (mailbox->run || !wants_run(mailbox) || turn_of(mailbox) != turn)
                        continue;
                if (!mailbox->exists[SIDE_REMOTE] || !mailbox->exists[SIDE_LOCAL] ||
                    mailbox->left_out) {
                        forget_marks(mailbox);
                        continue;
                }
                r = start_run(mailbox);
                if (r < 0)
                        return r;
                n_started++;
        }
        return n_started;
}

/* Return: how many runs were begun, or negative. */
static int start_runs(Engine *engine) {
        int r, n_started = 0;

        if (engine->hold || engine->n_listing > 0 || engine->wants_list ||
            engine_is_gathering(engine))
                return 0;
        r = engine_mark_old(engine);
        if (r < 0)
                return r;

        for (unsigned turn = 0; turn < ENGINE_N_TURNS; turn++) {
                r = start_turn(engine, turn);
                if (r < 0)
                        return r;
                n_started += r;
        }
        return n_started;
}

static void mark_put_off(Engine *engine) {
        for (size_t i = 0; i < engine->n_mailboxes; i++)
                for (Side side = 0; side < _SIDE_MAX; side++) {
                        SyncMailbox *mailbox = engine->mailboxes[i];

                        if (!mailbox->put_off[side])
                                continue;
                        mailbox->put_off[side] = false;
                        mailbox->all_names = true;
                        sync_mailbox_mark(mailbox, side);
                }
}

static int start_list(Engine *engine) {
        if (!engine->wants_list || engine->n_listing > 0 || engine->n_runs > 0 || engine->hold ||
            engine->n_stay_open > 0)
                return 0;

        engine->wants_list = engine->list_failed = false;
        engine->n_listing = _SIDE_MAX;
        mark_put_off(engine);
        engine_begin_list(engine);

        for (Side side = 0; side < _SIDE_MAX; side++) {
                int r = engine->replica[side]->ops->list(engine->replica[side]);

                if (r < 0)
                        return r;
        }
        return 1;
}

static int dispatch(Engine *engine, Side side, const ReplicaEvent *event) {
        SyncMailbox *mailbox;
        int r;

        if (!event->mailbox)
                return event->type == REPLICA_EVENT_STATUS
                               ? engine_on_status(engine, side, event)
                               : engine_on_list_event(engine, side, event);

        mailbox = event->mailbox->owner;
        if (!mailbox->run || event->request == REPLICA_WAIT)
                return engine_on_list_event(engine, side, event);

        r = run_on_event(mailbox->run, side, event);
        if (r < 0)
                return r;
        engine_end_if_over(engine, mailbox);
        return 0;
}

/* Give a stalled destination what it has not taken. Return: 1 it took all, 0 not yet, negative. */
static int unstall(Engine *engine, Side side) {
        Replica *replica = engine->replica[side];
        Buffer *data = &engine->stalled_data[side];
        ssize_t n;

        n = replica->ops->append_data(replica, buffer_view(data));
        if (n < 0)
                return (int) n;
        buffer_consume(data, (size_t) n);
        if (data->size > 0)
                return 0;

        engine->is_stalled[side] = false;
        return 1;
}

/* A replica could not take what it was given: the state database has no such errors. */
static bool is_lost(int error) {
        return error == -ENOTCONN || error == -ECONNABORTED || error == -EPROTO;
}

/* Take one event of a side. Return: 1 there was one, 0 none, negative. */
static int pump_side(Engine *engine, Side side) {
        ReplicaEvent event;
        int r;

        if (engine->is_stalled[side_other(side)]) {
                r = unstall(engine, side_other(side));
                engine->is_lost = is_lost(r);
                if (r <= 0)
                        return r;
        }

        r = engine->replica[side]->ops->next(engine->replica[side], &event);
        if (r == -ENOTCONN && engine->hold)
                return 0; /* it is away; what the other one tells is kept */
        engine->is_lost = r < 0;
        if (r <= 0)
                return r;

        r = dispatch(engine, side, &event);
        engine->is_lost = is_lost(r);
        return r < 0 ? r : 1;
}

/*
 * One remote event, then all that the local side says to it: nothing piles up there. But bodies for a
 * server come as many as there are before it is its turn: an APPEND is closed when nothing follows.
 */
static Side first_side(const Engine *engine) {
        const Flow *flow = &engine->flow;

        return flow->n_runs > 0 && !engine->replica[SIDE_LOCAL]->gives_numbers
                       ? side_other(flow->side)
                       : SIDE_REMOTE;
}

/*
 * Keep the sentence of what SQLite said: a later call would overwrite it.
 *
 * A side that is lost takes nothing back: what is not committed yet is what memory has, and
 * engine_interrupt() commits both.
 */
int engine_fail(Engine *engine, int error) {
        free(engine->error);
        engine->error = NULL;
        if (engine->is_lost)
                return error;

        engine->error = strdup(state_db_error(engine->db));
        engine->is_void = true;
        state_db_rollback(engine->db);
        return error;
}

static int pump(Engine *engine) {
        bool progress;

        do {
                const Side first = first_side(engine);
                int r;

                r = pump_side(engine, first);
                progress = r > 0;
                while (r >= 0 && (r = pump_side(engine, side_other(first))) > 0)
                        progress = true;

                if (r >= 0 && !progress) {
                        r = start_list(engine);
                        if (r == 0)
                                r = start_runs(engine);
                        if (r == 0)
                                r = engine_close_left(engine);
                        if (r == 0)
                                r = engine_meet(engine);
                        if (r == 0)
                                r = engine_resume_queued(engine);
                        progress = r > 0;
                }
                if (r < 0)
                        return r;
        } while (progress);

        if (engine_is_busy(engine))
                return 1;
        if (engine->n_concluded > 0 &&
            (!engine->options.concludes_late || state_db_has_major(engine->db)))
                return engine_commit(engine);
        return 0;
}

int engine_pump(Engine *engine, int64_t now) {
        int r;

        if (engine->failure < 0)
                return engine->failure;
        engine->now = now;
        r = pump(engine);
        if (r < 0)
                engine->failure = engine_fail(engine, r);
        return r;
}

int engine_conclude(Engine *engine) {
        int r = 0;

        if (engine->failure < 0)
                return engine->failure;
        if (engine->n_concluded > 0)
                r = engine_commit(engine);
        if (r < 0)
                engine->failure = engine_fail(engine, r);
        return r;
}

/* What was rolled back never was, in memory too. */
static int reload_mailbox(MailboxState *state, void *userdata) {
        SyncMailbox *mailbox = engine_lookup(userdata, state->name);
        MailboxState *own = &mailbox->state;
        MailboxState kept = *own;

        *own = *state;
        *state = (MailboxState){.name = own->name};
        own->name = kept.name;
        for (Side side = 0; side < _SIDE_MAX; side++) {
                state->wire[side] = own->wire[side];
                own->wire[side] = kept.wire[side];
        }
        mailbox_state_done(state);
        return 0;
}

static int reload_mailboxes(Engine *engine) {
        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                SyncMailbox *mailbox = engine->mailboxes[i];

                const MailboxState kept = {
                        .name = TAKE_PTR(mailbox->state.name),
                        .wire = {TAKE_PTR(mailbox->state.wire[SIDE_REMOTE]),
                                 TAKE_PTR(mailbox->state.wire[SIDE_LOCAL])},
                };

                mailbox_state_done(&mailbox->state);
                mailbox->state = kept;
                keywords_done(&mailbox->keywords);
                mailbox->has_keywords = false;
                memset(mailbox->has_rotation, 0, sizeof(mailbox->has_rotation));
                memset(mailbox->seen, 0, sizeof(mailbox->seen));
        }
        return state_db_each_mailbox(engine->db, reload_mailbox, engine);
}

int engine_interrupt(Engine *engine) {
        int r = 0;

        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                SyncMailbox *mailbox = engine->mailboxes[i];

                if (!mailbox->run)
                        continue;
                if (r == 0 && !engine->is_void && !mailbox->run->failed &&
                    !engine->options.dry_run) {
                        r = run_flush_batch(mailbox->run);
                        if (r >= 0)
                                r = run_commit_planned(mailbox->run);
                }
                mailbox->run->again = mailbox->run->inspects == 0;
                end_run(engine, mailbox);
        }
        if (r == 0 && !engine->is_void && engine->n_concluded > 0)
                r = engine_commit(engine);
        engine->n_concluded = 0;
        state_db_rollback(engine->db);
        if (r == 0)
                r = reload_mailboxes(engine);
        engine->is_void = r < 0;

        for (Side side = 0; side < _SIDE_MAX; side++)
                engine->replica[side]->ops->reset(engine->replica[side]);
        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                engine_close_over(engine->mailboxes[i]);
                for (Side side = 0; side < _SIDE_MAX; side++)
                        engine->mailboxes[i]->replica[side].private = NULL;
        }
        for (Side side = 0; side < _SIDE_MAX; side++) {
                engine->is_stalled[side] = false;
                buffer_done(&engine->stalled_data[side]);
        }
        engine->wants_list = true;
        engine->only_looks = false;
        engine->n_listing = 0;
        engine->list_phase = LIST_NONE;
        engine->is_lost = false;
        engine->failure = 0;
        return r < 0 ? engine_fail(engine, r) : 0;
}
