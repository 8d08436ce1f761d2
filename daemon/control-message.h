#pragma once

/*
 * The structs of daemon/status.h as dictionaries of D-Bus: an a{sv} whose keys are the fields' names
 *
 * Text is made fit for D-Bus, which closes the connection over a byte that is not UTF-8: such bytes
 * become U+FFFD, and more than 4 KiB are cut. NULL becomes "".
 *
 * Return: 0, or a negative errno from sd-bus.
 */

#include <systemd/sd-bus.h>

#include "daemon/control.h"

int message_append_account(sd_bus_message *message, const AccountStatus *status);
int message_append_policy(sd_bus_message *message, const PolicyStatus *status);
int message_append_mailbox(sd_bus_message *message, const MailboxStatus *status);
int message_append_held(sd_bus_message *message, const HeldStatus *status);
int message_append_explained(sd_bus_message *message, const MessageStatus *status);
int message_append_difference(sd_bus_message *message, const VerifyDifference *difference);

/* @time_usec: since 1970 */
int message_append_event(sd_bus_message *message, uint64_t time_usec, const ControlEvent *event);

int message_append_progress(sd_bus_message *message, const ControlProgress *progress);

/* Text fit for D-Bus, owned by the caller; NULL when out of memory. */
char *message_text(const char *text);
