/* What is known of one message. */

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/macro.h"
#include "ctl/client.h"
#include "ctl/explain.h"
#include "ctl/output-private.h"

int explain_parse(const char *word, uint32_t *ret_uid, const char **ret_file) {
        const char *slash = strrchr(word, '/');
        uint64_t uid;

        if (word[0] == '\0' || word[strspn(word, "0123456789")] != '\0') {
                *ret_uid = 0;
                *ret_file = slash ? slash + 1 : word;
                return **ret_file ? 0 : -EINVAL;
        }
        if (bytes_to_u64(bytes_of(word), UINT32_MAX, &uid) < 0 || uid == 0)
                return -EINVAL;
        *ret_uid = (uint32_t) uid;
        *ret_file = "";
        return 0;
}

int explain_call(sd_bus *bus, char **args, bool ask, sd_bus_message **ret_reply) {
        const char *file;
        uint32_t uid;

        if (explain_parse(args[2], &uid, &file) < 0) {
                complain("“%s” is neither a UID nor a file.", args[2]);
                return EXIT_USAGE;
        }
        return client_call(bus, ret_reply, ask ? "Inspect" : "Explain", "ssus", args[0], args[1],
                           uid, file);
}

static char *find_in(const char *folder, const char *sub, const char *base) {
        _cleanup_free_ char *path = NULL;
        const size_t n = strlen(base);
        const struct dirent *entry;
        char *found = NULL;
        DIR *entries;

        if (asprintf(&path, "%s/%s", folder, sub) < 0) {
                path = NULL;
                return NULL;
        }
        entries = opendir(path);
        while (entries && !found && (entry = readdir(entries)))
                if (strncmp(entry->d_name, base, n) == 0 &&
                    (entry->d_name[n] == '\0' || entry->d_name[n] == ':') &&
                    asprintf(&found, "%s/%s", sub, entry->d_name) < 0)
                        found = NULL;
        if (entries)
                (void) closedir(entries);
        return found;
}

char *explain_find_file(const char *folder, const char *base) {
        char *found = find_in(folder, "new", base);

        return found ? found : find_in(folder, "cur", base);
}

static int append_line(Buffer *buffer, const char *label, const char *text) {
        int r = buffer_append_format(buffer, "    %-12s", label);

        if (r == 0)
                r = text_escape(buffer, text);
        return r < 0 ? r : buffer_append_string(buffer, "\n");
}

static int append_title(const Row *row, const Screen *screen, Buffer *buffer) {
        const uint64_t uid = row_number(row, "remote_uid");
        int r = buffer_append_string(buffer, style_begin(screen, STYLE_TITLE));

        if (r == 0)
                r = text_escape(buffer, row_string(row, "account"));
        if (r == 0)
                r = buffer_append_string(buffer, "/");
        if (r == 0)
                r = text_escape(buffer, row_string(row, "mailbox"));
        if (r == 0 && uid > 0)
                r = buffer_append_format(buffer, " UID %" PRIu64, uid);
        return r < 0 ? r : buffer_append_format(buffer, "%s\n", style_end(screen, STYLE_TITLE));
}

static int append_verdict(const Row *row, const Screen *screen, Buffer *buffer) {
        _cleanup_(buffer_done) Buffer escaped = BUFFER_NULL;
        int r = text_escape(&escaped, row_string(row, "verdict"));

        return r < 0 ? r : text_append_wrapped(buffer, buffer_view(&escaped), 4, screen->width);
}

/* What both agreed on. */
static int append_base(const Row *row, Buffer *buffer) {
        const char *flags = row_string(row, "flags");

        if (row_number(row, "known") == 0)
                return append_line(buffer, "base", "not in it");
        return append_line(buffer, "base", flags[0] ? flags : "no flags");
}

static int append_server(const Row *row, Buffer *buffer) {
        const uint64_t modseq = row_number(row, "modseq");
        char text[128], change[48] = "";

        if (modseq > 0)
                (void) snprintf(change, sizeof(change), " and change %" PRIu64, modseq);
        if (row_number(row, "uidvalidity") == 0)
                return append_line(buffer, "server", "not looked at yet");
        (void) snprintf(text, sizeof(text),
                        "looked at up to UID %" PRIu64 "%s (UIDVALIDITY %" PRIu64 ")",
                        row_number(row, "uidnext") - (row_number(row, "uidnext") > 0), change,
                        row_number(row, "uidvalidity"));
        return append_line(buffer, "server", text);
}

static int append_remote_message(const Row *row, const Screen *screen, Buffer *buffer) {
        const uint64_t size = row_number(row, "remote_size");
        const uint64_t date = row_number(row, "remote_date_usec");
        const char *flags = row_string(row, "remote_flags");
        char text[160], number[32], ago[32];
        int r = append_line(buffer, "server now", flags[0] ? flags : "no flags");

        (void) snprintf(text, sizeof(text), "%s%s%s",
                        size > 0 ? text_size(size, number, sizeof(number)) : "",
                        size > 0 && date > 0 ? ", came " : "",
                        date > 0 ? text_ago(date, screen->now_usec, ago, sizeof(ago)) : "");
        return r < 0 || !text[0] ? r : append_line(buffer, "", text);
}

/* What it says now, if that was asked for. An older daemon does not tell. */
static int append_remote(const Row *row, const Screen *screen, Buffer *buffer) {
        _cleanup_free_ char *text = NULL;

        if (row_string(row, "remote_error")[0]) {
                if (asprintf(&text, "does not tell: %s", row_string(row, "remote_error")) < 0) {
                        text = NULL;
                        return -ENOMEM;
                }
                return append_line(buffer, "server now", text);
        }
        if (row_number(row, "asked") == 0)
                return 0;
        if (row_number(row, "remote_has") == 0)
                return append_line(buffer, "server now", "does not have it");
        return append_remote_message(row, screen, buffer);
}

/* The file as it is now: its letters are its flags. */
static int append_local(const Row *row, Buffer *buffer) {
        const char *folder = row_string(row, "folder"), *file = row_string(row, "file");
        const uint64_t uid = row_number(row, "local_uid");
        _cleanup_free_ char *found = NULL;
        char text[64];
        int r;

        (void) snprintf(text, sizeof(text), uid > 0 ? "number %" PRIu64 : "not known", uid);
        r = append_line(buffer, "local", text);
        if (r < 0 || !file[0])
                return r;
        if (folder[0])
                found = explain_find_file(folder, file);
        r = append_line(buffer, "file", found ? found : file);
        if (r == 0 && folder[0] && !found)
                r = append_line(buffer, "", "not there any more");
        return r < 0 || !folder[0] ? r : append_line(buffer, "in", folder);
}

int output_explained(sd_bus_message *reply, const Screen *screen, Buffer *buffer) {
        char held[64];
        Row row;
        int r = row_read(reply, &row);

        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        r = append_title(&row, screen, buffer);
        if (r == 0)
                r = append_verdict(&row, screen, buffer);
        if (r == 0)
                r = append_base(&row, buffer);
        if (r == 0)
                r = append_server(&row, buffer);
        if (r == 0)
                r = append_remote(&row, screen, buffer);
        if (r == 0)
                r = append_local(&row, buffer);
        if (r == 0 && row_string(&row, "parked")[0])
                r = append_line(buffer, "parked", row_string(&row, "parked"));
        if (r < 0 || row_number(&row, "held") == 0)
                return r;
        (void) snprintf(held, sizeof(held), "%" PRIu64 " deletions in this mailbox",
                        row_number(&row, "held"));
        return append_line(buffer, "held", held);
}
