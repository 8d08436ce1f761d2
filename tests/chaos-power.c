/*
 * Preloaded into a program (LD_PRELOAD): writes down whatever it changes below a directory, so that one can
 * tell what a disk may hold if the power goes. See torment/power.py, which reads it.
 *
 *      POWER_ROOT=directory  where changes are written down
 *      POWER_LOG=file        the changes, one record each
 *      POWER_KEEP=directory  on the same file system: a link to each file that is removed, by its inode
 *      POWER_END=n           SIGKILL before the n-th change or send
 *
 * A record is a Record, then its two names, or its data.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "chaos-open.h"

typedef struct Record {
        int64_t kind; /* a letter: Create, Unlink, Rename, Link, Write, Truncate, mtime, Sync, seNd */
        int64_t dir[2];   /* inodes of the directories whose entries change */
        int64_t inode;    /* of the file, or of the directory that is made or removed */
        int64_t number;   /* the offset, the size, or the mtime in ns; 1: it is a directory */
        int64_t mtime[2]; /* of dir, afterwards */
        int64_t n[2];     /* bytes that follow */
} Record;

/* An entry of a directory. */
typedef struct Place {
        char path[PATH_MAX]; /* of the directory */
        const char *name;
} Place;

static char root[PATH_MAX], keep[PATH_MAX];
static size_t n_root;
static long end_at, n_points;
static int log_fd = -1;

__attribute__((constructor)) static void begin(void) {
        const char *log = getenv("POWER_LOG"), *below = getenv("POWER_ROOT");
        const char *kept = getenv("POWER_KEEP"), *end = getenv("POWER_END");

        if (!log || !below || !kept)
                return;
        (void) snprintf(root, sizeof(root), "%s/", below);
        (void) snprintf(keep, sizeof(keep), "%s", kept);
        n_root = strlen(root);
        end_at = end ? strtol(end, NULL, 10) : 0;
        log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

#define REAL(type, name, parameters)                                                               \
        static type(*real) parameters;                                                             \
        if (!real)                                                                                 \
        *(void **) &real = dlsym(RTLD_NEXT, #name)

static void point(void) {
        if (++n_points == end_at)
                (void) raise(SIGKILL);
}

/* One write: nothing comes between. */
static void put(const Record *record, const void *first, const void *second) {
        const struct iovec parts[] = {
                {(void *) record, sizeof(*record)      },
                {(void *) first,  (size_t) record->n[0]},
                {(void *) second, (size_t) record->n[1]},
        };
        const int saved = errno;

        if (syscall(SYS_writev, log_fd, parts, 3) < 0)
                abort();
        errno = saved;
}

/* Whether this path, which has no link in it, is below the root. */
static int is_below(const char *path) {
        return strncmp(path, root, n_root - 1) == 0 &&
               (path[n_root - 1] == '/' || path[n_root - 1] == '\0');
}

static int path_of(int fd, char *path) {
        char link[64];
        ssize_t n;

        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, PATH_MAX - 1);
        if (n < 0)
                return 0;
        path[n] = '\0';
        return 1;
}

/* Return: whether the entry's directory is below the root. errno stays. */
static int find(int fd, const char *path, Place *place) {
        const char *slash = strrchr(path, '/');
        char joined[2 * PATH_MAX], base[PATH_MAX] = "";
        const int saved = errno;
        int found;

        if (log_fd < 0)
                return 0;
        if (path[0] != '/' && fd != AT_FDCWD && !path_of(fd, base))
                return 0;
        if (path[0] != '/' && fd == AT_FDCWD && !getcwd(base, sizeof(base)))
                return 0;
        (void) snprintf(joined, sizeof(joined), "%s%s%.*s", base, base[0] ? "/" : "",
                        slash ? (int) (slash - path) : 0, path);
        found = realpath(joined, place->path) && is_below(place->path);
        place->name = slash ? slash + 1 : path;
        errno = saved;
        return found;
}

/* Return: whether it is a file or a directory below the root. errno stays. */
static int find_fd(int fd, struct stat *st) {
        const int saved = errno;
        char path[PATH_MAX];
        int found;

        found = log_fd >= 0 && fstat(fd, st) == 0 &&
                (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) && path_of(fd, path) &&
                is_below(path);
        errno = saved;
        return found;
}

static int stat_place(const Place *place, struct stat *st) {
        const int saved = errno;
        char path[2 * PATH_MAX];
        int r;

        (void) snprintf(path, sizeof(path), "%s/%s", place->path, place->name);
        r = lstat(path, st);
        errno = saved;
        return r == 0;
}

/* A link to what is about to be removed: its inode is not given to another, and it can be put back. A
 * directory can have none, and is held open. */
static void keep_place(const Place *place, const struct stat *st) {
        char path[2 * PATH_MAX], kept[2 * PATH_MAX];
        const int saved = errno;

        (void) snprintf(path, sizeof(path), "%s/%s", place->path, place->name);
        if (S_ISDIR(st->st_mode))
                (void) syscall(SYS_openat, AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
        (void) snprintf(kept, sizeof(kept), "%s/%lld", keep, (long long) st->st_ino);
        (void) syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, kept, 0);
        errno = saved;
}

static void set_dir(Record *record, int which, const Place *place) {
        const int saved = errno;
        struct stat st;

        if (stat(place->path, &st) == 0) {
                record->dir[which] = (int64_t) st.st_ino;
                record->mtime[which] =
                        (int64_t) st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
        }
        record->n[which] = (int64_t) strlen(place->name);
        errno = saved;
}

static void put_entry(char kind, const Place *place, const struct stat *st) {
        Record record = {
                .kind = kind, .inode = (int64_t) st->st_ino, .number = S_ISDIR(st->st_mode)};

        set_dir(&record, 0, place);
        put(&record, place->name, NULL);
}

static void put_number(char kind, const struct stat *st, int64_t number) {
        put(&(Record){.kind = kind, .inode = (int64_t) st->st_ino, .number = number}, NULL, NULL);
}

/* Directories and files that come to be, and files that are emptied. */

typedef int (*OpenFunction)(int fd, const char *path, int flags, mode_t mode);

static int real_openat(int fd, const char *path, int flags, mode_t mode) {
        REAL(int, openat64, (int, const char *, int, ...));
        return real(fd, path, flags, mode);
}

static int do_open(int fd, const char *path, int flags, mode_t mode) {
        struct stat before, st;
        int opened, was_there;
        Place place;

        if (!(flags & (O_CREAT | O_TRUNC)) || !find(fd, path, &place))
                return real_openat(fd, path, flags, mode);
        was_there = stat_place(&place, &before);
        if (!was_there || flags & O_TRUNC)
                point();
        opened = real_openat(fd, path, flags, mode);
        if (opened < 0)
                return opened;
        if (!was_there && stat_place(&place, &st))
                put_entry('C', &place, &st);
        else if (flags & O_TRUNC)
                put_number('T', &before, 0);
        return opened;
}

int open(const char *path, int flags, ...) {
        OPEN_MODE(flags)
        return do_open(AT_FDCWD, path, flags, mode);
}

int openat(int fd, const char *path, int flags, ...) {
        OPEN_MODE(flags)
        return do_open(fd, path, flags, mode);
}

static int do_mkdir(int fd, const char *path, mode_t mode) {
        REAL(int, mkdirat, (int, const char *, mode_t));
        struct stat st;
        Place place;
        int r;

        if (!find(fd, path, &place) || stat_place(&place, &st))
                return real(fd, path, mode);
        point();
        r = real(fd, path, mode);
        if (r == 0 && stat_place(&place, &st))
                put_entry('C', &place, &st);
        return r;
}

int mkdirat(int fd, const char *path, mode_t mode) {
        return do_mkdir(fd, path, mode);
}

int mkdir(const char *path, mode_t mode) {
        return do_mkdir(AT_FDCWD, path, mode);
}

/* Entries that go, and that go elsewhere. */

static int do_unlink(int fd, const char *path, int flags) {
        REAL(int, unlinkat, (int, const char *, int) );
        struct stat st;
        Place place;
        int r;

        if (!find(fd, path, &place) || !stat_place(&place, &st))
                return real(fd, path, flags);
        point();
        keep_place(&place, &st);
        r = real(fd, path, flags);
        if (r == 0)
                put_entry('U', &place, &st);
        return r;
}

int unlink(const char *path) {
        return do_unlink(AT_FDCWD, path, 0);
}

int rmdir(const char *path) {
        return do_unlink(AT_FDCWD, path, AT_REMOVEDIR);
}

int unlinkat(int fd, const char *path, int flags) {
        return do_unlink(fd, path, flags);
}

static int do_rename(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags) {
        REAL(int, renameat2, (int, const char *, int, const char *, unsigned int) );
        struct stat st, replaced;
        Record record;
        Place old, new;
        int r;

        if (!find(from_fd, from, &old) || !find(to_fd, to, &new) || !stat_place(&old, &st))
                return real(from_fd, from, to_fd, to, flags);
        point();
        if (stat_place(&new, &replaced))
                keep_place(&new, &replaced);
        r = real(from_fd, from, to_fd, to, flags);
        if (r < 0)
                return r;

        record = (Record){.kind = 'R', .inode = (int64_t) st.st_ino};
        set_dir(&record, 0, &old);
        set_dir(&record, 1, &new);
        put(&record, old.name, new.name);
        return r;
}

int rename(const char *from, const char *to) {
        return do_rename(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to) {
        return do_rename(from_fd, from, to_fd, to, 0);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags) {
        return do_rename(from_fd, from, to_fd, to, flags);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
        REAL(int, linkat, (int, const char *, int, const char *, int) );
        struct stat st;
        Place place;
        int r;

        if (!find(to_fd, to, &place))
                return real(from_fd, from, to_fd, to, flags);
        point();
        r = real(from_fd, from, to_fd, to, flags);
        if (r == 0 && stat_place(&place, &st))
                put_entry('L', &place, &st);
        return r;
}

/* What files hold. */

static ssize_t put_data(ssize_t written, const struct stat *st, int64_t offset, const void *data) {
        const Record record = {
                .kind = 'W', .inode = (int64_t) st->st_ino, .number = offset, .n = {written}};

        if (written > 0)
                put(&record, data, NULL);
        return written;
}

ssize_t write(int fd, const void *data, size_t size) {
        REAL(ssize_t, write, (int, const void *, size_t));
        struct stat st;
        int64_t offset;

        if (!find_fd(fd, &st))
                return real(fd, data, size);
        point();
        offset = fcntl(fd, F_GETFL) & O_APPEND ? st.st_size : lseek(fd, 0, SEEK_CUR);
        return put_data(real(fd, data, size), &st, offset, data);
}

__attribute__((format(printf, 2, 3))) int dprintf(int fd, const char *format, ...) {
        char text[512];
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        if (n < 0 || (size_t) n >= sizeof(text))
                abort();
        return (int) write(fd, text, (size_t) n);
}

static ssize_t do_pwrite(int fd, const void *data, size_t size, off_t offset) {
        REAL(ssize_t, pwrite64, (int, const void *, size_t, off_t));
        struct stat st;

        if (!find_fd(fd, &st))
                return real(fd, data, size, offset);
        point();
        return put_data(real(fd, data, size, offset), &st, offset, data);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
        return do_pwrite(fd, data, size, offset);
}

static int do_ftruncate(int fd, off_t size) {
        REAL(int, ftruncate64, (int, off_t));
        struct stat st;
        int r;

        if (!find_fd(fd, &st))
                return real(fd, size);
        point();
        r = real(fd, size);
        if (r == 0)
                put_number('T', &st, size);
        return r;
}

int ftruncate(int fd, off_t size) {
        return do_ftruncate(fd, size);
}

int futimens(int fd, const struct timespec times[2]) {
        REAL(int, futimens, (int, const struct timespec *) );
        struct stat st;
        int r;

        if (!find_fd(fd, &st))
                return real(fd, times);
        point();
        r = real(fd, times);
        if (r == 0 && fstat(fd, &st) == 0)
                put_number('M', &st, (int64_t) st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
        return r;
}

/* What makes it lasting, and what tells others of it. */

static int do_sync(int (*real)(int), int fd) {
        struct stat st;
        int r;

        if (!find_fd(fd, &st))
                return real(fd);
        point();
        r = real(fd);
        if (r == 0)
                put_number('S', &st, S_ISDIR(st.st_mode));
        return r;
}

int fsync(int fd) {
        REAL(int, fsync, (int) );
        return do_sync(real, fd);
}

int fdatasync(int fd) {
        REAL(int, fdatasync, (int) );
        return do_sync(real, fd);
}

ssize_t send(int fd, const void *data, size_t size, int flags) {
        REAL(ssize_t, send, (int, const void *, size_t, int) );

        if (log_fd >= 0) {
                point();
                put(&(Record){.kind = 'N'}, NULL, NULL);
        }
        return real(fd, data, size, flags);
}
