/* The machine's sleep without logind: what the clocks tell. The kernel is replaced where it tells of them. */

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "daemon/log.h"
#include "daemon/sleep.h"
#include "test.h"

/* Linked with --wrap: a sleep of so long moves CLOCK_BOOTTIME on, and the timer on the wall's clock is an
 * eventfd, written when that would be cancelled. */
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_timerfd_create(int clock, int flags);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *value,
                           struct itimerspec *before);

static time_t slept;
static int clock_fd = -1;
static unsigned n_armed;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now) {
        int r = __real_clock_gettime(clock, now);

        if (clock == CLOCK_BOOTTIME)
                now->tv_sec += slept;
        return r;
}

int __wrap_timerfd_create(int clock, int flags) {
        assert(clock == CLOCK_REALTIME);
        assert(flags == (TFD_CLOEXEC | TFD_NONBLOCK));
        clock_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return clock_fd;
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *value,
                           struct itimerspec *before) {
        (void) before;
        assert(fd == clock_fd);
        assert(flags == (TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET));
        assert(value->it_value.tv_sec > time(NULL) + 3600);
        n_armed++;
        return 0;
}

typedef struct Told {
        unsigned n_asleep, n_late, n_awake;
} Told;

static void on_sleep(void *userdata) {
        ((Told *) userdata)->n_asleep++;
}

static void on_late(void *userdata) {
        ((Told *) userdata)->n_late++;
}

static void on_resume(void *userdata) {
        ((Told *) userdata)->n_awake++;
}

static void test_clocks(void) {
        static const struct {
                const char *label;
                time_t seconds;
                unsigned n_awake; /* in all */
        } rows[] = {
                {"the clock is set", 0,     0},
                {"an hour of sleep", 3600,  1},
                {"set again",        0,     1},
                {"two seconds",      2,     2},
                {"a day",            86400, 3},
        };
        static const SleepHandler handler = {on_sleep, on_late, on_resume};
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(system_bus_freep) SystemBus *bus = NULL;
        _cleanup_(sleep_freep) Sleep *sleep = NULL;
        Told told = {0};

        assert(sd_event_new(&event) >= 0);
        assert(system_bus_new(event, &bus) >= 0);
        assert(sleep_new(event, bus, &handler, &told, &sleep) >= 0);
        assert(n_armed == 1);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                slept += rows[i].seconds;
                assert(eventfd_write(clock_fd, 1) == 0);
                while (sd_event_run(event, 0) > 0)
                        ;
                TEST_ROW(rows[i].label, told.n_awake == rows[i].n_awake);
                TEST_ROW(rows[i].label, n_armed == i + 2);
        }
        assert(told.n_asleep == 0 && told.n_late == 0);
        sleep_ready(sleep); /* of no concern: nobody waits */
}

int main(void) {
        assert(setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", 1) == 0);
        log_init(0);
        test_clocks();
        return 0;
}
