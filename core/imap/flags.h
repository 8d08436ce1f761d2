#pragma once

/*
 * Flags and keywords of a message as one 64-bit set
 *
 * The five system flags that a client may set (RFC 9051 section 2.3.2; \Recent is the session's and
 * never kept) and $Forwarded, which Maildir knows as P, have fixed bits. Every other keyword gets a
 * bit from its mailbox's Keywords table, so that a merge of two sides is an exclusive or. A mailbox
 * has room for KEYWORDS_MAX different keywords; the next one has no bit and is not synchronised.
 */

#include "base/bytes.h"

typedef uint64_t MessageFlags;

#define FLAG_SEEN      ((MessageFlags) 1 << 0)
#define FLAG_ANSWERED  ((MessageFlags) 1 << 1)
#define FLAG_FLAGGED   ((MessageFlags) 1 << 2)
#define FLAG_DELETED   ((MessageFlags) 1 << 3)
#define FLAG_DRAFT     ((MessageFlags) 1 << 4)
#define FLAG_FORWARDED ((MessageFlags) 1 << 5) /* $Forwarded (RFC 5788) */

#define FLAGS_SYSTEM  ((MessageFlags) 0x1f)
#define FLAGS_FIXED   ((MessageFlags) 0x3f)
#define KEYWORD_FIRST 6u  /* the bit of the first keyword */
#define KEYWORDS_MAX  57u /* bits 6 to 62: SQLite's integers are signed */

/* The keywords of one mailbox: names[i] has bit KEYWORD_FIRST + i. Compared without regard to case,
 * the first spelling stays (RFC 9051 section 2.3.2). Positions never change. */
typedef struct Keywords {
        char **names; /* owned, with room for KEYWORDS_MAX; NULL: none yet */
        unsigned n_names;
} Keywords;

#define KEYWORDS_NULL ((Keywords){0})

void keywords_done(Keywords *keywords);

/* The bit of a keyword, 0 if it is not in the table. */
MessageFlags keywords_find(const Keywords *keywords, ByteView name);

/**
 * keywords_add() - the bit of a keyword, entering it if it is new
 * @ret_flag: one bit, or 0 if the table is full or @name is not an atom of 1 to 128 bytes
 *
 * Return: 0, or -ENOMEM.
 */
int keywords_add(Keywords *keywords, ByteView name, MessageFlags *ret_flag);

/**
 * flags_parse() - a list of flags as IMAP writes it, without its parentheses
 * @list:     "\Seen $Forwarded work", separated by single or more spaces
 * @keywords: unknown keywords are entered here; NULL: they are left out
 *
 * \Recent, "\*" and unknown system flags are left out. Return: 0, or -ENOMEM.
 */
int flags_parse(ByteView list, Keywords *keywords, MessageFlags *ret_flags);

/**
 * flags_translate() - the same flags in the table of another mailbox
 *
 * Keywords that @to does not have are entered; one for which it has no room is left out. Return: 0, or
 * -ENOMEM.
 */
int flags_translate(MessageFlags flags, const Keywords *from, Keywords *to,
                    MessageFlags *ret_flags);

/* Append "\Seen $Forwarded work", without parentheses. A bit that has no name is left out.
 * Return: 0, -ENOMEM, or -E2BIG from the buffer's limit. */
int flags_format(MessageFlags flags, const Keywords *keywords, Buffer *out);
