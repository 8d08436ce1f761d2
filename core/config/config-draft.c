/* From text to a draft: lines of our own for inih, its pairs to the table of keys. */

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>

#include "config/config-draft.h"
#include "config/config-line.h"
#include "config/config-value.h"

#define MAX_LINE     4096
#define MAX_SECTIONS 2048 /* a thousand accounts, each with a [local] */
#define MAX_NAME     64   /* as config.h says */

/*
 * inih splits lines, joins indented ones to the key above, and calls back for each pair. It does not
 * give line numbers, says nothing of a section without keys, cuts long names and lines without a
 * word, and knows no quotes. So the reader that feeds it counts, refuses and strips; what it hands on
 * is sound, and what it refuses reaches inih as an empty line.
 */
typedef struct Parser {
        ConfigDraft *draft;
        ByteView rest; /* what is not read yet */
        unsigned line; /* the one that inih works on */
        int error;

        ConfigKeyId key;   /* of the last pair; _CONFIG_KEY_MAX: it was refused */
        unsigned key_line; /* 0: no pair in this section yet */
        bool continues;    /* the line is indented and belongs to the key above */
} Parser;

void config_report(ConfigReport *report, unsigned line, const char *format, ...) {
        static const unsigned max_errors = 100;
        char sentence[1024];
        va_list args;
        int r;

        if (++report->n_errors > max_errors + 1)
                return;

        va_start(args, format);
        (void) vsnprintf(sentence, sizeof(sentence), format, args);
        va_end(args);

        if (report->n_errors > max_errors)
                r = buffer_append_format(&report->text, "%s: and more\n", report->path);
        else if (line > 0)
                r = buffer_append_format(&report->text, "%s:%u: %s\n", report->path, line,
                                         sentence);
        else
                r = buffer_append_format(&report->text, "%s: %s\n", report->path, sentence);
        if (r < 0)
                report->out_of_memory = true;
}

ConfigSection *config_draft_find(const ConfigDraft *draft, ConfigSectionType type,
                                 const char *name) {
        for (size_t i = 0; i < draft->n_sections; i++) {
                ConfigSection *section = &draft->sections[i];

                if (section->type == type && (!name || strcmp(section->account.name, name) == 0))
                        return section;
        }

        return NULL;
}

static ConfigSection *current_section(Parser *parser) {
        ConfigDraft *draft = parser->draft;

        return draft->n_sections > 0 ? &draft->sections[draft->n_sections - 1] : NULL;
}

static const char *const section_words[] = {
        [CONFIG_SECTION_DAEMON] = "daemon",
        [CONFIG_SECTION_ACCOUNT] = "account",
        [CONFIG_SECTION_LOCAL] = "local",
        [CONFIG_SECTION_POLICY] = "policy",
        NULL,
};

/* The row of that name, or _POLICY_MAX. */
static PolicyRow find_row(const char *name) {
        PolicyRow row = 0;

        while (row < _POLICY_MAX && strcmp(policy_row_name(row), name) != 0)
                row++;
        return row;
}

static bool judge_name(Parser *parser, ConfigSectionType type, const char *word, const char *name) {
        ConfigReport *report = &parser->draft->report;

        if (type == CONFIG_SECTION_DAEMON && *name)
                config_report(report, parser->line, "the section [daemon] has no name behind it");
        else if (type == CONFIG_SECTION_POLICY && find_row(name) == _POLICY_MAX)
                config_report(report, parser->line,
                              "“%s” is not a policy: expected [policy ac], [policy battery], "
                              "[policy low] or [policy metered]",
                              name);
        else if ((type == CONFIG_SECTION_ACCOUNT || type == CONFIG_SECTION_LOCAL) &&
                 !value_is_name(name, MAX_NAME))
                config_report(
                        report, parser->line,
                        "“%s” is not the name of an account: expected [%s NAME] with at most %d "
                        "letters, digits, “-”, “_”, “.” (not first)",
                        name, word, MAX_NAME);
        else
                return true;
        return false;
}

/* Can there be a section of this type and name? If not, say why not. */
static ConfigSectionType judge_section(Parser *parser, const char *word, const char *name) {
        ConfigReport *report = &parser->draft->report;
        int type = value_parse_word(word, section_words);
        const ConfigSection *twin;

        if (type < 0) {
                const char *nearest = value_nearest_word(word, section_words);

                config_report(report, parser->line,
                              "“%s” is not a section: expected [daemon], [account NAME], [local "
                              "NAME] or [policy NAME]%s%s%s",
                              word, nearest ? "; did you mean “" : "", nearest ? nearest : "",
                              nearest ? "”?" : "");
                return CONFIG_SECTION_BAD;
        }
        if (!judge_name(parser, (ConfigSectionType) type, word, name))
                return CONFIG_SECTION_BAD;

        twin = config_draft_find(parser->draft, (ConfigSectionType) type, *name ? name : NULL);
        if (twin) {
                config_report(report, parser->line,
                              "the section [%s%s%s] stands already in line %u", word,
                              *name ? " " : "", name, twin->line);
                return CONFIG_SECTION_BAD;
        }

        return (ConfigSectionType) type;
}

/* Append a section to the draft with everything at its default. */
static int section_add(Parser *parser, ConfigSectionType type, const char *name) {
        ConfigDraft *draft = parser->draft;
        ConfigSection *grown;
        char *copy;

        grown = reallocarray(draft->sections, draft->n_sections + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        draft->sections = grown;

        copy = strdup(name);
        if (!copy)
                return -ENOMEM;

        grown[draft->n_sections++] = (ConfigSection){
                .type = type,
                .line = parser->line,
                .account =
                        {
                                  .name = copy,
                                  .line = parser->line,
                                  .connections = 3,
                                  .brake_percent = 25,
                                  .brake_count = 20,
                                  .timeout_usec = 60 * USEC_PER_SEC,
                                  .hook_delay_usec = 2 * USEC_PER_SEC,
                                  .hook_timeout_usec = 60 * USEC_PER_SEC,
                                  },
        };
        return 0;
}

/* @line: "[account work]", stripped. */
static int section_begin(Parser *parser, ByteView line) {
        _cleanup_free_ char *head = bytes_dup(line);
        ConfigReport *report = &parser->draft->report;
        ConfigSectionType type = CONFIG_SECTION_BAD;
        char *word = NULL, *name = NULL;
        int r;

        if (!head)
                return -ENOMEM;

        parser->key_line = 0;
        if (parser->draft->n_sections >= MAX_SECTIONS) {
                config_report(report, parser->line,
                              "there are more than %d sections; the rest of the "
                              "file was not read",
                              MAX_SECTIONS);
                parser->rest = BYTES_NULL;
                return 0;
        }

        r = config_head_split(head, &word, &name);
        if (r == 0)
                type = judge_section(parser, word, name);
        else
                config_report(report, parser->line, "%s", config_line_error((ConfigLineError) r));

        return section_add(parser, type, type == CONFIG_SECTION_BAD ? "" : name);
}

/* Report the line and let inih see an empty one; what is indented below it goes the same way. */
static ByteView refuse_line(Parser *parser, const char *why) {
        config_report(&parser->draft->report, parser->line, "%s", why);
        parser->key = _CONFIG_KEY_MAX;
        parser->key_line = parser->line;
        return BYTES_NULL;
}

/* What inih is to see of a line: a pair, a continuation, the head of a section, or nothing. */
static ByteView accept_line(Parser *parser, ByteView line, size_t max_size) {
        size_t separator = 0;
        int r;

        r = config_line_check(line);
        if (r > 0)
                return refuse_line(parser, config_line_error((ConfigLineError) r));

        parser->continues = parser->key_line > 0 && config_line_is_indented(line);
        line = config_line_strip(line, parser->continues);
        if (line.size > max_size)
                return refuse_line(parser,
                                   "the line is too long; what is long belongs into a script");
        if (parser->continues)
                return parser->key == _CONFIG_KEY_MAX ? BYTES_NULL : line;

        while (config_line_is_indented(line))
                line = (ByteView){line.data + 1, line.size - 1};
        if (line.size == 0)
                return BYTES_NULL;

        if (line.data[0] == '[') {
                r = section_begin(parser, line);
                if (r < 0)
                        parser->error = r;
                return BYTES("[]"); /* inih need only know that a section begins */
        }

        while (separator < line.size && !strchr("=:", line.data[separator]))
                separator++;
        if (separator == 0 || separator == line.size)
                return refuse_line(parser, "neither a section nor a key: expected KEY = VALUE");

        return line;
}

/* An ini_reader: as fgets() does, but for the line end. */
static char *parser_on_read(char *buffer, int size, void *userdata) {
        Parser *parser = userdata;
        ByteView line;

        if (parser->error < 0 || !config_line_take(&parser->rest, &line))
                return NULL;

        parser->line++;
        line = accept_line(parser, line, (size_t) MAX(size - 3, 0)); /* ini.h: INI_MAX_LINE */
        if (line.size > 0)
                memcpy(buffer, line.data, line.size);
        buffer[line.size] = '\0';
        return buffer;
}

static bool section_takes(ConfigSectionType type, ConfigScope scope) {
        switch (type) {
        case CONFIG_SECTION_DAEMON:
                return scope == CONFIG_SCOPE_DAEMON;
        case CONFIG_SECTION_ACCOUNT:
                return scope == CONFIG_SCOPE_ACCOUNT || scope == CONFIG_SCOPE_ENDPOINT;
        case CONFIG_SECTION_LOCAL:
                return scope == CONFIG_SCOPE_ENDPOINT;
        case CONFIG_SECTION_POLICY:
                return scope == CONFIG_SCOPE_POLICY;
        case CONFIG_SECTION_BAD:
                return false;
        }

        abort(); /* the switch is complete */
}

static void *section_object(Parser *parser, ConfigSection *section, ConfigScope scope) {
        switch (scope) {
        case CONFIG_SCOPE_DAEMON:
                return &parser->draft->daemon;
        case CONFIG_SCOPE_ACCOUNT:
                return &section->account;
        case CONFIG_SCOPE_ENDPOINT:
                return section->type == CONFIG_SECTION_LOCAL ? &section->account.local
                                                             : &section->account.remote;
        case CONFIG_SCOPE_POLICY:
                return &parser->draft->daemon.policies[find_row(section->account.name)];
        }

        abort(); /* the switch is complete */
}

static void report_unknown(Parser *parser, const ConfigSection *section, const char *name) {
        const char *words[_CONFIG_KEY_MAX + 1] = {}, *nearest;
        size_t n_words = 0;

        for (ConfigKeyId id = 0; id < _CONFIG_KEY_MAX; id++)
                if (section_takes(section->type, config_key_scope(id)))
                        words[n_words++] = config_key_name(id);
        nearest = value_nearest_word(name, words);

        if (nearest)
                config_report(&parser->draft->report, parser->line,
                              "“%s” is not a key of this section; did you mean “%s”?", name,
                              nearest);
        else
                config_report(&parser->draft->report, parser->line,
                              "“%s” is not a key of this section; imapsyncd.conf(5) lists them",
                              name);
}

/* The key of that name in such a section, else in another one, or _CONFIG_KEY_MAX. */
static ConfigKeyId find_key(ConfigSectionType type, const char *name) {
        const ConfigKeyId first = config_key_find(name, _CONFIG_KEY_MAX);
        ConfigKeyId id = first;

        while (id < _CONFIG_KEY_MAX && !section_takes(type, config_key_scope(id)))
                id = config_key_find(name, id);
        return id < _CONFIG_KEY_MAX ? id : first;
}

/* Which key is meant, and may it stand here? If not, say why not. */
static ConfigKeyId judge_key(Parser *parser, ConfigSection *section, const char *name) {
        static const char *const homes[] = {
                [CONFIG_SCOPE_DAEMON] = "[daemon]",
                [CONFIG_SCOPE_ACCOUNT] = "[account NAME]",
                [CONFIG_SCOPE_ENDPOINT] = "[account NAME] or [local NAME]",
                [CONFIG_SCOPE_POLICY] = "[policy NAME]",
        };
        ConfigReport *report = &parser->draft->report;
        ConfigKeyId id;

        if (!section) {
                config_report(report, parser->line, "“%s” stands before the first section", name);
                return _CONFIG_KEY_MAX;
        }
        if (section->type == CONFIG_SECTION_BAD)
                return _CONFIG_KEY_MAX;
        id = find_key(section->type, name);
        if (id == _CONFIG_KEY_MAX) {
                report_unknown(parser, section, name);
                return _CONFIG_KEY_MAX;
        }
        if (!section_takes(section->type, config_key_scope(id))) {
                config_report(report, parser->line, "“%s” belongs into a section %s", name,
                              homes[config_key_scope(id)]);
                return _CONFIG_KEY_MAX;
        }
        if (section->key_lines[id] > 0) {
                config_report(report, parser->line, "“%s” stands already in line %u", name,
                              section->key_lines[id]);
                return _CONFIG_KEY_MAX;
        }

        section->key_lines[id] = parser->line;
        return id;
}

static int set_value(Parser *parser, ConfigSection *section, char *value) {
        _cleanup_(buffer_done) Buffer why = BUFFER_NULL;
        ConfigDraft *draft = parser->draft;
        const char *name = config_key_name(parser->key);
        int r;

        r = config_value_unquote(value);
        if (r > 0) {
                config_report(&draft->report, parser->line, "%s: %s", name,
                              config_line_error((ConfigLineError) r));
                return 0;
        }

        r = config_key_set(parser->key,
                           section_object(parser, section, config_key_scope(parser->key)), value,
                           &draft->place, &why);
        if (r > 0) {
                config_report(&draft->report, parser->line, "%s: %.*s", name, (int) why.size,
                              why.data);
                section->is_refused[parser->key] = true;
        }
        return r < 0 ? r : 0;
}

/* The key above takes one value, yet here is another: most likely all keys are indented. */
static void report_continuation(Parser *parser) {
        config_report(
                &parser->draft->report, parser->line,
                "the line is indented, so it continues “%s” of line %u, which takes one value; "
                "begin keys at the left margin",
                config_key_name(parser->key), parser->key_line);
        parser->key = _CONFIG_KEY_MAX;
}

/* An ini_handler: one pair, or one more value of the key above. Return: 0 only to give up. */
static int parser_on_pair(void *userdata, const char *section_name, const char *name,
                          const char *value) {
        Parser *parser = userdata;
        ConfigSection *section = current_section(parser);
        char *copy;

        (void) section_name;

        if (!parser->continues) {
                parser->key = judge_key(parser, section, name);
                parser->key_line = parser->line;
        }
        if (parser->key == _CONFIG_KEY_MAX)
                return 1;
        if (parser->continues && !config_key_is_list(parser->key)) {
                report_continuation(parser);
                return 1;
        }
        if (!*value) {
                if (!config_key_is_list(parser->key))
                        config_report(&parser->draft->report, parser->line,
                                      "%s: a value is expected", name);
                return 1;
        }

        copy = strdup(value);
        if (!copy)
                parser->error = -ENOMEM;
        else
                parser->error = set_value(parser, section, copy);
        config_secret_free(copy);
        return parser->error == 0;
}

int config_draft_parse(ConfigDraft *draft, ByteView text) {
        static const ByteView byte_order_mark = BYTES("\xEF\xBB\xBF");
        Parser parser = {.draft = draft, .rest = text, .key = _CONFIG_KEY_MAX};
        int r;

        if (bytes_starts_fold(text, byte_order_mark))
                parser.rest = (ByteView){text.data + byte_order_mark.size,
                                         text.size - byte_order_mark.size};

#ifdef HAVE_INIH_VARIABLES
        /* Where inih is built so that these can be set: long commands, and no comments of its own. */
        ini_max_line = MAX_LINE + 3;
        ini_allow_inline_comments = false;
#endif

        r = ini_parse_stream(parser_on_read, &parser, parser_on_pair, &parser);
        if (parser.error < 0)
                return parser.error;
        if (r < 0 || draft->report.out_of_memory)
                return -ENOMEM;
        if (r > 0)
                config_report(&draft->report, (unsigned) r, "the line was not understood");
        return 0;
}

void config_draft_done(ConfigDraft *draft) {
        for (size_t i = 0; i < draft->n_sections; i++)
                account_config_done(&draft->sections[i].account);
        free(draft->sections);
        config_keys_done(CONFIG_SCOPE_DAEMON, &draft->daemon);
        buffer_done(&draft->report.text);
        *draft = (ConfigDraft){};
}
