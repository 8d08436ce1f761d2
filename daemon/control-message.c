/*
 * Structs to dictionaries of D-Bus
 *
 * A struct is a table of its fields, so that a field added to daemon/status.h is one line here.
 */

#include <errno.h>

#include "base/utf8.h"
#include "daemon/control-message.h"

#define TEXT_MAX 4096

typedef enum FieldType {
        FIELD_STRING,
        FIELD_U64,
        FIELD_U32,
        FIELD_BOOL,
        FIELD_STATE,
} FieldType;

typedef struct Field {
        const char *key;
        FieldType type;
        size_t offset;
} Field;

#define FIELD(type, member, kind)                                                                  \
        { #member, (kind), offsetof(type, member) }

static const Field account_fields[] = {
        FIELD(AccountStatus, name, FIELD_STRING),
        FIELD(AccountStatus, state, FIELD_STATE),
        FIELD(AccountStatus, sentence, FIELD_STRING),
        FIELD(AccountStatus, remote, FIELD_STRING),
        FIELD(AccountStatus, local, FIELD_STRING),
        FIELD(AccountStatus, waits, FIELD_STRING),
        FIELD(AccountStatus, waits_why, FIELD_STRING),
        FIELD(AccountStatus, quirks, FIELD_STRING),
        FIELD(AccountStatus, local_waits, FIELD_STRING),
        FIELD(AccountStatus, local_waits_why, FIELD_STRING),
        FIELD(AccountStatus, local_quirks, FIELD_STRING),
        FIELD(AccountStatus, mailboxes, FIELD_U64),
        FIELD(AccountStatus, messages, FIELD_U64),
        FIELD(AccountStatus, pending, FIELD_U64),
        FIELD(AccountStatus, held, FIELD_U64),
        FIELD(AccountStatus, parked, FIELD_U64),
        FIELD(AccountStatus, bytes_left, FIELD_U64),
        FIELD(AccountStatus, last_sync_usec, FIELD_U64),
        FIELD(AccountStatus, retry_usec, FIELD_U64),
        FIELD(AccountStatus, connected_usec, FIELD_U64),
        FIELD(AccountStatus, bytes_in, FIELD_U64),
        FIELD(AccountStatus, bytes_out, FIELD_U64),
        FIELD(AccountStatus, local_connected_usec, FIELD_U64),
        FIELD(AccountStatus, local_bytes_in, FIELD_U64),
        FIELD(AccountStatus, local_bytes_out, FIELD_U64),
        FIELD(AccountStatus, flags_since_usec, FIELD_U64),
        FIELD(AccountStatus, compressed, FIELD_BOOL),
        FIELD(AccountStatus, encrypted, FIELD_BOOL),
        FIELD(AccountStatus, local_compressed, FIELD_BOOL),
        FIELD(AccountStatus, local_encrypted, FIELD_BOOL),
        FIELD(AccountStatus, left_out, FIELD_STRING),
        FIELD(AccountStatus, config_error, FIELD_STRING),
        FIELD(AccountStatus, deferred, FIELD_U64),
        FIELD(AccountStatus, policy, FIELD_STRING),
        FIELD(AccountStatus, policy_why, FIELD_STRING),
        FIELD(AccountStatus, wakeups_hour, FIELD_U64),
        FIELD(AccountStatus, bytes_hour, FIELD_U64),
        FIELD(AccountStatus, warning, FIELD_STRING),
        FIELD(AccountStatus, direction, FIELD_STRING),
        FIELD(AccountStatus, alone, FIELD_U64),
        FIELD(AccountStatus, large, FIELD_U64),
        FIELD(AccountStatus, proxy, FIELD_STRING),
        FIELD(AccountStatus, local_proxy, FIELD_STRING),
        FIELD(AccountStatus, old, FIELD_U64),
        FIELD(AccountStatus, surplus, FIELD_U64),
};

static const Field policy_fields[] = {
        FIELD(PolicyStatus, policy, FIELD_STRING),
        FIELD(PolicyStatus, why, FIELD_STRING),
        FIELD(PolicyStatus, forced, FIELD_BOOL),
        FIELD(PolicyStatus, until_usec, FIELD_U64),
        FIELD(PolicyStatus, poll_interval_sec, FIELD_U64),
        FIELD(PolicyStatus, upload_delay_sec, FIELD_U64),
        FIELD(PolicyStatus, max_body, FIELD_U64),
        FIELD(PolicyStatus, idle, FIELD_STRING),
        FIELD(PolicyStatus, all_mailboxes, FIELD_BOOL),
        FIELD(PolicyStatus, scan_flags, FIELD_BOOL),
};

static const Field mailbox_fields[] = {
        FIELD(MailboxStatus, name, FIELD_STRING),
        FIELD(MailboxStatus, messages, FIELD_U64),
        FIELD(MailboxStatus, unseen, FIELD_U64),
        FIELD(MailboxStatus, pending, FIELD_U64),
        FIELD(MailboxStatus, held, FIELD_U64),
        FIELD(MailboxStatus, parked, FIELD_U64),
        FIELD(MailboxStatus, last_change_usec, FIELD_U64),
        FIELD(MailboxStatus, flags_since_usec, FIELD_U64),
        FIELD(MailboxStatus, error, FIELD_STRING),
        FIELD(MailboxStatus, left_out, FIELD_STRING),
        FIELD(MailboxStatus, deferred, FIELD_U64),
        FIELD(MailboxStatus, direction, FIELD_STRING),
        FIELD(MailboxStatus, alone, FIELD_U64),
        FIELD(MailboxStatus, large, FIELD_U64),
        FIELD(MailboxStatus, old, FIELD_U64),
        FIELD(MailboxStatus, surplus, FIELD_U64),
};

static const Field held_fields[] = {
        FIELD(HeldStatus, account, FIELD_STRING), FIELD(HeldStatus, mailbox, FIELD_STRING),
        FIELD(HeldStatus, side, FIELD_STRING),    FIELD(HeldStatus, vanished, FIELD_U64),
        FIELD(HeldStatus, messages, FIELD_U64),   FIELD(HeldStatus, since_usec, FIELD_U64),
        FIELD(HeldStatus, reason, FIELD_STRING),
};

static const Field explained_fields[] = {
        FIELD(MessageStatus, account, FIELD_STRING),
        FIELD(MessageStatus, mailbox, FIELD_STRING),
        FIELD(MessageStatus, folder, FIELD_STRING),
        FIELD(MessageStatus, file, FIELD_STRING),
        FIELD(MessageStatus, remote_uid, FIELD_U32),
        FIELD(MessageStatus, local_uid, FIELD_U32),
        FIELD(MessageStatus, known, FIELD_BOOL),
        FIELD(MessageStatus, flags, FIELD_STRING),
        FIELD(MessageStatus, parked, FIELD_STRING),
        FIELD(MessageStatus, uidvalidity, FIELD_U32),
        FIELD(MessageStatus, uidnext, FIELD_U32),
        FIELD(MessageStatus, modseq, FIELD_U64),
        FIELD(MessageStatus, held, FIELD_U64),
        FIELD(MessageStatus, pending, FIELD_BOOL),
        FIELD(MessageStatus, verdict, FIELD_STRING),
        FIELD(MessageStatus, asked, FIELD_BOOL),
        FIELD(MessageStatus, remote_has, FIELD_BOOL),
        FIELD(MessageStatus, remote_flags, FIELD_STRING),
        FIELD(MessageStatus, remote_error, FIELD_STRING),
        FIELD(MessageStatus, remote_size, FIELD_U64),
        FIELD(MessageStatus, remote_date_usec, FIELD_U64),
};

static const Field difference_fields[] = {
        FIELD(VerifyDifference, account, FIELD_STRING),
        FIELD(VerifyDifference, mailbox, FIELD_STRING),
        FIELD(VerifyDifference, uid, FIELD_U32),
        FIELD(VerifyDifference, what, FIELD_STRING),
};

static const Field event_fields[] = {
        FIELD(ControlEvent, account, FIELD_STRING),
        FIELD(ControlEvent, mailbox, FIELD_STRING),
        FIELD(ControlEvent, event, FIELD_STRING),
        FIELD(ControlEvent, message, FIELD_STRING),
        FIELD(ControlEvent, new_local, FIELD_U64),
        FIELD(ControlEvent, new_remote, FIELD_U64),
        FIELD(ControlEvent, changed_local, FIELD_U64),
        FIELD(ControlEvent, changed_remote, FIELD_U64),
        FIELD(ControlEvent, removed_local, FIELD_U64),
        FIELD(ControlEvent, removed_remote, FIELD_U64),
        FIELD(ControlEvent, done, FIELD_U64),
        FIELD(ControlEvent, total, FIELD_U64),
        FIELD(ControlEvent, bytes, FIELD_U64),
        FIELD(ControlEvent, total_bytes, FIELD_U64),
};

static const Field progress_fields[] = {
        FIELD(ControlProgress, account, FIELD_STRING),
        FIELD(ControlProgress, mailbox, FIELD_STRING),
        FIELD(ControlProgress, done, FIELD_U64),
        FIELD(ControlProgress, total, FIELD_U64),
        FIELD(ControlProgress, bytes, FIELD_U64),
        FIELD(ControlProgress, total_bytes, FIELD_U64),
        FIELD(ControlProgress, bytes_left, FIELD_U64),
};

/* Like sd-bus, and GLib before it, refuse the noncharacters (Unicode 23.7) too. */
static size_t decode_text(ByteView bytes) {
        uint32_t code;
        size_t n = utf8_decode(bytes, &code);

        if (n == 0 || (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) == 0xfffe)
                return 0;
        return n;
}

char *message_text(const char *text) {
        _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
        ByteView left = bytes_of(text);
        int r = 0;

        while (left.size > 0 && buffer.size < TEXT_MAX && r == 0) {
                size_t n = decode_text(left);

                if (n > 0)
                        r = buffer_append(&buffer, left.data, n);
                else
                        r = buffer_append_string(&buffer, UTF8_REPLACEMENT);
                n = MAX(n, (size_t) 1);
                left = (ByteView){left.data + n, left.size - n};
        }

        return r < 0 ? NULL : buffer_steal_string(&buffer);
}

static int append_text(sd_bus_message *message, const char *text) {
        _cleanup_free_ char *fit = message_text(text);

        if (!fit)
                return -ENOMEM;
        return sd_bus_message_append(message, "v", "s", fit);
}

static int append_value(sd_bus_message *message, FieldType type, const void *value) {
        switch (type) {
        case FIELD_STRING:
                return append_text(message, *(const char *const *) value);
        case FIELD_U64:
                return sd_bus_message_append(message, "v", "t", *(const uint64_t *) value);
        case FIELD_U32:
                return sd_bus_message_append(message, "v", "u", *(const uint32_t *) value);
        case FIELD_BOOL:
                return sd_bus_message_append(message, "v", "b", (int) *(const bool *) value);
        case FIELD_STATE:
                return sd_bus_message_append(message, "v", "s",
                                             account_state_name(*(const AccountState *) value));
        }

        abort(); /* the switch is complete */
}

static int append_fields(sd_bus_message *message, const Field *fields, size_t n_fields,
                         const void *object) {
        int r = 0;

        for (size_t i = 0; i < n_fields && r >= 0; i++) {
                const void *value = (const char *) object + fields[i].offset;

                r = sd_bus_message_open_container(message, 'e', "sv");
                if (r >= 0)
                        r = sd_bus_message_append(message, "s", fields[i].key);
                if (r >= 0)
                        r = append_value(message, fields[i].type, value);
                if (r >= 0)
                        r = sd_bus_message_close_container(message);
        }

        return r < 0 ? r : 0;
}

static int append_row(sd_bus_message *message, const Field *fields, size_t n_fields,
                      const void *object) {
        int r = sd_bus_message_open_container(message, 'a', "{sv}");

        if (r >= 0)
                r = append_fields(message, fields, n_fields, object);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r < 0 ? r : 0;
}

int message_append_account(sd_bus_message *message, const AccountStatus *status) {
        return append_row(message, account_fields, ARRAY_SIZE(account_fields), status);
}

int message_append_policy(sd_bus_message *message, const PolicyStatus *status) {
        return append_row(message, policy_fields, ARRAY_SIZE(policy_fields), status);
}

int message_append_mailbox(sd_bus_message *message, const MailboxStatus *status) {
        return append_row(message, mailbox_fields, ARRAY_SIZE(mailbox_fields), status);
}

int message_append_held(sd_bus_message *message, const HeldStatus *status) {
        return append_row(message, held_fields, ARRAY_SIZE(held_fields), status);
}

int message_append_explained(sd_bus_message *message, const MessageStatus *status) {
        return append_row(message, explained_fields, ARRAY_SIZE(explained_fields), status);
}

int message_append_difference(sd_bus_message *message, const VerifyDifference *difference) {
        return append_row(message, difference_fields, ARRAY_SIZE(difference_fields), difference);
}

int message_append_progress(sd_bus_message *message, const ControlProgress *progress) {
        return append_row(message, progress_fields, ARRAY_SIZE(progress_fields), progress);
}

int message_append_event(sd_bus_message *message, uint64_t time_usec, const ControlEvent *event) {
        int r = sd_bus_message_open_container(message, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(message, "{sv}", "time", "t", time_usec);
        if (r >= 0)
                r = append_fields(message, event_fields, ARRAY_SIZE(event_fields), event);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r < 0 ? r : 0;
}
