#pragma once

/*
 * The autoconfig file of a domain: the XML that Thunderbird reads (config-v1.1)
 *
 * Only what is needed of it, and strictly: no declarations, no entities but the five of XML, elements that end
 * as they began, and names of servers that a host can have. Anybody may have written it.
 */

#include "base/bytes.h"
#include "config/config.h"

typedef enum AutoconfigUser {
        AUTOCONFIG_USER_ADDRESS,    /* the whole address */
        AUTOCONFIG_USER_LOCAL_PART, /* what stands before the "@" */
} AutoconfigUser;

typedef struct AutoconfigServer {
        char host[256];
        uint16_t port;
        TlsMode tls; /* implicit or starttls: a server in clear is no offer */
        AutoconfigUser user;
} AutoconfigServer;

/* The first IMAP server that is encrypted. @domain: replaces "%EMAILDOMAIN%". Return: 0, -ENOENT if there is
 * none, -EBADMSG for what is no such file. */
int autoconfig_parse(ByteView text, const char *domain, AutoconfigServer *ret_server);
