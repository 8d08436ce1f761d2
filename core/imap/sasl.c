/* SASL: the mechanisms of one step, and base64 to carry them. */

#include <errno.h>

#include "base/macro.h"
#include "imap/sasl.h"

void buffer_wipe(Buffer *buffer) {
        if (buffer->data)
                explicit_bzero(buffer->data, buffer->capacity);
        buffer_done(buffer);
}

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

static int value_of(char c) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four characters to at most three bytes. Return: how many, or -EBADMSG. */
static int decode_group(const char group[4], bool is_last, char out[3]) {
        const int n = group[3] != '=' ? 3 : group[2] != '=' ? 2 : 1;
        unsigned bits = 0;

        if (n < 3 && !is_last)
                return -EBADMSG;
        for (int i = 0; i < 4; i++) {
                const int value = i <= n ? value_of(group[i]) : 0;

                if (value < 0)
                        return -EBADMSG;
                bits = bits << 6 | (unsigned) value;
        }
        if (n < 3 && (bits & (n == 2 ? 0xffu : 0xffffu)) != 0) /* one text for the same bytes */
                return -EBADMSG;

        for (int i = 0; i < 3; i++)
                out[i] = (char) (bits >> (16 - 8 * i) & 0xff);
        return n;
}

int base64_decode(ByteView text, Buffer *out) {
        char *p;
        int r;

        if (text.size % 4 != 0)
                return -EBADMSG;
        r = buffer_reserve(out, text.size / 4 * 3);
        if (r < 0 || text.size == 0)
                return r;

        p = out->data + out->size;
        for (size_t i = 0; i < text.size; i += 4) {
                char bytes[3];

                r = decode_group(text.data + i, i + 4 == text.size, bytes);
                if (r < 0)
                        return r;
                memcpy(p, bytes, (size_t) r);
                p += r;
        }

        out->size = (size_t) (p - out->data);
        return 0;
}

static bool is_carried(const char *text) {
        for (const char *c = text; *c; c++)
                if ((unsigned char) *c < ' ' || *c == 0x7f)
                        return false;

        return text[0] != '\0';
}

int sasl_plain(const char *user, const char *password, Buffer *out) {
        _cleanup_(buffer_wipe) Buffer message = BUFFER_NULL;
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

int sasl_login(const char *user_or_password, Buffer *out) {
        return user_or_password[0] == '\0' ? -EINVAL
                                           : base64_encode(bytes_of(user_or_password), out);
}

int sasl_cram_md5(const char *user, const char *password, ByteView challenge,
                  const SaslCrypto *crypto, Buffer *out) {
        _cleanup_(buffer_wipe) Buffer message = BUFFER_NULL;
        uint8_t mac[SASL_HASH_MAX];
        int r;

        if (user[0] == '\0' || password[0] == '\0')
                return -EINVAL;

        r = crypto->hmac(SASL_HASH_MD5, bytes_of(password), challenge, mac);
        if (r == 0)
                r = buffer_append_format(&message, "%s ", user);
        for (size_t i = 0; r == 0 && i < sasl_hash_size(SASL_HASH_MD5); i++)
                r = buffer_append_format(&message, "%02x", mac[i]);
        return r < 0 ? r : base64_encode(buffer_view(&message), out);
}

/* A "," and a "=" in the name stand for themselves nowhere but here (RFC 5801 section 4). */
static void append_gs2_name(const char *name, Buffer *out) {
        for (; *name; name++) {
                if (*name == ',')
                        (void) buffer_append_string(out, "=2C");
                else if (*name == '=')
                        (void) buffer_append_string(out, "=3D");
                else
                        (void) buffer_append(out, name, 1);
        }
}

int sasl_oauthbearer(const char *user, const char *token, const char *host, unsigned port,
                     Buffer *out) {
        _cleanup_(buffer_wipe) Buffer message = BUFFER_NULL;
        int r;

        if (!is_carried(user) || !is_carried(token))
                return -EINVAL;

        r = buffer_reserve(&message,
                           3 * strlen(user) + strlen(token) + (host ? strlen(host) : 0) + 64);
        if (r < 0)
                return r;
        (void) buffer_append_string(&message, "n,a=");
        append_gs2_name(user, &message);
        (void) buffer_append_string(&message, ",");
        if (host)
                (void) buffer_append_format(&message, "\001host=%s", host);
        if (port > 0)
                (void) buffer_append_format(&message, "\001port=%u", port);
        (void) buffer_append_string(&message, "\001auth=Bearer ");
        (void) buffer_append_string(&message, token);
        (void) buffer_append_string(&message, "\001\001");
        return base64_encode(buffer_view(&message), out);
}

int sasl_xoauth2(const char *user, const char *token, Buffer *out) {
        _cleanup_(buffer_wipe) Buffer message = BUFFER_NULL;
        int r;

        if (!is_carried(user) || !is_carried(token))
                return -EINVAL;

        r = buffer_reserve(&message, strlen(user) + strlen(token) + 32);
        if (r < 0)
                return r;
        (void) buffer_append_string(&message, "user=");
        (void) buffer_append_string(&message, user);
        (void) buffer_append_string(&message, "\001auth=Bearer ");
        (void) buffer_append_string(&message, token);
        (void) buffer_append_string(&message, "\001\001");
        return base64_encode(buffer_view(&message), out);
}

int sasl_external(const char *user, Buffer *out) {
        return user[0] == '\0' ? -EINVAL : base64_encode(bytes_of(user), out);
}
