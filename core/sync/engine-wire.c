/* The engine: mailboxes by their names on the wire, and which of them are to be asked for their status. */

#include <errno.h>

#include "sync/engine-private.h"
#include "sync/wait-ladder.h"

static int compare_entries(const void *a, const void *b) {
        const WireEntry *left = a, *right = b;

        return strcmp(left->wire, right->wire);
}

void engine_forget_wires(Engine *engine) {
        for (Side side = 0; side < _SIDE_MAX; side++)
                engine->by_wire[side].is_sorted = false;
}

/* Made anew when it is needed and a mailbox has come, gone or been renamed since. */
static int sort_wires(Engine *engine, Side side) {
        WireIndex *index = &engine->by_wire[side];
        WireEntry *entries;

        if (index->is_sorted)
                return 0;

        entries = reallocarray(index->entries, MAX(engine->n_mailboxes, (size_t) 1),
                               sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        index->entries = entries;
        index->n_entries = 0;
        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                SyncMailbox *mailbox = engine->mailboxes[i];

                if (mailbox->state.wire[side])
                        entries[index->n_entries++] =
                                (WireEntry){mailbox->state.wire[side], mailbox};
        }
        qsort(entries, index->n_entries, sizeof(*entries), compare_entries);
        index->is_sorted = true;
        return 0;
}

/* As strcmp(3), for one that has no NUL. */
static int compare_name(ByteView wire, const char *own) {
        const size_t size = strlen(own);
        const int order = memcmp(wire.data, own, MIN(wire.size, size));

        return order != 0 ? order : (wire.size > size) - (wire.size < size);
}

SyncMailbox *engine_lookup_wire(Engine *engine, Side side, ByteView wire) {
        const WireIndex *index = &engine->by_wire[side];
        size_t low = 0, high;

        if (wire.size == 0 || sort_wires(engine, side) < 0)
                return NULL;

        high = index->n_entries;
        while (low < high) {
                const size_t middle = low + (high - low) / 2;
                const int order = compare_name(wire, index->entries[middle].wire);

                if (order == 0)
                        return index->entries[middle].mailbox;
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}

/* What changed lately is asked often, and INBOX always. Looks come an interval apart, but not to the
 * microsecond: what is due before the middle of the next one is due now. */
static bool is_due(const SyncMailbox *mailbox, Side side, int64_t now, int64_t interval) {
        const bool is_inbox = strcmp(mailbox->state.name, "INBOX") == 0;
        const int64_t asked = mailbox->asked[side];
        const int64_t changed = is_inbox ? asked : mailbox->state.last_change;

        return mailbox->exists[side] && mailbox->state.wire[side] &&
               (now < asked || now + interval / 2 >= wait_poll_due(asked, changed, interval));
}

int engine_each_due(Engine *engine, Side side, int64_t now, int64_t interval,
                    int (*each)(const char *wire, void *userdata), void *userdata) {
        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                SyncMailbox *mailbox = engine->mailboxes[i];
                int r;

                if (!is_due(mailbox, side, now, interval))
                        continue;
                r = each(mailbox->state.wire[side], userdata);
                if (r < 0)
                        return r;
                mailbox->asked[side] = now;
        }
        return 0;
}
