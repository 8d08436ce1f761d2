#pragma once

/*
 * SCRAM (RFC 5802, 7677), the client's side, with channel binding by tls-exporter (RFC 9266)  (pure)
 *
 *      scram_first()           ->  n,,n=user,r=nonce
 *      r=nonce+,s=salt,i=4096  ->  scram_answer()  ->  c=...,r=nonce+,p=proof
 *      v=signature             ->  scram_verify()
 *
 * The password does not leave, and a server that does not know it cannot make the signature. Messages are
 * not in base64 here. Name and password are taken as they are, in UTF-8: the normalisation that SASLprep
 * (RFC 4013) asks for changes nothing in printable ASCII, and is not done to anything else.
 */

#include "base/macro.h"
#include "imap/sasl.h"

typedef struct Scram Scram;

/* RFC 5802 section 5.1 has the floor. More than the ceiling would keep this machine busy for too long. */
#define SCRAM_ITERATIONS_MIN 4096u
#define SCRAM_ITERATIONS_MAX 2000000u

/* What is told of channel binding: the server sees by SUPPORTED that somebody has hidden its offer. */
typedef enum ScramBinding {
        SCRAM_BINDING_NONE,      /* n: this connection has none */
        SCRAM_BINDING_SUPPORTED, /* y: we could, and the server does not offer it */
        SCRAM_BINDING_USED,      /* p=tls-exporter */
} ScramBinding;

typedef struct ScramOptions {
        SaslHash hash;
        ScramBinding binding;
        ByteView exporter;    /* with USED; borrowed for the life of the Scram */
        const char *user;     /* borrowed for the life of the Scram */
        const char *password; /* borrowed for the life of the Scram */
        const char *nonce;    /* never used before, printable, without ","; borrowed like these */
        const SaslCrypto *crypto; /* borrowed like these */
} ScramOptions;

enum {
        SCRAM_E_SYNTAX = 1, /* this is no SCRAM */
        SCRAM_E_NONCE,      /* our own nonce does not come back, or nothing is added to it */
        SCRAM_E_ITERATIONS, /* fewer or more than the limits */
        SCRAM_E_EXTENSION,  /* one that must be understood, and is not */
        SCRAM_E_SIGNATURE,  /* the server does not know the password */
        SCRAM_E_SERVER,     /* the server says what is wrong: scram_error() */
        _SCRAM_E_MAX,
};

/* Return: 0, or -ENOMEM. */
int scram_new(const ScramOptions *options, Scram **ret_scram);
Scram *scram_free(Scram *scram);

/* Append the first message. Return: 0, or -ENOMEM. */
int scram_first(const Scram *scram, Buffer *out);

/* Append the answer to the server's first message. Return: 0, SCRAM_E_*, or a negative errno. */
int scram_answer(Scram *scram, ByteView server_first, Buffer *out);

/* The server's last message. Return: 0 if it has proved that it knows the password, SCRAM_E_*. */
int scram_verify(Scram *scram, ByteView server_last);
bool scram_is_verified(const Scram *scram);

/* After SCRAM_E_SERVER, in the server's words; dies with the next call. */
ByteView scram_error(const Scram *scram);

/* What a SCRAM_E_* means: the end of a sentence that begins with "the server". */
const char *scram_complaint(int error);

DEFINE_CLEANUP(Scram *, scram_free)
