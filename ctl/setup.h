#pragma once

/*
 * imapsyncctl setup: from an address to an account that is in sync
 *
 *      setup-options   the flags; each stands for an answer
 *      setup-ask       questions on the terminal, for what no flag says
 *      setup-find      the server: setup-provider (a table), setup-dns (SRV and MX), else a question
 *      setup-secret    where the password is kept
 *      setup-probe     imapsyncd tries the login
 *      setup-show      what that means, in words
 *      setup-config    the section, and the file
 *      setup-unit      the daemon is started, or reads its configuration again
 *
 * Nothing is written before the login has worked, and nothing that exists is overwritten: not the file, not
 * an account in it, not a password that is kept already.
 */

#include "ctl/text.h"

/* Return: the exit status. @argv[0] is the verb; @screen: what standard output is. */
int setup_run(int argc, char **argv, const Screen *screen);
