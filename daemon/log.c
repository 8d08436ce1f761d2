/*
 * The daemon's log: lines on stderr, or entries of the journal
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
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/utf8.h"
#include "daemon/log.h"

#define LINE_SIZE      2048
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static int log_max_level = LOG_INFO;
static bool log_dialogue;
static bool log_to_journal;
static bool log_with_fields;

static bool stderr_is_journal(mode_t *ret_mode) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
                return false;

        if (fstat(STDERR_FILENO, &st) < 0 || st.st_dev != device || st.st_ino != inode)
                return false;
        *ret_mode = st.st_mode;
        return true;
}

void log_init(unsigned verbose) {
        mode_t mode = 0;

        log_max_level = verbose > 0 ? LOG_DEBUG : LOG_INFO;
        log_dialogue = verbose > 1;
        log_to_journal = stderr_is_journal(&mode);
        /* sd_journal_sendv() says nothing where there is no journal, as in a container with one outside. */
        log_with_fields = log_to_journal && S_ISSOCK(mode) && access(JOURNAL_SOCKET, W_OK) == 0;
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

/* --- the journal --- */

typedef struct Entry {
        struct iovec fields[8];
        int n_fields;
        char texts[2 * 300 + 128]; /* of the fields */
        size_t n_texts;
} Entry;

/* Foreign text is as escaped in a field as in the line. NULL: no such field. */
static void add_field(Entry *entry, const char *name, const char *text) {
        char *field = entry->texts + entry->n_texts;
        size_t left = sizeof(entry->texts) - entry->n_texts;
        size_t n;

        if (!text || left < strlen(name) + 2)
                return;
        n = (size_t) snprintf(field, left, "%s", name);
        left = MIN(left - n, (size_t) 300);
        (void) log_escape(text, strlen(text), field + n, left);
        n += strlen(field + n);
        entry->fields[entry->n_fields++] = (struct iovec){field, n};
        entry->n_texts += n + 1;
}

static bool send_entry(int level, int error, LogSubject about, const char *line) {
        char priority[] = {(char) ('0' + level), '\0'}, number[16];
        char message[LINE_SIZE + 16];
        Entry entry = {.n_fields = 1};

        (void) snprintf(message, sizeof(message), "MESSAGE=%s", line);
        (void) snprintf(number, sizeof(number), "%i", -error);
        entry.fields[0] = (struct iovec){message, strlen(message)};
        add_field(&entry, "PRIORITY=", priority);
        add_field(&entry, "SYSLOG_IDENTIFIER=", "imapsyncd");
        add_field(&entry, "ERRNO=", error < 0 ? number : NULL);
        add_field(&entry, "MESSAGE_ID=", about.id);
        add_field(&entry, "ACCOUNT=", about.account);
        add_field(&entry, "MAILBOX=", about.mailbox);
        return sd_journal_sendv(entry.fields, entry.n_fields) == 0;
}

/* --- lines --- */

static void write_entry(int level, int error, LogSubject about, const char *text, size_t n_text) {
        char line[LINE_SIZE];
        size_t size = 0;

        if (log_with_fields &&
            send_entry(level, error, about, log_escape(text, n_text, line, sizeof(line))))
                return;
        if (log_to_journal)
                size = (size_t) snprintf(line, sizeof(line), "<%i>", level);
        log_escape(text, n_text, line + size, sizeof(line) - size - 1);
        size += strlen(line + size);
        line[size++] = '\n';
        write_line(line, size);
}

/* Keeps errno, which may be what the caller is about to look at. */
static void log_va(int level, int error, LogSubject about, const char *format, va_list args) {
        const int saved_errno = errno;
        char text[LINE_SIZE + 1]; /* more than fits, so that log_escape() cuts it */
        int begin = 0, n;

        if (level > log_max_level)
                return;
        if (about.account)
                begin = snprintf(text, sizeof(text), "%.100s%s%.500s: ", about.account,
                                 about.mailbox ? "/" : "", about.mailbox ? about.mailbox : "");
        errno = -error;
        n = vsnprintf(text + begin, sizeof(text) - (size_t) begin, format, args);
        write_entry(level, error, about, text,
                    MIN((size_t) begin + (n < 0 ? 0 : (size_t) n), sizeof(text) - 1));
        errno = saved_errno;
}

int log_full_errno(int level, int error, const char *format, ...) {
        va_list args;

        va_start(args, format);
        log_va(level, error, (LogSubject){0}, format, args);
        va_end(args);
        return error;
}

void log_about(int level, LogSubject about, const char *format, ...) {
        va_list args;

        va_start(args, format);
        log_va(level, 0, about, format, args);
        va_end(args);
}

void log_lines(int level, LogSubject about, const char *prefix, const char *text) {
        for (size_t n; *text; text += n + (text[n] == '\n')) {
                n = strcspn(text, "\n");
                log_about(level, about, "%s%.*s", prefix, (int) n, text);
        }
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
