/* Around the tests of the control socket. */

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/macro.h"
#include "control-rig.h"
#include "core/control.h"
#include "fake-manager.h"
#include "test.h"

char rig_dir[] = "/tmp/test-control-XXXXXX";
char rig_socket[108];

static const char *rig_program;

void rig_open(const char *program) {
        rig_program = program;
        assert(mkdtemp(rig_dir));
        snprintf(rig_socket, sizeof(rig_socket), "%s/%s", rig_dir, CONTROL_SOCKET);
        assert(setenv("XDG_RUNTIME_DIR", rig_dir, 1) == 0 && setenv("TERM", "xterm", 1) == 0);
        assert(unsetenv("NO_COLOR") == 0);
}

void rig_close(void) {
        char folder[64];

        snprintf(folder, sizeof(folder), "%s/imapsyncd", rig_dir);
        assert(rmdir(folder) == 0 && rmdir(rig_dir) == 0);
}

pid_t daemon_start(void) {
        int ready[2];
        char byte;
        pid_t pid;

        assert(pipe2(ready, O_CLOEXEC) == 0);
        pid = fork();
        assert(pid >= 0);
        if (pid == 0) {
                /* a test that fails leaves nothing running */
                assert(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
                exit(fake_manager_run(rig_socket, ready[1]));
        }
        (void) close(ready[1]);
        assert(read(ready[0], &byte, 1) == 1);
        (void) close(ready[0]);
        return pid;
}

void daemon_expect_end(pid_t pid) {
        int status;

        assert(waitpid(pid, &status, 0) == pid);
        assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert(access(rig_socket, F_OK) < 0 && errno == ENOENT);
}

static void exec_program(const char *const *args) {
        const char *argv[16] = {rig_program};

        for (size_t i = 0; args[i]; i++)
                argv[i + 1] = args[i];
        execv(rig_program, (char **) (uintptr_t) argv);
        _exit(127);
}

Run run_start(const char *const *args) {
        int out[2], err[2];
        Run run;

        assert(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
        run = (Run){fork(), out[0], err[0]};
        assert(run.pid >= 0);
        if (run.pid == 0) {
                dup2(out[1], STDOUT_FILENO);
                dup2(err[1], STDERR_FILENO);
                exec_program(args);
        }
        (void) close(out[1]);
        (void) close(err[1]);
        return run;
}

Run run_start_terminal(const char *const *args, unsigned short width) {
        const struct winsize size = {.ws_row = 24, .ws_col = width};
        Run run = {.err = -1};

        run.pid = forkpty(&run.out, NULL, NULL, &size);
        assert(run.pid >= 0);
        if (run.pid == 0)
                exec_program(args);
        return run;
}

/* All that comes until the end, as a string. A terminal ends with EIO. */
char *read_all(int fd) {
        Buffer buffer = BUFFER_NULL;
        ssize_t n;

        for (;;) {
                char bytes[4096];

                n = read(fd, bytes, sizeof(bytes));
                if (n <= 0)
                        break;
                assert(buffer_append(&buffer, bytes, (size_t) n) == 0);
        }
        assert(n == 0 || errno == EIO);
        (void) close(fd);
        return buffer_steal_string(&buffer);
}

int run_end(Run *run) {
        int status;

        assert(waitpid(run->pid, &status, 0) == run->pid);
        assert(WIFEXITED(status));
        return WEXITSTATUS(status);
}

char *read_lines(int fd, unsigned n_lines) {
        Buffer buffer = BUFFER_NULL;
        char byte;

        while (n_lines > 0) {
                assert(read(fd, &byte, 1) == 1);
                assert(buffer_append(&buffer, &byte, 1) == 0);
                if (byte == '\n')
                        n_lines--;
        }
        return buffer_steal_string(&buffer);
}

char *read_until(int fd, const char *what) {
        Buffer buffer = BUFFER_NULL;

        while (!buffer.data || !memmem(buffer.data, buffer.size, what, strlen(what))) {
                char byte;

                assert(read(fd, &byte, 1) == 1);
                assert(buffer_append(&buffer, &byte, 1) == 0);
        }
        return buffer_steal_string(&buffer);
}
