/*
 * A replica in memory: requests are a queue, each is carried out when its first event is taken, and
 * what other clients did meanwhile is told before its DONE.
 */

#include <errno.h>

#include "base/macro.h"
#include "memory-replica-private.h"
#include "request-name.h"

#define MAX_EVENTS 200000u /* more is an endless loop */

bool memory_replica_trace;

static void trace(const MemoryReplica *r, const ReplicaEvent *event) {
        static const char *const types[] = {
                [REPLICA_EVENT_MAILBOX] = "MAILBOX",     [REPLICA_EVENT_STATUS] = "STATUS",
                [REPLICA_EVENT_OVERFLOW] = "OVERFLOW",   [REPLICA_EVENT_ALERT] = "ALERT",
                [REPLICA_EVENT_OPENED] = "OPENED",       [REPLICA_EVENT_MESSAGE] = "MESSAGE",
                [REPLICA_EVENT_VANISHED] = "VANISHED",   [REPLICA_EVENT_BODY_BEGIN] = "BODY_BEGIN",
                [REPLICA_EVENT_BODY_DATA] = "BODY_DATA", [REPLICA_EVENT_BODY_END] = "BODY_END",
                [REPLICA_EVENT_APPENDED] = "APPENDED",   [REPLICA_EVENT_MOVED] = "MOVED",
                [REPLICA_EVENT_FOUND] = "FOUND",         [REPLICA_EVENT_DONE] = "DONE",
        };

        if (event->type == REPLICA_EVENT_BODY_DATA)
                return;
        fprintf(stderr, "    %s %s %s", side_name(r->replica.side), types[event->type],
                event->mailbox ? event->mailbox->name : "");
        if (event->type == REPLICA_EVENT_DONE)
                fprintf(stderr, " %s outcome %d", request_name(event->request),
                        (int) event->outcome);
        if (event->message.uid)
                fprintf(stderr, " uid %u flags %llx", event->message.uid,
                        (unsigned long long) event->message.flags);
        if (event->cookie)
                fprintf(stderr, " cookie %llu", (unsigned long long) event->cookie);
        if (event->type == REPLICA_EVENT_OPENED || event->type == REPLICA_EVENT_DONE)
                fprintf(stderr, " uidnext %u modseq %llu exists %u complete %d",
                        event->token.uidnext, (unsigned long long) event->token.modseq,
                        event->exists, event->complete);
        for (size_t i = 0; i < event->uids.n_ranges; i++)
                fprintf(stderr, " %u:%u", event->uids.ranges[i].first, event->uids.ranges[i].last);
        fprintf(stderr, "%s%s\n", event->text ? " " : "", event->text ? event->text : "");
}

bool kill_switch_pass(KillSwitch *kill) {
        if (kill->dead)
                return false;
        kill->dead = ++kill->n_actions == kill->at;
        return true;
}

Request *memory_request_free(Request *request) {
        if (!request)
                return NULL;
        uid_set_done(&request->uids);
        buffer_done(&request->bytes);
        free(request->name);
        free(request);
        return NULL;
}

static Event *event_free(Event *event) {
        if (!event)
                return NULL;
        uid_set_done(&event->uids);
        uid_set_done(&event->uids_to);
        free(event->bytes);
        free(event->text);
        free(event->message_id);
        free(event->object);
        free(event->wire);
        free(event);
        return NULL;
}

static void copy_set(const UidSet *from, UidSet *to) {
        for (size_t i = 0; from && i < from->n_ranges; i++)
                assert(uid_set_add(to, from->ranges[i].first, from->ranges[i].last) == 0);
}

static char *wire_of(const MemoryStore *store, const char *name) {
        char *wire;

        assert(asprintf(&wire, "%s%s", store->prefix ? store->prefix : "", name) >= 0);
        for (char *c = wire; store->delimiter && *c; c++)
                if (*c == '/')
                        *c = store->delimiter;
        return wire;
}

MemoryMailbox *memory_stored(const MemoryReplica *r, const ReplicaMailbox *mailbox) {
        _cleanup_free_ char *wire = wire_of(r->store, mailbox->name);

        assert(!mailbox->wire || (!r->store->is_files && strcmp(mailbox->wire, wire) == 0));
        return memory_store_find(r->store, mailbox->name);
}

void memory_set_wire(const MemoryReplica *r, Event *event, const char *name) {
        if (r->store->is_files)
                return;
        event->wire = wire_of(r->store, name);
        event->event.wire = bytes_of(event->wire);
}

static void forget_events(MemoryReplica *r) {
        while (r->events) {
                Event *event = r->events;

                r->events = event->next;
                event_free(event);
        }
        r->events_end = &r->events;
}

static bool is_life(ReplicaRequest type) {
        return type == REPLICA_CREATE || type == REPLICA_RENAME || type == REPLICA_REMOVE ||
               type == REPLICA_SUBSCRIBE;
}

/* Carry the next request out. Those that last count as actions. */
static void perform_next(MemoryReplica *r) {
        Request *request = r->requests;
        const bool lasts = is_life(request->type) || request->type == REPLICA_STORE ||
                           request->type == REPLICA_EXPUNGE || request->type == REPLICA_MOVE ||
                           request->type == REPLICA_APPEND;

        r->requests = request->next;
        if (!r->requests)
                r->requests_end = &r->requests;
        if (!lasts || kill_switch_pass(r->kill))
                memory_perform(r, request);
        if (r->kill->dead)
                forget_events(r);
        memory_request_free(request);
}

/* --- ReplicaOps --- */

Request *memory_enqueue(MemoryReplica *r, ReplicaRequest type, ReplicaMailbox *mailbox,
                        const UidSet *uids) {
        Request *request = must(calloc(1, sizeof(*request)));

        request->type = type;
        request->mailbox = mailbox;
        copy_set(uids, &request->uids);
        *r->requests_end = request;
        r->requests_end = &request->next;
        r->n_writes += is_life(type) || type == REPLICA_STORE || type == REPLICA_EXPUNGE ||
                       type == REPLICA_MOVE;
        return request;
}

static int memory_list(Replica *replica) {
        memory_enqueue(memory_self(replica), REPLICA_LIST, NULL, NULL);
        return 0;
}

static int memory_create(Replica *replica, ReplicaMailbox *mailbox) {
        memory_enqueue(memory_self(replica), REPLICA_CREATE, mailbox, NULL);
        return 0;
}

static int memory_standing(Replica *replica, ReplicaMailbox *mailbox) {
        memory_enqueue(memory_self(replica), REPLICA_STANDING, mailbox, NULL);
        return 0;
}

static int memory_rename(Replica *replica, ReplicaMailbox *mailbox, const char *name) {
        memory_enqueue(memory_self(replica), REPLICA_RENAME, mailbox, NULL)->name =
                must(strdup(name));
        return 0;
}

static int memory_remove(Replica *replica, ReplicaMailbox *mailbox) {
        memory_enqueue(memory_self(replica), REPLICA_REMOVE, mailbox, NULL);
        return 0;
}

static int memory_subscribe(Replica *replica, ReplicaMailbox *mailbox, bool subscribe) {
        memory_enqueue(memory_self(replica), REPLICA_SUBSCRIBE, mailbox, NULL)->subscribe =
                subscribe;
        return 0;
}

static int memory_changes(Replica *replica, ReplicaMailbox *mailbox, const ReplicaToken *since,
                          const UidSet *known, ReplicaWant want) {
        Request *request = memory_enqueue(memory_self(replica), REPLICA_CHANGES, mailbox, known);

        request->since = *since;
        request->want = want;
        request->newest = want == REPLICA_WANT_BODY ? mailbox->newest : 0;
        return 0;
}

static int memory_fetch(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids,
                        ReplicaWant want) {
        assert(!uid_set_is_empty(uids));
        memory_enqueue(memory_self(replica), REPLICA_FETCH, mailbox, uids)->want = want;
        return 0;
}

static int memory_store(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids,
                        MessageFlags add, MessageFlags remove) {
        Request *request = memory_enqueue(memory_self(replica), REPLICA_STORE, mailbox, uids);

        assert(!uid_set_is_empty(uids) && (add | remove) != 0 && (add & remove) == 0);
        request->add = add;
        request->remove = remove;
        return 0;
}

static int memory_expunge_uids(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids) {
        assert(!uid_set_is_empty(uids));
        memory_enqueue(memory_self(replica), REPLICA_EXPUNGE, mailbox, uids);
        return 0;
}

static int memory_move_uids(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids,
                            ReplicaMailbox *target) {
        assert(!uid_set_is_empty(uids));
        memory_enqueue(memory_self(replica), REPLICA_MOVE, mailbox, uids)->target = target;
        return 0;
}

static int memory_search(Replica *replica, ReplicaMailbox *mailbox, const ReplicaSearch *search,
                         uint64_t cookie) {
        Request *request = memory_enqueue(memory_self(replica), REPLICA_SEARCH, mailbox, NULL);

        assert(search->stride > 1 || search->range.first > 0);
        request->search = *search;
        request->cookie = cookie;
        return 0;
}

static int memory_close(Replica *replica, ReplicaMailbox *mailbox) {
        memory_enqueue(memory_self(replica), REPLICA_CLOSE, mailbox, NULL);
        return 0;
}

static int memory_stamp(Replica *replica, ReplicaMailbox *mailbox, int64_t now_ns,
                        uint64_t ret_stamp[4]) {
        const MemoryMailbox *stored = memory_stored(memory_self(replica), mailbox);

        (void) now_ns;
        if (!memory_self(replica)->store->is_files || !stored)
                return 0;
        memset(ret_stamp, 0, sizeof(uint64_t[4]));
        ret_stamp[2] = stored->modseq;
        return 1;
}

static void memory_reset(Replica *replica) {
        MemoryReplica *r = memory_self(replica);

        while (r->requests) {
                Request *request = r->requests;

                r->requests = request->next;
                memory_request_free(request);
        }
        r->requests_end = &r->requests;
        forget_events(r);
        r->append = memory_request_free(r->append);
        while (r->sessions) {
                Session *session = r->sessions;

                r->sessions = session->next;
                free(session);
        }
        r->lost = false;
        for (size_t i = 0; i < r->store->n_mailboxes; i++)
                memory_drop_written(r->store->mailboxes[i]);
}

/* The connection breaks: what was on its way there may have arrived. */
static int lose(MemoryReplica *r) {
        r->loses = false;
        r->lost = true;
        for (unsigned i = 0; i < r->lost_taken && r->requests; i++)
                perform_next(r);
        forget_events(r);
        return -ENOTCONN;
}

static int memory_next(Replica *replica, ReplicaEvent *ret_event) {
        MemoryReplica *r = memory_self(replica);

        r->taken = event_free(r->taken);
        if (r->kill->dead)
                return -ECANCELED;
        if (r->lost)
                return -ENOTCONN;
        if (r->on_next)
                r->on_next(r->userdata);
        while (!r->events && r->requests) {
                if (r->loses && r->lost_after-- == 0)
                        return lose(r);
                perform_next(r);
        }
        if (r->kill->dead)
                return -ECANCELED;
        if (!r->events)
                return 0;
        if (r->loses && r->lost_after-- == 0)
                return lose(r);

        assert(++r->n_events < MAX_EVENTS);
        r->taken = r->events;
        r->events = r->taken->next;
        if (!r->events)
                r->events_end = &r->events;
        if (r->store->is_short_of_memory && r->taken->event.type == REPLICA_EVENT_MAILBOX) {
                r->store->is_short_of_memory = false;
                return -ENOMEM;
        }
        *ret_event = r->taken->event;
        if (memory_replica_trace)
                trace(r, ret_event);
        return 1;
}

static const ReplicaOps memory_ops = {
        .list = memory_list,
        .create = memory_create,
        .standing = memory_standing,
        .rename = memory_rename,
        .remove = memory_remove,
        .subscribe = memory_subscribe,
        .changes = memory_changes,
        .fetch = memory_fetch,
        .store = memory_store,
        .expunge = memory_expunge_uids,
        .move = memory_move_uids,
        .search = memory_search,
        .append_begin = memory_append_begin,
        .append_data = memory_append_data,
        .append_end = memory_append_end,
        .append_abort = memory_append_abort,
        .append_copy = memory_append_copy,
        .prepare = memory_prepare,
        .publish = memory_publish,
        .recover = memory_recover,
        .noted = memory_noted,
        .forgotten = memory_forgotten,
        .close = memory_close,
        .stamp = memory_stamp,
        .reset = memory_reset,
        .next = memory_next,
};

/* --- life --- */

MemoryReplica *memory_replica_new(Side side, MemoryStore *store, KillSwitch *kill) {
        MemoryReplica *r = must(calloc(1, sizeof(*r)));

        r->ops = memory_ops;
        if (store->is_files) /* a server does not know of what is gone */
                r->ops.object = memory_gone_object;
        r->replica = (Replica){
                .ops = &r->ops,
                .side = side,
                .has_labels = store->has_labels,
                .gives_numbers = store->is_files,
                .has_sizes = store->has_sizes,
        };
        r->replica.renumbers_renamed = store->renumbers_renamed;
        r->store = store;
        r->kill = kill;
        r->requests_end = &r->requests;
        r->events_end = &r->events;
        return r;
}

MemoryReplica *memory_replica_free(MemoryReplica *r) {
        if (!r)
                return NULL;
        memory_reset(&r->replica);
        event_free(r->taken);
        free(r);
        return NULL;
}

Replica *memory_replica_base(MemoryReplica *r) {
        return &r->replica;
}

void memory_replica_lose(MemoryReplica *r, uint64_t after, unsigned taken) {
        r->loses = true;
        r->lost_after = after;
        r->lost_taken = taken;
}

void memory_replica_tell_renamed(MemoryReplica *r, const char *old_name, const char *name) {
        Event *event = memory_push(r, REPLICA_EVENT_MAILBOX, NULL);

        event->text = must(strdup(name));
        event->object = must(strdup(old_name));
        event->event.unasked = true;
        event->event.name = event->text;
        event->event.old_name = event->object;
        event->event.delimiter = r->store->delimiter ? r->store->delimiter : '/';
        memory_set_wire(r, event, name);
}

void memory_replica_tell_poll(MemoryReplica *r) {
        for (size_t i = 0; i < r->store->n_mailboxes; i++) {
                Event *event = memory_push(r, REPLICA_EVENT_MAILBOX, NULL);

                event->text = must(strdup(r->store->mailboxes[i]->name));
                event->event.name = event->text;
        }
        memory_push(r, REPLICA_EVENT_DONE, NULL)->event.request = REPLICA_WAIT;
}

void memory_replica_tell_status(MemoryReplica *r, const char *name) {
        Event *event = memory_push(r, REPLICA_EVENT_STATUS, NULL);

        event->text = must(strdup(name));
        event->event.name = event->text;
        event->event.unasked = true;
        memory_set_wire(r, event, name);
}

void memory_replica_on_next(MemoryReplica *r, void (*on_next)(void *userdata), void *userdata) {
        r->on_next = on_next;
        r->userdata = userdata;
}

uint64_t memory_replica_n_events(const MemoryReplica *r) {
        return r->n_events;
}

uint64_t memory_replica_n_writes(const MemoryReplica *r) {
        return r->n_writes;
}

uint64_t memory_replica_n_bodies(const MemoryReplica *r) {
        return r->n_bodies;
}
