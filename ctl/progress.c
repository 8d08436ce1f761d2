/* The progress of a job, as one line. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/macro.h"
#include "ctl/progress.h"

#define USEC_PER_SEC UINT64_C(1000000)
#define NAME_WIDTH   24
#define BAR_MIN      10
#define BAR_MAX      40

void progress_done(Progress *progress) {
        for (size_t i = 0; i < progress->n_parts; i++)
                free(progress->parts[i].name);
        free(progress->parts);
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
        if (!is_known)
                all.total_bytes = 0;
        return all;
}

/* So many of @of; by bytes where their number is known, for messages differ in size. */
static uint64_t share(const ProgressPart *all, uint64_t of) {
        if (all->total_bytes > 0)
                return (uint64_t) ((double) all->bytes / (double) all->total_bytes * (double) of);
        return all->total > 0 ? all->done * of / all->total : of;
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
        if (r < 0)
                return r;
        own = &progress->parts[progress->latest];
        own->done = part->done;
        own->total = MAX(part->total, part->done);
        own->bytes = part->bytes;
        own->total_bytes = part->total_bytes > 0 ? MAX(part->total_bytes, part->bytes) : 0;
        if (progress->begun_usec == 0) {
                progress->begun_usec = now_usec;
                progress->begun_done = part->done;
        }
        return 0;
}

/* "1200 of 4800   25 %  2.4 MB of 9.6 MB  310/s" */
static void format_counts(const Progress *progress, uint64_t now_usec, char *buffer, size_t size) {
        const ProgressPart all = sum(progress);
        const uint64_t usec = now_usec - progress->begun_usec;
        char bytes[16], total[16];
        int n;

        n = snprintf(buffer, size, "%" PRIu64 " of %" PRIu64 "  %3" PRIu64 " %%  %s%s%s", all.done,
                     all.total, share(&all, 100), text_size(all.bytes, bytes, sizeof(bytes)),
                     all.total_bytes > 0 ? " of " : "",
                     all.total_bytes > 0 ? text_size(all.total_bytes, total, sizeof(total)) : "");
        if (usec >= USEC_PER_SEC && all.done > progress->begun_done && n > 0 && (size_t) n < size)
                snprintf(buffer + n, size - (size_t) n, "  %" PRIu64 "/s",
                         (all.done - progress->begun_done) * USEC_PER_SEC / usec);
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

int progress_format(const Progress *progress, const Screen *screen, uint64_t now_usec,
                    Buffer *buffer) {
        const size_t width = screen->width > 0 ? screen->width : 80;
        ByteView name;
        char counts[96];
        size_t used;
        int r;

        if (progress->n_parts == 0)
                return 0;
        format_counts(progress, now_usec, counts, sizeof(counts));
        if (width < strlen(counts) + 2 + NAME_WIDTH)
                return text_append_cut(buffer, bytes_of(counts), width - 1);

        name = bytes_of(progress->parts[progress->latest].name);
        r = text_append_cut(buffer, name, NAME_WIDTH);
        if (r == 0)
                r = buffer_append_format(
                        buffer, "%*s",
                        (int) (NAME_WIDTH + 2 - MIN(text_width(name), (size_t) NAME_WIDTH)), "");
        /* the last column stays free: some terminals wrap when it is written */
        used = NAME_WIDTH + 2 + strlen(counts) + 2 + 1;
        if (r == 0 && width >= used + BAR_MIN)
                r = append_bar(buffer, progress, MIN(width - used, (size_t) BAR_MAX));
        return r < 0 ? r : buffer_append_string(buffer, counts);
}
