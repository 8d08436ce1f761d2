/*
 * Fuzz the control socket: whatever a client of ours says, it is answered or thrown out, and no trace
 * of it stays
 *
 * The first byte: 1, the client has made itself known already; 2, it says all in two pieces; 4, it goes
 * away without a read. The rest is what it says: D-Bus, or not.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/control.h"
#include "daemon/control.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TURNS_MAX = 10000, JOBS_MAX = 64 };

typedef struct Fake {
        sd_event *event;
        Control *control;
        struct sockaddr_un address;
        socklen_t address_size;
        uint64_t jobs[JOBS_MAX]; /* to be finished */
        unsigned n_jobs;
        uint64_t inspects; /* the same; 0: none */
} Fake;

static int fake_status(void *manager, const char *account,
                       int (*each)(const AccountStatus *status, void *userdata), void *userdata,
                       ControlError *reterr) {
        (void) manager, (void) reterr;
        return each(&(AccountStatus){.name = account, .sentence = account}, userdata);
}

static int fake_mailboxes(void *manager, const char *account,
                          int (*each)(const MailboxStatus *status, void *userdata), void *userdata,
                          ControlError *reterr) {
        (void) manager, (void) reterr;
        return each(&(MailboxStatus){.name = account}, userdata);
}

static int fake_held(void *manager, const char *account,
                     int (*each)(const HeldStatus *status, void *userdata), void *userdata,
                     ControlError *reterr) {
        (void) manager, (void) reterr;
        return each(&(HeldStatus){.mailbox = account}, userdata);
}

static int fake_job(void *manager, uint64_t job, const char *account, const char *const *mailboxes,
                    size_t n_mailboxes, ControlError *reterr) {
        Fake *fake = manager;

        (void) reterr;
        for (size_t i = 0; i < n_mailboxes; i++)
                assert(mailboxes[i] && strlen(mailboxes[i]) < SIZE_MAX);
        if (account[0] == '?' || fake->n_jobs == JOBS_MAX)
                return -EBUSY;
        fake->jobs[fake->n_jobs++] = job;
        return 0;
}

static int fake_pause(void *manager, const char *account, bool pause, ControlError *reterr) {
        (void) manager, (void) pause;
        *reterr = (ControlError){CONTROL_ERROR_NO_ACCOUNT, account};
        return -EINVAL;
}

static int fake_confirm(void *manager, const char *account, const char *mailbox,
                        ControlError *reterr) {
        (void) manager, (void) account;
        *reterr = (ControlError){CONTROL_ERROR_NOT_HELD, mailbox};
        return -EINVAL;
}

static int fake_explain(void *manager, const char *account, const char *mailbox, uint32_t uid,
                        const char *file, MessageStatus *ret_status, ControlError *reterr) {
        (void) manager, (void) reterr;
        *ret_status = (MessageStatus){
                .account = account,
                .mailbox = mailbox,
                .folder = "",
                .file = file,
                .remote_uid = uid,
                .flags = "",
                .parked = "",
                .verdict = "",
        };
        return 0;
}

/* At once, or later as the jobs are. */
static int fake_inspect(void *manager, uint64_t job, const char *account, const char *mailbox,
                        uint32_t uid, const char *file, MessageStatus *ret_status,
                        ControlError *reterr) {
        Fake *fake = manager;

        (void) fake_explain(manager, account, mailbox, uid, file, ret_status, reterr);
        if (uid == 0 || fake->inspects > 0)
                return 1;
        fake->inspects = job;
        return 0;
}

static int fake_nothing(void *manager, ControlError *reterr) {
        (void) manager, (void) reterr;
        return 0;
}

static const ControlOps fake_ops = {
        .status = fake_status,
        .mailboxes = fake_mailboxes,
        .held = fake_held,
        .sync = fake_job,
        .verify = fake_job,
        .verify_digests = fake_job,
        .explain = fake_explain,
        .inspect = fake_inspect,
        .pause = fake_pause,
        .confirm = fake_confirm,
        .reload = fake_nothing,
        .stop = fake_nothing,
};

/* A socket without a name in any folder. */
static void fake_open(Fake *fake) {
        const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        fake->address.sun_family = AF_UNIX;
        fake->address_size = sizeof(fake->address);
        assert(fd >= 0 && bind(fd, (struct sockaddr *) &fake->address, sizeof(sa_family_t)) == 0);
        assert(getsockname(fd, (struct sockaddr *) &fake->address, &fake->address_size) == 0);
        assert(listen(fd, 8) == 0);
        assert(sd_event_new(&fake->event) >= 0);
        assert(control_new(fake->event, NULL, fd, &fake_ops, fake, &fake->control) == 0);
}

static void finish_jobs(Fake *fake) {
        for (unsigned i = 0; i < fake->n_jobs; i++) {
                control_progress(fake->control, fake->jobs[i],
                                 &(ControlProgress){"work", "INBOX", 1, 2, 3, 4});
                control_difference(fake->control, fake->jobs[i],
                                   &(VerifyDifference){"work", "INBOX", 1, "differs"});
                control_finished(fake->control, fake->jobs[i], true, NULL);
        }
        fake->n_jobs = 0;
        if (fake->inspects > 0)
                control_inspected(fake->control, fake->inspects, NULL);
        fake->inspects = 0;
        control_event(fake->control, &(ControlEvent){.account = "work", .event = "synced"});
}

static void drain(int fd) {
        char buffer[4096];

        while (fd >= 0 && recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
                ;
}

/* Until nothing is left to do. */
static void run(Fake *fake, int client) {
        for (unsigned i = 0; sd_event_run(fake->event, 0) > 0; i++) {
                assert(i < TURNS_MAX);
                drain(client);
        }
}

static void say(Fake *fake, int client, const void *data, size_t size) {
        (void) send(client, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        run(fake, client);
}

static void talk(Fake *fake, int client, const uint8_t *data, size_t size) {
        static const char hello[] = "\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";
        const size_t first = data[0] & 2 ? 1 + size / 2 : size;

        run(fake, client);
        if (data[0] & 1)
                say(fake, client, hello, sizeof(hello) - 1);
        say(fake, client, data + 1, first - 1);
        if (size > first)
                say(fake, client, data + first, size - first);
        if (!(data[0] & 4))
                finish_jobs(fake);
        run(fake, client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static Fake fake;
        int client;

        if (!fake.control)
                fake_open(&fake);
        if (size < 1)
                return 0;

        client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert(client >= 0 &&
               connect(client, (struct sockaddr *) &fake.address, fake.address_size) == 0);
        talk(&fake, client, data, size);
        (void) close(client);
        run(&fake, -1);

        assert(!control_is_watched(fake.control));
        finish_jobs(&fake); /* nobody's now */
        run(&fake, -1);
        return 0;
}
