/* Mailboxes that have another name on the server than here. */

#include <errno.h>
#include <stdlib.h>

#include "base/macro.h"
#include "imap/mailbox-map.h"
#include "imap/mailbox-name.h"

static const char arrow[] = " -> ";

typedef struct Rule {
        ByteView there, here;
} Rule;

static ByteView strip(const char *text, size_t size) {
        while (size > 0 && (*text == ' ' || *text == '\t')) {
                text++;
                size--;
        }
        while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
                size--;
        return (ByteView){text, size};
}

static bool split(const char *rule, Rule *ret_rule) {
        const char *at = strstr(rule, arrow);

        if (!at)
                return false;
        *ret_rule = (Rule){
                .there = strip(rule, (size_t) (at - rule)),
                .here = strip(at + strlen(arrow), strlen(at + strlen(arrow))),
        };
        return true;
}

/* Is it this mailbox, or one below it? */
static bool is_within(const char *name, ByteView mailbox) {
        return strncmp(name, mailbox.data, mailbox.size) == 0 &&
               (name[mailbox.size] == '\0' || name[mailbox.size] == '/');
}

static char *join(ByteView start, const char *rest) {
        const size_t size = strlen(rest);
        char *name = malloc(start.size + size + 1);

        if (!name)
                return NULL;
        memcpy(name, start.data, start.size);
        memcpy(name + start.size, rest, size + 1);
        return name;
}

/* As the longest rule that fits has it. @more: one rule more; may be NULL. */
static char *map(char *const *rules, const char *more, bool to_here, const char *name) {
        ByteView from = BYTES_NULL, to = BYTES_NULL;
        Rule rule;

        for (size_t i = 0;; i++) {
                const bool is_last = !rules || !rules[i];
                const char *text = is_last ? more : rules[i];

                if (text && split(text, &rule)) {
                        const ByteView own = to_here ? rule.there : rule.here;

                        if (own.size > from.size && is_within(name, own)) {
                                from = own;
                                to = to_here ? rule.here : rule.there;
                        }
                }
                if (is_last)
                        break;
        }
        return from.size > 0 ? join(to, name + from.size) : bytes_dup(bytes_of(name));
}

static int map_and_back(char *const *rules, const char *more, bool to_here, const char *name,
                        char **ret_name) {
        _cleanup_free_ char *other = map(rules, more, to_here, name), *back = NULL;

        if (other)
                back = map(rules, more, !to_here, other);
        if (!other || !back)
                return -ENOMEM;
        if (strcmp(back, name) != 0)
                return MAILBOX_MAP_E_TAKEN;
        if (ret_name)
                *ret_name = TAKE_PTR(other);
        return 0;
}

static int check_name(ByteView name) {
        _cleanup_free_ char *copy = bytes_dup(name);

        if (!copy)
                return -ENOMEM;
        return mailbox_name_check(copy) != 0 || strcmp(copy, "INBOX") == 0 ? MAILBOX_MAP_E_RULE : 0;
}

/* Does it lead from one name to the other, and back? */
static int check_ends(char *const *rules, const char *more, const Rule *rule) {
        _cleanup_free_ char *there = bytes_dup(rule->there), *here = NULL;
        int r;

        if (!there)
                return -ENOMEM;
        r = map_and_back(rules, more, true, there, &here);
        if (r != 0)
                return r;
        return bytes_equal(bytes_of(here), rule->here) ? 0 : MAILBOX_MAP_E_TAKEN;
}

int mailbox_map_check(char *const *rules, const char *text) {
        Rule rule;
        int r;

        if (!split(text, &rule))
                return MAILBOX_MAP_E_RULE;
        r = check_name(rule.there);
        if (r == 0)
                r = check_name(rule.here);
        if (r == 0)
                r = check_ends(rules, text, &rule);
        for (size_t i = 0; r == 0 && rules && rules[i]; i++)
                if (split(rules[i], &rule)) /* it must not take the name of an earlier one */
                        r = check_ends(rules, text, &rule);
        return r;
}

int mailbox_map_here(char *const *rules, const char *there, char **ret_here) {
        return map_and_back(rules, NULL, true, there, ret_here);
}

int mailbox_map_there(char *const *rules, const char *here, char **ret_there) {
        return map_and_back(rules, NULL, false, here, ret_there);
}
