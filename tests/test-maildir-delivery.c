/* Delivery: line ends across pieces, the order tmp/, new/ or cur/, what a crash leaves. */

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/bytes.h"
#include "store/maildir.h"
#include "test-folder.h"
#include "test.h"

static MaildirDelivery *begin(Folder *folder, const char *base) {
        MaildirDelivery *delivery = NULL;

        assert(maildir_delivery_new(folder->maildir, base, &delivery) == 0);
        assert(strcmp(maildir_delivery_base(delivery), base) == 0);
        return delivery;
}

static void write_text(MaildirDelivery *delivery, const char *text) {
        assert(maildir_delivery_write(delivery, bytes_of(text)) == 0);
}

static void publish(MaildirDelivery *delivery, MaildirSub sub, const char *name) {
        assert(maildir_delivery_finish(delivery, 0) == 0);
        assert(maildir_delivery_sync(delivery) == 0);
        assert(maildir_delivery_publish(delivery, sub, name) == 0);
}

/* However the bytes are cut, the file is the same. */
static void test_line_ends(void) {
        static const struct {
                const char *label;
                const char *wire;
                const char *file;
        } rows[] = {
                {"empty",            "",               ""          },
                {"lines",            "a\r\n\r\nb\r\n", "a\n\nb\n"  },
                {"no line end",      "a\r\nb",         "a\nb"      },
                {"lone LF",          "a\nb",           "a\nb"      },
                {"lone CR",          "a\rb",           "a\rb"      },
                {"CR at the end",    "a\r",            "a\r"       },
                {"CR CR LF",         "a\r\r\nb",       "a\r\r\nb"  },
                {"CR CR CR LF",      "\r\r\r\n",       "\r\r\r\n"  },
                {"CR CR",            "a\r\rb",         "a\r\rb"    },
                {"CR CR at the end", "a\r\r",          "a\r\r"     },
                {"CRLF CR CRLF",     "\r\n\r\r\n\r\n", "\n\r\r\n\n"},
                {"LF CR",            "\n\r",           "\n\r"      },
        };
        _cleanup_(folder_close) Folder folder = folder_open();

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const size_t size = strlen(rows[i].wire);

                for (size_t cut = 0; cut <= size + 1; cut++) {
                        _cleanup_(maildir_delivery_freep) MaildirDelivery *delivery = NULL;
                        const size_t whole = MIN(cut, size);

                        delivery = begin(&folder, "1");
                        write_text(delivery, "");
                        if (cut <= size) {
                                assert(maildir_delivery_write(
                                               delivery, (ByteView){rows[i].wire, whole}) == 0);
                                write_text(delivery, rows[i].wire + whole);
                        } else { /* byte by byte */
                                for (size_t j = 0; j < size; j++)
                                        assert(maildir_delivery_write(
                                                       delivery, (ByteView){rows[i].wire + j, 1}) ==
                                               0);
                        }
                        publish(delivery, MAILDIR_CUR, "1:2,");

                        TEST_ROW(rows[i].label,
                                 folder_holds(&folder, "INBOX/cur/1:2,", bytes_of(rows[i].file)));
                        assert(maildir_unlink(folder.maildir, MAILDIR_CUR, "1:2,") == 0);
                }
        }
}

/* More than the buffer holds, with line ends that fall on its border. */
static void test_large(void) {
        _cleanup_(folder_close) Folder folder = folder_open();
        _cleanup_(buffer_done) Buffer wire = BUFFER_NULL, file = BUFFER_NULL;

        for (size_t i = 0; i < 20000; i++) {
                assert(buffer_append(&wire, "abcdefg\r\n", 7 - i % 5 + 2) == 0);
                assert(buffer_append(&wire, "\r\n", 2) == 0);
        }
        for (size_t i = 0; i < wire.size; i++) {
                const bool crlf = wire.data[i] == '\r' && i + 1 < wire.size &&
                                  wire.data[i + 1] == '\n' && (i == 0 || wire.data[i - 1] != '\r');

                if (!crlf)
                        assert(buffer_append(&file, wire.data + i, 1) == 0);
        }

        for (size_t piece = 4000; piece <= 40000; piece += 9000) {
                _cleanup_(maildir_delivery_freep) MaildirDelivery *delivery = NULL;

                delivery = begin(&folder, "1");
                for (size_t at = 0; at < wire.size; at += piece)
                        assert(maildir_delivery_write(delivery,
                                                      (ByteView){wire.data + at,
                                                                 MIN(piece, wire.size - at)}) == 0);
                publish(delivery, MAILDIR_CUR, "1:2,");
                assert(folder_holds(&folder, "INBOX/cur/1:2,", buffer_view(&file)));
                assert(maildir_unlink(folder.maildir, MAILDIR_CUR, "1:2,") == 0);
        }
}

static void test_order(void) {
        _cleanup_(folder_close) Folder folder = folder_open();
        _cleanup_(maildir_delivery_freep) MaildirDelivery *delivery = NULL;
        struct stat st;
        char *path;

        test_tree_remove(&folder.tree, "INBOX/tmp"); /* some programs leave it out */
        delivery = begin(&folder, "1.host");
        assert(test_tree_mode(&folder.tree, "INBOX/tmp/1.host") == (S_IFREG | 0600));
        write_text(delivery, "text\r\n");
        assert(maildir_delivery_finish(delivery, 1234567890) == 0);
        test_tree_check(&folder.tree, "INBOX/tmp/1.host", "text\n");
        assert(maildir_delivery_sync(delivery) == 0);
        assert(maildir_delivery_sync(delivery) == 0); /* once is enough */
        assert(maildir_delivery_publish(delivery, MAILDIR_CUR, "../1.host") == -EINVAL);
        assert(maildir_delivery_publish(delivery, MAILDIR_CUR, "1.host:2,FS") == 0);
        assert(maildir_sync_dirs(folder.maildir) == 0);
        delivery = maildir_delivery_free(delivery);

        test_tree_check(&folder.tree, "INBOX/cur/1.host:2,FS", "text\n");
        assert(test_tree_mode(&folder.tree, "INBOX/tmp/1.host") == 0);
        path = test_tree_path(&folder.tree, "INBOX/cur/1.host:2,FS");
        assert(stat(path, &st) == 0 && st.st_mtim.tv_sec == 1234567890);
        free(path);
}

static void test_exists(void) {
        _cleanup_(folder_close) Folder folder = folder_open();
        _cleanup_(maildir_delivery_freep) MaildirDelivery *delivery = NULL, *second = NULL;

        delivery = begin(&folder, "1");
        assert(maildir_delivery_new(folder.maildir, "1", &second) == -EEXIST);
        assert(maildir_delivery_new(folder.maildir, "../1", &second) == -EINVAL);
        assert(maildir_delivery_new(folder.maildir, "", &second) == -EINVAL);

        write_text(delivery, "ours");
        test_tree_write(&folder.tree, "INBOX/new/1", "theirs");
        assert(maildir_delivery_finish(delivery, 0) == 0);
        assert(maildir_delivery_sync(delivery) == 0);
        assert(maildir_delivery_publish(delivery, MAILDIR_NEW, "1") == -EEXIST);
        test_tree_check(&folder.tree, "INBOX/new/1", "theirs");
        test_tree_check(&folder.tree, "INBOX/tmp/1", "ours");
        assert(maildir_delivery_publish(delivery, MAILDIR_NEW, "2") == 0);
        test_tree_check(&folder.tree, "INBOX/new/2", "ours");
}

/* The buffer is shared: messages that come by turns must not mix. */
static void test_by_turns(void) {
        _cleanup_(folder_close) Folder folder = folder_open();
        MaildirDelivery *a = begin(&folder, "a"), *b = begin(&folder, "b");
        MaildirDelivery *dropped = begin(&folder, "c");

        write_text(a, "a1\r");
        write_text(b, "b1\r");
        write_text(a, "\na2");
        write_text(dropped, "nothing of this");
        dropped = maildir_delivery_free(dropped);
        write_text(b, "b2");
        publish(a, MAILDIR_NEW, "a");
        publish(b, MAILDIR_NEW, "b");
        maildir_delivery_free(a);
        maildir_delivery_free(b);

        test_tree_check(&folder.tree, "INBOX/new/a", "a1\na2");
        test_tree_check(&folder.tree, "INBOX/new/b", "b1\rb2");
        assert(test_tree_mode(&folder.tree, "INBOX/tmp/c") == 0);
}

static void test_leftovers(void) {
        _cleanup_(folder_close) Folder folder = folder_open();
        MaildirDelivery *delivery;

        /* freed: the message comes again */
        delivery = begin(&folder, "freed");
        write_text(delivery, "x");
        delivery = maildir_delivery_free(delivery);
        assert(test_tree_mode(&folder.tree, "INBOX/tmp/freed") == 0);

        /* stopped between the commit and the rename: the next start goes on from there */
        delivery = begin(&folder, "kept");
        write_text(delivery, "text");
        assert(maildir_delivery_finish(delivery, 0) == 0);
        assert(maildir_delivery_sync(delivery) == 0);
        maildir_delivery_abandon(delivery);
        delivery = maildir_delivery_free(delivery);

        assert(maildir_publish_leftover(folder.maildir, "kept", MAILDIR_CUR, "kept:2,S") == 0);
        test_tree_check(&folder.tree, "INBOX/cur/kept:2,S", "text");
        assert(maildir_publish_leftover(folder.maildir, "kept", MAILDIR_CUR, "kept:2,S") ==
               -ENOENT);

        test_tree_write(&folder.tree, "INBOX/tmp/twin", "");
        assert(maildir_publish_leftover(folder.maildir, "twin", MAILDIR_CUR, "kept:2,S") ==
               -EEXIST);
        assert(maildir_publish_leftover(folder.maildir, "../x", MAILDIR_CUR, "x") == -EINVAL);
        test_tree_link(&folder.tree, "twin", "INBOX/tmp/link");
        assert(maildir_publish_leftover(folder.maildir, "link", MAILDIR_CUR, "x") == -ELOOP);
        test_tree_mkdir(&folder.tree, "INBOX/tmp/dir");
        assert(maildir_publish_leftover(folder.maildir, "dir", MAILDIR_CUR, "x") == -EINVAL);
}

static bool is_known(const char *base, void *userdata) {
        return strcmp(base, userdata) == 0;
}

/* A process that was there a moment ago. */
static int dead_process(void) {
        pid_t pid = fork();

        if (pid == 0)
                _exit(0);
        assert(pid > 0 && waitpid(pid, NULL, 0) == pid);
        return pid;
}

static void test_clean_tmp(void) {
        const struct {
                const char *label;
                int64_t usec;
                int pid;
                const char *host;
                int64_t age; /* in hours, of all of them */
                bool stays;
        } rows[] = {
                {"its process is there",       1, getpid(),       "host",  35, true },
                {"its process is there, old",  2, getpid(),       "host",  37, false},
                {"its process is gone",        3, dead_process(), "host",  0,  false},
                {"no process",                 4, 0,              "host",  0,  true },
                {"of another host",            5, dead_process(), "other", 37, true },
                {"known, its process is gone", 6, dead_process(), "host",  37, true },
        };
        _cleanup_(folder_close) Folder folder = folder_open();

        test_tree_write(&folder.tree, "INBOX/tmp/theirs", "");
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer base = BUFFER_NULL;
                _cleanup_free_ char *path = NULL, *absolute = NULL, *known = NULL;
                struct stat st;

                assert(buffer_append_string(&base, "INBOX/tmp/") == 0);
                assert(maildir_name_new(rows[i].usec, rows[i].pid, 4, rows[i].host, &base) == 0);
                path = buffer_steal_string(&base);
                test_tree_write(&folder.tree, path, "");
                absolute = test_tree_path(&folder.tree, path);
                assert(stat(absolute, &st) == 0);
                known = strdup(rows[i].usec == 6 ? path + strlen("INBOX/tmp/") : "");

                assert(maildir_clean_tmp(folder.maildir, "host",
                                         st.st_ctim.tv_sec + rows[i].age * 3600, is_known,
                                         known) == 0);
                TEST_ROW(rows[i].label, (test_tree_mode(&folder.tree, path) != 0) == rows[i].stays);
                if (rows[i].stays)
                        assert(unlink(absolute) == 0);
        }
        assert(test_tree_mode(&folder.tree, "INBOX/tmp/theirs") != 0);
}

/* A full disk is told, at the latest by finish(), and nothing is published. */
static void test_write_error(void) {
        _cleanup_(folder_close) Folder folder = folder_open();
        const struct rlimit small = {.rlim_cur = 1024, .rlim_max = RLIM_INFINITY};
        const struct rlimit all = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
        MaildirDelivery *delivery = begin(&folder, "1"), *other = begin(&folder, "2");
        char text[2048];

        signal(SIGXFSZ, SIG_IGN);
        memset(text, 'x', sizeof(text));
        assert(maildir_delivery_write(delivery, (ByteView){text, sizeof(text)}) == 0);

        assert(setrlimit(RLIMIT_FSIZE, &small) == 0);
        write_text(other, "small"); /* takes the buffer over */
        assert(setrlimit(RLIMIT_FSIZE, &all) == 0);

        assert(maildir_delivery_write(delivery, BYTES("more")) == -EFBIG);
        assert(maildir_delivery_finish(delivery, 0) == -EFBIG);
        assert(maildir_delivery_sync(delivery) == -EFBIG);
        delivery = maildir_delivery_free(delivery);
        assert(test_tree_mode(&folder.tree, "INBOX/tmp/1") == 0);

        publish(other, MAILDIR_NEW, "2");
        maildir_delivery_free(other);
        test_tree_check(&folder.tree, "INBOX/new/2", "small");
}

/* A second name for the same bytes, in tmp/ until it is published; the first one stays. */
static void test_copy(void) {
        _cleanup_(folder_close) Folder folder = folder_open();
        _cleanup_free_ char *link = test_tree_path(&folder.tree, "INBOX/cur/link");
        MaildirDelivery *delivery = begin(&folder, "1"), *copy = NULL;
        Maildir *other = NULL;

        write_text(delivery, "a\r\nb");
        publish(delivery, MAILDIR_CUR, "1:2,S");
        maildir_delivery_free(delivery);
        assert(maildir_create(folder.root, "other") == 0);
        assert(maildir_open(folder.root, "other", &other) == 0);

        assert(maildir_delivery_copy(other, "2", folder.maildir, MAILDIR_CUR, "1", &copy) ==
               -ENOENT);
        assert(symlink("1:2,S", link) == 0);
        assert(maildir_delivery_copy(other, "2", folder.maildir, MAILDIR_CUR, "link", &copy) ==
               -ELOOP);
        assert(test_tree_mode(&folder.tree, "other/tmp/2") == 0);

        assert(maildir_delivery_copy(other, "2", folder.maildir, MAILDIR_CUR, "1:2,S", &copy) == 0);
        copy = maildir_delivery_free(copy); /* thought better of */
        assert(test_tree_mode(&folder.tree, "other/tmp/2") == 0);
        assert(maildir_delivery_copy(other, "2", folder.maildir, MAILDIR_CUR, "1:2,S", &copy) == 0);
        assert(maildir_delivery_sync(copy) == 0);
        assert(maildir_delivery_publish(copy, MAILDIR_NEW, "2") == 0);
        maildir_delivery_free(copy);
        maildir_free(other);
        test_tree_check(&folder.tree, "other/new/2", "a\nb");
        test_tree_check(&folder.tree, "INBOX/cur/1:2,S", "a\nb");
}

int main(void) {
        test_line_ends();
        test_large();
        test_order();
        test_exists();
        test_by_turns();
        test_leftovers();
        test_clean_tmp();
        test_write_error();
        test_copy();
        return 0;
}
