/* The configuration of mbsync, as lines of words. */

#include <errno.h>

#include "base/macro.h"
#include "import/mbsync-config.h"

static bool is_blank(char c) {
        return c == ' ' || c == '\t';
}

static void line_done(MbsyncLine *line) {
        for (size_t i = 0; i < line->n_words; i++)
                free(line->words[i]);
        free(line->words);
        *line = (MbsyncLine){0};
}

void mbsync_config_done(MbsyncConfig *config) {
        for (size_t i = 0; i < config->n_lines; i++)
                line_done(&config->lines[i]);
        free(config->lines);
        *config = MBSYNC_CONFIG_NULL;
}

static int add_word(MbsyncLine *line, Buffer *word) {
        char **grown;

        if (line->n_words == MBSYNC_MAX_WORDS)
                return -E2BIG;
        grown = reallocarray(line->words, line->n_words + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        line->words = grown;
        grown[line->n_words] = buffer_steal_string(word);
        if (!grown[line->n_words])
                return -ENOMEM;
        line->n_words++;
        return 0;
}

/* The word at the start of @rest, which is not empty. */
static int take_word(ByteView *rest, Buffer *word) {
        bool quoted = false;

        while (rest->size > 0 && (quoted || !is_blank(rest->data[0]))) {
                char c = rest->data[0];
                int r;

                *rest = (ByteView){rest->data + 1, rest->size - 1};
                if (c == '"') {
                        quoted = !quoted;
                        continue;
                }
                if (c == '\\') {
                        if (rest->size == 0)
                                return -EBADMSG;
                        c = rest->data[0];
                        *rest = (ByteView){rest->data + 1, rest->size - 1};
                }
                if ((unsigned char) c < 0x20 && c != '\t')
                        return -EBADMSG;
                r = buffer_append(word, &c, 1);
                if (r < 0)
                        return r;
        }
        return quoted ? -EBADMSG : 0;
}

/* Return: 1, 0 if the line is a comment, or negative. A line without words has nothing on it. */
static int split(ByteView text, MbsyncLine *line) {
        for (;;) {
                _cleanup_(buffer_done) Buffer word = BUFFER_NULL;
                int r;

                while (text.size > 0 && is_blank(text.data[0]))
                        text = (ByteView){text.data + 1, text.size - 1};
                if (text.size == 0)
                        return 1;
                if (text.data[0] == '#')
                        return line->n_words > 0;
                r = take_word(&text, &word);
                if (r >= 0)
                        r = add_word(line, &word);
                if (r < 0)
                        return r;
        }
}

static int add_line(MbsyncConfig *config, MbsyncLine *line) {
        MbsyncLine *grown;

        if (config->n_lines == MBSYNC_MAX_LINES)
                return -E2BIG;
        grown = reallocarray(config->lines, config->n_lines + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        config->lines = grown;
        grown[config->n_lines++] = *line;
        *line = (MbsyncLine){0};
        return 0;
}

/* Does a section begin with it? Other keys may stand before the first one, each for all that follows. */
static bool is_head(const MbsyncLine *line) {
        static const char *const heads[] = {
                "IMAPAccount", "IMAPStore", "MaildirStore", "Channel", "Group",
        };

        for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
                if (mbsync_line_is(line, heads[i]))
                        return true;
        return false;
}

static int parse(ByteView text, MbsyncConfig *config) {
        unsigned section = 0, n = 0;
        bool is_inside = false;

        while (text.size > 0) {
                _cleanup_(line_done) MbsyncLine line = {.line = ++n};
                ByteView one = bytes_take_until(&text, '\n');
                int r;

                if (one.size > 0 && one.data[one.size - 1] == '\r')
                        one.size--;
                config->bad_line = n;
                r = split(one, &line);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                if (line.n_words == 0 || (!is_inside && is_head(&line)))
                        section++;
                is_inside = line.n_words > 0 && (is_inside || is_head(&line));
                line.section = section;
                r = line.n_words > 0 ? add_line(config, &line) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

int mbsync_config_parse(ByteView text, MbsyncConfig *ret_config) {
        _cleanup_(mbsync_config_done) MbsyncConfig config = MBSYNC_CONFIG_NULL;
        int r;

        r = parse(text, &config);
        *ret_config = MBSYNC_CONFIG_NULL;
        if (r < 0) {
                ret_config->bad_line = config.bad_line;
                return r;
        }
        *ret_config = config;
        config = MBSYNC_CONFIG_NULL;
        return 0;
}

bool mbsync_line_is(const MbsyncLine *line, const char *key) {
        return bytes_equal_fold(bytes_of(line->words[0]), bytes_of(key));
}

static const MbsyncLine *end_of(const MbsyncConfig *config) {
        return config->lines + config->n_lines;
}

const MbsyncLine *mbsync_config_find(const MbsyncConfig *config, const MbsyncLine *head,
                                     const char *key, const MbsyncLine *after) {
        for (const MbsyncLine *line = (after ? after : head) + 1;
             line < end_of(config) && line->section == head->section; line++)
                if (mbsync_line_is(line, key))
                        return line;
        return NULL;
}

const MbsyncLine *mbsync_config_section(const MbsyncConfig *config, const char *kind,
                                        const char *name, const MbsyncLine *after) {
        for (const MbsyncLine *line = after ? after + 1 : config->lines;
             line && line < end_of(config); line++)
                if ((line == config->lines || line[-1].section != line->section) &&
                    mbsync_line_is(line, kind) && line->n_words > 1 &&
                    (!name || strcmp(line->words[1], name) == 0))
                        return line;
        return NULL;
}
