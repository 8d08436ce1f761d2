/* Mailbox names: modified UTF-7 with any delimiter on the wire, UTF-8 with "/" everywhere else. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/macro.h"
#include "base/utf8.h"
#include "imap/mailbox-name.h"

#define LEVEL_SIZE_MAX 255u /* NAME_MAX of every file system that matters */
#define NAME_SIZE_MAX  4000u

/* Modified base64 (RFC 3501 section 5.1.3): "," in the place of "/", which delimits levels. */
static const char base64_alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static const ByteView inbox = BYTES("INBOX");

static bool is_high_surrogate(uint32_t unit) {
        return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(uint32_t unit) {
        return unit >= 0xdc00 && unit <= 0xdfff;
}

static bool is_control(uint32_t code) {
        return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

static bool has_8bit(ByteView bytes) {
        for (size_t i = 0; i < bytes.size; i++)
                if ((unsigned char) bytes.data[i] >= 0x80)
                        return true;

        return false;
}

/* A letter, a digit or "&" could not be told from the name itself. */
static bool is_delimiter(char c) {
        if (c == '\0')
                return true;

        return c > ' ' && c < 0x7f && c != '&' &&
               !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
}

static int append_utf8(Buffer *out, uint32_t code) {
        char bytes[4];
        size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

        for (size_t i = n - 1; i > 0; i--) {
                bytes[i] = (char) (0x80 | (code & 0x3f));
                code >>= 6;
        }
        bytes[0] = (char) (n == 1 ? code : (0xf00u >> n & 0xff) | code);

        return buffer_append(out, bytes, n);
}

/* One UTF-16 unit; @high remembers the first half of a surrogate pair, 0 when there is none. */
static int append_unit(Buffer *out, uint32_t unit, uint32_t *high, char delimiter) {
        uint32_t code = unit;

        if (is_low_surrogate(unit) != (*high != 0))
                return MAILBOX_NAME_E_ENCODING;
        if (is_high_surrogate(unit)) {
                *high = unit;
                return 0;
        }

        if (*high != 0)
                code = 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00);
        *high = 0;

        /* encoded, these do not separate levels, but no other side could hold such a name */
        if (code == '/' || (delimiter != '\0' && code == (uint32_t) delimiter))
                return MAILBOX_NAME_E_LEVEL;

        return append_utf8(out, code);
}

/*
 * What stands between "&" and "-". Printable ASCII is accepted although it should not be encoded,
 * as is a run that could have been part of the one before: both are on servers that trusted their
 * clients. Bits that are left over must be zero and fewer than a character's worth.
 */
static int decode_run(ByteView run, char delimiter, Buffer *out) {
        uint32_t bits = 0, high = 0;
        unsigned n_bits = 0;

        for (size_t i = 0; i < run.size; i++) {
                const char *digit = memchr(base64_alphabet, run.data[i], 64);
                int r;

                if (!digit)
                        return MAILBOX_NAME_E_ENCODING;
                bits = bits << 6 | (uint32_t) (digit - base64_alphabet);
                n_bits += 6;
                if (n_bits < 16)
                        continue;

                n_bits -= 16;
                r = append_unit(out, bits >> n_bits, &high, delimiter);
                if (r != 0)
                        return r;
                bits &= (1u << n_bits) - 1;
        }

        return high != 0 || n_bits >= 6 || bits != 0 ? MAILBOX_NAME_E_ENCODING : 0;
}

/* Take "&-" or "&...-" off @wire. */
static int take_shift(ByteView *wire, char delimiter, Buffer *out) {
        const char *end = memchr(wire->data, '-', wire->size);
        ByteView run;

        if (!end)
                return MAILBOX_NAME_E_ENCODING;

        run = (ByteView){wire->data + 1, (size_t) (end - wire->data) - 1};
        *wire = (ByteView){end + 1, wire->size - run.size - 2};
        if (run.size == 0)
                return buffer_append_string(out, "&");
        return decode_run(run, delimiter, out);
}

/* A name with 8-bit bytes is not modified UTF-7 at all, so that "&" stands for itself in it. */
static int decode(ByteView wire, char delimiter, Buffer *out) {
        const bool shifts = !has_8bit(wire);

        while (wire.size > 0) {
                char c = wire.data[0];
                int r;

                if (c == '&' && shifts) {
                        r = take_shift(&wire, delimiter, out);
                        if (r != 0)
                                return r;
                        continue;
                }

                if (c == delimiter && delimiter != '\0')
                        c = '/';
                else if (c == '/')
                        return MAILBOX_NAME_E_LEVEL;

                r = buffer_append(out, &c, 1);
                if (r < 0)
                        return r;
                wire = (ByteView){wire.data + 1, wire.size - 1};
        }

        return 0;
}

/* The level at the begin of @name, without the "/" behind it. */
static ByteView first_level(ByteView name) {
        const char *slash = name.size > 0 ? memchr(name.data, '/', name.size) : NULL;

        return (ByteView){name.data, slash ? (size_t) (slash - name.data) : name.size};
}

static int check_codes(ByteView name) {
        while (name.size > 0) {
                uint32_t code;
                size_t n = utf8_decode(name, &code);

                if (n == 0 || is_control(code))
                        return MAILBOX_NAME_E_ENCODING;
                name = (ByteView){name.data + n, name.size - n};
        }

        return 0;
}

static int check_level(ByteView level) {
        if (level.size == 0 || bytes_equal(level, BYTES(".")) || bytes_equal(level, BYTES("..")))
                return MAILBOX_NAME_E_LEVEL;

        return level.size > LEVEL_SIZE_MAX ? MAILBOX_NAME_E_LENGTH : 0;
}

static int check(ByteView name) {
        ByteView level = first_level(name), rest = name;
        bool more;
        int r;

        r = check_codes(name);
        if (r != 0)
                return r;
        if (bytes_equal_fold(level, inbox) && !bytes_equal(level, inbox))
                return MAILBOX_NAME_E_LEVEL;

        do {
                level = first_level(rest);
                r = check_level(level);
                if (r != 0)
                        return r;

                more = level.size < rest.size;
                if (more)
                        rest = (ByteView){rest.data + level.size + 1, rest.size - level.size - 1};
        } while (more);

        return name.size > NAME_SIZE_MAX ? MAILBOX_NAME_E_LENGTH : 0;
}

const char *mailbox_name_error(MailboxNameError error) {
        switch (error) {
        case _MAILBOX_NAME_E_SUCCESS:
                return "it is a mailbox name";
        case MAILBOX_NAME_E_ENCODING:
                return "it is neither modified UTF-7 nor UTF-8, or it holds a control character";
        case MAILBOX_NAME_E_LEVEL:
                return "it has a level that is empty, “.” or “..”, or that holds “/” or the "
                       "hierarchy delimiter, or it spells INBOX in other capitals";
        case MAILBOX_NAME_E_LENGTH:
                return "it is longer than 4000 bytes, or has a level longer than 255 bytes";
        case MAILBOX_NAME_E_TAKEN:
                return "another mailbox has it by “map”";
        }

        abort(); /* the switch is complete */
}

int mailbox_name_decode(ByteView wire, char delimiter, char **ret_name) {
        _cleanup_(buffer_done) Buffer name = BUFFER_NULL;
        char *string;
        int r;

        if (!is_delimiter(delimiter))
                return MAILBOX_NAME_E_ENCODING;

        r = decode(wire, delimiter, &name);
        if (r != 0)
                return r;

        if (name.size > 0 && name.data[name.size - 1] == '/')
                name.size--;
        if (bytes_equal_fold(first_level(buffer_view(&name)), inbox))
                memcpy(name.data, inbox.data, inbox.size);

        r = check(buffer_view(&name));
        if (r != 0)
                return r;

        string = buffer_steal_string(&name);
        if (!string)
                return -ENOMEM;
        *ret_name = string;
        return 0;
}

/* Append the digits of all whole groups of 6 bits; what is left stays in @bits. */
static int append_bits(Buffer *out, uint32_t unit, uint32_t *bits, unsigned *n_bits) {
        *bits = *bits << 16 | unit;
        *n_bits += 16;

        while (*n_bits >= 6) {
                int r;

                *n_bits -= 6;
                r = buffer_append(out, &base64_alphabet[*bits >> *n_bits & 0x3f], 1);
                if (r < 0)
                        return r;
        }

        *bits &= (1u << *n_bits) - 1;
        return 0;
}

/* All characters of @name up to the next ASCII one, as one run. */
static int encode_run(ByteView *name, Buffer *out) {
        uint32_t bits = 0, code;
        unsigned n_bits = 0;
        int r;

        r = buffer_append_string(out, "&");
        while (r == 0 && name->size > 0 && (unsigned char) name->data[0] >= 0x80) {
                size_t n = utf8_decode(*name, &code);

                assert(n > 0); /* check() has been here */
                *name = (ByteView){name->data + n, name->size - n};
                if (code >= 0x10000) {
                        r = append_bits(out, 0xd800 + ((code - 0x10000) >> 10), &bits, &n_bits);
                        code = 0xdc00 + ((code - 0x10000) & 0x3ff);
                }
                if (r == 0)
                        r = append_bits(out, code, &bits, &n_bits);
        }

        if (r == 0 && n_bits > 0)
                r = buffer_append(out, &base64_alphabet[bits << (6 - n_bits) & 0x3f], 1);
        if (r == 0)
                r = buffer_append_string(out, "-");
        return r;
}

static int encode(ByteView name, char delimiter, Buffer *out) {
        while (name.size > 0) {
                char c = name.data[0];
                int r;

                if ((unsigned char) c >= 0x80) {
                        r = encode_run(&name, out);
                        if (r < 0)
                                return r;
                        continue;
                }

                if (c == '/' ? delimiter == '\0' : c == delimiter)
                        return MAILBOX_NAME_E_LEVEL;

                if (c == '&')
                        r = buffer_append_string(out, "&-");
                else
                        r = buffer_append(out, c == '/' ? &delimiter : &c, 1);
                if (r < 0)
                        return r;
                name = (ByteView){name.data + 1, name.size - 1};
        }

        return 0;
}

int mailbox_name_encode(const char *name, char delimiter, char **ret_wire) {
        _cleanup_(buffer_done) Buffer wire = BUFFER_NULL;
        char *string;
        int r;

        if (!is_delimiter(delimiter))
                return MAILBOX_NAME_E_ENCODING;
        r = check(bytes_of(name));
        if (r != 0)
                return r;

        r = encode(bytes_of(name), delimiter, &wire);
        if (r != 0)
                return r;

        string = buffer_steal_string(&wire);
        if (!string)
                return -ENOMEM;
        *ret_wire = string;
        return 0;
}

/* A wildcard would be one of LIST's. */
int mailbox_name_encode_reference(const char *reference, char **ret_wire) {
        const ByteView text = bytes_of(reference);
        _cleanup_(buffer_done) Buffer wire = BUFFER_NULL;
        int r;

        r = check_codes(text);
        if (r == 0 && strcspn(reference, "*%") < text.size)
                r = MAILBOX_NAME_E_ENCODING;
        if (r == 0 && text.size > NAME_SIZE_MAX)
                r = MAILBOX_NAME_E_LENGTH;
        if (r == 0)
                r = encode(text, '/', &wire); /* which leaves it alone */
        if (r != 0)
                return r;

        *ret_wire = buffer_steal_string(&wire);
        return *ret_wire ? 0 : -ENOMEM;
}

int mailbox_name_check(const char *name) {
        return check(bytes_of(name));
}

static bool is_same(char a, char b, bool folded) {
        return a == b || (folded && bytes_equal_fold((ByteView){&a, 1}, (ByteView){&b, 1}));
}

/*
 * The leftmost match of what stands between two wildcards leaves the most room for the rest, so one
 * place to come back to for each kind is enough: the last "%" may take one more character unless
 * that is "/", then the last "*" may.
 */
bool mailbox_name_matches(const char *pattern, const char *name) {
        const ByteView level = first_level(bytes_of(name));
        const char *fold_end = name + (bytes_equal_fold(level, inbox) ? inbox.size : 0);
        const char *p = pattern, *s = name;
        const char *star = NULL, *star_s = NULL, *percent = NULL, *percent_s = NULL;

        while (*p != '\0' || *s != '\0') {
                if (*p == '*') {
                        star = ++p;
                        star_s = s;
                        percent = NULL;
                } else if (*p == '%') {
                        percent = ++p;
                        percent_s = s;
                } else if (*s != '\0' && is_same(*p, *s, s < fold_end)) {
                        p++;
                        s++;
                } else if (percent && *percent_s != '\0' && *percent_s != '/') {
                        p = percent;
                        s = ++percent_s;
                } else if (star && *star_s != '\0') {
                        p = star;
                        s = ++star_s;
                        percent = NULL;
                } else
                        return false;
        }

        return true;
}
