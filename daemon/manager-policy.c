/*
 * The manager: which policy holds
 *
 * The machine says of itself how it is fed and connected, or a person says what is to hold instead. The accounts
 * are told what comes of it, and go by it at once.
 */

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "config/config-value.h"
#include "daemon/log.h"
#include "daemon/manager-private.h"

static int64_t now_usec(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The rows that say something: "ac" only if it is alone. */
static void name_rows(ManagerPolicy *policy) {
        size_t n = 0;

        policy->names[0] = '\0';
        for (PolicyRow row = 0; row < _POLICY_MAX; row++) {
                const bool is_alone = policy->rows == 1u << row;

                if (policy->rows & 1u << row && (row != POLICY_AC || is_alone))
                        n += (size_t) snprintf(policy->names + n, sizeof(policy->names) - n, "%s%s",
                                               n > 0 ? " " : "", policy_row_name(row));
        }
}

static void explain_forced(ManagerPolicy *policy) {
        const time_t until = (time_t) (policy->until / 1000000);
        char clock[32] = "";
        struct tm tm;

        if (policy->until > 0 && localtime_r(&until, &tm))
                (void) strftime(clock, sizeof(clock), " until %H:%M", &tm);
        (void) snprintf(policy->why, sizeof(policy->why), "asked for by imapsyncctl policy%s",
                        clock);
}

static void explain_machine(ManagerPolicy *policy) {
        const Surroundings *are = &policy->surroundings;
        const char *const texts[] = {
                are->on_battery ? "on battery" : NULL,
                are->is_low ? policy->why_low ?: "the battery is low" : NULL,
                are->is_metered ? policy->why_metered ?: "the network is metered" : NULL,
        };
        size_t n = 0;

        policy->why[0] = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (texts[i])
                        n += (size_t) snprintf(policy->why + n, sizeof(policy->why) - n, "%s%s",
                                               n > 0 ? ", " : "", texts[i]);
}

static bool is_same(const Policy *a, const Policy *b) {
        return a->poll_interval_usec == b->poll_interval_usec &&
               a->upload_delay_usec == b->upload_delay_usec && a->max_body == b->max_body &&
               a->idle == b->idle && a->scan_flags == b->scan_flags &&
               a->all_mailboxes == b->all_mailboxes;
}

static void apply(Manager *manager, const Policy *now) {
        if (is_same(now, &manager->policy.policy))
                return;
        manager->policy.policy = *now;
        for (size_t i = 0; i < manager->n_accounts; i++)
                account_set_policy(manager->accounts[i], now);
}

void manager_review_policy(Manager *manager) {
        ManagerPolicy *policy = &manager->policy;
        const unsigned before = policy->rows;
        const bool is_first = before == 0;
        Policy now;

        policy->rows = policy->is_forced ? 1u << POLICY_AC | 1u << policy->forced
                                         : policy_rows(&policy->surroundings);
        name_rows(policy);
        if (policy->is_forced)
                explain_forced(policy);
        else
                explain_machine(policy);
        if (policy->rows != before && !(is_first && policy->rows == 1u << POLICY_AC))
                log_info("the policy is “%s” now%s%s", policy->names, policy->why[0] ? ": " : "",
                         policy->why);

        now = policy_choose(manager->config->policies, policy->rows);
        apply(manager, &now);
        manager_review_soon(manager);
}

void manager_set_battery(Manager *manager, bool on_battery, bool is_low, const char *why_low) {
        manager->policy.surroundings.on_battery = on_battery;
        manager->policy.surroundings.is_low = is_low;
        manager->policy.why_low = why_low;
        manager_review_policy(manager);
}

void manager_set_metered(Manager *manager, bool is_metered, const char *why) {
        manager->policy.surroundings.is_metered = is_metered;
        manager->policy.why_metered = why;
        manager_review_policy(manager);
}

static const char *idle_word(PolicyIdle idle) {
        switch (idle) {
        case POLICY_IDLE_NO:
                return "no";
        case POLICY_IDLE_QUIET:
                return "quiet";
        case POLICY_IDLE_YES:
                return "yes";
        }
        abort(); /* the switch is complete */
}

PolicyStatus manager_policy_status(const Manager *manager) {
        const ManagerPolicy *policy = &manager->policy;
        const Policy *is = &policy->policy;

        return (PolicyStatus){
                .policy = policy->names,
                .why = policy->why,
                .forced = policy->is_forced,
                .until_usec = (uint64_t) policy->until,
                .poll_interval_sec = is->poll_interval_usec / USEC_PER_SEC,
                .upload_delay_sec = is->upload_delay_usec / USEC_PER_SEC,
                .max_body = is->max_body,
                .idle = idle_word(is->idle),
                .all_mailboxes = is->all_mailboxes,
                .scan_flags = is->scan_flags,
        };
}

/* --- what a person wants --- */

static void on_over(void *userdata) {
        Manager *manager = userdata;

        manager->policy.is_forced = false;
        manager->policy.until = 0;
        manager_review_policy(manager);
}

static int arm_end(Manager *manager, uint64_t span) {
        if (span == 0) {
                timer_disarm(&manager->policy.timer);
                return 0;
        }
        return timer_arm(&manager->policy.timer, manager->event, span,
                         MIN(span / 10 + 1, USEC_PER_MIN), on_over, manager);
}

int manager_force_policy(Manager *manager, const char *name, const char *span,
                         const char **ret_sentence) {
        ManagerPolicy *policy = &manager->policy;
        const bool is_auto = strcmp(name, "auto") == 0;
        PolicyRow row = 0;
        uint64_t usec = 0;

        while (row < _POLICY_MAX && strcmp(policy_row_name(row), name) != 0)
                row++;
        if (row == _POLICY_MAX && !is_auto) {
                *ret_sentence =
                        "there is no such policy: expected ac, battery, low, metered, or auto";
                return -EINVAL;
        }
        if (span[0] && (is_auto || value_parse_duration(span, &usec) < 0 || usec == 0 ||
                        usec > 30 * USEC_PER_DAY)) {
                *ret_sentence = is_auto ? "“auto” has no end"
                                        : "that is no time: expected one as “2h” or “30min”";
                return -EINVAL;
        }
        if (arm_end(manager, usec) < 0) {
                *ret_sentence = "a timer cannot be set";
                return -EINVAL;
        }

        policy->is_forced = !is_auto;
        policy->forced = is_auto ? POLICY_AC : row;
        policy->until = usec > 0 ? now_usec() + (int64_t) usec : 0;
        manager_review_policy(manager);
        return 0;
}
