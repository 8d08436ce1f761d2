#pragma once

/*
 * Responses: a whole line of the server, with the literals in it, to a typed event
 * (RFC 9051 section 7)
 *
 * Not here: VANISHED, SEARCH and ESEARCH, which may be longer than a line may be, and the octets of
 * BODY[] when they come as a literal; the session hands those out as they arrive.
 */

#include "imap/lexer.h"
#include "imap/session.h"

/* What the views and sets of an event point into, besides the line. Reused for each response. */
typedef struct ImapResponseStore {
        UidSet uids, uids_to; /* owned */
        Buffer scratch;       /* owned: strings without their backslashes */
} ImapResponseStore;

void imap_response_store_done(ImapResponseStore *store);

/* Give back what a burst needed. */
void imap_response_store_trim(ImapResponseStore *store);

/**
 * imap_response_parse() - read an untagged response
 * @line:      what follows "* ", without the line end
 * @ret_event: type and what belongs to it; all else is zero. A BODY[] that is a quoted string or a
 *             literal in the line is in @ret_event->data
 *
 * Return: 1 if there is an event, 0 if the response is known and of no use here, -EBADMSG if it makes
 *         no sense, -ENOMEM.
 */
int imap_response_parse(ImapResponseStore *store, ByteView line, ImapEvent *ret_event);

/* Read "OK [CODE ...] text" and its like, as in tagged responses. The same returns. */
int imap_response_parse_text(ImapResponseStore *store, ByteView line, ImapText *ret_text);

/* "[CODE ...] text", as after "+ " or after the status. Return: 1, or -ENOMEM. */
int imap_response_parse_code(ImapResponseStore *store, ByteView line, ImapText *text);

/* A FETCH response from its parenthesis on. @ret_body as in imap_response_parse(). */
int imap_response_parse_fetch(ImapLexer *lexer, ImapFetch *ret_fetch, ByteView *ret_body);

/* The status a response begins with: "OK", "NO", "BAD", "PREAUTH", "BYE". Return: 0, or -EBADMSG. */
int imap_response_status(ByteView word, ImapStatus *ret_status);

/* "(F2212ea87)": RFC 8474 section 7, "objectid". */
int imap_response_parse_object(ImapLexer *lexer, ByteView *ret_object);

/* The bytes before the first space. */
ByteView imap_first_word(ByteView line);
