/* The Maildir replica: what has changed, from names that inotify gave or from a scan. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "sync/maildir-replica-private.h"

#define MAX_SCANS 5u /* of a folder that does not hold still */

static int64_t now_ns(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Keywords that have a letter can be stored, and others as long as a letter is free. */
static void tell_storable(const Folder *folder, const ReplicaMailbox *mailbox,
                          ReplicaEvent *event) {
        event->storable = FLAGS_FIXED;
        for (unsigned i = 0; i < MAILDIR_LETTERS; i++) {
                const char *name = folder->letters.names[i];

                if (name)
                        event->storable |= keywords_find(mailbox->keywords, bytes_of(name));
                else
                        event->storable_keywords = true;
        }
}

static int is_same_stamp(const MaildirToken *token, const uint64_t stamp[4]) {
        return stamp[0] == token->ino[0] && stamp[1] == token->ino[1] &&
               stamp[2] == (uint64_t) token->mtime_ns[0] &&
               stamp[3] == (uint64_t) token->mtime_ns[1];
}

static int any_row(uint32_t uid, const char *name, void *userdata) {
        (void) uid, (void) name, (void) userdata;
        return 1;
}

/* Does the folder hold messages that an earlier run saw and could not bring over? Or negative. */
static int has_unknown(MaildirReplica *r, const Op *op) {
        return state_db_file_each(r->db, op->mailbox->id, true, any_row, NULL);
}

static int need_seen(MaildirReplica *r, Op *op) {
        int k;

        k = state_db_file_bounds(r->db, op->mailbox->id, &op->first_uid, &op->last_uid);
        if (k < 0 || op->last_uid == 0)
                return k;
        op->seen = calloc((op->last_uid - op->first_uid) / 8 + 1, 1);
        return op->seen ? 0 : -ENOMEM;
}

/* How to find out: by names, by a scan, or not at all since nothing can have changed. */
static int choose_step(MaildirReplica *r, Op *op) {
        int k;

        k = has_unknown(r, op);
        if (k < 0)
                return k;
        op->has_unknown = k > 0;
        if (k == 0 && op->mailbox->has_names) {
                op->step = OP_NAMES;
                return 0;
        }
        if (k == 0 && is_same_stamp(&op->token, op->since.stamp)) {
                op->step = OP_DONE;
                return 0;
        }
        op->step = OP_SCAN;
        return need_seen(r, op);
}

static int begin(MaildirReplica *r, Op *op, ReplicaEvent *ret_event) {
        Folder *folder;
        int k;

        k = folder_need(r, op->mailbox, &folder);
        if (k >= 0)
                k = maildir_token(folder->maildir, &op->token);
        if (k >= 0) /* as in list_status(), it must not be missing by chance */
                k = maildir_identity(folder->maildir, r->identity);
        if (k == -ENOMEM)
                return k;
        if (k < 0)
                return op_fail(op, k == -ENOENT ? REPLICA_NO_MAILBOX : REPLICA_FAILED,
                               "the folder cannot be opened", k);
        folder->next_uid = MAX(folder->next_uid, op->since.uidnext);

        k = choose_step(r, op);
        if (k < 0)
                return k;

        *ret_event = (ReplicaEvent){
                .type = REPLICA_EVENT_OPENED,
                .mailbox = op->mailbox,
                .object = r->identity,
 /* What is new is known from the table of files, not from a number. */
                .token = {.uidvalidity = 1, .uidnext = MAX(op->since.uidnext, 1u)},
        };
        token_stamp(&op->token, ret_event->token.stamp);
        if (!maildir_token_is_settled(&op->token, now_ns()))
                token_forget_times(&ret_event->token);
        tell_storable(folder, op->mailbox, ret_event);
        return 1;
}

/* The UID of a file, a new one if it was never seen; then op->object says what it is. */
static int need_uid(MaildirReplica *r, Op *op, Folder *folder, MaildirSub sub, const char *file,
                    uint32_t *ret_uid) {
        _cleanup_free_ char *name = bytes_dup(maildir_name_base(bytes_of(file)));
        int k;

        op->object = 0;
        if (!name)
                return -ENOMEM;
        k = state_db_file_find(r->db, op->mailbox->id, name, ret_uid);
        if (k == 0 && op->has_unknown)
                k = state_db_file_object(r->db, op->mailbox->id, *ret_uid, &op->object);
        if (k != STATE_DB_E_NONE)
                return k;
        (void) maildir_object(folder->maildir, sub, file, &op->object);

        k = state_db_begin(r->db);
        if (k < 0)
                return k;
        *ret_uid = folder->next_uid++;
        return state_db_file_add(r->db, op->mailbox->id, *ret_uid, name, op->object, true);
}

static bool mark_seen(Op *op, uint32_t uid) {
        uint32_t bit = uid - op->first_uid;
        bool before;

        if (!op->seen || uid < op->first_uid || uid > op->last_uid)
                return false;
        before = op->seen[bit / 8] & (1u << bit % 8);
        op->seen[bit / 8] |= (uint8_t) (1u << bit % 8);
        return before;
}

/* A file that is there. Return: 1 and its MESSAGE, 0 nothing to tell, or negative. */
static int tell_file(MaildirReplica *r, Op *op, MaildirSub sub, const char *name,
                     ReplicaEvent *ret_event) {
        Folder *folder = op->mailbox->private;
        uint32_t uid;
        int k;

        k = need_uid(r, op, folder, sub, name, &uid);
        if (k < 0)
                return k;
        if (mark_seen(op, uid))
                return 0; /* twice: renamed while we looked, or a leftover; the first one counts */

        *ret_event = (ReplicaEvent){
                .type = REPLICA_EVENT_MESSAGE,
                .mailbox = op->mailbox,
                .message = {.present = REPLICA_HAS_FLAGS, .uid = uid},
        };
        if (op->object) {
                ret_event->message.present |= REPLICA_HAS_OBJECT;
                ret_event->message.object =
                        (ByteView){(const char *) &op->object, sizeof(op->object)};
        }
        k = maildir_name_flags(bytes_of(name), &folder->letters, op->mailbox->keywords,
                               &ret_event->message.flags);
        return k < 0 ? k : 1;
}

/* A file that is gone. What the base does not have needs no row any more. */
static int note_gone(MaildirReplica *r, Op *op, uint32_t uid) {
        BaseMessage message;
        int k;

        k = state_db_find(r->db, op->mailbox->id, SIDE_LOCAL, uid, &message);
        if (k == STATE_DB_E_NONE) {
                k = state_db_begin(r->db);
                if (k >= 0)
                        k = state_db_file_remove(r->db, op->mailbox->id, uid);
        }
        return k < 0 ? k : uid_set_add(&op->vanished, uid, uid);
}

static int name_gone(MaildirReplica *r, Op *op, const char *name) {
        _cleanup_free_ char *base = bytes_dup(maildir_name_base(bytes_of(name)));
        uint32_t uid;
        int k;

        if (!base)
                return -ENOMEM;
        k = state_db_file_find(r->db, op->mailbox->id, base, &uid);
        if (k != 0)
                return k < 0 ? k : 0;
        return note_gone(r, op, uid);
}

/* The names that inotify gave. One that came and is not there has gone on: more news will follow. */
static int step_names(MaildirReplica *r, Op *op, ReplicaEvent *ret_event) {
        Folder *folder = op->mailbox->private;

        while (op->mailbox->names && op->mailbox->names[op->name]) {
                const char *name = op->mailbox->names[op->name++];
                const char *slash = strchr(name, '/');
                const MaildirSub sub = strncmp(name, "new/", 4) == 0 ? MAILDIR_NEW : MAILDIR_CUR;
                int fd, k;

                if (!slash)
                        continue;
                if (strncmp(name, "gone/", 5) == 0) {
                        k = name_gone(r, op, slash + 1);
                        if (k < 0)
                                return k;
                        continue;
                }
                fd = maildir_fd(folder->maildir, sub);
                if (fd < 0 || faccessat(fd, slash + 1, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                k = tell_file(r, op, sub, slash + 1, ret_event);
                if (k != 0)
                        return k;
        }
        op->step = OP_VANISHED;
        return 0;
}

static int collect_unseen(uint32_t uid, const char *name, void *userdata) {
        Op *op = userdata;
        uint32_t bit = uid - op->first_uid;

        (void) name;
        if (uid < op->first_uid || uid > op->last_uid || op->seen[bit / 8] & (1u << bit % 8))
                return 0;
        return uid_set_add(&op->vanished, uid, uid);
}

/* Rows of files that the base never had go with their files. */
static int forget_unseen(MaildirReplica *r, Op *op) {
        UidSet unseen = op->vanished;
        int k = 0;

        op->vanished = UID_SET_NULL;
        for (size_t i = 0; k >= 0 && i < unseen.n_ranges; i++)
                for (uint64_t uid = unseen.ranges[i].first; k >= 0 && uid <= unseen.ranges[i].last;
                     uid++)
                        k = note_gone(r, op, (uint32_t) uid);
        uid_set_done(&unseen);
        return k;
}

static int scan_again(Op *op, const MaildirToken *now) {
        if (++op->n_scans == MAX_SCANS)
                return op_fail(op, REPLICA_FAILED,
                               "the folder did not hold still while it was read", -EAGAIN);
        op->token = *now;
        uid_set_done(&op->vanished);
        if (op->seen)
                memset(op->seen, 0, (op->last_uid - op->first_uid) / 8 + 1);
        return 0;
}

/* Let the file system's clock go on, so that the next look can tell whether anything moves. */
static void wait_for_tick(void) {
        const struct timespec tick = {.tv_nsec = 26000000};

        (void) nanosleep(&tick, NULL);
}

/*
 * The scan is through. A file that it did not meet is gone only if the folder held still meanwhile, for
 * a rename can hide a file from it; and that only an mtime that is not young proves.
 */
static int end_scan(MaildirReplica *r, Op *op) {
        Folder *folder = op->mailbox->private;
        MaildirToken now;
        int k;

        op->scan = maildir_scan_free(op->scan);
        k = maildir_token(folder->maildir, &now);
        if (k < 0)
                return op_fail(op, REPLICA_FAILED, "the folder cannot be read", k);
        if (!maildir_token_equal(&op->token, &now))
                return scan_again(op, &now);

        if (op->seen) {
                k = state_db_file_each(r->db, op->mailbox->id, false, collect_unseen, op);
                if (k < 0)
                        return k;
        }
        if (!uid_set_is_empty(&op->vanished) && op->n_scans == 0 &&
            !maildir_token_is_settled(&now, now_ns())) {
                wait_for_tick();
                return scan_again(op, &now);
        }

        op->step = OP_VANISHED;
        return forget_unseen(r, op);
}

static int step_scan(MaildirReplica *r, Op *op, ReplicaEvent *ret_event) {
        Folder *folder = op->mailbox->private;
        MaildirSub sub;
        const char *name;
        int k;

        if (!op->scan) {
                k = maildir_scan_new(folder->maildir, &op->scan);
                if (k < 0)
                        return k == -ENOMEM ? k
                                            : op_fail(op, REPLICA_FAILED,
                                                      "the folder cannot be read", k);
        }

        while ((k = maildir_scan_next(op->scan, &sub, &name)) > 0) {
                k = tell_file(r, op, sub, name, ret_event);
                if (k != 0)
                        return k;
        }
        if (k < 0)
                return k == -ENOMEM ? k
                                    : op_fail(op, REPLICA_FAILED, "the folder cannot be read", k);
        return end_scan(r, op);
}

int op_changes(MaildirReplica *r, Op *op, ReplicaEvent *ret_event) {
        switch (op->step) {
        case OP_BEGIN:
                return begin(r, op, ret_event);
        case OP_NAMES:
                return step_names(r, op, ret_event);
        case OP_SCAN:
                return step_scan(r, op, ret_event);
        case OP_VANISHED:
                op->step = OP_DONE;
                if (uid_set_is_empty(&op->vanished))
                        return 0;
                *ret_event = (ReplicaEvent){
                        .type = REPLICA_EVENT_VANISHED,
                        .mailbox = op->mailbox,
                        .uids = op->vanished,
                };
                return 1;
        case OP_UIDS:
        case OP_BODY:
        case OP_STATUS:
        case OP_DONE:
                break;
        }
        abort();
}
