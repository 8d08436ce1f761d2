#pragma once

/*
 * Commands of the user as child processes: "/bin/sh -c COMMAND" in a process group of its own
 *
 * A pidfd tells the loop when one ends, so nothing waits and SIGCHLD plays no part.
 */

#include <sys/types.h>
#include <systemd/sd-event.h>

/**
 * child_spawn() - start a command
 * @in, @out, @err: become its stdin, stdout, stderr; borrowed, all close-on-exec and none of them
 *                  0, 1 or 2
 *
 * Whatever signals the daemon blocks or ignores, the command starts with none.
 *
 * Return: 0, or a negative errno if it could not be started.
 */
int child_spawn(const char *command, int in, int out, int err, pid_t *ret_pid);

/* The same with another environment ("NAME=VALUE", NULL-terminated). */
int child_spawn_with(const char *command, char *const *environment, int in, int out, int err,
                     pid_t *ret_pid);

/* Call @on_exit when @pid, a child, has ended; it is not yet reaped then. The source owns its pidfd. */
int child_watch(sd_event *event, pid_t pid, sd_event_io_handler_t on_exit, void *userdata,
                sd_event_source **ret_source);

/* Kill the group of a child that has not been reaped; the loop reaps it when it is gone. */
void child_kill(sd_event *event, pid_t pid);
