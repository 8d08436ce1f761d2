/*
 * Fuzz the login: whatever a server answers, no secret is said before TLS where TLS is asked for, and none
 * that cannot have the right signature gets on by SCRAM
 *
 * The first byte chooses what is asked for, the second what is remembered of the server; each line of
 * the rest is what the server says.
 */

#include <errno.h>

#include "base/macro.h"
#include "imap/login.h"
#include "imap/sasl.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define USER     "me"
#define PASSWORD "Xyzzy-42"
#define PLAIN    "AG1lAFh5enp5LTQy" /* NUL me NUL Xyzzy-42 */
#define SECRET   "WHl6enktNDI="     /* Xyzzy-42 */
#define BEARER   "YXV0aD1CZWFyZXIg" /* "auth=Bearer ", where it begins at a third byte */

/* A hash whose value no server can know, and that costs nothing. */
static int fill(SaslHash hash, uint8_t *out) {
        for (size_t i = 0; i < sasl_hash_size(hash); i++)
                out[i] = (uint8_t) (0xa5 ^ i * 29);
        return 0;
}

static int toy_digest(SaslHash hash, ByteView data, uint8_t *out) {
        (void) data;
        return fill(hash, out);
}

static int toy_hmac(SaslHash hash, ByteView key, ByteView data, uint8_t *out) {
        (void) key, (void) data;
        return fill(hash, out);
}

static int toy_derive(SaslHash hash, ByteView password, ByteView salt, uint32_t iterations,
                      uint8_t *out) {
        (void) password, (void) salt, (void) iterations;
        return fill(hash, out);
}

static const SaslCrypto toy = {toy_digest, toy_hmac, toy_derive};

static const char *const remembered[] = {
        NULL,
        "IMAP4rev1 AUTH=PLAIN SASL-IR LITERAL+ ENABLE QRESYNC COMPRESS=DEFLATE",
        "IMAP4rev1 STARTTLS LOGINDISABLED AUTH=LOGIN ID",
        "IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 AUTH=CRAM-MD5 AUTH=XOAUTH2 AUTH=EXTERNAL ENABLE ID",
};

typedef struct Login {
        ImapSession *session;
        ImapLogin *login;
        Buffer said;
        bool start_tls; /* asked for, and not yet done */
        bool over;
        bool heard_signature;
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
        assert(!memmem(l->said.data, l->said.size, SECRET, strlen(SECRET)));
        assert(!memmem(l->said.data, l->said.size, BEARER, strlen(BEARER)));
        assert(!memmem(l->said.data, l->said.size, "LOGIN ", strlen("LOGIN ")));
        assert(!memmem(l->said.data, l->said.size, "AUTHENTICATE", strlen("AUTHENTICATE")));
}

/* A sentence is for people: there is one, and nothing in it that a terminal obeys. */
static void check_sentence(const char *sentence) {
        assert(sentence && sentence[0]);
        for (const char *c = sentence; *c; c++)
                assert((unsigned char) *c >= ' ' && *c != 0x7f);
}

/* It is through by SCRAM only with the one signature that the toy makes: "v=" and 20 or 32 bytes of it. */
static void check_scram(const Login *l) {
        const char *last = NULL;
        ByteView rest = buffer_view(&l->said);

        while (rest.size > 0) {
                ByteView line = bytes_take_until(&rest, '\n'), words = line;

                (void) bytes_take_until(&words, ' ');
                if (bytes_starts_fold(words, BYTES("AUTHENTICATE ")) ||
                    bytes_starts_fold(words, BYTES("LOGIN ")))
                        last = words.data;
        }
        if (last && memcmp(last, "AUTHENTICATE SCRAM", strlen("AUTHENTICATE SCRAM")) == 0)
                assert(l->heard_signature);
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
                check_scram(l);
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

        /* v=, then the bytes of the toy in base64, as far as both hashes have them */
        l->heard_signature |= line.size > 8 && memmem(line.data, line.size, "dj1wYmlm", 8);
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
        if (data[0] & 32) {
                options.crypto = &toy;
                options.nonce = "N";
        }
        if (data[0] & 64) {
                options.password = NULL;
                options.token = PASSWORD;
        }
        options.has_certificate = data[0] & 128;
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
