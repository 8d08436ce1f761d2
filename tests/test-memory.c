/*
 * Out of memory: each row is run with its first allocation failing, then its second, and so on until
 * it needs no more. It must say -ENOMEM each time, keep what it had, and leak nothing (which
 * -Db_sanitize=address sees).
 *
 * The linker puts the functions below in the place of libc's (--wrap), in the libraries too.
 */

#include <errno.h>
#include <limits.h>

#include "base/macro.h"
#include "imap/capability.h"
#include "imap/command.h"
#include "imap/flags.h"
#include "imap/mailbox-name.h"
#include "imap/sasl.h"
#include "imap/session.h"
#include "imap/uid-set.h"
#include "test.h"

void *__real_malloc(size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);

static unsigned allocations_left; /* before the one that fails */
static bool failed;

static bool must_fail(void) {
        if (allocations_left > 0) {
                allocations_left--;
                return false;
        }

        failed = true;
        errno = ENOMEM;
        return true;
}

void *__wrap_malloc(size_t size) {
        return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *old, size_t size) {
        return must_fail() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t n, size_t size) {
        return must_fail() ? NULL : __real_reallocarray(old, n, size);
}

static int run_uid_set_add(void) {
        _cleanup_(uid_set_done) UidSet set = UID_SET_NULL;
        int r = 0;

        for (uint32_t uid = 2; r == 0 && uid <= 200; uid += 2) {
                r = uid_set_add(&set, uid, uid);
                assert(uid_set_count(&set) == uid / 2 - (r < 0));
        }

        return r;
}

/* The one removal that needs memory is that which splits a range of a full array. */
static int run_uid_set_remove(void) {
        _cleanup_(uid_set_done) UidSet set = UID_SET_NULL;
        int r;

        r = uid_set_add(&set, 1, 9);
        if (r < 0)
                return r;
        r = uid_set_remove(&set, 5, 5);
        assert(uid_set_count(&set) == (r < 0 ? 9 : 8));
        assert(uid_set_contains(&set, 5) == (r < 0));
        return r;
}

static int run_uid_set_parse(void) {
        _cleanup_(uid_set_done) UidSet set = UID_SET_NULL;
        int r = uid_set_parse(BYTES("1,3,5,7,9,11"), 10, &set);

        assert(set.n_ranges == (r < 0 ? 0 : 6));
        return r;
}

static int run_uid_set_format(void) {
        UidRange ranges[100];
        const UidSet set = {.ranges = ranges, .n_ranges = ARRAY_SIZE(ranges)};
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        size_t index = 0;
        int r;

        for (uint32_t i = 0; i < ARRAY_SIZE(ranges); i++)
                ranges[i] = (UidRange){3 * i + 1, 3 * i + 2};
        r = uid_set_format(&set, &index, 8192, &out);
        assert(index == (r < 0 ? 0 : set.n_ranges));
        assert((out.size == 0) == (r < 0));
        return r;
}

static int run_keywords_add(void) {
        _cleanup_(keywords_done) Keywords keywords = KEYWORDS_NULL;
        MessageFlags flag = 0;
        int r = keywords_add(&keywords, BYTES("work"), &flag);

        assert(keywords.n_names == (r == 0) && (flag != 0) == (r == 0));
        return r;
}

static int run_flags(void) {
        _cleanup_(keywords_done) Keywords keywords = KEYWORDS_NULL;
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        MessageFlags flags = 0;
        int r;

        r = flags_parse(
                BYTES("\\Seen work play \\Flagged $Forwarded a-keyword-that-is-rather-long"),
                &keywords, &flags);
        assert((flags != 0) == (r == 0));
        if (r < 0)
                return r;
        r = flags_format(flags, &keywords, &out);
        assert((out.size == 0) == (r < 0));
        return r;
}

static int run_capabilities_format(void) {
        const ImapCapabilities all = {
                .bits = ((uint64_t) 1 << _IMAP_CAPABILITY_MAX) - 1,
                .append_limit = INT64_MAX,
        };
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        int r = imap_capabilities_format(&all, &out);

        assert((out.size == 0) == (r < 0));
        return r;
}

static int run_astring(void) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

        return imap_format_astring(BYTES("Sent Items"), &out);
}

static int run_date(void) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

        return imap_format_date(0, 0, &out);
}

static int run_header_value(void) {
        static const ByteView header = BYTES(
                "To: one@example.org, two@example.org, three@example.org,\r\n"
                "\tfour@example.org, five@example.org, six@example.org, seven@example.org\r\n");
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        int r = imap_header_value(header, "To", &out);

        assert((out.size == 0) == (r < 0));
        return r < 0 ? r : 0;
}

static int run_mailbox_name(void) {
        static const ByteView wire =
                BYTES("a level that is long enough/for a buffer/to grow/&AOkA6QDpAOkA6QDpAOkA6Q-&-/"
                      "&2D3eAA-/and once more, since it doubles each time that it must/and again");
        _cleanup_free_ char *name = NULL, *again = NULL;
        int r;

        r = mailbox_name_decode(wire, '/', &name);
        assert(!name == (r != 0));
        if (r != 0)
                return r;
        r = mailbox_name_encode(name, '/', &again);
        assert(!again == (r != 0));
        return r;
}

static int run_sasl_plain(void) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        int r = sasl_plain("tim", "tanstaaftanstaaf", &out);

        assert((out.size == 0) == (r < 0));
        return r;
}

/* Once memory is there again, the session goes on where it was. */
static bool must_retry(ssize_t r) {
        if (r != -ENOMEM)
                return false;

        allocations_left = UINT_MAX;
        return true;
}

#define RETRY(call)                                                                                \
        __extension__({                                                                            \
                ssize_t _r;                                                                        \
                do                                                                                 \
                        _r = (call);                                                               \
                while (must_retry(_r));                                                            \
                _r;                                                                                \
        })

static uint64_t mix(uint64_t hash, ByteView bytes) {
        for (size_t i = 0; i < bytes.size; i++)
                hash = (hash ^ (unsigned char) bytes.data[i]) * 0x100000001b3;
        return hash;
}

/* What the server says to a session with three commands under way, as one number. */
static uint64_t hear(ImapSession *session, ByteView said) {
        uint64_t hash = 0;

        for (size_t at = 0; at < said.size; at += 100) {
                const ByteView piece = {said.data + at, MIN((size_t) 100, said.size - at)};
                ImapEvent event;

                assert(RETRY(imap_session_push(session, piece)) == 0);
                while (RETRY(imap_session_next(session, &event)) > 0) {
                        hash = (hash ^ event.type) * 31 + event.tag + event.fetch.uid;
                        hash = mix(mix(hash, event.data), event.text.text);
                        hash = mix(mix(hash, event.list.mailbox), event.fetch.flags);
                        hash += uid_set_count(&event.uids) + uid_set_count(&event.text.uids_to);
                }
        }

        return hash;
}

static void give_commands(ImapSession *session) {
        ImapTag tag;

        for (unsigned i = 0; i < 20; i++)
                assert(RETRY(imap_session_submit(session, BYTES("NOOP"), &tag)) == 0);
        assert(RETRY(imap_session_append_begin(session, BYTES("APPEND a"), 4, IMAP_LITERAL_SYNC,
                                               &tag)) == 0);
        assert(RETRY(imap_session_append_data(session, BYTES("abcd"))) == 4);
        assert(RETRY(imap_session_append_end(session)) == 0);
        assert(RETRY(imap_session_idle(session, &tag)) == 0);
        assert(RETRY(imap_session_done(session)) == 0);
        assert(RETRY(imap_session_submit_line(session, BYTES("line"))) == 0);
}

static uint64_t run_conversation(void) {
        static const ByteView said =
                BYTES("* OK hello\r\n"
                      "* LIST () \"/\" \"a\\\"b\"\r\n"
                      "* OK [COPYUID 1 1,3,5,7,9 2,4,6,8,10] x\r\n"
                      "* 1 FETCH (UID 5 X \"\\(\" BODY[] {4}\r\nabcd FLAGS (\\Seen) Y "
                      "\"a long string that makes the line grow and grow and grow and grow\" "
                      "BODY[HEADER.FIELDS (A)] \"\\x\")\r\n"
                      "* 2 FETCH (BODY[] \"a\\\"b\" BODY[HEADER.FIELDS (A)] \"\\x\" UID 6)\r\n"
                      "* VANISHED (EARLIER) 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31\r\n"
                      "* SEARCH 1 3 5 7 9\r\n");
        _cleanup_(imap_session_freep) ImapSession *session = NULL;
        uint64_t hash;

        assert(RETRY(imap_session_new(&imap_limits_default, &session)) == 0);
        hash = hear(session, said);
        give_commands(session);
        for (unsigned i = 0; i < 3; i++) {
                ByteView out = imap_session_pull(session);

                hash = mix(hash, out);
                imap_session_sent(session, out.size);
                hash += hear(session, BYTES("+ go\r\n"));
        }

        assert(imap_session_n_skipped(session) == 0);
        return hash;
}

static int run_session(void) {
        unsigned n = allocations_left;
        uint64_t expected;

        allocations_left = UINT_MAX;
        expected = run_conversation();
        allocations_left = n;
        assert(run_conversation() == expected);
        return failed ? -ENOMEM : 0;
}

int main(void) {
        static const struct {
                const char *label;
                int (*run)(void);
                unsigned min_allocations;
        } rows[] = {
                {"uid_set_add",              run_uid_set_add,         5 },
                {"uid_set_remove",           run_uid_set_remove,      2 },
                {"uid_set_parse",            run_uid_set_parse,       2 },
                {"uid_set_format",           run_uid_set_format,      2 },
                {"keywords_add",             run_keywords_add,        1 },
                {"flags_parse and _format",  run_flags,               4 },
                {"imap_capabilities_format", run_capabilities_format, 2 },
                {"imap_format_astring",      run_astring,             1 },
                {"imap_format_date",         run_date,                1 },
                {"imap_header_value",        run_header_value,        2 },
                {"mailbox_name",             run_mailbox_name,        5 },
                {"sasl_plain",               run_sasl_plain,          2 },
                {"imap_session",             run_session,             15},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (unsigned n = 0;; n++) {
                        int r;

                        allocations_left = n;
                        failed = false;
                        r = rows[i].run();
                        TEST_ROW(rows[i].label, r == (failed ? -ENOMEM : 0));
                        if (!failed) {
                                TEST_ROW(rows[i].label, n >= rows[i].min_allocations);
                                break;
                        }
                }

        return 0;
}
