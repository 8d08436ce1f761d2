/* The running modseq: what may be committed at each tagged response. */

#include <inttypes.h>
#include <stdbool.h>

#include "base/macro.h"
#include "sync/modseq.h"
#include "test.h"

/* A step is a letter and a number: s SELECT's HIGHESTMODSEQ, f FETCH, c a code, t tagged (and what
 * is safe then); where nothing is told of what others change: q tagged, o that of a change of ours. */
static void run(const char *label, const char *steps) {
        Modseq modseq = {0};

        for (const char *p = steps; *p; p++) {
                char *end;
                uint64_t value = strtoull(p + 1, &end, 10);

                switch (*p) {
                case 's':
                        modseq_start(&modseq, value);
                        break;
                case 'f':
                        modseq_fetch(&modseq, value);
                        break;
                case 'c':
                        modseq_code(&modseq, value);
                        break;
                case 't':
                        modseq_tagged(&modseq, UINT64_MAX);
                        TEST_ROW(label, modseq.safe == value);
                        break;
                case 'q':
                case 'o':
                        modseq_tagged(&modseq, p[0] == 'o');
                        TEST_ROW(label, modseq.safe == value);
                        break;
                default:
                        TEST_ROW(label, false);
                }

                p = end;
                if (!*p)
                        break;
        }
}

int main(void) {
        static const struct {
                const char *label;
                const char *steps;
        } rows[] = {
                {"SELECT alone",                       "s25 t25"                },
                {"fetched below it",                   "s25 f24 t25"            },
                {"fetched above it",                   "s25 f27 f26 t27"        },
                {"not before the tagged response",     "s25 t25 f27 t27"        },
                {"a code wins over FETCH",             "s25 f30 c27 t27"        },
                {"a code before FETCH wins too",       "s25 c27 f30 t27"        },
                {"the last code wins",                 "s25 c29 c27 t27"        },
                {"a code counts once",                 "s25 f30 c27 t27 f31 t31"},
                {"FETCH counts once",                  "s25 f30 c27 t27 t27"    },
                {"no code after VANISHED: it lags",    "s25 t25 t25"            },
                {"a code may go back",                 "s25 c24 t24"            },
                {"code 0 says nothing",                "s25 c0 f26 t26"         },
                {"NOMODSEQ stays without",             "s0 f9 c9 t0"            },
                {"a new SELECT forgets what was seen", "s25 f30 s26 t26"        },
                {"of our own change alone",            "s25 c26 o26 f27 o27"    },
                {"of one that is not told before it",  "s25 c27 o25 f28 o25"    },
                {"another's, when we change nothing",  "s25 c26 q25 f26 q25"    },
                {"it may go back there too",           "s25 c24 q24"            },
                {"63 bits",                            "s9223372036854775806 f9223372036854775807 "
                            "t9223372036854775807"   },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                run(rows[i].label, rows[i].steps);

        return 0;
}
