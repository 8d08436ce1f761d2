/*
 * One connection to an IMAP server
 *
 * Work is done in turns of the loop: a turn shakes hands, reads a bounded number of pieces, lets
 * the owner answer, and writes. What makes the next turn due is the socket, or, where bytes wait
 * inside TLS or DEFLATE and the socket knows nothing of them, a deferred source. The end is
 * delivered by that source too, so that the owner never loses a connection inside a call of its
 * own.
 */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "daemon/connection-private.h"
#include "daemon/log.h"

enum {
        PIECE_SIZE = 64 * 1024,        /* of one read: each costs a turn of all that is behind it */
        PIECE_MIN = 1024,              /* however little may be read a second */
        THROTTLE_ACCURACY = 20 * 1000, /* usec */
        PIECES_PER_TURN = 4,           /* then the others have their turn */
        MAX_UNREAD = 64 * 1024,        /* the owner is behind: stop reading */
        OUTPUT_NEWS = 16 * 1024,       /* as many bytes written are worth an on_output() */
};

static bool connection_may_read(const Connection *c) {
        return !c->is_paused && !c->is_throttled;
}

/* After every change: what to wait for, and for how long. */
static void connection_update(Connection *c) {
        bool is_awaiting = c->state == CONNECTION_OPEN && connection_is_awaiting(c);
        uint32_t events = 0;

        if (is_awaiting && !c->is_awaiting)
                c->moved_usec = connection_now();
        c->is_awaiting = is_awaiting;
        connection_arm_timer(c);

        if (!c->io)
                return;
        if (connection_may_read(c) && !c->is_held)
                events |= EPOLLIN;
        if (c->is_blocked || stream_wants_output(&c->stream))
                events |= EPOLLOUT;

        /* EPOLLHUP cannot be masked, so a source that waits for nothing must be off. */
        (void) sd_event_source_set_io_events(c->io, events);
        (void) sd_event_source_set_enabled(c->io, events != 0 ? SD_EVENT_ON : SD_EVENT_OFF);
        if (c->has_more && connection_may_read(c))
                connection_defer(c);
}

/* Return: 0 all is written, -EAGAIN, or another negative errno. */
static int connection_write_session(Connection *c) {
        for (;;) {
                ByteView bytes = imap_session_pull(c->session);
                ssize_t n;

                if (bytes.size == 0)
                        return stream_flush(&c->stream);

                n = stream_write(&c->stream, bytes);
                if (n < 0)
                        return (int) n;

                bytes.size = (size_t) n;
                if (c->dialogue)
                        dialogue_said(c->dialogue, bytes);
                imap_session_sent(c->session, bytes.size);
                c->n_written += bytes.size;
        }
}

/*
 * Write what the session has to say. That the server will not listen is not the end yet: it may
 * have said "* BYE", which is still to be read.
 *
 * What fits into the socket says nothing about the server. That there is room again does: something
 * has arrived. Else each new command would give more time to one that is silent.
 */
static void connection_write(Connection *c) {
        const uint64_t before = c->stream.wire.bytes_out;
        const bool was_full = c->is_blocked;
        int r;

        if (c->write_error < 0)
                return;

        r = connection_write_session(c);
        if (was_full && c->stream.wire.bytes_out != before)
                c->moved_usec = connection_now();
        if (c->stream.wire.bytes_out != before)
                c->is_held = false; /* somebody waits for the answer to this */
        c->is_blocked = r == -EAGAIN;
        c->was_blocked |= c->is_blocked;
        if (r < 0 && r != -EAGAIN) {
                c->write_error = r;
                c->has_more = true;
        }
}

static bool connection_owes_output(const Connection *c) {
        return !c->is_blocked && c->write_error == 0 &&
               (c->n_written >= OUTPUT_NEWS || (c->was_blocked && c->n_written > 0));
}

static void connection_received(Connection *c, ByteView bytes) {
        c->moved_usec = connection_now();
        c->expect_usec = UINT64_MAX;
        c->is_greeted = true;
        if (c->dialogue)
                dialogue_heard(c->dialogue, bytes);

        imap_session_filled(c->session, bytes.size);
        c->handler.on_input(c, c->userdata);
}

static void connection_read_failed(Connection *c, int error) {
        if (error == -EAGAIN && c->write_error < 0)
                error = c->write_error;

        if (error == -EAGAIN)
                return;
        if (error == 0 || ((error == -ECONNRESET || error == -EPIPE) && c->tunnel))
                connection_hung_up(c);
        else
                connection_lose_errno(c, error);
}

/* Of a limited connection, what an eighth of a second allows. */
static size_t connection_piece_size(const Connection *c) {
        if (c->bucket.rate == 0)
                return PIECE_SIZE;
        return (size_t) MIN(MAX(c->bucket.rate / 8, (uint64_t) PIECE_MIN), (uint64_t) PIECE_SIZE);
}

/* Return: what was read, straight into the session; 0: the end, or a negative errno. */
static ssize_t connection_read_piece(Connection *c, size_t size, ByteView *ret_piece) {
        const uint64_t before = c->stream.wire.bytes_in;
        char *space;
        ssize_t n;
        int r;

        r = imap_session_space(c->session, size, &space);
        if (r < 0)
                return r;
        n = stream_read(&c->stream, space, size);
        if (c->bucket.rate > 0)
                bucket_take(&c->bucket, c->stream.wire.bytes_in - before, connection_now());
        if (n <= 0)
                imap_session_filled(c->session, 0);
        else
                *ret_piece = (ByteView){space, (size_t) n};
        return n;
}

static void connection_turn(Connection *c, bool is_readable);

/* What has come meanwhile is still in the socket, or in TLS. */
static void connection_on_throttle(void *userdata) {
        Connection *c = userdata;

        c->is_throttled = false;
        c->moved_usec = connection_now();
        if (c->expect_usec != UINT64_MAX)
                c->expect_usec = MAX(c->expect_usec, c->moved_usec + c->expect_span);
        connection_turn(c, false);
}

/* Is the bandwidth used up? Then reading goes on by itself; the server feels it when the socket is full. */
static bool connection_throttle(Connection *c) {
        const uint64_t usec = bucket_wait(&c->bucket);

        if (usec == 0 || timer_arm(&c->throttle, c->event, usec, THROTTLE_ACCURACY,
                                   connection_on_throttle, c) < 0)
                return false; /* better fast than never */
        c->is_throttled = true;
        return true;
}

static void connection_read(Connection *c) {
        const size_t size = connection_piece_size(c);
        ByteView piece;
        ssize_t n;

        c->has_more = false;
        for (unsigned i = 0; i < PIECES_PER_TURN && c->state == CONNECTION_OPEN; i++) {
                c->is_paused = imap_session_n_unread(c->session) > MAX_UNREAD;
                if (c->is_paused)
                        break;

                n = connection_read_piece(c, size, &piece);
                if (n <= 0) {
                        connection_read_failed(c, (int) n);
                        return;
                }
                connection_received(c, piece);
                if (c->state == CONNECTION_OPEN && connection_throttle(c))
                        break;
                if (c->state == CONNECTION_OPEN && (size_t) n < size &&
                    !stream_has_pending(&c->stream) && c->write_error == 0)
                        return;
        }

        if (c->state == CONNECTION_OPEN)
                c->has_more = stream_has_pending(&c->stream) || c->write_error < 0;
}

static void connection_opened(Connection *c) {
        connection_enter(c, CONNECTION_OPEN);
        c->handler.on_open(c, c->userdata);
}

static void connection_handshake(Connection *c) {
        int r;

        r = tls_handshake(c->stream.tls);
        if (r == 0) {
                c->has_more = stream_has_pending(&c->stream);
                connection_opened(c);
        } else if ((r == -EPIPE || r == -ECONNRESET) && c->tunnel)
                connection_hung_up(c); /* it has more to say about why */
        else if (r != -EAGAIN)
                connection_lose_errno(c, r);
}

static void connection_turn(Connection *c, bool is_readable) {
        if (c->state == CONNECTION_HANDSHAKE)
                connection_handshake(c);
        if (c->state == CONNECTION_OPEN && !c->is_throttled && (is_readable || c->has_more))
                connection_read(c);
        if (c->state == CONNECTION_OPEN)
                connection_write(c);
        if (c->state == CONNECTION_OPEN && connection_owes_output(c)) {
                c->n_written = 0;
                c->was_blocked = false;
                c->handler.on_output(c, c->userdata);
        }
        if (c->state == CONNECTION_OPEN)
                connection_flush(c);
        connection_update(c);
}

static int connection_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Connection *c = userdata;

        (void) source, (void) fd;

        connection_turn(c,
                        (revents & ~(uint32_t) EPOLLOUT) != 0 || stream_wants_output(&c->stream));
        return 0;
}

/* What the kernel takes in ahead of us is on the wire already: little, when that is limited. */
static void connection_limit(Connection *c) {
        const uint64_t rate = c->endpoint->bandwidth;
        const int size = (int) MIN(MAX(rate / 8, UINT64_C(8192)), UINT64_C(1) << 20);

        c->bucket = bucket_make(rate, connection_now());
        if (rate > 0)
                (void) setsockopt(c->stream.wire.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static void connection_begin(Connection *c, const Wire *wire) {
        const int fd = wire->fd;
        int r;

        c->stream.wire = *wire;
        connection_limit(c);
        r = sd_event_add_io(c->event, &c->io, fd, EPOLLIN, connection_on_io, c);
        if (r < 0) {
                connection_lose_errno(c, r);
                return;
        }
        (void) sd_event_source_set_description(c->io, "imap-connection");

        if (c->endpoint->tls != TLS_IMPLICIT) {
                connection_opened(c);
                return;
        }

        r = stream_start_tls(&c->stream, c->endpoint);
        if (r < 0)
                connection_lose_errno(c, r);
        else
                connection_enter(c, CONNECTION_HANDSHAKE);
}

static int connection_on_defer(sd_event_source *source, void *userdata) {
        Connection *c = userdata;

        (void) source;

        if (c->state == CONNECTION_OVER) {
                /* The last thing done with it: the owner may free it now. */
                c->handler.on_lost(c, c->lost_error, c->lost_why, c->userdata);
                return 0;
        }
        if (c->state == CONNECTION_REACHING)
                connection_begin(c, &(Wire){.fd = tunnel_take_fd(c->tunnel)});
        connection_turn(c, false);
        return 0;
}

static void connection_on_reach(Reach *reach, const Wire *wire, int error, const char *why,
                                void *userdata) {
        Connection *c = userdata;

        (void) reach;

        if (!wire) {
                connection_lose(c, error, "%s", why);
                return;
        }
        c->reach = reach_free(c->reach);
        connection_begin(c, wire);
        connection_turn(c, false);
}

static void connection_on_exit(Tunnel *tunnel, void *userdata) {
        Connection *c = userdata;

        if (c->state == CONNECTION_LINGERING)
                connection_lose(c, 0, "%s", tunnel_sentence(tunnel));
}

static void connection_on_line(const char *line, void *userdata) {
        const Connection *c = userdata;

        log_debug("%s%s%s", c->name ? c->name : "", c->name ? ": " : "", line);
}

static int connection_reach(Connection *c) {
        const Endpoint *endpoint = c->endpoint;
        int r;

        if (!endpoint->tunnel)
                return reach_new(c->event, endpoint, connection_on_reach, c, &c->reach);

        r = tunnel_new(c->event, endpoint->tunnel, connection_on_exit, c, &c->tunnel);
        if (r >= 0)
                connection_defer(c);
        return r;
}

int connection_new(sd_event *event, const Endpoint *endpoint, uint64_t timeout_usec,
                   const ConnectionHandler *handler, void *userdata, Connection **ret_connection) {
        _cleanup_(connection_freep) Connection *c = NULL;
        int r;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (Connection){
                .event = sd_event_ref(event),
                .endpoint = endpoint,
                .timeout_usec = timeout_usec,
                .handler = *handler,
                .userdata = userdata,
                .stream = STREAM_NULL,
                .timer_usec = UINT64_MAX,
                .expect_usec = UINT64_MAX,
        };

        r = imap_session_new(&imap_limits_default, &c->session);
        if (r < 0)
                return r;
        if (log_wants_dialogue()) {
                r = dialogue_new(connection_on_line, c, &c->dialogue);
                if (r < 0)
                        return r;
        }

        r = sd_event_add_defer(event, &c->defer, connection_on_defer, c);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(c->defer, "imap-turn");
        (void) sd_event_source_set_enabled(c->defer, SD_EVENT_OFF);

        connection_enter(c, CONNECTION_REACHING);
        r = connection_reach(c);
        if (r < 0)
                return r;
        connection_update(c);

        *ret_connection = TAKE_PTR(c);
        return 0;
}

Connection *connection_free(Connection *c) {
        if (!c)
                return NULL;

        connection_shut(c);
        sd_event_source_disable_unref(c->defer);
        tunnel_free(c->tunnel);
        imap_session_free(c->session);
        dialogue_free(c->dialogue);
        sd_event_unref(c->event);
        free(c);
        return NULL;
}

void connection_set_name(Connection *c, const char *name) {
        c->name = name;
        if (c->tunnel)
                tunnel_set_name(c->tunnel, name);
}

ImapSession *connection_session(Connection *c) {
        return c->session;
}

void connection_flush(Connection *c) {
        if (c->state != CONNECTION_OPEN)
                return;

        if (!c->is_blocked) /* else the loop says when it is worth a try */
                connection_write(c);
        if (c->is_paused && imap_session_n_unread(c->session) <= MAX_UNREAD) {
                c->is_paused = false;
                c->has_more = true;
        }
        connection_update(c);
        if ((c->has_more && connection_may_read(c)) || connection_owes_output(c))
                connection_defer(c);
}

int connection_start_tls(Connection *c) {
        int r;

        if (c->state != CONNECTION_OPEN)
                return 0;
        if (c->tunnel)
                return -EOPNOTSUPP;

        /* RFC 9051 section 11.1: whoever sits in between could have put it there. */
        if (imap_session_n_unread(c->session) > 0) {
                connection_lose(c, -EPROTO,
                                "%s sent more in clear behind its answer to STARTTLS: somebody may "
                                "be tampering with the connection",
                                connection_peer(c));
                return 0;
        }

        r = stream_start_tls(&c->stream, c->endpoint);
        if (r < 0)
                return r;
        connection_enter(c, CONNECTION_HANDSHAKE);
        connection_update(c);
        connection_defer(c);
        return 0;
}

int connection_start_deflate(Connection *c) {
        _cleanup_(buffer_done) Buffer behind = BUFFER_NULL;
        int r;

        if (c->state != CONNECTION_OPEN)
                return 0;

        r = imap_session_take_unread(c->session, &behind);
        if (r < 0)
                return r;
        if (c->dialogue)
                dialogue_forget(c->dialogue);
        r = stream_start_deflate(&c->stream, buffer_view(&behind));
        if (r < 0)
                return r;

        c->has_more = stream_has_pending(&c->stream);
        connection_update(c);
        return 0;
}

void connection_expect(Connection *c, uint64_t usec) {
        const uint64_t due = usec > 0 ? connection_now() + usec : UINT64_MAX;

        if (usec == 0 || due < c->expect_usec) {
                c->expect_span = usec;
                c->expect_usec = due;
        }
        connection_update(c);
}

void connection_hold_input(Connection *c, bool hold) {
        c->is_held = hold && c->state == CONNECTION_OPEN && !c->has_more && c->write_error == 0;
        connection_update(c);
}

/* Corked, so that LOGOUT, close_notify and FIN leave in one packet. */
void connection_close(Connection *c) {
        if (c->state == CONNECTION_OPEN) {
                (void) setsockopt(c->stream.wire.fd, IPPROTO_TCP, TCP_CORK, &(int){1}, sizeof(int));
                connection_write(c);
                c->io = sd_event_source_disable_unref(c->io);
                stream_close(&c->stream);
        }

        connection_shut(c);
        (void) sd_event_source_set_enabled(c->defer, SD_EVENT_OFF);
        c->tunnel = tunnel_free(c->tunnel);
}

bool connection_is_encrypted(const Connection *c) {
        return c->state == CONNECTION_OPEN && c->stream.tls;
}

int connection_exporter(const Connection *c, uint8_t out[TLS_EXPORTER_SIZE]) {
        return connection_is_encrypted(c) ? tls_exporter(c->stream.tls, out) : -EOPNOTSUPP;
}

ConnectionTraffic connection_traffic(const Connection *c) {
        return (ConnectionTraffic){
                .bytes_in = c->stream.wire.bytes_in,
                .bytes_out = c->stream.wire.bytes_out,
        };
}
