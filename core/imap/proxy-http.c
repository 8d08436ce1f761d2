/*
 * HTTP CONNECT (RFC 9110 section 9.3.6), with Basic (RFC 7617)
 *
 * Of the answer the first line counts, and where a password is wanted, what the proxy says of that. What stands
 * behind the header is the server's.
 */

#include <errno.h>

#include "base/foreign.h"
#include "imap/proxy-private.h"
#include "imap/sasl.h"

static int append_basic(const ProxyOptions *options, Buffer *out) {
        _cleanup_(buffer_wipe) Buffer pair = BUFFER_NULL;
        const char *password = options->password ? options->password : "";
        int r;

        r = buffer_reserve(&pair, strlen(options->user) + strlen(password) + 1);
        if (r < 0)
                return r;
        (void) buffer_append_string(&pair, options->user);
        (void) buffer_append_string(&pair, ":");
        (void) buffer_append_string(&pair, password);

        r = buffer_append_string(out, "Proxy-Authorization: Basic ");
        if (r == 0)
                r = base64_encode(buffer_view(&pair), out);
        return r < 0 ? r : buffer_append_string(out, "\r\n");
}

/* The room for all of it is made first. */
int proxy_begin_http(ProxyDialogue *d, const ProxyOptions *options) {
        const bool has_brackets = options->address.size == 16;
        const size_t n_secret =
                options->user ? strlen(options->user) +
                                        (options->password ? strlen(options->password) : 0)
                              : 0;
        Buffer *out = &d->output;
        int r;

        r = buffer_reserve(out, 2 * strlen(options->host) + 2 * n_secret + 128);
        if (r == 0)
                r = buffer_append_format(
                        out,
                        has_brackets ? "CONNECT [%s]:%u HTTP/1.1\r\nHost: [%s]:%u\r\n"
                                     : "CONNECT %s:%u HTTP/1.1\r\nHost: %s:%u\r\n",
                        options->host, options->port, options->host, options->port);
        if (r == 0 && options->user)
                r = append_basic(options, out);
        if (r == 0)
                r = buffer_append_string(out, "\r\n");

        d->line.limit = PROXY_LINE_MAX;
        d->step = PROXY_STEP_STATUS;
        return r;
}

/* Some say it as if they were the server. */
bool proxy_wants_login(const ProxyDialogue *d) {
        return d->status == 407 || d->status == 401;
}

static int speaks_no_http(ProxyDialogue *d) {
        return proxy_give_up(d, PROXY_FAILED, "speaks no HTTP");
}

/* In the sentence, what the proxy says of its number. */
static int give_up_with(ProxyDialogue *d, ByteView reason) {
        _cleanup_(buffer_done) Buffer words = BUFFER_NULL;
        int r = foreign_append(&words, reason, PROXY_WORDS_MAX);

        if (r == 0)
                r = buffer_append(&words, "", 1);
        if (r < 0)
                return r;
        return proxy_give_up(d, PROXY_FAILED, "cannot reach %s: it answers HTTP %u%s%s%s",
                             d->target, d->status, words.size > 1 ? " “" : "", words.data,
                             words.size > 1 ? "”" : "");
}

/* "HTTP/1.1 200 Connection established"; what is not final (1xx) has another behind it. */
static int on_status(ProxyDialogue *d) {
        ByteView line = buffer_view(&d->line), word;
        uint64_t status;

        (void) bytes_take_until(&line, ' ');
        word = bytes_take_until(&line, ' ');
        if (word.size != 3 || bytes_to_u64(word, 599, &status) < 0 || status < 100)
                return speaks_no_http(d);

        d->status = (unsigned) status;
        d->step = PROXY_STEP_HEADER;
        if (status / 100 <= 2 || proxy_wants_login(d))
                return PROXY_MORE;
        return give_up_with(d, line);
}

/* One field may name several ways, with what belongs to each: the first is enough, and each has a field mostly. */
static void on_field(ProxyDialogue *d) {
        ByteView line = buffer_view(&d->line);
        const ByteView name = bytes_take_until(&line, ':');

        if (!bytes_equal_fold(name, BYTES("Proxy-Authenticate")) &&
            !bytes_equal_fold(name, BYTES("WWW-Authenticate")))
                return;
        while (line.size > 0 && (line.data[0] == ' ' || line.data[0] == '\t'))
                line = (ByteView){line.data + 1, line.size - 1};
        if (bytes_starts_fold(line, BYTES("Basic")))
                d->names_basic = true;
        else
                d->names_others = true;
}

static int on_end(ProxyDialogue *d) {
        if (d->status / 100 == 1) {
                d->step = PROXY_STEP_STATUS;
                return PROXY_MORE;
        }
        if (proxy_wants_login(d) && d->names_others && !d->names_basic)
                return proxy_give_up(d, PROXY_REFUSED,
                                     "wants a way to log in that is not known here (not Basic)");
        if (proxy_wants_login(d))
                return proxy_give_up_login(d);

        d->step = PROXY_STEP_OVER;
        d->outcome = PROXY_OPEN;
        return PROXY_OPEN;
}

static int on_line(ProxyDialogue *d) {
        int r = PROXY_MORE;

        if (d->line.size > 0 && d->line.data[d->line.size - 1] == '\r')
                d->line.size--;
        if (d->step == PROXY_STEP_STATUS)
                r = on_status(d);
        else if (d->line.size == 0)
                r = on_end(d);
        else
                on_field(d);
        d->line.size = 0;
        return r;
}

/* Known by its first byte that is not so: it may never end a line. */
static bool may_be_http(ByteView line) {
        static const ByteView begin = BYTES("HTTP/1.");

        return bytes_starts_fold(begin, (ByteView){line.data, MIN(line.size, begin.size)}) ||
               bytes_starts_fold(line, begin);
}

int proxy_take_http(ProxyDialogue *d, char byte) {
        int r = 0;

        if (++d->n_read > PROXY_HEADER_MAX)
                return proxy_give_up(d, PROXY_FAILED, "answers with more than is read of it");
        if (byte == '\n')
                return d->step == PROXY_STEP_STATUS && d->line.size < 7 ? speaks_no_http(d)
                                                                        : on_line(d);

        if (d->line.size < PROXY_LINE_MAX)
                r = buffer_append(&d->line, &byte, 1);
        if (r < 0)
                return r;
        if (d->step == PROXY_STEP_STATUS && !may_be_http(buffer_view(&d->line)))
                return speaks_no_http(d);
        return PROXY_MORE;
}
