/* SHA-256 by OpenSSL. */

#include <openssl/evp.h>

#include "daemon/digest.h"

static void *digest_begin(void) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();

        if (context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
                EVP_MD_CTX_free(context);
                return NULL;
        }
        return context;
}

static void digest_update(void *digest, ByteView bytes) {
        (void) EVP_DigestUpdate(digest, bytes.data, bytes.size);
}

static size_t digest_end(void *digest, char out[64]) {
        unsigned size = 0;

        if (EVP_DigestFinal_ex(digest, (unsigned char *) out, &size) != 1)
                size = 0;
        EVP_MD_CTX_free(digest);
        return size;
}

const EngineDigest digest_sha256 = {
        .begin = digest_begin,
        .update = digest_update,
        .end = digest_end,
};
