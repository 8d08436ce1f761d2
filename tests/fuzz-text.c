/* Fuzz what stands between foreign text and a terminal: nothing that it would obey comes through, the
 * widths hold, and a JSON string ends where it should. */

#undef NDEBUG
#include <assert.h>
#include <locale.h>

#include "base/macro.h"
#include "base/utf8.h"
#include "ctl/json.h"
#include "ctl/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_safe(ByteView text) {
        while (text.size > 0) {
                uint32_t code;
                size_t n = utf8_decode(text, &code);

                assert(n > 0 && !utf8_is_unsafe(code));
                text = (ByteView){text.data + n, text.size - n};
        }
}

/* One string: only the last quote is not escaped. */
static void check_json(ByteView json) {
        size_t i = 1;

        assert(json.size >= 2 && json.data[0] == '"');
        for (; i < json.size && json.data[i] != '"'; i++)
                if (json.data[i] == '\\') {
                        i++;
                        assert(i < json.size && strchr("\"\\bfnrtu", json.data[i]));
                }
        assert(i == json.size - 1);
}

static void check_lines(ByteView text, size_t indent, size_t width) {
        while (text.size > 0) {
                const char *end = memchr(text.data, '\n', text.size);
                size_t n;

                assert(end);
                n = (size_t) (end - text.data);
                assert(n > indent && text_width((ByteView){text.data, n}) <= width);
                text = (ByteView){end + 1, text.size - n - 1};
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(buffer_done) Buffer shown = BUFFER_NULL, json = BUFFER_NULL, cut = BUFFER_NULL,
                                      wrapped = BUFFER_NULL;
        _cleanup_free_ char *text = NULL;
        size_t width;

        assert(setlocale(LC_CTYPE, "C.UTF-8"));
        if (size < 1)
                return 0;
        width = data[0];
        text = bytes_dup((ByteView){(const char *) data + 1, size - 1});
        assert(text);

        assert(text_escape(&shown, text) == 0);
        check_safe(buffer_view(&shown));

        assert(json_append_string(&json, (ByteView){text, size - 1}) == 0);
        check_safe(buffer_view(&json));
        check_json(buffer_view(&json));

        assert(text_append_cut(&cut, buffer_view(&shown), width) == 0);
        assert(text_width(buffer_view(&cut)) == MIN(width, text_width(buffer_view(&shown))));

        assert(text_append_wrapped(&wrapped, buffer_view(&shown), 4, width + 30) == 0);
        check_lines(buffer_view(&wrapped), 4, width + 30);
        return 0;
}
