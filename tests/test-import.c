/* What is read of other programs' files: words, sections, states, names. */

#include <errno.h>

#include "base/macro.h"
#include "import/ini.h"
#include "import/mbsync-config.h"
#include "import/mbsync-state.h"
#include "import/md5.h"
#include "import/offlineimap-name.h"
#include "test.h"

/* The vectors of RFC 1321, and lengths around the block. */
static void test_md5(void) {
        static const struct {
                const char *text, *hex;
        } rows[] = {
                {"",                                                               "d41d8cd98f00b204e9800998ecf8427e"},
                {"a",                                                              "0cc175b9c0f1b6a831c399e269772661"},
                {"abc",                                                            "900150983cd24fb0d6963f7d28e17f72"},
                {"message digest",                                                 "f96b697d7cb7938d525a2f31aaf161d0"},
                {"INBOX",                                                          "7e33429f656f1e6e9d79b29c3f82c57e"},
                {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                 "d174ab98d277d9f5a5611c2c9f419d9f"                                                                  },
                {"123456789012345678901234567890123456789012345678901234567890123456789012345678"
                 "90",                                            "57edf4a22be3c955ac49da2e2107b67a"},
                {"1234567890123456789012345678901234567890123456789012345",
                 "c9ccf168914a1bcfc3229f1948e67da0"                                                                  },
                {"12345678901234567890123456789012345678901234567890123456",
                 "49f193adce178490e34d1b3a4ec0064c"                                                                  },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char hex[MD5_HEX + 1];

                md5_hex(bytes_of(rows[i].text), hex);
                TEST_ROW(rows[i].text, strcmp(hex, rows[i].hex) == 0);
        }
}

/* Each line as "section:key|value|value". */
static void show_lines(const MbsyncConfig *config, Buffer *out) {
        for (size_t i = 0; i < config->n_lines; i++) {
                assert(buffer_append_format(out, "%u:", config->lines[i].section) == 0);
                for (size_t k = 0; k < config->lines[i].n_words; k++)
                        assert(buffer_append_format(out, "%s%s", k ? "|" : "",
                                                    config->lines[i].words[k]) == 0);
                assert(buffer_append_string(out, "\n") == 0);
        }
}

static void test_mbsync_config(void) {
        static const struct {
                const char *label, *text, *lines;
                int r;
                unsigned bad_line;
        } rows[] = {
                {"nothing",                    "",                                "",                         0,        0},
                {"words",                      "A b  c\n",                        "0:A|b|c\n",                0,        0},
                {"no line end",                "A b",                             "0:A|b\n",                  0,        0},
                {"carriage returns",           "A b\r\n\r\nB c\r\n",              "0:A|b\n1:B|c\n",           0,        0},
                {"quoted",                     "Patterns \"a b\" \"\"\n",         "0:Patterns|a b|\n",        0,        0},
                {"quoted inside",              "Far :r:\"a b\"c\n",               "0:Far|:r:a bc\n",          0,        0},
                {"escaped",                    "A \\\"b\\\\ c\\ d\n",             "0:A|\"b\\|c d\n",          0,        0},
                {"comments",                   "# A\nA b # c\n A#b c\n",          "0:A|b\n0:A#b|c\n",         0,        0},
                {"a comment ends no section",  "Channel a\n#\nFar x\n",           "1:Channel|a\n1:Far|x\n",   0,
                 0                                                                                                       },
                {"a blank line does",          "Channel a\n \nFar x\n",           "1:Channel|a\n2:Far|x\n",   0,        0},
                {"before the first section",   "SyncState *\nChannel a\nFar x\n",
                 "0:SyncState|*\n1:Channel|a\n1:Far|x\n",                                                     0,        0},
                {"a key like a head",          "Group g\nChannel a\n",            "1:Group|g\n1:Channel|a\n", 0,        0},
                {"open quote",                 "A\nB \"c\n",                      "",                         -EBADMSG, 2},
                {"nothing behind a backslash", "A \\\n",                          "",                         -EBADMSG, 1},
                {"control character",          "A b\001\n",                       "",                         -EBADMSG, 1},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(mbsync_config_done) MbsyncConfig config = MBSYNC_CONFIG_NULL;
                _cleanup_(buffer_done) Buffer shown = BUFFER_NULL;

                TEST_ROW(rows[i].label,
                         mbsync_config_parse(bytes_of(rows[i].text), &config) == rows[i].r);
                show_lines(&config, &shown);
                TEST_ROW(rows[i].label, bytes_equal(buffer_view(&shown), bytes_of(rows[i].lines)));
                TEST_ROW(rows[i].label, rows[i].r == 0 || config.bad_line == rows[i].bad_line);
        }
}

static void test_mbsync_sections(void) {
        static const char text[] =
                "IMAPStore x\nHost h\n\nChannel x\nfar a\nFar b\n\nChannel y\nFar c\n";
        _cleanup_(mbsync_config_done) MbsyncConfig config = MBSYNC_CONFIG_NULL;
        const MbsyncLine *head, *far;

        assert(mbsync_config_parse(BYTES(text), &config) == 0);
        head = mbsync_config_section(&config, "channel", "x", NULL);
        assert(head && head->line == 4);
        far = mbsync_config_find(&config, head, "Far", NULL);
        assert(far && far->line == 5);
        far = mbsync_config_find(&config, head, "Far", far);
        assert(far && far->line == 6);
        assert(!mbsync_config_find(&config, head, "Far", far));
        head = mbsync_config_section(&config, "Channel", NULL, head);
        assert(head && head->line == 8);
        assert(!mbsync_config_section(&config, "Channel", NULL, head));
        assert(!mbsync_config_section(&config, "MaildirStore", "x", NULL));
}

static int show_record(const MbsyncRecord *record, void *userdata) {
        return buffer_append_format(userdata, "%u %u %u %llu\n", record->far, record->near,
                                    record->marks, (unsigned long long) record->flags);
}

static void test_mbsync_state(void) {
#define HEAD "FarUidValidity 7\nNearUidValidity 8\nMaxPulledUid 9\nMaxPushedUid 10\n\n"
        static const struct {
                const char *label, *text, *records;
                int r;
        } rows[] = {
                {"no message",           HEAD,                                                 "",                   0       },
                {"flags",                HEAD "1 2 FRS\n",                                     "1 2 0 7\n",          0       },
                {"no flags",             HEAD "1 2 \n3 4\n",                                   "1 2 0 0\n3 4 0 0\n", 0       },
                {"all flags",            HEAD "1 2 DFPRST\n",                                  "1 2 0 63\n",         0       },
                {"one side",             HEAD "0 2 S\n1 0 S\n",                                "0 2 0 1\n1 0 0 1\n", 0       },
                {"marks",                HEAD "1 2 <\n1 2 >S\n1 0 ^\n1 2 ~F\n1 2 XF\n",
                 "1 2 1 0\n1 2 2 1\n1 0 4 0\n1 2 8 4\n1 2 8 4\n",                                                    0       },
                {"of old",               "MasterUidValidity 7\nSlaveUidValidity 8\n\n-1 2 \n", "0 2 0 0\n",          0       },
                {"a header of tomorrow", "FarUidValidity 7\nTomorrow 8\n\n1 2 \n",             "1 2 0 0\n",          0       },
                {"empty",                "",                                                   "",                   -EBADMSG},
                {"cut in the header",    "FarUidValidity 7\n",                                 "",                   -EBADMSG},
                {"cut in a line",        HEAD "1 2 S\n3 ",                                     "",                   -EBADMSG},
                {"no validity",          "MaxPulledUid 3\n\n",                                 "",                   -EBADMSG},
                {"no number",            HEAD "x 2 \n",                                        "",                   -EBADMSG},
                {"too large a number",   HEAD "4294967296 2 \n",                               "",                   -EBADMSG},
                {"other letters",        HEAD "1 2 s\n",                                       "",                   -EBADMSG},
                {"of long ago",          "7:9 8:0:10\n1 2 S\n",                                "",                   -EBADMSG},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer shown = BUFFER_NULL;
                MbsyncState state;

                TEST_ROW(rows[i].label, mbsync_state_parse(bytes_of(rows[i].text), &state,
                                                           show_record, &shown) == rows[i].r);
                TEST_ROW(rows[i].label, rows[i].r < 0 || bytes_equal(buffer_view(&shown),
                                                                     bytes_of(rows[i].records)));
                TEST_ROW(rows[i].label, rows[i].r < 0 || state.far_uidvalidity == 7);
        }
}

static void test_ini(void) {
        static const struct {
                const char *label, *text, *entries;
                int r;
        } rows[] = {
                {"nothing",               "",                                       "",               0       },
                {"before a section",      "a = b\n",                                ":a=b\n",         0       },
                {"section",               "[x y]\na = b\n",                         "x y:a=b\n",      0       },
                {"colon",                 "[x]\na: b = c\n",                        "x:a=b = c\n",    0       },
                {"small letters",         "[X]\nKey = Value\n",                     "X:key=Value\n",  0       },
                {"empty value",           "[x]\na =\n",                             "x:a=\n",         0       },
                {"comments",              "# a = b\n; a = b\n[x] # c\na = b # c\n", "x:a=b # c\n",    0       },
                {"goes on",               "[x]\na = b,\n  c\n\n  # no\n\td\n",      "x:a=b,\nc\nd\n", 0       },
                {"indented after a head", "[x]\n  a = b\n",                         "x:a=b\n",        0       },
                {"carriage returns",      "[x]\r\na = b\r\n",                       "x:a=b\n",        0       },
                {"no sign",               "[x]\nabc\n",                             "",               -EBADMSG},
                {"no key",                "[x]\n= b\n",                             "",               -EBADMSG},
                {"open head",             "[x\n",                                   "",               -EBADMSG},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(ini_file_done) IniFile file = INI_FILE_NULL;
                _cleanup_(buffer_done) Buffer shown = BUFFER_NULL;

                TEST_ROW(rows[i].label, ini_file_parse(bytes_of(rows[i].text), &file) == rows[i].r);
                for (size_t k = 0; k < file.n_entries; k++)
                        assert(buffer_append_format(&shown, "%s:%s=%s\n", file.entries[k].section,
                                                    file.entries[k].key,
                                                    file.entries[k].value) == 0);
                TEST_ROW(rows[i].label,
                         bytes_equal(buffer_view(&shown), bytes_of(rows[i].entries)));
        }
}

static void test_names(void) {
#define MD5 "7e33429f656f1e6e9d79b29c3f82c57e"
        static const struct {
                const char *label, *name;
                uint32_t uid; /* 0: none */
                const char *fmd5;
        } rows[] = {
                {"mbsync",               "1.2_3.host,U=17",                  17, "" },
                {"OfflineIMAP",          "1_2.3.host,U=17,FMD5=" MD5,        17, MD5},
                {"more behind",          "1_2.3.host,U=17,FMD5=" MD5 ",S=4", 17, MD5},
                {"none",                 "1.2.host",                         0,  "" },
                {"no number",            "1.2.host,U=",                      0,  "" },
                {"not a number",         "1.2.host,U=x",                     0,  "" },
                {"zero",                 "1.2.host,U=0",                     0,  "" },
                {"too large",            "1.2.host,U=4294967296",            0,  "" },
                {"twice: the last",      "1.2.host,U=3,U=4",                 4,  "" },
                {"a digest that is cut", "1.2.host,U=3,FMD5=7e33",           3,  "" },
                {"empty",                "",                                 0,  "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                ByteView fmd5 = BYTES_NULL;
                uint32_t uid = 0;
                const int r = import_name_uid(bytes_of(rows[i].name), &uid, &fmd5);

                TEST_ROW(rows[i].label, r == (rows[i].uid ? 0 : -ENOENT) && uid == rows[i].uid);
                TEST_ROW(rows[i].label, bytes_equal(fmd5, bytes_of(rows[i].fmd5)));
        }
}

static int show_message(uint32_t uid, MessageFlags flags, void *userdata) {
        return buffer_append_format(userdata, "%u %llu\n", uid, (unsigned long long) flags);
}

static void test_list(void) {
#define LIST "OFFLINEIMAP LocalStatus CACHE DATA - DO NOT MODIFY - FORMAT "
        static const struct {
                const char *label, *text, *messages;
                int r;
        } rows[] = {
                {"none",                  LIST "1\n",                     "",           0       },
                {"some",                  LIST "1\n1:FS\n2:\n",           "1 5\n2 0\n", 0       },
                {"with labels",           LIST "2\n1|FS|12|a,b\n2||0|\n", "1 5\n2 0\n", 0       },
                {"another file",          "1:FS\n",                       "",           -EBADMSG},
                {"cut",                   LIST "1\n1:FS\n2",              "",           -EBADMSG},
                {"cut in the first line", "OFFLINEIMAP\n",                "",           -EBADMSG},
                {"no format",             LIST "\n1:S\n",                 "",           -EBADMSG},
                {"no UID",                LIST "1\n:FS\n",                "",           -EBADMSG},
                {"empty",                 "",                             "",           -EBADMSG},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(buffer_done) Buffer shown = BUFFER_NULL;

                TEST_ROW(rows[i].label, offlineimap_list_parse(bytes_of(rows[i].text), show_message,
                                                               &shown) == rows[i].r);
                TEST_ROW(rows[i].label, rows[i].r < 0 || bytes_equal(buffer_view(&shown),
                                                                     bytes_of(rows[i].messages)));
        }
}

int main(void) {
        test_md5();
        test_mbsync_config();
        test_mbsync_sections();
        test_mbsync_state();
        test_ini();
        test_names();
        test_list();
        return 0;
}
