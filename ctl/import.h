#pragma once

/* "imapsyncctl import": take over what another program has synchronised. No daemon is needed for it. */

#include <stdbool.h>

typedef struct ImportOptions {
        const char *program;   /* mbsync, offlineimap or interimap */
        const char *from;      /* its configuration; NULL: where it is by default */
        const char *config;    /* ours, to be written; NULL: where imapsyncd looks */
        const char *state_dir; /* NULL: the same */
        bool dry_run;          /* the report alone */
} ImportOptions;

/* @json: what ctl/import-json.h makes of it, instead of a report for a person. Return: the exit status, after
 * that, or lines on stderr. */
int ctl_import(const ImportOptions *options, bool json);
