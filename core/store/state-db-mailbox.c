/* The state database: mailboxes and their keywords. */

#include <errno.h>

#include "store/state-db-private.h"

void mailbox_state_done(MailboxState *state) {
        free(state->name);
        for (Side side = 0; side < _SIDE_MAX; side++) {
                free(state->wire[side]);
                free(state->life.object[side]);
        }
        free(state->life.renaming);
        *state = (MailboxState){0};
}

uint64_t *mailbox_state_count(MailboxState *state, const char *reason) {
        const struct {
                const char *reason;
                uint64_t *count;
        } counts[] = {
                {STATE_DB_ALONE,   &state->alone  },
                {STATE_DB_LARGE,   &state->large  },
                {STATE_DB_OLD,     &state->old    },
                {STATE_DB_SURPLUS, &state->surplus},
                {STATE_DB_EVICTED, &state->evicted},
        };

        for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
                if (strcmp(counts[i].reason, reason) == 0)
                        return counts[i].count;
        return NULL;
}

/* So many have been deleted that one more is too much, at a time that never becomes long ago. */
#define ADOPTED_GONE  ((uint64_t) 1 << 40)
#define ADOPTED_SINCE INT64_MAX

void mailbox_state_adopt(MailboxState *state) {
        state->gone[SIDE_REMOTE] = state->gone[SIDE_LOCAL] = ADOPTED_GONE;
        state->gone_since = ADOPTED_SINCE;
}

bool mailbox_state_is_adopted(const MailboxState *state, Side side) {
        return state->gone_since == ADOPTED_SINCE && state->gone[side] >= ADOPTED_GONE;
}

void mailbox_state_end_adoption(MailboxState *state, Side side) {
        if (!mailbox_state_is_adopted(state, side))
                return;
        state->gone[side] = 0;
        if (!mailbox_state_is_adopted(state, side_other(side)))
                state->gone_since = 0;
}

static int column_string(sqlite3_stmt *statement, int column, char **ret_string) {
        const char *text = (const char *) sqlite3_column_text(statement, column);

        *ret_string = text ? strdup(text) : NULL;
        return text && !*ret_string ? -ENOMEM : 0;
}

static ReplicaToken column_token(sqlite3_stmt *statement, int column) {
        return (ReplicaToken){
                .uidvalidity = (uint32_t) sqlite3_column_int64(statement, column),
                .uidnext = (uint32_t) sqlite3_column_int64(statement, column + 1),
                .modseq = (uint64_t) sqlite3_column_int64(statement, column + 2),
        };
}

static int column_mailbox(sqlite3_stmt *statement, MailboxState *state) {
        uint64_t *const counts[] = {
                &state->messages,
                &state->files,
                &state->parked[SIDE_REMOTE],
                &state->parked[SIDE_LOCAL],
                &state->gone[SIDE_REMOTE],
                &state->gone[SIDE_LOCAL],
        };
        uint64_t *const limits[] = {
                &state->old,       &state->surplus,     &state->evicted,
                &state->age_limit, &state->count_limit,
        };

        state->id = sqlite3_column_int64(statement, 0);
        state->token[SIDE_REMOTE] = column_token(statement, 3);
        state->token[SIDE_LOCAL] = column_token(statement, 6);
        for (int i = 0; i < 4; i++)
                state->token[SIDE_LOCAL].stamp[i] =
                        (uint64_t) sqlite3_column_int64(statement, 9 + i);
        for (int i = 0; i < (int) ARRAY_SIZE(counts); i++)
                *counts[i] = (uint64_t) sqlite3_column_int64(statement, 13 + i);
        state->gone_since = sqlite3_column_int64(statement, 19);
        state->last_change = sqlite3_column_int64(statement, 20);
        state->alone = (uint64_t) sqlite3_column_int64(statement, 22);
        state->large = (uint64_t) sqlite3_column_int64(statement, 23);
        state->size_limit = (uint64_t) sqlite3_column_int64(statement, 24);
        for (int i = 0; i < (int) ARRAY_SIZE(limits); i++)
                *limits[i] = (uint64_t) sqlite3_column_int64(statement, 25 + i);
        state->left_until = sqlite3_column_int64(statement, 30);
        state->is_dated = sqlite3_column_int64(statement, 31) != 0;

        if (column_string(statement, 1, &state->name) < 0 ||
            column_string(statement, 2, &state->wire[SIDE_REMOTE]) < 0 ||
            column_string(statement, 21, &state->wire[SIDE_LOCAL]) < 0)
                return -ENOMEM;
        return 0;
}

static int load_life(StateDb *db, int64_t mailbox, MailboxLife *life) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_query(db, SQL_LIFE_GET, &statement, "i", mailbox);
        if (r < 0)
                return r;
        r = db_step(db, statement);
        if (r <= 0)
                return r;

        life->subscribed = (Subscribed) sqlite3_column_int(statement, 2);
        life->renaming_side = (Side) sqlite3_column_int(statement, 4);
        life->removing = (unsigned) sqlite3_column_int(statement, 5);
        if (column_string(statement, 0, &life->object[SIDE_REMOTE]) < 0 ||
            column_string(statement, 1, &life->object[SIDE_LOCAL]) < 0 ||
            column_string(statement, 3, &life->renaming) < 0)
                return -ENOMEM;
        return 0;
}

int state_db_each_mailbox(StateDb *db, int (*each)(MailboxState *state, void *userdata),
                          void *userdata) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_query(db, SQL_MAILBOX_EACH, &statement, "");
        if (r < 0)
                return r;

        while ((r = db_step(db, statement)) > 0) {
                _cleanup_(mailbox_state_done) MailboxState state = {0};

                r = column_mailbox(statement, &state);
                if (r >= 0)
                        r = load_life(db, state.id, &state.life);
                if (r >= 0)
                        r = each(&state, userdata);
                if (r < 0)
                        return r;
                state = (MailboxState){0};
        }

        return r;
}

int state_db_add_mailbox(StateDb *db, const char *name, const char *remote_wire,
                         const char *local_wire, int64_t *ret_id) {
        int r;

        r = db_run(db, SQL_MAILBOX_ADD, "sss", name, remote_wire, local_wire);
        if (r < 0)
                return r;
        *ret_id = sqlite3_last_insert_rowid(db->sqlite);
        return 0;
}

int state_db_save_mailbox(StateDb *db, const MailboxState *state) {
        const ReplicaToken *remote = &state->token[SIDE_REMOTE], *local = &state->token[SIDE_LOCAL];

        return db_run(
                db, SQL_MAILBOX_SAVE, "isiiiiiiiiiiiiiiiiiisiiiiiiiiii", state->id,
                state->wire[SIDE_REMOTE], (int64_t) remote->uidvalidity, (int64_t) remote->uidnext,
                (int64_t) remote->modseq, (int64_t) local->uidvalidity, (int64_t) local->uidnext,
                (int64_t) local->modseq, (int64_t) local->stamp[0], (int64_t) local->stamp[1],
                (int64_t) local->stamp[2], (int64_t) local->stamp[3], (int64_t) state->messages,
                (int64_t) state->files, (int64_t) state->parked[SIDE_REMOTE],
                (int64_t) state->parked[SIDE_LOCAL], (int64_t) state->gone[SIDE_REMOTE],
                (int64_t) state->gone[SIDE_LOCAL], state->gone_since, state->last_change,
                state->wire[SIDE_LOCAL], (int64_t) state->alone, (int64_t) state->large,
                (int64_t) state->size_limit, (int64_t) state->old, (int64_t) state->surplus,
                (int64_t) state->evicted, (int64_t) state->age_limit, (int64_t) state->count_limit,
                state->left_until, (int64_t) state->is_dated);
}

int state_db_save_life(StateDb *db, int64_t mailbox, const MailboxLife *life) {
        return db_run(db, SQL_LIFE_SAVE, "issisii", mailbox, life->object[SIDE_REMOTE],
                      life->object[SIDE_LOCAL], (int64_t) life->subscribed, life->renaming,
                      (int64_t) life->renaming_side, (int64_t) life->removing);
}

int state_db_rename_mailbox(StateDb *db, int64_t mailbox, const char *name, const char *remote_wire,
                            const char *local_wire) {
        return db_run(db, SQL_MAILBOX_RENAME, "isss", mailbox, name, remote_wire, local_wire);
}

int state_db_forget_mailbox(StateDb *db, int64_t mailbox) {
        static const Sql all[] = {
                SQL_MESSAGE_REMOVE_ALL, SQL_FILE_FORGET,    SQL_INTENT_FORGET,   SQL_STAGED_CLEAR,
                SQL_PARKED_FORGET,      SQL_KEYWORD_FORGET, SQL_ROTATION_FORGET, SQL_LIFE_FORGET,
                SQL_OBJECT_REMOVE_ALL,  SQL_MOVED_FORGET,   SQL_MAILBOX_FORGET,
        };

        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                int r = db_run(db, all[i], "i", mailbox);

                if (r < 0)
                        return r;
        }
        return 0;
}

int state_db_load_keywords(StateDb *db, int64_t mailbox, Keywords *keywords) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_query(db, SQL_KEYWORD_EACH, &statement, "i", mailbox);
        if (r < 0)
                return r;

        while ((r = db_step(db, statement)) > 0) {
                MessageFlags flag;

                r = keywords_add(keywords,
                                 bytes_of((const char *) sqlite3_column_text(statement, 0)), &flag);
                if (r < 0)
                        return r;
        }
        return r;
}

int state_db_save_keywords(StateDb *db, int64_t mailbox, const Keywords *keywords, unsigned from) {
        for (unsigned i = from; i < keywords->n_names; i++) {
                int r = db_run(db, SQL_KEYWORD_ADD, "iis", mailbox, (int64_t) i,
                               keywords->names[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}
