#pragma once

/*
 * Text of header fields as a person reads it: encoded words (RFC 2047, with the language of RFC 2231)
 * decoded, and made harmless to show
 *
 * Strict where it decodes: what is not quite an encoded word is text. Lenient about bytes that have no
 * business in a header: UTF-8 is taken, the rest becomes U+FFFD. The result is one line of UTF-8 without
 * control characters and without what changes the direction of writing.
 */

#include "base/bytes.h"

/* How text of other charsets than UTF-8, US-ASCII and ISO-8859-1 becomes UTF-8: append it to @out. @charset:
 * letters, digits and "-_.:" only, at most 40. Return: 0, -EINVAL if it cannot be done, or -ENOMEM. */
typedef int (*HeaderConvertFn)(const char *charset, ByteView bytes, Buffer *out);

/**
 * header_text_append() - append the text of an unstructured field, such as Subject
 * @value:   unfolded or not
 * @convert: may be NULL; an encoded word that cannot be converted is shown as it stands
 * @max:     at most so many bytes are appended; what is cut ends in "…", which comes on top
 *
 * Return: 0 or -ENOMEM.
 */
int header_text_append(ByteView value, HeaderConvertFn convert, size_t max, Buffer *out);

/* The first sender of a From field: the name if there is one, else the address. */
int header_sender_append(ByteView value, HeaderConvertFn convert, size_t max, Buffer *out);
