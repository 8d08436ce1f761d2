/*
 * A run, verifying bytes: every message of the base, as each side has it
 *
 * Both sides are asked for the bodies of some messages, and only their digests are kept: memory does not grow with
 * the mailbox. A message that is not the same on both sides is told of and left alone, since none of the two is
 * known to be the right one.
 */

#include <errno.h>

#include "sync/run-private.h"

#define CHECKED_MAX 64u /* messages asked for at a time */

/* A message whose bytes are being compared. */
struct CheckedMessage {
        uint32_t uid[_SIDE_MAX];
        size_t size[_SIDE_MAX]; /* of its digest; 0: its bytes were not given */
        char digest[_SIDE_MAX][64];
};

static void tell_bytes(SyncRun *run, const CheckedMessage *message) {
        const char *what = "its bytes differ between the two sides";

        if (message->size[SIDE_REMOTE] == 0)
                what = "its bytes are not given by the remote side";
        else if (message->size[SIDE_LOCAL] == 0)
                what = "its bytes are not given by the local side";
        else if (message->size[SIDE_REMOTE] == message->size[SIDE_LOCAL] &&
                 memcmp(message->digest[SIDE_REMOTE], message->digest[SIDE_LOCAL],
                        message->size[SIDE_REMOTE]) == 0)
                return;
        run_tell_difference(run, message->uid[SIDE_REMOTE], what);
}

/* Return: 1 if there are some to ask for, 0 if there are no more, or negative. */
static int next_messages(SyncRun *run) {
        run->n_checked = 0;
        while (run->n_checked < CHECKED_MAX) {
                CheckedMessage *message = &run->checked[run->n_checked];
                BaseMessage base;
                int r;

                r = state_db_next(run->mailbox->engine->db, run->mailbox->state.id,
                                  run->checked_after, &base);
                if (r < 0)
                        return r;
                if (r == STATE_DB_E_NONE)
                        break;
                run->checked_after = base.uid[SIDE_REMOTE];
                *message = (CheckedMessage){
                        {base.uid[SIDE_REMOTE], base.uid[SIDE_LOCAL]}
                };
                run->n_checked++;
        }
        return run->n_checked > 0;
}

static int ask_bodies(SyncRun *run, Side side) {
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
        Replica *replica = run_replica(run, side);
        int r = 0;

        for (size_t i = 0; i < run->n_checked && r >= 0; i++)
                r = uid_set_add(&uids, run->checked[i].uid[side], run->checked[i].uid[side]);
        if (r >= 0)
                r = replica->ops->fetch(replica, &run->mailbox->replica[side], &uids,
                                        REPLICA_WANT_BODY);
        if (r < 0)
                return r;
        run->n_under_way++;
        return 0;
}

int run_verify_digests(SyncRun *run) {
        int r;

        run->phase = RUN_VERIFY;
        if (!run->checked) {
                run->checked = calloc(CHECKED_MAX, sizeof(*run->checked));
                if (!run->checked)
                        return -ENOMEM;
        } else if (run->checked_side == SIDE_REMOTE) {
                run->checked_side = SIDE_LOCAL;
                return ask_bodies(run, SIDE_LOCAL);
        }

        for (size_t i = 0; i < run->n_checked; i++)
                tell_bytes(run, &run->checked[i]);
        r = next_messages(run);
        if (r <= 0)
                return r < 0 ? r : run_close(run);
        run->checked_side = SIDE_REMOTE;
        return ask_bodies(run, SIDE_REMOTE);
}

static void keep_digest(SyncRun *run, Side side, const ReplicaEvent *event, const char value[64],
                        size_t size) {
        for (size_t i = 0; i < run->n_checked && !event->text; i++)
                if (run->checked[i].uid[side] == event->message.uid) {
                        memcpy(run->checked[i].digest[side], value, size);
                        run->checked[i].size[side] = size;
                        return;
                }
}

int run_on_verify_event(SyncRun *run, Side side, const ReplicaEvent *event) {
        const EngineDigest *digest = run->mailbox->engine->options.digest;
        char value[64];

        if (event->type == REPLICA_EVENT_BODY_BEGIN) {
                if (run->digest)
                        (void) digest->end(run->digest, value);
                run->digest = digest->begin();
                return run->digest ? 0 : -ENOMEM;
        }
        if (!run->digest)
                return 0;
        if (event->type == REPLICA_EVENT_BODY_DATA)
                digest->update(run->digest, event->data);
        else if (event->type == REPLICA_EVENT_BODY_END) {
                const size_t size = digest->end(run->digest, value);

                run->digest = NULL;
                keep_digest(run, side, event, value, size);
        }
        return 0;
}
