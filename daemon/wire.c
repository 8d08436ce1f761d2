/* A nonblocking socket that counts. */

#include <errno.h>
#include <sys/socket.h>

#include "daemon/wire.h"

/* What a socket says when it would block is one of two numbers; ours is one. */
static ssize_t wire_error(void) {
        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

ssize_t wire_read(Wire *wire, void *buffer, size_t size) {
        ssize_t n;

        do
                n = recv(wire->fd, buffer, size, MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return wire_error();

        wire->bytes_in += (uint64_t) n;
        return n;
}

ssize_t wire_peek(const Wire *wire, void *buffer, size_t size) {
        ssize_t n;

        do
                n = recv(wire->fd, buffer, size, MSG_DONTWAIT | MSG_PEEK);
        while (n < 0 && errno == EINTR);
        return n < 0 ? wire_error() : n;
}

ssize_t wire_write(Wire *wire, const void *data, size_t size) {
        ssize_t n;

        do
                n = send(wire->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return wire_error();

        wire->bytes_out += (uint64_t) n;
        return n;
}
