#pragma once

/*
 * Maildir file names (pure): "BASE:2,FLAGS"
 *
 * BASE is the message's identity in its folder and never changes. FLAGS are capital letters D F P R
 * S T in ASCII order, then Dovecot's keyword letters a to z. Letters that are not ours are kept.
 */

#include "imap/flags.h"

/* Which letter stands for which keyword in one folder (Dovecot's dovecot-keywords file): names[0] is
 * "a". Slots may be empty (NULL). */
#define MAILDIR_LETTERS 26u
typedef struct MaildirLetters {
        char *names[MAILDIR_LETTERS]; /* owned */
} MaildirLetters;

#define MAILDIR_LETTERS_NULL ((MaildirLetters){0})

void maildir_letters_done(MaildirLetters *letters);

/* The letter of a keyword (case folded), or '\0'. */
char maildir_letters_find(const MaildirLetters *letters, const char *keyword);

/* The same, taking the first free letter for a new keyword; '\0' in @ret_letter when all 26 are
 * taken. Return: 0, or -ENOMEM. */
int maildir_letters_add(MaildirLetters *letters, const char *keyword, char *ret_letter);

/* The content of a dovecot-keywords file: lines "0 work", the number of the letter and the name. Lines
 * that are not so are left out; the first about a letter wins. Return: 0, or -ENOMEM. */
int maildir_letters_parse(ByteView text, MaildirLetters *ret_letters);

/* The other way. Return: 0, -ENOMEM, or -E2BIG. */
int maildir_letters_format(const MaildirLetters *letters, Buffer *out);

/* The part before ":2," (before the last one if there are several; the whole name when there is none
 * or nothing is before it). Never empty unless @name is. */
ByteView maildir_name_base(ByteView name);

/* The flags in a name. Keyword letters are looked up in @letters and entered in @keywords; letters
 * without a name, or whose name has no bit, are ignored here and kept by format(). A letter named
 * $Forwarded means the same as P; format() writes both. Return: 0, or -ENOMEM. */
int maildir_name_flags(ByteView name, const MaildirLetters *letters, Keywords *keywords,
                       MessageFlags *ret_flags);

/**
 * maildir_name_format() - the name of the same message with other flags
 * @old_name: as it is now, or just the base of a new message; its letters that mean nothing here stay
 * @letters:  must hold a letter for each keyword in @flags that is to be kept; the others are left out
 * @out:      appended to
 *
 * Return: 0, -ENOMEM, -E2BIG, or -ENAMETOOLONG past 255 bytes.
 */
int maildir_name_format(ByteView old_name, MessageFlags flags, const Keywords *keywords,
                        const MaildirLetters *letters, Buffer *out);

/* A new base, unique as the Maildir description asks: "SECONDS.MmicrosecondsPpidQcounter.host", the
 * host's "/" and ":" escaped as \057 and \072 and cut after 120 bytes. Return: 0, -ENOMEM or -E2BIG. */
int maildir_name_new(int64_t usec, int pid, uint64_t counter, const char *host, Buffer *out);

/* The process that made @name by maildir_name_new() on this host. -1: it was not made so. */
int maildir_name_process(ByteView name, const char *host);
