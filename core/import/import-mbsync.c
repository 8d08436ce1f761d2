/* Coming from mbsync: its stores and channels as accounts, its SyncState as the base. */

#include <errno.h>
#include <stdio.h>

#include "config/config-value.h"
#include "imap/mailbox-name.h"
#include "import/import-private.h"
#include "import/mbsync-config.h"
#include "import/mbsync-state.h"

/* A channel between one server and one Maildir. */
typedef struct Channel {
        const MbsyncLine *head; /* borrowed */
        size_t account;         /* position */
        char *far, *near;       /* stores; owned */
        char *box;              /* owned; the one mailbox, or NULL: by patterns */
} Channel;

typedef struct Reader {
        Import *import;
        MbsyncConfig config;
        Channel *channels; /* owned */
        size_t n_channels;
} Reader;

static void reader_done(Reader *reader) {
        for (size_t i = 0; i < reader->n_channels; i++) {
                free(reader->channels[i].far);
                free(reader->channels[i].near);
                free(reader->channels[i].box);
        }
        free(reader->channels);
        mbsync_config_done(&reader->config);
}

/* --- keys --- */

static const MbsyncLine *find(const Reader *reader, const MbsyncLine *head, const char *key) {
        return head ? mbsync_config_find(&reader->config, head, key, NULL) : NULL;
}

static const char *value_of(const MbsyncLine *line) {
        return line && line->n_words > 1 ? line->words[1] : NULL;
}

/* The value in the section, or what the file says for all of its kind. */
static const MbsyncLine *find_anywhere(const Reader *reader, const MbsyncLine *head,
                                       const char *key) {
        const MbsyncLine *line = find(reader, head, key);

        for (size_t i = 0; !line && i < reader->config.n_lines; i++)
                if (reader->config.lines[i].section == 0 &&
                    mbsync_line_is(&reader->config.lines[i], key))
                        line = &reader->config.lines[i];
        return line;
}

typedef enum Meaning {
        MEANING_SILENT, /* brought over elsewhere, or it makes no difference here */
        MEANING_NOTE,   /* left behind, and said */
        MEANING_REFUSE, /* what it asks for cannot be had, and without it mail could go astray */
} Meaning;

static const struct {
        const char *key;
        Meaning meaning;
} meanings[] = {
        {"Host",              MEANING_SILENT},
        {"Port",              MEANING_SILENT},
        {"User",              MEANING_SILENT},
        {"Pass",              MEANING_SILENT},
        {"PassCmd",           MEANING_SILENT},
        {"Tunnel",            MEANING_SILENT},
        {"SSLType",           MEANING_SILENT},
        {"TLSType",           MEANING_SILENT},
        {"SSLVersion",        MEANING_SILENT},
        {"SSLVersions",       MEANING_SILENT},
        {"TLSVersions",       MEANING_SILENT},
        {"AuthMech",          MEANING_SILENT},
        {"AuthMechs",         MEANING_SILENT},
        {"CertificateFile",   MEANING_SILENT},
        {"Timeout",           MEANING_SILENT},
        {"Account",           MEANING_SILENT},
        {"Path",              MEANING_SILENT},
        {"Inbox",             MEANING_SILENT},
        {"SubFolders",        MEANING_SILENT},
        {"InfoDelimiter",     MEANING_SILENT},
        {"Far",               MEANING_SILENT},
        {"Near",              MEANING_SILENT},
        {"Master",            MEANING_SILENT},
        {"Slave",             MEANING_SILENT},
        {"Pattern",           MEANING_SILENT},
        {"Patterns",          MEANING_SILENT},
        {"Sync",              MEANING_SILENT},
        {"SyncState",         MEANING_SILENT},
        {"Create",            MEANING_SILENT},
        {"Expunge",           MEANING_SILENT},
        {"CopyArrivalDate",   MEANING_SILENT},
        {"FSync",             MEANING_SILENT},
        {"PathDelimiter",     MEANING_SILENT},
        {"UseNamespace",      MEANING_SILENT},
        {"PipelineDepth",     MEANING_SILENT},
        {"DisableExtension",  MEANING_SILENT},
        {"DisableExtensions", MEANING_SILENT},
        {"MapInbox",          MEANING_REFUSE},
        {"Flatten",           MEANING_REFUSE},
};

static Meaning meaning_of(const MbsyncLine *line) {
        for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
                if (mbsync_line_is(line, meanings[i].key))
                        return meanings[i].meaning;
        return MEANING_NOTE;
}

/* What of a section is not brought over. */
static int judge(Reader *reader, const MbsyncLine *head) {
        const MbsyncLine *end = reader->config.lines + reader->config.n_lines;

        for (const MbsyncLine *line = head + 1; line < end && line->section == head->section;
             line++) {
                int r = 0;

                if (mbsync_line_is(line, "AltMap") && value_of(line) &&
                    strcasecmp(value_of(line), "no") == 0)
                        continue;
                switch (meaning_of(line)) {
                case MEANING_SILENT:
                        break;
                case MEANING_NOTE:
                        r = import_note(reader->import, line->line, "%s is not translated",
                                        line->words[0]);
                        break;
                case MEANING_REFUSE:
                        r = import_refuse(
                                reader->import, line->line,
                                "%s gives mailboxes other names; here they have the same on "
                                "both sides",
                                line->words[0]);
                        break;
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- the server --- */

static int set(Reader *reader, Buffer *section, const MbsyncLine *line, const char *key,
               const char *value) {
        return import_set(reader->import, section, line ? line->line : 0, key, value);
}

static int set_secret(Reader *reader, Buffer *section, const MbsyncLine *head) {
        const MbsyncLine *pass = find(reader, head, "Pass"),
                         *command = find(reader, head, "PassCmd");
        const char *text = value_of(command);

        if (text) /* "+": it may talk to the terminal */
                return set(reader, section, command, "password-command", text + (text[0] == '+'));
        if (value_of(pass))
                return set(reader, section, pass, "password", value_of(pass));
        return import_refuse(reader->import, head->line,
                             "there is no Pass or PassCmd: put one there, the one that you use");
}

static int set_tls(Reader *reader, Buffer *section, const MbsyncLine *head, const char *host) {
        const MbsyncLine *line = find(reader, head, "SSLType");
        const char *type;
        int r;

        if (!line)
                line = find(reader, head, "TLSType");
        type = value_of(line) ? value_of(line) : "STARTTLS";
        if (strcasecmp(type, "IMAPS") == 0)
                return set(reader, section, line, "tls", "implicit");
        if (strcasecmp(type, "STARTTLS") == 0)
                return set(reader, section, line, "tls", "starttls");
        if (strcasecmp(type, "None") != 0)
                return import_refuse(reader->import, line->line, "%s is not a known value", type);
        r = set(reader, section, line, "tls", "none");
        return r < 0 || value_is_loopback(host)
                       ? r
                       : set(reader, section, line, "allow-cleartext", "yes");
}

static int set_server(Reader *reader, Buffer *section, const MbsyncLine *head) {
        const MbsyncLine *host = find(reader, head, "Host"), *user = find(reader, head, "User"),
                         *port = find(reader, head, "Port"), *tunnel = find(reader, head, "Tunnel"),
                         *ca = find(reader, head, "CertificateFile");
        _cleanup_free_ char *path = NULL;
        int r;

        if (value_of(tunnel)) {
                r = set(reader, section, tunnel, "tunnel", value_of(tunnel));
                if (r < 0 || !value_of(user))
                        return r;
                r = set(reader, section, user, "user", value_of(user));
                return r < 0 ? r : set_secret(reader, section, head);
        }
        if (!value_of(host) || !value_of(user))
                return import_refuse(reader->import, head->line,
                                     "Host and User must both be given there");
        r = set(reader, section, host, "host", value_of(host));
        if (r >= 0 && value_of(port))
                r = set(reader, section, port, "port", value_of(port));
        if (r >= 0)
                r = set_tls(reader, section, head, value_of(host));
        if (r >= 0 && value_of(ca)) {
                r = import_expand(reader->import, value_of(ca), &path);
                if (r >= 0)
                        r = set(reader, section, ca, "ca-file", path);
        }
        if (r >= 0)
                r = set(reader, section, user, "user", value_of(user));
        return r < 0 ? r : set_secret(reader, section, head);
}

/* --- the Maildir --- */

/* Where the tree is, as our layouts have it. */
static int find_root(Reader *reader, const MbsyncLine *head, char **ret_root,
                     MaildirLayout *ret_layout) {
        const MbsyncLine *path = find(reader, head, "Path"), *inbox = find(reader, head, "Inbox"),
                         *style = find(reader, head, "SubFolders");
        const char *how = value_of(style) ? value_of(style) : "";
        _cleanup_free_ char *root = NULL, *own = NULL, *wanted = NULL;
        int r;

        r = import_expand(reader->import, value_of(inbox) ? value_of(inbox) : "~/Maildir", &own);
        if (r < 0)
                return r;
        if (strcasecmp(how, "Maildir++") == 0) {
                *ret_layout = MAILDIR_LAYOUT_MAILDIRPLUSPLUS;
                *ret_root = TAKE_PTR(own);
                return 0;
        }
        if (!value_of(path))
                return import_refuse(
                        reader->import, head->line,
                        "a MaildirStore without Path and not of the kind Maildir++ is not "
                        "known here");
        if (strcasecmp(how, "Legacy") == 0)
                return import_refuse(
                        reader->import, style->line,
                        "folders of the kind Legacy are not known here: mbsync's manual "
                        "says how to make them Verbatim; then import again");

        r = import_expand(reader->import, value_of(path), &root);
        if (r >= 0 && asprintf(&wanted, "%s/INBOX", root) < 0)
                return -ENOMEM;
        if (r < 0)
                return r;
        if (strcmp(wanted, own) != 0)
                return import_refuse(
                        reader->import, inbox ? inbox->line : head->line,
                        "INBOX is in %s, and here it must be in %s: move it there, say so "
                        "with Inbox, run mbsync -a once, and import again",
                        own, wanted);
        *ret_layout = MAILDIR_LAYOUT_FS;
        *ret_root = TAKE_PTR(root);
        return 0;
}

static int check_names(Reader *reader, const MbsyncLine *near) {
        const MbsyncLine *info = find(reader, near, "InfoDelimiter"),
                         *map = find(reader, near, "AltMap"),
                         *field = find_anywhere(reader, near, "FieldDelimiter");

        if (value_of(info) && strcmp(value_of(info), ":") != 0)
                return import_refuse(
                        reader->import, info->line,
                        "files are named with “%s” in place of “:”, which is not known here",
                        value_of(info));
        if (value_of(field) && strcmp(value_of(field), ",") != 0)
                return import_refuse(
                        reader->import, field->line,
                        "files are named with “%s” in place of “,”, which is not known here",
                        value_of(field));
        if (value_of(map) && strcasecmp(value_of(map), "no") != 0)
                return import_refuse(
                        reader->import, map->line,
                        "the numbers are in .isyncuidmap.db, which is not read here: run "
                        "mdconvert -n FOLDER for each folder, take AltMap out, and import "
                        "again");
        return 0;
}

static int add_account(Reader *reader, const MbsyncLine *far, const MbsyncLine *near) {
        const char *name = value_of(find(reader, far, "Account"));
        const MbsyncLine *server =
                name ? mbsync_config_section(&reader->config, "IMAPAccount", name, NULL) : far;
        const MbsyncLine *path = find(reader, far, "Path");
        ImportAccount *account;
        int r;

        if (!server)
                return import_refuse(reader->import, far->line, "there is no IMAPAccount %s", name);
        if (value_of(path) && value_of(path)[0])
                return import_refuse(reader->import, path->line,
                                     "mailboxes below “%s” only is not known here", value_of(path));
        r = import_add_account(reader->import, server->words[1], &account);
        if (r >= 0)
                r = judge(reader, far);
        if (r >= 0 && server != far)
                r = judge(reader, server);
        if (r >= 0)
                r = judge(reader, near);
        if (r >= 0)
                r = set_server(reader, &account->settings, server);
        if (r >= 0)
                r = check_names(reader, near);
        if (r >= 0)
                r = find_root(reader, near, &account->root, &account->layout);
        return r;
}

/* --- channels --- */

/* ":store:mailbox" */
static int split_store(const char *text, char **ret_store, const char **ret_box) {
        const char *end;

        if (!text || text[0] != ':' || !(end = strchr(text + 1, ':')))
                return -EBADMSG;
        *ret_store = bytes_dup((ByteView){text + 1, (size_t) (end - text) - 1});
        *ret_box = end + 1;
        return *ret_store ? 0 : -ENOMEM;
}

static const MbsyncLine *patterns_of(const Reader *reader, const MbsyncLine *head,
                                     const MbsyncLine *after) {
        for (const MbsyncLine *line = (after ? after : head) + 1;
             line < reader->config.lines + reader->config.n_lines && line->section == head->section;
             line++)
                if (mbsync_line_is(line, "Pattern") || mbsync_line_is(line, "Patterns"))
                        return line;
        return NULL;
}

/* As we write it: not in modified UTF-7. */
static int add_pattern(Buffer *patterns, const char *pattern) {
        const bool excludes = pattern[0] == '!';
        _cleanup_free_ char *name = NULL;
        int r = 1;

        if (strchr(pattern, '&'))
                r = mailbox_name_decode(bytes_of(pattern + excludes), '/', &name);
        if (r < 0)
                return r;
        return r == 0 ? buffer_append_format(patterns, "%s%s\n", excludes ? "!" : "", name)
                      : buffer_append_format(patterns, "%s\n", pattern);
}

static int add_patterns(Reader *reader, const Channel *channel) {
        ImportAccount *account = &reader->import->accounts[channel->account];
        int r = 0;

        if (channel->box)
                return add_pattern(&account->patterns, channel->box);
        for (const MbsyncLine *line = patterns_of(reader, channel->head, NULL); r >= 0 && line;
             line = patterns_of(reader, channel->head, line))
                for (size_t i = 1; r >= 0 && i < line->n_words; i++)
                        r = add_pattern(&account->patterns, line->words[i]);
        return r;
}

/* One that goes only one way, or leaves something out, is no account of ours: that would do more. */
static int check_sync(Reader *reader, const MbsyncLine *head) {
        const MbsyncLine *sync = find_anywhere(reader, head, "Sync");

        if (!sync || (sync->n_words == 2 && strcasecmp(sync->words[1], "All") == 0))
                return 0;
        return import_refuse(
                reader->import, sync->line,
                "here everything is synchronised both ways, which “Sync %s” does not want",
                value_of(sync) ? value_of(sync) : "");
}

static int find_account(Reader *reader, const Channel *channel, const MbsyncLine *far,
                        const MbsyncLine *near, size_t *ret_account) {
        for (size_t i = 0; i < reader->n_channels; i++) {
                const Channel *other = &reader->channels[i];

                if (strcmp(other->far, channel->far) == 0 &&
                    strcmp(other->near, channel->near) == 0) {
                        *ret_account = other->account;
                        return 0;
                }
        }
        *ret_account = reader->import->n_accounts;
        return add_account(reader, far, near);
}

static int add_channel(Reader *reader, Channel *channel, const char *far_box,
                       const char *near_box) {
        const MbsyncLine *far =
                mbsync_config_section(&reader->config, "IMAPStore", channel->far, NULL);
        const MbsyncLine *near =
                mbsync_config_section(&reader->config, "MaildirStore", channel->near, NULL);
        const bool has_patterns = patterns_of(reader, channel->head, NULL);
        Channel *grown;
        int r;

        if (!far || !near)
                return import_refuse(
                        reader->import, channel->head->line,
                        "only channels with an IMAPStore at the far end and a MaildirStore "
                        "at the near end can be imported");
        if (strcmp(far_box[0] ? far_box : "INBOX", near_box[0] ? near_box : "INBOX") != 0 ||
            (has_patterns && far_box[0]))
                return import_refuse(
                        reader->import, channel->head->line,
                        "the channel gives mailboxes other names (“%s” and “%s”); here they "
                        "have the same on both sides",
                        far_box, near_box);
        channel->box = has_patterns ? NULL : strdup(far_box[0] ? far_box : "INBOX");
        if (!has_patterns && !channel->box)
                return -ENOMEM;
        r = check_sync(reader, channel->head);
        if (r >= 0)
                r = judge(reader, channel->head);
        if (r >= 0)
                r = find_account(reader, channel, far, near, &channel->account);
        if (r < 0 || channel->account >= reader->import->n_accounts)
                return r;

        grown = reallocarray(reader->channels, reader->n_channels + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        reader->channels = grown;
        grown[reader->n_channels++] = *channel;
        *channel = (Channel){0};
        return add_patterns(reader, &grown[reader->n_channels - 1]);
}

static int read_channel(Reader *reader, const MbsyncLine *head) {
        const MbsyncLine *far = find(reader, head, "Far"), *near = find(reader, head, "Near");
        const char *far_box, *near_box;
        Channel channel = {.head = head};
        int r;

        if (!far)
                far = find(reader, head, "Master");
        if (!near)
                near = find(reader, head, "Slave");
        r = split_store(value_of(far), &channel.far, &far_box);
        if (r >= 0)
                r = split_store(value_of(near), &channel.near, &near_box);
        if (r == -EBADMSG)
                r = import_refuse(reader->import, head->line,
                                  "the channel needs Far and Near, each “:store:mailbox”");
        else if (r >= 0)
                r = add_channel(reader, &channel, far_box, near_box);
        free(channel.far);
        free(channel.near);
        free(channel.box);
        return r;
}

/* Where several channels share a server and a Maildir, what one excludes is nothing to the other. */
static void judge_patterns(Reader *reader) {
        for (size_t i = 0; i < reader->import->n_accounts; i++) {
                ImportAccount *account = &reader->import->accounts[i];
                unsigned n = 0;

                for (size_t k = 0; k < reader->n_channels; k++)
                        n += reader->channels[k].account == i;
                if (n > 1 && account->patterns.size > 0 &&
                    memchr(account->patterns.data, '!', account->patterns.size))
                        account->is_listed = true;
        }
}

/* --- state --- */

static bool channel_has(const Reader *reader, const Channel *channel, const char *name) {
        bool has = false;

        if (channel->box)
                return strcmp(channel->box, name) == 0;
        for (const MbsyncLine *line = patterns_of(reader, channel->head, NULL); line;
             line = patterns_of(reader, channel->head, line))
                for (size_t i = 1; i < line->n_words; i++) {
                        const char *pattern = line->words[i];

                        if (mailbox_name_matches(pattern + (pattern[0] == '!'), name))
                                has = pattern[0] != '!';
                }
        return has;
}

static const Channel *find_channel(const Reader *reader, size_t account, const char *name) {
        for (size_t i = 0; i < reader->n_channels; i++)
                if (reader->channels[i].account == account &&
                    channel_has(reader, &reader->channels[i], name))
                        return &reader->channels[i];
        return NULL;
}

/* ":far:box_:near:box", "/" in mailboxes written as "!". */
static int state_name(const Channel *channel, const char *prefix, const char *box,
                      char **ret_path) {
        _cleanup_free_ char *flat = strdup(box);

        if (!flat)
                return -ENOMEM;
        for (char *c = flat; *c; c++)
                if (*c == '/')
                        *c = '!';
        return asprintf(ret_path, "%s:%s:%s_:%s:%s", prefix, channel->far, flat, channel->near,
                        flat) < 0
                       ? -ENOMEM
                       : 0;
}

/* A prefix is a directory if it ends with "/". */
static int expand_prefix(const Import *import, const char *text, char **ret_prefix) {
        const bool is_home = text[0] == '~' && text[1] == '/';

        return asprintf(ret_prefix, "%s%s", is_home ? import->home : "", text + is_home) < 0
                       ? -ENOMEM
                       : 0;
}

/* The file with the state of a mailbox, in @folder. */
static int find_state(const Reader *reader, const Channel *channel, const char *folder,
                      const char *box, char **ret_path) {
        const MbsyncLine *line = find_anywhere(reader, channel->head, "SyncState");
        _cleanup_free_ char *prefix = NULL, *path = NULL;
        int r;

        if (value_of(line) && strcmp(value_of(line), "*") == 0)
                return asprintf(ret_path, "%s/.mbsyncstate", folder) < 0 ? -ENOMEM : 0;
        r = expand_prefix(reader->import, value_of(line) ? value_of(line) : "~/.mbsync/", &prefix);
        if (r >= 0)
                r = state_name(channel, prefix, box, &path);
        if (r < 0 || value_of(line) || import_exists(path)) {
                *ret_path = TAKE_PTR(path);
                return r;
        }
        free(prefix); /* as newer versions have it */
        r = expand_prefix(reader->import, "~/.local/state/isync/", &prefix);
        return r < 0 ? r : state_name(channel, prefix, box, ret_path);
}

static bool has_suffixed(const char *path, const char *suffix, bool (*test)(const char *path)) {
        _cleanup_free_ char *name = NULL;

        return asprintf(&name, "%s%s", path, suffix) < 0 || test(name);
}

static int check_interrupted(Import *import, const char *path, const char *mailbox) {
        if (has_suffixed(path, ".lock", import_is_locked))
                return import_refuse(
                        import, 0,
                        "mbsync is at work on %s: wait until it has ended, and see that "
                        "nothing starts it again; then import again",
                        mailbox);
        if (has_suffixed(path, ".journal", import_exists) ||
            has_suffixed(path, ".new", import_exists))
                return import_refuse(
                        import, 0,
                        "mbsync was interrupted in %s (%s.journal): run mbsync -a once to "
                        "its end, and import again",
                        mailbox, path);
        return 0;
}

/* The numbers in file names are those of the state only under the same validity. */
static int check_validity(const char *folder, const MbsyncState *state, bool *ret_same) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_free_ char *path = NULL;
        ByteView rest, line;
        uint64_t validity;
        int r;

        *ret_same = false;
        if (asprintf(&path, "%s/.uidvalidity", folder) < 0)
                return -ENOMEM;
        r = import_load(path, &text);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        rest = buffer_view(&text);
        line = bytes_take_until(&rest, '\n');
        *ret_same = bytes_to_u64(line, UINT32_MAX, &validity) == 0 &&
                    validity == state->near_uidvalidity;
        return 0;
}

typedef struct Rows {
        ImportMailbox *mailbox; /* borrowed */
        uint64_t n_placeholders;
} Rows;

static int on_record(const MbsyncRecord *record, void *userdata) {
        Rows *rows = userdata;
        const ImportMessage message = {
                .remote = record->far,
                .local = record->marks & MBSYNC_SKIPPED ? 0 : record->near,
                .flags = record->flags,
        };

        if (record->marks & (MBSYNC_FAR_PLACEHOLDER | MBSYNC_NEAR_PLACEHOLDER))
                rows->n_placeholders++;
        if (message.remote == 0 && message.local == 0)
                return 0;
        return import_add_message(rows->mailbox, &message);
}

/* One of too many, taken away on the near side: the server keeps it. */
static int on_expired(const MbsyncRecord *record, void *userdata) {
        MbsyncRecord left = *record;

        if (record->marks & MBSYNC_EXPIRED)
                left.near = 0;
        return on_record(&left, userdata);
}

static int take_state(Reader *reader, ImportAccount *account, ImportMailbox *mailbox,
                      const char *folder, const char *path) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        Rows rows = {.mailbox = mailbox};
        MbsyncState state;
        bool same;
        int r;

        r = check_interrupted(reader->import, path, mailbox->name);
        if (r < 0)
                return r;
        r = import_load(path, &text);
        if (r == -ENOENT) {
                mailbox->is_compared = true;
                return import_note(
                        reader->import, 0,
                        "%s was not synchronised by mbsync yet: its messages will be compared",
                        mailbox->name);
        }
        if (r < 0)
                return r == -ENOMEM ? r
                                    : import_refuse(reader->import, 0, "%s cannot be read: %s",
                                                    path, strerror(-r));
        r = mbsync_state_parse(buffer_view(&text), &state, on_expired, &rows);
        if (r == -EBADMSG)
                return import_refuse(
                        reader->import, 0,
                        "%s cannot be understood (line %u): run mbsync -a once to its end, "
                        "and import again",
                        path, state.bad_line);
        if (r < 0)
                return r;
        if (rows.n_placeholders > 0)
                return import_refuse(
                        reader->import, 0,
                        "%s holds %llu placeholders for large messages: take MaxSize out of "
                        "%s, flag them, run mbsync -a, and import again",
                        mailbox->name, (unsigned long long) rows.n_placeholders,
                        reader->import->path);
        r = check_validity(folder, &state, &same);
        if (r < 0)
                return r;
        mailbox->uidvalidity[0] = state.far_uidvalidity;
        mailbox->uidnext = state.max_pulled < UINT32_MAX ? state.max_pulled + 1 : 0;
        if (same)
                return import_match_files(reader->import, account, mailbox, NULL);
        mailbox->is_compared = true;
        return import_note(
                reader->import, 0,
                "the files of %s have other numbers than mbsync noted: its messages will be "
                "compared",
                mailbox->name);
}

static int folder_path(const ImportAccount *account, const char *name, char **ret_path) {
        _cleanup_(maildir_root_freep) MaildirRoot *root = NULL;
        _cleanup_(maildir_freep) Maildir *maildir = NULL;
        int r;

        r = maildir_root_open(account->root, account->layout, false, &root);
        if (r >= 0)
                r = maildir_open(root, name, &maildir);
        if (r < 0)
                return r;
        *ret_path = strdup(maildir_path(maildir));
        return *ret_path ? 0 : -ENOMEM;
}

/* What mbsync calls it: as the server does, in modified UTF-7. */
static int on_folder(Import *import, ImportAccount *account, const char *name, void *userdata) {
        _cleanup_free_ char *wire = NULL, *path = NULL, *folder = NULL;
        const Reader *reader = userdata;
        const Channel *channel;
        ImportMailbox *mailbox;
        int r;

        r = mailbox_name_encode(name, '/', &wire);
        if (r != 0)
                return r < 0 ? r : 0;
        channel = find_channel(reader, (size_t) (account - import->accounts), wire);
        if (!channel)
                return 0;
        r = import_add_mailbox(account, name, &mailbox);
        if (r >= 0)
                r = folder_path(account, name, &folder);
        if (r < 0)
                return r == -ENOMEM
                               ? r
                               : import_refuse(import, 0, "the folder of %s cannot be read: %s",
                                               name, strerror(-r));
        r = find_state(reader, channel, folder, wire, &path);
        if (r >= 0)
                r = take_state((Reader *) userdata, account, mailbox, folder, path);
        return r;
}

/* --- all of it --- */

static int read_all(Reader *reader) {
        const MbsyncLine *head = NULL;
        Import *import = reader->import;
        int r = 0;

        while (r >= 0 && (head = mbsync_config_section(&reader->config, "Channel", NULL, head)))
                r = read_channel(reader, head);
        if (r < 0)
                return r;
        judge_patterns(reader);
        if (import->n_accounts == 0 && import->refusals.size == 0)
                return import_refuse(import, 0, "%s has no channel", import->path);
        for (size_t i = 0; r >= 0 && i < import->n_accounts; i++)
                if (import->accounts[i].root)
                        r = import_each_folder(import, &import->accounts[i], on_folder, reader);
        return r;
}

int import_read_mbsync(Import *import, ByteView text) {
        _cleanup_(reader_done) Reader reader = {.import = import};
        int r;

        r = mbsync_config_parse(text, &reader.config);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return import_refuse(import, reader.config.bad_line,
                                     "this line cannot be understood: a quote or a backslash that "
                                     "nothing follows, or too much");
        return read_all(&reader);
}
