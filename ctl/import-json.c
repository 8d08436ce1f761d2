/* The outcome of an import, for programs. */

#include <errno.h>
#include <inttypes.h>

#include "ctl/import-json.h"
#include "ctl/json.h"

static int append_member(Buffer *buffer, const char *name, const char *value) {
        int r = buffer_append_format(buffer, "\"%s\":", name);

        if (r >= 0)
                r = json_append_string(buffer, bytes_of(value ? value : ""));
        return r < 0 ? r : buffer_append_string(buffer, ",");
}

static int append_mailbox(Buffer *buffer, const ImportMailbox *mailbox) {
        int r = buffer_append_string(buffer, "{");

        if (r >= 0)
                r = append_member(buffer, "name", mailbox->name);
        return r < 0 ? r
                     : buffer_append_format(buffer,
                                            "\"left_out\":%s,\"compared\":%s,\"messages\":%" PRIu64
                                            ",\"changed\":%" PRIu64 ",\"gone\":%" PRIu64
                                            ",\"one_sided\":%" PRIu64 ",\"new\":%" PRIu64 "}",
                                            mailbox->is_left_out ? "true" : "false",
                                            mailbox->is_compared ? "true" : "false",
                                            mailbox->n_adopted, mailbox->n_changed, mailbox->n_gone,
                                            mailbox->n_left, mailbox->n_new);
}

static int append_account(Buffer *buffer, const ImportAccount *account) {
        int r = buffer_append_string(buffer, "{");

        if (r >= 0)
                r = append_member(buffer, "name", account->name);
        if (r >= 0)
                r = append_member(buffer, "maildir", account->root);
        if (r >= 0)
                r = buffer_append_string(buffer, "\"mailboxes\":[");
        for (size_t i = 0; i < account->n_mailboxes && r >= 0; i++) {
                if (i > 0)
                        r = buffer_append_string(buffer, ",");
                if (r >= 0)
                        r = append_mailbox(buffer, &account->mailboxes[i]);
        }
        return r < 0 ? r : buffer_append_string(buffer, "]}");
}

static int append_notes(Buffer *buffer, ByteView notes) {
        int r = buffer_append_string(buffer, "\"notes\":[");

        for (bool is_first = true; notes.size > 0 && r >= 0; is_first = false) {
                const ByteView note = bytes_take_until(&notes, '\n');

                if (!is_first)
                        r = buffer_append_string(buffer, ",");
                if (r >= 0)
                        r = json_append_string(buffer, note);
        }
        return r < 0 ? r : buffer_append_string(buffer, "],");
}

int import_format_json(const Import *import, const ImportOutcome *outcome, Buffer *buffer) {
        int r = buffer_append_string(buffer, "{");

        if (r >= 0)
                r = append_member(buffer, "program", import_program_name(import->program));
        if (r >= 0)
                r = append_member(buffer, "from", import->path);
        if (r >= 0)
                r = append_member(buffer, "config", outcome->config);
        if (r >= 0)
                r = append_member(buffer, "state_dir", outcome->state_dir);
        if (r >= 0)
                r = append_notes(buffer, buffer_view(&import->notes));
        if (r >= 0)
                r = buffer_append_string(buffer, "\"accounts\":[");
        for (size_t i = 0; i < import->n_accounts && r >= 0; i++) {
                if (i > 0)
                        r = buffer_append_string(buffer, ",");
                if (r >= 0)
                        r = append_account(buffer, &import->accounts[i]);
        }
        return r < 0 ? r
                     : buffer_append_format(buffer, "],\"written\":%s}\n",
                                            outcome->written ? "true" : "false");
}
