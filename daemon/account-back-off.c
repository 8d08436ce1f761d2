/*
 * An account: the server asks us to wait
 *
 * What it says of one request fails that, and the mailbox is tried again later. What it says of all of
 * them is obeyed for the whole account: nothing more is said on the connection, which stays, or, where
 * that is of no use any more, no other one is made before the time is over.
 */

#include <errno.h>
#include <stdio.h>

#include "daemon/account-private.h"
#include "daemon/log.h"

#define SECOND ((uint64_t) 1000000)

/* It did not say how long: so long at first, and longer each time, as long as it asks for it. */
#define UNTOLD_USEC (30 * SECOND)
#define UNTOLD_MAX  (900 * SECOND)

static uint64_t span(Account *account, ImapBackOff told) {
        const unsigned n = MIN(account->n_back_offs, 5u);

        account->n_back_offs++;
        return told.usec > 0 ? told.usec : MIN(UNTOLD_USEC << n, UNTOLD_MAX);
}

/* How long not to connect after this loss, beside what is usual: 0 for nothing of the kind. */
uint64_t account_told_to_stay_away(Account *account) {
        const int64_t left = account->is_throttled ? account->retry_usec - account_now() : 0;
        ImapBackOff told = imap_replica_take_back_off(account->remote);

        if (account->login && imap_login_back_off(account->login).scope != IMAP_BACK_OFF_NONE)
                told = imap_login_back_off(account->login);
        if (told.scope != IMAP_BACK_OFF_NONE)
                return span(account, told);
        return left > 0 ? (uint64_t) left : 0;
}

static void go_on(Account *account) {
        account->is_throttled = false;
        account->retry_usec = 0;
        engine_hold(account->engine, false);
        engine_retry(account->engine);
        account_pump(account);
}

static void hold(Account *account, ImapBackOff told) {
        const uint64_t usec = span(account, told);

        account->is_throttled = true;
        account->mode = WAIT_NONE;
        engine_hold(account->engine, true);
        account->retry_usec = account_now() + (int64_t) usec;
        account_set_state(account, ACCOUNT_STATE_WAITING,
                          "the server asks us to wait: “%.200s”; going on in %llu s",
                          imap_replica_back_off_words(account->remote),
                          (unsigned long long) (usec / SECOND));
        log_warning("%s: %s", account_name(account), account->sentence);
        account_arm(account, usec, SECOND, go_on);
}

/* Return: is the account to say nothing more now? */
bool account_is_told_to_wait(Account *account) {
        const ImapBackOff told = imap_replica_peek_back_off(account->remote);
        char why[300];

        if (told.scope == IMAP_BACK_OFF_NONE)
                return account->is_throttled;
        if (told.scope == IMAP_BACK_OFF_SESSION && !account->options.once) {
                (void) imap_replica_take_back_off(account->remote);
                if (!account->is_throttled)
                        hold(account, told);
                return true;
        }
        (void) snprintf(why, sizeof(why), "the server asks us to wait: “%.200s”",
                        imap_replica_back_off_words(account->remote));
        account_lose(account, -EAGAIN, why);
        return true;
}
