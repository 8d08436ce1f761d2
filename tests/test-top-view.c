/* The live view's frame: it fits, the latest events have their place, and rates are those of lately. */

#include <locale.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/macro.h"
#include "ctl/top-view.h"
#include "test.h"

#define SEC UINT64_C(1000000)

static sd_bus *bus;
static int fds[2]; /* [1] is never read */

static void bus_open(void) {
        assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        assert(sd_bus_new(&bus) >= 0);
        assert(sd_bus_set_fd(bus, fds[0], fds[0]) >= 0);
        assert(sd_bus_start(bus) >= 0);
}

static sd_bus_message *new_signal(void) {
        sd_bus_message *message = NULL;

        assert(sd_bus_message_new_signal(bus, &message, "/a", "a.b", "C") >= 0);
        return message;
}

/* @n accounts in sync, but the last one refused; each has had @bytes from its server. */
static void take(TopView *view, unsigned n, const char *state, uint64_t bytes, uint64_t now) {
        sd_bus_message *message = new_signal();

        assert(sd_bus_message_open_container(message, 'a', "a{sv}") >= 0);
        for (unsigned i = 0; i < n; i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "number-%u", i);
                assert(sd_bus_message_append(
                               message, "a{sv}", 6, "name", "s", name, "state", "s",
                               i > 0 && i + 1 == n ? "refused" : state, "sentence", "s",
                               i > 0 && i + 1 == n ? "The server refuses the password, and says so "
                                                     "in a sentence that is longer than a line"
                                                   : "",
                               "bytes_in", "t", bytes, "wakeups_hour", "t", UINT64_C(7),
                               "bytes_hour", "t", UINT64_C(1500)) >= 0);
        }
        assert(sd_bus_message_close_container(message) >= 0);
        assert(sd_bus_message_seal(message, 1, 0) >= 0);
        assert(top_view_take(view, message, now) == 0);
        sd_bus_message_unref(message);
}

static void tell(TopView *view, const char *mailbox, const char *event, uint64_t done,
                 uint64_t total, uint64_t now) {
        sd_bus_message *message = new_signal();
        Row row;

        assert(sd_bus_message_append(message, "a{sv}", 6, "account", "s", "number-0", "mailbox",
                                     "s", mailbox, "event", "s", event, "message", "s",
                                     "something that is told\033[2J", "done", "t", done, "total",
                                     "t", total) >= 0);
        assert(sd_bus_message_seal(message, 1, 0) >= 0);
        assert(row_read(message, &row) == 1);
        assert(top_view_event(view, &row, now) == 0);
        sd_bus_message_unref(message);
}

static char *draw(const TopView *view, size_t width, size_t n_rows) {
        const Screen screen = {.width = width, .now_usec = 1000 * SEC};
        Buffer buffer = BUFFER_NULL;

        assert(top_view_draw(view, &screen, n_rows, &buffer) == 0);
        return buffer_steal_string(&buffer);
}

static void test_fits(void) {
        static const struct {
                const char *label;
                size_t width, n_rows;
                unsigned n_accounts, n_events;
                bool all_accounts;
        } rows[] = {
                {"80x24",                     80,  24, 3,  10,  true },
                {"120x40",                    120, 40, 3,  100, true },
                {"more accounts than lines",  80,  24, 40, 100, false},
                {"more events than are kept", 80,  60, 1,  500, true },
                {"a small one",               60,  8,  2,  5,   false},
                {"hardly a terminal",         20,  3,  2,  5,   false},
                {"a line",                    80,  1,  2,  5,   false},
                {"nothing has happened",      80,  24, 1,  0,   true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(top_view_done) TopView view = TOP_VIEW_NULL;
                _cleanup_free_ char *text = NULL;
                char *left;
                const char *line;
                size_t n = 0;

                take(&view, rows[i].n_accounts, "in sync", 0, SEC);
                for (unsigned e = 0; e < rows[i].n_events; e++)
                        tell(&view, e + 1 == rows[i].n_events ? "latest" : "INBOX", "synced", 0, 0,
                             SEC);
                text = draw(&view, rows[i].width, rows[i].n_rows);
                TEST_ROW(rows[i].label, !strchr(text, '\033'));
                if (rows[i].n_events > 0 && rows[i].n_rows > 6)
                        TEST_ROW(rows[i].label, strstr(text, "number-0/latest"));
                if (rows[i].all_accounts)
                        TEST_ROW(rows[i].label, strstr(text, "\nnumber-0 "));
                for (left = text; (line = strsep(&left, "\n")); n++)
                        if (rows[i].width >= 60) /* below that the table's titles are wider */
                                TEST_ROW(rows[i].label,
                                         text_width(bytes_of(line)) <= rows[i].width);
                TEST_ROW(rows[i].label, n <= rows[i].n_rows);
        }
}

static void test_moves(void) {
        _cleanup_(top_view_done) TopView view = TOP_VIEW_NULL;
        _cleanup_free_ char *text = NULL, *still = NULL;

        take(&view, 1, "in sync", 5000000, SEC);
        assert(!top_view_moves(&view)); /* what it had before is no rate */
        take(&view, 1, "in sync", 5003000, 3 * SEC);
        assert(top_view_moves(&view));
        text = draw(&view, 80, 24);
        assert(strstr(text, "1.5 kB/s"));
        take(&view, 1, "in sync", 5003000, 4 * SEC);
        assert(!top_view_moves(&view));
        still = draw(&view, 80, 24);
        assert(!strstr(still, "/s"));
        take(&view, 1, "connecting", 0, 5 * SEC); /* the daemon was restarted */
        assert(top_view_moves(&view) && view.rates[0].in_rate == 0);
}

/* A transfer is shown until its mailbox is told of, or it has been quiet for long. */
static void test_works(void) {
        _cleanup_(top_view_done) TopView view = TOP_VIEW_NULL;
        _cleanup_free_ char *text = NULL, *fewer = NULL;

        take(&view, 1, "in sync", 0, SEC);
        tell(&view, "INBOX", "progress", 10, 40, SEC);
        tell(&view, "Sent", "progress", 20, 40, SEC);
        tell(&view, "INBOX", "progress", 30, 40, 2 * SEC);
        text = draw(&view, 80, 24);
        assert(top_view_moves(&view));
        assert(strstr(text, "30 of 40   75 %") && strstr(text, "20 of 40   50 %"));
        tell(&view, "INBOX", "synced", 0, 0, 3 * SEC);
        fewer = draw(&view, 80, 24);
        assert(!strstr(fewer, "30 of 40") && strstr(fewer, "20 of 40   50 %"));
        take(&view, 1, "in sync", 0, 9 * SEC);
        assert(!top_view_moves(&view));
}

int main(void) {
        assert(setlocale(LC_CTYPE, "C.UTF-8"));
        bus_open();

        test_fits();
        test_moves();
        test_works();

        sd_bus_unref(bus);
        (void) close(fds[1]);
        return 0;
}
