#pragma once

/*
 * One connection to an IMAP server: socket or tunnel, TLS, DEFLATE, and the session on top
 *
 *      TCP or pipe -> TLS -> DEFLATE -> ImapSession          (RFC 4978 section 1: outside in)
 *
 * Nonblocking throughout. The owner takes events from connection_session() whenever on_input() is
 * called, submits commands to it, and calls connection_flush() when it has said all it has to say,
 * so that everything leaves in one write and one DEFLATE block.
 *
 * Callbacks run from the loop, never from inside a call of the owner. on_lost() is the last one;
 * the owner may free the connection in on_lost(), not in the others; it may close it in any.
 */

#include <systemd/sd-event.h>

#include "base/macro.h"
#include "config/config.h"
#include "daemon/tls.h"
#include "imap/session.h"

typedef struct Connection Connection;

typedef struct ConnectionHandler {
        /* Connected, and TLS is up if it is implicit. The greeting comes as the first event. */
        void (*on_open)(Connection *connection, void *userdata);
        /* The session has new bytes: call imap_session_next() until it returns 0. */
        void (*on_input)(Connection *connection, void *userdata);
        /* The socket took bytes and there is room again: for who streams an APPEND. Not called for
         * every command, but always when 16 kB or more have left, or when it was blocked. */
        void (*on_output)(Connection *connection, void *userdata);
        /* It is over. @error: negative errno; 0: the server closed it. @why: a sentence for people,
         * e.g. "the certificate of imap.example.org is for mail.example.org". */
        void (*on_lost)(Connection *connection, int error, const char *why, void *userdata);
} ConnectionHandler;

/**
 * connection_new() - begin to connect
 * @endpoint: borrowed for the life of the connection
 * @timeout_usec: for connecting, the TLS handshake and each answer
 *
 * Every address of the host is tried; IPv6 and IPv4 race (RFC 8305, 250 ms apart). Names are looked
 * up without blocking the loop.
 *
 * Return: 0, or a negative errno of this machine (-ENOMEM, -EMFILE); what the network does comes
 *         through on_lost().
 */
int connection_new(sd_event *event, const Endpoint *endpoint, uint64_t timeout_usec,
                   const ConnectionHandler *handler, void *userdata, Connection **ret_connection);
Connection *connection_free(Connection *connection);

ImapSession *connection_session(Connection *connection);

/* Write what the session has to say. Done by itself after on_input(), on_open() and on_output(),
 * since a "+" may set free what was said long ago. Also tells the connection that the owner has
 * taken events, so that reading goes on when it had stopped because too much was unread. Arms the
 * deadline while commands are under way (IDLE excepted, once its continuation has come); disarms it
 * else. Bytes that leave move the deadline too: a slow upload is not a silent server. */
void connection_flush(Connection *connection);

/* At the tagged OK of STARTTLS, before the next imap_session_next(). Bytes that came behind it in
 * clear are refused: on_lost(-EPROTO). on_open() is called again when TLS is up. Return: 0,
 * -ENOMEM, or -EOPNOTSUPP for a tunnel, which has no host to check a certificate against. */
int connection_start_tls(Connection *connection);

/* At the tagged OK of COMPRESS, before the next imap_session_next(); bytes behind it are inflated.
 * Nothing may have been submitted behind COMPRESS. Return: 0, or -ENOMEM. */
int connection_start_deflate(Connection *connection);

/* Something must come within this time, although no command is under way (a probe), or sooner if that was
 * asked for before; 0 takes it back. */
void connection_expect(Connection *connection, uint64_t usec);

/* How soon an answer to a probe is due: a second and some round trips, 5 s at most. */
uint64_t connection_probe_usec(const Connection *connection);
/* Is something on its way that the server has not acknowledged? */
bool connection_has_output(const Connection *connection);
/* Has this machine still the address that the connection is bound to? */
bool connection_has_address(const Connection *connection);

/* Leave what comes unread, so that it wakes up nobody, until it is let go, or until something is written. */
void connection_hold_input(Connection *connection, bool hold);
/* Have TCP ask for the other end after each such silence (0: never), which wakes up nobody while it is there.
 * Return: false for a tunnel or a proxy, where that cannot be had. */
bool connection_keep_alive(Connection *connection, uint64_t silence);

/* An orderly end without waiting: what is queued is written as far as the socket takes it, then the
 * connection is closed. No callback. */
void connection_close(Connection *connection);

bool connection_is_encrypted(const Connection *connection);

/* For channel binding, in on_open() or later. Return: 0, or -EOPNOTSUPP where there is none. */
int connection_exporter(const Connection *connection, uint8_t out[TLS_EXPORTER_SIZE]);

typedef struct ConnectionTraffic {
        uint64_t bytes_in, bytes_out; /* on the socket: after DEFLATE and TLS */
} ConnectionTraffic;
ConnectionTraffic connection_traffic(const Connection *connection);

/* With -v -v the dialogue goes to the log at debug level, secrets struck out (daemon/dialogue.h),
 * and what a tunnel says on stderr does at -v: "work: C: a1 NOOP". @name: borrowed, NULL: no
 * prefix. */
void connection_set_name(Connection *connection, const char *name);

DEFINE_CLEANUP(Connection *, connection_free)
