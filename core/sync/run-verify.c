/*
 * A run, verifying: both sides listed whole and held against the base
 *
 * Nothing is changed; each difference is told. A mailbox that has any is compared whole once more by its
 * next run, which brings it in sync: what a delta of a server or of inotify has once missed, no later
 * delta would show.
 */

#include <errno.h>
#include <stdio.h>

#include "sync/run-private.h"

#define VERIFY_MAX_UIDS 1000u /* of unknown messages, looked at a time */

void run_tell_difference(SyncRun *run, uint32_t remote_uid, const char *what) {
        run->n_differences++;
        engine_note(run->mailbox->engine, &(EngineNote){
                                                  .type = ENGINE_NOTE_DIFFERENCE,
                                                  .mailbox = run->mailbox->state.name,
                                                  .text = what,
                                                  .uid = remote_uid,
                                          });
}

/* "the remote side has set \Seen" and the like: what was done there since both agreed. */
static int describe_flags(const SyncRun *run, Side side, const ChangedMessage *message,
                          Buffer *out) {
        const Keywords *keywords = &run->mailbox->keywords;
        const MessageFlags base = base_flags(&message->base, side), now = message->flags[side];
        const MessageFlags changed[] = {now & ~base, base & ~now};
        static const char *const verbs[] = {"set", "cleared"};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(changed); i++) {
                if (!changed[i])
                        continue;
                r = buffer_append_format(out, "%sthe %s side has %s ", out->size > 0 ? "; " : "",
                                         side_name(side), verbs[i]);
                if (r >= 0)
                        r = flags_format(changed[i], keywords, out);
        }
        return r;
}

static int tell_changed(SyncRun *run, const ChangedMessage *message) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        int r = 0;

        for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++) {
                if (message->gone[side])
                        r = buffer_append_format(&out, "%sit is gone on the %s side",
                                                 out.size > 0 ? "; " : "", side_name(side));
                else if (message->has[side])
                        r = describe_flags(run, side, message, &out);
        }
        if (r >= 0 && out.size == 0)
                return 0;
        if (r >= 0)
                r = buffer_append(&out, "", 1);
        if (r >= 0)
                run_tell_difference(run, message->base.uid[SIDE_REMOTE], out.data);
        return r;
}

/* What the base has, and a side sees otherwise. */
static int tell_all_changed(SyncRun *run) {
        SyncMailbox *mailbox = run->mailbox;
        ChangedMessage message;
        uint32_t after = 0;
        int r;

        for (;;) {
                r = state_db_change_next(mailbox->engine->db, mailbox->state.id, after, &message);
                if (r != 0)
                        return r < 0 ? r : 0;
                after = message.base.uid[SIDE_REMOTE];
                r = tell_changed(run, &message);
                if (r < 0)
                        return r;
        }
}

/* What a side has, and the base does not know. */
static int tell_all_unknown(SyncRun *run, Side side) {
        const char *what = side == SIDE_REMOTE ? "it is only on the remote side"
                                               : "a message is only on the local side";
        SyncMailbox *mailbox = run->mailbox;
        uint32_t after = 0;

        for (;;) {
                _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
                int r;

                r = state_db_unknown_uids(mailbox->engine->db, mailbox->state.id, side, after,
                                          VERIFY_MAX_UIDS, &uids);
                if (r < 0 || uid_set_is_empty(&uids))
                        return r;
                after = uids.ranges[uids.n_ranges - 1].last;
                for (size_t i = 0; i < uids.n_ranges; i++)
                        for (uint64_t uid = uids.ranges[i].first; uid <= uids.ranges[i].last; uid++)
                                run_tell_difference(run, side == SIDE_REMOTE ? (uint32_t) uid : 0,
                                                    what);
        }
}

/* Both sides are listed. What they have numbered anew cannot be compared by numbers. */
int run_verify(SyncRun *run) {
        int r = 0;

        for (Side side = 0; side < _SIDE_MAX; side++)
                if (run->discard[side])
                        run_tell_difference(
                                run, 0,
                                side == SIDE_REMOTE
                                        ? "the remote side has numbered its messages anew"
                                        : "the local side has numbered its messages anew");
        if (run->n_differences == 0) {
                r = tell_all_changed(run);
                for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++)
                        r = tell_all_unknown(run, side);
        }
        if (r < 0)
                return r;

        run->mailbox->wants_compare |= run->n_differences > 0;
        return run->verifies_bytes && !run->failed ? run_verify_digests(run) : run_close(run);
}
