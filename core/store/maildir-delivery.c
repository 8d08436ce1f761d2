/*
 * Delivery: a message comes in pieces to tmp/, is made durable there, and then gets its name in new/
 * or cur/ by one rename. What a crash leaves in tmp/ is either published later or swept away.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "store/maildir-private.h"

#define WRITE_BUFFER_SIZE ((size_t) 16 * 1024)
#define LEFTOVER_AGE      ((int64_t) 36 * 60 * 60) /* as the Maildir description asks */

/* What was taken and may be the begin of a line end. A CRLF becomes LF, but one behind another CR
 * stays: the way out leaves a CRLF alone, and so CR CR LF comes out as it came in. */
typedef enum CarriageReturn {
        CR_NONE,
        CR_HELD,       /* one, not written yet */
        CR_HELD_AGAIN, /* the same, and the byte before it is a CR too */
} CarriageReturn;

struct MaildirDelivery {
        Maildir *maildir; /* borrowed */
        char *base;       /* owned */
        int fd;           /* -1 after sync */
        CarriageReturn cr;
        int error;     /* of a write; the file is no good after it */
        bool finished; /* nothing more is written */
        bool keep;     /* free() leaves the file alone */
};

static int write_all(int fd, const char *data, size_t n) {
        while (n > 0) {
                ssize_t written = write(fd, data, n);

                if (written < 0 && errno == EINTR)
                        continue;
                if (written < 0)
                        return -errno;
                data += written;
                n -= (size_t) written;
        }

        return 0;
}

/* Write out what the delivery has in the shared buffer. An error stays with the delivery. */
static void flush(MaildirDelivery *delivery) {
        Maildir *maildir = delivery->maildir;

        if (maildir->writer != delivery)
                return;
        if (delivery->error == 0)
                delivery->error = write_all(delivery->fd, maildir->buffer, maildir->n_buffered);

        maildir->writer = NULL;
        maildir->n_buffered = 0;
}

static void take_buffer(MaildirDelivery *delivery) {
        Maildir *maildir = delivery->maildir;

        if (maildir->writer && maildir->writer != delivery)
                flush(maildir->writer);
        maildir->writer = delivery;
}

static void put(MaildirDelivery *delivery, const char *data, size_t n) {
        Maildir *maildir = delivery->maildir;

        while (n > 0 && delivery->error == 0) {
                size_t room, now;

                take_buffer(delivery);
                room = WRITE_BUFFER_SIZE - maildir->n_buffered;
                now = MIN(n, room);
                memcpy(maildir->buffer + maildir->n_buffered, data, now);
                maildir->n_buffered += now;
                data += now;
                n -= now;

                if (maildir->n_buffered == WRITE_BUFFER_SIZE)
                        flush(delivery);
        }
}

/* The byte behind a CR that is held back: decides what becomes of both. */
static void put_behind_cr(MaildirDelivery *delivery, char c) {
        const bool again = delivery->cr == CR_HELD_AGAIN;

        delivery->cr = CR_NONE;
        if (c == '\r') {
                put(delivery, "\r", 1);
                delivery->cr = CR_HELD_AGAIN;
        } else if (c == '\n') {
                put(delivery, again ? "\r\n" : "\n", again ? 2 : 1);
        } else {
                put(delivery, "\r", 1);
                put(delivery, &c, 1);
        }
}

/* One without a file; tmp/ is open. */
static int delivery_make(Maildir *maildir, const char *base, MaildirDelivery **ret_delivery) {
        _cleanup_(maildir_delivery_freep) MaildirDelivery *delivery = NULL;
        int tmp, r;

        if (!maildir_is_file_name(base))
                return -EINVAL;
        r = maildir_open_tmp(maildir, &tmp);
        if (r < 0)
                return r;

        delivery = malloc(sizeof(*delivery));
        if (!delivery)
                return -ENOMEM;
        *delivery = (MaildirDelivery){.maildir = maildir, .fd = -1, .keep = true};
        maildir->n_deliveries++;

        delivery->base = bytes_dup(bytes_of(base));
        if (!delivery->base)
                return -ENOMEM;
        *ret_delivery = TAKE_PTR(delivery);
        return 0;
}

int maildir_delivery_new(Maildir *maildir, const char *base, MaildirDelivery **ret_delivery) {
        _cleanup_(maildir_delivery_freep) MaildirDelivery *delivery = NULL;
        int r;

        r = delivery_make(maildir, base, &delivery);
        if (r < 0)
                return r;
        if (!maildir->buffer) {
                maildir->buffer = malloc(WRITE_BUFFER_SIZE);
                if (!maildir->buffer)
                        return -ENOMEM;
        }

        delivery->fd = openat(maildir->tmp_fd, base,
                              O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (delivery->fd < 0)
                return -errno;
        delivery->keep = false;

        *ret_delivery = TAKE_PTR(delivery);
        return 0;
}

static int copy_bytes(int from, int to) {
        char buffer[WRITE_BUFFER_SIZE];
        struct stat st;

        for (;;) {
                ssize_t n = read(from, buffer, sizeof(buffer));
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                r = write_all(to, buffer, (size_t) n);
                if (r < 0)
                        return r;
        }

        if (fstat(from, &st) < 0 || futimens(to, (struct timespec[]){st.st_atim, st.st_mtim}) < 0)
                return -errno;
        return 0;
}

/* Not every file system has links, and not any number of them. */
static bool is_without_link(int error) {
        return error == EXDEV || error == EPERM || error == EMLINK || error == EOPNOTSUPP;
}

int maildir_delivery_copy(Maildir *maildir, const char *base, Maildir *from, MaildirSub sub,
                          const char *name, MaildirDelivery **ret_delivery) {
        _cleanup_(maildir_delivery_freep) MaildirDelivery *delivery = NULL;
        _cleanup_close_ int source = -EBADF;
        int r;

        if (!maildir_is_file_name(name))
                return -EINVAL;
        r = maildir_check_regular(from->fds[sub], name);
        if (r >= 0)
                r = delivery_make(maildir, base, &delivery);
        if (r < 0)
                return r;
        source = openat(from->fds[sub], name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (source < 0)
                return -errno;

        if (linkat(from->fds[sub], name, maildir->tmp_fd, base, 0) == 0)
                delivery->fd = TAKE_FD(source); /* for its fsync */
        else if (is_without_link(errno))
                delivery->fd = openat(maildir->tmp_fd, base,
                                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (delivery->fd < 0)
                return -errno;
        delivery->keep = false;
        delivery->finished = true;
        if (source >= 0)
                r = copy_bytes(source, delivery->fd);
        if (r < 0)
                return r;

        *ret_delivery = TAKE_PTR(delivery);
        return 0;
}

int maildir_delivery_write(MaildirDelivery *delivery, ByteView piece) {
        assert(!delivery->finished);

        while (piece.size > 0 && delivery->error == 0) {
                const char *cr;
                size_t n;

                if (delivery->cr != CR_NONE) {
                        put_behind_cr(delivery, piece.data[0]);
                        piece = (ByteView){piece.data + 1, piece.size - 1};
                        continue;
                }

                cr = memchr(piece.data, '\r', piece.size);
                n = cr ? (size_t) (cr - piece.data) : piece.size;
                put(delivery, piece.data, n);
                if (cr) {
                        delivery->cr = CR_HELD;
                        n++;
                }
                piece = (ByteView){piece.data + n, piece.size - n};
        }

        return delivery->error;
}

int maildir_delivery_finish(MaildirDelivery *delivery, int64_t mtime) {
        assert(!delivery->finished);

        if (delivery->cr != CR_NONE)
                put(delivery, "\r", 1);
        flush(delivery);
        delivery->finished = true;
        if (delivery->error < 0)
                return delivery->error;

        if (mtime != 0) {
                const struct timespec times[2] = {
                        {.tv_nsec = UTIME_OMIT},
                        {.tv_sec = mtime},
                };

                if (futimens(delivery->fd, times) < 0)
                        return delivery->error = -errno;
        }

        /* The fsync comes when the batch is complete; until then the disk need not be idle. */
        (void) sync_file_range(delivery->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        return 0;
}

int maildir_delivery_sync(MaildirDelivery *delivery) {
        assert(delivery->finished);

        if (delivery->error < 0 || delivery->fd < 0)
                return delivery->error;

        /* after an error the pages are clean and gone: a second fsync would lie */
        if (fsync(delivery->fd) < 0)
                delivery->error = -errno;
        (void) close(TAKE_FD(delivery->fd));

        return delivery->error;
}

int maildir_delivery_publish(MaildirDelivery *delivery, MaildirSub sub, const char *name) {
        Maildir *maildir = delivery->maildir;
        int r;

        assert(delivery->finished && delivery->fd < 0);

        if (delivery->error < 0)
                return delivery->error;
        if (!maildir_is_file_name(name))
                return -EINVAL;

        r = maildir_rename_new(maildir->tmp_fd, delivery->base, maildir->fds[sub], name);
        if (r < 0)
                return r;

        delivery->keep = true;
        maildir->dirty[sub] = true;
        return 0;
}

void maildir_delivery_abandon(MaildirDelivery *delivery) {
        delivery->keep = true;
}

int maildir_delivery_object(const MaildirDelivery *delivery, uint64_t *ret_object) {
        return maildir_object_at(delivery->maildir->tmp_fd, delivery->base, ret_object);
}

const char *maildir_delivery_base(const MaildirDelivery *delivery) {
        return delivery->base;
}

MaildirDelivery *maildir_delivery_free(MaildirDelivery *delivery) {
        Maildir *maildir;

        if (!delivery)
                return NULL;
        maildir = delivery->maildir;

        if (maildir->writer == delivery) {
                maildir->writer = NULL;
                maildir->n_buffered = 0;
        }
        maildir->n_deliveries--;
        if (maildir->n_deliveries == 0) {
                free(maildir->buffer);
                maildir->buffer = NULL;
        }

        if (delivery->fd >= 0)
                (void) close(delivery->fd);
        if (!delivery->keep)
                (void) unlinkat(maildir->tmp_fd, delivery->base, 0);
        free(delivery->base);
        free(delivery);
        return NULL;
}

int maildir_publish_leftover(Maildir *maildir, const char *base, MaildirSub sub, const char *name) {
        int tmp, r;

        if (!maildir_is_file_name(base) || !maildir_is_file_name(name))
                return -EINVAL;
        r = maildir_open_tmp(maildir, &tmp);
        if (r < 0)
                return r;
        r = maildir_check_regular(tmp, base);
        if (r < 0)
                return r;

        r = maildir_rename_new(tmp, base, maildir->fds[sub], name);
        if (r < 0)
                return r;

        maildir->dirty[sub] = true;
        return 0;
}

/* By the time of the last change of the inode: the mtime is the message's own date. */
static bool is_leftover(int fd, const char *name, const char *host, int64_t now) {
        const int pid = maildir_name_process(bytes_of(name), host);
        struct stat st;

        if (pid < 0 || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
                return false;
        return (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH) ||
               st.st_ctim.tv_sec < now - LEFTOVER_AGE;
}

int maildir_clean_tmp(Maildir *maildir, const char *host, int64_t now,
                      bool (*is_known)(const char *base, void *userdata), void *userdata) {
        _cleanup_(maildir_close_entriesp) DIR *dir = NULL;
        int tmp, r;

        r = maildir_open_tmp(maildir, &tmp);
        if (r < 0)
                return r;
        r = maildir_open_entries(tmp, &dir);
        if (r < 0)
                return r;

        for (;;) {
                struct dirent *entry;

                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return -errno; /* 0 at the end */
                if (is_leftover(tmp, entry->d_name, host, now) &&
                    !is_known(entry->d_name, userdata) && unlinkat(tmp, entry->d_name, 0) < 0 &&
                    errno != ENOENT)
                        return -errno;
        }
}
