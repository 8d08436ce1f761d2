/* A daemon that is nothing but its control socket. */

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "core/control.h"
#include "daemon/control.h"
#include "fake-manager.h"
#include "test.h"

#define MINUTE_USEC UINT64_C(60000000)

typedef struct Fake {
        sd_event *event;
        Control *control;
        sd_event_source *work; /* carries on with the job, from the loop */
        uint64_t job;
        char account[64];
        bool verify;
        bool told;
        MessageStatus inspected;
        char text[256];
} Fake;

static const char *const account_names[] = {"work", "home", "stuck", "flood"};

static uint64_t ago(uint64_t minutes) {
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return (uint64_t) ts.tv_sec * 1000000 - minutes * MINUTE_USEC - MINUTE_USEC / 2;
}

static int no_account(Fake *fake, const char *account, ControlError *reterr) {
        for (size_t i = 0; i < ARRAY_SIZE(account_names); i++)
                if (strcmp(account, account_names[i]) == 0 || account[0] == '\0')
                        return 0;

        snprintf(fake->text, sizeof(fake->text), "There is no account “%s”.", account);
        *reterr = (ControlError){CONTROL_ERROR_NO_ACCOUNT, fake->text};
        return -EINVAL;
}

static int fake_status(void *manager, const char *account,
                       int (*each)(const AccountStatus *status, void *userdata), void *userdata,
                       ControlError *reterr) {
        Fake *fake = manager;
        const AccountStatus accounts[] = {
                {
                 .name = "work",
                 .state = ACCOUNT_STATE_IN_SYNC,
                 .sentence = "",
                 .remote = "imap.example.org:993",
                 .local = "/home/me/Mail/work",
                 .waits = "NOTIFY",
                 .quirks = "notify-goes-quiet",
                 .proxy = "socks5://localhost:9050",
                 .policy = "battery",
                 .policy_why = "on battery",
                 .wakeups_hour = 12,
                 .bytes_hour = 3400,
                 .mailboxes = 12,
                 .messages = 10200,
                 .last_sync_usec = ago(3),
                 .connected_usec = ago(125),
                 .bytes_in = 1234567,
                 .bytes_out = 8900,
                 .compressed = true,
                 .encrypted = true,
                 .flags_since_usec = ago(120),
                 .left_out = "[Gmail]/All Mail",
                 .old = 0,
                 },
                {
                 .name = "home",
                 .state = ACCOUNT_STATE_REFUSED,
                 .sentence = "The server refuses the password (\"\033[31m\377AUTH\"). "
                                    "Mend it, then: imapsyncctl resume home",                                .remote = "mail.example.net:993",
                 .local = "/usr/lib/dovecot/imap",
                 .local_waits = "NOTIFY",
                 .local_quirks = "notify-goes-quiet",
                 .local_connected_usec = ago(125),
                 .local_bytes_in = 2048,
                 .local_bytes_out = 1024,
                 .local_encrypted = true,
                 .warning = "on-change exited with status 3: \033[31m",
                 .messages = 310,
                 .mailboxes = 4,
                 .pending = 1,
                 .held = 25,
                 .parked = 1,
                 .bytes_left = 1234567890,
                 .direction = "mixed",
                 .alone = 2,
                 .large = 1,
                 .old = 3,
                 },
        };
        const AccountStatus probe = {.name = "probe",
                                     .messages = control_is_watched(fake->control)};
        int r = 0;

        if (strcmp(account, "probe") == 0)
                return each(&probe, userdata);
        r = no_account(fake, account, reterr);
        for (size_t i = 0; i < ARRAY_SIZE(accounts) && r >= 0; i++)
                if (account[0] == '\0' || strcmp(account, accounts[i].name) == 0)
                        r = each(&accounts[i], userdata);
        return r;
}

static int fake_mailboxes(void *manager, const char *account,
                          int (*each)(const MailboxStatus *status, void *userdata), void *userdata,
                          ControlError *reterr) {
        const MailboxStatus mailboxes[] = {
                {
                 .name = "INBOX",
                 .messages = 1200,
                 .unseen = 7,
                 .pending = 3,
                 .last_change_usec = ago(10),
                 },
                {
                 .name = "Entwürfe/日本",
                 .messages = 2,
                 .flags_since_usec = ago(120),
                 .error = "",
                 .direction = "archive",
                 .alone = 1,
                 .large = 2,
                 .surplus = 1,
                 },
                {
                 .name = "odd\tname",
                 .held = 21,
                 .error = "The server says NO to APPEND: over quota.",
                 },
                {
                 .name = "[Gmail]/All Mail",
                 .left_out = "left out: it shows every message a second time",
                 },
        };
        int r = no_account(manager, account, reterr);

        if (strcmp(account, "work") != 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(mailboxes) && r >= 0; i++)
                r = each(&mailboxes[i], userdata);
        return r;
}

static int fake_held(void *manager, const char *account,
                     int (*each)(const HeldStatus *status, void *userdata), void *userdata,
                     ControlError *reterr) {
        const HeldStatus held = {
                .account = "home",
                .mailbox = "INBOX",
                .side = "local",
                .vanished = 25,
                .messages = 100,
                .since_usec = ago(2 * 24 * 60),
                .reason = "More than 25 % of the mailbox vanished at once.",
        };
        int r = no_account(manager, account, reterr);

        if (r < 0 || strcmp(account, "work") == 0)
                return r;
        return each(&held, userdata);
}

static void finish_sync(Fake *fake) {
        if (strcmp(fake->account, "home") == 0) {
                control_finished(fake->control, fake->job, false,
                                 "home: The server refuses the password.");
                return;
        }
        if (strcmp(fake->account, "stuck") == 0) {
                control_progress(fake->control, fake->job,
                                 &(ControlProgress){"stuck", "INBOX", 1, 4, 1000, 4000});
                return;
        }
        for (uint64_t done = 0; done <= 4; done += 2)
                control_progress(fake->control, fake->job,
                                 &(ControlProgress){"work", "INBOX", done, 4, done * 1000, 4000});
        control_finished(fake->control, fake->job, true, NULL);
}

static void finish_verify(Fake *fake) {
        const VerifyDifference differences[] = {
                {"work", "INBOX", 42, "the flags differ: \\Seen only on the remote" },
                {"work", "Sent",  0,  "only on the local side: 1700000000.M1P2.host"},
        };
        const bool flood = strcmp(fake->account, "flood") == 0;

        if (strcmp(fake->account, "home") == 0) {
                control_finished(fake->control, fake->job, true, "");
                return;
        }
        for (size_t i = 0; i < (flood ? 10000 : ARRAY_SIZE(differences)); i++)
                control_difference(fake->control, fake->job,
                                   &differences[i % ARRAY_SIZE(differences)]);
        control_finished(fake->control, fake->job, false, "Something differs.");
}

static void finish_inspect(Fake *fake) {
        control_inspected(fake->control, fake->job, &fake->inspected);
        fake->inspected = (MessageStatus){};
}

static int fake_on_work(sd_event_source *source, void *userdata) {
        Fake *fake = userdata;

        (void) source;
        if (fake->inspected.remote_uid > 0)
                finish_inspect(fake);
        else if (fake->verify)
                finish_verify(fake);
        else
                finish_sync(fake);
        return 0;
}

static int start(Fake *fake, uint64_t job, const char *account, bool verify) {
        fake->job = job;
        fake->verify = verify;
        snprintf(fake->account, sizeof(fake->account), "%s", account);
        return sd_event_source_set_enabled(fake->work, SD_EVENT_ONESHOT);
}

static int fake_sync(void *manager, uint64_t job, const char *account, const char *const *mailboxes,
                     size_t n_mailboxes, ControlError *reterr) {
        const ControlEvent event = {.account = "flood", .event = "synced", .message = "again"};
        Fake *fake = manager;
        int r = no_account(fake, account, reterr);

        if (r < 0)
                return r;
        if (n_mailboxes > 0 && strcmp(mailboxes[n_mailboxes - 1], "INBOX") != 0) {
                *reterr = (ControlError){CONTROL_ERROR_NO_MAILBOX, "There is no such mailbox."};
                return -EINVAL;
        }
        if (strcmp(account, "flood") == 0)
                for (size_t i = 0; i < 20000; i++)
                        control_event(fake->control, &event);
        return start(fake, job, account, false);
}

static int fake_verify(void *manager, uint64_t job, const char *account,
                       const char *const *mailboxes, size_t n_mailboxes, ControlError *reterr) {
        int r = no_account(manager, account, reterr);

        (void) mailboxes;
        (void) n_mailboxes;
        return r < 0 ? r : start(manager, job, account, true);
}

static int fake_pause(void *manager, const char *account, bool pause, ControlError *reterr) {
        int r = no_account(manager, account, reterr);

        /* without a sentence of its own: the errno's text must do */
        return r < 0 ? r : pause && strcmp(account, "stuck") == 0 ? -EBUSY : 0;
}

static int fake_explain(void *manager, const char *account, const char *mailbox, uint32_t uid,
                        const char *file, MessageStatus *ret_status, ControlError *reterr) {
        Fake *fake = manager;

        if (no_account(fake, account, reterr) < 0)
                return -EINVAL;
        if (strcmp(mailbox, "INBOX") != 0) {
                *reterr = (ControlError){CONTROL_ERROR_NO_MAILBOX, "There is no such mailbox."};
                return -ENOENT;
        }
        *ret_status = (MessageStatus){
                .account = account,
                .mailbox = mailbox,
                .folder = "",
                .file = file,
                .remote_uid = uid,
                .local_uid = 7,
                .known = uid > 0,
                .flags = "\\Seen work\033[2J",
                .uidvalidity = 3,
                .uidnext = 40,
                .modseq = 99,
                .parked = uid > 0 ? "" : "too large",
                .verdict = "Nothing is to be done.",
        };
        return 0;
}

static int fake_inspect(void *manager, uint64_t job, const char *account, const char *mailbox,
                        uint32_t uid, const char *file, MessageStatus *ret_status,
                        ControlError *reterr) {
        Fake *fake = manager;
        int r = fake_explain(manager, account, mailbox, uid, file, ret_status, reterr);

        if (r < 0)
                return r;
        if (uid == 0) {
                ret_status->remote_error = "there is no connection to it now";
                return 1;
        }
        fake->inspected = *ret_status;
        fake->inspected.account = "work";
        fake->inspected.mailbox = "INBOX";
        fake->inspected.file = "";
        fake->inspected.asked = true;
        fake->inspected.remote_has = uid != 43;
        fake->inspected.remote_flags = uid == 43 ? "" : "\\Flagged\033[2J";
        fake->inspected.remote_size = uid == 43 ? 0 : 1234;
        fake->inspected.remote_date_usec = uid == 43 ? 0 : ago(3);
        return start(fake, job, account, false);
}

static int fake_policy(void *manager, PolicyStatus *ret_status, ControlError *reterr) {
        (void) manager, (void) reterr;
        *ret_status = (PolicyStatus){
                .policy = "battery metered",
                .why = "on battery, NetworkManager guesses that the network is metered",
                .poll_interval_sec = 300,
                .upload_delay_sec = 30,
                .max_body = 1048576,
                .idle = "quiet",
                .all_mailboxes = true,
        };
        return 0;
}

static int fake_set_policy(void *manager, const char *name, const char *span,
                           ControlError *reterr) {
        (void) manager;
        if ((strcmp(name, "low") == 0 && strcmp(span, "2h") == 0) ||
            (strcmp(name, "auto") == 0 && !span[0]))
                return 0;
        *reterr = (ControlError){CONTROL_ERROR_FAILED, "there is no such policy"};
        return -EINVAL;
}

static int fake_confirm(void *manager, const char *account, const char *mailbox,
                        ControlError *reterr) {
        (void) manager;
        if (strcmp(account, "home") == 0 && strcmp(mailbox, "INBOX") == 0)
                return 0;
        *reterr = (ControlError){CONTROL_ERROR_NOT_HELD, "Nothing is held back there."};
        return -EINVAL;
}

static int fake_reload(void *manager, ControlError *reterr) {
        (void) manager;
        *reterr = (ControlError){CONTROL_ERROR_CONFIG, "imapsyncd.conf:3: unknown key “hots”"};
        return -EINVAL;
}

static int fake_stop(void *manager, ControlError *reterr) {
        Fake *fake = manager;

        (void) reterr;
        return sd_event_exit(fake->event, 0);
}

static const ControlOps fake_ops = {
        .status = fake_status,
        .mailboxes = fake_mailboxes,
        .held = fake_held,
        .sync = fake_sync,
        .verify = fake_verify,
        .verify_digests = fake_verify,
        .pause = fake_pause,
        .confirm = fake_confirm,
        .explain = fake_explain,
        .inspect = fake_inspect,
        .policy = fake_policy,
        .set_policy = fake_set_policy,
        .reload = fake_reload,
        .stop = fake_stop,
};

/* After everything else: has somebody begun to watch? */
static int fake_on_post(sd_event_source *source, void *userdata) {
        const ControlEvent synced = {
                .account = "work",
                .mailbox = "INBOX",
                .event = "synced",
                .message = "3 new",
                .new_local = 3,
        };
        const ControlEvent error = {
                .account = "home",
                .event = "error",
                .message = "gone\r\nfor \"good\"",
        };
        Fake *fake = userdata;

        (void) source;
        if (fake->told || !control_is_watched(fake->control)) {
                fake->told = control_is_watched(fake->control);
                return 0;
        }
        fake->told = true;
        control_event(fake->control, &synced);
        control_event(fake->control, &error);
        return 0;
}

int fake_manager_run(const char *path, int ready_fd) {
        Fake fake = {};
        sigset_t set;
        int r;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        assert(sigprocmask(SIG_BLOCK, &set, NULL) == 0);

        assert(sd_event_new(&fake.event) >= 0);
        assert(sd_event_add_signal(fake.event, NULL, SIGTERM, NULL, NULL) >= 0);
        assert(sd_event_add_defer(fake.event, &fake.work, fake_on_work, &fake) >= 0);
        assert(sd_event_source_set_enabled(fake.work, SD_EVENT_OFF) >= 0);
        assert(sd_event_add_post(fake.event, NULL, fake_on_post, &fake) >= 0);
        assert(control_new(fake.event, path, -1, &fake_ops, &fake, &fake.control) == 0);

        assert(write(ready_fd, "", 1) == 1);
        r = sd_event_loop(fake.event);

        fake.control = control_free(fake.control);
        sd_event_source_unref(fake.work);
        sd_event_unref(fake.event);
        return r;
}
