/* A password, from wherever the configuration says. */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/child.h"
#include "daemon/log.h"
#include "daemon/secret.h"

#define MAX_SECRET     (16 * 1024) /* access tokens of some providers pass 4 kB; a multiple of pages */
#define MAX_LINE       256         /* of what the command says on stderr; the rest is cut */
#define MAX_LIFETIME   (10 * 365 * 86400u) /* seconds */
#define READS_PER_TURN 16                  /* who writes without end must not starve the loop */

struct Secret {
        SecretFn on_secret;
        void *userdata;
        sd_event *event;        /* ref */
        sd_event_source *defer; /* of what was there at once */
        char *text;             /* mapped; the rest behind @n_text is zeros */
        size_t n_text;
        size_t n_mapped;
        bool is_cut;   /* there was more than fits */
        bool is_token; /* of OAuth: a second line may say for how many seconds it is good */
        uint64_t lifetime_usec;      /* 0: nobody said */
        char subject[MAX_LINE];      /* "the password command" */
        char why[MAX_LINE * 4 + 64]; /* "" while nothing is wrong */

        /* of a command */
        pid_t pid; /* until it is reaped; 0: none */
        uint64_t timeout_usec;
        sd_event_source *out, *err; /* own their pipes */
        sd_event_source *exited;
        sd_event_source *timer;
        char line[MAX_LINE]; /* the last one on stderr, or what there is of the next */
        size_t n_line;
        bool line_is_whole;
};

/* Let go of all that could still call back. The command, if it lives, is killed. */
static void secret_stop(Secret *s) {
        s->defer = sd_event_source_disable_unref(s->defer);
        s->out = sd_event_source_disable_unref(s->out);
        s->err = sd_event_source_disable_unref(s->err);
        s->exited = sd_event_source_disable_unref(s->exited);
        s->timer = sd_event_source_disable_unref(s->timer);
        if (s->pid > 0)
                child_kill(s->event, s->pid);
        s->pid = 0;
}

Secret *secret_free(Secret *s) {
        if (!s)
                return NULL;

        secret_stop(s);
        if (s->text) {
                explicit_bzero(s->text, s->n_mapped);
                (void) munmap(s->text, s->n_mapped);
        }
        sd_event_unref(s->event);
        free(s);
        return NULL;
}

static void secret_complain(Secret *s, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* The first complaint is the one that is told. */
static void secret_complain(Secret *s, const char *format, ...) {
        va_list args;
        int n;

        if (s->why[0])
                return;

        n = snprintf(s->why, sizeof(s->why), "%s ", s->subject);
        va_start(args, format);
        (void) vsnprintf(s->why + n, sizeof(s->why) - (size_t) n, format, args);
        va_end(args);
}

/* The second line of a token, while it is still there. */
static void secret_take_lifetime(Secret *s, const char *line) {
        const size_t size = s->n_text - (size_t) (line - s->text);
        ByteView rest = {line, size}, digits = bytes_take_until(&rest, '\n');
        uint64_t seconds;

        if (digits.size > 0 && digits.data[digits.size - 1] == '\r')
                digits.size--;
        if (digits.size > 0 && bytes_to_u64(digits, MAX_LIFETIME, &seconds) == 0)
                s->lifetime_usec = seconds * 1000000;
}

/* It is kept for as long as the connection, and what may be locked is little: only the pages that it needs. */
static void secret_trim(Secret *s) {
        const size_t page = (size_t) sysconf(_SC_PAGESIZE);
        const size_t needed = (s->n_text / page + 1) * page; /* with its NUL */

        if (needed < s->n_mapped && munmap(s->text + needed, s->n_mapped - needed) == 0)
                s->n_mapped = needed;
}

/* Only the first line counts. What can be no password is refused here, where it is known whence it
 * came (RFC 4616 section 2 has no NUL in it either). */
static void secret_cut(Secret *s) {
        const char *end = memchr(s->text, '\n', s->n_text);
        size_t n = end ? (size_t) (end - s->text) : s->n_text;
        const char *what = s->is_token ? "token" : "password";

        if (end && s->is_token)
                secret_take_lifetime(s, end + 1);
        if (n > 0 && s->text[n - 1] == '\r')
                n--;

        if (s->is_cut && !end)
                secret_complain(s, "gives a first line of more than %d bytes", MAX_SECRET - 1);
        else if (n == 0)
                secret_complain(s, "gives no %s: its first line is empty", what);
        else if (memchr(s->text, '\0', n))
                secret_complain(s, "gives no %s: its first line holds a NUL", what);

        explicit_bzero(s->text + n, s->n_mapped - n);
        s->n_text = n;
        secret_trim(s);
}

/* The last thing that is done with @s here: the callback may free it. */
static void secret_tell(Secret *s) {
        secret_stop(s);
        if (s->why[0])
                explicit_bzero(s->text, s->n_mapped);
        s->on_secret(s->why[0] ? NULL : s->text, s->why[0] ? s->why : NULL, s->userdata);
}

static int secret_on_defer(sd_event_source *source, void *userdata) {
        (void) source;

        secret_tell(userdata);
        return 0;
}

/* Read what there is and fits. Return: 1 if there may be more later, 0 at the end, or negative. */
static int secret_read(Secret *s, int fd) {
        for (unsigned i = 0; i < READS_PER_TURN; i++) {
                size_t room = MAX_SECRET - 1 - s->n_text;
                char excess[512];
                ssize_t n;

                if (room > 0)
                        n = read(fd, s->text + s->n_text, room);
                else
                        n = read(fd, excess, sizeof(excess));
                if (n < 0)
                        return errno == EAGAIN || errno == EINTR ? 1 : -errno;
                if (n == 0)
                        return 0;

                if (room > 0)
                        s->n_text += (size_t) n;
                else
                        s->is_cut = true;
        }

        return 1;
}

/* @private: only the user may be able to read it. */
static void secret_read_file(Secret *s, const char *path, bool private) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0) {
                secret_complain(s, "cannot be read: %m");
                return;
        }
        if (!S_ISREG(st.st_mode)) {
                secret_complain(s, "is not a regular file");
                return;
        }
        if (private && (st.st_mode & (S_IRGRP | S_IROTH))) {
                secret_complain(s, "can be read by others; run “chmod 600” on it");
                return;
        }

        r = secret_read(s, fd);
        if (r < 0) {
                errno = -r;
                secret_complain(s, "cannot be read: %m");
        }
        secret_cut(s);
}

/* systemd.exec(5), LoadCredential=: only this service can read there, whatever the mode says. */
static int secret_read_credential(Secret *s, const char *name) {
        const char *folder = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_free_ char *path = NULL;

        if (!folder) {
                secret_complain(s,
                                "cannot be read: $CREDENTIALS_DIRECTORY is not set; the unit needs "
                                "LoadCredential=");
                return 0;
        }
        if (asprintf(&path, "%s/%s", folder, name) < 0)
                return -ENOMEM;

        secret_read_file(s, path, false);
        return 0;
}

static int secret_on_out(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        (void) revents;

        if (secret_read(userdata, fd) != 1)
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return 0;
}

/* Keep the last line that is not empty. */
static void secret_take_err(Secret *s, const char *data, size_t size) {
        for (size_t i = 0; i < size; i++) {
                if (data[i] == '\n' || data[i] == '\r') {
                        s->line_is_whole = true;
                        continue;
                }
                if (s->line_is_whole)
                        s->n_line = 0;
                s->line_is_whole = false;
                if (s->n_line < sizeof(s->line))
                        s->line[s->n_line++] = data[i];
        }
}

static int secret_on_err(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        ssize_t n = 0;

        (void) revents;

        for (unsigned i = 0; i < READS_PER_TURN; i++) {
                char data[4096];

                n = read(fd, data, sizeof(data));
                if (n <= 0)
                        break;
                secret_take_err(userdata, data, (size_t) n);
        }

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return 0;
}

static void secret_judge_exit(Secret *s, const siginfo_t *info) {
        char line[MAX_LINE * 4] = "";
        const char *colon = s->n_line > 0 ? ": " : "";

        log_escape(s->line, s->n_line, line, sizeof(line));
        if (info->si_code != CLD_EXITED)
                secret_complain(s, "was killed by signal %i (SIG%s)%s%s", info->si_status,
                                sigabbrev_np(info->si_status), colon, line);
        else if (info->si_status != 0)
                secret_complain(s, "exited with status %i%s%s", info->si_status, colon, line);
        else
                secret_cut(s);
}

/*
 * The shell has ended. That, not the end of its output, is when the password is there: an agent it
 * started may keep the pipe open for days.
 */
static int secret_on_exit(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Secret *s = userdata;
        siginfo_t info = {};

        (void) source, (void) revents;

        if (waitid(P_PIDFD, (id_t) fd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
                return 0;
        s->pid = 0;

        (void) secret_on_out(s->out, sd_event_source_get_io_fd(s->out), 0, s);
        (void) secret_on_err(s->err, sd_event_source_get_io_fd(s->err), 0, s);
        secret_judge_exit(s, &info);
        secret_tell(s);
        return 0;
}

static int secret_on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Secret *s = userdata;

        (void) source, (void) usec;

        secret_complain(s, "was killed: it took longer than %g s",
                        (double) s->timeout_usec / 1000000);
        secret_tell(s);
        return 0;
}

/* The reading end stays here and never blocks, the writing end blocks as the command expects. */
static int add_pipe(sd_event *event, sd_event_io_handler_t on_io, Secret *s,
                    sd_event_source **ret_source, int *ret_write_fd) {
        _cleanup_close_ int read_fd = -EBADF, write_fd = -EBADF;
        int pair[2], r;

        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        read_fd = pair[0];
        write_fd = pair[1];
        if (fcntl(read_fd, F_SETFL, O_NONBLOCK) < 0)
                return -errno;

        r = sd_event_add_io(event, ret_source, read_fd, EPOLLIN, on_io, s);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(*ret_source, "secret-command");
        (void) sd_event_source_set_io_fd_own(*ret_source, true);
        (void) TAKE_FD(read_fd);

        *ret_write_fd = TAKE_FD(write_fd);
        return 0;
}

static int secret_run(Secret *s, const char *command) {
        _cleanup_close_ int in = -EBADF, out = -EBADF, err = -EBADF;
        int r;

        in = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (in < 0)
                return -errno;
        r = add_pipe(s->event, secret_on_out, s, &s->out, &out);
        if (r < 0)
                return r;
        r = add_pipe(s->event, secret_on_err, s, &s->err, &err);
        if (r < 0)
                return r;

        r = child_spawn(command, in, out, err, &s->pid);
        if (r < 0) {
                s->pid = 0;
                return r;
        }

        r = child_watch(s->event, s->pid, secret_on_exit, s, &s->exited);
        if (r < 0)
                return r;
        return sd_event_add_time_relative(s->event, &s->timer, CLOCK_MONOTONIC, s->timeout_usec, 0,
                                          secret_on_timer, s);
}

/* Memory that is neither swapped nor dumped, as far as the limits of this user go. */
static int secret_map(Secret *s) {
        void *memory =
                mmap(NULL, MAX_SECRET, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
                return -errno;

        (void) mlock(memory, MAX_SECRET);
        (void) madvise(memory, MAX_SECRET, MADV_DONTDUMP);
        s->text = memory;
        s->n_mapped = MAX_SECRET;
        return 0;
}

static void secret_name(Secret *s, const char *what, const char *name) {
        char escaped[MAX_LINE - 40];

        log_escape(name, strlen(name), escaped, sizeof(escaped));
        (void) snprintf(s->subject, sizeof(s->subject), "the %s “%s”", what, escaped);
}

static int secret_start(Secret *s, const SecretSource *source) {
        int r = 0;

        if (source->command) {
                (void) snprintf(s->subject, sizeof(s->subject), "the password command");
                return secret_run(s, source->command);
        }

        if (source->token_command) {
                (void) snprintf(s->subject, sizeof(s->subject), "the token command");
                s->is_token = true;
                return secret_run(s, source->token_command);
        }

        if (source->password) {
                (void) snprintf(s->subject, sizeof(s->subject), "the configuration");
                s->n_text = MIN(strlen(source->password), (size_t) MAX_SECRET - 1);
                memcpy(s->text, source->password, s->n_text);
                secret_cut(s);
        } else if (source->file) {
                secret_name(s, "password file", source->file);
                secret_read_file(s, source->file, true);
        } else if (source->credential) {
                secret_name(s, "credential", source->credential);
                r = secret_read_credential(s, source->credential);
        }
        if (r < 0)
                return r;

        return sd_event_add_defer(s->event, &s->defer, secret_on_defer, s);
}

uint64_t secret_lifetime(const Secret *s) {
        return s->lifetime_usec;
}

int secret_get(sd_event *event, const SecretSource *source, uint64_t timeout_usec,
               SecretFn on_secret, void *userdata, Secret **ret_secret) {
        _cleanup_(secret_freep) Secret *s = NULL;
        int r;

        assert(source->password || source->command || source->token_command || source->file ||
               source->credential);

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (Secret){
                .on_secret = on_secret,
                .userdata = userdata,
                .event = sd_event_ref(event),
                .timeout_usec = timeout_usec,
        };

        r = secret_map(s);
        if (r < 0)
                return r;
        r = secret_start(s, source);
        if (r < 0)
                return r;

        *ret_secret = TAKE_PTR(s);
        return 0;
}
