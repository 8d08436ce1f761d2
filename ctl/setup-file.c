/* Files that setup writes: to a name of their own, and then, durable, to the right one. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/macro.h"
#include "ctl/setup-file.h"

#define TEXT_MAX (1024 * 1024)

int file_make_folder(const char *path) {
        _cleanup_free_ char *folder = strdup(path);

        if (!folder)
                return -ENOMEM;
        for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdir(folder, 0700) < 0 && errno != EEXIST)
                        return -errno;
                *slash = '/';
        }
        return 0;
}

static char *temporary_name(const char *path) {
        char *name;

        return asprintf(&name, "%s.XXXXXX", path) < 0 ? NULL : name;
}

int file_try_folder(const char *path) {
        _cleanup_free_ char *name = temporary_name(path);
        int fd;

        if (!name)
                return -ENOMEM;
        fd = mkostemp(name, O_CLOEXEC);
        if (fd < 0)
                return -errno;
        (void) close(fd);
        return unlink(name) < 0 ? -errno : 0;
}

static int write_all(int fd, ByteView text) {
        for (size_t done = 0; done < text.size;) {
                const ssize_t n = write(fd, text.data + done, text.size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                done += (size_t) n;
        }
        return fsync(fd) < 0 ? -errno : 0;
}

/* The name itself is to last. */
static int sync_folder(const char *path) {
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *folder =
                slash > path ? strndup(path, (size_t) (slash - path)) : strdup(slash ? "/" : ".");
        _cleanup_close_ int fd = -1;

        if (!folder)
                return -ENOMEM;
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* @like: whose owner and mode it gets; NULL: this user's, 0600. */
static int write_temporary(const char *path, ByteView text, const struct stat *like,
                           char **ret_name) {
        _cleanup_free_ char *name = temporary_name(path);
        _cleanup_close_ int fd = -1;
        int r;

        if (!name)
                return -ENOMEM;
        fd = mkostemp(name, O_CLOEXEC); /* 0600 */
        if (fd < 0)
                return -errno;
        r = write_all(fd, text);
        if (r == 0 && like && (like->st_uid != geteuid() || like->st_gid != getegid()) &&
            fchown(fd, like->st_uid, like->st_gid) < 0)
                r = -errno;
        if (r == 0 && like && fchmod(fd, like->st_mode & 07777) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlink(name);
                return r;
        }
        *ret_name = TAKE_PTR(name);
        return 0;
}

int file_create(const char *path, ByteView text) {
        _cleanup_free_ char *name = NULL;
        int r = file_make_folder(path);

        if (r == 0)
                r = write_temporary(path, text, NULL, &name);
        if (r < 0)
                return r;
        if (link(name, path) < 0) /* unlike rename(), over nothing */
                r = -errno;
        (void) unlink(name);
        return r < 0 ? r : sync_folder(path);
}

void file_before_done(FileBefore *before) {
        free(before->path);
        buffer_done(&before->text);
        *before = FILE_BEFORE_NULL;
}

static int read_all(int fd, Buffer *text) {
        text->limit = TEXT_MAX;
        for (;;) {
                char piece[4096];
                const ssize_t n = read(fd, piece, sizeof(piece));
                int r;

                if (n <= 0)
                        return n < 0 ? -errno : 0;
                r = buffer_append(text, piece, (size_t) n);
                explicit_bzero(piece, sizeof(piece)); /* a password may be in it */
                if (r < 0)
                        return r;
        }
}

int file_read(const char *path, FileBefore *ret_before) {
        _cleanup_(file_before_done) FileBefore before = FILE_BEFORE_NULL;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        int r;

        if (fd < 0 && errno != ENOENT)
                return -errno;
        if (fd >= 0) {
                before.exists = true;
                before.path = realpath(path, NULL);
                if (!before.path || fstat(fd, &before.stat) < 0)
                        return -errno;
                r = read_all(fd, &before.text);
                if (r < 0)
                        return r;
        } else {
                before.path = strdup(path);
                if (!before.path)
                        return -ENOMEM;
        }
        *ret_before = before;
        before = FILE_BEFORE_NULL;
        return 0;
}

static bool is_as_before(const FileBefore *before) {
        const struct stat *then = &before->stat;
        struct stat now;

        return stat(before->path, &now) == 0 && now.st_ino == then->st_ino &&
               now.st_dev == then->st_dev && now.st_size == then->st_size &&
               now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
               now.st_mtim.tv_nsec == then->st_mtim.tv_nsec;
}

int file_replace(const FileBefore *before, ByteView text) {
        _cleanup_free_ char *name = NULL;
        int r;

        if (!before->exists) {
                r = file_create(before->path, text);
                return r == -EEXIST ? -EBUSY : r;
        }
        r = write_temporary(before->path, text, &before->stat, &name);
        if (r < 0)
                return r;
        if (!is_as_before(before))
                r = -EBUSY;
        else if (rename(name, before->path) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlink(name);
                return r;
        }
        return sync_folder(before->path);
}
