/* SASL: the initial response of PLAIN, and base64 to carry it. */

#include <errno.h>

#include "base/macro.h"
#include "imap/sasl.h"

int base64_encode(ByteView bytes, Buffer *out) {
        static const char alphabet[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        char *p;
        int r;

        if (bytes.size > SIZE_MAX / 2)
                return -E2BIG;
        r = buffer_reserve(out, (bytes.size + 2) / 3 * 4);
        if (r < 0)
                return r;

        p = out->data + out->size;
        for (size_t i = 0; i < bytes.size; i += 3) {
                size_t n = MIN(bytes.size - i, (size_t) 3);
                unsigned bits = 0;

                for (size_t k = 0; k < 3; k++)
                        bits = bits << 8 | (k < n ? (unsigned char) bytes.data[i + k] : 0u);
                for (size_t k = 0; k < 4; k++)
                        *p++ = k <= n ? alphabet[bits >> (18 - 6 * k) & 0x3f] : '=';
        }

        out->size += (bytes.size + 2) / 3 * 4;
        return 0;
}

/* The one place that frees a copy of a secret. */
static void secret_done(Buffer *secret) {
        if (secret->data)
                explicit_bzero(secret->data, secret->capacity);
        buffer_done(secret);
}

int sasl_plain(const char *user, const char *password, Buffer *out) {
        _cleanup_(secret_done) Buffer message = BUFFER_NULL;
        int r;

        if (user[0] == '\0' || password[0] == '\0')
                return -EINVAL;

        /* in one piece, since growing would leave a copy of the password behind */
        r = buffer_reserve(&message, strlen(user) + strlen(password) + 2);
        if (r < 0)
                return r;
        (void) buffer_append(&message, "", 1);
        (void) buffer_append_string(&message, user);
        (void) buffer_append(&message, "", 1);
        (void) buffer_append_string(&message, password);

        return base64_encode(buffer_view(&message), out);
}
