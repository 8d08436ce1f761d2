/* An IMAP account as a replica: session events to replica events. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imap/command.h"
#include "sync/imap-replica-private.h"

/* The command that untagged data most likely belongs to, NULL if it is none of the replica's. */
static const Command *head_command(const ImapReplica *r, const ImapEvent *event) {
        const Command *head = r->n_commands > 0 ? &r->commands[r->first_command] : NULL;

        return head && head->tag == event->tag ? head : NULL;
}

/* A job that will be done again, or whose first answers are not to be believed. */
static bool is_dropped(const Job *job) {
        return job && (job->again || (job->distrusted && job->phase == JOB_FIRST));
}

static bool is_new(const Job *job, uint32_t uid) {
        return uid >= MAX(job->since.uidnext, 1u) && !uid_set_contains(&job->uids, uid);
}

/* Exchange answers UID FETCH n:4294967295 with message n - 1 where there is no n. */
static bool is_asked(const Job *job, const Opened *opened, uint32_t uid) {
        if (job->kind == JOB_CHANGES)
                return is_new(job, uid);

        if (job->uidvalidity > 0 && job->uidvalidity != opened->uidvalidity)
                return false;
        return uid_set_contains(&job->uids, uid);
}

static int fill_message(ImapReplica *r, const Opened *opened, const ImapFetch *fetch,
                        ReplicaMessage *message) {
        int e;

        *message = (ReplicaMessage){.uid = fetch->uid};

        if (fetch->present & IMAP_FETCH_FLAGS) {
                e = flags_parse(fetch->flags, opened->mailbox->keywords, &message->flags);
                if (e < 0)
                        return e;
                message->present |= REPLICA_HAS_FLAGS;
        }
        if (fetch->present & IMAP_FETCH_DATE) {
                message->present |= REPLICA_HAS_DATE;
                message->date = fetch->date;
                message->date_zone = fetch->date_zone;
        }
        if (fetch->present & IMAP_FETCH_SIZE && !has_quirk(r, IMAP_QUIRK_WRONG_SIZE)) {
                message->present |= REPLICA_HAS_SIZE;
                message->size = fetch->size;
        }
        if (fetch->present & IMAP_FETCH_HEADER) {
                r->message_id.size = 0;
                e = imap_header_value(fetch->header, "Message-ID", &r->message_id);
                if (e < 0)
                        return e;
                message->present |= REPLICA_HAS_MESSAGE_ID;
                message->message_id = buffer_view(&r->message_id);
                message->size -= MIN(message->size, imap_header_tuid_size(fetch->header));
        }
        if (fetch->present & IMAP_FETCH_OBJECT) {
                message->present |= REPLICA_HAS_OBJECT;
                message->object = fetch->object;
        }

        return 0;
}

static int tell_body(ImapReplica *r, ReplicaEventType type, const ImapFetch *fetch,
                     const char *why_not) {
        Waiting *waiting = event_add(r, type);
        int e;

        if (!waiting)
                return -ENOMEM;
        e = fill_message(r, r->selected, fetch, &waiting->event.message);
        if (e < 0)
                return e;

        waiting->event.mailbox = r->selected->mailbox;
        if (fetch->present & IMAP_FETCH_BODY) {
                waiting->event.message.present |= REPLICA_HAS_SIZE;
                waiting->event.message.size = fetch->body_size;
        }
        if (why_not) {
                waiting->text = strdup(why_not);
                if (!waiting->text)
                        return -ENOMEM;
        }
        return 0;
}

/*
 * What a FETCH answers. A server may be done with it before the APPENDs that were sent earlier (RFC 9051
 * section 5.5): Dovecot is, while it writes.
 */
static const Command *fetch_head(const ImapReplica *r, const Command *head) {
        if (!head || head->kind != COMMAND_APPEND)
                return head;

        for (size_t i = 0; i < r->n_commands; i++) {
                const Command *command =
                        &r->commands[(r->first_command + i) % r->commands_capacity];

                if (command->kind == COMMAND_APPEND || command->tag == 0) /* 0: nothing was said */
                        continue;
                return command->kind == COMMAND_FETCH_NEW ? command : head;
        }
        return head;
}

static bool wants_body(const ImapReplica *r, const Command *head) {
        return head && head->kind == COMMAND_FETCH_NEW && head->job->want == REPLICA_WANT_BODY &&
               !is_dropped(head->job) && r->selected && r->selected->mailbox;
}

static int on_body_begin(ImapReplica *r, const Command *head, const ImapFetch *fetch) {
        const bool has_uid = fetch->present & IMAP_FETCH_UID;

        r->in_body =
                wants_body(r, head) && (!has_uid || is_asked(head->job, r->selected, fetch->uid));
        r->skip_body = !r->in_body;
        if (!r->in_body)
                return 0;
        placeholder_begin(&r->placeholder);

        ImapFetch begun = *fetch;
        begun.present |= IMAP_FETCH_BODY;
        return tell_body(r, REPLICA_EVENT_BODY_BEGIN, &begun, NULL);
}

static int on_body_data(ImapReplica *r, ByteView data) {
        Waiting *waiting;

        if (!r->in_body)
                return 0;
        if (has_quirk(r, IMAP_QUIRK_PLACEHOLDER_BODIES))
                placeholder_look(&r->placeholder, data);
        waiting = event_add(r, REPLICA_EVENT_BODY_DATA);
        if (!waiting)
                return -ENOMEM;

        waiting->event.mailbox = r->selected->mailbox;
        waiting->event.data = data;
        return 0;
}

/* The response that the body was in is whole. An empty or missing body is never a message: servers
 * give one for a message that was expunged meanwhile. */
static int on_body_complete(ImapReplica *r, const Command *head, const ImapFetch *fetch) {
        const char *why_not = NULL;

        r->in_body = false;
        if (!(fetch->present & IMAP_FETCH_UID))
                why_not = "the server gave a message without saying which";
        else if (!head || !is_asked(head->job, r->selected, fetch->uid))
                why_not = "the server gave a message that was not asked for";
        else if (fetch->present & IMAP_FETCH_NIL)
                why_not = "the server gave no body for this message";
        else if (fetch->body_size == 0)
                why_not = "the server gave an empty body for this message";
        else if (r->placeholder.found)
                why_not =
                        "the server cannot convert this message, and gave another one that says so";

        return tell_body(r, REPLICA_EVENT_BODY_END, fetch, why_not);
}

/* With QRESYNC the answer to SELECT tells new messages by their flags; what was wanted of them
 * follows. */
static bool is_told_later(const Command *head, uint32_t uid) {
        return head && head->kind == COMMAND_SELECT && head->job->kind == JOB_CHANGES &&
               head->job->want != REPLICA_WANT_FLAGS && is_new(head->job, uid);
}

static bool is_idle(const ImapReplica *r, const Command *head) {
        return r->selected && head && head->job &&
               (head->job->kind == JOB_IDLE || is_polling_others(r, head->job));
}

/* What comes while nobody wants it but to know that the mailbox is to be looked at again. */
static bool only_tells(const ImapReplica *r, const Command *head) {
        return is_idle(r, head) || (r->selected && is_leaving(head));
}

static int tell_change(ImapReplica *r, const Command *head) {
        return is_leaving(head) ? tell_left_change(r) : tell_idle_change(r);
}

/*
 * What comes while STOREs of ours are under way may be of before them: a mailbox that is selected anew for
 * them tells of messages that were moved there a moment ago, and what another client has just changed is
 * told first. What they are in the end is what counts. The answer to a STORE is of behind it.
 */
static MessageFlags flags_after_stores(const ImapReplica *r, const Command *head,
                                       const ReplicaMessage *message) {
        MessageFlags flags = message->flags;

        if (!head)
                return flags;
        for (const Job *job = r->jobs; job; job = job->all_next)
                if (job->kind == JOB_STORE && job->opened == r->selected &&
                    (job != head->job || head->kind == COMMAND_SELECT) &&
                    uid_set_contains(&job->uids, message->uid))
                        flags = (flags | job->add) & ~job->remove;
        return flags;
}

static int tell_message(ImapReplica *r, const Command *head, const ImapFetch *fetch) {
        const unsigned useful =
                IMAP_FETCH_FLAGS | IMAP_FETCH_DATE | IMAP_FETCH_SIZE | IMAP_FETCH_HEADER;
        ReplicaMessage *message;
        Waiting *waiting;
        int e;

        if (!(fetch->present & useful) || !r->selected->mailbox ||
            (head && is_dropped(head->job)) || is_told_later(head, fetch->uid))
                return 0;

        waiting = event_add(r, REPLICA_EVENT_MESSAGE);
        if (!waiting)
                return -ENOMEM;
        waiting->event.mailbox = r->selected->mailbox;
        message = &waiting->event.message;
        e = fill_message(r, r->selected, fetch, message);
        message->flags = flags_after_stores(r, head, message);
        return e;
}

static int on_fetch(ImapReplica *r, const Command *head, const ImapFetch *fetch) {
        const bool had_body = r->in_body;
        int e;

        r->in_body = r->skip_body = false;
        if (!r->selected)
                return 0;
        if (fetch->present & IMAP_FETCH_MODSEQ && has_condstore(r))
                modseq_fetch(&r->selected->modseq, fetch->modseq);
        if (only_tells(r, head))
                return tell_change(r, head);

        if (had_body)
                return on_body_complete(r, head, fetch);
        if (head && head->kind == COMMAND_SEARCH && !(fetch->present & IMAP_FETCH_FLAGS))
                return on_position(head->job, fetch);
        if (!(fetch->present & IMAP_FETCH_UID)) {
                /* A change of flags, by sequence number only: unsolicited, without QRESYNC. It is told
                 * again after an older modseq, so no newer one is safe any more. */
                r->selected->lost_track = true;
                modseq_start(&r->selected->modseq, 0);
                return 0;
        }
        if (fetch->present & IMAP_FETCH_NIL && wants_body(r, head) &&
            is_asked(head->job, r->selected, fetch->uid)) {
                e = tell_body(r, REPLICA_EVENT_BODY_BEGIN, fetch, NULL);
                return e < 0 ? e : on_body_complete(r, head, fetch);
        }

        return tell_message(r, head, fetch);
}

static int on_vanished(ImapReplica *r, const Command *head, const ImapEvent *event) {
        Opened *opened = r->selected;
        Waiting *waiting;

        if (!opened)
                return 0;
        if (!event->earlier) {
                const uint64_t n = uid_set_count(&event->uids);
                int e;

                opened->exists -= (uint32_t) MIN(n, (uint64_t) opened->exists);
                e = note_gone(r, &event->uids);
                if (e < 0)
                        return e;
        }
        if (only_tells(r, head))
                return tell_change(r, head);
        if (!opened->mailbox || (head && is_dropped(head->job)))
                return 0;

        waiting = event_add(r, REPLICA_EVENT_VANISHED);
        if (!waiting)
                return -ENOMEM;
        waiting->event.mailbox = opened->mailbox;
        waiting->event.uids = event->uids;
        return 0;
}

/* By sequence number: without QRESYNC nobody keeps these, so which message it was is found out by the
 * next listing. */
static int on_expunge(ImapReplica *r, const Command *head) {
        if (!r->selected)
                return 0;

        if (r->selected->exists > 0)
                r->selected->exists--;
        r->selected->lost_track = true;
        return only_tells(r, head) ? tell_change(r, head) : 0;
}

static int on_exists(ImapReplica *r, const Command *head, uint32_t exists) {
        const uint32_t before = r->selected ? r->selected->exists : 0;

        selecting_exists(r, head, exists);
        if (r->selected && exists != before &&
            (is_leaving(head) || (head && is_polling_others(r, head->job))))
                return tell_change(r, head);
        return is_idle(r, head) && head->kind == COMMAND_IDLE ? tell_idle_change(r) : 0;
}

/* RFC 5465 section 5.8; Dovecot also says it in a NO without a code. */
static bool is_overflow(const ImapText *text) {
        return text->code == IMAP_CODE_NOTIFICATIONOVERFLOW ||
               (text->status == IMAP_NO && bytes_starts_fold(text->text, BYTES("NOTIFY error")));
}

static int on_bye(ImapReplica *r, const ImapText *text) {
        if (r->logging_out)
                return 0;
        if (imap_is_farewell(text->text))
                return replica_fail(r, -ESHUTDOWN, "the server has ended the session", text->text);
        return replica_fail(r, -ECONNRESET, "the server closes the connection", text->text);
}

static bool is_chatter(const Command *head, const ImapText *text) {
        return head && head->kind == COMMAND_IDLE && text->status == IMAP_OK &&
               text->code == IMAP_CODE_NONE;
}

static int on_text(ImapReplica *r, const Command *head, const ImapText *text) {
        int e;

        e = note_back_off(r, text);
        if (e < 0)
                return e;
        if (text->status == IMAP_BYE)
                return on_bye(r, text);
        r->n_chatter += is_chatter(head, text);
        if (is_overflow(text))
                return event_add(r, REPLICA_EVENT_OVERFLOW) ? 0 : -ENOMEM;
        if (text->code == IMAP_CODE_ALERT)
                return replica_alert(r, text->text);
        if (text->code == IMAP_CODE_CAPABILITY)
                replica_learn(r, &text->capabilities);
        if (text->code == IMAP_CODE_COPYUID && head && head->job)
                return on_copyuid(head->job, text);

        return selecting_code(r, head, text);
}

static int on_event(ImapReplica *r, const ImapEvent *event) {
        const Command *head = head_command(r, event);
        int e;

        switch (event->type) {
        case IMAP_EVENT_TAGGED:
                return on_tagged(r, event);
        case IMAP_EVENT_TEXT:
                return on_text(r, head, &event->text);
        case IMAP_EVENT_CAPABILITY:
                replica_learn(r, &event->text.capabilities);
                return 0;
        case IMAP_EVENT_ENABLED:
                if (imap_has(&event->text.capabilities, IMAP_CAPABILITY_QRESYNC))
                        r->qresync = IMAP_ENABLED_ON;
                if (imap_has(&event->text.capabilities, IMAP_CAPABILITY_UIDONLY))
                        r->uidonly = IMAP_ENABLED_ON;
                return 0;
        case IMAP_EVENT_FLAGS:
                return selecting_flags(r, head, event->text.flags);
        case IMAP_EVENT_EXISTS:
                return on_exists(r, head, (uint32_t) MIN(event->number, (uint64_t) UINT32_MAX));
        case IMAP_EVENT_EXPUNGE:
                return on_expunge(r, head);
        case IMAP_EVENT_FETCH:
                e = selecting_data(r, head);
                return e < 0 ? e : on_fetch(r, fetch_head(r, head), &event->fetch);
        case IMAP_EVENT_BODY_BEGIN:
                e = selecting_data(r, head);
                return e < 0 ? e : on_body_begin(r, fetch_head(r, head), &event->fetch);
        case IMAP_EVENT_BODY_DATA:
                return on_body_data(r, event->data);
        case IMAP_EVENT_VANISHED:
                e = selecting_data(r, head);
                return e < 0 ? e : on_vanished(r, head, event);
        case IMAP_EVENT_SEARCH:
        case IMAP_EVENT_ESEARCH_COUNT:
                return on_search(r, event);
        case IMAP_EVENT_LIST:
                return on_list(r, head, &event->list);
        case IMAP_EVENT_NAMESPACE:
                return on_namespace(r, &event->list);
        case IMAP_EVENT_STATUS:
                return on_status(r, head, &event->status);
        case IMAP_EVENT_GREETING:
        case IMAP_EVENT_CONTINUATION:
        case IMAP_EVENT_BODY_END:
        case IMAP_EVENT_ID:
        case _IMAP_EVENT_TYPE_MAX:
                return 0;
        }

        abort(); /* the switch is complete */
}

/* Our sentences are of "the server": where the other side is one too, of which one they are. */
static void name_server(const ImapReplica *r, Waiting *given) {
        static const char start[] = "the server";
        char *text;

        if (r->base.side == SIDE_REMOTE || !given->text ||
            strncmp(given->text, start, strlen(start)) != 0)
                return;
        if (asprintf(&text, "%s%s", side_server(r->base.side), given->text + strlen(start)) < 0)
                return; /* it is true as it is */
        free(given->text);
        given->text = text;
}

static void give(ImapReplica *r, ReplicaEvent *ret_event) {
        Waiting *given = &r->events[r->first_event++];

        r->n_events--;
        r->has_given = true;
        name_server(r, given);
        given->event.text = given->text;
        given->event.name = given->name;
        given->event.old_name = given->old_name;
        given->event.object = given->object;
        given->event.wire = bytes_of(given->wire);
        if (given->event.type == REPLICA_EVENT_MOVED) {
                given->event.uids = given->moved;
                given->event.uids_to = given->moved_to;
        }
        if (given->event.type == REPLICA_EVENT_FOUND)
                given->event.uids = given->uids;
        *ret_event = given->event;
}

int replica_next(Replica *replica, ReplicaEvent *ret_event) {
        ImapReplica *r = imap_replica_of(replica);

        event_forget_given(r);
        if (!r->session)
                return -ENOTCONN;

        while (r->n_events == 0) {
                ImapEvent event;
                int e;

                e = imap_session_next(r->session, &event);
                if (e < 0)
                        return replica_fail(r, e, imap_session_error(r->session), BYTES_NULL);
                if (e == 0 && is_between_messages(r))
                        e = append_finish(r);
                if (e == 0) {
                        replica_relax(r);
                        return 0;
                }
                if (e < 0)
                        return e;

                e = on_event(r, &event);
                if (e < 0)
                        return e;
        }

        give(r, ret_event);
        return 1;
}
