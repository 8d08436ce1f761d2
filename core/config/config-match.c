/* Which mailboxes an account synchronises. */

#include "config/config.h"
#include "imap/mailbox-name.h"

bool account_config_wants(const AccountConfig *account, const char *mailbox) {
        char *const *patterns = account->mailboxes;
        bool wanted;

        if (!patterns)
                return true;

        /* A list that begins by excluding something excludes it from all there is. */
        wanted = patterns[0][0] == '!';
        for (; *patterns; patterns++) {
                bool excludes = (*patterns)[0] == '!';

                if (mailbox_name_matches(*patterns + excludes, mailbox))
                        wanted = !excludes;
        }

        return wanted;
}
