#pragma once

/*
 * What the kernel's watch descriptors stand for
 *
 * A table sorted by descriptor, 24 bytes an entry. The kernel counts descriptors up, so a new one
 * goes to the end. Entries that are removed stay until enough of them have come together: removing
 * moves nothing, only watch_table_set() does.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum WatchKind {
        WATCH_DEAD, /* removed */
        WATCH_TREE,
        WATCH_FILES,
} WatchKind;

typedef struct WatchEntry {
        int wd;
        uint8_t kind;
        uint8_t sub;            /* FILES: MaildirSub */
        bool seen;              /* TREE: by the walk that goes on */
        void *mailbox;          /* FILES: borrowed */
        struct WatchUser *user; /* borrowed: whose it is */
} WatchEntry;

typedef struct WatchTable {
        WatchEntry *entries; /* owned */
        size_t n_entries, n_allocated, n_dead;
} WatchTable;

#define WATCH_TABLE_NULL ((WatchTable){0})

void watch_table_done(WatchTable *table);

/* NULL if there is none. Valid until the next watch_table_set(). */
WatchEntry *watch_table_find(WatchTable *table, int wd);

/* Enter or replace the entry of entry.wd. @ret_before: what it was, WATCH_DEAD if there was none.
 * Return: 0, or -ENOMEM. */
int watch_table_set(WatchTable *table, WatchEntry entry, WatchEntry *ret_before);

void watch_table_remove(WatchTable *table, WatchEntry *entry);

static inline size_t watch_table_count(const WatchTable *table) {
        return table->n_entries - table->n_dead;
}
