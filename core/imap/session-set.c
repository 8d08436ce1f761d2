/*
 * VANISHED, SEARCH and ESEARCH: responses whose sets may be longer than a line may be
 *
 * They are read as they arrive and leave in pieces of limits.ranges ranges. Where the pieces end
 * does not depend on how the bytes arrived.
 *
 * A set that makes no sense is skipped with its response. When a piece of it has left already, that
 * is no longer possible: half of a SEARCH would look like a mailbox with half of its messages gone.
 * The session ends then.
 */

#include <errno.h>

#include "base/macro.h"
#include "imap/lexer.h"
#include "imap/session-private.h"

/* "* VANISHED" and the like, once what follows the word has arrived. */
SessionSetKind session_set_kind(ByteView line) {
        static const struct {
                ByteView prefix;
                SessionSetKind kind;
        } table[] = {
                {BYTES("* VANISHED"), SESSION_SET_VANISHED},
                {BYTES("* SEARCH"),   SESSION_SET_SEARCH  },
                {BYTES("* ESEARCH"),  SESSION_SET_ESEARCH },
        };

        if (line.size < 3 || (line.data[2] >= '0' && line.data[2] <= '9'))
                return SESSION_SET_NONE;

        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                size_t n = table[i].prefix.size;

                if (line.size > n && bytes_starts_fold(line, table[i].prefix) &&
                    memchr(" \r\n", line.data[n], 3))
                        return table[i].kind;
        }

        return SESSION_SET_NONE;
}

int session_begin_set(ImapSession *s, SessionSetKind kind) {
        static const size_t prefix_size[] = {
                [SESSION_SET_VANISHED] = sizeof("* VANISHED") - 1,
                [SESSION_SET_SEARCH] = sizeof("* SEARCH") - 1,
                [SESSION_SET_ESEARCH] = sizeof("* ESEARCH") - 1,
        };

        session_consume(s, prefix_size[kind]);
        s->input = kind == SESSION_SET_ESEARCH ? SESSION_ESEARCH : SESSION_SET;
        s->set_kind = kind;
        s->set.n_ranges = 0;
        s->set_tag = session_oldest_tag(s);
        s->set_earlier = s->set_any = s->set_comma = s->set_emitted = false;
        s->esearch_answered = false;
        return SESSION_AGAIN;
}

/* What is not a set is held to the limit of lines, item by item. Nobody looks farther than that, so
 * that what is found does not depend on how much has arrived. */
static ImapLexer item_lexer(const ImapSession *s) {
        ByteView unread = session_unread(s);

        return imap_lexer_partial((ByteView){unread.data, MIN(unread.size, s->limits.line)});
}

static int wait_for_more(ImapSession *s) {
        return session_unread(s).size > s->limits.line ? session_fail_long_line(s) : 0;
}

static int set_nonsense(ImapSession *s) {
        if (s->set_emitted)
                return session_fail(s, -EBADMSG, session_unread(s),
                                    "the server sent a list of messages that goes on with");

        return session_skip_line(s);
}

static int emit_piece(ImapSession *s, bool last, ImapEvent *ret_event) {
        *ret_event = (ImapEvent){
                .type = s->set_kind == SESSION_SET_VANISHED ? IMAP_EVENT_VANISHED
                                                            : IMAP_EVENT_SEARCH,
                .tag = s->set_tag,
                .uids = s->set,
                .earlier = s->set_earlier,
                .last = last,
        };
        s->set.n_ranges = 0; /* the event's copy keeps its own number until the next call */
        s->set_emitted = !last;
        return 1;
}

/* The set is over: with its line, or, in an ESEARCH, with a space. */
static int end_set(ImapSession *s, ImapEvent *ret_event) {
        if (s->set_comma || (!s->set_any && s->set_kind != SESSION_SET_SEARCH))
                return set_nonsense(s);

        s->input = s->set_kind == SESSION_SET_ESEARCH ? SESSION_ESEARCH : SESSION_LINE;
        s->esearch_answered = true;
        return emit_piece(s, true, ret_event);
}

static int set_space(ImapSession *s, ImapEvent *ret_event) {
        if (s->set_kind == SESSION_SET_ESEARCH && s->set_any)
                return end_set(s, ret_event);

        session_consume(s, 1);
        return SESSION_AGAIN;
}

static int set_line_end(ImapSession *s, ImapEvent *ret_event) {
        ImapLexer lexer = imap_lexer_partial(session_unread(s));
        ImapToken token;
        int r;

        if (s->set_kind == SESSION_SET_ESEARCH && s->set_any)
                return end_set(s, ret_event);

        r = imap_lexer_next(&lexer, &token);
        if (r == 0)
                return 0;
        if (r < 0)
                return set_nonsense(s);

        r = end_set(s, ret_event);
        if (r == 1)
                session_consume(s, imap_lexer_consumed(&lexer));
        return r;
}

/* "(EARLIER)" before the set of VANISHED, "(MODSEQ 917162500)" behind that of SEARCH. */
static int set_list(ImapSession *s) {
        ImapLexer lexer = item_lexer(s);
        ByteView list;
        int r;

        r = imap_lexer_flat_list(&lexer, &list);
        if (r == 0)
                return wait_for_more(s);
        if (r < 0)
                return set_nonsense(s);

        if (s->set_kind == SESSION_SET_VANISHED) {
                if (s->set_any || !bytes_equal_fold(list, BYTES("EARLIER")))
                        return set_nonsense(s);
                s->set_earlier = true;
        } else if (s->set_kind != SESSION_SET_SEARCH)
                return set_nonsense(s);

        session_consume(s, imap_lexer_consumed(&lexer));
        return SESSION_AGAIN;
}

static int set_element(ImapSession *s, ImapEvent *ret_event) {
        bool is_search = s->set_kind == SESSION_SET_SEARCH;
        ImapLexer lexer = imap_lexer_partial(session_unread(s));
        UidRange range;
        int r;

        if (s->set_any && !s->set_comma && !is_search)
                return set_nonsense(s);
        if (s->set.n_ranges >= s->limits.ranges)
                return emit_piece(s, false, ret_event);

        r = imap_lexer_range(&lexer, &range);
        if (r == 0)
                return 0;
        if (r < 0)
                return set_nonsense(s);
        if (!memchr(is_search ? " \r\n" : " ,\r\n", *lexer.p, is_search ? 3 : 4))
                return set_nonsense(s);
        r = uid_set_add(&s->set, range.first, range.last);
        if (r < 0)
                return r;

        s->set_any = true;
        s->set_comma = false;
        session_consume(s, imap_lexer_consumed(&lexer));
        return SESSION_AGAIN;
}

static int set_comma(ImapSession *s) {
        if (!s->set_any || s->set_comma)
                return set_nonsense(s);

        s->set_comma = true;
        session_consume(s, 1);
        return SESSION_AGAIN;
}

int session_next_set(ImapSession *s, ImapEvent *ret_event) {
        ByteView unread = session_unread(s);

        if (unread.size == 0)
                return 0;

        switch (unread.data[0]) {
        case ' ':
                return set_space(s, ret_event);
        case '\r':
        case '\n':
                return set_line_end(s, ret_event);
        case ',':
                return set_comma(s);
        case '(':
                return set_list(s);
        }

        return set_element(s, ret_event);
}

/* The correlator (RFC 4466 section 2.6.2) says which SEARCH this answers. */
static int esearch_correlator(ImapSession *s, ImapLexer *lexer) {
        ImapToken name, value;
        uint64_t tag;
        int r;

        r = imap_lexer_next(lexer, &name);
        if (r <= 0)
                return r;
        r = name.type == IMAP_TOKEN_ATOM ? imap_lexer_next(lexer, &value) : -EBADMSG;
        if (r <= 0)
                return r;
        if (value.type == IMAP_TOKEN_END)
                return -EBADMSG;

        if (bytes_equal_fold(name.text, BYTES("TAG")) &&
            bytes_to_u64(value.text, UINT32_MAX, &tag) >= 0 &&
            session_is_under_way(s, (ImapTag) tag))
                s->set_tag = (ImapTag) tag;

        r = imap_lexer_skip_list(lexer);
        return r > 0 ? SESSION_AGAIN : r;
}

static int esearch_end(ImapSession *s, ImapEvent *ret_event) {
        s->input = SESSION_LINE;
        if (s->esearch_answered)
                return SESSION_AGAIN;

        /* Nothing was found: then ALL is left out (RFC 4731 section 3.1). */
        return emit_piece(s, true, ret_event);
}

/* COUNT is an event, ALL leads to the set, all others are skipped with their value. */
static int esearch_item(ImapSession *s, ImapLexer *lexer, ByteView name, ImapEvent *ret_event) {
        uint64_t count;
        int r;

        if (bytes_equal_fold(name, BYTES("UID")))
                return SESSION_AGAIN;

        if (bytes_equal_fold(name, BYTES("ALL"))) {
                s->input = SESSION_SET;
                s->set_any = s->set_comma = false;
                return SESSION_AGAIN;
        }

        if (bytes_equal_fold(name, BYTES("COUNT"))) {
                r = imap_lexer_number(lexer, UINT32_MAX, &count);
                if (r <= 0)
                        return r;
                s->esearch_answered = true;
                *ret_event = (ImapEvent){
                        .type = IMAP_EVENT_ESEARCH_COUNT,
                        .tag = s->set_tag,
                        .number = count,
                };
                return 1;
        }

        r = imap_lexer_skip_value(lexer);
        return r > 0 ? SESSION_AGAIN : r;
}

int session_next_esearch(ImapSession *s, ImapEvent *ret_event) {
        ImapLexer lexer = item_lexer(s);
        ImapToken token;
        int r;

        r = imap_lexer_next(&lexer, &token);
        if (r > 0) {
                if (token.type == IMAP_TOKEN_END)
                        r = esearch_end(s, ret_event);
                else if (token.type == IMAP_TOKEN_OPEN)
                        r = esearch_correlator(s, &lexer);
                else if (token.type == IMAP_TOKEN_ATOM)
                        r = esearch_item(s, &lexer, token.text, ret_event);
                else
                        r = -EBADMSG;
        }

        if (r == 0)
                return wait_for_more(s);
        if (r < 0)
                return session_skip_line(s);
        session_consume(s, imap_lexer_consumed(&lexer));
        return r;
}
