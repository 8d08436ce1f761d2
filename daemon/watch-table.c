/* What the kernel's watch descriptors stand for. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "watch-table.h"

void watch_table_done(WatchTable *table) {
        free(table->entries);
        *table = WATCH_TABLE_NULL;
}

/* Where @wd is, or where it would have to be. */
static size_t position(const WatchTable *table, int wd) {
        size_t first = 0, last = table->n_entries;

        if (last > 0 && table->entries[last - 1].wd < wd)
                return last;

        while (first < last) {
                const size_t middle = first + (last - first) / 2;

                if (table->entries[middle].wd < wd)
                        first = middle + 1;
                else
                        last = middle;
        }

        return first;
}

WatchEntry *watch_table_find(WatchTable *table, int wd) {
        const size_t i = position(table, wd);

        if (i == table->n_entries || table->entries[i].wd != wd ||
            table->entries[i].kind == WATCH_DEAD)
                return NULL;

        return &table->entries[i];
}

static void compact(WatchTable *table) {
        size_t n = 0;

        if (table->n_dead <= table->n_entries / 2)
                return;

        for (size_t i = 0; i < table->n_entries; i++)
                if (table->entries[i].kind != WATCH_DEAD)
                        table->entries[n++] = table->entries[i];
        table->n_entries = n;
        table->n_dead = 0;
}

static int make_room(WatchTable *table) {
        const size_t n = MAX(table->n_allocated * 2, (size_t) 16);
        WatchEntry *entries;

        if (table->n_entries < table->n_allocated)
                return 0;

        entries = reallocarray(table->entries, n, sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        table->entries = entries;
        table->n_allocated = n;
        return 0;
}

int watch_table_set(WatchTable *table, WatchEntry entry, WatchEntry *ret_before) {
        WatchEntry before = {.wd = entry.wd, .kind = WATCH_DEAD};
        size_t i;
        int r;

        compact(table);

        i = position(table, entry.wd);
        if (i < table->n_entries && table->entries[i].wd == entry.wd) {
                before = table->entries[i];
                table->n_dead -= before.kind == WATCH_DEAD ? 1 : 0;
        } else {
                r = make_room(table);
                if (r < 0)
                        return r;
                memmove(table->entries + i + 1, table->entries + i,
                        (table->n_entries - i) * sizeof(*table->entries));
                table->n_entries++;
        }

        table->entries[i] = entry;
        *ret_before = before;
        return 0;
}

void watch_table_remove(WatchTable *table, WatchEntry *entry) {
        if (entry->kind == WATCH_DEAD)
                return;

        entry->kind = WATCH_DEAD;
        table->n_dead++;
}
