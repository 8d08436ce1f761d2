/*
 * Preloaded: the machine sleeps, as far as a program can tell without logind
 *
 * Who writes a number of seconds (8 bytes) to the FIFO $SLEEP_FIFO has the program believe in so long a sleep:
 * the timer on the clock of the wall is cancelled, CLOCK_BOOTTIME and that clock have moved on, and CLOCK_MONOTONIC
 * has not. Timers on CLOCK_BOOTTIME are due by it, as soon as the program looks.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FD = 4096 };

static int64_t slept; /* seconds in all */
static int fifo = -1;
static unsigned char is_boottime[MAX_FD];

#define REAL(name)                                                                                 \
        static __typeof__(&name) real;                                                             \
        if (!real)                                                                                 \
        real = (__typeof__(&name)) dlsym(RTLD_NEXT, #name)

int clock_gettime(clockid_t clock, struct timespec *now) {
        REAL(clock_gettime);
        const int r = real(clock, now);

        if (r == 0 && (clock == CLOCK_BOOTTIME || clock == CLOCK_REALTIME))
                now->tv_sec += slept;
        return r;
}

int timerfd_create(int clock, int flags) {
        REAL(timerfd_create);
        const char *path = getenv("SLEEP_FIFO");
        int fd;

        if (clock == CLOCK_REALTIME && path && fifo < 0) {
                fifo = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
                return fifo;
        }
        fd = real(clock, flags);
        if (fd >= 0 && fd < MAX_FD)
                is_boottime[fd] = clock == CLOCK_BOOTTIME;
        return fd;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *before) {
        REAL(timerfd_settime);
        struct itimerspec moved = *value;

        if (fd >= 0 && fd == fifo)
                return 0;
        if (fd >= 0 && fd < MAX_FD && is_boottime[fd] && flags & TFD_TIMER_ABSTIME &&
            value->it_value.tv_sec > 0) {
                moved.it_value.tv_sec -= slept;
                if (moved.it_value.tv_sec <= 0) /* 0 would turn it off */
                        moved.it_value = (struct timespec){.tv_nsec = 1};
        }
        return real(fd, flags, &moved, before);
}

ssize_t read(int fd, void *buffer, size_t size) {
        REAL(read);
        const ssize_t n = real(fd, buffer, size);

        if (fd < 0 || fd != fifo || n != sizeof(slept))
                return n;
        slept += *(const int64_t *) buffer;
        errno = ECANCELED;
        return -1;
}
