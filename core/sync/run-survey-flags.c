/*
 * A run, the survey: flags, where a side has no modseqs
 *
 * Of each flag the fewer are asked for, those that have it or those that lack it: in the whole mailbox
 * where they are few; else of the newest volume, and of others if their number shows that something
 * has changed there. What no question shows is found when the turn of its volume comes.
 */

#include <errno.h>

#include "sync/run-private.h"

static const UidRange everything = {1, UID_MAX};

static bool is_everything(UidRange range) {
        return range.first == everything.first && range.last == everything.last;
}

/* Flags that have a name here and can differ there. */
static MessageFlags asked_flags(const SyncRun *run, Side side) {
        const unsigned n_bits = KEYWORD_FIRST + run->mailbox->keywords.n_names;

        return run->storable[side] & (((MessageFlags) 1 << n_bits) - 1);
}

static int ask_which(SyncRun *run, Side side, UidRange range, MessageFlags flag, bool without) {
        return survey_ask(run, side,
                          &(Question){
                                  .kind = QUESTION_FLAG,
                                  .search = {.range = range, .flag = flag, .without = without},
        });
}

static int ask_how_many(SyncRun *run, Side side, UidRange range, MessageFlags flag) {
        return survey_ask(run, side,
                          &(Question){
                                  .kind = QUESTION_FLAG_COUNT,
                                  .search = {.range = range, .flag = flag, .count = true},
        });
}

/* Which of a range have these flags, asked for the fewer. */
static int ask_flags_of(SyncRun *run, Side side, UidRange range, MessageFlags flags) {
        const int64_t mailbox = run->mailbox->state.id;
        StateDb *db = run->mailbox->engine->db;
        uint64_t with[64], n;
        int r;

        r = state_db_volume_count(db, mailbox, side, range, &n);
        if (r >= 0)
                r = state_db_volume_flags(db, mailbox, side, range, with);
        for (unsigned bit = 0; r >= 0 && bit < 64; bit++)
                if (flags >> bit & 1)
                        r = ask_which(run, side, range, (MessageFlags) 1 << bit,
                                      volume_asks_without(n, with[bit]));
        return r;
}

/* Of all that the base has. What is left on this side alone nobody asks about, and where that is most of it, most
 * of it lies below. */
static int known_range(SyncRun *run, Side side, UidRange *ret_range) {
        const MailboxState *state = &run->mailbox->state;
        uint64_t n;
        uint32_t first;
        int r;

        *ret_range = survey_range(run, side);
        if (state->parked[side] == 0)
                return 0;
        r = state_db_volume_next(run->mailbox->engine->db, state->id, side, 0, 1, &first, &n);
        if (r >= 0 && n > 0 && first <= ret_range->last)
                ret_range->first = first;
        return r;
}

/* The volumes whose turn it is, from where the last one ended. */
static int find_turn(SyncRun *run, Side side, uint32_t after, uint64_t n_volumes,
                     UidRange *ret_turn) {
        const uint32_t size = run->mailbox->engine->options.volumes.messages;
        uint64_t n = size;
        UidRange known;
        int r;

        r = known_range(run, side, &known);
        if (r < 0)
                return r;
        *ret_turn = (UidRange){MAX(after + 1, known.first), after};
        for (; n_volumes > 0 && n == size; n_volumes--) {
                uint32_t last;

                r = state_db_volume_next(run->mailbox->engine->db, run->mailbox->state.id, side,
                                         ret_turn->last, size, &last, &n);
                if (r < 0)
                        return r;
                ret_turn->last = n < size ? known.last : last;
        }
        run->survey[side].turn_until = n < size ? 0 : ret_turn->last;
        run->survey[side].takes_turn = true;
        return 0;
}

/* A list has keywords that are new, too. */
static int ask_turn(SyncRun *run, Side side, UidRange turn) {
        if (run->mailbox->engine->options.volumes.listed > 0 && run->new_keywords[side])
                return survey_fetch_flags(run, side, turn);

        return ask_flags_of(run, side, turn, asked_flags(run, side));
}

static int ask_turns(SyncRun *run, Side side) {
        const Engine *engine = run->mailbox->engine;
        const uint32_t size = engine->options.volumes.messages;
        const uint64_t n_volumes = (run->mailbox->state.messages + size - 1) / size;
        VolumeRotation *rotation;
        UidRange turn;
        uint64_t n_due;
        int r;

        r = sync_mailbox_rotation(run->mailbox, side, &rotation);
        if (r < 0)
                return r;
        n_due = engine->scan_flags ? volume_rotation_due(rotation, n_volumes, engine->now,
                                                         engine->options.flag_scan)
                                   : 0;
        run->survey[side].looks_at_all = n_due >= n_volumes;
        if (n_due == 0)
                return 0;
        if (run->survey[side].looks_at_all) {
                r = known_range(run, side, &turn);
                return r < 0 ? r : ask_turn(run, side, turn);
        }

        r = find_turn(run, side, rotation->uid, n_due, &turn);
        return r < 0 ? r : ask_turn(run, side, turn);
}

/* What can be asked of the whole mailbox. Return in @ret_rest the flags for which that is too much. */
static int ask_whole(SyncRun *run, Side side, const VolumeFacts *facts, MessageFlags *ret_rest) {
        const VolumePolicy *policy = &run->mailbox->engine->options.volumes;
        const MailboxState *state = &run->mailbox->state;
        const MessageFlags flags = asked_flags(run, side);
        uint64_t with[64];
        int r;

        *ret_rest = 0;
        r = state_db_volume_flags(run->mailbox->engine->db, state->id, side, everything, with);
        for (unsigned bit = 0; r >= 0 && bit < 64; bit++) {
                const MessageFlags flag = (MessageFlags) 1 << bit;

                if (!(flags & flag))
                        continue;
                switch (volume_find_flag(policy, facts, with[bit])) {
                case VOLUME_FLAG_WHOLE:
                        r = ask_which(run, side, everything, flag,
                                      volume_asks_without(facts->messages, with[bit]));
                        continue;
                case VOLUME_FLAG_COUNT:
                        if (state->parked[side] == 0) /* whose flags nobody knows */
                                r = ask_how_many(run, side, everything, flag);
                        break;
                case VOLUME_FLAG_ROTATE:
                        break;
                }
                *ret_rest |= flag;
        }
        return r;
}

int survey_ask_flags(SyncRun *run, Side side) {
        const VolumePolicy *policy = &run->mailbox->engine->options.volumes;
        const VolumeFacts facts = survey_facts(run, side);
        UidRange newest;
        MessageFlags rest;
        int r;

        r = known_range(run, side, &newest);
        if (r < 0)
                return r;
        if (volume_lists_flags(policy, &facts)) {
                run->survey[side].looks_at_all = true;
                return survey_fetch_flags(run, side, newest);
        }

        r = ask_turns(run, side);
        if (r < 0 || run->survey[side].looks_at_all)
                return r;
        r = ask_whole(run, side, &facts, &rest);
        if (r >= 0)
                r = state_db_volume_newest(run->mailbox->engine->db, run->mailbox->state.id, side,
                                           newest.last, policy->messages, &newest.first);
        return r < 0 ? r : ask_flags_of(run, side, newest, rest);
}

/* --- answers --- */

typedef int (*OnDiffering)(SyncRun *run, Side side, const BaseMessage *base, MessageFlags flag,
                           bool has);

/* Each message of a range whose flag, by the base, is not as it should be (@has: set). */
static int each_differing(SyncRun *run, Side side, UidRange range, MessageFlags flag, bool has,
                          OnDiffering on_differing) {
        while (range.first <= range.last) {
                BaseMessage base;
                int r;

                r = state_db_volume_differs(run->mailbox->engine->db, run->mailbox->state.id, side,
                                            range, flag, has, &base);
                if (r != 0)
                        return r < 0 ? r : 0;
                r = on_differing(run, side, &base, flag, has);
                if (r < 0 || base.uid[side] == UID_MAX)
                        return r;
                range.first = base.uid[side] + 1;
        }
        return 0;
}

/* It was found. */
static int take_found(SyncRun *run, Side side, const BaseMessage *base, MessageFlags flag,
                      bool has) {
        MessageFlags flags;
        int r;

        r = state_db_change_flags(run->mailbox->engine->db, run->mailbox->state.id, side,
                                  base->uid[SIDE_REMOTE], &flags);
        if (r == STATE_DB_E_NONE)
                flags = base_flags(base, side);
        return r < 0 ? r : run_on_known(run, side, base, has ? flags | flag : flags & ~flag);
}

/* It was not found and should have been: it has other flags now, or is gone since the survey began, which
 * says nothing about its flags: it may have been moved, and the other side has it still. */
static int doubt_unfound(SyncRun *run, Side side, const BaseMessage *base, MessageFlags flag,
                         bool has) {
        (void) flag, (void) has;
        return uid_set_add(&run->survey[side].doubtful, base->uid[side], base->uid[side]);
}

int survey_on_flag(SyncRun *run, Side side, const Question *question, const UidSet *found) {
        const ReplicaSearch *search = &question->search;
        uint64_t next = search->range.first;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < found->n_ranges; i++) {
                const UidRange range = {
                        MAX(found->ranges[i].first, search->range.first),
                        MIN(found->ranges[i].last, search->range.last),
                };

                if (range.first > range.last)
                        continue;
                if (next < range.first)
                        r = each_differing(run, side, (UidRange){(uint32_t) next, range.first - 1},
                                           search->flag, search->without, doubt_unfound);
                if (r >= 0)
                        r = each_differing(run, side, range, search->flag, !search->without,
                                           take_found);
                next = (uint64_t) range.last + 1;
        }
        if (r < 0 || next > search->range.last)
                return r;
        return each_differing(run, side, (UidRange){(uint32_t) next, search->range.last},
                              search->flag, search->without, doubt_unfound);
}

/* How many have it, of each volume? */
static int ask_volumes(SyncRun *run, Side side, MessageFlags flag) {
        const uint32_t size = run->mailbox->engine->options.volumes.messages;
        UidRange range = {1, 0};
        uint64_t n = size;

        while (n == size && range.last < UID_MAX) {
                uint32_t last;
                int r;

                r = state_db_volume_next(run->mailbox->engine->db, run->mailbox->state.id, side,
                                         range.last, size, &last, &n);
                if (r < 0)
                        return r;
                range.last = n < size ? UID_MAX : last;
                r = ask_how_many(run, side, range, flag);
                if (r < 0)
                        return r;
                range.first = range.last + 1;
        }
        return 0;
}

int survey_on_flag_count(SyncRun *run, Side side, const Question *question, uint64_t count) {
        const ReplicaSearch *search = &question->search;
        uint64_t known;
        int r;

        r = state_db_volume_flag(run->mailbox->engine->db, run->mailbox->state.id, side,
                                 search->range, search->flag, &known);
        if (r < 0 || count == known)
                return r;

        return is_everything(search->range) ? ask_volumes(run, side, search->flag)
                                            : ask_flags_of(run, side, search->range, search->flag);
}

/* --- the rotation --- */

static int commit_side(SyncRun *run, Side side) {
        SyncMailbox *mailbox = run->mailbox;
        const int64_t bound = mailbox->engine->options.flag_scan, now = mailbox->engine->now;
        const Survey *survey = &run->survey[side];
        const bool all = run->complete[side] || survey->looks_at_all;
        VolumeRotation *rotation;
        int r;

        if (!sync_mailbox_scans_flags(mailbox, side) || !(all || survey->takes_turn))
                return 0;
        r = sync_mailbox_rotation(mailbox, side, &rotation);
        if (r < 0)
                return r;
        if (all && rotation->uid == 0 && now >= rotation->last &&
            now - rotation->last < bound / VOLUME_STEPS)
                return 0;

        r = engine_begin(mailbox->engine);
        if (r < 0)
                return r;
        if (all)
                volume_rotation_reset(rotation, now);
        else
                volume_rotation_step(rotation, survey->turn_until, now, bound);
        return state_db_rotation_set(mailbox->engine->db, mailbox->state.id, side, rotation);
}

/* Remember what was looked at; of what is always looked at whole, only now and then. */
int run_commit_rotation(SyncRun *run) {
        const EngineOptions *options = &run->mailbox->engine->options;
        int r = 0;

        if (run->incomplete || options->dry_run || options->flag_scan <= 0)
                return 0;
        for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++)
                r = commit_side(run, side);
        return r;
}
