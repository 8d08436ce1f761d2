/*
 * Walking the tree of an account.
 *
 * A directory is opened below its parent and never through a symbolic link; what vanishes meanwhile
 * is left out. A level holds two descriptors, so their number is limited.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "imap/mailbox-name.h"
#include "store/maildir-private.h"

/* Return: 1 if there is such a directory, 0 if not; an error tells nothing of the kind. */
static int has_dir(int fd, const char *name) {
        struct stat st;

        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        return S_ISDIR(st.st_mode);
}

typedef struct Walk {
        MaildirLayout layout;
        Buffer name; /* owned: the mailbox of the directory at hand, NUL-terminated */
        int (*visit)(int fd, const char *mailbox, bool bad, void *userdata);
        void *userdata;
} Walk;

/* Whether an entry of a directory may be a folder: cheap, before it is opened. */
static bool may_be_folder(const Walk *walk, const struct dirent *entry, unsigned level) {
        const char *name = entry->d_name;

        if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)
                return false;

        switch (walk->layout) {
        case MAILDIR_LAYOUT_FS:
                if (level > 0 && maildir_is_own_name(name, strlen(name)))
                        return false;
                return name[0] != '.' && strcmp(name, "lost+found") != 0;
        case MAILDIR_LAYOUT_MAILDIRPLUSPLUS:
                return level == 0 && name[0] == '.' && strcmp(name, ".") != 0 &&
                       strcmp(name, "..") != 0;
        }

        abort(); /* the switch is complete */
}

/* Put the mailbox's name for an entry behind @n bytes of its parent's. */
static int walk_name(Walk *walk, size_t n, const char *entry) {
        int r;

        walk->name.size = n;
        if (walk->layout == MAILDIR_LAYOUT_FS) {
                r = n > 0 ? buffer_append_string(&walk->name, "/") : 0;
                if (r < 0)
                        return r;
                return buffer_append(&walk->name, entry, strlen(entry) + 1);
        }

        r = buffer_append(&walk->name, entry + 1, strlen(entry)); /* without the first "." */
        if (r < 0)
                return r;
        for (char *p = walk->name.data + n; *p; p++)
                if (*p == '.')
                        *p = '/';
        return 0;
}

/* ".INBOX" would be a second INBOX, beside the root itself. */
static bool walk_name_is_bad(const Walk *walk) {
        if (walk->layout == MAILDIR_LAYOUT_MAILDIRPLUSPLUS && strcmp(walk->name.data, "INBOX") == 0)
                return true;

        return mailbox_name_check(walk->name.data) != 0;
}

static int walk_entries(Walk *walk, int fd, size_t n_name, unsigned level);

static int walk_directory(Walk *walk, int parent, const char *entry, size_t n_name,
                          unsigned level) {
        _cleanup_close_ int fd = -1;
        bool bad;
        int r;

        r = maildir_open_dir(parent, entry, &fd);
        if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
                return 0; /* gone meanwhile, or no directory after all */
        if (r < 0)
                return r;

        r = walk_name(walk, n_name, entry);
        if (r < 0)
                return r;
        n_name = walk->name.size - 1;

        bad = walk_name_is_bad(walk) || level > MAILDIR_LEVELS_MAX;
        r = walk->visit(fd, walk->name.data, bad, walk->userdata);
        if (r < 0 || level > MAILDIR_LEVELS_MAX || walk->layout == MAILDIR_LAYOUT_MAILDIRPLUSPLUS)
                return r;

        return walk_entries(walk, fd, n_name, level);
}

/* @level: that of the directory, 0 for the root. */
static int walk_entries(Walk *walk, int fd, size_t n_name, unsigned level) {
        _cleanup_(maildir_close_entriesp) DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = maildir_open_entries(fd, &dir);
        if (r < 0)
                return r;

        for (;;) {
                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return -errno; /* 0 at the end */
                if (!may_be_folder(walk, entry, level))
                        continue;

                r = walk_directory(walk, dirfd(dir), entry->d_name, n_name, level + 1);
                if (r < 0)
                        return r;
        }
}

int maildir_root_walk(MaildirRoot *root,
                      int (*visit)(int fd, const char *mailbox, bool bad, void *userdata),
                      void *userdata) {
        Walk walk = {.layout = root->layout, .visit = visit, .userdata = userdata};
        const bool plusplus = root->layout == MAILDIR_LAYOUT_MAILDIRPLUSPLUS;
        int r;

        r = visit(root->fd, plusplus ? "INBOX" : NULL, false, userdata);
        if (r < 0)
                return r;

        r = walk_entries(&walk, root->fd, 0, 0);

        buffer_done(&walk.name);
        return r;
}

typedef struct List {
        int (*found)(const char *mailbox, bool bad, void *userdata);
        void *userdata;
} List;

static int list_on_directory(int fd, const char *mailbox, bool bad, void *userdata) {
        const List *list = userdata;
        int r;

        if (!mailbox)
                return 0;
        r = has_dir(fd, "cur");
        if (r == 0)
                r = has_dir(fd, "new");
        if (r <= 0)
                return r;

        return list->found(mailbox, bad, list->userdata);
}

int maildir_root_list(MaildirRoot *root,
                      int (*found)(const char *mailbox, bool bad, void *userdata), void *userdata) {
        List list = {found, userdata};

        return maildir_root_walk(root, list_on_directory, &list);
}
