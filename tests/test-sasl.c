/* SASL: base64 by the vectors of its RFC, PLAIN by the example of its own. */

#include <errno.h>

#include "base/macro.h"
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
        test_plain();
        test_limit();
        return 0;
}
