/*
 * From a host name to a connected socket: happy eyeballs (RFC 8305)
 *
 * One attempt an address, kept until the race is decided, so that a slow address can still win
 * after a faster one has failed.
 */

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/dial.h"
#include "daemon/lookup.h"

enum {
        MAX_ATTEMPTS = 16, /* a name server decides how many there are; more help nobody */
        ATTEMPT_DELAY_USEC = 250 * 1000, /* RFC 8305 section 5 */
        ATTEMPT_ACCURACY_USEC = 50 * 1000,
        USER_TIMEOUT_MSEC = 60 * 1000, /* unacknowledged for so long: the peer is gone */
};

typedef struct Attempt {
        Dial *dial;
        const struct addrinfo *address; /* borrowed from the lookup */
        int fd;                         /* owned; -EBADF: not begun, or failed */
        sd_event_source *source;
} Attempt;

struct Dial {
        sd_event *event; /* ref */
        Lookup *lookup;
        sd_event_source *source; /* the lookup's answer, or "now" */
        sd_event_source *timer;  /* the next attempt */

        char *host; /* owned */
        uint16_t port;
        bool speaks_first;

        Attempt attempts[MAX_ATTEMPTS];
        size_t n_attempts, n_begun, n_failed;
        int error; /* of the attempt that says most */

        DialFn on_done;
        void *userdata;
};

static void attempt_end(Attempt *a) {
        a->source = sd_event_source_disable_unref(a->source);
        if (a->fd >= 0)
                (void) close(a->fd);
        a->fd = -EBADF;
}

Dial *dial_free(Dial *d) {
        if (!d)
                return NULL;

        for (size_t i = 0; i < d->n_attempts; i++)
                attempt_end(&d->attempts[i]);
        sd_event_source_disable_unref(d->source);
        sd_event_source_disable_unref(d->timer);
        lookup_unref(d->lookup);
        sd_event_unref(d->event);
        free(d->host);
        free(d);
        return NULL;
}

/* The last thing done with the dial, which the owner may free. */
static void dial_done(Dial *d, int fd, int error, const char *reason) {
        char why[512] = "";

        d->source = sd_event_source_disable_unref(d->source);
        d->timer = sd_event_source_disable_unref(d->timer);
        for (size_t i = 0; i < d->n_attempts; i++)
                attempt_end(&d->attempts[i]);

        if (fd < 0 && d->n_attempts == 0)
                snprintf(why, sizeof(why), "the name %s cannot be looked up: %s", d->host, reason);
        else if (fd < 0)
                snprintf(why, sizeof(why), "%s port %u cannot be reached: %s", d->host,
                         (unsigned) d->port, reason);
        d->on_done(d, fd, error, why, d->userdata);
}

/* Of several errors the one that says most: having no route for one family is ordinary. */
static bool error_says_little(int error) {
        return error == 0 || error == -ENETUNREACH || error == -EHOSTUNREACH ||
               error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT;
}

static void attempt_failed(Attempt *a, int error) {
        attempt_end(a);
        a->dial->n_failed++;
        if (error_says_little(a->dial->error))
                a->dial->error = error;
}

static int socket_error(int fd) {
        socklen_t size = sizeof(int);
        int error = 0;

        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                return -errno;
        return -error;
}

static void socket_set(int fd, int level, int option, int value) {
        (void) setsockopt(fd, level, option, &value, sizeof(value));
}

/*
 * Small writes leave at once. ACKs wait for something to travel with: this is a conversation, and
 * Linux would acknowledge the first packets of a connection each on its own ("quick ACK"). Set
 * before connect(), that holds for the ACK of the handshake too, which must not wait where the
 * server has the first word. Counted: a short session sends 8 packets instead of 10 with TLS, 6
 * instead of 7 without. The account says when TCP is to ask for the other end:
 * connection_keep_alive().
 */
static void socket_prepare(int fd, bool speaks_first) {
        socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        socket_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MSEC);
        if (speaks_first)
                socket_set(fd, IPPROTO_TCP, TCP_QUICKACK, 0);
}

static void dial_step(Dial *d);

static int attempt_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Attempt *a = userdata;
        Dial *d = a->dial;
        int error;

        (void) source, (void) revents;

        error = socket_error(fd);
        if (error < 0) {
                attempt_failed(a, error);
                dial_step(d);
                return 0;
        }

        socket_set(fd, IPPROTO_TCP, TCP_QUICKACK, 0);
        a->source = sd_event_source_disable_unref(a->source);
        a->fd = -EBADF;
        dial_done(d, fd, 0, NULL);
        return 0;
}

static int attempt_begin(Attempt *a) {
        int r;

        a->fd = socket(a->address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                       IPPROTO_TCP);
        if (a->fd < 0)
                return -errno;
        socket_prepare(a->fd, a->dial->speaks_first);

        /* Connected at once or not, EPOLLOUT says when. */
        if (connect(a->fd, a->address->ai_addr, a->address->ai_addrlen) < 0 && errno != EINPROGRESS)
                return -errno;

        r = sd_event_add_io(a->dial->event, &a->source, a->fd, EPOLLOUT, attempt_on_io, a);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(a->source, "dial-attempt");
        return 0;
}

static int dial_on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        (void) source, (void) usec;

        dial_step(userdata);
        return 0;
}

/* The next attempt begins when the last one has failed or had its 250 ms. */
static int dial_arm_timer(Dial *d) {
        int r;

        if (d->n_begun == d->n_attempts) {
                d->timer = sd_event_source_disable_unref(d->timer);
                return 0;
        }

        if (!d->timer) {
                r = sd_event_add_time_relative(d->event, &d->timer, CLOCK_BOOTTIME,
                                               ATTEMPT_DELAY_USEC, ATTEMPT_ACCURACY_USEC,
                                               dial_on_timer, d);
                if (r >= 0)
                        (void) sd_event_source_set_description(d->timer, "dial-next");
                return r;
        }

        r = sd_event_source_set_time_relative(d->timer, ATTEMPT_DELAY_USEC);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(d->timer, SD_EVENT_ONESHOT);
}

/* Begin one more attempt; report when all have failed. */
static void dial_step(Dial *d) {
        int r;

        while (d->n_begun < d->n_attempts) {
                Attempt *a = &d->attempts[d->n_begun++];

                r = attempt_begin(a);
                if (r >= 0)
                        break;
                attempt_failed(a, r);
        }

        if (d->n_failed == d->n_attempts) {
                dial_done(d, -1, d->error, strerror(-d->error));
                return;
        }

        r = dial_arm_timer(d);
        if (r < 0)
                dial_done(d, -1, r, strerror(-r));
}

/* The families by turns, beginning with the one that the resolver put first, each in the resolver's
 * order (RFC 8305 section 4). */
static void dial_interleave(Dial *d, const struct addrinfo *first) {
        const struct addrinfo *same = first, *other = first;
        bool same_turn = true;

        while (d->n_attempts < MAX_ATTEMPTS) {
                const struct addrinfo **next;

                while (same && same->ai_family != first->ai_family)
                        same = same->ai_next;
                while (other && other->ai_family == first->ai_family)
                        other = other->ai_next;
                if (!same && !other)
                        break;

                next = (same_turn && same) || !other ? &same : &other;
                d->attempts[d->n_attempts++] = (Attempt){.dial = d, .address = *next, .fd = -EBADF};
                *next = (*next)->ai_next;
                same_turn = !same_turn;
        }
}

static void dial_begin(Dial *d) {
        const struct addrinfo *addresses;
        const char *reason;
        int r;

        d->source = sd_event_source_disable_unref(d->source);
        r = lookup_result(d->lookup, &addresses, &reason);
        if (r < 0) {
                dial_done(d, -1, r, reason);
                return;
        }

        dial_interleave(d, addresses);
        dial_step(d);
}

static int dial_on_lookup(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        (void) source, (void) fd, (void) revents;

        dial_begin(userdata);
        return 0;
}

static int dial_on_defer(sd_event_source *source, void *userdata) {
        (void) source;

        dial_begin(userdata);
        return 0;
}

int dial_new(sd_event *event, const char *host, uint16_t port, bool speaks_first, DialFn on_done,
             void *userdata, Dial **ret_dial) {
        _cleanup_(dial_freep) Dial *d = NULL;
        int r;

        d = malloc(sizeof(*d));
        if (!d)
                return -ENOMEM;
        *d = (Dial){
                .event = sd_event_ref(event),
                .port = port,
                .speaks_first = speaks_first,
                .on_done = on_done,
                .userdata = userdata,
        };

        d->host = strdup(host);
        if (!d->host)
                return -ENOMEM;

        r = lookup_new(host, port, &d->lookup);
        if (r < 0)
                return r;

        if (lookup_fd(d->lookup) >= 0)
                r = sd_event_add_io(event, &d->source, lookup_fd(d->lookup), EPOLLIN,
                                    dial_on_lookup, d);
        else
                r = sd_event_add_defer(event, &d->source, dial_on_defer, d);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(d->source, "dial-lookup");

        *ret_dial = TAKE_PTR(d);
        return 0;
}
