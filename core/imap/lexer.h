#pragma once

/*
 * The lexer: bytes to tokens (RFC 9051 section 4, data formats)
 *
 * It reads either a whole response, without its line end but with the literals inside, or the
 * bytes of one as they arrive. In the second case "the input ends too early" is a result and not an
 * error, and the position stays where the value began.
 *
 * It is strict about structure and lenient about bytes: 8-bit bytes are taken in atoms and quoted
 * strings, more than one space separates as one does.
 */

#include "base/bytes.h"
#include "imap/uid-set.h"

typedef enum ImapTokenType {
        IMAP_TOKEN_ATOM,
        IMAP_TOKEN_NIL, /* text is "NIL" as written, for where a name may be called that */
        IMAP_TOKEN_QUOTED,
        IMAP_TOKEN_LITERAL,
        IMAP_TOKEN_OPEN,
        IMAP_TOKEN_CLOSE,
        IMAP_TOKEN_END, /* the end of the line */
} ImapTokenType;

typedef struct ImapToken {
        ImapTokenType type;
        ByteView text; /* without quotes; backslashes still in it */
        bool escaped;  /* there are backslashes in it: see imap_lexer_string() */
} ImapToken;

typedef struct ImapLexer {
        const char *start, *p, *end; /* borrowed */
        Buffer *scratch;             /* borrowed: unescaped strings live here */
        bool whole;
} ImapLexer;

/* Read a whole response. Running out of input is -EBADMSG then. */
ImapLexer imap_lexer_whole(ByteView line, Buffer *scratch);

/* Read what has arrived of one, which ends in LF. */
ImapLexer imap_lexer_partial(ByteView input);

static inline size_t imap_lexer_consumed(const ImapLexer *lexer) {
        return (size_t) (lexer->p - lexer->start);
}

/* The functions below return 1 if they read what they are named after, 0 if the input ends before
 * it does, -EBADMSG if it is something else. Only imap_lexer_string() may return -ENOMEM. */

int imap_lexer_next(ImapLexer *lexer, ImapToken *ret_token);

/* The name of a FETCH attribute, with its section: "BODY[HEADER.FIELDS (DATE FROM)]<0>". */
int imap_lexer_attribute(ImapLexer *lexer, ByteView *ret_name);

int imap_lexer_open(ImapLexer *lexer);

/* Does a list end here? If so, moves behind its parenthesis. */
bool imap_lexer_close(ImapLexer *lexer);

int imap_lexer_number(ImapLexer *lexer, uint64_t max, uint64_t *ret_number);

/* A list of atoms, as the text between its parentheses. */
int imap_lexer_flat_list(ImapLexer *lexer, ByteView *ret_text);

/* One value of any kind, a list with all that is in it included. */
int imap_lexer_skip_value(ImapLexer *lexer);

/* What is left of a list that has been opened, its closing parenthesis included. */
int imap_lexer_skip_list(ImapLexer *lexer);

/**
 * imap_lexer_string() - what a token says, backslashes taken away
 * @token:      an atom, NIL, quoted string or literal
 * @ret_string: points into the input or into the lexer's scratch; all strings of one response
 *              remain valid together
 */
int imap_lexer_string(ImapLexer *lexer, const ImapToken *token, ByteView *ret_string);

/**
 * imap_lexer_range() - a number or range of a sequence set: "7", "9:7"
 *
 * 0 as one end of a range is read as 1: Dovecot announces the expunge of UID 1 as "0:1". "*" is
 * refused, since nobody here knows which UID that is.
 */
int imap_lexer_range(ImapLexer *lexer, UidRange *ret_range);

typedef struct ImapLiteral {
        size_t start; /* where "{" or "~{" stands */
        uint64_t size;
} ImapLiteral;

/**
 * imap_literal_announced() - does a line, given without its line end, announce a literal
 *
 * "{12}", "~{12}" (literal8, RFC 3516), and also "{12+}", which only clients should send.
 *
 * Return: 1 if so, 0 if not, -EBADMSG if it does with a size that is no number64.
 */
int imap_literal_announced(ByteView line, ImapLiteral *ret_literal);
