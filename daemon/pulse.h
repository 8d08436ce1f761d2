#pragma once

/*
 * One timer for all that can wait a little: what each wants is a window, and what can be done now is done now
 *
 * So the signs of life of all connections come to fall together, and the machine wakes up once for all of them,
 * at a moment that the system's other timers like too.
 */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/macro.h"

typedef struct Pulse Pulse;

/* What waits; all 0: nothing. It must be disarmed before it goes. */
typedef struct Beat {
        Pulse *pulse;              /* borrowed; NULL: not armed */
        uint64_t earliest, latest; /* CLOCK_BOOTTIME */
        void (*callback)(void *userdata);
        void *userdata;
        struct Beat *next;
} Beat;

int pulse_new(sd_event *event, Pulse **ret_pulse);
Pulse *pulse_free(Pulse *pulse);

/* Call @callback once, between the two. Replaces what was armed before. Return: 0, or a negative errno. */
int pulse_arm(Pulse *pulse, Beat *beat, uint64_t earliest, uint64_t latest,
              void (*callback)(void *userdata), void *userdata);
void pulse_disarm(Beat *beat);

DEFINE_CLEANUP(Pulse *, pulse_free)
