/*
 * Responses: a whole line of the server to a typed event
 *
 * What is unknown inside a known response (items of STATUS, attributes of FETCH or LIST) is skipped
 * by its structure; what is wrong in it makes the whole response void, since half of one would be
 * believed.
 */

#include <errno.h>

#include "imap/lexer.h"
#include "imap/response.h"

void imap_response_store_done(ImapResponseStore *store) {
        uid_set_done(&store->uids);
        uid_set_done(&store->uids_to);
        buffer_done(&store->scratch);
}

void imap_response_store_trim(ImapResponseStore *store) {
        static const size_t keep_ranges = 256, keep_scratch = 512;

        if (store->uids.capacity > keep_ranges)
                uid_set_done(&store->uids);
        if (store->uids_to.capacity > keep_ranges)
                uid_set_done(&store->uids_to);
        if (store->scratch.capacity > keep_scratch)
                buffer_done(&store->scratch);
}

ByteView imap_first_word(ByteView line) {
        return bytes_take_until(&line, ' ');
}

static int expect_end(ImapLexer *lexer) {
        ImapToken token;
        int r;

        r = imap_lexer_next(lexer, &token);
        if (r < 0)
                return r;
        return token.type == IMAP_TOKEN_END ? 1 : -EBADMSG;
}

/* An astring, or what a server may take for one. */
static int parse_string(ImapLexer *lexer, ByteView *ret_string) {
        ImapToken token;
        int r;

        r = imap_lexer_next(lexer, &token);
        if (r < 0)
                return r;
        return imap_lexer_string(lexer, &token, ret_string);
}

static unsigned list_attribute(ByteView name) {
        static const struct {
                ByteView name;
                unsigned bits;
        } table[] = {
                {BYTES("\\Noselect"),    IMAP_LIST_NOSELECT                        },
                {BYTES("\\NonExistent"), IMAP_LIST_NONEXISTENT | IMAP_LIST_NOSELECT},
                {BYTES("\\Noinferiors"), IMAP_LIST_NOINFERIORS                     },
                {BYTES("\\Subscribed"),  IMAP_LIST_SUBSCRIBED                      },
                {BYTES("\\All"),         IMAP_LIST_ALL                             },
                {BYTES("\\Archive"),     IMAP_LIST_ARCHIVE                         },
                {BYTES("\\Drafts"),      IMAP_LIST_DRAFTS                          },
                {BYTES("\\Flagged"),     IMAP_LIST_FLAGGED                         },
                {BYTES("\\Important"),   IMAP_LIST_IMPORTANT                       },
                {BYTES("\\Junk"),        IMAP_LIST_JUNK                            },
                {BYTES("\\Sent"),        IMAP_LIST_SENT                            },
                {BYTES("\\Trash"),       IMAP_LIST_TRASH                           },
        };

        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (bytes_equal_fold(name, table[i].name))
                        return table[i].bits;

        return 0;
}

static unsigned parse_list_attributes(ByteView names) {
        unsigned attributes = 0;

        while (names.size > 0)
                attributes |= list_attribute(bytes_take_until(&names, ' '));

        return attributes;
}

static int parse_delimiter(ImapLexer *lexer, char *ret_delimiter) {
        ImapToken token;
        ByteView text;
        int r;

        r = imap_lexer_next(lexer, &token);
        if (r < 0)
                return r;
        if (token.type == IMAP_TOKEN_NIL) {
                *ret_delimiter = '\0';
                return 1;
        }

        r = imap_lexer_string(lexer, &token, &text);
        if (r < 0)
                return r;
        if (text.size > 1)
                return -EBADMSG;
        *ret_delimiter = text.size == 1 ? text.data[0] : '\0';
        return 1;
}

static int parse_old_name(ImapLexer *lexer, ImapList *list) {
        int r;

        r = imap_lexer_open(lexer);
        if (r < 0)
                return r;
        r = parse_string(lexer, &list->old_name);
        if (r < 0)
                return r;
        return imap_lexer_skip_list(lexer);
}

/* ("OLDNAME" ("old") "CHILDINFO" ("SUBSCRIBED")): RFC 5258 section 6, of which one item matters. */
static int parse_list_extension(ImapLexer *lexer, ImapList *list) {
        while (!imap_lexer_close(lexer)) {
                ByteView name;
                int r;

                r = parse_string(lexer, &name);
                if (r < 0)
                        return r;

                if (bytes_equal_fold(name, BYTES("OLDNAME")))
                        r = parse_old_name(lexer, list);
                else
                        r = imap_lexer_skip_value(lexer);
                if (r < 0)
                        return r;
        }

        return 1;
}

static int parse_list(ImapLexer *lexer, ImapEvent *event) {
        ImapList *list = &event->list;
        ByteView attributes;
        ImapToken token;
        int r;

        r = imap_lexer_flat_list(lexer, &attributes);
        if (r < 0)
                return r;
        r = parse_delimiter(lexer, &list->delimiter);
        if (r < 0)
                return r;
        r = parse_string(lexer, &list->mailbox);
        if (r < 0)
                return r;

        list->attributes = parse_list_attributes(attributes);
        event->type = IMAP_EVENT_LIST;

        r = imap_lexer_next(lexer, &token);
        if (r < 0)
                return r;
        if (token.type == IMAP_TOKEN_END)
                return 1;
        if (token.type != IMAP_TOKEN_OPEN)
                return -EBADMSG;
        r = parse_list_extension(lexer, list);
        if (r < 0)
                return r;
        return expect_end(lexer);
}

/* LSUB names what is subscribed, but for \Noselect: there only something below is (RFC 3501
 * section 6.3.9). */
static int parse_lsub(ImapLexer *lexer, ImapEvent *event) {
        int r;

        r = parse_list(lexer, event);
        if (r > 0 && !(event->list.attributes & IMAP_LIST_NOSELECT))
                event->list.attributes |= IMAP_LIST_SUBSCRIBED;
        return r;
}

static int parse_status_number(ImapLexer *lexer, uint32_t *ret_number) {
        uint64_t number;
        int r;

        r = imap_lexer_number(lexer, UINT32_MAX, &number);
        if (r > 0)
                *ret_number = (uint32_t) number;
        return r;
}

static bool is_object_char(char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               c == '-' || c == '_';
}

int imap_response_parse_object(ImapLexer *lexer, ByteView *ret_object) {
        ByteView object;
        int r;

        r = imap_lexer_flat_list(lexer, &object);
        if (r < 0)
                return r;
        if (object.size == 0 || object.size > 255)
                return -EBADMSG;
        for (size_t i = 0; i < object.size; i++)
                if (!is_object_char(object.data[i]))
                        return -EBADMSG;

        *ret_object = object;
        return 1;
}

/* RFC 8474 section 4.3. Some servers put bytes there that are none: then it was not said. */
static int parse_mailboxid(ImapLexer *lexer, ImapStatusItems *status) {
        ImapLexer before = *lexer;
        int r;

        r = imap_response_parse_object(lexer, &status->object);
        if (r > 0) {
                status->present |= IMAP_STATUS_MAILBOXID;
                return r;
        }

        *lexer = before;
        return imap_lexer_skip_value(lexer);
}

/* RFC 8438. It is only shown: a server that gets it wrong has not said it. */
static int parse_size(ImapLexer *lexer, ImapStatusItems *status) {
        ImapLexer before = *lexer;
        int r;

        r = imap_lexer_number(lexer, INT64_MAX, &status->size);
        if (r > 0) {
                status->present |= IMAP_STATUS_SIZE;
                return r;
        }

        *lexer = before;
        return imap_lexer_skip_value(lexer);
}

static int parse_status_item(ImapLexer *lexer, ByteView name, ImapStatusItems *status) {
        const struct {
                ByteView name;
                unsigned bit;
                uint32_t *number;
        } table[] = {
                {BYTES("MESSAGES"),    IMAP_STATUS_MESSAGES,    &status->messages   },
                {BYTES("UIDNEXT"),     IMAP_STATUS_UIDNEXT,     &status->uidnext    },
                {BYTES("UIDVALIDITY"), IMAP_STATUS_UIDVALIDITY, &status->uidvalidity},
                {BYTES("UNSEEN"),      IMAP_STATUS_UNSEEN,      &status->unseen     },
        };

        if (bytes_equal_fold(name, BYTES("HIGHESTMODSEQ"))) {
                status->present |= IMAP_STATUS_HIGHESTMODSEQ;
                return imap_lexer_number(lexer, INT64_MAX, &status->highest_modseq);
        }

        if (bytes_equal_fold(name, BYTES("SIZE")))
                return parse_size(lexer, status);

        if (bytes_equal_fold(name, BYTES("MAILBOXID")))
                return parse_mailboxid(lexer, status);

        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (bytes_equal_fold(name, table[i].name)) {
                        status->present |= table[i].bit;
                        return parse_status_number(lexer, table[i].number);
                }

        return imap_lexer_skip_value(lexer);
}

static int parse_status(ImapLexer *lexer, ImapEvent *event) {
        int r;

        r = parse_string(lexer, &event->status.mailbox);
        if (r < 0)
                return r;
        r = imap_lexer_open(lexer);
        if (r < 0)
                return r;

        while (!imap_lexer_close(lexer)) {
                ImapToken token;

                r = imap_lexer_next(lexer, &token);
                if (r < 0)
                        return r;
                if (token.type != IMAP_TOKEN_ATOM)
                        return -EBADMSG;
                r = parse_status_item(lexer, token.text, &event->status);
                if (r < 0)
                        return r;
        }

        event->type = IMAP_EVENT_STATUS;
        return expect_end(lexer);
}

static int parse_flags(ImapLexer *lexer, ImapEvent *event) {
        int r;

        r = imap_lexer_flat_list(lexer, &event->text.flags);
        if (r < 0)
                return r;

        event->type = IMAP_EVENT_FLAGS;
        return expect_end(lexer);
}

static ByteView rest_of_line(const ImapLexer *lexer) {
        const char *p = lexer->p;

        while (p < lexer->end && *p == ' ')
                p++;
        return (ByteView){p, (size_t) (lexer->end - p)};
}

static int parse_capability(ImapLexer *lexer, ImapEvent *event) {
        event->type = IMAP_EVENT_CAPABILITY;
        event->text.capabilities = imap_capabilities_parse(rest_of_line(lexer));
        return 1;
}

static int parse_enabled(ImapLexer *lexer, ImapEvent *event) {
        event->type = IMAP_EVENT_ENABLED;
        event->text.capabilities = imap_capabilities_parse(rest_of_line(lexer));
        return 1;
}

/* (("INBOX." "." "X-PARAM" ("FLAG")) ...) or NIL; what comes behind the first is of no use here. */
static int parse_namespace(ImapLexer *lexer, ImapEvent *event) {
        ImapToken token;
        int r;

        event->type = IMAP_EVENT_NAMESPACE;
        r = imap_lexer_next(lexer, &token);
        if (r < 0)
                return r;
        if (token.type == IMAP_TOKEN_NIL)
                return 1;
        if (token.type != IMAP_TOKEN_OPEN)
                return -EBADMSG;
        r = imap_lexer_open(lexer);
        if (r < 0)
                return r;
        r = parse_string(lexer, &event->list.mailbox);
        return r < 0 ? r : parse_delimiter(lexer, &event->list.delimiter);
}

/* RFC 2971: NIL, or fields and values in turn. */
static int parse_id(ImapLexer *lexer, ImapEvent *event) {
        ImapToken token;
        int r;

        event->type = IMAP_EVENT_ID;
        r = imap_lexer_next(lexer, &token);
        if (r < 0 || token.type == IMAP_TOKEN_NIL)
                return r;
        if (token.type != IMAP_TOKEN_OPEN)
                return -EBADMSG;

        while (!imap_lexer_close(lexer)) {
                ByteView field, value;

                r = parse_string(lexer, &field);
                if (r >= 0)
                        r = imap_lexer_next(lexer, &token);
                if (r < 0)
                        return r;
                if (token.type == IMAP_TOKEN_NIL)
                        continue;
                r = imap_lexer_string(lexer, &token, &value);
                if (r < 0)
                        return r;
                if (bytes_equal_fold(field, BYTES("name")))
                        event->text.text = value;
        }
        return 1;
}

static int parse_useless(ImapLexer *lexer, ImapEvent *event) {
        (void) lexer, (void) event;
        return 0;
}

static int parse_exists(ImapLexer *lexer, uint64_t number, ImapEvent *event) {
        event->type = IMAP_EVENT_EXISTS;
        event->number = number;
        return expect_end(lexer);
}

static int parse_expunge(ImapLexer *lexer, uint64_t number, ImapEvent *event) {
        if (number == 0)
                return -EBADMSG;
        event->type = IMAP_EVENT_EXPUNGE;
        event->number = number;
        return expect_end(lexer);
}

static int parse_fetch(ImapLexer *lexer, uint64_t number, ImapEvent *event) {
        int r;

        r = imap_response_parse_fetch(lexer, &event->fetch, &event->data);
        if (r < 0)
                return r;

        event->type = IMAP_EVENT_FETCH;
        event->fetch.seqnum = (uint32_t) number;
        return expect_end(lexer);
}

/* RFC 9586 section 3.4: with UIDONLY the number is the UID, and it need not be said again. */
static int parse_uidfetch(ImapLexer *lexer, uint64_t number, ImapEvent *event) {
        int r;

        if (number == 0)
                return -EBADMSG;
        r = parse_fetch(lexer, 0, event);
        if (r < 0)
                return r;

        event->fetch.uid = (uint32_t) number;
        event->fetch.present |= IMAP_FETCH_UID;
        return 1;
}

/* "5 EXISTS": a number, then what it is. */
static int parse_numbered(ImapLexer *lexer, ByteView digits, ImapEvent *event) {
        ImapToken token;
        uint64_t number;
        int r;

        if (bytes_to_u64(digits, UINT32_MAX, &number) < 0)
                return -EBADMSG;
        r = imap_lexer_next(lexer, &token);
        if (r < 0)
                return r;

        if (bytes_equal_fold(token.text, BYTES("FETCH")))
                return parse_fetch(lexer, number, event);
        if (bytes_equal_fold(token.text, BYTES("EXISTS")))
                return parse_exists(lexer, number, event);
        if (bytes_equal_fold(token.text, BYTES("EXPUNGE")))
                return parse_expunge(lexer, number, event);
        if (bytes_equal_fold(token.text, BYTES("UIDFETCH")))
                return parse_uidfetch(lexer, number, event);
        if (bytes_equal_fold(token.text, BYTES("RECENT")))
                return 0;
        return -EBADMSG;
}

static int parse_named(ImapLexer *lexer, ByteView name, ImapEvent *event) {
        static const struct {
                ByteView name;
                int (*parse)(ImapLexer *lexer, ImapEvent *event);
        } table[] = {
                {BYTES("STATUS"),     parse_status    },
                {BYTES("LIST"),       parse_list      },
                {BYTES("LSUB"),       parse_lsub      },
                {BYTES("FLAGS"),      parse_flags     },
                {BYTES("CAPABILITY"), parse_capability},
                {BYTES("ENABLED"),    parse_enabled   },
                {BYTES("ID"),         parse_id        },
                {BYTES("NAMESPACE"),  parse_namespace },
                {BYTES("QUOTA"),      parse_useless   },
                {BYTES("QUOTAROOT"),  parse_useless   },
        };

        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (bytes_equal_fold(name, table[i].name))
                        return table[i].parse(lexer, event);

        return -EBADMSG;
}

int imap_response_parse(ImapResponseStore *store, ByteView line, ImapEvent *ret_event) {
        ByteView word = imap_first_word(line);
        ImapLexer lexer;
        ImapStatus status;
        ImapToken token;
        int r;

        *ret_event = (ImapEvent){0};

        if (imap_response_status(word, &status) >= 0) {
                ret_event->type = IMAP_EVENT_TEXT;
                return imap_response_parse_text(store, line, &ret_event->text);
        }

        lexer = imap_lexer_whole(line, &store->scratch);
        r = imap_lexer_next(&lexer, &token);
        if (r < 0)
                return r;
        if (token.type != IMAP_TOKEN_ATOM)
                return -EBADMSG;

        if (token.text.data[0] >= '0' && token.text.data[0] <= '9')
                return parse_numbered(&lexer, token.text, ret_event);
        return parse_named(&lexer, token.text, ret_event);
}
