/* The table of watch descriptors: order, replacing, removing, compaction. */

#include "base/macro.h"
#include "daemon/watch-table.h"
#include "test.h"

static WatchKind set(WatchTable *table, int wd, WatchKind kind, uint8_t sub) {
        WatchEntry before;

        assert(watch_table_set(table, (WatchEntry){.wd = wd, .kind = (uint8_t) kind, .sub = sub},
                               &before) == 0);
        assert(before.wd == wd);
        return (WatchKind) before.kind;
}

static void test_set(void) {
        WatchTable table = WATCH_TABLE_NULL;

        assert(!watch_table_find(&table, 1));
        assert(set(&table, 5, WATCH_TREE, 0) == WATCH_DEAD);
        assert(set(&table, 9, WATCH_FILES, 1) == WATCH_DEAD);
        assert(set(&table, 7, WATCH_FILES, 0) == WATCH_DEAD); /* after the kernel's count wrapped */
        assert(set(&table, 1, WATCH_TREE, 0) == WATCH_DEAD);
        assert(watch_table_count(&table) == 4);

        assert(watch_table_find(&table, 9)->sub == 1);
        assert(set(&table, 9, WATCH_TREE, 0) == WATCH_FILES);
        assert(watch_table_find(&table, 9)->kind == WATCH_TREE);
        assert(watch_table_count(&table) == 4);

        watch_table_remove(&table, watch_table_find(&table, 7));
        assert(!watch_table_find(&table, 7));
        assert(watch_table_count(&table) == 3);
        assert(set(&table, 7, WATCH_FILES, 1) == WATCH_DEAD);
        assert(watch_table_count(&table) == 4);

        assert(!watch_table_find(&table, 0) && !watch_table_find(&table, 6) &&
               !watch_table_find(&table, 10) && !watch_table_find(&table, -1));
        watch_table_done(&table);
        watch_table_done(&table);
}

/* What comes and goes for ever must not need more and more room. */
static void test_compaction(void) {
        WatchTable table = WATCH_TABLE_NULL;

        for (int wd = 0; wd < 100; wd++)
                assert(set(&table, wd, WATCH_TREE, 0) == WATCH_DEAD);
        for (int wd = 100; wd < 10000; wd++) {
                assert(set(&table, wd, WATCH_FILES, 0) == WATCH_DEAD);
                if (wd >= 110)
                        watch_table_remove(&table, watch_table_find(&table, wd - 10));
                assert(table.n_allocated <= 256);
        }

        assert(watch_table_count(&table) == 110);
        for (int wd = 0; wd < 100; wd++)
                assert(watch_table_find(&table, wd)->kind == WATCH_TREE);
        assert(!watch_table_find(&table, 9989) && watch_table_find(&table, 9990));
        watch_table_done(&table);
}

int main(void) {
        test_set();
        test_compaction();
        return 0;
}
