/* Questions on a terminal. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>

#include "base/macro.h"
#include "ctl/setup-ask.h"

#define ANSWER_MAX 1000

bool ask_is_possible(void) {
        return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* That a wait was interrupted is all there is to know. */
static void on_interrupt(int signal) {
        (void) signal;
}

static void set_signals(void (*handler)(int), int how) {
        const struct sigaction action = {.sa_handler = handler};
        sigset_t set;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGINT);
        (void) sigaddset(&set, SIGTERM);
        (void) sigaction(SIGINT, &action, NULL);
        (void) sigaction(SIGTERM, &action, NULL);
        (void) sigprocmask(how, &set, NULL);
}

void ask_begin(void) {
        set_signals(on_interrupt, SIG_BLOCK);
        (void) signal(SIGPIPE, SIG_IGN); /* a helper may not want what it is told */
}

void ask_pause(bool is_paused) {
        set_signals(is_paused ? SIG_DFL : on_interrupt, is_paused ? SIG_UNBLOCK : SIG_BLOCK);
}

/* Only here do signals come through: one that came a moment before is not lost. */
static int wait_for_input(void) {
        struct pollfd pollfd = {.fd = STDIN_FILENO, .events = POLLIN};
        sigset_t none;

        (void) sigemptyset(&none);
        return ppoll(&pollfd, 1, NULL, &none) < 0 ? -errno : 0;
}

/* Byte by byte: what stands behind the line is for the next question. */
int ask_read_line(char *buffer, size_t size) {
        size_t n = 0;

        for (;;) {
                int r = wait_for_input();
                ssize_t got;
                char c;

                if (r < 0)
                        return r;
                got = read(STDIN_FILENO, &c, 1);
                if (got < 0)
                        return -errno;
                if (got == 0 && n == 0)
                        return -ENODATA;
                if (got == 0 || c == '\n')
                        break;
                if (n + 1 >= size)
                        return -E2BIG;
                buffer[n++] = c;
        }
        if (n > 0 && buffer[n - 1] == '\r')
                n--;
        buffer[n] = '\0';
        return 0;
}

static int show(const char *question, const char *preset) {
        fputs(question, stdout);
        if (preset)
                printf(" [%s]", preset);
        fputs(": ", stdout);
        return fflush(stdout) == 0 ? 0 : -errno;
}

int ask_line(const char *question, const char *preset, char **ret_answer) {
        char buffer[ANSWER_MAX];
        const char *begin;
        size_t n;
        int r;

        do {
                r = show(question, preset);
                if (r == 0)
                        r = ask_read_line(buffer, sizeof(buffer));
                if (r < 0)
                        return r;
                begin = buffer + strspn(buffer, " \t");
                n = strlen(begin);
                while (n > 0 && (begin[n - 1] == ' ' || begin[n - 1] == '\t'))
                        n--;
        } while (n == 0 && !preset);

        *ret_answer = n > 0 ? strndup(begin, n) : strdup(preset);
        return *ret_answer ? 0 : -ENOMEM;
}

int ask_secret(const char *question, char *buffer, size_t size) {
        struct termios before, quiet;
        int r;

        if (tcgetattr(STDIN_FILENO, &before) < 0)
                return -errno;
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t) (ECHO | ECHOE | ECHOK);
        quiet.c_lflag |= ECHONL;
        /* first, so that nothing is typed in clear behind the question */
        if (tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet) < 0)
                return -errno;
        r = show(question, NULL);
        if (r == 0)
                r = ask_read_line(buffer, size);
        (void) tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
        if (r < 0)
                explicit_bzero(buffer, size);
        return r;
}

int ask_yes(const char *question, bool preset) {
        for (;;) {
                char buffer[ANSWER_MAX];
                int r;

                printf("%s [%s] ", question, preset ? "Y/n" : "y/N");
                if (fflush(stdout) != 0)
                        return -errno;
                r = ask_read_line(buffer, sizeof(buffer));
                if (r < 0)
                        return r;
                if (buffer[0] == '\0')
                        return preset;
                if (strcasecmp(buffer, "y") == 0 || strcasecmp(buffer, "yes") == 0)
                        return 1;
                if (strcasecmp(buffer, "n") == 0 || strcasecmp(buffer, "no") == 0)
                        return 0;
        }
}
