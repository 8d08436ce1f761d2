#pragma once

/* What the files of the Maildir replica share. */

#include "sync/maildir-replica.h"

/* A message that is in tmp/, and whose row the base may or may not have. */
typedef struct Staged {
        MaildirDelivery *delivery; /* owned */
        uint32_t uid;
        MessageFlags flags;
} Staged;

/* A folder that is open: ReplicaMailbox.private. */
typedef struct Folder {
        struct Folder *next;
        ReplicaMailbox *mailbox; /* borrowed */
        Maildir *maildir;        /* owned */
        MaildirLetters letters;
        bool letters_changed;
        uint32_t next_uid;
        bool is_swept; /* tmp/ was looked through */
        Staged staged[REPLICA_MAX_STAGED];
        size_t n_staged;
} Folder;

typedef enum OpStep {
        OP_BEGIN,
        OP_NAMES,
        OP_SCAN,
        OP_VANISHED,
        OP_UIDS,
        OP_BODY,
        OP_STATUS,
        OP_DONE,
} OpStep;

/* A request, carried out piece by piece as next() is called. */
typedef struct Op {
        struct Op *next;
        ReplicaRequest request;
        ReplicaMailbox *mailbox; /* borrowed; NULL for LIST */
        OpStep step;
        ReplicaOutcome outcome;
        char text[256];

        ReplicaToken since;
        ReplicaWant want;
        UidSet uids; /* owned */
        MessageFlags add, remove;
        ReplicaMailbox *target; /* MOVE; borrowed */
        UidSet moved_to;        /* MOVE; owned; from where: vanished */
        size_t range;           /* position in uids */
        uint64_t position;      /* 0: at the start of the range, else the next UID */

        /* CHANGES */
        size_t name;
        MaildirScan *scan; /* owned */
        MaildirToken token;
        unsigned n_scans;
        uint8_t *seen; /* owned: a bit a UID from first_uid on */
        uint32_t first_uid, last_uid;
        UidSet vanished;  /* owned */
        bool has_unknown; /* files that an earlier run saw and could not bring over */
        uint64_t object;  /* of the file that was told last, if the base does not have it */

        /* FETCH */
        MaildirReader *reader; /* owned */
        ReplicaMessage message;
        Buffer message_id; /* owned */

        /* LIST */
        char **names; /* owned */
        size_t n_names, n_listed;
        bool name_told;
        MaildirSubscriptions subscriptions; /* owned */

        char *name_to; /* RENAME; owned */
        bool subscribe;
} Op;

typedef struct MaildirReplica {
        Replica replica;   /* first */
        MaildirRoot *root; /* borrowed; NULL: missing */
        StateDb *db;       /* borrowed */
        const char *host;  /* borrowed */
        int process;       /* getpid(2) is a system call a message */
        uint64_t counter;

        Op *first, *last; /* owned */
        Folder *folders;  /* owned: those that are open */

        /* The append under way. */
        Folder *append_folder;
        ReplicaMailbox *append_mailbox;
        MaildirDelivery *append_delivery; /* owned */
        uint64_t append_cookie;
        uint32_t append_uid;

        /* Appends that are taken and not told yet. */
        struct {
                ReplicaMailbox *mailbox;
                uint64_t cookie;
                uint32_t uid;
                MessageFlags flags;
        } taken[REPLICA_MAX_STAGED];
        size_t n_taken;

        char identity[MAILDIR_IDENTITY_SIZE]; /* of the event that was given last */
        Buffer chunk; /* what was read of a file last; none when nothing is under way */
} MaildirReplica;

/* The folder of a mailbox, opened if it is not. Return: 0, or a negative errno of the disk. */
int folder_need(MaildirReplica *r, ReplicaMailbox *mailbox, Folder **ret_folder);
void folder_close(MaildirReplica *r, ReplicaMailbox *mailbox);

/* Where the message is now. Return: 0; -ENOENT: it is not there; or negative. @ret_name is owned by
 * the caller. */
int folder_find(MaildirReplica *r, ReplicaMailbox *mailbox, Folder *folder, uint32_t uid,
                MaildirSub *ret_sub, char **ret_name);

/* The name of @base or @old_name with these flags; letters are taken for new keywords, and saved. */
int folder_format_name(Folder *folder, const ReplicaMailbox *mailbox, const char *old_name,
                       MessageFlags flags, char **ret_name);

void token_stamp(const MaildirToken *token, uint64_t ret_stamp[4]);

/* maildir-replica-changes.c, -messages.c: one step of an op. Return: 1 an event, 0 go on, negative. */
int op_changes(MaildirReplica *r, Op *op, ReplicaEvent *ret_event);
int op_fetch(MaildirReplica *r, Op *op, ReplicaEvent *ret_event);
int op_store(MaildirReplica *r, Op *op, ReplicaEvent *ret_event);
int op_expunge(MaildirReplica *r, Op *op, ReplicaEvent *ret_event);

/* maildir-replica-list.c */
int op_list(MaildirReplica *r, Op *op, ReplicaEvent *ret_event);
int op_create(MaildirReplica *r, Op *op);
int op_rename(MaildirReplica *r, Op *op);
int op_remove(MaildirReplica *r, Op *op);
int op_subscribe(MaildirReplica *r, Op *op);
void token_stamp(const MaildirToken *token, uint64_t ret_stamp[4]);
/* ReplicaEvent.object of the op's end. */
const char *op_object(MaildirReplica *r, const Op *op);

/* maildir-replica-move.c */
int op_move(MaildirReplica *r, Op *op, ReplicaEvent *ret_event);

/* The op is over, with this outcome. */
int op_fail(Op *op, ReplicaOutcome outcome, const char *what, int error);

/* The next UID of the op's set. Return: 1, or 0 at the end. */
int op_next_uid(Op *op, uint32_t *ret_uid);

/* maildir-replica-append.c */
/* A name that no other message has. */
int folder_new_base(MaildirReplica *r, char **ret_base);
int maildir_append_begin(Replica *replica, ReplicaMailbox *mailbox, const ReplicaMessage *message,
                         uint64_t cookie);
ssize_t maildir_append_data(Replica *replica, ByteView data);
int maildir_append_end(Replica *replica, const ReplicaMessage *message);
int maildir_append_abort(Replica *replica);
int maildir_append_copy(Replica *replica, ReplicaMailbox *mailbox, const ReplicaMessage *message,
                        uint64_t cookie, ReplicaMailbox *source, uint32_t uid);
int maildir_prepare(Replica *replica, ReplicaMailbox *mailbox);
int maildir_publish(Replica *replica, ReplicaMailbox *mailbox);
int maildir_recover(Replica *replica, ReplicaMailbox *mailbox, UidRange staged, UidSet *lost);
int maildir_noted(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid);
int maildir_forgotten(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid);
int maildir_gone_object(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid,
                        uint64_t *ret_object);
