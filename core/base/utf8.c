/* UTF-8: how long a sequence is, and whether it is one. */

#include "base/utf8.h"
#include "base/macro.h"

size_t utf8_sequence(ByteView bytes) {
        static const struct {
                unsigned char lead_min, lead_max, second_min, second_max;
                size_t size;
        } forms[] = {
                {0x00, 0x7F, 0x00, 0x00, 1},
                {0xC2, 0xDF, 0x80, 0xBF, 2},
                {0xE0, 0xE0, 0xA0, 0xBF, 3},
                {0xE1, 0xEC, 0x80, 0xBF, 3},
                {0xED, 0xED, 0x80, 0x9F, 3},
                {0xEE, 0xEF, 0x80, 0xBF, 3},
                {0xF0, 0xF0, 0x90, 0xBF, 4},
                {0xF1, 0xF3, 0x80, 0xBF, 4},
                {0xF4, 0xF4, 0x80, 0x8F, 4},
        };
        const unsigned char *p = (const unsigned char *) bytes.data;

        for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
                if (p[0] < forms[i].lead_min || p[0] > forms[i].lead_max)
                        continue;
                if (forms[i].size > bytes.size)
                        return 0;
                if (forms[i].size > 1 && (p[1] < forms[i].second_min || p[1] > forms[i].second_max))
                        return 0;
                for (size_t k = 2; k < forms[i].size; k++)
                        if ((p[k] & 0xC0) != 0x80)
                                return 0;
                return forms[i].size;
        }

        return 0;
}

bool utf8_is_valid(ByteView bytes) {
        while (bytes.size > 0) {
                size_t n = utf8_sequence(bytes);

                if (n == 0)
                        return false;
                bytes = (ByteView){bytes.data + n, bytes.size - n};
        }

        return true;
}
