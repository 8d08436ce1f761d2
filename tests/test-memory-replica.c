/*
 * Out of memory in the login and in the IMAP replica: a conversation is run with its first allocation
 * failing, then its second, and so on until it needs no more. Whoever asks is told -ENOMEM, the
 * conversation can be ended at any point, and nothing leaks (which -Db_sanitize=address sees).
 *
 * The linker puts the functions below in the place of libc's (--wrap), in the libraries too.
 */

#include <errno.h>

#include "base/macro.h"
#include "sync/imap-replica.h"
#include "test.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);

static unsigned allocations_left; /* before the one that fails */
static bool failed;

static bool must_fail(void) {
        if (failed || allocations_left-- > 0)
                return false;

        failed = true;
        return true;
}

void *__wrap_malloc(size_t size) {
        return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
        return must_fail() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size) {
        return must_fail() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t n, size_t size) {
        return must_fail() ? NULL : __real_reallocarray(old, n, size);
}

#define CAPABILITIES                                                                               \
        "ENABLE CONDSTORE QRESYNC NOTIFY IDLE UIDPLUS LITERAL+ UNSELECT LIST-EXTENDED LIST-STATUS"

static int log_in(ImapSession *session) {
        static const ByteView said = BYTES("* OK [CAPABILITY AUTH=PLAIN SASL-IR] hi\r\n"
                                           "1 OK [CAPABILITY " CAPABILITIES "] in\r\n");
        _cleanup_(imap_login_freep) ImapLogin *login = NULL;
        const ImapLoginOptions options = {.user = "u", .password = "p", .is_encrypted = true};
        int r;

        r = imap_login_new(&options, &login);
        if (r == 0)
                r = imap_session_push(session, said);
        while (r == IMAP_LOGIN_MORE) {
                ImapEvent event;

                r = imap_session_next(session, &event);
                assert(r != 0);
                if (r > 0)
                        r = imap_login_handle(login, session, &event);
                imap_session_sent(session, imap_session_pull(session).size);
        }

        assert(r < 0 || r == IMAP_LOGIN_READY);
        return MIN(r, 0);
}

/* What was asked for. One that could not be noted down is not there, and the rest goes on. */
static int ask(ImapReplica *imap, ReplicaMailbox *mailbox) {
        static const ReplicaToken since = {.uidvalidity = 6, .uidnext = 5, .modseq = 9};
        static const ReplicaMessage message = {.present = REPLICA_HAS_SIZE, .size = 3};
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
        Replica *replica = imap_replica_base(imap);
        int r;

        r = uid_set_add(&uids, 2, 3);
        if (r == 0)
                r = replica->ops->list(replica);
        if (r == 0)
                r = replica->ops->create(replica, mailbox);
        if (r == 0)
                r = replica->ops->changes(replica, mailbox, &since, &uids, REPLICA_WANT_BODY);
        if (r == 0)
                r = replica->ops->store(replica, mailbox, &uids, FLAG_SEEN, 0);
        if (r == 0)
                r = replica->ops->append_begin(replica, mailbox, &message, 1);
        if (r == 0)
                r = (int) MIN(replica->ops->append_data(replica, BYTES("abc")), 0);
        if (r == 0)
                r = replica->ops->append_end(replica, &message);
        if (r == 0)
                r = imap_replica_notify(imap);
        return r;
}

static int run(ImapSession *session, ImapReplica *imap, ReplicaMailbox *mailbox) {
        static const ByteView said = BYTES(
                "* LIST () \"/\" A\r\n* LIST () \"/\" \"Gr&APYA\"\r\n* STATUS A (MESSAGES 1)\r\n"
                "2 OK done\r\n3 OK done\r\n* ENABLED QRESYNC\r\n4 OK done\r\n"
                "* FLAGS (\\Seen work)\r\n* 2 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n"
                "* OK [UIDNEXT 9] .\r\n* OK [HIGHESTMODSEQ 20] .\r\n"
                "* VANISHED (EARLIER) 1\r\n5 OK done\r\n"
                "* 1 FETCH (UID 5 FLAGS (other) BODY[] {3}\r\nabc)\r\n6 OK done\r\n"
                "* 1 FETCH (UID 5 FLAGS (third))\r\n7 OK done\r\n"
                "8 NO [TRYCREATE] no\r\n9 OK done\r\n* STATUS A (MESSAGES 2)\r\n10 OK done\r\n"
                "11 OK done\r\n");
        const ImapCapabilities capabilities = imap_capabilities_parse(BYTES(CAPABILITIES));
        Replica *replica = imap_replica_base(imap);
        ReplicaEvent event;
        int r;

        imap_replica_attach(imap, session, &capabilities, IMAP_ENABLED_UNASKED,
                            IMAP_ENABLED_UNASKED, 0);
        r = ask(imap, mailbox);
        imap_session_sent(session, imap_session_pull(session).size);
        if (r < 0)
                return r;

        r = imap_session_push(session, said);
        while (r >= 0) {
                r = replica->ops->next(replica, &event);
                if (r == 0)
                        break;
                imap_session_sent(session, imap_session_pull(session).size);
        }

        return r;
}

static int run_once(void) {
        _cleanup_(imap_session_freep) ImapSession *session = NULL;
        _cleanup_(imap_replica_freep) ImapReplica *imap = NULL;
        const ImapReplicaOptions options = {.once = false};
        Keywords keywords = KEYWORDS_NULL;
        ReplicaMailbox mailbox = {.name = "A", .keywords = &keywords};
        int r;

        r = imap_session_new(&imap_limits_default, &session);
        if (r == 0)
                r = imap_replica_new(SIDE_REMOTE, &options, &imap);
        if (r == 0)
                r = log_in(session);
        if (r == 0)
                r = run(session, imap, &mailbox);

        keywords_done(&keywords);
        return r;
}

int main(void) {
        unsigned n = 0;
        int r;

        do {
                allocations_left = n++;
                failed = false;
                r = run_once();
                assert(r == (failed ? -ENOMEM : 0));
        } while (failed);

        assert(n > 50); /* else it has not come far */
        return 0;
}
