/* An account: connecting, logging in, losing the connection, trying again. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "daemon/account-private.h"
#include "daemon/log.h"

#define SECOND ((uint64_t) 1000000)

void account_disconnect(Account *account) {
        ConnectionTraffic traffic;

        if (account->is_attached) {
                (void) engine_interrupt(account->engine);
                imap_replica_detach(account->remote);
        }
        account->is_attached = account->is_early = account->is_compressed = false;
        account->login = imap_login_free(account->login);
        account->mode = WAIT_NONE;
        account->is_polling = account->idle_failed = account->is_throttled = false;
        account->silence = 0;
        account->n_skipped = 0;
        account->connected_usec = 0;
        engine_hold(account->engine, true);

        if (account->connection) {
                traffic = connection_traffic(account->connection);
                account->traffic_before.bytes_in += traffic.bytes_in;
                account->traffic_before.bytes_out += traffic.bytes_out;
                connection_close(account->connection);
                connection_free(account->closed); /* not the one whose callback this may be */
                account->closed = TAKE_PTR(account->connection);
                (void) sd_event_source_set_enabled(account->pump, SD_EVENT_ONESHOT);
        }
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
static void say_and_disconnect(Account *account, AccountState state, const char *why) {
        account_set_state(account, state, "%s", why);
        account_disconnect(account);
}

void account_refuse(Account *account, const char *why) {
        say_and_disconnect(account, ACCOUNT_STATE_REFUSED, why);
        account->secret = secret_free(account->secret);
        account->password = NULL;
        account->retry_usec = 0;
        account_disarm(account);
        log_error("%s: %s", account_name(account), account->sentence);
        if (account->options.once)
                account_finish(account);
}

/* Connecting again is part of the day's work if the server has only ended a session that it found long
 * enough. */
static void say_when(Account *account, int error, uint64_t usec) {
        const bool is_routine = error == -ESHUTDOWN;
        char sentence[300];

        account->retry_usec = account_now() + (int64_t) usec;
        (void) snprintf(sentence, sizeof(sentence), "%.280s", account->sentence);
        account_set_state(account, ACCOUNT_STATE_WAITING, "%s; %s again in %llu s", sentence,
                          is_routine ? "connecting" : "trying",
                          (unsigned long long) (usec / SECOND));
        if (is_routine)
                log_info("%s: %s", account_name(account), account->sentence);
        else
                log_warning("%s: %s", account_name(account), account->sentence);
        account_arm(account, usec, SECOND, account_connect);
}

void account_lose(Account *account, int error, const char *why) {
        uint64_t usec, told;

        if (error == -EKEYREJECTED) {
                account_refuse(account, why);
                return;
        }
        account_on_dead(account, error);
        told = account_told_to_stay_away(account);
        say_and_disconnect(account, ACCOUNT_STATE_WAITING, why);
        if (account->options.once) {
                log_error("%s: %s", account_name(account), account->sentence);
                account_finish(account);
                return;
        }

        usec = back_off(account->n_attempts++);
        say_when(account, error, MAX(usec, told));
}

/* --- the login --- */

static void attach(Account *account, ImapEnabled qresync, ImapEnabled uidonly) {
        imap_replica_attach(account->remote, connection_session(account->connection),
                            &account->capabilities, qresync, uidonly,
                            imap_login_quirks(account->login));
        account->is_attached = true;
        engine_hold(account->engine, false);
        (void) engine_list(account->engine);
}

static bool capabilities_differ(const Account *account) {
        const ImapCapabilities now = imap_login_capabilities(account->login);

        return now.bits != account->capabilities.bits;
}

static void logged_in(Account *account) {
        if (account->is_early && capabilities_differ(account)) {
                /* What was asked for behind the login rests on what is no longer so. */
                account_learn_login(account);
                account_disconnect(account);
                account_arm(account, 1, 1, account_connect);
                return;
        }

        account_learn_login(account);
        if (!account->is_early)
                attach(account, imap_login_qresync(account->login),
                       imap_login_uidonly(account->login));
        account->login = imap_login_free(account->login);
        account->n_refusals = 0;
        account->retry_usec = 0;
        account->connected_usec = account_now();
        account_disarm(account);
        account_set_state(account, ACCOUNT_STATE_SYNCING, " ");
        log_info("%s: connected%s%s", account_name(account),
                 connection_is_encrypted(account->connection) ? ", encrypted" : "",
                 account->is_compressed ? ", compressed" : "");
        account_pump(account);
}

#define REFUSALS_MAX 3u
#define REFUSED_USEC (10 * SECOND)

/* Some servers (Yahoo) refuse a good password now and then. Where a login has worked before, it is tried
 * again a few times, with the secret asked for anew, before a person is asked. */
static void on_refused(Account *account) {
        char why[300];

        if (account->options.once || !account->has_capabilities || !account->password ||
            !imap_login_is_denied(account->login) || account->n_refusals >= REFUSALS_MAX) {
                account_refuse(account, imap_login_sentence(account->login));
                return;
        }

        (void) snprintf(why, sizeof(why), "%.200s (it took one before)",
                        imap_login_sentence(account->login));
        say_and_disconnect(account, ACCOUNT_STATE_WAITING, why);
        account->secret = secret_free(account->secret);
        account->password = NULL;
        say_when(account, -EACCES, REFUSED_USEC << account->n_refusals++);
}

static void on_outcome(Account *account, int outcome) {
        int r;

        switch (outcome) {
        case IMAP_LOGIN_MORE:
                break;
        case IMAP_LOGIN_START_TLS:
                r = connection_start_tls(account->connection);
                if (r < 0)
                        account_refuse(account, "STARTTLS is not possible here");
                break; /* on_open() goes on */
        case IMAP_LOGIN_START_DEFLATE:
                account->is_compressed = true;
                if (connection_start_deflate(account->connection) < 0)
                        account_lose(account, -ENOMEM, "out of memory");
                else
                        on_outcome(account,
                                   imap_login_go_on(account->login,
                                                    connection_session(account->connection)));
                break;
        case IMAP_LOGIN_READY:
                logged_in(account);
                break;
        case IMAP_LOGIN_REFUSED:
                on_refused(account);
                break;
        case IMAP_LOGIN_FAILED:
                account_lose(account, -EAGAIN, imap_login_sentence(account->login));
                break;
        default:
                account_lose(account, outcome, strerror(-outcome));
        }
}

/* In the same write as the login, so that --once needs one round trip for a look at everything. */
static void start_early(Account *account) {
        if (account->is_early || !account->login || !account->has_capabilities ||
            !imap_login_may_pipeline(account->login) ||
            imap_session_n_unread(connection_session(account->connection)) > 0)
                return;

        account->is_early = true;
        attach(account, IMAP_ENABLED_UNASKED, IMAP_ENABLED_UNASKED);
        (void) engine_pump(account->engine, account_now());
}

static void login_input(Account *account) {
        while (account->login) {
                ImapSession *session = connection_session(account->connection);
                ImapEvent event;
                int r;

                r = imap_session_next(session, &event);
                if (r < 0) {
                        account_lose(account, r, imap_session_error(session));
                        return;
                }
                if (r == 0)
                        break;
                on_outcome(account, imap_login_handle(account->login, session, &event));
                if (!account->connection)
                        return;
        }
        account_log_skipped(account);
        start_early(account);
}

/* --- callbacks of the connection --- */

static void on_open(Connection *connection, void *userdata) {
        Account *account = userdata;

        if (account->login && account->config->remote.tls == TLS_STARTTLS &&
            connection_is_encrypted(connection))
                on_outcome(account,
                           imap_login_go_on(account->login, connection_session(connection)));
}

static void on_input(Connection *connection, void *userdata) {
        Account *account = userdata;

        (void) connection;
        if (account->login)
                login_input(account);
        else
                account_pump(account);
}

static void on_output(Connection *connection, void *userdata) {
        Account *account = userdata;

        (void) connection;
        if (!account->login)
                account_pump(account);
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

/* A session for --once pays for COMPRESS only if it has more to read than that costs. */
static bool wants_compress(const Account *account) {
        return !account->options.once || !account->has_capabilities ||
               engine_totals(account->engine).mailboxes > 8;
}

static void dial(Account *account) {
        const Endpoint *remote = &account->config->remote;
        const ImapLoginOptions options = {
                .user = remote->user,
                .password = account->password,
                .remembered = account->has_capabilities ? &account->capabilities : NULL,
                .is_encrypted = remote->tunnel || remote->tls == TLS_IMPLICIT,
                .want_start_tls = !remote->tunnel && remote->tls == TLS_STARTTLS,
                .want_compress = wants_compress(account),
                .want_enable = !account->options.once,
                .want_id = !account->options.once,
                .host = remote->host,
                .server = account->server,
                .version = IMAPSYNCD_VERSION,
                .overrides = remote->overrides,
        };
        int r;

        account->dialled = account_uptime();
        r = imap_login_new(&options, &account->login);
        if (r >= 0)
                r = connection_new(account->event, remote, account->config->timeout_usec,
                                   &connection_handler, account, &account->connection);
        if (r < 0) {
                account_lose(account, r, strerror(-r));
                return;
        }
        connection_set_name(account->connection, account_name(account));
}

static void on_secret(const char *secret, const char *why, void *userdata) {
        Account *account = userdata;

        if (!secret) {
                char sentence[400];

                (void) snprintf(sentence, sizeof(sentence), "no password: %s", why);
                account_refuse(account, sentence);
                return;
        }
        account->password = (char *) secret;
        dial(account);
}

#define GRACE_USEC ((int64_t) 5 * 1000000)

/*
 * An upload was cut off: what the server had received by then it may be storing still, after we have
 * looked whether it is there. So give it some time before looking. Return: usec, 0 for none.
 */
static uint64_t upload_grace(Account *account) {
        int64_t newest, left;

        if (state_db_newest_intent(account->db, &newest) != 0 || newest == 0)
                return 0;
        left = newest + GRACE_USEC - account_now();
        return left > 0 && left <= GRACE_USEC ? (uint64_t) left : 0;
}

void account_connect(Account *account) {
        const Endpoint *remote = &account->config->remote;
        uint64_t grace;
        int r;

        if (account->connection || account->paused || account->stopping || !account->engine)
                return;
        if (account->dialled > 0 && account_uptime() - account->dialled < SECOND) {
                account_arm(account, account->dialled + SECOND - account_uptime(), SECOND / 10,
                            account_connect); /* never more often, whoever asks */
                return;
        }
        account_disarm(account);
        account->retry_usec = 0;
        account_set_state(account, ACCOUNT_STATE_CONNECTING, " ");

        grace = upload_grace(account);
        if (grace > 0) {
                account_set_state(
                        account, ACCOUNT_STATE_CONNECTING,
                        "an upload was interrupted; waiting until the server has finished it");
                account_arm(account, grace, 1, account_connect);
                return;
        }
        if (!remote->user || account->password) {
                dial(account);
                return;
        }
        account->secret = secret_free(account->secret);
        r = secret_get(account->event, &remote->secret, SECRET_TIMEOUT_USEC, on_secret, account,
                       &account->secret);
        if (r < 0)
                account_lose(account, r, strerror(-r));
}
