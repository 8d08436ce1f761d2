/* The login by questions and answers: every way, as a transcript. Proofs were made by another program. */

#include "daemon/sasl-crypto.h"
#include "imap/login.h"
#include "transcript.h"

typedef struct LoginRow {
        const char *label;
        const char *remembered; /* NULL: nothing */
        /* s STARTTLS, e encrypted, c compress, q qresync, b channel binding; t a token, x a certificate, else a
         * password */
        const char *options;
        const char *script;
        ImapAuth auth;
} LoginRow;

typedef struct LoginTest {
        Transcript transcript;
        ImapLogin *login;
        bool over;
} LoginTest;

static void put_ready(LoginTest *test) {
        static const char *const names[] = {"unasked", "on", "off"};
        const ImapCapabilities capabilities = imap_login_capabilities(test->login);
        const char *notice = imap_login_notice(test->login);
        Buffer *out = &test->transcript.events;

        assert(buffer_append_format(
                       out, "READY qresync %s: ", names[imap_login_qresync(test->login)]) == 0);
        assert(imap_capabilities_format(&capabilities, out) == 0);
        if (notice)
                assert(buffer_append_format(out, "; %s", notice) == 0);
}

static void put_outcome(LoginTest *test, int outcome) {
        Buffer *out = &test->transcript.events;

        assert(outcome >= 0);
        switch ((ImapLoginOutcome) outcome) {
        case IMAP_LOGIN_MORE:
                return;
        case IMAP_LOGIN_START_TLS:
        case IMAP_LOGIN_START_DEFLATE:
                assert(buffer_append_string(out, outcome == IMAP_LOGIN_START_TLS
                                                         ? "START_TLS\n"
                                                         : "START_DEFLATE\n") == 0);
                put_outcome(test, imap_login_go_on(test->login, test->transcript.session));
                return;
        case IMAP_LOGIN_READY:
                put_ready(test);
                break;
        case IMAP_LOGIN_REFUSED:
        case IMAP_LOGIN_FAILED:
                assert(buffer_append_format(out, "%s %s",
                                            outcome == IMAP_LOGIN_REFUSED ? "REFUSED" : "FAILED",
                                            imap_login_sentence(test->login)) == 0);
                break;
        }
        assert(buffer_append_string(out, "\n") == 0);
        test->over = true;
}

static void on_input(void *userdata) {
        LoginTest *test = userdata;
        ImapEvent event;
        int r;

        while ((r = imap_session_next(test->transcript.session, &event)) > 0)
                if (!test->over)
                        put_outcome(test, imap_login_handle(test->login, test->transcript.session,
                                                            &event));
        assert(r == 0);
}

/* May the owner say more now? */
static void on_action(void *userdata, ByteView action) {
        LoginTest *test = userdata;
        const bool may = imap_login_may_pipeline(test->login);

        TEST_ROW(test->transcript.label,
                 bytes_equal(action, may ? BYTES("may pipeline") : BYTES("may not pipeline")));
}

static void run(const LoginRow *row, size_t step) {
        LoginTest test = {
                .transcript = {.label = row->label,
                               .step = step,
                               .on_input = on_input,
                               .on_action = on_action},
        };
        const ImapCapabilities remembered = imap_capabilities_parse(bytes_of(row->remembered));
        const bool has_token = strchr(row->options, 't'),
                   has_certificate = strchr(row->options, 'x');
        const ImapLoginOptions options = {
                .user = "u",
                .password = has_token || has_certificate ? NULL : "p",
                .token = has_token ? "t" : NULL,
                .has_certificate = has_certificate,
                .auth = row->auth,
                .crypto = &sasl_crypto_openssl,
                .nonce = "N",
                .remembered = row->remembered ? &remembered : NULL,
                .want_start_tls = strchr(row->options, 's'),
                .is_encrypted = strchr(row->options, 'e'),
                .want_compress = strchr(row->options, 'c'),
                .want_enable = strchr(row->options, 'q'),
                .host = "h",
                .port = 993,
                .version = "1.0",
        };

        test.transcript.userdata = &test;
        assert(imap_session_new(&imap_limits_default, &test.transcript.session) == 0);
        assert(imap_login_new(&options, &test.login) == 0);
        if (strchr(row->options, 'b'))
                imap_login_bind(test.login, BYTES("0123456789abcdefghijklmnopqrstuv"));

        transcript_run(&test.transcript, row->script);

        test.login = imap_login_free(test.login);
        transcript_done(&test.transcript);
}

static void check(const LoginRow *rows, size_t n_rows) {
        static const size_t steps[] = {0, 1, 7};

        for (size_t i = 0; i < n_rows; i++)
                for (size_t j = 0; j < ARRAY_SIZE(steps); j++)
                        run(&rows[i], steps[j]);
}

/* SCRAM: the server proves itself, or nothing more is said to it */
static void test_scram(void) {
        /* clang-format off */
        static const LoginRow rows[] = {
                {"in one line less with SASL-IR, and what follows goes with the last one", "IDLE ENABLE QRESYNC", "eq",
                 "S: * OK [CAPABILITY SASL-IR AUTH=SCRAM-SHA-256 AUTH=PLAIN] hi\n"
                 "C: 1 AUTHENTICATE SCRAM-SHA-256 biwsbj11LHI9Tg==\n"
                 "> may not pipeline\n"
                 "S: + cj1OU1JWLHM9YzJGc2RBPT0saT00MDk2\n"
                 "C: Yz1iaXdzLHI9TlNSVixwPWNZWVVNOFdVWWVyLzF3R1AwZ1NrV3ppRHlXYzB1U2xqOUpYRCt3bUNGbTg9\n"
                 "> may not pipeline\n"
                 "S: + dj1tb0pMWDU5RU5JZ3ZKQ0hzTHo1ZVZaVHArcVZTdzZzVW1FM2tqWHpzR0xrPQ==\n"
                 "C:\n"
                 "C: 2 ENABLE QRESYNC\n"
                 "> may pipeline\n"
                 "S: 1 OK [CAPABILITY ENABLE QRESYNC] in\n"
                 "S: * ENABLED QRESYNC\n"
                 "S: 2 OK done\n"
                 "E: READY qresync on: AUTH=PLAIN AUTH=SCRAM-SHA-256 SASL-IR ENABLE QRESYNC\n"},
                {"without SASL-IR", NULL, "e",
                 "S: * OK [CAPABILITY AUTH=SCRAM-SHA-256 LOGINDISABLED] hi\n"
                 "C: 1 AUTHENTICATE SCRAM-SHA-256\n"
                 "S: +\n"
                 "C: biwsbj11LHI9Tg==\n"
                 "S: + cj1OU1JWLHM9YzJGc2RBPT0saT00MDk2\n"
                 "C: Yz1iaXdzLHI9TlNSVixwPWNZWVVNOFdVWWVyLzF3R1AwZ1NrV3ppRHlXYzB1U2xqOUpYRCt3bUNGbTg9\n"
                 "S: + dj1tb0pMWDU5RU5JZ3ZKQ0hzTHo1ZVZaVHArcVZTdzZzVW1FM2tqWHpzR0xrPQ==\n"
                 "C:\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: LOGINDISABLED AUTH=SCRAM-SHA-256 IDLE\n"},
                {"SHA-1 where there is no other", NULL, "e",
                 "S: * OK [CAPABILITY SASL-IR AUTH=SCRAM-SHA-1 AUTH=PLAIN AUTH=CRAM-MD5] hi\n"
                 "C: 1 AUTHENTICATE SCRAM-SHA-1 biwsbj11LHI9Tg==\n"
                 "S: + cj1OU1JWLHM9YzJGc2RBPT0saT00MDk2\n"
                 "C: Yz1iaXdzLHI9TlNSVixwPXV5c2RsREVjVjllaFZRajNZVDIxcmFCL1JVZz0=\n"
                 "S: + dj02SkJoYkdRUWlpWjdybitKQTllRkNBR1JkcTQ9\n"
                 "C:\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: AUTH=PLAIN AUTH=CRAM-MD5 AUTH=SCRAM-SHA-1 SASL-IR IDLE\n"},
                {"bound to the channel", NULL, "eb",
                 "S: * OK [CAPABILITY SASL-IR AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS] hi\n"
                 "C: 1 AUTHENTICATE SCRAM-SHA-256-PLUS cD10bHMtZXhwb3J0ZXIsLG49dSxyPU4=\n"
                 "S: + cj1OU1JWLHM9YzJGc2RBPT0saT00MDk2\n"
                 "C: Yz1jRDEwYkhNdFpYaHdiM0owWlhJc0xEQXhNak0wTlRZM09EbGhZbU5rWldabmFHbHFhMnh0Ym05d2NYSnpkSFYyLHI9TlNSVixwPVNBMmY2NXdmd1JXcmF4TW9Jd0p4TnRBYXBJVHZsVXFtYjFxcWJiNG41NWs9\n"
                 "S: + dj16aFdweFgyLzdCU2NKUUgveTVKZVovTHJwdG1lWjZzcUZMRVhKeS9ycnhVPQ==\n"
                 "C:\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS SASL-IR IDLE\n"},
                {"the channel is there, and the offer is not", NULL, "eb",
                 "S: * OK [CAPABILITY SASL-IR AUTH=SCRAM-SHA-256] hi\n"
                 "C: 1 AUTHENTICATE SCRAM-SHA-256 eSwsbj11LHI9Tg==\n"
                 "S: + cj1OU1JWLHM9YzJGc2RBPT0saT00MDk2\n"
                 "C: Yz1lU3dzLHI9TlNSVixwPVpuR3dQZXlsaDFrZ3pNaG9kNjZCY3VwUGtWUVAvMG5JQ2tLYmpxLzNBT3M9\n"
                 "S: + ZT1zZXJ2ZXItZG9lcy1zdXBwb3J0LWNoYW5uZWwtYmluZGluZw==\n"
                 "C: *\n"
                 "E: REFUSED the server refuses the login (SCRAM-SHA-256): “server-does-support-channel-binding”\n"},
                {"what is only remembered is asked for first, as it costs nothing", "SASL-IR AUTH=SCRAM-SHA-256", "e",
                 "S: * OK hi\n"
                 "C: 1 CAPABILITY\n"
                 "S: * CAPABILITY SASL-IR AUTH=SCRAM-SHA-256\n"
                 "S: 1 OK done\n"
                 "C: 2 AUTHENTICATE SCRAM-SHA-256 biwsbj11LHI9Tg==\n"
                 "S: + cj1OU1JWLHM9YzJGc2RBPT0saT00MDk2\n"
                 "C: Yz1iaXdzLHI9TlNSVixwPWNZWVVNOFdVWWVyLzF3R1AwZ1NrV3ppRHlXYzB1U2xqOUpYRCt3bUNGbTg9\n"
                 "S: 2 NO [AUTHENTICATIONFAILED] wrong\n"
                 "E: REFUSED the server refuses the user name or password by SCRAM (where they are right and it cannot use them in that way, “auth = plain” helps): “wrong”\n"},
                {"a wrong password, told in SCRAM", NULL, "",
                 "S: * OK [CAPABILITY SASL-IR AUTH=SCRAM-SHA-256] hi\n"
                 "C: 1 AUTHENTICATE SCRAM-SHA-256 biwsbj11LHI9Tg==\n"
                 "S: + cj1OU1JWLHM9YzJGc2RBPT0saT00MDk2\n"
                 "C: Yz1iaXdzLHI9TlNSVixwPWNZWVVNOFdVWWVyLzF3R1AwZ1NrV3ppRHlXYzB1U2xqOUpYRCt3bUNGbTg9\n"
                 "S: + ZT1pbnZhbGlkLXByb29m\n"
                 "C: *\n"
                 "E: REFUSED the server refuses the login (SCRAM-SHA-256): “invalid-proof”\n"},
                {"told at once", NULL, "e",
                 "S: * OK [CAPABILITY SASL-IR AUTH=SCRAM-SHA-256] hi\n"
                 "C: 1 AUTHENTICATE SCRAM-SHA-256 biwsbj11LHI9Tg==\n"
                 "S: + ZT11bmtub3duLXVzZXI=\n"
                 "C: *\n"
                 "E: REFUSED the server refuses the login (SCRAM-SHA-256): “unknown-user”\n"},
                {"yes before the proof", NULL, "ecq",
                 "S: * OK [CAPABILITY SASL-IR AUTH=SCRAM-SHA-256] hi\n"
                 "C: 1 AUTHENTICATE SCRAM-SHA-256 biwsbj11LHI9Tg==\n"
                 "S: + cj1OU1JWLHM9YzJGc2RBPT0saT00MDk2\n"
                 "C: Yz1iaXdzLHI9TlNSVixwPWNZWVVNOFdVWWVyLzF3R1AwZ1NrV3ppRHlXYzB1U2xqOUpYRCt3bUNGbTg9\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: REFUSED the server says yes, but does not prove that it knows the password: it may be another one that pretends to be it\n"},
                {"another signature", NULL, "ecq",
                 "S: * OK [CAPABILITY SASL-IR AUTH=SCRAM-SHA-256] hi\n"
                 "C: 1 AUTHENTICATE SCRAM-SHA-256 biwsbj11LHI9Tg==\n"
                 "S: + cj1OU1JWLHM9YzJGc2RBPT0saT00MDk2\n"
                 "C: Yz1iaXdzLHI9TlNSVixwPWNZWVVNOFdVWWVyLzF3R1AwZ1NrV3ppRHlXYzB1U2xqOUpYRCt3bUNGbTg9\n"
                 "S: + dj16Tkl3dWxMVDJUQVgrUzNISU1UT1FHeUVkSXhjeXBROFBhKzY2ditKK3pzPQ==\n"
                 "C: *\n"
                 "E: REFUSED the server cannot prove that it knows the password: it may be another one that pretends to be it (SCRAM-SHA-256)\n"},
                {"not base64", NULL, "e",
                 "S: * OK [CAPABILITY SASL-IR AUTH=SCRAM-SHA-256] hi\n"
                 "C: 1 AUTHENTICATE SCRAM-SHA-256 biwsbj11LHI9Tg==\n"
                 "S: + what?\n"
                 "C: *\n"
                 "E: FAILED the server asks something that makes no sense: “what?”\n"},
                {"alone, for a server that throws away what follows", "IDLE ENABLE QRESYNC", "eq",
                 "S: * OK [CAPABILITY SASL-IR AUTH=SCRAM-SHA-256] Courier-IMAP ready. Copyright 1998-2022 Double Precision, Inc.\n"
                 "C: 1 AUTHENTICATE SCRAM-SHA-256 biwsbj11LHI9Tg==\n"
                 "S: + cj1OU1JWLHM9YzJGc2RBPT0saT00MDk2\n"
                 "C: Yz1iaXdzLHI9TlNSVixwPWNZWVVNOFdVWWVyLzF3R1AwZ1NrV3ppRHlXYzB1U2xqOUpYRCt3bUNGbTg9\n"
                 "S: + dj1tb0pMWDU5RU5JZ3ZKQ0hzTHo1ZVZaVHArcVZTdzZzVW1FM2tqWHpzR0xrPQ==\n"
                 "C:\n"
                 "> may not pipeline\n"
                 "S: 1 OK [CAPABILITY ENABLE QRESYNC] in\n"
                 "C: 2 ENABLE QRESYNC\n"
                 "S: * ENABLED QRESYNC\n"
                 "S: 2 OK done\n"
                 "E: READY qresync on: AUTH=SCRAM-SHA-256 SASL-IR ENABLE QRESYNC\n"},
        };
        /* clang-format on */

        check(rows, ARRAY_SIZE(rows));
}

/* CRAM-MD5: for a listener */
static void test_cram(void) {
        /* clang-format off */
        static const LoginRow rows[] = {
                {"CRAM-MD5 in clear", NULL, "",
                 "S: * OK [CAPABILITY SASL-IR AUTH=CRAM-MD5 AUTH=PLAIN] hi\n"
                 "C: 1 AUTHENTICATE CRAM-MD5\n"
                 "S: + PDFAaD4=\n"
                 "C: dSAwMTg3MWRkYzdmZGQwYjc4ZmIzY2NmNTUwYjRmZmU0OQ==\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: AUTH=PLAIN AUTH=CRAM-MD5 SASL-IR IDLE\n"},
                {"with TLS it is the last one", NULL, "e",
                 "S: * OK [CAPABILITY SASL-IR AUTH=CRAM-MD5 AUTH=PLAIN LOGINDISABLED] hi\n"
                 "C: 1 AUTHENTICATE PLAIN AHUAcA==\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: LOGINDISABLED AUTH=PLAIN AUTH=CRAM-MD5 SASL-IR IDLE\n"},
                {"and yet better than none", NULL, "e",
                 "S: * OK [CAPABILITY SASL-IR AUTH=CRAM-MD5 LOGINDISABLED] hi\n"
                 "C: 1 AUTHENTICATE CRAM-MD5\n"
                 "S: + PDFAaD4=\n"
                 "C: dSAwMTg3MWRkYzdmZGQwYjc4ZmIzY2NmNTUwYjRmZmU0OQ==\n"
                 "S: 1 NO no\n"
                 "E: REFUSED the server refuses the user name or password: “no”\n"},
        };
        /* clang-format on */

        check(rows, ARRAY_SIZE(rows));
}

/* LOGIN, the mechanism: where neither the command nor PLAIN can be */
static void test_login(void) {
        /* clang-format off */
        static const LoginRow rows[] = {
                {"the name, then the password, then what follows", "ENABLE QRESYNC", "eq",
                 "S: * OK [CAPABILITY LOGINDISABLED SASL-IR AUTH=LOGIN] hi\n"
                 "C: 1 AUTHENTICATE LOGIN\n"
                 "> may not pipeline\n"
                 "S: + VXNlcm5hbWU6\n"
                 "C: dQ==\n"
                 "> may not pipeline\n"
                 "S: + UGFzc3dvcmQ6\n"
                 "C: cA==\n"
                 "C: 2 ENABLE QRESYNC\n"
                 "> may pipeline\n"
                 "S: 1 OK [CAPABILITY ENABLE QRESYNC] in\n"
                 "S: * ENABLED QRESYNC\n"
                 "S: 2 OK done\n"
                 "E: READY qresync on: LOGINDISABLED AUTH=LOGIN SASL-IR ENABLE QRESYNC\n"},
                {"in other words, not in base64, or without any", NULL, "e",
                 "S: * OK [CAPABILITY LOGINDISABLED AUTH=LOGIN] hi\n"
                 "C: 1 AUTHENTICATE LOGIN\n"
                 "S: + Who are you?\n"
                 "C: dQ==\n"
                 "S: +\n"
                 "C: cA==\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: LOGINDISABLED AUTH=LOGIN IDLE\n"},
                {"asked a third time", NULL, "e",
                 "S: * OK [CAPABILITY LOGINDISABLED AUTH=LOGIN] hi\n"
                 "C: 1 AUTHENTICATE LOGIN\n"
                 "S: + VXNlcm5hbWU6\n"
                 "C: dQ==\n"
                 "S: + UGFzc3dvcmQ6\n"
                 "C: cA==\n"
                 "S: + UGFzc3dvcmQ6\n"
                 "C: *\n"
                 "S: 1 BAD cancelled\n"
                 "E: FAILED the server cannot log in now: “cancelled”\n"},
                {"a wrong name", NULL, "e",
                 "S: * OK [CAPABILITY LOGINDISABLED AUTH=LOGIN] hi\n"
                 "C: 1 AUTHENTICATE LOGIN\n"
                 "S: + VXNlcm5hbWU6\n"
                 "C: dQ==\n"
                 "S: 1 NO [AUTHENTICATIONFAILED] no\n"
                 "E: REFUSED the server refuses the user name or password: “no”\n"},
                {"PLAIN comes before it", NULL, "e",
                 "S: * OK [CAPABILITY LOGINDISABLED SASL-IR AUTH=LOGIN AUTH=PLAIN] hi\n"
                 "C: 1 AUTHENTICATE PLAIN AHUAcA==\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: LOGINDISABLED AUTH=PLAIN AUTH=LOGIN SASL-IR IDLE\n"},
                {"the command comes before it", NULL, "e",
                 "S: * OK [CAPABILITY AUTH=LOGIN] hi\n"
                 "C: 1 LOGIN u p\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: AUTH=LOGIN IDLE\n"},
                {"under TLS CRAM-MD5 comes behind it", NULL, "e",
                 "S: * OK [CAPABILITY LOGINDISABLED AUTH=LOGIN AUTH=CRAM-MD5] hi\n"
                 "C: 1 AUTHENTICATE LOGIN\n"
                 "S: 1 NO no\n"
                 "E: REFUSED the server refuses the user name or password: “no”\n"},
                {"without TLS before it", NULL, "",
                 "S: * OK [CAPABILITY LOGINDISABLED AUTH=LOGIN AUTH=CRAM-MD5] hi\n"
                 "C: 1 AUTHENTICATE CRAM-MD5\n"
                 "S: 1 NO no\n"
                 "E: REFUSED the server refuses the user name or password: “no”\n"},
                {"asked for by its name, which is that of the command", NULL, "e",
                 "S: * OK [CAPABILITY LOGINDISABLED AUTH=LOGIN AUTH=SCRAM-SHA-256] hi\n"
                 "C: 1 AUTHENTICATE LOGIN\n"
                 "S: 1 NO no\n"
                 "E: REFUSED the server refuses the user name or password: “no”\n", .auth = IMAP_AUTH_LOGIN},
                {"not for who asks for another", NULL, "e",
                 "S: * OK [CAPABILITY LOGINDISABLED AUTH=LOGIN] hi\n"
                 "E: REFUSED there is no login by PLAIN, which “auth” asks for, on this connection\n", .auth = IMAP_AUTH_PLAIN},
                {"with a token there is no password", NULL, "te",
                 "S: * OK [CAPABILITY LOGINDISABLED AUTH=LOGIN] hi\n"
                 "E: REFUSED the server offers neither OAUTHBEARER nor XOAUTH2 to log in with a token\n"},
                {"remembered", "LOGINDISABLED AUTH=LOGIN", "e",
                 "S: * OK hi\n"
                 "C: 1 AUTHENTICATE LOGIN\n"
                 "S: + VXNlcm5hbWU6\n"
                 "C: dQ==\n"
                 "S: + UGFzc3dvcmQ6\n"
                 "C: cA==\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: LOGINDISABLED AUTH=LOGIN IDLE\n"},
                {"remembered, and no more", "LOGINDISABLED AUTH=LOGIN", "e",
                 "S: * OK hi\n"
                 "C: 1 AUTHENTICATE LOGIN\n"
                 "S: 1 NO unknown mechanism\n"
                 "C: 2 CAPABILITY\n"
                 "S: * CAPABILITY SASL-IR AUTH=PLAIN LOGINDISABLED\n"
                 "S: 2 OK done\n"
                 "C: 3 AUTHENTICATE PLAIN AHUAcA==\n"
                 "S: 3 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: LOGINDISABLED AUTH=PLAIN SASL-IR IDLE\n"},
        };
        /* clang-format on */

        check(rows, ARRAY_SIZE(rows));
}

/* OAuth */
static void test_token(void) {
        /* clang-format off */
        static const LoginRow rows[] = {
                {"OAUTHBEARER; what follows waits for the answer", "IDLE ENABLE QRESYNC", "tecq",
                 "S: * OK [CAPABILITY SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER AUTH=PLAIN] hi\n"
                 "C: 1 AUTHENTICATE OAUTHBEARER bixhPXUsAWhvc3Q9aAFwb3J0PTk5MwFhdXRoPUJlYXJlciB0AQE=\n"
                 "> may not pipeline\n"
                 "S: 1 OK [CAPABILITY ENABLE QRESYNC COMPRESS=DEFLATE] in\n"
                 "C: 2 ENABLE QRESYNC\n"
                 "C: 3 COMPRESS DEFLATE\n"
                 "S: * ENABLED QRESYNC\n"
                 "S: 2 OK done\n"
                 "S: 3 OK go\n"
                 "E: START_DEFLATE\n"
                 "E: READY qresync on: AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER SASL-IR ENABLE QRESYNC COMPRESS=DEFLATE\n"},
                {"XOAUTH2 as Exchange has it, without SASL-IR", NULL, "te",
                 "S: * OK [CAPABILITY AUTH=XOAUTH2 AUTH=PLAIN] hi\n"
                 "C: 1 AUTHENTICATE XOAUTH2\n"
                 "S: +\n"
                 "C: dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: AUTH=PLAIN AUTH=XOAUTH2 IDLE\n"},
                {"refused: a byte is said, and its words are kept", NULL, "te",
                 "S: * OK [CAPABILITY SASL-IR AUTH=OAUTHBEARER] hi\n"
                 "C: 1 AUTHENTICATE OAUTHBEARER bixhPXUsAWhvc3Q9aAFwb3J0PTk5MwFhdXRoPUJlYXJlciB0AQE=\n"
                 "S: + eyJzdGF0dXMiOiI0MDEifQ==\n"
                 "C: AQ==\n"
                 "S: 1 NO [AUTHENTICATIONFAILED] Invalid\n"
                 "E: REFUSED the server refuses the token: “{\"status\":\"401\"}”\n"},
                {"refused: an empty line", NULL, "te",
                 "S: * OK [CAPABILITY SASL-IR AUTH=XOAUTH2] hi\n"
                 "C: 1 AUTHENTICATE XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==\n"
                 "S: + eyJzdGF0dXMiOiI0MDEifQ==\n"
                 "C:\n"
                 "S: 1 NO SASL authentication failed\n"
                 "E: REFUSED the server refuses the token: “{\"status\":\"401\"}”\n"},
                {"asked again and again", NULL, "te",
                 "S: * OK [CAPABILITY SASL-IR AUTH=XOAUTH2] hi\n"
                 "C: 1 AUTHENTICATE XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==\n"
                 "S: + eyJzdGF0dXMiOiI0MDEifQ==\n"
                 "C:\n"
                 "S: + eyJzdGF0dXMiOiI0MDEifQ==\n"
                 "C: *\n"
                 "S: 1 BAD cancelled\n"
                 "E: FAILED the server cannot log in now: “{\"status\":\"401\"}”\n"},
                {"assumed as Gmail is, in one line", "SASL-IR AUTH=XOAUTH2", "te",
                 "S: * OK Gimap ready\n"
                 "C: 1 AUTHENTICATE XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==\n"
                 "S: * CAPABILITY IMAP4rev1 UIDPLUS\n"
                 "S: 1 OK in\n"
                 "E: READY qresync unasked: IMAP4rev1 AUTH=XOAUTH2 SASL-IR UIDPLUS\n"},
                {"no way for it", NULL, "te",
                 "S: * OK [CAPABILITY SASL-IR AUTH=PLAIN] hi\n"
                 "E: REFUSED the server offers neither OAUTHBEARER nor XOAUTH2 to log in with a token\n"},
        };
        /* clang-format on */

        check(rows, ARRAY_SIZE(rows));
}

/* a certificate */
static void test_certificate(void) {
        /* clang-format off */
        static const LoginRow rows[] = {
                {"EXTERNAL, with what follows", "ENABLE QRESYNC", "xeq",
                 "S: * OK [CAPABILITY SASL-IR AUTH=EXTERNAL AUTH=SCRAM-SHA-256] hi\n"
                 "C: 1 AUTHENTICATE EXTERNAL dQ==\n"
                 "C: 2 ENABLE QRESYNC\n"
                 "> may pipeline\n"
                 "S: 1 OK [CAPABILITY ENABLE QRESYNC] in\n"
                 "S: * ENABLED QRESYNC\n"
                 "S: 2 OK done\n"
                 "E: READY qresync on: AUTH=SCRAM-SHA-256 AUTH=EXTERNAL SASL-IR ENABLE QRESYNC\n"},
                {"not offered", NULL, "xe",
                 "S: * OK [CAPABILITY SASL-IR AUTH=PLAIN] hi\n"
                 "E: REFUSED the server does not offer EXTERNAL to log in with a certificate\n"},
                {"refused", NULL, "xe",
                 "S: * OK [CAPABILITY SASL-IR AUTH=EXTERNAL] hi\n"
                 "C: 1 AUTHENTICATE EXTERNAL dQ==\n"
                 "S: 1 NO [AUTHENTICATIONFAILED] who?\n"
                 "E: REFUSED the server refuses the user name or certificate: “who?”\n"},
        };
        /* clang-format on */

        check(rows, ARRAY_SIZE(rows));
}

/* less than last time */
static void test_weaker(void) {
        /* clang-format off */
        static const LoginRow rows[] = {
                {"with TLS it is told", "SASL-IR AUTH=SCRAM-SHA-256 AUTH=PLAIN", "e",
                 "S: * OK [CAPABILITY SASL-IR AUTH=PLAIN] hi\n"
                 "C: 1 LOGIN u p\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: AUTH=PLAIN SASL-IR IDLE; the server offered to log in by SCRAM-SHA-256 before, and offers only LOGIN now\n"},
                {"SHA-1 for SHA-256", "SASL-IR AUTH=SCRAM-SHA-256", "e",
                 "S: * OK [CAPABILITY SASL-IR AUTH=SCRAM-SHA-1] hi\n"
                 "C: 1 AUTHENTICATE SCRAM-SHA-1 biwsbj11LHI9Tg==\n"
                 "S: + cj1OU1JWLHM9YzJGc2RBPT0saT00MDk2\n"
                 "C: Yz1iaXdzLHI9TlNSVixwPXV5c2RsREVjVjllaFZRajNZVDIxcmFCL1JVZz0=\n"
                 "S: + dj02SkJoYkdRUWlpWjdybitKQTllRkNBR1JkcTQ9\n"
                 "C:\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: AUTH=SCRAM-SHA-1 SASL-IR IDLE; the server offered to log in by SCRAM-SHA-256 before, and offers only SCRAM-SHA-1 now\n"},
                {"in clear nothing is said: SCRAM", "AUTH=SCRAM-SHA-1", "",
                 "S: * OK [CAPABILITY SASL-IR AUTH=PLAIN] hi\n"
                 "E: REFUSED the server offered to log in by SCRAM-SHA-1 before, and offers only LOGIN now: without TLS somebody may have changed what it offers, and nothing was sent; “auth” says which way to take all the same\n"},
                {"in clear nothing is said: CRAM-MD5", "AUTH=CRAM-MD5", "",
                 "S: * OK [CAPABILITY SASL-IR AUTH=PLAIN] hi\n"
                 "E: REFUSED the server offered to log in by CRAM-MD5 before, and offers only LOGIN now: without TLS somebody may have changed what it offers, and nothing was sent; “auth” says which way to take all the same\n"},
                {"a stronger one is only welcome", "SASL-IR AUTH=PLAIN", "e",
                 "S: * OK [CAPABILITY SASL-IR AUTH=PLAIN AUTH=SCRAM-SHA-256] hi\n"
                 "C: 1 AUTHENTICATE SCRAM-SHA-256 biwsbj11LHI9Tg==\n"
                 "S: + cj1OU1JWLHM9YzJGc2RBPT0saT00MDk2\n"
                 "C: Yz1iaXdzLHI9TlNSVixwPWNZWVVNOFdVWWVyLzF3R1AwZ1NrV3ppRHlXYzB1U2xqOUpYRCt3bUNGbTg9\n"
                 "S: + dj1tb0pMWDU5RU5JZ3ZKQ0hzTHo1ZVZaVHArcVZTdzZzVW1FM2tqWHpzR0xrPQ==\n"
                 "C:\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: AUTH=PLAIN AUTH=SCRAM-SHA-256 SASL-IR IDLE\n"},
                {"a refusal of what is strong is no reason for less", NULL, "e",
                 "S: * OK [CAPABILITY SASL-IR AUTH=PLAIN AUTH=SCRAM-SHA-256] hi\n"
                 "C: 1 AUTHENTICATE SCRAM-SHA-256 biwsbj11LHI9Tg==\n"
                 "S: 1 NO [AUTHENTICATIONFAILED] not with that\n"
                 "E: REFUSED the server refuses the user name or password by SCRAM (where they are right and it cannot use them in that way, “auth = plain” helps): “not with that”\n"},
        };
        /* clang-format on */

        check(rows, ARRAY_SIZE(rows));
}

/* auth = */
static void test_asked(void) {
        /* clang-format off */
        static const LoginRow rows[] = {
                {"PLAIN, though LOGIN is shorter", NULL, "e",
                 "S: * OK [CAPABILITY SASL-IR AUTH=PLAIN AUTH=SCRAM-SHA-256] hi\n"
                 "C: 1 AUTHENTICATE PLAIN AHUAcA==\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: AUTH=PLAIN AUTH=SCRAM-SHA-256 SASL-IR IDLE\n", .auth = IMAP_AUTH_PLAIN},
                {"LOGIN, against what is remembered", "AUTH=SCRAM-SHA-256", "",
                 "S: * OK [CAPABILITY SASL-IR AUTH=PLAIN] hi\n"
                 "C: 1 LOGIN u p\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: AUTH=PLAIN SASL-IR IDLE\n", .auth = IMAP_AUTH_LOGIN},
                {"LOGIN is disabled", NULL, "e",
                 "S: * OK [CAPABILITY SASL-IR AUTH=PLAIN LOGINDISABLED] hi\n"
                 "E: REFUSED there is no login by LOGIN, which “auth” asks for, on this connection\n", .auth = IMAP_AUTH_LOGIN},
                {"bound, and there is no channel", NULL, "e",
                 "S: * OK [CAPABILITY SASL-IR AUTH=SCRAM-SHA-256-PLUS] hi\n"
                 "E: REFUSED there is no login by SCRAM-SHA-256-PLUS, which “auth” asks for, on this connection\n", .auth = IMAP_AUTH_SCRAM_SHA_256_PLUS},
                {"not bound, and there is one: nothing is claimed of it", NULL, "eb",
                 "S: * OK [CAPABILITY SASL-IR AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS] hi\n"
                 "C: 1 AUTHENTICATE SCRAM-SHA-256 biwsbj11LHI9Tg==\n"
                 "S: + cj1OU1JWLHM9YzJGc2RBPT0saT00MDk2\n"
                 "C: Yz1iaXdzLHI9TlNSVixwPWNZWVVNOFdVWWVyLzF3R1AwZ1NrV3ppRHlXYzB1U2xqOUpYRCt3bUNGbTg9\n"
                 "S: + dj1tb0pMWDU5RU5JZ3ZKQ0hzTHo1ZVZaVHArcVZTdzZzVW1FM2tqWHpzR0xrPQ==\n"
                 "C:\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS SASL-IR IDLE\n", .auth = IMAP_AUTH_SCRAM_SHA_256},
        };
        /* clang-format on */

        check(rows, ARRAY_SIZE(rows));
}

int main(void) {
        test_scram();
        test_cram();
        test_login();
        test_token();
        test_certificate();
        test_weaker();
        test_asked();
        return 0;
}
