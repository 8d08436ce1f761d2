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
        bool has[_SIDE_MAX], gone[_SIDE_MAX], in_base;
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
                {"refuses-early", offsetof(MemoryStore, refuses_early)},
        };
        MemoryStore *store = &reader->c->world.store[side];
        char word[32] = "", what[32] = "";
        unsigned n = 0;

        (void) sscanf(text, "%31s %31s %u", word, what, &n);
        reader->c->has_rung |= side == SIDE_REMOTE && (strcmp(word, "no-modseq") == 0 ||
                                                       strcmp(word, "bogus-vanished") == 0);
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
        else if (strcmp(line, "database") == 0)
                reader->loses_database = true;
        else if (strcmp(line, "dry-run") == 0)
                c->world.options.dry_run = true;
        else if (strcmp(line, "only") == 0)
                c->is_straight = true;
        else if (strcmp(line, "then") == 0)
                c->confirms = true;
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

static void read_before(Reader *reader, char *cells[3], unsigned n) {
        World *world = &reader->c->world;
        Row *row = &reader->rows[reader->n_rows++];
        char text[128] = "";

        assert(reader->n_rows <= MAX_ROWS);
        *row = (Row){.in_base = cells[2][0] == '='};
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
        else if (strcmp(line, "after") == 0)
                reader->section = IN_AFTER;
        else if (reader->section == IN_OPTIONS)
                read_option(reader, line);
        else
                read_row(reader, line);
}

/* --- the world --- */

static void build_base(Reader *reader) {
        WorldPair pairs[MAX_ROWS];
        size_t n_pairs = 0;

        for (size_t i = 0; i < reader->n_rows; i++) {
                const Row *row = &reader->rows[i];

                if (row->in_base)
                        pairs[n_pairs++] = (WorldPair){
                                .uid = {row->uid[0], row->uid[1]},
                                .message = &row->base,
                        };
        }
        for (Side side = 0; side < _SIDE_MAX; side++)
                memory_store_add(&reader->c->world.store[side], SYNC_CASE_MAILBOX);
        if (n_pairs > 0)
                world_add_in_sync(&reader->c->world, SYNC_CASE_MAILBOX, pairs, n_pairs);
}

static void build_changes(Reader *reader, Side side) {
        World *world = &reader->c->world;
        MemoryMailbox *stored = memory_store_find(&world->store[side], SYNC_CASE_MAILBOX);

        for (size_t i = 0; i < reader->n_rows; i++) {
                const Row *row = &reader->rows[i];
                const MessageFlags flags = world_flags(world, side, row->message[side].flags);

                if (row->gone[side])
                        memory_expunge(stored, row->uid[side]);
                else if (row->has[side] && row->in_base)
                        memory_set_flags(stored, memory_find(stored, row->uid[side]), flags);
                else if (row->has[side])
                        memory_deliver(stored, row->uid[side], row->message[side].bytes,
                                       row->message[side].date, flags);
        }
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

static char *join_expected(Reader *reader) {
        Buffer text = BUFFER_NULL;

        if (reader->n_lines > 0)
                qsort(reader->lines, reader->n_lines, sizeof(*reader->lines), compare_strings);
        for (size_t i = 0; i < reader->n_lines; i++) {
                assert(buffer_append_string(&text, reader->lines[i]) == 0);
                free(reader->lines[i]);
        }
        return buffer_steal_string(&text);
}

void sync_case_load(SyncCase *c, const char *path) {
        sync_case_load_on(c, path, &sync_rungs[0]);
}

void sync_case_load_on(SyncCase *c, const char *path, const SyncRung *rung) {
        static Reader reader;
        FILE *file = fopen(path, "re");
        char line[512];

        assert(file);
        *c = (SyncCase){0};
        reader = (Reader){.c = c, .path = path};
        world_init(&c->world);
        c->world.store[SIDE_REMOTE].untold = rung->untold;
        c->world.store[SIDE_REMOTE].can_count = rung->can_count;
        while (fgets(line, sizeof(line), file))
                read_line(&reader, line);
        (void) fclose(file);
        if (reader.section != IN_AFTER)
                bad(&reader, "before and after");

        build_base(&reader);
        for (Side side = 0; side < _SIDE_MAX; side++)
                build_changes(&reader, side);
        build_accidents(&reader);
        c->before = world_describe(&c->world, SYNC_CASE_MAILBOX);
        c->expected = join_expected(&reader);
}

void sync_case_done(SyncCase *c) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                free((char *) c->world.store[side].refuses);
                free((char *) c->world.store[side].no_body);
        }
        world_done(&c->world);
        free(c->expected);
        free(c->before);
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
