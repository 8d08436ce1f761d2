/* The keys of the configuration: a table, and what can be done with all of it. */

#include "config/config-type.h"
#include "config/config-value.h"

#define DAEMON_KEY(name, type, field, ...)                                                         \
        { name, CONFIG_SCOPE_DAEMON, KEY_TYPE_##type, offsetof(Config, field), __VA_ARGS__ }
#define ACCOUNT_KEY(name, type, field, ...)                                                        \
        { name, CONFIG_SCOPE_ACCOUNT, KEY_TYPE_##type, offsetof(AccountConfig, field), __VA_ARGS__ }
#define ENDPOINT_KEY(name, type, field, ...)                                                       \
        { name, CONFIG_SCOPE_ENDPOINT, KEY_TYPE_##type, offsetof(Endpoint, field), __VA_ARGS__ }

#define POLICY_KEY(name, type, field, ...)                                                         \
        { name, CONFIG_SCOPE_POLICY, KEY_TYPE_##type, offsetof(Policy, field), __VA_ARGS__ }

/* clang-format off */
static const ConfigKey keys[_CONFIG_KEY_MAX] = {
        [CONFIG_KEY_POLL_INTERVAL]      = DAEMON_KEY("poll-interval", DURATION, poll_interval_usec, USEC_PER_SEC, USEC_PER_DAY),
        [CONFIG_KEY_FLAG_SCAN]          = DAEMON_KEY("flag-scan", DURATION, flag_scan_usec, 60 * USEC_PER_SEC, 30 * USEC_PER_DAY),

        [CONFIG_KEY_MAILDIR]            = ACCOUNT_KEY("maildir", PATH, maildir, 0, 0),
        [CONFIG_KEY_MAILDIR_LAYOUT]     = ACCOUNT_KEY("maildir-layout", LAYOUT, layout, 0, 0),
        [CONFIG_KEY_MAILBOXES]          = ACCOUNT_KEY("mailboxes", PATTERNS, mailboxes, 0, 0),
        [CONFIG_KEY_ONLY_SUBSCRIBED]    = ACCOUNT_KEY("only-subscribed", BOOL, only_subscribed, 0, 0),
        [CONFIG_KEY_DIRECTION]          = ACCOUNT_KEY("direction", DIRECTIONS, directions, 0, 0),
        [CONFIG_KEY_SIZE_LIMIT]         = ACCOUNT_KEY("size-limit", SIZES, size_limits, 0, 0),
        [CONFIG_KEY_AGE_LIMIT]          = ACCOUNT_KEY("age-limit", AGES, age_limits, 0, 0),
        [CONFIG_KEY_COUNT_LIMIT]        = ACCOUNT_KEY("count-limit", COUNTS, count_limits, 0, 0),
        [CONFIG_KEY_MAP]                = ACCOUNT_KEY("map", MAP, map, 0, 0),
        [CONFIG_KEY_DELETED_MESSAGES]   = ACCOUNT_KEY("deleted-messages", DELETED, deleted, 0, 0),
        [CONFIG_KEY_CONNECTIONS]        = ACCOUNT_KEY("connections", UNSIGNED, connections, 1, 20),
        [CONFIG_KEY_BRAKE]              = ACCOUNT_KEY("brake", PERCENT, brake_percent, 0, 0),
        [CONFIG_KEY_BRAKE_COUNT]        = ACCOUNT_KEY("brake-count", UNSIGNED, brake_count, 0, 1000000),
        [CONFIG_KEY_DELETE_MAILBOXES]   = ACCOUNT_KEY("delete-mailboxes", DELETION, delete_mailboxes, 0, 0),
        [CONFIG_KEY_TIMEOUT]            = ACCOUNT_KEY("timeout", DURATION, timeout_usec, 5 * USEC_PER_SEC, USEC_PER_HOUR),
        [CONFIG_KEY_ON_CHANGE]          = ACCOUNT_KEY("on-change", STRING, on_change, 0, 0),
        [CONFIG_KEY_ON_NEW]             = ACCOUNT_KEY("on-new", STRING, on_new, 0, 0),
        [CONFIG_KEY_HOOK_DELAY]         = ACCOUNT_KEY("hook-delay", DURATION, hook_delay_usec, 0, USEC_PER_HOUR),
        [CONFIG_KEY_HOOK_TIMEOUT]       = ACCOUNT_KEY("hook-timeout", DURATION, hook_timeout_usec, USEC_PER_SEC, USEC_PER_DAY),
        [CONFIG_KEY_HOOK_MAILBOXES]     = ACCOUNT_KEY("hook-mailboxes", PATTERNS, hook_mailboxes, 0, 0),
        [CONFIG_KEY_HOOK_LOCAL]         = ACCOUNT_KEY("hook-local", BOOL, hook_local, 0, 0),
        [CONFIG_KEY_NOTIFY]             = ACCOUNT_KEY("notify", BOOL, notify, 0, 0),
        [CONFIG_KEY_NOTIFY_MAILBOXES]   = ACCOUNT_KEY("notify-mailboxes", PATTERNS, notify_mailboxes, 0, 0),

        [CONFIG_KEY_TUNNEL]             = ENDPOINT_KEY("tunnel", STRING, tunnel, 0, 0),
        [CONFIG_KEY_HOST]               = ENDPOINT_KEY("host", HOST, host, 0, 0),
        [CONFIG_KEY_PORT]               = ENDPOINT_KEY("port", PORT, port, 1, UINT16_MAX),
        [CONFIG_KEY_PROXY]              = ENDPOINT_KEY("proxy", PROXY, proxy, 0, 0),
        [CONFIG_KEY_TLS]                = ENDPOINT_KEY("tls", TLS, tls, 0, 0),
        [CONFIG_KEY_ALLOW_CLEARTEXT]    = ENDPOINT_KEY("allow-cleartext", BOOL, allow_cleartext, 0, 0),
        [CONFIG_KEY_CA_FILE]            = ENDPOINT_KEY("ca-file", PATH, ca_file, 0, 0),
        [CONFIG_KEY_TLS_PIN]            = ENDPOINT_KEY("tls-pin", PINS, tls_pins, 0, 0),
        [CONFIG_KEY_TLS_CERTIFICATE]    = ENDPOINT_KEY("tls-certificate", PATH, tls_certificate, 0, 0),
        [CONFIG_KEY_TLS_KEY]            = ENDPOINT_KEY("tls-key", PATH, tls_key, 0, 0),
        [CONFIG_KEY_AUTH]               = ENDPOINT_KEY("auth", AUTH, auth, 0, 0),
        [CONFIG_KEY_TOKEN_COMMAND]      = ENDPOINT_KEY("token-command", STRING, secret.token_command, 0, 0),
        [CONFIG_KEY_USER]               = ENDPOINT_KEY("user", STRING, user, 0, 0),
        [CONFIG_KEY_PASSWORD]           = ENDPOINT_KEY("password", SECRET, secret.password, 0, 0),
        [CONFIG_KEY_PASSWORD_COMMAND]   = ENDPOINT_KEY("password-command", STRING, secret.command, 0, 0),
        [CONFIG_KEY_PASSWORD_FILE]      = ENDPOINT_KEY("password-file", PATH, secret.file, 0, 0),
        [CONFIG_KEY_CREDENTIAL]         = ENDPOINT_KEY("credential", NAME, secret.credential, 0, 0),
        [CONFIG_KEY_LIST_REFERENCE]     = ENDPOINT_KEY("list-reference", REFERENCE, list_reference, 0, 0),
        [CONFIG_KEY_DISABLE_EXTENSIONS] = ENDPOINT_KEY("disable-extensions", EXTENSIONS, overrides.disabled, 0, 0),
        [CONFIG_KEY_PIPELINE_DEPTH]     = ENDPOINT_KEY("pipeline-depth", UNSIGNED, overrides.n_commands, 1, 1000),
        [CONFIG_KEY_BANDWIDTH]          = ENDPOINT_KEY("bandwidth", RATE, bandwidth, VALUE_RATE_MIN, VALUE_RATE_MAX),
        [CONFIG_KEY_QUIRKS]             = ENDPOINT_KEY("quirks", QUIRKS, overrides, 0, 0),

        [CONFIG_KEY_POLICY_POLL_INTERVAL] = POLICY_KEY("poll-interval", DURATION, poll_interval_usec, USEC_PER_SEC, USEC_PER_DAY),
        [CONFIG_KEY_POLICY_IDLE]          = POLICY_KEY("idle", IDLE, idle, 0, 0),
        [CONFIG_KEY_POLICY_ALL_MAILBOXES] = POLICY_KEY("all-mailboxes", BOOL, all_mailboxes, 0, 0),
        [CONFIG_KEY_POLICY_SCAN_FLAGS]    = POLICY_KEY("scan-flags", BOOL, scan_flags, 0, 0),
        [CONFIG_KEY_POLICY_MAX_BODY]      = POLICY_KEY("max-body", SIZE, max_body, 0, 0),
        [CONFIG_KEY_POLICY_UPLOAD_DELAY]  = POLICY_KEY("upload-delay", DURATION, upload_delay_usec, 0, USEC_PER_HOUR),
};
/* clang-format on */

static void *field_of(const ConfigKey *key, void *object) {
        return (char *) object + key->offset;
}

static const void *const_field_of(const ConfigKey *key, const void *object) {
        return (const char *) object + key->offset;
}

const char *config_key_name(ConfigKeyId id) {
        return keys[id].name;
}

ConfigScope config_key_scope(ConfigKeyId id) {
        return keys[id].scope;
}

bool config_key_is_list(ConfigKeyId id) {
        switch (keys[id].type) {
        case KEY_TYPE_PATTERNS:
        case KEY_TYPE_PINS:
        case KEY_TYPE_DIRECTIONS:
        case KEY_TYPE_SIZES:
        case KEY_TYPE_AGES:
        case KEY_TYPE_COUNTS:
        case KEY_TYPE_MAP:
        case KEY_TYPE_EXTENSIONS:
        case KEY_TYPE_QUIRKS:
                return true;
        case KEY_TYPE_STRING:
        case KEY_TYPE_SECRET:
        case KEY_TYPE_NAME:
        case KEY_TYPE_PATH:
        case KEY_TYPE_REFERENCE:
        case KEY_TYPE_BOOL:
        case KEY_TYPE_PORT:
        case KEY_TYPE_UNSIGNED:
        case KEY_TYPE_PERCENT:
        case KEY_TYPE_DURATION:
        case KEY_TYPE_HOST:
        case KEY_TYPE_TLS:
        case KEY_TYPE_AUTH:
        case KEY_TYPE_LAYOUT:
        case KEY_TYPE_DELETED:
        case KEY_TYPE_DELETION:
        case KEY_TYPE_IDLE:
        case KEY_TYPE_SIZE:
        case KEY_TYPE_RATE:
        case KEY_TYPE_PROXY:
                return false;
        }
        abort();
}

ConfigKeyId config_key_find(const char *name, ConfigKeyId id) {
        id = id == _CONFIG_KEY_MAX ? 0 : id + 1;
        while (id < _CONFIG_KEY_MAX && strcmp(keys[id].name, name) != 0)
                id++;

        return id;
}

int config_key_set(ConfigKeyId id, void *object, const char *value, const ConfigPlace *place,
                   Buffer *reterr) {
        return config_type_set(&keys[id], field_of(&keys[id], object), value, place, reterr);
}

bool config_keys_equal(ConfigScope scope, const void *a, const void *b) {
        for (ConfigKeyId id = 0; id < _CONFIG_KEY_MAX; id++)
                if (keys[id].scope == scope &&
                    !config_type_equal(keys[id].type, const_field_of(&keys[id], a),
                                       const_field_of(&keys[id], b)))
                        return false;

        return true;
}

void config_keys_done(ConfigScope scope, void *object) {
        for (ConfigKeyId id = 0; id < _CONFIG_KEY_MAX; id++)
                if (keys[id].scope == scope)
                        config_type_done(keys[id].type, field_of(&keys[id], object));
}

void account_config_done(AccountConfig *account) {
        free(account->name);
        account->name = NULL;
        config_keys_done(CONFIG_SCOPE_ACCOUNT, account);
        config_keys_done(CONFIG_SCOPE_ENDPOINT, &account->remote);
        config_keys_done(CONFIG_SCOPE_ENDPOINT, &account->local);
}
