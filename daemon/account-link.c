/*
 * An account: its links, each to a side that is an IMAP server, and what they are together
 *
 * A link dials, logs in, waits and tries again for itself. The engine needs both sides, so it is held
 * until every link can be used; the one that can be waits on its side meanwhile.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/account-private.h"
#include "daemon/log.h"

int account_link_new(Account *account, Side side, const Endpoint *endpoint,
                     AccountLink **ret_link) {
        AccountLink *link;
        int r;

        link = calloc(1, sizeof(*link));
        if (!link)
                return -ENOMEM;
        *link = (AccountLink){
                .account = account,
                .side = side,
                .endpoint = endpoint,
                .apart_since = account_now(),
        };
        r = asprintf(&link->title, "%s%s", account_name(account),
                     side == SIDE_LOCAL ? " (local)" : "");
        if (r < 0) {
                free(link);
                return -ENOMEM;
        }
        *ret_link = link;
        return 0;
}

AccountLink *account_link_free(AccountLink *link) {
        if (!link)
                return NULL;

        pulse_disarm(&link->beat);
        pulse_disarm(&link->lull);
        timer_done(&link->timer);
        connection_free(link->connection);
        connection_free(link->closed);
        imap_replica_free(link->replica);
        imap_login_free(link->login);
        secret_free(link->secret);
        free(link->prefix);
        free(link->server);
        free(link->quirks_text);
        free(link->title);
        free(link);
        return NULL;
}

AccountLink *account_next_link(const Account *account, const AccountLink *link) {
        for (Side side = link ? link->side + 1 : 0; side < _SIDE_MAX; side++)
                if (account->links[side])
                        return account->links[side];
        return NULL;
}

const char *account_link_prefix(const AccountLink *link) {
        if (!link->account->links[side_other(link->side)])
                return "";
        return link->side == SIDE_LOCAL ? "the local server: " : "the server: ";
}

ConnectionTraffic account_link_traffic(const AccountLink *link) {
        ConnectionTraffic traffic = link->traffic_before;

        if (link->connection) {
                const ConnectionTraffic now = connection_traffic(link->connection);

                traffic.bytes_in += now.bytes_in;
                traffic.bytes_out += now.bytes_out;
        }
        return traffic;
}

void account_link_arm(AccountLink *link, uint64_t usec, uint64_t accuracy,
                      void (*callback)(void *userdata)) {
        int r;

        pulse_disarm(&link->beat);
        r = timer_arm(&link->timer, link->account->event, usec, accuracy, callback, link);
        if (r < 0)
                account_end_without_timer(link->account, link->title, r);
}

void account_link_disarm(AccountLink *link) {
        pulse_disarm(&link->beat);
        pulse_disarm(&link->lull);
        if (link->connection) {
                connection_hold_input(link->connection, false);
                (void) connection_keep_alive(link->connection, 0);
        }
        timer_disarm(&link->timer);
}

/* --- together --- */

/* The worst of them. */
static AccountState state_of_links(const Account *account) {
        AccountState state = ACCOUNT_STATE_SYNCING;

        if (account->holds)
                return ACCOUNT_STATE_OFFLINE;
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                switch (link->state) {
                case LINK_REFUSED:
                        return ACCOUNT_STATE_REFUSED;
                case LINK_WAITING:
                case LINK_THROTTLED:
                        state = ACCOUNT_STATE_WAITING;
                        break;
                case LINK_OFF:
                case LINK_CONNECTING:
                        if (state == ACCOUNT_STATE_SYNCING)
                                state = ACCOUNT_STATE_CONNECTING;
                        break;
                case LINK_READY:
                        break;
                }
        return state;
}

void account_show_links(Account *account) {
        char sentence[sizeof(account->sentence)] = " ";
        size_t n = 0;

        if (account->paused || account->finished)
                return;
        if (account->holds) {
                account_set_state(account, ACCOUNT_STATE_OFFLINE, "%s",
                                  account_held_sentence(account));
                return;
        }
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                if (link->sentence[0] && n < sizeof(sentence))
                        n += (size_t) snprintf(sentence + n, sizeof(sentence) - n, "%s%s",
                                               n > 0 ? "; " : "", link->sentence);
        account_set_state(account, state_of_links(account), "%s", sentence);
}

/* Our sentences are of "the server": where there are two, of which one they are. */
static void name_link(AccountLink *link, const char *text) {
        const char *name = side_server(link->side), *any = side_server(SIDE_REMOTE);
        const bool is_alone = !link->account->links[side_other(link->side)];

        if (is_alone || strncmp(text, name, strlen(name)) == 0)
                (void) snprintf(link->sentence, sizeof(link->sentence), "%s", text);
        else if (strncmp(text, any, strlen(any)) == 0)
                (void) snprintf(link->sentence, sizeof(link->sentence), "%s%s", name,
                                text + strlen(any));
        else
                (void) snprintf(link->sentence, sizeof(link->sentence), "%s: %s", name, text);
}

/* A sentence of one blank is none. */
void account_link_set_state(AccountLink *link, LinkState state, const char *format, ...) {
        char text[sizeof(link->sentence) - 32]; /* it becomes longer by a name */
        va_list args;

        link->state = state;
        va_start(args, format);
        (void) vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        if (strcmp(text, " ") == 0)
                link->sentence[0] = '\0';
        else
                name_link(link, text);
        account_show_links(link->account);
}

bool account_is_attached(const Account *account) {
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                if (!imap_replica_is_attached(link->replica))
                        return false;
        return account->engine != NULL;
}

bool account_is_whole(const Account *account) {
        if (account->holds)
                return false;
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                if (link->state == LINK_THROTTLED)
                        return false;
        return account_is_attached(account);
}

void account_hold_engine(Account *account) {
        engine_hold(account->engine, !account_is_whole(account));
}
