/* Deflate: the same bytes however they are cut, one flush a batch, and a bomb that stays small. */

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/macro.h"
#include "daemon/deflate.h"
#include "test.h"

/* What a server would say: raw DEFLATE with the largest window, flushed but not ended. */
static size_t server_says(const void *data, size_t size, int flush, char *out, size_t room) {
        z_stream z = {};

        assert(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) == Z_OK);
        z.next_in = (Bytef *) data;
        z.avail_in = (unsigned) size;
        z.next_out = (Bytef *) out;
        z.avail_out = (unsigned) room;
        assert(deflate(&z, flush) >= 0);
        assert(z.avail_in == 0 && z.avail_out > 0);
        room -= z.avail_out;
        deflateEnd(&z);
        return room;
}

static void read_all(Deflate *d, Buffer *out, size_t piece) {
        char buffer[64];
        ssize_t n;

        assert(piece <= sizeof(buffer));
        while ((n = deflate_read(d, buffer, piece)) > 0)
                assert(buffer_append(out, buffer, (size_t) n) == 0);
        assert(n == 0);
        assert(!deflate_has_pending(d));
}

static const char dialogue[] = "* STATUS A (MESSAGES 5 UIDNEXT 6)\r\n* STATUS B (MESSAGES 6)\r\n"
                               "* STATUS A (MESSAGES 7 UIDNEXT 8)\r\n";

static void test_split_everywhere(void) {
        char wire[256];
        size_t size = server_says(dialogue, strlen(dialogue), Z_SYNC_FLUSH, wire, sizeof(wire));

        for (size_t cut = 0; cut <= size; cut++) {
                for (size_t piece = 1; piece <= 64; piece += 21) {
                        _cleanup_(deflate_freep) Deflate *d = NULL;
                        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

                        assert(deflate_new(&d) == 0);
                        assert(deflate_push(d, (ByteView){wire, cut}) == 0);
                        read_all(d, &out, piece);
                        assert(deflate_push(d, (ByteView){wire + cut, size - cut}) == 0);
                        read_all(d, &out, piece);
                        assert(bytes_equal(buffer_view(&out), bytes_of(dialogue)));
                }
        }
}

static void test_byte_by_byte(void) {
        _cleanup_(deflate_freep) Deflate *d = NULL;
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        char wire[256];
        size_t size = server_says(dialogue, strlen(dialogue), Z_SYNC_FLUSH, wire, sizeof(wire));

        assert(deflate_new(&d) == 0);
        for (size_t i = 0; i < size; i++) {
                assert(deflate_push(d, (ByteView){wire + i, 1}) == 0);
                read_all(d, &out, 64);
        }
        assert(bytes_equal(buffer_view(&out), bytes_of(dialogue)));
}

static void test_broken(void) {
        static const struct {
                const char *label;
                ByteView wire;
                int error;
                ByteView inflated; /* before it broke; BYTES_NULL: whatever it means */
        } rows[] = {
                {"reserved block type",  {"\x07", 1},                     -EBADMSG,   {"", 0}   },
                {"IMAP, not DEFLATE",    {"* OK still in clear\r\n", 21}, -EBADMSG,   BYTES_NULL},
                {"stored length broken", {"\x00\x01\x00\xff\xff", 5},     -EBADMSG,   {"", 0}   },
                {"distance too far",     {"\x02\x02\x00", 3},             -EBADMSG,   {"", 0}   },
                {"stream ended",         {"\x01\x02\x00\xfd\xffxy", 7},   -ESHUTDOWN, {"xy", 2} },
                {"bytes after the end",  {"\x01\x02\x00\xfd\xffxyz", 8},  -ESHUTDOWN, {"xy", 2} },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(deflate_freep) Deflate *d = NULL;
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
                char buffer[64];
                ssize_t n;

                assert(deflate_new(&d) == 0);
                assert(deflate_push(d, rows[i].wire) == 0);
                while ((n = deflate_read(d, buffer, sizeof(buffer))) > 0)
                        assert(buffer_append(&out, buffer, (size_t) n) == 0);

                TEST_ROW(rows[i].label, n == rows[i].error);
                if (rows[i].inflated.data)
                        TEST_ROW(rows[i].label, bytes_equal(buffer_view(&out), rows[i].inflated));
                TEST_ROW(rows[i].label, !deflate_has_pending(d));
                assert(deflate_push(d, BYTES("\x00\x00\x00\xff\xff")) == 0);
                TEST_ROW(rows[i].label, deflate_read(d, buffer, sizeof(buffer)) == rows[i].error);
        }
}

/* 16 MB in 16 kB: they leave in pieces of the reader's size, and what is held never grows. */
static void test_bomb(void) {
        enum { SIZE = 16 << 20 };
        _cleanup_(deflate_freep) Deflate *d = NULL;
        char *zeros = calloc(1, SIZE), *wire = malloc(64 << 10);
        size_t total = 0, size, n_reads = 0;
        char buffer[16384];
        ssize_t n;

        assert(zeros && wire);
        size = server_says(zeros, SIZE, Z_SYNC_FLUSH, wire, 64 << 10);
        assert(size < 20000);

        assert(deflate_new(&d) == 0);
        assert(deflate_push(d, (ByteView){wire, size}) == 0);
        while ((n = deflate_read(d, buffer, sizeof(buffer))) > 0) {
                assert((size_t) n <= sizeof(buffer));
                assert(deflate_input(d)->capacity <= size);
                total += (size_t) n;
                n_reads++;
                assert(deflate_has_pending(d) || total == SIZE);
        }
        assert(n == 0 && total == SIZE && n_reads >= SIZE / sizeof(buffer));
        assert(deflate_input(d)->capacity == 0);

        free(zeros);
        free(wire);
}

/* The last bytes of a block are there without more input, even if a read stopped at the very end of
 * its buffer. */
static void test_pending_when_full(void) {
        _cleanup_(deflate_freep) Deflate *d = NULL;
        char wire[256], buffer[64];
        size_t size = server_says(dialogue, strlen(dialogue), Z_SYNC_FLUSH, wire, sizeof(wire));

        assert(deflate_new(&d) == 0);
        assert(!deflate_has_pending(d));
        assert(deflate_push(d, (ByteView){wire, size}) == 0);
        assert(deflate_has_pending(d));
        assert(deflate_read(d, buffer, 16) == 16);
        assert(deflate_has_pending(d));
}

static void inflate_all(z_stream *z, ByteView wire, Buffer *out) {
        assert(buffer_reserve(out, 1 << 20) == 0);
        z->next_in = (Bytef *) wire.data;
        z->avail_in = (unsigned) wire.size;
        z->next_out = (Bytef *) out->data + out->size;
        z->avail_out = 1 << 20;
        assert(inflate(z, Z_SYNC_FLUSH) >= 0);
        assert(z->avail_in == 0);
        out->size += (1 << 20) - z->avail_out;
}

/* What a server with a plain inflater understands: after each flush everything, and before it
 * nothing was lost, however slowly the output is taken. */
static void test_write(void) {
        static const struct {
                const char *label;
                size_t size; /* of the batch */
                size_t sent; /* output is taken in pieces of this size */
        } rows[] = {
                {"empty",                0,      1    },
                {"one byte",             1,      1    },
                {"one command",          40,     7    },
                {"a window",             8192,   100  },
                {"more than one window", 300000, 16384},
        };
        _cleanup_(deflate_freep) Deflate *d = NULL;
        z_stream z = {};

        assert(deflate_new(&d) == 0);
        assert(inflateInit2(&z, -15) == Z_OK);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer in = BUFFER_NULL, out = BUFFER_NULL;

                assert(buffer_reserve(&in, rows[i].size + 1) == 0);
                for (size_t k = 0; k < rows[i].size; k++)
                        in.data[in.size++] = (char) ((k * k) >> 3);

                assert(deflate_write(d, buffer_view(&in)) == 0);
                assert(deflate_flush(d) == 0);
                while (deflate_output(d).size > 0) {
                        ByteView wire = deflate_output(d);

                        wire.size = MIN(wire.size, rows[i].sent);
                        inflate_all(&z, wire, &out);
                        deflate_sent(d, wire.size);
                }
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&in), buffer_view(&out)));
        }
        inflateEnd(&z);
}

/* A flush costs an empty stored block, 00 00 FF FF; a flush with nothing said costs nothing. */
static void test_one_flush_a_batch(void) {
        _cleanup_(deflate_freep) Deflate *d = NULL;
        ByteView wire;

        assert(deflate_new(&d) == 0);
        assert(deflate_flush(d) == 0);
        assert(deflate_output(d).size == 0);

        assert(deflate_write(d, BYTES("a1 NOOP\r\n")) == 0);
        assert(deflate_write(d, BYTES("a2 NOOP\r\n")) == 0);
        assert(deflate_flush(d) == 0);
        assert(deflate_flush(d) == 0);

        wire = deflate_output(d);
        assert(wire.size > 4);
        assert(memcmp(wire.data + wire.size - 4, "\x00\x00\xff\xff", 4) == 0);
        assert(memmem(wire.data, wire.size - 1, "\x00\x00\xff\xff", 4) == NULL);
        deflate_sent(d, wire.size);
        assert(deflate_output(d).size == 0);
}

int main(void) {
        test_split_everywhere();
        test_byte_by_byte();
        test_broken();
        test_bomb();
        test_pending_when_full();
        test_write();
        test_one_flush_a_batch();
        return 0;
}
