/* Coming from mbsync: its stores and channels as accounts. */

#include <errno.h>
#include <stdio.h>

#include "config/config-value.h"
#include "imap/mailbox-name.h"
#include "import/import-mbsync-private.h"

static void reader_done(MbsyncReader *reader) {
        for (size_t i = 0; i < reader->n_channels; i++) {
                free(reader->channels[i].far);
                free(reader->channels[i].near);
                free(reader->channels[i].box);
                free(reader->channels[i].far_box);
        }
        free(reader->channels);
        mbsync_config_done(&reader->config);
}

/* --- keys --- */

static const MbsyncLine *find(const MbsyncReader *reader, const MbsyncLine *head, const char *key) {
        return head ? mbsync_config_find(&reader->config, head, key, NULL) : NULL;
}

const char *mbsync_value(const MbsyncLine *line) {
        return line && line->n_words > 1 ? line->words[1] : NULL;
}

const MbsyncLine *mbsync_find_anywhere(const MbsyncReader *reader, const MbsyncLine *head,
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
static int judge(MbsyncReader *reader, const MbsyncLine *head) {
        const MbsyncLine *end = reader->config.lines + reader->config.n_lines;

        for (const MbsyncLine *line = head + 1; line < end && line->section == head->section;
             line++) {
                int r = 0;

                if (mbsync_line_is(line, "AltMap") && mbsync_value(line) &&
                    strcasecmp(mbsync_value(line), "no") == 0)
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
                                "%s gives mailboxes other names, which is not translated; "
                                "“map” in imapsyncd.conf(5) does the like without an import",
                                line->words[0]);
                        break;
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- the server --- */

static int set(MbsyncReader *reader, Buffer *section, const MbsyncLine *line, const char *key,
               const char *value) {
        return import_set(reader->import, section, line ? line->line : 0, key, value);
}

static int set_secret(MbsyncReader *reader, Buffer *section, const MbsyncLine *head) {
        const MbsyncLine *pass = find(reader, head, "Pass"),
                         *command = find(reader, head, "PassCmd");
        const char *text = mbsync_value(command);

        if (text) /* "+": it may talk to the terminal */
                return set(reader, section, command, "password-command", text + (text[0] == '+'));
        if (mbsync_value(pass))
                return set(reader, section, pass, "password", mbsync_value(pass));
        return import_refuse(reader->import, head->line,
                             "there is no Pass or PassCmd: put one there, the one that you use");
}

static int set_tls(MbsyncReader *reader, Buffer *section, const MbsyncLine *head,
                   const char *host) {
        const MbsyncLine *line = find(reader, head, "SSLType");
        const char *type;
        int r;

        if (!line)
                line = find(reader, head, "TLSType");
        type = mbsync_value(line) ? mbsync_value(line) : "STARTTLS";
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

static int set_server(MbsyncReader *reader, Buffer *section, const MbsyncLine *head) {
        const MbsyncLine *host = find(reader, head, "Host"), *user = find(reader, head, "User"),
                         *port = find(reader, head, "Port"), *tunnel = find(reader, head, "Tunnel"),
                         *ca = find(reader, head, "CertificateFile");
        _cleanup_free_ char *path = NULL;
        int r;

        if (mbsync_value(tunnel)) {
                r = set(reader, section, tunnel, "tunnel", mbsync_value(tunnel));
                if (r < 0 || !mbsync_value(user))
                        return r;
                r = set(reader, section, user, "user", mbsync_value(user));
                return r < 0 ? r : set_secret(reader, section, head);
        }
        if (!mbsync_value(host) || !mbsync_value(user))
                return import_refuse(reader->import, head->line,
                                     "Host and User must both be given there");
        r = set(reader, section, host, "host", mbsync_value(host));
        if (r >= 0 && mbsync_value(port))
                r = set(reader, section, port, "port", mbsync_value(port));
        if (r >= 0)
                r = set_tls(reader, section, head, mbsync_value(host));
        if (r >= 0 && mbsync_value(ca)) {
                r = import_expand(reader->import, mbsync_value(ca), &path);
                if (r >= 0)
                        r = set(reader, section, ca, "ca-file", path);
        }
        if (r >= 0)
                r = set(reader, section, user, "user", mbsync_value(user));
        return r < 0 ? r : set_secret(reader, section, head);
}

/* --- the Maildir --- */

/* Where the tree is, as our layouts have it. */
static int find_root(MbsyncReader *reader, const MbsyncLine *head, char **ret_root,
                     MaildirLayout *ret_layout) {
        const MbsyncLine *path = find(reader, head, "Path"), *inbox = find(reader, head, "Inbox"),
                         *style = find(reader, head, "SubFolders");
        const char *how = mbsync_value(style) ? mbsync_value(style) : "";
        _cleanup_free_ char *root = NULL, *own = NULL, *wanted = NULL;
        int r;

        r = import_expand(reader->import, mbsync_value(inbox) ? mbsync_value(inbox) : "~/Maildir",
                          &own);
        if (r < 0)
                return r;
        if (strcasecmp(how, "Maildir++") == 0) {
                *ret_layout = MAILDIR_LAYOUT_MAILDIRPLUSPLUS;
                *ret_root = TAKE_PTR(own);
                return 0;
        }
        if (!mbsync_value(path))
                return import_refuse(
                        reader->import, head->line,
                        "a MaildirStore without Path and not of the kind Maildir++ is not "
                        "known here");
        if (strcasecmp(how, "Legacy") == 0)
                return import_refuse(
                        reader->import, style->line,
                        "folders of the kind Legacy are not known here: mbsync's manual "
                        "says how to make them Verbatim; then import again");

        r = import_expand(reader->import, mbsync_value(path), &root);
        if (r >= 0 && asprintf(&wanted, "%s/INBOX", root) < 0)
                return -ENOMEM;
        if (r < 0)
                return r;
        if (!import_is_same(wanted, own))
                return import_refuse(
                        reader->import, inbox ? inbox->line : head->line,
                        "INBOX is in %s, and here it must be in %s: move it there, say so "
                        "with Inbox, run mbsync -a once, and import again",
                        own, wanted);
        *ret_layout = MAILDIR_LAYOUT_FS;
        *ret_root = TAKE_PTR(root);
        return 0;
}

static int check_names(MbsyncReader *reader, const MbsyncLine *near) {
        const MbsyncLine *info = find(reader, near, "InfoDelimiter"),
                         *map = find(reader, near, "AltMap"),
                         *field = mbsync_find_anywhere(reader, near, "FieldDelimiter");

        if (mbsync_value(info) && strcmp(mbsync_value(info), ":") != 0)
                return import_refuse(
                        reader->import, info->line,
                        "files are named with “%s” in place of “:”, which is not known here",
                        mbsync_value(info));
        if (mbsync_value(field) && strcmp(mbsync_value(field), ",") != 0)
                return import_refuse(
                        reader->import, field->line,
                        "files are named with “%s” in place of “,”, which is not known here",
                        mbsync_value(field));
        if (mbsync_value(map) && strcasecmp(mbsync_value(map), "no") != 0)
                return import_refuse(
                        reader->import, map->line,
                        "the numbers are in .isyncuidmap.db, which is not read here: run "
                        "mdconvert -n FOLDER for each folder, take AltMap out, and import "
                        "again");
        return 0;
}

static int add_account(MbsyncReader *reader, const MbsyncLine *far, const MbsyncLine *near) {
        const char *name = mbsync_value(find(reader, far, "Account"));
        const MbsyncLine *server =
                name ? mbsync_config_section(&reader->config, "IMAPAccount", name, NULL) : far;
        const MbsyncLine *path = find(reader, far, "Path");
        ImportAccount *account;
        int r;

        if (!server)
                return import_refuse(reader->import, far->line, "there is no IMAPAccount %s", name);
        if (mbsync_value(path) && mbsync_value(path)[0])
                return import_refuse(reader->import, path->line,
                                     "mailboxes below “%s” only is not known here",
                                     mbsync_value(path));
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

const MbsyncLine *mbsync_patterns(const MbsyncReader *reader, const MbsyncLine *head,
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

static int add_patterns(MbsyncReader *reader, const MbsyncChannel *channel) {
        ImportAccount *account = &reader->import->accounts[channel->account];
        int r = 0;

        if (channel->box)
                return add_pattern(&account->patterns, channel->box);
        for (const MbsyncLine *line = mbsync_patterns(reader, channel->head, NULL); r >= 0 && line;
             line = mbsync_patterns(reader, channel->head, line))
                for (size_t i = 1; r >= 0 && i < line->n_words; i++)
                        r = add_pattern(&account->patterns, line->words[i]);
        return r;
}

static int find_account(MbsyncReader *reader, const MbsyncChannel *channel, const MbsyncLine *far,
                        const MbsyncLine *near, size_t *ret_account) {
        for (size_t i = 0; i < reader->n_channels; i++) {
                const MbsyncChannel *other = &reader->channels[i];

                if (strcmp(other->far, channel->far) == 0 &&
                    strcmp(other->near, channel->near) == 0) {
                        *ret_account = other->account;
                        return 0;
                }
        }
        *ret_account = reader->import->n_accounts;
        return add_account(reader, far, near);
}

static int add_channel(MbsyncReader *reader, MbsyncChannel *channel, const char *far_box,
                       const char *near_box) {
        const MbsyncLine *far =
                mbsync_config_section(&reader->config, "IMAPStore", channel->far, NULL);
        const MbsyncLine *near =
                mbsync_config_section(&reader->config, "MaildirStore", channel->near, NULL);
        const bool has_patterns = mbsync_patterns(reader, channel->head, NULL);
        MbsyncChannel *grown;
        int r;

        if (!far || !near)
                return import_refuse(
                        reader->import, channel->head->line,
                        "only channels with an IMAPStore at the far end and a MaildirStore "
                        "at the near end can be imported");
        if (has_patterns && (far_box[0] || near_box[0]))
                return import_refuse(
                        reader->import, channel->head->line,
                        "the channel gives mailboxes other names (“%s” and “%s”), which is not "
                        "translated; “map” in imapsyncd.conf(5) does the like without an import",
                        far_box, near_box);
        if (!has_patterns) {
                channel->box = strdup(near_box[0] ? near_box : "INBOX");
                channel->far_box = strdup(far_box[0] ? far_box : "INBOX");
                if (!channel->box || !channel->far_box)
                        return -ENOMEM;
        }
        r = mbsync_read_direction(reader, channel->head, &channel->direction);
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
        *channel = (MbsyncChannel){0};
        return add_patterns(reader, &grown[reader->n_channels - 1]);
}

static int read_channel(MbsyncReader *reader, const MbsyncLine *head) {
        const MbsyncLine *far = find(reader, head, "Far"), *near = find(reader, head, "Near");
        const char *far_box, *near_box;
        MbsyncChannel channel = {.head = head};
        int r;

        if (!far)
                far = find(reader, head, "Master");
        if (!near)
                near = find(reader, head, "Slave");
        r = split_store(mbsync_value(far), &channel.far, &far_box);
        if (r >= 0)
                r = split_store(mbsync_value(near), &channel.near, &near_box);
        if (r == -EBADMSG)
                r = import_refuse(reader->import, head->line,
                                  "the channel needs Far and Near, each “:store:mailbox”");
        else if (r >= 0)
                r = add_channel(reader, &channel, far_box, near_box);
        free(channel.far);
        free(channel.near);
        free(channel.box);
        free(channel.far_box);
        return r;
}

/* Where several channels share a server and a Maildir, what one excludes is nothing to the other. */
static void judge_patterns(MbsyncReader *reader) {
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

/* --- all of it --- */

static int read_all(MbsyncReader *reader) {
        const MbsyncLine *head = NULL;
        Import *import = reader->import;
        int r = 0;

        while (r >= 0 && (head = mbsync_config_section(&reader->config, "Channel", NULL, head)))
                r = read_channel(reader, head);
        if (r < 0)
                return r;
        judge_patterns(reader);
        r = mbsync_judge_directions(reader);
        if (r >= 0)
                r = mbsync_judge_maps(reader);
        if (r >= 0 && import->n_accounts == 0 && import->refusals.size == 0)
                return import_refuse(import, 0, "%s has no channel", import->path);
        for (size_t i = 0; r >= 0 && i < import->n_accounts; i++)
                if (import->accounts[i].root)
                        r = import_each_folder(import, &import->accounts[i], import_mbsync_folder,
                                               reader);
        return r;
}

int import_read_mbsync(Import *import, ByteView text) {
        _cleanup_(reader_done) MbsyncReader reader = {.import = import};
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
