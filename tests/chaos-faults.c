/*
 * Preloaded into a program (LD_PRELOAD): counts its calls of the system and its allocations, and fails one
 * of them.
 *
 *      FAULT=name:n:errno    the n-th call of this function does nothing and fails; "allocation" is malloc,
 *                            calloc and realloc together
 *      FAULT=name:n+:errno   and so does each that follows
 *                            (a file that is new, and has failed to become durable, has lost what was in it)
 *      FAULT=name:n:short    it reads or writes less than it was asked to
 *      FAULT_SITE=site       only the calls from there are counted
 *      FAULT_LOG=file        a line "fault" once the call has failed, and its callers (addr2line tells more),
 *                            for the first hundred
 *      FAULT_SITES=file      a line for each call: its name, and where it was made
 *
 * A site is what the stack looks like: all that has called what calls. Of each address the twelve bits that
 * are the same wherever a library is loaded.
 */

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "chaos-open.h"

#define DEPTH            40
#define ALLOCATION_DEPTH 10  /* the libraries are deep, and what they do with an error is near */
#define NOTES_MAX        100 /* a program that never stops trying would fill the disk */

static char fault_name[64];
static long fault_at;
static int fault_error; /* 0: a short one */
static int fault_stays;
static unsigned long fault_site; /* 0: whatever */
static int log_fd = -1, sites_fd = -1;
static atomic_long n_calls; /* of this name, and from there */
static _Thread_local int is_inside __attribute__((tls_model("initial-exec")));

static int open_log(const char *variable) {
        const char *path = getenv(variable);

        return path ? (int) syscall(SYS_openat, AT_FDCWD, path,
                                    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)
                    : -1;
}

__attribute__((constructor)) static void begin(void) {
        const char *fault = getenv("FAULT"), *site = getenv("FAULT_SITE");
        char error[16] = "";
        void *first[1];

        is_inside = 1;
        (void) backtrace(first, 1); /* it loads a library */
        if (fault)
                (void) sscanf(fault, "%63[^:]:%ld%*[+:]%15s", fault_name, &fault_at, error);
        fault_stays = fault && strchr(fault, '+') != NULL;
        fault_error = (int) strtol(error, NULL, 10);
        fault_site = site ? strtoul(site, NULL, 16) : 0;
        (void) unsetenv("LD_PRELOAD"); /* what it starts is left alone */
        log_fd = open_log("FAULT_LOG");
        sites_fd = open_log("FAULT_SITES");
        is_inside = 0;
}

/* This library, whose own addresses depend on what the compiler has made of it. */
extern char __ehdr_start[] __attribute__((visibility("hidden")));
extern char _end[] __attribute__((visibility("hidden")));

static unsigned long site_now(const char *name) {
        void *frames[DEPTH];
        unsigned long site = 1469598103934665603u; /* FNV-1a */
        const int n = backtrace(frames, strcmp(name, "allocation") == 0 ? ALLOCATION_DEPTH : DEPTH);

        for (int i = 0; i < n; i++)
                if ((char *) frames[i] < __ehdr_start || (char *) frames[i] >= _end)
                        site = (site ^ ((unsigned long) frames[i] & 0xfff)) * 1099511628211u;
        return site;
}

static void put_line(int fd, const char *name, unsigned long site) {
        char line[128];
        const int n = snprintf(line, sizeof(line), "%s %lx\n", name, site);

        (void) syscall(SYS_write, fd, line, (size_t) n);
}

static void note_fault(void) {
        static atomic_int n_notes;
        void *frames[DEPTH];

        if (log_fd < 0 || atomic_fetch_add(&n_notes, 1) >= NOTES_MAX)
                return;
        is_inside++;
        put_line(log_fd, "fault", 0);
        backtrace_symbols_fd(frames, backtrace(frames, DEPTH), log_fd);
        is_inside--;
}

/* Return: whether it is the one, or one that follows it. */
static int is_counted(const char *name) {
        const int is_named = fault_at > 0 && strcmp(name, fault_name) == 0;
        long n = is_named ? atomic_load(&n_calls) : 0;
        unsigned long site = 0;

        if (sites_fd >= 0 || (is_named && fault_site != 0 && n < fault_at))
                site = site_now(name);
        if (sites_fd >= 0)
                put_line(sites_fd, name, site);
        if (!is_named)
                return 0;
        if (n < fault_at && site != fault_site && fault_site != 0)
                return 0;
        n = n < fault_at ? atomic_fetch_add(&n_calls, 1) + 1 : n + 1;
        return n == fault_at || (fault_stays && n > fault_at);
}

/* What the C library's own search for a function and a stack calls is not the program's. */
static int is_due(const char *name) {
        int r;

        if (is_inside)
                return 0;
        is_inside = 1;
        r = is_counted(name);
        is_inside = 0;
        return r;
}

static int fails(const char *name) {
        if (!is_due(name) || fault_error == 0)
                return 0;
        note_fault();
        errno = fault_error;
        return 1;
}

/* Return: how many bytes it may take. */
static size_t shorten(size_t size) {
        if (size < 2)
                return size;
        note_fault();
        return size > 64 ? size / 2 + 3 : 1;
}

/* The next definition of the function that this one stands in for. */
#define REAL(type, name, parameters)                                                               \
        static type(*real) parameters;                                                             \
        if (!real)                                                                                 \
        *(void **) &real = dlsym(RTLD_NEXT, #name)

#define CALL(type, name, failed, parameters, arguments)                                            \
        type name parameters {                                                                     \
                REAL(type, name, parameters);                                                      \
                return fails(#name) ? failed : real arguments;                                     \
        }

/* Of a size that can be less. */
#define STREAM(name, parameters, arguments)                                                        \
        ssize_t name parameters {                                                                  \
                REAL(ssize_t, name, parameters);                                                   \
                if (is_due(#name)) {                                                               \
                        if (fault_error != 0) {                                                    \
                                note_fault();                                                      \
                                errno = fault_error;                                               \
                                return -1;                                                         \
                        }                                                                          \
                        size = shorten(size);                                                      \
                }                                                                                  \
                return real arguments;                                                             \
        }

/* clang-format off */
STREAM(read, (int fd, void *data, size_t size), (fd, data, size))
STREAM(write, (int fd, const void *data, size_t size), (fd, data, size))
STREAM(pread, (int fd, void *data, size_t size, off_t offset), (fd, data, size, offset))
STREAM(pwrite, (int fd, const void *data, size_t size, off_t offset), (fd, data, size, offset))
STREAM(recv, (int fd, void *data, size_t size, int flags), (fd, data, size, flags))
STREAM(send, (int fd, const void *data, size_t size, int flags), (fd, data, size, flags))
CALL(ssize_t, writev, -1, (int fd, const struct iovec *parts, int n), (fd, parts, n))
CALL(ssize_t, readv, -1, (int fd, const struct iovec *parts, int n), (fd, parts, n))
CALL(ssize_t, sendmsg, -1, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
CALL(ssize_t, recvmsg, -1, (int fd, struct msghdr *message, int flags), (fd, message, flags))

CALL(int, socket, -1, (int domain, int type, int protocol), (domain, type, protocol))
CALL(int, socketpair, -1, (int domain, int type, int protocol, int fds[2]), (domain, type, protocol, fds))
CALL(int, connect, -1, (int fd, const struct sockaddr *address, socklen_t size), (fd, address, size))
CALL(int, accept4, -1, (int fd, struct sockaddr *address, socklen_t *size, int flags), (fd, address, size, flags))
CALL(int, bind, -1, (int fd, const struct sockaddr *address, socklen_t size), (fd, address, size))
CALL(int, listen, -1, (int fd, int n), (fd, n))
CALL(int, getsockopt, -1, (int fd, int level, int name, void *value, socklen_t *size), (fd, level, name, value, size))
CALL(int, setsockopt, -1, (int fd, int level, int name, const void *value, socklen_t size), (fd, level, name, value, size))
CALL(int, pipe2, -1, (int fds[2], int flags), (fds, flags))
CALL(int, eventfd, -1, (unsigned int value, int flags), (value, flags))
CALL(int, epoll_create1, -1, (int flags), (flags))
CALL(int, epoll_wait, -1, (int fd, struct epoll_event *events, int n, int timeout), (fd, events, n, timeout))
CALL(int, timerfd_create, -1, (clockid_t clock, int flags), (clock, flags))
CALL(int, timerfd_settime, -1, (int fd, int flags, const struct itimerspec *new, struct itimerspec *old), (fd, flags, new, old))
CALL(int, signalfd, -1, (int fd, const sigset_t *set, int flags), (fd, set, flags))
CALL(int, inotify_init1, -1, (int flags), (flags))
CALL(int, inotify_add_watch, -1, (int fd, const char *path, uint32_t mask), (fd, path, mask))

CALL(int, rename, -1, (const char *from, const char *to), (from, to))
CALL(int, renameat, -1, (int from_fd, const char *from, int to_fd, const char *to), (from_fd, from, to_fd, to))
CALL(int, renameat2, -1, (int from_fd, const char *from, int to_fd, const char *to, unsigned int flags), (from_fd, from, to_fd, to, flags))
CALL(int, linkat, -1, (int from_fd, const char *from, int to_fd, const char *to, int flags), (from_fd, from, to_fd, to, flags))
CALL(int, unlink, -1, (const char *path), (path))
CALL(int, unlinkat, -1, (int fd, const char *path, int flags), (fd, path, flags))
CALL(int, rmdir, -1, (const char *path), (path))
CALL(int, mkdir, -1, (const char *path, mode_t mode), (path, mode))
CALL(int, mkdirat, -1, (int fd, const char *path, mode_t mode), (fd, path, mode))
CALL(int, chmod, -1, (const char *path, mode_t mode), (path, mode))
CALL(int, ftruncate, -1, (int fd, off_t size), (fd, size))
CALL(int, futimens, -1, (int fd, const struct timespec times[2]), (fd, times))
CALL(int, flock, -1, (int fd, int how), (fd, how))
CALL(off_t, lseek, -1, (int fd, off_t offset, int whence), (fd, offset, whence))
CALL(int, stat, -1, (const char *path, struct stat *st), (path, st))
CALL(int, lstat, -1, (const char *path, struct stat *st), (path, st))
CALL(int, fstat, -1, (int fd, struct stat *st), (fd, st))
CALL(int, fstatat, -1, (int fd, const char *path, struct stat *st, int flags), (fd, path, st, flags))
CALL(int, statx, -1, (int fd, const char *path, int flags, unsigned int mask, struct statx *st), (fd, path, flags, mask, st))
CALL(int, access, -1, (const char *path, int mode), (path, mode))
CALL(int, faccessat, -1, (int fd, const char *path, int mode, int flags), (fd, path, mode, flags))
CALL(DIR *, fdopendir, NULL, (int fd), (fd))
CALL(struct dirent *, readdir, NULL, (DIR *dir), (dir))
CALL(void *, mmap, MAP_FAILED, (void *where, size_t size, int protection, int flags, int fd, off_t offset), (where, size, protection, flags, fd, offset))
CALL(ssize_t, getrandom, -1, (void *data, size_t size, unsigned int flags), (data, size, flags))
CALL(int, gethostname, -1, (char *name, size_t size), (name, size))
CALL(char *, getcwd, NULL, (char *path, size_t size), (path, size))
/* clang-format on */

/* It needs memory for what is new alone. */
int epoll_ctl(int fd, int what, int other, struct epoll_event *event) {
        REAL(int, epoll_ctl, (int, int, int, struct epoll_event *) );
        return what == EPOLL_CTL_ADD && fails("epoll_ctl") ? -1 : real(fd, what, other, event);
}

/* Its result is the error. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument) {
        REAL(int, pthread_create,
             (pthread_t *, const pthread_attr_t *, void *(*) (void *), void *) );
        return fails("pthread_create") ? fault_error : real(thread, attributes, run, argument);
}

/* Files that were made and are not durable yet. */
static unsigned char is_new[1024];

static int note_open(int fd, int flags) {
        if (fd >= 0 && fd < (int) sizeof(is_new))
                is_new[fd] = (flags & O_CREAT) && (flags & O_EXCL);
        return fd;
}

static int note_synced(int fd, int result) {
        if (result == 0 && fd >= 0 && fd < (int) sizeof(is_new))
                is_new[fd] = 0;
        return result;
}

/* After an error the kernel takes what it could not write for written, and may forget it: the file has
 * its size, and nothing in it. The next fsync succeeds. */
static int lose(int fd) {
        const int error = errno;
        const char zeros[4096] = {0};
        long size;

        if (error == EINTR || fd < 0 || fd >= (int) sizeof(is_new) || !is_new[fd])
                return -1;
        size = syscall(SYS_lseek, fd, 0, SEEK_END);
        for (long at = 0; at < size; at += (long) sizeof(zeros))
                (void) syscall(SYS_pwrite64, fd, zeros,
                               (size_t) (size - at < (long) sizeof(zeros) ? size - at
                                                                          : (long) sizeof(zeros)),
                               at);
        errno = error;
        return -1;
}

int fsync(int fd) {
        REAL(int, fsync, (int) );
        return fails("fsync") ? lose(fd) : note_synced(fd, real(fd));
}

int fdatasync(int fd) {
        REAL(int, fdatasync, (int) );
        return fails("fdatasync") ? lose(fd) : note_synced(fd, real(fd));
}

/* It is closed nevertheless. */
int close(int fd) {
        REAL(int, close, (int) );
        if (!fails("close"))
                return real(fd);
        (void) real(fd);
        errno = fault_error;
        return -1;
}

/* What is there needs no room. */
static int can_fail_to_open(int fd, const char *path, int flags) {
        return fault_error != ENOSPC ||
               ((flags & O_CREAT) && syscall(SYS_faccessat, fd, path, F_OK) < 0);
}

int open(const char *path, int flags, ...) {
        REAL(int, open64, (const char *, int, ...));
        OPEN_MODE(flags)
        return can_fail_to_open(AT_FDCWD, path, flags) && fails("open")
                       ? -1
                       : note_open(real(path, flags, mode), flags);
}

int openat(int fd, const char *path, int flags, ...) {
        REAL(int, openat64, (int, const char *, int, ...));
        OPEN_MODE(flags)
        return can_fail_to_open(fd, path, flags) && fails("openat")
                       ? -1
                       : note_open(real(fd, path, flags, mode), flags);
}

/* Memory: by the C library's own names, since looking for the next definition allocates. */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size) {
        return fails("allocation") ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
        return fails("allocation") ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size) {
        return fails("allocation") ? NULL : __libc_realloc(old, size);
}
