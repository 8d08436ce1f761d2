/*
 * Fuzz SCRAM with what a server says: nobody is taken for the server without the right signature
 *
 * The first byte chooses hash and binding; the first line is the server's first message ("@" stands for our
 * nonce), the second its last. The hash is a toy, since what is tried here is the parser.
 */

#include <errno.h>

#include "imap/scram.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NONCE "fyko+d2lbbFgONRv9qkxdawL"

static uint32_t mix(uint32_t state, ByteView data) {
        for (size_t i = 0; i < data.size; i++)
                state = (state ^ (uint8_t) data.data[i]) * 16777619u;
        return state;
}

static int spread(SaslHash hash, uint32_t state, uint8_t *out) {
        for (size_t i = 0; i < sasl_hash_size(hash); i++) {
                state = state * 1664525u + 1013904223u;
                out[i] = (uint8_t) (state >> 24);
        }
        return 0;
}

static int toy_digest(SaslHash hash, ByteView data, uint8_t *out) {
        return spread(hash, mix(2166136261u, data), out);
}

static int toy_hmac(SaslHash hash, ByteView key, ByteView data, uint8_t *out) {
        return spread(hash, mix(mix(1u, key), data), out);
}

static int toy_derive(SaslHash hash, ByteView password, ByteView salt, uint32_t iterations,
                      uint8_t *out) {
        assert(iterations >= SCRAM_ITERATIONS_MIN && iterations <= SCRAM_ITERATIONS_MAX);
        assert(salt.size > 0);
        return spread(hash, mix(mix(iterations, password), salt), out);
}

static const SaslCrypto toy = {toy_digest, toy_hmac, toy_derive};

/* What we said can be read by a server, and has the nonce of both. */
static void check_answer(ByteView answer) {
        ByteView part = bytes_take_until(&answer, ',');

        assert(part.size > 2 && memcmp(part.data, "c=", 2) == 0);
        part = bytes_take_until(&answer, ',');
        assert(part.size > 2 + strlen(NONCE) &&
               memcmp(part.data, "r=" NONCE, 2 + strlen(NONCE)) == 0);
        part = bytes_take_until(&answer, ',');
        assert(part.size > 2 && memcmp(part.data, "p=", 2) == 0 && answer.size == 0);
}

/* The first message, with our nonce put in. */
static void fill_in(ByteView text, Buffer *out) {
        for (size_t i = 0; i < text.size; i++) {
                if (text.data[i] == '@')
                        assert(buffer_append_string(out, NONCE) == 0);
                else
                        assert(buffer_append(out, text.data + i, 1) == 0);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(scram_freep) Scram *scram = NULL;
        _cleanup_(buffer_done) Buffer first = BUFFER_NULL, said = BUFFER_NULL, answer = BUFFER_NULL;
        ScramOptions options = {
                .exporter = {"0123456789abcdef0123456789abcdef", 32},
                .user = "us,er=",
                .password = "pencil",
                .nonce = NONCE,
                .crypto = &toy,
        };
        ByteView rest;
        int r;

        if (size < 1)
                return 0;
        options.hash = data[0] & 1 ? SASL_HASH_SHA_1 : SASL_HASH_SHA_256;
        options.binding = (ScramBinding) ((data[0] >> 1) % 3);
        rest = (ByteView){(const char *) data + 1, size - 1};

        assert(scram_new(&options, &scram) == 0);
        assert(scram_first(scram, &first) == 0);
        fill_in(bytes_take_until(&rest, '\n'), &said);
        r = scram_answer(scram, buffer_view(&said), &answer);
        assert(r >= 0 && r < _SCRAM_E_MAX);
        assert((r == 0) == (answer.size > 0));
        if (r == 0)
                check_answer(buffer_view(&answer));
        else
                assert(scram_complaint(r));

        assert(!scram_is_verified(scram));
        r = scram_verify(scram, rest);
        assert(r >= 0 && r < _SCRAM_E_MAX);
        assert(scram_is_verified(scram) == (r == 0));
        if (answer.size == 0)
                assert(r != 0); /* who has not got the proof cannot have the signature */
        return 0;
}
