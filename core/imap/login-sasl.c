/* The login: questions and answers of AUTHENTICATE. */

#include <errno.h>

#include "imap/login-private.h"

static int begin_scram(ImapLogin *login) {
        _cleanup_(buffer_done) Buffer nonce = BUFFER_NULL;
        const bool is_bound = login_method_is_bound(login->method);
        const bool is_sha_1 = login->method == LOGIN_METHOD_SCRAM_SHA_1 ||
                              login->method == LOGIN_METHOD_SCRAM_SHA_1_PLUS;
        ScramOptions options = {
                .hash = is_sha_1 ? SASL_HASH_SHA_1 : SASL_HASH_SHA_256,
                .binding = SCRAM_BINDING_NONE,
                .exporter = {(const char *) login->binding, sizeof(login->binding)},
                .user = login->options.user,
                .password = login->options.password,
                .crypto = login->options.crypto,
        };
        int r;

        if (is_bound)
                options.binding = SCRAM_BINDING_USED;
        else if (login->has_binding && login->options.auth == IMAP_AUTH_AUTOMATIC)
                options.binding = SCRAM_BINDING_SUPPORTED;

        r = buffer_append_string(&nonce, login->options.nonce);
        if (r == 0 && login->n_attempts++ > 0)
                r = buffer_append_format(&nonce, "%u", login->n_attempts);
        if (r < 0)
                return r;
        login->scram = scram_free(login->scram);
        free(login->nonce);
        login->nonce = buffer_steal_string(&nonce);
        if (!login->nonce)
                return -ENOMEM;
        options.nonce = login->nonce;
        return scram_new(&options, &login->scram);
}

static int first_of_scram(ImapLogin *login, Buffer *out) {
        _cleanup_(buffer_done) Buffer message = BUFFER_NULL;
        int r = scram_first(login->scram, &message);

        return r < 0 ? r : base64_encode(buffer_view(&message), out);
}

/* What the client says first. Room is made before, so that growing leaves no copy of a secret behind. */
static int say_first(ImapLogin *login, Buffer *out) {
        const ImapLoginOptions *o = &login->options;
        const char *secret = o->token ? o->token : o->password;
        int r;

        r = buffer_reserve(out, 2 * (3 * strlen(o->user) + (secret ? strlen(secret) : 0) +
                                     (o->host ? strlen(o->host) : 0) + 128));
        if (r < 0)
                return r;

        switch (login->method) {
        case LOGIN_METHOD_PLAIN:
                return sasl_plain(o->user, o->password, out);
        case LOGIN_METHOD_XOAUTH2:
                return sasl_xoauth2(o->user, o->token, out);
        case LOGIN_METHOD_OAUTHBEARER:
                return sasl_oauthbearer(o->user, o->token, o->host, o->port, out);
        case LOGIN_METHOD_SASL_LOGIN:
                return sasl_login(o->user, out);
        case LOGIN_METHOD_EXTERNAL:
                return sasl_external(o->user, out);
        case LOGIN_METHOD_SCRAM_SHA_1:
        case LOGIN_METHOD_SCRAM_SHA_256:
        case LOGIN_METHOD_SCRAM_SHA_1_PLUS:
        case LOGIN_METHOD_SCRAM_SHA_256_PLUS:
                return first_of_scram(login, out);
        case LOGIN_METHOD_NONE:
        case LOGIN_METHOD_LOGIN:
        case LOGIN_METHOD_CRAM_MD5:
                break;
        }

        abort(); /* no other begins */
}

/* A refused token is told of in a "+" before the NO, so that is waited for. LOGIN has said the name alone. */
static int after_first(const ImapLogin *login) {
        return login->method == LOGIN_METHOD_SASL_LOGIN || login_method_is_oauth(login->method) ||
                               login_method_is_scram(login->method)
                       ? LOGIN_SASL_MORE
                       : 0;
}

int login_sasl_begin(ImapLogin *login, Buffer *out) {
        const ImapCapabilities *has = login->has_offered ? &login->offered : &login->remembered;
        const bool takes_first =
                imap_has(has, IMAP_CAPABILITY_SASL_IR) &&
                !(login->options.overrides.disabled >> IMAP_CAPABILITY_SASL_IR & 1);
        int r;

        login->n_said = 0;
        login->problem.size = 0;
        if (login_method_is_scram(login->method)) {
                r = begin_scram(login);
                if (r < 0)
                        return r;
        }

        /* The room for it is made here: it is said in one piece. */
        r = buffer_reserve(out, 64);
        if (r == 0)
                r = buffer_append_format(out, "AUTHENTICATE %s", login_method_name(login->method));
        if (r < 0)
                return r;
        if (!takes_first || login->method == LOGIN_METHOD_CRAM_MD5 ||
            login->method == LOGIN_METHOD_SASL_LOGIN)
                return LOGIN_SASL_MORE;

        r = buffer_append_string(out, " ");
        if (r == 0)
                r = say_first(login, out);
        login->n_said = 1;
        return r < 0 ? r : after_first(login);
}

static int complain_of_scram(ImapLogin *login, int error) {
        _cleanup_(buffer_done) Buffer what = BUFFER_NULL;
        int r;

        r = buffer_append_format(&what, "the server %s (%s)", scram_complaint(error),
                                 login_method_name(login->method));
        if (r == 0)
                r = buffer_append(&what, "", 1);
        if (r == 0)
                r = login_give_up(login, IMAP_LOGIN_REFUSED, what.data,
                                  error == SCRAM_E_SERVER ? scram_error(login->scram) : BYTES_NULL);
        return r < 0 ? r : LOGIN_SASL_E_PEER;
}

static int answer_scram(ImapLogin *login, ByteView challenge, Buffer *out) {
        _cleanup_(buffer_wipe) Buffer message = BUFFER_NULL;
        int r;

        if (scram_is_verified(login->scram))
                return complain_of_scram(login, SCRAM_E_SYNTAX);
        if (login->n_said == 2) {
                r = scram_verify(login->scram, challenge);
                return r > 0 ? complain_of_scram(login, r) : r; /* the answer is empty */
        }

        /* it may have found something wrong already */
        if (challenge.size >= 2 && memcmp(challenge.data, "e=", 2) == 0)
                r = scram_verify(login->scram, challenge);
        else
                r = scram_answer(login->scram, challenge, &message);
        if (r > 0)
                return complain_of_scram(login, r);
        if (r == 0)
                r = base64_encode(buffer_view(&message), out);
        login->n_said = 2;
        return r < 0 ? r : LOGIN_SASL_MORE;
}

/* RFC 7628 section 3.2.3: the client says a byte, and the server then NO. XOAUTH2 wants an empty line. */
static int answer_problem(ImapLogin *login, ByteView challenge, Buffer *out) {
        int r;

        if (login->problem.size == 0) {
                r = buffer_append_view(&login->problem, challenge);
                if (r < 0)
                        return r;
        }
        return login->method == LOGIN_METHOD_OAUTHBEARER ? base64_encode(BYTES("\001"), out) : 0;
}

/* What the server calls the two is not looked at: there are many words for them. */
static int answer_login(const ImapLogin *login, Buffer *out) {
        int r = buffer_reserve(out, 2 * strlen(login->options.password) + 8);

        return r < 0 ? r : sasl_login(login->options.password, out);
}

int login_sasl_answer(ImapLogin *login, ByteView challenge, Buffer *out) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r;

        if (login->n_said == 0 && login->method != LOGIN_METHOD_CRAM_MD5) {
                r = say_first(login, out);
                login->n_said = 1;
                return r < 0 ? r : after_first(login);
        }

        if (login->method == LOGIN_METHOD_SASL_LOGIN)
                return answer_login(login, out);
        r = base64_decode(challenge, &text);
        if (r == -ENOMEM)
                return r;
        if (login_method_is_oauth(login->method))
                return answer_problem(login, r < 0 ? challenge : buffer_view(&text), out);
        if (r < 0) {
                r = login_give_up(login, IMAP_LOGIN_FAILED,
                                  "the server asks something that makes no sense", challenge);
                return r < 0 ? r : LOGIN_SASL_E_PEER;
        }
        if (login->method == LOGIN_METHOD_CRAM_MD5)
                return sasl_cram_md5(login->options.user, login->options.password,
                                     buffer_view(&text), login->options.crypto, out);
        return answer_scram(login, buffer_view(&text), out);
}

bool login_sasl_is_complete(const ImapLogin *login) {
        return !login_method_is_scram(login->method) || scram_is_verified(login->scram);
}
