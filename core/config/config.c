/* The configuration: reading the file, and the checked Config that comes of it. */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "config/config-draft.h"
#include "config/config-value.h"
#include "imap/mailbox-name.h"

#define MAX_FILE (1024 * 1024)

static uint16_t default_port(TlsMode tls) {
        switch (tls) {
        case TLS_IMPLICIT:
                return 993;
        case TLS_STARTTLS:
        case TLS_NONE:
                return 143;
        }

        abort(); /* the switch is complete */
}

static void endpoint_fill(Endpoint *endpoint, bool has_tls) {
        if (endpoint->tunnel && !has_tls)
                endpoint->tls = TLS_NONE;
        if (endpoint->host && endpoint->port == 0)
                endpoint->port = default_port(endpoint->tls);
}

/* The absolute folder of the file @path. NULL: see errno. */
static char *folder_of(const char *path) {
        const char *slash = strrchr(path, '/');
        int n = slash ? (int) (slash - path) : 0;
        _cleanup_free_ char *working = NULL;
        char *folder;

        if (path[0] == '/')
                return asprintf(&folder, "%.*s", n, path) < 0 ? NULL : folder;

        working = getcwd(NULL, 0);
        if (!working)
                return NULL;
        return asprintf(&folder, "%s/%.*s", working, n, path) < 0 ? NULL : folder;
}

/* The interval of [daemon] is that of mains power, unless [policy ac] has another one. */
static void take_policies(const ConfigDraft *draft, Config *config) {
        const ConfigSection *ac = config_draft_find(draft, CONFIG_SECTION_POLICY, "ac");
        Policy *policy = &config->policies[POLICY_AC];

        memcpy(config->policies, draft->daemon.policies, sizeof(config->policies));
        if (ac && ac->key_lines[CONFIG_KEY_POLICY_POLL_INTERVAL] > 0)
                config->poll_interval_usec = policy->poll_interval_usec;
        else
                policy->poll_interval_usec = config->poll_interval_usec;
}

/* Take the accounts out of a draft that was found good, each with its [local NAME]. */
static int config_take(ConfigDraft *draft, Config **ret_config) {
        _cleanup_(config_freep) Config *config = malloc(sizeof(*config));

        if (!config)
                return -ENOMEM;
        *config = (Config){
                .poll_interval_usec = draft->daemon.poll_interval_usec,
                .flag_scan_usec = draft->daemon.flag_scan_usec,
        };

        take_policies(draft, config);
        config->path = strdup(draft->report.path);
        config->accounts = calloc(draft->n_sections, sizeof(*config->accounts));
        if (!config->path || !config->accounts)
                return -ENOMEM;

        for (size_t i = 0; i < draft->n_sections; i++) {
                ConfigSection *section = &draft->sections[i], *local;
                AccountConfig *account = &config->accounts[config->n_accounts];

                if (section->type != CONFIG_SECTION_ACCOUNT)
                        continue;

                local = config_draft_find(draft, CONFIG_SECTION_LOCAL, section->account.name);
                if (local) {
                        section->account.local = local->account.local;
                        local->account.local = (Endpoint){};
                }
                *account = section->account;
                section->account = (AccountConfig){};
                config->n_accounts++;
        }

        *ret_config = TAKE_PTR(config);
        return 0;
}

/* What the user must mend, and -EINVAL; or -ENOMEM. */
static int config_refuse(ConfigReport *report, char **reterr) {
        if (report->out_of_memory)
                return -ENOMEM;

        *reterr = buffer_steal_string(&report->text);
        return -EINVAL;
}

int config_parse(ByteView text, const char *path, mode_t mode, const char *environ_home,
                 Config **ret_config, char **reterr) {
        _cleanup_free_ char *folder = folder_of(path);
        _cleanup_(config_draft_done) ConfigDraft draft = {
                .place = {.folder = folder,                .home = environ_home},
                .mode = mode,
                .report = {.path = path                   },
                .daemon = {.poll_interval_usec = 30 * USEC_PER_SEC, .flag_scan_usec = USEC_PER_DAY                    },
        };
        int r;

        *reterr = NULL;
        if (!folder)
                return errno > 0 ? -errno : -ENOMEM;
        memcpy(draft.daemon.policies, policy_defaults, sizeof(draft.daemon.policies));

        r = config_draft_parse(&draft, text);
        if (r < 0)
                return r;

        for (size_t i = 0; i < draft.n_sections; i++) {
                const bool has_tls = draft.sections[i].key_lines[CONFIG_KEY_TLS] > 0;

                endpoint_fill(&draft.sections[i].account.remote, has_tls);
                endpoint_fill(&draft.sections[i].account.local, has_tls);
        }

        config_draft_check(&draft);
        if (draft.report.n_errors > 0 || draft.report.out_of_memory)
                return config_refuse(&draft.report, reterr);

        return config_take(&draft, ret_config);
}

/* Read the whole of @fd. Room for the largest file is reserved at once, so that no password is left
 * behind by a buffer that grew. */
static int read_whole(int fd, Buffer *text) {
        int r;

        r = buffer_reserve(text, MAX_FILE + 1);
        if (r < 0)
                return r;

        for (;;) {
                ssize_t n = read(fd, text->data + text->size, text->capacity - text->size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;
                text->size += (size_t) n;
                if (text->size > MAX_FILE)
                        return -EFBIG;
        }
}

static void wipe(Buffer *text) {
        if (text->data)
                explicit_bzero(text->data, text->size);
        buffer_done(text);
}

int config_load(const char *path, const char *environ_home, Config **ret_config, char **reterr) {
        _cleanup_(wipe) Buffer text = BUFFER_NULL;
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        *reterr = NULL;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                r = -errno;
        else
                r = read_whole(fd, &text);
        if (r < 0) {
                errno = -r;
                if (asprintf(reterr, "%s: the configuration cannot be read: %m\n", path) < 0)
                        *reterr = NULL;
                return r;
        }

        return config_parse(buffer_view(&text), path, st.st_mode, environ_home, ret_config, reterr);
}

bool endpoint_has_secret(const Endpoint *endpoint) {
        const SecretSource *secret = &endpoint->secret;

        return secret->password || secret->command || secret->token_command || secret->file ||
               secret->credential;
}

const AccountConfig *config_find(const Config *config, const char *name) {
        for (size_t i = 0; i < config->n_accounts; i++)
                if (strcmp(config->accounts[i].name, name) == 0)
                        return &config->accounts[i];

        return NULL;
}

bool account_config_equal(const AccountConfig *a, const AccountConfig *b) {
        return strcmp(a->name, b->name) == 0 && config_keys_equal(CONFIG_SCOPE_ACCOUNT, a, b) &&
               config_keys_equal(CONFIG_SCOPE_ENDPOINT, &a->remote, &b->remote) &&
               config_keys_equal(CONFIG_SCOPE_ENDPOINT, &a->local, &b->local);
}

bool config_patterns_match(char *const *patterns, const char *mailbox) {
        bool wanted;

        if (!patterns)
                return true;

        /* A list that begins by excluding something excludes it from all there is. */
        wanted = patterns[0][0] == '!';
        for (; *patterns; patterns++) {
                bool excludes = (*patterns)[0] == '!';

                if (mailbox_name_matches(*patterns + excludes, mailbox))
                        wanted = !excludes;
        }

        return wanted;
}

bool account_config_wants(const AccountConfig *account, const char *mailbox) {
        return config_patterns_match(account->mailboxes, mailbox);
}

/* The word of the last line for this mailbox. Return: is there one? */
static bool find_word(char *const *lines, const char *mailbox, char ret_word[VALUE_WORD_MAX]) {
        bool found = false;

        for (; lines && *lines; lines++) {
                char word[VALUE_WORD_MAX];
                const char *pattern;

                if (value_split_word(*lines, word, &pattern) < 0 ||
                    (*pattern && !mailbox_name_matches(pattern, mailbox)))
                        continue;
                memcpy(ret_word, word, VALUE_WORD_MAX);
                found = true;
        }
        return found;
}

Direction account_config_direction(const AccountConfig *account, const char *mailbox) {
        Direction direction = DIRECTION_BOTH;
        char word[VALUE_WORD_MAX];

        if (find_word(account->directions, mailbox, word))
                (void) direction_parse(word, &direction);
        return direction;
}

uint64_t account_config_size_limit(const AccountConfig *account, const char *mailbox) {
        char word[VALUE_WORD_MAX];
        uint64_t limit = 0;

        if (find_word(account->size_limits, mailbox, word))
                (void) value_parse_size(word, &limit);
        return limit;
}

uint64_t account_config_age_limit(const AccountConfig *account, const char *mailbox) {
        char word[VALUE_WORD_MAX];
        uint64_t age = 0;

        if (find_word(account->age_limits, mailbox, word))
                (void) value_parse_age(word, &age);
        return age;
}

uint64_t account_config_count_limit(const AccountConfig *account, const char *mailbox) {
        char word[VALUE_WORD_MAX];
        uint64_t limit = 0;

        if (find_word(account->count_limits, mailbox, word))
                (void) value_parse_unsigned(word, 0, UINT32_MAX, &limit);
        return limit;
}

bool account_config_names(const AccountConfig *account, const char *mailbox) {
        bool named = false;

        for (char *const *patterns = account->mailboxes; patterns && *patterns; patterns++) {
                const bool excludes = (*patterns)[0] == '!';

                if (mailbox_name_matches(*patterns + excludes, mailbox))
                        named = !excludes && !strpbrk(*patterns, "*%");
        }

        return named;
}

Config *config_free(Config *config) {
        if (!config)
                return NULL;

        for (size_t i = 0; i < config->n_accounts; i++)
                account_config_done(&config->accounts[i]);
        free(config->accounts);
        free(config->path);
        config_keys_done(CONFIG_SCOPE_DAEMON, config);
        free(config);
        return NULL;
}
