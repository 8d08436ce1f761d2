/* The mailboxes that a probe has found. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/foreign.h"
#include "daemon/probe-list.h"
#include "imap/command.h"
#include "imap/mailbox-name.h"

#define MAX_MAILBOXES  10000u
#define NAME_MAX_SHOWN 300

void probe_list_done(ProbeList *list) {
        for (size_t i = 0; i < list->n_items; i++)
                free(list->items[i].wire);
        free(list->items);
        *list = (ProbeList){0};
}

static const char *status_items(bool with_size) {
        return with_size ? "(MESSAGES SIZE)" : "(MESSAGES)";
}

int probe_list_command(const ProbeAsk *ask, Buffer *out) {
        _cleanup_free_ char *reference = NULL;
        int r;

        if (ask->reference) {
                r = mailbox_name_encode_reference(ask->reference, &reference);
                if (r != 0)
                        return r < 0 ? r : -EINVAL;
        }
        r = buffer_append_string(out, "LIST ");
        if (r == 0)
                r = imap_format_astring(bytes_of(reference ? reference : ""), out);
        if (r == 0)
                r = buffer_append_string(out, " *");
        if (r < 0 || (!ask->with_status && !ask->with_special_use))
                return r;
        return buffer_append_format(out, " RETURN (%s%s%s%s)",
                                    ask->with_special_use ? "SPECIAL-USE" : "",
                                    ask->with_special_use && ask->with_status ? " " : "",
                                    ask->with_status ? "STATUS " : "",
                                    ask->with_status ? status_items(ask->with_size) : "");
}

static bool is_mailbox(const ProbeMailbox *mailbox) {
        return !(mailbox->attributes & (IMAP_LIST_NOSELECT | IMAP_LIST_NONEXISTENT));
}

int probe_status_command(const ProbeMailbox *mailbox, bool with_size, Buffer *out) {
        int r;

        if (!is_mailbox(mailbox) || mailbox->present != 0)
                return 0;
        r = buffer_append_string(out, "STATUS ");
        if (r == 0)
                r = imap_format_astring(bytes_of(mailbox->wire), out);
        if (r == -EINVAL)
                return 0; /* a name that cannot be said: its status stays unknown */
        if (r == 0)
                r = buffer_append_format(out, " %s", status_items(with_size));
        return r < 0 ? r : 1;
}

int probe_list_add(ProbeList *list, const ImapList *entry) {
        ProbeMailbox *items;
        char *wire;

        if (list->n_items >= MAX_MAILBOXES)
                return 0;
        /* twice as much whenever a power of two is full */
        if ((list->n_items & (list->n_items - 1)) == 0) {
                items = reallocarray(list->items, list->n_items > 0 ? 2 * list->n_items : 1,
                                     sizeof(*items));
                if (!items)
                        return -ENOMEM;
                list->items = items;
        }
        wire = bytes_dup(entry->mailbox);
        if (!wire)
                return -ENOMEM;
        list->items[list->n_items++] = (ProbeMailbox){
                .wire = wire,
                .delimiter = entry->delimiter,
                .attributes = entry->attributes,
        };
        return 0;
}

void probe_list_set(ProbeList *list, const ImapStatusItems *status) {
        for (size_t i = 0; i < list->n_items; i++) {
                const size_t at = (list->next + i) % list->n_items;
                ProbeMailbox *mailbox = &list->items[at];

                if (!bytes_equal(bytes_of(mailbox->wire), status->mailbox))
                        continue;
                mailbox->present = status->present;
                mailbox->messages = status->messages;
                mailbox->size = status->size;
                list->next = at + 1;
                return;
        }
}

/* As the engine has it (engine_left_out()): on Gmail some mailboxes are views of others. */
static const char *note_of(const ProbeMailbox *mailbox, const char *name,
                           const AccountConfig *account, bool has_labels) {
        if (!account_config_wants(account, name))
                return "left out by the patterns";
        if (has_labels &&
            mailbox->attributes & (IMAP_LIST_ALL | IMAP_LIST_FLAGGED | IMAP_LIST_IMPORTANT) &&
            !account_config_names(account, name))
                return "left out: it shows what is in other mailboxes";
        return "";
}

static void print_mailbox(const ProbeMailbox *mailbox, const AccountConfig *account,
                          bool has_labels) {
        _cleanup_(buffer_done) Buffer shown = BUFFER_NULL;
        _cleanup_free_ char *name = NULL;
        const char *note;

        if (mailbox_name_decode(bytes_of(mailbox->wire), mailbox->delimiter, &name) == 0)
                note = note_of(mailbox, name, account, has_labels);
        else
                note = "left out: its name cannot be had in a Maildir";
        if (foreign_append(&shown, bytes_of(name ? name : mailbox->wire), NAME_MAX_SHOWN) < 0)
                return;
        printf("mailbox\t%" PRIu32 "\t", mailbox->messages);
        if (mailbox->present & IMAP_STATUS_SIZE)
                printf("%" PRIu64, mailbox->size);
        else
                putchar('-');
        printf("\t%s\t%.*s\n", note, (int) shown.size, shown.data);
}

void probe_list_print(const ProbeList *list, const AccountConfig *account, bool has_labels) {
        for (size_t i = 0; i < list->n_items; i++)
                if (is_mailbox(&list->items[i]))
                        print_mailbox(&list->items[i], account, has_labels);
}
