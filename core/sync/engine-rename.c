/*
 * The engine: mailboxes that were renamed
 *
 * One that is gone from a side, or has another one in its place, may be there under a new name. It is
 * known by what the server told (OLDNAME), by who it is (ReplicaEvent.object), by our own intent, or by
 * how it stands and a sample of its messages (engine-sample.c). Then the other side's is renamed, and
 * the base keeps its rows: no message travels.
 *
 * The intent is committed before the rename is asked for: after a crash between the two sides agree
 * that they have it already.
 */

#include <errno.h>
#include <stdio.h>

#include "sync/engine-private.h"

/* --- who may be who --- */

static bool is_inbox(const SyncMailbox *mailbox) {
        return strcmp(mailbox->state.name, "INBOX") == 0;
}

/* Has the mailbox of that name been replaced by another one? Not every list tells the UIDVALIDITY, but
 * UIDs do not go backwards either. */
static bool is_replaced(const SyncMailbox *mailbox, Side side) {
        const ReplicaStatus *status = &mailbox->told[side].status;
        const ReplicaToken *token = &mailbox->state.token[side];
        const char *object = mailbox->state.life.object[side];

        if (object && mailbox->told[side].object)
                return strcmp(object, mailbox->told[side].object) != 0;
        if (status->uidnext > 0 && status->uidnext < token->uidnext)
                return true;
        return token->uidvalidity > 0 && status->has_uidvalidity &&
               status->uidvalidity != token->uidvalidity;
}

bool engine_is_gone(const SyncMailbox *mailbox, Side side) {
        return sync_mailbox_is_in_base(mailbox) && !is_inbox(mailbox) && !mailbox->moved_to[side] &&
               (!mailbox->exists[side] || is_replaced(mailbox, side));
}

bool engine_may_be(const SyncMailbox *old, const SyncMailbox *new, Side side) {
        if (!engine_is_gone(old, side) || sync_mailbox_is_in_base(new) || !new->exists[side] ||
            new->left_out)
                return false;
        return !new->is_target || old->moved_to[side_other(side)] == new;
}

void engine_match(SyncMailbox *old, SyncMailbox *new, Side side) {
        old->moved_to[side] = new;
        new->is_target = true;
}

static bool is_any_gone(const Engine *engine, Side side) {
        for (size_t i = 0; i < engine->n_mailboxes; i++)
                if (engine_is_gone(engine->mailboxes[i], side))
                        return true;
        return false;
}

/* Only where something is gone does it matter who the new ones are. How much is in them always does. */
int engine_ask_standings(Engine *engine) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                Replica *replica = engine->replica[side];
                const bool is_one_gone = replica->ops->standing && is_any_gone(engine, side);

                for (size_t i = 0; i < engine->n_mailboxes && replica->ops->standing; i++) {
                        SyncMailbox *mailbox = engine->mailboxes[i];
                        const bool may_be_old = is_one_gone && !sync_mailbox_is_in_base(mailbox);
                        int r;

                        if (!mailbox->exists[side] ||
                            !(may_be_old ||
                              (side == SIDE_REMOTE && sync_mailbox_lacks_size(mailbox))))
                                continue;
                        r = replica->ops->standing(replica, &mailbox->replica[side]);
                        if (r < 0)
                                return r;
                        engine->n_listing++;
                }
        }
        return 0;
}

/* --- what is known for sure --- */

/* The name after all renames that were told of; what lies below a mailbox goes with it. */
static int follow_hints(const Engine *engine, Side side, const char *name, char **ret_name) {
        _cleanup_free_ char *now = strdup(name);

        for (size_t i = 0; now && i < engine->n_hints; i++) {
                const RenameHint *hint = &engine->hints[i];
                const size_t n = strlen(hint->old_name);
                char *next;

                if (hint->side != side || strncmp(now, hint->old_name, n) != 0 ||
                    (now[n] != '\0' && now[n] != '/'))
                        continue;
                if (asprintf(&next, "%s%s", hint->new_name, now + n) < 0)
                        return -ENOMEM;
                free(now);
                now = next;
        }
        *ret_name = TAKE_PTR(now);
        return *ret_name ? 0 : -ENOMEM;
}

static int match_hint(Engine *engine, SyncMailbox *old, Side side) {
        _cleanup_free_ char *name = NULL;
        SyncMailbox *new;
        int r;

        r = follow_hints(engine, side, old->state.name, &name);
        if (r < 0 || strcmp(name, old->state.name) == 0)
                return r;
        new = engine_lookup(engine, name);
        if (new &&engine_may_be(old, new, side))
                engine_match(old, new, side);
        return 0;
}

static void match_intent(Engine *engine, SyncMailbox *old) {
        const MailboxLife *life = &old->state.life;
        SyncMailbox *new = life->renaming ? engine_lookup(engine, life->renaming) : NULL;

        if (new && !old->exists[life->renaming_side] &&
            engine_may_be(old, new, life->renaming_side))
                engine_match(old, new, life->renaming_side);
}

static void match_object(Engine *engine, SyncMailbox *old, Side side) {
        const char *object = engine_is_gone(old, side) ? old->state.life.object[side] : NULL;

        for (size_t i = 0; object && i < engine->n_mailboxes; i++) {
                SyncMailbox *new = engine->mailboxes[i];

                if (new->told[side].object && strcmp(new->told[side].object, object) == 0 &&
                    engine_may_be(old, new, side)) {
                        engine_match(old, new, side);
                        return;
                }
        }
}

/* The new name must be free on the other side: else there are two mailboxes, and none was renamed. */
static void drop_blocked(Engine *engine) {
        for (size_t i = 0; i < engine->n_mailboxes; i++)
                for (Side side = 0; side < _SIDE_MAX; side++) {
                        SyncMailbox *old = engine->mailboxes[i], *new = old->moved_to[side];
                        const Side other = side_other(side);

                        if (!new || !new->exists[other] || old->moved_to[other] == new)
                                continue;
                        old->moved_to[side] = NULL;
                        new->is_target = false;
                }
}

int engine_match_known(Engine *engine) {
        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                SyncMailbox *old = engine->mailboxes[i];
                int r;

                match_object(engine, old, SIDE_REMOTE);
                match_object(engine, old, SIDE_LOCAL);
                match_intent(engine, old);
                for (Side side = 0; side < _SIDE_MAX; side++) {
                        r = match_hint(engine, old, side);
                        if (r < 0)
                                return r;
                }
        }
        drop_blocked(engine);
        return 0;
}

/* --- renaming --- */

/* What is called @mailbox in the base is there under another name on the side that is to be renamed. */
static SyncMailbox *source_of(SyncMailbox *mailbox, Side side) {
        return mailbox->moved_to[side] ? mailbox->moved_to[side] : mailbox;
}

/* Does the renaming of a parent on this side take it along, to where it should be or near? The rest is
 * for the next list. */
static bool is_carried(Engine *engine, const SyncMailbox *mailbox, const MailboxPlan *plan) {
        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                const SyncMailbox *parent = engine->mailboxes[i];
                const size_t n = strlen(parent->state.name);
                MailboxView view;
                MailboxPlan its;

                if (strncmp(mailbox->state.name, parent->state.name, n) != 0 ||
                    mailbox->state.name[n] != '/' || mailbox->moved_to[plan->side] ||
                    parent->moved_to[plan->side])
                        continue;
                view = engine_view(parent);
                its = mailbox_plan(&view);
                if (its.step == MAILBOX_STEP_RENAME && its.side == plan->side &&
                    strncmp(plan->name, its.name, strlen(its.name)) == 0 &&
                    plan->name[strlen(its.name)] == '/')
                        return true;
        }
        return false;
}

static int save_intent(SyncMailbox *mailbox, const MailboxPlan *plan) {
        MailboxLife *life = &mailbox->state.life;
        char *copy = strdup(plan->name);
        int r;

        if (!copy)
                return -ENOMEM;
        free(life->renaming);
        life->renaming = copy;
        life->renaming_side = plan->side;
        r = engine_begin(mailbox->engine);
        return r < 0 ? r : state_db_save_life(mailbox->engine->db, mailbox->state.id, life);
}

static void note_renamed(Engine *engine, const SyncMailbox *mailbox, const char *old_name,
                         Side side) {
        engine_note(engine, &(EngineNote){
                                    .type = ENGINE_NOTE_RENAMED,
                                    .mailbox = mailbox->state.name,
                                    .text = old_name,
                                    .side = side,
                            });
}

static int save_renamed(SyncMailbox *mailbox, const char *name, char *const wire[_SIDE_MAX]) {
        MailboxLife *life = &mailbox->state.life;
        StateDb *db = mailbox->engine->db;
        int r;

        free(life->renaming);
        life->renaming = NULL;
        life->subscribed = SUBSCRIBED_UNKNOWN; /* it goes by the name */
        r = engine_begin(mailbox->engine);
        if (r >= 0)
                r = state_db_rename_mailbox(db, mailbox->state.id, name, wire[SIDE_REMOTE],
                                            wire[SIDE_LOCAL]);
        if (r >= 0)
                r = state_db_save_life(db, mailbox->state.id, life);
        return r < 0 ? r : engine_commit(mailbox->engine);
}

/* Both sides have it under its new name: so does the base, and what stood for that name goes. @wire
 * empty: as the list has told, if it has; of one that was carried along the next one does. */
static int take_renamed(SyncMailbox *mailbox, SyncMailbox *target, Side side, ByteView wire) {
        Engine *engine = mailbox->engine;
        _cleanup_free_ char *old_name = strdup(mailbox->state.name);
        _cleanup_free_ char *name = strdup(target->state.name);
        char *wires[_SIDE_MAX];
        SyncMailbox *other = mailbox->moved_to[side] != target ? mailbox->moved_to[side] : NULL;
        int r;

        if (!old_name || !name)
                return -ENOMEM;
        r = engine_take_wire(target, side, wire);
        if (r >= 0)
                r = save_renamed(mailbox, name, target->state.wire);
        if (r < 0)
                return r;
        for (Side s = 0; s < _SIDE_MAX; s++)
                wires[s] = TAKE_PTR(target->state.wire[s]);

        engine_drop_mailbox(engine, target);
        if (other)
                engine_drop_mailbox(engine, other);
        engine_rename_mailbox(engine, mailbox, TAKE_PTR(name), wires);
        memset(mailbox->moved_to, 0, sizeof(mailbox->moved_to));
        mailbox->exists[SIDE_REMOTE] = mailbox->exists[SIDE_LOCAL] = true;
        sync_mailbox_set_missing(mailbox, ENGINE_NOTE_FAILED, NULL);
        engine->n_renamed++;
        note_renamed(engine, mailbox, old_name, side);
        return 0;
}

static int ask_rename(SyncMailbox *mailbox, const MailboxPlan *plan) {
        Engine *engine = mailbox->engine;
        Replica *replica = engine->replica[plan->side];
        int r;

        r = replica->ops->rename(replica, &source_of(mailbox, plan->side)->replica[plan->side],
                                 plan->name);
        if (r < 0)
                return r;
        engine->n_listing++;
        return 0;
}

typedef enum Pass {
        PASS_NOTE,   /* dry run */
        PASS_INTEND, /* commit the intents */
        PASS_ASK,
} Pass;

static int pass_one(SyncMailbox *mailbox, Pass pass) {
        Engine *engine = mailbox->engine;
        const MailboxView view = engine_view(mailbox);
        const MailboxPlan plan = mailbox_plan(&view);

        if (plan.step != MAILBOX_STEP_RENAME)
                return 0;
        switch (pass) {
        case PASS_NOTE:
                engine_note_text(engine, ENGINE_NOTE_WOULD, mailbox,
                                 "rename the %s mailbox to “%s”", side_name(plan.side), plan.name);
                return 0;
        case PASS_INTEND:
                return save_intent(mailbox, &plan);
        case PASS_ASK:
                return is_carried(engine, mailbox, &plan) ? 0 : ask_rename(mailbox, &plan);
        }
        abort();
}

/* What lies below others first, so that it can leave before they take it along. */
static int pass_all(Engine *engine, Pass pass) {
        int r = 0;

        for (size_t i = engine->n_mailboxes; r >= 0 && i > 0; i--)
                r = pass_one(engine->mailboxes[i - 1], pass);
        return r;
}

/* Those that have their new name on both sides, after a crash or by somebody's hand. */
static int take_agreed(Engine *engine) {
        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                SyncMailbox *mailbox = engine->mailboxes[i];
                SyncMailbox *target = mailbox->moved_to[SIDE_REMOTE];
                int r;

                if (!target || target != mailbox->moved_to[SIDE_LOCAL])
                        continue;
                r = take_renamed(mailbox, target, SIDE_LOCAL, BYTES_NULL);
                if (r < 0)
                        return r;
                i = 0; /* they have other places now; this is rare, and ends */
        }
        return 0;
}

/* Is it, or what lies below it and would go along, not to be renamed on this side? */
static bool is_forbidden(const Engine *engine, const SyncMailbox *mailbox, Side side) {
        const size_t n = strlen(mailbox->state.name);

        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                const SyncMailbox *other = engine->mailboxes[i];

                if (strncmp(other->state.name, mailbox->state.name, n) == 0 &&
                    (other->state.name[n] == '\0' || other->state.name[n] == '/') &&
                    !sync_mailbox_may(other, side, DEED_RENAME))
                        return true;
        }
        return false;
}

/* What may not be renamed was not: there is a mailbox less and another one more. */
static void drop_forbidden(Engine *engine) {
        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                SyncMailbox *mailbox = engine->mailboxes[i];
                const MailboxView view = engine_view(mailbox);
                const MailboxPlan plan = mailbox_plan(&view);

                if (plan.step != MAILBOX_STEP_RENAME || !is_forbidden(engine, mailbox, plan.side))
                        continue;
                for (Side side = 0; side < _SIDE_MAX; side++) {
                        if (mailbox->moved_to[side])
                                mailbox->moved_to[side]->is_target = false;
                        mailbox->moved_to[side] = NULL;
                }
        }
}

int engine_start_renames(Engine *engine) {
        int r;

        engine->list_phase = LIST_RENAMING;
        drop_forbidden(engine);
        if (engine->options.dry_run)
                return pass_all(engine, PASS_NOTE);
        r = take_agreed(engine);
        if (r >= 0)
                r = pass_all(engine, PASS_INTEND);
        if (r >= 0)
                r = engine_commit(engine);
        return r < 0 ? r : pass_all(engine, PASS_ASK);
}

/* What lay below it went along: those that were to do so have arrived. */
static int take_carried(Engine *engine, const char *old_name, const char *new_name, Side side) {
        const size_t n_old = strlen(old_name), n_new = strlen(new_name);

        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                SyncMailbox *mailbox = engine->mailboxes[i];
                SyncMailbox *target = mailbox->moved_to[side_other(side)];
                int r;

                if (!target || mailbox->moved_to[side] ||
                    strncmp(mailbox->state.name, old_name, n_old) != 0 ||
                    mailbox->state.name[n_old] != '/' ||
                    strncmp(target->state.name, new_name, n_new) != 0 ||
                    strcmp(target->state.name + n_new, mailbox->state.name + n_old) != 0)
                        continue;
                r = take_renamed(mailbox, target, side, BYTES_NULL);
                if (r < 0)
                        return r;
                i = 0;
        }
        return 0;
}

static SyncMailbox *renamed_of(Engine *engine, SyncMailbox *source, Side side) {
        for (size_t i = 0; i < engine->n_mailboxes; i++)
                if (engine->mailboxes[i]->moved_to[side] == source)
                        return engine->mailboxes[i];
        return source;
}

static void refuse(SyncMailbox *mailbox, SyncMailbox *target, Side side, const char *why) {
        char text[512];

        (void) snprintf(text, sizeof(text),
                        "it was renamed to “%.150s” on the %s side, and cannot be on the %s side: "
                        "%.200s; until it can, or has its old name again, it is not synchronised",
                        target->state.name, side_name(side_other(side)), side_name(side),
                        why ? why : "no reason given");
        sync_mailbox_set_missing(mailbox, ENGINE_NOTE_FAILED, text);
        (void) snprintf(text, sizeof(text), "it waits for “%.200s” to be renamed to it",
                        mailbox->state.name);
        sync_mailbox_set_missing(target, ENGINE_NOTE_FAILED, text);
}

int engine_on_renamed(Engine *engine, Side side, const ReplicaEvent *event) {
        SyncMailbox *mailbox = renamed_of(engine, event->mailbox->owner, side);
        SyncMailbox *target = mailbox->moved_to[side_other(side)];
        int r;

        engine->n_listing--;
        if (!target)
                return engine_compare_next(engine);
        if (event->outcome != REPLICA_OK)
                refuse(mailbox, target, side, event->text);
        else {
                _cleanup_free_ char *old_name = strdup(source_of(mailbox, side)->state.name);
                _cleanup_free_ char *new_name = strdup(target->state.name);

                if (!old_name || !new_name)
                        return -ENOMEM;
                r = take_renamed(mailbox, target, side, event->wire);
                if (r >= 0)
                        r = take_carried(engine, old_name, new_name, side);
                if (r < 0)
                        return r;
        }
        return engine_compare_next(engine);
}
