#pragma once

/*
 * COMPRESS=DEFLATE as functions on bytes (RFC 4978, raw DEFLATE of RFC 1951)
 *
 *      deflate_push(d, bytes)              what came from the socket
 *      while (deflate_read(d, ...) > 0)    what it means, in pieces of the caller's size
 *
 *      deflate_write(d, bytes)             what to say
 *      deflate_flush(d)                    once when all is said: one block boundary for a batch
 *      deflate_output(d), deflate_sent()   what to put on the socket
 *
 * Memory stays bounded whatever the server sends: pushed bytes are held until they are read, read
 * bytes go straight into the caller's buffer. Some 110 kB a connection, half of it inflate's
 * window, which must be as big as the server may use.
 */

#include <sys/types.h>

#include "base/bytes.h"
#include "base/macro.h"

typedef struct Deflate Deflate;

/* Return: 0, or -ENOMEM. */
int deflate_new(Deflate **ret_deflate);
Deflate *deflate_free(Deflate *deflate);

/* The input of the inflater; a reader may put bytes there itself (buffer_reserve). */
Buffer *deflate_input(Deflate *deflate);
int deflate_push(Deflate *deflate, ByteView bytes);

/**
 * deflate_read() - inflate the next piece
 *
 * Return: bytes written to @buffer; 0 if more input is needed; -ESHUTDOWN if the server ended the
 *         stream (Dovecot does after LOGOUT), -EBADMSG if it is not DEFLATE: it is dead then; or
 *         -ENOMEM.
 */
ssize_t deflate_read(Deflate *deflate, void *buffer, size_t size);

/* Could deflate_read() give something without more input? */
bool deflate_has_pending(const Deflate *deflate);

/* Return: 0, or -ENOMEM. */
int deflate_write(Deflate *deflate, ByteView bytes);
int deflate_flush(Deflate *deflate);

ByteView deflate_output(const Deflate *deflate);
void deflate_sent(Deflate *deflate, size_t n);

DEFINE_CLEANUP(Deflate *, deflate_free)
