/* An account: what people ask of it. */

#include <errno.h>

#include "daemon/account-private.h"

int account_sync(Account *account, const char *const *mailboxes, size_t n_mailboxes) {
        account_insist(account);
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

int account_verify(Account *account, const char *const *mailboxes, size_t n_mailboxes) {
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
                (void) engine_verify(account->engine, mailboxes[i]);
        }
        account_wake(account);
        account_pump_soon(account);
        return 0;
}

void account_pause(Account *account, bool pause) {
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
