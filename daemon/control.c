/*
 * The control socket: clients, methods and signals
 *
 * Each client is a peer-to-peer sd-bus connection that serves one object, as systemd's own private
 * socket does. What another process could let grow is bounded: the number of clients, the time they
 * take to authenticate, the jobs each has, and what each leaves unread.
 *
 * Whatever shows that a client must go only marks it; it is taken apart by client_reap() from the
 * loop, never below a callback of its own connection or an op of the Manager.
 */

#include <errno.h>
#include <sys/socket.h>
#include <systemd/sd-id128.h>

#include "base/bytes.h"
#include "daemon/control-message.h"
#include "daemon/control-private.h"

#define QUEUED_MAX      4096 /* messages that a client leaves unread before it is dropped */
#define QUEUED_SHOW_MAX 8    /* before it is spared the progress */

#define USEC_PER_SEC      UINT64_C(1000000)
#define AUTHENTICATE_USEC (5 * USEC_PER_SEC)
#define PROGRESS_USEC     (USEC_PER_SEC / 10)
#define ACCEPT_AGAIN_USEC USEC_PER_SEC

/* clients */

void client_doom(Client *client) {
        client->doomed = true;
        (void) sd_event_source_set_enabled(client->control->reap, SD_EVENT_ONESHOT);
}

static void client_done(Client *client) {
        Control *control = client->control;

        sd_event_source_disable_unref(client->deadline);
        for (size_t i = 0; i < JOBS_MAX; i++)
                sd_bus_message_unref(client->jobs[i].call);
        if (client->bus) {
                sd_bus_detach_event(client->bus);
                sd_bus_close_unref(client->bus);
        }
        *client = (Client){.control = control};
}

static int client_reap(sd_event_source *source, void *userdata) {
        Control *control = userdata;

        (void) source;
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                if (control->clients[i].doomed)
                        client_done(&control->clients[i]);
        return 0;
}

uint64_t client_queued(Client *client) {
        uint64_t n = 0;

        (void) sd_bus_get_n_queued_write(client->bus, &n);
        return n;
}

/* Send, or drop the client: what it does not read must not pile up here. */
static void client_send(Client *client, sd_bus_message *message) {
        if (sd_bus_send(client->bus, message, NULL) < 0 || client_queued(client) > QUEUED_MAX)
                client_doom(client);
}

static int client_on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        Client *client = userdata;

        (void) source;
        (void) usec;
        if (sd_bus_is_ready(client->bus) <= 0)
                client_doom(client);
        return 0;
}

static int client_on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *reterr) {
        (void) message;
        (void) reterr;
        client_doom(userdata);
        return 0;
}

/* Every message of a client comes by here first, also those that sd-bus answers itself (Ping). */
static int client_on_message(sd_bus_message *message, void *userdata, sd_bus_error *reterr) {
        Client *client = userdata;

        (void) message;
        (void) reterr;
        (void) sd_event_source_set_enabled(client->deadline, SD_EVENT_OFF);
        if (client_queued(client) > QUEUED_MAX)
                client_doom(client);
        return client->doomed; /* 1: it ends here */
}

/* jobs */

Job *client_find_job(Client *client, uint64_t id) {
        for (size_t i = 0; i < JOBS_MAX; i++)
                if (client->jobs[i].id == id)
                        return &client->jobs[i];
        return NULL;
}

/* The job and whose it is; NULL once that client is gone. */
static Job *control_find_job(Control *control, uint64_t id, Client **ret_client) {
        for (size_t i = 0; i < CLIENTS_MAX; i++) {
                Client *client = &control->clients[i];
                Job *job;

                if (!client->bus || client->doomed)
                        continue;
                job = client_find_job(client, id);
                if (job) {
                        *ret_client = client;
                        return job;
                }
        }
        return NULL;
}

/* signals */

static int new_signal(Client *client, const char *member, sd_bus_message **ret_message) {
        return sd_bus_message_new_signal(client->bus, ret_message, CONTROL_PATH, CONTROL_INTERFACE,
                                         member);
}

static void client_event(Client *client, uint64_t time_usec, const ControlEvent *event) {
        _cleanup_(message_unrefp) sd_bus_message *message = NULL;

        if (new_signal(client, "Event", &message) < 0 ||
            message_append_event(message, time_usec, event) < 0)
                client_doom(client); /* rather gone than told half of it */
        else
                client_send(client, message);
}

void control_event(Control *control, const ControlEvent *event) {
        uint64_t time_usec = 0;

        (void) sd_event_now(control->event, CLOCK_REALTIME, &time_usec);
        for (size_t i = 0; i < CLIENTS_MAX; i++) {
                Client *client = &control->clients[i];

                if (client->watches && !client->doomed)
                        client_event(client, time_usec, event);
        }
}

bool control_is_watched(const Control *control) {
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                if (control->clients[i].watches && !control->clients[i].doomed)
                        return true;
        return false;
}

/* Progress tells how things stand, so an old one is not worth sending; the last of a mailbox is. */
static bool progress_is_due(Control *control, Client *client, Job *job,
                            const ControlProgress *progress) {
        uint64_t now = 0;

        if (progress->done >= progress->total)
                return true;
        (void) sd_event_now(control->event, CLOCK_MONOTONIC, &now);
        if (job->progress_usec > 0 && now < job->progress_usec + PROGRESS_USEC)
                return false;
        if (client_queued(client) > QUEUED_SHOW_MAX)
                return false;
        job->progress_usec = now;
        return true;
}

void control_progress(Control *control, uint64_t id, const ControlProgress *progress) {
        _cleanup_(message_unrefp) sd_bus_message *message = NULL;
        Client *client;
        Job *job = control_find_job(control, id, &client);

        if (!job || !progress_is_due(control, client, job, progress))
                return;
        if (new_signal(client, "Progress", &message) < 0 ||
            sd_bus_message_append(message, "t", id) < 0 ||
            message_append_progress(message, progress) < 0)
                client_doom(client);
        else
                client_send(client, message);
}

void control_difference(Control *control, uint64_t id, const VerifyDifference *difference) {
        _cleanup_(message_unrefp) sd_bus_message *message = NULL;
        Client *client;
        Job *job = control_find_job(control, id, &client);

        if (!job)
                return;
        /* They come in bursts that a client who reads cannot help. Finished says how many are
         * missing. */
        if (client_queued(client) > QUEUED_MAX / 2) {
                job->n_unsent++;
                return;
        }
        if (new_signal(client, "Difference", &message) < 0 ||
            sd_bus_message_append(message, "t", id) < 0 ||
            message_append_difference(message, difference) < 0)
                client_doom(client);
        else
                client_send(client, message);
}

void control_inspected(Control *control, uint64_t id, const MessageStatus *status) {
        _cleanup_(message_unrefp) sd_bus_message *call = NULL;
        Client *client;
        Job *job = control_find_job(control, id, &client);
        int r;

        if (!job)
                return;
        call = job->call;
        *job = (Job){};
        r = status ? control_reply_explained(call, status)
                   : sd_bus_reply_method_errorf(call, CONTROL_ERROR_NO_MAILBOX,
                                                "the mailbox is not there any more");
        if (r < 0)
                client_doom(client);
}

/* The sentence of the end, with the number of differences that could not be sent. */
static char *finished_text(const Job *job, const char *sentence) {
        _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
        _cleanup_free_ char *fit = message_text(sentence);

        if (!fit || buffer_append_string(&buffer, fit) < 0)
                return NULL;
        if (job->n_unsent > 0 &&
            buffer_append_format(&buffer, "%s%llu more differences are not shown.",
                                 buffer.size > 0 ? " " : "",
                                 (unsigned long long) job->n_unsent) < 0)
                return NULL;
        return buffer_steal_string(&buffer);
}

void control_finished(Control *control, uint64_t id, bool in_sync, const char *sentence) {
        _cleanup_(message_unrefp) sd_bus_message *message = NULL;
        _cleanup_free_ char *text = NULL;
        Client *client;
        Job *job = control_find_job(control, id, &client);

        if (!job)
                return;
        text = finished_text(job, sentence);
        *job = (Job){};
        if (!text || new_signal(client, "Finished", &message) < 0 ||
            sd_bus_message_append(message, "tbs", id, (int) in_sync, text) < 0)
                client_doom(client);
        else
                client_send(client, message);
}

/* the socket */

/* Who is at the other end? Checked before a byte is read: the mode of the file is not enough, since
 * a descriptor can be handed on. */
static bool peer_is_ours(int fd) {
        struct ucred peer;
        socklen_t size = sizeof(peer);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

/* The connection as sd-bus has it, with what it serves. Takes @fd on success only. */
static int client_open_bus(Client *client, int fd) {
        sd_id128_t id;
        int r;

        r = sd_bus_new(&client->bus);
        if (r < 0)
                return r;
        r = sd_id128_randomize(&id);
        if (r < 0)
                return r;
        r = sd_bus_set_server(client->bus, 1, id);
        if (r < 0)
                return r;
        r = sd_bus_add_object_vtable(client->bus, NULL, CONTROL_PATH, CONTROL_INTERFACE,
                                     control_vtable, client);
        if (r < 0)
                return r;
        r = sd_bus_add_filter(client->bus, NULL, client_on_message, client);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(client->bus, NULL, "org.freedesktop.DBus.Local",
                                      "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                      "Disconnected", client_on_disconnected, NULL, client);
        if (r < 0)
                return r;
        return sd_bus_set_fd(client->bus, fd, fd);
}

/* Takes @fd. A client that cannot be served is closed; that is no error of the daemon's. */
static void client_open(Client *client, int fd) {
        _cleanup_close_ int mine = fd;
        Control *control = client->control;
        int r;

        r = client_open_bus(client, fd);
        if (r >= 0) {
                mine = -1;
                r = sd_bus_start(client->bus);
        }
        if (r >= 0)
                r = sd_bus_attach_event(client->bus, control->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_event_add_time_relative(control->event, &client->deadline, CLOCK_MONOTONIC,
                                               AUTHENTICATE_USEC, 0, client_on_deadline, client);
        if (r < 0)
                client_done(client);
}

static Client *control_find_place(Control *control) {
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                if (!control->clients[i].bus)
                        return &control->clients[i];
        return NULL;
}

/* Without a descriptor to spare the connection stays in the backlog, and the loop would find it there
 * again at once, for ever. */
static void control_accept_later(Control *control) {
        (void) sd_event_source_set_enabled(control->accept, SD_EVENT_OFF);
        (void) sd_event_source_set_time_relative(control->accept_again, ACCEPT_AGAIN_USEC);
        (void) sd_event_source_set_enabled(control->accept_again, SD_EVENT_ONESHOT);
}

static int control_on_accept_again(sd_event_source *source, uint64_t usec, void *userdata) {
        Control *control = userdata;

        (void) source;
        (void) usec;
        (void) sd_event_source_set_enabled(control->accept, SD_EVENT_ON);
        return 0;
}

static int control_on_accept(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        _cleanup_close_ int accepted = -1;
        Control *control = userdata;
        Client *client;

        (void) source;
        (void) events;
        accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (accepted < 0) {
                if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                        control_accept_later(control);
                return 0;
        }

        client = control_find_place(control);
        if (client && peer_is_ours(accepted))
                client_open(client, TAKE_FD(accepted));
        return 0;
}

/* life */

static int control_add_sources(Control *control) {
        int r;

        r = sd_event_add_io(control->event, &control->accept, control->socket.fd, EPOLLIN,
                            control_on_accept, control);
        if (r < 0)
                return r;
        r = sd_event_add_time(control->event, &control->accept_again, CLOCK_MONOTONIC, 0, 0,
                              control_on_accept_again, control);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(control->accept_again, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_add_defer(control->event, &control->reap, client_reap, control);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(control->reap, SD_EVENT_OFF);
        if (r < 0)
                return r;
        return sd_event_source_set_priority(control->reap, SD_EVENT_PRIORITY_IMPORTANT);
}

int control_new(sd_event *event, const char *path, int listen_fd, const ControlOps *ops,
                void *manager, Control **ret_control) {
        _cleanup_(control_freep) Control *control = NULL;
        int r;

        control = calloc(1, sizeof(*control));
        if (!control)
                return -ENOMEM;
        control->event = sd_event_ref(event);
        control->ops = ops;
        control->manager = manager;
        control->socket = CONTROL_SOCKET_NULL;
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                control->clients[i].control = control;

        if (listen_fd >= 0)
                r = control_socket_adopt(listen_fd, &control->socket);
        else
                r = control_socket_listen(path, &control->socket);
        if (r < 0)
                return r;

        r = control_add_sources(control);
        if (r < 0) {
                if (listen_fd >= 0)
                        control->socket.fd = -1; /* still the caller's */
                return r;
        }

        *ret_control = TAKE_PTR(control);
        return 0;
}

Control *control_free(Control *control) {
        if (!control)
                return NULL;

        for (size_t i = 0; i < CLIENTS_MAX; i++)
                client_done(&control->clients[i]);
        sd_event_source_disable_unref(control->accept);
        sd_event_source_disable_unref(control->accept_again);
        sd_event_source_disable_unref(control->reap);
        control_socket_close(&control->socket);
        sd_event_unref(control->event);
        free(control);
        return NULL;
}
