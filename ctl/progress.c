/* The progress of a job, as one line. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/macro.h"
#include "ctl/progress.h"

#define USEC_PER_SEC UINT64_C(1000000)
#define NAME_WIDTH   24 /* of a wide screen */
#define NAME_NARROW  16
#define WIDE         100
#define BAR_MIN      10
#define BAR_MAX      40
#define MARK_USEC    (8 * USEC_PER_SEC) /* between the two marks of the rate */

void progress_done(Progress *progress) {
        for (size_t i = 0; i < progress->n_parts; i++)
                free(progress->parts[i].name);
        free(progress->parts);
        for (size_t i = 0; i < progress->n_accounts; i++)
                free(progress->accounts[i].name);
        free(progress->accounts);
        *progress = PROGRESS_NULL;
}

static int find_part(Progress *progress, const char *name, size_t *ret_index) {
        ProgressPart *parts;

        /* the same mailbox again, most often */
        for (size_t i = progress->n_parts; i > 0; i--)
                if (strcmp(progress->parts[i - 1].name, name) == 0) {
                        *ret_index = i - 1;
                        return 0;
                }

        parts = reallocarray(progress->parts, progress->n_parts + 1, sizeof(*parts));
        if (!parts)
                return -ENOMEM;
        progress->parts = parts;
        parts[progress->n_parts] = (ProgressPart){.name = strdup(name)};
        if (!parts[progress->n_parts].name)
                return -ENOMEM;
        *ret_index = progress->n_parts++;
        return 0;
}

static int note_left(Progress *progress, const char *name, uint64_t bytes_left) {
        ProgressAccount *accounts;

        for (size_t i = 0; i < progress->n_accounts; i++)
                if (strcmp(progress->accounts[i].name, name) == 0) {
                        progress->accounts[i].bytes_left = bytes_left;
                        return 0;
                }
        accounts = reallocarray(progress->accounts, progress->n_accounts + 1, sizeof(*accounts));
        if (!accounts)
                return -ENOMEM;
        progress->accounts = accounts;
        accounts[progress->n_accounts] = (ProgressAccount){strdup(name), bytes_left};
        if (!accounts[progress->n_accounts].name)
                return -ENOMEM;
        progress->n_accounts++;
        return 0;
}

/* What is under way, and the mailboxes that have not begun. */
static ProgressPart sum(const Progress *progress) {
        ProgressPart all = {};
        bool is_known = true; /* how many bytes there are, of each */

        for (size_t i = 0; i < progress->n_parts; i++) {
                const ProgressPart *part = &progress->parts[i];

                all.done += part->done;
                all.total += part->total;
                all.bytes += part->bytes;
                all.total_bytes += part->total_bytes;
                is_known &= part->total_bytes > 0;
        }
        for (size_t i = 0; i < progress->n_accounts; i++)
                all.bytes_left += progress->accounts[i].bytes_left;
        if (all.bytes_left > 0)
                all.total_bytes = MAX(all.total_bytes, all.bytes + all.bytes_left);
        else if (!is_known)
                all.total_bytes = 0;
        return all;
}

/* So many of @of; by bytes where their number is known, for messages differ in size. */
static uint64_t share(const ProgressPart *all, uint64_t of) {
        if (all->total_bytes > 0)
                return (uint64_t) ((double) all->bytes / (double) all->total_bytes * (double) of);
        return all->total > 0 ? all->done * of / all->total : of;
}

/* The older mark goes when the younger one is old enough to stand for lately by itself. */
static void move_marks(Progress *progress, uint64_t now_usec) {
        const ProgressPart all = sum(progress);

        if (progress->marks[0].usec != 0 && now_usec < progress->marks[1].usec + MARK_USEC)
                return;
        if (progress->marks[0].usec != 0)
                progress->marks[0] = progress->marks[1];
        progress->marks[1].usec = now_usec;
        progress->marks[1].done = all.done;
        progress->marks[1].bytes = all.bytes;
        if (progress->marks[0].usec == 0)
                progress->marks[0] = progress->marks[1];
}

int progress_update(Progress *progress, const char *account, const char *mailbox,
                    const ProgressPart *part, uint64_t now_usec) {
        _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
        _cleanup_free_ char *name = NULL;
        ProgressPart *own;
        int r;

        r = text_escape(&buffer, account);
        if (r == 0)
                r = buffer_append_string(&buffer, "/");
        if (r == 0)
                r = text_escape(&buffer, mailbox);
        if (r < 0)
                return r;
        name = buffer_steal_string(&buffer);
        if (!name)
                return -ENOMEM;

        r = find_part(progress, name, &progress->latest);
        if (r >= 0)
                r = note_left(progress, account, part->bytes_left);
        if (r < 0)
                return r;
        own = &progress->parts[progress->latest];
        own->done = part->done;
        own->total = MAX(part->total, part->done);
        own->bytes = part->bytes;
        own->total_bytes = part->total_bytes > 0 ? MAX(part->total_bytes, part->bytes) : 0;
        move_marks(progress, now_usec);
        return 0;
}

/* What is left at the rate of lately, by bytes where their number is known; 0: it cannot be said. */
static uint64_t time_left(const ProgressPart *all, const ProgressPart *lately, uint64_t usec) {
        const bool by_bytes = all->total_bytes > 0;
        const uint64_t left = by_bytes ? all->total_bytes - all->bytes : all->total - all->done;
        const uint64_t done = by_bytes ? lately->bytes : lately->done;

        return done == 0 ? 0 : (uint64_t) ((double) left / (double) done * (double) usec);
}

/* "  310/s  1.2 MB/s  8 s left", with less of it where there is no @room. */
static void format_rate(const Progress *progress, const ProgressPart *all, uint64_t now_usec,
                        size_t room, char *buffer, size_t size) {
        const uint64_t usec = now_usec - progress->marks[0].usec;
        const ProgressPart lately = {
                .done = all->done - MIN(all->done, progress->marks[0].done),
                .bytes = all->bytes - MIN(all->bytes, progress->marks[0].bytes),
        };
        char rate[32] = "", bytes[32] = "", left[40] = "", text[24];
        uint64_t left_usec;

        buffer[0] = '\0';
        if (usec < USEC_PER_SEC || lately.done + lately.bytes == 0)
                return;
        left_usec = time_left(all, &lately, usec);
        snprintf(rate, sizeof(rate), "  %" PRIu64 "/s", lately.done * USEC_PER_SEC / usec);
        snprintf(bytes, sizeof(bytes), "  %s/s",
                 text_size((uint64_t) ((double) lately.bytes / (double) usec * USEC_PER_SEC), text,
                           sizeof(text)));
        if (left_usec > 0)
                snprintf(left, sizeof(left), "  %s left", text_span(left_usec, text, sizeof(text)));
        /* the time left says most, the messages a second least */
        if (strlen(rate) + strlen(bytes) + strlen(left) > room)
                rate[0] = '\0';
        if (strlen(bytes) + strlen(left) > room)
                bytes[0] = '\0';
        if (strlen(left) <= room)
                snprintf(buffer, size, "%s%s%s", rate, bytes, left);
}

/* "1200 of 4800   25 %  2.4 MB of 9.6 MB  310/s  1.2 MB/s  8 s left" */
static void format_counts(const Progress *progress, uint64_t now_usec, size_t room, char *buffer,
                          size_t size) {
        const ProgressPart all = sum(progress);
        char bytes[16], total[16];
        int n;

        n = snprintf(buffer, size, "%" PRIu64 " of %" PRIu64 "  %3" PRIu64 " %%  %s%s%s", all.done,
                     all.total, share(&all, 100), text_size(all.bytes, bytes, sizeof(bytes)),
                     all.total_bytes > 0 ? " of " : "",
                     all.total_bytes > 0 ? text_size(all.total_bytes, total, sizeof(total)) : "");
        if (n > 0 && (size_t) n < MIN(size, room))
                format_rate(progress, &all, now_usec, room - (size_t) n, buffer + n,
                            size - (size_t) n);
}

static int append_bar(Buffer *buffer, const Progress *progress, size_t width) {
        const ProgressPart all = sum(progress);
        const size_t inside = width - 2;
        const size_t full = (size_t) share(&all, inside);
        int r;

        r = buffer_append_string(buffer, "[");
        for (size_t i = 0; i < inside && r == 0; i++)
                r = buffer_append_string(buffer, i < full ? "=" : i == full ? ">" : " ");
        return r < 0 ? r : buffer_append_string(buffer, "]  ");
}

/* What the name, a bar and the blanks around them leave; the whole line where that is little. */
static size_t counts_room(size_t width, size_t name_width) {
        const size_t others = name_width + 2 + BAR_MIN + 2 + 1;

        return width > others + 32 ? width - others : width - 1;
}

int progress_format(const Progress *progress, const Screen *screen, uint64_t now_usec,
                    Buffer *buffer) {
        const size_t width = screen->width > 0 ? screen->width : 80;
        const size_t name_width = width < WIDE ? NAME_NARROW : NAME_WIDTH;
        ByteView name;
        char counts[160];
        size_t used;
        int r;

        if (progress->n_parts == 0)
                return 0;
        format_counts(progress, now_usec, counts_room(width, name_width), counts, sizeof(counts));
        if (width < strlen(counts) + 2 + name_width)
                return text_append_cut(buffer, bytes_of(counts), width - 1);

        name = bytes_of(progress->parts[progress->latest].name);
        r = text_append_cut(buffer, name, name_width);
        if (r == 0)
                r = buffer_append_format(buffer, "%*s",
                                         (int) (name_width + 2 - MIN(text_width(name), name_width)),
                                         "");
        /* the last column stays free: some terminals wrap when it is written */
        used = name_width + 2 + strlen(counts) + 2 + 1;
        if (r == 0 && width >= used + BAR_MIN)
                r = append_bar(buffer, progress, MIN(width - used, (size_t) BAR_MAX));
        return r < 0 ? r : buffer_append_string(buffer, counts);
}
