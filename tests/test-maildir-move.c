/* Messages moved to another folder of a Maildir: their names, and what is not as it should be. */

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "maildir-pair.h"
#include "test.h"

static void deliver(const MaildirPair *pair, const char *name) {
        test_tree_write(&pair->tree, name, "Subject: x\n\nx\n");
}

static bool is_there(const MaildirPair *pair, const char *name) {
        _cleanup_free_ char *path = test_tree_path(&pair->tree, name);

        return access(path, F_OK) == 0;
}

/* All events of the request under way. Return: its outcome; in @ret_n how many were moved. */
static ReplicaOutcome run(MaildirPair *pair, uint64_t *ret_n) {
        ReplicaEvent event;

        *ret_n = 0;
        while (pair->replica->ops->next(pair->replica, &event) > 0) {
                if (event.type == REPLICA_EVENT_MOVED) {
                        *ret_n = uid_set_count(&event.uids);
                        assert(uid_set_count(&event.uids_to) == *ret_n);
                }
                if (event.type == REPLICA_EVENT_DONE)
                        return event.outcome;
        }
        abort();
}

/* Number the files of a mailbox. */
static void look(MaildirPair *pair, unsigned i) {
        const ReplicaToken nothing = {0};
        const UidSet none = UID_SET_NULL;
        uint64_t n;

        assert(pair->replica->ops->changes(pair->replica, &pair->mailbox[i], &nothing, &none,
                                           REPLICA_WANT_FLAGS) == 0);
        assert(run(pair, &n) == REPLICA_OK);
}

static ReplicaOutcome move(MaildirPair *pair, uint64_t *ret_n) {
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;

        assert(uid_set_add(&uids, 1, 1) == 0);
        assert(pair->replica->ops->move(pair->replica, &pair->mailbox[0], &uids,
                                        &pair->mailbox[1]) == 0);
        return run(pair, ret_n);
}

/* One message of A, moved to B; the files of B that are there before and after. */
static const struct {
        const char *label, *file, *other;
        bool is_known;          /* the other one was met by a scan */
        const char *letters[2]; /* dovecot-keywords of both */
        const char *moved;      /* NULL: under a name of its own */
} rows[] = {
        {"flags",             "A/cur/m:2,FS", NULL,          false, {0},                     "B/cur/m:2,FS"},
        {"nobody has looked", "A/new/m",      NULL,          false, {0},                     "B/new/m"     },
        {"name is known",     "A/cur/m:2,S",  "B/cur/m:2,R", true,  {0},                     NULL          },
        {"name is not known", "A/cur/m:2,S",  "B/cur/m:2,S", false, {0},                     NULL          },
        {"letters differ",    "A/cur/m:2,a",  NULL,          false, {"0 k\n", "0 x\n1 k\n"}, "B/cur/m:2,b" },
};

static void test_names(void) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t n;
                MaildirPair pair;

                maildir_pair_open(&pair);
                deliver(&pair, rows[i].file);
                if (rows[i].other)
                        deliver(&pair, rows[i].other);
                if (rows[i].letters[0]) {
                        test_tree_write(&pair.tree, "A/dovecot-keywords", rows[i].letters[0]);
                        test_tree_write(&pair.tree, "B/dovecot-keywords", rows[i].letters[1]);
                }
                look(&pair, 0);
                if (rows[i].is_known)
                        look(&pair, 1);

                TEST_ROW(rows[i].label, move(&pair, &n) == REPLICA_OK && n == 1);
                TEST_ROW(rows[i].label, !is_there(&pair, rows[i].file));
                TEST_ROW(rows[i].label, !rows[i].moved || is_there(&pair, rows[i].moved));
                TEST_ROW(rows[i].label, !rows[i].other || is_there(&pair, rows[i].other));
                maildir_pair_close(&pair);
        }
}

typedef enum Trouble {
        TROUBLE_GONE,   /* the file is not there any more */
        TROUBLE_NO_CUR, /* the target has lost its cur/: it is made again */
        TROUBLE_AGAIN,  /* moved already, and the process died before the base took note */
} Trouble;

static void test_trouble(void) {
        static const struct {
                const char *label;
                Trouble trouble;
                bool is_there, is_ok;
                uint64_t n;
        } cases[] = {
                {"file is gone",       TROUBLE_GONE,   false, true, 0},
                {"target without cur", TROUBLE_NO_CUR, false, true, 1},
                {"moved before",       TROUBLE_AGAIN,  false, true, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_free_ char *path = NULL, *to = NULL;
                ReplicaOutcome outcome;
                uint64_t n;
                MaildirPair pair;

                maildir_pair_open(&pair);
                deliver(&pair, "A/cur/m:2,S");
                look(&pair, 0);
                path = test_tree_path(&pair.tree, "A/cur/m:2,S");
                to = test_tree_path(&pair.tree,
                                    cases[i].trouble == TROUBLE_NO_CUR ? "B/cur" : "B/cur/m:2,S");
                if (cases[i].trouble == TROUBLE_GONE)
                        assert(unlink(path) == 0);
                if (cases[i].trouble == TROUBLE_NO_CUR)
                        assert(rmdir(to) == 0);
                if (cases[i].trouble == TROUBLE_AGAIN)
                        assert(rename(path, to) == 0);

                outcome = move(&pair, &n);
                TEST_ROW(cases[i].label, (outcome == REPLICA_OK) == cases[i].is_ok);
                TEST_ROW(cases[i].label, n == cases[i].n);
                TEST_ROW(cases[i].label, is_there(&pair, "A/cur/m:2,S") == cases[i].is_there);
                maildir_pair_close(&pair);
        }
}

int main(void) {
        test_names();
        test_trouble();
        return 0;
}
