/* What the daemon answers, for people. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/macro.h"
#include "ctl/output-private.h"
#include "ctl/table.h"

#define USEC_PER_SEC UINT64_C(1000000)

const char *plural(uint64_t n) {
        return n == 1 ? "" : "s";
}

/* What stays on one side because it is to: nobody need do anything. */
static int format_left(const Row *row, Buffer *buffer) {
        const uint64_t alone = row_number(row, "alone"), large = row_number(row, "large");
        const uint64_t old = row_number(row, "old"), surplus = row_number(row, "surplus");
        int r = 0;

        if (alone > 0)
                r = buffer_append_format(buffer,
                                         "%s%" PRIu64 " message%s on one side only (direction)",
                                         buffer->size > 0 ? ", " : "", alone, plural(alone));
        if (r == 0 && large > 0)
                r = buffer_append_format(buffer,
                                         "%s%" PRIu64 " large message%s left out (size-limit)",
                                         buffer->size > 0 ? ", " : "", large, plural(large));
        if (r == 0 && old > 0)
                r = buffer_append_format(buffer, "%s%" PRIu64 " old message%s left out (age-limit)",
                                         buffer->size > 0 ? ", " : "", old, plural(old));
        if (r == 0 && surplus > 0)
                r = buffer_append_format(
                        buffer, "%s%" PRIu64 " message%s left out: not the newest (count-limit)",
                        buffer->size > 0 ? ", " : "", surplus, plural(surplus));
        return r;
}

/* "3 changes pending, 1.2 GB to come, 2 deletions held back (imapsyncctl held), 1 message parked"; "" for
 * nothing. */
static int format_counts(const Row *row, Buffer *buffer) {
        const uint64_t left = row_number(row, "bytes_left");
        const uint64_t pending = row_number(row, "pending");
        const uint64_t held = row_number(row, "held"), parked = row_number(row, "parked");
        const uint64_t deferred = row_number(row, "deferred");
        char size[32];
        int r = 0;

        if (pending > 0)
                r = buffer_append_format(buffer, "%" PRIu64 " change%s pending", pending,
                                         plural(pending));
        if (r == 0 && left > 0)
                r = buffer_append_format(buffer, "%s%s to come", buffer->size > 0 ? ", " : "",
                                         text_size(left, size, sizeof(size)));
        if (r == 0 && held > 0)
                r = buffer_append_format(buffer,
                                         "%s%" PRIu64 " deletion%s held back (imapsyncctl held)",
                                         buffer->size > 0 ? ", " : "", held, plural(held));
        if (r == 0 && parked > 0)
                r = buffer_append_format(buffer,
                                         "%s%" PRIu64 " message%s parked: refused by a side",
                                         buffer->size > 0 ? ", " : "", parked, plural(parked));
        if (r == 0 && deferred > 0)
                r = buffer_append_format(
                        buffer, "%s%" PRIu64 " large message%s put off (imapsyncctl policy)",
                        buffer->size > 0 ? ", " : "", deferred, plural(deferred));
        return r < 0 ? r : format_left(row, buffer);
}

int add_counts_note(Table *table, const Row *row) {
        _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
        _cleanup_free_ char *text = NULL;
        const bool bad = row_number(row, "held") > 0 || row_number(row, "parked") > 0;

        if (format_counts(row, &buffer) < 0)
                return -ENOMEM;
        if (buffer.size == 0)
                return 0;
        text = buffer_steal_string(&buffer);
        if (!text)
                return -ENOMEM;
        return table_add_note(table, bad ? STYLE_WARN : STYLE_FAINT, text);
}

int add_sentence_note(Table *table, Style style, const char *sentence) {
        return sentence[0] ? table_add_note(table, style, sentence) : 0;
}

int add_ago(Table *table, const Screen *screen, uint64_t usec) {
        char text[32];

        return table_add(table, STYLE_PLAIN, text_ago(usec, screen->now_usec, text, sizeof(text)));
}

/* The server does not tell which flags have changed. */
static int add_flags_note(Table *table, const Screen *screen, uint64_t since) {
        char ago[32], text[96];

        (void) snprintf(text, sizeof(text), "Oldest look at a flag changed elsewhere: %s.",
                        text_ago(since, screen->now_usec, ago, sizeof(ago)));
        return table_add_note(table, STYLE_FAINT, text);
}

static int append_line(Buffer *buffer, const char *label, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static int append_line(Buffer *buffer, const char *label, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list args;
        int r;

        va_start(args, format);
        r = vasprintf(&text, format, args);
        va_end(args);
        if (r < 0) {
                text = NULL;
                return -ENOMEM;
        }

        r = buffer_append_format(buffer, "    %-12s", label);
        if (r == 0)
                r = text_escape(buffer, text);
        return r < 0 ? r : buffer_append_string(buffer, "\n");
}

/* What is told of a side: a Maildir has only the first. */
typedef struct SideKeys {
        const char *side, *proxy, *waits, *why, *quirks, *connected, *encrypted, *compressed;
} SideKeys;

static const SideKeys side_keys[] = {
        {
         .side = "remote",
         .proxy = "proxy",
         .waits = "waits",
         .why = "waits_why",
         .quirks = "quirks",
         .connected = "connected_usec",
         .encrypted = "encrypted",
         .compressed = "compressed",
         },
        {
         .side = "local",
         .proxy = "local_proxy",
         .waits = "local_waits",
         .why = "local_waits_why",
         .quirks = "local_quirks",
         .connected = "local_connected_usec",
         .encrypted = "local_encrypted",
         .compressed = "local_compressed",
         },
};

static const char *link_words(const Row *account, const SideKeys *keys) {
        const bool is_compressed = row_number(account, keys->compressed) > 0;

        if (row_number(account, keys->connected) == 0)
                return "";
        if (row_number(account, keys->encrypted) > 0)
                return is_compressed ? " (encrypted, compressed)" : " (encrypted)";
        return is_compressed ? " (compressed)" : "";
}

static int append_side(const Row *account, const SideKeys *keys, Buffer *buffer) {
        const char *waits = row_string(account, keys->waits), *why = row_string(account, keys->why);
        const char *quirks = row_string(account, keys->quirks);
        const char *proxy = row_string(account, keys->proxy);
        int r;

        r = append_line(buffer, keys->side, "%s%s", row_string(account, keys->side),
                        link_words(account, keys));
        if (r == 0 && proxy[0])
                r = append_line(buffer, "through", "%s", proxy);
        if (r == 0 && waits[0])
                r = append_line(buffer, "waits by", "%s", waits);
        if (r == 0 && why[0])
                r = append_line(buffer, "", "%s", why);
        if (r == 0 && quirks[0])
                r = append_line(buffer, "quirks", "%s", quirks);
        return r;
}

static int append_sides(const Row *account, Buffer *buffer) {
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(side_keys) && r == 0; i++)
                r = append_side(account, &side_keys[i], buffer);
        return r;
}

static int append_times(const Row *account, const Screen *screen, Buffer *buffer) {
        const uint64_t connected = row_number(account, "connected_usec");
        const uint64_t retry = row_number(account, "retry_usec");
        const uint64_t flags = row_number(account, "flags_since_usec");
        char text[32];
        int r;

        r = append_line(buffer, "last sync", "%s",
                        text_ago(row_number(account, "last_sync_usec"), screen->now_usec, text,
                                 sizeof(text)));
        if (r == 0 && retry > 0)
                r = append_line(buffer, "next try", "%s",
                                text_until(retry, screen->now_usec, text, sizeof(text)));
        if (r == 0)
                r = append_line(
                        buffer, "connected", "%s",
                        connected == 0 ? "no"
                                       : text_ago(connected, screen->now_usec, text, sizeof(text)));
        if (r == 0 && flags > 0)
                r = append_line(buffer, "flags seen", "%s, the oldest look at them",
                                text_ago(flags, screen->now_usec, text, sizeof(text)));
        return r;
}

/* Mailboxes that are not synchronised; "imapsyncctl mailboxes" says why. */
static int append_left_out(const Row *account, Buffer *buffer) {
        _cleanup_(buffer_done) Buffer escaped = BUFFER_NULL;
        int r = text_escape(&escaped, row_string(account, "left_out"));

        if (r < 0 || escaped.size == 0)
                return r;
        return append_line(buffer, "left out", "%.*s", (int) escaped.size, escaped.data);
}

/* Of an account or a mailbox; an older daemon does not tell. */
static bool is_one_way(const Row *row) {
        const char *direction = row_string(row, "direction");

        return direction[0] && strcmp(direction, "both") != 0;
}

static int append_left_messages(const Row *account, Buffer *buffer) {
        const uint64_t alone = row_number(account, "alone"), large = row_number(account, "large");
        const uint64_t old = row_number(account, "old"), surplus = row_number(account, "surplus");
        const char *direction = row_string(account, "direction");
        int r = 0;

        if (is_one_way(account))
                r = append_line(buffer, "direction", "%s%s", direction,
                                strcmp(direction, "mixed") == 0 ? ", see “imapsyncctl mailboxes”"
                                                                : "");
        if (r == 0 && alone > 0)
                r = append_line(buffer, "left alone", "%" PRIu64 ", on one side only by direction",
                                alone);
        if (r == 0 && large > 0)
                r = append_line(buffer, "left out", "%" PRIu64 ", larger than size-limit", large);
        if (r == 0 && old > 0)
                r = append_line(buffer, "left out", "%" PRIu64 ", older than age-limit", old);
        if (r == 0 && surplus > 0)
                r = append_line(buffer, "left out", "%" PRIu64 ", not the newest by count-limit",
                                surplus);
        return r;
}

static int append_numbers(const Row *account, Buffer *buffer) {
        static const char *const keys[] = {"mailboxes", "messages", "pending", "held", "parked"};
        const uint64_t deferred = row_number(account, "deferred");
        const uint64_t left = row_number(account, "bytes_left");
        char in[32], out[32];
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(keys) && r == 0; i++)
                r = append_line(buffer, keys[i], "%" PRIu64, row_number(account, keys[i]));
        if (r == 0 && deferred > 0)
                r = append_line(buffer, "put off", "%" PRIu64 ", too large for the policy",
                                deferred);
        if (r == 0 && left > 0)
                r = append_line(buffer, "to come", "%s", text_size(left, in, sizeof(in)));
        if (r == 0)
                r = append_left_messages(account, buffer);
        if (r == 0)
                r = append_left_out(account, buffer);
        if (r == 0)
                r = append_line(buffer, "traffic", "%s in, %s out",
                                text_size(row_number(account, "bytes_in"), in, sizeof(in)),
                                text_size(row_number(account, "bytes_out"), out, sizeof(out)));
        if (r == 0 && row_number(account, "local_bytes_in") > 0)
                r = append_line(
                        buffer, "", "%s in, %s out, of the local server",
                        text_size(row_number(account, "local_bytes_in"), in, sizeof(in)),
                        text_size(row_number(account, "local_bytes_out"), out, sizeof(out)));
        if (r < 0 || row_number(account, "wakeups_hour") == 0)
                return r;
        return append_line(buffer, "last hour", "%s, %" PRIu64 " wake-ups of the daemon",
                           text_size(row_number(account, "bytes_hour"), in, sizeof(in)),
                           row_number(account, "wakeups_hour"));
}

static int append_sentence(const Row *account, const char *key, const Screen *screen,
                           Buffer *buffer) {
        _cleanup_(buffer_done) Buffer escaped = BUFFER_NULL;
        int r = text_escape(&escaped, row_string(account, key));

        if (r == 0)
                r = text_append_wrapped(buffer, buffer_view(&escaped), 4, screen->width);
        return r;
}

static int append_account(const Row *account, const Screen *screen, Buffer *buffer) {
        const Style style = account_style(account);
        int r;

        r = buffer_append_string(buffer, style_begin(screen, STYLE_TITLE));
        if (r == 0)
                r = text_escape(buffer, row_string(account, "name"));
        if (r == 0)
                r = buffer_append_format(buffer, "%s: %s", style_end(screen, STYLE_TITLE),
                                         style_begin(screen, style));
        if (r == 0)
                r = text_escape(buffer, row_string(account, "state"));
        if (r == 0)
                r = buffer_append_format(buffer, "%s\n", style_end(screen, style));
        if (r == 0)
                r = append_sentence(account, "sentence", screen, buffer);
        if (r == 0)
                r = append_sentence(account, "warning", screen, buffer);
        if (r == 0)
                r = append_sides(account, buffer);
        if (r == 0 && row_string(account, "policy")[0])
                r = append_line(buffer, "policy", "%s%s%s", row_string(account, "policy"),
                                is_policy_worth_telling(account) ? ": " : "",
                                row_string(account, "policy_why"));
        if (r == 0)
                r = append_times(account, screen, buffer);
        return r < 0 ? r : append_numbers(account, buffer);
}

int output_account(sd_bus_message *reply, const Screen *screen, Buffer *buffer) {
        _cleanup_(rows_done) Rows accounts = ROWS_NULL;
        int r = rows_read(reply, &accounts);

        for (size_t i = 0; i < accounts.n_rows && r >= 0; i++)
                r = append_account(&accounts.rows[i], screen, buffer);
        return r < 0 ? r : append_config_error(&accounts, screen, buffer);
}

static int add_direction_note(Table *table, const char *direction) {
        char text[64];

        (void) snprintf(text, sizeof(text), "direction: %s", direction);
        return table_add_note(table, STYLE_FAINT, text);
}

static int add_mailbox(Table *table, const Screen *screen, const Row *mailbox) {
        static const char *const keys[] = {"messages", "unseen", "pending"};
        int r = table_add(table, STYLE_TITLE, row_string(mailbox, "name"));

        for (size_t i = 0; i < ARRAY_SIZE(keys) && r == 0; i++)
                r = table_add_number(table, STYLE_PLAIN, row_number(mailbox, keys[i]));
        if (r == 0)
                r = add_ago(table, screen, row_number(mailbox, "last_change_usec"));
        if (r == 0)
                r = add_sentence_note(table, STYLE_BAD, row_string(mailbox, "error"));
        if (r == 0)
                r = add_sentence_note(table, STYLE_FAINT, row_string(mailbox, "left_out"));
        if (r == 0 && (row_number(mailbox, "held") > 0 || row_number(mailbox, "parked") > 0 ||
                       row_number(mailbox, "deferred") > 0 || row_number(mailbox, "alone") > 0 ||
                       row_number(mailbox, "large") > 0 || row_number(mailbox, "old") > 0 ||
                       row_number(mailbox, "surplus") > 0))
                r = add_counts_note(table, mailbox);
        if (r == 0 && is_one_way(mailbox))
                r = add_direction_note(table, row_string(mailbox, "direction"));
        if (r == 0 && row_number(mailbox, "flags_since_usec") > 0)
                r = add_flags_note(table, screen, row_number(mailbox, "flags_since_usec"));
        return r;
}

int output_mailboxes(sd_bus_message *reply, const Screen *screen, Buffer *buffer) {
        static const Column columns[] = {
                {"MAILBOX",      .cut = true},
                {"MESSAGES",              .right = true},
                {"UNSEEN",.right = true},
                {"PENDING",       .right = true},
                {"LAST CHANGE"             },
        };
        _cleanup_(table_done) Table table = TABLE(columns);
        _cleanup_(rows_done) Rows mailboxes = ROWS_NULL;
        int r = rows_read(reply, &mailboxes);

        if (r < 0)
                return r;
        if (mailboxes.n_rows == 0)
                return buffer_append_string(buffer, "No mailbox is known yet.\n");

        for (size_t i = 0; i < mailboxes.n_rows && r >= 0; i++)
                r = add_mailbox(&table, screen, &mailboxes.rows[i]);
        return r < 0 ? r : table_print(&table, screen, buffer);
}

static int add_held(Table *table, const Screen *screen, const Row *held) {
        char share[64];
        int r;

        snprintf(share, sizeof(share), "%" PRIu64 " of %" PRIu64, row_number(held, "vanished"),
                 row_number(held, "messages"));
        r = table_add(table, STYLE_TITLE, row_string(held, "account"));
        if (r == 0)
                r = table_add(table, STYLE_TITLE, row_string(held, "mailbox"));
        if (r == 0)
                r = table_add(table, STYLE_PLAIN, row_string(held, "side"));
        if (r == 0)
                r = table_add(table, STYLE_WARN, share);
        if (r == 0)
                r = add_ago(table, screen, row_number(held, "since_usec"));
        return r < 0 ? r : add_sentence_note(table, STYLE_PLAIN, row_string(held, "reason"));
}

int output_held(sd_bus_message *reply, const Screen *screen, Buffer *buffer) {
        static const Column columns[] = {
                {"ACCOUNT",    .cut = true},
                {"MAILBOX",            .cut = true},
                {"GONE FROM"},
                {"MESSAGES" },
                {"SINCE"  },
        };
        _cleanup_(table_done) Table table = TABLE(columns);
        _cleanup_(rows_done) Rows held = ROWS_NULL;
        int r = rows_read(reply, &held);

        if (r < 0)
                return r;
        if (held.n_rows == 0)
                return buffer_append_string(buffer, "Nothing is held back.\n");

        for (size_t i = 0; i < held.n_rows && r >= 0; i++)
                r = add_held(&table, screen, &held.rows[i]);
        if (r >= 0)
                r = table_print(&table, screen, buffer);
        return r < 0 ? r
                     : buffer_append_string(buffer, "Let a deletion through with: "
                                                    "imapsyncctl confirm ACCOUNT MAILBOX\n");
}

/* "work/INBOX", "work" for what concerns no mailbox, "" for what concerns no account. */
static int append_subject(const Row *row, const Screen *screen, Buffer *buffer) {
        const char *account = row_string(row, "account"), *mailbox = row_string(row, "mailbox");
        int r = buffer_append_string(buffer, style_begin(screen, STYLE_TITLE));

        if (r == 0)
                r = text_escape(buffer, account);
        if (r == 0 && mailbox[0])
                r = buffer_append_string(buffer, "/");
        if (r == 0)
                r = text_escape(buffer, mailbox);
        if (r == 0)
                r = buffer_append_string(buffer, style_end(screen, STYLE_TITLE));
        if (r == 0 && account[0])
                r = buffer_append_string(buffer, ": ");
        return r;
}

static int append_clock(uint64_t usec, Buffer *buffer) {
        const time_t sec = (time_t) (usec / USEC_PER_SEC);
        char text[32];
        struct tm tm;

        if (!localtime_r(&sec, &tm) || strftime(text, sizeof(text), "%H:%M:%S ", &tm) == 0)
                return 0;
        return buffer_append_string(buffer, text);
}

int output_event(const Row *event, const Screen *screen, Buffer *buffer) {
        const char *message = row_string(event, "message"), *name = row_string(event, "event");
        const bool bad = strcmp(name, "error") == 0 || strcmp(name, "held") == 0;
        const Style style = bad ? STYLE_BAD : STYLE_PLAIN;
        int r;

        r = append_clock(row_number(event, "time"), buffer);
        if (r == 0)
                r = append_subject(event, screen, buffer);
        if (r == 0)
                r = buffer_append_string(buffer, style_begin(screen, style));
        if (r == 0)
                r = text_escape(buffer, name);
        if (r == 0 && message[0])
                r = buffer_append_string(buffer, ": ");
        if (r == 0)
                r = text_escape(buffer, message);
        return r < 0 ? r : buffer_append_format(buffer, "%s\n", style_end(screen, style));
}

int output_difference(const Row *difference, const Screen *screen, Buffer *buffer) {
        const uint64_t uid = row_number(difference, "uid");
        int r = append_subject(difference, screen, buffer);

        if (r == 0 && uid > 0)
                r = buffer_append_format(buffer, "UID %" PRIu64 ": ", uid);
        if (r == 0)
                r = text_escape(buffer, row_string(difference, "what"));
        return r < 0 ? r : buffer_append_string(buffer, "\n");
}
