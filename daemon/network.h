#pragma once

/*
 * The network: is there one, does it lead anywhere, is it another than before, and does it cost?
 *
 *      network-route.c         the kernel: default routes, addresses; told by rtnetlink
 *      network-manager.c       NetworkManager, where it is there: state, portal, metered, connection
 *
 * A default route of the kernel is the proof that there is a network: NetworkManager may not be who
 * manages it. Where there is none, NetworkManager knows best, and without it an address on a link
 * that is up will do for a server that is near. Who waits for the network needs no timer.
 *
 * The first change is told at once, those within two seconds behind it together.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/macro.h"
#include "daemon/system-bus.h"

typedef struct Network Network;

typedef enum NetworkState {
        NETWORK_OFFLINE,
        NETWORK_PORTAL, /* it wants a login in a browser before it leads anywhere */
        NETWORK_ONLINE,
} NetworkState;

typedef struct NetworkHandler {
        /* The state has changed, or what leads out is another (@is_other): connections may be dead. */
        void (*on_change)(bool is_other, void *userdata);
        void (*on_metered)(void *userdata); /* NULL: nobody wants to know */
} NetworkHandler;

/* The state is known from here on. Return: 0, or a negative errno of this machine. */
int network_new(sd_event *event, SystemBus *bus, const NetworkHandler *handler, void *userdata,
                Network **ret_network);
Network *network_free(Network *network);

NetworkState network_state(const Network *network);
/* Which network it is, as far as routes and addresses tell; 0: there is none, or nobody says. For this process
 * alone. */
uint64_t network_identity(const Network *network);
/* Bytes cost money, as NetworkManager says or guesses. */
bool network_is_metered(const Network *network);

DEFINE_CLEANUP(Network *, network_free)
