#pragma once

/*
 * SASL mechanisms of one step, as functions on bytes, and base64 to carry them
 *
 * RFC 4616 PLAIN, draft-murchison-sasl-login LOGIN, RFC 2195 CRAM-MD5, RFC 7628 OAUTHBEARER, Google's XOAUTH2, RFC 4422 EXTERNAL; SCRAM has
 * a file of its own.
 */

#include "base/bytes.h"

typedef enum SaslHash {
        SASL_HASH_MD5,
        SASL_HASH_SHA_1,
        SASL_HASH_SHA_256,
} SaslHash;

#define SASL_HASH_MAX 32u /* bytes */

static inline size_t sasl_hash_size(SaslHash hash) {
        return hash == SASL_HASH_MD5 ? 16 : hash == SASL_HASH_SHA_1 ? 20 : 32;
}

/* Whoever has OpenSSL hands it in. @out: as many bytes as the hash has. Return: 0, or a negative errno
 * (-EOPNOTSUPP where the system forbids the hash). */
typedef struct SaslCrypto {
        int (*digest)(SaslHash hash, ByteView data, uint8_t *out);
        int (*hmac)(SaslHash hash, ByteView key, ByteView data, uint8_t *out);
        /* PBKDF2 with the HMAC of @hash */
        int (*derive)(SaslHash hash, ByteView password, ByteView salt, uint32_t iterations,
                      uint8_t *out);
} SaslCrypto;

/* For buffers that have held a secret. They are made large enough first: realloc(3) would leave
 * copies behind. */
void buffer_wipe(Buffer *buffer);

/* Append @bytes in base64 (RFC 4648). Return: 0, -ENOMEM, -E2BIG. */
int base64_encode(ByteView bytes, Buffer *out);

/* Append what @text stands for: with its padding, and nothing but the alphabet. Return: 0, -EBADMSG,
 * -ENOMEM, -E2BIG; @out is as it was on failure. */
int base64_decode(ByteView text, Buffer *out);

/*
 * All of these append in base64, and the caller wipes @out (explicit_bzero) when it has been sent.
 * -EINVAL for what cannot be carried: an empty user or secret, or for the two of OAuth a control character.
 */

/* NUL user NUL password */
int sasl_plain(const char *user, const char *password, Buffer *out);

/* LOGIN: one of the two, as the server asks for them one after the other. */
int sasl_login(const char *user_or_password, Buffer *out);

/* The user and the HMAC-MD5 of the challenge, which is not in base64 any more. */
int sasl_cram_md5(const char *user, const char *password, ByteView challenge,
                  const SaslCrypto *crypto, Buffer *out);

/* @host, @port: as they were dialled; NULL, 0: not known */
int sasl_oauthbearer(const char *user, const char *token, const char *host, unsigned port,
                     Buffer *out);
int sasl_xoauth2(const char *user, const char *token, Buffer *out);
int sasl_external(const char *user, Buffer *out);
