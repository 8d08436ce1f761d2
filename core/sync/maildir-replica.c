/* A Maildir tree as a replica: its requests and its folders. */

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/advice.h"
#include "sync/maildir-replica-private.h"

static MaildirReplica *from_replica(Replica *replica) {
        return (MaildirReplica *) replica;
}

/* --- folders --- */

void folder_close(MaildirReplica *r, ReplicaMailbox *mailbox) {
        Folder *folder = mailbox->private, **link = &r->folders;

        if (!folder)
                return;
        while (*link != folder)
                link = &(*link)->next;
        *link = folder->next;
        for (size_t i = 0; i < folder->n_staged; i++)
                maildir_delivery_free(folder->staged[i].delivery);
        maildir_letters_done(&folder->letters);
        maildir_free(folder->maildir);
        free(folder);
        mailbox->private = NULL;
}

static int folder_load(MaildirReplica *r, ReplicaMailbox *mailbox, Folder *folder) {
        uint32_t first, last;
        int k;

        if (!r->root)
                return -ENOENT;
        k = state_db_file_bounds(r->db, mailbox->id, &first, &last);
        if (k < 0)
                return k;
        k = maildir_open(r->root, mailbox->name, &folder->maildir);
        if (k == -ENOENT && last == 0) { /* never held a file: made by halves before a crash */
                k = maildir_create(r->root, mailbox->name);
                if (k >= 0)
                        k = maildir_open(r->root, mailbox->name, &folder->maildir);
        }
        if (k >= 0)
                k = maildir_letters_load(folder->maildir, &folder->letters);
        if (k < 0)
                return k;
        folder->next_uid = last + 1;
        return 0;
}

int folder_need(MaildirReplica *r, ReplicaMailbox *mailbox, Folder **ret_folder) {
        Folder *folder = mailbox->private;
        int k;

        if (!folder) {
                folder = calloc(1, sizeof(*folder));
                if (!folder)
                        return -ENOMEM;
                folder->mailbox = mailbox;
                folder->next = r->folders;
                r->folders = mailbox->private = folder;
                k = folder_load(r, mailbox, folder);
                if (k < 0) {
                        folder_close(r, mailbox);
                        return k;
                }
        }

        *ret_folder = folder;
        return 0;
}

int folder_find(MaildirReplica *r, ReplicaMailbox *mailbox, Folder *folder, uint32_t uid,
                MaildirSub *ret_sub, char **ret_name) {
        _cleanup_free_ char *base = NULL, *hint = NULL;
        BaseMessage message = {0};
        int k;

        k = state_db_file_name(r->db, mailbox->id, uid, &base);
        if (k != 0)
                return k < 0 ? k : -ENOENT;
        k = state_db_find(r->db, mailbox->id, SIDE_LOCAL, uid, &message);
        if (k == STATE_DB_E_NONE)
                k = state_db_parked_flags(r->db, mailbox->id, SIDE_LOCAL, uid, &message.flags);
        if (k < 0)
                return k;
        if (k == 0) {
                k = folder_format_name(folder, mailbox, base, message.flags, &hint);
                if (k < 0)
                        return k;
        }
        return maildir_find(folder->maildir, base, hint, ret_sub, ret_name);
}

/* Keywords without a letter get one while there are any. */
static int need_letters(Folder *folder, const ReplicaMailbox *mailbox, MessageFlags flags) {
        int r;

        for (unsigned i = 0; i < mailbox->keywords->n_names; i++) {
                const char *name = mailbox->keywords->names[i];
                char letter;
                int k;

                if (!(flags & ((MessageFlags) 1 << (KEYWORD_FIRST + i))) ||
                    maildir_letters_find(&folder->letters, name))
                        continue;
                k = maildir_letters_add(&folder->letters, name, &letter);
                if (k < 0)
                        return k;
                if (letter)
                        folder->letters_changed = true;
        }

        if (!folder->letters_changed)
                return 0;
        r = maildir_letters_save(folder->maildir, &folder->letters);
        folder->letters_changed = r < 0; /* no file may have a letter that only memory knows */
        return r;
}

int folder_format_name(Folder *folder, const ReplicaMailbox *mailbox, const char *old_name,
                       MessageFlags flags, char **ret_name) {
        _cleanup_(buffer_done) Buffer name = BUFFER_NULL;
        int k;

        k = need_letters(folder, mailbox, flags);
        if (k >= 0)
                k = maildir_name_format(bytes_of(old_name), flags, mailbox->keywords,
                                        &folder->letters, &name);
        if (k < 0)
                return k;
        *ret_name = buffer_steal_string(&name);
        return *ret_name ? 0 : -ENOMEM;
}

/* --- who observes --- */

void maildir_replica_observe(Replica *replica, MaildirDeedFn on_deed, void *userdata) {
        MaildirReplica *r = from_replica(replica);

        r->on_deed = on_deed;
        r->on_deed_userdata = userdata;
}

void replica_tell(MaildirReplica *r, const Folder *folder, MaildirAct act, MaildirSub sub,
                  const char *name, bool is_unseen) {
        _cleanup_free_ char *path = NULL;

        if (!r->on_deed)
                return;
        if (asprintf(&path, "%s/%s/%s", maildir_path(folder->maildir),
                     sub == MAILDIR_NEW ? "new" : "cur", name) < 0)
                path = NULL;
        r->on_deed(&(MaildirDeed){act, folder->mailbox->name, path, is_unseen},
                   r->on_deed_userdata);
}

/* --- requests --- */

static Op *op_free(Op *op) {
        if (!op)
                return NULL;
        uid_set_done(&op->uids);
        uid_set_done(&op->vanished);
        uid_set_done(&op->moved_to);
        maildir_scan_free(op->scan);
        maildir_reader_free(op->reader);
        buffer_done(&op->message_id);
        free(op->seen);
        for (size_t i = 0; i < op->n_names; i++)
                free(op->names[i]);
        free(op->names);
        free(op->name_to);
        maildir_subscriptions_done(&op->subscriptions);
        free(op);
        return NULL;
}

static int enqueue(Replica *replica, ReplicaRequest request, ReplicaMailbox *mailbox,
                   const UidSet *uids, Op **ret_op) {
        MaildirReplica *r = from_replica(replica);
        Op *op = calloc(1, sizeof(*op));

        if (!op)
                return -ENOMEM;
        op->request = request;
        op->mailbox = mailbox;
        for (size_t i = 0; uids && i < uids->n_ranges; i++) {
                int k = uid_set_add(&op->uids, uids->ranges[i].first, uids->ranges[i].last);

                if (k < 0) {
                        op_free(op);
                        return k;
                }
        }

        if (r->last)
                r->last->next = op;
        else
                r->first = op;
        r->last = op;
        if (ret_op)
                *ret_op = op;
        return 0;
}

static void dequeue(MaildirReplica *r) {
        Op *op = r->first;

        r->first = op->next;
        if (!r->first)
                r->last = NULL;
        op_free(op);
}

static int maildir_list(Replica *replica) {
        return enqueue(replica, REPLICA_LIST, NULL, NULL, NULL);
}

static int maildir_replica_create(Replica *replica, ReplicaMailbox *mailbox) {
        return enqueue(replica, REPLICA_CREATE, mailbox, NULL, NULL);
}

static int maildir_replica_rename(Replica *replica, ReplicaMailbox *mailbox, const char *name) {
        Op *op;
        int k;

        k = enqueue(replica, REPLICA_RENAME, mailbox, NULL, &op);
        if (k < 0)
                return k;
        op->name_to = strdup(name);
        return op->name_to ? 0 : -ENOMEM;
}

static int maildir_replica_remove(Replica *replica, ReplicaMailbox *mailbox) {
        return enqueue(replica, REPLICA_REMOVE, mailbox, NULL, NULL);
}

static int maildir_replica_subscribe(Replica *replica, ReplicaMailbox *mailbox, bool subscribe) {
        Op *op;
        int k;

        k = enqueue(replica, REPLICA_SUBSCRIBE, mailbox, NULL, &op);
        if (k < 0)
                return k;
        op->subscribe = subscribe;
        return 0;
}

static int maildir_changes(Replica *replica, ReplicaMailbox *mailbox, const ReplicaToken *since,
                           const UidSet *known, ReplicaWant want) {
        Op *op;
        int k;

        (void) known; /* a scan sees every file anyway */
        k = enqueue(replica, REPLICA_CHANGES, mailbox, NULL, &op);
        if (k < 0)
                return k;
        op->since = *since;
        op->want = want;
        return 0;
}

static int maildir_fetch(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids,
                         ReplicaWant want) {
        Op *op;
        int k;

        k = enqueue(replica, REPLICA_FETCH, mailbox, uids, &op);
        if (k < 0)
                return k;
        op->want = want;
        return 0;
}

static int maildir_store(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids,
                         MessageFlags add, MessageFlags remove) {
        Op *op;
        int k;

        k = enqueue(replica, REPLICA_STORE, mailbox, uids, &op);
        if (k < 0)
                return k;
        op->add = add;
        op->remove = remove;
        return 0;
}

static int maildir_expunge(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids) {
        return enqueue(replica, REPLICA_EXPUNGE, mailbox, uids, NULL);
}

static int maildir_replica_move(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids,
                                ReplicaMailbox *target) {
        Op *op;
        int k;

        k = enqueue(replica, REPLICA_MOVE, mailbox, uids, &op);
        if (k < 0)
                return k;
        op->target = target;
        return 0;
}

static int maildir_close(Replica *replica, ReplicaMailbox *mailbox) {
        return enqueue(replica, REPLICA_CLOSE, mailbox, NULL, NULL);
}

int op_fail(Op *op, ReplicaOutcome outcome, const char *what, int error) {
        op->outcome = outcome;
        op->step = OP_DONE;
        (void) snprintf(op->text, sizeof(op->text), "%s: %s%s", what, strerror(-error),
                        error_advice(error));
        return 0;
}

int op_next_uid(Op *op, uint32_t *ret_uid) {
        while (op->range < op->uids.n_ranges) {
                const UidRange range = op->uids.ranges[op->range];

                if (op->position == 0)
                        op->position = range.first;
                if (op->position <= range.last) {
                        *ret_uid = (uint32_t) op->position++;
                        return 1;
                }
                op->range++;
                op->position = 0;
        }
        return 0;
}

/* --- events --- */

static int take_taken(MaildirReplica *r, ReplicaEvent *ret_event) {
        if (r->n_taken == 0)
                return 0;

        *ret_event = (ReplicaEvent){
                .type = REPLICA_EVENT_APPENDED,
                .mailbox = r->taken[0].mailbox,
                .cookie = r->taken[0].cookie,
                .message = {.present = REPLICA_HAS_FLAGS,
                            .uid = r->taken[0].uid,
                            .flags = r->taken[0].flags},
        };
        r->n_taken--;
        memmove(r->taken, r->taken + 1, r->n_taken * sizeof(r->taken[0]));
        return 1;
}

static int op_step(MaildirReplica *r, Op *op, ReplicaEvent *ret_event) {
        switch (op->request) {
        case REPLICA_LIST:
                return op_list(r, op, ret_event);
        case REPLICA_CREATE:
                return op_create(r, op);
        case REPLICA_CHANGES:
                return op_changes(r, op, ret_event);
        case REPLICA_FETCH:
                return op_fetch(r, op, ret_event);
        case REPLICA_STORE:
                return op_store(r, op, ret_event);
        case REPLICA_EXPUNGE:
                return op_expunge(r, op, ret_event);
        case REPLICA_MOVE:
                return op_move(r, op, ret_event);
        case REPLICA_CLOSE:
                folder_close(r, op->mailbox);
                op->step = OP_DONE;
                return 0;
        case REPLICA_RENAME:
                return op_rename(r, op);
        case REPLICA_REMOVE:
                return op_remove(r, op);
        case REPLICA_SUBSCRIBE:
                return op_subscribe(r, op);
        case REPLICA_STANDING:
        case REPLICA_SEARCH:
        case REPLICA_APPEND:
        case REPLICA_WAIT:
                break; /* no ops */
        }
        abort();
}

static int maildir_next(Replica *replica, ReplicaEvent *ret_event) {
        MaildirReplica *r = from_replica(replica);
        static char last_text[256];
        int k;

        k = take_taken(r, ret_event);
        if (k != 0)
                return k;

        while (r->first) {
                Op *op = r->first;

                if (op->step == OP_DONE) {
                        memcpy(last_text, op->text, sizeof(last_text));
                        *ret_event = (ReplicaEvent){
                                .type = REPLICA_EVENT_DONE,
                                .mailbox = op->mailbox,
                                .request = op->request,
                                .outcome = op->outcome,
                                .text = last_text[0] ? last_text : NULL,
                                .object = op_object(r, op),
                        };
                        dequeue(r);
                        return 1;
                }
                k = op_step(r, op, ret_event);
                if (k != 0)
                        return k;
        }
        buffer_done(&r->chunk);
        return 0;
}

static int maildir_stamp(Replica *replica, ReplicaMailbox *mailbox, int64_t now_ns,
                         uint64_t ret_stamp[4]) {
        _cleanup_(maildir_freep) Maildir *maildir = NULL;
        MaildirReplica *r = from_replica(replica);
        MaildirToken token;
        int k;

        if (!r->root)
                return -ENOENT;
        k = maildir_open(r->root, mailbox->name, &maildir);
        if (k >= 0)
                k = maildir_token(maildir, &token);
        if (k < 0)
                return k;
        token_stamp(&token, ret_stamp);
        return maildir_token_is_settled(&token, now_ns);
}

static void maildir_reset(Replica *replica) {
        MaildirReplica *r = from_replica(replica);

        (void) maildir_append_abort(replica);
        r->n_taken = 0;
        while (r->first)
                dequeue(r);
        while (r->folders)
                folder_close(r, r->folders->mailbox);
}

static const ReplicaOps maildir_ops = {
        .list = maildir_list,
        .create = maildir_replica_create,
        .rename = maildir_replica_rename,
        .remove = maildir_replica_remove,
        .subscribe = maildir_replica_subscribe,
        .changes = maildir_changes,
        .fetch = maildir_fetch,
        .store = maildir_store,
        .expunge = maildir_expunge,
        .move = maildir_replica_move,
        .append_begin = maildir_append_begin,
        .append_data = maildir_append_data,
        .append_end = maildir_append_end,
        .append_abort = maildir_append_abort,
        .append_copy = maildir_append_copy,
        .prepare = maildir_prepare,
        .publish = maildir_publish,
        .recover = maildir_recover,
        .noted = maildir_noted,
        .forgotten = maildir_forgotten,
        .object = maildir_gone_object,
        .close = maildir_close,
        .stamp = maildir_stamp,
        .reset = maildir_reset,
        .next = maildir_next,
};

int maildir_replica_new(MaildirRoot *root, StateDb *db, const char *host, Replica **ret_replica) {
        MaildirReplica *r = calloc(1, sizeof(*r));

        if (!r)
                return -ENOMEM;
        r->replica = (Replica){.ops = &maildir_ops, .side = SIDE_LOCAL, .gives_numbers = true};
        r->root = root;
        r->db = db;
        r->host = host;
        r->process = (int) getpid();
        *ret_replica = &r->replica;
        return 0;
}

Replica *maildir_replica_free(Replica *replica) {
        if (!replica)
                return NULL;
        maildir_reset(replica);
        buffer_done(&from_replica(replica)->chunk);
        free(from_replica(replica));
        return NULL;
}
