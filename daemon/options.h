#pragma once

/* The command line of imapsyncd, with the defaults of XDG and systemd filled in. */

#include <stdbool.h>

typedef struct Options {
        char *config_path, *state_dir, *socket_path; /* owned; socket_path NULL: no place for one */
        char **accounts;         /* borrowed from argv, NULL-terminated; with complete: words */
        const char *find_server; /* borrowed from argv; NULL: not asked for */
        unsigned verbose;
        bool once, dry_run, check, complete, probe, help, version;
} Options;

void options_done(Options *options);

/* What is wrong is said on stderr. Return: 0, -EINVAL for wrong usage, or -ENOMEM. */
int options_parse(int argc, char **argv, Options *ret_options);

/* The text of --help. */
extern const char options_usage[];
