#pragma once

/*
 * What a usage text says of a command line: for completions in shells
 *
 * The text that --help prints is the specification of the command line, so it is what completions
 * are made from: a verb or option that stands in it is completed, and there is no second list.
 *
 *      prog [--socket PATH] VERB [ARG...]      the first line: how it is called
 *        sync [--wait] [ACCOUNT [MAILBOX...]]  two spaces: a verb, and how that is called; behind two
 *                                              spaces, or on the next line, what it does
 *        policy [ac|auto] [--for TIME]         small letters stand for themselves
 *        -c, --config FILE  default ...        an option
 *
 * A verb's line that is too long goes on in lines that begin with "[".
 */

#include "base/bytes.h"

/* What is wanted where the cursor stands, beside the words that the text itself has. */
typedef struct UsageWish {
        bool accounts, mailboxes, files, folders;
        const char *verb, *account; /* borrowed from the words in front; NULL: none */
} UsageWish;

/**
 * usage_complete() - what may stand as the last word of a command line
 * @words:  without the program's name; the last is the one that is being typed, and only whether it
 *          begins with "-" counts
 * @buffer: "WORD\tWHAT\n" is appended for each word that the text has for this place, whatever has
 *          been typed of it
 *
 * Return: 0, -ENOMEM, or -E2BIG by the limit of @buffer.
 */
int usage_complete(const char *usage, const char *const *words, size_t n_words, Buffer *buffer,
                   UsageWish *ret_wish);

/* The value of the option @name ("--config", "-c") among the words, behind it or behind its "="; borrowed, NULL
 * if there is none. */
const char *usage_option(const char *const *words, size_t n_words, const char *name);
