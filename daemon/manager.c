/* The manager: life, signals, reload. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "daemon/log.h"
#include "daemon/manager-private.h"

Account *manager_find(Manager *manager, const char *name) {
        for (size_t i = 0; i < manager->n_accounts; i++)
                if (strcmp(account_name(manager->accounts[i]), name) == 0)
                        return manager->accounts[i];
        return NULL;
}

static bool is_chosen(const Manager *manager, const char *name) {
        char *const *chosen = manager->options.accounts;

        if (!chosen || !chosen[0])
                return true;
        for (; *chosen; chosen++)
                if (strcmp(*chosen, name) == 0)
                        return true;
        return false;
}

/* --- review: once a turn of the loop, whatever happened in it --- */

static int on_review(sd_event_source *source, void *userdata) {
        Manager *manager = userdata;

        (void) source;
        system_bus_review(manager->system_bus);
        manager_finish_jobs(manager);
        manager_tell_systemd(manager);
        return 0;
}

void manager_review_soon(Manager *manager) {
        (void) sd_event_source_set_enabled(manager->review, SD_EVENT_ONESHOT);
}

/* --- accounts --- */

static void on_account_over(Account *account, void *userdata) {
        Manager *manager = userdata;

        (void) account;
        if (--manager->n_running == 0)
                (void) sd_event_exit(manager->event, 0);
}

static int add_account(Manager *manager, const AccountConfig *config) {
        const AccountOptions options = {
                .state_dir = manager->options.state_dir,
                .host = manager->host,
                .pulse = manager->pulse,
                .policy = manager->policy.policy,
                .flag_scan_usec = manager->config->flag_scan_usec,
                .once = manager->options.once,
                .dry_run = manager->options.dry_run,
                .on_note = manager_on_note,
                .on_finished = on_account_over,
                .userdata = manager,
        };
        Account **grown;
        int r;

        grown = reallocarray(manager->accounts, manager->n_accounts + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        manager->accounts = grown;
        r = account_new(manager->event, config, &options, &grown[manager->n_accounts]);
        if (r < 0)
                return r;
        manager_hold(manager, grown[manager->n_accounts]);
        manager->n_accounts++;
        manager->n_running++;
        return 0;
}

/*
 * Four files while an account waits, more while it works. A user's process may open 1024 unless it asks for more, so
 * that of some hundred accounts the last could not connect. It asks for no more than it needs: children inherit it.
 */
#define FILES_OTHERWISE 256u
#define FILES_EACH      32u

static void make_room_for_files(size_t n_accounts) {
        const rlim_t wanted = FILES_OTHERWISE + FILES_EACH * (rlim_t) n_accounts;
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
                return;
        limit.rlim_cur = MIN(wanted, limit.rlim_max);
        (void) setrlimit(RLIMIT_NOFILE, &limit);
}

static int add_accounts(Manager *manager) {
        make_room_for_files(manager->config->n_accounts);
        for (size_t i = 0; i < manager->config->n_accounts; i++) {
                const AccountConfig *config = &manager->config->accounts[i];
                int r;

                if (!is_chosen(manager, config->name) || manager_find(manager, config->name))
                        continue;
                r = add_account(manager, config);
                if (r < 0)
                        return log_error_errno(r, "%s: cannot be started: %m", config->name);
        }
        return 0;
}

/* --- stop and reload --- */

void manager_stop(Manager *manager) {
        if (manager->stopping)
                return;
        manager->stopping = true;
        manager_begin_stop(manager);
        if (manager->n_accounts == 0)
                (void) sd_event_exit(manager->event, 0);
        manager->n_running = manager->n_accounts;
        for (size_t i = 0; i < manager->n_accounts; i++)
                account_stop(manager->accounts[i], on_account_over, manager);
}

/* An account whose section is the same goes on undisturbed, with its connection. */
static void drop_changed(Manager *manager, const Config *config) {
        size_t n_kept = 0;

        for (size_t i = 0; i < manager->n_accounts; i++) {
                Account *account = manager->accounts[i];
                const AccountConfig *now = config_find(config, account_name(account));

                if (now && account_config_equal(account_config(account), now)) {
                        account_set_flag_scan(account, config->flag_scan_usec);
                        manager->accounts[n_kept++] = account;
                        continue;
                }
                log_about(LOG_INFO, (LogSubject){account_name(account)}, "%s",
                          now ? "its configuration has changed" : "is not configured any more");
                account_free(account);
        }
        manager->n_accounts = n_kept;
}

static bool is_used(const Manager *manager, const Config *config) {
        for (size_t i = 0; i < manager->n_accounts; i++) {
                const AccountConfig *used = account_config(manager->accounts[i]);

                if (used >= config->accounts && used < config->accounts + config->n_accounts)
                        return true;
        }
        return false;
}

/* Put the old configuration aside, and free those that no account uses any more. */
static int retire(Manager *manager, Config *config) {
        Config **grown = reallocarray(manager->retired, manager->n_retired + 1, sizeof(*grown));
        size_t n_kept = 0;

        if (!grown)
                return -ENOMEM;
        manager->retired = grown;
        grown[manager->n_retired++] = config;
        for (size_t i = 0; i < manager->n_retired; i++)
                if (is_used(manager, grown[i]))
                        grown[n_kept++] = grown[i];
                else
                        config_free(grown[i]);
        manager->n_retired = n_kept;
        return 0;
}

static const char *refused(Manager *manager, int error) {
        if (!manager->config_error)
                manager->config_error = strdup(strerror(-error));
        if (!manager->config_error)
                return strerror(ENOMEM);
        log_lines(LOG_ERR, (LogSubject){.id = LOG_ID_CONFIG},
                  "the configuration is kept as it was: ", manager->config_error);
        return manager->config_error;
}

int manager_reload(Manager *manager, const char **ret_sentence) {
        _cleanup_(config_freep) Config *config = NULL;
        char *error = NULL;
        int r;

        manager_begin_reload(manager);
        r = config_load(manager->options.config_path, getenv("HOME"), &config, &error);
        free(manager->config_error);
        manager->config_error = error;
        if (r < 0) {
                *ret_sentence = refused(manager, r);
        } else {
                Config *old = manager->config;

                drop_changed(manager, config);
                manager->config = TAKE_PTR(config);
                manager_review_policy(manager);
                r = retire(manager, old);
                if (r >= 0)
                        r = add_accounts(manager);
                *ret_sentence = "an account cannot be started";
                log_info("configuration read again");
        }
        manager_end_reload(manager);
        return r;
}

/* --- signals --- */

static int on_stop_signal(sd_event_source *source, const struct signalfd_siginfo *info,
                          void *userdata) {
        (void) source, (void) info;
        manager_stop(userdata);
        return 0;
}

static int on_reload_signal(sd_event_source *source, const struct signalfd_siginfo *info,
                            void *userdata) {
        const char *sentence;

        (void) source, (void) info;
        (void) manager_reload(userdata, &sentence);
        return 0;
}

static int add_signals(Manager *manager) {
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        (void) signal(SIGPIPE, SIG_IGN);

        r = sd_event_add_signal(manager->event, NULL, SIGTERM, on_stop_signal, manager);
        if (r >= 0)
                r = sd_event_add_signal(manager->event, NULL, SIGINT, on_stop_signal, manager);
        if (r >= 0 && !manager->options.once)
                r = sd_event_add_signal(manager->event, NULL, SIGHUP, on_reload_signal, manager);
        return r;
}

/* --- life --- */

static int listen_for_control(Manager *manager) {
        const int n_fds = sd_listen_fds(true);
        const char *path = manager->options.socket_path;
        int r;

        if (!path)
                return 0;
        r = control_new(manager->event, path, n_fds > 0 ? SD_LISTEN_FDS_START : -1,
                        &manager_control_ops, manager, &manager->control);
        if (r == -EADDRINUSE)
                return log_error_errno(r, "another imapsyncd listens on %s already", path);
        if (r < 0)
                return log_error_errno(r, "the control socket %s cannot be made: %m", path);
        return 0;
}

int manager_new(const ManagerOptions *options, Config *config, Manager **ret_manager) {
        _cleanup_(manager_freep) Manager *manager = NULL;
        int r;

        manager = calloc(1, sizeof(*manager));
        if (!manager) {
                config_free(config);
                return log_error_errno(-ENOMEM, "%m");
        }
        manager->options = *options;
        manager->config = config;
        if (gethostname(manager->host, sizeof(manager->host) - 1) < 0)
                strcpy(manager->host, "localhost");

        r = sd_event_new(&manager->event);
        if (r >= 0)
                r = pulse_new(manager->event, &manager->pulse);
        if (r >= 0)
                r = sd_event_add_defer(manager->event, &manager->review, on_review, manager);
        if (r >= 0)
                r = sd_event_source_set_enabled(manager->review, SD_EVENT_OFF);
        if (r >= 0)
                r = add_signals(manager);
        if (r >= 0 && !options->once)
                r = sd_event_set_watchdog(manager->event, true);
        if (r >= 0 && !options->once)
                r = system_bus_new(manager->event, &manager->system_bus);
        if (r >= 0 && !options->once)
                r = manager_watch_surroundings(manager);
        if (r < 0)
                return log_error_errno(r, "the event loop cannot be made: %m");

        manager_review_policy(manager);
        r = listen_for_control(manager);
        if (r >= 0)
                r = add_accounts(manager);
        if (r < 0)
                return r;

        *ret_manager = TAKE_PTR(manager);
        return 0;
}

Manager *manager_free(Manager *manager) {
        if (!manager)
                return NULL;

        for (size_t i = 0; i < manager->n_accounts; i++)
                account_free(manager->accounts[i]);
        free(manager->accounts);
        for (size_t i = 0; i < manager->n_jobs; i++)
                job_done(&manager->jobs[i]);
        free(manager->jobs);
        for (size_t i = 0; i < manager->n_retired; i++)
                config_free(manager->retired[i]);
        free(manager->retired);
        free(manager->config_error);
        timer_done(&manager->limit);
        timer_done(&manager->policy.timer);
        pulse_free(manager->pulse);
        sd_event_source_disable_unref(manager->review);
        manager_forget_surroundings(manager);
        system_bus_free(manager->system_bus);
        control_free(manager->control); /* last: a closed socket says that it is all over */
        sd_event_unref(manager->event);
        config_free(manager->config);
        free(manager);
        return NULL;
}

/* Shorter than this nobody slept: what comes in so soon behind the last wakes up no machine. */
#define NAP_USEC ((uint64_t) 1000)

/* A turn of the loop, as sd_event_run() makes it. One that slept before has woken up the machine. */
static int turn(Manager *manager) {
        int r;

        r = sd_event_prepare(manager->event);
        if (r == 0) {
                const uint64_t begin = account_uptime();
                uint64_t now;

                r = sd_event_wait(manager->event, UINT64_MAX);
                now = account_uptime();
                if (now - begin >= NAP_USEC)
                        hour_add(&manager->wakeups, now, 1);
        }
        return r > 0 ? sd_event_dispatch(manager->event) : r;
}

static int loop(Manager *manager) {
        int code = 0, r = 0;

        while (r >= 0 && sd_event_get_state(manager->event) != SD_EVENT_FINISHED)
                r = turn(manager);
        return r < 0 ? r : sd_event_get_exit_code(manager->event, &code) < 0 ? 0 : code;
}

int manager_run(Manager *manager) {
        int r;

        manager_review_soon(manager);
        r = manager->options.once ? 0 : manager_begin_start(manager);
        if (r >= 0)
                r = loop(manager);
        if (r < 0) {
                (void) log_error_errno(r, "the event loop failed: %m");
                return 1;
        }
        if (r > 0) /* by one who has said why */
                return 1;
        if (!manager->options.once)
                return 0;

        if (manager->stopping)
                return 0;
        for (size_t i = 0; i < manager->n_accounts; i++)
                if (!account_is_in_sync(manager->accounts[i]))
                        return 1;
        return 0;
}
