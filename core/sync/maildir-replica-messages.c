/* The Maildir replica: reading messages, changing their flags, removing them. */

#include <errno.h>
#include <stdio.h>

#include "imap/command.h"
#include "sync/maildir-replica-private.h"

#define MAX_HEADER 65536u /* of a message, looked through for its Message-ID */

/* Open the file of a UID. Return: 0, -ENOENT if it is gone (ordinary), or negative. */
static int open_message(MaildirReplica *r, Op *op, Folder *folder, uint32_t uid) {
        _cleanup_free_ char *name = NULL;
        MaildirSub sub;
        int k;

        k = folder_find(r, op->mailbox, folder, uid, &sub, &name);
        if (k < 0)
                return k;

        op->message = (ReplicaMessage){
                .present = REPLICA_HAS_FLAGS | REPLICA_HAS_DATE | REPLICA_HAS_SIZE,
                .uid = uid,
        };
        k = maildir_name_flags(bytes_of(name), &folder->letters, op->mailbox->keywords,
                               &op->message.flags);
        if (k < 0)
                return k;
        return maildir_reader_new(folder->maildir, sub, name, &op->reader, &op->message.size,
                                  &op->message.date);
}

#define CHUNK_SIZE ((size_t) 16 * 1024)

/* Return: how many bytes of the message are in the chunk, 0 at its end, or a negative errno. */
static ssize_t read_chunk(MaildirReplica *r, Op *op) {
        int k;

        r->chunk.size = 0;
        k = buffer_reserve(&r->chunk, CHUNK_SIZE);
        return k < 0 ? k : maildir_reader_read(op->reader, r->chunk.data, CHUNK_SIZE);
}

/* Read on until the header is whole, or too long to go on looking. */
static int read_header(MaildirReplica *r, Op *op, Buffer *header) {
        for (;;) {
                ssize_t n = read_chunk(r, op);
                int k;

                if (n <= 0)
                        return (int) n;
                k = buffer_append(header, r->chunk.data, (size_t) n);
                if (k < 0)
                        return k;
                if (memmem(header->data, header->size, "\r\n\r\n", 4) || header->size >= MAX_HEADER)
                        return 0;
        }
}

static int read_message_id(MaildirReplica *r, Op *op) {
        _cleanup_(buffer_done) Buffer header = BUFFER_NULL;
        const char *end;
        int k;

        op->message_id.size = 0;
        k = read_header(r, op, &header);
        if (k < 0)
                return k;
        end = memmem(header.data ? header.data : "", header.size, "\r\n\r\n", 4);
        if (end)
                header.size = (size_t) (end - header.data) + 2;

        k = imap_header_value(buffer_view(&header), "Message-ID", &op->message_id);
        if (k < 0)
                return k;
        op->message.present |= REPLICA_HAS_MESSAGE_ID;
        op->message.message_id = buffer_view(&op->message_id);
        op->message.size -= MIN(op->message.size, imap_header_tuid_size(buffer_view(&header)));
        return 0;
}

static int begin_fetch(MaildirReplica *r, Op *op, Folder **ret_folder) {
        int k;

        k = folder_need(r, op->mailbox, ret_folder);
        if (k == -ENOMEM)
                return k;
        if (k < 0) {
                (void) op_fail(op, k == -ENOENT ? REPLICA_NO_MAILBOX : REPLICA_FAILED,
                               "the folder cannot be opened", k);
                return 0;
        }
        return 1;
}

/* One message that cannot be read: say why, go on with the next. */
static int tell_unreadable(Op *op, uint32_t uid, int error, ReplicaEvent *ret_event) {
        op->reader = maildir_reader_free(op->reader);
        op->step = OP_UIDS;
        if (error == -ENOENT)
                return 0; /* gone: the next changes() tells */
        if (error == -EMFILE || error == -ENFILE || error == -EINTR) /* it is not about this one */
                return op_fail(op, REPLICA_FAILED, "messages cannot be read", error);

        (void) snprintf(op->text, sizeof(op->text), "the file cannot be read: %s",
                        strerror(-error));
        *ret_event = (ReplicaEvent){
                .type = REPLICA_EVENT_BODY_END,
                .mailbox = op->mailbox,
                .message = {.uid = uid},
                .text = op->text,
        };
        return 1;
}

/* The others can be read nevertheless. */
static bool is_of_file(int error) {
        return error == -ENOENT || error == -EACCES || error == -EPERM || error == -ELOOP ||
               error == -EINVAL || error == -EAGAIN;
}

static int next_message(MaildirReplica *r, Op *op, ReplicaEvent *ret_event) {
        Folder *folder;
        uint32_t uid;
        int k;

        k = begin_fetch(r, op, &folder);
        if (k <= 0)
                return k;
        op->text[0] = '\0';
        if (op_next_uid(op, &uid) == 0) {
                op->step = OP_DONE;
                return 0;
        }

        k = open_message(r, op, folder, uid);
        if (k >= 0 && op->want == REPLICA_WANT_IDENTITY)
                k = read_message_id(r, op);
        if (k == -ENOMEM)
                return k;
        if (k < 0 && op->want == REPLICA_WANT_BODY)
                return tell_unreadable(op, uid, k, ret_event);
        if (k < 0)
                return is_of_file(k) ? 0
                                     : op_fail(op, REPLICA_FAILED, "messages cannot be read", k);

        *ret_event = (ReplicaEvent){.mailbox = op->mailbox, .message = op->message};
        if (op->want == REPLICA_WANT_BODY) {
                ret_event->type = REPLICA_EVENT_BODY_BEGIN;
                op->step = OP_BODY;
        } else {
                ret_event->type = REPLICA_EVENT_MESSAGE;
                op->reader = maildir_reader_free(op->reader);
        }
        return 1;
}

static int next_piece(MaildirReplica *r, Op *op, ReplicaEvent *ret_event) {
        ssize_t n = read_chunk(r, op);

        if (n < 0)
                return tell_unreadable(op, op->message.uid, (int) n, ret_event);

        *ret_event = (ReplicaEvent){.mailbox = op->mailbox, .message = op->message};
        if (n > 0) {
                ret_event->type = REPLICA_EVENT_BODY_DATA;
                ret_event->data = (ByteView){r->chunk.data, (size_t) n};
        } else {
                ret_event->type = REPLICA_EVENT_BODY_END;
                op->reader = maildir_reader_free(op->reader);
                op->step = OP_UIDS;
        }
        return 1;
}

int op_fetch(MaildirReplica *r, Op *op, ReplicaEvent *ret_event) {
        return op->step == OP_BODY ? next_piece(r, op, ret_event) : next_message(r, op, ret_event);
}

/* --- flags and removal --- */

static int store_one(MaildirReplica *r, Op *op, Folder *folder, uint32_t uid) {
        _cleanup_free_ char *old_name = NULL, *new_name = NULL;
        MessageFlags flags;
        MaildirSub sub;
        int k;

        k = folder_find(r, op->mailbox, folder, uid, &sub, &old_name);
        if (k < 0)
                return k;
        k = maildir_name_flags(bytes_of(old_name), &folder->letters, op->mailbox->keywords, &flags);
        if (k < 0)
                return k;
        k = folder_format_name(folder, op->mailbox, old_name, (flags | op->add) & ~op->remove,
                               &new_name);
        if (k < 0 || (sub == MAILDIR_CUR && strcmp(old_name, new_name) == 0))
                return k;
        k = maildir_rename(folder->maildir, sub, old_name, new_name);
        if (k >= 0)
                replica_tell(r, folder, MAILDIR_ACT_CHANGED, MAILDIR_CUR, new_name, false);
        return k;
}

static int expunge_one(MaildirReplica *r, Op *op, Folder *folder, uint32_t uid) {
        _cleanup_free_ char *name = NULL;
        MaildirSub sub;
        int k;

        k = folder_find(r, op->mailbox, folder, uid, &sub, &name);
        if (k >= 0)
                k = maildir_unlink(folder->maildir, sub, name);
        if (k >= 0)
                replica_tell(r, folder, MAILDIR_ACT_REMOVED, sub, name, false);
        return k;
}

/* All of them, then the directories: durable before the base says so. A file that is gone is fine. */
static int for_each_uid(MaildirReplica *r, Op *op, const char *what,
                        int (*one)(MaildirReplica *r, Op *op, Folder *folder, uint32_t uid)) {
        Folder *folder;
        uint32_t uid;
        int k;

        k = begin_fetch(r, op, &folder);
        if (k <= 0)
                return k;

        while (op_next_uid(op, &uid) > 0) {
                k = one(r, op, folder, uid);
                if (k == -ENOMEM)
                        return k;
                if (k < 0 && k != -ENOENT)
                        return op_fail(op, REPLICA_FAILED, what, k);
        }
        k = maildir_sync_dirs(folder->maildir);
        if (k < 0)
                return op_fail(op, REPLICA_FAILED, what, k);
        op->step = OP_DONE;
        return 0;
}

int op_store(MaildirReplica *r, Op *op, ReplicaEvent *ret_event) {
        (void) ret_event;
        return for_each_uid(r, op, "flags cannot be changed", store_one);
}

int op_expunge(MaildirReplica *r, Op *op, ReplicaEvent *ret_event) {
        (void) ret_event;
        return for_each_uid(r, op, "messages cannot be removed", expunge_one);
}
