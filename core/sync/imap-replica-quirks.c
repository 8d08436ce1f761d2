/* An IMAP account as a replica: what some servers do, taken for what it is. */

#include <errno.h>
#include <string.h>

#include "sync/imap-replica-private.h"

bool has_quirk(const ImapReplica *r, ImapQuirk quirk) {
        return imap_quirks_have(r->quirks, quirk);
}

/* Every keyword may be stored but $MDNSent: it gets its bit here, so that it can be left out. */
int quirk_storable(const ImapReplica *r, const Opened *opened, MessageFlags *storable,
                   bool *storable_keywords) {
        static const ByteView mdnsent = BYTES("$MDNSent");
        MessageFlags flag;
        int e;

        if (!has_quirk(r, IMAP_QUIRK_NO_MDNSENT) || !opened->mailbox)
                return 0;

        e = keywords_add(opened->mailbox->keywords, mdnsent, &flag);
        if (e < 0)
                return e;
        *storable &= ~flag;
        *storable_keywords = false; /* what can be stored is said bit by bit */
        return 0;
}

/* A lock file that lies between the mailboxes. */
bool quirk_is_lock(const ImapReplica *r, ByteView wire) {
        static const ByteView suffix = BYTES(".lock");

        if (!has_quirk(r, IMAP_QUIRK_LISTS_LOCKS) || wire.size < suffix.size)
                return false;
        return bytes_equal((ByteView){wire.data + wire.size - suffix.size, suffix.size}, suffix);
}

/* What is to be stored once a message was taken: all of its flags, where APPEND forgets them. */
MessageFlags quirk_forgotten_flags(const ImapReplica *r, const Job *job) {
        if (has_quirk(r, IMAP_QUIRK_APPEND_LOSES_FLAGS))
                return job->flags_meant;

        return job->flags_meant & ~job->flags_given;
}

/* In the header, which is long before this: the placeholder is short. */
#define PLACEHOLDER_WITHIN 8192u

void placeholder_begin(Placeholder *p) {
        *p = (Placeholder){.n_matched = 1}; /* as if behind a line end */
}

/* The line begins only where its first byte stands, so a mismatch never has to look back. */
void placeholder_look(Placeholder *p, ByteView data) {
        static const char line[] =
                "\nsubject: retrieval using the imap4 protocol failed for the following message";

        for (size_t i = 0; i < data.size && !p->found && p->n_seen < PLACEHOLDER_WITHIN; i++) {
                const char c = data.data[i];
                const char folded = c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;

                p->n_seen++;
                if (folded == line[p->n_matched])
                        p->n_matched++;
                else
                        p->n_matched = c == '\n';
                p->found = p->n_matched == sizeof(line) - 1;
        }
}
