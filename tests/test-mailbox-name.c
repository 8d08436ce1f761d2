/* Mailbox names: from the wire, back to it, what is refused, and patterns. */

#include <errno.h>

#include "base/macro.h"
#include "imap/mailbox-name.h"
#include "test.h"

#define ENCODING MAILBOX_NAME_E_ENCODING
#define LEVEL    MAILBOX_NAME_E_LEVEL
#define LENGTH   MAILBOX_NAME_E_LENGTH

static void test_decode(void) {
        static const struct {
                const char *label;
                ByteView wire;
                char delimiter;
                int result;
                const char *name;  /* NULL: none */
                const char *again; /* encoded; NULL: as @wire */
        } rows[] = {
                {"plain",                       BYTES("Sent Items"),                      '/',    0,        "Sent Items",           NULL          },
                {"levels",                      BYTES("a/b/c"),                           '/',    0,        "a/b/c",                NULL          },
                {"levels of dots",              BYTES("a.b.c"),                           '.',    0,        "a/b/c",                NULL          },
                {"levels of backslashes",       BYTES("a\\b"),                            '\\',   0,        "a/b",                  NULL          },
                {"dot is no delimiter",         BYTES("a.b/c"),                           '/',    0,        "a.b/c",                NULL          },
                {"flat",                        BYTES("a.b"),                             '\0',   0,        "a.b",                  NULL          },
                {"trailing delimiter",          BYTES("a/b/"),                            '/',    0,        "a/b",                  "a/b"         },
                {"umlaut",                      BYTES("Entw&APw-rfe"),                    '/',    0,        "Entw\xc3\xbcrfe",      NULL          },
                {"RFC 3501 example",            BYTES("~peter/mail/&U,BTFw-/&ZeVnLIqe-"), '/',    0,
                 "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",                                       NULL          },
                {"two and three bytes",         BYTES("&AOkgrA-"),                        '.',    0,        "\xc3\xa9\xe2\x82\xac", NULL          },
                {"surrogate pair",              BYTES("&2D3eAA-"),                        '/',    0,        "\xf0\x9f\x98\x80",     NULL          },
                {"below the surrogates",        BYTES("&1,8-"),                           '/',    0,        "\xed\x9f\xbf",         NULL          },
                {"last code point",             BYTES("&2,,f,w-"),                        '/',    0,        "\xf4\x8f\xbf\xbf",     NULL          },
                {"ampersand",                   BYTES("R&-D"),                            '/',    0,        "R&D",                  NULL          },
                {"ampersands",                  BYTES("&-&-"),                            '/',    0,        "&&",                   NULL          },
                {"minus signs",                 BYTES("a-b-"),                            '/',    0,        "a-b-",                 NULL          },
                {"plus as delimiter, in a run", BYTES("a+&AP4-+b"),                       '+',    0,        "a/\xc3\xbe/b",         NULL          },
                {"minus as delimiter",          BYTES("a-&APw-"),                         '-',    0,        "a/\xc3\xbc",           NULL          },
                {"inbox",                       BYTES("iNbOx"),                           '/',    0,        "INBOX",                "INBOX"       },
                {"below inbox",                 BYTES("inbox.a"),                         '.',    0,        "INBOX/a",              "INBOX.a"     },
                {"inbox below",                 BYTES("a/inbox"),                         '/',    0,        "a/inbox",              NULL          },
                {"like inbox",                  BYTES("inbox2"),                          '/',    0,        "inbox2",               NULL          },

 /* what servers let in although it is not the proper form */
                {"raw UTF-8",                   BYTES("Entw\xc3\xbcrfe"),                 '/',    0,        "Entw\xc3\xbcrfe",      "Entw&APw-rfe"},
                {"raw UTF-8, ampersand",        BYTES("\xc3\xbc & &APw-"),                '/',    0,        "\xc3\xbc & &APw-",
                 "&APw- &- &-APw-"                                                                                                                },
                {"raw UTF-8, 4 bytes",          BYTES("\xf0\x9f\x98\x80"),                '/',    0,        "\xf0\x9f\x98\x80",
                 "&2D3eAA-"                                                                                                                       },
                {"ASCII encoded",               BYTES("&AGE-"),                           '/',    0,        "a",                    "a"           },
                {"run after run",               BYTES("&APw-&APw-"),                      '/',    0,        "\xc3\xbc\xc3\xbc",     "&APwA,A-"    },

                {"never ends",                  BYTES("&APw"),                            '/',    ENCODING, NULL,                   NULL          },
                {"ampersand alone",             BYTES("&"),                               '/',    ENCODING, NULL,                   NULL          },
                {"ampersand not encoded",       BYTES("R&D"),                             '/',    ENCODING, NULL,                   NULL          },
                {"ampersand and minus later",   BYTES("R & D - x"),                       '/',    ENCODING, NULL,                   NULL          },
                {"delimiter in a run",          BYTES("&AP/w-"),                          '/',    ENCODING, NULL,                   NULL          },
                {"not base64",                  BYTES("&AP!-"),                           '/',    ENCODING, NULL,                   NULL          },
                {"padding sign",                BYTES("&APw=-"),                          '/',    ENCODING, NULL,                   NULL          },
                {"bits left over",              BYTES("&APx-"),                           '/',    ENCODING, NULL,                   NULL          },
                {"a digit too many",            BYTES("&APwA-"),                          '/',    ENCODING, NULL,                   NULL          },
                {"a digit too few",             BYTES("&AP-"),                            '/',    ENCODING, NULL,                   NULL          },
                {"high surrogate alone",        BYTES("&2D0-"),                           '/',    ENCODING, NULL,                   NULL          },
                {"low surrogate alone",         BYTES("&3gA-"),                           '/',    ENCODING, NULL,                   NULL          },
                {"high surrogate, letter",      BYTES("&2D0AYQ-"),                        '/',    ENCODING, NULL,                   NULL          },
                {"high surrogate twice",        BYTES("&2D3YPQ-"),                        '/',    ENCODING, NULL,                   NULL          },
                {"pair in two runs",            BYTES("&2D0-&3gA-"),                      '/',    ENCODING, NULL,                   NULL          },
                {"NUL",                         BYTES("a\0b"),                            '/',    ENCODING, NULL,                   NULL          },
                {"NUL, flat",                   BYTES("a\0b"),                            '\0',   ENCODING, NULL,                   NULL          },
                {"NUL encoded",                 BYTES("&AAA-"),                           '/',    ENCODING, NULL,                   NULL          },
                {"control character",           BYTES("a\tb"),                            '/',    ENCODING, NULL,                   NULL          },
                {"control encoded",             BYTES("&AAE-"),                           '/',    ENCODING, NULL,                   NULL          },
                {"DEL",                         BYTES("a\x7f"),                           '/',    ENCODING, NULL,                   NULL          },
                {"DEL encoded",                 BYTES("&AH8-"),                           '/',    ENCODING, NULL,                   NULL          },
                {"C1 encoded",                  BYTES("&AIU-"),                           '/',    ENCODING, NULL,                   NULL          },
                {"C1 raw",                      BYTES("a\xc2\x85"),                       '/',    ENCODING, NULL,                   NULL          },
                {"Latin-1",                     BYTES("Entw\xfcrfe"),                     '/',    ENCODING, NULL,                   NULL          },
                {"UTF-8 cut",                   BYTES("\xe2\x82"),                        '/',    ENCODING, NULL,                   NULL          },
                {"UTF-8 without begin",         BYTES("a\x82"),                           '/',    ENCODING, NULL,                   NULL          },
                {"UTF-8 over-long",             BYTES("\xc0\xaf"),                        '/',    ENCODING, NULL,                   NULL          },
                {"UTF-8 surrogate",             BYTES("\xed\xa0\xbd"),                    '/',    ENCODING, NULL,                   NULL          },
                {"UTF-8 past the end",          BYTES("\xf4\x90\x80\x80"),                '/',    ENCODING, NULL,                   NULL          },
                {"UTF-8 of 5 bytes",            BYTES("\xf8\x88\x80\x80\x80"),            '/',    ENCODING, NULL,                   NULL          },
                {"letter as delimiter",         BYTES("axb"),                             'x',    ENCODING, NULL,                   NULL          },
                {"ampersand as delimiter",      BYTES("a&b"),                             '&',    ENCODING, NULL,                   NULL          },
                {"8-bit delimiter",             BYTES("a\xffz"),                          '\xff', ENCODING, NULL,                   NULL          },

                {"empty",                       BYTES(""),                                '/',    LEVEL,    NULL,                   NULL          },
                {"delimiter alone",             BYTES("/"),                               '/',    LEVEL,    NULL,                   NULL          },
                {"empty level",                 BYTES("a//b"),                            '/',    LEVEL,    NULL,                   NULL          },
                {"empty first level",           BYTES("/a"),                              '/',    LEVEL,    NULL,                   NULL          },
                {"two trailing delimiters",     BYTES("a//"),                             '/',    LEVEL,    NULL,                   NULL          },
                {"dot",                         BYTES("a/./b"),                           '/',    LEVEL,    NULL,                   NULL          },
                {"dot dot",                     BYTES("../etc"),                          '/',    LEVEL,    NULL,                   NULL          },
                {"dot dot last",                BYTES("a/.."),                            '/',    LEVEL,    NULL,                   NULL          },
                {"dots by another delimiter",   BYTES("a^..^b"),                          '^',    LEVEL,    NULL,                   NULL          },
                {"slash in a level",            BYTES("a/b.c"),                           '.',    LEVEL,    NULL,                   NULL          },
                {"slash, flat",                 BYTES("a/b"),                             '\0',   LEVEL,    NULL,                   NULL          },
                {"slash encoded",               BYTES("..&AC8-.."),                       '.',    LEVEL,    NULL,                   NULL          },
                {"slash encoded, delimiter",    BYTES("a&AC8-b"),                         '/',    LEVEL,    NULL,                   NULL          },
                {"delimiter encoded",           BYTES("a&AC4-b"),                         '.',    LEVEL,    NULL,                   NULL          },
                {"dot dot encoded",             BYTES("&AC4ALg-/a"),                      '/',    LEVEL,    NULL,                   NULL          },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_free_ char *name = NULL, *wire = NULL;
                ByteView again = rows[i].again ? bytes_of(rows[i].again) : rows[i].wire;
                int r = mailbox_name_decode(rows[i].wire, rows[i].delimiter, &name);

                TEST_ROW(rows[i].label, r == rows[i].result);
                if (!rows[i].name) {
                        TEST_ROW(rows[i].label, !name);
                        continue;
                }
                TEST_ROW(rows[i].label, strcmp(name, rows[i].name) == 0);
                TEST_ROW(rows[i].label, mailbox_name_check(name) == 0);
                TEST_ROW(rows[i].label, mailbox_name_encode(name, rows[i].delimiter, &wire) == 0);
                TEST_ROW(rows[i].label, bytes_equal(bytes_of(wire), again));
        }
}

/* A name has no end mark; a prefix is refused exactly when it ends inside a run. */
static void test_prefixes(void) {
        static const char whole[] = "a&APw-b&-c";

        for (size_t n = 1; n < sizeof(whole); n++) {
                _cleanup_free_ char *name = NULL;
                bool inside = (n >= 2 && n < 6) || n == 8;
                int r = mailbox_name_decode((ByteView){whole, n}, '/', &name);

                TEST_ROW(whole, r == (inside ? ENCODING : 0));
        }
}

static void test_encode(void) {
        static const struct {
                const char *label;
                const char *name;
                char delimiter;
                int result;
        } rows[] = {
                {"delimiter in a level",    "a.b/c",         '.',  LEVEL   },
                {"levels, flat",            "a/b",           '\0', LEVEL   },
                {"empty",                   "",              '/',  LEVEL   },
                {"empty level",             "a//b",          '/',  LEVEL   },
                {"empty last level",        "a/",            '/',  LEVEL   },
                {"dot dot",                 "a/..",          '/',  LEVEL   },
                {"INBOX in other capitals", "Inbox",         '/',  LEVEL   },
                {"below such an INBOX",     "inbox/a",       '/',  LEVEL   },
                {"not UTF-8",               "a\xff",         '/',  ENCODING},
                {"line end",                "a\r\nb LOGOUT", '/',  ENCODING},
                {"digit as delimiter",      "a/b",           '1',  ENCODING},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_free_ char *wire = NULL;
                int r = mailbox_name_encode(rows[i].name, rows[i].delimiter, &wire);

                TEST_ROW(rows[i].label, r == rows[i].result && !wire);
                if (i >= 2 && i < ARRAY_SIZE(rows) - 1)
                        TEST_ROW(rows[i].label, mailbox_name_check(rows[i].name) == r);
        }
}

static void test_reference(void) {
        static const struct {
                const char *label;
                const char *reference;
                int result;
                const char *wire;
        } rows[] = {
                {"none",           "",           0,        ""               },
                {"with delimiter", "perso/",     0,        "perso/"         },
                {"any delimiter",  "a.b^c/d",    0,        "a.b^c/d"        },
                {"not ASCII",      "Größe/&.", 0,        "Gr&APYA3w-e/&-."},
                {"as INBOX",       "inbox.x.",   0,        "inbox.x."       },
                {"wildcard",       "perso/*",    ENCODING, NULL             },
                {"other wildcard", "%",          ENCODING, NULL             },
                {"not UTF-8",      "a\xff",      ENCODING, NULL             },
                {"line end",       "a\r\n",      ENCODING, NULL             },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_free_ char *wire = NULL;
                int r = mailbox_name_encode_reference(rows[i].reference, &wire);

                TEST_ROW(rows[i].label, r == rows[i].result && !wire == !rows[i].wire);
                TEST_ROW(rows[i].label, !wire || strcmp(wire, rows[i].wire) == 0);
        }
}

static void test_lengths(void) {
        _cleanup_free_ char *wire = NULL;
        char name[4096];

        memset(name, 'a', sizeof(name));
        name[255] = '\0';
        assert(mailbox_name_check(name) == 0);
        name[255] = 'a';
        name[256] = '\0';
        assert(mailbox_name_check(name) == LENGTH);

        for (size_t i = 200; i < sizeof(name); i += 201)
                name[i] = '/';
        name[256] = 'a';
        name[4000] = '\0';
        assert(mailbox_name_check(name) == 0);
        assert(mailbox_name_encode(name, '.', &wire) == 0);
        name[4000] = 'a';
        name[4001] = '\0';
        assert(mailbox_name_check(name) == LENGTH);
}

static void test_errors_have_text(void) {
        for (int error = 0; error <= LENGTH; error++)
                assert(strncmp(mailbox_name_error((MailboxNameError) error), "it ", 3) == 0);
}

static void test_matches(void) {
        static const struct {
                const char *pattern;
                const char *name;
                bool matches;
        } rows[] = {
                {"a",                 "a",                            true },
                {"a",                 "A",                            false},
                {"a",                 "ab",                           false},
                {"ab",                "a",                            false},
                {"",                  "a",                            false},
                {"*",                 "a/b/c",                        true },
                {"%",                 "a",                            true },
                {"%",                 "a/b",                          false},
                {"a/*",               "a/b/c",                        true },
                {"a/*",               "a",                            false},
                {"a*",                "a",                            true },
                {"a/%",               "a/b",                          true },
                {"a/%",               "a/b/c",                        false},
                {"%/b",               "a/b",                          true },
                {"%/%",               "a/b/c",                        false},
                {"*/c",               "a/b/c",                        true },
                {"*/b",               "a/b/c",                        false},
                {"a%d",               "abcd",                         true },
                {"a%d",               "ab/d",                         false},
                {"*b%",               "ab/b",                         true },
                {"*a%",               "a/ba",                         true },
                {"*a%c",              "a/abc",                        true },
                {"*a%c",              "ac/a/c",                       false},
                {"%a%/b",             "aa/b",                         true },
                {"%%",                "a",                            true },
                {"**",                "a/b",                          true },
                {"%*",                "a/b",                          true },
                {"*%",                "a/b",                          true },
                {"a**b%%c",           "a/b/bc",                       true },
                {"*x*x*x*y",          "xxxxxxxxxx",                   false},
                {"inbox",             "INBOX",                        true },
                {"Inbox/a",           "INBOX/a",                      true },
                {"Inbox/A",           "INBOX/a",                      false},
                {"in%",               "INBOX",                        true },
                {"*box",              "INBOX",                        true },
                {"inbox*",            "INBOX/a",                      true },
                {"inbox",             "INBOX/a",                      false},
                {"INBOX2",            "inbox2",                       false},
                {"a/inbox",           "a/INBOX",                      false},
                {"Entw\xc3\xbcrfe/%", "Entw\xc3\xbcrfe/\xe6\x97\xa5", true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].pattern,
                         mailbox_name_matches(rows[i].pattern, rows[i].name) == rows[i].matches);
}

/* The plain definition, which takes exponential time. */
static bool matches_slowly(const char *pattern, const char *name) {
        if (*pattern == '\0')
                return *name == '\0';
        if (*pattern == '*' || *pattern == '%')
                return matches_slowly(pattern + 1, name) ||
                       (*name != '\0' && (*pattern == '*' || *name != '/') &&
                        matches_slowly(pattern, name + 1));
        return *pattern == *name && matches_slowly(pattern + 1, name + 1);
}

/* The n-th word of @letters, shortest first: n in base @letters, without a zero. */
static void word(unsigned n, const char *letters, char *out) {
        unsigned base = (unsigned) strlen(letters);

        for (; n > 0; n = (n - 1) / base)
                *out++ = letters[(n - 1) % base];
        *out = '\0';
}

/* Every pattern of up to 5 signs on every name of up to 6 letters. */
static void test_matches_all(void) {
        for (unsigned i = 0; i < 1365; i++)
                for (unsigned k = 0; k < 127; k++) {
                        char pattern[8], name[8];

                        word(i, "a/*%", pattern);
                        word(k, "a/", name);
                        TEST_ROW(pattern, mailbox_name_matches(pattern, name) ==
                                                  matches_slowly(pattern, name));
                }
}

int main(void) {
        test_decode();
        test_prefixes();
        test_encode();
        test_reference();
        test_lengths();
        test_errors_have_text();
        test_matches();
        test_matches_all();
        return 0;
}
