#pragma once

/*
 * A configuration in sections, as OfflineIMAP and InterIMAP have it (pure)
 *
 * "[section]", "key = value" or "key: value", "#" or ";" at the start of a line for a comment, and an indented
 * line that goes on with the value before it.
 */

#include "base/bytes.h"

#define INI_MAX_ENTRIES 20000u

typedef struct IniEntry {
        char *section; /* owned; "" before the first one */
        char *key;     /* owned; in small letters */
        char *value;   /* owned; lines are joined by a line feed */
        unsigned line;
} IniEntry;

typedef struct IniFile {
        IniEntry *entries; /* owned, in the order of the file */
        size_t n_entries;
        unsigned bad_line; /* which could not be read */
} IniFile;

#define INI_FILE_NULL ((IniFile){0})

/* Return: 0, -ENOMEM, -EBADMSG for a line that is none of this, or -E2BIG. */
int ini_file_parse(ByteView text, IniFile *ret_file);
void ini_file_done(IniFile *file);

/* The last value counts. NULL: there is none. */
const IniEntry *ini_file_find(const IniFile *file, const char *section, const char *key);
const char *ini_file_get(const IniFile *file, const char *section, const char *key);
