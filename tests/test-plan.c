/* The planner, exhaustively: every base, remote and local value of a flag, with every mask. */

#include "base/macro.h"
#include "sync/plan.h"
#include "test.h"

static const PlanSide absent = {0};

static PlanSide here(MessageFlags flags, MessageFlags storable) {
        return (PlanSide){.present = true, .flags = flags, .storable = storable};
}

static void test_presence(void) {
        const PlanSide present = here(FLAG_SEEN, FLAGS_FIXED);
        const struct {
                const char *label;
                PlanSide side[2];
                bool forget, expunge_remote, expunge_local;
        } rows[] = {
                {"both",        {present, present}, false, false, false},
                {"remote only", {present, absent},  false, true,  false},
                {"local only",  {absent, present},  false, false, true },
                {"neither",     {absent, absent},   true,  false, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const MessagePlan plan = plan_message(0, rows[i].side);

                TEST_ROW(rows[i].label, plan.forget == rows[i].forget);
                TEST_ROW(rows[i].label, plan.expunge[SIDE_REMOTE] == rows[i].expunge_remote);
                TEST_ROW(rows[i].label, plan.expunge[SIDE_LOCAL] == rows[i].expunge_local);
        }
}

/* Two flags are enough to see that they do not touch each other: 4 bases x 4 x 4 sides x 4 x 4 masks. */
static void test_every_merge(void) {
        for (unsigned n = 0; n < 1u << 10; n++) {
                const MessageFlags base = n & 3, remote = n >> 2 & 3, local = n >> 4 & 3;
                const MessageFlags masks[] = {n >> 6 & 3, n >> 8 & 3};
                const PlanSide side[] = {here(remote, masks[0]), here(local, masks[1])};
                const MessagePlan plan = plan_message(base, side);

                assert(!plan.forget && !plan.expunge[0] && !plan.expunge[1]);
                for (MessageFlags bit = 1; bit <= 2; bit <<= 1) {
                        bool by_remote = (masks[0] & bit) && ((base ^ remote) & bit);
                        bool by_local = (masks[1] & bit) && ((base ^ local) & bit);
                        bool want = ((base & bit) != 0) ^ (by_remote || by_local);

                        assert(((plan.flags & bit) != 0) == want);
                        for (Side s = 0; s < _SIDE_MAX; s++) {
                                const MessageFlags now =
                                        (side[s].flags | plan.add[s]) & ~plan.remove[s];

                                assert(!((plan.add[s] | plan.remove[s]) & ~masks[s]));
                                if (masks[s] & bit)
                                        assert(((now & bit) != 0) == want);
                        }
                }
        }
}

static MessageFlags after(const PlanSide *side, const MessagePlan *plan, Side s) {
        return (side->flags | plan->add[s]) & ~plan->remove[s];
}

/*
 * A side that keeps its flags is not touched; the other one follows its changes, and only these; and what is left
 * different is no change afterwards, whatever direction holds then.
 */
static void test_keeps_flags(void) {
        for (unsigned n = 0; n < 1u << 9; n++) {
                const Side keeps = n >> 8 ? SIDE_LOCAL : SIDE_REMOTE, other = side_other(keeps);
                const MessageFlags base = n & 3, apart = n >> 2 & 3;
                const MessageFlags was[] = {base, base ^ apart};
                PlanSide side[] = {here(n >> 4 & 3, 3), here(n >> 6 & 3, 3)};
                MessageFlags now[_SIDE_MAX], followed;
                MessagePlan plan;

                side[keeps].keeps_flags = true;
                side[SIDE_LOCAL].apart = apart;
                plan = plan_message(base, side);
                for (Side s = 0; s < _SIDE_MAX; s++)
                        now[s] = after(&side[s], &plan, s);
                assert(now[keeps] == side[keeps].flags && !plan.add[keeps] && !plan.remove[keeps]);
                followed = was[keeps] ^ side[keeps].flags;
                assert(now[other] ==
                       ((side[other].flags & ~followed) | (side[keeps].flags & followed)));
                assert(plan.flags == now[SIDE_REMOTE]);
                assert((plan.flags ^ plan.apart) == now[SIDE_LOCAL]);

                for (unsigned k = 0; k < 3; k++) {
                        PlanSide again[] = {here(now[SIDE_REMOTE], 3), here(now[SIDE_LOCAL], 3)};
                        MessagePlan quiet;

                        again[SIDE_LOCAL].apart = plan.apart;
                        again[SIDE_REMOTE].keeps_flags = k == 1;
                        again[SIDE_LOCAL].keeps_flags = k == 2;
                        quiet = plan_message(plan.flags, again);
                        assert(message_plan_is_empty(&quiet, plan.flags, plan.apart));
                }
        }
}

/* Both ways again, a flag that is changed on either side is on both as it is there. */
static void test_apart_and_both(void) {
        for (unsigned n = 0; n < 1u << 6; n++) {
                const MessageFlags base = n & 1, apart = n >> 1 & 1;
                PlanSide side[] = {here(n >> 2 & 1, 1), here(n >> 3 & 1, 1)};
                const bool by_remote = side[SIDE_REMOTE].flags != base;
                const bool by_local = side[SIDE_LOCAL].flags != (base ^ apart);
                MessagePlan plan;

                side[SIDE_LOCAL].apart = apart;
                plan = plan_message(base, side);
                if (by_remote || by_local) {
                        const Side from = by_remote ? SIDE_REMOTE : SIDE_LOCAL;

                        assert(plan.flags == side[from].flags && plan.apart == 0);
                } else
                        assert(message_plan_is_empty(&plan, base, apart));
        }
}

static void test_keeps(void) {
        PlanSide side[] = {here(0, 3), absent};
        MessagePlan plan;

        side[SIDE_REMOTE].keeps = true;
        plan = plan_message(0, side);
        assert(plan.keep[SIDE_REMOTE] && !plan.expunge[SIDE_REMOTE] && message_plan_drops(&plan));
        side[SIDE_REMOTE] = absent;
        side[SIDE_LOCAL] = here(0, 3);
        side[SIDE_LOCAL].keeps = true;
        plan = plan_message(0, side);
        assert(plan.keep[SIDE_LOCAL] && !plan.expunge[SIDE_LOCAL]);
        side[SIDE_LOCAL] = absent;
        plan = plan_message(0, side);
        assert(plan.forget && !plan.keep[SIDE_LOCAL] && !plan.keep[SIDE_REMOTE]);
}

static void test_pair_never_clears(void) {
        for (unsigned n = 0; n < 1u << 8; n++) {
                const PlanSide side[] = {here(n & 3, n >> 4 & 3), here(n >> 2 & 3, n >> 6 & 3)};
                const MessagePlan plan = plan_pair(side);

                for (Side s = 0; s < _SIDE_MAX; s++) {
                        assert(plan.remove[s] == 0);
                        assert(((side[s].flags | plan.add[s]) & side[s].storable) ==
                               (plan.flags & side[s].storable));
                }
        }
}

static void test_brake(void) {
        static const Brake brake = {.percent = 25, .count = 20};
        static const struct {
                const char *label;
                uint64_t messages, vanished, lately;
                bool holds;
        } rows[] = {
                {"nothing vanished",         0,        0,        0,   false},
                {"few of few",               10,       10,       0,   false},
                {"twenty is not too many",   20,       20,       0,   false},
                {"twenty-one of many",       1000,     21,       0,   false},
                {"all of twenty-one",        21,       21,       0,   true },
                {"a quarter exactly",        1000,     250,      0,   false},
                {"a quarter and one",        1000,     251,      0,   true },
                {"everything",               100000,   100000,   0,   true },
                {"drop by drop",             800,      51,       200, true },
                {"lately, but nothing now",  10,       0,        500, false},
                {"more than 64 bits of 1 %", 1u << 31, 1u << 31, 0,   true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label, brake_holds(&brake, rows[i].messages, rows[i].vanished,
                                                    rows[i].lately) == rows[i].holds);
}

static void test_adds_up(void) {
        static const struct {
                const char *label;
                uint64_t known, vanished, unknown, exists;
                bool result;
        } rows[] = {
                {"nothing",         0, 0, 0, 0, true },
                {"steady",          7, 0, 0, 7, true },
                {"one new",         7, 0, 1, 8, true },
                {"one gone",        7, 1, 0, 6, true },
                {"lost a VANISHED", 7, 0, 0, 6, false},
                {"lost an EXISTS",  7, 0, 0, 8, false},
                {"bogus VANISHED",  7, 8, 0, 0, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label,
                         delta_adds_up(rows[i].known, rows[i].vanished, rows[i].unknown,
                                       rows[i].exists) == rows[i].result);
}

static void test_status(void) {
        static const ReplicaToken token = {.uidvalidity = 5, .uidnext = 10, .modseq = 20};
        static const struct {
                const char *label;
                bool has_uidvalidity;
                uint32_t uidvalidity, uidnext;
                bool has_messages;
                uint32_t messages;
                uint64_t modseq;
                bool dirty;
        } rows[] = {
                {"same",              true,  5, 10, true,  9, 20, false},
                {"no UIDVALIDITY",    false, 0, 10, true,  9, 20, false},
                {"other UIDVALIDITY", true,  6, 10, true,  9, 20, true },
                {"UIDNEXT",           true,  5, 11, true,  9, 20, true },
                {"UIDNEXT unknown",   true,  5, 0,  true,  9, 20, false},
                {"MESSAGES",          true,  5, 10, true,  8, 20, true },
                {"MESSAGES unknown",  true,  5, 10, false, 0, 20, false},
                {"HIGHESTMODSEQ",     true,  5, 10, true,  9, 21, true },
                {"modseq backwards",  true,  5, 10, true,  9, 19, true },
                {"modseq unknown",    true,  5, 10, true,  9, 0,  false},
                {"modseq alone",      false, 0, 0,  false, 0, 21, true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const ReplicaStatus status = {
                        .has_uidvalidity = rows[i].has_uidvalidity,
                        .uidvalidity = rows[i].uidvalidity,
                        .uidnext = rows[i].uidnext,
                        .has_messages = rows[i].has_messages,
                        .messages = rows[i].messages,
                        .modseq = rows[i].modseq,
                };

                TEST_ROW(rows[i].label, status_is_dirty(&token, 9, &status) == rows[i].dirty);
        }
}

static void test_behind(void) {
        static const ReplicaToken committed = {.uidvalidity = 5, .uidnext = 10, .modseq = 20};
        static const struct {
                const char *label;
                ReplicaToken now;
                bool behind;
        } rows[] = {
                {"same",              {5, 10, 20, {0}}, false},
                {"ahead",             {5, 12, 30, {0}}, false},
                {"UIDNEXT back",      {5, 9, 20, {0}},  true },
                {"modseq back",       {5, 10, 19, {0}}, true },
                {"no modseq",         {5, 10, 0, {0}},  false},
                {"no UIDNEXT",        {5, 0, 20, {0}},  false},
                {"other UIDVALIDITY", {6, 1, 1, {0}},   false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label,
                         token_is_behind(&committed, &rows[i].now) == rows[i].behind);
}

int main(void) {
        test_presence();
        test_every_merge();
        test_keeps_flags();
        test_apart_and_both();
        test_keeps();
        test_pair_never_clears();
        test_brake();
        test_adds_up();
        test_status();
        test_behind();
        return 0;
}
