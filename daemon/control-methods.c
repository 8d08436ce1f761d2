/*
 * The methods of the control interface: each reads its arguments, asks the Manager, and answers.
 */

#include <errno.h>

#include "daemon/control-message.h"
#include "daemon/control-private.h"

#define QUEUED_ASK_MAX 16   /* messages unread before a client is refused another long answer */
#define MAILBOXES_MAX  4096 /* that one call names */

static void free_strings(char ***strings) {
        for (char **s = *strings; s && *s; s++)
                free(*s);
        free(*strings);
}

static int fail(sd_bus_error *reterr, const char *name, const char *text) {
        _cleanup_free_ char *fit = message_text(text);

        return sd_bus_error_set(reterr, name, fit);
}

/* The Manager said no: in its own words, or else in those of the errno. */
static int fail_op(sd_bus_error *reterr, int r, const ControlError *error) {
        if (error->name)
                return fail(reterr, error->name, error->text ? error->text : "");
        return fail(reterr, CONTROL_ERROR_FAILED, strerror(-r));
}

/* An answer may be long, so nobody gets another while many wait to be read. */
static int check_queue(Client *client, sd_bus_error *reterr) {
        if (client_queued(client) > QUEUED_ASK_MAX)
                return fail(reterr, CONTROL_ERROR_FAILED,
                            "Too much is unread on this connection: read first, then ask again.");
        return 0;
}

/* Begin to answer a call of one string (an account) with rows. */
static int rows_begin(sd_bus_message *call, Client *client, sd_bus_error *reterr,
                      const char **ret_account, sd_bus_message **ret_reply) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = check_queue(client, reterr);
        if (r < 0)
                return r;
        r = sd_bus_message_read(call, "s", ret_account);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r < 0)
                return r;

        *ret_reply = TAKE_PTR(reply);
        return 0;
}

static int rows_end(sd_bus_message *reply) {
        int r = sd_bus_message_close_container(reply);

        return r < 0 ? r : sd_bus_message_send(reply);
}

static int each_account(const AccountStatus *status, void *userdata) {
        return message_append_account(userdata, status);
}

static int each_mailbox(const MailboxStatus *status, void *userdata) {
        return message_append_mailbox(userdata, status);
}

static int each_held(const HeldStatus *status, void *userdata) {
        return message_append_held(userdata, status);
}

static int method_status(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        Client *client = userdata;
        Control *control = client->control;
        ControlError error = {};
        const char *account;
        int r;

        r = rows_begin(call, client, reterr, &account, &reply);
        if (r < 0)
                return r;
        r = control->ops->status(control->manager, account, each_account, reply, &error);
        return r < 0 ? fail_op(reterr, r, &error) : rows_end(reply);
}

static int method_mailboxes(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        Client *client = userdata;
        Control *control = client->control;
        ControlError error = {};
        const char *account;
        int r;

        r = rows_begin(call, client, reterr, &account, &reply);
        if (r < 0)
                return r;
        r = control->ops->mailboxes(control->manager, account, each_mailbox, reply, &error);
        return r < 0 ? fail_op(reterr, r, &error) : rows_end(reply);
}

static int method_held(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        Client *client = userdata;
        Control *control = client->control;
        ControlError error = {};
        const char *account;
        int r;

        r = rows_begin(call, client, reterr, &account, &reply);
        if (r < 0)
                return r;
        r = control->ops->held(control->manager, account, each_held, reply, &error);
        return r < 0 ? fail_op(reterr, r, &error) : rows_end(reply);
}

typedef int (*JobOp)(void *manager, uint64_t job, const char *account, const char *const *mailboxes,
                     size_t n_mailboxes, ControlError *reterr);

/* The job's place is taken before the Manager starts it, since what it says belongs to somebody. */
static int start_job(sd_bus_message *call, Client *client, JobOp op, sd_bus_error *reterr) {
        _cleanup_(free_strings) char **mailboxes = NULL;
        Control *control = client->control;
        Job *job = client_find_job(client, 0);
        ControlError error = {};
        size_t n_mailboxes = 0;
        const char *account;
        int r;

        r = sd_bus_message_read(call, "s", &account);
        if (r < 0)
                return r;
        r = sd_bus_message_read_strv(call, &mailboxes);
        if (r < 0)
                return r;
        while (mailboxes && mailboxes[n_mailboxes])
                n_mailboxes++;
        if (!job || n_mailboxes > MAILBOXES_MAX)
                return fail(reterr, CONTROL_ERROR_FAILED,
                            job ? "Too many mailboxes in one call."
                                : "Too many jobs of this client are under way.");

        *job = (Job){.id = ++control->last_job};
        r = op(control->manager, job->id, account, (const char *const *) mailboxes, n_mailboxes,
               &error);
        if (r < 0) {
                *job = (Job){};
                return fail_op(reterr, r, &error);
        }
        return sd_bus_reply_method_return(call, "t", control->last_job);
}

static int method_sync(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        Client *client = userdata;

        return start_job(call, client, client->control->ops->sync, reterr);
}

static int method_verify(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        Client *client = userdata;

        return start_job(call, client, client->control->ops->verify, reterr);
}

static int method_verify_digests(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        Client *client = userdata;

        return start_job(call, client, client->control->ops->verify_digests, reterr);
}

int control_reply_explained(sd_bus_message *call, const MessageStatus *status) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(call, &reply);

        if (r >= 0)
                r = message_append_explained(reply, status);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int method_explain(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        Client *client = userdata;
        Control *control = client->control;
        const char *account, *mailbox, *file;
        MessageStatus status = {};
        ControlError error = {};
        uint32_t uid;
        int r;

        r = check_queue(client, reterr);
        if (r < 0)
                return r;
        r = sd_bus_message_read(call, "ssus", &account, &mailbox, &uid, &file);
        if (r < 0)
                return r;
        r = control->ops->explain(control->manager, account, mailbox, uid, file, &status, &error);
        return r < 0 ? fail_op(reterr, r, &error) : control_reply_explained(call, &status);
}

/* The call is answered when the server has answered. */
static int method_inspect(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        Client *client = userdata;
        Control *control = client->control;
        Job *job = client_find_job(client, 0);
        const char *account, *mailbox, *file;
        MessageStatus status = {};
        ControlError error = {};
        uint32_t uid;
        int r;

        r = check_queue(client, reterr);
        if (r < 0)
                return r;
        r = sd_bus_message_read(call, "ssus", &account, &mailbox, &uid, &file);
        if (r < 0)
                return r;
        if (!job)
                return fail(reterr, CONTROL_ERROR_FAILED,
                            "Too many jobs of this client are under way.");
        *job = (Job){.id = ++control->last_job, .call = sd_bus_message_ref(call)};
        r = control->ops->inspect(control->manager, job->id, account, mailbox, uid, file, &status,
                                  &error);
        if (r == 0)
                return 1;
        sd_bus_message_unref(job->call);
        *job = (Job){};
        return r < 0 ? fail_op(reterr, r, &error) : control_reply_explained(call, &status);
}

static int pause_account(sd_bus_message *call, Client *client, bool pause, sd_bus_error *reterr) {
        Control *control = client->control;
        ControlError error = {};
        const char *account;
        int r;

        r = sd_bus_message_read(call, "s", &account);
        if (r < 0)
                return r;
        r = control->ops->pause(control->manager, account, pause, &error);
        return r < 0 ? fail_op(reterr, r, &error) : sd_bus_reply_method_return(call, NULL);
}

static int method_pause(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        return pause_account(call, userdata, true, reterr);
}

static int method_resume(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        return pause_account(call, userdata, false, reterr);
}

static int method_confirm(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        Client *client = userdata;
        Control *control = client->control;
        const char *account, *mailbox;
        ControlError error = {};
        int r;

        r = sd_bus_message_read(call, "ss", &account, &mailbox);
        if (r < 0)
                return r;
        r = control->ops->confirm(control->manager, account, mailbox, &error);
        return r < 0 ? fail_op(reterr, r, &error) : sd_bus_reply_method_return(call, NULL);
}

static int method_policy(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        Client *client = userdata;
        Control *control = client->control;
        PolicyStatus status = {};
        ControlError error = {};
        int r;

        r = check_queue(client, reterr);
        if (r < 0)
                return r;
        r = control->ops->policy(control->manager, &status, &error);
        if (r < 0)
                return fail_op(reterr, r, &error);
        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = message_append_policy(reply, &status);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int method_set_policy(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        Client *client = userdata;
        Control *control = client->control;
        const char *name, *span;
        ControlError error = {};
        int r;

        r = sd_bus_message_read(call, "ss", &name, &span);
        if (r < 0)
                return r;
        r = control->ops->set_policy(control->manager, name, span, &error);
        return r < 0 ? fail_op(reterr, r, &error) : sd_bus_reply_method_return(call, NULL);
}

static int method_reload(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        Client *client = userdata;
        Control *control = client->control;
        ControlError error = {};
        int r;

        r = control->ops->reload(control->manager, &error);
        return r < 0 ? fail_op(reterr, r, &error) : sd_bus_reply_method_return(call, NULL);
}

static int method_stop(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        Client *client = userdata;
        Control *control = client->control;
        ControlError error = {};
        int r;

        r = control->ops->stop(control->manager, &error);
        return r < 0 ? fail_op(reterr, r, &error) : sd_bus_reply_method_return(call, NULL);
}

static int method_version(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        (void) userdata;
        (void) reterr;
        return sd_bus_reply_method_return(call, "s", IMAPSYNCD_VERSION);
}

static int method_watch(sd_bus_message *call, void *userdata, sd_bus_error *reterr) {
        Client *client = userdata;
        int watches, r;

        (void) reterr;
        r = sd_bus_message_read(call, "b", &watches);
        if (r < 0)
                return r;
        client->watches = watches;
        return sd_bus_reply_method_return(call, NULL);
}

/* Everyone who gets as far as this is the daemon's own user: nothing is privileged. */
#define METHOD(name, in, out, handler)                                                             \
        SD_BUS_METHOD(name, in, out, handler, SD_BUS_VTABLE_UNPRIVILEGED)

const sd_bus_vtable control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("Status", "s", "aa{sv}", method_status),
        METHOD("Mailboxes", "s", "aa{sv}", method_mailboxes),
        METHOD("Held", "s", "aa{sv}", method_held),
        METHOD("Sync", "sas", "t", method_sync),
        METHOD("Verify", "sas", "t", method_verify),
        METHOD("Pause", "s", NULL, method_pause),
        METHOD("Resume", "s", NULL, method_resume),
        METHOD("Confirm", "ss", NULL, method_confirm),
        METHOD("VerifyDigests", "sas", "t", method_verify_digests),
        METHOD("Explain", "ssus", "a{sv}", method_explain),
        METHOD("Inspect", "ssus", "a{sv}", method_inspect),
        METHOD("Policy", NULL, "a{sv}", method_policy),
        METHOD("SetPolicy", "ss", NULL, method_set_policy),
        METHOD("Reload", NULL, NULL, method_reload),
        METHOD("Stop", NULL, NULL, method_stop),
        METHOD("Version", NULL, "s", method_version),
        METHOD("Watch", "b", NULL, method_watch),
        SD_BUS_SIGNAL("Event", "a{sv}", 0),
        SD_BUS_SIGNAL("Progress", "ta{sv}", 0),
        SD_BUS_SIGNAL("Difference", "ta{sv}", 0),
        SD_BUS_SIGNAL("Finished", "tbs", 0),
        SD_BUS_VTABLE_END,
};
