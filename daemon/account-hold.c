/*
 * An account: keeping still while the machine sleeps or has no network, and going on behind that
 *
 * Held, it begins nothing and has no timer. Connections stay: a short sleep, or a way out that comes back
 * as it was, costs no login. Whether they still live is asked at once when it goes on, and whoever does
 * not answer soon is left for a new connection: a server that was silent for so long has forgotten us, or
 * somebody between us has, and nobody will tell.
 */

#include <errno.h>

#include "config/config-value.h"
#include "daemon/account-private.h"
#include "daemon/log.h"

#define SECOND ((uint64_t) 1000000)

/* For so long behind a resume or a change attempts that fail come every second: names cannot be looked up
 * yet, or the link is not quite there. */
#define EAGER_USEC (10 * SECOND)

#define BUSY_USEC (5 * SECOND) /* until a server that is at work for us has something to say */

/* A server that asked for silence is not disturbed by our wanderings. */
static bool is_to_stay_away(const AccountLink *link) {
        return link->stay_away_usec > account_now();
}

/* Of what is dialled. Where a tunnel leads to is not known, nor where a proxy on this machine does. */
static bool is_far_away(const Endpoint *endpoint) {
        return !endpoint->tunnel &&
               !value_is_loopback(endpoint->proxy ? endpoint->proxy->host : endpoint->host);
}

static bool is_far(const AccountLink *link) {
        return is_far_away(link->endpoint);
}

static bool needs_network(const Account *account) {
        const AccountConfig *config = account->config;

        return is_far_away(&config->remote) || (!config->maildir && is_far_away(&config->local));
}

bool account_is_held(const Account *account) {
        return account->holds != 0;
}

bool account_is_quiet(const Account *account) {
        return !account->engine || !engine_is_busy(account->engine);
}

const char *account_held_sentence(const Account *account) {
        if (account->holds & ACCOUNT_HOLD_SLEEP)
                return "the machine goes to sleep; going on when it is awake";
        if (account->holds & ACCOUNT_HOLD_PORTAL)
                return "the network wants a login: open any page in a browser; going on when it "
                       "lets us through";
        return "there is no network; going on when there is one";
}

void account_interrupt(Account *account) {
        if (!account_is_quiet(account))
                account_disconnect_all(account);
        account_show_links(account);
}

static bool is_alive_so_far(const AccountLink *link) {
        return link->state == LINK_READY || link->state == LINK_THROTTLED;
}

static void keep_still(Account *account) {
        account_hold_engine(account);
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                if (is_alive_so_far(link))
                        account_link_disarm(link);
                else if (link->state != LINK_REFUSED)
                        account_disconnect(link);
        account_forget_retry(account);
        account_forget_gathering(account);
        if (!(account->holds & ACCOUNT_HOLD_SLEEP))
                account_interrupt(account);
        account_show_links(account);
}

/* --- going on --- */

/* Something must come soon. In the middle of work that may be a while; else it is an answer to nothing. */
static int probe(AccountLink *link) {
        const uint64_t timeout = link->account->config->timeout_usec;
        const bool is_busy =
                imap_replica_is_busy(link->replica) && !account_is_quiet(link->account);
        int r = 0;

        link->silence = 0; /* what comes of it says nothing of how long one may be silent */
        if (is_busy && connection_has_output(link->connection))
                return 0;
        if (!is_busy)
                r = account_look_now(link);
        connection_expect(
                link->connection,
                MIN(is_busy ? BUSY_USEC : connection_probe_usec(link->connection), timeout));
        return r;
}

static void connect_anew(AccountLink *link) {
        account_disconnect(link);
        account_connect(link);
}

static void try_link(AccountLink *link) {
        int r;

        link->n_attempts = 0;
        link->eager_until = account_uptime() + EAGER_USEC;
        switch (link->state) {
        case LINK_READY:
                if (!connection_has_address(link->connection)) {
                        log_info("%s: %sthe address of this machine has changed; connecting anew",
                                 account_name(link->account), account_link_prefix(link));
                        connect_anew(link);
                        return;
                }
                r = probe(link);
                if (r < 0)
                        account_lose(link, r, strerror(-r));
                return;
        case LINK_THROTTLED:
                account_go_on_later(link);
                return;
        case LINK_CONNECTING: /* perhaps where there is no way any more */
                if (link->secret && !link->password)
                        return;
                if (link->connection) /* its name may have been found just now: that was an attempt */
                        link->dialled = account_uptime();
                connect_anew(link);
                return;
        case LINK_REFUSED:
                if (link->is_mistrusted) /* perhaps a portal's certificate */
                        connect_anew(link);
                return;
        case LINK_OFF:
        case LINK_WAITING:
                if (is_to_stay_away(link))
                        account_connect_later(link);
                else
                        account_connect(link);
                return;
        }
}

void account_probe(Account *account, bool is_resumed) {
        if (account->paused || account->stopping || account->finished || account->holds ||
            !account->engine)
                return;
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                if (is_resumed || is_far(link) || link->endpoint->tunnel)
                        try_link(link);
        account_pump_soon(account);
}

static void go_on(Account *account) {
        if (!account->engine || account->paused || account->stopping || account->finished)
                return;
        account_hold_engine(account);
        if (account->retry_span > 0)
                engine_retry(account->engine);
        account_show_links(account);
        account_probe(account, true);
}

void account_insist(Account *account) {
        if (!account->holds || (account->holds & ACCOUNT_HOLD_SLEEP))
                return;
        account->holds = 0;
        if (account->engine)
                account_hold_engine(account);
}

bool account_keep_still_again(Account *account) {
        if (account->holds == 0 && account->holds_told != 0) {
                account->holds = account->holds_told;
                keep_still(account);
        }
        if (account->holds)
                account_show_links(account);
        return account->holds != 0;
}

void account_set_holds(Account *account, unsigned holds) {
        const unsigned before = account->holds;

        if (!needs_network(account))
                holds &= ~(unsigned) (ACCOUNT_HOLD_OFFLINE | ACCOUNT_HOLD_PORTAL);
        account->holds = account->holds_told = holds;
        if (holds == before)
                return;
        if (holds == 0)
                go_on(account);
        else if (account->engine && !account->paused && !account->stopping && !account->finished)
                keep_still(account);
}
