/* The system bus: services that are there, come, go and change hands, and a bus that does so itself. */

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/macro.h"
#include "daemon/log.h"
#include "daemon/system-bus.h"
#include "test.h"

#define SERVICE  "org.example.Service"
#define DEADLINE ((uint64_t) 20 * 1000000)
#define SKIPPED  77

static char folder[] = "/tmp/imapsyncd-bus-XXXXXX";
static char config_path[64], socket_path[64], log_path[64];

static pid_t bus_pid;

static void write_config(void) {
        FILE *file = fopen(config_path, "we");

        assert(file);
        fprintf(file,
                "<busconfig><type>system</type><listen>unix:path=%s</listen>"
                "<auth>EXTERNAL</auth><policy context=\"default\"><allow user=\"*\"/>"
                "<allow own=\"*\"/><allow send_destination=\"*\" eavesdrop=\"true\"/>"
                "<allow eavesdrop=\"true\"/></policy></busconfig>\n",
                socket_path);
        assert(fclose(file) == 0);
}

static bool bus_answers(void) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        const char *name;

        return sd_bus_open_system(&bus) >= 0 && sd_bus_get_unique_name(bus, &name) >= 0;
}

/* The daemon says nothing of when it listens but on a pipe, so the pipe is waited for. */
static void start_bus(void) {
        char number[32], address[256];
        int ends[2];

        assert(pipe(ends) == 0);
        bus_pid = fork();
        assert(bus_pid >= 0);
        if (bus_pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind */
                (void) snprintf(number, sizeof(number), "--print-address=%d", ends[1]);
                execlp("dbus-daemon", "dbus-daemon", "--nofork", "--nopidfile", "--config-file",
                       config_path, number, NULL);
                _exit(SKIPPED);
        }
        (void) close(ends[1]);
        if (read(ends[0], address, sizeof(address)) <= 0) {
                int status;

                assert(waitpid(bus_pid, &status, 0) == bus_pid);
                (void) rmdir(folder);
                exit(WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED ? SKIPPED : 1);
        }
        (void) close(ends[0]);
        assert(bus_answers());
}

static void stop_bus(void) {
        assert(kill(bus_pid, SIGKILL) == 0);
        assert(waitpid(bus_pid, NULL, 0) == bus_pid);
        (void) unlink(socket_path);
}

/* --- one who watches --- */

typedef struct Told {
        unsigned n_there, n_gone;
        sd_bus *bus;
} Told;

static void on_change(sd_bus *bus, void *userdata) {
        Told *told = userdata;

        told->bus = bus;
        if (bus)
                told->n_there++;
        else
                told->n_gone++;
}

static void run_until(sd_event *event, const unsigned *counter, unsigned wanted) {
        uint64_t begin, now;

        assert(sd_event_now(event, CLOCK_MONOTONIC, &begin) >= 0);
        do {
                assert(sd_event_run(event, 100000) >= 0);
                assert(sd_event_now(event, CLOCK_MONOTONIC, &now) >= 0);
                assert(now - begin < DEADLINE);
        } while (*counter < wanted);
        assert(*counter == wanted);
}

static sd_bus *own(void) {
        sd_bus *bus = NULL;

        assert(sd_bus_open_system(&bus) >= 0);
        assert(sd_bus_request_name(bus, SERVICE, 0) >= 0);
        return bus;
}

static void count_lines(const char *text, unsigned *ret_n) {
        char line[512];
        FILE *file = fopen(log_path, "re");

        assert(file);
        *ret_n = 0;
        while (fgets(line, sizeof(line), file))
                *ret_n += strstr(line, text) != NULL;
        (void) fclose(file);
}

static void test_service(sd_event *event, SystemBus *bus, Told *told) {
        sd_bus *owner;
        unsigned n;

        assert(system_bus_watch(bus, SERVICE, "the test goes on", on_change, told) >= 0);
        do {
                assert(sd_event_run(event, 100000) >= 0);
                count_lines("the test goes on", &n);
        } while (n == 0);
        assert(n == 1 && told->n_there == 0 && told->n_gone == 0);

        owner = own();
        run_until(event, &told->n_there, 1);
        assert(told->bus && told->n_gone == 0);
        sd_bus_flush_close_unref(owner);
        run_until(event, &told->n_gone, 1);
        assert(!told->bus);
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *reterr) {
        (void) reterr;
        *(unsigned *) userdata +=
                sd_bus_message_is_method_error(m, "org.freedesktop.DBus.Error.NameHasNoOwner")
                        ? 1
                        : 100;
        return 0;
}

/* Nobody is started, so the answer is that nobody is there. */
static void test_call(sd_event *event, Told *told) {
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        sd_bus *owner = own();
        unsigned n_replies = 0;

        run_until(event, &told->n_there, 2);
        assert(system_bus_call(told->bus, &slot, "org.example.Other", "/", "org.example.Other",
                               "Method", on_reply, &n_replies, "us", 7, "x") >= 0);
        run_until(event, &n_replies, 1);
        sd_bus_flush_close_unref(owner);
        run_until(event, &told->n_gone, 2);
}

/* It goes with its bus, comes back with it, and a bus that is missing is tried when somebody says so. */
static void test_bus_goes(sd_event *event, SystemBus *bus, Told *told) {
        sd_bus *owner = own();
        unsigned n;

        run_until(event, &told->n_there, 3);
        stop_bus();
        sd_bus_flush_close_unref(owner);
        run_until(event, &told->n_gone, 3);
        assert(!told->bus);

        system_bus_retry(bus);
        system_bus_retry(bus);
        start_bus();
        owner = own();
        system_bus_review(bus);
        assert(sd_event_run(event, 0) >= 0);
        assert(told->n_there == 3); /* it is too soon for another try */
        system_bus_retry(bus);
        run_until(event, &told->n_there, 4);
        count_lines("there is no system bus", &n);
        assert(n == 1);
        sd_bus_flush_close_unref(owner);
}

static void prepare(void) {
        assert(mkdtemp(folder));
        assert(chmod(folder, 0755) == 0);
        (void) snprintf(config_path, sizeof(config_path), "%s/bus.conf", folder);
        (void) snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
        (void) snprintf(log_path, sizeof(log_path), "%s/log", folder);
        write_config();
}

int main(void) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(system_bus_freep) SystemBus *bus = NULL;
        char address[96];
        Told told = {};

        prepare();
        (void) snprintf(address, sizeof(address), "unix:path=%s", socket_path);
        assert(setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1) == 0);
        start_bus();
        assert(freopen(log_path, "we", stderr));
        log_init(0);

        assert(sd_event_new(&event) >= 0);
        assert(system_bus_new(event, &bus) >= 0);
        test_service(event, bus, &told);
        test_call(event, &told);
        test_bus_goes(event, bus, &told);

        stop_bus();
        (void) unlink(config_path);
        (void) unlink(log_path);
        (void) rmdir(folder);
        return 0;
}
