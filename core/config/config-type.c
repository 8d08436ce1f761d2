/* The types of the configuration's values. */

#include <errno.h>
#include <stdio.h>

#include "config/config-proxy.h"
#include "config/config-type.h"
#include "config/config-value.h"
#include "imap/capability.h"
#include "imap/mailbox-map.h"
#include "imap/mailbox-name.h"

static const char *const tls_words[] = {
        [TLS_IMPLICIT] = "implicit",
        [TLS_STARTTLS] = "starttls",
        [TLS_NONE] = "none",
        NULL,
};

static const char *const auth_words[] = {
        [IMAP_AUTH_AUTOMATIC] = "automatic",
        [IMAP_AUTH_SCRAM_SHA_256_PLUS] = "scram-sha-256-plus",
        [IMAP_AUTH_SCRAM_SHA_1_PLUS] = "scram-sha-1-plus",
        [IMAP_AUTH_SCRAM_SHA_256] = "scram-sha-256",
        [IMAP_AUTH_SCRAM_SHA_1] = "scram-sha-1",
        [IMAP_AUTH_CRAM_MD5] = "cram-md5",
        [IMAP_AUTH_PLAIN] = "plain",
        [IMAP_AUTH_LOGIN] = "login",
        [IMAP_AUTH_EXTERNAL] = "external",
        [IMAP_AUTH_OAUTHBEARER] = "oauthbearer",
        [IMAP_AUTH_XOAUTH2] = "xoauth2",
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

static const char *const idle_words[] = {
        [POLICY_IDLE_NO] = "no",
        [POLICY_IDLE_QUIET] = "quiet",
        [POLICY_IDLE_YES] = "yes",
        NULL,
};

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

/* Never the value, which may hold a password. */
static int set_proxy(Proxy **field, const char *value, Buffer *reterr) {
        int r = proxy_parse(value, field), told;

        if (r <= 0)
                return r;
        told = buffer_append_format(reterr, "%s", proxy_parse_error(r));
        return told < 0 ? told : CONFIG_KEY_E_VALUE;
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

static bool is_word_of(ConfigKeyType type, const char *word) {
        Direction direction;
        uint64_t number;

        if (type == KEY_TYPE_DIRECTIONS)
                return direction_parse(word, &direction) == 0;
        if (type == KEY_TYPE_SIZES)
                return value_parse_size(word, &number) == 0;
        return type == KEY_TYPE_AGES ? value_parse_age(word, &number) == 0
                                     : value_parse_unsigned(word, 0, UINT32_MAX, &number) == 0;
}

/* A word, and a pattern or nothing. */
static int set_for_pattern(const ConfigKey *key, char ***field, const char *value, Buffer *reterr) {
        static const char *const words[] = {
                [KEY_TYPE_DIRECTIONS] = "a direction: expected both, pull, push or archive",
                [KEY_TYPE_SIZES] = "a size: expected bytes, written like 500k or 2M",
                [KEY_TYPE_AGES] = "an age: expected a day at least, written like 90d or 12w, or 0 "
                                  "for none",
                [KEY_TYPE_COUNTS] = "a count: expected a number of messages, or 0 for none",
        };
        char word[VALUE_WORD_MAX], expected[200];
        const char *pattern;

        if (value_split_word(value, word, &pattern) == 0 && is_word_of(key->type, word))
                return list_append(field, value, reterr);
        (void) snprintf(expected, sizeof(expected),
                        "%s, and behind it a pattern, unless it is for all mailboxes",
                        words[key->type]);
        return complain(reterr, value, expected);
}

static int set_rule(char ***field, const char *value, Buffer *reterr) {
        const int r = mailbox_map_check(*field, value);

        if (r == MAILBOX_MAP_E_RULE)
                return complain(reterr, value,
                                "a rule: expected the name of a mailbox on the server, “ -> ” and "
                                "its name here, with “/” between levels; INBOX stays INBOX");
        if (r == MAILBOX_MAP_E_TAKEN)
                return complain(
                        reterr, value,
                        "possible: two mailboxes would have the same name, by this rule and "
                        "one above");
        return r < 0 ? r : list_append(field, value, reterr);
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

static int parse_number(const ConfigKey *key, const char *value, uint64_t *ret_number,
                        Buffer *reterr) {
        char expected[80];

        if (value_parse_unsigned(value, key->min, key->max, ret_number) == 0)
                return 0;

        (void) snprintf(expected, sizeof(expected), "a %s: expected a number from %llu to %llu",
                        key->type == KEY_TYPE_PORT ? "port" : "fitting number",
                        (unsigned long long) key->min, (unsigned long long) key->max);
        return complain(reterr, value, expected);
}

static int set_unsigned(const ConfigKey *key, unsigned *field, const char *value, Buffer *reterr) {
        uint64_t number;
        int r = parse_number(key, value, &number, reterr);

        if (r == 0)
                *field = (unsigned) number;
        return r;
}

static int set_port(const ConfigKey *key, uint16_t *field, const char *value, Buffer *reterr) {
        uint64_t number;
        int r = parse_number(key, value, &number, reterr);

        if (r == 0)
                *field = (uint16_t) number;
        return r;
}

static int set_duration(const ConfigKey *key, uint64_t *field, const char *value, Buffer *reterr) {
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

static int set_size(uint64_t *field, const char *value, Buffer *reterr) {
        if (value_parse_size(value, field) < 0)
                return complain(reterr, value, "a size: expected bytes, written like 500k or 2M");

        return 0;
}

static int set_rate(const ConfigKey *key, uint64_t *field, const char *value, Buffer *reterr) {
        uint64_t rate;

        if (value_parse_rate(value, &rate) == 0 &&
            (rate == 0 || (rate >= key->min && rate <= key->max))) {
                *field = rate;
                return 0;
        }
        return complain(reterr, value,
                        "a fitting rate: expected 10kB/s to 10GB/s, written like 500kB/s or 2MB/s, "
                        "or 0 for no limit");
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
static int set_words(ConfigKeyType type, void *field, const char *value, Buffer *reterr) {
        _cleanup_free_ char *copy = strdup(value);
        char *rest = copy;
        const char *word;
        int r = copy ? 0 : -ENOMEM;

        while (r == 0 && (word = take_word(&rest)))
                r = type == KEY_TYPE_QUIRKS ? set_quirk(field, word, reterr)
                                            : set_extension(field, word, reterr);
        return r;
}

int config_type_set(const ConfigKey *key, void *field, const char *value, const ConfigPlace *place,
                    Buffer *reterr) {
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
        case KEY_TYPE_DIRECTIONS:
        case KEY_TYPE_SIZES:
        case KEY_TYPE_AGES:
        case KEY_TYPE_COUNTS:
                return set_for_pattern(key, field, value, reterr);
        case KEY_TYPE_MAP:
                return set_rule(field, value, reterr);
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
        case KEY_TYPE_PROXY:
                return set_proxy(field, value, reterr);
        case KEY_TYPE_TLS:
                return set_word(field, value, tls_words, reterr);
        case KEY_TYPE_AUTH:
                return set_word(field, value, auth_words, reterr);
        case KEY_TYPE_LAYOUT:
                return set_word(field, value, layout_words, reterr);
        case KEY_TYPE_DELETION:
                return set_word(field, value, deletion_words, reterr);
        case KEY_TYPE_DELETED:
                return set_word(field, value, deleted_words, reterr);
        case KEY_TYPE_IDLE:
                return set_word(field, value, idle_words, reterr);
        case KEY_TYPE_SIZE:
                return set_size(field, value, reterr);
        case KEY_TYPE_RATE:
                return set_rate(key, field, value, reterr);
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

bool config_type_equal(ConfigKeyType type, const void *a, const void *b) {
        switch (type) {
        case KEY_TYPE_STRING:
        case KEY_TYPE_HOST:
        case KEY_TYPE_SECRET:
        case KEY_TYPE_NAME:
        case KEY_TYPE_PATH:
        case KEY_TYPE_REFERENCE:
                return strings_equal(*(char *const *) a, *(char *const *) b);
        case KEY_TYPE_PATTERNS:
        case KEY_TYPE_PINS:
        case KEY_TYPE_DIRECTIONS:
        case KEY_TYPE_SIZES:
        case KEY_TYPE_AGES:
        case KEY_TYPE_COUNTS:
        case KEY_TYPE_MAP:
                return lists_equal(*(char **const *) a, *(char **const *) b);
        case KEY_TYPE_BOOL:
                return *(const bool *) a == *(const bool *) b;
        case KEY_TYPE_PORT:
                return *(const uint16_t *) a == *(const uint16_t *) b;
        case KEY_TYPE_UNSIGNED:
        case KEY_TYPE_PERCENT:
                return *(const unsigned *) a == *(const unsigned *) b;
        case KEY_TYPE_DURATION:
        case KEY_TYPE_SIZE:
        case KEY_TYPE_RATE:
                return *(const uint64_t *) a == *(const uint64_t *) b;
        case KEY_TYPE_PROXY:
                return proxy_equal(*(Proxy *const *) a, *(Proxy *const *) b);
        case KEY_TYPE_TLS:
                return *(const TlsMode *) a == *(const TlsMode *) b;
        case KEY_TYPE_AUTH:
                return *(const ImapAuth *) a == *(const ImapAuth *) b;
        case KEY_TYPE_LAYOUT:
                return *(const MaildirLayout *) a == *(const MaildirLayout *) b;
        case KEY_TYPE_DELETION:
                return *(const MailboxDeletion *) a == *(const MailboxDeletion *) b;
        case KEY_TYPE_DELETED:
                return *(const DeletedMessages *) a == *(const DeletedMessages *) b;
        case KEY_TYPE_IDLE:
                return *(const PolicyIdle *) a == *(const PolicyIdle *) b;
        case KEY_TYPE_EXTENSIONS:
                return *(const uint64_t *) a == *(const uint64_t *) b;
        case KEY_TYPE_QUIRKS:
                return quirks_equal(a, b);
        }

        abort(); /* the switch is complete */
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

void config_type_done(ConfigKeyType type, void *field) {
        switch (type) {
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
        case KEY_TYPE_PROXY:
                *(Proxy **) field = proxy_destroy(*(Proxy **) field);
                return;
        case KEY_TYPE_PATTERNS:
        case KEY_TYPE_PINS:
        case KEY_TYPE_DIRECTIONS:
        case KEY_TYPE_SIZES:
        case KEY_TYPE_AGES:
        case KEY_TYPE_COUNTS:
        case KEY_TYPE_MAP:
                list_free(*(char ***) field);
                *(char ***) field = NULL;
                return;
        case KEY_TYPE_BOOL:
        case KEY_TYPE_PORT:
        case KEY_TYPE_UNSIGNED:
        case KEY_TYPE_PERCENT:
        case KEY_TYPE_DURATION:
        case KEY_TYPE_TLS:
        case KEY_TYPE_AUTH:
        case KEY_TYPE_LAYOUT:
        case KEY_TYPE_DELETION:
        case KEY_TYPE_DELETED:
        case KEY_TYPE_EXTENSIONS:
        case KEY_TYPE_QUIRKS:
        case KEY_TYPE_IDLE:
        case KEY_TYPE_SIZE:
        case KEY_TYPE_RATE:
                return;
        }

        abort(); /* the switch is complete */
}
