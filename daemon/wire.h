#pragma once

/*
 * A nonblocking socket that counts: what lies below TLS and DEFLATE
 *
 * The functions return the number of bytes (0 of what is read: the peer closed), -EAGAIN when the
 * socket would block, or another negative errno. A broken connection is an error, never SIGPIPE.
 */

#include <stdint.h>
#include <sys/types.h>

typedef struct Wire {
        int fd; /* owned by whoever owns the Wire; -EBADF: none */
        uint64_t bytes_in, bytes_out;
} Wire;

#define WIRE_NULL ((Wire){.fd = -EBADF})

ssize_t wire_read(Wire *wire, void *buffer, size_t size);
/* What could be read now, which stays where it is and does not count yet. */
ssize_t wire_peek(const Wire *wire, void *buffer, size_t size);
ssize_t wire_write(Wire *wire, const void *data, size_t size);
