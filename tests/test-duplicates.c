/* What is in a folder twice, in one part and in many: the same is found. And what explain takes for a UID. */

#include <errno.h>
#include <sys/stat.h>

#include "base/macro.h"
#include "ctl/duplicates.h"
#include "ctl/explain.h"
#include "test-tree.h"
#include "test.h"

static const struct {
        const char *name, *content;
} files[] = {
        {"new/a1",        "Message-ID: <a@x>\n\nbody\n"                },
        {"cur/a2:2,S",    "Message-ID: <a@x>\n\nbody\n"                },
        {"cur/a3:2,",     "message-id:\n <a@x>\n\nbody\n"              },
        {"cur/other",     "Message-ID: <a@x>\n\nbodies\n"              },
        {"cur/alike1",    "Subject: s\nMessage-Id: <b@x>\r\n\r\nbody 1"},
        {"cur/alike2",    "Subject: s\nMessage-Id: <b@x>\r\n\r\nbody 2"},
        {"cur/no-id-1",   "Subject: none\n\nMessage-ID: <in@body>\n"   },
        {"cur/no-id-2",   "Subject: none\n\nMessage-ID: <in@body>\n"   },
        {"cur/alone",     "Message-ID: <c@x>\n\nbody\n"                },
        {"cur/empty",     ""                                           },
        {"cur/no-header", "\nbody"                                     },
        {"cur/.hidden",   "Message-ID: <a@x>\n\nbody\n"                },
};

typedef struct Sum {
        unsigned n_same, n_same_files, n_alike;
        bool saw_a, saw_no_id;
} Sum;

static int add(const Duplicates *duplicates, void *userdata) {
        Sum *sum = userdata;

        if (duplicates->is_same) {
                sum->n_same++;
                sum->n_same_files += (unsigned) duplicates->n_files;
        } else
                sum->n_alike++;
        sum->saw_a |= strcmp(duplicates->message_id, "<a@x>") == 0;
        sum->saw_no_id |= duplicates->message_id[0] == '\0';
        assert(duplicates->size > 0 && duplicates->n_files > 1);
        return 0;
}

static void make_tree(const TestTree *tree) {
        static const char *const folders[] = {"new", "cur", "tmp", "cur/folder"};

        for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
                _cleanup_free_ char *path = test_tree_path(tree, folders[i]);

                assert(mkdir(path, 0700) == 0);
        }
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                _cleanup_free_ char *path = test_tree_path(tree, files[i].name);
                FILE *file = fopen(path, "we");

                assert(file && fputs(files[i].content, file) >= 0 && fclose(file) == 0);
        }
}

static void test_find(void) {
        TestTree tree = test_tree_new();
        static const size_t marks[] = {1000, 24, 8, 5};

        make_tree(&tree);
        for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
                Sum sum = {};

                assert(duplicates_find(tree.path, marks[i], add, &sum) == 0);
                assert(sum.n_same == 2 && sum.n_same_files == 4 && sum.n_alike == 1);
                assert(sum.saw_a && sum.saw_no_id);
        }
        assert(duplicates_find("/nowhere/at/all", 10, add, NULL) == -ENOENT);
        test_tree_done(&tree);
}

static void test_parse(void) {
        static const struct {
                const char *word;
                int result;
                uint32_t uid;
                const char *file;
        } rows[] = {
                {"1",                 0,       1,          ""                },
                {"4294967295",        0,       UINT32_MAX, ""                },
                {"4294967296",        -EINVAL, 0,          NULL              },
                {"0",                 -EINVAL, 0,          NULL              },
                {"",                  -EINVAL, 0,          NULL              },
                {"cur/",              -EINVAL, 0,          NULL              },
                {"17.M1P2.host:2,S",  0,       0,          "17.M1P2.host:2,S"},
                {"/m/INBOX/cur/17.x", 0,       0,          "17.x"            },
                {"./17",              0,       0,          "17"              },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *file = NULL;
                uint32_t uid = 7;

                TEST_ROW(rows[i].word, explain_parse(rows[i].word, &uid, &file) == rows[i].result);
                if (rows[i].result == 0)
                        TEST_ROW(rows[i].word,
                                 uid == rows[i].uid && strcmp(file, rows[i].file) == 0);
        }
}

static void test_find_file(void) {
        static const struct {
                const char *base, *found;
        } rows[] = {
                {"a1",      "new/a1"    },
                {"a2",      "cur/a2:2,S"},
                {"a3",      "cur/a3:2," },
                {"a",       NULL        },
                {"nothing", NULL        },
        };
        TestTree tree = test_tree_new();

        make_tree(&tree);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_free_ char *found = explain_find_file(tree.path, rows[i].base);

                TEST_ROW(rows[i].base, found ? rows[i].found && strcmp(found, rows[i].found) == 0
                                             : !rows[i].found);
        }
        test_tree_done(&tree);
}

int main(void) {
        test_find();
        test_parse();
        test_find_file();
        return 0;
}
