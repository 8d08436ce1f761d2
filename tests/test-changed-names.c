/* The names that changed: one for each base, the latest fate, and an end to their number. */

#include "base/macro.h"
#include "daemon/changed-names.h"
#include "test.h"

/* "+cur/1:2,S -new/2": came and gone, in order of their last change. */
static void show(const ChangedNames *names, Buffer *out) {
        ByteView records = buffer_view(&names->records);
        const char *name;
        MaildirFate fate;
        MaildirSub sub;

        while (changed_names_next(&records, &fate, &sub, &name) > 0)
                assert(buffer_append_format(out, "%s%c%s/%s", out->size > 0 ? " " : "",
                                            fate == MAILDIR_GONE ? '-' : '+',
                                            sub == MAILDIR_CUR ? "cur" : "new", name) == 0);
}

static void test_merge(void) {
        static const struct {
                const char *label;
                const char *events; /* in the same form */
                const char *expected;
        } rows[] = {
                {"nothing",                 "",                                            ""                },
                {"came",                    "+new/1",                                      "+new/1"          },
                {"gone",                    "-cur/1:2,S",                                  "-cur/1:2,S"      },
                {"two messages",            "+new/1 -cur/2:2,",                            "+new/1 -cur/2:2,"},
                {"flags changed",           "-cur/1:2, +cur/1:2,S",                        "+cur/1:2,S"      },
                {"seen",                    "-new/1 +cur/1:2,S",                           "+cur/1:2,S"      },
                {"flags changed twice",     "-cur/1:2, +cur/1:2,S -cur/1:2,S +cur/1:2,FS",
                 "+cur/1:2,FS"                                                                               },
                {"came and went",           "+new/1 -new/1",                               "-new/1"          },
                {"came, seen, went",        "+new/1 -new/1 +cur/1:2,S -cur/1:2,S",         "-cur/1:2,S"      },
                {"went and came again",     "-cur/1:2,S +cur/1:2,S",                       "+cur/1:2,S"      },
                {"one of two copies went",  "+cur/1:2,S -cur/1:2,",                        "+cur/1:2,S"      },
                {"the same name in new",    "+cur/1 -new/1",                               "+cur/1"          },
                {"both copies went",        "-cur/1:2,S -cur/1:2,",                        "-cur/1:2,S"      },
                {"others in between",       "+new/1 +new/2 -new/1",                        "+new/2 -new/1"   },
                {"begin of another's base", "+new/1 +new/11",                              "+new/1 +new/11"  },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(changed_names_done) ChangedNames names = CHANGED_NAMES_NULL;
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
                _cleanup_free_ char *events = bytes_dup(bytes_of(rows[i].events));
                char *saved = NULL;

                for (char *p = strtok_r(events, " ", &saved); p; p = strtok_r(NULL, " ", &saved))
                        changed_names_add(&names, p[0] == '-' ? MAILDIR_GONE : MAILDIR_CAME,
                                          p[1] == 'c' ? MAILDIR_CUR : MAILDIR_NEW, p + 5);
                show(&names, &out);
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&out), bytes_of(rows[i].expected)));
                TEST_ROW(rows[i].label, !names.more);
        }
}

static void test_limit(void) {
        _cleanup_(changed_names_done) ChangedNames names = CHANGED_NAMES_NULL;
        char name[32];

        for (unsigned i = 0; i < CHANGED_NAMES_MAX; i++) {
                assert(snprintf(name, sizeof(name), "%u:2,", i) > 0);
                changed_names_add(&names, MAILDIR_CAME, MAILDIR_CUR, name);
        }
        assert(!names.more && names.n_records == CHANGED_NAMES_MAX);

        /* a base that is known already takes no room */
        changed_names_add(&names, MAILDIR_CAME, MAILDIR_CUR, "7:2,S");
        assert(!names.more && names.n_records == CHANGED_NAMES_MAX);

        changed_names_add(&names, MAILDIR_CAME, MAILDIR_CUR, "one too many");
        assert(names.more && names.n_records == 0 && names.records.capacity == 0);
        changed_names_add(&names, MAILDIR_CAME, MAILDIR_CUR, "again");
        assert(names.more && names.n_records == 0);
}

int main(void) {
        test_merge();
        test_limit();
        return 0;
}
