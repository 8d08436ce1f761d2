#pragma once

/*
 * The engine of one account: keeps two replicas equal
 *
 * It is told what may have changed, asks both sides, plans, acts, and commits, in an order in which a
 * crash after any step loses nothing and repeats harmlessly. It owns no loop, no clock and no socket:
 * the owner calls engine_pump() whenever a replica may have events, and passes the time.
 *
 *      engine_list()                   look at the mailboxes of both sides, sync what differs
 *      engine_mark(name, side, ...)    this one has changed (NOTIFY, inotify)
 *      engine_pump(now)                go as far as it goes without waiting
 *
 * A mailbox that cannot be brought in sync keeps its sentence (engine_each_mailbox) and stops nothing
 * else. Negative returns are failures of the whole: of the state database (engine_error() has the
 * sentence), of memory, or -ENOTCONN and such from a replica that was lost.
 */

#include "config/config.h" /* DeletedMessages only */
#include "store/state-db.h"
#include "sync/direction.h"
#include "sync/plan.h"
#include "sync/policy.h"
#include "sync/replica.h"
#include "sync/volume.h"

typedef struct Engine Engine;

/* A digest of messages, for pairing where Message-ID, size and date leave a doubt; given by the
 * daemon, which has the library. @bytes come with CRLF line ends. */
typedef struct EngineDigest {
        void *(*begin)(void); /* NULL: out of memory */
        void (*update)(void *digest, ByteView bytes);
        size_t (*end)(void *digest, char out[64]); /* the size; frees @digest */
} EngineDigest;

/* What a run did, each by the side where it was done. */
typedef struct EngineCounts {
        uint64_t added[_SIDE_MAX], changed[_SIDE_MAX], removed[_SIDE_MAX];
        uint64_t moved[_SIDE_MAX]; /* into the mailbox */
        uint64_t paired;
        uint64_t bytes; /* of messages transferred */
} EngineCounts;

typedef enum EngineNoteType {
        ENGINE_NOTE_SYNCED,  /* a run has ended well: counts */
        ENGINE_NOTE_FAILED,  /* a run could not be completed: text */
        ENGINE_NOTE_HELD,    /* the brake holds deletions: side, held, messages, text */
        ENGINE_NOTE_CREATED, /* a mailbox was made: side */
        ENGINE_NOTE_RENAMED, /* one was renamed: side, text (its old name) */
        ENGINE_NOTE_REMOVED, /* one was deleted: side */
        ENGINE_NOTE_PARKED,  /* a message was refused: text */
        ENGINE_NOTE_NOTICE,  /* something rare that a person may want to know: text */
        ENGINE_NOTE_WOULD,   /* dry run: what would be done: text */
        ENGINE_NOTE_RUN, /* a mailbox is about to be looked at: watch it; side: where it changed */
        ENGINE_NOTE_ALERT,      /* a server wants a person to read this: side, text */
        ENGINE_NOTE_OVERFLOW,   /* a side stopped telling of changes (NOTIFY): side */
        ENGINE_NOTE_PROGRESS,   /* of a transfer: done, total, bytes, total_bytes (0: not known) */
        ENGINE_NOTE_DIFFERENCE, /* engine_verify() has found one: uid, text */
        ENGINE_NOTE_INSPECTED,  /* engine_inspect() has its answer: uid, inspection */
} EngineNoteType;

/* What the remote side says of one message, and of its mailbox. */
typedef struct EngineInspection {
        const char *failure;  /* why it says nothing; NULL: it has answered */
        uint32_t uidvalidity; /* 0: not known */
        bool is_there;
        ReplicaMessage message; /* if it is: its UID, flags, date and size */
} EngineInspection;

typedef struct EngineNote {
        EngineNoteType type;
        const char *mailbox; /* NULL: the account */
        const char *text;
        Side side;
        uint64_t held, messages;
        uint64_t done, total; /* messages */
        uint64_t bytes, total_bytes;
        uint32_t uid; /* on the remote side; 0: none */
        const EngineCounts *counts;
        const EngineInspection *inspection;
} EngineNote;

typedef enum EngineWish {
        ENGINE_WANTS_NOT,
        ENGINE_WANTS,
        ENGINE_WANTS_BY_NAME, /* this very mailbox: also where it is better left out */
} EngineWish;

typedef struct EngineOptions {
        Brake brake;
        MailboxDeletion deletion; /* of mailboxes */
        DeletedMessages deleted;  /* what becomes of them on the remote side */
        bool only_subscribed;     /* leave out what no side is subscribed to; both must tell that */
        VolumePolicy volumes;     /* all 0: the default */
        unsigned newest;   /* so many of a mailbox's new messages come before the others; 0: 200 */
        int64_t flag_scan; /* usec: within this time the flags of every message have been looked at,
                              where a server does not tell of changes; 0: each time */
        bool once;         /* look at every such mailbox whenever the mailboxes are listed */
        bool concludes_late; /* the owner calls engine_conclude() */
        bool dry_run;        /* change nothing anywhere: ENGINE_NOTE_WOULD for each action */
        const EngineDigest *digest;
        /* Is the mailbox to be synchronised? */
        EngineWish (*wants)(const char *mailbox, void *userdata);
        /* What may be done to it; NULL: everything, both ways. */
        Direction (*direction)(const char *mailbox, void *userdata);
        /* Messages of more bytes are not copied; 0: all are. NULL: of all mailboxes. */
        uint64_t (*size_limit)(const char *mailbox, void *userdata);
        /* What is older (seconds), or not among the newest so many, is only on the remote side, whatever was
         * said before; 0: no limit. NULL: of no mailbox. */
        uint64_t (*age_limit)(const char *mailbox, void *userdata);
        uint64_t (*count_limit)(const char *mailbox, void *userdata);
        void (*note)(const EngineNote *note, void *userdata);
        /* What the owner asked of an IMAP replica beside the engine is answered (REPLICA_WAIT); may be
         * NULL. */
        void (*waited)(Side side, const ReplicaEvent *done, void *userdata);
        void *userdata;
} EngineOptions;

/* @db, @remote and @local are borrowed. */
int engine_new(StateDb *db, Replica *remote, Replica *local, const EngineOptions *options,
               Engine **ret_engine);
Engine *engine_free(Engine *engine);

/* Ask both sides for their mailboxes, make those that one of them lacks, sync those that differ. */
int engine_list(Engine *engine);

/*
 * Commit how far the last runs came. With @concludes_late that waits for this, or for the next commit, if nothing
 * else is left to be committed: each change that comes alone costs one commit less then. Should the process end
 * before, the same changes are asked for once more. When all is quiet, and the database is to be left alone.
 *
 * Return: 0, or a negative errno (engine_error()).
 */
int engine_conclude(Engine *engine);

/**
 * engine_mark() - a mailbox may have changed on a side
 * @names: Maildir: base names of the files that changed, NULL-terminated, copied; NULL: look at all
 *
 * An unknown name asks for engine_list(). Nothing happens until engine_pump().
 */
int engine_mark(Engine *engine, const char *mailbox, Side side, char **names);

/* On "sync" of a person: as engine_list(), but UIDVALIDITY is left to other looks; and every mailbox is marked of
 * which that tells too little. */
void engine_look_at_all(Engine *engine);

/**
 * engine_verify() - compare a mailbox whole
 *
 * It is brought in sync as usual; then both sides are listed and held against the base, and each
 * difference is told (ENGINE_NOTE_DIFFERENCE). That changes nothing; the next run, if there was any, is
 * one over the whole mailbox and brings it in sync. Costs what a first listing costs.
 *
 * One that turns out to be on one side only is not compared, as it is not synchronised.
 *
 * Return: 0, or STATE_DB_E_NONE if there is no such mailbox.
 */
int engine_verify(Engine *engine, const char *mailbox);
/* And compare the bytes of every message that both have: each side is read whole. */
int engine_verify_digests(Engine *engine, const char *mailbox);

/**
 * engine_inspect() - ask the remote side for one message
 *
 * When nothing else is to be done in the mailbox. Nothing is changed by it, here or there, and no token; the
 * answer is told (ENGINE_NOTE_INSPECTED), unless the side is lost before.
 *
 * Return: 0; STATE_DB_E_NONE if there is no such mailbox on both sides, or it is not synchronised; -EBUSY if
 * another message of it is being asked for.
 */
int engine_inspect(Engine *engine, const char *mailbox, uint32_t uid);

/* Try messages of this mailbox that were refused once more, in its next run: mark it as well.
 * STATE_DB_E_NONE if there is no such mailbox. */
int engine_retry_parked(Engine *engine, const char *mailbox);

/**
 * engine_set_policy() - what may be done from now on; until then policy_defaults[POLICY_AC] holds
 *
 * Of the policy max_body and scan_flags are the engine's. A message that is larger than max_body is
 * remembered as deferred once its size is known, and transferred when a later policy lets it: its mailbox is
 * marked then. What is under way goes on as it began.
 */
void engine_set_policy(Engine *engine, const Policy *policy);

/* Another EngineOptions.flag_scan from now on: what is due by it is found at the next look. */
void engine_set_flag_scan(Engine *engine, int64_t usec);

/**
 * engine_gather() - let local changes wait for each other
 *
 * While nothing but the local side has changed no run begins, and nothing counts as busy. Anything else that is
 * to be done takes them with it; so does engine_gather(false).
 */
void engine_gather(Engine *engine, bool gather);
/* Does a local change wait? */
bool engine_is_gathering(const Engine *engine);

/* Mark the mailboxes whose last run failed; called from time to time, with back-off. */
void engine_retry(Engine *engine);

/**
 * engine_pump() - go on until there is nothing more to do now
 * @now: usec since 1970
 *
 * Return: 1 if something is under way, 0 if all is done that can be done, or negative, and that again until
 * engine_interrupt(): what was not taken in is no evidence of anything.
 */
int engine_pump(Engine *engine, int64_t now);

/* May runs begin? While held back, marks are only kept (paused account, waiting connection), and an IMAP
 * side may be detached. */
void engine_hold(Engine *engine, bool hold);

/* A side is lost, or the pump has failed: what was received whole is kept, all else is forgotten and asked again. */
int engine_interrupt(Engine *engine);

/**
 * engine_each_due() - whose status is to be asked for on a side, where each costs a command?
 * @interval: usec, of those that changed lately, and INBOX; the pauses of the others double
 *
 * They count as asked from @now (usec since 1970) on. Return: 0, or what @each returned.
 */
int engine_each_due(Engine *engine, Side side, int64_t now, int64_t interval,
                    int (*each)(const char *wire, void *userdata), void *userdata);

/* Is anything marked, listed or running? */
bool engine_is_busy(const Engine *engine);

/* Deletions of this mailbox that are held, or its own, may go on: marks it. STATE_DB_E_NONE if nothing
 * is held. */
int engine_confirm(Engine *engine, const char *mailbox);

/**
 * engine_settle() - let the stamps of quiet folders be remembered (Maildir)
 *
 * So that the next start needs no scan. Two steps, because a change by somebody else must not be
 * taken for seen: engine_settle(false) reads the stamps; then the owner takes in all that inotify has
 * to tell (engine_mark); then engine_settle(true) commits those that are still unmarked and old
 * enough. Return: how many are too young still, or negative.
 */
int engine_settle(Engine *engine, bool commit, int64_t now);

/* Is there a folder whose stamp is not remembered, so that engine_settle() has something to do? */
bool engine_needs_settling(const Engine *engine);

/* For imap_replica_idle(); NULL if this side has no such mailbox, or it cannot be read. */
ReplicaMailbox *engine_replica_mailbox(Engine *engine, const char *name, Side side);

typedef struct EngineMailbox {
        const char *name;
        uint64_t messages, parked;
        uint64_t deferred;     /* too large for the policy, and not counted as parked */
        uint64_t alone, large; /* left out by the direction or the size limit: the same */
        uint64_t old,
                surplus; /* on the remote side only, by the age or the count limit: the same */
        Direction direction;
        uint64_t held[_SIDE_MAX]; /* vanished on that side, and held */
        bool deleted[_SIDE_MAX];  /* so was the whole mailbox, which is held */
        int64_t held_since, last_change;
        int64_t flags_since; /* the flags of every message were looked at since then; 0: they are told */
        bool pending;
        const char *error;    /* "" */
        const char *left_out; /* it is not synchronised: why; "" */
} EngineMailbox;

int engine_each_mailbox(Engine *engine, int (*each)(const EngineMailbox *mailbox, void *userdata),
                        void *userdata);
/* What the state has of one message, and what would be done with it. */
typedef struct EngineExplanation {
        uint32_t uid[_SIDE_MAX]; /* 0: not known */
        bool is_known;           /* the base has it: both sides did */
        bool is_begun;           /* it was being copied */
        bool is_apart;           /* flags differ on the two sides, and are left so */
        char *flags;             /* owned: as both agreed on, "\\Seen work" */
        char *remote_flags;      /* owned: as the server has them now; "" if it was not asked */
        char *file;              /* owned: the part of its name that stays; NULL: none is known */
        char *parked;            /* owned: why it does not follow to the other side; NULL: it may */
        Side parked_side;        /* where it is */
        uint32_t uidvalidity, uidnext; /* so far the server was dealt with */
        uint64_t modseq;
        char *verdict; /* owned: sentences for people; "" for no message */
} EngineExplanation;

#define ENGINE_EXPLANATION_NULL ((EngineExplanation){0})

/**
 * engine_explain() - look a message up
 * @uid: on the remote side; 0: by its file
 * @file: its name in a Maildir; "": by its UID; both nothing: of the mailbox alone
 * @now: what the remote side has just said of it; NULL: it was not asked
 *
 * Return: 0, STATE_DB_E_NONE if there is no such mailbox, or negative.
 */
int engine_explain(Engine *engine, const char *mailbox, uint32_t uid, const char *file,
                   const EngineInspection *now, EngineExplanation *ret_explanation);
void engine_explanation_done(EngineExplanation *explanation);

/* Messages without \Seen; counted on the spot, which walks the mailbox. 0 if it cannot be counted. */
uint64_t engine_count_unseen(Engine *engine, const char *name);
const EngineMailbox *engine_find_mailbox(Engine *engine, const char *name);

/* Sums over all mailboxes that are not left out; a list of mailboxes that failed counts as one that failed. */
typedef struct EngineTotals {
        uint64_t mailboxes, messages, pending, held, parked, deferred, alone, large, old, surplus,
                failed;
        uint64_t
                bytes_left; /* of mailboxes that are synchronised for the first time, as far as known */
} EngineTotals;
EngineTotals engine_totals(const Engine *engine);

/* Which directions mailboxes have that are not left out. */
typedef struct EngineDirections {
        bool is_used[_DIRECTION_MAX];
} EngineDirections;
EngineDirections engine_directions(const Engine *engine);

/* Since when have the flags of every message of every mailbox been looked at? 0: both sides tell of
 * changes. */
int64_t engine_flags_since(Engine *engine);

/* The first sentence of the last failure of the whole; "" if none. */
const char *engine_error(const Engine *engine);

DEFINE_CLEANUP(Engine *, engine_free)
