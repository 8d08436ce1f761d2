/* One inotify instance for all trees that a process watches. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/macro.h"
#include "watch-hub.h"

#define PAUSE_USEC          ((uint64_t) 50 * 1000)
#define TIMER_ACCURACY_USEC ((uint64_t) 5 * 1000) /* 0 would mean 250 ms */

#define READ_SIZE ((size_t) 16 * 1024)
#define READS_MAX 64u /* in a row: other sources of the loop want their turn */

struct WatchHub {
        sd_event *event;             /* owned reference */
        int fd;                      /* of inotify */
        sd_event_source *io, *timer; /* owned: one is on, the other off; both off when it failed */
        WatchTable table;
        WatchUser *users; /* borrowed */
        unsigned n_refs;  /* users, and turns that go on */
        bool has_failed;
        WatchHub *next;
};

static WatchHub *hubs; /* one for each loop that has something to watch */

/* --- life --- */

static WatchHub *hub_unref(WatchHub *hub) {
        if (!hub || --hub->n_refs > 0)
                return NULL;

        for (WatchHub **at = &hubs; *at; at = &(*at)->next)
                if (*at == hub) {
                        *at = hub->next;
                        break;
                }
        (void) sd_event_source_disable_unref(hub->io);
        (void) sd_event_source_disable_unref(hub->timer);
        (void) sd_event_unref(hub->event);
        watch_table_done(&hub->table);
        if (hub->fd >= 0)
                (void) close(hub->fd);
        free(hub);
        return NULL;
}

DEFINE_CLEANUP(WatchHub *, hub_unref)

static int hub_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata);
static int hub_on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static int hub_start(WatchHub *hub) {
        int r;

        hub->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (hub->fd < 0)
                return -errno;

        r = sd_event_add_io(hub->event, &hub->io, hub->fd, EPOLLIN, hub_on_io, hub);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(hub->io, "maildir-watch");

        r = sd_event_add_time(hub->event, &hub->timer, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_USEC,
                              hub_on_timer, hub);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(hub->timer, "maildir-watch-pause");

        return sd_event_source_set_enabled(hub->timer, SD_EVENT_OFF);
}

static int hub_new(sd_event *event, WatchHub **ret_hub) {
        _cleanup_(hub_unrefp) WatchHub *hub = NULL;
        int r;

        hub = malloc(sizeof(*hub));
        if (!hub)
                return -ENOMEM;
        *hub = (WatchHub){.event = sd_event_ref(event), .fd = -1, .n_refs = 1};

        r = hub_start(hub);
        if (r < 0)
                return r;
        *ret_hub = TAKE_PTR(hub);
        return 0;
}

/* One that failed is of no use to those who come later. */
static WatchHub *hub_find(const sd_event *event) {
        for (WatchHub *hub = hubs; hub; hub = hub->next)
                if (hub->event == event && !hub->has_failed)
                        return hub;
        return NULL;
}

int watch_hub_join(sd_event *event, WatchUser *user) {
        WatchHub *hub = hub_find(event);
        int r;

        assert(!user->hub);

        if (hub)
                hub->n_refs++;
        else {
                r = hub_new(event, &hub);
                if (r < 0)
                        return r;
                hub->next = hubs;
                hubs = hub;
        }
        user->hub = hub;
        user->due = UINT64_MAX;
        user->has_news = false;
        user->next = hub->users;
        hub->users = user;
        return 0;
}

/* Of the last one the kernel forgets all at once. */
static void forget_watches(WatchHub *hub, const WatchUser *user) {
        for (size_t i = 0; hub->users && i < hub->table.n_entries; i++) {
                WatchEntry *entry = &hub->table.entries[i];

                if (entry->kind == WATCH_DEAD || entry->user != user)
                        continue;
                (void) inotify_rm_watch(hub->fd, entry->wd);
                watch_table_remove(&hub->table, entry);
        }
}

void watch_hub_leave(WatchUser *user) {
        WatchHub *hub = user->hub;

        if (!hub)
                return;

        for (WatchUser **at = &hub->users; *at; at = &(*at)->next)
                if (*at == user) {
                        *at = user->next;
                        break;
                }
        user->hub = NULL;
        forget_watches(hub, user);
        hub_unref(hub);
}

/* --- watches --- */

int watch_hub_add(WatchUser *user, const char *path, uint32_t mask, WatchEntry entry,
                  WatchEntry *ret_before) {
        WatchHub *hub = user->hub;
        const WatchEntry *found;
        int r;

        if (!hub)
                return -ENODEV;

        /* What is watched already is asked for more, and only its own user may ask for less. */
        entry.wd = inotify_add_watch(hub->fd, path, mask | IN_MASK_ADD);
        if (entry.wd < 0)
                return -errno;
        found = watch_table_find(&hub->table, entry.wd);
        if (found && found->user != user)
                return -EEXIST;
        if (found && inotify_add_watch(hub->fd, path, mask) < 0)
                return -errno;

        entry.user = user;
        r = watch_table_set(&hub->table, entry, ret_before);
        if (r < 0) {
                (void) inotify_rm_watch(hub->fd, entry.wd);
                return r;
        }
        return entry.wd;
}

void watch_hub_remove(WatchUser *user, int wd) {
        WatchEntry *entry = user->hub ? watch_table_find(&user->hub->table, wd) : NULL;

        if (!entry)
                return;
        (void) inotify_rm_watch(user->hub->fd, wd);
        watch_table_remove(&user->hub->table, entry);
}

WatchTable *watch_hub_table(const WatchUser *user) {
        return user->hub ? &user->hub->table : NULL;
}

/* --- reading --- */

static void on_overflow(WatchHub *hub) {
        for (WatchUser *user = hub->users; user; user = user->next) {
                user->has_news = true;
                user->ops->on_overflow(user->userdata);
        }
}

static void on_failed(WatchHub *hub, int error) {
        hub->has_failed = true;
        for (WatchUser *user = hub->users; user; user = user->next) {
                user->has_news = true;
                user->ops->on_failed(user->userdata, error);
        }
}

static void on_event(WatchHub *hub, const struct inotify_event *e) {
        WatchEntry *entry;

        if (e->mask & IN_Q_OVERFLOW) {
                on_overflow(hub);
                return;
        }

        /* what was removed may still have events in the queue */
        entry = watch_table_find(&hub->table, e->wd);
        if (!entry)
                return;
        entry->user->has_news = true;
        entry->user->ops->on_event(entry->user->userdata, entry, e);
}

static void read_events(WatchHub *hub) {
        _Alignas(struct inotify_event) char buffer[READ_SIZE];

        for (unsigned i = 0; i < READS_MAX && !hub->has_failed; i++) {
                const struct inotify_event *e;
                ssize_t n = read(hub->fd, buffer, sizeof(buffer));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno != EAGAIN)
                        on_failed(hub, -errno);
                if (n <= 0)
                        return;

                for (const char *p = buffer; p < buffer + n; p += sizeof(*e) + e->len) {
                        e = (const struct inotify_event *) (const void *) p;
                        on_event(hub, e);
                }
        }
}

/* --- turns --- */

static int set_sources(WatchHub *hub, bool io, bool timer) {
        int r;

        r = sd_event_source_set_enabled(hub->io, io ? SD_EVENT_ON : SD_EVENT_OFF);
        if (r < 0)
                return r;

        return sd_event_source_set_enabled(hub->timer, timer ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

/* For the next event, or for the next time to look. */
static int hub_wait(WatchHub *hub, uint64_t now) {
        uint64_t due = UINT64_MAX;
        int r;

        for (const WatchUser *user = hub->users; user; user = user->next)
                due = MIN(due, user->has_news ? now : user->due);
        if (due == UINT64_MAX)
                return set_sources(hub, !hub->has_failed, false);

        /* Others may have news while some are collected. */
        r = sd_event_source_set_time(hub->timer, MIN(due, now + PAUSE_USEC));
        if (r < 0)
                return r;
        return set_sources(hub, false, true);
}

/* Who has a turn may leave, and with it others. */
static WatchUser *next_turn(const WatchHub *hub, uint64_t now) {
        for (WatchUser *user = hub->users; user; user = user->next)
                if (user->has_news || user->due <= now)
                        return user;
        return NULL;
}

static int hub_turn(WatchHub *hub) {
        WatchUser *user;
        uint64_t now;
        int r;

        read_events(hub);
        r = sd_event_now(hub->event, CLOCK_MONOTONIC, &now);
        if (r < 0)
                return r;

        while ((user = next_turn(hub, now))) {
                user->has_news = false;
                user->due = UINT64_MAX;
                user->ops->on_due(user->userdata, now);
        }
        return hub_wait(hub, now);
}

/* Without a timer nobody is told anything any more, so all are told that. */
static void hub_run(WatchHub *hub) {
        _cleanup_(hub_unrefp) WatchHub *held = hub;
        int r;

        held->n_refs++;
        r = hub_turn(held);
        if (r >= 0)
                return;
        on_failed(held, r);
        (void) set_sources(held, false, false);
        for (WatchUser *user; (user = next_turn(held, 0));) {
                user->has_news = false;
                user->due = UINT64_MAX;
                user->ops->on_due(user->userdata, 0);
        }
}

static int hub_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        (void) source, (void) fd, (void) revents;

        hub_run(userdata);
        return 0;
}

static int hub_on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        (void) source, (void) usec;

        hub_run(userdata);
        return 0;
}

void watch_hub_read(WatchUser *user) {
        read_events(user->hub);
}

void watch_hub_wait(WatchUser *user, uint64_t now) {
        (void) hub_wait(user->hub, now);
}
