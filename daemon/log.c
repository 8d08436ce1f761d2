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
        char line[2048];
        size_t size = 0, room;
        va_list args;
        int n;

        if (level > log_max_level)
                return error;

        if (log_to_journal)
                size = (size_t) snprintf(line, sizeof(line), "<%i>", level);
        room = sizeof(line) - size - 1; /* the newline */

        errno = -error;
        va_start(args, format);
        n = vsnprintf(line + size, room, format, args);
        va_end(args);

        if (n >= 0 && (size_t) n < room)
                size += (size_t) n;
        else if (n >= 0) {
                size += room - 1;
                memcpy(line + size - 3, "...", 3);
        }
        line[size++] = '\n';
        write_line(line, size);

        errno = saved_errno;
        return error;
}

/* The length of the UTF-8 sequence at @text (RFC 3629 section 4), 0 if it is none. */
static size_t utf8_length(const unsigned char *text, size_t size) {
        static const struct {
                unsigned char first_min, first_max;   /* of the first byte */
                unsigned char second_min, second_max; /* of the second; the rest is 80..BF */
                size_t length;
        } rows[] = {
                {0xc2, 0xdf, 0x80, 0xbf, 2},
                {0xe0, 0xe0, 0xa0, 0xbf, 3},
                {0xe1, 0xec, 0x80, 0xbf, 3},
                {0xed, 0xed, 0x80, 0x9f, 3},
                {0xee, 0xef, 0x80, 0xbf, 3},
                {0xf0, 0xf0, 0x90, 0xbf, 4},
                {0xf1, 0xf3, 0x80, 0xbf, 4},
                {0xf4, 0xf4, 0x80, 0x8f, 4},
        };

        if (text[0] < 0x80)
                return 1;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                if (text[0] < rows[i].first_min || text[0] > rows[i].first_max)
                        continue;
                if (size < rows[i].length || text[1] < rows[i].second_min ||
                    text[1] > rows[i].second_max)
                        return 0;
                for (size_t k = 2; k < rows[i].length; k++)
                        if (text[k] < 0x80 || text[k] > 0xbf)
                                return 0;
                return rows[i].length;
        }

        return 0;
}

/* May the character go to a terminal as it is? Not the C0 and C1 controls, and not what escapes and
 * quotes are made of. */
static bool is_printable(const unsigned char *text, size_t length) {
        if (length == 1)
                return text[0] >= 0x20 && text[0] != 0x7f && text[0] != '"' && text[0] != '\\';

        return length > 0 && !(text[0] == 0xc2 && text[1] < 0xa0);
}

char *log_escape(const char *text, size_t n_text, char *buffer, size_t size) {
        static const char digits[] = "0123456789abcdef";
        const unsigned char *p = (const unsigned char *) text;
        size_t written = 0, cut = 0; /* at @cut there is still room for "..." */

        if (size == 0)
                return buffer;

        for (size_t i = 0; i < n_text;) {
                char escaped[4] = {'\\', 'x', digits[p[i] >> 4], digits[p[i] & 0xf]};
                size_t length = utf8_length(p + i, n_text - i);
                const bool as_is = is_printable(p + i, length);
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
