#pragma once

/*
 * A password, from wherever the configuration says: the file itself, another file, a credential of
 * systemd, or a command; or an access token, from a command
 *
 * A command runs beside the loop and is killed, with all it has started in its process group, when it
 * takes too long. What comes out has one owner, the Secret: memory that is kept out of swap and core
 * dumps as far as the system allows, and wiped by secret_free().
 */

#include <systemd/sd-event.h>

#include "base/macro.h"
#include "config/config.h"

typedef struct Secret Secret;

#define SECRET_TIMEOUT_USEC ((uint64_t) 60 * 1000000)

/* @secret: borrowed, lives as long as the Secret; NULL if there is none, and then @why is a sentence
 * about that without a full stop, fit for the log. The Secret may be freed in the callback. */
typedef void (*SecretFn)(const char *secret, const char *why, void *userdata);

/**
 * secret_get() - begin to fetch a password
 * @source: borrowed for this call; one of its members is set
 * @timeout_usec: how long a command may take
 * @on_secret: called once, from the loop, never from inside this function
 *
 * Return: 0, or a negative errno of this machine (-ENOMEM, -EMFILE); a password that cannot be had is
 *         told to @on_secret.
 */
int secret_get(sd_event *event, const SecretSource *source, uint64_t timeout_usec,
               SecretFn on_secret, void *userdata, Secret **ret_secret);

/* In the callback and after it, of a token: for how long it is good from then on, as the second line of its
 * command says; 0: it does not. */
uint64_t secret_lifetime(const Secret *secret);

/* Wipes the password. Before the callback: cancels, kills the command, and there will be no callback. */
Secret *secret_free(Secret *secret);

DEFINE_CLEANUP(Secret *, secret_free)
