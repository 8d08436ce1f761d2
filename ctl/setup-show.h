#pragma once

/*
 * What a server can do and what that means, and what is there, in plain words
 */

#include "ctl/setup-probe.h"
#include "ctl/text.h"

/* Sentences, each on lines of its own. Return: 0, or -ENOMEM. */
int show_server(const ProbeReply *reply, const Screen *screen, Buffer *out);

/* A line for each mailbox, the largest first, and a sum; past some only how many more. */
int show_mailboxes(const ProbeReply *reply, const Screen *screen, Buffer *out);

/* How news arrives, in a few words: "push for all folders". */
const char *show_waits(const ProbeReply *reply);

typedef struct ShowTotal {
        uint64_t mailboxes, messages, bytes; /* of those that are synchronised */
} ShowTotal;

ShowTotal show_total(const ProbeReply *reply);
