/* What NetworkManager says of the network, where it is there. */

#include <errno.h>
#include <string.h>

#include "daemon/network-private.h"

static const char service[] = "org.freedesktop.NetworkManager",
                  path[] = "/org/freedesktop/NetworkManager",
                  interface[] = "org.freedesktop.NetworkManager";

/* Of its API: NMState, NMConnectivityState, NMMetered. */
enum {
        STATE_CONNECTED_LOCAL = 50,
        CONNECTIVITY_PORTAL = 2,
        METERED_YES = 1,
        METERED_GUESS_YES = 3,
};

struct NetworkManager {
        void (*on_change)(void *userdata);
        void *userdata;
        sd_bus_slot *changed, *all;

        bool has_answered;
        uint32_t state, connectivity, metered;
        uint64_t connection;
};

static int read_number(sd_bus_message *m, uint32_t *number) {
        uint32_t value;
        int r;

        r = sd_bus_message_read(m, "v", "u", &value);
        if (r >= 0)
                *number = value;
        return r;
}

static int read_connection(NetworkManager *manager, sd_bus_message *m) {
        const char *object;
        int r;

        r = sd_bus_message_read(m, "v", "o", &object);
        if (r >= 0)
                manager->connection = network_digest(object, strlen(object));
        return r;
}

static int read_property(NetworkManager *manager, sd_bus_message *m, const char *name) {
        if (strcmp(name, "State") == 0)
                return read_number(m, &manager->state);
        if (strcmp(name, "Connectivity") == 0)
                return read_number(m, &manager->connectivity);
        if (strcmp(name, "Metered") == 0)
                return read_number(m, &manager->metered);
        if (strcmp(name, "PrimaryConnection") == 0)
                return read_connection(manager, m);
        return sd_bus_message_skip(m, "v");
}

/* "a{sv}". What does not have the type that it should have ends it; the rest stays as it was. */
static void read_properties(NetworkManager *manager, sd_bus_message *m) {
        const char *name;

        if (sd_bus_message_enter_container(m, 'a', "{sv}") < 0)
                return;
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0)
                if (sd_bus_message_read(m, "s", &name) < 0 || read_property(manager, m, name) < 0 ||
                    sd_bus_message_exit_container(m) < 0)
                        return;
}

static bool view_equal(NetworkManagerView a, NetworkManagerView b) {
        return a.is_there == b.is_there && a.is_connected == b.is_connected &&
               a.is_portal == b.is_portal && a.is_metered == b.is_metered &&
               a.connection == b.connection;
}

static void take_in(NetworkManager *manager, sd_bus_message *m) {
        const NetworkManagerView before = network_manager_view(manager);

        read_properties(manager, m);
        if (!view_equal(before, network_manager_view(manager)))
                manager->on_change(manager->userdata);
}

static int on_all(sd_bus_message *m, void *userdata, sd_bus_error *reterr) {
        NetworkManager *manager = userdata;

        (void) reterr;
        if (sd_bus_message_is_method_error(m, NULL))
                return 0;
        manager->has_answered = true;
        read_properties(manager, m);
        manager->on_change(manager->userdata);
        return 0;
}

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *reterr) {
        NetworkManager *manager = userdata;
        const char *of;

        (void) reterr;
        if (manager->has_answered && sd_bus_message_read(m, "s", &of) >= 0 &&
            strcmp(of, interface) == 0)
                take_in(manager, m);
        return 0;
}

static void forget(NetworkManager *manager) {
        manager->changed = sd_bus_slot_unref(manager->changed);
        manager->all = sd_bus_slot_unref(manager->all);
        manager->has_answered = false;
        manager->state = manager->connectivity = manager->metered = 0;
        manager->connection = 0;
}

static void on_service(sd_bus *bus, void *userdata) {
        NetworkManager *manager = userdata;
        const bool knew = manager->has_answered;

        forget(manager);
        if (bus) {
                (void) sd_bus_match_signal_async(bus, &manager->changed, service, path,
                                                 "org.freedesktop.DBus.Properties",
                                                 "PropertiesChanged", on_properties, NULL, manager);
                (void) system_bus_get_all(bus, &manager->all, service, path, interface, on_all,
                                          manager);
        } else if (knew)
                manager->on_change(manager->userdata);
}

int network_manager_new(SystemBus *bus, void (*on_change)(void *userdata), void *userdata,
                        NetworkManager **ret_manager) {
        NetworkManager *manager = calloc(1, sizeof(*manager));
        int r;

        if (!manager)
                return -ENOMEM;
        manager->on_change = on_change;
        manager->userdata = userdata;
        r = system_bus_watch(bus, service, "the kernel tells of the network, and no bytes cost",
                             on_service, manager);
        if (r < 0) {
                free(manager);
                return r;
        }
        *ret_manager = manager;
        return 0;
}

NetworkManager *network_manager_free(NetworkManager *manager) {
        if (!manager)
                return NULL;

        forget(manager);
        free(manager);
        return NULL;
}

NetworkManagerView network_manager_view(const NetworkManager *manager) {
        if (!manager || !manager->has_answered)
                return (NetworkManagerView){0};
        return (NetworkManagerView){
                .is_there = true,
                .is_connected = manager->state >= STATE_CONNECTED_LOCAL,
                .is_portal = manager->state >= STATE_CONNECTED_LOCAL &&
                             manager->connectivity == CONNECTIVITY_PORTAL,
                .is_metered =
                        manager->metered == METERED_YES || manager->metered == METERED_GUESS_YES,
                .connection = manager->connection,
        };
}
