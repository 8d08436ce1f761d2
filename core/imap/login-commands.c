/* The login: what is said to the server, before, with and behind it. */

#include <errno.h>
#include <stdio.h>

#include "imap/login-private.h"

static int choose_by(ImapLogin *login, ImapCapabilities offered, LoginMethod *ret_method) {
        imap_capabilities_remove(&offered, login->options.overrides.disabled);
        return login_method_choose(&login->options, &offered, login->has_binding, ret_method);
}

int login_choose(ImapLogin *login, LoginMethod *ret_method) {
        return choose_by(login, login->has_offered ? login->offered : login->remembered,
                         ret_method);
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

bool login_is_alone(const ImapLogin *login) {
        return imap_quirks_have(login->quirks, IMAP_QUIRK_LOGIN_ALONE) ||
               login_method_is_oauth(login->method);
}

int login_submit_extras(ImapLogin *login, ImapSession *session) {
        const ImapCapabilities has = login_capabilities(login);
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

int login_ask_offered(ImapLogin *login, ImapSession *session) {
        login->step = LOGIN_STEP_OFFERED;
        return imap_session_submit(session, BYTES("CAPABILITY"), &login->capability_tag);
}

static int no_method(ImapLogin *login) {
        static const char *const wants[] = {
                [IMAP_AUTH_AUTOMATIC] = NULL,
                [IMAP_AUTH_SCRAM_SHA_256_PLUS] = "SCRAM-SHA-256-PLUS",
                [IMAP_AUTH_SCRAM_SHA_1_PLUS] = "SCRAM-SHA-1-PLUS",
                [IMAP_AUTH_SCRAM_SHA_256] = "SCRAM-SHA-256",
                [IMAP_AUTH_SCRAM_SHA_1] = "SCRAM-SHA-1",
                [IMAP_AUTH_CRAM_MD5] = "CRAM-MD5",
                [IMAP_AUTH_PLAIN] = "PLAIN",
                [IMAP_AUTH_LOGIN] = "LOGIN",
                [IMAP_AUTH_EXTERNAL] = "EXTERNAL",
                [IMAP_AUTH_OAUTHBEARER] = "OAUTHBEARER",
                [IMAP_AUTH_XOAUTH2] = "XOAUTH2",
        };
        const ImapLoginOptions *options = &login->options;
        char what[160];

        if (imap_has(&login->offered, IMAP_CAPABILITY_LOGINDISABLED) &&
            imap_has(&login->offered, IMAP_CAPABILITY_STARTTLS))
                (void) snprintf(
                        what, sizeof(what),
                        "the server allows no login without TLS, which it offers by STARTTLS");
        else if (options->auth != IMAP_AUTH_AUTOMATIC)
                (void) snprintf(
                        what, sizeof(what),
                        "there is no login by %s, which “auth” asks for, on this connection",
                        wants[options->auth]);
        else if (options->token)
                (void) snprintf(
                        what, sizeof(what),
                        "the server offers neither OAUTHBEARER nor XOAUTH2 to log in with a "
                        "token");
        else if (!options->password)
                (void) snprintf(what, sizeof(what),
                                "the server does not offer EXTERNAL to log in with a certificate");
        else
                (void) snprintf(
                        what, sizeof(what),
                        "the server offers no way to log in with this user name and password");

        return login_give_up(login, IMAP_LOGIN_REFUSED, what, BYTES_NULL);
}

/*
 * Was a stronger way offered last time? The server may have changed, or somebody in between has struck it
 * from the list. Return: IMAP_LOGIN_MORE to go on, IMAP_LOGIN_REFUSED, or a negative errno.
 */
static int look_back(ImapLogin *login) {
        const bool is_encrypted = login->options.is_encrypted;
        _cleanup_(buffer_done) Buffer notice = BUFFER_NULL;
        LoginMethod before;
        int r;

        if (!login->options.remembered || !login->has_offered)
                return IMAP_LOGIN_MORE;
        r = choose_by(login, login->remembered, &before);
        if (r < 0)
                return r;
        if (login_method_strength(before, is_encrypted) <=
            login_method_strength(login->method, is_encrypted))
                return IMAP_LOGIN_MORE;

        r = buffer_append_format(
                &notice, "the server offered to log in by %s before, and offers only %s now",
                login_method_name(before), login_method_name(login->method));
        if (r == 0 && !is_encrypted)
                r = buffer_append_string(&notice, ": without TLS somebody may have changed what it "
                                                  "offers, and nothing was sent; “auth” says which "
                                                  "way to take all the same");
        if (r < 0)
                return r;

        free(login->notice);
        login->notice = buffer_steal_string(&notice);
        if (!login->notice)
                return -ENOMEM;
        return is_encrypted ? IMAP_LOGIN_MORE
                            : login_give_up(login, IMAP_LOGIN_REFUSED, login->notice, BYTES_NULL);
}

/* Say it, and what can be said behind it. */
static int submit_login(ImapLogin *login, ImapSession *session) {
        _cleanup_(buffer_wipe) Buffer command = BUFFER_NULL;
        int said, r;

        said = login->method == LOGIN_METHOD_LOGIN ? login_format_login(&login->options, &command)
                                                   : login_sasl_begin(login, &command);
        if (said < 0)
                return said;
        login->step = said == LOGIN_SASL_MORE ? LOGIN_STEP_CONTINUATION : LOGIN_STEP_AUTHENTICATE;
        r = imap_session_submit(session, buffer_view(&command), &login->login_tag);
        if (r < 0 || said == LOGIN_SASL_MORE || login_is_alone(login))
                return r;
        return login_submit_extras(login, session);
}

int login_authenticate(ImapLogin *login, ImapSession *session) {
        int r;

        if (!login->options.user)
                return login_give_up(login, IMAP_LOGIN_REFUSED,
                                     "the server wants a login, and the configuration has no user",
                                     BYTES_NULL);
        if (!login->has_offered && !(login->options.is_encrypted && login->options.remembered))
                return login_ask_offered(login, session);
        login->assumed = !login->has_offered;

        r = login_choose(login, &login->method);
        if (r < 0)
                return r;
        if (login->method == LOGIN_METHOD_NONE)
                return login->assumed ? login_ask_offered(login, session) : no_method(login);
        if (login->assumed && login_method_is_challenged(login->method)) {
                login->method = LOGIN_METHOD_NONE;
                return login_ask_offered(login, session); /* what follows it is waited for anyway */
        }

        r = look_back(login);
        return r == IMAP_LOGIN_MORE ? submit_login(login, session) : r;
}

static int start_tls(ImapLogin *login, ImapSession *session) {
        if (!login->has_offered)
                return login_ask_offered(login, session);
        if (!imap_has(&login->offered, IMAP_CAPABILITY_STARTTLS))
                return login_give_up(
                        login, IMAP_LOGIN_REFUSED,
                        "the server does not offer STARTTLS; nothing was sent in clear",
                        BYTES_NULL);

        login->step = LOGIN_STEP_START_TLS;
        return imap_session_submit(session, BYTES("STARTTLS"), &login->start_tls_tag);
}

int login_begin(ImapLogin *login, ImapSession *session) {
        if (login->options.want_start_tls && !login->options.is_encrypted)
                return start_tls(login, session);

        return login_authenticate(login, session);
}

int login_finish(ImapLogin *login, ImapSession *session) {
        int r;

        login->step = LOGIN_STEP_EXTRAS;

        if (!login->has_fresh && !login->options.remembered)
                return imap_session_submit(session, BYTES("CAPABILITY"), &login->capability_tag);

        if (login->options.want_compress || login_is_alone(login) ||
            imap_quirks_have(login->quirks, IMAP_QUIRK_WANTS_ID)) {
                r = login_submit_extras(login, session);
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
