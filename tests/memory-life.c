/* A replica in memory, its mailboxes: which there are and how they stand, made, renamed and removed. */

#include "memory-replica-private.h"

static uint64_t size_of(const MemoryMailbox *stored) {
        uint64_t size = 0;

        for (size_t i = 0; i < stored->n_messages; i++)
                size += strlen(stored->messages[i].bytes);
        return size;
}

Event *memory_push_status(MemoryReplica *r, const MemoryMailbox *stored, bool with_size) {
        Event *event = memory_push(r, REPLICA_EVENT_STATUS, NULL);

        event->text = must(strdup(stored->name));
        if (r->store->is_files) {
                memory_set_object(event, stored);
                event->event.name = event->text;
                event->event.token.stamp[2] = stored->modseq;
                return event;
        }
        if (r->replica.side == SIDE_LOCAL && !r->store->delimiter)
                event->event.name = event->text;
        memory_set_wire(r, event, stored->name);
        event->event.status = (ReplicaStatus){
                .uidnext = stored->uidnext,
                .has_messages = true,
                .messages = (uint32_t) memory_count_visible(stored),
                .modseq = memory_modseq(r, stored->modseq),
                .has_size = with_size,
                .size = with_size ? size_of(stored) : 0,
        };
        return event;
}

void memory_do_standing(MemoryReplica *r, Request *request) {
        const MemoryMailbox *stored = memory_stored(r, request->mailbox);

        if (stored) {
                Event *event = memory_push_status(r, stored, r->store->has_sizes);

                event->event.status.has_uidvalidity = true;
                event->event.status.uidvalidity = stored->uidvalidity;
                if (r->store->has_objects)
                        memory_set_object(event, stored);
        }
        memory_push_done(r, request, REPLICA_OK);
}

void memory_do_list(MemoryReplica *r, Request *request) {
        ReplicaOutcome outcome = REPLICA_OK;

        for (size_t i = 0; i < r->store->n_mailboxes; i++) {
                const MemoryMailbox *stored = r->store->mailboxes[i];
                Event *event;

                if (r->store->n_list_fails > 0) {
                        r->store->n_list_fails--;
                        outcome = REPLICA_FAILED;
                        break;
                }
                if (r->store->not_listed && strcmp(r->store->not_listed, stored->name) == 0)
                        continue;
                event = memory_push(r, REPLICA_EVENT_MAILBOX, NULL);
                event->text = must(strdup(stored->name));
                event->event.name = event->text;
                memory_set_wire(r, event, stored->name);
                event->event.attributes = stored->attributes;
                event->event.delimiter = r->store->delimiter ? r->store->delimiter : '/';
                event->event.has_subscribed = r->store->has_subscriptions;
                event->event.subscribed = stored->subscribed;
                (void) memory_push_status(r, stored, r->store->has_sizes && r->replica.is_first);
        }
        r->store->not_listed = NULL;
        memory_push_done(r, request, outcome);
}

/* A delimiter would make other levels of it. */
static bool is_unsayable(const MemoryReplica *r, const char *name) {
        const char delimiter = r->store->delimiter;

        return delimiter != '\0' && delimiter != '/' && strchr(name, delimiter);
}

/* A folder that is there is all right. */
void memory_do_create(MemoryReplica *r, Request *request) {
        MemoryMailbox *stored = memory_stored(r, request->mailbox);
        Event *event;

        if ((stored && !r->store->is_files) || is_unsayable(r, request->mailbox->name)) {
                memory_push_done(r, request, REPLICA_REFUSED);
                return;
        }
        if (!stored)
                stored = memory_store_add(r->store, request->mailbox->name);
        for (size_t i = 0; r->store->folds_case && i < r->store->n_mailboxes; i++)
                if (strcasecmp(r->store->mailboxes[i]->name, stored->name) == 0)
                        stored->object = r->store->mailboxes[i]->object;
        event = memory_push_done(r, request, REPLICA_OK);
        memory_set_wire(r, event, request->mailbox->name);
        if (r->store->is_files || r->store->has_objects)
                memory_set_object(event, stored);
}

/* Is what a mailbox would be called, or one below it, called so already? */
static bool is_taken(const MemoryStore *store, const char *name, const char *new_name) {
        const size_t n = strlen(name);

        for (size_t i = 0; i < store->n_mailboxes; i++) {
                const char *old = store->mailboxes[i]->name;
                char moved[256];

                if (strncmp(old, name, n) != 0 || (old[n] != '\0' && old[n] != '/'))
                        continue;
                (void) snprintf(moved, sizeof(moved), "%s%s", new_name, old + n);
                if (memory_store_find(store, moved))
                        return true;
        }
        return false;
}

/* As a server does, and as a Maildir does: what is so already is all right, and nothing is replaced. */
void memory_do_rename(MemoryReplica *r, Request *request) {
        const bool is_there = memory_stored(r, request->mailbox);
        const bool is_done = is_there ? is_taken(r->store, request->mailbox->name, request->name)
                                      : memory_store_find(r->store, request->name) != NULL;
        Event *event;

        if (is_there == is_done || is_unsayable(r, request->name)) {
                memory_push_done(r, request, is_there ? REPLICA_REFUSED : REPLICA_NO_MAILBOX);
                return;
        }
        memory_store_rename(r->store, request->mailbox->name, request->name);
        event = memory_push_done(r, request, REPLICA_OK);
        memory_set_wire(r, event, request->name);
}

void memory_do_remove(MemoryReplica *r, Request *request) {
        memory_store_remove(r->store, request->mailbox->name);
        memory_push_done(r, request, REPLICA_OK);
}

void memory_do_subscribe(MemoryReplica *r, Request *request) {
        MemoryMailbox *stored = memory_stored(r, request->mailbox);

        if (stored)
                stored->subscribed = request->subscribe;
        memory_push_done(r, request, stored ? REPLICA_OK : REPLICA_NO_MAILBOX);
}
