#pragma once

/*
 * From a host name to a connected socket, without blocking the loop
 *
 * Every address of the name is tried: IPv6 and IPv4 by turns, the next one when one fails or after
 * 250 ms, and the first that connects wins (RFC 8305). Numeric addresses and "localhost" are known
 * without asking (RFC 6761 section 6.3); other names are looked up by getaddrinfo() in a thread.
 *
 * There is no deadline here: the owner has one, and frees the dial when it has passed.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/macro.h"

typedef struct Dial Dial;

/* Called once, from the loop; it may free the dial. @fd: connected, nonblocking, now the callee's;
 * or -1, then @error is a negative errno and @why a sentence for people. */
typedef void (*DialFn)(Dial *dial, int fd, int error, const char *why, void *userdata);

/**
 * dial_new() - begin to connect
 * @speaks_first: the client has the first word (TLS): the ACK that ends the handshake then waits
 *                for it, which saves a packet
 *
 * Return: 0, or a negative errno of this machine.
 */
int dial_new(sd_event *event, const char *host, uint16_t port, bool speaks_first, DialFn on_done,
             void *userdata, Dial **ret_dial);
Dial *dial_free(Dial *dial);

DEFINE_CLEANUP(Dial *, dial_free)
