#pragma once

/* What the SASL mechanisms need of OpenSSL, which core/ does not know: handed to each login. */

#include "imap/sasl.h"

extern const SaslCrypto sasl_crypto_openssl;

/* Enough for 144 random bits in base64, and a NUL. */
#define SASL_NONCE_SIZE 25u

/* A nonce that was never used before. Return: 0, or a negative errno. */
int sasl_nonce(char nonce[SASL_NONCE_SIZE]);
