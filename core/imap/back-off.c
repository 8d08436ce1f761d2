/* Words of a server that ask us to wait. */

#include "imap/back-off.h"

#define SECOND ((uint64_t) 1000000)

/* A server that wants hours of silence has lost its clock, or us. */
#define USEC_MIN SECOND
#define USEC_MAX (3600 * SECOND)

/* Behind @part, in any case; size 0 and data NULL: it is not there. */
static ByteView behind(ByteView text, const char *part) {
        const ByteView needle = bytes_of(part);

        for (size_t i = 0; i + needle.size <= text.size; i++) {
                const ByteView rest = {text.data + i, text.size - i};

                if (bytes_starts_fold(rest, needle))
                        return (ByteView){rest.data + needle.size, rest.size - needle.size};
        }
        return BYTES_NULL;
}

static bool contains(ByteView text, const char *part) {
        return behind(text, part).data != NULL;
}

/* "Suggested Backoff Time: 299962 milliseconds" */
static uint64_t suggested(ByteView text) {
        ByteView rest = behind(text, "backoff time:");
        uint64_t msec = 0;

        while (rest.size > 0 && *rest.data == ' ')
                rest = (ByteView){rest.data + 1, rest.size - 1};
        if (rest.size == 0 || *rest.data < '0' || *rest.data > '9')
                return 0;
        for (; rest.size > 0 && *rest.data >= '0' && *rest.data <= '9' && msec < USEC_MAX;
             rest = (ByteView){rest.data + 1, rest.size - 1})
                msec = msec * 10 + (uint64_t) (*rest.data - '0');

        return MAX(MIN(msec, USEC_MAX / 1000) * 1000, USEC_MIN);
}

static ImapBackOffScope scope_of(const ImapText *text) {
        if (text->status == IMAP_OK || text->status == IMAP_PREAUTH)
                return IMAP_BACK_OFF_NONE;
        if (contains(text->text, "authenticated but not connected"))
                return IMAP_BACK_OFF_CONNECTION;
        if (text->code == IMAP_CODE_THROTTLED || contains(text->text, "request is throttled") ||
            contains(text->text, "backoff time:"))
                return text->status == IMAP_BYE ? IMAP_BACK_OFF_CONNECTION : IMAP_BACK_OFF_SESSION;
        if (text->code == IMAP_CODE_LIMIT || text->code == IMAP_CODE_UNAVAILABLE ||
            text->code == IMAP_CODE_INUSE)
                return text->status == IMAP_BYE ? IMAP_BACK_OFF_CONNECTION : IMAP_BACK_OFF_REQUEST;
        return IMAP_BACK_OFF_NONE;
}

ImapBackOff imap_back_off(const ImapText *text) {
        const ImapBackOffScope scope = scope_of(text);

        return (ImapBackOff){
                .scope = scope,
                .usec = scope == IMAP_BACK_OFF_NONE ? 0 : suggested(text->text),
        };
}

bool imap_is_farewell(ByteView words) {
        static const char *const known[] = {"session expired", "autologout", "auto-logout",
                                            "inactivity", "idle for too long"};

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (contains(words, known[i]))
                        return true;
        return false;
}
