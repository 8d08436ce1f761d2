#pragma once

/* How to log in: chosen by what the server offers (pure). For the login alone. */

#include "imap/login.h"
#include "imap/sasl.h"

typedef enum LoginMethod {
        LOGIN_METHOD_NONE,
        LOGIN_METHOD_LOGIN, /* the command */
        LOGIN_METHOD_PLAIN,
        LOGIN_METHOD_SASL_LOGIN,
        LOGIN_METHOD_CRAM_MD5,
        LOGIN_METHOD_SCRAM_SHA_1,
        LOGIN_METHOD_SCRAM_SHA_256,
        LOGIN_METHOD_SCRAM_SHA_1_PLUS,
        LOGIN_METHOD_SCRAM_SHA_256_PLUS,
        LOGIN_METHOD_XOAUTH2,
        LOGIN_METHOD_OAUTHBEARER,
        LOGIN_METHOD_EXTERNAL,
} LoginMethod;

/* As SASL calls it: "SCRAM-SHA-256". */
const char *login_method_name(LoginMethod method);
bool login_method_is_scram(LoginMethod method);
/* With channel binding. */
bool login_method_is_bound(LoginMethod method);
bool login_method_is_oauth(LoginMethod method);
/* Does the server say something that is answered, so that a wrong guess of the method costs more? */
bool login_method_is_challenged(LoginMethod method);

/* The more, the less a listener, or somebody who pretends to be the server, gets. */
unsigned login_method_strength(LoginMethod method, bool is_encrypted);

/**
 * login_method_choose() - the way to log in, by what is configured and what is offered
 * @may_bind: is there a channel to bind to?
 *
 * The strongest. Between LOGIN and PLAIN, which are the same, the shorter command of those that need one
 * round trip; LOGIN cannot carry what only a literal could, such as bytes beyond ASCII. If neither can be, the
 * mechanism that is called LOGIN too, which takes three.
 *
 * Return: 0, with LOGIN_METHOD_NONE if there is none, or -ENOMEM.
 */
int login_method_choose(const ImapLoginOptions *options, const ImapCapabilities *offered,
                        bool may_bind, LoginMethod *ret_method);

/* Append the command LOGIN. Return: 0, -EINVAL for what it cannot carry, or -ENOMEM. */
int login_format_login(const ImapLoginOptions *options, Buffer *out);
