/* The configuration: keys that have a word for all mailboxes, or for those of a pattern. */

#include "base/macro.h"
#include "config/config.h"
#include "test.h"

#define ACCOUNT                                                                                    \
        "[account a]\nhost = imap.example.org\nuser = me\npassword-command = p\n"                  \
        "maildir = /nowhere/a\n"

static int parse(const char *lines, Config **ret_config, char **reterr) {
        _cleanup_free_ char *text = NULL;

        assert(asprintf(&text, ACCOUNT "%s", lines) > 0);
        return config_parse(bytes_of(text), "/etc/t.conf", 0600, "/home/me", ret_config, reterr);
}

static void test_directions(void) {
        static const struct {
                const char *label, *lines, *mailbox;
                Direction direction;
        } rows[] = {
                {"default",         "",                                              "INBOX",     DIRECTION_BOTH   },
                {"of all",          "direction = pull\n",                            "a/b",       DIRECTION_PULL   },
                {"push",            "direction = push\n",                            "a/b",       DIRECTION_PUSH   },
                {"of a pattern",    "direction = archive INBOX\n",                   "inbox",     DIRECTION_ARCHIVE},
                {"and no other",    "direction = archive INBOX\n",                   "Sent",      DIRECTION_BOTH   },
                {"the last, one",   "direction = pull\n  both a/*\n  archive a/b\n", "a/b",
                 DIRECTION_ARCHIVE                                                                                 },
                {"the last, other", "direction = pull\n  both a/*\n  archive a/b\n", "a/c",
                 DIRECTION_BOTH                                                                                    },
                {"the last, all",   "direction = pull\n  both a/*\n  archive a/b\n", "c",
                 DIRECTION_PULL                                                                                    },
                {"lines only",      "direction =\n  push Sent\n",                    "Sent",      DIRECTION_PUSH   },
                {"blanks in it",    "direction = push   Sent Mail\n",                "Sent Mail", DIRECTION_PUSH   },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_free_ char *errors = NULL;

                TEST_ROW(rows[i].label, parse(rows[i].lines, &config, &errors) == 0);
                TEST_ROW(rows[i].label,
                         account_config_direction(&config->accounts[0], rows[i].mailbox) ==
                                 rows[i].direction);
        }
}

static void test_size_limits(void) {
        static const struct {
                const char *label, *lines, *mailbox;
                uint64_t limit;
        } rows[] = {
                {"default",       "",                                  "INBOX",     0       },
                {"of all",        "size-limit = 20M\n",                "INBOX",     20 << 20},
                {"of a pattern",  "size-limit = 20M\n  0 Archive/*\n", "Archive/1", 0       },
                {"of the others", "size-limit = 20M\n  0 Archive/*\n", "INBOX",     20 << 20},
                {"a number",      "size-limit = 100000 INBOX\n",       "INBOX",     100000  },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_free_ char *errors = NULL;

                TEST_ROW(rows[i].label, parse(rows[i].lines, &config, &errors) == 0);
                TEST_ROW(rows[i].label,
                         account_config_size_limit(&config->accounts[0], rows[i].mailbox) ==
                                 rows[i].limit);
        }
}

static void test_age_and_count_limits(void) {
        static const struct {
                const char *label, *lines, *mailbox;
                uint64_t age, count;
        } rows[] = {
                {"default",         "",                                                "INBOX",  0,  0   },
                {"of all",          "age-limit = 90d\n",                               "INBOX",  90, 0   },
                {"weeks",           "age-limit = 12w\n",                               "a",      84, 0   },
                {"of a pattern",    "age-limit = 90d\n  0 Old/*\n",                    "Old/1",  0,  0   },
                {"of the others",   "age-limit = 90d\n  0 Old/*\n",                    "INBOX",  90, 0   },
                {"a count",         "count-limit = 5000\n  10 Lists/*\n",              "INBOX",  0,  5000},
                {"of a pattern",    "count-limit = 5000\n  10 Lists/*\n",              "Lists/", 0,  10  },
                {"both",            "count-limit = 5\nage-limit = 1d\n",               "INBOX",  1,  5   },
                {"one way down",    "direction = pull\nage-limit = 1d\n",              "INBOX",  1,  0   },
                {"not where it is", "direction = both\n  push Sent\nage-limit = 1d\n", "INBOX",  1,
                 0                                                                                       },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_free_ char *errors = NULL;
                const AccountConfig *account;

                TEST_ROW(rows[i].label, parse(rows[i].lines, &config, &errors) == 0);
                account = &config->accounts[0];
                TEST_ROW(rows[i].label, account_config_age_limit(account, rows[i].mailbox) ==
                                                rows[i].age * 24 * 3600);
                TEST_ROW(rows[i].label,
                         account_config_count_limit(account, rows[i].mailbox) == rows[i].count);
        }
}

static void test_mistakes(void) {
        static const struct {
                const char *label, *lines, *error;
        } rows[] = {
                {"no such word",               "direction = down\n",
                 "/etc/t.conf:6: direction: “down” is not a direction: expected both, pull, push "
                 "or "
                 "archive, and behind it a pattern, unless it is for all mailboxes\n"           },
                {"in a line below",            "direction = pull\n  INBOX\n",
                 "/etc/t.conf:7: direction: “INBOX” is not a direction: expected both, pull, push "
                 "or "
                 "archive, and behind it a pattern, unless it is for all mailboxes\n"           },
                {"a long word",                "direction = pullpullpullpullpullpull\n",
                 "/etc/t.conf:6: direction: “pullpullpullpullpullpull” is not a direction: "
                 "expected "
                 "both, pull, push or archive, and behind it a pattern, unless it is for all "
                 "mailboxes\n"                                                                  },
                {"nothing",                    "direction =\n",
                 "/etc/t.conf:6: direction: a value is expected, here or in the indented lines "
                 "below\n"                                                                      },
                {"no size",                    "size-limit = INBOX\n",
                 "/etc/t.conf:6: size-limit: “INBOX” is not a size: expected bytes, written like "
                 "500k "
                 "or 2M, and behind it a pattern, unless it is for all mailboxes\n"             },
                {"no rule",                    "map = Sent Items\n",
                 "/etc/t.conf:6: map: “Sent Items” is not a rule: expected the name of a mailbox "
                 "on "
                 "the server, “ -> ” and its name here, with “/” between levels; INBOX stays "
                 "INBOX\n"                                                                      },
                {"two names that fall on one", "map = a -> x\n  b -> y\n  c -> x\n",
                 "/etc/t.conf:8: map: “c -> x” is not possible: two mailboxes would have the same "
                 "name, by this rule and one above\n"                                           },
                {"one that would be two",      "map = a -> x\n  a -> y\n",
                 "/etc/t.conf:7: map: “a -> y” is not possible: two mailboxes would have the same "
                 "name, by this rule and one above\n"                                           },
                {"a map and no rule",          "map =\n",
                 "/etc/t.conf:6: map: a rule is expected, here or in the indented lines below\n"},
                {"no age",                     "age-limit = 12h\n",
                 "/etc/t.conf:6: age-limit: “12h” is not an age: expected a day at least, written "
                 "like 90d or 12w, or 0 for none, and behind it a pattern, unless it is for all "
                 "mailboxes\n"                                                                  },
                {"no count",                   "count-limit = all\n",
                 "/etc/t.conf:6: count-limit: “all” is not a count: expected a number of "
                 "messages, or 0 for none, and behind it a pattern, unless it is for all "
                 "mailboxes\n"                                                                  },
                {"an age of an archive",       "direction = archive\nage-limit = 90d\n",
                 "/etc/t.conf:7: age-limit: “90d” means nothing with “direction = archive”, by "
                 "which no message leaves this side; take it away, or let the direction be both "
                 "or pull\n"                                                                    },
                {"a count of what is pushed",
                 "direction = both\n  push Sent\n"
                 "count-limit = 5\n  10 Sent\n",                                         "/etc/t.conf:8: count-limit: “10 Sent” means nothing with “direction = push”, by "
                 "which no message leaves this side; take it away, or let the direction be both "
                 "or pull\n"                    },
                {"a size and no limit",        "size-limit =\n",
                 "/etc/t.conf:6: size-limit: a value is expected, here or in the indented lines "
                 "below\n"                                                                      },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_free_ char *errors = NULL;

                TEST_ROW(rows[i].label, parse(rows[i].lines, &config, &errors) < 0);
                if (strcmp(errors, rows[i].error) != 0)
                        fprintf(stderr, "%s", errors);
                TEST_ROW(rows[i].label, strcmp(errors, rows[i].error) == 0);
        }
}

/* Another one is another account, which a reload starts anew. */
static void test_equal(void) {
        static const char *const lines[] = {"",
                                            "direction = pull\n",
                                            "direction = pull INBOX\n",
                                            "map = a -> b\n",
                                            "map = a -> c\n",
                                            "size-limit = 1M\n",
                                            "size-limit = 2M\n",
                                            "age-limit = 1d\n",
                                            "age-limit = 2d\n",
                                            "count-limit = 1\n",
                                            "count-limit = 2\n"};

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
                for (size_t k = 0; k < ARRAY_SIZE(lines); k++) {
                        _cleanup_(config_freep) Config *a = NULL, *b = NULL;
                        _cleanup_free_ char *errors = NULL, *more = NULL;

                        assert(parse(lines[i], &a, &errors) == 0 &&
                               parse(lines[k], &b, &more) == 0);
                        TEST_ROW(lines[i], account_config_equal(&a->accounts[0], &b->accounts[0]) ==
                                                   (i == k));
                }
}

int main(void) {
        test_directions();
        test_size_limits();
        test_age_and_count_limits();
        test_mistakes();
        test_equal();
        return 0;
}
