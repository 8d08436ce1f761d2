#pragma once

/*
 * What comes by itself: the events of watch, and the progress and the end of a job
 *
 *      waiter_init(), then the call that makes the daemon tell, then waiter_run()
 *
 * so that nothing is missed in between.
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "ctl/progress.h"
#include "ctl/text.h"

typedef struct Waiter {
        sd_bus *bus;          /* borrowed */
        sd_event *event;      /* owned */
        const Screen *out;    /* borrowed: stdout */
        const Screen *bar;    /* borrowed: stderr; NULL: no progress bar */
        const char *all_good; /* borrowed: said on a terminal at a good end */
        bool json;
        bool bar_shown;
        uint64_t job; /* 0: none, watch until interrupted */
        Progress progress;
} Waiter;

/* Set the borrowed fields first. Return: 0 or a negative errno. */
int waiter_init(Waiter *waiter);
void waiter_done(Waiter *waiter);

/* Print what comes until the job is finished, the daemon gone or SIGINT here.
 * Return: the exit status. */
int waiter_run(Waiter *waiter, uint64_t job);
