#pragma once

/*
 * A daemon that is nothing but its control socket: what the Manager would say is a table
 *
 *      account  Sync                                Verify
 *      work     three steps of progress, in sync    two differences
 *      home     a sentence, not in sync             agrees
 *      stuck    one step of progress, no end
 *      flood    20000 events at once, in sync       10000 differences at once
 *
 * Status of "probe" tells in "messages" whether anybody watches. The first who watches is told two
 * events.
 */

/* Run it in this process until SIGTERM or Stop. @ready_fd: a byte is written when it listens.
 * Return: the exit status. */
int fake_manager_run(const char *path, int ready_fd);
