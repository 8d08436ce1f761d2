/* Coming from mbsync: its SyncState as the base. */

#include <errno.h>
#include <stdio.h>

#include "imap/mailbox-map.h"
#include "imap/mailbox-name.h"
#include "import/import-mbsync-private.h"
#include "import/mbsync-state.h"

bool mbsync_channel_has(const MbsyncReader *reader, const MbsyncChannel *channel,
                        const char *name) {
        bool has = false;

        if (channel->box)
                return strcmp(channel->box, name) == 0;
        for (const MbsyncLine *line = mbsync_patterns(reader, channel->head, NULL); line;
             line = mbsync_patterns(reader, channel->head, line))
                for (size_t i = 1; i < line->n_words; i++) {
                        const char *pattern = line->words[i];

                        if (mailbox_name_matches(pattern + (pattern[0] == '!'), name))
                                has = pattern[0] != '!';
                }
        return has;
}

static const MbsyncChannel *find_channel(const MbsyncReader *reader, size_t account,
                                         const char *name) {
        for (size_t i = 0; i < reader->n_channels; i++)
                if (reader->channels[i].account == account &&
                    mbsync_channel_has(reader, &reader->channels[i], name))
                        return &reader->channels[i];
        return NULL;
}

/* ":far:box_:near:box", "/" in mailboxes written as "!". @box: on the near side. */
static int state_name(const MbsyncChannel *channel, const char *prefix, const char *box,
                      char **ret_path) {
        int r = asprintf(ret_path, "%s:%s:%s_:%s:%s", prefix, channel->far,
                         channel->far_box ? channel->far_box : box, channel->near, box);

        if (r < 0)
                return -ENOMEM;
        for (char *c = *ret_path + strlen(prefix); *c; c++)
                if (*c == '/')
                        *c = '!';
        return 0;
}

/* A prefix is a directory if it ends with "/". */
static int expand_prefix(const Import *import, const char *text, char **ret_prefix) {
        const bool is_home = text[0] == '~' && text[1] == '/';

        return asprintf(ret_prefix, "%s%s", is_home ? import->home : "", text + is_home) < 0
                       ? -ENOMEM
                       : 0;
}

/* The file with the state of a mailbox, in @folder. */
static int find_state(const MbsyncReader *reader, const MbsyncChannel *channel, const char *folder,
                      const char *box, char **ret_path) {
        const MbsyncLine *line = mbsync_find_anywhere(reader, channel->head, "SyncState");
        _cleanup_free_ char *prefix = NULL, *path = NULL;
        int r;

        if (mbsync_value(line) && strcmp(mbsync_value(line), "*") == 0)
                return asprintf(ret_path, "%s/.mbsyncstate", folder) < 0 ? -ENOMEM : 0;
        r = expand_prefix(reader->import, mbsync_value(line) ? mbsync_value(line) : "~/.mbsync/",
                          &prefix);
        if (r >= 0)
                r = state_name(channel, prefix, box, &path);
        if (r < 0 || mbsync_value(line) || import_exists(path)) {
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

/*
 * mbsync puts a field of its own into what it copies, so that what it has been at can not be compared with
 * the server: it would come twice. What it has never been at can.
 */
static int on_no_state(MbsyncReader *reader, ImportMailbox *mailbox, const char *folder,
                       const char *path) {
        _cleanup_free_ char *mark = NULL;

        if (asprintf(&mark, "%s/.uidvalidity", folder) < 0)
                return -ENOMEM;
        if (import_exists(mark))
                return import_refuse(
                        reader->import, 0,
                        "mbsync has been at %s, but its state %s is missing: run mbsync -a "
                        "once to its end, and import again",
                        mailbox->name, path);
        mailbox->is_compared = true;
        return import_note(reader->import, 0,
                           "%s was not synchronised by mbsync yet: its messages will be compared",
                           mailbox->name);
}

static int take_state(MbsyncReader *reader, ImportAccount *account, ImportMailbox *mailbox,
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
        if (r == -ENOENT)
                return on_no_state(reader, mailbox, folder, path);
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
        if (!same)
                return import_refuse(
                        reader->import, 0,
                        "the files of %s have other numbers than mbsync noted in %s: run "
                        "mbsync -a once to its end, and import again",
                        mailbox->name, path);
        r = import_match_files(reader->import, account, mailbox, NULL);
        if (r < 0 || !mailbox->is_compared)
                return r;
        return import_refuse(
                reader->import, 0,
                "one of those two files was moved to %s by a mail program: take “,U=” and the "
                "number out of its name, and import again",
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

/* One that no channel renames must not be renamed by what lies above it. */
static int check_map(Import *import, const ImportAccount *account, const MbsyncChannel *channel,
                     const char *name) {
        _cleanup_free_ char *there = NULL;
        int r;

        if (!account->map || channel->box)
                return 0;
        r = mailbox_map_there(account->map, name, &there);
        if (r < 0)
                return r;
        return r == 0 && strcmp(there, name) == 0
                       ? 0
                       : import_refuse(
                                 import, channel->head->line,
                                 "%s has the same name on both sides, and “map” would give it "
                                 "another, as it is below a mailbox that has two",
                                 name);
}

/* What mbsync calls it: as the server does, in modified UTF-7. */
int import_mbsync_folder(Import *import, ImportAccount *account, const char *name, void *userdata) {
        _cleanup_free_ char *wire = NULL, *path = NULL, *folder = NULL;
        const MbsyncReader *reader = userdata;
        const MbsyncChannel *channel;
        ImportMailbox *mailbox;
        int r;

        r = mailbox_name_encode(name, '/', &wire);
        if (r != 0)
                return r < 0 ? r : 0;
        channel = find_channel(reader, (size_t) (account - import->accounts), wire);
        if (!channel)
                return 0;
        r = check_map(import, account, channel, name);
        if (r < 0)
                return r;
        r = import_add_mailbox(account, name, &mailbox);
        if (r >= 0)
                mailbox->direction = channel->direction;
        if (r >= 0)
                r = folder_path(account, name, &folder);
        if (r < 0)
                return r == -ENOMEM
                               ? r
                               : import_refuse(import, 0, "the folder of %s cannot be read: %s",
                                               name, strerror(-r));
        r = find_state(reader, channel, folder, wire, &path);
        if (r >= 0)
                r = take_state((MbsyncReader *) userdata, account, mailbox, folder, path);
        return r;
}
