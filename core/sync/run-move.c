/*
 * A run, moves: what is gone here and new in another mailbox
 *
 * A message that somebody moved is told of twice: by the mailbox that it left and by the one that it
 * came to. So a run that has lost messages meets those that have new ones, before it acts on either:
 * what surely is the same follows on the other side by a move there, and none of its bytes travel. On a
 * Maildir the inode says what it is; on a server, Message-ID, size and date, compared with what the
 * other side still has of the message. In doubt it is a deletion and a new message.
 *
 * A move is carried out, then its row goes over to the other mailbox. A crash in between is mended by
 * pairing: the message is new on both sides there, and gone from both sides here. So is one that a server
 * has moved without saying under which UID. What its flags were is known from run-moved.c.
 *
 * No run waits for one that waits for it: only those count that have not come here yet, and will.
 */

#include <assert.h>
#include <errno.h>

#include "sync/run-private.h"

static bool remembers_objects(const SyncRun *run, Side side) {
        return run->mailbox->engine->replica[side]->ops->object != NULL;
}

static bool has_come(const SyncRun *run) {
        return run->phase >= RUN_MEET;
}

/* Might messages be gone from another mailbox, that will be looked at together with this one? */
bool run_others_may_lose(const SyncRun *run, Side side) {
        Engine *engine = run->mailbox->engine;
        bool may_lose = false;

        for (size_t i = 0; i < engine->n_runs; i++) {
                const SyncRun *other = engine->runs[i];

                if (other != run && other->phase <= RUN_MEET && other->loses[side])
                        return true;
        }
        for (size_t i = 0; i < engine->n_mailboxes && engine->some_may_lose[side]; i++) {
                const SyncMailbox *other = engine->mailboxes[i];

                if (!other->dirty[side] || !other->may_lose[side])
                        continue;
                if (other != run->mailbox)
                        return true;
                may_lose = true;
        }
        engine->some_may_lose[side] = may_lose;
        return false;
}

/* What the side has said: does it lose or gain messages? */
int run_expect_moves(SyncRun *run, Side side) {
        const SyncMailbox *mailbox = run->mailbox;
        BaseMessage message;
        uint64_t n_unknown;
        int r;

        r = state_db_unknown_count(mailbox->engine->db, mailbox->state.id, side, &n_unknown);
        if (r < 0)
                return r;
        run->gains[side] = n_unknown > 0;
        r = state_db_lost_next(mailbox->engine->db, mailbox->state.id, side, 0, &message);
        run->loses[side] = r == 0;
        return r < 0 ? r : 0;
}

int run_meet(SyncRun *run) {
        int r = 0;

        run->phase = RUN_MEET;
        for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++) {
                r = run_expect_moves(run, side);
                run->identified[side] = 0;
        }
        if (r < 0)
                return r;
        if (!run->loses[SIDE_REMOTE] && !run->loses[SIDE_LOCAL] && !run->gains[SIDE_REMOTE] &&
            !run->gains[SIDE_LOCAL])
                return run_act(run);

        run->mailbox->engine->meets = true;
        return 0;
}

/* --- what to compare --- */

/* Is there a run, here by now or on its way, that gains what this one loses, or the other way? */
static bool has_counterpart(const SyncRun *run, Side side, bool loser) {
        const Engine *engine = run->mailbox->engine;

        for (size_t i = 0; i < engine->n_runs; i++) {
                const SyncRun *other = engine->runs[i];

                if (other->phase <= RUN_MEET && !other->failed &&
                    (loser ? other->loses[side] : other->gains[side]))
                        return true;
        }
        return false;
}

/* What is gone of a Maildir: it remembers what the files were. */
static int recall_objects(SyncRun *run, Side side) {
        SyncMailbox *mailbox = run->mailbox;
        Replica *replica = mailbox->engine->replica[side];
        StateDb *db = mailbox->engine->db;
        BaseMessage message = {0};
        int r;

        while ((r = state_db_lost_next(db, mailbox->state.id, side, message.uid[SIDE_REMOTE],
                                       &message)) == 0) {
                uint64_t object = 0;

                r = replica->ops->object(replica, &mailbox->replica[side], message.uid[side],
                                         &object);
                if (r >= 0 && object > 0)
                        r = state_db_lost_set_object(
                                db, mailbox->state.id, side, message.uid[SIDE_REMOTE],
                                (ByteView){(const char *) &object, sizeof(object)});
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : 0;
}

/* Find out what was lost and what was gained. Return: 1 if answers are to come, 0 if all is known. */
static int compare_side(SyncRun *run, Side side) {
        const SyncMailbox *mailbox = run->mailbox;
        int r = 0;

        if (run->loses[side] && has_counterpart(run, side, false)) {
                if (!run->is_compared[side])
                        r = remembers_objects(run, side)
                                    ? recall_objects(run, side)
                                    : state_db_unknown_add_gone(mailbox->engine->db,
                                                                mailbox->state.id, side);
                run->is_compared[side] = true;
                if (r >= 0 && !remembers_objects(run, side))
                        r = run_identify_side(run, side_other(side));
                if (r != 0)
                        return r;
        }
        if (run->gains[side] && !remembers_objects(run, side) && has_counterpart(run, side, true))
                r = run_identify_side(run, side);
        return r;
}

/* --- moving --- */

static int by_other_uid(const void *a, const void *b, void *userdata) {
        const Side other = *(const Side *) userdata;
        const uint32_t x = ((const MovedMessage *) a)->base.uid[other];
        const uint32_t y = ((const MovedMessage *) b)->base.uid[other];

        return x < y ? -1 : x > y;
}

/* Were its flags changed where it still is? To be known before it goes from there. */
static int find_changed(SyncRun *run, Side other, MovedMessage *moved) {
        const uint32_t remote_uid = moved->base.uid[SIDE_REMOTE];
        ChangedMessage changed;
        int r;

        r = state_db_change_next(run->mailbox->engine->db, run->mailbox->state.id, remote_uid - 1,
                                 &changed);
        if (r != 0)
                return r < 0 ? r : 0;
        moved->is_changed = changed.base.uid[SIDE_REMOTE] == remote_uid && changed.has[other];
        moved->flags = changed.flags[other];
        return 0;
}

/* What comes there by moves that are under way: it is new only once, whatever looks like it elsewhere. */
static int find_incoming(const SyncRun *target, Side side, UidSet *taken) {
        const Engine *engine = target->mailbox->engine;
        int r = 0;

        for (size_t i = 0; target->n_incoming > 0 && i < engine->n_runs; i++) {
                const SyncRun *run = engine->runs[i];

                if (run->target != target || run->moved_side != side)
                        continue;
                for (size_t n = 0; r >= 0 && n < run->n_moved; n++)
                        r = uid_set_add(taken, run->moved[n].uid, run->moved[n].uid);
        }
        return r;
}

/* The next messages that went from one mailbox to the other on this side. */
static int collect(SyncRun *run, const SyncRun *target, Side side) {
        _cleanup_(uid_set_done) UidSet taken = UID_SET_NULL;
        const MoveSearch search = {
                .source = run->mailbox->state.id,
                .target = target->mailbox->state.id,
                .side = side,
                .by_object = remembers_objects(run, side),
        };
        Side other = side_other(side);
        BaseMessage message = {0};
        uint32_t uid;
        int r;

        if (!run->moved)
                run->moved = reallocarray(NULL, RUN_MAX_MOVED, sizeof(*run->moved));
        if (!run->moved)
                return -ENOMEM;

        run->n_moved = 0;
        r = find_incoming(target, side, &taken);
        if (r < 0)
                return r;
        while (run->n_moved < RUN_MAX_MOVED &&
               (r = state_db_move_next(run->mailbox->engine->db, &search, message.uid[SIDE_REMOTE],
                                       &message, &uid)) == 0) {
                BaseMessage known;

                if (uid_set_contains(&taken, uid))
                        continue; /* one of two links to the same file, or two labels of a message */
                r = state_db_find(run->mailbox->engine->db, search.target, side, uid, &known);
                if (r == 0)
                        continue; /* what is compared there is not new */
                if (r > 0)
                        r = uid_set_add(&taken, uid, uid);
                if (r < 0)
                        return r;
                run->moved[run->n_moved] = (MovedMessage){.base = message, .uid = uid};
                r = find_changed(run, other, &run->moved[run->n_moved++]);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        qsort_r(run->moved, run->n_moved, sizeof(*run->moved), by_other_uid, &other);
        return 0;
}

/* It is not in this mailbox any more. */
static int leave_source(SyncRun *run, const MovedMessage *moved, bool keeps_file) {
        SyncMailbox *mailbox = run->mailbox;
        const Side other = side_other(run->moved_side);
        Replica *local = mailbox->engine->replica[SIDE_LOCAL];
        const uint32_t remote_uid = moved->base.uid[SIDE_REMOTE];
        StateDb *db = mailbox->engine->db;
        int r = 0;

        for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++)
                r = state_db_change_drop(db, mailbox->state.id, side, remote_uid);
        if (r >= 0)
                r = state_db_unknown_remove(db, mailbox->state.id, other, moved->base.uid[other]);
        if (r >= 0)
                r = state_db_remove(db, mailbox->state.id, remote_uid);
        if (r >= 0 && !keeps_file)
                r = local->ops->forgotten(local, &mailbox->replica[SIDE_LOCAL],
                                          moved->base.uid[SIDE_LOCAL]);
        if (r >= 0)
                mailbox->state.messages--;
        return r;
}

/* But in this one. What its flags are on the side where it was moved, it was told when it came. */
static int enter_target(SyncRun *run, SyncRun *target, const MovedMessage *moved,
                        const BaseMessage *row, bool keeps_file) {
        SyncMailbox *mailbox = target->mailbox;
        Replica *local = mailbox->engine->replica[SIDE_LOCAL];
        StateDb *db = mailbox->engine->db;
        const Side other = side_other(run->moved_side);
        uint32_t *uidnext = &target->opened[other].uidnext;
        int r;

        r = state_db_add(db, mailbox->state.id, row);
        if (r >= 0 && mailbox->state.is_dated)
                r = state_db_note_date(db, mailbox->state.id, row);
        if (r >= 0 && !keeps_file)
                r = local->ops->noted(local, &mailbox->replica[SIDE_LOCAL], row->uid[SIDE_LOCAL]);
        if (r >= 0)
                r = run_forget_intents(target, row);
        if (r >= 0)
                r = run_forget_moved(target, row);
        for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++)
                r = run_take_early_news(target, side, row);
        if (r < 0)
                return r;

        if (moved->uid_to == *uidnext && *uidnext < UID_MAX)
                ++*uidnext;
        for (Side side = 0; side < _SIDE_MAX; side++)
                if (mailbox->state.token[side].uidvalidity == 0)
                        mailbox->state.token[side].uidvalidity = target->opened[side].uidvalidity;
        mailbox->state.messages++;
        target->counts.moved[other]++;
        return 0;
}

/* One row goes over to the other mailbox, with what is still to be done about its flags. */
static int commit_moved(SyncRun *run, SyncRun *target, const MovedMessage *moved) {
        const Side side = run->moved_side, other = side_other(side);
        const bool keeps_file = run == target && side == SIDE_REMOTE;
        const Keywords *keywords = &run->mailbox->keywords;
        MessageFlags flags;
        BaseMessage row = {0};
        int r;

        row.uid[side] = moved->uid;
        row.uid[other] = moved->uid_to;
        r = flags_translate(moved->base.flags, keywords, &target->mailbox->keywords, &row.flags);
        if (r >= 0)
                r = flags_translate(moved->base.apart, keywords, &target->mailbox->keywords,
                                    &row.apart);
        if (r >= 0)
                r = flags_translate(moved->flags, keywords, &target->mailbox->keywords, &flags);
        if (r >= 0)
                r = leave_source(run, moved, keeps_file);
        if (r >= 0)
                r = enter_target(run, target, moved, &row, keeps_file);
        return r >= 0 && moved->is_changed ? run_on_known(target, other, &row, flags) : r;
}

/* Those of which is known what they have become. */
static int commit_all(SyncRun *run, SyncRun *target, size_t *ret_n) {
        Engine *engine = run->mailbox->engine;
        int r;

        *ret_n = 0;
        r = engine_begin(engine);
        for (size_t i = 0; r >= 0 && i < run->n_moved; i++) {
                if (run->moved[i].uid_to == 0)
                        continue;
                r = commit_moved(run, target, &run->moved[i]);
                ++*ret_n;
        }
        if (r >= 0)
                r = sync_mailbox_save(run->mailbox);
        if (r >= 0)
                r = sync_mailbox_save(target->mailbox);
        return r < 0 ? r : engine_commit(engine);
}

/* It came back to where it was: nothing is to be moved, it only has another UID now. */
static int rename_uids(SyncRun *run) {
        size_t n;

        for (size_t i = 0; i < run->n_moved; i++)
                run->moved[i].uid_to = run->moved[i].base.uid[side_other(run->moved_side)];
        return commit_all(run, run, &n);
}

static int note_would_move(SyncRun *run, const SyncRun *target) {
        const Side side = run->moved_side, other = side_other(side);
        StateDb *db = run->mailbox->engine->db;
        int r = 0;

        engine_note_text(run->mailbox->engine, ENGINE_NOTE_WOULD, run->mailbox,
                         "move %zu %s messages to %s", run->n_moved, side_name(other),
                         target->mailbox->state.name);
        for (size_t i = 0; r >= 0 && i < run->n_moved; i++) {
                const MovedMessage *moved = &run->moved[i];

                r = state_db_change_drop(db, run->mailbox->state.id, side,
                                         moved->base.uid[SIDE_REMOTE]);
                if (r >= 0)
                        r = state_db_unknown_remove(db, run->mailbox->state.id, other,
                                                    moved->base.uid[other]);
                if (r >= 0)
                        r = state_db_unknown_remove(db, target->mailbox->state.id, side,
                                                    moved->uid);
        }
        return r;
}

static int request(SyncRun *run, SyncRun *target) {
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
        const Side other = side_other(run->moved_side);
        Replica *replica = run->mailbox->engine->replica[other];
        int r;

        r = run_write_down_moves(run, target);
        for (size_t i = 0; r >= 0 && i < run->n_moved; i++)
                r = uid_set_add(&uids, run->moved[i].base.uid[other],
                                run->moved[i].base.uid[other]);
        if (r >= 0)
                r = replica->ops->move(replica, &run->mailbox->replica[other], &uids,
                                       &target->mailbox->replica[other]);
        if (r < 0)
                return r;

        run->n_under_way++;
        run->target = target;
        run->wrote[other] = target->wrote[other] = true;
        target->n_incoming++;
        return 0;
}

/* Return: 1 if messages went from here to there on this side, 0 if not, or negative. */
static int move_to(SyncRun *run, SyncRun *target, Side side) {
        int r;

        if (run != target && !direction_allows_move(run->mailbox->direction,
                                                    target->mailbox->direction, side_other(side)))
                return 0;
        r = collect(run, target, side);
        if (r < 0 || run->n_moved == 0)
                return r;

        run->moved_side = side;
        if (run->mailbox->engine->options.dry_run)
                r = note_would_move(run, target);
        else if (run == target)
                r = rename_uids(run);
        else
                r = request(run, target);
        return r < 0 ? r : 1;
}

/* Return: 1 if something was begun, 0 if not, or negative. */
static int move_any(SyncRun *run) {
        const Engine *engine = run->mailbox->engine;

        for (Side side = 0; side < _SIDE_MAX; side++)
                for (size_t i = 0; run->loses[side] && i < engine->n_mailboxes; i++) {
                        SyncRun *target = engine->mailboxes[i]->run;
                        int r;

                        if (!target || target->phase != RUN_MEET || target->failed ||
                            !target->gains[side] || target->n_under_way > 0)
                                continue;
                        r = move_to(run, target, side);
                        if (r != 0)
                                return r;
                }
        return 0;
}

/* --- answers --- */

int run_on_moved(SyncRun *run, Side side, const ReplicaEvent *event) {
        const UidSet *to = &event->uids_to;
        size_t at = 0, range_to = 0;
        uint64_t uid_to = to->n_ranges > 0 ? to->ranges[0].first : 0;

        for (size_t i = 0; i < event->uids.n_ranges; i++)
                for (uint64_t uid = event->uids.ranges[i].first; uid <= event->uids.ranges[i].last;
                     uid++) {
                        if (range_to == to->n_ranges)
                                return 0;
                        while (at < run->n_moved && run->moved[at].base.uid[side] < uid)
                                at++;
                        if (at < run->n_moved && run->moved[at].base.uid[side] == uid)
                                run->moved[at].uid_to = (uint32_t) uid_to;
                        if (uid_to++ == to->ranges[range_to].last && ++range_to < to->n_ranges)
                                uid_to = to->ranges[range_to].first;
                }
        return 0;
}

int run_on_moves_done(SyncRun *run, const ReplicaEvent *event) {
        SyncRun *target = run->target;
        size_t n, n_moved = run->n_moved;
        int r;

        assert(target && target->n_incoming > 0);
        r = commit_all(run, target, &n);
        if (r < 0)
                return r;
        target->n_incoming--;
        run->target = NULL;
        run->n_moved = 0;

        if (event->outcome == REPLICA_REFUSED)
                run->no_moves = true;
        else if (event->outcome != REPLICA_OK) {
                run_fail(run, event->text);
                run_fail(target, event->text);
        } else if (n < n_moved) /* gone meanwhile, or gone there under a UID that is not known */
                run->again = target->again = true;
        run->mailbox->engine->wants_list |= event->outcome == REPLICA_NO_MAILBOX;
        return 0;
}

/* --- meeting --- */

/* Will the mailbox have a run of its own soon? */
static bool is_about_to_run(const SyncMailbox *mailbox) {
        const Engine *engine = mailbox->engine;

        if (engine->hold || engine->wants_list || !mailbox->exists[SIDE_REMOTE] ||
            !mailbox->exists[SIDE_LOCAL])
                return false;
        if (mailbox->run)
                return mailbox->run->phase == RUN_ACT || mailbox->run->phase == RUN_CLOSE;
        return engine->n_runs < ENGINE_MAX_RUNS;
}

/* May what is gone here be new there, or the other way round, once more is known of it? */
static bool must_wait_for(const SyncRun *run, const SyncMailbox *mailbox) {
        const SyncRun *other = mailbox->run;
        const bool is_working = other && !other->failed && !has_come(other);
        const bool is_comparing = other && other->phase == RUN_MEET && run_is_waiting(other);

        for (Side side = 0; side < _SIDE_MAX; side++) {
                if (!run->loses[side] && !run->gains[side])
                        continue;
                if (mailbox->dirty[side] && is_about_to_run(mailbox))
                        return true;
                if (is_working && side == SIDE_LOCAL && other->asking == SIDE_LOCAL)
                        return true;
                if ((is_working || is_comparing) && ((run->loses[side] && other->gains[side]) ||
                                                     (run->gains[side] && other->loses[side])))
                        return true;
        }
        return false;
}

/* A mailbox without a run counts only while it may have one soon: not in the crowd of a first sync. */
static bool must_wait(const SyncRun *run) {
        const Engine *engine = run->mailbox->engine;

        for (size_t i = 0; i < engine->n_runs; i++)
                if (engine->runs[i] != run && must_wait_for(run, engine->runs[i]->mailbox))
                        return true;
        for (size_t i = 0;
             i < engine->n_mailboxes && engine->n_dirty > 0 && engine->n_runs < ENGINE_MAX_RUNS;
             i++)
                if (engine->mailboxes[i] != run->mailbox &&
                    must_wait_for(run, engine->mailboxes[i]))
                        return true;
        return false;
}

/* Compare and move. Return: 1 if something was begun, 0 if not, or negative. */
static int meet(SyncRun *run) {
        int r = 0;

        if (run->failed || run->again || run->no_moves)
                return 0;
        for (Side side = 0; r == 0 && side < _SIDE_MAX; side++)
                r = compare_side(run, side);
        return r != 0 ? r : move_any(run);
}

/* All that could be moved was. Return: 1, or negative. */
static int part(SyncRun *run) {
        const SyncMailbox *mailbox = run->mailbox;
        int r;

        /* the messages may be in a mailbox that is not known yet */
        if ((run->loses[SIDE_REMOTE] || run->loses[SIDE_LOCAL]) && mailbox->engine->wants_list &&
            !mailbox->engine->hold)
                run->again = true;

        r = state_db_unknown_remove_known(mailbox->engine->db, mailbox->state.id);
        if (r >= 0)
                r = run->failed || run->again ? run_close(run) : run_act(run);
        return r < 0 ? r : 1;
}

/* One step of all runs that are here. First they move what they can; then those part that may. */
int engine_meet(Engine *engine) {
        int n = 0;

        if (!engine->meets)
                return 0;
        engine->meets = false;
        for (unsigned step = 0; step < 2 && n == 0; step++)
                for (size_t i = 0; i < engine->n_runs;) {
                        SyncRun *run = engine->runs[i];
                        SyncMailbox *mailbox = run->mailbox;
                        int r = 0;

                        i++;
                        if (run->phase != RUN_MEET)
                                continue;
                        engine->meets = true;
                        if (run_is_waiting(run))
                                continue;
                        if (step == 0)
                                r = meet(run);
                        else if (run->failed || run->again || !must_wait(run))
                                r = part(run);
                        if (r < 0)
                                return r;
                        n += r;
                        engine_end_if_over(engine, mailbox);
                        i -= !mailbox->run;
                }
        return n;
}
