/* UTF-8: every first byte, and the borders of every form. */

#include "base/macro.h"
#include "base/utf8.h"
#include "test.h"

static void test_sequence(void) {
        static const struct {
                const char *label;
                ByteView bytes;
                size_t size;
        } rows[] = {
                {"ASCII",               BYTES("a\xFF"),            1},
                {"NUL",                 BYTES("\0"),               1},
                {"U+0080",              BYTES("\xC2\x80"),         2},
                {"U+07FF",              BYTES("\xDF\xBF"),         2},
                {"U+0800",              BYTES("\xE0\xA0\x80"),     3},
                {"U+D7FF",              BYTES("\xED\x9F\xBF"),     3},
                {"U+E000",              BYTES("\xEE\x80\x80"),     3},
                {"U+FFFF",              BYTES("\xEF\xBF\xBF"),     3},
                {"U+10000",             BYTES("\xF0\x90\x80\x80"), 4},
                {"U+10FFFF",            BYTES("\xF4\x8F\xBF\xBF"), 4},
                {"overlong NUL",        BYTES("\xC0\x80"),         0},
                {"overlong U+007F",     BYTES("\xC1\xBF"),         0},
                {"overlong U+07FF",     BYTES("\xE0\x9F\xBF"),     0},
                {"overlong U+FFFF",     BYTES("\xF0\x8F\xBF\xBF"), 0},
                {"first surrogate",     BYTES("\xED\xA0\x80"),     0},
                {"last surrogate",      BYTES("\xED\xBF\xBF"),     0},
                {"U+110000",            BYTES("\xF4\x90\x80\x80"), 0},
                {"no such first byte",  BYTES("\xF5\x80\x80\x80"), 0},
                {"continuation alone",  BYTES("\x80"),             0},
                {"second byte is none", BYTES("\xC3z"),            0},
                {"third byte is none",  BYTES("\xE2\x82z"),        0},
                {"fourth byte is none", BYTES("\xF0\x9F\x93z"),    0},
                {"cut after the first", BYTES("\xC3"),             0},
                {"cut before the last", BYTES("\xF0\x9F\x93"),     0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label, utf8_sequence(rows[i].bytes) == rows[i].size);
}

static void test_is_valid(void) {
        assert(utf8_is_valid(BYTES_NULL));
        assert(utf8_is_valid(BYTES("K\xC3\xB6ln \xE2\x82\xAC \xF0\x9F\x93\xAB")));
        assert(!utf8_is_valid(BYTES("K\xC3\xB6ln \xE2\x82")));
        assert(!utf8_is_valid(BYTES("K\xF6ln")));
}

int main(void) {
        test_sequence();
        test_is_valid();
        return 0;
}
