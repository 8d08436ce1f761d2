#pragma once

/*
 * The daemon's log: lines on stderr, or entries of the journal
 *
 * Under systemd ($JOURNAL_STREAM names stderr) a line is an entry of the journal, with fields for what it is
 * about. Where the journal's own socket cannot be reached, it goes to stderr and starts with "<N>", which the
 * journal turns into its priority; on a terminal it does not. A line leaves in one write, so lines never mix.
 * Each passes through log_escape(), whatever got into it; long foreign text should be cut by that
 * before, so that the rest of the sentence stays. Only the daemon logs; core returns.
 */

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

/* @verbose: how often -v was given: 0 info, 1 debug, 2 debug and the IMAP dialogue. */
void log_init(unsigned verbose);
bool log_wants_dialogue(void);

/* Return: @error, so that callers can write "return log_error_errno(r, ...)"; %m prints it. */
int log_full_errno(int level, int error, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Events that programs may look for: MESSAGE_ID of sd_journal(3), told by imapsyncd(1). */
#define LOG_ID_HELD    "5df3845c6cbe413697f18efbc04cd70d" /* the brake holds deletions back */
#define LOG_ID_REFUSED "c51077ea23d74c9da3557d90dd53c2cf" /* an account waits for a person */
#define LOG_ID_PARKED  "804ce8de56e248ab8ba0e83d51a09358" /* a side has refused a message */
#define LOG_ID_CONFIG  "fc763599c94b49c1a40d04ff32c5eb1b" /* the configuration was not read again */
#define LOG_ID_DAMAGED "90187938df0841ea88105080c7cbbc6f" /* the state was, and is begun anew */

/* What a line is about: it begins with "ACCOUNT/MAILBOX: ", and in the journal these are fields. */
typedef struct LogSubject {
        const char *account; /* NULL: none */
        const char *mailbox; /* NULL: none */
        const char *id;      /* LOG_ID_*, or NULL */
} LogSubject;

void log_about(int level, LogSubject about, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* The same for each line of @text, behind @prefix. */
void log_lines(int level, LogSubject about, const char *prefix, const char *text);

#define log_error_errno(error, ...) log_full_errno(LOG_ERR, (error), __VA_ARGS__)
#define log_error(...)              ((void) log_full_errno(LOG_ERR, 0, __VA_ARGS__))
#define log_warning(...)            ((void) log_full_errno(LOG_WARNING, 0, __VA_ARGS__))
#define log_notice(...)             ((void) log_full_errno(LOG_NOTICE, 0, __VA_ARGS__))
#define log_info(...)               ((void) log_full_errno(LOG_INFO, 0, __VA_ARGS__))
#define log_debug(...)              ((void) log_full_errno(LOG_DEBUG, 0, __VA_ARGS__))

/* Copy @text into @buffer with control characters, what changes the direction of writing, and bytes that
 * are not UTF-8 as \xNN, cut to fit with "..." at the end. Return: @buffer. */
char *log_escape(const char *text, size_t n_text, char *buffer, size_t size);
