#pragma once

/*
 * Watching a Maildir tree: inotify to "this mailbox changed, look at these names"
 *
 * One inotify instance for all trees of a loop. Events are collected: they are told when none came for 50 ms, at
 * the latest 300 ms after the first; for changes of the tree itself, which cost a walk, 200 ms and
 * 2 s. While events are collected the kernel keeps them, so a burst costs a wake-up each
 * 50 ms; when nothing happens there is none, and no timer.
 *
 * What we do ourselves is told like what others do. Names are hints where to look, not facts: a
 * message that is MAILDIR_GONE may have come back under another name of the same base.
 */

#include <systemd/sd-event.h>

#include "base/bytes.h"
#include "base/macro.h"
#include "store/maildir.h"

typedef struct MaildirWatch MaildirWatch;

typedef enum MaildirNews {
        /* Files came or went in new/ or cur/ of one mailbox. */
        MAILDIR_NEWS_FILES,
        /* Directories were made, renamed or removed: list the tree. */
        MAILDIR_NEWS_TREE,
        /* The kernel lost events: list the tree and look at each mailbox (its token says whether). */
        MAILDIR_NEWS_OVERFLOW,
        /* new/ or cur/ of one mailbox went away and the mailbox is watched no longer: open it again
         * and add it, if it is still there. */
        MAILDIR_NEWS_LOST,
        /* The tree is watched no longer, see @error: free the watch and poll. The last news. */
        MAILDIR_NEWS_BROKEN,
} MaildirNews;

typedef struct MaildirChange {
        MaildirNews news;
        const char *mailbox; /* borrowed; NULL but for FILES and LOST */
        int error;           /* BROKEN: negative errno */
        bool more;           /* FILES: the names are not all, the mailbox must be scanned */
        ByteView names;      /* taken by maildir_change_next() */
} MaildirChange;

typedef enum MaildirFate {
        MAILDIR_CAME, /* made, moved in or written to: the file was last seen under this name */
        MAILDIR_GONE, /* moved out or deleted, and nothing came with the same base */
} MaildirFate;

/* The next name; once for each base, with the latest name. At most 64. @ret_name lives as long as the
 * callback runs. Return: 1, or 0 when there is no more. */
int maildir_change_next(MaildirChange *change, MaildirFate *ret_fate, MaildirSub *ret_sub,
                        const char **ret_name);

/* From the loop. May add and remove mailboxes, but free the watch only when it is BROKEN. */
typedef void (*MaildirWatchFn)(MaildirChange *change, void *userdata);

/**
 * maildir_watch_new() - watch the directories of a tree
 * @root: borrowed for the life of the watch
 *
 * Return: 0; -EMFILE when the user has too many inotify instances, -ENOSPC when there are too many
 *         watches, -EEXIST when a directory belongs to another watch (maildir_watch_explain() says so), or
 *         another negative errno.
 */
int maildir_watch_new(sd_event *event, MaildirRoot *root, MaildirWatchFn on_change, void *userdata,
                      MaildirWatch **ret_watch);
MaildirWatch *maildir_watch_free(MaildirWatch *watch);

/*
 * Of mailboxes that are added from now on, tell which names come and go, but not that a file is filled that is there
 * already. Then the kernel need not go through all the files of a folder that it has in memory, when its watch begins
 * and when it ends: 0.3 us each, 33 ms for 100000. For who ends soon, and looks at all that it reads.
 */
void maildir_watch_names_only(MaildirWatch *watch);

/* Watch new/ and cur/; the Maildir may be closed after. Adding a mailbox again watches the Maildir
 * given now. Scan after adding: what came before is not told. Return: as above; the mailbox is not
 * watched then. */
int maildir_watch_add(MaildirWatch *watch, const char *mailbox, const Maildir *maildir);

/* No more news of it, not even those that are collected. No-op if it is not watched. */
void maildir_watch_remove(MaildirWatch *watch, const char *mailbox);

/* Tell now what files came or went until now, without waiting for a quiet moment. Not from the
 * callback. */
void maildir_watch_flush(MaildirWatch *watch);

/* The number of kernel watches in use, for status. */
size_t maildir_watch_count(const MaildirWatch *watch);

/* What an error of maildir_watch_new() or _add(), or of BROKEN, means and what the user can do, as the
 * end of a sentence; static. NULL when strerror() says it as well. */
const char *maildir_watch_explain(int error);

DEFINE_CLEANUP(MaildirWatch *, maildir_watch_free)
