/* SASL: base64 by the vectors of its RFC, the mechanisms by the examples of their own. */

#include <errno.h>

#include "base/macro.h"
#include "daemon/sasl-crypto.h"
#include "imap/sasl.h"
#include "test.h"

static void test_base64(void) {
        static const struct {
                const char *label;
                ByteView bytes;
                const char *text;
        } rows[] = {
                {"empty",        BYTES(""),             ""        },
                {"one",          BYTES("f"),            "Zg=="    },
                {"two",          BYTES("fo"),           "Zm8="    },
                {"three",        BYTES("foo"),          "Zm9v"    },
                {"four",         BYTES("foob"),         "Zm9vYg=="},
                {"six",          BYTES("foobar"),       "Zm9vYmFy"},
                {"NUL",          BYTES("\0"),           "AA=="    },
                {"8 bits",       BYTES("\xff\xff\xff"), "////"    },
                {"last letters", BYTES("\xfb\xef\xbe"), "++++"    },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

                TEST_ROW(rows[i].label, buffer_append_string(&out, ">") == 0);
                TEST_ROW(rows[i].label, base64_encode(rows[i].bytes, &out) == 0);
                buffer_consume(&out, 1);
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&out), bytes_of(rows[i].text)));
        }
}

static void test_decode(void) {
        static const struct {
                const char *label;
                const char *text;
                int result;
                ByteView bytes;
        } rows[] = {
                {"empty",               "",          0,        BYTES("")            },
                {"one",                 "Zg==",      0,        BYTES("f")           },
                {"two",                 "Zm8=",      0,        BYTES("fo")          },
                {"three",               "Zm9v",      0,        BYTES("foo")         },
                {"six",                 "Zm9vYmFy",  0,        BYTES("foobar")      },
                {"8 bits",              "////",      0,        BYTES("\xff\xff\xff")},
                {"NUL",                 "AA==",      0,        BYTES("\0")          },
                {"no padding",          "Zg",        -EBADMSG, BYTES("")            },
                {"too little padding",  "Zg=",       -EBADMSG, BYTES("")            },
                {"padding alone",       "====",      -EBADMSG, BYTES("")            },
                {"padding in between",  "Zg==Zg==",  -EBADMSG, BYTES("")            },
                {"a letter behind it",  "Zg=v",      -EBADMSG, BYTES("")            },
                {"bits left over",      "Zh==",      -EBADMSG, BYTES("")            },
                {"and two of them",     "Zm9=",      -EBADMSG, BYTES("")            },
                {"a blank",             "Zm 9",      -EBADMSG, BYTES("")            },
                {"that of web pages",   "Zm_-",      -EBADMSG, BYTES("")            },
                {"good, then bad",      "Zm9vZm9*",  -EBADMSG, BYTES("")            },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

                TEST_ROW(rows[i].label,
                         base64_decode(bytes_of(rows[i].text), &out) == rows[i].result);
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&out), rows[i].bytes));
        }
}

/* RFC 2195 section 2; the rest by what it says. */
static void test_cram_md5(void) {
        static const char challenge[] = "<1896.697170952@postoffice.reston.mci.net>";
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

        assert(sasl_cram_md5("tim", "tanstaaftanstaaf", bytes_of(challenge), &sasl_crypto_openssl,
                             &out) == 0);
        assert(bytes_equal(buffer_view(&out), BYTES("dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw")));
        assert(sasl_cram_md5("", "x", bytes_of(challenge), &sasl_crypto_openssl, &out) == -EINVAL);
}

static void check_decoded(const char *label, Buffer *out, const char *text) {
        _cleanup_(buffer_done) Buffer plain = BUFFER_NULL;

        TEST_ROW(label, base64_decode(buffer_view(out), &plain) == 0);
        TEST_ROW(label, bytes_equal(buffer_view(&plain), bytes_of(text)));
}

static void test_oauth(void) {
        static const struct {
                const char *label;
                const char *user, *token, *host;
                unsigned port;
                int result;
                const char *bearer, *xoauth2;
        } rows[] = {
                {"RFC 7628 section 4.1", "user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
                 "server.example.com", 143, 0,
                 "n,a=user@example.com,\001host=server.example.com\001port=143\001"
                 "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\001\001",
                 "user=user@example.com\001"
                 "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\001\001"},
                {"a name to be quoted", "a,b=c", "t", NULL, 0, 0,
                 "n,a=a=2Cb=3Dc,\001auth=Bearer t\001\001", "user=a,b=c\001auth=Bearer t\001\001"},
                {"no user", "", "t", NULL, 0, -EINVAL, NULL, NULL},
                {"no token", "u", "", NULL, 0, -EINVAL, NULL, NULL},
                {"what would begin another field", "u", "t\001host=x", NULL, 0, -EINVAL, NULL, NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer bearer = BUFFER_NULL, xoauth2 = BUFFER_NULL;

                TEST_ROW(rows[i].label, sasl_oauthbearer(rows[i].user, rows[i].token, rows[i].host,
                                                         rows[i].port, &bearer) == rows[i].result);
                TEST_ROW(rows[i].label,
                         sasl_xoauth2(rows[i].user, rows[i].token, &xoauth2) == rows[i].result);
                if (rows[i].result < 0)
                        continue;
                check_decoded(rows[i].label, &bearer, rows[i].bearer);
                check_decoded(rows[i].label, &xoauth2, rows[i].xoauth2);
        }
}

static void test_plain(void) {
        static const struct {
                const char *label;
                const char *user, *password;
                int result;
                const char *text;
        } rows[] = {
                {"RFC 4616 section 4", "tim",           "tanstaaftanstaaf", 0,
                 "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"                                                        },
                {"UTF-8",              "j\xc3\xbcrgen", "\xe2\x82\xac",     0,       "AGrDvHJnZW4A4oKs"},
                {"no user",            "",              "secret",           -EINVAL, ""                },
                {"no password",        "tim",           "",                 -EINVAL, ""                },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
                int r = sasl_plain(rows[i].user, rows[i].password, &out);

                TEST_ROW(rows[i].label, r == rows[i].result);
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&out), bytes_of(rows[i].text)));
        }
}

static void test_limit(void) {
        _cleanup_(buffer_done) Buffer out = {.limit = 7};

        assert(base64_encode(BYTES("foobar"), &out) == -E2BIG && out.size == 0);
        assert(base64_encode(BYTES("foo"), &out) == 0 && out.size == 4);
        assert(sasl_plain("tim", "secret", &out) == -E2BIG && out.size == 4);
}

int main(void) {
        test_base64();
        test_decode();
        test_plain();
        test_cram_md5();
        test_oauth();
        test_limit();
        return 0;
}
