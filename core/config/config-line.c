/* Lines of the configuration: comments and quotes. */

#include <stdlib.h>

#include "base/utf8.h"
#include "config/config-line.h"

static bool is_blank(char c) {
        return c == ' ' || c == '\t';
}

const char *config_line_error(ConfigLineError error) {
        switch (error) {
        case _CONFIG_LINE_E_SUCCESS:
                return "nothing is wrong";
        case CONFIG_LINE_E_CONTROL:
                return "the line holds a control character";
        case CONFIG_LINE_E_UTF8:
                return "the line is not UTF-8";
        case CONFIG_LINE_E_QUOTE:
                return "a value that begins with a double quote must end with one; inside, write "
                       "\\\" "
                       "for a quote and \\\\ for a backslash";
        case CONFIG_LINE_E_HEAD:
                return "the head of a section ends with “]”, and nothing stands behind it";
        }

        abort(); /* the switch is complete */
}

bool config_line_take(ByteView *text, ByteView *ret_line) {
        const char *end;
        ByteView line;

        if (text->size == 0)
                return false;

        end = memchr(text->data, '\n', text->size);
        line = (ByteView){text->data, end ? (size_t) (end - text->data) : text->size};
        *text = (ByteView){text->data + line.size, text->size - line.size};
        if (end)
                *text = (ByteView){text->data + 1, text->size - 1};

        if (line.size > 0 && line.data[line.size - 1] == '\r')
                line.size--;
        *ret_line = line;
        return true;
}

int config_line_check(ByteView line) {
        for (size_t i = 0; i < line.size; i++) {
                unsigned char c = (unsigned char) line.data[i];

                if ((c < ' ' && c != '\t') || c == 0x7F)
                        return CONFIG_LINE_E_CONTROL;
        }

        return utf8_is_valid(line) ? 0 : CONFIG_LINE_E_UTF8;
}

bool config_line_is_indented(ByteView line) {
        return line.size > 0 && is_blank(line.data[0]);
}

/* Where the value begins; at the end of a line that has none. */
static size_t value_start(ByteView line, bool continues) {
        size_t i = 0;

        if (!continues) {
                while (i < line.size && line.data[i] != '=' && line.data[i] != ':')
                        i++;
                if (i < line.size)
                        i++;
        }
        while (i < line.size && is_blank(line.data[i]))
                i++;

        return i;
}

/* The index behind the closing quote of the quoted string at @start, or of the line if none closes it. */
static size_t quoted_end(ByteView line, size_t start) {
        for (size_t i = start + 1; i < line.size; i++) {
                if (line.data[i] == '\\')
                        i++;
                else if (line.data[i] == '"')
                        return i + 1;
        }

        return line.size;
}

ByteView config_line_strip(ByteView line, bool continues) {
        size_t value = value_start(line, continues), i = 0;
        ByteView stripped = line;

        while (i < line.size) {
                if (i == value && line.data[i] == '"') {
                        i = quoted_end(line, i);
                        continue;
                }
                if ((line.data[i] == '#' || line.data[i] == ';') &&
                    (i == 0 || is_blank(line.data[i - 1])))
                        break;
                i++;
        }

        stripped.size = i;
        while (stripped.size > 0 && is_blank(stripped.data[stripped.size - 1]))
                stripped.size--;
        return stripped;
}

int config_value_unquote(char *value) {
        const char *from = value;
        char *to = value;

        if (*from++ != '"')
                return 0;

        for (; *from != '"'; from++) {
                if (*from == '\\' && (from[1] == '"' || from[1] == '\\'))
                        from++;
                if (!*from)
                        return CONFIG_LINE_E_QUOTE;
                *to++ = *from;
        }
        if (from[1])
                return CONFIG_LINE_E_QUOTE;

        *to = '\0';
        return 0;
}

int config_head_split(char *head, char **ret_word, char **ret_name) {
        char *word = head + 1 + strspn(head + 1, " \t"), *end = strchr(word, ']'), *name;

        if (!end || end[1])
                return CONFIG_LINE_E_HEAD;

        while (end > word && is_blank(end[-1]))
                end--;
        *end = '\0';

        name = word + strcspn(word, " \t");
        if (*name)
                *name++ = '\0';

        *ret_word = word;
        *ret_name = name + strspn(name, " \t");
        return 0;
}
