/*
 * The engine: a mailbox that is to be deleted, and one that is forgotten
 *
 * Before a mailbox is deleted on a side, that side is asked what is in it: a message that the base does
 * not have is nowhere else, and keeps it. That it is to be deleted is committed first, so that a crash
 * in the middle does not leave half a mailbox to be confirmed again.
 */

#include <errno.h>
#include <stdio.h>

#include "sync/engine-private.h"

int engine_forget_mailbox(SyncMailbox *mailbox) {
        Engine *engine = mailbox->engine;
        int r;

        r = engine_begin(engine);
        if (r >= 0)
                r = state_db_forget_mailbox(engine->db, mailbox->state.id);
        if (r >= 0)
                r = engine_commit(engine);
        if (r < 0)
                return r;
        engine_drop_mailbox(engine, mailbox);
        return 0;
}

int engine_start_removal(SyncMailbox *mailbox, Side side) {
        Engine *engine = mailbox->engine;
        Replica *replica = engine->replica[side];
        const UidSet nothing = UID_SET_NULL;
        int r;

        if (engine->options.dry_run) {
                engine_note_text(engine, ENGINE_NOTE_WOULD, mailbox, "delete the %s mailbox",
                                 side_name(side));
                return 0;
        }

        mailbox->is_removing = true;
        mailbox->has_news = mailbox->state.parked[side] > 0;
        free(mailbox->removal_error);
        mailbox->removal_error = NULL;
        mailbox->replica[SIDE_LOCAL].has_names = false;
        r = sync_mailbox_load_keywords(mailbox);
        if (r >= 0)
                r = engine_begin(engine); /* a Maildir numbers the files that it meets */
        if (r >= 0)
                r = replica->ops->changes(replica, &mailbox->replica[side],
                                          &mailbox->state.token[side], &nothing,
                                          REPLICA_WANT_FLAGS);
        if (r < 0)
                return r;
        engine->n_listing++;
        return 0;
}

static int on_message(SyncMailbox *mailbox, Side side, uint32_t uid) {
        BaseMessage message;
        int r;

        r = state_db_find(mailbox->engine->db, mailbox->state.id, side, uid, &message);
        mailbox->has_news |= r == STATE_DB_E_NONE;
        return MIN(r, 0);
}

static int on_looked(SyncMailbox *mailbox, Side side, const ReplicaEvent *event) {
        Replica *replica = mailbox->engine->replica[side];

        /* the process ended in the middle of the removal: go on with it */
        const bool is_half_removed = mailbox->state.life.removing == 1 + (unsigned) side &&
                                     event->outcome == REPLICA_NO_MAILBOX;

        if (event->outcome != REPLICA_OK && !is_half_removed) {
                mailbox->removal_error = strdup(event->text ? event->text : "no reason given");
                if (!mailbox->removal_error)
                        return -ENOMEM;
        }
        mailbox->has_news |= event->exists > mailbox->state.messages;
        return replica->ops->close(replica, &mailbox->replica[side]);
}

static void keep(SyncMailbox *mailbox, Side side, const char *why) {
        char text[512];

        (void) snprintf(text, sizeof(text),
                        "the mailbox is gone on the %s side, but is kept on the %s side: %.300s",
                        side_name(side_other(side)), side_name(side), why);
        mailbox->is_removing = mailbox->is_removal_confirmed = false;
        sync_mailbox_set_missing(mailbox, ENGINE_NOTE_FAILED, text);
}

static int save_removing(SyncMailbox *mailbox, unsigned removing) {
        Engine *engine = mailbox->engine;
        int r;

        mailbox->state.life.removing = removing;
        r = engine_begin(engine);
        if (r >= 0)
                r = state_db_save_life(engine->db, mailbox->state.id, &mailbox->state.life);
        return r < 0 ? r : engine_commit(engine);
}

static const char news_text[] =
        "it holds messages that were never on the other side; move them elsewhere, or make the "
        "mailbox there again";

/* It was looked at. */
static int on_closed(SyncMailbox *mailbox, Side side) {
        Engine *engine = mailbox->engine;
        Replica *replica = engine->replica[side];
        int r;

        if (mailbox->has_news || mailbox->removal_error) {
                engine->n_listing--;
                keep(mailbox, side, mailbox->has_news ? news_text : mailbox->removal_error);
                r = save_removing(mailbox, 0);
                return r < 0 ? r : engine_compare_next(engine);
        }
        r = save_removing(mailbox, 1 + (unsigned) side);
        return r < 0 ? r : replica->ops->remove(replica, &mailbox->replica[side]);
}

static int on_removed(SyncMailbox *mailbox, Side side, const ReplicaEvent *event) {
        Engine *engine = mailbox->engine;
        int r;

        engine->n_listing--;
        if (event->outcome != REPLICA_OK && event->outcome != REPLICA_NO_MAILBOX) {
                keep(mailbox, side, event->text ? event->text : "no reason given");
                /* what has failed in the middle goes on with the next list */
                r = event->outcome == REPLICA_FAILED ? 0 : save_removing(mailbox, 0);
                return r < 0 ? r : engine_compare_next(engine);
        }

        engine_note(engine, &(EngineNote){
                                    .type = ENGINE_NOTE_REMOVED,
                                    .mailbox = mailbox->state.name,
                                    .side = side,
                            });
        r = engine_forget_mailbox(mailbox);
        return r < 0 ? r : engine_compare_next(engine);
}

int engine_on_removal(Engine *engine, Side side, const ReplicaEvent *event) {
        SyncMailbox *mailbox = event->mailbox->owner;

        (void) engine;
        if (event->type == REPLICA_EVENT_OPENED) {
                const uint32_t known = mailbox->state.token[side].uidvalidity;

                mailbox->has_news |= known > 0 && known != event->token.uidvalidity;
                return 0;
        }
        if (event->type == REPLICA_EVENT_MESSAGE)
                return on_message(mailbox, side, event->message.uid);
        if (event->type != REPLICA_EVENT_DONE)
                return 0;

        if (event->request == REPLICA_CHANGES)
                return on_looked(mailbox, side, event);
        if (event->request == REPLICA_CLOSE)
                return on_closed(mailbox, side);
        return event->request == REPLICA_REMOVE ? on_removed(mailbox, side, event) : 0;
}
