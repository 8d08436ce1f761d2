/*
 * The lexer: bytes to tokens
 *
 * Every function works on a copy of the position and moves the lexer only when it has read the
 * whole of its value, so that a caller can come back with more input.
 */

#include <errno.h>

#include "base/macro.h"
#include "imap/lexer.h"

/* What may stand in an atom. More than RFC 9051 allows ("%", "*", "]" and 8-bit bytes), since
 * servers send such names unquoted, but nothing that has a meaning in the structure. */
static bool is_atom_char(char c) {
        switch (c) {
        case '(':
        case ')':
        case '{':
        case '"':
        case '\x7f':
                return false;
        }

        return (unsigned char) c > ' ';
}

ImapLexer imap_lexer_whole(ByteView line, Buffer *scratch) {
        if (scratch)
                scratch->size = 0;

        return (ImapLexer){
                .start = line.data,
                .p = line.data,
                .end = line.data + line.size,
                .scratch = scratch,
                .whole = true,
        };
}

ImapLexer imap_lexer_partial(ByteView input) {
        return (ImapLexer){
                .start = input.data,
                .p = input.data,
                .end = input.data + input.size,
        };
}

static int need_more(const ImapLexer *lexer) {
        return lexer->whole ? -EBADMSG : 0;
}

static const char *skip_spaces(const ImapLexer *lexer) {
        const char *p = lexer->p;

        while (p < lexer->end && *p == ' ')
                p++;
        return p;
}

static int lex_end(ImapLexer *lexer, const char *p, ImapToken *ret_token) {
        if (p < lexer->end && *p == '\r')
                p++;
        if (p == lexer->end)
                return need_more(lexer);
        if (*p != '\n')
                return -EBADMSG;

        *ret_token = (ImapToken){.type = IMAP_TOKEN_END};
        lexer->p = p + 1;
        return 1;
}

static int lex_quoted(ImapLexer *lexer, const char *p, ImapToken *ret_token) {
        const char *begin = ++p;
        bool escaped = false;

        for (; p < lexer->end && *p != '"'; p++) {
                if (*p == '\r' || *p == '\n')
                        return -EBADMSG;
                if (*p != '\\')
                        continue;
                escaped = true;
                p++;
                if (p == lexer->end || *p == '\r' || *p == '\n')
                        break;
        }
        if (p == lexer->end)
                return need_more(lexer);
        if (*p != '"')
                return -EBADMSG;

        *ret_token = (ImapToken){
                .type = IMAP_TOKEN_QUOTED,
                .text = {begin, (size_t) (p - begin)},
                .escaped = escaped,
        };
        lexer->p = p + 1;
        return 1;
}

static int lex_literal(ImapLexer *lexer, const char *p, ImapToken *ret_token) {
        const char *eol = memchr(p, '\n', (size_t) (lexer->end - p));
        ImapLiteral literal;
        size_t n;

        if (!eol)
                return need_more(lexer);
        n = (size_t) (eol - p);
        if (n > 0 && eol[-1] == '\r')
                n--;
        if (imap_literal_announced((ByteView){p, n}, &literal) <= 0 || literal.start != 0)
                return -EBADMSG;
        if (literal.size > (uint64_t) (lexer->end - eol - 1))
                return need_more(lexer);

        *ret_token = (ImapToken){
                .type = IMAP_TOKEN_LITERAL,
                .text = {eol + 1, (size_t) literal.size},
        };
        lexer->p = eol + 1 + literal.size;
        return 1;
}

static int lex_atom(ImapLexer *lexer, const char *p, ImapToken *ret_token) {
        const char *begin = p;
        ByteView text;

        while (p < lexer->end && is_atom_char(*p))
                p++;
        if (p == lexer->end && !lexer->whole)
                return 0;
        if (p == begin)
                return -EBADMSG;

        text = (ByteView){begin, (size_t) (p - begin)};
        *ret_token = (ImapToken){
                .type = bytes_equal_fold(text, BYTES("NIL")) ? IMAP_TOKEN_NIL : IMAP_TOKEN_ATOM,
                .text = text,
        };
        lexer->p = p;
        return 1;
}

int imap_lexer_next(ImapLexer *lexer, ImapToken *ret_token) {
        const char *p = skip_spaces(lexer);

        if (p == lexer->end) {
                if (!lexer->whole)
                        return 0;
                *ret_token = (ImapToken){.type = IMAP_TOKEN_END};
                lexer->p = p;
                return 1;
        }

        switch (*p) {
        case '\r':
        case '\n':
                return lex_end(lexer, p, ret_token);
        case '(':
        case ')':
                *ret_token = (ImapToken){
                        .type = *p == '(' ? IMAP_TOKEN_OPEN : IMAP_TOKEN_CLOSE,
                        .text = {p, 1},
                };
                lexer->p = p + 1;
                return 1;
        case '"':
                return lex_quoted(lexer, p, ret_token);
        case '{':
                return lex_literal(lexer, p, ret_token);
        case '~':
                if (p + 1 == lexer->end && !lexer->whole)
                        return 0;
                if (p + 1 < lexer->end && p[1] == '{')
                        return lex_literal(lexer, p, ret_token);
                break;
        }

        return lex_atom(lexer, p, ret_token);
}

int imap_lexer_attribute(ImapLexer *lexer, ByteView *ret_name) {
        const char *begin = skip_spaces(lexer), *p = begin;

        while (p < lexer->end && is_atom_char(*p)) {
                if (*p == '[') {
                        while (p < lexer->end && *p != ']' && *p != '\n')
                                p++;
                        if (p < lexer->end && *p != ']')
                                return -EBADMSG;
                }
                if (p < lexer->end)
                        p++;
        }
        if (p == lexer->end)
                return need_more(lexer); /* a value must follow */
        if (p == begin)
                return -EBADMSG;

        *ret_name = (ByteView){begin, (size_t) (p - begin)};
        lexer->p = p;
        return 1;
}

int imap_lexer_open(ImapLexer *lexer) {
        const char *p = skip_spaces(lexer);

        if (p == lexer->end)
                return need_more(lexer);
        if (*p != '(')
                return -EBADMSG;

        lexer->p = p + 1;
        return 1;
}

bool imap_lexer_close(ImapLexer *lexer) {
        const char *p = skip_spaces(lexer);

        if (p == lexer->end || *p != ')')
                return false;

        lexer->p = p + 1;
        return true;
}

int imap_lexer_number(ImapLexer *lexer, uint64_t max, uint64_t *ret_number) {
        const char *begin = skip_spaces(lexer), *p = begin;
        int r;

        while (p < lexer->end && is_atom_char(*p))
                p++;
        if (p == lexer->end && !lexer->whole)
                return 0;

        r = bytes_to_u64((ByteView){begin, (size_t) (p - begin)}, max, ret_number);
        if (r < 0)
                return r;

        lexer->p = p;
        return 1;
}

int imap_lexer_flat_list(ImapLexer *lexer, ByteView *ret_text) {
        const char *p = skip_spaces(lexer), *begin;

        if (p == lexer->end)
                return need_more(lexer);
        if (*p++ != '(')
                return -EBADMSG;

        begin = p;
        while (p < lexer->end && (is_atom_char(*p) || *p == ' '))
                p++;
        if (p == lexer->end)
                return need_more(lexer);
        if (*p != ')')
                return -EBADMSG;

        *ret_text = (ByteView){begin, (size_t) (p - begin)};
        lexer->p = p + 1;
        return 1;
}

/* By counting and not by recursion, so that depth costs nothing. */
static int skip_to_depth_0(ImapLexer *lexer, size_t depth) {
        ImapLexer ahead = *lexer;
        ImapToken token;
        int r;

        do {
                r = imap_lexer_next(&ahead, &token);
                if (r <= 0)
                        return r;

                if (token.type == IMAP_TOKEN_END || (token.type == IMAP_TOKEN_CLOSE && depth == 0))
                        return -EBADMSG;
                if (token.type == IMAP_TOKEN_OPEN)
                        depth++;
                if (token.type == IMAP_TOKEN_CLOSE)
                        depth--;
        } while (depth > 0);

        *lexer = ahead;
        return 1;
}

int imap_lexer_skip_value(ImapLexer *lexer) {
        return skip_to_depth_0(lexer, 0);
}

int imap_lexer_skip_list(ImapLexer *lexer) {
        return skip_to_depth_0(lexer, 1);
}

int imap_lexer_string(ImapLexer *lexer, const ImapToken *token, ByteView *ret_string) {
        Buffer *scratch = lexer->scratch;
        size_t begin;
        int r;

        if (token->type == IMAP_TOKEN_OPEN || token->type == IMAP_TOKEN_CLOSE ||
            token->type == IMAP_TOKEN_END)
                return -EBADMSG;
        if (!token->escaped) {
                *ret_string = token->text;
                return 1;
        }

        /* Room for all strings of this response at once: the buffer must not move any more. */
        if (scratch->size == 0) {
                r = buffer_reserve(scratch, (size_t) (lexer->end - lexer->start));
                if (r < 0)
                        return r;
        }

        begin = scratch->size;
        for (size_t i = 0; i < token->text.size; i++) {
                if (token->text.data[i] == '\\')
                        i++;
                scratch->data[scratch->size++] = token->text.data[i];
        }
        *ret_string = (ByteView){scratch->data + begin, scratch->size - begin};
        return 1;
}

static int parse_range(ByteView text, UidRange *ret_range) {
        const char *colon = memchr(text.data, ':', text.size);
        size_t n = colon ? (size_t) (colon - text.data) : text.size;
        uint64_t first, last;

        if (bytes_to_u64((ByteView){text.data, n}, UID_MAX, &first) < 0)
                return -EBADMSG;
        last = first;
        if (colon && bytes_to_u64((ByteView){colon + 1, text.size - n - 1}, UID_MAX, &last) < 0)
                return -EBADMSG;
        if (first == 0 && last == 0)
                return -EBADMSG;

        first = MAX(first, (uint64_t) 1);
        last = MAX(last, (uint64_t) 1);
        *ret_range = (UidRange){
                .first = (uint32_t) MIN(first, last),
                .last = (uint32_t) MAX(first, last),
        };
        return 1;
}

int imap_lexer_range(ImapLexer *lexer, UidRange *ret_range) {
        static const size_t max_size = 64; /* two numbers, and zeros before them if need be */
        const char *p = lexer->p;
        size_t n;
        int r;

        while (p < lexer->end && ((*p >= '0' && *p <= '9') || *p == ':'))
                p++;
        n = (size_t) (p - lexer->p);
        if (n > max_size)
                return -EBADMSG;
        if (p == lexer->end && !lexer->whole)
                return 0;

        r = parse_range((ByteView){lexer->p, n}, ret_range);
        if (r < 0)
                return r;

        lexer->p = p;
        return 1;
}

int imap_literal_announced(ByteView line, ImapLiteral *ret_literal) {
        size_t end = line.size, begin;
        uint64_t size;

        if (end < 3 || line.data[--end] != '}')
                return 0;
        if (line.data[end - 1] == '+')
                end--;

        begin = end;
        while (begin > 0 && line.data[begin - 1] >= '0' && line.data[begin - 1] <= '9')
                begin--;
        if (begin == end || begin == 0 || line.data[begin - 1] != '{')
                return 0;
        if (bytes_to_u64((ByteView){line.data + begin, end - begin}, INT64_MAX, &size) < 0)
                return -EBADMSG;

        begin--;
        if (begin > 0 && line.data[begin - 1] == '~')
                begin--;
        *ret_literal = (ImapLiteral){.start = begin, .size = size};
        return 1;
}
