/*
 * How a connection ends: deadlines, and a sentence for every way
 *
 * One timer serves all deadlines, and is off when there is none.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "daemon/connection-private.h"

enum {
        LINGER_USEC = 1000 * 1000, /* from a tunnel's end of file to its exit */
        EXACT_USEC = 1000 * 1000,  /* the rest of a deadline that is kept to the millisecond */
};

const char *connection_peer(const Connection *c) {
        return c->endpoint->tunnel ? "the tunnel" : c->endpoint->host;
}

/* Not sd_event_now(), which stands still while the owner works: a deadline must not begin before
 * the bytes leave. */
uint64_t connection_now(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

void connection_enter(Connection *c, ConnectionState state) {
        c->state = state;
        c->state_usec = connection_now();
}

void connection_defer(Connection *c) {
        (void) sd_event_source_set_enabled(c->defer, SD_EVENT_ONESHOT);
}

void connection_shut(Connection *c) {
        c->state = CONNECTION_OVER;
        c->io = sd_event_source_disable_unref(c->io);
        c->timer = sd_event_source_disable_unref(c->timer);
        c->timer_usec = UINT64_MAX;
        timer_done(&c->throttle);
        c->reach = reach_free(c->reach);
        stream_done(&c->stream);
}

void connection_lose(Connection *c, int error, const char *format, ...) {
        va_list args;

        if (c->state == CONNECTION_OVER)
                return;

        c->lost_error = error;
        va_start(args, format);
        (void) vsnprintf(c->lost_why, sizeof(c->lost_why), format, args);
        va_end(args);

        connection_shut(c);
        connection_defer(c);
}

void connection_lose_errno(Connection *c, int error) {
        const Tls *tls = c->stream.tls;

        if (error == -EBADMSG && c->stream.deflate)
                connection_lose(c, error, "%s sent what is not DEFLATE, after COMPRESS",
                                connection_peer(c));
        else if (tls && *tls_error(tls))
                connection_lose(c, error, "%s", tls_error(tls));
        else if (error == -ENOMEM)
                connection_lose(c, error, "out of memory");
        else
                connection_lose(c, error, "the connection to %s broke: %s", connection_peer(c),
                                strerror(-error));
}

/* A tunnel's last words are on its stderr, and come with its exit. */
void connection_hung_up(Connection *c) {
        if (c->tunnel && !tunnel_has_ended(c->tunnel)) {
                connection_enter(c, CONNECTION_LINGERING);
                c->io = sd_event_source_disable_unref(c->io);
                stream_done(&c->stream);
        } else if (c->tunnel)
                connection_lose(c, 0, "%s", tunnel_sentence(c->tunnel));
        else if (c->is_greeted)
                connection_lose(c, 0, "%s closed the connection", connection_peer(c));
        else
                connection_lose(c, 0, "%s closed the connection without a greeting",
                                connection_peer(c));
}

/* "60 s", "1.5 s", "250 ms" */
static const char *format_span(uint64_t usec, char *buffer, size_t size) {
        unsigned long long msec = usec / 1000;

        if (msec < 1000)
                snprintf(buffer, size, "%llu ms", msec);
        else if (msec % 1000 < 100)
                snprintf(buffer, size, "%llu s", msec / 1000);
        else
                snprintf(buffer, size, "%llu.%llu s", msec / 1000, msec % 1000 / 100);
        return buffer;
}

static void connection_timed_out(Connection *c) {
        const char *peer = connection_peer(c);
        char span[32], reached[600];

        if (c->state == CONNECTION_LINGERING) {
                connection_lose(c, 0, "%s", tunnel_sentence(c->tunnel));
                return;
        }

        format_span(c->timeout_usec, span, sizeof(span));
        if (c->reach) {
                reach_describe(c->reach, reached, sizeof(reached));
                connection_lose(c, -ETIMEDOUT, "%s within %s", reached, span);
        } else if (c->state == CONNECTION_REACHING)
                connection_lose(c, -ETIMEDOUT, "%s did not start within %s", peer, span);
        else if (c->state == CONNECTION_HANDSHAKE)
                connection_lose(c, -ETIMEDOUT, "%s did not finish the TLS handshake within %s",
                                peer, span);
        else if (!c->is_greeted && !c->tunnel && !c->stream.tls)
                connection_lose(c, -ETIMEDOUT,
                                "%s did not greet within %s: perhaps port %u wants "
                                "tls = implicit",
                                peer, span, (unsigned) c->endpoint->port);
        else if (!c->is_greeted)
                connection_lose(c, -ETIMEDOUT, "%s did not greet within %s", peer, span);
        else {
                if (c->expect_usec <= connection_now())
                        format_span(c->expect_span, span, sizeof(span));
                connection_lose(c, -ETIMEDOUT, "%s did not answer within %s", peer, span);
        }
}

bool connection_is_awaiting(const Connection *c) {
        if (imap_session_is_idle(c->session))
                return false;
        return imap_session_n_owed(c->session) > 0 ||
               (c->is_blocked && imap_session_n_under_way(c->session) > 0);
}

/* UINT64_MAX: there is nothing to wait for. */
static uint64_t connection_deadline(const Connection *c) {
        uint64_t usec = UINT64_MAX;

        switch (c->state) {
        case CONNECTION_REACHING:
        case CONNECTION_HANDSHAKE:
                return c->state_usec + c->timeout_usec;
        case CONNECTION_LINGERING:
                return c->state_usec + LINGER_USEC;
        case CONNECTION_OPEN:
                if (c->is_throttled) /* it is we who do not listen, for a moment */
                        return UINT64_MAX;
                if (!c->is_greeted)
                        usec = c->state_usec + c->timeout_usec;
                else if (c->is_awaiting)
                        usec = c->moved_usec + c->timeout_usec;
                return MIN(usec, c->expect_usec);
        case CONNECTION_OVER:
                return UINT64_MAX;
        }

        abort(); /* the switch is complete */
}

static int connection_on_timer(sd_event_source *source, uint64_t usec, void *userdata);

/*
 * The timer is moved only when it would fire too late: that bytes came moves the deadline, and the
 * timer finds that out when it fires. So a long download costs a wake-up a minute, and no call.
 *
 * It may fire together with others, but before the deadline and not behind it: then it finds out how
 * much is left, and is more exact about that.
 */
void connection_arm_timer(Connection *c) {
        uint64_t deadline = connection_deadline(c), now, accuracy, usec;
        int r;

        if (deadline == UINT64_MAX) {
                if (c->timer_usec != UINT64_MAX)
                        (void) sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
                c->timer_usec = UINT64_MAX;
                return;
        }
        if (c->timer_usec <= deadline)
                return;

        now = connection_now();
        accuracy = deadline > now + EXACT_USEC ? (deadline - now) / 8 : 1;
        usec = deadline - accuracy;
        if (c->timer) {
                r = sd_event_source_set_time(c->timer, usec);
                if (r >= 0)
                        r = sd_event_source_set_time_accuracy(c->timer, accuracy);
                if (r >= 0)
                        r = sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
        } else {
                r = sd_event_add_time(c->event, &c->timer, CLOCK_BOOTTIME, usec, accuracy,
                                      connection_on_timer, c);
                if (r >= 0) {
                        (void) sd_event_source_set_description(c->timer, "imap-deadline");
                        /* What the socket has is looked at first. */
                        r = sd_event_source_set_priority(c->timer, SD_EVENT_PRIORITY_NORMAL + 10);
                }
        }
        if (r < 0) {
                connection_lose_errno(c, r);
                return;
        }
        c->timer_usec = deadline;
}

static int connection_on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Connection *c = userdata;

        (void) source, (void) usec;

        c->timer_usec = UINT64_MAX;
        if (connection_deadline(c) <= connection_now())
                connection_timed_out(c);
        else
                connection_arm_timer(c);
        return 0;
}
