/* Bytes of IMAP over a socket: outside in TCP, TLS, DEFLATE (RFC 4978 section 1). */

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "daemon/stream.h"

enum { INPUT_SIZE = 64 * 1024 }; /* compressed bytes of one read; given back when there are none */

void stream_done(Stream *s) {
        s->tls = tls_free(s->tls);
        s->deflate = deflate_free(s->deflate);
        if (s->wire.fd >= 0)
                (void) close(s->wire.fd);
        s->wire.fd = -EBADF;
}

int stream_start_tls(Stream *s, const Endpoint *endpoint) {
        assert(!s->tls && !s->deflate);

        return tls_new(endpoint, &s->wire, &s->tls);
}

int stream_start_deflate(Stream *s, ByteView behind) {
        _cleanup_(deflate_freep) Deflate *deflate = NULL;
        int r;

        assert(!s->deflate);

        r = deflate_new(&deflate);
        if (r < 0)
                return r;
        r = deflate_push(deflate, behind);
        if (r < 0)
                return r;

        s->deflate = TAKE_PTR(deflate);
        return 0;
}

static ssize_t below_read(Stream *s, void *buffer, size_t size) {
        return s->tls ? tls_read(s->tls, buffer, size) : wire_read(&s->wire, buffer, size);
}

static ssize_t below_write(Stream *s, ByteView bytes) {
        return s->tls ? tls_write(s->tls, bytes.data, bytes.size)
                      : wire_write(&s->wire, bytes.data, bytes.size);
}

/* One read of compressed bytes; only when all before were inflated, so it stays one. */
static ssize_t input_fill(Stream *s) {
        Buffer *input = deflate_input(s->deflate);
        ssize_t n;
        int r;

        r = buffer_reserve(input, INPUT_SIZE);
        if (r < 0)
                return r;

        n = below_read(s, input->data + input->size, INPUT_SIZE);
        if (n > 0)
                input->size += (size_t) n;
        else
                buffer_trim(input, 0);
        return n;
}

ssize_t stream_read(Stream *s, void *buffer, size_t size) {
        ssize_t n;

        if (!s->deflate)
                return below_read(s, buffer, size);

        for (;;) {
                n = deflate_read(s->deflate, buffer, size);
                if (n == -ESHUTDOWN)
                        return 0;
                if (n != 0)
                        return n;

                n = input_fill(s);
                if (n <= 0)
                        return n;
        }
}

bool stream_has_pending(const Stream *s) {
        return (s->deflate && deflate_has_pending(s->deflate)) ||
               (s->tls && tls_has_pending(s->tls));
}

/* Put DEFLATE's output on the socket. Return: 0 all, -EAGAIN some is left, or a negative errno. */
static int output_drain(Stream *s) {
        for (;;) {
                ByteView output = deflate_output(s->deflate);
                ssize_t n;

                if (output.size == 0)
                        return 0;

                n = below_write(s, output);
                if (n < 0)
                        return (int) n;
                deflate_sent(s->deflate, (size_t) n);
        }
}

/* Take bytes as long as the output is short: a server that does not read costs no memory. */
ssize_t stream_write(Stream *s, ByteView bytes) {
        int r;

        if (!s->deflate)
                return below_write(s, bytes);

        if (deflate_output(s->deflate).size >= STREAM_OUTPUT_MAX) {
                r = output_drain(s);
                if (r < 0)
                        return r;
        }

        bytes.size = MIN(bytes.size, (size_t) STREAM_OUTPUT_MAX);
        r = deflate_write(s->deflate, bytes);
        return r < 0 ? r : (ssize_t) bytes.size;
}

int stream_flush(Stream *s) {
        int r;

        if (!s->deflate)
                return 0;

        r = deflate_flush(s->deflate);
        if (r < 0)
                return r;
        return output_drain(s);
}

bool stream_wants_output(const Stream *s) {
        return s->tls && tls_wants_output(s->tls);
}

void stream_close(Stream *s) {
        if (s->tls)
                tls_close(s->tls);
        stream_done(s);
}
