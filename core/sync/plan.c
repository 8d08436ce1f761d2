/* The planner: pure decisions. The comments of the header are the specification. */

#include "sync/plan.h"

/* What a side has, and of what it cannot store that it is as it was. */
static MessageFlags flags_of(MessageFlags base, const PlanSide *side) {
        return (side->flags & side->storable) | ((base ^ side->apart) & ~side->storable);
}

static void plan_store(MessagePlan *plan, Side s, const PlanSide *side, MessageFlags to) {
        plan->add[s] = to & ~side->flags & side->storable;
        plan->remove[s] = side->flags & ~to & side->storable;
}

/*
 * Each flag is one bit, and both sides started from the same value, so the two can only have moved it the same
 * way: the merge has no conflicts. What either side changed is changed on the other, unless that keeps its
 * flags. Only a bit that was left different by that can have moved to two values: the remote one counts.
 */
static void plan_flags(MessagePlan *plan, MessageFlags base, const PlanSide side[_SIDE_MAX]) {
        const PlanSide *remote = &side[SIDE_REMOTE], *local = &side[SIDE_LOCAL];
        const MessageFlags r = flags_of(base, remote), l = flags_of(base, local);
        const MessageFlags down = local->keeps_flags ? 0 : base ^ r;
        const MessageFlags up = remote->keeps_flags ? 0 : (base ^ local->apart ^ l) & ~down;
        const MessageFlags to_remote = (r & ~up) | (l & up), to_local = (l & ~down) | (r & down);

        plan->flags = to_remote;
        plan->apart = to_remote ^ to_local;
        plan_store(plan, SIDE_REMOTE, remote, to_remote);
        plan_store(plan, SIDE_LOCAL, local, to_local);
}

static void plan_gone(MessagePlan *plan, Side here, const PlanSide *side) {
        plan->keep[here] = side->keeps;
        plan->expunge[here] = !side->keeps;
}

MessagePlan plan_message(MessageFlags base, const PlanSide side[_SIDE_MAX]) {
        MessagePlan plan = {.flags = base};

        if (side[SIDE_REMOTE].present && side[SIDE_LOCAL].present)
                plan_flags(&plan, base, side);
        else if (side[SIDE_REMOTE].present)
                plan_gone(&plan, SIDE_REMOTE, &side[SIDE_REMOTE]);
        else if (side[SIDE_LOCAL].present)
                plan_gone(&plan, SIDE_LOCAL, &side[SIDE_LOCAL]);
        else
                plan.forget = true;

        return plan;
}

MessagePlan plan_pair(const PlanSide side[_SIDE_MAX]) {
        MessagePlan plan = {0};

        plan.flags = (side[SIDE_REMOTE].flags & side[SIDE_REMOTE].storable) |
                     (side[SIDE_LOCAL].flags & side[SIDE_LOCAL].storable);
        for (Side s = 0; s < _SIDE_MAX; s++)
                plan_store(&plan, s, &side[s], plan.flags);
        return plan;
}

bool brake_holds(const Brake *brake, uint64_t messages, uint64_t vanished, uint64_t lately) {
        const uint64_t all = messages + lately, gone = vanished + lately;

        if (vanished == 0 || gone <= brake->count)
                return false;
        return gone > all / 100 * brake->percent + all % 100 * brake->percent / 100;
}

bool delta_adds_up(uint64_t known, uint64_t vanished, uint64_t unknown, uint64_t exists) {
        return vanished <= known && known - vanished + unknown == exists;
}

bool status_is_dirty(const ReplicaToken *token, uint64_t known, const ReplicaStatus *status) {
        if (status->has_uidvalidity && status->uidvalidity != token->uidvalidity)
                return true;
        if (status->modseq > 0 && status->modseq != token->modseq)
                return true;

        if (status->uidnext > 0 && status->uidnext != token->uidnext)
                return true;

        return status->has_messages && status->messages != known;
}

bool token_is_behind(const ReplicaToken *committed, const ReplicaToken *now) {
        if (committed->uidvalidity != now->uidvalidity)
                return false;
        if (now->uidnext > 0 && now->uidnext < committed->uidnext)
                return true;

        return now->modseq > 0 && now->modseq < committed->modseq;
}
