/* Fuzz foreign text on its way into sentences, the log and D-Bus: cut, and harmless. The first byte is
 * how much of it fits. */

#include "base/foreign.h"
#include "base/macro.h"
#include "base/utf8.h"
#include "daemon/control-message.h"
#include "daemon/log.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* UTF-8, and nothing that a terminal would obey. */
static void check_safe(ByteView text) {
        while (text.size > 0) {
                uint32_t code;
                const size_t n = utf8_decode(text, &code);

                assert(n > 0 && !utf8_is_unsafe(code));
                text = (ByteView){text.data + n, text.size - n};
        }
}

static void check_foreign(ByteView text, size_t max) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

        assert(foreign_append(&out, text, max) == 0);
        assert(out.size <= 4 * max + strlen("…"));
        check_safe(buffer_view(&out));
}

static void check_log(ByteView text, size_t max) {
        _cleanup_free_ char *line = malloc(max + 4);

        assert(line && log_escape(text.data, text.size, line, max + 4) == line);
        assert(strlen(line) < max + 4);
        check_safe(bytes_of(line));
}

static void check_message(ByteView text) {
        _cleanup_free_ char *string = bytes_dup(text), *fit = NULL, *again = NULL;

        assert(string);
        fit = message_text(string);
        assert(fit && utf8_is_valid(bytes_of(fit)) && strlen(fit) < 4096 + 4);
        again = message_text(fit);
        assert(again && strcmp(again, fit) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        ByteView text;

        if (size < 1)
                return 0;
        text = (ByteView){(const char *) data + 1, size - 1};
        check_foreign(text, data[0]);
        check_log(text, data[0]);
        check_message(text);
        return 0;
}
