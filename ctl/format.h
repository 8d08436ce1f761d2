#pragma once

/*
 * "imapsyncctl status --format": accounts for bars and scripts
 *
 * A template is printed once for each account, a line each. "{FIELD}" is a field of the row, "{FIELD:ago}" a
 * time in words, "{FIELD:size}" bytes in words, "{{" and "}}" are braces. The name of a bar stands for what it
 * reads: "waybar" is one JSON object for all accounts.
 */

#include <systemd/sd-bus.h>

#include "ctl/text.h"

/* Append all accounts of a reply to Status. Return: 0; -EINVAL if the template is not one, or names what a row has
 * not: @ret_wrong is then a copy of that part, owned by the caller; -ENOMEM, or what sd-bus says. */
int format_accounts(const char *template, sd_bus_message *reply, const Screen *screen,
                    Buffer *buffer, char **ret_wrong);
