/* A command that speaks IMAP, as a socket: spawn, listen to its stderr, reap. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "daemon/log.h"
#include "daemon/tunnel.h"

enum {
        MAX_LINE = 256,            /* of stderr; more is cut */
        READS_PER_TURN = 4,        /* who writes without end must not starve the loop */
        KILL_DELAY_USEC = 5000000, /* from SIGTERM to SIGKILL */
        KILL_ACCURACY_USEC = 1000000,
};

struct Tunnel {
        sd_event *event;              /* ref */
        pid_t pid;                    /* also its process group; 0: none */
        int fd;                       /* until it is taken */
        sd_event_source *exit_source; /* owns the pidfd */
        bool has_ended;
        siginfo_t status; /* when it has */

        sd_event_source *stderr_source; /* owns the pipe */
        char line[MAX_LINE];            /* the last one, or what there is of the next */
        size_t n_line;
        bool line_is_whole;
        char sentence[MAX_LINE * 4 + 64];

        const char *name; /* borrowed, or NULL */
        TunnelFn on_exit;
        void *userdata;
};

/* What is left of a tunnel that was freed while its process lived. Its sources float: the loop
 * keeps them, and they do not keep the loop. */
typedef struct Reaper {
        pid_t pid;
        sd_event_source *timer;
} Reaper;

static void kill_group(pid_t pid, int number) {
        (void) kill(-pid, number);
}

static void reap(pid_t pid) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

/* A source for the end of the process; it owns the pidfd. */
static int watch_exit(sd_event *event, pid_t pid, sd_event_io_handler_t on_exit, void *userdata,
                      sd_event_source **ret_source) {
        _cleanup_close_ int fd = -EBADF;
        sd_event_source *source;
        int r;

        fd = (int) syscall(SYS_pidfd_open, pid, 0); /* O_CLOEXEC by birth */
        if (fd < 0)
                return -errno;

        r = sd_event_add_io(event, &source, fd, EPOLLIN, on_exit, userdata);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(source, "tunnel-exit");
        (void) sd_event_source_set_io_fd_own(source, true);
        fd = -EBADF;
        *ret_source = source;
        return 0;
}

/* Also when the loop itself goes: then it has let go of the timer, or will. */
static void reaper_destroy(void *userdata) {
        Reaper *reaper = userdata;

        sd_event_source_unref(reaper->timer);
        free(reaper);
}

static int reaper_on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        const Reaper *reaper = userdata;

        (void) source, (void) usec;

        kill_group(reaper->pid, SIGKILL);
        return 0;
}

/* The shell is gone. Others of its group have had their SIGTERM, and are told again with force. */
static int reaper_on_exit(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Reaper *reaper = userdata;

        (void) fd, (void) revents;

        kill_group(reaper->pid, SIGKILL);
        reap(reaper->pid);
        (void) sd_event_source_set_floating(reaper->timer, false);
        reaper->timer = sd_event_source_disable_unref(reaper->timer);
        (void) sd_event_source_set_floating(source, false); /* frees it once this returns */
        return 0;
}

static int reaper_start(sd_event *event, pid_t pid) {
        sd_event_source *source = NULL;
        Reaper *reaper;
        int r;

        reaper = malloc(sizeof(*reaper));
        if (!reaper)
                return -ENOMEM;
        *reaper = (Reaper){.pid = pid};

        r = sd_event_add_time_relative(event, &reaper->timer, CLOCK_BOOTTIME, KILL_DELAY_USEC,
                                       KILL_ACCURACY_USEC, reaper_on_timer, reaper);
        if (r >= 0)
                r = watch_exit(event, pid, reaper_on_exit, reaper, &source);
        if (r < 0) {
                sd_event_source_unref(reaper->timer);
                free(reaper);
                return r;
        }

        (void) sd_event_source_set_destroy_callback(source, reaper_destroy);
        (void) sd_event_source_set_floating(source, true);
        sd_event_source_unref(source);
        (void) sd_event_source_set_floating(reaper->timer, true);
        return 0;
}

static void tunnel_end_process(Tunnel *t) {
        kill_group(t->pid, SIGTERM);
        kill_group(t->pid, SIGCONT); /* a stopped one must hear it */
        if (!t->has_ended && reaper_start(t->event, t->pid) >= 0)
                return;

        kill_group(t->pid, SIGKILL);
        reap(t->pid);
}

Tunnel *tunnel_free(Tunnel *t) {
        if (!t)
                return NULL;

        if (t->fd >= 0)
                (void) close(t->fd);
        sd_event_source_disable_unref(t->stderr_source);
        sd_event_source_disable_unref(t->exit_source);
        if (t->pid > 0)
                tunnel_end_process(t);
        sd_event_unref(t->event);
        free(t);
        return NULL;
}

static void tunnel_log_line(Tunnel *t) {
        char escaped[MAX_LINE * 4];

        log_escape(t->line, t->n_line, escaped, sizeof(escaped));
        log_debug("%s%stunnel: %s", t->name ? t->name : "", t->name ? ": " : "", escaped);
        t->line_is_whole = true;
}

/* Whole lines go to the log; the last one that is not empty stays in t->line. */
static void tunnel_take_stderr(Tunnel *t, const char *data, size_t size) {
        for (size_t i = 0; i < size; i++) {
                if (data[i] == '\n' || data[i] == '\r') {
                        if (t->n_line > 0 && !t->line_is_whole)
                                tunnel_log_line(t);
                        continue;
                }
                if (t->line_is_whole)
                        t->n_line = 0;
                t->line_is_whole = false;
                if (t->n_line < sizeof(t->line))
                        t->line[t->n_line++] = data[i];
        }
}

static int tunnel_on_stderr(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Tunnel *t = userdata;
        char data[1024];
        ssize_t n = 0;

        (void) revents;

        for (unsigned i = 0; i < READS_PER_TURN; i++) {
                n = read(fd, data, sizeof(data));
                if (n <= 0)
                        break;
                tunnel_take_stderr(t, data, (size_t) n);
        }

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return 0;
}

static int tunnel_on_exit(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Tunnel *t = userdata;

        (void) fd, (void) revents;

        /* Left as a zombie, so that the number of the process group stays ours. */
        if (waitid(P_PID, (id_t) t->pid, &t->status, WEXITED | WNOHANG | WNOWAIT) < 0 ||
            t->status.si_pid == 0)
                return 0;

        (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        t->has_ended = true;
        t->on_exit(t, t->userdata);
        return 0;
}

/* @in_out becomes stdin and stdout, @err stderr, whatever signals the daemon blocks or ignores. */
static int tunnel_spawn(Tunnel *t, const char *command, int in_out, int err) {
        char *const argv[] = {(char *) "sh", (char *) "-c", (char *) command, NULL};
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, all;
        int error;

        error = posix_spawn_file_actions_init(&actions);
        if (error != 0)
                return -error;
        error = posix_spawnattr_init(&attributes);
        if (error != 0) {
                (void) posix_spawn_file_actions_destroy(&actions);
                return -error;
        }

        (void) sigemptyset(&none);
        (void) sigfillset(&all);
        (void) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP |
                                                             POSIX_SPAWN_SETSIGMASK |
                                                             POSIX_SPAWN_SETSIGDEF);
        (void) posix_spawnattr_setpgroup(&attributes, 0);
        (void) posix_spawnattr_setsigmask(&attributes, &none);
        (void) posix_spawnattr_setsigdefault(&attributes, &all);

        error = posix_spawn_file_actions_adddup2(&actions, in_out, STDIN_FILENO);
        if (error == 0)
                error = posix_spawn_file_actions_adddup2(&actions, in_out, STDOUT_FILENO);
        if (error == 0)
                error = posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
        if (error == 0)
                error = posix_spawn(&t->pid, "/bin/sh", &actions, &attributes, argv, environ);
        if (error != 0)
                t->pid = 0;

        (void) posix_spawnattr_destroy(&attributes);
        (void) posix_spawn_file_actions_destroy(&actions);
        return -error;
}

/* Both ends are born blocking, as the command expects of its own. */
static int tunnel_start(Tunnel *t, const char *command) {
        _cleanup_close_ int theirs = -EBADF, err_ours = -EBADF, err_theirs = -EBADF;
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        t->fd = pair[0];
        theirs = pair[1];
        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        err_ours = pair[0];
        err_theirs = pair[1];
        if (fcntl(t->fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0 ||
            fcntl(err_ours, F_SETFL, O_RDONLY | O_NONBLOCK) < 0)
                return -errno;

        r = tunnel_spawn(t, command, theirs, err_theirs);
        if (r < 0)
                return r;

        r = sd_event_add_io(t->event, &t->stderr_source, err_ours, EPOLLIN, tunnel_on_stderr, t);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(t->stderr_source, "tunnel-stderr");
        (void) sd_event_source_set_io_fd_own(t->stderr_source, true);
        err_ours = -EBADF;

        return watch_exit(t->event, t->pid, tunnel_on_exit, t, &t->exit_source);
}

int tunnel_new(sd_event *event, const char *command, TunnelFn on_exit, void *userdata,
               Tunnel **ret_tunnel) {
        _cleanup_(tunnel_freep) Tunnel *t = NULL;
        int r;

        t = malloc(sizeof(*t));
        if (!t)
                return -ENOMEM;
        *t = (Tunnel){
                .event = sd_event_ref(event),
                .fd = -EBADF,
                .on_exit = on_exit,
                .userdata = userdata,
        };

        r = tunnel_start(t, command);
        if (r < 0)
                return r;

        *ret_tunnel = TAKE_PTR(t);
        return 0;
}

void tunnel_set_name(Tunnel *t, const char *name) {
        t->name = name;
}

int tunnel_take_fd(Tunnel *t) {
        return TAKE_FD(t->fd);
}

bool tunnel_has_ended(const Tunnel *t) {
        return t->has_ended;
}

const char *tunnel_sentence(Tunnel *t) {
        char line[MAX_LINE * 4], end[48];

        if (!t->has_ended)
                snprintf(end, sizeof(end), "closed the connection");
        else if (t->status.si_code == CLD_EXITED)
                snprintf(end, sizeof(end), "exited with status %i", t->status.si_status);
        else
                snprintf(end, sizeof(end), "was killed by signal %i (%s)", t->status.si_status,
                         sigabbrev_np(t->status.si_status));

        /* The process is gone, what it said is still in the pipe. */
        (void) tunnel_on_stderr(t->stderr_source, sd_event_source_get_io_fd(t->stderr_source), 0,
                                t);
        log_escape(t->line, t->n_line, line, sizeof(line));
        snprintf(t->sentence, sizeof(t->sentence), "the tunnel %s%s%s", end,
                 t->n_line > 0 ? ": " : "", line);
        return t->sentence;
}
