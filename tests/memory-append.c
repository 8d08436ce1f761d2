/*
 * A replica in memory: messages that are handed in, and two-phase delivery
 *
 * The store of a Maildir keeps them in stages, as tmp/ does; that of a server shows them at once.
 */

#include <errno.h>

#include "base/macro.h"
#include "memory-replica-private.h"

static bool contains(ByteView bytes, const char *word) {
        _cleanup_free_ char *copy = must(bytes_dup(bytes));

        return strstr(copy, word) != NULL;
}

int memory_append_begin(Replica *replica, ReplicaMailbox *mailbox, const ReplicaMessage *message,
                        uint64_t cookie) {
        MemoryReplica *r = memory_self(replica);

        if (r->kill->dead)
                return -ECANCELED;
        assert(!r->append || r->append->is_over);
        r->append = memory_request_free(r->append);
        r->append = must(calloc(1, sizeof(*r->append)));
        r->append->type = REPLICA_APPEND;
        r->append->mailbox = mailbox;
        r->append->cookie = cookie;
        r->append->message = *message;
        r->append->message.message_id = BYTES_NULL;
        r->window = r->store->window;
        if (r->store->refuses_early && contains(message->message_id, r->store->refuses)) {
                r->append->is_over = true;
                memory_push_done(r, r->append, REPLICA_REFUSED);
        }
        return 0;
}

ssize_t memory_append_data(Replica *replica, ByteView data) {
        MemoryReplica *r = memory_self(replica);

        if (r->kill->dead)
                return -ECANCELED;
        assert(r->append);
        if (r->store->window > 0) {
                if (r->window == 0) {
                        r->window = r->store->window; /* it has sent some, by the next call */
                        return 0;
                }
                data.size = MIN(data.size, r->window);
                r->window -= data.size;
        }
        assert(buffer_append_view(&r->append->bytes, data) == 0);
        return (ssize_t) data.size;
}

int memory_append_end(Replica *replica, const ReplicaMessage *message) {
        MemoryReplica *r = memory_self(replica);

        if (r->kill->dead)
                return -ECANCELED;
        assert(r->append);
        if (r->append->is_over) {
                r->append = memory_request_free(r->append);
                return 0;
        }
        assert(r->append->bytes.size > 0 && r->append->bytes.size == message->size);
        r->append->message.flags = message->flags;
        r->append->message.date = message->date;
        *r->requests_end = r->append;
        r->requests_end = &r->append->next;
        r->append = NULL;
        r->n_writes++;
        return 0;
}

int memory_append_abort(Replica *replica) {
        MemoryReplica *r = memory_self(replica);

        assert(r->append);
        r->append = memory_request_free(r->append);
        return 0;
}

/* As a whole, and not counted as a body: nothing is read from the other side. */
int memory_append_copy(Replica *replica, ReplicaMailbox *mailbox, const ReplicaMessage *message,
                       uint64_t cookie, ReplicaMailbox *source, uint32_t uid) {
        MemoryReplica *r = memory_self(replica);
        MemoryMailbox *stored = memory_stored(r, source);
        const MemoryMessage *twin = stored ? memory_find(stored, uid) : NULL;
        Request *request;

        if (r->kill->dead)
                return -ECANCELED;
        if (!twin || twin->stage != MEMORY_VISIBLE)
                return 1;
        request = memory_enqueue(r, REPLICA_APPEND, mailbox, NULL);
        request->cookie = cookie;
        request->message = *message;
        request->message.date = twin->date;
        assert(buffer_append_string(&request->bytes, twin->bytes) == 0);
        r->n_writes++;
        return 0;
}

static int restage(MemoryReplica *r, ReplicaMailbox *mailbox, MemoryStage from, MemoryStage to) {
        MemoryMailbox *stored = memory_stored(r, mailbox);

        if (!kill_switch_pass(r->kill))
                return -ECANCELED;
        for (size_t i = 0; stored && i < stored->n_messages; i++)
                if (stored->messages[i].stage == from)
                        stored->messages[i].stage = to;
        return 0;
}

/* What was begun in tmp/ is thrown away. */
void memory_drop_written(MemoryMailbox *stored) {
        for (size_t i = stored->n_messages; i > 0; i--)
                if (stored->messages[i - 1].stage == MEMORY_WRITTEN)
                        memory_expunge(stored, stored->messages[i - 1].uid);
}

int memory_prepare(Replica *replica, ReplicaMailbox *mailbox) {
        MemoryStore *store = memory_self(replica)->store;

        if (!store->is_files)
                return 0;
        if (store->n_fails_prepare > 0) {
                store->n_fails_prepare--;
                memory_drop_written(memory_stored(memory_self(replica), mailbox));
                return -ENOSPC;
        }
        return restage(memory_self(replica), mailbox, MEMORY_WRITTEN, MEMORY_DURABLE);
}

int memory_publish(Replica *replica, ReplicaMailbox *mailbox) {
        MemoryStore *store = memory_self(replica)->store;

        if (!store->is_files)
                return 0;
        if (store->n_fails_publish > 0) {
                store->n_fails_publish--;
                return -EIO;
        }
        return restage(memory_self(replica), mailbox, MEMORY_DURABLE, MEMORY_VISIBLE);
}

int memory_recover(Replica *replica, ReplicaMailbox *mailbox, UidRange staged, UidSet *lost) {
        MemoryReplica *r = memory_self(replica);
        MemoryMailbox *stored = memory_stored(r, mailbox);

        if (!stored || !r->store->is_files)
                return 0;
        if (!kill_switch_pass(r->kill))
                return -ECANCELED;
        if (r->store->n_fails_recover > 0) {
                r->store->n_fails_recover--;
                return -EIO;
        }
        for (uint64_t uid = staged.first; uid <= staged.last; uid++) {
                MemoryMessage *message = memory_find(stored, (uint32_t) uid);

                if (message)
                        message->stage = MEMORY_VISIBLE;
                else
                        assert(uid_set_add(lost, (uint32_t) uid, (uint32_t) uid) == 0);
        }
        return 0;
}

static int set_noted(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid, bool noted) {
        MemoryMailbox *stored = memory_stored(memory_self(replica), mailbox);
        MemoryMessage *message = stored ? memory_find(stored, uid) : NULL;

        if (memory_self(replica)->kill->dead)
                return -ECANCELED;
        if (message)
                message->noted = noted;
        return 0;
}

int memory_noted(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid) {
        return set_noted(replica, mailbox, uid, true);
}

int memory_forgotten(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid) {
        return set_noted(replica, mailbox, uid, false);
}

int memory_gone_object(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid,
                       uint64_t *ret_object) {
        const MemoryMailbox *stored = memory_stored(memory_self(replica), mailbox);

        *ret_object = stored ? memory_object(stored, uid) : 0;
        return 0;
}
