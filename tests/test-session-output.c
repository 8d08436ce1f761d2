/*
 * What is submitted and the bytes it becomes: tags, literals that wait, IDLE, limits, wiping
 *
 * Each test is a dialogue: what the owner does, what leaves, what the server says to it.
 */

#include <errno.h>

#include "base/macro.h"
#include "imap-events.h"
#include "imap/session.h"
#include "test.h"

typedef enum StepType {
        STEP_END,
        SUBMIT,   /* a command */
        LINE,     /* a line without tag */
        IDLE,     /* ... whose tag must be number */
        DONE,     /* end IDLE */
        SYNC,     /* begin to append number bytes */
        PLUS,     /* ... with LITERAL+ */
        MINUS,    /* ... with LITERAL- */
        MORE,     /* another literal: what stands before it, and its size; -1: too early */
        DATA,     /* of which number bytes must be taken */
        APPENDED, /* end of append; number is the result */
        OUT,      /* must be what leaves now */
        IN,       /* the server says */
        EVENTS,   /* must be what came of it since the last time */
        WAITING,  /* is_idle must be number */
        COUNT,    /* number of commands under way */
        OWED,     /* number of them that the server is to answer */
        LIMIT,    /* of commands that may be */
} StepType;

typedef struct Step {
        StepType type;
        const char *text;
        long number;
} Step;

typedef struct Dialogue {
        const char *label;
        Step steps[32];
} Dialogue;

static void say(ImapSession *session, const char *text, Buffer *events) {
        ImapEvent event;
        int r;

        assert(imap_session_push(session, bytes_of(text)) == 0);
        while ((r = imap_session_next(session, &event)) > 0)
                put_event(events, &event);
        if (r < 0)
                assert(buffer_append_format(events, "! %s\n", imap_session_error(session)) == 0);
}

static bool is_out(ImapSession *session, const char *expected) {
        ByteView out = imap_session_pull(session);
        bool equal = bytes_equal(out, bytes_of(expected));

        if (!equal)
                fprintf(stderr, "leaves: %.*s\n", (int) out.size, out.data);
        imap_session_sent(session, out.size);
        return equal;
}

static bool is_events(Buffer *events, const char *expected) {
        bool equal = bytes_equal(buffer_view(events), bytes_of(expected));

        if (!equal)
                fprintf(stderr, "events: %.*s\n", (int) events->size, events->data);
        events->size = 0;
        return equal;
}

static bool begin_append(ImapSession *session, const Step *step) {
        static const ImapLiteralMode modes[] = {
                [SYNC] = IMAP_LITERAL_SYNC,
                [PLUS] = IMAP_LITERAL_PLUS,
                [MINUS] = IMAP_LITERAL_MINUS,
        };
        ImapTag tag;

        return imap_session_append_begin(session, bytes_of(step->text), (uint64_t) step->number,
                                         modes[step->type], &tag) == 0;
}

static bool take(ImapSession *session, const Step *step, Buffer *events) {
        ImapTag tag;

        switch (step->type) {
        case SUBMIT:
                return imap_session_submit(session, bytes_of(step->text), &tag) == 0;
        case LINE:
                return imap_session_submit_line(session, bytes_of(step->text)) == 0;
        case IDLE:
                return imap_session_idle(session, &tag) == 0 && tag == (ImapTag) step->number;
        case DONE:
                return imap_session_done(session) == 0;
        case LIMIT:
                imap_session_set_limit(session, (unsigned) step->number);
                return true;
        case SYNC:
        case PLUS:
        case MINUS:
                return begin_append(session, step);
        case MORE:
                return imap_session_append_more(session, bytes_of(step->text),
                                                (uint64_t) MAX(step->number, 0)) ==
                       (step->number < 0 ? -EINVAL : 0);
        case DATA:
                return imap_session_append_data(session, bytes_of(step->text)) == step->number;
        case APPENDED:
                return imap_session_append_end(session) == step->number;
        case OUT:
                return is_out(session, step->text);
        case IN:
                say(session, step->text, events);
                return true;
        case EVENTS:
                return is_events(events, step->text);
        case WAITING:
                return imap_session_is_idle(session) == (step->number != 0);
        case COUNT:
                return imap_session_n_under_way(session) == (size_t) step->number;
        case OWED:
                return imap_session_n_owed(session) == (size_t) step->number;
        case STEP_END:
                break;
        }

        abort(); /* the switch is complete */
}

static void check(const Dialogue *dialogues, size_t n_dialogues) {
        static const ImapLimits limits = {.line = 4096, .output = 40, .ranges = 9, .literal = 1};

        for (size_t i = 0; i < n_dialogues; i++) {
                _cleanup_(imap_session_freep) ImapSession *session = NULL;
                _cleanup_(buffer_done) Buffer events = BUFFER_NULL;

                assert(imap_session_new(&limits, &session) == 0);
                say(session, "* OK hello\r\n", &events);
                events.size = 0;

                for (const Step *step = dialogues[i].steps; step->type != STEP_END; step++) {
                        if (!take(session, step, &events))
                                fprintf(stderr, "step %d:\n", (int) (step - dialogues[i].steps));
                        else
                                continue;
                        TEST_ROW(dialogues[i].label, false);
                }
                TEST_ROW(dialogues[i].label, events.size == 0);
                TEST_ROW(dialogues[i].label, imap_session_pull(session).size == 0);
        }
}

/* Whose turn is it to speak? */
static const Dialogue owed[] = {
        {"commands",
         {
                 {OWED, NULL, 0},
                 {SUBMIT, "NOOP", 0},
                 {SUBMIT, "NOOP", 0},
                 {OWED, NULL, 2},
                 {OUT, "1 NOOP\r\n2 NOOP\r\n", 0},
                 {OWED, NULL, 2},
                 {IN, "1 OK\r\n", 0},
                 {OWED, NULL, 1},
                 {EVENTS, "1 tagged OK \n", 0},
         }},
        {"a literal that comes piece by piece, and another one",
         {
                 {SUBMIT, "NOOP", 0},
                 {PLUS, "APPEND a", 4},
                 {OWED, NULL, 2},
                 {OUT, "1 NOOP\r\n2 APPEND a {4+}\r\n", 0},
                 {OWED, NULL, 1},
                 {DATA, "ab", 2},
                 {OWED, NULL, 2},
                 {OUT, "ab", 0},
                 {OWED, NULL, 1},
                 {DATA, "cd", 2},
                 {OUT, "cd", 0},
                 {OWED, NULL, 1},
                 {MORE, "", 1},
                 {DATA, "e", 1},
                 {APPENDED, NULL, 0},
                 {OWED, NULL, 2},
                 {OUT, " {1+}\r\ne\r\n", 0},
                 {OWED, NULL, 2},
                 {IN, "1 OK\r\n2 OK\r\n", 0},
                 {OWED, NULL, 0},
                 {EVENTS, "1 tagged OK \n2 tagged OK \n", 0},
         }},
        {"a literal that waits for the server",
         {
                 {SYNC, "APPEND a", 2},
                 {OUT, "1 APPEND a {2}\r\n", 0},
                 {OWED, NULL, 1},
                 {IN, "+ go on\r\n", 0},
                 {OWED, NULL, 0},
                 {DATA, "ab", 2},
                 {OWED, NULL, 1},
                 {OUT, "ab", 0},
                 {OWED, NULL, 0},
                 {APPENDED, NULL, 0},
                 {OWED, NULL, 1},
                 {OUT, "\r\n", 0},
         }},
        {"a literal that is refused half-way",
         {
                 {SYNC, "APPEND a", 2},
                 {OUT, "1 APPEND a {2}\r\n", 0},
                 {IN, "1 NO\r\n", 0},
                 {OWED, NULL, 0},
                 {EVENTS, "1 tagged NO \n", 0},
         }},
};

static const Dialogue plain[] = {
        {"two commands",
         {
                 {SUBMIT, "NOOP", 0},
                 {SUBMIT, "SELECT a", 0},
                 {COUNT, NULL, 2},
                 {OUT, "1 NOOP\r\n2 SELECT a\r\n", 0},
                 {OUT, "", 0},
                 {IN, "1 OK x\r\n", 0},
                 {COUNT, NULL, 1},
                 {SUBMIT, "CLOSE", 0},
                 {OUT, "3 CLOSE\r\n", 0},
                 {IN, "3 OK\r\n2 OK\r\n", 0},
                 {EVENTS, "1 tagged OK x\n3 tagged OK \n2 tagged OK \n", 0},
                 {COUNT, NULL, 0},
         }},
        {"authenticate",
         {
                 {SUBMIT, "AUTHENTICATE X", 0},
                 {OUT, "1 AUTHENTICATE X\r\n", 0},
                 {IN, "+ Y2hhbGxlbmdl\r\n", 0},
                 {EVENTS, "1 continuation OK Y2hhbGxlbmdl\n", 0},
                 {LINE, "c2VjcmV0", 0},
                 {LINE, "", 0},
                 {OUT, "c2VjcmV0\r\n\r\n", 0},
                 {COUNT, NULL, 1},
         }},
        {"answered and not asked",
         {
                 {SUBMIT, "NOOP", 0},
                 {OUT, "1 NOOP\r\n", 0},
                 {IN, "2 OK\r\n", 0},
                 {EVENTS, "! the server answered a command that was not given: “2 OK”\n", 0},
         }},
};

static const Dialogue limited[] = {
        {"one at a time",
         {
                 {LIMIT, NULL, 1},
                 {SUBMIT, "A", 0},
                 {SUBMIT, "B", 0},
                 {SUBMIT, "C", 0},
                 {COUNT, NULL, 3},
                 {OUT, "1 A\r\n", 0},
                 {OUT, "", 0},
                 {IN, "1 OK\r\n", 0},
                 {OUT, "2 B\r\n", 0},
                 {SUBMIT, "D", 0},
                 {OUT, "", 0},
                 {IN, "2 OK\r\n", 0},
                 {OUT, "3 C\r\n", 0},
                 {IN, "3 OK\r\n", 0},
                 {OUT, "4 D\r\n", 0},
                 {IN, "4 OK\r\n", 0},
                 {SUBMIT, "E", 0},
                 {OUT, "5 E\r\n", 0},
                 {EVENTS, "1 tagged OK \n2 tagged OK \n3 tagged OK \n4 tagged OK \n", 0},
         }},
        {"two at a time",
         {
                 {LIMIT, NULL, 2},
                 {SUBMIT, "A", 0},
                 {SUBMIT, "B", 0},
                 {SUBMIT, "C", 0},
                 {SUBMIT, "D", 0},
                 {OUT, "1 A\r\n2 B\r\n", 0},
                 {IN, "2 OK\r\n", 0},
                 {OUT, "3 C\r\n", 0},
                 {IN, "1 OK\r\n3 OK\r\n", 0},
                 {OUT, "4 D\r\n", 0},
                 {EVENTS, "2 tagged OK \n1 tagged OK \n3 tagged OK \n", 0},
         }},
        {"lifted",
         {
                 {LIMIT, NULL, 1},
                 {SUBMIT, "A", 0},
                 {SUBMIT, "B", 0},
                 {SUBMIT, "C", 0},
                 {OUT, "1 A\r\n", 0},
                 {LIMIT, NULL, 0},
                 {OUT, "2 B\r\n3 C\r\n", 0},
         }},
        {"set when some are under way",
         {
                 {SUBMIT, "A", 0},
                 {SUBMIT, "B", 0},
                 {LIMIT, NULL, 1},
                 {SUBMIT, "C", 0},
                 {OUT, "1 A\r\n2 B\r\n", 0},
                 {IN, "1 OK\r\n", 0},
                 {OUT, "", 0},
                 {IN, "2 OK\r\n", 0},
                 {OUT, "3 C\r\n", 0},
                 {EVENTS, "1 tagged OK \n2 tagged OK \n", 0},
         }},
        {"an answer to what waits is none",
         {
                 {LIMIT, NULL, 1},
                 {SUBMIT, "A", 0},
                 {SUBMIT, "B", 0},
                 {OUT, "1 A\r\n", 0},
                 {IN, "2 OK\r\n", 0},
                 {EVENTS, "! the server answered a command that was not given: “2 OK”\n", 0},
         }},
        {"a literal that waits for its turn, then for its +",
         {
                 {LIMIT, NULL, 1},
                 {SUBMIT, "A", 0},
                 {SYNC, "APPEND a", 2},
                 {DATA, "01", 2},
                 {APPENDED, NULL, 0},
                 {SUBMIT, "B", 0},
                 {OUT, "1 A\r\n", 0},
                 {IN, "+ whatever\r\n", 0},
                 {EVENTS, "1 continuation OK whatever\n", 0},
                 {OUT, "", 0},
                 {IN, "1 OK\r\n", 0},
                 {OUT, "2 APPEND a {2}\r\n", 0},
                 {IN, "+ go on\r\n", 0},
                 {OUT, "01\r\n", 0},
                 {IN, "2 OK\r\n", 0},
                 {OUT, "3 B\r\n", 0},
                 {EVENTS, "1 tagged OK \n2 tagged OK \n", 0},
         }},
        {"a literal that is refused",
         {
                 {LIMIT, NULL, 1},
                 {SYNC, "APPEND a", 2},
                 {DATA, "01", 2},
                 {APPENDED, NULL, 0},
                 {SUBMIT, "B", 0},
                 {OUT, "1 APPEND a {2}\r\n", 0},
                 {IN, "1 NO\r\n", 0},
                 {OUT, "2 B\r\n", 0},
                 {EVENTS, "1 tagged NO \n", 0},
         }},
        {"DONE is said at once",
         {
                 {LIMIT, NULL, 1},
                 {IDLE, NULL, 1},
                 {OUT, "1 IDLE\r\n", 0},
                 {IN, "+\r\n", 0},
                 {SUBMIT, "B", 0},
                 {OUT, "DONE\r\n", 0},
                 {IN, "1 OK\r\n", 0},
                 {OUT, "2 B\r\n", 0},
                 {EVENTS, "1 continuation OK \n1 tagged OK \n", 0},
         }},
        {"an IDLE that waits for its turn is ended before it begins",
         {
                 {LIMIT, NULL, 1},
                 {SUBMIT, "A", 0},
                 {IDLE, NULL, 2},
                 {SUBMIT, "B", 0},
                 {OUT, "1 A\r\n", 0},
                 {IN, "1 OK\r\n", 0},
                 {OUT, "2 IDLE\r\n", 0},
                 {IN, "+\r\n", 0},
                 {OUT, "DONE\r\n", 0},
                 {IN, "2 OK\r\n", 0},
                 {OUT, "3 B\r\n", 0},
                 {EVENTS, "1 tagged OK \n2 continuation OK \n2 tagged OK \n", 0},
         }},
};

static const Dialogue literals[] = {
        {"synchronising",
         {
                 {SYNC, "APPEND a", 5},
                 {DATA, "01", 2},
                 {OUT, "1 APPEND a {5}\r\n", 0},
                 {OUT, "", 0},
                 {DATA, "234", 3},
                 {APPENDED, NULL, 0},
                 {SUBMIT, "NOOP", 0},
                 {OUT, "", 0},
                 {IN, "+ go on\r\n", 0},
                 {OUT, "01234\r\n2 NOOP\r\n", 0},
                 {IN, "1 OK\r\n", 0},
                 {EVENTS, "1 tagged OK \n", 0},
         }},
        {"refused before the data",
         {
                 {SYNC, "APPEND a", 5},
                 {OUT, "1 APPEND a {5}\r\n", 0},
                 {IN, "1 NO [OVERQUOTA] full\r\n", 0},
                 {EVENTS, "1 tagged NO [OVERQUOTA] full\n", 0},
                 {DATA, "01234", 5},
                 {APPENDED, NULL, 0},
                 {SUBMIT, "NOOP", 0},
                 {OUT, "2 NOOP\r\n", 0},
         }},
        {"refused in the middle of the data",
         {
                 {SYNC, "APPEND a", 5},
                 {OUT, "1 APPEND a {5}\r\n", 0},
                 {DATA, "012", 3},
                 {IN, "1 BAD\r\n", 0},
                 {EVENTS, "1 tagged BAD \n", 0},
                 {DATA, "34", 2},
                 {APPENDED, NULL, 0},
                 {SUBMIT, "NOOP", 0},
                 {OUT, "2 NOOP\r\n", 0},
         }},
        {"refused after the data, more behind it",
         {
                 {SYNC, "APPEND a", 3},
                 {DATA, "012", 3},
                 {APPENDED, NULL, 0},
                 {SYNC, "APPEND b", 2},
                 {DATA, "ab", 2},
                 {APPENDED, NULL, 0},
                 {IDLE, NULL, 3},
                 {DONE, NULL, 0},
                 {OUT, "1 APPEND a {3}\r\n", 0},
                 {IN, "1 NO\r\n", 0},
                 {EVENTS, "1 tagged NO \n", 0},
                 {OUT, "2 APPEND b {2}\r\n", 0},
                 {IN, "+\r\n", 0},
                 {OUT, "ab\r\n3 IDLE\r\n", 0},
                 {IN, "+ idling\r\n", 0},
                 {EVENTS, "2 continuation OK idling\n", 0},
                 {OUT, "DONE\r\n", 0},
         }},
        {"given up",
         {
                 {SYNC, "APPEND a", 5},
                 {OUT, "1 APPEND a {5}\r\n", 0},
                 {DATA, "01", 2},
                 {APPENDED, NULL, -EINVAL},
                 {DATA, "2345", -EINVAL},
         }},
        {"answered before it left",
         {
                 {SYNC, "APPEND a", 1},
                 {IN, "1 NO\r\n", 0},
                 {EVENTS, "! the server answered a command that was not given: “1 NO”\n", 0},
                 {OUT, "1 APPEND a {1}\r\n", 0},
         }},
        {"not synchronising",
         {
                 {PLUS, "APPEND a", 2},
                 {DATA, "01", 2},
                 {APPENDED, NULL, 0},
                 {OUT, "1 APPEND a {2+}\r\n01\r\n", 0},
         }},
        {"several in one command",
         {
                 {PLUS, "APPEND a", 2},
                 {DATA, "01", 2},
                 {MORE, " (\\Seen)", 3},
                 {MORE, "", -1},
                 {DATA, "234", 3},
                 {APPENDED, NULL, 0},
                 {SUBMIT, "NOOP", 0},
                 {OUT, "1 APPEND a {2+}\r\n01 (\\Seen) {3+}\r\n234\r\n2 NOOP\r\n", 0},
         }},
        {"small with LITERAL-",
         {
                 {MINUS, "APPEND a", 4096},
                 {OUT, "1 APPEND a {4096+}\r\n", 0},
         }},
        {"large with LITERAL-",
         {
                 {MINUS, "APPEND a", 4097},
                 {OUT, "1 APPEND a {4097}\r\n", 0},
                 {DATA, "x", 1},
         }},
        {"empty",
         {
                 {SYNC, "APPEND a", 0},
                 {APPENDED, NULL, 0},
                 {OUT, "1 APPEND a {0}\r\n", 0},
                 {IN, "+\r\n", 0},
                 {OUT, "\r\n", 0},
         }},
        {"limit",
         {
                 {PLUS, "APPEND a", 60},
                 {DATA, "01234567890123456789012345678901234567890123456789", 22},
                 {DATA, "2", 0},
                 {OUT, "1 APPEND a {60+}\r\n0123456789012345678901", 0},
                 {DATA, "2345678901234567890123456789abcdefghij", 38},
                 {APPENDED, NULL, 0},
                 {SUBMIT, "NOOP", 0},
                 {OUT, "2345678901234567890123456789abcdefghij\r\n2 NOOP\r\n", 0},
         }},
};

static const Dialogue idling[] = {
        {"ended by a command",
         {
                 {IDLE, NULL, 1},
                 {WAITING, NULL, 0},
                 {OUT, "1 IDLE\r\n", 0},
                 {IN, "+ idling\r\n* 5 EXISTS\r\n", 0},
                 {EVENTS, "1 continuation OK idling\n1 exists 5\n", 0},
                 {WAITING, NULL, 1},
                 {SUBMIT, "NOOP", 0},
                 {WAITING, NULL, 0},
                 {COUNT, NULL, 2},
                 {OUT, "DONE\r\n2 NOOP\r\n", 0},
                 {IN, "1 OK\r\n", 0},
                 {EVENTS, "1 tagged OK \n", 0},
         }},
        {"ended by done",
         {
                 {DONE, NULL, 0},
                 {IDLE, NULL, 1},
                 {IDLE, NULL, 1},
                 {OUT, "1 IDLE\r\n", 0},
                 {IN, "+\r\n", 0},
                 {EVENTS, "1 continuation OK \n", 0},
                 {DONE, NULL, 0},
                 {DONE, NULL, 0},
                 {OUT, "DONE\r\n", 0},
                 {IDLE, NULL, 2},
                 {OUT, "2 IDLE\r\n", 0},
                 {IN, "1 OK\r\n+ again\r\n", 0},
                 {EVENTS, "1 tagged OK \n2 continuation OK again\n", 0},
                 {WAITING, NULL, 1},
         }},
        {"ended before it began",
         {
                 {IDLE, NULL, 1},
                 {OUT, "1 IDLE\r\n", 0},
                 {SUBMIT, "NOOP", 0},
                 {OUT, "", 0},
                 {IN, "+\r\n", 0},
                 {EVENTS, "1 continuation OK \n", 0},
                 {WAITING, NULL, 0},
                 {OUT, "DONE\r\n2 NOOP\r\n", 0},
         }},
        {"refused",
         {
                 {IDLE, NULL, 1},
                 {OUT, "1 IDLE\r\n", 0},
                 {SUBMIT, "NOOP", 0},
                 {IN, "1 BAD no IDLE here\r\n", 0},
                 {EVENTS, "1 tagged BAD no IDLE here\n", 0},
                 {OUT, "2 NOOP\r\n", 0},
                 {WAITING, NULL, 0},
         }},
        {"refused, nothing waits",
         {
                 {IDLE, NULL, 1},
                 {OUT, "1 IDLE\r\n", 0},
                 {IN, "1 NO\r\n", 0},
                 {EVENTS, "1 tagged NO \n", 0},
                 {DONE, NULL, 0},
                 {OUT, "", 0},
                 {SUBMIT, "NOOP", 0},
                 {OUT, "2 NOOP\r\n", 0},
         }},
        {"append while idle",
         {
                 {IDLE, NULL, 1},
                 {OUT, "1 IDLE\r\n", 0},
                 {IN, "+\r\n", 0},
                 {SYNC, "APPEND a", 1},
                 {DATA, "x", 1},
                 {APPENDED, NULL, 0},
                 {OUT, "DONE\r\n2 APPEND a {1}\r\n", 0},
                 {IN, "1 OK\r\n+\r\n", 0},
                 {EVENTS, "1 continuation OK \n1 tagged OK \n", 0},
                 {OUT, "x\r\n", 0},
         }},
};

/* Taking less than there is, and more commands than fit where the first ones were. */
static void test_partial_sends(void) {
        _cleanup_(imap_session_freep) ImapSession *session = NULL;
        _cleanup_(buffer_done) Buffer sent = BUFFER_NULL, expected = BUFFER_NULL;

        assert(imap_session_new(&imap_limits_default, &session) == 0);
        for (unsigned i = 1; i <= 1000; i++) {
                ByteView out;
                ImapTag tag;
                size_t n;

                assert(imap_session_submit(session, BYTES("UID FETCH 1:5 FLAGS"), &tag) == 0);
                assert(buffer_append_format(&expected, "%u UID FETCH 1:5 FLAGS\r\n", i) == 0);
                out = imap_session_pull(session);
                n = MIN(out.size, (size_t) (i % 40));
                assert(buffer_append(&sent, out.data, n) == 0);
                imap_session_sent(session, n);
        }

        assert(buffer_append_view(&sent, imap_session_pull(session)) == 0);
        assert(bytes_equal(buffer_view(&sent), buffer_view(&expected)));
        assert(imap_session_n_under_way(session) == 1000);
}

/* Commands complete from the middle, from the end and from the beginning. */
static void test_many_tags(void) {
        _cleanup_(imap_session_freep) ImapSession *session = NULL;
        _cleanup_(buffer_done) Buffer events = BUFFER_NULL;
        ImapTag tag;

        assert(imap_session_new(&imap_limits_default, &session) == 0);
        say(session, "* OK\r\n", &events);
        for (unsigned round = 0; round < 50; round++) {
                for (unsigned i = 0; i < 7; i++)
                        assert(imap_session_submit(session, BYTES("NOOP"), &tag) == 0);
                imap_session_sent(session, imap_session_pull(session).size);

                for (unsigned i = 0; i < 7; i++) {
                        static const unsigned order[] = {3, 6, 0, 1, 5, 4, 2};
                        char line[32], event[32];

                        snprintf(line, sizeof(line), "%u OK\r\n", tag - order[i]);
                        snprintf(event, sizeof(event), "%u tagged OK \n", tag - order[i]);
                        events.size = 0;
                        say(session, line, &events);
                        assert(is_events(&events, event));
                        assert(imap_session_n_under_way(session) == 6 - i);
                }
        }
}

/* What was sent must not stay in memory: it may have been a password. */
static void test_wiping(void) {
        _cleanup_(imap_session_freep) ImapSession *session = NULL;
        static const char zeros[64];
        ByteView out;
        ImapTag tag;

        assert(imap_session_new(&imap_limits_default, &session) == 0);
        assert(imap_session_submit(session, BYTES("LOGIN joe secret"), &tag) == 0);
        out = imap_session_pull(session);
        assert(out.size == 20);
        imap_session_sent(session, 10);
        assert(memcmp(out.data, zeros, 10) == 0);
        assert(memcmp(out.data + 10, "e secret\r\n", 10) == 0);
        imap_session_sent(session, 10);
        assert(memcmp(out.data, zeros, 20) == 0);
}

int main(void) {
        check(plain, ARRAY_SIZE(plain));
        check(owed, ARRAY_SIZE(owed));
        check(limited, ARRAY_SIZE(limited));
        check(literals, ARRAY_SIZE(literals));
        check(idling, ARRAY_SIZE(idling));
        test_partial_sends();
        test_many_tags();
        test_wiping();
        return 0;
}
