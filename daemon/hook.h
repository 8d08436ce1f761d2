#pragma once

/*
 * The hooks of an account: commands of the user that are told of what the server has changed here
 *
 * Changes are gathered until it is quiet (change_batch_due()); then on-change is run, and on-new if there is
 * new mail: one at a time, and what happens meanwhile is for the next time. A hook that failed is told of the
 * same again with the next change, or by hooks_retry().
 */

#include <systemd/sd-event.h>

#include "base/macro.h"
#include "config/config.h"
#include "sync/change-batch.h"

typedef struct Hooks Hooks;

typedef struct HooksOptions {
        bool is_manual; /* run only by hooks_run() */
        /* Nothing runs and nothing is due any more. From the loop. */
        void (*on_idle)(void *userdata);
        void *userdata;
} HooksOptions;

/* Does the account have any? */
bool hooks_are_wanted(const AccountConfig *config);

/* @config is borrowed. Return: 0, or -ENOMEM. */
int hooks_new(sd_event *event, const AccountConfig *config, const HooksOptions *options,
              Hooks **ret_hooks);
/* What runs is killed. */
Hooks *hooks_free(Hooks *hooks);

/* As change_batch_add(), if the mailbox is one that is to be told of. */
void hooks_tell(Hooks *hooks, ChangeKind kind, uint64_t n, const char *mailbox, const char *path);

/* Now, whatever has been gathered. */
void hooks_run(Hooks *hooks);
/* Soon, those that have failed: a person wants it. */
void hooks_retry(Hooks *hooks);
/* End what runs, begin nothing; on_idle() is called if it was not idle. */
void hooks_stop(Hooks *hooks);
bool hooks_are_idle(const Hooks *hooks);

/* What is wrong with them: a sentence, of the last run that failed, until it succeeds; "". */
const char *hooks_warning(const Hooks *hooks);

/* How much have they not been told, or not with success? */
void hooks_untold(const Hooks *hooks, uint64_t counts[_CHANGE_MAX]);

DEFINE_CLEANUP(Hooks *, hooks_free)
