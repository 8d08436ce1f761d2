/* The tree of an account, in real directories: where mailboxes lie, the list, whole folders. */

#include <errno.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "store/maildir.h"
#include "test-folder.h"
#include "test.h"

static MaildirRoot *open_tree(const TestTree *tree, MaildirLayout layout) {
        MaildirRoot *root = NULL;

        assert(maildir_root_open(tree->path, layout, false, &root) == 0);
        return root;
}

static void test_root_open(void) {
        _cleanup_(test_tree_done) TestTree tree = test_tree_new();
        _cleanup_(maildir_root_freep) MaildirRoot *root = NULL, *linked = NULL;
        uint64_t dev, ino, linked_dev, linked_ino;
        char *path;

        path = test_tree_path(&tree, "deep/er/root/");
        assert(maildir_root_open(path, MAILDIR_LAYOUT_FS, false, &root) == -ENOENT);
        assert(maildir_root_open("relative", MAILDIR_LAYOUT_FS, true, &root) == -EINVAL);
        assert(maildir_root_open(path, MAILDIR_LAYOUT_FS, true, &root) == 0);
        assert(maildir_root_identity(root, &dev, &ino) == 0);
        free(path);

        /* the user may have put a symbolic link to the tree where he wants */
        test_tree_link(&tree, "deep/er/root", "link");
        path = test_tree_path(&tree, "link");
        assert(maildir_root_open(path, MAILDIR_LAYOUT_FS, false, &linked) == 0);
        assert(maildir_root_identity(linked, &linked_dev, &linked_ino) == 0);
        assert(dev == linked_dev && ino == linked_ino);
        free(path);

        test_tree_write(&tree, "file", "");
        path = test_tree_path(&tree, "file");
        root = maildir_root_free(root);
        assert(maildir_root_open(path, MAILDIR_LAYOUT_FS, true, &root) == -ENOTDIR);
        free(path);
}

static void test_create(void) {
        static const struct {
                const char *label;
                MaildirLayout layout;
                const char *mailbox;
                int result;
                const char *path; /* where its cur/, new/ and tmp/ are then */
        } rows[] = {
                {"fs, INBOX",             MAILDIR_LAYOUT_FS,              "INBOX",                          0,       "INBOX"          },
                {"fs, below INBOX",       MAILDIR_LAYOUT_FS,              "INBOX/sub",                      0,       "INBOX/sub"      },
                {"fs, missing parent",    MAILDIR_LAYOUT_FS,              "a/b/c",                          0,       "a/b/c"          },
                {"fs, dot inside",        MAILDIR_LAYOUT_FS,              "a.b",                            0,       "a.b"            },
                {"fs, UTF-8",             MAILDIR_LAYOUT_FS,              "Entw\xc3\xbcrfe",                0,       "Entw\xc3\xbcrfe"},
                {"fs, hidden",            MAILDIR_LAYOUT_FS,              "a/.b",                           -EINVAL, NULL             },
                {"fs, first is tmp",      MAILDIR_LAYOUT_FS,              "tmp",                            0,       "tmp"            },
                {"fs, cur inside",        MAILDIR_LAYOUT_FS,              "a/cur",                          -EINVAL, NULL             },
                {"fs, new inside",        MAILDIR_LAYOUT_FS,              "a/new/b",                        -EINVAL, NULL             },
                {"fs, keywords' file",    MAILDIR_LAYOUT_FS,              "INBOX/dovecot-keywords",         -EINVAL, NULL             },
                {"fs, keywords' lock",    MAILDIR_LAYOUT_FS,              "a/dovecot-keywords.lock",        -EINVAL, NULL             },
                {"fs, keywords' next",    MAILDIR_LAYOUT_FS,              "a/dovecot-keywords.imapsyncd/b", -EINVAL,
                 NULL                                                                                                                 },
                {"fs, first is keywords", MAILDIR_LAYOUT_FS,              "dovecot-keywords",               0,
                 "dovecot-keywords"                                                                                                   },
                {"fs, subscriptions",     MAILDIR_LAYOUT_FS,              "subscriptions",                  0,       "subscriptions"  },
                {"fs, parent",            MAILDIR_LAYOUT_FS,              "a/../b",                         -EINVAL, NULL             },
                {"fs, root",              MAILDIR_LAYOUT_FS,              "/a",                             -EINVAL, NULL             },
                {"fs, empty",             MAILDIR_LAYOUT_FS,              "",                               -EINVAL, NULL             },
                {"++, INBOX",             MAILDIR_LAYOUT_MAILDIRPLUSPLUS, "INBOX",                          0,       "."              },
                {"++, below INBOX",       MAILDIR_LAYOUT_MAILDIRPLUSPLUS, "INBOX/sub",                      0,       ".INBOX.sub"     },
                {"++, one level",         MAILDIR_LAYOUT_MAILDIRPLUSPLUS, "a",                              0,       ".a"             },
                {"++, three levels",      MAILDIR_LAYOUT_MAILDIRPLUSPLUS, "a/b/c",                          0,       ".a.b.c"         },
                {"++, dot inside",        MAILDIR_LAYOUT_MAILDIRPLUSPLUS, "a.b",                            -EINVAL, NULL             },
                {"++, dot in front",      MAILDIR_LAYOUT_MAILDIRPLUSPLUS, "a/.b",                           -EINVAL, NULL             },
                {"++, cur",               MAILDIR_LAYOUT_MAILDIRPLUSPLUS, "cur",                            0,       ".cur"           },
        };
        static const char *const subs[] = {"cur", "new", "tmp"};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(test_tree_done) TestTree tree = test_tree_new();
                _cleanup_(maildir_root_freep) MaildirRoot *root = open_tree(&tree, rows[i].layout);
                _cleanup_(maildir_freep) Maildir *maildir = NULL;
                const char *label = rows[i].label;

                TEST_ROW(label, maildir_create(root, rows[i].mailbox) == rows[i].result);
                TEST_ROW(label, maildir_create(root, rows[i].mailbox) == rows[i].result);
                TEST_ROW(label, maildir_open(root, rows[i].mailbox, &maildir) == rows[i].result);
                if (rows[i].result < 0)
                        continue;

                for (size_t j = 0; j < ARRAY_SIZE(subs); j++) {
                        _cleanup_free_ char *sub = NULL;

                        assert(asprintf(&sub, "%s/%s", rows[i].path, subs[j]) > 0);
                        TEST_ROW(label, test_tree_mode(&tree, sub) == (S_IFDIR | 0700));
                }

                /* the path leads to the same place */
                _cleanup_free_ char *expected = test_tree_path(&tree, rows[i].path);
                struct stat a, b;
                assert(stat(expected, &a) == 0 && stat(maildir_path(maildir), &b) == 0);
                TEST_ROW(label, a.st_ino == b.st_ino);
        }
}

static void test_create_too_long(void) {
        _cleanup_(test_tree_done) TestTree tree = test_tree_new();
        _cleanup_(maildir_root_freep) MaildirRoot *plusplus = NULL, *fs = NULL;
        char name[300], deep[200];

        memset(name, 'x', sizeof(name));
        name[100] = name[200] = '/';
        plusplus = open_tree(&tree, MAILDIR_LAYOUT_MAILDIRPLUSPLUS);
        name[255] = '\0';
        assert(maildir_create(plusplus, name) == -ENAMETOOLONG);
        name[254] = '\0';
        assert(maildir_create(plusplus, name) == 0);

        for (size_t i = 0; i < sizeof(deep); i++)
                deep[i] = i % 2 == 0 ? 'd' : '/';
        fs = open_tree(&tree, MAILDIR_LAYOUT_FS);
        deep[2 * 65 - 1] = '\0';
        assert(maildir_create(fs, deep) == -EINVAL);
        deep[2 * 64 - 1] = '\0';
        assert(maildir_create(fs, deep) == 0);
}

static void test_open_missing(void) {
        _cleanup_(test_tree_done) TestTree tree = test_tree_new();
        _cleanup_(maildir_root_freep) MaildirRoot *root = open_tree(&tree, MAILDIR_LAYOUT_FS);
        _cleanup_(maildir_freep) Maildir *maildir = NULL;

        assert(maildir_open(root, "a", &maildir) == -ENOENT);
        test_tree_mkdir(&tree, "a");
        assert(maildir_open(root, "a", &maildir) == -ENOENT);
        test_tree_mkdir(&tree, "a/cur");
        assert(maildir_open(root, "a", &maildir) == -ENOENT);
        test_tree_mkdir(&tree, "a/new");
        assert(maildir_open(root, "a", &maildir) == 0);
}

typedef struct Found {
        Buffer text; /* lines "name", or "name!" for a bad one */
        size_t stop_after;
} Found;

static int found_add(const char *mailbox, bool bad, void *userdata) {
        Found *found = userdata;

        assert(buffer_append_format(&found->text, "%s%s\n", mailbox, bad ? "!" : "") == 0);
        return found->stop_after > 0 && --found->stop_after == 0 ? -ECANCELED : 0;
}

static void check_list(MaildirRoot *root, const char *expected) {
        Found found = {.text = BUFFER_NULL};
        char *names;

        assert(maildir_root_list(root, found_add, &found) == 0);
        names = test_sorted(&found.text);
        TEST_ROW(names, strcmp(names, expected) == 0);
        free(names);
        buffer_done(&found.text);
}

static void test_list_fs(void) {
        _cleanup_(test_tree_done) TestTree tree = test_tree_new();
        _cleanup_(maildir_root_freep) MaildirRoot *root = open_tree(&tree, MAILDIR_LAYOUT_FS);
        Found found = {.stop_after = 1};

        check_list(root, "");
        assert(maildir_create(root, "INBOX") == 0);
        assert(maildir_create(root, "INBOX/sub") == 0);
        assert(maildir_create(root, "a/b/c") == 0);
        assert(maildir_create(root, "tmp") == 0);
        test_tree_mkdir(&tree, "only-new");
        test_tree_mkdir(&tree, "only-new/new");
        test_tree_mkdir(&tree, "no-folder");
        test_tree_mkdir(&tree, "no-folder/tmp");
        test_tree_mkdir(&tree, ".hidden");
        test_tree_mkdir(&tree, ".hidden/cur");
        test_tree_mkdir(&tree, "bad\x01");
        test_tree_mkdir(&tree, "bad\x01/cur");
        test_tree_mkdir(&tree, "bad\x01/x");
        test_tree_mkdir(&tree, "bad\x01/x/cur");
        test_tree_mkdir(&tree, "inbox");
        test_tree_mkdir(&tree, "inbox/cur");
        test_tree_link(&tree, "INBOX", "linked");
        test_tree_link(&tree, "../INBOX/cur", "no-folder/cur");
        test_tree_write(&tree, "file", "");

        check_list(root, "INBOX,INBOX/sub,a/b/c,bad\x01!,bad\x01/x!,inbox!,only-new,tmp");
        assert(maildir_root_list(root, found_add, &found) == -ECANCELED);
        buffer_done(&found.text);
}

static void test_list_plusplus(void) {
        _cleanup_(test_tree_done) TestTree tree = test_tree_new();
        _cleanup_(maildir_root_freep) MaildirRoot *root = NULL;

        root = open_tree(&tree, MAILDIR_LAYOUT_MAILDIRPLUSPLUS);
        check_list(root, "");
        assert(maildir_create(root, "INBOX") == 0);
        assert(maildir_create(root, "INBOX/sub") == 0);
        assert(maildir_create(root, "a/b") == 0);
        assert(test_tree_mode(&tree, ".a.b/maildirfolder") == (S_IFREG | 0600));
        assert(test_tree_mode(&tree, "maildirfolder") == 0);
        test_tree_mkdir(&tree, ".git");
        test_tree_mkdir(&tree, ".a..b");
        test_tree_mkdir(&tree, ".a..b/cur");
        test_tree_mkdir(&tree, ".INBOX");
        test_tree_mkdir(&tree, ".INBOX/cur");
        test_tree_mkdir(&tree, "visible");
        test_tree_mkdir(&tree, "visible/cur");
        test_tree_link(&tree, ".a.b", ".linked");

        check_list(root, "INBOX,INBOX!,INBOX/sub,a//b!,a/b");
}

static void test_rename_folder(void) {
        static const struct {
                const char *label;
                MaildirLayout layout;
                const char *from, *to;
                int result;
                const char *list; /* after, of a, a/b, ab and c */
        } rows[] = {
                {"fs",               MAILDIR_LAYOUT_FS,              "a",     "x/y",   0,          "ab,c,x/y,x/y/b"},
                {"fs, leaf",         MAILDIR_LAYOUT_FS,              "a/b",   "x",     0,          "a,ab,c,x"      },
                {"fs, missing",      MAILDIR_LAYOUT_FS,              "z",     "x",     -ENOENT,    "a,a/b,ab,c"    },
                {"fs, exists",       MAILDIR_LAYOUT_FS,              "a",     "c",     -ENOTEMPTY, "a,a/b,ab,c"    },
                {"fs, below itself", MAILDIR_LAYOUT_FS,              "a",     "a/x",   -EINVAL,    "a,a/b,ab,c"    },
                {"fs, name",         MAILDIR_LAYOUT_FS,              "a",     "x/cur", -EINVAL,    "a,a/b,ab,c"    },
                {"++",               MAILDIR_LAYOUT_MAILDIRPLUSPLUS, "a",     "x/y",   0,          "ab,c,x/y,x/y/b"},
                {"++, leaf",         MAILDIR_LAYOUT_MAILDIRPLUSPLUS, "a/b",   "x",     0,          "a,ab,c,x"      },
                {"++, missing",      MAILDIR_LAYOUT_MAILDIRPLUSPLUS, "z",     "x",     -ENOENT,    "a,a/b,ab,c"    },
                {"++, exists",       MAILDIR_LAYOUT_MAILDIRPLUSPLUS, "a/b",   "c",     -ENOTEMPTY,
                 "a,a/b,ab,c"                                                                                      },
                {"++, INBOX",        MAILDIR_LAYOUT_MAILDIRPLUSPLUS, "INBOX", "x",     -EINVAL,    "a,a/b,ab,c"    },
        };
        static const char *const mailboxes[] = {"a", "a/b", "ab", "c"};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(test_tree_done) TestTree tree = test_tree_new();
                _cleanup_(maildir_root_freep) MaildirRoot *root = open_tree(&tree, rows[i].layout);

                for (size_t j = 0; j < ARRAY_SIZE(mailboxes); j++)
                        assert(maildir_create(root, mailboxes[j]) == 0);
                TEST_ROW(rows[i].label,
                         maildir_rename_folder(root, rows[i].from, rows[i].to) == rows[i].result);
                check_list(root, rows[i].list);
        }
}

/* The identity stays with a rename, and is nobody else's. */
static void test_identity(void) {
        _cleanup_(test_tree_done) TestTree tree = test_tree_new();
        _cleanup_(maildir_root_freep) MaildirRoot *root = open_tree(&tree, MAILDIR_LAYOUT_FS);
        char before[MAILDIR_IDENTITY_SIZE], after[MAILDIR_IDENTITY_SIZE];
        char other[MAILDIR_IDENTITY_SIZE];
        Maildir *maildir;

        assert(maildir_create(root, "a") == 0 && maildir_open(root, "a", &maildir) == 0);
        assert(maildir_identity(maildir, before) == 0);
        maildir_free(maildir);
        assert(maildir_rename_folder(root, "a", "b") == 0);
        assert(maildir_create(root, "a") == 0 && maildir_open(root, "a", &maildir) == 0);
        assert(maildir_identity(maildir, other) == 0);
        maildir_free(maildir);
        assert(maildir_open(root, "b", &maildir) == 0);
        assert(maildir_identity(maildir, after) == 0);
        maildir_free(maildir);
        assert(strcmp(before, after) == 0 && strcmp(before, other) != 0);
}

static void test_subscriptions(void) {
        static const struct {
                const char *label;
                MaildirLayout layout;
                const char *before, *after; /* a subscribed, a/b not any more, x renamed to y */
        } rows[] = {
                {"fs, plain",          MAILDIR_LAYOUT_FS,              "a/b\nx\nx/1\nxx\n", "y\ny/1\nxx\na\n"},
                {"fs, tabs",           MAILDIR_LAYOUT_FS,              "V\t2\n\na\tb\nx\n", "V\t2\n\ny\na\n" },
                {"maildir++, plain",   MAILDIR_LAYOUT_MAILDIRPLUSPLUS, "a.b\nx.1\n",        "y.1\na\n"       },
                {"maildir++, tabs",    MAILDIR_LAYOUT_MAILDIRPLUSPLUS, "V\t2\n\nx\t1\n",
                 "V\t2\n\ny\t1\na\n"                                                                         },
                {"no end of the line", MAILDIR_LAYOUT_FS,              "a/b\nx",            "y\na\n"         },
                {"empty",              MAILDIR_LAYOUT_FS,              "",                  "a\n"            },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(test_tree_done) TestTree tree = test_tree_new();
                _cleanup_(maildir_root_freep) MaildirRoot *root = open_tree(&tree, rows[i].layout);
                MaildirSubscriptions subscriptions;

                assert(maildir_subscribe(root, "a", true) == 0); /* without the file: nothing */
                assert(maildir_subscriptions_load(root, &subscriptions) == 0);
                TEST_ROW(rows[i].label, !subscriptions.exists);

                test_tree_write(&tree, "subscriptions", rows[i].before);
                assert(maildir_subscribe(root, "a", true) == 0);
                assert(maildir_subscribe(root, "a/b", false) == 0);
                assert(maildir_subscriptions_rename(root, "x", "y") == 0);
                test_tree_check(&tree, "subscriptions", rows[i].after);
                assert(maildir_subscriptions_load(root, &subscriptions) == 0);
                TEST_ROW(rows[i].label, maildir_subscriptions_have(&subscriptions, "a"));
                TEST_ROW(rows[i].label, !maildir_subscriptions_have(&subscriptions, "a/b"));
                maildir_subscriptions_done(&subscriptions);

                test_tree_write(&tree, "subscriptions.lock", "");
                TEST_ROW(rows[i].label, maildir_subscribe(root, "c", true) == -EBUSY);
        }
}

static int is_not_kept(const char *name, void *userdata) {
        (void) userdata;
        return strcmp(name, "kept") != 0;
}

static void test_remove_folder(void) {
        static const MaildirLayout layouts[] = {MAILDIR_LAYOUT_FS, MAILDIR_LAYOUT_MAILDIRPLUSPLUS};

        for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
                _cleanup_(test_tree_done) TestTree tree = test_tree_new();
                _cleanup_(maildir_root_freep) MaildirRoot *root = open_tree(&tree, layouts[i]);
                _cleanup_(maildir_freep) Maildir *maildir = NULL;
                const bool fs = layouts[i] == MAILDIR_LAYOUT_FS;
                const MaildirLetters letters = {.names = {(char *) "work"}};

                assert(maildir_create(root, "a") == 0 && maildir_create(root, "a/b") == 0);
                assert(maildir_open(root, "a/b", &maildir) == 0);
                assert(maildir_letters_save(maildir, &letters) == 0);
                test_tree_write(&tree, fs ? "a/cur/1" : ".a/cur/1", "x");
                test_tree_write(&tree, fs ? "a/b/new/1" : ".a.b/new/1", "x");
                test_tree_write(&tree, fs ? "a/b/tmp/.x" : ".a.b/tmp/.x", "x");

                assert(maildir_remove_folder(root, "a", is_not_kept, NULL) == 0);
                check_list(root, "a/b");
                test_tree_check(&tree, fs ? "a/b/new/1" : ".a.b/new/1", "x");
                assert(maildir_remove_folder(root, "a/b", is_not_kept, NULL) == 0);
                assert(maildir_remove_folder(root, "a/b", is_not_kept, NULL) == -ENOENT);
                assert(test_tree_mode(&tree, fs ? "a/b" : ".a.b") == 0);
                check_list(root, "");

                /* what others put there stays */
                assert(maildir_create(root, "c") == 0);
                test_tree_write(&tree, fs ? "c/notes" : ".c/notes", "mine");
                assert(maildir_remove_folder(root, "c", is_not_kept, NULL) == 0);
                test_tree_check(&tree, fs ? "c/notes" : ".c/notes", "mine");
                assert(maildir_create(root, "d") == 0);
                test_tree_mkdir(&tree, fs ? "d/cur/x" : ".d/cur/x");
                assert(maildir_remove_folder(root, "d", is_not_kept, NULL) == -ENOTEMPTY);

                /* a message that may not go keeps the others */
                assert(maildir_create(root, "e") == 0);
                test_tree_write(&tree, fs ? "e/new/1" : ".e/new/1", "x");
                test_tree_write(&tree, fs ? "e/tmp/1" : ".e/tmp/1", "x");
                test_tree_write(&tree, fs ? "e/cur/kept" : ".e/cur/kept", "x");
                assert(maildir_remove_folder(root, "e", is_not_kept, NULL) == -ENOTEMPTY);
                test_tree_check(&tree, fs ? "e/new/1" : ".e/new/1", "x");
                test_tree_check(&tree, fs ? "e/tmp/1" : ".e/tmp/1", "x");

                test_tree_link(&tree, fs ? "d" : ".d", fs ? "link" : ".link");
                assert(maildir_remove_folder(root, "link", is_not_kept, NULL) == -ELOOP);
                assert(maildir_rename_folder(root, "link", "f") == -ELOOP);
                if (!fs)
                        assert(maildir_remove_folder(root, "INBOX", is_not_kept, NULL) == -EINVAL);
        }
}

/* What is no file says nothing of subscriptions; above all it stops nobody. */
static void test_no_subscriptions(void) {
        static const char *const labels[] = {"a mailbox of that name", "FIFO", "symbolic link"};

        for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
                _cleanup_(test_tree_done) TestTree tree = test_tree_new();
                _cleanup_(maildir_root_freep) MaildirRoot *root =
                        open_tree(&tree, MAILDIR_LAYOUT_FS);
                _cleanup_free_ char *path = test_tree_path(&tree, "subscriptions");
                MaildirSubscriptions subscriptions = {.exists = true};

                if (i == 0)
                        assert(maildir_create(root, "subscriptions") == 0);
                else if (i == 1)
                        assert(mkfifo(path, 0600) == 0);
                else
                        assert(symlink("/etc/passwd", path) == 0);

                TEST_ROW(labels[i], maildir_subscriptions_load(root, &subscriptions) == 0);
                TEST_ROW(labels[i], !subscriptions.exists && subscriptions.n_names == 0);
                TEST_ROW(labels[i], maildir_subscribe(root, "a", true) == 0);
        }
}

int main(void) {
        test_root_open();
        test_create();
        test_create_too_long();
        test_open_missing();
        test_list_fs();
        test_list_plusplus();
        test_rename_folder();
        test_remove_folder();
        test_identity();
        test_subscriptions();
        test_no_subscriptions();
        return 0;
}
