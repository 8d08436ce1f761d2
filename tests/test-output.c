/* The tool's output: escapes, widths, times, tables, the bar, and JSON of any message. */

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "base/macro.h"
#include "ctl/json.h"
#include "ctl/progress.h"
#include "ctl/row.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "test.h"

#define SEC    UINT64_C(1000000)
#define MINUTE (60 * SEC)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define NOW    (20000 * DAY)

static bool buffer_is(const Buffer *buffer, const char *expected) {
        if (bytes_equal(buffer_view(buffer), bytes_of(expected)))
                return true;
        fprintf(stderr, "expected “%s”, but got “%.*s”\n", expected, (int) buffer->size,
                buffer->data);
        return false;
}

static void test_escape(void) {
        static const struct {
                const char *label, *text, *shown, *json;
        } rows[] = {
                {"nothing",         "",                 "",                          "\"\""                      },
                {"plain",           "INBOX/a b",        "INBOX/a b",                 "\"INBOX/a b\""             },
                {"umlaut, CJK",     "Entwürfe 日本", "Entwürfe 日本",          "\"Entwürfe 日本\""      },
                {"emoji",           "\xf0\x9f\x93\xa7", "\xf0\x9f\x93\xa7",          "\"\xf0\x9f\x93\xa7\""      },
                {"quotes",          "a\"b\\c/",         "a\"b\\c/",                  "\"a\\\"b\\\\c/\""          },
                {"escape sequence", "\033[2J\a",        "\\x1b[2J\\x07",             "\"\\u001b[2J\\u0007\""     },
                {"short escapes",   "\b\f\n\r\t",       "\\x08\\x0c\\x0a\\x0d\\x09", "\"\\b\\f\\n\\r\\t\""       },
                {"DEL",             "\x7f",             "\\x7f",                     "\"\\u007f\""               },
                {"C1: CSI",
                 "\xc2\x9b"
                 "31m",                                 "\\u009b31m",                "\"\\u009b31m\""            },
                {"override",        "a\xe2\x80\xaegpj", "a\\u202egpj",               "\"a\\u202egpj\""           },
                {"isolate",         "\xe2\x81\xa6x",    "\\u2066x",                  "\"\\u2066x\""              },
                {"line separator",  "\xe2\x80\xa8",     "\\u2028",                   "\"\\u2028\""               },
                {"not UTF-8",       "a\xff\xe2\x82",    "a\\xff\\xe2\\x82",          "\"a\\ufffd\\ufffd\\ufffd\""},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer shown = BUFFER_NULL, json = BUFFER_NULL;

                TEST_ROW(rows[i].label, text_escape(&shown, rows[i].text) == 0);
                TEST_ROW(rows[i].label, buffer_is(&shown, rows[i].shown));
                TEST_ROW(rows[i].label, json_append_string(&json, bytes_of(rows[i].text)) == 0);
                TEST_ROW(rows[i].label, buffer_is(&json, rows[i].json));
        }
}

static void test_times(void) {
        static const struct {
                const char *label;
                uint64_t then;
                const char *ago, *until;
        } rows[] = {
                {"never",                  0,                   "never",      "now"     },
                {"this moment",            NOW,                 "now",        "now"     },
                {"a clock that was wrong", NOW + HOUR,          "now",        "in 1 h"  },
                {"just a second",          NOW - SEC,           "1 s ago",    "now"     },
                {"seconds",                NOW - MINUTE + 1,    "59 s ago",   "now"     },
                {"a minute",               NOW - MINUTE,        "1 min ago",  "now"     },
                {"minutes",                NOW - HOUR + 1,      "59 min ago", "now"     },
                {"an hour",                NOW - HOUR,          "1 h ago",    "now"     },
                {"hours",                  NOW - 2 * DAY + SEC, "47 h ago",   "now"     },
                {"days",                   NOW - 2 * DAY,       "2 d ago",    "now"     },
                {"many days",              NOW - 400 * DAY,     "400 d ago",  "now"     },
                {"in less than a second",  NOW + SEC - 1,       "now",        "now"     },
                {"in seconds",             NOW + 40 * SEC,      "now",        "in 40 s" },
                {"in minutes",             NOW + 90 * SEC,      "now",        "in 1 min"},
        };
        char text[32];

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                TEST_ROW(rows[i].label,
                         strcmp(text_ago(rows[i].then, NOW, text, sizeof(text)), rows[i].ago) == 0);
                TEST_ROW(rows[i].label, strcmp(text_until(rows[i].then, NOW, text, sizeof(text)),
                                               rows[i].until) == 0);
        }
}

static void test_sizes(void) {
        static const struct {
                const char *text;
                uint64_t bytes;
        } rows[] = {
                {"0 B",    0                  },
                {"7 B",    7                  },
                {"999 B",  999                },
                {"1.0 kB", 1000               },
                {"9.9 kB", 9999               },
                {"10 kB",  10000              },
                {"999 kB", 999999             },
                {"1.0 MB", 1000000            },
                {"1.2 GB", 1234567890         },
                {"1.8 EB", 1844674407370955161},
                {"1.8 EB", 1844674407370955200},
                {"18 EB",  UINT64_MAX         },
        };
        char text[32];

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].text,
                         strcmp(text_size(rows[i].bytes, text, sizeof(text)), rows[i].text) == 0);
}

static void test_cut(void) {
        static const struct {
                const char *label, *text;
                size_t width;
                const char *cut;
        } rows[] = {
                {"fits",                    "abc",        3, "abc"       },
                {"is shorter",              "abc",        9, "abc"       },
                {"is longer",               "abcd",       3, "ab…"     },
                {"nothing fits",            "abc",        0, ""          },
                {"one column",              "abc",        1, "…"       },
                {"wide, fits",              "日本",     4, "日本"    },
                {"wide, cut",               "日本語",  5, "日本…" },
                {"wide, half would fit",    "日本語",  4, "日… "   },
                {"combining belongs to it", "e\xcc\x81x", 2, "e\xcc\x81x"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;

                TEST_ROW(rows[i].label,
                         text_append_cut(&buffer, bytes_of(rows[i].text), rows[i].width) == 0);
                TEST_ROW(rows[i].label, buffer_is(&buffer, rows[i].cut));
        }
}

static void test_wrap(void) {
        static const struct {
                const char *label, *text;
                size_t width;
                const char *wrapped;
        } rows[] = {
                {"any width",              "one two",                              0,  "  one two\n"},
                {"nothing",                "",                                     30, ""           },
                {"at a space",             "the quick brown fox jumps over",       30,
                 "  the quick brown fox jumps\n  over\n"                                            },
                {"fits exactly",           "the quick brown fox jumps ov",         30,
                 "  the quick brown fox jumps ov\n"                                                 },
                {"space at the edge",      "the quick brown fox jumps ov er",      30,
                 "  the quick brown fox jumps ov\n  er\n"                                           },
                {"one long word",          "abcdefghijklmnopqrstuvwxyz0123456789", 30,
                 "  abcdefghijklmnopqrstuvwxyz01\n  23456789\n"                                     },
                {"never narrower than 20", "the quick brown fox jumps",            5,
                 "  the quick brown fox\n  jumps\n"                                                 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;

                TEST_ROW(rows[i].label, text_append_wrapped(&buffer, bytes_of(rows[i].text), 2,
                                                            rows[i].width) == 0);
                TEST_ROW(rows[i].label, buffer_is(&buffer, rows[i].wrapped));
        }
}

static void test_table(void) {
        static const Column columns[] = {
                {"NAME",  .cut = true     },
                {"N",     .right = true   },
                {"MORE",  .optional = true},
                {"WORDS", .cut = true     },
        };
        static const struct {
                const char *label;
                size_t width;
                bool colour;
                const char *text;
        } rows[] = {
                {"any width",                0,  false,
                 "NAME               N  MORE  WORDS\n"
                 "a\\x0ab             7  x     some words\n"
                 "    a note that says a little\n"
                 "a very long name  12  y\n"},
                {"just fits",                39, false,
                 "NAME               N  MORE  WORDS\n"
                 "a\\x0ab             7  x     some words\n"
                 "    a note that says a little\n"
                 "a very long name  12  y\n"},
                {"without what is optional", 37, false,
                 "NAME               N  WORDS\n"
                 "a\\x0ab             7  some words\n"
                 "    a note that says a little\n"
                 "a very long name  12\n"   },
                {"and cut",                  26, false,
                 "NAME         N  WORDS\n"
                 "a\\x0ab       7  some words\n"
                 "    a note that says a\n"
                 "    little\n"
                 "a very lo…  12\n"       },
                {"never under eight",        4,  false,
                 "NAME       N  WORDS\n"
                 "a\\x0ab     7  some wo…\n"
                 "    a note that says a\n"
                 "    little\n"
                 "a very …  12\n"         },
                {"in colour",                37, true,
                 "\033[1mNAME\033[0m               \033[1mN\033[0m  \033[1mWORDS\033[0m\n"
                 "\033[1;31ma\\x0ab\033[0m             7  some words\n"
                 "\033[33m    a note that says a little\033[0m\n"
                 "a very long name  12\n"   },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const Screen screen = {.width = rows[i].width, .colour = rows[i].colour};
                _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
                _cleanup_(table_done) Table table = TABLE(columns);

                assert(table_add(&table, STYLE_BAD, "a\nb") == 0);
                assert(table_add_number(&table, STYLE_PLAIN, 7) == 0);
                assert(table_add(&table, STYLE_PLAIN, "x") == 0);
                assert(table_add(&table, STYLE_PLAIN, "some words") == 0);
                assert(table_add_note(&table, STYLE_WARN, "a note that says a little") == 0);
                assert(table_add(&table, STYLE_PLAIN, "a very long name") == 0);
                assert(table_add_number(&table, STYLE_PLAIN, 12) == 0);
                assert(table_add(&table, STYLE_PLAIN, "y") == 0);
                assert(table_add(&table, STYLE_PLAIN, "") == 0);

                TEST_ROW(rows[i].label, table_print(&table, &screen, &buffer) == 0);
                TEST_ROW(rows[i].label, buffer_is(&buffer, rows[i].text));
        }
}

static void test_progress(void) {
        static const struct {
                const char *label;
                size_t width;
                uint64_t usec;
                uint64_t total_bytes; /* of each */
                uint64_t left;        /* of the account */
                const char *line;
        } rows[] = {
                {"too early for a rate",          80,  SEC / 2, 0,       0,
                 "work/Sent         [===============>              ]  1500 of 2900   51 %  2.0 MB" },
                {"80 columns",                    80,  2 * SEC, 0,       0,
                 "work/Sent         [=====>    ]  1500 of 2900   51 %  2.0 MB  999 kB/s  2 s left" },
                {"120 columns",                   120, 2 * SEC, 4000000, 0,
                 "work/Sent                 [======>                  ]  1500 of 2900   25 %  2.0 "
                 "MB of 8.0 MB  700/s  999 kB/s  6 s left"                                         },
                {"bytes in all",                  90,  2 * SEC, 4000000, 0,
                 "work/Sent         [==>       ]  1500 of 2900   25 %  2.0 MB of 8.0 MB  999 kB/s  "
                 "6 s left"                                                                        },
                {"more than was said",            60,  2 * SEC, 900000,  0,
                 "1500 of 2900  100 %  2.0 MB of 2.0 MB  700/s  999 kB/s"                          },
                {"no room for a bar",             60,  2 * SEC, 0,       0,
                 "1500 of 2900   51 %  2.0 MB  700/s  999 kB/s  2 s left"                          },
                {"no room for the name",          50,  2 * SEC, 0,       0,
                 "1500 of 2900   51 %  2.0 MB  999 kB/s  2 s left"                                 },
                {"the time left says most",       40,  2 * SEC, 0,       0,
                 "1500 of 2900   51 %  2.0 MB  2 s left"                                           },
                {"hardly any",                    13,  2 * SEC, 0,       0,        "1500 of 290…"},
                {"mailboxes that have not begun", 90,  2 * SEC, 0,       98000000,
                 "work/Sent         [>       ]  1500 of 2900    2 %  2.0 MB of 100 MB  999 kB/s  1 "
                 "min left"                                                                        },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const uint64_t of = rows[i].total_bytes, left = rows[i].left;
                const struct {
                        const char *mailbox;
                        ProgressPart part;
                } parts[] = {
                        {"INBOX", {NULL, 100, 2000, 1000, of}         },
                        {"Sent",  {NULL, 10, 900, 1000, of}           },
                        {"INBOX", {NULL, 600, 2000, 1000000, of, left}},
                        {"Sent",  {NULL, 900, 900, 1000000, of, left} },
                };
                const Screen screen = {.width = rows[i].width};
                _cleanup_(progress_done) Progress progress = PROGRESS_NULL;
                _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;

                for (size_t n = 0; n < ARRAY_SIZE(parts); n++)
                        TEST_ROW(rows[i].label, progress_update(&progress, "work", parts[n].mailbox,
                                                                &parts[n].part, NOW) == 0);
                TEST_ROW(rows[i].label,
                         progress_format(&progress, &screen, NOW + rows[i].usec, &buffer) == 0);
                TEST_ROW(rows[i].label, buffer_is(&buffer, rows[i].line));
                TEST_ROW(rows[i].label, text_width(buffer_view(&buffer)) < rows[i].width);
        }
}

/* messages, without anybody at the other end */

static sd_bus *bus;
static int fds[2]; /* [1] is never read */

static void bus_open(void) {
        assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        assert(sd_bus_new(&bus) >= 0);
        assert(sd_bus_set_fd(bus, fds[0], fds[0]) >= 0);
        assert(sd_bus_start(bus) >= 0);
}

static sd_bus_message *new_message(const char *types, ...) {
        sd_bus_message *message = NULL;
        va_list args;

        assert(sd_bus_message_new_signal(bus, &message, "/a", "a.b", "C") >= 0);
        va_start(args, types);
        if (types[0])
                assert(sd_bus_message_appendv(message, types, args) >= 0);
        va_end(args);
        assert(sd_bus_message_seal(message, 1, 0) >= 0);
        return message;
}

static void expect_json(const char *label, sd_bus_message *message, const char *const *names,
                        size_t n_names, const char *expected) {
        /* twice: it reads from the beginning, wherever somebody left off */
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
                int r = json_append_message(&buffer, message, names, n_names);

                TEST_ROW(label, r == (expected ? 0 : -EBADMSG));
                TEST_ROW(label, !expected || buffer_is(&buffer, expected));
        }
        sd_bus_message_unref(message);
}

static void test_json(void) {
        static const char *const one[] = {"one"};
        static const char *const three[] = {"job", "in_sync", "sentence"};
        static const char *const merged[] = {"job", NULL};
        static const char *const merged_first[] = {NULL, "job"};
        static const char *const bare[] = {NULL};

        expect_json("nothing", new_message(""), NULL, 0, "{}");
        expect_json("a string", new_message("s", "a\"b"), NULL, 0, "\"a\\\"b\"");
        expect_json("largest numbers",
                    new_message("(txuiqny)", UINT64_MAX, INT64_MIN, UINT32_MAX, INT32_MIN,
                                UINT16_MAX, INT16_MIN, UINT8_MAX),
                    NULL, 0,
                    "[18446744073709551615,-9223372036854775808,4294967295,-2147483648,65535,"
                    "-32768,255]");
        expect_json("doubles", new_message("(ddd)", 0.5, -1e300, 1.0 / 0.0), NULL, 0,
                    "[0.5,-1.0000000000000001e+300,null]");
        expect_json("booleans", new_message("ab", 2, 1, 0), NULL, 0, "[true,false]");
        expect_json("empty array", new_message("as", 0), NULL, 0, "[]");
        expect_json("empty dictionary", new_message("a{sv}", 0), NULL, 0, "{}");
        expect_json("paths and signatures", new_message("(og)", "/a/b", "a{sv}"), NULL, 0,
                    "[\"/a/b\",\"a{sv}\"]");
        expect_json("rows",
                    new_message("aa{sv}", 3, 2, "name", "s", "a", "n", "t", UINT64_C(1), 0, 1,
                                "list", "as", 2, "x", "y"),
                    NULL, 0, "[{\"name\":\"a\",\"n\":1},{},{\"list\":[\"x\",\"y\"]}]");
        expect_json("variant in variant", new_message("v", "v", "a{sv}", 1, "k", "b", 1), NULL, 0,
                    "{\"k\":true}");
        expect_json("named", new_message("tbs", UINT64_C(7), 1, ""), three, 3,
                    "{\"job\":7,\"in_sync\":true,\"sentence\":\"\"}");
        expect_json("merged", new_message("ta{sv}", UINT64_C(7), 1, "uid", "u", 42), merged, 2,
                    "{\"job\":7,\"uid\":42}");
        expect_json("merged, empty", new_message("ta{sv}", UINT64_C(7), 0), merged, 2,
                    "{\"job\":7}");
        expect_json("merged, empty, first", new_message("a{sv}t", 0, UINT64_C(7)), merged_first, 2,
                    "{\"job\":7}");
        expect_json("more names than values", new_message("t", UINT64_C(7)), three, 3, NULL);
        expect_json("more values than names", new_message("ts", UINT64_C(7), ""), one, 1, NULL);
        expect_json("two values without names", new_message("ts", UINT64_C(7), ""), NULL, 0, NULL);
        expect_json("nothing to merge", new_message("t", UINT64_C(7)), bare, 1, NULL);
        expect_json("keys that are no strings", new_message("a{us}", 1, 1, "a"), NULL, 0, NULL);
}

static void test_rows(void) {
        _cleanup_(rows_done) Rows rows = ROWS_NULL;
        sd_bus_message *message =
                new_message("aa{sv}", 2, 5, "name", "s", "a", "t", "t", UINT64_MAX, "future",
                            "a{sv}", 1, "x", "b", 1, "u", "u", 42, "b", "b", 1, 0);

        assert(rows_read(message, &rows) == 0 && rows.n_rows == 2);
        assert(strcmp(row_string(&rows.rows[0], "name"), "a") == 0);
        assert(row_number(&rows.rows[0], "t") == UINT64_MAX);
        assert(row_number(&rows.rows[0], "u") == 42 && row_number(&rows.rows[0], "b") == 1);
        /* of another type, of a type nobody knows, not there */
        assert(strcmp(row_string(&rows.rows[0], "t"), "") == 0);
        assert(row_number(&rows.rows[0], "future") == 0);
        assert(strcmp(row_string(&rows.rows[1], "name"), "") == 0);
        sd_bus_message_unref(message);

        message = new_message("as", 1, "not a table");
        assert(rows_read(message, &rows) < 0);
        sd_bus_message_unref(message);
}

int main(void) {
        assert(setlocale(LC_CTYPE, "C.UTF-8"));
        bus_open();

        test_escape();
        test_times();
        test_sizes();
        test_cut();
        test_wrap();
        test_table();
        test_progress();
        test_json();
        test_rows();

        sd_bus_unref(bus);
        (void) close(fds[1]);
        return 0;
}
