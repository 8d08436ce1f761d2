/* One run of a command that is told of changes. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "daemon/child.h"
#include "daemon/hook-run.h"
#include "daemon/log.h"

#define MAX_LINE       200 /* bytes of a line that are shown */
#define READS_PER_TURN 16  /* who writes without end must not starve the loop */
#define STOP_MERCY_USEC                                                                            \
        ((uint64_t) 500000) /* the same when the daemon stops, which waits for a second */
#define MERCY_USEC ((uint64_t) 2 * 1000000) /* from SIGTERM to SIGKILL */

/* Mail comes first: a hook that floods is read when there is nothing else to do. */
#define PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

struct HookRun {
        HookRunOptions options; /* command, environment: not kept */
        sd_event *event;        /* ref */
        pid_t pid;              /* until it is reaped; 0: none */
        sd_event_source *exited, *timer;

        sd_event_source *in; /* owns its pipe; NULL: all is written, or nobody reads */
        Buffer input;        /* owned: what is still to be written */
        size_t n_written;

        sd_event_source *out; /* owns its pipe */
        char line[MAX_LINE];  /* what there is of the next; what does not fit is cut */
        size_t n_line;
        char last[MAX_LINE * 4]; /* line, for the sentence when it fails */
        uint64_t n_lines;

        bool is_late, is_stopped; /* it got SIGTERM */
        bool is_killed;           /* and SIGKILL */
        bool is_silent;           /* nobody holds the pipe any more */
        bool is_gone; /* the shell has ended, but is not reaped: the group is still its own */
};

static void conclude(HookRun *run);

/* --- what it reads --- */

static void input_done(HookRun *run) {
        run->in = sd_event_source_disable_unref(run->in);
        buffer_done(&run->input);
}

/* One that does not read is content with the counts: no failure. */
static int on_in(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        HookRun *run = userdata;
        ssize_t n;

        (void) source, (void) revents;
        n = write(fd, run->input.data + run->n_written, run->input.size - run->n_written);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n > 0)
                run->n_written += (size_t) n;
        if (n < 0 || run->n_written == run->input.size)
                input_done(run);
        return 0;
}

/* --- what it writes --- */

static void end_line(HookRun *run) {
        while (run->n_line > 0 && run->line[run->n_line - 1] == '\r')
                run->n_line--;
        if (run->n_line == 0)
                return;
        log_escape(run->line, run->n_line, run->last, sizeof(run->last));
        if (run->n_lines++ < HOOK_RUN_MAX_LINES)
                run->options.on_line(run->last, run->options.userdata);
        run->n_line = 0;
}

static void take_output(HookRun *run, const char *data, size_t size) {
        for (size_t i = 0; i < size; i++) {
                if (data[i] == '\n') {
                        end_line(run);
                        run->n_line = 0;
                } else if (run->n_line < sizeof(run->line))
                        run->line[run->n_line++] = data[i];
        }
}

static void read_output(HookRun *run) {
        const int fd = sd_event_source_get_io_fd(run->out);
        char data[4096];
        ssize_t n = 0;

        for (unsigned i = 0; i < READS_PER_TURN; i++) {
                n = read(fd, data, sizeof(data));
                if (n <= 0)
                        break;
                take_output(run, data, (size_t) n);
        }
        if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
                return;
        (void) sd_event_source_set_enabled(run->out, SD_EVENT_OFF);
        run->is_silent = true;
}

static int on_out(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        HookRun *run = userdata;

        (void) source, (void) fd, (void) revents;
        read_output(run);
        if (run->is_silent && run->is_gone)
                conclude(run);
        return 0;
}

/* --- its end --- */

static void let_go(HookRun *run) {
        input_done(run);
        run->out = sd_event_source_disable_unref(run->out);
        run->exited = sd_event_source_disable_unref(run->exited);
        run->timer = sd_event_source_disable_unref(run->timer);
        if (run->pid > 0)
                child_kill(run->event, run->pid);
        run->pid = 0;
}

HookRun *hook_run_free(HookRun *run) {
        if (!run)
                return NULL;

        let_go(run);
        sd_event_unref(run->event);
        free(run);
        return NULL;
}

/* Return: false if there is nothing to complain of. */
static bool judge(const HookRun *run, const siginfo_t *info, char *why, size_t size) {
        const char *title = run->options.title, *colon = run->n_lines > 0 ? ": " : "";

        if (run->is_late)
                (void) snprintf(why, size, "%s was ended: it took longer than %g s%s%s", title,
                                (double) run->options.timeout_usec / 1000000, colon, run->last);
        else if (run->is_stopped)
                (void) snprintf(why, size, "%s was ended before it was done", title);
        else if (info->si_code != CLD_EXITED)
                (void) snprintf(why, size, "%s was killed by signal %i (SIG%s)%s%s", title,
                                info->si_status, sigabbrev_np(info->si_status) ?: "?", colon,
                                run->last);
        else if (info->si_status != 0)
                (void) snprintf(why, size, "%s exited with status %i%s%s", title, info->si_status,
                                colon, run->last);
        else
                return false;
        return true;
}

/* The last thing that is done with @run here. */
static void conclude(HookRun *run) {
        char why[MAX_LINE * 4 + 200];
        siginfo_t info = {};
        uint64_t n_more;
        bool failed;

        /* Before it is reaped: none of the group outlives the time limit. */
        if (run->is_late || run->is_stopped)
                (void) kill(-run->pid, SIGKILL);
        (void) waitid(P_PID, (id_t) run->pid, &info, WEXITED | WNOHANG);
        run->pid = 0;

        read_output(run);
        end_line(run);
        failed = judge(run, &info, why, sizeof(why));
        n_more = run->n_lines > HOOK_RUN_MAX_LINES ? run->n_lines - HOOK_RUN_MAX_LINES : 0;
        let_go(run);
        run->options.on_over(failed ? why : NULL, n_more, run->options.userdata);
}

/*
 * The shell has ended. That, not the end of its output, is its end: something that it started may keep the
 * pipes open for days. But when it was told to end, the others of its group have the same time to do so.
 */
static int on_exit_of(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        HookRun *run = userdata;

        (void) fd, (void) revents;
        (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        run->is_gone = true;
        read_output(run);
        if (!(run->is_late || run->is_stopped) || run->is_silent || run->is_killed)
                conclude(run);
        return 0;
}

static int on_mercy_over(sd_event_source *source, uint64_t usec, void *userdata) {
        HookRun *run = userdata;

        (void) source, (void) usec;
        run->is_killed = true;
        if (run->is_gone)
                conclude(run);
        else
                (void) kill(-run->pid, SIGKILL);
        return 0;
}

static void terminate(HookRun *run, uint64_t mercy_usec) {
        (void) kill(-run->pid, SIGTERM);
        run->timer = sd_event_source_disable_unref(run->timer);
        if (sd_event_add_time_relative(run->event, &run->timer, CLOCK_MONOTONIC, mercy_usec, 0,
                                       on_mercy_over, run) >= 0)
                return;
        run->is_killed = true;
        (void) kill(-run->pid, SIGKILL);
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata) {
        HookRun *run = userdata;

        (void) source, (void) usec;
        run->is_late = true;
        terminate(run, MERCY_USEC);
        return 0;
}

void hook_run_stop(HookRun *run) {
        if (run->pid <= 0 || run->is_late || run->is_stopped)
                return;
        run->is_stopped = true;
        terminate(run, STOP_MERCY_USEC);
}

/* --- its beginning --- */

/* A pipe of which one end is ours and never blocks, and the other the command's. @ours: 0 to read, 1 to
 * write. */
static int add_pipe(HookRun *run, int ours, sd_event_io_handler_t on_io,
                    sd_event_source **ret_source, int *ret_theirs) {
        _cleanup_close_ int mine = -EBADF, theirs = -EBADF;
        int pair[2], r;

        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        mine = pair[ours];
        theirs = pair[!ours];
        if (fcntl(mine, F_SETFL, O_NONBLOCK) < 0)
                return -errno;

        r = sd_event_add_io(run->event, ret_source, mine, ours ? EPOLLOUT : EPOLLIN, on_io, run);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(*ret_source, "hook");
        (void) sd_event_source_set_priority(*ret_source, PRIORITY);
        (void) sd_event_source_set_io_fd_own(*ret_source, true);
        (void) TAKE_FD(mine);
        *ret_theirs = TAKE_FD(theirs);
        return 0;
}

static int open_input(HookRun *run, const Buffer *input, int *ret_in) {
        if (input->size > 0)
                return add_pipe(run, 1, on_in, &run->in, ret_in);
        *ret_in = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return *ret_in < 0 ? -errno : 0;
}

static int start(HookRun *run, const Buffer *input) {
        _cleanup_close_ int in = -EBADF, out = -EBADF;
        int r;

        r = open_input(run, input, &in);
        if (r >= 0)
                r = add_pipe(run, 0, on_out, &run->out, &out);
        if (r < 0)
                return r;

        r = child_spawn_with(run->options.command, run->options.environment, in, out, out,
                             &run->pid);
        if (r < 0) {
                run->pid = 0;
                return r;
        }
        r = child_watch(run->event, run->pid, on_exit_of, run, &run->exited);
        if (r < 0)
                return r;
        return sd_event_add_time_relative(run->event, &run->timer, CLOCK_MONOTONIC,
                                          run->options.timeout_usec, 0, on_late, run);
}

int hook_run_new(sd_event *event, const HookRunOptions *options, Buffer *input, HookRun **ret_run) {
        _cleanup_(hook_run_freep) HookRun *run = NULL;
        int r;

        run = malloc(sizeof(*run));
        if (!run)
                return -ENOMEM;
        *run = (HookRun){.options = *options, .event = sd_event_ref(event)};
        r = start(run, input);
        if (r < 0)
                return r;

        run->options.command = NULL;
        run->options.environment = NULL;
        run->input = *input;
        *input = BUFFER_NULL;
        *ret_run = TAKE_PTR(run);
        return 0;
}
