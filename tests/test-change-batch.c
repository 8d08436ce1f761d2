/* Batches of changes: counted always, listed as far as there is room, and put together again. */

#include "base/macro.h"
#include "sync/change-batch.h"
#include "test.h"

static bool text_is(const Buffer *buffer, const char *text) {
        return bytes_equal(buffer_view(buffer), bytes_of(text));
}

static void test_add(void) {
        static const struct {
                const char *label;
                ChangeKind kind;
                uint64_t n;
                const char *mailbox, *path;
                const char *mailboxes, *paths;
                bool is_missing;
        } rows[] = {
                {"a message",      CHANGE_NEW,     1, "INBOX", "/m/a",  "INBOX\n", "/m/a\n", false},
                {"no path",        CHANGE_REMOVED, 3, "INBOX", NULL,    "INBOX\n", "",       true },
                {"no mailbox",     CHANGE_LOCAL,   2, NULL,    NULL,    "",        "",       true },
                {"of two lines",   CHANGE_NEW,     1, "INBOX", "/m\n/", "INBOX\n", "",       true },
                {"nothing at all", CHANGE_NEW,     0, "INBOX", "/m/a",  "",        "",       false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(change_batch_done) ChangeBatch batch = CHANGE_BATCH_NULL;

                change_batch_add(&batch, rows[i].kind, rows[i].n, rows[i].mailbox, rows[i].path);
                TEST_ROW(rows[i].label, batch.counts[rows[i].kind] == rows[i].n);
                TEST_ROW(rows[i].label, change_batch_is_empty(&batch) == (rows[i].n == 0));
                TEST_ROW(rows[i].label, text_is(&batch.mailboxes, rows[i].mailboxes));
                TEST_ROW(rows[i].label, text_is(&batch.paths, rows[i].paths));
                TEST_ROW(rows[i].label, batch.paths_are_missing == rows[i].is_missing);
        }
}

static void test_mailboxes_once(void) {
        _cleanup_(change_batch_done) ChangeBatch batch = CHANGE_BATCH_NULL;

        change_batch_add(&batch, CHANGE_NEW, 1, "INBOX", "/a");
        change_batch_add(&batch, CHANGE_NEW, 1, "INBOX/old", "/b");
        change_batch_add(&batch, CHANGE_CHANGED, 1, "INBOX", "/a");
        assert(text_is(&batch.mailboxes, "INBOX\nINBOX/old\n"));
        assert(text_is(&batch.paths, "/a\n/b\n/a\n"));
}

/* A flood takes no more memory than the limits say, and is counted whole. */
static void test_limits(void) {
        _cleanup_(change_batch_done) ChangeBatch batch = CHANGE_BATCH_NULL;
        char mailbox[300];

        for (unsigned i = 0; i < CHANGE_BATCH_MAX_PATHS + 5; i++) {
                assert(!batch.paths_are_missing || i > CHANGE_BATCH_MAX_PATHS);
                (void) snprintf(mailbox, sizeof(mailbox), "%0250u", i % 100);
                change_batch_add(&batch, CHANGE_NEW, 1, mailbox, "/path");
        }
        assert(batch.counts[CHANGE_NEW] == CHANGE_BATCH_MAX_PATHS + 5);
        assert(batch.n_paths == CHANGE_BATCH_MAX_PATHS && batch.paths_are_missing);
        assert(batch.mailboxes.size <= CHANGE_BATCH_MAX_MAILBOXES && batch.mailboxes_are_missing);
}

static void test_join(void) {
        _cleanup_(change_batch_done) ChangeBatch batch = CHANGE_BATCH_NULL,
                                                 later = CHANGE_BATCH_NULL;

        change_batch_add(&batch, CHANGE_NEW, 1, "INBOX", "/a");
        change_batch_add(&later, CHANGE_NEW, 2, "INBOX", NULL);
        change_batch_add(&later, CHANGE_REMOVED, 1, "Sent", "/b");
        change_batch_join(&batch, &later);
        assert(change_batch_is_empty(&later) && later.paths.size == 0);
        assert(batch.counts[CHANGE_NEW] == 3 && batch.counts[CHANGE_REMOVED] == 1);
        assert(text_is(&batch.paths, "/a\n/b\n") && batch.paths_are_missing);
        assert(text_is(&batch.mailboxes, "INBOX\nSent\n"));
}

static void test_due(void) {
        static const struct {
                const char *label;
                uint64_t first, last, delay, due;
        } rows[] = {
                {"alone",             100, 100,  20, 120},
                {"one more",          100, 110,  20, 130},
                {"without end",       100, 699,  20, 700},
                {"long past the end", 100, 9999, 20, 700},
                {"no delay",          100, 110,  0,  100},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label, change_batch_due(rows[i].first, rows[i].last,
                                                         rows[i].delay) == rows[i].due);
}

int main(void) {
        test_add();
        test_mailboxes_once();
        test_limits();
        test_join();
        test_due();
        return 0;
}
