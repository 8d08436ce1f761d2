#pragma once

/* What the files of a run share: what it knows, and its steps. */

#include "sync/engine-private.h"

#define RUN_MAX_BATCH    1024u              /* messages in a transaction of a transfer */
#define RUN_MAX_BYTES    (4u * 1024 * 1024) /* and their size */
#define RUN_MAX_PLANNED  500u               /* messages planned at a time */
#define RUN_MAX_IDENTIFY 1000u              /* identities asked for at a time */
#define RUN_MAX_MOVED    1000u              /* messages moved at a time */

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
        uint32_t newest;   /* new remote messages from this UID on come first; 0: none do */
        uint32_t last_uid; /* of the bodies of the others, which come in ascending order */
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
        size_t n_planned, n_planned_allocated;
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
