#pragma once

/*
 * Quirks: what servers do beyond, or against, what they say (pure)
 *
 * A server is recognised by its own words or by its host name. A quirk only ever makes us more careful
 * or spares the server what it is bad at: whoever is recognised wrongly loses speed, never mail. The
 * configuration can turn each one on and off by its name, imapsyncd.conf(5) describes them.
 *
 * What any server may get wrong is no quirk: a count that does not add up, an empty body, a line that
 * makes no sense are dealt with wherever they come from.
 */

#include "base/bytes.h"

typedef enum ImapQuirk {
        /* notify-goes-quiet: NOTIFY goes quiet when the server rotates the log that it watches (Dovecot
         * 2.3: 32 kB, some hundred changes): ask for it anew after each batch of work. */
        IMAP_QUIRK_NOTIFY_GOES_QUIET,
        /* one-at-a-time: answers get mixed up when commands are pipelined: the next one is sent when
         * the one before it is answered. */
        IMAP_QUIRK_ONE_AT_A_TIME,
        /* wants-id: no mailbox can be selected before the client has said who it is (RFC 2971). */
        IMAP_QUIRK_WANTS_ID,
        /* late-capabilities: what is said during the login comes from a proxy that knows another
         * server than the one behind it: ask again. */
        IMAP_QUIRK_LATE_CAPABILITIES,
        /* broken-qresync, broken-esearch, broken-move, broken-uidplus: offered, but what they answer
         * is wrong or a refusal: as if they were not offered. */
        IMAP_QUIRK_BROKEN_QRESYNC,
        IMAP_QUIRK_BROKEN_ESEARCH,
        IMAP_QUIRK_BROKEN_MOVE,
        IMAP_QUIRK_BROKEN_UIDPLUS,
        /* append-loses-flags: flags given to APPEND are forgotten: store them once more. */
        IMAP_QUIRK_APPEND_LOSES_FLAGS,
        /* no-mdnsent: $MDNSent turns into a category that the user sees: keep it to ourselves. */
        IMAP_QUIRK_NO_MDNSENT,
        /* wrong-size: RFC822.SIZE is not the size of the message: it identifies nothing. */
        IMAP_QUIRK_WRONG_SIZE,
        /* placeholder-bodies: what the server cannot convert it gives as another message, which says
         * so. That is no body of this one. */
        IMAP_QUIRK_PLACEHOLDER_BODIES,
        /* uidvalidity-by-select: what STATUS says of UIDVALIDITY holds only once the mailbox was
         * selected. */
        IMAP_QUIRK_UIDVALIDITY_BY_SELECT,
        /* lists-locks: LIST shows lock files as mailboxes. */
        IMAP_QUIRK_LISTS_LOCKS,
        /* login-alone: what is sent behind the login before its answer is thrown away, as one program
         * hands over to the next: wait for the answer. */
        IMAP_QUIRK_LOGIN_ALONE,
        /* mailboxid-by-select: what STATUS says of MAILBOXID is not it. */
        IMAP_QUIRK_MAILBOXID_BY_SELECT,
        /* rename-renumbers: a renamed mailbox has another UIDVALIDITY, and its messages other UIDs. */
        IMAP_QUIRK_RENAME_RENUMBERS,
        _IMAP_QUIRK_MAX,
} ImapQuirk;

typedef uint32_t ImapQuirks; /* a set of them */

#define IMAP_QUIRK_BIT(quirk) ((ImapQuirks) 1 << (quirk))

static inline bool imap_quirks_have(ImapQuirks quirks, ImapQuirk one) {
        return (quirks >> one) & 1;
}

/* What is known of a server. Views of size 0: not known. */
typedef struct ImapServer {
        ByteView host;     /* as it was dialled */
        ByteView greeting; /* the text of it */
        ByteView id;       /* what it calls itself in the answer to ID */
} ImapServer;

/* What the configuration says against the table. */
typedef struct ImapOverrides {
        ImapQuirks on, off;
        uint64_t disabled;   /* capabilities, as bits: not to be used whatever the server says */
        unsigned n_commands; /* under way at a time; 0: by the quirks */
} ImapOverrides;

/* "wants-id"; never NULL. */
const char *imap_quirk_name(ImapQuirk quirk);

/* The quirk of that name, or _IMAP_QUIRK_MAX. */
ImapQuirk imap_quirk_find(ByteView name);

/* All that the table has for this server; with the overrides applied. */
ImapQuirks imap_quirks_of(const ImapServer *server, const ImapOverrides *overrides);

/* What is not to be used: capabilities as bits. */
uint64_t imap_quirks_unusable(ImapQuirks quirks, const ImapOverrides *overrides);

/* How many commands may be under way at a time; 0: any number. */
unsigned imap_quirks_n_commands(ImapQuirks quirks, const ImapOverrides *overrides);

/* Append the names, separated by spaces. Return: 0, -ENOMEM, or -E2BIG from the buffer's limit. */
int imap_quirks_format(ImapQuirks quirks, Buffer *out);
