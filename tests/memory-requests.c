/* A replica in memory, its requests: what each does to the store, and the events that tell of it. */

#include "base/macro.h"
#include "memory-replica-private.h"

#define PIECE 7u /* bytes of a body in an event */

/* --- events --- */

Event *memory_push(MemoryReplica *r, ReplicaEventType type, ReplicaMailbox *mailbox) {
        Event *event = must(calloc(1, sizeof(*event)));

        event->event.type = type;
        event->event.mailbox = mailbox;
        *r->events_end = event;
        r->events_end = &event->next;
        return event;
}

void memory_set_object(Event *event, const MemoryMailbox *stored) {
        free(event->object);
        assert(asprintf(&event->object, "object%u", stored->object) > 0);
        event->event.object = event->object;
}

static Session *find_session(MemoryReplica *r, const ReplicaMailbox *mailbox) {
        for (Session *session = r->sessions; session; session = session->next)
                if (session->mailbox == mailbox)
                        return session;
        return NULL;
}

uint64_t memory_modseq(const MemoryReplica *r, uint64_t modseq) {
        return r->store->no_modseq || r->store->untold & REPLICA_UNTOLD_FLAGS ? 0 : modseq;
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
        if (r->store->is_files) {
                event->message_object = message->object;
                out->present |= REPLICA_HAS_OBJECT;
                out->object = (ByteView){(const char *) &event->message_object,
                                         sizeof(event->message_object)};
        }
        if (!identity)
                return;
        out->present |= REPLICA_HAS_DATE | REPLICA_HAS_SIZE | REPLICA_HAS_MESSAGE_ID;
        out->date = message->date;
        out->size = strlen(message->bytes);
        event->message_id = must(bytes_dup(id));
        out->message_id = bytes_of(event->message_id);
        if (r->store->has_labels && id.size > 0) {
                out->present |= REPLICA_HAS_OBJECT;
                out->object = out->message_id;
        }
}

static void push_message(MemoryReplica *r, ReplicaMailbox *mailbox, const MemoryMessage *message,
                         bool identity) {
        Event *event = memory_push(r, REPLICA_EVENT_MESSAGE, mailbox);

        fill_message(r, event, message, identity);
        if (r->store->no_sizes)
                event->event.message.present &= ~(unsigned) REPLICA_HAS_SIZE;
}

static void push_body(MemoryReplica *r, ReplicaMailbox *mailbox, const MemoryMessage *message) {
        const size_t size = strlen(message->bytes);
        Event *event = memory_push(r, REPLICA_EVENT_BODY_BEGIN, mailbox);

        r->n_bodies++;
        fill_message(r, event, message, true);
        if (r->store->n_no_body > 0 && strstr(message->bytes, r->store->no_body)) {
                r->store->n_no_body--;
                event->event.message.present &= ~(unsigned) REPLICA_HAS_SIZE;
                event = memory_push(r, REPLICA_EVENT_BODY_END, mailbox);
                fill_message(r, event, message, true);
                event->text = must(strdup("the server gave NIL"));
                event->event.text = event->text;
                return;
        }

        for (size_t at = 0; at < size; at += PIECE) {
                const ByteView piece = {message->bytes + at, MIN(size - at, PIECE)};

                event = memory_push(r, REPLICA_EVENT_BODY_DATA, mailbox);
                event->bytes = must(bytes_dup(piece));
                event->event.data = (ByteView){event->bytes, piece.size};
        }
        fill_message(r, memory_push(r, REPLICA_EVENT_BODY_END, mailbox), message, true);
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
                        event = memory_push(r, REPLICA_EVENT_VANISHED, mailbox);
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
        if (r->store->untold) { /* by sequence numbers, which say nothing */
                session->lost_track |= stored->modseq > session->told;
                return;
        }
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

Event *memory_push_done(MemoryReplica *r, const Request *request, ReplicaOutcome outcome) {
        const Session *session = find_session(r, request->mailbox);
        const MemoryMailbox *stored = request->mailbox ? memory_stored(r, request->mailbox) : NULL;
        Event *event = memory_push(r, REPLICA_EVENT_DONE, request->mailbox);

        event->event.request = request->type;
        event->event.outcome = outcome;
        event->event.cookie = request->cookie;
        if (stored) {
                event->event.exists = (uint32_t) memory_count_visible(stored);
                event->event.token.modseq =
                        memory_modseq(r, session ? session->told : stored->modseq);
                if (session && session->lost_track)
                        event->event.token.modseq = 0;
                if (request->type == REPLICA_FETCH)
                        event->event.token.uidvalidity = stored->uidvalidity;
        }
        if (outcome != REPLICA_OK) {
                event->text = must(strdup("the store says no"));
                event->event.text = event->text;
        }
        return event;
}

/* --- requests --- */

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
                event = memory_push(r, REPLICA_EVENT_VANISHED, request->mailbox);
                assert(uid_set_add(&event->uids, uid, uid) == 0);
                event->event.uids = event->uids;
        }
        for (size_t i = 0; i < stored->n_messages; i++)
                if (!stored->messages[i].noted && stored->messages[i].stage == MEMORY_VISIBLE &&
                    stored->messages[i].uid < request->since.uidnext &&
                    !is_named(request->mailbox, stored->messages[i].uid))
                        push_message(r, request->mailbox, &stored->messages[i], false);
}

static bool is_new(const Request *request, const MemoryMessage *message) {
        return message->uid >= request->since.uidnext &&
               !uid_set_contains(&request->uids, message->uid);
}

/* Of the changes: what comes before the others, or those. */
static void push_changed(MemoryReplica *r, const Request *request, MemoryMailbox *stored,
                         bool complete, bool newest) {
        const ReplicaToken *since = &request->since;
        const bool renumbered =
                since->uidvalidity != 0 && since->uidvalidity != stored->uidvalidity;

        for (size_t i = 0; i < stored->n_messages; i++) {
                const MemoryMessage *message = &stored->messages[i];
                const bool comes_first = request->newest > 0 && message->uid >= request->newest &&
                                         is_new(request, message);

                if (message->stage != MEMORY_VISIBLE || comes_first != newest)
                        continue;
                if (renumbered)
                        push_message(r, request->mailbox, message, false);
                else if (is_new(request, message))
                        push_wanted(r, request->mailbox, message, request->want);
                else if (complete ||
                         (message->modseq > since->modseq &&
                          !(r->store->untold & REPLICA_UNTOLD_FLAGS)) ||
                         (r->store->is_files && !message->noted))
                        push_message(r, request->mailbox, message, false);
        }
}

static void push_changes(MemoryReplica *r, const Request *request, MemoryMailbox *stored,
                         bool complete) {
        if (!complete && !(r->store->untold & REPLICA_UNTOLD_EXPUNGES))
                push_vanished(r, request->mailbox, stored, request->since.modseq);
        push_changed(r, request, stored, complete, true);
        push_changed(r, request, stored, complete, false);
}

static void push_bogus(MemoryReplica *r, const Request *request) {
        Event *event;

        if (r->store->n_bogus_vanished == 0)
                return;
        r->store->n_bogus_vanished--;
        event = memory_push(r, REPLICA_EVENT_VANISHED, request->mailbox);
        assert(uid_set_add(&event->uids, r->store->bogus_vanished.first,
                           r->store->bogus_vanished.last) == 0);
        event->event.uids = event->uids;
}

/* What a server says of a mailbox that was deleted while it was selected. */
static bool push_emptied(MemoryReplica *r, const Request *request) {
        Event *event;

        if (r->store->n_emptied == 0)
                return false;
        r->store->n_emptied--;
        event = memory_push(r, REPLICA_EVENT_VANISHED, request->mailbox);
        assert(uid_set_add(&event->uids, 1, UID_MAX) == 0);
        event->event.uids = event->uids;
        return true;
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
        session->lost_track = false;
}

/* Deliveries of a process that died, which no recover() asked for. */
static void sweep(MemoryMailbox *stored) {
        for (size_t i = stored->n_messages; i > 0; i--)
                if (stored->messages[i - 1].stage == MEMORY_DURABLE)
                        memory_expunge(stored, stored->messages[i - 1].uid);
}

/* FLAGS, in the answer to SELECT, names the keywords of the mailbox. */
static void name_keywords(MemoryReplica *r, const Request *request, const MemoryMailbox *stored) {
        for (size_t i = 0; !r->store->is_files && i < stored->n_messages; i++)
                (void) memory_translate(stored->messages[i].flags, &r->store->keywords,
                                        request->mailbox->keywords);
}

static Event *push_opened(MemoryReplica *r, const Request *request, const MemoryMailbox *stored) {
        Event *event = memory_push(r, REPLICA_EVENT_OPENED, request->mailbox);
        MessageFlags permanent = 0;

        name_keywords(r, request, stored);
        event->event.token = (ReplicaToken){
                .uidvalidity = stored->uidvalidity,
                .uidnext = r->store->no_uidnext ? 0 : stored->uidnext,
                .modseq = memory_modseq(r, stored->modseq),
                .stamp[2] = r->store->is_files ? stored->modseq : 0,
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
        if (r->store->has_objects)
                memory_set_object(event, stored);
        return event;
}

static bool is_complete(const MemoryReplica *r, const ReplicaToken *since,
                        const MemoryMailbox *stored) {
        if (since->uidvalidity != stored->uidvalidity || since->uidnext == 0 || r->store->no_modseq)
                return true;
        return since->modseq == 0 && !(r->store->untold & REPLICA_UNTOLD_FLAGS);
}

static void do_changes(MemoryReplica *r, Request *request) {
        const ReplicaToken *since = &request->since;
        MemoryMailbox *stored = memory_stored(r, request->mailbox);
        Event *opened;

        if (!stored) {
                memory_push_done(r, request, REPLICA_NO_MAILBOX);
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
                uint32_t exists = opened->event.exists;

                opened->event.complete = is_complete(r, since, stored);
                opened->event.untold = opened->event.complete ? 0 : r->store->untold;
                opened->event.can_count = r->store->can_count;
                push_changes(r, request, stored, opened->event.complete);
                push_bogus(r, request);
                if (push_emptied(r, request))
                        exists = 0;
                push_news(r, request->mailbox, stored);
                memory_push_done(r, request, REPLICA_OK)->event.exists = exists;
                return;
        }
        memory_push_done(r, request, REPLICA_OK);
}

static bool is_left_out(MemoryStore *store) {
        if (store->n_silent == 0)
                return false;
        store->n_silent--;
        return true;
}

static void do_fetch(MemoryReplica *r, Request *request) {
        MemoryMailbox *stored = memory_stored(r, request->mailbox);

        for (size_t i = 0; stored && i < stored->n_messages; i++)
                if (stored->messages[i].stage == MEMORY_VISIBLE &&
                    uid_set_contains(&request->uids, stored->messages[i].uid) &&
                    !is_left_out(r->store))
                        push_wanted(r, request->mailbox, &stored->messages[i], request->want);
        if (stored)
                push_news(r, request->mailbox, stored);
        memory_push_done(r, request, stored ? REPLICA_OK : REPLICA_NO_MAILBOX);
}

/* A flag that cannot be stored must not be asked for. */
static void check_storable(MemoryReplica *r, MessageFlags flags, unsigned n_keywords) {
        assert(!(flags & r->store->unstorable));
        assert(!r->store->no_keywords || r->store->keywords.n_names == n_keywords);
}

static void do_store(MemoryReplica *r, Request *request) {
        MemoryMailbox *stored = memory_stored(r, request->mailbox);
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
        memory_push_done(r, request, stored ? REPLICA_OK : REPLICA_NO_MAILBOX);
}

static void do_expunge(MemoryReplica *r, Request *request) {
        MemoryMailbox *stored = memory_stored(r, request->mailbox);

        for (size_t i = stored ? stored->n_messages : 0; i > 0; i--)
                if (uid_set_contains(&request->uids, stored->messages[i - 1].uid))
                        memory_expunge(stored, stored->messages[i - 1].uid);
        if (stored)
                push_news(r, request->mailbox, stored);
        memory_push_done(r, request, stored ? REPLICA_OK : REPLICA_NO_MAILBOX);
}

/* Who has no UIDPLUS does not say what they are called now. */
static void push_moved(MemoryReplica *r, const Request *request, MemoryMailbox *from,
                       MemoryMailbox *to) {
        Event *event =
                r->store->no_uidplus ? NULL : memory_push(r, REPLICA_EVENT_MOVED, request->mailbox);

        for (size_t i = 0; i < from->n_messages;) {
                const uint32_t uid = from->messages[i].uid;
                uint32_t uid_to;

                if (!uid_set_contains(&request->uids, uid)) {
                        i++;
                        continue;
                }
                uid_to = memory_move(from, uid, to)->uid;
                if (!event)
                        continue;
                assert(uid_set_add(&event->uids, uid, uid) == 0);
                assert(uid_set_add(&event->uids_to, uid_to, uid_to) == 0);
        }
        if (!event)
                return;
        event->event.request = REPLICA_MOVE;
        event->event.uids = event->uids;
        event->event.uids_to = event->uids_to;
}

static void do_move(MemoryReplica *r, Request *request) {
        MemoryMailbox *from = memory_stored(r, request->mailbox);
        MemoryMailbox *to = memory_stored(r, request->target);

        if (!from || !to || r->store->no_move) {
                memory_push_done(r, request, from && to ? REPLICA_REFUSED : REPLICA_NO_MAILBOX);
                return;
        }
        push_moved(r, request, from, to);
        push_news(r, request->mailbox, from);
        memory_push_done(r, request, REPLICA_OK);
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

static MemoryMessage *find_equal(MemoryMailbox *stored, const char *bytes) {
        for (size_t i = 0; i < stored->n_messages; i++)
                if (strcmp(stored->messages[i].bytes, bytes) == 0)
                        return &stored->messages[i];
        return NULL;
}

static void do_append(MemoryReplica *r, Request *request) {
        MemoryMailbox *stored = memory_stored(r, request->mailbox);
        _cleanup_free_ char *bytes = must(bytes_dup(buffer_view(&request->bytes)));
        MemoryMessage *message;
        Event *event;

        if (!stored || (r->store->refuses && strstr(bytes, r->store->refuses))) {
                memory_push_done(r, request, stored ? REPLICA_REFUSED : REPLICA_NO_MAILBOX);
                return;
        }

        if (r->store->n_full > 0) {
                r->store->n_full--;
                memory_push_done(r, request, REPLICA_FULL);
                return;
        }

        message = r->store->one_copy ? find_equal(stored, bytes) : NULL;
        if (!message)
                message = memory_deliver(stored, 0, bytes, request->message.date,
                                         appended_flags(r, request));
        if (r->store->is_files)
                message->stage = MEMORY_WRITTEN;
        else
                push_news(r, request->mailbox, stored);

        event = memory_push(r, REPLICA_EVENT_APPENDED, request->mailbox);
        fill_message(r, event, message, false);
        event->event.cookie = request->cookie;
        event->event.request = REPLICA_APPEND;
        if (find_session(r, request->mailbox))
                event->event.token.modseq =
                        memory_modseq(r, find_session(r, request->mailbox)->told);
        if (r->store->no_uidplus)
                event->event.message.uid = 0;
}

static bool is_found(MemoryReplica *r, const Request *request, const MemoryMessage *message) {
        const ReplicaSearch *search = &request->search;
        const MessageFlags flags =
                memory_translate(message->flags, &r->store->keywords, request->mailbox->keywords);

        if (message->uid < search->range.first || message->uid > search->range.last)
                return false;
        return search->flag == 0 || ((flags & search->flag) != 0) != search->without;
}

static void do_search(MemoryReplica *r, Request *request) {
        const MemoryMailbox *stored = memory_stored(r, request->mailbox);
        const uint32_t stride = request->search.stride;
        size_t n_visible = 0;
        Event *event;

        if (!stored) {
                memory_push_done(r, request, REPLICA_NO_MAILBOX);
                return;
        }
        event = memory_push(r, REPLICA_EVENT_FOUND, request->mailbox);
        event->event.cookie = request->cookie;
        for (size_t i = 0; i < stored->n_messages; i++) {
                const MemoryMessage *message = &stored->messages[i];

                if (message->stage != MEMORY_VISIBLE)
                        continue;
                n_visible++;
                if (stride > 0 ? n_visible % stride == 0 : is_found(r, request, message))
                        assert(uid_set_add(&event->uids, message->uid, message->uid) == 0);
        }
        event->event.uids = event->uids;
        event->event.count = uid_set_count(&event->uids);
        push_news(r, request->mailbox, stored);
        memory_push_done(r, request, REPLICA_OK);
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
        const MemoryMailbox *stored = memory_stored(r, request->mailbox);

        close_session(r, request->mailbox);
        request->mailbox->private = NULL;
        memory_push_done(r, request, REPLICA_OK);
        if (stored && !r->store->is_files)
                (void) memory_push_status(r, stored, false);
}

void memory_perform(MemoryReplica *r, Request *request) {
        static void (*const perform_one[])(MemoryReplica *, Request *) = {
                [REPLICA_LIST] = memory_do_list,
                [REPLICA_STANDING] = memory_do_standing,
                [REPLICA_CREATE] = memory_do_create,
                [REPLICA_RENAME] = memory_do_rename,
                [REPLICA_REMOVE] = memory_do_remove,
                [REPLICA_SUBSCRIBE] = memory_do_subscribe,
                [REPLICA_CHANGES] = do_changes,
                [REPLICA_FETCH] = do_fetch,
                [REPLICA_STORE] = do_store,
                [REPLICA_EXPUNGE] = do_expunge,
                [REPLICA_MOVE] = do_move,
                [REPLICA_APPEND] = do_append,
                [REPLICA_CLOSE] = do_close,
                [REPLICA_SEARCH] = do_search,
        };

        const bool is_change = request->type == REPLICA_STORE || request->type == REPLICA_EXPUNGE;
        const bool is_life = request->type == REPLICA_CREATE || request->type == REPLICA_RENAME ||
                             request->type == REPLICA_REMOVE || request->type == REPLICA_SUBSCRIBE;

        if (is_change && r->store->n_refused_changes > 0) {
                r->store->n_refused_changes--;
                memory_push_done(r, request, REPLICA_REFUSED);
        } else if (is_life && r->store->n_refused_life > 0) {
                r->store->n_refused_life--;
                memory_push_done(r, request, REPLICA_REFUSED);
        } else if (r->store->fails > 0 && request->type != REPLICA_CLOSE && --r->store->fails == 0)
                memory_push_done(r, request, REPLICA_FAILED);
        else
                perform_one[request->type](r, request);
}
