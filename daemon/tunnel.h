#pragma once

/*
 * A command that speaks IMAP on its stdin and stdout, as a socket
 *
 * It runs by /bin/sh -c in a process group of its own. What it says on stderr goes to the log at
 * debug level, and the last line of it into tunnel_sentence(), since that is where ssh says why.
 *
 * No SIGCHLD is needed: the process is watched through a pidfd. It stays a zombie until
 * tunnel_free(), so that its process group cannot become somebody else's in between.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/macro.h"

typedef struct Tunnel Tunnel;

/* The command ended, from the loop. What it wrote may still be unread. */
typedef void (*TunnelFn)(Tunnel *tunnel, void *userdata);

/* Return: 0, or a negative errno of this machine. */
int tunnel_new(sd_event *event, const char *command, TunnelFn on_exit, void *userdata,
               Tunnel **ret_tunnel);

/* Ends the whole process group: SIGTERM, and SIGKILL to what is still there five seconds later,
 * should the loop run for so long. */
Tunnel *tunnel_free(Tunnel *tunnel);

/* Prefix of what goes to the log. Borrowed; NULL: none. */
void tunnel_set_name(Tunnel *tunnel, const char *name);

/* Our end of the socket pair, nonblocking; given away once. */
int tunnel_take_fd(Tunnel *tunnel);

bool tunnel_has_ended(const Tunnel *tunnel);

/* How it ended, e.g. "the tunnel exited with status 255: Permission denied (publickey).": borrowed,
 * valid until tunnel_free(). */
const char *tunnel_sentence(Tunnel *tunnel);

DEFINE_CLEANUP(Tunnel *, tunnel_free)
