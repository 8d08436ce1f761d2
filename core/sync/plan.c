/* The planner: pure decisions. The comments of the header are the specification. */

#include "sync/plan.h"

/*
 * Each flag is one bit and both sides started from @base, so the two sides can only have moved a bit
 * the same way: the merge has no conflicts. What either side changed is changed.
 */
static MessageFlags merge_flags(MessageFlags base, const PlanSide side[_SIDE_MAX]) {
        MessageFlags changed = 0;

        for (Side s = 0; s < _SIDE_MAX; s++)
                changed |= (base ^ side[s].flags) & side[s].storable;

        return base ^ changed;
}

/* What each side lacks of @merged, and has beyond it. */
static void plan_stores(MessagePlan *plan, MessageFlags merged, const PlanSide side[_SIDE_MAX]) {
        plan->flags = merged;
        for (Side s = 0; s < _SIDE_MAX; s++) {
                plan->add[s] = merged & ~side[s].flags & side[s].storable;
                plan->remove[s] = side[s].flags & ~merged & side[s].storable;
        }
}

MessagePlan plan_message(MessageFlags base, const PlanSide side[_SIDE_MAX]) {
        MessagePlan plan = {.flags = base};

        if (side[SIDE_REMOTE].present && side[SIDE_LOCAL].present)
                plan_stores(&plan, merge_flags(base, side), side);
        else if (side[SIDE_REMOTE].present)
                plan.expunge[SIDE_REMOTE] = true;
        else if (side[SIDE_LOCAL].present)
                plan.expunge[SIDE_LOCAL] = true;
        else
                plan.forget = true;

        return plan;
}

MessagePlan plan_pair(const PlanSide side[_SIDE_MAX]) {
        MessagePlan plan = {0};

        plan_stores(&plan,
                    (side[SIDE_REMOTE].flags & side[SIDE_REMOTE].storable) |
                            (side[SIDE_LOCAL].flags & side[SIDE_LOCAL].storable),
                    side);
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
