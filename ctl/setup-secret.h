#pragma once

/*
 * Where a password is kept: asking whether it is there already, and keeping it
 *
 * What is there is used and never overwritten.
 */

#include "base/bytes.h"

typedef enum SecretKind {
        SECRET_UNSAID,
        SECRET_COMMAND,    /* the user's own: nothing is kept here */
        SECRET_TOOL,       /* the secret service of the desktop, by secret-tool */
        SECRET_PASS,       /* pass(1) */
        SECRET_CREDENTIAL, /* a file that systemd hands to the service (LoadCredential=) */
        SECRET_FILE,       /* a file that nobody else can read */
        _SECRET_KIND_MAX,
} SecretKind;

/* "secret-tool", "pass", ...; SECRET_UNSAID for another word. */
SecretKind secret_kind_of(const char *word);
const char *secret_kind_word(SecretKind kind);

/* In plain words, for a list of choices. */
const char *secret_kind_sentence(SecretKind kind);

/* Is what it needs on this machine? */
bool secret_kind_is_possible(SecretKind kind);

typedef struct SecretPlace {
        SecretKind kind;
        const char *account; /* borrowed: its name */
        const char *folder;  /* borrowed: of the configuration */
        const char *command; /* borrowed, of SECRET_COMMAND */
} SecretPlace;

/* The file of SECRET_CREDENTIAL and SECRET_FILE; owned by the caller. NULL: out of memory. */
char *secret_path(const SecretPlace *place);

/* The key of the configuration and its value, which is owned by the caller. Return: 0, -ENOMEM. */
int secret_key(const SecretPlace *place, const char **ret_key, char **ret_value);

/* Is there a password in that place already? Return: 1 yes, 0 no, or a negative errno. */
int secret_exists(const SecretPlace *place);

/* Keep it there. Return: 0, or a negative errno after a sentence on stderr. */
int secret_keep(const SecretPlace *place, const char *password);
