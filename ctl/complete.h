#pragma once

/*
 * "imapsyncctl complete": for completions in shells, what may come next
 */

/* Print it for the @words (NULL-terminated), of which the last is being typed. @usage says what may stand where;
 * @socket, or what the words name, is the daemon that is asked, else all that can be found. Gives up after a
 * second. Return: the exit status. */
int complete_run(const char *usage, const char *socket, const char *const *words);
