/* A run, what the sides say: held against the base, so that only real changes are left. */

#include <errno.h>
#include <stdio.h>

#include "sync/run-private.h"

/* A message of the base: has it changed, in what this side can store at all? */
int run_on_known(SyncRun *run, Side side, const BaseMessage *base, MessageFlags flags) {
        const MessageFlags storable = run->storable[side];
        const MessageFlags was = base_flags(base, side);
        const MessageFlags now = (flags & storable) | (was & ~storable);

        /* An echo of our own change, or changed back meanwhile. But while changes are carried out, the
         * base is about to be another one, and to be back where it was is news. */
        if (now == was && run->phase != RUN_ACT)
                return run->n_changes[side] == 0
                               ? 0
                               : state_db_change_drop(run->mailbox->engine->db,
                                                      run->mailbox->state.id, side,
                                                      base->uid[SIDE_REMOTE]);

        run->n_changes[side]++;
        run->has_news = true;
        return state_db_change_put(run->mailbox->engine->db, run->mailbox->state.id, side,
                                   base->uid[SIDE_REMOTE], false, now);
}

/* A message of the base that is compared anew, as its other half may have another UID now, or be in
 * another mailbox. */
static int on_compared(SyncRun *run, Side side, const ReplicaMessage *message) {
        const MailboxState *state = &run->mailbox->state;
        StateDb *db = run->mailbox->engine->db;
        ReplicaMessage unknown;
        int r;

        if (run->phase != RUN_IDENTIFY && run->phase != RUN_MEET)
                return 0;
        r = state_db_unknown_get(db, state->id, side, message->uid, &unknown);
        if (r != 0)
                return r < 0 ? r : 0;
        return state_db_unknown_put(db, state->id, side, message);
}

int run_on_message(SyncRun *run, Side side, const ReplicaMessage *message) {
        const MailboxState *state = &run->mailbox->state;
        StateDb *db = run->mailbox->engine->db;
        BaseMessage base;
        int r;

        if (run->discard[side])
                return 0;
        run->sizeless |=
                message->present & REPLICA_HAS_MESSAGE_ID && !(message->present & REPLICA_HAS_SIZE);
        if (run->lists[side]) {
                r = state_db_listed_put(db, state->id, side, message->uid);
                if (r < 0)
                        return r;
        }

        r = state_db_find(db, state->id, side, message->uid, &base);
        if (r < 0)
                return r;
        if (r == 0) {
                r = on_compared(run, side, message);
                if (r >= 0 && run->phase == RUN_EVICT)
                        r = run_on_evictable(run, side, message);
                if (r < 0 || !(message->present & REPLICA_HAS_FLAGS))
                        return r;
                return run_on_known(run, side, &base, message->flags);
        }
        if (state->parked[side] > 0 && state_db_is_parked(db, state->id, side, message->uid))
                return 0;

        return state_db_unknown_put(db, state->id, side, message);
}

/* Parked messages of this side that are gone need no parking any more. */
static int unpark(SyncRun *run, Side side, const UidSet *uids) {
        Replica *replica = run->mailbox->engine->replica[side];
        int r;

        if (uid_set_is_empty(uids))
                return 0;
        r = engine_begin(run->mailbox->engine);
        for (size_t i = 0; i < uids->n_ranges; i++)
                for (uint64_t uid = uids->ranges[i].first; r >= 0 && uid <= uids->ranges[i].last;
                     uid++) {
                        r = sync_mailbox_unpark(run->mailbox, side, (uint32_t) uid);
                        if (r >= 0)
                                r = replica->ops->forgotten(replica, &run->mailbox->replica[side],
                                                            (uint32_t) uid);
                }
        if (r >= 0)
                r = sync_mailbox_save(run->mailbox);
        return r < 0 ? r : engine_commit(run->mailbox->engine);
}

static int unpark_range(SyncRun *run, Side side, UidRange range) {
        _cleanup_(uid_set_done) UidSet parked = UID_SET_NULL;
        const MailboxState *state = &run->mailbox->state;
        int r;

        if (state->parked[side] == 0)
                return 0;
        r = state_db_parked_in(run->mailbox->engine->db, state->id, side, range, &parked);
        return r < 0 ? r : unpark(run, side, &parked);
}

int run_on_vanished(SyncRun *run, Side side, const UidSet *uids) {
        const MailboxState *state = &run->mailbox->state;
        const bool late = run->phase >= RUN_IDENTIFY;
        StateDb *db = run->mailbox->engine->db;
        int r;

        if (run->discard[side])
                return 0;
        /* it may be of a message that has no row yet: do not commit that this was heard */
        run->again |= run->n_batch > 0 || run->n_appends > 0 || run->receiving[side];
        for (size_t i = 0; i < uids->n_ranges; i++) {
                const UidRange range = uids->ranges[i];

                r = state_db_change_put_gone(db, state->id, side, range.first, range.last, late);
                if (r >= 0)
                        r = state_db_unknown_remove_range(db, state->id, side, range.first,
                                                          range.last);
                if (r >= 0)
                        r = unpark_range(run, side, range);
                if (r < 0)
                        return r;
        }
        run->n_changes[side]++;
        return 0;
}

/* A side has listed all that it has: what it has not listed is gone. */
int run_take_listed(SyncRun *run, Side side) {
        _cleanup_(uid_set_done) UidSet parked = UID_SET_NULL;
        const MailboxState *state = &run->mailbox->state;
        StateDb *db = run->mailbox->engine->db;
        uint64_t n_gone;
        int r;

        if (!run->complete[side])
                return 0;
        if (run->lists[side]) {
                r = state_db_change_put_unlisted(db, state->id, side);
                if (r >= 0)
                        r = state_db_unknown_remove_unlisted(db, state->id, side);
                if (r >= 0 && state->parked[side] > 0)
                        r = state_db_parked_unlisted(db, state->id, side, &parked);
                if (r >= 0)
                        r = unpark(run, side, &parked);
                if (r < 0)
                        return r;
        }
        r = state_db_change_count_gone(db, state->id, side, &n_gone);
        if (r < 0)
                return r;
        run->n_changes[side] += n_gone;
        return 0;
}

/* --- the check and the brake --- */

static void note_held(SyncRun *run, Side side, uint64_t n_gone) {
        SyncMailbox *mailbox = run->mailbox;
        char text[512];

        (void) snprintf(text, sizeof(text),
                        "%llu of %llu messages vanished on the %s side; the other side keeps them "
                        "until this is confirmed",
                        (unsigned long long) n_gone, (unsigned long long) mailbox->state.messages,
                        side_name(side));
        if (mailbox->held[side] != n_gone)
                engine_note(mailbox->engine, &(EngineNote){
                                                     .type = ENGINE_NOTE_HELD,
                                                     .mailbox = mailbox->state.name,
                                                     .text = text,
                                                     .side = side,
                                                     .held = n_gone,
                                                     .messages = mailbox->state.messages,
                                             });
        if (mailbox->held[SIDE_REMOTE] + mailbox->held[SIDE_LOCAL] == 0)
                mailbox->held_since = mailbox->engine->now;
        mailbox->held[side] = n_gone;
}

#define BRAKE_WINDOW ((int64_t) 3600 * 1000000)

/* May what vanished on this side be carried out? Asked before every pass over the changes. */
int run_apply_brake(SyncRun *run, Side side) {
        SyncMailbox *mailbox = run->mailbox;
        const int64_t now = mailbox->engine->now;
        uint64_t n_gone;
        int r;

        r = state_db_change_count_gone(mailbox->engine->db, mailbox->state.id, side, &n_gone);
        if (r < 0)
                return r;
        if (now - mailbox->state.gone_since > BRAKE_WINDOW) {
                mailbox->state.gone[SIDE_REMOTE] = mailbox->state.gone[SIDE_LOCAL] = 0;
                mailbox->state.gone_since = now;
        }

        run->holds[side] = !mailbox->confirmed[side] &&
                           brake_holds(&mailbox->engine->options.brake, mailbox->state.messages,
                                       n_gone, mailbox->state.gone[side]);
        if (run->holds[side])
                note_held(run, side, n_gone);
        else if (run->asked[side])
                mailbox->held[side] = 0;
        return 0;
}

int run_count_missing(SyncRun *run, Side side, uint64_t *ret_missing) {
        const MailboxState *state = &run->mailbox->state;
        StateDb *db = run->mailbox->engine->db;
        uint64_t n_known = state->messages + state->parked[side], n_gone, n_unknown;
        int r;

        r = state_db_change_count_gone(db, state->id, side, &n_gone);
        if (r >= 0)
                r = state_db_unknown_count(db, state->id, side, &n_unknown);
        if (r < 0)
                return r;

        n_known = n_known + n_unknown - MIN(n_gone, n_known);
        *ret_missing = n_known > run->exists[side] ? n_known - run->exists[side] : 0;
        return 0;
}

static bool adds_up(const SyncRun *run, Side side, uint64_t n_gone, uint64_t n_unknown) {
        const MailboxState *state = &run->mailbox->state;

        return delta_adds_up(state->messages + state->parked[side], n_gone, n_unknown,
                             run->exists[side]);
}

/* All is listed, and still it does not add up. Is it the base that is counted wrong? */
static int recount(SyncRun *run, Side side, uint64_t n_gone, uint64_t n_unknown) {
        MailboxState *state = &run->mailbox->state;
        uint64_t n;
        int r;

        r = state_db_volume_count(run->mailbox->engine->db, state->id, side, (UidRange){1, UID_MAX},
                                  &n);
        if (r < 0)
                return r;
        state->messages = n - MIN(n, n_unknown + state->parked[side]);
        if (!adds_up(run, side, n_gone, n_unknown)) {
                char text[128];

                (void) snprintf(text, sizeof(text),
                                "what %s lists is not what it says it has; trying again",
                                side_server(side));
                run_fail(run, text);
                return 0;
        }
        r = engine_begin(run->mailbox->engine); /* committed with the end of the run */
        return r < 0 ? r : sync_mailbox_save(run->mailbox);
}

/* Return: 1 if the side must be asked again, 0 if its delta adds up, or negative. */
static int check_count(SyncRun *run, Side side, uint64_t n_gone) {
        const MailboxState *state = &run->mailbox->state;
        uint64_t n_unknown;
        int r;

        if (!run->asked[side] || !run->is_open[side])
                return 0; /* nothing was said */
        r = state_db_unknown_count(run->mailbox->engine->db, state->id, side, &n_unknown);
        if (r < 0)
                return r;

        if (adds_up(run, side, n_gone, n_unknown))
                return 0;
        return run->phase == RUN_RELIST ? recount(run, side, n_gone, n_unknown) : 1;
}

/* Where expunges are not told, EXISTS falls short of what is new. But too few UIDs have been given for
 * all messages to have got another one. */
static uint64_t count_surely_new(const SyncRun *run) {
        const uint32_t before = run->mailbox->state.token[SIDE_REMOTE].uidnext;
        const uint32_t now = run->opened[SIDE_REMOTE].uidnext;
        const uint64_t n_given = now > before ? now - before : 0;

        return n_given < run->mailbox->state.messages / 4 ? n_given : 0;
}

/*
 * How many new remote messages there can be. Bodies beyond that are not taken before all is compared:
 * the server may have given new numbers to what is here already.
 */
int run_count_room(SyncRun *run) {
        const MailboxState *state = &run->mailbox->state;
        const uint64_t known = state->messages + state->parked[SIDE_REMOTE];
        uint64_t n_gone;
        int r;

        if (run->has_room)
                return 0;
        r = state_db_change_count_gone(run->mailbox->engine->db, state->id, SIDE_REMOTE, &n_gone);
        if (r < 0)
                return r;
        run->has_room = true;
        run->room = run->exists[SIDE_REMOTE] + n_gone > known
                            ? run->exists[SIDE_REMOTE] + n_gone - known
                            : 0;
        if (run->untold[SIDE_REMOTE] & REPLICA_UNTOLD_EXPUNGES)
                run->room = MAX(run->room, count_surely_new(run));
        return 0;
}

/*
 * All messages at once, told and not found by a list: a server may say this of a mailbox that was
 * deleted (Cyrus). To select it again tells the one from the other.
 */
static bool is_to_be_verified(const SyncRun *run, Side side, uint64_t n_gone) {
        return n_gone > 0 && n_gone == run->mailbox->state.messages && !run->complete[side] &&
               !(run->untold[side] & REPLICA_UNTOLD_EXPUNGES) && run->n_rounds[side] == 0;
}

/*
 * What vanished is known now: from a complete list or a search by what it does not hold, else as it was
 * told. A Maildir lists what is there, and there is no count to hold that against.
 * Return: 1 if the side must be asked again, 0 to go on, or negative.
 */
int run_check_delta(SyncRun *run, Side side) {
        const MailboxState *state = &run->mailbox->state;
        uint64_t n_gone;
        int r;

        r = run_put_batch(run);
        if (r >= 0)
                r = run_take_listed(run, side);
        if (r < 0 || run_replica(run, side)->gives_numbers)
                return r;

        r = state_db_change_count_gone(run->mailbox->engine->db, state->id, side, &n_gone);
        if (r >= 0)
                r = check_count(run, side, n_gone);
        if (r == 0 && !run->failed && is_to_be_verified(run, side, n_gone))
                return 1;
        return r;
}

/* What is not in a list, or was not found, may be what is new, under another UID. */
int run_compare_gone(SyncRun *run) {
        const MailboxState *state = &run->mailbox->state;
        StateDb *db = run->mailbox->engine->db;
        int r = 0;

        for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++) {
                uint64_t n_gone;

                if (run_replica(run, side)->gives_numbers ||
                    (!run->complete[side] && !(run->untold[side] & REPLICA_UNTOLD_EXPUNGES)))
                        continue;
                r = state_db_change_count_gone(db, state->id, side, &n_gone);
                if (r >= 0 && n_gone > 0)
                        r = state_db_unknown_add_gone(db, state->id, side);
        }
        return r;
}
