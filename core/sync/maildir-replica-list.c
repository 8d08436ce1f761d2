/* The Maildir replica: what folders there are, and their life. */

#include <errno.h>
#include <stdio.h>

#include "sync/maildir-replica-private.h"

static int add_name(const char *mailbox, bool bad, void *userdata) {
        Op *op = userdata;
        char **grown;

        grown = reallocarray(op->names, op->n_names + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        op->names = grown;
        if (asprintf(&grown[op->n_names], "%c%s", bad ? '!' : ' ', mailbox) < 0)
                return -ENOMEM;
        op->n_names++;
        return 0;
}

void token_stamp(const MaildirToken *token, uint64_t ret_stamp[4]) {
        for (int i = 0; i < 2; i++) {
                ret_stamp[i] = token->ino[i];
                ret_stamp[2 + i] = (uint64_t) token->mtime_ns[i];
        }
}

/* The folder is not as it should be, and will not be for another look at it. */
static bool is_of_folder(int error) {
        return error == -ENOENT || error == -ENOTDIR || error == -ELOOP || error == -EACCES ||
               error == -EPERM;
}

/* Who a folder is must not be missing by chance: it would not be found again where it was renamed to. */
static int list_status(MaildirReplica *r, const char *name, ReplicaEvent *ret_event) {
        _cleanup_(maildir_freep) Maildir *maildir = NULL;
        MaildirToken token = {0};
        int k;

        r->identity[0] = '\0';
        k = maildir_open(r->root, name, &maildir);
        if (k >= 0)
                k = maildir_token(maildir, &token);
        if (k >= 0)
                k = maildir_identity(maildir, r->identity);
        if (k < 0 && !is_of_folder(k))
                return k;
        *ret_event = (ReplicaEvent){
                .type = REPLICA_EVENT_STATUS,
                .name = name,
                .object = r->identity[0] ? r->identity : NULL,
        };
        token_stamp(&token, ret_event->token.stamp);
        return 1;
}

static int fail_to_list(MaildirReplica *r, Op *op, const char *name, int error) {
        char what[300];

        if (error == -ENOMEM)
                return error;
        (void) snprintf(what, sizeof(what), "%.150s%s%.100s", maildir_root_path(r->root),
                        name ? "/" : "", name ? name : "");
        return op_fail(op, REPLICA_FAILED, what, error);
}

int op_list(MaildirReplica *r, Op *op, ReplicaEvent *ret_event) {
        const char *name;
        int k;

        if (op->step == OP_BEGIN) {
                k = r->root ? maildir_subscriptions_load(r->root, &op->subscriptions) : 0;
                if (k >= 0 && r->root)
                        k = maildir_root_list(r->root, add_name, op);
                if (k < 0)
                        return fail_to_list(r, op, NULL, k);
                op->step = OP_STATUS;
        }
        if (op->n_listed == op->n_names) {
                op->step = OP_DONE;
                return 0;
        }

        name = op->names[op->n_listed] + 1;
        if (op->names[op->n_listed][0] == '!') {
                op->n_listed++;
                (void) snprintf(op->text, sizeof(op->text),
                                "the folder “%.200s” cannot be a mailbox and is left out", name);
                *ret_event = (ReplicaEvent){
                        .type = REPLICA_EVENT_MAILBOX,
                        .wire = bytes_of(name),
                        .text = op->text,
                };
                return 1;
        }
        if (!op->name_told) {
                op->name_told = true;
                *ret_event = (ReplicaEvent){
                        .type = REPLICA_EVENT_MAILBOX,
                        .name = name,
                        .has_subscribed = op->subscriptions.exists,
                        .subscribed = maildir_subscriptions_have(&op->subscriptions, name),
                };
                return 1;
        }
        op->name_told = false;
        op->n_listed++;
        k = list_status(r, name, ret_event);
        return k < 0 ? fail_to_list(r, op, name, k) : k;
}

int op_create(MaildirReplica *r, Op *op) {
        char what[200] = "no folder can be made";
        int k;

        op->step = OP_DONE;
        k = r->root ? maildir_create(r->root, op->mailbox->name) : -ENOENT;
        if (k == -EINVAL || k == -ENAMETOOLONG) {
                op->outcome = REPLICA_REFUSED;
                (void) snprintf(op->text, sizeof(op->text),
                                "the Maildir's layout cannot hold a mailbox of this name");
                return 0;
        }
        if (k < 0 && r->root)
                (void) snprintf(what, sizeof(what), "no folder can be made in %.150s",
                                maildir_root_path(r->root));
        return k < 0 ? op_fail(op, REPLICA_FAILED, what, k) : 0;
}

/* Who the new folder is: a file system that folds case may have given that of another name. */
const char *op_object(MaildirReplica *r, const Op *op) {
        _cleanup_(maildir_freep) Maildir *maildir = NULL;

        if (op->request != REPLICA_CREATE || op->outcome != REPLICA_OK)
                return NULL;
        if (maildir_open(r->root, op->mailbox->name, &maildir) < 0 ||
            maildir_identity(maildir, r->identity) < 0)
                return NULL;
        return r->identity;
}

static bool is_there(MaildirReplica *r, const char *mailbox) {
        _cleanup_(maildir_freep) Maildir *maildir = NULL;

        return maildir_open(r->root, mailbox, &maildir) >= 0;
}

/* A crash after the rename leaves nothing to do but the subscriptions. */
int op_rename(MaildirReplica *r, Op *op) {
        const char *from = op->mailbox->name;
        int k;

        op->step = OP_DONE;
        k = r->root ? maildir_rename_folder(r->root, from, op->name_to) : -ENOENT;
        if (k == -ENOENT && r->root && is_there(r, op->name_to))
                k = 0;
        if (k == 0) {
                k = maildir_subscriptions_rename(r->root, from, op->name_to);
                return k == -ENOMEM ? k : 0; /* a subscription is not worth more trouble */
        }
        if (k == -EINVAL || k == -ENAMETOOLONG) {
                op->outcome = REPLICA_REFUSED;
                (void) snprintf(op->text, sizeof(op->text),
                                "the Maildir's layout cannot hold a mailbox of the new name");
                return 0;
        }
        if (k == -EEXIST || k == -ENOTEMPTY)
                return op_fail(op, REPLICA_REFUSED, "the folder cannot be renamed: the new one", k);
        return op_fail(op, k == -ENOENT ? REPLICA_NO_MAILBOX : REPLICA_FAILED,
                       "the folder cannot be renamed", k);
}

typedef struct Known {
        MaildirReplica *r;
        int64_t mailbox;
} Known;

/* Is it a message that both sides had? */
static int is_known(const char *name, void *userdata) {
        const Known *known = userdata;
        _cleanup_free_ char *base = bytes_dup(maildir_name_base(bytes_of(name)));
        BaseMessage message;
        uint32_t uid;
        int k;

        if (!base)
                return -ENOMEM;
        k = state_db_file_find(known->r->db, known->mailbox, base, &uid);
        if (k == 0)
                k = state_db_find(known->r->db, known->mailbox, SIDE_LOCAL, uid, &message);
        return k < 0 ? k : k == 0;
}

int op_remove(MaildirReplica *r, Op *op) {
        Known known = {r, op->mailbox->id};
        int k;

        op->step = OP_DONE;
        k = r->root ? maildir_remove_folder(r->root, op->mailbox->name, is_known, &known) : -ENOENT;
        if (k == -ENOMEM)
                return k;
        if (k == -ENOENT && r->root)
                k = 0;
        if (k == 0) {
                k = maildir_subscribe(r->root, op->mailbox->name, false);
                return k == -ENOMEM ? k : 0;
        }
        if (k == -ENOTEMPTY) {
                op->outcome = REPLICA_REFUSED;
                (void) snprintf(op->text, sizeof(op->text),
                                "the folder holds messages that the other side never had");
                return 0;
        }
        return op_fail(op, REPLICA_FAILED, "the folder cannot be removed", k);
}

int op_subscribe(MaildirReplica *r, Op *op) {
        int k;

        op->step = OP_DONE;
        k = r->root ? maildir_subscribe(r->root, op->mailbox->name, op->subscribe) : 0;
        if (k == -EBUSY)
                return op_fail(op, REPLICA_FAILED, "another program changes the subscriptions", k);
        return k < 0 ? op_fail(op, REPLICA_FAILED, "the subscriptions cannot be written", k) : 0;
}
