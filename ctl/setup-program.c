/* Other programs that setup runs. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/macro.h"
#include "ctl/setup-program.h"

#define OUTPUT_MAX (8 * 1024 * 1024)

extern char **environ;

bool program_exists(const char *name) {
        const char *path = getenv("PATH");
        _cleanup_free_ char *copy = strdup(path ? path : "");
        char *rest = copy;
        const char *folder;

        while (copy && (folder = strsep(&rest, ":"))) {
                _cleanup_free_ char *file = NULL;

                if (asprintf(&file, "%s/%s", *folder ? folder : ".", name) < 0)
                        file = NULL;
                else if (access(file, X_OK) == 0)
                        return true;
        }
        return false;
}

char *program_daemon(void) {
        char own[PATH_MAX], *slash, *path;
        const ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);

        if (n > 0) {
                own[n] = '\0';
                slash = strrchr(own, '/');
                if (slash)
                        *slash = '\0';
                if (slash && asprintf(&path, "%s/imapsyncd", own) >= 0) {
                        if (access(path, X_OK) == 0)
                                return path;
                        free(path);
                }
        }
        return strdup("imapsyncd");
}

int program_text_fd(ByteView text) {
        _cleanup_close_ int fd = memfd_create("imapsyncctl-setup", MFD_CLOEXEC);

        if (fd < 0 || fchmod(fd, 0600) < 0)
                return -errno;
        for (size_t done = 0; done < text.size;) {
                const ssize_t n = write(fd, text.data + done, text.size - done);

                if (n < 0)
                        return -errno;
                done += (size_t) n;
        }
        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int read_output(int fd, Buffer *output) {
        output->limit = OUTPUT_MAX;
        for (;;) {
                char piece[4096];
                const ssize_t n = read(fd, piece, sizeof(piece));
                int r;

                if (n <= 0)
                        return n < 0 ? -errno : 0;
                r = buffer_append(output, piece, (size_t) n);
                explicit_bzero(piece, sizeof(piece)); /* it may be a password */
                if (r < 0)
                        return r;
        }
}

/* Signals that are handled here are at their default there (posix_spawn), ignored ones are told. */
static int spawn(const Program *program, int in, int out, pid_t *ret_pid) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t defaults, none;
        int error;

        (void) sigemptyset(&none);
        (void) sigemptyset(&defaults);
        (void) sigaddset(&defaults, SIGPIPE);
        (void) posix_spawnattr_init(&attributes);
        (void) posix_spawnattr_setsigdefault(&attributes, &defaults);
        (void) posix_spawnattr_setsigmask(&attributes, &none);
        (void) posix_spawnattr_setflags(&attributes,
                                        POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
        error = posix_spawn_file_actions_init(&actions);
        if (error == 0)
                error = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
        if (error == 0)
                error = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        if (error == 0 && program->be_quiet)
                error = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
                                                         O_WRONLY, 0);
        if (error == 0 && program->keep_fd > 0)
                error = posix_spawn_file_actions_adddup2(&actions, program->keep_fd,
                                                         program->keep_fd);
        if (error == 0)
                error = posix_spawnp(ret_pid, program->words[0], &actions, &attributes,
                                     (char *const *) program->words, environ);
        (void) posix_spawn_file_actions_destroy(&actions);
        (void) posix_spawnattr_destroy(&attributes);
        return -error;
}

/* Where its output goes: *ret_write for it, *ret_read for us, -1 if nobody wants it. */
static int open_output(const Program *program, int *ret_read, int *ret_write) {
        int pair[2];

        if (!program->output) {
                *ret_write = open("/dev/null", O_WRONLY | O_CLOEXEC);
                return *ret_write < 0 ? -errno : 0;
        }
        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        *ret_read = pair[0];
        *ret_write = pair[1];
        return 0;
}

int program_run(const Program *program) {
        _cleanup_close_ int in = -1, read_end = -1, write_end = -1;
        int status, r;
        pid_t pid;

        in = program_text_fd(program->input);
        if (in < 0)
                return in;
        r = open_output(program, &read_end, &write_end);
        if (r < 0)
                return r;
        r = spawn(program, in, write_end, &pid);
        if (r < 0)
                return r;
        (void) close(TAKE_FD(write_end));

        if (program->output)
                r = read_output(read_end, program->output);
        if (r < 0)
                (void) kill(pid, SIGTERM);
        if (waitpid(pid, &status, 0) < 0)
                return -errno;
        if (r < 0)
                return r;
        if (WIFSIGNALED(status))
                return WTERMSIG(status) == SIGINT ? -EINTR : 128 + WTERMSIG(status);
        return WEXITSTATUS(status);
}
