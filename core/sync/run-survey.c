/*
 * A run, the survey: searching for what a side does not tell of its own accord
 *
 * A survey is a list of questions, each a search. All that are on it travel together; an answer may add
 * more precise ones to its end, which travel together in turn. What is found goes into the same tables
 * as what is told. Where there is no answer, flags are listed, and what is gone is left for the check
 * of the counts to miss, after which everything is listed.
 */

#include <errno.h>

#include "sync/run-private.h"

/* Each is a round trip; an answer may have as many ranges as messages, but not 16384 (FOUND_MAX). */
#define VOLUMES_IN_PIECE 16

static const UidRange everything = {1, UID_MAX};

void run_survey_done(SyncRun *run, Side side) {
        free(run->survey[side].questions);
        uid_set_done(&run->survey[side].doubtful);
        run->survey[side] = (Survey){0};
}

int survey_ask(SyncRun *run, Side side, const Question *question) {
        Survey *survey = &run->survey[side];

        if (survey->n_questions == survey->capacity) {
                const size_t capacity = survey->capacity > 0 ? survey->capacity * 2 : 8;
                Question *grown = reallocarray(survey->questions, capacity, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                survey->questions = grown;
                survey->capacity = capacity;
        }
        survey->questions[survey->n_questions++] = *question;
        return 0;
}

static int ask_all(SyncRun *run, Side side) {
        ReplicaMailbox *mailbox = &run->mailbox->replica[side];
        Replica *replica = run_replica(run, side);
        Survey *survey = &run->survey[side];

        for (; survey->n_asked < survey->n_questions; survey->n_asked++) {
                int r = replica->ops->search(replica, mailbox,
                                             &survey->questions[survey->n_asked].search,
                                             survey->n_asked);

                if (r < 0)
                        return r;
                run->n_under_way++;
        }
        return 0;
}

UidRange survey_range(const SyncRun *run, Side side) {
        const uint32_t uidnext = run->opened[side].uidnext;

        return (UidRange){1, uidnext > 1 ? uidnext - 1 : UID_MAX};
}

VolumeFacts survey_facts(const SyncRun *run, Side side) {
        const MailboxState *state = &run->mailbox->state;

        return (VolumeFacts){
                .messages = state->messages,
                .last_uid = MAX(run->opened[side].uidnext, state->token[side].uidnext),
                .can_count = run->can_count[side],
                .no_positions = run->no_positions[side],
        };
}

static int fetch_flags(SyncRun *run, Side side, const UidSet *uids) {
        Replica *replica = run_replica(run, side);
        int r;

        r = replica->ops->fetch(replica, &run->mailbox->replica[side], uids, REPLICA_WANT_FLAGS);
        if (r < 0)
                return r;
        run->n_under_way++;
        return 0;
}

int survey_fetch_flags(SyncRun *run, Side side, UidRange range) {
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
        int r;

        r = uid_set_add(&uids, range.first, range.last);
        return r < 0 ? r : fetch_flags(run, side, &uids);
}

/* All questions are answered. */
static int settle_doubts(SyncRun *run, Side side) {
        _cleanup_(uid_set_done) UidSet uids = run->survey[side].doubtful;

        run->survey[side].doubtful = UID_SET_NULL;
        return uid_set_is_empty(&uids) ? 0 : fetch_flags(run, side, &uids);
}

/* --- what is gone --- */

static int ask_which_are_there(SyncRun *run, Side side, UidRange range) {
        return survey_ask(run, side, &(Question){.kind = QUESTION_GONE, .search.range = range});
}

/* Of each so many messages: how many are there, or which? */
static int ask_each(SyncRun *run, Side side, Question question, uint32_t size) {
        const MailboxState *state = &run->mailbox->state;
        uint32_t after = 0;

        while (after < UID_MAX) {
                uint64_t n;
                uint32_t last;
                int r;

                r = state_db_volume_next(run->mailbox->engine->db, state->id, side, after, size,
                                         &last, &n);
                if (r < 0)
                        return r;
                question.search.range = (UidRange){after + 1, n < size ? UID_MAX : last};
                r = state_db_volume_count(run->mailbox->engine->db, state->id, side,
                                          question.search.range, &question.known);
                if (r >= 0)
                        r = survey_ask(run, side, &question);
                if (r < 0)
                        return r;
                after = question.search.range.last;
        }
        return 0;
}

static int ask_for_gone(SyncRun *run, Side side) {
        const VolumePolicy *policy = &run->mailbox->engine->options.volumes;
        const MailboxState *state = &run->mailbox->state;
        VolumeFacts facts = survey_facts(run, side);
        int r;

        r = state_db_volume_ranges(run->mailbox->engine->db, state->id, side, policy->answer,
                                   &facts.n_ranges);
        if (r < 0)
                return r;

        switch (volume_find_gone(policy, &facts, run->survey[side].missing)) {
        case VOLUME_WHOLE:
                return ask_which_are_there(run, side, everything);
        case VOLUME_COUNTS:
                return ask_each(run, side,
                                (Question){.kind = QUESTION_GONE_COUNT, .search.count = true},
                                policy->messages);
        case VOLUME_PIECES:
                return ask_each(run, side, (Question){.kind = QUESTION_GONE},
                                policy->messages * VOLUMES_IN_PIECE);
        case VOLUME_POSITIONS:
                return survey_ask(run, side,
                                  &(Question){.kind = QUESTION_GONE_POSITIONS,
                                              .search.stride = policy->messages});
        }
        abort();
}

/* Of a range, all that were not found are gone. */
static int on_there(SyncRun *run, Side side, UidRange range, const UidSet *found) {
        _cleanup_(uid_set_done) UidSet gone = UID_SET_NULL;
        int r;

        r = uid_set_add(&gone, range.first, range.last);
        for (size_t i = 0; r >= 0 && i < found->n_ranges; i++)
                r = uid_set_remove(&gone, found->ranges[i].first, found->ranges[i].last);
        return r < 0 ? r : run_on_vanished(run, side, &gone);
}

/*
 * The n-th message found stands at n times the stride. So many more of those known up to it there would
 * be, if none was gone: where that number rises, some of the volume are gone.
 */
static int on_positions(SyncRun *run, Side side, uint32_t stride, const UidSet *found) {
        uint64_t rank = 0, position = 0, gone = 0, n;
        UidRange volume = {1, 0};
        int r;

        for (size_t i = 0; i < found->n_ranges; i++) {
                volume.last = found->ranges[i].last;
                r = state_db_volume_count(run->mailbox->engine->db, run->mailbox->state.id, side,
                                          volume, &n);
                if (r < 0)
                        return r;
                rank += n;
                position += stride;
                if (rank - position != gone) {
                        gone = rank - position;
                        r = ask_which_are_there(run, side, volume);
                        if (r < 0)
                                return r;
                }
                volume.first = volume.last + 1;
        }
        if (gone == run->survey[side].missing || volume.first == 0)
                return 0;
        return ask_which_are_there(run, side, (UidRange){volume.first, UID_MAX});
}

/* --- the course --- */

int run_on_found(SyncRun *run, Side side, const ReplicaEvent *event) {
        Question question;

        if (run->phase != RUN_SURVEY || event->cookie >= run->survey[side].n_asked)
                return 0;
        question = run->survey[side].questions[event->cookie]; /* the list may grow */

        switch (question.kind) {
        case QUESTION_GONE:
                return on_there(run, side, question.search.range, &event->uids);
        case QUESTION_GONE_COUNT:
                return event->count < question.known
                               ? ask_which_are_there(run, side, question.search.range)
                               : 0;
        case QUESTION_GONE_POSITIONS:
                return on_positions(run, side, question.search.stride, &event->uids);
        case QUESTION_FLAG:
                return survey_on_flag(run, side, &question, &event->uids);
        case QUESTION_FLAG_COUNT:
                return survey_on_flag_count(run, side, &question, event->count);
        }
        abort();
}

int run_on_unfound(SyncRun *run, Side side, uint64_t cookie) {
        const Question *question;

        if (run->phase != RUN_SURVEY || cookie >= run->survey[side].n_asked)
                return 0;
        question = &run->survey[side].questions[cookie];
        if (question->kind != QUESTION_FLAG)
                return 0;
        return survey_fetch_flags(run, side, question->search.range);
}

/* The first questions. */
static int begin(SyncRun *run, Side side) {
        int r;

        if (!run->untold[side])
                return 0;
        r = run_put_batch(run);
        if (r < 0 || run->failed)
                return r;
        r = run_count_missing(run, side, &run->survey[side].missing);
        if (r >= 0 && run->survey[side].missing > 0)
                r = ask_for_gone(run, side);
        if (r >= 0 && run->untold[side] & REPLICA_UNTOLD_FLAGS && run->mailbox->state.messages > 0)
                r = survey_ask_flags(run, side);
        return r;
}

int run_survey(SyncRun *run, Side side) {
        int r = 0;

        if (run->phase != RUN_SURVEY)
                r = begin(run, side);
        if (r >= 0)
                r = ask_all(run, side);
        if (r >= 0 && run->n_under_way == 0)
                r = settle_doubts(run, side);
        if (r < 0 || run->n_under_way == 0)
                return r;
        run->phase = RUN_SURVEY;
        return 1;
}
