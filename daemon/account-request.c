/* An account: what people ask of it. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "daemon/account-private.h"
#include "store/maildir.h"

int account_sync(Account *account, const char *const *mailboxes, size_t n_mailboxes) {
        account_insist(account);
        if (account->hooks)
                hooks_retry(account->hooks);
        if (account->engine && n_mailboxes == 0) {
                account_settle(account);
                engine_look_at_all(account->engine);
        }
        for (size_t i = 0; account->engine && i < n_mailboxes; i++) {
                if (!engine_find_mailbox(account->engine, mailboxes[i]))
                        return -ENOENT;
                (void) engine_retry_parked(account->engine, mailboxes[i]);
                (void) engine_mark(account->engine, mailboxes[i], SIDE_REMOTE, NULL);
                (void) engine_mark(account->engine, mailboxes[i], SIDE_LOCAL, NULL);
        }
        account_wake(account);
        account_pump_soon(account);
        return 0;
}

static int collect_name(const EngineMailbox *mailbox, void *userdata) {
        if (mailbox->left_out[0])
                return 0;
        return buffer_append(userdata, &mailbox->name, sizeof(mailbox->name));
}

static int verify_by(Account *account, const char *const *mailboxes, size_t n_mailboxes,
                     int (*verify)(Engine *engine, const char *mailbox)) {
        _cleanup_(buffer_done) Buffer all = BUFFER_NULL;
        int r;

        account_insist(account);
        if (!account->engine)
                return account_sync(account, NULL, 0); /* open it, and look at everything */
        if (n_mailboxes == 0) {
                r = engine_each_mailbox(account->engine, collect_name, &all);
                if (r < 0)
                        return r;
                mailboxes = (const char *const *) (const void *) all.data;
                n_mailboxes = all.size / sizeof(*mailboxes);
        }
        for (size_t i = 0; i < n_mailboxes; i++) {
                if (!engine_find_mailbox(account->engine, mailboxes[i]))
                        return -ENOENT;
                (void) verify(account->engine, mailboxes[i]);
        }
        account_wake(account);
        account_pump_soon(account);
        return 0;
}

int account_verify(Account *account, const char *const *mailboxes, size_t n_mailboxes) {
        return verify_by(account, mailboxes, n_mailboxes, engine_verify);
}

int account_verify_digests(Account *account, const char *const *mailboxes, size_t n_mailboxes) {
        return verify_by(account, mailboxes, n_mailboxes, engine_verify_digests);
}

void account_pause(Account *account, bool pause) {
        if (!pause && account->state == ACCOUNT_STATE_REFUSED) /* that has been mended */
                account_wake(account);
        if (account->paused == pause)
                return;
        account->paused = pause;
        if (!pause) {
                account_set_state(account, ACCOUNT_STATE_CONNECTING, " ");
                account_wake(account);
                return;
        }
        if (account->engine)
                account_disconnect_all(account);
        timer_disarm(&account->timer);
        account_forget_retry(account);
        account_forget_gathering(account);
        account_set_state(account, ACCOUNT_STATE_PAUSED, " ");
}

int account_confirm(Account *account, const char *mailbox) {
        int r;

        if (!account->engine)
                return STATE_DB_E_NONE;
        r = engine_confirm(account->engine, mailbox);
        account_pump_soon(account);
        return r;
}

/* "" where the local side is a server, or the folder cannot be opened. */
static const char *folder_of(Account *account, const char *mailbox) {
        _cleanup_(maildir_freep) Maildir *maildir = NULL;
        static char path[PATH_MAX];

        path[0] = '\0';
        if (account->root && maildir_open(account->root, mailbox, &maildir) >= 0)
                (void) snprintf(path, sizeof(path), "%s", maildir_path(maildir));
        return path;
}

static uint64_t date_usec(const ReplicaMessage *message) {
        return (message->present & REPLICA_HAS_DATE) && message->date > 0
                       ? (uint64_t) message->date * 1000000
                       : 0;
}

int account_explain(Account *account, const char *name, uint32_t uid, const char *file,
                    const EngineInspection *now, MessageStatus *ret_status) {
        static const EngineInspection nothing = {};
        static EngineExplanation explanation;
        const EngineMailbox *mailbox;
        int r;

        engine_explanation_done(&explanation);
        if (!account->engine)
                return -ENOENT;
        r = engine_explain(account->engine, name, uid, file, now, &explanation);
        if (r != 0)
                return r < 0 ? r : -ENOENT;

        mailbox = engine_find_mailbox(account->engine, name);
        if (!now)
                now = &nothing;
        *ret_status = (MessageStatus){
                .account = account_name(account),
                .mailbox = mailbox->name,
                .folder = folder_of(account, name),
                .file = explanation.file ? explanation.file : "",
                .remote_uid = explanation.uid[SIDE_REMOTE],
                .local_uid = explanation.uid[SIDE_LOCAL],
                .known = explanation.is_known,
                .flags = explanation.flags,
                .parked = explanation.parked ? explanation.parked : "",
                .uidvalidity = explanation.uidvalidity,
                .uidnext = explanation.uidnext,
                .modseq = explanation.modseq,
                .held = mailbox->held[SIDE_REMOTE] + mailbox->held[SIDE_LOCAL],
                .pending = mailbox->pending,
                .verdict = explanation.verdict,
                .asked = now != &nothing && !now->failure,
                .remote_has = now->is_there,
                .remote_flags = explanation.remote_flags,
                .remote_error = now->failure ? now->failure : "",
                .remote_size = now->message.present & REPLICA_HAS_SIZE ? now->message.size : 0,
                .remote_date_usec = date_usec(&now->message),
        };
        return 0;
}

const char *account_inspect(Account *account, const char *mailbox, uint32_t uid) {
        int r;

        if (uid == 0)
                return "it is not known by which UID";
        if (account->paused)
                return "the account is paused";
        if (!account_is_whole(account))
                return "there is no connection to it now";
        if (account_is_busy(account))
                return "work is under way; ask again when it is done";
        r = engine_inspect(account->engine, mailbox, uid);
        if (r < 0)
                return "another message of this mailbox is being asked for";
        if (r > 0)
                return "the mailbox is not synchronised";
        account_pump_soon(account);
        return NULL;
}
