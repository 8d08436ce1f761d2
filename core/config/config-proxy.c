/* The value of “proxy”. */

#include <errno.h>

#include "config/config-keys.h"
#include "config/config-proxy.h"
#include "config/config-value.h"

Proxy *proxy_destroy(Proxy *proxy) {
        if (!proxy)
                return NULL;

        free(proxy->host);
        free(proxy->user);
        config_secret_free(proxy->password);
        free(proxy);
        return NULL;
}

static bool strings_equal(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

bool proxy_equal(const Proxy *a, const Proxy *b) {
        if (!a || !b)
                return a == b;

        return a->kind == b->kind && a->port == b->port && strings_equal(a->host, b->host) &&
               strings_equal(a->user, b->user) && strings_equal(a->password, b->password);
}

int proxy_show(const Proxy *proxy, Buffer *out) {
        const bool is_ipv6 = strchr(proxy->host, ':');

        return buffer_append_format(
                out, "%s://%s%s%s:%u", proxy->kind == PROXY_HTTP ? "http" : "socks5",
                is_ipv6 ? "[" : "", proxy->host, is_ipv6 ? "]" : "", (unsigned) proxy->port);
}

static int parse_scheme(ByteView *rest, ProxyKind *ret_kind) {
        static const struct {
                ByteView scheme;
                ProxyKind kind;
        } schemes[] = {
                {BYTES("socks5://"),  PROXY_SOCKS5},
                {BYTES("socks5h://"), PROXY_SOCKS5},
                {BYTES("http://"),    PROXY_HTTP  },
        };

        for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
                if (bytes_starts_fold(*rest, schemes[i].scheme)) {
                        rest->data += schemes[i].scheme.size;
                        rest->size -= schemes[i].scheme.size;
                        *ret_kind = schemes[i].kind;
                        return 0;
                }

        return PROXY_PARSE_E_SCHEME;
}

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In one piece of memory, which config_secret_free() can wipe. A control character could end a line of HTTP. */
static int decode(ByteView text, char **ret_text) {
        char *out = malloc(text.size + 1), *p = out;

        if (!out)
                return -ENOMEM;
        for (size_t i = 0; i < text.size; i++) {
                int value = (unsigned char) text.data[i];

                if (value == '%') {
                        const int high = i + 2 < text.size ? hex_value(text.data[i + 1]) : -1;
                        const int low = high >= 0 ? hex_value(text.data[i + 2]) : -1;

                        value = low >= 0 ? high << 4 | low : 0;
                        i += 2;
                }
                if (value < ' ' || value == 0x7f) {
                        *p = '\0';
                        explicit_bzero(out, text.size);
                        free(out);
                        return PROXY_PARSE_E_LOGIN;
                }
                *p++ = (char) value;
        }

        *p = '\0';
        *ret_text = out;
        return 0;
}

static int parse_login(ByteView login, Proxy *proxy) {
        ByteView rest = login;
        const ByteView user = bytes_take_until(&rest, ':');
        int r;

        if (user.size == 0 || user.size == login.size)
                return PROXY_PARSE_E_LOGIN;
        r = decode(user, &proxy->user);
        if (r == 0)
                r = decode(rest, &proxy->password);
        if (r != 0)
                return r;

        if (proxy->kind == PROXY_SOCKS5 &&
            (strlen(proxy->user) > PROXY_SOCKS5_MAX || strlen(proxy->password) > PROXY_SOCKS5_MAX))
                return PROXY_PARSE_E_LONG;
        return proxy->kind == PROXY_HTTP && strchr(proxy->user, ':') ? PROXY_PARSE_E_COLON : 0;
}

/* The last one: who has not written %40 for it in a password is understood all the same. */
static const char *find_at(ByteView text) {
        return text.size > 0 ? memrchr(text.data, '@', text.size) : NULL;
}

#define SOCKS_PORT 1080u

/* HOST:PORT, and no path; the port is behind the last colon. */
static int parse_place(ByteView text, Proxy *proxy) {
        _cleanup_free_ char *host = NULL;
        const char *colon, *end;
        uint64_t port = SOCKS_PORT;
        int r;

        if (text.size > 0 && text.data[text.size - 1] == '/')
                text.size--;
        end = text.data + text.size;
        colon = text.size > 0 ? memrchr(text.data, ':', text.size) : NULL;
        if (colon && memchr(colon, ']', (size_t) (end - colon)))
                colon = NULL;
        if (!colon && proxy->kind == PROXY_SOCKS5)
                colon = end;
        else if (!colon ||
                 bytes_to_u64((ByteView){colon + 1, (size_t) (end - colon - 1)}, UINT16_MAX,
                              &port) < 0 ||
                 port == 0)
                return PROXY_PARSE_E_PORT;

        host = bytes_dup((ByteView){text.data, (size_t) (colon - text.data)});
        if (!host)
                return -ENOMEM;
        if (host[0] == '\0' || (host[0] != '[' && strchr(host, ':')) || strpbrk(host, "/ \t"))
                return PROXY_PARSE_E_HOST;
        r = value_parse_host(host, &proxy->host);
        if (r == 0)
                proxy->port = (uint16_t) port;
        return r == -EINVAL ? PROXY_PARSE_E_HOST : r;
}

int proxy_parse(const char *url, Proxy **ret_proxy) {
        _cleanup_(proxy_destroyp) Proxy *proxy = calloc(1, sizeof(*proxy));
        ByteView rest = bytes_of(url);
        const char *at;
        int r;

        if (!proxy)
                return -ENOMEM;

        r = parse_scheme(&rest, &proxy->kind);
        if (r != 0)
                return r;
        at = find_at(rest);
        if (at) {
                r = parse_login((ByteView){rest.data, (size_t) (at - rest.data)}, proxy);
                if (r != 0)
                        return r;
                rest = (ByteView){at + 1, rest.size - (size_t) (at + 1 - rest.data)};
        }
        r = parse_place(rest, proxy);
        if (r == 0)
                *ret_proxy = TAKE_PTR(proxy);
        return r;
}

const char *proxy_parse_error(int error) {
        static const char *const words[_PROXY_PARSE_E_MAX] = {
                [PROXY_PARSE_E_SCHEME] = "expected socks5://HOST:PORT or http://HOST:PORT, with "
                                         "USER:PASSWORD@ in front of HOST where it is wanted",
                [PROXY_PARSE_E_LOGIN] = "expected USER:PASSWORD in front of the “@”, and %XX for a "
                                        "character that means something else there",
                [PROXY_PARSE_E_LONG] = "SOCKS5 takes at most 255 bytes for the user name, and for "
                                       "the password",
                [PROXY_PARSE_E_COLON] = "there is no “:” in a user name for HTTP",
                [PROXY_PARSE_E_HOST] = "expected a name or an address in front of the port, one of "
                                       "IPv6 in brackets",
                [PROXY_PARSE_E_PORT] = "the port is missing, or is no number from 1 to 65535: "
                                       "expected HOST:PORT",
        };

        return words[error];
}
