/* Coming from OfflineIMAP: its accounts, and its LocalStatus as the base. */

#include <errno.h>
#include <stdio.h>

#include "config/config-value.h"
#include "imap/mailbox-name.h"
#include "import/import-private.h"
#include "import/ini.h"
#include "import/mbsync-state.h"
#include "import/md5.h"
#include "import/offlineimap-name.h"

#define AGAIN "offlineimap -o"

typedef struct Reader {
        Import *import;
        IniFile ini;
        char *metadata; /* owned */

        /* Of the account that is read: */
        const char *name;               /* borrowed */
        char *account, *local, *remote; /* sections; owned */
        char sep;
        ImportMailbox *mailbox; /* borrowed */
} Reader;

static void forget_account(Reader *reader) {
        free(reader->account);
        free(reader->local);
        free(reader->remote);
        reader->account = reader->local = reader->remote = NULL;
}

static void reader_done(Reader *reader) {
        forget_account(reader);
        free(reader->metadata);
        ini_file_done(&reader->ini);
}

static const char *get(const Reader *reader, const char *section, const char *key) {
        return ini_file_get(&reader->ini, section, key);
}

static unsigned line_of(const Reader *reader, const char *section, const char *key) {
        const IniEntry *entry = ini_file_find(&reader->ini, section, key);

        return entry ? entry->line : 0;
}

static bool is_yes(const char *value, bool otherwise) {
        static const char *const yes[] = {"yes", "true", "on", "1"};

        for (size_t i = 0; value && i < ARRAY_SIZE(yes); i++)
                if (strcasecmp(value, yes[i]) == 0)
                        return true;
        return value ? false : otherwise;
}

/* --- what is not brought over --- */

static int judge_entry(Reader *reader, const IniEntry *entry) {
        static const struct {
                const char *key, *sentence;
                bool refuses;
        } known[] = {
                {"nametrans",
                 "nametrans gives mailboxes other names, which is not translated; “map” in "
                 "imapsyncd.conf(5) does the like without an import",                                   true },
                {"oauth2_client_id", "OAuth2 is not translated",                                        true },
                {"remotehosteval",
                 "a server that Python finds cannot be translated: write remotehost",                   true },
                {"remoteusereval",
                 "a user that Python finds cannot be translated: write remoteuser",                     true },
                {"maxage",
                 "maxage is not translated: older messages will be fetched too, unless age-limit "
                 "is set",                                                                              false},
                {"startdate",        "startdate is not translated: older messages will be fetched too",
                 false                                                                                       },
                {"maxsize",
                 "maxsize is not translated: larger messages will be fetched too, unless "
                 "size-limit is set",                                                                   false},
                {"presynchook",      "presynchook is not translated",                                   false},
                {"postsynchook",     "postsynchook is not translated",                                  false},
                {"proxy",            "proxy is not translated: it is a URL here",                       false},
                {"cert_fingerprint", "cert_fingerprint is not translated; tls-pin does the same",
                 false                                                                                       },
                {"idlefolders",      "idlefolders is not needed: all mailboxes are watched",            false},
                {"autorefresh",      "autorefresh is not needed: imapsyncd waits for news",             false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (strcmp(entry->key, known[i].key) == 0)
                        return known[i].refuses ? import_refuse(reader->import, entry->line, "%s",
                                                                known[i].sentence)
                                                : import_note(reader->import, entry->line, "%s",
                                                              known[i].sentence);
        if (strcmp(entry->key, "sync_deletes") == 0 && !is_yes(entry->value, true))
                return import_refuse(reader->import, entry->line,
                                     "sync_deletes is not translated: deletions would be carried "
                                     "over; “direction” "
                                     "in imapsyncd.conf(5) tells of other ways");
        return 0;
}

/* What is not to be written to does not follow. */
static int judge_direction(Reader *reader, ImportAccount *account) {
        const bool keeps_local = is_yes(get(reader, reader->local, "readonly"), false);
        const bool keeps_remote = is_yes(get(reader, reader->remote, "readonly"), false);

        if (keeps_local && keeps_remote)
                return import_refuse(reader->import, line_of(reader, reader->remote, "readonly"),
                                     "both repositories are readonly: nothing would be done");
        if (keeps_local)
                account->direction = DIRECTION_PUSH;
        if (keeps_remote)
                account->direction = DIRECTION_PULL;
        return 0;
}

static int judge(Reader *reader, const char *section) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < reader->ini.n_entries; i++)
                if (strcmp(reader->ini.entries[i].section, section) == 0)
                        r = judge_entry(reader, &reader->ini.entries[i]);
        return r;
}

/* Only what has been synchronised is wanted, where Python chooses. */
static int judge_filters(Reader *reader, ImportAccount *account) {
        const char *const sections[] = {reader->local, reader->remote};
        const char *const keys[] = {"folderfilter", "folderincludes"};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < 4; i++) {
                const unsigned line = line_of(reader, sections[i / 2], keys[i % 2]);

                if (line == 0)
                        continue;
                account->is_listed = true;
                r = import_note(reader->import, line,
                                "%s is Python: the mailboxes that are synchronised now are listed "
                                "instead",
                                keys[i % 2]);
        }
        return r;
}

/* --- the server --- */

/* Python doubles "%". */
static char *without_doubles(const char *value) {
        char *copy = strdup(value), *to = copy;

        for (const char *from = copy; from && *from; from++) {
                *to++ = *from;
                if (from[0] == '%' && from[1] == '%')
                        from++;
        }
        if (to)
                *to = '\0';
        return copy;
}

static int set(Reader *reader, Buffer *out, const char *from, const char *key) {
        const IniEntry *entry = ini_file_find(&reader->ini, reader->remote, from);
        _cleanup_free_ char *value = NULL;

        if (!entry || !entry->value[0])
                return 0;
        if (strstr(entry->value, "%("))
                return import_refuse(reader->import, entry->line,
                                     "a value that refers to another (“%%(”) cannot be translated");
        value = without_doubles(entry->value);
        return value ? import_set(reader->import, out, entry->line, key, value) : -ENOMEM;
}

static int set_path(Reader *reader, Buffer *out, const char *from, const char *key) {
        const IniEntry *entry = ini_file_find(&reader->ini, reader->remote, from);
        _cleanup_free_ char *path = NULL;
        int r;

        if (!entry || strcmp(entry->value, "OS-DEFAULT") == 0)
                return 0;
        r = import_expand(reader->import, entry->value, &path);
        return r < 0 ? r : import_set(reader->import, out, entry->line, key, path);
}

/* For a shell, between single quotes. */
static int append_shell(Buffer *out, const char *word) {
        int r = buffer_append_string(out, "'");

        for (; r >= 0 && *word; word++)
                r = *word == '\'' ? buffer_append_string(out, "'\\''")
                                  : buffer_append(out, word, 1);
        return r < 0 ? r : buffer_append_string(out, "'");
}

/* Python evaluates it, as before, with what pythonfile defines. */
static int set_eval(Reader *reader, Buffer *out, const IniEntry *entry) {
        static const char program[] = "import sys; n = {}; sys.argv[2] and "
                                      "exec(open(sys.argv[2]).read(), n); "
                                      "p = eval(sys.argv[1], n); "
                                      "print(p.decode() if isinstance(p, bytes) else p)";
        const char *file = get(reader, "general", "pythonfile");
        _cleanup_free_ char *path = NULL, *text = NULL, *value = without_doubles(entry->value);
        Buffer command = BUFFER_NULL;
        int r;

        if (!value)
                return -ENOMEM;
        r = import_expand(reader->import, file ? file : "", &path);
        if (r >= 0)
                r = buffer_append_string(&command, "python3 -c ");
        if (r >= 0)
                r = append_shell(&command, program);
        if (r >= 0)
                r = buffer_append_string(&command, " ");
        if (r >= 0)
                r = append_shell(&command, value);
        if (r >= 0)
                r = buffer_append_string(&command, " ");
        if (r >= 0)
                r = append_shell(&command, path);
        if (r >= 0) {
                text = buffer_steal_string(&command);
                r = text ? import_set(reader->import, out, entry->line, "password-command", text)
                         : -ENOMEM;
        }
        buffer_done(&command);
        return r < 0 ? r
                     : import_note(
                               reader->import, entry->line,
                               "remotepasseval is run by python3 as before, by password-command");
}

static int set_secret(Reader *reader, Buffer *out) {
        const IniEntry *eval = ini_file_find(&reader->ini, reader->remote, "remotepasseval");

        if (get(reader, reader->remote, "remotepass"))
                return set(reader, out, "remotepass", "password");
        if (get(reader, reader->remote, "remotepassfile"))
                return set_path(reader, out, "remotepassfile", "password-file");
        if (eval)
                return set_eval(reader, out, eval);
        return import_refuse(reader->import, line_of(reader, reader->remote, "type"),
                             "[%s] does not say where the password comes from: put remotepass, "
                             "remotepassfile or remotepasseval there",
                             reader->remote);
}

static int set_tls(Reader *reader, Buffer *out, bool is_gmail, const char *host) {
        const char *ssl = get(reader, reader->remote, "ssl");
        const char *starttls = get(reader, reader->remote, "starttls");
        int r;

        if (is_gmail || is_yes(ssl, true))
                return import_set(reader->import, out, 0, "tls", "implicit");
        if (is_yes(starttls, true))
                return import_set(reader->import, out, 0, "tls", "starttls");
        r = import_set(reader->import, out, 0, "tls", "none");
        return r < 0 || value_is_loopback(host)
                       ? r
                       : import_set(reader->import, out, 0, "allow-cleartext", "yes");
}

static int set_server(Reader *reader, Buffer *out) {
        const char *type = get(reader, reader->remote, "type");
        const bool is_gmail = type && strcasecmp(type, "Gmail") == 0;
        const char *host = get(reader, reader->remote, "remotehost");
        int r;

        if (!type || (!is_gmail && strcasecmp(type, "IMAP") != 0))
                return import_refuse(reader->import, line_of(reader, reader->remote, "type"),
                                     "[%s] is no IMAP server", reader->remote);
        if (get(reader, reader->remote, "preauthtunnel"))
                return set(reader, out, "preauthtunnel", "tunnel");
        if (!host && !is_gmail)
                return import_refuse(reader->import, line_of(reader, reader->remote, "type"),
                                     "[%s] has no remotehost", reader->remote);
        r = host ? set(reader, out, "remotehost", "host")
                 : import_set(reader->import, out, 0, "host", "imap.gmail.com");
        if (r >= 0)
                r = set(reader, out, "remoteport", "port");
        if (r >= 0)
                r = set_tls(reader, out, is_gmail, host ? host : "imap.gmail.com");
        if (r >= 0)
                r = set_path(reader, out, "sslcacertfile", "ca-file");
        if (r >= 0)
                r = set(reader, out, "remoteuser", "user");
        if (r >= 0)
                r = set(reader, out, "reference", "list-reference");
        return r < 0 ? r : set_secret(reader, out);
}

/* --- state --- */

/* What OfflineIMAP calls it on the local side, and the names of its files about it. */
static int visible_name(const Reader *reader, const char *name, char **ret_visible,
                        char **ret_file) {
        char *wire;
        int r;

        *ret_visible = *ret_file = NULL;
        r = mailbox_name_encode(name, '/', &wire);
        if (r != 0)
                return r < 0 ? r : -EINVAL;
        *ret_file = strdup(wire);
        for (char *c = *ret_file; c && *c; c++)
                if (*c == '/')
                        *c = '.';
        for (char *c = wire; *c; c++)
                if (*c == '/')
                        *c = reader->sep;
        *ret_visible = wire;
        return *ret_file ? 0 : -ENOMEM;
}

static int read_validity(const Reader *reader, const char *file, uint32_t *ret_validity) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_free_ char *path = NULL;
        ByteView rest, line;
        uint64_t validity;
        int r;

        *ret_validity = 0;
        if (asprintf(&path, "%s/Repository-%s/FolderValidity/%s", reader->metadata,
                     reader->remote + strlen("Repository "), file) < 0)
                return -ENOMEM;
        r = import_load(path, &text);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        rest = buffer_view(&text);
        line = bytes_take_until(&rest, '\n');
        if (bytes_to_u64(line, UINT32_MAX, &validity) == 0)
                *ret_validity = (uint32_t) validity;
        return 0;
}

static int take_message(uint32_t uid, MessageFlags flags, void *userdata) {
        Reader *reader = userdata;
        const ImportMessage message = {.remote = uid, .local = uid, .flags = flags};

        if (uid >= reader->mailbox->uidnext)
                reader->mailbox->uidnext = uid < UINT32_MAX ? uid + 1 : uid;
        return import_add_message(reader->mailbox, &message);
}

static int on_row(sqlite3_stmt *row, void *userdata) {
        const sqlite3_int64 uid = sqlite3_column_int64(row, 0);
        const char *letters = (const char *) sqlite3_column_text(row, 1);

        if (uid <= 0 || uid > UINT32_MAX)
                return -EBADMSG;
        return take_message((uint32_t) uid, import_letters(bytes_of(letters ? letters : "")),
                            userdata);
}

static int on_version(sqlite3_stmt *row, void *userdata) {
        bool *known = userdata;

        *known = sqlite3_column_int(row, 0) == 2 || sqlite3_column_int(row, 0) == 1;
        return 0;
}

static int refuse_status(Reader *reader, const char *path) {
        return import_refuse(
                reader->import, 0,
                "%s cannot be understood: run " AGAIN " once to its end, and import again", path);
}

static int read_sqlite(Reader *reader, const char *path) {
        _cleanup_(import_close_database) sqlite3 *sqlite = NULL;
        bool known = false;
        int r;

        r = import_open_database(reader->import, path, AGAIN, &sqlite);
        if (r < 0 || !sqlite)
                return r;
        r = import_each_row(sqlite, "SELECT value FROM metadata WHERE key = 'db_version'",
                            on_version, &known);
        if (r >= 0 && known)
                r = import_each_row(sqlite, "SELECT id, flags FROM status ORDER BY id", on_row,
                                    reader);
        return r == -EBADMSG || (r >= 0 && !known) ? refuse_status(reader, path) : r;
}

static int read_text(Reader *reader, const char *path) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r;

        r = import_load(path, &text);
        if (r >= 0)
                r = offlineimap_list_parse(buffer_view(&text), take_message, reader);
        return r == -ENOMEM || r >= 0 ? r : refuse_status(reader, path);
}

/* Return: 1 if there is one, 0 if not, or negative. */
static int read_status(Reader *reader, const char *file) {
        static const char *const kinds[] = {"LocalStatus-sqlite", "LocalStatus"};

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                _cleanup_free_ char *path = NULL;
                int r;

                if (asprintf(&path, "%s/Account-%s/%s/%s", reader->metadata, reader->name, kinds[i],
                             file) < 0)
                        return -ENOMEM;
                if (!import_exists(path))
                        continue;
                r = i == 0 ? read_sqlite(reader, path) : read_text(reader, path);
                return r < 0 ? r : 1;
        }
        return 0;
}

static int take_mailbox(Reader *reader, ImportAccount *account, const char *file,
                        const char *visible) {
        ImportMailbox *mailbox = reader->mailbox;
        char fmd5[MD5_HEX + 1];
        int r;

        r = read_validity(reader, file, &mailbox->uidvalidity[0]);
        if (r >= 0)
                r = read_status(reader, file);
        if (r < 0)
                return r;
        mailbox->is_compared = r == 0 || mailbox->uidvalidity[0] == 0;
        if (mailbox->is_compared)
                return import_note(
                        reader->import, 0,
                        "%s was not synchronised by OfflineIMAP yet: its messages will be "
                        "compared",
                        mailbox->name);
        md5_hex(bytes_of(visible), fmd5);
        return import_match_files(reader->import, account, mailbox, fmd5);
}

static int on_folder(Import *import, ImportAccount *account, const char *name, void *userdata) {
        _cleanup_free_ char *visible = NULL, *file = NULL, *levels = NULL;
        Reader *reader = userdata;
        int r;

        if (reader->sep == '.' && strchr(name, '.')) {
                levels = strdup(name);
                if (!levels)
                        return -ENOMEM;
                for (char *c = levels; *c; c++)
                        if (*c == '.')
                                *c = '/';
                return import_leave_out(import, account, name, levels);
        }
        r = visible_name(reader, name, &visible, &file);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = import_add_mailbox(account, name, &reader->mailbox);
        if (r >= 0)
                reader->mailbox->direction = account->direction;
        return r < 0 ? r : take_mailbox(reader, account, file, visible);
}

/* --- all of it --- */

static int check_lock(Reader *reader) {
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/%s.lock", reader->metadata, reader->name) < 0)
                return -ENOMEM;
        if (!import_is_locked(path))
                return 0;
        return import_refuse(
                reader->import, 0,
                "OfflineIMAP is at work on %s: wait until it has ended, and see that nothing "
                "starts it again; then import again",
                reader->name);
}

static int find_root(Reader *reader, ImportAccount *account) {
        const char *type = get(reader, reader->local, "type"),
                   *folders = get(reader, reader->local, "localfolders"),
                   *sep = get(reader, reader->local, "sep");

        reader->sep = sep && sep[0] ? sep[0] : '.';
        if (!type || strcasecmp(type, "Maildir") != 0 || !folders)
                return import_refuse(reader->import, line_of(reader, reader->local, "type"),
                                     "[%s] is no Maildir, and only those can be imported",
                                     reader->local);
        return import_expand(reader->import, folders, &account->root);
}

static int read_sections(Reader *reader, ImportAccount *account) {
        int r;

        r = check_lock(reader);
        if (r >= 0)
                r = judge(reader, reader->account);
        if (r >= 0)
                r = judge(reader, reader->local);
        if (r >= 0)
                r = judge(reader, reader->remote);
        if (r >= 0)
                r = judge_direction(reader, account);
        if (r >= 0)
                r = judge_filters(reader, account);
        if (r >= 0)
                r = set_server(reader, &account->settings);
        if (r >= 0 && !account->is_listed)
                r = buffer_append_string(&account->patterns, "*\n");
        if (r >= 0)
                r = find_root(reader, account);
        if (r < 0 || !account->root)
                return r;
        return import_each_folder(reader->import, account, on_folder, reader);
}

static int read_account(Reader *reader, const char *name) {
        ImportAccount *account;
        const char *local, *remote;
        int r;

        forget_account(reader);
        reader->name = name;
        if (asprintf(&reader->account, "Account %s", name) < 0) {
                reader->account = NULL;
                return -ENOMEM;
        }
        local = get(reader, reader->account, "localrepository");
        remote = get(reader, reader->account, "remoterepository");
        if (!local || !remote)
                return import_refuse(reader->import, 0,
                                     "[Account %s] must name localrepository and remoterepository",
                                     name);
        if (asprintf(&reader->local, "Repository %s", local) < 0) {
                reader->local = NULL;
                return -ENOMEM;
        }
        if (asprintf(&reader->remote, "Repository %s", remote) < 0) {
                reader->remote = NULL;
                return -ENOMEM;
        }
        r = import_add_account(reader->import, name, &account);
        return r < 0 ? r : read_sections(reader, account);
}

static int read_all(Reader *reader) {
        const char *metadata = get(reader, "general", "metadata"),
                   *accounts = get(reader, "general", "accounts");
        _cleanup_free_ char *names = strdup(accounts ? accounts : "");
        char *saved = NULL;
        int r;

        if (!names)
                return -ENOMEM;
        r = import_expand(reader->import, metadata ? metadata : "~/.offlineimap",
                          &reader->metadata);
        for (char *name = strtok_r(names, ", \t\n", &saved); r >= 0 && name;
             name = strtok_r(NULL, ", \t\n", &saved))
                r = read_account(reader, name);
        if (r >= 0 && reader->import->n_accounts == 0 && reader->import->refusals.size == 0)
                r = import_refuse(reader->import, 0, "%s names no accounts in [general]",
                                  reader->import->path);
        return r;
}

int import_read_offlineimap(Import *import, ByteView text) {
        _cleanup_(reader_done) Reader reader = {.import = import};
        int r;

        r = ini_file_parse(text, &reader.ini);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return import_refuse(import, reader.ini.bad_line, "this line cannot be understood");
        return read_all(&reader);
}
