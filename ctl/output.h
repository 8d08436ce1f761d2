#pragma once

/*
 * What the daemon answers, for people: tables, blocks and lines
 *
 * Each appends whole lines to @buffer and returns 0, -ENOMEM, or a negative errno from sd-bus where
 * it reads the message.
 */

#include <systemd/sd-bus.h>

#include "ctl/row.h"
#include "ctl/text.h"

/* How they are in a sentence, then a row an account, with what is wrong first and each account's sentence on its
 * own line. */
int output_accounts(sd_bus_message *reply, const Screen *screen, Buffer *buffer);

/* The parts of it. */
void sort_accounts(Rows *accounts);
int output_headline(const Rows *accounts, const Screen *screen, Buffer *buffer); /* sorted ones */
int output_account_table(const Rows *accounts, const Screen *screen, Buffer *buffer);
/* 0: nothing about it is of concern. */
unsigned account_rank(const Row *account);
Style account_style(const Row *account);

/* All about one account, a line each. */
int output_account(sd_bus_message *reply, const Screen *screen, Buffer *buffer);

/* What they may cost, a line each. */
int output_policy(sd_bus_message *reply, const Screen *screen, Buffer *buffer);
/* Only which rows hold, and why. */
int output_policy_line(const Row *row, const char *key, const char *why, Buffer *buffer);

int output_mailboxes(sd_bus_message *reply, const Screen *screen, Buffer *buffer);
int output_held(sd_bus_message *reply, const Screen *screen, Buffer *buffer);

/* One line each. */
int output_event(const Row *event, const Screen *screen, Buffer *buffer);
int output_difference(const Row *difference, const Screen *screen, Buffer *buffer);
