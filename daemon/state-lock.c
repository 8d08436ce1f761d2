/* The lock of the state directory. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/macro.h"
#include "daemon/log.h"
#include "daemon/state-lock.h"

static int make_directories(const char *path) {
        _cleanup_free_ char *copy = strdup(path);

        if (!copy)
                return -ENOMEM;
        for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdir(copy, 0700) < 0 && errno != EEXIST)
                        return -errno;
                *slash = '/';
        }
        return mkdir(copy, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* Mail's state is private, and a directory that others can write to could be given to us. */
static int check_directory(const char *path) {
        struct stat st;

        if (stat(path, &st) < 0)
                return log_error_errno(-errno, "the state directory %s cannot be used: %m", path);
        if (!S_ISDIR(st.st_mode))
                return log_error_errno(-ENOTDIR, "the state directory %s cannot be used: %m", path);
        if (st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH)))
                return 0;
        log_error("the state directory %s can be written by others; mend it with “chmod 700 %s”",
                  path, path);
        return -EPERM;
}

static int held_by_other(const char *directory, int fd) {
        char pid[32] = "";
        ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

        if (n > 0)
                pid[strcspn(pid, "\n")] = '\0';
        log_error("another imapsyncd%s%s uses the state in %s; stop it first",
                  pid[0] ? ", process " : "", pid, directory);
        return -EBUSY;
}

int state_lock(const char *directory, int *ret_fd) {
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -1;
        int r;

        r = make_directories(directory);
        if (r < 0)
                return log_error_errno(r, "the state directory %s cannot be made: %m", directory);
        r = check_directory(directory);
        if (r < 0)
                return r;
        if (asprintf(&path, "%s/lock", directory) < 0)
                return log_error_errno(-ENOMEM, "%s cannot be locked: %m", directory);

        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return log_error_errno(-errno, "%s cannot be opened: %m", path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? held_by_other(directory, fd)
                                            : log_error_errno(-errno, "%s: %m", path);
        if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int) getpid()) < 0)
                return log_error_errno(-errno, "%s cannot be written: %m", path);

        *ret_fd = TAKE_FD(fd);
        return 0;
}
