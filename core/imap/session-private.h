#pragma once

/*
 * The insides of a session, shared by its files:
 *
 *      session.c           new, push, next: lines, bodies, tags
 *      session-set.c       VANISHED, SEARCH and ESEARCH, whose sets leave as they arrive
 *      session-output.c    commands, literals and IDLE on their way to the server
 */

#include "imap/response.h"
#include "imap/session.h"

typedef enum SessionInput {
        SESSION_GREETING, /* the first line */
        SESSION_LINE,     /* a line, which may have begun already */
        SESSION_BODY,     /* octets of BODY[], handed out */
        SESSION_QUOTED,   /* BODY[] came as a quoted string, held; handed out in the same way */
        SESSION_DRAIN,    /* octets of a BODY[] in a response that makes no sense */
        SESSION_SET,      /* in the set of a VANISHED, SEARCH or ESEARCH */
        SESSION_ESEARCH,  /* between the items of an ESEARCH */
        SESSION_DEAD,
} SessionInput;

typedef enum SessionSetKind {
        SESSION_SET_NONE,
        SESSION_SET_VANISHED,
        SESSION_SET_SEARCH,
        SESSION_SET_ESEARCH,
} SessionSetKind;

/*
 * A place in the output that only the server opens: behind the announcement of a synchronising
 * literal, behind IDLE, or before a command that must wait for its turn. Offsets count all bytes since
 * the session began. If the command is answered while the gate is shut, the @size bytes behind it must
 * never be sent.
 */
typedef struct SessionGate {
        uint64_t offset;
        uint64_t size; /* of what stands behind it: literal and CRLF, or DONE */
        ImapTag tag;   /* 0: of a turn, which another command's answer opens */
        bool is_idle;
} SessionGate;

struct ImapSession {
        ImapLimits limits;

        /* inbound */
        Buffer in;
        size_t pos;  /* of the first byte that is not consumed */
        size_t scan; /* no line end before this; past the end of @in inside a literal */
        SessionInput input;
        int dead_error;
        size_t depth, depth_scan; /* open parentheses in the line up to depth_scan */
        bool skip_line;           /* the line that has begun makes no sense: drop it when it ends */
        Buffer held;              /* a FETCH whose BODY[] has left: what came before the body */
        bool is_held;
        uint64_t body_size, body_left;
        unsigned quoted_step;
        SessionSetKind set_kind;
        UidSet set; /* the piece that is being gathered */
        ImapTag set_tag;
        bool set_earlier;
        bool set_any;     /* a number or range was read */
        bool set_comma;   /* another one must follow */
        bool set_emitted; /* a piece has left, so the rest cannot be skipped any more */
        bool esearch_answered;
        ImapResponseStore store;
        uint64_t n_skipped;
        char error[320];
        char skipped[4 * 60 + 16];

        /* commands without a tagged response, ascending, from first_under_way on */
        ImapTag *under_way; /* owned */
        size_t first_under_way, n_under_way, under_way_capacity;
        ImapTag last_tag;

        /* outbound */
        Buffer out; /* wiped as it is sent */
        size_t out_pos;
        uint64_t sent;      /* bytes since the session began */
        SessionGate *gates; /* owned, by ascending offset */
        size_t n_gates, gates_capacity;
        size_t n_turns;      /* gates that are one */
        unsigned n_commands; /* limit of those under way, 0: none */
        ImapTag idle_tag;    /* 0: no IDLE, or DONE is on its way */
        bool idle_confirmed;
        ImapTag append_tag; /* 0: no APPEND is being handed in */
        uint64_t append_left;
        bool append_refused;
};

/* What a step of imap_session_next() returns besides 1, 0 and errors: nothing to tell, go on. */
#define SESSION_AGAIN 2

/* session.c */
static inline ByteView session_unread(const ImapSession *s) {
        return s->in.data ? (ByteView){s->in.data + s->pos, s->in.size - s->pos} : BYTES_NULL;
}

/* Consume @n bytes; what is behind them has not been looked at. */
static inline void session_consume(ImapSession *s, size_t n) {
        s->pos += n;
        s->scan = s->depth_scan = s->pos;
        s->depth = 0;
}

/* The line that has begun makes no sense: count it, and drop it when it ends. */
int session_skip_line(ImapSession *s);

/* The session is over. The sentence ends in “@quote”, escaped and cut, unless that is BYTES_NULL.
 * Return: @error. */
int session_fail(ImapSession *s, int error, ByteView quote, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
int session_fail_long_line(ImapSession *s);

/* session-set.c */
SessionSetKind session_set_kind(ByteView line);
int session_begin_set(ImapSession *s, SessionSetKind kind);
int session_next_set(ImapSession *s, ImapEvent *ret_event);
int session_next_esearch(ImapSession *s, ImapEvent *ret_event);

/* session-output.c */
ImapTag session_oldest_tag(const ImapSession *s);
bool session_is_under_way(const ImapSession *s, ImapTag tag);

/* A tagged response came. Return: 0, or -EBADMSG if nothing was asked under that tag. */
int session_complete(ImapSession *s, ImapTag tag);

/* "+" came: does it let a literal pass (true), or is it for the owner? */
bool session_continue(ImapSession *s);

void session_output_done(ImapSession *s);
