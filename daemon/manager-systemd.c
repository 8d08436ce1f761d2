/* The manager: when systemd has to wait for it, and for how long (sd_notify(3)). */

#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "daemon/log.h"
#include "daemon/manager-private.h"

#define SECOND UINT64_C(1000000)

/* So long a start waits for the first attempt of each account. A server that takes a connection and then
 * says nothing is the account's trouble, not that of what waits for this unit. */
#define READY_USEC (15 * SECOND)

/* So long a stop waits for the accounts, who say good-bye to servers and remember the stamps of folders:
 * nothing that cannot be done without. */
#define STOP_USEC SECOND

/* What the timeouts of the unit are extended by, for a disk that takes its time. */
#define START_MARGIN (15 * SECOND)
#define STOP_MARGIN  (30 * SECOND)

static void on_ready_due(void *userdata) {
        Manager *manager = userdata;

        log_info("not every account has made its first attempt after %llu s; starting without",
                 (unsigned long long) (READY_USEC / SECOND));
        manager_is_ready(manager);
}

void manager_is_ready(Manager *manager) {
        manager->is_ready = true;
        timer_disarm(&manager->limit);
        (void) sd_notify(false, "READY=1");
}

int manager_begin_start(Manager *manager) {
        (void) sd_notifyf(false, "STATUS=Starting\nEXTEND_TIMEOUT_USEC=%llu",
                          (unsigned long long) (READY_USEC + START_MARGIN));
        return timer_arm(&manager->limit, manager->event, READY_USEC, SECOND, on_ready_due,
                         manager);
}

static void on_stop_due(void *userdata) {
        Manager *manager = userdata;

        log_info("not every account has said good-bye in time; stopping without");
        (void) sd_event_exit(manager->event, 0);
}

void manager_begin_stop(Manager *manager) {
        (void) sd_notifyf(false, "STOPPING=1\nSTATUS=Stopping\nEXTEND_TIMEOUT_USEC=%llu",
                          (unsigned long long) STOP_MARGIN);
        if (timer_arm(&manager->limit, manager->event, STOP_USEC, SECOND / 20, on_stop_due,
                      manager) < 0)
                (void) sd_event_exit(manager->event, 0);
}

/* A reload during the start is a part of that. */
void manager_begin_reload(Manager *manager) {
        struct timespec now;

        if (!manager->is_ready)
                return;
        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        (void) sd_notifyf(
                false, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=Reading the configuration again",
                (unsigned long long) now.tv_sec * SECOND + (unsigned long long) now.tv_nsec / 1000);
}

void manager_end_reload(Manager *manager) {
        if (manager->is_ready)
                (void) sd_notify(false, "READY=1");
        manager->status[0] = '\0';
        manager_review_soon(manager);
}
