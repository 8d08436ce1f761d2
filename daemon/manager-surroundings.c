/* The manager: the machine's sleep and its network, and what the accounts do about them. */

#include <errno.h>

#include "daemon/manager-private.h"

static unsigned holds(const Manager *manager) {
        unsigned all = manager->is_asleep ? ACCOUNT_HOLD_SLEEP : 0;

        switch (manager->network ? network_state(manager->network) : NETWORK_ONLINE) {
        case NETWORK_OFFLINE:
                return all | ACCOUNT_HOLD_OFFLINE;
        case NETWORK_PORTAL:
                return all | ACCOUNT_HOLD_PORTAL;
        case NETWORK_ONLINE:
                return all;
        }

        abort(); /* the switch is complete */
}

void manager_hold(Manager *manager, Account *account) {
        if (manager->network)
                account_set_network(account, network_identity(manager->network));
        account_set_holds(account, holds(manager));
}

static void hold_all(Manager *manager) {
        for (size_t i = 0; i < manager->n_accounts; i++)
                manager_hold(manager, manager->accounts[i]);
        manager_review_soon(manager);
}

/* Those that this lets go look for themselves; here are those that nothing held. */
static void go_on_all(Manager *manager, bool is_resumed) {
        for (size_t i = 0; i < manager->n_accounts; i++) {
                Account *account = manager->accounts[i];
                const bool was_held = account_is_held(account);

                manager_hold(manager, account);
                if (!was_held && !account_is_held(account))
                        account_probe(account, is_resumed);
        }
        manager_review_soon(manager);
}

/* --- sleep --- */

static bool are_quiet(const Manager *manager) {
        for (size_t i = 0; i < manager->n_accounts; i++)
                if (!account_is_quiet(manager->accounts[i]))
                        return false;
        return true;
}

/* After each turn of the loop while work comes to its end. */
static int on_turn(sd_event_source *source, void *userdata) {
        Manager *manager = userdata;

        if (!are_quiet(manager))
                return 0;
        (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        sleep_ready(manager->sleep);
        return 0;
}

static void on_sleep(void *userdata) {
        Manager *manager = userdata;

        manager->is_asleep = true;
        hold_all(manager);
        if (are_quiet(manager))
                sleep_ready(manager->sleep);
        else
                (void) sd_event_source_set_enabled(manager->turn, SD_EVENT_ON);
}

static void on_late(void *userdata) {
        Manager *manager = userdata;

        (void) sd_event_source_set_enabled(manager->turn, SD_EVENT_OFF);
        for (size_t i = 0; i < manager->n_accounts; i++)
                account_interrupt(manager->accounts[i]);
}

static void on_resume(void *userdata) {
        Manager *manager = userdata;

        (void) sd_event_source_set_enabled(manager->turn, SD_EVENT_OFF);
        manager->is_asleep = false;
        system_bus_retry(manager->system_bus);
        go_on_all(manager, true);
}

/* --- network --- */

static void on_network(bool is_other, void *userdata) {
        Manager *manager = userdata;

        if (is_other)
                go_on_all(manager, false);
        else
                hold_all(manager);
}

/* --- what things cost --- */

static void on_metered(void *userdata) {
        Manager *manager = userdata;

        manager_set_metered(manager, network_is_metered(manager->network),
                            "NetworkManager says that the network is metered");
}

static void on_power(void *userdata) {
        Manager *manager = userdata;
        const PowerView view = power_view(manager->power);

        manager_set_battery(manager, view.on_battery, view.is_low, view.why_low);
}

/* --- life --- */

int manager_watch_surroundings(Manager *manager) {
        const SleepHandler sleep_handler = {
                .on_sleep = on_sleep,
                .on_late = on_late,
                .on_resume = on_resume,
        };
        const NetworkHandler network_handler = {
                .on_change = on_network,
                .on_metered = on_metered,
        };
        int r;

        r = sd_event_add_post(manager->event, &manager->turn, on_turn, manager);
        if (r >= 0)
                r = sd_event_source_set_enabled(manager->turn, SD_EVENT_OFF);
        if (r >= 0)
                r = sleep_new(manager->event, manager->system_bus, &sleep_handler, manager,
                              &manager->sleep);
        if (r >= 0)
                r = network_new(manager->event, manager->system_bus, &network_handler, manager,
                                &manager->network);
        if (r >= 0)
                r = power_new(manager->system_bus, on_power, manager, &manager->power);
        return r;
}

void manager_forget_surroundings(Manager *manager) {
        manager->turn = sd_event_source_disable_unref(manager->turn);
        manager->sleep = sleep_free(manager->sleep);
        manager->network = network_free(manager->network);
        manager->power = power_free(manager->power);
}
