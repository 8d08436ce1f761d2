/* A connection and the way to its server: does that still exist, and how long is it? */

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "daemon/connection-private.h"

#define SECOND      ((uint64_t) 1000000)
#define PROBE_MAX   (5 * SECOND)
#define ROUND_TRIPS 4u

/* The other end of the socket is not the server: what the kernel knows of the one says nothing of the other. */
static bool is_indirect(const Connection *c) {
        return c->tunnel || c->endpoint->proxy;
}

/* As the kernel has measured it; that behind a tunnel or a proxy is not known. */
uint64_t connection_probe_usec(const Connection *c) {
        struct tcp_info info = {0};
        socklen_t size = sizeof(info);
        uint64_t usec;

        if (is_indirect(c) ||
            getsockopt(c->stream.wire.fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
                return PROBE_MAX;
        usec = SECOND + (uint64_t) ROUND_TRIPS * (info.tcpi_rtt + 2 * (uint64_t) info.tcpi_rttvar);
        return MIN(usec, PROBE_MAX);
}

bool connection_has_output(const Connection *c) {
        int n = 0;

        if (c->is_blocked)
                return true;
        return !c->tunnel && ioctl(c->stream.wire.fd, SIOCOUTQ, &n) == 0 && n > 0;
}

#define KEEP_ALIVE_EVERY (20 * SECOND) /* when there was no answer */
#define KEEP_ALIVE_GIVEN (60 * SECOND) /* from the first one on */

static bool set_tcp(const Connection *c, int option, uint64_t value) {
        const int number = (int) value;

        return setsockopt(c->stream.wire.fd, IPPROTO_TCP, option, &number, sizeof(number)) == 0;
}

/*
 * TCP_USER_TIMEOUT would end a connection with the first probe that is lost, and so leaves time for more of
 * them. Of what is written nothing else is true by that: each command has a deadline of its own.
 */
static bool start_probes(const Connection *c, uint64_t silence) {
        return set_tcp(c, TCP_KEEPIDLE, silence / SECOND) &&
               set_tcp(c, TCP_KEEPINTVL, KEEP_ALIVE_EVERY / SECOND) &&
               set_tcp(c, TCP_KEEPCNT, KEEP_ALIVE_GIVEN / KEEP_ALIVE_EVERY) &&
               set_tcp(c, TCP_USER_TIMEOUT, (silence + KEEP_ALIVE_GIVEN) / 1000);
}

bool connection_keep_alive(Connection *c, uint64_t silence) {
        const int on = silence > 0;

        if (is_indirect(c) || c->state != CONNECTION_OPEN)
                return false;
        if (silence == c->keep_alive)
                return true;
        if ((on && !start_probes(c, silence)) ||
            setsockopt(c->stream.wire.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) < 0)
                return false;
        c->keep_alive = silence;
        return true;
}

static void clear_port(struct sockaddr_storage *address) {
        if (address->ss_family == AF_INET)
                ((struct sockaddr_in *) address)->sin_port = 0;
        else
                ((struct sockaddr_in6 *) address)->sin6_port = 0;
}

/* Nothing that is sent from an address that is no more gets an answer. */
bool connection_has_address(const Connection *c) {
        _cleanup_close_ int fd = -1;
        struct sockaddr_storage address;
        socklen_t size = sizeof(address);

        if (c->tunnel || getsockname(c->stream.wire.fd, (struct sockaddr *) &address, &size) < 0 ||
            (address.ss_family != AF_INET && address.ss_family != AF_INET6))
                return true;
        fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return true;
        clear_port(&address);
        return bind(fd, (const struct sockaddr *) &address, size) == 0 || errno != EADDRNOTAVAIL;
}
