/* The locks of the state directory. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

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

/* --- who holds it --- */

static bool is_held(int directory, const char *name) {
        _cleanup_close_ int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static void read_pid(int directory, const char *name, char *pid, size_t size) {
        _cleanup_close_ int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        const ssize_t n = fd < 0 ? -1 : pread(fd, pid, size - 1, 0);

        pid[MAX(n, 0)] = '\0';
        pid[strcspn(pid, "\n")] = '\0';
}

/* The first ACCOUNT.lock that is held, into @name, which is "lock" for none. */
static void find_held(int directory, char *name, size_t size) {
        const int copy = fcntl(directory, F_DUPFD_CLOEXEC, 3);
        DIR *entries = copy < 0 ? NULL : fdopendir(copy);
        const struct dirent *entry;

        (void) snprintf(name, size, "lock");
        while (entries && (entry = readdir(entries))) {
                const size_t n = strlen(entry->d_name);

                if (n < 6 || n >= size || strcmp(entry->d_name + n - 5, ".lock") != 0 ||
                    !is_held(directory, entry->d_name))
                        continue;
                (void) snprintf(name, size, "%s", entry->d_name);
                break;
        }
        if (entries)
                (void) closedir(entries);
        else if (copy >= 0)
                (void) close(copy);
}

/* @name: of the lock that could not be had. Who shares it is told by the lock of an account. */
static int held_by_other(const char *path, int directory, const char *name, bool is_shared) {
        char holder[NAME_MAX + 1], pid[32];

        (void) snprintf(holder, sizeof(holder), "%s", name);
        if (is_shared)
                find_held(directory, holder, sizeof(holder));
        read_pid(directory, holder, pid, sizeof(pid));
        log_error("another imapsyncd%s%s uses the state in %s; stop it first",
                  pid[0] ? ", process " : "", pid, path);
        return -EBUSY;
}

/* --- locks --- */

void state_lock_release(StateLock *lock) {
        for (size_t i = 0; i < lock->n_fds; i++)
                close_fdp(&lock->fds[i]);
        free(lock->fds);
        *lock = STATE_LOCK_NULL;
}

/* @how: LOCK_EX, and our number is written into it, or LOCK_SH. */
static int take(StateLock *lock, const char *path, int directory, const char *name, int how) {
        _cleanup_close_ int fd = -1;
        int *grown = reallocarray(lock->fds, lock->n_fds + 1, sizeof(*grown));

        if (!grown)
                return log_error_errno(-ENOMEM, "%s cannot be locked: %m", path);
        lock->fds = grown;

        fd = openat(directory, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return log_error_errno(-errno, "%s/%s cannot be opened: %m", path, name);
        if (flock(fd, how | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK)
                        return log_error_errno(-errno, "%s/%s: %m", path, name);
                return held_by_other(path, directory, name,
                                     how == LOCK_EX && strcmp(name, "lock") == 0);
        }
        if (how == LOCK_EX && (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int) getpid()) < 0))
                return log_error_errno(-errno, "%s/%s cannot be written: %m", path, name);

        lock->fds[lock->n_fds++] = TAKE_FD(fd);
        return 0;
}

/* The same account may be named twice. */
static bool is_first(char *const *accounts, size_t i) {
        for (size_t k = 0; k < i; k++)
                if (strcmp(accounts[k], accounts[i]) == 0)
                        return false;
        return true;
}

static int take_accounts(StateLock *lock, const char *path, int directory, char *const *accounts) {
        int r = take(lock, path, directory, "lock", LOCK_SH);

        for (size_t i = 0; r >= 0 && accounts[i]; i++) {
                char name[NAME_MAX + 1];

                if (!is_first(accounts, i))
                        continue;
                (void) snprintf(name, sizeof(name), "%s.lock", accounts[i]);
                r = take(lock, path, directory, name, LOCK_EX);
        }
        return r;
}

int state_lock(const char *path, char *const *accounts, StateLock *ret_lock) {
        _cleanup_(state_lock_release) StateLock lock = STATE_LOCK_NULL;
        _cleanup_close_ int directory = -1;
        int r;

        r = make_directories(path);
        if (r < 0)
                return log_error_errno(r, "the state directory %s cannot be made: %m", path);
        r = check_directory(path);
        if (r < 0)
                return r;
        directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0)
                return log_error_errno(-errno, "the state directory %s cannot be used: %m", path);

        r = accounts && accounts[0] ? take_accounts(&lock, path, directory, accounts)
                                    : take(&lock, path, directory, "lock", LOCK_EX);
        if (r < 0)
                return r;
        *ret_lock = lock;
        lock = STATE_LOCK_NULL;
        return 0;
}
