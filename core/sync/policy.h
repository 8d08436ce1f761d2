#pragma once

/*
 * The power policy: what an account may cost, by how the machine is fed and connected (pure)
 *
 * A table of rows, each what holds in one situation. Situations come together (on battery and on a
 * metered link); then the strictest value of each column holds. The row POLICY_AC always holds, so that
 * no other row can allow more than it does.
 */

#include <stdbool.h>
#include <stdint.h>

typedef enum PolicyRow {
        POLICY_AC,      /* mains power, a link that costs nothing */
        POLICY_BATTERY, /* on battery */
        POLICY_LOW,     /* the battery is low, or the power-saver profile is chosen */
        POLICY_METERED, /* the link is paid for by the byte */
        _POLICY_MAX,
} PolicyRow;

/* Strictest first. */
typedef enum PolicyIdle {
        POLICY_IDLE_NO,    /* poll */
        POLICY_IDLE_QUIET, /* unless the server chatters meanwhile */
        POLICY_IDLE_YES,
} PolicyIdle;

typedef struct Policy {
        uint64_t poll_interval_usec; /* never more often than this */
        uint64_t upload_delay_usec;  /* local changes are gathered for so long before they go up */
        uint64_t max_body;           /* bodies above this are deferred, bytes; 0: no limit */
        PolicyIdle idle;
        bool scan_flags; /* go through old flags, where a server does not tell of them */
        bool all_mailboxes; /* else INBOX alone is kept fresh, and what the server tells of by itself */
} Policy;

/* What the machine says of itself. All false: mains power, or a machine that does not say. */
typedef struct Surroundings {
        bool on_battery;
        bool is_low; /* of the battery; or power is to be saved */
        bool is_metered;
} Surroundings;

/* "ac", "battery", "low", "metered". */
const char *policy_row_name(PolicyRow row);

/* The table as it is without a configuration: imapsyncd.conf(5) has it. */
extern const Policy policy_defaults[_POLICY_MAX];

/* Which rows hold? A bit (1 << row) for each; POLICY_AC always. */
unsigned policy_rows(const Surroundings *surroundings);

/* The strictest of each column of those rows. @rows: 0 is as POLICY_AC alone. */
Policy policy_choose(const Policy table[static _POLICY_MAX], unsigned rows);
