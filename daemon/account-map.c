/*
 * An account: names that are others on the server than they were
 *
 * With other rules a mailbox of the server stands under the name of another one. To be told from that it must be
 * known by its UIDVALIDITY, which --once does not ask for each time.
 */

#include <errno.h>

#include "daemon/account-private.h"

/* The rules as a text, owned by the caller; NULL: out of memory. */
static char *rules_of(const Account *account) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;

        for (char *const *rule = account->config->map; rule && *rule; rule++)
                if (buffer_append_format(&text, "%s\n", *rule) < 0)
                        return NULL;
        return text.size > 0 ? buffer_steal_string(&text) : strdup("");
}

void account_check_map(Account *account) {
        _cleanup_free_ char *rules = rules_of(account), *before = NULL;

        if (state_db_get(account->db, "map", &before) < 0 || !rules ||
            strcmp(before ? before : "", rules) != 0)
                account->uidvalidity_usec = 0;
}

int account_save_map(Account *account) {
        _cleanup_free_ char *rules = rules_of(account);

        return rules ? state_db_set(account->db, "map", rules) : -ENOMEM;
}
