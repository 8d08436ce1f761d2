/* One Maildir in a real directory: symbolic links, looking, renaming, the letters' file. */

#include <errno.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "store/maildir.h"
#include "test-folder.h"
#include "test.h"

/* Nothing is followed out of the tree, whoever planted the link. */
static void test_symlinks_refused(void) {
        _cleanup_(test_tree_done) TestTree tree = test_tree_new();
        _cleanup_(maildir_root_freep) MaildirRoot *root = NULL;
        _cleanup_(maildir_freep) Maildir *maildir = NULL;
        MaildirDelivery *delivery;
        MaildirReader *reader;
        MaildirLetters letters;
        uint64_t size;
        int64_t mtime;

        assert(maildir_root_open(tree.path, MAILDIR_LAYOUT_FS, false, &root) == 0);
        assert(maildir_create(root, "real") == 0);
        test_tree_link(&tree, "real", "link");
        assert(maildir_open(root, "link", &maildir) == -ELOOP);
        assert(maildir_create(root, "link") == -ELOOP);
        assert(maildir_create(root, "link/below") == -ELOOP);

        test_tree_mkdir(&tree, "cur-is-link");
        test_tree_mkdir(&tree, "cur-is-link/new");
        test_tree_link(&tree, "../real/cur", "cur-is-link/cur");
        assert(maildir_open(root, "cur-is-link", &maildir) == -ELOOP);
        assert(maildir_create(root, "cur-is-link") == -ELOOP);

        test_tree_write(&tree, "new-is-file", "");
        assert(maildir_open(root, "new-is-file", &maildir) == -ENOTDIR);

        test_tree_mkdir(&tree, "tmp-is-link");
        test_tree_mkdir(&tree, "tmp-is-link/new");
        test_tree_mkdir(&tree, "tmp-is-link/cur");
        test_tree_link(&tree, "../real/tmp", "tmp-is-link/tmp");
        assert(maildir_open(root, "tmp-is-link", &maildir) == 0);
        assert(maildir_delivery_new(maildir, "1.host", &delivery) == -ELOOP);
        assert(maildir_publish_leftover(maildir, "1.host", MAILDIR_CUR, "1.host:2,") == -ELOOP);
        assert(maildir_clean_tmp(maildir, "host", 0, NULL, NULL) == -ELOOP);

        test_tree_write(&tree, "secret", "0 secret\n");
        test_tree_link(&tree, "../../secret", "tmp-is-link/cur/1:2,S");
        test_tree_link(&tree, "../secret", "tmp-is-link/dovecot-keywords");
        assert(maildir_reader_new(maildir, MAILDIR_CUR, "1:2,S", &reader, &size, &mtime) == -ELOOP);
        assert(maildir_letters_load(maildir, &letters) == -ELOOP);

        /* writing replaces the link and not what it leads to */
        letters = MAILDIR_LETTERS_NULL;
        test_tree_link(&tree, "../secret", "tmp-is-link/dovecot-keywords.imapsyncd");
        assert(maildir_letters_save(maildir, &letters) == 0);
        test_tree_check(&tree, "secret", "0 secret\n");
        test_tree_check(&tree, "tmp-is-link/dovecot-keywords", "");
}

static void test_scan(void) {
        _cleanup_(folder_close) Folder folder = folder_open();
        _cleanup_(maildir_scan_freep) MaildirScan *scan = NULL, *other = NULL;
        _cleanup_(buffer_done) Buffer found = BUFFER_NULL;
        const char *name;
        MaildirSub sub;
        char *names;

        assert(maildir_scan_new(folder.maildir, &scan) == 0);
        assert(maildir_scan_next(scan, &sub, &name) == 0);
        assert(maildir_scan_next(scan, &sub, &name) == 0);
        scan = maildir_scan_free(scan);

        test_tree_write(&folder.tree, "INBOX/new/1", "");
        test_tree_write(&folder.tree, "INBOX/cur/2:2,S", "");
        test_tree_write(&folder.tree, "INBOX/cur/3:2,", "");
        test_tree_write(&folder.tree, "INBOX/cur/.hidden", "");
        test_tree_write(&folder.tree, "INBOX/tmp/4", "");
        test_tree_mkdir(&folder.tree, "INBOX/cur/directory");

        /* one scan is not disturbed by another */
        assert(maildir_scan_new(folder.maildir, &scan) == 0);
        assert(maildir_scan_new(folder.maildir, &other) == 0);
        while (maildir_scan_next(scan, &sub, &name) > 0) {
                assert(maildir_scan_next(other, &sub, &name) == 1);
                assert(buffer_append_format(&found, "%s/%s\n", sub == MAILDIR_NEW ? "new" : "cur",
                                            name) == 0);
        }
        names = test_sorted(&found);
        TEST_ROW(names, strcmp(names, "cur/2:2,S,cur/3:2,,new/1") == 0);
        assert(strncmp(found.data, "new/1\n", 6) == 0);
        free(names);
}

static void test_find(void) {
        static const struct {
                const char *label;
                const char *base;
                const char *hint;
                int result;
                MaildirSub sub;
                const char *name;
        } rows[] = {
                {"where it was",        "1",    "1:2,S", 0,       MAILDIR_CUR, "1:2,S"},
                {"no hint",             "1",    NULL,    0,       MAILDIR_CUR, "1:2,S"},
                {"renamed",             "1",    "1:2,",  0,       MAILDIR_CUR, "1:2,S"},
                {"hint of another",     "1",    "2",     0,       MAILDIR_CUR, "1:2,S"},
                {"hint that leads out", "1",    "../1",  0,       MAILDIR_CUR, "1:2,S"},
                {"new",                 "2",    "2",     0,       MAILDIR_NEW, "2"    },
                {"new, was in cur",     "2",    "2:2,S", 0,       MAILDIR_NEW, "2"    },
                {"flags in new",        "3",    NULL,    0,       MAILDIR_NEW, "3:2,F"},
                {"gone",                "4",    "4:2,S", -ENOENT, MAILDIR_CUR, NULL   },
                {"begin of another",    "1:",   NULL,    -ENOENT, MAILDIR_CUR, NULL   },
                {"path",                "../1", NULL,    -EINVAL, MAILDIR_CUR, NULL   },
                {"hidden",              ".1",   NULL,    -EINVAL, MAILDIR_CUR, NULL   },
        };
        _cleanup_(folder_close) Folder folder = folder_open();

        test_tree_write(&folder.tree, "INBOX/cur/1:2,S", "");
        test_tree_write(&folder.tree, "INBOX/new/2", "");
        test_tree_write(&folder.tree, "INBOX/new/3:2,F", "");

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_free_ char *name = NULL;
                MaildirSub sub = MAILDIR_CUR;

                TEST_ROW(rows[i].label, maildir_find(folder.maildir, rows[i].base, rows[i].hint,
                                                     &sub, &name) == rows[i].result);
                TEST_ROW(rows[i].label, sub == rows[i].sub);
                TEST_ROW(rows[i].label, bytes_equal(bytes_of(name), bytes_of(rows[i].name)));
        }
}

static void test_token(void) {
        static const int64_t second = 1000000000;
        static const struct {
                const char *label;
                int64_t new_ns, cur_ns;
                bool settled;
        } rows[] = {
                {"long ago",         1,           1,          true },
                {"just two seconds", 8 * second,  8 * second, true },
                {"cur a moment ago", 1,           9 * second, false},
                {"new a moment ago", 9 * second,  1,          false},
                {"in the future",    20 * second, 1,          false},
        };
        _cleanup_(folder_close) Folder folder = folder_open();
        MaildirToken before, after;
        struct timespec old[2] = {
                {.tv_sec = 1000},
                { .tv_sec = 1000,  .tv_nsec = 5}
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const MaildirToken token = {
                        .mtime_ns = {rows[i].new_ns, rows[i].cur_ns}
                };

                TEST_ROW(rows[i].label,
                         maildir_token_is_settled(&token, 10 * second) == rows[i].settled);
        }

        assert(futimens(maildir_fd(folder.maildir, MAILDIR_CUR), old) == 0);
        assert(maildir_token(folder.maildir, &before) == 0);
        assert(before.mtime_ns[MAILDIR_CUR] == 1000 * second + 5);
        assert(maildir_token(folder.maildir, &after) == 0);
        assert(maildir_token_equal(&before, &after));
        test_tree_write(&folder.tree, "INBOX/cur/1:2,", "");
        assert(maildir_token(folder.maildir, &after) == 0);
        assert(!maildir_token_equal(&before, &after));

        after = before;
        after.ino[MAILDIR_NEW]++;
        assert(!maildir_token_equal(&before, &after));
}

static void test_rename(void) {
        _cleanup_(folder_close) Folder folder = folder_open();
        _cleanup_(maildir_freep) Maildir *other = NULL;
        Maildir *m = folder.maildir;

        test_tree_write(&folder.tree, "INBOX/new/1", "one");
        test_tree_write(&folder.tree, "INBOX/cur/2:2,", "two");

        assert(maildir_rename(m, MAILDIR_NEW, "1", "1:2,S") == 0);
        test_tree_check(&folder.tree, "INBOX/cur/1:2,S", "one");
        assert(maildir_rename(m, MAILDIR_CUR, "1:2,S", "1:2,S") == 0);
        assert(maildir_rename(m, MAILDIR_NEW, "1", "1:2,S") == -ENOENT);
        assert(maildir_rename(m, MAILDIR_CUR, "1:2,S", "2:2,") == -EEXIST);
        test_tree_check(&folder.tree, "INBOX/cur/2:2,", "two");
        assert(maildir_rename(m, MAILDIR_CUR, "../new/1", "1:2,") == -EINVAL);
        assert(maildir_rename(m, MAILDIR_CUR, "1:2,S", "../1") == -EINVAL);
        assert(maildir_sync_dirs(m) == 0);

        assert(maildir_create(folder.root, "other") == 0);
        assert(maildir_open(folder.root, "other", &other) == 0);
        assert(maildir_move(m, MAILDIR_CUR, "1:2,S", other, MAILDIR_NEW, "1") == 0);
        test_tree_check(&folder.tree, "other/new/1", "one");
        assert(maildir_move(m, MAILDIR_CUR, "2:2,", other, MAILDIR_NEW, "1") == -EEXIST);

        assert(maildir_unlink(m, MAILDIR_CUR, "2:2,") == 0);
        assert(maildir_unlink(m, MAILDIR_CUR, "2:2,") == -ENOENT);
        assert(maildir_unlink(m, MAILDIR_CUR, "../dovecot-keywords") == -EINVAL);
        assert(maildir_sync_dirs(m) == 0 && maildir_sync_dirs(other) == 0);
}

static void test_letters(void) {
        _cleanup_(folder_close) Folder folder = folder_open();
        _cleanup_(maildir_letters_done) MaildirLetters letters = MAILDIR_LETTERS_NULL;
        char letter, *huge;

        assert(maildir_letters_load(folder.maildir, &letters) == 0);
        assert(maildir_letters_find(&letters, "work") == '\0');
        assert(maildir_letters_add(&letters, "work", &letter) == 0 && letter == 'a');
        assert(maildir_letters_save(folder.maildir, &letters) == 0);
        test_tree_check(&folder.tree, "INBOX/dovecot-keywords", "0 work\n");

        maildir_letters_done(&letters);
        test_tree_write(&folder.tree, "INBOX/dovecot-keywords", "0 work\n3 $Junk\n");
        assert(maildir_letters_load(folder.maildir, &letters) == 0);
        assert(maildir_letters_find(&letters, "$junk") == 'd');

        huge = malloc(100 * 1024);
        memset(huge, 'x', 100 * 1024);
        huge[100 * 1024 - 1] = '\0';
        test_tree_write(&folder.tree, "INBOX/dovecot-keywords", huge);
        free(huge);
        maildir_letters_done(&letters);
        assert(maildir_letters_load(folder.maildir, &letters) == -E2BIG);

        test_tree_remove(&folder.tree, "INBOX/dovecot-keywords");
        test_tree_fifo(&folder.tree, "INBOX/dovecot-keywords");
        assert(maildir_letters_load(folder.maildir, &letters) == -EINVAL);
}

/* It stays the same when the file is renamed, and is another when the file is. */
static void test_object(void) {
        _cleanup_(test_tree_done) TestTree tree = test_tree_new();
        _cleanup_(maildir_root_freep) MaildirRoot *root = NULL;
        _cleanup_(maildir_freep) Maildir *a = NULL, *b = NULL;
        uint64_t before, after;

        assert(maildir_root_open(tree.path, MAILDIR_LAYOUT_FS, false, &root) == 0);
        assert(maildir_create(root, "a") == 0 && maildir_create(root, "b") == 0);
        assert(maildir_open(root, "a", &a) == 0 && maildir_open(root, "b", &b) == 0);
        test_tree_write(&tree, "a/new/1.host", "one");
        test_tree_write(&tree, "a/cur/2.host:2,", "two+");

        assert(maildir_object(a, MAILDIR_NEW, "1.host", &before) == 0 && before != 0);
        assert(maildir_move(a, MAILDIR_NEW, "1.host", b, MAILDIR_CUR, "3.host:2,S") == 0);
        assert(maildir_object(b, MAILDIR_CUR, "3.host:2,S", &after) == 0 && after == before);
        assert(maildir_object(a, MAILDIR_CUR, "2.host:2,", &after) == 0 && after != before);
        assert(maildir_object(a, MAILDIR_NEW, "1.host", &after) == -ENOENT);

        test_tree_write(&tree, "b/cur/3.host:2,S", "longer");
        assert(maildir_object(b, MAILDIR_CUR, "3.host:2,S", &after) == 0 && after != before);
}

int main(void) {
        test_object();
        test_symlinks_refused();
        test_scan();
        test_find();
        test_token();
        test_rename();
        test_letters();
        return 0;
}
