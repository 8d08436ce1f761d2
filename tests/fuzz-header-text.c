/* Fuzz header fields on their way to a person: whatever they hold, what is shown is one harmless line of
 * UTF-8, and not too long. The first byte is how much of it fits. */

#include "base/macro.h"
#include "base/utf8.h"
#include "imap/header-text.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Gives back what came, as a converter may that does not check. */
static int convert(const char *charset, ByteView bytes, Buffer *out) {
        assert(strlen(charset) > 0 && strlen(charset) <= 40 && !strchr(charset, '/'));
        return buffer_append_view(out, bytes);
}

static void check(const Buffer *out, size_t max) {
        ByteView text = buffer_view(out);

        assert(text.size <= max + strlen("…"));
        while (text.size > 0) {
                uint32_t code;
                const size_t n = utf8_decode(text, &code);

                assert(n > 0 && code >= ' ' && !utf8_is_unsafe(code));
                text = (ByteView){text.data + n, text.size - n};
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL, again = BUFFER_NULL, sender = BUFFER_NULL;
        ByteView value;

        if (size < 1)
                return 0;
        value = (ByteView){(const char *) data + 1, size - 1};
        assert(header_text_append(value, convert, data[0], &text) == 0);
        check(&text, data[0]);
        assert(header_text_append(value, NULL, 400, &again) == 0);
        check(&again, 400);
        assert(header_sender_append(value, convert, data[0], &sender) == 0);
        check(&sender, data[0]);
        return 0;
}
