#pragma once

/*
 * Values of the configuration: text to numbers, times and words, and back where a message needs it
 *
 * Pure functions. Parsers return 0, or -EINVAL for text that is not such a value; what was expected
 * is for the caller to say, who knows the limits. @ret is written on success only.
 */

#include "base/bytes.h"

#define USEC_PER_MSEC ((uint64_t) 1000)
#define USEC_PER_SEC  (1000 * USEC_PER_MSEC)
#define USEC_PER_MIN  (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MIN)
#define USEC_PER_DAY  (24 * USEC_PER_HOUR)

/* yes, true, on, 1; no, false, off, 0; in any case. */
int value_parse_bool(const char *text, bool *ret);

int value_parse_unsigned(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* "25%", the sign may be left out; 0 to 100. */
int value_parse_percent(const char *text, uint64_t *ret);

/* Time spans as systemd.time(7) writes them: "30s", "5min", "1h 30min"; a bare number is seconds.
 * Units: ms, s, sec, m, min, h, hr, d, w. */
int value_parse_duration(const char *text, uint64_t *ret_usec);

/* A time span of a day at least, or 0. */
int value_parse_age(const char *text, uint64_t *ret_sec);

/* The shortest form that parses to the same time, for whole milliseconds: "90s", "5min", "1d". */
#define VALUE_DURATION_MAX 24
char *value_format_duration(uint64_t usec, char buffer[static VALUE_DURATION_MAX]);

/* "WORD" or "WORD REST", blanks between them; the rest is "" if there is none. Return: 0, or -EINVAL if the word is
 * longer than any that means something. */
#define VALUE_WORD_MAX 24
int value_split_word(const char *text, char ret_word[static VALUE_WORD_MAX], const char **ret_rest);

/* "1M", "512k", "2G" (times 1024), or a bare number of bytes. */
int value_parse_size(const char *text, uint64_t *ret_bytes);

/* "500kB/s", "2M" (times 1000; "B" and "/s" may be left out), or a bare number of bytes: a second. */
#define VALUE_RATE_MIN ((uint64_t) 10 * 1000)
#define VALUE_RATE_MAX ((uint64_t) 10 * 1000 * 1000 * 1000)
int value_parse_rate(const char *text, uint64_t *ret_bytes);

/* The index of @text in @words (NULL-terminated), or -EINVAL. */
int value_parse_word(const char *text, const char *const *words);

/* The word that @text was probably meant to be, or NULL: at most a third of it differs. */
const char *value_nearest_word(const char *text, const char *const *words);

/* Letters, digits, "-", "_" and "."; "." not first; 1 to @max bytes. */
bool value_is_name(const char *text, size_t max);

/* A host name or an address; one of IPv6 may stand in brackets, as in a URL, and loses them. Return: 0,
 * -EINVAL for what is none (and where the port was written too), or -ENOMEM. */
int value_parse_host(const char *text, char **ret_host);

/* A name or address of this machine that no packet leaves: localhost, 127.0.0.0/8, ::1. */
bool value_is_loopback(const char *host);

/* "sha256:" and the 32 bytes in hexadecimal or base64. */
bool value_is_pin(const char *text);
