#pragma once

/*
 * The progress of a job: what its Progress signals add up to, and the line that shows it
 *
 * A job goes over many mailboxes; each tells its own count, and the bar shows their sum.
 */

#include "ctl/text.h"

typedef struct ProgressPart {
        char *name; /* owned: "account/mailbox", escaped */
        uint64_t done, total, bytes;
        uint64_t total_bytes; /* 0: not known */
        uint64_t
                bytes_left; /* of its account, first synchronisations that have not begun with them; 0: not known */
} ProgressPart;

/* What an account said last of all that it has to do. */
typedef struct ProgressAccount {
        char *name; /* owned */
        uint64_t bytes_left;
} ProgressAccount;

typedef struct Progress {
        ProgressPart *parts; /* owned */
        size_t n_parts, latest;
        ProgressAccount *accounts; /* owned */
        size_t n_accounts;
        /* Where the rate is counted from: two marks some seconds apart, the older one counts, so that it is the
         * rate of lately. What had been done at the first is not ours. */
        struct {
                uint64_t usec, done, bytes; /* usec 0: not set */
        } marks[2];
} Progress;

#define PROGRESS_NULL ((Progress){})

void progress_done(Progress *progress);

/* Return: 0 or -ENOMEM. */
int progress_update(Progress *progress, const char *account, const char *mailbox,
                    const ProgressPart *part, uint64_t now_usec);

/* One line without a newline that fits the screen: mailbox, bar, count, bytes, rate, and how long all that is known
 * of will take. Return: 0 or -ENOMEM. */
int progress_format(const Progress *progress, const Screen *screen, uint64_t now_usec,
                    Buffer *buffer);
