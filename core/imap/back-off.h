#pragma once

/*
 * Words of a server that ask us to wait (pure)
 *
 * RFC 5530 has codes for it; Exchange says it in plain text and names the time, or says that we are
 * "authenticated but not connected", which gets well only on another connection.
 */

#include "imap/session.h"

typedef enum ImapBackOffScope {
        IMAP_BACK_OFF_NONE,
        IMAP_BACK_OFF_REQUEST,    /* what was asked for cannot be had now: others may */
        IMAP_BACK_OFF_SESSION,    /* whatever we ask: say nothing more for now */
        IMAP_BACK_OFF_CONNECTION, /* and this connection is of no use any more */
} ImapBackOffScope;

typedef struct ImapBackOff {
        ImapBackOffScope scope;
        uint64_t usec; /* so long; within limits, whatever the server says. 0: it did not say */
} ImapBackOff;

/* Of any response with a text: tagged, untagged, the greeting, or BYE. */
ImapBackOff imap_back_off(const ImapText *text);

/* BYE as part of the day's work, such as Gmail's "Session expired": connect again, nothing is wrong. */
bool imap_is_farewell(ByteView words);
