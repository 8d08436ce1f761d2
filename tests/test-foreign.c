/* Foreign text: harmless to show, cut, and never a line end. */

#include "base/foreign.h"
#include "base/macro.h"
#include "test.h"

int main(void) {
        static const struct {
                const char *label;
                ByteView text;
                size_t max;
                const char *shown;
        } rows[] = {
                {"plain",              BYTES("Mailbox is full."), 99, "Mailbox is full."  },
                {"nothing",            BYTES(""),                 99, ""                  },
                {"space at the ends",  BYTES(" \tno \r\n"),       99, "no"                },
                {"line end within",    BYTES("a\r\nb"),           99, "a\\x0d\\x0ab"      },
                {"escape sequence",    BYTES("\033[31m"),         99, "\\x1b[31m"         },
                {"NUL",                BYTES("a\0b"),             99, "a\\x00b"           },
                {"UTF-8",              BYTES("Größe"),          99, "Größe"           },
                {"not UTF-8",          BYTES("Gr\xf6\xdf"),       99, "Gr\\xf6\\xdf"      },
                {"C1 control",         BYTES("\xc2\x9b"),         99, "\\xc2\\x9b"        },
                {"written backwards",  BYTES("\xe2\x80\xaegpj"),  99, "\\xe2\\x80\\xaegpj"},
                {"isolate",            BYTES("\xe2\x81\xa6"),     99, "\\xe2\\x81\\xa6"   },
                {"Arabic letter mark", BYTES("\xd8\x9c"),         99, "\\xd8\\x9c"        },
                {"at the limit",       BYTES("abc"),              3,  "abc"               },
                {"cut",                BYTES("abcd"),             3,  "abc…"            },
                {"cut at a character", BYTES("ab\xc3\xa4"),       3,  "ab…"             },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

                assert(foreign_append(&out, rows[i].text, rows[i].max) == 0);
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&out), bytes_of(rows[i].shown)));
        }

        return 0;
}
