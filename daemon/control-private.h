#pragma once

/*
 * What the two halves of the control socket share: control.c (clients, signals, the socket) and
 * control-methods.c (what clients may call).
 */

#include "core/control.h"
#include "daemon/control-socket.h"
#include "daemon/control.h"

#define CLIENTS_MAX 32
#define JOBS_MAX    16 /* of a client, at a time */

typedef struct Job {
        uint64_t id;            /* 0: none */
        uint64_t progress_usec; /* when the last Progress left, CLOCK_MONOTONIC */
        uint64_t n_unsent;      /* differences that did not fit the queue */
        sd_bus_message *call;   /* owned: of Inspect, to be answered; NULL: of another method */
} Job;

typedef struct Client {
        Control *control; /* borrowed */
        sd_bus *bus;      /* owned; NULL: this place is free */
        sd_event_source *deadline;
        Job jobs[JOBS_MAX];
        bool watches;
        bool doomed;
} Client;

struct Control {
        sd_event *event; /* a reference */
        const ControlOps *ops;
        void *manager; /* borrowed */
        ControlSocket socket;
        sd_event_source *accept;
        sd_event_source *accept_again; /* after we ran out of descriptors */
        sd_event_source *reap;
        uint64_t last_job;
        Client clients[CLIENTS_MAX];
};

/* The methods of CONTROL_INTERFACE; their userdata is the Client. */
extern const sd_bus_vtable control_vtable[];

/* Drop the client, once the loop is back from whatever runs now. */
void client_doom(Client *client);

/* Messages that it has not read yet. */
uint64_t client_queued(Client *client);

/* The job of that number; of number 0: a free place. NULL when there is none. */
Job *client_find_job(Client *client, uint64_t id);

/* The answer to Explain and Inspect. */
int control_reply_explained(sd_bus_message *call, const MessageStatus *status);

static inline void message_unrefp(sd_bus_message **message) {
        *message = sd_bus_message_unref(*message);
}
