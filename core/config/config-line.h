#pragma once

/*
 * Lines of the configuration: where a comment begins, what quotes mean
 *
 * Pure functions. A "#" or ";" begins a comment at the start of a line and after a blank, so a password
 * or a command may hold one elsewhere. A value that begins with a double quote ends with one, and
 * between them nothing is special but \" and \\.
 */

#include "base/bytes.h"

typedef enum ConfigLineError {
        _CONFIG_LINE_E_SUCCESS,
        CONFIG_LINE_E_CONTROL, /* a control character other than tab */
        CONFIG_LINE_E_UTF8,
        CONFIG_LINE_E_QUOTE, /* a quoted value does not end, or goes on behind its end */
        CONFIG_LINE_E_HEAD,  /* the head of a section does not end, or goes on behind its end */
} ConfigLineError;

/* What is wrong, as a sentence without its full stop. */
const char *config_line_error(ConfigLineError error);

/* Take the next line off @text. Line ends LF and CRLF are not part of it. Return: false at the end. */
bool config_line_take(ByteView *text, ByteView *ret_line);

/* Return: 0 or CONFIG_LINE_E_*, for a line as it stands in the file. */
int config_line_check(ByteView line);

/* The line without its comment and the blanks around that; indentation stays. @continues: the line
 * is all value, so there is no key to skip. */
ByteView config_line_strip(ByteView line, bool continues);

/* Is there white space in front? */
bool config_line_is_indented(ByteView line);

/**
 * config_value_unquote() - undo the quotes in place, if there are any
 * @value: a value as config_line_strip() leaves it; never gets longer
 *
 * Return: 0 or CONFIG_LINE_E_QUOTE.
 */
int config_value_unquote(char *value);

/**
 * config_head_split() - take the head of a section apart, in place
 * @head:     a stripped line that begins with "["
 * @ret_word: the first word, "account" of "[account work]"; points into @head
 * @ret_name: what follows it, "work"; "" if nothing does
 *
 * Return: 0 or CONFIG_LINE_E_HEAD.
 */
int config_head_split(char *head, char **ret_word, char **ret_name);
