/* UID sets: text to ranges and back, merging, splitting, and a model to compare with. */

#include <errno.h>

#include "base/macro.h"
#include "imap/uid-set.h"
#include "test.h"

/* As "first:last" pairs, so that a range of one shows too. */
static void show(const UidSet *set, char *buffer, size_t size) {
        size_t used = 0;

        buffer[0] = '\0';
        for (size_t i = 0; i < set->n_ranges; i++)
                used += (size_t) snprintf(buffer + used, size - used, "%s%u:%u", i > 0 ? "," : "",
                                          set->ranges[i].first, set->ranges[i].last);
}

static void test_parse(void) {
        static const struct {
                const char *label;
                const char *text;
                int result;
                const char *ranges;
        } rows[] = {
                {"one uid",              "4",                     0,        "4:4"                  },
                {"range",                "7:9",                   0,        "7:9"                  },
                {"range backwards",      "9:7",                   0,        "7:9"                  },
                {"range of one",         "7:7",                   0,        "7:7"                  },
                {"several",              "1,3:5,9",               0,        "1:1,3:5,9:9"          },
                {"out of order",         "9,1,5",                 0,        "1:1,5:5,9:9"          },
                {"twice",                "5,5",                   0,        "5:5"                  },
                {"neighbours",           "4:5,6:7",               0,        "4:7"                  },
                {"overlap",              "3:7,5:9",               0,        "3:9"                  },
                {"one inside another",   "1:9,4",                 0,        "1:9"                  },
                {"bridge",               "1,3,2",                 0,        "1:3"                  },
                {"swallow",              "2,4,6,1:9",             0,        "1:9"                  },
                {"leading zero",         "007",                   0,        "7:7"                  },
                {"largest uid",          "4294967295",            0,        "4294967295:4294967295"},
                {"all uids",             "1:4294967295",          0,        "1:4294967295"         },
                {"largest, then before", "4294967295,4294967294", 0,        "4294967294:4294967295"},
                {"many, few ranges",     "1,2,3,4,5",             0,        "1:5"                  },
                {"uid zero",             "0",                     -EBADMSG, ""                     },
                {"range from zero",      "0:4",                   -EBADMSG, ""                     },
                {"past 32 bits",         "4294967296",            -EBADMSG, ""                     },
                {"star not resolved",    "5:*",                   -EBADMSG, ""                     },
                {"star alone",           "*",                     -EBADMSG, ""                     },
                {"empty",                "",                      -EBADMSG, ""                     },
                {"empty element",        "1,,5",                  -EBADMSG, ""                     },
                {"comma at the end",     "1,",                    -EBADMSG, ""                     },
                {"comma first",          ",1",                    -EBADMSG, ""                     },
                {"range without end",    "1:",                    -EBADMSG, ""                     },
                {"range without begin",  ":1",                    -EBADMSG, ""                     },
                {"two colons",           "1:2:3",                 -EBADMSG, ""                     },
                {"space",                "1, 2",                  -EBADMSG, ""                     },
                {"sign",                 "-1",                    -EBADMSG, ""                     },
                {"too many ranges",      "1,3,5,7",               -E2BIG,   ""                     },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(uid_set_done) UidSet set = UID_SET_NULL;
                char buffer[256];
                int r = uid_set_parse(bytes_of(rows[i].text), 3, &set);

                show(&set, buffer, sizeof(buffer));
                TEST_ROW(rows[i].label, r == rows[i].result);
                TEST_ROW(rows[i].label, strcmp(buffer, rows[i].ranges) == 0);
        }
}

/* A set has no end mark: every prefix is a set, or malformed because it ends in "," or ":". */
static void test_prefixes(void) {
        static const char whole[] = "12,20:29,31";

        for (size_t n = 0; n < sizeof(whole); n++) {
                _cleanup_(uid_set_done) UidSet set = UID_SET_NULL;
                bool cut = n == 0 || whole[n - 1] == ',' || whole[n - 1] == ':';
                int r = uid_set_parse((ByteView){whole, n}, 3, &set);

                TEST_ROW(whole, r == (cut ? -EBADMSG : 0));
        }
}

static void test_remove(void) {
        static const struct {
                const char *label;
                const char *text;
                uint32_t first, last;
                const char *ranges;
        } rows[] = {
                {"the whole",           "4:6",          4, 6,           ""                     },
                {"more than is there",  "4:6",          1, 9,           ""                     },
                {"the begin",           "4:6",          4, 4,           "5:6"                  },
                {"the end",             "4:6",          6, 6,           "4:5"                  },
                {"the middle",          "4:6",          5, 5,           "4:4,6:6"              },
                {"before",              "4:6",          1, 3,           "4:6"                  },
                {"behind",              "4:6",          7, 9,           "4:6"                  },
                {"a gap",               "1,9",          2, 8,           "1:1,9:9"              },
                {"across ranges",       "1:3,5,7:9",    2, 8,           "1:1,9:9"              },
                {"one of several",      "1,3,5",        3, 3,           "1:1,5:5"              },
                {"from nothing",        "",             1, UID_MAX,     ""                     },
                {"up to the largest",   "1:4294967295", 2, UID_MAX,     "1:1"                  },
                {"all but the largest", "1:4294967295", 1, UID_MAX - 1, "4294967295:4294967295"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(uid_set_done) UidSet set = UID_SET_NULL;
                char buffer[256];

                if (rows[i].text[0] != '\0')
                        TEST_ROW(rows[i].label,
                                 uid_set_parse(bytes_of(rows[i].text), 9, &set) == 0);
                TEST_ROW(rows[i].label, uid_set_remove(&set, rows[i].first, rows[i].last) == 0);
                show(&set, buffer, sizeof(buffer));
                TEST_ROW(rows[i].label, strcmp(buffer, rows[i].ranges) == 0);
        }
}

/* Every add and remove of a small universe, in a fixed order that looks random, against a bit map. */
static void test_model(void) {
        enum { UNIVERSE = 64, STEPS = 20000 };
        _cleanup_(uid_set_done) UidSet set = UID_SET_NULL;
        bool model[UNIVERSE + 1] = {false};
        uint32_t random = 1;

        for (unsigned step = 0; step < STEPS; step++) {
                uint32_t first, last;
                uint64_t count = 0;
                bool add;

                random = random * 1664525 + 1013904223;
                first = 1 + (random >> 8) % UNIVERSE;
                last = MIN(first + (random >> 16) % 8, (uint32_t) UNIVERSE);
                add = (random >> 24) % 2;

                assert((add ? uid_set_add : uid_set_remove)(&set, first, last) == 0);
                for (uint32_t uid = first; uid <= last; uid++)
                        model[uid] = add;

                for (uint32_t uid = 1; uid <= UNIVERSE; uid++) {
                        assert(uid_set_contains(&set, uid) == model[uid]);
                        count += model[uid];
                }
                assert(uid_set_count(&set) == count);
                assert(uid_set_is_empty(&set) == (count == 0));
                for (size_t i = 1; i < set.n_ranges; i++)
                        assert(set.ranges[i].first > set.ranges[i - 1].last + 1);
        }
}

static void test_contains(void) {
        static const struct {
                const char *label;
                const char *text;
                uint32_t uid;
                bool contains;
        } rows[] = {
                {"begin of a range",    "4:6,9",        4,       true },
                {"end of a range",      "4:6,9",        6,       true },
                {"before all",          "4:6,9",        3,       false},
                {"in a gap",            "4:6,9",        7,       false},
                {"range of one",        "4:6,9",        9,       true },
                {"behind all",          "4:6,9",        10,      false},
                {"largest of all uids", "1:4294967295", UID_MAX, true },
                {"zero is no uid",      "1:4294967295", 0,       false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(uid_set_done) UidSet set = UID_SET_NULL;

                TEST_ROW(rows[i].label, uid_set_parse(bytes_of(rows[i].text), 3, &set) == 0);
                TEST_ROW(rows[i].label, uid_set_contains(&set, rows[i].uid) == rows[i].contains);
        }
}

static void test_count(void) {
        _cleanup_(uid_set_done) UidSet set = UID_SET_NULL;

        assert(uid_set_count(&set) == 0 && uid_set_is_empty(&set));
        assert(uid_set_add(&set, 1, UID_MAX) == 0);
        assert(uid_set_count(&set) == UID_MAX);
        assert(uid_set_remove(&set, 10, 19) == 0);
        assert(uid_set_count(&set) == UID_MAX - 10u);
        assert(set.n_ranges == 2);
}

/* The pieces of a large set, one after the other, are the set. */
static void test_format_pieces(void) {
        _cleanup_(uid_set_done) UidSet set = UID_SET_NULL;

        for (uint32_t i = 0; i < 500; i++)
                assert(uid_set_add(&set, UID_MAX - 4 * i - 1, UID_MAX - 4 * i) == 0);

        for (size_t max = 21; max < 8192; max = max * 2 + 1) {
                _cleanup_(uid_set_done) UidSet again = UID_SET_NULL;
                size_t index = 0;

                while (index < set.n_ranges) {
                        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
                        _cleanup_(uid_set_done) UidSet piece = UID_SET_NULL;
                        const size_t before = index;

                        assert(uid_set_format(&set, &index, max, &text) == 0);
                        assert(index > before && text.size <= max);
                        assert(uid_set_parse(buffer_view(&text), 500, &piece) == 0);
                        assert(piece.n_ranges == index - before);
                        for (size_t i = 0; i < piece.n_ranges; i++)
                                assert(uid_set_add(&again, piece.ranges[i].first,
                                                   piece.ranges[i].last) == 0);
                }

                assert(again.n_ranges == set.n_ranges);
                assert(memcmp(again.ranges, set.ranges, set.n_ranges * sizeof(UidRange)) == 0);
        }
}

static void test_format(void) {
        _cleanup_(uid_set_done) UidSet set = UID_SET_NULL;
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        Buffer small = {.limit = 10};
        size_t index = 0;

        assert(uid_set_parse(BYTES("7:9,4,12:4294967295"), 3, &set) == 0);
        assert(buffer_append_string(&out, "UID FETCH ") == 0);
        assert(uid_set_format(&set, &index, 100, &out) == 0);
        assert(index == 3);
        assert(bytes_equal(buffer_view(&out), BYTES("UID FETCH 4,7:9,12:4294967295")));

        assert(uid_set_format(&set, &index, 100, &out) == 0); /* nothing is left */
        assert(index == 3 && out.size == strlen("UID FETCH 4,7:9,12:4294967295"));

        index = 0;
        assert(uid_set_format(&set, &index, 100, &small) == -E2BIG);
        assert(index == 0 && small.size == 0);
        buffer_done(&small);
}

int main(void) {
        test_parse();
        test_prefixes();
        test_remove();
        test_model();
        test_contains();
        test_count();
        test_format_pieces();
        test_format();
        return 0;
}
