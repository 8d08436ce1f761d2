/* Coming from another program: what is common to all of them. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/foreign.h"
#include "import/import-private.h"

static const char *const programs[_IMPORT_PROGRAM_MAX] = {
        [IMPORT_MBSYNC] = "mbsync",
        [IMPORT_OFFLINEIMAP] = "offlineimap",
        [IMPORT_INTERIMAP] = "interimap",
};

const char *import_program_name(ImportProgram program) {
        return programs[program];
}

char *import_default_path(ImportProgram program, const char *home, const char *config_home) {
        static const char *const names[] = {
                [IMPORT_MBSYNC] = ".mbsyncrc",
                [IMPORT_OFFLINEIMAP] = ".offlineimaprc",
                [IMPORT_INTERIMAP] = ".config/interimap/config",
        };
        char *path;
        int n;

        if (program == IMPORT_INTERIMAP && config_home && config_home[0] == '/')
                n = asprintf(&path, "%s/interimap/config", config_home);
        else
                n = asprintf(&path, "%s/%s", home, names[program]);
        return n < 0 ? NULL : path;
}

/* --- sentences --- */

static int say(Buffer *out, const Import *import, unsigned line, const char *format, va_list args) {
        char *sentence;
        int r = 0;

        if (vasprintf(&sentence, format, args) < 0)
                return -ENOMEM;
        if (line > 0)
                r = buffer_append_format(out, "%s:%u: ", import->path, line);
        if (r >= 0)
                r = foreign_append(out, bytes_of(sentence), 4096);
        if (r >= 0)
                r = buffer_append_string(out, "\n");
        free(sentence);
        return r;
}

int import_note(Import *import, unsigned line, const char *format, ...) {
        va_list args;
        int r;

        va_start(args, format);
        r = say(&import->notes, import, line, format, args);
        va_end(args);
        return r;
}

int import_refuse(Import *import, unsigned line, const char *format, ...) {
        va_list args;
        int r;

        va_start(args, format);
        r = say(&import->refusals, import, line, format, args);
        va_end(args);
        return r;
}

/* --- the model --- */

static void mailbox_done(ImportMailbox *mailbox) {
        for (size_t i = 0; i < mailbox->n_messages; i++)
                free(mailbox->messages[i].file);
        free(mailbox->messages);
        free(mailbox->name);
        free(mailbox->folder);
}

static void account_done(ImportAccount *account) {
        for (size_t i = 0; i < account->n_mailboxes; i++)
                mailbox_done(&account->mailboxes[i]);
        free(account->mailboxes);
        free(account->name);
        free(account->root);
        if (account->settings.data) /* may hold a password */
                explicit_bzero(account->settings.data, account->settings.capacity);
        buffer_done(&account->settings);
        buffer_done(&account->local);
        buffer_done(&account->patterns);
        buffer_done(&account->directions);
        for (size_t i = 0; account->map && account->map[i]; i++)
                free(account->map[i]);
        free(account->map);
}

void import_done(Import *import) {
        for (size_t i = 0; i < import->n_accounts; i++)
                account_done(&import->accounts[i]);
        free(import->accounts);
        buffer_done(&import->notes);
        buffer_done(&import->refusals);
        *import = (Import){0};
}

static bool is_taken(const Import *import, const char *name) {
        for (size_t i = 0; i < import->n_accounts; i++)
                if (strcmp(import->accounts[i].name, name) == 0)
                        return true;
        return false;
}

#define MAX_NAME 48

/* Letters, digits, "-", "_" and "." are fit for a name. */
static char *fit_name(const Import *import, const char *name) {
        char fit[MAX_NAME + 1], *unlike = NULL;
        size_t n = 0;

        for (; *name && n < MAX_NAME; name++) {
                const bool good = (*name >= 'a' && *name <= 'z') ||
                                  (*name >= 'A' && *name <= 'Z') ||
                                  (*name >= '0' && *name <= '9') || *name == '_' ||
                                  (n > 0 && (*name == '-' || *name == '.'));

                fit[n++] = (char) (good ? *name : '_');
        }
        fit[n] = '\0';
        if (n == 0)
                strcpy(fit, "mail");
        for (unsigned i = 1;; i++) {
                const int k =
                        i == 1 ? asprintf(&unlike, "%s", fit) : asprintf(&unlike, "%s-%u", fit, i);

                if (k < 0)
                        return NULL;
                if (!is_taken(import, unlike))
                        return unlike;
                free(unlike);
        }
}

int import_add_account(Import *import, const char *name, ImportAccount **ret_account) {
        ImportAccount *grown =
                reallocarray(import->accounts, import->n_accounts + 1, sizeof(*grown));
        char *fit;

        if (!grown)
                return -ENOMEM;
        import->accounts = grown;
        fit = fit_name(import, name);
        if (!fit)
                return -ENOMEM;
        *ret_account = &grown[import->n_accounts++];
        **ret_account = (ImportAccount){.name = fit};
        return 0;
}

int import_add_mailbox(ImportAccount *account, const char *name, ImportMailbox **ret_mailbox) {
        ImportMailbox *grown =
                reallocarray(account->mailboxes, account->n_mailboxes + 1, sizeof(*grown));
        char *copy = strdup(name);

        if (grown)
                account->mailboxes = grown;
        if (!grown || !copy) {
                free(copy);
                return -ENOMEM;
        }
        *ret_mailbox = &grown[account->n_mailboxes++];
        **ret_mailbox = (ImportMailbox){.name = copy};
        return 0;
}

int import_add_message(ImportMailbox *mailbox, const ImportMessage *message) {
        if (mailbox->n_messages == mailbox->n_allocated) {
                const size_t n = mailbox->n_allocated ? mailbox->n_allocated * 2 : 64;
                ImportMessage *grown = reallocarray(mailbox->messages, n, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                mailbox->messages = grown;
                mailbox->n_allocated = n;
        }
        mailbox->messages[mailbox->n_messages++] = *message;
        return 0;
}

/* --- settings --- */

static bool needs_quotes(const char *value) {
        const size_t n = strlen(value);

        return n == 0 || value[0] == ' ' || value[n - 1] == ' ' || value[0] == '"' ||
               strchr(value, '#') || strchr(value, ';');
}

static int append_quoted(Buffer *out, const char *value) {
        int r = buffer_append_string(out, "\"");

        for (; r >= 0 && *value; value++) {
                if (*value == '"' || *value == '\\')
                        r = buffer_append_string(out, "\\");
                if (r >= 0)
                        r = buffer_append(out, value, 1);
        }
        return r < 0 ? r : buffer_append_string(out, "\"");
}

int import_append_value(Buffer *out, const char *value) {
        return needs_quotes(value) ? append_quoted(out, value) : buffer_append_string(out, value);
}

int import_set(Import *import, Buffer *section, unsigned line, const char *key, const char *value) {
        int r;

        for (const char *c = value; *c; c++)
                if ((unsigned char) *c < 0x20 || *c == 0x7f)
                        return import_refuse(import, line,
                                             "the value for “%s” has a control character", key);
        r = buffer_append_format(section, "%s = ", key);
        if (r >= 0)
                r = import_append_value(section, value);
        return r < 0 ? r : buffer_append_string(section, "\n");
}

/* --- files --- */

int import_expand(const Import *import, const char *path, char **ret_path) {
        const bool is_home = path[0] == '~' && (path[1] == '/' || path[1] == '\0');
        char *expanded;

        if (asprintf(&expanded, "%s%s", is_home ? import->home : "", path + (is_home ? 1 : 0)) < 0)
                return -ENOMEM;
        for (size_t n = strlen(expanded); n > 1 && expanded[n - 1] == '/'; n--)
                expanded[n - 1] = '\0';
        *ret_path = expanded;
        return 0;
}

int import_load(const char *path, Buffer *out) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        for (;;) {
                ssize_t n;
                int r = buffer_reserve(out, 65536);

                if (r < 0)
                        return r;
                n = read(fd, out->data + out->size, 65536);
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;
                out->size += (size_t) n;
                if (out->size > IMPORT_MAX_FILE)
                        return -EFBIG;
        }
}

bool import_exists(const char *path) {
        struct stat st;

        return lstat(path, &st) == 0;
}

bool import_is_same(const char *path, const char *other) {
        struct stat a, b;

        return strcmp(path, other) == 0 || (stat(path, &a) == 0 && stat(other, &b) == 0 &&
                                            a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

bool import_is_locked(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

        return fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

int import_read(Import *import) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r;

        r = import_load(import->path, &text);
        if (r < 0)
                return r;
        switch (import->program) {
        case IMPORT_MBSYNC:
                return import_read_mbsync(import, buffer_view(&text));
        case IMPORT_OFFLINEIMAP:
                return import_read_offlineimap(import, buffer_view(&text));
        case IMPORT_INTERIMAP:
                return import_read_interimap(import, buffer_view(&text));
        case _IMPORT_PROGRAM_MAX:
                break;
        }
        abort();
}
