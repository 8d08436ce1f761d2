/* What the live view shows. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/macro.h"
#include "ctl/output-private.h"
#include "ctl/progress.h"
#include "ctl/top-view.h"

#define USEC_PER_SEC UINT64_C(1000000)
#define QUIET_USEC   (5 * USEC_PER_SEC) /* a transfer that says nothing for so long is not shown */
#define LATELY_MIN   3                  /* lines that the events keep on a small screen */

void top_view_done(TopView *view) {
        for (size_t i = 0; i < view->n_rates; i++)
                free(view->rates[i].name);
        free(view->rates);
        for (size_t i = 0; i < ARRAY_SIZE(view->works); i++)
                free(view->works[i].subject);
        for (size_t i = 0; i < view->n_events; i++)
                free(view->events[i]);
        rows_done(&view->accounts);
        sd_bus_message_unref(view->reply);
        *view = TOP_VIEW_NULL;
}

/* --- what comes --- */

static TopRate *find_rate(const TopView *view, const char *name) {
        for (size_t i = 0; i < view->n_rates; i++)
                if (strcmp(view->rates[i].name, name) == 0)
                        return &view->rates[i];
        return NULL;
}

static int add_rate(TopView *view, const char *name, TopRate **ret_rate) {
        TopRate *grown = reallocarray(view->rates, view->n_rates + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        view->rates = grown;
        grown[view->n_rates] = (TopRate){.name = strdup(name)};
        if (!grown[view->n_rates].name)
                return -ENOMEM;
        *ret_rate = &grown[view->n_rates++];
        return 0;
}

static uint64_t per_second(uint64_t before, uint64_t now, uint64_t usec) {
        return usec == 0 || now < before ? 0
                                         : (uint64_t) ((double) (now - before) *
                                                       (double) USEC_PER_SEC / (double) usec);
}

static int take_rate(TopView *view, const Row *account, uint64_t usec) {
        const uint64_t in = row_number(account, "bytes_in") + row_number(account, "local_bytes_in");
        const uint64_t out =
                row_number(account, "bytes_out") + row_number(account, "local_bytes_out");
        TopRate *rate = find_rate(view, row_string(account, "name"));
        int r;

        if (!rate) {
                r = add_rate(view, row_string(account, "name"), &rate);
                if (r < 0)
                        return r;
                usec = 0; /* since when that is the traffic is not known */
        }
        rate->in_rate = per_second(rate->bytes_in, in, usec);
        rate->out_rate = per_second(rate->bytes_out, out, usec);
        rate->bytes_in = in;
        rate->bytes_out = out;
        rate->seen = true;
        return 0;
}

/* Accounts that the configuration has no more. */
static void drop_rates(TopView *view) {
        size_t n_left = 0;

        for (size_t i = 0; i < view->n_rates; i++) {
                if (view->rates[i].seen)
                        view->rates[n_left++] = view->rates[i];
                else
                        free(view->rates[i].name);
        }
        view->n_rates = n_left;
        for (size_t i = 0; i < view->n_rates; i++)
                view->rates[i].seen = false;
}

static void end_work(TopWork *work) {
        free(work->subject);
        *work = (TopWork){};
}

int top_view_take(TopView *view, sd_bus_message *reply, uint64_t now_usec) {
        const uint64_t usec = view->asked_usec > 0 ? now_usec - view->asked_usec : 0;
        _cleanup_(rows_done) Rows accounts = ROWS_NULL;
        int r = rows_read(reply, &accounts);

        if (r < 0)
                return r;
        rows_done(&view->accounts);
        sd_bus_message_unref(view->reply);
        view->reply = sd_bus_message_ref(reply);
        view->accounts = accounts;
        accounts = ROWS_NULL;
        sort_accounts(&view->accounts);
        view->asked_usec = now_usec;

        for (size_t i = 0; i < view->accounts.n_rows && r >= 0; i++)
                r = take_rate(view, &view->accounts.rows[i], usec);
        drop_rates(view);
        for (size_t i = 0; i < ARRAY_SIZE(view->works); i++)
                if (view->works[i].subject && now_usec > view->works[i].heard_usec + QUIET_USEC)
                        end_work(&view->works[i]);
        return r;
}

/* The one of that name, else a free one, else NULL. */
static TopWork *find_work(TopView *view, const char *subject) {
        TopWork *place = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(view->works); i++) {
                if (!view->works[i].subject)
                        place = place ? place : &view->works[i];
                else if (strcmp(view->works[i].subject, subject) == 0)
                        return &view->works[i];
        }
        return place;
}

static int take_progress(TopView *view, const Row *event, const char *subject, uint64_t now_usec) {
        TopWork *work = find_work(view, subject);

        if (!work)
                return 0; /* more than the screen shows */
        if (!work->subject && !(work->subject = strdup(subject)))
                return -ENOMEM;
        work->done = row_number(event, "done");
        work->total = MAX(row_number(event, "total"), work->done);
        work->bytes = row_number(event, "bytes");
        work->total_bytes = row_number(event, "total_bytes");
        work->heard_usec = now_usec;
        return 0;
}

static int add_event(TopView *view, const Row *event) {
        const char *name = row_string(event, "event");
        _cleanup_(buffer_done) Buffer line = BUFFER_NULL;
        char *text;
        int r = output_event(event, &(Screen){}, &line);

        if (r < 0)
                return r;
        if (line.size > 0)
                line.size--; /* the newline */
        text = buffer_steal_string(&line);
        if (!text)
                return -ENOMEM;
        if (view->n_events == TOP_EVENTS) {
                free(view->events[0]);
                view->n_events--;
                memmove(view->events, view->events + 1, view->n_events * sizeof(*view->events));
                memmove(view->is_bad, view->is_bad + 1, view->n_events * sizeof(*view->is_bad));
        }
        view->is_bad[view->n_events] = strcmp(name, "error") == 0 || strcmp(name, "held") == 0;
        view->events[view->n_events++] = text;
        return 0;
}

int top_view_event(TopView *view, const Row *event, uint64_t now_usec) {
        _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
        _cleanup_free_ char *subject = NULL;
        TopWork *work;
        int r;

        r = text_escape(&buffer, row_string(event, "account"));
        if (r == 0)
                r = buffer_append_string(&buffer, "/");
        if (r == 0)
                r = text_escape(&buffer, row_string(event, "mailbox"));
        if (r < 0 || !(subject = buffer_steal_string(&buffer)))
                return -ENOMEM;
        if (strcmp(row_string(event, "event"), "progress") == 0)
                return take_progress(view, event, subject, now_usec);

        work = find_work(view, subject);
        if (work && work->subject)
                end_work(work); /* what is told of a mailbox is told when its run has ended */
        return add_event(view, event);
}

static bool is_moving(const Row *account) {
        static const char *const states[] = {"starting", "connecting", "syncing"};

        for (size_t i = 0; i < ARRAY_SIZE(states); i++)
                if (strcmp(row_string(account, "state"), states[i]) == 0)
                        return true;
        return false;
}

bool top_view_moves(const TopView *view) {
        for (size_t i = 0; i < view->accounts.n_rows; i++)
                if (is_moving(&view->accounts.rows[i]))
                        return true;
        for (size_t i = 0; i < ARRAY_SIZE(view->works); i++)
                if (view->works[i].subject)
                        return true;
        for (size_t i = 0; i < view->n_rates; i++)
                if (view->rates[i].in_rate + view->rates[i].out_rate > 0)
                        return true;
        return false;
}

/* --- the frame --- */

static int add_rate_cell(Table *table, uint64_t rate) {
        char text[32], size[24];

        (void) snprintf(text, sizeof(text), "%s/s", text_size(rate, size, sizeof(size)));
        return rate > 0 ? table_add(table, STYLE_GOOD, text) : table_add(table, STYLE_FAINT, "-");
}

static int add_account_row(Table *table, const TopView *view, const Screen *screen,
                           const Row *account) {
        const TopRate *rate = find_rate(view, row_string(account, "name"));
        char size[32];
        int r;

        r = add_account_name(table, account);
        if (r == 0)
                r = table_add_number(table, STYLE_PLAIN, row_number(account, "messages"));
        if (r == 0)
                r = add_rate_cell(table, rate ? rate->in_rate : 0);
        if (r == 0)
                r = add_rate_cell(table, rate ? rate->out_rate : 0);
        if (r == 0)
                r = table_add(table, STYLE_PLAIN,
                              text_size(row_number(account, "bytes_hour"), size, sizeof(size)));
        if (r == 0)
                r = add_ago(table, screen, row_number(account, "last_sync_usec"));
        return r < 0 ? r : add_account_end(table, account);
}

static int draw_accounts(const TopView *view, const Screen *screen, Buffer *buffer) {
        static const Column columns[] = {
                {"ACCOUNT",      .cut = true     },
                {"STATE"       },
                {"MESSAGES", .right = true,                 .optional = true},
                {"IN",           .right = true},
                {"OUT",          .right = true   },
                {"HOUR",         .right = true   },
                {"LAST SYNC"   },
                {"WAITS BY",   .cut = true   },
        };
        _cleanup_(table_done) Table table = TABLE(columns);
        int r = 0;

        for (size_t i = 0; i < view->accounts.n_rows && r >= 0; i++)
                r = add_account_row(&table, view, screen, &view->accounts.rows[i]);
        return r < 0 ? r : table_print(&table, screen, buffer);
}

/* Each as the line of sync --wait has it, without the rate. */
static int draw_works(const TopView *view, const Screen *screen, Buffer *buffer) {
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(view->works) && r >= 0; i++) {
                const TopWork *work = &view->works[i];
                ProgressPart part = {
                        .name = work->subject,
                        .done = work->done,
                        .total = work->total,
                        .bytes = work->bytes,
                        .total_bytes = work->total_bytes,
                };
                const Progress progress = {.parts = &part, .n_parts = 1};

                if (!work->subject)
                        continue;
                r = progress_format(&progress, screen, 0, buffer);
                if (r >= 0)
                        r = buffer_append_string(buffer, "\n");
        }
        return r;
}

static int draw_last_hour(const TopView *view, Buffer *buffer) {
        const uint64_t n =
                view->accounts.n_rows > 0 ? row_number(&view->accounts.rows[0], "wakeups_hour") : 0;
        uint64_t bytes = 0;
        char size[32];

        for (size_t i = 0; i < view->accounts.n_rows; i++)
                bytes += row_number(&view->accounts.rows[i], "bytes_hour");
        return buffer_append_format(buffer, "Last hour: %" PRIu64 " wake-up%s, %s.  q ends.\n", n,
                                    plural(n), text_size(bytes, size, sizeof(size)));
}

static int draw_event(const TopView *view, const Screen *screen, size_t i, Buffer *buffer) {
        const Style style = view->is_bad[i] ? STYLE_BAD : STYLE_PLAIN;
        int r = buffer_append_string(buffer, style_begin(screen, style));

        if (r == 0)
                r = text_append_cut(buffer, bytes_of(view->events[i]), screen->width);
        return r < 0 ? r : buffer_append_format(buffer, "%s\n", style_end(screen, style));
}

/* The latest @n_rows of them, in the order in which they came. */
static int draw_events(const TopView *view, const Screen *screen, size_t n_rows, Buffer *buffer) {
        const size_t n = MIN(n_rows, view->n_events);
        int r = 0;

        for (size_t i = view->n_events - n; i < view->n_events && r >= 0; i++)
                r = draw_event(view, screen, i, buffer);
        return r;
}

static size_t count_lines(const Buffer *buffer) {
        size_t n = 0;

        for (size_t i = 0; i < buffer->size; i++)
                n += buffer->data[i] == '\n';
        return n;
}

/* Keep the first @n_rows lines, and no newline behind the last. */
static void keep_lines(Buffer *buffer, size_t n_rows) {
        size_t n = 0;

        for (size_t i = 0; i < buffer->size; i++)
                if (buffer->data[i] == '\n' && ++n == n_rows) {
                        buffer->size = i;
                        return;
                }
        if (buffer->size > 0 && buffer->data[buffer->size - 1] == '\n')
                buffer->size--;
}

int top_view_draw(const TopView *view, const Screen *screen, size_t n_rows, Buffer *buffer) {
        size_t n_used;
        int r;

        r = output_headline(&view->accounts, screen, buffer);
        if (r >= 0)
                r = draw_last_hour(view, buffer);
        if (r >= 0)
                r = draw_accounts(view, screen, buffer);
        if (r >= 0)
                r = draw_works(view, screen, buffer);
        if (r < 0)
                return r;

        /* many accounts leave the latest events their place */
        if (view->n_events > 0 && n_rows > 2 * LATELY_MIN &&
            count_lines(buffer) > n_rows - LATELY_MIN) {
                keep_lines(buffer, n_rows - LATELY_MIN);
                r = buffer_append_string(buffer, "\n");
        }
        n_used = count_lines(buffer);
        if (r >= 0 && n_used < n_rows)
                r = draw_events(view, screen, n_rows - n_used, buffer);
        if (r >= 0)
                keep_lines(buffer, n_rows);
        return r;
}
