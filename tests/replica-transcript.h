#pragma once

/*
 * Transcripts of an IMAP replica: requests as actions, its events as lines
 *
 *      > changes A 7 22 25 body 30:31      uidvalidity, uidnext, modseq, want, known
 *      > fetch A 1:3 flags
 *      > store A 5 +(\Seen) -(\Flagged)
 *      > batch A 1 - abc/2 - de            several of them, without a date
 *      > append A 42 (\Seen) body          cookie, flags, the message; all at once
 *      E: MESSAGE A 5 (\Seen)
 */

#include <errno.h>

#include "replica-events.h"

#define DOVECOT                                                                                    \
        "IMAP4rev1 SASL-IR ENABLE CONDSTORE QRESYNC COMPRESS=DEFLATE NOTIFY IDLE LIST-EXTENDED "   \
        "LIST-STATUS SPECIAL-USE UIDPLUS LITERAL+ ESEARCH UNSELECT MOVE"
#define GMAIL                                                                                      \
        "IMAP4rev1 ENABLE CONDSTORE COMPRESS=DEFLATE IDLE LIST-EXTENDED LIST-STATUS UIDPLUS "      \
        "UNSELECT LITERAL-"
#define GOOGLE   "IMAP4rev1 UIDPLUS UNSELECT MOVE LITERAL- SPECIAL-USE X-GM-EXT-1"
#define EXCHANGE "IMAP4rev1 IDLE UIDPLUS UNSELECT LITERAL+"
#define BARE     "IMAP4rev1"

/* What SELECT says on Dovecot 2.3 before the changes. */
#define SELECTED(exists, uidvalidity, uidnext, modseq)                                             \
        "S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work)\n"                        \
        "S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work \\*)] Flags " \
        "permitted.\n"                                                                             \
        "S: * " exists " EXISTS\n"                                                                 \
        "S: * 0 RECENT\n"                                                                          \
        "S: * OK [UIDVALIDITY " uidvalidity "] UIDs valid\n"                                       \
        "S: * OK [UIDNEXT " uidnext "] Predicted next UID\n"                                       \
        "S: * OK [HIGHESTMODSEQ " modseq "] Highest\n"
#define STORABLE "(\\Seen \\Answered \\Flagged \\Deleted \\Draft *)"

/* Three messages on a bare server. */
#define OPEN_BARE                                                                                  \
        "> changes A 7 9 0 flags\n"                                                                \
        "C: 1 SELECT A\n"                                                                          \
        "C: 2 UID FETCH 9:4294967295 (FLAGS)\n"                                                    \
        "S: * 3 EXISTS\n"                                                                          \
        "S: * FLAGS (\\Seen \\Deleted)\n"                                                          \
        "S: * OK [UIDVALIDITY 7] .\n"                                                              \
        "S: * OK [UIDNEXT 9] .\n"                                                                  \
        "S: 1 OK\n"                                                                                \
        "S: 2 OK\n"                                                                                \
        "E: OPENED A 7 9 0 exists=3 (\\Seen \\Deleted) untold=expunges,flags\n"                    \
        "E: DONE CHANGES A exists=3\n"

#define OPEN_A                                                                                     \
        "> changes A 7 9 21 flags\n"                                                               \
        "C: 1 SELECT A (QRESYNC (7 21))\n" SELECTED(                                               \
                "3", "7", "9", "21") "S: 1 OK done\n"                                              \
                                     "E: OPENED A 7 9 21 exists=3 " STORABLE "\n"                  \
                                     "E: DONE CHANGES A modseq=21 exists=3\n"

/* The mailbox of that name, made at its first mention. */
static inline ReplicaMailbox *test_mailbox(ReplicaTest *test, const char *name) {
        size_t i;

        for (i = 0; i < test->n_mailboxes; i++)
                if (strcmp(test->names[i], name) == 0)
                        return &test->mailboxes[i];

        assert(test->n_mailboxes < MAILBOXES_MAX);
        test->n_mailboxes++;
        test->names[i] = strdup(name);
        assert(test->names[i]);
        test->mailboxes[i] =
                (ReplicaMailbox){.name = test->names[i], .keywords = &test->keywords[i]};
        return &test->mailboxes[i];
}

/* Hand in what the replica takes now. */
static inline void go_on_uploading(ReplicaTest *test) {
        Replica *replica = imap_replica_base(test->replica);
        ssize_t n;

        if (!test->appending || test->lost)
                return;

        n = replica->ops->append_data(replica, buffer_view(&test->upload));
        assert(n >= 0);
        buffer_consume(&test->upload, (size_t) n);
        if (test->upload.size > 0)
                return;

        test->appending = false;
        assert(replica->ops->append_end(replica, &test->uploaded) == 0);
}

static inline void replica_on_input(void *userdata) {
        ReplicaTest *test = userdata;
        Replica *replica = imap_replica_base(test->replica);
        ReplicaEvent event;
        int r;

        if (test->lost)
                return;

        go_on_uploading(test);
        do {
                bool was_appending = test->appending;

                while ((r = replica->ops->next(replica, &event)) > 0)
                        put_event(test, &event);
                go_on_uploading(test);
                if (was_appending == test->appending)
                        break;
        } while (r == 0);

        if (r < 0) {
                assert(buffer_append_format(&test->transcript.events, "LOST %s: %s\n",
                                            strerrorname_np(-r),
                                            imap_replica_error(test->replica)) == 0);
                imap_replica_detach(test->replica);
                assert(replica->ops->next(replica, &event) == -ENOTCONN);
                assert(replica->ops->list(replica) == -ENOTCONN);
                test->lost = true;
        }
}

/* The next word of an action, "" at its end. */
static inline const char *next_word(char **rest) {
        char *word = strsep(rest, " ");

        return word ? word : "";
}

static inline uint64_t next_number(char **rest) {
        return strtoull(next_word(rest), NULL, 10);
}

static inline ReplicaWant next_want(char **rest) {
        const char *word = next_word(rest);

        if (strcmp(word, "flags") == 0)
                return REPLICA_WANT_FLAGS;
        if (strcmp(word, "identity") == 0)
                return REPLICA_WANT_IDENTITY;
        assert(strcmp(word, "body") == 0);
        return REPLICA_WANT_BODY;
}

static inline UidSet next_set(char **rest) {
        const char *word = next_word(rest);
        UidSet set = UID_SET_NULL;

        assert(!*word || uid_set_parse(bytes_of(word), 9999, &set) == 0);
        return set;
}

/* "\Seen,work" or "-" */
static inline MessageFlags flags_of(ReplicaMailbox *mailbox, const char *text) {
        char *copy = strdup(text);
        MessageFlags flags = 0;

        assert(copy);
        for (char *p = copy; *p; p++)
                if (*p == ',')
                        *p = ' ';
        if (strcmp(copy, "-") != 0)
                assert(flags_parse(bytes_of(copy), mailbox->keywords, &flags) == 0);
        free(copy);
        return flags;
}

/* "append A COOKIE FLAGS[>FLAGS AT ITS END] MESSAGE" */
static inline int act_append(ReplicaTest *test, Replica *replica, char **rest) {
        ReplicaMailbox *mailbox = test_mailbox(test, next_word(rest));
        const uint64_t cookie = next_number(rest);
        char *flags = strsep(rest, " ");
        char *at_end = strchr(flags, '>');
        ReplicaMessage message = {
                .present = REPLICA_HAS_FLAGS | REPLICA_HAS_DATE | REPLICA_HAS_SIZE,
                .date_zone = 60,
        };

        if (at_end)
                *at_end++ = '\0';
        message.flags = flags_of(mailbox, flags);
        message.size = *rest ? strlen(*rest) : 0;
        test->uploaded = message;
        if (at_end)
                test->uploaded.flags = flags_of(mailbox, at_end);

        assert(buffer_append_string(&test->upload, *rest ? *rest : "") == 0);
        test->appending = true;
        return replica->ops->append_begin(replica, mailbox, &message, cookie);
}

/* "batch A COOKIE FLAGS MESSAGE/COOKIE FLAGS MESSAGE...": one after the other at once */
static inline int act_batch(ReplicaTest *test, Replica *replica, char **rest) {
        ReplicaMailbox *mailbox = test_mailbox(test, next_word(rest));
        int r = 0;

        for (char *item = strsep(rest, "/"); item && r >= 0; item = strsep(rest, "/")) {
                const uint64_t cookie = next_number(&item);
                const ReplicaMessage message = {
                        .present = REPLICA_HAS_FLAGS | REPLICA_HAS_SIZE,
                        .flags = flags_of(mailbox, next_word(&item)),
                        .size = strlen(item),
                };

                r = replica->ops->append_begin(replica, mailbox, &message, cookie);
                assert(r < 0 || replica->ops->append_data(replica, bytes_of(item)) ==
                                        (ssize_t) message.size);
                if (r >= 0)
                        r = replica->ops->append_end(replica, &message);
        }
        return r;
}

static inline int act_with_mailbox(ReplicaTest *test, Replica *replica, const char *verb,
                                   char **rest) {
        ReplicaMailbox *mailbox = test_mailbox(test, next_word(rest));

        if (strcmp(verb, "create") == 0)
                return replica->ops->create(replica, mailbox);
        if (strcmp(verb, "standing") == 0)
                return replica->ops->standing(replica, mailbox);
        if (strcmp(verb, "rename") == 0)
                return replica->ops->rename(replica, mailbox, *rest);
        if (strcmp(verb, "remove") == 0)
                return replica->ops->remove(replica, mailbox);
        if (strcmp(verb, "subscribe") == 0 || strcmp(verb, "unsubscribe") == 0)
                return replica->ops->subscribe(replica, mailbox, *verb == 's');
        if (strcmp(verb, "close") == 0)
                return replica->ops->close(replica, mailbox);
        if (strcmp(verb, "leave") == 0)
                return replica->ops->leave(replica, mailbox);
        if (strcmp(verb, "idle") == 0)
                return imap_replica_idle(test->replica, mailbox);
        if (strcmp(verb, "newest") == 0) {
                mailbox->newest = (uint32_t) next_number(rest);
                return 0;
        }
        if (strcmp(verb, "changes") == 0) {
                ReplicaToken since = {.uidvalidity = (uint32_t) next_number(rest)};

                since.uidnext = (uint32_t) next_number(rest);
                since.modseq = next_number(rest);
                const ReplicaWant want = next_want(rest);
                _cleanup_(uid_set_done) UidSet known = next_set(rest);

                return replica->ops->changes(replica, mailbox, &since, &known, want);
        }

        _cleanup_(uid_set_done) UidSet uids = next_set(rest);

        if (strcmp(verb, "fetch") == 0)
                return replica->ops->fetch(replica, mailbox, &uids, next_want(rest));
        if (strcmp(verb, "expunge") == 0)
                return replica->ops->expunge(replica, mailbox, &uids);

        if (strcmp(verb, "move") == 0)
                return replica->ops->move(replica, mailbox, &uids,
                                          test_mailbox(test, next_word(rest)));

        assert(strcmp(verb, "store") == 0);
        const MessageFlags add = flags_of(mailbox, next_word(rest));
        return replica->ops->store(replica, mailbox, &uids, add,
                                   flags_of(mailbox, next_word(rest)));
}

/* "search A COOKIE SET [has FLAG|lacks FLAG] [count]" or "search A COOKIE each N" */
static inline int act_search(ReplicaTest *test, Replica *replica, char **rest) {
        ReplicaMailbox *mailbox = test_mailbox(test, next_word(rest));
        const uint64_t cookie = next_number(rest);
        const char *word = next_word(rest);
        ReplicaSearch search = {0};

        if (strcmp(word, "each") == 0)
                search.stride = (uint32_t) next_number(rest);
        else
                (void) sscanf(word, "%" SCNu32 ":%" SCNu32, &search.range.first,
                              &search.range.last);
        for (word = next_word(rest); *word; word = next_word(rest)) {
                if (strcmp(word, "count") == 0) {
                        search.count = true;
                        continue;
                }
                search.without = strcmp(word, "lacks") == 0;
                search.flag = flags_of(mailbox, next_word(rest));
        }
        return replica->ops->search(replica, mailbox, &search, cookie);
}

/* "poll A B", or "others A B" */
static inline int act_poll(ReplicaTest *test, bool others, char **rest) {
        ByteView wires[4];
        size_t n = 0;

        for (const char *word = next_word(rest); *word; word = next_word(rest))
                wires[n++] = bytes_of(word);
        return (others ? imap_replica_poll_others : imap_replica_poll)(
                test->replica, IMAP_STATUS_UIDNEXT | IMAP_STATUS_HIGHESTMODSEQ, wires, n);
}

static inline int on_start_deflate(void *userdata) {
        put_string(userdata, "DEFLATE%s", "\n");
        return 0;
}

static inline int act_compress(ReplicaTest *test) {
        imap_replica_compress(test->replica, on_start_deflate, test);
        return 0;
}

static inline void replica_on_action(void *userdata, ByteView action) {
        ReplicaTest *test = userdata;
        Replica *replica = imap_replica_base(test->replica);
        _cleanup_free_ char *copy = bytes_dup(action);
        char *rest = copy;
        const char *verb = next_word(&rest);
        int r;

        if (strcmp(verb, "list") == 0)
                r = replica->ops->list(replica);
        else if (strcmp(verb, "append") == 0)
                r = act_append(test, replica, &rest);
        else if (strcmp(verb, "batch") == 0)
                r = act_batch(test, replica, &rest);
        else if (strcmp(verb, "search") == 0)
                r = act_search(test, replica, &rest);
        else if (strcmp(verb, "abort") == 0)
                r = replica->ops->append_abort(replica);
        else if (strcmp(verb, "notify") == 0)
                r = imap_replica_notify(test->replica);
        else if (strcmp(verb, "poll") == 0)
                r = act_poll(test, false, &rest);
        else if (strcmp(verb, "others") == 0)
                r = act_poll(test, true, &rest);
        else if (strcmp(verb, "noop") == 0)
                r = imap_replica_noop(test->replica);
        else if (strcmp(verb, "logout") == 0)
                r = imap_replica_logout(test->replica);
        else if (strcmp(verb, "compress") == 0)
                r = act_compress(test);
        else if (strcmp(verb, "told") == 0 || strcmp(verb, "untold") == 0)
                r = imap_replica_idle_told(test->replica) == (*verb == 't') ? 0 : -EINVAL;
        else if (strcmp(verb, "reset") == 0) {
                replica->ops->reset(replica);
                r = imap_replica_is_attached(test->replica) ? 0 : -ENOTCONN;
        } else if (strcmp(verb, "busy") == 0 || strcmp(verb, "free") == 0)
                r = imap_replica_is_busy(test->replica) == (*verb == 'b') ? 0 : -EINVAL;
        else
                r = act_with_mailbox(test, replica, verb, &rest);

        TEST_ROW(test->transcript.label, r == 0);
        test->n_requests += strcmp(verb, "busy") != 0 && strcmp(verb, "free") != 0 &&
                            strcmp(verb, "reset") != 0 && strcmp(verb, "compress") != 0 &&
                            strcmp(verb, "leave") != 0;
}

static inline void replica_test_init(ReplicaTest *test, const char *capabilities,
                                     const char *options) {
        const ImapCapabilities has = imap_capabilities_parse(bytes_of(capabilities));
        const ImapEnabled qresync = strchr(options, 'q')   ? IMAP_ENABLED_ON
                                    : strchr(options, 'x') ? IMAP_ENABLED_OFF
                                                           : IMAP_ENABLED_UNASKED;
        char *map[] = {(char *) "Sent-Items -> Sent", NULL};
        const ImapReplicaOptions replica_options = {
                .once = strchr(options, 'o'),
                .want_special_use = strchr(options, 's'),
                .want_subscribed = strchr(options, 's'),
                .map = strchr(options, 'm') ? map : NULL,
                .list_reference = strchr(options, 'r')   ? "Größe."
                                  : strchr(options, 'R') ? "perso"
                                                         : NULL,
        };

        test->transcript.on_input = replica_on_input;
        test->transcript.on_action = replica_on_action;
        test->transcript.userdata = test;
        assert(imap_session_new(&imap_limits_default, &test->transcript.session) == 0);
        assert(imap_replica_new(strchr(options, 'l') ? SIDE_LOCAL : SIDE_REMOTE, &replica_options,
                                &test->replica) == 0);
        imap_replica_attach(test->replica, test->transcript.session, &has, qresync,
                            strchr(options, 'u') ? IMAP_ENABLED_ON : IMAP_ENABLED_UNASKED,
                            strchr(options, 'd') ? IMAP_QUIRK_BIT(IMAP_QUIRK_NOTIFY_GOES_QUIET)
                                                 : test->quirks);
        imap_replica_base(test->replica)->is_first = strchr(options, 'z');
        imap_replica_base(test->replica)->only_looks = strchr(options, 'k');
        assert(imap_session_push(test->transcript.session, BYTES("* PREAUTH hi\r\n")) == 0);
}

static inline void replica_test_done(ReplicaTest *test) {
        test->replica = imap_replica_free(test->replica);
        transcript_done(&test->transcript);
        buffer_done(&test->body);
        buffer_done(&test->upload);
        for (size_t i = 0; i < test->n_mailboxes; i++) {
                keywords_done(&test->keywords[i]);
                free(test->names[i]);
        }
}

/**
 * replica_check() - run a transcript
 * @options: q QRESYNC is on, u UIDONLY is, x it is off, o --once, s with all of LIST's options,
 *           z list() is to tell sizes, r below the reference “Größe.”, R below
 *           “perso”, m Sent-Items is Sent here, l it is the local side
 */
static inline void replica_check_quirks(const char *label, const char *capabilities,
                                        const char *options, ImapQuirks quirks,
                                        const char *script) {
        static const size_t steps[] = {0, 1, 2, 7};

        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                ReplicaTest test = {
                        .transcript = {.label = label, .step = steps[i]},
                        .quirks = quirks,
                };

                replica_test_init(&test, capabilities, options);
                transcript_run(&test.transcript, script);
                replica_test_done(&test);
        }
}

static inline void replica_check(const char *label, const char *capabilities, const char *options,
                                 const char *script) {
        replica_check_quirks(label, capabilities, options, 0, script);
}
