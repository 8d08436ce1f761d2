/*
 * An IMAP account as a replica: names, with and without the prefix of the personal namespace
 *
 * Cyrus and Courier keep every mailbox below INBOX ("INBOX.Work"), which is a habit of the server's
 * and no wish of the user's: here that is "Work" (RFC 2342). A name outside of the prefix is one of
 * another namespace and stays as it is.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "imap/mailbox-name.h"
#include "sync/imap-replica-private.h"

static const ByteView inbox = BYTES("INBOX");

static bool starts_with(ByteView wire, ByteView prefix) {
        if (bytes_starts_fold(prefix, inbox)) /* which is written in any case */
                return bytes_starts_fold(wire, prefix);
        return wire.size >= prefix.size && memcmp(wire.data, prefix.data, prefix.size) == 0;
}

/* A mailbox "INBOX.INBOX" cannot lose the prefix: it would be a second INBOX. */
int name_decode(const ImapReplica *r, ByteView wire, char delimiter, char **ret_name) {
        const ByteView prefix = bytes_of(r->prefix);

        if (prefix.size == 0 || wire.size <= prefix.size || !starts_with(wire, prefix))
                return mailbox_name_decode(wire, delimiter, ret_name);

        wire = (ByteView){wire.data + prefix.size, wire.size - prefix.size};
        if (bytes_equal_fold(wire, inbox))
                return MAILBOX_NAME_E_LEVEL;
        return mailbox_name_decode(wire, delimiter, ret_name);
}

int name_encode(const ImapReplica *r, const char *name, char **ret_wire) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        _cleanup_free_ char *wire = NULL;
        int e;

        e = mailbox_name_encode(name, r->has_delimiter ? r->delimiter : '/', &wire);
        if (e != 0)
                return e;
        if (!r->prefix || !*r->prefix || strcmp(wire, "INBOX") == 0) {
                *ret_wire = TAKE_PTR(wire);
                return 0;
        }

        e = buffer_append_format(&out, "%s%s", r->prefix, wire);
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
