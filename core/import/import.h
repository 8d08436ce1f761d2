#pragma once

/*
 * Coming from another program: what its configuration and its state say, as accounts of ours
 *
 * Reading changes nothing. What cannot be brought over is a sentence in the notes; where going on could lose
 * or double mail, the import is refused, and the sentence says what to do. What both sides agreed on last
 * becomes the base, so that what has changed since on either side still travels; and until a first run has
 * seen the end of that, every deletion is held (MAILBOX_ADOPTED).
 */

#include "config/config.h"
#include "imap/flags.h"
#include "sync/direction.h"

typedef enum ImportProgram {
        IMPORT_MBSYNC,
        IMPORT_OFFLINEIMAP,
        IMPORT_INTERIMAP,
        _IMPORT_PROGRAM_MAX,
} ImportProgram;

/* A message that the other program knew on both sides, or left on one of them. */
typedef struct ImportMessage {
        uint32_t remote; /* UID; 0: it is not there, and is to stay away from there */
        uint32_t
                local; /* the number in its file's name, or its UID on a local server; 0: as above */
        MessageFlags flags; /* last agreed */
        char *file;         /* owned: its file's base name; NULL: not found */
        uint64_t object;    /* ReplicaMessage.object of the file */
} ImportMessage;

typedef struct ImportMailbox {
        char *name;       /* owned; UTF-8 with "/" */
        char *folder;     /* owned; name of its folder, if that is another */
        bool is_left_out; /* it is not to be synchronised */
        bool is_compared; /* no state of it is taken over: pairing does the work */
        Direction direction;
        uint32_t uidvalidity[2], uidnext; /* remote and local; of the remote side */
        ImportMessage *messages;          /* owned */
        size_t n_messages, n_allocated;

        /* What the report says: messages, and files that were never brought over. */
        uint64_t n_adopted, n_changed, n_gone, n_left, n_new;
} ImportMailbox;

typedef struct ImportAccount {
        char *name;      /* owned */
        Buffer settings; /* lines of [account NAME] */
        Buffer local;    /* of [local NAME]; empty: a Maildir */
        Buffer patterns; /* values of "mailboxes", a line each */
        Direction direction;
        Buffer directions; /* values of "direction" for some mailboxes, a line each */
        char **map;        /* owned, NULL-terminated: rules of imap/mailbox-map.h; NULL: none */
        bool is_listed; /* only the mailboxes that were found are wanted: patterns do not say it */
        char *root;     /* owned; NULL: the local side is a server */
        MaildirLayout layout;
        ImportMailbox *mailboxes; /* owned */
        size_t n_mailboxes;
} ImportAccount;

typedef struct Import {
        ImportProgram program;
        const char *path;        /* borrowed: its configuration */
        const char *home;        /* borrowed: for "~" */
        const char *data;        /* borrowed: $XDG_DATA_HOME, or NULL */
        Buffer notes;            /* sentences, a line each */
        Buffer refusals;         /* the same, why there will be no import */
        ImportAccount *accounts; /* owned */
        size_t n_accounts;
} Import;

const char *import_program_name(ImportProgram program);
/* Where its configuration is unless somebody says so; owned by the caller, NULL out of memory. @config_home:
 * $XDG_CONFIG_HOME or NULL. */
char *import_default_path(ImportProgram program, const char *home, const char *config_home);

/**
 * import_read() - read the configuration and the state of the other program
 * @import: program, path, home and data are given
 *
 * Return: 0 also if it is refused (refusals), -ENOMEM, or a negative errno from reading the configuration.
 */
int import_read(Import *import);
void import_done(Import *import);

/* The configuration for imapsyncd. Return: 0, -ENOMEM. */
int import_format_config(const Import *import, Buffer *out);

/* What was found, for a person. Return: 0, -ENOMEM. */
int import_format_report(const Import *import, Buffer *out);

/**
 * import_write_state() - the state database of an account
 * @path: must not exist; durable on return
 * @reterr: a sentence, owned by the caller, when anything but 0 is returned (NULL out of memory)
 */
int import_write_state(const ImportAccount *account, const char *path, char **reterr);
