/*
 * A replica in memory: requests are a queue, each is carried out when its first event is taken, and
 * what other clients did meanwhile is told before its DONE.
 */

#include <errno.h>

#include "base/macro.h"
#include "imap/session.h"
#include "memory-replica.h"
#include "test.h"

#define MAX_EVENTS 200000u /* more is an endless loop */
#define PIECE      7u      /* bytes of a body in an event */

typedef struct Request {
        struct Request *next;
        ReplicaRequest type;
        ReplicaMailbox *mailbox;
        ReplicaToken since;
        ReplicaWant want;
        UidSet uids; /* owned; of CHANGES: known */
        MessageFlags add, remove;
        /* APPEND */
        uint64_t cookie;
        ReplicaMessage message;
        Buffer bytes;
        bool is_over; /* it was refused before it was whole */
} Request;

typedef struct Event {
        struct Event *next;
        ReplicaEvent event;
        UidSet uids;      /* owned, event.uids */
        char *bytes;      /* owned, event.data */
        char *text;       /* owned, event.text and name */
        char *message_id; /* owned, event.message.message_id */
        bool is_append;   /* DONE and APPENDED come unasked for a while */
} Event;

/* A mailbox that is open: what its client has been told. ReplicaMailbox.private. */
typedef struct Session {
        struct Session *next;
        ReplicaMailbox *mailbox;
        uint64_t told;    /* modseq */
        uint32_t uidnext; /* new messages below this were told */
} Session;

struct MemoryReplica {
        Replica replica;
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

bool memory_replica_trace;

static void trace(const MemoryReplica *r, const ReplicaEvent *event) {
        static const char *const types[] = {"MAILBOX",  "STATUS",     "OPENED",    "MESSAGE",
                                            "VANISHED", "BODY_BEGIN", "BODY_DATA", "BODY_END",
                                            "APPENDED", "DONE"};
        static const char *const requests[] = {"LIST",  "CREATE",  "CHANGES", "FETCH",
                                               "STORE", "EXPUNGE", "APPEND",  "CLOSE"};

        if (event->type == REPLICA_EVENT_BODY_DATA)
                return;
        fprintf(stderr, "    %s %s", side_name(r->replica.side), types[event->type]);
        if (event->type == REPLICA_EVENT_DONE)
                fprintf(stderr, " %s outcome %d", requests[event->request], (int) event->outcome);
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

static MemoryReplica *self(Replica *replica) {
        return (MemoryReplica *) replica;
}

static void *must(void *memory) {
        assert(memory);
        return memory;
}

bool kill_switch_pass(KillSwitch *kill) {
        if (kill->dead)
                return false;
        kill->dead = ++kill->n_actions == kill->at;
        return true;
}

static Request *request_free(Request *request) {
        if (!request)
                return NULL;
        uid_set_done(&request->uids);
        buffer_done(&request->bytes);
        free(request);
        return NULL;
}

static Event *event_free(Event *event) {
        if (!event)
                return NULL;
        uid_set_done(&event->uids);
        free(event->bytes);
        free(event->text);
        free(event->message_id);
        free(event);
        return NULL;
}

static void copy_set(const UidSet *from, UidSet *to) {
        for (size_t i = 0; from && i < from->n_ranges; i++)
                assert(uid_set_add(to, from->ranges[i].first, from->ranges[i].last) == 0);
}

/* --- events --- */

static Event *push(MemoryReplica *r, ReplicaEventType type, ReplicaMailbox *mailbox) {
        Event *event = must(calloc(1, sizeof(*event)));

        event->event.type = type;
        event->event.mailbox = mailbox;
        *r->events_end = event;
        r->events_end = &event->next;
        return event;
}

static Session *find_session(MemoryReplica *r, const ReplicaMailbox *mailbox) {
        for (Session *session = r->sessions; session; session = session->next)
                if (session->mailbox == mailbox)
                        return session;
        return NULL;
}

static MemoryMailbox *find_mailbox(const MemoryReplica *r, const ReplicaMailbox *mailbox) {
        return memory_store_find(r->store, mailbox->name);
}

static uint64_t modseq_of(const MemoryReplica *r, uint64_t modseq) {
        return r->store->no_modseq ? 0 : modseq;
}

static void fill_message(MemoryReplica *r, Event *event, const MemoryMessage *message,
                         bool identity) {
        const ByteView id = memory_message_id(message);
        ReplicaMessage *out = &event->event.message;

        *out = (ReplicaMessage){
                .present = REPLICA_HAS_FLAGS,
                .uid = message->uid,
                .flags = memory_translate(message->flags, &r->store->keywords,
                                          event->event.mailbox->keywords),
        };
        if (!identity)
                return;
        out->present |= REPLICA_HAS_DATE | REPLICA_HAS_SIZE | REPLICA_HAS_MESSAGE_ID;
        out->date = message->date;
        out->size = strlen(message->bytes);
        event->message_id = must(bytes_dup(id));
        out->message_id = bytes_of(event->message_id);
}

static void push_message(MemoryReplica *r, ReplicaMailbox *mailbox, const MemoryMessage *message,
                         bool identity) {
        fill_message(r, push(r, REPLICA_EVENT_MESSAGE, mailbox), message, identity);
}

static void push_body(MemoryReplica *r, ReplicaMailbox *mailbox, const MemoryMessage *message) {
        const size_t size = strlen(message->bytes);
        Event *event = push(r, REPLICA_EVENT_BODY_BEGIN, mailbox);

        r->n_bodies++;
        fill_message(r, event, message, true);
        if (r->store->n_no_body > 0 && strstr(message->bytes, r->store->no_body)) {
                r->store->n_no_body--;
                event = push(r, REPLICA_EVENT_BODY_END, mailbox);
                fill_message(r, event, message, true);
                event->text = must(strdup("the server gave NIL"));
                event->event.text = event->text;
                return;
        }

        for (size_t at = 0; at < size; at += PIECE) {
                const ByteView piece = {message->bytes + at, MIN(size - at, PIECE)};

                event = push(r, REPLICA_EVENT_BODY_DATA, mailbox);
                event->bytes = must(bytes_dup(piece));
                event->event.data = (ByteView){event->bytes, piece.size};
        }
        fill_message(r, push(r, REPLICA_EVENT_BODY_END, mailbox), message, true);
}

static void push_wanted(MemoryReplica *r, ReplicaMailbox *mailbox, const MemoryMessage *message,
                        ReplicaWant want) {
        if (want == REPLICA_WANT_BODY)
                push_body(r, mailbox, message);
        else
                push_message(r, mailbox, message, want == REPLICA_WANT_IDENTITY);
}

static void push_vanished(MemoryReplica *r, ReplicaMailbox *mailbox, const MemoryMailbox *stored,
                          uint64_t since) {
        Event *event = NULL;

        for (size_t i = 0; i < stored->n_gone; i++) {
                if (stored->gone[i].modseq <= since)
                        continue;
                if (!event)
                        event = push(r, REPLICA_EVENT_VANISHED, mailbox);
                assert(uid_set_add(&event->uids, stored->gone[i].uid, stored->gone[i].uid) == 0);
        }
        if (event)
                event->event.uids = event->uids;
}

/* What this and other clients did to an open mailbox since its client was told the last time. */
static void push_news(MemoryReplica *r, ReplicaMailbox *mailbox, const MemoryMailbox *stored) {
        Session *session = find_session(r, mailbox);

        if (!session || r->store->is_files)
                return;
        for (size_t i = 0; i < stored->n_messages; i++) {
                const MemoryMessage *message = &stored->messages[i];

                if (message->modseq > session->told &&
                    (message->uid < session->uidnext || r->store->tells_new))
                        push_message(r, mailbox, message, false);
        }
        push_vanished(r, mailbox, stored, session->told);
        session->told = stored->modseq;
        session->uidnext = stored->uidnext;
}

static Event *push_done(MemoryReplica *r, const Request *request, ReplicaOutcome outcome) {
        const Session *session = find_session(r, request->mailbox);
        const MemoryMailbox *stored = request->mailbox ? find_mailbox(r, request->mailbox) : NULL;
        Event *event = push(r, REPLICA_EVENT_DONE, request->mailbox);

        event->event.request = request->type;
        event->event.outcome = outcome;
        event->event.cookie = request->cookie;
        if (stored) {
                event->event.exists = (uint32_t) memory_count_visible(stored);
                event->event.token.modseq = modseq_of(r, session ? session->told : stored->modseq);
        }
        if (outcome != REPLICA_OK) {
                event->text = must(strdup("the store says no"));
                event->event.text = event->text;
        }
        return event;
}

/* --- carrying requests out --- */

static void push_status(MemoryReplica *r, const MemoryMailbox *stored) {
        Event *event = push(r, REPLICA_EVENT_STATUS, NULL);

        event->text = must(strdup(stored->name));
        if (r->store->is_files) {
                event->event.name = event->text;
                event->event.token.stamp[0] = stored->modseq;
                return;
        }
        if (r->replica.side == SIDE_LOCAL)
                event->event.name = event->text;
        event->event.wire = bytes_of(event->text);
        event->event.status = (ReplicaStatus){
                .uidnext = stored->uidnext,
                .has_messages = true,
                .messages = (uint32_t) memory_count_visible(stored),
                .modseq = modseq_of(r, stored->modseq),
        };
}

static void do_list(MemoryReplica *r, Request *request) {
        ReplicaOutcome outcome = REPLICA_OK;

        for (size_t i = 0; i < r->store->n_mailboxes; i++) {
                const MemoryMailbox *stored = r->store->mailboxes[i];
                Event *event;

                if (r->store->n_list_fails > 0) {
                        r->store->n_list_fails--;
                        outcome = REPLICA_FAILED;
                        break;
                }
                event = push(r, REPLICA_EVENT_MAILBOX, NULL);
                event->text = must(strdup(stored->name));
                event->event.name = event->text;
                if (!r->store->is_files)
                        event->event.wire = bytes_of(event->text);
                event->event.delimiter = '/';
                push_status(r, stored);
        }
        push_done(r, request, outcome);
}

static void do_create(MemoryReplica *r, Request *request) {
        Event *event;

        if (find_mailbox(r, request->mailbox)) {
                push_done(r, request, REPLICA_REFUSED);
                return;
        }
        memory_store_add(r->store, request->mailbox->name);
        event = push_done(r, request, REPLICA_OK);
        if (!r->store->is_files)
                event->event.wire = bytes_of(request->mailbox->name);
}

static bool is_named(const ReplicaMailbox *mailbox, uint32_t uid) {
        for (size_t i = 0; mailbox->names && mailbox->names[i]; i++)
                if (strtoul(mailbox->names[i], NULL, 10) == uid)
                        return true;
        return false;
}

/* A Maildir that is told which files to look at. */
static void push_named(MemoryReplica *r, const Request *request, MemoryMailbox *stored) {
        for (size_t i = 0; request->mailbox->names && request->mailbox->names[i]; i++) {
                const uint32_t uid = (uint32_t) strtoul(request->mailbox->names[i], NULL, 10);
                const MemoryMessage *message = memory_find(stored, uid);
                Event *event;

                if (message && message->stage == MEMORY_VISIBLE) {
                        push_message(r, request->mailbox, message, false);
                        continue;
                }
                event = push(r, REPLICA_EVENT_VANISHED, request->mailbox);
                assert(uid_set_add(&event->uids, uid, uid) == 0);
                event->event.uids = event->uids;
        }
        for (size_t i = 0; i < stored->n_messages; i++)
                if (!stored->messages[i].noted && stored->messages[i].stage == MEMORY_VISIBLE &&
                    stored->messages[i].uid < request->since.uidnext &&
                    !is_named(request->mailbox, stored->messages[i].uid))
                        push_message(r, request->mailbox, &stored->messages[i], false);
}

static void push_changes(MemoryReplica *r, const Request *request, MemoryMailbox *stored,
                         bool complete) {
        const ReplicaToken *since = &request->since;
        const bool renumbered =
                since->uidvalidity != 0 && since->uidvalidity != stored->uidvalidity;

        if (!complete)
                push_vanished(r, request->mailbox, stored, since->modseq);
        for (size_t i = 0; i < stored->n_messages; i++) {
                const MemoryMessage *message = &stored->messages[i];
                const bool is_new = message->uid >= since->uidnext &&
                                    !uid_set_contains(&request->uids, message->uid);

                if (message->stage != MEMORY_VISIBLE)
                        continue;
                if (renumbered)
                        push_message(r, request->mailbox, message, false);
                else if (is_new)
                        push_wanted(r, request->mailbox, message, request->want);
                else if (complete || message->modseq > since->modseq ||
                         (r->store->is_files && !message->noted))
                        push_message(r, request->mailbox, message, false);
        }
}

static void push_bogus(MemoryReplica *r, const Request *request) {
        Event *event;

        if (r->store->n_bogus_vanished == 0)
                return;
        r->store->n_bogus_vanished--;
        event = push(r, REPLICA_EVENT_VANISHED, request->mailbox);
        assert(uid_set_add(&event->uids, r->store->bogus_vanished.first,
                           r->store->bogus_vanished.last) == 0);
        event->event.uids = event->uids;
}

static void open_session(MemoryReplica *r, const Request *request, const MemoryMailbox *stored) {
        Session *session = find_session(r, request->mailbox);

        if (!session) {
                session = must(calloc(1, sizeof(*session)));
                session->mailbox = request->mailbox;
                session->next = r->sessions;
                r->sessions = session;
                request->mailbox->private = session;
        }
        session->told = stored->modseq;
        session->uidnext = stored->uidnext;
}

/* Deliveries of a process that died, which no recover() asked for. */
static void sweep(MemoryMailbox *stored) {
        for (size_t i = stored->n_messages; i > 0; i--)
                if (stored->messages[i - 1].stage == MEMORY_DURABLE)
                        memory_expunge(stored, stored->messages[i - 1].uid);
}

static Event *push_opened(MemoryReplica *r, const Request *request, const MemoryMailbox *stored) {
        Event *event = push(r, REPLICA_EVENT_OPENED, request->mailbox);
        MessageFlags permanent = 0;

        event->event.token = (ReplicaToken){
                .uidvalidity = stored->uidvalidity,
                .uidnext = stored->uidnext,
                .modseq = modseq_of(r, stored->modseq),
                .stamp[0] = r->store->is_files ? stored->modseq : 0,
        };
        event->event.exists = (uint32_t) memory_count_visible(stored);
        if (r->store->n_bogus_exists > 0) {
                r->store->n_bogus_exists--;
                event->event.exists++;
        }
        if (r->store->no_keywords) {
                for (unsigned i = 0; i < r->store->keywords.n_names; i++)
                        permanent |= (MessageFlags) 1 << (KEYWORD_FIRST + i);
                permanent = memory_translate(permanent, &r->store->keywords,
                                             request->mailbox->keywords);
        }
        event->event.storable = (FLAGS_FIXED & ~r->store->unstorable) | permanent;
        event->event.storable_keywords = !r->store->no_keywords;
        return event;
}

static void do_changes(MemoryReplica *r, Request *request) {
        const ReplicaToken *since = &request->since;
        MemoryMailbox *stored = find_mailbox(r, request->mailbox);
        Event *opened;

        if (!stored) {
                push_done(r, request, REPLICA_NO_MAILBOX);
                return;
        }
        if (r->store->is_files)
                sweep(stored);

        open_session(r, request, stored);
        opened = push_opened(r, request, stored);
        if (r->store->is_files && request->mailbox->has_names) {
                opened->event.token = *since;
                find_session(r, request->mailbox)->told = since->modseq;
                opened->event.token.uidvalidity = stored->uidvalidity;
                push_named(r, request, stored);
        } else {
                const uint32_t exists = opened->event.exists;

                opened->event.complete = since->modseq == 0 || r->store->no_modseq ||
                                         since->uidvalidity != stored->uidvalidity;
                push_changes(r, request, stored, opened->event.complete);
                push_bogus(r, request);
                push_news(r, request->mailbox, stored);
                push_done(r, request, REPLICA_OK)->event.exists = exists;
                return;
        }
        push_done(r, request, REPLICA_OK);
}

static void do_fetch(MemoryReplica *r, Request *request) {
        MemoryMailbox *stored = find_mailbox(r, request->mailbox);

        for (size_t i = 0; stored && i < stored->n_messages; i++)
                if (stored->messages[i].stage == MEMORY_VISIBLE &&
                    uid_set_contains(&request->uids, stored->messages[i].uid))
                        push_wanted(r, request->mailbox, &stored->messages[i], request->want);
        if (stored)
                push_news(r, request->mailbox, stored);
        push_done(r, request, stored ? REPLICA_OK : REPLICA_NO_MAILBOX);
}

/* A flag that cannot be stored must not be asked for. */
static void check_storable(MemoryReplica *r, MessageFlags flags, unsigned n_keywords) {
        assert(!(flags & r->store->unstorable));
        assert(!r->store->no_keywords || r->store->keywords.n_names == n_keywords);
}

static void do_store(MemoryReplica *r, Request *request) {
        MemoryMailbox *stored = find_mailbox(r, request->mailbox);
        const unsigned n_keywords = r->store->keywords.n_names;
        const MessageFlags add =
                memory_translate(request->add, request->mailbox->keywords, &r->store->keywords);
        const MessageFlags remove =
                memory_translate(request->remove, request->mailbox->keywords, &r->store->keywords);

        check_storable(r, add | remove, n_keywords);
        for (size_t i = 0; stored && i < stored->n_messages; i++) {
                MemoryMessage *message = &stored->messages[i];

                if (uid_set_contains(&request->uids, message->uid))
                        memory_set_flags(stored, message, (message->flags | add) & ~remove);
        }
        if (stored)
                push_news(r, request->mailbox, stored);
        push_done(r, request, stored ? REPLICA_OK : REPLICA_NO_MAILBOX);
}

static void do_expunge(MemoryReplica *r, Request *request) {
        MemoryMailbox *stored = find_mailbox(r, request->mailbox);

        for (size_t i = stored ? stored->n_messages : 0; i > 0; i--)
                if (uid_set_contains(&request->uids, stored->messages[i - 1].uid))
                        memory_expunge(stored, stored->messages[i - 1].uid);
        if (stored)
                push_news(r, request->mailbox, stored);
        push_done(r, request, stored ? REPLICA_OK : REPLICA_NO_MAILBOX);
}

/* The flags of an appended message: those that can be stored. */
static MessageFlags appended_flags(MemoryReplica *r, const Request *request) {
        Keywords *keywords = &r->store->keywords;
        MessageFlags flags = request->message.flags;

        if (r->store->no_keywords)
                flags &= FLAGS_FIXED;
        return memory_translate(flags, request->mailbox->keywords, keywords) &
               ~r->store->unstorable;
}

static void do_append(MemoryReplica *r, Request *request) {
        MemoryMailbox *stored = find_mailbox(r, request->mailbox);
        _cleanup_free_ char *bytes = must(bytes_dup(buffer_view(&request->bytes)));
        MemoryMessage *message;
        Event *event;

        if (!stored || (r->store->refuses && strstr(bytes, r->store->refuses))) {
                push_done(r, request, stored ? REPLICA_REFUSED : REPLICA_NO_MAILBOX);
                return;
        }

        message =
                memory_deliver(stored, 0, bytes, request->message.date, appended_flags(r, request));
        if (r->store->is_files)
                message->stage = MEMORY_WRITTEN;
        else
                push_news(r, request->mailbox, stored);

        event = push(r, REPLICA_EVENT_APPENDED, request->mailbox);
        fill_message(r, event, message, false);
        event->event.cookie = request->cookie;
        event->event.request = REPLICA_APPEND;
        if (find_session(r, request->mailbox))
                event->event.token.modseq = modseq_of(r, find_session(r, request->mailbox)->told);
        if (r->store->no_uidplus)
                event->event.message.uid = 0;
}

static void close_session(MemoryReplica *r, const ReplicaMailbox *mailbox) {
        for (Session **at = &r->sessions; *at; at = &(*at)->next)
                if ((*at)->mailbox == mailbox) {
                        Session *session = *at;

                        *at = session->next;
                        free(session);
                        return;
                }
}

static void do_close(MemoryReplica *r, Request *request) {
        const MemoryMailbox *stored = find_mailbox(r, request->mailbox);

        close_session(r, request->mailbox);
        request->mailbox->private = NULL;
        push_done(r, request, REPLICA_OK);
        if (stored && !r->store->is_files)
                push_status(r, stored);
}

static void perform(MemoryReplica *r, Request *request) {
        static void (*const perform_one[])(MemoryReplica *, Request *) = {
                [REPLICA_LIST] = do_list,       [REPLICA_CREATE] = do_create,
                [REPLICA_CHANGES] = do_changes, [REPLICA_FETCH] = do_fetch,
                [REPLICA_STORE] = do_store,     [REPLICA_EXPUNGE] = do_expunge,
                [REPLICA_APPEND] = do_append,   [REPLICA_CLOSE] = do_close,
        };

        const bool is_change = request->type == REPLICA_STORE || request->type == REPLICA_EXPUNGE;

        if (is_change && r->store->n_refused_changes > 0) {
                r->store->n_refused_changes--;
                push_done(r, request, REPLICA_REFUSED);
        } else if (r->store->fails > 0 && request->type != REPLICA_CLOSE && --r->store->fails == 0)
                push_done(r, request, REPLICA_FAILED);
        else
                perform_one[request->type](r, request);
}

static void forget_events(MemoryReplica *r) {
        while (r->events) {
                Event *event = r->events;

                r->events = event->next;
                event_free(event);
        }
        r->events_end = &r->events;
}

/* Carry the next request out. Those that last count as actions. */
static void perform_next(MemoryReplica *r) {
        Request *request = r->requests;
        const bool lasts = request->type == REPLICA_CREATE || request->type == REPLICA_STORE ||
                           request->type == REPLICA_EXPUNGE || request->type == REPLICA_APPEND;

        r->requests = request->next;
        if (!r->requests)
                r->requests_end = &r->requests;
        if (!lasts || kill_switch_pass(r->kill))
                perform(r, request);
        if (r->kill->dead)
                forget_events(r);
        request_free(request);
}

/* --- ReplicaOps --- */

static Request *enqueue(MemoryReplica *r, ReplicaRequest type, ReplicaMailbox *mailbox,
                        const UidSet *uids) {
        Request *request = must(calloc(1, sizeof(*request)));

        request->type = type;
        request->mailbox = mailbox;
        copy_set(uids, &request->uids);
        *r->requests_end = request;
        r->requests_end = &request->next;
        r->n_writes += type == REPLICA_CREATE || type == REPLICA_STORE || type == REPLICA_EXPUNGE;
        return request;
}

static int memory_list(Replica *replica) {
        enqueue(self(replica), REPLICA_LIST, NULL, NULL);
        return 0;
}

static int memory_create(Replica *replica, ReplicaMailbox *mailbox) {
        enqueue(self(replica), REPLICA_CREATE, mailbox, NULL);
        return 0;
}

static int memory_changes(Replica *replica, ReplicaMailbox *mailbox, const ReplicaToken *since,
                          const UidSet *known, ReplicaWant want) {
        Request *request = enqueue(self(replica), REPLICA_CHANGES, mailbox, known);

        request->since = *since;
        request->want = want;
        return 0;
}

static int memory_fetch(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids,
                        ReplicaWant want) {
        assert(!uid_set_is_empty(uids));
        enqueue(self(replica), REPLICA_FETCH, mailbox, uids)->want = want;
        return 0;
}

static int memory_store(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids,
                        MessageFlags add, MessageFlags remove) {
        Request *request = enqueue(self(replica), REPLICA_STORE, mailbox, uids);

        assert(!uid_set_is_empty(uids) && (add | remove) != 0 && (add & remove) == 0);
        request->add = add;
        request->remove = remove;
        return 0;
}

static int memory_expunge_uids(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids) {
        assert(!uid_set_is_empty(uids));
        enqueue(self(replica), REPLICA_EXPUNGE, mailbox, uids);
        return 0;
}

static bool contains(ByteView bytes, const char *word) {
        _cleanup_free_ char *copy = must(bytes_dup(bytes));

        return strstr(copy, word) != NULL;
}

static int memory_append_begin(Replica *replica, ReplicaMailbox *mailbox,
                               const ReplicaMessage *message, uint64_t cookie) {
        MemoryReplica *r = self(replica);

        if (r->kill->dead)
                return -ECANCELED;
        assert(!r->append || r->append->is_over);
        r->append = request_free(r->append);
        r->append = must(calloc(1, sizeof(*r->append)));
        r->append->type = REPLICA_APPEND;
        r->append->mailbox = mailbox;
        r->append->cookie = cookie;
        r->append->message = *message;
        r->append->message.message_id = BYTES_NULL;
        r->window = r->store->window;
        if (r->store->refuses_early && contains(message->message_id, r->store->refuses)) {
                r->append->is_over = true;
                push_done(r, r->append, REPLICA_REFUSED);
        }
        return 0;
}

static ssize_t memory_append_data(Replica *replica, ByteView data) {
        MemoryReplica *r = self(replica);

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

static int memory_append_end(Replica *replica, const ReplicaMessage *message) {
        MemoryReplica *r = self(replica);

        if (r->kill->dead)
                return -ECANCELED;
        assert(r->append);
        if (r->append->is_over) {
                r->append = request_free(r->append);
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

static int memory_append_abort(Replica *replica) {
        MemoryReplica *r = self(replica);

        assert(r->append);
        r->append = request_free(r->append);
        return 0;
}

static int restage(MemoryReplica *r, ReplicaMailbox *mailbox, MemoryStage from, MemoryStage to) {
        MemoryMailbox *stored = find_mailbox(r, mailbox);

        if (!kill_switch_pass(r->kill))
                return -ECANCELED;
        for (size_t i = 0; stored && i < stored->n_messages; i++)
                if (stored->messages[i].stage == from)
                        stored->messages[i].stage = to;
        return 0;
}

/* What was begun in tmp/ is thrown away. */
static void drop_written(MemoryMailbox *stored) {
        for (size_t i = stored->n_messages; i > 0; i--)
                if (stored->messages[i - 1].stage == MEMORY_WRITTEN)
                        memory_expunge(stored, stored->messages[i - 1].uid);
}

static int memory_prepare(Replica *replica, ReplicaMailbox *mailbox) {
        MemoryStore *store = self(replica)->store;

        if (!store->is_files)
                return 0;
        if (store->n_fails_prepare > 0) {
                store->n_fails_prepare--;
                drop_written(find_mailbox(self(replica), mailbox));
                return -ENOSPC;
        }
        return restage(self(replica), mailbox, MEMORY_WRITTEN, MEMORY_DURABLE);
}

static int memory_publish(Replica *replica, ReplicaMailbox *mailbox) {
        MemoryStore *store = self(replica)->store;

        if (!store->is_files)
                return 0;
        if (store->n_fails_publish > 0) {
                store->n_fails_publish--;
                return -EIO;
        }
        return restage(self(replica), mailbox, MEMORY_DURABLE, MEMORY_VISIBLE);
}

static int memory_recover(Replica *replica, ReplicaMailbox *mailbox, UidRange staged,
                          UidSet *lost) {
        MemoryReplica *r = self(replica);
        MemoryMailbox *stored = find_mailbox(r, mailbox);

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
        MemoryMailbox *stored = find_mailbox(self(replica), mailbox);
        MemoryMessage *message = stored ? memory_find(stored, uid) : NULL;

        if (self(replica)->kill->dead)
                return -ECANCELED;
        if (message)
                message->noted = noted;
        return 0;
}

static int memory_noted(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid) {
        return set_noted(replica, mailbox, uid, true);
}

static int memory_forgotten(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid) {
        return set_noted(replica, mailbox, uid, false);
}

static int memory_close(Replica *replica, ReplicaMailbox *mailbox) {
        enqueue(self(replica), REPLICA_CLOSE, mailbox, NULL);
        return 0;
}

static int memory_stamp(Replica *replica, ReplicaMailbox *mailbox, int64_t now_ns,
                        uint64_t ret_stamp[4]) {
        const MemoryMailbox *stored = find_mailbox(self(replica), mailbox);

        (void) now_ns;
        if (!self(replica)->store->is_files || !stored)
                return 0;
        memset(ret_stamp, 0, sizeof(uint64_t[4]));
        ret_stamp[0] = stored->modseq;
        return 1;
}

static void memory_reset(Replica *replica) {
        MemoryReplica *r = self(replica);

        while (r->requests) {
                Request *request = r->requests;

                r->requests = request->next;
                request_free(request);
        }
        r->requests_end = &r->requests;
        forget_events(r);
        r->append = request_free(r->append);
        while (r->sessions) {
                Session *session = r->sessions;

                r->sessions = session->next;
                free(session);
        }
        r->lost = false;
        for (size_t i = 0; i < r->store->n_mailboxes; i++)
                drop_written(r->store->mailboxes[i]);
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
        MemoryReplica *r = self(replica);

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
        *ret_event = r->taken->event;
        if (memory_replica_trace)
                trace(r, ret_event);
        return 1;
}

static const ReplicaOps memory_ops = {
        .list = memory_list,
        .create = memory_create,
        .changes = memory_changes,
        .fetch = memory_fetch,
        .store = memory_store,
        .expunge = memory_expunge_uids,
        .append_begin = memory_append_begin,
        .append_data = memory_append_data,
        .append_end = memory_append_end,
        .append_abort = memory_append_abort,
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

        r->replica = (Replica){.ops = &memory_ops, .side = side};
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
