/* Volumes: what to ask. The comments of the header are the specification. */

#include "sync/volume.h"
#include "base/macro.h"

/* 1000 messages: their UIDs, plain, fit into five packets. */
const VolumePolicy volume_policy_default = {.messages = 1000, .answer = 1400};

static unsigned n_digits(uint32_t number) {
        unsigned n = 1;

        while (number >= 10) {
                number /= 10;
                n++;
        }
        return n;
}

/* "1042 " each, or with ESEARCH "1042:1077," a range. */
uint64_t volume_predict(const VolumeFacts *facts, uint64_t messages, uint64_t n_ranges) {
        const uint64_t one = n_digits(facts->last_uid) + 1;

        return facts->can_count ? MIN(messages * one, n_ranges * one * 2) : messages * one;
}

VolumeSearch volume_find_gone(const VolumePolicy *policy, const VolumeFacts *facts,
                              uint64_t missing) {
        const uint64_t n_ranges = facts->n_ranges + missing; /* each may split one */

        if (facts->messages <= policy->messages ||
            volume_predict(facts, facts->messages, n_ranges) <= policy->answer)
                return VOLUME_WHOLE;

        return facts->can_count ? VOLUME_COUNTS : VOLUME_POSITIONS;
}
