/* The engine: mailboxes by their names on the wire, and which of them are to be asked for their status. */

#include <errno.h>

#include "sync/engine-private.h"
#include "sync/wait-ladder.h"

/* By the name on the wire; those without one come first. */
static int compare_wires(const void *a, const void *b) {
        const SyncMailbox *const *left = a, *const *right = b;
        const char *one = (*left)->state.wire, *other = (*right)->state.wire;

        return strcmp(one ? one : "", other ? other : "");
}

/* Made anew when it is needed and a mailbox has come, gone or been renamed since. */
static int sort_wires(Engine *engine) {
        SyncMailbox **sorted;

        if (engine->wires_are_sorted)
                return 0;

        sorted = reallocarray(engine->by_wire, MAX(engine->n_mailboxes, (size_t) 1),
                              sizeof(SyncMailbox *));
        if (!sorted)
                return -ENOMEM;
        engine->by_wire = sorted;
        if (engine->n_mailboxes > 0)
                memcpy(sorted, engine->mailboxes, engine->n_mailboxes * sizeof(SyncMailbox *));
        qsort(sorted, engine->n_mailboxes, sizeof(SyncMailbox *), compare_wires);
        engine->wires_are_sorted = true;
        return 0;
}

/* As strcmp(3), for one that has no NUL. */
static int compare_name(ByteView wire, const char *own) {
        const size_t size = strlen(own);
        const int order = memcmp(wire.data, own, MIN(wire.size, size));

        return order != 0 ? order : (wire.size > size) - (wire.size < size);
}

SyncMailbox *engine_lookup_wire(Engine *engine, ByteView wire) {
        size_t low = 0, high = engine->n_mailboxes;

        if (wire.size == 0 || sort_wires(engine) < 0)
                return NULL;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;
                const char *own = engine->by_wire[middle]->state.wire;
                const int order = compare_name(wire, own ? own : "");

                if (order == 0)
                        return engine->by_wire[middle];
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}

/* What changed lately is asked often, and INBOX always. Looks come an interval apart, but not to the
 * microsecond: what is due before the middle of the next one is due now. */
static bool is_due(const SyncMailbox *mailbox, int64_t now, int64_t interval) {
        const bool is_inbox = strcmp(mailbox->state.name, "INBOX") == 0;
        const int64_t changed = is_inbox ? mailbox->asked : mailbox->state.last_change;

        return mailbox->exists[SIDE_REMOTE] && mailbox->state.wire &&
               (now < mailbox->asked ||
                now + interval / 2 >= wait_poll_due(mailbox->asked, changed, interval));
}

int engine_each_due(Engine *engine, int64_t now, int64_t interval,
                    int (*each)(const char *wire, void *userdata), void *userdata) {
        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                SyncMailbox *mailbox = engine->mailboxes[i];
                int r;

                if (!is_due(mailbox, now, interval))
                        continue;
                r = each(mailbox->state.wire, userdata);
                if (r < 0)
                        return r;
                mailbox->asked = now;
        }
        return 0;
}
