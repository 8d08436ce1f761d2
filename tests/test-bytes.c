/* Bytes: views, numbers, buffers and their limits. */

#include <errno.h>
#include <inttypes.h>

#include "base/bytes.h"
#include "base/macro.h"
#include "test.h"

static void test_to_u64(void) {
        static const struct {
                const char *label;
                const char *text;
                uint64_t max;
                int result;
                uint64_t value;
        } rows[] = {
                {"zero",         "0",                    UINT64_MAX, 0,        0         },
                {"largest",      "18446744073709551615", UINT64_MAX, 0,        UINT64_MAX},
                {"past 64 bits", "18446744073709551616", UINT64_MAX, -EBADMSG, 0         },
                {"at max",       "7",                    7,          0,        7         },
                {"above max",    "8",                    7,          -EBADMSG, 0         },
                {"max below 9",  "9",                    3,          -EBADMSG, 0         },
                {"empty",        "",                     UINT64_MAX, -EBADMSG, 0         },
                {"sign",         "-1",                   UINT64_MAX, -EBADMSG, 0         },
                {"space",        "1 ",                   UINT64_MAX, -EBADMSG, 0         },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t value = 0;

                TEST_ROW(rows[i].label, bytes_to_u64(bytes_of(rows[i].text), rows[i].max, &value) ==
                                                rows[i].result);
                TEST_ROW(rows[i].label, value == rows[i].value);
        }
}

static void test_fold(void) {
        assert(bytes_equal_fold(BYTES("INBOX"), BYTES("inBox")));
        assert(!bytes_equal_fold(BYTES("INBOX"), BYTES("INBOX2")));
        assert(bytes_starts_fold(BYTES("inbox/a"), BYTES("INBOX")));
        assert(!bytes_equal(BYTES("a"), BYTES("A")));
        assert(bytes_equal(BYTES_NULL, BYTES("")));
}

static void test_take_until(void) {
        ByteView rest = BYTES("a,,bc,");

        assert(bytes_equal(bytes_take_until(&rest, ','), BYTES("a")));
        assert(bytes_equal(bytes_take_until(&rest, ','), BYTES("")));
        assert(bytes_equal(bytes_take_until(&rest, ';'), BYTES("bc,")));
        assert(rest.size == 0);
        assert(bytes_take_until(&rest, ',').size == 0);
}

static void test_buffer(void) {
        _cleanup_(buffer_done) Buffer buffer = {.limit = 300};
        char long_text[257];
        char *string;

        assert(buffer_append_string(&buffer, "abc") == 0);
        assert(buffer_append_format(&buffer, "%d", 42) == 0);
        buffer_consume(&buffer, 1);
        assert(bytes_equal(buffer_view(&buffer), BYTES("bc42")));

        memset(long_text, 'x', sizeof(long_text) - 1);
        long_text[256] = '\0';
        assert(buffer_append_format(&buffer, "%s", long_text) == 0);
        assert(buffer.size == 260);
        assert(buffer_append_string(&buffer, long_text) == -E2BIG);
        assert(buffer.size == 260);

        buffer_consume(&buffer, 259);
        buffer_trim(&buffer, 16);
        assert(buffer.capacity == 16 && buffer.size == 1);

        string = buffer_steal_string(&buffer);
        assert(strcmp(string, "x") == 0);
        free(string);
        assert(buffer.size == 0 && buffer.limit == 300);
}

int main(void) {
        test_to_u64();
        test_fold();
        test_take_until();
        test_buffer();
        return 0;
}
