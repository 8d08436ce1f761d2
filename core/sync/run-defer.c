/*
 * A run: messages that are too large for now
 *
 * On a link that is paid for by the byte a large message waits until the policy lets it. It is remembered as a
 * parked one is, so that the counts add up and it is not asked for again, and is as new when its time has come
 * (engine-parked.c).
 */

#include "sync/engine-private.h"

static bool has_limit(const SyncRun *run) {
        const Engine *engine = run->mailbox->engine;

        return engine->max_body > 0 && !engine->options.dry_run;
}

int run_ask_sizes(SyncRun *run) {
        int n = 0;

        for (Side side = 0; has_limit(run) && side < _SIDE_MAX; side++) {
                int r = run_identify_side(run, side);

                if (r < 0)
                        return r;
                n += r;
        }
        return n;
}

/* May it be there already, from a run that came to no end? Then it is to be found, not to be left. */
static int is_sent(SyncRun *run, Side side, uint32_t uid) {
        Intent intent;
        int r;

        if (!run->intents)
                return 0;
        r = state_db_intent_find(run->mailbox->engine->db, run->mailbox->state.id, side_other(side),
                                 uid, &intent);
        return r < 0 ? r : r == 0;
}

/* Return: 1 if it is too large, 0 if not or if its size is not known, or negative. */
static int is_large(SyncRun *run, Side side, uint32_t uid) {
        const SyncMailbox *mailbox = run->mailbox;
        ReplicaMessage message;
        int r;

        r = state_db_unknown_get(mailbox->engine->db, mailbox->state.id, side, uid, &message);
        if (r != 0)
                return r < 0 ? r : 0;
        if (!(message.present & REPLICA_HAS_SIZE) || message.size <= mailbox->engine->max_body)
                return 0;
        r = is_sent(run, side, uid);
        return r < 0 ? r : r == 0;
}

static int find_large(SyncRun *run, Side side, const UidSet *uids, UidSet *large) {
        for (size_t i = 0; i < uids->n_ranges; i++)
                for (uint64_t uid = uids->ranges[i].first; uid <= uids->ranges[i].last; uid++) {
                        int r = is_large(run, side, (uint32_t) uid);

                        if (r > 0)
                                r = uid_set_add(large, (uint32_t) uid, (uint32_t) uid);
                        if (r < 0)
                                return r;
                }
        return 0;
}

static int put_all(SyncRun *run, Side side, const UidSet *large) {
        for (size_t i = 0; i < large->n_ranges; i++)
                for (uint64_t uid = large->ranges[i].first; uid <= large->ranges[i].last; uid++) {
                        int r = run_put_parked(run, side, (uint32_t) uid, STATE_DB_DEFERRED);

                        if (r < 0)
                                return r;
                }
        return 0;
}

int run_defer(SyncRun *run, Side side, UidSet *uids) {
        _cleanup_(uid_set_done) UidSet large = UID_SET_NULL;
        SyncMailbox *mailbox = run->mailbox;
        int r;

        if (!has_limit(run))
                return 0;
        r = find_large(run, side, uids, &large);
        if (r < 0 || uid_set_is_empty(&large))
                return r;

        r = engine_begin(mailbox->engine);
        if (r >= 0)
                r = put_all(run, side, &large);
        if (r >= 0)
                r = sync_mailbox_save(mailbox);
        if (r >= 0)
                r = engine_commit(mailbox->engine);
        for (size_t i = 0; r >= 0 && i < large.n_ranges; i++)
                r = uid_set_remove(uids, large.ranges[i].first, large.ranges[i].last);
        if (r < 0)
                return r;

        engine_note_text(
                mailbox->engine, ENGINE_NOTE_NOTICE, mailbox,
                "%llu messages of the %s side are larger than %llu bytes, and wait until the "
                "policy lets them",
                (unsigned long long) uid_set_count(&large), side_name(side),
                (unsigned long long) mailbox->engine->max_body);
        return 0;
}
