/* Names that are others on the server: rules, both ways, and what has no counterpart. */

#include "base/macro.h"
#include "imap/mailbox-map.h"
#include "test.h"

#define RULE  MAILBOX_MAP_E_RULE
#define TAKEN MAILBOX_MAP_E_TAKEN

/* A folder renamed, two that change places, one within another. */
static char *rules[] = {
        (char *) "Sent Items -> Sent",
        (char *) "[Gmail]/All Mail  ->  Archive/All",
        (char *) "a -> b",
        (char *) "b -> a",
        (char *) "old -> new",
        (char *) "old/kept -> kept",
        NULL,
};

static void test_names(void) {
        static const struct {
                const char *there, *here; /* NULL: it has no counterpart */
        } rows[] = {
                {"INBOX",            "INBOX"          },
                {"other",            "other"          },
                {"Sent Items",       "Sent"           },
                {"Sent Items/2020",  "Sent/2020"      },
                {"Sent Items2",      "Sent Items2"    },
                {"Sent",             NULL             },
                {"Sent/2020",        NULL             },
                {NULL,               "Sent Items"     },
                {"[Gmail]/All Mail", "Archive/All"    },
                {"[Gmail]/Starred",  "[Gmail]/Starred"},
                {"Archive",          "Archive"        },
                {"Archive/All",      NULL             },
                {"a",                "b"              },
                {"b/x",              "a/x"            },
                {"old",              "new"            },
                {"old/x",            "new/x"          },
                {"old/kept",         "kept"           },
                {"old/kept/x",       "kept/x"         },
                {NULL,               "new/kept"       },
                {NULL,               "old"            },
                {"kept",             NULL             },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *label = rows[i].there ? rows[i].there : rows[i].here;
                _cleanup_free_ char *here = NULL, *there = NULL;
                int r;

                if (rows[i].there) {
                        r = mailbox_map_here(rules, rows[i].there, &here);
                        TEST_ROW(label, r == (rows[i].here ? 0 : TAKEN));
                        TEST_ROW(label, !rows[i].here || strcmp(here, rows[i].here) == 0);
                }
                if (rows[i].here) {
                        r = mailbox_map_there(rules, rows[i].here, &there);
                        TEST_ROW(label, r == (rows[i].there ? 0 : TAKEN));
                        TEST_ROW(label, !rows[i].there || strcmp(there, rows[i].there) == 0);
                }
        }
}

static void test_no_rules(void) {
        _cleanup_free_ char *here = NULL, *there = NULL;

        assert(mailbox_map_here(NULL, "a/b", &here) == 0 && strcmp(here, "a/b") == 0);
        assert(mailbox_map_there(NULL, "a/b", &there) == 0 && strcmp(there, "a/b") == 0);
}

static void test_check(void) {
        static const struct {
                const char *label;
                const char *before[3];
                const char *rule;
                int result;
        } rows[] = {
                {"one",                     {NULL},               "a -> b",       0    },
                {"blanks in names",         {NULL},               "a b ->  c d",  0    },
                {"below INBOX",             {NULL},               "INBOX/a -> a", 0    },
                {"no arrow",                {NULL},               "a = b",        RULE },
                {"arrow alone",             {NULL},               " -> ",         RULE },
                {"nothing here",            {NULL},               "a -> ",        RULE },
                {"nothing there",           {NULL},               " -> a",        RULE },
                {"no name",                 {NULL},               "a//b -> c",    RULE },
                {"no name here",            {NULL},               "a -> ../b",    RULE },
                {"INBOX there",             {NULL},               "INBOX -> a",   RULE },
                {"INBOX here",              {NULL},               "a -> INBOX",   RULE },
                {"INBOX in other capitals", {NULL},               "a -> inbox",   RULE },
                {"one name there twice",    {"a -> b"},           "a -> c",       TAKEN},
                {"one name here twice",     {"a -> b"},           "c -> b",       TAKEN},
                {"the same again",          {"a -> b"},           "a -> b",       0    },
                {"a chain",                 {"a -> b"},           "b -> c",       0    },
                {"a circle",                {"a -> b", "b -> c"}, "c -> a",       0    },
                {"changing places",         {"a -> b"},           "b -> a",       0    },
                {"below both",              {"a -> b"},           "a/x -> y",     0    },
                {"what is below there",     {"a -> b"},           "y -> b/x",     0    },
                {"into itself",             {NULL},               "a -> a/b",     0    },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char *before[3] = {(char *) rows[i].before[0], (char *) rows[i].before[1], NULL};

                TEST_ROW(rows[i].label, mailbox_map_check(before, rows[i].rule) == rows[i].result);
        }
}

int main(void) {
        test_names();
        test_no_rules();
        test_check();
        return 0;
}
