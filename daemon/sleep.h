#pragma once

/*
 * The machine's sleep: told by logind before and after, by the clocks only after
 *
 * Where logind is there, a delay inhibitor is held while the machine is awake. It is released when
 * the owner is ready, and after 1.5 s whatever happens: nobody waits for us with a closed lid. Where
 * it is not, or the machine was put to sleep past it, the kernel tells of the end: a timer on the
 * clock of the wall is cancelled then, and CLOCK_BOOTTIME has moved on while CLOCK_MONOTONIC stood
 * still. That costs no wake-up.
 */

#include <systemd/sd-event.h>

#include "base/macro.h"
#include "daemon/system-bus.h"

typedef struct Sleep Sleep;

/* From the loop. Every on_resume() is behind an on_sleep(), but where only the clocks told. */
typedef struct SleepHandler {
        /* Begin nothing more; call sleep_ready() when what is under way is committed. */
        void (*on_sleep)(void *userdata);
        /* The time is over: commit what can be and end the rest, before returning. */
        void (*on_late)(void *userdata);
        void (*on_resume)(void *userdata);
} SleepHandler;

/* @bus: borrowed for the life of this. Return: 0, or a negative errno of this machine. */
int sleep_new(sd_event *event, SystemBus *bus, const SleepHandler *handler, void *userdata,
              Sleep **ret_sleep);
Sleep *sleep_free(Sleep *sleep);

/* The machine may sleep, as far as we are concerned. */
void sleep_ready(Sleep *sleep);

DEFINE_CLEANUP(Sleep *, sleep_free)
