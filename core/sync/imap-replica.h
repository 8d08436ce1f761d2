#pragma once

/*
 * An IMAP account as a replica
 *
 * Translates the requests of sync/replica.h into commands of an ImapSession and what the session says
 * into the replica's events. No socket, no clock: who owns the connection pushes bytes into the
 * session, takes events here (replica->ops->next), and pulls bytes out of the session. The replica
 * outlives its sessions: it is attached to one when the login is over and detached when the connection
 * is lost, which forgets everything that was under way.
 *
 *      imap_replica_attach(replica, session, ...)
 *      while (replica->ops->next(replica, &event) > 0) ...
 *      connection_flush(...)
 *
 * Requests are pipelined: all that are made before the next write travel together. A mailbox that a
 * request needs is selected for it, if it is not already. Only an expunge waits for the answer of the
 * SELECT before it: its UIDs must not hit another mailbox's messages.
 *
 * Functions return 0, -ENOMEM, or -ENOTCONN while detached.
 */

#include "base/macro.h"
#include "imap/back-off.h"
#include "imap/login.h"
#include "imap/session.h"
#include "sync/replica.h"

typedef struct ImapReplica ImapReplica;

typedef struct ImapReplicaOptions {
        bool once; /* close() asks how a mailbox stands only if it was written to: the session ends
                      anyway, and what others do is for the next one */
        bool want_special_use; /* list() asks for it, where that costs anything; it does anyway of a
                                  server with labels */
        bool want_subscribed;
        bool skip_uidvalidity; /* list() does not ask for it */
        const char *prefix; /* as remembered (imap_replica_prefix()), copied; NULL: list() asks */
        const char *
                list_reference; /* UTF-8 with the server's delimiter, copied: all mailboxes are below
                                       it, INBOX too, and nothing else is looked at; NULL: none */
        char *const *map; /* rules of imap/mailbox-map.h, NULL-terminated, copied; NULL: none */
        ImapOverrides overrides;
} ImapReplicaOptions;

/* -EINVAL: the reference is none (mailbox_name_encode_reference()). */
int imap_replica_new(Side side, const ImapReplicaOptions *options, ImapReplica **ret_replica);
ImapReplica *imap_replica_free(ImapReplica *replica);

Replica *imap_replica_base(ImapReplica *replica);

/**
 * imap_replica_attach() - go on with a new session
 * @session: logged in, nothing selected; borrowed until detached. Its events are the replica's now
 * @qresync: what the login found out; UNASKED: asked for with the first SELECT
 * @uidonly: the same. Then what shows messages by numbers only is not asked of the server
 */
void imap_replica_attach(ImapReplica *replica, ImapSession *session,
                         const ImapCapabilities *capabilities, ImapEnabled qresync,
                         ImapEnabled uidonly, ImapQuirks quirks);
void imap_replica_detach(ImapReplica *replica);

/* The engine's reset() detaches it if anything was under way: nobody would wait for the answers. NULL is not. */
bool imap_replica_is_attached(const ImapReplica *replica);

/**
 * imap_replica_compress() - ask for COMPRESS before the first mailbox is selected in this session, or behind the list
 * of a first sync
 * @start: called at the server's OK, before anything else is read or written; it must start DEFLATE.
 *         Return: 0, or a negative errno, which next() forwards
 *
 * For a session that is not compressed and may have nothing to read but how the mailboxes stand.
 */
void imap_replica_compress(ImapReplica *replica, int (*start)(void *userdata), void *userdata);

/* As known by now: the server may say them unasked. To be remembered for the next login. */
ImapCapabilities imap_replica_capabilities(const ImapReplica *replica);

/* What the server puts before the user's own mailboxes but INBOX ("INBOX."), "" if nothing; it is
 * taken off their names. NULL: not known yet. To be remembered. */
const char *imap_replica_prefix(const ImapReplica *replica);

/* Are requests under way, or events waiting? An IDLE under way does not count. */
bool imap_replica_is_busy(const ImapReplica *replica);

/* Is an IDLE under way, confirmed or not? It ends by itself with the next request. */
bool imap_replica_is_idle(const ImapReplica *replica);

/* A sentence about the last error of next(): the session's, or the server's last words. "" if none. */
const char *imap_replica_error(const ImapReplica *replica);

/* What the server has asked for since the last call: to say nothing more for a time, on this connection or
 * on any (IMAP_BACK_OFF_SESSION and above; what concerns one request fails that). */
ImapBackOff imap_replica_take_back_off(ImapReplica *replica);
ImapBackOff imap_replica_peek_back_off(const ImapReplica *replica);
/* Its words, for people. */
const char *imap_replica_back_off_words(const ImapReplica *replica);

/*
 * Waiting. What these ask for ends in DONE with REPLICA_WAIT and an ImapReplicaWait as cookie. They
 * leave nothing selected first, IDLE excepted: a selected mailbox's status is frozen on some servers,
 * and NOTIFY misses changes in it.
 */
typedef enum ImapReplicaWait {
        IMAP_REPLICA_NOTIFY,
        IMAP_REPLICA_POLL,
        IMAP_REPLICA_IDLE,
        IMAP_REPLICA_NOOP,
        IMAP_REPLICA_LOGOUT,
} ImapReplicaWait;

/* Be told of changes in all mailboxes (RFC 5465): a STATUS for each now, then MAILBOX and STATUS
 * events as they happen. May be called again after an OVERFLOW. */
int imap_replica_notify(ImapReplica *replica);

/**
 * imap_replica_poll() - how do the mailboxes stand?
 * @items:     IMAP_STATUS_*: what is needed; what the server cannot tell is not asked for
 * @mailboxes: names on the wire, for a server without LIST-STATUS; with it, all mailboxes are listed
 *             (MAILBOX events, then STATUS)
 */
int imap_replica_poll(ImapReplica *replica, unsigned items, const ByteView *mailboxes,
                      size_t n_mailboxes);

/* Of these alone, whatever else the server has. */
int imap_replica_poll_only(ImapReplica *replica, unsigned items, const ByteView *mailboxes,
                           size_t n_mailboxes);

/* The same for all but the mailbox of the IDLE under way, which stays selected, so that it need not be
 * opened again: its own status may be frozen and is not told. What any command brings of it is told as
 * the IDLE would tell it. Without an IDLE the same as imap_replica_poll(). */
int imap_replica_poll_others(ImapReplica *replica, unsigned items, const ByteView *mailboxes,
                             size_t n_mailboxes);

/* Select a mailbox, tell how it stands (STATUS), and wait in it: the first change gives a STATUS event
 * with changed set. Any other request ends the IDLE. @mailbox must live until then. */
int imap_replica_idle(ImapReplica *replica, ReplicaMailbox *mailbox);

/* Has the last IDLE told of a change, before anything else was asked for? Some tell only as it ends. */
bool imap_replica_idle_told(const ImapReplica *replica);

/* Lines without news that the server has sent during IDLE, each of which wakes somebody up. */
uint64_t imap_replica_n_chatter(const ImapReplica *replica);

int imap_replica_noop(ImapReplica *replica);
int imap_replica_logout(ImapReplica *replica);

DEFINE_CLEANUP(ImapReplica *, imap_replica_free)
