/* The power policy. */

#include <stdlib.h>

#include "base/macro.h"
#include "sync/policy.h"

#define SECOND ((uint64_t) 1000000)
#define MINUTE (60 * SECOND)

const Policy policy_defaults[_POLICY_MAX] = {
        [POLICY_AC] =
                {
                             .poll_interval_usec = 30 * SECOND,
                             .idle = POLICY_IDLE_YES,
                             .scan_flags = true,
                             .all_mailboxes = true,
                             },
        [POLICY_BATTERY] =
                {
                             .poll_interval_usec = 5 * MINUTE,
                             .upload_delay_usec = 30 * SECOND,
                             .idle = POLICY_IDLE_QUIET,
                             .scan_flags = true,
                             .all_mailboxes = true,
                             },
        [POLICY_LOW] =
                {
                             .poll_interval_usec = 15 * MINUTE,
                             .upload_delay_usec = 30 * SECOND,
                             .idle = POLICY_IDLE_QUIET,
                             .scan_flags = false,
                             .all_mailboxes = false,
                             },
        [POLICY_METERED] =
                {
                             .poll_interval_usec = 5 * MINUTE,
                             .max_body = 1024 * 1024,
                             .idle = POLICY_IDLE_QUIET,
                             .scan_flags = false,
                             .all_mailboxes = true,
                             },
};

const char *policy_row_name(PolicyRow row) {
        switch (row) {
        case POLICY_AC:
                return "ac";
        case POLICY_BATTERY:
                return "battery";
        case POLICY_LOW:
                return "low";
        case POLICY_METERED:
                return "metered";
        case _POLICY_MAX:
                break;
        }

        abort(); /* the switch is complete */
}

unsigned policy_rows(const Surroundings *surroundings) {
        unsigned rows = 1u << POLICY_AC;

        if (surroundings->on_battery)
                rows |= 1u << POLICY_BATTERY;
        if (surroundings->is_low)
                rows |= 1u << POLICY_LOW;
        if (surroundings->is_metered)
                rows |= 1u << POLICY_METERED;
        return rows;
}

static uint64_t strictest_limit(uint64_t a, uint64_t b) {
        return a == 0 || b == 0 ? MAX(a, b) : MIN(a, b);
}

Policy policy_choose(const Policy table[static _POLICY_MAX], unsigned rows) {
        Policy chosen = table[POLICY_AC];

        for (unsigned row = 0; row < _POLICY_MAX; row++) {
                const Policy *one = &table[row];

                if (!(rows & 1u << row))
                        continue;
                chosen.poll_interval_usec = MAX(chosen.poll_interval_usec, one->poll_interval_usec);
                chosen.upload_delay_usec = MAX(chosen.upload_delay_usec, one->upload_delay_usec);
                chosen.max_body = strictest_limit(chosen.max_body, one->max_body);
                chosen.idle = MIN(chosen.idle, one->idle);
                chosen.scan_flags &= one->scan_flags;
                chosen.all_mailboxes &= one->all_mailboxes;
        }
        return chosen;
}
