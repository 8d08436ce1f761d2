#pragma once

/*
 * Which daemon is meant: one for all accounts listens on "control", one for a single account
 * (imapsyncd@ACCOUNT.service) on "control@ACCOUNT"
 */

#include "base/macro.h"

/* Sockets that a daemon may listen on, alive or not; owned. "control" is always one of them: the first if no
 * account was named, else the last, behind that of the account. */
typedef struct Sockets {
        char **paths;
        size_t n_paths;
} Sockets;

#define SOCKETS_NULL ((Sockets){0})

/* @account: those that may have it; NULL: all there are. Return: 0, -ENOENT without $XDG_RUNTIME_DIR, -ENOMEM. */
int sockets_find(const char *account, Sockets *ret_sockets);
void sockets_done(Sockets *sockets);
