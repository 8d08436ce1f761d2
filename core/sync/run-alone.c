/*
 * A run: new messages of a side that the other one is not to get, by the direction
 *
 * Whatever both sides have was paired by now. The rest is remembered as parked messages are: the counts add up, it
 * is not asked for again, and it stays where it is when another direction holds.
 */

#include "sync/run-private.h"

static int put_alone(SyncRun *run, Side side, const UidSet *uids) {
        int r = engine_begin(run->mailbox->engine);

        for (size_t i = 0; i < uids->n_ranges; i++)
                for (uint64_t uid = uids->ranges[i].first; r >= 0 && uid <= uids->ranges[i].last;
                     uid++)
                        r = run_put_parked(run, side, (uint32_t) uid, STATE_DB_ALONE);
        if (r >= 0)
                r = sync_mailbox_save(run->mailbox);
        return r < 0 ? r : engine_commit(run->mailbox->engine);
}

static int leave_side(SyncRun *run, Side side) {
        for (;;) {
                _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
                int r = state_db_unknown_uids(run->mailbox->engine->db, run->mailbox->state.id,
                                              side, 0, RUN_MAX_IDENTIFY, &uids);

                if (r < 0 || uid_set_is_empty(&uids))
                        return r;
                r = put_alone(run, side, &uids);
                if (r < 0)
                        return r;
        }
}

int run_leave_alone(SyncRun *run) {
        int r = 0;

        /* among them may be one that was taken, but not named: the next run finds its other half */
        if (run->mailbox->engine->options.dry_run || run->again || run->failed)
                return 0;
        for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++)
                if (!run->unnamed[side] &&
                    !sync_mailbox_may(run->mailbox, side_other(side), DEED_ADD))
                        r = leave_side(run, side);
        return r;
}
