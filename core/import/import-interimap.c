/*
 * Coming from InterIMAP: two servers, and its table of which message is which
 *
 * It remembers no flags, so that there is no base for them: what either side has set, both get.
 */

#include <errno.h>
#include <stdio.h>

#include "config/config-value.h"
#include "imap/mailbox-name.h"
#include "imap/sasl.h"
#include "import/import-private.h"
#include "import/ini.h"

#define AGAIN "interimap"

typedef struct Reader {
        Import *import;
        IniFile ini;
        ImportAccount *account; /* borrowed */
        sqlite3 *sqlite;        /* owned */
} Reader;

static void reader_done(Reader *reader) {
        import_close_database(&reader->sqlite);
        ini_file_done(&reader->ini);
}

static const char *get(const Reader *reader, const char *section, const char *key) {
        return ini_file_get(&reader->ini, section, key);
}

/* --- servers --- */

static int set(Reader *reader, Buffer *out, const char *section, const char *from,
               const char *key) {
        const IniEntry *entry = ini_file_find(&reader->ini, section, from);

        return entry ? import_set(reader->import, out, entry->line, key, entry->value) : 0;
}

static int set_tls(Reader *reader, Buffer *out, const char *section, const char *type) {
        const char *starttls = get(reader, section, "starttls"),
                   *host = get(reader, section, "host");
        int r;

        if (strcasecmp(type, "imaps") == 0)
                return import_set(reader->import, out, 0, "tls", "implicit");
        if (!starttls || strcasecmp(starttls, "NO") != 0)
                return import_set(reader->import, out, 0, "tls", "starttls");
        r = import_set(reader->import, out, 0, "tls", "none");
        return r < 0 || (value_is_loopback(host) && !get(reader, section, "proxy"))
                       ? r
                       : import_set(reader->import, out, 0, "allow-cleartext", "yes");
}

static int judge(Reader *reader, const char *section) {
        static const char *const keys[] = {
                "ssl_fingerprint",
                "ssl_verify",
                "ssl_hostname",
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(keys); i++) {
                const IniEntry *entry = ini_file_find(&reader->ini, section, keys[i]);

                if (entry)
                        r = import_note(reader->import, entry->line, "%s is not translated",
                                        keys[i]);
        }
        return r;
}

/* The same URL, but that a "%" in it stands for itself. */
static int set_proxy(Reader *reader, Buffer *out, const char *section) {
        const IniEntry *entry = ini_file_find(&reader->ini, section, "proxy");
        _cleanup_(buffer_wipe) Buffer url = BUFFER_NULL;
        int r;

        if (!entry)
                return 0;
        r = buffer_reserve(&url, 3 * strlen(entry->value) + 1);
        for (const char *c = entry->value; r >= 0 && *c; c++)
                r = *c == '%' ? buffer_append_string(&url, "%25") : buffer_append(&url, c, 1);
        if (r >= 0)
                r = buffer_append(&url, "", 1); /* its NUL */
        return r < 0 ? r : import_set(reader->import, out, entry->line, "proxy", url.data);
}

static int set_server(Reader *reader, Buffer *out, const char *section) {
        const char *type = get(reader, section, "type");
        int r;

        if (!type)
                type = "imaps";
        r = judge(reader, section);
        if (r < 0)
                return r;
        if (strcasecmp(type, "tunnel") == 0) {
                if (!get(reader, section, "command"))
                        return import_refuse(reader->import, 0, "[%s] has no command", section);
                return set(reader, out, section, "command", "tunnel");
        }
        if (!get(reader, section, "host") || !get(reader, section, "username") ||
            !get(reader, section, "password"))
                return import_refuse(reader->import, 0,
                                     "[%s] must have host, username and password", section);
        r = set(reader, out, section, "host", "host");
        if (r >= 0)
                r = set(reader, out, section, "port", "port");
        if (r >= 0)
                r = set_proxy(reader, out, section);
        if (r >= 0)
                r = set_tls(reader, out, section, type);
        if (r >= 0)
                r = set(reader, out, section, "ssl_cafile", "ca-file");
        if (r >= 0)
                r = set(reader, out, section, "username", "user");
        return r < 0 ? r : set(reader, out, section, "password", "password");
}

/* --- state --- */

static int on_mapping(sqlite3_stmt *row, void *userdata) {
        const sqlite3_int64 local = sqlite3_column_int64(row, 0),
                            remote = sqlite3_column_int64(row, 1);
        const ImportMessage message = {.remote = (uint32_t) remote, .local = (uint32_t) local};
        ImportMailbox *mailbox = userdata;

        if (local <= 0 || local > UINT32_MAX || remote <= 0 || remote > UINT32_MAX)
                return -EBADMSG;
        mailbox->n_adopted++;
        return import_add_message(mailbox, &message);
}

/* Levels are parted by NUL, and names are as on the wire. */
static int mailbox_name(sqlite3_stmt *row, char **ret_name) {
        const int n = sqlite3_column_bytes(row, 1);
        _cleanup_free_ char *wire = malloc((size_t) n + 1);

        if (!wire)
                return -ENOMEM;
        if (n > 0)
                memcpy(wire, sqlite3_column_blob(row, 1), (size_t) n);
        wire[n] = '\0';
        for (int i = 0; i < n; i++) {
                if (wire[i] == '/')
                        return MAILBOX_NAME_E_LEVEL;
                if (wire[i] == '\0')
                        wire[i] = '/';
        }
        return mailbox_name_decode((ByteView){wire, (size_t) n}, '/', ret_name);
}

static int on_mailbox(sqlite3_stmt *row, void *userdata) {
        _cleanup_free_ char *name = NULL;
        Reader *reader = userdata;
        ImportMailbox *mailbox;
        char sql[128];
        int r;

        r = mailbox_name(row, &name);
        if (r != 0)
                return r < 0 ? r
                             : import_note(reader->import, 0, "a mailbox is left out: %s",
                                           mailbox_name_error((MailboxNameError) r));
        r = import_add_mailbox(reader->account, name, &mailbox);
        if (r < 0)
                return r;
        mailbox->uidvalidity[0] = (uint32_t) sqlite3_column_int64(row, 2);
        mailbox->uidvalidity[1] = (uint32_t) sqlite3_column_int64(row, 3);
        mailbox->uidnext = (uint32_t) sqlite3_column_int64(row, 4);
        (void) snprintf(sql, sizeof(sql), "SELECT lUID, rUID FROM mapping WHERE idx = %lld",
                        (long long) sqlite3_column_int64(row, 0));
        return import_each_row(reader->sqlite, sql, on_mapping, mailbox);
}

static int on_version(sqlite3_stmt *row, void *userdata) {
        int *version = userdata;

        *version = sqlite3_column_int(row, 0);
        return 0;
}

static int read_database(Reader *reader, const char *path) {
        int version = 0, r;

        r = import_open_database(reader->import, path, AGAIN, &reader->sqlite);
        if (r < 0 || !reader->sqlite)
                return r;
        r = import_each_row(reader->sqlite, "PRAGMA user_version", on_version, &version);
        if (r >= 0 && version == 1)
                r = import_each_row(
                        reader->sqlite,
                        "SELECT m.idx, m.mailbox, r.UIDVALIDITY, l.UIDVALIDITY, r.UIDNEXT"
                        " FROM mailboxes m JOIN remote r ON r.idx = m.idx"
                        " JOIN local l ON l.idx = m.idx ORDER BY m.idx",
                        on_mailbox, reader);
        if (r == -EBADMSG || (r >= 0 && version != 1))
                return import_refuse(reader->import, 0,
                                     "%s cannot be understood: run " AGAIN
                                     " once to its end, and import again",
                                     path);
        return r;
}

/* $XDG_DATA_HOME/interimap, then what "database" says, or the remote host. */
static int find_database(Reader *reader, char **ret_path) {
        const char *name = get(reader, "", "database"), *host = get(reader, "remote", "host");
        const Import *import = reader->import;
        int n;

        if (name && name[0] == '/')
                n = asprintf(ret_path, "%s", name);
        else if (import->data && import->data[0] == '/')
                n = asprintf(ret_path, "%s/interimap/%s%s", import->data, name ? name : host,
                             name ? "" : ".db");
        else
                n = asprintf(ret_path, "%s/.local/share/interimap/%s%s", import->home,
                             name ? name : host, name ? "" : ".db");
        return n < 0 ? -ENOMEM : 0;
}

/* --- all of it --- */

static int read_all(Reader *reader) {
        static const char *const choosing[] = {"list-mailbox", "list-select-opts",
                                               "ignore-mailbox"};
        _cleanup_free_ char *path = NULL;
        Import *import = reader->import;
        int r;

        if (!get(reader, "", "database") && !get(reader, "remote", "host"))
                return import_refuse(import, 0, "%s does not say which database: write database =",
                                     import->path);
        r = import_add_account(import, "interimap", &reader->account);
        if (r >= 0)
                r = set_server(reader, &reader->account->settings, "remote");
        if (r >= 0)
                r = set_server(reader, &reader->account->local, "local");
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(choosing); i++) {
                const IniEntry *entry = ini_file_find(&reader->ini, "", choosing[i]);

                if (!entry)
                        continue;
                reader->account->is_listed = true;
                r = import_note(import, entry->line,
                                "%s: the mailboxes that are synchronised now are listed instead",
                                choosing[i]);
        }
        if (r >= 0 && !reader->account->is_listed)
                r = buffer_append_string(&reader->account->patterns, "*\n");
        if (r >= 0)
                r = find_database(reader, &path);
        if (r >= 0)
                r = read_database(reader, path);
        return r < 0 ? r
                     : import_note(
                               import, 0,
                               "InterIMAP remembers no flags: what either side has set, both get");
}

int import_read_interimap(Import *import, ByteView text) {
        _cleanup_(reader_done) Reader reader = {.import = import};
        int r;

        r = ini_file_parse(text, &reader.ini);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return import_refuse(import, reader.ini.bad_line, "this line cannot be understood");
        return read_all(&reader);
}
