/* Reading with CRLF line ends: the size that was told is the size that is given. */

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/bytes.h"
#include "store/maildir.h"
#include "test-folder.h"
#include "test.h"

/* Read the message in pieces of @piece bytes and compare; the end comes exactly then. */
static bool gives(Folder *folder, const char *name, size_t piece, ByteView expected) {
        _cleanup_(maildir_reader_freep) MaildirReader *reader = NULL;
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        uint64_t size;
        int64_t mtime;

        assert(maildir_reader_new(folder->maildir, MAILDIR_CUR, name, &reader, &size, &mtime) == 0);
        for (;;) {
                ssize_t n;

                assert(buffer_reserve(&out, piece) == 0);
                n = maildir_reader_read(reader, out.data + out.size, piece);
                assert(n >= 0 && (size_t) n <= piece);
                if (n == 0)
                        break;
                out.size += (size_t) n;
        }

        return size == expected.size && bytes_equal(buffer_view(&out), expected);
}

static void test_line_ends(void) {
        static const struct {
                const char *label;
                const char *file;
                const char *wire;
        } rows[] = {
                {"empty",        "",           ""              },
                {"lines",        "a\n\nb\n",   "a\r\n\r\nb\r\n"},
                {"no line end",  "a\nb",       "a\r\nb"        },
                {"only LF",      "\n",         "\r\n"          },
                {"CRLF on disk", "a\r\nb\r\n", "a\r\nb\r\n"    },
                {"mixed",        "a\r\nb\nc",  "a\r\nb\r\nc"   },
                {"lone CR",      "a\rb\r",     "a\rb\r"        },
                {"CR CR LF",     "a\r\r\nb",   "a\r\r\nb"      },
                {"LF CR LF LF",  "\n\r\n\n",   "\r\n\r\n\r\n"  },
        };
        _cleanup_(folder_close) Folder folder = folder_open();

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                test_tree_write(&folder.tree, "INBOX/cur/1:2,", rows[i].file);
                for (size_t piece = 1; piece < 12; piece++)
                        TEST_ROW(rows[i].label,
                                 gives(&folder, "1:2,", piece, bytes_of(rows[i].wire)));
        }
}

/* The file is read in pieces of 64 kB: a line end may fall on the border, or be cut by it. */
static void test_borders(void) {
        static const struct {
                const char *label;
                const char *text; /* the border is at each place of it in turn */
                const char *wire;
        } rows[] = {
                {"LF",       "a\nb",   "a\r\nb"  },
                {"CRLF",     "a\r\nb", "a\r\nb"  },
                {"lone CR",  "a\rb",   "a\rb"    },
                {"CR CR LF", "\r\r\n", "\r\r\n"  },
                {"LF LF",    "\n\n",   "\r\n\r\n"},
        };
        static char file[64 * 1024 + 16], wire[64 * 1024 + 16];
        _cleanup_(folder_close) Folder folder = folder_open();

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const size_t n_text = strlen(rows[i].text), n_wire = strlen(rows[i].wire);

                for (size_t before = 0; before <= n_text; before++) {
                        const size_t fill = 64 * 1024 - before;

                        memset(file, 'x', fill);
                        memcpy(file + fill, rows[i].text, n_text);
                        memset(wire, 'x', fill);
                        memcpy(wire + fill, rows[i].wire, n_wire);
                        test_tree_write_bytes(&folder.tree, "INBOX/cur/1:2,", file, fill + n_text);

                        TEST_ROW(rows[i].label,
                                 gives(&folder, "1:2,", 1000, (ByteView){wire, fill + n_wire}));
                        TEST_ROW(rows[i].label, gives(&folder, "1:2,", sizeof(wire),
                                                      (ByteView){wire, fill + n_wire}));
                }
        }
}

/* What a delivery wrote, a lone LF excepted, is given back as it came. */
static void test_round_trip(void) {
        static const char *const rows[] = {
                "", "a\r\n", "\r", "\r\r", "\r\r\n", "\r\r\r\n\r\n", "a\rb\r\n\r", "\r\n\r\r\n\r",
        };
        _cleanup_(folder_close) Folder folder = folder_open();

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                MaildirDelivery *delivery;

                assert(maildir_delivery_new(folder.maildir, "1", &delivery) == 0);
                assert(maildir_delivery_write(delivery, bytes_of(rows[i])) == 0);
                assert(maildir_delivery_finish(delivery, 0) == 0);
                assert(maildir_delivery_sync(delivery) == 0);
                assert(maildir_delivery_publish(delivery, MAILDIR_CUR, "1:2,") == 0);
                maildir_delivery_free(delivery);

                TEST_ROW(rows[i], gives(&folder, "1:2,", 64, bytes_of(rows[i])));
                assert(maildir_unlink(folder.maildir, MAILDIR_CUR, "1:2,") == 0);
        }
}

/* Whoever changes the file after its size was told gets an error and no bytes beyond the size. */
static void test_changed(void) {
        static const struct {
                const char *label;
                const char *before;
                const char *after;
        } rows[] = {
                {"longer",             "abc\n",  "abc\ndef"},
                {"shorter",            "abc\n",  "abc"     },
                {"empty",              "abc\n",  ""        },
                {"empty before",       "",       "abc"     },
                {"one more line end",  "abc\n",  "ab\n\n"  },
                {"one line end fewer", "ab\n\n", "abc\n"   },
        };
        _cleanup_(folder_close) Folder folder = folder_open();

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(maildir_reader_freep) MaildirReader *reader = NULL;
                uint64_t size, given = 0;
                int64_t mtime;
                char byte;
                ssize_t n;

                test_tree_write(&folder.tree, "INBOX/cur/1:2,", rows[i].before);
                assert(maildir_reader_new(folder.maildir, MAILDIR_CUR, "1:2,", &reader, &size,
                                          &mtime) == 0);
                test_tree_write(&folder.tree, "INBOX/cur/1:2,", rows[i].after);

                while ((n = maildir_reader_read(reader, &byte, 1)) > 0)
                        given++;
                TEST_ROW(rows[i].label, n == -EIO);
                TEST_ROW(rows[i].label, given <= size);
        }
}

static void test_not_a_file(void) {
        _cleanup_(folder_close) Folder folder = folder_open();
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        MaildirReader *reader;
        uint64_t size;
        int64_t mtime;
        int fd;
        static const struct {
                const char *name;
                int result;
        } rows[] = {
                {"missing",     -ENOENT},
                {"fifo",        -EINVAL},
                {"directory",   -EINVAL},
                {"socket",      -EINVAL},
                {"link",        -ELOOP },
                {"dangling",    -ELOOP },
                {"../new/file", -EINVAL},
                {"..",          -EINVAL},
                {"",            -EINVAL},
        };

        test_tree_fifo(&folder.tree, "INBOX/cur/fifo");
        test_tree_mkdir(&folder.tree, "INBOX/cur/directory");
        test_tree_write(&folder.tree, "INBOX/new/file", "");
        test_tree_link(&folder.tree, "../new/file", "INBOX/cur/link");
        test_tree_link(&folder.tree, "nothing", "INBOX/cur/dangling");
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert(snprintf(address.sun_path, sizeof(address.sun_path), "%s/INBOX/cur/socket",
                        folder.tree.path) < (int) sizeof(address.sun_path));
        assert(bind(fd, (const struct sockaddr *) &address, sizeof(address)) == 0);

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].name,
                         maildir_reader_new(folder.maildir, MAILDIR_CUR, rows[i].name, &reader,
                                            &size, &mtime) == rows[i].result);
        (void) close(fd);
}

static void test_mtime(void) {
        _cleanup_(folder_close) Folder folder = folder_open();
        _cleanup_(maildir_reader_freep) MaildirReader *reader = NULL;
        _cleanup_free_ char *path = test_tree_path(&folder.tree, "INBOX/cur/1:2,");
        const struct timespec times[2] = {
                {.tv_sec = 5  },
                { .tv_sec = 1234567890, .tv_nsec = 7}
        };
        uint64_t size;
        int64_t mtime;

        test_tree_write(&folder.tree, "INBOX/cur/1:2,", "x");
        assert(utimensat(AT_FDCWD, path, times, 0) == 0);
        assert(maildir_reader_new(folder.maildir, MAILDIR_CUR, "1:2,", &reader, &size, &mtime) ==
               0);
        assert(size == 1 && mtime == 1234567890);
}

int main(void) {
        test_line_ends();
        test_borders();
        test_round_trip();
        test_changed();
        test_not_a_file();
        test_mtime();
        return 0;
}
