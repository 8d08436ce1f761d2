/*
 * An account: what is known of its server, and remembered for the next login
 *
 * What it can do and how it calls itself are kept in the state database. What follows from that, its
 * quirks, is not: the table may know better tomorrow.
 */

#include <stdio.h>
#include <stdlib.h>

#include "daemon/account-private.h"
#include "daemon/log.h"

#define SKIPPED_SHOWN 5u /* a connection; a server that makes no sense does so all the time */

void account_load_server(Account *account) {
        char *words = NULL;

        if (state_db_get(account->db, "capabilities", &words) == 0) {
                account->capabilities = imap_capabilities_parse(bytes_of(words));
                account->has_capabilities = true;
        }
        free(words);

        if (state_db_get(account->db, "server", &account->server) != 0)
                account->server = NULL;
}

/* If that fails the next login asks again, that is all. */
static void save(Account *account, const char *key, const char *value) {
        if (account->options.dry_run)
                return;
        if (state_db_begin(account->db) < 0 || state_db_set(account->db, key, value) < 0 ||
            state_db_commit(account->db) < 0)
                state_db_rollback(account->db);
}

static void learn_capabilities(Account *account, const ImapCapabilities *now) {
        _cleanup_(buffer_done) Buffer words = BUFFER_NULL;
        _cleanup_free_ char *text = NULL;

        if (account->has_capabilities && now->bits == account->capabilities.bits &&
            now->append_limit == account->capabilities.append_limit)
                return;
        account->capabilities = *now;
        account->has_capabilities = true;
        if (imap_capabilities_format(now, &words) < 0)
                return;
        text = buffer_steal_string(&words);
        if (text)
                save(account, "capabilities", text);
}

static void learn_name(Account *account, const char *name) {
        char *copy;

        if (!name || (account->server && strcmp(name, account->server) == 0))
                return;
        copy = strdup(name);
        if (!copy)
                return;
        free(account->server);
        account->server = copy;
        save(account, "server", copy);
}

static void learn_quirks(Account *account, ImapQuirks quirks) {
        _cleanup_(buffer_done) Buffer names = BUFFER_NULL;
        const bool is_news = !account->quirks_text || quirks != account->quirks;
        char *text;

        if (!is_news || imap_quirks_format(quirks, &names) < 0)
                return;
        text = buffer_steal_string(&names);
        if (!text)
                return;
        free(account->quirks_text);
        account->quirks_text = text;
        account->quirks = quirks;
        if (quirks)
                log_debug("%s: this server is known for: %s", account_name(account), text);
}

void account_learn_login(Account *account) {
        const ImapCapabilities now = imap_login_capabilities(account->login);

        learn_capabilities(account, &now);
        learn_name(account, imap_login_server(account->login));
        learn_quirks(account, imap_login_quirks(account->login));
}

void account_learn_session(Account *account) {
        const ImapCapabilities now = imap_replica_capabilities(account->remote);

        learn_capabilities(account, &now);
}

void account_log_skipped(Account *account) {
        ImapSession *session = account->connection ? connection_session(account->connection) : NULL;
        uint64_t n;

        if (!session)
                return;
        n = imap_session_n_skipped(session);
        if (n > account->n_skipped && account->n_skipped < SKIPPED_SHOWN)
                log_notice("%s: the server said what makes no sense, and it was passed over: %s",
                           account_name(account), imap_session_skipped(session));
        account->n_skipped = n;
}
