#pragma once

/*
 * The addresses of a host, without blocking the loop
 *
 * getaddrinfo() blocks and cannot be cancelled, so a name goes to a detached thread. The thread and
 * the owner share the Lookup: who is done last frees it, so an owner may let go at any time.
 */

#include <netdb.h>
#include <stdint.h>

#include "base/macro.h"

typedef struct Lookup Lookup;

/* Return: 0, or a negative errno of this machine. */
int lookup_new(const char *host, uint16_t port, Lookup **ret_lookup);
Lookup *lookup_unref(Lookup *lookup);

/* Becomes readable when the answer is there; -EBADF: it is there already. Owned by the lookup. */
int lookup_fd(const Lookup *lookup);

/* The answer, once the descriptor is readable: 0 and the addresses (owned by the lookup, not
 * empty), or a negative errno and the reason in words. */
int lookup_result(const Lookup *lookup, const struct addrinfo **ret_addresses,
                  const char **reterr_reason);

DEFINE_CLEANUP(Lookup *, lookup_unref)
