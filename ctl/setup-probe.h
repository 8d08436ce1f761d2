#pragma once

/*
 * imapsyncd --probe, and what it says (daemon/probe.h tells of the lines)
 */

#include "base/bytes.h"

typedef enum ProbeOutcome {
        PROBE_BROKEN,  /* no answer that makes sense; whatever there is to say was said */
        PROBE_DONE,    /* all is known */
        PROBE_DENIED,  /* the user name or the password */
        PROBE_REFUSED, /* something else that a person must mend */
        PROBE_LOST,    /* cannot be reached now */
} ProbeOutcome;

typedef struct ProbeRow {
        char *name, *note; /* owned; note "": it is synchronised */
        uint64_t messages, size;
        bool has_size;
} ProbeRow;

typedef enum ProbeWaits {
        PROBE_WAITS_NOTIFY,
        PROBE_WAITS_IDLE,
        PROBE_WAITS_POLL,
} ProbeWaits;

typedef enum ProbeChanges {
        PROBE_CHANGES_QRESYNC,
        PROBE_CHANGES_CONDSTORE,
        PROBE_CHANGES_NONE,
} ProbeChanges;

typedef struct ProbeReply {
        ProbeOutcome outcome;
        char *sentence; /* owned; of what was refused or lost */
        ProbeWaits waits;
        ProbeChanges changes;
        bool is_encrypted, has_sizes;
        char *server;   /* owned: how it calls itself, perhaps "" */
        ProbeRow *rows; /* owned */
        size_t n_rows;
} ProbeReply;

#define PROBE_REPLY_NULL ((ProbeReply){0})

void probe_reply_done(ProbeReply *reply);

/* Read all that imapsyncd has printed. Return: 0, -EBADMSG for what it does not say, or -ENOMEM. */
int probe_reply_parse(ByteView text, ProbeReply *ret_reply);

/* Try the account of a configuration. @keep_fd: a descriptor that the configuration names; 0: none.
 * Return: 0 and the reply, or a negative errno after a sentence on stderr. */
int probe_ask(ByteView configuration, int keep_fd, ProbeReply *ret_reply);
