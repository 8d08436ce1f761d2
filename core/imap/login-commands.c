/* The login: what is said to the server, before, with and behind it. */

#include <stdlib.h>

#include "imap/login-private.h"

int login_choose(ImapLogin *login, Buffer *out) {
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

bool login_is_alone(const ImapLogin *login) {
        return imap_quirks_have(login->quirks, IMAP_QUIRK_LOGIN_ALONE);
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
        if (imap_has(&login->offered, IMAP_CAPABILITY_LOGINDISABLED) &&
            imap_has(&login->offered, IMAP_CAPABILITY_STARTTLS))
                return login_give_up(
                        login, IMAP_LOGIN_REFUSED,
                        "the server allows no login without TLS, which it offers by STARTTLS",
                        BYTES_NULL);

        return login_give_up(login, IMAP_LOGIN_REFUSED,
                             "the server offers no way to log in with this user name and password",
                             BYTES_NULL);
}

int login_authenticate(ImapLogin *login, ImapSession *session) {
        _cleanup_(buffer_wipe) Buffer command = BUFFER_NULL;
        int r;

        if (!login->options.user)
                return login_give_up(login, IMAP_LOGIN_REFUSED,
                                     "the server wants a login, and the configuration has no user",
                                     BYTES_NULL);
        if (!login->has_offered && !(login->options.is_encrypted && login->options.remembered))
                return login_ask_offered(login, session);
        login->assumed = !login->has_offered;

        r = login_choose(login, &command);
        if (r < 0)
                return r;

        switch (login->method) {
        case LOGIN_METHOD_NONE:
                return login->assumed ? login_ask_offered(login, session) : no_method(login);

        case LOGIN_METHOD_PLAIN:
                login->step = LOGIN_STEP_CONTINUATION;
                return imap_session_submit(session, BYTES("AUTHENTICATE PLAIN"), &login->login_tag);

        case LOGIN_METHOD_LOGIN:
        case LOGIN_METHOD_PLAIN_INITIAL:
                login->step = LOGIN_STEP_AUTHENTICATE;
                r = imap_session_submit(session, buffer_view(&command), &login->login_tag);
                return r < 0 || login_is_alone(login) ? r : login_submit_extras(login, session);
        }

        abort(); /* the switch is complete */
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
