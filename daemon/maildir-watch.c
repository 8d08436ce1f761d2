/*
 * Watching a Maildir tree.
 *
 * Three kernel watches for a mailbox: its directory (part of the tree, whether somebody wants the
 * mailbox or not), new/ and cur/. They are set on descriptors by way of /proc/self/fd: how these were
 * opened was checked by store/maildir, so no symbolic link leads out of the tree.
 *
 * One event source of our own for all of them, and for those of all other trees (watch-hub.h):
 * sd_event_add_inotify() would keep a source, an inode and a hash entry for each.
 */

#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>

#include "changed-names.h"
#include "maildir-watch.h"
#include "watch-hub.h"

#define FILES_QUIET_USEC  ((uint64_t) 50 * 1000)
#define FILES_LATEST_USEC ((uint64_t) 300 * 1000)
#define TREE_QUIET_USEC   ((uint64_t) 200 * 1000)
#define TREE_LATEST_USEC  ((uint64_t) 2000 * 1000)

#define TREE_MASK                                                                                  \
        (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |     \
         IN_ONLYDIR | IN_EXCL_UNLINK)

#define NAMES_MASK                                                                                 \
        (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_ONLYDIR |       \
         IN_EXCL_UNLINK)

/* Who copies a message into place makes the file first and fills it later. */
#define FILES_MASK (NAMES_MASK | IN_CLOSE_WRITE)

typedef struct Mailbox Mailbox;

struct Mailbox {
        char *name; /* owned */
        int wds[2]; /* by MaildirSub; -1 for none */
        bool pending;
        bool lost;
        ChangedNames names;
        Mailbox *next; /* pending; borrowed */
};

/* Collecting one kind of news: until they pause, but not for ever. Times are CLOCK_MONOTONIC. */
typedef struct Pause {
        bool came;            /* since the last look at the clock */
        uint64_t first, last; /* 0: nothing is collected */
} Pause;

struct MaildirWatch {
        MaildirRoot *root; /* borrowed */
        WatchUser user;    /* of the hub; has left it when broken */
        int root_wd;       /* of the tree's own directory */
        sd_event *event;   /* owned reference */
        MaildirWatchFn on_change;
        void *userdata;
        bool names_only;

        void *mailboxes; /* tsearch tree of Mailbox by name, owned */

        /* news that were not told yet */
        Mailbox *pending, **pending_end; /* in order of their first event; borrowed */
        bool overflow;
        int error; /* it is broken, or about to be */
        Pause files, tree;
};

/* Mailboxes */

static int compare_mailboxes(const void *a, const void *b) {
        return strcmp(((const Mailbox *) a)->name, ((const Mailbox *) b)->name);
}

static void mailbox_free(void *object) {
        Mailbox *mailbox = object;

        changed_names_done(&mailbox->names);
        free(mailbox->name);
        free(mailbox);
}

static Mailbox *find_mailbox(const MaildirWatch *watch, const char *name) {
        const Mailbox key = {.name = (char *) name};
        Mailbox **found = tfind(&key, &watch->mailboxes, compare_mailboxes);

        return found ? *found : NULL;
}

static void set_pending(MaildirWatch *watch, Mailbox *mailbox) {
        watch->files.came = true;
        if (mailbox->pending)
                return;

        mailbox->pending = true;
        *watch->pending_end = mailbox;
        watch->pending_end = &mailbox->next;
}

static void unset_pending(MaildirWatch *watch, Mailbox *mailbox) {
        Mailbox **link = &watch->pending;

        if (!mailbox->pending)
                return;

        while (*link != mailbox)
                link = &(*link)->next;
        *link = mailbox->next;
        if (watch->pending_end == &mailbox->next)
                watch->pending_end = link;
        mailbox->next = NULL;
        mailbox->pending = false;
}

/* No longer watched and no longer known; the owner of the memory is now the caller. */
static void detach_mailbox(MaildirWatch *watch, Mailbox *mailbox) {
        for (size_t i = 0; i < ARRAY_SIZE(mailbox->wds); i++)
                watch_hub_remove(&watch->user, mailbox->wds[i]);

        unset_pending(watch, mailbox);
        (void) tdelete(mailbox, &watch->mailboxes, compare_mailboxes);
}

/* Watches */

/* Watch what @fd is. The kernel knows one watch for each inode: a directory that was renamed keeps
 * its descriptor and gets a new meaning. Return: 0, or negative. */
static int watch_fd(MaildirWatch *watch, int fd, uint32_t mask, WatchEntry entry, int *ret_wd) {
        char path[sizeof("/proc/self/fd/") + 3 * sizeof(fd)];
        WatchEntry before;
        int wd;

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        wd = watch_hub_add(&watch->user, path, mask, entry, &before);
        if (wd < 0)
                return wd;
        if (before.kind == WATCH_FILES) {
                Mailbox *former = before.mailbox;

                if (former != entry.mailbox)
                        former->wds[before.sub] = -1;
        }

        *ret_wd = wd;
        return 0;
}

static int tree_on_directory(int fd, const char *mailbox, bool bad, void *userdata) {
        MaildirWatch *watch = userdata;
        int wd = -1, r;

        (void) mailbox, (void) bad;

        r = watch_fd(watch, fd, TREE_MASK, (WatchEntry){.kind = WATCH_TREE, .seen = true}, &wd);
        if (r < 0)
                return r;
        if (watch->root_wd < 0) /* the walk begins with it */
                watch->root_wd = wd;
        return 0;
}

/* Watch the directories that are there now and no others. What is made behind the walk's back is
 * made in a directory that is watched already, and so told. */
static int watch_tree(MaildirWatch *watch) {
        WatchTable *table = watch_hub_table(&watch->user);
        int r;

        for (size_t i = 0; i < table->n_entries; i++)
                if (table->entries[i].user == &watch->user)
                        table->entries[i].seen = false;

        r = maildir_root_walk(watch->root, tree_on_directory, watch);
        if (r < 0)
                return r;

        for (size_t i = 0; i < table->n_entries; i++) {
                const WatchEntry *entry = &table->entries[i];

                if (entry->user == &watch->user && entry->kind == WATCH_TREE && !entry->seen)
                        watch_hub_remove(&watch->user, entry->wd);
        }

        return 0;
}

/* Reading */

/* The one file beside the folders that matters. */
static bool is_subscriptions(const MaildirWatch *watch, const struct inotify_event *e) {
        return e->wd == watch->root_wd && e->len > 0 &&
               strcmp(e->name, MAILDIR_SUBSCRIPTIONS_FILE) == 0;
}

static void on_tree_event(MaildirWatch *watch, WatchEntry *entry, const struct inotify_event *e) {
        const bool gone = e->mask & (IN_IGNORED | IN_DELETE_SELF | IN_UNMOUNT);

        if (entry->wd == watch->root_wd && (gone || e->mask & IN_MOVE_SELF))
                watch->error = -ENOENT;
        if (e->mask & (IN_ISDIR | IN_IGNORED | IN_UNMOUNT) || is_subscriptions(watch, e))
                watch->tree.came = true;
        if (e->mask & IN_IGNORED)
                watch_table_remove(watch_hub_table(&watch->user), entry);
}

static void on_files_event(MaildirWatch *watch, WatchEntry *entry, const struct inotify_event *e) {
        const bool gone = e->mask & (IN_DELETE | IN_MOVED_FROM);
        Mailbox *mailbox = entry->mailbox;

        if (e->mask & (IN_IGNORED | IN_DELETE_SELF | IN_UNMOUNT)) {
                mailbox->lost = true;
                set_pending(watch, mailbox);
        } else if (!(e->mask & IN_ISDIR) && e->len > 0 && e->name[0] != '.') {
                changed_names_add(&mailbox->names, gone ? MAILDIR_GONE : MAILDIR_CAME,
                                  (MaildirSub) entry->sub, e->name);
                set_pending(watch, mailbox);
        }

        if (e->mask & IN_IGNORED) {
                mailbox->wds[entry->sub] = -1;
                watch_table_remove(watch_hub_table(&watch->user), entry);
        }
}

static void on_event(void *userdata, WatchEntry *entry, const struct inotify_event *e) {
        MaildirWatch *watch = userdata;

        if (entry->kind == WATCH_TREE)
                on_tree_event(watch, entry, e);
        else
                on_files_event(watch, entry, e);
}

static void on_overflow(void *userdata) {
        MaildirWatch *watch = userdata;

        watch->overflow = watch->tree.came = true;
}

static void on_failed(void *userdata, int error) {
        MaildirWatch *watch = userdata;

        watch->error = error;
}

/* Telling */

static void tell(MaildirWatch *watch, MaildirNews news) {
        MaildirChange change = {.news = news, .error = watch->error};

        watch->on_change(&change, watch->userdata);
}

static void tell_files(MaildirWatch *watch) {
        Mailbox *mailbox;

        while ((mailbox = watch->pending)) {
                _cleanup_(changed_names_done) ChangedNames names = mailbox->names;
                const bool lost = mailbox->lost;
                MaildirChange change = {
                        .news = lost ? MAILDIR_NEWS_LOST : MAILDIR_NEWS_FILES,
                        .mailbox = mailbox->name,
                        .more = lost || names.more,
                        .names = lost ? BYTES_NULL : buffer_view(&names.records),
                };

                mailbox->names = CHANGED_NAMES_NULL;
                unset_pending(watch, mailbox);
                if (lost)
                        detach_mailbox(watch, mailbox);

                /* may remove the mailbox */
                watch->on_change(&change, watch->userdata);
                if (lost)
                        mailbox_free(mailbox);
        }
}

static void tell_tree(MaildirWatch *watch) {
        const MaildirNews news = watch->overflow ? MAILDIR_NEWS_OVERFLOW : MAILDIR_NEWS_TREE;
        int r;

        watch->overflow = false;
        r = watch_tree(watch); /* before the owner lists, so that nothing is made unseen */
        if (r < 0)
                watch->error = r;
        else
                tell(watch, news);
}

static void pause_note(Pause *pause, uint64_t now) {
        if (!pause->came)
                return;

        pause->came = false;
        pause->last = now;
        if (pause->first == 0)
                pause->first = now;
}

/* When the news are to be told: UINT64_MAX when there are none. */
static uint64_t pause_end(const Pause *pause, uint64_t quiet, uint64_t latest) {
        if (pause->first == 0)
                return UINT64_MAX;

        return MIN(pause->last + quiet, pause->first + latest);
}

static uint64_t next_due(const MaildirWatch *watch) {
        return MIN(pause_end(&watch->files, FILES_QUIET_USEC, FILES_LATEST_USEC),
                   pause_end(&watch->tree, TREE_QUIET_USEC, TREE_LATEST_USEC));
}

/* The last thing that is done: the owner may free the watch. */
static void watch_break(MaildirWatch *watch) {
        watch_hub_leave(&watch->user);
        tell(watch, MAILDIR_NEWS_BROKEN);
}

/* Tell what is due. */
static void on_due(void *userdata, uint64_t now) {
        MaildirWatch *watch = userdata;
        bool has_tree, has_files;

        pause_note(&watch->files, now);
        pause_note(&watch->tree, now);
        has_tree = pause_end(&watch->tree, TREE_QUIET_USEC, TREE_LATEST_USEC) <= now;
        has_files = pause_end(&watch->files, FILES_QUIET_USEC, FILES_LATEST_USEC) <= now;
        if (has_tree)
                watch->tree = (Pause){.first = 0};
        if (has_files)
                watch->files = (Pause){.first = 0};
        watch->user.due = next_due(watch);

        if (has_tree)
                tell_tree(watch);
        if (has_files)
                tell_files(watch);
        if (watch->error < 0)
                watch_break(watch);
}

static const WatchUserOps user_ops = {
        .on_event = on_event,
        .on_overflow = on_overflow,
        .on_failed = on_failed,
        .on_due = on_due,
};

/* Public */

int maildir_watch_new(sd_event *event, MaildirRoot *root, MaildirWatchFn on_change, void *userdata,
                      MaildirWatch **ret_watch) {
        _cleanup_(maildir_watch_freep) MaildirWatch *watch = NULL;
        int r;

        assert(event && root && on_change);

        watch = malloc(sizeof(*watch));
        if (!watch)
                return -ENOMEM;
        *watch = (MaildirWatch){
                .root = root,
                .user = {.ops = &user_ops, .userdata = watch},
                .root_wd = -1,
                .event = sd_event_ref(event),
                .on_change = on_change,
                .userdata = userdata,
        };
        watch->pending_end = &watch->pending;

        r = watch_hub_join(event, &watch->user);
        if (r >= 0)
                r = watch_tree(watch);
        if (r < 0)
                return r;

        *ret_watch = TAKE_PTR(watch);
        return 0;
}

MaildirWatch *maildir_watch_free(MaildirWatch *watch) {
        if (!watch)
                return NULL;

        watch_hub_leave(&watch->user);
        (void) sd_event_unref(watch->event);
        tdestroy(watch->mailboxes, mailbox_free);
        free(watch);
        return NULL;
}

/* Enter a mailbox that is not known yet. */
static int new_mailbox(MaildirWatch *watch, const char *name, Mailbox **ret_mailbox) {
        Mailbox *mailbox = malloc(sizeof(*mailbox));

        if (!mailbox)
                return -ENOMEM;
        *mailbox = (Mailbox){
                .name = bytes_dup(bytes_of(name)), .wds = {-1, -1}
        };
        if (!mailbox->name || !tsearch(mailbox, &watch->mailboxes, compare_mailboxes)) {
                mailbox_free(mailbox);
                return -ENOMEM;
        }

        *ret_mailbox = mailbox;
        return 0;
}

void maildir_watch_names_only(MaildirWatch *watch) {
        watch->names_only = true;
}

/* A watch that has another meaning by now is not ours to remove. */
static void unwatch(MaildirWatch *watch, const Mailbox *mailbox, MaildirSub sub, int wd) {
        const WatchEntry *entry = watch_table_find(watch_hub_table(&watch->user), wd);

        if (entry && entry->kind == WATCH_FILES && entry->mailbox == mailbox && entry->sub == sub)
                watch_hub_remove(&watch->user, wd);
}

static int watch_sub(MaildirWatch *watch, Mailbox *mailbox, const Maildir *maildir,
                     MaildirSub sub) {
        const WatchEntry entry = {
                .kind = WATCH_FILES,
                .sub = (uint8_t) sub,
                .mailbox = mailbox,
        };
        const int before = mailbox->wds[sub];
        int r;

        r = watch_fd(watch, maildir_fd(maildir, sub), watch->names_only ? NAMES_MASK : FILES_MASK,
                     entry, &mailbox->wds[sub]);
        if (r >= 0 && before >= 0 && before != mailbox->wds[sub])
                unwatch(watch, mailbox, sub, before);
        return r;
}

/*
 * What is watched already is not removed first: of each watch that is removed the kernel tells, and twice 10000
 * are more than its queue holds. It would overflow, all would be added again, and so on for ever.
 */
int maildir_watch_add(MaildirWatch *watch, const char *mailbox, const Maildir *maildir) {
        Mailbox *added = find_mailbox(watch, mailbox);
        int r = 0;

        if (added) {
                unset_pending(watch, added);
                changed_names_done(&added->names);
                added->lost = false;
        } else
                r = new_mailbox(watch, mailbox, &added);
        if (r < 0)
                return r;

        r = watch_sub(watch, added, maildir, MAILDIR_NEW);
        if (r >= 0)
                r = watch_sub(watch, added, maildir, MAILDIR_CUR);
        if (r < 0)
                maildir_watch_remove(watch, mailbox);
        return r;
}

void maildir_watch_remove(MaildirWatch *watch, const char *mailbox) {
        Mailbox *found = find_mailbox(watch, mailbox);

        if (!found)
                return;

        detach_mailbox(watch, found);
        mailbox_free(found);
}

size_t maildir_watch_count(const MaildirWatch *watch) {
        const WatchTable *table = watch_hub_table(&watch->user);
        size_t n = 0;

        for (size_t i = 0; table && i < table->n_entries; i++)
                n += table->entries[i].kind != WATCH_DEAD && table->entries[i].user == &watch->user;
        return n;
}

void maildir_watch_flush(MaildirWatch *watch) {
        uint64_t now;

        if (watch->error < 0)
                return;
        watch_hub_read(&watch->user);
        watch->files = (Pause){.first = 0};
        tell_files(watch);

        /* What came of the tree is told in its time; an error, the next time that somebody looks. */
        if (sd_event_now(watch->event, CLOCK_MONOTONIC, &now) < 0)
                return;
        pause_note(&watch->tree, now);
        watch->user.due = next_due(watch);
        watch->user.has_news = watch->error < 0;
        watch_hub_wait(&watch->user, now);
}

int maildir_change_next(MaildirChange *change, MaildirFate *ret_fate, MaildirSub *ret_sub,
                        const char **ret_name) {
        return changed_names_next(&change->names, ret_fate, ret_sub, ret_name);
}

const char *maildir_watch_explain(int error) {
        switch (error) {
        case -ENOSPC:
                return "more directories than the sysctl fs.inotify.max_user_watches allows";
        case -EMFILE:
                return "more watchers than the sysctl fs.inotify.max_user_instances allows";
        case -EEXIST:
                return "another account has the same directory";
        case -ENOENT:
                return "the directory was removed, renamed or unmounted";
        }

        return NULL;
}
