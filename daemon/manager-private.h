#pragma once

/* What the files of the manager share. */

#include "daemon/account.h"
#include "daemon/control.h"
#include "daemon/manager.h"
#include "daemon/network.h"
#include "daemon/sleep.h"
#include "daemon/system-bus.h"

/* A "sync" or "verify" that a client waits for: over when its accounts have nothing left to do. */
typedef struct Job {
        uint64_t id;
        char *account; /* owned; NULL: all */
        bool verifies;
        uint64_t n_differences;
} Job;

struct Manager {
        ManagerOptions options;
        Config *config;   /* owned */
        Config **retired; /* owned: earlier ones, which accounts that have not changed still use */
        size_t n_retired;
        sd_event *event;
        Account **accounts; /* owned */
        size_t n_accounts;
        Control *control; /* NULL: none */
        char host[256];   /* of Maildir file names */
        Sleep *sleep;     /* NULL with once, as the next three */
        Network *network;
        sd_event_source *turn; /* while the machine is about to sleep */
        bool is_asleep;
        SystemBus *system_bus; /* NULL with once */

        Job *jobs; /* owned */
        size_t n_jobs;
        uint64_t watched_usec; /* when the last "progress" left, CLOCK_MONOTONIC */

        bool is_ready; /* systemd was told */
        bool stopping;
        size_t n_running;        /* accounts that have not finished (once) or stopped */
        char status[256];        /* as last told to systemd */
        sd_event_source *review; /* deferred: look at jobs and status */
};

extern const ControlOps manager_control_ops;

Account *manager_find(Manager *manager, const char *name);
void manager_stop(Manager *manager);
/* Read the configuration again. Return: 0, or a negative errno and a sentence, which is also logged. */
int manager_reload(Manager *manager, const char **ret_sentence);
void manager_review_soon(Manager *manager);

/* manager-notes.c */
void manager_on_note(Account *account, const EngineNote *note, void *userdata);
void manager_tell_systemd(Manager *manager);

/* manager-surroundings.c */
int manager_watch_surroundings(Manager *manager);
void manager_forget_surroundings(Manager *manager);
/* Tell an account that is new what the machine does. */
void manager_hold(Manager *manager, Account *account);

/* manager-control.c */
void manager_finish_jobs(Manager *manager);
