/* A configuration in sections, as OfflineIMAP and InterIMAP have it. */

#include <errno.h>

#include "base/macro.h"
#include "import/ini.h"

static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static ByteView strip(ByteView text) {
        while (text.size > 0 && is_blank(text.data[0]))
                text = (ByteView){text.data + 1, text.size - 1};
        while (text.size > 0 && is_blank(text.data[text.size - 1]))
                text.size--;
        return text;
}

static void entry_done(IniEntry *entry) {
        free(entry->section);
        free(entry->key);
        free(entry->value);
        *entry = (IniEntry){0};
}

void ini_file_done(IniFile *file) {
        for (size_t i = 0; i < file->n_entries; i++)
                entry_done(&file->entries[i]);
        free(file->entries);
        *file = INI_FILE_NULL;
}

static void to_small_letters(char *text) {
        for (; *text; text++)
                if (*text >= 'A' && *text <= 'Z')
                        *text = (char) (*text + ('a' - 'A'));
}

static int add_entry(IniFile *file, ByteView section, ByteView key, ByteView value, unsigned line) {
        _cleanup_(entry_done) IniEntry entry = {
                .section = bytes_dup(section),
                .key = bytes_dup(key),
                .value = bytes_dup(value),
                .line = line,
        };
        IniEntry *grown;

        if (!entry.section || !entry.key || !entry.value)
                return -ENOMEM;
        if (file->n_entries == INI_MAX_ENTRIES)
                return -E2BIG;
        to_small_letters(entry.key);
        grown = reallocarray(file->entries, file->n_entries + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        file->entries = grown;
        grown[file->n_entries++] = entry;
        entry = (IniEntry){0};
        return 0;
}

/* One more line of the value. */
static int go_on(IniEntry *entry, ByteView line) {
        _cleanup_(buffer_done) Buffer value = BUFFER_NULL;
        int r;

        r = buffer_append_string(&value, entry->value);
        if (r >= 0)
                r = buffer_append_string(&value, "\n");
        if (r >= 0)
                r = buffer_append_view(&value, line);
        if (r < 0)
                return r;
        free(entry->value);
        entry->value = buffer_steal_string(&value);
        return entry->value ? 0 : -ENOMEM;
}

/* "[name]"; what follows the bracket is a comment to those who read it. */
static int take_head(ByteView line, ByteView *ret_section) {
        const char *end = memchr(line.data, ']', line.size);

        if (!end)
                return -EBADMSG;
        *ret_section = (ByteView){line.data + 1, (size_t) (end - line.data) - 1};
        return 0;
}

static int take_entry(IniFile *file, ByteView section, ByteView line, unsigned n) {
        size_t i = 0;

        while (i < line.size && line.data[i] != '=' && line.data[i] != ':')
                i++;
        if (i == line.size || i == 0)
                return -EBADMSG;
        return add_entry(file, section, strip((ByteView){line.data, i}),
                         strip((ByteView){line.data + i + 1, line.size - i - 1}), n);
}

static int parse(ByteView text, IniFile *file) {
        ByteView section = BYTES("");
        bool may_go_on = false;

        for (unsigned n = 1; text.size > 0; n++) {
                const ByteView whole = bytes_take_until(&text, '\n');
                const ByteView line = strip(whole);
                int r = 0;

                file->bad_line = n;
                if (memchr(line.data ? line.data : "", '\0', line.size))
                        return -EBADMSG;
                if (line.size == 0 || line.data[0] == '#' || line.data[0] == ';')
                        continue;
                if (may_go_on && is_blank(whole.data[0])) {
                        r = go_on(&file->entries[file->n_entries - 1], line);
                } else if (line.data[0] == '[') {
                        r = take_head(line, &section);
                        may_go_on = false;
                } else {
                        r = take_entry(file, section, line, n);
                        may_go_on = true;
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

int ini_file_parse(ByteView text, IniFile *ret_file) {
        _cleanup_(ini_file_done) IniFile file = INI_FILE_NULL;
        int r;

        r = parse(text, &file);
        *ret_file = INI_FILE_NULL;
        if (r < 0) {
                ret_file->bad_line = file.bad_line;
                return r;
        }
        *ret_file = file;
        file = INI_FILE_NULL;
        return 0;
}

const IniEntry *ini_file_find(const IniFile *file, const char *section, const char *key) {
        for (size_t i = file->n_entries; i > 0; i--) {
                const IniEntry *entry = &file->entries[i - 1];

                if (strcmp(entry->section, section) == 0 && strcmp(entry->key, key) == 0)
                        return entry;
        }
        return NULL;
}

const char *ini_file_get(const IniFile *file, const char *section, const char *key) {
        const IniEntry *entry = ini_file_find(file, section, key);

        return entry ? entry->value : NULL;
}
