/* The first sync of a mailbox: ended anywhere, and with other numbers when it goes on. */

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

static void fill(World *world, Side side, const char *mailbox, char prefix, unsigned first) {
        MemoryMailbox *stored = memory_store_find(&world->store[side], mailbox);

        if (!stored)
                stored = memory_store_add(&world->store[side], mailbox);
        for (unsigned i = 1; i <= N; i++) {
                WorldMessage message;
                char text[16];

                (void) snprintf(text, sizeof(text), "%c%u", prefix, i);
                world_parse_message(world, text, &message);
                memory_deliver(stored, first + i, message.bytes, message.date, message.flags);
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
                                            is_refused ? "%c%u | | parked\n" : "%c%u | %c%u | =\n", prefix,
                                            i, prefix, i) == 0);
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
        fill(world, SIDE_REMOTE, "INBOX", 'm', 0);
        if (row->is_there)
                fill(world, SIDE_LOCAL, "INBOX", 'm', 0);
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
                {"to files",                          false, false, false, SIDE_REMOTE},
                {"to files, listed before",           false, false, true,  SIDE_REMOTE},
                {"to files that have it",             false, true,  false, SIDE_REMOTE},
                {"to a server",                       true,  false, false, SIDE_REMOTE},
                {"to a server that has it",           true,  true,  false, SIDE_REMOTE},
                {"to a server, which is renumbered",  true,  false, false, SIDE_LOCAL },
                {"to one that has it, and renumbers", true,  true,  false, SIDE_LOCAL },
                {"to files, one refused",             false, false, false, SIDE_REMOTE, "m2"},
                {"to files, listed, one refused",     false, false, true,  SIDE_REMOTE, "m2"},
                {"to a server, one refused",          true,  false, false, SIDE_REMOTE, "m2"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (uint64_t at = 1; end_and_go_on(&rows[i], at); at++)
                        ;
}

int main(void) {
        test_renumbered();
        return 0;
}
