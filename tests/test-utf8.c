/* UTF-8: what is a code point and what is not. */

#include "base/macro.h"
#include "base/utf8.h"
#include "test.h"

static void test_decode(void) {
        static const struct {
                const char *label;
                ByteView bytes;
                size_t n;
                uint32_t code;
        } rows[] = {
                {"ASCII",                 BYTES("ab"),               1, 'a'     },
                {"NUL",                   BYTES("\0"),               1, 0       },
                {"first of two bytes",    BYTES("\xc2\x80"),         2, 0x80    },
                {"last of two bytes",     BYTES("\xdf\xbf"),         2, 0x7ff   },
                {"first of three bytes",  BYTES("\xe0\xa0\x80"),     3, 0x800   },
                {"last of three bytes",   BYTES("\xef\xbf\xbf"),     3, 0xffff  },
                {"first of four bytes",   BYTES("\xf0\x90\x80\x80"), 4, 0x10000 },
                {"last of all",           BYTES("\xf4\x8f\xbf\xbf"), 4, 0x10ffff},
                {"before the surrogates", BYTES("\xed\x9f\xbf"),     3, 0xd7ff  },
                {"behind the surrogates", BYTES("\xee\x80\x80"),     3, 0xe000  },
                {"empty",                 BYTES(""),                 0, 0       },
                {"lone continuation",     BYTES("\x80"),             0, 0       },
                {"overlong slash",        BYTES("\xc0\xaf"),         0, 0       },
                {"overlong, three",       BYTES("\xe0\x9f\xbf"),     0, 0       },
                {"overlong, four",        BYTES("\xf0\x8f\xbf\xbf"), 0, 0       },
                {"surrogate",             BYTES("\xed\xa0\x80"),     0, 0       },
                {"past U+10FFFF",         BYTES("\xf4\x90\x80\x80"), 0, 0       },
                {"five bytes",            BYTES("\xf8\x88\x80\x80"), 0, 0       },
                {"cut",                   BYTES("\xe2\x82"),         0, 0       },
                {"cut by ASCII",
                 BYTES("\xe2\x82"
                       "a"),
                 0,                                                     0       },
                {"Latin-1",               BYTES("\xe9t\xe9"),        0, 0       },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint32_t code = 0;

                TEST_ROW(rows[i].label, utf8_decode(rows[i].bytes, &code) == rows[i].n);
                TEST_ROW(rows[i].label, code == rows[i].code);
        }
}

static void test_is_valid(void) {
        assert(utf8_is_valid(BYTES("")));
        assert(utf8_is_valid(BYTES("a\xe2\x82\xac")));
        assert(!utf8_is_valid(BYTES("a\xe2\x82")));
}

int main(void) {
        test_decode();
        test_is_valid();
        return 0;
}
