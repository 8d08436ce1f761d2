/* The login: every way that a server may answer, as a transcript. */

#include "imap/login.h"
#include "transcript.h"

typedef struct LoginRow {
        const char *label;
        const char *remembered; /* NULL: nothing */
        const char *options;    /* s STARTTLS, e encrypted, c compress, q qresync, i ask by ID */
        const char *script;
        const char *user, *password; /* NULL: "u", "p" */
        bool tells_server;           /* READY is followed by what is known of the server */
        const char *host, *server;
        ImapOverrides overrides;
} LoginRow;

typedef struct LoginTest {
        Transcript transcript;
        ImapLogin *login;
        bool tells_server; /* READY tells of it */
        bool over;
} LoginTest;

static const char *outcome_name(ImapLoginOutcome outcome) {
        switch (outcome) {
        case IMAP_LOGIN_MORE:
                return "MORE";
        case IMAP_LOGIN_START_TLS:
                return "START_TLS";
        case IMAP_LOGIN_START_DEFLATE:
                return "START_DEFLATE";
        case IMAP_LOGIN_READY:
                return "READY";
        case IMAP_LOGIN_REFUSED:
                return "REFUSED";
        case IMAP_LOGIN_FAILED:
                return "FAILED";
        }

        abort(); /* the switch is complete */
}

static void put_ready(LoginTest *test) {
        static const char *const qresync_names[] = {"unasked", "on", "off"};
        const ImapCapabilities capabilities = imap_login_capabilities(test->login);
        Buffer *out = &test->transcript.events;

        assert(buffer_append_format(out, " qresync %s",
                                    qresync_names[imap_login_qresync(test->login)]) == 0);
        if (imap_login_uidonly(test->login) == IMAP_ENABLED_ON)
                assert(buffer_append_string(out, " uidonly") == 0);
        assert(buffer_append_string(out, ":") == 0);
        if (capabilities.bits)
                assert(buffer_append_string(out, " ") == 0);
        assert(imap_capabilities_format(&capabilities, out) == 0);
        if (!test->tells_server)
                return;

        assert(buffer_append_string(out, ";") == 0);
        if (imap_login_server(test->login))
                assert(buffer_append_format(out, " %s:", imap_login_server(test->login)) == 0);
        if (imap_login_quirks(test->login))
                assert(buffer_append_string(out, " ") == 0);
        assert(imap_quirks_format(imap_login_quirks(test->login), out) == 0);
}

static void put_outcome(LoginTest *test, int outcome) {
        Buffer *out = &test->transcript.events;

        assert(outcome >= 0);
        if (outcome == IMAP_LOGIN_MORE)
                return;

        assert(buffer_append_string(out, outcome_name((ImapLoginOutcome) outcome)) == 0);
        if (outcome == IMAP_LOGIN_READY)
                put_ready(test);
        if (outcome == IMAP_LOGIN_REFUSED || outcome == IMAP_LOGIN_FAILED)
                assert(buffer_append_format(out, " %s", imap_login_sentence(test->login)) == 0);
        assert(buffer_append_string(out, "\n") == 0);
        test->over = outcome >= IMAP_LOGIN_READY;

        if (outcome == IMAP_LOGIN_START_TLS || outcome == IMAP_LOGIN_START_DEFLATE)
                put_outcome(test, imap_login_go_on(test->login, test->transcript.session));
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
        const ImapLoginOptions options = {
                .user = strchr(row->options, 'n') ? NULL
                        : row->user               ? row->user
                                                  : "u",
                .password = row->password ? row->password : "p",
                .remembered = row->remembered ? &remembered : NULL,
                .want_start_tls = strchr(row->options, 's'),
                .is_encrypted = strchr(row->options, 'e'),
                .want_compress = strchr(row->options, 'c'),
                .want_enable = strchr(row->options, 'q'),
                .want_id = strchr(row->options, 'i'),
                .host = row->host,
                .server = row->server,
                .version = "1.0",
                .overrides = row->overrides,
        };

        test.transcript.userdata = &test;
        test.tells_server = row->tells_server;
        assert(imap_session_new(&imap_limits_default, &test.transcript.session) == 0);
        assert(imap_login_new(&options, &test.login) == 0);

        transcript_run(&test.transcript, row->script);

        test.login = imap_login_free(test.login);
        transcript_done(&test.transcript);
}

static void check(const LoginRow *rows, size_t n_rows) {
        static const size_t steps[] = {0, 1, 2, 7};

        for (size_t i = 0; i < n_rows; i++)
                for (size_t j = 0; j < ARRAY_SIZE(steps); j++)
                        run(&rows[i], steps[j]);
}

#define DOVECOT                                                                                    \
        "SASL-IR ENABLE CONDSTORE QRESYNC COMPRESS=DEFLATE NOTIFY IDLE LIST-EXTENDED LIST-STATUS"
#define DOVECOT_GREETING                                                                           \
        "S: * OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ "           \
        "AUTH=PLAIN] "                                                                             \
        "Dovecot ready.\n"

static void test_round_trips(void) {
        static const LoginRow rows[] = {
                {"the usual login is one write",                     DOVECOT, "ecq",
                 DOVECOT_GREETING "C: 1 LOGIN u p\n"
                                  "C: 2 ENABLE QRESYNC\n"
                                  "C: 3 COMPRESS DEFLATE\n"
                                  "> may not pipeline\n"
                                  "S: 1 OK [CAPABILITY " DOVECOT "] Logged in\n"
                                  "S: * ENABLED QRESYNC\n"
                                  "S: 2 OK Enabled (0.001 + 0.000 secs).\n"
                                  "S: 3 OK Begin compression.\n"
                                  "E: START_DEFLATE\n"
                                  "E: READY qresync on: AUTH=PLAIN " DOVECOT "\n"        },
                {"nothing remembered: ask as it becomes known",      NULL,    "ecq",
                 DOVECOT_GREETING "C: 1 LOGIN u p\n"
                                  "S: 1 OK [CAPABILITY " DOVECOT "] Logged in\n"
                                  "C: 2 ENABLE QRESYNC\n"
                                  "C: 3 COMPRESS DEFLATE\n"
                                  "S: * ENABLED QRESYNC\n"
                                  "S: 2 OK Enabled.\n"
                                  "S: 3 OK Begin compression.\n"
                                  "E: START_DEFLATE\n"
                                  "E: READY qresync on: AUTH=PLAIN " DOVECOT "\n"        },
                {"a run with nothing to do: the owner may pipeline", DOVECOT, "e",
                 DOVECOT_GREETING "C: 1 LOGIN u p\n"
                                  "> may pipeline\n"
                                  "S: 1 OK [CAPABILITY " DOVECOT "] Logged in\n"
                                  "E: READY qresync unasked: AUTH=PLAIN " DOVECOT "\n"   },
                {"not before it is known what the server is",        NULL,    "e",
                 DOVECOT_GREETING "C: 1 LOGIN u p\n"
                                  "> may not pipeline\n"
                                  "S: 1 OK [CAPABILITY IDLE] Logged in\n"
                                  "E: READY qresync unasked: AUTH=PLAIN SASL-IR IDLE\n"          },
                {"without COMPRESS nothing is waited for",           NULL,    "eq",
                 DOVECOT_GREETING "C: 1 LOGIN u p\n"
                                  "S: 1 OK [CAPABILITY ENABLE QRESYNC] Logged in\n"
                                  "E: READY qresync unasked: AUTH=PLAIN SASL-IR ENABLE QRESYNC\n"},
                {"capabilities untagged, as Gmail does",             "IDLE",  "e",
                 "S: * OK Gimap ready\n"
                 "C: 1 LOGIN u p\n"
                 "S: * CAPABILITY IMAP4rev1 UIDPLUS X-GM-EXT-1\n"
                 "S: 1 OK u authenticated (Success)\n"
                 "E: READY qresync unasked: IMAP4rev1 UIDPLUS X-GM-EXT-1\n"              },
                {"capabilities not volunteered: asked once",         NULL,    "e",
                 DOVECOT_GREETING "C: 1 LOGIN u p\n"
                                  "S: 1 OK done\n"
                                  "C: 2 CAPABILITY\n"
                                  "S: * CAPABILITY IDLE\n"
                                  "S: 2 OK done\n"
                                  "E: READY qresync unasked: AUTH=PLAIN SASL-IR IDLE\n"          },
                {"not volunteered but remembered: not waited for",   "IDLE",  "e",
                 DOVECOT_GREETING "C: 1 LOGIN u p\n"
                                  "S: 1 OK done\n"
                                  "C: 2 CAPABILITY\n"
                                  "E: READY qresync unasked: AUTH=PLAIN SASL-IR IDLE\n"          },
        };

        check(rows, ARRAY_SIZE(rows));
}

static void test_methods(void) {
        static const LoginRow rows[] = {
                {"LOGIN with quotes",                                            NULL, "e",
                 DOVECOT_GREETING "C: 1 LOGIN a@b.example \"p \\\"w\"\n"
                                  "S: 1 OK [CAPABILITY IDLE] in\n"
                                  "E: READY qresync unasked: AUTH=PLAIN SASL-IR IDLE\n",                                                                                                                       "a@b.example", "p \"w"},
                {"bytes beyond ASCII need PLAIN",                                                       NULL,                                                           "e",
                 DOVECOT_GREETING "C: 1 AUTHENTICATE PLAIN AHUAcMOk\n"
                                  "S: 1 OK [CAPABILITY IDLE] in\n"
                                  "E: READY qresync unasked: AUTH=PLAIN SASL-IR IDLE\n",                                                                               "u", "p\xc3\xa4"},
                {"quoting makes LOGIN the longer one", NULL,  "e",
                 DOVECOT_GREETING
                 "C: 1 AUTHENTICATE PLAIN AHUAIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIi\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: AUTH=PLAIN SASL-IR IDLE\n",                     "u", "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""},
                {"LOGIN saves the round trip where SASL-IR is missing",                                                          NULL,                                                          "e",
                 "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\n"
                 "C: 1 LOGIN u p\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: AUTH=PLAIN IDLE\n"                                                                                                              },
                {"LOGINDISABLED under TLS, SASL-IR",                                                              NULL,              "e",
                 "S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN SASL-IR] hi\n"
                 "C: 1 AUTHENTICATE PLAIN AHUAcA==\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: LOGINDISABLED AUTH=PLAIN SASL-IR IDLE\n"},
                {"LOGINDISABLED without SASL-IR waits for +",                                                              "ENABLE QRESYNC",                                 "eq",
                 "S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN] hi\n"
                 "C: 1 AUTHENTICATE PLAIN\n"
                 "> may not pipeline\n"
                 "S: + \n"
                 "C: AHUAcA==\n"
                 "C: 2 ENABLE QRESYNC\n"
                 "> may pipeline\n"
                 "S: 1 OK [CAPABILITY ENABLE QRESYNC] in\n"
                 "S: * ENABLED QRESYNC\n"
                 "S: 2 OK done\n"
                 "E: READY qresync on: LOGINDISABLED AUTH=PLAIN ENABLE QRESYNC\n"},
                {"a challenge that does not belong is given up",                                                              NULL,                        "e",
                 "S: * OK [CAPABILITY LOGINDISABLED AUTH=PLAIN SASL-IR] hi\n"
                 "C: 1 AUTHENTICATE PLAIN AHUAcA==\n"
                 "S: + eyJzdGF0dXMiOiI0MDAifQ==\n"
                 "C: *\n"
                 "S: 1 BAD cancelled\n"
                 "E: FAILED the server cannot log in now: “cancelled”\n"                  },
                {"no way in",                                                              NULL,                     "e",
                 "S: * OK [CAPABILITY LOGINDISABLED AUTH=GSSAPI] hi\n"
                 "E: REFUSED the server offers no way to log in with this user name and "
                 "password\n"                                                                                        },
                {"nobody to log in",                                                              NULL,                                                        "en",
                 "S: * OK [CAPABILITY IMAP4rev1] hi\n"
                 "E: REFUSED the server wants a login, and the configuration has no user\n"                                                         },
                {"no way in without TLS",                                                              NULL,                                                 "",
                 "S: * OK [CAPABILITY LOGINDISABLED STARTTLS] hi\n"
                 "E: REFUSED the server allows no login without TLS, which it offers by "
                 "STARTTLS\n"},
                {"in clear nothing is assumed",                                                              "AUTH=PLAIN SASL-IR",                                            "",
                 "S: * OK hi\n"
                 "C: 1 CAPABILITY\n"
                 "S: * CAPABILITY IMAP4rev1 LOGINDISABLED\n"
                 "S: 1 OK done\n"
                 "E: REFUSED the server offers no way to log in with this user name and "
                 "password\n"},
                {"a server that does not say what it can do",                                                              NULL,                                      "",
                 "S: * OK hi\n"
                 "C: 1 CAPABILITY\n"
                 "S: 1 BAD what?\n"
                 "E: FAILED the server does not say what it can do\n"                                                                           },
                {"assumed wrongly: asked, and done in the other way",
                 "LOGINDISABLED AUTH=PLAIN SASL-IR COMPRESS=DEFLATE",                        "ec",
                 "S: * OK hi\n"
                 "C: 1 AUTHENTICATE PLAIN AHUAcA==\n"
                 "C: 2 COMPRESS DEFLATE\n"
                 "S: 1 NO unsupported mechanism\n"
                 "S: 2 BAD not now\n"
                 "C: 3 CAPABILITY\n"
                 "S: * CAPABILITY IMAP4rev1\n"
                 "S: 3 OK done\n"
                 "C: 4 LOGIN u p\n"
                 "C: 5 COMPRESS DEFLATE\n"
                 "S: 4 OK [CAPABILITY COMPRESS=DEFLATE] in\n"
                 "S: 5 OK go\n"
                 "E: START_DEFLATE\n"
                 "E: READY qresync unasked: COMPRESS=DEFLATE\n"                                                },
                {"assumed rightly, and the password is wrong",                                                              "IDLE",                "e",
                 "S: * OK hi\n"
                 "C: 1 LOGIN u p\n"
                 "S: 1 NO [AUTHENTICATIONFAILED] wrong\n"
                 "C: 2 CAPABILITY\n"
                 "S: * CAPABILITY IMAP4rev1\n"
                 "S: 2 OK done\n"
                 "E: REFUSED the server refuses the user name or password: “wrong”\n"                                                                                                    },
        };

        check(rows, ARRAY_SIZE(rows));
}

static void test_start_tls(void) {
        static const LoginRow rows[] = {
                {"STARTTLS, what is remembered is used behind it", DOVECOT, "scq",
                 "S: * OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi\n"
                 "C: 1 STARTTLS\n"
                 "S: 1 OK begin\n"
                 "E: START_TLS\n"
                 "C: 2 LOGIN u p\n"
                 "C: 3 ENABLE QRESYNC\n"
                 "C: 4 COMPRESS DEFLATE\n"
                 "S: 2 OK [CAPABILITY " DOVECOT "] Logged in\n"
                 "S: * ENABLED QRESYNC\n"
                 "S: 3 OK Enabled.\n"
                 "S: 4 OK go\n"
                 "E: START_DEFLATE\n"
                 "E: READY qresync on: " DOVECOT "\n"                                        },
                {"STARTTLS for the first time",                    NULL,    "s",
                 "S: * OK hi\n"
                 "C: 1 CAPABILITY\n"
                 "S: * CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\n"
                 "S: 1 OK done\n"
                 "C: 2 STARTTLS\n"
                 "S: 2 OK begin\n"
                 "E: START_TLS\n"
                 "C: 3 CAPABILITY\n"
                 "S: * CAPABILITY IMAP4rev1 AUTH=PLAIN\n"
                 "S: 3 OK done\n"
                 "C: 4 LOGIN u p\n"
                 "S: 4 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: AUTH=PLAIN IDLE\n"                               },
                {"not offered",                                    DOVECOT, "s",
                 DOVECOT_GREETING
                 "E: REFUSED the server does not offer STARTTLS; nothing was sent in clear\n"},
                {"refused",                                        NULL,    "s",
                 "S: * OK [CAPABILITY STARTTLS] hi\n"
                 "C: 1 STARTTLS\n"
                 "S: 1 NO no certificate\n"
                 "E: FAILED the server refuses STARTTLS: “no certificate”\n"             },
                {"PREAUTH would leave it out",                     NULL,    "s",
                 "S: * PREAUTH [CAPABILITY IDLE] welcome\n"
                 "E: REFUSED the server skips the login, which leaves no room for the STARTTLS "
                 "that "
                 "is configured\n"                                                           },
        };

        check(rows, ARRAY_SIZE(rows));
}

static void test_preauth(void) {
        static const LoginRow rows[] = {
                {"a tunnel",                  NULL, "enq",
                 "S: * PREAUTH [CAPABILITY " DOVECOT "] Logged in as u\n"
                 "E: READY qresync unasked: " DOVECOT "\n"},
                {"a tunnel with compression", NULL, "ecq",
                 "S: * PREAUTH [CAPABILITY " DOVECOT "] Logged in as u\n"
                 "C: 1 ENABLE QRESYNC\n"
                 "C: 2 COMPRESS DEFLATE\n"
                 "S: * ENABLED QRESYNC\n"
                 "S: 1 OK\n"
                 "S: 2 OK go\n"
                 "E: START_DEFLATE\n"
                 "E: READY qresync on: " DOVECOT "\n"     },
                {"a silent tunnel",           NULL, "e",
                 "S: * PREAUTH hi\n"
                 "C: 1 CAPABILITY\n"
                 "S: * CAPABILITY IDLE\n"
                 "S: 1 OK done\n"
                 "E: READY qresync unasked: IDLE\n"       },
        };

        check(rows, ARRAY_SIZE(rows));
}

static void test_refusals(void) {
        static const LoginRow rows[] = {
                {"a wrong password, and its consequences, as Dovecot tells them", DOVECOT, "ecq",
                 DOVECOT_GREETING "C: 1 LOGIN u p\n"
                                  "C: 2 ENABLE QRESYNC\n"
                                  "C: 3 COMPRESS DEFLATE\n"
                                  "S: 1 NO [AUTHENTICATIONFAILED] Authentication failed.\n"
                                  "S: * ENABLED\n"
                                  "S: 2 OK ENABLE ignored in non-authenticated state.\n"
                                  "S: 3 BAD Error in IMAP command received by server.\n"
                                  "E: REFUSED the server refuses the user name or password: "
                                  "“Authentication failed.”\n"                                  },
                {"a bare NO",                                                     NULL,    "e",
                 DOVECOT_GREETING
                 "C: 1 LOGIN u p\n"
                 "S: 1 NO LOGIN failed.\n"
                 "E: REFUSED the server refuses the user name or password: “LOGIN failed.”\n"   },
                {"expired",                                                       NULL,    "e",
                 DOVECOT_GREETING
                 "C: 1 LOGIN u p\n"
                 "S: 1 NO [EXPIRED] change it\n"
                 "E: REFUSED the server refuses the user name or password: “change it”\n"       },
                {"unavailable",                                                   NULL,    "e",
                 DOVECOT_GREETING
                 "C: 1 LOGIN u p\n"
                 "S: 1 NO [UNAVAILABLE] Temporary authentication failure.\n"
                 "E: FAILED the server cannot log in now: “Temporary authentication failure.”\n"},
                {"in use",                                                        NULL,    "e",
                 DOVECOT_GREETING "C: 1 LOGIN u p\n"
                                  "S: 1 NO [INUSE] locked\n"
                                  "E: FAILED the server cannot log in now: “locked”\n"          },
                {"a limit",                                                       NULL,    "e",
                 DOVECOT_GREETING
                 "C: 1 LOGIN u p\n"
                 "S: 1 NO [LIMIT] Too many connections\n"
                 "E: FAILED the server cannot log in now: “Too many connections”\n"             },
                {"BAD is no judgement on the password",                           NULL,    "e",
                 DOVECOT_GREETING "C: 1 LOGIN u p\n"
                                  "S: 1 BAD User is authenticated but not connected.\n"
                                  "E: FAILED the server cannot log in now: “User is authenticated "
                                  "but not connected.”\n"                                         },
                {"BYE as the greeting",                                           DOVECOT, "e",
                 "S: * BYE Too many connections\033[2J\n"
                 "E: FAILED the server does not want us now: “Too many connections\\x1b[2J”\n"  },
                {"BYE in between",                                                NULL,    "e",
                 DOVECOT_GREETING
                 "C: 1 LOGIN u p\n"
                 "S: * BYE Disconnected for inactivity.\n"
                 "E: FAILED the server closes the connection: “Disconnected for inactivity.”\n" },
        };

        check(rows, ARRAY_SIZE(rows));
}

#define Q(name)   IMAP_QUIRK_BIT(IMAP_QUIRK_##name)
#define CAN(name) ((uint64_t) 1 << IMAP_CAPABILITY_##name)

static void test_quirks(void) {
        /* clang-format off */
        static const LoginRow rows[] = {
                {"a server that is asked what it is", "ID COMPRESS=DEFLATE ENABLE QRESYNC", "eciq",
                 "S: * OK [CAPABILITY IMAP4rev1 ID] Welcome\n"
                 "C: 1 LOGIN u p\n"
                 "C: 2 ID NIL\n"
                 "C: 3 ENABLE QRESYNC\n"
                 "C: 4 COMPRESS DEFLATE\n"
                 "S: 1 OK [CAPABILITY ID COMPRESS=DEFLATE ENABLE QRESYNC] in\n"
                 "S: * ID (\"name\" \"Dovecot\")\n"
                 "S: 2 OK\n"
                 "S: * ENABLED QRESYNC\n"
                 "S: 3 OK\n"
                 "S: 4 NO\n"
                 "E: READY qresync on: ENABLE QRESYNC COMPRESS=DEFLATE ID; Dovecot: notify-goes-quiet\n",
                 .tells_server = true},
                {"one that has said so already", "ID", "ei",
                 "S: * OK [CAPABILITY IMAP4rev1 ID] Welcome\n"
                 "C: 1 LOGIN u p\n"
                 "S: 1 OK [CAPABILITY ID] in\n"
                 "E: READY qresync unasked: ID; Dovecot: notify-goes-quiet\n",
                 .tells_server = true, .server = "Dovecot"},
                {"one that did not want to say", "ID", "ei",
                 "S: * OK [CAPABILITY IMAP4rev1 ID] Welcome\n"
                 "C: 1 LOGIN u p\n"
                 "S: 1 OK [CAPABILITY ID] in\n"
                 "E: READY qresync unasked: ID; :\n",
                 .tells_server = true, .server = ""},
                {"one that must be told", NULL, "e",
                 "S: * OK Coremail System IMap Server Ready\n"
                 "C: 1 CAPABILITY\n"
                 "S: * CAPABILITY IMAP4rev1 ID\n"
                 "S: 1 OK\n"
                 "C: 2 LOGIN u p\n"
                 "C: 3 ID (\"name\" \"imapsyncd\" \"version\" \"1.0\")\n"
                 "S: 2 OK [CAPABILITY IDLE] in\n"
                 "S: * ID (\"name\" \"Coremail\")\n"
                 "S: 3 OK\n"
                 "E: READY qresync unasked: IDLE; Coremail: wants-id\n",
                 .tells_server = true},
                {"a proxy that knows another server", NULL, "eq",
                 "S: * OK [CAPABILITY IMAP4rev1 ENABLE QRESYNC] hi\n"
                 "C: 1 LOGIN u p\n"
                 "S: 1 OK [CAPABILITY IMAP4rev1 ENABLE QRESYNC MOVE] in\n"
                 "C: 2 CAPABILITY\n"
                 "S: * CAPABILITY IMAP4rev1 ENABLE QRESYNC ESEARCH IDLE\n"
                 "S: 2 OK\n"
                 "E: READY qresync unasked: IMAP4rev1 ENABLE IDLE;"
                 " late-capabilities broken-qresync broken-esearch\n",
                 .tells_server = true, .host = "imap.mail.me.com"},
                {"the same, remembered: asked, but not waited for", "IDLE", "e",
                 "S: * OK [CAPABILITY IMAP4rev1 MOVE] hi\n"
                 "C: 1 LOGIN u p\n"
                 "S: 1 OK [CAPABILITY IMAP4rev1 MOVE] in\n"
                 "C: 2 CAPABILITY\n"
                 "E: READY qresync unasked: IDLE; late-capabilities broken-qresync broken-esearch\n",
                 .tells_server = true, .host = "imap.mail.me.com"},
                {"one command at a time", "ENABLE QRESYNC COMPRESS=DEFLATE", "ecq",
                 "S: * OK [CAPABILITY IMAP4rev1] The Microsoft Exchange IMAP4 service is ready.\n"
                 "C: 1 LOGIN u p\n"
                 "S: 1 OK [CAPABILITY ENABLE QRESYNC COMPRESS=DEFLATE] in\n"
                 "C: 2 ENABLE QRESYNC\n"
                 "S: * ENABLED QRESYNC\n"
                 "S: 2 OK\n"
                 "C: 3 COMPRESS DEFLATE\n"
                 "S: 3 NO\n"
                 "E: READY qresync on: ENABLE QRESYNC COMPRESS=DEFLATE; one-at-a-time"
                 " append-loses-flags no-mdnsent wrong-size placeholder-bodies\n",
                 .tells_server = true},
                {"nothing behind the login", "ENABLE QRESYNC IDLE", "ceqi",
                 "S: * OK [CAPABILITY IMAP4rev1] Courier-IMAP ready.\n"
                 "C: 1 LOGIN u p\n"
                 "S: 1 OK in\n"
                 "C: 2 ENABLE QRESYNC\n"
                 "S: * ENABLED QRESYNC\n"
                 "S: 2 OK\n"
                 "C: 3 CAPABILITY\n"
                 "E: READY qresync on: ENABLE QRESYNC IDLE;"
                 " uidvalidity-by-select lists-locks login-alone rename-renumbers\n",
                 .tells_server = true},
                {"configured otherwise", "ENABLE QRESYNC COMPRESS=DEFLATE", "ecq",
                 "S: * OK [CAPABILITY IMAP4rev1] Dovecot ready.\n"
                 "C: 1 LOGIN u p\n"
                 "C: 2 ID (\"name\" \"imapsyncd\" \"version\" \"1.0\")\n"
                 "S: 1 OK [CAPABILITY ENABLE QRESYNC COMPRESS=DEFLATE IDLE] in\n"
                 "S: 2 OK\n"
                 "E: READY qresync unasked: ENABLE IDLE; wants-id\n",
                 .tells_server = true, .overrides = {.on = Q(WANTS_ID), .off = Q(NOTIFY_GOES_QUIET),
                               .disabled = CAN(QRESYNC) | CAN(COMPRESS_DEFLATE)}},
                {"the ways to log in are configured as well", NULL, "e",
                 "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR LOGINDISABLED] x\n"
                 "C: 1 AUTHENTICATE PLAIN\n"
                 "S: +\n"
                 "C: AHUAcA==\n"
                 "S: 1 OK [CAPABILITY IDLE] in\n"
                 "E: READY qresync unasked: LOGINDISABLED AUTH=PLAIN SASL-IR IDLE\n",
                 .overrides = {.disabled = CAN(SASL_IR)}},
        };
        /* clang-format on */

        check(rows, ARRAY_SIZE(rows));
}

static void test_changed_servers(void) {
        static const LoginRow rows[] = {
                {"COMPRESS is refused",                             DOVECOT,                  "ec",
                 DOVECOT_GREETING "C: 1 LOGIN u p\n"
                                  "C: 2 COMPRESS DEFLATE\n"
                                  "S: 1 OK [CAPABILITY IDLE] in\n"
                                  "S: 2 BAD Unknown command\n"
                                  "E: READY qresync unasked: AUTH=PLAIN SASL-IR IDLE\n"              },
                {"COMPRESS is on already",                          DOVECOT,                  "ec",
                 DOVECOT_GREETING "C: 1 LOGIN u p\n"
                                  "C: 2 COMPRESS DEFLATE\n"
                                  "S: 1 OK [CAPABILITY COMPRESS=DEFLATE] in\n"
                                  "S: 2 NO [COMPRESSIONACTIVE] TLS compresses\n"
                                  "E: READY qresync unasked: AUTH=PLAIN SASL-IR COMPRESS=DEFLATE\n"  },
                {"COMPRESS and ENABLE are new",                     "IDLE",                   "ecq",
                 DOVECOT_GREETING
                 "C: 1 LOGIN u p\n"
                 "S: 1 OK [CAPABILITY ENABLE QRESYNC COMPRESS=DEFLATE] in\n"
                 "C: 2 ENABLE QRESYNC\n"
                 "C: 3 COMPRESS DEFLATE\n"
                 "S: * ENABLED QRESYNC\n"
                 "S: 2 OK\n"
                 "S: 3 OK\n"
                 "E: START_DEFLATE\n"
                 "E: READY qresync on: AUTH=PLAIN SASL-IR ENABLE QRESYNC COMPRESS=DEFLATE\n"         },
                {"QRESYNC is advertised and not confirmed",         DOVECOT,                  "eq",
                 DOVECOT_GREETING "C: 1 LOGIN u p\n"
                                  "C: 2 ENABLE QRESYNC\n"
                                  "S: 1 OK [CAPABILITY " DOVECOT "] in\n"
                                  "S: 2 OK ENABLE completed\n"
                                  "E: READY qresync off: AUTH=PLAIN " DOVECOT "\n"           },
                {"UIDONLY without QRESYNC",                         "ENABLE UIDONLY",         "eq",
                 DOVECOT_GREETING "C: 1 LOGIN u p\n"
                                  "C: 2 ENABLE UIDONLY\n"
                                  "S: 1 OK [CAPABILITY ENABLE UIDONLY] in\n"
                                  "S: * ENABLED UIDONLY\n"
                                  "S: 2 OK ENABLE completed\n"
                                  "E: READY qresync off uidonly: AUTH=PLAIN SASL-IR ENABLE UIDONLY\n"},
                {"both, and one is not confirmed",                  "ENABLE QRESYNC UIDONLY", "eq",
                 DOVECOT_GREETING "C: 1 LOGIN u p\n"
                                  "C: 2 ENABLE QRESYNC UIDONLY\n"
                                  "S: 1 OK [CAPABILITY ENABLE QRESYNC UIDONLY] in\n"
                                  "S: * ENABLED QRESYNC\n"
                                  "S: 2 OK ENABLE completed\n"
                                  "E: READY qresync on: AUTH=PLAIN SASL-IR ENABLE QRESYNC UIDONLY\n" },
                {"compressed and not volunteered: asked behind it", "COMPRESS=DEFLATE",       "ec",
                 DOVECOT_GREETING "C: 1 LOGIN u p\n"
                                  "C: 2 COMPRESS DEFLATE\n"
                                  "S: 1 OK in\n"
                                  "S: 2 OK go\n"
                                  "E: START_DEFLATE\n"
                                  "C: 3 CAPABILITY\n"
                                  "E: READY qresync unasked: AUTH=PLAIN SASL-IR COMPRESS=DEFLATE\n"  },
        };

        check(rows, ARRAY_SIZE(rows));
}

int main(void) {
        test_round_trips();
        test_methods();
        test_start_tls();
        test_preauth();
        test_refusals();
        test_quirks();
        test_changed_servers();
        return 0;
}
