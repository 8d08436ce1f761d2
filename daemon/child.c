/* Commands of the user as child processes: start, notice the end, kill. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "base/macro.h"
#include "daemon/child.h"

static int set_signals(posix_spawnattr_t *attributes) {
        sigset_t none, all;
        int error;

        (void) sigemptyset(&none);
        (void) sigfillset(&all);

        error = posix_spawnattr_setsigmask(attributes, &none);
        if (error == 0)
                error = posix_spawnattr_setsigdefault(attributes, &all);
        if (error == 0)
                error = posix_spawnattr_setpgroup(attributes, 0);
        if (error == 0)
                error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP |
                                                                     POSIX_SPAWN_SETSIGMASK |
                                                                     POSIX_SPAWN_SETSIGDEF);
        return error;
}

int child_spawn(const char *command, int in, int out, int err, pid_t *ret_pid) {
        return child_spawn_with(command, environ, in, out, err, ret_pid);
}

int child_spawn_with(const char *command, char *const *environment, int in, int out, int err,
                     pid_t *ret_pid) {
        char *const argv[] = {(char *) "sh", (char *) "-c", (char *) command, NULL};
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        int error;

        error = posix_spawn_file_actions_init(&actions);
        if (error != 0)
                return -error;
        error = posix_spawnattr_init(&attributes);
        if (error != 0) {
                (void) posix_spawn_file_actions_destroy(&actions);
                return -error;
        }

        error = set_signals(&attributes);
        if (error == 0)
                error = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
        if (error == 0)
                error = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        if (error == 0)
                error = posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
        if (error == 0)
                error = posix_spawn(ret_pid, "/bin/sh", &actions, &attributes, argv, environment);

        (void) posix_spawnattr_destroy(&attributes);
        (void) posix_spawn_file_actions_destroy(&actions);
        return -error;
}

int child_watch(sd_event *event, pid_t pid, sd_event_io_handler_t on_exit, void *userdata,
                sd_event_source **ret_source) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = pidfd_open(pid, 0); /* close-on-exec at birth */
        if (fd < 0)
                return -errno;

        r = sd_event_add_io(event, ret_source, fd, EPOLLIN, on_exit, userdata);
        if (r < 0)
                return r;

        (void) sd_event_source_set_description(*ret_source, "child-exit");
        (void) sd_event_source_set_io_fd_own(*ret_source, true);
        (void) TAKE_FD(fd);
        return 0;
}

static int child_on_killed(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        siginfo_t info;

        (void) revents, (void) userdata;

        (void) waitid(P_PIDFD, (id_t) fd, &info, WEXITED | WNOHANG);
        (void) sd_event_source_set_floating(source, false); /* frees it once this returns */
        return 0;
}

void child_kill(sd_event *event, pid_t pid) {
        sd_event_source *source;
        siginfo_t info;

        (void) kill(-pid, SIGKILL);

        if (child_watch(event, pid, child_on_killed, NULL, &source) < 0) {
                /* Out of memory or descriptors: wait, it cannot be long. */
                while (waitid(P_PID, (id_t) pid, &info, WEXITED) < 0 && errno == EINTR)
                        ;
                return;
        }

        (void) sd_event_source_set_floating(source, true);
        sd_event_source_unref(source);
}
