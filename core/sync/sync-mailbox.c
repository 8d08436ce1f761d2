/* The engine: a mailbox of the account, and the list of them by name. */

#include <assert.h>
#include <errno.h>

#include "sync/run-private.h"

#define MAX_NAMES 256u /* local names remembered for a mailbox; more: look at all of it */

/* --- names of local files that changed --- */

char **names_free(char **names) {
        for (size_t i = 0; names && names[i]; i++)
                free(names[i]);
        free(names);
        return NULL;
}

static void sync_mailbox_forget_names(SyncMailbox *mailbox) {
        mailbox->names[0] = names_free(mailbox->names[0]);
        mailbox->n_names = 0;
}

void sync_mailbox_add_names(SyncMailbox *mailbox, char **names) {
        if (mailbox->all_names)
                return;

        for (size_t i = 0; names && names[i]; i++) {
                char **grown = NULL, *copy = NULL;

                if (mailbox->n_names < MAX_NAMES)
                        grown = reallocarray(mailbox->names[0], mailbox->n_names + 2,
                                             sizeof(char *));
                if (grown) {
                        mailbox->names[0] = grown;
                        grown[mailbox->n_names] = NULL;
                        copy = strdup(names[i]);
                }
                if (!copy) {
                        mailbox->all_names = true;
                        sync_mailbox_forget_names(mailbox);
                        return;
                }
                grown[mailbox->n_names++] = copy;
                grown[mailbox->n_names] = NULL;
        }
}

/* --- mailboxes --- */

SyncMailbox *sync_mailbox_free(SyncMailbox *mailbox) {
        if (!mailbox)
                return NULL;

        run_free(mailbox->run);
        mailbox_state_done(&mailbox->state);
        keywords_done(&mailbox->keywords);
        names_free(mailbox->names[0]);
        names_free(mailbox->names[1]);
        for (Side side = 0; side < _SIDE_MAX; side++)
                free(mailbox->told[side].object);
        free(mailbox->removal_error);
        free(mailbox->error);
        free(mailbox);
        return NULL;
}

/* The position of @name, or where it would be. */
static size_t find_position(const Engine *engine, const char *name, bool *ret_found) {
        size_t low = 0, high = engine->n_mailboxes;

        *ret_found = false;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(name, engine->mailboxes[middle]->state.name);

                if (order == 0) {
                        *ret_found = true;
                        return middle;
                }
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return low;
}

SyncMailbox *engine_lookup(Engine *engine, const char *name) {
        bool found;
        size_t position = find_position(engine, name, &found);

        return found ? engine->mailboxes[position] : NULL;
}

void engine_forget_turns(Engine *engine) {
        memset(engine->turns_from, 0, sizeof(engine->turns_from));
}

static void unlink_mailbox(Engine *engine, const SyncMailbox *mailbox) {
        bool found;
        const size_t position = find_position(engine, mailbox->state.name, &found);

        assert(found && engine->mailboxes[position] == mailbox);
        engine->n_mailboxes--;
        engine_forget_wires(engine);
        engine_forget_turns(engine);
        memmove(engine->mailboxes + position, engine->mailboxes + position + 1,
                (engine->n_mailboxes - position) * sizeof(*engine->mailboxes));
}

/* It is called as it is: what the owner has for that name. */
static void take_options(SyncMailbox *mailbox) {
        const EngineOptions *options = &mailbox->engine->options;
        const char *name = mailbox->state.name;

        mailbox->direction =
                options->direction ? options->direction(name, options->userdata) : DIRECTION_BOTH;
        mailbox->size_limit =
                options->size_limit ? options->size_limit(name, options->userdata) : 0;
        mailbox->age_limit = options->age_limit ? options->age_limit(name, options->userdata) : 0;
        mailbox->count_limit =
                options->count_limit ? options->count_limit(name, options->userdata) : 0;
}

/* There must be room for it. */
static void link_mailbox(Engine *engine, SyncMailbox *mailbox) {
        bool found;
        const size_t position = find_position(engine, mailbox->state.name, &found);

        assert(!found && engine->n_mailboxes < engine->n_allocated);
        memmove(engine->mailboxes + position + 1, engine->mailboxes + position,
                (engine->n_mailboxes - position) * sizeof(*engine->mailboxes));
        engine->n_mailboxes++;
        engine->mailboxes[position] = mailbox;
        take_options(mailbox);
        engine_forget_wires(engine);
        engine_forget_turns(engine);
}

int engine_add_mailbox(Engine *engine, MailboxState *state, SyncMailbox **ret_mailbox) {
        _cleanup_(sync_mailbox_freep) SyncMailbox *mailbox = NULL;

        if (engine->n_mailboxes == engine->n_allocated) {
                size_t n = engine->n_allocated ? engine->n_allocated * 2 : 16;
                SyncMailbox **grown = reallocarray(engine->mailboxes, n, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                engine->mailboxes = grown;
                engine->n_allocated = n;
        }

        mailbox = calloc(1, sizeof(*mailbox));
        if (!mailbox)
                return -ENOMEM;
        mailbox->engine = engine;
        mailbox->state = *state;
        for (Side side = 0; side < _SIDE_MAX; side++)
                mailbox->replica[side] = (ReplicaMailbox){
                        .id = state->id,
                        .name = state->name,
                        .wire = state->wire[side],
                        .keywords = &mailbox->keywords,
                        .owner = mailbox,
                };
        *state = (MailboxState){0};

        link_mailbox(engine, mailbox);
        if (ret_mailbox)
                *ret_mailbox = mailbox;
        mailbox = NULL;
        return 0;
}

void engine_drop_mailbox(Engine *engine, SyncMailbox *mailbox) {
        assert(!mailbox->run);

        engine->n_dirty -= sync_mailbox_is_marked(mailbox);
        engine->n_verifying -= sync_mailbox_n_wishes(mailbox);
        unlink_mailbox(engine, mailbox);
        sync_mailbox_free(mailbox);
}

void sync_mailbox_set_wire(SyncMailbox *mailbox, Side side, char *wire) {
        free(mailbox->state.wire[side]);
        mailbox->state.wire[side] = mailbox->replica[side].wire = wire;
        engine_forget_wires(mailbox->engine);
}

void engine_rename_mailbox(Engine *engine, SyncMailbox *mailbox, char *name,
                           char *wire[_SIDE_MAX]) {
        unlink_mailbox(engine, mailbox);
        free(mailbox->state.name);
        mailbox->state.name = name;
        for (Side side = 0; side < _SIDE_MAX; side++) {
                mailbox->replica[side].name = name;
                sync_mailbox_set_wire(mailbox, side, TAKE_PTR(wire[side]));
        }
        link_mailbox(engine, mailbox);
        sync_mailbox_check_limit(mailbox); /* there may be another one by its new name */
}

void sync_mailbox_set_error(SyncMailbox *mailbox, const char *text) {
        free(mailbox->error);
        mailbox->error = text ? strdup(text) : NULL;
}

bool sync_mailbox_is_marked(const SyncMailbox *mailbox) {
        return mailbox->dirty[SIDE_REMOTE] || mailbox->dirty[SIDE_LOCAL];
}

void sync_mailbox_mark(SyncMailbox *mailbox, Side side) {
        if (!sync_mailbox_is_marked(mailbox))
                mailbox->engine->n_dirty++;
        engine_forget_turns(mailbox->engine);
        mailbox->dirty[side] = mailbox->may_gain[side] = true;
        mailbox->engine->some_may_lose[side] |= mailbox->may_lose[side];
        mailbox->has_settled = false;
}

/* Before a side is asked for anything in it: what the side enters must come after what the base has. */
int sync_mailbox_load_keywords(SyncMailbox *mailbox) {
        int r;

        if (mailbox->has_keywords)
                return 0;
        keywords_done(&mailbox->keywords);
        r = state_db_load_keywords(mailbox->engine->db, mailbox->state.id, &mailbox->keywords);
        if (r < 0)
                return r;
        mailbox->has_keywords = true;
        mailbox->n_saved_keywords = mailbox->keywords.n_names;
        return 0;
}

int sync_mailbox_save(SyncMailbox *mailbox) {
        StateDb *db = mailbox->engine->db;
        int r;

        if (mailbox->has_keywords && mailbox->n_saved_keywords < mailbox->keywords.n_names) {
                r = state_db_save_keywords(db, mailbox->state.id, &mailbox->keywords,
                                           mailbox->n_saved_keywords);
                if (r < 0)
                        return r;
                mailbox->n_saved_keywords = mailbox->keywords.n_names;
        }
        return state_db_save_mailbox(db, &mailbox->state);
}
