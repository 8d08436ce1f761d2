#pragma once

/*
 * The daemon takes the account up: the unit is enabled and started, or, where it runs, told to read its
 * configuration
 */

#include "ctl/setup-secret.h"

typedef enum UnitOutcome {
        UNIT_STARTED,  /* enabled, and running */
        UNIT_RELOADED, /* it ran already and has read the new configuration */
        UNIT_ABSENT,   /* there is no service manager of this user, or no such unit */
        UNIT_FAILED,   /* after a sentence on stderr */
} UnitOutcome;

/* @place: a SECRET_CREDENTIAL is handed to the unit by a file of its own. */
UnitOutcome unit_take_up(const SecretPlace *place);
