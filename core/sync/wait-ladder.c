/* The waiting ladder. */

#include "sync/wait-ladder.h"
#include "base/macro.h"

#define SECOND ((int64_t) 1000000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

/* RFC 2177 and 5465: a server may drop who is silent for 30 minutes, and a timer may be a minute late. Home
 * routers forget sooner. */
#define SILENCE_FIRST ((uint64_t) (14 * 60 * SECOND))
#define SILENCE_MIN   ((uint64_t) (60 * SECOND))
#define SILENCE_MAX   ((uint64_t) (28 * 60 * SECOND))
#define SILENCE_STEP  ((uint64_t) (5 * 60 * SECOND))
#define SURVIVED_STEP 3u

void wait_on_overflow(WaitRecord *record, int64_t now) {
        int64_t *oldest = &record->overflows[record->n_overflows % WAIT_OVERFLOWS];

        record->n_overflows++;
        *oldest = now;
        oldest = &record->overflows[record->n_overflows % WAIT_OVERFLOWS];
        if (record->n_overflows >= WAIT_OVERFLOWS && now - *oldest < HOUR)
                record->notify_after = now + DAY;
}

void wait_on_told(WaitRecord *record) {
        record->n_misses = 0;
}

void wait_on_missed(WaitRecord *record, int64_t now) {
        if (++record->n_misses >= WAIT_MISSES) {
                record->n_misses = 0;
                record->idle_after = now + DAY;
        }
}

uint64_t wait_silence(const WaitRecord *record) {
        return record->here.silence > 0 ? record->here.silence : SILENCE_FIRST;
}

void wait_on_silent_death(WaitRecord *record, uint64_t silence) {
        record->here.n_survived = 0;
        record->here.n_deaths++;
        record->here.silence = MAX(MIN(silence, wait_silence(record)) / 2, SILENCE_MIN);
}

void wait_on_survived(WaitRecord *record, uint64_t silence) {
        if (silence < wait_silence(record) || ++record->here.n_survived < SURVIVED_STEP)
                return;
        record->here.n_survived = 0;
        record->here.silence = MIN(wait_silence(record) + SILENCE_STEP, SILENCE_MAX);
}

/* A server that is restarted ends a session after any time. */
#define SAME_TIME ((uint64_t) (60 * SECOND))

void wait_on_ended(WaitRecord *record, uint64_t without_command) {
        const uint64_t before = record->ended_after;
        const uint64_t apart = MAX(before, without_command) - MIN(before, without_command);

        record->ended_after = without_command;
        if (before >= SILENCE_MIN && without_command >= SILENCE_MIN && apart <= SAME_TIME)
                record->life = MIN(wait_life(record),
                                   MAX(without_command - without_command / 4, SILENCE_MIN));
}

uint64_t wait_life(const WaitRecord *record) {
        const uint64_t life = record->life > 0 ? record->life : SILENCE_MAX;

        return record->is_probed ? life : MIN(life, wait_silence(record));
}

uint64_t wait_probe(const WaitRecord *record) {
        const uint64_t silence = wait_silence(record);

        return record->is_probed && silence < wait_life(record) ? silence : 0;
}

/* Its place among those that are remembered, or the one that was filled longest ago. */
static WaitNetwork *find_place(WaitRecord *record, uint64_t network) {
        for (size_t i = 0; i < MIN(record->n_others, WAIT_NETWORKS); i++)
                if (record->others[i].network == network)
                        return &record->others[i];
        return &record->others[record->n_others++ % WAIT_NETWORKS];
}

void wait_set_network(WaitRecord *record, uint64_t network) {
        const WaitNetwork before = record->here;

        if (network == before.network)
                return;
        record->here = (WaitNetwork){.network = network};
        for (size_t i = 0; i < MIN(record->n_others, WAIT_NETWORKS); i++)
                if (record->others[i].network == network)
                        record->here = record->others[i];
        *find_place(record, before.network) = before;
}

#define SLACK_MAX ((uint64_t) (60 * SECOND))

void wait_plan(WaitPlan *plan, const WaitRecord *record, uint64_t now, uint64_t interval,
               bool has_looked) {
        const uint64_t life = wait_life(record);

        plan->life = now + life;
        plan->early = life / 2; /* with less, two that are far apart would never meet */
        plan->late = MIN(life / 10, SLACK_MAX);
        plan->slack = MIN(interval / 10, SLACK_MAX);
        if (interval == 0)
                plan->look = plan->life;
        else if (has_looked)
                plan->look = now + interval;
}

/* A look that is the sign of life is early as that. */
static bool is_one(const WaitPlan *plan) {
        return plan->look == plan->life;
}

uint64_t wait_earliest(const WaitPlan *plan) {
        const uint64_t life = plan->life - MIN(plan->life, plan->early);

        return is_one(plan) ? life : MIN(life, plan->look);
}

uint64_t wait_latest(const WaitPlan *plan) {
        const uint64_t life = plan->life + plan->late;

        return is_one(plan) ? life : MIN(life, plan->look + plan->slack);
}

bool wait_wants_look(const WaitPlan *plan, uint64_t now) {
        return is_one(plan) || now + plan->slack >= plan->look;
}

#define LINGER_MAX  ((uint64_t) SECOND)
#define LINGER_PART 300u

uint64_t wait_linger(const WaitPlan *plan, uint64_t now) {
        const uint64_t latest = wait_latest(plan);

        return MIN((latest - MIN(now, latest)) / LINGER_PART, LINGER_MAX);
}

static const char *why_not_notify(const WaitRecord *record, bool is_offered, int64_t now) {
        if (!is_offered)
                return "the server has no NOTIFY";
        if (record->notify_refused)
                return "the server refuses NOTIFY";
        return now < record->notify_after ? "NOTIFY has overflowed three times within an hour" : "";
}

static const char *why_not_idle(const WaitRecord *record, bool is_offered, int64_t now) {
        if (!is_offered)
                return "the server has neither NOTIFY nor IDLE";
        if (record->idle_refused)
                return "the server refuses IDLE";
        return now < record->idle_after ? "IDLE did not tell of changes that the poll then found"
                                        : "";
}

WaitRung wait_choose(const WaitRecord *record, const ImapCapabilities *capabilities, int64_t now,
                     const char **ret_why) {
        const bool has_notify = imap_has(capabilities, IMAP_CAPABILITY_NOTIFY);
        const bool has_idle = imap_has(capabilities, IMAP_CAPABILITY_IDLE);
        const char *no_idle;

        *ret_why = why_not_notify(record, has_notify, now);
        if (**ret_why == '\0')
                return WAIT_RUNG_NOTIFY;

        no_idle = why_not_idle(record, has_idle, now);
        if (*no_idle == '\0')
                return WAIT_RUNG_IDLE;
        if (has_idle || !has_notify)
                *ret_why = no_idle;
        return WAIT_RUNG_POLL;
}

/* One line may be a greeting. */
#define CHATTER_MIN 2u

void wait_on_idled(WaitRecord *record, uint64_t usec, uint64_t n_lines) {
        record->idled += usec;
        record->n_chatter += n_lines;
}

static bool is_chatty(const WaitRecord *record, uint64_t interval) {
        return record->n_chatter >= CHATTER_MIN && record->idled / record->n_chatter < interval;
}

WaitRung wait_restrict(const WaitRecord *record, WaitRung rung, const Policy *policy,
                       const char **ret_why) {
        if (rung != WAIT_RUNG_IDLE || policy->idle == POLICY_IDLE_YES)
                return rung;
        if (policy->idle == POLICY_IDLE_NO) {
                *ret_why = "the policy has no IDLE";
                return WAIT_RUNG_POLL;
        }
        if (!is_chatty(record, policy->poll_interval_usec))
                return rung;
        *ret_why = "the policy has no IDLE with a server that chatters";
        return WAIT_RUNG_POLL;
}

int64_t wait_poll_due(int64_t asked, int64_t changed, int64_t interval) {
        const int64_t quiet = asked - changed;

        if (asked <= 0)
                return 0;
        return asked + MAX(MIN(quiet, WAIT_COLD), interval);
}
