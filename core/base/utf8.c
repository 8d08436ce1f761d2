/* UTF-8: the code point at the beginning of some bytes. */

#include "base/utf8.h"

/* How many bytes a sequence with this first byte takes, its own bits of the code point, and the
 * smallest code point that needs so many (RFC 3629 section 3). */
static size_t decode_first(unsigned char first, uint32_t *ret_bits, uint32_t *ret_smallest) {
        if (first < 0x80) {
                *ret_bits = first;
                *ret_smallest = 0;
                return 1;
        }
        if (first >= 0xc2 && first <= 0xdf) {
                *ret_bits = first & 0x1f;
                *ret_smallest = 0x80;
                return 2;
        }
        if (first >= 0xe0 && first <= 0xef) {
                *ret_bits = first & 0x0f;
                *ret_smallest = 0x800;
                return 3;
        }
        if (first >= 0xf0 && first <= 0xf4) {
                *ret_bits = first & 0x07;
                *ret_smallest = 0x10000;
                return 4;
        }
        return 0;
}

size_t utf8_decode(ByteView bytes, uint32_t *ret_code) {
        uint32_t code, smallest;
        size_t n;

        if (bytes.size == 0)
                return 0;
        n = decode_first((unsigned char) bytes.data[0], &code, &smallest);
        if (n == 0 || n > bytes.size)
                return 0;

        for (size_t i = 1; i < n; i++) {
                unsigned char c = (unsigned char) bytes.data[i];

                if ((c & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (c & 0x3f);
        }

        if (code < smallest || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
                return 0;
        *ret_code = code;
        return n;
}

bool utf8_is_valid(ByteView bytes) {
        while (bytes.size > 0) {
                uint32_t code;
                size_t n = utf8_decode(bytes, &code);

                if (n == 0)
                        return false;
                bytes = (ByteView){bytes.data + n, bytes.size - n};
        }

        return true;
}

bool utf8_is_unsafe(uint32_t code) {
        if (code < 0x20 || (code >= 0x7f && code <= 0x9f))
                return true; /* C0, DEL, C1 */
        if (code == 0x2028 || code == 0x2029)
                return true; /* line and paragraph separator */
        /* marks, embeddings, overrides and isolates of direction (Unicode UAX #9) */
        return code == 0x061c || code == 0x200e || code == 0x200f ||
               (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}
