/* The engine: what may have changed, and is to be looked at. */

#include <errno.h>

#include "sync/run-private.h"

int engine_list(Engine *engine) {
        engine->only_looks = false;
        engine->wants_list = true;
        return 0;
}

int engine_mark(Engine *engine, const char *name, Side side, char **names) {
        SyncMailbox *mailbox = engine_lookup(engine, name);

        if (!mailbox || !mailbox->exists[side])
                engine->wants_list = true;
        if (!mailbox)
                return 0;

        if (side == SIDE_LOCAL) {
                if (names)
                        sync_mailbox_add_names(mailbox, names);
                else
                        mailbox->all_names = true;
        }
        sync_mailbox_mark(mailbox, side);
        return 0;
}

/*
 * Will a list tell whether something has changed? Not of what nobody tells, nor where an earlier look failed or
 * holds something, nor where STATUS is known to be wrong.
 */
static bool is_told(const SyncMailbox *mailbox) {
        for (Side side = 0; side < _SIDE_MAX; side++)
                if (mailbox->held[side] > 0 || mailbox->seen[side].is_awaited ||
                    mailbox->seen[side].has_excuse || sync_mailbox_scans_flags(mailbox, side))
                        return false;
        return !mailbox->error;
}

void engine_look_at_all(Engine *engine) {
        engine->only_looks |= !engine->wants_list;
        engine->wants_list = true;
        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                SyncMailbox *mailbox = engine->mailboxes[i];

                if (is_told(mailbox))
                        continue;
                mailbox->all_names = true;
                for (Side side = 0; side < _SIDE_MAX; side++)
                        sync_mailbox_mark(mailbox, side);
        }
}

int engine_verify(Engine *engine, const char *name) {
        SyncMailbox *mailbox = engine_lookup(engine, name);

        if (!mailbox)
                return STATE_DB_E_NONE;
        /* Whether it is there is known when the mailboxes were listed, and the wish is kept until then: to forget it
         * would be to say that both sides agree. */
        mailbox->all_names = true;
        sync_mailbox_mark(mailbox, SIDE_REMOTE);
        sync_mailbox_mark(mailbox, SIDE_LOCAL);
        if (!mailbox->wants_verify)
                engine->n_verifying++;
        mailbox->wants_verify = true;
        return 0;
}

int engine_verify_digests(Engine *engine, const char *name) {
        SyncMailbox *mailbox = engine_lookup(engine, name);
        int r = engine_verify(engine, name);

        if (r == 0)
                mailbox->wants_digests = true;
        return r;
}

int engine_inspect(Engine *engine, const char *name, uint32_t uid) {
        SyncMailbox *mailbox = engine_lookup(engine, name);

        if (!mailbox || !mailbox->exists[SIDE_REMOTE] || !mailbox->exists[SIDE_LOCAL] ||
            mailbox->left_out)
                return STATE_DB_E_NONE;
        if (mailbox->inspects > 0 || (mailbox->run && mailbox->run->inspects > 0))
                return -EBUSY;
        mailbox->inspects = uid;
        engine->n_verifying++;
        engine_forget_turns(engine);
        return 0;
}

void engine_retry(Engine *engine) {
        engine->wants_list |= engine->list_failed;
        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                SyncMailbox *mailbox = engine->mailboxes[i];

                if (mailbox->error && !mailbox->run && mailbox->exists[SIDE_REMOTE] &&
                    mailbox->exists[SIDE_LOCAL]) {
                        mailbox->all_names = true;
                        sync_mailbox_mark(mailbox, SIDE_REMOTE);
                        sync_mailbox_mark(mailbox, SIDE_LOCAL);
                }
        }
}

void engine_hold(Engine *engine, bool hold) {
        engine->hold = hold;
}

int engine_confirm(Engine *engine, const char *name) {
        SyncMailbox *mailbox = engine_lookup(engine, name);
        bool any = false;

        for (Side side = 0; mailbox && side < _SIDE_MAX; side++)
                if (mailbox->held[side] > 0) {
                        mailbox->confirmed[side] = true;
                        mailbox->all_names = true;
                        sync_mailbox_mark(mailbox, side);
                        any = true;
                }
        if (mailbox && (mailbox->is_deleted[SIDE_REMOTE] || mailbox->is_deleted[SIDE_LOCAL])) {
                mailbox->is_removal_confirmed = true;
                engine->wants_list = any = true;
        }
        return any ? 0 : STATE_DB_E_NONE;
}
