#pragma once

/* The flags of imapsyncctl setup. */

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"
#include "config/config.h"
#include "ctl/setup-secret.h"

typedef struct SetupOptions {
        /* Borrowed from argv; NULL: not given. */
        const char *address, *name, *host, *user, *maildir, *ca_file, *tls_pin;
        const char *password_command, *token_command;
        char *config_path; /* owned */
        char *proxy_url;   /* owned, wiped; NULL: not given */
        Proxy *proxy;      /* owned: what that means */
        uint16_t port;     /* 0: not given */
        TlsMode tls;
        bool has_tls;
        SecretKind secret; /* SECRET_UNSAID: not given */
        bool password_stdin, yes, no_enable, json;
} SetupOptions;

#define SETUP_OPTIONS_NULL ((SetupOptions){0})

void setup_options_done(SetupOptions *options);

/* Return: 0; 1 if all is said with the usage; -EINVAL after a sentence on stderr. */
int setup_options_parse(int argc, char **argv, SetupOptions *options);

/* The text of --help, which completions are made from. */
extern const char setup_usage[];
