/* The machine's sleep. */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

#include "daemon/log.h"
#include "daemon/sleep.h"
#include "daemon/timer.h"

#define SECOND    INT64_C(1000000)
#define LATE_USEC ((uint64_t) 1500000)
#define GAP_USEC  SECOND /* less is no sleep that anybody has noticed */
#define NEVER     ((time_t) (sizeof(time_t) > 4 ? INT64_C(1) << 33 : INT32_MAX)) /* the year 2242 */

static const char service[] = "org.freedesktop.login1", path[] = "/org/freedesktop/login1",
                  interface[] = "org.freedesktop.login1.Manager";

struct Sleep {
        sd_event *event; /* ref */
        SleepHandler handler;
        void *userdata;

        sd_bus_slot *prepare, *inhibit;
        int lock; /* -EBADF: none */
        bool is_asleep;
        Timer late;

        sd_event_source *clock; /* of clock_fd */
        int clock_fd;
        int64_t asleep_usec; /* so long in all, as the clocks tell */
};

/* --- both ways --- */

static void release(Sleep *sleep) {
        timer_disarm(&sleep->late);
        sleep->inhibit = sd_bus_slot_unref(sleep->inhibit);
        if (sleep->lock >= 0)
                (void) close(sleep->lock);
        sleep->lock = -EBADF;
}

void sleep_ready(Sleep *sleep) {
        if (sleep->is_asleep)
                release(sleep);
}

static void on_late(void *userdata) {
        Sleep *sleep = userdata;

        sleep->handler.on_late(sleep->userdata);
        release(sleep);
}

static void fall_asleep(Sleep *sleep) {
        int r;

        if (sleep->is_asleep)
                return;
        log_info("the machine goes to sleep");
        sleep->is_asleep = true;
        r = timer_arm(&sleep->late, sleep->event, LATE_USEC, LATE_USEC / 15, on_late, sleep);
        sleep->handler.on_sleep(sleep->userdata);
        if (r < 0)
                on_late(sleep);
}

static int64_t usec_of(clockid_t clock) {
        struct timespec now;

        (void) clock_gettime(clock, &now);
        return (int64_t) now.tv_sec * SECOND + now.tv_nsec / 1000;
}

static void wake_up(Sleep *sleep) {
        log_info("the machine is awake");
        sleep->is_asleep = false;
        timer_disarm(&sleep->late);
        sleep->asleep_usec = usec_of(CLOCK_BOOTTIME) - usec_of(CLOCK_MONOTONIC);
        sleep->handler.on_resume(sleep->userdata);
}

/* --- logind --- */

static int on_lock(sd_bus_message *m, void *userdata, sd_bus_error *reterr) {
        Sleep *sleep = userdata;
        int fd;

        (void) reterr;
        if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "h", &fd) < 0) {
                log_info("logind does not let us delay sleep");
                return 0;
        }
        if (sleep->lock < 0)
                sleep->lock = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return 0;
}

static void take_lock(Sleep *sleep, sd_bus *bus) {
        if (sleep->lock >= 0)
                return;
        (void) system_bus_call(bus, &sleep->inhibit, service, path, interface, "Inhibit", on_lock,
                               sleep, "ssss", "sleep", "imapsyncd",
                               "What is being synchronised is brought to an end", "delay");
}

static int on_prepare(sd_bus_message *m, void *userdata, sd_bus_error *reterr) {
        Sleep *sleep = userdata;
        int begins;

        (void) reterr;
        if (sd_bus_message_read(m, "b", &begins) < 0)
                return 0;
        if (begins) {
                fall_asleep(sleep);
                return 0;
        }
        take_lock(sleep, sd_bus_message_get_bus(m));
        if (sleep->is_asleep) /* else the clocks have told already */
                wake_up(sleep);
        return 0;
}

/* Who does not tell of the end any more must not leave us asleep. */
static void on_logind(sd_bus *bus, void *userdata) {
        Sleep *sleep = userdata;

        release(sleep);
        sleep->prepare = sd_bus_slot_unref(sleep->prepare);
        if (sleep->is_asleep)
                wake_up(sleep);
        if (!bus)
                return;
        (void) sd_bus_match_signal_async(bus, &sleep->prepare, service, path, interface,
                                         "PrepareForSleep", on_prepare, NULL, sleep);
        take_lock(sleep, bus);
}

/* --- the clocks --- */

/* It is never due. It is cancelled when the clock of the wall jumps, as it does behind each sleep. */
static int watch_clock(Sleep *sleep) {
        const struct itimerspec never = {.it_value.tv_sec = NEVER};

        if (timerfd_settime(sleep->clock_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never,
                            NULL) < 0)
                return -errno;
        return 0;
}

static int on_clock(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Sleep *sleep = userdata;
        uint64_t n_expired;
        int64_t asleep;

        (void) source, (void) revents;
        if (read(fd, &n_expired, sizeof(n_expired)) < 0 && errno == EAGAIN)
                return 0;
        if (watch_clock(sleep) < 0)
                sleep->clock = sd_event_source_disable_unref(sleep->clock);
        asleep = usec_of(CLOCK_BOOTTIME) - usec_of(CLOCK_MONOTONIC);
        if (asleep - sleep->asleep_usec >= GAP_USEC) /* else somebody has set it */
                wake_up(sleep);
        return 0;
}

static int start_clock(Sleep *sleep) {
        int r;

        sleep->asleep_usec = usec_of(CLOCK_BOOTTIME) - usec_of(CLOCK_MONOTONIC);
        sleep->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (sleep->clock_fd < 0)
                return -errno;
        r = watch_clock(sleep);
        if (r < 0)
                return r;
        r = sd_event_add_io(sleep->event, &sleep->clock, sleep->clock_fd, EPOLLIN, on_clock, sleep);
        if (r >= 0)
                (void) sd_event_source_set_description(sleep->clock, "clock");
        return r;
}

/* --- life --- */

int sleep_new(sd_event *event, SystemBus *bus, const SleepHandler *handler, void *userdata,
              Sleep **ret_sleep) {
        _cleanup_(sleep_freep) Sleep *sleep = NULL;
        int r;

        sleep = malloc(sizeof(*sleep));
        if (!sleep)
                return -ENOMEM;
        *sleep = (Sleep){
                .event = sd_event_ref(event),
                .handler = *handler,
                .userdata = userdata,
                .lock = -EBADF,
                .clock_fd = -EBADF,
        };
        r = start_clock(sleep);
        if (r < 0)
                (void) log_full_errno(LOG_INFO, r, "the clocks do not tell of a sleep: %m");
        r = system_bus_watch(bus, service, "sleep is noticed by the clocks, afterwards", on_logind,
                             sleep);
        if (r < 0)
                return r;

        *ret_sleep = TAKE_PTR(sleep);
        return 0;
}

Sleep *sleep_free(Sleep *sleep) {
        if (!sleep)
                return NULL;

        release(sleep);
        timer_done(&sleep->late);
        sd_bus_slot_unref(sleep->prepare);
        sd_event_source_disable_unref(sleep->clock);
        if (sleep->clock_fd >= 0)
                (void) close(sleep->clock_fd);
        sd_event_unref(sleep->event);
        free(sleep);
        return NULL;
}
