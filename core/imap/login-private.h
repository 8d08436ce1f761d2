#pragma once

/*
 * The insides of a login, shared by its files:
 *
 *      login.c            life, the server's answers
 *      login-commands.c   what is said to it, and when
 *      login-method.c     the way to log in
 */

#include "imap/login-method.h"

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

/* login.c */
/* The login is over without success. @words: what the server said, or nothing. Return: @outcome, or
 * -ENOMEM. */
int login_give_up(ImapLogin *login, ImapLoginOutcome outcome, const char *what, ByteView words);
/* What may be relied on after the login. */
ImapCapabilities login_capabilities(const ImapLogin *login);

/* login-commands.c */
/* Return: 0 with @out as login_method_choose() has it, or -ENOMEM. */
int login_choose(ImapLogin *login, Buffer *out);
/* Nothing travels with the login where the server would throw it away. */
bool login_is_alone(const ImapLogin *login);
int login_ask_offered(ImapLogin *login, ImapSession *session);
/*
 * Log in as soon as it is known how. What is remembered may stand in for what is offered, but only
 * where nobody can listen: a server that disables LOGIN in clear must not get it.
 */
int login_authenticate(ImapLogin *login, ImapSession *session);
/* What follows the login: COMPRESS last, since nothing may be said behind it before its answer. */
int login_submit_extras(ImapLogin *login, ImapSession *session);
/* Before the login: TLS first, where it is wanted. */
int login_begin(ImapLogin *login, ImapSession *session);
/* Logged in, and nothing of the login is under way. */
int login_finish(ImapLogin *login, ImapSession *session);
