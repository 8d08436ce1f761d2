/* An IMAP account as a replica: what mailboxes there are, and how they stand. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/foreign.h"
#include "imap/mailbox-name.h"
#include "sync/imap-replica-private.h"

/* A mailbox name that a sentence quotes is cut here. */
#define NAME_MAX_SHOWN 200

static bool has(const ImapReplica *r, ImapCapability one) {
        return imap_has(&r->capabilities, one);
}

unsigned status_items(const ImapReplica *r) {
        unsigned items = IMAP_STATUS_MESSAGES | IMAP_STATUS_UIDNEXT;

        if (!r->options.skip_uidvalidity && !has_quirk(r, IMAP_QUIRK_UIDVALIDITY_BY_SELECT))
                items |= IMAP_STATUS_UIDVALIDITY;
        return items | (has_condstore(r) ? IMAP_STATUS_HIGHESTMODSEQ : IMAP_STATUS_UNSEEN);
}

/* "(MESSAGES UIDNEXT ...)". One item that the server does not know spoils the whole command. */
static int format_items(unsigned items, Buffer *out) {
        static const struct {
                unsigned item;
                const char *name;
        } names[] = {
                {IMAP_STATUS_MESSAGES,      "MESSAGES"     },
                {IMAP_STATUS_UIDNEXT,       "UIDNEXT"      },
                {IMAP_STATUS_UIDVALIDITY,   "UIDVALIDITY"  },
                {IMAP_STATUS_UNSEEN,        "UNSEEN"       },
                {IMAP_STATUS_HIGHESTMODSEQ, "HIGHESTMODSEQ"},
                {IMAP_STATUS_MAILBOXID,     "MAILBOXID"    },
                {IMAP_STATUS_SIZE,          "SIZE"         },
        };
        const char *separator = "(";
        int e = 0;

        for (size_t i = 0; i < ARRAY_SIZE(names) && e == 0; i++) {
                if (!(items & names[i].item))
                        continue;
                e = buffer_append_format(out, "%s%s", separator, names[i].name);
                separator = " ";
        }

        return e < 0 ? e : buffer_append_string(out, ")");
}

int submit_statuses(ImapReplica *r, Job *job, char *const *wires, size_t n_wires, unsigned items) {
        for (size_t i = 0; i < n_wires; i++) {
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
                int e;

                e = buffer_append_string(&out, "STATUS ");
                if (e == 0)
                        e = format_mailbox(bytes_of(wires[i]), &out);
                if (e == 0)
                        e = buffer_append_string(&out, " ");
                if (e == 0)
                        e = format_items(items, &out);
                if (e == -EINVAL)
                        continue; /* a name that cannot be said: its status stays unknown */
                if (e == 0)
                        e = submit(r, COMMAND_STATUS, job, buffer_view(&out));
                if (e < 0)
                        return e;
        }

        return 0;
}

/* LIST and LSUB with the reference. @options: " RETURN (...)" or empty. */
static int submit_below(ImapReplica *r, CommandKind kind, Job *job, const char *verb,
                        const char *pattern, ByteView options) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        int e;

        e = buffer_append_format(&out, "%s ", verb);
        if (e == 0)
                e = format_mailbox(bytes_of(r->reference), &out);
        if (e == 0)
                e = buffer_append_format(&out, " %s", pattern);
        if (e == 0)
                e = buffer_append(&out, options.data, options.size);
        return e < 0 ? e : submit(r, kind, job, buffer_view(&out));
}

int submit_delimiter(ImapReplica *r, Job *job) {
        return submit_below(r, COMMAND_DELIMITER, job, "LIST", "\"\"", BYTES_NULL);
}

/* RFC 5258, 5819, 6154: what is wanted beside the names. */
int submit_list(ImapReplica *r, Job *job, bool with_status, unsigned items) {
        _cleanup_(buffer_done) Buffer options = BUFFER_NULL, out = BUFFER_NULL;
        int e = 0;

        if (!r->no_list_return && job->kind == JOB_LIST) {
                if ((r->options.want_special_use || r->base.has_labels) &&
                    has(r, IMAP_CAPABILITY_SPECIAL_USE))
                        e = buffer_append_string(&options, " SPECIAL-USE");
                if (e == 0 && r->options.want_subscribed && has(r, IMAP_CAPABILITY_LIST_EXTENDED))
                        e = buffer_append_string(&options, " SUBSCRIBED");
        }
        if (e == 0 && with_status)
                e = buffer_append_string(&options, " STATUS ");
        if (e == 0 && with_status)
                e = format_items(items, &options);

        if (e == 0 && options.size > 0)
                e = buffer_append_format(&out, " RETURN (%.*s)", (int) options.size - 1,
                                         options.data + 1);
        return e < 0 ? e : submit_below(r, COMMAND_LIST, job, "LIST", "*", buffer_view(&out));
}

/* How names begin must be known before the first one comes. It hardly ever changes. */
static int submit_namespace(ImapReplica *r, Job *job) {
        if (r->prefix || *r->reference || !has(r, IMAP_CAPABILITY_NAMESPACE))
                return 0;
        return submit(r, COMMAND_NAMESPACE, job, BYTES("NAMESPACE"));
}

/* Without LIST-EXTENDED, what is subscribed is a list of its own. */
static int submit_lsub(ImapReplica *r, Job *job) {
        const bool extended = has(r, IMAP_CAPABILITY_LIST_EXTENDED) && !r->no_list_return;

        names_done(&r->subscribed);
        r->has_subscribed = r->options.want_subscribed;
        if (!r->options.want_subscribed || extended)
                return 0;
        return submit_below(r, COMMAND_LSUB, job, "LSUB", "*", BYTES_NULL);
}

int start_list(ImapReplica *r, Job *job) {
        const unsigned items =
                (status_items(r) & ~(r->base.only_looks ? (unsigned) IMAP_STATUS_UIDVALIDITY : 0)) |
                (r->base.has_sizes && r->base.is_first ? IMAP_STATUS_SIZE : 0);
        const bool with_status = has(r, IMAP_CAPABILITY_LIST_STATUS) && !r->no_list_return;
        int e = 0;

        if (job->phase == JOB_STATUSES) {
                for (size_t i = 0; i < r->names.n_entries && e == 0; i++)
                        if (r->names.entries[i].selectable)
                                e = submit_statuses(r, job, &r->names.entries[i].wire, 1, items);
                return e;
        }

        e = unselect(r, job);
        if (e == 0)
                e = submit_namespace(r, job);
        if (e == 0)
                e = submit_lsub(r, job);
        if (e == 0)
                e = submit_list(r, job, with_status, items);
        return e < 0 ? e : compress_behind(r, job);
}

static int set_sentence(Waiting *waiting, const char *before, ByteView wire, const char *after) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        int e;

        e = buffer_append_string(&out, before);
        if (e == 0)
                e = foreign_append(&out, wire, NAME_MAX_SHOWN);
        if (e == 0)
                e = buffer_append_format(&out, "”%s", after);
        if (e < 0)
                return e;

        waiting->text = buffer_steal_string(&out);
        return waiting->text ? 0 : -ENOMEM;
}

/* A name that could do harm, or is no name at all, is told without it. */
static int set_name(const ImapReplica *r, Waiting *waiting, ByteView wire, char delimiter) {
        int e;

        e = name_decode(r, wire, delimiter, &waiting->name);
        if (e <= 0)
                return e;

        waiting->name = NULL;
        return set_sentence(waiting, "the mailbox “", wire,
                            e == MAILBOX_NAME_E_TAKEN
                                    ? " has the name that another one has here by “map”"
                                    : " has a name that cannot be used here") < 0
                       ? -ENOMEM
                       : 0;
}

/* Two names on the wire may mean one here; only the first is used. The same line twice is nothing
 * new. Return: 1 to tell it, 0 not to. */
static int check_listed(ImapReplica *r, Waiting *waiting, const ImapList *list) {
        static const unsigned unselectable = IMAP_LIST_NOSELECT | IMAP_LIST_NONEXISTENT;
        int e;

        if (!waiting->name)
                return 1;
        e = names_add(&r->names, waiting->name, list->mailbox, !(list->attributes & unselectable));
        if (e != 2)
                return e < 0 ? e : e == 0;

        free(waiting->name);
        waiting->name = NULL;
        e = set_sentence(waiting, "the mailbox “", list->mailbox,
                         " would have the same name here as another one");
        return e < 0 ? e : 1;
}

static void waiting_drop(ImapReplica *r, Waiting *waiting) {
        free(waiting->name);
        free(waiting->old_name);
        free(waiting->wire);
        free(waiting->text);
        free(waiting->object);
        r->n_events--;
}

static int on_lsub(ImapReplica *r, const ImapList *list) {
        _cleanup_free_ char *wire = NULL;
        int e;

        if (!(list->attributes & IMAP_LIST_SUBSCRIBED))
                return 0;
        wire = bytes_dup(list->mailbox);
        if (!wire)
                return -ENOMEM;
        e = names_add(&r->subscribed, wire, list->mailbox, true);
        if (e == -E2BIG)
                return replica_fail(r, e, "the server lists too many subscriptions", BYTES_NULL);
        return MIN(e, 0);
}

static void set_subscribed(const ImapReplica *r, Waiting *waiting, const ImapList *list) {
        waiting->event.has_subscribed = r->has_subscribed;
        waiting->event.subscribed = list->attributes & IMAP_LIST_SUBSCRIBED ||
                                    names_have(&r->subscribed, waiting->wire);
}

/* Not below the reference; but that one of ours was renamed to it is news. */
static bool is_foreign(const ImapReplica *r, const ImapList *list, bool asked) {
        return name_is_outside(r, list->mailbox, list->delimiter) &&
               (asked || name_is_outside(r, list->old_name, list->delimiter));
}

int on_list(ImapReplica *r, const Command *head, const ImapList *list) {
        const bool asked = head && head->kind == COMMAND_LIST;
        Waiting *waiting;
        int e;

        if (!r->has_delimiter &&
            (list->delimiter != '\0' || (head && head->kind == COMMAND_DELIMITER))) {
                r->has_delimiter = true;
                r->delimiter = list->delimiter;
        }
        if ((head && head->kind == COMMAND_DELIMITER) || list->mailbox.size == 0 ||
            quirk_is_lock(r, list->mailbox))
                return 0;
        if (head && head->kind == COMMAND_LSUB)
                return on_lsub(r, list);
        if (is_foreign(r, list, asked))
                return 0;

        waiting = event_add(r, REPLICA_EVENT_MAILBOX);
        if (!waiting)
                return -ENOMEM;
        waiting->event.attributes = list->attributes;
        waiting->event.delimiter = list->delimiter;
        waiting->event.unasked = !asked;
        waiting->wire = bytes_dup(list->mailbox);
        if (!waiting->wire)
                return -ENOMEM;
        e = set_name(r, waiting, list->mailbox, list->delimiter);
        if (e < 0)
                return e;
        if (list->old_name.size > 0 &&
            name_decode(r, list->old_name, list->delimiter, &waiting->old_name) != 0)
                waiting->old_name = NULL;

        if (!asked)
                return 0;
        set_subscribed(r, waiting, list);
        e = check_listed(r, waiting, list);
        if (e == 0)
                waiting_drop(r, waiting);
        if (e == -E2BIG)
                return replica_fail(r, e, "the server lists too many mailboxes", BYTES_NULL);
        return MIN(e, 0);
}

/* STATUS items that a server may tell and that mean nothing. */
unsigned untrusted_items(const ImapReplica *r) {
        unsigned items = has_condstore(r) ? 0 : IMAP_STATUS_HIGHESTMODSEQ;

        if (has_quirk(r, IMAP_QUIRK_UIDVALIDITY_BY_SELECT))
                items |= IMAP_STATUS_UIDVALIDITY;
        return items;
}

int on_status(ImapReplica *r, const Command *head, const ImapStatusItems *items) {
        const unsigned present = items->present & ~untrusted_items(r);
        const char delimiter = r->has_delimiter ? r->delimiter : '/';
        Waiting *waiting;
        int e;

        if (head && is_polling_others(r, head->job) &&
            bytes_equal(items->mailbox, bytes_of(r->selected->wire)))
                return 0;
        r->n_statuses +=
                head && (head->kind == COMMAND_NOTIFY || head->kind == COMMAND_NOTIFY_AGAIN);
        if (name_is_outside(r, items->mailbox, delimiter))
                return 0;

        waiting = event_add(r, REPLICA_EVENT_STATUS);
        if (!waiting)
                return -ENOMEM;
        waiting->wire = bytes_dup(items->mailbox);
        if (!waiting->wire)
                return -ENOMEM;
        e = name_decode(r, items->mailbox, delimiter, &waiting->name);
        if (e < 0)
                return e;
        if (e > 0)
                waiting->name = NULL;

        waiting->event.unasked =
                !head || (head->kind != COMMAND_STATUS && head->kind != COMMAND_LIST &&
                          head->kind != COMMAND_LSUB && head->kind != COMMAND_NAMESPACE &&
                          head->kind != COMMAND_NOTIFY && head->kind != COMMAND_NOTIFY_AGAIN);
        waiting->event.status = (ReplicaStatus){
                .has_uidvalidity = present & IMAP_STATUS_UIDVALIDITY,
                .uidvalidity = present & IMAP_STATUS_UIDVALIDITY ? items->uidvalidity : 0,
                .uidnext = present & IMAP_STATUS_UIDNEXT ? items->uidnext : 0,
                .has_messages = present & IMAP_STATUS_MESSAGES,
                .messages = present & IMAP_STATUS_MESSAGES ? items->messages : 0,
                .modseq = present & IMAP_STATUS_HIGHESTMODSEQ ? items->highest_modseq : 0,
                .has_unseen = present & IMAP_STATUS_UNSEEN,
                .unseen = present & IMAP_STATUS_UNSEEN ? items->unseen : 0,
                .has_size = present & IMAP_STATUS_SIZE,
                .size = present & IMAP_STATUS_SIZE ? items->size : 0,
        };
        if (present & IMAP_STATUS_MAILBOXID) {
                waiting->object = bytes_dup(items->object);
                if (!waiting->object)
                        return -ENOMEM;
        }
        return leave_keep_status(r);
}
