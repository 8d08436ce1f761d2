/*
 * What the kernel says of the network: rtnetlink
 *
 * A message only says that something has happened. What there is now is then asked for: that is short,
 * cannot be missed, and needs no table of ours. One socket listens, another asks, so that an answer is
 * never behind a flood of news.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "daemon/network-private.h"

enum {
        BUFFER_SIZE = 32 * 1024,
        LINKS_MAX = 256, /* more do not count */
        ANSWER_MSEC = 1000,
};

struct Routes {
        void (*on_change)(void *userdata);
        void *userdata;
        int fd;
        sd_event_source *source;
};

/* What is being put together from three answers. */
typedef struct Looking {
        RoutesView view;
        int up[LINKS_MAX];  /* indices of the links that carry something to others */
        int out[LINKS_MAX]; /* of those that default routes use */
        size_t n_up, n_out;
} Looking;

static int open_netlink(uint32_t groups) {
        const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
        _cleanup_close_ int fd = -1;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | (groups ? SOCK_NONBLOCK : 0),
                    NETLINK_ROUTE);
        if (fd < 0)
                return -errno;
        if (bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* --- what there is --- */

static bool is_among(const int *indices, size_t n, int index) {
        for (size_t i = 0; i < n; i++)
                if (indices[i] == index)
                        return true;
        return false;
}

static bool is_up(const Looking *looking, int index) {
        return is_among(looking->up, looking->n_up, index);
}

static void add_link(Looking *looking, const struct nlmsghdr *header) {
        const struct ifinfomsg *link = NLMSG_DATA(header);
        const unsigned wanted = IFF_UP | IFF_RUNNING;

        if ((link->ifi_flags & wanted) == wanted && !(link->ifi_flags & IFF_LOOPBACK) &&
            looking->n_up < LINKS_MAX)
                looking->up[looking->n_up++] = link->ifi_index;
}

/* An attribute's bytes, with what tells it from another, into the digest. The sum knows no order. */
static void add_digest(Looking *looking, unsigned kind, int index, const struct rtattr *attribute) {
        struct {
                unsigned kind;
                int index;
                unsigned char bytes[16];
        } item = {.kind = kind, .index = index};

        memcpy(item.bytes, RTA_DATA(attribute), MIN(RTA_PAYLOAD(attribute), sizeof(item.bytes)));
        looking->view.digest += network_digest(&item, sizeof(item));
}

/* Where routes lead out, what other links have does not matter: containers come and go. */
static void add_address(Looking *looking, const struct nlmsghdr *header) {
        const struct ifaddrmsg *address = NLMSG_DATA(header);
        unsigned size = (unsigned) IFA_PAYLOAD(header);

        if (address->ifa_scope != RT_SCOPE_UNIVERSE || !is_up(looking, (int) address->ifa_index))
                return;
        looking->view.has_address = true;
        if (looking->view.has_default &&
            !is_among(looking->out, looking->n_out, (int) address->ifa_index))
                return;
        for (const struct rtattr *a = IFA_RTA(address); RTA_OK(a, size); a = RTA_NEXT(a, size))
                if (a->rta_type == IFA_LOCAL ||
                    (a->rta_type == IFA_ADDRESS && address->ifa_family == AF_INET6))
                        add_digest(looking, IFA_ADDRESS, (int) address->ifa_index, a);
}

static int read_index(const struct rtattr *attribute) {
        int index = 0;

        memcpy(&index, RTA_DATA(attribute), MIN(RTA_PAYLOAD(attribute), sizeof(index)));
        return index;
}

/* A route over several links has no single one, and counts. */
static void add_route(Looking *looking, const struct nlmsghdr *header) {
        const struct rtmsg *route = NLMSG_DATA(header);
        const struct rtattr *gateway = NULL, *oif = NULL;
        unsigned size = (unsigned) RTM_PAYLOAD(header);

        if (route->rtm_dst_len != 0 || route->rtm_type != RTN_UNICAST ||
            (route->rtm_flags & RTM_F_CLONED))
                return;
        for (const struct rtattr *a = RTM_RTA(route); RTA_OK(a, size); a = RTA_NEXT(a, size))
                if (a->rta_type == RTA_GATEWAY)
                        gateway = a;
                else if (a->rta_type == RTA_OIF)
                        oif = a;
        if (oif && !is_up(looking, read_index(oif)))
                return;
        looking->view.has_default = true;
        if (oif && looking->n_out < LINKS_MAX)
                looking->out[looking->n_out++] = read_index(oif);
        looking->view.digest += route->rtm_family;
        if (gateway)
                add_digest(looking, RTA_GATEWAY, oif ? read_index(oif) : 0, gateway);
        else if (oif)
                add_digest(looking, RTA_OIF, 0, oif);
}

/* --- asking --- */

typedef void (*AddFn)(Looking *looking, const struct nlmsghdr *header);

/* Return: 1 when that was all, 0 when there is more, or a negative errno. */
static int take_in(const char *buffer, size_t size, uint16_t type, AddFn add, Looking *looking) {
        const struct nlmsghdr *header = (const struct nlmsghdr *) (const void *) buffer;
        unsigned left = (unsigned) size;

        for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
                if (header->nlmsg_type == NLMSG_DONE)
                        return 1;
                if (header->nlmsg_type == NLMSG_ERROR) {
                        const struct nlmsgerr *error = NLMSG_DATA(header);

                        return error->error < 0 ? error->error : -EIO;
                }
                if (header->nlmsg_type == type)
                        add(looking, header);
        }
        return 0;
}

static int ask(int fd, uint16_t question, uint16_t type, AddFn add, Looking *looking) {
        static char buffer[BUFFER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
        const struct {
                struct nlmsghdr header;
                struct rtgenmsg message;
        } request = {
                .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
                           .nlmsg_type = question,
                           .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
                .message = {.rtgen_family = AF_UNSPEC         },
        };
        ssize_t n;
        int r = 0;

        if (send(fd, &request, request.header.nlmsg_len, 0) < 0)
                return -errno;
        while (r == 0) {
                n = recv(fd, buffer, sizeof(buffer), 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                r = take_in(buffer, (size_t) n, type, add, looking);
        }
        return r < 0 ? r : 0;
}

int routes_look(Routes *routes, RoutesView *ret_view) {
        const struct timeval patience = {.tv_sec = ANSWER_MSEC / 1000};
        _cleanup_close_ int fd = open_netlink(0);
        Looking looking = {0};
        int r;

        (void) routes;
        if (fd < 0)
                return fd;
        (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        r = ask(fd, RTM_GETLINK, RTM_NEWLINK, add_link, &looking);
        if (r >= 0)
                r = ask(fd, RTM_GETROUTE, RTM_NEWROUTE, add_route, &looking);
        if (r >= 0)
                r = ask(fd, RTM_GETADDR, RTM_NEWADDR, add_address, &looking);
        if (r >= 0)
                *ret_view = looking.view;
        return r;
}

/* --- news --- */

/* What is left behind an error is told of again: whatever the kernel says, the event loop goes on. */
static void drain(int fd) {
        char buffer[4096];

        while (recv(fd, buffer, sizeof(buffer), 0) >= 0)
                ;
}

static int on_news(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Routes *routes = userdata;

        (void) source, (void) revents;
        drain(fd);
        routes->on_change(routes->userdata);
        return 0;
}

/* An address that comes or goes brings or takes routes of its own, so routes and links tell all. */
int routes_new(sd_event *event, void (*on_change)(void *userdata), void *userdata,
               Routes **ret_routes) {
        _cleanup_(routes_freep) Routes *routes = NULL;
        int r;

        routes = malloc(sizeof(*routes));
        if (!routes)
                return -ENOMEM;
        *routes = (Routes){.on_change = on_change, .userdata = userdata, .fd = -EBADF};
        routes->fd = open_netlink(RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE);
        if (routes->fd < 0)
                return routes->fd;
        r = sd_event_add_io(event, &routes->source, routes->fd, EPOLLIN, on_news, routes);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(routes->source, "rtnetlink");

        *ret_routes = TAKE_PTR(routes);
        return 0;
}

Routes *routes_free(Routes *routes) {
        if (!routes)
                return NULL;

        sd_event_source_disable_unref(routes->source);
        if (routes->fd >= 0)
                (void) close(routes->fd);
        free(routes);
        return NULL;
}
