#pragma once

/* The state directory, and the lock that makes this process its only writer. */

/**
 * state_lock() - make the directory (0700) and its parents if missing, and lock it
 * @ret_fd: to be kept open as long as the state is used
 *
 * What is wrong is logged: above all which process holds the lock. Return: 0, -EBUSY, or a negative
 * errno of the file system.
 */
int state_lock(const char *directory, int *ret_fd);
