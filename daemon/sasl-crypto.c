/* Digests, HMAC and PBKDF2 by OpenSSL, and a nonce by the kernel. */

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include "base/macro.h"
#include "daemon/sasl-crypto.h"

static const EVP_MD *md_of(SaslHash hash) {
        switch (hash) {
        case SASL_HASH_MD5:
                return EVP_md5();
        case SASL_HASH_SHA_1:
                return EVP_sha1();
        case SASL_HASH_SHA_256:
                return EVP_sha256();
        }

        abort(); /* the switch is complete */
}

static int digest(SaslHash hash, ByteView data, uint8_t *out) {
        return EVP_Digest(data.data, data.size, out, NULL, md_of(hash), NULL) == 1 ? 0
                                                                                   : -EOPNOTSUPP;
}

static int hmac(SaslHash hash, ByteView key, ByteView data, uint8_t *out) {
        if (key.size > INT_MAX)
                return -E2BIG;
        return HMAC(md_of(hash), key.data, (int) key.size, (const unsigned char *) data.data,
                    data.size, out, NULL)
                       ? 0
                       : -EOPNOTSUPP;
}

static int derive(SaslHash hash, ByteView password, ByteView salt, uint32_t iterations,
                  uint8_t *out) {
        if (password.size > INT_MAX || salt.size > INT_MAX || iterations > INT_MAX)
                return -E2BIG;
        return PKCS5_PBKDF2_HMAC(password.data, (int) password.size,
                                 (const unsigned char *) salt.data, (int) salt.size,
                                 (int) iterations, md_of(hash), (int) sasl_hash_size(hash),
                                 out) == 1
                       ? 0
                       : -EOPNOTSUPP;
}

const SaslCrypto sasl_crypto_openssl = {.digest = digest, .hmac = hmac, .derive = derive};

int sasl_nonce(char nonce[SASL_NONCE_SIZE]) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        char random[18];
        ssize_t n;
        int r;

        n = getrandom(random, sizeof(random), 0);
        if (n < 0)
                return -errno;
        if (n != sizeof(random)) /* never, for so few */
                return -EIO;
        r = base64_encode((ByteView){random, sizeof(random)}, &text);
        if (r < 0)
                return r;
        memcpy(nonce, text.data, text.size);
        nonce[text.size] = '\0';
        return 0;
}
