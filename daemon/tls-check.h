#pragma once

/*
 * Is this the server that was meant? The certificate checks of daemon/tls, and their sentences; and our own
 * certificate
 */

#include <openssl/ssl.h>

#include "config/config.h"

typedef struct TlsReason {
        char text[768]; /* a sentence for people; "" if there is nothing to say */
} TlsReason;

/* Trust what the endpoint says. Return: 0, -ENOMEM, or -EINVAL with a reason. */
int tls_check_prepare(SSL *ssl, const Endpoint *endpoint, TlsReason *reterr_reason);

/* Show who we are, where the endpoint has a certificate for that. Return: as tls_check_prepare(). */
int tls_present(SSL *ssl, const Endpoint *endpoint, TlsReason *reterr_reason);

/* The whole verification, in place of OpenSSL's (SSL_CTX_set_cert_verify_callback). */
bool tls_check_chain(X509_STORE_CTX *chain, const Endpoint *endpoint, TlsReason *reterr_reason);
