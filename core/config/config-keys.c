/* The keys of the configuration: a table, and what can be done with each type of value. */

#include <errno.h>
#include <stdio.h>

#include "config/config-keys.h"
#include "config/config-value.h"
#include "imap/capability.h"
#include "imap/mailbox-name.h"

typedef enum KeyType {
        KEY_TYPE_STRING,     /* char *, as it is */
        KEY_TYPE_SECRET,     /* char *, never shown, wiped */
        KEY_TYPE_NAME,       /* char *, a file name without folder */
        KEY_TYPE_PATH,       /* char *, made absolute */
        KEY_TYPE_REFERENCE,  /* char *, how names of mailboxes begin on the server */
        KEY_TYPE_PATTERNS,   /* char **, NULL-terminated */
        KEY_TYPE_PINS,       /* char **, NULL-terminated */
        KEY_TYPE_BOOL,       /* bool */
        KEY_TYPE_PORT,       /* uint16_t */
        KEY_TYPE_UNSIGNED,   /* unsigned */
        KEY_TYPE_PERCENT,    /* unsigned */
        KEY_TYPE_DURATION,   /* uint64_t, microseconds */
        KEY_TYPE_HOST,       /* char *, owned; an IPv6 address without brackets */
        KEY_TYPE_TLS,        /* TlsMode */
        KEY_TYPE_LAYOUT,     /* MaildirLayout */
        KEY_TYPE_DELETED,    /* DeletedMessages */
        KEY_TYPE_EXTENSIONS, /* uint64_t, capabilities as bits */
        KEY_TYPE_QUIRKS,     /* ImapOverrides: on and off */
        KEY_TYPE_DELETION,   /* MailboxDeletion */
} KeyType;

typedef struct Key {
        const char *name;
        ConfigScope scope;
        KeyType type;
        size_t offset;
        uint64_t min, max; /* of a number or a time */
} Key;

#define DAEMON_KEY(name, type, field, ...)                                                         \
        { name, CONFIG_SCOPE_DAEMON, KEY_TYPE_##type, offsetof(Config, field), __VA_ARGS__ }
#define ACCOUNT_KEY(name, type, field, ...)                                                        \
        { name, CONFIG_SCOPE_ACCOUNT, KEY_TYPE_##type, offsetof(AccountConfig, field), __VA_ARGS__ }
#define ENDPOINT_KEY(name, type, field, ...)                                                       \
        { name, CONFIG_SCOPE_ENDPOINT, KEY_TYPE_##type, offsetof(Endpoint, field), __VA_ARGS__ }

/* clang-format off */
static const Key keys[_CONFIG_KEY_MAX] = {
        [CONFIG_KEY_POLL_INTERVAL]      = DAEMON_KEY("poll-interval", DURATION, poll_interval_usec, USEC_PER_SEC, USEC_PER_DAY),
        [CONFIG_KEY_FLAG_SCAN]          = DAEMON_KEY("flag-scan", DURATION, flag_scan_usec, 60 * USEC_PER_SEC, 30 * USEC_PER_DAY),

        [CONFIG_KEY_MAILDIR]            = ACCOUNT_KEY("maildir", PATH, maildir, 0, 0),
        [CONFIG_KEY_MAILDIR_LAYOUT]     = ACCOUNT_KEY("maildir-layout", LAYOUT, layout, 0, 0),
        [CONFIG_KEY_MAILBOXES]          = ACCOUNT_KEY("mailboxes", PATTERNS, mailboxes, 0, 0),
        [CONFIG_KEY_ONLY_SUBSCRIBED]    = ACCOUNT_KEY("only-subscribed", BOOL, only_subscribed, 0, 0),
        [CONFIG_KEY_DELETED_MESSAGES]   = ACCOUNT_KEY("deleted-messages", DELETED, deleted, 0, 0),
        [CONFIG_KEY_CONNECTIONS]        = ACCOUNT_KEY("connections", UNSIGNED, connections, 1, 20),
        [CONFIG_KEY_BRAKE]              = ACCOUNT_KEY("brake", PERCENT, brake_percent, 0, 0),
        [CONFIG_KEY_BRAKE_COUNT]        = ACCOUNT_KEY("brake-count", UNSIGNED, brake_count, 0, 1000000),
        [CONFIG_KEY_DELETE_MAILBOXES]   = ACCOUNT_KEY("delete-mailboxes", DELETION, delete_mailboxes, 0, 0),
        [CONFIG_KEY_TIMEOUT]            = ACCOUNT_KEY("timeout", DURATION, timeout_usec, 5 * USEC_PER_SEC, USEC_PER_HOUR),

        [CONFIG_KEY_TUNNEL]             = ENDPOINT_KEY("tunnel", STRING, tunnel, 0, 0),
        [CONFIG_KEY_HOST]               = ENDPOINT_KEY("host", HOST, host, 0, 0),
        [CONFIG_KEY_PORT]               = ENDPOINT_KEY("port", PORT, port, 1, UINT16_MAX),
        [CONFIG_KEY_TLS]                = ENDPOINT_KEY("tls", TLS, tls, 0, 0),
        [CONFIG_KEY_ALLOW_CLEARTEXT]    = ENDPOINT_KEY("allow-cleartext", BOOL, allow_cleartext, 0, 0),
        [CONFIG_KEY_CA_FILE]            = ENDPOINT_KEY("ca-file", PATH, ca_file, 0, 0),
        [CONFIG_KEY_TLS_PIN]            = ENDPOINT_KEY("tls-pin", PINS, tls_pins, 0, 0),
        [CONFIG_KEY_USER]               = ENDPOINT_KEY("user", STRING, user, 0, 0),
        [CONFIG_KEY_PASSWORD]           = ENDPOINT_KEY("password", SECRET, secret.password, 0, 0),
        [CONFIG_KEY_PASSWORD_COMMAND]   = ENDPOINT_KEY("password-command", STRING, secret.command, 0, 0),
        [CONFIG_KEY_PASSWORD_FILE]      = ENDPOINT_KEY("password-file", PATH, secret.file, 0, 0),
        [CONFIG_KEY_CREDENTIAL]         = ENDPOINT_KEY("credential", NAME, secret.credential, 0, 0),
        [CONFIG_KEY_LIST_REFERENCE]     = ENDPOINT_KEY("list-reference", REFERENCE, list_reference, 0, 0),
        [CONFIG_KEY_DISABLE_EXTENSIONS] = ENDPOINT_KEY("disable-extensions", EXTENSIONS, overrides.disabled, 0, 0),
        [CONFIG_KEY_PIPELINE_DEPTH]     = ENDPOINT_KEY("pipeline-depth", UNSIGNED, overrides.n_commands, 1, 1000),
        [CONFIG_KEY_QUIRKS]             = ENDPOINT_KEY("quirks", QUIRKS, overrides, 0, 0),
};
/* clang-format on */

static const char *const tls_words[] = {
        [TLS_IMPLICIT] = "implicit",
        [TLS_STARTTLS] = "starttls",
        [TLS_NONE] = "none",
        NULL,
};

static const char *const layout_words[] = {
        [MAILDIR_LAYOUT_FS] = "fs",
        [MAILDIR_LAYOUT_MAILDIRPLUSPLUS] = "maildir++",
        NULL,
};

static const char *const deletion_words[] = {
        [MAILBOX_DELETION_ASK] = "ask",
        [MAILBOX_DELETION_YES] = "yes",
        [MAILBOX_DELETION_NEVER] = "never",
        NULL,
};

static const char *const deleted_words[] = {
        [DELETED_AUTO] = "auto",
        [DELETED_EXPUNGE] = "expunge",
        [DELETED_TRASH] = "trash",
        NULL,
};

static void *field_of(const Key *key, void *object) {
        return (char *) object + key->offset;
}

static const void *const_field_of(const Key *key, const void *object) {
        return (const char *) object + key->offset;
}

static int complain(Buffer *reterr, const char *value, const char *expected) {
        int r = buffer_append_format(reterr, "“%s” is not %s", value, expected);

        return r < 0 ? r : CONFIG_KEY_E_VALUE;
}

static int set_string(char **field, const char *value) {
        *field = strdup(value);
        return *field ? 0 : -ENOMEM;
}

static int set_host(char **field, const char *value, Buffer *reterr) {
        static const char expected[] = "a name or an address (a port has a key of its own)";
        int r = value_parse_host(value, field);

        return r == -EINVAL ? complain(reterr, value, expected) : r;
}

/* Drop what does not change a path: doubled and trailing slashes, "/./". In place; @path is absolute. */
static void path_tidy(char *path) {
        const char *from = path;
        char *to = path;

        while (*from) {
                size_t n;

                from += strspn(from, "/");
                n = strcspn(from, "/");
                if (n > 0 && !(n == 1 && from[0] == '.')) {
                        *to++ = '/';
                        memmove(to, from, n);
                        to += n;
                }
                from += n;
        }
        if (to == path)
                *to++ = '/';
        *to = '\0';
}

static int set_path(char **field, const char *value, const ConfigPlace *place, Buffer *reterr) {
        const char *parent = place->folder, *rest = value;
        char *path;

        if (value[0] == '~') {
                if (value[1] != '/' && value[1] != '\0')
                        return complain(reterr, value,
                                        "understood: of paths with a tilde only ~/... is");
                if (!place->home)
                        return complain(
                                reterr, value,
                                "to be found: there is no home directory, $HOME is not set");
                parent = place->home;
                rest = value + 1;
        } else if (value[0] == '/')
                parent = "";

        if (asprintf(&path, "%s/%s", parent, rest) < 0)
                return -ENOMEM;

        path_tidy(path);
        *field = path;
        return 0;
}

static int list_append(char ***list, const char *value, Buffer *reterr) {
        static const size_t max_values = 1000;
        size_t n = 0;
        char **grown;

        while (*list && (*list)[n])
                n++;
        if (n == max_values)
                return complain(reterr, value, "taken: there are 1000 already");

        grown = reallocarray(*list, n + 2, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        *list = grown;
        grown[n + 1] = NULL;
        grown[n] = strdup(value);

        return grown[n] ? 0 : -ENOMEM;
}

static int set_pattern(char ***field, const char *value, Buffer *reterr) {
        if (strcmp(value, "!") == 0)
                return complain(reterr, value, "a pattern: behind “!” stands what is excluded");

        return list_append(field, value, reterr);
}

static int set_pin(char ***field, const char *value, Buffer *reterr) {
        if (!value_is_pin(value))
                return complain(reterr, value,
                                "a pin: expected sha256: and the digest of the server's public key "
                                "in hexadecimal (64 digits) or base64 (44 characters)");

        return list_append(field, value, reterr);
}

static int set_name(char **field, const char *value, Buffer *reterr) {
        if (!value_is_name(value, 255))
                return complain(
                        reterr, value,
                        "the name of a credential: expected letters, digits, “-”, “_”, “.”");

        return set_string(field, value);
}

static int set_reference(char **field, const char *value, Buffer *reterr) {
        _cleanup_free_ char *wire = NULL;
        int r = mailbox_name_encode_reference(value, &wire);

        if (r > 0)
                return complain(reterr, value,
                                "a reference: expected how the names of mailboxes begin on the "
                                "server, in UTF-8 and without “*” and “%”");
        return r < 0 ? r : set_string(field, value);
}

static int set_bool(bool *field, const char *value, Buffer *reterr) {
        if (value_parse_bool(value, field) < 0)
                return complain(reterr, value, "a choice: expected yes or no");

        return 0;
}

static int set_percent(unsigned *field, const char *value, Buffer *reterr) {
        uint64_t percent;

        if (value_parse_percent(value, &percent) < 0)
                return complain(reterr, value, "a share: expected 0% to 100%");

        *field = (unsigned) percent;
        return 0;
}

static int parse_number(const Key *key, const char *value, uint64_t *ret_number, Buffer *reterr) {
        char expected[80];

        if (value_parse_unsigned(value, key->min, key->max, ret_number) == 0)
                return 0;

        (void) snprintf(expected, sizeof(expected), "a %s: expected a number from %llu to %llu",
                        key->type == KEY_TYPE_PORT ? "port" : "fitting number",
                        (unsigned long long) key->min, (unsigned long long) key->max);
        return complain(reterr, value, expected);
}

static int set_unsigned(const Key *key, unsigned *field, const char *value, Buffer *reterr) {
        uint64_t number;
        int r = parse_number(key, value, &number, reterr);

        if (r == 0)
                *field = (unsigned) number;
        return r;
}

static int set_port(const Key *key, uint16_t *field, const char *value, Buffer *reterr) {
        uint64_t number;
        int r = parse_number(key, value, &number, reterr);

        if (r == 0)
                *field = (uint16_t) number;
        return r;
}

static int set_duration(const Key *key, uint64_t *field, const char *value, Buffer *reterr) {
        char min[VALUE_DURATION_MAX], max[VALUE_DURATION_MAX], expected[120];
        uint64_t usec;

        if (value_parse_duration(value, &usec) == 0 && usec >= key->min && usec <= key->max) {
                *field = usec;
                return 0;
        }

        (void) snprintf(expected, sizeof(expected),
                        "a fitting time: expected %s to %s, written like 90s, 5min or 1h",
                        value_format_duration(key->min, min), value_format_duration(key->max, max));
        return complain(reterr, value, expected);
}

static int parse_word(const char *value, const char *const *words, Buffer *reterr) {
        int r = value_parse_word(value, words);

        if (r >= 0)
                return r;

        r = buffer_append_format(reterr, "“%s” is not known: expected ", value);
        for (size_t i = 0; r == 0 && words[i]; i++)
                r = buffer_append_format(reterr, "%s%s",
                                         i == 0         ? ""
                                         : words[i + 1] ? ", "
                                                        : " or ",
                                         words[i]);
        return r < 0 ? r : -EINVAL;
}

/* @field is of an enum, which has the type of its constants without a sign. */
static int set_word(unsigned *field, const char *value, const char *const *words, Buffer *reterr) {
        int r = parse_word(value, words, reterr);

        if (r < 0)
                return r == -EINVAL ? CONFIG_KEY_E_VALUE : r;

        *field = (unsigned) r;
        return 0;
}

/* Take the next word of a line of words, in place. NULL: there is none. */
static const char *take_word(char **rest) {
        char *word = *rest + strspn(*rest, " \t,");
        const size_t size = strcspn(word, " \t,");

        *rest = word + size;
        if (size == 0)
                return NULL;
        if (**rest)
                *(*rest)++ = '\0';
        return word;
}

/* Without these nobody can log in, or the password leaves in clear. */
static bool is_needed(ImapCapability capability) {
        return capability == IMAP_CAPABILITY_IMAP4REV1 || capability == IMAP_CAPABILITY_STARTTLS ||
               capability == IMAP_CAPABILITY_LOGINDISABLED;
}

static int set_extension(uint64_t *field, const char *word, Buffer *reterr) {
        const ImapCapability capability = imap_capability_find(bytes_of(word));

        if (capability == _IMAP_CAPABILITY_MAX)
                return complain(reterr, word,
                                "an extension that is made use of: expected a name as the server "
                                "says it, such as COMPRESS=DEFLATE");
        if (is_needed(capability))
                return complain(reterr, word, "one that can be done without");

        *field |= (uint64_t) 1 << capability;
        return 0;
}

static int set_quirk(ImapOverrides *field, const char *word, Buffer *reterr) {
        const bool off = word[0] == '!';
        const ImapQuirk quirk = imap_quirk_find(bytes_of(word + off));
        int r;

        if (quirk < _IMAP_QUIRK_MAX) {
                field->on &= ~IMAP_QUIRK_BIT(quirk);
                field->off &= ~IMAP_QUIRK_BIT(quirk);
                *(off ? &field->off : &field->on) |= IMAP_QUIRK_BIT(quirk);
                return 0;
        }

        r = buffer_append_format(reterr, "“%s” is not known: expected", word + off);
        for (unsigned i = 0; r == 0 && i < _IMAP_QUIRK_MAX; i++)
                r = buffer_append_format(reterr, "%s%s", i == 0 ? " " : ", ",
                                         imap_quirk_name((ImapQuirk) i));
        return r < 0 ? r : CONFIG_KEY_E_VALUE;
}

/* Each word of a line, up to the first that is wrong. */
static int set_words(KeyType type, void *field, const char *value, Buffer *reterr) {
        _cleanup_free_ char *copy = strdup(value);
        char *rest = copy;
        const char *word;
        int r = copy ? 0 : -ENOMEM;

        while (r == 0 && (word = take_word(&rest)))
                r = type == KEY_TYPE_QUIRKS ? set_quirk(field, word, reterr)
                                            : set_extension(field, word, reterr);
        return r;
}

const char *config_key_name(ConfigKeyId id) {
        return keys[id].name;
}

ConfigScope config_key_scope(ConfigKeyId id) {
        return keys[id].scope;
}

bool config_key_is_list(ConfigKeyId id) {
        const KeyType type = keys[id].type;

        return type == KEY_TYPE_PATTERNS || type == KEY_TYPE_PINS || type == KEY_TYPE_EXTENSIONS ||
               type == KEY_TYPE_QUIRKS;
}

ConfigKeyId config_key_find(const char *name) {
        ConfigKeyId id = 0;

        while (id < _CONFIG_KEY_MAX && strcmp(keys[id].name, name) != 0)
                id++;

        return id;
}

int config_key_set(ConfigKeyId id, void *object, const char *value, const ConfigPlace *place,
                   Buffer *reterr) {
        const Key *key = &keys[id];
        void *field = field_of(key, object);

        switch (key->type) {
        case KEY_TYPE_STRING:
        case KEY_TYPE_SECRET:
                return set_string(field, value);
        case KEY_TYPE_NAME:
                return set_name(field, value, reterr);
        case KEY_TYPE_PATH:
                return set_path(field, value, place, reterr);
        case KEY_TYPE_REFERENCE:
                return set_reference(field, value, reterr);
        case KEY_TYPE_PATTERNS:
                return set_pattern(field, value, reterr);
        case KEY_TYPE_PINS:
                return set_pin(field, value, reterr);
        case KEY_TYPE_BOOL:
                return set_bool(field, value, reterr);
        case KEY_TYPE_PORT:
                return set_port(key, field, value, reterr);
        case KEY_TYPE_UNSIGNED:
                return set_unsigned(key, field, value, reterr);
        case KEY_TYPE_PERCENT:
                return set_percent(field, value, reterr);
        case KEY_TYPE_DURATION:
                return set_duration(key, field, value, reterr);
        case KEY_TYPE_HOST:
                return set_host(field, value, reterr);
        case KEY_TYPE_TLS:
                return set_word(field, value, tls_words, reterr);
        case KEY_TYPE_LAYOUT:
                return set_word(field, value, layout_words, reterr);
        case KEY_TYPE_DELETION:
                return set_word(field, value, deletion_words, reterr);
        case KEY_TYPE_DELETED:
                return set_word(field, value, deleted_words, reterr);
        case KEY_TYPE_EXTENSIONS:
        case KEY_TYPE_QUIRKS:
                return set_words(key->type, field, value, reterr);
        }

        abort(); /* the switch is complete */
}

static bool strings_equal(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool lists_equal(char *const *a, char *const *b) {
        if (!a || !b)
                return a == b;

        for (; *a && *b; a++, b++)
                if (strcmp(*a, *b) != 0)
                        return false;

        return !*a && !*b;
}

static bool quirks_equal(const ImapOverrides *a, const ImapOverrides *b) {
        return a->on == b->on && a->off == b->off;
}

static bool fields_equal(const Key *key, const void *a, const void *b) {
        switch (key->type) {
        case KEY_TYPE_STRING:
        case KEY_TYPE_HOST:
        case KEY_TYPE_SECRET:
        case KEY_TYPE_NAME:
        case KEY_TYPE_PATH:
        case KEY_TYPE_REFERENCE:
                return strings_equal(*(char *const *) a, *(char *const *) b);
        case KEY_TYPE_PATTERNS:
        case KEY_TYPE_PINS:
                return lists_equal(*(char **const *) a, *(char **const *) b);
        case KEY_TYPE_BOOL:
                return *(const bool *) a == *(const bool *) b;
        case KEY_TYPE_PORT:
                return *(const uint16_t *) a == *(const uint16_t *) b;
        case KEY_TYPE_UNSIGNED:
        case KEY_TYPE_PERCENT:
                return *(const unsigned *) a == *(const unsigned *) b;
        case KEY_TYPE_DURATION:
                return *(const uint64_t *) a == *(const uint64_t *) b;
        case KEY_TYPE_TLS:
                return *(const TlsMode *) a == *(const TlsMode *) b;
        case KEY_TYPE_LAYOUT:
                return *(const MaildirLayout *) a == *(const MaildirLayout *) b;
        case KEY_TYPE_DELETION:
                return *(const MailboxDeletion *) a == *(const MailboxDeletion *) b;
        case KEY_TYPE_DELETED:
                return *(const DeletedMessages *) a == *(const DeletedMessages *) b;
        case KEY_TYPE_EXTENSIONS:
                return *(const uint64_t *) a == *(const uint64_t *) b;
        case KEY_TYPE_QUIRKS:
                return quirks_equal(a, b);
        }

        abort(); /* the switch is complete */
}

bool config_keys_equal(ConfigScope scope, const void *a, const void *b) {
        for (ConfigKeyId id = 0; id < _CONFIG_KEY_MAX; id++)
                if (keys[id].scope == scope &&
                    !fields_equal(&keys[id], const_field_of(&keys[id], a),
                                  const_field_of(&keys[id], b)))
                        return false;

        return true;
}

void config_secret_free(char *secret) {
        if (secret)
                explicit_bzero(secret, strlen(secret));
        free(secret);
}

static void list_free(char **list) {
        for (size_t i = 0; list && list[i]; i++)
                free(list[i]);
        free(list);
}

static void field_done(const Key *key, void *field) {
        switch (key->type) {
        case KEY_TYPE_STRING:
        case KEY_TYPE_HOST:
        case KEY_TYPE_NAME:
        case KEY_TYPE_PATH:
        case KEY_TYPE_REFERENCE:
                free(*(char **) field);
                *(char **) field = NULL;
                return;
        case KEY_TYPE_SECRET:
                config_secret_free(*(char **) field);
                *(char **) field = NULL;
                return;
        case KEY_TYPE_PATTERNS:
        case KEY_TYPE_PINS:
                list_free(*(char ***) field);
                *(char ***) field = NULL;
                return;
        case KEY_TYPE_BOOL:
        case KEY_TYPE_PORT:
        case KEY_TYPE_UNSIGNED:
        case KEY_TYPE_PERCENT:
        case KEY_TYPE_DURATION:
        case KEY_TYPE_TLS:
        case KEY_TYPE_LAYOUT:
        case KEY_TYPE_DELETION:
        case KEY_TYPE_DELETED:
        case KEY_TYPE_EXTENSIONS:
        case KEY_TYPE_QUIRKS:
                return;
        }

        abort(); /* the switch is complete */
}

void config_keys_done(ConfigScope scope, void *object) {
        for (ConfigKeyId id = 0; id < _CONFIG_KEY_MAX; id++)
                if (keys[id].scope == scope)
                        field_done(&keys[id], field_of(&keys[id], object));
}

void account_config_done(AccountConfig *account) {
        free(account->name);
        account->name = NULL;
        config_keys_done(CONFIG_SCOPE_ACCOUNT, account);
        config_keys_done(CONFIG_SCOPE_ENDPOINT, &account->remote);
        config_keys_done(CONFIG_SCOPE_ENDPOINT, &account->local);
}
