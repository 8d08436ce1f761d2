/*
 * An account: who is told of what the server has changed here
 *
 * Only our own doing is told: the Maildir replica says of each file what it did to it. A local server has no
 * files, so that the end of a run tells how many.
 */

#include <errno.h>
#include <stdio.h>

#include "daemon/account-private.h"
#include "daemon/log.h"

/* What was not told before the end is told after the next start, without paths: the counts, by kind. */
#define UNTOLD_KEY "hooks-untold"

/* Ours is over, and the account waits for that alone. */
static void on_idle(void *userdata) {
        Account *account = userdata;

        if (account->is_ending_hooks)
                account_finish(account);
}

int account_hooks_begin(Account *account) {
        const HooksOptions options = {
                .is_manual = account->options.once,
                .on_idle = on_idle,
                .userdata = account,
        };
        int r = 0;

        if (account->options.dry_run)
                return 0;
        if (hooks_are_wanted(account->config))
                r = hooks_new(account->event, account->config, &options, &account->hooks);
        if (r >= 0 && account->config->notify && !account->options.once)
                r = desktop_notification_new(account->event, account_name(account),
                                             &account->notice);
        return r;
}

static bool is_worth_a_notice(const Account *account, const MaildirDeed *deed) {
        char *const *patterns = account->config->notify_mailboxes;

        if (!account->notice || deed->act != MAILDIR_ACT_ADDED || !deed->is_unseen)
                return false;
        return patterns ? config_patterns_match(patterns, deed->mailbox)
                        : strcmp(deed->mailbox, "INBOX") == 0;
}

static void on_deed(const MaildirDeed *deed, void *userdata) {
        static const ChangeKind kinds[] = {
                [MAILDIR_ACT_ADDED] = CHANGE_NEW,
                [MAILDIR_ACT_CHANGED] = CHANGE_CHANGED,
                [MAILDIR_ACT_REMOVED] = CHANGE_REMOVED,
        };
        Account *account = userdata;

        if (account->hooks)
                hooks_tell(account->hooks, kinds[deed->act], 1, deed->mailbox, deed->path);
        if (is_worth_a_notice(account, deed))
                desktop_notification_add(account->notice, deed->path);
}

/* What the last process left untold. */
static void recall(Account *account) {
        unsigned long long counts[_CHANGE_MAX] = {0};
        char *text = NULL;

        if (state_db_get(account->db, UNTOLD_KEY, &text) == 0 &&
            sscanf(text, "%llu %llu %llu %llu", &counts[0], &counts[1], &counts[2], &counts[3]) ==
                    (int) _CHANGE_MAX)
                for (ChangeKind kind = 0; kind < _CHANGE_MAX; kind++)
                        hooks_tell(account->hooks, kind, counts[kind], NULL, NULL);
        account->has_untold = text != NULL;
        free(text);
}

static void remember(Account *account) {
        uint64_t counts[_CHANGE_MAX];
        char text[100];

        if (!account->hooks || !account->db)
                return;
        hooks_untold(account->hooks, counts);
        (void) snprintf(text, sizeof(text), "%llu %llu %llu %llu", (unsigned long long) counts[0],
                        (unsigned long long) counts[1], (unsigned long long) counts[2],
                        (unsigned long long) counts[3]);
        if (strcmp(text, "0 0 0 0") == 0 && !account->has_untold)
                return;
        state_db_rollback(account->db); /* what a run had begun, and the engine is gone */
        if (state_db_begin(account->db) < 0 || state_db_set(account->db, UNTOLD_KEY, text) < 0 ||
            state_db_commit(account->db) < 0)
                state_db_rollback(account->db);
}

void account_hooks_observe(Account *account) {
        if (account->maildir && (account->hooks || account->notice))
                maildir_replica_observe(account->maildir, on_deed, account);
        if (account->hooks && !account->has_recalled)
                recall(account);
        account->has_recalled = true;
}

/* Of a local server; and what other programs did here. */
static void tell_counts(Account *account, const EngineNote *note) {
        const EngineCounts *counts = note->counts;
        const char *mailbox = note->mailbox;
        Hooks *hooks = account->hooks;

        if (!account->maildir) {
                hooks_tell(hooks, CHANGE_NEW, counts->added[SIDE_LOCAL], mailbox, NULL);
                hooks_tell(hooks, CHANGE_CHANGED,
                           counts->changed[SIDE_LOCAL] + counts->moved[SIDE_LOCAL], mailbox, NULL);
                hooks_tell(hooks, CHANGE_REMOVED, counts->removed[SIDE_LOCAL], mailbox, NULL);
        }
        hooks_tell(hooks, CHANGE_LOCAL,
                   counts->added[SIDE_REMOTE] + counts->changed[SIDE_REMOTE] +
                           counts->moved[SIDE_REMOTE] + counts->removed[SIDE_REMOTE],
                   mailbox, NULL);
}

void account_hooks_note(Account *account, const EngineNote *note) {
        if (!account->hooks)
                return;
        switch (note->type) {
        case ENGINE_NOTE_SYNCED:
                tell_counts(account, note);
                break;
        case ENGINE_NOTE_RENAMED:
                if (note->side == SIDE_LOCAL)
                        hooks_tell(account->hooks, CHANGE_CHANGED, 1, note->mailbox, NULL);
                break;
        case ENGINE_NOTE_REMOVED:
                if (note->side == SIDE_LOCAL)
                        hooks_tell(account->hooks, CHANGE_REMOVED, 1, note->mailbox, NULL);
                break;
        case ENGINE_NOTE_FAILED:
        case ENGINE_NOTE_HELD:
        case ENGINE_NOTE_CREATED:
        case ENGINE_NOTE_PARKED:
        case ENGINE_NOTE_NOTICE:
        case ENGINE_NOTE_WOULD:
        case ENGINE_NOTE_RUN:
        case ENGINE_NOTE_ALERT:
        case ENGINE_NOTE_OVERFLOW:
        case ENGINE_NOTE_PROGRESS:
        case ENGINE_NOTE_DIFFERENCE:
        case ENGINE_NOTE_INSPECTED:
                break;
        }
}

bool account_hooks_finish(Account *account) {
        Hooks *hooks = account->hooks;

        if (!hooks)
                return true;
        if (account->stopping)
                hooks_stop(hooks);
        if (!hooks_are_idle(hooks)) {
                const bool is_first = !account->is_ending_hooks;

                account->is_ending_hooks = true;
                if (is_first && !account->stopping)
                        hooks_run(hooks); /* comes back by on_idle() */
                return false;
        }
        return true;
}

void account_hooks_free(Account *account) {
        remember(account);
        account->hooks = hooks_free(account->hooks);
        account->notice = desktop_notification_free(account->notice);
}
