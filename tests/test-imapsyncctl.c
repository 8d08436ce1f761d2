/*
 * imapsyncctl against a daemon of fakes: what it prints is compared as a whole.
 *
 *      test-imapsyncctl PATH-OF-IMAPSYNCCTL
 */

#include <signal.h>

#include "base/macro.h"
#include "control-rig.h"
#include "test.h"

/* Times of day and of the epoch change: they become #. */
static void mask_times(char *text) {
        static const char key[] = "_usec\":", time_key[] = "\"time\":";

        for (char *p = text; *p; p++) {
                size_t n = 0;

                if (strncmp(p, key, strlen(key)) == 0)
                        n = strlen(key);
                else if (strncmp(p, time_key, strlen(time_key)) == 0)
                        n = strlen(time_key);
                if (n == 0 || p[n] == '0')
                        continue;
                p += n;
                n = strspn(p, "0123456789");
                memmove(p + 1, p + n, strlen(p + n) + 1);
                *p = '#';
        }
        for (char *p = text; *p; p++)
                if (strlen(p) > 8 && p[2] == ':' && p[5] == ':' && p[8] == ' ')
                        memset(p, '#', 8);
}

static void show_difference(const char *label, const char *what, const char *is,
                            const char *expected) {
        if (strcmp(is, expected) != 0)
                fprintf(stderr, "--- %s, %s: expected\n%s--- but got\n%s---\n", label, what,
                        expected, is);
}

/* What the fakes say, as the tool shows it. */
static const struct {
        const char *label;
        const char *args[6];
        int status;
        const char *out, *err;
} outputs[] = {
        {
         .label = "status",
         .args = {"status"},
         .status = 0,
         .out = "Stopped until you act: home. 1 of 2 accounts in sync.\n"
                       "ACCOUNT  STATE    SERVER                MAILBOXES  MESSAGES  LAST SYNC  "
                       "LAST HOUR  TRAFFIC  WAITS BY\n"
                       "home     refused  mail.example.net:993          4       310  never      "
                       "      0 B      0 B\n"
                       "    The server refuses the password (\"\\x1b[31m\xef\xbf\xbd"
                       "AUTH\"). Mend it, then: imapsyncctl resume home\n"
                       "    on-change exited with status 3: \\x1b[31m\n"
                       "    1 change pending, 1.2 GB to come, 25 deletions held back (imapsyncctl "
                       "held), 1 "
                       "message parked: refused by a side, 2 messages on one side only "
                       "(direction), 1 large message left out (size-limit), 3 old messages left "
                       "out "
                       "(age-limit)\n"
                       "work     in sync  imap.example.org:993         12     10200  3 min ago  "
                       "   3.4 kB   1.2 MB  NOTIFY\n",                                             .err = "",
         },
        {
         .label = "status of one",
         .args = {"status", "work"},
         .status = 0,
         .out = "work: in sync\n"
                       "    remote      imap.example.org:993 (encrypted, compressed)\n"
                       "    through     socks5://localhost:9050\n"
                       "    waits by    NOTIFY\n"
                       "    quirks      notify-goes-quiet\n"
                       "    local       /home/me/Mail/work\n"
                       "    policy      battery: on battery\n"
                       "    last sync   3 min ago\n"
                       "    connected   2 h ago\n"
                       "    flags seen  2 h ago, the oldest look at them\n"
                       "    mailboxes   12\n"
                       "    messages    10200\n"
                       "    pending     0\n"
                       "    held        0\n"
                       "    parked      0\n"
                       "    left out    [Gmail]/All Mail\n"
                       "    traffic     1.2 MB in, 8.9 kB out\n"
                       "    last hour   3.4 kB, 12 wake-ups of the daemon\n",                                                               .err = "",
         },
        {
         .label = "status of one with a local server",
         .args = {"status", "home"},
         .status = 0,
         .out = "home: refused\n"
                       "    The server refuses the password (\"\\x1b[31m\xef\xbf\xbd"
                       "AUTH\"). Mend it, then: imapsyncctl resume home\n"
                       "    on-change exited with status 3: \\x1b[31m\n"
                       "    remote      mail.example.net:993\n"
                       "    local       /usr/lib/dovecot/imap (encrypted)\n"
                       "    waits by    NOTIFY\n"
                       "    quirks      notify-goes-quiet\n"
                       "    last sync   never\n"
                       "    connected   no\n"
                       "    mailboxes   4\n"
                       "    messages    310\n"
                       "    pending     1\n"
                       "    held        25\n"
                       "    parked      1\n"
                       "    to come     1.2 GB\n"
                       "    direction   mixed, see “imapsyncctl mailboxes”\n"
                       "    left alone  2, on one side only by direction\n"
                       "    left out    1, larger than size-limit\n"
                       "    left out    3, older than age-limit\n"
                       "    traffic     0 B in, 0 B out\n"
                       "                2.0 kB in, 1.0 kB out, of the local server\n",                                                                                                  .err = "",
         },
        {
         .label = "status as JSON",
         .args = {"--json", "status", "work"},
         .status = 0,
         .out = "[{\"name\":\"work\",\"state\":\"in sync\",\"sentence\":\"\",\"remote\":"
                       "\"imap.example.org:993\",\"local\":\"/home/me/Mail/"
                       "work\",\"waits\":\"NOTIFY\","
                       "\"waits_why\":\"\",\"quirks\":\"notify-goes-quiet\",\"local_waits\":\"\","
                       "\"local_waits_why\":\"\",\"local_quirks\":\"\",\"mailboxes\":12,"
                       "\"messages\":10200,\"pending\":0,"
                       "\"held\":0,"
                       "\"parked\":0,\"bytes_left\":0,\"last_sync_usec\":#,\"retry_usec\":0,"
                       "\"connected_usec\":#,"
                       "\"bytes_in\":1234567,\"bytes_out\":8900,\"local_connected_usec\":0,"
                       "\"local_bytes_in\":0,\"local_bytes_out\":0,\"flags_since_usec\":#,"
                       "\"compressed\":true,\"encrypted\":"
                       "true,\"local_compressed\":false,\"local_encrypted\":false,"
                       "\"left_out\":\"[Gmail]/All "
                       "Mail\",\"config_error\":\"\",\"deferred\":0,\"policy\":\"battery\","
                       "\"policy_why\":\"on battery\",\"wakeups_hour\":12,"
                       "\"bytes_hour\":3400,\"warning\":\"\","
                       "\"direction\":\"\",\"alone\":0,\"large\":0,"
                       "\"proxy\":\"socks5://"
                       "localhost:9050\",\"local_proxy\":\"\",\"old\":0,\"surplus\":0}]"
                       "\n",.err = "",
         },
        {
         .label = "status of none",
         .args = {"status", "x\033[31m"},
         .status = 1,
         .out = "",
         .err = "imapsyncctl: There is no account “x\\x1b[31m”.\n",
         },
        {
         .label = "mailboxes",
         .args = {"mailboxes", "work"},
         .status = 0,
         .out = "MAILBOX           MESSAGES  UNSEEN  PENDING  LAST CHANGE\n"
                       "INBOX                 1200       7        3  10 min ago\n"
                       "Entwürfe/日本            2       0        0  never\n"
                       "    1 message on one side only (direction), 2 large messages left out "
                       "(size-limit), 1 message left out: not the newest (count-limit)\n"
                       "    direction: archive\n"
                       "    Oldest look at a flag changed elsewhere: 2 h ago.\n"
                       "odd\\x09name              0       0        0  never\n"
                       "    The server says NO to APPEND: over quota.\n"
                       "    21 deletions held back (imapsyncctl held)\n"
                       "[Gmail]/All Mail         0       0        0  never\n"
                       "    left out: it shows every message a second time\n",                                                                .err = "",
         },
        {
         .label = "mailboxes as JSON",
         .args = {"mailboxes", "work", "--json"},
         .status = 0,
         .out = "[{\"name\":\"INBOX\",\"messages\":1200,\"unseen\":7,\"pending\":3,\"held\":"
                       "0,"
                       "\"parked\":0,\"last_change_usec\":#,\"flags_since_usec\":0,\"error\":\"\","
                       "\"left_out\":\"\",\"deferred\":0,\"direction\":\"\",\"alone\":0,"
                       "\"large\":0,\"old\":0,\"surplus\":0},"
                       "{\"name\":\"Entwürfe/"
                       "日本\",\"messages\":2,\"unseen\":0,\"pending\":0,\"held\":0,"
                       "\"parked\":0,\"last_change_usec\":0,\"flags_since_usec\":#,\"error\":\"\","
                       "\"left_out\":\"\",\"deferred\":0,\"direction\":\"archive\",\"alone\":1,"
                       "\"large\":2,\"old\":0,\"surplus\":1},"
                       "{\"name\":\"odd\\tname\",\"messages\":0,\"unseen\":0,\"pending\":0,"
                       "\"held\":21,"
                       "\"parked\":0,\"last_change_usec\":0,\"flags_since_usec\":0,\"error\":"
                       "\"The server says NO to APPEND: over "
                       "quota.\",\"left_out\":\"\",\"deferred\":0,\"direction\":\"\",\"alone\":0,"
                       "\"large\":0,\"old\":0,\"surplus\":0},"
                       "{\"name\":\"[Gmail]/All Mail\",\"messages\":0,\"unseen\":0,"
                       "\"pending\":0,\"held\":0,\"parked\":0,\"last_change_usec\":0,\"flags_since_"
                       "usec\":0,"
                       "\"error\":\"\","
                       "\"left_out\":\"left out: it shows every message a second "
                       "time\",\"deferred\":0,\"direction\":\"\",\"alone\":0,\"large\":0,\"old\":0,"
                       "\"surplus\":0}]\n",                                                                                        .err = "",
         },
        {
         .label = "no mailbox yet",
         .args = {"mailboxes", "home"},
         .status = 0,
         .out = "No mailbox is known yet.\n",
         .err = "",
         },
        {
         .label = "no mailbox, JSON",
         .args = {"--json", "mailboxes", "home"},
         .status = 0,
         .out = "[]\n",
         .err = "",
         },
        {
         .label = "held",
         .args = {"held"},
         .status = 0,
         .out = "ACCOUNT  MAILBOX  GONE FROM  MESSAGES   SINCE\n"
                       "home     INBOX    local      25 of 100  2 d ago\n"
                       "    More than 25 % of the mailbox vanished at once.\n"
                       "Let a deletion through with: imapsyncctl confirm ACCOUNT MAILBOX\n",                                                                                                  .err = "",
         },
        {
         .label = "nothing held",
         .args = {"held", "work"},
         .status = 0,
         .out = "Nothing is held back.\n",
         .err = "",
         },
        {
         .label = "held as JSON",
         .args = {"held", "--json"},
         .status = 0,
         .out = "[{\"account\":\"home\",\"mailbox\":\"INBOX\",\"side\":\"local\","
                       "\"vanished\":25,"
                       "\"messages\":100,\"since_usec\":#,\"reason\":"
                       "\"More than 25 % of the mailbox vanished at once.\"}]\n",                                                                              .err = "",
         },
        {
         .label = "explain",
         .args = {"explain", "work", "INBOX", "42"},
         .status = 0,
         .out = "work/INBOX UID 42\n"
                       "    Nothing is to be done.\n"
                       "    base        \\Seen work\\x1b[2J\n"
                       "    server      looked at up to UID 39 and change 99 (UIDVALIDITY 3)\n"
                       "    local       number 7\n",                                                                          .err = "",
         },
        {
         .label = "explain a file as JSON",
         .args = {"--json", "explain", "work", "INBOX", "cur/17.x:2,S"},
         .status = 0,
         .out = "{\"account\":\"work\",\"mailbox\":\"INBOX\",\"folder\":\"\",\"file\":"
                       "\"17.x:2,S\",\"remote_uid\":0,\"local_uid\":7,\"known\":false,\"flags\":"
                       "\"\\\\Seen work\\u001b[2J\",\"parked\":\"too large\",\"uidvalidity\":3,"
                       "\"uidnext\":40,\"modseq\":99,\"held\":0,\"pending\":false,\"verdict\":"
                       "\"Nothing is to be done.\",\"asked\":false,\"remote_has\":false,"
                       "\"remote_flags\":\"\",\"remote_error\":\"\",\"remote_size\":0,"
                       "\"remote_date_usec\":0}\n",                                                                                        .err = "",
         },
        {
         .label = "explain, and ask the server",
         .args = {"explain", "--ask", "work", "INBOX", "42"},
         .status = 0,
         .out = "work/INBOX UID 42\n"
                       "    Nothing is to be done.\n"
                       "    base        \\Seen work\\x1b[2J\n"
                       "    server      looked at up to UID 39 and change 99 (UIDVALIDITY 3)\n"
                       "    server now  \\Flagged\\x1b[2J\n"
                       "                1.2 kB, came 3 min ago\n"
                       "    local       number 7\n",                                                         .err = "",
         },
        {
         .label = "ask, and it is gone",
         .args = {"explain", "--ask", "work", "INBOX", "43"},
         .status = 0,
         .out = "work/INBOX UID 43\n"
                       "    Nothing is to be done.\n"
                       "    base        \\Seen work\\x1b[2J\n"
                       "    server      looked at up to UID 39 and change 99 (UIDVALIDITY 3)\n"
                       "    server now  does not have it\n"
                       "    local       number 7\n",                                                               .err = "",
         },
        {
         .label = "ask as JSON, and there is no connection",
         .args = {"--json", "explain", "--ask", "work", "INBOX", "17.x"},
         .status = 0,
         .out = "{\"account\":\"work\",\"mailbox\":\"INBOX\",\"folder\":\"\",\"file\":"
                       "\"17.x\",\"remote_uid\":0,\"local_uid\":7,\"known\":false,\"flags\":"
                       "\"\\\\Seen work\\u001b[2J\",\"parked\":\"too large\",\"uidvalidity\":3,"
                       "\"uidnext\":40,\"modseq\":99,\"held\":0,\"pending\":false,\"verdict\":"
                       "\"Nothing is to be done.\",\"asked\":false,\"remote_has\":false,"
                       "\"remote_flags\":\"\",\"remote_error\":\"there is no connection to it "
                       "now\",\"remote_size\":0,\"remote_date_usec\":0}\n",                                                                                                  .err = "",
         },
        {
         .label = "ask whom",
         .args = {"--ask", "status"},
         .status = 2,
         .out = "",
         .err = "imapsyncctl: --ask is not for status. Try: imapsyncctl --help\n",
         },
        {
         .label = "explain in no mailbox",
         .args = {"explain", "work", "Nowhere", "42"},
         .status = 1,
         .out = "",
         .err = "imapsyncctl: There is no such mailbox.\n",
         },
        {
         .label = "explain no UID",
         .args = {"explain", "work", "INBOX", "0"},
         .status = 2,
         .out = "",
         .err = "imapsyncctl: “0” is neither a UID nor a file.\n",
         },
        {
         .label = "confirm",
         .args = {"confirm", "home", "INBOX"},
         .status = 0,
         .out = "",
         .err = "",
         },
        {
         .label = "confirm as JSON",
         .args = {"confirm", "home", "INBOX", "--json"},
         .status = 0,
         .out = "{}\n",
         .err = "",
         },
        {
         .label = "confirm what is not held",
         .args = {"confirm", "home", "Sent"},
         .status = 1,
         .out = "",
         .err = "imapsyncctl: Nothing is held back there.\n",
         },
        {
         .label = "policy",
         .args = {"policy"},
         .status = 0,
         .out = "Policy: battery metered (on battery, NetworkManager guesses that the "
                       "network is "
                       "metered)\n"
                       "    poll        every 5 min\n"
                       "    IDLE        unless the server chatters meanwhile\n"
                       "    mailboxes   all\n"
                       "    old flags   not looked at\n"
                       "    messages    up to 1.0 MB\n"
                       "    uploads     gathered for 30 s\n",                                                                                                  .err = "",
         },
        {
         .label = "policy as JSON",
         .args = {"policy", "--json"},
         .status = 0,
         .out = "{\"policy\":\"battery metered\",\"why\":\"on battery, NetworkManager "
                       "guesses "
                       "that the network is metered\",\"forced\":false,\"until_usec\":0,"
                       "\"poll_interval_sec\":300,\"upload_delay_sec\":30,\"max_body\":1048576,"
                       "\"idle\":\"quiet\",\"all_mailboxes\":true,\"scan_flags\":false}\n",                .err = "",
         },
        {
         .label = "policy for a time",
         .args = {"policy", "low", "--for", "2h"},
         .status = 0,
         .out = "",
         .err = "",
         },
        {
         .label = "policy of nobody",
         .args = {"policy", "train"},
         .status = 1,
         .out = "",
         .err = "imapsyncctl: there is no such policy\n",
         },
        {
         .label = "for, without a policy",
         .args = {"policy", "--for", "2h"},
         .status = 2,
         .out = "",
         .err = "imapsyncctl: --for goes with policy ROW, not with policy. Try: imapsyncctl "
                       "--help\n", },
        {
         .label = "status by a template",
         .args = {"status", "--format",
                         "{name}|{messages} {{{held}}} {last_sync_usec:ago}, {bytes_in:size}"},
         .status = 0,
         .out = "work|10200 {0} 3 min ago, 1.2 MB\nhome|310 {25} never, 0 B\n",
         .err = "",
         },
        {
         .label = "status of one by a template",
         .args = {"status", "--format", "{sentence}", "home"},
         .status = 0,
         .out = "The server refuses the password (\"\\x1b[31m\xef\xbf\xbd"
                       "AUTH\"). Mend it, then: imapsyncctl resume home\n",                                           .err = "",
         },
        {
         .label = "status for a bar",
         .args = {"status", "--format", "waybar"},
         .status = 0,
         .out = "{\"text\":\"home: refused\",\"tooltip\":\"work: in sync\\nhome: refused: "
                       "The server "
                       "refuses the password (\\\"\\\\x1b[31m\xef\xbf\xbd"
                       "AUTH\\\"). Mend it, then: imapsyncctl resume home, 25 deletions held "
                       "back\",\"alt\":\"refused\",\"class\":[\"refused\",\"attention\"]}\n",                                                                                                  .err = "",
         },
        {
         .label = "status of one for a bar",
         .args = {"status", "--format", "waybar", "work"},
         .status = 0,
         .out = "{\"text\":\"in sync\",\"tooltip\":\"work: in "
                       "sync\",\"alt\":\"in-sync\",\"class\":[\"in-sync\"]}\n",                                     .err = "",
         },
        {
         .label = "a template with an unknown field",
         .args = {"status", "--format", "{name} {mail}"},
         .status = 2,
         .out = "",
         .err = "imapsyncctl: --format: “{mail}” is not a field; see imapsyncctl(1).\n",
         },
        {
         .label = "a template with an unknown form",
         .args = {"status", "--format", "{messages:words}"},
         .status = 2,
         .out = "",
         .err = "imapsyncctl: --format: “{messages:words}” is not a field; see "
                       "imapsyncctl(1).\n", },
        {
         .label = "a template with text as a time",
         .args = {"status", "--format", "{name:ago}"},
         .status = 2,
         .out = "",
         .err = "imapsyncctl: --format: “{name:ago}” is not a field; see imapsyncctl(1).\n",
         },
        {
         .label = "a template that does not end",
         .args = {"status", "--format", "a {name"},
         .status = 2,
         .out = "",
         .err = "imapsyncctl: --format: “{name” is not a field; see imapsyncctl(1).\n",
         },
        {
         .label = "a template with a brace too many",
         .args = {"status", "--format", "a }b"},
         .status = 2,
         .out = "",
         .err = "imapsyncctl: --format: “}b” is not a field; see imapsyncctl(1).\n",
         },
        {
         .label = "a template for another verb",
         .args = {"held", "--format", "waybar"},
         .status = 2,
         .out = "",
         .err = "imapsyncctl: --format goes with status and without --json, not with held. "
                       "Try: imapsyncctl --help\n", },
        {
         .label = "complete accounts",
         .args = {"complete", "--", "sync", "--wait", ""},
         .status = 0,
         .out = "words\nwork\tin sync\nhome\trefused\n",
         .err = "",
         },
        {
         .label = "complete mailboxes: those that can be typed and are synchronised",
         .args = {"complete", "--", "sync", "work", ""},
         .status = 0,
         .out = "words\nINBOX\t7 unseen of 1200\nEntwürfe/日本\t0 unseen of 2\n",
         .err = "",
         },
        {
         .label = "complete mailboxes: those that are not there yet",
         .args = {"complete", "--", "sync", "work", "INBOX", ""},
         .status = 0,
         .out = "words\nEntwürfe/日本\t0 unseen of 2\n",
         .err = "",
         },
        {
         .label = "complete mailboxes to confirm",
         .args = {"complete", "--", "confirm", "home", ""},
         .status = 0,
         .out = "words\nINBOX\tMore than 25 % of the mailbox vanished at once.\n",
         .err = "",
         },
        {
         .label = "complete what setup takes",
         .args = {"complete", "--", "setup", "--ca-file", ""},
         .status = 0,
         .out = "files\n",
         .err = "",
         },
        {
         .label = "complete what import takes",
         .args = {"complete", "--", "import", ""},
         .status = 0,
         .out = "words\nmbsync\t\nofflineimap\t\ninterimap\t\n",
         .err = "",
         },
        {
         .label = "complete with a socket that is none",
         .args = {"complete", "--", "--socket=none", "pause", ""},
         .status = 3,
         .out = "words\n",
         .err = "",
         },
        {
         .label = "sync",
         .args = {"sync"},
         .status = 0,
         .out = "",
         .err = "",
         },
        {
         .label = "sync, good end",
         .args = {"sync", "--wait", "work", "Sent", "INBOX"},
         .status = 0,
         .out = "",
         .err = "",
         },
        {
         .label = "sync, bad end",
         .args = {"sync", "--wait", "home"},
         .status = 1,
         .out = "",
         .err = "imapsyncctl: home: The server refuses the password.\n",
         },
        {
         .label = "sync, no such mailbox",
         .args = {"sync", "--wait", "work", "Nope"},
         .status = 1,
         .out = "",
         .err = "imapsyncctl: There is no such mailbox.\n",
         },
        {
         .label = "verify that agrees",
         .args = {"verify", "home"},
         .status = 0,
         .out = "",
         .err = "",
         },
        {
         .label = "verify",
         .args = {"verify", "work"},
         .status = 1,
         .out = "work/INBOX: UID 42: the flags differ: \\Seen only on the remote\n"
                       "work/Sent: only on the local side: 1700000000.M1P2.host\n",                                                   .err = "imapsyncctl: Something differs.\n",
         },
        {
         .label = "pause",
         .args = {"pause", "work"},
         .status = 0,
         .out = "",
         .err = "",
         },
        {
         .label = "pause as JSON",
         .args = {"pause", "--json"},
         .status = 0,
         .out = "{}\n",
         .err = "",
         },
        {
         .label = "pause that fails",
         .args = {"pause", "stuck"},
         .status = 1,
         .out = "",
         .err = "imapsyncctl: Device or resource busy\n",
         },
        {
         .label = "resume",
         .args = {"resume", "stuck"},
         .status = 0,
         .out = "",
         .err = "",
         },
        {
         .label = "reload that fails",
         .args = {"reload"},
         .status = 1,
         .out = "",
         .err = "imapsyncctl: imapsyncd.conf:3: unknown key “hots”\n",
         },
        {
         .label = "version",
         .args = {"version"},
         .status = 0,
         .out = "imapsyncd " IMAPSYNCD_VERSION "\n",
         .err = "",
         },
        {
         .label = "version as JSON",
         .args = {"version", "--json"},
         .status = 0,
         .out = "{\"version\":\"" IMAPSYNCD_VERSION "\"}\n",
         .err = "",
         },
        {
         .label = "own version",
         .args = {"-V"},
         .status = 0,
         .out = "imapsyncctl " IMAPSYNCD_VERSION "\n",
         .err = "",
         },
        {
         .label = "no verb",
         .args = {NULL},
         .status = 2,
         .out = "",
         .err = "imapsyncctl: No verb given. Try: imapsyncctl --help\n",
         },
        {
         .label = "unknown verb",
         .args = {"dance"},
         .status = 2,
         .out = "",
         .err = "imapsyncctl: Unknown verb: dance. Try: imapsyncctl --help\n",
         },
        {
         .label = "too few arguments",
         .args = {"confirm", "home"},
         .status = 2,
         .out = "",
         .err = "imapsyncctl: More arguments are needed by confirm. Try: imapsyncctl "
                       "--help\n", },
        {
         .label = "too many arguments",
         .args = {"watch", "home"},
         .status = 2,
         .out = "",
         .err = "imapsyncctl: Too many arguments for watch. Try: imapsyncctl --help\n",
         },
        {
         .label = "--wait elsewhere",
         .args = {"status", "--wait"},
         .status = 2,
         .out = "",
         .err = "imapsyncctl: --wait is not for status. Try: imapsyncctl --help\n",
         },
        {
         .label = "not UTF-8",
         .args = {"status", "\377"},
         .status = 2,
         .out = "",
         .err = "imapsyncctl: An argument cannot be sent: it is not UTF-8\n",
         },
        {
         .label = "no daemon",
         .args = {"--socket", "/nowhere/control", "status"},
         .status = 3,
         .out = "",
         .err = "imapsyncctl: No imapsyncd listens on /nowhere/control. "
                       "Start it with: systemctl --user start imapsyncd\n", },
};

static void test_outputs(void) {
        for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
                Run run = run_start(outputs[i].args);
                _cleanup_free_ char *out = read_all(run.out);
                _cleanup_free_ char *err = read_all(run.err);
                int status = run_end(&run);

                mask_times(out);
                show_difference(outputs[i].label, "stdout", out, outputs[i].out);
                show_difference(outputs[i].label, "stderr", err, outputs[i].err);
                TEST_ROW(outputs[i].label, strcmp(out, outputs[i].out) == 0);
                TEST_ROW(outputs[i].label, strcmp(err, outputs[i].err) == 0);
                TEST_ROW(outputs[i].label, status == outputs[i].status);
        }
}

/* The number of the job is the daemon's count: only the form is known. */
static void test_job_json(void) {
        static const struct {
                const char *label;
                const char *args[5];
                const char *format; /* with the job's number */
        } rows[] = {
                {"sync",           {"sync", "work", "--json"}, "{\"job\":%llu}\n"},
                {"sync, good end",
                 {"sync", "work", "--json", "--wait"},
                 "{\"job\":%llu,\"in_sync\":true,\"sentence\":\"\"}\n"           },
                {"sync, bad end",
                 {"sync", "home", "--json", "--wait"},
                 "{\"job\":%llu,\"in_sync\":false,\"sentence\":"
                 "\"home: The server refuses the password.\"}\n"                 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Run run = run_start(rows[i].args);
                _cleanup_free_ char *out = read_all(run.out);
                _cleanup_free_ char *err = read_all(run.err);
                unsigned long long job = 0;
                char expected[256];

                (void) run_end(&run);
                TEST_ROW(rows[i].label, sscanf(out, "{\"job\":%llu", &job) == 1 && job > 0);
                snprintf(expected, sizeof(expected), rows[i].format, job);
                show_difference(rows[i].label, "stdout", out, expected);
                TEST_ROW(rows[i].label, strcmp(out, expected) == 0);
                TEST_ROW(rows[i].label, err[0] == '\0');
        }
}

/* More differences than a queue holds: each is shown or counted. */
static void test_verify_flood(void) {
        static const char *const args[] = {"verify", "flood", NULL};
        Run run = run_start(args);
        _cleanup_free_ char *out = read_all(run.out);
        _cleanup_free_ char *err = read_all(run.err);
        unsigned n_shown = 0, n_missing = 0;

        for (const char *p = out; (p = strchr(p, '\n')); p++)
                n_shown++;
        if (n_shown < 10000)
                assert(sscanf(err, "imapsyncctl: Something differs. %u more differences",
                              &n_missing) == 1);
        assert(n_shown + n_missing == 10000 && n_shown >= 2048);
        assert(run_end(&run) == 1);
}

static void test_watch(void) {
        static const struct {
                const char *label;
                const char *args[3];
                const char *out;
        } rows[] = {
                {"lines",
                 {"watch"},
                 "######## work/INBOX: synced: 3 new\n"
                 "######## home: error: gone\\x0d\\x0afor \"good\"\n"                          },
                {"JSON",
                 {"watch", "--json"},
                 "{\"time\":#,\"account\":\"work\",\"mailbox\":\"INBOX\",\"event\":\"synced\","
                 "\"message\":\"3 new\",\"new_local\":3,\"new_remote\":0,\"changed_local\":0,"
                 "\"changed_remote\":0,\"removed_local\":0,\"removed_remote\":0,"
                 "\"done\":0,\"total\":0,\"bytes\":0,\"total_bytes\":0}\n"
                 "{\"time\":#,\"account\":\"home\",\"mailbox\":\"\",\"event\":\"error\","
                 "\"message\":\"gone\\r\\nfor \\\"good\\\"\",\"new_local\":0,\"new_remote\":0,"
                 "\"changed_local\":0,\"changed_remote\":0,\"removed_local\":0,"
                 "\"removed_remote\":0,\"done\":0,\"total\":0,\"bytes\":0,\"total_bytes\":0}\n"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Run run = run_start(rows[i].args);
                _cleanup_free_ char *out = read_lines(run.out, 2);

                mask_times(out);
                show_difference(rows[i].label, "stdout", out, rows[i].out);
                TEST_ROW(rows[i].label, strcmp(out, rows[i].out) == 0);
                assert(kill(run.pid, SIGINT) == 0);
                free(read_all(run.out));
                free(read_all(run.err));
                TEST_ROW(rows[i].label, run_end(&run) == 130);
        }
}

/* No line is wider than the terminal, and what a wide one has room for is there. */
static void test_status_widths(const char *const *args) {
        static const struct {
                const char *label;
                unsigned short width;
                const char *has, *has_not;
        } rows[] = {
                {"80 columns",  80,  "TRAFFIC", "SERVER"},
                {"120 columns", 120, "SERVER",  "…"   },
        };

        assert(setenv("NO_COLOR", "1", 1) == 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Run run = run_start_terminal(args, rows[i].width);
                _cleanup_free_ char *text = read_all(run.out);
                char *left = text;
                const char *line;

                assert(run_end(&run) == 0);
                TEST_ROW(rows[i].label, strstr(text, rows[i].has));
                TEST_ROW(rows[i].label, !strstr(text, rows[i].has_not));
                while ((line = strsep(&left, "\n")))
                        TEST_ROW(rows[i].label,
                                 strlen(line) <= rows[i].width + 1u + 2u); /* \r; one U+FFFD */
        }
        assert(unsetenv("NO_COLOR") == 0);
}

static void test_terminal(void) {
        static const char *const status_args[] = {"status", NULL};
        static const char *const sync_args[] = {"sync", "--wait", "work", NULL};
        static const char *const stuck_args[] = {"sync", "--wait", "stuck", NULL};
        _cleanup_free_ char *status = NULL, *plain = NULL, *sync = NULL, *stuck = NULL;
        Run run;

        run = run_start_terminal(status_args, 60);
        status = read_all(run.out);
        assert(run_end(&run) == 0);
        assert(strstr(status, "\033[1mWAITS BY\033[0m\r\n"));
        assert(strstr(status, "\033[1;31mrefused\033[0m"));
        assert(strstr(status, "\033[32min sync\033[0m"));
        assert(strncmp(status, "\033[1;31mStopped until you act: home. 1 of 2", 42) == 0);
        assert(!strstr(status, "TRAFFIC") && !strstr(status, "\033[31m"));
        test_status_widths(status_args);

        assert(setenv("NO_COLOR", "1", 1) == 0);
        run = run_start_terminal(status_args, 80);
        plain = read_all(run.out);
        assert(unsetenv("NO_COLOR") == 0);
        assert(run_end(&run) == 0);
        assert(strstr(plain, "refused") && !strchr(plain, '\033'));

        run = run_start_terminal(sync_args, 80);
        sync = read_all(run.out);
        assert(run_end(&run) == 0);
        assert(strstr(sync, "work/INBOX") && strstr(sync, "4 of 4  100 %  4.0 kB"));
        assert(strstr(sync, "\r\033[KIn sync.\r\n"));

        /* ^C on the terminal, once the whole bar is there: the terminal throws away what is under way. */
        run = run_start_terminal(stuck_args, 80);
        stuck = read_until(run.out, "of 4.0 kB\033[K");
        assert(write(run.out, "\003", 1) == 1);
        free(stuck);
        stuck = read_all(run.out);
        assert(strlen(stuck) >= 2 && strcmp(stuck + strlen(stuck) - 2, "\r\n") == 0);
        assert(run_end(&run) == 130);
}

static void test_stop(pid_t daemon) {
        static const char *const stop_args[] = {"stop", NULL}, *const version_args[] = {"version",
                                                                                        NULL};
        Run run = run_start(stop_args);

        free(read_all(run.out));
        free(read_all(run.err));
        assert(run_end(&run) == 0);
        daemon_expect_end(daemon);

        run = run_start(version_args);
        free(read_all(run.out));
        free(read_all(run.err));
        assert(run_end(&run) == 3);
}

/* Who watches is told that the daemon has gone. */
static void test_daemon_goes(void) {
        static const char *const args[] = {"watch", NULL};
        pid_t daemon = daemon_start();
        Run run = run_start(args);
        _cleanup_free_ char *err = NULL;

        free(read_lines(run.out, 2));
        assert(kill(daemon, SIGTERM) == 0);
        daemon_expect_end(daemon);
        free(read_all(run.out));
        err = read_all(run.err);
        assert(strcmp(err, "imapsyncctl: imapsyncd has gone away.\n") == 0);
        assert(run_end(&run) == 3);
}

int main(int argc, char **argv) {
        pid_t daemon;

        assert(argc == 2);
        rig_open(argv[1]);
        daemon = daemon_start();
        test_outputs();
        test_job_json();
        test_verify_flood();
        test_watch();
        test_terminal();
        test_stop(daemon);
        test_daemon_goes();
        rig_close();
        return 0;
}
