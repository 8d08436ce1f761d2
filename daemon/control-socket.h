#pragma once

/*
 * The listening end of the control socket: a file that only its owner can reach, made in place of a
 * dead one but never of a living one, and removed only by who made it.
 */

#include <sys/types.h>

#include "base/macro.h"

typedef struct ControlSocket {
        int fd;
        char *path; /* owned; NULL: somebody else's, not to be removed */
        dev_t dev;
        ino_t ino;
} ControlSocket;

#define CONTROL_SOCKET_NULL ((ControlSocket){.fd = -1})

/**
 * control_socket_listen() - listen at a path
 *
 * The folder that holds it is made (0700) if missing; the socket is 0600, whatever the umask.
 *
 * Return: 0, -EADDRINUSE if a daemon listens there or is about to, -EEXIST if something that is no
 *         socket is in the way, -ENAMETOOLONG, or another negative errno.
 */
int control_socket_listen(const char *path, ControlSocket *ret_socket);

/* Adopt a socket that listens already (socket activation). Takes @fd on success only.
 * Return: 0, -ENOTSOCK if it is not a listening UNIX stream socket. */
int control_socket_adopt(int fd, ControlSocket *ret_socket);

/* For a daemon that was started by its socket and cannot serve it: who has connected until now is hung up on,
 * or systemd would start it for them again, at once and for ever. Does not close @fd. */
void control_socket_turn_away(int fd);

void control_socket_close(ControlSocket *socket);
