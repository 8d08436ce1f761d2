/*
 * Which mailboxes of a tree are subscribed, in the file that Dovecot has for it.
 *
 * Its first form has a name a line, with the layout's own separator; the second has a header, and tabs
 * between the levels. Names that are not ours to judge are kept as they are.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "store/maildir-private.h"

#define LOCK_FILE  MAILDIR_SUBSCRIPTIONS_FILE ".lock"
#define SIZE_LIMIT (4u * 1024 * 1024)

static const char header[] = "V\t2\n\n";

void maildir_subscriptions_done(MaildirSubscriptions *subscriptions) {
        for (size_t i = 0; i < subscriptions->n_names; i++)
                free(subscriptions->names[i]);
        free(subscriptions->names);
        *subscriptions = MAILDIR_SUBSCRIPTIONS_NULL;
}

/* The separator of the file. */
static char separator(const MaildirRoot *root, const MaildirSubscriptions *subscriptions) {
        if (subscriptions->has_tabs)
                return '\t';
        return root->layout == MAILDIR_LAYOUT_FS ? '/' : '.';
}

static int add_name(MaildirSubscriptions *subscriptions, ByteView name, char from) {
        char **grown, *copy;

        grown = reallocarray(subscriptions->names, subscriptions->n_names + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        subscriptions->names = grown;
        copy = bytes_dup(name);
        if (!copy)
                return -ENOMEM;
        for (char *c = copy; *c; c++)
                if (*c == from)
                        *c = '/';
        grown[subscriptions->n_names++] = copy;
        return 0;
}

static int parse(const MaildirRoot *root, ByteView text, MaildirSubscriptions *subscriptions) {
        const ByteView head = BYTES(header);
        int r = 0;

        subscriptions->exists = true;
        subscriptions->has_tabs =
                text.size >= head.size && memcmp(text.data, head.data, head.size) == 0;
        if (subscriptions->has_tabs)
                text = (ByteView){text.data + head.size, text.size - head.size};

        while (text.size > 0 && r >= 0) {
                const ByteView line = bytes_take_until(&text, '\n');

                if (line.size > 0 && !memchr(line.data, '\0', line.size))
                        r = add_name(subscriptions, line, separator(root, subscriptions));
        }
        return r;
}

/* Return: -ENOENT also if there is something that is no file. */
static int open_file(int root, int *ret_fd) {
        _cleanup_close_ int fd = -1;
        struct stat st;

        /* O_NONBLOCK: a FIFO must not stop us before we see that it is one */
        fd = openat(root, MAILDIR_SUBSCRIPTIONS_FILE,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
                return errno == ELOOP || errno == ENXIO ? -ENOENT : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -ENOENT;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int read_file(int root, Buffer *text) {
        _cleanup_close_ int fd = -1;
        char piece[4096];
        int r;

        r = open_file(root, &fd);
        if (r < 0)
                return r;
        for (;;) {
                ssize_t n = read(fd, piece, sizeof(piece));

                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;
                if (text->size > SIZE_LIMIT)
                        return -E2BIG;
                r = buffer_append(text, piece, (size_t) n);
                if (r < 0)
                        return r;
        }
}

int maildir_subscriptions_load(const MaildirRoot *root, MaildirSubscriptions *ret_subscriptions) {
        _cleanup_(maildir_subscriptions_done) MaildirSubscriptions subscriptions =
                MAILDIR_SUBSCRIPTIONS_NULL;
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r;

        r = read_file(root->fd, &text);
        if (r == 0)
                r = parse(root, buffer_view(&text), &subscriptions);
        if (r < 0 && r != -ENOENT)
                return r;

        *ret_subscriptions = subscriptions;
        subscriptions = MAILDIR_SUBSCRIPTIONS_NULL;
        return 0;
}

static size_t position(const MaildirSubscriptions *subscriptions, const char *mailbox) {
        size_t i = 0;

        while (i < subscriptions->n_names && strcmp(subscriptions->names[i], mailbox) != 0)
                i++;
        return i;
}

bool maildir_subscriptions_have(const MaildirSubscriptions *subscriptions, const char *mailbox) {
        return position(subscriptions, mailbox) < subscriptions->n_names;
}

static int format(const MaildirRoot *root, const MaildirSubscriptions *subscriptions, Buffer *out) {
        const char to = separator(root, subscriptions);
        int r = subscriptions->has_tabs ? buffer_append_string(out, header) : 0;

        for (size_t i = 0; i < subscriptions->n_names && r == 0; i++) {
                const size_t start = out->size;

                r = buffer_append_format(out, "%s\n", subscriptions->names[i]);
                for (size_t k = start; r == 0 && k < out->size; k++)
                        if (out->data[k] == '/')
                                out->data[k] = to;
        }
        return r;
}

static int write_all(int fd, ByteView text) {
        while (text.size > 0) {
                ssize_t n = write(fd, text.data, text.size);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        text = (ByteView){text.data + n, text.size - (size_t) n};
        }
        return fsync(fd) < 0 ? -errno : 0;
}

/* A lock that nobody has touched for so long is left from a crash, Dovecot's own rule. */
#define STALE_SECONDS 120

static int take_lock(int root, int *ret_fd) {
        for (unsigned n = 0; n < 2; n++) {
                struct timespec now;
                struct stat st;
                int fd = openat(root, LOCK_FILE,
                                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

                if (fd >= 0) {
                        *ret_fd = fd;
                        return 0;
                }
                if (errno != EEXIST)
                        return -errno;
                (void) clock_gettime(CLOCK_REALTIME, &now);
                if (fstatat(root, LOCK_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                    now.tv_sec - st.st_mtime < STALE_SECONDS)
                        return -EBUSY;
                (void) unlinkat(root, LOCK_FILE, 0);
        }
        return -EBUSY;
}

typedef int (*Change)(MaildirSubscriptions *subscriptions, const void *what);

/* Read, change, write beside and rename: under the lock that Dovecot takes, which is the new file. */
static int change_file(const MaildirRoot *root, Change change, const void *what) {
        _cleanup_(maildir_subscriptions_done) MaildirSubscriptions subscriptions =
                MAILDIR_SUBSCRIPTIONS_NULL;
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_close_ int fd = -1;
        int r;

        r = take_lock(root->fd, &fd);
        if (r < 0)
                return r;
        r = maildir_subscriptions_load(root, &subscriptions);
        if (r == 0)
                r = subscriptions.exists ? change(&subscriptions, what) : 0;
        if (r > 0)
                r = format(root, &subscriptions, &text);
        else
                r = r < 0 ? r : -EALREADY;
        if (r == 0)
                r = write_all(fd, buffer_view(&text));
        if (r == 0 && renameat(root->fd, LOCK_FILE, root->fd, MAILDIR_SUBSCRIPTIONS_FILE) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(root->fd, LOCK_FILE, 0);
                return r == -EALREADY ? 0 : r;
        }
        return fsync(root->fd) < 0 ? -errno : 0;
}

typedef struct Subscription {
        const char *mailbox;
        bool subscribe;
} Subscription;

/* Return: 1 if something is to be written, 0 if not, -ENOMEM. */
static int change_one(MaildirSubscriptions *subscriptions, const void *what) {
        const Subscription *wanted = what;
        const size_t i = position(subscriptions, wanted->mailbox);
        int r;

        if ((i < subscriptions->n_names) == wanted->subscribe)
                return 0;
        if (wanted->subscribe) {
                r = add_name(subscriptions, bytes_of(wanted->mailbox), '/');
                return r < 0 ? r : 1;
        }
        free(subscriptions->names[i]);
        subscriptions->n_names--;
        memmove(subscriptions->names + i, subscriptions->names + i + 1,
                (subscriptions->n_names - i) * sizeof(char *));
        return 1;
}

int maildir_subscribe(const MaildirRoot *root, const char *mailbox, bool subscribe) {
        const Subscription wanted = {mailbox, subscribe};

        return change_file(root, change_one, &wanted);
}

static int rename_all(MaildirSubscriptions *subscriptions, const void *what) {
        const char *const *names = what;
        const size_t n = strlen(names[0]);
        int n_changed = 0;

        for (size_t i = 0; i < subscriptions->n_names; i++) {
                char *old = subscriptions->names[i], *new;

                if (!maildir_is_below(old, names[0]))
                        continue;
                if (asprintf(&new, "%s%s", names[1], old + n) < 0)
                        return -ENOMEM;
                free(old);
                subscriptions->names[i] = new;
                n_changed = 1;
        }
        return n_changed;
}

int maildir_subscriptions_rename(const MaildirRoot *root, const char *old_mailbox,
                                 const char *new_mailbox) {
        const char *const names[] = {old_mailbox, new_mailbox};

        return change_file(root, rename_all, names);
}
