/* The engine asks the server for one message: what is made of its answer, and that nothing else comes of it. */

#include <errno.h>

#include "base/macro.h"
#include "sync-world.h"
#include "test.h"

#define INBOX "INBOX"
#define GONE  9u

static EngineExplanation told; /* of the last answer */
static unsigned n_told;
static char failure[64];
static char *seen; /* owned: both sides and the base, then */

static Direction direction;

static Direction direction_of(const char *mailbox, void *userdata) {
        (void) mailbox, (void) userdata;
        return direction;
}

static void on_note(const EngineNote *note, void *userdata) {
        World *world = userdata;

        world->n_notes[note->type]++;
        if (note->type != ENGINE_NOTE_INSPECTED)
                return;
        n_told++;
        free(seen);
        seen = world_describe(world, INBOX);
        engine_explanation_done(&told);
        (void) snprintf(failure, sizeof(failure), "%s",
                        note->inspection->failure ? note->inspection->failure : "");
        assert(engine_explain(world->engine, note->mailbox, note->uid, "", note->inspection,
                              &told) == 0);
}

/* Two messages in sync; UID 9 was there once. */
static void begin(World *world, Direction wanted) {
        direction = wanted;
        world_init(world);
        world->options.note = on_note;
        world->options.direction = direction_of;
        world_make_in_sync(world, INBOX, "m", 2);
        memory_deliver(world_stored(world, SIDE_REMOTE, INBOX), GONE, "", 0, 0);
        memory_expunge(world_stored(world, SIDE_REMOTE, INBOX), GONE);
        world_start(world);
        assert(world_sync(world));
        n_told = 0;
}

static void end(World *world) {
        engine_explanation_done(&told);
        free(seen);
        seen = NULL;
        world_done(world);
}

typedef enum Change {
        CHANGE_NONE,
        CHANGE_FLAGS,
        CHANGE_EXPUNGE,
        CHANGE_DELIVER,
        CHANGE_RENUMBER,
        CHANGE_FAIL,
} Change;

/* To its first message. */
static void change(World *world, Change what) {
        MemoryMailbox *inbox = world_stored(world, SIDE_REMOTE, INBOX);

        switch (what) {
        case CHANGE_NONE:
                return;
        case CHANGE_FLAGS:
                memory_set_flags(inbox, memory_find(inbox, 1),
                                 world_flags(world, SIDE_REMOTE, world_parse_flags(world, "S")));
                return;
        case CHANGE_EXPUNGE:
                memory_expunge(inbox, 1);
                return;
        case CHANGE_DELIVER:
                world_deliver(world, SIDE_REMOTE, INBOX, "new F");
                return;
        case CHANGE_RENUMBER:
                memory_renumber(inbox, 11);
                inbox->uidvalidity++;
                return;
        case CHANGE_FAIL:
                world->store[SIDE_REMOTE].fails = 1;
                return;
        }
        abort();
}

static void test_verdicts(void) {
        static const struct {
                const char *label;
                Direction direction;
                Change change;
                uint32_t uid;
                const char *verdict, *flags, *failure;
        } rows[] = {
                {"as agreed",          DIRECTION_BOTH, CHANGE_NONE,     1,        "No change is known",          "",       ""},
                {"flags",              DIRECTION_BOTH, CHANGE_FLAGS,    1,        "gives them to the local",     "\\Seen", ""},
                {"another's flags",    DIRECTION_BOTH, CHANGE_FLAGS,    2,        "No change is known",          "",       ""},
                {"flags, push",        DIRECTION_PUSH, CHANGE_FLAGS,    1,        "not let the local side",      "\\Seen",
                 ""                                                                                                          },
                {"gone",               DIRECTION_BOTH, CHANGE_EXPUNGE,  1,        "deletes it on the local",     "",       ""},
                {"gone, push",         DIRECTION_PUSH, CHANGE_EXPUNGE,  1,        "lets the local side keep it", "",
                 ""                                                                                                          },
                {"new",                DIRECTION_BOTH, CHANGE_DELIVER,  GONE + 1, "copies it to the local side",
                 "\\Flagged",                                                                                              ""},
                {"new, push",          DIRECTION_PUSH, CHANGE_DELIVER,  GONE + 1, "the direction leaves it",
                 "\\Flagged",                                                                                              ""},
                {"long gone",          DIRECTION_BOTH, CHANGE_NONE,     GONE,     "has no message with",         "",       ""},
                {"never was",          DIRECTION_BOTH, CHANGE_NONE,     77,       "has no message with",         "",       ""},
                {"numbered anew",      DIRECTION_BOTH, CHANGE_RENUMBER, 1,        "has numbered its messages",
                 "",                                                                                                       ""},
                {"it does not answer", DIRECTION_BOTH, CHANGE_FAIL,     1,        "No change is known",          "",
                 "the store says no"                                                                                         },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                World world;

                begin(&world, rows[i].direction);
                change(&world, rows[i].change);
                TEST_ROW(rows[i].label, engine_inspect(world.engine, INBOX, rows[i].uid) == 0);
                TEST_ROW(rows[i].label, engine_is_busy(world.engine));
                assert(world_pump(&world));
                TEST_ROW(rows[i].label, n_told == 1 && !engine_is_busy(world.engine));
                if (!strstr(told.verdict, rows[i].verdict))
                        fprintf(stderr, "%s\n", told.verdict);
                TEST_ROW(rows[i].label, strstr(told.verdict, rows[i].verdict));
                TEST_ROW(rows[i].label, strcmp(told.remote_flags, rows[i].flags) == 0 ||
                                                rows[i].change == CHANGE_RENUMBER);
                TEST_ROW(rows[i].label, strcmp(failure, rows[i].failure) == 0);
                end(&world);
        }
}

/* What was seen is not taken for known: how the mailbox stands is told when it is closed, and a run follows. */
static void test_nothing_changes(void) {
        static const Change changes[] = {
                CHANGE_FLAGS, CHANGE_EXPUNGE, CHANGE_DELIVER, CHANGE_RENUMBER, CHANGE_FAIL,
        };

        for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
                _cleanup_free_ char *before = NULL, *after = NULL;
                World world;

                begin(&world, DIRECTION_BOTH);
                change(&world, changes[i]);
                before = world_describe(&world, INBOX);
                assert(engine_inspect(world.engine, INBOX, 1) == 0);
                assert(world_pump(&world));
                assert(strcmp(before, seen) == 0);
                assert(engine_find_mailbox(world.engine, INBOX)->error[0] == '\0');
                assert(world.n_notes[ENGINE_NOTE_FAILED] == 0);
                after = world_describe(&world, INBOX);
                assert((strcmp(before, after) != 0) == (changes[i] != CHANGE_FAIL));
                end(&world);
        }
}

/* Nor is it known up to where the mailbox was looked at. */
static void test_token(void) {
        _cleanup_(engine_explanation_done) EngineExplanation before = ENGINE_EXPLANATION_NULL,
                                                             after = ENGINE_EXPLANATION_NULL;
        unsigned n_synced;
        World world;

        begin(&world, DIRECTION_BOTH);
        n_synced = world.n_notes[ENGINE_NOTE_SYNCED];
        assert(engine_explain(world.engine, INBOX, 1, "", NULL, &before) == 0);
        assert(engine_inspect(world.engine, INBOX, 1) == 0);
        assert(world_pump(&world) && n_told == 1);
        assert(engine_explain(world.engine, INBOX, 1, "", NULL, &after) == 0);
        assert(before.uidvalidity > 0 && after.uidvalidity == before.uidvalidity);
        assert(after.uidnext == before.uidnext && after.modseq == before.modseq);
        assert(world.n_notes[ENGINE_NOTE_SYNCED] == n_synced);
        assert(strcmp(before.verdict, after.verdict) == 0 && after.remote_flags[0] == '\0');
        end(&world);
}

static void test_refused(void) {
        World world;

        begin(&world, DIRECTION_BOTH);
        assert(engine_inspect(world.engine, "Nowhere", 1) == STATE_DB_E_NONE);
        assert(engine_inspect(world.engine, INBOX, 1) == 0);
        assert(engine_inspect(world.engine, INBOX, 2) == -EBUSY);
        assert(world_pump(&world) && n_told == 1);
        assert(engine_inspect(world.engine, INBOX, 2) == 0);
        assert(world_pump(&world) && n_told == 2);

        /* A change comes first, and a side that is lost takes the question with it. */
        engine_mark(world.engine, INBOX, SIDE_REMOTE, NULL);
        assert(engine_inspect(world.engine, INBOX, 1) == 0);
        assert(world_pump(&world) && n_told == 3);
        end(&world);
}

int main(void) {
        test_verdicts();
        test_nothing_changes();
        test_token();
        test_refused();
        return 0;
}
