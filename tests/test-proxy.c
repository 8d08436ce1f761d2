/* What is said to a proxy: conversations, in pieces of every size, and cut off after every byte. */

#include <errno.h>

#include "imap/proxy.h"
#include "test.h"

typedef struct Turn {
        char who; /* c the client, p the proxy; 0: no more */
        ByteView bytes;
} Turn;

typedef struct ProxyRow {
        const char *label;
        ProxyKind kind;
        const char *user, *password;
        ByteView address;
        Turn turns[7];
        ProxyOutcome outcome;
        const char *sentence; /* NULL: none */
} ProxyRow;

#define HOST  "imap.example.org"
#define NAMED "\x05\x01\x00\x03\x10" HOST "\x03\xe1"
#define BOUND "\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"

static ProxyDialogue *begin(const ProxyRow *row) {
        const ProxyOptions options = {
                .kind = row->kind,
                .host = HOST,
                .port = 993,
                .address = row->address,
                .user = row->user,
                .password = row->password,
        };
        ProxyDialogue *dialogue;

        TEST_ROW(row->label, proxy_new(&options, &dialogue) == 0);
        return dialogue;
}

/* What it has to say, @step bytes at a time. */
static void expect_said(const ProxyRow *row, ProxyDialogue *dialogue, ByteView bytes, size_t step) {
        while (bytes.size > 0) {
                const size_t n = step > 0 ? MIN(step, bytes.size) : bytes.size;
                const ByteView said = proxy_output(dialogue);

                TEST_ROW(row->label, said.size >= n && memcmp(said.data, bytes.data, n) == 0);
                proxy_sent(dialogue, n);
                bytes = (ByteView){bytes.data + n, bytes.size - n};
        }
        TEST_ROW(row->label, proxy_output(dialogue).size == 0);
}

/* @end: so many bytes of the proxy come in all. Return: the outcome of the last one. */
static int hear(const ProxyRow *row, ProxyDialogue *dialogue, ByteView bytes, size_t step,
                size_t *end) {
        int outcome = PROXY_MORE;

        bytes.size = MIN(bytes.size, *end);
        *end -= bytes.size;
        while (bytes.size > 0 && outcome == PROXY_MORE) {
                const size_t n = step > 0 ? MIN(step, bytes.size) : bytes.size;
                size_t n_taken;

                outcome = proxy_push(dialogue, (ByteView){bytes.data, n}, &n_taken);
                TEST_ROW(row->label, outcome >= 0 && (n_taken == n || outcome != PROXY_MORE));
                bytes = (ByteView){bytes.data + n_taken, bytes.size - n_taken};
        }
        if (outcome == PROXY_OPEN)
                TEST_ROW(row->label, bytes_equal(bytes, BYTES_NULL) ||
                                             bytes_equal(bytes, BYTES("* OK hi\r\n")));
        return outcome;
}

static void run(const ProxyRow *row, size_t step) {
        _cleanup_(proxy_freep) ProxyDialogue *dialogue = begin(row);
        int outcome = PROXY_MORE;

        for (const Turn *turn = row->turns; turn->who; turn++) {
                size_t all = SIZE_MAX;

                TEST_ROW(row->label, outcome == PROXY_MORE);
                if (turn->who == 'c')
                        expect_said(row, dialogue, turn->bytes, step);
                else
                        outcome = hear(row, dialogue, turn->bytes, step, &all);
        }
        if (outcome == PROXY_MORE)
                outcome = proxy_closed(dialogue);

        TEST_ROW(row->label, outcome == (int) row->outcome);
        TEST_ROW(row->label, proxy_output(dialogue).size == 0);
        if (row->sentence && strcmp(proxy_sentence(dialogue), row->sentence) != 0) {
                fprintf(stderr, "%s\n", proxy_sentence(dialogue));
                TEST_ROW(row->label, false);
        }
}

/* The proxy closes after @end bytes. Return: were there more? */
static bool cut(const ProxyRow *row, size_t end) {
        _cleanup_(proxy_freep) ProxyDialogue *dialogue = begin(row);
        size_t left = end;
        int outcome = PROXY_MORE;

        for (const Turn *turn = row->turns; turn->who && outcome == PROXY_MORE; turn++) {
                if (turn->who == 'p')
                        outcome = hear(row, dialogue, turn->bytes, 0, &left);
                else if (proxy_output(dialogue).size > 0)
                        expect_said(row, dialogue, turn->bytes, 0);
                else
                        break;
        }
        if (outcome != PROXY_MORE)
                return false;

        outcome = proxy_closed(dialogue);
        TEST_ROW(row->label, outcome == PROXY_FAILED || outcome == PROXY_REFUSED);
        TEST_ROW(row->label, proxy_closed(dialogue) == outcome && proxy_sentence(dialogue));
        return left == 0;
}

static void check(const ProxyRow *rows, size_t n_rows) {
        static const size_t steps[] = {0, 1, 2, 3, 7};

        for (size_t i = 0; i < n_rows; i++) {
                for (size_t k = 0; k < ARRAY_SIZE(steps); k++)
                        run(&rows[i], steps[k]);
                for (size_t end = 0; end < 4096 && cut(&rows[i], end); end++)
                        ;
        }
}

/* clang-format off */
static void test_socks5(void) {
        static const ProxyRow rows[] = {
                {"by the name, and the server speaks at once", PROXY_SOCKS5, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES("\x05\x01\x00")}, {'p', BYTES("\x05\x00")}, {'c', BYTES(NAMED)},
                  {'p', BYTES(BOUND "* OK hi\r\n")}},
                 PROXY_OPEN, NULL},
                {"bound to a name", PROXY_SOCKS5, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES("\x05\x01\x00")}, {'p', BYTES("\x05\x00")}, {'c', BYTES(NAMED)},
                  {'p', BYTES("\x05\x00\x00\x03\x04host\x00\x50* OK hi\r\n")}},
                 PROXY_OPEN, NULL},
                {"bound to an empty name", PROXY_SOCKS5, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES("\x05\x01\x00")}, {'p', BYTES("\x05\x00")}, {'c', BYTES(NAMED)},
                  {'p', BYTES("\x05\x00\x00\x03\x00\x00\x50* OK hi\r\n")}},
                 PROXY_OPEN, NULL},
                {"bound to IPv6", PROXY_SOCKS5, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES("\x05\x01\x00")}, {'p', BYTES("\x05\x00")}, {'c', BYTES(NAMED)},
                  {'p', BYTES("\x05\x00\x00\x04" "0123456789abcdef" "\x00\x50* OK hi\r\n")}},
                 PROXY_OPEN, NULL},
                {"to an address", PROXY_SOCKS5, NULL, NULL, BYTES("\xc0\x00\x02\x01"),
                 {{'c', BYTES("\x05\x01\x00")}, {'p', BYTES("\x05\x00")},
                  {'c', BYTES("\x05\x01\x00\x01\xc0\x00\x02\x01\x03\xe1")}, {'p', BYTES(BOUND)}},
                 PROXY_OPEN, NULL},
                {"to an address of IPv6", PROXY_SOCKS5, NULL, NULL, BYTES("0123456789abcdef"),
                 {{'c', BYTES("\x05\x01\x00")}, {'p', BYTES("\x05\x00")},
                  {'c', BYTES("\x05\x01\x00\x04" "0123456789abcdef" "\x03\xe1")}, {'p', BYTES(BOUND)}},
                 PROXY_OPEN, NULL},
                {"with a password", PROXY_SOCKS5, "me", "hush", BYTES_NULL,
                 {{'c', BYTES("\x05\x02\x00\x02")}, {'p', BYTES("\x05\x02")},
                  {'c', BYTES("\x01\x02me\x04hush")}, {'p', BYTES("\x01\x00")}, {'c', BYTES(NAMED)},
                  {'p', BYTES(BOUND "* OK hi\r\n")}},
                 PROXY_OPEN, NULL},
                {"with a password, an empty one, and another version", PROXY_SOCKS5, "me", "", BYTES_NULL,
                 {{'c', BYTES("\x05\x02\x00\x02")}, {'p', BYTES("\x05\x02")},
                  {'c', BYTES("\x01\x02me\x00")}, {'p', BYTES("\x05\x00")}, {'c', BYTES(NAMED)},
                  {'p', BYTES(BOUND)}},
                 PROXY_OPEN, NULL},
                {"with a password that it does not want", PROXY_SOCKS5, "me", "hush", BYTES_NULL,
                 {{'c', BYTES("\x05\x02\x00\x02")}, {'p', BYTES("\x05\x00")}, {'c', BYTES(NAMED)},
                  {'p', BYTES(BOUND)}},
                 PROXY_OPEN, NULL},
                {"a wrong password", PROXY_SOCKS5, "me", "hush", BYTES_NULL,
                 {{'c', BYTES("\x05\x02\x00\x02")}, {'p', BYTES("\x05\x02")},
                  {'c', BYTES("\x01\x02me\x04hush")}, {'p', BYTES("\x01\x01")}},
                 PROXY_REFUSED, "refuses the user name or password in “proxy”"},
                {"it wants a password", PROXY_SOCKS5, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES("\x05\x01\x00")}, {'p', BYTES("\x05\xff")}},
                 PROXY_REFUSED, "wants a user name and a password in “proxy”"},
                {"it wants something else", PROXY_SOCKS5, "me", "hush", BYTES_NULL,
                 {{'c', BYTES("\x05\x02\x00\x02")}, {'p', BYTES("\x05\xff")}},
                 PROXY_REFUSED, "takes no user name and password: it wants another way to log in, which is "
                 "not known here"},
                {"it chooses what was not offered", PROXY_SOCKS5, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES("\x05\x01\x00")}, {'p', BYTES("\x05\x02")}},
                 PROXY_FAILED, "speaks no SOCKS5"},
                {"SOCKS4", PROXY_SOCKS5, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES("\x05\x01\x00")}, {'p', BYTES("\x00\x5b")}},
                 PROXY_FAILED, "speaks no SOCKS5"},
                {"HTTP", PROXY_SOCKS5, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES("\x05\x01\x00")}, {'p', BYTES("HTTP/1.1 400 Bad Request\r\n\r\n")}},
                 PROXY_FAILED, "speaks no SOCKS5"},
                {"another address family", PROXY_SOCKS5, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES("\x05\x01\x00")}, {'p', BYTES("\x05\x00")}, {'c', BYTES(NAMED)},
                  {'p', BYTES("\x05\x00\x00\x02\x00")}},
                 PROXY_FAILED, "speaks no SOCKS5"},
                {"not allowed", PROXY_SOCKS5, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES("\x05\x01\x00")}, {'p', BYTES("\x05\x00")}, {'c', BYTES(NAMED)},
                  {'p', BYTES("\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00")}},
                 PROXY_FAILED, "cannot reach " HOST " port 993: its rules do not allow it (SOCKS5 error 2)"},
                {"unreachable, in two bytes", PROXY_SOCKS5, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES("\x05\x01\x00")}, {'p', BYTES("\x05\x00")}, {'c', BYTES(NAMED)},
                  {'p', BYTES("\x05\x04")}},
                 PROXY_FAILED, "cannot reach " HOST " port 993: host unreachable (SOCKS5 error 4)"},
                {"an error of its own", PROXY_SOCKS5, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES("\x05\x01\x00")}, {'p', BYTES("\x05\x00")}, {'c', BYTES(NAMED)},
                  {'p', BYTES("\x05\xf0")}},
                 PROXY_FAILED, "cannot reach " HOST " port 993: no reason given (SOCKS5 error 240)"},
                {"closed at once", PROXY_SOCKS5, NULL, NULL, BYTES_NULL, {{'c', BYTES("\x05\x01\x00")}},
                 PROXY_FAILED, "closed the connection without an answer"},
                {"closed in between", PROXY_SOCKS5, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES("\x05\x01\x00")}, {'p', BYTES("\x05\x00")}, {'c', BYTES(NAMED)}},
                 PROXY_FAILED, "closed the connection in the middle of its answer"},
        };

        check(rows, ARRAY_SIZE(rows));
}

#define ASKED   "CONNECT " HOST ":993 HTTP/1.1\r\nHost: " HOST ":993\r\n"
#define LOGGED  ASKED "Proxy-Authorization: Basic bWU6aHVzaA==\r\n\r\n"

static void test_http(void) {
        static const ProxyRow rows[] = {
                {"by the name, and the server speaks at once", PROXY_HTTP, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES(ASKED "\r\n")},
                  {'p', BYTES("HTTP/1.1 200 Connection established\r\nVia: 1.1 p\r\n\r\n* OK hi\r\n")}},
                 PROXY_OPEN, NULL},
                {"short, with bare line ends and a length that does not count", PROXY_HTTP, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES(ASKED "\r\n")}, {'p', BYTES("HTTP/1.0 201\nContent-Length: 9\n\n* OK hi\r\n")}},
                 PROXY_OPEN, NULL},
                {"something before it", PROXY_HTTP, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES(ASKED "\r\n")}, {'p', BYTES("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")}},
                 PROXY_OPEN, NULL},
                {"to an address of IPv6", PROXY_HTTP, NULL, NULL, BYTES("0123456789abcdef"),
                 {{'c', BYTES("CONNECT [" HOST "]:993 HTTP/1.1\r\nHost: [" HOST "]:993\r\n\r\n")},
                  {'p', BYTES("HTTP/1.1 200 OK\r\n\r\n")}},
                 PROXY_OPEN, NULL},
                {"with a password", PROXY_HTTP, "me", "hush", BYTES_NULL,
                 {{'c', BYTES(LOGGED)}, {'p', BYTES("HTTP/1.1 200 OK\r\n\r\n* OK hi\r\n")}},
                 PROXY_OPEN, NULL},
                {"a wrong password", PROXY_HTTP, "me", "hush", BYTES_NULL,
                 {{'c', BYTES(LOGGED)},
                  {'p', BYTES("HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\n"
                              "proxy-authenticate:  basic realm=\"x\"\r\n\r\n")}},
                 PROXY_REFUSED, "refuses the user name or password in “proxy”"},
                {"a wrong password, in the words of a server (tinyproxy)", PROXY_HTTP, "me", "hush", BYTES_NULL,
                 {{'c', BYTES(LOGGED)},
                  {'p', BYTES("HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n")}},
                 PROXY_REFUSED, "refuses the user name or password in “proxy”"},
                {"it wants a password, and says no more", PROXY_HTTP, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES(ASKED "\r\n")}, {'p', BYTES("HTTP/1.1 407 Proxy Authentication Required\r\n")}},
                 PROXY_REFUSED, "wants a user name and a password in “proxy”"},
                {"it wants what is not known", PROXY_HTTP, "me", "hush", BYTES_NULL,
                 {{'c', BYTES(LOGGED)},
                  {'p', BYTES("HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\n")}},
                 PROXY_REFUSED, "wants a way to log in that is not known here (not Basic)"},
                {"bad gateway", PROXY_HTTP, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES(ASKED "\r\n")}, {'p', BYTES("HTTP/1.1 502 Bad\x1b Gateway\r\n\r\n")}},
                 PROXY_FAILED, "cannot reach " HOST " port 993: it answers HTTP 502 “Bad\\x1b Gateway”"},
                {"a number without a word", PROXY_HTTP, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES(ASKED "\r\n")}, {'p', BYTES("HTTP/1.1 503\r\n")}},
                 PROXY_FAILED, "cannot reach " HOST " port 993: it answers HTTP 503"},
                {"somewhere else", PROXY_HTTP, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES(ASKED "\r\n")}, {'p', BYTES("HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n")}},
                 PROXY_FAILED, "cannot reach " HOST " port 993: it answers HTTP 302 “Found”"},
                {"a number that is none", PROXY_HTTP, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES(ASKED "\r\n")}, {'p', BYTES("HTTP/1.1 2x0 OK\r\n")}},
                 PROXY_FAILED, "speaks no HTTP"},
                {"a number too large", PROXY_HTTP, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES(ASKED "\r\n")}, {'p', BYTES("HTTP/1.1 600 OK\r\n")}},
                 PROXY_FAILED, "speaks no HTTP"},
                {"SOCKS5", PROXY_HTTP, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES(ASKED "\r\n")}, {'p', BYTES("\x05\xff")}},
                 PROXY_FAILED, "speaks no HTTP"},
                {"an empty line", PROXY_HTTP, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES(ASKED "\r\n")}, {'p', BYTES("\r\n")}},
                 PROXY_FAILED, "speaks no HTTP"},
                {"half a word", PROXY_HTTP, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES(ASKED "\r\n")}, {'p', BYTES("HTTP/\n")}},
                 PROXY_FAILED, "speaks no HTTP"},
                {"closed at once", PROXY_HTTP, NULL, NULL, BYTES_NULL, {{'c', BYTES(ASKED "\r\n")}},
                 PROXY_FAILED, "closed the connection without an answer"},
                {"closed before the end of the header", PROXY_HTTP, NULL, NULL, BYTES_NULL,
                 {{'c', BYTES(ASKED "\r\n")}, {'p', BYTES("HTTP/1.1 200 OK\r\nVia: x\r\n")}},
                 PROXY_FAILED, "closed the connection in the middle of its answer"},
        };

        check(rows, ARRAY_SIZE(rows));
}
/* clang-format on */

/* A header without an end, and lines without one. */
static void test_limits(void) {
        static const char *const begins[] = {"HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 ",
                                             "HTTP/1.1 200 OK\r\nVia: "};
        static const char *const pieces[] = {"Via: 1.1 example.org\r\n", "x"};
        static const ProxyRow row = {.label = "limits", .kind = PROXY_HTTP};

        for (size_t i = 0; i < ARRAY_SIZE(begins) * ARRAY_SIZE(pieces); i++) {
                _cleanup_(proxy_freep) ProxyDialogue *dialogue = begin(&row);
                ByteView piece = bytes_of(begins[i / 2]);
                size_t n_read = 0, n_taken;
                int outcome;

                do {
                        outcome = proxy_push(dialogue, piece, &n_taken);
                        n_read += n_taken;
                        piece = bytes_of(pieces[i % 2]);
                        TEST_ROW(begins[i / 2], n_read < 20000);
                } while (outcome == PROXY_MORE);
                TEST_ROW(begins[i / 2], outcome == PROXY_FAILED);
                TEST_ROW(begins[i / 2], strcmp(proxy_sentence(dialogue),
                                               "answers with more than is read of it") == 0);
        }
}

static void test_hosts(void) {
        static const char name[] =
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        const struct {
                const char *label, *host, *password;
                int result;
        } rows[] = {
                {"as long as can be", name + 1, "p",  0      },
                {"too long",          name,     "p",  -EINVAL},
                {"none",              "",       "p",  -EINVAL},
                {"two words",         "a b",    "p",  -EINVAL},
                {"two lines",         "a\r\nb", "p",  -EINVAL},
                {"a long password",   "a",      name, -EINVAL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(proxy_freep) ProxyDialogue *dialogue = NULL;
                const ProxyOptions options = {
                        .kind = PROXY_SOCKS5,
                        .host = rows[i].host,
                        .port = 993,
                        .user = "u",
                        .password = rows[i].password,
                };

                TEST_ROW(rows[i].label, proxy_new(&options, &dialogue) == rows[i].result);
        }
}

int main(void) {
        test_socks5();
        test_http();
        test_limits();
        test_hosts();
        return 0;
}
