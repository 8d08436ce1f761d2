#pragma once

/*
 * What is known of one message: the daemon's state, and the file as it is now
 */

#include <systemd/sd-bus.h>

#include "ctl/row.h"
#include "ctl/text.h"

/* A UID, or the name or path of a file. Return: 0, or -EINVAL for a UID that is none. */
int explain_parse(const char *word, uint32_t *ret_uid, const char **ret_file);

/**
 * explain_find_file() - a file by the part of its name that stays
 * @folder: of the Maildir
 *
 * Return: "cur/NAME" or "new/NAME", owned by the caller; NULL: there is none (or no memory).
 */
char *explain_find_file(const char *folder, const char *base);

/* Of @args: account, mailbox, UID or file. @ask: the server as well. Return: 0, or the exit status after a sentence on
 * stderr. */
int explain_call(sd_bus *bus, char **args, bool ask, sd_bus_message **ret_reply);

/* The answer to Explain or Inspect, for people. */
int output_explained(sd_bus_message *reply, const Screen *screen, Buffer *buffer);
