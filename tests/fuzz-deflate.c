/*
 * Fuzz what comes compressed: however the bytes of a server are cut, they inflate to the same, and a
 * session takes that or ends. The first byte says how they are cut, the rest is what the server sends.
 */

#include <errno.h>

#include "base/macro.h"
#include "daemon/deflate.h"
#include "imap/session.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 64 * 1024 }; /* of a bomb: what follows is more of the same */

/* Push @step bytes at a time, read @room at a time. Return: why it ended, 0 for want of input or
 * because there is enough. */
static int inflate_all(ByteView input, size_t step, size_t room, Buffer *out) {
        _cleanup_(deflate_freep) Deflate *deflate = NULL;
        char buffer[4096];
        ssize_t n = 0;

        assert(room > 0 && room <= sizeof(buffer));
        assert(deflate_new(&deflate) == 0);
        while (input.size > 0 && n >= 0) {
                const size_t piece = MIN(step, input.size);

                assert(deflate_push(deflate, (ByteView){input.data, piece}) == 0);
                input = (ByteView){input.data + piece, input.size - piece};
                while ((n = deflate_read(deflate, buffer, room)) > 0) {
                        assert((size_t) n <= room);
                        assert(buffer_append(out, buffer, (size_t) n) == 0);
                        if (out->size >= OUT_MAX) {
                                out->size = OUT_MAX;
                                return 0;
                        }
                }
                assert(n < 0 || !deflate_has_pending(deflate));
        }

        assert(n == 0 || n == -EBADMSG || n == -ESHUTDOWN);
        assert(n == 0 || (!deflate_has_pending(deflate) &&
                          deflate_read(deflate, buffer, room) == n)); /* dead it stays */
        return (int) n;
}

static void feed(ByteView said) {
        static const ImapLimits limits = {
                .line = 8192, .output = 1024, .ranges = 64, .literal = 1 << 20};
        _cleanup_(imap_session_freep) ImapSession *session = NULL;
        ImapEvent event;
        int r = 0;

        assert(imap_session_new(&limits, &session) == 0);
        while (said.size > 0 && r == 0) {
                const size_t piece = MIN(said.size, (size_t) 4096);

                assert(imap_session_push(session, (ByteView){said.data, piece}) == 0);
                while ((r = imap_session_next(session, &event)) > 0)
                        ;
                said = (ByteView){said.data + piece, said.size - piece};
        }
        assert(r == 0 || r == -EBADMSG || r == -E2BIG);
}

/* What is said here is what is heard there. */
static void check_round_trip(ByteView text) {
        _cleanup_(deflate_freep) Deflate *deflate = NULL;
        _cleanup_(buffer_done) Buffer heard = BUFFER_NULL;

        text.size = MIN(text.size, (size_t) OUT_MAX - 1);
        assert(deflate_new(&deflate) == 0);
        assert(deflate_write(deflate, text) == 0 && deflate_flush(deflate) == 0);
        assert(inflate_all(deflate_output(deflate), SIZE_MAX, 4096, &heard) == 0);
        assert(bytes_equal(buffer_view(&heard), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(buffer_done) Buffer whole = BUFFER_NULL, cut = BUFFER_NULL;
        ByteView input;
        int r;

        if (size < 1)
                return 0;
        input = (ByteView){(const char *) data + 1, size - 1};
        r = inflate_all(input, SIZE_MAX, 4096, &whole);
        assert(inflate_all(input, 1 + data[0] % 16, 1 + data[0] / 16 * 100u, &cut) == r);
        assert(bytes_equal(buffer_view(&whole), buffer_view(&cut)));

        feed(buffer_view(&whole));
        check_round_trip(input);
        return 0;
}
