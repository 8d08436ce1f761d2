#pragma once

/* MD5 (RFC 1321), which OfflineIMAP writes into file names. Good for comparing such names, and for nothing
 * else. */

#include "base/bytes.h"

#define MD5_HEX 32u

/* As 32 small hexadecimal digits. */
void md5_hex(ByteView bytes, char ret_hex[MD5_HEX + 1]);
