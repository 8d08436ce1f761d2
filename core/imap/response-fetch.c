/*
 * The FETCH response (RFC 9051 section 7.5.2): attributes in any order, unknown ones skipped
 */

#include <errno.h>
#include <string.h>

#include "imap/command.h"
#include "imap/response.h"

static int fetch_uid(ImapLexer *lexer, ImapFetch *fetch) {
        uint64_t uid;
        int r;

        r = imap_lexer_number(lexer, UID_MAX, &uid);
        if (r < 0)
                return r;
        if (uid == 0)
                return -EBADMSG;

        fetch->uid = (uint32_t) uid;
        fetch->present |= IMAP_FETCH_UID;
        return 1;
}

static int fetch_flags(ImapLexer *lexer, ImapFetch *fetch) {
        fetch->present |= IMAP_FETCH_FLAGS;
        return imap_lexer_flat_list(lexer, &fetch->flags);
}

/* MODSEQ (n): RFC 7162 section 3.1.4.2 */
static int fetch_modseq(ImapLexer *lexer, ImapFetch *fetch) {
        int r;

        r = imap_lexer_open(lexer);
        if (r < 0)
                return r;
        r = imap_lexer_number(lexer, INT64_MAX, &fetch->modseq);
        if (r < 0)
                return r;

        fetch->present |= IMAP_FETCH_MODSEQ;
        return imap_lexer_skip_list(lexer);
}

/* What is no number, as 3.45e+06 (seen: Wino-Mail issue 469), is no size; the rest still counts. */
static int fetch_size(ImapLexer *lexer, ImapFetch *fetch) {
        int r;

        r = imap_lexer_number(lexer, INT64_MAX, &fetch->size);
        if (r == -EBADMSG)
                return imap_lexer_skip_value(lexer);
        if (r > 0)
                fetch->present |= IMAP_FETCH_SIZE;
        return r;
}

/* A string, or NIL: then @ret_nil. */
static int fetch_nstring(ImapLexer *lexer, ByteView *ret_string, bool *ret_nil) {
        ImapToken token;
        int r;

        r = imap_lexer_next(lexer, &token);
        if (r < 0)
                return r;

        *ret_nil = token.type == IMAP_TOKEN_NIL;
        if (*ret_nil)
                return 1;
        if (token.type == IMAP_TOKEN_ATOM)
                return -EBADMSG;
        return imap_lexer_string(lexer, &token, ret_string);
}

static int fetch_date(ImapLexer *lexer, ImapFetch *fetch) {
        ByteView text;
        bool nil;
        int r;

        r = fetch_nstring(lexer, &text, &nil);
        if (r < 0 || nil)
                return r;
        r = imap_parse_date(text, &fetch->date, &fetch->date_zone);
        if (r < 0)
                return r;

        fetch->present |= IMAP_FETCH_DATE;
        return 1;
}

static int fetch_header(ImapLexer *lexer, ImapFetch *fetch) {
        bool nil;
        int r;

        r = fetch_nstring(lexer, &fetch->header, &nil);
        if (r > 0 && !nil)
                fetch->present |= IMAP_FETCH_HEADER;
        return r;
}

/* One that makes no sense is as good as none: the rest of the response still does. */
static void take_object(ByteView object, ImapFetch *fetch) {
        if (object.size == 0 || object.size > IMAP_OBJECT_MAX ||
            memchr(object.data, ' ', object.size))
                return;

        fetch->object = object;
        fetch->present |= IMAP_FETCH_OBJECT;
}

/* EMAILID (id): RFC 8474 section 5.1 */
static int fetch_emailid(ImapLexer *lexer, ImapFetch *fetch) {
        ByteView object;
        int r;

        r = imap_lexer_flat_list(lexer, &object);
        if (r == -EBADMSG)
                return imap_lexer_skip_value(lexer);
        if (r > 0)
                take_object(object, fetch);
        return r;
}

/* X-GM-MSGID n: https://developers.google.com/gmail/imap/imap-extensions */
static int fetch_gmail_msgid(ImapLexer *lexer, ImapFetch *fetch) {
        const ImapLexer before = *lexer;
        ImapToken token;
        int r;

        r = imap_lexer_next(lexer, &token);
        if (r <= 0)
                return r;
        if (token.type != IMAP_TOKEN_ATOM) {
                *lexer = before;
                return imap_lexer_skip_value(lexer);
        }

        take_object(token.text, fetch);
        return 1;
}

static int fetch_body(ImapLexer *lexer, ImapFetch *fetch, ByteView *ret_body) {
        bool nil;
        int r;

        r = fetch_nstring(lexer, ret_body, &nil);
        if (r < 0)
                return r;

        fetch->present &= ~(unsigned) (IMAP_FETCH_BODY | IMAP_FETCH_NIL);
        fetch->present |= nil ? IMAP_FETCH_NIL : IMAP_FETCH_BODY;
        fetch->body_size = nil ? 0 : ret_body->size;
        return 1;
}

static int fetch_attribute(ImapLexer *lexer, ByteView name, ImapFetch *fetch, ByteView *ret_body) {
        static const struct {
                ByteView name;
                int (*parse)(ImapLexer *lexer, ImapFetch *fetch);
        } table[] = {
                {BYTES("UID"),          fetch_uid        },
                {BYTES("FLAGS"),        fetch_flags      },
                {BYTES("MODSEQ"),       fetch_modseq     },
                {BYTES("RFC822.SIZE"),  fetch_size       },
                {BYTES("INTERNALDATE"), fetch_date       },
                {BYTES("EMAILID"),      fetch_emailid    },
                {BYTES("X-GM-MSGID"),   fetch_gmail_msgid},
        };

        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (bytes_equal_fold(name, table[i].name))
                        return table[i].parse(lexer, fetch);

        if (bytes_equal_fold(name, BYTES("BODY[]")))
                return fetch_body(lexer, fetch, ret_body);
        if (bytes_starts_fold(name, BYTES("BODY[HEADER.FIELDS (")) &&
            name.data[name.size - 1] == ']')
                return fetch_header(lexer, fetch);
        return imap_lexer_skip_value(lexer);
}

int imap_response_parse_fetch(ImapLexer *lexer, ImapFetch *ret_fetch, ByteView *ret_body) {
        ImapFetch fetch = {0};
        ByteView body = BYTES_NULL;
        int r;

        r = imap_lexer_open(lexer);
        if (r < 0)
                return r;

        while (!imap_lexer_close(lexer)) {
                ByteView name;

                r = imap_lexer_attribute(lexer, &name);
                if (r < 0)
                        return r;
                r = fetch_attribute(lexer, name, &fetch, &body);
                if (r < 0)
                        return r;
        }

        *ret_fetch = fetch;
        *ret_body = body;
        return 1;
}
