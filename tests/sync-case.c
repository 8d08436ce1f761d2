/* Reads a case and builds its world. */

#include <ctype.h>
#include <stdarg.h>

#include "base/macro.h"
#include "sync-case.h"
#include "test.h"

#define MAX_ROWS 512u

const SyncRung sync_rungs[] = {
        {"all is told", 0,                                              false},
        {"CONDSTORE",   REPLICA_UNTOLD_EXPUNGES,                        true },
        {"ESEARCH",     REPLICA_UNTOLD_EXPUNGES | REPLICA_UNTOLD_FLAGS, true },
        {"bare",        REPLICA_UNTOLD_EXPUNGES | REPLICA_UNTOLD_FLAGS, false},
};
const size_t n_sync_rungs = ARRAY_SIZE(sync_rungs);

/* A line of "before". */
typedef struct Row {
        size_t mailbox, moved_to[_SIDE_MAX]; /* positions in SyncCase.mailboxes */
        bool has[_SIDE_MAX], gone[_SIDE_MAX], moved[_SIDE_MAX], in_base;
        uint32_t uid[_SIDE_MAX];
        WorldMessage message[_SIDE_MAX];
        WorldMessage base;
} Row;

typedef struct Reader {
        SyncCase *c;
        const char *path;
        unsigned line;
        enum { IN_OPTIONS, IN_BEFORE, IN_AFTER } section;
        Row rows[MAX_ROWS];
        size_t n_rows;
        char *lines[MAX_ROWS]; /* of "after", owned */
        size_t line_mailbox[MAX_ROWS];
        size_t mailbox; /* of the lines being read */
        size_t n_lines;
        bool loses_database;
        uint32_t renumber, uidvalidity; /* of the remote side, after the base */
        bool modseq_backwards;
} Reader;

static void __attribute__((noreturn, format(printf, 2, 3)))
bad(const Reader *reader, const char *format, ...) {
        va_list args;

        fprintf(stderr, "%s:%u: ", reader->path, reader->line);
        va_start(args, format);
        (void) vfprintf(stderr, format, args);
        va_end(args);
        fputc('\n', stderr);
        abort();
}

static char *trim(char *text) {
        char *end;

        while (isspace((unsigned char) *text))
                text++;
        end = text + strlen(text);
        while (end > text && isspace((unsigned char) end[-1]))
                *--end = '\0';
        return text;
}

/* --- options --- */

/* Of the case that is loaded. */
static Direction case_direction;
static uint64_t case_size_limit;

static Direction direction_of(const char *mailbox, void *userdata) {
        (void) mailbox, (void) userdata;
        return case_direction;
}

static uint64_t size_limit_of(const char *mailbox, void *userdata) {
        (void) mailbox, (void) userdata;
        return case_size_limit;
}

static void read_store_option(Reader *reader, Side side, char *text) {
        static const struct {
                const char *name;
                size_t offset;
        } switches[] = {
                {"no-modseq",     offsetof(MemoryStore, no_modseq)    },
                {"no-uidnext",    offsetof(MemoryStore, no_uidnext)   },
                {"no-uidplus",    offsetof(MemoryStore, no_uidplus)   },
                {"no-sizes",      offsetof(MemoryStore, no_sizes)     },
                {"one-copy",      offsetof(MemoryStore, one_copy)     },
                {"tells-new",     offsetof(MemoryStore, tells_new)    },
                {"no-keywords",   offsetof(MemoryStore, no_keywords)  },
                {"no-move",       offsetof(MemoryStore, no_move)      },
                {"refuses-early", offsetof(MemoryStore, refuses_early)},
        };
        MemoryStore *store = &reader->c->world.store[side];
        char word[32] = "", what[32] = "";
        unsigned n = 0;

        (void) sscanf(text, "%31s %31s %u", word, what, &n);
        reader->c->has_rung[side] |= strcmp(word, "no-modseq") == 0 ||
                                     strcmp(word, "bogus-vanished") == 0 ||
                                     (side == SIDE_LOCAL && strcmp(word, "server") == 0);
        reader->c->is_of_files |= strncmp(word, "fails-", strlen("fails-")) == 0;
        for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
                if (strcmp(word, switches[i].name) == 0) {
                        *((bool *) ((char *) store + switches[i].offset)) = true;
                        return;
                }

        if (strcmp(word, "server") == 0)
                store->is_files = false;
        else if (strcmp(word, "unstorable") == 0)
                store->unstorable = world_parse_flags(&reader->c->world, what);
        else if (strcmp(word, "refuses") == 0)
                store->refuses = strdup(what);
        else if (strcmp(word, "no-body") == 0) {
                store->no_body = strdup(what);
                store->n_no_body = n;
        } else if (strcmp(word, "window") == 0)
                store->window = strtoul(what, NULL, 10);
        else if (strcmp(word, "fails") == 0)
                store->fails = (unsigned) strtoul(what, NULL, 10);
        else if (strcmp(word, "silent") == 0)
                store->n_silent = (unsigned) strtoul(what, NULL, 10);
        else if (strcmp(word, "full") == 0)
                store->n_full = (unsigned) strtoul(what, NULL, 10);
        else if (strcmp(word, "refuses-changes") == 0)
                store->n_refused_changes = (unsigned) strtoul(what, NULL, 10);
        else if (strcmp(word, "fails-prepare") == 0)
                store->n_fails_prepare = (unsigned) strtoul(what, NULL, 10);
        else if (strcmp(word, "fails-recover") == 0)
                store->n_fails_recover = (unsigned) strtoul(what, NULL, 10);
        else if (strcmp(word, "fails-publish") == 0)
                store->n_fails_publish = (unsigned) strtoul(what, NULL, 10);
        else if (strcmp(word, "emptied") == 0)
                store->n_emptied = (unsigned) strtoul(what, NULL, 10);
        else if (strcmp(word, "bogus-exists") == 0)
                store->n_bogus_exists = (unsigned) strtoul(what, NULL, 10);
        else if (strcmp(word, "bogus-vanished") == 0) {
                if (sscanf(what, "%u:%u", &store->bogus_vanished.first,
                           &store->bogus_vanished.last) != 2)
                        bad(reader, "bogus-vanished FIRST:LAST");
                store->n_bogus_vanished = 1;
        } else if (strcmp(word, "renumbered") == 0)
                reader->renumber = (uint32_t) strtoul(what, NULL, 10);
        else if (strcmp(word, "uidvalidity") == 0)
                reader->uidvalidity = (uint32_t) strtoul(what, NULL, 10);
        else if (strcmp(word, "modseq-backwards") == 0)
                reader->modseq_backwards = true;
        else
                bad(reader, "what is “%s”?", text);
}

static Side read_side(const Reader *reader, const char *word) {
        if (strcmp(word, "remote") == 0)
                return SIDE_REMOTE;
        if (strcmp(word, "local") != 0)
                bad(reader, "remote or local, not “%s”", word);
        return SIDE_LOCAL;
}

static void read_meanwhile(Reader *reader, const char *text) {
        static const char *const verbs[] = {"deliver", "expunge", "flags"};
        Meanwhile *meanwhile = &reader->c->meanwhile[reader->c->n_meanwhile++];
        char side[16], verb[16];
        int n = 0;

        assert(reader->c->n_meanwhile <= ARRAY_SIZE(reader->c->meanwhile));
        if (sscanf(text, "%lu %15s %15s %n", &meanwhile->at, side, verb, &n) != 3)
                bad(reader, "meanwhile: EVENT SIDE VERB WHAT");
        meanwhile->side = read_side(reader, side);
        while (meanwhile->type < ARRAY_SIZE(verbs) && strcmp(verbs[meanwhile->type], verb) != 0)
                meanwhile->type++;
        text += n;
        if (meanwhile->type != MEANWHILE_DELIVER) {
                if (sscanf(text, "%u %n", &meanwhile->uid, &n) != 1)
                        bad(reader, "of which UID?");
                text += n;
        }
        (void) snprintf(meanwhile->text, sizeof(meanwhile->text), "%s", text);
}

static void read_option(Reader *reader, char *line) {
        char *value = strchr(line, ':');
        SyncCase *c = reader->c;

        if (!value)
                bad(reader, "an option has a colon");
        *value = '\0';
        value = trim(value + 1);

        if (strcmp(line, "remote") == 0 || strcmp(line, "local") == 0)
                read_store_option(reader, read_side(reader, line), value);
        else if (strcmp(line, "meanwhile") == 0)
                read_meanwhile(reader, value);
        else if (strcmp(line, "direction") == 0) {
                if (direction_parse(value, &case_direction) < 0)
                        bad(reader, "which direction?");
        } else if (strcmp(line, "size-limit") == 0)
                case_size_limit = strtoull(value, NULL, 10);
        else if (strcmp(line, "database") == 0)
                reader->loses_database = true;
        else if (strcmp(line, "dry-run") == 0)
                c->world.options.dry_run = true;
        else if (strcmp(line, "only") == 0)
                c->is_straight = true;
        else if (strcmp(line, "no-bodies") == 0)
                c->no_bodies = true;
        else if (strcmp(line, "no-notices") == 0)
                c->no_notices = true;
        else if (strcmp(line, "then") == 0)
                *(strcmp(value, "retry") == 0 ? &c->retries : &c->confirms) = true;
        else if (strcmp(line, "held") == 0) {
                char side[16];
                unsigned long n;

                if (sscanf(value, "%15s %lu", side, &n) != 2)
                        bad(reader, "held: SIDE NUMBER");
                c->held[read_side(reader, side)] = n;
        } else
                bad(reader, "what is “%s”?", line);
}

/* --- rows --- */

/* Cut a line at its bars, into three cells. */
static void cut_cells(const Reader *reader, char *line, char *cells[3]) {
        for (size_t i = 0; i < 3; i++) {
                char *bar = strchr(line, '|');

                if (!bar != (i == 2))
                        bad(reader, "three cells");
                if (bar)
                        *bar = '\0';
                cells[i] = trim(line);
                if (bar)
                        line = bar + 1;
        }
}

/* Replace each "*" by the number. */
static void expand(const char *text, unsigned n, char *out, size_t size) {
        size_t at = 0;

        for (; *text; text++) {
                int written = *text == '*' ? snprintf(out + at, size - at, "%03u", n)
                                           : snprintf(out + at, size - at, "%c", *text);

                at += (size_t) written;
                assert(at < size);
        }
        out[at] = '\0';
}

/* The position of a mailbox, which is entered at its first mention. */
static size_t need_mailbox(Reader *reader, const char *name) {
        SyncCase *c = reader->c;
        size_t i;

        for (i = 0; i < c->n_mailboxes; i++)
                if (strcmp(c->mailboxes[i].name, name) == 0)
                        return i;
        assert(c->n_mailboxes < SYNC_CASE_MAILBOXES);
        (void) snprintf(c->mailboxes[c->n_mailboxes].name, sizeof(c->mailboxes[0].name), "%s",
                        name);
        c->mailboxes[i].on_side[SIDE_REMOTE] = c->mailboxes[i].on_side[SIDE_LOCAL] = true;
        return c->n_mailboxes++;
}

/* "a S -> Archive" */
static void read_moved(Reader *reader, Row *row, Side side, char *text) {
        char *arrow = strstr(text, "->");

        if (!arrow)
                return;
        row->moved[side] = true;
        row->moved_to[side] = need_mailbox(reader, trim(arrow + 2));
        *arrow = '\0';
}

/* "Archive:", "Archive: local" */
static bool read_mailbox(Reader *reader, char *line) {
        char *colon = strchr(line, ':');

        if (!colon || strchr(line, '|'))
                return false;
        *colon = '\0';
        reader->mailbox = need_mailbox(reader, line);
        colon = trim(colon + 1);
        if (*colon)
                reader->c->mailboxes[reader->mailbox]
                        .on_side[side_other(read_side(reader, colon))] = false;
        return true;
}

static void read_before(Reader *reader, char *cells[3], unsigned n) {
        World *world = &reader->c->world;
        Row *row = &reader->rows[reader->n_rows++];
        char text[128] = "";

        assert(reader->n_rows <= MAX_ROWS);
        *row = (Row){.mailbox = reader->mailbox, .in_base = cells[2][0] == '='};
        for (Side side = 0; side < _SIDE_MAX; side++) {
                unsigned uid;
                int at = 0;

                if (!*cells[side])
                        continue;
                if (sscanf(cells[side], "%u %n", &uid, &at) != 1)
                        bad(reader, "a UID first");
                row->uid[side] = uid + n;
                row->gone[side] = strcmp(cells[side] + at, "gone") == 0;
                row->has[side] = !row->gone[side];
                if (row->gone[side])
                        continue;
                expand(cells[side] + at, n + 1, text, sizeof(text));
                read_moved(reader, row, side, text);
                world_parse_message(world, text, &row->message[side]);
                row->base = row->message[side];
        }
        if (!row->in_base)
                return;
        row->base.flags = world_parse_flags(world, cells[2] + 1);
        if (row->gone[SIDE_REMOTE] && row->gone[SIDE_LOCAL])
                world_parse_message(world, "gone", &row->base);
        if (!row->uid[SIDE_REMOTE] || !row->uid[SIDE_LOCAL])
                bad(reader, "a message of the base was on both sides");
}

/* In the words of world_describe(). */
static void read_after(Reader *reader, char *cells[3], unsigned n) {
        char line[256], expanded[256];

        (void) snprintf(line, sizeof(line), "%s%s|%s%s%s|%s%s\n", cells[0], *cells[0] ? " " : "",
                        *cells[1] || *cells[0] ? " " : "", cells[1], *cells[1] ? " " : "",
                        *cells[2] ? " " : "", cells[2]);
        if (*cells[0] && !*cells[1])
                (void) snprintf(line, sizeof(line), "%s | |%s%s\n", cells[0], *cells[2] ? " " : "",
                                cells[2]);
        expand(line, n + 1, expanded, sizeof(expanded));
        assert(reader->n_lines < MAX_ROWS);
        reader->line_mailbox[reader->n_lines] = reader->mailbox;
        reader->lines[reader->n_lines++] = strdup(expanded);
}

static void read_row(Reader *reader, char *line) {
        unsigned n_times = 1;
        char *cells[3];
        int skip = 0;

        if (sscanf(line, "%ux %n", &n_times, &skip) == 1 && skip > 0 && strchr(line, 'x') &&
            strchr(line, 'x') < line + skip)
                line += skip;
        else
                n_times = 1;
        cut_cells(reader, line, cells);
        for (unsigned n = 0; n < n_times; n++)
                if (reader->section == IN_BEFORE)
                        read_before(reader, cells, n);
                else
                        read_after(reader, cells, n);
}

static void read_line(Reader *reader, char *line) {
        char *hash = strchr(line, '#');

        reader->line++;
        if (hash)
                *hash = '\0';
        line = trim(line);
        if (!*line)
                return;
        if (strcmp(line, "before") == 0)
                reader->section = IN_BEFORE;
        else if (strcmp(line, "after") == 0) {
                reader->section = IN_AFTER;
                reader->mailbox = 0;
        } else if (reader->section == IN_OPTIONS)
                read_option(reader, line);
        else if (!read_mailbox(reader, line))
                read_row(reader, line);
}

/* --- the world --- */

static void build_base(Reader *reader, size_t mailbox) {
        const char *name = reader->c->mailboxes[mailbox].name;
        WorldPair pairs[MAX_ROWS];
        size_t n_pairs = 0;

        for (size_t i = 0; i < reader->n_rows; i++) {
                const Row *row = &reader->rows[i];

                if (row->in_base && row->mailbox == mailbox)
                        pairs[n_pairs++] = (WorldPair){
                                .uid = {row->uid[0], row->uid[1]},
                                .message = &row->base,
                        };
        }
        for (Side side = 0; side < _SIDE_MAX; side++)
                if (reader->c->mailboxes[mailbox].on_side[side])
                        memory_store_add(&reader->c->world.store[side], name);
        if (n_pairs > 0)
                world_add_in_sync(&reader->c->world, name, pairs, n_pairs);
}

static MemoryMailbox *stored_of(Reader *reader, Side side, size_t mailbox) {
        return memory_store_find(&reader->c->world.store[side], reader->c->mailboxes[mailbox].name);
}

static void build_change(Reader *reader, Side side, const Row *row) {
        const MessageFlags flags = world_flags(&reader->c->world, side, row->message[side].flags);
        MemoryMailbox *stored = stored_of(reader, side, row->mailbox);

        if (row->gone[side])
                memory_expunge(stored, row->uid[side]);
        else if (row->has[side] && row->in_base)
                memory_set_flags(stored, memory_find(stored, row->uid[side]), flags);
        else if (row->has[side])
                memory_deliver(stored, row->uid[side], row->message[side].bytes,
                               row->message[side].date, flags);
        if (row->moved[side])
                memory_move(stored, row->uid[side], stored_of(reader, side, row->moved_to[side]));
}

static void build_changes(Reader *reader, Side side) {
        for (size_t i = 0; i < reader->n_rows; i++)
                build_change(reader, side, &reader->rows[i]);
}

static void build_accidents(Reader *reader) {
        MemoryMailbox *remote =
                memory_store_find(&reader->c->world.store[SIDE_REMOTE], SYNC_CASE_MAILBOX);

        if (reader->renumber)
                memory_renumber(remote, reader->renumber);
        if (reader->uidvalidity)
                remote->uidvalidity = reader->uidvalidity;
        if (reader->modseq_backwards) {
                remote->modseq = 1;
                for (size_t i = 0; i < remote->n_messages; i++)
                        remote->messages[i].modseq = 1;
        }
        if (reader->loses_database)
                world_lose_database(&reader->c->world);
}

static int compare_strings(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static char *join_expected(Reader *reader, size_t mailbox) {
        char *lines[MAX_ROWS];
        Buffer text = BUFFER_NULL;
        size_t n_lines = 0;

        for (size_t i = 0; i < reader->n_lines; i++)
                if (reader->line_mailbox[i] == mailbox)
                        lines[n_lines++] = reader->lines[i];
        if (n_lines > 0)
                qsort(lines, n_lines, sizeof(*lines), compare_strings);
        for (size_t i = 0; i < n_lines; i++) {
                assert(buffer_append_string(&text, lines[i]) == 0);
                free(lines[i]);
        }
        return buffer_steal_string(&text);
}

void sync_case_load(SyncCase *c, const char *path) {
        sync_case_load_on(c, path, &sync_rungs[0], NULL);
}

static void make_server(MemoryStore *store, const SyncRung *rung) {
        store->is_files = false;
        store->untold = rung->untold;
        store->can_count = rung->can_count;
}

void sync_case_load_on(SyncCase *c, const char *path, const SyncRung *remote,
                       const SyncRung *local) {
        static Reader reader;
        FILE *file = fopen(path, "re");
        char line[512];

        assert(file);
        *c = (SyncCase){0};
        reader = (Reader){.c = c, .path = path};
        world_init(&c->world);
        case_direction = DIRECTION_BOTH;
        case_size_limit = 0;
        c->world.options.direction = direction_of;
        c->world.options.size_limit = size_limit_of;
        (void) need_mailbox(&reader, SYNC_CASE_MAILBOX);
        make_server(&c->world.store[SIDE_REMOTE], remote);
        if (local)
                make_server(&c->world.store[SIDE_LOCAL], local);
        while (fgets(line, sizeof(line), file))
                read_line(&reader, line);
        (void) fclose(file);
        if (reader.section != IN_AFTER)
                bad(&reader, "before and after");

        for (size_t i = 0; i < c->n_mailboxes; i++)
                build_base(&reader, i);
        for (Side side = 0; side < _SIDE_MAX; side++)
                build_changes(&reader, side);
        build_accidents(&reader);
        for (size_t i = 0; i < c->n_mailboxes; i++) {
                c->mailboxes[i].before = world_describe(&c->world, c->mailboxes[i].name);
                c->mailboxes[i].expected = join_expected(&reader, i);
        }
}

void sync_case_done(SyncCase *c) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                free((char *) c->world.store[side].refuses);
                free((char *) c->world.store[side].no_body);
        }
        world_done(&c->world);
        for (size_t i = 0; i < c->n_mailboxes; i++) {
                free(c->mailboxes[i].expected);
                free(c->mailboxes[i].before);
        }
        *c = (SyncCase){0};
}

/* --- other clients --- */

static void happen(SyncCase *c, const Meanwhile *meanwhile) {
        MemoryStore *store = &c->world.store[meanwhile->side];
        MemoryMailbox *stored = memory_store_find(store, SYNC_CASE_MAILBOX);
        MemoryMessage *found = memory_find(stored, meanwhile->uid);
        WorldMessage message;

        switch (meanwhile->type) {
        case MEANWHILE_DELIVER:
                world_parse_message(&c->world, meanwhile->text, &message);
                memory_deliver(stored, 0, message.bytes, message.date,
                               world_flags(&c->world, meanwhile->side, message.flags));
                return;
        case MEANWHILE_EXPUNGE:
                memory_expunge(stored, meanwhile->uid);
                return;
        case MEANWHILE_FLAGS:
                if (found)
                        memory_set_flags(
                                stored, found,
                                world_flags(&c->world, meanwhile->side,
                                            world_parse_flags(&c->world, meanwhile->text)));
                return;
        }
        abort();
}

static void on_next(void *userdata) {
        SyncCase *c = userdata;

        c->n_events++;
        for (size_t i = 0; i < c->n_meanwhile; i++)
                if (c->meanwhile[i].at == c->n_events) {
                        happen(c, &c->meanwhile[i]);
                        c->n_happened++;
                }
}

void sync_case_start(SyncCase *c) {
        world_start(&c->world);
        memory_replica_on_next(c->world.replica[SIDE_REMOTE], on_next, c);
}
