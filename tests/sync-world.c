/* A world for the engine's tests: its process, and its state as text. */

#include <errno.h>

#include "base/macro.h"
#include "store/state-db-private.h"
#include "sync-world.h"
#include "sync/engine-private.h"
#include "test.h"

#define MAX_PUMPS 100000u

/* --- a digest, good enough where nobody looks for collisions (FNV-1a) --- */

static void *digest_begin(void) {
        uint64_t *digest = malloc(sizeof(*digest));

        if (digest)
                *digest = 0xcbf29ce484222325u;
        return digest;
}

static void digest_update(void *userdata, ByteView bytes) {
        uint64_t *digest = userdata;

        for (size_t i = 0; i < bytes.size; i++)
                *digest = (*digest ^ (unsigned char) bytes.data[i]) * 0x100000001b3u;
}

static size_t digest_end(void *userdata, char out[64]) {
        memcpy(out, userdata, sizeof(uint64_t));
        free(userdata);
        return sizeof(uint64_t);
}

static const EngineDigest digest = {digest_begin, digest_update, digest_end};

/* --- what the engine says --- */

static EngineWish wants_all(const char *mailbox, void *userdata) {
        (void) userdata;
        return strcmp(mailbox, "unwanted") != 0 ? ENGINE_WANTS : ENGINE_WANTS_NOT;
}

static void take_progress(World *world, const EngineNote *note) {
        world->progress.done = note->done;
        world->progress.total = note->total;
        world->progress.bytes = note->bytes;
        world->progress.total_bytes = note->total_bytes;
        world->progress.bytes_left = engine_totals(world->engine).bytes_left;
        if (world->n_notes[ENGINE_NOTE_PROGRESS] == 1)
                world->first_progress = world->progress;
}

static void on_note(const EngineNote *note, void *userdata) {
        World *world = userdata;

        world->n_notes[note->type]++;
        if (note->type == ENGINE_NOTE_PROGRESS)
                take_progress(world, note);
        if (note->type == ENGINE_NOTE_FAILED) {
                free(world->failure);
                world->failure = strdup(note->text);
        }
        if (!note->counts)
                return;
        for (Side side = 0; side < _SIDE_MAX; side++) {
                world->counts.added[side] += note->counts->added[side];
                world->counts.changed[side] += note->counts->changed[side];
                world->counts.removed[side] += note->counts->removed[side];
        }
        world->counts.paired += note->counts->paired;
        world->counts.bytes += note->counts->bytes;
}

/* --- the process --- */

void world_init(World *world) {
        *world = (World){
                .options =
                        {
                                  .brake = {.percent = 25, .count = 20},
                                  .volumes = {.messages = 2, .answer = 10},
                                  .digest = &digest,
                                  .wants = wants_all,
                                  .note = on_note,
                                  .userdata = world,
                                  },
                .store[SIDE_LOCAL].is_files = true,
                .now = 1000000000000000,
        };
}

/* A commit of what lasts is an action; one of temporary tables alone is none. */
static int on_commit(void *userdata) {
        World *world = userdata;

        if (!world->db || !world->db->in_transaction)
                return 0;
        return kill_switch_pass(&world->kill) ? 0 : 1;
}

/* An empty database with its tables, which take longer to make than most cases to run. */
static struct {
        unsigned char *image;
        sqlite3_int64 size;
} empty;

static World *opens; /* whose database the next one is, that sqlite3_open_v2() opens */

/* What the database was before, or the empty one, in place of what has no tables yet. */
static int put_image(sqlite3 *sqlite, char **reterr, const struct sqlite3_api_routines *unused) {
        World *world = opens;

        (void) reterr;
        (void) unused;
        opens = NULL;
        if (!world)
                return SQLITE_OK;
        if (!world->image && empty.image) {
                world->image = sqlite3_malloc64((sqlite3_uint64) empty.size);
                assert(world->image);
                memcpy(world->image, empty.image, (size_t) empty.size);
                world->image_size = empty.size;
        }
        if (world->image)
                assert(sqlite3_deserialize(sqlite, "main", world->image, world->image_size,
                                           world->image_size,
                                           SQLITE_DESERIALIZE_FREEONCLOSE |
                                                   SQLITE_DESERIALIZE_RESIZEABLE) == SQLITE_OK);
        world->image = NULL;
        return SQLITE_OK;
}

static void open_database(World *world) {
        char *error = NULL;

        assert(sqlite3_auto_extension((void (*)(void)) put_image) == SQLITE_OK);
        opens = world;
        assert(state_db_open(":memory:", &world->db, &error) == 0);
        /* What is in a journal is not in an image. */
        assert(sqlite3_exec(world->db->sqlite, "PRAGMA journal_mode = MEMORY", NULL, NULL, NULL) ==
               SQLITE_OK);
        if (!empty.image)
                empty.image = sqlite3_serialize(world->db->sqlite, "main", &empty.size, 0);
        sqlite3_commit_hook(world->db->sqlite, on_commit, world);
}

void world_start(World *world) {
        assert(!world->engine);

        world->kill.dead = false;
        open_database(world);
        for (Side side = 0; side < _SIDE_MAX; side++)
                world->replica[side] = memory_replica_new(side, &world->store[side], &world->kill);
        assert(engine_new(world->db, memory_replica_base(world->replica[SIDE_REMOTE]),
                          memory_replica_base(world->replica[SIDE_LOCAL]), &world->options,
                          &world->engine) == 0);
        memset(world->n_notes, 0, sizeof(world->n_notes));
        world->counts = (EngineCounts){0};
        world->n_commits_before = state_db_n_commits(world->db);
        world->n_commits = world->n_writes = 0;
}

static void close_database(World *world) {
        sqlite3_int64 size;

        world->image = sqlite3_serialize(world->db->sqlite, "main", &size, 0);
        assert(world->image);
        world->image_size = size;
        world->db = state_db_free(world->db);
}

void world_stop(World *world) {
        if (!world->engine)
                return;
        world->engine = engine_free(world->engine);
        world->n_commits = state_db_n_commits(world->db) - world->n_commits_before;
        for (Side side = 0; side < _SIDE_MAX; side++) {
                world->n_writes += memory_replica_n_writes(world->replica[side]);
                world->replica[side] = memory_replica_free(world->replica[side]);
                memory_store_crash(&world->store[side]);
        }
        close_database(world);
}

void world_lose_database(World *world) {
        assert(!world->db);
        sqlite3_free(world->image);
        world->image = NULL;
}

void world_done(World *world) {
        world_stop(world);
        sqlite3_free(world->image);
        for (Side side = 0; side < _SIDE_MAX; side++)
                memory_store_done(&world->store[side]);
        keywords_done(&world->keywords);
        free(world->failure);
        *world = (World){0};
}

bool world_pump(World *world) {
        for (unsigned i = 0; i < MAX_PUMPS; i++) {
                int r = engine_pump(world->engine, world->now += 1000);

                if (world->kill.dead)
                        return false;
                if (r == -ENOTCONN)
                        r = engine_interrupt(world->engine) < 0 ? -EIO : 1;
                if (world->kill.dead)
                        return false;
                if (r < 0)
                        fprintf(stderr, "%s: %s\n", strerror(-r), engine_error(world->engine));
                assert(r >= 0);
                if (r == 0)
                        return true;
        }
        fprintf(stderr, "the engine never comes to an end\n");
        abort();
}

static int mark_both(const EngineMailbox *mailbox, void *userdata) {
        World *world = userdata;

        for (Side side = 0; side < _SIDE_MAX; side++)
                assert(engine_mark(world->engine, mailbox->name, side, NULL) == 0);
        return 0;
}

bool world_sync(World *world) {
        assert(engine_each_mailbox(world->engine, mark_both, world) == 0);
        assert(engine_list(world->engine) == 0);
        for (unsigned i = 0; i < 4; i++) {
                if (!world_pump(world))
                        return false;
                if (engine_totals(world->engine).failed == 0)
                        return true;
                engine_retry(world->engine);
        }
        return true;
}

/* --- messages as text --- */

static const char flag_letters[] =
        "SRFTDP"; /* in the order of the bits, as a Maildir writes them */

MessageFlags world_parse_flags(World *world, const char *text) {
        MessageFlags flags = 0;

        for (const char *p = text; *p;) {
                const char *letter = strchr(flag_letters, *p);
                MessageFlags keyword = 0;
                size_t n;

                if (*p == ' ') {
                        p++;
                        continue;
                }
                if (*p != '+') {
                        assert(letter);
                        flags |= (MessageFlags) 1 << (letter - flag_letters);
                        p++;
                        continue;
                }
                n = strcspn(++p, " ");
                assert(keywords_add(&world->keywords, (ByteView){p, n}, &keyword) == 0 && keyword);
                flags |= keyword;
                p += n;
        }
        return flags;
}

MessageFlags world_flags(World *world, Side side, MessageFlags flags) {
        return memory_translate(flags, &world->keywords, &world->store[side].keywords);
}

void world_parse_message(World *world, const char *text, WorldMessage *ret_message) {
        const size_t whole = strcspn(text, " "), name = MIN(strcspn(text, "@"), whole);
        const size_t id = MIN(strcspn(text, "/"), name);
        WorldMessage message = {0};
        int n;

        if (name < whole)
                message.date = strtol(text + name + 1, NULL, 10);
        n = id == 4 && strncmp(text, "none", 4) == 0
                    ? 0
                    : snprintf(message.bytes, sizeof(message.bytes), "Message-ID: <%.*s>\r\n",
                               (int) id, text);
        n = snprintf(message.bytes + n, sizeof(message.bytes) - (size_t) n,
                     "Subject: %.*s\r\n\r\nA mail.\r\n", (int) name, text);
        assert(n > 0);
        message.flags = world_parse_flags(world, text + whole);
        *ret_message = message;
}

static int compare_strings(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static void format_flags(MessageFlags flags, const Keywords *keywords, Buffer *out) {
        const char *names[KEYWORDS_MAX];
        size_t n_names = 0;

        if (flags & FLAGS_FIXED)
                assert(buffer_append_string(out, " ") == 0);
        for (unsigned i = 0; flag_letters[i]; i++)
                if (flags >> i & 1)
                        assert(buffer_append(out, &flag_letters[i], 1) == 0);

        for (unsigned i = 0; i < keywords->n_names; i++)
                if (flags >> (KEYWORD_FIRST + i) & 1)
                        names[n_names++] = keywords->names[i];
        if (n_names > 0)
                qsort(names, n_names, sizeof(*names), compare_strings);
        for (size_t i = 0; i < n_names; i++)
                assert(buffer_append_format(out, " +%s", names[i]) == 0);
}

void world_format_flags(const World *world, MessageFlags flags, Buffer *out) {
        format_flags(flags, &world->keywords, out);
}

static void format_message(const MemoryMessage *message, const Keywords *keywords, Buffer *out) {
        const char *subject = strstr(message->bytes, "Subject: ");

        assert(subject);
        subject += strlen("Subject: ");
        assert(buffer_append(out, subject, strcspn(subject, "\r")) == 0);
        if (message->date != 0)
                assert(buffer_append_format(out, "@%lld", (long long) message->date) == 0);
        format_flags(message->flags, keywords, out);
}

/* --- the whole state as text --- */

typedef struct Description {
        World *world;
        MemoryMailbox *mailbox[_SIDE_MAX];
        int64_t id;
        Keywords keywords;
        UidSet in_base[_SIDE_MAX];
        char **lines;
        size_t n_lines;
} Description;

static void add_line(Description *d, Buffer *line) {
        d->lines = reallocarray(d->lines, d->n_lines + 1, sizeof(char *));
        assert(d->lines);
        d->lines[d->n_lines++] = buffer_steal_string(line);
        buffer_done(line);
}

static void add_cell(Description *d, Side side, uint32_t uid, Buffer *line) {
        MemoryMessage *message = d->mailbox[side] ? memory_find(d->mailbox[side], uid) : NULL;

        if (message && message->stage == MEMORY_VISIBLE)
                format_message(message, &d->world->store[side].keywords, line);
        else
                assert(buffer_append_string(line, "gone") == 0);
}

static int describe_row(const BaseMessage *row, void *userdata) {
        Description *d = userdata;
        Buffer line = BUFFER_NULL;

        for (Side side = 0; side < _SIDE_MAX; side++) {
                add_cell(d, side, row->uid[side], &line);
                assert(buffer_append_string(&line, " | ") == 0);
                assert(uid_set_add(&d->in_base[side], row->uid[side], row->uid[side]) == 0);
        }
        assert(buffer_append_string(&line, "=") == 0);
        format_flags(row->flags, &d->keywords, &line);
        add_line(d, &line);
        return 0;
}

/* Messages that only one side has. */
static void describe_alone(Description *d, Side side) {
        for (size_t i = 0; d->mailbox[side] && i < d->mailbox[side]->n_messages; i++) {
                const MemoryMessage *message = &d->mailbox[side]->messages[i];
                Buffer line = BUFFER_NULL;

                if (message->stage != MEMORY_VISIBLE ||
                    uid_set_contains(&d->in_base[side], message->uid))
                        continue;
                if (side == SIDE_LOCAL)
                        assert(buffer_append_string(&line, "| ") == 0);
                format_message(message, &d->world->store[side].keywords, &line);
                assert(buffer_append_string(&line, side == SIDE_LOCAL ? " |" : " | |") == 0);
                if (state_db_is_parked(d->world->db, d->id, side, message->uid))
                        assert(buffer_append_string(&line, " parked") == 0);
                add_line(d, &line);
        }
}

typedef struct Sought {
        const char *name;
        MailboxState state;
} Sought;

static int find_state(MailboxState *state, void *userdata) {
        Sought *sought = userdata;

        if (strcmp(state->name, sought->name) != 0) {
                mailbox_state_done(state);
                return 0;
        }
        sought->state = *state;
        *state = (MailboxState){0};
        return 0;
}

static char *join_lines(Description *d) {
        Buffer text = BUFFER_NULL;
        char *joined;

        if (d->n_lines > 0)
                qsort(d->lines, d->n_lines, sizeof(*d->lines), compare_strings);
        for (size_t i = 0; i < d->n_lines; i++) {
                assert(buffer_append_format(&text, "%s\n", d->lines[i]) == 0);
                free(d->lines[i]);
        }
        free(d->lines);
        joined = buffer_steal_string(&text);
        assert(joined);
        return joined;
}

/* The counts that the base keeps are those that it has. */
static void check_counts(World *world, const MailboxState *state, const Description *d) {
        static const char *const reasons[] = {
                STATE_DB_ALONE, STATE_DB_LARGE, STATE_DB_OLD, STATE_DB_SURPLUS, STATE_DB_EVICTED,
        };
        UidSet parked = UID_SET_NULL;

        assert(state->messages == uid_set_count(&d->in_base[SIDE_REMOTE]));
        assert(state->messages == uid_set_count(&d->in_base[SIDE_LOCAL]));
        for (Side side = 0; side < _SIDE_MAX; side++) {
                uid_set_done(&parked);
                assert(state_db_parked_from(world->db, state->id, side, 1, &parked) == 0);
                assert(state->parked[side] == uid_set_count(&parked));
        }
        uid_set_done(&parked);
        for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
                MailboxState copy = *state;
                uint64_t n;

                assert(state_db_parked_count(world->db, state->id, reasons[i], &n) == 0);
                assert(*mailbox_state_count(&copy, reasons[i]) == n);
        }
}

char *world_describe(World *world, const char *name) {
        const bool is_running = world->db != NULL;
        Sought sought = {.name = name};
        Description d = {.world = world};
        char *text;

        if (!is_running)
                open_database(world);
        for (Side side = 0; side < _SIDE_MAX; side++)
                d.mailbox[side] = memory_store_find(&world->store[side], name);
        assert(state_db_each_mailbox(world->db, find_state, &sought) == 0);
        if (sought.state.id != 0) {
                d.id = sought.state.id;
                assert(state_db_load_keywords(world->db, d.id, &d.keywords) == 0);
                assert(state_db_each(world->db, d.id, describe_row, &d) == 0);
                check_counts(world, &sought.state, &d);
        }
        for (Side side = 0; side < _SIDE_MAX; side++) {
                describe_alone(&d, side);
                uid_set_done(&d.in_base[side]);
        }
        text = join_lines(&d);

        mailbox_state_done(&sought.state);
        keywords_done(&d.keywords);
        if (!is_running)
                close_database(world);
        return text;
}

/* --- a base to begin with --- */

void world_make_servers(World *world) {
        world->store[SIDE_REMOTE].delimiter = '/';
        world->store[SIDE_LOCAL].is_files = false;
        world->store[SIDE_LOCAL].delimiter = '.';
        world->store[SIDE_LOCAL].prefix = "perso.";
}

void world_add_in_sync(World *world, const char *name, const WorldPair *pairs, size_t n_pairs) {
        MailboxState state = {.name = strdup(name)};
        MemoryMailbox *stored[_SIDE_MAX];
        Keywords keywords = KEYWORDS_NULL;

        open_database(world);
        assert(state_db_begin(world->db) == 0);
        assert(state_db_add_mailbox(world->db, name, NULL, NULL, &state.id) == 0);
        for (Side side = 0; side < _SIDE_MAX; side++) {
                stored[side] = memory_store_find(&world->store[side], name);
                for (size_t i = 0; i < n_pairs; i++)
                        memory_deliver(stored[side], pairs[i].uid[side], pairs[i].message->bytes,
                                       pairs[i].message->date,
                                       world_flags(world, side, pairs[i].message->flags))
                                ->noted = true;
                state.token[side] = (ReplicaToken){
                        .uidvalidity = stored[side]->uidvalidity,
                        .uidnext = stored[side]->uidnext,
                        .modseq = world->store[side].no_modseq ||
                                                  world->store[side].untold & REPLICA_UNTOLD_FLAGS
                                          ? 0
                                          : stored[side]->modseq,
                        .stamp[2] = world->store[side].is_files ? stored[side]->modseq : 0,
                };
        }
        for (size_t i = 0; i < n_pairs; i++) {
                const BaseMessage row = {
                        .uid = {pairs[i].uid[SIDE_REMOTE], pairs[i].uid[SIDE_LOCAL]},
                        .flags = memory_translate(pairs[i].message->flags, &world->keywords,
                                                  &keywords),
                };

                assert(state_db_add(world->db, state.id, &row) == 0);
        }
        state.messages = n_pairs;
        assert(state_db_save_keywords(world->db, state.id, &keywords, 0) == 0);
        assert(state_db_save_mailbox(world->db, &state) == 0);
        assert(state_db_commit(world->db) == 0);
        close_database(world);
        keywords_done(&keywords);
        mailbox_state_done(&state);
}

void world_make_in_sync(World *world, const char *mailbox, const char *prefix, unsigned n) {
        WorldMessage *messages = calloc(n + 1, sizeof(*messages));
        WorldPair *pairs = calloc(n + 1, sizeof(*pairs));

        assert(messages && pairs);
        for (unsigned i = 0; i < n; i++) {
                char text[32];

                (void) snprintf(text, sizeof(text), "%s%u", prefix, i + 1);
                world_parse_message(world, text, &messages[i]);
                pairs[i] = (WorldPair){
                        {i + 1, i + 1},
                        &messages[i]
                };
        }
        for (Side side = 0; side < _SIDE_MAX; side++)
                memory_store_add(&world->store[side], mailbox);
        world_add_in_sync(world, mailbox, pairs, n);
        free(messages);
        free(pairs);
}

bool world_is_on_wire(const World *world, Side side, const char *wire, const char *mailbox) {
        const SyncMailbox *found = engine_find_wire(world->engine, side, bytes_of(wire));

        return mailbox ? found && strcmp(found->state.name, mailbox) == 0 : !found;
}

MemoryMailbox *world_stored(World *world, Side side, const char *name) {
        MemoryMailbox *found = memory_store_find(&world->store[side], name);

        assert(found);
        return found;
}

void world_deliver(World *world, Side side, const char *name, const char *text) {
        WorldMessage message;

        world_parse_message(world, text, &message);
        memory_deliver(world_stored(world, side, name), 0, message.bytes, message.date,
                       world_flags(world, side, message.flags));
}
