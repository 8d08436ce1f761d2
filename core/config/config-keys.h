#pragma once

/*
 * The keys of the configuration: one table drives parsing, the errors about values, comparing two
 * accounts, and giving the memory back
 */

#include "config/config.h"

/* Which object holds a key's field. */
typedef enum ConfigScope {
        CONFIG_SCOPE_DAEMON,   /* Config; section [daemon] */
        CONFIG_SCOPE_ACCOUNT,  /* AccountConfig; section [account NAME] */
        CONFIG_SCOPE_ENDPOINT, /* Endpoint; sections [account NAME] and [local NAME] */
        CONFIG_SCOPE_POLICY,   /* Policy; sections [policy ROW] */
} ConfigScope;

typedef enum ConfigKeyId {
        CONFIG_KEY_POLL_INTERVAL,
        CONFIG_KEY_FLAG_SCAN,
        CONFIG_KEY_MAILDIR,
        CONFIG_KEY_MAILDIR_LAYOUT,
        CONFIG_KEY_DELETED_MESSAGES,
        CONFIG_KEY_MAILBOXES,
        CONFIG_KEY_ONLY_SUBSCRIBED,
        CONFIG_KEY_DIRECTION,
        CONFIG_KEY_SIZE_LIMIT,
        CONFIG_KEY_AGE_LIMIT,
        CONFIG_KEY_COUNT_LIMIT,
        CONFIG_KEY_MAP,
        CONFIG_KEY_CONNECTIONS,
        CONFIG_KEY_BRAKE,
        CONFIG_KEY_BRAKE_COUNT,
        CONFIG_KEY_DELETE_MAILBOXES,
        CONFIG_KEY_TIMEOUT,
        CONFIG_KEY_ON_CHANGE,
        CONFIG_KEY_ON_NEW,
        CONFIG_KEY_HOOK_DELAY,
        CONFIG_KEY_HOOK_TIMEOUT,
        CONFIG_KEY_HOOK_MAILBOXES,
        CONFIG_KEY_HOOK_LOCAL,
        CONFIG_KEY_NOTIFY,
        CONFIG_KEY_NOTIFY_MAILBOXES,
        CONFIG_KEY_TUNNEL,
        CONFIG_KEY_HOST,
        CONFIG_KEY_PORT,
        CONFIG_KEY_PROXY,
        CONFIG_KEY_TLS,
        CONFIG_KEY_ALLOW_CLEARTEXT,
        CONFIG_KEY_CA_FILE,
        CONFIG_KEY_TLS_PIN,
        CONFIG_KEY_TLS_CERTIFICATE,
        CONFIG_KEY_TLS_KEY,
        CONFIG_KEY_USER,
        CONFIG_KEY_AUTH,
        CONFIG_KEY_TOKEN_COMMAND,
        CONFIG_KEY_PASSWORD,
        CONFIG_KEY_PASSWORD_COMMAND,
        CONFIG_KEY_PASSWORD_FILE,
        CONFIG_KEY_CREDENTIAL,
        CONFIG_KEY_LIST_REFERENCE,
        CONFIG_KEY_DISABLE_EXTENSIONS,
        CONFIG_KEY_PIPELINE_DEPTH,
        CONFIG_KEY_BANDWIDTH,
        CONFIG_KEY_QUIRKS,
        CONFIG_KEY_POLICY_POLL_INTERVAL,
        CONFIG_KEY_POLICY_IDLE,
        CONFIG_KEY_POLICY_ALL_MAILBOXES,
        CONFIG_KEY_POLICY_SCAN_FLAGS,
        CONFIG_KEY_POLICY_MAX_BODY,
        CONFIG_KEY_POLICY_UPLOAD_DELAY,
        _CONFIG_KEY_MAX,
} ConfigKeyId;

/* Against what relative paths and "~" stand. Borrowed. */
typedef struct ConfigPlace {
        const char *folder; /* absolute: of the configuration file */
        const char *home;   /* may be NULL */
} ConfigPlace;

enum {
        CONFIG_KEY_E_VALUE = 1, /* not such a value */
};

const char *config_key_name(ConfigKeyId id);
ConfigScope config_key_scope(ConfigKeyId id);

/* Does it take values on as many lines as wanted? */
bool config_key_is_list(ConfigKeyId id);

/* The next key of that name after @id (_CONFIG_KEY_MAX: the first), or _CONFIG_KEY_MAX. Sections may each
 * have a key of the same name. */
ConfigKeyId config_key_find(const char *name, ConfigKeyId id);

/**
 * config_key_set() - parse a value into its field
 * @object: what the key's scope says; the field was never set before, but for a list
 * @reterr: with CONFIG_KEY_E_VALUE: what is wrong and what was expected is appended; never shows a
 *          secret
 *
 * Return: 0, CONFIG_KEY_E_VALUE, -ENOMEM.
 */
int config_key_set(ConfigKeyId id, void *object, const char *value, const ConfigPlace *place,
                   Buffer *reterr);

/* Is every field of that scope the same in both? */
bool config_keys_equal(ConfigScope scope, const void *a, const void *b);

/* Free every field of that scope; secrets are wiped. */
void config_keys_done(ConfigScope scope, void *object);

void account_config_done(AccountConfig *account);

/* Wipe, then free. NULL is legal. */
void config_secret_free(char *secret);
