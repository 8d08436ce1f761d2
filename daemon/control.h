#pragma once

/*
 * The control socket: the sd-bus interface of core/control.h for what the Manager offers
 *
 * It knows the Manager only by these functions, so that a test can put a table of fakes in its place.
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/macro.h"
#include "daemon/status.h"

typedef struct Control Control;

/* Each returns 0 or a negative errno; where @ret_name is given, *ret_name may be set to a
 * CONTROL_ERROR_* and *ret_text to a sentence (static or borrowed), and -EINVAL returned. */
typedef struct ControlError {
        const char *name;
        const char *text;
} ControlError;

typedef struct ControlOps {
        /* Call @each for every account (or the one named). */
        int (*status)(void *manager, const char *account,
                      int (*each)(const AccountStatus *status, void *userdata), void *userdata,
                      ControlError *reterr);
        int (*mailboxes)(void *manager, const char *account,
                         int (*each)(const MailboxStatus *status, void *userdata), void *userdata,
                         ControlError *reterr);
        int (*held)(void *manager, const char *account,
                    int (*each)(const HeldStatus *status, void *userdata), void *userdata,
                    ControlError *reterr);
        /* Start a job over @n_mailboxes of @account; ends with control_finished(@job), never before
         * this function has returned. */
        int (*sync)(void *manager, uint64_t job, const char *account, const char *const *mailboxes,
                    size_t n_mailboxes, ControlError *reterr);
        int (*pause)(void *manager, const char *account, bool pause, ControlError *reterr);
        int (*confirm)(void *manager, const char *account, const char *mailbox, ControlError *reterr);
        int (*reload)(void *manager, ControlError *reterr);
        int (*stop)(void *manager, ControlError *reterr);
} ControlOps;

/**
 * control_new() - listen on the control socket
 * @path:      the socket; its directory is made (0700) if missing, a dead socket is replaced
 * @listen_fd: already listening (socket activation); -1: make one at @path
 *
 * A client of another uid is turned away (SO_PEERCRED); at most 32 clients at a time; one that sends
 * garbage, or does not read its signals, is dropped and nothing else happens.
 *
 * Return: 0, -EADDRINUSE if a living daemon listens there, or a negative errno.
 */
int control_new(sd_event *event, const char *path, int listen_fd, const ControlOps *ops,
                void *manager, Control **ret_control);
Control *control_free(Control *control);

/* One event to those who watch. Strings may be NULL where they do not apply. */
typedef struct ControlEvent {
        const char *account, *mailbox;
        const char *event;   /* "connected", "disconnected", "synced", "held", "error", "mailbox-created", ... */
        const char *message; /* a line for people */
        uint64_t new_local, new_remote, changed_local, changed_remote, removed_local, removed_remote;
} ControlEvent;
void control_event(Control *control, const ControlEvent *event);
bool control_is_watched(const Control *control);

void control_progress(Control *control, uint64_t job, const char *account, const char *mailbox,
                      uint64_t done, uint64_t total, uint64_t bytes);
void control_finished(Control *control, uint64_t job, bool in_sync, const char *sentence);

DEFINE_CLEANUP(Control *, control_free)
