#pragma once

/*
 * A replica over a MemoryStore, for tests
 *
 * It behaves like IMAP with QRESYNC, or like a Maildir (is_files), or like a server with less (see
 * MemoryStore). The replica itself is what dies with a process or a connection; the store lasts.
 */

#include "memory-store.h"
#include "sync/replica.h"

/* Actions that last are counted, so that a test can end the process after each of them. */
typedef struct KillSwitch {
        uint64_t n_actions;
        uint64_t at; /* dead after this one; 0: never */
        bool dead;
} KillSwitch;

/* Count an action that lasts. Return: may it happen? */
bool kill_switch_pass(KillSwitch *kill);

typedef struct MemoryReplica MemoryReplica;

/* @store and @kill are borrowed. */
MemoryReplica *memory_replica_new(Side side, MemoryStore *store, KillSwitch *kill);
MemoryReplica *memory_replica_free(MemoryReplica *replica);
Replica *memory_replica_base(MemoryReplica *replica);

/* The connection is lost after so many more calls of next(); up to @taken of the requests that are
 * under way then take effect all the same, unheard. It is back after reset(). */
void memory_replica_lose(MemoryReplica *replica, uint64_t after, unsigned taken);

/* The server tells of a rename of its own accord (NOTIFY). */
void memory_replica_tell_renamed(MemoryReplica *replica, const char *old_name, const char *name);

/* What a poll shows: all mailboxes that there are, and its end. */
void memory_replica_tell_poll(MemoryReplica *replica);

/* How a mailbox stands, unasked. */
void memory_replica_tell_status(MemoryReplica *replica, const char *name);

/* Called before each event, where other clients may do something. */
void memory_replica_on_next(MemoryReplica *replica, void (*on_next)(void *userdata),
                            void *userdata);

uint64_t memory_replica_n_events(const MemoryReplica *replica);
/* Print each event of every replica, to find out what happened. */
extern bool memory_replica_trace;

/* Requests that change something. */
uint64_t memory_replica_n_writes(const MemoryReplica *replica);
/* Bodies that were asked for. */
uint64_t memory_replica_n_bodies(const MemoryReplica *replica);
