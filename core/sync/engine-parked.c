/*
 * The engine: parked messages get another chance
 *
 * A side that has refused a message is not asked again, for that would be for ever. But what it takes may
 * change: a quota, a limit, a filter. Who asks for the mailbox by its name wants to know.
 */

#include <errno.h>

#include "base/macro.h"
#include "sync/engine-private.h"

int engine_retry_parked(Engine *engine, const char *name) {
        SyncMailbox *mailbox = engine_lookup(engine, name);

        if (!mailbox)
                return STATE_DB_E_NONE;
        mailbox->wants_parked =
                !engine->options.dry_run; /* the next run does it, and finds them then */
        return 0;
}

/* As if it had come just now: what gives numbers is to say it anew, of the others it is asked for. */
static int unpark_one(SyncMailbox *mailbox, Side side, uint32_t uid) {
        Replica *replica = mailbox->engine->replica[side];
        ReplicaToken *token = &mailbox->state.token[side];

        if (replica->gives_numbers) {
                token_forget_times(token);
                return replica->ops->forgotten(replica, &mailbox->replica[side], uid);
        }
        token->uidnext = MIN(token->uidnext, uid);
        return 0;
}

int sync_mailbox_unpark(SyncMailbox *mailbox, Side side, uint32_t uid) {
        MailboxState *state = &mailbox->state;
        StateDb *db = mailbox->engine->db;
        _cleanup_free_ char *reason = NULL;
        uint64_t *count;
        int r = 0;

        if (mailbox_state_kept(state) > 0)
                r = state_db_parked_reason(db, state->id, side, uid, &reason);
        if (r >= 0)
                r = state_db_unpark(db, state->id, side, uid);
        if (r != 0)
                return MIN(r, 0);
        state->parked[side]--;
        count = reason ? mailbox_state_count(state, reason) : NULL;
        if (count)
                --*count;
        return 0;
}

static const char *const kept_reasons[] = {
        STATE_DB_ALONE, STATE_DB_LARGE, STATE_DB_OLD, STATE_DB_SURPLUS, STATE_DB_EVICTED,
};

int sync_mailbox_unpark_all(SyncMailbox *mailbox, Side side) {
        MailboxState *state = &mailbox->state;
        StateDb *db = mailbox->engine->db;
        int r = state_db_unpark_all(db, state->id, side);

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(kept_reasons); i++) {
                uint64_t *count = mailbox_state_count(state, kept_reasons[i]);

                if (*count > 0)
                        r = state_db_parked_count(db, state->id, kept_reasons[i], count);
        }
        state->parked[side] = 0;
        return r;
}

/* Which of a side are to be tried again? */
static int find_wanted(SyncMailbox *mailbox, Side side, UidSet *uids) {
        const int64_t id = mailbox->state.id;
        StateDb *db = mailbox->engine->db;
        int r = 0;

        if (mailbox->wants_parked)
                r = state_db_refused(db, id, side, uids);
        else if (mailbox->wants_deferred)
                r = state_db_deferred(db, id, side, uids);
        if (r >= 0 && mailbox->wants_large)
                r = state_db_large(db, id, side, uids);
        if (r >= 0 && mailbox->wants_old)
                r = state_db_parked_for(db, id, side, STATE_DB_OLD, uids);
        if (r >= 0 && mailbox->wants_surplus)
                r = state_db_parked_for(db, id, side, STATE_DB_SURPLUS, uids);
        return r;
}

static int unpark_each(SyncMailbox *mailbox, Side side, const UidSet *parked) {
        int r = 0;

        for (size_t i = 0; i < parked->n_ranges; i++)
                for (uint64_t uid = parked->ranges[i].first;
                     r >= 0 && uid <= parked->ranges[i].last; uid++) {
                        r = unpark_one(mailbox, side, (uint32_t) uid);
                        if (r >= 0)
                                r = sync_mailbox_unpark(mailbox, side, (uint32_t) uid);
                }
        return r;
}

static int unpark_side(SyncMailbox *mailbox, Side side) {
        _cleanup_(uid_set_done) UidSet parked = UID_SET_NULL;
        int r;

        if (mailbox->state.parked[side] == 0)
                return 0;
        r = find_wanted(mailbox, side, &parked);
        return r < 0 ? r : unpark_each(mailbox, side, &parked);
}

int sync_mailbox_unpark_left(SyncMailbox *mailbox) {
        _cleanup_(uid_set_done) UidSet remote = UID_SET_NULL, local = UID_SET_NULL;
        const MailboxState *state = &mailbox->state;
        StateDb *db = mailbox->engine->db;
        int r = 0;

        if (state->old > 0)
                r = state_db_parked_for(db, state->id, SIDE_REMOTE, STATE_DB_OLD, &remote);
        if (r >= 0 && state->surplus > 0)
                r = state_db_parked_for(db, state->id, SIDE_REMOTE, STATE_DB_SURPLUS, &remote);
        if (r >= 0 && state->evicted > 0)
                r = state_db_parked_for(db, state->id, SIDE_LOCAL, STATE_DB_EVICTED, &local);
        if (r >= 0)
                r = unpark_each(mailbox, SIDE_REMOTE, &remote);
        return r < 0 ? r : unpark_each(mailbox, SIDE_LOCAL, &local);
}

int engine_unpark(SyncMailbox *mailbox) {
        Engine *engine = mailbox->engine;
        int r = 0;

        if (mailbox->state.parked[SIDE_REMOTE] + mailbox->state.parked[SIDE_LOCAL] > 0) {
                r = engine_begin(engine);
                for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++)
                        r = unpark_side(mailbox, side);
                if (r >= 0)
                        r = sync_mailbox_save(mailbox);
                if (r >= 0)
                        r = engine_commit(engine);
        }
        mailbox->wants_parked = mailbox->wants_deferred = mailbox->wants_large = false;
        mailbox->wants_old = mailbox->wants_surplus = false;
        return r;
}

/* --- messages that were deferred --- */

static int count_parked(SyncMailbox *mailbox,
                        int (*collect)(StateDb *db, int64_t mailbox, Side side, UidSet *uids),
                        uint64_t *ret_n) {
        *ret_n = 0;
        for (Side side = 0; side < _SIDE_MAX; side++) {
                _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
                int r = collect(mailbox->engine->db, mailbox->state.id, side, &uids);

                if (r < 0)
                        return r;
                *ret_n += uid_set_count(&uids);
        }
        return 0;
}

/* Why they are parked is counted anew when there are more of them, or fewer. */
static bool count_reasons(SyncMailbox *mailbox) {
        const uint64_t n_parked =
                mailbox->state.parked[SIDE_REMOTE] + mailbox->state.parked[SIDE_LOCAL];
        uint64_t n_deferred, n_left;

        if (n_parked == mailbox_state_kept(&mailbox->state))
                return false;
        if (mailbox->has_deferred && mailbox->n_parked_then == n_parked)
                return true;
        if (count_parked(mailbox, state_db_deferred, &n_deferred) < 0 ||
            count_parked(mailbox, state_db_left, &n_left) < 0)
                return false;
        mailbox->has_deferred = true;
        mailbox->n_parked_then = n_parked;
        mailbox->n_deferred = MIN(n_deferred, n_parked);
        mailbox->n_left = MIN(n_left, n_parked - mailbox->n_deferred);
        return true;
}

uint64_t sync_mailbox_count_deferred(SyncMailbox *mailbox) {
        return count_reasons(mailbox) ? mailbox->n_deferred : 0;
}

uint64_t sync_mailbox_count_left(SyncMailbox *mailbox) {
        return count_reasons(mailbox) ? mailbox->n_left : 0;
}

/* Is more allowed than before? The first policy of a process may follow any other. */
static bool allows_more(uint64_t before, uint64_t now) {
        return now == 0 || (before > 0 && now > before);
}

void sync_mailbox_check_limit(SyncMailbox *mailbox) {
        const MailboxState *state = &mailbox->state;

        if (mailbox->engine->options.dry_run)
                return;
        mailbox->wants_large =
                state->large > 0 && allows_more(state->size_limit, mailbox->size_limit);
        mailbox->wants_old = state->old > 0 && allows_more(state->age_limit, mailbox->age_limit);
        mailbox->wants_surplus =
                state->surplus > 0 && allows_more(state->count_limit, mailbox->count_limit);
        if (!mailbox->wants_large && !mailbox->wants_old && !mailbox->wants_surplus &&
            state->evicted == 0)
                return;
        mailbox->all_names = true;
        for (Side side = 0; side < _SIDE_MAX; side++)
                sync_mailbox_mark(mailbox, side);
}

void engine_set_policy(Engine *engine, const Policy *policy) {
        const bool more = allows_more(engine->max_body, policy->max_body);

        engine->max_body = policy->max_body;
        engine->scan_flags = policy->scan_flags;
        for (size_t i = 0; more && i < engine->n_mailboxes; i++) {
                SyncMailbox *mailbox = engine->mailboxes[i];

                if (engine->options.dry_run || sync_mailbox_count_deferred(mailbox) == 0)
                        continue;
                mailbox->wants_deferred = mailbox->all_names = true;
                for (Side side = 0; side < _SIDE_MAX; side++)
                        sync_mailbox_mark(mailbox, side);
        }
}

void engine_set_flag_scan(Engine *engine, int64_t usec) {
        engine->options.flag_scan = usec;
}

/* --- local changes that wait for each other --- */

void engine_gather(Engine *engine, bool gather) {
        engine->gathers = gather;
}

bool engine_is_gathering(const Engine *engine) {
        if (!engine->gathers || engine->hold || engine->n_dirty == 0 || engine->n_runs > 0 ||
            engine->n_listing > 0 || engine->wants_list || engine->n_verifying > 0)
                return false;
        for (size_t i = 0; i < engine->n_mailboxes; i++)
                if (engine->mailboxes[i]->dirty[SIDE_REMOTE])
                        return false;
        return true;
}
