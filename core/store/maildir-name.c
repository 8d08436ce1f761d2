/* Maildir file names: the base that stays, the letters that change, and names for new messages. */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "base/macro.h"
#include "store/maildir-name.h"

#define NAME_LENGTH_MAX 255u /* NAME_MAX of every file system that has Maildirs */
#define HOST_LENGTH_MAX 120u /* leaves room for the numbers before it and the letters behind */

static const struct {
        char letter;
        MessageFlags flag;
} fixed_letters[] = {
        {'D', FLAG_DRAFT    },
        {'F', FLAG_FLAGGED  },
        {'P', FLAG_FORWARDED},
        {'R', FLAG_ANSWERED },
        {'S', FLAG_SEEN     },
        {'T', FLAG_DELETED  },
};

static const ByteView info_start = BYTES(":2,");

static MessageFlags fixed_flag(char letter) {
        for (size_t i = 0; i < ARRAY_SIZE(fixed_letters); i++)
                if (fixed_letters[i].letter == letter)
                        return fixed_letters[i].flag;

        return 0;
}

/* What a letter a to z stands for, BYTES_NULL if for nothing. */
static ByteView letter_keyword(const MaildirLetters *letters, char letter) {
        if (letter < 'a' || letter > 'z')
                return BYTES_NULL;

        return bytes_of(letters->names[letter - 'a']);
}

ByteView maildir_name_base(ByteView name) {
        for (size_t n = name.size; n > info_start.size; n--) {
                const size_t start = n - info_start.size;

                if (memcmp(name.data + start, info_start.data, info_start.size) == 0)
                        return (ByteView){name.data, start};
        }

        return name;
}

/* Split what is behind the base: the letters, and from the first "," on what Dovecot calls another
 * set of flags, which nobody defined and everybody keeps. */
static void name_split(ByteView name, ByteView *ret_letters, ByteView *ret_rest) {
        size_t skip = maildir_name_base(name).size, n;
        const char *comma;

        if (skip < name.size)
                skip += info_start.size;
        name = (ByteView){name.data + skip, name.size - skip};

        comma = name.size > 0 ? memchr(name.data, ',', name.size) : NULL;
        n = comma ? (size_t) (comma - name.data) : name.size;
        *ret_letters = (ByteView){name.data, n};
        *ret_rest = (ByteView){name.data + n, name.size - n};
}

int maildir_name_flags(ByteView name, const MaildirLetters *letters, Keywords *keywords,
                       MessageFlags *ret_flags) {
        MessageFlags flags = 0;
        ByteView present, rest;

        name_split(name, &present, &rest);

        for (size_t i = 0; i < present.size; i++) {
                ByteView keyword = letter_keyword(letters, present.data[i]);
                MessageFlags flag = fixed_flag(present.data[i]);

                /* $Forwarded too: Dovecot has no letter P and keeps it as any other keyword */
                if (keyword.size > 0) {
                        int r = keywords_add(keywords, keyword, &flag);

                        if (r < 0)
                                return r;
                }
                flags |= flag;
        }

        *ret_flags = flags;
        return 0;
}

/* Whether a letter says nothing that @flags could say, so that it must stay as it is. */
static bool is_foreign(char letter, const Keywords *keywords, const MaildirLetters *letters) {
        ByteView keyword = letter_keyword(letters, letter);

        if (fixed_flag(letter) != 0)
                return false;

        return keyword.size == 0 || keywords_find(keywords, keyword) == 0;
}

/* Enter the letters that stand for @flags. */
static void set_letters(MessageFlags flags, const Keywords *keywords, const MaildirLetters *letters,
                        bool present[static 256]) {
        char letter;

        for (size_t i = 0; i < ARRAY_SIZE(fixed_letters); i++)
                if (flags & fixed_letters[i].flag)
                        present[(unsigned char) fixed_letters[i].letter] = true;

        if (flags & FLAG_FORWARDED) {
                letter = maildir_letters_find(letters, "$Forwarded");
                present[(unsigned char) letter] = true;
        }

        for (unsigned i = 0; i < keywords->n_names; i++) {
                if (!(flags & (MessageFlags) 1 << (KEYWORD_FIRST + i)) || !keywords->names[i])
                        continue;
                letter = maildir_letters_find(letters, keywords->names[i]);
                present[(unsigned char) letter] = true;
        }

        present[0] = false; /* of keywords that have no letter */
}

int maildir_name_format(ByteView old_name, MessageFlags flags, const Keywords *keywords,
                        const MaildirLetters *letters, Buffer *out) {
        const ByteView base = maildir_name_base(old_name);
        bool present[256] = {false};
        char sorted[256];
        size_t n_sorted = 0;
        ByteView old, rest;
        int r;

        name_split(old_name, &old, &rest);
        for (size_t i = 0; i < old.size; i++)
                if (is_foreign(old.data[i], keywords, letters))
                        present[(unsigned char) old.data[i]] = true;
        set_letters(flags, keywords, letters, present);

        for (size_t c = 1; c < ARRAY_SIZE(present); c++)
                if (present[c])
                        sorted[n_sorted++] = (char) c;

        if (base.size + info_start.size + n_sorted + rest.size > NAME_LENGTH_MAX)
                return -ENAMETOOLONG;
        r = buffer_reserve(out, base.size + info_start.size + n_sorted + rest.size);
        if (r < 0)
                return r;

        /* cannot fail: the room is there */
        (void) buffer_append_view(out, base);
        (void) buffer_append_view(out, info_start);
        (void) buffer_append(out, sorted, n_sorted);
        (void) buffer_append_view(out, rest);
        return 0;
}

/* "/" would end the file's name and ":" its base; both as octal escapes, never cut in the middle. */
static size_t escape_host(const char *host, char escaped[static HOST_LENGTH_MAX]) {
        size_t n = 0;

        if (host[0] == '\0')
                host = "localhost";

        for (; *host; host++) {
                const char plain[2] = {*host, '\0'};
                const char *text = *host == '/' ? "\\057" : *host == ':' ? "\\072" : plain;

                if (n + strlen(text) > HOST_LENGTH_MAX)
                        break;
                memcpy(escaped + n, text, strlen(text));
                n += strlen(text);
        }

        return n;
}

int maildir_name_new(int64_t usec, int pid, uint64_t counter, const char *host, Buffer *out) {
        char escaped[HOST_LENGTH_MAX];
        size_t n_escaped = escape_host(host, escaped);

        assert(usec >= 0 && pid >= 0);

        return buffer_append_format(out, "%" PRId64 ".M%" PRId64 "P%dQ%" PRIu64 ".%.*s",
                                    usec / 1000000, usec % 1000000, pid, counter, (int) n_escaped,
                                    escaped);
}

/* Take @prefix and at least one digit from the front. */
static bool take_number(ByteView *name, ByteView prefix) {
        size_t n = prefix.size;

        if (name->size < n || (n > 0 && memcmp(name->data, prefix.data, n) != 0))
                return false;
        while (n < name->size && name->data[n] >= '0' && name->data[n] <= '9')
                n++;
        if (n == prefix.size)
                return false;

        *name = (ByteView){name->data + n, name->size - n};
        return true;
}

int maildir_name_process(ByteView name, const char *host) {
        char escaped[HOST_LENGTH_MAX];
        const ByteView made_here = {escaped, escape_host(host, escaped)};
        const char *digits;
        int64_t pid = 0;

        if (!take_number(&name, BYTES("")) || !take_number(&name, BYTES(".M")))
                return -1;
        digits = name.data + 1; /* what follows the P, if it is one */
        if (!take_number(&name, BYTES("P")))
                return -1;
        for (; digits < name.data && pid <= INT32_MAX; digits++)
                pid = pid * 10 + (*digits - '0');
        if (pid > INT32_MAX || !take_number(&name, BYTES("Q")))
                return -1;
        if (name.size == 0 || name.data[0] != '.')
                return -1;

        return bytes_equal((ByteView){name.data + 1, name.size - 1}, made_here) ? (int) pid : -1;
}
