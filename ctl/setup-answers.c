/* imapsyncctl setup: what must be known before a login can be tried. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "config/config-value.h"
#include "ctl/client.h"
#include "ctl/setup-ask.h"
#include "ctl/setup-private.h"

#define NAME_MAX_CONFIG 64

int setup_ask(const Setup *setup, const char *question, const char *preset, const char *flag,
              char **ret_answer) {
        if (setup->asks)
                return ask_line(question, preset, ret_answer);
        if (!preset) {
                complain("There is no terminal to ask on: say %s.", flag);
                return SETUP_SAID;
        }
        *ret_answer = strdup(preset);
        return *ret_answer ? 0 : -ENOMEM;
}

static int take_string(const char *value, char **string) {
        free(*string);
        *string = strdup(value);
        return *string ? 0 : -ENOMEM;
}

/* "me@example.org": a person's name around it is no part of it. */
static bool is_address(const char *text) {
        const char *at = strrchr(text, '@'), *dot = at ? strchr(at, '.') : NULL;

        if (!at || at == text || !at[1] || !dot || dot == at + 1 || !dot[1] ||
            at[strlen(at) - 1] == '.')
                return false;
        for (const char *c = text; *c; c++)
                if ((unsigned char) *c <= ' ' || *c == 0x7F || strchr("<>()\",;\\", *c))
                        return false;
        return strlen(at + 1) < 254 && !strstr(at, "..") &&
               strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
                       strlen(at + 1);
}

int setup_take_address(Setup *setup) {
        const char *given = setup->options.address;
        int r = 0;

        for (;;) {
                if (given)
                        r = take_string(given, &setup->address);
                else
                        r = setup_ask(setup, "Mail address", NULL, "--address", &setup->address);
                if (r != 0)
                        return r;
                if (is_address(setup->address))
                        return take_string(strrchr(setup->address, '@') + 1, &setup->domain);
                complain("“%s” is no mail address: one looks like me@example.org.", setup->address);
                if (!setup->asks)
                        return SETUP_SAID;
                given = NULL;
                free(TAKE_PTR(setup->address));
        }
}

/* --- the name --- */

/* The provider's, else the first label of the domain. */
static void derive_name(const Setup *setup, char *buffer, size_t size) {
        const Provider *provider = provider_of_domain(setup->domain);
        const char *from = provider ? provider->account : setup->domain;
        size_t n = 0;

        while (from[n] && from[n] != '.' && n + 1 < size && n < 40) {
                buffer[n] = (char) tolower((unsigned char) from[n]);
                n++;
        }
        buffer[n] = '\0';
}

static bool is_taken(const Setup *setup, const char *name) {
        return setup->config && config_find(setup->config, name);
}

/* Return: whether it can be the name of a new account; a sentence says why not. */
static bool judge_name(const Setup *setup, const char *name) {
        if (!value_is_name(name, NAME_MAX_CONFIG)) {
                complain("“%s” cannot be the name of an account: letters, digits, “-”, “_” and “.” "
                         "can be in it.",
                         name);
                return false;
        }
        if (is_taken(setup, name)) {
                complain("%s has an account “%s” already, which is left as it is: give the new one "
                         "another name (--name).",
                         setup->options.config_path, name);
                return false;
        }
        return true;
}

int setup_take_name(Setup *setup) {
        const char *given = setup->options.name;
        char preset[NAME_MAX_CONFIG];
        int r;

        derive_name(setup, preset, sizeof(preset));
        for (;;) {
                if (given)
                        r = take_string(given, &setup->name);
                else
                        r = setup_ask(setup, "Name of the account",
                                      setup->asks && is_taken(setup, preset) ? NULL : preset,
                                      "--name", &setup->name);
                if (r != 0)
                        return r;
                if (judge_name(setup, setup->name))
                        return 0;
                if (!setup->asks)
                        return SETUP_SAID;
                given = NULL;
                free(TAKE_PTR(setup->name));
        }
}

/* --- user and Maildir --- */

int setup_take_user(Setup *setup) {
        _cleanup_free_ char *preset = strdup(setup->address);

        if (!preset)
                return -ENOMEM;
        if (setup->server.user_is_local_part)
                *strrchr(preset, '@') = '\0';
        if (setup->options.user)
                return take_string(setup->options.user, &setup->user);
        return setup_ask(setup, "User name", preset, "--user", &setup->user);
}

static bool has_mail(const char *path) {
        const char *home = getenv("HOME");
        _cleanup_free_ char *whole = NULL;

        if (strncmp(path, "~/", 2) == 0 && home && asprintf(&whole, "%s%s", home, path + 1) < 0)
                whole = NULL;
        return access(whole ? whole : path, F_OK) == 0;
}

int setup_take_maildir(Setup *setup) {
        _cleanup_free_ char *preset = NULL;
        int r;

        if (asprintf(&preset, "~/Mail/%s", setup->name) < 0)
                return -ENOMEM;
        if (setup->options.maildir)
                r = take_string(setup->options.maildir, &setup->maildir);
        else
                r = setup_ask(setup, "Maildir, where the mail will be", preset, "--maildir",
                              &setup->maildir);
        if (r == 0 && has_mail(setup->maildir))
                say(setup,
                    "%s is there already: what both sides hold is paired and not copied again.",
                    setup->maildir);
        return r;
}

/* --- where the password is kept --- */

/* Return: how many of the choices there are; they are shown. */
static unsigned show_kinds(const Setup *setup, SecretKind *kinds) {
        unsigned n = 0;

        say(setup, "Where is the password to be kept?");
        for (int kind = SECRET_COMMAND + 1; kind <= _SECRET_KIND_MAX; kind++) {
                const SecretKind one = kind < _SECRET_KIND_MAX ? (SecretKind) kind : SECRET_COMMAND;

                if (!secret_kind_is_possible(one))
                        continue;
                kinds[n++] = one;
                say(setup, "  %u  %s", n, secret_kind_sentence(one));
        }
        return n;
}

static int ask_kind(Setup *setup, SecretKind *ret_kind) {
        SecretKind kinds[_SECRET_KIND_MAX];
        const unsigned n = show_kinds(setup, kinds);

        for (;;) {
                _cleanup_free_ char *answer = NULL;
                uint64_t choice;
                int r = ask_line("Number", "1", &answer);

                if (r < 0)
                        return r;
                if (value_parse_unsigned(answer, 1, n, &choice) == 0) {
                        *ret_kind = kinds[choice - 1];
                        return 0;
                }
        }
}

int setup_take_secret(Setup *setup) {
        SecretPlace *place = &setup->account.secret;
        int r = 0;

        *place = (SecretPlace){
                .kind = setup->options.password_command ? SECRET_COMMAND : setup->options.secret,
                .account = setup->name,
                .folder = setup->folder,
                .command = setup->options.password_command,
        };
        if (place->kind == SECRET_UNSAID && !setup->asks) {
                complain("Where is the password to be kept? Say --secret or --password-command.");
                return SETUP_SAID;
        }
        if (place->kind == SECRET_UNSAID)
                r = ask_kind(setup, &place->kind);
        if (r == 0 && !secret_kind_is_possible(place->kind)) {
                complain("--secret %s: it is not on this machine, or not set up.",
                         secret_kind_word(place->kind));
                return SETUP_SAID;
        }
        if (r == 0 && place->kind == SECRET_COMMAND && !place->command) {
                r = ask_line("Command that prints the password", NULL, &setup->command);
                place->command = setup->command;
        }
        return r;
}
