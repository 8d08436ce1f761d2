/*
 * The state database: opening, schema, transactions, and the small facts of the account.
 *
 * One process, one connection: locking_mode=EXCLUSIVE keeps WAL's index in memory, so that no shared
 * memory file is made, and a second process is refused by SQLite itself even if the state
 * directory's own lock were missing.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#include "store/state-db-private.h"

static const char *const statements[_SQL_MAX] = {
#define X(name, text) [SQL_##name] = text,
        STATE_DB_STATEMENTS(X)
#undef X
};

static const char *const migrations[STATE_DB_VERSION] = {STATE_DB_MIGRATIONS};

int db_error(StateDb *db) {
        switch (sqlite3_errcode(db->sqlite) & 0xff) {
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
                return db->system_error == ENOSPC ? -ENOSPC : -EACCES;
        case SQLITE_IOERR:
                return db->system_error == ENOSPC ? -ENOSPC : -EIO;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_CONSTRAINT:
                return -EBADMSG;
        default:
                return -EIO;
        }
}

static int db_prepare(StateDb *db, Sql sql, sqlite3_stmt **ret_statement) {
        if (!db->statements[sql] &&
            sqlite3_prepare_v3(db->sqlite, statements[sql], -1, SQLITE_PREPARE_PERSISTENT,
                               &db->statements[sql], NULL) != SQLITE_OK)
                return db_error(db);

        *ret_statement = db->statements[sql];
        return 0;
}

static int bind_one(sqlite3_stmt *statement, int position, char type, va_list *args) {
        ByteView bytes;

        switch (type) {
        case 'i':
                return sqlite3_bind_int64(statement, position, va_arg(*args, int64_t));
        case 'n':
                return sqlite3_bind_null(statement, position);
        case 's':
                return sqlite3_bind_text(statement, position, va_arg(*args, const char *), -1,
                                         SQLITE_STATIC);
        case 'b':
                bytes = va_arg(*args, ByteView);
                return sqlite3_bind_text(statement, position, bytes.data ? bytes.data : "",
                                         (int) bytes.size, SQLITE_STATIC);
        }
        abort();
}

static int db_query_va(StateDb *db, Sql sql, sqlite3_stmt **ret_statement, const char *types,
                       va_list *args) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_prepare(db, sql, &statement);
        if (r < 0)
                return r;

        for (int i = 0; types[i]; i++)
                if (bind_one(statement, i + 1, types[i], args) != SQLITE_OK)
                        return db_error(db);

        *ret_statement = TAKE_PTR(statement);
        return 0;
}

int db_query(StateDb *db, Sql sql, sqlite3_stmt **ret_statement, const char *types, ...) {
        va_list args;
        int r;

        va_start(args, types);
        r = db_query_va(db, sql, ret_statement, types, &args);
        va_end(args);
        return r;
}

int db_step(StateDb *db, sqlite3_stmt *statement) {
        errno = 0;
        switch (sqlite3_step(statement)) {
        case SQLITE_ROW:
                return 1;
        case SQLITE_DONE:
                return 0;
        default:
                db->system_error = errno;
                return db_error(db);
        }
}

int db_run(StateDb *db, Sql sql, const char *types, ...) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        va_list args;
        int r;

        va_start(args, types);
        r = db_query_va(db, sql, &statement, types, &args);
        va_end(args);
        if (r < 0)
                return r;

        r = db_step(db, statement);
        return r < 0 ? r : 0;
}

static int db_row_va(StateDb *db, Sql sql, sqlite3_stmt **ret_statement, const char *types,
                     va_list *args) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        int r;

        r = db_query_va(db, sql, &statement, types, args);
        if (r < 0)
                return r;
        r = db_step(db, statement);
        if (r <= 0)
                return r < 0 ? r : STATE_DB_E_NONE;

        *ret_statement = TAKE_PTR(statement);
        return 0;
}

int db_row(StateDb *db, Sql sql, sqlite3_stmt **ret_statement, const char *types, ...) {
        va_list args;
        int r;

        va_start(args, types);
        r = db_row_va(db, sql, ret_statement, types, &args);
        va_end(args);
        return r;
}

int db_integer(StateDb *db, int64_t *ret_value, Sql sql, const char *types, ...) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        va_list args;
        int r;

        va_start(args, types);
        r = db_row_va(db, sql, &statement, types, &args);
        va_end(args);
        if (r != 0)
                return r;

        *ret_value = sqlite3_column_int64(statement, 0);
        return 0;
}

int db_collect_uids(StateDb *db, sqlite3_stmt *borrowed, UidSet *uids) {
        _cleanup_reset_ sqlite3_stmt *statement = borrowed;
        int r;

        while ((r = db_step(db, statement)) > 0) {
                uint32_t uid = (uint32_t) sqlite3_column_int64(statement, 0);

                r = uid_set_add(uids, uid, uid);
                if (r < 0)
                        return r;
        }
        return r;
}

static int db_script(StateDb *db, const char *script) {
        errno = 0;
        if (sqlite3_exec(db->sqlite, script, NULL, NULL, NULL) == SQLITE_OK)
                return 0;
        db->system_error = errno;
        return db_error(db);
}

int db_need_temporary(StateDb *db) {
        int r;

        if (db->has_temporary)
                return 0;
        r = db_script(db, STATE_DB_TEMPORARY);
        if (r < 0)
                return r;
        db->has_temporary = true;
        return 0;
}

/* PRAGMA user_version, read without keeping the statement. */
static int read_version(StateDb *db, int *ret_version) {
        sqlite3_stmt *statement = NULL;
        int r;

        if (sqlite3_prepare_v2(db->sqlite, "PRAGMA user_version", -1, &statement, NULL) !=
            SQLITE_OK)
                return db_error(db);
        r = db_step(db, statement);
        if (r > 0)
                *ret_version = sqlite3_column_int(statement, 0);
        (void) sqlite3_finalize(statement);
        return r < 0 ? r : 0;
}

static int migrate(StateDb *db, int version) {
        int r;

        r = state_db_begin(db);
        if (r < 0)
                return r;

        for (; version < STATE_DB_VERSION; version++) {
                char pragma[64];

                r = db_script(db, migrations[version]);
                if (r < 0)
                        return r;
                (void) snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", version + 1);
                r = db_script(db, pragma);
                if (r < 0)
                        return r;
        }

        return state_db_commit(db);
}

static int db_setup(StateDb *db) {
        int version = 0, r;

        r = db_script(db, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                          "PRAGMA synchronous = FULL; PRAGMA cache_size = -512;"
                          "PRAGMA temp.cache_size = -256; PRAGMA temp.journal_mode = MEMORY;"
                          "PRAGMA journal_size_limit = 1048576;");
        if (r < 0)
                return r;
        r = read_version(db, &version);
        if (r < 0)
                return r;
        if (version > STATE_DB_VERSION)
                return STATE_DB_E_NEWER;

        return version < STATE_DB_VERSION ? migrate(db, version) : 0;
}

static char *open_sentence(StateDb *db, const char *path, int r) {
        char *sentence;
        int n;

        if (r == STATE_DB_E_NEWER)
                n = asprintf(&sentence,
                             "%s was written by a newer version of imapsyncd; use that one", path);
        else if (r == -EBUSY)
                n = asprintf(&sentence, "%s is in use by another process", path);
        else if (r == -EBADMSG)
                n = asprintf(&sentence,
                             "%s is damaged (%s); move it aside and start again: no mail is lost, "
                             "both sides are compared anew",
                             path, state_db_error(db));
        else
                n = asprintf(&sentence, "%s cannot be opened: %s", path, state_db_error(db));

        return n < 0 ? NULL : sentence;
}

static int make_file(const char *path, const char *suffix) {
        _cleanup_free_ char *name = NULL;
        _cleanup_close_ int fd = -1;

        if (asprintf(&name, "%s%s", path, suffix) < 0)
                return -ENOMEM;
        fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        return fd < 0 ? -errno : 0;
}

/*
 * What SQLite can not make it opens for reading, and then it says that it is not there: find out why. Empty,
 * either file is as good as none.
 */
static void correct_system_error(StateDb *db, const char *path) {
        int r;

        if ((sqlite3_errcode(db->sqlite) & 0xff) != SQLITE_CANTOPEN || db->system_error != ENOENT)
                return;
        r = make_file(path, "");
        if (r == 0)
                r = make_file(path, "-wal");
        if (r < 0)
                db->system_error = -r;
}

int state_db_open(const char *path, StateDb **ret_db, char **reterr) {
        _cleanup_(state_db_freep) StateDb *db = NULL;
        int r;

        *reterr = NULL;
        db = malloc(sizeof(*db));
        if (!db)
                return -ENOMEM;
        *db = (StateDb){0};

        /* Else each cache begins with room for 20 pages, and has two: that of the temporary tables. It is
         * refused once SQLite is at work, where it holds already. */
        (void) sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
        errno = 0;
        r = sqlite3_open_v2(path, &db->sqlite,
                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                    SQLITE_OPEN_PRIVATECACHE,
                            NULL);
        db->system_error = r == SQLITE_OK ? 0 : errno;
        if (!db->sqlite)
                return -ENOMEM;
        r = r == SQLITE_OK ? db_setup(db) : db_error(db);
        if (r == -EACCES) {
                correct_system_error(db, path);
                r = db_error(db);
        }
        if (r != 0) {
                *reterr = open_sentence(db, path, r);
                return r;
        }

        *ret_db = TAKE_PTR(db);
        return 0;
}

/* Prepared again on their next use. */
static void forget_statements(StateDb *db) {
        for (size_t i = 0; i < _SQL_MAX; i++) {
                (void) sqlite3_finalize(db->statements[i]);
                db->statements[i] = NULL;
        }
}

/* An event touches about ten pages. What a burst has read is in the kernel's cache too. */
#define RELAXED_CACHE (40 * 1024)

void state_db_relax(StateDb *db) {
        int used = 0, most = 0;

        if (db->in_transaction ||
            sqlite3_db_status(db->sqlite, SQLITE_DBSTATUS_CACHE_USED, &used, &most, 0) !=
                    SQLITE_OK ||
            used <= RELAXED_CACHE)
                return;
        forget_statements(db);
        (void) sqlite3_db_release_memory(db->sqlite);
}

StateDb *state_db_free(StateDb *db) {
        if (!db)
                return NULL;

        forget_statements(db);
        (void) sqlite3_close_v2(db->sqlite);
        free(db);
        return NULL;
}

const char *state_db_error(StateDb *db) {
        const char *text = sqlite3_errmsg(db->sqlite);
        const int code = sqlite3_errcode(db->sqlite) & 0xff;

        if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
                return "";
        if ((code != SQLITE_IOERR && code != SQLITE_CANTOPEN) || db->system_error == 0)
                return text;
        (void) snprintf(db->error, sizeof(db->error), "%s: %s", text, strerror(db->system_error));
        return db->error;
}

int state_db_begin_minor(StateDb *db) {
        int r;

        if (db->in_transaction)
                return 0;
        r = db_run(db, SQL_BEGIN, "");
        if (r < 0)
                return r;
        db->in_transaction = true;
        return 0;
}

int state_db_begin(StateDb *db) {
        const int r = state_db_begin_minor(db);

        db->has_major |= r >= 0;
        return r;
}

bool state_db_has_major(const StateDb *db) {
        return db->has_major;
}

int state_db_commit(StateDb *db) {
        int r;

        if (!db->in_transaction)
                return 0;
        r = db_run(db, SQL_COMMIT, "");
        if (r < 0)
                return r;
        db->in_transaction = db->has_major = false;
        db->n_commits++;
        return 0;
}

void state_db_rollback(StateDb *db) {
        if (!db->in_transaction)
                return;
        (void) db_run(db, SQL_ROLLBACK, "");
        db->in_transaction = db->has_major = false;
        db->has_temporary = db->has_unknown = false; /* made in it, they are gone; else made anew */
}

uint64_t state_db_n_commits(const StateDb *db) {
        return db->n_commits;
}

int state_db_get(StateDb *db, const char *key, char **ret_value) {
        _cleanup_reset_ sqlite3_stmt *statement = NULL;
        char *value;
        int r;

        r = db_row(db, SQL_GET, &statement, "s", key);
        if (r != 0)
                return r;

        value = strdup((const char *) sqlite3_column_text(statement, 0));
        if (!value)
                return -ENOMEM;
        *ret_value = value;
        return 0;
}

int state_db_set(StateDb *db, const char *key, const char *value) {
        return db_run(db, SQL_SET, "ss", key, value);
}
