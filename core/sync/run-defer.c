/*
 * A run: messages that are too large, for now or at all
 *
 * On a link that is paid for by the byte a large message waits until the policy lets it; one that is larger than
 * the mailbox takes is left where it is, until the limit is another one. It is remembered as a parked one is, so
 * that the counts add up and it is not asked for again, and is as new when its time has come (engine-parked.c).
 */

#include "sync/run-private.h"

static bool has_limit(const SyncRun *run) {
        const Engine *engine = run->mailbox->engine;

        return run->mailbox->size_limit > 0 || sync_mailbox_is_limited(run->mailbox) ||
               (engine->max_body > 0 && !engine->options.dry_run);
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

static bool exceeds(uint64_t size, uint64_t limit) {
        return limit > 0 && size > limit;
}

/* The messages of a side that are too large. */
typedef struct Large {
        UidSet for_good, for_now; /* owned */
} Large;

static void large_done(Large *large) {
        uid_set_done(&large->for_good);
        uid_set_done(&large->for_now);
}

/* One whose size is not known is not large. */
static int judge(SyncRun *run, Side side, uint32_t uid, Large *large) {
        const SyncMailbox *mailbox = run->mailbox;
        UidSet *found = NULL;
        ReplicaMessage message;
        int r;

        r = state_db_unknown_get(mailbox->engine->db, mailbox->state.id, side, uid, &message);
        if (r != 0)
                return MIN(r, 0);
        if (!(message.present & REPLICA_HAS_SIZE))
                return 0;
        if (exceeds(message.size, mailbox->size_limit))
                found = &large->for_good;
        else if (exceeds(message.size, mailbox->engine->max_body))
                found = &large->for_now;
        r = found ? is_sent(run, side, uid) : 1;
        return r == 0 ? uid_set_add(found, uid, uid) : MIN(r, 0);
}

static int find_large(SyncRun *run, Side side, const UidSet *uids, Large *large) {
        for (size_t i = 0; i < uids->n_ranges; i++)
                for (uint64_t uid = uids->ranges[i].first; uid <= uids->ranges[i].last; uid++) {
                        int r = judge(run, side, (uint32_t) uid, large);

                        if (r < 0)
                                return r;
                }
        return 0;
}

static int put_all(SyncRun *run, Side side, const UidSet *large, const char *reason) {
        for (size_t i = 0; i < large->n_ranges; i++)
                for (uint64_t uid = large->ranges[i].first; uid <= large->ranges[i].last; uid++) {
                        int r = run_put_parked(run, side, (uint32_t) uid, reason);

                        if (r < 0)
                                return r;
                }
        return 0;
}

/* Each that is left out is larger than this, also those of before. */
static void note_limit(SyncMailbox *mailbox) {
        MailboxState *state = &mailbox->state;

        if (state->large == 0 || mailbox->size_limit < state->size_limit)
                state->size_limit = mailbox->size_limit;
}

static int put_large(SyncRun *run, Side side, const Large *large) {
        SyncMailbox *mailbox = run->mailbox;
        int r;

        if (mailbox->engine->options.dry_run)
                return 0;
        r = engine_begin(mailbox->engine);
        if (!uid_set_is_empty(&large->for_good))
                note_limit(mailbox);
        if (r >= 0)
                r = put_all(run, side, &large->for_good, STATE_DB_LARGE);
        if (r >= 0)
                r = put_all(run, side, &large->for_now, STATE_DB_DEFERRED);
        if (r >= 0)
                r = sync_mailbox_save(mailbox);
        return r < 0 ? r : engine_commit(mailbox->engine);
}

static int take_out(UidSet *uids, const UidSet *large) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < large->n_ranges; i++)
                r = uid_set_remove(uids, large->ranges[i].first, large->ranges[i].last);
        return r;
}

static void note_large(SyncRun *run, Side side, const UidSet *large, uint64_t limit,
                       const char *what) {
        if (uid_set_is_empty(large))
                return;
        engine_note_text(run->mailbox->engine, ENGINE_NOTE_NOTICE, run->mailbox,
                         "%llu messages of the %s side are larger than %llu bytes, and %s",
                         (unsigned long long) uid_set_count(large), side_name(side),
                         (unsigned long long) limit, what);
}

int run_defer(SyncRun *run, Side side, UidSet *uids) {
        _cleanup_(large_done) Large large = {0};
        int r;

        if (!has_limit(run))
                return 0;
        r = find_large(run, side, uids, &large);
        if (r < 0 || (uid_set_is_empty(&large.for_good) && uid_set_is_empty(&large.for_now)))
                return r;

        /* Nothing is written down in a dry run: they stay among the unknown, and are not to be met again. */
        if (run->mailbox->engine->options.dry_run)
                run->transferred[side] = uids->ranges[uids->n_ranges - 1].last;
        r = put_large(run, side, &large);
        if (r >= 0)
                r = take_out(uids, &large.for_good);
        if (r >= 0)
                r = take_out(uids, &large.for_now);
        if (r < 0)
                return r;
        note_large(run, side, &large.for_good, run->mailbox->size_limit, "stay there (size-limit)");
        note_large(run, side, &large.for_now, run->mailbox->engine->max_body,
                   "wait until the policy lets them");
        return 0;
}
