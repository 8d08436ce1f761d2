/* The names that changed in one mailbox. */

#include "changed-names.h"
#include "store/maildir-name.h"

#define RECORD_GONE 0x01
#define RECORD_CUR  0x02

void changed_names_done(ChangedNames *names) {
        buffer_done(&names->records);
        *names = CHANGED_NAMES_NULL;
}

int changed_names_next(ByteView *records, MaildirFate *ret_fate, MaildirSub *ret_sub,
                       const char **ret_name) {
        const char *name;
        size_t n;

        if (records->size == 0)
                return 0;

        name = records->data + 1;
        *ret_fate = records->data[0] & RECORD_GONE ? MAILDIR_GONE : MAILDIR_CAME;
        *ret_sub = records->data[0] & RECORD_CUR ? MAILDIR_CUR : MAILDIR_NEW;
        *ret_name = name;

        n = 1 + strlen(name) + 1;
        *records = (ByteView){records->data + n, records->size - n};
        return 1;
}

/* The record of the same base; BYTES_NULL if there is none. */
static ByteView find_base(const ChangedNames *names, const char *name) {
        const ByteView base = maildir_name_base(bytes_of(name));
        ByteView rest = buffer_view(&names->records);

        for (;;) {
                const ByteView before = rest;
                const char *other;
                MaildirFate fate;
                MaildirSub sub;

                if (changed_names_next(&rest, &fate, &sub, &other) == 0)
                        return BYTES_NULL;
                if (bytes_equal(maildir_name_base(bytes_of(other)), base))
                        return (ByteView){before.data, before.size - rest.size};
        }
}

static void drop(ChangedNames *names, ByteView record) {
        const size_t start = (size_t) (record.data - names->records.data);
        const size_t end = start + record.size;

        memmove(names->records.data + start, names->records.data + end, names->records.size - end);
        names->records.size -= record.size;
        names->n_records--;
}

static void give_up(ChangedNames *names) {
        changed_names_done(names);
        names->more = true;
}

void changed_names_add(ChangedNames *names, MaildirFate fate, MaildirSub sub, const char *name) {
        const char head = (char) ((fate == MAILDIR_GONE ? RECORD_GONE : 0) |
                                  (sub == MAILDIR_CUR ? RECORD_CUR : 0));
        const size_t n = strlen(name) + 1;
        ByteView record;

        if (names->more)
                return;

        record = find_base(names, name);
        if (record.size > 0) {
                /* A file that went does not undo another of the same message that came. */
                if (fate == MAILDIR_GONE &&
                    (record.data[0] != (head & ~RECORD_GONE) || strcmp(record.data + 1, name) != 0))
                        return;
                drop(names, record);
        }

        if (names->n_records >= CHANGED_NAMES_MAX || buffer_reserve(&names->records, 1 + n) < 0) {
                give_up(names);
                return;
        }

        /* cannot fail: the room is there */
        (void) buffer_append(&names->records, &head, 1);
        (void) buffer_append(&names->records, name, n);
        names->n_records++;
}
