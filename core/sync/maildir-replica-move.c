/*
 * The Maildir replica: messages moved to another folder by rename(2)
 *
 * The name stays, but for the letters of keywords, which mean something else in each folder. The new
 * name is entered as one that the base does not have yet: if the process ends before the base takes
 * note of it, the file is found there and paired.
 */

#include <errno.h>

#include "sync/maildir-replica-private.h"

typedef struct Move {
        Folder *from, *to;
        uint32_t uid, uid_to;
        uint64_t object;
} Move;

/* The flags of a file, in the keywords of the other mailbox. */
static int flags_there(const Op *op, const Move *move, const char *name, MessageFlags *ret_flags) {
        MessageFlags flags;
        int k;

        k = maildir_name_flags(bytes_of(name), &move->from->letters, op->mailbox->keywords, &flags);
        return k < 0 ? k
                     : flags_translate(flags, op->mailbox->keywords, op->target->keywords,
                                       ret_flags);
}

/* The base of its name there: the same, unless another message has it. */
static int choose_base(MaildirReplica *r, const Op *op, const char *old_name, char **ret_base) {
        _cleanup_free_ char *base = bytes_dup(maildir_name_base(bytes_of(old_name)));
        uint32_t other;
        int k;

        if (!base)
                return -ENOMEM;
        k = state_db_file_find(r->db, op->target->id, base, &other);
        if (k < 0)
                return k;
        if (k == 0)
                return folder_new_base(r, ret_base);
        *ret_base = TAKE_PTR(base);
        return 0;
}

/* Rename a file that no program has looked at into new/, others into cur/. */
static int rename_file(MaildirReplica *r, const Op *op, const Move *move, MaildirSub sub,
                       const char *old_name, const char *base) {
        _cleanup_free_ char *name = NULL;
        MessageFlags flags;
        MaildirSub sub_to;
        int k;

        k = flags_there(op, move, old_name, &flags);
        if (k < 0)
                return k;
        sub_to = sub == MAILDIR_NEW && flags == 0 ? MAILDIR_NEW : MAILDIR_CUR;
        if (sub_to == MAILDIR_CUR)
                k = folder_format_name(move->to, op->target, base, flags, &name);
        if (k < 0)
                return k;
        k = maildir_move(move->from->maildir, sub, old_name, move->to->maildir, sub_to,
                         name ? name : base);
        if (k >= 0)
                replica_tell(r, move->to, MAILDIR_ACT_CHANGED, sub_to, name ? name : base, false);
        return k;
}

static int move_file(MaildirReplica *r, const Op *op, const Move *move) {
        _cleanup_free_ char *old_name = NULL, *base = NULL;
        MaildirSub sub;
        int k;

        k = folder_find(r, op->mailbox, move->from, move->uid, &sub, &old_name);
        if (k >= 0)
                k = choose_base(r, op, old_name, &base);
        if (k < 0)
                return k;

        k = rename_file(r, op, move, sub, old_name, base);
        if (k == -EEXIST) { /* a file that no scan has met yet */
                free(base);
                base = NULL;
                k = folder_new_base(r, &base);
                if (k >= 0)
                        k = rename_file(r, op, move, sub, old_name, base);
        }
        if (k >= 0)
                k = state_db_begin(r->db);
        return k < 0 ? k
                     : state_db_file_add(r->db, op->target->id, move->uid_to, base, move->object,
                                         true);
}

static int move_one(MaildirReplica *r, Op *op, Folder *from, Folder *to, uint32_t uid) {
        Move move = {.from = from, .to = to, .uid = uid, .uid_to = to->next_uid};
        int k;

        k = maildir_gone_object(&r->replica, op->mailbox, uid, &move.object);
        if (k >= 0)
                k = move_file(r, op, &move);
        if (k < 0)
                return k;

        to->next_uid++;
        k = uid_set_add(&op->vanished, uid, uid);
        return k < 0 ? k : uid_set_add(&op->moved_to, move.uid_to, move.uid_to);
}

/* All of them, then the directories, first where they are now: durable before the base says so. */
static int move_all(MaildirReplica *r, Op *op, Folder *from, Folder *to) {
        uint32_t uid;
        int k;

        while (op_next_uid(op, &uid) > 0) {
                k = move_one(r, op, from, to, uid);
                if (k == -ENOMEM)
                        return k;
                if (k < 0 && k != -ENOENT) {
                        (void) op_fail(op, REPLICA_FAILED, "messages cannot be moved", k);
                        break;
                }
        }

        k = maildir_sync_dirs(to->maildir);
        if (k >= 0)
                k = maildir_sync_dirs(from->maildir);
        if (k >= 0)
                return 0;
        uid_set_done(&op->vanished);
        return op_fail(op, REPLICA_FAILED, "messages cannot be moved", k);
}

int op_move(MaildirReplica *r, Op *op, ReplicaEvent *ret_event) {
        Folder *from, *to;
        int k;

        op->step = OP_DONE;
        k = folder_need(r, op->mailbox, &from);
        if (k >= 0)
                k = folder_need(r, op->target, &to);
        if (k == -ENOMEM)
                return k;
        if (k < 0)
                return op_fail(op, k == -ENOENT ? REPLICA_NO_MAILBOX : REPLICA_FAILED,
                               "the folder cannot be opened", k);

        k = move_all(r, op, from, to);
        if (k < 0 || uid_set_is_empty(&op->vanished))
                return k;
        *ret_event = (ReplicaEvent){
                .type = REPLICA_EVENT_MOVED,
                .mailbox = op->mailbox,
                .request = REPLICA_MOVE,
                .uids = op->vanished,
                .uids_to = op->moved_to,
        };
        return 1;
}
