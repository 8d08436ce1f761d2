/*
 * Reading a message with CRLF line ends, of exactly the size that was told: an IMAP literal cannot
 * grow or shrink once it is announced.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "store/maildir-private.h"

#define PIECE_SIZE ((size_t) 64 * 1024)

struct MaildirReader {
        int fd;
        uint64_t left; /* bytes still to be given */
        bool cr;       /* the last byte given was a CR */
        size_t begin, end;
        char data[PIECE_SIZE]; /* data[begin] to data[end] is read and not given */
};

/* Return: bytes read, 0 at the end of the file. */
static ssize_t read_piece(MaildirReader *reader) {
        ssize_t n;

        do {
                n = read(reader->fd, reader->data, PIECE_SIZE);
        } while (n < 0 && errno == EINTR);

        return n < 0 ? -errno : n;
}

/* How many LF of @bytes need a CR. @cr: whether the byte before is one; updated. */
static uint64_t count_bare_lf(ByteView bytes, bool *cr) {
        const char *p = bytes.data, *const end = p + bytes.size;
        uint64_t n = 0;

        while ((p = memchr(p, '\n', (size_t) (end - p)))) {
                n += !(p > bytes.data ? p[-1] == '\r' : *cr);
                p++;
        }

        *cr = end[-1] == '\r';
        return n;
}

static int measure(MaildirReader *reader, uint64_t *ret_size) {
        uint64_t size = 0;
        bool cr = false;

        for (;;) {
                ssize_t n = read_piece(reader);

                if (n < 0)
                        return (int) n;
                if (n == 0)
                        break;
                size += (uint64_t) n;
                size += count_bare_lf((ByteView){reader->data, (size_t) n}, &cr);
        }
        if (lseek(reader->fd, 0, SEEK_SET) < 0)
                return -errno;

        *ret_size = size;
        return 0;
}

int maildir_reader_new(Maildir *maildir, MaildirSub sub, const char *name,
                       MaildirReader **ret_reader, uint64_t *ret_size, int64_t *ret_mtime) {
        _cleanup_(maildir_reader_freep) MaildirReader *reader = NULL;
        struct stat st;
        uint64_t size = 0;
        int r;

        if (!maildir_is_file_name(name))
                return -EINVAL;

        reader = malloc(sizeof(*reader));
        if (!reader)
                return -ENOMEM;
        reader->cr = false;
        reader->begin = reader->end = 0;

        /* O_NONBLOCK: a FIFO must not stop us before we see that it is one */
        reader->fd = openat(maildir->fds[sub], name,
                            O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (reader->fd < 0)
                return errno == ENXIO ? -EINVAL : -errno; /* ENXIO: a socket */
        if (fstat(reader->fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;

        r = measure(reader, &size);
        if (r < 0)
                return r;

        reader->left = size;
        *ret_size = size;
        *ret_mtime = st.st_mtim.tv_sec;
        *ret_reader = TAKE_PTR(reader);
        return 0;
}

/* Give what is read, at most @size bytes. Return: how many. */
static size_t give(MaildirReader *reader, char *buffer, size_t size) {
        size_t given = 0;

        while (given < size && reader->begin < reader->end) {
                const char *next = reader->data + reader->begin;
                size_t n = MIN(size - given, reader->end - reader->begin);
                const char *lf = memchr(next, '\n', n);

                if (lf == next) {
                        /* the CR first; the LF then follows one */
                        buffer[given++] = reader->cr ? '\n' : '\r';
                        reader->begin += reader->cr ? 1 : 0;
                        reader->cr = !reader->cr;
                        continue;
                }

                n = lf ? (size_t) (lf - next) : n;
                memcpy(buffer + given, next, n);
                reader->cr = next[n - 1] == '\r';
                reader->begin += n;
                given += n;
        }

        return given;
}

ssize_t maildir_reader_read(MaildirReader *reader, char *buffer, size_t size) {
        size_t given = 0;

        assert(size > 0 && size <= SSIZE_MAX);

        for (;;) {
                const uint64_t room = MIN((uint64_t) (size - given), reader->left);
                const size_t n = give(reader, buffer + given, (size_t) room);
                ssize_t r;

                given += n;
                reader->left -= n;
                if (given == size)
                        break;
                if (reader->begin < reader->end)
                        return given > 0 ? (ssize_t) given : -EIO; /* longer than stated */

                r = read_piece(reader);
                if (r < 0)
                        return r;
                reader->begin = 0;
                reader->end = (size_t) r;
                if (r == 0)
                        return given > 0 || reader->left == 0 ? (ssize_t) given : -EIO;
        }

        return (ssize_t) given;
}

MaildirReader *maildir_reader_free(MaildirReader *reader) {
        if (!reader)
                return NULL;

        if (reader->fd >= 0)
                (void) close(reader->fd);
        free(reader);
        return NULL;
}
