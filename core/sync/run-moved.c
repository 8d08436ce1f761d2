/*
 * A run, moves that end without a word
 *
 * The answer to a move may be lost, and some servers do not say under which UID a message is to be found
 * now. Then pairing finds it, on both sides, and the base of it is in the mailbox that it left. So the
 * base is written down where the message goes to, before it does, under the only UID there that is known
 * by then: without it a flag that was taken off would be there again.
 */

#include "sync/run-private.h"

static int write_down(const SyncRun *run, SyncRun *target, const MovedMessage *moved) {
        const int64_t mailbox = target->mailbox->state.id;
        MessageFlags flags;
        int r;

        r = flags_translate(moved->base.flags, &run->mailbox->keywords, &target->mailbox->keywords,
                            &flags);
        return r < 0 ? r
                     : state_db_moved_add(run->mailbox->engine->db, mailbox, run->moved_side,
                                          moved->uid, flags);
}

/* All that are to be asked for next. */
int run_write_down_moves(SyncRun *run, SyncRun *target) {
        int r;

        target->awaits_moved = true;
        r = engine_begin(run->mailbox->engine);
        for (size_t i = 0; r >= 0 && i < run->n_moved; i++)
                r = write_down(run, target, &run->moved[i]);
        if (r >= 0) /* keywords may be new there */
                r = sync_mailbox_save(target->mailbox);
        return r < 0 ? r : engine_commit(run->mailbox->engine);
}

/* The base of two messages that were found to be the same, if one was moved here. Return: 0,
 * STATE_DB_E_NONE, or negative. */
int run_find_moved(SyncRun *run, const BaseMessage *pair, MessageFlags *ret_flags) {
        int r = STATE_DB_E_NONE;

        for (Side side = 0; run->awaits_moved && r > 0 && side < _SIDE_MAX; side++)
                r = state_db_moved_find(run->mailbox->engine->db, run->mailbox->state.id, side,
                                        pair->uid[side], ret_flags);
        return r;
}

/* It has a row of its own by now. */
int run_forget_moved(SyncRun *run, const BaseMessage *message) {
        int r = 0;

        for (Side side = 0; run->awaits_moved && r >= 0 && side < _SIDE_MAX; side++)
                r = state_db_moved_remove(run->mailbox->engine->db, run->mailbox->state.id, side,
                                          message->uid[side]);
        return r;
}

/* Both sides have said all that they have: what was not found is not here. */
int run_conclude_moved(SyncRun *run) {
        if (!run->awaits_moved || !run->asked[SIDE_REMOTE] || !run->asked[SIDE_LOCAL])
                return 0;
        run->awaits_moved = false;
        return state_db_moved_remove_all(run->mailbox->engine->db, run->mailbox->state.id);
}
