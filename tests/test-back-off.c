/* Words of a server that ask us to wait. */

#include "base/macro.h"
#include "imap/back-off.h"
#include "test.h"

#define NONE       IMAP_BACK_OFF_NONE
#define REQUEST    IMAP_BACK_OFF_REQUEST
#define SESSION    IMAP_BACK_OFF_SESSION
#define CONNECTION IMAP_BACK_OFF_CONNECTION

static void test_back_off(void) {
        static const struct {
                const char *label;
                ImapStatus status;
                ImapCode code;
                const char *text;
                ImapBackOffScope scope;
                uint64_t msec;
        } rows[] = {
                {"nothing",           IMAP_NO,  IMAP_CODE_NONE,        "No such mailbox",              NONE,       0   },
                {"fine",              IMAP_OK,  IMAP_CODE_THROTTLED,   "done",                         NONE,       0   },
                {"THROTTLED",         IMAP_NO,  IMAP_CODE_THROTTLED,   "slowly",                       SESSION,    0   },
                {"BYE THROTTLED",     IMAP_BYE, IMAP_CODE_THROTTLED,   "slowly",                       CONNECTION, 0   },
                {"LIMIT",             IMAP_NO,  IMAP_CODE_LIMIT,       "too many",                     REQUEST,    0   },
                {"BYE LIMIT",         IMAP_BYE, IMAP_CODE_LIMIT,       "too many connections",         CONNECTION, 0   },
                {"UNAVAILABLE",       IMAP_NO,  IMAP_CODE_UNAVAILABLE, "backend",                      REQUEST,    0   },
                {"BYE UNAVAILABLE",   IMAP_BYE, IMAP_CODE_UNAVAILABLE, "shutting down",                CONNECTION,
                 0                                                                                                     },
                {"INUSE",             IMAP_NO,  IMAP_CODE_INUSE,       "locked",                       REQUEST,    0   },
                {"Exchange, BAD",     IMAP_BAD, IMAP_CODE_NONE,
                 "Request is throttled. Suggested Backoff Time: 299962 milliseconds",                  SESSION,
                 299962                                                                                                },
                {"Exchange, NO",      IMAP_NO,  IMAP_CODE_NONE,
                 "request is throttled. suggested backoff time: 5000",                                 SESSION,    5000},
                {"at least a second", IMAP_NO,  IMAP_CODE_NONE,        "Suggested Backoff Time: 0 ms",
                 SESSION,                                                                                          1000},
                {"at most an hour",   IMAP_NO,  IMAP_CODE_NONE,
                 "Suggested Backoff Time: 99999999999999999999999999 milliseconds",                    SESSION,
                 3600000                                                                                               },
                {"no number",         IMAP_NO,  IMAP_CODE_NONE,        "Suggested Backoff Time: soon", SESSION,    0   },
                {"cut",               IMAP_NO,  IMAP_CODE_NONE,        "Suggested Backoff Time:",      SESSION,    0   },
                {"not connected",     IMAP_BAD, IMAP_CODE_NONE,
                 "User is authenticated but not connected.",                                           CONNECTION, 0   },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const ImapText text = {
                        .status = rows[i].status,
                        .code = rows[i].code,
                        .text = bytes_of(rows[i].text),
                };
                const ImapBackOff told = imap_back_off(&text);

                TEST_ROW(rows[i].label, told.scope == rows[i].scope);
                TEST_ROW(rows[i].label, told.usec == rows[i].msec * 1000);
        }
}

static void test_farewell(void) {
        static const struct {
                const char *words;
                bool is_farewell;
        } rows[] = {
                {"Session expired, please login again.", true },
                {"Autologout; idle for too long",        true },
                {"Disconnected for inactivity.",         true },
                {"IMAP session state is inconsistent",   false},
                {"",                                     false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].words,
                         imap_is_farewell(bytes_of(rows[i].words)) == rows[i].is_farewell);
}

int main(void) {
        test_back_off();
        test_farewell();
        return 0;
}
