#pragma once

/* What the files of the engine share: the mailboxes of the account, and what is to be done about each. What a run
 * over one of them is: sync/run-private.h. */

#include "sync/engine.h"

#define ENGINE_MAX_RUNS      64u  /* mailboxes worked on at a time */
#define ENGINE_N_TURNS       4u   /* in which runs begin */
#define ENGINE_NEWEST        200u /* messages of a mailbox that come before the others */
#define ENGINE_MAX_CONCLUDED 16u  /* runs whose end is committed together */

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

DEFINE_CLEANUP(SyncMailbox *, sync_mailbox_free)
