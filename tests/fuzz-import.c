/*
 * Fuzz what is read of other programs' files. The first byte says which reader. What mbsync's reader has
 * understood it understands again from its own words; numbers and lines keep within their bounds.
 */

#undef NDEBUG
#include <assert.h>
#include <errno.h>

#include "base/macro.h"
#include "import/ini.h"
#include "import/mbsync-config.h"
#include "import/mbsync-state.h"
#include "import/md5.h"
#include "import/offlineimap-name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each word quoted, each section apart. */
static void write_config(const MbsyncConfig *config, Buffer *out) {
        for (size_t i = 0; i < config->n_lines; i++) {
                const MbsyncLine *line = &config->lines[i];

                if (i > 0 && line->section != line[-1].section)
                        assert(buffer_append_string(out, "\n") == 0);
                for (size_t k = 0; k < line->n_words; k++) {
                        assert(buffer_append_string(out, k ? " \"" : "\"") == 0);
                        for (const char *c = line->words[k]; *c; c++)
                                assert(buffer_append_format(out, "\\%c", *c) == 0);
                        assert(buffer_append_string(out, "\"") == 0);
                }
                assert(buffer_append_string(out, "\n") == 0);
        }
}

static void fuzz_config(ByteView text) {
        _cleanup_(mbsync_config_done) MbsyncConfig config = MBSYNC_CONFIG_NULL,
                                                   again = MBSYNC_CONFIG_NULL;
        _cleanup_(buffer_done) Buffer written = BUFFER_NULL;

        if (mbsync_config_parse(text, &config) < 0) {
                assert(config.n_lines == 0 && config.bad_line > 0);
                return;
        }
        write_config(&config, &written);
        assert(mbsync_config_parse(buffer_view(&written), &again) == 0);
        assert(again.n_lines == config.n_lines);
        for (size_t i = 0; i < config.n_lines; i++) {
                assert(again.lines[i].n_words == config.lines[i].n_words);
                for (size_t k = 0; k < config.lines[i].n_words; k++)
                        assert(strcmp(again.lines[i].words[k], config.lines[i].words[k]) == 0);
        }
}

static int on_record(const MbsyncRecord *record, void *userdata) {
        size_t *n = userdata;

        assert((record->flags & ~FLAGS_FIXED) == 0);
        (*n)++;
        return 0;
}

static int on_message(uint32_t uid, MessageFlags flags, void *userdata) {
        size_t *n = userdata;

        assert(uid > 0 && (flags & ~FLAGS_FIXED) == 0);
        (*n)++;
        return 0;
}

static void fuzz_ini(ByteView text) {
        _cleanup_(ini_file_done) IniFile file = INI_FILE_NULL;

        if (ini_file_parse(text, &file) < 0) {
                assert(file.n_entries == 0 && file.bad_line > 0);
                return;
        }
        for (size_t i = 0; i < file.n_entries; i++) {
                const IniEntry *entry = &file.entries[i];

                assert(ini_file_find(&file, entry->section, entry->key) >= entry);
                assert(!strchr(entry->key, '\n'));
        }
}

static void fuzz_name(ByteView name) {
        char hex[MD5_HEX + 1];
        ByteView fmd5;
        uint32_t uid;

        md5_hex(name, hex);
        assert(strlen(hex) == MD5_HEX);
        if (import_name_uid(name, &uid, &fmd5) < 0)
                return;
        assert(uid > 0 && (fmd5.size == 0 || fmd5.size == MD5_HEX));
        assert(fmd5.size == 0 ||
               (fmd5.data >= name.data && fmd5.data + fmd5.size <= name.data + name.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const ByteView text = {(const char *) data + 1, size > 0 ? size - 1 : 0};
        MbsyncState state;
        size_t n = 0;

        if (size == 0)
                return 0;
        switch (data[0]) {
        case 'c':
                fuzz_config(text);
                break;
        case 's':
                (void) mbsync_state_parse(text, &state, on_record, &n);
                assert(n <= state.bad_line);
                break;
        case 'i':
                fuzz_ini(text);
                break;
        case 'l':
                (void) offlineimap_list_parse(text, on_message, &n);
                assert(n <= text.size);
                break;
        default:
                fuzz_name(text);
                break;
        }
        return 0;
}
