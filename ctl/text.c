/* Text for people: escapes, widths, times and sizes. */

#include <inttypes.h>
#include <stdio.h>
#include <wchar.h>

#include "base/macro.h"
#include "base/utf8.h"
#include "ctl/text.h"

#define USEC_PER_SEC UINT64_C(1000000)

const char *style_begin(const Screen *screen, Style style) {
        if (!screen->colour)
                return "";

        switch (style) {
        case STYLE_PLAIN:
                return "";
        case STYLE_TITLE:
                return "\033[1m";
        case STYLE_GOOD:
                return "\033[32m";
        case STYLE_WARN:
                return "\033[33m";
        case STYLE_BAD:
                return "\033[1;31m";
        case STYLE_FAINT:
                return "\033[2m";
        }

        abort(); /* the switch is complete */
}

const char *style_end(const Screen *screen, Style style) {
        return screen->colour && style != STYLE_PLAIN ? "\033[0m" : "";
}

int text_escape(Buffer *buffer, const char *text) {
        ByteView left = bytes_of(text);
        int r = 0;

        while (left.size > 0 && r == 0) {
                uint32_t code = (unsigned char) left.data[0];
                size_t n = utf8_decode(left, &code);

                if (n == 0 || (code < 0x80 && utf8_is_unsafe(code)))
                        r = buffer_append_format(buffer, "\\x%02" PRIx32, code);
                else if (utf8_is_unsafe(code) || wcwidth((wchar_t) code) < 0)
                        r = buffer_append_format(buffer, "\\u%04" PRIx32, code);
                else
                        r = buffer_append(buffer, left.data, n);
                n = MAX(n, (size_t) 1);
                left = (ByteView){left.data + n, left.size - n};
        }

        return r;
}

/* How many bytes fit into @width columns, and how many columns those take. */
static size_t measure(ByteView text, size_t width, size_t *ret_width) {
        size_t taken = 0, n_bytes = 0;

        while (n_bytes < text.size) {
                const ByteView left = {text.data + n_bytes, text.size - n_bytes};
                uint32_t code;
                size_t n = utf8_decode(left, &code);
                int columns = n > 0 ? wcwidth((wchar_t) code) : 1;

                if (columns < 0)
                        columns = 1;
                if ((size_t) columns > width - taken)
                        break;
                taken += (size_t) columns;
                n_bytes += MAX(n, (size_t) 1);
        }

        *ret_width = taken;
        return n_bytes;
}

size_t text_width(ByteView text) {
        size_t width;

        (void) measure(text, SIZE_MAX, &width);
        return width;
}

int text_append_cut(Buffer *buffer, ByteView text, size_t width) {
        size_t taken, n;
        int r;

        if (text_width(text) <= width)
                return buffer_append_view(buffer, text);
        if (width == 0)
                return 0;

        n = measure(text, width - 1, &taken);
        r = buffer_append(buffer, text.data, n);
        if (r == 0)
                r = buffer_append_string(buffer, "…");
        for (; taken + 1 < width && r == 0; taken++)
                r = buffer_append_string(buffer, " ");
        return r;
}

/* The bytes of the next line: up to the last space that fits, or up to the edge when none does. */
static size_t line_size(ByteView text, size_t width) {
        size_t taken, n = measure(text, width, &taken);

        if (n == text.size)
                return n;
        if (n == 0)
                return 1; /* not even one character fits: go on all the same */
        for (size_t i = n; i > 0; i--)
                if (text.data[i] == ' ')
                        return i;
        return n;
}

int text_append_wrapped(Buffer *buffer, ByteView text, size_t indent, size_t width) {
        const size_t room = width == 0 ? SIZE_MAX : width > indent + 20 ? width - indent : 20;
        int r = 0;

        while (text.size > 0 && r == 0) {
                size_t n = line_size(text, room);

                r = buffer_append_format(buffer, "%*s%.*s\n", (int) indent, "", (int) n, text.data);
                while (n < text.size && text.data[n] == ' ')
                        n++;
                text = (ByteView){text.data + n, text.size - n};
        }

        return r;
}

/* "3 min": one unit, rounded down, since two would pretend that it matters. */
static void span(uint64_t usec, char *buffer, size_t size) {
        static const struct {
                const char *unit;
                uint64_t sec;
                uint64_t below_sec; /* beyond this the next unit reads better */
        } units[] = {
                {"s",   1,     60        },
                {"min", 60,    60 * 60   },
                {"h",   3600,  48 * 3600 },
                {"d",   86400, UINT64_MAX},
        };
        const uint64_t sec = usec / USEC_PER_SEC;
        size_t i = 0;

        while (sec >= units[i].below_sec)
                i++;
        snprintf(buffer, size, "%" PRIu64 " %s", sec / units[i].sec, units[i].unit);
}

char *text_span(uint64_t usec, char *buffer, size_t size) {
        span(usec, buffer, size);
        return buffer;
}

char *text_ago(uint64_t then_usec, uint64_t now_usec, char *buffer, size_t size) {
        char words[32];

        if (then_usec == 0)
                snprintf(buffer, size, "never");
        else if (then_usec + USEC_PER_SEC > now_usec)
                snprintf(buffer, size, "now");
        else {
                span(now_usec - then_usec, words, sizeof(words));
                snprintf(buffer, size, "%s ago", words);
        }
        return buffer;
}

char *text_until(uint64_t then_usec, uint64_t now_usec, char *buffer, size_t size) {
        char words[32];

        if (then_usec < now_usec + USEC_PER_SEC)
                snprintf(buffer, size, "now");
        else {
                span(then_usec - now_usec, words, sizeof(words));
                snprintf(buffer, size, "in %s", words);
        }
        return buffer;
}

char *text_size(uint64_t bytes, char *buffer, size_t size) {
        static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
        uint64_t tenths = bytes * 10;
        size_t i = 0;

        if (bytes > UINT64_MAX / 10) {
                tenths = bytes / 100;
                i = 1;
        }
        while (tenths >= 10000) {
                tenths /= 1000;
                i++;
        }

        if (i == 0 || tenths >= 100)
                snprintf(buffer, size, "%" PRIu64 " %s", tenths / 10, units[i]);
        else
                snprintf(buffer, size, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10,
                         units[i]);
        return buffer;
}
