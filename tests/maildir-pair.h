#pragma once

/* The Maildirs A and B of a temporary tree, their rows, and the replica over both. */

#include "store/state-db.h"
#include "sync/maildir-replica.h"
#include "test-tree.h"

typedef struct MaildirPair {
        TestTree tree;
        MaildirRoot *root;
        StateDb *db;
        Replica *replica;
        Keywords keywords[2];
        ReplicaMailbox mailbox[2];
} MaildirPair;

/* @pair stays where it is: the replica points into it. */
static inline void maildir_pair_open(MaildirPair *pair) {
        static const char *const names[] = {"A", "B"};
        char *error = NULL;

        *pair = (MaildirPair){.tree = test_tree_new()};
        assert(maildir_root_open(pair->tree.path, MAILDIR_LAYOUT_FS, false, &pair->root) == 0);
        assert(state_db_open(":memory:", &pair->db, &error) == 0);
        assert(maildir_replica_new(pair->root, pair->db, "host", &pair->replica) == 0);
        for (unsigned i = 0; i < 2; i++) {
                assert(maildir_create(pair->root, names[i]) == 0);
                pair->mailbox[i] =
                        (ReplicaMailbox){.name = names[i], .keywords = &pair->keywords[i]};
                assert(state_db_add_mailbox(pair->db, names[i], names[i], NULL,
                                            &pair->mailbox[i].id) == 0);
        }
}

static inline void maildir_pair_close(MaildirPair *pair) {
        pair->replica->ops->reset(pair->replica);
        maildir_replica_free(pair->replica);
        state_db_free(pair->db);
        maildir_root_free(pair->root);
        for (unsigned i = 0; i < 2; i++)
                keywords_done(&pair->keywords[i]);
        test_tree_done(&pair->tree);
}
