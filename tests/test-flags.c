/* Flags: names to bits and back, and the table of keywords at its limits. */

#include <errno.h>

#include "base/macro.h"
#include "imap/flags.h"
#include "test.h"

static void test_parse(void) {
        static const MessageFlags first = (MessageFlags) 1 << KEYWORD_FIRST;
        static const struct {
                const char *label;
                const char *list;
                MessageFlags flags;
                unsigned n_keywords;
                const char *formatted;
        } rows[] = {
                {"none",              "",                                              0,                        0, ""                                             },
                {"one",               "\\Seen",                                        FLAG_SEEN,                0, "\\Seen"                                       },
                {"case",              "\\SEEN \\deleted",                              FLAG_SEEN | FLAG_DELETED, 0, "\\Seen \\Deleted"                             },
                {"all system flags",  "\\Draft \\Deleted \\Flagged \\Answered \\Seen", FLAGS_SYSTEM,
                 0,                                                                                                 "\\Seen \\Answered \\Flagged \\Deleted \\Draft"},
                {"forwarded",         "$forwarded",                                    FLAG_FORWARDED,           0, "$Forwarded"                                   },
                {"keyword",           "work",                                          first,                    1, "work"                                         },
                {"keyword twice",     "Work WORK work",                                first,                    1, "Work"                                         },
                {"two keywords",      "b a",                                           first | first << 1,       2, "b a"                                          },
                {"several spaces",    "  \\Seen   work ",                              FLAG_SEEN | first,        1, "\\Seen work"                                  },
                {"recent",            "\\Recent",                                      0,                        0, ""                                             },
                {"any keyword",       "\\*",                                           0,                        0, ""                                             },
                {"unknown system",    "\\Important \\Seen",                            FLAG_SEEN,                0, "\\Seen"                                       },
                {"backslash alone",   "\\",                                            0,                        0, ""                                             },
                {"not an atom",       "a(b a\"b a]b a%b a*b a{b",                      0,                        0, ""                                             },
                {"8-bit",             "gr\xc3\xbcn",                                   0,                        0, ""                                             },
                {"control character", "a\tb",                                          0,                        0, ""                                             },
                {"name of a flag",    "Seen",                                          first,                    1, "Seen"                                         },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(keywords_done) Keywords keywords = KEYWORDS_NULL;
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
                MessageFlags flags = 0;

                TEST_ROW(rows[i].label,
                         flags_parse(bytes_of(rows[i].list), &keywords, &flags) == 0);
                TEST_ROW(rows[i].label, flags == rows[i].flags);
                TEST_ROW(rows[i].label, keywords.n_names == rows[i].n_keywords);
                TEST_ROW(rows[i].label, flags_format(flags, &keywords, &out) == 0);
                TEST_ROW(rows[i].label,
                         bytes_equal(buffer_view(&out), bytes_of(rows[i].formatted)));
        }
}

static void test_no_table(void) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        MessageFlags flags = 0;

        assert(flags_parse(BYTES("work \\Seen $Forwarded"), NULL, &flags) == 0);
        assert(flags == (FLAG_SEEN | FLAG_FORWARDED));
        assert(flags_format(flags | (MessageFlags) 1 << KEYWORD_FIRST, NULL, &out) == 0);
        assert(bytes_equal(buffer_view(&out), BYTES("\\Seen $Forwarded")));
}

static void test_keyword_sizes(void) {
        _cleanup_(keywords_done) Keywords keywords = KEYWORDS_NULL;
        MessageFlags flag = 1;
        char name[129];

        memset(name, 'k', sizeof(name));
        assert(keywords_add(&keywords, (ByteView){name, 129}, &flag) == 0 && flag == 0);
        assert(keywords_add(&keywords, (ByteView){name, 128}, &flag) == 0 && flag != 0);
        assert(keywords_add(&keywords, BYTES(""), &flag) == 0 && flag == 0);
        assert(keywords.n_names == 1);
}

/* The bits end below SQLite's sign bit; a full table still knows what it holds. */
static void test_table_full(void) {
        _cleanup_(keywords_done) Keywords keywords = KEYWORDS_NULL;
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        Buffer small = {.limit = 8};
        MessageFlags all = 0, flag;
        char name[16];

        for (unsigned i = 0; i < KEYWORDS_MAX; i++) {
                snprintf(name, sizeof(name), "k%u", i);
                assert(keywords_add(&keywords, bytes_of(name), &flag) == 0);
                assert(flag == (MessageFlags) 1 << (KEYWORD_FIRST + i));
                all |= flag;
        }
        assert((all & FLAGS_FIXED) == 0 && (all | FLAGS_FIXED) == INT64_MAX);

        assert(keywords_add(&keywords, BYTES("one-more"), &flag) == 0 && flag == 0);
        assert(keywords_find(&keywords, BYTES("one-more")) == 0);
        assert(keywords_add(&keywords, BYTES("K56"), &flag) == 0 && flag == (MessageFlags) 1 << 62);
        assert(keywords_find(&keywords, BYTES("$FORWARDED")) == FLAG_FORWARDED);

        assert(flags_format(UINT64_MAX, &keywords, &out) == 0);
        assert(flags_parse(buffer_view(&out), &keywords, &flag) == 0 && flag == INT64_MAX);
        assert(flags_format(UINT64_MAX, &keywords, &small) == -E2BIG && small.size == 0);
        buffer_done(&small);
}

/* Flags have no end mark, so a split at a space must give the union. */
static void test_splits(void) {
        static const char whole[] = "\\Seen work $Forwarded \\Flagged play";
        _cleanup_(keywords_done) Keywords keywords = KEYWORDS_NULL;
        MessageFlags all, left, right;

        assert(flags_parse(bytes_of(whole), &keywords, &all) == 0);
        for (size_t n = 0; n < sizeof(whole); n++) {
                if (whole[n] != ' ' && whole[n] != '\0')
                        continue;
                assert(flags_parse((ByteView){whole, n}, &keywords, &left) == 0);
                assert(flags_parse(bytes_of(whole + n), &keywords, &right) == 0);
                assert((left | right) == all);
        }
        assert(keywords.n_names == 2);
}

/* Bits are the mailbox's own; names are not. */
static void test_translate(void) {
        _cleanup_(keywords_done) Keywords from = KEYWORDS_NULL, to = KEYWORDS_NULL;
        MessageFlags work, home, other, flags;

        assert(keywords_add(&from, BYTES("work"), &work) == 0);
        assert(keywords_add(&from, BYTES("home"), &home) == 0);
        assert(keywords_add(&to, BYTES("other"), &other) == 0);

        assert(flags_translate(FLAG_SEEN | FLAG_FORWARDED, &from, &to, &flags) == 0);
        assert(flags == (FLAG_SEEN | FLAG_FORWARDED) && to.n_names == 1);
        assert(flags_translate(FLAG_SEEN | home, &from, &to, &flags) == 0);
        assert(flags == (FLAG_SEEN | keywords_find(&to, BYTES("HOME"))) && to.n_names == 2);
        assert(flags_translate(work | home, &from, &from, &flags) == 0 && flags == (work | home));

        while (to.n_names < KEYWORDS_MAX) {
                char name[8];

                (void) snprintf(name, sizeof(name), "k%u", to.n_names);
                assert(keywords_add(&to, bytes_of(name), &flags) == 0);
        }
        assert(flags_translate(work | home, &from, &to, &flags) == 0);
        assert(flags == keywords_find(&to, BYTES("home")));
}

int main(void) {
        test_translate();
        test_parse();
        test_no_table();
        test_keyword_sizes();
        test_table_full();
        test_splits();
        return 0;
}
