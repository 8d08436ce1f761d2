/* What a usage text says of a command line. */

#include "base/usage.h"
#include "base/macro.h"

#define INDENT_MAX 7 /* what stands further right belongs to the line above */

/* A verb or an option. */
typedef struct Entry {
        ByteView form; /* "sync [--wait] [ACCOUNT]", "-c, --config FILE" */
        ByteView what;
} Entry;

/* A word of a form without its brackets. */
typedef struct Token {
        ByteView word;
        bool closed;   /* a bracket ends behind it */
        bool repeated; /* "..." */
        bool listed;   /* a comma: another name of the same follows */
} Token;

/* How the words are called until a verb changes that. */
typedef struct Walk {
        const char *usage;
        ByteView form;   /* what has words by their place */
        size_t n_placed; /* words of the form that are there */
        bool no_options; /* after "--" */
} Walk;

static bool is_blank(char c) {
        return c == ' ' || c == '\n';
}

static bool is_small(char c) {
        return c >= 'a' && c <= 'z';
}

static bool is_option(ByteView word) {
        return word.size > 1 && word.data[0] == '-';
}

static size_t indent_of(ByteView line) {
        size_t n = 0;

        while (n < line.size && line.data[n] == ' ')
                n++;
        return n;
}

static ByteView skip(ByteView bytes, size_t n) {
        return (ByteView){bytes.data + n, bytes.size - n};
}

/* "form  what": cut at the first two spaces. */
static Entry cut_line(ByteView line) {
        const char *gap = line.size > 0 ? memmem(line.data, line.size, "  ", 2) : NULL;
        ByteView what = BYTES_NULL;

        if (!gap)
                return (Entry){.form = line};
        what = skip(line, (size_t) (gap - line.data));
        return (Entry){
                {line.data, (size_t) (gap - line.data)},
                skip(what, indent_of(what))
        };
}

/* The lines behind an entry that belong to it: more of the form, then what it is. */
static void take_rest(ByteView *rest, Entry *entry) {
        while (entry->what.size == 0) {
                ByteView behind = *rest, line = bytes_take_until(&behind, '\n');
                const size_t indent = indent_of(line);

                if (indent <= INDENT_MAX || indent == line.size)
                        return;
                line = skip(line, indent);
                *rest = behind;
                if (line.data[0] == '[') {
                        const Entry more = cut_line(line);

                        entry->form.size =
                                (size_t) (more.form.data + more.form.size - entry->form.data);
                        entry->what = more.what;
                } else
                        entry->what = line;
        }
}

static bool next_entry(ByteView *rest, Entry *ret_entry) {
        while (rest->size > 0) {
                const ByteView line = bytes_take_until(rest, '\n');
                const size_t indent = indent_of(line);

                if (indent < 2 || indent > INDENT_MAX || indent == line.size)
                        continue;
                if (line.data[indent] != '-' && !is_small(line.data[indent]))
                        continue;
                *ret_entry = cut_line(skip(line, indent));
                take_rest(rest, ret_entry);
                return true;
        }
        return false;
}

/* The next word of a form. */
static bool next_token(ByteView *rest, Token *ret_token) {
        Token token = {};
        size_t n = 0;

        while (rest->size > 0 && (is_blank(rest->data[0]) || rest->data[0] == '['))
                *rest = skip(*rest, 1);
        while (n < rest->size && !is_blank(rest->data[n]))
                n++;
        if (n == 0)
                return false;

        token.word = (ByteView){rest->data, n};
        *rest = skip(*rest, n);
        while (token.word.size > 0 && strchr("].,", token.word.data[token.word.size - 1])) {
                token.closed |= token.word.data[token.word.size - 1] == ']';
                token.repeated |= token.word.data[token.word.size - 1] == '.';
                token.listed |= token.word.data[token.word.size - 1] == ',';
                token.word.size--;
        }
        *ret_token = token;
        return true;
}

/* Is the token behind an option its value? Takes it if so. */
static bool take_value(ByteView *rest, const Token *option, ByteView *ret_value) {
        ByteView behind = *rest;
        Token token;

        if (option->closed || !next_token(&behind, &token) || is_option(token.word))
                return false;
        *ret_value = token.word;
        *rest = behind;
        return true;
}

/* Look an option up in a form. @ret_value: the name of its value, or nothing. */
static bool find_in_form(ByteView form, ByteView option, ByteView *ret_value) {
        bool found = false;
        Token token;

        while (next_token(&form, &token)) {
                ByteView value = BYTES_NULL;

                if (!is_option(token.word))
                        continue;
                found |= bytes_equal(token.word, option);
                (void) take_value(&form, &token, &value);
                if (found && !token.listed) { /* "-c, --config FILE": behind the last name */
                        *ret_value = value;
                        return true;
                }
        }
        return false;
}

static ByteView option_value(const Walk *walk, ByteView option) {
        ByteView rest = bytes_of(walk->usage), value;
        Entry entry;

        if (find_in_form(walk->form, option, &value))
                return value;
        while (next_entry(&rest, &entry))
                if (entry.form.data[0] == '-' && find_in_form(entry.form, option, &value))
                        return value;
        return BYTES_NULL;
}

/* What stands at the next free place of the form; nothing if there is none. */
static ByteView next_place(const Walk *walk) {
        ByteView rest = walk->form, value;
        size_t n = 0;
        Token token;

        while (next_token(&rest, &token)) {
                if (is_option(token.word))
                        (void) take_value(&rest, &token, &value);
                else if (!bytes_equal(token.word, BYTES("OPTION")) &&
                         (n++ == walk->n_placed || token.repeated))
                        return token.word;
        }
        return BYTES_NULL;
}

static bool find_verb(const char *usage, ByteView name, ByteView *ret_form) {
        ByteView rest = bytes_of(usage);
        Entry entry;
        Token token;

        while (next_entry(&rest, &entry)) {
                ByteView form = entry.form;

                if (next_token(&form, &token) && bytes_equal(token.word, name)) {
                        *ret_form = form;
                        return true;
                }
        }
        return false;
}

/* append */

static int append_word(Buffer *buffer, ByteView word, ByteView what) {
        return buffer_append_format(buffer, "%.*s\t%.*s\n", (int) word.size,
                                    word.data ? word.data : "", (int) what.size,
                                    what.data ? what.data : "");
}

static int append_verbs(const char *usage, Buffer *buffer) {
        ByteView rest = bytes_of(usage);
        Entry entry;
        Token token;
        int r = 0;

        while (r == 0 && next_entry(&rest, &entry)) {
                ByteView form = entry.form;

                if (form.data[0] != '-' && next_token(&form, &token))
                        r = append_word(buffer, token.word, entry.what);
        }
        return r;
}

/* The options of a form: the long names, which can be read. */
static int append_form_options(ByteView form, ByteView what, Buffer *buffer) {
        Token token;
        int r = 0;

        while (r == 0 && next_token(&form, &token))
                if (token.word.size > 2 && memcmp(token.word.data, "--", 2) == 0)
                        r = append_word(buffer, token.word, what);
        return r;
}

/* Those of the verb, and those of all, which the first line may name as well. */
static int append_options(const Walk *walk, bool has_verb, Buffer *buffer) {
        int r = has_verb ? append_form_options(walk->form, BYTES_NULL, buffer) : 0;
        ByteView rest = bytes_of(walk->usage);
        Entry entry;

        while (r == 0 && next_entry(&rest, &entry))
                if (entry.form.data[0] == '-')
                        r = append_form_options(entry.form, entry.what, buffer);
        return r;
}

/* What a name in a form stands for: "ACCOUNT", "ac|auto", "UID|FILE". */
static int append_place(const Walk *walk, ByteView place, UsageWish *wish, Buffer *buffer) {
        int r = 0;

        while (place.size > 0 && r == 0) {
                const ByteView name = bytes_take_until(&place, '|');

                if (bytes_equal(name, BYTES("VERB")))
                        r = append_verbs(walk->usage, buffer);
                else if (name.size > 0 && is_small(name.data[0]))
                        r = append_word(buffer, name, BYTES_NULL);
                wish->accounts |= bytes_equal(name, BYTES("ACCOUNT"));
                wish->mailboxes |= bytes_equal(name, BYTES("MAILBOX"));
                wish->files |= bytes_equal(name, BYTES("FILE")) || bytes_equal(name, BYTES("PATH"));
                wish->folders |=
                        bytes_equal(name, BYTES("DIR")) || bytes_equal(name, BYTES("FOLDER"));
        }
        return r;
}

/* A word that is there: it takes a place, and a verb changes what comes behind it. */
static void walk_word(Walk *walk, const char *word, UsageWish *wish) {
        const ByteView place = next_place(walk);

        walk->n_placed++;
        if (bytes_equal(place, BYTES("VERB"))) {
                ByteView form = BYTES_NULL;

                (void) find_verb(walk->usage, bytes_of(word), &form);
                walk->form = form;
                walk->n_placed = 0;
                wish->verb = word;
        } else if (bytes_equal(place, BYTES("ACCOUNT")) && !wish->account)
                wish->account = word;
}

int usage_complete(const char *usage, const char *const *words, size_t n_words, Buffer *buffer,
                   UsageWish *ret_wish) {
        ByteView rest = bytes_of(usage);
        Walk walk = {.usage = usage, .form = bytes_take_until(&rest, '\n')};
        UsageWish wish = {};
        ByteView value = BYTES_NULL;
        Token program;
        int r;

        (void) next_token(&walk.form, &program);
        for (size_t i = 0; i + 1 < n_words; i++) {
                const ByteView word = bytes_of(words[i]);

                if (value.size > 0)
                        value = BYTES_NULL;
                else if (!walk.no_options && bytes_equal(word, BYTES("--")))
                        walk.no_options = true;
                else if (!walk.no_options && is_option(word))
                        value = option_value(&walk, word);
                else
                        walk_word(&walk, words[i], &wish);
        }

        if (value.size > 0)
                r = append_place(&walk, value, &wish, buffer);
        else if (!walk.no_options && n_words > 0 && words[n_words - 1][0] == '-')
                r = append_options(&walk, wish.verb, buffer);
        else
                r = append_place(&walk, next_place(&walk), &wish, buffer);
        if (r == 0)
                *ret_wish = wish;
        return r;
}

const char *usage_option(const char *const *words, size_t n_words, const char *name) {
        const size_t size = strlen(name);

        for (size_t i = 0; i < n_words; i++) {
                if (strncmp(words[i], name, size) != 0)
                        continue;
                if (words[i][size] == '=')
                        return words[i] + size + 1;
                if (words[i][size] == '\0' && i + 1 < n_words)
                        return words[i + 1];
        }
        return NULL;
}
