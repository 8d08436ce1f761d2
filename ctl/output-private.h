#pragma once

/* What the files of ctl/output.h share. */

#include "ctl/output.h"
#include "ctl/table.h"

/* "s" but for one. */
const char *plural(uint64_t n);

/* Below a row: "3 changes pending, 25 deletions held back (imapsyncctl held)"; nothing for nothing. */
int add_counts_note(Table *table, const Row *row);
int add_sentence_note(Table *table, Style style, const char *sentence);
/* What each table of accounts begins with: name and state; and ends with: how it waits, and what is to be said
 * of it below. */
int add_account_name(Table *table, const Row *account);
int add_account_end(Table *table, const Row *account);
int add_ago(Table *table, const Screen *screen, uint64_t usec);

/* On the mains there is nothing to say. */
bool is_policy_worth_telling(const Row *account);

/* The file has changed and is wrong: what it says is not what rules. */
int append_config_error(const Rows *accounts, const Screen *screen, Buffer *buffer);
