/*
 * Preloaded into a program (LD_PRELOAD): numbers every call that makes something lasting or tells it to
 * somebody else, and ends or fails the program at one of them.
 *
 *      CHAOS_KILL=n         SIGKILL before the n-th such call; -n: after it
 *      CHAOS_TERM=n         SIGTERM before it
 *      CHAOS_FAIL=n:errno   the n-th such call does nothing and fails
 *      CHAOS_LOG=file       a line for each: its number and its name
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static long point_now, kill_at, term_at, fail_at;
static int fail_errno, log_fd = -1;

__attribute__((constructor)) static void begin(void) {
        const char *kill_text = getenv("CHAOS_KILL"), *fail_text = getenv("CHAOS_FAIL");
        const char *term_text = getenv("CHAOS_TERM");
        const char *log = getenv("CHAOS_LOG");

        if (kill_text)
                kill_at = strtol(kill_text, NULL, 10);
        if (term_text)
                term_at = strtol(term_text, NULL, 10);
        if (fail_text)
                (void) sscanf(fail_text, "%ld:%d", &fail_at, &fail_errno);
        if (log)
                log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Return: whether the call is to be made. */
static int before(const char *name) {
        point_now++;
        if (log_fd >= 0)
                (void) dprintf(log_fd, "%ld %s\n", point_now, name);
        if (point_now == kill_at)
                (void) raise(SIGKILL);
        if (point_now == term_at)
                (void) raise(SIGTERM);
        if (point_now != fail_at)
                return 1;
        errno = fail_errno;
        return 0;
}

static void after(void) {
        if (point_now == -kill_at)
                (void) raise(SIGKILL);
}

/* The next definition of the function that this one stands in for. */
#define POINT(type, name, parameters, arguments)                                                   \
        type name parameters;                                                                      \
        type name parameters {                                                                     \
                static type(*real) parameters;                                                     \
                type result;                                                                       \
                                                                                                   \
                if (!real)                                                                         \
                        *(void **) &real = dlsym(RTLD_NEXT, #name);                                \
                if (!before(#name))                                                                \
                        return -1;                                                                 \
                result = real arguments;                                                           \
                after();                                                                           \
                return result;                                                                     \
        }

POINT(int, fsync, (int fd), (fd))
POINT(int, fdatasync, (int fd), (fd))
POINT(int, rename, (const char *from, const char *to), (from, to))
POINT(int, renameat, (int from_fd, const char *from, int to_fd, const char *to),
      (from_fd, from, to_fd, to))
POINT(int, renameat2,
      (int from_fd, const char *from, int to_fd, const char *to, unsigned int flags),
      (from_fd, from, to_fd, to, flags))
POINT(int, linkat, (int from_fd, const char *from, int to_fd, const char *to, int flags),
      (from_fd, from, to_fd, to, flags))
POINT(int, unlink, (const char *path), (path))
POINT(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags))
POINT(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode))
POINT(ssize_t, send, (int fd, const void *data, size_t size, int flags), (fd, data, size, flags))
