#pragma once

/*
 * Mailbox names
 *
 * On the wire a name is modified UTF-7 (RFC 3501 section 5.1.3) with the server's hierarchy
 * delimiter. Everywhere else in this program it is UTF-8 with "/" between the levels, INBOX in
 * capitals, and no level that could do harm in a file system.
 *
 * Functions return 0 on success, -ENOMEM, or
 */

#include "base/bytes.h"

typedef enum MailboxNameError {
        _MAILBOX_NAME_E_SUCCESS,
        MAILBOX_NAME_E_ENCODING, /* not modified UTF-7, not UTF-8, or a control character; or the
                                    delimiter is a letter, a digit, "&" or not ASCII */
        MAILBOX_NAME_E_LEVEL,    /* a level that is empty, "." or "..", or holds a "/" or the
                                    delimiter; or INBOX in other capitals (not from decode) */
        MAILBOX_NAME_E_LENGTH,   /* a level over 255 bytes or a name over 4000 bytes, in UTF-8 */
        MAILBOX_NAME_E_TAKEN, /* another mailbox has it by a rule (imap/mailbox-map.h); not from here */
} MailboxNameError;

/* What is wrong, as the end of a sentence: "it has a level that is empty, ..." and so on. */
const char *mailbox_name_error(MailboxNameError error);

/**
 * mailbox_name_decode() - from the wire
 * @wire:      modified UTF-7; raw UTF-8, which some servers send, is taken as it is, "&" included
 * @delimiter: the hierarchy delimiter of LIST, '\0' for NIL (a flat name)
 * @ret_name:  UTF-8 with "/", owned by the caller; a first level "inbox" in any case becomes "INBOX"
 *
 * A single trailing delimiter is dropped. Servers also let in names that are not encoded in the one
 * proper way, so different @wire can give one name, and encode() need not give @wire back: keep it.
 */
int mailbox_name_decode(ByteView wire, char delimiter, char **ret_name);

/* The other way. @ret_wire is owned by the caller and not quoted. */
int mailbox_name_encode(const char *name, char delimiter, char **ret_wire);

/* The beginning of names as it is, with the server's own delimiter: a reference for LIST. */
int mailbox_name_encode_reference(const char *reference, char **ret_wire);

/* Is @name, UTF-8 with "/", one that decode could have returned? The same outcomes. */
int mailbox_name_check(const char *name);

/**
 * mailbox_name_matches() - does a LIST pattern match (RFC 9051 section 6.3.9)
 * @pattern: UTF-8; "*" matches anything, "%" anything but "/"; INBOX matches in any case
 */
bool mailbox_name_matches(const char *pattern, const char *name);
