/* What is done about a mailbox: every case by what must hold, and those that have a name. */

#include "base/macro.h"
#include "sync/mailbox-plan.h"
#include "test.h"

static const char *const step_names[] = {
        [MAILBOX_STEP_NONE] = "none",       [MAILBOX_STEP_ADOPT] = "adopt",
        [MAILBOX_STEP_CREATE] = "create",   [MAILBOX_STEP_RENAME] = "rename",
        [MAILBOX_STEP_RENAMED] = "renamed", [MAILBOX_STEP_REMOVE] = "remove",
        [MAILBOX_STEP_HOLD] = "hold",       [MAILBOX_STEP_KEEP] = "keep",
        [MAILBOX_STEP_FORGET] = "forget",   [MAILBOX_STEP_LEAVE] = "leave",
};

/* "R" and "L" exist, "r:NAME" and "l:NAME" moved, "=" in the base, "i" INBOX, "t" target, "y" or "n"
 * for delete-mailboxes, "c" confirmed, "m" much, "k" left, "<" pull, ">" push, "a" archive. */
static MailboxView parse(char *text) {
        MailboxView view = {0};

        for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
                view.in_base |= *word == '=';
                view.exists[SIDE_REMOTE] |= *word == 'R';
                view.exists[SIDE_LOCAL] |= *word == 'L';
                view.is_inbox |= *word == 'i';
                view.is_target |= *word == 't';
                view.confirmed |= *word == 'c';
                view.is_much |= *word == 'm';
                view.is_left |= *word == 'k';
                if (strchr("<>a", *word))
                        view.direction = *word == '<'   ? DIRECTION_PULL
                                         : *word == '>' ? DIRECTION_PUSH
                                                        : DIRECTION_ARCHIVE;
                if (*word == 'y' || *word == 'n')
                        view.deletion =
                                *word == 'y' ? MAILBOX_DELETION_YES : MAILBOX_DELETION_NEVER;
                if (word[1] == ':')
                        view.moved_to[*word == 'r' ? SIDE_REMOTE : SIDE_LOCAL] = word + 2;
        }
        return view;
}

static void test_cases(void) {
        static const struct {
                const char *label, *view, *plan;
        } rows[] = {
                {"new on the server",                 "R",         "create local"   },
                {"new in the Maildir",                "L",         "create remote"  },
                {"new on both",                       "R L",       "adopt"          },
                {"listed, and gone again",            "",          "none"           },
                {"in sync",                           "= R L",     "none"           },
                {"gone on both",                      "=",         "forget"         },
                {"deleted on the server",             "= L",       "hold local"     },
                {"deleted in the Maildir",            "= R",       "hold remote"    },
                {"and confirmed",                     "= R c",     "remove remote"  },
                {"and much, but confirmed",           "= R c m",   "remove remote"  },
                {"and yes",                           "= L y",     "remove local"   },
                {"and yes, but much",                 "= L y m",   "hold local"     },
                {"and never",                         "= L n",     "keep local"     },
                {"INBOX in the Maildir",              "= R i y c", "keep remote"    },
                {"renamed on the server",             "= L r:B",   "rename local B" },
                {"renamed in the Maildir",            "= R l:B",   "rename remote B"},
                {"and another one in its place",      "= R L l:B", "rename remote B"},
                {"renamed on both",                   "= r:B l:B", "renamed B"      },
                {"renamed differently",               "= r:B l:C", "rename local B" },
                {"renamed here, deleted there",       "= l:B y c", "forget"         },
                {"the new name",                      "L t",       "none"           },
                {"the new name, there already",       "R L t",     "none"           },
                {"a name that was never in the base", "R l:B",     "create local"   },
                {"pull, new on the server",           "R <",       "create local"   },
                {"pull, new in the Maildir",          "L <",       "leave local"    },
                {"pull, deleted on the server",       "= L < y",   "remove local"   },
                {"pull, and not confirmed",           "= L <",     "hold local"     },
                {"pull, deleted in the Maildir",      "= R < y c", "leave remote"   },
                {"push, new on the server",           "R >",       "leave remote"   },
                {"push, deleted on the server",       "= L > y c", "leave local"    },
                {"push, deleted in the Maildir",      "= R > y",   "remove remote"  },
                {"archive, new on the server",        "R a",       "create local"   },
                {"archive, deleted on the server",    "= L a y c", "leave local"    },
                {"archive, deleted in the Maildir",   "= R a c",   "leave remote"   },
                {"left, and both ways again",         "= R k y",   "hold remote"    },
                {"left, and confirmed",               "= R k y c", "remove remote"  },
                {"left, and never",                   "= R k n",   "keep remote"    },
                {"archive, gone on both",             "= a",       "forget"         },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char text[64], is[64];
                MailboxView view;
                MailboxPlan plan;
                bool told;

                (void) snprintf(text, sizeof(text), "%s", rows[i].view);
                view = parse(text);
                plan = mailbox_plan(&view);
                told = plan.step == MAILBOX_STEP_CREATE || plan.step == MAILBOX_STEP_RENAME ||
                       plan.step == MAILBOX_STEP_REMOVE || plan.step == MAILBOX_STEP_HOLD ||
                       plan.step == MAILBOX_STEP_KEEP || plan.step == MAILBOX_STEP_LEAVE;
                (void) snprintf(is, sizeof(is), "%s%s%s%s%s", step_names[plan.step],
                                told ? " " : "", told ? side_name(plan.side) : "",
                                plan.name ? " " : "", plan.name ? plan.name : "");
                TEST_ROW(rows[i].label, strcmp(is, rows[i].plan) == 0);
        }
}

static void check_laws(const MailboxView *view) {
        const MailboxPlan plan = mailbox_plan(view);
        const char *name = step_names[plan.step];
        const bool moved = view->moved_to[SIDE_REMOTE] || view->moved_to[SIDE_LOCAL];
        const bool one = view->exists[SIDE_REMOTE] != view->exists[SIDE_LOCAL];

        switch (plan.step) {
        case MAILBOX_STEP_REMOVE: /* only what is claimed to be deleted, and meant */
                TEST_ROW(name, view->in_base && one && !moved && !view->is_inbox);
                TEST_ROW(name, view->exists[plan.side]);
                TEST_ROW(name, direction_allows(view->direction, plan.side, DEED_REMOVE));
                TEST_ROW(name, view->confirmed || (view->deletion == MAILBOX_DELETION_YES &&
                                                   !view->is_much && !view->is_left));
                return;
        case MAILBOX_STEP_FORGET: /* only what is nowhere, or on one side by another name */
                TEST_ROW(name, view->in_base);
                TEST_ROW(name, moved || (!view->exists[SIDE_REMOTE] && !view->exists[SIDE_LOCAL]));
                return;
        case MAILBOX_STEP_RENAME: /* what that side has, to a name that the other side gave */
                TEST_ROW(name, view->in_base && moved && plan.name);
                TEST_ROW(name, view->exists[plan.side] || view->moved_to[plan.side]);
                TEST_ROW(name, plan.name == view->moved_to[side_other(plan.side)]);
                return;
        case MAILBOX_STEP_RENAMED:
                TEST_ROW(name, view->moved_to[SIDE_REMOTE] && view->moved_to[SIDE_LOCAL]);
                return;
        case MAILBOX_STEP_CREATE:
                TEST_ROW(name, !view->in_base && one && !view->exists[plan.side]);
                TEST_ROW(name, direction_allows(view->direction, plan.side, DEED_MAKE));
                return;
        case MAILBOX_STEP_LEAVE:
                TEST_ROW(name, one && view->exists[plan.side] && view->direction != DIRECTION_BOTH);
                return;
        case MAILBOX_STEP_ADOPT:
                TEST_ROW(name, !view->in_base && !one && view->exists[SIDE_LOCAL]);
                return;
        case MAILBOX_STEP_HOLD:
        case MAILBOX_STEP_KEEP:
                TEST_ROW(name, view->in_base && one && view->exists[plan.side] && !moved);
                return;
        case MAILBOX_STEP_NONE:
                TEST_ROW(name, !(view->in_base && moved));
                return;
        }
        abort();
}

/* All of them. */
static void test_laws(void) {
        static const char *const moved[] = {NULL, "B", "C"};

        for (unsigned n = 0; n < 1u << 8; n++)
                for (unsigned k = 0; k < 27 * _DIRECTION_MAX; k++) {
                        const MailboxView view = {
                                .in_base = n & 1,
                                .is_inbox = n & 2,
                                .is_target = n & 4,
                                .exists = {n & 8,        n & 16          },
                                .confirmed = n & 32,
                                .is_much = n & 64,
                                .is_left = n & 128,
                                .moved_to = {moved[k % 3], moved[k / 3 % 3]},
                                .deletion = (MailboxDeletion) (k / 9 % 3),
                                .direction = (Direction) (k / 27),
                        };

                        check_laws(&view);
                }
}

static void test_subscriptions(void) {
        static const struct {
                const char *label;
                Subscribed base, remote, local, result;
        } rows[] = {
                {"first, both",            0, 2, 2, 2},
                {"first, none",            0, 1, 1, 1},
                {"first, there",           0, 2, 1, 2},
                {"first, here",            0, 1, 2, 2},
                {"first, one is silent",   0, 2, 0, 0},
                {"subscribed there",       1, 2, 1, 2},
                {"subscribed here",        1, 1, 2, 2},
                {"unsubscribed there",     2, 1, 2, 1},
                {"unsubscribed here",      2, 2, 1, 1},
                {"on both",                1, 2, 2, 2},
                {"not asked, here as was", 2, 0, 2, 0},
                {"not asked, here not",    2, 0, 1, 1},
                {"no file, there not",     2, 1, 0, 1},
                {"nobody says anything",   2, 0, 0, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const Subscribed sides[] = {rows[i].remote, rows[i].local};

                TEST_ROW(rows[i].label, subscription_plan(rows[i].base, sides) == rows[i].result);
        }
}

int main(void) {
        test_cases();
        test_laws();
        test_subscriptions();
        return 0;
}
