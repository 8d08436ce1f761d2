#pragma once

/*
 * The manager: the loop, the signals, the accounts, the control socket, and what systemd is told
 */

#include "base/macro.h"
#include "config/config.h"

typedef struct Manager Manager;

typedef struct ManagerOptions {
        const char *config_path; /* borrowed, as all of these */
        const char *state_dir;
        const char *socket_path; /* NULL: no control socket */
        char *const *accounts;   /* names, NULL-terminated; NULL or empty: all */
        bool once, dry_run;
} ManagerOptions;

/* Takes the configuration. Return: 0, or a negative errno; what went wrong is logged. */
int manager_new(const ManagerOptions *options, Config *config, Manager **ret_manager);
Manager *manager_free(Manager *manager);

/* Run until stopped, or with once until every account is done. Return: the exit status. */
int manager_run(Manager *manager);

DEFINE_CLEANUP(Manager *, manager_free)
