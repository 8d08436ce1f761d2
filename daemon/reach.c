/*
 * The way to a server: dialled, or through its proxy
 *
 * What the proxy says is looked at in the socket, and only what is its own is taken out: behind it stands what the
 * server has said, which is for somebody else.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "daemon/dial.h"
#include "daemon/reach.h"
#include "imap/proxy.h"

#define PEEK_MAX 1024 /* bytes; more than a proxy mostly has to say */

struct Reach {
        sd_event *event;          /* ref */
        const Endpoint *endpoint; /* borrowed */
        ReachFn on_done;
        void *userdata;

        Dial *dial;           /* owned, until there is a connection */
        ProxyDialogue *proxy; /* owned; NULL: none */
        Wire wire;            /* owns the descriptor, while the proxy is talked to */
        sd_event_source *io;
};

Reach *reach_free(Reach *reach) {
        if (!reach)
                return NULL;

        sd_event_source_disable_unref(reach->io);
        dial_free(reach->dial);
        proxy_free(reach->proxy);
        if (reach->wire.fd >= 0)
                (void) close(reach->wire.fd);
        sd_event_unref(reach->event);
        free(reach);
        return NULL;
}

/* The last thing that is done with it. */
static void reach_done(Reach *reach) {
        const Wire wire = reach->wire;

        reach->io = sd_event_source_disable_unref(reach->io);
        reach->wire = WIRE_NULL;
        reach->on_done(reach, &wire, 0, "", reach->userdata);
}

/* The same. */
static void reach_failed(Reach *reach, int error, const char *what) {
        const Proxy *proxy = reach->endpoint->proxy;
        char why[1024];

        (void) snprintf(why, sizeof(why), "the proxy %s port %u %s", proxy->host,
                        (unsigned) proxy->port, what);
        reach->io = sd_event_source_disable_unref(reach->io);
        reach->on_done(reach, NULL, error, why, reach->userdata);
}

static void reach_broke(Reach *reach, int error) {
        char what[128];

        (void) snprintf(what, sizeof(what), "broke off: %s", strerror(-error));
        reach_failed(reach, error, what);
}

void reach_describe(const Reach *reach, char *buffer, size_t size) {
        const Proxy *proxy = reach->endpoint->proxy;

        if (!proxy)
                (void) snprintf(buffer, size, "%s port %u could not be reached",
                                reach->endpoint->host, (unsigned) reach->endpoint->port);
        else
                (void) snprintf(buffer, size, "the proxy %s port %u %s", proxy->host,
                                (unsigned) proxy->port,
                                reach->dial ? "could not be reached" : "did not answer");
}

/* Return: 0 all is said, -EAGAIN, or another negative errno. */
static int reach_say(Reach *reach) {
        for (;;) {
                const ByteView bytes = proxy_output(reach->proxy);
                ssize_t n;

                if (bytes.size == 0)
                        return 0;
                n = wire_write(&reach->wire, bytes.data, bytes.size);
                if (n < 0)
                        return (int) n;
                proxy_sent(reach->proxy, (size_t) n);
        }
}

/* Return: a ProxyOutcome, -EAGAIN, or another negative errno. */
static int reach_hear(Reach *reach) {
        char piece[PEEK_MAX];
        const ssize_t n = wire_peek(&reach->wire, piece, sizeof(piece));
        size_t n_taken;
        int outcome;

        if (n < 0)
                return (int) n;
        if (n == 0)
                return proxy_closed(reach->proxy);

        outcome = proxy_push(reach->proxy, (ByteView){piece, (size_t) n}, &n_taken);
        if (outcome >= 0 && wire_read(&reach->wire, piece, n_taken) != (ssize_t) n_taken)
                return -EIO;
        return outcome;
}

/* Return: as reach_hear(), but never PROXY_MORE. */
static int reach_talk(Reach *reach) {
        int r;

        for (;;) {
                const int said = reach_say(reach);

                if (said < 0 && said != -EAGAIN)
                        return said;
                r = reach_hear(reach);
                if (r != PROXY_MORE)
                        return r;
        }
}

static int reach_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Reach *reach = userdata;
        const int r = reach_talk(reach);

        (void) fd, (void) revents;

        if (r == -EAGAIN)
                (void) sd_event_source_set_io_events(
                        source, EPOLLIN | (proxy_output(reach->proxy).size > 0 ? EPOLLOUT : 0u));
        else if (r < 0)
                reach_broke(reach, r);
        else if (r == PROXY_OPEN)
                reach_done(reach);
        else
                reach_failed(reach, r == PROXY_REFUSED ? -ENOKEY : -EHOSTUNREACH,
                             proxy_sentence(reach->proxy));
        return 0;
}

static void reach_on_dial(Dial *dial, int fd, int error, const char *why, void *userdata) {
        Reach *reach = userdata;
        int r;

        (void) dial;

        reach->dial = dial_free(reach->dial);
        if (fd < 0 && reach->proxy) {
                char sentence[640];

                (void) snprintf(sentence, sizeof(sentence), "there is no way to the proxy: %s",
                                why);
                reach->on_done(reach, NULL, error, sentence, reach->userdata);
                return;
        }
        if (fd < 0) {
                reach->on_done(reach, NULL, error, why, reach->userdata);
                return;
        }

        reach->wire.fd = fd;
        if (!reach->proxy) {
                reach_done(reach);
                return;
        }
        r = sd_event_add_io(reach->event, &reach->io, fd, EPOLLIN | EPOLLOUT, reach_on_io, reach);
        if (r < 0)
                reach_broke(reach, r);
        else
                (void) sd_event_source_set_description(reach->io, "proxy");
}

/* An address is told as one; it is no name that could be looked up. */
static ByteView address_of(const char *host, uint8_t bytes[static 16]) {
        if (inet_pton(AF_INET, host, bytes) == 1)
                return (ByteView){(const char *) bytes, 4};
        if (inet_pton(AF_INET6, host, bytes) == 1)
                return (ByteView){(const char *) bytes, 16};
        return BYTES_NULL;
}

static int begin_proxy(Reach *reach) {
        const Endpoint *endpoint = reach->endpoint;
        const Proxy *proxy = endpoint->proxy;
        uint8_t bytes[16];
        const ProxyOptions options = {
                .kind = proxy->kind,
                .host = endpoint->host,
                .port = endpoint->port,
                .address = address_of(endpoint->host, bytes),
                .user = proxy->user,
                .password = proxy->password,
        };
        int r = proxy_new(&options, &reach->proxy);

        if (r < 0)
                return r;
        return dial_new(reach->event, proxy->host, proxy->port, true, reach_on_dial, reach,
                        &reach->dial);
}

int reach_new(sd_event *event, const Endpoint *endpoint, ReachFn on_done, void *userdata,
              Reach **ret_reach) {
        _cleanup_(reach_freep) Reach *reach = malloc(sizeof(*reach));
        int r;

        if (!reach)
                return -ENOMEM;
        *reach = (Reach){
                .event = sd_event_ref(event),
                .endpoint = endpoint,
                .on_done = on_done,
                .userdata = userdata,
                .wire = WIRE_NULL,
        };

        r = endpoint->proxy
                    ? begin_proxy(reach)
                    : dial_new(event, endpoint->host, endpoint->port, endpoint->tls == TLS_IMPLICIT,
                               reach_on_dial, reach, &reach->dial);
        if (r < 0)
                return r;
        *ret_reach = TAKE_PTR(reach);
        return 0;
}
