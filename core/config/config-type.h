#pragma once

/*
 * The types of the configuration's values: how each is parsed, compared and given back
 *
 * config-keys.c has the table of keys, which says of each what type it has and where its field is.
 */

#include "config/config-keys.h"

typedef enum ConfigKeyType {
        KEY_TYPE_STRING,     /* char *, as it is */
        KEY_TYPE_SECRET,     /* char *, never shown, wiped */
        KEY_TYPE_NAME,       /* char *, a file name without folder */
        KEY_TYPE_PATH,       /* char *, made absolute */
        KEY_TYPE_REFERENCE,  /* char *, how names of mailboxes begin on the server */
        KEY_TYPE_PATTERNS,   /* char **, NULL-terminated */
        KEY_TYPE_PINS,       /* char **, NULL-terminated */
        KEY_TYPE_DIRECTIONS, /* char **, NULL-terminated: a word, and a pattern or nothing */
        KEY_TYPE_SIZES,      /* the same: a size, and a pattern or nothing */
        KEY_TYPE_AGES,       /* a duration of at least a day, or 0, and so on */
        KEY_TYPE_COUNTS,     /* a number */
        KEY_TYPE_MAP,        /* char **, NULL-terminated: rules of imap/mailbox-map.h */
        KEY_TYPE_BOOL,       /* bool */
        KEY_TYPE_PORT,       /* uint16_t */
        KEY_TYPE_UNSIGNED,   /* unsigned */
        KEY_TYPE_PERCENT,    /* unsigned */
        KEY_TYPE_DURATION,   /* uint64_t, microseconds */
        KEY_TYPE_HOST,       /* char *, owned; an IPv6 address without brackets */
        KEY_TYPE_PROXY,      /* Proxy *, owned; never shown, wiped */
        KEY_TYPE_TLS,        /* TlsMode */
        KEY_TYPE_AUTH,       /* ImapAuth */
        KEY_TYPE_LAYOUT,     /* MaildirLayout */
        KEY_TYPE_DELETED,    /* DeletedMessages */
        KEY_TYPE_EXTENSIONS, /* uint64_t, capabilities as bits */
        KEY_TYPE_QUIRKS,     /* ImapOverrides: on and off */
        KEY_TYPE_DELETION,   /* MailboxDeletion */
        KEY_TYPE_IDLE,       /* PolicyIdle */
        KEY_TYPE_SIZE,       /* uint64_t, bytes */
        KEY_TYPE_RATE,       /* uint64_t, bytes a second */
} ConfigKeyType;

typedef struct ConfigKey {
        const char *name;
        ConfigScope scope;
        ConfigKeyType type;
        size_t offset;
        uint64_t min, max; /* of a number or a time */
} ConfigKey;

/* As config_key_set(). @field: of the key's type. */
int config_type_set(const ConfigKey *key, void *field, const char *value, const ConfigPlace *place,
                    Buffer *reterr);
bool config_type_equal(ConfigKeyType type, const void *a, const void *b);
void config_type_done(ConfigKeyType type, void *field);
