#pragma once

/* What the files of the manager share. */

#include "base/hour.h"
#include "daemon/account.h"
#include "daemon/control.h"
#include "daemon/manager.h"
#include "daemon/network.h"
#include "daemon/power.h"
#include "daemon/sleep.h"
#include "daemon/system-bus.h"
#include "daemon/timer.h"

/* A "sync" or "verify" that a client waits for: over when its accounts have nothing left to do. Or an "explain
 * --ask": over when the server has answered, or its account has nothing left to do. */
typedef struct Job {
        uint64_t id;
        char *account; /* owned; NULL: all */
        bool verifies, verifies_bytes;
        uint64_t n_differences;
        uint32_t inspects;    /* this UID; 0: it is another job */
        char *mailbox, *file; /* owned, then; else NULL */
} Job;

/* What all accounts may cost, and who says so. */
typedef struct ManagerPolicy {
        Surroundings surroundings;
        const char *why_low, *why_metered; /* static sentences; NULL: the usual one */
        bool is_forced;                    /* by a person: */
        PolicyRow forced;
        int64_t until; /* usec since 1970; 0: no end */
        Timer timer;   /* then */
        unsigned rows; /* that hold */
        Policy policy; /* what comes of them */
        char names[64], why[200];
} ManagerPolicy;

struct Manager {
        ManagerOptions options;
        Config *config;   /* owned */
        Config **retired; /* owned: earlier ones, which accounts that have not changed still use */
        size_t n_retired;
        sd_event *event;
        Pulse *pulse;       /* of all accounts */
        Account **accounts; /* owned */
        size_t n_accounts;
        Control *control; /* NULL: none */
        char host[256];   /* of Maildir file names */
        Sleep *sleep;     /* NULL with once, as the next four */
        Network *network;
        Power *power;
        sd_event_source *turn; /* while the machine is about to sleep */
        bool is_asleep;
        SystemBus *system_bus; /* NULL with once */

        ManagerPolicy policy;
        Hour wakeups; /* turns of the loop that began with sleep */

        Job *jobs; /* owned */
        size_t n_jobs;
        uint64_t watched_usec; /* when the last "progress" left, CLOCK_MONOTONIC */

        char *config_error; /* owned: why the configuration was not read again; NULL */
        Timer limit;        /* of the start, then of the stop */
        bool is_ready;      /* systemd was told */
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

/* manager-systemd.c */
int manager_begin_start(Manager *manager);
void manager_is_ready(Manager *manager);
void manager_begin_stop(Manager *manager);
void manager_begin_reload(Manager *manager);
void manager_end_reload(Manager *manager);
/* manager-surroundings.c */
int manager_watch_surroundings(Manager *manager);
void manager_forget_surroundings(Manager *manager);
/* Tell an account that is new what the machine does. */
void manager_hold(Manager *manager, Account *account);

/* manager-control.c */
void manager_finish_jobs(Manager *manager);
void manager_on_inspected(Manager *manager, Account *account, const EngineNote *note);
void job_done(Job *job);

/* manager-policy.c */
/* The table, or what the machine says of itself, may have changed: have the accounts go by it. */
void manager_review_policy(Manager *manager);
/* The battery and the network. @why: a static sentence, or NULL for the usual one. */
void manager_set_battery(Manager *manager, bool on_battery, bool is_low, const char *why_low);
void manager_set_metered(Manager *manager, bool is_metered, const char *why);
PolicyStatus manager_policy_status(const Manager *manager);
/* A person wants a row, or "auto"; for a time, or with "" until told otherwise. Return: 0, or -EINVAL and a
 * sentence. */
int manager_force_policy(Manager *manager, const char *name, const char *span,
                         const char **ret_sentence);
