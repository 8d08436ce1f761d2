#pragma once

/* What the files of the engine share: a mailbox of the account, and a run over it. */

#include "sync/engine.h"

#define ENGINE_MAX_RUNS      64u                /* mailboxes worked on at a time */
#define ENGINE_N_TURNS       4u                 /* in which runs begin */
#define RUN_MAX_BATCH        1024u              /* messages in a transaction of a transfer */
#define RUN_MAX_BYTES        (4u * 1024 * 1024) /* and their size */
#define ENGINE_MAX_CONCLUDED 16u                /* runs whose end is committed together */
#define RUN_MAX_PLANNED      500u               /* messages planned at a time */
#define RUN_MAX_IDENTIFY     1000u              /* identities asked for at a time */
#define RUN_MAX_HEAD         200u  /* new messages that come before all others, if listed */
#define RUN_MAX_MOVED        1000u /* messages moved at a time */

typedef struct SyncRun SyncRun;

/* How the last run left a side. What a STATUS says is news only if it differs from that; the token
 * will not do, for a run that could not do everything commits none. */
typedef struct Seen {
        bool is_known;   /* else the token is all there is */
        bool is_awaited; /* the run failed: take what the next STATUS says */
        ReplicaToken token;
        uint64_t messages;
        uint32_t told_uidnext; /* by the last STATUS */

        bool was_news;       /* a STATUS is why there is a run */
        unsigned n_vain;     /* runs in a row that a STATUS caused, and that found nothing */
        ReplicaToken opened; /* as it was opened */
        uint32_t exists;
        bool is_excused; /* what the next STATUS says is no news */
        bool has_excuse; /* nor is it later what that one has said */
        ReplicaToken excuse;
        uint64_t excuse_messages;
} Seen;

typedef struct SyncMailbox {
        Engine *engine; /* borrowed */
        MailboxState state;
        Keywords keywords;
        bool has_keywords; /* loaded */
        unsigned n_saved_keywords;
        ReplicaMailbox replica[_SIDE_MAX];
        bool exists[_SIDE_MAX]; /* as of the last list */
        bool listed[_SIDE_MAX]; /* by the one that is under way */
        bool dirty[_SIDE_MAX];
        bool put_off
                [_SIDE_MAX]; /* marked when no list had told whether it is there: for the next one */
        bool may_lose[_SIDE_MAX]; /* its last STATUS may tell of messages that are gone */
        bool may_gain[_SIDE_MAX]; /* what marked it may be new messages */
        int64_t asked[_SIDE_MAX]; /* for its status, by engine_each_due(); usec since 1970 */
        bool confirmed[_SIDE_MAX];
        uint64_t held[_SIDE_MAX];
        int64_t held_since;
        VolumeRotation rotation[_SIDE_MAX]; /* of the side's flags */
        bool has_rotation[_SIDE_MAX];       /* loaded */
        uint32_t unseen[_SIDE_MAX];         /* as the last STATUS had it */
        bool has_unseen[_SIDE_MAX];
        uint64_t held_stamp[4]; /* of engine_settle() */
        bool has_settled;

        Seen seen[_SIDE_MAX];
        /* What the list that is under way, or was last, says of it. */
        struct {
                char *object; /* owned, NULL: nothing */
                Subscribed subscribed;
                ReplicaStatus status;
                const char *left_out; /* static */
        } told[_SIDE_MAX];
        struct SyncMailbox
                *moved_to[_SIDE_MAX]; /* what the base knows by this name is that one now;
                                                    borrowed, of the comparison under way */
        bool is_target;               /* for it */
        bool is_deleted[_SIDE_MAX];   /* gone there, and held on the other side */
        bool is_removal_confirmed;
        bool is_removing, has_news; /* looked at before it is removed; it must not be */
        char *removal_error;        /* owned */
        Subscribed subscribing;     /* asked for; the base has it once it is so */

        Direction direction;
        uint64_t size_limit;           /* 0: none */
        uint64_t age_limit;            /* seconds; 0: none */
        uint64_t count_limit;          /* 0: none */
        bool is_named;                 /* by the configuration: never left out */
        const char *left_out;          /* static: why it is not synchronised; NULL: it is */
        char *error;                   /* owned, NULL: none */
        bool is_missing;               /* the error: it is not on both sides */
        bool wants_parked;             /* its next run tries what is parked again */
        bool wants_deferred;           /* the same of what is deferred */
        bool wants_large;              /* and of what was larger than the limit was */
        bool wants_old, wants_surplus; /* and of what was older, or too many */
        bool has_deferred;             /* they were counted, when so many were parked: */
        uint64_t n_deferred, n_left, n_parked_then;
        bool wants_verify;  /* once it is in sync */
        bool wants_digests; /* and then of the bytes, too */
        uint32_t inspects;  /* the remote side is to be asked for this UID; 0: none */
        bool wants_compare; /* its next run looks at all that both sides have */
        char **names[2];    /* owned; local names to look at: [0] next run, [1] this one */
        size_t n_names;
        bool all_names;  /* too many, or not known: look at everything */
        SyncRun *run;    /* owned, NULL: idle */
        bool stays_open; /* its run left it so on the remote side, for the next one */
} SyncMailbox;

/* A message received whole by one side, waiting for its row in the base. */
typedef struct BatchMessage {
        Side source;
        uint32_t uid[_SIDE_MAX];
        MessageFlags flags;
} BatchMessage;

/* A message whose plan is being carried out. */
typedef struct PlannedMessage {
        uint32_t remote_uid, local_uid;
        MessagePlan plan;
        unsigned request[_SIDE_MAX]; /* the so-manieth that was made for the chunk; 0: none */
        bool undone;                 /* it failed, was refused, or cannot be asked for */
} PlannedMessage;

/* A message that was found in another mailbox, and follows there on the other side. */
typedef struct MovedMessage {
        BaseMessage base; /* where it was */
        uint32_t uid;     /* where it is, on the side that it was moved on */
        uint32_t uid_to;  /* and what it has become on the other; 0: that is not known (yet) */
        bool is_changed;  /* there, since the base was in sync: */
        MessageFlags flags;
} MovedMessage;

/* One search of a survey; its place in the list is its cookie. */
typedef enum QuestionKind {
        QUESTION_GONE,           /* which are there? The others are gone */
        QUESTION_GONE_COUNT,     /* how many are there? */
        QUESTION_GONE_POSITIONS, /* where does each volume end now? */
        QUESTION_FLAG,           /* which have a flag, or lack it? */
        QUESTION_FLAG_COUNT,     /* how many have it? */
} QuestionKind;
typedef struct Question {
        QuestionKind kind;
        ReplicaSearch search;
        uint64_t known; /* GONE_COUNT: how many there should be */
} Question;

typedef struct Survey {
        Question *questions; /* owned */
        size_t n_questions, capacity;
        size_t n_asked;
        uint64_t missing; /* messages that must be gone */
        UidSet doubtful;  /* were not found: for their flags, or because they are gone meanwhile */

        bool looks_at_all;   /* at the flags of every message */
        bool takes_turn;     /* at those of the volumes whose turn it is ... */
        uint32_t turn_until; /* ... up to this UID; 0: to the last */
} Survey;

typedef enum RunPhase {
        RUN_ASK,      /* first the local side, then the remote one: SyncRun.asking */
        RUN_RELIST,   /* the counts do not add up: list everything on that side */
        RUN_SURVEY,   /* that side leaves something untold: search for it */
        RUN_IDENTIFY, /* both sides have unknown messages: what are they? */
        RUN_DIGEST,   /* and where that leaves a doubt, their bytes */
        RUN_VERIFY,   /* the bytes of the whole base, on request */
        RUN_INSPECT,  /* one message of the remote side, the same */
        RUN_MEET,     /* what is gone here may be new in another mailbox: wait for its run */
        RUN_ACT,
        RUN_TRANSFER,
        RUN_EVICT, /* what is too old, or too many, leaves the local side */
        RUN_CLOSE,
} RunPhase;

typedef struct CheckedMessage CheckedMessage;

struct SyncRun {
        SyncMailbox *mailbox; /* borrowed */
        RunPhase phase;
        Side asking;          /* until RUN_IDENTIFY: the side that has its turn */
        unsigned n_under_way; /* requests without DONE */
        unsigned n_rounds[_SIDE_MAX];
        bool verifies; /* changes nothing, tells what differs */
        bool verifies_bytes;
        CheckedMessage *checked; /* owned: those whose bytes are being compared; NULL: none yet */
        size_t n_checked;
        Side checked_side;
        uint32_t checked_after; /* remote UID */
        uint32_t inspects;      /* all that it does: ask for this UID; 0: it is any other run */
        EngineInspection inspection;
        bool compares; /* both sides list all that they have */
        uint64_t n_differences;
        bool failed;      /* nothing more is done, answers are awaited */
        bool incomplete;  /* something could not be done: no token is committed */
        bool again;       /* once closed, run again at once */
        bool unpublished; /* committed deliveries could not be made visible */

        ReplicaToken opened[_SIDE_MAX]; /* as the sides said */
        uint64_t modseq[_SIDE_MAX];     /* safe to commit */
        uint32_t exists[_SIDE_MAX];     /* means nothing where a side gives numbers */
        uint64_t room;                  /* for so many new remote messages, if EXISTS is true */
        bool has_room;                  /* it was counted */
        bool sizeless;                  /* a size is not known: compare without */
        bool marked[_SIDE_MAX];         /* why there is a run */
        unsigned untold[_SIDE_MAX];     /* REPLICA_UNTOLD_* */
        bool can_count[_SIDE_MAX];      /* it does so at little cost */
        bool no_positions[_SIDE_MAX];   /* it does not know the n-th message */
        bool new_keywords[_SIDE_MAX];   /* it can make keywords */
        Survey survey[_SIDE_MAX];
        bool is_open[_SIDE_MAX], complete[_SIDE_MAX], asked[_SIDE_MAX];
        bool lists[_SIDE_MAX];   /* complete, and something was known that it may lack */
        bool discard[_SIDE_MAX]; /* what it says goes by numbers that the base does not have */
        MessageFlags storable[_SIDE_MAX];
        uint64_t n_changes[_SIDE_MAX];
        bool holds[_SIDE_MAX];
        uint64_t n_gone[_SIDE_MAX]; /* deletions carried out */
        bool wrote[_SIDE_MAX];
        bool has_news; /* flags have changed since the changes were planned */

        /* Transfer: is a body from this side being handed over, and which. */
        bool receiving[_SIDE_MAX];
        uint32_t receiving_uid[_SIDE_MAX];
        uint32_t last_uid; /* of the bodies of new remote messages: they come in ascending order */
        bool ascending;
        bool asks_bodies;        /* of new remote messages, with the question what is new */
        bool intents;            /* intents of an earlier, interrupted run exist */
        bool intends[_SIDE_MAX]; /* that messages are sent to this side is committed */
        bool unnamed[_SIDE_MAX]; /* some were taken there under UIDs that are not known */
        unsigned n_unnamed;
        bool is_full[_SIDE_MAX]; /* it has no room: nothing more is sent there */
        bool is_staged; /* rows of a batch are committed that say it may still be in tmp/ */
        bool no_body; /* some came without, or went with others that the server refused; they are asked
                           for a second time */
        uint32_t transferred[_SIDE_MAX]; /* source UIDs up to this one were asked for */
        bool has_head;                   /* the newest were asked for, ahead of the others */
        uint32_t copied;                 /* remote UIDs up to this one have no twin, or had one */
        bool is_queued; /* until bodies of others are here, or can be asked for too */
        uint64_t
                waited; /* it has, to ask for bodies together with others; the how many-th to do so */
        bool has_flow, awaits_flow; /* bodies from this side are asked for, or to be: */
        Side flow;

        BatchMessage *batch; /* owned */
        size_t n_batch, n_batch_allocated;
        uint32_t batch_last[_SIDE_MAX]; /* the highest UIDs among them */
        uint64_t batch_bytes;
        uint64_t noted_bytes; /* counts.bytes at the last note of progress */
        unsigned n_appends;   /* handed over whole, and not yet APPENDED or refused */

        PlannedMessage *planned; /* owned */
        size_t n_planned;
        unsigned n_requests[_SIDE_MAX], n_answers[_SIDE_MAX]; /* for these */
        uint32_t planned_after;                               /* remote UID */

        /* Limits of age and count. */
        bool has_left_old, has_left_surplus; /* on the remote side, what is new and beyond them */
        bool met_left;         /* what was left there before was compared with what is new here */
        bool is_looking;       /* at what is to be evicted, once more: */
        UidSet unchanged;      /* owned: local UIDs of those that are as the base has them */
        bool has_evicted;      /* all that can be */
        bool is_removing;      /* what is evicted */
        UidSet undated;        /* owned: their dates were asked for */
        uint32_t dated;        /* so were those of all up to this remote UID */
        uint64_t n_evicted[2]; /* [0] as too old, [1] as too many */

        /* Pairing. */
        uint32_t identified[_SIDE_MAX];
        Side digest_side;
        uint32_t digest_uid;
        void *digest;        /* owned */
        bool awaits_digest;  /* its bytes were asked for, and nothing was said of them yet */
        bool asked_identity; /* for a second time */

        /* Moves. As far as is known yet: does it lose or gain messages that may be moved? */
        bool loses[_SIDE_MAX], gains[_SIDE_MAX];
        bool may_gain; /* the server may have new messages, for all that it has told */
        bool is_compared[_SIDE_MAX];
        bool no_moves;       /* one was refused: transfer instead */
        SyncRun *target;     /* of the move under way; borrowed, it waits for its end */
        Side moved_side;     /* where the messages were moved by somebody else */
        MovedMessage *moved; /* owned; by UID on the other side */
        size_t n_moved;
        unsigned n_incoming; /* moves under way that end here */
        bool awaits_moved;   /* such a move was written down, by this run or an earlier one */

        EngineCounts counts;
        uint64_t total;       /* messages to transfer, for progress; 0: not known */
        uint64_t total_bytes; /* the same */
};

/* Is an answer to come before the run can go on? */
static inline bool run_is_waiting(const SyncRun *run) {
        return run->n_under_way > 0 || run->n_appends > 0 || run->n_incoming > 0;
}

/* After the lists of both sides: what has become of each mailbox, and what is done about it. Each phase
 * ends when its requests are answered. */
typedef enum ListPhase {
        LIST_NONE,
        LIST_ASKING,
        LIST_STANDING, /* new ones may be old ones: how do they stand? */
        LIST_SAMPLING, /* some of their messages */
        LIST_RENAMING, /* then both sides are listed once more */
        LIST_ACTING,
} ListPhase;

/* A rename that a server has told of. */
typedef struct RenameHint {
        Side side;
        char *old_name, *new_name; /* owned */
} RenameHint;

/* A mailbox that cannot be named here. */
typedef struct Unusable {
        Side side;
        char *name, *why; /* owned; the name made harmless to show */
        bool listed;
} Unusable;

#define SAMPLE_MESSAGES 5u

/* Is a new mailbox an old one? Their messages, by the base's pairs. */
typedef struct Sample {
        Side side; /* on which it was renamed, if it was */
        SyncMailbox *old, *new;
        size_t i, k; /* where to look on among the mailboxes */
        bool closing, failed;
        bool by_content; /* UIDs tell nothing on this side: each message that is there is looked at... */
        bool looking; /* ...once those of the other side are known */
        size_t n_rows;
        struct {
                uint32_t uid[_SIDE_MAX];
                uint64_t size[_SIDE_MAX];
                int64_t date[_SIDE_MAX];
                char id[_SIDE_MAX][256]; /* Message-ID, cut */
                bool has[_SIDE_MAX];
        } rows[SAMPLE_MESSAGES];
} Sample;

/*
 * Bodies between two servers go in one direction at a time: each server may stop reading while we do
 * not read what it sends, and both would wait for ever.
 */
typedef struct Flow {
        Side side;                   /* from which they come, or came last */
        unsigned n_runs;             /* that have asked for some */
        unsigned n_waits[_SIDE_MAX]; /* that could not ask for some */
} Flow;

/* Mailboxes by what a side's wire calls them. */
typedef struct WireEntry {
        const char *wire;
        SyncMailbox *mailbox; /* borrowed, as is its wire */
} WireEntry;
typedef struct WireIndex {
        WireEntry *entries; /* owned */
        size_t n_entries;
        bool is_sorted; /* false after each change to a mailbox or its wire */
} WireIndex;

struct Engine {
        StateDb *db;                 /* borrowed */
        Replica *replica[_SIDE_MAX]; /* borrowed */
        EngineOptions options;
        SyncMailbox **mailboxes; /* owned, sorted by name */
        size_t n_mailboxes, n_allocated;
        WireIndex by_wire[_SIDE_MAX];
        size_t n_dirty, n_runs,
                n_verifying; /* marked; with a run; wishes of engine_verify(), _inspect() */
        SyncRun *runs[ENGINE_MAX_RUNS];    /* borrowed, in the order of their mailboxes */
        size_t turns_from[ENGINE_N_TURNS]; /* no mailbox below is to be started in that turn */
        unsigned n_listing;                /* sides that have not finished their list */
        bool wants_list, list_failed, hold;
        bool only_looks; /* wants_list: because somebody has asked, and nothing speaks for a change */
        bool meets;      /* a run waits for others */
        bool some_may_lose[_SIDE_MAX]; /* false: no marked mailbox may */
        bool gathers;
        uint64_t max_body; /* 0: no limit */
        bool scan_flags;
        int64_t old_day; /* on which what is old was looked for; 0: not yet */
        ListPhase list_phase;
        size_t n_renamed;           /* by the comparison under way */
        bool is_polling[_SIDE_MAX]; /* mailboxes are told of outside of a list */
        RenameHint *hints;          /* owned, in the order in which they came */
        size_t n_hints;
        Unusable *unusable; /* owned */
        size_t n_unusable;
        Sample sample;
        bool is_lost;    /* a replica is, not the state database */
        char **unlisted; /* owned, owned: told of, and looked for in a list */
        size_t n_unlisted;
        bool told_unlisted;   /* one was not found there */
        unsigned n_concluded; /* runs whose end is not committed yet */
        unsigned n_stay_open; /* mailboxes */
        int failure;          /* of the last pump: an event was lost with it; 0: none */
        bool is_void;         /* a transaction was rolled back: what memory has of it never was */
        int64_t now;
        bool is_stalled[_SIDE_MAX];     /* it takes no more for now: its source is not pumped */
        Buffer stalled_data[_SIDE_MAX]; /* what it has not taken yet */
        char delimiter[_SIDE_MAX];      /* of the names on the wire, as LIST had it last */
        ReplicaMailbox
                trash[_SIDE_MAX];     /* where deleted messages go; owns name and wire, NULL: there
                                            is none */
        bool trash_listed[_SIDE_MAX]; /* by the list that is under way */
        SyncRun *fetching; /* borrowed; has_labels: the run that fetches bodies, one at a time */
        Flow flow;
        uint64_t n_waited; /* see SyncRun */
        char *error;
};

/* What is counted in n_verifying. */
static inline size_t sync_mailbox_n_wishes(const SyncMailbox *mailbox) {
        return (size_t) mailbox->wants_verify + (mailbox->inspects > 0);
}

static inline bool sync_mailbox_may(const SyncMailbox *mailbox, Side side, Deed deed) {
        return direction_allows(mailbox->direction, side, deed);
}

static inline Replica *run_replica(const SyncRun *run, Side side) {
        return run->mailbox->engine->replica[side];
}

/* Is this message in the batch? New ones have UIDs above those of the batch. */
static inline bool run_is_in_batch(const SyncRun *run, Side side, uint32_t uid) {
        for (size_t i = 0; uid <= run->batch_last[side] && i < run->n_batch; i++)
                if (run->batch[i].uid[side] == uid)
                        return true;
        return false;
}

static inline unsigned run_max_batch(const SyncRun *run) {
        return run_replica(run, SIDE_LOCAL)->gives_numbers ? REPLICA_MAX_STAGED : RUN_MAX_BATCH;
}

/* engine.c */
int engine_commit(Engine *engine);
int engine_commit_soon(Engine *engine);
int engine_begin(Engine *engine);
int engine_fail(Engine *engine, int error);
void engine_end_if_over(Engine *engine, SyncMailbox *mailbox);
void engine_note(Engine *engine, const EngineNote *note);
void engine_note_text(Engine *engine, EngineNoteType type, const SyncMailbox *mailbox,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* sync-mailbox.c */
SyncMailbox *engine_lookup(Engine *engine, const char *name);
/* One may have been marked, or has another place: look at all of them for what is to be started. */
void engine_forget_turns(Engine *engine);
/* Takes the content of @state over on success. */
int engine_add_mailbox(Engine *engine, MailboxState *state, SyncMailbox **ret_mailbox);
/* It is gone from memory; its rows are the caller's business. */
void engine_drop_mailbox(Engine *engine, SyncMailbox *mailbox);
/* It has another name from now on; the strings are taken, also of its wires. */
void engine_rename_mailbox(Engine *engine, SyncMailbox *mailbox, char *name, char *wire[_SIDE_MAX]);
/* What it is called on a side; takes @wire. */
void sync_mailbox_set_wire(SyncMailbox *mailbox, Side side, char *wire);
SyncMailbox *sync_mailbox_free(SyncMailbox *mailbox);
char **names_free(char **names);
/* Add to the local names that the next run looks at. Out of memory or room: look at everything. */
void sync_mailbox_add_names(SyncMailbox *mailbox, char **names);
bool sync_mailbox_is_marked(const SyncMailbox *mailbox);
void sync_mailbox_mark(SyncMailbox *mailbox, Side side);
void sync_mailbox_set_error(SyncMailbox *mailbox, const char *text);
int sync_mailbox_save(SyncMailbox *mailbox);
int sync_mailbox_load_keywords(SyncMailbox *mailbox);

/* Does the side, as far as is known, not tell of changed flags? */
bool sync_mailbox_scans_flags(const SyncMailbox *mailbox, Side side);
/* Is it time to look at flags of which nobody tells? */
bool sync_mailbox_is_due(SyncMailbox *mailbox, Side side);
int sync_mailbox_rotation(SyncMailbox *mailbox, Side side, VolumeRotation **ret_rotation);

/* engine-echo.c */
bool run_leaves_echo(const SyncRun *run);
/* It is marked, and not closed until a run of its own has asked. */
void engine_stay_open(SyncMailbox *mailbox);
void engine_close_over(SyncMailbox *mailbox);
/* Those for which no run was begun. Return: how many, or negative. */
int engine_close_left(Engine *engine);

/* engine-wire.c */
SyncMailbox *engine_lookup_wire(Engine *engine, Side side, ByteView wire);
void engine_forget_wires(Engine *engine); /* sort them anew when they are needed */

/* engine-size.c: how much is to come */
bool engine_is_first(const Engine *engine);
bool sync_mailbox_lacks_size(const SyncMailbox *mailbox);
/* Of messages that are transferred for the first time; 0: not known, or not the first time. */
uint64_t sync_mailbox_first_bytes(const SyncMailbox *mailbox);
uint64_t sync_mailbox_bytes_left(const SyncMailbox *mailbox);
/* How many messages are to be transferred: as far as EXISTS tells, and once both sides were compared. */
void run_expect_transfer(SyncRun *run);
int run_count_transfer(SyncRun *run);

/* engine-mailboxes.c */
int engine_on_list_event(Engine *engine, Side side, const ReplicaEvent *event);
int engine_on_status(Engine *engine, Side side, const ReplicaEvent *event);
/* As STATUS calls it, which is not always as it is called on the wire. */
SyncMailbox *engine_find_wire(Engine *engine, Side side, ByteView wire);
/* Copies @wire; empty: nothing is known, or there is none. */
int engine_take_wire(SyncMailbox *mailbox, Side side, ByteView wire);

void engine_begin_list(Engine *engine);
void engine_forget_hints(Engine *engine);
/* Those that the last list did not show, or all. */
void engine_forget_unusable(Engine *engine, bool all);

/* engine-compare.c: what follows from the lists */
int engine_compare_next(Engine *engine);
int engine_on_created(Engine *engine, Side side, const ReplicaEvent *event);
int engine_on_subscribed(Engine *engine, Side side, const ReplicaEvent *event);
/* Who the mailbox is on a side, in the base. */
int engine_save_object(SyncMailbox *mailbox, Side side, const char *object);
MailboxView engine_view(const SyncMailbox *mailbox);
/* The error of a mailbox that is not on both sides; @text NULL: it is. */
void sync_mailbox_set_missing(SyncMailbox *mailbox, EngineNoteType type, const char *text);
static inline bool sync_mailbox_is_in_base(const SyncMailbox *mailbox) {
        return mailbox->state.id != 0;
}

/* engine-rename.c: who is who */
int engine_ask_standings(Engine *engine);
int engine_match_known(Engine *engine);
/* In the base, and not there any more under its name. */
bool engine_is_gone(const SyncMailbox *mailbox, Side side);
/* May the base's mailbox @old be @new on this side, as far as is known so far? */
bool engine_may_be(const SyncMailbox *old, const SyncMailbox *new, Side side);
void engine_match(SyncMailbox *old, SyncMailbox *new, Side side);
int engine_start_renames(Engine *engine);
int engine_on_renamed(Engine *engine, Side side, const ReplicaEvent *event);

/* engine-sample.c */
int engine_sample_next(Engine *engine);
int engine_on_sample(Engine *engine, Side side, const ReplicaEvent *event);

/* engine-remove.c */
int engine_start_removal(SyncMailbox *mailbox, Side side);
int engine_on_removal(Engine *engine, Side side, const ReplicaEvent *event);
int engine_forget_mailbox(SyncMailbox *mailbox);
/* engine-parked.c: before a run, its parked messages are as new: all, or those that were deferred */
int engine_unpark(SyncMailbox *mailbox);
uint64_t sync_mailbox_count_deferred(SyncMailbox *mailbox);
uint64_t sync_mailbox_count_left(SyncMailbox *mailbox);
/* One row, and the counts of them; not saved. */
int sync_mailbox_unpark(SyncMailbox *mailbox, Side side, uint32_t uid);
/* All of a side. */
int sync_mailbox_unpark_all(SyncMailbox *mailbox, Side side);
/* All that is only on the remote side by a limit, and what was about to be only there, is new again. */
int sync_mailbox_unpark_left(SyncMailbox *mailbox);
/* Do the limits let more through than when messages were left out? Marks it then. */
void sync_mailbox_check_limit(SyncMailbox *mailbox);

/* run-alone.c: new messages of a side that stay there, by the direction */
int run_leave_alone(SyncRun *run);

/* run-defer.c: messages that are too large, for now or at all */
/* Return: 1 if sizes are still to come, 0 if they are known, or negative. */
int run_ask_sizes(SyncRun *run);
/* Take out of @uids those that are too large, and remember them. */
int run_defer(SyncRun *run, Side side, UidSet *uids);

/* run-old.c: new remote messages that are too old, or too many */
/* Is there such a limit, and may what is beyond it leave the local side? */
bool sync_mailbox_is_limited(const SyncMailbox *mailbox);
/* Return: 1 if what was left there before is to be compared first, 0, or negative. */
int run_leave_old(SyncRun *run);
/* The same by UID alone, before anybody is asked who they are. */
int run_leave_surplus(SyncRun *run);
/* They are parked for good, until the limit is another one. Only the rows, and what the limit was. */
int run_put_left(SyncRun *run, uint32_t remote_uid, const char *reason);

/* run-evict.c: what both sides have, and is too old, or too many */
/* With an age limit the rows of a mailbox have dates. */
int run_keep_dates(SyncRun *run);
/* Return: 1 if something is under way, 0 if there is none, or negative. */
int run_evict(SyncRun *run);
/* What a side says of a message of the base meanwhile. */
int run_on_evictable(SyncRun *run, Side side, const ReplicaMessage *message);
/* Once a day, and at first: is there any where nothing else happens? Marks it. */
int engine_mark_old(Engine *engine);

/* engine-special.c: mailboxes of a special use */
const char *engine_left_out(const Engine *engine, Side side, EngineWish wish, unsigned attributes);
int engine_take_special(Engine *engine, Side side, const ReplicaEvent *event);
void engine_end_special(Engine *engine);
void engine_forget_trash(Engine *engine, Side side);
enum {
        _RUN_E_SUCCESS,
        RUN_E_TRASH,    /* move it to the trash instead */
        RUN_E_NO_TRASH, /* that cannot be done: leave it */
};
/* What becomes of a message that is to go from a side because it is gone from the other. Return: 0 to
 * expunge it, a RUN_E, or negative. */
int run_discard(SyncRun *run, Side side, uint32_t remote_uid);
/* Which message it is on each side, for that; before it is removed from the unknown. */
int run_note_objects(SyncRun *run, const BaseMessage *message);
void engine_mark_trash(Engine *engine, Side side);

/* run-copy.c: messages that are here already, under another label */
SyncMailbox *engine_find_id(const Engine *engine, int64_t id); /* or NULL */
int run_copy(SyncRun *run);
bool run_may_fetch(SyncRun *run);
int engine_resume_queued(Engine *engine);

/* run-flow.c: bodies between two servers */
bool engine_may_flow(const Engine *engine, Side side);
/* Bodies are about to be asked for from this side. Return: false if it is not their turn. */
bool run_begin_flow(SyncRun *run, Side side);
void run_end_flow(SyncRun *run);
/* Ask for them once it is. */
void run_await_flow(SyncRun *run, Side side);

/* run.c: the course of a run, run-end.c: its end */
int run_new(SyncMailbox *mailbox, SyncRun **ret_run);
SyncRun *run_free(SyncRun *run);
int run_start(SyncRun *run);
int run_on_event(SyncRun *run, Side side, const ReplicaEvent *event);
int run_next_phase(SyncRun *run);
void run_fail(SyncRun *run, const char *text);
void run_refuse(SyncRun *run, const char *text);
int run_fail_locally(SyncRun *run, const char *what, int error);
int run_close(SyncRun *run);

/* run-delta.c: what the sides say */
int run_on_message(SyncRun *run, Side side, const ReplicaMessage *message);
int run_on_known(SyncRun *run, Side side, const BaseMessage *base, MessageFlags flags);
int run_apply_brake(SyncRun *run, Side side);
int run_on_vanished(SyncRun *run, Side side, const UidSet *uids);
int run_check_delta(SyncRun *run, Side side);
int run_compare_gone(SyncRun *run);
int run_take_listed(SyncRun *run, Side side);
int run_count_room(SyncRun *run);

/* How many messages must have vanished from the side beyond those that are known to have. */
int run_count_missing(SyncRun *run, Side side, uint64_t *ret_missing);

/* run-survey.c: what a side does not tell */
/* Return: 1 if something is being searched for, 0 if all is told, or negative. */
int run_survey(SyncRun *run, Side side);
int run_on_found(SyncRun *run, Side side, const ReplicaEvent *event);
/* A search has no answer. */
int run_on_unfound(SyncRun *run, Side side, uint64_t cookie);
void run_survey_done(SyncRun *run, Side side);
int survey_ask(SyncRun *run, Side side, const Question *question);
int survey_fetch_flags(SyncRun *run, Side side, UidRange range);
/* What was there when the mailbox was opened. */
UidRange survey_range(const SyncRun *run, Side side);
VolumeFacts survey_facts(const SyncRun *run, Side side);

/* run-survey-flags.c */
int survey_ask_flags(SyncRun *run, Side side);
int survey_on_flag(SyncRun *run, Side side, const Question *question, const UidSet *found);
int survey_on_flag_count(SyncRun *run, Side side, const Question *question, uint64_t count);
int run_commit_rotation(SyncRun *run);

/* run-pair.c */
int run_identify(SyncRun *run);
int run_digest(SyncRun *run);

/* run-verify-digests.c: begin, and go on with what was asked for answered */
int run_verify_digests(SyncRun *run);
int run_on_verify_event(SyncRun *run, Side side, const ReplicaEvent *event);
void run_tell_difference(SyncRun *run, uint32_t remote_uid, const char *what);

int run_identify_side(SyncRun *run, Side side);
int run_on_digest_event(SyncRun *run, Side side, const ReplicaEvent *event);

/* run-verify.c */
int run_verify(SyncRun *run);

/* run-inspect.c */
int run_inspect(SyncRun *run, uint32_t uid);
int run_on_inspect_event(SyncRun *run, Side side, const ReplicaEvent *event);

/* run-move.c */
bool run_others_may_lose(const SyncRun *run, Side side);
int run_expect_moves(SyncRun *run, Side side);
int run_meet(SyncRun *run);
int run_on_moved(SyncRun *run, Side side, const ReplicaEvent *event);
int run_on_moves_done(SyncRun *run, const ReplicaEvent *event);
/* Let runs that wait for others go on. Return: how many did, or negative. */
int engine_meet(Engine *engine);

/* run-moved.c */
int run_write_down_moves(SyncRun *run, SyncRun *target);
int run_find_moved(SyncRun *run, const BaseMessage *pair, MessageFlags *ret_flags);
int run_forget_moved(SyncRun *run, const BaseMessage *message);
int run_conclude_moved(SyncRun *run);

/* run-act.c */
int run_act(SyncRun *run);
int run_act_done(SyncRun *run);
int run_commit_planned(SyncRun *run);
void run_on_answer(SyncRun *run, Side side, bool ok);

/* run-transfer.c */
int run_transfer(SyncRun *run);
int run_end_transfer(SyncRun *run);
int run_on_body(SyncRun *run, Side side, const ReplicaEvent *event);
int run_on_appended(SyncRun *run, Side side, const ReplicaEvent *event);
int run_on_append_failed(SyncRun *run, Side side, const ReplicaEvent *event);
int run_on_no_body(SyncRun *run, Side side, const ReplicaEvent *event);
int run_park(SyncRun *run, Side source, uint32_t uid, const char *reason);
/* Only the rows; the caller begins, saves and commits. */
int run_put_parked(SyncRun *run, Side source, uint32_t uid, const char *reason);

/* run-batch.c */
int run_put_batch(SyncRun *run);
void run_note_numbering(SyncRun *run);
/* Bytes have come: tell of the progress, if they are many. */
void run_note_bytes(SyncRun *run);
int run_flush_batch(SyncRun *run);
int run_take_early_news(SyncRun *run, Side side, const BaseMessage *base);

/* run-intent.c */
int run_intend(SyncRun *run, Side to);
int run_renew_intents(SyncRun *run);
int run_may_send(SyncRun *run, Side to, uint32_t uid);
int run_on_taken_unnamed(SyncRun *run, Side side, uint32_t uid);
int run_forget_intents(SyncRun *run, const BaseMessage *message);
/* What was sent is answered. */
int run_end_sending(SyncRun *run);

/* run-seen.c */
void run_remember_seen(SyncRun *run, Side side);
bool run_is_unlike_seen(Seen *seen, const ReplicaStatus *status);

/* run-twin.c */
int run_check_appended(SyncRun *run, Side side, const ReplicaEvent *event);

DEFINE_CLEANUP(SyncRun *, run_free)
DEFINE_CLEANUP(SyncMailbox *, sync_mailbox_free)
