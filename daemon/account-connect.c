/* An account: connecting, logging in, losing the connection, trying again; each link for itself. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "config/config-value.h"
#include "daemon/account-private.h"
#include "daemon/log.h"

#define SECOND ((uint64_t) 1000000)

static void on_connect_due(void *userdata) {
        account_connect(userdata);
}

/* The engine has nothing to do with it any more. */
static void drop_connection(AccountLink *link) {
        imap_replica_detach(link->replica);
        link->is_early = link->is_compressed = false;
        link->login = imap_login_free(link->login);
        if (!link->password)
                link->secret = secret_free(link->secret);
        link->mode = WAIT_NONE;
        link->is_polling = link->idle_failed = false;
        link->silence = 0;
        link->n_skipped = 0;
        link->connected_usec = link->retry_usec = 0;
        link->state = LINK_OFF;
        link->sentence[0] = '\0';
        account_link_disarm(link);

        if (link->connection) {
                link->apart_since = account_now();
                link->traffic_before = account_link_traffic(link);
                connection_close(link->connection);
                connection_free(link->closed); /* not the one whose callback this may be */
                link->closed = TAKE_PTR(link->connection);
                account_pump_soon(link->account);
        }
}

/*
 * Both sides forget what was under way. The other session stays if it has no answers to come: those would be
 * for requests that nobody knows of any more.
 */
void account_disconnect(AccountLink *link) {
        Account *account = link->account;
        AccountLink *other = account->links[side_other(link->side)];
        const bool had_other = other && imap_replica_is_attached(other->replica);

        if (imap_replica_is_attached(link->replica))
                (void) engine_interrupt(account->engine);
        drop_connection(link);
        account_hold_engine(account);
        if (had_other && !imap_replica_is_attached(other->replica)) {
                drop_connection(other);
                other->state = LINK_CONNECTING;
                account_link_arm(other, 0, 1, on_connect_due);
        }
}

void account_disconnect_all(Account *account) {
        bool was_attached = false;

        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                was_attached |= imap_replica_is_attached(link->replica);
        if (was_attached)
                (void) engine_interrupt(account->engine);
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                drop_connection(link);
        account_hold_engine(account);
}

static uint64_t random_below(uint64_t limit) {
        uint64_t value = 0;

        (void) getrandom(&value, sizeof(value), GRND_NONBLOCK);
        return limit > 0 ? value % limit : 0;
}

/* 1, 2, 4, ... 300 s, and up to half of that at random, so that many clients do not come at once. */
static uint64_t back_off(unsigned n_attempts) {
        uint64_t usec = SECOND << (n_attempts < 9 ? n_attempts : 9);

        if (usec > 300 * SECOND)
                usec = 300 * SECOND;
        return usec + random_below(usec / 2);
}

/* @why may belong to the login or the session, which go. */
static void say_and_disconnect(AccountLink *link, LinkState state, const char *why) {
        char sentence[sizeof(link->sentence)];

        (void) snprintf(sentence, sizeof(sentence), "%s", why);
        account_disconnect(link);
        account_link_set_state(link, state, "%s", sentence);
}

static void log_sentence(const AccountLink *link, int level) {
        const LogSubject about = {
                .account = account_name(link->account),
                .id = link->state == LINK_REFUSED ? LOG_ID_REFUSED : NULL,
        };

        log_about(level, about, "%s", link->sentence);
}

void account_refuse(AccountLink *link, const char *why) {
        say_and_disconnect(link, LINK_REFUSED, why);
        link->secret = secret_free(link->secret);
        link->password = NULL;
        link->retry_usec = 0;
        log_sentence(link, LOG_ERR);
        if (link->account->options.once)
                account_finish(link->account);
        else
                account_pump_soon(link->account); /* the other one waits alone */
}

/* Connecting again is part of the day's work if the server has only ended a session that it found long
 * enough. */
static void say_when(AccountLink *link, int error, uint64_t usec) {
        const bool is_routine = error == -ESHUTDOWN;
        char sentence[300];

        link->retry_usec = account_now() + (int64_t) usec;
        (void) snprintf(sentence, sizeof(sentence), "%.280s", link->sentence);
        account_link_set_state(link, LINK_WAITING, "%s; %s again in %llu s", sentence,
                               is_routine ? "connecting" : "trying",
                               (unsigned long long) (usec / SECOND));
        log_sentence(link, is_routine ? LOG_INFO : LOG_WARNING);
        account_link_arm(link, usec, SECOND, on_connect_due);
        account_pump_soon(link->account); /* the other one waits alone */
}

/* Behind a sleep or a change of the network: that a connection had died is no surprise, and what cannot be
 * reached yet soon can. account_connect() sees to it that this is once a second at most. */
static void try_again_at_once(AccountLink *link, bool is_known) {
        log_info("%s: %s%s; %s", account_name(link->account), account_link_prefix(link),
                 link->sentence, is_known ? "connecting anew" : "trying again in 1 s");
        if (is_known)
                account_link_set_state(link, LINK_CONNECTING, " ");
        account_link_arm(link, is_known ? 1 : SECOND, 1, on_connect_due);
        account_pump_soon(link->account);
}

/* Whatever it was lost for: there is no way to the server now. */
static bool keeps_still(AccountLink *link) {
        if (!link->account->holds_told)
                return false;
        log_sentence(link, LOG_INFO);
        return account_keep_still_again(link->account);
}

void account_connect_later(AccountLink *link) {
        const int64_t left = link->stay_away_usec - account_now();

        account_link_set_state(link, LINK_WAITING, "the server asks us to wait");
        say_when(link, -EAGAIN, left > 0 ? (uint64_t) left : 0);
}

void account_lose(AccountLink *link, int error, const char *why) {
        uint64_t usec, told;
        bool is_known;

        if (error == -EKEYREJECTED || error == -ENOKEY) {
                account_refuse(link, why);
                link->is_mistrusted = error == -EKEYREJECTED;
                return;
        }
        is_known = link->state == LINK_READY;
        account_on_dead(link, error);
        told = account_told_to_stay_away(link);
        link->stay_away_usec = told > 0 ? account_now() + (int64_t) told : 0;
        say_and_disconnect(link, LINK_WAITING, why);
        if (link->account->options.once) {
                log_sentence(link, LOG_ERR);
                account_finish(link->account);
                return;
        }

        if (keeps_still(link))
                return;
        if (account_uptime() < link->eager_until && told == 0) {
                try_again_at_once(link, is_known);
                return;
        }
        usec = back_off(link->n_attempts++);
        say_when(link, error, MAX(usec, told));
}

/* --- the login --- */

/* A local server that is on this machine is not worth the work of compressing. */
static bool is_on_this_machine(const AccountLink *link) {
        return link->side == SIDE_LOCAL &&
               (link->endpoint->tunnel || value_is_loopback(link->endpoint->host));
}

/*
 * A session for --once pays for COMPRESS with the login only if it has more to read than that costs, and at a first
 * sync it has that with the list.
 */
static bool wants_compress(const AccountLink *link) {
        if (is_on_this_machine(link))
                return false;
        return !link->account->options.once || engine_totals(link->account->engine).mailboxes > 8;
}

static int start_deflate(void *userdata) {
        AccountLink *link = userdata;

        link->is_compressed = true;
        return connection_start_deflate(link->connection);
}

/* The engine begins with the last one. */
static void attach(AccountLink *link, ImapEnabled qresync, ImapEnabled uidonly) {
        imap_replica_attach(link->replica, connection_session(link->connection),
                            &link->capabilities, qresync, uidonly, imap_login_quirks(link->login));
        if (!link->is_compressed && !is_on_this_machine(link))
                imap_replica_compress(link->replica, start_deflate, link);
        account_hold_engine(link->account);
        (void) engine_list(link->account->engine);
        if (link->side == SIDE_LOCAL)
                account_pump_soon(link->account); /* the other login may wait for this */
}

/* Other ways to log in make no difference to what was said behind the login. */
static bool capabilities_differ(const AccountLink *link) {
        const ImapCapabilities now = imap_login_capabilities(link->login);

        return ((now.bits ^ link->capabilities.bits) & ~imap_capabilities_of_login()) != 0;
}

static void logged_in(AccountLink *link) {
        if (imap_login_notice(link->login))
                log_about(LOG_WARNING, (LogSubject){account_name(link->account)}, "%s%s",
                          account_link_prefix(link), imap_login_notice(link->login));
        if (link->is_early && capabilities_differ(link)) {
                /* What was asked for behind the login rests on what is no longer so. */
                account_learn_login(link);
                account_disconnect(link);
                account_link_set_state(link, LINK_CONNECTING, " ");
                account_link_arm(link, 1, 1, on_connect_due);
                return;
        }

        account_learn_login(link);
        if (!link->is_early)
                attach(link, imap_login_qresync(link->login), imap_login_uidonly(link->login));
        link->login = imap_login_free(link->login);
        link->n_refusals = 0;
        link->retry_usec = 0;
        link->connected_usec = account_now();
        account_link_disarm(link);
        account_link_set_state(link, LINK_READY, " ");
        log_about(LOG_INFO, (LogSubject){account_name(link->account)}, "%sconnected%s%s",
                  account_link_prefix(link),
                  connection_is_encrypted(link->connection) ? ", encrypted" : "",
                  link->is_compressed ? ", compressed" : "");
        account_pump(link->account);
}

#define REFUSALS_MAX 3u
#define REFUSED_USEC (10 * SECOND)

static void forget_secret(AccountLink *link) {
        link->secret = secret_free(link->secret);
        link->password = NULL;
}

/* A token that is refused may have been withdrawn, or be older than its command thought: there is another
 * one. Once, so that a server that takes none is not asked again and again. */
static void try_fresh_token(AccountLink *link) {
        char why[300];

        link->n_refusals++;
        (void) snprintf(why, sizeof(why), "%.200s; asking for a fresh one",
                        imap_login_sentence(link->login));
        say_and_disconnect(link, LINK_CONNECTING, why);
        forget_secret(link);
        log_sentence(link, LOG_NOTICE);
        account_link_arm(link, 1, 1, on_connect_due);
}

/* Some servers (Yahoo) refuse a good password now and then. Where a login has worked before, it is tried
 * again a few times, with the secret asked for anew, before a person is asked. */
static void on_refused(AccountLink *link) {
        char why[300];

        if (imap_login_used_token(link->login) && imap_login_is_denied(link->login) &&
            link->n_refusals == 0) {
                try_fresh_token(link);
                return;
        }
        if (link->account->options.once || !link->has_capabilities || !link->password ||
            !imap_login_is_denied(link->login) || link->n_refusals >= REFUSALS_MAX) {
                account_refuse(link, imap_login_sentence(link->login));
                return;
        }

        (void) snprintf(why, sizeof(why), "%.200s (it took one before)",
                        imap_login_sentence(link->login));
        say_and_disconnect(link, LINK_WAITING, why);
        forget_secret(link);
        say_when(link, -EACCES, REFUSED_USEC << link->n_refusals++);
}

static void on_outcome(AccountLink *link, int outcome) {
        int r;

        switch (outcome) {
        case IMAP_LOGIN_MORE:
                break;
        case IMAP_LOGIN_START_TLS:
                r = connection_start_tls(link->connection);
                if (r < 0)
                        account_refuse(link, "STARTTLS is not possible here");
                break; /* on_open() goes on */
        case IMAP_LOGIN_START_DEFLATE:
                if (start_deflate(link) < 0)
                        account_lose(link, -ENOMEM, "out of memory");
                else
                        on_outcome(link, imap_login_go_on(link->login,
                                                          connection_session(link->connection)));
                break;
        case IMAP_LOGIN_READY:
                logged_in(link);
                break;
        case IMAP_LOGIN_REFUSED:
                on_refused(link);
                break;
        case IMAP_LOGIN_FAILED:
                account_lose(link, -EAGAIN, imap_login_sentence(link->login));
                break;
        default:
                account_lose(link, outcome, strerror(-outcome));
        }
}

/* In the same write as the login, so that --once needs one round trip for a look at everything. */
static void start_early(AccountLink *link) {
        if (link->is_early || !link->login || !link->has_capabilities ||
            !imap_login_may_pipeline(link->login) ||
            imap_session_n_unread(connection_session(link->connection)) > 0)
                return;

        link->is_early = true;
        attach(link, IMAP_ENABLED_UNASKED, IMAP_ENABLED_UNASKED);
        if (account_is_whole(link->account))
                account_begin(link->account);
}

/*
 * What the engine asks for first can travel with the login only if the other side is there. So that of the
 * remote side, which may be far away, waits for the local one.
 */
static bool waits_for_other(const AccountLink *link) {
        const AccountLink *other = link->account->links[side_other(link->side)];

        return other && link->side == SIDE_REMOTE && link->has_capabilities &&
               !wants_compress(link) && other->state == LINK_CONNECTING &&
               !imap_replica_is_attached(other->replica);
}

static void login_input(AccountLink *link) {
        if (waits_for_other(link))
                return;
        while (link->login) {
                ImapSession *session = connection_session(link->connection);
                ImapEvent event;
                int r;

                r = imap_session_next(session, &event);
                if (r < 0) {
                        account_lose(link, r, imap_session_error(session));
                        return;
                }
                if (r == 0)
                        break;
                on_outcome(link, imap_login_handle(link->login, session, &event));
                if (!link->connection)
                        return;
        }
        account_log_skipped(link);
        start_early(link);
}

/* The other side is there. */
void account_go_on_with_logins(Account *account) {
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link)) {
                if (!link->login || !link->connection ||
                    imap_session_n_unread(connection_session(link->connection)) == 0)
                        continue;
                login_input(link);
                if (link->connection)
                        connection_flush(link->connection);
        }
}

/* --- callbacks of the connection --- */

static void on_open(Connection *connection, void *userdata) {
        AccountLink *link = userdata;

        uint8_t exporter[TLS_EXPORTER_SIZE];

        link->dialled = account_uptime(); /* its name may have been looked up for long */
        if (link->login && connection_exporter(connection, exporter) == 0)
                imap_login_bind(link->login, (ByteView){(const char *) exporter, sizeof(exporter)});
        explicit_bzero(exporter, sizeof(exporter));
        if (link->login && link->endpoint->tls == TLS_STARTTLS &&
            connection_is_encrypted(connection))
                on_outcome(link, imap_login_go_on(link->login, connection_session(connection)));
}

static void on_input(Connection *connection, void *userdata) {
        AccountLink *link = userdata;

        (void) connection;
        if (link->login)
                login_input(link);
        else
                account_pump(link->account);
}

static void on_output(Connection *connection, void *userdata) {
        AccountLink *link = userdata;

        (void) connection;
        if (!link->login)
                account_pump(link->account);
}

static void on_lost(Connection *connection, int error, const char *why, void *userdata) {
        (void) connection;
        account_lose(userdata, error, why);
}

static const ConnectionHandler connection_handler = {
        .on_open = on_open,
        .on_input = on_input,
        .on_output = on_output,
        .on_lost = on_lost,
};

/* --- connecting --- */

static void dial(AccountLink *link) {
        const Endpoint *endpoint = link->endpoint;
        const bool by_token = endpoint->secret.token_command;
        const ImapLoginOptions options = {
                .user = endpoint->user,
                .password = by_token ? NULL : link->password,
                .token = by_token ? link->password : NULL,
                .has_certificate = endpoint->tls_certificate,
                .auth = endpoint->auth,
                .crypto = &sasl_crypto_openssl,
                .nonce = link->nonce,
                .remembered = link->has_capabilities ? &link->capabilities : NULL,
                .is_encrypted = endpoint->tunnel || endpoint->tls == TLS_IMPLICIT,
                .want_start_tls = !endpoint->tunnel && endpoint->tls == TLS_STARTTLS,
                .want_compress = wants_compress(link),
                .want_enable = !link->account->options.once,
                .want_id = !link->account->options.once,
                .host = endpoint->host,
                .port = endpoint->port,
                .server = link->server,
                .version = IMAPSYNCD_VERSION,
                .overrides = endpoint->overrides,
        };
        int r;

        link->dialled = account_uptime();
        link->is_mistrusted = false;
        r = sasl_nonce(link->nonce);
        if (r >= 0)
                r = imap_login_new(&options, &link->login);
        if (r >= 0)
                r = connection_new(link->account->event, endpoint,
                                   link->account->config->timeout_usec, &connection_handler, link,
                                   &link->connection);
        if (r < 0) {
                account_lose(link, r, strerror(-r));
                return;
        }
        connection_set_name(link->connection, link->title);
}

/* Some time before it ends, so that it does not end under way. One of which nobody has said how long it is
 * good is asked for anew for each connection: its command knows. */
static uint64_t token_until(uint64_t lifetime_usec) {
        const uint64_t margin = MIN(lifetime_usec / 10, 60 * SECOND);

        return lifetime_usec > 0 ? account_uptime() + lifetime_usec - margin : 0;
}

static void on_secret(const char *secret, const char *why, void *userdata) {
        AccountLink *link = userdata;

        const bool is_token = link->endpoint->secret.token_command;

        if (!secret) {
                char sentence[400];

                (void) snprintf(sentence, sizeof(sentence), "no %s: %s",
                                is_token ? "token" : "password", why);
                if (is_token) /* who issues it may be out of reach now */
                        account_lose(link, -EAGAIN, sentence);
                else
                        account_refuse(link, sentence);
                return;
        }
        link->password = (char *) secret;
        if (is_token)
                link->token_until = token_until(secret_lifetime(link->secret));
        dial(link);
}

static bool needs_secret(AccountLink *link) {
        if (link->password && link->endpoint->secret.token_command &&
            account_uptime() >= link->token_until)
                forget_secret(link);
        return link->endpoint->user && endpoint_has_secret(link->endpoint) && !link->password;
}

#define GRACE_USEC ((int64_t) 5 * 1000000)

#define APPEND_MAX ((int64_t) 3600 * 1000000) /* so long one message may take */

/*
 * An upload was cut off: what the server had received by then it may be storing still, after we have
 * looked whether it is there. So give it some time before looking, counted from the loss of the connection,
 * or from our start: a large message may have been under way long after it was written down. Return: usec, 0
 * for none.
 */
static uint64_t upload_grace(AccountLink *link) {
        const int64_t now = account_now();
        int64_t newest, left;

        if (state_db_newest_intent(link->account->db, link->side, &newest) != 0 || newest == 0 ||
            newest > now || now - newest > APPEND_MAX)
                return 0;
        left = link->apart_since + GRACE_USEC - now;
        return left > 0 && left <= GRACE_USEC ? (uint64_t) left : 0;
}

void account_connect(AccountLink *link) {
        Account *account = link->account;
        uint64_t grace;
        int r;

        if (link->connection || account->paused || account->stopping || !account->engine)
                return;
        if (account->holds) {
                account_show_links(account);
                return;
        }
        if (link->secret && !link->password)
                return; /* it is being asked for, and on_secret() goes on */
        if (link->dialled > 0 && account_uptime() - link->dialled < SECOND) {
                account_link_arm(link, link->dialled + SECOND - account_uptime(), SECOND / 10,
                                 on_connect_due); /* never more often, whoever asks */
                return;
        }
        account_link_disarm(link);
        link->retry_usec = 0;
        account_link_set_state(link, LINK_CONNECTING, " ");

        grace = upload_grace(link);
        if (grace > 0) {
                account_link_set_state(
                        link, LINK_CONNECTING,
                        "an upload was interrupted; waiting until the server has finished it");
                account_link_arm(link, grace, 1, on_connect_due);
                return;
        }
        if (!needs_secret(link)) {
                dial(link);
                return;
        }
        link->secret = secret_free(link->secret);
        r = secret_get(account->event, &link->endpoint->secret, SECRET_TIMEOUT_USEC, on_secret,
                       link, &link->secret);
        if (r < 0)
                account_lose(link, r, strerror(-r));
}

void account_connect_all(Account *account) {
        for (AccountLink *link = account_next_link(account, NULL); link;
             link = account_next_link(account, link))
                if (!link->connection)
                        account_connect(link);
}
