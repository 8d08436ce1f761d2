#pragma once

/*
 * From the greeting to a logged-in session, in the fewest round trips (pure)
 *
 * The owner hands every event of the session to imap_login_handle() until an outcome says that the
 * login is over, and does in between what an outcome asks for. What is known of the account's
 * capabilities from last time is used at once, so that the usual login is one write behind the
 * greeting:
 *
 *      LOGIN or AUTHENTICATE, ID, ENABLE QRESYNC UIDONLY, COMPRESS DEFLATE
 *
 * and corrected where the server has changed since: an ENABLE or COMPRESS that is refused is no
 * error, one that has become possible is asked for.
 *
 * The strongest way to log in that is offered is taken. Where it is one of question and answer (SCRAM,
 * CRAM-MD5) or has an answer that must be heard (OAuth), what follows waits for that: a server that has not
 * proved by SCRAM that it knows the password is told nothing else. One that offers less than it did last
 * time is not obeyed without TLS; with TLS the owner is told: imap_login_notice().
 */

#include "base/macro.h"
#include "imap/back-off.h"
#include "imap/quirk.h"
#include "imap/sasl.h"
#include "imap/session.h"

typedef struct ImapLogin ImapLogin;

/* Which way to log in is asked for. */
typedef enum ImapAuth {
        IMAP_AUTH_AUTOMATIC, /* the strongest that is offered */
        IMAP_AUTH_SCRAM_SHA_256_PLUS,
        IMAP_AUTH_SCRAM_SHA_1_PLUS,
        IMAP_AUTH_SCRAM_SHA_256,
        IMAP_AUTH_SCRAM_SHA_1,
        IMAP_AUTH_CRAM_MD5,
        IMAP_AUTH_PLAIN,
        IMAP_AUTH_LOGIN, /* the command; without it the mechanism of that name */
        IMAP_AUTH_EXTERNAL,
        IMAP_AUTH_OAUTHBEARER,
        IMAP_AUTH_XOAUTH2,
} ImapAuth;

typedef struct ImapLoginOptions {
        const char *user;     /* borrowed until the login is over; NULL: no login is needed */
        const char *password; /* borrowed until the login is over; NULL: there is none */
        const char *token;    /* of OAuth; borrowed until the login is over; NULL: there is none */
        bool has_certificate; /* of the client, known to TLS */
        ImapAuth auth;
        const SaslCrypto *crypto; /* borrowed; NULL: no SCRAM and no CRAM-MD5 */
        const char *nonce;        /* never used before: printable, without ","; borrowed */
        const ImapCapabilities *remembered; /* of the last login; NULL: none. Copied */
        bool is_encrypted;                  /* TLS, or a pipe on this machine */
        bool want_start_tls;
        bool want_compress;
        bool want_enable;   /* ENABLE with the login; else it is left to who selects first */
        bool want_id;       /* ask the server what it is (RFC 2971), if that is not known */
        const char *host;   /* as it was dialled, NULL for none; borrowed until the login is over */
        unsigned port;      /* 0: none */
        const char *server; /* how it called itself when it was asked last; NULL: never. Borrowed */
        const char *version; /* of this program, for a server that must be told; borrowed */
        ImapOverrides overrides;
} ImapLoginOptions;

typedef enum ImapLoginOutcome {
        IMAP_LOGIN_MORE,          /* nothing for the owner to do but to hand in more events */
        IMAP_LOGIN_START_TLS,     /* start TLS, then imap_login_go_on() */
        IMAP_LOGIN_START_DEFLATE, /* start DEFLATE, then imap_login_go_on() */
        IMAP_LOGIN_READY,         /* logged in; later events are the owner's */
        IMAP_LOGIN_REFUSED,       /* a person must act: imap_login_sentence() */
        IMAP_LOGIN_FAILED,        /* try again later: imap_login_sentence() */
} ImapLoginOutcome;

typedef enum ImapEnabled {
        IMAP_ENABLED_UNASKED, /* ENABLE was not sent in this session */
        IMAP_ENABLED_ON,      /* the server has confirmed it */
        IMAP_ENABLED_OFF,     /* ENABLE was sent, and this not confirmed: never use it (protocol) */
} ImapEnabled;

/* Return: 0, or -ENOMEM. */
int imap_login_new(const ImapLoginOptions *options, ImapLogin **ret_login);
ImapLogin *imap_login_free(ImapLogin *login);

/**
 * imap_login_handle() - go on with the next event of the session
 *
 * Commands that it submits are to be pulled from the session as usual. After START_DEFLATE, take the
 * unread bytes out of the session before anything else: they are DEFLATE.
 *
 * Return: an ImapLoginOutcome, or -ENOMEM.
 */
int imap_login_handle(ImapLogin *login, ImapSession *session, const ImapEvent *event);

/* TLS is up, and this is its exporter's value for channel binding (RFC 9266): 32 bytes, copied; size 0: it
 * has none. Before the greeting, or before imap_login_go_on(). */
#define IMAP_LOGIN_BINDING_SIZE 32u
void imap_login_bind(ImapLogin *login, ByteView exporter);

/* After START_TLS and START_DEFLATE, once the owner has done it. Return: as imap_login_handle(). */
int imap_login_go_on(ImapLogin *login, ImapSession *session);

/*
 * May the owner submit commands of its own behind the login now, so that they travel in the same
 * write? It may when all that the login needs is said already and no COMPRESS is wanted, which
 * nothing may follow. If the login is refused then, these commands fail with it.
 */
bool imap_login_may_pipeline(const ImapLogin *login);

/* Once READY. To be remembered for the next login: what the server says after the login, and of what
 * it said before that which ways to log in it offers. */
ImapCapabilities imap_login_capabilities(const ImapLogin *login);
ImapEnabled imap_login_qresync(const ImapLogin *login);
ImapEnabled imap_login_uidonly(const ImapLogin *login);

/* By its host and what the server says of itself: of what it said last time, once it has greeted; all
 * once READY. */
ImapQuirks imap_login_quirks(const ImapLogin *login);

/* How the server calls itself, to be remembered: "" if it was asked and does not say; NULL if it was
 * never asked. Borrowed from the login. */
const char *imap_login_server(const ImapLogin *login);

/* Once FAILED: does the server ask us to wait? */
ImapBackOff imap_login_back_off(const ImapLogin *login);

/* Once REFUSED: was it the user name or the password? Else it is how the server is set up. */
bool imap_login_is_denied(const ImapLogin *login);

/* Is it the token that was refused, so that a fresh one may do? */
bool imap_login_used_token(const ImapLogin *login);

/* Once READY: what the owner should know of it, a sentence without a full stop; NULL: nothing. Borrowed. */
const char *imap_login_notice(const ImapLogin *login);

/* Once REFUSED or FAILED: why, with the server's words; borrowed. */
const char *imap_login_sentence(const ImapLogin *login);

DEFINE_CLEANUP(ImapLogin *, imap_login_free)
