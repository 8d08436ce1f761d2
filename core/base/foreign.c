/* Foreign text in sentences for people. */

#include "base/foreign.h"
#include "base/utf8.h"

static bool is_space(char c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static ByteView trim(ByteView text) {
        while (text.size > 0 && is_space(text.data[text.size - 1]))
                text.size--;
        while (text.size > 0 && is_space(text.data[0]))
                text = (ByteView){text.data + 1, text.size - 1};

        return text;
}

static int append_bytes_as_hex(Buffer *out, ByteView bytes) {
        for (size_t i = 0; i < bytes.size; i++) {
                int r = buffer_append_format(out, "\\x%02x", (unsigned char) bytes.data[i]);

                if (r < 0)
                        return r;
        }

        return 0;
}

int foreign_append(Buffer *out, ByteView text, size_t max) {
        text = trim(text);

        for (size_t i = 0; i < text.size;) {
                uint32_t code = 0;
                const size_t n = utf8_decode((ByteView){text.data + i, text.size - i}, &code);
                const ByteView one = {text.data + i, n > 0 ? n : 1};
                int r;

                if (i + one.size > max)
                        return buffer_append_string(out, "…");

                r = n > 0 && !utf8_is_unsafe(code) ? buffer_append_view(out, one)
                                                   : append_bytes_as_hex(out, one);
                if (r < 0)
                        return r;
                i += one.size;
        }

        return 0;
}
