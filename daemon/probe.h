#pragma once

/*
 * imapsyncd --probe: try a login, and tell what the server can do and what is there
 *
 * For imapsyncctl setup, which has no IMAP of its own. The configuration comes on standard input; only the
 * remote side of its first account is looked at, and nothing is changed anywhere. Lines on standard output,
 * fields separated by tabs, foreign text made harmless:
 *
 *      server    WAITS ENCRYPTED CHANGES SIZES NAME WHY
 *      mailbox   MESSAGES SIZE NOTE NAME       SIZE "-": the server does not tell
 *      done
 *
 * WAITS is "notify", "idle" or "poll", CHANGES "qresync", "condstore" or "none", ENCRYPTED and SIZES are 0
 * or 1, WHY says why the server is not waited for by something better. NOTE says why the mailbox would be
 * left out. Instead of these, or in between:
 *
 *      refused   DENIED SENTENCE               DENIED 1: it was the user name or the password
 *      lost      SENTENCE
 *
 * Cost: one round trip for all mailboxes with LIST-STATUS, one more without.
 */

/* Return: the exit status: 0 done, 1 refused or lost, 2 what came on standard input is no configuration. */
int probe_run(void);
