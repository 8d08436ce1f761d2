/* What the accounts may cost, for people. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/macro.h"
#include "ctl/output.h"

/* "30 s", "5 min", "2 h". */
static char *format_span(uint64_t seconds, char *buffer, size_t size) {
        const bool hours = seconds % 3600 == 0, minutes = seconds % 60 == 0;

        (void) snprintf(buffer, size, "%" PRIu64 " %s",
                        hours     ? seconds / 3600
                        : minutes ? seconds / 60
                                  : seconds,
                        hours     ? "h"
                        : minutes ? "min"
                                  : "s");
        return buffer;
}

static const char *idle_words(const char *idle) {
        if (strcmp(idle, "yes") == 0)
                return "where the server has it";
        return strcmp(idle, "quiet") == 0 ? "unless the server chatters meanwhile" : "no";
}

int output_policy_line(const Row *row, const char *key, const char *why, Buffer *buffer) {
        int r = buffer_append_string(buffer, "Policy: ");

        if (r == 0)
                r = text_escape(buffer, row_string(row, key));
        if (r == 0 && row_string(row, why)[0])
                r = buffer_append_string(buffer, " (");
        if (r == 0)
                r = text_escape(buffer, row_string(row, why));
        return r < 0 ? r : buffer_append_string(buffer, row_string(row, why)[0] ? ")\n" : "\n");
}

static int append_limits(const Row *row, Buffer *buffer) {
        const uint64_t max_body = row_number(row, "max_body");
        const uint64_t delay = row_number(row, "upload_delay_sec");
        char text[32];
        int r;

        r = buffer_append_format(buffer, "    %-12s%s\n", "mailboxes",
                                 row_number(row, "all_mailboxes") > 0
                                         ? "all"
                                         : "INBOX, and what the server tells by itself");
        if (r == 0)
                r = buffer_append_format(buffer, "    %-12s%s\n", "old flags",
                                         row_number(row, "scan_flags") > 0 ? "looked at in turn"
                                                                           : "not looked at");
        if (r == 0)
                r = buffer_append_format(buffer, "    %-12s%s%s\n", "messages",
                                         max_body > 0 ? "up to " : "of any size",
                                         max_body > 0 ? text_size(max_body, text, sizeof(text))
                                                      : "");
        if (r == 0)
                r = buffer_append_format(buffer, "    %-12s%s%s\n", "uploads",
                                         delay > 0 ? "gathered for " : "at once",
                                         delay > 0 ? format_span(delay, text, sizeof(text)) : "");
        return r;
}

int output_policy(sd_bus_message *reply, const Screen *screen, Buffer *buffer) {
        char text[32];
        Row row;
        int r = row_read(reply, &row);

        (void) screen;
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        r = output_policy_line(&row, "policy", "why", buffer);
        if (r == 0)
                r = buffer_append_format(
                        buffer, "    %-12severy %s\n", "poll",
                        format_span(row_number(&row, "poll_interval_sec"), text, sizeof(text)));
        if (r == 0)
                r = buffer_append_format(buffer, "    %-12s%s\n", "IDLE",
                                         idle_words(row_string(&row, "idle")));
        return r < 0 ? r : append_limits(&row, buffer);
}
