/* One timer for all that can wait a little. */

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/pulse.h"

/* Of a window of a minute or more sd-event chooses the moment that all programs of the machine share. */
#define ACCURACY_MAX ((uint64_t) 60 * 1000000)

struct Pulse {
        sd_event *event;        /* ref; NULL: somebody else has the clock */
        sd_event_source *timer; /* NULL then */
        Beat *beats;            /* borrowed, those that are armed */
        uint64_t armed;         /* the latest moment that the timer is set for; 0: it is off */
        uint64_t now;           /* of the wake-up that goes on; 0: none does */
        unsigned n_due;         /* then, at its begin */
};

static uint64_t uptime(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

static uint64_t first_latest(const Pulse *pulse) {
        uint64_t first = UINT64_MAX;

        for (const Beat *beat = pulse->beats; beat; beat = beat->next)
                first = MIN(first, beat->latest);
        return first;
}

/* The window of whoever has least time; if it is met the others come along. */
static uint64_t accuracy_until(const Pulse *pulse, uint64_t latest, uint64_t now) {
        uint64_t accuracy = ACCURACY_MAX;

        for (const Beat *beat = pulse->beats; beat; beat = beat->next)
                if (beat->latest == latest)
                        accuracy = MIN(accuracy, latest - MAX(beat->earliest, MIN(now, latest)));
        return MAX(accuracy, (uint64_t) 1);
}

bool pulse_window(const Pulse *pulse, uint64_t now, uint64_t *ret_earliest, uint64_t *ret_latest) {
        const uint64_t latest = first_latest(pulse);

        if (latest == UINT64_MAX)
                return false;
        *ret_earliest = latest - MIN(accuracy_until(pulse, latest, now), latest);
        *ret_latest = latest;
        return true;
}

static int set_timer(Pulse *pulse) {
        const uint64_t latest = first_latest(pulse), now = uptime();
        uint64_t accuracy;
        int r;

        if (latest == pulse->armed || !pulse->timer)
                return 0;
        if (latest == UINT64_MAX) {
                pulse->armed = 0;
                return sd_event_source_set_enabled(pulse->timer, SD_EVENT_OFF);
        }
        accuracy = accuracy_until(pulse, latest, now);
        r = sd_event_source_set_time(pulse->timer, latest - MIN(accuracy, latest));
        if (r >= 0)
                r = sd_event_source_set_time_accuracy(pulse->timer, accuracy);
        if (r >= 0)
                r = sd_event_source_set_enabled(pulse->timer, SD_EVENT_ONESHOT);
        if (r >= 0)
                pulse->armed = latest;
        return r;
}

static Beat *find_due(const Pulse *pulse, uint64_t now) {
        for (Beat *beat = pulse->beats; beat; beat = beat->next)
                if (beat->earliest <= now)
                        return beat;
        return NULL;
}

/* A callback may arm and disarm any beat; one that arms itself for now has its turn at the next pulse. */
void pulse_wake(Pulse *pulse, uint64_t now) {
        unsigned n_left = 0;
        Beat *beat;

        pulse->now = now;
        for (beat = pulse->beats; beat; beat = beat->next)
                n_left += beat->earliest <= now;
        pulse->n_due = n_left;
        pulse->armed = 0;
        for (; n_left > 0 && (beat = find_due(pulse, now)); n_left--) {
                void (*callback)(void *userdata) = beat->callback;
                void *owner = beat->userdata;

                pulse_disarm(beat);
                callback(owner);
        }
        pulse->now = 0;
}

bool pulse_is_single(const Pulse *pulse) {
        return pulse->n_due == 1;
}

uint64_t pulse_now(const Pulse *pulse) {
        return pulse->now > 0 ? pulse->now : uptime();
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Pulse *pulse = userdata;

        (void) source, (void) usec;
        pulse_wake(pulse, uptime());
        if (set_timer(pulse) < 0)
                (void) sd_event_exit(pulse->event, 1); /* who waits would wait for ever */
        return 0;
}

int pulse_arm(Pulse *pulse, Beat *beat, uint64_t earliest, uint64_t latest,
              void (*callback)(void *userdata), void *userdata) {
        Beat **end = &pulse->beats;

        if (!beat->pulse) {
                while (*end) /* those that wait longest go first */
                        end = &(*end)->next;
                *end = beat;
                beat->next = NULL;
        }
        beat->pulse = pulse;
        beat->earliest = earliest;
        beat->latest = MAX(earliest, latest);
        beat->callback = callback;
        beat->userdata = userdata;
        return set_timer(pulse);
}

int pulse_gather(Pulse *pulse, Beat *beat, uint64_t span, void (*callback)(void *userdata),
                 void *userdata) {
        const uint64_t now = pulse_now(pulse);

        return pulse_arm(pulse, beat, now + span - span / 4, now + span, callback, userdata);
}

void pulse_disarm(Beat *beat) {
        Pulse *pulse = beat->pulse;

        if (!pulse)
                return;
        for (Beat **at = &pulse->beats; *at; at = &(*at)->next)
                if (*at == beat) {
                        *at = beat->next;
                        break;
                }
        beat->pulse = NULL;
        (void) set_timer(pulse); /* at worst it comes for nothing */
}

int pulse_new(sd_event *event, Pulse **ret_pulse) {
        _cleanup_(pulse_freep) Pulse *pulse = calloc(1, sizeof(*pulse));
        int r;

        if (!pulse)
                return -ENOMEM;
        if (!event) {
                *ret_pulse = TAKE_PTR(pulse);
                return 0;
        }
        pulse->event = sd_event_ref(event);
        r = sd_event_add_time(event, &pulse->timer, CLOCK_BOOTTIME, 0, 1, on_timer, pulse);
        if (r >= 0)
                r = sd_event_source_set_enabled(pulse->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret_pulse = TAKE_PTR(pulse);
        return 0;
}

Pulse *pulse_free(Pulse *pulse) {
        if (!pulse)
                return NULL;

        while (pulse->beats)
                pulse_disarm(pulse->beats);
        sd_event_source_disable_unref(pulse->timer);
        sd_event_unref(pulse->event);
        free(pulse);
        return NULL;
}
