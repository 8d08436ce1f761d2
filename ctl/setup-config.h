#pragma once

/*
 * The section of an account, and the configuration with it
 */

#include "config/config.h"
#include "ctl/setup-file.h"
#include "ctl/setup-secret.h"

/* All borrowed. */
typedef struct SetupAccount {
        const char *name, *address, *host, *user, *maildir;
        const char *ca_file, *tls_pin; /* NULL: none */
        const char *proxy;             /* NULL: none */
        uint16_t port;
        TlsMode tls;
        SecretPlace secret;
} SetupAccount;

/* The section that is written. Return: 0, or -ENOMEM. */
int setup_section(const SetupAccount *account, Buffer *out);

/* The same for people, who see no password of the proxy. */
int setup_section_to_show(const SetupAccount *account, Buffer *out);

/* The same for a try, before a password is kept: it comes from @password_path. */
int setup_section_for_try(const SetupAccount *account, const char *password_path, Buffer *out);

/* What is there with the section behind it, or a whole new file; checked as the daemon will check it.
 * Return: 0; -EINVAL after sentences on stderr; or -ENOMEM. */
int setup_configuration(const FileBefore *before, ByteView section, Buffer *out);

/* What is there, checked. *ret_config is NULL if there is no file. The same returns. */
int setup_load(const FileBefore *before, Config **ret_config);
