/*
 * A run, pairing: the one safety net
 *
 * Where both sides hold messages that the base does not know, they may be the same ones: a first sync
 * onto an existing Maildir, a lost database, a changed UIDVALIDITY, a crash between an APPEND and its
 * OK. So before anything is transferred, ask what they are, and pair what is surely the same: by
 * Message-ID and size, then the date, and where that still leaves a doubt, by their bytes. Never guess.
 */

#include <errno.h>

#include "sync/run-private.h"

static int ask_identity(SyncRun *run, Side side, const UidSet *uids) {
        Replica *replica = run->mailbox->engine->replica[side];
        int r;

        r = replica->ops->fetch(replica, &run->mailbox->replica[side], uids, REPLICA_WANT_IDENTITY);
        if (r < 0)
                return r;
        run->n_under_way++;
        return 0;
}

/* Return: 1 if identities of this side are still to come, 0 if all are known, or negative. */
int run_identify_side(SyncRun *run, Side side) {
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
        int r;

        r = state_db_unidentified(run->mailbox->engine->db, run->mailbox->state.id, side,
                                  run->identified[side], RUN_MAX_IDENTIFY, &uids);
        if (r < 0)
                return r;
        if (uid_set_is_empty(&uids))
                return 0;

        run->identified[side] = uids.ranges[uids.n_ranges - 1].last;
        r = ask_identity(run, side, &uids);
        return r < 0 ? r : 1;
}

/* The base that two messages found to be the same begin with, put into @pair. */
static int found_base(SyncRun *run, BaseMessage *pair, const MessageFlags flags[_SIDE_MAX]) {
        SyncMailbox *mailbox = run->mailbox;
        StateDb *db = mailbox->engine->db;
        bool was_in_sync = false;
        int r;

        for (Side side = 0; side < _SIDE_MAX; side++) {
                BaseMessage old;

                r = state_db_find(db, mailbox->state.id, side, pair->uid[side], &old);
                if (r > 0)
                        continue;
                if (r == 0) /* and has another UID on the other side now */
                        r = state_db_remove(db, mailbox->state.id, old.uid[SIDE_REMOTE]);
                if (r < 0)
                        return r;
                pair->apart = was_in_sync ? 0 : old.apart;
                pair->flags = was_in_sync ? pair->flags & old.flags : old.flags;
                was_in_sync = true;
                mailbox->state.messages--;
        }
        if (was_in_sync)
                return 0;
        r = run_find_moved(run, pair, &pair->flags);
        if (r <= 0)
                return r;

        /* What both have is the base; what only one has is then a change of that side. */
        pair->flags = flags[SIDE_REMOTE] & flags[SIDE_LOCAL];
        for (Side side = 0; side < _SIDE_MAX; side++)
                pair->flags |= flags[side] & ~run->storable[side_other(side)];
        return 0;
}

/* A pair becomes a row of the base; what either side has set, the other gets. */
static int commit_pair(SyncRun *run, const BaseMessage *pair, const MessageFlags flags[_SIDE_MAX]) {
        SyncMailbox *mailbox = run->mailbox;
        Replica *local = mailbox->engine->replica[SIDE_LOCAL];
        StateDb *db = mailbox->engine->db;
        BaseMessage message = *pair;
        int r;

        r = found_base(run, &message, flags);
        if (r >= 0)
                r = state_db_add(db, mailbox->state.id, &message);
        if (r >= 0 && mailbox->state.is_dated)
                r = state_db_note_date(db, mailbox->state.id, &message);
        if (r >= 0)
                r = run_note_objects(run, &message);
        if (r >= 0)
                r = local->ops->noted(local, &mailbox->replica[SIDE_LOCAL], pair->uid[SIDE_LOCAL]);
        if (r >= 0)
                r = run_forget_intents(run, pair);
        if (r >= 0)
                r = run_forget_moved(run, pair);
        for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++) {
                r = state_db_unknown_remove(db, mailbox->state.id, side, pair->uid[side]);
                if (r >= 0)
                        r = run_on_known(run, side, &message, flags[side]);
        }
        if (r < 0)
                return r;

        mailbox->state.messages++;
        run->counts.paired++;
        return 0;
}

/* All pairs that the rung allows. What was paired is kept, come what may. */
static int pair_rung(SyncRun *run, PairRung rung) {
        SyncMailbox *mailbox = run->mailbox;
        uint32_t after = 0;
        int r;

        for (;;) {
                MessageFlags flags[_SIDE_MAX];
                BaseMessage pair;

                r = state_db_pair_next(mailbox->engine->db, mailbox->state.id, rung, after, &pair,
                                       flags);
                if (r < 0)
                        return r;
                if (r == STATE_DB_E_NONE)
                        break;
                after = pair.uid[SIDE_REMOTE];

                r = engine_begin(mailbox->engine);
                if (r >= 0)
                        r = commit_pair(run, &pair, flags);
                if (r < 0)
                        return r;
        }
        if (after == 0)
                return 0;

        run_note_numbering(run);
        r = sync_mailbox_save(mailbox);
        return r < 0 ? r : engine_commit(mailbox->engine);
}

/* What has found no counterpart is new, or gone. */
static int conclude_pairing(SyncRun *run) {
        int r;

        r = state_db_unknown_remove_known(run->mailbox->engine->db, run->mailbox->state.id);
        return r < 0 ? r : run_meet(run);
}

/* An answer without the bytes that were asked for. Unless the message is gone, ask once more. */
static int on_untold_digest(SyncRun *run) {
        const SyncMailbox *mailbox = run->mailbox;
        unsigned n;
        int r;

        run->awaits_digest = false;
        r = state_db_unknown_try(mailbox->engine->db, mailbox->state.id, run->digest_side,
                                 run->digest_uid, &n);
        if (r != 0)
                return r < 0 ? r : 0;
        if (n > 1)
                return run_park(run, run->digest_side, run->digest_uid,
                                "its bytes are not given, and it may be on the other side already");
        run->digest_uid--;
        return 0;
}

/* What an earlier run sent, and nobody named, is new on both sides. It goes first: a message of the base that has
 * lost its other half, and looks the same, would take it away, and the copy would come back as another one. */
static int pair_by_digest(SyncRun *run) {
        int r = run->intents ? pair_rung(run, PAIR_DIGEST_NEW) : 0;

        return r < 0 ? r : pair_rung(run, PAIR_DIGEST);
}

/* The next message whose bytes must be looked at: all doubtful ones of one side, then of the other. */
int run_digest(SyncRun *run) {
        SyncMailbox *mailbox = run->mailbox;
        int r;

        run->phase = RUN_DIGEST;
        r = run->awaits_digest ? on_untold_digest(run) : 0;
        if (r < 0)
                return r;
        for (; run->digest_side < _SIDE_MAX; run->digest_side++, run->digest_uid = 0) {
                _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
                Replica *replica = mailbox->engine->replica[run->digest_side];

                r = state_db_doubtful_next(mailbox->engine->db, mailbox->state.id, run->digest_side,
                                           run->digest_uid, &run->digest_uid);
                if (r < 0)
                        return r;
                if (r == STATE_DB_E_NONE)
                        continue;

                r = uid_set_add(&uids, run->digest_uid, run->digest_uid);
                if (r >= 0)
                        r = replica->ops->fetch(replica, &mailbox->replica[run->digest_side], &uids,
                                                REPLICA_WANT_BODY);
                if (r < 0)
                        return r;
                run->n_under_way++;
                run->awaits_digest = true;
                return 0;
        }

        r = pair_by_digest(run);
        return r < 0 ? r : conclude_pairing(run);
}

/* Its bytes are not to be had. To take it for new might double it: ask for it again. */
static int on_no_digest(SyncRun *run, Side side, const ReplicaEvent *event) {
        if (event->message.uid > 0)
                run->digest_uid = event->message.uid - 1;
        return run_on_no_body(run, side, event);
}

int run_on_digest_event(SyncRun *run, Side side, const ReplicaEvent *event) {
        const EngineDigest *digest = run->mailbox->engine->options.digest;
        char value[64];
        size_t size;

        switch (event->type) {
        case REPLICA_EVENT_BODY_BEGIN:
                if (run->digest)
                        (void) digest->end(run->digest, value);
                run->digest = digest->begin();
                return run->digest ? 0 : -ENOMEM;
        case REPLICA_EVENT_BODY_DATA:
                if (run->digest)
                        digest->update(run->digest, event->data);
                return 0;
        case REPLICA_EVENT_BODY_END:
                if (!run->digest)
                        return 0;
                size = digest->end(run->digest, value);
                run->digest = NULL;
                run->awaits_digest &= event->message.uid != run->digest_uid;
                if (event->text || event->message.uid == 0)
                        return on_no_digest(run, side, event);
                return state_db_unknown_set_digest(run->mailbox->engine->db, run->mailbox->state.id,
                                                   side, event->message.uid,
                                                   (ByteView){value, size});
        case REPLICA_EVENT_MAILBOX:
        case REPLICA_EVENT_STATUS:
        case REPLICA_EVENT_OVERFLOW:
        case REPLICA_EVENT_ALERT:
        case REPLICA_EVENT_OPENED:
        case REPLICA_EVENT_MESSAGE:
        case REPLICA_EVENT_VANISHED:
        case REPLICA_EVENT_APPENDED:
        case REPLICA_EVENT_MOVED:
        case REPLICA_EVENT_FOUND:
        case REPLICA_EVENT_DONE:
                return 0;
        }
        abort();
}

/* Where sizes are not known, the same Message-ID may be another version: the date must say more. */
static int pair_identified(SyncRun *run) {
        int r;

        if (run->sizeless)
                r = state_db_unknown_forget_sizes(run->mailbox->engine->db, run->mailbox->state.id);
        else
                r = pair_rung(run, PAIR_MESSAGE_ID);
        return r < 0 ? r : pair_rung(run, PAIR_DATE);
}

/* What nobody has told of, though it was asked for, is asked for again: once. Return: how many
 * answers are to come, or negative. */
static int ask_identities(SyncRun *run) {
        int n_asked = 0;

        for (;;) {
                for (Side side = 0; side < _SIDE_MAX; side++) {
                        int r = run_identify_side(run, side);

                        if (r < 0)
                                return r;
                        n_asked += r;
                }
                if (n_asked > 0 || run->asked_identity)
                        return n_asked;
                run->asked_identity = true;
                run->identified[SIDE_REMOTE] = run->identified[SIDE_LOCAL] = 0;
        }
}

int run_identify(SyncRun *run) {
        uint64_t n_unknown[_SIDE_MAX];
        int r;

        run->phase = RUN_IDENTIFY;
        for (Side side = 0; side < _SIDE_MAX; side++) {
                r = state_db_unknown_count(run->mailbox->engine->db, run->mailbox->state.id, side,
                                           &n_unknown[side]);
                if (r < 0)
                        return r;
        }
        if (n_unknown[SIDE_REMOTE] == 0 || n_unknown[SIDE_LOCAL] == 0)
                return conclude_pairing(run);

        r = ask_identities(run);
        if (r != 0)
                return r < 0 ? r : 0;
        r = pair_identified(run);
        if (r < 0)
                return r;
        return run->mailbox->engine->options.digest ? run_digest(run) : conclude_pairing(run);
}
