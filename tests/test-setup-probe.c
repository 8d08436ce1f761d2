/* What imapsyncd --probe says: understood, or refused whole. */

#include <errno.h>

#include "base/macro.h"
#include "ctl/setup-probe.h"
#include "test.h"

#define SERVER "server\tidle\t1\tcondstore\t0\tDovecot\tthe server has no NOTIFY\n"

static const struct {
        const char *label, *text;
        int result;
        ProbeOutcome outcome;
        size_t n_rows;
} rows[] = {
        {"all",                     SERVER "mailbox\t5\t-\t\tINBOX\nmailbox\t4294967295\t17\tleft out\ta b\ndone\n", 0,
         PROBE_DONE,                                                                                                                          2},
        {"no mailboxes",            SERVER "done\n",                                                                 0,        PROBE_DONE,    0},
        {"no end of the last line", SERVER "done",                                                                   0,        PROBE_DONE,    0},
        {"the password",            "refused\t1\tno\n",                                                              0,        PROBE_DENIED,  0},
        {"the certificate",         "refused\t0\tno\n",                                                              0,        PROBE_REFUSED, 0},
        {"lost in between",         SERVER "mailbox\t5\t-\t\tINBOX\nlost\tit has gone\n",                            0,        PROBE_LOST,    1},
        {"nothing",                 "",                                                                              -EBADMSG, 0,             0},
        {"no end",                  SERVER "mailbox\t5\t-\t\tINBOX\n",                                               -EBADMSG, 0,             0},
        {"done without a server",   "done\n",                                                                        -EBADMSG, 0,             0},
        {"two servers",             SERVER SERVER "done\n",                                                          -EBADMSG, 0,             0},
        {"more behind the end",     "lost\tx\ndone\n",                                                               -EBADMSG, 0,             0},
        {"another word",            "hello\n",                                                                       -EBADMSG, 0,             0},
        {"another way to wait",     "server\tpush\t1\tnone\t0\t\t\ndone\n",                                          -EBADMSG, 0,             0},
        {"no number",               SERVER "mailbox\tx\t-\t\tINBOX\ndone\n",                                         -EBADMSG, 0,             0},
        {"more than 32 bits",       SERVER "mailbox\t4294967296\t-\t\tINBOX\ndone\n",                                -EBADMSG, 0,             0},
        {"no name",                 SERVER "mailbox\t5\t-\t\t\ndone\n",                                              -EBADMSG, 0,             0},
        {"neither yes nor no",      "refused\t2\tx\n",                                                               -EBADMSG, 0,             0},
        {"not UTF-8",               "lost\t\xff\n",                                                                  -EBADMSG, 0,             0},
};

static void test_parse(void) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(probe_reply_done) ProbeReply reply = PROBE_REPLY_NULL;

                TEST_ROW(rows[i].label,
                         probe_reply_parse(bytes_of(rows[i].text), &reply) == rows[i].result);
                if (rows[i].result < 0)
                        continue;
                TEST_ROW(rows[i].label, reply.outcome == rows[i].outcome);
                TEST_ROW(rows[i].label, reply.n_rows == rows[i].n_rows);
                TEST_ROW(rows[i].label, reply.outcome == PROBE_DONE || reply.sentence);
        }
}

static void test_fields(void) {
        _cleanup_(probe_reply_done) ProbeReply reply = PROBE_REPLY_NULL;

        assert(probe_reply_parse(bytes_of(rows[0].text), &reply) == 0);
        assert(reply.waits == PROBE_WAITS_IDLE && reply.changes == PROBE_CHANGES_CONDSTORE);
        assert(reply.is_encrypted && !reply.has_sizes);
        assert(strcmp(reply.server, "Dovecot") == 0);
        assert(reply.rows[0].messages == 5 && !reply.rows[0].has_size);
        assert(strcmp(reply.rows[0].name, "INBOX") == 0 && !*reply.rows[0].note);
        assert(reply.rows[1].messages == 4294967295 && reply.rows[1].size == 17);
        assert(strcmp(reply.rows[1].name, "a b") == 0);
        assert(strcmp(reply.rows[1].note, "left out") == 0);
}

int main(void) {
        test_parse();
        test_fields();
        return 0;
}
