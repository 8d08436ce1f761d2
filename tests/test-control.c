/*
 * The control socket against clients that mean no good: garbage, crowds, strangers, and those who
 * never read. After each the daemon must serve as before.
 *
 *      test-control PATH-OF-IMAPSYNCCTL
 */

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>

#include "base/macro.h"
#include "control-rig.h"
#include "core/control.h"
#include "test.h"

#define PATIENCE_MSEC 60000 /* longer than anything here takes; only a hang reaches it */

static int connect_raw(void) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert(fd >= 0);
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", rig_socket);
        assert(connect(fd, (struct sockaddr *) &address, sizeof(address)) == 0);
        return fd;
}

/* Read until the other end is closed. Return: how many bytes came before. */
static size_t expect_closed(int fd) {
        size_t size = 0;

        for (;;) {
                struct pollfd pollfd = {.fd = fd, .events = POLLIN};
                char bytes[4096];
                ssize_t n;

                assert(poll(&pollfd, 1, PATIENCE_MSEC) == 1);
                n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
                if (n == 0 || (n < 0 && errno == ECONNRESET))
                        break;
                assert(n > 0);
                size += (size_t) n;
        }
        (void) close(fd);
        return size;
}

static sd_bus *connect_bus(void) {
        int fd = connect_raw();
        sd_bus *bus = NULL;

        assert(sd_bus_new(&bus) >= 0);
        assert(sd_bus_set_fd(bus, fd, fd) >= 0);
        assert(sd_bus_start(bus) >= 0);
        return bus;
}

/* Leave, and wait until the daemon has noticed: only then is there room for another. */
static void disconnect_bus(sd_bus *bus) {
        int fd = dup(sd_bus_get_fd(bus));

        assert(fd >= 0);
        (void) shutdown(fd, SHUT_WR);
        (void) expect_closed(fd);
        sd_bus_close_unref(bus);
}

static int call(sd_bus *bus, const char *member, const char *types, ...) {
        sd_bus_message *message = NULL;
        va_list args;
        int r;

        assert(sd_bus_message_new_method_call(bus, &message, NULL, CONTROL_PATH, CONTROL_INTERFACE,
                                              member) >= 0);
        va_start(args, types);
        if (types[0])
                assert(sd_bus_message_appendv(message, types, args) >= 0);
        va_end(args);
        r = sd_bus_call(bus, message, 0, NULL, NULL);
        sd_bus_message_unref(message);
        return r;
}

/* Is somebody watching? The fake tells as the number of messages of "probe". */
static bool is_watched(void) {
        static const char *const args[] = {"status", "probe", NULL};
        Run run = run_start(args);
        _cleanup_free_ char *out = read_all(run.out);

        free(read_all(run.err));
        assert(run_end(&run) == 0);
        return strstr(out, "messages    1\n");
}

static void test_garbage(void) {
        static const struct {
                const char *label;
                ByteView first;
        } rows[] = {
                {"no NUL in front",   BYTES("GET / HTTP/1.1\r\n")                             },
                {"no command",        BYTES("\0HELLO\r\n")                                    },
                {"an endless line",   BYTES("\0AUTH EXTERNAL ")                               },
                {"no message",        BYTES("\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\nl\1\0\7")    },
                {"a message of 2 GB",
                 BYTES("\0AUTH "
                       "EXTERNAL\r\nDATA\r\nBEGIN\r\nl\1\0\1\377\377\377\177\1\0\0\0\1\0\0\0")},
        };
        static char garbage[1000000];

        memset(garbage, 'x', sizeof(garbage));
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int fd = connect_raw();
                size_t sent = 0;

                TEST_ROW(rows[i].label, send(fd, rows[i].first.data, rows[i].first.size,
                                             MSG_NOSIGNAL) == (ssize_t) rows[i].first.size);
                while (sent < sizeof(garbage)) {
                        ssize_t n = send(fd, garbage + sent, sizeof(garbage) - sent, MSG_NOSIGNAL);

                        if (n < 0)
                                break;
                        sent += (size_t) n;
                }
                TEST_ROW(rows[i].label, expect_closed(fd) < 1024);
                TEST_ROW(rows[i].label, !is_watched());
        }
}

static void expect_turned_away(void) {
        static const char *const args[] = {"version", NULL};
        Run run = run_start(args);
        _cleanup_free_ char *out = read_all(run.out);
        _cleanup_free_ char *err = read_all(run.err);

        assert(out[0] == '\0' && strstr(err, "32 clients at a time"));
        assert(run_end(&run) == 1);
}

/* 32 get in; the next is turned away; who leaves makes room. */
static void test_many_clients(void) {
        sd_bus *clients[32];

        for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
                clients[i] = connect_bus();
                /* the tools of the tests before are gone, but perhaps the daemon has yet to see it */
                while (call(clients[i], "Version", "") < 0) {
                        disconnect_bus(clients[i]);
                        clients[i] = connect_bus();
                }
        }
        assert(expect_closed(connect_raw()) == 0);
        expect_turned_away();
        assert(call(clients[31], "Version", "") >= 0);

        disconnect_bus(clients[0]);
        clients[0] = connect_bus();
        assert(call(clients[0], "Version", "") >= 0);
        for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
                disconnect_bus(clients[i]);
}

/* A watcher that does not read is dropped before the events fill the memory. */
static void test_deaf_watcher(void) {
        sd_bus *deaf = connect_bus(), *other = connect_bus();

        assert(call(deaf, "Watch", "b", 1) >= 0);
        assert(is_watched());
        assert(call(other, "Sync", "sas", "flood", 0) >= 0);
        assert(!is_watched());
        assert(call(other, "Version", "") >= 0);
        disconnect_bus(deaf);
        disconnect_bus(other);
}

/* So is a client that asks and asks and never reads an answer; Ping is answered by sd-bus itself. */
static void test_deaf_asker(const char *interface, const char *member, const char *argument) {
        sd_bus *bus = connect_bus();
        int r = 0;

        for (size_t i = 0; i < 1000000 && r >= 0; i++) {
                sd_bus_message *message = NULL;
                uint64_t cookie;

                r = sd_bus_message_new_method_call(bus, &message, NULL, CONTROL_PATH, interface,
                                                   member);
                if (r >= 0 && argument)
                        r = sd_bus_message_append(message, "s", argument);
                if (r >= 0)
                        r = sd_bus_send(bus, message, &cookie); /* NULL: no reply wanted */
                if (r >= 0)
                        r = sd_bus_flush(bus);
                sd_bus_message_unref(message);
        }
        assert(r == -ECONNRESET || r == -EPIPE || r == -ENOTCONN);
        disconnect_bus(bus);
        assert(!is_watched());
}

/* Calls that are well-formed D-Bus and make no sense here. */
static void test_odd_calls(void) {
        sd_bus *bus = connect_bus();
        char **mailboxes = calloc(5001, sizeof(char *));
        sd_bus_message *message = NULL;
        char inbox[] = "INBOX";

        assert(mailboxes);
        assert(call(bus, "Nothing", "") < 0);
        assert(call(bus, "Status", "u", 1) < 0);
        assert(call(bus, "Sync", "s", "work") < 0);
        assert(call(bus, "Watch", "b", 0) >= 0);

        for (size_t i = 0; i < 5000; i++)
                mailboxes[i] = inbox;
        assert(sd_bus_message_new_method_call(bus, &message, NULL, CONTROL_PATH, CONTROL_INTERFACE,
                                              "Sync") >= 0);
        assert(sd_bus_message_append(message, "s", "work") >= 0);
        assert(sd_bus_message_append_strv(message, mailboxes) >= 0);
        assert(sd_bus_call(bus, message, 0, NULL, NULL) < 0);
        sd_bus_message_unref(message);
        free(mailboxes);

        for (size_t i = 0; i < 16; i++)
                assert(call(bus, "Sync", "sas", "stuck", 0) >= 0);
        assert(call(bus, "Sync", "sas", "stuck", 0) < 0);
        assert(call(bus, "Version", "") >= 0);
        disconnect_bus(bus);
}

static uint64_t cpu_ticks(pid_t pid) {
        unsigned long long user, system;
        char name[64];
        FILE *file;

        snprintf(name, sizeof(name), "/proc/%d/stat", (int) pid);
        file = fopen(name, "re");
        assert(file);
        assert(fscanf(file, "%*d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu", &user,
                      &system) == 2);
        fclose(file);
        return user + system;
}

/* A daemon out of descriptors lets the client wait, and does not turn in circles meanwhile. */
static void test_no_descriptors(pid_t daemon) {
        const uint64_t before = cpu_ticks(daemon);
        struct rlimit none = {0, 0}, old;
        struct pollfd pollfd;
        sd_bus *bus;

        assert(prlimit(daemon, RLIMIT_NOFILE, NULL, &old) == 0);
        none.rlim_max = old.rlim_max;
        assert(prlimit(daemon, RLIMIT_NOFILE, &none, NULL) == 0);
        pollfd = (struct pollfd){.fd = connect_raw(), .events = POLLIN};
        assert(poll(&pollfd, 1, 500) == 0); /* neither closed nor served */
        assert(prlimit(daemon, RLIMIT_NOFILE, &old, NULL) == 0);
        (void) close(pollfd.fd);

        bus = connect_bus();
        assert(call(bus, "Version", "") >= 0);
        disconnect_bus(bus);
        assert(cpu_ticks(daemon) - before < (uint64_t) sysconf(_SC_CLK_TCK) / 4);
}

/* Another user is turned away even where the file lets him in. */
static void test_other_user(void) {
        char folder[160];
        int status;
        pid_t pid;

        if (geteuid() != 0) {
                fprintf(stderr, "not root: another user cannot be tried\n");
                return;
        }
        snprintf(folder, sizeof(folder), "%s/imapsyncd", rig_dir);
        assert(chmod(rig_dir, 0755) == 0 && chmod(folder, 0755) == 0 &&
               chmod(rig_socket, 0666) == 0);
        pid = fork();
        assert(pid >= 0);
        if (pid == 0) {
                int fd;

                assert(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
                fd = connect_raw();
                (void) send(fd, "\0AUTH EXTERNAL\r\nDATA\r\n", 22, MSG_NOSIGNAL);
                assert(expect_closed(fd) == 0);
                _exit(0);
        }
        assert(waitpid(pid, &status, 0) == pid);
        assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert(chmod(folder, 0700) == 0 && chmod(rig_socket, 0600) == 0);
}

int main(int argc, char **argv) {
        pid_t daemon;
        int half_open;

        assert(argc == 2);
        rig_open(argv[1]);
        daemon = daemon_start();
        test_many_clients();
        half_open = connect_raw(); /* says nothing, ever */
        test_garbage();
        test_deaf_watcher();
        test_deaf_asker("org.freedesktop.DBus.Peer", "Ping", NULL);
        test_deaf_asker(CONTROL_INTERFACE, "Status", "");
        test_odd_calls();
        test_no_descriptors(daemon);
        test_other_user();
        (void) expect_closed(half_open);

        assert(kill(daemon, SIGTERM) == 0);
        daemon_expect_end(daemon);
        rig_close();
        return 0;
}
