#pragma once

/*
 * Quirks: what servers do beyond, or against, what they say (pure)
 *
 * A server is recognised by its own words. A quirk only ever makes us more careful or spares the
 * server what it is bad at: whoever is recognised wrongly loses speed, never mail.
 */

#include "base/bytes.h"

typedef enum ImapQuirk {
        /* NOTIFY goes quiet when the server rotates the log that it watches (Dovecot 2.3: 32 kB, some
         * hundred changes): ask for it anew after each batch of work. */
        IMAP_QUIRK_NOTIFY_GOES_QUIET,
        _IMAP_QUIRK_MAX,
} ImapQuirk;

typedef uint32_t ImapQuirks; /* a set of them */

static inline bool imap_quirks_have(ImapQuirks quirks, ImapQuirk one) {
        return (quirks >> one) & 1;
}

/* By the text of the greeting. */
ImapQuirks imap_quirks_of(ByteView greeting);
