/* Coming from another program: the folders of a Maildir, and which file is which message. */

#include <errno.h>
#include <stdio.h>

#include "imap/mailbox-name.h"
#include "import/import-private.h"
#include "import/offlineimap-name.h"

/* --- folders --- */

typedef struct Walk {
        Import *import;
        ImportAccount *account;
        int (*take)(Import *import, ImportAccount *account, const char *name, void *userdata);
        void *userdata;
} Walk;

/* What the folder is called, if its name is modified UTF-7, and so means another one. */
static int decode(const char *folder, char **ret_name) {
        char *name;
        int r;

        *ret_name = NULL;
        if (!strchr(folder, '&'))
                return 0;
        r = mailbox_name_decode(bytes_of(folder), '/', &name);
        if (r < 0)
                return r;
        if (r == 0 && strcmp(name, folder) != 0)
                *ret_name = name;
        else if (r == 0)
                free(name);
        return 0;
}

int import_leave_out(Import *import, ImportAccount *account, const char *folder, const char *name) {
        ImportMailbox *mailbox;
        int r;

        r = import_add_mailbox(account, name, &mailbox);
        if (r < 0)
                return r;
        mailbox->is_left_out = true;
        mailbox->folder = strdup(folder);
        if (!mailbox->folder)
                return -ENOMEM;
        return import_note(
                import, 0,
                "%s is left out: its folder is called “%s”, and would be “%s” here. To take "
                "it along, rename the folder in %s and import again",
                name, folder, name, account->root);
}

static int on_folder(const char *folder, bool bad, void *userdata) {
        _cleanup_free_ char *name = NULL;
        Walk *walk = userdata;
        int r;

        if (bad)
                return import_note(walk->import, 0, "the folder “%s” in %s is no mailbox", folder,
                                   walk->account->root);
        r = decode(folder, &name);
        if (r < 0)
                return r;
        return name ? import_leave_out(walk->import, walk->account, folder, name)
                    : walk->take(walk->import, walk->account, folder, walk->userdata);
}

int import_each_folder(Import *import, ImportAccount *account,
                       int (*take)(Import *import, ImportAccount *account, const char *name,
                                   void *userdata),
                       void *userdata) {
        _cleanup_(maildir_root_freep) MaildirRoot *root = NULL;
        Walk walk = {import, account, take, userdata};
        int r;

        r = maildir_root_open(account->root, account->layout, false, &root);
        if (r >= 0)
                r = maildir_root_list(root, on_folder, &walk);
        return r == -ENOMEM || r >= 0 ? r
                                      : import_refuse(import, 0, "%s cannot be read: %s",
                                                      account->root, strerror(-r));
}

/* --- files --- */

static int by_local(const void *a, const void *b) {
        const ImportMessage *const *x = a, *const *y = b;

        return ((*x)->local > (*y)->local) - ((*x)->local < (*y)->local);
}

/* The messages by their local numbers; owned by the caller. */
static ImportMessage **sort(ImportMailbox *mailbox) {
        ImportMessage **sorted = calloc(mailbox->n_messages + 1, sizeof(ImportMessage *));

        for (size_t i = 0; sorted && i < mailbox->n_messages; i++)
                sorted[i] = &mailbox->messages[i];
        if (sorted && mailbox->n_messages > 0)
                qsort(sorted, mailbox->n_messages, sizeof(ImportMessage *), by_local);
        return sorted;
}

typedef struct Match {
        Maildir *maildir;       /* owned */
        ImportMessage **sorted; /* owned */
        ImportMailbox *mailbox; /* borrowed */
        const char *fmd5;       /* borrowed */
        MaildirLetters letters;
        Keywords keywords;
} Match;

static void match_done(Match *match) {
        free(match->sorted);
        maildir_letters_done(&match->letters);
        keywords_done(&match->keywords);
        maildir_free(match->maildir);
}

static ImportMessage *find(const Match *match, ByteView base) {
        ImportMessage wanted = {0}, *key = &wanted, **found;
        ByteView fmd5;

        if (import_name_uid(base, &wanted.local, &fmd5) < 0 ||
            (match->fmd5 && !bytes_equal(fmd5, bytes_of(match->fmd5))))
                return NULL;
        found = bsearch(&key, match->sorted, match->mailbox->n_messages, sizeof(ImportMessage *),
                        by_local);
        return found && !(*found)->file ? *found : NULL; /* a copy of it is a message by itself */
}

static int take_file(Match *match, MaildirSub sub, const char *name) {
        const ByteView base = maildir_name_base(bytes_of(name));
        ImportMessage *message = find(match, base);
        MessageFlags now;
        int r;

        if (!message) {
                match->mailbox->n_new++;
                return 0;
        }
        message->file = bytes_dup(base);
        if (!message->file)
                return -ENOMEM;
        (void) maildir_object(match->maildir, sub, name, &message->object);
        r = maildir_name_flags(bytes_of(name), &match->letters, &match->keywords, &now);
        if (r < 0)
                return r;
        match->mailbox->n_changed += message->remote > 0 && now != message->flags;
        return 0;
}

static int take_all(Match *match) {
        _cleanup_(maildir_scan_freep) MaildirScan *scan = NULL;
        MaildirToken before, after;
        const char *name;
        MaildirSub sub;
        int r;

        r = maildir_token(match->maildir, &before);
        if (r >= 0)
                r = maildir_letters_load(match->maildir, &match->letters);
        if (r >= 0)
                r = maildir_scan_new(match->maildir, &scan);
        if (r < 0)
                return r;
        while ((r = maildir_scan_next(scan, &sub, &name)) > 0) {
                r = take_file(match, sub, name);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = maildir_token(match->maildir, &after);
        return r >= 0 && !maildir_token_equal(&before, &after) ? -EAGAIN : r;
}

static void count(ImportMailbox *mailbox) {
        for (size_t i = 0; i < mailbox->n_messages; i++) {
                const ImportMessage *message = &mailbox->messages[i];

                if (message->remote == 0 || message->local == 0)
                        mailbox->n_left += message->remote > 0 || message->file;
                else if (message->file)
                        mailbox->n_adopted++;
                else
                        mailbox->n_gone++;
        }
}

int import_match_files(Import *import, const ImportAccount *account, ImportMailbox *mailbox,
                       const char *fmd5) {
        _cleanup_(maildir_root_freep) MaildirRoot *root = NULL;
        _cleanup_(match_done) Match match = {
                .mailbox = mailbox,
                .fmd5 = fmd5,
                .sorted = sort(mailbox),
        };
        int r;

        if (!match.sorted)
                return -ENOMEM;
        r = maildir_root_open(account->root, account->layout, false, &root);
        if (r >= 0)
                r = maildir_open(root, mailbox->name, &match.maildir);
        if (r >= 0)
                r = take_all(&match);
        if (r == -EAGAIN)
                return import_refuse(
                        import, 0,
                        "the folder of %s changed while it was read: stop what delivers or "
                        "reads mail there, and import again",
                        mailbox->name);
        if (r < 0)
                return r == -ENOMEM
                               ? r
                               : import_refuse(import, 0, "the folder of %s cannot be read: %s",
                                               mailbox->name, strerror(-r));
        count(mailbox);
        return 0;
}
