#pragma once

/*
 * Two stores in memory, a state database and an engine between them, for tests
 *
 * A world's process can end at any action that lasts and be started again: what is left are the two
 * stores and what the database has committed.
 */

#include "memory-replica.h"
#include "sync/engine.h"

#define WORLD_N_NOTES (ENGINE_NOTE_INSPECTED + 1)

typedef struct World {
        MemoryStore store[_SIDE_MAX];
        KillSwitch kill;
        Keywords keywords; /* of WorldMessage.flags; each store has its own table */
        EngineOptions options;
        int64_t now; /* usec since 1970 */

        /* The process. */
        StateDb *db;
        MemoryReplica *replica[_SIDE_MAX];
        Engine *engine;

        /* The database's content while there is no process; owned by SQLite. */
        unsigned char *image;
        int64_t image_size;

        unsigned n_notes[WORLD_N_NOTES];
        struct {
                uint64_t done, total, bytes, total_bytes, bytes_left;
        } first_progress, progress; /* the first and the last of the process */
        EngineCounts counts;        /* of all runs */
        uint64_t n_commits_before, n_commits, n_writes;
        char *failure; /* owned: the last sentence of a failure */
} World;

void world_init(World *world);
void world_done(World *world);

/* The local side is a server too, with another delimiter, and below a reference. */
void world_make_servers(World *world);

/* Begin a process: nothing is asked yet. The counts of notes, commits and writes start anew. */
void world_start(World *world);
/* End it, in order or, if the kill switch has struck, not. */
void world_stop(World *world);
void world_lose_database(World *world);

/* List and mark everything, and go on until nothing is left to do, with a few retries of what failed.
 * Return: is it done, and the process alive? */
bool world_sync(World *world);
/* Only go on until nothing is left to do. */
bool world_pump(World *world);

/*
 * A message and how it stands, as a person writes it: "a S +work" has the Message-ID <a>, "a/2"
 * is another one with the same Message-ID and size, "none/2" has none, "a@7" has the date 7.
 */
typedef struct WorldMessage {
        char bytes[256];
        int64_t date;
        MessageFlags flags;
} WorldMessage;

void world_parse_message(World *world, const char *text, WorldMessage *ret_message);
MessageFlags world_parse_flags(World *world, const char *text);
void world_format_flags(const World *world, MessageFlags flags, Buffer *out);
MessageFlags world_flags(World *world, Side side, MessageFlags flags); /* in the side's own table */

/* What both sides and the base hold: a line "remote | local | base" a message, sorted; to be freed. */
char *world_describe(World *world, const char *mailbox);

/* Enter a message into both sides and the base, as if it had been in sync for long. Before
 * world_start(), and the mailbox must be on both sides. */
typedef struct WorldPair {
        uint32_t uid[_SIDE_MAX];
        const WorldMessage *message;
} WorldPair;
void world_add_in_sync(World *world, const char *mailbox, const WorldPair *pairs, size_t n_pairs);

/* A new mailbox on both sides with @n messages in sync: PREFIX1, PREFIX2, ... */
void world_make_in_sync(World *world, const char *mailbox, const char *prefix, unsigned n);

/* Does the engine take this name, as a STATUS has it, for that mailbox (NULL: for none)? */
bool world_is_on_wire(const World *world, Side side, const char *wire, const char *mailbox);

/* What a side keeps of a mailbox that is there; and a new message in it, as world_parse_message() has them. */
MemoryMailbox *world_stored(World *world, Side side, const char *name);
void world_deliver(World *world, Side side, const char *name, const char *text);
