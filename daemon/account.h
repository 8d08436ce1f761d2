#pragma once

/*
 * One account of the daemon: its two sides, its engine, its connection, and what it waits for
 *
 * It connects, logs in, has the engine bring everything in sync, then waits as well as the server
 * allows (NOTIFY, IDLE, poll) and on inotify, and connects again when the connection is lost. Whatever
 * goes wrong is a state of the account, with a sentence; nothing here ends the program.
 */

#include <systemd/sd-event.h>

#include "base/macro.h"
#include "config/config.h"
#include "daemon/pulse.h"
#include "daemon/status.h"
#include "sync/engine.h"

typedef struct Account Account;

typedef struct AccountOptions {
        const char *state_dir; /* borrowed */
        const char *host;      /* of file names; borrowed */
        Pulse *pulse;          /* of all accounts; borrowed */
        Policy policy; /* until account_set_policy(); with once it is the one of a machine on the mains */
        uint64_t flag_scan_usec;
        bool once, dry_run;
        /* What the engine tells, and every change of state (note NULL). From the loop. */
        void (*on_note)(Account *account, const EngineNote *note, void *userdata);
        /* once: it is over, well or not (account_state tells). */
        void (*on_finished)(Account *account, void *userdata);
        void *userdata;
} AccountOptions;

/* @config is borrowed for the life of the account. What cannot be opened is a state, not an error.
 * Return: 0, or a negative errno of this machine. */
int account_new(sd_event *event, const AccountConfig *config, const AccountOptions *options,
                Account **ret_account);
Account *account_free(Account *account);

const AccountConfig *account_config(const Account *account);
const char *account_name(const Account *account);
/* All of it: goes through the mailboxes. */
AccountStatus account_status(Account *account);
/* What it says first. The sentence is "" or borrowed until the state changes. */
AccountState account_state(const Account *account);
const char *account_sentence(const Account *account);
int account_each_mailbox(Account *account,
                         int (*each)(const EngineMailbox *mailbox, void *userdata), void *userdata);

/* Of first synchronisations, as far as the server says. */
uint64_t account_bytes_left(const Account *account);

uint64_t account_uptime(void); /* usec of CLOCK_BOOTTIME */

/* What is known of a message: engine_explain(). @now may be NULL. The strings are borrowed until the next call, for any account.
 * Return: 0, -ENOENT if there is no such mailbox, or another negative errno. */
int account_explain(Account *account, const char *mailbox, uint32_t uid, const char *file,
                    const EngineInspection *now, MessageStatus *ret_status);

/* Ask the server for a message by the connection that there is: engine_inspect(), and the note tells. Return: NULL,
 * or why that cannot be done now. */
const char *account_inspect(Account *account, const char *mailbox, uint32_t uid);

/* Messages of a mailbox without \Seen, counted on the spot. */
uint64_t account_count_unseen(Account *account, const char *mailbox);

/* Is there work that has not come to an end, as far as it can now? */
bool account_is_busy(const Account *account);
/* Everything that is known is carried out, no mailbox has an error and nothing is held. */
bool account_is_in_sync(Account *account);
/* The same, but while it is at work, as it was before: a change takes milliseconds, and is not worth telling of. */
bool account_counts_as_in_sync(Account *account);

/* A person wants this now: connect without waiting for back-off, look at these mailboxes (none: all).
 * Return: 0, or -ENOENT if there is no such mailbox. */
int account_sync(Account *account, const char *const *mailboxes, size_t n_mailboxes);
/* The same, and then compare them whole (engine_verify()): the notes tell of each difference. */
int account_verify(Account *account, const char *const *mailboxes, size_t n_mailboxes);
/* And the bytes of every message: engine_verify_digests(). */
int account_verify_digests(Account *account, const char *const *mailboxes, size_t n_mailboxes);
void account_pause(Account *account, bool pause);
int account_confirm(Account *account, const char *mailbox); /* or STATE_DB_E_NONE */

/* What the account may cost from now on: at once, and on the connection that it has. What was put off is done as
 * soon as it may be. */
void account_set_policy(Account *account, const Policy *policy);

/* As in the AccountOptions, from now on. */
void account_set_flag_scan(Account *account, uint64_t usec);

/* The machine is on this network: what is known of how long its router remembers connections holds. 0: nobody says
 * which one it is. */
void account_set_network(Account *account, uint64_t network);

/* Why an account keeps still: it begins nothing and has no timer. */
enum {
        ACCOUNT_HOLD_SLEEP = 1 << 0,
        ACCOUNT_HOLD_OFFLINE = 1 << 1,
        ACCOUNT_HOLD_PORTAL = 1 << 2,
};

/* All that hold it from now on; those of the network do not hold an account whose servers are on this
 * machine or behind a tunnel. Let go, it connects at once, or asks connections whether they live. */
void account_set_holds(Account *account, unsigned holds);
bool account_is_held(const Account *account);
/* Is nothing under way, but what waits for being let go? */
bool account_is_quiet(const Account *account);
/* Commit what can be, and end the rest, before returning. */
void account_interrupt(Account *account);
/* The machine was asleep, or the network is another: do connections live? Those that do not answer soon
 * are replaced, those that wait to be tried again are tried now. */
void account_probe(Account *account, bool is_resumed);

/* End orderly: LOGOUT, and what may be remembered is. @on_stopped is called from the loop, soon. */
void account_stop(Account *account, void (*on_stopped)(Account *account, void *userdata),
                  void *userdata);

DEFINE_CLEANUP(Account *, account_free)
