#pragma once

/*
 * What mbsync knows of a mailbox (pure): the file .mbsyncstate
 *
 * A header ("FarUidValidity 17"), an empty line, and a line a message: the UIDs on both sides (0: not
 * there), and the flags that both agreed on last, as Maildir writes them, behind marks.
 */

#include "imap/flags.h"

typedef enum MbsyncMark {
        MBSYNC_FAR_PLACEHOLDER = 1 << 0,  /* "<": for a message that is too large */
        MBSYNC_NEAR_PLACEHOLDER = 1 << 1, /* ">" */
        MBSYNC_SKIPPED = 1 << 2,          /* "^": was never brought over */
        MBSYNC_EXPIRED = 1 << 3,          /* "~": one of too many, taken away on the near side */
} MbsyncMark;

typedef struct MbsyncRecord {
        uint32_t far, near; /* UIDs; 0: it is not there */
        unsigned marks;
        MessageFlags flags;
} MbsyncRecord;

typedef struct MbsyncState {
        uint32_t far_uidvalidity, near_uidvalidity;
        uint32_t max_pulled, max_pushed; /* far and near UIDs that were looked at */
        unsigned bad_line;               /* which could not be read */
} MbsyncState;

/* @each: a negative return ends the reading and is returned. Return: 0, or -EBADMSG if the file is not such a
 * one, or is cut short in its header or in a line. */
int mbsync_state_parse(ByteView text, MbsyncState *ret_state,
                       int (*each)(const MbsyncRecord *record, void *userdata), void *userdata);

/* The letters of Maildir's info part; others mean nothing. */
MessageFlags import_letters(ByteView letters);
