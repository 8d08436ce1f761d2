#pragma once

/* What the files of the state database share. */

#include <sqlite3.h>

#include "store/state-db-sql.h"
#include "store/state-db.h"

typedef enum Sql {
#define X(name, text) SQL_##name,
        STATE_DB_STATEMENTS(X)
#undef X
                _SQL_MAX,
} Sql;

/* No message of this mailbox has such a UID or a higher one: of new messages nothing need be looked up. */
typedef struct MessageBound {
        int64_t mailbox; /* the last in which one was looked for in vain */
        bool is_known;
        uint64_t beyond[_SIDE_MAX];
} MessageBound;

struct StateDb {
        sqlite3 *sqlite;
        sqlite3_stmt *statements[_SQL_MAX]; /* prepared on first use */
        bool in_transaction, has_major;
        bool has_temporary; /* the temporary tables are made */
        bool has_unknown;   /* something was put among the unknown since */
        MessageBound bound;
        uint64_t n_commits;
        char error[256];  /* the last sentence of state_db_error() */
        int system_error; /* errno when SQLite last failed; 0: it was none of the system */
};

/* The negative errno of what SQLite said last. */
int db_error(StateDb *db);

/*
 * Bind and hand out a statement. @types has a letter an argument: i int64_t, n nothing (NULL, takes no
 * argument), s const char * or NULL, b ByteView; strings and bytes must live until the statement is reset.
 */
int db_query(StateDb *db, Sql sql, sqlite3_stmt **ret_statement, const char *types, ...);

/* Return: 1 a row, 0 the end, or negative. */
int db_step(StateDb *db, sqlite3_stmt *statement);

/* Bind, run to the end, and reset. */
int db_run(StateDb *db, Sql sql, const char *types, ...);

/* As db_query(), and on its first row. Return: 0, STATE_DB_E_NONE if there is none, or negative. */
int db_row(StateDb *db, Sql sql, sqlite3_stmt **ret_statement, const char *types, ...);

/* One row with one integer. Return: 0, STATE_DB_E_NONE, or negative. */
int db_integer(StateDb *db, int64_t *ret_value, Sql sql, const char *types, ...);

/* Collect the first column, ascending, into a set. Takes the statement over: it is reset. */
int db_collect_uids(StateDb *db, sqlite3_stmt *statement, UidSet *uids);

/* Columns remote, local, flags. */
BaseMessage db_column_message(sqlite3_stmt *statement);

/* Make the temporary tables if that was not done yet. */
int db_need_temporary(StateDb *db);

static inline void db_resetp(sqlite3_stmt **statement) {
        if (*statement) {
                (void) sqlite3_reset(*statement);
                (void) sqlite3_clear_bindings(*statement);
        }
}

#define _cleanup_reset_ _cleanup_(db_resetp)
