/*
 * Fuzz the login: whatever a server answers, no password is said before TLS where TLS is asked for
 *
 * The first byte chooses what is asked for, the second what is remembered of the server; each line of
 * the rest is what the server says.
 */

#include <errno.h>

#include "base/macro.h"
#include "imap/login.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define USER     "me"
#define PASSWORD "Xyzzy-42"
#define PLAIN    "AG1lAFh5enp5LTQy" /* NUL me NUL Xyzzy-42 */

static const char *const remembered[] = {
        NULL,
        "IMAP4rev1 AUTH=PLAIN SASL-IR LITERAL+ ENABLE QRESYNC COMPRESS=DEFLATE",
        "IMAP4rev1 STARTTLS LOGINDISABLED ID",
        "IMAP4rev1 LITERAL- ENABLE UIDONLY CONDSTORE ID",
};

typedef struct Login {
        ImapSession *session;
        ImapLogin *login;
        Buffer said;
        bool start_tls; /* asked for, and not yet done */
        bool over;
} Login;

static void pull(Login *l) {
        ByteView out;

        while ((out = imap_session_pull(l->session)).size > 0) {
                assert(buffer_append_view(&l->said, out) == 0);
                imap_session_sent(l->session, out.size);
        }
        if (!l->start_tls || l->said.size == 0)
                return;
        assert(!memmem(l->said.data, l->said.size, PASSWORD, strlen(PASSWORD)));
        assert(!memmem(l->said.data, l->said.size, PLAIN, strlen(PLAIN)));
        assert(!memmem(l->said.data, l->said.size, "LOGIN ", strlen("LOGIN ")));
}

/* A sentence is for people: there is one, and nothing in it that a terminal obeys. */
static void check_sentence(const char *sentence) {
        assert(sentence && sentence[0]);
        for (const char *c = sentence; *c; c++)
                assert((unsigned char) *c >= ' ' && *c != 0x7f);
}

static void act(Login *l, int outcome) {
        assert(outcome >= 0);
        switch ((ImapLoginOutcome) outcome) {
        case IMAP_LOGIN_MORE:
                return;
        case IMAP_LOGIN_START_TLS:
                assert(l->start_tls);
                pull(l);
                l->start_tls = false;
                act(l, imap_login_go_on(l->login, l->session));
                return;
        case IMAP_LOGIN_START_DEFLATE:
                act(l, imap_login_go_on(l->login, l->session));
                return;
        case IMAP_LOGIN_READY:
                assert(!l->start_tls); /* PREAUTH is no way around TLS */
                l->over = true;
                return;
        case IMAP_LOGIN_REFUSED:
        case IMAP_LOGIN_FAILED:
                check_sentence(imap_login_sentence(l->login));
                l->over = true;
                return;
        }

        abort(); /* the switch is complete */
}

/* Return: 0, or why the session ended. */
static int hear(Login *l, ByteView line) {
        ImapEvent event;
        int r;

        assert(imap_session_push(l->session, line) == 0);
        assert(imap_session_push(l->session, BYTES("\r\n")) == 0);
        while ((r = imap_session_next(l->session, &event)) > 0 && !l->over)
                act(l, imap_login_handle(l->login, l->session, &event));
        pull(l);
        return MIN(r, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        ImapCapabilities known = {};
        ImapLoginOptions options = {.user = USER, .password = PASSWORD, .version = "1.0"};
        ByteView rest;
        Login l = {};
        int r = 0;

        if (size < 2)
                return 0;
        rest = (ByteView){(const char *) data + 2, size - 2};
        l.start_tls = options.want_start_tls = data[0] & 1;
        options.is_encrypted = !options.want_start_tls && (data[0] & 2);
        options.want_compress = data[0] & 4;
        options.want_enable = data[0] & 8;
        options.want_id = data[0] & 16;
        known = imap_capabilities_parse(bytes_of(remembered[data[1] & 3]));
        options.remembered = remembered[data[1] & 3] ? &known : NULL;

        assert(imap_session_new(&imap_limits_default, &l.session) == 0);
        assert(imap_login_new(&options, &l.login) == 0);
        while (rest.size > 0 && r == 0 && !l.over)
                r = hear(&l, bytes_take_until(&rest, '\n'));
        assert(r == 0 || r == -EBADMSG || r == -E2BIG);

        imap_login_free(l.login);
        imap_session_free(l.session);
        buffer_done(&l.said);
        return 0;
}
