/*
 * COMPRESS=DEFLATE: zlib and nothing but zlib
 *
 * Inflating needs the full window, since the server decides how far back it refers. Deflating is
 * ours to choose: commands repeat what was said a moment ago and message bodies are mostly base64,
 * so a window of 4 kB and memLevel 5 take 32 kB instead of zlib's 256 kB. Measured against the full
 * size: a batch of 75 SELECTs and what is said on an event are the same, a base64 body is 1.4 % more,
 * messages of 4 kB plain text 1.9 %.
 */

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "daemon/deflate.h"

enum {
        INFLATE_WINDOW_BITS = -15, /* negative: raw DEFLATE, RFC 4978 section 3 */
        DEFLATE_WINDOW_BITS = -12,
        DEFLATE_MEMORY_LEVEL = 5,
        STEP_SIZE = 4096, /* output is made in steps of this size */
};

struct Deflate {
        z_stream inflater;
        Buffer input;        /* pushed and not yet inflated */
        bool output_is_full; /* the last read filled the caller's buffer: zlib may hold more */

        z_stream deflater;
        Buffer output;      /* deflated and not yet sent; wiped, it may say a password */
        bool is_unflushed;  /* something was written since the last flush */
        int inflater_error; /* 0, or why the stream is dead */
};

/* zlib's memory holds what was said, so it is wiped before it is given back. The size stands in
 * front. */
typedef union WipedBlock {
        size_t size;
        max_align_t align;
} WipedBlock;

static void *wiped_alloc(void *opaque, unsigned n_items, unsigned item_size) {
        WipedBlock *block;
        size_t size;

        (void) opaque;
        if (__builtin_mul_overflow((size_t) n_items, item_size, &size) ||
            size > SIZE_MAX - sizeof(*block))
                return NULL;

        block = malloc(sizeof(*block) + size);
        if (!block)
                return NULL;
        block->size = size;
        return block + 1;
}

static void wiped_free(void *opaque, void *data) {
        WipedBlock *block = (WipedBlock *) data - 1;

        (void) opaque;
        explicit_bzero(data, block->size);
        free(block);
}

static int error_from_zlib(int code) {
        switch (code) {
        case Z_STREAM_END:
                return -ESHUTDOWN;
        case Z_MEM_ERROR:
                return -ENOMEM;
        default:
                return -EBADMSG;
        }
}

int deflate_new(Deflate **ret_deflate) {
        _cleanup_(deflate_freep) Deflate *d = NULL;
        int code;

        d = malloc(sizeof(*d));
        if (!d)
                return -ENOMEM;
        *d = (Deflate){
                .inflater = {.zalloc = wiped_alloc, .zfree = wiped_free},
                .deflater = {.zalloc = wiped_alloc, .zfree = wiped_free},
        };

        code = inflateInit2(&d->inflater, INFLATE_WINDOW_BITS);
        if (code != Z_OK)
                return -ENOMEM;
        code = deflateInit2(&d->deflater, Z_DEFAULT_COMPRESSION, Z_DEFLATED, DEFLATE_WINDOW_BITS,
                            DEFLATE_MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
        if (code != Z_OK)
                return -ENOMEM;

        *ret_deflate = TAKE_PTR(d);
        return 0;
}

static void output_wipe(Deflate *d) {
        if (d->output.data)
                explicit_bzero(d->output.data, d->output.capacity);
}

/* The ends of a stream that was never begun are no-ops: zlib looks for its state first. */
Deflate *deflate_free(Deflate *d) {
        if (!d)
                return NULL;

        (void) inflateEnd(&d->inflater);
        (void) deflateEnd(&d->deflater);
        buffer_done(&d->input);
        output_wipe(d);
        buffer_done(&d->output);
        free(d);
        return NULL;
}

Buffer *deflate_input(Deflate *d) {
        return &d->input;
}

int deflate_push(Deflate *d, ByteView bytes) {
        return buffer_append_view(&d->input, bytes);
}

bool deflate_has_pending(const Deflate *d) {
        return d->inflater_error == 0 && (d->input.size > 0 || d->output_is_full);
}

ssize_t deflate_read(Deflate *d, void *buffer, size_t size) {
        z_stream *z = &d->inflater;
        size_t n;
        int code;

        if (d->inflater_error < 0)
                return d->inflater_error;
        size = MIN(size, (size_t) INT_MAX);

        z->next_in = (Bytef *) d->input.data;
        z->avail_in = (unsigned) MIN(d->input.size, (size_t) INT_MAX);
        z->next_out = buffer;
        z->avail_out = (unsigned) size;
        code = inflate(z, Z_SYNC_FLUSH);

        n = size - z->avail_out;
        buffer_consume(&d->input, (size_t) ((const char *) z->next_in - d->input.data));
        buffer_trim(&d->input, 0);
        d->output_is_full = z->avail_out == 0;

        /* Z_BUF_ERROR: there was nothing to do, which is no error. Otherwise what was inflated
         * before the end still counts, and nothing can come after it. */
        if (code == Z_OK || code == Z_BUF_ERROR)
                return (ssize_t) n;
        d->inflater_error = error_from_zlib(code);
        return n > 0 ? (ssize_t) n : d->inflater_error;
}

/* Let zlib take its input, or end its block, for as long as it fills what room there is. */
static int deflate_run(Deflate *d, int flush) {
        z_stream *z = &d->deflater;
        int r;

        do {
                r = buffer_reserve(&d->output, STEP_SIZE);
                if (r < 0)
                        return r;
                z->next_out = (Bytef *) d->output.data + d->output.size;
                z->avail_out = STEP_SIZE;
                (void) deflate(z, flush); /* Z_BUF_ERROR at most: nothing left to do */
                d->output.size += STEP_SIZE - z->avail_out;
        } while (z->avail_out == 0);

        assert(z->avail_in == 0);
        return 0;
}

int deflate_write(Deflate *d, ByteView bytes) {
        int r = 0;

        while (bytes.size > 0 && r == 0) {
                size_t n = MIN(bytes.size, (size_t) INT_MAX);

                d->deflater.next_in = (Bytef *) bytes.data;
                d->deflater.avail_in = (unsigned) n;
                d->is_unflushed = true;
                r = deflate_run(d, Z_NO_FLUSH);
                bytes = (ByteView){bytes.data + n, bytes.size - n};
        }

        return r;
}

int deflate_flush(Deflate *d) {
        int r;

        if (!d->is_unflushed)
                return 0;

        d->deflater.avail_in = 0;
        r = deflate_run(d, Z_SYNC_FLUSH);
        if (r == 0)
                d->is_unflushed = false;
        return r;
}

ByteView deflate_output(const Deflate *d) {
        return buffer_view(&d->output);
}

void deflate_sent(Deflate *d, size_t n) {
        if (n == d->output.size) {
                output_wipe(d);
                buffer_done(&d->output);
                return;
        }
        buffer_consume(&d->output, n);
}
