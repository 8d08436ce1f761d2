#pragma once

/*
 * A draft: the configuration while it is read and not yet known to be good
 *
 * config-draft.c fills it from the text, config-check.c says what does not fit together, config.c makes
 * the Config of it. All of them add to one report, so that a user sees every mistake at once.
 */

#include "config/config-keys.h"

/* Sentences for the user, each a line of its own that begins with "FILE:LINE: ". */
typedef struct ConfigReport {
        const char *path; /* borrowed */
        Buffer text;
        unsigned n_errors;
        bool out_of_memory;
} ConfigReport;

/* @line: 0 for what concerns the whole file. After many, more are counted only. */
void config_report(ConfigReport *report, unsigned line, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

typedef enum ConfigSectionType {
        CONFIG_SECTION_DAEMON,
        CONFIG_SECTION_ACCOUNT,
        CONFIG_SECTION_LOCAL,
        CONFIG_SECTION_POLICY,
        CONFIG_SECTION_BAD, /* its head was reported; its keys are passed over */
} ConfigSectionType;

typedef struct ConfigSection {
        ConfigSectionType type;
        unsigned line;
        AccountConfig
                account; /* owned; of [local NAME] only name and local are used, of [policy ROW]
                                  only name */
        unsigned key_lines[_CONFIG_KEY_MAX]; /* 0: not given */
        bool is_refused[_CONFIG_KEY_MAX];    /* a value of it was reported */
} ConfigSection;

typedef struct ConfigDraft {
        ConfigPlace place;
        mode_t mode; /* of the file */
        ConfigReport report;
        Config daemon;           /* fields of [daemon] and [policy ROW] */
        ConfigSection *sections; /* owned, in the order of the file */
        size_t n_sections;
} ConfigDraft;

/* Read @text. What the user must mend is in the report. Return: 0, -ENOMEM. */
int config_draft_parse(ConfigDraft *draft, ByteView text);
void config_draft_done(ConfigDraft *draft);

/* The section of that type and name (NULL for [daemon]), or NULL. */
ConfigSection *config_draft_find(const ConfigDraft *draft, ConfigSectionType type,
                                 const char *name);

/* Find what does not fit together. Looks at permissions of files that hold secrets, and at which
 * directories are the same. */
void config_draft_check(ConfigDraft *draft);
