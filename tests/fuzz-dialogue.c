/* Fuzz the dialogue: cut anywhere it says the same, a line is short and printable, and nothing is
 * shown behind LOGIN (where a literal may stand before it, the line is no command, and may). The
 * first byte is the size of a piece, and who speaks. */

#include <string.h>

#include "base/macro.h"
#include "daemon/dialogue.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has_literals;

static void on_line(const char *line, void *userdata) {
        Buffer *out = userdata;

        assert(strlen(line) < 4096);
        for (const char *p = line; *p; p++)
                assert((unsigned char) *p >= 0x20 && *p != 0x7f);
        if (!has_literals && strncasecmp(line, "C: a LOGIN ", 11) == 0)
                assert(line[11] == '\0' || strncmp(line + 11, "***", 3) == 0);
        assert(buffer_append_format(out, "%s\n", line) == 0);
}

static void run(ByteView bytes, size_t piece, bool said, Buffer *out) {
        _cleanup_(dialogue_freep) Dialogue *d = NULL;

        assert(dialogue_new(on_line, out, &d) == 0);
        while (bytes.size > 0) {
                size_t n = MIN(piece, bytes.size);

                if (said)
                        dialogue_said(d, (ByteView){bytes.data, n});
                else
                        dialogue_heard(d, (ByteView){bytes.data, n});
                bytes = (ByteView){bytes.data + n, bytes.size - n};
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(buffer_done) Buffer whole = BUFFER_NULL, pieces = BUFFER_NULL;
        ByteView bytes;

        if (size < 2)
                return 0;
        bytes = (ByteView){(const char *) data + 1, size - 1};
        has_literals = memchr(bytes.data, '{', bytes.size) != NULL;

        run(bytes, bytes.size, data[0] & 1, &whole);
        run(bytes, (size_t) (data[0] >> 1) + 1, data[0] & 1, &pieces);
        assert(bytes_equal(buffer_view(&whole), buffer_view(&pieces)));
        return 0;
}
