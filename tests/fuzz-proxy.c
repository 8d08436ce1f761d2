/*
 * Fuzz what a proxy says, and the value of “proxy”
 *
 * The first byte chooses the kind, and whether there is a password. What comes in one piece ends as it does byte by
 * byte, with as many bytes taken; no more is said than what belongs to it; and what fails has a sentence, in
 * which the password is only if the proxy has said it.
 */

#include <errno.h>

#include "config/config-proxy.h"
#include "imap/proxy.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SAID_MAX = 1024 };

static ProxyDialogue *begin(uint8_t how) {
        const ProxyOptions options = {
                .kind = how & 1 ? PROXY_HTTP : PROXY_SOCKS5,
                .host = "imap.example.org",
                .port = 993,
                .user = how & 2 ? "me" : NULL,
                .password = how & 2 ? "hush" : NULL,
        };
        ProxyDialogue *dialogue;

        assert(proxy_new(&options, &dialogue) == 0);
        return dialogue;
}

static size_t listen(ProxyDialogue *dialogue) {
        const size_t n = proxy_output(dialogue).size;

        proxy_sent(dialogue, n);
        return n;
}

/* @step: 0: all. Return: the outcome at the end of the connection. */
static int talk(uint8_t how, ByteView heard, size_t step, size_t *ret_taken) {
        _cleanup_(proxy_freep) ProxyDialogue *dialogue = begin(how);
        size_t n_taken = 0, n_said = listen(dialogue);
        int outcome = PROXY_MORE;

        while (outcome == PROXY_MORE && n_taken < heard.size) {
                const size_t left = heard.size - n_taken, n = step > 0 ? MIN(step, left) : left;
                size_t taken;

                outcome = proxy_push(dialogue, (ByteView){heard.data + n_taken, n}, &taken);
                assert(outcome >= PROXY_MORE && outcome <= PROXY_FAILED && taken <= n);
                assert(taken == n || outcome != PROXY_MORE);
                n_taken += taken;
                n_said += listen(dialogue);
        }
        if (outcome == PROXY_MORE) {
                outcome = proxy_closed(dialogue);
                assert(outcome == PROXY_FAILED || outcome == PROXY_REFUSED);
        }

        assert(n_said <= SAID_MAX);
        assert((outcome == PROXY_OPEN) == !proxy_sentence(dialogue));
        if (heard.size > 0 && !memmem(heard.data, heard.size, "hush", 4))
                assert(outcome == PROXY_OPEN || !strstr(proxy_sentence(dialogue), "hush"));
        *ret_taken = n_taken;
        return outcome;
}

static void check_value(ByteView bytes) {
        _cleanup_free_ char *text = bytes_dup(bytes);
        _cleanup_(proxy_destroyp) Proxy *proxy = NULL;
        int r;

        assert(text);
        r = proxy_parse(text, &proxy);
        assert(r >= 0 && r < _PROXY_PARSE_E_MAX);
        if (r > 0) {
                assert(proxy_parse_error(r));
                return;
        }
        assert(proxy->port > 0 && proxy->host && proxy->host[0]);
        assert(!proxy->user == !proxy->password);
        assert(!proxy->user || !strpbrk(proxy->user, "\r\n"));
        assert(!proxy->password || !strpbrk(proxy->password, "\r\n"));
        assert(proxy_equal(proxy, proxy));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        size_t whole, pieces;
        ByteView rest;

        if (size < 1)
                return 0;
        rest = (ByteView){(const char *) data + 1, size - 1};
        assert(talk(data[0], rest, 0, &whole) == talk(data[0], rest, 1, &pieces));
        assert(whole == pieces);
        check_value(rest);
        return 0;
}
