/*
 * The engine: mailboxes of a special use (RFC 6154), and servers where a mailbox is a label (Gmail)
 *
 * Gmail shows a message in each of its labels, and once more in \All, \Important and \Flagged: these
 * three are left out unless they are asked for by name. An expunge takes a label off and no more, so
 * that what is deleted must be moved to \Trash; but not before its last label goes.
 */

#include <errno.h>

#include "imap/session.h"
#include "sync/run-private.h"

const char *engine_left_out(const Engine *engine, Side side, EngineWish wish, unsigned attributes) {
        if (!engine->replica[side]->has_labels || wish == ENGINE_WANTS_BY_NAME)
                return NULL;
        if (attributes & IMAP_LIST_ALL)
                return "left out: it shows every message a second time; name it in “mailboxes” to "
                       "have it";
        if (attributes & IMAP_LIST_IMPORTANT)
                return "left out: what Gmail deems important is in other mailboxes too; name it in "
                       "“mailboxes” to have it";
        if (attributes & IMAP_LIST_FLAGGED)
                return "left out: starred messages are flagged in other mailboxes too; name it in "
                       "“mailboxes” to have it";
        return NULL;
}

void engine_forget_trash(Engine *engine, Side side) {
        ReplicaMailbox *trash = &engine->trash[side];

        free((char *) trash->name);
        free(trash->wire);
        trash->name = trash->wire = NULL;
}

/* The list under way has a mailbox for deleted messages: whether it is synchronised or not. */
int engine_take_special(Engine *engine, Side side, const ReplicaEvent *event) {
        char *name, *wire;

        if (!(event->attributes & IMAP_LIST_TRASH))
                return 0;
        name = strdup(event->name);
        wire = bytes_dup(event->wire);
        if (!name || !wire) {
                free(name);
                free(wire);
                return -ENOMEM;
        }

        engine_forget_trash(engine, side);
        engine->trash[side].name = name;
        engine->trash[side].wire = wire;
        engine->trash_listed[side] = true;
        return 0;
}

/* All mailboxes were listed. */
void engine_end_special(Engine *engine) {
        for (Side side = 0; side < _SIDE_MAX; side++)
                if (!engine->trash_listed[side])
                        engine_forget_trash(engine, side);
}

/* May a label's last message be looked for? Which message it is, an APPEND does not tell: on the local
 * side that must be known from the remote one. */
static bool has_last_labels(const Engine *engine, Side side) {
        return engine->replica[SIDE_REMOTE]->has_labels && engine->replica[side]->has_labels &&
               engine->trash[side].name;
}

/* What a person asks for is of the remote side. */
static bool wants_trash(const Engine *engine, Side side) {
        switch (engine->options.deleted) {
        case DELETED_AUTO:
                return has_last_labels(engine, side);
        case DELETED_EXPUNGE:
                return false;
        case DELETED_TRASH:
                return side == SIDE_REMOTE || has_last_labels(engine, side);
        }
        abort();
}

int run_note_objects(SyncRun *run, const BaseMessage *message) {
        const Engine *engine = run->mailbox->engine;
        const int64_t mailbox = run->mailbox->state.id;
        int r;

        r = state_db_object_note(engine->db, mailbox, SIDE_REMOTE, message);
        if (r < 0 || !engine->replica[SIDE_LOCAL]->has_labels)
                return r;
        return state_db_object_note(engine->db, mailbox, SIDE_LOCAL, message);
}

/* Is the message in another mailbox that is kept in sync? Return: 1, 0, or negative. */
static int is_elsewhere(Engine *engine, Side side, int64_t mailbox, uint32_t remote_uid) {
        int64_t other = 0;
        int r;

        while ((r = state_db_object_elsewhere(engine->db, mailbox, remote_uid, side_other(side),
                                              other, &other)) == 0) {
                const SyncMailbox *found = engine_find_id(engine, other);

                if (found && found->exists[SIDE_REMOTE] && found->exists[SIDE_LOCAL] &&
                    !found->left_out)
                        return 1;
        }
        return r < 0 ? r : 0;
}

int run_discard(SyncRun *run, Side side, uint32_t remote_uid) {
        SyncMailbox *mailbox = run->mailbox;
        Engine *engine = mailbox->engine;
        int r;

        if (!wants_trash(engine, side))
                return 0;
        if (!engine->trash[side].name) {
                run_refuse(run, "the server has no mailbox for deleted messages (\\Trash), so what "
                                "was deleted here stays there");
                return RUN_E_NO_TRASH;
        }
        if (strcmp(engine->trash[side].name, mailbox->state.name) == 0)
                return 0;
        if (!engine->replica[side]->has_labels)
                return RUN_E_TRASH;

        r = is_elsewhere(engine, side, mailbox->state.id, remote_uid);
        return r < 0 ? r : r > 0 ? 0 : RUN_E_TRASH;
}

/* Something was moved there: it is new in it. */
void engine_mark_trash(Engine *engine, Side side) {
        const char *name = engine->trash[side].name;
        SyncMailbox *trash = name ? engine_lookup(engine, name) : NULL;

        if (trash)
                sync_mailbox_mark(trash, side);
}
