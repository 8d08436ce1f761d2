/* What to do about one mailbox. */

#include <stdlib.h>
#include <string.h>

#include "sync/mailbox-plan.h"

static MailboxPlan plan_of(MailboxStep step, Side side, const char *name) {
        return (MailboxPlan){step, side, name};
}

/* Renamed differently on both sides: the server's name is the one that other clients see. */
static MailboxPlan plan_moved(const MailboxView *view) {
        const char *remote = view->moved_to[SIDE_REMOTE], *local = view->moved_to[SIDE_LOCAL];
        const Side moved = remote ? SIDE_REMOTE : SIDE_LOCAL, other = side_other(moved);

        if (remote && local)
                return strcmp(remote, local) == 0
                               ? plan_of(MAILBOX_STEP_RENAMED, SIDE_LOCAL, remote)
                               : plan_of(MAILBOX_STEP_RENAME, SIDE_LOCAL, remote);
        if (view->exists[other])
                return plan_of(MAILBOX_STEP_RENAME, other, view->moved_to[moved]);

        /* Renamed here, deleted there: who renamed it wants it, so it is a new one now. */
        return plan_of(MAILBOX_STEP_FORGET, moved, NULL);
}

/* @side: the one that still has it. */
static MailboxPlan plan_gone(const MailboxView *view, Side side) {
        if (view->is_inbox)
                return plan_of(MAILBOX_STEP_KEEP, side, NULL);
        if (!direction_allows(view->direction, side, DEED_REMOVE))
                return plan_of(MAILBOX_STEP_LEAVE, side, NULL);
        if (view->confirmed)
                return plan_of(MAILBOX_STEP_REMOVE, side, NULL);

        switch (view->deletion) {
        case MAILBOX_DELETION_ASK:
                return plan_of(MAILBOX_STEP_HOLD, side, NULL);
        case MAILBOX_DELETION_YES:
                return plan_of(view->is_much || view->is_left ? MAILBOX_STEP_HOLD
                                                              : MAILBOX_STEP_REMOVE,
                               side, NULL);
        case MAILBOX_DELETION_NEVER:
                return plan_of(MAILBOX_STEP_KEEP, side, NULL);
        }
        abort();
}

MailboxPlan mailbox_plan(const MailboxView *view) {
        const bool remote = view->exists[SIDE_REMOTE], local = view->exists[SIDE_LOCAL];
        const Side has = remote ? SIDE_REMOTE : SIDE_LOCAL;

        if (view->in_base && (view->moved_to[SIDE_REMOTE] || view->moved_to[SIDE_LOCAL]))
                return plan_moved(view);
        if (view->is_target)
                return plan_of(MAILBOX_STEP_NONE, has, NULL);
        if (remote && local)
                return plan_of(view->in_base ? MAILBOX_STEP_NONE : MAILBOX_STEP_ADOPT, has, NULL);
        if (!remote && !local)
                return plan_of(view->in_base ? MAILBOX_STEP_FORGET : MAILBOX_STEP_NONE, has, NULL);
        if (view->in_base)
                return plan_gone(view, has);
        return direction_allows(view->direction, side_other(has), DEED_MAKE)
                       ? plan_of(MAILBOX_STEP_CREATE, side_other(has), NULL)
                       : plan_of(MAILBOX_STEP_LEAVE, has, NULL);
}

Subscribed subscription_plan(Subscribed base, const Subscribed sides[_SIDE_MAX]) {
        const Subscribed remote = sides[SIDE_REMOTE], local = sides[SIDE_LOCAL];

        if (remote == SUBSCRIBED_UNKNOWN || local == SUBSCRIBED_UNKNOWN) {
                const Subscribed known = remote == SUBSCRIBED_UNKNOWN ? local : remote;

                /* changed on the one that has spoken; the other one is as it was, as far as known */
                return base != SUBSCRIBED_UNKNOWN && known != base ? known : SUBSCRIBED_UNKNOWN;
        }
        if (remote == local)
                return remote;
        if (base == SUBSCRIBED_UNKNOWN)
                return SUBSCRIBED_YES;
        return remote == base ? local : remote;
}
