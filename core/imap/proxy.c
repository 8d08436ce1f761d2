/* What is said to a proxy: its life, and how it ends. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "imap/proxy-private.h"
#include "imap/sasl.h"

/* What would be two words, or two lines, of HTTP is no name. */
static bool is_carried(const char *host) {
        for (const char *c = host; *c; c++)
                if ((unsigned char) *c <= ' ' || *c == 0x7f)
                        return false;

        return host[0] != '\0' && strlen(host) <= PROXY_SOCKS5_MAX;
}

static char *name_target(const ProxyOptions *options) {
        _cleanup_(buffer_done) Buffer name = BUFFER_NULL;

        if (buffer_append_format(&name, "%s port %u", options->host, options->port) < 0)
                return NULL;
        return buffer_steal_string(&name);
}

int proxy_new(const ProxyOptions *options, ProxyDialogue **ret_dialogue) {
        _cleanup_(proxy_freep) ProxyDialogue *d = NULL;
        int r;

        if (!is_carried(options->host))
                return -EINVAL;

        d = malloc(sizeof(*d));
        if (!d)
                return -ENOMEM;
        *d = (ProxyDialogue){
                .kind = options->kind,
                .has_user = options->user,
                .target = name_target(options),
        };
        if (!d->target)
                return -ENOMEM;

        r = d->kind == PROXY_SOCKS5 ? proxy_begin_socks5(d, options) : proxy_begin_http(d, options);
        if (r < 0)
                return r;
        *ret_dialogue = TAKE_PTR(d);
        return 0;
}

ProxyDialogue *proxy_free(ProxyDialogue *d) {
        if (!d)
                return NULL;

        buffer_wipe(&d->output);
        buffer_wipe(&d->login);
        buffer_done(&d->request);
        buffer_done(&d->line);
        free(d->target);
        free(d->sentence);
        free(d);
        return NULL;
}

ByteView proxy_output(const ProxyDialogue *d) {
        return d->step == PROXY_STEP_OVER ? BYTES_NULL : buffer_view(&d->output);
}

void proxy_sent(ProxyDialogue *d, size_t n) {
        buffer_consume(&d->output, n);
}

int proxy_give_up(ProxyDialogue *d, ProxyOutcome outcome, const char *format, ...) {
        char sentence[1024];
        va_list args;

        va_start(args, format);
        (void) vsnprintf(sentence, sizeof(sentence), format, args);
        va_end(args);

        free(d->sentence);
        d->sentence = bytes_dup(bytes_of(sentence));
        if (!d->sentence)
                return -ENOMEM;
        d->step = PROXY_STEP_OVER;
        d->outcome = outcome;
        return (int) outcome;
}

int proxy_give_up_login(ProxyDialogue *d) {
        return proxy_give_up(d, PROXY_REFUSED,
                             d->has_user ? "refuses the user name or password in “proxy”"
                                         : "wants a user name and a password in “proxy”");
}

/* A byte at a time: there are few, and what is behind the last one is none of ours. */
int proxy_push(ProxyDialogue *d, ByteView bytes, size_t *ret_taken) {
        size_t n = 0;
        int r = 0;

        while (n < bytes.size && d->step != PROXY_STEP_OVER && r >= 0) {
                r = d->kind == PROXY_SOCKS5 ? proxy_take_socks5(d, (uint8_t) bytes.data[n])
                                            : proxy_take_http(d, bytes.data[n]);
                n++;
        }
        *ret_taken = n;
        return r < 0 ? r : (int) d->outcome;
}

int proxy_closed(ProxyDialogue *d) {
        if (d->step == PROXY_STEP_OVER)
                return (int) d->outcome;
        if (proxy_wants_login(d))
                return proxy_give_up_login(d);
        return proxy_give_up(d, PROXY_FAILED,
                             d->n_heard > 0 || d->n_read > 0 || d->step == PROXY_STEP_REPLY
                                     ? "closed the connection in the middle of its answer"
                                     : "closed the connection without an answer");
}

const char *proxy_sentence(const ProxyDialogue *d) {
        return d->sentence;
}
