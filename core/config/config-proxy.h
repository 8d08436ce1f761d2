#pragma once

/*
 * The value of “proxy”: SCHEME://[USER:PASSWORD@]HOST[:PORT] (pure)
 *
 * SCHEME is socks5 or socks5h, which are the same here (port 1080), or http, which has no usual port. What is special in a URL, or not ASCII, may stand in
 * USER and PASSWORD as %XX.
 */

#include "config/config.h"

enum {
        PROXY_PARSE_E_SCHEME = 1,
        PROXY_PARSE_E_LOGIN, /* not USER:PASSWORD, or a bad %XX */
        PROXY_PARSE_E_LONG,  /* more than SOCKS5 can carry */
        PROXY_PARSE_E_COLON, /* in the user name, for http */
        PROXY_PARSE_E_HOST,  /* no such host */
        PROXY_PARSE_E_PORT,  /* none, or no number from 1 to 65535 */
        _PROXY_PARSE_E_MAX,
};

/* Return: 0, a PROXY_PARSE_E_*, or -ENOMEM. */
int proxy_parse(const char *url, Proxy **ret_proxy);

/* What is wrong and what was expected; shows nothing of the value. */
const char *proxy_parse_error(int error);

/* SCHEME://HOST:PORT, for people: who logs in there, and by what, is left out. Return: 0, or -ENOMEM. */
int proxy_show(const Proxy *proxy, Buffer *out);

bool proxy_equal(const Proxy *a, const Proxy *b);
Proxy *proxy_destroy(Proxy *proxy);

DEFINE_CLEANUP(Proxy *, proxy_destroy)
