#pragma once

/* What the files of the replica in memory share: its queues, and how a request is carried out. */

#include "memory-replica.h"
#include "test.h"

typedef struct Request {
        struct Request *next;
        ReplicaRequest type;
        ReplicaMailbox *mailbox;
        ReplicaToken since;
        uint32_t newest; /* with bodies: those from this UID on come first */
        ReplicaWant want;
        UidSet uids; /* owned; of CHANGES: known */
        MessageFlags add, remove;
        char *name; /* RENAME; owned */
        bool subscribe;
        ReplicaMailbox *target; /* of MOVE */
        /* APPEND */
        uint64_t cookie; /* of SEARCH too */
        ReplicaSearch search;
        ReplicaMessage message;
        Buffer bytes;
        bool is_over; /* it was refused before it was whole */
} Request;

typedef struct Event {
        struct Event *next;
        ReplicaEvent event;
        UidSet uids;             /* owned, event.uids */
        UidSet uids_to;          /* owned, event.uids_to */
        char *bytes;             /* owned, event.data */
        char *text;              /* owned, event.text and name */
        char *object;            /* owned, event.object */
        char *wire;              /* owned, event.wire */
        char *message_id;        /* owned, event.message.message_id */
        uint64_t message_object; /* event.message.object */
        bool is_append;          /* DONE and APPENDED come unasked for a while */
} Event;

/* A mailbox that is open: what its client has been told. ReplicaMailbox.private. */
typedef struct Session {
        struct Session *next;
        ReplicaMailbox *mailbox;
        uint64_t told;    /* modseq */
        uint32_t uidnext; /* new messages below this were told */
        bool lost_track;  /* something has changed that was not told: no modseq is safe */
} Session;

struct MemoryReplica {
        Replica replica;
        ReplicaOps ops;
        MemoryStore *store; /* borrowed */
        KillSwitch *kill;   /* borrowed */
        Request *requests, **requests_end;
        Event *events, **events_end, *taken;
        Session *sessions;
        Request *append; /* under way */
        size_t window;   /* what append_data() takes until it takes nothing once */
        uint64_t lost_after;
        unsigned lost_taken;
        bool loses, lost;
        void (*on_next)(void *userdata);
        void *userdata;
        uint64_t n_events, n_writes, n_bodies;
};

/* The mailbox that is meant; what the engine calls it on the wire must be right. */
MemoryMailbox *memory_stored(const MemoryReplica *r, const ReplicaMailbox *mailbox);
/* Say what a mailbox is called on the wire, if it is called something there. */
void memory_set_wire(const MemoryReplica *r, Event *event, const char *name);

static inline void *must(void *memory) {
        assert(memory);
        return memory;
}

static inline MemoryReplica *memory_self(Replica *replica) {
        return (MemoryReplica *) replica;
}

/* memory-replica.c */
Request *memory_request_free(Request *request);
Request *memory_enqueue(MemoryReplica *r, ReplicaRequest type, ReplicaMailbox *mailbox,
                        const UidSet *uids);

/* memory-append.c: what its name says, and the rest of ReplicaOps about deliveries */
int memory_append_begin(Replica *replica, ReplicaMailbox *mailbox, const ReplicaMessage *message,
                        uint64_t cookie);
ssize_t memory_append_data(Replica *replica, ByteView data);
int memory_append_end(Replica *replica, const ReplicaMessage *message);
int memory_append_abort(Replica *replica);
int memory_append_copy(Replica *replica, ReplicaMailbox *mailbox, const ReplicaMessage *message,
                       uint64_t cookie, ReplicaMailbox *source, uint32_t uid);
int memory_prepare(Replica *replica, ReplicaMailbox *mailbox);
int memory_publish(Replica *replica, ReplicaMailbox *mailbox);
int memory_recover(Replica *replica, ReplicaMailbox *mailbox, UidRange staged, UidSet *lost);
int memory_noted(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid);
int memory_forgotten(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid);
int memory_gone_object(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid,
                       uint64_t *ret_object);
/* What was begun in tmp/ is thrown away. */
void memory_drop_written(MemoryMailbox *stored);

/* memory-life.c: requests about mailboxes as such */
void memory_do_list(MemoryReplica *r, Request *request);
void memory_do_standing(MemoryReplica *r, Request *request);
void memory_do_create(MemoryReplica *r, Request *request);
void memory_do_rename(MemoryReplica *r, Request *request);
void memory_do_remove(MemoryReplica *r, Request *request);
void memory_do_subscribe(MemoryReplica *r, Request *request);
Event *memory_push_status(MemoryReplica *r, const MemoryMailbox *stored, bool with_size);

/* memory-requests.c */
Event *memory_push(MemoryReplica *r, ReplicaEventType type, ReplicaMailbox *mailbox);
void memory_set_object(Event *event, const MemoryMailbox *stored);
/* As the server tells it, 0 if it does not. */
uint64_t memory_modseq(const MemoryReplica *r, uint64_t modseq);
Event *memory_push_done(MemoryReplica *r, const Request *request, ReplicaOutcome outcome);
void memory_perform(MemoryReplica *r, Request *request);
