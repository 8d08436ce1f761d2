/* Values of the configuration: text to numbers, times and words. Nothing here touches the world. */

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/macro.h"
#include "config/config-value.h"

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int value_parse_bool(const char *text, bool *ret) {
        static const struct {
                const char *word;
                bool value;
        } words[] = {
                {"yes",   true },
                {"no",    false},
                {"true",  true },
                {"false", false},
                {"on",    true },
                {"off",   false},
                {"1",     true },
                {"0",     false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (bytes_equal_fold(bytes_of(text), bytes_of(words[i].word))) {
                        *ret = words[i].value;
                        return 0;
                }

        return -EINVAL;
}

int value_parse_unsigned(const char *text, uint64_t min, uint64_t max, uint64_t *ret) {
        uint64_t value;

        if (bytes_to_u64(bytes_of(text), max, &value) < 0 || value < min)
                return -EINVAL;

        *ret = value;
        return 0;
}

int value_parse_percent(const char *text, uint64_t *ret) {
        ByteView digits = bytes_of(text);

        if (digits.size > 0 && digits.data[digits.size - 1] == '%')
                digits.size--;
        while (digits.size > 0 && digits.data[digits.size - 1] == ' ')
                digits.size--;

        return bytes_to_u64(digits, 100, ret) < 0 ? -EINVAL : 0;
}

static uint64_t unit_usec(ByteView unit) {
        static const struct {
                const char *name;
                uint64_t usec;
        } units[] = {
                {"",    USEC_PER_SEC    },
                {"s",   USEC_PER_SEC    },
                {"sec", USEC_PER_SEC    },
                {"ms",  USEC_PER_MSEC   },
                {"m",   USEC_PER_MIN    },
                {"min", USEC_PER_MIN    },
                {"h",   USEC_PER_HOUR   },
                {"hr",  USEC_PER_HOUR   },
                {"d",   USEC_PER_DAY    },
                {"w",   7 * USEC_PER_DAY},
        };

        for (size_t i = 0; i < ARRAY_SIZE(units); i++)
                if (bytes_equal(unit, bytes_of(units[i].name)))
                        return units[i].usec;

        return 0;
}

int value_parse_duration(const char *text, uint64_t *ret_usec) {
        uint64_t sum = 0;
        const char *p = text;

        if (!*p)
                return -EINVAL;

        while (*p) {
                ByteView digits = {p, 0}, unit;
                uint64_t n, usec;

                while (is_digit(*p))
                        p++;
                digits.size = (size_t) (p - digits.data);
                p += strspn(p, " ");
                unit = (ByteView){p, 0};
                while (is_letter(*p))
                        p++;
                unit.size = (size_t) (p - unit.data);
                p += strspn(p, " ");

                usec = unit_usec(unit);
                if (usec == 0 || bytes_to_u64(digits, UINT64_MAX / usec, &n) < 0)
                        return -EINVAL;
                if (__builtin_add_overflow(sum, n * usec, &sum))
                        return -EINVAL;
        }

        *ret_usec = sum;
        return 0;
}

int value_parse_age(const char *text, uint64_t *ret_sec) {
        uint64_t usec;
        int r = value_parse_duration(text, &usec);

        if (r < 0 || (usec > 0 && usec < USEC_PER_DAY))
                return -EINVAL;
        *ret_sec = usec / USEC_PER_SEC;
        return 0;
}

int value_split_word(const char *text, char ret_word[static VALUE_WORD_MAX],
                     const char **ret_rest) {
        const size_t size = strcspn(text, " \t");

        if (size >= VALUE_WORD_MAX)
                return -EINVAL;
        memcpy(ret_word, text, size);
        ret_word[size] = '\0';
        *ret_rest = text + size + strspn(text + size, " \t");
        return 0;
}

int value_parse_size(const char *text, uint64_t *ret_bytes) {
        static const char units[] = "kMGT";
        const size_t n_digits = strspn(text, "0123456789");
        const char *unit = text + n_digits, *place = *unit ? strchr(units, *unit) : NULL;
        const unsigned shift = place ? 10 * (unsigned) (place - units + 1) : 0;
        uint64_t n;

        if (*unit && (!place || unit[1]))
                return -EINVAL;
        if (bytes_to_u64((ByteView){text, n_digits}, UINT64_MAX >> shift, &n) < 0)
                return -EINVAL;

        *ret_bytes = n << shift;
        return 0;
}

int value_parse_rate(const char *text, uint64_t *ret_bytes) {
        static const char units[] = "kMG";
        const size_t n_digits = strspn(text, "0123456789");
        const char *rest = text + n_digits + strspn(text + n_digits, " ");
        const char *place = *rest ? strchr(units, *rest) : NULL;
        uint64_t n, factor = 1;

        for (const char *unit = units; place && unit <= place; unit++)
                factor *= 1000;
        rest += place ? 1 : 0;
        rest += *rest == 'B' ? 1 : 0;
        if (strcmp(rest, "/s") != 0 && *rest)
                return -EINVAL;
        if (bytes_to_u64((ByteView){text, n_digits}, UINT64_MAX / factor, &n) < 0)
                return -EINVAL;

        *ret_bytes = n * factor;
        return 0;
}

char *value_format_duration(uint64_t usec, char buffer[static VALUE_DURATION_MAX]) {
        static const struct {
                const char *name;
                uint64_t usec;
        } units[] = {
                {"d",   USEC_PER_DAY },
                {"h",   USEC_PER_HOUR},
                {"min", USEC_PER_MIN },
                {"s",   USEC_PER_SEC },
        };

        for (size_t i = 0; i < ARRAY_SIZE(units); i++)
                if (usec > 0 && usec % units[i].usec == 0) {
                        (void) snprintf(buffer, VALUE_DURATION_MAX, "%llu%s",
                                        (unsigned long long) (usec / units[i].usec), units[i].name);
                        return buffer;
                }

        (void) snprintf(buffer, VALUE_DURATION_MAX, "%llums",
                        (unsigned long long) (usec / USEC_PER_MSEC));
        return buffer;
}

int value_parse_word(const char *text, const char *const *words) {
        for (int i = 0; words[i]; i++)
                if (strcmp(words[i], text) == 0)
                        return i;

        return -EINVAL;
}

/* Insertions, removals and replacements that turn @a into @b; neighbours swapped count as one
 * (optimal string alignment). */
static size_t edit_distance(ByteView a, ByteView b) {
        size_t rows[3][64];

        assert(b.size < ARRAY_SIZE(rows[0]));

        for (size_t j = 0; j <= b.size; j++)
                rows[0][j] = j;

        for (size_t i = 1; i <= a.size; i++) {
                size_t *before = rows[(i + 1) % 3], *above = rows[(i - 1) % 3], *row = rows[i % 3];

                row[0] = i;
                for (size_t j = 1; j <= b.size; j++) {
                        size_t replaced = above[j - 1] + (a.data[i - 1] != b.data[j - 1]);

                        row[j] = MIN(MIN(above[j], row[j - 1]) + 1, replaced);
                        if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
                            a.data[i - 2] == b.data[j - 1])
                                row[j] = MIN(row[j], before[j - 2] + 1);
                }
        }

        return rows[a.size % 3][b.size];
}

const char *value_nearest_word(const char *text, const char *const *words) {
        static const size_t max_size = 40; /* no word of the configuration is longer */
        ByteView typed = bytes_of(text);
        const char *nearest = NULL;
        size_t least = typed.size / 3 + 1;

        if (typed.size > max_size)
                return NULL;

        for (; *words; words++) {
                ByteView word = bytes_of(*words);
                size_t distance;

                if (word.size > max_size)
                        continue;
                distance = edit_distance(typed, word);
                if (distance < least || (distance == least && !nearest && distance < typed.size)) {
                        least = distance;
                        nearest = *words;
                }
        }

        return nearest;
}

bool value_is_name(const char *text, size_t max) {
        size_t n = strlen(text);

        if (n == 0 || n > max || text[0] == '.')
                return false;

        for (size_t i = 0; i < n; i++)
                if (!is_letter(text[i]) && !is_digit(text[i]) && !strchr("-_.", text[i]))
                        return false;

        return true;
}

/* RFC 4007 section 11: a zone may follow. */
static bool is_ipv6(const char *text, size_t size) {
        const char *zone = memchr(text, '%', size);
        const size_t n = zone ? (size_t) (zone - text) : size;
        char address[INET6_ADDRSTRLEN];
        struct in6_addr unused;

        if (n >= sizeof(address))
                return false;
        memcpy(address, text, n);
        address[n] = '\0';
        return inet_pton(AF_INET6, address, &unused) == 1;
}

int value_parse_host(const char *text, char **ret_host) {
        size_t size = strlen(text);
        char *host;

        if (size > 1 && text[0] == '[' && text[size - 1] == ']') {
                text++;
                size -= 2;
                if (!is_ipv6(text, size))
                        return -EINVAL;
        } else if (strpbrk(text, ":[]") && !is_ipv6(text, size))
                return -EINVAL;

        host = strndup(text, size);
        if (!host)
                return -ENOMEM;
        *ret_host = host;
        return 0;
}

/* Four numbers of at most 255, the first of them 127. Not "127.1": what is loopback is plain to see. */
static bool is_loopback_ipv4(const char *host) {
        for (size_t i = 0; i < 4; i++) {
                size_t n = strspn(host, "0123456789");
                uint64_t value;

                if (n > 3 || bytes_to_u64((ByteView){host, n}, 255, &value) < 0)
                        return false;
                if (i == 0 && value != 127)
                        return false;
                if (host[n] != (i < 3 ? '.' : '\0'))
                        return false;
                host += n + 1;
        }

        return true;
}

bool value_is_loopback(const char *host) {
        return bytes_equal_fold(bytes_of(host), BYTES("localhost")) || strcmp(host, "::1") == 0 ||
               is_loopback_ipv4(host);
}

bool value_is_pin(const char *text) {
        static const char hex[] = "0123456789abcdefABCDEF";
        static const char base64[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        static const char prefix[] = "sha256:";

        if (strncmp(text, prefix, strlen(prefix)) != 0)
                return false;
        text += strlen(prefix);

        if (strlen(text) == 64)
                return strspn(text, hex) == 64;

        /* 32 bytes are 43 digits and one "="; the last digit has two bits that must be 0. */
        if (strlen(text) != 44 || strspn(text, base64) != 43 || text[43] != '=')
                return false;
        return ((size_t) (strchr(base64, text[42]) - base64) & 3) == 0;
}
