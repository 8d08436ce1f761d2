#pragma once

/*
 * A replica: one side of an account, a tree of mailboxes with messages
 *
 * An IMAP account is one, a Maildir tree is one, and the tests have one in memory; the engine knows
 * only this interface. A message is known by its UID in its mailbox, on a Maildir too: there the
 * replica numbers the files itself, as a server would (the state database keeps the numbers).
 *
 * Requests are queued by the functions of ReplicaOps and answered by events from next(): what the
 * request yields, then REPLICA_EVENT_DONE for it. Requests are carried out in the order in which they
 * were made; those that need no answer to each other travel together. A request that the other end
 * refuses ends in DONE with an outcome and a sentence; only the loss of the whole replica is an error
 * of next().
 *
 * No function blocks on the network. A Maildir's do block on the disk, and the answer is there at
 * once; its events are made one by one as next() is called, so memory does not grow with them.
 */

#include <sys/types.h>

#include "imap/flags.h"
#include "imap/uid-set.h"

typedef enum Side {
        SIDE_REMOTE,
        SIDE_LOCAL,
        _SIDE_MAX,
} Side;

static inline Side side_other(Side side) {
        return side == SIDE_REMOTE ? SIDE_LOCAL : SIDE_REMOTE;
}

static inline const char *side_name(Side side) {
        return side == SIDE_REMOTE ? "remote" : "local";
}

/* Of an IMAP side, in sentences. */
static inline const char *side_server(Side side) {
        return side == SIDE_REMOTE ? "the server" : "the local server";
}

/* Messages that a replica that gives numbers takes before publish(): each is an open file. */
#define REPLICA_MAX_STAGED 64u

/* A mailbox as a replica needs it; the engine embeds one for each side. */
typedef struct ReplicaMailbox {
        int64_t id;       /* in the state database */
        const char *name; /* UTF-8 with "/"; borrowed */
        char *wire; /* IMAP: as on the wire, owned by the engine; NULL where it means nothing */
        Keywords *
                keywords; /* of this mailbox, shared by both sides; borrowed. Replicas enter new ones. */
        void *owner;      /* the engine's */
        void *private; /* the replica's own; it frees it in close() and reset() */

        uint32_t
                newest; /* IMAP: changes() gives the bodies from this UID on before the others; 0: in one row */
        bool has_names; /* Maildir: changes() looks only at these files, not at all */
        char **names;   /* base names, NULL-terminated; owned by the engine */
} ReplicaMailbox;

/* How far a mailbox has been brought in sync: changes() tells what came after it. All 0: nothing. */
typedef struct ReplicaToken {
        uint32_t uidvalidity;
        uint32_t uidnext;  /* every UID below was dealt with */
        uint64_t modseq;   /* IMAP: HIGHESTMODSEQ (RFC 7162); 0: none */
        uint64_t stamp[4]; /* Maildir: inodes of new/ and cur/, then their mtimes; mtimes of 0 prove
                                nothing */
} ReplicaToken;

/* Nothing is proved any more by the times of the directories; which ones they are still is. */
static inline void token_forget_times(ReplicaToken *token) {
        token->stamp[2] = token->stamp[3] = 0;
}

/* Are the directories other ones than before: were they put in the place of those? */
static inline bool token_is_replaced(const ReplicaToken *committed, const ReplicaToken *now) {
        return (committed->stamp[0] | committed->stamp[1]) != 0 &&
               (now->stamp[0] | now->stamp[1]) != 0 &&
               (committed->stamp[0] != now->stamp[0] || committed->stamp[1] != now->stamp[1]);
}

typedef enum ReplicaWant {
        REPLICA_WANT_FLAGS,    /* new messages: UID and flags only */
        REPLICA_WANT_IDENTITY, /* and date, size, Message-ID, for pairing */
        REPLICA_WANT_BODY,     /* and date and body, for delivery */
} ReplicaWant;

/* What is known of a message; a field is valid if its bit is in present. */
enum {
        REPLICA_HAS_FLAGS = 1 << 0,
        REPLICA_HAS_DATE = 1 << 1,
        REPLICA_HAS_SIZE = 1 << 2,
        REPLICA_HAS_MESSAGE_ID = 1 << 3,
        REPLICA_HAS_OBJECT = 1 << 4,
};
typedef struct ReplicaMessage {
        unsigned present;
        uint32_t uid;
        MessageFlags flags;
        int64_t date;        /* INTERNALDATE or mtime: seconds since 1970 */
        int date_zone;       /* minutes east of UTC */
        uint64_t size;       /* with CRLF line ends */
        ByteView message_id; /* the field's value; size 0: it has none */
        ByteView object; /* the same for the same message in every mailbox of this side, and for no
                                other one: EMAILID (RFC 8474) or X-GM-MSGID; a Maildir: 8 bytes */
} ReplicaMessage;

typedef enum ReplicaOutcome {
        REPLICA_OK,
        REPLICA_REFUSED, /* this request or message is not possible here, ever: park it */
        REPLICA_FAILED,  /* not now: try again later */
        REPLICA_FULL, /* there is no room for it (quota): the same, but other things may go well */
        REPLICA_NO_MAILBOX, /* there is no such mailbox (any more) */
} ReplicaOutcome;

/* What search() looks for. */
typedef struct ReplicaSearch {
        UidRange range;    /* {1, UID_MAX}: the whole mailbox */
        MessageFlags flag; /* one of them; 0: any message */
        bool without;      /* those that lack it */
        bool count;        /* only how many */
        uint32_t
                stride; /* if not 0, nothing of the above, but each so-manieth message of the mailbox
                              (number stride, 2 stride, ...; at least 2): their UIDs */
} ReplicaSearch;

/* What the answer to changes() leaves untold; search() finds it. */
enum {
        REPLICA_UNTOLD_EXPUNGES = 1 << 0,
        REPLICA_UNTOLD_FLAGS = 1 << 1, /* of messages that are not new */
};

typedef enum ReplicaRequest {
        REPLICA_LIST,
        REPLICA_STANDING,
        REPLICA_CREATE,
        REPLICA_RENAME,
        REPLICA_REMOVE,
        REPLICA_SUBSCRIBE,
        REPLICA_MOVE,
        REPLICA_SEARCH,
        REPLICA_CHANGES,
        REPLICA_FETCH,
        REPLICA_STORE,
        REPLICA_EXPUNGE,
        REPLICA_APPEND,
        REPLICA_CLOSE,
        REPLICA_WAIT, /* not in ReplicaOps: what an IMAP replica does to wait; the cookie says which */
} ReplicaRequest;

/* How a mailbox stands, without opening it. Unasked for, it may hold only what has changed. */
typedef struct ReplicaStatus {
        bool has_uidvalidity;
        uint32_t uidvalidity;
        uint32_t uidnext; /* 0: unknown */
        uint32_t messages;
        uint64_t modseq; /* 0: unknown */
        uint32_t unseen;
        bool has_unseen;
        bool has_messages;
        bool has_size;
        uint64_t size; /* of all messages, with CRLF line ends */
} ReplicaStatus;

typedef enum ReplicaEventType {
        /* A mailbox that exists: name, wire, attributes (IMAP_LIST_* of imap/session.h), delimiter.
         * When the replica cannot use it, text says why and name may be NULL. Unasked for (NOTIFY)
         * it also tells of one that is gone (IMAP_LIST_NONEXISTENT) or was old_name until now; what
         * lay below old_name has moved with it. object; subscribed, if has_subscribed: the other end
         * has said who is. */
        REPLICA_EVENT_MAILBOX,
        /* How a mailbox stands: wire (or name), status, and object where standing() asked for it.
         * Unasked for as well (NOTIFY). With changed
         * set: something has changed in it, and status tells nothing (IDLE). */
        REPLICA_EVENT_STATUS,
        /* Changes may have been missed, and no more will be told of: NOTIFY's overflow. */
        REPLICA_EVENT_OVERFLOW,
        /* The other end has something to say that the user must see: text (RFC 9051 ALERT). */
        REPLICA_EVENT_ALERT,
        /* Answers changes(), before anything else of it: token (uidvalidity, uidnext, modseq as they
         * are now), exists, storable, object; complete: everything was or will be listed, not only changes;
         * untold: which changes will not be told, can_count: to search for a count costs little,
         * no_positions: search() cannot go by a stride. */
        REPLICA_EVENT_OPENED,
        /* A message that is new or has changed flags, or any that was asked for: message. May be
         * told twice, may be unchanged. */
        REPLICA_EVENT_MESSAGE,
        /* Expunged: uids. May hold UIDs that never were. */
        REPLICA_EVENT_VANISHED,
        /* A body: message (what is known yet), then pieces in data, then the end, where message is
         * complete. REPLICA_EVENT_BODY_END with size 0 or text set: there is no usable body. */
        REPLICA_EVENT_BODY_BEGIN,
        REPLICA_EVENT_BODY_DATA,
        REPLICA_EVENT_BODY_END,
        /* An append was taken: cookie, message.uid (0: the replica cannot tell) and message.flags as they
         * were given, token.modseq as for DONE. A DONE may follow, whose token counts. A refused one
         * gives REPLICA_EVENT_DONE with its cookie and outcome alone; with alone set it was refused with
         * others, and is to be handed in again. */
        REPLICA_EVENT_APPENDED,
        /* move(): mailbox (where they were), uids (what they were), uids_to (what they are in the
         * target: as many, the n-th became the n-th). */
        REPLICA_EVENT_MOVED,
        /* search(): cookie, uids or count, whole; then DONE. A search that the other end does not
         * answer sensibly gives none, and DONE with REPLICA_FAILED. */
        REPLICA_EVENT_FOUND,
        /* A request is complete: request, mailbox, cookie (append), outcome, text. For CHANGES, FETCH,
         * STORE, EXPUNGE, MOVE, APPEND and CLOSE also token.modseq: the highest modseq that is safe to
         * commit once all events so far have taken effect (RFC 7162 section 6; protocol rules;
         * 0: not known, keep what was committed), and exists, the latest. For FETCH token.uidvalidity
         * (0: not known). For CREATE and
         * RENAME also wire, how the mailbox is called there now, and for CREATE object. */
        REPLICA_EVENT_DONE,
} ReplicaEventType;

/* Views die with the next call of next(). */
typedef struct ReplicaEvent {
        ReplicaEventType type;
        ReplicaMailbox *mailbox; /* NULL for MAILBOX and for STATUS */
        ReplicaRequest request;
        ReplicaOutcome outcome;
        uint64_t cookie;
        const char *name;     /* UTF-8 with "/" */
        const char *old_name; /* of MAILBOX, NULL if it was not renamed */
        bool unasked;         /* MAILBOX, STATUS: the other end speaks of its own accord */
        bool changed;
        bool alone; /* DONE of an append */
        bool has_subscribed, subscribed;
        const char
                *object; /* what stays the same when the mailbox is renamed, and no other mailbox of
                               this side has: MAILBOXID (RFC 8474); a folder's inode. NULL: not known */
        ByteView wire;
        unsigned attributes;
        char delimiter;
        ReplicaStatus status;
        ReplicaToken token;
        uint32_t exists;
        bool complete;
        unsigned untold; /* REPLICA_UNTOLD_* */
        bool can_count, no_positions;
        MessageFlags storable;  /* flags and keywords that can be stored permanently */
        bool storable_keywords; /* new keywords can be made */
        ReplicaMessage message;
        UidSet uids, uids_to; /* borrowed */
        uint64_t count;
        ByteView data;
        const char *text; /* a sentence, NULL if there is nothing to say */
} ReplicaEvent;

typedef struct Replica Replica;

typedef struct ReplicaOps {
        /* MAILBOX events, with STATUS events for them where that comes cheaply (LIST-STATUS). */
        int (*list)(Replica *replica);

        int (*create)(Replica *replica, ReplicaMailbox *mailbox);

        /* A STATUS event with all that can be known of a mailbox without opening it; DONE. NULL where
         * list() has told that already. */
        int (*standing)(Replica *replica, ReplicaMailbox *mailbox);

        /* OPENED, then MESSAGE, VANISHED, and for new messages (UIDs from since->uidnext on, less
         * those in @known) what @want says; DONE. After a uidvalidity other than @since's, or where
         * uidnext or modseq went backwards (the other end has lost its index), everything is listed
         * by flags and no body is given. @since with all 0: everything is new. @since without
         * uidvalidity or uidnext: everything is listed. A replica whose other end does not keep track
         * of changes may leave some untold (OPENED). */
        int (*changes)(Replica *replica, ReplicaMailbox *mailbox, const ReplicaToken *since,
                       const UidSet *known, ReplicaWant want);

        /* MESSAGE (FLAGS, IDENTITY) or BODY_* (BODY) for each UID of @uids that exists; DONE. */
        int (*fetch)(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids,
                     ReplicaWant want);

        /* Add and remove flags; others stay as they are. */
        int (*store)(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids,
                     MessageFlags add, MessageFlags remove);

        int (*expunge)(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids);

        /* Into another mailbox of the same side, flags, keywords and date kept: MOVED events, DONE.
         * A message that no MOVED tells of may be gone meanwhile, may have stayed where it was, and
         * may have gone where the replica cannot say under which UID: look at both mailboxes again.
         * After REPLICA_REFUSED all others are where they were, and can be transferred instead. */
        int (*move)(Replica *replica, ReplicaMailbox *mailbox, const UidSet *uids,
                    ReplicaMailbox *target);

        /* Which of the UIDs of a range have a flag (or lack it), or how many do: FOUND with @cookie,
         * DONE. A replica whose changes() leaves nothing untold does not need it: may be NULL. */
        int (*search)(Replica *replica, ReplicaMailbox *mailbox, const ReplicaSearch *search,
                      uint64_t cookie);

        /* @mailbox is called @name (UTF-8 with "/") from now on, and what lies below it moves with
         * it; it is gone, with all that is in it; it is subscribed or not. DONE each, OK also if it is
         * so already. A Maildir removes only files that the base has, and refuses if there are others:
         * the engine must have looked, on any side, but somebody may have been faster. Nothing is to be
         * open when a mailbox is renamed or removed. */
        int (*rename)(Replica *replica, ReplicaMailbox *mailbox, const char *name);
        int (*remove)(Replica *replica, ReplicaMailbox *mailbox);
        int (*subscribe)(Replica *replica, ReplicaMailbox *mailbox, bool subscribe);

        /* Begin a message; then append_data() until @message->size bytes were taken, append_end().
         * @cookie comes back in APPENDED or DONE. append_data() returns the bytes taken now (less
         * than all: come again when the replica has sent some), or negative.
         * message.size must be known on an IMAP replica; a Maildir takes it as it comes. */
        int (*append_begin)(Replica *replica, ReplicaMailbox *mailbox,
                            const ReplicaMessage *message, uint64_t cookie);
        ssize_t (*append_data)(Replica *replica, ByteView data);
        /* @message: flags and date as known by now. */
        int (*append_end)(Replica *replica, const ReplicaMessage *message);
        /* Forget the append that is under way (the source failed). On IMAP, where its size was
         * announced, this loses the connection: -ECONNABORTED. */
        int (*append_abort)(Replica *replica);

        /* A message that is on this side already, as @uid of @source, also into @mailbox, without its
         * bytes being handed in. @message: flags as for append_end(). As if it had been appended:
         * APPENDED, two-phase delivery and all. May be NULL. Return: 0, 1 if it is not to be had,
         * or negative. */
        int (*append_copy)(Replica *replica, ReplicaMailbox *mailbox, const ReplicaMessage *message,
                           uint64_t cookie, ReplicaMailbox *source, uint32_t uid);

        /* Two-phase delivery. A Maildir keeps appended messages in tmp/, and APPENDED says so with
         * their UIDs. prepare(): make them durable there, or forget them all. Then the engine commits its rows. Then
         * publish(): make them visible, durably. On IMAP both do nothing: an APPEND is both. */
        int (*prepare)(Replica *replica, ReplicaMailbox *mailbox);
        int (*publish)(Replica *replica, ReplicaMailbox *mailbox);

        /* After a crash between the commit of a batch and its publish(): make visible those of the
         * UIDs of @staged that still can be; those that are nowhere are added to @lost. */
        int (*recover)(Replica *replica, ReplicaMailbox *mailbox, UidRange staged, UidSet *lost);

        /* The base has taken note, or has forgotten: called inside the state database's transaction
         * that does so. A Maildir keeps its table of files by it. */
        int (*noted)(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid);
        int (*forgotten)(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid);

        /* What a message was in every mailbox of this side (ReplicaMessage.object), though it is gone
         * by now; until forgotten(). Return: 0 (0 is not known), or negative. NULL: what is gone must
         * be told by what the other side has of it. */
        int (*object)(Replica *replica, ReplicaMailbox *mailbox, uint32_t uid,
                      uint64_t *ret_object);

        /* Nothing more is expected to be asked of this mailbox than was asked by now, so that what close()
         * says to the other end may travel with that. close() is called all the same, and until then no
         * STATUS of it is told. May be NULL. */
        int (*leave)(Replica *replica, ReplicaMailbox *mailbox);

        /* Work on this mailbox is over for now. IMAP: after the last one is closed, nothing stays
         * selected, and a STATUS comes for each mailbox that was worked on. DONE. */
        int (*close)(Replica *replica, ReplicaMailbox *mailbox);

        /* Maildir: the stamp of the mailbox as it is now. Return: 1, 0 if it is too young to prove
         * anything (or the replica has no stamps), or negative. @now_ns: since 1970. */
        int (*stamp)(Replica *replica, ReplicaMailbox *mailbox, int64_t now_ns,
                     uint64_t ret_stamp[4]);

        /* Forget every request and append that is under way, without answers, and what is open. An IMAP
         * replica that has anything under way is detached from its session by this. */
        void (*reset)(Replica *replica);

        /* Return: 1 and an event, 0 if there is none now, or a negative errno: the replica is lost. */
        int (*next)(Replica *replica, ReplicaEvent *ret_event);
} ReplicaOps;

/* Embedded at the start of every implementation. */
struct Replica {
        const ReplicaOps *ops;
        Side side;
        bool gives_numbers; /* a Maildir, which only the local side can be: it numbers its files itself,
                               delivers in two phases and has stamps;
                               its mailboxes have no names on a wire, and what is forgotten() is told
                               anew, under another UID */
        bool renumbers_renamed; /* Courier: a mailbox gets another UIDVALIDITY and other UIDs with its new
                                   name */
        bool has_labels; /* Gmail: a mailbox is a label, so that one message (by its object) is often in
                            several, and an expunge in one only takes the label off */
        bool has_sizes; /* standing() tells the size of a mailbox, and so does list() if... */
        bool is_first; /* ...the engine has set this, since it costs the other end some work: nothing is in sync
                          yet, and much is to come */
        bool only_looks; /* the engine has set this: list() may leave out what nearly never changes, and what other
                            looks of the same session ask for (UIDVALIDITY) */
};
