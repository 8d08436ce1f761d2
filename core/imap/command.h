#pragma once

/*
 * Pieces of IMAP commands: quoting, dates, and what needs a rule of its own
 *
 * Functions append to a Buffer and return 0, -ENOMEM or -E2BIG (the buffer's limit).
 */

#include "base/bytes.h"

/* ATOM-CHAR (RFC 9051 section 9): what an atom, a flag keyword for one, is made of. */
bool imap_is_atom_char(char c);

/* An astring (RFC 9051): an atom where possible, else quoted. -EINVAL for what only a literal could
 * carry (NUL, CR, LF) and for 8-bit bytes. */
int imap_format_astring(ByteView string, Buffer *out);

/* A quoted date-time for APPEND (RFC 9051 section 9), in the given zone (minutes east of UTC; one of
 * a day or more is taken for 0). A date outside the years 0 to 9999 becomes the nearest inside. */
int imap_format_date(int64_t date, int zone, Buffer *out);

/* Parse one, without its quotes: " 7-Feb-1994 21:52:25 -0800"; "7-Feb-..." is understood too. Return:
 * 0, or -EBADMSG. */
int imap_parse_date(ByteView text, int64_t *ret_date, int *ret_zone);

/* The value of a header field in @header (lines that end in CRLF or LF, folded lines unfolded with
 * the white space kept), surrounding white space trimmed; @name in any case, the first such field of
 * several, none behind an empty line. Appended to @out.
 * Return: 1 found, 0 not there, or an error. */
int imap_header_value(ByteView header, const char *name, Buffer *out);

/* What of @header is the line that mbsync adds to its copy of a message ("X-TUID: " and 12 characters), in bytes with
 * CRLF; 0: it is not there. A message and that copy are the same but for it. */
size_t imap_header_tuid_size(ByteView header);
