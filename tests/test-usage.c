/* Usage texts: what they say may come next. */

#include <errno.h>

#include "base/macro.h"
#include "base/usage.h"
#include "test.h"

static const char with_verbs[] = "tool [--socket PATH] [--json] VERB [ARG...]\n"
                                 "\n"
                                 "  status [ACCOUNT]              how they are\n"
                                 "  sync [--wait] [ACCOUNT [MAILBOX...]]\n"
                                 "                                now; --wait: until done\n"
                                 "  policy [ac|low|auto] [--for TIME]\n"
                                 "                                what it costs\n"
                                 "  explain ACCOUNT MAILBOX UID|FILE\n"
                                 "                                why\n"
                                 "  take mbsync|interimap [--dry-run] [--from DIR]\n"
                                 "        [--name NAME] [FILE]\n"
                                 "                                from another program\n"
                                 "\n"
                                 "      --socket PATH   default: there\n"
                                 "      --json          for programs\n"
                                 "  -h, --help\n"
                                 "\n"
                                 "Exit status: 0 done.\n"
                                 "status is no verb here.\n";

static const char without_verbs[] = "tool [OPTION...] [ACCOUNT...]\n"
                                    "What it is.\n\n"
                                    "  -c, --config FILE     default: there\n"
                                    "  -1, --once            once\n"
                                    "      --state-dir DIR   state\n"
                                    "  -h, --help            this text\n";

#define VERBS                                                                                      \
        "status\thow they are\nsync\tnow; --wait: until done\npolicy\twhat it "                    \
        "costs\nexplain\twhy\n"                                                                    \
        "take\tfrom another program\n"
#define OPTIONS "--socket\tdefault: there\n--json\tfor programs\n--help\t\n"

static const struct {
        const char *label;
        const char *usage;
        const char *words[8];
        const char *out;
        UsageWish wish;
} rows[] = {
        {"nothing",                     with_verbs,                        {""},                                  VERBS,   {}                                                   },
        {"half a verb",                 with_verbs,                        {"st"},                                VERBS,   {}                                                   },
        {"an option of all",            with_verbs,                        {"-"},                                 OPTIONS, {}                                                   },
        {"behind an option",            with_verbs,                        {"--json", ""},                        VERBS,   {}                                                   },
        {"the value of an option",      with_verbs,                        {"--socket", ""},                      "",      {.files = true}                                      },
        {"behind the value",            with_verbs,                        {"--socket", "sync", "st"},            VERBS,   {}                                                   },
        {"the value behind =",          with_verbs,                        {"--socket=x", ""},                    VERBS,   {}                                                   },
        {"an account",                  with_verbs,                        {"status", ""},                        "",      {.accounts = true, .verb = "status"}                 },
        {"no more",                     with_verbs,                        {"status", "a", ""},                   "",      {.verb = "status", .account = "a"}                   },
        {"an account behind an option",
         with_verbs,                                                       {"sync", "--wait", ""},
         "",                                                                                                               {.accounts = true, .verb = "sync"}                   },
        {"a mailbox",
         with_verbs,                                                       {"sync", "a b", ""},
         "",                                                                                                               {.mailboxes = true, .verb = "sync", .account = "a b"}},
        {"many mailboxes",
         with_verbs,                                                       {"sync", "a", "x", "y", "z"},
         "",                                                                                                               {.mailboxes = true, .verb = "sync", .account = "a"}  },
        {"options of a verb",
         with_verbs,                                                       {"sync", "a", "--"},
         "--wait\t\n" OPTIONS,
         {.verb = "sync", .account = "a"}                                                                                                                                       },
        {"no options any more",
         with_verbs,                                                       {"sync", "--", "-"},
         "",                                                                                                               {.accounts = true, .verb = "sync"}                   },
        {"words for themselves",
         with_verbs,                                                       {"policy", ""},
         "ac\t\nlow\t\nauto\t\n",                                                                                          {.verb = "policy"}                                   },
        {"a value that nobody knows",
         with_verbs,                                                       {"policy", "low", "--for", ""},
         "",                                                                                                               {.verb = "policy"}                                   },
        {"behind that value",
         with_verbs,                                                       {"policy", "--for", "2h", ""},
         "ac\t\nlow\t\nauto\t\n",                                                                                          {.verb = "policy"}                                   },
        {"a file or a number",
         with_verbs,                                                       {"explain", "a", "b", ""},
         "",                                                                                                               {.files = true, .verb = "explain", .account = "a"}   },
        {"a line that goes on",
         with_verbs,                                                       {"take", "mbsync", "--name", "n", ""},
         "",                                                                                                               {.files = true, .verb = "take"}                      },
        {"options of two lines",
         with_verbs,                                                       {"take", "-"},
         "--dry-run\t\n--from\t\n--name\t\n" OPTIONS,
         {.verb = "take"}                                                                                                                                                       },
        {"a folder",
         with_verbs,                                                       {"take", "--dry-run", "--from", ""},
         "",                                                                                                               {.folders = true, .verb = "take"}                    },
        {"an unknown verb",             with_verbs,                        {"stat", ""},                          "",      {.verb = "stat"}                                     },
        {"accounts alone",              without_verbs,                     {""},                                  "",      {.accounts = true}                                   },
        {"more accounts",               without_verbs,                     {"a", ""},                             "",      {.accounts = true, .account = "a"}                   },
        {"the short name has a value",  without_verbs,                     {"-c", ""},                            "",      {.files = true}                                      },
        {"the long name has a value",   without_verbs,                     {"--config", ""},                      "",      {.files = true}                                      },
        {"the short name has none",     without_verbs,                     {"-1", ""},                            "",      {.accounts = true}                                   },
        {"a folder for all",            without_verbs,                     {"--state-dir", ""},                   "",      {.folders = true}                                    },
        {"options alone",
         without_verbs,                                                    {"-"},
         "--config\tdefault: there\n--once\tonce\n--state-dir\tstate\n--help\tthis text\n",                                {}                                                   },
        {"an empty text",               "",                                {"a", ""},                             "",      {}                                                   },
        {"a text of brackets",          "[[ ]]] ...\n  x [\n  [\n  y ]\n", {"a", "-", ""},                        "",      {}                                                   },
};

static size_t count(const char *const *words) {
        size_t n = 0;

        while (n < 8 && words[n])
                n++;
        return n;
}

static bool same(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static void test_complete(void) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
                const char *const *words = rows[i].words;
                const UsageWish *want = &rows[i].wish;
                UsageWish wish;

                TEST_ROW(rows[i].label, usage_complete(rows[i].usage, words, count(rows[i].words),
                                                       &buffer, &wish) == 0);
                if (!bytes_equal(buffer_view(&buffer), bytes_of(rows[i].out)))
                        fprintf(stderr, "%.*s", (int) buffer.size, buffer.data);
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&buffer), bytes_of(rows[i].out)));
                TEST_ROW(rows[i].label, wish.accounts == want->accounts);
                TEST_ROW(rows[i].label, wish.mailboxes == want->mailboxes);
                TEST_ROW(rows[i].label, wish.files == want->files);
                TEST_ROW(rows[i].label, wish.folders == want->folders);
                TEST_ROW(rows[i].label, same(wish.verb, want->verb));
                TEST_ROW(rows[i].label, same(wish.account, want->account));
        }
}

/* Whatever part of a text there is, nothing is read beyond it. */
static void test_prefixes(void) {
        static const char *const words[] = {"take", "mbsync", "--from", "x", "-"};

        for (size_t n = 0; n < sizeof(with_verbs); n++)
                for (size_t n_words = 0; n_words <= ARRAY_SIZE(words); n_words++) {
                        _cleanup_free_ char *part = bytes_dup((ByteView){with_verbs, n});
                        _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
                        UsageWish wish;

                        assert(part);
                        assert(usage_complete(part, words, n_words, &buffer, &wish) == 0);
                }
}

static void test_limit(void) {
        _cleanup_(buffer_done) Buffer buffer = {.limit = 20};
        static const char *const words[] = {""};
        UsageWish wish;

        assert(usage_complete(with_verbs, words, 1, &buffer, &wish) == -E2BIG);
}

static void test_option(void) {
        static const char *const words[] = {
                "a", "--socket", "x", "--socketing=z", "--state-dir=y", "-c", "f", "--json"};

        assert(same(usage_option(words, ARRAY_SIZE(words), "--socket"), "x"));
        assert(same(usage_option(words, ARRAY_SIZE(words), "--state-dir"), "y"));
        assert(same(usage_option(words, ARRAY_SIZE(words), "-c"), "f"));
        assert(!usage_option(words, ARRAY_SIZE(words), "--json"));
        assert(!usage_option(words, ARRAY_SIZE(words), "--sock"));
        assert(!usage_option(words, 0, "--socket"));
}

int main(void) {
        test_complete();
        test_prefixes();
        test_limit();
        test_option();
        return 0;
}
