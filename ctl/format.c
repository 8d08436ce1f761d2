/* Accounts for bars and scripts. */

#include <errno.h>
#include <inttypes.h>

#include "base/macro.h"
#include "ctl/format.h"
#include "ctl/json.h"
#include "ctl/row.h"

/* What a bar shows of several accounts: the first of these that one of them is in. */
static const char *const states[] = {
        "refused", "waiting", "offline", "starting", "connecting", "syncing", "paused", "in sync",
};

/* templates */

static const RowField *find_field(const Row *row, ByteView key) {
        for (size_t i = 0; i < row->n_fields; i++)
                if (bytes_equal(bytes_of(row->fields[i].key), key))
                        return &row->fields[i];
        return NULL;
}

static int append_field(const RowField *field, const Screen *screen, ByteView how, Buffer *buffer) {
        char text[32];

        if (field->string)
                return how.data ? -EINVAL : text_escape(buffer, field->string);
        if (!how.data)
                return buffer_append_format(buffer, "%" PRIu64, field->number);
        if (bytes_equal(how, BYTES("ago")))
                return buffer_append_string(
                        buffer, text_ago(field->number, screen->now_usec, text, sizeof(text)));
        if (bytes_equal(how, BYTES("size")))
                return buffer_append_string(buffer, text_size(field->number, text, sizeof(text)));
        return -EINVAL;
}

/* What stands between braces: "FIELD" or "FIELD:HOW". */
static int append_place(ByteView place, const Row *row, const Screen *screen, Buffer *buffer) {
        const RowField *field;
        ByteView how = place, key = bytes_take_until(&how, ':');

        field = find_field(row, key);
        return field ? append_field(field, screen, how, buffer) : -EINVAL;
}

/* One brace, or what it begins. @rest stands at it, and behind it after. */
static int append_brace(ByteView *rest, const Row *row, const Screen *screen, Buffer *buffer,
                        ByteView *ret_wrong) {
        const char brace = rest->data[0];
        ByteView place;
        const char *end;

        *ret_wrong = *rest;
        if (rest->size > 1 && rest->data[1] == brace) {
                *rest = (ByteView){rest->data + 2, rest->size - 2};
                return buffer_append(buffer, &brace, 1);
        }
        end = memchr(rest->data, '}', rest->size);
        if (brace == '}' || !end)
                return -EINVAL;

        place = (ByteView){rest->data + 1, (size_t) (end - rest->data) - 1};
        *ret_wrong = (ByteView){rest->data, place.size + 2};
        *rest = (ByteView){end + 1, rest->size - place.size - 2};
        return append_place(place, row, screen, buffer);
}

static int append_line(const char *template, const Row *row, const Screen *screen, Buffer *buffer,
                       ByteView *ret_wrong) {
        ByteView rest = bytes_of(template);
        int r = 0;

        while (rest.size > 0 && r == 0) {
                const size_t n = strcspn(rest.data, "{}");

                r = buffer_append(buffer, rest.data, n);
                rest = (ByteView){rest.data + n, rest.size - n};
                if (r == 0 && rest.size > 0)
                        r = append_brace(&rest, row, screen, buffer, ret_wrong);
        }
        return r < 0 ? r : buffer_append_string(buffer, "\n");
}

/* waybar */

static bool needs_person(const Row *account) {
        return strcmp(row_string(account, "state"), "refused") == 0 ||
               row_number(account, "held") > 0 || row_number(account, "parked") > 0 ||
               row_string(account, "config_error")[0] != '\0';
}

/* A state of tomorrow is the first to be shown. */
static size_t state_rank(const Row *account) {
        size_t i = 0;

        while (i < ARRAY_SIZE(states) && strcmp(states[i], row_string(account, "state")) != 0)
                i++;
        return i < ARRAY_SIZE(states) ? i + 1 : 0;
}

/* Text that is read as Pango markup, escaped for a terminal first: it comes from servers. */
static int append_markup(Buffer *buffer, const char *text) {
        _cleanup_(buffer_done) Buffer safe = BUFFER_NULL;
        int r = text_escape(&safe, text);

        for (size_t i = 0; i < safe.size && r == 0; i++)
                switch (safe.data[i]) {
                case '&':
                        r = buffer_append_string(buffer, "&amp;");
                        break;
                case '<':
                        r = buffer_append_string(buffer, "&lt;");
                        break;
                case '>':
                        r = buffer_append_string(buffer, "&gt;");
                        break;
                default:
                        r = buffer_append(buffer, &safe.data[i], 1);
                        break;
                }
        return r;
}

/* "work: refused: The server ...", a line each */
static int append_tooltip(Buffer *buffer, const Rows *accounts) {
        int r = 0;

        for (size_t i = 0; i < accounts->n_rows && r == 0; i++) {
                const Row *account = &accounts->rows[i];
                const char *sentence = row_string(account, "sentence");
                const uint64_t held = row_number(account, "held");

                r = buffer_append_format(buffer, "%s%s: %s%s", i > 0 ? "\n" : "",
                                         row_string(account, "name"), row_string(account, "state"),
                                         sentence[0] ? ": " : "");
                if (r == 0)
                        r = append_markup(buffer, sentence);
                if (r == 0 && held > 0)
                        r = buffer_append_format(buffer, ", %" PRIu64 " deletion%s held back", held,
                                                 held == 1 ? "" : "s");
        }
        return r;
}

/* The account whose state matters most; NULL if there is none. */
static const Row *find_first(const Rows *accounts) {
        const Row *first = NULL;

        for (size_t i = 0; i < accounts->n_rows; i++)
                if (!first || state_rank(&accounts->rows[i]) < state_rank(first))
                        first = &accounts->rows[i];
        return first;
}

/* "in sync" of all, or "work: refused" of the first */
static int append_text(Buffer *buffer, const Rows *accounts, const Row *first) {
        const char *name = "";

        if (!first)
                return buffer_append_string(buffer, "no accounts");
        for (size_t i = 0; i < accounts->n_rows; i++)
                if (state_rank(&accounts->rows[i]) != state_rank(first))
                        name = row_string(first, "name");
        return buffer_append_format(buffer, "%s%s%s", name, name[0] ? ": " : "",
                                    row_string(first, "state"));
}

static int append_member(Buffer *buffer, const char *begin, ByteView text, const char *end) {
        int r = buffer_append_string(buffer, begin);

        if (r == 0)
                r = json_append_string(buffer, text);
        return r < 0 ? r : buffer_append_string(buffer, end);
}

static int append_waybar(Buffer *buffer, const Rows *accounts) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL, tooltip = BUFFER_NULL;
        const Row *first = find_first(accounts);
        bool person = false;
        char state[32];
        int r;

        (void) snprintf(state, sizeof(state), "%s", first ? row_string(first, "state") : "none");
        for (char *c = state; *c; c++)
                if (*c == ' ')
                        *c = '-';
        for (size_t i = 0; i < accounts->n_rows; i++)
                person |= needs_person(&accounts->rows[i]);

        r = append_text(&text, accounts, first);
        if (r == 0)
                r = append_tooltip(&tooltip, accounts);
        if (r == 0)
                r = append_member(buffer, "{\"text\":", buffer_view(&text), ",\"tooltip\":");
        if (r == 0)
                r = append_member(buffer, "", buffer_view(&tooltip), ",\"alt\":");
        if (r == 0)
                r = append_member(buffer, "", bytes_of(state), ",\"class\":[");
        if (r == 0)
                r = append_member(buffer, "", bytes_of(state),
                                  person ? ",\"attention\"]}\n" : "]}\n");
        return r;
}

int format_accounts(const char *template, sd_bus_message *reply, const Screen *screen,
                    Buffer *buffer, char **ret_wrong) {
        _cleanup_(rows_done) Rows accounts = ROWS_NULL;
        ByteView wrong = BYTES_NULL;
        int r = rows_read(reply, &accounts);

        if (r < 0)
                return r;
        if (strcmp(template, "waybar") == 0)
                return append_waybar(buffer, &accounts);
        for (size_t i = 0; i < accounts.n_rows && r == 0; i++)
                r = append_line(template, &accounts.rows[i], screen, buffer, &wrong);
        if (r == -EINVAL) {
                *ret_wrong = bytes_dup(wrong);
                return *ret_wrong ? -EINVAL : -ENOMEM;
        }
        return r;
}
