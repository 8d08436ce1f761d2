#pragma once

/*
 * The system bus, if there is one: who sleeps, what the network and the battery do
 *
 * One connection for all that want it. It is opened without waiting, starts no service, and may be
 * missing, go and come back: who watches a service is told that it is there or not, and works either
 * way. What is missing is said once in the log.
 *
 * No timer: a bus that is missing is tried again when something has happened, no more often than once
 * in ten minutes, and by system_bus_retry().
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/macro.h"

typedef struct SystemBus SystemBus;

/* @bus: the service is there, or another process has taken it over: ask anew. Borrowed until the next
 * call. NULL: it was and is not any more: drop the slots, they belong to a connection that may be gone.
 * Called from the loop; a service that was never there is not told. */
typedef void (*SystemBusFn)(sd_bus *bus, void *userdata);

/* Return: 0, or a negative errno of this machine; a bus that cannot be reached is none. */
int system_bus_new(sd_event *event, SystemBus **ret_bus);
SystemBus *system_bus_free(SystemBus *bus);

/**
 * system_bus_watch() - be told whether a service is there, from now on until the bus is freed
 * @service: "org.freedesktop.login1"; borrowed
 * @without: what is done without it, for the log: "sleep is noticed by the clock alone"; borrowed. NULL: it is
 *           missed by nobody
 *
 * Return: 0, or -ENOMEM.
 */
int system_bus_watch(SystemBus *bus, const char *service, const char *without,
                     SystemBusFn on_change, void *userdata);

/* Try now, if there is no bus: the machine has woken up. */
void system_bus_retry(SystemBus *bus);
/* Something has happened: try if it is time. @bus may be NULL. */
void system_bus_review(SystemBus *bus);

/* Call a method without starting the service for it, and without waiting. @types: of the arguments, as
 * for sd_bus_message_append(), NULL for none. @slot: replaced; owned by the caller. */
int system_bus_call(sd_bus *bus, sd_bus_slot **slot, const char *service, const char *path,
                    const char *interface, const char *member, sd_bus_message_handler_t on_reply,
                    void *userdata, const char *types, ...);
/* All properties of an interface, "a{sv}". */
int system_bus_get_all(sd_bus *bus, sd_bus_slot **slot, const char *service, const char *path,
                       const char *interface, sd_bus_message_handler_t on_reply, void *userdata);

DEFINE_CLEANUP(SystemBus *, system_bus_free)
