/* The system bus, if there is one. */

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/log.h"
#include "daemon/system-bus.h"

#define RETRY_USEC ((uint64_t) 600 * 1000000)

typedef struct Watch {
        SystemBus *bus; /* borrowed: whose it is */
        const char *service, *without;
        SystemBusFn on_change;
        void *userdata;
        sd_bus_slot *match, *owner;
        bool is_there, was_logged;
        struct Watch *next;
} Watch;

struct SystemBus {
        sd_event *event; /* ref */
        sd_bus *bus;     /* NULL: there is none */
        sd_bus_slot *disconnected;
        sd_event_source *over; /* deferred: it is gone; this may be a callback of it */
        uint64_t tried;        /* CLOCK_BOOTTIME */
        Watch *watches;        /* owned; allocated one by one: callbacks hold them */
        bool was_logged;
};

static uint64_t uptime(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

/* --- calls --- */

int system_bus_call(sd_bus *bus, sd_bus_slot **slot, const char *service, const char *path,
                    const char *interface, const char *member, sd_bus_message_handler_t on_reply,
                    void *userdata, const char *types, ...) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        va_list args;
        int r;

        *slot = sd_bus_slot_unref(*slot);
        r = sd_bus_message_new_method_call(bus, &m, service, path, interface, member);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r >= 0 && types) {
                va_start(args, types);
                r = sd_bus_message_appendv(m, types, args);
                va_end(args);
        }
        return r < 0 ? r : sd_bus_call_async(bus, slot, m, on_reply, userdata, 0);
}

int system_bus_get_all(sd_bus *bus, sd_bus_slot **slot, const char *service, const char *path,
                       const char *interface, sd_bus_message_handler_t on_reply, void *userdata) {
        return system_bus_call(bus, slot, service, path, "org.freedesktop.DBus.Properties",
                               "GetAll", on_reply, userdata, "s", interface);
}

/* --- services --- */

/* A new owner is told even if there was one before: it knows nothing of what was asked of that. */
static void watch_tell(Watch *watch, bool is_there) {
        if (!is_there && !watch->is_there)
                return;
        watch->is_there = is_there;
        watch->on_change(is_there ? watch->bus->bus : NULL, watch->userdata);
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *reterr) {
        const char *name, *before, *after;
        Watch *watch = userdata;

        (void) reterr;
        if (sd_bus_message_read(m, "sss", &name, &before, &after) < 0)
                return 0;
        watch->owner = sd_bus_slot_unref(watch->owner); /* this is newer than what was asked */
        watch_tell(watch, after[0] != '\0');
        return 0;
}

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *reterr) {
        Watch *watch = userdata;

        (void) reterr;
        if (!sd_bus_message_is_method_error(m, NULL))
                watch_tell(watch, true);
        else if (sd_bus_message_is_method_error(m, SD_BUS_ERROR_NAME_HAS_NO_OWNER) &&
                 !watch->was_logged) {
                watch->was_logged = true;
                if (watch->without)
                        log_info("%s is not on the system bus: %s", watch->service, watch->without);
        }
        return 0;
}

static int watch_begin(Watch *watch) {
        char match[256];
        int r;

        r = snprintf(match, sizeof(match),
                     "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                     "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
                     watch->service);
        assert(r > 0 && (size_t) r < sizeof(match));

        r = sd_bus_add_match_async(watch->bus->bus, &watch->match, match, on_owner_changed, NULL,
                                   watch);
        if (r < 0)
                return r;
        return system_bus_call(watch->bus->bus, &watch->owner, "org.freedesktop.DBus",
                               "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner",
                               on_owner, watch, "s", watch->service);
}

static void watch_end(Watch *watch) {
        watch->match = sd_bus_slot_unref(watch->match);
        watch->owner = sd_bus_slot_unref(watch->owner);
        watch_tell(watch, false);
}

int system_bus_watch(SystemBus *bus, const char *service, const char *without,
                     SystemBusFn on_change, void *userdata) {
        Watch *watch = malloc(sizeof(*watch)), **end = &bus->watches;

        if (!watch)
                return -ENOMEM;
        *watch = (Watch){
                .bus = bus,
                .service = service,
                .without = without,
                .on_change = on_change,
                .userdata = userdata,
        };
        while (*end)
                end = &(*end)->next;
        *end = watch;
        if (bus->bus && watch_begin(watch) < 0)
                (void) sd_event_source_set_enabled(bus->over, SD_EVENT_ONESHOT);
        return 0;
}

/* --- the connection --- */

static void drop(SystemBus *bus) {
        sd_bus *old = bus->bus;

        bus->bus = NULL;
        for (Watch *watch = bus->watches; watch; watch = watch->next)
                watch_end(watch);
        bus->disconnected = sd_bus_slot_unref(bus->disconnected);
        sd_bus_close_unref(old);
}

static int on_over(sd_event_source *source, void *userdata) {
        SystemBus *bus = userdata;

        (void) source;
        if (!bus->bus)
                return 0;
        log_info("the system bus is gone");
        drop(bus);
        return 0;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *reterr) {
        SystemBus *bus = userdata;

        (void) m, (void) reterr;
        (void) sd_event_source_set_enabled(bus->over, SD_EVENT_ONESHOT);
        return 0;
}

static int open_bus(SystemBus *bus) {
        int r;

        bus->tried = uptime();
        r = sd_bus_open_system_with_description(&bus->bus, "system");
        if (r >= 0)
                r = sd_bus_match_signal_async(
                        bus->bus, &bus->disconnected, "org.freedesktop.DBus.Local",
                        "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
                        on_disconnected, NULL, bus);
        if (r >= 0)
                r = sd_bus_attach_event(bus->bus, bus->event, SD_EVENT_PRIORITY_NORMAL);
        for (Watch *watch = bus->watches; watch && r >= 0; watch = watch->next)
                r = watch_begin(watch);
        return r;
}

static void begin(SystemBus *bus) {
        int r = open_bus(bus);

        if (r >= 0)
                return;
        if (!bus->was_logged)
                (void) log_full_errno(LOG_INFO, r,
                                      "there is no system bus (%m): sleep, network and battery "
                                      "are known as far as the kernel tells of them");
        bus->was_logged = true;
        drop(bus);
}

void system_bus_retry(SystemBus *bus) {
        if (!bus->bus)
                begin(bus);
}

void system_bus_review(SystemBus *bus) {
        if (bus && !bus->bus && uptime() - bus->tried >= RETRY_USEC)
                begin(bus);
}

/* --- life --- */

int system_bus_new(sd_event *event, SystemBus **ret_bus) {
        _cleanup_(system_bus_freep) SystemBus *bus = NULL;
        int r;

        bus = calloc(1, sizeof(*bus));
        if (!bus)
                return -ENOMEM;
        bus->event = sd_event_ref(event);
        r = sd_event_add_defer(event, &bus->over, on_over, bus);
        if (r >= 0)
                r = sd_event_source_set_enabled(bus->over, SD_EVENT_OFF);
        if (r < 0)
                return r;
        begin(bus);

        *ret_bus = TAKE_PTR(bus);
        return 0;
}

SystemBus *system_bus_free(SystemBus *bus) {
        if (!bus)
                return NULL;

        while (bus->watches) {
                Watch *watch = bus->watches;

                bus->watches = watch->next;
                sd_bus_slot_unref(watch->match);
                sd_bus_slot_unref(watch->owner);
                free(watch);
        }
        sd_bus_slot_unref(bus->disconnected);
        sd_bus_close_unref(bus->bus);
        sd_event_source_disable_unref(bus->over);
        sd_event_unref(bus->event);
        free(bus);
        return NULL;
}
