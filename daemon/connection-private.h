#pragma once

/*
 * The insides of a connection, shared by its files:
 *
 *      connection.c        turns of the loop: reach, shake hands, read, write
 *      connection-end.c    deadlines, and the sentences for every way in which it ends
 */

#include "daemon/bucket.h"
#include "daemon/connection.h"
#include "daemon/dialogue.h"
#include "daemon/reach.h"
#include "daemon/stream.h"
#include "daemon/timer.h"
#include "daemon/tunnel.h"

typedef enum ConnectionState {
        CONNECTION_REACHING,  /* the way to the server is looked for, or the tunnel was just made */
        CONNECTION_HANDSHAKE, /* of TLS */
        CONNECTION_OPEN,
        CONNECTION_LINGERING, /* the tunnel said no more; it will exit and say why */
        CONNECTION_OVER,      /* on_lost() is due, or was called, or is not wanted */
} ConnectionState;

struct Connection {
        sd_event *event;          /* ref */
        const Endpoint *endpoint; /* borrowed */
        const char *name;         /* borrowed, or NULL */
        uint64_t timeout_usec;
        ConnectionHandler handler;
        void *userdata;

        ConnectionState state;
        Reach *reach;
        Tunnel *tunnel;
        Stream stream;
        ImapSession *session;
        Dialogue *dialogue; /* NULL: nobody wants to see it */

        sd_event_source *io;
        sd_event_source *defer;
        sd_event_source *timer;

        bool has_more;  /* bytes wait that the socket knows nothing of */
        bool is_paused; /* the owner is behind */
        bool is_held;   /* the owner does not want to be woken up */
        bool is_throttled; /* the bandwidth is used up for now: nothing is read until the throttle fires */
        bool is_blocked;  /* the socket is full */
        bool was_blocked; /* and on_output() has not said yet that this is over */
        int write_error;  /* reading goes on: the server may have said why */
        size_t n_written; /* since the last on_output() */

        Bucket bucket; /* of the endpoint's bandwidth */
        Timer throttle;

        /* Deadlines, CLOCK_BOOTTIME. */
        uint64_t timer_usec;  /* when the timer fires; UINT64_MAX: it is off */
        uint64_t state_usec;  /* when this state began */
        uint64_t moved_usec;  /* when something came, or room for more to go */
        uint64_t expect_usec; /* something must have come by then; UINT64_MAX: no */
        uint64_t expect_span;
        bool is_greeted;
        bool is_awaiting; /* commands were under way at the last look */

        uint64_t keep_alive; /* as the socket is set; 0: it does not ask */

        int lost_error;
        char lost_why[1024];
};

/* connection-end.c */
const char *connection_peer(const Connection *c);
uint64_t connection_now(void); /* CLOCK_BOOTTIME, microseconds */
void connection_enter(Connection *c, ConnectionState state);

/* Another turn soon. */
void connection_defer(Connection *c);

/* Close everything, and call nobody. */
void connection_shut(Connection *c);

/* It is over; the next turn says so. The first reason counts. */
void connection_lose(Connection *c, int error, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void connection_lose_errno(Connection *c, int error);
void connection_hung_up(Connection *c);

/* Are commands under way that must be answered in time? */
bool connection_is_awaiting(const Connection *c);
void connection_arm_timer(Connection *c);
