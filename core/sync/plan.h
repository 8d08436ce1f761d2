#pragma once

/*
 * The planner: what to do about one message (pure)
 *
 * From the base and what either side says now to what each side must do. No clock, no socket, no file:
 * the same arguments always give the same plan.
 */

#include "sync/replica.h"

/* A message as one side has it now. A side that has no news of it: present, with the base's flags. */
typedef struct PlanSide {
        bool present;
        MessageFlags flags;
        MessageFlags storable; /* what this side can store; other bits of @flags mean nothing */
        MessageFlags
                apart;    /* of the local side: where the base had it differ from the remote one */
        bool keeps_flags; /* the direction: none are to be changed here, */
        bool keeps;       /* and what is gone from the other side stays */
} PlanSide;

typedef struct MessagePlan {
        bool forget;             /* gone from both sides: drop the row */
        bool expunge[_SIDE_MAX]; /* gone from the other side: expunge here, then drop the row */
        bool keep[_SIDE_MAX];    /* the same, but it stays here, alone from now on */
        MessageFlags add[_SIDE_MAX], remove[_SIDE_MAX]; /* to store on a side */
        MessageFlags flags; /* the new base, once the stores are done: of the remote side, */
        MessageFlags apart; /* and where the local side differs from that */
} MessagePlan;

/**
 * plan_message() - decide about a message of the base
 * @base: the flags that it had when last in sync; on the local side less PlanSide.apart
 *
 *      base  remote  local     plan
 *       x      x       x       merge the flags
 *       x      x       -       expunge on the remote side
 *       x      -       x       expunge on the local side
 *       x      -       -       forget
 *
 * Where a side keeps what it has, the other one may become another: that is no change from then on. A flag that
 * has changed on both sides then, from different values, is as the remote side has it.
 *
 * A deletion wins over a flag change made on the other side. Messages that the base does not have are
 * paired, fetched or appended, and need no decision here.
 */
MessagePlan plan_message(MessageFlags base, const PlanSide side[_SIDE_MAX]);

static inline bool message_plan_drops(const MessagePlan *plan) {
        return plan->forget || plan->expunge[0] || plan->expunge[1] || plan->keep[0] ||
               plan->keep[1];
}

static inline bool message_plan_is_empty(const MessagePlan *plan, MessageFlags base,
                                         MessageFlags apart) {
        return !message_plan_drops(plan) && !plan->add[0] && !plan->add[1] && !plan->remove[0] &&
               !plan->remove[1] && plan->flags == base && plan->apart == apart;
}

/*
 * Two messages found to be the same (pairing): there is no base, so what either side has set stays
 * set. Nothing is ever cleared by a pairing.
 */
MessagePlan plan_pair(const PlanSide side[_SIDE_MAX]);

/* The brake: deletions are claims, and too many at once are held for a person to confirm. */
typedef struct Brake {
        unsigned percent; /* of the mailbox */
        unsigned count;   /* never fewer than this */
} Brake;

/**
 * brake_holds() - must these deletions be held?
 * @messages: in the base, the vanished ones included
 * @vanished: in this delta, on one side
 * @lately:   let through within the last hour already, so that many small deltas are no way around
 */
bool brake_holds(const Brake *brake, uint64_t messages, uint64_t vanished, uint64_t lately);

/*
 * The free check after every delta: a mailbox holds what is known (base and parked), less what
 * vanished, plus what is new. If that is not what the server says, the delta is not to be believed.
 */
bool delta_adds_up(uint64_t known, uint64_t vanished, uint64_t unknown, uint64_t exists);

/* Has the mailbox changed since the token was committed, as far as the status tells? @known: base and
 * parked messages. Never one number alone: some servers forget to raise one of them. */
bool status_is_dirty(const ReplicaToken *token, uint64_t known, const ReplicaStatus *status);

/* Went a number backwards under the same UIDVALIDITY? Then the server has lost its index, UIDs may
 * have been given anew, and nothing of the base's UIDs may be believed. */
bool token_is_behind(const ReplicaToken *committed, const ReplicaToken *now);
