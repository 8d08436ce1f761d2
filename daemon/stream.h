#pragma once

/*
 * Bytes of IMAP over a socket, with TLS and DEFLATE around them where they are on
 *
 * Everything that -EAGAIN leaves undone is done by the next call. Neither loop nor session is known
 * here. Memory: DEFLATE holds at most one read of compressed input and STREAM_OUTPUT_MAX of output.
 */

#include "base/bytes.h"
#include "config/config.h"
#include "daemon/deflate.h"
#include "daemon/tls.h"
#include "daemon/wire.h"

enum { STREAM_OUTPUT_MAX = 32 * 1024 };

typedef struct Stream {
        Wire wire;        /* owns the descriptor */
        Tls *tls;         /* owned; NULL: in clear */
        Deflate *deflate; /* owned; NULL: not compressed */
} Stream;

#define STREAM_NULL ((Stream){.wire = WIRE_NULL})

void stream_done(Stream *stream);

/* TLS from here on; tls_handshake() is the owner's. Return: 0, or -ENOMEM. */
int stream_start_tls(Stream *stream, const Endpoint *endpoint);

/* DEFLATE from here on. @behind: what came already, to be inflated. Return: 0, or -ENOMEM. */
int stream_start_deflate(Stream *stream, ByteView behind);

/* Return: bytes of IMAP; 0 when the server closed; -EAGAIN, -EBADMSG for broken DEFLATE, or another
 * negative errno. */
ssize_t stream_read(Stream *stream, void *buffer, size_t size);

/* Could stream_read() give something although the socket has nothing? */
bool stream_has_pending(const Stream *stream);

/* Return: bytes taken, perhaps not all; -EAGAIN when none; or another negative errno. Taken bytes
 * may stay here until stream_flush(). */
ssize_t stream_write(Stream *stream, ByteView bytes);

/* All has been said for now: end the block of DEFLATE. Return: 0 when everything is on its way,
 * -EAGAIN, or another negative errno. */
int stream_flush(Stream *stream);

/* Must the owner wait for room on the socket to read on? TLS 1.3 may answer a key update. */
bool stream_wants_output(const Stream *stream);

/* Say goodbye as far as the socket takes it, and close. What was not flushed is lost. */
void stream_close(Stream *stream);
