/* The power policy: which rows hold, and the strictest of them. */

#include "base/macro.h"
#include "sync/policy.h"
#include "test.h"

static void test_rows(void) {
        static const struct {
                const char *label;
                Surroundings surroundings;
                unsigned rows;
        } rows[] = {
                {"a machine that says nothing", {false, false, false}, 1u << POLICY_AC                       },
                {"on battery",                  {true, false, false},  1u << POLICY_AC | 1u << POLICY_BATTERY},
                {"power-saver on the mains",
                 {false, true, false},
                 1u << POLICY_AC | 1u << POLICY_LOW                                                          },
                {"a telephone's link",
                 {false, false, true},
                 1u << POLICY_AC | 1u << POLICY_METERED                                                      },
                {"on the train",                {true, true, true},    (1u << _POLICY_MAX) - 1               },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label, policy_rows(&rows[i].surroundings) == rows[i].rows);
}

static bool same(Policy a, Policy b) {
        return a.poll_interval_usec == b.poll_interval_usec &&
               a.upload_delay_usec == b.upload_delay_usec && a.max_body == b.max_body &&
               a.idle == b.idle && a.scan_flags == b.scan_flags &&
               a.all_mailboxes == b.all_mailboxes;
}

static void test_choose(void) {
        static const Policy table[_POLICY_MAX] = {
                [POLICY_AC] = {30,  0,  0,    POLICY_IDLE_YES,   true,  true },
                [POLICY_BATTERY] = {300, 40, 0,    POLICY_IDLE_QUIET, true,  true },
                [POLICY_LOW] = {900, 20, 0,    POLICY_IDLE_NO,    false, false},
                [POLICY_METERED] = {10,  0,  1000, POLICY_IDLE_YES,   false, true },
        };
        enum { AC = 1, BATTERY = 2, LOW = 4, METERED = 8 };
        static const struct {
                const char *label;
                unsigned rows;
                Policy policy;
        } rows[] = {
                {"none",                   0,            {30, 0, 0, POLICY_IDLE_YES, true, true}    },
                {"mains",                  AC,           {30, 0, 0, POLICY_IDLE_YES, true, true}    },
                {"battery",                AC | BATTERY, {300, 40, 0, POLICY_IDLE_QUIET, true, true}},
                {"none is laxer than ac",
                 AC | METERED,
                 {30, 0, 1000, POLICY_IDLE_YES, false, true}                                        },
                {"each column for itself",
                 AC | BATTERY | LOW,
                 {900, 40, 0, POLICY_IDLE_NO, false, false}                                         },
                {"all",
                 AC | BATTERY | LOW | METERED,
                 {900, 40, 1000, POLICY_IDLE_NO, false, false}                                      },
                {"forced, without ac",     BATTERY,      {300, 40, 0, POLICY_IDLE_QUIET, true, true}},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label, same(policy_choose(table, rows[i].rows), rows[i].policy));
}

/* Limits of two rows: the smaller one, and none is no limit. */
static void test_max_body(void) {
        static const struct {
                const char *label;
                uint64_t ac, metered, expected;
        } rows[] = {
                {"none",            0,   0,   0  },
                {"of ac alone",     100, 0,   100},
                {"of metered",      0,   100, 100},
                {"the smaller one", 200, 100, 100},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const Policy table[_POLICY_MAX] = {
                        [POLICY_AC] = {.max_body = rows[i].ac},
                        [POLICY_METERED] = {.max_body = rows[i].metered},
                };

                TEST_ROW(rows[i].label,
                         policy_choose(table, 1u << POLICY_METERED).max_body == rows[i].expected);
        }
}

int main(void) {
        test_rows();
        test_choose();
        test_max_body();
        return 0;
}
