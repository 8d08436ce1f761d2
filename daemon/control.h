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

/* What an op of ControlOps may say beside the negative errno that it returns: @name is a
 * CONTROL_ERROR_*, @text a sentence for people (static, or borrowed until the loop runs again).
 * Where it says nothing the client is told CONTROL_ERROR_FAILED and the errno's text. */
typedef struct ControlError {
        const char *name;
        const char *text;
} ControlError;

/* Each returns 0 or a negative errno. @account is "" for all of them, where that makes sense. None
 * may free the Control. */
typedef struct ControlOps {
        /* Call @each for every account (or the one named), until it returns a negative errno, which
         * is then returned. */
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
        /* The same for a job that compares and changes nothing: control_difference() for each
         * difference, then control_finished(). */
        int (*verify)(void *manager, uint64_t job, const char *account,
                      const char *const *mailboxes, size_t n_mailboxes, ControlError *reterr);
        /* And the bytes of each message as well. */
        int (*verify_digests)(void *manager, uint64_t job, const char *account,
                              const char *const *mailboxes, size_t n_mailboxes,
                              ControlError *reterr);
        /* @uid on the remote side, or 0; @file "" or a name in a Maildir. The strings are borrowed until the next
         * call. */
        int (*explain)(void *manager, const char *account, const char *mailbox, uint32_t uid,
                       const char *file, MessageStatus *ret_status, ControlError *reterr);
        /* The same, and ask the server. Return: 1, that is all; 0, control_inspected(@job) tells, never before this
         * function has returned; or negative. */
        int (*inspect)(void *manager, uint64_t job, const char *account, const char *mailbox,
                       uint32_t uid, const char *file, MessageStatus *ret_status,
                       ControlError *reterr);
        int (*pause)(void *manager, const char *account, bool pause, ControlError *reterr);
        int (*confirm)(void *manager, const char *account, const char *mailbox,
                       ControlError *reterr);
        int (*policy)(void *manager, PolicyStatus *ret_status, ControlError *reterr);
        /* @name: of a row, or "auto"; @span: a time as in the configuration, "" for no end */
        int (*set_policy)(void *manager, const char *name, const char *span, ControlError *reterr);
        int (*reload)(void *manager, ControlError *reterr);
        int (*stop)(void *manager, ControlError *reterr);
} ControlOps;

/**
 * control_new() - listen on the control socket
 * @path:      the socket; its directory is made (0700) if missing, a dead socket is replaced
 * @listen_fd: already listening (socket activation), taken on success only; -1: make one at @path
 * @ops:       borrowed for the life of the Control
 *
 * A client of another uid is turned away (SO_PEERCRED); at most 32 clients at a time; one that does
 * not authenticate within 5 s, sends garbage, or does not read its signals, is dropped and nothing
 * else happens.
 *
 * Return: 0, -EADDRINUSE if a living daemon listens there (or is about to), -EEXIST if something that
 *         is no socket is in the way, -ENAMETOOLONG if no socket can have that name, or another
 *         negative errno.
 */
int control_new(sd_event *event, const char *path, int listen_fd, const ControlOps *ops,
                void *manager, Control **ret_control);

/* Drops the clients and removes the socket, if it is still the one that was made here. Nothing waits
 * for a client. */
Control *control_free(Control *control);

/* One event to those who watch. Strings may be NULL where they do not apply. */
typedef struct ControlEvent {
        const char *account, *mailbox;
        const char *event;   /* "connected", "disconnected", "synced", "held", "error", ... */
        const char *message; /* a line for people */
        uint64_t new_local, new_remote;
        uint64_t changed_local, changed_remote;
        uint64_t removed_local, removed_remote;
        uint64_t done, total, bytes, total_bytes; /* of "progress": as of ControlProgress */
} ControlEvent;
void control_event(Control *control, const ControlEvent *event);
bool control_is_watched(const Control *control);

/* Of the messages that are transferred: how many, of how many; bytes of them, of how many (0: not known). */
typedef struct ControlProgress {
        const char *account, *mailbox;
        uint64_t done, total, bytes, total_bytes;
        uint64_t
                bytes_left; /* of all first synchronisations of the account, this one with them; 0: not known */
} ControlProgress;

/* The job goes by without a client that is gone: its signals are then no one's, and calls do nothing.
 * Progress may be called for every message; at most ten a second leave for a mailbox, and the last. */
void control_progress(Control *control, uint64_t job, const ControlProgress *progress);
void control_difference(Control *control, uint64_t job, const VerifyDifference *difference);
/* @status NULL: there is no such account or mailbox any more. */
void control_inspected(Control *control, uint64_t job, const MessageStatus *status);
void control_finished(Control *control, uint64_t job, bool in_sync, const char *sentence);

DEFINE_CLEANUP(Control *, control_free)
