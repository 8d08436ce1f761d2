#pragma once

/*
 * Messages that are in a mailbox more than once: found in the Maildir, listed, never touched
 *
 * Two are alike when Message-ID and size are; the same when all their bytes are, too. A mailbox of any size is
 * looked through with bounded memory: a mark of 16 bytes a message, a part of the messages after the other when
 * there are more than a million.
 */

#include <systemd/sd-bus.h>

#include "ctl/text.h"

/* @mailboxes: NULL-terminated; none: all of the account. Return: the exit status, EXIT_SAYS_NO if there are any. */
int duplicates_run(sd_bus *bus, const Screen *screen, bool json, const char *account,
                   char **mailboxes);

/* One group of files that are the same, or only alike. */
typedef struct Duplicates {
        const char *message_id; /* "": they have none, and their headers are the same */
        uint64_t size;          /* of each */
        bool is_same;           /* all bytes; else Message-ID and size only */
        char *const *files;     /* "cur/NAME" */
        size_t n_files;
} Duplicates;

/**
 * duplicates_find() - in one folder of a Maildir
 * @max_marks: how many messages are remembered at a time
 *
 * Return: 0, or a negative errno, or what @each returned if that was negative.
 */
int duplicates_find(const char *folder, size_t max_marks,
                    int (*each)(const Duplicates *duplicates, void *userdata), void *userdata);
