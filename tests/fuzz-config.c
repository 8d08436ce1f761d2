/* Fuzz the configuration: whatever is accepted keeps what the header promises, whatever is refused
 * says why, line by line. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdint.h>

#include "config/config.h"

#define PATH "/nowhere/f.conf"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_endpoint(const Endpoint *endpoint) {
        const SecretSource *secret = &endpoint->secret;
        int n_secrets =
                !!secret->password + !!secret->command + !!secret->file + !!secret->credential;

        assert(!endpoint->host != !endpoint->tunnel);
        assert(!endpoint->host || endpoint->port > 0);
        assert(!endpoint->host || endpoint->user);
        assert(n_secrets == (endpoint->user ? 1 : 0));
}

static void check_config(const Config *config) {
        assert(config->n_accounts > 0);

        for (size_t i = 0; i < config->n_accounts; i++) {
                const AccountConfig *account = &config->accounts[i];

                assert(config_find(config, account->name) == account);
                assert(!strchr(account->name, '/') && strlen(account->name) <= 64);
                assert(account_config_equal(account, account));
                assert(account->connections >= 1 && account->connections <= 20);
                assert(account->brake_percent <= 100);
                assert(!account->maildir || account->maildir[0] == '/');
                check_endpoint(&account->remote);
                if (!account->maildir)
                        check_endpoint(&account->local);
        }
}

static void check_errors(ByteView errors) {
        assert(errors.size > 0);

        while (errors.size > 0) {
                const char *end = memchr(errors.data, '\n', errors.size);

                assert(end && bytes_starts_fold(errors, BYTES(PATH ":")));
                errors.size -= (size_t) (end + 1 - errors.data);
                errors.data = end + 1;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *errors = NULL;
        const ByteView text = {(const char *) data, size};
        int r;

        r = config_parse(text, PATH, 0600, "/nowhere/home", &config, &errors);
        assert(r == 0 || r == -EINVAL);
        if (r == 0)
                check_config(config);
        else
                check_errors(bytes_of(errors));

        return 0;
}
