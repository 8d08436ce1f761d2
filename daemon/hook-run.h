#pragma once

/*
 * One run of a command that is told of changes: written to, listened to, and ended in time
 *
 * Nothing here waits. The command may hang, end without reading, write without end, or leave a child behind
 * that keeps its pipes open: it is over when the shell has ended. At the time limit the whole group gets
 * SIGTERM, and SIGKILL soon after.
 */

#include <systemd/sd-event.h>

#include "base/bytes.h"
#include "base/macro.h"

typedef struct HookRun HookRun;

typedef struct HookRunOptions {
        const char *title;        /* "on-new": begins the sentences; borrowed */
        const char *command;      /* for /bin/sh -c; borrowed until it has begun */
        char *const *environment; /* "NAME=VALUE", NULL-terminated; borrowed until it has begun */
        uint64_t timeout_usec;    /* the machine's sleep does not count */
        /* Lines of what it writes to stdout and stderr: the first HOOK_RUN_MAX_LINES, harmless to show. */
        void (*on_line)(const char *line, void *userdata);
        /* It is over; @why is a sentence when it has failed, else NULL. @n_more: lines that were not told. May
         * free the run. */
        void (*on_over)(const char *why, uint64_t n_more, void *userdata);
        void *userdata;
} HookRunOptions;

#define HOOK_RUN_MAX_LINES 10u

/* @input: what it can read on stdin; taken over on success. Return: 0, or a negative errno if it cannot be
 * started. */
int hook_run_new(sd_event *event, const HookRunOptions *options, Buffer *input, HookRun **ret_run);

/* End it now, as at the time limit; on_over() is called when it is gone. */
void hook_run_stop(HookRun *run);

/* Kills it, and nothing is told. */
HookRun *hook_run_free(HookRun *run);

DEFINE_CLEANUP(HookRun *, hook_run_free)
