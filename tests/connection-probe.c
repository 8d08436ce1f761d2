/*
 * A small client around one Connection, for tests/link.py: it takes steps and tells what happens
 *
 *      connection-probe KEY=VALUE... STEP...
 *
 * Keys are those of the configuration, and timeout (ms) and verbose. Steps, one after the other,
 * each after the answer to the one before:
 *
 *      starttls, compress      the command, and what follows from its OK
 *      append=SIZE             a message of so many bytes, streamed
 *      idle                    ends when an untagged EXISTS has come
 *      expect=MSEC             something must come; ends with the first untagged EXISTS
 *      wait                    until the connection is lost
 *      repin=PIN               from now on this is the only tls-pin; goes on at once
 *      keep-alive=SECONDS      connection_keep_alive(), not behind a proxy; goes on at once
 *      hold                    connection_hold_input(); goes on at once
 *      again                   a new connection to the same endpoint, from its greeting on
 *      close                   LOGOUT, and no waiting
 *      anything else           a command
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "config/config-proxy.h"
#include "daemon/connection.h"
#include "daemon/log.h"
#include "test.h"

enum { MAX_PINS = 8 };

typedef struct Probe {
        sd_event *event;
        sd_event_source *next; /* begins the current step */
        Endpoint endpoint;
        char *pins[MAX_PINS + 1];
        uint64_t timeout_usec;
        Connection *connection;
        char **steps; /* NULL-terminated; the current one */
        ImapTag tag;  /* of the command that the current step waits for */
        bool is_greeted;
        uint64_t append_left;
        uint64_t body_size, n_input;
} Probe;

static void probe_connect(Probe *p);

static void say(const char *what, const char *text) {
        printf("%s%s%s\n", what, text && *text ? " " : "", text ? text : "");
        fflush(stdout);
}

/* The most memory this process ever had, in kB; rusage counts its parent before exec() too. */
static unsigned long peak_memory(void) {
        FILE *file = fopen("/proc/self/status", "re");
        unsigned long peak = 0;
        char line[256];

        while (file && fgets(line, sizeof(line), file))
                if (sscanf(line, "VmHWM: %lu kB", &peak) == 1)
                        break;
        if (file)
                fclose(file);
        return peak;
}

static void say_costs(const Probe *p) {
        ConnectionTraffic traffic = connection_traffic(p->connection);

        printf("traffic in=%" PRIu64 " out=%" PRIu64 " inputs=%" PRIu64 " peak=%lu\n",
               traffic.bytes_in, traffic.bytes_out, p->n_input, peak_memory());
}

static void probe_end(Probe *p) {
        say_costs(p);
        p->connection = connection_free(p->connection);
        sd_event_exit(p->event, 0);
}

static void submit(Probe *p, const char *command) {
        assert(imap_session_submit(connection_session(p->connection), bytes_of(command), &p->tag) ==
               0);
}

static void append_more(Probe *p) {
        static char zeros[100000];
        ImapSession *session = connection_session(p->connection);

        memset(zeros, '0', sizeof(zeros));
        while (p->append_left > 0) {
                ByteView data = {zeros, MIN(sizeof(zeros), (size_t) p->append_left)};
                ssize_t n = imap_session_append_data(session, data);

                assert(n >= 0);
                p->append_left -= (uint64_t) n;
                if ((size_t) n < data.size)
                        return;
                if (p->append_left == 0)
                        assert(imap_session_append_end(session) == 0);
        }
}

static bool step_is(const Probe *p, const char *name) {
        return *p->steps && strcmp(*p->steps, name) == 0;
}

static bool step_has(const Probe *p, const char *prefix, uint64_t *ret_value) {
        size_t n = strlen(prefix);

        return *p->steps && strncmp(*p->steps, prefix, n) == 0 &&
               bytes_to_u64(bytes_of(*p->steps + n), UINT64_MAX, ret_value) == 0;
}

/* Steps that are over at once. */
static bool step_aside(Probe *p) {
        uint64_t value;

        if (step_has(p, "keep-alive=", &value))
                assert(connection_keep_alive(p->connection, value * 1000000) == !p->endpoint.proxy);
        else if (step_is(p, "hold"))
                connection_hold_input(p->connection, true);
        else if (*p->steps && strncmp(*p->steps, "repin=", 6) == 0) {
                p->pins[0] = *p->steps + 6;
                p->pins[1] = NULL;
        } else
                return false;
        say("step", *p->steps++);
        return true;
}

/* Begin the current step. */
static void probe_step(Probe *p) {
        ImapSession *session = connection_session(p->connection);
        uint64_t value;

        p->tag = 0;
        while (step_aside(p))
                ;
        if (!*p->steps) {
                probe_end(p);
                return;
        }

        say("step", *p->steps);
        if (step_is(p, "close")) {
                submit(p, "LOGOUT");
                connection_close(p->connection);
                probe_end(p);
                return;
        }
        if (step_is(p, "again")) {
                connection_close(p->connection);
                p->connection = connection_free(p->connection);
                p->steps++;
                p->is_greeted = false;
                probe_connect(p);
                return;
        }

        if (step_is(p, "starttls"))
                submit(p, "STARTTLS");
        else if (step_is(p, "compress"))
                submit(p, "COMPRESS DEFLATE");
        else if (step_is(p, "idle"))
                assert(imap_session_idle(session, &p->tag) == 0);
        else if (step_has(p, "append=", &p->append_left)) {
                assert(imap_session_append_begin(session, BYTES("APPEND INBOX"), p->append_left,
                                                 IMAP_LITERAL_PLUS, &p->tag) == 0);
                append_more(p);
        } else if (step_has(p, "expect=", &value))
                connection_expect(p->connection, value * 1000);
        else if (!step_is(p, "wait"))
                submit(p, *p->steps);
        connection_flush(p->connection);
}

/* The current step's command is answered. Return: whether the next step may begin now. */
static bool step_answered(Probe *p) {
        if (step_is(p, "starttls")) {
                int r = connection_start_tls(p->connection);

                if (r < 0)
                        say("start_tls failed", strerror(-r));
                return false;
        }
        if (step_is(p, "compress"))
                assert(connection_start_deflate(p->connection) == 0);
        return true;
}

static void on_open(Connection *connection, void *userdata) {
        Probe *p = userdata;

        say("open", connection_is_encrypted(connection) ? "encrypted" : "in clear");
        if (p->is_greeted) { /* TLS is up */
                p->steps++;
                probe_step(p);
        }
}

/* The greeting ends no step, but begins the first. */
static bool first_step(Probe *p) {
        assert(sd_event_source_set_enabled(p->next, SD_EVENT_ONESHOT) >= 0);
        return false;
}

/* Return: whether the step is done. */
static bool probe_take(Probe *p, const ImapEvent *event) {
        char text[256];

        switch (event->type) {
        case IMAP_EVENT_GREETING:
                say("greeting",
                    log_escape(event->text.text.data, event->text.text.size, text, sizeof(text)));
                p->is_greeted = true;
                return first_step(p);
        case IMAP_EVENT_TAGGED:
                if (event->tag != p->tag)
                        return false;
                say(event->text.status == IMAP_OK ? "OK" : "NO",
                    log_escape(event->text.text.data, event->text.text.size, text, sizeof(text)));
                return step_answered(p);
        case IMAP_EVENT_CONTINUATION:
                say("continuation", "");
                return false;
        case IMAP_EVENT_TEXT:
                say("untagged",
                    log_escape(event->text.text.data, event->text.text.size, text, sizeof(text)));
                return false;
        case IMAP_EVENT_EXISTS:
                say("exists", "");
                return strncmp(*p->steps, "expect=", 7) == 0 || step_is(p, "idle");
        case IMAP_EVENT_BODY_DATA:
                p->body_size += event->data.size;
                return false;
        case IMAP_EVENT_BODY_END:
                printf("body %" PRIu64 "\n", p->body_size);
                return false;
        default:
                return false;
        }
}

static void on_input(Connection *connection, void *userdata) {
        Probe *p = userdata;
        ImapSession *session = connection_session(connection);
        bool is_done = false;
        ImapEvent event;
        int r;

        p->n_input++;
        while ((r = imap_session_next(session, &event)) > 0)
                is_done |= probe_take(p, &event);

        if (r < 0) {
                say("protocol", imap_session_error(session));
                say_costs(p);
                connection_close(connection);
                sd_event_exit(p->event, 0);
                return;
        }
        if (!is_done)
                return;
        p->steps++;
        /* Not from here: some steps free the connection. */
        assert(sd_event_source_set_enabled(p->next, SD_EVENT_ONESHOT) >= 0);
}

static int on_next(sd_event_source *source, void *userdata) {
        (void) source;

        probe_step(userdata);
        return 0;
}

static void on_output(Connection *connection, void *userdata) {
        Probe *p = userdata;

        append_more(p);
        connection_flush(connection);
}

static void on_lost(Connection *connection, int error, const char *why, void *userdata) {
        (void) connection;

        printf("lost %s: %s\n", error == 0 ? "0" : strerrorname_np(-error), why);
        probe_end(userdata);
}

static void probe_connect(Probe *p) {
        static const ConnectionHandler handler = {
                .on_open = on_open,
                .on_input = on_input,
                .on_output = on_output,
                .on_lost = on_lost,
        };

        assert(connection_new(p->event, &p->endpoint, p->timeout_usec, &handler, p,
                              &p->connection) == 0);
        connection_set_name(p->connection, "probe");
}

static void set_tls(Probe *p, const char *value) {
        p->endpoint.tls = strcmp(value, "implicit") == 0   ? TLS_IMPLICIT
                          : strcmp(value, "starttls") == 0 ? TLS_STARTTLS
                                                           : TLS_NONE;
}

/* Return: false if it is a step. */
static bool set_key(Probe *p, char *argument) {
        static unsigned n_pins;
        char *value = strchr(argument, '=');
        size_t n = value ? (size_t) (value - argument) : 0;
        ByteView key = {argument, n};

        if (!value)
                return false;
        value++;
        if (bytes_equal(key, BYTES("host")))
                p->endpoint.host = value;
        else if (bytes_equal(key, BYTES("port")))
                p->endpoint.port = (uint16_t) strtoul(value, NULL, 10);
        else if (bytes_equal(key, BYTES("tls")))
                set_tls(p, value);
        else if (bytes_equal(key, BYTES("ca-file")))
                p->endpoint.ca_file = value;
        else if (bytes_equal(key, BYTES("tls-pin"))) {
                assert(n_pins < MAX_PINS);
                p->pins[n_pins++] = value;
                p->endpoint.tls_pins = p->pins;
        } else if (bytes_equal(key, BYTES("proxy"))) {
                assert(proxy_parse(value, &p->endpoint.proxy) == 0);
        } else if (bytes_equal(key, BYTES("tunnel"))) {
                p->endpoint.tunnel = value;
                p->endpoint.tls = TLS_NONE; /* as the configuration has it */
        } else if (bytes_equal(key, BYTES("timeout")))
                p->timeout_usec = strtoull(value, NULL, 10) * 1000;
        else if (bytes_equal(key, BYTES("verbose")))
                log_init((unsigned) strtoul(value, NULL, 10));
        else
                return false;
        return true;
}

int main(int argc, char **argv) {
        Probe p = {.timeout_usec = 10 * 1000 * 1000};
        int i = 1, r;

        while (i < argc && set_key(&p, argv[i]))
                i++;
        p.steps = argv + i;

        assert(sd_event_default(&p.event) >= 0);
        assert(sd_event_add_defer(p.event, &p.next, on_next, &p) >= 0);
        assert(sd_event_source_set_enabled(p.next, SD_EVENT_OFF) >= 0);
        probe_connect(&p);
        r = sd_event_loop(p.event);
        connection_free(p.connection);
        proxy_destroy(p.endpoint.proxy);
        sd_event_source_unref(p.next);
        sd_event_unref(p.event);
        return r < 0;
}
