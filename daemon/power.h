#pragma once

/*
 * The power: is the machine on battery, is that low, is power to be saved?
 *
 * UPower tells of the battery, power-profiles-daemon of the profile, under either of its names. Who is not there
 * has nothing to say: a machine that does not tell is on the mains.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/macro.h"
#include "daemon/system-bus.h"

typedef struct Power Power;

typedef struct PowerView {
        bool on_battery;
        bool is_low;         /* of the battery, or power is to be saved: */
        const char *why_low; /* static; NULL if it is not */
} PowerView;

/* @on_change: the view is another. From the loop. Return: 0, or -ENOMEM, and then the bus is to be freed before
 * the loop runs. */
int power_new(SystemBus *bus, void (*on_change)(void *userdata), void *userdata, Power **ret_power);
Power *power_free(Power *power);

PowerView power_view(const Power *power);

DEFINE_CLEANUP(Power *, power_free)
