/* What a Maildir replica says that it has done to files: all that it has, and no more. */

#include <errno.h>

#include "maildir-pair.h"
#include "test.h"

typedef struct Rig {
        MaildirPair pair;
        Buffer told;
} Rig;

static void on_deed(const MaildirDeed *deed, void *userdata) {
        static const char *const words[] = {
                [MAILDIR_ACT_ADDED] = "added",
                [MAILDIR_ACT_CHANGED] = "changed",
                [MAILDIR_ACT_REMOVED] = "removed",
        };
        Rig *rig = userdata;
        const size_t n = strlen(rig->pair.tree.path);
        const bool was_removed = deed->act == MAILDIR_ACT_REMOVED;

        /* It is told when it is done. */
        assert(strncmp(deed->path, rig->pair.tree.path, n) == 0);
        assert((access(deed->path, F_OK) == 0) == !was_removed);
        assert(buffer_append_format(&rig->told, "%s%s %s %s\n", words[deed->act],
                                    deed->is_unseen ? " unseen" : "", deed->mailbox,
                                    deed->act == MAILDIR_ACT_ADDED ? "" : deed->path + n + 1) == 0);
}

static void rig_open(Rig *rig) {
        *rig = (Rig){0};
        maildir_pair_open(&rig->pair);
        maildir_replica_observe(rig->pair.replica, on_deed, rig);
}

static void rig_close(Rig *rig) {
        maildir_pair_close(&rig->pair);
        buffer_done(&rig->told);
}

static void run(Rig *rig) {
        ReplicaEvent event;

        while (rig->pair.replica->ops->next(rig->pair.replica, &event) > 0)
                if (event.type == REPLICA_EVENT_DONE) {
                        assert(event.outcome == REPLICA_OK);
                        return;
                }
        abort();
}

/* Number the files of A. */
static void look(Rig *rig) {
        const ReplicaToken nothing = {0};
        const UidSet none = UID_SET_NULL;

        assert(rig->pair.replica->ops->changes(rig->pair.replica, &rig->pair.mailbox[0], &nothing,
                                               &none, REPLICA_WANT_FLAGS) == 0);
        run(rig);
}

typedef enum Request {
        STORE,
        EXPUNGE,
        MOVE,
} Request;

/* One file of A, and what is asked for it. */
static void test_requests(void) {
        static const struct {
                const char *label, *file;
                Request request;
                MessageFlags add, remove;
                const char *told;
        } rows[] = {
                {"flag",             "A/cur/m:2,",  STORE,   FLAG_SEEN, 0,         "changed A A/cur/m:2,S\n"},
                {"flag in new",      "A/new/m",     STORE,   FLAG_SEEN, 0,         "changed A A/cur/m:2,S\n"},
                {"flag taken off",   "A/cur/m:2,S", STORE,   0,         FLAG_SEEN, "changed A A/cur/m:2,\n" },
                {"flag it has",      "A/cur/m:2,S", STORE,   FLAG_SEEN, 0,         ""                       },
                {"removed",          "A/cur/m:2,S", EXPUNGE, 0,         0,         "removed A A/cur/m:2,S\n"},
                {"removed from new", "A/new/m",     EXPUNGE, 0,         0,         "removed A A/new/m\n"    },
                {"moved",            "A/cur/m:2,S", MOVE,    0,         0,         "changed B B/cur/m:2,S\n"},
                {"moved in new",     "A/new/m",     MOVE,    0,         0,         "changed B B/new/m\n"    },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
                const ReplicaOps *ops;
                Rig rig;
                int r = 0;

                rig_open(&rig);
                ops = rig.pair.replica->ops;
                test_tree_write(&rig.pair.tree, rows[i].file, "Subject: x\n\nx\n");
                look(&rig);
                TEST_ROW(rows[i].label, rig.told.size == 0); /* others have put it there */
                assert(uid_set_add(&uids, 1, 1) == 0);
                switch (rows[i].request) {
                case STORE:
                        r = ops->store(rig.pair.replica, &rig.pair.mailbox[0], &uids, rows[i].add,
                                       rows[i].remove);
                        break;
                case EXPUNGE:
                        r = ops->expunge(rig.pair.replica, &rig.pair.mailbox[0], &uids);
                        break;
                case MOVE:
                        r = ops->move(rig.pair.replica, &rig.pair.mailbox[0], &uids,
                                      &rig.pair.mailbox[1]);
                        break;
                }
                assert(r == 0);
                run(&rig);
                TEST_ROW(rows[i].label,
                         bytes_equal(buffer_view(&rig.told), bytes_of(rows[i].told)));
                rig_close(&rig);
        }
}

/* A message that was delivered is told when it can be seen, not before; after a crash, by who makes it so. */
static void test_delivery(void) {
        static const struct {
                const char *label;
                MessageFlags flags;
                bool crashes;
                const char *told;
        } rows[] = {
                {"unseen",                0,            false, "added unseen A \n"},
                {"seen",                  FLAG_SEEN,    false, "added A \n"       },
                {"flagged",               FLAG_FLAGGED, false, "added unseen A \n"},
                {"unseen, after a crash", 0,            true,  "added unseen A \n"},
                {"seen, after a crash",   FLAG_SEEN,    true,  "added A \n"       },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const ReplicaMessage message = {.present = REPLICA_HAS_FLAGS,
                                                .flags = rows[i].flags};
                _cleanup_(uid_set_done) UidSet lost = UID_SET_NULL;
                const ReplicaOps *ops;
                ReplicaEvent event;
                Rig rig;

                rig_open(&rig);
                ops = rig.pair.replica->ops;
                assert(ops->append_begin(rig.pair.replica, &rig.pair.mailbox[0], &message, 1) == 0);
                assert(ops->append_data(rig.pair.replica, BYTES("Subject: x\r\n\r\nx\r\n")) > 0);
                assert(ops->append_end(rig.pair.replica, &message) == 0);
                assert(ops->next(rig.pair.replica, &event) == 1 && event.message.uid == 1);
                assert(ops->prepare(rig.pair.replica, &rig.pair.mailbox[0]) == 0);
                assert(state_db_begin(rig.pair.db) == 0);
                assert(state_db_add(rig.pair.db, rig.pair.mailbox[0].id,
                                    &(BaseMessage){
                                            .uid = {1, 1},
                                              .flags = rows[i].flags
                }) == 0);
                assert(ops->noted(rig.pair.replica, &rig.pair.mailbox[0], 1) == 0);
                assert(state_db_commit(rig.pair.db) == 0);
                TEST_ROW(rows[i].label, rig.told.size == 0);

                if (rows[i].crashes)
                        assert(ops->recover(rig.pair.replica, &rig.pair.mailbox[0],
                                            (UidRange){1, 1}, &lost) == 0);
                else
                        assert(ops->publish(rig.pair.replica, &rig.pair.mailbox[0]) == 0);
                TEST_ROW(rows[i].label,
                         bytes_equal(buffer_view(&rig.told), bytes_of(rows[i].told)));
                rig_close(&rig);
        }
}

int main(void) {
        test_requests();
        test_delivery();
        return 0;
}
