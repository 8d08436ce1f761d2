#pragma once

/*
 * TLS on a socket: OpenSSL and nothing but OpenSSL
 *
 * TLS 1.2 and later, without compression and renegotiation. The server is checked in one of three
 * ways: against the system's CAs and the endpoint's host; against the endpoint's ca-file and host;
 * or against its tls-pins, which then decide alone (a pinned self-signed certificate of another
 * name is the server that was meant).
 *
 * The endpoint's tls-certificate is shown to a server that asks for one.
 *
 * Sessions are kept in memory and resumed by the next connection with the same endpoint and the
 * same trust, unless we show a certificate. Nothing of OpenSSL is touched before the first tls_new().
 *
 * tls_handshake(), tls_read() and tls_write() return -EAGAIN when the socket would block; the owner
 * waits for input, or for output where tls_wants_output() says so, and calls again.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "base/macro.h"
#include "config/config.h"
#include "daemon/wire.h"

typedef struct Tls Tls;

/**
 * tls_new() - prepare the client's side
 * @endpoint, @wire: borrowed for the life of the Tls
 *
 * Return: 0, or -ENOMEM. A ca-file that cannot be read makes the handshake fail.
 */
int tls_new(const Endpoint *endpoint, Wire *wire, Tls **ret_tls);
Tls *tls_free(Tls *tls);

/* Return: 0 done, -EAGAIN, or another negative errno (tls_error() says what happened):
 * -EKEYREJECTED when the certificate was refused, -EPROTO when that is not TLS, -ECONNRESET when it
 * was cut. */
int tls_handshake(Tls *tls);

/* Return: bytes, 0 when the server closed, -EAGAIN, or another negative errno. */
ssize_t tls_read(Tls *tls, void *buffer, size_t size);

/* A write that returned -EAGAIN must come again with the same bytes, perhaps more, in any place. */
ssize_t tls_write(Tls *tls, const void *data, size_t size);

/* Could tls_read() give something although the socket has nothing? */
bool tls_has_pending(const Tls *tls);
bool tls_wants_output(const Tls *tls);

/* What binds a login to this connection and no other (RFC 9266), once the handshake is done. Return: 0, or
 * -EOPNOTSUPP before TLS 1.3. */
#define TLS_EXPORTER_SIZE 32u
int tls_exporter(const Tls *tls, uint8_t out[TLS_EXPORTER_SIZE]);

/* Say goodbye as far as the socket takes it. */
void tls_close(Tls *tls);

/* A sentence for people about the last error. */
const char *tls_error(const Tls *tls);

DEFINE_CLEANUP(Tls *, tls_free)
