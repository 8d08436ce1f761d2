/*
 * An IMAP account as a replica: names, with and without what they begin with on the server
 *
 * Cyrus and Courier keep every mailbox below INBOX ("INBOX.Work"), which is a habit of the server's
 * and no wish of the user's: here that is "Work" (RFC 2342). A name outside of the prefix is one of
 * another namespace and stays as it is. Where the user has set a reference, all names are below that,
 * INBOX too, and what is not is none of ours.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "imap/mailbox-map.h"
#include "imap/mailbox-name.h"
#include "sync/imap-replica-private.h"

static const ByteView inbox = BYTES("INBOX");

static bool starts_with(ByteView wire, ByteView prefix) {
        if (bytes_starts_fold(prefix, inbox)) /* which is written in any case */
                return bytes_starts_fold(wire, prefix);
        return wire.size >= prefix.size && memcmp(wire.data, prefix.data, prefix.size) == 0;
}

/* Was it given without its delimiter? */
static bool is_open_ended(ByteView reference, char delimiter) {
        return reference.size > 0 && delimiter != '\0' &&
               reference.data[reference.size - 1] != delimiter;
}

static bool take_one(ByteView reference, ByteView *wire, char delimiter) {
        const size_t size = reference.size + is_open_ended(reference, delimiter);

        if (wire->size <= size || !starts_with(*wire, reference) ||
            (size > reference.size && wire->data[reference.size] != delimiter))
                return false;
        *wire = (ByteView){wire->data + size, wire->size - size};
        return true;
}

/* Take the reference off. Return: did the name begin with it, and was there more? */
static bool take_reference(const ImapReplica *r, ByteView *wire, char delimiter) {
        return take_one(bytes_of(r->reference), wire, delimiter) ||
               take_one(bytes_of(r->reference_text), wire, delimiter);
}

bool name_is_outside(const ImapReplica *r, ByteView wire, char delimiter) {
        return *r->reference && !take_reference(r, &wire, delimiter);
}

bool name_needs_delimiter(const ImapReplica *r, const char *name) {
        return !r->has_delimiter && (*r->reference || r->map || strchr(name, '/'));
}

/* A mailbox "INBOX.INBOX" cannot lose the prefix: it would be a second INBOX. */
static int decode(const ImapReplica *r, ByteView wire, char delimiter, char **ret_name) {
        const ByteView prefix = bytes_of(r->prefix);

        if (*r->reference) {
                if (!take_reference(r, &wire, delimiter))
                        return MAILBOX_NAME_E_LEVEL;
                return mailbox_name_decode(wire, delimiter, ret_name);
        }
        if (prefix.size == 0 || wire.size <= prefix.size || !starts_with(wire, prefix))
                return mailbox_name_decode(wire, delimiter, ret_name);

        wire = (ByteView){wire.data + prefix.size, wire.size - prefix.size};
        if (bytes_equal_fold(wire, inbox))
                return MAILBOX_NAME_E_LEVEL;
        return mailbox_name_decode(wire, delimiter, ret_name);
}

static int of_map(int e) {
        return e > 0 ? MAILBOX_NAME_E_TAKEN : e;
}

int name_decode(const ImapReplica *r, ByteView wire, char delimiter, char **ret_name) {
        _cleanup_free_ char *name = NULL;
        int e;

        if (!r->map)
                return decode(r, wire, delimiter, ret_name);
        e = decode(r, wire, delimiter, &name);
        return e == 0 ? of_map(mailbox_map_here(r->map, name, ret_name)) : e;
}

/* What the server puts or the user wants before it. */
static int append_start(const ImapReplica *r, const char *wire, char delimiter, Buffer *out) {
        int e;

        if (*r->reference) {
                e = buffer_append_string(out, r->reference);
                if (e == 0 && is_open_ended(bytes_of(r->reference), delimiter))
                        e = buffer_append(out, &delimiter, 1);
                return e;
        }
        if (!r->prefix || strcmp(wire, "INBOX") == 0)
                return 0;
        return buffer_append_string(out, r->prefix);
}

int name_encode(const ImapReplica *r, const char *name, char **ret_wire) {
        const char delimiter = r->has_delimiter ? r->delimiter : '/';
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        _cleanup_free_ char *wire = NULL, *there = NULL;
        int e = 0;

        if (r->map)
                e = of_map(mailbox_map_there(r->map, name, &there));
        if (e == 0)
                e = mailbox_name_encode(there ? there : name, delimiter, &wire);
        if (e != 0)
                return e;
        e = append_start(r, wire, delimiter, &out);
        if (e == 0)
                e = buffer_append_string(&out, wire);
        if (e < 0)
                return e;
        *ret_wire = buffer_steal_string(&out);
        return *ret_wire ? 0 : -ENOMEM;
}

/* A prefix without its delimiter would be part of a name. */
int on_namespace(ImapReplica *r, const ImapList *list) {
        const ByteView prefix = list->mailbox;
        const bool is_whole = prefix.size > 0 && list->delimiter != '\0' &&
                              prefix.data[prefix.size - 1] == list->delimiter;
        char *copy = bytes_dup(is_whole ? prefix : BYTES_NULL);

        if (!copy)
                return -ENOMEM;
        free(r->prefix);
        r->prefix = copy;
        return 0;
}

const char *imap_replica_prefix(const ImapReplica *r) {
        return r->prefix;
}
