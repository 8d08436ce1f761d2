/* The waiting ladder: which rung, how long a silence, which mailboxes are due. */

#include "base/macro.h"
#include "sync/wait-ladder.h"
#include "test.h"

#define MINUTE ((int64_t) 60 * 1000000)
#define HOUR   (60 * MINUTE)
#define START  (1000 * HOUR)

/* What happened, a letter each, ten minutes apart: o overflow, m IDLE missed, t told; H an hour later,
 * D a day later; r NOTIFY refused, R IDLE refused. */
static int64_t live(WaitRecord *record, const char *events) {
        int64_t now = START;

        for (; *events; events++, now += 10 * MINUTE) {
                if (*events == 'o')
                        wait_on_overflow(record, now);
                if (*events == 'm')
                        wait_on_missed(record, now);
                if (*events == 't')
                        wait_on_told(record);
                record->notify_refused |= *events == 'r';
                record->idle_refused |= *events == 'R';
                now += *events == 'H' ? HOUR : *events == 'D' ? 24 * HOUR : 0;
        }
        return now;
}

static void test_choose(void) {
        static const struct {
                const char *label, *capabilities, *events;
                WaitRung rung;
                const char *why;
        } rows[] = {
                {"all",              "NOTIFY IDLE", "",      WAIT_RUNG_NOTIFY, ""                                      },
                {"no NOTIFY",        "IDLE",        "",      WAIT_RUNG_IDLE,   "the server has no NOTIFY"              },
                {"neither",          "",            "",      WAIT_RUNG_POLL,   "the server has neither NOTIFY nor IDLE"},
                {"NOTIFY alone",     "NOTIFY",      "",      WAIT_RUNG_NOTIFY, ""                                      },
                {"and refused",      "NOTIFY",      "r",     WAIT_RUNG_POLL,   "the server refuses NOTIFY"             },
                {"NOTIFY refused",   "NOTIFY IDLE", "r",     WAIT_RUNG_IDLE,   "the server refuses NOTIFY"             },
                {"both refused",     "NOTIFY IDLE", "rR",    WAIT_RUNG_POLL,   "the server refuses IDLE"               },
                {"two overflows",    "NOTIFY IDLE", "oo",    WAIT_RUNG_NOTIFY, ""                                      },
                {"three",            "NOTIFY IDLE", "ooo",   WAIT_RUNG_IDLE,
                 "NOTIFY has overflowed three times within an hour"                                                    },
                {"in over an hour",  "NOTIFY IDLE", "oHoo",  WAIT_RUNG_NOTIFY, ""                                      },
                {"and then in one",  "NOTIFY IDLE", "oHooo", WAIT_RUNG_IDLE,
                 "NOTIFY has overflowed three times within an hour"                                                    },
                {"a day later",      "NOTIFY IDLE", "oooD",  WAIT_RUNG_NOTIFY, ""                                      },
                {"IDLE missed two",  "IDLE",        "mm",    WAIT_RUNG_IDLE,   "the server has no NOTIFY"              },
                {"three",            "IDLE",        "mmm",   WAIT_RUNG_POLL,
                 "IDLE did not tell of changes that the poll then found"                                               },
                {"but told of one",  "IDLE",        "mmtm",  WAIT_RUNG_IDLE,   "the server has no NOTIFY"              },
                {"IDLE a day later", "IDLE",        "mmmD",  WAIT_RUNG_IDLE,   "the server has no NOTIFY"              },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const ImapCapabilities has =
                        imap_capabilities_parse(bytes_of(rows[i].capabilities));
                WaitRecord record = {0};
                const int64_t now = live(&record, rows[i].events);
                const char *why;

                TEST_ROW(rows[i].label, wait_choose(&record, &has, now, &why) == rows[i].rung);
                TEST_ROW(rows[i].label, strcmp(why, rows[i].why) == 0);
        }
}

/* d: found dead; x: after four minutes; s: survived; q: a short one */
static void test_silence(void) {
        static const struct {
                const char *label, *events;
                int64_t seconds;
        } rows[] = {
                {"the first",       "",             14 * 60},
                {"dead",            "d",            7 * 60 },
                {"dead again",      "dd",           210    },
                {"never under",     "dddddddd",     60     },
                {"survived two",    "ss",           14 * 60},
                {"three",           "sss",          19 * 60},
                {"at most",         "ssssssssssss", 28 * 60},
                {"grows again",     "dsss",         12 * 60},
                {"sooner",          "x",            2 * 60 },
                {"short ones",      "qqqqqq",       14 * 60},
                {"in a row",        "ssdss",        7 * 60 },
                {"around a router", "dsssdsss",     11 * 60},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                WaitRecord record = {0};

                for (const char *event = rows[i].events; *event; event++) {
                        const uint64_t silence = *event == 'q' ? MINUTE : wait_silence(&record);

                        if (*event == 's' || *event == 'q')
                                wait_on_survived(&record, silence);
                        else
                                wait_on_silent_death(&record, *event == 'x' ? 4 * MINUTE : silence);
                }
                TEST_ROW(rows[i].label,
                         wait_silence(&record) == (uint64_t) (rows[i].seconds * 1000000));
        }
}

/* A connection that the kernel keeps awake needs a command only for the server's sake, which may want it sooner.
 * e and a number: the server has ended the session after so many minutes without one. */
static void test_life(void) {
        static const struct {
                const char *label;
                unsigned ends[3]; /* minutes */
                bool is_probed, is_dead;
                int64_t life, probe; /* seconds */
        } rows[] = {
                {"the first",           {0},          true,  false, 28 * 60, 14 * 60},
                {"a tunnel",            {0},          false, false, 14 * 60, 0      },
                {"a router forgets",    {0},          true,  true,  28 * 60, 7 * 60 },
                {"of a tunnel",         {0},          false, true,  7 * 60,  0      },
                {"restarted",           {10},         true,  false, 28 * 60, 14 * 60},
                {"twice",               {10, 25},     true,  false, 28 * 60, 14 * 60},
                {"ended each time",     {20, 20},     true,  false, 15 * 60, 14 * 60},
                {"a minute later",      {20, 21},     true,  false, 945,     14 * 60},
                {"and so again",        {20, 20, 15}, true,  false, 15 * 60, 14 * 60},
                {"sooner than routers", {10, 10},     true,  false, 450,     0      },
                {"the same, a tunnel",  {10, 10},     false, false, 450,     0      },
                {"sooner yet",          {20, 6, 6},   true,  false, 270,     0      },
                {"thrown out at once",  {0, 0, 0},    true,  false, 28 * 60, 14 * 60},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                WaitRecord record = {.is_probed = rows[i].is_probed};

                for (size_t k = 0; k < ARRAY_SIZE(rows[i].ends); k++)
                        wait_on_ended(&record, rows[i].ends[k] * (uint64_t) MINUTE);
                if (rows[i].is_dead)
                        wait_on_silent_death(&record, wait_silence(&record));
                TEST_ROW(rows[i].label, wait_life(&record) == (uint64_t) (rows[i].life * 1000000));
                TEST_ROW(rows[i].label,
                         wait_probe(&record) == (uint64_t) (rows[i].probe * 1000000));
        }
}

/* What was learnt of a network is known when the machine is there again; of the ninth before, not. */
static void test_networks(void) {
        static const struct {
                const char *label,
                        *networks; /* a letter each: from A on, one silent death; else a look */
                int64_t seconds;   /* of silence at the last one */
        } rows[] = {
                {"the first",       "A",            7 * 60 },
                {"another",         "Ab",           14 * 60},
                {"and back",        "Aba",          7 * 60 },
                {"dead there too",  "ABa",          7 * 60 },
                {"twice",           "ABaA",         210    },
                {"the other",       "AABb",         7 * 60 },
                {"the same one",    "AAaa",         210    },
                {"of eight others", "Abcdefgha",    7 * 60 },
                {"too many",        "Abcdefghijka", 14 * 60},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                WaitRecord record = {0};

                for (const char *c = rows[i].networks; *c; c++) {
                        wait_set_network(&record, (uint64_t) (*c | 0x20));
                        if (!(*c & 0x20))
                                wait_on_silent_death(&record, wait_silence(&record));
                }
                TEST_ROW(rows[i].label,
                         wait_silence(&record) == (uint64_t) (rows[i].seconds * 1000000));
        }
}

/* Beats as late as they may be, or as early: how many looks and how many signs of life in six hours? */
static void test_plan(void) {
        static const struct {
                const char *label;
                int64_t interval; /* minutes */
                bool is_early;
                unsigned n_looks, n_signs;
        } rows[] = {
                {"a look is the sign",          0,  false, 24, 0 },
                {"early",                       0,  true,  51, 0 },
                {"looks are enough",            5,  true,  72, 0 },
                {"late",                        5,  false, 65, 0 },
                {"a look when the sign is due", 15, false, 24, 0 },
                {"early",                       15, true,  25, 26},
                {"much rarer",                  60, true,  6,  48},
                {"late",                        60, false, 6,  18},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const uint64_t interval = (uint64_t) (rows[i].interval * MINUTE);
                const WaitRecord record = {0};
                unsigned n_looks = 0, n_signs = 0;
                WaitPlan plan;
                uint64_t now = START;

                wait_plan(&plan, &record, now, interval, true);
                for (;;) {
                        bool looks;

                        TEST_ROW(rows[i].label, wait_earliest(&plan) <= wait_latest(&plan));
                        TEST_ROW(rows[i].label, wait_latest(&plan) > now);
                        now = rows[i].is_early ? wait_earliest(&plan) : wait_latest(&plan);
                        if (now > START + 6 * HOUR)
                                break;
                        looks = wait_wants_look(&plan, now);
                        n_looks += looks;
                        n_signs += !looks;
                        wait_plan(&plan, &record, now, interval, looks);
                }
                TEST_ROW(rows[i].label, n_looks == rows[i].n_looks);
                TEST_ROW(rows[i].label, n_signs == rows[i].n_signs);
        }
}

static void test_restrict(void) {
        static const struct {
                const char *label;
                WaitRung rung;
                PolicyIdle idle;
                int64_t interval, idled; /* minutes */
                uint64_t n_lines;
                WaitRung result;
        } rows[] = {
                {"NOTIFY is not asked",  WAIT_RUNG_NOTIFY, POLICY_IDLE_NO,    5,  0,  0,
                 WAIT_RUNG_NOTIFY                                                                       },
                {"a poll neither",       WAIT_RUNG_POLL,   POLICY_IDLE_YES,   5,  0,  0,  WAIT_RUNG_POLL},
                {"allowed",              WAIT_RUNG_IDLE,   POLICY_IDLE_YES,   5,  60, 90, WAIT_RUNG_IDLE},
                {"not allowed",          WAIT_RUNG_IDLE,   POLICY_IDLE_NO,    5,  60, 0,  WAIT_RUNG_POLL},
                {"quiet, not known yet", WAIT_RUNG_IDLE,   POLICY_IDLE_QUIET, 5,  0,  0,
                 WAIT_RUNG_IDLE                                                                         },
                {"quiet",                WAIT_RUNG_IDLE,   POLICY_IDLE_QUIET, 5,  60, 0,  WAIT_RUNG_IDLE},
                {"one line",             WAIT_RUNG_IDLE,   POLICY_IDLE_QUIET, 5,  1,  1,  WAIT_RUNG_IDLE},
                {"two minutes each",     WAIT_RUNG_IDLE,   POLICY_IDLE_QUIET, 5,  4,  2,  WAIT_RUNG_POLL},
                {"as rare as the poll",  WAIT_RUNG_IDLE,   POLICY_IDLE_QUIET, 5,  50, 10,
                 WAIT_RUNG_IDLE                                                                         },
                {"which is rarer now",   WAIT_RUNG_IDLE,   POLICY_IDLE_QUIET, 15, 50, 10,
                 WAIT_RUNG_POLL                                                                         },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const Policy policy = {
                        .idle = rows[i].idle,
                        .poll_interval_usec = (uint64_t) (rows[i].interval * MINUTE),
                };
                const char *why = "as before";
                WaitRecord record = {0};

                wait_on_idled(&record, (uint64_t) (rows[i].idled * MINUTE), rows[i].n_lines);
                TEST_ROW(rows[i].label,
                         wait_restrict(&record, rows[i].rung, &policy, &why) == rows[i].result);
                TEST_ROW(rows[i].label,
                         (strcmp(why, "as before") == 0) == (rows[i].rung == rows[i].result));
        }
}

static void test_poll_due(void) {
        static const struct {
                const char *label;
                int64_t asked, changed, interval, due; /* minutes */
        } rows[] = {
                {"never asked",               0,    0,    1,  0   },
                {"just changed",              1000, 1000, 1,  1001},
                {"changed since",             1000, 1005, 1,  1001},
                {"quiet for two",             1000, 998,  1,  1002},
                {"so the pauses double",      1004, 998,  1,  1010},
                {"at most",                   1000, 10,   1,  1015},
                {"never changed",             1000, 0,    1,  1015},
                {"the interval is the least", 1000, 998,  5,  1005},
                {"whatever it is",            1000, 10,   60, 1060},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label,
                         wait_poll_due(rows[i].asked * MINUTE, rows[i].changed * MINUTE,
                                       rows[i].interval * MINUTE) == rows[i].due * MINUTE);
}

int main(void) {
        test_choose();
        test_silence();
        test_life();
        test_networks();
        test_plan();
        test_restrict();
        test_poll_due();
        return 0;
}
