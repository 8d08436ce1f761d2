/* Quirks: which server has which. */

#include <string.h>

#include "base/macro.h"
#include "imap/quirk.h"

#define BIT(quirk) ((ImapQuirks) 1 << (quirk))

static const struct {
        const char *greeting; /* is part of it, in any case */
        ImapQuirks quirks;
} quirk_table[] = {
        {"dovecot", BIT(IMAP_QUIRK_NOTIFY_GOES_QUIET)}, /* seen: 2.3.19 */
};

static bool contains_fold(ByteView text, const char *part) {
        const ByteView needle = bytes_of(part);

        for (size_t i = 0; i + needle.size <= text.size; i++)
                if (bytes_starts_fold((ByteView){text.data + i, text.size - i}, needle))
                        return true;
        return false;
}

ImapQuirks imap_quirks_of(ByteView greeting) {
        ImapQuirks quirks = 0;

        for (size_t i = 0; i < ARRAY_SIZE(quirk_table); i++)
                if (contains_fold(greeting, quirk_table[i].greeting))
                        quirks |= quirk_table[i].quirks;
        return quirks;
}
