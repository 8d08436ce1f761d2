#pragma once

/*
 * Around the tests of the control socket: a folder of its own, the fake daemon as a process, and the
 * tool as a process whose output is read
 */

#include <sys/types.h>

#include "base/bytes.h"

extern char rig_dir[];       /* $XDG_RUNTIME_DIR of the tool */
extern char rig_socket[108]; /* the control socket in it */

/* @program: the imapsyncctl to run */
void rig_open(const char *program);
void rig_close(void);

/* Returns when it listens. It dies with this process. */
pid_t daemon_start(void);

/* It has ended well, and its socket is gone. */
void daemon_expect_end(pid_t pid);

typedef struct Run {
        pid_t pid;
        int out, err; /* what it prints; err: -1 when on a terminal together with out */
} Run;

/* Run imapsyncctl; @args ends with NULL. */
Run run_start(const char *const *args);
Run run_start_terminal(const char *const *args, unsigned short width);

/* Return: the exit status. */
int run_end(Run *run);

/* All that comes until the end, which is closed then; the first lines; what comes until @what has.
 * Owned by the caller. */
char *read_all(int fd);
char *read_lines(int fd, unsigned n_lines);
char *read_until(int fd, const char *what);
