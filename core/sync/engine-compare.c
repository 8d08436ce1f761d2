/*
 * The engine: both sides are listed; what has become of each mailbox, and what is done about it.
 *
 *      ask for the lists -> how new ones stand -> samples of them -> renames (and list again) -> act
 *
 * Renames come before all else, and everything is looked at anew after them: what looks new or gone may
 * be a mailbox under another name, and making or deleting it would cost its messages. Nothing of this
 * is remembered but what is committed, so that a crash after any step only means to look again.
 */

#include <errno.h>
#include <stdio.h>

#include "sync/engine-private.h"

/* --- what there is --- */

static bool is_wanted(const SyncMailbox *mailbox) {
        const EngineOptions *options = &mailbox->engine->options;

        return !mailbox->left_out &&
               options->wants(mailbox->state.name, options->userdata) != ENGINE_WANTS_NOT;
}

/*
 * Does a list show nothing of what was there? A disk that is not mounted, or a server's bad day. A server
 * has an INBOX whatever else it has lost, so that one mailbox more must be gone where it is listed.
 */
static bool shows_nothing(const Engine *engine, Side side) {
        size_t n_gone = 0, n_enough = 1;

        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                const SyncMailbox *mailbox = engine->mailboxes[i];

                if (!sync_mailbox_is_in_base(mailbox) || mailbox->state.messages == 0 ||
                    !is_wanted(mailbox))
                        continue;
                if (!mailbox->exists[side] && !mailbox->moved_to[side])
                        n_gone++;
                else if (strcmp(mailbox->state.name, "INBOX") == 0)
                        n_enough = 2;
                else
                        return false;
        }
        return n_gone >= n_enough;
}

/* Is so much gone from a side that it looks like an accident? */
static bool is_much_gone(const Engine *engine, Side side) {
        uint64_t n_messages = 0, n_gone = 0;

        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                const SyncMailbox *mailbox = engine->mailboxes[i];

                n_messages += mailbox->state.messages;
                if (!mailbox->exists[side] && !mailbox->moved_to[side] && is_wanted(mailbox))
                        n_gone += mailbox->state.messages;
        }
        return shows_nothing(engine, side) ||
               brake_holds(&engine->options.brake, n_messages, n_gone, 0);
}

/* Whoever has it and keeps subscriptions has none to it. */
static bool is_unsubscribed(const SyncMailbox *mailbox) {
        bool is_told = false;

        for (Side side = 0; side < _SIDE_MAX; side++) {
                if (mailbox->told[side].subscribed == SUBSCRIBED_YES)
                        return false;
                is_told |= mailbox->told[side].subscribed == SUBSCRIBED_NO;
        }
        return is_told;
}

static const char *why_left_out(const SyncMailbox *mailbox) {
        for (Side side = 0; side < _SIDE_MAX; side++)
                if (mailbox->told[side].left_out)
                        return mailbox->told[side].left_out;
        if (!mailbox->engine->options.only_subscribed || mailbox->is_named ||
            strcmp(mailbox->state.name, "INBOX") == 0 || !is_unsubscribed(mailbox))
                return NULL;
        return "left out: it is not subscribed; subscribe to it, or name it in “mailboxes”";
}

static void take_lists(Engine *engine) {
        engine_forget_unusable(engine, false);
        engine->n_renamed = 0;
        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                SyncMailbox *mailbox = engine->mailboxes[i];

                memcpy(mailbox->exists, mailbox->listed, sizeof(mailbox->exists));
                memset(mailbox->moved_to, 0, sizeof(mailbox->moved_to));
                mailbox->is_target = mailbox->is_removing = false;
                mailbox->left_out = why_left_out(mailbox);
        }
}

MailboxView engine_view(const SyncMailbox *mailbox) {
        MailboxView view = {
                .in_base = sync_mailbox_is_in_base(mailbox),
                .is_inbox = strcmp(mailbox->state.name, "INBOX") == 0,
                .is_target = mailbox->is_target,
                .exists = {mailbox->exists[SIDE_REMOTE], mailbox->exists[SIDE_LOCAL]},
                .direction = mailbox->direction,
                .deletion = mailbox->engine->options.deletion,
                .is_left = mailbox->state.life.removing == MAILBOX_LEFT,
                .confirmed = mailbox->is_removal_confirmed ||
                             (mailbox->state.life.removing > 0 &&
                              mailbox->state.life.removing != MAILBOX_LEFT),
        };

        for (Side side = 0; side < _SIDE_MAX; side++)
                if (mailbox->moved_to[side])
                        view.moved_to[side] = mailbox->moved_to[side]->state.name;
        return view;
}

void sync_mailbox_set_missing(SyncMailbox *mailbox, EngineNoteType type, const char *text) {
        if (text && (!mailbox->error || strcmp(mailbox->error, text) != 0))
                engine_note(mailbox->engine, &(EngineNote){
                                                     .type = type,
                                                     .mailbox = mailbox->state.name,
                                                     .text = text,
                                                     .messages = mailbox->state.messages,
                                             });
        sync_mailbox_set_error(mailbox, text);
        mailbox->is_missing = text != NULL;
}

/* --- in the base --- */

int engine_save_object(SyncMailbox *mailbox, Side side, const char *object) {
        MailboxLife *life = &mailbox->state.life;
        char *copy;
        int r;

        if (!object || (life->object[side] && strcmp(life->object[side], object) == 0))
                return 0;
        copy = strdup(object);
        if (!copy)
                return -ENOMEM;
        free(life->object[side]);
        life->object[side] = copy;
        r = engine_begin(mailbox->engine);
        return r < 0 ? r : state_db_save_life(mailbox->engine->db, mailbox->state.id, life);
}

/* A folder that is already another mailbox's: its messages would be mixed. */
static const SyncMailbox *find_twin(const SyncMailbox *mailbox, Side side) {
        const Engine *engine = mailbox->engine;
        const char *object = mailbox->told[side].object;

        for (size_t i = 0; object && i < engine->n_mailboxes; i++) {
                const SyncMailbox *other = engine->mailboxes[i];

                if (other != mailbox && other->exists[side] && other->told[side].object &&
                    strcmp(other->told[side].object, object) == 0)
                        return other;
        }
        return NULL;
}

static bool is_twin(SyncMailbox *mailbox) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                const SyncMailbox *twin = find_twin(mailbox, side);
                char text[512];

                if (!twin)
                        continue;
                (void) snprintf(
                        text, sizeof(text),
                        "on the %s side it is the same mailbox as “%.200s”, perhaps because "
                        "capitals make no difference there; rename one of the two",
                        side_name(side), twin->state.name);
                mailbox->exists[side] = false;
                sync_mailbox_set_missing(mailbox, ENGINE_NOTE_FAILED, text);
                return true;
        }
        return false;
}

/* --- subscriptions --- */

static int subscribe(SyncMailbox *mailbox, Side side, Subscribed wanted) {
        Engine *engine = mailbox->engine;
        Replica *replica = engine->replica[side];
        int r;

        if (engine->options.dry_run && sync_mailbox_may(mailbox, side, DEED_SUBSCRIBE)) {
                engine_note_text(engine, ENGINE_NOTE_WOULD, mailbox, "%s the %s mailbox",
                                 wanted == SUBSCRIBED_YES ? "subscribe" : "unsubscribe",
                                 side_name(side));
                return 0;
        }
        if (!replica->ops->subscribe || !sync_mailbox_may(mailbox, side, DEED_SUBSCRIBE))
                return 0;
        r = replica->ops->subscribe(replica, &mailbox->replica[side], wanted == SUBSCRIBED_YES);
        if (r < 0)
                return r;
        mailbox->subscribing = wanted;
        engine->n_listing++;
        return 0;
}

static int save_subscribed(SyncMailbox *mailbox, Subscribed subscribed) {
        int r;

        if (mailbox->state.life.subscribed == subscribed)
                return 0;
        mailbox->state.life.subscribed = subscribed;
        r = engine_begin(mailbox->engine);
        return r < 0 ? r
                     : state_db_save_life(mailbox->engine->db, mailbox->state.id,
                                          &mailbox->state.life);
}

static int merge_subscriptions(SyncMailbox *mailbox) {
        const Subscribed sides[] = {mailbox->told[SIDE_REMOTE].subscribed,
                                    mailbox->told[SIDE_LOCAL].subscribed};
        const Subscribed wanted = subscription_plan(mailbox->state.life.subscribed, sides);
        bool asked = false;
        int r = 0;

        if (wanted == SUBSCRIBED_UNKNOWN)
                return 0;
        for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++) {
                if (sides[side] == wanted)
                        continue;
                r = subscribe(mailbox, side, wanted);
                asked = true; /* or not allowed: then they differ, and the base is as it was */
        }
        return asked ? r : save_subscribed(mailbox, wanted);
}

int engine_on_subscribed(Engine *engine, Side side, const ReplicaEvent *event) {
        SyncMailbox *mailbox = event->mailbox->owner;
        const Subscribed wanted = mailbox->subscribing;

        engine->n_listing--;
        if (event->outcome != REPLICA_OK) {
                engine_note_text(engine, ENGINE_NOTE_NOTICE, mailbox,
                                 "the subscription on the %s side stays as it is: %s",
                                 side_name(side), event->text ? event->text : "no reason given");
                return engine_compare_next(engine);
        }
        mailbox->told[side].subscribed = wanted;
        if (sync_mailbox_is_in_base(mailbox) &&
            mailbox->told[side_other(side)].subscribed == wanted) {
                int r = save_subscribed(mailbox, wanted);

                if (r < 0)
                        return r;
        }
        return engine_compare_next(engine);
}

/* As the other side has it; one that was made in a Maildir without a list of subscriptions is
 * subscribed, so that other clients show it. */
static int subscribe_created(SyncMailbox *mailbox, Side side) {
        const Replica *other = mailbox->engine->replica[side_other(side)];
        Subscribed wanted = mailbox->told[side_other(side)].subscribed;

        if (wanted == SUBSCRIBED_UNKNOWN && other->gives_numbers)
                wanted = SUBSCRIBED_YES;
        return wanted == SUBSCRIBED_YES ? subscribe(mailbox, side, wanted) : 0;
}

/* --- making --- */

/* Both sides have it: from now on it is kept in sync. */
static int adopt(SyncMailbox *mailbox) {
        Engine *engine = mailbox->engine;
        int r;

        if (is_twin(mailbox))
                return 0;
        sync_mailbox_set_missing(mailbox, ENGINE_NOTE_FAILED, NULL);
        mailbox->all_names = true; /* one that we made may have been there: lists grow old */
        r = engine_begin(engine);
        if (r >= 0)
                r = state_db_add_mailbox(engine->db, mailbox->state.name,
                                         mailbox->state.wire[SIDE_REMOTE],
                                         mailbox->state.wire[SIDE_LOCAL], &mailbox->state.id);
        for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++) {
                mailbox->replica[side].id = mailbox->state.id;
                sync_mailbox_mark(mailbox, side);
                r = engine_save_object(mailbox, side, mailbox->told[side].object);
        }
        return r < 0 ? r : merge_subscriptions(mailbox);
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

static int take_created(SyncMailbox *mailbox, Side side, const ReplicaEvent *event) {
        int r;

        if (event->object) {
                free(mailbox->told[side].object);
                mailbox->told[side].object = strdup(event->object);
                if (!mailbox->told[side].object)
                        return -ENOMEM;
        }
        r = engine_take_wire(mailbox, side, event->wire);
        if (r < 0)
                return r;
        mailbox->exists[side] = true;
        return adopt(mailbox);
}

int engine_on_created(Engine *engine, Side side, const ReplicaEvent *event) {
        SyncMailbox *mailbox = event->mailbox->owner;
        int r;

        engine->n_listing--;
        if (event->outcome != REPLICA_OK) {
                char text[512];

                (void) snprintf(text, sizeof(text), "it cannot be made on the %s side: %s",
                                side_name(side), event->text ? event->text : "no reason given");
                sync_mailbox_set_missing(mailbox, ENGINE_NOTE_FAILED, text);
                return engine_compare_next(engine);
        }

        r = take_created(mailbox, side, event);
        if (r < 0 || !sync_mailbox_is_in_base(mailbox))
                return r < 0 ? r : engine_compare_next(engine);
        engine_note(engine, &(EngineNote){
                                    .type = ENGINE_NOTE_CREATED,
                                    .mailbox = mailbox->state.name,
                                    .side = side,
                            });
        r = subscribe_created(mailbox, side); /* end() commits: else the next list finds both */
        return r < 0 ? r : engine_compare_next(engine);
}

/* --- acting --- */

/* In the base, and gone from a side. */
static void hold(SyncMailbox *mailbox, Side side, bool may_confirm) {
        const bool is_inbox = strcmp(mailbox->state.name, "INBOX") == 0;
        const Side gone = side_other(side);
        char text[512];

        (void) snprintf(text, sizeof(text),
                        "the mailbox is gone on the %s side; its %llu messages on the %s side are "
                        "kept, and it is not synchronised until it is there again%s",
                        side_name(gone), (unsigned long long) mailbox->state.messages,
                        side_name(side),
                        may_confirm ? ", or its deletion is confirmed (imapsyncctl confirm)"
                        : is_inbox  ? ""
                                    : " (delete-mailboxes = never)");
        mailbox->is_deleted[gone] = may_confirm;
        if (may_confirm && mailbox->held_since == 0)
                mailbox->held_since = mailbox->engine->now;
        sync_mailbox_set_missing(mailbox, may_confirm ? ENGINE_NOTE_HELD : ENGINE_NOTE_FAILED,
                                 text);
}

/* On both sides, and in the base. */
static int keep_in_sync(SyncMailbox *mailbox) {
        int r = 0;

        if (mailbox->is_missing)
                sync_mailbox_set_missing(mailbox, ENGINE_NOTE_FAILED, NULL);
        for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++)
                r = engine_save_object(mailbox, side, mailbox->told[side].object);
        if (r >= 0 && (mailbox->state.life.removing || mailbox->state.life.renaming)) {
                mailbox->state.life.removing = 0;
                free(mailbox->state.life.renaming);
                mailbox->state.life.renaming = NULL;
                r = engine_begin(mailbox->engine);
                if (r >= 0)
                        r = state_db_save_life(mailbox->engine->db, mailbox->state.id,
                                               &mailbox->state.life);
        }
        return r < 0 ? r : merge_subscriptions(mailbox);
}

/* It is on this side alone, and stays so. */
static const char *why_alone(Side side, bool in_base) {
        if (side == SIDE_LOCAL)
                return in_base ? "left out: it is gone on the server, and stays here (direction)"
                               : "left out: it is only here, and is not made on the server "
                                 "(direction)";
        return in_base ? "left out: it is gone here, and stays on the server (direction)"
                       : "left out: it is only on the server, and is not made here (direction)";
}

/* Nobody has asked for its deletion: when both ways are allowed again, a person is to say so. */
static int leave(SyncMailbox *mailbox, Side side) {
        MailboxLife *life = &mailbox->state.life;
        const bool in_base = sync_mailbox_is_in_base(mailbox);
        int r;

        mailbox->left_out = why_alone(side, in_base);
        sync_mailbox_set_missing(mailbox, ENGINE_NOTE_FAILED, NULL);
        if (!in_base || life->removing == MAILBOX_LEFT)
                return 0;
        life->removing = MAILBOX_LEFT;
        r = engine_begin(mailbox->engine);
        return r < 0 ? r : state_db_save_life(mailbox->engine->db, mailbox->state.id, life);
}

static int act_on(SyncMailbox *mailbox, bool is_much) {
        MailboxView view = engine_view(mailbox);
        MailboxPlan plan;

        view.is_much = is_much;
        plan = mailbox_plan(&view);
        mailbox->is_deleted[SIDE_REMOTE] = mailbox->is_deleted[SIDE_LOCAL] = false;
        switch (plan.step) {
        case MAILBOX_STEP_NONE:
                if (view.in_base)
                        return keep_in_sync(mailbox);
                if (!view.exists[SIDE_REMOTE] && !view.exists[SIDE_LOCAL])
                        engine_drop_mailbox(mailbox->engine, mailbox); /* it was new, and is gone */
                return 0;
        case MAILBOX_STEP_ADOPT:
                return adopt(mailbox);
        case MAILBOX_STEP_CREATE:
                return create_on(mailbox, plan.side);
        case MAILBOX_STEP_REMOVE:
                return engine_start_removal(mailbox, plan.side);
        case MAILBOX_STEP_HOLD:
                hold(mailbox, plan.side, true);
                return 0;
        case MAILBOX_STEP_KEEP:
                hold(mailbox, plan.side, false);
                return 0;
        case MAILBOX_STEP_LEAVE:
                return leave(mailbox, plan.side);
        case MAILBOX_STEP_FORGET: /* under another name it is a new one, with the next list */
                mailbox->engine->wants_list |=
                        view.moved_to[SIDE_REMOTE] || view.moved_to[SIDE_LOCAL];
                return engine_forget_mailbox(mailbox);
        case MAILBOX_STEP_RENAME: /* it could not be done, and says so */
        case MAILBOX_STEP_RENAMED:
                return 0;
        }
        abort();
}

static int act(Engine *engine) {
        const bool is_much[] = {is_much_gone(engine, SIDE_REMOTE),
                                is_much_gone(engine, SIDE_LOCAL)};

        for (size_t i = 0; i < engine->n_mailboxes;) {
                SyncMailbox *mailbox = engine->mailboxes[i];
                const Side gone = mailbox->exists[SIDE_REMOTE] ? SIDE_LOCAL : SIDE_REMOTE;
                int r = is_wanted(mailbox) ? act_on(mailbox, is_much[gone]) : 0;

                if (r < 0)
                        return r;
                i += i < engine->n_mailboxes && engine->mailboxes[i] == mailbox;
        }
        return 0;
}

/* --- the phases --- */

static int end(Engine *engine) {
        engine->list_phase = LIST_NONE;
        engine_forget_hints(engine);
        return engine_commit(engine);
}

static int on_renames_done(Engine *engine) {
        int r = engine_commit(engine);

        if (r < 0)
                return r;
        if (engine->n_renamed > 0) {
                engine->list_phase = LIST_NONE;
                engine->wants_list = true;
                return 0;
        }
        engine->list_phase = LIST_ACTING;
        return act(engine);
}

static int next_phase(Engine *engine) {
        switch (engine->list_phase) {
        case LIST_ASKING:
                if (engine->list_failed) { /* what it does not show is no evidence of anything */
                        engine->list_phase = LIST_NONE;
                        return 0;
                }
                engine_end_special(engine);
                take_lists(engine);
                engine->list_phase = LIST_STANDING;
                return engine_ask_standings(engine);
        case LIST_STANDING:
                engine->list_phase = LIST_SAMPLING;
                engine->sample = (Sample){0};
                return engine_match_known(engine);
        case LIST_SAMPLING:
                return engine_sample_next(engine);
        case LIST_RENAMING:
                return on_renames_done(engine);
        case LIST_ACTING:
                return end(engine);
        case LIST_NONE:
                return 0;
        }
        abort();
}

/* Go on as far as nothing is under way. */
int engine_compare_next(Engine *engine) {
        int r = 0;

        while (r >= 0 && engine->n_listing == 0 && engine->list_phase != LIST_NONE)
                r = next_phase(engine);
        return r;
}
