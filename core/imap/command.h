#pragma once

/*
 * Pieces of IMAP commands: quoting, dates, and what needs a rule of its own
 *
 * Functions append to a Buffer and return 0, -ENOMEM or -E2BIG (the buffer's limit).
 */

#include "base/bytes.h"

/* An astring (RFC 9051): an atom where possible, else quoted. -EINVAL for what only a literal could
 * carry (NUL, CR, LF) and for 8-bit bytes. */
int imap_format_astring(ByteView string, Buffer *out);

/* A quoted date-time for APPEND (RFC 9051 section 9), in the given zone (minutes east of UTC). */
int imap_format_date(int64_t date, int zone, Buffer *out);

/* Parse one, without its quotes: " 7-Feb-1994 21:52:25 -0800". Return: 0, or -EBADMSG. */
int imap_parse_date(ByteView text, int64_t *ret_date, int *ret_zone);

/* The value of a header field in @header (lines that end in CRLF or LF, folded lines unfolded with
 * the white space kept), surrounding white space trimmed; @name in any case. Appended to @out.
 * Return: 1 found, 0 not there, or an error. */
int imap_header_value(ByteView header, const char *name, Buffer *out);
