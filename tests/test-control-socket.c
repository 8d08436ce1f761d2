/* The control socket as a file: its modes, what it replaces, what it leaves alone. */

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "daemon/control-socket.h"
#include "test.h"

static char dir[] = "/tmp/test-socket-XXXXXX";
static char folder[64], path[96];

static mode_t mode_of(const char *name) {
        struct stat st;

        assert(lstat(name, &st) == 0);
        return st.st_mode & 07777;
}

/* A socket file on which nobody listens. */
static void leave_dead_socket(void) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        assert(fd >= 0 && bind(fd, (struct sockaddr *) &address, sizeof(address)) == 0);
        (void) close(fd);
}

static void leave_file(void) {
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        assert(fd >= 0);
        (void) close(fd);
}

static void leave_link(void) {
        assert(symlink("/tmp", path) == 0);
}

static void test_modes(void) {
        static const mode_t umasks[] = {0, 0022, 0077, 0777};

        for (size_t i = 0; i < ARRAY_SIZE(umasks); i++) {
                _cleanup_(control_socket_close) ControlSocket s = CONTROL_SOCKET_NULL;
                mode_t before = umask(umasks[i]);

                assert(control_socket_listen(path, &s) == 0);
                (void) umask(before);
                assert(mode_of(folder) == 0700 && mode_of(path) == 0600);
                control_socket_close(&s);
                assert(access(path, F_OK) < 0);
                control_socket_close(&s); /* may run twice */
                assert(rmdir(folder) == 0);
        }
}

static void test_in_the_way(void) {
        static const struct {
                const char *label;
                void (*leave)(void);
                int result;
        } rows[] = {
                {"a dead socket", leave_dead_socket, 0      },
                {"a file",        leave_file,        -EEXIST},
                {"a link",        leave_link,        -EEXIST},
        };

        assert(mkdir(folder, 0700) == 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                ControlSocket s = CONTROL_SOCKET_NULL;

                rows[i].leave();
                TEST_ROW(rows[i].label, control_socket_listen(path, &s) == rows[i].result);
                control_socket_close(&s);
                /* what was not ours is still there */
                TEST_ROW(rows[i].label, (unlink(path) == 0) == (rows[i].result < 0));
        }
        assert(rmdir(folder) == 0);
}

static void test_living(void) {
        _cleanup_(control_socket_close) ControlSocket first = CONTROL_SOCKET_NULL;
        ControlSocket second = CONTROL_SOCKET_NULL;

        assert(control_socket_listen(path, &first) == 0);
        assert(control_socket_listen(path, &second) == -EADDRINUSE);
        assert(second.fd < 0 && access(path, F_OK) == 0);

        /* somebody took the file away and made his own: that one is not ours to remove */
        assert(unlink(path) == 0);
        assert(control_socket_listen(path, &second) == 0);
        control_socket_close(&first);
        assert(access(path, F_OK) == 0);
        control_socket_close(&second);
        assert(access(path, F_OK) < 0);
        assert(rmdir(folder) == 0);
}

static void test_bad_paths(void) {
        ControlSocket s = CONTROL_SOCKET_NULL;
        char name[200];

        snprintf(name, sizeof(name), "%s/%0120d", dir, 0);
        assert(control_socket_listen(name, &s) == -ENAMETOOLONG);
        snprintf(name, sizeof(name), "%s/a/b/control", dir);
        assert(control_socket_listen(name, &s) == -ENOENT); /* one folder is made, not a tree */
        assert(s.fd < 0);
}

/* Socket activation: the file belongs to who made it. */
static void test_adopt(void) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        ControlSocket s = CONTROL_SOCKET_NULL;
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        assert(fd >= 0);
        assert(control_socket_adopt(fd, &s) == -ENOTSOCK); /* it does not listen yet */
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/activated", dir);
        assert(bind(fd, (struct sockaddr *) &address, sizeof(address)) == 0 && listen(fd, 1) == 0);
        assert(control_socket_adopt(fd, &s) == 0 && s.fd == fd);
        assert((fcntl(fd, F_GETFD) & FD_CLOEXEC) && (fcntl(fd, F_GETFL) & O_NONBLOCK));
        control_socket_close(&s);
        assert(unlink(address.sun_path) == 0);

        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert(control_socket_adopt(fd, &s) == -ENOTSOCK);
        (void) close(fd);
}

int main(void) {
        assert(mkdtemp(dir));
        snprintf(folder, sizeof(folder), "%s/imapsyncd", dir);
        snprintf(path, sizeof(path), "%s/control", folder);

        test_modes();
        test_in_the_way();
        test_living();
        test_bad_paths();
        test_adopt();
        assert(rmdir(dir) == 0);
        return 0;
}
