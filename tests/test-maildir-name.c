/* Maildir file names: base, flags, keyword letters, what is not ours, the limit of 255 bytes. */

#include <errno.h>

#include "base/macro.h"
#include "store/maildir-name.h"
#include "test.h"

/* Letters as a folder might have them: a and c are keywords, b is one for us but not an atom. */
static const char letters_file[] = "0 work\n1 not an atom\n2 $Junk\n";

static MaildirLetters some_letters(void) {
        MaildirLetters letters = MAILDIR_LETTERS_NULL;

        assert(maildir_letters_parse(BYTES(letters_file), &letters) == 0);
        return letters;
}

static void test_base(void) {
        static const struct {
                const char *label;
                const char *name;
                const char *base;
        } rows[] = {
                {"flags",                   "1.M2P3Q4.host:2,S",  "1.M2P3Q4.host" },
                {"no flags",                "1.M2P3Q4.host:2,",   "1.M2P3Q4.host" },
                {"new message",             "1.M2P3Q4.host",      "1.M2P3Q4.host" },
                {"sizes of Dovecot",        "1.M2.host,S=12:2,S", "1.M2.host,S=12"},
                {"several colons",          "1:0:2:host:2,S",     "1:0:2:host"    },
                {"info twice",              "1.host:2,S:2,F",     "1.host:2,S"    },
                {"experimental info",       "1.host:1,x",         "1.host:1,x"    },
                {"colon at the end",        "1.host:",            "1.host:"       },
                {"cut before the comma",    "1.host:2",           "1.host:2"      },
                {"other letters behind",    "1.host:2,S,x",       "1.host"        },
                {"colon among the letters", "1.host:2,S:T",       "1.host"        },
                {"nothing before",          ":2,S",               ":2,S"          },
                {"nothing before, twice",   ":2,S:2,F",           ":2,S"          },
                {"only the mark",           ":2,",                ":2,"           },
                {"empty",                   "",                   ""              },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label, bytes_equal(maildir_name_base(bytes_of(rows[i].name)),
                                                    bytes_of(rows[i].base)));
}

static void test_flags(void) {
        static const struct {
                const char *label;
                const char *name;
                const char *flags; /* as IMAP writes them */
        } rows[] = {
                {"none",                  "1.host:2,",       ""                },
                {"new message",           "1.host",          ""                },
                {"capitals of a base",    "SFT.host",        ""                },
                {"each",                  "1.host:2,DFPRST",
                 "\\Seen \\Answered \\Flagged \\Deleted "
                 "\\Draft $Forwarded"                                          },
                {"seen",                  "1.host:2,S",      "\\Seen"          },
                {"any order",             "1.host:2,TS",     "\\Seen \\Deleted"},
                {"twice the same",        "1.host:2,SS",     "\\Seen"          },
                {"keywords",              "1.host:2,ac",     "work $Junk"      },
                {"keyword without a bit", "1.host:2,b",      ""                },
                {"letter without a name", "1.host:2,Sz",     "\\Seen"          },
                {"letter of others",      "1.host:2,SX9",    "\\Seen"          },
                {"behind the next comma", "1.host:2,S,T",    "\\Seen"          },
                {"last mark decides",     "1.host:2,S:2,F",  "\\Flagged"       },
        };
        _cleanup_(maildir_letters_done) MaildirLetters letters = some_letters();

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(keywords_done) Keywords keywords = KEYWORDS_NULL;
                _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
                MessageFlags flags;

                assert(maildir_name_flags(bytes_of(rows[i].name), &letters, &keywords, &flags) ==
                       0);
                assert(flags_format(flags, &keywords, &text) == 0);
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&text), bytes_of(rows[i].flags)));
        }
}

static void test_format(void) {
        static const struct {
                const char *label;
                const char *name;
                const char *flags;
                const char *expected;
        } rows[] = {
                {"new message",             "1.host",         "",               "1.host:2,"     },
                {"seen",                    "1.host:2,",      "\\Seen",         "1.host:2,S"    },
                {"in order",                "1.host",         "\\Seen \\Draft", "1.host:2,DS"   },
                {"taken back",              "1.host:2,FS",    "",               "1.host:2,"     },
                {"forwarded",               "1.host",         "$Forwarded",     "1.host:2,P"    },
                {"keyword behind",          "1.host",         "\\Seen $Junk",   "1.host:2,Sc"   },
                {"keyword in another case", "1.host",         "WORK",           "1.host:2,a"    },
                {"keyword taken back",      "1.host:2,Sac",   "\\Seen work",    "1.host:2,Sa"   },
                {"keyword without letter",  "1.host",         "rare",           "1.host:2,"     },
                {"name without a bit",      "1.host:2,b",     "\\Seen",         "1.host:2,Sb"   },
                {"letter without a name",   "1.host:2,Sz",    "",               "1.host:2,z"    },
                {"letters of others",       "1.host:2,X9",    "\\Seen",         "1.host:2,9SX"  },
                {"behind the next comma",   "1.host:2,S,T=x", "\\Flagged",      "1.host:2,F,T=x"},
                {"twice the same",          "1.host:2,SSXX",  "\\Seen",         "1.host:2,SX"   },
                {"no third mark",           "1.host:2,2:",    "",               "1.host:2,2:"   },
                {"info twice",              "1.host:2,S:2,F", "\\Draft",        "1.host:2,S:2,D"},
                {"experimental info",       "1.host:1,x",     "\\Seen",         "1.host:1,x:2,S"},
        };
        _cleanup_(maildir_letters_done) MaildirLetters letters = some_letters();

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(keywords_done) Keywords keywords = KEYWORDS_NULL;
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
                MessageFlags ignored, flags;

                /* the folder's keywords are known, as after a scan */
                assert(maildir_name_flags(BYTES("x:2,abc"), &letters, &keywords, &ignored) == 0);
                assert(flags_parse(bytes_of(rows[i].flags), &keywords, &flags) == 0);
                assert(maildir_name_format(bytes_of(rows[i].name), flags, &keywords, &letters,
                                           &out) == 0);
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&out), bytes_of(rows[i].expected)));
        }
}

/* Dovecot writes $Forwarded as a letter: it is read as P is, and both are written and taken back. */
static void test_forwarded_letter(void) {
        _cleanup_(maildir_letters_done) MaildirLetters letters = MAILDIR_LETTERS_NULL;
        _cleanup_(keywords_done) Keywords keywords = KEYWORDS_NULL;
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        MessageFlags flags;

        assert(maildir_letters_parse(BYTES("3 $forwarded\n"), &letters) == 0);
        assert(maildir_name_flags(BYTES("1:2,d"), &letters, &keywords, &flags) == 0);
        assert(flags == FLAG_FORWARDED);
        assert(maildir_name_format(BYTES("1:2,"), flags, &keywords, &letters, &out) == 0);
        assert(bytes_equal(buffer_view(&out), BYTES("1:2,Pd")));

        buffer_consume(&out, out.size);
        assert(maildir_name_format(BYTES("1:2,Pd"), 0, &keywords, &letters, &out) == 0);
        assert(bytes_equal(buffer_view(&out), BYTES("1:2,")));
}

static void test_length(void) {
        static const struct {
                const char *label;
                size_t n_base;
                MessageFlags flags;
                int result;
        } rows[] = {
                {"255 bytes",             252, 0,         0            },
                {"256 bytes",             253, 0,         -ENAMETOOLONG},
                {"255 bytes with a flag", 251, FLAG_SEEN, 0            },
                {"256 bytes with a flag", 252, FLAG_SEEN, -ENAMETOOLONG},
        };
        static const Keywords keywords = {.n_names = 0};
        static const MaildirLetters letters;
        char base[256];

        memset(base, 'x', sizeof(base));
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

                TEST_ROW(rows[i].label,
                         maildir_name_format((ByteView){base, rows[i].n_base}, rows[i].flags,
                                             &keywords, &letters, &out) == rows[i].result);
                TEST_ROW(rows[i].label, out.size == (rows[i].result == 0 ? 255 : 0));
        }

        _cleanup_(buffer_done) Buffer small = {.limit = 8};
        assert(maildir_name_format(BYTES("123456"), 0, &keywords, &letters, &small) == -E2BIG);
        assert(small.size == 0);
}

static void test_new(void) {
        static const struct {
                const char *label;
                int64_t usec;
                const char *host;
                const char *expected;
        } rows[] = {
                {"as agreed",       1700000000123456, "host.example.org",
                 "1700000000.M123456P42Q7.host.example.org"                                        },
                {"no microseconds", 1700000000000000, "h",                "1700000000.M0P42Q7.h"   },
                {"slash and colon", 1000000,          "a/b:c",            "1.M0P42Q7.a\\057b\\072c"},
                {"no host",         1000000,          "",                 "1.M0P42Q7.localhost"    },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

                assert(maildir_name_new(rows[i].usec, 42, 7, rows[i].host, &out) == 0);
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&out), bytes_of(rows[i].expected)));
                TEST_ROW(rows[i].label,
                         maildir_name_process(buffer_view(&out), rows[i].host) == 42);
        }
}

/* However long the host's name is, there is room for every letter behind the base. */
static void test_new_long_host(void) {
        _cleanup_(buffer_done) Buffer base = BUFFER_NULL;
        char host[300];

        memset(host, ':', sizeof(host) - 1);
        host[sizeof(host) - 1] = '\0';

        assert(maildir_name_new(INT64_MAX, INT32_MAX, UINT64_MAX, host, &base) == 0);
        assert(base.size + strlen(":2,DFPRST") + MAILDIR_LETTERS <= 255);
        assert(base.data[base.size - 1] == '2'); /* no escape was cut */
        assert(maildir_name_process(buffer_view(&base), host) == INT32_MAX);
}

static void test_process(void) {
        static const struct {
                const char *label;
                const char *name;
                int process;
        } rows[] = {
                {"ours",                "1.M2P3Q4.host",          3 },
                {"of another host",     "1.M2P3Q4.host2",         -1},
                {"host cut",            "1.M2P3Q4.hos",           -1},
                {"no host",             "1.M2P3Q4.",              -1},
                {"nothing behind",      "1.M2P3Q4",               -1},
                {"with flags",          "1.M2P3Q4.host:2,S",      -1},
                {"Dovecot's",           "1.M2P3.host",            -1},
                {"no seconds",          ".M2P3Q4.host",           -1},
                {"no digits",           "1.MP3Q4.host",           -1},
                {"letters for seconds", "a.M2P3Q4.host",          -1},
                {"process too large",   "1.M2P2147483648Q4.host", -1},
                {"empty",               "",                       -1},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label,
                         maildir_name_process(bytes_of(rows[i].name), "host") == rows[i].process);
}

static void test_letters_parse(void) {
        static const struct {
                const char *label;
                const char *text;
                const char *formatted;
        } rows[] = {
                {"none",                "",                         ""                },
                {"one",                 "0 work\n",                 "0 work\n"        },
                {"gap, any order",      "25 z\n2 c\n",              "2 c\n25 z\n"     },
                {"no end of line",      "0 work",                   "0 work\n"        },
                {"beyond z",            "26 x\n1 b\n",              "1 b\n"           },
                {"huge number",         "99999999999999999999 x\n", ""                },
                {"negative",            "-1 x\n",                   ""                },
                {"no number",           " x\n",                     ""                },
                {"no name",             "0 \n0\n",                  ""                },
                {"letter twice",        "0 first\n0 second\n",      "0 first\n"       },
                {"keyword twice",       "0 work\n1 work\n",         "0 work\n1 work\n"},
                {"name with a space",   "0 a b\n",                  "0 a b\n"         },
                {"name of 8-bit bytes", "0 \xc3\xa4\n",             "0 \xc3\xa4\n"    },
                {"empty lines",         "\n\n1 b\n\n",              "1 b\n"           },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(maildir_letters_done) MaildirLetters letters = MAILDIR_LETTERS_NULL;
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

                assert(maildir_letters_parse(bytes_of(rows[i].text), &letters) == 0);
                assert(maildir_letters_format(&letters, &out) == 0);
                TEST_ROW(rows[i].label,
                         bytes_equal(buffer_view(&out), bytes_of(rows[i].formatted)));
        }

        MaildirLetters letters;
        assert(maildir_letters_parse(BYTES("0 a\0b\n1 c\n"), &letters) == 0);
        assert(!letters.names[0] && strcmp(letters.names[1], "c") == 0);
        maildir_letters_done(&letters);
        maildir_letters_done(&letters);
}

static void test_letters_add(void) {
        _cleanup_(maildir_letters_done) MaildirLetters letters = MAILDIR_LETTERS_NULL;
        char keyword[] = "keyword-?", letter;

        assert(maildir_letters_parse(BYTES("1 taken\n"), &letters) == 0);
        assert(maildir_letters_find(&letters, "TAKEN") == 'b');
        assert(maildir_letters_find(&letters, "take") == '\0');

        for (char c = 'a'; c <= 'z'; c++) {
                keyword[sizeof(keyword) - 2] = c;
                assert(maildir_letters_add(&letters, c == 'b' ? "Taken" : keyword, &letter) == 0);
                assert(letter == c);
        }

        assert(maildir_letters_add(&letters, "one too many", &letter) == 0);
        assert(letter == '\0');
        assert(maildir_letters_add(&letters, "KEYWORD-Q", &letter) == 0);
        assert(letter == 'q');
        assert(strcmp(letters.names[1], "taken") == 0);
}

int main(void) {
        test_base();
        test_flags();
        test_format();
        test_forwarded_letter();
        test_length();
        test_new();
        test_new_long_host();
        test_process();
        test_letters_parse();
        test_letters_add();
        return 0;
}
