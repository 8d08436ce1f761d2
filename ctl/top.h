#pragma once

/*
 * The live view: the whole terminal, redrawn when something happens, and once a second while something moves
 *
 * While nothing moves nothing is asked of the daemon: its events tell when to ask.
 */

#include <systemd/sd-bus.h>

#include "ctl/text.h"

/* Until q, a signal, or the end of the daemon; the terminal is then as it was. @screen: stdout.
 * Return: the exit status. */
int top_run(sd_bus *bus, const Screen *screen);
