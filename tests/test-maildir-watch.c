/* Watching real directories: what is told, what is put together, and that nothing happens when
 * nothing happens. Every wait is for an event, with a deadline. */

#include <errno.h>

#include "daemon/maildir-watch.h"
#include "test-folder.h"
#include "test.h"

#define DEADLINE_USEC ((uint64_t) 10 * 1000 * 1000)

typedef struct Watching {
        Folder folder; /* INBOX, watched */
        sd_event *event;
        MaildirWatch *watch;
        Buffer told; /* a line for each change */
} Watching;

static void on_change(MaildirChange *change, void *userdata) {
        static const char *const words[] = {
                [MAILDIR_NEWS_FILES] = "files",       [MAILDIR_NEWS_TREE] = "tree",
                [MAILDIR_NEWS_OVERFLOW] = "overflow", [MAILDIR_NEWS_LOST] = "lost",
                [MAILDIR_NEWS_BROKEN] = "broken",
        };
        Watching *w = userdata;
        const char *name;
        MaildirFate fate;
        MaildirSub sub;

        assert(buffer_append_format(&w->told, "%s", words[change->news]) == 0);
        if (change->mailbox)
                assert(buffer_append_format(&w->told, " %s", change->mailbox) == 0);
        while (maildir_change_next(change, &fate, &sub, &name) > 0)
                assert(buffer_append_format(&w->told, " %c%s/%s", fate == MAILDIR_GONE ? '-' : '+',
                                            sub == MAILDIR_CUR ? "cur" : "new", name) == 0);
        if (change->more)
                assert(buffer_append_string(&w->told, " more") == 0);
        assert(buffer_append_string(&w->told, "\n") == 0);

        if (change->news == MAILDIR_NEWS_BROKEN)
                w->watch = maildir_watch_free(w->watch);
}

static void watching_open(Watching *w) {
        *w = (Watching){.folder = folder_open()};
        assert(sd_event_new(&w->event) == 0);
        assert(maildir_watch_new(w->event, w->folder.root, on_change, w, &w->watch) == 0);
        assert(maildir_watch_add(w->watch, "INBOX", w->folder.maildir) == 0);
}

static void watching_close(Watching *w) {
        maildir_watch_free(w->watch);
        sd_event_unref(w->event);
        buffer_done(&w->told);
        folder_close(&w->folder);
}

static uint64_t now_usec(void) {
        struct timespec ts;

        assert(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

/* Run the loop until something was told. Return: how often it woke up. */
static unsigned wait_told(Watching *w) {
        const uint64_t end = now_usec() + DEADLINE_USEC;
        unsigned n = 0;

        while (w->told.size == 0) {
                assert(now_usec() < end);
                n += sd_event_run(w->event, 100 * 1000) > 0;
        }

        return n;
}

static void check_told(Watching *w, const char *label, const char *expected) {
        const bool equal = bytes_equal(buffer_view(&w->told), bytes_of(expected));

        if (!equal)
                fprintf(stderr, "%.*s", (int) w->told.size, w->told.data);
        TEST_ROW(label, equal);
        buffer_consume(&w->told, w->told.size);
}

/* Nothing is under way: neither an event nor, for longer than any of ours takes, a timer. */
static void check_quiet(Watching *w) {
        while (sd_event_run(w->event, 0) > 0)
                ;
        assert(sd_event_run(w->event, 100 * 1000) == 0);
        assert(w->told.size == 0);
}

static void test_files(void) {
        static const struct {
                const char *label;
                const char *make, *from, *to, *remove; /* below INBOX */
                const char *told;
        } rows[] = {
                {"made in new",      "new/1", NULL,         NULL,         NULL,    "files INBOX +new/1\n"     },
                {"seen",             NULL,    "new/1",      "cur/1:2,S",  NULL,    "files INBOX +cur/1:2,S\n" },
                {"flagged",          NULL,    "cur/1:2,S",  "cur/1:2,FS", NULL,    "files INBOX +cur/1:2,FS\n"},
                {"moved out",        NULL,    "cur/1:2,FS", "tmp/1",      NULL,    "files INBOX -cur/1:2,FS\n"},
                {"delivered",        NULL,    "tmp/1",      "new/1",      NULL,    "files INBOX +new/1\n"     },
                {"removed",          NULL,    NULL,         NULL,         "new/1", "files INBOX -new/1\n"     },
                {"made and removed", "cur/2", NULL,         NULL,         "cur/2", "files INBOX -cur/2\n"     },
                {"made and moved",   "cur/3", "cur/3",      "cur/3:2,T",  NULL,    "files INBOX +cur/3:2,T\n" },
        };
        Watching w;

        watching_open(&w);
        check_quiet(&w);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char path[2][64];

                if (rows[i].make) {
                        assert(snprintf(path[0], sizeof(path[0]), "INBOX/%s", rows[i].make) > 0);
                        test_tree_write(&w.folder.tree, path[0], "x");
                }
                if (rows[i].from) {
                        assert(snprintf(path[0], sizeof(path[0]), "INBOX/%s", rows[i].from) > 0);
                        assert(snprintf(path[1], sizeof(path[1]), "INBOX/%s", rows[i].to) > 0);
                        test_tree_rename(&w.folder.tree, path[0], path[1]);
                }
                if (rows[i].remove) {
                        assert(snprintf(path[0], sizeof(path[0]), "INBOX/%s", rows[i].remove) > 0);
                        test_tree_remove(&w.folder.tree, path[0]);
                }
                assert(wait_told(&w) <= 3);
                check_told(&w, rows[i].label, rows[i].told);
        }

        /* what is not a message */
        test_tree_write(&w.folder.tree, "INBOX/tmp/4", "x");
        test_tree_write(&w.folder.tree, "INBOX/cur/.hidden", "x");
        check_quiet(&w);
        watching_close(&w);
}

/* A message is told soon, and a writer that never rests cannot hold it back. */
static void test_latency(void) {
        unsigned n_wakes = 0;
        uint64_t start, end;
        Watching w;

        watching_open(&w);
        start = now_usec();
        test_tree_write(&w.folder.tree, "INBOX/new/1", "x");
        (void) wait_told(&w);
        end = now_usec();
        check_told(&w, "once", "files INBOX +new/1\n");
        assert(end - start >= 50 * 1000);
        assert(end - start < 2000 * 1000); /* 55 ms, on a machine that is free */

        start = now_usec();
        for (unsigned i = 0; w.told.size == 0; i++) {
                const char *names[] = {"INBOX/cur/1:2,", "INBOX/new/1"};

                test_tree_rename(&w.folder.tree, names[(i + 1) % 2], names[i % 2]);
                n_wakes += sd_event_run(w.event, 10 * 1000) > 0;
                assert(now_usec() - start < DEADLINE_USEC);
        }
        end = now_usec();
        assert(end - start >= 250 * 1000);
        assert(n_wakes <= 8); /* the first event, and each 50 ms */
        assert(strncmp(w.told.data, "files INBOX +", 13) == 0);
        watching_close(&w);
}

/* Many names are not kept, and cost few wake-ups. */
static void test_burst(void) {
        Watching w;
        char name[64];

        watching_open(&w);
        for (unsigned i = 0; i < 1000; i++) {
                assert(snprintf(name, sizeof(name), "INBOX/new/%u", i) > 0);
                test_tree_write(&w.folder.tree, name, "");
        }
        assert(wait_told(&w) <= 8);
        check_told(&w, "burst", "files INBOX more\n");

        for (unsigned i = 0; i < 64; i++) {
                assert(snprintf(name, sizeof(name), "INBOX/new/%u", i) > 0);
                test_tree_remove(&w.folder.tree, name);
        }
        (void) wait_told(&w);
        assert(!memmem(w.told.data, w.told.size, "more", 4));
        assert(memmem(w.told.data, w.told.size, " -new/0 ", 8));
        assert(memmem(w.told.data, w.told.size, " -new/63\n", 9));
        watching_close(&w);
}

static void test_mailboxes(void) {
        _cleanup_(maildir_freep) Maildir *a = NULL;
        Watching w;
        size_t before;

        watching_open(&w);
        assert(maildir_create(w.folder.root, "a") == 0);
        (void) wait_told(&w);
        check_told(&w, "made", "tree\n");
        assert(maildir_open(w.folder.root, "a", &a) == 0);
        before = maildir_watch_count(w.watch);
        assert(maildir_watch_add(w.watch, "a", a) == 0);
        assert(maildir_watch_count(w.watch) == before + 2);

        /* each its own news, in the order of the events; adding again changes nothing */
        assert(maildir_watch_add(w.watch, "a", a) == 0);
        assert(maildir_watch_count(w.watch) == before + 2);
        a = maildir_free(a);
        test_tree_write(&w.folder.tree, "a/new/1", "");
        test_tree_write(&w.folder.tree, "INBOX/new/2", "");
        (void) wait_told(&w);
        check_told(&w, "two", "files a +new/1\nfiles INBOX +new/2\n");

        /* removed while it has news */
        test_tree_write(&w.folder.tree, "a/new/3", "");
        assert(sd_event_run(w.event, DEADLINE_USEC) > 0);
        test_tree_write(&w.folder.tree, "INBOX/new/4", "");
        maildir_watch_remove(w.watch, "a");
        maildir_watch_remove(w.watch, "never heard of");
        assert(maildir_watch_count(w.watch) == before);
        test_tree_write(&w.folder.tree, "a/new/5", "");
        (void) wait_told(&w);
        check_told(&w, "removed", "files INBOX +new/4\n");
        watching_close(&w);
}

/* What is made below what was just made is told too, in whatever order and however late. */
static void test_tree(void) {
        static const struct {
                const char *make, *from, *to;
        } rows[] = {
                {"a",       NULL,  NULL},
                {"a/b",     NULL,  NULL},
                {"a/b/cur", NULL,  NULL},
                {NULL,      "a",   "c" },
                {"c/b/new", NULL,  NULL},
                {NULL,      "c/b", "b" },
                {"b/deep",  NULL,  NULL},
        };
        char away[80], *inside;
        size_t n_watches;
        Watching w;

        watching_open(&w);
        n_watches = maildir_watch_count(w.watch);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                if (rows[i].make)
                        test_tree_mkdir(&w.folder.tree, rows[i].make);
                else
                        test_tree_rename(&w.folder.tree, rows[i].from, rows[i].to);
                (void) wait_told(&w);
                check_told(&w, "tree", "tree\n");
        }
        assert(maildir_watch_count(w.watch) == n_watches + 3); /* b, b/deep, c */

        test_tree_write(&w.folder.tree, "INBOX/dovecot-uidlist", "x");
        check_quiet(&w);

        test_tree_remove(&w.folder.tree, "b/deep");
        (void) wait_told(&w);
        check_told(&w, "removed", "tree\n");
        assert(maildir_watch_count(w.watch) == n_watches + 2);

        /* moved out of the tree: the kernel would go on watching it */
        assert(snprintf(away, sizeof(away), "%s-away", w.folder.tree.path) > 0);
        inside = test_tree_path(&w.folder.tree, "b");
        assert(rename(inside, away) == 0);
        (void) wait_told(&w);
        check_told(&w, "moved out", "tree\n");
        assert(maildir_watch_count(w.watch) == n_watches + 1);
        assert(rename(away, inside) == 0);
        (void) wait_told(&w);
        check_told(&w, "moved in", "tree\n");
        assert(maildir_watch_count(w.watch) == n_watches + 2);
        free(inside);
        watching_close(&w);
}

/* A folder that is renamed keeps its inodes, and the kernel its watches: they change hands. */
static void test_renamed_mailbox(void) {
        _cleanup_(maildir_freep) Maildir *again = NULL;
        Watching w;
        size_t before;

        watching_open(&w);
        before = maildir_watch_count(w.watch);
        test_tree_rename(&w.folder.tree, "INBOX", "old");
        (void) wait_told(&w);
        check_told(&w, "renamed", "tree\n");

        assert(maildir_open(w.folder.root, "old", &again) == 0);
        assert(maildir_watch_add(w.watch, "old", again) == 0);
        maildir_watch_remove(w.watch, "INBOX");
        assert(maildir_watch_count(w.watch) == before);
        test_tree_write(&w.folder.tree, "old/new/1", "");
        (void) wait_told(&w);
        check_told(&w, "new name", "files old +new/1\n");
        watching_close(&w);
}

static void test_lost(void) {
        Watching w;

        watching_open(&w);
        w.folder.maildir = maildir_free(w.folder.maildir); /* who holds it open sees no end of it */
        test_tree_remove(&w.folder.tree, "INBOX/new");
        (void) wait_told(&w);
        check_told(&w, "lost", "lost INBOX more\n");
        (void) wait_told(&w);
        check_told(&w, "lost", "tree\n");

        test_tree_write(&w.folder.tree, "INBOX/cur/1", ""); /* watched no longer */
        check_quiet(&w);

        assert(maildir_create(w.folder.root, "INBOX") == 0);
        assert(maildir_open(w.folder.root, "INBOX", &w.folder.maildir) == 0);
        assert(maildir_watch_add(w.watch, "INBOX", w.folder.maildir) == 0);
        (void) wait_told(&w);
        check_told(&w, "again", "tree\n");
        watching_close(&w);
}

static void test_broken(void) {
        char away[80];
        Watching w;

        watching_open(&w);
        assert(snprintf(away, sizeof(away), "%s-away", w.folder.tree.path) > 0);
        assert(rename(w.folder.tree.path, away) == 0);
        (void) wait_told(&w);
        check_told(&w, "broken", "broken\n");
        assert(!w.watch);
        assert(rename(away, w.folder.tree.path) == 0);
        watching_close(&w);
}

/* More events than the kernel keeps: everything is to be looked at. */
static void test_overflow(void) {
        FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
        const char *names[] = {"INBOX/cur/1:2,", "INBOX/new/1"};
        unsigned limit = 0;
        Watching w;

        assert(file && fscanf(file, "%u", &limit) == 1);
        (void) fclose(file);
        if (limit > 100000) {
                fprintf(stderr, "overflow: skipped, the queue holds %u events\n", limit);
                return;
        }

        watching_open(&w);
        test_tree_write(&w.folder.tree, names[1], "");
        for (unsigned i = 0; i <= limit / 2; i++)
                test_tree_rename(&w.folder.tree, names[(i + 1) % 2], names[i % 2]);

        (void) wait_told(&w);
        assert(bytes_starts_fold(buffer_view(&w.told), BYTES("files INBOX +")));
        buffer_consume(&w.told, w.told.size);
        (void) wait_told(&w);
        check_told(&w, "overflow", "overflow\n");
        watching_close(&w);
}

/* To add again what is watched makes no events: many mailboxes would fill the queue with them, and be added again. */
static void test_added_again(void) {
        Watching w;

        watching_open(&w);
        for (unsigned i = 0; i < 10000; i++)
                assert(maildir_watch_add(w.watch, "INBOX", w.folder.maildir) == 0);
        check_quiet(&w);
        test_tree_write(&w.folder.tree, "INBOX/new/1", "");
        (void) wait_told(&w);
        check_told(&w, "made", "files INBOX +new/1\n");
        watching_close(&w);
}

static unsigned count_instances(void) {
        unsigned n = 0;

        for (int fd = 0; fd < 64; fd++) {
                char path[32], what[32];
                ssize_t size;

                assert(snprintf(path, sizeof(path), "/proc/self/fd/%d", fd) > 0);
                size = readlink(path, what, sizeof(what) - 1);
                n += size > 0 &&
                     bytes_equal((ByteView){what, (size_t) size}, BYTES("anon_inode:inotify"));
        }
        return n;
}

static void check_untold(Watching *w, const char *label) {
        TEST_ROW(label, w->told.size == 0);
}

/* Trees of one loop share what the user has few of, and nothing else. */
static void test_trees(void) {
        MaildirWatch *same = NULL;
        Watching a, b;

        watching_open(&a);
        watching_open(&b);
        b.event = sd_event_unref(b.event);
        b.watch = maildir_watch_free(b.watch);
        b.event = sd_event_ref(a.event);
        assert(maildir_watch_new(b.event, b.folder.root, on_change, &b, &b.watch) == 0);
        assert(maildir_watch_add(b.watch, "INBOX", b.folder.maildir) == 0);
        assert(count_instances() == 1);
        assert(maildir_watch_count(a.watch) == maildir_watch_count(b.watch));

        test_tree_write(&a.folder.tree, "INBOX/new/1", "");
        (void) wait_told(&a);
        check_told(&a, "the one", "files INBOX +new/1\n");
        check_untold(&b, "not the other");
        check_quiet(&b);

        test_tree_write(&a.folder.tree, "INBOX/new/2", "");
        test_tree_write(&b.folder.tree, "INBOX/new/3", "");
        maildir_watch_flush(b.watch);
        check_told(&b, "flushed", "files INBOX +new/3\n");
        check_untold(&a, "not the other");
        (void) wait_told(&a);
        check_told(&a, "what was read by the way", "files INBOX +new/2\n");
        check_quiet(&b);

        assert(maildir_watch_new(a.event, b.folder.root, on_change, &a, &same) == -EEXIST);
        test_tree_write(&b.folder.tree, "INBOX/new/4", "");
        (void) wait_told(&b);
        check_told(&b, "it stays with the first", "files INBOX +new/4\n");

        a.watch = maildir_watch_free(a.watch);
        test_tree_write(&a.folder.tree, "INBOX/new/5", "");
        test_tree_write(&b.folder.tree, "INBOX/new/6", "");
        (void) wait_told(&b);
        check_told(&b, "the other goes on", "files INBOX +new/6\n");
        check_untold(&a, "not who has left");
        watching_close(&a);
        watching_close(&b);
        assert(count_instances() == 0);
}

/* One of two trees goes away. */
static void test_broken_tree(void) {
        char away[80];
        Watching a, b;

        watching_open(&a);
        watching_open(&b);
        b.watch = maildir_watch_free(b.watch);
        b.event = sd_event_unref(b.event);
        b.event = sd_event_ref(a.event);
        assert(maildir_watch_new(b.event, b.folder.root, on_change, &b, &b.watch) == 0);
        assert(maildir_watch_add(b.watch, "INBOX", b.folder.maildir) == 0);

        assert(snprintf(away, sizeof(away), "%s-away", a.folder.tree.path) > 0);
        assert(rename(a.folder.tree.path, away) == 0);
        test_tree_write(&b.folder.tree, "INBOX/new/1", "");
        (void) wait_told(&a);
        check_told(&a, "broken", "broken\n");
        assert(!a.watch);
        if (b.told.size == 0)
                (void) wait_told(&b);
        check_told(&b, "the other", "files INBOX +new/1\n");
        check_quiet(&b);
        assert(rename(away, a.folder.tree.path) == 0);
        watching_close(&a);
        watching_close(&b);
}

/* A file that is filled, and one that comes. */
static void test_names_only(void) {
        for (int names_only = 0; names_only < 2; names_only++) {
                Watching w;

                watching_open(&w);
                test_tree_write(&w.folder.tree, "INBOX/cur/1", "");
                (void) wait_told(&w);
                check_told(&w, "made", "files INBOX +cur/1\n");

                if (names_only)
                        maildir_watch_names_only(w.watch);
                assert(maildir_watch_add(w.watch, "INBOX", w.folder.maildir) == 0);
                test_tree_write(&w.folder.tree, "INBOX/cur/1", "x");
                if (!names_only) {
                        (void) wait_told(&w);
                        check_told(&w, "filled", "files INBOX +cur/1\n");
                }
                check_quiet(&w);
                test_tree_rename(&w.folder.tree, "INBOX/cur/1", "INBOX/cur/1:2,S");
                (void) wait_told(&w);
                check_told(&w, "another name", "files INBOX +cur/1:2,S\n");
                watching_close(&w);
        }
}

static void test_explain(void) {
        assert(strstr(maildir_watch_explain(-ENOSPC), "max_user_watches"));
        assert(strstr(maildir_watch_explain(-EMFILE), "max_user_instances"));
        assert(!maildir_watch_explain(-ENOMEM));
}

int main(void) {
        test_files();
        test_latency();
        test_burst();
        test_mailboxes();
        test_tree();
        test_renamed_mailbox();
        test_lost();
        test_broken();
        test_overflow();
        test_added_again();
        test_trees();
        test_broken_tree();
        test_names_only();
        test_explain();
        return 0;
}
