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

/* As the kernel has measured it; a tunnel's is not known. */
uint64_t connection_probe_usec(const Connection *c) {
        struct tcp_info info = {0};
        socklen_t size = sizeof(info);
        uint64_t usec;

        if (c->tunnel || getsockopt(c->stream.wire.fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
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
