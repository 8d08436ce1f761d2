#pragma once

/* What is known of the account so far: shared by the parts of the conversation. */

#include "ctl/setup-config.h"
#include "ctl/setup-find.h"
#include "ctl/setup-options.h"
#include "ctl/setup-probe.h"
#include "ctl/text.h"

#define PASSWORD_MAX 1024

/* How a step ended, beside 0 and a negative errno: everything was said. */
enum { SETUP_SAID = 1 };

typedef struct Setup {
        SetupOptions options;
        Screen screen;
        bool asks;    /* there is a person */
        bool is_mute; /* only the outcome is printed */

        FileBefore before;
        Config *config; /* owned: what is there; NULL: nothing */
        char *address, *domain, *name, *user, *maildir, *command; /* owned */
        char *folder;                                             /* owned: of the configuration */
        FoundServer server;
        SetupAccount account; /* borrows from the fields above */
        char *password; /* PASSWORD_MAX bytes that are not swapped; wiped; NULL: none was asked */
        ProbeReply reply;
        const char *unit; /* what became of the daemon, in a word */
} Setup;

/* One line for the user, unless only the outcome is wanted; wrapped to the screen, foreign text escaped. */
void say(const Setup *setup, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* @flag says how to do without the question. Else as ask_line(). */
int setup_ask(const Setup *setup, const char *question, const char *preset, const char *flag,
              char **ret_answer);

/* setup-answers.c: address, name, user, Maildir, and where the password is kept. */
int setup_take_address(Setup *setup);
int setup_take_name(Setup *setup);
int setup_take_user(Setup *setup);
int setup_take_maildir(Setup *setup);
int setup_take_secret(Setup *setup);

/* setup-server.c: looked for, or asked for. */
int setup_take_server(Setup *setup);

/* setup-outcome.c: the daemon takes the account up; the outcome as JSON. Return: 0, SETUP_SAID, or a negative
 * errno. */
int setup_take_up(Setup *setup);
int setup_print_json(const Setup *setup);

/* setup-login.c: until the login works, or it is no use. */
int setup_login(Setup *setup);
