/* What a server can do, and what is there, in plain words. */

#include <errno.h>
#include <inttypes.h>

#include "base/macro.h"
#include "ctl/setup-show.h"

#define ROWS_SHOWN 30u

const char *show_waits(const ProbeReply *reply) {
        switch (reply->waits) {
        case PROBE_WAITS_NOTIFY:
                return "push for all folders";
        case PROBE_WAITS_IDLE:
                return "push for INBOX, the other folders are polled";
        case PROBE_WAITS_POLL:
                return "all folders are polled";
        }

        abort(); /* the switch is complete */
}

static const char *waits_sentence(ProbeWaits waits) {
        switch (waits) {
        case PROBE_WAITS_NOTIFY:
                return "Push for all folders: the server tells at once of a change anywhere "
                       "(NOTIFY).";
        case PROBE_WAITS_IDLE:
                return "Push for INBOX: the server tells at once of new mail there (IDLE). It is "
                       "asked "
                       "for the other folders every 30 seconds (poll-interval).";
        case PROBE_WAITS_POLL:
                return "Poll: the server tells nothing by itself and is asked every 30 seconds "
                       "(poll-interval).";
        }

        abort(); /* the switch is complete */
}

static const char *changes_sentence(ProbeChanges changes) {
        switch (changes) {
        case PROBE_CHANGES_QRESYNC:
                return "A sync costs only what has changed, however much mail there is (QRESYNC).";
        case PROBE_CHANGES_CONDSTORE:
                return "It tells which flags have changed (CONDSTORE); for deletions it is "
                       "searched, "
                       "which costs a little more.";
        case PROBE_CHANGES_NONE:
                return "It does not tell what has changed (no CONDSTORE) and is searched: a flag "
                       "that "
                       "another program has changed deep in a large folder may be seen late.";
        }

        abort(); /* the switch is complete */
}

static int append_sentence(Buffer *out, const Screen *screen, const char *sentence) {
        _cleanup_(buffer_done) Buffer safe = BUFFER_NULL;
        int r = text_escape(&safe, sentence);

        if (r == 0)
                r = text_append_wrapped(out, buffer_view(&safe), 2, screen->width);
        return r;
}

int show_server(const ProbeReply *reply, const Screen *screen, Buffer *out) {
        int r = append_sentence(out, screen, waits_sentence(reply->waits));

        if (r == 0)
                r = append_sentence(out, screen, changes_sentence(reply->changes));
        if (r == 0 && !reply->is_encrypted)
                r = append_sentence(
                        out, screen,
                        "The connection is not encrypted: whoever is on the way can read "
                        "the password and the mail.");
        return r;
}

ShowTotal show_total(const ProbeReply *reply) {
        ShowTotal total = {0};

        for (size_t i = 0; i < reply->n_rows; i++) {
                const ProbeRow *row = &reply->rows[i];

                if (*row->note)
                        continue;
                total.mailboxes++;
                total.messages += row->messages;
                total.bytes += row->size;
        }
        return total;
}

static int compare(const void *a, const void *b) {
        const ProbeRow *one = *(const ProbeRow *const *) a, *other = *(const ProbeRow *const *) b;
        const bool one_inbox = strcmp(one->name, "INBOX") == 0,
                   other_inbox = strcmp(other->name, "INBOX") == 0;

        if (one_inbox != other_inbox)
                return one_inbox ? -1 : 1;
        if (one->messages != other->messages)
                return one->messages > other->messages ? -1 : 1;
        return strcmp(one->name, other->name);
}

static int append_row(Buffer *out, const ProbeRow *row) {
        _cleanup_(buffer_done) Buffer safe = BUFFER_NULL;
        char size[24] = "";
        int r = text_escape(&safe, row->name);

        if (row->has_size)
                (void) text_size(row->size, size, sizeof(size));
        if (r == 0 && *row->note)
                r = buffer_append_string(&safe, "  (");
        if (r == 0 && *row->note)
                r = text_escape(&safe, row->note);
        if (r == 0 && *row->note)
                r = buffer_append_string(&safe, ")");
        return r < 0 ? r
                     : buffer_append_format(out, "  %8" PRIu64 "  %8s  %.*s\n", row->messages, size,
                                            (int) safe.size, safe.data);
}

static int append_total(Buffer *out, const ProbeReply *reply) {
        const ShowTotal total = show_total(reply);
        char size[24];

        if (!reply->has_sizes)
                return buffer_append_format(
                        out,
                        "  %8" PRIu64 "  messages in %" PRIu64
                        " mailboxes to synchronise (the server does not tell their size)\n",
                        total.messages, total.mailboxes);
        return buffer_append_format(
                out, "  %8" PRIu64 "  %8s  in %" PRIu64 " mailboxes to synchronise\n",
                total.messages, text_size(total.bytes, size, sizeof(size)), total.mailboxes);
}

int show_mailboxes(const ProbeReply *reply, const Screen *screen, Buffer *out) {
        const ProbeRow **rows = calloc(reply->n_rows + 1, sizeof(*rows));
        int r = rows ? 0 : -ENOMEM;

        if (!rows)
                return r;
        for (size_t i = 0; i < reply->n_rows; i++)
                rows[i] = &reply->rows[i];
        qsort(rows, reply->n_rows, sizeof(*rows), compare);

        r = buffer_append_format(out, "%s  messages      size  mailbox%s\n",
                                 style_begin(screen, STYLE_TITLE), style_end(screen, STYLE_TITLE));
        for (size_t i = 0; r == 0 && i < MIN(reply->n_rows, ROWS_SHOWN); i++)
                r = append_row(out, rows[i]);
        if (r == 0 && reply->n_rows > ROWS_SHOWN)
                r = buffer_append_format(out, "  and %zu more mailboxes\n",
                                         reply->n_rows - ROWS_SHOWN);
        free(rows);
        return r < 0 ? r : append_total(out, reply);
}
