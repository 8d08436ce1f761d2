#pragma once

/* What "imapsyncctl import --json" prints; its fields are in imapsyncctl(1). */

#include "base/bytes.h"
#include "import/import.h"

typedef struct ImportOutcome {
        const char *config, *state_dir; /* where what is written goes */
        bool written;                   /* else it was a dry run */
} ImportOutcome;

/* One line. Return: 0, -ENOMEM. */
int import_format_json(const Import *import, const ImportOutcome *outcome, Buffer *buffer);
