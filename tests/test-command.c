/* Command pieces: astrings, dates against known days, header fields whatever their line ends. */

#include <errno.h>

#include "base/macro.h"
#include "imap/command.h"
#include "test.h"

static void test_astring(void) {
        static const struct {
                const char *label;
                ByteView string;
                int result;
                const char *text;
        } rows[] = {
                {"atom",              BYTES("INBOX"),        0,       "INBOX"          },
                {"level",             BYTES("a/b.c"),        0,       "a/b.c"          },
                {"brackets",          BYTES("[Gmail]/All"),  0,       "\"[Gmail]/All\""},
                {"tilde",             BYTES("in~tilde"),     0,       "\"in~tilde\""   },
                {"modified UTF-7",    BYTES("Entw&APw-rfe"), 0,       "Entw&APw-rfe"   },
                {"empty",             BYTES(""),             0,       "\"\""           },
                {"space",             BYTES("Sent Items"),   0,       "\"Sent Items\"" },
                {"quote, backslash",  BYTES("a\"b\\c"),      0,       "\"a\\\"b\\\\c\""},
                {"wildcards",         BYTES("a*b%c"),        0,       "\"a*b%c\""      },
                {"parentheses",       BYTES("(a)"),          0,       "\"(a)\""        },
                {"brace",             BYTES("a{1}"),         0,       "\"a{1}\""       },
                {"NIL",               BYTES("nil"),          0,       "\"nil\""        },
                {"control character", BYTES("a\x01z\x7f"),   0,       "\"a\x01z\x7f\"" },
                {"NUL",               BYTES("a\0b"),         -EINVAL, ""               },
                {"CR",                BYTES("a\rb"),         -EINVAL, ""               },
                {"LF",                BYTES("a\nb"),         -EINVAL, ""               },
                {"8-bit",             BYTES("\xc3\xbc"),     -EINVAL, ""               },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

                TEST_ROW(rows[i].label,
                         imap_format_astring(rows[i].string, &out) == rows[i].result);
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&out), bytes_of(rows[i].text)));
        }
}

static void test_parse_date(void) {
        static const struct {
                const char *label;
                const char *text;
                int result;
                int64_t date;
                int zone;
        } rows[] = {
                {"the epoch",          " 1-Jan-1970 00:00:00 +0000",     0,        0,            0   },
                {"west",               " 7-Feb-1994 21:52:25 -0800",     0,        760686745,    -480},
                {"west in summer",     "17-Jul-1996 02:44:25 -0700",     0,        837596665,    -420},
                {"half an hour",       "17-Jul-1996 02:44:25 +0530",     0,        837551665,    330 },
                {"no space",           "7-Feb-1994 21:52:25 -0800",      0,        760686745,    -480},
                {"leading zero",       "07-Feb-1994 21:52:25 -0800",     0,        760686745,    -480},
                {"month in capitals",  "17-JUL-1996 02:44:25 -0700",     0,        837596665,    -420},
                {"before the epoch",   "31-Dec-1969 23:59:59 +0000",     0,        -1,           0   },
                {"past 32 bits",       "19-Jan-2038 03:14:08 +0000",     0,        2147483648,   0   },
                {"leap day",           "29-Feb-2024 12:00:00 +0000",     0,        1709208000,   0   },
                {"leap day of 2000",   "29-Feb-2000 00:00:00 +0000",     0,        951782400,    0   },
                {"leap second",        "30-Jun-2015 23:59:60 +0000",     0,        1435708799,   0   },
                {"first",              " 1-Jan-0000 00:00:00 +0000",     0,        -62167219200, 0   },
                {"last",               "31-Dec-9999 23:59:59 +0000",     0,        253402300799, 0   },
                {"last, leap second",  "31-Dec-9999 23:59:60 +0000",     0,        253402300799, 0   },
                {"minus zero",         " 1-Jan-1970 00:00:00 -0000",     0,        0,            0   },
                {"widest zone",        " 1-Jan-1970 00:00:00 +2359",     0,        -86340,       1439},
                {"no leap day",        "29-Feb-2023 12:00:00 +0000",     -EBADMSG, 7,            7   },
                {"no leap day, 1900",  "29-Feb-1900 12:00:00 +0000",     -EBADMSG, 7,            7   },
                {"31 April",           "31-Apr-2024 12:00:00 +0000",     -EBADMSG, 7,            7   },
                {"day 0",              " 0-Jan-1970 00:00:00 +0000",     -EBADMSG, 7,            7   },
                {"day 32",             "32-Jan-1970 00:00:00 +0000",     -EBADMSG, 7,            7   },
                {"two spaces",         "  1-Jan-1970 00:00:00 +0000",    -EBADMSG, 7,            7   },
                {"three digits",       "001-Jan-1970 00:00:00 +0000",    -EBADMSG, 7,            7   },
                {"unknown month",      " 1-Jab-1970 00:00:00 +0000",     -EBADMSG, 7,            7   },
                {"year of two digits", " 1-Jan-70 00:00:00 +0000",       -EBADMSG, 7,            7   },
                {"year of five",       " 1-Jan-10000 00:00:00 +0000",    -EBADMSG, 7,            7   },
                {"hour 24",            " 1-Jan-1970 24:00:00 +0000",     -EBADMSG, 7,            7   },
                {"minute 60",          " 1-Jan-1970 00:60:00 +0000",     -EBADMSG, 7,            7   },
                {"second 61",          " 1-Jan-1970 00:00:61 +0000",     -EBADMSG, 7,            7   },
                {"zone by name",       " 1-Jan-1970 00:00:00 GMT",       -EBADMSG, 7,            7   },
                {"zone of a day",      " 1-Jan-1970 00:00:00 +2400",     -EBADMSG, 7,            7   },
                {"zone minute 60",     " 1-Jan-1970 00:00:00 +0060",     -EBADMSG, 7,            7   },
                {"zone without sign",  " 1-Jan-1970 00:00:00 00000",     -EBADMSG, 7,            7   },
                {"more behind",        " 1-Jan-1970 00:00:00 +0000 ",    -EBADMSG, 7,            7   },
                {"quoted",             "\" 1-Jan-1970 00:00:00 +0000\"", -EBADMSG, 7,            7   },
                {"sign in a number",   " 1-Jan-1970 +1:00:00 +0000",     -EBADMSG, 7,            7   },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int64_t date = 7;
                int zone = 7;

                TEST_ROW(rows[i].label,
                         imap_parse_date(bytes_of(rows[i].text), &date, &zone) == rows[i].result);
                TEST_ROW(rows[i].label, date == rows[i].date && zone == rows[i].zone);
        }
}

static void test_parse_date_prefixes(void) {
        static const char whole[] = " 7-Feb-1994 21:52:25 -0800";
        int64_t date;
        int zone;

        for (size_t n = 0; n < sizeof(whole) - 1; n++)
                assert(imap_parse_date((ByteView){whole, n}, &date, &zone) == -EBADMSG);
        assert(imap_parse_date(bytes_of(whole), &date, &zone) == 0);
}

static void test_format_date(void) {
        static const struct {
                const char *label;
                int64_t date;
                int zone;
                const char *text;
        } rows[] = {
                {"the epoch",        0,            0,         "\" 1-Jan-1970 00:00:00 +0000\""},
                {"west",             760686745,    -480,      "\" 7-Feb-1994 21:52:25 -0800\""},
                {"half an hour",     837551665,    330,       "\"17-Jul-1996 02:44:25 +0530\""},
                {"west of midnight", 0,            -1,        "\"31-Dec-1969 23:59:00 -0001\""},
                {"leap day",         1709208000,   0,         "\"29-Feb-2024 12:00:00 +0000\""},
                {"last",             253402300799, 0,         "\"31-Dec-9999 23:59:59 +0000\""},
                {"behind the last",  253402300799, 60,        "\"31-Dec-9999 23:59:59 +0100\""},
                {"far behind",       INT64_MAX,    1439,      "\"31-Dec-9999 23:59:59 +2359\""},
                {"far before",       INT64_MIN,    -1439,     "\" 1-Jan-0000 00:00:00 -2359\""},
                {"zone of a day",    0,            1440,      "\" 1-Jan-1970 00:00:00 +0000\""},
                {"no zone at all",   0,            INT32_MIN, "\" 1-Jan-1970 00:00:00 +0000\""},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

                TEST_ROW(rows[i].label, imap_format_date(rows[i].date, rows[i].zone, &out) == 0);
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&out), bytes_of(rows[i].text)));
        }
}

/* Every day of 800 years, so that each kind of year comes twice, survives its text. */
static void test_every_day(void) {
        enum { FROM_1582 = -141714, TO_2381 = 150480 };

        for (int64_t days = FROM_1582; days < TO_2381; days++) {
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
                int64_t date;
                int zone;

                assert(imap_format_date(days * 86400 + 43200, -90, &out) == 0);
                assert(imap_parse_date((ByteView){out.data + 1, out.size - 2}, &date, &zone) == 0);
                assert(date == days * 86400 + 43200 && zone == -90);
        }
}

static void test_header_value(void) {
        static const struct {
                const char *label;
                const char *header;
                const char *name;
                int result;
                const char *value;
        } rows[] = {
                {"first line",        "Message-ID: <a@b>\r\nTo: c\r\n",    "Message-ID", 1, "<a@b>"   },
                {"later line",        "To: c\r\nMessage-ID: <a@b>\r\n",    "Message-ID", 1, "<a@b>"   },
                {"LF only",           "To: c\nMessage-ID: <a@b>\n",        "Message-ID", 1, "<a@b>"   },
                {"case",              "MESSAGE-Id: <a@b>\r\n",             "message-ID", 1, "<a@b>"   },
                {"no line end",       "To: c\r\nMessage-ID: <a@b>",        "Message-ID", 1, "<a@b>"   },
                {"white space",       "To: \t c  d\t \r\n",                "To",         1, "c  d"    },
                {"no white space",    "To:c\r\n",                          "To",         1, "c"       },
                {"before the colon",  "To \t: c\r\n",                      "To",         1, "c"       },
                {"folded",            "To: a,\r\n\tb,\r\n c\r\nCc: d\r\n", "To",         1, "a,\tb, c"},
                {"folded at once",    "Message-ID:\r\n <a@b>\r\n",         "Message-ID", 1, "<a@b>"   },
                {"folded, LF only",   "Message-ID:\n <a@b>\n",             "Message-ID", 1, "<a@b>"   },
                {"folded to nothing", "To: a\r\n \r\n\t\r\nCc: d\r\n",     "To",         1, "a"       },
                {"value empty",       "To:\r\nCc: d\r\n",                  "To",         1, ""        },
                {"value of space",    "To: \r\n \r\nCc: d\r\n",            "To",         1, ""        },
                {"colons in it",      "To: a:b: c\r\n",                    "To",         1, "a:b: c"  },
                {"first of two",      "To: a\r\nTo: b\r\n",                "To",         1, "a"       },
                {"name is a prefix",  "Tos: a\r\n",                        "To",         0, ""        },
                {"name in a value",   "X: To: a\r\n",                      "To",         0, ""        },
                {"name in a fold",    "X: y\r\n To: a\r\n",                "To",         0, ""        },
                {"no colon",          "To\r\nTo a\r\n",                    "To",         0, ""        },
                {"in the body",       "X: y\r\n\r\nTo: a\r\n",             "To",         0, ""        },
                {"in the body, LF",   "X: y\n\nTo: a\n",                   "To",         0, ""        },
                {"fold of the body",  "To: a\r\n\r\n b\r\n",               "To",         1, "a"       },
                {"empty",             "",                                  "To",         0, ""        },
                {"lone CR",           "To: a\rb\r\n",                      "To",         1, "a\rb"    },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

                TEST_ROW(rows[i].label, buffer_append_string(&out, " ") == 0);
                TEST_ROW(rows[i].label, imap_header_value(bytes_of(rows[i].header), rows[i].name,
                                                          &out) == rows[i].result);
                buffer_consume(&out, 1);
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&out), bytes_of(rows[i].value)));
        }
}

static void test_tuid_size(void) {
        static const struct {
                const char *label;
                const char *header;
                size_t size;
        } rows[] = {
                {"none",          "To: c\r\nMessage-ID: <a@b>\r\n",        0 },
                {"first",         "X-TUID: 0123456789+/\r\nTo: c\r\n",     22},
                {"last",          "To: c\r\nX-TUID: 0123456789+/\r\n\r\n", 22},
                {"LF only",       "To: c\nX-TUID: 0123456789+/\n",         22},
                {"of others",     "X-TUID: 0123456789\r\nTo: c\r\n",       0 },
                {"longer",        "X-TUID: 0123456789abc\r\nTo: c\r\n",    0 },
                {"in the body",   "To: c\r\n\r\nX-TUID: 0123456789+/\r\n", 0 },
                {"name a prefix", "X-TUID-X: 0123456789+/\r\n",            0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label,
                         imap_header_tuid_size(bytes_of(rows[i].header)) == rows[i].size);
}

static void test_limits(void) {
        _cleanup_(buffer_done) Buffer out = {.limit = 4};

        assert(imap_format_astring(BYTES("a b"), &out) == -E2BIG && out.size == 0);
        assert(imap_format_date(0, 0, &out) == -E2BIG && out.size == 0);
        assert(imap_header_value(BYTES("To: ab\r\n cd\r\n"), "To", &out) == -E2BIG);
        assert(out.size == 0);
        assert(imap_header_value(BYTES("To: abcd\r\n"), "To", &out) == 1 && out.size == 4);
}

int main(void) {
        test_astring();
        test_parse_date();
        test_parse_date_prefixes();
        test_format_date();
        test_every_day();
        test_header_value();
        test_tuid_size();
        test_limits();
        return 0;
}
