/* An account: its sides, the state database, and inotify. */

#include <errno.h>
#include <stdio.h>

#include "daemon/account-private.h"
#include "daemon/log.h"

/* --- inotify --- */

static char **names_free(char **names, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(names[i]);
        free(names);
        return NULL;
}

/* The names of a change as the replica wants them. NULL: look at everything. */
static char **collect_names(MaildirChange *change) {
        char **names = calloc(65, sizeof(*names));
        MaildirFate fate;
        MaildirSub sub;
        const char *name;
        size_t n = 0;

        if (!names || change->more)
                return names_free(names, 0);
        while (n < 64 && maildir_change_next(change, &fate, &sub, &name) > 0) {
                const char *where = fate == MAILDIR_GONE ? "gone"
                                    : sub == MAILDIR_NEW ? "new"
                                                         : "cur";

                if (asprintf(&names[n], "%s/%s", where, name) < 0)
                        return names_free(names, n);
                n++;
        }
        return names;
}

static void on_files(Account *account, MaildirChange *change) {
        char **names = collect_names(change);

        (void) engine_mark(account->engine, change->mailbox, SIDE_LOCAL, names);
        for (size_t i = 0; names && names[i]; i++)
                free(names[i]);
        free(names);
}

/* From now on they are polled. */
static void watch_failed(Account *account, int error) {
        account->watch_is_broken = true;
        account->watch_why = maildir_watch_explain(error) ?: strerrordesc_np(-error) ?: "";
        log_about(LOG_WARNING, (LogSubject){account_name(account)},
                  "local changes are only looked for every %llu s: %s",
                  (unsigned long long) (account->policy.poll_interval_usec / 1000000),
                  account->watch_why);
}

static void on_change(MaildirChange *change, void *userdata) {
        Account *account = userdata;

        switch (change->news) {
        case MAILDIR_NEWS_FILES:
                on_files(account, change);
                break;
        case MAILDIR_NEWS_LOST:
        case MAILDIR_NEWS_TREE:
                account_watch_all(account);
                (void) engine_list(account->engine);
                break;
        case MAILDIR_NEWS_OVERFLOW:
                log_about(LOG_INFO, (LogSubject){account_name(account)},
                          "too many local changes at once; looking at all folders");
                account_watch_all(account);
                (void) engine_list(account->engine);
                break;
        case MAILDIR_NEWS_BROKEN:
                watch_failed(account, change->error);
                break;
        }
        account_pump_soon(account);
}

static void watch_tree(Account *account) {
        int r;

        r = maildir_watch_new(account->event, account->root, on_change, account, &account->watch);
        if (r < 0)
                watch_failed(account, r);
        else if (account->options.once)
                maildir_watch_names_only(account->watch);
}

/* --once needs no watches where it has nothing to do, and so makes them for the first mailbox that it works on. */
void account_watch_mailbox(Account *account, const char *mailbox) {
        _cleanup_(maildir_freep) Maildir *maildir = NULL;
        int r;

        if (!account->root || account->options.dry_run || account->watch_is_broken)
                return;
        if (!account->watch)
                watch_tree(account);
        if (!account->watch)
                return;
        r = maildir_open(account->root, mailbox, &maildir);
        if (r >= 0)
                r = maildir_watch_add(account->watch, mailbox, maildir);
        if (r < 0 && r != -ENOENT)
                watch_failed(account, r);
}

static int watch_found(const char *mailbox, bool bad, void *userdata) {
        Account *account = userdata;

        if (!bad && account_config_wants(account->config, mailbox))
                account_watch_mailbox(account, mailbox);
        return 0;
}

/* Before the folders are listed, so that nothing happens unseen in between. */
void account_watch_all(Account *account) {
        if (account->watch)
                (void) maildir_root_list(account->root, watch_found, account);
}

/* --- opening --- */

/* A damaged database is put aside, not deleted; what it knew is found again by pairing. */
static int put_aside(Account *account, const char *path) {
        _cleanup_free_ char *aside = NULL;

        if (asprintf(&aside, "%s.damaged-%lld", path, (long long) account_now() / 1000000) < 0)
                return -ENOMEM;
        if (rename(path, aside) < 0)
                return -errno;
        log_about(LOG_ERR, (LogSubject){account_name(account), .id = LOG_ID_DAMAGED},
                  "the state was damaged and is now %s; both sides are compared anew, and no "
                  "mail "
                  "is lost",
                  aside);
        return 0;
}

static int open_database(Account *account) {
        _cleanup_free_ char *path = NULL, *error = NULL;
        int r;

        if (asprintf(&path, "%s/%s.db", account->options.state_dir, account_name(account)) < 0)
                return -ENOMEM;
        r = state_db_open(path, &account->db, &error);
        if (r == -EBADMSG && !account->options.dry_run && put_aside(account, path) >= 0) {
                free(error);
                r = state_db_open(path, &account->db, &error);
        }
        if (r != 0)
                account_set_state(account, ACCOUNT_STATE_REFUSED, "%s",
                                  error ? error : strerror(ENOMEM));
        return r == 0 ? 0 : -EIO;
}

/* One is enough: -EEXIST ends the walk. */
static int any_messages(MailboxState *state, void *userdata) {
        (void) userdata;
        if (state->messages > 0)
                return -EEXIST;
        mailbox_state_done(state);
        return 0;
}

static int any_folder(const char *mailbox, bool bad, void *userdata) {
        (void) mailbox, (void) bad, (void) userdata;
        return -EEXIST;
}

/* An empty directory where there was mail: the place where a disk is to be mounted. */
static int refuse_empty_root(Account *account) {
        const int r = maildir_root_list(account->root, any_folder, NULL);

        if (r == -EEXIST)
                return 0;
        if (r < 0) {
                account_set_state(account, ACCOUNT_STATE_REFUSED, "%s cannot be read: %s",
                                  account->config->maildir, strerror(-r));
                return r;
        }
        account_set_state(
                account, ACCOUNT_STATE_REFUSED,
                "%s is empty, but was in sync before; nothing is changed on the server. Is a "
                "disk not mounted? Put the mail back, or remove %s/%s.db to fetch everything "
                "anew",
                account->config->maildir, account->options.state_dir, account_name(account));
        account->root = maildir_root_free(account->root);
        return -ENOENT;
}

/* A root that is missing while the base has messages is not an empty Maildir: a disk is not mounted. */
static int open_root(Account *account) {
        const char *path = account->config->maildir;
        bool has_messages;
        int r;

        r = state_db_each_mailbox(account->db, any_messages, NULL);
        has_messages = r == -EEXIST;
        if (r < 0 && !has_messages) {
                account_set_state(account, ACCOUNT_STATE_REFUSED, "%s/%s.db cannot be read: %s%s",
                                  account->options.state_dir, account_name(account),
                                  state_db_error(account->db),
                                  r == -EBADMSG ? "; move it aside and start again: no mail is "
                                                  "lost, both sides are compared anew"
                                                : "");
                return r;
        }
        r = maildir_root_open(path, account->config->layout,
                              !has_messages && !account->options.dry_run, &account->root);
        if (r == -ENOENT && has_messages)
                account_set_state(
                        account, ACCOUNT_STATE_REFUSED,
                        "%s is missing, but was in sync before; nothing is changed on the "
                        "server. Is a disk not mounted? Put it back, or remove %s/%s.db to "
                        "fetch everything anew",
                        path, account->options.state_dir, account_name(account));
        else if (r == -ENOENT)
                return 0; /* a dry run of a first sync: nothing is there */
        else if (r < 0)
                account_set_state(account, ACCOUNT_STATE_REFUSED, "%s cannot be opened: %s", path,
                                  strerror(-r));
        else if (has_messages)
                return refuse_empty_root(account);
        return r;
}

static void remember_facts(Account *account) {
        char *time = NULL;

        if (state_db_get(account->db, "uidvalidity-checked", &time) == 0)
                account->uidvalidity_usec = strtoll(time, NULL, 10);
        account_check_map(account);
        free(time);
}

static int open_link(Account *account, Side side, const Endpoint *endpoint) {
        int r;

        if (account->links[side])
                return 0;
        r = account_link_new(account, side, endpoint, &account->links[side]);
        if (r >= 0)
                account_load_server(account->links[side]);
        if (r >= 0)
                account_set_network(account, account->network);
        return r;
}

static int open_maildir(Account *account) {
        int r;

        r = open_root(account);
        if (r < 0)
                return r;
        r = maildir_replica_new(account->root, account->db, account->options.host,
                                &account->maildir);
        if (r < 0)
                return r;
        account_hooks_observe(account);
        if (!account->options.dry_run && !account->options.once) {
                watch_tree(account);
                account_watch_all(account);
        }
        return 0;
}

/* May be called again after a failure. */
int account_open_sides(Account *account) {
        int r = 0;

        if (!account->db)
                r = open_database(account);
        if (r < 0)
                return r;
        remember_facts(account);
        r = open_link(account, SIDE_REMOTE, &account->config->remote);
        if (r < 0)
                return r;
        if (!account->config->maildir) {
                account_hooks_observe(account);
                return open_link(account, SIDE_LOCAL, &account->config->local);
        }
        return account->maildir ? 0 : open_maildir(account);
}
