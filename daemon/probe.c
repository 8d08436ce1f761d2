/* imapsyncd --probe: one login, one LIST, and what comes of them as lines. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/foreign.h"
#include "config/config.h"
#include "daemon/connection.h"
#include "daemon/log.h"
#include "daemon/probe-input.h"
#include "daemon/probe-list.h"
#include "daemon/probe.h"
#include "daemon/sasl-crypto.h"
#include "daemon/secret.h"
#include "imap/login.h"
#include "sync/wait-ladder.h"

#define SENTENCE_MAX 600

typedef enum ProbeStep {
        PROBE_LOGIN,
        PROBE_LIST,   /* with the status of each mailbox, if the server can do that */
        PROBE_STATUS, /* of each, asked for by itself */
} ProbeStep;

typedef struct Probe {
        sd_event *event;              /* owned */
        const AccountConfig *account; /* borrowed */
        Secret *secret;               /* owned */
        const char *password;         /* borrowed from the secret; or a token */
        char nonce[SASL_NONCE_SIZE];
        Connection *connection; /* owned */
        ImapLogin *login;       /* owned, while it lasts */
        ImapCapabilities capabilities;
        ProbeList list;
        ProbeStep step;
        ImapTag last;  /* the command whose answer ends the step */
        bool is_plain; /* LIST is asked for nothing but names */
        int status;
} Probe;

static void probe_done(Probe *p) {
        connection_free(p->connection);
        imap_login_free(p->login);
        secret_free(p->secret);
        probe_list_done(&p->list);
        sd_event_unref(p->event);
}

/* The last field of a line; foreign text. */
static void print_text(const char *text) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

        if (foreign_append(&out, bytes_of(text), SENTENCE_MAX) == 0 && out.size > 0)
                (void) fwrite(out.data, 1, out.size, stdout);
        putchar('\n');
}

static void probe_end(Probe *p, int status) {
        p->status = status;
        (void) sd_event_exit(p->event, 0);
}

static void probe_refused(Probe *p, bool is_denied, const char *why) {
        printf("refused\t%d\t", is_denied);
        print_text(why);
        probe_end(p, 1);
}

static void probe_lost(Probe *p, const char *why) {
        fputs("lost\t", stdout);
        print_text(why);
        probe_end(p, 1);
}

static bool probe_has(const Probe *p, ImapCapability one) {
        return imap_has(&p->capabilities, one);
}

/* --- what the server says of itself --- */

static const char *rung_word(WaitRung rung) {
        switch (rung) {
        case WAIT_RUNG_NOTIFY:
                return "notify";
        case WAIT_RUNG_IDLE:
                return "idle";
        case WAIT_RUNG_POLL:
                return "poll";
        }

        abort(); /* the switch is complete */
}

static void print_server(const Probe *p) {
        const char *name = imap_login_server(p->login), *why, *changes = "none";
        const WaitRecord nothing_known = {0};
        const WaitRung rung = wait_choose(&nothing_known, &p->capabilities, 0, &why);
        char escaped[200];

        if (probe_has(p, IMAP_CAPABILITY_QRESYNC))
                changes = "qresync";
        else if (probe_has(p, IMAP_CAPABILITY_CONDSTORE))
                changes = "condstore";
        name = name ? name : "";
        printf("server\t%s\t%d\t%s\t%d\t%s\t", rung_word(rung),
               connection_is_encrypted(p->connection), changes,
               probe_has(p, IMAP_CAPABILITY_STATUS_SIZE),
               log_escape(name, strlen(name), escaped, sizeof(escaped)));
        print_text(why);
}

/* --- the mailboxes --- */

static int probe_submit(Probe *p, const Buffer *command) {
        return imap_session_submit(connection_session(p->connection), buffer_view(command),
                                   &p->last);
}

static int ask_for_list(Probe *p) {
        const ProbeAsk ask = {
                .reference = p->account->remote.list_reference,
                .with_size = probe_has(p, IMAP_CAPABILITY_STATUS_SIZE),
                .with_status = !p->is_plain && probe_has(p, IMAP_CAPABILITY_LIST_STATUS),
                .with_special_use = !p->is_plain && probe_has(p, IMAP_CAPABILITY_SPECIAL_USE),
        };
        _cleanup_(buffer_done) Buffer command = BUFFER_NULL;
        int r = probe_list_command(&ask, &command);

        p->step = PROBE_LIST;
        return r < 0 ? r : probe_submit(p, &command);
}

static void finish(Probe *p) {
        _cleanup_(buffer_done) Buffer bye = BUFFER_NULL;

        probe_list_print(&p->list, p->account, probe_has(p, IMAP_CAPABILITY_GMAIL));
        puts("done");
        if (buffer_append_string(&bye, "LOGOUT") == 0)
                (void) probe_submit(p, &bye);
        connection_close(p->connection);
        probe_end(p, 0);
}

/* Those whose status did not come with the list. */
static int ask_for_statuses(Probe *p) {
        const bool with_size = probe_has(p, IMAP_CAPABILITY_STATUS_SIZE);
        size_t n = 0;

        p->step = PROBE_STATUS;
        for (size_t i = 0; i < p->list.n_items; i++) {
                _cleanup_(buffer_done) Buffer command = BUFFER_NULL;
                int r = probe_status_command(&p->list.items[i], with_size, &command);

                if (r == 0)
                        continue;
                if (r > 0)
                        r = probe_submit(p, &command);
                if (r < 0)
                        return r;
                n++;
        }
        if (n == 0)
                finish(p);
        return 0;
}

/* A LIST with options that is refused is asked for without them; a STATUS that is refused tells nothing. */
static int step_answered(Probe *p, const ImapText *text) {
        if (p->step == PROBE_LIST && text->status != IMAP_OK && !p->is_plain) {
                p->is_plain = true;
                return ask_for_list(p);
        }
        if (p->step == PROBE_LIST && text->status != IMAP_OK) {
                probe_lost(p, "the server does not list its mailboxes");
                return 0;
        }
        if (p->step == PROBE_LIST)
                return ask_for_statuses(p);
        finish(p);
        return 0;
}

static int take_event(Probe *p, const ImapEvent *event) {
        if (event->type == IMAP_EVENT_LIST)
                return probe_list_add(&p->list, &event->list);
        if (event->type == IMAP_EVENT_STATUS)
                probe_list_set(&p->list, &event->status);
        if (event->type == IMAP_EVENT_TAGGED && event->tag == p->last)
                return step_answered(p, &event->text);
        return 0;
}

/* --- the login --- */

static void logged_in(Probe *p) {
        int r;

        p->capabilities = imap_login_capabilities(p->login);
        print_server(p);
        p->login = imap_login_free(p->login);
        r = ask_for_list(p);
        if (r < 0)
                probe_lost(p, strerror(-r));
}

static void on_outcome(Probe *p, int outcome) {
        switch (outcome) {
        case IMAP_LOGIN_MORE:
                break;
        case IMAP_LOGIN_START_TLS:
                if (connection_start_tls(p->connection) < 0)
                        probe_refused(p, false, "STARTTLS is not possible here");
                break; /* on_open() goes on */
        case IMAP_LOGIN_READY:
                logged_in(p);
                break;
        case IMAP_LOGIN_REFUSED:
                probe_refused(p, imap_login_is_denied(p->login), imap_login_sentence(p->login));
                break;
        case IMAP_LOGIN_FAILED:
                probe_lost(p, imap_login_sentence(p->login));
                break;
        default: /* a negative errno: DEFLATE was not asked for */
                probe_lost(p, strerror(outcome < 0 ? -outcome : EPROTO));
        }
}

static bool is_over(const Probe *p) {
        return p->status >= 0;
}

static void on_input(Connection *connection, void *userdata) {
        ImapSession *session = connection_session(connection);
        Probe *p = userdata;
        ImapEvent event;
        int r = 0;

        while (!is_over(p) && (r = imap_session_next(session, &event)) > 0) {
                if (p->login)
                        on_outcome(p, imap_login_handle(p->login, session, &event));
                else
                        r = take_event(p, &event);
                if (r < 0)
                        break;
        }
        if (r == -EBADMSG || r == -E2BIG)
                probe_lost(p, imap_session_error(session));
        else if (r < 0)
                probe_lost(p, strerror(-r));
}

static void on_open(Connection *connection, void *userdata) {
        uint8_t exporter[TLS_EXPORTER_SIZE];
        Probe *p = userdata;

        if (connection_exporter(connection, exporter) == 0)
                imap_login_bind(p->login, (ByteView){(const char *) exporter, sizeof(exporter)});
        explicit_bzero(exporter, sizeof(exporter));
        if (p->account->remote.tls == TLS_STARTTLS && connection_is_encrypted(connection))
                on_outcome(p, imap_login_go_on(p->login, connection_session(connection)));
}

static void on_output(Connection *connection, void *userdata) {
        (void) connection, (void) userdata;
}

static void on_lost(Connection *connection, int error, const char *why, void *userdata) {
        (void) connection;

        /* A certificate that is not trusted is for a person to judge, as is a password. */
        if (error == -EKEYREJECTED || error == -ENOKEY)
                probe_refused(userdata, false, why);
        else
                probe_lost(userdata, why);
}

static int dial(Probe *p) {
        static const ConnectionHandler handler = {
                .on_open = on_open,
                .on_input = on_input,
                .on_output = on_output,
                .on_lost = on_lost,
        };
        const Endpoint *endpoint = &p->account->remote;
        const bool by_token = endpoint->secret.token_command;
        const ImapLoginOptions options = {
                .user = endpoint->user,
                .password = by_token ? NULL : p->password,
                .token = by_token ? p->password : NULL,
                .has_certificate = endpoint->tls_certificate,
                .auth = endpoint->auth,
                .crypto = &sasl_crypto_openssl,
                .nonce = p->nonce,
                .is_encrypted = endpoint->tunnel || endpoint->tls == TLS_IMPLICIT,
                .want_start_tls = !endpoint->tunnel && endpoint->tls == TLS_STARTTLS,
                .want_id = true,
                .host = endpoint->host,
                .port = endpoint->port,
                .version = IMAPSYNCD_VERSION,
                .overrides = endpoint->overrides,
        };
        int r = sasl_nonce(p->nonce);

        if (r >= 0)
                r = imap_login_new(&options, &p->login);
        if (r >= 0)
                r = connection_new(p->event, endpoint, p->account->timeout_usec, &handler, p,
                                   &p->connection);
        if (r >= 0)
                connection_set_name(p->connection, p->account->name);
        return r;
}

static void on_secret(const char *secret, const char *why, void *userdata) {
        char sentence[SENTENCE_MAX];
        Probe *p = userdata;
        int r;

        if (!secret) {
                (void) snprintf(sentence, sizeof(sentence), "no %s: %s",
                                p->account->remote.secret.token_command ? "token" : "password",
                                why);
                probe_refused(p, false, sentence);
                return;
        }
        p->password = secret;
        r = dial(p);
        if (r < 0)
                probe_lost(p, strerror(-r));
}

int probe_run(void) {
        _cleanup_(probe_done) Probe p = {.status = -1};
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        if (probe_input(&config) < 0)
                return 2;
        p.account = &config->accounts[0];
        r = sd_event_default(&p.event);
        if (r >= 0 && endpoint_has_secret(&p.account->remote))
                r = secret_get(p.event, &p.account->remote.secret, SECRET_TIMEOUT_USEC, on_secret,
                               &p, &p.secret);
        else if (r >= 0)
                r = dial(&p);
        if (r >= 0)
                r = sd_event_loop(p.event);
        if (r < 0)
                return log_error_errno(r, "cannot try the login: %m") < 0;
        return fflush(stdout) == 0 ? p.status : 1;
}
