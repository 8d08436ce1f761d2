/*
 * SOCKS5 (RFC 1928, RFC 1929)
 *
 * Each answer has a head that tells how long it is: n_wanted grows with what is heard of it.
 */

#include <errno.h>

#include "imap/proxy-private.h"
#include "imap/sasl.h"

enum {
        VERSION = 5,
        METHOD_NONE = 0,
        METHOD_PASSWORD = 2,
        METHOD_NO_OTHER = 0xff,
        COMMAND_CONNECT = 1,
        ADDRESS_IPV4 = 1,
        ADDRESS_NAME = 3,
        ADDRESS_IPV6 = 4,
        LOGIN_VERSION = 1,
};

static void append_byte(Buffer *out, unsigned value) {
        (void) buffer_append(out, &(uint8_t){(uint8_t) value}, 1);
}

/* With its size in front. */
static void append_string(Buffer *out, const char *text) {
        append_byte(out, (unsigned) strlen(text));
        (void) buffer_append_string(out, text);
}

static void append_address(Buffer *out, const ProxyOptions *options) {
        if (options->address.size == 0) {
                append_byte(out, ADDRESS_NAME);
                append_string(out, options->host);
        } else {
                append_byte(out, options->address.size == 4 ? ADDRESS_IPV4 : ADDRESS_IPV6);
                (void) buffer_append_view(out, options->address);
        }
        append_byte(out, options->port >> 8 & 0xff);
        append_byte(out, options->port & 0xff);
}

static void expect(ProxyDialogue *d, ProxyStep step, size_t n) {
        d->step = step;
        d->n_heard = 0;
        d->n_wanted = n;
}

/* All that is ever said is made here, in one piece each, so that no copy of a password stays behind. */
int proxy_begin_socks5(ProxyDialogue *d, const ProxyOptions *options) {
        const char *password = options->password ? options->password : "";
        int r;

        if (options->user &&
            (strlen(options->user) > PROXY_SOCKS5_MAX || strlen(password) > PROXY_SOCKS5_MAX))
                return -EINVAL;

        r = buffer_reserve(&d->output, 3 * PROXY_SOCKS5_MAX + 32);
        if (r == 0)
                r = buffer_reserve(&d->login, 2 * PROXY_SOCKS5_MAX + 8);
        if (r == 0)
                r = buffer_reserve(&d->request, PROXY_SOCKS5_MAX + 8);
        if (r < 0)
                return r;

        append_byte(&d->output, VERSION);
        append_byte(&d->output, options->user ? 2 : 1);
        append_byte(&d->output, METHOD_NONE);
        if (options->user) {
                append_byte(&d->output, METHOD_PASSWORD);
                append_byte(&d->login, LOGIN_VERSION);
                append_string(&d->login, options->user);
                append_string(&d->login, password);
        }

        append_byte(&d->request, VERSION);
        append_byte(&d->request, COMMAND_CONNECT);
        append_byte(&d->request, 0);
        append_address(&d->request, options);

        expect(d, PROXY_STEP_METHOD, 2);
        return 0;
}

static int say_login(ProxyDialogue *d) {
        (void) buffer_append_view(&d->output, buffer_view(&d->login));
        expect(d, PROXY_STEP_LOGIN, 2);
        return PROXY_MORE;
}

static int say_request(ProxyDialogue *d) {
        (void) buffer_append_view(&d->output, buffer_view(&d->request));
        expect(d, PROXY_STEP_REPLY, 5);
        return PROXY_MORE;
}

static int on_method(ProxyDialogue *d) {
        if (d->heard[1] == METHOD_NONE)
                return say_request(d);
        if (d->heard[1] == METHOD_PASSWORD && d->has_user)
                return say_login(d);
        if (d->heard[1] == METHOD_NO_OTHER && !d->has_user)
                return proxy_give_up_login(d);
        if (d->heard[1] == METHOD_NO_OTHER)
                return proxy_give_up(d, PROXY_REFUSED,
                                     "takes no user name and password: it wants another way to "
                                     "log in, which is not known here");
        return proxy_give_up(d, PROXY_FAILED, "speaks no SOCKS5");
}

/* The version in front of it is 1 by the RFC and 5 by some. */
static int on_login(ProxyDialogue *d) {
        return d->heard[1] == 0 ? say_request(d) : proxy_give_up_login(d);
}

/* RFC 1928 section 6 */
static const char *refusal(unsigned code) {
        static const char *const words[] = {
                [1] = "general failure",
                [2] = "its rules do not allow it",
                [3] = "network unreachable",
                [4] = "host unreachable",
                [5] = "connection refused",
                [6] = "TTL expired",
                [7] = "it cannot connect for others",
                [8] = "it does not take such an address",
        };

        return code < ARRAY_SIZE(words) && words[code] ? words[code] : "no reason given";
}

/* As soon as it is clear: some say no more than this. */
static int on_refusal(ProxyDialogue *d) {
        return proxy_give_up(d, PROXY_FAILED, "cannot reach %s: %s (SOCKS5 error %u)", d->target,
                             refusal(d->heard[1]), (unsigned) d->heard[1]);
}

/* Four bytes, the first of an address, then the rest of that and a port. */
static int on_reply(ProxyDialogue *d) {
        size_t n_address;

        switch (d->heard[3]) {
        case ADDRESS_IPV4:
                n_address = 4;
                break;
        case ADDRESS_IPV6:
                n_address = 16;
                break;
        case ADDRESS_NAME:
                n_address = 1 + (size_t) d->heard[4];
                break;
        default:
                return proxy_give_up(d, PROXY_FAILED, "speaks no SOCKS5");
        }

        d->step = PROXY_STEP_BOUND;
        d->n_wanted = 4 + n_address + 2;
        return PROXY_MORE;
}

static int is_open(ProxyDialogue *d) {
        d->step = PROXY_STEP_OVER;
        d->outcome = PROXY_OPEN;
        return PROXY_OPEN;
}

static int on_answer(ProxyDialogue *d) {
        switch (d->step) {
        case PROXY_STEP_METHOD:
                return on_method(d);
        case PROXY_STEP_LOGIN:
                return on_login(d);
        case PROXY_STEP_REPLY:
                return on_reply(d);
        case PROXY_STEP_BOUND:
                return is_open(d);
        case PROXY_STEP_STATUS:
        case PROXY_STEP_HEADER:
        case PROXY_STEP_OVER:
                break;
        }

        abort(); /* nothing is taken in these */
}

int proxy_take_socks5(ProxyDialogue *d, uint8_t byte) {
        d->heard[d->n_heard++] = byte;

        if (d->n_heard == 1 && d->step != PROXY_STEP_LOGIN && byte != VERSION)
                return proxy_give_up(d, PROXY_FAILED, "speaks no SOCKS5");
        if (d->n_heard == 2 && d->step == PROXY_STEP_REPLY && byte != 0)
                return on_refusal(d);
        return d->n_heard < d->n_wanted ? PROXY_MORE : on_answer(d);
}
