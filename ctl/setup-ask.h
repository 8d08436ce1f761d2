#pragma once

/*
 * Questions on a terminal, an answer a line
 *
 * Nothing is buffered between questions. An interrupt ends the question, and the terminal shows again what
 * is typed.
 *
 * Return: 0; -EINTR when the user has interrupted it; -ENODATA at the end of the input; or another
 *         negative errno.
 */

#include <stdbool.h>
#include <stddef.h>

/* Are there a keyboard and a screen? */
bool ask_is_possible(void);

/* Ctrl-C ends a question, or the helper that runs, instead of the program: what is being written is not cut. */
void ask_begin(void);

/* While something is waited for, and nothing is being written, it ends the program. */
void ask_pause(bool is_paused);

/* "QUESTION [PRESET]: "; an empty answer is the preset (NULL: it is asked again). Owned by the caller. */
int ask_line(const char *question, const char *preset, char **ret_answer);

/* Nothing of it is shown. Into @buffer, which the caller wipes; -E2BIG: it does not fit. */
int ask_secret(const char *question, char *buffer, size_t size);

/* "QUESTION [Y/n] ". Return: 1 yes, 0 no, or as above. */
int ask_yes(const char *question, bool preset);

/* The first line of standard input, terminal or not, into @buffer. */
int ask_read_line(char *buffer, size_t size);
