#pragma once

/* A transcript of an IMAP replica, and the events of the replica as lines of it: "MESSAGE A 5 (\Seen)" */

#include <inttypes.h>

#include "request-name.h"
#include "sync/imap-replica.h"
#include "transcript.h"

#define MAILBOXES_MAX 8

typedef struct ReplicaTest {
        Transcript transcript;
        ImapReplica *replica;
        ReplicaMailbox mailboxes[MAILBOXES_MAX];
        Keywords keywords[MAILBOXES_MAX];
        char *names[MAILBOXES_MAX]; /* owned */
        size_t n_mailboxes;
        Buffer body;
        ImapQuirks quirks;
        bool lost;
        size_t n_requests, n_done;

        bool appending; /* the rest of a message is still to be handed in */
        Buffer upload;
        ReplicaMessage uploaded; /* as known at its end */
} ReplicaTest;

static inline void put_format(ReplicaTest *test, const char *format, uint64_t number) {
        assert(buffer_append_format(&test->transcript.events, format, number) == 0);
}

static inline void put_string(ReplicaTest *test, const char *format, const char *string) {
        assert(buffer_append_format(&test->transcript.events, format, string) == 0);
}

static inline void put_message(ReplicaTest *test, const ReplicaEvent *event) {
        const ReplicaMessage *message = &event->message;
        Buffer *out = &test->transcript.events;

        put_format(test, " %" PRIu64, message->uid);
        if (message->present & REPLICA_HAS_FLAGS) {
                assert(buffer_append_string(out, " (") == 0);
                assert(flags_format(message->flags, event->mailbox->keywords, out) == 0);
                assert(buffer_append_string(out, ")") == 0);
        }
        if (message->present & REPLICA_HAS_DATE)
                assert(buffer_append_format(out, " date=%" PRId64 "%+d", message->date,
                                            message->date_zone) == 0);
        if (message->present & REPLICA_HAS_SIZE)
                put_format(test, " size=%" PRIu64, message->size);
        if (message->present & REPLICA_HAS_MESSAGE_ID)
                assert(buffer_append_format(out, " id=%.*s", (int) message->message_id.size,
                                            message->message_id.data ? message->message_id.data
                                                                     : "") == 0);
        if (message->present & REPLICA_HAS_OBJECT)
                assert(buffer_append_format(out, " object=%.*s", (int) message->object.size,
                                            message->object.data) == 0);
}

static inline void put_status(ReplicaTest *test, const ReplicaEvent *event) {
        const ReplicaStatus *status = &event->status;

        put_string(test, "STATUS %s", event->wire.data);
        if (!event->name || strcmp(event->name, event->wire.data) != 0)
                put_string(test, " name=%s", event->name ? event->name : "none");
        if (status->has_messages)
                put_format(test, " messages=%" PRIu64, status->messages);
        if (status->uidnext > 0)
                put_format(test, " uidnext=%" PRIu64, status->uidnext);
        if (status->has_uidvalidity)
                put_format(test, " uidvalidity=%" PRIu64, status->uidvalidity);
        if (status->has_unseen)
                put_format(test, " unseen=%" PRIu64, status->unseen);
        if (status->modseq > 0)
                put_format(test, " modseq=%" PRIu64, status->modseq);
        if (status->has_size)
                put_format(test, " size=%" PRIu64, status->size);
        if (event->object)
                put_string(test, " object=%s", event->object);
        if (event->unasked)
                put_string(test, " unasked%s", "");
        if (event->changed)
                put_string(test, " changed%s", "");
}

static inline void put_listed(ReplicaTest *test, const ReplicaEvent *event) {
        put_string(test, "MAILBOX %s", event->wire.data);
        if (!event->name || strcmp(event->name, event->wire.data) != 0)
                put_string(test, " name=%s", event->name ? event->name : "none");
        if (event->delimiter != '/')
                assert(buffer_append_format(&test->transcript.events, " delimiter=%c",
                                            event->delimiter ? event->delimiter : '0') == 0);
        if (event->attributes)
                put_format(test, " attributes=%#" PRIx64, event->attributes);
        if (event->old_name)
                put_string(test, " old=%s", event->old_name);
        if (event->has_subscribed)
                put_string(test, " subscribed=%s", event->subscribed ? "yes" : "no");
        if (event->unasked)
                put_string(test, " unasked%s", "");
}

static inline void put_opened(ReplicaTest *test, const ReplicaEvent *event) {
        Buffer *out = &test->transcript.events;
        const MessageFlags named =
                event->storable_keywords ? event->storable & FLAGS_SYSTEM : event->storable;

        put_string(test, "OPENED %s", event->mailbox->name);
        put_format(test, " %" PRIu64, event->token.uidvalidity);
        put_format(test, " %" PRIu64, event->token.uidnext);
        put_format(test, " %" PRIu64, event->token.modseq);
        put_format(test, " exists=%" PRIu64 " (", event->exists);
        assert(flags_format(named, event->mailbox->keywords, out) == 0);
        put_string(test, "%s)", event->storable_keywords ? " *" : "");
        if (event->complete)
                put_string(test, " complete%s", "");
        if (event->object)
                put_string(test, " object=%s", event->object);
        if (event->untold)
                put_string(test, " untold=%s",
                           event->untold & REPLICA_UNTOLD_FLAGS ? "expunges,flags" : "expunges");
        if (event->no_positions)
                put_string(test, " no-positions%s", "");
}

static inline const char *done_name(const ReplicaEvent *event) {
        static const char *const waits[] = {"NOTIFY", "POLL", "IDLE", "NOOP", "LOGOUT"};

        return event->request == REPLICA_WAIT ? waits[event->cookie] : request_name(event->request);
}

static inline void put_finished(ReplicaTest *test, const ReplicaEvent *event) {
        static const char *const outcomes[] = {"", " REFUSED", " FAILED", " FULL", " NO_MAILBOX"};

        test->n_done++;
        put_string(test, "DONE %s", done_name(event));
        if (event->mailbox)
                put_string(test, " %s", event->mailbox->name);
        if (event->request == REPLICA_APPEND)
                put_format(test, " %" PRIu64, event->cookie);
        put_string(test, "%s", outcomes[event->outcome]);
        if (event->alone)
                put_string(test, " alone%s", "");
        if (event->token.modseq > 0)
                put_format(test, " modseq=%" PRIu64, event->token.modseq);
        if (event->token.uidvalidity > 0)
                put_format(test, " exists=%" PRIu64, event->exists);
        if (event->wire.size > 0)
                put_string(test, " wire=%s", event->wire.data);
        if (event->object)
                put_string(test, " object=%s", event->object);
}

static inline void put_set(ReplicaTest *test, const ReplicaEvent *event) {
        size_t index = 0;

        put_string(test, "%s", " ");
        assert(uid_set_format(&event->uids, &index, SIZE_MAX, &test->transcript.events) == 0);
}

static inline void put_moved(ReplicaTest *test, const ReplicaEvent *event) {
        size_t index = 0, index_to = 0;

        put_string(test, "MOVED %s ", event->mailbox->name);
        assert(uid_set_format(&event->uids, &index, SIZE_MAX, &test->transcript.events) == 0);
        put_string(test, " to %s", "");
        assert(uid_set_format(&event->uids_to, &index_to, SIZE_MAX, &test->transcript.events) == 0);
}

static inline void put_vanished(ReplicaTest *test, const ReplicaEvent *event) {
        put_string(test, "VANISHED %s", event->mailbox->name);
        put_set(test, event);
}

/* The pieces of a body are put together: where they end depends on how the bytes came. */
static inline void put_body(ReplicaTest *test, const ReplicaEvent *event) {
        put_string(test, "BODY %s", event->mailbox->name);
        put_message(test, event);
        assert(buffer_append_format(&test->transcript.events, " “%.*s”", (int) test->body.size,
                                    test->body.data ? test->body.data : "") == 0);
        test->body.size = 0;
}

static inline void put_event(ReplicaTest *test, const ReplicaEvent *event) {
        switch (event->type) {
        case REPLICA_EVENT_MAILBOX:
                put_listed(test, event);
                break;
        case REPLICA_EVENT_STATUS:
                put_status(test, event);
                break;
        case REPLICA_EVENT_OVERFLOW:
                put_string(test, "OVERFLOW%s", "");
                break;
        case REPLICA_EVENT_ALERT:
                put_string(test, "ALERT%s", "");
                break;
        case REPLICA_EVENT_OPENED:
                put_opened(test, event);
                break;
        case REPLICA_EVENT_MESSAGE:
                put_string(test, "MESSAGE %s", event->mailbox->name);
                put_message(test, event);
                break;
        case REPLICA_EVENT_VANISHED:
                put_vanished(test, event);
                break;
        case REPLICA_EVENT_BODY_BEGIN:
                assert(test->body.size == 0);
                return;
        case REPLICA_EVENT_BODY_DATA:
                assert(buffer_append_view(&test->body, event->data) == 0);
                return;
        case REPLICA_EVENT_BODY_END:
                put_body(test, event);
                break;
        case REPLICA_EVENT_APPENDED:
                put_string(test, "APPENDED %s", event->mailbox->name);
                put_format(test, " %" PRIu64, event->cookie);
                put_format(test, " uid=%" PRIu64 " (", event->message.uid);
                assert(flags_format(event->message.flags, event->mailbox->keywords,
                                    &test->transcript.events) == 0);
                put_string(test, ")%s", "");
                break;
        case REPLICA_EVENT_MOVED:
                put_moved(test, event);
                break;
        case REPLICA_EVENT_FOUND:
                put_string(test, "FOUND %s", event->mailbox->name);
                put_format(test, " %" PRIu64, event->cookie);
                put_format(test, " count=%" PRIu64, event->count);
                put_set(test, event);
                break;
        case REPLICA_EVENT_DONE:
                put_finished(test, event);
                break;
        }

        if (event->text)
                put_string(test, ": %s", event->text);
        put_string(test, "%s", "\n");
}
