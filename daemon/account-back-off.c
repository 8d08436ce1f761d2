/*
 * An account: a server asks us to wait
 *
 * What it says of one request fails that, and the mailbox is tried again later. What it says of all of
 * them is obeyed for the whole link: nothing more is said on the connection, which stays, or, where
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

static uint64_t span(AccountLink *link, ImapBackOff told) {
        const unsigned n = MIN(link->n_back_offs, 5u);

        link->n_back_offs++;
        return told.usec > 0 ? told.usec : MIN(UNTOLD_USEC << n, UNTOLD_MAX);
}

/* How long not to connect after this loss, beside what is usual: 0 for nothing of the kind. */
uint64_t account_told_to_stay_away(AccountLink *link) {
        const int64_t left = link->state == LINK_THROTTLED ? link->retry_usec - account_now() : 0;
        ImapBackOff told = imap_replica_take_back_off(link->replica);

        if (link->login && imap_login_back_off(link->login).scope != IMAP_BACK_OFF_NONE)
                told = imap_login_back_off(link->login);
        if (told.scope != IMAP_BACK_OFF_NONE)
                return span(link, told);
        return left > 0 ? (uint64_t) left : 0;
}

static void go_on(void *userdata) {
        AccountLink *link = userdata;
        Account *account = link->account;

        link->retry_usec = 0;
        account_link_set_state(link, LINK_READY, " ");
        account_hold_engine(account);
        engine_retry(account->engine);
        account_pump(account);
}

void account_go_on_later(AccountLink *link) {
        const int64_t left = link->retry_usec - account_now();

        account_link_arm(link, left > 0 ? (uint64_t) left : 0, SECOND, go_on);
}

static void hold(AccountLink *link, ImapBackOff told) {
        const uint64_t usec = span(link, told);

        link->mode = WAIT_NONE;
        link->retry_usec = account_now() + (int64_t) usec;
        account_link_set_state(
                link, LINK_THROTTLED, "the server asks us to wait: “%.200s”; going on in %llu s",
                imap_replica_back_off_words(link->replica), (unsigned long long) (usec / SECOND));
        account_hold_engine(link->account);
        log_about(LOG_WARNING, (LogSubject){account_name(link->account)}, "%s", link->sentence);
        account_link_arm(link, usec, SECOND, go_on);
}

/* Return: is nothing more to be said on the link now? */
bool account_is_told_to_wait(AccountLink *link) {
        const ImapBackOff told = imap_replica_peek_back_off(link->replica);
        char why[300];

        if (told.scope == IMAP_BACK_OFF_NONE)
                return link->state == LINK_THROTTLED;
        if (told.scope == IMAP_BACK_OFF_SESSION && !link->account->options.once) {
                (void) imap_replica_take_back_off(link->replica);
                if (link->state != LINK_THROTTLED)
                        hold(link, told);
                return true;
        }
        (void) snprintf(why, sizeof(why), "the server asks us to wait: “%.200s”",
                        imap_replica_back_off_words(link->replica));
        account_lose(link, -EAGAIN, why);
        return true;
}
