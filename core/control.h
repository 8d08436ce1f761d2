#pragma once

/*
 * The names of the control interface: what the daemon and imapsyncctl must agree on
 *
 * A peer-to-peer D-Bus (no bus daemon) on a UNIX stream socket: SASL EXTERNAL, then methods and
 * signals of one object. Only the daemon's own uid gets in. Tables are aa{sv}: an array of rows, each
 * a dictionary whose keys are the fields' names in daemon/status.h; keys are only ever added.
 * imapsyncctl(1) documents them as JSON.
 *
 *      method    in   out
 *      Status    s    aa{sv}  accounts; "" for all
 *      Mailboxes s    aa{sv}  mailboxes of an account
 *      Sync      sas  t       account ("": all), mailboxes (none: all): a job, now
 *      Verify    sas  t       as Sync, but compare message by message and change nothing: a job
 *      VerifyDigests sas t    the same, and the bytes of every message
 *      Pause     s    -       "": all
 *      Resume    s    -       "": all
 *      Held      s    aa{sv}  deletions that the brake holds
 *      Confirm   ss   -       account, mailbox
 *      Explain   ssus a{sv}   account, mailbox, UID on the server or 0, name of a file or "": what is
 *                             known of that message; of the mailbox alone without either
 *      Inspect   ssus a{sv}   the same, and the server is asked for it first
 *      Policy    -    a{sv}   what all accounts may cost now, and why
 *      SetPolicy ss   -       a row's name, or "auto"; for so long ("2h"), or ""
 *      Reload    -    -
 *      Stop      -    -
 *      Version   -    s
 *      Watch     b    -       true: send Event signals to this client
 *
 *      signal
 *      Event       a{sv}   what happened: time (t, usec since 1970), account, mailbox, event, message,
 *                          counts; to those who watch
 *      Progress    ta{sv}  job; account, mailbox, done, total (messages), bytes, total_bytes (0: not
 *                          known), bytes_left (of the account)
 *      Difference  ta{sv}  job (of Verify); account, mailbox, uid, what
 *      Finished    tbs     job, in sync, what is wrong in a sentence ("" if nothing)
 *
 * The signals of a job go to the client that started it, and none of them before the job's number:
 * the reply to Sync or Verify. Progress may be left out when the client is slow to read; Finished is
 * always the last.
 *
 * Errors: CONTROL_ERROR_* with a sentence for people.
 */

#define CONTROL_PATH      "/org/imapsync"
#define CONTROL_INTERFACE "org.imapsync.Daemon"

#define CONTROL_ERROR_NO_ACCOUNT "org.imapsync.Error.NoAccount"
#define CONTROL_ERROR_NO_MAILBOX "org.imapsync.Error.NoMailbox"
#define CONTROL_ERROR_NOT_HELD   "org.imapsync.Error.NotHeld"
#define CONTROL_ERROR_CONFIG     "org.imapsync.Error.Config"
#define CONTROL_ERROR_FAILED     "org.imapsync.Error.Failed"

/* Under $XDG_RUNTIME_DIR */
#define CONTROL_SOCKET_FOLDER "imapsyncd"
#define CONTROL_SOCKET_NAME   "control" /* and control@ACCOUNT of a process for that one alone */
#define CONTROL_SOCKET        CONTROL_SOCKET_FOLDER "/" CONTROL_SOCKET_NAME
