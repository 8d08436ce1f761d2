#pragma once

/*
 * One inotify instance for all trees that a process watches
 *
 * A user of the machine has but 128 of them by default, for all programs. So each tree is a user of the one hub of
 * its event loop: what the kernel tells goes to whom the watch belongs to. Whoever collects events
 * says when they are due; until then the kernel keeps what comes, and is asked for it each 50 ms.
 *
 * The kernel has one watch for an inode and instance, so a directory belongs to one user.
 */

#include <sys/inotify.h>
#include <systemd/sd-event.h>

#include "watch-table.h"

typedef struct WatchHub WatchHub;

typedef struct WatchUserOps {
        void (*on_event)(void *userdata, WatchEntry *entry, const struct inotify_event *event);
        void (*on_overflow)(void *userdata); /* the kernel lost events, of whom is not known */
        void (*on_failed)(void *userdata, int error);
        /* Tell what is due. Sets the user's due time before that, for it may leave then. */
        void (*on_due)(void *userdata, uint64_t now);
} WatchUserOps;

typedef struct WatchUser {
        const WatchUserOps *ops;
        void *userdata;
        uint64_t due;  /* CLOCK_MONOTONIC; UINT64_MAX: nothing is collected */
        bool has_news; /* since its last turn: it has one soon, due or not */
        WatchHub *hub; /* NULL: it has left */
        struct WatchUser *next;
} WatchUser;

/* Return: 0, -EMFILE (there are too many instances), or another negative errno. */
int watch_hub_join(sd_event *event, WatchUser *user);
/* Its watches go; no-op if it has left. */
void watch_hub_leave(WatchUser *user);

/**
 * watch_hub_add() - watch what @path leads to
 * @entry: what it is to its user; wd and user are filled in
 * @ret_before: what its user had it for before: WATCH_DEAD for nothing
 *
 * Return: the watch descriptor; -EEXIST when another user has that directory; or another negative errno.
 */
int watch_hub_add(WatchUser *user, const char *path, uint32_t mask, WatchEntry entry,
                  WatchEntry *ret_before);
void watch_hub_remove(WatchUser *user, int wd);

WatchTable *watch_hub_table(const WatchUser *user);

/* Take what the kernel has; and then wait for whatever is due by now. */
void watch_hub_read(WatchUser *user);
void watch_hub_wait(WatchUser *user, uint64_t now);
