#pragma once

/*
 * The connection to the daemon: connect, call, and say in a sentence why not
 */

#include <systemd/sd-bus.h>

/* Exit status of the program: what interface and man page promise. */
enum {
        EXIT_DONE = 0,
        EXIT_SAYS_NO = 1, /* the daemon says no, or something is not in sync */
        EXIT_USAGE = 2,
        EXIT_NO_DAEMON = 3,
        EXIT_INTERRUPTED = 130, /* as the shell has it for SIGINT */
};

/* One line on stderr, "imapsyncctl: ..." with foreign text escaped. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Return: 0, or the exit status after a line on stderr. */
int client_connect(const char *socket_path, sd_bus **ret_bus);

/* The same, but EXIT_NO_DAEMON is not worth a line: there may be other sockets. */
int client_try_connect(const char *socket_path, sd_bus **ret_bus);

/* Call a method of the daemon; its arguments follow as sd_bus_message_append() takes them.
 * Return: 0, or the exit status after a line on stderr. */
int client_call(sd_bus *bus, sd_bus_message **ret_reply, const char *member, const char *types,
                ...);

/* Call a method that takes an account and its mailboxes (NULL-terminated). */
int client_call_mailboxes(sd_bus *bus, sd_bus_message **ret_reply, const char *member,
                          const char *account, char **mailboxes);

/* The daemon has gone, or never let us in: the line on stderr and the exit status for it. */
int client_lost(void);

static inline void message_unrefp(sd_bus_message **message) {
        *message = sd_bus_message_unref(*message);
}
