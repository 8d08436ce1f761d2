/* Where a password is kept. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/macro.h"
#include "ctl/client.h"
#include "ctl/setup-file.h"
#include "ctl/setup-program.h"
#include "ctl/setup-secret.h"

static const struct {
        const char *word, *sentence;
} kinds[_SECRET_KIND_MAX] = {
        [SECRET_UNSAID] = {"",            ""                                             },
        [SECRET_COMMAND] = {"command",     "a command of yours prints it"                 },
        [SECRET_TOKEN] = {"",            "a command of yours prints a token (OAuth)"    },
        [SECRET_TOOL] = {"secret-tool", "the keyring of the desktop (secret-tool)"     },
        [SECRET_PASS] = {"pass",        "the password store (pass)"                    },
        [SECRET_CREDENTIAL] = {"credential",  "a file that systemd hands to the service only"},
        [SECRET_FILE] = {"file",        "a file that only you can read"                },
};

SecretKind secret_kind_of(const char *word) {
        for (int i = SECRET_TOOL; i < _SECRET_KIND_MAX; i++)
                if (strcmp(kinds[i].word, word) == 0)
                        return (SecretKind) i;
        return SECRET_UNSAID;
}

const char *secret_kind_word(SecretKind kind) {
        return kinds[kind].word;
}

const char *secret_kind_sentence(SecretKind kind) {
        return kinds[kind].sentence;
}

/* pass has a store once it knows a key. */
static bool has_store(void) {
        const char *folder = getenv("PASSWORD_STORE_DIR"), *home = getenv("HOME");
        _cleanup_free_ char *path = NULL;

        if ((folder ? asprintf(&path, "%s/.gpg-id", folder)
                    : asprintf(&path, "%s/.password-store/.gpg-id", home ? home : "")) < 0) {
                path = NULL;
                return false;
        }
        return access(path, R_OK) == 0;
}

bool secret_kind_is_possible(SecretKind kind) {
        switch (kind) {
        case SECRET_UNSAID:
        case _SECRET_KIND_MAX:
                return false;
        case SECRET_COMMAND:
        case SECRET_TOKEN:
        case SECRET_FILE:
                return true;
        case SECRET_TOOL:
                return program_exists("secret-tool");
        case SECRET_PASS:
                return program_exists("pass") && has_store();
        case SECRET_CREDENTIAL:
                return program_exists("systemctl");
        }

        abort(); /* the switch is complete */
}

char *secret_path(const SecretPlace *place) {
        const char *prefix = place->kind == SECRET_CREDENTIAL ? "imap." : "password.";
        char *path;

        return asprintf(&path, "%s/%s%s", place->folder, prefix, place->account) < 0 ? NULL : path;
}

int secret_key(const SecretPlace *place, const char **ret_key, char **ret_value) {
        const char *key = "password-command";
        char *value = NULL;
        int n = 0;

        switch (place->kind) {
        case SECRET_UNSAID:
        case _SECRET_KIND_MAX:
                abort(); /* it has been asked */
        case SECRET_TOKEN:
                key = "token-command";
                value = strdup(place->command);
                break;
        case SECRET_COMMAND:
                value = strdup(place->command);
                break;
        case SECRET_TOOL:
                n = asprintf(&value, "secret-tool lookup imap %s", place->account);
                break;
        case SECRET_PASS:
                n = asprintf(&value, "pass show imap/%s", place->account);
                break;
        case SECRET_CREDENTIAL:
                key = "credential";
                n = asprintf(&value, "imap.%s", place->account);
                break;
        case SECRET_FILE:
                key = "password-file";
                value = secret_path(place);
                break;
        }
        if (n < 0 || !value)
                return -ENOMEM;
        *ret_key = key;
        *ret_value = value;
        return 0;
}

static int path_exists(const SecretPlace *place) {
        _cleanup_free_ char *path = secret_path(place);

        if (!path)
                return -ENOMEM;
        if (access(path, F_OK) == 0)
                return 1;
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
}

/* Does the command print something? */
static int prints(const char *const *words) {
        _cleanup_(buffer_done) Buffer output = BUFFER_NULL;
        const Program program = {.words = words, .output = &output, .be_quiet = true};
        const int r = program_run(&program);
        const bool is_there = r == 0 && output.size > 0;

        if (output.size > 0)
                explicit_bzero(output.data, output.size);
        return r < 0 ? r : is_there;
}

/* pass keeps each as a file: no passphrase is needed to see that. */
static int store_has(const char *account) {
        const char *folder = getenv("PASSWORD_STORE_DIR"), *home = getenv("HOME");
        _cleanup_free_ char *path = NULL;

        if ((folder ? asprintf(&path, "%s/imap/%s.gpg", folder, account)
                    : asprintf(&path, "%s/.password-store/imap/%s.gpg", home ? home : "",
                               account)) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        return access(path, F_OK) == 0;
}

int secret_exists(const SecretPlace *place) {
        const char *const lookup[] = {"secret-tool", "lookup", "imap", place->account, NULL};

        switch (place->kind) {
        case SECRET_UNSAID:
        case _SECRET_KIND_MAX:
                return 0;
        case SECRET_COMMAND:
        case SECRET_TOKEN:
                return 1;
        case SECRET_TOOL:
                return prints(lookup);
        case SECRET_PASS:
                return store_has(place->account);
        case SECRET_CREDENTIAL:
        case SECRET_FILE:
                return path_exists(place);
        }

        abort(); /* the switch is complete */
}

static int tell(const char *const *words, const char *password) {
        const Program program = {.words = words, .input = bytes_of(password)};
        const int r = program_run(&program);

        if (r == 0)
                return 0;
        if (r < 0)
                complain("%s: %s", words[0], strerror(-r));
        else
                complain("%s did not take the password: it ended with status %d.", words[0], r);
        return r < 0 ? r : -EIO;
}

static int keep_in_file(const SecretPlace *place, const char *password) {
        _cleanup_free_ char *path = secret_path(place);
        int r = path ? file_create(path, bytes_of(password)) : -ENOMEM;

        if (r < 0)
                complain("%s: %s", path ? path : place->folder, strerror(-r));
        return r;
}

int secret_keep(const SecretPlace *place, const char *password) {
        _cleanup_free_ char *label = NULL, *name = NULL;
        int r = asprintf(&label, "--label=imapsyncd: %s", place->account);

        if (r >= 0)
                r = asprintf(&name, "imap/%s", place->account);
        if (r < 0)
                return -ENOMEM;

        const char *const store[] = {"secret-tool", "store", label, "imap", place->account, NULL};
        const char *const insert[] = {"pass", "insert", "--multiline", name, NULL};

        switch (place->kind) {
        case SECRET_UNSAID:
        case _SECRET_KIND_MAX:
        case SECRET_COMMAND:
        case SECRET_TOKEN:
                return 0;
        case SECRET_TOOL:
                return tell(store, password);
        case SECRET_PASS:
                return tell(insert, password);
        case SECRET_CREDENTIAL:
        case SECRET_FILE:
                return keep_in_file(place, password);
        }

        abort(); /* the switch is complete */
}
