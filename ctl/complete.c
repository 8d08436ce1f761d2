/* What may come next on a command line, for completions in shells. */

#include <signal.h>
#include <stdio.h>
#include <sys/time.h>

#include "base/macro.h"
#include "base/usage.h"
#include "base/utf8.h"
#include "ctl/client.h"
#include "ctl/complete.h"
#include "ctl/find.h"
#include "ctl/row.h"
#include "ctl/setup-options.h"

/* Somebody waits at a prompt. */
#define LIMIT_SEC 1

typedef struct Completion {
        UsageWish wish;
        const char *socket;       /* borrowed; NULL: those that there are */
        const char *const *named; /* mailboxes that the command line has already */
        Buffer *buffer;
} Completion;

typedef int (*Ask)(const Completion *completion, sd_bus *bus);

static void give_up(int sig) {
        (void) sig;
        _exit(EXIT_NO_DAEMON);
}

static void limit_time(void) {
        const struct itimerval limit = {.it_value.tv_sec = LIMIT_SEC};

        (void) signal(SIGALRM, give_up);
        (void) setitimer(ITIMER_REAL, &limit, NULL);
}

/* What a terminal would obey cannot be typed, and must not be shown. */
static bool is_typeable(ByteView name) {
        if (name.size == 0)
                return false;
        while (name.size > 0) {
                uint32_t code;
                const size_t n = utf8_decode(name, &code);

                if (n == 0 || utf8_is_unsafe(code))
                        return false;
                name = (ByteView){name.data + n, name.size - n};
        }
        return true;
}

static bool is_named(const Completion *completion, const char *name) {
        for (const char *const *word = completion->named; word && *word; word++)
                if (strcmp(*word, name) == 0)
                        return true;
        return false;
}

static int append(const Completion *completion, const char *name, const char *what) {
        if (!is_typeable(bytes_of(name)) || is_named(completion, name))
                return 0;
        if (!is_typeable(bytes_of(what)))
                what = "";
        return buffer_append_format(completion->buffer, "%s\t%s\n", name, what);
}

/* Call a method that answers an account with rows. */
static int call_rows(sd_bus *bus, const char *member, const char *account, Rows *ret_rows,
                     sd_bus_message **ret_reply) {
        int status = client_call(bus, ret_reply, member, "s", account);

        if (status == 0 && rows_read(*ret_reply, ret_rows) < 0)
                status = EXIT_SAYS_NO;
        return status;
}

static int ask_accounts(const Completion *completion, sd_bus *bus) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(rows_done) Rows rows = ROWS_NULL;
        int status = call_rows(bus, "Status", "", &rows, &reply);

        for (size_t i = 0; i < rows.n_rows && status == 0; i++)
                if (append(completion, row_string(&rows.rows[i], "name"),
                           row_string(&rows.rows[i], "state")) < 0)
                        status = EXIT_SAYS_NO;
        return status;
}

/* Those that are synchronised. */
static int ask_mailboxes(const Completion *completion, sd_bus *bus) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(rows_done) Rows rows = ROWS_NULL;
        int status = call_rows(bus, "Mailboxes", completion->wish.account, &rows, &reply);

        for (size_t i = 0; i < rows.n_rows && status == 0; i++) {
                const Row *row = &rows.rows[i];
                char what[64];

                (void) snprintf(what, sizeof(what), "%llu unseen of %llu",
                                (unsigned long long) row_number(row, "unseen"),
                                (unsigned long long) row_number(row, "messages"));
                if (row_string(row, "left_out")[0] == '\0' &&
                    append(completion, row_string(row, "name"), what) < 0)
                        status = EXIT_SAYS_NO;
        }
        return status;
}

/* Only these can be confirmed. */
static int ask_held(const Completion *completion, sd_bus *bus) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(rows_done) Rows rows = ROWS_NULL;
        int status = call_rows(bus, "Held", completion->wish.account, &rows, &reply);

        for (size_t i = 0; i < rows.n_rows && status == 0; i++)
                if (append(completion, row_string(&rows.rows[i], "mailbox"),
                           row_string(&rows.rows[i], "reason")) < 0)
                        status = EXIT_SAYS_NO;
        return status;
}

static int ask_path(const Completion *completion, const char *path, Ask ask) {
        sd_bus *bus = NULL;
        int status = client_try_connect(path, &bus);

        if (status != 0)
                return status;
        status = ask(completion, bus);
        sd_bus_close_unref(bus);
        return status;
}

/* Every daemon that may know. One that is not there has nothing to say. */
static int ask_daemons(const Completion *completion, const char *account, Ask ask) {
        _cleanup_(sockets_done) Sockets sockets = SOCKETS_NULL;
        int status = EXIT_NO_DAEMON;

        if (completion->socket)
                return ask_path(completion, completion->socket, ask);
        if (sockets_find(account, &sockets) < 0)
                return EXIT_NO_DAEMON;
        for (size_t i = 0; i < sockets.n_paths; i++) {
                const int one = ask_path(completion, sockets.paths[i], ask);

                status = status == EXIT_NO_DAEMON ? one : MIN(status, one);
                if (account && one == 0)
                        break;
        }
        return status;
}

/* What may come next; "setup" has a usage of its own. */
static int read_usage(const char *usage, const char *const *words, size_t n_words, Buffer *buffer,
                      UsageWish *ret_wish) {
        const int r = usage_complete(usage, words, n_words, buffer, ret_wish);
        size_t at = 0;

        if (r < 0 || !ret_wish->verb || strcmp(ret_wish->verb, "setup") != 0)
                return r;
        while (words[at] != ret_wish->verb)
                at++;
        buffer_consume(buffer, buffer->size);
        return usage_complete(setup_usage, words + at, n_words - at, buffer, ret_wish);
}

static const char *shell_word(const UsageWish *wish) {
        return wish->files ? "files" : wish->folders ? "folders" : "words";
}

/* Print what there is, so that it is not lost with a daemon that says nothing. */
static int flush(Buffer *buffer) {
        if (buffer->size > 0)
                fwrite(buffer->data, 1, buffer->size, stdout);
        buffer_consume(buffer, buffer->size);
        return fflush(stdout) == 0 ? EXIT_DONE : EXIT_SAYS_NO;
}

int complete_run(const char *usage, const char *socket, const char *const *words) {
        _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
        Completion completion = {.buffer = &buffer};
        size_t n_words = 0;
        int status, r;

        while (words[n_words])
                n_words++;
        limit_time();
        r = read_usage(usage, words, n_words, &buffer, &completion.wish);
        if (r < 0) {
                complain("%s", strerror(-r));
                return EXIT_SAYS_NO;
        }
        puts(shell_word(&completion.wish));
        status = flush(&buffer);

        completion.socket = usage_option(words, n_words, "--socket");
        if (!completion.socket)
                completion.socket = socket;
        if (completion.wish.accounts && status == 0)
                status = ask_daemons(&completion, NULL, ask_accounts);
        else if (completion.wish.mailboxes && completion.wish.account && status == 0) {
                const char *verb = completion.wish.verb;
                const bool held = verb && strcmp(verb, "confirm") == 0;

                while (n_words > 0 && words[n_words - 1] != completion.wish.account)
                        n_words--;
                completion.named = words + n_words;
                status = ask_daemons(&completion, completion.wish.account,
                                     held ? ask_held : ask_mailboxes);
        }
        r = flush(&buffer);
        return status != 0 ? status : r;
}
