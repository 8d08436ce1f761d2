/*
 * An account: what is known of its servers, and remembered for the next login
 *
 * What it can do and how it calls itself are kept in the state database. What follows from that, its
 * quirks, is not: the table may know better tomorrow.
 */

#include <stdio.h>
#include <stdlib.h>

#include "daemon/account-private.h"
#include "daemon/log.h"

#define SKIPPED_SHOWN 5u /* a connection; a server that makes no sense does so all the time */

/* A local server's facts have names of their own. */
static const char *key_of(const AccountLink *link, const char *key, char buffer[32]) {
        if (link->side == SIDE_REMOTE)
                return key;
        (void) snprintf(buffer, 32, "local-%s", key);
        return buffer;
}

static char *load(AccountLink *link, const char *key) {
        char buffer[32], *value = NULL;

        return state_db_get(link->account->db, key_of(link, key, buffer), &value) == 0 ? value
                                                                                       : NULL;
}

void account_load_server(AccountLink *link) {
        _cleanup_free_ char *words = load(link, "capabilities");

        if (words) {
                link->capabilities = imap_capabilities_parse(bytes_of(words));
                link->has_capabilities = true;
        }
        link->server = load(link, "server");
        link->prefix = load(link, "prefix");
}

/* If that fails the next login asks again, that is all. */
static void save(AccountLink *link, const char *key, const char *value) {
        StateDb *db = link->account->db;
        char buffer[32];

        if (link->account->options.dry_run)
                return;
        if (state_db_begin(db) < 0 || state_db_set(db, key_of(link, key, buffer), value) < 0 ||
            state_db_commit(db) < 0)
                state_db_rollback(db);
}

static void learn_capabilities(AccountLink *link, const ImapCapabilities *now) {
        _cleanup_(buffer_done) Buffer words = BUFFER_NULL;
        _cleanup_free_ char *text = NULL;

        if (link->has_capabilities && now->bits == link->capabilities.bits &&
            now->append_limit == link->capabilities.append_limit)
                return;
        link->capabilities = *now;
        link->has_capabilities = true;
        if (imap_capabilities_format(now, &words) < 0)
                return;
        text = buffer_steal_string(&words);
        if (text)
                save(link, "capabilities", text);
}

static void learn_name(AccountLink *link, const char *name) {
        char *copy;

        if (!name || (link->server && strcmp(name, link->server) == 0))
                return;
        copy = strdup(name);
        if (!copy)
                return;
        free(link->server);
        link->server = copy;
        save(link, "server", copy);
}

static void learn_quirks(AccountLink *link, ImapQuirks quirks) {
        _cleanup_(buffer_done) Buffer names = BUFFER_NULL;
        const bool is_news = !link->quirks_text || quirks != link->quirks;
        char *text;

        if (!is_news || imap_quirks_format(quirks, &names) < 0)
                return;
        text = buffer_steal_string(&names);
        if (!text)
                return;
        free(link->quirks_text);
        link->quirks_text = text;
        link->quirks = quirks;
        if (quirks)
                log_about(LOG_DEBUG, (LogSubject){account_name(link->account)},
                          "this server is known for: %s", text);
}

/* What the server puts before names: asked for once. */
static void learn_prefix(AccountLink *link) {
        const char *prefix = imap_replica_prefix(link->replica);

        if (link->prefix || !prefix || link->account->options.dry_run)
                return;
        link->prefix = strdup(prefix);
        if (link->prefix)
                save(link, "prefix", prefix);
}

void account_learn_login(AccountLink *link) {
        const ImapCapabilities now = imap_login_capabilities(link->login);

        learn_capabilities(link, &now);
        learn_name(link, imap_login_server(link->login));
        learn_quirks(link, imap_login_quirks(link->login));
}

void account_learn_session(AccountLink *link) {
        const uint64_t before = imap_capabilities_of_login() | (uint64_t) 1
                                                                       << IMAP_CAPABILITY_SASL_IR;
        ImapCapabilities now = imap_replica_capabilities(link->replica);

        /* What is offered before the login only that knows; the session may have begun behind it. */
        now.bits = (now.bits & ~before) | (link->capabilities.bits & before);
        learn_capabilities(link, &now);
        learn_prefix(link);
}

void account_log_skipped(AccountLink *link) {
        ImapSession *session = link->connection ? connection_session(link->connection) : NULL;
        uint64_t n;

        if (!session)
                return;
        n = imap_session_n_skipped(session);
        if (n > link->n_skipped && link->n_skipped < SKIPPED_SHOWN)
                log_notice("%s: the server said what makes no sense, and it was passed over: %s",
                           link->title, imap_session_skipped(session));
        link->n_skipped = n;
}
