/* The configuration that comes on standard input. */

#include <errno.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/probe-input.h"

#define MAX_INPUT (1024 * 1024)

static int read_input(Buffer *text) {
        text->limit = MAX_INPUT;
        for (;;) {
                char piece[4096];
                const ssize_t n = read(STDIN_FILENO, piece, sizeof(piece));
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                r = buffer_append(text, piece, (size_t) n);
                if (r < 0)
                        return r;
        }
}

int probe_input(Config **ret_config) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_free_ char *error = NULL;
        int r = read_input(&text);

        if (r >= 0)
                r = config_parse(buffer_view(&text), "(standard input)", 0600, getenv("HOME"),
                                 ret_config, &error);
        if (r < 0)
                log_lines(LOG_ERR, (LogSubject){0}, "", error ? error : strerror(-r));
        else if ((*ret_config)->n_accounts == 0) {
                log_error("(standard input): there is no account");
                r = -EINVAL;
        }
        return r;
}
