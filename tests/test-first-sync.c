/* The first sync of a mailbox: what comes first, ended anywhere, and with other numbers when it goes on. */

#include "base/macro.h"
#include "sync-world.h"
#include "test.h"

#define N 6u

typedef struct FirstRow {
        const char *label;
        bool is_server;  /* the local side, too */
        bool is_there;   /* it has the same messages already */
        bool has_labels; /* the remote side, so that what is new is listed before it is fetched */
        Side renumbered;
        const char *refused; /* what the local side does not take; NULL: nothing */
} FirstRow;

static void fill(World *world, Side side, const char *mailbox, char prefix, unsigned n) {
        MemoryMailbox *stored = memory_store_find(&world->store[side], mailbox);

        if (!stored)
                stored = memory_store_add(&world->store[side], mailbox);
        for (unsigned i = 1; i <= n; i++) {
                WorldMessage message;
                char text[16];

                (void) snprintf(text, sizeof(text), "%c%u", prefix, i);
                world_parse_message(world, text, &message);
                memory_deliver(stored, i, message.bytes, message.date, message.flags);
        }
}

static void check(World *world, const char *label, const char *mailbox, char prefix,
                  const char *refused) {
        _cleanup_(buffer_done) Buffer wanted = BUFFER_NULL;
        _cleanup_free_ char *is = world_describe(world, mailbox);

        assert(is);
        for (unsigned i = 1; i <= N; i++) {
                const bool is_refused = refused && refused[1] == (char) ('0' + i);

                assert(buffer_append_format(&wanted,
                                            is_refused ? "%c%u | | parked\n" : "%c%u | %c%u | =\n",
                                            prefix, i, prefix, i) == 0);
        }
        if (!bytes_equal(buffer_view(&wanted), bytes_of(is)))
                fprintf(stderr, "%s: %s is\n%s", label, mailbox, is);
        TEST_ROW(label, bytes_equal(buffer_view(&wanted), bytes_of(is)));
}

static void begin(World *world, const FirstRow *row) {
        world_init(world);
        world->store[SIDE_LOCAL].is_files = !row->is_server;
        if (row->is_server)
                world_make_servers(world);
        world->store[SIDE_REMOTE].has_labels = row->has_labels;
        world->store[SIDE_LOCAL].refuses = row->refused;
        fill(world, SIDE_REMOTE, "INBOX", 'm', N);
        if (row->is_there)
                fill(world, SIDE_LOCAL, "INBOX", 'm', N);
}

/* Each UID is that of another message than it was. */
static void renumber(World *world, const FirstRow *row) {
        MemoryMailbox *mailbox = memory_store_find(&world->store[row->renumbered], "INBOX");

        if (!mailbox)
                return;
        memory_renumber(mailbox, 2);
        mailbox->uidvalidity++;
}

/* Return: was it ended before all was done? */
static bool end_and_go_on(const FirstRow *row, uint64_t at) {
        World world;
        bool ended;

        begin(&world, row);
        world.kill.at = at;
        world_start(&world);
        ended = !world_sync(&world);
        world_stop(&world);
        renumber(&world, row);
        world.kill.at = 0;
        world_start(&world);
        TEST_ROW(row->label, world_sync(&world));
        check(&world, row->label, "INBOX", 'm', row->refused);
        world_done(&world);
        return ended;
}

/*
 * What is in the base by then goes by the numbers of before: taken for those of now, messages would be lost, or
 * another one deleted for one that is.
 */
static void test_renumbered(void) {
        static const FirstRow rows[] = {
                {"to files",                          false, false, false, SIDE_REMOTE, NULL},
                {"to files, listed before",           false, false, true,  SIDE_REMOTE, NULL},
                {"to files that have it",             false, true,  false, SIDE_REMOTE, NULL},
                {"to a server",                       true,  false, false, SIDE_REMOTE, NULL},
                {"to a server that has it",           true,  true,  false, SIDE_REMOTE, NULL},
                {"to a server, which is renumbered",  true,  false, false, SIDE_LOCAL,  NULL},
                {"to one that has it, and renumbers", true,  true,  false, SIDE_LOCAL,  NULL},
                {"to files, one refused",             false, false, false, SIDE_REMOTE, "m2"},
                {"to files, listed, one refused",     false, false, true,  SIDE_REMOTE, "m2"},
                {"to a server, one refused",          true,  false, false, SIDE_REMOTE, "m2"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (uint64_t at = 1; end_and_go_on(&rows[i], at); at++)
                        ;
}

static size_t count_visible(const World *world, const char *name) {
        const MemoryMailbox *mailbox = memory_store_find(&world->store[SIDE_LOCAL], name);

        return mailbox ? memory_count_visible(mailbox) : 0;
}

/* Wherever it ends, nothing of another mailbox is there before all of INBOX. */
static void test_inbox_first(void) {
        static const char *const names[] = {"Archive", "INBOX", "Zed"};
        bool ended = true;

        for (uint64_t at = 1; ended; at++) {
                World world;

                world_init(&world);
                world.store[SIDE_LOCAL].is_files = true;
                for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                        fill(&world, SIDE_REMOTE, names[i], names[i][0], N);
                world.kill.at = at;
                world_start(&world);
                ended = !world_sync(&world);
                if (count_visible(&world, "Archive") + count_visible(&world, "Zed") > 0)
                        assert(count_visible(&world, "INBOX") == N);
                world_stop(&world);
                world.kill.at = 0;
                world_start(&world);
                assert(world_sync(&world));
                for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                        check(&world, names[i], names[i], names[i][0], NULL);
                world_done(&world);
        }
}

enum {
        HEAD = 200, /* as many are the newest */
        MANY = 2 * HEAD + 57,
        STRIDE = 13, /* of the places where it ends */
};

/* Of these, by the number in their names. */
static size_t count_newest(const World *world, unsigned after) {
        const MemoryMailbox *mailbox = memory_store_find(&world->store[SIDE_LOCAL], "INBOX");
        size_t n = 0;

        for (size_t i = 0; mailbox && i < mailbox->n_messages; i++) {
                const ByteView id = memory_message_id(&mailbox->messages[i]);

                assert(id.size > 3 && memcmp(id.data, "<m", 2) == 0);
                if (mailbox->messages[i].stage == MEMORY_VISIBLE &&
                    strtoul(id.data + 2, NULL, 10) > after)
                        n++;
        }
        return n;
}

/* Return: was it ended before all was done? */
static bool end_among_many(uint64_t at, bool is_listed) {
        World world;
        bool ended;

        world_init(&world);
        world.store[SIDE_LOCAL].is_files = true;
        world.store[SIDE_REMOTE].has_labels = is_listed;
        fill(&world, SIDE_REMOTE, "INBOX", 'm', MANY);
        world.kill.at = at;
        world_start(&world);
        ended = !world_sync(&world);
        if (count_visible(&world, "INBOX") > count_newest(&world, MANY - HEAD))
                assert(count_newest(&world, MANY - HEAD) == HEAD);
        world_stop(&world);
        world.kill.at = 0;
        world_start(&world);
        assert(world_sync(&world));
        assert(count_visible(&world, "INBOX") == MANY && count_newest(&world, 0) == MANY);
        world_done(&world);
        return ended;
}

/* Wherever it ends, nothing older is there before all of the newest. */
static void test_newest_first(bool is_listed) {
        unsigned n_ended = 0;

        for (uint64_t at = 1; end_among_many(at, is_listed); at += STRIDE)
                n_ended++;
        assert(n_ended > 10);
}

int main(void) {
        test_inbox_first();
        test_newest_first(true);
        test_newest_first(false);
        test_renumbered();
        return 0;
}
