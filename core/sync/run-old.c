/*
 * A run: new remote messages that are too old, or too many
 *
 * Whatever both sides have was paired by now. Of the rest, what is beyond the limits is remembered as parked messages
 * are, and no byte of it travels: the counts add up, it is not asked for again, and it is as new when a limit is
 * raised (engine-parked.c).
 */

#include "sync/limit.h"
#include "sync/run-private.h"

bool sync_mailbox_is_limited(const SyncMailbox *mailbox) {
        return (mailbox->age_limit > 0 || mailbox->count_limit > 0) &&
               sync_mailbox_may(mailbox, SIDE_LOCAL, DEED_ADD) &&
               sync_mailbox_may(mailbox, SIDE_LOCAL, DEED_DELETE);
}

/* Each that is left out is beyond these, also those of before. */
static void note_limit(SyncMailbox *mailbox, const char *reason) {
        MailboxState *state = &mailbox->state;
        const int64_t cutoff = limit_cutoff(mailbox->engine->now, mailbox->age_limit);
        const int64_t now = mailbox->engine->now / 1000000;
        const bool is_old = strcmp(reason, STATE_DB_OLD) == 0;
        uint64_t *limit = is_old ? &state->age_limit : &state->count_limit;
        const uint64_t is = is_old ? mailbox->age_limit : mailbox->count_limit;

        if (state->old + state->surplus == 0)
                state->left_until = 0;
        if (*mailbox_state_count(state, reason) == 0 || is < *limit)
                *limit = is;
        state->left_until = MAX(state->left_until, is_old ? cutoff : now);
}

int run_put_left(SyncRun *run, uint32_t remote_uid, const char *reason) {
        note_limit(run->mailbox, reason);
        return run_put_parked(run, SIDE_REMOTE, remote_uid, reason);
}

static int put_all(SyncRun *run, const UidSet *uids, const char *reason) {
        int r = 0;

        for (size_t i = 0; i < uids->n_ranges; i++)
                for (uint64_t uid = uids->ranges[i].first; r >= 0 && uid <= uids->ranges[i].last;
                     uid++)
                        r = run_put_left(run, (uint32_t) uid, reason);
        return r;
}

/* Return: how many there are, or negative. */
static int leave(SyncRun *run, const UidSet *uids, const char *reason) {
        SyncMailbox *mailbox = run->mailbox;
        int r;

        if (uid_set_is_empty(uids))
                return 0;
        r = engine_begin(mailbox->engine);
        if (r >= 0)
                r = put_all(run, uids, reason);
        if (r >= 0)
                r = sync_mailbox_save(mailbox);
        if (r >= 0)
                r = engine_commit(mailbox->engine);
        return r < 0 ? r : run_count_transfer(run);
}

/* Among them may be one that was taken, but not named: the next run finds its other half. */
static bool may_leave(const SyncRun *run) {
        return sync_mailbox_is_limited(run->mailbox) && !run->again && !run->failed &&
               !run->unnamed[SIDE_REMOTE];
}

int run_leave_surplus(SyncRun *run) {
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
        const SyncMailbox *mailbox = run->mailbox;
        const uint64_t limit = mailbox->count_limit;
        uint32_t first;
        int r;

        if (run->has_left_surplus || limit == 0 || !may_leave(run))
                return 0;
        run->has_left_surplus = true;
        r = state_db_newest_from(mailbox->engine->db, mailbox->state.id, limit, &first);
        if (r >= 0 && first > 0)
                r = state_db_unknown_surplus(mailbox->engine->db, mailbox->state.id, first, &uids);
        if (r >= 0)
                r = leave(run, &uids, STATE_DB_SURPLUS);
        if (r >= 0 && !uid_set_is_empty(&uids))
                engine_note_text(mailbox->engine, ENGINE_NOTE_NOTICE, mailbox,
                                 "%llu messages of the remote side are not among the newest %llu, "
                                 "and stay there (count-limit)",
                                 (unsigned long long) uid_set_count(&uids),
                                 (unsigned long long) limit);
        return r;
}

static int leave_old(SyncRun *run) {
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
        const SyncMailbox *mailbox = run->mailbox;
        const int64_t cutoff = limit_cutoff(mailbox->engine->now, mailbox->age_limit);
        int r;

        r = state_db_unknown_old(mailbox->engine->db, mailbox->state.id, cutoff, &uids);
        if (r >= 0)
                r = leave(run, &uids, STATE_DB_OLD);
        if (r >= 0 && !uid_set_is_empty(&uids))
                engine_note_text(mailbox->engine, ENGINE_NOTE_NOTICE, mailbox,
                                 "%llu messages of the remote side are older than %llu days, and "
                                 "stay there (age-limit)",
                                 (unsigned long long) uid_set_count(&uids),
                                 (unsigned long long) mailbox->age_limit / (24 * 3600));
        return r;
}

/*
 * What somebody has put into the local side, and is as old as what was left on the remote one, may be a copy of
 * that: files that were put back from a copy of them. Compare all, once.
 */
static int wants_meeting(SyncRun *run, bool *ret_wants) {
        SyncMailbox *mailbox = run->mailbox;
        const MailboxState *state = &mailbox->state;

        *ret_wants = false;
        if (run->met_left || state->old + state->surplus == 0 ||
            !sync_mailbox_may(mailbox, SIDE_REMOTE, DEED_ADD) || mailbox->engine->options.dry_run)
                return 0;
        return state_db_unknown_any_old(mailbox->engine->db, state->id, state->left_until,
                                        ret_wants);
}

int run_leave_old(SyncRun *run) {
        SyncMailbox *mailbox = run->mailbox;
        bool wants;
        int r;

        if (run->has_left_old || run->again || run->failed)
                return 0;
        run->has_left_old = true;
        r = wants_meeting(run, &wants);
        if (r < 0)
                return r;
        if (wants) {
                mailbox->wants_old = mailbox->wants_surplus = run->again = true;
                return 1;
        }
        return mailbox->age_limit > 0 && may_leave(run) ? leave_old(run) : 0;
}
