/* Dialogue: what a person sees of it, and what nobody may see. */

#include <string.h>

#include "base/macro.h"
#include "daemon/dialogue.h"
#include "test.h"

static void on_line(const char *line, void *userdata) {
        Buffer *out = userdata;

        assert(buffer_append_format(out, "%s\n", line) == 0);
}

/* clang-format off */
static const struct {
        const char *label;
        bool said;
        const char *bytes;
        const char *lines;
} rows[] = {
        {"command", true, "a1 NOOP\r\n", "C: a1 NOOP\n"},
        {"two commands", true, "a1 NOOP\r\na2 IDLE\r\n", "C: a1 NOOP\nC: a2 IDLE\n"},
        {"response", false, "* OK [CAPABILITY IDLE] hi\r\n", "S: * OK [CAPABILITY IDLE] hi\n"},
        {"bare LF", false, "* OK hi\n", "S: * OK hi\n"},
        {"unfinished line", false, "* OK hi", ""},
        {"escape sequence", false, "* OK \033[2J\r\n", "S: * OK \\x1b[2J\n"},
        {"quotes", false, "* LIST () \"/\" A\r\n", "S: * LIST () \"/\" A\n"},

        {"LOGIN", true, "a1 LOGIN me secret\r\na2 NOOP\r\n", "C: a1 LOGIN ***\nC: a2 NOOP\n"},
        {"login", true, "a1 login \"me\" \"sec ret\"\r\n", "C: a1 login ***\n"},
        {"LOGIN with literals", true, "a1 LOGIN {2+}\r\nme {6+}\r\nsecret\r\na2 NOOP\r\n",
         "C: a1 LOGIN *** {2}\nC: (2 bytes)\nC: *** {6}\nC: (6 bytes)\nC: \nC: a2 NOOP\n"},
        {"LOGIN, literal then quoted", true, "a1 LOGIN {2}\r\nme \"secret\"\r\n",
         "C: a1 LOGIN *** {2}\nC: (2 bytes)\nC: ***\n"},
        {"AUTHENTICATE with a response", true, "a1 AUTHENTICATE PLAIN AHNlY3JldA==\r\na2 NOOP\r\n",
         "C: a1 AUTHENTICATE PLAIN ***\nC: a2 NOOP\n"},
        {"AUTHENTICATE, then a response", true, "a1 AUTHENTICATE PLAIN\r\nAHNlY3JldA==\r\n",
         "C: a1 AUTHENTICATE PLAIN\nC: ***\n"},
        {"IDLE and DONE", true, "a1 IDLE\r\nDONE\r\n", "C: a1 IDLE\nC: DONE\n"},

        {"APPEND", true, "a1 APPEND INBOX (\\Seen) {6+}\r\nsecret\r\n",
         "C: a1 APPEND INBOX (\\Seen) {6+}\nC: (6 bytes)\nC: \n"},
        {"body", false, "* 1 FETCH (UID 7 BODY[] {8}\r\nsecret\r\n FLAGS ())\r\n* 1 EXPUNGE\r\n",
         "S: * 1 FETCH (UID 7 BODY[] {8}\nS: (8 bytes)\nS:  FLAGS ())\nS: * 1 EXPUNGE\n"},
        {"literal8", false, "* 1 FETCH (BINARY[] ~{6}\r\nsecret)\r\n",
         "S: * 1 FETCH (BINARY[] ~{6}\nS: (6 bytes)\nS: )\n"},
        {"empty literal", false, "* 1 FETCH (BODY[] {0}\r\n)\r\n",
         "S: * 1 FETCH (BODY[] {0}\nS: )\n"},
        {"quoted body", false, "* 1 FETCH (UID 7 BODY[] \"secret\")\r\n",
         "S: * 1 FETCH (UID 7 BODY[] ***\n"},
        {"quoted body after a literal", false,
         "* 1 FETCH (BODY[1] {2}\r\nab BODY[2] \"secret\")\r\n",
         "S: * 1 FETCH (BODY[1] {2}\nS: (2 bytes)\nS:  BODY[2] ***\n"},
        {"no literal at the end", false, "* OK {6} is six\r\nsecret\r\n",
         "S: * OK {6} is six\nS: secret\n"},
        {"carriage return in the number", false, "* OK {6\r}\r\nsecret\r\n",
         "S: * OK {6\\x0d}\nS: secret\n"},
        {"no such number", false, "* OK {99999999999999999999999}\r\n* OK\r\n",
         "S: * OK {99999999999999999999999}\nS: * OK\n"},
};
/* clang-format on */

static void test_rows(void) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (size_t piece = 1; piece < 100; piece += 7) {
                        _cleanup_(dialogue_freep) Dialogue *d = NULL;
                        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
                        ByteView bytes = bytes_of(rows[i].bytes);

                        assert(dialogue_new(on_line, &out, &d) == 0);
                        while (bytes.size > 0) {
                                size_t n = MIN(piece, bytes.size);

                                if (rows[i].said)
                                        dialogue_said(d, (ByteView){bytes.data, n});
                                else
                                        dialogue_heard(d, (ByteView){bytes.data, n});
                                bytes = (ByteView){bytes.data + n, bytes.size - n};
                        }
                        TEST_ROW(rows[i].label,
                                 bytes_equal(buffer_view(&out), bytes_of(rows[i].lines)));
                }
}

/* What a server says in a login can be used to try passwords; what it says before and after is shown. */
static void test_login(void) {
        _cleanup_(dialogue_freep) Dialogue *d = NULL;
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

        assert(dialogue_new(on_line, &out, &d) == 0);
        dialogue_said(d, BYTES("a1 AUTHENTICATE SCRAM-SHA-256 biwsbj1hbGljZQ==\r\n"));
        dialogue_heard(d, BYTES("+ cj1meWtvK2QybGJiRmdPTlJ2OXFreGRhd0w=\r\n"));
        dialogue_said(d, BYTES("Yz1iaXdzLHI9Znlrbw==\r\n"));
        dialogue_heard(d, BYTES("+ dj1ybUY5cHFWOFM3\r\n"));
        dialogue_said(d, BYTES("\r\na2 IDLE\r\n"));
        dialogue_heard(d, BYTES("a1 OK in\r\n+ idling\r\n"));

        assert(bytes_equal(buffer_view(&out),
                           BYTES("C: a1 AUTHENTICATE SCRAM-SHA-256 ***\nS: +***\nC: ***\nS: +***\nC: \n"
                                 "C: a2 IDLE\nS: a1 OK in\nS: + idling\n")));
}

/* A line of any length takes no more memory and shows no more than its beginning; the literal at
 * its end is found all the same. */
static void test_long_line(void) {
        _cleanup_(dialogue_freep) Dialogue *d = NULL;
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

        assert(dialogue_new(on_line, &out, &d) == 0);
        dialogue_heard(d, BYTES("* VANISHED "));
        for (unsigned i = 0; i < 10000; i++)
                dialogue_heard(d, BYTES("1234567,"));
        dialogue_heard(d, BYTES("1 {6}\r\nsecret\r\n"));

        assert(out.size < 700);
        assert(memmem(out.data, out.size, "... (80017 bytes)\nS: (6 bytes)\nS: \n", 34));
        assert(!memmem(out.data, out.size, "secret", 6));
}

int main(void) {
        test_rows();
        test_login();
        test_long_line();
        return 0;
}
