#pragma once

/* What the files of the import share. */

#include <sqlite3.h>

#include "import/import.h"
#include "store/maildir.h"

#define IMPORT_MAX_FILE ((size_t) 256 * 1024 * 1024) /* of another program's files; more is none */

/* A sentence about a line of the configuration; @line 0: about none. */
int import_note(Import *import, unsigned line, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
int import_refuse(Import *import, unsigned line, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* "key = value" into a section, quoted where it must be. A value that cannot be written is refused. */
int import_set(Import *import, Buffer *section, unsigned line, const char *key, const char *value);

/* A value as the configuration has it: quoted where it must be. */
int import_append_value(Buffer *out, const char *value);

/* @name: made fit for an account, and unlike the others. */
int import_add_account(Import *import, const char *name, ImportAccount **ret_account);
int import_add_mailbox(ImportAccount *account, const char *name, ImportMailbox **ret_mailbox);
int import_add_message(ImportMailbox *mailbox, const ImportMessage *message);

/* "~" and "~/..." stand for home; owned by the caller. */
int import_expand(const Import *import, const char *path, char **ret_path);

/* The content of a file; -EFBIG if it is larger than anything sensible. */
int import_load(const char *path, Buffer *out);
bool import_exists(const char *path);
/* Does another process hold a lock of fcntl(2) on it? */
bool import_is_locked(const char *path);

/* The folders of the account's tree, as mailboxes; one whose name is written in modified UTF-7, as other programs
 * do, is noted and left out. @take: called with each of the others. */
int import_each_folder(Import *import, ImportAccount *account,
                       int (*take)(Import *import, ImportAccount *account, const char *name,
                                   void *userdata),
                       void *userdata);

/* The mailbox is not synchronised, as its folder has another name than it would have here. */
int import_leave_out(Import *import, ImportAccount *account, const char *folder, const char *name);

/*
 * Another program's database, for reading. Refused if that program has it open, or was interrupted while
 * it wrote (@again: what to run to its end).
 * Return: 0 and a database, owned by the caller; 0 and NULL if it is refused; or -ENOMEM.
 */
int import_open_database(Import *import, const char *path, const char *again, sqlite3 **ret_sqlite);
/* Each row of a statement. Return: 0, what @each has returned, or -EBADMSG. */
int import_each_row(sqlite3 *sqlite, const char *sql,
                    int (*each)(sqlite3_stmt *row, void *userdata), void *userdata);
static inline void import_close_database(sqlite3 **sqlite) {
        (void) sqlite3_close(*sqlite);
}

/* Find the file of each message by the number in its name, and count. @fmd5: that of the folder; NULL: does not
 * matter. */
int import_match_files(Import *import, const ImportAccount *account, ImportMailbox *mailbox,
                       const char *fmd5);

/* The programs. */
int import_read_mbsync(Import *import, ByteView text);
int import_read_offlineimap(Import *import, ByteView text);
int import_read_interimap(Import *import, ByteView text);
