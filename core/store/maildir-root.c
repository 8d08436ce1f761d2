/* The tree of an account: opening it, where a mailbox lies in it, opening and making folders. */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "imap/mailbox-name.h"
#include "store/maildir-private.h"

int maildir_open_dir(int fd, const char *name, int *ret_fd) {
        struct stat st;
        int opened;

        opened = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (opened >= 0) {
                *ret_fd = opened;
                return 0;
        }

        /* for a symbolic link the kernel says ENOTDIR first */
        if (errno == ENOTDIR && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                return S_ISLNK(st.st_mode) ? -ELOOP : -ENOTDIR;
        return -errno;
}

int maildir_open_entries(int fd, DIR **ret_dir) {
        int own, r;

        r = maildir_open_dir(fd, ".", &own);
        if (r < 0)
                return r;
        *ret_dir = fdopendir(own);
        if (!*ret_dir) {
                r = -errno;
                (void) close(own);
                return r;
        }

        return 0;
}

/* mkdir whose entry is durable. Return: 0 also if it exists already. */
static int make_dir(int fd, const char *name) {
        if (mkdirat(fd, name, 0700) < 0)
                return errno == EEXIST ? 0 : -errno;

        return fsync(fd) < 0 ? -errno : 0;
}

static int open_root(const char *path, int *ret_fd) {
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

/* Make a path with the parents that are missing; @path is changed and restored. */
static int make_path(char *path) {
        _cleanup_close_ int parent = -1;
        char *slash = strrchr(path, '/');
        int r;

        if (slash == path) {
                r = open_root("/", &parent);
        } else {
                *slash = '\0';
                r = open_root(path, &parent);
                if (r == -ENOENT)
                        r = make_path(path);
                if (r == 0 && parent < 0)
                        r = open_root(path, &parent);
                *slash = '/';
        }
        if (r < 0)
                return r;

        return make_dir(parent, slash + 1);
}

int maildir_root_open(const char *path, MaildirLayout layout, bool create, MaildirRoot **ret_root) {
        _cleanup_(maildir_root_freep) MaildirRoot *root = NULL;
        size_t n = strlen(path);
        int r;

        if (path[0] != '/')
                return -EINVAL;
        while (n > 1 && path[n - 1] == '/')
                n--;

        root = malloc(sizeof(*root));
        if (!root)
                return -ENOMEM;
        *root = (MaildirRoot){.fd = -1, .layout = layout};

        root->path = bytes_dup((ByteView){path, n});
        if (!root->path)
                return -ENOMEM;

        /* the one path in which the user may have symbolic links */
        r = open_root(root->path, &root->fd);
        if (r == -ENOENT && create) {
                r = make_path(root->path);
                if (r == 0)
                        r = open_root(root->path, &root->fd);
        }
        if (r < 0)
                return r;

        *ret_root = TAKE_PTR(root);
        return 0;
}

MaildirRoot *maildir_root_free(MaildirRoot *root) {
        if (!root)
                return NULL;

        if (root->fd >= 0)
                (void) close(root->fd);
        free(root->path);
        free(root);
        return NULL;
}

const char *maildir_root_path(const MaildirRoot *root) {
        return root->path;
}

int maildir_root_identity(const MaildirRoot *root, uint64_t *ret_dev, uint64_t *ret_ino) {
        struct stat st;

        if (fstat(root->fd, &st) < 0)
                return -errno;

        *ret_dev = st.st_dev;
        *ret_ino = st.st_ino;
        return 0;
}

bool maildir_is_own_name(const char *name, size_t n) {
        static const char *const names[] = {
                "cur",
                "new",
                "tmp",
                "dovecot-keywords",
                "dovecot-keywords.lock",
                "dovecot-keywords.imapsyncd",
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (bytes_equal((ByteView){name, n}, bytes_of(names[i])))
                        return true;
        return false;
}

/* Whether the layout can hold this level, the @n-th from 0. */
static bool level_fits(MaildirLayout layout, ByteView level, unsigned n) {
        switch (layout) {
        case MAILDIR_LAYOUT_FS:
                /* hidden directories belong to others, INBOX/new is where INBOX has its mail, and
                 * INBOX/dovecot-keywords the file without which it has no keywords */
                return level.data[0] != '.' && n < MAILDIR_LEVELS_MAX &&
                       (n == 0 || !maildir_is_own_name(level.data, level.size));
        case MAILDIR_LAYOUT_MAILDIRPLUSPLUS:
                return !memchr(level.data, '.', level.size);
        }

        abort(); /* the switch is complete */
}

int maildir_append_path(const MaildirRoot *root, const char *mailbox, Buffer *path) {
        const bool plusplus = root->layout == MAILDIR_LAYOUT_MAILDIRPLUSPLUS;
        ByteView rest = bytes_of(mailbox);
        const size_t start = path->size;
        int r;

        if (mailbox_name_check(mailbox) != 0)
                return -EINVAL;
        if (plusplus && strcmp(mailbox, "INBOX") == 0)
                return 0;

        for (unsigned n = 0;; n++) {
                const char *slash = memchr(rest.data, '/', rest.size);
                ByteView level = {rest.data, slash ? (size_t) (slash - rest.data) : rest.size};

                if (!level_fits(root->layout, level, n))
                        return -EINVAL;
                if (plusplus || n > 0) {
                        r = buffer_append_string(path, plusplus ? "." : "/");
                        if (r < 0)
                                return r;
                }
                r = buffer_append_view(path, level);
                if (r < 0)
                        return r;

                if (!slash)
                        break;
                rest = (ByteView){slash + 1, rest.size - level.size - 1};
        }

        return plusplus && path->size - start > 255 ? -ENAMETOOLONG : 0;
}

int maildir_open_path(const MaildirRoot *root, char *path, bool create, int *ret_fd) {
        _cleanup_close_ int fd = -1;
        char *saved = NULL;
        int r;

        r = maildir_open_dir(root->fd, ".", &fd);
        if (r < 0)
                return r;

        for (char *name = strtok_r(path, "/", &saved); name; name = strtok_r(NULL, "/", &saved)) {
                int inner;

                if (create) {
                        r = make_dir(fd, name);
                        if (r < 0)
                                return r;
                }
                r = maildir_open_dir(fd, name, &inner);
                if (r < 0)
                        return r;
                (void) close(fd);
                fd = inner;
        }

        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Open the directory that holds the mailbox's cur/, new/ and tmp/. */
static int open_folder(const MaildirRoot *root, const char *mailbox, bool create, int *ret_fd) {
        _cleanup_(buffer_done) Buffer path = BUFFER_NULL;
        int r;

        r = maildir_append_path(root, mailbox, &path);
        if (r < 0)
                return r;
        r = buffer_append(&path, "", 1);
        if (r < 0)
                return r;

        return maildir_open_path(root, path.data, create, ret_fd);
}

/* Maildir++ marks a folder by an empty file, so that a delivery agent finds the root's quota. */
static int mark_folder(int fd) {
        _cleanup_close_ int file = -1;

        file = openat(fd, "maildirfolder", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                      0600);
        if (file < 0)
                return errno == EEXIST ? 0 : -errno;

        return fsync(fd) < 0 ? -errno : 0;
}

int maildir_create(MaildirRoot *root, const char *mailbox) {
        static const char *const subs[] = {"tmp", "new", "cur"};
        _cleanup_close_ int fd = -1;
        int r;

        r = open_folder(root, mailbox, true, &fd);
        if (r < 0)
                return r;

        if (root->layout == MAILDIR_LAYOUT_MAILDIRPLUSPLUS && strcmp(mailbox, "INBOX") != 0) {
                r = mark_folder(fd);
                if (r < 0)
                        return r;
        }

        for (size_t i = 0; i < ARRAY_SIZE(subs); i++) {
                _cleanup_close_ int sub = -1;

                r = make_dir(fd, subs[i]);
                if (r < 0)
                        return r;
                r = maildir_open_dir(fd, subs[i], &sub); /* nothing else by that name */
                if (r < 0)
                        return r;
        }

        return 0;
}

static int absolute_path(const MaildirRoot *root, const char *mailbox, char **ret_path) {
        _cleanup_(buffer_done) Buffer path = BUFFER_NULL;
        size_t end;
        int r;

        r = buffer_append_string(&path, root->path);
        if (r < 0)
                return r;
        end = path.size;
        r = buffer_append_string(&path, "/");
        if (r < 0)
                return r;
        r = maildir_append_path(root, mailbox, &path);
        if (r < 0)
                return r;
        if (path.size == end + 1) /* the root itself */
                path.size = end;

        *ret_path = buffer_steal_string(&path);
        return *ret_path ? 0 : -ENOMEM;
}

int maildir_open(MaildirRoot *root, const char *mailbox, Maildir **ret_maildir) {
        _cleanup_(maildir_freep) Maildir *maildir = NULL;
        _cleanup_close_ int fd = -1;
        int r;

        r = open_folder(root, mailbox, false, &fd);
        if (r < 0)
                return r;

        maildir = malloc(sizeof(*maildir));
        if (!maildir)
                return -ENOMEM;
        *maildir = (Maildir){
                .fds = {-1, -1},
                  .tmp_fd = -1
        };

        r = maildir_open_dir(fd, "new", &maildir->fds[MAILDIR_NEW]);
        if (r < 0)
                return r;
        r = maildir_open_dir(fd, "cur", &maildir->fds[MAILDIR_CUR]);
        if (r < 0)
                return r;
        r = absolute_path(root, mailbox, &maildir->path);
        if (r < 0)
                return r;

        *ret_maildir = TAKE_PTR(maildir);
        return 0;
}
