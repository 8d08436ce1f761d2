/* Volumes: what to ask. The comments of the header are the specification. */

#include "sync/volume.h"
#include "base/macro.h"

/* An answer that fits into a packet; "* 1042 FETCH (UID 1077 FLAGS (\\Seen))". */
const VolumePolicy volume_policy_default = {
        .messages = 1000,
        .answer = 1400,
        .listed = 48,
};

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

        if (facts->can_count)
                return VOLUME_COUNTS;
        return facts->no_positions ? VOLUME_PIECES : VOLUME_POSITIONS;
}

bool volume_lists_flags(const VolumePolicy *policy, const VolumeFacts *facts) {
        const uint64_t answers = facts->can_count ? 2 : 8;

        return policy->listed > 0 && facts->messages <= answers * policy->answer / policy->listed;
}

VolumeFlag volume_find_flag(const VolumePolicy *policy, const VolumeFacts *facts, uint64_t with) {
        const uint64_t without = facts->messages - MIN(with, facts->messages);
        const uint64_t fewer = MIN(with, without);

        if (volume_predict(facts, fewer, fewer) <= policy->answer)
                return VOLUME_FLAG_WHOLE;

        return facts->can_count ? VOLUME_FLAG_COUNT : VOLUME_FLAG_ROTATE;
}

/* How many turns have come since the last one that was taken. A clock that was set back gives one. */
static int64_t n_turns(const VolumeRotation *rotation, int64_t now, int64_t bound) {
        const int64_t step = bound / VOLUME_STEPS;

        if (rotation->complete == 0 || step <= 0)
                return VOLUME_STEPS;
        if (now < rotation->last)
                return 1;

        return MIN((now - rotation->last) / step, VOLUME_STEPS);
}

uint64_t volume_rotation_due(const VolumeRotation *rotation, uint64_t n_volumes, int64_t now,
                             int64_t bound) {
        const uint64_t turns = (uint64_t) n_turns(rotation, now, bound);

        return (n_volumes * turns + VOLUME_STEPS - 1) / VOLUME_STEPS;
}

void volume_rotation_step(VolumeRotation *rotation, uint32_t uid, int64_t now, int64_t bound) {
        const int64_t turns = n_turns(rotation, now, bound);

        rotation->uid = uid;
        if (uid == 0) {
                rotation->complete = rotation->begun;
                rotation->begun = now;
        }
        rotation->last = turns == VOLUME_STEPS || now < rotation->last
                                 ? now
                                 : rotation->last + turns * (bound / VOLUME_STEPS);
}

void volume_rotation_reset(VolumeRotation *rotation, int64_t now) {
        *rotation = (VolumeRotation){.begun = now, .complete = now, .last = now};
}
