/* Quirks: which server has which. */

#include <assert.h>

#include "base/macro.h"
#include "imap/capability.h"
#include "imap/quirk.h"

static_assert(_IMAP_QUIRK_MAX <= 32, "a quirk is one bit of 32");

#define Q(name) IMAP_QUIRK_BIT(IMAP_QUIRK_##name)

static const struct {
        const char *name;
        uint64_t unusable; /* capabilities that go with it */
} quirks[_IMAP_QUIRK_MAX] = {
        [IMAP_QUIRK_NOTIFY_GOES_QUIET] = {"notify-goes-quiet",     0                                      },
        [IMAP_QUIRK_ONE_AT_A_TIME] = {"one-at-a-time",         0                                      },
        [IMAP_QUIRK_WANTS_ID] = {"wants-id",              0                                      },
        [IMAP_QUIRK_LATE_CAPABILITIES] = {"late-capabilities",     0                                      },
        [IMAP_QUIRK_BROKEN_QRESYNC] = {"broken-qresync",        (uint64_t) 1 << IMAP_CAPABILITY_QRESYNC},
        [IMAP_QUIRK_BROKEN_ESEARCH] = {"broken-esearch",        (uint64_t) 1 << IMAP_CAPABILITY_ESEARCH},
        [IMAP_QUIRK_BROKEN_MOVE] = {"broken-move",           (uint64_t) 1 << IMAP_CAPABILITY_MOVE   },
        [IMAP_QUIRK_BROKEN_UIDPLUS] = {"broken-uidplus",        (uint64_t) 1 << IMAP_CAPABILITY_UIDPLUS},
        [IMAP_QUIRK_APPEND_LOSES_FLAGS] = {"append-loses-flags",    0                                      },
        [IMAP_QUIRK_NO_MDNSENT] = {"no-mdnsent",            0                                      },
        [IMAP_QUIRK_WRONG_SIZE] = {"wrong-size",            0                                      },
        [IMAP_QUIRK_PLACEHOLDER_BODIES] = {"placeholder-bodies",    0                                      },
        [IMAP_QUIRK_UIDVALIDITY_BY_SELECT] = {"uidvalidity-by-select", 0                                      },
        [IMAP_QUIRK_LISTS_LOCKS] = {"lists-locks",           0                                      },
        [IMAP_QUIRK_LOGIN_ALONE] = {"login-alone",           0                                      },
        [IMAP_QUIRK_MAILBOXID_BY_SELECT] = {"mailboxid-by-select",   0                                      },
        [IMAP_QUIRK_RENAME_RENUMBERS] = {"rename-renumbers",      0                                      },
};

/* Outlook's servers, whatever they are called where they stand. */
#define EXCHANGE                                                                                   \
        (Q(ONE_AT_A_TIME) | Q(APPEND_LOSES_FLAGS) | Q(NO_MDNSENT) | Q(WRONG_SIZE) |                \
         Q(PLACEHOLDER_BODIES))

/*
 * One row for each way to recognise a server; all that match count. Texts are looked for in any case
 * and anywhere, a host at the end of the name.
 *
 * Sources: Dovecot was seen (2.3.19), and so were Courier's greeting, login and RENAME (5.0) and Cyrus
 * (3.6), whose STATUS gives bytes of its memory for the MAILBOXID. Exchange: mbsync(1) (PipelineDepth) for its answers; imapsync's FAQ.Office365 for flags and $MDNSent;
 * evolution-data-server's camel-imapx-server.c for sizes; OfflineIMAP issue 62 for placeholders.
 * iCloud: Mailspring-Sync issue 91 and MailKit issue 1871 for the proxy, nextcloud/mail issue 3401 for
 * QRESYNC, horde/Imap_Client issue 17 for ESEARCH. NetEase: nextcloud/mail issue 12151, modern-email
 * defect 25. Proton Bridge: proton-bridge issues 123, 170 and 220. Courier: offlineimap3's
 * folder/IMAP.py and isync's drv_imap.c. Yahoo Japan: FairEmail's EmailService.
 */
static const struct {
        const char *greeting, *id, *host;
        ImapQuirks quirks;
} table[] = {
        {.greeting = "dovecot",            .quirks = Q(NOTIFY_GOES_QUIET)                        },
        {.id = "dovecot",                  .quirks = Q(NOTIFY_GOES_QUIET)                        },

        {.greeting = "microsoft exchange", .quirks = EXCHANGE                                    },
        {.id = "microsoft.exchange",       .quirks = EXCHANGE                                    },
        {.host = "outlook.office365.com",  .quirks = EXCHANGE                                    },
        {.host = "imap-mail.outlook.com",  .quirks = EXCHANGE                                    },

        {.host = "imap.mail.me.com",
         .quirks = Q(LATE_CAPABILITIES) | Q(BROKEN_QRESYNC) | Q(BROKEN_ESEARCH)                  },

        {.greeting = "coremail",           .quirks = Q(WANTS_ID)                                 },
        {.host = "imap.163.com",           .quirks = Q(WANTS_ID)                                 },
        {.host = "imap.126.com",           .quirks = Q(WANTS_ID)                                 },
        {.host = "imap.yeah.net",          .quirks = Q(WANTS_ID)                                 },
        {.host = "imap.188.com",           .quirks = Q(WANTS_ID)                                 },

        {.greeting = "proton mail bridge", .quirks = Q(BROKEN_UIDPLUS)                           },
        {.id = "proton",                   .quirks = Q(BROKEN_UIDPLUS)                           },

        {.greeting = "courier-imap",
         .quirks =
                 Q(UIDVALIDITY_BY_SELECT) | Q(LISTS_LOCKS) | Q(LOGIN_ALONE) | Q(RENAME_RENUMBERS)},

        {.greeting = "cyrus imap",         .quirks = Q(MAILBOXID_BY_SELECT)                      },
        {.id = "cyrus",                    .quirks = Q(MAILBOXID_BY_SELECT)                      },

        {.host = "imap.mail.yahoo.co.jp",  .quirks = Q(BROKEN_MOVE)                              },
};

static bool contains_fold(ByteView text, const char *part) {
        const ByteView needle = bytes_of(part);

        for (size_t i = 0; i + needle.size <= text.size; i++)
                if (bytes_starts_fold((ByteView){text.data + i, text.size - i}, needle))
                        return true;
        return false;
}

/* The host itself, or one below it. */
static bool is_host(ByteView host, const char *name) {
        const ByteView tail = bytes_of(name);

        if (host.size < tail.size)
                return false;
        if (host.size > tail.size && host.data[host.size - tail.size - 1] != '.')
                return false;
        return bytes_equal_fold((ByteView){host.data + host.size - tail.size, tail.size}, tail);
}

const char *imap_quirk_name(ImapQuirk quirk) {
        return quirks[quirk].name;
}

ImapQuirk imap_quirk_find(ByteView name) {
        unsigned i = 0;

        while (i < _IMAP_QUIRK_MAX && !bytes_equal_fold(name, bytes_of(quirks[i].name)))
                i++;
        return (ImapQuirk) i;
}

ImapQuirks imap_quirks_of(const ImapServer *server, const ImapOverrides *overrides) {
        ImapQuirks found = 0;

        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if ((table[i].greeting && contains_fold(server->greeting, table[i].greeting)) ||
                    (table[i].id && contains_fold(server->id, table[i].id)) ||
                    (table[i].host && is_host(server->host, table[i].host)))
                        found |= table[i].quirks;

        return (found & ~overrides->off) | overrides->on;
}

uint64_t imap_quirks_unusable(ImapQuirks has, const ImapOverrides *overrides) {
        uint64_t unusable = overrides->disabled;

        for (unsigned i = 0; i < _IMAP_QUIRK_MAX; i++)
                if (imap_quirks_have(has, (ImapQuirk) i))
                        unusable |= quirks[i].unusable;
        return unusable;
}

unsigned imap_quirks_n_commands(ImapQuirks has, const ImapOverrides *overrides) {
        if (overrides->n_commands > 0)
                return overrides->n_commands;

        return imap_quirks_have(has, IMAP_QUIRK_ONE_AT_A_TIME) ? 1 : 0;
}

int imap_quirks_format(ImapQuirks has, Buffer *out) {
        const size_t start = out->size;
        int r = 0;

        for (unsigned i = 0; i < _IMAP_QUIRK_MAX && r == 0; i++)
                if (imap_quirks_have(has, (ImapQuirk) i))
                        r = buffer_append_format(out, "%s%s", out->size > start ? " " : "",
                                                 quirks[i].name);
        return r;
}
