#pragma once

/*
 * New mail of an account on the desktop: org.freedesktop.Notifications on the session bus, if there is one
 *
 * One notification is shown and replaced as long as it stands: from whom, about what, how many. Nothing waits
 * for the bus or for the service; what cannot be shown is said once in the log and forgotten.
 */

#include <systemd/sd-event.h>

#include "base/macro.h"

typedef struct DesktopNotification DesktopNotification;

/* @account: its name; borrowed. Return: 0, or -ENOMEM. */
int desktop_notification_new(sd_event *event, const char *account,
                             DesktopNotification **ret_notification);
DesktopNotification *desktop_notification_free(DesktopNotification *n);

/* A message has come. @path: of its file, from which the beginning is read; NULL: not known. */
void desktop_notification_add(DesktopNotification *n, const char *path);

DEFINE_CLEANUP(DesktopNotification *, desktop_notification_free)
