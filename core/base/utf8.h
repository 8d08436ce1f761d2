#pragma once

/*
 * UTF-8 (RFC 3629), a code point at a time: for who escapes, measures or mends foreign text.
 */

#include "base/bytes.h"

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/**
 * utf8_decode() - read one code point
 * @ret_code: written only when there is one
 *
 * Overlong forms, surrogates and what lies beyond U+10FFFF are not UTF-8.
 *
 * Return: how many bytes it takes (1 to 4), 0 if @bytes does not begin with a whole code point.
 */
size_t utf8_decode(ByteView bytes, uint32_t *ret_code);

bool utf8_is_valid(ByteView bytes);

/* Would a terminal obey this character, or hide what stands beside it, instead of showing it? Controls,
 * separators of lines and paragraphs, and what turns the direction of writing round. */
bool utf8_is_unsafe(uint32_t code);
