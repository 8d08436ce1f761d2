/* The manual of the configuration is true: it has every key and no other, and its examples are sound. */

#include "base/macro.h"
#include "config/config-keys.h"
#include "config/config-line.h"
#include "test.h"

static void read_file(const char *path, Buffer *text) {
        FILE *file = fopen(path, "re");
        size_t n;

        assert(file);
        do {
                assert(buffer_reserve(text, 4096) == 0);
                n = fread(text->data + text->size, 1, 4096, file);
                text->size += n;
        } while (n > 0);
        fclose(file);
}

/* Each key has an item of its own: ".It Ic KEY Li = ...". */
static void test_keys(ByteView manual) {
        static const ByteView item = BYTES(".It Ic ");
        unsigned counts[_CONFIG_KEY_MAX] = {};
        ByteView line;

        while (config_line_take(&manual, &line)) {
                _cleanup_free_ char *name = NULL;
                ConfigKeyId id;

                if (!bytes_starts_fold(line, item))
                        continue;
                name = bytes_dup((ByteView){line.data + item.size, line.size - item.size});
                name[strcspn(name, " ")] = '\0';

                id = config_key_find(name, _CONFIG_KEY_MAX);
                TEST_ROW(name, id < _CONFIG_KEY_MAX);
                if (counts[id] > 0) /* of another section */
                        id = config_key_find(name, id);
                TEST_ROW(name, id < _CONFIG_KEY_MAX);
                counts[id]++;
        }

        for (ConfigKeyId id = 0; id < _CONFIG_KEY_MAX; id++)
                TEST_ROW(config_key_name(id), counts[id] == 1);
}

/* Each quirk stands behind ".It Cm", alone or with others. */
static void test_quirks(ByteView manual) {
        static const ByteView item = BYTES(".It Cm ");
        unsigned counts[_IMAP_QUIRK_MAX] = {};
        ByteView line;

        while (config_line_take(&manual, &line)) {
                if (!bytes_starts_fold(line, item))
                        continue;
                line = (ByteView){line.data + item.size, line.size - item.size};
                while (line.size > 0) {
                        const ByteView word = bytes_take_until(&line, ' ');
                        const ImapQuirk quirk = imap_quirk_find(word);

                        if (bytes_equal(word, BYTES(",")))
                                continue;
                        assert(quirk < _IMAP_QUIRK_MAX);
                        counts[quirk]++;
                }
        }

        for (unsigned i = 0; i < _IMAP_QUIRK_MAX; i++)
                TEST_ROW(imap_quirk_name((ImapQuirk) i), counts[i] == 1);
}

static void check_example(const Buffer *text) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *errors = NULL;
        int r = config_parse(buffer_view(text), "/nowhere/example", 0600, "/nowhere", &config,
                             &errors);

        if (r < 0)
                fprintf(stderr, "%s", errors ? errors : "no reason");
        assert(r == 0);
}

/* What is displayed literally below EXAMPLES are whole files. */
static void test_examples(ByteView manual) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        bool in_examples = false, in_display = false;
        unsigned n_examples = 0;
        ByteView line;

        while (config_line_take(&manual, &line)) {
                if (bytes_starts_fold(line, BYTES(".Sh ")))
                        in_examples = bytes_equal(line, BYTES(".Sh EXAMPLES"));
                else if (in_examples && bytes_starts_fold(line, BYTES(".Bd -literal")))
                        in_display = true;
                else if (in_display && bytes_equal(line, BYTES(".Ed"))) {
                        check_example(&text);
                        buffer_done(&text);
                        in_display = false;
                        n_examples++;
                } else if (in_display) {
                        assert(buffer_append_view(&text, line) == 0);
                        assert(buffer_append_string(&text, "\n") == 0);
                }
        }

        assert(n_examples >= 4);
}

int main(int argc, char **argv) {
        _cleanup_(buffer_done) Buffer manual = BUFFER_NULL;

        assert(argc == 2);
        read_file(argv[1], &manual);
        test_keys(buffer_view(&manual));
        test_quirks(buffer_view(&manual));
        test_examples(buffer_view(&manual));
        return 0;
}
