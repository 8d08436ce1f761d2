#pragma once

/*
 * The names that changed in one mailbox, with bounded memory
 *
 * One record for each base, so that a message whose flags change ten times counts once. Past the
 * limit the names are forgotten and "more" is set.
 */

#include "base/bytes.h"
#include "maildir-watch.h"

#define CHANGED_NAMES_MAX 64u

typedef struct ChangedNames {
        Buffer records; /* owned: a byte for fate and sub, the name with its NUL; any number of times */
        unsigned n_records;
        bool more;
} ChangedNames;

#define CHANGED_NAMES_NULL ((ChangedNames){0})

void changed_names_done(ChangedNames *names);

/* Cannot fail: when there is no memory the names are not all. */
void changed_names_add(ChangedNames *names, MaildirFate fate, MaildirSub sub, const char *name);

/* Take the first record off @records. Return: 1, or 0 when there is none. */
int changed_names_next(ByteView *records, MaildirFate *ret_fate, MaildirSub *ret_sub,
                       const char **ret_name);
