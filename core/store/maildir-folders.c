/* Renaming and removing whole folders. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "store/maildir-private.h"

/* Where a folder's directory hangs. */
typedef struct Place {
        int parent;
        char *path; /* owned */
        char *name; /* the last component; in path */
} Place;

#define PLACE_NULL ((Place){.parent = -1})

static void place_done(Place *place) {
        if (place->parent >= 0)
                (void) close(place->parent);
        free(place->path);
        *place = PLACE_NULL;
}

/* -EINVAL for the root itself. @create: the parents. */
static int find_place(const MaildirRoot *root, const char *mailbox, bool create, Place *place) {
        _cleanup_(buffer_done) Buffer path = BUFFER_NULL;
        char none[] = "", *slash;
        int r;

        r = maildir_append_path(root, mailbox, &path);
        if (r < 0)
                return r;
        if (path.size == 0)
                return -EINVAL;
        place->path = buffer_steal_string(&path);
        if (!place->path)
                return -ENOMEM;

        slash = strrchr(place->path, '/');
        place->name = slash ? slash + 1 : place->path;
        if (slash)
                *slash = '\0';

        return maildir_open_path(root, slash ? place->path : none, create, &place->parent);
}

static int sync_fd(int fd) {
        return fsync(fd) < 0 ? -errno : 0;
}

static int move_directory(int old_fd, const char *old_name, int new_fd, const char *new_name) {
        _cleanup_close_ int fd = -1;
        int r;

        r = maildir_open_dir(old_fd, old_name, &fd); /* no symbolic link */
        if (r < 0)
                return r;

        /* a directory replaces nothing but an empty one */
        if (renameat(old_fd, old_name, new_fd, new_name) < 0)
                return -errno;
        r = sync_fd(new_fd);
        return r < 0 ? r : sync_fd(old_fd);
}

/* Maildir++: ".old.x" hangs beside ".old". Return: how many were renamed, or negative. */
static int move_children(const MaildirRoot *root, const char *old_name, const char *new_name) {
        _cleanup_(maildir_close_entriesp) DIR *dir = NULL;
        const size_t n_old = strlen(old_name);
        int n_moved = 0, r;

        r = maildir_open_entries(root->fd, &dir);
        if (r < 0)
                return r;

        for (;;) {
                struct dirent *entry;
                char name[512];

                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return errno > 0 ? -errno : n_moved;
                if (strncmp(entry->d_name, old_name, n_old) != 0 || entry->d_name[n_old] != '.')
                        continue;

                if (snprintf(name, sizeof(name), "%s%s", new_name, entry->d_name + n_old) > 255)
                        return -ENAMETOOLONG;
                r = move_directory(root->fd, entry->d_name, root->fd, name);
                if (r < 0)
                        return r;
                n_moved++;
        }
}

int maildir_rename_folder(MaildirRoot *root, const char *old_mailbox, const char *new_mailbox) {
        _cleanup_(place_done) Place from = PLACE_NULL, to = PLACE_NULL;
        int r, n_children = 0;

        if (maildir_is_below(new_mailbox, old_mailbox))
                return -EINVAL;
        r = find_place(root, old_mailbox, false, &from);
        if (r < 0)
                return r;
        r = find_place(root, new_mailbox, true, &to);
        if (r < 0)
                return r;

        /* The folder itself is last: while it has the old name there is something to repeat. */
        if (root->layout == MAILDIR_LAYOUT_MAILDIRPLUSPLUS)
                n_children = move_children(root, from.name, to.name);
        if (n_children < 0)
                return n_children;

        r = move_directory(from.parent, from.name, to.parent, to.name);
        return r == -ENOENT && n_children > 0 ? 0 : r; /* a parent that was no folder itself */
}

static int is_every_file(const char *name, void *userdata) {
        (void) name, (void) userdata;
        return 1;
}

/* What mail programs keep beside cur/; the files of others are left alone. */
static int is_of_folder(const char *name, void *userdata) {
        (void) userdata;
        return strncmp(name, "dovecot", strlen("dovecot")) == 0 ||
               strcmp(name, "maildirfolder") == 0;
}

/* What to do with the files of a directory; those that begin with "." are no messages. */
typedef struct Removal {
        int (*may)(const char *name, void *userdata);
        void *userdata;
        bool only_ask; /* remove nothing: -ENOTEMPTY if one may not go */
} Removal;

static int remove_file(int fd, const char *name, const Removal *removal) {
        int r = name[0] == '.' ? 1 : removal->may(name, removal->userdata);

        if (r < 0)
                return r;
        if (removal->only_ask)
                return r > 0 ? 0 : -ENOTEMPTY;
        if (r > 0 && unlinkat(fd, name, 0) < 0 && errno != ENOENT && errno != EISDIR)
                return -errno;
        return 0;
}

/* Remove the files of a directory that may go, and no directories. */
static int remove_files(int fd, const Removal *removal) {
        _cleanup_(maildir_close_entriesp) DIR *dir = NULL;
        int r;

        r = maildir_open_entries(fd, &dir);
        if (r < 0)
                return r;

        for (;;) {
                struct dirent *entry;

                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return -errno; /* 0 at the end */
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                r = remove_file(dirfd(dir), entry->d_name, removal);
                if (r < 0)
                        return r;
        }
}

static int remove_sub(int fd, const char *name, const Removal *removal) {
        _cleanup_close_ int sub = -1;
        int r;

        r = maildir_open_dir(fd, name, &sub);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        r = remove_files(sub, removal);
        if (r < 0 || removal->only_ask)
                return r;

        return unlinkat(fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* All of them, or none: who may not go is asked for first. cur/ is last: the folder is there until its
 * messages are gone. */
static int remove_subs(int fd, const Removal *messages) {
        const Removal ask = {messages->may, messages->userdata, true}, every = {is_every_file};
        int r;

        r = remove_sub(fd, "new", &ask);
        if (r >= 0)
                r = remove_sub(fd, "cur", &ask);
        if (r >= 0)
                r = remove_sub(fd, "tmp", &every);
        if (r >= 0)
                r = remove_sub(fd, "new", messages);
        return r < 0 ? r : remove_sub(fd, "cur", messages);
}

int maildir_remove_folder(MaildirRoot *root, const char *mailbox,
                          int (*may)(const char *name, void *userdata), void *userdata) {
        const Removal messages = {may, userdata}, rest = {is_of_folder};
        _cleanup_(place_done) Place place = PLACE_NULL;
        _cleanup_close_ int fd = -1;
        int r;

        r = find_place(root, mailbox, false, &place);
        if (r < 0)
                return r;
        r = maildir_open_dir(place.parent, place.name, &fd);
        if (r < 0)
                return r;

        r = remove_subs(fd, &messages);
        if (r < 0)
                return r;
        r = remove_files(fd, &rest);
        if (r < 0)
                return r;

        /* other folders are below it, or files of others in it */
        if (unlinkat(place.parent, place.name, AT_REMOVEDIR) < 0)
                return errno == ENOTEMPTY || errno == EEXIST ? sync_fd(fd) : -errno;

        return sync_fd(place.parent);
}
