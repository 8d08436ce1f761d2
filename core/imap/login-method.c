/* How to log in: which of the ways that the server offers. */

#include <errno.h>

#include "imap/command.h"
#include "imap/login-method.h"

typedef struct Method {
        const char *name;
        ImapCapability offer; /* _IMAP_CAPABILITY_MAX: none; see LOGIN */
        ImapAuth auth;        /* what asks for it */
        unsigned strength, strength_in_clear;
} Method;

static const Method methods[] = {
        [LOGIN_METHOD_NONE] = {"nothing",            _IMAP_CAPABILITY_MAX,               IMAP_AUTH_AUTOMATIC,          0, 0},
        [LOGIN_METHOD_LOGIN] = {"LOGIN",              _IMAP_CAPABILITY_MAX,               IMAP_AUTH_LOGIN,              2, 1},
        [LOGIN_METHOD_PLAIN] = {"PLAIN",              IMAP_CAPABILITY_AUTH_PLAIN,         IMAP_AUTH_PLAIN,              2, 1},
 /* an old one, for servers that take neither the command nor PLAIN */
        [LOGIN_METHOD_SASL_LOGIN] = {"LOGIN",              IMAP_CAPABILITY_AUTH_LOGIN,         IMAP_AUTH_LOGIN,              2, 1},
 /* MD5 of the password is what the server has to keep for it, so under TLS it is the worse one */
        [LOGIN_METHOD_CRAM_MD5] = {"CRAM-MD5",           IMAP_CAPABILITY_AUTH_CRAM_MD5,      IMAP_AUTH_CRAM_MD5,           1,
                               2                                                                                           },
        [LOGIN_METHOD_SCRAM_SHA_1] = {"SCRAM-SHA-1",        IMAP_CAPABILITY_AUTH_SCRAM_SHA_1,
                               IMAP_AUTH_SCRAM_SHA_1,                                                                  3, 3},
        [LOGIN_METHOD_SCRAM_SHA_256] = {"SCRAM-SHA-256",      IMAP_CAPABILITY_AUTH_SCRAM_SHA_256,
                               IMAP_AUTH_SCRAM_SHA_256,                                                                4, 4},
        [LOGIN_METHOD_SCRAM_SHA_1_PLUS] = {"SCRAM-SHA-1-PLUS",
                               IMAP_CAPABILITY_AUTH_SCRAM_SHA_1_PLUS,                    IMAP_AUTH_SCRAM_SHA_1_PLUS,   5, 5},
        [LOGIN_METHOD_SCRAM_SHA_256_PLUS] = {"SCRAM-SHA-256-PLUS",
                               IMAP_CAPABILITY_AUTH_SCRAM_SHA_256_PLUS,                  IMAP_AUTH_SCRAM_SHA_256_PLUS, 6, 6},
 /* these two are the same thing in two dialects */
        [LOGIN_METHOD_XOAUTH2] = {"XOAUTH2",            IMAP_CAPABILITY_AUTH_XOAUTH2,       IMAP_AUTH_XOAUTH2,            7, 7},
        [LOGIN_METHOD_OAUTHBEARER] = {"OAUTHBEARER",        IMAP_CAPABILITY_AUTH_OAUTHBEARER,
                               IMAP_AUTH_OAUTHBEARER,                                                                  7, 7},
        [LOGIN_METHOD_EXTERNAL] = {"EXTERNAL",           IMAP_CAPABILITY_AUTH_EXTERNAL,      IMAP_AUTH_EXTERNAL,           8,
                               8                                                                                           },
};

const char *login_method_name(LoginMethod method) {
        return methods[method].name;
}

bool login_method_is_scram(LoginMethod method) {
        return method >= LOGIN_METHOD_SCRAM_SHA_1 && method <= LOGIN_METHOD_SCRAM_SHA_256_PLUS;
}

bool login_method_is_bound(LoginMethod method) {
        return method == LOGIN_METHOD_SCRAM_SHA_1_PLUS || method == LOGIN_METHOD_SCRAM_SHA_256_PLUS;
}

bool login_method_is_oauth(LoginMethod method) {
        return method == LOGIN_METHOD_XOAUTH2 || method == LOGIN_METHOD_OAUTHBEARER;
}

bool login_method_is_challenged(LoginMethod method) {
        return method == LOGIN_METHOD_CRAM_MD5 || login_method_is_scram(method);
}

unsigned login_method_strength(LoginMethod method, bool is_encrypted) {
        return is_encrypted ? methods[method].strength : methods[method].strength_in_clear;
}

int login_format_login(const ImapLoginOptions *options, Buffer *out) {
        const ByteView user = bytes_of(options->user);
        const ByteView password = bytes_of(options->password);
        int r;

        /* Quoting doubles a byte at worst. */
        r = buffer_reserve(out, sizeof("LOGIN  ") + 2 * (user.size + password.size) + 4);
        if (r == 0)
                r = buffer_append_string(out, "LOGIN ");
        if (r == 0)
                r = imap_format_astring(user, out);
        if (r == 0)
                r = buffer_append_string(out, " ");
        return r < 0 ? r : imap_format_astring(password, out);
}

/* Do we have what it needs, and may it be used? */
static bool is_possible(const ImapLoginOptions *options, LoginMethod method, bool may_bind) {
        if (options->auth != IMAP_AUTH_AUTOMATIC && options->auth != methods[method].auth)
                return false;

        switch (method) {
        case LOGIN_METHOD_NONE:
                return false;
        case LOGIN_METHOD_LOGIN:
        case LOGIN_METHOD_PLAIN:
                return options->password;
        case LOGIN_METHOD_SASL_LOGIN:
                return options->password && options->user[0] && options->password[0];
        case LOGIN_METHOD_CRAM_MD5:
        case LOGIN_METHOD_SCRAM_SHA_1:
        case LOGIN_METHOD_SCRAM_SHA_256:
                return options->password && options->crypto;
        case LOGIN_METHOD_SCRAM_SHA_1_PLUS:
        case LOGIN_METHOD_SCRAM_SHA_256_PLUS:
                return options->password && options->crypto && may_bind;
        case LOGIN_METHOD_XOAUTH2:
        case LOGIN_METHOD_OAUTHBEARER:
                return options->token;
        case LOGIN_METHOD_EXTERNAL:
                return options->has_certificate;
        }

        abort(); /* the switch is complete */
}

static bool is_offered(const ImapCapabilities *offered, LoginMethod method) {
        if (method == LOGIN_METHOD_LOGIN)
                return !imap_has(offered, IMAP_CAPABILITY_LOGINDISABLED);
        return methods[method].offer != _IMAP_CAPABILITY_MAX &&
               imap_has(offered, methods[method].offer);
}

/* Return: 0, -EINVAL if LOGIN cannot be, or -ENOMEM. */
static int measure_login(const ImapLoginOptions *options, size_t *ret_size) {
        _cleanup_(buffer_wipe) Buffer command = BUFFER_NULL;
        int r = login_format_login(options, &command);

        *ret_size = command.size;
        return r;
}

/* Those that send the password itself. */
static bool is_plain(LoginMethod method) {
        return method == LOGIN_METHOD_LOGIN || method == LOGIN_METHOD_PLAIN ||
               method == LOGIN_METHOD_SASL_LOGIN;
}

/* Which of them is it to be? */
static int choose_shorter(const ImapLoginOptions *options, const ImapCapabilities *offered,
                          LoginMethod *ret_method) {
        const bool has_login = is_possible(options, LOGIN_METHOD_LOGIN, false) &&
                               is_offered(offered, LOGIN_METHOD_LOGIN);
        const bool has_plain = is_possible(options, LOGIN_METHOD_PLAIN, false) &&
                               is_offered(offered, LOGIN_METHOD_PLAIN) && options->user[0] &&
                               options->password[0];
        const size_t plain = sizeof("AUTHENTICATE PLAIN ") - 1 +
                             (strlen(options->user) + strlen(options->password) + 4) / 3 * 4;
        size_t login = 0;
        int r = has_login ? measure_login(options, &login) : -EINVAL;

        if (r == -ENOMEM)
                return r;
        if (r == 0 && !(has_plain && imap_has(offered, IMAP_CAPABILITY_SASL_IR) && plain < login))
                *ret_method = LOGIN_METHOD_LOGIN;
        else
                *ret_method = has_plain ? LOGIN_METHOD_PLAIN : LOGIN_METHOD_SASL_LOGIN;
        return 0;
}

int login_method_choose(const ImapLoginOptions *options, const ImapCapabilities *offered,
                        bool may_bind, LoginMethod *ret_method) {
        const bool is_encrypted = options->is_encrypted;
        LoginMethod best = LOGIN_METHOD_NONE, plain = LOGIN_METHOD_NONE;

        if (options->password) {
                int r = choose_shorter(options, offered, &plain);

                if (r < 0)
                        return r;
        }

        for (LoginMethod i = LOGIN_METHOD_LOGIN; i < ARRAY_SIZE(methods); i++) {
                if (is_plain(i) && i != plain)
                        continue;
                if (is_possible(options, i, may_bind) && is_offered(offered, i) &&
                    login_method_strength(i, is_encrypted) >=
                            login_method_strength(best, is_encrypted))
                        best = i;
        }

        *ret_method = best;
        return 0;
}
