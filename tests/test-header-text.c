/* Header fields as people read them: RFC 2047's examples, and what is none of it. */

#include <errno.h>

#include "base/macro.h"
#include "imap/header-text.h"
#include "test.h"

/* Stands for iconv: one charset, whose "a" is "ä". */
static int convert(const char *charset, ByteView bytes, Buffer *out) {
        int r = 0;

        if (strcmp(charset, "x-test") != 0)
                return -EINVAL;
        for (size_t i = 0; i < bytes.size && r >= 0; i++)
                r = bytes.data[i] == 'a' ? buffer_append_string(out, "ä")
                                         : buffer_append(out, bytes.data + i, 1);
        return r;
}

static void test_text(void) {
        static const struct {
                const char *label, *value, *shown;
                size_t max;
        } rows[] = {
                {"plain",                    "Hello, world",                          "Hello, world",                  99},
                {"nothing",                  "",                                      "",                              99},
                {"Q",                        "=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?=", "Patrik Fältström",            99},
                {"B",                        "=?UTF-8?B?R3LDtsOfZQ==?=",              "Größe",                       99},
                {"B unpadded",               "=?UTF-8?B?R3LDtsOfZQ?=",                "Größe",                       99},
                {"small letters",            "=?utf-8?q?Gr=c3=b6?=",                  "Grö",                          99},
                {"language of RFC 2231",     "=?US-ASCII*EN?Q?Keith_Moore?=",         "Keith Moore",                   99},
                {"two words",                "=?UTF-8?Q?a?= =?UTF-8?Q?b?=",           "ab",                            99},
                {"two words, folded",        "=?UTF-8?Q?a?=\r\n =?UTF-8?Q?b?=",       "ab",                            99},
                {"two words touch",          "=?UTF-8?Q?a?==?UTF-8?Q?b?=",            "ab",                            99},
                {"two charsets",             "=?UTF-8?Q?a?= =?ISO-8859-1?Q?=E4?=",    "aä",                           99},
                {"a word, then text",        "=?UTF-8?Q?a?= b",                       "a b",                           99},
                {"text, then a word",        "a =?UTF-8?Q?b?=",                       "a b",                           99},
                {"text between",             "=?UTF-8?Q?a?= b =?UTF-8?Q?c?=",         "a b c",                         99},
                {"inside a word of text",    "a=?UTF-8?Q?b?=",                        "a=?UTF-8?Q?b?=",                99},
                {"cut in a character",       "=?UTF-8?Q?=C3?= =?UTF-8?Q?=A4?=",       "ä",                            99},
                {"converted",                "=?x-test?Q?bar?=",                      "bär",                          99},
                {"unknown charset",
                 "=?x-none?Q?a?= =?x-none?Q?b?=",                                     "=?x-none?Q?a?= =?x-none?Q?b?=", 99},
                {"charset is no name",       "=?x//none?Q?a?=",                       "=?x//none?Q?a?=",               99},
                {"no such encoding",         "=?UTF-8?X?a?=",                         "=?UTF-8?X?a?=",                 99},
                {"broken Q",                 "=?UTF-8?Q?=4?= z",                      "=?UTF-8?Q?=4?= z",              99},
                {"broken B",                 "=?UTF-8?B?R3L*?= z",                    "=?UTF-8?B?R3L*?= z",            99},
                {"broken behind a good one",
                 "=?UTF-8?Q?a?= =?UTF-8?Q?=4?=",                                      "a =?UTF-8?Q?=4?=",              99},
                {"no end",                   "=?UTF-8?Q?abc",                         "=?UTF-8?Q?abc",                 99},
                {"beginning only",           "=?",                                    "=?",                            99},
                {"raw UTF-8",                "Größe",                               "Größe",                       99},
                {"raw Latin-1",              "Gr\xf6\xdf",                            "Gr\xef\xbf\xbd\xef\xbf\xbd",    99},
                {"folded",                   "a\r\n\tb",                              "a b",                           99},
                {"escape sequence",          "a\033[31mb",                            "a [31mb",                       99},
                {"encoded line end",         "=?UTF-8?Q?a=0D=0Ab?=",                  "a b",                           99},
                {"written backwards",        "=?UTF-8?Q?a=E2=80=AEb?=",               "ab",                            99},
                {"cut",                      "abcdef",                                "abc…",                        3 },
                {"cut at a character",       "ab\xc3\xa4z",                           "ab…",                         3 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

                assert(header_text_append(bytes_of(rows[i].value), convert, rows[i].max, &out) ==
                       0);
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&out), bytes_of(rows[i].shown)));
        }
}

static void test_sender(void) {
        static const struct {
                const char *label, *value, *shown;
        } rows[] = {
                {"name and address",      "Alice <a@example.org>",                   "Alice"          },
                {"address alone",         "a@example.org",                           "a@example.org"  },
                {"address in angles",     "<a@example.org>",                         "a@example.org"  },
                {"quoted",                "\"Doe, \\\"J\\\" John\" <j@example.org>", "Doe, \"J\" John"},
                {"angle in quotes",       "\"a <b>\" <c@example.org>",               "a <b>"          },
                {"encoded",               "=?UTF-8?Q?J=C3=BCrgen?= <j@example.org>", "Jürgen"        },
                {"encoded in quotes",     "\"=?UTF-8?Q?J=C3=BC?=\" <j@example.org>", "Jü"            },
                {"comment",               "a@example.org (Alice (home))",            "Alice (home)"   },
                {"comment behind angles", "Alice <a@example.org> (home)",            "Alice"          },
                {"several",               "Alice <a@example.org>, Bob <b@x>",        "Alice"          },
                {"nothing",               "",                                        ""               },
                {"angle without end",     "Alice <a@example.org",                    "Alice"          },
                {"quote without end",     "\"Alice",                                 "Alice"          },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

                assert(header_sender_append(bytes_of(rows[i].value), convert, 99, &out) == 0);
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&out), bytes_of(rows[i].shown)));
        }
}

/* Any part of a field is a field as well, and its text has no more than was asked for. */
static void test_parts(void) {
        static const char value[] = "\"=?UTF-8?Q?J=C3=BC?= (x\" (c) =?UTF-8?B?R3LDtsOfZQ==?= "
                                    "=?ISO-8859-1?Q?=E4?= <j@example.org>, z";

        for (size_t begin = 0; begin < sizeof(value); begin++)
                for (size_t end = begin; end < sizeof(value); end++) {
                        _cleanup_(buffer_done) Buffer text = BUFFER_NULL, sender = BUFFER_NULL;
                        const ByteView part = {value + begin, end - begin};

                        assert(header_text_append(part, convert, 10, &text) == 0);
                        assert(header_sender_append(part, convert, 10, &sender) == 0);
                        assert(text.size <= 10 + strlen("…"));
                        assert(sender.size <= 10 + strlen("…"));
                }
}

int main(void) {
        test_text();
        test_sender();
        test_parts();
        return 0;
}
