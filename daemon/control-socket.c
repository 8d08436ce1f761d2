/*
 * The listening end of the control socket
 *
 * Two daemons that start together must not both find the socket dead and then remove each other's:
 * from the look until listen() the folder is locked, where it is ours.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "daemon/control-socket.h"

#define BACKLOG 64

/* Open the folder that holds @path, made if it is not there. */
static int open_folder(const char *path, int *ret_fd) {
        _cleanup_close_ int fd = -1;
        _cleanup_free_ char *folder = NULL;
        const char *slash = strrchr(path, '/');

        if (!slash)
                folder = strdup(".");
        else
                folder = strndup(path, slash == path ? 1 : (size_t) (slash - path));
        if (!folder)
                return -ENOMEM;

        /* mkdir() is subject to the umask, which may take away too much */
        if (mkdir(folder, 0700) == 0) {
                if (chmod(folder, 0700) < 0)
                        return -errno;
        } else if (errno != EEXIST)
                return -errno;

        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Only in a folder of our own: in one that others can open too they could hold the lock for ever. */
static int lock_folder(int fd) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_uid != geteuid())
                return 0;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
        return 0;
}

/* Remove a socket on which nobody listens. Only ECONNREFUSED proves that. */
static int remove_dead(const struct sockaddr_un *address) {
        _cleanup_close_ int fd = -1;
        struct stat st;

        if (lstat(address->sun_path, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISSOCK(st.st_mode))
                return -EEXIST;

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *) address, sizeof(*address)) == 0)
                return -EADDRINUSE;
        switch (errno) {
        case ECONNREFUSED:
                return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
        case EAGAIN: /* its backlog is full: it lives */
                return -EADDRINUSE;
        default:
                return -errno;
        }
}

/* Until listen() a connect() is refused, so the mode can be set in between, whatever the umask. */
static int bind_and_listen(const struct sockaddr_un *address, ControlSocket *s) {
        _cleanup_free_ char *path = strdup(address->sun_path);
        struct stat st;

        if (!path)
                return -ENOMEM;
        s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (s->fd < 0)
                return -errno;
        if (bind(s->fd, (const struct sockaddr *) address, sizeof(*address)) < 0)
                return -errno;
        if (lstat(path, &st) < 0)
                return -errno;
        s->path = TAKE_PTR(path);
        s->dev = st.st_dev;
        s->ino = st.st_ino;

        if (chmod(s->path, 0600) < 0 || listen(s->fd, BACKLOG) < 0)
                return -errno;
        return 0;
}

int control_socket_listen(const char *path, ControlSocket *ret_socket) {
        _cleanup_(control_socket_close) ControlSocket s = CONTROL_SOCKET_NULL;
        _cleanup_close_ int folder = -1;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int r;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);

        r = open_folder(path, &folder);
        if (r < 0)
                return r;
        r = lock_folder(folder);
        if (r < 0)
                return r;
        r = remove_dead(&address);
        if (r < 0)
                return r;
        r = bind_and_listen(&address, &s);
        if (r < 0)
                return r;

        *ret_socket = s;
        s = CONTROL_SOCKET_NULL;
        return 0;
}

int control_socket_adopt(int fd, ControlSocket *ret_socket) {
        int flags;

        if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0)
                return -ENOTSOCK;
        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
            fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                return -errno;

        *ret_socket = CONTROL_SOCKET_NULL;
        ret_socket->fd = fd;
        return 0;
}

void control_socket_turn_away(int fd) {
        int flags = fcntl(fd, F_GETFL), client;

        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return;
        while ((client = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
                (void) close(client);
}

void control_socket_close(ControlSocket *socket) {
        struct stat st;

        /* While the descriptor is open nothing else can have this inode. */
        if (socket->path && lstat(socket->path, &st) == 0 && st.st_dev == socket->dev &&
            st.st_ino == socket->ino)
                (void) unlink(socket->path);
        close_fdp(&socket->fd);
        free(socket->path);
        *socket = CONTROL_SOCKET_NULL;
}
