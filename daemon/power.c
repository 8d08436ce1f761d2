/* What UPower and power-profiles-daemon say of the power, where they are there. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/power.h"

/* UpDeviceLevel */
#define WARNING_LOW 3u

typedef enum SourceId {
        SOURCE_UPOWER,
        SOURCE_DISPLAY_DEVICE, /* all batteries together */
        SOURCE_PROFILES,
        SOURCE_PROFILES_OLD, /* its name before 0.20 */
        _SOURCE_MAX,
} SourceId;

/* An object, and the one property of it that counts. */
static const struct {
        const char *service, *path, *interface, *property, *type, *without;
} sources[_SOURCE_MAX] = {
        [SOURCE_UPOWER] = {"org.freedesktop.UPower",               "/org/freedesktop/UPower",
                           "org.freedesktop.UPower",                                                                                    "OnBattery",     "b",
                           "the machine is taken to be on the mains"                                                                                              },
        [SOURCE_DISPLAY_DEVICE] = {"org.freedesktop.UPower",
                           "/org/freedesktop/UPower/devices/DisplayDevice",                     "org.freedesktop.UPower.Device",        "WarningLevel",  "u", NULL},
        [SOURCE_PROFILES] = {"org.freedesktop.UPower.PowerProfiles",
                           "/org/freedesktop/UPower/PowerProfiles",                             "org.freedesktop.UPower.PowerProfiles", "ActiveProfile", "s", NULL},
 /* who has only the old one would be told of a lack for nothing */
        [SOURCE_PROFILES_OLD] = {"net.hadess.PowerProfiles",             "/net/hadess/PowerProfiles",
                           "net.hadess.PowerProfiles",                                                                                  "ActiveProfile", "s", NULL},
};

typedef struct Source {
        Power *power; /* borrowed: whose it is */
        SourceId id;
        sd_bus_slot *changed, *all;
        bool has_answered;
        bool holds; /* on battery, low, power-saver */
} Source;

struct Power {
        void (*on_change)(void *userdata);
        void *userdata;
        Source sources[_SOURCE_MAX];
};

static bool view_equal(PowerView a, PowerView b) {
        return a.on_battery == b.on_battery && a.is_low == b.is_low && a.why_low == b.why_low;
}

/* A value of another type than it should have says nothing. */
static int read_value(Source *source, sd_bus_message *m) {
        const char *type = sources[source->id].type, *text;
        uint32_t number;
        int boolean, r;

        switch (source->id) {
        case SOURCE_UPOWER:
                r = sd_bus_message_read(m, "v", type, &boolean);
                if (r >= 0)
                        source->holds = boolean;
                return r;
        case SOURCE_DISPLAY_DEVICE:
                r = sd_bus_message_read(m, "v", type, &number);
                if (r >= 0)
                        source->holds = number >= WARNING_LOW;
                return r;
        case SOURCE_PROFILES:
        case SOURCE_PROFILES_OLD:
                r = sd_bus_message_read(m, "v", type, &text);
                if (r >= 0)
                        source->holds = strcmp(text, "power-saver") == 0;
                return r;
        case _SOURCE_MAX:
                break;
        }
        abort(); /* the switch is complete */
}

/* "a{sv}" */
static void read_properties(Source *source, sd_bus_message *m) {
        const char *name;

        if (sd_bus_message_enter_container(m, 'a', "{sv}") < 0)
                return;
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                int r = sd_bus_message_read(m, "s", &name);

                if (r >= 0)
                        r = strcmp(name, sources[source->id].property) == 0
                                    ? read_value(source, m)
                                    : sd_bus_message_skip(m, "v");
                if (r < 0 || sd_bus_message_exit_container(m) < 0)
                        return;
        }
}

static void tell(Power *power, PowerView before) {
        if (!view_equal(before, power_view(power)))
                power->on_change(power->userdata);
}

static int on_all(sd_bus_message *m, void *userdata, sd_bus_error *reterr) {
        Source *source = userdata;
        const PowerView before = power_view(source->power);

        (void) reterr;
        if (sd_bus_message_is_method_error(m, NULL))
                return 0;
        source->has_answered = true;
        read_properties(source, m);
        tell(source->power, before);
        return 0;
}

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *reterr) {
        Source *source = userdata;
        const PowerView before = power_view(source->power);
        const char *of;

        (void) reterr;
        if (!source->has_answered || sd_bus_message_read(m, "s", &of) < 0 ||
            strcmp(of, sources[source->id].interface) != 0)
                return 0;
        read_properties(source, m);
        tell(source->power, before);
        return 0;
}

static void forget(Source *source) {
        source->changed = sd_bus_slot_unref(source->changed);
        source->all = sd_bus_slot_unref(source->all);
        source->has_answered = source->holds = false;
}

static void on_service(sd_bus *bus, void *userdata) {
        Source *source = userdata;
        const PowerView before = power_view(source->power);
        const char *service = sources[source->id].service, *path = sources[source->id].path;

        forget(source);
        if (bus) {
                (void) sd_bus_match_signal_async(bus, &source->changed, service, path,
                                                 "org.freedesktop.DBus.Properties",
                                                 "PropertiesChanged", on_properties, NULL, source);
                (void) system_bus_get_all(bus, &source->all, service, path,
                                          sources[source->id].interface, on_all, source);
        } else
                tell(source->power, before);
}

int power_new(SystemBus *bus, void (*on_change)(void *userdata), void *userdata,
              Power **ret_power) {
        _cleanup_(power_freep) Power *power = calloc(1, sizeof(*power));

        if (!power)
                return -ENOMEM;
        power->on_change = on_change;
        power->userdata = userdata;
        for (SourceId id = 0; id < _SOURCE_MAX; id++) {
                int r;

                power->sources[id] = (Source){.power = power, .id = id};
                r = system_bus_watch(bus, sources[id].service, sources[id].without, on_service,
                                     &power->sources[id]);
                if (r < 0)
                        return r;
        }
        *ret_power = TAKE_PTR(power);
        return 0;
}

Power *power_free(Power *power) {
        if (!power)
                return NULL;

        for (SourceId id = 0; id < _SOURCE_MAX; id++)
                forget(&power->sources[id]);
        free(power);
        return NULL;
}

PowerView power_view(const Power *power) {
        const Source *of = power->sources;
        const bool saves = of[SOURCE_PROFILES].holds || of[SOURCE_PROFILES_OLD].holds;
        const bool is_low = of[SOURCE_DISPLAY_DEVICE].holds;

        return (PowerView){
                .on_battery = of[SOURCE_UPOWER].holds,
                .is_low = is_low || saves,
                .why_low = is_low  ? "the battery is low"
                           : saves ? "the power profile is power-saver"
                                   : NULL,
        };
}
