/* MD5 (RFC 1321). */

#include <stdio.h>

#include "import/md5.h"

typedef struct Md5 {
        uint32_t word[4];
} Md5;

static const uint8_t turns[4][4] = {
        {7, 12, 17, 22},
        {5, 9,  14, 20},
        {4, 11, 16, 23},
        {6, 10, 15, 21},
};

/* floor(2^32 * abs(sin(i + 1))) */
static const uint32_t sines[64] = {
        0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613,
        0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193,
        0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d,
        0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
        0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
        0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
        0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244,
        0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
        0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
        0xeb86d391,
};

/* The function of a round, and which word of the block its step takes. */
static uint32_t mix(const uint32_t w[4], unsigned step, unsigned *ret_source) {
        const uint32_t b = w[1], c = w[2], d = w[3];

        switch (step / 16) {
        case 0:
                *ret_source = step;
                return (b & c) | (~b & d);
        case 1:
                *ret_source = (5 * step + 1) % 16;
                return (b & d) | (c & ~d);
        case 2:
                *ret_source = (3 * step + 5) % 16;
                return b ^ c ^ d;
        default:
                *ret_source = 7 * step % 16;
                return c ^ (b | ~d);
        }
}

static void take_block(Md5 *md5, const uint8_t block[64]) {
        uint32_t w[4], source[16];

        memcpy(w, md5->word, sizeof(w));
        for (size_t i = 0; i < 16; i++)
                source[i] = (uint32_t) block[4 * i] | (uint32_t) block[4 * i + 1] << 8 |
                            (uint32_t) block[4 * i + 2] << 16 | (uint32_t) block[4 * i + 3] << 24;

        for (unsigned step = 0; step < 64; step++) {
                const unsigned turn = turns[step / 16][step % 4];
                unsigned from;
                uint32_t sum = mix(w, step, &from);

                sum += w[0] + sines[step] + source[from];
                w[0] = w[3];
                w[3] = w[2];
                w[2] = w[1];
                w[1] += sum << turn | sum >> (32 - turn);
        }
        for (size_t i = 0; i < 4; i++)
                md5->word[i] += w[i];
}

/* What is left of the bytes, a one, zeros, and how many bits they were. */
static void take_end(Md5 *md5, ByteView rest, uint64_t n_bytes) {
        uint8_t block[128] = {0};
        const size_t n = rest.size < 56 ? 64 : 128;

        if (rest.size > 0)
                memcpy(block, rest.data, rest.size);
        block[rest.size] = 0x80;
        for (size_t i = 0; i < 8; i++)
                block[n - 8 + i] = (uint8_t) (n_bytes * 8 >> 8 * i);
        take_block(md5, block);
        if (n == 128)
                take_block(md5, block + 64);
}

void md5_hex(ByteView bytes, char ret_hex[MD5_HEX + 1]) {
        Md5 md5 = {
                {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}
        };
        ByteView rest = bytes;

        for (; rest.size >= 64; rest = (ByteView){rest.data + 64, rest.size - 64}) {
                uint8_t block[64];

                memcpy(block, rest.data, sizeof(block));
                take_block(&md5, block);
        }
        take_end(&md5, rest, bytes.size);

        for (size_t i = 0; i < 16; i++)
                (void) snprintf(ret_hex + 2 * i, 3, "%02x",
                                (unsigned) (md5.word[i / 4] >> 8 * (i % 4) & 0xff));
}
