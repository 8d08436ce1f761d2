/*
 * The daemon's log: lines on stderr
 *
 * stderr is the journal if $JOURNAL_STREAM names its device and inode (systemd.exec(5)); a service
 * whose stderr was redirected since has the variable all the same, so only fstat() can tell.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/utf8.h"
#include "daemon/log.h"

static int log_max_level = LOG_INFO;
static bool log_dialogue;
static bool log_to_journal;

static bool stderr_is_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
                return false;

        return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_init(unsigned verbose) {
        log_max_level = verbose > 0 ? LOG_DEBUG : LOG_INFO;
        log_dialogue = verbose > 1;
        log_to_journal = stderr_is_journal();
}

bool log_wants_dialogue(void) {
        return log_dialogue;
}

static void write_line(const char *line, size_t size) {
        ssize_t n;

        do
                n = write(STDERR_FILENO, line, size);
        while (n < 0 && errno == EINTR);
}

int log_full_errno(int level, int error, const char *format, ...) {
        const int saved_errno = errno;
        char line[2048], text[sizeof(line) + 1]; /* more than fits, so that log_escape() cuts it */
        size_t size = 0;
        va_list args;
        int n;

        if (level > log_max_level)
                return error;

        if (log_to_journal)
                size = (size_t) snprintf(line, sizeof(line), "<%i>", level);

        errno = -error;
        va_start(args, format);
        n = vsnprintf(text, sizeof(text), format, args);
        va_end(args);

        log_escape(text, n < 0 ? 0 : MIN((size_t) n, sizeof(text) - 1), line + size,
                   sizeof(line) - size - 1);
        size += strlen(line + size);
        line[size++] = '\n';
        write_line(line, size);

        errno = saved_errno;
        return error;
}

/* Quotes and backslashes stay: IMAP is full of them, and a log is read by people. */
char *log_escape(const char *text, size_t n_text, char *buffer, size_t size) {
        static const char digits[] = "0123456789abcdef";
        const unsigned char *p = (const unsigned char *) text;
        size_t written = 0, cut = 0; /* at @cut there is still room for "..." */

        if (size == 0)
                return buffer;

        for (size_t i = 0; i < n_text;) {
                char escaped[4] = {'\\', 'x', digits[p[i] >> 4], digits[p[i] & 0xf]};
                uint32_t code = 0;
                size_t length = utf8_decode((ByteView){text + i, n_text - i}, &code);
                const bool as_is = length > 0 && !utf8_is_unsafe(code);
                const char *from = as_is ? text + i : escaped;
                const size_t n = as_is ? length : sizeof(escaped);

                if (written + n + 1 > size) {
                        written = cut;
                        for (size_t k = 0; k < 3 && written + 1 < size; k++)
                                buffer[written++] = '.';
                        break;
                }
                memcpy(buffer + written, from, n);
                written += n;
                if (written + 4 <= size)
                        cut = written;
                i += as_is ? length : 1;
        }

        buffer[written] = '\0';
        return buffer;
}
