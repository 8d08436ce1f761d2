#pragma once

/*
 * Mailboxes that have another name on the server than here
 *
 * A rule is "THERE -> HERE", names in UTF-8 with "/" between the levels; what lies below a mailbox goes with it, and
 * of several rules that fit the longest name counts. A name that would not come back as itself, since a rule has
 * taken it for another mailbox, has no counterpart: so the rules are invertible, whatever they are.
 */

#include "base/bytes.h"

typedef enum MailboxMapError {
        _MAILBOX_MAP_E_SUCCESS,
        MAILBOX_MAP_E_RULE,  /* not "THERE -> HERE" with two names, or INBOX is one of them */
        MAILBOX_MAP_E_TAKEN, /* of a name: a rule has taken it; of a rule: it cannot be inverted */
} MailboxMapError;

/**
 * mailbox_map_check() - may this rule be added?
 * @rules: NULL-terminated, each of them checked; NULL: there are none
 *
 * Return: 0, a MailboxMapError, -ENOMEM.
 */
int mailbox_map_check(char *const *rules, const char *rule);

/* The other side's name, owned by the caller. Return: 0, MAILBOX_MAP_E_TAKEN, -ENOMEM. */
int mailbox_map_here(char *const *rules, const char *there, char **ret_here);
int mailbox_map_there(char *const *rules, const char *here, char **ret_there);
