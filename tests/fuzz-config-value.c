/* Fuzz values and lines of the configuration: what parses formats to text that parses to the same, and
 * nothing ever grows. */

#undef NDEBUG
#include <assert.h>
#include <stdint.h>

#include "base/macro.h"
#include "config/config-line.h"
#include "config/config-value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_duration(const char *text) {
        char buffer[VALUE_DURATION_MAX];
        uint64_t usec, again;

        if (value_parse_duration(text, &usec) < 0)
                return;

        assert(strlen(value_format_duration(usec, buffer)) < sizeof(buffer));
        assert(value_parse_duration(buffer, &again) == 0 && again == usec);
}

static void check_line(const char *text) {
        const ByteView line = bytes_of(text);

        for (int continues = 0; continues <= 1; continues++) {
                const ByteView once = config_line_strip(line, continues);
                const ByteView twice = config_line_strip(once, continues);

                assert(once.data == line.data && once.size <= line.size);
                assert(bytes_equal(once, twice));
        }
}

static void check_unquote(const char *text) {
        _cleanup_free_ char *value = strdup(text);

        assert(value);
        if (config_value_unquote(value) == 0)
                assert(strlen(value) <= strlen(text));
        else
                assert(text[0] == '"');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const words[] = {"host", "password-command", "tls", NULL};
        _cleanup_free_ char *text = bytes_dup((ByteView){(const char *) data, size});
        const char *nearest;

        assert(text);
        check_duration(text);
        check_line(text);
        check_unquote(text);
        nearest = value_nearest_word(text, words);
        assert(!nearest || value_parse_word(nearest, words) >= 0);
        assert(!value_is_pin(text) || strlen(text) > 50);

        return 0;
}
