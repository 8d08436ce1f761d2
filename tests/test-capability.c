/* Capabilities: words to bits and back. */

#include <errno.h>

#include "base/macro.h"
#include "imap/capability.h"
#include "test.h"

#define BIT(name) ((uint64_t) 1 << IMAP_CAPABILITY_##name)

static void test_parse(void) {
        static const struct {
                const char *label;
                const char *words;
                uint64_t bits;
                uint64_t append_limit;
                const char *formatted;
        } rows[] = {
                {"none",            "",                                0,                                      0,        ""                           },
                {"one",             "IMAP4rev1",                       BIT(IMAP4REV1),                         0,        "IMAP4rev1"                  },
                {"case",            "imap4REV1 idle",                  BIT(IMAP4REV1) | BIT(IDLE),             0,        "IMAP4rev1 IDLE"             },
                {"unknown words",   "XLIST IDLE THREAD=REFS",          BIT(IDLE),                              0,        "IDLE"                       },
                {"several spaces",  "  IDLE   ID ",                    BIT(IDLE) | BIT(ID),                    0,        "IDLE ID"                    },
                {"a prefix only",   "IDLENESS UIDPLUS+ LITERAL",       0,                                      0,        ""                           },
                {"with a value",    "AUTH=PLAIN COMPRESS=DEFLATE",
                 BIT(AUTH_PLAIN) | BIT(COMPRESS_DEFLATE),                                                      0,        "AUTH=PLAIN COMPRESS=DEFLATE"},
                {"other value",     "AUTH=GSSAPI COMPRESS=LZ4",        0,                                      0,        ""                           },
                {"literals",        "LITERAL- LITERAL+",               BIT(LITERAL_PLUS) | BIT(LITERAL_MINUS), 0,
                 "LITERAL+ LITERAL-"                                                                                                                  },
                {"Gmail",           "X-GM-EXT-1",                      BIT(GMAIL),                             0,        "X-GM-EXT-1"                 },
                {"ENABLE's",        "ENABLE UIDONLY",                  BIT(ENABLE) | BIT(UIDONLY),             0,        "ENABLE UIDONLY"             },
                {"STATUS=SIZE",     "STATUS=SIZE",                     BIT(STATUS_SIZE),                       0,        "STATUS=SIZE"                },
                {"limit",           "APPENDLIMIT=35651584",            BIT(APPENDLIMIT),                       35651584,
                 "APPENDLIMIT=35651584"                                                                                                               },
                {"limit unstated",  "APPENDLIMIT",                     BIT(APPENDLIMIT),                       0,        "APPENDLIMIT"                },
                {"limit of 0",      "APPENDLIMIT=0",                   BIT(APPENDLIMIT),                       0,        "APPENDLIMIT"                },
                {"limit no number", "APPENDLIMIT=big",                 0,                                      0,        ""                           },
                {"limit too large", "APPENDLIMIT=9223372036854775808", 0,                                      0,        ""                           },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
                ImapCapabilities parsed = imap_capabilities_parse(bytes_of(rows[i].words));

                TEST_ROW(rows[i].label, parsed.bits == rows[i].bits);
                TEST_ROW(rows[i].label, parsed.append_limit == rows[i].append_limit);
                TEST_ROW(rows[i].label, imap_capabilities_format(&parsed, &out) == 0);
                TEST_ROW(rows[i].label,
                         bytes_equal(buffer_view(&out), bytes_of(rows[i].formatted)));
        }
}

/* Every capability has a name of its own, and the whole set survives its text. */
static void test_all(void) {
        const ImapCapabilities all = {
                .bits = ((uint64_t) 1 << _IMAP_CAPABILITY_MAX) - 1,
                .append_limit = INT64_MAX,
        };
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        Buffer small = {.limit = 20};
        ImapCapabilities again;

        assert(imap_capabilities_format(&all, &out) == 0);
        again = imap_capabilities_parse(buffer_view(&out));
        assert(again.bits == all.bits && again.append_limit == all.append_limit);

        assert(imap_capabilities_format(&all, &small) == -E2BIG && small.size == 0);
        buffer_done(&small);
}

static void test_has(void) {
        const ImapCapabilities some = imap_capabilities_parse(BYTES("QRESYNC X-GM-EXT-1"));

        assert(imap_has(&some, IMAP_CAPABILITY_QRESYNC));
        assert(imap_has(&some, IMAP_CAPABILITY_GMAIL));
        assert(!imap_has(&some, IMAP_CAPABILITY_CONDSTORE));
}

static void test_enable(void) {
        static const struct {
                const char *label, *words, *command;
        } rows[] = {
                {"nothing to enable", "ENABLE IDLE",            NULL                    },
                {"no ENABLE",         "QRESYNC UIDONLY",        NULL                    },
                {"one",               "ENABLE QRESYNC",         "ENABLE QRESYNC"        },
                {"the other",         "UIDONLY ENABLE",         "ENABLE UIDONLY"        },
                {"both",              "ENABLE UIDONLY QRESYNC", "ENABLE QRESYNC UIDONLY"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const ImapCapabilities has = imap_capabilities_parse(bytes_of(rows[i].words));

                TEST_ROW(rows[i].label, bytes_equal(bytes_of(imap_enable_command(&has)),
                                                    bytes_of(rows[i].command)));
        }
}

int main(void) {
        test_enable();
        test_parse();
        test_all();
        test_has();
        return 0;
}
