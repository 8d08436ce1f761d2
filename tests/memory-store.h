#pragma once

/*
 * A mail store in memory, for tests: what lasts of one side, as a server's disk or a Maildir does
 *
 * Tests change it as other clients would; tests/memory-replica.h lets an engine work on it. Flags
 * stand in the store's own keyword table, so that each engine's table may differ from it. Running
 * out of memory ends the test.
 */

#include "imap/flags.h"
#include "imap/uid-set.h"

typedef enum MemoryStage {
        MEMORY_VISIBLE,
        MEMORY_WRITTEN, /* in tmp/, lost at a kill */
        MEMORY_DURABLE, /* in tmp/, and outlasts a kill */
} MemoryStage;

typedef struct MemoryMessage {
        uint32_t uid;
        uint64_t modseq;
        MessageFlags flags;
        int64_t date;
        char *bytes; /* owned, a string */
        MemoryStage stage;
        uint64_t object; /* as an inode: stays the same when it is moved */
        bool noted;      /* by ReplicaOps.noted() */
} MemoryMessage;

typedef struct MemoryGone {
        uint32_t uid;
        uint64_t modseq;
        uint64_t object;
} MemoryGone;

typedef struct MemoryMailbox {
        char *name; /* owned */
        unsigned object;
        bool subscribed;
        unsigned attributes; /* IMAP_LIST_*, as listed */
        uint32_t uidvalidity, uidnext;
        uint64_t modseq;
        MemoryMessage *messages; /* owned, by ascending UID */
        size_t n_messages;
        MemoryGone *gone; /* owned */
        size_t n_gone;
} MemoryMailbox;

typedef struct MemoryStore {
        Keywords keywords;
        MemoryMailbox **mailboxes; /* owned */
        size_t n_mailboxes;
        unsigned n_objects; /* given so far */

        /* What kind of store it is. */
        bool is_files;      /* two-phase delivery, stamps, no news while it is worked on */
        const char *prefix; /* with delimiter set: all names on the wire begin so; borrowed */
        char delimiter; /* on the wire; a STATUS is told by the wire's name alone then. 0: the wire has the
                           names as they are */
        bool has_objects; /* standing() tells who a mailbox is; files always do */
        bool has_subscriptions;
        bool folds_case; /* a new mailbox is that of another name in other capitals */
        bool no_modseq;  /* each look lists everything */
        bool no_uidnext; /* a look does not tell it, a STATUS does */
        unsigned untold; /* REPLICA_UNTOLD_* of sync/replica.h: what a look does not tell */
        bool can_count;  /* searches say so */
        bool no_uidplus;
        bool no_move;           /* it can move nothing */
        bool renumbers_renamed; /* from 1, with another UIDVALIDITY */
        bool has_labels; /* messages of one Message-ID are the same message, in each mailbox */
        bool has_sizes;  /* of mailboxes */
        bool no_sizes;   /* of messages, where it is asked what they are */
        bool one_copy;  /* an append of what is there already adds nothing, and names the old UID */
        bool tells_new; /* news of new messages come unasked for, like those of flags */
        bool no_keywords;
        MessageFlags unstorable; /* of FLAGS_FIXED */
        const char *refuses;     /* appending a message that contains this; borrowed */
        bool refuses_early;      /* before it has all of it */
        const char *no_body;     /* nor is there a body of one that contains this; borrowed */
        unsigned n_no_body;      /* so many times */
        unsigned n_silent;       /* messages that are asked for, and left out of the answer */
        size_t window;           /* bytes that append_data() takes at a time; 0: all */

        /* What goes wrong, so many times. */
        UidRange bogus_vanished;
        const char *not_listed;  /* by the next list: it comes to be right after */
        bool is_short_of_memory; /* what tells of a mailbox is lost, once */
        unsigned n_bogus_vanished, n_bogus_exists, n_list_fails;
        unsigned n_emptied; /* tells at once that all is gone, as of a mailbox that was deleted */
        unsigned n_full;    /* APPEND: there is no room */
        unsigned n_refused_changes; /* STORE and EXPUNGE */
        unsigned n_refused_life;    /* CREATE, RENAME, REMOVE, SUBSCRIBE */
        unsigned n_fails_prepare, n_fails_publish, n_fails_recover;
        unsigned fails; /* the so-manieth request from now on fails; 0: none */
} MemoryStore;

void memory_store_done(MemoryStore *store);

MemoryMailbox *memory_store_add(MemoryStore *store, const char *name);
MemoryMailbox *memory_store_find(const MemoryStore *store, const char *name); /* or NULL */
void memory_store_remove(MemoryStore *store, const char *name);
/* With what is below it. */
void memory_store_rename(MemoryStore *store, const char *name, const char *new_name);

/* The process dies: what is in tmp/ and was not made durable is lost. */
void memory_store_crash(MemoryStore *store);

/* @uid: 0: the next one. @bytes: copied. Return: borrowed, until the next delivery. */
MemoryMessage *memory_deliver(MemoryMailbox *mailbox, uint32_t uid, const char *bytes, int64_t date,
                              MessageFlags flags);
MemoryMessage *memory_find(MemoryMailbox *mailbox, uint32_t uid); /* or NULL */
void memory_set_flags(MemoryMailbox *mailbox, MemoryMessage *message, MessageFlags flags);
void memory_expunge(MemoryMailbox *mailbox, uint32_t uid);
/* Borrowed, until the next delivery. */
MemoryMessage *memory_move(MemoryMailbox *from, uint32_t uid, MemoryMailbox *to);
/* Of a message that is there or was. */
uint64_t memory_object(const MemoryMailbox *mailbox, uint32_t uid);

/* Everything gets another number, and the history is forgotten. */
void memory_renumber(MemoryMailbox *mailbox, uint32_t first);

size_t memory_count_visible(const MemoryMailbox *mailbox);

/* The value of its Message-ID field, size 0: it has none. */
ByteView memory_message_id(const MemoryMessage *message);

/* The same flags, in another keyword table. */
MessageFlags memory_translate(MessageFlags flags, const Keywords *from, Keywords *to);
