#pragma once

/*
 * An IMAP session: the protocol as a function on bytes (RFC 3501 / 9051, client side)
 *
 * Bytes from the server are pushed in, events are taken out; commands are submitted, bytes for the
 * server are pulled out. No socket, clock, log or global: the owner moves the bytes, keeps the
 * deadlines, and puts TLS and DEFLATE around it.
 *
 *      imap_session_space(s, n, &space)    where to put what the server said,
 *      imap_session_filled(s, n)           or imap_session_push(s, bytes)
 *      while (imap_session_next(s, &ev) > 0) ...
 *      imap_session_pull(s, &view)         what to tell the server
 *      imap_session_sent(s, n)
 *
 * Limits. Memory is bounded whatever the server sends: a response line is held until it is whole,
 * but only up to limits.line bytes (-E2BIG past it); what may rightly be longer, the sets of
 * VANISHED, SEARCH and ESEARCH, leaves in pieces as it arrives; literals of BODY[] leave piece by
 * piece and are never whole in memory; other literals count against the line. Untagged responses
 * that cannot be understood are skipped and counted (imap_session_n_skipped), never fatal, unless
 * the framing itself is lost, or a set turns out to make no sense when a piece of it has left. So a
 * SEARCH that was asked for and answered by no event was skipped: it did not find nothing.
 *
 * Order. Commands are answered in the order in which they were submitted: an event carries the tag
 * of the oldest command that is not yet complete, which is the one it most likely belongs to
 * (0: none, the server speaks of its own accord). Events of an ESEARCH carry the tag it names.
 */

#include <sys/types.h>

#include "base/bytes.h"
#include "base/macro.h"
#include "imap/capability.h"
#include "imap/uid-set.h"

typedef struct ImapSession ImapSession;
typedef uint32_t ImapTag; /* 1, 2, ...; 0: none */

typedef struct ImapLimits {
        size_t line;      /* one response line, its non-body literals included; bytes */
        size_t output;    /* bytes waiting to be pulled before APPEND data is refused */
        size_t ranges;    /* UID ranges in one event of VANISHED, SEARCH, ESEARCH */
        uint64_t literal; /* a BODY[] literal above this is -E2BIG */
} ImapLimits;

/* 64 kB lines, 128 kB output, 256 ranges, 2^40 bytes of body. */
extern const ImapLimits imap_limits_default;

typedef enum ImapStatus {
        IMAP_OK,
        IMAP_NO,
        IMAP_BAD,
        IMAP_PREAUTH, /* greeting only */
        IMAP_BYE,
} ImapStatus;

/* Response codes (RFC 9051 section 7.1, RFC 5530, 4315, 7162, 4978, 5465, 8474) that are acted on. */
typedef enum ImapCode {
        IMAP_CODE_NONE,
        IMAP_CODE_OTHER, /* one without a name here, or whose arguments make no sense */
        IMAP_CODE_ALERT,
        IMAP_CODE_ALREADYEXISTS,
        IMAP_CODE_APPENDUID, /* number[0] UIDVALIDITY, uids: the new UIDs */
        IMAP_CODE_AUTHENTICATIONFAILED,
        IMAP_CODE_AUTHORIZATIONFAILED,
        IMAP_CODE_BADCHARSET,
        IMAP_CODE_CANNOT,
        IMAP_CODE_CAPABILITY, /* capabilities */
        IMAP_CODE_CLIENTBUG,
        IMAP_CODE_CLOSED,
        IMAP_CODE_COMPRESSIONACTIVE,
        IMAP_CODE_CONTACTADMIN,
        IMAP_CODE_COPYUID, /* number[0] UIDVALIDITY, uids: the source, uids_to: the destination; as
                              many in both, the n-th became the n-th */
        IMAP_CODE_CORRUPTION,
        IMAP_CODE_EXPIRED,
        IMAP_CODE_EXPUNGEISSUED,
        IMAP_CODE_HIGHESTMODSEQ, /* number[0] */
        IMAP_CODE_INUSE,
        IMAP_CODE_LIMIT,
        IMAP_CODE_MAILBOXID, /* object */
        IMAP_CODE_MODIFIED,  /* uids */
        IMAP_CODE_NOMODSEQ,
        IMAP_CODE_NONEXISTENT,
        IMAP_CODE_NOPERM,
        IMAP_CODE_NOTIFICATIONOVERFLOW,
        IMAP_CODE_OVERQUOTA,
        IMAP_CODE_PERMANENTFLAGS, /* flags */
        IMAP_CODE_PRIVACYREQUIRED,
        IMAP_CODE_READ_ONLY,
        IMAP_CODE_READ_WRITE,
        IMAP_CODE_SERVERBUG,
        IMAP_CODE_THROTTLED,
        IMAP_CODE_TOOBIG,
        IMAP_CODE_TRYCREATE,
        IMAP_CODE_UIDNEXT, /* number[0] */
        IMAP_CODE_UIDNOTSTICKY,
        IMAP_CODE_UIDVALIDITY, /* number[0] */
        IMAP_CODE_UNAVAILABLE,
        IMAP_CODE_UNSEEN,
        _IMAP_CODE_MAX,
} ImapCode;

/* OK, NO, BAD, PREAUTH or BYE, tagged or untagged. */
typedef struct ImapText {
        ImapStatus status;
        ImapCode code;
        uint64_t number[1];
        UidSet uids, uids_to; /* owned by the session; whole, at most 4096 ranges */
        ByteView flags;       /* of PERMANENTFLAGS: without parentheses, for flags_parse() */
        ByteView object;      /* of MAILBOXID: RFC 8474 section 4.2 */
        ImapCapabilities capabilities;
        ByteView text; /* what is left for people */
} ImapText;

enum { /* ImapFetch.present */
       IMAP_FETCH_UID = 1 << 0,
       IMAP_FETCH_FLAGS = 1 << 1,
       IMAP_FETCH_MODSEQ = 1 << 2,
       IMAP_FETCH_SIZE = 1 << 3,
       IMAP_FETCH_DATE = 1 << 4,
       IMAP_FETCH_BODY = 1 << 5,   /* BODY[] came, as a literal or string */
       IMAP_FETCH_NIL = 1 << 6,    /* BODY[] NIL: not a message (protocol: never store it) */
       IMAP_FETCH_HEADER = 1 << 7, /* BODY[HEADER.FIELDS (...)] */
       IMAP_FETCH_OBJECT = 1 << 8, /* EMAILID or X-GM-MSGID */
};

/* RFC 8474 section 4: an objectid has 255 characters at most. */
#define IMAP_OBJECT_MAX 255u

/* A FETCH response, or as much of one as has arrived when its body begins. */
typedef struct ImapFetch {
        unsigned present;
        uint32_t seqnum;
        uint32_t uid;
        ByteView flags; /* without parentheses, for flags_parse() */
        uint64_t modseq;
        uint64_t size;   /* RFC822.SIZE, which some servers get wrong */
        int64_t date;    /* INTERNALDATE, seconds since 1970 UTC */
        int date_zone;   /* minutes east of UTC, so that the same text can be given back */
        ByteView header; /* of BODY[HEADER.FIELDS (...)], lines with CRLF */
        ByteView object; /* EMAILID (RFC 8474) or X-GM-MSGID (Gmail): 1 to IMAP_OBJECT_MAX bytes */
        uint64_t body_size;
} ImapFetch;

enum { /* ImapStatusItems.present */
       IMAP_STATUS_MESSAGES = 1 << 0,
       IMAP_STATUS_UIDNEXT = 1 << 1,
       IMAP_STATUS_UIDVALIDITY = 1 << 2,
       IMAP_STATUS_UNSEEN = 1 << 3,
       IMAP_STATUS_HIGHESTMODSEQ = 1 << 4,
       IMAP_STATUS_MAILBOXID = 1 << 5,
       IMAP_STATUS_SIZE = 1 << 6, /* RFC 8438 */
};

/* * STATUS */
typedef struct ImapStatusItems {
        unsigned present;
        ByteView mailbox; /* as on the wire, unquoted */
        uint32_t messages, uidnext, uidvalidity, unseen;
        uint64_t highest_modseq;
        uint64_t size;   /* of all messages, in bytes */
        ByteView object; /* of MAILBOXID */
} ImapStatusItems;

enum { /* ImapList.attributes */
       IMAP_LIST_NOSELECT = 1 << 0,
       IMAP_LIST_NONEXISTENT = 1 << 1,
       IMAP_LIST_NOINFERIORS = 1 << 2,
       IMAP_LIST_SUBSCRIBED = 1 << 3,
       IMAP_LIST_ALL = 1 << 4, /* special use, RFC 6154 and \Important of RFC 8457 */
       IMAP_LIST_ARCHIVE = 1 << 5,
       IMAP_LIST_DRAFTS = 1 << 6,
       IMAP_LIST_FLAGGED = 1 << 7,
       IMAP_LIST_IMPORTANT = 1 << 8,
       IMAP_LIST_JUNK = 1 << 9,
       IMAP_LIST_SENT = 1 << 10,
       IMAP_LIST_TRASH = 1 << 11,
};

/* * LIST (and * LSUB) */
typedef struct ImapList {
        unsigned attributes;
        char delimiter;    /* '\0' for NIL */
        ByteView mailbox;  /* as on the wire, unquoted */
        ByteView old_name; /* of ("OLDNAME" (...)), RFC 5465 and 9051; size 0: none */
} ImapList;

typedef enum ImapEventType {
        IMAP_EVENT_GREETING,     /* text; the first event of a session. PREAUTH: it is logged in */
        IMAP_EVENT_TAGGED,       /* tag, text: the command is complete */
        IMAP_EVENT_CONTINUATION, /* text.text: "+ ..." of IDLE or AUTHENTICATE; those that ask for a
                                    literal are answered by the session and not seen */
        IMAP_EVENT_TEXT,         /* text: untagged OK, NO, BAD, BYE */
        IMAP_EVENT_CAPABILITY,   /* text.capabilities */
        IMAP_EVENT_ENABLED,      /* text.capabilities: QRESYNC, CONDSTORE as bits */
        IMAP_EVENT_FLAGS,        /* text.flags: of the selected mailbox */
        IMAP_EVENT_EXISTS,       /* number */
        IMAP_EVENT_EXPUNGE,      /* number: a message sequence number */
        IMAP_EVENT_FETCH,        /* fetch: complete */
        IMAP_EVENT_BODY_BEGIN,   /* fetch: what came before BODY[], and body_size */
        IMAP_EVENT_BODY_DATA,    /* data: a piece of the body */
        IMAP_EVENT_BODY_END, /* the body is whole; IMAP_EVENT_FETCH follows, with present == 0 if
                                    what came behind the body made no sense */
        IMAP_EVENT_VANISHED, /* uids, earlier, last */
        IMAP_EVENT_SEARCH,   /* uids, last: SEARCH, or ALL of ESEARCH; numbers in any order. No
                                    uids also for an ESEARCH with neither ALL nor COUNT */
        IMAP_EVENT_ESEARCH_COUNT, /* number: COUNT of an ESEARCH. COUNT 0 may come without a SEARCH */
        IMAP_EVENT_LIST,          /* list */
        IMAP_EVENT_STATUS,        /* status */
        IMAP_EVENT_NAMESPACE,     /* list: mailbox and delimiter of the first personal namespace; of
                                 size 0 if there is none (RFC 2342) */
        IMAP_EVENT_ID, /* text.text: how the server calls itself (RFC 2971); size 0: it does
                                     not say */
        _IMAP_EVENT_TYPE_MAX,
} ImapEventType;

/* Views and sets point into the session and die with the next call on it. */
typedef struct ImapEvent {
        ImapEventType type;
        ImapTag tag; /* of IMAP_EVENT_TAGGED; else of the oldest command under way, or 0 */
        ImapText text;
        ImapFetch fetch;
        ImapList list;
        ImapStatusItems status;
        uint64_t number;
        ByteView data;
        UidSet uids;  /* borrowed from the session: do not free */
        bool earlier; /* VANISHED (EARLIER) */
        bool last;    /* the last piece of this VANISHED or SEARCH */
} ImapEvent;

/* A session that waits for the greeting. Return: 0, or -ENOMEM. */
int imap_session_new(const ImapLimits *limits, ImapSession **ret_session);
ImapSession *imap_session_free(ImapSession *session);

/**
 * imap_session_space() - room to read into what the server sends
 * @n: bytes; the owner should read in pieces of at most 64 kB and take the events in between, since all
 *     that was read and not yet taken is held
 * @ret_space: borrowed until the next call with this session, which must be imap_session_filled()
 *
 * Return: 0, -ENOMEM.
 */
int imap_session_space(ImapSession *session, size_t n, char **ret_space);

/* @n: so many bytes were read into that room; 0 gives it back. */
void imap_session_filled(ImapSession *session, size_t n);

/* The same for bytes that are elsewhere: they are copied. Return: 0, -ENOMEM. */
int imap_session_push(ImapSession *session, ByteView bytes);

/**
 * imap_session_next() - take the next event out of the bytes received so far
 * @ret_event: the event; views in it die with the next call
 *
 * Return: 1 if there is an event, 0 if more bytes are needed, -EBADMSG if the server broke the
 *         protocol, -E2BIG if it passed a limit (the session is dead then; imap_session_error()
 *         says what happened), or -ENOMEM.
 */
int imap_session_next(ImapSession *session, ImapEvent *ret_event);

/* A sentence about the last -EBADMSG or -E2BIG, foreign bytes escaped and cut; "" if none. */
const char *imap_session_error(const ImapSession *session);

/* Untagged responses that were skipped because they made no sense; and how the last of them began, or
 * where it stopped making sense: escaped and cut, "" if there was none. */
uint64_t imap_session_n_skipped(const ImapSession *session);
const char *imap_session_skipped(const ImapSession *session);

/* Bytes pushed and not consumed; STARTTLS must refuse to go on unless this is 0. */
size_t imap_session_n_unread(const ImapSession *session);

/* Append the unread bytes to @out and forget them: after the tagged OK of COMPRESS they are DEFLATE,
 * not IMAP. Return: 0, -ENOMEM, or -E2BIG from the limit of @out. */
int imap_session_take_unread(ImapSession *session, Buffer *out);

/**
 * imap_session_submit() - queue a command
 * @command: without tag and CRLF; the caller has quoted what needs it (imap/command.h). Literals
 *           inside ("{12}\r\n...") are not allowed: see imap_session_append_begin()
 * @ret_tag: its tag
 *
 * Nothing may be submitted between append_begin and append_end. While IDLE is under way, the session
 * sends DONE before the next command by itself.
 *
 * Return: 0, or -ENOMEM.
 */
int imap_session_submit(ImapSession *session, ByteView command, ImapTag *ret_tag);

/* "IDLE" (RFC 2177); ends by imap_session_done() or the next command, whose bytes wait until the
 * server has confirmed it. Again while it is under way: nothing happens, and its tag is returned. */
int imap_session_idle(ImapSession *session, ImapTag *ret_tag);
int imap_session_done(ImapSession *session);

/* Has the server confirmed IDLE, and has nothing ended it since? */
bool imap_session_is_idle(const ImapSession *session);

/* A line without a tag, for AUTHENTICATE's answers; CRLF is added. */
int imap_session_submit_line(ImapSession *session, ByteView line);

typedef enum ImapLiteralMode {
        IMAP_LITERAL_SYNC,  /* {n}: wait for "+" */
        IMAP_LITERAL_PLUS,  /* {n+}: LITERAL+ */
        IMAP_LITERAL_MINUS, /* {n+} up to 4096 bytes, else {n} */
} ImapLiteralMode;

/**
 * imap_session_append_begin() - queue a command that ends in one literal
 * @command: all before the literal, e.g. `APPEND INBOX (\Seen) "17-Jul-1996 02:44:25 -0700"`
 * @size:    bytes that will follow
 *
 * Then imap_session_append_data() until @size bytes were taken, then imap_session_append_end(). When
 * a synchronising literal is refused (a tagged NO instead of "+"), the session swallows the data that
 * is still handed in.
 *
 * Return: 0, or -ENOMEM.
 */
int imap_session_append_begin(ImapSession *session, ByteView command, uint64_t size,
                              ImapLiteralMode mode, ImapTag *ret_tag);

/* Bytes taken now: 0 to @data.size. Less than all means that limits.output is reached: pull, send,
 * and come again. Or -ENOMEM, or -EINVAL if there is more than was announced. */
ssize_t imap_session_append_data(ImapSession *session, ByteView data);

/* The same command goes on with another literal, which does not wait for "+" (RFC 3502: another message
 * of the same APPEND). @more: what stands before it. Return: 0, -ENOMEM, or -EINVAL if less was handed
 * in than was announced. */
int imap_session_append_more(ImapSession *session, ByteView more, uint64_t size);

/* Return: 0, -ENOMEM, or -EINVAL if less was handed in than was announced: the server waits for the
 * rest, so nothing is left but to close the connection. */
int imap_session_append_end(ImapSession *session);

/* The bytes to write now, without copying; they stay valid until imap_session_sent() or until more is
 * submitted. Empty when there is nothing, or while a synchronising literal or the end of IDLE waits
 * for a "+". What was sent is wiped, since it may hold a password. */
ByteView imap_session_pull(const ImapSession *session);
void imap_session_sent(ImapSession *session, size_t n);

/* From now on send a command only when fewer than so many are without an answer; 0: never mind. What
 * has been submitted already is not held back any more. */
void imap_session_set_limit(ImapSession *session, unsigned n_commands);

/* Commands that have no tagged response yet (IDLE included). */
size_t imap_session_n_under_way(const ImapSession *session);

/* Those of them that the server is to answer: not an APPEND of which all has been sent that was handed
 * in, but more is to come. Then it is the server that waits. */
size_t imap_session_n_owed(const ImapSession *session);

DEFINE_CLEANUP(ImapSession *, imap_session_free)
