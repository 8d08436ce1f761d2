/* An account: how it is, for whoever asks. */

#include <stdarg.h>
#include <stdio.h>

#include "config/config-proxy.h"
#include "daemon/account-private.h"
#include "daemon/log.h"

/* A sentence of one blank is none. */
void account_set_state(Account *account, AccountState state, const char *format, ...) {
        const AccountState before = account->state;
        va_list args;

        account->state = state;
        va_start(args, format);
        (void) vsnprintf(account->sentence, sizeof(account->sentence), format, args);
        va_end(args);
        if (strcmp(account->sentence, " ") == 0)
                account->sentence[0] = '\0';
        if (state != before)
                account->options.on_note(account, NULL, account->options.userdata);
}

void account_show_totals(Account *account, const EngineTotals *totals) {
        if (totals->failed > 0)
                account_set_state(account, ACCOUNT_STATE_IN_SYNC, "%llu mailboxes have a problem",
                                  (unsigned long long) totals->failed);
        else if (totals->held > 0)
                account_set_state(account, ACCOUNT_STATE_IN_SYNC,
                                  "%llu deletions are held; see “imapsyncctl held”",
                                  (unsigned long long) totals->held);
        else if (totals->deferred > 0)
                account_set_state(account, ACCOUNT_STATE_IN_SYNC,
                                  "%llu large messages wait until the policy lets them; see "
                                  "“imapsyncctl policy”",
                                  (unsigned long long) totals->deferred);
        else
                account_set_state(account, ACCOUNT_STATE_IN_SYNC, " ");
}

/* Why the status is not 0, in the runs after the one that parked them. */
void account_tell_parked(Account *account, const EngineTotals *totals) {
        if (totals->parked == 0 || account->settling != SETTLE_NOT_YET)
                return;
        log_about(LOG_WARNING, (LogSubject){account_name(account)},
                  "messages on one side only: %llu, which were refused or could not be read; the "
                  "daemon tries again at “imapsyncctl sync %s MAILBOX”",
                  (unsigned long long) totals->parked, account_name(account));
}

static const char *describe_endpoint(const Endpoint *endpoint, char *text, size_t size) {
        if (endpoint->tunnel)
                return endpoint->tunnel;
        (void) snprintf(text, size, strchr(endpoint->host, ':') ? "[%s]:%u" : "%s:%u",
                        endpoint->host, endpoint->port);
        return text;
}

static const char *describe(const Account *account, Side side) {
        static char texts[_SIDE_MAX][300];
        const AccountConfig *config = account->config;

        if (side == SIDE_LOCAL && config->maildir)
                return config->maildir;
        return describe_endpoint(side == SIDE_LOCAL ? &config->local : &config->remote, texts[side],
                                 sizeof(texts[side]));
}

static const char *describe_proxy(const Account *account, Side side) {
        const AccountConfig *config = account->config;
        const Proxy *proxy = side == SIDE_LOCAL ? config->local.proxy : config->remote.proxy;
        _cleanup_(buffer_done) Buffer url = BUFFER_NULL;
        static char texts[_SIDE_MAX][300];

        if (!proxy || proxy_show(proxy, &url) < 0)
                return "";
        (void) snprintf(texts[side], sizeof(texts[side]), "%.*s", (int) url.size, url.data);
        return texts[side];
}

static int add_left_out(const EngineMailbox *mailbox, void *userdata) {
        Buffer *names = userdata;

        if (!mailbox->left_out[0])
                return 0;
        return buffer_append_format(names, "%s%s", names->size > 0 ? ", " : "", mailbox->name);
}

static const char *describe_left_out(const Account *account) {
        _cleanup_(buffer_done) Buffer names = BUFFER_NULL;
        static char text[1000];

        text[0] = '\0';
        if (account->engine && engine_each_mailbox(account->engine, add_left_out, &names) >= 0)
                (void) snprintf(text, sizeof(text), "%.*s", (int) MIN(names.size, sizeof(text)),
                                names.data ? names.data : "");
        return text;
}

/* Of all mailboxes that are synchronised; as long as none is known, what holds for INBOX. */
static const char *describe_direction(const Account *account) {
        const char *first = NULL;
        EngineDirections seen;

        if (!account->engine)
                return direction_name(account_config_direction(account->config, "INBOX"));
        seen = engine_directions(account->engine);
        for (unsigned i = 0; i < _DIRECTION_MAX; i++) {
                if (!seen.is_used[i])
                        continue;
                if (first)
                        return "mixed";
                first = direction_name((Direction) i);
        }
        return first ? first : direction_name(account_config_direction(account->config, "INBOX"));
}

/* The first one that is due; 0: none. */
static int64_t next_retry(const Account *account) {
        int64_t first = 0;

        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                if (link->retry_usec > 0 && (first == 0 || link->retry_usec < first))
                        first = link->retry_usec;
        return first;
}

/* Of a side that is an IMAP server. */
typedef struct LinkStatus {
        const char *waits, *waits_why, *quirks;
        uint64_t connected_usec, bytes_in, bytes_out;
        bool compressed, encrypted;
} LinkStatus;

static LinkStatus link_status(const AccountLink *link) {
        ConnectionTraffic traffic;
        bool waits;

        if (!link)
                return (LinkStatus){.waits = "", .waits_why = "", .quirks = ""};
        traffic = account_link_traffic(link);
        waits = link->state == LINK_READY && link->mode != WAIT_NONE;

        return (LinkStatus){
                .waits = waits ? link->waits : "",
                .waits_why = waits ? link->waits_why : "",
                .quirks = link->quirks_text ? link->quirks_text : "",
                .connected_usec = (uint64_t) link->connected_usec,
                .bytes_in = traffic.bytes_in,
                .bytes_out = traffic.bytes_out,
                .compressed = link->is_compressed,
                .encrypted = link->connection && connection_is_encrypted(link->connection),
        };
}

/* A Maildir whose changes nobody tells of. */
static void add_watch_status(const Account *account, LinkStatus *local) {
        static char text[64];

        if (!account->watch_is_broken)
                return;
        (void) snprintf(text, sizeof(text), "a look at all folders every %llu s",
                        (unsigned long long) (account->policy.poll_interval_usec / 1000000));
        local->waits = text;
        local->waits_why = account->watch_why;
}

AccountStatus account_status(Account *account) {
        const EngineTotals totals =
                account->engine ? engine_totals(account->engine) : (EngineTotals){0};
        const LinkStatus remote = link_status(account->links[SIDE_REMOTE]);
        LinkStatus local = link_status(account->links[SIDE_LOCAL]);

        account_note_traffic(account);
        if (remote.waits[0])
                add_watch_status(account, &local);
        return (AccountStatus){
                .name = account_name(account),
                .state = account->state,
                .sentence = account->sentence,
                .remote = describe(account, SIDE_REMOTE),
                .local = describe(account, SIDE_LOCAL),
                .waits = remote.waits,
                .waits_why = remote.waits_why,
                .quirks = remote.quirks,
                .local_waits = local.waits,
                .local_waits_why = local.waits_why,
                .local_quirks = local.quirks,
                .mailboxes = totals.mailboxes,
                .messages = totals.messages,
                .pending = totals.pending,
                .held = totals.held,
                .parked = totals.parked,
                .deferred = totals.deferred,
                .bytes_hour = hour_sum(&account->traffic, account_uptime()),
                .bytes_left = totals.bytes_left,
                .last_sync_usec = (uint64_t) account->last_sync_usec,
                .retry_usec = (uint64_t) next_retry(account),
                .connected_usec = remote.connected_usec,
                .bytes_in = remote.bytes_in,
                .bytes_out = remote.bytes_out,
                .local_connected_usec = local.connected_usec,
                .local_bytes_in = local.bytes_in,
                .local_bytes_out = local.bytes_out,
                .flags_since_usec =
                        account->engine ? (uint64_t) engine_flags_since(account->engine) : 0,
                .compressed = remote.compressed,
                .encrypted = remote.encrypted,
                .local_compressed = local.compressed,
                .local_encrypted = local.encrypted,
                .left_out = describe_left_out(account),
                .direction = describe_direction(account),
                .alone = totals.alone,
                .large = totals.large,
                .proxy = describe_proxy(account, SIDE_REMOTE),
                .local_proxy = describe_proxy(account, SIDE_LOCAL),
                .old = totals.old,
                .surplus = totals.surplus,
                .warning = account->hooks ? hooks_warning(account->hooks) : "",
        };
}

AccountState account_state(const Account *account) {
        return account->state;
}

const char *account_sentence(const Account *account) {
        return account->sentence;
}

uint64_t account_bytes_left(const Account *account) {
        return account->engine ? engine_totals(account->engine).bytes_left : 0;
}

int account_each_mailbox(Account *account,
                         int (*each)(const EngineMailbox *mailbox, void *userdata),
                         void *userdata) {
        return account->engine ? engine_each_mailbox(account->engine, each, userdata) : 0;
}

uint64_t account_count_unseen(Account *account, const char *mailbox) {
        return account->engine ? engine_count_unseen(account->engine, mailbox) : 0;
}

bool account_is_busy(const Account *account) {
        if (account->finished || account->paused)
                return false;
        return account->state == ACCOUNT_STATE_STARTING ||
               account->state == ACCOUNT_STATE_CONNECTING ||
               account->state == ACCOUNT_STATE_SYNCING ||
               (account_is_attached(account) && engine_is_busy(account->engine));
}

bool account_is_in_sync(Account *account) {
        EngineTotals totals;

        if (!account->engine ||
            (account->state != ACCOUNT_STATE_IN_SYNC &&
             !(account->options.once && account->state == ACCOUNT_STATE_SYNCING)))
                return false;
        totals = engine_totals(account->engine);
        return totals.failed == 0 && totals.held == 0 && totals.parked == 0 && totals.deferred == 0;
}

bool account_counts_as_in_sync(Account *account) {
        if (account->state != ACCOUNT_STATE_SYNCING)
                account->was_in_sync = account_is_in_sync(account);
        return account->was_in_sync;
}
