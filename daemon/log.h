#pragma once

/*
 * The daemon's log: lines on stderr
 *
 * Under systemd ($JOURNAL_STREAM names stderr) a line starts with "<N>", which the journal turns
 * into its priority; on a terminal it does not. A line leaves in one write, so lines never mix.
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

#define log_error_errno(error, ...) log_full_errno(LOG_ERR, (error), __VA_ARGS__)
#define log_error(...)              ((void) log_full_errno(LOG_ERR, 0, __VA_ARGS__))
#define log_warning(...)            ((void) log_full_errno(LOG_WARNING, 0, __VA_ARGS__))
#define log_notice(...)             ((void) log_full_errno(LOG_NOTICE, 0, __VA_ARGS__))
#define log_info(...)               ((void) log_full_errno(LOG_INFO, 0, __VA_ARGS__))
#define log_debug(...)              ((void) log_full_errno(LOG_DEBUG, 0, __VA_ARGS__))

/* Copy @text into @buffer with control characters, what changes the direction of writing, and bytes that
 * are not UTF-8 as \xNN, cut to fit with "..." at the end. Return: @buffer. */
char *log_escape(const char *text, size_t n_text, char *buffer, size_t size);
