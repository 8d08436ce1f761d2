/* The engine: what its owner asks of it, and the stamps of quiet folders. */

#include <errno.h>

#include "sync/run-private.h"

/* --- flags that nobody tells of --- */

bool sync_mailbox_scans_flags(const SyncMailbox *mailbox, Side side) {
        const ReplicaToken *token = &mailbox->state.token[side];

        return !mailbox->engine->replica[side]->gives_numbers && token->uidvalidity > 0 &&
               token->modseq == 0 && mailbox->state.messages > 0;
}

int sync_mailbox_rotation(SyncMailbox *mailbox, Side side, VolumeRotation **ret_rotation) {
        int r;

        if (!mailbox->has_rotation[side]) {
                r = state_db_rotation_get(mailbox->engine->db, mailbox->state.id, side,
                                          &mailbox->rotation[side]);
                if (r < 0)
                        return r;
                mailbox->has_rotation[side] = true;
        }
        *ret_rotation = &mailbox->rotation[side];
        return 0;
}

bool sync_mailbox_is_due(SyncMailbox *mailbox, Side side) {
        const Engine *engine = mailbox->engine;
        VolumeRotation *rotation;

        if (!sync_mailbox_scans_flags(mailbox, side) || !engine->scan_flags)
                return false;
        if (engine->options.once)
                return engine->n_listing > 0;
        if (engine->options.flag_scan <= 0 || sync_mailbox_rotation(mailbox, side, &rotation) < 0)
                return false;
        return volume_rotation_due(rotation, VOLUME_STEPS, engine->now, engine->options.flag_scan) >
               0;
}

/* --- questions --- */

bool engine_is_busy(const Engine *engine) {
        return engine->n_runs > 0 || engine->n_listing > 0 ||
               (!engine->hold && !engine_is_gathering(engine) &&
                (engine->n_dirty > 0 || engine->n_verifying > 0 || engine->wants_list));
}

/* Since when is every flag known to have been looked at? 0: both sides tell of changes. */
static int64_t flags_since(SyncMailbox *mailbox) {
        int64_t oldest = 0;

        for (Side side = 0; side < _SIDE_MAX; side++) {
                VolumeRotation *rotation;

                if (!sync_mailbox_scans_flags(mailbox, side) ||
                    sync_mailbox_rotation(mailbox, side, &rotation) < 0)
                        continue;
                if (oldest == 0 || rotation->complete < oldest)
                        oldest = rotation->complete;
        }
        return oldest;
}

int64_t engine_flags_since(Engine *engine) {
        int64_t oldest = 0;

        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                const int64_t since = flags_since(engine->mailboxes[i]);

                if (since > 0 && (oldest == 0 || since < oldest))
                        oldest = since;
        }
        return oldest;
}

/* The mailbox itself counts, if nothing is in it. */
static uint64_t held_on(const SyncMailbox *mailbox, Side side) {
        return mailbox->is_deleted[side] ? MAX(mailbox->state.messages, (uint64_t) 1)
                                         : mailbox->held[side];
}

static EngineMailbox describe(SyncMailbox *mailbox) {
        const uint64_t deferred = sync_mailbox_count_deferred(mailbox);
        const MailboxState *state = &mailbox->state;

        return (EngineMailbox){
                .name = mailbox->state.name,
                .messages = mailbox->state.messages,
                .parked = state->parked[SIDE_REMOTE] + state->parked[SIDE_LOCAL] - deferred -
                          sync_mailbox_count_left(mailbox) - mailbox_state_kept(state),
                .deferred = deferred,
                .alone = state->alone,
                .large = state->large,
                .old = state->old,
                .surplus = state->surplus,
                .direction = mailbox->direction,
                .held = {held_on(mailbox, SIDE_REMOTE), held_on(mailbox, SIDE_LOCAL)},
                .deleted = {mailbox->is_deleted[SIDE_REMOTE],    mailbox->is_deleted[SIDE_LOCAL]               },
                .held_since = mailbox->held_since,
                .last_change = mailbox->state.last_change,
                .flags_since = flags_since(mailbox),
                .pending = (mailbox->run && mailbox->run->inspects == 0) ||
                           sync_mailbox_is_marked(mailbox),
                .error = mailbox->error ? mailbox->error : "",
                .left_out = mailbox->left_out ? mailbox->left_out : "",
        };
}

int engine_each_mailbox(Engine *engine, int (*each)(const EngineMailbox *mailbox, void *userdata),
                        void *userdata) {
        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                const EngineMailbox mailbox = describe(engine->mailboxes[i]);
                int r = each(&mailbox, userdata);

                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < engine->n_unusable; i++) {
                const EngineMailbox mailbox = {
                        .name = engine->unusable[i].name,
                        .error = engine->unusable[i].why,
                        .left_out = "",
                };
                int r = each(&mailbox, userdata);

                if (r < 0)
                        return r;
        }
        return 0;
}

const EngineMailbox *engine_find_mailbox(Engine *engine, const char *name) {
        static EngineMailbox found;
        SyncMailbox *mailbox = engine_lookup(engine, name);

        if (!mailbox)
                return NULL;
        found = describe(mailbox);
        return &found;
}

uint64_t engine_count_unseen(Engine *engine, const char *name) {
        const SyncMailbox *mailbox = engine_lookup(engine, name);
        uint64_t n = 0;

        if (!mailbox || state_db_count_unseen(engine->db, mailbox->state.id, &n) < 0)
                return 0;
        return n;
}

ReplicaMailbox *engine_replica_mailbox(Engine *engine, const char *name, Side side) {
        SyncMailbox *mailbox = engine_lookup(engine, name);

        if (!mailbox || !mailbox->exists[side] || sync_mailbox_load_keywords(mailbox) < 0)
                return NULL;
        return &mailbox->replica[side];
}

EngineTotals engine_totals(const Engine *engine) {
        EngineTotals totals = {
                .mailboxes = engine->n_unusable,
                .failed = engine->list_failed + engine->n_unusable,
        };

        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                const EngineMailbox mailbox = describe(engine->mailboxes[i]);

                if (mailbox.left_out[0])
                        continue;
                totals.mailboxes++;
                totals.messages += mailbox.messages;
                totals.pending += mailbox.pending;
                totals.held += mailbox.held[SIDE_REMOTE] + mailbox.held[SIDE_LOCAL];
                totals.parked += mailbox.parked;
                totals.deferred += mailbox.deferred;
                totals.alone += mailbox.alone;
                totals.large += mailbox.large;
                totals.old += mailbox.old;
                totals.surplus += mailbox.surplus;
                totals.bytes_left += sync_mailbox_bytes_left(engine->mailboxes[i]);
                totals.failed += mailbox.error[0] != '\0' && !mailbox.deleted[SIDE_REMOTE] &&
                                 !mailbox.deleted[SIDE_LOCAL];
        }
        return totals;
}

EngineDirections engine_directions(const Engine *engine) {
        EngineDirections directions = {{false}};

        for (size_t i = 0; i < engine->n_mailboxes; i++)
                if (!engine->mailboxes[i]->left_out)
                        directions.is_used[engine->mailboxes[i]->direction] = true;
        return directions;
}

const char *engine_error(const Engine *engine) {
        return engine->error ? engine->error : "";
}

/* --- stamps --- */

static bool has_stamp(const ReplicaToken *token) {
        return (token->stamp[2] | token->stamp[3]) != 0;
}

/* May this mailbox's stamp be taken: quiet, in sync, and not remembered yet? */
static bool may_settle(const SyncMailbox *mailbox) {
        return mailbox->engine->replica[SIDE_LOCAL]->gives_numbers && !mailbox->run &&
               !sync_mailbox_is_marked(mailbox) && !mailbox->error && mailbox->exists[SIDE_LOCAL] &&
               mailbox->held[SIDE_LOCAL] == 0 && mailbox->state.token[SIDE_LOCAL].uidnext > 0 &&
               !has_stamp(&mailbox->state.token[SIDE_LOCAL]);
}

bool engine_needs_settling(const Engine *engine) {
        for (size_t i = 0; i < engine->n_mailboxes; i++)
                if (may_settle(engine->mailboxes[i]))
                        return !engine->options.dry_run;
        return false;
}

static int settle_one(Engine *engine, SyncMailbox *mailbox, bool commit, int64_t now) {
        Replica *local = engine->replica[SIDE_LOCAL];
        uint64_t stamp[4];
        int r;

        r = local->ops->stamp(local, &mailbox->replica[SIDE_LOCAL], now * 1000, stamp);
        if (r < 0)
                return 0;
        if (!commit) {
                memcpy(mailbox->held_stamp, stamp, sizeof(stamp));
                mailbox->has_settled = r > 0;
                return r == 0;
        }
        if (!mailbox->has_settled || memcmp(mailbox->held_stamp, stamp, sizeof(stamp)) != 0)
                return 1;

        memcpy(mailbox->state.token[SIDE_LOCAL].stamp, stamp, sizeof(stamp));
        r = engine_begin(engine);
        return r < 0 ? r : sync_mailbox_save(mailbox);
}

int engine_settle(Engine *engine, bool commit, int64_t now) {
        int n_young = 0, r;

        if (engine->options.dry_run)
                return 0;
        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                if (!may_settle(engine->mailboxes[i]))
                        continue;
                r = settle_one(engine, engine->mailboxes[i], commit, now);
                if (r < 0)
                        return engine_fail(engine, r);
                n_young += r;
        }
        r = engine_commit(engine);
        return r < 0 ? engine_fail(engine, r) : n_young;
}
