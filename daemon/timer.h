#pragma once

/* One timer of the loop, armed again and again: on CLOCK_BOOTTIME, so that sleep counts. */

#include <systemd/sd-event.h>

typedef struct Timer {
        sd_event_source *source; /* owned; NULL until it is armed first */
        void (*callback)(void *userdata);
        void *userdata;
} Timer;

/* Call @callback once, @usec from now, @accuracy later at most. Replaces what was armed before. */
int timer_arm(Timer *timer, sd_event *event, uint64_t usec, uint64_t accuracy,
              void (*callback)(void *userdata), void *userdata);
void timer_disarm(Timer *timer);
void timer_done(Timer *timer);
