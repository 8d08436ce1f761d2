/* The live view: the terminal, the signals, and when to ask and to draw. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <systemd/sd-event.h>
#include <termios.h>
#include <time.h>

#include "base/macro.h"
#include "core/control.h"
#include "ctl/client.h"
#include "ctl/top-view.h"
#include "ctl/top.h"

#define USEC_PER_SEC UINT64_C(1000000)
#define PAUSE_USEC   (USEC_PER_SEC / 5) /* between two questions, whatever happens */
#define MOVING_USEC  USEC_PER_SEC
#define STILL_USEC   (10 * USEC_PER_SEC) /* only the ages on the screen grow: nothing is asked */

/* The other screen, no cursor; and back. */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"

typedef struct Top {
        sd_bus *bus;            /* borrowed */
        sd_event *event;        /* owned */
        sd_event_source *timer; /* owned */
        Screen screen;
        size_t n_rows;
        TopView view;
        uint64_t asked_usec; /* when it was asked last, CLOCK_MONOTONIC */
        bool is_asking;      /* an answer is to come */
        bool is_stale;       /* something happened since the question */
} Top;

/* --- the terminal --- */

/* Of the process, because a crash must find it. */
static struct termios terminal_before;
static volatile sig_atomic_t terminal_taken;

static void terminal_leave(void) {
        if (!terminal_taken)
                return;
        terminal_taken = 0;
        (void) !write(STDOUT_FILENO, LEAVE, sizeof(LEAVE) - 1);
        (void) tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
}

/* Keys come one by one and are not shown; ^C stays a signal. */
static int terminal_enter(void) {
        struct termios raw = terminal_before;

        raw.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
        if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
                return -errno;
        terminal_taken = 1;
        (void) !write(STDOUT_FILENO, ENTER, sizeof(ENTER) - 1);
        return 0;
}

/* We are about to end by this signal: only what is safe in a handler. */
static void on_crash(int number) {
        terminal_leave();
        (void) raise(number);
}

static void catch_crashes(void) {
        static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP};
        const struct sigaction action = {
                .sa_handler = on_crash,
                .sa_flags = (int) (SA_RESETHAND | SA_NODEFER),
        };

        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                (void) sigaction(numbers[i], &action, NULL);
}

static void measure_terminal(Top *top) {
        struct winsize size;

        top->screen.width = 80;
        top->n_rows = 24;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
                return;
        if (size.ws_col > 0)
                top->screen.width = size.ws_col;
        if (size.ws_row > 0)
                top->n_rows = size.ws_row;
}

/* --- drawing --- */

static uint64_t now_of(clockid_t clock) {
        struct timespec ts;

        clock_gettime(clock, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

static int write_all(const Buffer *buffer) {
        for (size_t at = 0; at < buffer->size;) {
                ssize_t n = write(STDOUT_FILENO, buffer->data + at, buffer->size - at);

                if (n < 0 && errno != EINTR)
                        return -errno;
                at += n > 0 ? (size_t) n : 0;
        }
        return 0;
}

/* Over what is there, a line after the other, so that nothing flickers. */
static int draw(Top *top) {
        _cleanup_(buffer_done) Buffer frame = BUFFER_NULL, out = BUFFER_NULL;
        int r;

        top->screen.now_usec = now_of(CLOCK_REALTIME);
        r = top_view_draw(&top->view, &top->screen, top->n_rows, &frame);
        if (r == 0)
                r = buffer_append_string(&out, "\033[H");
        for (size_t i = 0; i < frame.size && r == 0; i++)
                r = frame.data[i] == '\n' ? buffer_append_string(&out, "\033[K\r\n")
                                          : buffer_append(&out, frame.data + i, 1);
        if (r == 0)
                r = buffer_append_string(&out, "\033[K\033[J");
        return r < 0 ? r : write_all(&out);
}

static int end(Top *top, int status) {
        return sd_event_exit(top->event, status);
}

static int draw_or_end(Top *top) {
        int r = draw(top);

        return r < 0 ? end(top, EXIT_SAYS_NO) : 0;
}

/* --- asking --- */

static int set_timer(Top *top, uint64_t usec) {
        int r = sd_event_source_set_time_relative(top->timer, usec);

        return r < 0 ? r : sd_event_source_set_enabled(top->timer, SD_EVENT_ONESHOT);
}

static int on_status(sd_bus_message *reply, void *userdata, sd_bus_error *reterr) {
        Top *top = userdata;

        (void) reterr;
        top->is_asking = false;
        if (sd_bus_message_is_method_error(reply, NULL) ||
            top_view_take(&top->view, reply, now_of(CLOCK_MONOTONIC)) < 0)
                return end(top, EXIT_SAYS_NO);
        if (top->is_stale)
                (void) set_timer(top, PAUSE_USEC);
        else
                (void) set_timer(top, top_view_moves(&top->view) ? MOVING_USEC : STILL_USEC);
        return draw_or_end(top);
}

static int ask(Top *top) {
        int r;

        if (top->is_asking)
                return 0;
        r = sd_bus_call_method_async(top->bus, NULL, NULL, CONTROL_PATH, CONTROL_INTERFACE,
                                     "Status", on_status, top, "s", "");
        if (r < 0)
                return end(top, client_lost());
        top->is_asking = true;
        top->is_stale = false;
        top->asked_usec = now_of(CLOCK_MONOTONIC);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Top *top = userdata;

        (void) source;
        (void) usec;
        if (top->is_stale || top_view_moves(&top->view))
                return ask(top);
        (void) set_timer(top, STILL_USEC);
        return draw_or_end(top);
}

/* Soon, but what comes in a burst is one question. */
static int ask_soon(Top *top) {
        const uint64_t now = now_of(CLOCK_MONOTONIC);

        top->is_stale = true;
        if (top->is_asking)
                return 0;
        if (now >= top->asked_usec + PAUSE_USEC)
                return ask(top);
        return set_timer(top, top->asked_usec + PAUSE_USEC - now);
}

static int on_event(sd_bus_message *message, void *userdata, sd_bus_error *reterr) {
        Top *top = userdata;
        Row row;

        (void) reterr;
        if (row_read(message, &row) <= 0)
                return 0;
        if (top_view_event(&top->view, &row, now_of(CLOCK_MONOTONIC)) < 0)
                return end(top, EXIT_SAYS_NO);
        return ask_soon(top);
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *reterr) {
        Top *top = userdata;

        (void) message;
        (void) reterr;
        terminal_leave();
        return end(top, client_lost());
}

/* --- keys and signals --- */

static int on_keys(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Top *top = userdata;
        char keys[64];
        ssize_t n = read(fd, keys, sizeof(keys));

        (void) source;
        if (n <= 0 || (revents & EPOLLHUP))
                return end(top, EXIT_DONE); /* the terminal has gone */
        for (ssize_t i = 0; i < n; i++)
                if (keys[i] == 'q' || keys[i] == 'Q')
                        return end(top, EXIT_DONE);
        return draw_or_end(top);
}

static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Top *top = userdata;

        (void) source;
        return end(top, 128 + (int) info->ssi_signo);
}

static int on_resize(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Top *top = userdata;

        (void) source;
        (void) info;
        measure_terminal(top);
        return draw_or_end(top);
}

/* ^Z: the shell gets its screen, and we get ours when it lets us go on. */
static int on_suspend(sd_event_source *source, const struct signalfd_siginfo *info,
                      void *userdata) {
        Top *top = userdata;

        (void) source;
        (void) info;
        terminal_leave();
        (void) raise(SIGSTOP);
        if (terminal_enter() < 0)
                return end(top, EXIT_SAYS_NO);
        measure_terminal(top);
        (void) draw(top);
        return ask_soon(top);
}

static int add_signals(Top *top) {
        static const struct {
                int number;
                sd_event_signal_handler_t handler;
        } signals[] = {
                {SIGINT,   on_end    },
                {SIGTERM,  on_end    },
                {SIGHUP,   on_end    },
                {SIGQUIT,  on_end    },
                {SIGPIPE,  on_end    },
                {SIGALRM,  on_end    },
                {SIGUSR1,  on_end    },
                {SIGUSR2,  on_end    },
                {SIGWINCH, on_resize },
                {SIGTSTP,  on_suspend},
        };
        sigset_t set;
        int r = 0;

        sigemptyset(&set);
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                sigaddset(&set, signals[i].number);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(signals) && r >= 0; i++)
                r = sd_event_add_signal(top->event, NULL, signals[i].number, signals[i].handler,
                                        top);
        catch_crashes();
        return r;
}

/* --- from begin to end --- */

static void top_done(Top *top) {
        terminal_leave();
        sd_event_source_unref(top->timer);
        (void) sd_bus_detach_event(top->bus);
        top->event = sd_event_unref(top->event);
        top_view_done(&top->view);
}

static int match(Top *top) {
        int r = sd_bus_match_signal(top->bus, NULL, NULL, CONTROL_PATH, CONTROL_INTERFACE, "Event",
                                    on_event, top);

        return r < 0 ? r
                     : sd_bus_match_signal(top->bus, NULL, "org.freedesktop.DBus.Local",
                                           "/org/freedesktop/DBus/Local",
                                           "org.freedesktop.DBus.Local", "Disconnected",
                                           on_disconnected, top);
}

static int top_init(Top *top) {
        int r;

        r = sd_event_new(&top->event);
        if (r >= 0)
                r = match(top);
        if (r >= 0)
                r = add_signals(top);
        if (r >= 0)
                r = sd_event_add_io(top->event, NULL, STDIN_FILENO, EPOLLIN, on_keys, top);
        if (r >= 0)
                r = sd_event_add_time_relative(top->event, &top->timer, CLOCK_MONOTONIC, STILL_USEC,
                                               0, on_timer, top);
        return r;
}

static int complain_and_fail(int r) {
        complain("Cannot show it: %s", strerror(-r));
        return EXIT_SAYS_NO;
}

int top_run(sd_bus *bus, const Screen *screen) {
        _cleanup_(top_done) Top top = {.bus = bus, .screen = *screen};
        int r, status;

        if (screen->width == 0 || tcgetattr(STDIN_FILENO, &terminal_before) < 0) {
                complain("top needs a terminal; for programs there is: imapsyncctl --json watch");
                return EXIT_USAGE;
        }
        r = top_init(&top);
        if (r < 0)
                return complain_and_fail(r);
        status = client_call(bus, NULL, "Watch", "b", 1);
        if (status != 0)
                return status;

        measure_terminal(&top);
        r = sd_bus_attach_event(bus, top.event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = terminal_enter();
        if (r >= 0)
                r = ask(&top);
        if (r >= 0)
                r = sd_event_loop(top.event);
        terminal_leave();
        return r < 0 ? complain_and_fail(r) : r;
}
