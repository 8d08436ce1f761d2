/* Mailboxes of an IMAP replica: those that were opened on this session, and names as listed. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "imap/command.h"
#include "sync/imap-replica-private.h"

/* How a mailbox is called on the wire: as it was listed, else by its name. */
int mailbox_wire(const ImapReplica *r, const ReplicaMailbox *mailbox, char **ret_wire) {
        char *wire;

        if (!mailbox->wire)
                return name_encode(r, mailbox->name, ret_wire);

        wire = strdup(mailbox->wire);
        if (!wire)
                return -ENOMEM;
        *ret_wire = wire;
        return 0;
}

/* As an astring. Servers that list names in raw UTF-8 get them back like that, quoted. */
int format_mailbox(ByteView wire, Buffer *out) {
        const size_t start = out->size;
        int e = imap_format_astring(wire, out);

        if (e != -EINVAL)
                return e;

        e = buffer_append_string(out, "\"");
        for (size_t i = 0; i < wire.size && e == 0; i++) {
                const char c = wire.data[i];

                if (c == '\0' || c == '\r' || c == '\n')
                        e = -EINVAL;
                else if (c == '"' || c == '\\')
                        e = buffer_append_string(out, "\\");
                if (e == 0)
                        e = buffer_append(out, &c, 1);
        }
        if (e == 0)
                e = buffer_append_string(out, "\"");
        if (e < 0)
                out->size = start;
        return e;
}

Opened *opened_find(ImapReplica *r, const ReplicaMailbox *mailbox) {
        for (Opened *opened = r->openeds; opened; opened = opened->next)
                if (opened->mailbox == mailbox)
                        return opened;

        return NULL;
}

/* The mailbox as it is open on this session, entered if it is not: referenced for the caller. Return:
 * 0, -ENOMEM, or a MailboxNameError. */
int opened_get(ImapReplica *r, ReplicaMailbox *mailbox, Opened **ret_opened) {
        Opened *opened = opened_find(r, mailbox);
        char *wire;
        int e;

        if (!opened) {
                e = mailbox_wire(r, mailbox, &wire);
                if (e != 0)
                        return e;
                opened = malloc(sizeof(*opened));
                if (!opened) {
                        free(wire);
                        return -ENOMEM;
                }
                /* The list of those that are open holds a reference until it is closed. */
                *opened = (Opened){
                        .next = r->openeds,
                        .n_refs = 1,
                        .mailbox = mailbox,
                        .wire = wire,
                };
                r->openeds = opened;
        }

        *ret_opened = opened_ref(opened);
        return 0;
}

Opened *opened_unref(ImapReplica *r, Opened *opened) {
        if (!opened || --opened->n_refs > 0)
                return NULL;

        for (Opened **place = &r->openeds; *place; place = &(*place)->next)
                if (*place == opened) {
                        *place = opened->next;
                        break;
                }
        opened_forget_status(opened);
        free(opened->wire);
        free(opened->failure_text);
        free(opened);
        return NULL;
}

void opened_set(ImapReplica *r, Opened **place, Opened *opened) {
        Opened *old = *place;

        *place = opened_ref(opened);
        (void) opened_unref(r, old);
}

/* FNV-1a: names are few, and a server that makes them collide only slows itself. */
static uint32_t hash(const char *name) {
        uint32_t h = 2166136261u;

        for (; *name; name++)
                h = (h ^ (unsigned char) *name) * 16777619u;
        return h;
}

static uint32_t *names_slot(const Names *names, const char *name) {
        size_t i = hash(name) & (names->n_slots - 1);

        while (names->slots[i] > 0 && strcmp(names->entries[names->slots[i] - 1].name, name) != 0)
                i = (i + 1) & (names->n_slots - 1);
        return &names->slots[i];
}

static int names_grow(Names *names) {
        const size_t capacity = names->capacity > 0 ? names->capacity * 2 : 32;
        NameEntry *entries;
        uint32_t *slots;

        entries = reallocarray(names->entries, capacity, sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        names->entries = entries;
        slots = calloc(capacity * 2, sizeof(*slots));
        if (!slots)
                return -ENOMEM;

        free(names->slots);
        names->slots = slots;
        names->n_slots = capacity * 2;
        names->capacity = capacity;
        for (size_t i = 0; i < names->n_entries; i++)
                *names_slot(names, entries[i].name) = (uint32_t) i + 1;
        return 0;
}

int names_add(Names *names, const char *name, ByteView wire, bool selectable) {
        uint32_t *slot;
        NameEntry entry;
        int e;

        if (names->n_entries == NAMES_MAX)
                return -E2BIG;
        if (names->n_entries == names->capacity) {
                e = names_grow(names);
                if (e < 0)
                        return e;
        }

        slot = names_slot(names, name);
        if (*slot > 0)
                return bytes_equal(bytes_of(names->entries[*slot - 1].wire), wire) ? 1 : 2;

        entry = (NameEntry){strdup(name), bytes_dup(wire), selectable};
        if (!entry.name || !entry.wire) {
                free(entry.name);
                free(entry.wire);
                return -ENOMEM;
        }
        names->entries[names->n_entries++] = entry;
        *slot = (uint32_t) names->n_entries;
        return 0;
}

bool names_have(const Names *names, const char *name) {
        return names->n_slots > 0 && *names_slot(names, name) > 0;
}

void names_done(Names *names) {
        for (size_t i = 0; i < names->n_entries; i++) {
                free(names->entries[i].name);
                free(names->entries[i].wire);
        }
        free(names->entries);
        free(names->slots);
        *names = (Names){0};
}
