/* Coming from another program: the configuration, the report, and the state database. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "import/import-private.h"
#include "store/state-db.h"

/* --- the configuration --- */

static int append_pattern(Buffer *out, const char *sign, ByteView pattern) {
        _cleanup_free_ char *text = NULL;
        int r;

        if (asprintf(&text, "%s%.*s", sign, (int) pattern.size, pattern.data) < 0)
                return -ENOMEM;
        r = buffer_append_string(out, "    ");
        if (r >= 0)
                r = import_append_value(out, text);
        return r < 0 ? r : buffer_append_string(out, "\n");
}

static int append_patterns(const ImportAccount *account, Buffer *out) {
        ByteView rest = buffer_view(&account->patterns);
        int r = buffer_append_string(out, "mailboxes =\n");

        while (r >= 0 && !account->is_listed && rest.size > 0) {
                const ByteView pattern = bytes_take_until(&rest, '\n');

                r = append_pattern(out, "", pattern);
        }
        for (size_t i = 0; r >= 0 && i < account->n_mailboxes; i++) {
                const ImportMailbox *mailbox = &account->mailboxes[i];

                if (account->is_listed && !mailbox->is_left_out)
                        r = append_pattern(out, "", bytes_of(mailbox->name));
                if (r >= 0 && mailbox->is_left_out)
                        r = append_pattern(out, "!", bytes_of(mailbox->name));
                if (r >= 0 && mailbox->is_left_out && mailbox->folder)
                        r = append_pattern(out, "!", bytes_of(mailbox->folder));
        }
        return r;
}

/* A key of lines: the first one stands behind it, the others below. */
static int append_directions(const ImportAccount *account, Buffer *out) {
        ByteView rest = buffer_view(&account->directions);
        int r = 0;

        if (account->direction == DIRECTION_BOTH && rest.size == 0)
                return 0;
        r = buffer_append_format(out, "direction = %s\n", direction_name(account->direction));
        while (r >= 0 && rest.size > 0)
                r = append_pattern(out, "", bytes_take_until(&rest, '\n'));
        return r;
}

static int append_map(const ImportAccount *account, Buffer *out) {
        int r = account->map ? buffer_append_string(out, "map =\n") : 0;

        for (size_t i = 0; r >= 0 && account->map && account->map[i]; i++)
                r = append_pattern(out, "", bytes_of(account->map[i]));
        return r;
}

static int append_account(const ImportAccount *account, Buffer *out) {
        int r;

        r = buffer_append_format(out, "\n[account %s]\n", account->name);
        if (r >= 0)
                r = buffer_append_view(out, buffer_view(&account->settings));
        if (r >= 0 && account->root)
                r = buffer_append_format(out, "maildir = %s\n", account->root);
        if (r >= 0 && account->root && account->layout == MAILDIR_LAYOUT_MAILDIRPLUSPLUS)
                r = buffer_append_string(out, "maildir-layout = maildir++\n");
        if (r >= 0)
                r = append_directions(account, out);
        if (r >= 0)
                r = append_map(account, out);
        if (r >= 0)
                r = append_patterns(account, out);
        if (r >= 0 && account->local.size > 0)
                r = buffer_append_format(out, "\n[local %s]\n", account->name);
        return r < 0 ? r : buffer_append_view(out, buffer_view(&account->local));
}

int import_format_config(const Import *import, Buffer *out) {
        int r;

        r = buffer_append_format(out,
                                 "# Written by imapsyncctl import %s, from %s.\n"
                                 "# imapsyncd.conf(5) says what else can be set.\n",
                                 import_program_name(import->program), import->path);
        for (size_t i = 0; r >= 0 && i < import->n_accounts; i++)
                r = append_account(&import->accounts[i], out);
        return r;
}

/* --- the report --- */

typedef struct Sum {
        uint64_t n_mailboxes, n_adopted, n_changed, n_gone, n_left, n_new, n_compared;
        uint64_t n_apart, n_alone; /* changed here, new here, and the server is not to follow */
} Sum;

static Sum sum_up(const ImportAccount *account) {
        Sum sum = {0};

        for (size_t i = 0; i < account->n_mailboxes; i++) {
                const ImportMailbox *mailbox = &account->mailboxes[i];

                sum.n_mailboxes += !mailbox->is_left_out;
                sum.n_compared += mailbox->is_compared;
                if (mailbox->is_compared || mailbox->is_left_out)
                        continue;
                sum.n_adopted += mailbox->n_adopted;
                sum.n_gone += mailbox->n_gone;
                sum.n_left += mailbox->n_left;
                *(direction_allows(mailbox->direction, SIDE_REMOTE, DEED_FLAGS) ? &sum.n_changed
                                                                                : &sum.n_apart) +=
                        mailbox->n_changed;
                *(direction_allows(mailbox->direction, SIDE_REMOTE, DEED_ADD) ? &sum.n_new
                                                                              : &sum.n_alone) +=
                        mailbox->n_new;
        }
        return sum;
}

static int append_count(Buffer *out, uint64_t n, const char *what) {
        return buffer_append_format(out, "  %8llu %s\n", (unsigned long long) n, what);
}

static int report_account(const ImportAccount *account, Buffer *out) {
        const Sum sum = sum_up(account);
        int r;

        r = buffer_append_format(out, "%s: %s\n", account->name,
                                 account->root ? account->root : "between two servers");
        if (r >= 0)
                r = append_count(out, sum.n_mailboxes, "mailboxes");
        if (r >= 0)
                r = append_count(out, sum.n_adopted,
                                 "messages taken over as they are, none is fetched");
        if (r >= 0 && account->root)
                r = append_count(out, sum.n_changed,
                                 "of them with flags changed here, to be told to the server");
        if (r >= 0 && sum.n_apart > 0)
                r = append_count(out, sum.n_apart,
                                 "of them with flags changed here, which stay so");
        if (r >= 0 && sum.n_gone > 0)
                r = append_count(out, sum.n_gone, "deleted here since; held until you confirm it");
        if (r >= 0 && sum.n_left > 0)
                r = append_count(out, sum.n_left, "on one side only, and left so");
        if (r >= 0 && sum.n_new > 0)
                r = append_count(out, sum.n_new,
                                 "files that were never synchronised; the server gets them unless "
                                 "it has them");
        if (r >= 0 && sum.n_alone > 0)
                r = append_count(out, sum.n_alone,
                                 "files that were never synchronised; they stay here alone");
        if (r >= 0 && sum.n_compared > 0)
                r = append_count(out, sum.n_compared,
                                 "mailboxes whose messages are compared first");
        return r;
}

int import_format_report(const Import *import, Buffer *out) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < import->n_accounts; i++)
                r = report_account(&import->accounts[i], out);
        if (r >= 0 && import->notes.size > 0)
                r = buffer_append_string(out, "To know:\n");
        return r < 0 ? r : buffer_append_view(out, buffer_view(&import->notes));
}

/* --- the state --- */

typedef struct Writer {
        StateDb *db;
        const ImportMailbox *mailbox;
        MailboxState state;
        bool is_maildir;
        uint32_t n_files; /* a Maildir's own numbers */
} Writer;

/* A file that is not there any more has a name as well, which no program makes: so it is missed. */
static int add_file(Writer *writer, const ImportMessage *message, uint32_t *ret_uid) {
        char gone[64];

        *ret_uid = ++writer->n_files;
        (void) snprintf(gone, sizeof(gone), "imported.deleted,U=%u", message->local);
        return state_db_file_add(writer->db, writer->state.id, *ret_uid,
                                 message->file ? message->file : gone, message->object, false);
}

/* Neither program brings it over: on its side it is known, and stays. */
static int park(Writer *writer, Side side, uint32_t uid) {
        writer->state.parked[side]++;
        return state_db_park(writer->db, writer->state.id, side, uid, STATE_DB_LEFT);
}

static int add_message(Writer *writer, const ImportMessage *message) {
        BaseMessage base = {
                .uid = {message->remote, message->local},
                .flags = message->flags,
        };
        int r = 0;

        if (message->local == 0)
                return park(writer, SIDE_REMOTE, message->remote);
        if (message->remote == 0 && writer->is_maildir && !message->file)
                return 0; /* it is nowhere */
        if (writer->is_maildir)
                r = add_file(writer, message, &base.uid[SIDE_LOCAL]);
        if (r < 0)
                return r;
        if (message->remote == 0)
                return park(writer, SIDE_LOCAL, base.uid[SIDE_LOCAL]);
        writer->state.messages++;
        return state_db_add(writer->db, writer->state.id, &base);
}

static int write_mailbox(StateDb *db, const ImportMailbox *mailbox, bool is_maildir) {
        Writer writer = {.db = db, .mailbox = mailbox, .is_maildir = is_maildir};
        MailboxState *state = &writer.state;
        int r;

        r = state_db_add_mailbox(db, mailbox->name, NULL, NULL, &state->id);
        for (size_t i = 0; r >= 0 && i < mailbox->n_messages; i++)
                r = add_message(&writer, &mailbox->messages[i]);
        if (r < 0)
                return r;

        state->files = writer.n_files;
        state->token[SIDE_REMOTE].uidvalidity = mailbox->uidvalidity[SIDE_REMOTE];
        state->token[SIDE_REMOTE].uidnext = mailbox->uidnext;
        state->token[SIDE_LOCAL].uidvalidity = mailbox->uidvalidity[SIDE_LOCAL];
        mailbox_state_adopt(state);
        return state_db_save_mailbox(db, state);
}

static int write_all(StateDb *db, const ImportAccount *account) {
        int r;

        r = state_db_begin(db);
        for (size_t i = 0; r >= 0 && i < account->n_mailboxes; i++)
                if (!account->mailboxes[i].is_left_out && !account->mailboxes[i].is_compared)
                        r = write_mailbox(db, &account->mailboxes[i], account->root);
        return r < 0 ? r : state_db_commit(db);
}

int import_write_state(const ImportAccount *account, const char *path, char **reterr) {
        _cleanup_(state_db_freep) StateDb *db = NULL;
        int r;

        r = state_db_open(path, &db, reterr);
        if (r != 0)
                return r < 0 ? r : -EEXIST;
        r = write_all(db, account);
        if (r < 0 && asprintf(reterr, "%s cannot be written: %s", path,
                              state_db_error(db)[0] ? state_db_error(db) : strerror(-r)) < 0)
                *reterr = NULL;
        return r;
}
