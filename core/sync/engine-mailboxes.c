/* The engine: which mailboxes there are, on which side, and how they stand. */

#include <errno.h>

#include "base/foreign.h"
#include "imap/mailbox-name.h"
#include "imap/session.h"
#include "sync/run-private.h"

int engine_take_wire(SyncMailbox *mailbox, Side side, ByteView wire) {
        const char *known = mailbox->state.wire[side];
        char *copy;

        if (wire.size == 0 || (known && bytes_equal(bytes_of(known), wire)))
                return 0;
        copy = bytes_dup(wire);
        if (!copy)
                return -ENOMEM;
        sync_mailbox_set_wire(mailbox, side, copy);
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

/* --- what the server tells of its own accord --- */

void engine_forget_hints(Engine *engine) {
        for (size_t i = 0; i < engine->n_hints; i++) {
                free(engine->hints[i].old_name);
                free(engine->hints[i].new_name);
        }
        free(engine->hints);
        engine->hints = NULL;
        engine->n_hints = 0;
}

#define HINTS_MAX 1024u

/* Renamed: what is lost is found out in another way. */
static int take_hint(Engine *engine, Side side, const char *old_name, const char *new_name) {
        RenameHint hint = {side, strdup(old_name), strdup(new_name)}, *grown = NULL;

        if (hint.old_name && hint.new_name && engine->n_hints < HINTS_MAX)
                grown = reallocarray(engine->hints, engine->n_hints + 1, sizeof(*grown));
        if (!grown) {
                free(hint.old_name);
                free(hint.new_name);
                return engine->n_hints < HINTS_MAX ? -ENOMEM : 0;
        }
        engine->hints = grown;
        grown[engine->n_hints++] = hint;
        return 0;
}

/* NOTIFY: made, renamed, gone or subscribed; the list will tell. */
static int on_unasked(Engine *engine, Side side, const ReplicaEvent *event) {
        engine->only_looks = false;
        engine->wants_list = true;
        return event->old_name && event->name
                       ? take_hint(engine, side, event->old_name, event->name)
                       : 0;
}

/* --- what cannot be used --- */

void engine_forget_unusable(Engine *engine, bool all) {
        size_t n_left = 0;

        for (size_t i = 0; i < engine->n_unusable; i++) {
                Unusable *unusable = &engine->unusable[i];

                if (unusable->listed && !all) {
                        engine->unusable[n_left++] = *unusable;
                        continue;
                }
                free(unusable->name);
                free(unusable->why);
        }
        engine->n_unusable = n_left;
        if (n_left == 0) {
                free(engine->unusable);
                engine->unusable = NULL;
        }
}

static Unusable *find_unusable(Engine *engine, Side side, const char *name) {
        for (size_t i = 0; i < engine->n_unusable; i++)
                if (engine->unusable[i].side == side && strcmp(engine->unusable[i].name, name) == 0)
                        return &engine->unusable[i];
        return NULL;
}

static int add_unusable(Engine *engine, Side side, char *name, const char *why) {
        Unusable *grown = reallocarray(engine->unusable, engine->n_unusable + 1, sizeof(*grown));
        char *copy = grown ? strdup(why) : NULL;

        if (grown)
                engine->unusable = grown;
        if (!copy) {
                free(name);
                return -ENOMEM;
        }
        grown[engine->n_unusable++] = (Unusable){side, name, copy, true};
        engine_note_text(engine, ENGINE_NOTE_FAILED, NULL, "%s; it is not synchronised", why);
        return 0;
}

/* It is shown with the others, and told once. */
static int on_unusable(Engine *engine, Side side, const ReplicaEvent *event) {
        const char *why = event->text ? event->text : "a mailbox cannot be used";
        _cleanup_(buffer_done) Buffer shown = BUFFER_NULL;
        Unusable *known;
        char *name;
        int r;

        r = foreign_append(&shown, event->wire, 255);
        if (r < 0)
                return r;
        name = buffer_steal_string(&shown);
        if (!name)
                return -ENOMEM;
        known = find_unusable(engine, side, name);
        if (known)
                known->listed = true;
        if (known || !engine->options.wants(name, engine->options.userdata)) {
                free(name);
                return 0;
        }
        return add_unusable(engine, side, name, why);
}

/* --- what is listed --- */

void engine_begin_list(Engine *engine) {
        engine->list_phase = LIST_ASKING;
        engine->replica[SIDE_REMOTE]->is_first = engine_is_first(engine);
        for (Side side = 0; side < _SIDE_MAX; side++)
                engine->replica[side]->only_looks = engine->only_looks;
        engine->only_looks = false;
        memset(engine->is_polling, 0, sizeof(engine->is_polling));
        memset(engine->trash_listed, 0, sizeof(engine->trash_listed));
        for (size_t i = 0; i < engine->n_unusable; i++)
                engine->unusable[i].listed = false;
        for (size_t i = 0; i < engine->n_mailboxes; i++)
                for (Side side = 0; side < _SIDE_MAX; side++) {
                        SyncMailbox *mailbox = engine->mailboxes[i];

                        mailbox->listed[side] = false;
                        free(mailbox->told[side].object);
                        mailbox->told[side].object = NULL;
                        mailbox->told[side].subscribed = SUBSCRIBED_UNKNOWN;
                        mailbox->told[side].status = (ReplicaStatus){0};
                        mailbox->told[side].left_out = NULL;
                }
}

/* Outside of a list: a poll. Is there one that we do not know? */
static int on_polled(Engine *engine, Side side, SyncMailbox *mailbox) {
        if (!engine->is_polling[side])
                for (size_t i = 0; i < engine->n_mailboxes; i++)
                        engine->mailboxes[i]->listed[side] = false;
        engine->is_polling[side] = true;
        if (mailbox)
                mailbox->listed[side] = true;
        if (!mailbox || !mailbox->exists[side])
                engine->wants_list = true;
        return 0;
}

static int on_mailbox(Engine *engine, Side side, const ReplicaEvent *event) {
        SyncMailbox *mailbox;
        EngineWish wish;
        int r;

        if (event->unasked)
                return on_unasked(engine, side, event);
        if (event->delimiter)
                engine->delimiter[side] = event->delimiter;
        if (event->attributes & (IMAP_LIST_NOSELECT | IMAP_LIST_NONEXISTENT))
                return 0;
        if (!event->name)
                return engine->list_phase == LIST_ASKING ? on_unusable(engine, side, event) : 0;
        r = engine->list_phase == LIST_ASKING ? engine_take_special(engine, side, event) : 0;
        if (r < 0)
                return r;
        wish = engine->options.wants(event->name, engine->options.userdata);
        if (wish == ENGINE_WANTS_NOT)
                return 0;

        mailbox = engine_lookup(engine, event->name);
        if (engine->list_phase != LIST_ASKING)
                return on_polled(engine, side, mailbox);
        if (!mailbox) {
                r = add_unsaved(engine, event->name, &mailbox);
                if (r < 0)
                        return r;
        }
        mailbox->listed[side] = true;
        if (event->has_subscribed)
                mailbox->told[side].subscribed = event->subscribed ? SUBSCRIBED_YES : SUBSCRIBED_NO;
        mailbox->is_named = wish == ENGINE_WANTS_BY_NAME;
        mailbox->told[side].left_out = engine_left_out(engine, side, wish, event->attributes);
        return engine_take_wire(mailbox, side, event->wire);
}

/*
 * Dovecot 2.3 has the names of NOTIFY's STATUS in UTF-8, where modified UTF-7 is due: what is no name
 * on the wire may be one of ours, with the server's delimiter and below its prefix.
 */
static SyncMailbox *find_utf8(Engine *engine, Side side, ByteView wire) {
        _cleanup_free_ char *name = bytes_dup(wire), *encoded = NULL;

        for (char *c = name; c && *c; c++)
                if (*c == engine->delimiter[side])
                        *c = '/';
        if (!name || mailbox_name_encode(name, engine->delimiter[side], &encoded) != 0)
                return NULL;
        return engine_lookup_wire(engine, side, bytes_of(encoded));
}

SyncMailbox *engine_find_wire(Engine *engine, Side side, ByteView wire) {
        SyncMailbox *mailbox = engine_lookup_wire(engine, side, wire);

        return mailbox ? mailbox : find_utf8(engine, side, wire);
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
                return run_is_unlike_seen(&mailbox->seen[side], status);
        return status_is_dirty(&state->token[side], state->messages + state->parked[side], status);
}

/* Who a mailbox is and what its numbers are, for finding renamed ones. */
static int take_standing(SyncMailbox *mailbox, Side side, const ReplicaEvent *event) {
        mailbox->told[side].status = event->status;
        if (!event->object)
                return 0;
        free(mailbox->told[side].object);
        mailbox->told[side].object = strdup(event->object);
        return mailbox->told[side].object ? 0 : -ENOMEM;
}

/* Fewer messages than those that were known and those that have come: some are gone, or have only come
 * through. */
static bool may_lose(const SyncMailbox *mailbox, Side side, const ReplicaStatus *status) {
        const MailboxState *state = &mailbox->state;
        const uint64_t known = state->messages + state->parked[side];
        const uint32_t uidnext = state->token[side].uidnext;
        const uint64_t n_new = status->uidnext > uidnext ? status->uidnext - uidnext : 0;

        return status->has_messages && state->token[side].uidvalidity != 0 &&
               status->messages < known + n_new;
}

/* Of its own accord a server tells UIDNEXT whenever messages are new (RFC 5465 section 5.2). */
static bool may_gain(const SyncMailbox *mailbox, Side side, const ReplicaEvent *event) {
        const ReplicaStatus *status = &event->status;

        if (status->uidnext > 0)
                return status->uidnext > mailbox->state.token[side].uidnext;
        return !event->unasked || status->has_messages || status->modseq == 0;
}

#define UNLISTED_MAX 64u

static bool is_known_unlisted(const Engine *engine, const char *name) {
        for (size_t i = 0; i < engine->n_unlisted; i++)
                if (strcmp(engine->unlisted[i], name) == 0)
                        return true;
        return false;
}

static int ask_for_unlisted(Engine *engine, const char *name) {
        char **grown = reallocarray(engine->unlisted, engine->n_unlisted + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        engine->unlisted = grown;
        grown[engine->n_unlisted] = strdup(name);
        if (!grown[engine->n_unlisted])
                return -ENOMEM;
        engine->n_unlisted++;
        engine->wants_list = true;
        return 0;
}

/* A status of what should be ours and is not: it may have been made or renamed while nobody told. If the
 * list does not show it that is said once, since such a server may do so all the time. */
static int on_unlisted(Engine *engine, Side side, const char *name) {
        if (!name || engine->n_listing > 0 || engine->wants_list ||
            !engine->options.wants(name, engine->options.userdata))
                return 0;
        if (!is_known_unlisted(engine, name) && engine->n_unlisted < UNLISTED_MAX)
                return ask_for_unlisted(engine, name);
        if (engine->told_unlisted)
                return 0;

        engine->told_unlisted = true;
        engine_note_text(engine, ENGINE_NOTE_NOTICE, NULL,
                         "%s tells how “%s” stands, which it does not list; it is left alone",
                         side_server(side), name);
        return 0;
}

/*
 * Without modseqs, the number of unseen messages shows at least changes of that flag. It is compared
 * with the base only when it is another one than the last time: a message may be parked.
 */
static bool is_unseen_news(SyncMailbox *mailbox, Side side, const ReplicaStatus *status) {
        uint64_t known;

        if (!status->has_unseen || !sync_mailbox_scans_flags(mailbox, side))
                return false;
        if (mailbox->has_unseen[side] && mailbox->unseen[side] == status->unseen)
                return false;
        mailbox->has_unseen[side] = true;
        mailbox->unseen[side] = status->unseen;
        return state_db_count_unseen(mailbox->engine->db, mailbox->state.id, &known) >= 0 &&
               known != status->unseen;
}

static bool is_to_be_looked_at(SyncMailbox *mailbox, Side side, const ReplicaStatus *status) {
        const bool differs = is_news(mailbox, side, status);

        mailbox->seen[side].was_news |= differs;
        return is_unseen_news(mailbox, side, status) || differs ||
               sync_mailbox_is_due(mailbox, side);
}

/* How a mailbox stands, asked for or not: mark it if that is not what was committed. */
int engine_on_status(Engine *engine, Side side, const ReplicaEvent *event) {
        SyncMailbox *mailbox = event->name ? engine_lookup(engine, event->name)
                                           : engine_find_wire(engine, side, event->wire);

        if (!mailbox) /* not ours, or LIST has not told yet */
                return on_unlisted(engine, side, event->name);
        if (mailbox->left_out)
                return 0;
        if (engine->list_phase != LIST_NONE && !event->unasked) {
                int r = take_standing(mailbox, side, event);

                if (r < 0)
                        return r;
        }

        if (engine->replica[side]->gives_numbers) {
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
                const bool gains = mailbox->may_gain[side] || may_gain(mailbox, side, event);

                mailbox->all_names |= side == SIDE_LOCAL;
                mailbox->may_lose[side] |= may_lose(mailbox, side, &event->status);
                sync_mailbox_mark(mailbox, side);
                mailbox->may_gain[side] = gains;
        }
        if (event->status.uidnext > 0)
                mailbox->seen[side].told_uidnext = event->status.uidnext;
        return 0;
}

static int on_listed(Engine *engine, Side side, const ReplicaEvent *event) {
        if (event->outcome != REPLICA_OK) {
                engine_note_text(engine, ENGINE_NOTE_FAILED, NULL,
                                 "the %s mailboxes cannot be listed: %s", side_name(side),
                                 event->text ? event->text : "no reason given");
                engine->list_failed = true;
        }
        engine->n_listing--;
        return engine_compare_next(engine);
}

static int on_standing(Engine *engine) {
        engine->n_listing--;
        return engine_compare_next(engine);
}

/* A look at all mailboxes that did not show one of them: it is gone. */
static int on_waited(Engine *engine, Side side, const ReplicaEvent *event) {
        bool is_gone = false;

        for (size_t i = 0; i < engine->n_mailboxes && engine->is_polling[side]; i++) {
                SyncMailbox *mailbox = engine->mailboxes[i];

                is_gone |= mailbox->exists[side] && !mailbox->listed[side];
                mailbox->listed[side] = mailbox->exists[side];
        }
        if (is_gone && event->outcome == REPLICA_OK)
                engine->wants_list = true;
        engine->is_polling[side] = false;
        if (engine->options.waited)
                engine->options.waited(side, event, engine->options.userdata);
        return 0;
}

/* Answers about a mailbox that is being looked at by no run. */
static int on_looked_at(Engine *engine, Side side, const ReplicaEvent *event) {
        const SyncMailbox *mailbox = event->mailbox ? event->mailbox->owner : NULL;

        if (!mailbox || engine->n_listing == 0)
                return 0; /* late answers to a run that was broken off */
        if (engine->list_phase == LIST_SAMPLING)
                return engine_on_sample(engine, side, event);
        return mailbox->is_removing ? engine_on_removal(engine, side, event) : 0;
}

static void note_side(Engine *engine, EngineNoteType type, Side side, const char *text) {
        engine_note(engine, &(EngineNote){.type = type, .side = side, .text = text});
}

int engine_on_list_event(Engine *engine, Side side, const ReplicaEvent *event) {
        if (event->type == REPLICA_EVENT_MAILBOX)
                return on_mailbox(engine, side, event);
        if (event->type == REPLICA_EVENT_ALERT)
                note_side(engine, ENGINE_NOTE_ALERT, side, event->text);
        if (event->type == REPLICA_EVENT_OVERFLOW)
                note_side(engine, ENGINE_NOTE_OVERFLOW, side, "changes may have been missed");
        if (event->type != REPLICA_EVENT_DONE)
                return on_looked_at(engine, side, event);

        switch (event->request) {
        case REPLICA_LIST:
                return on_listed(engine, side, event);
        case REPLICA_STANDING:
                return on_standing(engine);
        case REPLICA_CREATE:
                return engine_on_created(engine, side, event);
        case REPLICA_RENAME:
                return engine_on_renamed(engine, side, event);
        case REPLICA_SUBSCRIBE:
                return engine_on_subscribed(engine, side, event);
        case REPLICA_REMOVE:
        case REPLICA_CHANGES:
        case REPLICA_FETCH:
        case REPLICA_CLOSE:
                return on_looked_at(engine, side, event);
        case REPLICA_SEARCH:
        case REPLICA_MOVE:
        case REPLICA_STORE:
        case REPLICA_EXPUNGE:
        case REPLICA_APPEND:
                return 0;
        case REPLICA_WAIT:
                return on_waited(engine, side, event);
        }
        abort();
}
