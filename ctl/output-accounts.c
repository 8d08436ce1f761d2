/* The accounts at a glance: what is wrong first. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/macro.h"
#include "ctl/output-private.h"

/* What a person must look at ranks first. */
enum {
        RANK_WELL,
        RANK_OFFLINE,
        RANK_WAITING, /* it goes on by itself */
        RANK_DECIDE,  /* held or parked: a person should look */
        RANK_REFUSED, /* nothing goes on without a person */
};

/* The states of daemon/status.h. */
static const struct {
        const char *name;
        Style style;
        unsigned rank;
} states[] = {
        {"refused",    STYLE_BAD,   RANK_REFUSED},
        {"waiting",    STYLE_WARN,  RANK_WAITING},
        {"starting",   STYLE_PLAIN, RANK_WELL   },
        {"connecting", STYLE_PLAIN, RANK_WELL   },
        {"syncing",    STYLE_PLAIN, RANK_WELL   },
        {"in sync",    STYLE_GOOD,  RANK_WELL   },
        {"paused",     STYLE_FAINT, RANK_WELL   },
        {"offline",    STYLE_WARN,  RANK_OFFLINE},
};

static size_t find_state(const Row *account) {
        size_t i = 0;

        while (i < ARRAY_SIZE(states) && strcmp(states[i].name, row_string(account, "state")) != 0)
                i++;
        return i;
}

unsigned account_rank(const Row *account) {
        const bool must_decide =
                row_number(account, "held") > 0 || row_number(account, "parked") > 0;
        const size_t i = find_state(account);
        const unsigned rank = i < ARRAY_SIZE(states) ? states[i].rank : RANK_WELL;

        return must_decide ? MAX(rank, (unsigned) RANK_DECIDE) : rank;
}

/* "in sync" is not as it should be while something is held back. */
Style account_style(const Row *account) {
        const size_t i = find_state(account);

        if (i == ARRAY_SIZE(states))
                return STYLE_PLAIN;
        if (account_rank(account) == RANK_DECIDE)
                return STYLE_WARN;
        return states[i].style;
}

/* The worst first, else in the order of the configuration. */
void sort_accounts(Rows *accounts) {
        for (size_t i = 1; i < accounts->n_rows; i++)
                for (size_t j = i; j > 0 && account_rank(&accounts->rows[j]) >
                                                    account_rank(&accounts->rows[j - 1]);
                     j--) {
                        Row row = accounts->rows[j];

                        accounts->rows[j] = accounts->rows[j - 1];
                        accounts->rows[j - 1] = row;
                }
}

/* The style ends with the line, not on the next. */
static int end_style(const Screen *screen, Style style, Buffer *buffer) {
        if (buffer->size > 0 && buffer->data[buffer->size - 1] == '\n')
                buffer->size--;
        return buffer_append_format(buffer, "%s\n", style_end(screen, style));
}

static int add_size(Table *table, uint64_t bytes) {
        char size[32];

        return table_add(table, STYLE_PLAIN, text_size(bytes, size, sizeof(size)));
}

int add_account_name(Table *table, const Row *account) {
        int r = table_add(table, STYLE_TITLE, row_string(account, "name"));

        return r < 0 ? r : table_add(table, account_style(account), row_string(account, "state"));
}

int add_account_end(Table *table, const Row *account) {
        int r = table_add(table, STYLE_PLAIN, row_string(account, "waits"));

        if (r == 0)
                r = add_sentence_note(table, account_style(account),
                                      row_string(account, "sentence"));
        if (r == 0)
                r = add_sentence_note(table, STYLE_WARN, row_string(account, "warning"));
        return r < 0 ? r : add_counts_note(table, account);
}

static int add_account(Table *table, const Screen *screen, const Row *account) {
        const uint64_t traffic = row_number(account, "bytes_in") + row_number(account, "bytes_out");
        int r;

        r = add_account_name(table, account);
        if (r == 0)
                r = table_add(table, STYLE_PLAIN, row_string(account, "remote"));
        if (r == 0)
                r = table_add_number(table, STYLE_PLAIN, row_number(account, "mailboxes"));
        if (r == 0)
                r = table_add_number(table, STYLE_PLAIN, row_number(account, "messages"));
        if (r == 0)
                r = add_ago(table, screen, row_number(account, "last_sync_usec"));
        if (r == 0)
                r = add_size(table, row_number(account, "bytes_hour"));
        if (r == 0)
                r = add_size(table, traffic);
        return r < 0 ? r : add_account_end(table, account);
}

/* The accounts of a rank: how many, and "home, work". */
static int name_ranked(const Rows *accounts, unsigned rank, size_t *ret_n, Buffer *names) {
        int r = 0;

        *ret_n = 0;
        for (size_t i = 0; i < accounts->n_rows && r == 0; i++) {
                if (account_rank(&accounts->rows[i]) != rank)
                        continue;
                if ((*ret_n)++ > 0)
                        r = buffer_append_string(names, ", ");
                if (r == 0)
                        r = text_escape(names, row_string(&accounts->rows[i], "name"));
        }
        return r;
}

static int append_ranked(const Rows *accounts, unsigned rank, const char *words, Buffer *line) {
        _cleanup_(buffer_done) Buffer names = BUFFER_NULL;
        size_t n;
        int r = name_ranked(accounts, rank, &n, &names);

        if (r < 0 || n == 0)
                return r;
        r = buffer_append_format(line, "%s%s: ", line->size > 0 ? ". " : "", words);
        return r < 0 ? r : buffer_append_view(line, buffer_view(&names));
}

static size_t count_in_sync(const Rows *accounts) {
        size_t n = 0;

        for (size_t i = 0; i < accounts->n_rows; i++)
                n += strcmp(row_string(&accounts->rows[i], "state"), "in sync") == 0 &&
                     account_rank(&accounts->rows[i]) == RANK_WELL &&
                     !row_string(&accounts->rows[i], "sentence")[0];
        return n;
}

int output_headline(const Rows *accounts, const Screen *screen, Buffer *buffer) {
        static const struct {
                unsigned rank;
                const char *words;
        } parts[] = {
                {RANK_REFUSED, "Stopped until you act"},
                {RANK_DECIDE,  "For you to decide"    },
                {RANK_WAITING, "Tries again by itself"},
                {RANK_OFFLINE, "Offline"              },
        };
        const size_t n_in_sync = count_in_sync(accounts);
        _cleanup_(buffer_done) Buffer line = BUFFER_NULL;
        Style style = STYLE_PLAIN;
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(parts) && r == 0; i++)
                r = append_ranked(accounts, parts[i].rank, parts[i].words, &line);
        if (r == 0)
                r = buffer_append_format(&line, "%s%zu of %zu account%s in sync.",
                                         line.size > 0 ? ". " : "", n_in_sync, accounts->n_rows,
                                         plural(accounts->n_rows));
        if (accounts->n_rows > 0 && account_rank(&accounts->rows[0]) >= RANK_REFUSED)
                style = STYLE_BAD;
        else if (accounts->n_rows > 0 && account_rank(&accounts->rows[0]) > RANK_WELL)
                style = STYLE_WARN;
        else if (n_in_sync == accounts->n_rows)
                style = STYLE_GOOD;
        if (r == 0)
                r = buffer_append_string(buffer, style_begin(screen, style));
        if (r == 0)
                r = text_append_wrapped(buffer, buffer_view(&line), 0, screen->width);
        return r < 0 ? r : end_style(screen, style, buffer);
}

/* The file has changed, and is wrong: what it says is not what rules. Each account has the same to say. */
int append_config_error(const Rows *accounts, const Screen *screen, Buffer *buffer) {
        const char *left =
                accounts->n_rows > 0 ? row_string(&accounts->rows[0], "config_error") : "";
        int r = 0;

        if (left[0])
                r = buffer_append_format(
                        buffer, "%sThe configuration could not be read again and is as before:%s\n",
                        style_begin(screen, STYLE_BAD), style_end(screen, STYLE_BAD));
        while (r == 0 && left[0]) {
                _cleanup_(buffer_done) Buffer escaped = BUFFER_NULL;
                const size_t n = strcspn(left, "\n");
                _cleanup_free_ char *line = strndup(left, n);

                r = line ? text_escape(&escaped, line) : -ENOMEM;
                if (r == 0)
                        r = text_append_wrapped(buffer, buffer_view(&escaped), 4, screen->width);
                left += n + (left[n] == '\n');
        }
        return r;
}

/* It is the same for all accounts; on the mains there is nothing to say. */
bool is_policy_worth_telling(const Row *account) {
        return row_string(account, "policy_why")[0] != '\0';
}

/* So that a user can hold the daemon to it. */
static int append_last_hour(const Rows *accounts, Buffer *buffer) {
        const uint64_t n = row_number(&accounts->rows[0], "wakeups_hour");
        uint64_t bytes = 0;
        char size[32];

        for (size_t i = 0; i < accounts->n_rows; i++)
                bytes += row_number(&accounts->rows[i], "bytes_hour");
        if (n == 0)
                return 0;
        return buffer_append_format(buffer, "Last hour: %" PRIu64 " wake-up%s, %s\n", n, plural(n),
                                    text_size(bytes, size, sizeof(size)));
}

int output_account_table(const Rows *accounts, const Screen *screen, Buffer *buffer) {
        static const Column columns[] = {
                {"ACCOUNT",      .cut = true     },
                {"STATE"       },
                {"SERVER",   .cut = true,                 .optional = true},
                {"MAILBOXES",    .right = true},
                {"MESSAGES",     .right = true   },
                {"LAST SYNC"   },
                {"LAST HOUR", .right = true,    .optional = true},
                {"TRAFFIC",      .right = true,                 .optional = true},
                {"WAITS BY",              .cut = true},
        };
        _cleanup_(table_done) Table table = TABLE(columns);
        int r = 0;

        for (size_t i = 0; i < accounts->n_rows && r >= 0; i++)
                r = add_account(&table, screen, &accounts->rows[i]);
        return r < 0 ? r : table_print(&table, screen, buffer);
}

/* What is known of all of them together. @accounts are sorted. */
static int append_overview(const Rows *accounts, const Screen *screen, Buffer *buffer) {
        int r = output_account_table(accounts, screen, buffer);

        if (r >= 0 && is_policy_worth_telling(&accounts->rows[0]))
                r = output_policy_line(&accounts->rows[0], "policy", "policy_why", buffer);
        return r < 0 ? r : append_last_hour(accounts, buffer);
}

int output_accounts(sd_bus_message *reply, const Screen *screen, Buffer *buffer) {
        _cleanup_(rows_done) Rows accounts = ROWS_NULL;
        int r = rows_read(reply, &accounts);

        if (r < 0)
                return r;
        if (accounts.n_rows == 0)
                return buffer_append_string(buffer, "No account is configured.\n");

        sort_accounts(&accounts);
        r = append_config_error(&accounts, screen, buffer);
        if (r >= 0)
                r = output_headline(&accounts, screen, buffer);
        return r < 0 ? r : append_overview(&accounts, screen, buffer);
}
