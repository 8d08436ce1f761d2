/* What was done to the files of an account since a hook was last told. */

#include "sync/change-batch.h"
#include "base/macro.h"

#define LONGEST_WAIT 30u /* times the delay */

void change_batch_done(ChangeBatch *batch) {
        buffer_done(&batch->paths);
        buffer_done(&batch->mailboxes);
        *batch = CHANGE_BATCH_NULL;
}

bool change_batch_is_empty(const ChangeBatch *batch) {
        for (ChangeKind kind = 0; kind < _CHANGE_MAX; kind++)
                if (batch->counts[kind] > 0)
                        return false;
        return true;
}

/* A whole line or nothing. */
static bool add_line(Buffer *lines, ByteView line, size_t max) {
        if (line.size == 0 || memchr(line.data, '\n', line.size) ||
            lines->size + line.size + 1 > max || buffer_reserve(lines, line.size + 1) < 0)
                return false;
        (void) buffer_append_view(lines, line);
        (void) buffer_append(lines, "\n", 1);
        return true;
}

static bool has_line(const Buffer *lines, ByteView line) {
        ByteView rest = buffer_view(lines);

        while (rest.size > 0)
                if (bytes_equal(bytes_take_until(&rest, '\n'), line))
                        return true;
        return false;
}

static void add_mailbox(ChangeBatch *batch, ByteView mailbox) {
        if (has_line(&batch->mailboxes, mailbox))
                return;
        if (!add_line(&batch->mailboxes, mailbox, CHANGE_BATCH_MAX_MAILBOXES))
                batch->mailboxes_are_missing = true;
}

static void add_path(ChangeBatch *batch, ByteView path) {
        if (batch->n_paths < CHANGE_BATCH_MAX_PATHS &&
            add_line(&batch->paths, path, CHANGE_BATCH_MAX_BYTES))
                batch->n_paths++;
        else
                batch->paths_are_missing = true;
}

void change_batch_add(ChangeBatch *batch, ChangeKind kind, uint64_t n, const char *mailbox,
                      const char *path) {
        if (n == 0)
                return;
        batch->counts[kind] += n;
        if (mailbox)
                add_mailbox(batch, bytes_of(mailbox));
        add_path(batch, bytes_of(path));
}

void change_batch_join(ChangeBatch *batch, ChangeBatch *later) {
        ByteView rest;

        for (ChangeKind kind = 0; kind < _CHANGE_MAX; kind++)
                batch->counts[kind] += later->counts[kind];
        batch->paths_are_missing |= later->paths_are_missing;
        batch->mailboxes_are_missing |= later->mailboxes_are_missing;
        for (rest = buffer_view(&later->paths); rest.size > 0;)
                add_path(batch, bytes_take_until(&rest, '\n'));
        for (rest = buffer_view(&later->mailboxes); rest.size > 0;)
                add_mailbox(batch, bytes_take_until(&rest, '\n'));
        change_batch_done(later);
}

uint64_t change_batch_due(uint64_t first, uint64_t last, uint64_t delay) {
        return MIN(last + delay, first + LONGEST_WAIT * delay);
}
