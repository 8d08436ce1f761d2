/* One folder: its directories, files by name, and the keyword letters' file. */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "store/maildir-private.h"

/* 26 names of at most 128 bytes are 4 kB; more is not Dovecot's. */
#define LETTERS_FILE_MAX (64u * 1024u)

static const char letters_path[] = "../dovecot-keywords";
static const char letters_tmp_path[] = "../dovecot-keywords.imapsyncd";

Maildir *maildir_free(Maildir *maildir) {
        if (!maildir)
                return NULL;

        assert(maildir->n_deliveries == 0); /* they would point to what is gone */

        for (size_t i = 0; i < ARRAY_SIZE(maildir->fds); i++)
                if (maildir->fds[i] >= 0)
                        (void) close(maildir->fds[i]);
        if (maildir->tmp_fd >= 0)
                (void) close(maildir->tmp_fd);
        free(maildir->buffer);
        free(maildir->path);
        free(maildir);
        return NULL;
}

int maildir_identity(const Maildir *maildir, char ret_identity[MAILDIR_IDENTITY_SIZE]) {
        struct statx st;

        if (statx(maildir->fds[MAILDIR_CUR], "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st) < 0)
                return -errno;
        if (!(st.stx_mask & STATX_BTIME))
                st.stx_btime = (struct statx_timestamp){0};

        (void) snprintf(ret_identity, MAILDIR_IDENTITY_SIZE, "%llx.%llx.%x",
                        (unsigned long long) st.stx_ino, (unsigned long long) st.stx_btime.tv_sec,
                        st.stx_btime.tv_nsec);
        return 0;
}

const char *maildir_path(const Maildir *maildir) {
        return maildir->path;
}

int maildir_fd(const Maildir *maildir, MaildirSub sub) {
        return maildir->fds[sub];
}

int maildir_open_tmp(Maildir *maildir, int *ret_fd) {
        const int cur = maildir->fds[MAILDIR_CUR];
        int r = 0;

        if (maildir->tmp_fd < 0) {
                r = maildir_open_dir(cur, "../tmp", &maildir->tmp_fd);
                if (r == -ENOENT) {
                        if (mkdirat(cur, "../tmp", 0700) < 0 && errno != EEXIST)
                                return -errno;
                        r = maildir_open_dir(cur, "../tmp", &maildir->tmp_fd);
                }
        }
        if (r < 0)
                return r;

        *ret_fd = maildir->tmp_fd;
        return 0;
}

int maildir_token(const Maildir *maildir, MaildirToken *ret_token) {
        MaildirToken token;

        for (size_t i = 0; i < ARRAY_SIZE(maildir->fds); i++) {
                struct stat st;

                if (fstat(maildir->fds[i], &st) < 0)
                        return -errno;
                token.ino[i] = st.st_ino;
                token.mtime_ns[i] = (int64_t) st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
        }

        *ret_token = token;
        return 0;
}

#define SECOND_NS ((int64_t) 1000000000)
#define TICK_NS   ((int64_t) 25000000) /* more than any kernel's tick, in which times stand still */

bool maildir_token_is_settled(const MaildirToken *token, int64_t now_ns) {
        for (size_t i = 0; i < ARRAY_SIZE(token->mtime_ns); i++) {
                const bool is_fine = token->mtime_ns[i] % 1000000 != 0;

                if (token->mtime_ns[i] > now_ns - (is_fine ? TICK_NS : 2 * SECOND_NS))
                        return false;
        }

        return true;
}

bool maildir_token_equal(const MaildirToken *a, const MaildirToken *b) {
        for (size_t i = 0; i < ARRAY_SIZE(a->ino); i++)
                if (a->ino[i] != b->ino[i] || a->mtime_ns[i] != b->mtime_ns[i])
                        return false;

        return true;
}

bool maildir_is_file_name(const char *name) {
        return name[0] != '\0' && name[0] != '.' && !strchr(name, '/') && strlen(name) <= 255;
}

int maildir_check_regular(int fd, const char *name) {
        struct stat st;

        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISLNK(st.st_mode))
                return -ELOOP;

        return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

/* splitmix64's finalizer: each bit of the input changes half of the output. */
static uint64_t mix(uint64_t state, uint64_t value) {
        state += value + 0x9e3779b97f4a7c15u;
        state = (state ^ state >> 30) * 0xbf58476d1ce4e5b9u;
        state = (state ^ state >> 27) * 0x94d049bb133111ebu;
        return state ^ state >> 31;
}

int maildir_object_at(int fd, const char *name, uint64_t *ret_object) {
        struct stat st;
        uint64_t object;

        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;

        object = mix(
                0, st.st_ino); /* not st_dev: on some file systems it is another after each boot */
        object = mix(object, (uint64_t) st.st_size);
        object = mix(object, (uint64_t) st.st_mtim.tv_sec);
        object = mix(object, (uint64_t) st.st_mtim.tv_nsec);
        *ret_object = object ? object : 1;
        return 0;
}

int maildir_object(Maildir *maildir, MaildirSub sub, const char *name, uint64_t *ret_object) {
        return maildir_object_at(maildir->fds[sub], name, ret_object);
}

int maildir_rename_new(int old_fd, const char *old_name, int new_fd, const char *new_name) {
        if (renameat2(old_fd, old_name, new_fd, new_name, RENAME_NOREPLACE) == 0)
                return 0;
        if (errno != EINVAL && errno != ENOSYS)
                return -errno;

        /* NFS and some FUSE file systems cannot; a link does not replace either */
        if (linkat(old_fd, old_name, new_fd, new_name, 0) < 0)
                return -errno;
        return unlinkat(old_fd, old_name, 0) < 0 ? -errno : 0;
}

int maildir_sync_tmp(Maildir *maildir) {
        return maildir->tmp_fd >= 0 && fsync(maildir->tmp_fd) < 0 ? -errno : 0;
}

int maildir_sync_dirs(Maildir *maildir) {
        for (size_t i = 0; i < ARRAY_SIZE(maildir->fds); i++) {
                if (!maildir->dirty[i])
                        continue;
                if (fsync(maildir->fds[i]) < 0)
                        return -errno;
                maildir->dirty[i] = false;
        }

        return 0;
}

int maildir_move(Maildir *from, MaildirSub from_sub, const char *old_name, Maildir *to,
                 MaildirSub to_sub, const char *new_name) {
        const int old_fd = from->fds[from_sub], new_fd = to->fds[to_sub];
        int r;

        if (!maildir_is_file_name(old_name) || !maildir_is_file_name(new_name))
                return -EINVAL;
        if (old_fd == new_fd && strcmp(old_name, new_name) == 0)
                return 0;

        r = maildir_rename_new(old_fd, old_name, new_fd, new_name);
        if (r < 0)
                return r;

        from->dirty[from_sub] = true;
        to->dirty[to_sub] = true;
        return 0;
}

int maildir_rename(Maildir *maildir, MaildirSub sub, const char *old_name, const char *new_name) {
        return maildir_move(maildir, sub, old_name, maildir, MAILDIR_CUR, new_name);
}

int maildir_unlink(Maildir *maildir, MaildirSub sub, const char *name) {
        if (!maildir_is_file_name(name))
                return -EINVAL;
        if (unlinkat(maildir->fds[sub], name, 0) < 0)
                return -errno;

        maildir->dirty[sub] = true;
        return 0;
}

static int read_letters(int fd, Buffer *text) {
        for (;;) {
                ssize_t n;
                int r;

                r = buffer_reserve(text, 4096);
                if (r < 0)
                        return r;
                n = read(fd, text->data + text->size, 4096);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;
                text->size += (size_t) n;
        }
}

int maildir_letters_load(Maildir *maildir, MaildirLetters *ret_letters) {
        _cleanup_(buffer_done) Buffer text = {.limit = LETTERS_FILE_MAX + 4096};
        _cleanup_close_ int fd = -1;
        struct stat st;
        int r;

        fd = openat(maildir->fds[MAILDIR_CUR], letters_path,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT) {
                *ret_letters = MAILDIR_LETTERS_NULL;
                return 0;
        }
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;

        r = read_letters(fd, &text);
        if (r < 0)
                return r;

        return maildir_letters_parse(buffer_view(&text), ret_letters);
}

static int write_letters(int fd, ByteView text) {
        while (text.size > 0) {
                ssize_t n = write(fd, text.data, text.size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                text = (ByteView){text.data + n, text.size - (size_t) n};
        }

        return fsync(fd) < 0 ? -errno : 0;
}

/* Make the folder's own entries durable. */
static int sync_folder(const Maildir *maildir) {
        _cleanup_close_ int fd = -1;
        int r;

        r = maildir_open_dir(maildir->fds[MAILDIR_CUR], "..", &fd);
        if (r < 0)
                return r;

        return fsync(fd) < 0 ? -errno : 0;
}

int maildir_letters_save(Maildir *maildir, const MaildirLetters *letters) {
        const int cur = maildir->fds[MAILDIR_CUR];
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_close_ int fd = -1;
        int r;

        r = maildir_letters_format(letters, &text);
        if (r < 0)
                return r;

        /* ours alone, so that what is there is left from a crash */
        if (unlinkat(cur, letters_tmp_path, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(cur, letters_tmp_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    0600);
        if (fd < 0)
                return -errno;

        r = write_letters(fd, buffer_view(&text));
        if (r == 0 && renameat(cur, letters_tmp_path, cur, letters_path) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(cur, letters_tmp_path, 0);
                return r;
        }

        return sync_folder(maildir);
}
