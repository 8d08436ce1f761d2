#pragma once

/*
 * What to do about one mailbox (pure), from where it is, what the base knows and what it is called
 *
 * A mailbox that was in sync and is gone from a side is a deletion, and so a claim: somebody must have
 * meant it. One that is there under another name was renamed, and is renamed on the other side; that
 * beats everything, since it costs nothing and loses nothing.
 */

#include "sync/direction.h"

/* Mailboxes deleted on one side: are they deleted on the other one? */
typedef enum MailboxDeletion {
        MAILBOX_DELETION_ASK,   /* held until a person says so */
        MAILBOX_DELETION_YES,   /* unless it looks like an accident */
        MAILBOX_DELETION_NEVER, /* kept, and no more synchronised */
} MailboxDeletion;

typedef struct MailboxView {
        bool in_base;
        bool is_inbox;          /* which can be neither deleted nor renamed on a server */
        bool is_target;         /* it is the new name of another mailbox: that one decides */
        bool exists[_SIDE_MAX]; /* under this name */
        /* The name under which the base's mailbox is on this side now; NULL: it was not renamed. One
         * that exists as well is another one that took its old name. Borrowed. */
        const char *moved_to[_SIDE_MAX];
        Direction direction;
        MailboxDeletion deletion;
        bool is_left;   /* it was gone already when a direction left it where it is */
        bool confirmed; /* a person has said that the deletion is meant */
        bool is_much;   /* so much is gone on the side that it looks like an accident */
} MailboxView;

typedef enum MailboxStep {
        MAILBOX_STEP_NONE,
        MAILBOX_STEP_ADOPT,   /* both sides have it: keep it in sync from now on */
        MAILBOX_STEP_CREATE,  /* on @side */
        MAILBOX_STEP_RENAME,  /* on @side, to @name */
        MAILBOX_STEP_RENAMED, /* on both sides already, to @name: in the base */
        MAILBOX_STEP_REMOVE,  /* on @side, unless there is something new in it */
        MAILBOX_STEP_HOLD,    /* gone on the other side than @side, and kept until confirmed */
        MAILBOX_STEP_KEEP,    /* the same, and not to be confirmed */
        MAILBOX_STEP_LEAVE,   /* only on @side, and the direction leaves it so */
        MAILBOX_STEP_FORGET,  /* it is nowhere any more: so does the base */
} MailboxStep;

typedef struct MailboxPlan {
        MailboxStep step;
        Side side;
        const char *name; /* borrowed from the view */
} MailboxPlan;

MailboxPlan mailbox_plan(const MailboxView *view);

/*
 * Subscriptions are merged like a flag: what has changed since both sides agreed is right; without
 * that, who is subscribed on one side is on both. A side may have said nothing.
 */
typedef enum Subscribed {
        SUBSCRIBED_UNKNOWN,
        SUBSCRIBED_NO,
        SUBSCRIBED_YES,
} Subscribed;

/* Return: what it is to be on both sides; UNKNOWN: nothing is to be done or remembered. */
Subscribed subscription_plan(Subscribed base, const Subscribed sides[_SIDE_MAX]);
