/*
 * The engine: which mailboxes there are, on which side, and how they stand.
 *
 * Both sides are listed; then a mailbox that one side lacks is made there, if it was never in sync. One
 * that was in sync and is gone from a side is a deletion, and so a claim: it is held, with a
 * sentence, and nothing of it is touched.
 */

#include <errno.h>
#include <stdio.h>

#include "imap/session.h"
#include "sync/engine-private.h"

static int take_wire(SyncMailbox *mailbox, ByteView wire) {
        char *copy;

        if (mailbox->state.wire && bytes_equal(bytes_of(mailbox->state.wire), wire))
                return 0;
        copy = bytes_dup(wire);
        if (!copy)
                return -ENOMEM;
        free(mailbox->state.wire);
        mailbox->state.wire = copy;
        mailbox->replica[SIDE_REMOTE].wire = copy;
        mailbox->engine->wires_are_sorted = false;
        return 0;
}

/* A mailbox that no list has shown before gets its row when both sides have it. */
static int add_unsaved(Engine *engine, const char *name, SyncMailbox **ret_mailbox) {
        MailboxState state = {.name = strdup(name)};
        int r;

        if (!state.name)
                return -ENOMEM;
        r = engine_add_mailbox(engine, &state, ret_mailbox);
        if (r < 0)
                mailbox_state_done(&state);
        return r;
}

static int on_mailbox(Engine *engine, Side side, const ReplicaEvent *event) {
        SyncMailbox *mailbox;
        EngineWish wish;
        int r;

        if (event->unasked && engine->n_listing == 0)
                return engine_list(engine); /* NOTIFY: made, renamed or gone; the list will tell */
        if (side == SIDE_REMOTE && event->delimiter)
                engine->delimiter = event->delimiter;
        if (!event->name) {
                engine_note_text(engine, ENGINE_NOTE_NOTICE, NULL, "%s",
                                 event->text ? event->text : "a mailbox cannot be used");
                return 0;
        }
        if (event->attributes & (IMAP_LIST_NOSELECT | IMAP_LIST_NONEXISTENT))
                return engine->n_listing > 0 ? 0 : engine_list(engine);
        r = side == SIDE_REMOTE ? engine_take_special(engine, event) : 0;
        if (r < 0)
                return r;
        wish = engine->options.wants(event->name, engine->options.userdata);
        if (wish == ENGINE_WANTS_NOT)
                return 0;

        mailbox = engine_lookup(engine, event->name);
        if (engine->n_listing == 0) /* a poll that lists: is there one that we do not know? */
                return mailbox && mailbox->exists[side] ? 0 : engine_list(engine);
        if (!mailbox) {
                r = add_unsaved(engine, event->name, &mailbox);
                if (r < 0)
                        return r;
        }
        mailbox->listed[side] = true;
        if (side == SIDE_REMOTE)
                mailbox->left_out = engine_left_out(engine, wish, event->attributes);
        return side == SIDE_REMOTE && event->wire.size > 0 ? take_wire(mailbox, event->wire) : 0;
}

/*
 * Dovecot 2.3 has the names of NOTIFY's STATUS in UTF-8, where modified UTF-7 is due: what is no name
 * on the wire may be one of ours with the server's delimiter.
 */
static SyncMailbox *find_utf8(Engine *engine, ByteView wire) {
        _cleanup_free_ char *name = bytes_dup(wire);

        for (char *c = name; c && *c; c++)
                if (*c == engine->delimiter)
                        *c = '/';
        return name ? engine_lookup(engine, name) : NULL;
}

static SyncMailbox *find_remote(Engine *engine, ByteView wire) {
        SyncMailbox *mailbox = engine_lookup_wire(engine, wire);

        return mailbox ? mailbox : find_utf8(engine, wire);
}

const char *engine_find_wire(Engine *engine, ByteView wire) {
        const SyncMailbox *mailbox = find_remote(engine, wire);

        return mailbox ? mailbox->state.name : NULL;
}

static bool stamp_differs(const ReplicaToken *a, const ReplicaToken *b) {
        return memcmp(a->stamp, b->stamp, sizeof(a->stamp)) != 0;
}

/* Is a side other than the last run left it, or than the base knows it if there was none yet? */
static bool is_news(SyncMailbox *mailbox, Side side, const ReplicaStatus *status) {
        const MailboxState *state = &mailbox->state;

        if (mailbox->seen[side].is_awaited) {
                mailbox->seen[side].is_awaited = false;
                mailbox->seen[side].is_known = true;
                mailbox->seen[side].token = (ReplicaToken){
                        .uidvalidity = status->has_uidvalidity
                                               ? status->uidvalidity
                                               : mailbox->seen[side].token.uidvalidity,
                        .uidnext = status->uidnext,
                        .modseq = status->modseq,
                };
                if (status->has_messages)
                        mailbox->seen[side].messages = status->messages;
                return false;
        }
        if (mailbox->seen[side].is_known)
                return status_is_dirty(&mailbox->seen[side].token, mailbox->seen[side].messages,
                                       status);
        return status_is_dirty(&state->token[side], state->messages + state->parked[side], status);
}

/* Fewer messages than those that were known and those that have come: some are gone, or have only come
 * through. */
static bool may_lose(const SyncMailbox *mailbox, const ReplicaStatus *status) {
        const MailboxState *state = &mailbox->state;
        const uint64_t known = state->messages + state->parked[SIDE_REMOTE];
        const uint32_t uidnext = state->token[SIDE_REMOTE].uidnext;
        const uint64_t n_new = status->uidnext > uidnext ? status->uidnext - uidnext : 0;

        return status->has_messages && state->token[SIDE_REMOTE].uidvalidity != 0 &&
               status->messages < known + n_new;
}

/* A status of what should be ours and is not: said once, since such a server may do so all the time. */
static void note_unlisted(Engine *engine, const char *name) {
        if (!name || engine->told_unlisted || engine->n_listing > 0 || engine->wants_list ||
            !engine->options.wants(name, engine->options.userdata))
                return;

        engine->told_unlisted = true;
        engine_note_text(
                engine, ENGINE_NOTE_NOTICE, NULL,
                "the server tells how “%s” stands, which it does not list; it is left alone", name);
}

/*
 * Without modseqs, the number of unseen messages shows at least changes of that flag. It is compared
 * with the base only when it is another one than the last time: a message may be parked.
 */
static bool is_unseen_news(SyncMailbox *mailbox, const ReplicaStatus *status) {
        uint64_t known;

        if (!status->has_unseen || !sync_mailbox_scans_flags(mailbox))
                return false;
        if (mailbox->has_unseen && mailbox->unseen == status->unseen)
                return false;
        mailbox->has_unseen = true;
        mailbox->unseen = status->unseen;
        return state_db_count_unseen(mailbox->engine->db, mailbox->state.id, &known) >= 0 &&
               known != status->unseen;
}

static bool is_to_be_looked_at(SyncMailbox *mailbox, Side side, const ReplicaStatus *status) {
        const bool differs = is_news(mailbox, side, status);

        if (side != SIDE_REMOTE)
                return differs;
        return is_unseen_news(mailbox, status) || differs || sync_mailbox_is_due(mailbox);
}

/* How a mailbox stands, asked for or not: mark it if that is not what was committed. */
int engine_on_status(Engine *engine, Side side, const ReplicaEvent *event) {
        const bool has_stamp = event->wire.size == 0; /* a Maildir's */
        SyncMailbox *mailbox =
                event->name ? engine_lookup(engine, event->name) : find_remote(engine, event->wire);

        if (!mailbox) { /* not ours, or LIST has not told yet */
                note_unlisted(engine, event->name);
                return 0;
        }
        if (mailbox->left_out)
                return 0;

        if (has_stamp) {
                if (stamp_differs(&mailbox->state.token[side], &event->token)) {
                        mailbox->all_names = true;
                        sync_mailbox_mark(mailbox, side);
                }
                return 0;
        }

        if (event->changed) {
                sync_mailbox_mark(mailbox, side);
                return 0;
        }
        if (is_to_be_looked_at(mailbox, side, &event->status)) {
                mailbox->all_names |= side == SIDE_LOCAL;
                mailbox->may_lose |= side == SIDE_REMOTE && may_lose(mailbox, &event->status);
                sync_mailbox_mark(mailbox, side);
        }
        if (event->status.uidnext > 0)
                mailbox->seen[side].told_uidnext = event->status.uidnext;
        return 0;
}

static bool was_in_sync(const SyncMailbox *mailbox) {
        return mailbox->state.id != 0;
}

/* The error of a mailbox that is not on both sides; @text NULL: it is. */
static void set_missing(SyncMailbox *mailbox, const char *text) {
        if (text && (!mailbox->error || strcmp(mailbox->error, text) != 0))
                engine_note_text(mailbox->engine, ENGINE_NOTE_FAILED, mailbox, "%s", text);
        sync_mailbox_set_error(mailbox, text);
        mailbox->is_missing = text != NULL;
}

/* In the base, and gone from a side. */
static void hold_missing(SyncMailbox *mailbox, Side side) {
        char text[512];

        (void) snprintf(text, sizeof(text),
                        "the mailbox is gone on the %s side; its %llu messages on the %s side are "
                        "kept, and it is not synchronised until it is there again",
                        side_name(side), (unsigned long long) mailbox->state.messages,
                        side_name(side_other(side)));
        set_missing(mailbox, text);
}

/* Both sides have it: from now on it is kept in sync. */
static int adopt(SyncMailbox *mailbox) {
        Engine *engine = mailbox->engine;
        int r;

        r = engine_begin(engine);
        if (r < 0)
                return r;
        r = state_db_add_mailbox(engine->db, mailbox->state.name, mailbox->state.wire,
                                 &mailbox->state.id);
        if (r < 0)
                return r;
        for (Side side = 0; side < _SIDE_MAX; side++) {
                mailbox->replica[side].id = mailbox->state.id;
                sync_mailbox_mark(mailbox, side);
        }
        return 0;
}

static int create_on(SyncMailbox *mailbox, Side side) {
        Engine *engine = mailbox->engine;
        int r;

        if (engine->options.dry_run) {
                engine_note_text(engine, ENGINE_NOTE_WOULD, mailbox, "make the %s mailbox",
                                 side_name(side));
                return 0;
        }
        r = engine->replica[side]->ops->create(engine->replica[side], &mailbox->replica[side]);
        if (r < 0)
                return r;
        engine->n_listing++; /* until its DONE */
        return 0;
}

/* Both lists are in. What a list that failed does not show is no evidence of anything. */
static int compare_lists(Engine *engine) {
        if (engine->list_failed)
                return 0;
        engine_end_special(engine);

        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                SyncMailbox *mailbox = engine->mailboxes[i];
                const bool *exists = mailbox->exists;
                int r = 0;

                memcpy(mailbox->exists, mailbox->listed, sizeof(mailbox->exists));

                if ((!exists[SIDE_REMOTE] && !exists[SIDE_LOCAL]) || mailbox->left_out)
                        continue;
                if (exists[SIDE_REMOTE] && exists[SIDE_LOCAL]) {
                        if (!was_in_sync(mailbox))
                                r = adopt(mailbox);
                        else if (mailbox->is_missing)
                                set_missing(mailbox, NULL);
                } else if (was_in_sync(mailbox))
                        hold_missing(mailbox, exists[SIDE_REMOTE] ? SIDE_LOCAL : SIDE_REMOTE);
                else
                        r = create_on(mailbox, exists[SIDE_REMOTE] ? SIDE_LOCAL : SIDE_REMOTE);
                if (r < 0)
                        return r;
        }
        return engine_commit(engine);
}

static int on_created(Engine *engine, Side side, const ReplicaEvent *event) {
        SyncMailbox *mailbox = event->mailbox->owner;
        int r;

        engine->n_listing--;
        if (event->outcome != REPLICA_OK) {
                char text[512];

                (void) snprintf(text, sizeof(text), "it cannot be made on the %s side: %s",
                                side_name(side), event->text ? event->text : "no reason given");
                set_missing(mailbox, text);
                return 0;
        }

        if (event->wire.size > 0 && side == SIDE_REMOTE) {
                r = take_wire(mailbox, event->wire);
                if (r < 0)
                        return r;
        }
        mailbox->exists[side] = true;
        set_missing(mailbox, NULL);
        r = adopt(mailbox);
        if (r < 0)
                return r;
        engine_note(engine, &(EngineNote){
                                    .type = ENGINE_NOTE_CREATED,
                                    .mailbox = mailbox->state.name,
                                    .side = side,
                            });
        return engine_commit(engine);
}

int engine_on_list_event(Engine *engine, Side side, const ReplicaEvent *event) {
        if (event->type == REPLICA_EVENT_MAILBOX)
                return on_mailbox(engine, side, event);
        if (event->type == REPLICA_EVENT_ALERT)
                engine_note_text(engine, ENGINE_NOTE_ALERT, NULL, "%s", event->text);
        if (event->type == REPLICA_EVENT_OVERFLOW)
                engine_note_text(engine, ENGINE_NOTE_OVERFLOW, NULL,
                                 "changes may have been missed");
        if (event->type != REPLICA_EVENT_DONE)
                return 0; /* late answers to a run that was broken off */

        switch (event->request) {
        case REPLICA_LIST:
                if (event->outcome != REPLICA_OK)
                        engine_note_text(engine, ENGINE_NOTE_FAILED, NULL,
                                         "the %s mailboxes cannot be listed: %s", side_name(side),
                                         event->text ? event->text : "no reason given");
                if (event->outcome != REPLICA_OK)
                        engine->list_failed = true;
                engine->n_listing--;
                return engine->n_listing == 0 ? compare_lists(engine) : 0;
        case REPLICA_CREATE:
                return on_created(engine, side, event);
        case REPLICA_RENAME:
        case REPLICA_REMOVE:
        case REPLICA_SUBSCRIBE:
        case REPLICA_CHANGES:
        case REPLICA_SEARCH:
        case REPLICA_MOVE:
        case REPLICA_FETCH:
        case REPLICA_STORE:
        case REPLICA_EXPUNGE:
        case REPLICA_APPEND:
        case REPLICA_CLOSE:
                return 0;
        case REPLICA_WAIT:
                if (engine->options.waited)
                        engine->options.waited(event, engine->options.userdata);
                return 0;
        }
        abort();
}
