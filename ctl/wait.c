/* What comes by itself: events, progress, and the end of a job. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/macro.h"
#include "core/control.h"
#include "ctl/client.h"
#include "ctl/json.h"
#include "ctl/output.h"
#include "ctl/wait.h"

static const char *const finished_names[] = {"job", "in_sync", "sentence"};
static const char *const difference_names[] = {"job", NULL};

static void hide_bar(Waiter *waiter) {
        if (!waiter->bar_shown)
                return;
        fputs("\r\033[K", stderr);
        fflush(stderr);
        waiter->bar_shown = false;
}

/* Print what was made of a message; @r is how that went. A failure ends the program, since waiting on
 * would be for nothing. */
static int show(Waiter *waiter, int r, const Buffer *buffer) {
        hide_bar(waiter);
        if (r < 0) {
                complain("The daemon's message cannot be shown: %s", strerror(-r));
                (void) sd_event_exit(waiter->event, EXIT_SAYS_NO);
                return r;
        }
        if (buffer->size > 0)
                fwrite(buffer->data, 1, buffer->size, stdout);
        if (fflush(stdout) != 0) {
                r = -errno;
                complain("Cannot write: %s", strerror(-r));
                (void) sd_event_exit(waiter->event, EXIT_SAYS_NO);
                return r;
        }
        return 0;
}

static int append_json(Buffer *buffer, sd_bus_message *message, const char *const *names,
                       size_t n_names) {
        int r = json_append_message(buffer, message, names, n_names);

        return r < 0 ? r : buffer_append_string(buffer, "\n");
}

static int on_event(sd_bus_message *message, void *userdata, sd_bus_error *reterr) {
        _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
        Waiter *waiter = userdata;
        Row row;
        int r;

        (void) reterr;
        if (waiter->json) {
                r = append_json(&buffer, message, NULL, 0);
        } else {
                r = row_read(message, &row);
                if (r > 0)
                        r = output_event(&row, waiter->out, &buffer);
        }
        return show(waiter, r, &buffer);
}

/* Read the job's number in front of a signal. Return: 1 if it is the one we wait for. */
static int is_our_job(Waiter *waiter, sd_bus_message *message) {
        uint64_t job;
        int r = sd_bus_message_read(message, "t", &job);

        return r < 0 ? r : job == waiter->job;
}

static int show_bar(Waiter *waiter, const Row *row) {
        _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
        const ProgressPart part = {
                .done = row_number(row, "done"),
                .total = row_number(row, "total"),
                .bytes = row_number(row, "bytes"),
                .total_bytes = row_number(row, "total_bytes"),
                .bytes_left = row_number(row, "bytes_left"),
        };
        struct timespec ts;
        uint64_t now;
        int r;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        now = (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
        r = progress_update(&waiter->progress, row_string(row, "account"),
                            row_string(row, "mailbox"), &part, now);
        if (r == 0)
                r = progress_format(&waiter->progress, waiter->bar, now, &buffer);
        if (r < 0)
                return r;

        fprintf(stderr, "\r%.*s\033[K", (int) buffer.size, buffer.data);
        fflush(stderr);
        waiter->bar_shown = true;
        return 0;
}

static int on_progress(sd_bus_message *message, void *userdata, sd_bus_error *reterr) {
        Waiter *waiter = userdata;
        Row row;

        (void) reterr;
        if (!waiter->bar || is_our_job(waiter, message) <= 0)
                return 0;
        if (row_read(message, &row) > 0)
                (void) show_bar(waiter, &row); /* a bar less is no reason to stop */
        return 0;
}

static int on_difference(sd_bus_message *message, void *userdata, sd_bus_error *reterr) {
        _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
        Waiter *waiter = userdata;
        Row row;
        int r;

        (void) reterr;
        if (is_our_job(waiter, message) <= 0)
                return 0;
        if (waiter->json) {
                r = append_json(&buffer, message, difference_names, ARRAY_SIZE(difference_names));
        } else {
                r = row_read(message, &row);
                if (r > 0)
                        r = output_difference(&row, waiter->out, &buffer);
        }
        return show(waiter, r, &buffer);
}

static int finish(Waiter *waiter, sd_bus_message *message, bool in_sync, const char *sentence) {
        _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
        int r = 0;

        if (waiter->json)
                r = append_json(&buffer, message, finished_names, ARRAY_SIZE(finished_names));
        else if (in_sync && waiter->out->width > 0)
                r = buffer_append_format(&buffer, "%s\n", waiter->all_good);
        r = show(waiter, r, &buffer);
        if (r == 0 && !waiter->json && (!in_sync || sentence[0]))
                complain("%s", sentence[0] ? sentence : "Not in sync.");
        return r;
}

static int on_finished(sd_bus_message *message, void *userdata, sd_bus_error *reterr) {
        Waiter *waiter = userdata;
        const char *sentence;
        int in_sync, r;

        (void) reterr;
        r = is_our_job(waiter, message);
        if (r == 0)
                return 0;
        if (r > 0)
                r = sd_bus_message_read(message, "bs", &in_sync, &sentence);
        if (r < 0)
                return show(waiter, r, &(Buffer){});
        r = finish(waiter, message, in_sync, sentence);
        if (r < 0)
                return r;
        return sd_event_exit(waiter->event, in_sync ? EXIT_DONE : EXIT_SAYS_NO);
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *reterr) {
        Waiter *waiter = userdata;

        (void) message;
        (void) reterr;
        hide_bar(waiter);
        return sd_event_exit(waiter->event, client_lost());
}

static int on_interrupt(sd_event_source *source, const struct signalfd_siginfo *info,
                        void *userdata) {
        Waiter *waiter = userdata;

        (void) source;
        (void) info;
        if (isatty(STDERR_FILENO))
                fputc('\n', stderr);
        return sd_event_exit(waiter->event, EXIT_INTERRUPTED);
}

static int match(Waiter *waiter, const char *member, sd_bus_message_handler_t handler) {
        return sd_bus_match_signal(waiter->bus, NULL, NULL, CONTROL_PATH, CONTROL_INTERFACE, member,
                                   handler, waiter);
}

int waiter_init(Waiter *waiter) {
        int r;

        r = sd_event_new(&waiter->event);
        if (r >= 0)
                r = match(waiter, "Event", on_event);
        if (r >= 0)
                r = match(waiter, "Progress", on_progress);
        if (r >= 0)
                r = match(waiter, "Difference", on_difference);
        if (r >= 0)
                r = match(waiter, "Finished", on_finished);
        if (r >= 0)
                r = sd_bus_match_signal(waiter->bus, NULL, "org.freedesktop.DBus.Local",
                                        "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                        "Disconnected", on_disconnected, waiter);
        return r < 0 ? r : 0;
}

void waiter_done(Waiter *waiter) {
        (void) sd_bus_detach_event(waiter->bus);
        waiter->event = sd_event_unref(waiter->event);
        progress_done(&waiter->progress);
}

int waiter_run(Waiter *waiter, uint64_t job) {
        sigset_t set;
        int r;

        /* Only from here on: before, an interrupt simply ends the program. */
        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);

        waiter->job = job;
        r = sd_event_add_signal(waiter->event, NULL, SIGINT, on_interrupt, waiter);
        if (r >= 0)
                r = sd_bus_attach_event(waiter->bus, waiter->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_event_loop(waiter->event);
        if (r < 0) {
                complain("Cannot wait: %s", strerror(-r));
                return EXIT_SAYS_NO;
        }
        return r;
}
