/* The network: what the kernel and NetworkManager say, put together. */

#include <errno.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/network-private.h"
#include "daemon/timer.h"

#define SECOND      ((uint64_t) 1000000)
#define SETTLE_USEC (2 * SECOND)

/* All that decides; two that are equal need no action. */
typedef struct View {
        NetworkState state;
        bool has_default;
        uint64_t routes, connection; /* digests: how it leads out; 0: nobody says */
} View;

struct Network {
        sd_event *event; /* ref */
        NetworkHandler handler;
        void *userdata;

        Routes *routes; /* NULL: the kernel does not tell */
        NetworkManager *manager;
        Timer settle;
        bool is_settling; /* the timer is armed */

        View now;      /* as last told */
        bool was_away; /* there was no way out since then, if only for a moment */
        bool is_metered;
};

uint64_t network_digest(const void *data, size_t size) {
        const unsigned char *bytes = data;
        uint64_t digest = UINT64_C(14695981039346656037);

        for (size_t i = 0; i < size; i++)
                digest = (digest ^ bytes[i]) * UINT64_C(1099511628211);
        return digest;
}

static View look(Network *network) {
        const NetworkManagerView manager = network_manager_view(network->manager);
        RoutesView routes = {.has_default = true};
        View view = {.state = NETWORK_OFFLINE};

        /* Without the kernel's word a network is taken for granted: back-off is there too. */
        if (network->routes && routes_look(network->routes, &routes) < 0)
                routes = (RoutesView){.has_default = true};
        if (manager.is_portal)
                view.state = NETWORK_PORTAL;
        else if (routes.has_default)
                view.state = NETWORK_ONLINE;
        else if (manager.is_there ? manager.is_connected : routes.has_address)
                view.state = NETWORK_ONLINE;
        view.has_default = routes.has_default;
        view.routes = routes.digest;
        view.connection = manager.connection;
        return view;
}

/* NetworkManager's first word, and its last, are no news of the network. */
static bool is_other_way(View a, View b) {
        return a.routes != b.routes ||
               (a.connection != b.connection && a.connection != 0 && b.connection != 0);
}

static const char *name_state(NetworkState state) {
        switch (state) {
        case NETWORK_OFFLINE:
                return "there is no network";
        case NETWORK_PORTAL:
                return "the network wants a login in a browser";
        case NETWORK_ONLINE:
                return "there is a network";
        }

        abort(); /* the switch is complete */
}

static void tell(Network *network, View view) {
        const NetworkState was = network->now.state;
        const bool is_other = view.state == NETWORK_ONLINE &&
                              (is_other_way(view, network->now) || network->was_away ||
                               network->now.state != NETWORK_ONLINE);

        if (view.state != network->now.state)
                log_info("%s", name_state(view.state));
        else if (is_other)
                log_info("the network has changed");
        network->now = view;
        if (view.state == was && !is_other)
                return;
        network->was_away = false;
        network->handler.on_change(is_other, network->userdata);
}

static void on_settled(void *userdata) {
        Network *network = userdata;

        network->is_settling = false;
        tell(network, look(network));
}

static void look_again_soon(Network *network) {
        if (network->is_settling)
                return;
        network->is_settling = timer_arm(&network->settle, network->event, SETTLE_USEC, SECOND / 10,
                                         on_settled, network) >= 0;
}

static void tell_metered(Network *network) {
        const bool is_metered = network_manager_view(network->manager).is_metered;

        if (is_metered == network->is_metered)
                return;
        network->is_metered = is_metered;
        if (network->handler.on_metered)
                network->handler.on_metered(network->userdata);
}

/*
 * That there is a way out, or one to everywhere, is news that cannot wait; that there is none can, since
 * often there is another in a moment. A portal is told at once, so that nobody mistakes its certificates
 * for the server's.
 */
static void on_change(void *userdata) {
        Network *network = userdata;
        const View view = look(network), before = network->now;

        tell_metered(network);
        if (view.state == NETWORK_OFFLINE)
                network->was_away = true;
        else if (!network->is_settling || network->was_away || view.state == NETWORK_PORTAL ||
                 network->now.state != NETWORK_ONLINE ||
                 (view.has_default && !network->now.has_default))
                tell(network, view);
        if (view.state != before.state || is_other_way(view, before) || network->was_away)
                look_again_soon(network);
}

/* --- life --- */

int network_new(sd_event *event, SystemBus *bus, const NetworkHandler *handler, void *userdata,
                Network **ret_network) {
        _cleanup_(network_freep) Network *network = NULL;
        int r;

        network = malloc(sizeof(*network));
        if (!network)
                return -ENOMEM;
        *network = (Network){
                .event = sd_event_ref(event),
                .handler = *handler,
                .userdata = userdata,
        };
        r = routes_new(event, on_change, network, &network->routes);
        if (r < 0)
                (void) log_full_errno(LOG_INFO, r, "the kernel does not tell of the network: %m");
        r = network_manager_new(bus, on_change, network, &network->manager);
        if (r < 0)
                return r;
        network->now = look(network);
        if (network->now.state != NETWORK_ONLINE)
                log_info("%s", name_state(network->now.state));

        *ret_network = TAKE_PTR(network);
        return 0;
}

Network *network_free(Network *network) {
        if (!network)
                return NULL;

        timer_done(&network->settle);
        routes_free(network->routes);
        network_manager_free(network->manager);
        sd_event_unref(network->event);
        free(network);
        return NULL;
}

NetworkState network_state(const Network *network) {
        return network->now.state;
}

bool network_is_metered(const Network *network) {
        return network->is_metered;
}

uint64_t network_identity(const Network *network) {
        return network->now.routes;
}
