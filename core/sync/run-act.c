/*
 * A run, acting: flags and deletions of messages that the base knows
 *
 * The changes are a queue: a chunk is taken out of it and planned, its requests are made, and when all
 * are answered its rows are committed. What the sides say meanwhile goes back into the queue, and
 * passes are made over it until there is no news. Only deletions that are told so late wait for the
 * next run, which checks them against the count of messages first.
 */

#include <assert.h>
#include <errno.h>

#include "sync/run-private.h"

/* Requests of one kind over many messages. */
typedef struct Group {
        Side side;
        bool expunge, discard; /* discard: into the trash */
        MessageFlags add, remove;
        UidSet uids;      /* owned */
        unsigned request; /* of this side, from 1 on */
} Group;

typedef struct Groups {
        Group *groups; /* owned */
        size_t n_groups;
} Groups;

static void groups_done(Groups *groups) {
        for (size_t i = 0; i < groups->n_groups; i++)
                uid_set_done(&groups->groups[i].uids);
        free(groups->groups);
}

/* Return: the number of the request that it goes with, or negative. */
static int groups_add(SyncRun *run, Groups *groups, const Group *like, uint32_t uid) {
        Group *grown, *group;
        int r;

        for (size_t i = 0; i < groups->n_groups; i++) {
                group = &groups->groups[i];
                if (group->side == like->side && group->expunge == like->expunge &&
                    group->discard == like->discard && group->add == like->add &&
                    group->remove == like->remove) {
                        r = uid_set_add(&group->uids, uid, uid);
                        return r < 0 ? r : (int) group->request;
                }
        }

        grown = reallocarray(groups->groups, groups->n_groups + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        groups->groups = grown;
        group = &grown[groups->n_groups++];
        *group = *like;
        group->uids = UID_SET_NULL;
        group->request = ++run->n_requests[like->side];
        r = uid_set_add(&group->uids, uid, uid);
        return r < 0 ? r : (int) group->request;
}

static int group_request(SyncRun *run, const Group *group) {
        ReplicaMailbox *mailbox = &run->mailbox->replica[group->side];
        Replica *replica = run->mailbox->engine->replica[group->side];
        int r;

        if (group->discard)
                r = replica->ops->move(replica, mailbox, &group->uids,
                                       &run->mailbox->engine->trash[group->side]);
        else if (group->expunge)
                r = replica->ops->expunge(replica, mailbox, &group->uids);
        else
                r = replica->ops->store(replica, mailbox, &group->uids, group->add, group->remove);
        if (r < 0)
                return r;
        run->n_under_way++;
        run->wrote[group->side] = true;
        return 0;
}

/* What a plan asks for of either side. */
static int collect(SyncRun *run, Groups *groups, PlannedMessage *planned) {
        const uint32_t uids[_SIDE_MAX] = {planned->remote_uid, planned->local_uid};
        const MessagePlan *plan = &planned->plan;

        for (Side side = 0; side < _SIDE_MAX; side++) {
                Group group = {
                        .side = side,
                        .expunge = plan->expunge[side],
                        .add = plan->add[side],
                        .remove = plan->remove[side],
                };
                int r;

                if (!group.expunge && !group.add && !group.remove)
                        continue;
                if (group.expunge) {
                        r = run_discard(run, side, planned->remote_uid);
                        if (r < 0)
                                return r;
                        planned->undone = r == RUN_E_NO_TRASH;
                        group.discard = r == RUN_E_TRASH;
                }
                if (planned->undone)
                        continue;
                r = groups_add(run, groups, &group, uids[side]);
                if (r < 0)
                        return r;
                planned->request[side] = (unsigned) r;
        }
        return 0;
}

static int request_all(SyncRun *run) {
        _cleanup_(groups_done) Groups groups = {0};
        int r;

        memset(run->n_requests, 0, sizeof(run->n_requests));
        memset(run->n_answers, 0, sizeof(run->n_answers));
        for (size_t i = 0; i < run->n_planned; i++) {
                r = collect(run, &groups, &run->planned[i]);
                if (r < 0)
                        return r;
        }

        for (size_t i = 0; i < groups.n_groups; i++) {
                r = group_request(run, &groups.groups[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Gone, but that is not to be believed yet. Gone from both sides, there is nothing to lose. */
static bool is_held(const SyncRun *run, const ChangedMessage *message) {
        if (message->late)
                return true;
        if (message->gone[SIDE_REMOTE] && message->gone[SIDE_LOCAL])
                return false;
        for (Side side = 0; side < _SIDE_MAX; side++)
                if (message->gone[side] && run->holds[side])
                        return true;
        return false;
}

static MessagePlan plan_changed(const SyncRun *run, const ChangedMessage *message) {
        PlanSide sides[_SIDE_MAX];

        for (Side side = 0; side < _SIDE_MAX; side++)
                sides[side] = (PlanSide){
                        .present = !message->gone[side],
                        .flags = message->flags[side],
                        .storable = run->storable[side],
                        .apart = side == SIDE_LOCAL ? message->base.apart : 0,
                        .keeps_flags = !sync_mailbox_may(run->mailbox, side, DEED_FLAGS),
                        .keeps = !sync_mailbox_may(run->mailbox, side, DEED_DELETE),
                };
        return plan_message(message->base.flags, sides);
}

/* Room grows with what is to do: most runs of a first sync have nothing, and all may be under way at once. */
static int add_planned(SyncRun *run, const PlannedMessage *planned) {
        assert(run->n_planned < RUN_MAX_PLANNED);
        if (run->n_planned == run->n_planned_allocated) {
                const size_t n = MIN(MAX(2 * run->n_planned, 16u), RUN_MAX_PLANNED);
                PlannedMessage *grown = reallocarray(run->planned, n, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                run->planned = grown;
                run->n_planned_allocated = n;
        }
        run->planned[run->n_planned++] = *planned;
        return 0;
}

static void forget_planned(SyncRun *run) {
        free(run->planned);
        run->planned = NULL;
        run->n_planned = run->n_planned_allocated = 0;
}

/* Take the next changes out of the queue and plan them. */
static int plan_chunk(SyncRun *run) {
        SyncMailbox *mailbox = run->mailbox;
        StateDb *db = mailbox->engine->db;
        int r;

        run->n_planned = 0;
        while (run->n_planned < RUN_MAX_PLANNED) {
                ChangedMessage message;
                PlannedMessage planned;

                r = state_db_change_next(db, mailbox->state.id, run->planned_after, &message);
                if (r < 0)
                        return r;
                if (r == STATE_DB_E_NONE)
                        break;

                run->planned_after = message.base.uid[SIDE_REMOTE];
                if (is_held(run, &message))
                        continue;
                for (Side side = 0; side < _SIDE_MAX; side++) {
                        r = state_db_change_drop(db, mailbox->state.id, side, run->planned_after);
                        if (r < 0)
                                return r;
                }

                planned = (PlannedMessage){
                        .remote_uid = message.base.uid[SIDE_REMOTE],
                        .local_uid = message.base.uid[SIDE_LOCAL],
                        .plan = plan_changed(run, &message),
                };
                if (message_plan_is_empty(&planned.plan, message.base.flags, message.base.apart))
                        continue;
                r = add_planned(run, &planned);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void note_would_delete(SyncRun *run, Side side, uint32_t remote_uid, uint32_t uid) {
        if (run_discard(run, side, remote_uid) == RUN_E_TRASH)
                engine_note_text(run->mailbox->engine, ENGINE_NOTE_WOULD, run->mailbox,
                                 "move %s message %u to the trash", side_name(side), uid);
        else
                engine_note_text(run->mailbox->engine, ENGINE_NOTE_WOULD, run->mailbox,
                                 "delete %s message %u", side_name(side), uid);
}

static void note_would(SyncRun *run) {
        for (size_t i = 0; i < run->n_planned; i++) {
                const PlannedMessage *planned = &run->planned[i];
                const MessagePlan *plan = &planned->plan;
                const uint32_t uids[_SIDE_MAX] = {planned->remote_uid, planned->local_uid};

                for (Side side = 0; side < _SIDE_MAX; side++) {
                        if (plan->expunge[side])
                                note_would_delete(run, side, planned->remote_uid, uids[side]);
                        if (plan->add[side] || plan->remove[side])
                                engine_note_text(run->mailbox->engine, ENGINE_NOTE_WOULD,
                                                 run->mailbox, "change flags of %s message %u",
                                                 side_name(side), uids[side]);
                }
        }
}

int run_act(SyncRun *run) {
        int r;

        run->phase = RUN_ACT;
        for (;;) {
                if (run->planned_after == 0) {
                        run->has_news = false;
                        for (Side side = 0; side < _SIDE_MAX; side++) {
                                r = run_apply_brake(run, side);
                                if (r < 0)
                                        return r;
                        }
                }

                r = plan_chunk(run);
                if (r < 0)
                        return r;
                if (run->n_planned > 0 && !run->mailbox->engine->options.dry_run)
                        break;
                note_would(run);
                if (run->n_planned > 0)
                        continue;
                run->planned_after = 0;
                if (!run->has_news) {
                        forget_planned(run);
                        return run_transfer(run);
                }
        }

        r = request_all(run);
        if (r < 0)
                return r;
        return run->n_under_way == 0 ? run_act_done(run) : 0;
}

/* It is not on both sides any more. */
static int commit_dropped(SyncRun *run, const PlannedMessage *planned) {
        SyncMailbox *mailbox = run->mailbox;
        Replica *local = mailbox->engine->replica[SIDE_LOCAL];
        const MessagePlan *plan = &planned->plan;
        int r;

        r = state_db_remove(mailbox->engine->db, mailbox->state.id, planned->remote_uid);
        if (r >= 0 && !plan->keep[SIDE_LOCAL])
                r = local->ops->forgotten(local, &mailbox->replica[SIDE_LOCAL], planned->local_uid);
        if (r >= 0 && plan->keep[SIDE_REMOTE])
                r = run_put_parked(run, SIDE_REMOTE, planned->remote_uid, STATE_DB_ALONE);
        if (r >= 0 && plan->keep[SIDE_LOCAL])
                r = run_put_parked(run, SIDE_LOCAL, planned->local_uid, STATE_DB_ALONE);
        if (r < 0)
                return r;

        mailbox->state.messages--;
        for (Side side = 0; side < _SIDE_MAX; side++) {
                run->counts.removed[side] += plan->expunge[side];
                if (plan->expunge[side] || plan->keep[side])
                        mailbox->state.gone[side_other(side)] +=
                                !mailbox->confirmed[side_other(side)];
        }
        return 0;
}

/* The requests of one plan are done: so say its rows. */
static int commit_planned(SyncRun *run, const PlannedMessage *planned) {
        SyncMailbox *mailbox = run->mailbox;
        const MessagePlan *plan = &planned->plan;

        for (Side side = 0; side < _SIDE_MAX; side++)
                if (plan->add[side] || plan->remove[side])
                        run->counts.changed[side]++;
        if (!message_plan_drops(plan))
                return state_db_set_flags(mailbox->engine->db, mailbox->state.id,
                                          planned->remote_uid, plan->flags, plan->apart);
        return commit_dropped(run, planned);
}

/* A request of the chunk is answered; they are so in the order in which they were made. */
void run_on_answer(SyncRun *run, Side side, bool ok) {
        const unsigned answer = ++run->n_answers[side];

        for (size_t i = 0; !ok && i < run->n_planned; i++)
                run->planned[i].undone |= run->planned[i].request[side] == answer;
}

static bool is_done(const SyncRun *run, const PlannedMessage *planned) {
        for (Side side = 0; side < _SIDE_MAX; side++)
                if (planned->request[side] > run->n_answers[side])
                        return false;
        return !planned->undone;
}

/* The rows of all that was done. The rest is done by a later run, which finds it still to do. */
int run_commit_planned(SyncRun *run) {
        int r;

        if (run->n_planned == 0)
                return 0;
        r = engine_begin(run->mailbox->engine);
        for (size_t i = 0; r >= 0 && i < run->n_planned; i++)
                if (is_done(run, &run->planned[i]))
                        r = commit_planned(run, &run->planned[i]);
        run->n_planned = 0;
        if (r >= 0)
                r = sync_mailbox_save(run->mailbox);
        return r < 0 ? r : engine_commit(run->mailbox->engine);
}

int run_act_done(SyncRun *run) {
        int r;

        r = run_commit_planned(run);
        return r < 0 ? r : run_act(run);
}
