/*
 * The limit of live: what no synchroniser can do without that makes durable what it takes
 *
 *      limit-follow HOST PORT USER PASSWORD DIRECTORY
 *
 * Under NOTIFY and COMPRESS it asks at once, in one write, for what a STATUS tells of, and renews
 * the watch, since Dovecot's goes quiet when its log is rotated. It knows one server, Dovecot, without
 * TLS. DIRECTORY becomes a Maildir; a file "follows" in it says that the watch is set. SIGTERM ends it.
 *
 * A new message is durable when its file, its name in new/ and the numbers of its mailbox are; a
 * flag or an expunge when a name in cur/ has changed or is gone, and the numbers are there. Which file
 * that is a synchroniser knows: here are stand-ins, one after the other, made before the watch is set.
 * The numbers are lines of "state", of which a mailbox's last counts. Numbers that are overwritten in
 * their place are no cheaper, which was tried.
 */

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/bytes.h"

#define LOOK    "q LIST \"\" * RETURN (STATUS (UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\r\n"
#define WATCH   "renewed NOTIFY SET (personal (MessageNew MessageExpunge FlagChange))\r\n"
#define RENEWAL "n NOOP\r\nu UNSELECT\r\no NOTIFY NONE\r\n" WATCH

enum { CHUNK = 65536, N_STAND_INS = 1024 };

typedef struct Numbers {
        uint64_t validity, uid_next, modseq;
} Numbers;

typedef struct Mailbox {
        char *name;         /* owned; as on the wire */
        Numbers held, told; /* durable here; what the server said last */
} Mailbox;

typedef struct Session {
        int socket;
        bool is_compressed;
        z_stream inflate, deflate;
        Buffer raw, input;
        size_t at, answer_size; /* where in the input the last answer begins, and its size */
} Session;

/* The line of an answer up to its literal, and that; both borrowed until the next one. */
typedef struct Answer {
        ByteView line, literal;
} Answer;

typedef struct Files {
        int tmp, new, cur, state;
        bool is_new_dirty, is_cur_dirty;
        unsigned n_delivered;
        unsigned n_made, stand_in; /* so many were made; whose turn it is */
        bool is_seen;              /* as the name of that one says */
} Files;

typedef struct Follower {
        Session session;
        Files files;
        Mailbox *mailboxes; /* owned, and each of them */
        size_t n_mailboxes;
} Follower;

static void must(int result, const char *what) {
        if (result < 0)
                err(1, "%s", what);
}

static void write_all(int fd, const void *data, size_t size) {
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                must((int) n, "write");
                data = (const char *) data + n;
                size -= (size_t) n;
        }
}

static int connect_to(const char *host, const char *port) {
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
        int fd, one = 1, error = getaddrinfo(host, port, &hints, &found);

        if (error != 0)
                errx(1, "%s: %s", host, gai_strerror(error));
        must(fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        must(connect(fd, found->ai_addr, found->ai_addrlen), "connect");
        must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), "TCP_NODELAY");
        freeaddrinfo(found);
        return fd;
}

/* In one write. */
__attribute__((format(printf, 2, 3))) static void say(Session *s, const char *format, ...) {
        char text[2048];
        Bytef out[2 * sizeof(text)];
        va_list arguments;

        va_start(arguments, format);
        s->deflate.avail_in = (uInt) vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        if (s->deflate.avail_in >= sizeof(text))
                errx(1, "a long command: %s", text);
        if (!s->is_compressed) {
                write_all(s->socket, text, s->deflate.avail_in);
                return;
        }
        s->deflate.next_in = (Bytef *) text;
        s->deflate.next_out = out;
        s->deflate.avail_out = sizeof(out);
        (void) deflate(&s->deflate, Z_SYNC_FLUSH);
        write_all(s->socket, out, sizeof(out) - s->deflate.avail_out);
}

static void inflate_raw(Session *s) {
        s->inflate.next_in = (Bytef *) s->raw.data;
        s->inflate.avail_in = (uInt) s->raw.size;
        do {
                must(buffer_reserve(&s->input, CHUNK), "input");
                s->inflate.next_out = (Bytef *) s->input.data + s->input.size;
                s->inflate.avail_out = CHUNK;
                (void) inflate(&s->inflate, Z_SYNC_FLUSH);
                if (s->inflate.msg)
                        errx(1, "inflate: %s", s->inflate.msg);
                s->input.size += CHUNK - s->inflate.avail_out;
        } while (s->inflate.avail_out == 0);
        s->raw.size = 0;
}

/* Wait for more input. */
static void fill(Session *s) {
        Buffer *to = s->is_compressed ? &s->raw : &s->input;
        ssize_t n;

        buffer_consume(&s->input, s->at);
        s->at = 0;
        must(buffer_reserve(to, CHUNK), "input");
        must((int) (n = read(s->socket, to->data + to->size, CHUNK)), "read");
        if (n == 0)
                errx(1, "the server closed the connection");
        to->size += (size_t) n;
        if (s->is_compressed)
                inflate_raw(s);
}

/* What came behind the last answer is compressed, as all that follows. */
static void begin_compression(Session *s) {
        buffer_consume(&s->input, s->at + s->answer_size);
        s->at = s->answer_size = 0;
        s->raw = s->input;
        s->input = BUFFER_NULL;
        s->is_compressed = true;
        if (inflateInit2(&s->inflate, -MAX_WBITS) != Z_OK ||
            deflateInit2(&s->deflate, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS,
                         MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY) != Z_OK)
                errx(1, "out of memory");
        inflate_raw(s);
}

/* Where the line ends that begins so far behind the answer's begin. */
static size_t line_end(Session *s, size_t from) {
        for (;; fill(s)) {
                size_t start = s->at + from;
                const char *end = NULL;

                if (start < s->input.size)
                        end = memmem(s->input.data + start, s->input.size - start, "\r\n", 2);
                if (end)
                        return (size_t) (end - s->input.data) - s->at;
        }
}

/* The number behind a word, if there is one. */
static bool read_number(ByteView text, const char *word, uint64_t *ret_number) {
        const char *begin = memmem(text.data, text.size, word, strlen(word));

        if (!begin)
                return false;
        /* All that is read here ends with CRLF or a parenthesis. */
        *ret_number = strtoull(begin + strlen(word), NULL, 10);
        return true;
}

static Answer next_answer(Session *s) {
        size_t line = 0, end, head, body = 0;
        uint64_t size = 0;

        s->at += s->answer_size;
        head = end = line_end(s, 0);
        while (s->input.data[s->at + end - 1] == '}' &&
               read_number((ByteView){s->input.data + s->at + line, end - line}, "{", &size)) {
                body = end + 2;
                line = body + size;
                end = line_end(s, line);
        }
        s->answer_size = end + 2;
        return (Answer){
                .line = {s->input.data + s->at,        head},
                .literal = {s->input.data + s->at + body, size}
        };
}

/* Names in cur/ that may be changed and removed. */
static void make_stand_ins(Files *files) {
        char name[32];

        for (int i = 0; i < N_STAND_INS; i++) {
                int fd;

                (void) snprintf(name, sizeof(name), "%u:2,", files->n_made++);
                must(fd = openat(files->cur, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), name);
                (void) close(fd);
        }
}

static void open_files(Files *files, const char *directory) {
        int *folders[] = {&files->tmp, &files->new, &files->cur};
        static const char *const names[] = {"tmp", "new", "cur"};

        must(chdir(directory), directory);
        for (int i = 0; i < 3; i++) {
                must(mkdir(names[i], 0700), names[i]);
                must(*folders[i] = open(names[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC), names[i]);
        }
        must(files->state = open("state", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600),
             "state");
        make_stand_ins(files);
}

static void deliver(Files *files, uint64_t uid, ByteView message) {
        char name[64];
        int fd;

        (void) snprintf(name, sizeof(name), "%u.limit,U=%" PRIu64, files->n_delivered++, uid);
        must(fd = openat(files->tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), name);
        write_all(fd, message.data, message.size);
        must(fsync(fd), "fsync");
        (void) close(fd);
        must(renameat(files->tmp, name, files->new, name), "rename");
        files->is_new_dirty = true;
}

static void name_stand_in(const Files *files, char ret_name[static 32]) {
        (void) snprintf(ret_name, 32, "%u:2,%s", files->stand_in, files->is_seen ? "S" : "");
}

static void change_flag(Files *files) {
        char from[32], to[32];

        name_stand_in(files, from);
        files->is_seen = !files->is_seen;
        name_stand_in(files, to);
        must(renameat(files->cur, from, files->cur, to), "rename");
        files->is_cur_dirty = true;
}

static void expunge(Files *files) {
        char name[32];

        name_stand_in(files, name);
        must(unlinkat(files->cur, name, 0), "unlink");
        files->is_seen = false;
        files->is_cur_dirty = true;
        if (++files->stand_in == files->n_made)
                make_stand_ins(files);
}

static void write_numbers(int state, const Mailbox *m) {
        must(dprintf(state, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", m->held.validity,
                     m->held.uid_next, m->held.modseq, m->name),
             "state");
}

/* First what was taken, then up to which numbers. */
static void commit(Follower *f, size_t n) {
        if (f->files.is_new_dirty)
                must(fsync(f->files.new), "fsync");
        if (f->files.is_cur_dirty)
                must(fsync(f->files.cur), "fsync");
        f->files.is_new_dirty = f->files.is_cur_dirty = false;
        write_numbers(f->files.state, &f->mailboxes[n]);
        must(fdatasync(f->files.state), "fdatasync");
}

static Mailbox *find_mailbox(Follower *f, ByteView name) {
        Mailbox *m;

        for (m = f->mailboxes; m < f->mailboxes + f->n_mailboxes; m++)
                if (bytes_equal(bytes_of(m->name), name))
                        return m;
        f->mailboxes = reallocarray(f->mailboxes, f->n_mailboxes + 1, sizeof(*m));
        m = f->mailboxes + f->n_mailboxes++;
        *m = (Mailbox){.name = bytes_dup(name)};
        return m;
}

/* NAME (UIDNEXT 5 HIGHESTMODSEQ 7 ...) */
static void handle_status(Follower *f, ByteView rest) {
        const char *list = memrchr(rest.data, '(', rest.size);
        ByteView numbers;
        Mailbox *m;

        if (!list || list == rest.data)
                errx(1, "STATUS %.*s", (int) rest.size, rest.data);
        numbers = (ByteView){list, rest.size - (size_t) (list - rest.data)};
        m = find_mailbox(f, (ByteView){rest.data, (size_t) (list - 1 - rest.data)});
        (void) read_number(numbers, "UIDVALIDITY ", &m->told.validity);
        (void) read_number(numbers, "UIDNEXT ", &m->told.uid_next);
        (void) read_number(numbers, "HIGHESTMODSEQ ", &m->told.modseq);
}

/* @uid_next: messages from here on are new. */
static void handle(Follower *f, Answer answer, uint64_t uid_next) {
        ByteView line = answer.line;
        uint64_t uid;

        if (!bytes_starts_fold(line, BYTES("* "))) {
                if (!memmem(line.data, line.size, " OK ", 4))
                        errx(1, "%.*s", (int) line.size, line.data);
        } else if (bytes_starts_fold(line, BYTES("* STATUS "))) {
                handle_status(f, (ByteView){line.data + 9, line.size - 9});
        } else if (bytes_starts_fold(line, BYTES("* VANISHED "))) {
                /* One at a time: of each range, one was here. */
                for (const char *p = line.data; p;
                     p = memchr(p + 1, ',', (size_t) (line.data + line.size - p - 1)))
                        expunge(&f->files);
        } else if (memmem(line.data, line.size, " FETCH (", 8) && read_number(line, "UID ", &uid)) {
                if (answer.literal.size > 0)
                        deliver(&f->files, uid, answer.literal);
                else if (uid < uid_next)
                        change_flag(&f->files);
        }
}

static void read_until(Follower *f, ByteView mark, uint64_t uid_next) {
        for (;;) {
                Answer answer = next_answer(&f->session);

                if (bytes_starts_fold(answer.line, mark))
                        return;
                handle(f, answer, uid_next);
        }
}

static void log_in(Follower *f, const char *user, const char *password) {
        read_until(f, BYTES("* OK"), 0);
        say(&f->session, "l LOGIN %s %s\r\ne ENABLE QRESYNC\r\nz COMPRESS DEFLATE\r\n", user,
            password);
        read_until(f, BYTES("z OK"), 0);
        begin_compression(&f->session);
        say(&f->session, LOOK WATCH);
        read_until(f, BYTES("renewed OK"), 0);
        for (size_t i = 0; i < f->n_mailboxes; i++) {
                f->mailboxes[i].held = f->mailboxes[i].told;
                write_numbers(f->files.state, &f->mailboxes[i]);
        }
        must(syncfs(f->files.state), "syncfs"); /* all that is there from the start */
}

/* All that is new in a mailbox. */
static void ask(Follower *f, size_t n) {
        Numbers before = f->mailboxes[n].held, now = f->mailboxes[n].told;
        char fetch[64] = "";

        if (now.uid_next > before.uid_next)
                (void) snprintf(fetch, sizeof(fetch), "f UID FETCH %" PRIu64 ":* BODY.PEEK[]\r\n",
                                before.uid_next);
        say(&f->session, "s SELECT %s (QRESYNC (%" PRIu64 " %" PRIu64 "))\r\n%s" RENEWAL,
            f->mailboxes[n].name, before.validity, before.modseq, fetch);
        read_until(f, BYTES("renewed OK"), before.uid_next);
        f->mailboxes[n].held = now;
        commit(f, n);
}

/* The first that has changed; their number if none has. */
static size_t find_changed(const Follower *f) {
        size_t n = 0;

        while (n < f->n_mailboxes && f->mailboxes[n].told.modseq <= f->mailboxes[n].held.modseq)
                n++;
        return n;
}

int main(int argc, char **argv) {
        Follower f = {0};

        if (argc != 6)
                errx(2, "usage: limit-follow HOST PORT USER PASSWORD DIRECTORY");
        f.session.socket = connect_to(argv[1], argv[2]);
        open_files(&f.files, argv[5]);
        log_in(&f, argv[3], argv[4]);
        must(open("follows", O_WRONLY | O_CREAT | O_CLOEXEC, 0600), "follows");
        for (;;) {
                for (size_t n; (n = find_changed(&f)) < f.n_mailboxes;)
                        ask(&f, n);
                handle(&f, next_answer(&f.session), 0);
        }
}
