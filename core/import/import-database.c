/* Coming from another program: its SQLite databases. */

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "import/import-private.h"

/* What SQLite would roll back with the first look, and so change. */
static bool is_interrupted(const char *path) {
        static const char *const suffixes[] = {"-journal", "-wal"};

        for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
                _cleanup_free_ char *name = NULL;
                struct stat st;

                if (asprintf(&name, "%s%s", path, suffixes[i]) < 0 ||
                    (stat(name, &st) == 0 && st.st_size > 0))
                        return true;
        }
        return false;
}

int import_open_database(Import *import, const char *path, const char *again,
                         sqlite3 **ret_sqlite) {
        _cleanup_(import_close_database) sqlite3 *sqlite = NULL;
        int code;

        *ret_sqlite = NULL;
        if (is_interrupted(path))
                return import_refuse(
                        import, 0,
                        "%s was being written: either it is in use, or its program was "
                        "interrupted. Run %s once to its end, and import again",
                        path, again);
        code = sqlite3_open_v2(path, &sqlite, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
        if (code == SQLITE_OK) /* a lock shows here, and what is no database */
                code = sqlite3_exec(sqlite, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
        if (code == SQLITE_NOMEM)
                return -ENOMEM;
        if (code == SQLITE_BUSY)
                return import_refuse(
                        import, 0,
                        "%s is in use: end its program, see that nothing starts it again, "
                        "and import again",
                        path);
        if (code != SQLITE_OK)
                return import_refuse(
                        import, 0,
                        "%s cannot be read (%s): run %s once to its end, and import again", path,
                        sqlite3_errstr(code), again);
        *ret_sqlite = TAKE_PTR(sqlite);
        return 0;
}

int import_each_row(sqlite3 *sqlite, const char *sql,
                    int (*each)(sqlite3_stmt *row, void *userdata), void *userdata) {
        sqlite3_stmt *statement = NULL;
        int code, r = 0;

        code = sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL);
        while (code == SQLITE_OK && r >= 0 && (code = sqlite3_step(statement)) == SQLITE_ROW) {
                r = each(statement, userdata);
                code = SQLITE_OK;
        }
        (void) sqlite3_finalize(statement);
        if (r < 0)
                return r;
        return code == SQLITE_DONE ? 0 : code == SQLITE_NOMEM ? -ENOMEM : -EBADMSG;
}
