/* One small file by HTTPS. */

#include <errno.h>
#include <sys/epoll.h>

#include "daemon/dial.h"
#include "daemon/https.h"
#include "daemon/stream.h"

#define HEADER_MAX (16u * 1024)

struct Https {
        sd_event *event; /* owned */
        HttpsFn on_done;
        void *userdata;
        Endpoint endpoint; /* host owned */
        Dial *dial;        /* owned, until there is a connection */
        Stream stream;
        bool is_open; /* TLS is up */
        Buffer output, input;
        sd_event_source *io, *timer; /* owned */
};

/* --- the answer --- */

static int parse_status(ByteView line, unsigned *ret_status) {
        uint64_t status;
        ByteView word;

        if (!bytes_starts_fold(line, BYTES("HTTP/1.")))
                return -EBADMSG;
        (void) bytes_take_until(&line, ' ');
        word = bytes_take_until(&line, ' ');
        if (word.size != 3 || bytes_to_u64(word, 599, &status) < 0 || status < 100)
                return -EBADMSG;
        *ret_status = (unsigned) status;
        return 0;
}

static ByteView trim(ByteView text) {
        while (text.size > 0 && (*text.data == ' ' || *text.data == '\t'))
                text = (ByteView){text.data + 1, text.size - 1};
        while (text.size > 0 &&
               (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\r'))
                text.size--;
        return text;
}

/* @length: UINT64_MAX until the header says it. */
static int parse_field(ByteView line, HttpAnswer *answer, uint64_t *length) {
        const ByteView name = bytes_take_until(&line, ':');

        if (bytes_equal_fold(name, BYTES("Location")))
                answer->location = trim(line);
        if (bytes_equal_fold(name, BYTES("Transfer-Encoding")))
                return -EBADMSG; /* not for HTTP/1.0 */
        if (bytes_equal_fold(name, BYTES("Content-Length")))
                return bytes_to_u64(trim(line), HTTPS_BODY_MAX, length);
        return 0;
}

int http_parse(ByteView text, HttpAnswer *ret_answer) {
        HttpAnswer answer = {.status = 0};
        uint64_t length = UINT64_MAX;
        int r = parse_status(trim(bytes_take_until(&text, '\n')), &answer.status);

        while (r == 0) {
                ByteView line;

                if (text.size == 0)
                        return -EBADMSG; /* no end of the header */
                line = trim(bytes_take_until(&text, '\n'));
                if (line.size == 0)
                        break;
                r = parse_field(line, &answer, &length);
        }
        if (r < 0)
                return r;
        if (length != UINT64_MAX && text.size < length)
                return -EBADMSG; /* cut */
        answer.body = (ByteView){text.data, MIN(text.size, length)};
        *ret_answer = answer;
        return 0;
}

int https_split(ByteView url, ByteView *ret_host, ByteView *ret_path) {
        static const ByteView scheme = BYTES("https://");
        size_t n = 0;

        if (!bytes_starts_fold(url, scheme))
                return -EINVAL;
        url = (ByteView){url.data + scheme.size, url.size - scheme.size};
        for (size_t i = 0; i < url.size; i++)
                if ((unsigned char) url.data[i] <= ' ' || (unsigned char) url.data[i] >= 0x7F)
                        return -EINVAL;
        while (n < url.size && url.data[n] != '/')
                n++;
        if (n == 0 || n == url.size || n > 253 || memchr(url.data, ':', n) ||
            memchr(url.data, '@', n))
                return -EINVAL;
        *ret_host = (ByteView){url.data, n};
        *ret_path = (ByteView){url.data + n, url.size - n};
        return 0;
}

/* --- the connection --- */

Https *https_free(Https *h) {
        if (!h)
                return NULL;
        sd_event_source_disable_unref(h->io);
        sd_event_source_disable_unref(h->timer);
        dial_free(h->dial);
        stream_done(&h->stream);
        buffer_done(&h->output);
        buffer_done(&h->input);
        free(h->endpoint.host);
        sd_event_unref(h->event);
        free(h);
        return NULL;
}

/* The last thing that is done with it. */
static void finish(Https *h, int error) {
        HttpAnswer answer = {.status = 0};

        h->io = sd_event_source_disable_unref(h->io);
        h->timer = sd_event_source_disable_unref(h->timer);
        if (error == 0)
                error = http_parse(buffer_view(&h->input), &answer);
        h->on_done(h, error, &answer, h->userdata);
}

/* Return: 0 all is said, -EAGAIN, or another negative errno. */
static int say(Https *h) {
        while (h->output.size > 0) {
                const ssize_t n = stream_write(&h->stream, buffer_view(&h->output));

                if (n < 0)
                        return (int) n;
                buffer_consume(&h->output, (size_t) n);
        }
        return stream_flush(&h->stream);
}

/* Return: 0 at the end, -EAGAIN, or another negative errno. */
static int hear(Https *h) {
        for (;;) {
                char piece[4096];
                const ssize_t n = stream_read(&h->stream, piece, sizeof(piece));
                int r;

                if (n <= 0)
                        return (int) n;
                r = buffer_append(&h->input, piece, (size_t) n);
                if (r < 0)
                        return r; /* -E2BIG: nothing that is wanted is so large */
        }
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Https *h = userdata;
        uint32_t events = EPOLLIN;
        int r = 0;

        (void) fd, (void) revents;

        if (!h->is_open) {
                r = tls_handshake(h->stream.tls);
                h->is_open = r == 0;
        }
        if (h->is_open) {
                r = say(h);
                if (r == -EAGAIN)
                        events |= EPOLLOUT;
                if (r == 0 || r == -EAGAIN)
                        r = hear(h);
        }
        if (r != -EAGAIN) {
                finish(h, r);
                return 0;
        }
        if (stream_wants_output(&h->stream))
                events |= EPOLLOUT;
        (void) sd_event_source_set_io_events(source, events);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        (void) source, (void) usec;

        finish(userdata, -ETIMEDOUT);
        return 0;
}

static void on_dial(Dial *dial, int fd, int error, const char *why, void *userdata) {
        Https *h = userdata;
        int r;

        (void) dial, (void) why;

        h->dial = dial_free(h->dial);
        if (fd < 0) {
                finish(h, error);
                return;
        }
        h->stream.wire.fd = fd;
        r = stream_start_tls(&h->stream, &h->endpoint);
        if (r >= 0)
                r = sd_event_add_io(h->event, &h->io, fd, EPOLLIN | EPOLLOUT, on_io, h);
        if (r < 0)
                finish(h, r);
}

int https_get(sd_event *event, const char *host, const char *path, uint64_t timeout_usec,
              HttpsFn on_done, void *userdata, Https **ret_https) {
        _cleanup_(https_freep) Https *h = malloc(sizeof(*h));
        int r;

        if (!h)
                return -ENOMEM;
        *h = (Https){
                .event = sd_event_ref(event),
                .on_done = on_done,
                .userdata = userdata,
                .endpoint = {.host = strdup(host), .port = 443, .tls = TLS_IMPLICIT},
                .stream = STREAM_NULL,
                .input = {.limit = HTTPS_BODY_MAX + HEADER_MAX},
        };
        if (!h->endpoint.host)
                return -ENOMEM;
        r = buffer_append_format(&h->output,
                                 "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: imapsyncd\r\n"
                                 "Accept: application/xml, text/xml\r\nConnection: close\r\n\r\n",
                                 path, host);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &h->timer, CLOCK_MONOTONIC, timeout_usec, 0,
                                               on_timer, h);
        if (r >= 0)
                r = dial_new(event, host, 443, true, on_dial, h, &h->dial);
        if (r < 0)
                return r;
        *ret_https = TAKE_PTR(h);
        return 0;
}
