#pragma once

/*
 * One timer for all that can wait a little: what each wants is a window, and what can be done now is done now
 *
 * So the signs of life of all connections come to fall together, and the machine wakes up once for all of them,
 * at a moment that the system's other timers like too.
 */

#include <stdbool.h>
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

/* Without a loop the owner has a clock of its own, looks at pulse_window() and calls pulse_wake(). */
int pulse_new(sd_event *event, Pulse **ret_pulse);
Pulse *pulse_free(Pulse *pulse);

/* Call @callback once, between the two. Replaces what was armed before. Return: 0, or a negative errno. */
int pulse_arm(Pulse *pulse, Beat *beat, uint64_t earliest, uint64_t latest,
              void (*callback)(void *userdata), void *userdata);
void pulse_disarm(Beat *beat);

/* From a callback: call @callback once, @span later at most, together with all that ask for the same in this wake-up. */
int pulse_gather(Pulse *pulse, Beat *beat, uint64_t span, void (*callback)(void *userdata),
                 void *userdata);

/* When this wake-up began: the same for all whose callbacks it calls; between two, the time. */
uint64_t pulse_now(const Pulse *pulse);

/* Is it for one of them alone that it woke up? */
bool pulse_is_single(const Pulse *pulse);

/* Between what times is the next wake-up due? Return: is any? */
bool pulse_window(const Pulse *pulse, uint64_t now, uint64_t *ret_earliest, uint64_t *ret_latest);
void pulse_wake(Pulse *pulse, uint64_t now);

DEFINE_CLEANUP(Pulse *, pulse_free)
