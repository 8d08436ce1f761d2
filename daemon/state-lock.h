#pragma once

/*
 * The state directory, and the locks that make this process the only writer of what it runs
 *
 * "lock" is held by a process that runs all accounts for itself, and shared by those that run some, each of
 * which holds "ACCOUNT.lock" of those. So several processes may run, an account each, but no account twice.
 */

#include "base/macro.h"

typedef struct StateLock {
        int *fds; /* owned */
        size_t n_fds;
} StateLock;

#define STATE_LOCK_NULL ((StateLock){0})

/**
 * state_lock() - make the directory (0700) and its parents if missing, and lock it
 * @accounts: names, NULL-terminated; empty: all there are, now and later
 * @ret_lock: to be kept as long as the state is used
 *
 * What is wrong is logged: above all which process holds a lock. Return: 0, -EBUSY, or a negative
 * errno of the file system.
 */
int state_lock(const char *directory, char *const *accounts, StateLock *ret_lock);

void state_lock_release(StateLock *lock);
