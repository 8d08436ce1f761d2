#pragma once

/*
 * UTF-8 (RFC 3629 section 4): overlong forms, surrogates and what is past U+10FFFF are not.
 */

#include "base/bytes.h"

/* The size of the sequence that @bytes, which are not empty, begin with: 1 to 4; 0 if it is none. */
size_t utf8_sequence(ByteView bytes);

bool utf8_is_valid(ByteView bytes);
