#pragma once

/*
 * The large providers: their servers, and what their users must know
 */

#include "config/config.h"

typedef struct Provider {
        const char *name;
        const char *account; /* a name for it in the configuration */
        const char *domains; /* of its addresses, with blanks around each */
        const char *mx;      /* whose mail servers are below this name; NULL: its domains only */
        const char *host;
        uint16_t port;
        TlsMode tls;
        bool user_is_local_part; /* what stands before the "@"; else the whole address */
        const char *hint;        /* a sentence or two on the password; NULL: nothing special */
} Provider;

/* @domain: in any case. NULL: none of them. */
const Provider *provider_of_domain(const char *domain);

/* The one that receives the mail of a domain with this MX host. */
const Provider *provider_of_mx(const char *host);

/* The one whose server this is; on this machine it may be anybody's. */
const Provider *provider_of_host(const char *host);
