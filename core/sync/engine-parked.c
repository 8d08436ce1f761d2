/*
 * The engine: parked messages get another chance
 *
 * A side that has refused a message is not asked again, for that would be for ever. But what it takes may
 * change: a quota, a limit, a filter. Who asks for the mailbox by its name wants to know.
 */

#include <errno.h>

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

static int unpark_side(SyncMailbox *mailbox, Side side) {
        _cleanup_(uid_set_done) UidSet parked = UID_SET_NULL;
        StateDb *db = mailbox->engine->db;
        int r;

        if (mailbox->state.parked[side] == 0)
                return 0;
        r = state_db_parked_from(db, mailbox->state.id, side, 1, &parked);
        for (size_t i = 0; i < parked.n_ranges; i++)
                for (uint64_t uid = parked.ranges[i].first; r >= 0 && uid <= parked.ranges[i].last;
                     uid++)
                        r = unpark_one(mailbox, side, (uint32_t) uid);
        if (r >= 0)
                r = state_db_unpark_all(db, mailbox->state.id, side);
        mailbox->state.parked[side] = 0;
        return r;
}

int engine_unpark(SyncMailbox *mailbox) {
        Engine *engine = mailbox->engine;
        int r;

        mailbox->wants_parked = false;
        if (mailbox->state.parked[SIDE_REMOTE] + mailbox->state.parked[SIDE_LOCAL] == 0)
                return 0;

        r = engine_begin(engine);
        for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++)
                r = unpark_side(mailbox, side);
        if (r >= 0)
                r = sync_mailbox_save(mailbox);
        return r < 0 ? r : engine_commit(engine);
}
