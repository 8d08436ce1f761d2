#pragma once

/*
 * Events of a session as text, a line each, so that tests can say what they expect
 *
 * Pieces of a body are put together: where they end depends on how the bytes came, and may.
 */

#include <inttypes.h>

#include "imap/session.h"
#include "test.h"

static const char *const code_names[_IMAP_CODE_MAX] = {
        [IMAP_CODE_OTHER] = "(other)",
        [IMAP_CODE_ALERT] = "ALERT",
        [IMAP_CODE_ALREADYEXISTS] = "ALREADYEXISTS",
        [IMAP_CODE_APPENDUID] = "APPENDUID",
        [IMAP_CODE_AUTHENTICATIONFAILED] = "AUTHENTICATIONFAILED",
        [IMAP_CODE_AUTHORIZATIONFAILED] = "AUTHORIZATIONFAILED",
        [IMAP_CODE_BADCHARSET] = "BADCHARSET",
        [IMAP_CODE_CANNOT] = "CANNOT",
        [IMAP_CODE_CAPABILITY] = "CAPABILITY",
        [IMAP_CODE_CLIENTBUG] = "CLIENTBUG",
        [IMAP_CODE_CLOSED] = "CLOSED",
        [IMAP_CODE_COMPRESSIONACTIVE] = "COMPRESSIONACTIVE",
        [IMAP_CODE_CONTACTADMIN] = "CONTACTADMIN",
        [IMAP_CODE_COPYUID] = "COPYUID",
        [IMAP_CODE_CORRUPTION] = "CORRUPTION",
        [IMAP_CODE_EXPIRED] = "EXPIRED",
        [IMAP_CODE_EXPUNGEISSUED] = "EXPUNGEISSUED",
        [IMAP_CODE_HIGHESTMODSEQ] = "HIGHESTMODSEQ",
        [IMAP_CODE_INUSE] = "INUSE",
        [IMAP_CODE_LIMIT] = "LIMIT",
        [IMAP_CODE_MAILBOXID] = "MAILBOXID",
        [IMAP_CODE_MODIFIED] = "MODIFIED",
        [IMAP_CODE_NOMODSEQ] = "NOMODSEQ",
        [IMAP_CODE_NONEXISTENT] = "NONEXISTENT",
        [IMAP_CODE_NOPERM] = "NOPERM",
        [IMAP_CODE_NOTIFICATIONOVERFLOW] = "NOTIFICATIONOVERFLOW",
        [IMAP_CODE_OVERQUOTA] = "OVERQUOTA",
        [IMAP_CODE_PERMANENTFLAGS] = "PERMANENTFLAGS",
        [IMAP_CODE_PRIVACYREQUIRED] = "PRIVACYREQUIRED",
        [IMAP_CODE_READ_ONLY] = "READ-ONLY",
        [IMAP_CODE_READ_WRITE] = "READ-WRITE",
        [IMAP_CODE_SERVERBUG] = "SERVERBUG",
        [IMAP_CODE_THROTTLED] = "THROTTLED",
        [IMAP_CODE_TOOBIG] = "TOOBIG",
        [IMAP_CODE_TRYCREATE] = "TRYCREATE",
        [IMAP_CODE_UIDNEXT] = "UIDNEXT",
        [IMAP_CODE_UIDNOTSTICKY] = "UIDNOTSTICKY",
        [IMAP_CODE_UIDVALIDITY] = "UIDVALIDITY",
        [IMAP_CODE_UNAVAILABLE] = "UNAVAILABLE",
        [IMAP_CODE_UNSEEN] = "UNSEEN",
};

static inline void put(Buffer *out, const char *name, ByteView value) {
        assert(buffer_append_string(out, name) == 0);
        assert(buffer_append_view(out, value) == 0);
}

static inline void put_number(Buffer *out, const char *name, uint64_t number) {
        assert(buffer_append_format(out, "%s%" PRIu64, name, number) == 0);
}

static inline void put_set(Buffer *out, const char *name, const UidSet *set) {
        size_t index = 0;

        put(out, name, BYTES_NULL);
        assert(uid_set_format(set, &index, SIZE_MAX, out) == 0);
}

static inline void put_capabilities(Buffer *out, const ImapCapabilities *capabilities) {
        put(out, " ", BYTES_NULL);
        assert(imap_capabilities_format(capabilities, out) == 0);
}

static inline void put_text(Buffer *out, const ImapText *text) {
        static const char *const status_names[] = {"OK", "NO", "BAD", "PREAUTH", "BYE"};

        put(out, " ", bytes_of(status_names[text->status]));
        if (text->code != IMAP_CODE_NONE) {
                put(out, " [", bytes_of(code_names[text->code]));
                if (text->number[0] > 0)
                        put_number(out, " ", text->number[0]);
                if (text->uids.n_ranges > 0)
                        put_set(out, " ", &text->uids);
                if (text->uids_to.n_ranges > 0)
                        put_set(out, " ", &text->uids_to);
                if (text->flags.data)
                        put(out, " ", text->flags);
                if (text->object.data)
                        put(out, " ", text->object);
                if (text->capabilities.bits != 0)
                        put_capabilities(out, &text->capabilities);
                put(out, "]", BYTES_NULL);
        }
        put(out, " ", text->text);
}

static inline void put_fetch(Buffer *out, const ImapFetch *fetch) {
        put_number(out, " #", fetch->seqnum);
        if (fetch->present & IMAP_FETCH_UID)
                put_number(out, " uid ", fetch->uid);
        if (fetch->present & IMAP_FETCH_FLAGS) {
                put(out, " flags (", fetch->flags);
                put(out, ")", BYTES_NULL);
        }
        if (fetch->present & IMAP_FETCH_MODSEQ)
                put_number(out, " modseq ", fetch->modseq);
        if (fetch->present & IMAP_FETCH_SIZE)
                put_number(out, " size ", fetch->size);
        if (fetch->present & IMAP_FETCH_DATE)
                assert(buffer_append_format(out, " date %" PRId64 " %+d", fetch->date,
                                            fetch->date_zone) == 0);
        if (fetch->present & IMAP_FETCH_HEADER)
                put(out, " header ", fetch->header);
        if (fetch->present & IMAP_FETCH_OBJECT)
                put(out, " object ", fetch->object);
        if (fetch->present & IMAP_FETCH_NIL)
                put(out, " nil", BYTES_NULL);
        if (fetch->present & IMAP_FETCH_BODY)
                put_number(out, " body ", fetch->body_size);
}

static inline void put_list(Buffer *out, const ImapList *list) {
        put_number(out, " ", list->attributes);
        put(out, " ", (ByteView){&list->delimiter, list->delimiter ? 1 : 0});
        put(out, " ", list->mailbox);
        if (list->old_name.size > 0)
                put(out, " was ", list->old_name);
}

static inline void put_status(Buffer *out, const ImapStatusItems *status) {
        put(out, " ", status->mailbox);
        if (status->present & IMAP_STATUS_MESSAGES)
                put_number(out, " messages ", status->messages);
        if (status->present & IMAP_STATUS_UIDNEXT)
                put_number(out, " uidnext ", status->uidnext);
        if (status->present & IMAP_STATUS_UIDVALIDITY)
                put_number(out, " uidvalidity ", status->uidvalidity);
        if (status->present & IMAP_STATUS_UNSEEN)
                put_number(out, " unseen ", status->unseen);
        if (status->present & IMAP_STATUS_HIGHESTMODSEQ)
                put_number(out, " highestmodseq ", status->highest_modseq);
        if (status->present & IMAP_STATUS_SIZE)
                put_number(out, " size ", status->size);
        if (status->present & IMAP_STATUS_MAILBOXID)
                put(out, " mailboxid ", status->object);
}

static inline void put_uids(Buffer *out, const ImapEvent *event) {
        put(out, event->earlier ? " earlier" : "", BYTES_NULL);
        put_set(out, " ", &event->uids);
        put(out, event->last ? " ." : " ...", BYTES_NULL);
}

/* "TAG name ...", and a line feed; but a body's data as it is. */
static inline void put_event(Buffer *out, const ImapEvent *event) {
        static const char *const names[_IMAP_EVENT_TYPE_MAX] = {
                "greeting",   "tagged",    "continuation", "text",      "capability",
                "enabled",    "flags",     "exists",       "expunge",   "fetch",
                "body-begin", "body-data", "body-end",     "vanished",  "search",
                "count",      "list",      "status",       "namespace", "id",
        };

        if (event->type == IMAP_EVENT_BODY_DATA) {
                assert(event->data.size > 0);
                put(out, "", event->data);
                return;
        }
        if (event->type == IMAP_EVENT_BODY_END)
                put(out, "\n", BYTES_NULL);

        put_number(out, "", event->tag);
        put(out, " ", bytes_of(names[event->type]));
        switch (event->type) {
        case IMAP_EVENT_GREETING:
        case IMAP_EVENT_TAGGED:
        case IMAP_EVENT_CONTINUATION:
        case IMAP_EVENT_TEXT:
                put_text(out, &event->text);
                break;
        case IMAP_EVENT_CAPABILITY:
        case IMAP_EVENT_ENABLED:
                put_capabilities(out, &event->text.capabilities);
                break;
        case IMAP_EVENT_FLAGS:
                put(out, " ", event->text.flags);
                break;
        case IMAP_EVENT_EXISTS:
        case IMAP_EVENT_EXPUNGE:
        case IMAP_EVENT_ESEARCH_COUNT:
                put_number(out, " ", event->number);
                break;
        case IMAP_EVENT_FETCH:
        case IMAP_EVENT_BODY_BEGIN:
                put_fetch(out, &event->fetch);
                break;
        case IMAP_EVENT_VANISHED:
        case IMAP_EVENT_SEARCH:
                put_uids(out, event);
                break;
        case IMAP_EVENT_LIST:
                put_list(out, &event->list);
                break;
        case IMAP_EVENT_NAMESPACE:
                put(out, " ", event->list.mailbox);
                put(out, " ", (ByteView){&event->list.delimiter, event->list.delimiter ? 1 : 0});
                break;
        case IMAP_EVENT_STATUS:
                put_status(out, &event->status);
                break;
        case IMAP_EVENT_ID:
                put(out, " ", event->text.text);
                break;
        case IMAP_EVENT_BODY_DATA:
        case IMAP_EVENT_BODY_END:
        case _IMAP_EVENT_TYPE_MAX:
                break;
        }
        put(out, "\n", BYTES_NULL);
}
