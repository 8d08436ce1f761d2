#pragma once

/*
 * From an address to its IMAP server: the table of providers, what the domain says of itself (SRV records,
 * RFC 6186; its autoconfig file), the provider that receives its mail (MX)
 */

#include "ctl/setup-provider.h"

typedef struct FoundServer {
        char *host; /* owned */
        uint16_t port;
        TlsMode tls;
        const Provider *provider; /* NULL: none of the table */
        bool user_is_local_part;  /* to log in with */
        const char *source;       /* the end of "found in ..." */
        /* Not below the domain, and only the DNS says so, which others can forge: a person must agree before
         * a password goes there (RFC 6186 section 6). */
        bool is_foreign;
} FoundServer;

#define FOUND_SERVER_NULL ((FoundServer){0})

void found_server_done(FoundServer *found);

/* @domain: of the address. @asks: else only the table is looked at, and nobody learns of the domain. Return: 0; -ENOENT if nothing tells; -EHOSTUNREACH if nothing does, and the DNS
 * does not answer; -EOPNOTSUPP if the domain says that it has no IMAP; or -ENOMEM. */
int server_find(const char *domain, bool asks, FoundServer *ret_found);
