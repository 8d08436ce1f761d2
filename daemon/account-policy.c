/*
 * An account: what it may cost
 *
 * The manager chooses the policy. The engine leaves what is too large and what is not urgent, the links wait
 * otherwise, and local changes wait for each other: the first of them arms a timer, and whatever goes on before
 * that takes them along.
 */

#include "config/config-value.h"
#include "daemon/account-private.h"
#include "daemon/log.h"

/* The network is awake for so long after the last word: what is to be said now costs little. Our own writing, as
 * inotify tells it, falls into that too, and needs nobody else. */
#define AWAKE_USEC ((uint64_t) 2 * 1000000)

void account_forget_gathering(Account *account) {
        account->upload_is_armed = account->upload_is_due = false;
        timer_disarm(&account->upload);
}

void account_note_traffic(Account *account) {
        const uint64_t now = account_uptime();
        uint64_t n = 0;

        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link)) {
                const ConnectionTraffic traffic = account_link_traffic(link);

                n += traffic.bytes_in + traffic.bytes_out;
        }
        if (n == account->n_traffic)
                return;
        hour_add(&account->traffic, now, n - account->n_traffic);
        account->traffic_usec = now;
        account->n_traffic = n;
}

static bool is_awake(const Account *account) {
        return account_uptime() - account->traffic_usec < AWAKE_USEC;
}

void account_gather(Account *account) {
        const bool waits = account->policy.upload_delay_usec > 0 && !account->options.once &&
                           !account->upload_is_due;

        account_note_traffic(account);
        engine_gather(account->engine, waits && !is_awake(account));
}

static void on_upload_due(void *userdata) {
        Account *account = userdata;

        account->upload_is_armed = false;
        account->upload_is_due = true;
        account_pump(account);
}

void account_wait_for_uploads(Account *account) {
        const uint64_t delay = account->policy.upload_delay_usec;
        int r;

        account->upload_is_due = false;
        if (!engine_is_gathering(account->engine)) {
                account_forget_gathering(account);
                return;
        }
        if (account->upload_is_armed)
                return;
        account->upload_is_armed = true;
        r = timer_arm(&account->upload, account->event, delay - delay / 10, delay / 10 + 1,
                      on_upload_due, account);
        if (r < 0)
                account_end_without_timer(account, account_name(account), r);
}

void account_set_policy(Account *account, const Policy *policy) {
        const Policy before = account->policy;

        account->policy = *policy;
        if (!account->engine || account->finished)
                return;
        engine_set_policy(account->engine, policy);
        if (policy->upload_delay_usec < before.upload_delay_usec) {
                account_forget_gathering(account);
                account->upload_is_due = true;
        }
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                account_on_policy(link, &before);
        account_pump_soon(account);
}

void account_set_flag_scan(Account *account, uint64_t usec) {
        account->options.flag_scan_usec = usec;
        if (account->engine)
                engine_set_flag_scan(account->engine, (int64_t) usec);
}

/* A server that no packet leaves for is behind no router. */
static bool is_behind_network(const AccountLink *link) {
        const Endpoint *endpoint = link->endpoint;

        return !endpoint->tunnel && endpoint->host && !value_is_loopback(endpoint->host);
}

void account_set_network(Account *account, uint64_t network) {
        account->network = network;
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                if (is_behind_network(link))
                        wait_set_network(&link->wait, network);
}
