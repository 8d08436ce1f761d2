#pragma once

/*
 * A case of the engine, as tests/cases/sync-*.test tells it
 *
 *      # Comments say what it is about.
 *      remote: no-modseq               what kind of side it is, and what goes wrong there
 *      meanwhile: 3 remote expunge 1   what another client does, at the n-th event
 *      only: straight                  not to be killed: what should come of that is not to be said
 *      direction: pull                 of every mailbox
 *      size-limit: 100                 the same, in bytes
 *      no-bodies: yes                  run straight, no message is transferred
 *      no-notices: yes                 run straight, nothing is found to be amiss
 *      then: confirm                   what a person says once all is quiet: this, or
 *      then: retry                     that what was refused is to be tried again; it is taken now
 *      held: remote 30                 and what is held and not confirmed in the end
 *      before
 *              1 a     | 4 a S   | =   a message on each side with its UID; "=": the base's flags
 *              2 gone  | 5 b     | =   was there when the base was last in sync
 *              3 c     |         |     has come since
 *      after
 *              a S     | a S     | = S
 *              c       | c       | =
 *
 * A line "Archive:" begins the rows of another mailbox, "Archive: local" those of one that only that
 * side has. "4 a S -> Archive" was moved there on that side since the base was last in sync.
 *
 * A line that begins with "30x" is meant 30 times, and "*" in it is the number.
 */

#include "sync-world.h"

typedef enum MeanwhileType {
        MEANWHILE_DELIVER,
        MEANWHILE_EXPUNGE,
        MEANWHILE_FLAGS,
} MeanwhileType;

typedef struct Meanwhile {
        uint64_t at;
        Side side;
        MeanwhileType type;
        uint32_t uid;
        char text[64];
} Meanwhile;

#define SYNC_CASE_MAILBOX   "INBOX"
#define SYNC_CASE_MAILBOXES 4u

typedef struct SyncCase {
        World world;
        struct {
                char name[32];
                char *before, *expected; /* owned: as world_describe() has them */
                bool on_side[_SIDE_MAX];
        } mailboxes[SYNC_CASE_MAILBOXES];
        size_t n_mailboxes;

        Meanwhile meanwhile[8];
        size_t n_meanwhile;
        uint64_t n_events, n_happened;

        bool confirms, retries, is_straight, no_bodies, no_notices;
        bool has_rung[_SIDE_MAX]; /* the case says what the side tells */
        bool is_of_files;         /* it is about what only a Maildir does */
        uint64_t held[_SIDE_MAX];
} SyncCase;

/* What servers tell of what has changed. The first tells everything. */
typedef struct SyncRung {
        const char *name;
        unsigned untold;
        bool can_count;
} SyncRung;
extern const SyncRung sync_rungs[];
extern const size_t n_sync_rungs;

/* Read the case and build its world. A mistake in the file ends the test with its line. */
void sync_case_load(SyncCase *c, const char *path);
/* The same, with a remote side of that rung, and a local one: NULL: a Maildir. */
void sync_case_load_on(SyncCase *c, const char *path, const SyncRung *remote,
                       const SyncRung *local);
void sync_case_done(SyncCase *c);

/* Begin a process in which other clients are at work. */
void sync_case_start(SyncCase *c);
