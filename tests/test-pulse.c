/* The pulse: windows that overlap have one wake-up, and each is met. */

#include <stdbool.h>
#include <time.h>

#include "base/macro.h"
#include "daemon/pulse.h"
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
                {"one",                      {{10, 30}},                                   {1}         },
                {"overlap",                  {{10, 60}, {20, 70}, {30, 400}},              {1, 1, 1}   },
                {"the last one comes first", {{10, 400}, {10, 300}, {10, 40}},             {1, 1, 1}   },
                {"apart",                    {{10, 30}, {200, 230}},                       {1, 2}      },
                {"two and two",              {{10, 40}, {200, 250}, {10, 50}, {150, 300}}, {1, 2, 1, 2}},
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
        assert(pulse_arm(pulse, &ones[2].beat, begin + 100 * MSEC, begin + 120 * MSEC, on_beat,
                         &ones[2]) >= 0);
        run_until_quiet(event, ones, 20000 * MSEC);
        assert(ones[0].n_calls == 1 && ones[1].n_calls == 0 && ones[2].n_calls == 1);
        assert(ones[2].at_wake == 2 && ones[2].called >= begin + 100 * MSEC);
}

int main(void) {
        test_windows();
        test_disarmed();
        return 0;
}
