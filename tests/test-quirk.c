/* Quirks: who is recognised by what, and what that means. */

#include "base/macro.h"
#include "imap/capability.h"
#include "imap/quirk.h"
#include "test.h"

static const ImapOverrides no_overrides;

static void test_recognition(void) {
        /* clang-format off */
        static const struct {
                const char *label, *host, *greeting, *id;
                const char *quirks;
        } rows[] = {
                {"nobody in particular", "imap.example.org", "IMAP4rev1 ready", "example", ""},
                {"nothing known", NULL, NULL, NULL, ""},
                {"Dovecot", "imap.example.org", "Dovecot (Debian) ready.", NULL, "notify-goes-quiet"},
                {"Dovecot, with a greeting of its own", "imap.example.org", "Welcome", "Dovecot",
                 "notify-goes-quiet"},
                {"Exchange by greeting", "mail.example.org",
                 "The Microsoft Exchange IMAP4 service is ready. [TABPADUAUAAxAEMA]", NULL,
                 "one-at-a-time append-loses-flags no-mdnsent wrong-size placeholder-bodies"},
                {"Exchange by ID", "mail.example.org", "Hello", "Microsoft.Exchange.Imap4.Imap4Server",
                 "one-at-a-time append-loses-flags no-mdnsent wrong-size placeholder-bodies"},
                {"Microsoft 365 by host", "outlook.office365.com", NULL, NULL,
                 "one-at-a-time append-loses-flags no-mdnsent wrong-size placeholder-bodies"},
                {"iCloud", "imap.mail.me.com", "ready", NULL,
                 "late-capabilities broken-qresync broken-esearch"},
                {"iCloud, by the name of one machine", "p55-IMAP.mail.me.com", NULL, NULL, ""},
                {"a host below", "p55.imap.mail.me.com", NULL, NULL,
                 "late-capabilities broken-qresync broken-esearch"},
                {"a host that only ends so", "notimap.mail.me.com", NULL, NULL, ""},
                {"NetEase by host", "IMAP.163.com", "OK", NULL, "wants-id"},
                {"NetEase 126", "imap.126.com", NULL, NULL, "wants-id"},
                {"NetEase yeah", "imap.yeah.net", NULL, NULL, "wants-id"},
                {"NetEase 188", "imap.188.com", NULL, NULL, "wants-id"},
                {"Coremail of a company", "imap.example.cn",
                 "Coremail System IMap Server Ready(163com[726cd8])", NULL, "wants-id"},
                {"Proton Bridge", "127.0.0.1", "Proton Mail Bridge 03.04.01 - gluon session ID 1",
                 NULL, "broken-uidplus"},
                {"Proton Bridge before 3", "127.0.0.1", "IMAP4rev1 Service Ready", "ProtonMail",
                 "broken-uidplus"},
                {"Courier", "imap.example.org",
                 "Courier-IMAP ready. Copyright 1998-2018 Double Precision, Inc.", NULL,
                 "uidvalidity-by-select lists-locks login-alone rename-renumbers"},
                {"Cyrus by greeting", "imap.example.org",
                 "mail Cyrus IMAP 3.6.1-Debian-3.6.1-4+deb12u4 server ready", NULL,
                 "mailboxid-by-select"},
                {"Cyrus by ID", "imap.example.org", "Hello", "Cyrus IMAPD", "mailboxid-by-select"},
                {"Yahoo Japan", "imap.mail.yahoo.co.jp", NULL, NULL, "broken-move"},
                {"Outlook.com", "imap-mail.outlook.com", NULL, NULL,
                 "one-at-a-time append-loses-flags no-mdnsent wrong-size placeholder-bodies"},
        };
        /* clang-format on */

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const ImapServer server = {
                        .host = bytes_of(rows[i].host),
                        .greeting = bytes_of(rows[i].greeting),
                        .id = bytes_of(rows[i].id),
                };
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

                TEST_ROW(rows[i].label,
                         imap_quirks_format(imap_quirks_of(&server, &no_overrides), &out) == 0);
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&out), bytes_of(rows[i].quirks)));
        }
}

static void test_names(void) {
        for (unsigned i = 0; i < _IMAP_QUIRK_MAX; i++)
                assert(imap_quirk_find(bytes_of(imap_quirk_name((ImapQuirk) i))) == i);

        assert(imap_quirk_find(BYTES("wants")) == _IMAP_QUIRK_MAX);
        assert(imap_quirk_find(BYTES_NULL) == _IMAP_QUIRK_MAX);
        assert(imap_quirk_find(BYTES("Wants-ID")) == IMAP_QUIRK_WANTS_ID);
}

#define Q(name)   IMAP_QUIRK_BIT(IMAP_QUIRK_##name)
#define CAN(name) ((uint64_t) 1 << IMAP_CAPABILITY_##name)

static void test_meaning(void) {
        static const ImapServer dovecot = {
                .greeting = {"Dovecot", 7}
        };
        /* clang-format off */
        static const struct {
                const char *label;
                ImapOverrides overrides;
                ImapQuirks quirks; /* with the server's */
                uint64_t unusable;
                unsigned n_commands;
        } rows[] = {
                {"none", {0}, Q(NOTIFY_GOES_QUIET), 0, 0},
                {"turned off", {.off = Q(NOTIFY_GOES_QUIET) | Q(WANTS_ID)}, 0, 0, 0},
                {"turned on", {.on = Q(WANTS_ID)}, Q(NOTIFY_GOES_QUIET) | Q(WANTS_ID), 0, 0},
                {"one that takes capabilities", {.on = Q(BROKEN_QRESYNC) | Q(BROKEN_MOVE)},
                 Q(NOTIFY_GOES_QUIET) | Q(BROKEN_QRESYNC) | Q(BROKEN_MOVE), CAN(QRESYNC) | CAN(MOVE), 0},
                {"the other two", {.on = Q(BROKEN_ESEARCH) | Q(BROKEN_UIDPLUS)},
                 Q(NOTIFY_GOES_QUIET) | Q(BROKEN_ESEARCH) | Q(BROKEN_UIDPLUS),
                 CAN(ESEARCH) | CAN(UIDPLUS), 0},
                {"capabilities alone", {.disabled = CAN(IDLE)}, Q(NOTIFY_GOES_QUIET), CAN(IDLE), 0},
                {"one command at a time", {.on = Q(ONE_AT_A_TIME)},
                 Q(NOTIFY_GOES_QUIET) | Q(ONE_AT_A_TIME), 0, 1},
                {"as many as were configured", {.on = Q(ONE_AT_A_TIME), .n_commands = 5},
                 Q(NOTIFY_GOES_QUIET) | Q(ONE_AT_A_TIME), 0, 5},
        };
        /* clang-format on */

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const ImapOverrides *overrides = &rows[i].overrides;
                const ImapQuirks quirks = imap_quirks_of(&dovecot, overrides);

                TEST_ROW(rows[i].label, quirks == rows[i].quirks);
                TEST_ROW(rows[i].label,
                         imap_quirks_unusable(quirks, overrides) == rows[i].unusable);
                TEST_ROW(rows[i].label,
                         imap_quirks_n_commands(quirks, overrides) == rows[i].n_commands);
        }
}

int main(void) {
        test_recognition();
        test_names();
        test_meaning();
        return 0;
}
