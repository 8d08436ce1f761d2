/* A mail store in memory: mailboxes as arrays, each change with a modseq of its own. */

#include "memory-store.h"
#include "base/macro.h"
#include "test.h"

static uint64_t last_object;

static void *must(void *memory) {
        assert(memory);
        return memory;
}

static void mailbox_free(MemoryMailbox *mailbox) {
        for (size_t i = 0; i < mailbox->n_messages; i++)
                free(mailbox->messages[i].bytes);
        free(mailbox->messages);
        free(mailbox->gone);
        free(mailbox->name);
        free(mailbox);
}

void memory_store_done(MemoryStore *store) {
        for (size_t i = 0; i < store->n_mailboxes; i++)
                mailbox_free(store->mailboxes[i]);
        free(store->mailboxes);
        keywords_done(&store->keywords);
        *store = (MemoryStore){0};
}

MemoryMailbox *memory_store_add(MemoryStore *store, const char *name) {
        MemoryMailbox *mailbox = must(malloc(sizeof(*mailbox)));

        *mailbox = (MemoryMailbox){
                .name = must(strdup(name)),
                .object = ++store->n_objects,
                .uidvalidity = 1000,
                .uidnext = 1,
                .modseq = 1,
        };
        store->mailboxes = must(
                reallocarray(store->mailboxes, store->n_mailboxes + 1, sizeof(*store->mailboxes)));
        store->mailboxes[store->n_mailboxes++] = mailbox;
        return mailbox;
}

MemoryMailbox *memory_store_find(const MemoryStore *store, const char *name) {
        for (size_t i = 0; i < store->n_mailboxes; i++)
                if (strcmp(store->mailboxes[i]->name, name) == 0)
                        return store->mailboxes[i];
        return NULL;
}

void memory_store_remove(MemoryStore *store, const char *name) {
        for (size_t i = 0; i < store->n_mailboxes; i++) {
                if (strcmp(store->mailboxes[i]->name, name) != 0)
                        continue;
                mailbox_free(store->mailboxes[i]);
                store->mailboxes[i] = store->mailboxes[--store->n_mailboxes];
                return;
        }
}

void memory_store_rename(MemoryStore *store, const char *name, const char *new_name) {
        const size_t n = strlen(name);

        for (size_t i = 0; i < store->n_mailboxes; i++) {
                char *old = store->mailboxes[i]->name;

                if (strncmp(old, name, n) != 0 || (old[n] != '\0' && old[n] != '/'))
                        continue;
                assert(asprintf(&store->mailboxes[i]->name, "%s%s", new_name, old + n) > 0);
                free(old);
                if (store->renumbers_renamed) {
                        store->mailboxes[i]->uidvalidity++;
                        memory_renumber(store->mailboxes[i], 1);
                }
        }
}

static void remove_at(MemoryMailbox *mailbox, size_t i) {
        free(mailbox->messages[i].bytes);
        mailbox->n_messages--;
        memmove(mailbox->messages + i, mailbox->messages + i + 1,
                (mailbox->n_messages - i) * sizeof(*mailbox->messages));
}

/*
 * A Maildir has no numbers of its own: those of files that the base was never told of are given
 * again after a kill.
 */
static void crash_mailbox(MemoryMailbox *mailbox, bool is_files) {
        uint32_t uidnext = 1;

        for (size_t i = mailbox->n_messages; i > 0; i--) {
                const MemoryMessage *message = &mailbox->messages[i - 1];

                if (message->stage == MEMORY_WRITTEN ||
                    (message->stage == MEMORY_DURABLE && !message->noted))
                        remove_at(mailbox, i - 1);
        }
        for (size_t i = 0; i < mailbox->n_messages; i++)
                uidnext = mailbox->messages[i].uid + 1;
        for (size_t i = 0; i < mailbox->n_gone; i++)
                uidnext = MAX(uidnext, mailbox->gone[i].uid + 1);
        if (is_files)
                mailbox->uidnext = uidnext;
}

void memory_store_crash(MemoryStore *store) {
        for (size_t i = 0; i < store->n_mailboxes; i++)
                crash_mailbox(store->mailboxes[i], store->is_files);
}

uint64_t memory_object(const MemoryMailbox *mailbox, uint32_t uid) {
        for (size_t i = 0; i < mailbox->n_messages; i++)
                if (mailbox->messages[i].uid == uid)
                        return mailbox->messages[i].object;
        for (size_t i = 0; i < mailbox->n_gone; i++)
                if (mailbox->gone[i].uid == uid)
                        return mailbox->gone[i].object;
        return 0;
}

MemoryMessage *memory_move(MemoryMailbox *from, uint32_t uid, MemoryMailbox *to) {
        const MemoryMessage *message = memory_find(from, uid);
        const uint64_t object = message->object;
        MemoryMessage *moved;

        moved = memory_deliver(to, 0, message->bytes, message->date, message->flags);
        moved->object = object;
        memory_expunge(from, uid);
        return memory_find(to, to->uidnext - 1);
}

MemoryMessage *memory_deliver(MemoryMailbox *mailbox, uint32_t uid, const char *bytes, int64_t date,
                              MessageFlags flags) {
        MemoryMessage *message;
        size_t i;

        if (uid == 0)
                uid = mailbox->uidnext;
        mailbox->uidnext = MAX(mailbox->uidnext, uid + 1);
        mailbox->messages = must(reallocarray(mailbox->messages, mailbox->n_messages + 1,
                                              sizeof(*mailbox->messages)));
        for (i = mailbox->n_messages; i > 0 && mailbox->messages[i - 1].uid >= uid; i--) {
                assert(mailbox->messages[i - 1].uid != uid);
                mailbox->messages[i] = mailbox->messages[i - 1];
        }

        message = &mailbox->messages[i];
        mailbox->n_messages++;
        *message = (MemoryMessage){
                .uid = uid,
                .modseq = ++mailbox->modseq,
                .flags = flags,
                .date = date,
                .bytes = must(strdup(bytes)),
                .object = ++last_object,
        };
        return message;
}

MemoryMessage *memory_find(MemoryMailbox *mailbox, uint32_t uid) {
        for (size_t i = 0; i < mailbox->n_messages; i++)
                if (mailbox->messages[i].uid == uid)
                        return &mailbox->messages[i];
        return NULL;
}

void memory_set_flags(MemoryMailbox *mailbox, MemoryMessage *message, MessageFlags flags) {
        if (message->flags == flags)
                return;
        message->flags = flags;
        message->modseq = ++mailbox->modseq;
}

void memory_expunge(MemoryMailbox *mailbox, uint32_t uid) {
        uint64_t object;

        for (size_t i = 0; i < mailbox->n_messages; i++) {
                if (mailbox->messages[i].uid != uid)
                        continue;
                object = mailbox->messages[i].object;
                remove_at(mailbox, i);
                mailbox->gone = must(
                        reallocarray(mailbox->gone, mailbox->n_gone + 1, sizeof(*mailbox->gone)));
                mailbox->gone[mailbox->n_gone++] = (MemoryGone){uid, ++mailbox->modseq, object};
                return;
        }
}

void memory_renumber(MemoryMailbox *mailbox, uint32_t first) {
        mailbox->modseq++;
        for (size_t i = 0; i < mailbox->n_messages; i++) {
                mailbox->messages[i].uid = first++;
                mailbox->messages[i].modseq = mailbox->modseq;
        }
        mailbox->uidnext = first;
        mailbox->n_gone = 0;
}

size_t memory_count_visible(const MemoryMailbox *mailbox) {
        size_t n = 0;

        for (size_t i = 0; i < mailbox->n_messages; i++)
                n += mailbox->messages[i].stage == MEMORY_VISIBLE;
        return n;
}

ByteView memory_message_id(const MemoryMessage *message) {
        static const ByteView field = BYTES("Message-ID: ");
        ByteView rest = bytes_of(message->bytes);

        if (!bytes_starts_fold(rest, field))
                return BYTES_NULL;
        rest.data += field.size;
        rest.size -= field.size;
        return bytes_take_until(&rest, '\r');
}

MessageFlags memory_translate(MessageFlags flags, const Keywords *from, Keywords *to) {
        MessageFlags translated;

        assert(flags_translate(flags, from, to, &translated) == 0);
        return translated;
}
