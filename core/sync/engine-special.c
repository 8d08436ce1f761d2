/*
 * The engine: mailboxes of a special use (RFC 6154), and servers where a mailbox is a label (Gmail)
 *
 * Gmail shows a message in each of its labels, and once more in \All, \Important and \Flagged: these
 * three are left out unless they are asked for by name. An expunge takes a label off and no more, so
 * that what is deleted must be moved to \Trash; but not before its last label goes.
 */

#include <errno.h>

#include "imap/session.h"
#include "sync/engine-private.h"

const char *engine_left_out(const Engine *engine, EngineWish wish, unsigned attributes) {
        if (!engine->replica[SIDE_REMOTE]->has_labels || wish == ENGINE_WANTS_BY_NAME)
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

/* The list under way has a mailbox for deleted messages: whether it is synchronised or not. */
int engine_take_special(Engine *engine, const ReplicaEvent *event) {
        ReplicaMailbox *trash = &engine->trash;
        char *name, *wire;

        if (!(event->attributes & IMAP_LIST_TRASH) || engine->n_listing == 0)
                return 0;
        name = strdup(event->name);
        wire = bytes_dup(event->wire);
        if (!name || !wire) {
                free(name);
                free(wire);
                return -ENOMEM;
        }

        free((char *) trash->name);
        free(trash->wire);
        trash->name = name;
        trash->wire = wire;
        engine->trash_listed = true;
        return 0;
}

/* All mailboxes were listed. */
void engine_end_special(Engine *engine) {
        ReplicaMailbox *trash = &engine->trash;

        if (engine->trash_listed)
                return;
        free((char *) trash->name);
        free(trash->wire);
        trash->name = trash->wire = NULL;
}

static bool wants_trash(const Engine *engine) {
        switch (engine->options.deleted) {
        case DELETED_AUTO:
                return engine->replica[SIDE_REMOTE]->has_labels && engine->trash.name;
        case DELETED_EXPUNGE:
                return false;
        case DELETED_TRASH:
                return true;
        }
        abort();
}

/* Is the message in another mailbox that is kept in sync? Return: 1, 0, or negative. */
static int is_elsewhere(Engine *engine, int64_t mailbox, uint32_t remote_uid) {
        int64_t other = 0;
        int r;

        while ((r = state_db_object_elsewhere(engine->db, mailbox, remote_uid, other, &other)) ==
               0) {
                const SyncMailbox *found = engine_find_id(engine, other);

                if (found && found->exists[SIDE_REMOTE] && found->exists[SIDE_LOCAL] &&
                    !found->left_out)
                        return 1;
        }
        return r < 0 ? r : 0;
}

/*
 * What becomes of a message on the remote side that was deleted on the local one. Return: 0 to expunge
 * it, RUN_E_TRASH, RUN_E_NO_TRASH if that cannot be done and has been said, or negative.
 */
int run_discard(SyncRun *run, uint32_t remote_uid) {
        SyncMailbox *mailbox = run->mailbox;
        Engine *engine = mailbox->engine;
        int r;

        if (!wants_trash(engine))
                return 0;
        if (!engine->trash.name) {
                run_refuse(run, "the server has no mailbox for deleted messages (\\Trash), so what "
                                "was deleted here stays there");
                return RUN_E_NO_TRASH;
        }
        if (strcmp(engine->trash.name, mailbox->state.name) == 0)
                return 0;
        if (!engine->replica[SIDE_REMOTE]->has_labels)
                return RUN_E_TRASH;

        r = is_elsewhere(engine, mailbox->state.id, remote_uid);
        return r < 0 ? r : r > 0 ? 0 : RUN_E_TRASH;
}

/* Something was moved there: it is new in it. */
void engine_mark_trash(Engine *engine) {
        SyncMailbox *trash = engine->trash.name ? engine_lookup(engine, engine->trash.name) : NULL;

        if (trash)
                sync_mailbox_mark(trash, SIDE_REMOTE);
}
