#pragma once

/*
 * The configuration of mbsync, as lines of words (pure)
 *
 * A line is a key and its values. A word may be quoted, a backslash takes the next character as it is, a
 * "#" where a word would begin starts a comment. A line with nothing on it ends a section; the first line of
 * a section says what it is.
 */

#include "base/bytes.h"

#define MBSYNC_MAX_LINES 20000u
#define MBSYNC_MAX_WORDS 1000u

typedef struct MbsyncLine {
        unsigned line;    /* in the file, from 1 */
        unsigned section; /* counted from 0 */
        char **words;     /* owned; the key first, so there is at least one */
        size_t n_words;
} MbsyncLine;

typedef struct MbsyncConfig {
        MbsyncLine *lines; /* owned */
        size_t n_lines;
        unsigned bad_line; /* where it could not be read */
} MbsyncConfig;

#define MBSYNC_CONFIG_NULL ((MbsyncConfig){0})

/* Return: 0, -ENOMEM, -EBADMSG for a quote or a backslash that nothing follows or a control character, or
 * -E2BIG. */
int mbsync_config_parse(ByteView text, MbsyncConfig *ret_config);
void mbsync_config_done(MbsyncConfig *config);

/* The next line of a section with that key (in any case) behind @after (NULL: the first), or NULL. Its head
 * is not looked at. */
const MbsyncLine *mbsync_config_find(const MbsyncConfig *config, const MbsyncLine *head,
                                     const char *key, const MbsyncLine *after);

/* The section of that kind and name, by its head; or NULL. @name NULL: the next one behind @after. */
const MbsyncLine *mbsync_config_section(const MbsyncConfig *config, const char *kind,
                                        const char *name, const MbsyncLine *after);

/* Is it a key of this name, in any case? */
bool mbsync_line_is(const MbsyncLine *line, const char *key);
