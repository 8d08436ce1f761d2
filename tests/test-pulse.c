/* The pulse: windows that overlap have one wake-up, and each is met. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/macro.h"
#include "daemon/pulse.h"
#include "sync/wait-ladder.h"
#include "test.h"

#define N    4u
#define MSEC ((uint64_t) 1000)

static uint64_t begin;

static uint64_t uptime(void) {
        struct timespec now;

        assert(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

typedef struct One {
        Beat beat;
        unsigned n_calls, at_wake;
        uint64_t called;
        struct One *disarms; /* that one, when it is called */
} One;

static unsigned n_wakes; /* turns of the loop in which anything was called */
static bool is_called;

static void on_beat(void *userdata) {
        One *one = userdata;

        if (!is_called)
                n_wakes++;
        is_called = true;
        one->n_calls++;
        one->at_wake = n_wakes;
        one->called = uptime();
        if (one->disarms)
                pulse_disarm(&one->disarms->beat);
}

static void run_until_quiet(sd_event *event, const One *ones, uint64_t deadline) {
        for (bool is_armed = true; is_armed;) {
                is_armed = false;
                for (size_t i = 0; i < N; i++)
                        is_armed |= ones[i].beat.pulse != NULL;
                is_called = false;
                if (is_armed)
                        assert(sd_event_run(event, 1000 * MSEC) >= 0);
                assert(uptime() < begin + deadline);
        }
}

static void test_windows(void) {
        static const struct {
                const char *label;
                struct {
                        unsigned earliest, latest; /* ms; latest 0: not armed */
                } windows[N];
                unsigned wakes[N];
        } rows[] = {
                {"one",                      {{10, 30}},                                      {1}         },
                {"overlap",                  {{10, 60}, {10, 70}, {10, 400}},                 {1, 1, 1}   },
                {"the last one comes first", {{10, 400}, {10, 300}, {10, 40}},                {1, 1, 1}   },
                {"apart",                    {{10, 30}, {1000, 1030}},                        {1, 2}      },
                {"two and two",              {{10, 40}, {1000, 1050}, {10, 50}, {950, 1100}}, {1, 2, 1, 2}},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(sd_event_unrefp) sd_event *event = NULL;
                _cleanup_(pulse_freep) Pulse *pulse = NULL;
                One ones[N] = {0};

                assert(sd_event_new(&event) >= 0 && pulse_new(event, &pulse) >= 0);
                begin = uptime();
                n_wakes = 0;
                for (size_t k = 0; k < N; k++)
                        if (rows[i].windows[k].latest > 0)
                                assert(pulse_arm(pulse, &ones[k].beat,
                                                 begin + rows[i].windows[k].earliest * MSEC,
                                                 begin + rows[i].windows[k].latest * MSEC, on_beat,
                                                 &ones[k]) >= 0);
                run_until_quiet(event, ones, 20000 * MSEC);
                for (size_t k = 0; k < N; k++) {
                        TEST_ROW(rows[i].label, ones[k].n_calls == (rows[i].windows[k].latest > 0));
                        TEST_ROW(rows[i].label, ones[k].at_wake == rows[i].wakes[k]);
                        TEST_ROW(rows[i].label,
                                 ones[k].n_calls == 0 ||
                                         ones[k].called >=
                                                 begin + rows[i].windows[k].earliest * MSEC);
                }
        }
}

/* One that is disarmed by another in the same pulse is not called; one that is armed anew comes later. */
static void test_disarmed(void) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(pulse_freep) Pulse *pulse = NULL;
        One ones[N] = {0};

        assert(sd_event_new(&event) >= 0 && pulse_new(event, &pulse) >= 0);
        begin = uptime();
        n_wakes = 0;
        ones[0].disarms = &ones[1];
        for (size_t k = 0; k < 3; k++)
                assert(pulse_arm(pulse, &ones[k].beat, begin, begin + 20 * MSEC, on_beat,
                                 &ones[k]) >= 0);
        assert(pulse_arm(pulse, &ones[2].beat, begin + 1000 * MSEC, begin + 1020 * MSEC, on_beat,
                         &ones[2]) >= 0);
        run_until_quiet(event, ones, 20000 * MSEC);
        assert(ones[0].n_calls == 1 && ones[1].n_calls == 0 && ones[2].n_calls == 1);
        assert(ones[2].at_wake == 2 && ones[2].called >= begin + 1000 * MSEC);
}

/*
 * Accounts that wait, by a clock of their own: the plan of core/sync, the pulse, and a server whose answers come
 * one after the other. What wakes up the machine is the pulse, and an answer that is not left for later.
 */
typedef struct Waiter {
        Pulse *pulse;
        Beat beat, lull;
        WaitRecord record;
        WaitPlan plan;
        uint64_t interval, asked, answer; /* 0: there is none */
        uint64_t slowest;
        bool is_held;
} Waiter;

#define SECOND  (1000 * MSEC)
#define HOUR    (3600 * SECOND)
#define N_HOURS 12u

static uint64_t now_usec, longest;

static uint64_t next_random(void) {
        static uint64_t state = 1;

        state = state * 6364136223846793005u + 1442695040888963407u;
        return state >> 33;
}

static void on_waiter_due(void *userdata);

static void wait_again(Waiter *waiter, bool has_looked) {
        wait_plan(&waiter->plan, &waiter->record, now_usec, waiter->interval, has_looked);
        assert(pulse_arm(waiter->pulse, &waiter->beat, wait_earliest(&waiter->plan),
                         wait_latest(&waiter->plan), on_waiter_due, waiter) >= 0);
}

static void on_lull_over(void *userdata) {
        Waiter *waiter = userdata;

        waiter->is_held = false;
        if (waiter->answer <= now_usec)
                waiter->answer = 0;
}

static void on_waiter_due(void *userdata) {
        Waiter *waiter = userdata;

        longest = MAX(longest, now_usec - waiter->asked);
        waiter->asked = now_usec;
        waiter->answer = now_usec + MSEC + next_random() % waiter->slowest;
        wait_again(waiter, wait_wants_look(&waiter->plan, now_usec));
        if (pulse_is_single(waiter->pulse))
                return;
        assert(pulse_gather(waiter->pulse, &waiter->lull, wait_linger(&waiter->plan, now_usec),
                            on_lull_over, waiter) >= 0);
        waiter->is_held = true;
}

static uint64_t first_answer(const Waiter *waiters, size_t n) {
        uint64_t first = UINT64_MAX;

        for (size_t i = 0; i < n; i++)
                if (!waiters[i].is_held && waiters[i].answer > 0)
                        first = MIN(first, waiters[i].answer);
        return first;
}

static void read_answers(Waiter *waiters, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!waiters[i].is_held && waiters[i].answer <= now_usec)
                        waiters[i].answer = 0;
}

/* Some moment of the window. */
static uint64_t timer_of(const Pulse *pulse) {
        uint64_t earliest, latest;

        if (!pulse_window(pulse, now_usec, &earliest, &latest))
                return UINT64_MAX;
        earliest = MAX(earliest, now_usec);
        assert(earliest <= latest);
        return earliest + next_random() % (latest - earliest + 1);
}

/* Return: how often it woke up in so many hours; the timer came at any moment of its window. */
static unsigned live(Pulse *pulse, Waiter *waiters, size_t n, uint64_t end) {
        unsigned n_wakeups = 0;

        for (;; n_wakeups++) {
                const uint64_t answer = first_answer(waiters, n), timer = timer_of(pulse);

                if (MIN(timer, answer) > end) {
                        now_usec = end;
                        return n_wakeups;
                }
                now_usec = MIN(timer, answer);
                if (answer <= timer)
                        read_answers(waiters, n);
                else
                        pulse_wake(pulse, now_usec);
        }
}

static void test_wakeups(void) {
        static const struct {
                const char *label;
                size_t n;
                unsigned apart;    /* s, from the first login to the last */
                unsigned interval; /* s, of polls; 0: the server tells */
                bool is_probed;
                unsigned per_hour, silent; /* at most; minutes */
                unsigned slowest;          /* answer, ms */
        } rows[] = {
                {"NOTIFY",                    1,    0,    0,   true,  5,   29, 500},
                {"20 accounts",               20,   1700, 0,   true,  5,   29, 500},
                {"1000 accounts",             1000, 600,  0,   true,  5,   29, 500},
                {"20 tunnels",                20,   600,  0,   false, 9,   15, 500},
                {"a poll each 5 minutes",     1,    0,    300, true,  24,  6,  500},
                {"of 20 accounts",            20,   20,   300, true,  25,  6,  500},
                {"a poll each half a minute", 20,   2,    30,  true,  260, 1,  60 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Waiter *waiters = calloc(rows[i].n, sizeof(*waiters));
                _cleanup_(pulse_freep) Pulse *pulse = NULL;
                unsigned n_wakeups;

                assert(waiters && pulse_new(NULL, &pulse) >= 0);
                longest = 0;
                now_usec = HOUR;
                for (size_t k = 0; k < rows[i].n; k++) {
                        (void) live(pulse, waiters, k,
                                    HOUR + k * rows[i].apart * SECOND / rows[i].n);
                        waiters[k] = (Waiter){
                                .pulse = pulse,
                                .record = {.is_probed = rows[i].is_probed},
                                .interval = rows[i].interval * SECOND,
                                .slowest = rows[i].slowest * MSEC,
                                .asked = now_usec,
                        };
                        wait_again(&waiters[k], true);
                }
                (void) live(pulse, waiters, rows[i].n,
                            now_usec + HOUR); /* they come to fall together */
                n_wakeups = live(pulse, waiters, rows[i].n, now_usec + N_HOURS * HOUR);
                if (n_wakeups > rows[i].per_hour * N_HOURS)
                        fprintf(stderr, "%s: %u wake-ups in %u hours\n", rows[i].label, n_wakeups,
                                N_HOURS);
                TEST_ROW(rows[i].label, n_wakeups <= rows[i].per_hour * N_HOURS);
                TEST_ROW(rows[i].label, longest <= rows[i].silent * 60 * SECOND);
                pulse = pulse_free(pulse);
                free(waiters);
        }
}

int main(void) {
        test_windows();
        test_wakeups();
        test_disarmed();
        return 0;
}
