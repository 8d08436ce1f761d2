/* How things are, in words. */

#include <stdlib.h>

#include "daemon/status.h"

const char *account_state_name(AccountState state) {
        switch (state) {
        case ACCOUNT_STATE_STARTING:
                return "starting";
        case ACCOUNT_STATE_CONNECTING:
                return "connecting";
        case ACCOUNT_STATE_SYNCING:
                return "syncing";
        case ACCOUNT_STATE_IN_SYNC:
                return "in sync";
        case ACCOUNT_STATE_WAITING:
                return "waiting";
        case ACCOUNT_STATE_REFUSED:
                return "refused";
        case ACCOUNT_STATE_PAUSED:
                return "paused";
        case ACCOUNT_STATE_OFFLINE:
                return "offline";
        case _ACCOUNT_STATE_MAX:
                break;
        }

        abort(); /* the switch is complete */
}
