#pragma once

/*
 * The mailboxes that a probe has found: what to ask for, what came, and the lines about them
 */

#include "config/config.h"
#include "imap/session.h"

typedef struct ProbeMailbox {
        char *wire; /* owned: as the server writes it */
        char delimiter;
        unsigned attributes; /* IMAP_LIST_* */
        unsigned present;    /* IMAP_STATUS_*: of what follows */
        uint32_t messages;
        uint64_t size;
} ProbeMailbox;

typedef struct ProbeList {
        ProbeMailbox *items; /* owned */
        size_t n_items;
        size_t next; /* the status of this one comes next, most likely */
} ProbeList;

void probe_list_done(ProbeList *list);

typedef struct ProbeAsk {
        const char *reference; /* UTF-8; NULL: none */
        bool with_status, with_size, with_special_use;
} ProbeAsk;

/* LIST with what it is asked for. Return: 0, or a negative errno. */
int probe_list_command(const ProbeAsk *ask, Buffer *out);

/* STATUS of a mailbox. Return: 1; 0 if there is nothing to ask; or a negative errno. */
int probe_status_command(const ProbeMailbox *mailbox, bool with_size, Buffer *out);

/* What has come. Mailboxes past 10 000 are not kept. Return: 0, or -ENOMEM. */
int probe_list_add(ProbeList *list, const ImapList *entry);
void probe_list_set(ProbeList *list, const ImapStatusItems *status);

/* A line "mailbox" for each. @has_labels: they are views of the same messages (Gmail). */
void probe_list_print(const ProbeList *list, const AccountConfig *account, bool has_labels);
