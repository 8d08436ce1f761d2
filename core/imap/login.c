/*
 * From the greeting to a logged-in session.
 *
 * Two sets of capabilities must not be mixed: what is offered before the login (RFC 9051 section
 * 7.2.2: only good for choosing how to log in, and void once TLS is up) and what holds after it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/foreign.h"
#include "imap/login-private.h"

/* So much of the server's words is shown. */
#define WORDS_MAX 200

int imap_login_new(const ImapLoginOptions *options, ImapLogin **ret_login) {
        ImapLogin *login = malloc(sizeof(*login));

        if (!login)
                return -ENOMEM;

        *login = (ImapLogin){.options = *options};
        if (options->remembered) {
                login->remembered = *options->remembered;
                login->options.remembered = &login->remembered;
        }

        if (options->server) {
                login->server = bytes_dup(bytes_of(options->server));
                if (!login->server) {
                        free(login);
                        return -ENOMEM;
                }
        }

        *ret_login = login;
        return 0;
}

ImapLogin *imap_login_free(ImapLogin *login) {
        if (!login)
                return NULL;

        scram_free(login->scram);
        explicit_bzero(login->binding, sizeof(login->binding));
        buffer_done(&login->problem);
        free(login->nonce);
        free(login->notice);
        free(login->greeting);
        free(login->server);
        free(login->sentence);
        free(login);
        return NULL;
}

int login_give_up(ImapLogin *login, ImapLoginOutcome outcome, const char *what, ByteView words) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        int r;

        r = buffer_append_string(&out, what);
        if (r == 0 && words.size > 0)
                r = buffer_append_string(&out, ": “");
        if (r == 0)
                r = foreign_append(&out, words, WORDS_MAX);
        if (r == 0 && words.size > 0)
                r = buffer_append_string(&out, "”");
        if (r < 0)
                return r;

        free(login->sentence);
        login->sentence = buffer_steal_string(&out);
        if (!login->sentence)
                return -ENOMEM;

        login->step = LOGIN_STEP_OVER;
        login->outcome = outcome;
        return (int) outcome;
}

ImapCapabilities login_capabilities(const ImapLogin *login) {
        ImapCapabilities result = login->has_fresh ? login->fresh : login->remembered;

        imap_capabilities_remove(&result,
                                 imap_quirks_unusable(login->quirks, &login->options.overrides));
        return result;
}

static void recognise(ImapLogin *login, ImapSession *session) {
        const ImapOverrides *overrides = &login->options.overrides;
        const ImapServer server = {
                .host = bytes_of(login->options.host),
                .greeting = bytes_of(login->greeting),
                .id = bytes_of(login->server),
        };

        login->quirks = imap_quirks_of(&server, overrides);
        imap_session_set_limit(session, imap_quirks_n_commands(login->quirks, overrides));
}

static int on_greeting(ImapLogin *login, ImapSession *session, const ImapText *text) {
        const bool has_capabilities = text->code == IMAP_CODE_CAPABILITY;

        login->greeting = bytes_dup(text->text);
        if (!login->greeting)
                return -ENOMEM;
        recognise(login, session);
        switch (text->status) {
        case IMAP_OK:
                login->has_offered = has_capabilities;
                login->offered = text->capabilities;
                return login_begin(login, session);

        case IMAP_PREAUTH:
                /* RFC 9051 section 11.1: STARTTLS is impossible now, and an attacker in between
                 * could have said this. */
                if (login->options.want_start_tls && !login->options.is_encrypted)
                        return login_give_up(
                                login, IMAP_LOGIN_REFUSED,
                                "the server skips the login, which leaves no room for the "
                                "STARTTLS that is configured",
                                BYTES_NULL);
                login->has_fresh = has_capabilities;
                login->fresh = text->capabilities;
                login->is_authenticated = true;
                return login_finish(login, session);

        case IMAP_NO:
        case IMAP_BAD:
        case IMAP_BYE:
                login->back_off = imap_back_off(text);
                return login_give_up(login, IMAP_LOGIN_FAILED, "the server does not want us now",
                                     text->text);
        }

        abort(); /* the switch is complete */
}

/* RFC 5530. A bare NO is how most servers refuse a password; BAD is no judgement on it. */
static ImapLoginOutcome judge(const ImapText *text) {
        if (text->code == IMAP_CODE_SERVERBUG || imap_back_off(text).scope != IMAP_BACK_OFF_NONE)
                return IMAP_LOGIN_FAILED;

        return text->status == IMAP_NO ? IMAP_LOGIN_REFUSED : IMAP_LOGIN_FAILED;
}

/* What a proxy says of itself is not what the server behind it can do: only what was asked for is. */
static void take_fresh(ImapLogin *login, const ImapCapabilities *said) {
        if (imap_quirks_have(login->quirks, IMAP_QUIRK_LATE_CAPABILITIES) &&
            login->capability_tag == 0)
                return;

        login->has_fresh = true;
        login->fresh = *said;
}

/* What was refused, and what to do about it where that is not plain. */
static const char *refused(const ImapLogin *login) {
        switch (login->method) {
        case LOGIN_METHOD_SCRAM_SHA_1:
        case LOGIN_METHOD_SCRAM_SHA_256:
        case LOGIN_METHOD_SCRAM_SHA_1_PLUS:
        case LOGIN_METHOD_SCRAM_SHA_256_PLUS:
                return login->options.is_encrypted && login->options.auth == IMAP_AUTH_AUTOMATIC
                               ? "the server refuses the user name or password by SCRAM (where "
                                 "they "
                                 "are right and it cannot use them in that way, “auth = plain” "
                                 "helps)"
                               : "the server refuses the user name or password by SCRAM";
        case LOGIN_METHOD_XOAUTH2:
        case LOGIN_METHOD_OAUTHBEARER:
                return "the server refuses the token";
        case LOGIN_METHOD_EXTERNAL:
                return "the server refuses the user name or certificate";
        case LOGIN_METHOD_NONE:
        case LOGIN_METHOD_LOGIN:
        case LOGIN_METHOD_PLAIN:
        case LOGIN_METHOD_SASL_LOGIN:
        case LOGIN_METHOD_CRAM_MD5:
                return "the server refuses the user name or password";
        }

        abort(); /* the switch is complete */
}

static int on_login_tagged(ImapLogin *login, const ImapText *text) {
        if (text->status == IMAP_OK && !login_sasl_is_complete(login)) {
                login->assumed = false;
                return login_give_up(login, IMAP_LOGIN_REFUSED,
                                     "the server says yes, but does not prove that it knows the "
                                     "password: it may be another one that pretends to be it",
                                     BYTES_NULL);
        }
        if (text->status == IMAP_OK) {
                if (text->code == IMAP_CODE_CAPABILITY)
                        take_fresh(login, &text->capabilities);
                login->is_authenticated = true;
                return IMAP_LOGIN_MORE;
        }

        login->refusal = judge(text);
        login->back_off = imap_back_off(text);
        return login_give_up(login, login->refusal,
                             login->refusal == IMAP_LOGIN_REFUSED ? refused(login)
                                                                  : "the server cannot log in now",
                             login->problem.size > 0 ? buffer_view(&login->problem) : text->text);
}

/*
 * A refusal of a way to log in that was only assumed: ask what is offered, and try again if that
 * gives another way. The answers to what was said behind the login are consequences of it and are
 * waited for first.
 */
static int retry_assumed(ImapLogin *login, ImapSession *session) {
        login->id_sent = login->enable_sent = login->compress_sent = false;
        login->has_fresh = false;
        login->qresync = login->uidonly = IMAP_ENABLED_UNASKED;
        return login_ask_offered(login, session);
}

/* What is offered is known now. */
static int on_offered(ImapLogin *login, ImapSession *session) {
        const LoginMethod tried = login->method;

        if (!login->has_offered)
                return login_give_up(login, IMAP_LOGIN_FAILED,
                                     "the server does not say what it can do", BYTES_NULL);

        if (login->sentence) {
                LoginMethod now;
                int r = login_choose(login, &now);

                if (r < 0)
                        return r;
                if (now == tried || now == LOGIN_METHOD_NONE) {
                        login->step = LOGIN_STEP_OVER;
                        return (int) login->refusal;
                }
        }

        return login_begin(login, session);
}

static int on_start_tls(ImapLogin *login, const ImapText *text) {
        if (text->status != IMAP_OK)
                return login_give_up(login, IMAP_LOGIN_FAILED, "the server refuses STARTTLS",
                                     text->text);

        login->step = LOGIN_STEP_TLS;
        return IMAP_LOGIN_START_TLS;
}

static bool is_under_way(const ImapLogin *login) {
        return login->login_tag > 0 || login->id_tag > 0 || login->enable_tag > 0 ||
               login->compress_tag > 0 || login->capability_tag > 0;
}

/* After a tagged response of the login or of what follows it. */
static int go_on(ImapLogin *login, ImapSession *session) {
        if (is_under_way(login))
                return IMAP_LOGIN_MORE;
        if (!login->is_authenticated)
                return retry_assumed(login, session);

        return login_finish(login, session);
}

static int on_tagged(ImapLogin *login, ImapSession *session, const ImapEvent *event) {
        const ImapText *text = &event->text;
        int r;

        if (event->tag == login->start_tls_tag) {
                login->start_tls_tag = 0;
                return on_start_tls(login, text);
        }

        if (event->tag == login->login_tag) {
                login->login_tag = 0;
                login->step = LOGIN_STEP_AUTHENTICATE;
                r = on_login_tagged(login, text);
                if (r != IMAP_LOGIN_MORE && !login->assumed)
                        return r;
                if (r < 0)
                        return r;
        } else if (event->tag == login->id_tag) {
                login->id_tag = 0;
        } else if (event->tag == login->enable_tag) {
                login->enable_tag = 0;
                if (login->qresync != IMAP_ENABLED_ON)
                        login->qresync = IMAP_ENABLED_OFF;
                if (login->uidonly != IMAP_ENABLED_ON)
                        login->uidonly = IMAP_ENABLED_OFF;
        } else if (event->tag == login->compress_tag) {
                login->compress_tag = 0;
                if (text->status == IMAP_OK && login->is_authenticated) {
                        login->step = LOGIN_STEP_DEFLATE;
                        return IMAP_LOGIN_START_DEFLATE;
                }
        } else if (event->tag == login->capability_tag) {
                login->capability_tag = 0;
                if (!login->is_authenticated)
                        return on_offered(login, session);
                login->has_fresh = true;
        }

        return go_on(login, session);
}

/* Before or after the login, as it has come. */
static void on_capability(ImapLogin *login, const ImapCapabilities *said) {
        if (login->step < LOGIN_STEP_CONTINUATION) {
                login->has_offered = true;
                login->offered = *said;
        } else
                take_fresh(login, said);
}

static int on_continuation(ImapLogin *login, ImapSession *session, ByteView challenge) {
        _cleanup_(buffer_wipe) Buffer response = BUFFER_NULL;
        int said, r;

        /* A challenge where none belongs: give it up (RFC 9051 section 6.2.2), the tagged response
         * follows. */
        if (login->step != LOGIN_STEP_CONTINUATION)
                return imap_session_submit_line(session, BYTES("*"));

        said = login_sasl_answer(login, challenge, &response);
        if (said < 0)
                return said;
        if (said == LOGIN_SASL_E_PEER)
                r = imap_session_submit_line(session, BYTES("*"));
        else
                r = imap_session_submit_line(session, buffer_view(&response));
        if (r < 0)
                return r;
        if (said == LOGIN_SASL_E_PEER)
                return (int) login->outcome;
        if (said == LOGIN_SASL_MORE)
                return IMAP_LOGIN_MORE;

        login->step = LOGIN_STEP_AUTHENTICATE;
        return login_is_alone(login) ? 0 : login_submit_extras(login, session);
}

static int on_text(ImapLogin *login, const ImapText *text) {
        login->back_off = imap_back_off(text);
        if (text->status == IMAP_BYE)
                return login_give_up(login, IMAP_LOGIN_FAILED, "the server closes the connection",
                                     text->text);
        if (text->code == IMAP_CODE_CAPABILITY)
                on_capability(login, &text->capabilities);

        return IMAP_LOGIN_MORE;
}

static int on_id(ImapLogin *login, ImapSession *session, ByteView name) {
        free(login->server);
        login->server = bytes_dup(name);
        if (!login->server)
                return -ENOMEM;

        recognise(login, session);
        return IMAP_LOGIN_MORE;
}

int imap_login_handle(ImapLogin *login, ImapSession *session, const ImapEvent *event) {
        switch (event->type) {
        case IMAP_EVENT_GREETING:
                return on_greeting(login, session, &event->text);

        case IMAP_EVENT_TAGGED:
                return on_tagged(login, session, event);

        case IMAP_EVENT_CONTINUATION:
                return on_continuation(login, session, event->text.text);

        case IMAP_EVENT_TEXT:
                return on_text(login, &event->text);

        case IMAP_EVENT_CAPABILITY:
                on_capability(login, &event->text.capabilities);
                return IMAP_LOGIN_MORE;

        case IMAP_EVENT_ENABLED:
                if (imap_has(&event->text.capabilities, IMAP_CAPABILITY_QRESYNC))
                        login->qresync = IMAP_ENABLED_ON;
                if (imap_has(&event->text.capabilities, IMAP_CAPABILITY_UIDONLY))
                        login->uidonly = IMAP_ENABLED_ON;
                return IMAP_LOGIN_MORE;

        case IMAP_EVENT_ID:
                return on_id(login, session, event->text.text);

        default:
                return IMAP_LOGIN_MORE; /* nothing else can matter here */
        }
}

void imap_login_bind(ImapLogin *login, ByteView exporter) {
        login->has_binding = exporter.size == sizeof(login->binding);
        if (login->has_binding)
                memcpy(login->binding, exporter.data, exporter.size);
}

int imap_login_go_on(ImapLogin *login, ImapSession *session) {
        if (login->step == LOGIN_STEP_DEFLATE)
                return login_finish(login, session);

        /* RFC 9051 section 6.2.1: what was said in clear is void. */
        login->options.is_encrypted = true;
        login->has_offered = false;
        login->offered = (ImapCapabilities){0};
        return login_authenticate(login, session);
}

bool imap_login_may_pipeline(const ImapLogin *login) {
        return login->step == LOGIN_STEP_AUTHENTICATE && login->options.remembered &&
               !login->assumed && !login->options.want_compress && !login_is_alone(login);
}

ImapCapabilities imap_login_capabilities(const ImapLogin *login) {
        const uint64_t before = imap_capabilities_of_login();
        const uint64_t said = (login->has_offered ? login->offered : login->remembered).bits;
        ImapCapabilities result = login_capabilities(login);

        /* That the first answer may come at once is of use before the login only; not all say it after it. */
        result.bits &= ~before;
        result.bits |= said & (before | (uint64_t) 1 << IMAP_CAPABILITY_SASL_IR);
        return result;
}

ImapEnabled imap_login_qresync(const ImapLogin *login) {
        return login->qresync;
}

ImapEnabled imap_login_uidonly(const ImapLogin *login) {
        return login->uidonly;
}

ImapQuirks imap_login_quirks(const ImapLogin *login) {
        return login->quirks;
}

const char *imap_login_server(const ImapLogin *login) {
        return login->server;
}

ImapBackOff imap_login_back_off(const ImapLogin *login) {
        return login->back_off;
}

bool imap_login_is_denied(const ImapLogin *login) {
        return login->refusal == IMAP_LOGIN_REFUSED;
}

bool imap_login_used_token(const ImapLogin *login) {
        return login_method_is_oauth(login->method);
}

const char *imap_login_notice(const ImapLogin *login) {
        return login->notice;
}

const char *imap_login_sentence(const ImapLogin *login) {
        return login->sentence ? login->sentence : "";
}
