/* SCRAM: the client's side. */

#include <errno.h>

#include "imap/scram.h"

struct Scram {
        ScramOptions options;
        Buffer bare; /* client-first-message-bare: part of what is signed */
        bool has_answered, is_verified;
        uint8_t signature[SASL_HASH_MAX]; /* that the server is to send */
        Buffer error;
};

int scram_new(const ScramOptions *options, Scram **ret_scram) {
        _cleanup_(scram_freep) Scram *scram = calloc(1, sizeof(*scram));
        int r;

        if (!scram)
                return -ENOMEM;
        scram->options = *options;

        r = buffer_append_string(&scram->bare, "n=");
        for (const char *c = options->user; r == 0 && *c; c++) {
                if (*c == ',')
                        r = buffer_append_string(&scram->bare, "=2C");
                else if (*c == '=')
                        r = buffer_append_string(&scram->bare, "=3D");
                else
                        r = buffer_append(&scram->bare, c, 1);
        }
        if (r == 0)
                r = buffer_append_format(&scram->bare, ",r=%s", options->nonce);
        if (r < 0)
                return r;

        *ret_scram = TAKE_PTR(scram);
        return 0;
}

Scram *scram_free(Scram *scram) {
        if (!scram)
                return NULL;

        buffer_done(&scram->bare);
        buffer_done(&scram->error);
        explicit_bzero(scram, sizeof(*scram));
        free(scram);
        return NULL;
}

static const char *gs2_header(const Scram *scram) {
        switch (scram->options.binding) {
        case SCRAM_BINDING_NONE:
                return "n,,";
        case SCRAM_BINDING_SUPPORTED:
                return "y,,";
        case SCRAM_BINDING_USED:
                return "p=tls-exporter,,";
        }

        abort(); /* the switch is complete */
}

int scram_first(const Scram *scram, Buffer *out) {
        int r = buffer_append_string(out, gs2_header(scram));

        return r < 0 ? r : buffer_append_view(out, buffer_view(&scram->bare));
}

/* Take "@letter=value" off @rest. Return: is it there? */
static bool take(ByteView *rest, char letter, ByteView *ret_value) {
        ByteView part;

        if (rest->size < 2 || rest->data[0] != letter || rest->data[1] != '=')
                return false;
        part = bytes_take_until(rest, ',');
        *ret_value = (ByteView){part.data + 2, part.size - 2};
        return true;
}

typedef struct ServerFirst {
        ByteView nonce;
        Buffer salt; /* owned */
        uint32_t iterations;
} ServerFirst;

static void server_first_done(ServerFirst *first) {
        buffer_done(&first->salt);
}

static bool is_printable(ByteView bytes) {
        for (size_t i = 0; i < bytes.size; i++)
                if (bytes.data[i] <= ' ' || bytes.data[i] >= 0x7f)
                        return false;

        return true;
}

static int parse_first(const Scram *scram, ByteView text, ServerFirst *first) {
        const ByteView nonce = bytes_of(scram->options.nonce);
        ByteView salt, iterations;
        uint64_t n;
        int r;

        if (text.size >= 2 && memcmp(text.data, "m=", 2) == 0)
                return SCRAM_E_EXTENSION;
        if (!take(&text, 'r', &first->nonce) || !take(&text, 's', &salt) ||
            !take(&text, 'i', &iterations) || !is_printable(first->nonce))
                return SCRAM_E_SYNTAX;
        if (first->nonce.size <= nonce.size ||
            memcmp(first->nonce.data, nonce.data, nonce.size) != 0)
                return SCRAM_E_NONCE;

        r = base64_decode(salt, &first->salt);
        if (r == -EBADMSG || (r == 0 && first->salt.size == 0))
                return SCRAM_E_SYNTAX;
        if (r < 0)
                return r;

        if (iterations.size == 0 || iterations.data[0] == '0')
                return SCRAM_E_SYNTAX;
        for (size_t i = 0; i < iterations.size; i++)
                if (iterations.data[i] < '0' || iterations.data[i] > '9')
                        return SCRAM_E_SYNTAX;
        if (bytes_to_u64(iterations, SCRAM_ITERATIONS_MAX, &n) < 0 || n < SCRAM_ITERATIONS_MIN)
                return SCRAM_E_ITERATIONS;
        first->iterations = (uint32_t) n;
        return 0;
}

/* "c=...,r=...": what was said of channel binding comes again, so that nobody can have changed it. */
static int append_without_proof(const Scram *scram, ByteView nonce, Buffer *out) {
        _cleanup_(buffer_done) Buffer binding = BUFFER_NULL;
        int r;

        r = buffer_append_string(&binding, gs2_header(scram));
        if (r == 0 && scram->options.binding == SCRAM_BINDING_USED)
                r = buffer_append_view(&binding, scram->options.exporter);
        if (r == 0)
                r = buffer_append_string(out, "c=");
        if (r == 0)
                r = base64_encode(buffer_view(&binding), out);
        if (r == 0)
                r = buffer_append_string(out, ",r=");
        return r < 0 ? r : buffer_append_view(out, nonce);
}

typedef struct Keys {
        uint8_t salted[SASL_HASH_MAX], client[SASL_HASH_MAX], stored[SASL_HASH_MAX];
        uint8_t server[SASL_HASH_MAX], proof[SASL_HASH_MAX];
} Keys;

static void keys_wipe(Keys *keys) {
        explicit_bzero(keys, sizeof(*keys));
}

/* RFC 5802 section 3; @message is its AuthMessage. */
static int make_proof(Scram *scram, const ServerFirst *first, ByteView message, Keys *keys) {
        const SaslCrypto *crypto = scram->options.crypto;
        const SaslHash hash = scram->options.hash;
        const size_t n = sasl_hash_size(hash);
        const ByteView salted = {(const char *) keys->salted, n};
        int r;

        r = crypto->derive(hash, bytes_of(scram->options.password), buffer_view(&first->salt),
                           first->iterations, keys->salted);
        if (r == 0)
                r = crypto->hmac(hash, salted, BYTES("Client Key"), keys->client);
        if (r == 0)
                r = crypto->digest(hash, (ByteView){(const char *) keys->client, n}, keys->stored);
        if (r == 0)
                r = crypto->hmac(hash, (ByteView){(const char *) keys->stored, n}, message,
                                 keys->proof);
        if (r == 0)
                r = crypto->hmac(hash, salted, BYTES("Server Key"), keys->server);
        if (r == 0)
                r = crypto->hmac(hash, (ByteView){(const char *) keys->server, n}, message,
                                 scram->signature);
        for (size_t i = 0; i < n; i++)
                keys->proof[i] ^= keys->client[i];
        return r;
}

int scram_answer(Scram *scram, ByteView server_first, Buffer *out) {
        _cleanup_(server_first_done) ServerFirst first = {};
        _cleanup_(buffer_done) Buffer last = BUFFER_NULL, message = BUFFER_NULL;
        _cleanup_(keys_wipe) Keys keys = {};
        int r;

        r = parse_first(scram, server_first, &first);
        if (r != 0)
                return r;

        r = append_without_proof(scram, first.nonce, &last);
        if (r == 0)
                r = buffer_append_view(&message, buffer_view(&scram->bare));
        if (r == 0)
                r = buffer_append_string(&message, ",");
        if (r == 0)
                r = buffer_append_view(&message, server_first);
        if (r == 0)
                r = buffer_append_string(&message, ",");
        if (r == 0)
                r = buffer_append_view(&message, buffer_view(&last));
        if (r == 0)
                r = make_proof(scram, &first, buffer_view(&message), &keys);
        if (r == 0)
                r = buffer_append_string(&last, ",p=");
        if (r == 0)
                r = base64_encode(
                        (ByteView){(const char *) keys.proof, sasl_hash_size(scram->options.hash)},
                        &last);
        if (r == 0)
                r = buffer_append_view(out, buffer_view(&last));
        scram->has_answered = r == 0;
        return r;
}

/* In the same time whatever differs. */
static bool is_same(const uint8_t *a, const char *b, size_t n) {
        unsigned difference = 0;

        for (size_t i = 0; i < n; i++)
                difference |= a[i] ^ (uint8_t) b[i];
        return difference == 0;
}

int scram_verify(Scram *scram, ByteView server_last) {
        _cleanup_(buffer_done) Buffer signature = BUFFER_NULL;
        ByteView value;
        int r;

        if (take(&server_last, 'e', &value)) {
                scram->error.size = 0;
                r = buffer_append_view(&scram->error, value);
                return r < 0 ? r : SCRAM_E_SERVER;
        }
        if (!scram->has_answered || !take(&server_last, 'v', &value))
                return SCRAM_E_SYNTAX;

        r = base64_decode(value, &signature);
        if (r == -EBADMSG)
                return SCRAM_E_SYNTAX;
        if (r < 0)
                return r;
        if (signature.size != sasl_hash_size(scram->options.hash) ||
            !is_same(scram->signature, signature.data, signature.size))
                return SCRAM_E_SIGNATURE;

        scram->is_verified = true;
        return 0;
}

bool scram_is_verified(const Scram *scram) {
        return scram && scram->is_verified;
}

ByteView scram_error(const Scram *scram) {
        return buffer_view(&scram->error);
}

const char *scram_complaint(int error) {
        static const char *const complaints[_SCRAM_E_MAX] = {
                [SCRAM_E_SYNTAX] = "says something that is no SCRAM",
                [SCRAM_E_NONCE] = "answers to something that was not asked",
                [SCRAM_E_ITERATIONS] =
                        "wants the password to be hashed fewer than 4096 times, or more "
                        "than 2000000 times",
                [SCRAM_E_EXTENSION] = "wants an extension of SCRAM that is not known here",
                [SCRAM_E_SIGNATURE] =
                        "cannot prove that it knows the password: it may be another one "
                        "that pretends to be it",
                [SCRAM_E_SERVER] = "refuses the login",
        };

        return complaints[error];
}
