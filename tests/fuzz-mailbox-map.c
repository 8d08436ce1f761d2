/*
 * Fuzz the rules of names: a name that has a counterpart is that one's, and no two names have the same one. Lines of
 * rules, then a line with a name, and another one.
 */

#include "base/macro.h"
#include "imap/mailbox-map.h"
#include "imap/mailbox-name.h"
#include "test.h"

#define MAX_RULES 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(char *const *rules, const char *name,
                  int (*to)(char *const *rules, const char *name, char **ret_name),
                  int (*back)(char *const *rules, const char *name, char **ret_name)) {
        _cleanup_free_ char *other = NULL, *again = NULL;

        if (to(rules, name, &other) != 0) {
                assert(!other);
                return;
        }
        assert(back(rules, other, &again) == 0 && strcmp(again, name) == 0);
        assert((strcmp(name, "INBOX") == 0) == (strcmp(other, "INBOX") == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = bytes_dup((ByteView){(const char *) data, size});
        char *rules[MAX_RULES + 1] = {NULL};
        size_t n = 0;

        assert(text);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
                if (n < MAX_RULES && mailbox_map_check(rules, line) == 0)
                        rules[n++] = line;
                else if (mailbox_name_check(line) == 0) {
                        check(rules, line, mailbox_map_here, mailbox_map_there);
                        check(rules, line, mailbox_map_there, mailbox_map_here);
                }
        return 0;
}
