/* The autoconfig file of a domain: a small reader of XML, and what it looks for. */

#include <errno.h>
#include <string.h>

#include "base/macro.h"
#include "base/utf8.h"
#include "daemon/autoconfig.h"

#define DEPTH_MAX 16u
#define VALUE_MAX 300u

typedef struct Reader {
        ByteView rest;
        ByteView open[DEPTH_MAX]; /* names of the elements that have begun */
        size_t depth;
        const char *domain;
        bool is_imap; /* within <incomingServer type="imap"> */
        AutoconfigServer server;
        bool has_host, has_port, has_tls;
        char value[VALUE_MAX]; /* the text since the last tag */
        size_t n_value;
        bool is_long; /* it is cut */
} Reader;

static bool is_space(char c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_name_char(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.' || c == ':';
}

static void skip(ByteView *text, size_t n) {
        *text = (ByteView){text->data + n, text->size - n};
}

static void skip_space(ByteView *text) {
        while (text->size > 0 && is_space(*text->data))
                skip(text, 1);
}

static bool starts(ByteView text, const char *with) {
        const size_t n = strlen(with);

        return text.size >= n && memcmp(text.data, with, n) == 0;
}

static int skip_past(ByteView *text, const char *end) {
        const char *at = memmem(text->data, text->size, end, strlen(end));

        if (!at)
                return -EBADMSG;
        skip(text, (size_t) (at - text->data) + strlen(end));
        return 0;
}

static ByteView take_name(ByteView *text) {
        size_t n = 0;

        while (n < text->size && is_name_char(text->data[n]))
                n++;
        skip(text, n);
        return (ByteView){text->data - n, n};
}

/* --- text --- */

static void add(Reader *reader, const char *data, size_t n) {
        if (n > VALUE_MAX - reader->n_value) {
                reader->is_long = true;
                return;
        }
        memcpy(reader->value + reader->n_value, data, n);
        reader->n_value += n;
}

static int add_entity(Reader *reader, ByteView *text) {
        static const struct {
                const char *name;
                char c;
        } entities[] = {
                {"&amp;",  '&' },
                {"&lt;",   '<' },
                {"&gt;",   '>' },
                {"&quot;", '"' },
                {"&apos;", '\''}
        };

        for (size_t i = 0; i < ARRAY_SIZE(entities); i++)
                if (starts(*text, entities[i].name)) {
                        add(reader, &entities[i].c, 1);
                        skip(text, strlen(entities[i].name));
                        return 0;
                }
        return -EBADMSG;
}

/* Up to the next tag. */
static int take_text(Reader *reader) {
        ByteView *text = &reader->rest;

        while (text->size > 0 && *text->data != '<') {
                if (*text->data == '\0')
                        return -EBADMSG;
                if (*text->data == '&') {
                        if (add_entity(reader, text) < 0)
                                return -EBADMSG;
                        continue;
                }
                add(reader, text->data, 1);
                skip(text, 1);
        }
        return 0;
}

/* Without the white space around it. */
static ByteView value_of(const Reader *reader) {
        ByteView value = {reader->value, reader->is_long ? 0 : reader->n_value};

        skip_space(&value);
        while (value.size > 0 && is_space(value.data[value.size - 1]))
                value.size--;
        return value;
}

/* --- what it looks for --- */

static bool is_host(ByteView host) {
        if (host.size == 0 || *host.data == '.' || *host.data == '-')
                return false;
        for (size_t i = 0; i < host.size; i++)
                if ((!is_name_char(host.data[i]) || host.data[i] == ':') ||
                    (host.data[i] == '.' && i + 1 < host.size && host.data[i + 1] == '.'))
                        return false;
        return true;
}

/* "imap.%EMAILDOMAIN%" is common. */
static bool take_host(Reader *reader, ByteView value) {
        static const char variable[] = "%EMAILDOMAIN%";
        const char *at = memmem(value.data, value.size, variable, strlen(variable));
        const ByteView before = {value.data, at ? (size_t) (at - value.data) : value.size};
        ByteView after = BYTES_NULL, middle = at ? bytes_of(reader->domain) : BYTES_NULL;
        char *host = reader->server.host;
        size_t n = before.size;

        if (at) {
                after = value;
                skip(&after, before.size + strlen(variable));
        }
        if (n + middle.size + after.size >= sizeof(reader->server.host))
                return false;
        memcpy(host, before.data, before.size);
        if (at) {
                memcpy(host + n, middle.data, middle.size);
                memcpy(host + n + middle.size, after.data, after.size);
                n += middle.size + after.size;
        }
        host[n] = '\0';
        return is_host((ByteView){host, n});
}

static void take_value(Reader *reader, ByteView name) {
        const ByteView value = value_of(reader);
        uint64_t port;

        if (bytes_equal(name, BYTES("hostname")))
                reader->has_host = value.size > 0 && take_host(reader, value);
        else if (bytes_equal(name, BYTES("port"))) {
                reader->has_port = bytes_to_u64(value, UINT16_MAX, &port) == 0 && port > 0;
                if (reader->has_port)
                        reader->server.port = (uint16_t) port;
        } else if (bytes_equal(name, BYTES("socketType"))) {
                reader->has_tls = bytes_equal_fold(value, BYTES("SSL")) ||
                                  bytes_equal_fold(value, BYTES("STARTTLS"));
                reader->server.tls =
                        bytes_equal_fold(value, BYTES("SSL")) ? TLS_IMPLICIT : TLS_STARTTLS;
        } else if (bytes_equal(name, BYTES("username")))
                reader->server.user = bytes_equal(value, BYTES("%EMAILLOCALPART%"))
                                              ? AUTOCONFIG_USER_LOCAL_PART
                                              : AUTOCONFIG_USER_ADDRESS;
}

static void begin_server(Reader *reader) {
        reader->is_imap = true;
        reader->server = (AutoconfigServer){.user = AUTOCONFIG_USER_ADDRESS};
        reader->has_host = reader->has_port = reader->has_tls = false;
}

/* --- tags --- */

/* Return: 1 if it is type="imap", 0 if not. */
static int take_attribute(ByteView *text) {
        const ByteView name = take_name(text);
        const char *end;
        ByteView value;
        char quote;

        skip_space(text);
        if (name.size == 0 || text->size == 0 || *text->data != '=')
                return -EBADMSG;
        skip(text, 1);
        skip_space(text);
        if (text->size == 0 || (*text->data != '"' && *text->data != '\''))
                return -EBADMSG;
        quote = *text->data;
        skip(text, 1);
        end = memchr(text->data, quote, text->size);
        if (!end)
                return -EBADMSG;
        value = (ByteView){text->data, (size_t) (end - text->data)};
        skip(text, value.size + 1);
        return bytes_equal(name, BYTES("type")) && bytes_equal(value, BYTES("imap"));
}

/* "<name a='b'>" or "<name/>", behind the "<". */
static int take_begin(Reader *reader) {
        ByteView *text = &reader->rest;
        const ByteView name = take_name(text);
        bool is_imap = false;

        if (name.size == 0 || reader->depth == DEPTH_MAX)
                return -EBADMSG;
        for (;;) {
                int r;

                skip_space(text);
                if (starts(*text, "/>")) {
                        skip(text, 2);
                        return 0;
                }
                if (starts(*text, ">"))
                        break;
                r = take_attribute(text);
                if (r < 0)
                        return r;
                is_imap |= r > 0;
        }
        skip(text, 1);
        reader->open[reader->depth++] = name;
        if (is_imap && bytes_equal(name, BYTES("incomingServer")))
                begin_server(reader);
        return 0;
}

/* Return: 1 a server is complete. */
static int take_end(Reader *reader) {
        ByteView *text = &reader->rest;
        const ByteView name = take_name(text);

        skip_space(text);
        if (reader->depth == 0 || !starts(*text, ">") ||
            !bytes_equal(name, reader->open[reader->depth - 1]))
                return -EBADMSG;
        skip(text, 1);
        reader->depth--;
        if (!reader->is_imap)
                return 0;
        if (!bytes_equal(name, BYTES("incomingServer"))) {
                take_value(reader, name);
                return 0;
        }
        reader->is_imap = false;
        return reader->has_host && reader->has_port && reader->has_tls;
}

static int take_tag(Reader *reader) {
        ByteView *text = &reader->rest;
        int r;

        if (starts(*text, "<?"))
                return skip_past(text, "?>");
        if (starts(*text, "<!--"))
                return skip_past(text, "-->");
        if (starts(*text, "<!"))
                return -EBADMSG; /* declarations define things */
        if (starts(*text, "</")) {
                skip(text, 2);
                r = take_end(reader);
        } else {
                skip(text, 1);
                r = take_begin(reader);
        }
        reader->n_value = 0; /* text belongs to the tags on both its sides */
        reader->is_long = false;
        return r;
}

int autoconfig_parse(ByteView text, const char *domain, AutoconfigServer *ret_server) {
        Reader reader = {.rest = text, .domain = domain};
        AutoconfigServer found;
        bool is_found = false;
        int r;

        if (starts(text, "\xEF\xBB\xBF"))
                skip(&reader.rest, 3);
        if (!utf8_is_valid(text))
                return -EBADMSG;
        /* to the end, so that half a file is none */
        for (;;) {
                r = take_text(&reader);
                if (r < 0)
                        return r;
                if (reader.rest.size == 0)
                        break;
                r = take_tag(&reader);
                if (r < 0)
                        return r;
                if (r > 0 && !is_found) {
                        found = reader.server;
                        is_found = true;
                }
        }
        if (reader.depth > 0)
                return -EBADMSG;
        if (!is_found)
                return -ENOENT;
        *ret_server = found;
        return 0;
}
