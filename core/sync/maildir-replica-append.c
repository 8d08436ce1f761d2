/*
 * The Maildir replica: new messages
 *
 * A message is written to tmp/ (append), made durable there (prepare), noted in the state database, and
 * then renamed into new/ or cur/ (publish), so that a crash at any point leaves it known and findable,
 * or not known and not visible.
 */

#include <assert.h>
#include <errno.h>
#include <time.h>

#include "sync/maildir-replica-private.h"

int folder_new_base(MaildirReplica *r, char **ret_base) {
        _cleanup_(buffer_done) Buffer base = BUFFER_NULL;
        struct timespec now;
        int k;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        k = maildir_name_new((int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000, r->process,
                             ++r->counter, r->host, &base);
        if (k < 0)
                return k;
        *ret_base = buffer_steal_string(&base);
        return *ret_base ? 0 : -ENOMEM;
}

typedef struct Known {
        MaildirReplica *r;
        int64_t mailbox;
} Known;

/* Noted before the crash, it is still to be published; if it cannot be found out, it may be. */
static bool is_known(const char *base, void *userdata) {
        const Known *known = userdata;
        uint32_t uid;

        return state_db_file_find(known->r->db, known->mailbox, base, &uid) != STATE_DB_E_NONE;
}

/* What a crash has left in tmp/ would stay there for ever. Only where something is delivered, for there it came
 * to be, and what cannot be removed does not matter. */
static void sweep(MaildirReplica *r, Folder *folder, const ReplicaMailbox *mailbox) {
        if (folder->is_swept)
                return;
        folder->is_swept = true;
        (void) maildir_clean_tmp(folder->maildir, r->host, (int64_t) time(NULL), is_known,
                                 &(Known){r, mailbox->id});
}

static void begin(MaildirReplica *r, Folder *folder, ReplicaMailbox *mailbox, uint64_t cookie) {
        r->append_folder = folder;
        r->append_mailbox = mailbox;
        r->append_cookie = cookie;
        r->append_uid = folder->next_uid++;
}

int maildir_append_begin(Replica *replica, ReplicaMailbox *mailbox, const ReplicaMessage *message,
                         uint64_t cookie) {
        MaildirReplica *r = (MaildirReplica *) replica;
        _cleanup_free_ char *base = NULL;
        Folder *folder;
        int k;

        (void) message;
        assert(!r->append_delivery);

        k = folder_need(r, mailbox, &folder);
        if (k < 0)
                return k;
        assert(folder->n_staged < REPLICA_MAX_STAGED);
        sweep(r, folder, mailbox);
        k = folder_new_base(r, &base);
        if (k >= 0)
                k = maildir_delivery_new(folder->maildir, base, &r->append_delivery);
        if (k < 0)
                return k;

        begin(r, folder, mailbox, cookie);
        return 0;
}

ssize_t maildir_append_data(Replica *replica, ByteView data) {
        MaildirReplica *r = (MaildirReplica *) replica;
        int k;

        k = maildir_delivery_write(r->append_delivery, data);
        return k < 0 ? k : (ssize_t) data.size;
}

/* The message that was begun is in tmp/, whole. */
static void take(MaildirReplica *r, const ReplicaMessage *message) {
        Folder *folder = r->append_folder;

        assert(r->n_taken < REPLICA_MAX_STAGED);
        folder->staged[folder->n_staged++] = (Staged){
                .delivery = TAKE_PTR(r->append_delivery),
                .uid = r->append_uid,
                .flags = message->flags,
        };
        r->taken[r->n_taken].mailbox = r->append_mailbox;
        r->taken[r->n_taken].cookie = r->append_cookie;
        r->taken[r->n_taken].uid = r->append_uid;
        r->taken[r->n_taken].flags = message->flags;
        r->n_taken++;
}

int maildir_append_end(Replica *replica, const ReplicaMessage *message) {
        MaildirReplica *r = (MaildirReplica *) replica;
        int k;

        k = maildir_delivery_finish(r->append_delivery,
                                    message->present & REPLICA_HAS_DATE ? message->date : 0);
        if (k < 0) {
                (void) maildir_append_abort(replica);
                return k;
        }

        take(r, message);
        return 0;
}

int maildir_append_abort(Replica *replica) {
        MaildirReplica *r = (MaildirReplica *) replica;

        r->append_delivery = maildir_delivery_free(r->append_delivery);
        return 0;
}

/* Into tmp/ of a folder: the file of @uid in @source. */
static int copy_file(MaildirReplica *r, Folder *folder, ReplicaMailbox *source, uint32_t uid,
                     MaildirDelivery **ret_delivery) {
        _cleanup_free_ char *base = NULL, *name = NULL;
        Folder *from;
        MaildirSub sub;
        int k;

        k = folder_need(r, source, &from);
        if (k >= 0)
                k = folder_find(r, source, from, uid, &sub, &name);
        if (k >= 0)
                k = folder_new_base(r, &base);
        return k < 0 ? k
                     : maildir_delivery_copy(folder->maildir, base, from->maildir, sub, name,
                                             ret_delivery);
}

int maildir_append_copy(Replica *replica, ReplicaMailbox *mailbox, const ReplicaMessage *message,
                        uint64_t cookie, ReplicaMailbox *source, uint32_t uid) {
        MaildirReplica *r = (MaildirReplica *) replica;
        const bool was_open = source->private != NULL;
        MaildirDelivery *delivery;
        Folder *folder;
        int k;

        if (r->append_delivery) /* a body is coming in; so let this one come as well */
                return 1;
        k = folder_need(r, mailbox, &folder);
        if (k < 0)
                return k;
        assert(folder->n_staged < REPLICA_MAX_STAGED);
        sweep(r, folder, mailbox);
        k = copy_file(r, folder, source, uid, &delivery);
        if (!was_open && source != mailbox)
                folder_close(r, source);
        if (k == -ENOENT || k == -EAGAIN)
                return 1;
        if (k < 0)
                return k;

        r->append_delivery = delivery;
        begin(r, folder, mailbox, cookie);
        take(r, message);
        return 0;
}

static void drop_staged(Folder *folder) {
        for (size_t i = 0; i < folder->n_staged; i++)
                folder->staged[i].delivery = maildir_delivery_free(folder->staged[i].delivery);
        folder->n_staged = 0;
}

int maildir_prepare(Replica *replica, ReplicaMailbox *mailbox) {
        Folder *folder = mailbox->private;
        int k = 0;

        (void) replica;
        if (!folder || folder->n_staged == 0)
                return 0;

        for (size_t i = 0; k >= 0 && i < folder->n_staged; i++)
                k = maildir_delivery_sync(folder->staged[i].delivery);
        if (k >= 0)
                k = maildir_sync_tmp(folder->maildir);
        if (k < 0)
                drop_staged(folder);
        return k;
}

/* new/ is for what no program has looked at; a message that has flags was. */
static MaildirSub sub_for(MessageFlags flags) {
        return flags == 0 ? MAILDIR_NEW : MAILDIR_CUR;
}

/* In new/ a name is the base alone, as the Maildir description has it. */
static int published_name(Folder *folder, const ReplicaMailbox *mailbox, const char *base,
                          MessageFlags flags, char **ret_name) {
        if (sub_for(flags) == MAILDIR_CUR)
                return folder_format_name(folder, mailbox, base, flags, ret_name);
        *ret_name = strdup(base);
        return *ret_name ? 0 : -ENOMEM;
}

static int publish_one(Folder *folder, const ReplicaMailbox *mailbox, Staged *staged) {
        _cleanup_free_ char *name = NULL;
        int k;

        k = published_name(folder, mailbox, maildir_delivery_base(staged->delivery), staged->flags,
                           &name);
        return k < 0 ? k : maildir_delivery_publish(staged->delivery, sub_for(staged->flags), name);
}

int maildir_publish(Replica *replica, ReplicaMailbox *mailbox) {
        Folder *folder = mailbox->private;
        int k = 0;

        (void) replica;
        if (!folder || folder->n_staged == 0)
                return 0;

        for (size_t i = 0; i < folder->n_staged; i++) {
                int one = publish_one(folder, mailbox, &folder->staged[i]);

                if (one < 0) {
                        maildir_delivery_abandon(
                                folder->staged[i].delivery); /* recover() takes it */
                        k = one;
                }
        }
        drop_staged(folder);
        return k < 0 ? k : maildir_sync_dirs(folder->maildir);
}

static int recover_one(MaildirReplica *r, ReplicaMailbox *mailbox, Folder *folder, uint32_t uid,
                       UidSet *lost) {
        _cleanup_free_ char *base = NULL, *name = NULL, *found = NULL;
        BaseMessage message;
        MaildirSub sub;
        int k;

        k = state_db_find(r->db, mailbox->id, SIDE_LOCAL, uid, &message);
        if (k == 0)
                k = state_db_file_name(r->db, mailbox->id, uid, &base);
        if (k != 0)
                return k < 0 ? k : 0;

        k = published_name(folder, mailbox, base, message.flags, &name);
        if (k < 0)
                return k;
        k = maildir_publish_leftover(folder->maildir, base, sub_for(message.flags), name);
        if (k != -ENOENT)
                return k;
        k = maildir_find(folder->maildir, base, name, &sub, &found);
        return k == -ENOENT ? uid_set_add(lost, uid, uid) : k;
}

int maildir_recover(Replica *replica, ReplicaMailbox *mailbox, UidRange staged, UidSet *lost) {
        MaildirReplica *r = (MaildirReplica *) replica;
        Folder *folder;
        int k;

        k = folder_need(r, mailbox, &folder);
        for (uint64_t uid = staged.first; k >= 0 && uid <= staged.last; uid++)
                k = recover_one(r, mailbox, folder, (uint32_t) uid, lost);
        return k < 0 ? k : maildir_sync_dirs(folder->maildir);
}

static int note_staged(MaildirReplica *r, ReplicaMailbox *mailbox, const Staged *staged) {
        uint64_t object = 0; /* what cannot be found out is not recognised when it is moved */

        (void) maildir_delivery_object(staged->delivery, &object);
        return state_db_file_add(r->db, mailbox->id, staged->uid,
                                 maildir_delivery_base(staged->delivery), object, false);
}

int maildir_noted(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid) {
        MaildirReplica *r = (MaildirReplica *) replica;
        Folder *folder = mailbox->private;

        for (size_t i = 0; folder && i < folder->n_staged; i++)
                if (folder->staged[i].uid == uid)
                        return note_staged(r, mailbox, &folder->staged[i]);

        return state_db_file_set_known(r->db, mailbox->id, uid, true);
}

int maildir_forgotten(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid) {
        MaildirReplica *r = (MaildirReplica *) replica;

        return state_db_file_remove(r->db, mailbox->id, uid);
}

int maildir_gone_object(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid,
                        uint64_t *ret_object) {
        MaildirReplica *r = (MaildirReplica *) replica;
        int k;

        *ret_object = 0;
        k = state_db_file_object(r->db, mailbox->id, uid, ret_object);
        return k < 0 ? k : 0;
}
