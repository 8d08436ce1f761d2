#pragma once

/*
 * The state of an account: one SQLite database (STATE_DIR/ACCOUNT.db)
 *
 * It holds the base (what both sides agreed on when last in sync), how far each mailbox was brought
 * in sync, the numbers that a Maildir's files have, what was begun (intents), and what is parked.
 * Losing it loses no mail: the next sync pairs what both sides hold already.
 *
 * WAL with synchronous=FULL: what state_db_commit() has returned for survives a power cut. Everything
 * that changes rows happens between state_db_begin() and state_db_commit(); begin() nests not, it is a
 * no-op in an open transaction. Temporary tables (changes, unknown, listed) live outside of that and go with
 * the process; SQLite spills them to a file, so that memory does not grow with them.
 *
 * Functions return 0, a positive StateDbOutcome where their comment names one, or -ENOMEM, -EIO,
 * -ENOSPC, -EROFS, -EACCES, -EBADMSG (the file is damaged or not a database), -EBUSY; state_db_error() has the sentence.
 */

#include "base/macro.h"
#include "sync/mailbox-plan.h"
#include "sync/replica.h"
#include "sync/volume.h"

typedef struct StateDb StateDb;

typedef enum StateDbOutcome {
        _STATE_DB_E_SUCCESS,
        STATE_DB_E_NONE,  /* no such row */
        STATE_DB_E_NEWER, /* written by a newer version of this program */
} StateDbOutcome;

/**
 * state_db_open() - open or make a database
 * @path: a file, or ":memory:"
 * @reterr: a sentence, owned by the caller, when anything but 0 is returned (NULL out of memory)
 */
int state_db_open(const char *path, StateDb **ret_db, char **reterr);
StateDb *state_db_free(StateDb *db);

/* Nothing is to be done for now: give back the memory of what was. No row may be in use. */
void state_db_relax(StateDb *db);

const char *state_db_error(StateDb *db); /* "" if it was not SQLite that failed */

int state_db_begin(StateDb *db);
int state_db_commit(StateDb *db);
void state_db_rollback(StateDb *db);

/* Begin what need not be committed for its own sake: without it things are only done once more. */
int state_db_begin_minor(StateDb *db);
/* Has anything been begun that is to be committed? */
bool state_db_has_major(const StateDb *db);

/* How many transactions were committed; tests count them. */
uint64_t state_db_n_commits(const StateDb *db);

/* Small facts of the account, by name ("capabilities"). @ret_value is owned by the caller. */
int state_db_get(StateDb *db, const char *key, char **ret_value); /* or STATE_DB_E_NONE */
int state_db_set(StateDb *db, const char *key, const char *value);

/* --- mailboxes --- */

/* Who a mailbox is, and what is being done to it as a whole. */
typedef struct MailboxLife {
        char *object[_SIDE_MAX]; /* ReplicaEvent.object; owned, NULL: not known */
        Subscribed subscribed;   /* what both sides agreed on last; UNKNOWN: they never did */
        char *renaming;          /* the name that it is being given on that side; owned, or NULL */
        Side renaming_side;
        unsigned removing; /* 1 + the side on which it is being removed; 0: it is not */
#define MAILBOX_LEFT 3u    /* it is gone from a side, and the direction has left it on the other */
} MailboxLife;

typedef struct MailboxState {
        int64_t id;
        char *name; /* UTF-8 with "/"; owned */
        char *wire
                [_SIDE_MAX]; /* as on that side's wire; owned, NULL: not known there yet, or it has
                                  none */
        ReplicaToken token[_SIDE_MAX];
        uint64_t messages;          /* rows of the base */
        uint64_t files;             /* rows of the Maildir's table of files */
        uint64_t parked[_SIDE_MAX]; /* rows of parked messages */
        uint64_t alone, large; /* of them those that are parked for these reasons, of both sides */
        uint64_t size_limit;   /* each of the large ones is larger than this */
        uint64_t old, surplus; /* remote ones that are parked for these reasons, ... */
        uint64_t age_limit;    /* ... each of the old ones is older than this (seconds), ... */
        uint64_t count_limit;  /* ... and so many were newer than each of the surplus */
        int64_t left_until;    /* none of them is dated later; seconds since 1970 */
        uint64_t evicted;      /* local ones that are about to be removed for that */
        bool is_dated;         /* rows of the base have the dates of messages */
        uint64_t gone[_SIDE_MAX]; /* deletions let through lately, for the brake */
        int64_t gone_since;       /* usec since 1970: since when they are counted */
        int64_t last_change;      /* usec since 1970 */
        MailboxLife life;
} MailboxState;

void mailbox_state_done(MailboxState *state);

/* Messages that are parked and stay so, by what is configured. */
static inline uint64_t mailbox_state_kept(const MailboxState *state) {
        return state->alone + state->large + state->old + state->surplus + state->evicted;
}
/* Which of these counts has those that are parked for this reason; NULL: none. */
uint64_t *mailbox_state_count(MailboxState *state, const char *reason);

/* The base comes from another program, and no run has gone through: until one has, both sides list all that
 * they have, and every deletion is held. To the brake, whatever more is deleted is too much. */
void mailbox_state_adopt(MailboxState *state);
bool mailbox_state_is_adopted(const MailboxState *state, Side side);
/* A run has gone through on this side. */
void mailbox_state_end_adoption(MailboxState *state, Side side);

/* Every mailbox, by name. @each takes the state over (it is zeroed after a return >= 0). */
int state_db_each_mailbox(StateDb *db, int (*each)(MailboxState *state, void *userdata),
                          void *userdata);
int state_db_add_mailbox(StateDb *db, const char *name, const char *remote_wire,
                         const char *local_wire, int64_t *ret_id);
int state_db_save_mailbox(StateDb *db, const MailboxState *state); /* all but name and life */
int state_db_save_life(StateDb *db, int64_t mailbox, const MailboxLife *life);
int state_db_rename_mailbox(StateDb *db, int64_t mailbox, const char *name, const char *remote_wire,
                            const char *local_wire);
int state_db_forget_mailbox(StateDb *db, int64_t mailbox);

int state_db_load_keywords(StateDb *db, int64_t mailbox, Keywords *keywords);
/* Write those from position @from on. */
int state_db_save_keywords(StateDb *db, int64_t mailbox, const Keywords *keywords, unsigned from);

/* --- the base: messages that both sides have --- */

typedef struct BaseMessage {
        uint32_t uid[_SIDE_MAX];
        MessageFlags flags; /* on the remote side, */
        MessageFlags apart; /* and those that differ on the local one, and are left so */
} BaseMessage;

static inline MessageFlags base_flags(const BaseMessage *base, Side side) {
        return side == SIDE_REMOTE ? base->flags : base->flags ^ base->apart;
}

int state_db_find(StateDb *db, int64_t mailbox, Side side, uint32_t uid,
                  BaseMessage *ret_message); /* or STATE_DB_E_NONE */
/* The next one with a remote UID above @after; or STATE_DB_E_NONE. */
int state_db_next(StateDb *db, int64_t mailbox, uint32_t after, BaseMessage *ret_message);
int state_db_add(StateDb *db, int64_t mailbox, const BaseMessage *message);
int state_db_set_flags(StateDb *db, int64_t mailbox, uint32_t remote_uid, MessageFlags flags,
                       MessageFlags apart);
int state_db_remove(StateDb *db, int64_t mailbox, uint32_t remote_uid);
/* The UIDs of @side from @first on. Costs what it yields. */
int state_db_uids_from(StateDb *db, int64_t mailbox, Side side, uint32_t first, UidSet *uids);
/* Messages without \Seen. Walks the mailbox: for a person who asks, not for a run. */
int state_db_count_unseen(StateDb *db, int64_t mailbox, uint64_t *ret_n);
/* Forget all of it, for pairing anew: UIDVALIDITY changed. */
int state_db_remove_all(StateDb *db, int64_t mailbox);
/* All of it, by remote UID; stops when @each returns not 0, and returns that. */
int state_db_each(StateDb *db, int64_t mailbox,
                  int (*each)(const BaseMessage *message, void *userdata), void *userdata);

/* --- objects: the same message in several mailboxes of a side (REPLICA_HAS_OBJECT) --- */

/* Keep what a message, unknown so far and becoming one of the base, is on a side: before it is removed
 * from the unknown. Nothing, if that is not known. The row goes with that of the message. */
int state_db_object_note(StateDb *db, int64_t mailbox, Side side, const BaseMessage *message);
/* The next mailbox, by its id above @after, that has the same message and where it is not known to be gone
 * on @side. Or STATE_DB_E_NONE. */
int state_db_object_elsewhere(StateDb *db, int64_t mailbox, uint32_t remote_uid, Side side,
                              int64_t after, int64_t *ret_mailbox);
/* The next unknown remote message above @after that another message of the base is the same as: what is
 * known of it, and where that one is on the local side. Or STATE_DB_E_NONE. */
int state_db_twin_next(StateDb *db, int64_t mailbox, uint32_t after, ReplicaMessage *ret_message,
                       int64_t *ret_mailbox, uint32_t *ret_local_uid);

/* --- volumes: ranges of UIDs of a side with a number of messages of the base --- */

/* The volume of the @n messages above @after: its last UID and how many they are (0: no more). */
int state_db_volume_next(StateDb *db, int64_t mailbox, Side side, uint32_t after, uint32_t n,
                         uint32_t *ret_last, uint64_t *ret_n);
/* How many ranges the UIDs of the base make; counted up to @max. Walks the mailbox. */
int state_db_volume_ranges(StateDb *db, int64_t mailbox, Side side, uint64_t max, uint64_t *ret_n);
/* How many messages with UIDs in a range are known: base, parked and unknown ones. */
int state_db_volume_count(StateDb *db, int64_t mailbox, Side side, UidRange range, uint64_t *ret_n);
/* Where the volume of the last @n messages up to @last begins. */
int state_db_volume_newest(StateDb *db, int64_t mailbox, Side side, uint32_t last, uint32_t n,
                           uint32_t *ret_first);
/* How many messages of the base with UIDs in a range have each flag, by bit. Costs what the range
 * holds. */
int state_db_volume_flags(StateDb *db, int64_t mailbox, Side side, UidRange range,
                          uint64_t ret_counts[64]);
/* How many have @flag on the side, by what is known: base and unknown ones, less those gone. */
int state_db_volume_flag(StateDb *db, int64_t mailbox, Side side, UidRange range, MessageFlags flag,
                         uint64_t *ret_n);
/* The first message of the base in the range, and not gone on the side, whose @flag is not as it
 * should be (@has: set). Or STATE_DB_E_NONE. */
int state_db_volume_differs(StateDb *db, int64_t mailbox, Side side, UidRange range,
                            MessageFlags flag, bool has, BaseMessage *ret_message);

int state_db_rotation_get(StateDb *db, int64_t mailbox, Side side,
                          VolumeRotation *ret_rotation); /* all 0 if there is none */
int state_db_rotation_set(StateDb *db, int64_t mailbox, Side side, const VolumeRotation *rotation);

/* --- what is old: rows that may be evicted (_MESSAGE_EVICTABLE), by date or by UID --- */

/* Rows of the mailbox have dates from now on: those that it has, none yet. Walks the mailbox: once. */
int state_db_keep_dates(StateDb *db, int64_t mailbox);
/* The date of a message, unknown so far and becoming one of the base, before it is removed from the unknown. */
int state_db_note_date(StateDb *db, int64_t mailbox, const BaseMessage *message);
int state_db_set_date(StateDb *db, int64_t mailbox, uint32_t remote_uid, int64_t date);
/* Remote UIDs above @after of those whose date is to be asked for. */
int state_db_undated(StateDb *db, int64_t mailbox, uint32_t after, size_t max, UidSet *uids);
/* Those dated before @cutoff, the oldest first, and those among the first @excess of the base; none of which a
 * change is known. Costs what it yields, or @excess. */
int state_db_old(StateDb *db, int64_t mailbox, int64_t cutoff, size_t max,
                 BaseMessage *ret_messages, size_t *ret_n);
int state_db_surplus(StateDb *db, int64_t mailbox, uint64_t excess, size_t max,
                     BaseMessage *ret_messages, size_t *ret_n);
/* Is there one dated before @cutoff, or one whose date is to be asked for? */
int state_db_any_old(StateDb *db, int64_t mailbox, int64_t cutoff, bool *ret_any);
/* Unknown remote messages dated before @cutoff, or with UIDs below @first; none that may have been sent. */
int state_db_unknown_old(StateDb *db, int64_t mailbox, int64_t cutoff, UidSet *uids);
int state_db_unknown_surplus(StateDb *db, int64_t mailbox, uint32_t first, UidSet *uids);
/* Is an unknown local message dated @until or before? */
int state_db_unknown_any_old(StateDb *db, int64_t mailbox, int64_t until, bool *ret_any);
/* Where the newest @n remote messages begin, of base and unknown (0: there are not so many). Costs @n,
 * unless what is new is above all of the base. */
int state_db_newest_from(StateDb *db, int64_t mailbox, uint64_t n, uint32_t *ret_first);

/* --- a Maildir's files: which number which base name has --- */

int state_db_file_find(StateDb *db, int64_t mailbox, const char *name,
                       uint32_t *ret_uid); /* or STATE_DB_E_NONE */
int state_db_file_name(StateDb *db, int64_t mailbox, uint32_t uid,
                       char **ret_name); /* or STATE_DB_E_NONE */
/* @unknown: the base does not have it yet; found by state_db_file_each_unknown() at no cost for the others. */
/* @object: ReplicaMessage.object; 0: not known. */
int state_db_file_add(StateDb *db, int64_t mailbox, uint32_t uid, const char *name, uint64_t object,
                      bool unknown);
int state_db_file_object(StateDb *db, int64_t mailbox, uint32_t uid,
                         uint64_t *ret_object); /* or STATE_DB_E_NONE */
int state_db_file_set_known(StateDb *db, int64_t mailbox, uint32_t uid, bool known);
/* All but those that are parked. */
int state_db_file_set_all_unknown(StateDb *db, int64_t mailbox);
int state_db_file_remove(StateDb *db, int64_t mailbox, uint32_t uid);
/* @unknown: only those. @each must not change the table. */
int state_db_file_each(StateDb *db, int64_t mailbox, bool unknown,
                       int (*each)(uint32_t uid, const char *name, void *userdata), void *userdata);
/* Bounds of the numbers in use: 0, 0 if there are none. */
int state_db_file_bounds(StateDb *db, int64_t mailbox, uint32_t *ret_first, uint32_t *ret_last);

/* --- intents: what was begun and may or may not have happened (write-ahead) --- */

/* @side is the destination, @source_uid the message's UID on the other side (0: of whatever comes from
 * there), @uidnext the destination's UIDNEXT before (0: not known), @taken: the destination said yes but
 * not which UID. */
typedef struct Intent {
        Side side;
        uint32_t source_uid;
        uint32_t uidnext;
        bool taken;
        int64_t time; /* usec since 1970: when it was begun */
} Intent;

/* When the youngest intent of all mailboxes with this destination was begun; 0: there is none. */
int state_db_newest_intent(StateDb *db, Side side, int64_t *ret_time);

int state_db_intent_add(StateDb *db, int64_t mailbox, const Intent *intent);
int state_db_intent_remove(StateDb *db, int64_t mailbox, Side side, uint32_t source_uid);
int state_db_intent_find(StateDb *db, int64_t mailbox, Side side, uint32_t source_uid,
                         Intent *ret_intent); /* or STATE_DB_E_NONE */
int state_db_intent_remove_all(StateDb *db, int64_t mailbox);
/* Those of what was sent to @side. */
int state_db_intent_remove_side(StateDb *db, int64_t mailbox, Side side);
int state_db_intent_count(StateDb *db, int64_t mailbox, uint64_t *ret_n);

/* Deliveries whose rows are committed but whose files may still be in tmp/: local UIDs in a range. */
int state_db_staged_set(StateDb *db, int64_t mailbox, uint32_t first, uint32_t last);
int state_db_staged_get(StateDb *db, int64_t mailbox, UidRange *ret_range); /* or STATE_DB_E_NONE */
int state_db_staged_clear(StateDb *db, int64_t mailbox);

/* --- parked: messages that the other side refuses --- */

int state_db_park(StateDb *db, int64_t mailbox, Side side, uint32_t uid, const char *reason);
/* The same, of one that the base had, and what that had of its flags: by these a Maildir finds its file. */
int state_db_park_known(StateDb *db, int64_t mailbox, Side side, uint32_t uid, const char *reason,
                        MessageFlags flags);
int state_db_parked_flags(StateDb *db, int64_t mailbox, Side side, uint32_t uid,
                          MessageFlags *ret_flags);                         /* or STATE_DB_E_NONE */
int state_db_unpark(StateDb *db, int64_t mailbox, Side side, uint32_t uid); /* or STATE_DB_E_NONE */
int state_db_unpark_all(StateDb *db, int64_t mailbox, Side side);
bool state_db_is_parked(StateDb *db, int64_t mailbox, Side side, uint32_t uid);
/* Why it is. Owned by the caller. Or STATE_DB_E_NONE. */
int state_db_parked_reason(StateDb *db, int64_t mailbox, Side side, uint32_t uid,
                           char **ret_reason);
int state_db_parked_from(StateDb *db, int64_t mailbox, Side side, uint32_t first, UidSet *uids);
int state_db_parked_in(StateDb *db, int64_t mailbox, Side side, UidRange range, UidSet *uids);
int state_db_parked_count(StateDb *db, int64_t mailbox, const char *reason, uint64_t *ret_n);

/* Nobody refuses these: they are larger than what may be transferred now. Parked under this reason. */
#define STATE_DB_DEFERRED "deferred"
int state_db_deferred(StateDb *db, int64_t mailbox, Side side, UidSet *uids);
/* Nor these: the program that synchronised them before had left them on one side. */
#define STATE_DB_LEFT "left"
int state_db_left(StateDb *db, int64_t mailbox, Side side, UidSet *uids);
/* Nor these: the direction keeps them on their side only, for good. MailboxState.alone counts them. */
#define STATE_DB_ALONE "alone"
int state_db_alone(StateDb *db, int64_t mailbox, Side side, UidSet *uids);
/* Nor these: they are larger than what is to be copied at all. MailboxState.large counts them. */
#define STATE_DB_LARGE "large"
int state_db_large(StateDb *db, int64_t mailbox, Side side, UidSet *uids);
/* Nor these remote ones: older than what is to be here, or not among the newest so many. MailboxState.old and
 * MailboxState.surplus count them. */
#define STATE_DB_OLD     "old"
#define STATE_DB_SURPLUS "surplus"
/* Nor these local ones, whose other half has become such a one: they are as good as removed. They are not
 * new, whatever comes in between, and that they are gone is no news. MailboxState.evicted counts them. */
#define STATE_DB_EVICTED "evicted"
int state_db_parked_for(StateDb *db, int64_t mailbox, Side side, const char *reason, UidSet *uids);
/* All the others, which may be tried again. */
int state_db_refused(StateDb *db, int64_t mailbox, Side side, UidSet *uids);

/* --- for one run: what has changed, temporary --- */

/* What the sides say of one message of the base; has[side] false: nothing. */
typedef struct ChangedMessage {
        BaseMessage base;
        bool has[_SIDE_MAX];
        bool gone[_SIDE_MAX];
        bool late; /* gone, but told after the counts were checked */
        MessageFlags flags[_SIDE_MAX];
} ChangedMessage;

int state_db_change_put(StateDb *db, int64_t mailbox, Side side, uint32_t remote_uid, bool gone,
                        MessageFlags flags);
/* The flags that it was said to have; or STATE_DB_E_NONE. */
int state_db_change_flags(StateDb *db, int64_t mailbox, Side side, uint32_t remote_uid,
                          MessageFlags *ret_flags);
/* What was said of it is not so. */
int state_db_change_drop(StateDb *db, int64_t mailbox, Side side, uint32_t remote_uid);
/* Every message of the base with a UID of @side in this range is gone there. */
int state_db_change_put_gone(StateDb *db, int64_t mailbox, Side side, uint32_t first, uint32_t last,
                             bool late);
/* Every message of the base that was not listed on @side (state_db_listed_put) is gone there. */
int state_db_change_put_unlisted(StateDb *db, int64_t mailbox, Side side);
/* How many are gone; how many of them late is counted apart. */
int state_db_change_count_gone(StateDb *db, int64_t mailbox, Side side, uint64_t *ret_n);
int state_db_change_count_late(StateDb *db, int64_t mailbox, Side side, uint64_t *ret_n);
/* The next changed message with a remote UID above @after; or STATE_DB_E_NONE. */
int state_db_change_next(StateDb *db, int64_t mailbox, uint32_t after, ChangedMessage *ret_message);

int state_db_listed_put(StateDb *db, int64_t mailbox, Side side, uint32_t uid);
/* Before it is listed once more. */
int state_db_listed_clear(StateDb *db, int64_t mailbox, Side side);
/* Those parked that the list does not have. */
int state_db_parked_unlisted(StateDb *db, int64_t mailbox, Side side, UidSet *uids);

/* Messages that the base does not have. Putting one again adds what it did not say before. */
int state_db_unknown_put(StateDb *db, int64_t mailbox, Side side, const ReplicaMessage *message);
int state_db_unknown_remove(StateDb *db, int64_t mailbox, Side side, uint32_t uid);
int state_db_unknown_remove_range(StateDb *db, int64_t mailbox, Side side, uint32_t first,
                                  uint32_t last);
int state_db_unknown_remove_unlisted(StateDb *db, int64_t mailbox, Side side);
/* Messages of the base that are gone on @side may be there under other UIDs, or in another mailbox:
 * treat what the other side has of them as unknown, for comparing; and not any more, all such. */
int state_db_unknown_add_gone(StateDb *db, int64_t mailbox, Side side);
int state_db_unknown_remove_known(StateDb *db, int64_t mailbox);
/* A side cannot tell sizes: pair without, as if all were equal. */
int state_db_unknown_forget_sizes(StateDb *db, int64_t mailbox);
int state_db_unknown_count(StateDb *db, int64_t mailbox, Side side, uint64_t *ret_n);
/* UIDs above @after, at most @max of them; unidentified: of which only flags are known. */
int state_db_unidentified(StateDb *db, int64_t mailbox, Side side, uint32_t after, size_t max,
                          UidSet *uids);
int state_db_unknown_uids(StateDb *db, int64_t mailbox, Side side, uint32_t after, size_t max,
                          UidSet *uids);
/* The highest UIDs, at most @max of them. */
int state_db_unknown_newest(StateDb *db, int64_t mailbox, Side side, size_t max, UidSet *uids);
int state_db_unknown_get(StateDb *db, int64_t mailbox, Side side, uint32_t uid,
                         ReplicaMessage *ret_message); /* or STATE_DB_E_NONE; no message_id */
/* Its body did not come: how many times is that now? Or STATE_DB_E_NONE. */
int state_db_unknown_try(StateDb *db, int64_t mailbox, Side side, uint32_t uid, unsigned *ret_n);
int state_db_unknown_set_digest(StateDb *db, int64_t mailbox, Side side, uint32_t uid,
                                ByteView digest);

/* How sure a pair must be, weakest first. */
typedef enum PairRung {
        PAIR_MESSAGE_ID, /* same Message-ID and size, and both are alone in that on their side */
        PAIR_DATE,       /* and the same date, alone in that */
        PAIR_DIGEST_NEW, /* the same digest, and neither is in the base; several alike pair in order */
        PAIR_DIGEST,     /* the same, in the base or not */
} PairRung;

/* The next pair of unknown messages that the rung allows, with a remote UID above @after (its UIDs,
 * and the flags of both); or STATE_DB_E_NONE. The caller removes both from the unknown. */
int state_db_pair_next(StateDb *db, int64_t mailbox, PairRung rung, uint32_t after,
                       BaseMessage *ret_pair, MessageFlags ret_flags[_SIDE_MAX]);
/* The next unknown message of @side, above @after, that has neither pair nor digest, but has someone of its
 * size on the other side: only its bytes can tell. Or STATE_DB_E_NONE. */
int state_db_doubtful_next(StateDb *db, int64_t mailbox, Side side, uint32_t after,
                           uint32_t *ret_uid);

/* --- moves: gone in one mailbox, new in another --- */

/* The next message of the base, above @after (remote UIDs), that is gone on @side and not on the
 * other; or STATE_DB_E_NONE. */
int state_db_lost_next(StateDb *db, int64_t mailbox, Side side, uint32_t after,
                       BaseMessage *ret_message);
/* What it is in every mailbox of that side. */
int state_db_lost_set_object(StateDb *db, int64_t mailbox, Side side, uint32_t remote_uid,
                             ByteView object);

/* What was gone on @side of @source, and is unknown there in @target. */
typedef struct MoveSearch {
        int64_t source, target;
        Side side;
        bool by_object; /* else by Message-ID, size and date, each alone in that */
} MoveSearch;

/* The next one above @after (remote UIDs of the source), and its UID in the target; or
 * STATE_DB_E_NONE. */
int state_db_move_next(StateDb *db, const MoveSearch *search, uint32_t after,
                       BaseMessage *ret_message, uint32_t *ret_uid);

/* The base of what is about to be moved into @mailbox, where it is @uid on the side that somebody moved it
 * on: written down before, for who finds it on both sides without a row. */
int state_db_moved_add(StateDb *db, int64_t mailbox, Side side, uint32_t uid, MessageFlags flags);
int state_db_moved_find(StateDb *db, int64_t mailbox, Side side, uint32_t uid,
                        MessageFlags *ret_flags); /* or STATE_DB_E_NONE */
int state_db_moved_remove(StateDb *db, int64_t mailbox, Side side, uint32_t uid);
int state_db_moved_remove_side(StateDb *db, int64_t mailbox, Side side);
int state_db_moved_remove_all(StateDb *db, int64_t mailbox);
int state_db_moved_any(StateDb *db, int64_t mailbox, bool *ret_any);

/* Forget what the run has gathered on this mailbox. */
int state_db_run_clear(StateDb *db, int64_t mailbox);

DEFINE_CLEANUP(StateDb *, state_db_free)
