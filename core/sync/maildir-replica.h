#pragma once

/*
 * A Maildir tree as a replica
 *
 * Files get UIDs from the state database's table of files, so that the engine sees messages as it sees
 * a server's. A changes() looks at the names that it was given (ReplicaMailbox.names: "new/NAME",
 * "cur/NAME" for a file that came, "gone/NAME" for one that went), or scans the folder when there is
 * no such hint and the directories' stamp is not the one that was committed.
 *
 * Failures of the disk are outcomes of requests, never of next().
 */

#include "store/maildir.h"
#include "store/state-db.h"
#include "sync/replica.h"

/* @root and @db are borrowed; @root NULL: there is nothing, and nothing can be made. @host: for file names, borrowed. Return: 0, or -ENOMEM. */
int maildir_replica_new(MaildirRoot *root, StateDb *db, const char *host, Replica **ret_replica);
Replica *maildir_replica_free(Replica *replica);

/* What the replica itself has done to a file, not what it was told that others did. */
typedef enum MaildirAct {
        MAILDIR_ACT_ADDED,
        MAILDIR_ACT_CHANGED, /* renamed, maybe to another mailbox */
        MAILDIR_ACT_REMOVED,
} MaildirAct;

typedef struct MaildirDeed {
        MaildirAct act;
        const char *mailbox;
        const char *path; /* where it is now, or was; absolute */
        bool is_unseen;   /* ADDED: without \Seen */
} MaildirDeed;

/* Call @on_deed for each from now on, when it is done. @deed is borrowed until it returns. */
typedef void (*MaildirDeedFn)(const MaildirDeed *deed, void *userdata);
void maildir_replica_observe(Replica *replica, MaildirDeedFn on_deed, void *userdata);
