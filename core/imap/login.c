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
#include "imap/login-method.h"

/* So much of the server's words is shown. */
#define WORDS_MAX 200

typedef enum LoginStep {
        LOGIN_STEP_GREETING,     /* wait for it */
        LOGIN_STEP_OFFERED,      /* CAPABILITY before the login is under way */
        LOGIN_STEP_START_TLS,    /* STARTTLS is under way */
        LOGIN_STEP_TLS,          /* the owner's turn */
        LOGIN_STEP_CONTINUATION, /* AUTHENTICATE without initial response: wait for "+" */
        LOGIN_STEP_AUTHENTICATE, /* the login and what follows it are under way */
        LOGIN_STEP_EXTRAS,       /* logged in; CAPABILITY, ENABLE or COMPRESS are under way */
        LOGIN_STEP_DEFLATE,      /* the owner's turn */
        LOGIN_STEP_OVER,
} LoginStep;

struct ImapLogin {
        ImapLoginOptions options; /* user and password borrowed; remembered points to the copy */
        ImapCapabilities remembered;

        LoginStep step;
        LoginMethod method;
        bool has_offered, has_fresh;
        bool assumed; /* the way to log in was chosen by what is remembered, not by what is offered */
        ImapCapabilities offered; /* before the login, on the connection as it is now */
        ImapCapabilities fresh;   /* after the login */

        ImapTag login_tag, id_tag, enable_tag, compress_tag; /* 0: not under way */
        ImapTag capability_tag, start_tls_tag;
        bool id_sent, enable_sent, compress_sent, is_authenticated;
        ImapEnabled qresync, uidonly;
        char *greeting, *server; /* owned; NULL: not known */
        ImapQuirks quirks;

        ImapLoginOutcome refusal; /* of the login: REFUSED or FAILED */
        char *sentence;           /* owned */
        ImapBackOff back_off;
};

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

        free(login->greeting);
        free(login->server);
        free(login->sentence);
        free(login);
        return NULL;
}

/* The login is over without success. @words: what the server said, or nothing. */
static int give_up(ImapLogin *login, ImapLoginOutcome outcome, const char *what, ByteView words) {
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
        return (int) outcome;
}

/* What may be relied on after the login. */
static ImapCapabilities capabilities(const ImapLogin *login) {
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

/* Return: 0 with @out as login_method_choose() has it, or -ENOMEM. */
static int choose_method(ImapLogin *login, Buffer *out) {
        ImapCapabilities offered = login->has_offered ? login->offered : login->remembered;

        imap_capabilities_remove(&offered, login->options.overrides.disabled);
        return login_method_choose(&login->options, &offered, &login->method, out);
}

/* Who we are, to a server that lets nobody in without; else nothing of it, and only to get the answer. */
static int submit_id(ImapLogin *login, ImapSession *session, const ImapCapabilities *has) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        const bool must = imap_quirks_have(login->quirks, IMAP_QUIRK_WANTS_ID);
        int r;

        if (login->id_sent || !(must || (login->options.want_id && !login->server &&
                                         imap_has(has, IMAP_CAPABILITY_ID))))
                return 0;

        if (must)
                r = buffer_append_format(&out, "ID (\"name\" \"imapsyncd\" \"version\" \"%s\")",
                                         login->options.version ? login->options.version : "0");
        else
                r = buffer_append_string(&out, "ID NIL");
        if (r == 0)
                r = imap_session_submit(session, buffer_view(&out), &login->id_tag);
        login->id_sent = r == 0;
        return r;
}

/* Nothing travels with the login where the server would throw it away. */
static bool is_alone(const ImapLogin *login) {
        return imap_quirks_have(login->quirks, IMAP_QUIRK_LOGIN_ALONE);
}

/* What follows the login: COMPRESS last, since nothing may be said behind it before its answer. */
static int submit_extras(ImapLogin *login, ImapSession *session) {
        const ImapCapabilities has = capabilities(login);
        const char *enable = imap_enable_command(&has);
        int r;

        r = submit_id(login, session, &has);
        if (r < 0)
                return r;

        if (login->options.want_enable && !login->enable_sent && enable) {
                r = imap_session_submit(session, bytes_of(enable), &login->enable_tag);
                if (r < 0)
                        return r;
                login->enable_sent = true;
        }

        if (login->options.want_compress && !login->compress_sent &&
            imap_has(&has, IMAP_CAPABILITY_COMPRESS_DEFLATE)) {
                r = imap_session_submit(session, BYTES("COMPRESS DEFLATE"), &login->compress_tag);
                if (r < 0)
                        return r;
                login->compress_sent = true;
        }

        return 0;
}

static int ask_offered(ImapLogin *login, ImapSession *session) {
        login->step = LOGIN_STEP_OFFERED;
        return imap_session_submit(session, BYTES("CAPABILITY"), &login->capability_tag);
}

static int no_method(ImapLogin *login) {
        if (imap_has(&login->offered, IMAP_CAPABILITY_LOGINDISABLED) &&
            imap_has(&login->offered, IMAP_CAPABILITY_STARTTLS))
                return give_up(
                        login, IMAP_LOGIN_REFUSED,
                        "the server allows no login without TLS, which it offers by STARTTLS",
                        BYTES_NULL);

        return give_up(login, IMAP_LOGIN_REFUSED,
                       "the server offers no way to log in with this user name and password",
                       BYTES_NULL);
}

/*
 * Log in as soon as it is known how. What is remembered may stand in for what is offered, but only
 * where nobody can listen: a server that disables LOGIN in clear must not get it.
 */
static int authenticate(ImapLogin *login, ImapSession *session) {
        _cleanup_(buffer_wipe) Buffer command = BUFFER_NULL;
        int r;

        if (!login->has_offered && !(login->options.is_encrypted && login->options.remembered))
                return ask_offered(login, session);
        login->assumed = !login->has_offered;

        r = choose_method(login, &command);
        if (r < 0)
                return r;

        switch (login->method) {
        case LOGIN_METHOD_NONE:
                return login->assumed ? ask_offered(login, session) : no_method(login);

        case LOGIN_METHOD_PLAIN:
                login->step = LOGIN_STEP_CONTINUATION;
                return imap_session_submit(session, BYTES("AUTHENTICATE PLAIN"), &login->login_tag);

        case LOGIN_METHOD_LOGIN:
        case LOGIN_METHOD_PLAIN_INITIAL:
                login->step = LOGIN_STEP_AUTHENTICATE;
                r = imap_session_submit(session, buffer_view(&command), &login->login_tag);
                return r < 0 || is_alone(login) ? r : submit_extras(login, session);
        }

        abort(); /* the switch is complete */
}

static int start_tls(ImapLogin *login, ImapSession *session) {
        if (!login->has_offered)
                return ask_offered(login, session);
        if (!imap_has(&login->offered, IMAP_CAPABILITY_STARTTLS))
                return give_up(login, IMAP_LOGIN_REFUSED,
                               "the server does not offer STARTTLS; nothing was sent in clear",
                               BYTES_NULL);

        login->step = LOGIN_STEP_START_TLS;
        return imap_session_submit(session, BYTES("STARTTLS"), &login->start_tls_tag);
}

/* Before the login: TLS first, where it is wanted. */
static int begin(ImapLogin *login, ImapSession *session) {
        if (login->options.want_start_tls && !login->options.is_encrypted)
                return start_tls(login, session);

        return authenticate(login, session);
}

/* Logged in, and nothing of the login is under way. */
static int finish(ImapLogin *login, ImapSession *session) {
        int r;

        login->step = LOGIN_STEP_EXTRAS;

        if (!login->has_fresh && !login->options.remembered)
                return imap_session_submit(session, BYTES("CAPABILITY"), &login->capability_tag);

        if (login->options.want_compress || is_alone(login) ||
            imap_quirks_have(login->quirks, IMAP_QUIRK_WANTS_ID)) {
                r = submit_extras(login, session);
                if (r < 0 || login->compress_tag > 0 || login->enable_tag > 0 || login->id_tag > 0)
                        return r;
        }

        /* A server that does not volunteer its capabilities is asked, for the next time, but not
         * waited for. */
        if (!login->has_fresh) {
                ImapTag tag;

                r = imap_session_submit(session, BYTES("CAPABILITY"), &tag);
                if (r < 0)
                        return r;
        }

        login->step = LOGIN_STEP_OVER;
        return IMAP_LOGIN_READY;
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
                return begin(login, session);

        case IMAP_PREAUTH:
                /* RFC 9051 section 11.1: STARTTLS is impossible now, and an attacker in between
                 * could have said this. */
                if (login->options.want_start_tls && !login->options.is_encrypted)
                        return give_up(login, IMAP_LOGIN_REFUSED,
                                       "the server skips the login, which leaves no room for the "
                                       "STARTTLS that is configured",
                                       BYTES_NULL);
                login->has_fresh = has_capabilities;
                login->fresh = text->capabilities;
                login->is_authenticated = true;
                return finish(login, session);

        case IMAP_NO:
        case IMAP_BAD:
        case IMAP_BYE:
                login->back_off = imap_back_off(text);
                return give_up(login, IMAP_LOGIN_FAILED, "the server does not want us now",
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

static int on_login_tagged(ImapLogin *login, const ImapText *text) {
        if (text->status == IMAP_OK) {
                if (text->code == IMAP_CODE_CAPABILITY)
                        take_fresh(login, &text->capabilities);
                login->is_authenticated = true;
                return IMAP_LOGIN_MORE;
        }

        login->refusal = judge(text);
        login->back_off = imap_back_off(text);
        return give_up(login, login->refusal,
                       login->refusal == IMAP_LOGIN_REFUSED
                               ? "the server refuses the user name or password"
                               : "the server cannot log in now",
                       text->text);
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
        return ask_offered(login, session);
}

/* What is offered is known now. */
static int on_offered(ImapLogin *login, ImapSession *session) {
        const LoginMethod tried = login->method;

        if (!login->has_offered)
                return give_up(login, IMAP_LOGIN_FAILED, "the server does not say what it can do",
                               BYTES_NULL);

        if (login->sentence) {
                _cleanup_(buffer_wipe) Buffer command = BUFFER_NULL;
                int r = choose_method(login, &command);

                if (r < 0)
                        return r;
                if (login->method == tried || login->method == LOGIN_METHOD_NONE) {
                        login->step = LOGIN_STEP_OVER;
                        return (int) login->refusal;
                }
        }

        return begin(login, session);
}

static int on_start_tls(ImapLogin *login, const ImapText *text) {
        if (text->status != IMAP_OK)
                return give_up(login, IMAP_LOGIN_FAILED, "the server refuses STARTTLS", text->text);

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

        return finish(login, session);
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

static int on_continuation(ImapLogin *login, ImapSession *session) {
        _cleanup_(buffer_wipe) Buffer response = BUFFER_NULL;
        int r;

        /* A challenge where none belongs: give it up (RFC 9051 section 6.2.2), the tagged response
         * follows. */
        if (login->step != LOGIN_STEP_CONTINUATION)
                return imap_session_submit_line(session, BYTES("*"));

        r = login_format_plain(&login->options, login->method, &response);
        if (r == 0)
                r = imap_session_submit_line(session, buffer_view(&response));
        if (r < 0)
                return r;

        login->step = LOGIN_STEP_AUTHENTICATE;
        return is_alone(login) ? 0 : submit_extras(login, session);
}

static int on_text(ImapLogin *login, const ImapText *text) {
        login->back_off = imap_back_off(text);
        if (text->status == IMAP_BYE)
                return give_up(login, IMAP_LOGIN_FAILED, "the server closes the connection",
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
                return on_continuation(login, session);

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

int imap_login_go_on(ImapLogin *login, ImapSession *session) {
        if (login->step == LOGIN_STEP_DEFLATE)
                return finish(login, session);

        /* RFC 9051 section 6.2.1: what was said in clear is void. */
        login->options.is_encrypted = true;
        login->has_offered = false;
        login->offered = (ImapCapabilities){0};
        return authenticate(login, session);
}

bool imap_login_may_pipeline(const ImapLogin *login) {
        return login->step == LOGIN_STEP_AUTHENTICATE && login->options.remembered &&
               !login->assumed && !login->options.want_compress && !is_alone(login);
}

ImapCapabilities imap_login_capabilities(const ImapLogin *login) {
        static const uint64_t before = (uint64_t) 1 << IMAP_CAPABILITY_AUTH_PLAIN |
                                       (uint64_t) 1 << IMAP_CAPABILITY_LOGINDISABLED;
        ImapCapabilities result = capabilities(login);

        result.bits &= ~before;
        if (login->has_offered)
                result.bits |= login->offered.bits & before;
        else
                result.bits |= login->remembered.bits & before;
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

const char *imap_login_sentence(const ImapLogin *login) {
        return login->sentence ? login->sentence : "";
}
