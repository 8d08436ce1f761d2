/*
 * Preloaded into a program (LD_PRELOAD): counts its calls of the system and its allocations, and fails one
 * of them.
 *
 *      FAULT=name:n:errno    the n-th call of this function does nothing and fails; "allocation" is malloc,
 *                            calloc and realloc together
 *      FAULT=name:n+:errno   and so does each that follows
 *      FAULT=name:n:short    it reads or writes less than it was asked to
 *      FAULT_LOG=file        at the end, a line for each function: its name, how often it was called;
 *                            and a line "fault" once the call has failed
 */

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
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

#define N_FUNCTIONS 128

typedef struct Function {
        const char *name;
        atomic_long n_calls;
} Function;

static Function functions[N_FUNCTIONS];
static atomic_int n_functions;
static char fault_name[64];
static long fault_at;
static int fault_error; /* 0: a short one */
static int fault_stays;
static int log_fd = -1;
static atomic_long n_allocations;
static long allocation_at;

static void put_line(const char *line) {
        (void) syscall(SYS_write, log_fd, line, strlen(line));
}

__attribute__((constructor)) static void begin(void) {
        const char *fault = getenv("FAULT"), *log = getenv("FAULT_LOG");
        char error[16] = "";

        if (log)
                log_fd = (int) syscall(SYS_openat, AT_FDCWD, log,
                                       O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fault)
                (void) sscanf(fault, "%63[^:]:%ld%*[+:]%15s", fault_name, &fault_at, error);
        fault_stays = fault && strchr(fault, '+') != NULL;
        fault_error = (int) strtol(error, NULL, 10);
        (void) unsetenv("LD_PRELOAD"); /* what it starts is left alone */
        if (strcmp(fault_name, "allocation") == 0)
                allocation_at = fault_at;
        atomic_store(&n_allocations, 0);
}

__attribute__((destructor)) static void end(void) {
        char line[128];

        if (log_fd < 0)
                return;
        for (int i = 0; i < n_functions; i++) {
                (void) snprintf(line, sizeof(line), "%s %ld\n", functions[i].name,
                                (long) functions[i].n_calls);
                put_line(line);
        }
        (void) snprintf(line, sizeof(line), "allocation %ld\n", (long) n_allocations);
        put_line(line);
}

static Function *enter(const char *name) {
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        Function *function;
        int n;

        (void) pthread_mutex_lock(&lock);
        n = n_functions;
        if (n == N_FUNCTIONS)
                abort();
        function = &functions[n];
        function->name = name;
        n_functions = n + 1;
        (void) pthread_mutex_unlock(&lock);
        return function;
}

static void note_fault(void) {
        if (log_fd >= 0)
                put_line("fault\n");
}

/* Return: whether it is this call. */
static int is_due(Function **function, const char *name) {
        long n;

        if (!*function)
                *function = enter(name);
        n = atomic_fetch_add(&(*function)->n_calls, 1) + 1;
        return (n == fault_at || (fault_stays && n > fault_at)) && strcmp(name, fault_name) == 0;
}

static int fails(Function **function, const char *name) {
        if (!is_due(function, name) || fault_error == 0)
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
        static Function *function;                                                                 \
        if (!real)                                                                                 \
        *(void **) &real = dlsym(RTLD_NEXT, #name)

#define CALL(type, name, failed, parameters, arguments)                                            \
        type name parameters {                                                                     \
                REAL(type, name, parameters);                                                      \
                return fails(&function, #name) ? failed : real arguments;                          \
        }

/* Of a size that can be less. */
#define STREAM(name, parameters, arguments)                                                        \
        ssize_t name parameters {                                                                  \
                REAL(ssize_t, name, parameters);                                                   \
                if (is_due(&function, #name)) {                                                    \
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
CALL(int, epoll_ctl, -1, (int fd, int what, int other, struct epoll_event *event), (fd, what, other, event))
CALL(int, epoll_wait, -1, (int fd, struct epoll_event *events, int n, int timeout), (fd, events, n, timeout))
CALL(int, timerfd_create, -1, (clockid_t clock, int flags), (clock, flags))
CALL(int, timerfd_settime, -1, (int fd, int flags, const struct itimerspec *new, struct itimerspec *old), (fd, flags, new, old))
CALL(int, signalfd, -1, (int fd, const sigset_t *set, int flags), (fd, set, flags))
CALL(int, inotify_init1, -1, (int flags), (flags))
CALL(int, inotify_add_watch, -1, (int fd, const char *path, uint32_t mask), (fd, path, mask))

CALL(int, fsync, -1, (int fd), (fd))
CALL(int, fdatasync, -1, (int fd), (fd))
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

/* Its result is the error. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument) {
        REAL(int, pthread_create,
             (pthread_t *, const pthread_attr_t *, void *(*) (void *), void *) );
        return fails(&function, "pthread_create") ? fault_error
                                                  : real(thread, attributes, run, argument);
}

/* It is closed nevertheless. */
int close(int fd) {
        REAL(int, close, (int) );
        if (!fails(&function, "close"))
                return real(fd);
        (void) real(fd);
        errno = fault_error;
        return -1;
}

int open(const char *path, int flags, ...) {
        REAL(int, open64, (const char *, int, ...));
        OPEN_MODE(flags)
        return fails(&function, "open") ? -1 : real(path, flags, mode);
}

int openat(int fd, const char *path, int flags, ...) {
        REAL(int, openat64, (int, const char *, int, ...));
        OPEN_MODE(flags)
        return fails(&function, "openat") ? -1 : real(fd, path, flags, mode);
}

/* Memory: by the C library's own names, since looking for the next definition allocates. */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

static int allocation_fails(void) {
        if (atomic_fetch_add(&n_allocations, 1) + 1 != allocation_at)
                return 0;
        note_fault();
        errno = ENOMEM;
        return 1;
}

void *malloc(size_t size) {
        return allocation_fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
        return allocation_fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size) {
        return allocation_fails() ? NULL : __libc_realloc(old, size);
}
