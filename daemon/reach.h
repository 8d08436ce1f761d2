#pragma once

/*
 * The way to a server: dialled, or through its proxy
 *
 * As with a dial there is no deadline here: the owner has one, and frees the reach when it has passed.
 */

#include <systemd/sd-event.h>

#include "base/macro.h"
#include "config/config.h"
#include "daemon/wire.h"

typedef struct Reach Reach;

/* Called once, from the loop; it may free the reach. @wire: connected, nonblocking, the descriptor now the callee's,
 * and what it cost to get there counted; or NULL, then @error is a negative errno (-ENOKEY: the proxy lets nobody in
 * without another password) and @why a sentence for people. */
typedef void (*ReachFn)(Reach *reach, const Wire *wire, int error, const char *why, void *userdata);

/**
 * reach_new() - begin to connect
 * @endpoint: with a host; borrowed for the life of the reach
 *
 * Return: 0, -EINVAL if the proxy cannot be asked for such a host, or another negative errno of this machine.
 */
int reach_new(sd_event *event, const Endpoint *endpoint, ReachFn on_done, void *userdata,
              Reach **ret_reach);
Reach *reach_free(Reach *reach);

/* Why it is not done yet, for when its time is over: "the proxy p.example.org port 1080 did not answer". */
void reach_describe(const Reach *reach, char *buffer, size_t size);

DEFINE_CLEANUP(Reach *, reach_free)
