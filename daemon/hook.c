/* The hooks of an account. */

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "daemon/hook-run.h"
#include "daemon/hook.h"
#include "daemon/log.h"
#include "daemon/timer.h"

typedef enum HookEvent {
        HOOK_CHANGE, /* first: an indexer knows the mail before it is shown */
        HOOK_NEW,
        _HOOK_MAX,
} HookEvent;

typedef struct Hook {
        const char *command; /* borrowed; NULL: none */
        ChangeBatch gathered;
        ChangeBatch told;  /* to the run under way */
        bool is_due;       /* something has come since it was run last */
        char warning[600]; /* "" */
} Hook;

struct Hooks {
        sd_event *event;             /* ref */
        const AccountConfig *config; /* borrowed */
        HooksOptions options;
        Hook hooks[_HOOK_MAX];
        HookEvent current; /* whose run it is */
        HookRun *run;
        HookRun *over;         /* of which this may be a callback */
        sd_event_source *next; /* deferred: go on behind a run */
        Timer timer;           /* until it is quiet */
        uint64_t first, last;  /* CLOCK_MONOTONIC: changes since the last batch; 0: none */
        bool is_running;       /* a batch is under way */
        bool is_stopped;
};

static const char *const titles[_HOOK_MAX] = {
        [HOOK_CHANGE] = "on-change",
        [HOOK_NEW] = "on-new",
};

bool hooks_are_wanted(const AccountConfig *config) {
        return config->on_change || config->on_new;
}

static bool wants(const Hooks *hooks, HookEvent event, ChangeKind kind) {
        switch (kind) {
        case CHANGE_NEW:
                return true;
        case CHANGE_CHANGED:
        case CHANGE_REMOVED:
                return event == HOOK_CHANGE;
        case CHANGE_LOCAL:
                return event == HOOK_CHANGE && hooks->config->hook_local;
        case _CHANGE_MAX:
                break;
        }
        abort();
}

/* --- the environment --- */

static int add_variable(Buffer *out, const char *name, const char *value) {
        int r = buffer_append_format(out, "%s=", name);

        if (r >= 0)
                r = buffer_append_string(out, value);
        return r < 0 ? r : buffer_append(out, "", 1);
}

static int add_count(Buffer *out, const char *name, uint64_t count) {
        char text[24];

        (void) snprintf(text, sizeof(text), "%llu", (unsigned long long) count);
        return add_variable(out, name, text);
}

static int add_variables(const Hooks *hooks, const ChangeBatch *batch, Buffer *out) {
        const ByteView names = buffer_view(&batch->mailboxes);
        _cleanup_free_ char *mailboxes =
                bytes_dup((ByteView){names.data, names.size - (names.size > 0)});
        int r;

        if (!mailboxes)
                return -ENOMEM;
        r = add_variable(out, "IMAPSYNCD_ACCOUNT", hooks->config->name);
        if (r >= 0)
                r = add_variable(out, "IMAPSYNCD_EVENT",
                                 hooks->current == HOOK_NEW ? "new" : "change");
        if (r >= 0)
                r = add_variable(out, "IMAPSYNCD_MAILDIR", hooks->config->maildir ?: "");
        if (r >= 0)
                r = add_variable(out, "IMAPSYNCD_MAILBOXES", mailboxes);
        if (r >= 0)
                r = add_variable(out, "IMAPSYNCD_PATHS",
                                 batch->paths_are_missing ? "incomplete" : "complete");
        if (r >= 0)
                r = add_count(out, "IMAPSYNCD_NEW", batch->counts[CHANGE_NEW]);
        if (r >= 0)
                r = add_count(out, "IMAPSYNCD_CHANGED", batch->counts[CHANGE_CHANGED]);
        if (r >= 0)
                r = add_count(out, "IMAPSYNCD_REMOVED", batch->counts[CHANGE_REMOVED]);
        return r < 0 ? r : add_count(out, "IMAPSYNCD_LOCAL", batch->counts[CHANGE_LOCAL]);
}

/* Ours, and what the daemon has of others. The array is the caller's, its strings are in @ours and in
 * environ. */
static char **make_environment(Buffer *ours) {
        size_t n = 0, n_ours = 0, k = 0;
        char **list;

        while (environ[n])
                n++;
        for (size_t i = 0; i < ours->size; i++)
                n_ours += ours->data[i] == '\0';
        list = calloc(n + n_ours + 1, sizeof(*list));
        if (!list)
                return NULL;
        for (size_t i = 0; i < n; i++)
                if (strncmp(environ[i], "IMAPSYNCD_", strlen("IMAPSYNCD_")) != 0 &&
                    strncmp(environ[i], "NOTIFY_SOCKET=", strlen("NOTIFY_SOCKET=")) != 0)
                        list[k++] = environ[i];
        for (size_t i = 0; i < ours->size; i += strlen(ours->data + i) + 1)
                list[k++] = ours->data + i;
        return list;
}

/* --- runs --- */

static uint64_t now_of(const Hooks *hooks) {
        uint64_t now = 0;

        (void) sd_event_now(hooks->event, CLOCK_MONOTONIC, &now);
        return now;
}

static LogSubject subject(const Hooks *hooks) {
        return (LogSubject){hooks->config->name};
}

static void on_line(const char *line, void *userdata) {
        const Hooks *hooks = userdata;

        log_about(LOG_INFO, subject(hooks), "%s: %s", titles[hooks->current], line);
}

static void failed(Hooks *hooks, const char *why) {
        Hook *hook = &hooks->hooks[hooks->current];

        change_batch_join(&hook->told, &hook->gathered);
        hook->gathered = hook->told;
        hook->told = CHANGE_BATCH_NULL;
        if (hooks->is_stopped)
                return;
        (void) snprintf(hook->warning, sizeof(hook->warning), "%s", why);
        log_about(LOG_WARNING, subject(hooks),
                  "%s; it is told of the same again with the next change, or at “imapsyncctl sync "
                  "%s”",
                  why, hooks->config->name);
}

static void on_over(const char *why, uint64_t n_more, void *userdata) {
        Hooks *hooks = userdata;
        Hook *hook = &hooks->hooks[hooks->current];

        if (n_more > 0)
                log_about(LOG_INFO, subject(hooks), "%s: and %llu more lines",
                          titles[hooks->current], (unsigned long long) n_more);
        hooks->over = TAKE_PTR(hooks->run);
        if (why)
                failed(hooks, why);
        else {
                change_batch_done(&hook->told);
                hook->warning[0] = '\0';
        }
        (void) sd_event_source_set_enabled(hooks->next, SD_EVENT_ONESHOT);
}

static int start(Hooks *hooks, Hook *hook) {
        _cleanup_(buffer_done) Buffer variables = BUFFER_NULL, input = BUFFER_NULL;
        char **environment;
        int r;

        r = add_variables(hooks, &hook->told, &variables);
        if (r >= 0)
                r = buffer_append_view(&input, buffer_view(&hook->told.paths));
        if (r < 0)
                return r;
        environment = make_environment(&variables);
        if (!environment)
                return -ENOMEM;
        r = hook_run_new(hooks->event,
                         &(HookRunOptions){
                                 .title = titles[hooks->current],
                                 .command = hook->command,
                                 .environment = environment,
                                 .timeout_usec = hooks->config->hook_timeout_usec,
                                 .on_line = on_line,
                                 .on_over = on_over,
                                 .userdata = hooks,
                         },
                         &input, &hooks->run);
        free(environment);
        return r;
}

/* Return: does it run? */
static bool begin(Hooks *hooks, HookEvent event) {
        Hook *hook = &hooks->hooks[event];
        char why[200];
        int r;

        if (!hook->is_due)
                return false;
        hooks->current = event;
        hook->is_due = false;
        hook->told = hook->gathered;
        hook->gathered = CHANGE_BATCH_NULL;
        r = start(hooks, hook);
        if (r >= 0)
                return true;
        (void) snprintf(why, sizeof(why), "%s cannot be started: %s", titles[event], strerror(-r));
        failed(hooks, why);
        return false;
}

static void arm(Hooks *hooks);

/* Nothing runs: the next hook of this batch, or the next batch. */
static void go_on(Hooks *hooks, HookEvent event) {
        for (; event < _HOOK_MAX && !hooks->is_stopped; event++)
                if (begin(hooks, event))
                        return;
        hooks->is_running = false;
        if (hooks->first > 0 && !hooks->is_stopped)
                arm(hooks);
        if (hooks_are_idle(hooks))
                hooks->options.on_idle(hooks->options.userdata);
}

static int on_next(sd_event_source *source, void *userdata) {
        Hooks *hooks = userdata;

        (void) source;
        hooks->over = hook_run_free(hooks->over);
        go_on(hooks, hooks->current + 1);
        return 0;
}

static void run_now(void *userdata) {
        Hooks *hooks = userdata;

        if (hooks->is_running || hooks->is_stopped)
                return;
        timer_disarm(&hooks->timer);
        hooks->first = hooks->last = 0;
        hooks->is_running = true;
        go_on(hooks, 0);
}

/* --- changes --- */

static void arm(Hooks *hooks) {
        const uint64_t delay = hooks->config->hook_delay_usec, now = now_of(hooks);
        const uint64_t due = change_batch_due(hooks->first, hooks->last, delay);
        int r;

        if (hooks->options.is_manual)
                return;
        r = timer_arm(&hooks->timer, hooks->event, due > now ? due - now : 0, delay / 4 + 1,
                      run_now, hooks);
        if (r < 0)
                log_about(LOG_WARNING, subject(hooks), "hooks cannot be run: %s", strerror(-r));
}

static void run_soon(Hooks *hooks) {
        hooks->last = now_of(hooks);
        if (hooks->first == 0)
                hooks->first = hooks->last;
        if (!hooks->is_running)
                arm(hooks);
}

void hooks_tell(Hooks *hooks, ChangeKind kind, uint64_t n, const char *mailbox, const char *path) {
        bool is_wanted = false;

        if (n == 0 || hooks->is_stopped ||
            (mailbox && !config_patterns_match(hooks->config->hook_mailboxes, mailbox)))
                return;
        for (HookEvent event = 0; event < _HOOK_MAX; event++) {
                Hook *hook = &hooks->hooks[event];

                if (!hook->command || !wants(hooks, event, kind))
                        continue;
                change_batch_add(&hook->gathered, kind, n, mailbox, path);
                hook->is_due = is_wanted = true;
        }
        if (is_wanted)
                run_soon(hooks);
}

/* --- life --- */

void hooks_run(Hooks *hooks) {
        run_now(hooks);
}

void hooks_retry(Hooks *hooks) {
        bool is_wanted = false;

        for (HookEvent event = 0; event < _HOOK_MAX; event++) {
                Hook *hook = &hooks->hooks[event];

                if (hook->warning[0] && !change_batch_is_empty(&hook->gathered))
                        hook->is_due = is_wanted = true;
        }
        if (is_wanted && !hooks->is_stopped)
                run_soon(hooks);
}

void hooks_stop(Hooks *hooks) {
        hooks->is_stopped = true;
        timer_disarm(&hooks->timer);
        if (hooks->run)
                hook_run_stop(hooks->run);
}

bool hooks_are_idle(const Hooks *hooks) {
        if (hooks->is_running)
                return false;
        return hooks->is_stopped ||
               (!hooks->hooks[HOOK_CHANGE].is_due && !hooks->hooks[HOOK_NEW].is_due);
}

const char *hooks_warning(const Hooks *hooks) {
        for (HookEvent event = 0; event < _HOOK_MAX; event++)
                if (hooks->hooks[event].warning[0])
                        return hooks->hooks[event].warning;
        return "";
}

void hooks_untold(const Hooks *hooks, uint64_t counts[_CHANGE_MAX]) {
        for (ChangeKind kind = 0; kind < _CHANGE_MAX; kind++) {
                counts[kind] = 0;
                for (HookEvent event = 0; event < _HOOK_MAX; event++) {
                        const Hook *hook = &hooks->hooks[event];

                        counts[kind] = MAX(counts[kind],
                                           hook->gathered.counts[kind] + hook->told.counts[kind]);
                }
        }
}

int hooks_new(sd_event *event, const AccountConfig *config, const HooksOptions *options,
              Hooks **ret_hooks) {
        _cleanup_(hooks_freep) Hooks *hooks = calloc(1, sizeof(*hooks));
        int r;

        if (!hooks)
                return -ENOMEM;
        hooks->event = sd_event_ref(event);
        hooks->config = config;
        hooks->options = *options;
        hooks->hooks[HOOK_CHANGE].command = config->on_change;
        hooks->hooks[HOOK_NEW].command = config->on_new;
        r = sd_event_add_defer(event, &hooks->next, on_next, hooks);
        if (r >= 0)
                r = sd_event_source_set_enabled(hooks->next, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret_hooks = TAKE_PTR(hooks);
        return 0;
}

Hooks *hooks_free(Hooks *hooks) {
        if (!hooks)
                return NULL;

        hook_run_free(hooks->run);
        hook_run_free(hooks->over);
        sd_event_source_disable_unref(hooks->next);
        timer_done(&hooks->timer);
        for (HookEvent event = 0; event < _HOOK_MAX; event++) {
                change_batch_done(&hooks->hooks[event].gathered);
                change_batch_done(&hooks->hooks[event].told);
        }
        sd_event_unref(hooks->event);
        free(hooks);
        return NULL;
}
