/* The manager: what the accounts tell, to the log, to who watches, and to systemd. */

#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "daemon/log.h"
#include "daemon/manager-private.h"

#define USEC_PER_SEC UINT64_C(1000000)

/* "3 new here, 1 changed there" */
static void format_counts(const EngineCounts *counts, char *buffer, size_t size) {
        size_t n = 0;

        buffer[0] = '\0';
        for (Side side = SIDE_LOCAL;; side = SIDE_REMOTE) {
                const uint64_t values[] = {counts->added[side], counts->changed[side],
                                           counts->removed[side], counts->moved[side]};
                static const char *const words[] = {"new", "changed", "removed", "moved"};

                for (size_t i = 0; i < ARRAY_SIZE(values); i++)
                        if (values[i] > 0 && n < size)
                                n += (size_t) snprintf(buffer + n, size - n, "%s%llu %s %s",
                                                       n > 0 ? ", " : "",
                                                       (unsigned long long) values[i], words[i],
                                                       side == SIDE_LOCAL ? "here" : "there");
                if (side == SIDE_REMOTE)
                        break;
        }
        if (counts->paired > 0 && n < size)
                (void) snprintf(buffer + n, size - n, "%s%llu paired", n > 0 ? ", " : "",
                                (unsigned long long) counts->paired);
}

static void tell_watchers(Manager *manager, Account *account, const EngineNote *note,
                          const char *event, const char *message) {
        ControlEvent told = {
                .account = account_name(account),
                .mailbox = note->mailbox,
                .event = event,
                .message = message,
        };

        if (!manager->control)
                return;
        if (note->counts) {
                told.new_local = note->counts->added[SIDE_LOCAL];
                told.new_remote = note->counts->added[SIDE_REMOTE];
                told.changed_local = note->counts->changed[SIDE_LOCAL];
                told.changed_remote = note->counts->changed[SIDE_REMOTE];
                told.removed_local = note->counts->removed[SIDE_LOCAL];
                told.removed_remote = note->counts->removed[SIDE_REMOTE];
        }
        control_event(manager->control, &told);
}

static LogSubject subject(const Account *account, const EngineNote *note, const char *id) {
        return (LogSubject){account_name(account), note->mailbox, id};
}

static void note_synced(Manager *manager, Account *account, const EngineNote *note) {
        char text[200];

        format_counts(note->counts, text, sizeof(text));
        if (text[0] == '\0')
                return;
        log_about(LOG_INFO, subject(account, note, NULL), "%s", text);
        tell_watchers(manager, account, note, "synced", text);
}

/* "1200 of 4800 messages, 2.4 of 9.6 MB", at most once a second, and not what "synced" is going to say. */
static void watch_progress(Manager *manager, const ControlProgress *progress) {
        const bool is_small = MAX(progress->bytes, progress->total_bytes) < 1000000;
        const double unit = is_small ? 1e3 : 1e6;
        char text[128], of[32] = "";
        uint64_t now = 0;

        (void) sd_event_now(manager->event, CLOCK_MONOTONIC, &now);
        if (progress->done >= progress->total || now < manager->watched_usec + USEC_PER_SEC ||
            !control_is_watched(manager->control))
                return;
        manager->watched_usec = now;
        if (progress->total_bytes > 0)
                (void) snprintf(of, sizeof(of), " of %.1f", (double) progress->total_bytes / unit);
        (void) snprintf(text, sizeof(text), "%" PRIu64 " of %" PRIu64 " messages, %.1f%s %s",
                        progress->done, progress->total, (double) progress->bytes / unit, of,
                        is_small ? "kB" : "MB");
        control_event(manager->control, &(ControlEvent){
                                                .account = progress->account,
                                                .mailbox = progress->mailbox,
                                                .event = "progress",
                                                .message = text,
                                                .done = progress->done,
                                                .total = progress->total,
                                                .bytes = progress->bytes,
                                                .total_bytes = progress->total_bytes,
                                        });
}

static void note_progress(Manager *manager, Account *account, const EngineNote *note) {
        const ControlProgress progress = {
                .account = account_name(account),
                .mailbox = note->mailbox,
                .done = note->done,
                .total = note->total,
                .bytes = note->bytes,
                .total_bytes = note->total_bytes,
                .bytes_left = manager->n_jobs > 0 ? account_bytes_left(account) : 0,
        };

        if (!manager->control)
                return;
        for (size_t i = 0; i < manager->n_jobs; i++)
                control_progress(manager->control, manager->jobs[i].id, &progress);
        watch_progress(manager, &progress);
}

static void note_difference(Manager *manager, Account *account, const EngineNote *note) {
        const VerifyDifference difference = {
                .account = account_name(account),
                .mailbox = note->mailbox,
                .uid = note->uid,
                .what = note->text,
        };

        for (size_t i = 0; manager->control && i < manager->n_jobs; i++) {
                Job *job = &manager->jobs[i];

                if (!job->verifies ||
                    (job->account && strcmp(job->account, difference.account) != 0))
                        continue;
                job->n_differences++;
                control_difference(manager->control, job->id, &difference);
        }
}

/* A line of the log and an event. */
static void note_line(Manager *manager, Account *account, const EngineNote *note, int level,
                      const char *id, const char *event) {
        char text[1100];

        (void) log_escape(note->text ? note->text : "", note->text ? strlen(note->text) : 0, text,
                          sizeof(text));
        log_about(level, subject(account, note, id), "%s", text);
        tell_watchers(manager, account, note, event, text);
}

/* A change of state: who watches sees what `status` would say. */
static void state_changed(Manager *manager, Account *account) {
        const EngineNote note = {0};

        tell_watchers(manager, account, &note, account_state_name(account_state(account)),
                      account_sentence(account));
}

/* What --dry-run is for: its lines are the program's answer. */
static void note_would(Account *account, const EngineNote *note) {
        char line[2048];
        _cleanup_free_ char *text = NULL;
        int n = asprintf(&text, "%s/%s: would %s", account_name(account), note->mailbox,
                         note->text);

        if (n < 0)
                text = NULL;
        puts(log_escape(text ? text : "", n < 0 ? 0 : (size_t) n, line, sizeof(line)));
}

void manager_on_note(Account *account, const EngineNote *note, void *userdata) {
        Manager *manager = userdata;

        manager_review_soon(manager);
        if (!note) {
                state_changed(manager, account);
                return;
        }

        switch (note->type) {
        case ENGINE_NOTE_SYNCED:
                note_synced(manager, account, note);
                break;
        case ENGINE_NOTE_FAILED:
                note_line(manager, account, note, LOG_WARNING, NULL, "error");
                break;
        case ENGINE_NOTE_HELD:
                note_line(manager, account, note, LOG_ERR, LOG_ID_HELD, "held");
                break;
        case ENGINE_NOTE_CREATED:
                log_about(LOG_INFO, subject(account, note, NULL), "made on the %s side",
                          side_name(note->side));
                tell_watchers(manager, account, note, "mailbox-created", side_name(note->side));
                break;
        case ENGINE_NOTE_RENAMED:
                log_about(LOG_INFO, subject(account, note, NULL),
                          "renamed from “%s”, on the %s side too", note->text,
                          side_name(note->side));
                tell_watchers(manager, account, note, "mailbox-renamed", note->text);
                break;
        case ENGINE_NOTE_REMOVED:
                log_about(LOG_INFO, subject(account, note, NULL), "deleted on the %s side too",
                          side_name(note->side));
                tell_watchers(manager, account, note, "mailbox-deleted", side_name(note->side));
                break;
        case ENGINE_NOTE_PARKED:
                note_line(manager, account, note, LOG_WARNING, LOG_ID_PARKED, "parked");
                break;
        case ENGINE_NOTE_NOTICE:
        case ENGINE_NOTE_ALERT:
                note_line(manager, account, note, LOG_NOTICE, NULL, "notice");
                break;
        case ENGINE_NOTE_WOULD:
                note_would(account, note);
                break;
        case ENGINE_NOTE_PROGRESS:
                note_progress(manager, account, note);
                break;
        case ENGINE_NOTE_DIFFERENCE:
                note_difference(manager, account, note);
                break;
        case ENGINE_NOTE_INSPECTED:
                manager_on_inspected(manager, account, note);
                break;
        case ENGINE_NOTE_OVERFLOW:
        case ENGINE_NOTE_RUN:
                break;
        }
}

/* --- systemd --- */

/* READY=1 when each account has come as far as it can for now: connected, waiting or refused. */
static bool has_started(Manager *manager) {
        for (size_t i = 0; i < manager->n_accounts; i++) {
                const AccountState state = account_state(manager->accounts[i]);

                if (state == ACCOUNT_STATE_STARTING || state == ACCOUNT_STATE_CONNECTING)
                        return false;
        }
        return true;
}

static void format_status(Manager *manager, char *buffer, size_t size) {
        size_t n_in_sync = 0;
        const char *trouble = NULL, *name = "";
        char text[1024];

        for (size_t i = 0; i < manager->n_accounts; i++) {
                Account *account = manager->accounts[i];

                if (account_counts_as_in_sync(account))
                        n_in_sync++;
                if (account_sentence(account)[0] && !trouble) {
                        trouble = account_sentence(account);
                        name = account_name(account);
                }
        }
        if (manager->config_error) /* it matters more: what was asked for is not in force */
                (void) snprintf(text, sizeof(text), "The configuration is kept as it was: %.*s",
                                (int) strcspn(manager->config_error, "\n"), manager->config_error);
        else
                (void) snprintf(text, sizeof(text), "%zu of %zu accounts in sync%s%s%s%s",
                                n_in_sync, manager->n_accounts, trouble ? "; " : "", name,
                                trouble ? ": " : "", trouble ? trouble : "");
        (void) log_escape(text, strlen(text), buffer, size); /* cut between characters */
}

void manager_tell_systemd(Manager *manager) {
        char status[256];

        if (manager->options.once || manager->stopping)
                return;
        if (!manager->is_ready && has_started(manager))
                manager_is_ready(manager);
        format_status(manager, status, sizeof(status));
        if (strcmp(status, manager->status) == 0)
                return;
        memcpy(manager->status, status, sizeof(status));
        (void) sd_notifyf(false, "STATUS=%s", status);
}
