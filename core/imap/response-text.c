/*
 * Status responses: OK, NO, BAD, PREAUTH, BYE, and their response codes (RFC 9051 section 7.1)
 *
 * A code that is unknown, or whose arguments make no sense, becomes IMAP_CODE_OTHER: the response
 * itself is still to be believed.
 */

#include <errno.h>

#include "imap/response.h"

/* A code is about one command, and a command has 8192 octets at most (RFC 7162 section 4): no code
 * can rightly name more ranges than that. */
static const size_t code_ranges_max = 4096;

int imap_response_status(ByteView word, ImapStatus *ret_status) {
        static const struct {
                ByteView name;
                ImapStatus status;
        } table[] = {
                {BYTES("OK"),      IMAP_OK     },
                {BYTES("NO"),      IMAP_NO     },
                {BYTES("BAD"),     IMAP_BAD    },
                {BYTES("BYE"),     IMAP_BYE    },
                {BYTES("PREAUTH"), IMAP_PREAUTH},
        };

        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (bytes_equal_fold(word, table[i].name)) {
                        *ret_status = table[i].status;
                        return 0;
                }

        return -EBADMSG;
}

/* @ret_ordered: are the ranges in ascending order, so that the set keeps what the text says? */
static int parse_set(ImapLexer *lexer, UidSet *set, bool *ret_ordered) {
        uint32_t highest = 0;

        set->n_ranges = 0;
        *ret_ordered = true;
        while (lexer->p < lexer->end && *lexer->p == ' ')
                lexer->p++;

        for (;;) {
                UidRange range;
                int r;

                r = imap_lexer_range(lexer, &range);
                if (r < 0)
                        return r;
                if (set->n_ranges >= code_ranges_max)
                        return -EBADMSG;
                r = uid_set_add(set, range.first, range.last);
                if (r < 0)
                        return r;

                if (range.first <= highest)
                        *ret_ordered = false;
                highest = range.last;
                if (lexer->p == lexer->end || *lexer->p != ',')
                        return 1;
                lexer->p++;
        }
}

static int parse_appenduid(ImapResponseStore *store, ImapLexer *lexer, ImapText *text) {
        bool ordered;
        int r;

        r = imap_lexer_number(lexer, UINT32_MAX, &text->number[0]);
        if (r < 0)
                return r;
        return parse_set(lexer, &store->uids, &ordered);
}

/*
 * The n-th UID of the first set became the n-th of the second (RFC 4315 section 3). Sets of ours
 * are sorted, so this is of use only if the text was, and if both have the same number of UIDs; a
 * mapping that cannot be trusted is worse than none.
 */
static int parse_copyuid(ImapResponseStore *store, ImapLexer *lexer, ImapText *text) {
        bool ordered, ordered_to;
        int r;

        r = imap_lexer_number(lexer, UINT32_MAX, &text->number[0]);
        if (r < 0)
                return r;
        r = parse_set(lexer, &store->uids, &ordered);
        if (r < 0)
                return r;
        r = parse_set(lexer, &store->uids_to, &ordered_to);
        if (r < 0)
                return r;

        if (!ordered || !ordered_to ||
            uid_set_count(&store->uids) != uid_set_count(&store->uids_to))
                return -EBADMSG;
        return 1;
}

static int parse_modified(ImapResponseStore *store, ImapLexer *lexer, ImapText *text) {
        bool ordered;

        (void) text;
        return parse_set(lexer, &store->uids, &ordered);
}

static int parse_number(ImapResponseStore *store, ImapLexer *lexer, ImapText *text) {
        (void) store;
        return imap_lexer_number(lexer, UINT32_MAX, &text->number[0]);
}

static int parse_number64(ImapResponseStore *store, ImapLexer *lexer, ImapText *text) {
        (void) store;
        return imap_lexer_number(lexer, INT64_MAX, &text->number[0]);
}

static int parse_permanentflags(ImapResponseStore *store, ImapLexer *lexer, ImapText *text) {
        (void) store;
        return imap_lexer_flat_list(lexer, &text->flags);
}

static int parse_mailboxid(ImapResponseStore *store, ImapLexer *lexer, ImapText *text) {
        (void) store;
        return imap_response_parse_object(lexer, &text->object);
}

static int parse_capability(ImapResponseStore *store, ImapLexer *lexer, ImapText *text) {
        (void) store;
        text->capabilities =
                imap_capabilities_parse((ByteView){lexer->p, (size_t) (lexer->end - lexer->p)});
        lexer->p = lexer->end;
        return 1;
}

typedef int (*ParseArguments)(ImapResponseStore *store, ImapLexer *lexer, ImapText *text);

/* Arguments of codes without a function are not looked at. */
static const struct {
        ByteView name;
        ImapCode code;
        ParseArguments parse;
} code_table[] = {
        {BYTES("ALERT"),                IMAP_CODE_ALERT,                NULL                },
        {BYTES("ALREADYEXISTS"),        IMAP_CODE_ALREADYEXISTS,        NULL                },
        {BYTES("APPENDUID"),            IMAP_CODE_APPENDUID,            parse_appenduid     },
        {BYTES("AUTHENTICATIONFAILED"), IMAP_CODE_AUTHENTICATIONFAILED, NULL                },
        {BYTES("AUTHORIZATIONFAILED"),  IMAP_CODE_AUTHORIZATIONFAILED,  NULL                },
        {BYTES("BADCHARSET"),           IMAP_CODE_BADCHARSET,           NULL                },
        {BYTES("CANNOT"),               IMAP_CODE_CANNOT,               NULL                },
        {BYTES("CAPABILITY"),           IMAP_CODE_CAPABILITY,           parse_capability    },
        {BYTES("CLIENTBUG"),            IMAP_CODE_CLIENTBUG,            NULL                },
        {BYTES("CLOSED"),               IMAP_CODE_CLOSED,               NULL                },
        {BYTES("COMPRESSIONACTIVE"),    IMAP_CODE_COMPRESSIONACTIVE,    NULL                },
        {BYTES("CONTACTADMIN"),         IMAP_CODE_CONTACTADMIN,         NULL                },
        {BYTES("COPYUID"),              IMAP_CODE_COPYUID,              parse_copyuid       },
        {BYTES("CORRUPTION"),           IMAP_CODE_CORRUPTION,           NULL                },
        {BYTES("EXPIRED"),              IMAP_CODE_EXPIRED,              NULL                },
        {BYTES("EXPUNGEISSUED"),        IMAP_CODE_EXPUNGEISSUED,        NULL                },
        {BYTES("HIGHESTMODSEQ"),        IMAP_CODE_HIGHESTMODSEQ,        parse_number64      },
        {BYTES("INUSE"),                IMAP_CODE_INUSE,                NULL                },
        {BYTES("LIMIT"),                IMAP_CODE_LIMIT,                NULL                },
        {BYTES("MAILBOXID"),            IMAP_CODE_MAILBOXID,            parse_mailboxid     },
        {BYTES("MODIFIED"),             IMAP_CODE_MODIFIED,             parse_modified      },
        {BYTES("NOMODSEQ"),             IMAP_CODE_NOMODSEQ,             NULL                },
        {BYTES("NONEXISTENT"),          IMAP_CODE_NONEXISTENT,          NULL                },
        {BYTES("NOPERM"),               IMAP_CODE_NOPERM,               NULL                },
        {BYTES("NOTIFICATIONOVERFLOW"), IMAP_CODE_NOTIFICATIONOVERFLOW, NULL                },
        {BYTES("OVERQUOTA"),            IMAP_CODE_OVERQUOTA,            NULL                },
        {BYTES("PERMANENTFLAGS"),       IMAP_CODE_PERMANENTFLAGS,       parse_permanentflags},
        {BYTES("PRIVACYREQUIRED"),      IMAP_CODE_PRIVACYREQUIRED,      NULL                },
        {BYTES("READ-ONLY"),            IMAP_CODE_READ_ONLY,            NULL                },
        {BYTES("READ-WRITE"),           IMAP_CODE_READ_WRITE,           NULL                },
        {BYTES("SERVERBUG"),            IMAP_CODE_SERVERBUG,            NULL                },
        {BYTES("THROTTLED"),            IMAP_CODE_THROTTLED,            NULL                },
        {BYTES("TOOBIG"),               IMAP_CODE_TOOBIG,               NULL                },
        {BYTES("TRYCREATE"),            IMAP_CODE_TRYCREATE,            NULL                },
        {BYTES("UIDNEXT"),              IMAP_CODE_UIDNEXT,              parse_number        },
        {BYTES("UIDNOTSTICKY"),         IMAP_CODE_UIDNOTSTICKY,         NULL                },
        {BYTES("UIDVALIDITY"),          IMAP_CODE_UIDVALIDITY,          parse_number        },
        {BYTES("UNAVAILABLE"),          IMAP_CODE_UNAVAILABLE,          NULL                },
        {BYTES("UNSEEN"),               IMAP_CODE_UNSEEN,               parse_number        },
};

static int parse_arguments(ImapResponseStore *store, ParseArguments parse, ByteView arguments,
                           ImapText *text) {
        ImapLexer lexer = imap_lexer_whole(arguments, &store->scratch);
        ImapToken token;
        int r;

        r = parse(store, &lexer, text);
        if (r < 0)
                return r;
        r = imap_lexer_next(&lexer, &token);
        if (r < 0)
                return r;
        return token.type == IMAP_TOKEN_END ? 1 : -EBADMSG;
}

/* What stands between the brackets. */
static int parse_inside(ImapResponseStore *store, ByteView inside, ImapText *text) {
        ByteView name = imap_first_word(inside);
        ByteView arguments = {name.data + name.size, inside.size - name.size};

        store->uids.n_ranges = store->uids_to.n_ranges = 0;
        for (size_t i = 0; i < ARRAY_SIZE(code_table); i++) {
                if (!bytes_equal_fold(name, code_table[i].name))
                        continue;
                text->code = code_table[i].code;
                return code_table[i].parse
                               ? parse_arguments(store, code_table[i].parse, arguments, text)
                               : 1;
        }

        text->code = IMAP_CODE_OTHER;
        return 1;
}

/* The bracket that ends a code. Inside the parentheses of an argument "]" may stand, since some
 * servers have keywords with it. */
static const char *find_code_end(ByteView line) {
        const char *close = memchr(line.data, ']', line.size), *paren;

        if (!close)
                return NULL;
        if (!memchr(line.data, '(', (size_t) (close - line.data)))
                return close;

        paren = memmem(line.data, line.size, ")]", 2);
        return paren ? paren + 1 : close;
}

int imap_response_parse_code(ImapResponseStore *store, ByteView line, ImapText *text) {
        const char *end;
        int r;

        text->text = line;
        if (line.size == 0 || line.data[0] != '[')
                return 1;
        end = find_code_end(line);
        if (!end)
                return 1;

        text->text = (ByteView){end + 1, line.size - (size_t) (end + 1 - line.data)};
        if (text->text.size > 0 && text->text.data[0] == ' ')
                text->text = (ByteView){text->text.data + 1, text->text.size - 1};

        r = parse_inside(store, (ByteView){line.data + 1, (size_t) (end - line.data - 1)}, text);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                text->code = IMAP_CODE_OTHER;
                text->number[0] = 0;
                store->uids.n_ranges = store->uids_to.n_ranges = 0;
        }

        text->uids = store->uids;
        text->uids_to = store->uids_to;
        return 1;
}

int imap_response_parse_text(ImapResponseStore *store, ByteView line, ImapText *ret_text) {
        ByteView word = imap_first_word(line);
        size_t n = MIN(word.size + 1, line.size);
        ImapText text = {0};
        int r;

        if (imap_response_status(word, &text.status) < 0)
                return -EBADMSG;
        r = imap_response_parse_code(store, (ByteView){line.data + n, line.size - n}, &text);
        if (r < 0)
                return r;

        *ret_text = text;
        return 1;
}
