#pragma once

/*
 * The waiting ladder: how to learn that the server has changed (pure)
 *
 * NOTIFY tells of every mailbox; else IDLE tells of INBOX and a poll of the others; else a poll of
 * all. What the server offers says how far up it may go; what it does, how far up it is worth going. A
 * WaitRecord keeps that for an account, over all its connections. Times are usec since 1970.
 */

#include <stdbool.h>
#include <stdint.h>

#include "imap/capability.h"
#include "sync/policy.h"

typedef enum WaitRung {
        WAIT_RUNG_NOTIFY,
        WAIT_RUNG_IDLE,
        WAIT_RUNG_POLL,
} WaitRung;

#define WAIT_OVERFLOWS 3u /* of NOTIFY within an hour are too many */
#define WAIT_MISSES    3u /* polls in a row that found what IDLE did not tell */

/* How long connections may be silent goes by the network: whose router forgets them. */
#define WAIT_NETWORKS 8u /* that are remembered beside the present one */
typedef struct WaitNetwork {
        uint64_t network;    /* who it is; 0: nobody says */
        unsigned n_survived; /* silences in a row that the connection has outlived */
        unsigned n_deaths;   /* connections that were found dead */
        uint64_t silence;    /* after which a packet is due; 0: the first guess */
} WaitNetwork;

/* All 0: nothing is known yet. */
typedef struct WaitRecord {
        bool notify_refused, idle_refused;
        unsigned n_overflows;
        int64_t overflows[WAIT_OVERFLOWS]; /* the last ones, a ring */
        int64_t notify_after;              /* too many: not before then */
        unsigned n_misses;
        int64_t idle_after;
        bool is_probed;       /* the kernel asks in between whether the other end is there */
        uint64_t ended_after; /* without a command, by the server: the last time */
        uint64_t life;        /* how long it bears that; 0: as long as the RFCs want */
        WaitNetwork here;
        WaitNetwork others[WAIT_NETWORKS];
        unsigned n_others;  /* ever put there: a ring */
        uint64_t n_chatter; /* lines that IDLE sent without news ... */
        uint64_t idled;     /* ... in so long (usec) */
} WaitRecord;

/* NOTIFY has given up for now. */
void wait_on_overflow(WaitRecord *record, int64_t now);

/* IDLE has told of a change; a poll has found one in the mailbox of the IDLE that it had not told. */
void wait_on_told(WaitRecord *record);
void wait_on_missed(WaitRecord *record, int64_t now);

/*
 * How long there may be no packet. Routers forget connections without a word: each time one is found dead
 * behind a silence the next ones are half as long, and after some of full length that went well a little
 * longer again.
 */
uint64_t wait_silence(const WaitRecord *record);
void wait_on_silent_death(WaitRecord *record, uint64_t silence);
/* The machine is on this network from now on. */
void wait_set_network(WaitRecord *record, uint64_t network);
void wait_on_survived(WaitRecord *record, uint64_t silence);

/*
 * How long there may be no command. A packet is the kernel's work (TCP's keepalive), which does not wake us up; a
 * server, which counts commands, has to bear half an hour (RFC 9051 section 5.4). One that twice has ended
 * the session after the same time is known not to. Who is not probed needs a command instead of the packet.
 */
uint64_t wait_life(const WaitRecord *record);
void wait_on_ended(WaitRecord *record, uint64_t without_command);
/* After so long a silence is the kernel to ask; 0: a command comes first. */
uint64_t wait_probe(const WaitRecord *record);

/*
 * When is something due on a connection that waits: a look at how things stand, and a sign of life? usec of an
 * uptime. A sign of life may be early by half of the silence, so that those of all connections fall together,
 * and late by a minute; a look may be late by a tenth, a minute at most, and as early where a sign of life is due anyway.
 */
typedef struct WaitPlan {
        uint64_t look, life;
        uint64_t early, late; /* so much may the sign of life be */
        uint64_t slack;       /* of the look */
} WaitPlan;

/* After a look, or after a mere sign of life (which leaves the look when it was). @interval: of looks; 0: a look
 * now and then, and that is the sign of life. */
void wait_plan(WaitPlan *plan, const WaitRecord *record, uint64_t now, uint64_t interval,
               bool has_looked);
uint64_t wait_earliest(const WaitPlan *plan);
uint64_t wait_latest(const WaitPlan *plan);
/* It is time: is it a look? */
bool wait_wants_look(const WaitPlan *plan, uint64_t now);
/* How long the answers of all connections may be left to come together, so that they wake up the machine once: a
 * second at most, and so small a part of the time until the next ones that hardly any news is late by it. */
uint64_t wait_linger(const WaitPlan *plan, uint64_t now);

/* The best rung as of @now. @ret_why: a sentence on why not a better one, "" if there is none. */
WaitRung wait_choose(const WaitRecord *record, const ImapCapabilities *capabilities, int64_t now,
                     const char **ret_why);

/* IDLE was on for so long, and so many lines came that told nothing. */
void wait_on_idled(WaitRecord *record, uint64_t usec, uint64_t n_lines);

/* What the policy leaves of that rung. IDLE is not for a server whose chatter wakes the machine more often than
 * a poll would, if the policy wants it quiet. @ret_why: written only if the rung is another one then. */
WaitRung wait_restrict(const WaitRecord *record, WaitRung rung, const Policy *policy,
                       const char **ret_why);

/*
 * When is a mailbox to be asked for its status again, where each has to be asked for itself? As long
 * as it was quiet, so the pauses double; never more often than @interval nor less than WAIT_COLD.
 * @asked, @changed: 0: never, or not known.
 */
#define WAIT_COLD ((int64_t) 15 * 60 * 1000000)
int64_t wait_poll_due(int64_t asked, int64_t changed, int64_t interval);
