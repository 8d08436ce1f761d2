#pragma once

/*
 * The insides of an IMAP replica, shared by its files:
 *
 *      imap-replica.c             life, the queue of jobs, events that wait
 *      imap-replica-requests.c    requests to jobs
 *      imap-replica-append.c      uploads: APPEND
 *      imap-replica-back-off.c    the server asks us to wait
 *      imap-replica-commands.c    jobs to commands
 *      imap-replica-compress.c    COMPRESS, once there is something to read
 *      imap-replica-events.c      session events to replica events
 *      imap-replica-expunge.c     EXPUNGE, and what is gone by it
 *      imap-replica-search.c      SEARCH, and what its answer is worth
 *      imap-replica-select.c      what the answer to SELECT says
 *      imap-replica-tagged.c      tagged responses: what a job does next, and how it ends
 *      imap-replica-list.c        LIST and STATUS, both ways
 *      imap-replica-life.c        CREATE, RENAME, DELETE, SUBSCRIBE
 *      imap-replica-name.c        names to what they are on the wire and back: NAMESPACE
 *      imap-replica-mailbox.c     selected mailboxes, lists of names
 *      imap-replica-wait.c        NOTIFY, IDLE, polls
 *      imap-replica-leave.c       mailboxes are closed, or left before that
 *      imap-replica-move.c        MOVE, or COPY and EXPUNGE
 *      imap-replica-quirks.c      what some servers do
 *
 * A request becomes a job. A job that is started submits commands; the answer to its last one
 * completes it, or starts its next phase. A command's answers come in the order of the commands, so
 * two selected mailboxes must be told apart: the one that is selected as far as the answers have
 * come, and the one that will be when all that was submitted is answered.
 */

#include "imap/back-off.h"
#include "sync/imap-replica.h"
#include "sync/modseq.h"

/* RFC 7162 section 4: command lines of at most 8192 octets. */
#define COMMAND_MAX 7900u

/* Ranges of UIDs that a search may find. */
#define FOUND_MAX 16384u

/* Messages and bytes that travel in one APPEND. */
#define APPEND_MAX_MESSAGES 64u
#define APPEND_MAX_BYTES    (1024u * 1024)

/* Mailboxes that a server may list. */
#define NAMES_MAX 65536u

/* RFC 8474 section 4: an object's identifier. */
#define OBJECT_MAX 255u

/* A mailbox that was opened on this session: shared by jobs and commands. */
typedef struct Opened {
        struct Opened *next;
        unsigned n_refs;
        ReplicaMailbox *mailbox;     /* borrowed; NULL once it is closed */
        bool is_written;             /* a STORE, EXPUNGE or APPEND was sent for it */
        char *wire;                  /* owned */
        char object[OBJECT_MAX + 1]; /* "": not known */

        uint32_t uidvalidity; /* as of the last SELECT; 0: never selected */
        uint32_t uidnext;
        uint32_t exists;
        Modseq modseq;
        bool has_storable;
        MessageFlags storable;
        bool storable_keywords;

        bool closing; /* close() was asked for */
        bool left;    /* leave() was, and nothing since */
        struct Waiting
                *status; /* owned: what its STATUS has said since, for the time when it is closed */
        bool only_idle;  /* opened by IDLE: nobody will close it */
        bool lost_track; /* an expunge or change without its UID: list everything next time */
        ReplicaOutcome failure; /* of the last SELECT */
        char *failure_text;     /* owned */
        bool denied; /* the last SELECT used QRESYNC, which the server has not confirmed */
} Opened;

typedef enum JobKind {
        JOB_LIST,
        JOB_STANDING,
        JOB_CREATE,
        JOB_RENAME,
        JOB_REMOVE,
        JOB_SUBSCRIBE,
        JOB_CHANGES,
        JOB_FETCH,
        JOB_STORE,
        JOB_EXPUNGE,
        JOB_MOVE,
        JOB_APPEND,
        JOB_SEARCH,
        JOB_CLOSE,
        JOB_LEAVE,
        JOB_NOTIFY,
        JOB_POLL,
        JOB_IDLE,
        JOB_NOOP,
        JOB_LOGOUT,
} JobKind;

typedef enum JobPhase {
        JOB_FIRST,
        JOB_LISTING,   /* CHANGES: nothing could be believed, list everything */
        JOB_KNOWN,     /* CHANGES: what is new is told, list the rest */
        JOB_STATUSES,  /* LIST without LIST-STATUS: ask for each */
        JOB_CREATING,  /* CREATE, RENAME: the delimiter is known now */
        JOB_CONFIRMED, /* EXPUNGE, MOVE: the right mailbox is selected for sure */
        JOB_COPIED,    /* MOVE, where there is no such command: the copies are made */
        JOB_ALONE,     /* EXPUNGE without UIDPLUS: what is marked by anybody is known */
        JOB_FLAGS,     /* APPEND: correct the flags of what was taken */
} JobPhase;

/* How changes() finds out what has changed, best last. */
typedef enum Rung {
        RUNG_LIST,      /* the flags of every message */
        RUNG_SEARCH,    /* what is new; the engine searches for the rest */
        RUNG_CONDSTORE, /* and changed flags; for expunges the engine searches */
        RUNG_QRESYNC,   /* everything */
} Rung;

typedef struct Job {
        struct Job *all_previous, *all_next;
        struct Job *next; /* while it waits to be started */
        JobKind kind;
        JobPhase phase;
        ReplicaMailbox *mailbox; /* borrowed; NULL if it is about none */
        Opened *opened;          /* referenced */
        unsigned n_under_way;    /* commands */

        ReplicaToken since;
        ReplicaWant want;
        uint32_t
                newest; /* JOB_CHANGES: the bodies from this UID on before the others; 0: in one row */
        UidSet uids;    /* CHANGES: known; else those that were asked for, EXPUNGE: less those that
                        are gone */
        MessageFlags add, remove;
        Opened *target;         /* MOVE; referenced */
        UidSet moved, moved_to; /* MOVE: what the server has told of by now */
        bool is_copied;         /* MOVE: to be expunged now */
        unsigned n_rounds;      /* EXPUNGE, MOVE: so often it was tried */
        uint64_t cookie;
        uint32_t uidvalidity; /* that @uids belong to; 0: unknown */
        unsigned items;       /* POLL */
        bool stays;           /* POLL: the mailbox of the IDLE stays selected */
        bool only;            /* POLL: of those that are named, and no others */
        char **wires;         /* POLL, CLOSE, LEAVE: names to ask the STATUS of; CREATE,
                                 RENAME: the new one. Owned */
        size_t n_wires;
        char *name; /* RENAME: the new one; owned */
        bool subscribe;
        char *object; /* CREATE; owned, NULL: not said */
        int64_t date; /* APPEND */
        int date_zone;
        bool has_date;
        uint64_t size;
        bool appended, ended; /* APPEND: OK came; all data is handed in */
        bool without_sync;    /* APPEND: the literal does not wait for "+" */
        bool alone;           /* APPEND: to be handed in again, to go alone */
        struct Job *follower; /* APPEND: the next message of the same command; borrowed */
        MessageFlags flags_given, flags_meant; /* APPEND: at its begin, at its end */
        uint32_t appended_uid, appended_uidvalidity;

        ReplicaSearch search;         /* SEARCH */
        UidSet found;                 /* SEARCH, EXPUNGE: at most FOUND_MAX ranges */
        uint64_t n_found;             /* what COUNT said */
        unsigned n_asked;             /* SEARCH, EXPUNGE: commands that ask, ... */
        unsigned n_counted, n_listed; /* ...and how many answers of each kind came */
        bool with_esearch;

        Rung rung;        /* CHANGES */
        bool lists_known; /* CHANGES: the phase JOB_KNOWN follows */
        bool told_opened; /* CHANGES: OPENED was told */
        bool complete;    /* CHANGES: everything is listed */
        bool distrusted;  /* CHANGES: what comes is dropped, a listing follows */
        bool again;       /* do it again without what the server has refused */
        ReplicaOutcome outcome;
        char *text; /* owned */
} Job;

typedef enum CommandKind {
        COMMAND_ENABLE,
        COMMAND_COMPRESS,
        COMMAND_SELECT,
        COMMAND_UNSELECT, /* and the CLOSE that stands in for it */
        COMMAND_EXAMINE,
        COMMAND_FETCH,     /* of flags, for a listing */
        COMMAND_FETCH_NEW, /* of what was asked for */
        COMMAND_SEARCH,    /* and the FETCH that stands in for it */
        COMMAND_STORE,
        COMMAND_EXPUNGE,
        COMMAND_MOVE,
        COMMAND_COPY,
        COMMAND_APPEND,
        COMMAND_NAMESPACE,
        COMMAND_LSUB,
        COMMAND_LIST,
        COMMAND_DELIMITER,
        COMMAND_CREATE,
        COMMAND_RENAME,
        COMMAND_REMOVE,
        COMMAND_SUBSCRIBE,
        COMMAND_STATUS,
        COMMAND_NOTIFY_NONE,
        COMMAND_NOTIFY,
        COMMAND_NOTIFY_AGAIN,
        COMMAND_IDLE,
        COMMAND_OTHER,
} CommandKind;

/* A command under way. */
typedef struct Command {
        ImapTag tag; /* 0: none was needed; it completes its job when its turn comes */
        CommandKind kind;
        Job *job; /* borrowed, NULL for ENABLE and COMPRESS; lives until its commands are answered */
        Opened *opened; /* SELECT, EXAMINE: referenced */
        bool with_qresync;
} Command;

/* What the answer to the SELECT at the head of the queue has said so far. */
typedef struct Selecting {
        bool begun; /* it speaks of the new mailbox by now */
        bool taken; /* it was entered into the mailbox */
        bool early; /* messages before UIDVALIDITY: nobody knows whose */
        bool has_flags, has_permanent;
        uint32_t uidvalidity, uidnext, exists;
        uint64_t modseq;
        MessageFlags flags;    /* of FLAGS */
        MessageFlags storable; /* of PERMANENTFLAGS */
        bool storable_keywords;
        char object[OBJECT_MAX + 1];
} Selecting;

/* An event that waits for next(), with what its views point to. */
typedef struct Waiting {
        ReplicaEvent event;
        char *text, *name, *old_name, *wire, *object; /* owned */
        UidSet moved, moved_to;                       /* owned; of MOVED */
        UidSet uids;                                  /* owned: of FOUND */
} Waiting;

/* Names of mailboxes, by name; each with what it is on the wire. */
typedef struct NameEntry {
        char *name, *wire; /* owned */
        bool selectable;
} NameEntry;
typedef struct Names {
        NameEntry *entries; /* owned */
        size_t n_entries, capacity;
        uint32_t *slots; /* owned; indices + 1 into entries, 0: free */
        size_t n_slots;  /* a power of two */
} Names;

/* Looks whether a body is one that the server has put in the place of what it cannot convert. */
typedef struct Placeholder {
        size_t n_matched, n_seen;
        bool found;
} Placeholder;

struct ImapReplica {
        Replica base; /* first */
        ImapReplicaOptions options;
        ImapSession *session; /* borrowed; NULL: detached */
        ImapCapabilities capabilities;
        ImapEnabled qresync, uidonly;
        ImapQuirks quirks;
        bool enable_asked;   /* ENABLE is under way: use it, the answer may correct that */
        bool no_list_return; /* the server has refused LIST's RETURN */
        bool no_move;        /* the server has refused MOVE */
        bool no_batch;       /* it has refused several messages in one APPEND */
        bool bad_batch;      /* it does not understand that, on this session or an earlier one */
        bool no_esearch;     /* what it answers to SEARCH's RETURN is of no use */
        bool notify_sent;
        bool compressing;                     /* COMPRESS is under way: nothing may be said */
        int (*start_deflate)(void *userdata); /* NULL: COMPRESS is not to be asked for */
        void *deflate_userdata;
        size_t n_statuses; /* that NOTIFY SET STATUS gave when it was sent last */
        size_t n_renewals; /* since then */
        bool has_delimiter;
        char delimiter;
        char *reference;      /* owned; as on the wire, "" if there is none */
        char **map;           /* owned, NULL: none */
        char *reference_text; /* owned; the same in UTF-8, as Dovecot 2.3 has it in NOTIFY's STATUS */
        char *prefix; /* owned; of the personal namespace, with its delimiter: "INBOX.". NULL: not known */

        Opened *openeds;            /* owned list, those referenced somewhere */
        Opened *selected;           /* as far as the answers have come; referenced */
        Opened *tail;               /* once all is answered; referenced */
        size_t n_selects_under_way; /* commands that change which mailbox is selected */
        Selecting selecting;

        Command *commands; /* owned ring */
        size_t first_command, n_commands, commands_capacity;

        size_t n_searches;     /* commands under way */
        bool searches_plainly; /* one of them is answered without its tag */

        Job *waiting;   /* jobs that are not started yet */
        Job *barrier;   /* an expunge or a move that waits for its SELECT; a move for its COPY */
        Job *current;   /* the APPEND between append_begin() and append_end() */
        Job *appending; /* the same, once it is started: nothing else can be submitted. If it has
                           ended, its command is still open for another message */
        Job *leader;    /* the first one of that command */
        Job *jobs;      /* owned: all that are not complete, the newest first */
        Job *idle;      /* the IDLE under way */
        bool idle_told, idle_told_itself;
        uint64_t n_chatter;   /* lines without news while an IDLE was on */
        ImapBackOff back_off; /* what the server has asked for and nobody has taken note of */
        char *back_off_words; /* owned; NULL: never */
        char **touched; /* owned: wire names that were closed and whose STATUS is still to be asked */
        size_t n_touched;

        bool in_body, skip_body; /* BODY[] of a FETCH is coming */
        Placeholder placeholder; /* is it one? */
        Buffer message_id;       /* of the event that was given last */
        Names names;             /* of the LIST under way */
        Names subscribed;        /* of its LSUB */
        bool has_subscribed;     /* what is subscribed was asked for, and told */
        bool logging_out;
        char *error; /* owned */

        Waiting *events; /* owned: those not yet given, from first_event on */
        size_t first_event, n_events, events_capacity;
        bool has_given; /* the one before first_event was given last, and is alive still */
};

/* imap-replica.c */
static inline ImapReplica *imap_replica_of(Replica *replica) {
        return (ImapReplica *) replica;
}
int job_new(ImapReplica *r, JobKind kind, ReplicaMailbox *mailbox, Job **ret_job);
void job_free(ImapReplica *r, Job *job);
int job_queue(ImapReplica *r, Job *job);       /* takes it, on failure as well */
int job_queue_first(ImapReplica *r, Job *job); /* the next phase of one that had its turn */
int replica_pump(ImapReplica *r);
void replica_relax(ImapReplica *r);
void replica_close_all(ImapReplica *r);
void replica_learn(ImapReplica *r, const ImapCapabilities *capabilities);
int replica_alert(ImapReplica *r, ByteView words);
int replica_fail(ImapReplica *r, int error, const char *what, ByteView words);
/* An event to be given, all 0 but its type; NULL when out of memory. */
void waiting_done(Waiting *waiting);
void event_forget_given(ImapReplica *r);
Waiting *event_add(ImapReplica *r, ReplicaEventType type);
/* Say why a job did not do what it should; the first reason stays. */
int job_fail(Job *job, ReplicaOutcome outcome, const char *what, ByteView words);
int job_fail_name(Job *job, int error);
int job_complete(ImapReplica *r, Job *job);

/* imap-replica-requests.c */
extern const ReplicaOps imap_replica_ops;
/* A request about messages of a mailbox. A name that no server could know ends it at once. */
int job_new_opened(ImapReplica *r, JobKind kind, ReplicaMailbox *mailbox, Job **ret_job);

/* imap-replica-append.c */
int replica_append_begin(Replica *replica, ReplicaMailbox *mailbox, const ReplicaMessage *message,
                         uint64_t cookie);
ssize_t replica_append_data(Replica *replica, ByteView data);
int replica_append_end(Replica *replica, const ReplicaMessage *message);
int replica_append_abort(Replica *replica);
/* Is an APPEND open that no message is being handed in to? End it. */
bool is_between_messages(const ImapReplica *r);
int append_finish(ImapReplica *r);
int start_append(ImapReplica *r, Job *job);
/* The answer to an APPEND, which may have had several messages. */
int append_answered(ImapReplica *r, Job *leader, const ImapText *text);
int append_continue(ImapReplica *r, Job *leader);
bool needs_flags(const ImapReplica *r, const Job *job);

/* imap-replica-back-off.c */
int note_back_off(ImapReplica *r, const ImapText *text);

/* imap-replica-commands.c */
int job_start(ImapReplica *r, Job *job);
int unselect(ImapReplica *r, Job *job);
/* Once the job's mailbox is selected for sure. @what was not done if that cannot be. */
int start_confirmed(ImapReplica *r, Job *job, const char *what,
                    int (*confirmed)(ImapReplica *r, Job *job));
int submit_store(ImapReplica *r, Job *job, char sign, MessageFlags flags);
/* One flag that the mailbox cannot store would spoil the whole command. */
MessageFlags storable_flags(const Opened *opened, MessageFlags flags);
int submit(ImapReplica *r, CommandKind kind, Job *job, ByteView command);
/* After it, add_command() cannot fail. */
int reserve_command(ImapReplica *r);
int ensure_selected(ImapReplica *r, Job *job);
int add_command(ImapReplica *r, ImapTag tag, CommandKind kind, Job *job);
/* "@before @set@after", in as many commands as its length needs. */
int submit_set(ImapReplica *r, CommandKind kind, Job *job, const char *before, const UidSet *set,
               const char *after);
bool has_condstore(const ImapReplica *r);
bool may_be_uidonly(const ImapReplica *r);

/* imap-replica-compress.c: if it sets compressing, @job must wait */
int compress_before(ImapReplica *r, const Job *job);
/* Behind the commands of a list: ask for it if this is the first sync. */
int compress_behind(ImapReplica *r, Job *job);
int on_compress(ImapReplica *r, const ImapText *text);

/* imap-replica-list.c */
unsigned status_items(const ImapReplica *r);
unsigned untrusted_items(const ImapReplica *r);
int submit_statuses(ImapReplica *r, Job *job, char *const *wires, size_t n_wires, unsigned items);
int submit_list(ImapReplica *r, Job *job, bool with_status, unsigned items);
int submit_delimiter(ImapReplica *r, Job *job);
int start_list(ImapReplica *r, Job *job);
int on_list(ImapReplica *r, const Command *head, const ImapList *list);
int on_status(ImapReplica *r, const Command *head, const ImapStatusItems *items);

/* imap-replica-leave.c */
int replica_leave(Replica *replica, ReplicaMailbox *mailbox);
int replica_close(Replica *replica, ReplicaMailbox *mailbox);
/* The event that was added last is a STATUS: keep it, if it is of a mailbox that was left. */
int leave_keep_status(ImapReplica *r);
int opened_stay(ImapReplica *r, Opened *opened);
void opened_forget_status(Opened *opened);

/* imap-replica-life.c */
int start_standing(ImapReplica *r, Job *job);
int start_create(ImapReplica *r, Job *job);
int start_rename(ImapReplica *r, Job *job);
int start_remove(ImapReplica *r, Job *job);
int start_subscribe(ImapReplica *r, Job *job);
/* Return: 0, or -ENOMEM. */
int life_refused(Job *job, CommandKind kind, const ImapText *text);
/* Keep what a server calls a mailbox; what is too long is not known. */
void object_take(char object[OBJECT_MAX + 1], ByteView text);

/* imap-replica-name.c: outcomes as of imap/mailbox-name.h */
/* Is it not below the reference? Then it is none of ours. */
bool name_is_outside(const ImapReplica *r, ByteView wire, char delimiter);
/* Does the delimiter matter to how it is said? */
bool name_needs_delimiter(const ImapReplica *r, const char *name);
int name_decode(const ImapReplica *r, ByteView wire, char delimiter, char **ret_name);
int name_encode(const ImapReplica *r, const char *name, char **ret_wire);
int on_namespace(ImapReplica *r, const ImapList *list);

/* imap-replica-mailbox.c */
int opened_get(ImapReplica *r, ReplicaMailbox *mailbox, Opened **ret_opened);
Opened *opened_find(ImapReplica *r, const ReplicaMailbox *mailbox);
Opened *opened_unref(ImapReplica *r, Opened *opened);
static inline Opened *opened_ref(Opened *opened) {
        if (opened)
                opened->n_refs++;
        return opened;
}
void opened_set(ImapReplica *r, Opened **place, Opened *opened);
int mailbox_wire(const ImapReplica *r, const ReplicaMailbox *mailbox, char **ret_wire);
int format_mailbox(ByteView wire, Buffer *out);
void names_done(Names *names);
/* Return: 0 entered, 1 the same name and wire are there, 2 the name is there for another wire. */
int names_add(Names *names, const char *name, ByteView wire, bool selectable);
bool names_have(const Names *names, const char *name);

/* imap-replica-events.c */
int replica_next(Replica *replica, ReplicaEvent *ret_event);

/* imap-replica-expunge.c */
/* Does the job, as it would be started now, ask for what is left? */
bool asks_what_is_left(const ImapReplica *r, const Job *job);
int start_expunge(ImapReplica *r, Job *job);
int submit_expunge(ImapReplica *r, Job *job);
int note_gone(ImapReplica *r, const UidSet *uids);
/* Fails the job, or sets its again, if what it has expunged may still be there. */
int expunge_continue(ImapReplica *r, Job *job);

/* imap-replica-search.c */
bool search_must_wait(const ImapReplica *r, const Job *job);
void search_forget(Job *job);
bool can_count(const ImapReplica *r);
int start_search(ImapReplica *r, Job *job);
int submit_search_deleted(ImapReplica *r, Job *job);
int submit_search_left(ImapReplica *r, Job *job);
int on_search(ImapReplica *r, const ImapEvent *event);
int on_position(Job *job, const ImapFetch *fetch);
bool is_answered(const Job *job);
int search_refused(ImapReplica *r, Job *job, const ImapText *text);
int tell_found(ImapReplica *r, Job *job);

/* imap-replica-select.c */
int selecting_code(ImapReplica *r, const Command *head, const ImapText *text);
int selecting_flags(ImapReplica *r, const Command *head, ByteView flags);
void selecting_exists(ImapReplica *r, const Command *head, uint32_t exists);
int selecting_data(ImapReplica *r, const Command *head);
int selecting_tagged(ImapReplica *r, const Command *command, const ImapText *text);

/* imap-replica-tagged.c */
int on_tagged(ImapReplica *r, const ImapEvent *event);
int job_continue(ImapReplica *r, Job *job);
ReplicaOutcome outcome_of(const ImapText *text, ReplicaOutcome otherwise);
int refused_in_mailbox(const ImapReplica *r, Job *job, const ImapText *text, const char *what);

/* imap-replica-move.c */
int start_move(ImapReplica *r, Job *job);
int on_copyuid(Job *job, const ImapText *text);
int move_refused(ImapReplica *r, const Command *command, const ImapText *text);
int tell_moved(ImapReplica *r, Job *job);

/* imap-replica-wait.c */
int start_notify(ImapReplica *r, Job *job);
int start_close(ImapReplica *r, Job *job);
int start_poll(ImapReplica *r, Job *job);
bool is_polling_others(const ImapReplica *r, const Job *job);
int start_idle(ImapReplica *r, Job *job);
/* Is this the NOOP behind which a mailbox is left? What the server says of that one is news of it then. */
bool is_leaving(const Command *head);
int tell_left_change(ImapReplica *r);
int tell_idle_change(ImapReplica *r);
int tell_idle_status(ImapReplica *r, const Opened *opened);

/* imap-replica-quirks.c */
bool has_quirk(const ImapReplica *r, ImapQuirk quirk);
int quirk_storable(const ImapReplica *r, const Opened *opened, MessageFlags *storable,
                   bool *storable_keywords);
bool quirk_is_lock(const ImapReplica *r, ByteView wire);
MessageFlags quirk_forgotten_flags(const ImapReplica *r, const Job *job);
void placeholder_begin(Placeholder *p);
void placeholder_look(Placeholder *p, ByteView data);
