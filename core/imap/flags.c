/* Flags and keywords: names on the wire, bits everywhere else. */

#include <errno.h>
#include <stdlib.h>

#include "base/macro.h"
#include "imap/command.h"
#include "imap/flags.h"

#define KEYWORD_SIZE_MAX 128u

/* Names with a bit of their own; the index is the bit. */
static const ByteView fixed_names[KEYWORD_FIRST] = {
        BYTES("\\Seen"),    BYTES("\\Answered"), BYTES("\\Flagged"),
        BYTES("\\Deleted"), BYTES("\\Draft"),    BYTES("$Forwarded"),
};

static MessageFlags bit(unsigned i) {
        return (MessageFlags) 1 << i;
}

static MessageFlags find_fixed(ByteView name) {
        for (unsigned i = 0; i < ARRAY_SIZE(fixed_names); i++)
                if (bytes_equal_fold(name, fixed_names[i]))
                        return bit(i);

        return 0;
}

static bool is_keyword(ByteView name) {
        if (name.size == 0 || name.size > KEYWORD_SIZE_MAX)
                return false;

        for (size_t i = 0; i < name.size; i++)
                if (!imap_is_atom_char(name.data[i]))
                        return false;

        return true;
}

void keywords_done(Keywords *keywords) {
        for (unsigned i = 0; i < keywords->n_names; i++)
                free(keywords->names[i]);
        free((void *) keywords->names);
        *keywords = KEYWORDS_NULL;
}

MessageFlags keywords_find(const Keywords *keywords, ByteView name) {
        if (bytes_equal_fold(name, fixed_names[KEYWORD_FIRST - 1]))
                return FLAG_FORWARDED;

        for (unsigned i = 0; i < keywords->n_names; i++)
                if (bytes_equal_fold(name, bytes_of(keywords->names[i])))
                        return bit(KEYWORD_FIRST + i);

        return 0;
}

static int enter(Keywords *keywords, ByteView name) {
        char *copy;

        if (!keywords->names)
                keywords->names = calloc(KEYWORDS_MAX, sizeof(*keywords->names));
        if (!keywords->names)
                return -ENOMEM;
        copy = bytes_dup(name);
        if (!copy)
                return -ENOMEM;
        keywords->names[keywords->n_names++] = copy;
        return 0;
}

int keywords_add(Keywords *keywords, ByteView name, MessageFlags *ret_flag) {
        MessageFlags flag = keywords_find(keywords, name);
        int r;

        if (flag == 0 && keywords->n_names < KEYWORDS_MAX && is_keyword(name)) {
                r = enter(keywords, name);
                if (r < 0)
                        return r;
                flag = bit(KEYWORD_FIRST + keywords->n_names - 1);
        }

        *ret_flag = flag;
        return 0;
}

static int parse_flag(ByteView name, Keywords *keywords, MessageFlags *ret_flag) {
        MessageFlags flag = find_fixed(name);

        if (flag == 0 && keywords)
                return keywords_add(keywords, name, ret_flag);

        *ret_flag = flag;
        return 0;
}

int flags_parse(ByteView list, Keywords *keywords, MessageFlags *ret_flags) {
        MessageFlags flags = 0;

        while (list.size > 0) {
                MessageFlags flag = 0;
                int r;

                r = parse_flag(bytes_take_until(&list, ' '), keywords, &flag);
                if (r < 0)
                        return r;
                flags |= flag;
        }

        *ret_flags = flags;
        return 0;
}

static ByteView name_of(unsigned i, const Keywords *keywords) {
        if (i < KEYWORD_FIRST)
                return fixed_names[i];
        if (keywords && i - KEYWORD_FIRST < keywords->n_names)
                return bytes_of(keywords->names[i - KEYWORD_FIRST]);
        return BYTES_NULL;
}

int flags_format(MessageFlags flags, const Keywords *keywords, Buffer *out) {
        const size_t start = out->size;

        for (unsigned i = 0; i < KEYWORD_FIRST + KEYWORDS_MAX; i++) {
                ByteView name = name_of(i, keywords);
                int r = 0;

                if (!(flags & bit(i)) || name.size == 0)
                        continue;

                if (out->size > start)
                        r = buffer_append_string(out, " ");
                if (r == 0)
                        r = buffer_append_view(out, name);
                if (r < 0) {
                        out->size = start;
                        return r;
                }
        }

        return 0;
}

int flags_translate(MessageFlags flags, const Keywords *from, Keywords *to,
                    MessageFlags *ret_flags) {
        MessageFlags translated = flags & FLAGS_FIXED;

        for (unsigned i = 0; i < from->n_names; i++) {
                MessageFlags flag;
                int r;

                if (!(flags & bit(KEYWORD_FIRST + i)))
                        continue;
                r = keywords_add(to, bytes_of(from->names[i]), &flag);
                if (r < 0)
                        return r;
                translated |= flag;
        }

        *ret_flags = translated;
        return 0;
}
