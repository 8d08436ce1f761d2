/* Log: what a line looks like on a terminal and in the journal, and that foreign text cannot forge
 * one. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macro.h"
#include "daemon/log.h"
#include "test.h"

static void test_escape(void) {
        static const struct {
                const char *label;
                const char *text;
                size_t n_text;
                size_t size;
                const char *escaped;
        } rows[] = {
#define ROW(label, text, size, escaped) {label, text, sizeof(text) - 1, size, escaped}
                ROW("plain", "INBOX", 64, "INBOX"),
                ROW("empty", "", 64, ""),
                ROW("line end", "a\r\nb", 64, "a\\x0d\\x0ab"),
                ROW("escape sequence", "\033[2J", 64, "\\x1b[2J"),
                ROW("NUL", "a\0b", 64, "a\\x00b"),
                ROW("DEL", "\177", 64, "\\x7f"),
                ROW("quote", "\"a\"", 64, "\"a\""),
                ROW("backslash", "a\\x41", 64, "a\\x41"),
                ROW("UTF-8", "Entwürfe 日本 𝄞", 64, "Entwürfe 日本 𝄞"),
                ROW("C1 control", "\xc2\x9b", 64, "\\xc2\\x9b"),
                ROW("written backwards", "\xe2\x80\xaegpj", 64, "\\xe2\\x80\\xaegpj"),
                ROW("Arabic letter mark", "\xd8\x9c", 64, "\\xd8\\x9c"),
                ROW("line separator",
                    "a\xe2\x80\xa8"
                    "b",
                    64,
                    "a\\xe2\\x80\\xa8"
                    "b"),
                ROW("Latin-1", "Entw\xfcrfe", 64, "Entw\\xfcrfe"),
                ROW("overlong slash", "\xc0\xaf", 64, "\\xc0\\xaf"),
                ROW("overlong, three bytes", "\xe0\x80\xaf", 64, "\\xe0\\x80\\xaf"),
                ROW("surrogate", "\xed\xa0\x80", 64, "\\xed\\xa0\\x80"),
                ROW("past U+10FFFF", "\xf4\x90\x80\x80", 64, "\\xf4\\x90\\x80\\x80"),
                ROW("cut sequence", "a\xe6\x97", 64, "a\\xe6\\x97"),
                ROW("fits exactly", "abcde", 6, "abcde"),
                ROW("cut", "abcdef", 6, "ab..."),
                ROW("never half an escape", "a\nb", 6, "a..."),
                ROW("never half a character", "aé-é", 6, "a..."),
                ROW("no room for dots", "abc", 3, ".."),
                ROW("room for NUL only", "abc", 1, ""),
#undef ROW
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char buffer[64];

                memset(buffer, '#', sizeof(buffer));
                TEST_ROW(rows[i].label,
                         log_escape(rows[i].text, rows[i].n_text, buffer, rows[i].size) == buffer);
                TEST_ROW(rows[i].label, strcmp(buffer, rows[i].escaped) == 0);
        }
}

/* stderr becomes a file for the duration of a row. */
static int stderr_to_file(int *ret_saved) {
        char path[] = "/tmp/test-log-XXXXXX";
        int fd = mkostemp(path, O_CLOEXEC);

        assert(fd >= 0);
        assert(unlink(path) == 0);
        *ret_saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        assert(*ret_saved >= 0);
        assert(dup2(fd, STDERR_FILENO) == STDERR_FILENO);
        return fd;
}

static void name_journal(int fd, bool right) {
        char stream[64];
        struct stat st;

        assert(fstat(fd, &st) == 0);
        snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long) st.st_dev,
                 (unsigned long long) st.st_ino + (right ? 0 : 1));
        assert(setenv("JOURNAL_STREAM", stream, 1) == 0);
}

static void test_lines(void) {
        static const struct {
                const char *label;
                unsigned verbose;
                enum { NO_JOURNAL, JOURNAL, OTHER_JOURNAL } journal;
                int level;
                const char *line;
        } rows[] = {
                {"terminal",              0, NO_JOURNAL,    LOG_WARNING, "work: Connection refused\n"   },
                {"journal",               0, JOURNAL,       LOG_WARNING, "<4>work: Connection refused\n"},
                {"journal, redirected",   0, OTHER_JOURNAL, LOG_WARNING,
                 "work: Connection refused\n"                                                           },
                {"debug is not wanted",   0, JOURNAL,       LOG_DEBUG,   ""                             },
                {"debug is wanted",       1, JOURNAL,       LOG_DEBUG,   "<7>work: Connection refused\n"},
                {"debug with a dialogue", 2, NO_JOURNAL,    LOG_DEBUG,   "work: Connection refused\n"   },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char text[128] = "";
                int saved, fd, r;
                ssize_t n;

                fd = stderr_to_file(&saved);
                (void) unsetenv("JOURNAL_STREAM");
                if (rows[i].journal != NO_JOURNAL)
                        name_journal(fd, rows[i].journal == JOURNAL);
                log_init(rows[i].verbose);

                errno = EDOM;
                r = log_full_errno(rows[i].level, -ECONNREFUSED, "%s: %m", "work");
                const int errno_after = errno;

                assert(dup2(saved, STDERR_FILENO) == STDERR_FILENO);
                close(saved);
                n = pread(fd, text, sizeof(text) - 1, 0);
                close(fd);

                TEST_ROW(rows[i].label, n >= 0 && strcmp(text, rows[i].line) == 0);
                TEST_ROW(rows[i].label, r == -ECONNREFUSED && errno_after == EDOM);
                TEST_ROW(rows[i].label, log_wants_dialogue() == (rows[i].verbose > 1));
        }
}

/* Whatever got into a line, it stays one, and a terminal obeys nothing of it. */
static void test_harmless_line(void) {
        char text[128] = "";
        int saved, fd;

        fd = stderr_to_file(&saved);
        (void) unsetenv("JOURNAL_STREAM");
        log_init(0);
        log_info("work/%s: %s", "a\nb\xe2\x80\xaeg", "\033[2J");
        assert(dup2(saved, STDERR_FILENO) == STDERR_FILENO);
        close(saved);
        assert(pread(fd, text, sizeof(text) - 1, 0) > 0);
        close(fd);
        assert(strcmp(text, "work/a\\x0ab\\xe2\\x80\\xaeg: \\x1b[2J\n") == 0);
}

static void test_long_line(void) {
        static char long_text[4000], text[4100];
        int saved, fd;
        ssize_t n;

        memset(long_text, 'x', sizeof(long_text) - 1);
        fd = stderr_to_file(&saved);
        name_journal(fd, true);
        log_init(0);
        log_info("%s", long_text);
        assert(dup2(saved, STDERR_FILENO) == STDERR_FILENO);
        close(saved);
        n = pread(fd, text, sizeof(text), 0);
        close(fd);

        assert(n > 2000 && n <= 2048);
        assert(memcmp(text, "<6>xxx", 6) == 0);
        assert(memcmp(text + n - 5, "x...\n", 5) == 0);
}

int main(void) {
        test_escape();
        test_lines();
        test_harmless_line();
        test_long_line();
        return 0;
}
