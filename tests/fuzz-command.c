/*
 * Fuzz command pieces. The first line is a date, the second a string and the name of a header field,
 * the rest is the header.
 */

#include "base/macro.h"
#include "imap/command.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same instant in the same zone, whatever the first spelling was. */
static void check_date(ByteView text) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        int64_t date, date_again;
        int zone, zone_again;

        if (imap_parse_date(text, &date, &zone) < 0)
                return;

        assert(imap_format_date(date, zone, &out) == 0);
        assert(out.size == strlen("\" 7-Feb-1994 21:52:25 -0800\""));
        assert(imap_parse_date((ByteView){out.data + 1, out.size - 2}, &date_again, &zone_again) ==
               0);
        assert(date == date_again && zone == zone_again);
}

/* Nothing that a string holds can end its line or its quotes, and unquoted it is what it was. */
static void check_astring(ByteView string) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        bool quoted;
        size_t n = 0;

        if (imap_format_astring(string, &out) < 0)
                return;

        assert(out.size > 0);
        assert(!memchr(out.data, '\r', out.size) && !memchr(out.data, '\0', out.size));
        quoted = out.data[0] == '"';
        for (size_t i = quoted; i < out.size - quoted; i++) {
                assert(quoted || (out.data[i] > ' ' && !strchr("(){%*\"\\", out.data[i])));
                if (quoted && out.data[i] == '\\')
                        i++;
                else
                        assert(!quoted || out.data[i] != '"');
                assert(n < string.size && out.data[i] == string.data[n]);
                n++;
        }
        assert(n == string.size);
}

static void check_header(ByteView name, ByteView header) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        _cleanup_free_ char *string = bytes_dup(name);
        int r;

        assert(string);
        r = imap_header_value(header, string, &out);
        assert(r == 0 || r == 1);
        assert(r == 1 || out.size == 0);
        if (out.size == 0)
                return;

        assert(!memchr(out.data, '\n', out.size));
        assert(!strchr(" \t", out.data[0]) || out.data[0] == '\0');
        assert(!strchr(" \t", out.data[out.size - 1]) || out.data[out.size - 1] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        ByteView text = {(const char *) data, size};
        ByteView line;

        check_date(bytes_take_until(&text, '\n'));
        line = bytes_take_until(&text, '\n');
        check_astring(line);
        check_header(line, text);
        return 0;
}
