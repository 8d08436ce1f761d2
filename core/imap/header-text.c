/* Text of header fields as a person reads it. */

#include <errno.h>

#include "base/macro.h"
#include "base/utf8.h"
#include "imap/header-text.h"

#define MAX_CHARSET 40u

static bool is_space(char c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static ByteView skip(ByteView bytes, size_t n) {
        return (ByteView){bytes.data + n, bytes.size - n};
}

static ByteView trim(ByteView bytes) {
        while (bytes.size > 0 && is_space(bytes.data[0]))
                bytes = skip(bytes, 1);
        while (bytes.size > 0 && is_space(bytes.data[bytes.size - 1]))
                bytes.size--;
        return bytes;
}

/* --- what an encoded word holds --- */

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 2047 section 4.2. Return: 0, -EBADMSG, -ENOMEM. */
static int decode_q(ByteView text, Buffer *out) {
        for (size_t i = 0; i < text.size; i++) {
                char c = text.data[i] == '_' ? ' ' : text.data[i];
                int r;

                if (c == '=') {
                        const int high = i + 2 < text.size ? hex_digit(text.data[i + 1]) : -1;
                        const int low = i + 2 < text.size ? hex_digit(text.data[i + 2]) : -1;

                        if (high < 0 || low < 0)
                                return -EBADMSG;
                        c = (char) (high << 4 | low);
                        i += 2;
                }
                r = buffer_append(out, &c, 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int base64_digit(char c) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 section 4; padding may be missing. Return: 0, -EBADMSG, -ENOMEM. */
static int decode_b(ByteView text, Buffer *out) {
        unsigned bits = 0, n_bits = 0;
        size_t n = text.size;

        for (unsigned i = 0; i < 2 && n > 0 && text.data[n - 1] == '='; i++)
                n--;
        if (n % 4 == 1 || (n < text.size && text.size % 4 != 0))
                return -EBADMSG;
        for (size_t i = 0; i < n; i++) {
                const int digit = base64_digit(text.data[i]);

                if (digit < 0)
                        return -EBADMSG;
                bits = (bits << 6 | (unsigned) digit) & 0xffff;
                n_bits += 6;
                if (n_bits >= 8) {
                        const char c = (char) (bits >> (n_bits -= 8));
                        const int r = buffer_append(out, &c, 1);

                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* --- words --- */

/* Views into the field. */
typedef struct Word {
        ByteView whole, charset, text;
        char encoding; /* 'b', 'q' */
} Word;

static bool is_charset(ByteView name) {
        for (size_t i = 0; i < name.size; i++) {
                const char c = name.data[i];

                if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      memchr("-_.:", c, 4)))
                        return false;
        }
        return name.size > 0 && name.size <= MAX_CHARSET;
}

/* Up to the next "?", which is taken off as well. */
static bool take_part(ByteView *rest, ByteView *ret_part) {
        const char *end = rest->size > 0 ? memchr(rest->data, '?', rest->size) : NULL;

        if (!end)
                return false;
        *ret_part = (ByteView){rest->data, (size_t) (end - rest->data)};
        *rest = skip(*rest, ret_part->size + 1);
        return true;
}

static bool is_plain(ByteView text) {
        for (size_t i = 0; i < text.size; i++)
                if ((unsigned char) text.data[i] <= ' ' || (unsigned char) text.data[i] >= 127)
                        return false;
        return true;
}

/* "=?CHARSET*LANGUAGE?ENCODING?TEXT?=" at the beginning of @bytes? */
static bool read_word(ByteView bytes, Word *ret_word) {
        ByteView rest = bytes, charset, encoding, text;

        if (bytes.size < 2 || memcmp(bytes.data, "=?", 2) != 0)
                return false;
        rest = skip(rest, 2);
        if (!take_part(&rest, &charset) || !take_part(&rest, &encoding) ||
            !take_part(&rest, &text) || rest.size < 1 || rest.data[0] != '=')
                return false;
        charset = bytes_take_until(&charset, '*');
        if (encoding.size != 1 || !is_charset(charset) || !is_plain(text))
                return false;

        *ret_word = (Word){
                .whole = {bytes.data, bytes.size - rest.size + 1},
                .charset = charset,
                .text = text,
                .encoding = (char) (encoding.data[0] | 0x20),
        };
        return ret_word->encoding == 'b' || ret_word->encoding == 'q';
}

/* --- to UTF-8 --- */

static int append_latin1(ByteView bytes, Buffer *out) {
        int r = 0;

        for (size_t i = 0; i < bytes.size && r >= 0; i++) {
                const unsigned char c = (unsigned char) bytes.data[i];
                const char two[] = {(char) (0xc0 | c >> 6), (char) (0x80 | (c & 0x3f))};

                r = c < 128 ? buffer_append(out, bytes.data + i, 1) : buffer_append(out, two, 2);
        }
        return r;
}

static int to_utf8(ByteView charset, ByteView bytes, HeaderConvertFn convert, Buffer *out) {
        char name[MAX_CHARSET + 1];

        if (bytes_equal_fold(charset, BYTES("utf-8")) ||
            bytes_equal_fold(charset, BYTES("us-ascii")))
                return buffer_append_view(out, bytes);
        if (bytes_equal_fold(charset, BYTES("iso-8859-1")))
                return append_latin1(bytes, out);
        if (!convert)
                return -EINVAL;
        memcpy(name, charset.data, charset.size);
        name[charset.size] = '\0';
        return convert(name, bytes, out);
}

/* Encoded words that follow each other, in one charset: a character may be cut between them, though it
 * should not be. */
typedef struct Words {
        ByteView charset; /* size 0: there are none */
        ByteView whole;   /* as they stand in the field */
        Buffer bytes;     /* owned: decoded */
} Words;

static void words_done(Words *words) {
        buffer_done(&words->bytes);
}

static int words_flush(Words *words, HeaderConvertFn convert, Buffer *out) {
        const size_t before = out->size;
        int r;

        if (words->charset.size == 0)
                return 0;
        r = to_utf8(words->charset, buffer_view(&words->bytes), convert, out);
        if (r < 0 && r != -ENOMEM) {
                out->size = before;
                r = buffer_append_view(out, words->whole);
        }
        words->charset = BYTES_NULL;
        words->bytes.size = 0;
        return r;
}

/* Return: 1 if it was decoded, 0 if it is text, or negative. */
static int words_add(Words *words, const Word *word, HeaderConvertFn convert, Buffer *out) {
        const bool goes_on = bytes_equal_fold(words->charset, word->charset);
        const size_t before = goes_on ? words->bytes.size : 0;
        int r = 0;

        if (!goes_on)
                r = words_flush(words, convert, out);
        if (r < 0)
                return r;
        r = word->encoding == 'b' ? decode_b(word->text, &words->bytes)
                                  : decode_q(word->text, &words->bytes);
        if (r < 0) {
                words->bytes.size = before;
                return r == -ENOMEM ? r : 0;
        }
        if (!goes_on)
                *words = (Words){word->charset, word->whole, words->bytes};
        words->whole.size = (size_t) (word->whole.data + word->whole.size - words->whole.data);
        return 1;
}

static size_t count_spaces(ByteView bytes) {
        size_t n = 0;

        while (n < bytes.size && is_space(bytes.data[n]))
                n++;
        return n;
}

/* Encoded words stand between spaces or at the ends (RFC 2047 section 5); the space between two of them is
 * not of the text. */
static int decode(ByteView rest, HeaderConvertFn convert, Buffer *out) {
        _cleanup_(words_done) Words words = {.bytes = BUFFER_NULL};
        ByteView spaces = BYTES_NULL;
        int r = 0;

        while (rest.size > 0 && r >= 0) {
                const bool is_after_word = words.charset.size > 0;
                size_t n = count_spaces(rest);
                Word word;

                spaces = (ByteView){rest.data, n};
                rest = skip(rest, n);
                if (read_word(rest, &word)) {
                        if (!is_after_word)
                                r = buffer_append_view(out, spaces);
                        if (r >= 0)
                                r = words_add(&words, &word, convert, out);
                        if (r > 0) {
                                rest = skip(rest, word.whole.size);
                                continue;
                        }
                        if (r == 0 && !is_after_word)
                                spaces = BYTES_NULL;
                }
                for (n = 0; n < rest.size && !is_space(rest.data[n]);)
                        n++;
                if (r >= 0)
                        r = words_flush(&words, convert, out);
                if (r >= 0)
                        r = buffer_append_view(out, spaces);
                if (r >= 0)
                        r = buffer_append(out, rest.data, n);
                rest = skip(rest, n);
        }
        return r < 0 ? r : words_flush(&words, convert, out);
}

/* --- to show --- */

/* Append text of whatever bytes: one line, white space once, nothing that a screen would obey. */
static int append_harmless(ByteView text, size_t max, Buffer *out) {
        const size_t begin = out->size;
        bool has_space = false;

        text = trim(text);
        while (text.size > 0) {
                uint32_t code = 0xfffd;
                const size_t n = utf8_decode(text, &code);
                const bool is_blank = n > 0 && (code < ' ' || code == 127);
                ByteView one = n > 0 ? (ByteView){text.data, n} : BYTES(UTF8_REPLACEMENT);
                int r;

                text = skip(text, n > 0 ? n : 1);
                if (is_blank || code == ' ')
                        one = has_space ? BYTES_NULL : BYTES(" ");
                else if (utf8_is_unsafe(code))
                        continue;
                has_space = is_blank || code == ' ';
                if (out->size - begin + one.size > max)
                        return buffer_append_string(out, "…");
                r = buffer_append_view(out, one);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* However long a field is, no more of it is decoded than could be shown. */
static ByteView bound(ByteView value, size_t max) {
        const size_t enough = max > 1000 ? 16 * max : 16000;

        return (ByteView){value.data, MIN(value.size, enough)};
}

int header_text_append(ByteView value, HeaderConvertFn convert, size_t max, Buffer *out) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r;

        r = decode(trim(bound(value, max)), convert, &text);
        return r < 0 ? r : append_harmless(buffer_view(&text), max, out);
}

/* --- senders --- */

/* A From field's first mailbox (RFC 5322 section 3.4), without quotes: what stands before "<", in it, and
 * in the last comment. */
typedef struct Sender {
        Buffer phrase, address, comment; /* owned */
        bool has_angle;
} Sender;

static void sender_done(Sender *sender) {
        buffer_done(&sender->phrase);
        buffer_done(&sender->address);
        buffer_done(&sender->comment);
}

/* Append up to @end, "\" taken off; comments may hold comments. Return: how many bytes were read, or
 * negative. */
static ssize_t take_quoted(ByteView value, char end, Buffer *out) {
        unsigned depth = 1;
        size_t i;
        int r = 0;

        for (i = 1; i < value.size && r >= 0; i++) {
                char c = value.data[i];

                if (c == '\\' && i + 1 < value.size)
                        c = value.data[++i];
                else if (c == end && --depth == 0)
                        break;
                else if (c == '(' && end == ')')
                        depth++;
                r = buffer_append(out, &c, 1);
        }
        return r < 0 ? r : (ssize_t) MIN(i + 1, value.size);
}

static int read_sender(ByteView value, Sender *sender) {
        while (value.size > 0) {
                const char c = value.data[0];
                ssize_t n = 1;
                int r = 0;

                if (c == '(') {
                        sender->comment.size = 0;
                        n = take_quoted(value, ')', &sender->comment);
                } else if (c == '"')
                        n = take_quoted(value, '"', &sender->phrase);
                else if (c == '<' && !sender->has_angle) {
                        sender->has_angle = true;
                        n = take_quoted(value, '>', &sender->address);
                } else if (c == ',')
                        return 0;
                else if (!sender->has_angle)
                        r = buffer_append(&sender->phrase, &c, 1);
                if (n < 0 || r < 0)
                        return n < 0 ? (int) n : r;
                value = skip(value, (size_t) n);
        }
        return 0;
}

int header_sender_append(ByteView value, HeaderConvertFn convert, size_t max, Buffer *out) {
        _cleanup_(sender_done) Sender sender = {.has_angle = false};
        ByteView name;
        int r;

        r = read_sender(trim(bound(value, max)), &sender);
        if (r < 0)
                return r;
        name = trim(buffer_view(&sender.phrase));
        if (!sender.has_angle && trim(buffer_view(&sender.comment)).size > 0)
                name = buffer_view(&sender.comment);
        else if (name.size == 0)
                return append_harmless(buffer_view(&sender.address), max, out);
        return header_text_append(name, convert, max, out);
}
