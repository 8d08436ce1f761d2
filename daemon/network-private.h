#pragma once

/* What the files of the network share. */

#include "daemon/network.h"

/* --- network-route.c --- */

typedef struct Routes Routes;

/* What the kernel has. Two that are equal lead out the same way. */
typedef struct RoutesView {
        bool has_default; /* a default route, of any family */
        bool has_address; /* a global address on a link that is up and not loopback */
        uint64_t digest;  /* of all of them, in any order */
} RoutesView;

/* @on_change: something has happened; look. Return: 0, or a negative errno: there is no rtnetlink. */
int routes_new(sd_event *event, void (*on_change)(void *userdata), void *userdata,
               Routes **ret_routes);
Routes *routes_free(Routes *routes);
int routes_look(Routes *routes, RoutesView *ret_view);

DEFINE_CLEANUP(Routes *, routes_free)

/* --- network-manager.c --- */

typedef struct NetworkManager NetworkManager;

/* What NetworkManager says; all 0: it is not there, or has not answered yet. */
typedef struct NetworkManagerView {
        bool is_there;
        bool is_connected; /* at least to what is near */
        bool is_portal;
        bool is_metered;
        uint64_t connection; /* a digest of the primary connection's path; 0: not known */
} NetworkManagerView;

int network_manager_new(SystemBus *bus, void (*on_change)(void *userdata), void *userdata,
                        NetworkManager **ret_manager);
NetworkManager *network_manager_free(NetworkManager *manager);
NetworkManagerView network_manager_view(const NetworkManager *manager);

DEFINE_CLEANUP(NetworkManager *, network_manager_free)

/* FNV-1a, for digests that are compared within this process alone. */
uint64_t network_digest(const void *data, size_t size);
