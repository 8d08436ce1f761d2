/* JSON: one generic walk over a D-Bus message. D-Bus itself bounds the depth (64). */

#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "base/macro.h"
#include "base/utf8.h"
#include "ctl/json.h"
#include "ctl/text.h"

/* RFC 8259 section 7; beyond U+FFFF nothing is unsafe, so no surrogates are needed. */
static int append_escaped(Buffer *buffer, uint32_t code) {
        static const struct {
                uint32_t code;
                const char *text;
        } shorts[] = {
                {'"',  "\\\""},
                {'\\', "\\\\"},
                {'\b', "\\b" },
                {'\f', "\\f" },
                {'\n', "\\n" },
                {'\r', "\\r" },
                {'\t', "\\t" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(shorts); i++)
                if (shorts[i].code == code)
                        return buffer_append_string(buffer, shorts[i].text);
        return buffer_append_format(buffer, "\\u%04" PRIx32, code);
}

int json_append_string(Buffer *buffer, ByteView text) {
        int r = buffer_append_string(buffer, "\"");

        while (text.size > 0 && r == 0) {
                uint32_t code = 0xfffd; /* for a byte that is not UTF-8 */
                size_t n = utf8_decode(text, &code);

                if (n == 0 || code == '"' || code == '\\' || utf8_is_unsafe(code))
                        r = append_escaped(buffer, code);
                else
                        r = buffer_append(buffer, text.data, n);
                n = MAX(n, (size_t) 1);
                text = (ByteView){text.data + n, text.size - n};
        }

        return r < 0 ? r : buffer_append_string(buffer, "\"");
}

static int append_double(Buffer *buffer, double value) {
        if (!isfinite(value))
                return buffer_append_string(buffer, "null"); /* RFC 8259 section 6 has no others */
        return buffer_append_format(buffer, "%.17g", value);
}

typedef union Basic {
        const char *s;
        double d;
        uint64_t t;
        int64_t x;
        uint32_t u;
        int32_t i;
        uint16_t q;
        int16_t n;
        uint8_t y;
        int b; /* as sd-bus has it */
} Basic;

static int append_basic(Buffer *buffer, sd_bus_message *message, char type) {
        Basic value;
        int r = sd_bus_message_read_basic(message, type, &value);

        if (r < 0)
                return r;

        switch (type) {
        case 's':
        case 'o':
        case 'g':
                return json_append_string(buffer, bytes_of(value.s));
        case 'b':
                return buffer_append_string(buffer, value.b ? "true" : "false");
        case 't':
                return buffer_append_format(buffer, "%" PRIu64, value.t);
        case 'x':
                return buffer_append_format(buffer, "%" PRId64, value.x);
        case 'u':
                return buffer_append_format(buffer, "%" PRIu32, value.u);
        case 'i':
                return buffer_append_format(buffer, "%" PRId32, value.i);
        case 'q':
                return buffer_append_format(buffer, "%" PRIu16, value.q);
        case 'n':
                return buffer_append_format(buffer, "%" PRId16, value.n);
        case 'y':
                return buffer_append_format(buffer, "%" PRIu8, value.y);
        case 'd':
                return append_double(buffer, value.d);
        default: /* a descriptor means nothing outside this process */
                return buffer_append_string(buffer, "null");
        }
}

static int append_value(Buffer *buffer, sd_bus_message *message);

/* "key":value for each entry; the braces are the caller's. @first: no comma is needed yet; it then
 * says so of what follows. */
static int append_members(Buffer *buffer, sd_bus_message *message, const char *contents,
                          bool *first) {
        char entry[256]; /* "{sv}" without its braces; D-Bus signatures have at most 255 */
        int r;

        snprintf(entry, sizeof(entry), "%.*s", (int) strlen(contents) - 2, contents + 1);
        r = sd_bus_message_enter_container(message, 'a', contents);
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(message, 'e', entry)) > 0) {
                const char *key;

                if (entry[0] != 's')
                        return -EBADMSG;
                r = *first ? 0 : buffer_append_string(buffer, ",");
                if (r >= 0)
                        r = sd_bus_message_read_basic(message, 's', &key);
                if (r >= 0)
                        r = json_append_string(buffer, bytes_of(key));
                if (r >= 0)
                        r = buffer_append_string(buffer, ":");
                if (r >= 0)
                        r = append_value(buffer, message);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
                *first = false;
        }

        return r < 0 ? r : sd_bus_message_exit_container(message);
}

/* The elements of an array or struct, in brackets. */
static int append_elements(Buffer *buffer, sd_bus_message *message, char type,
                           const char *contents) {
        bool first = true;
        int r = sd_bus_message_enter_container(message, type, contents);

        if (r >= 0)
                r = buffer_append_string(buffer, "[");
        while (r >= 0) {
                r = sd_bus_message_at_end(message, false);
                if (r != 0)
                        break;
                if (!first)
                        r = buffer_append_string(buffer, ",");
                if (r >= 0)
                        r = append_value(buffer, message);
                first = false;
        }
        if (r >= 0)
                r = buffer_append_string(buffer, "]");
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int append_object(Buffer *buffer, sd_bus_message *message, const char *contents) {
        bool first = true;
        int r = buffer_append_string(buffer, "{");

        if (r >= 0)
                r = append_members(buffer, message, contents, &first);
        return r < 0 ? r : buffer_append_string(buffer, "}");
}

static int append_variant(Buffer *buffer, sd_bus_message *message, const char *contents) {
        int r = sd_bus_message_enter_container(message, 'v', contents);

        if (r >= 0)
                r = append_value(buffer, message);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int append_value(Buffer *buffer, sd_bus_message *message) {
        const char *contents;
        char type;
        int r = sd_bus_message_peek_type(message, &type, &contents);

        if (r < 0)
                return r;
        if (r == 0)
                return -EBADMSG;

        switch (type) {
        case 'a':
                if (contents[0] == '{')
                        return append_object(buffer, message, contents);
                return append_elements(buffer, message, type, contents);
        case 'r':
                return append_elements(buffer, message, type, contents);
        case 'v':
                return append_variant(buffer, message, contents);
        default:
                return append_basic(buffer, message, type);
        }
}

static int append_named(Buffer *buffer, sd_bus_message *message, const char *name, bool *first) {
        const char *contents;
        char type;
        int r;

        if (!name) {
                r = sd_bus_message_peek_type(message, &type, &contents);
                if (r < 0)
                        return r;
                if (r == 0 || type != 'a' || contents[0] != '{')
                        return -EBADMSG;
                return append_members(buffer, message, contents, first);
        }

        r = *first ? 0 : buffer_append_string(buffer, ",");
        *first = false;
        if (r >= 0)
                r = json_append_string(buffer, bytes_of(name));
        if (r >= 0)
                r = buffer_append_string(buffer, ":");
        return r < 0 ? r : append_value(buffer, message);
}

int json_append_message(Buffer *buffer, sd_bus_message *message, const char *const *names,
                        size_t n_names) {
        bool first = true;
        int r = sd_bus_message_rewind(message, true);

        if (r < 0)
                return r;
        if (!names && !sd_bus_message_is_empty(message)) {
                r = append_value(buffer, message);
        } else {
                r = buffer_append_string(buffer, "{");
                for (size_t i = 0; i < n_names && r >= 0; i++)
                        r = append_named(buffer, message, names[i], &first);
                if (r >= 0)
                        r = buffer_append_string(buffer, "}");
        }
        if (r < 0)
                return r;

        r = sd_bus_message_at_end(message, true);
        return r < 0 ? r : r > 0 ? 0 : -EBADMSG;
}
