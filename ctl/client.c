/* The connection to the daemon. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/macro.h"
#include "core/control.h"
#include "ctl/client.h"
#include "ctl/text.h"

static void complain_line(const char *line) {
        _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;

        if (text_escape(&buffer, line) == 0)
                fprintf(stderr, "imapsyncctl: %.*s\n", (int) buffer.size, buffer.data);
}

/* The mistakes of a configuration come a line each. */
void complain(const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        char *left, *line;
        va_list args;
        int n;

        va_start(args, format);
        n = vasprintf(&text, format, args);
        va_end(args);
        if (n < 0) {
                text = NULL;
                return;
        }
        for (left = text; (line = strsep(&left, "\n"));)
                if (line[0] || line == text)
                        complain_line(line);
}

static int no_daemon(const char *path) {
        complain("No imapsyncd listens on %s. Start it with: systemctl --user start imapsyncd",
                 path);
        return EXIT_NO_DAEMON;
}

int client_lost(void) {
        complain("imapsyncd has gone away.");
        return EXIT_NO_DAEMON;
}

/* Done here and not by sd-bus, whose address would have to be quoted and whose answer comes late. */
static int connect_socket(const char *path, int *ret_fd) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_close_ int fd = -1;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int start_bus(int fd, sd_bus **ret_bus) {
        sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_fd(bus, fd, fd);
        if (r < 0) {
                sd_bus_unref(bus);
                (void) close(fd);
                return r;
        }
        r = sd_bus_start(bus);
        if (r < 0) {
                sd_bus_close_unref(bus);
                return r;
        }

        *ret_bus = bus;
        return 0;
}

static int failed(const char *sentence, int r) {
        switch (r) {
        case -ECONNRESET:
        case -ENOTCONN:
        case -EPIPE:
                complain("imapsyncd closed the connection. It lets in only its own user, and 32 "
                         "clients at a time; or it could not start: see journalctl --user -u "
                         "imapsyncd");
                return EXIT_SAYS_NO;
        case -ETIMEDOUT:
                complain("imapsyncd does not answer.");
                return EXIT_SAYS_NO;
        default:
                complain("%s", sentence ? sentence : strerror(-r));
                return EXIT_SAYS_NO;
        }
}

int client_try_connect(const char *socket_path, sd_bus **ret_bus) {
        int fd = -1, r;

        r = connect_socket(socket_path, &fd);
        if (r == -ENOENT || r == -ECONNREFUSED || r == -ENOTDIR || r == -ENOTSOCK)
                return EXIT_NO_DAEMON;
        if (r < 0) {
                complain("Cannot connect to %s: %s", socket_path, strerror(-r));
                return EXIT_SAYS_NO;
        }

        r = start_bus(fd, ret_bus);
        return r < 0 ? failed(NULL, r) : 0;
}

int client_connect(const char *socket_path, sd_bus **ret_bus) {
        int status = client_try_connect(socket_path, ret_bus);

        return status == EXIT_NO_DAEMON ? no_daemon(socket_path) : status;
}

static int call(sd_bus *bus, sd_bus_message *message, sd_bus_message **ret_reply) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_call(bus, message, 0, &error, ret_reply);

        r = r < 0 ? failed(error.message, r) : 0;
        sd_bus_error_free(&error);
        return r;
}

static int new_call(sd_bus *bus, const char *member, sd_bus_message **ret_message) {
        return sd_bus_message_new_method_call(bus, ret_message, NULL, CONTROL_PATH,
                                              CONTROL_INTERFACE, member);
}

/* An argument that D-Bus will not carry: only text can be at fault. */
static int bad_argument(int r) {
        complain("An argument cannot be sent: %s", r == -EINVAL ? "it is not UTF-8" : strerror(-r));
        return EXIT_USAGE;
}

int client_call(sd_bus *bus, sd_bus_message **ret_reply, const char *member, const char *types,
                ...) {
        _cleanup_(message_unrefp) sd_bus_message *message = NULL;
        va_list args;
        int r;

        r = new_call(bus, member, &message);
        if (r < 0)
                return bad_argument(r);
        if (types) {
                va_start(args, types);
                r = sd_bus_message_appendv(message, types, args);
                va_end(args);
        }
        if (r < 0)
                return bad_argument(r);
        return call(bus, message, ret_reply);
}

int client_call_mailboxes(sd_bus *bus, sd_bus_message **ret_reply, const char *member,
                          const char *account, char **mailboxes) {
        _cleanup_(message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = new_call(bus, member, &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "s", account);
        if (r >= 0)
                r = sd_bus_message_append_strv(message, mailboxes);
        if (r < 0)
                return bad_argument(r);
        return call(bus, message, ret_reply);
}
