/* The manager: what the control socket asks of it. */

#include <errno.h>
#include <stdio.h>

#include "core/control.h"
#include "daemon/manager-private.h"

static int no_account(const char *name, ControlError *reterr) {
        static char text[128];

        (void) snprintf(text, sizeof(text), "there is no account “%.60s”", name);
        *reterr = (ControlError){CONTROL_ERROR_NO_ACCOUNT, text};
        return -EINVAL;
}

/* The accounts that a name means: one, or all for "". */
static int choose(Manager *manager, const char *name, size_t *ret_first, size_t *ret_end,
                  ControlError *reterr) {
        if (name[0] == '\0') {
                *ret_first = 0;
                *ret_end = manager->n_accounts;
                return 0;
        }
        for (size_t i = 0; i < manager->n_accounts; i++)
                if (strcmp(account_name(manager->accounts[i]), name) == 0) {
                        *ret_first = i;
                        *ret_end = i + 1;
                        return 0;
                }
        return no_account(name, reterr);
}

static int op_status(void *userdata, const char *name,
                     int (*each)(const AccountStatus *status, void *userdata), void *eachdata,
                     ControlError *reterr) {
        Manager *manager = userdata;
        size_t first, end;
        int r;

        r = choose(manager, name, &first, &end, reterr);
        for (size_t i = first; r >= 0 && i < end; i++) {
                AccountStatus status = account_status(manager->accounts[i]);

                status.config_error = manager->config_error;
                status.policy = manager->policy.names;
                status.policy_why = manager->policy.why;
                status.wakeups_hour = hour_sum(&manager->wakeups, account_uptime());
                r = each(&status, eachdata);
        }
        return r;
}

typedef struct EachMailbox {
        int (*mailbox)(const MailboxStatus *status, void *userdata);
        int (*held)(const HeldStatus *status, void *userdata);
        void *userdata;
        Account *account;
} EachMailbox;

static int tell_mailbox(const EngineMailbox *mailbox, void *userdata) {
        const EachMailbox *each = userdata;
        const MailboxStatus status = {
                .name = mailbox->name,
                .messages = mailbox->messages,
                .unseen = account_count_unseen(each->account, mailbox->name),
                .pending = mailbox->pending,
                .held = mailbox->held[SIDE_REMOTE] + mailbox->held[SIDE_LOCAL],
                .parked = mailbox->parked,
                .deferred = mailbox->deferred,
                .last_change_usec = (uint64_t) mailbox->last_change,
                .flags_since_usec = (uint64_t) mailbox->flags_since,
                .error = mailbox->error,
                .left_out = mailbox->left_out,
                .direction = direction_name(mailbox->direction),
                .alone = mailbox->alone,
                .large = mailbox->large,
                .old = mailbox->old,
                .surplus = mailbox->surplus,
        };

        return each->mailbox(&status, each->userdata);
}

static int op_mailboxes(void *userdata, const char *name,
                        int (*each)(const MailboxStatus *status, void *userdata), void *eachdata,
                        ControlError *reterr) {
        Manager *manager = userdata;
        Account *account = manager_find(manager, name);
        EachMailbox context = {.mailbox = each, .userdata = eachdata, .account = account};

        if (!account)
                return no_account(name, reterr);
        return account_each_mailbox(account, tell_mailbox, &context);
}

static int tell_held(const EngineMailbox *mailbox, void *userdata) {
        const EachMailbox *each = userdata;

        for (Side side = 0; side < _SIDE_MAX; side++) {
                char reason[128];
                HeldStatus held = {
                        .account = account_name(each->account),
                        .mailbox = mailbox->name,
                        .side = side_name(side),
                        .vanished =
                                mailbox->deleted[side] ? mailbox->messages : mailbox->held[side],
                        .messages = mailbox->messages,
                        .since_usec = (uint64_t) mailbox->held_since,
                        .reason = reason,
                };
                int r;

                if (mailbox->held[side] == 0)
                        continue;
                (void) snprintf(reason, sizeof(reason),
                                mailbox->deleted[side]
                                        ? "the whole mailbox is gone; the %s side keeps it"
                                        : "more than the brake lets through at once; the %s side "
                                          "keeps them",
                                side_name(side_other(side)));
                r = each->held(&held, each->userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int op_held(void *userdata, const char *name,
                   int (*each)(const HeldStatus *status, void *userdata), void *eachdata,
                   ControlError *reterr) {
        Manager *manager = userdata;
        size_t first, end;
        int r;

        r = choose(manager, name, &first, &end, reterr);
        for (size_t i = first; r >= 0 && i < end; i++) {
                EachMailbox context = {
                        .held = each,
                        .userdata = eachdata,
                        .account = manager->accounts[i],
                };

                r = account_each_mailbox(manager->accounts[i], tell_held, &context);
        }
        return r;
}

/* --- jobs --- */

static int add_job(Manager *manager, const Job *job, const char *account) {
        Job *grown = reallocarray(manager->jobs, manager->n_jobs + 1, sizeof(*grown));
        char *copy = NULL;

        if (!grown)
                return -ENOMEM;
        manager->jobs = grown;
        if (account[0] && !(copy = strdup(account)))
                return -ENOMEM;
        grown[manager->n_jobs] = *job;
        grown[manager->n_jobs++].account = copy;
        manager_review_soon(manager);
        return 0;
}

static int start_job(Manager *manager, const Job *job, const char *name,
                     int (*start)(Account *account, const char *const *mailboxes,
                                  size_t n_mailboxes),
                     const char *const *mailboxes, size_t n_mailboxes, ControlError *reterr) {
        size_t first, end;
        int r;

        r = choose(manager, name, &first, &end, reterr);
        for (size_t i = first; r >= 0 && i < end; i++)
                r = start(manager->accounts[i], mailboxes, n_mailboxes);
        if (r == -ENOENT)
                *reterr = (ControlError){CONTROL_ERROR_NO_MAILBOX,
                                         "there is no such mailbox in this account"};
        return r < 0 ? r : add_job(manager, job, name);
}

static int op_sync(void *userdata, uint64_t id, const char *name, const char *const *mailboxes,
                   size_t n_mailboxes, ControlError *reterr) {
        return start_job(userdata, &(Job){.id = id}, name, account_sync, mailboxes, n_mailboxes,
                         reterr);
}

static int op_verify(void *userdata, uint64_t id, const char *name, const char *const *mailboxes,
                     size_t n_mailboxes, ControlError *reterr) {
        return start_job(userdata, &(Job){.id = id, .verifies = true}, name, account_verify,
                         mailboxes, n_mailboxes, reterr);
}

static int op_verify_digests(void *userdata, uint64_t id, const char *name,
                             const char *const *mailboxes, size_t n_mailboxes,
                             ControlError *reterr) {
        const Job job = {.id = id, .verifies = true, .verifies_bytes = true};

        return start_job(userdata, &job, name, account_verify_digests, mailboxes, n_mailboxes,
                         reterr);
}

void job_done(Job *job) {
        free(job->account);
        free(job->mailbox);
        free(job->file);
        *job = (Job){};
}

/* Is an account of this job still at work? Else: is it in sync, and what is wrong? */
static bool job_is_done(Manager *manager, const Job *job, bool *ret_in_sync,
                        const char **ret_sentence) {
        static char sentence[600];

        *ret_in_sync = true;
        *ret_sentence = "";
        for (size_t i = 0; i < manager->n_accounts; i++) {
                Account *account = manager->accounts[i];

                if (job->account && strcmp(job->account, account_name(account)) != 0)
                        continue;
                if (account_is_busy(account))
                        return false;
                if (account_is_in_sync(account))
                        continue;
                (void) snprintf(sentence, sizeof(sentence), "%s: %s", account_name(account),
                                account_sentence(account)[0]
                                        ? account_sentence(account)
                                        : account_state_name(account_state(account)));
                *ret_in_sync = false;
                *ret_sentence = sentence;
        }
        if (*ret_in_sync && job->n_differences > 0) {
                (void) snprintf(sentence, sizeof(sentence),
                                "%llu differences; “imapsyncctl sync” brings them in sync%s",
                                (unsigned long long) job->n_differences,
                                job->verifies_bytes ? ", but for bytes" : "");
                *ret_in_sync = false;
                *ret_sentence = sentence;
        }
        return true;
}

/* @now NULL: the server has not answered, and nothing more is under way. */
static void answer_inspect(Manager *manager, const Job *job, const EngineInspection *now) {
        Account *account = manager_find(manager, job->account);
        MessageStatus status;

        if (!account ||
            account_explain(account, job->mailbox, job->inspects, job->file, now, &status) < 0) {
                control_inspected(manager->control, job->id, NULL);
                return;
        }
        if (!now)
                status.remote_error = "it could not be asked";
        control_inspected(manager->control, job->id, &status);
}

void manager_on_inspected(Manager *manager, Account *account, const EngineNote *note) {
        size_t n_left = 0;

        for (size_t i = 0; i < manager->n_jobs; i++) {
                Job *job = &manager->jobs[i];

                if (job->inspects != note->uid ||
                    strcmp(job->account, account_name(account)) != 0 ||
                    strcmp(job->mailbox, note->mailbox) != 0) {
                        manager->jobs[n_left++] = *job;
                        continue;
                }
                answer_inspect(manager, job, note->inspection);
                job_done(job);
        }
        manager->n_jobs = n_left;
}

void manager_finish_jobs(Manager *manager) {
        size_t n_left = 0;

        for (size_t i = 0; i < manager->n_jobs; i++) {
                const char *sentence;
                bool in_sync;

                if (!job_is_done(manager, &manager->jobs[i], &in_sync, &sentence)) {
                        manager->jobs[n_left++] = manager->jobs[i];
                        continue;
                }
                if (manager->jobs[i].inspects > 0)
                        answer_inspect(manager, &manager->jobs[i], NULL);
                else
                        control_finished(manager->control, manager->jobs[i].id, in_sync, sentence);
                job_done(&manager->jobs[i]);
        }
        manager->n_jobs = n_left;
}

static int op_pause(void *userdata, const char *name, bool pause, ControlError *reterr) {
        Manager *manager = userdata;
        size_t first, end;
        int r;

        r = choose(manager, name, &first, &end, reterr);
        for (size_t i = first; r >= 0 && i < end; i++)
                account_pause(manager->accounts[i], pause);
        return r;
}

static int op_confirm(void *userdata, const char *name, const char *mailbox, ControlError *reterr) {
        Account *account = manager_find(userdata, name);

        if (!account)
                return no_account(name, reterr);
        if (account_confirm(account, mailbox) == 0)
                return 0;
        *reterr = (ControlError){CONTROL_ERROR_NOT_HELD, "nothing is held in this mailbox"};
        return -EINVAL;
}

static int op_explain(void *userdata, const char *name, const char *mailbox, uint32_t uid,
                      const char *file, MessageStatus *ret_status, ControlError *reterr) {
        Account *account = manager_find(userdata, name);
        int r;

        if (!account)
                return no_account(name, reterr);
        r = account_explain(account, mailbox, uid, file, NULL, ret_status);
        if (r == -ENOENT)
                *reterr = (ControlError){CONTROL_ERROR_NO_MAILBOX,
                                         "there is no such mailbox in this account"};
        return r;
}

static int op_inspect(void *userdata, uint64_t id, const char *name, const char *mailbox,
                      uint32_t uid, const char *file, MessageStatus *ret_status,
                      ControlError *reterr) {
        Manager *manager = userdata;
        Job job = {.id = id};
        int r;

        r = op_explain(manager, name, mailbox, uid, file, ret_status, reterr);
        if (r < 0)
                return r;
        job.inspects = ret_status->remote_uid;
        job.mailbox = strdup(ret_status->mailbox);
        job.file = strdup(file);
        if (!job.mailbox || !job.file) {
                job_done(&job);
                return -ENOMEM;
        }
        ret_status->remote_error =
                account_inspect(manager_find(manager, name), job.mailbox, job.inspects);
        if (ret_status->remote_error) {
                job_done(&job);
                return 1;
        }
        r = add_job(manager, &job, name);
        if (r < 0)
                job_done(&job);
        return r;
}

static int op_policy(void *userdata, PolicyStatus *ret_status, ControlError *reterr) {
        (void) reterr;
        *ret_status = manager_policy_status(userdata);
        return 0;
}

static int op_set_policy(void *userdata, const char *name, const char *span, ControlError *reterr) {
        const char *sentence;
        int r;

        r = manager_force_policy(userdata, name, span, &sentence);
        if (r < 0)
                *reterr = (ControlError){CONTROL_ERROR_FAILED, sentence};
        return r;
}

static int op_reload(void *userdata, ControlError *reterr) {
        const char *sentence;
        int r;

        r = manager_reload(userdata, &sentence);
        if (r < 0)
                *reterr = (ControlError){CONTROL_ERROR_CONFIG, sentence};
        return r;
}

static int op_stop(void *userdata, ControlError *reterr) {
        (void) reterr;
        manager_stop(userdata);
        return 0;
}

const ControlOps manager_control_ops = {
        .status = op_status,
        .mailboxes = op_mailboxes,
        .held = op_held,
        .sync = op_sync,
        .verify = op_verify,
        .verify_digests = op_verify_digests,
        .pause = op_pause,
        .confirm = op_confirm,
        .explain = op_explain,
        .inspect = op_inspect,
        .policy = op_policy,
        .set_policy = op_set_policy,
        .reload = op_reload,
        .stop = op_stop,
};
