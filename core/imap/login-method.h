#pragma once

/* How to log in: chosen by what the server offers (pure). For the login alone. */

#include "imap/login.h"

typedef enum LoginMethod {
        LOGIN_METHOD_NONE,
        LOGIN_METHOD_LOGIN,
        LOGIN_METHOD_PLAIN,         /* AUTHENTICATE PLAIN, one round trip more */
        LOGIN_METHOD_PLAIN_INITIAL, /* with the initial response of SASL-IR */
} LoginMethod;

/* For buffers that have held a secret. They are made large enough first: realloc(3) would leave
 * copies behind. */
void buffer_wipe(Buffer *buffer);

/**
 * login_method_choose() - the way to log in, by what is offered
 *
 * The shorter command of those that need one round trip, else AUTHENTICATE. LOGIN cannot carry what
 * only a literal could, such as bytes beyond ASCII.
 *
 * Return: 0 with @out as the command, or for LOGIN_METHOD_PLAIN its answer to "+"; or -ENOMEM.
 */
int login_method_choose(const ImapLoginOptions *options, const ImapCapabilities *offered,
                        LoginMethod *ret_method, Buffer *out);

/* Return: 0, -EINVAL for what it cannot carry, or -ENOMEM. */
int login_format_plain(const ImapLoginOptions *options, LoginMethod method, Buffer *out);
