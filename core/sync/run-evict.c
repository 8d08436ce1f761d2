/*
 * A run, evicting: what both sides have, and is too old, or too many, leaves the local side
 *
 *      the row goes, its remote half is left out, its local half is evicted: one commit
 *      the local messages are removed
 *      and forgotten: another one
 *
 * From the first commit on the local message is neither new nor known: a crash behind it leaves one that the next
 * run removes, and that it is gone is no deletion. The remote side is told nothing.
 */

#include "sync/limit.h"
#include "sync/run-private.h"

#define MAX_EVICTED 500u /* at a time */

static int64_t cutoff_of(const SyncMailbox *mailbox) {
        return limit_cutoff(mailbox->engine->now, mailbox->age_limit);
}

/* Only what the server surely has: it was asked, all adds up, and nothing is left open. */
static bool may_evict(const SyncRun *run) {
        for (Side side = 0; side < _SIDE_MAX; side++)
                if (mailbox_state_is_adopted(&run->mailbox->state, side) || !run->is_open[side] ||
                    !run->asked[side] || run->holds[side] || run->unnamed[side] ||
                    run->receiving[side] || run->discard[side])
                        return false;
        return !run->failed && !run->incomplete && !run->again && !run->unpublished &&
               !run->verifies && run->n_batch == 0;
}

/* --- dates --- */

int run_keep_dates(SyncRun *run) {
        SyncMailbox *mailbox = run->mailbox;
        int r;

        if (mailbox->age_limit == 0 || mailbox->state.is_dated || run->verifies)
                return 0;
        r = engine_begin(mailbox->engine);
        if (r >= 0)
                r = state_db_keep_dates(mailbox->engine->db, mailbox->state.id);
        if (r < 0)
                return r;
        mailbox->state.is_dated = true;
        r = sync_mailbox_save(mailbox);
        return r < 0 ? r : engine_commit(mailbox->engine);
}

static int on_date(SyncRun *run, const ReplicaMessage *message) {
        SyncMailbox *mailbox = run->mailbox;
        int r;

        if (!(message->present & REPLICA_HAS_DATE) ||
            !uid_set_contains(&run->undated, message->uid))
                return 0;
        r = engine_begin(mailbox->engine);
        if (r >= 0)
                r = state_db_set_date(mailbox->engine->db, mailbox->state.id, message->uid,
                                      message->date);
        return r < 0 ? r : uid_set_remove(&run->undated, message->uid, message->uid);
}

int run_on_evictable(SyncRun *run, Side side, const ReplicaMessage *message) {
        if (side == SIDE_REMOTE)
                return on_date(run, message);
        return run->is_looking && message->present & REPLICA_HAS_FLAGS
                       ? uid_set_add(&run->unchanged, message->uid, message->uid)
                       : 0;
}

/* What the server has told no date of never grows old. */
static int end_dates(SyncRun *run) {
        SyncMailbox *mailbox = run->mailbox;
        int r = 0;

        for (size_t i = 0; i < run->undated.n_ranges; i++)
                for (uint64_t uid = run->undated.ranges[i].first;
                     r >= 0 && uid <= run->undated.ranges[i].last; uid++) {
                        r = engine_begin(mailbox->engine);
                        if (r >= 0)
                                r = state_db_set_date(mailbox->engine->db, mailbox->state.id,
                                                      (uint32_t) uid, INT64_MAX);
                }
        uid_set_done(&run->undated);
        return r < 0 ? r : engine_commit(mailbox->engine);
}

/* Return: 1 if dates are to come, 0 if all are known, or negative. */
static int ask_dates(SyncRun *run) {
        SyncMailbox *mailbox = run->mailbox;
        Replica *remote = run_replica(run, SIDE_REMOTE);
        int r;

        if (!uid_set_is_empty(&run->undated)) {
                r = end_dates(run);
                if (r < 0)
                        return r;
        }
        if (mailbox->age_limit == 0 || run->dated == UID_MAX)
                return 0;
        r = state_db_undated(mailbox->engine->db, mailbox->state.id, run->dated, RUN_MAX_IDENTIFY,
                             &run->undated);
        if (r < 0)
                return r;
        if (uid_set_is_empty(&run->undated)) {
                run->dated = UID_MAX;
                return 0;
        }
        run->dated = run->undated.ranges[run->undated.n_ranges - 1].last;
        r = remote->ops->fetch(remote, &mailbox->replica[SIDE_REMOTE], &run->undated,
                               REPLICA_WANT_IDENTITY);
        if (r < 0)
                return r;
        run->n_under_way++;
        return 1;
}

/* --- rows --- */

static int evict(SyncRun *run, const BaseMessage *message, const char *reason) {
        SyncMailbox *mailbox = run->mailbox;
        int r;

        r = state_db_remove(mailbox->engine->db, mailbox->state.id, message->uid[SIDE_REMOTE]);
        if (r < 0)
                return r;
        mailbox->state.messages--;
        r = run_put_left(run, message->uid[SIDE_REMOTE], reason);
        if (r >= 0)
                r = run_put_parked(run, SIDE_LOCAL, message->uid[SIDE_LOCAL], STATE_DB_EVICTED);
        if (r >= 0) /* with its flags: one by one, files would be looked for in the whole folder */
                r = state_db_park_known(mailbox->engine->db, mailbox->state.id, SIDE_LOCAL,
                                        message->uid[SIDE_LOCAL], STATE_DB_EVICTED,
                                        base_flags(message, SIDE_LOCAL));
        return r;
}

/* The next of them, of which no change is known. */
static int find(SyncRun *run, bool by_date, BaseMessage *messages, size_t *ret_n) {
        const SyncMailbox *mailbox = run->mailbox;
        const uint64_t excess = limit_excess(mailbox->state.messages, mailbox->count_limit);
        StateDb *db = mailbox->engine->db;

        *ret_n = 0;
        if (by_date)
                return cutoff_of(mailbox) == 0
                               ? 0
                               : state_db_old(db, mailbox->state.id, cutoff_of(mailbox),
                                              MAX_EVICTED, messages, ret_n);
        return excess == 0 ? 0
                           : state_db_surplus(db, mailbox->state.id, excess, MAX_EVICTED, messages,
                                              ret_n);
}

/*
 * The local side was listed when the run began, and much may have happened there since: look at those once more.
 * Return: 1 if the answer is to come, 0 if there are none, or negative.
 */
static int look(SyncRun *run) {
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
        Replica *local = run_replica(run, SIDE_LOCAL);
        BaseMessage messages[MAX_EVICTED];
        int r = 0;

        for (unsigned by_date = 0; r >= 0 && by_date < 2; by_date++) {
                size_t n;

                r = find(run, by_date, messages, &n);
                for (size_t i = 0; r >= 0 && i < n; i++)
                        r = uid_set_add(&uids, messages[i].uid[SIDE_LOCAL],
                                        messages[i].uid[SIDE_LOCAL]);
        }
        if (r < 0 || uid_set_is_empty(&uids))
                return r;
        uid_set_done(&run->unchanged);
        r = local->ops->fetch(local, &run->mailbox->replica[SIDE_LOCAL], &uids, REPLICA_WANT_FLAGS);
        if (r < 0)
                return r;
        run->n_under_way++;
        run->is_looking = true;
        return 1;
}

/* Return: how many, or negative. */
static int put_evicted(SyncRun *run, bool by_date) {
        const bool is_dry = run->mailbox->engine->options.dry_run;
        BaseMessage messages[MAX_EVICTED];
        int r, n_put = 0;
        size_t n;

        r = find(run, by_date, messages, &n);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                if (!is_dry && !uid_set_contains(&run->unchanged, messages[i].uid[SIDE_LOCAL]))
                        continue;
                r = evict(run, &messages[i], by_date ? STATE_DB_OLD : STATE_DB_SURPLUS);
                n_put++;
        }
        run->n_evicted[!by_date] += (unsigned) n_put;
        return r < 0 ? r : n_put;
}

/* Return: how many, or negative. */
static int put_all_evicted(SyncRun *run) {
        SyncMailbox *mailbox = run->mailbox;
        int r, n;

        r = engine_begin(mailbox->engine);
        n = r < 0 ? r : put_evicted(run, true);
        r = n < 0 ? n : put_evicted(run, false);
        if (r <= 0 && n <= 0)
                return r;
        n += r;
        if (r >= 0)
                r = sync_mailbox_save(mailbox);
        if (r >= 0)
                r = engine_commit(mailbox->engine);
        return r < 0 ? r : n;
}

/* --- removal --- */

static int find_evicted(SyncRun *run, UidSet *uids) {
        const MailboxState *state = &run->mailbox->state;

        return state->evicted == 0 ? 0
                                   : state_db_parked_for(run->mailbox->engine->db, state->id,
                                                         SIDE_LOCAL, STATE_DB_EVICTED, uids);
}

/* Those that are there no more need no row. */
static int forget_evicted(SyncRun *run) {
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
        SyncMailbox *mailbox = run->mailbox;
        Replica *local = run_replica(run, SIDE_LOCAL);
        int r;

        r = find_evicted(run, &uids);
        if (r >= 0)
                r = engine_begin(mailbox->engine);
        for (size_t i = 0; i < uids.n_ranges; i++)
                for (uint64_t uid = uids.ranges[i].first; r >= 0 && uid <= uids.ranges[i].last;
                     uid++) {
                        r = sync_mailbox_unpark(mailbox, SIDE_LOCAL, (uint32_t) uid);
                        if (r >= 0)
                                r = local->ops->forgotten(local, &mailbox->replica[SIDE_LOCAL],
                                                          (uint32_t) uid);
                }
        if (r >= 0)
                r = sync_mailbox_save(mailbox);
        return r < 0 ? r : engine_commit(mailbox->engine);
}

/* Return: 1 if it was asked for, 0 if there is nothing to remove, or negative. */
static int remove_evicted(SyncRun *run) {
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
        SyncMailbox *mailbox = run->mailbox;
        Replica *local = run_replica(run, SIDE_LOCAL);
        int r;

        r = find_evicted(run, &uids);
        if (r < 0 || uid_set_is_empty(&uids))
                return r;
        r = local->ops->expunge(local, &mailbox->replica[SIDE_LOCAL], &uids);
        if (r < 0)
                return r;
        run->n_under_way++;
        run->wrote[SIDE_LOCAL] = run->is_removing = true;
        return 1;
}

static void note_evicted(SyncRun *run) {
        const SyncMailbox *mailbox = run->mailbox;
        const bool is_dry = mailbox->engine->options.dry_run;
        const EngineNoteType type = is_dry ? ENGINE_NOTE_WOULD : ENGINE_NOTE_NOTICE;
        const char *verb = is_dry ? "remove" : "removed";

        if (run->n_evicted[0] > 0)
                engine_note_text(mailbox->engine, type, mailbox,
                                 "%s %llu messages of the local side that are older than %llu "
                                 "days; the remote side keeps them (age-limit)",
                                 verb, (unsigned long long) run->n_evicted[0],
                                 (unsigned long long) mailbox->age_limit / (24 * 3600));
        if (run->n_evicted[1] > 0)
                engine_note_text(mailbox->engine, type, mailbox,
                                 "%s %llu messages of the local side that are not among the "
                                 "newest %llu; the remote side keeps them (count-limit)",
                                 verb, (unsigned long long) run->n_evicted[1],
                                 (unsigned long long) mailbox->count_limit);
        run->n_evicted[0] = run->n_evicted[1] = 0;
}

/* In a dry run, which commits nothing, all of them at once, and let them be. */
static int evict_dry(SyncRun *run) {
        int r;

        do
                r = put_all_evicted(run);
        while (r > 0);
        return r;
}

/* Return: 1 if something is under way, 0 if there is nothing more to evict, or negative. */
static int evict_next(SyncRun *run) {
        int r;

        if (!sync_mailbox_is_limited(run->mailbox) || run->has_evicted)
                return 0;
        if (run->is_looking) {
                run->is_looking = false;
                r = put_all_evicted(run);
                run->has_evicted = r == 0;
                return MIN(r, 0);
        }
        r = ask_dates(run);
        if (r != 0)
                return r;
        return run->mailbox->engine->options.dry_run ? evict_dry(run) : look(run);
}

int run_evict(SyncRun *run) {
        int r = 0;

        run->is_looking &= run->phase == RUN_EVICT; /* else that was a while ago */
        run->phase = RUN_EVICT;
        if (run->is_removing && !run->incomplete)
                r = forget_evicted(run);
        run->is_removing = false;
        if (r < 0 || !may_evict(run))
                return r;
        r = evict_next(run);
        if (r == 0 && !run->mailbox->engine->options.dry_run)
                r = remove_evicted(run);
        if (r == 0)
                note_evicted(run);
        return r;
}

/* --- where nothing else happens --- */

static int has_old(const SyncMailbox *mailbox, bool *ret_has) {
        const MailboxState *state = &mailbox->state;
        const uint64_t excess = limit_excess(state->messages, mailbox->count_limit);
        BaseMessage unused;
        size_t n = 0;
        int r = 0;

        *ret_has = mailbox->age_limit > 0 && !state->is_dated && state->messages > 0;
        if (*ret_has)
                return 0;
        if (cutoff_of(mailbox) > 0)
                r = state_db_any_old(mailbox->engine->db, state->id, cutoff_of(mailbox), ret_has);
        if (r < 0 || *ret_has || excess == 0)
                return r;
        r = state_db_surplus(mailbox->engine->db, state->id, excess, 1, &unused, &n);
        *ret_has = n > 0;
        return r;
}

int engine_mark_old(Engine *engine) {
        const int64_t today = 1 + limit_day(engine->now);

        if (engine->old_day == today)
                return 0;
        engine->old_day = today;
        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                SyncMailbox *mailbox = engine->mailboxes[i];
                bool has;
                int r;

                if (mailbox->left_out || !sync_mailbox_is_in_base(mailbox) ||
                    !mailbox->exists[SIDE_REMOTE] || !mailbox->exists[SIDE_LOCAL] ||
                    !sync_mailbox_is_limited(mailbox))
                        continue;
                r = has_old(mailbox, &has);
                if (r < 0)
                        return r;
                if (has)
                        sync_mailbox_mark(mailbox, SIDE_REMOTE);
        }
        return 0;
}
