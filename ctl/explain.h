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

/* The answer to Explain, for people. */
int output_explained(sd_bus_message *reply, const Screen *screen, Buffer *buffer);
