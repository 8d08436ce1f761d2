#pragma once

/*
 * The insides of a login, shared by its files:
 *
 *      login.c            life, the server's answers
 *      login-commands.c   what is said to it, and when
 *      login-method.c     the way to log in
 *      login-sasl.c       its questions and answers
 */

#include "imap/login-method.h"
#include "imap/scram.h"

typedef enum LoginStep {
        LOGIN_STEP_GREETING,     /* wait for it */
        LOGIN_STEP_OFFERED,      /* CAPABILITY before the login is under way */
        LOGIN_STEP_START_TLS,    /* STARTTLS is under way */
        LOGIN_STEP_TLS,          /* the owner's turn */
        LOGIN_STEP_CONTINUATION, /* AUTHENTICATE has more to be said: wait for "+" */
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

        uint8_t binding[IMAP_LOGIN_BINDING_SIZE];
        bool has_binding;
        unsigned n_attempts; /* of SCRAM: each has a nonce of its own */
        char *nonce;         /* owned: of this one */
        Scram *scram;        /* owned; of this one, NULL: none */
        unsigned n_said;     /* of the method's own messages */
        Buffer problem;      /* what the server finds wrong with a token */
        char *notice;        /* owned; NULL: none */

        ImapLoginOutcome refusal; /* of the login: REFUSED or FAILED */
        ImapLoginOutcome outcome; /* when it was given up */
        char *sentence;           /* owned */
        ImapBackOff back_off;
};

/* login.c */
/* The login is over without success. @words: what the server said, or nothing. Return: @outcome, or
 * -ENOMEM. */
int login_give_up(ImapLogin *login, ImapLoginOutcome outcome, const char *what, ByteView words);
/* What may be relied on after the login. */
ImapCapabilities login_capabilities(const ImapLogin *login);

/* login-sasl.c */
enum {
        LOGIN_SASL_MORE = 1, /* the server has more to say */
        LOGIN_SASL_E_PEER,   /* login->sentence says what is wrong with it: give it up */
};
/* Begin login->method anew: append "AUTHENTICATE NAME", with all that can be said at once if the server
 * takes that. Return: 0 (nothing more is expected of it), LOGIN_SASL_MORE, or a negative errno. */
int login_sasl_begin(ImapLogin *login, Buffer *out);
/* Append the answer, in base64. Return: as login_sasl_begin(), or LOGIN_SASL_E_PEER. */
int login_sasl_answer(ImapLogin *login, ByteView challenge, Buffer *out);
/* The server has said yes. Was that all that it had to say? */
bool login_sasl_is_complete(const ImapLogin *login);

/* login-commands.c */
/* By what is offered, or else remembered. Return: 0, or -ENOMEM. */
int login_choose(ImapLogin *login, LoginMethod *ret_method);
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
