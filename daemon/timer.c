/* One timer of the loop. */

#include <time.h>

#include "daemon/timer.h"

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Timer *timer = userdata;

        (void) source, (void) usec;
        timer->callback(timer->userdata);
        return 0;
}

int timer_arm(Timer *timer, sd_event *event, uint64_t usec, uint64_t accuracy,
              void (*callback)(void *userdata), void *userdata) {
        int r;

        timer->callback = callback;
        timer->userdata = userdata;
        if (!timer->source)
                return sd_event_add_time_relative(event, &timer->source, CLOCK_BOOTTIME, usec,
                                                  accuracy, on_timer, timer);

        r = sd_event_source_set_time_relative(timer->source, usec);
        if (r >= 0)
                r = sd_event_source_set_time_accuracy(timer->source, accuracy);
        if (r >= 0)
                r = sd_event_source_set_enabled(timer->source, SD_EVENT_ONESHOT);
        return r;
}

void timer_disarm(Timer *timer) {
        if (timer->source)
                (void) sd_event_source_set_enabled(timer->source, SD_EVENT_OFF);
}

void timer_done(Timer *timer) {
        timer->source = sd_event_source_disable_unref(timer->source);
}
