/* imapsyncctl setup: which server, and does a person agree? */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "config/config-value.h"
#include "ctl/client.h"
#include "ctl/setup-ask.h"
#include "ctl/setup-private.h"

static const char *tls_words(TlsMode tls) {
        switch (tls) {
        case TLS_IMPLICIT:
                return "TLS";
        case TLS_STARTTLS:
                return "STARTTLS";
        case TLS_NONE:
                return "not encrypted";
        }

        abort(); /* the switch is complete */
}

/* value_parse_host() leaves to the DNS what is none; here a person may have mistyped. */
static bool can_be_host(const char *text) {
        for (; *text; text++)
                if ((unsigned char) *text < 0x80 && !isalnum((unsigned char) *text) &&
                    !strchr("-._:[]%", *text))
                        return false;
        return true;
}

static int use_host(Setup *setup, const char *text) {
        FoundServer *server = &setup->server;
        const uint16_t port = setup->options.port;
        int r;

        if (!can_be_host(text))
                return -EINVAL;
        found_server_done(server);
        server->tls = setup->options.has_tls ? setup->options.tls
                      : port == 143          ? TLS_STARTTLS
                                             : TLS_IMPLICIT;
        server->port = port > 0 ? port : server->tls == TLS_IMPLICIT ? 993 : 143;
        r = value_parse_host(text, &server->host);
        if (r < 0)
                return r;
        server->provider = provider_of_host(server->host);
        server->user_is_local_part = server->provider && server->provider->user_is_local_part;
        return 0;
}

static int ask_host(Setup *setup) {
        _cleanup_free_ char *preset = NULL;

        if (asprintf(&preset, "imap.%s", setup->domain) < 0)
                return -ENOMEM;
        for (;;) {
                _cleanup_free_ char *answer = NULL;
                int r = setup_ask(setup, "IMAP server", setup->asks ? preset : NULL, "--host",
                                  &answer);

                if (r == 0)
                        r = use_host(setup, answer);
                if (r != -EINVAL)
                        return r;
                complain("“%s” is no name of a server.", answer);
        }
}

static const char *not_found(const Setup *setup, int error) {
        if (setup->options.proxy)
                return "The IMAP server of %s is not in the table of providers, and with a proxy "
                       "nobody else is asked for it; its help pages name it.";
        if (error == -EOPNOTSUPP)
                return "%s says that it has no IMAP server.";
        if (error == -EHOSTUNREACH)
                return "The DNS does not tell of an IMAP server of %s: it does not answer. Is "
                       "there a "
                       "network?";
        return "Nothing tells which IMAP server %s has; its help pages will.";
}

/* What only the DNS says needs a person; --yes answers whether to write, not whom to trust. */
static int agree_on_server(Setup *setup) {
        const FoundServer *server = &setup->server;
        int r;

        say(setup, "Server: %s port %u, %s; found in %s.", server->host, server->port,
            tls_words(server->tls), server->source);
        if (server->is_foreign && !setup->asks) {
                complain("%s is not a server of %s, and only the DNS names it, unproven: if it is "
                         "the "
                         "right one, say --host %s.",
                         server->host, setup->domain, server->host);
                return SETUP_SAID;
        }
        if (!setup->asks || (setup->options.yes && !server->is_foreign))
                return 0;
        if (server->is_foreign)
                say(setup, "It is not in %s, and the DNS can be forged: is it whom you trust?",
                    setup->domain);
        r = ask_yes("Is that the server?", !server->is_foreign);
        return r > 0 ? 0 : r < 0 ? r : ask_host(setup);
}

int setup_take_server(Setup *setup) {
        int r;

        if (setup->options.host) {
                r = use_host(setup, setup->options.host);
                if (r == -EINVAL) {
                        complain("--host: “%s” is no name of a server.", setup->options.host);
                        return SETUP_SAID;
                }
        } else {
                say(setup, "Looking for the server of %s ...", setup->domain);
                ask_pause(true);
                r = server_find(setup->domain, !setup->options.proxy, &setup->server);
                ask_pause(false);
                if (r == 0)
                        r = agree_on_server(setup);
                else if (r != -ENOMEM && r != -EINTR) {
                        _cleanup_free_ char *sentence = NULL;

                        if (asprintf(&sentence, not_found(setup, r), setup->domain) < 0)
                                return -ENOMEM;
                        if (setup->asks)
                                say(setup, "%s", sentence);
                        else
                                complain("%s", sentence);
                        r = ask_host(setup);
                }
        }
        if (r == 0 && setup->server.provider && setup->server.provider->hint)
                say(setup, "%s", setup->server.provider->hint);
        return r;
}
