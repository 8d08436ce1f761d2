#pragma once

/*
 * SASL mechanisms as steps on bytes (RFC 4616 PLAIN)
 */

#include "base/bytes.h"

/* Append @bytes in base64 (RFC 4648). Return: 0, -ENOMEM, -E2BIG. */
int base64_encode(ByteView bytes, Buffer *out);

/* Append the initial response of PLAIN, in base64: NUL user NUL password. -EINVAL if either is
 * empty. The caller wipes @out (explicit_bzero) when it has been sent. */
int sasl_plain(const char *user, const char *password, Buffer *out);
