/* The lexer: tokens, what is refused, and input that ends too early. */

#include <errno.h>

#include "base/macro.h"
#include "imap/lexer.h"
#include "test.h"

/* A token as text: its type as one letter, and what it says. */
static void show_token(ImapLexer *lexer, const ImapToken *token, Buffer *out) {
        static const char letters[] = "ANQL()$";
        ByteView text;

        assert(buffer_append(out, &letters[token->type], 1) == 0);
        if (imap_lexer_string(lexer, token, &text) > 0) {
                assert(buffer_append_view(out, text) == 0);
                assert(buffer_append_string(out, "|") == 0);
        }
}

static void test_tokens(void) {
        static const struct {
                const char *label;
                ByteView line;
                const char *tokens; /* ends in "!" where the lexer gives up */
        } rows[] = {
                {"atoms",               BYTES("a bc"),              "Aa|Abc|$"         },
                {"many spaces",         BYTES("  a   b  "),         "Aa|Ab|$"          },
                {"empty",               BYTES(""),                  "$"                },
                {"nil",                 BYTES("nil NIL NILS"),      "Nnil|NNIL|ANILS|$"},
                {"list",                BYTES("(a (b)())"),         "(Aa|(Ab|)())$"    },
                {"quoted",              BYTES("\"a b\""),           "Qa b|$"           },
                {"quoted empty",        BYTES("\"\""),              "Q|$"              },
                {"quoted nil",          BYTES("\"NIL\""),           "QNIL|$"           },
                {"backslashes",         BYTES("\"a\\\"b\\\\\" c"),  "Qa\"b\\|Ac|$"     },
                {"two with backslash",  BYTES("\"\\a\" \"\\b\""),   "Qa|Qb|$"          },
                {"8 bit",               BYTES("\"\xc3\xa9\" \xff"), "Q\xc3\xa9|A\xff|$"},
                {"flag",                BYTES("\\Seen \\*"),        "A\\Seen|A\\*|$"   },
                {"literal",             BYTES("{3}\r\na(b c"),      "La(b|Ac|$"        },
                {"literal, bare LF",    BYTES("{1}\na"),            "La|$"             },
                {"literal8",            BYTES("~{2}\r\n\r\n)"),     "L\r\n|)$"         },
                {"literal+",            BYTES("{0+}\r\n)"),         "L|)$"             },
                {"tilde",               BYTES("~a"),                "A~a|$"            },
                {"brackets",            BYTES("[a] b]"),            "A[a]|Ab]|$"       },
                {"atom before literal", BYTES("a{1}\r\nb"),         "Aa|Lb|$"          },
                {"not closed",          BYTES("\"a"),               "!"                },
                {"not closed, escaped", BYTES("\"a\\"),             "!"                },
                {"line end in quotes",  BYTES("\"a\r\n\""),         "!"                },
                {"short literal",       BYTES("{3}\r\nab"),         "!"                },
                {"literal, no number",  BYTES("{}\r\n"),            "!"                },
                {"literal, no end",     BYTES("{1"),                "!"                },
                {"literal, space",      BYTES("{1} \r\na"),         "!"                },
                {"control",             BYTES("a\x01"),             "Aa|!"             },
                {"NUL",                 BYTES("a\0b"),              "Aa|!"             },
                {"CR alone",            BYTES("a\rb"),              "Aa|!"             },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer scratch = BUFFER_NULL, shown = BUFFER_NULL;
                ImapLexer lexer = imap_lexer_whole(rows[i].line, &scratch);
                ImapToken token = {.type = IMAP_TOKEN_ATOM};

                while (token.type != IMAP_TOKEN_END) {
                        if (imap_lexer_next(&lexer, &token) < 0) {
                                assert(buffer_append_string(&shown, "!") == 0);
                                break;
                        }
                        show_token(&lexer, &token, &shown);
                }
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&shown), bytes_of(rows[i].tokens)));
        }
}

static void test_values(void) {
        static const struct {
                const char *label;
                ByteView line;
                int result;
                size_t consumed;
        } rows[] = {
                {"atom",             BYTES("a b"),                  1,        1 },
                {"string",           BYTES("\"(\" b"),              1,        3 },
                {"list",             BYTES("(a (b c) {1}\r\n)) d"), 1,        16},
                {"empty list",       BYTES("() d"),                 1,        2 },
                {"deep",             BYTES("((((((()))))))"),       1,        14},
                {"list not closed",  BYTES("(a (b)"),               -EBADMSG, 0 },
                {"closed too early", BYTES(")"),                    -EBADMSG, 0 },
                {"nothing",          BYTES(""),                     -EBADMSG, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                ImapLexer lexer = imap_lexer_whole(rows[i].line, NULL);

                TEST_ROW(rows[i].label, imap_lexer_skip_value(&lexer) == rows[i].result);
                TEST_ROW(rows[i].label, imap_lexer_consumed(&lexer) == rows[i].consumed);
        }
}

static void test_ranges(void) {
        static const struct {
                const char *label;
                const char *text;
                int result;
                uint32_t first, last;
        } rows[] = {
                {"number",         "7,",          1,        7,          7         },
                {"range",          "7:9 ",        1,        7,          9         },
                {"backwards",      "9:7\r",       1,        7,          9         },
                {"largest",        "4294967295,", 1,        UINT32_MAX, UINT32_MAX},
                {"zero at end",    "0:1,",        1,        1,          1         },
                {"zero",           "0,",          -EBADMSG, 0,          0         },
                {"zeros",          "0:0,",        -EBADMSG, 0,          0         },
                {"star",           "1:*,",        -EBADMSG, 0,          0         },
                {"past 32 bits",   "4294967296,", -EBADMSG, 0,          0         },
                {"two colons",     "1:2:3,",      -EBADMSG, 0,          0         },
                {"no last",        "1:,",         -EBADMSG, 0,          0         },
                {"may go on",      "12",          0,        0,          0         },
                {"nothing so far", "",            0,        0,          0         },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                ImapLexer lexer = imap_lexer_partial(bytes_of(rows[i].text));
                UidRange range = {0};
                int r = imap_lexer_range(&lexer, &range);

                TEST_ROW(rows[i].label, r == rows[i].result);
                TEST_ROW(rows[i].label, range.first == rows[i].first && range.last == rows[i].last);
        }
}

static void test_announcements(void) {
        static const struct {
                const char *label;
                const char *line;
                int result;
                size_t start;
                uint64_t size;
        } rows[] = {
                {"literal",      "a {12}",                 1,        2, 12       },
                {"literal8",     "a ~{12}",                1,        2, 12       },
                {"literal+",     "a {0+}",                 1,        2, 0        },
                {"alone",        "{1}",                    1,        0, 1        },
                {"largest",      "{9223372036854775807}",  1,        0, INT64_MAX},
                {"past 63 bits", "{9223372036854775808}",  -EBADMSG, 0, 0        },
                {"endless",      "{99999999999999999999}", -EBADMSG, 0, 0        },
                {"empty",        "{}",                     0,        0, 0        },
                {"word",         "{a}",                    0,        0, 0        },
                {"no open",      "12}",                    0,        0, 0        },
                {"not at end",   "{12} ",                  0,        0, 0        },
                {"nothing",      "",                       0,        0, 0        },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                ImapLiteral literal = {0};

                TEST_ROW(rows[i].label, imap_literal_announced(bytes_of(rows[i].line), &literal) ==
                                                rows[i].result);
                TEST_ROW(rows[i].label, literal.start == rows[i].start);
                TEST_ROW(rows[i].label, literal.size == rows[i].size);
        }
}

static void test_attributes(void) {
        static const struct {
                const char *label;
                const char *text;
                int result;
                const char *name;
        } rows[] = {
                {"word",       " UID 5",                          1,        "UID"                      },
                {"body",       "BODY[] {5}",                      1,        "BODY[]"                   },
                {"header",     "BODY[HEADER.FIELDS (A B)] \"x\"", 1,        "BODY[HEADER.FIELDS (A B)]"},
                {"partial",    "BODY[]<0> x",                     1,        "BODY[]<0>"                },
                {"no value",   "UID",                             -EBADMSG, ""                         },
                {"not closed", "BODY[HEADER x",                   -EBADMSG, ""                         },
                {"a string",   "\"UID\" 5",                       -EBADMSG, ""                         },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                ImapLexer lexer = imap_lexer_whole(bytes_of(rows[i].text), NULL);
                ByteView name = BYTES("");

                TEST_ROW(rows[i].label, imap_lexer_attribute(&lexer, &name) == rows[i].result);
                TEST_ROW(rows[i].label, bytes_equal(name, bytes_of(rows[i].name)));
        }
}

/* Whatever the socket does to the bytes, a value that has not ended asks for more, and the lexer
 * stays where it was. */
static void test_prefixes(void) {
        static const char *const values[] = {
                "(TAG \"a\\\"b\" {3}\r\nx)y ~{1}\r\nz (NIL)) ",
                "\"quoted \\\\\" ",
                "{10}\r\n0123456789",
                "~{2}\r\nab",
                "atom ",
        };

        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                size_t size = strlen(values[i]);
                ImapLexer whole = imap_lexer_partial((ByteView){values[i], size});
                size_t end;

                TEST_ROW(values[i], imap_lexer_skip_value(&whole) == 1);
                end = imap_lexer_consumed(&whole);
                for (size_t n = 0; n < end; n++) {
                        ImapLexer lexer = imap_lexer_partial((ByteView){values[i], n});

                        TEST_ROW(values[i], imap_lexer_skip_value(&lexer) == 0);
                        TEST_ROW(values[i], imap_lexer_consumed(&lexer) == 0);
                }
        }
}

int main(void) {
        test_tokens();
        test_values();
        test_ranges();
        test_announcements();
        test_attributes();
        test_prefixes();
        return 0;
}
