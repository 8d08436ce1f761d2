/*
 * The keyword letters of one folder, and Dovecot's dovecot-keywords file as bytes.
 *
 * What the file says about a letter is kept even where it cannot be a keyword for us: a letter that
 * stands for something must not be given away to another keyword.
 */

#include <errno.h>

#include "base/macro.h"
#include "store/maildir-name.h"

void maildir_letters_done(MaildirLetters *letters) {
        for (size_t i = 0; i < MAILDIR_LETTERS; i++)
                free(letters->names[i]);
        *letters = MAILDIR_LETTERS_NULL;
}

char maildir_letters_find(const MaildirLetters *letters, const char *keyword) {
        for (size_t i = 0; i < MAILDIR_LETTERS; i++)
                if (letters->names[i] &&
                    bytes_equal_fold(bytes_of(letters->names[i]), bytes_of(keyword)))
                        return (char) ('a' + i);

        return '\0';
}

int maildir_letters_add(MaildirLetters *letters, const char *keyword, char *ret_letter) {
        char letter = maildir_letters_find(letters, keyword);

        for (size_t i = 0; letter == '\0' && i < MAILDIR_LETTERS; i++) {
                if (letters->names[i])
                        continue;

                letters->names[i] = bytes_dup(bytes_of(keyword));
                if (!letters->names[i])
                        return -ENOMEM;
                letter = (char) ('a' + i);
        }

        *ret_letter = letter;
        return 0;
}

/* "0 work": anything else is left out, and the first line about a letter wins. */
static int parse_line(ByteView line, MaildirLetters *letters) {
        const char *space = memchr(line.data, ' ', line.size);
        ByteView digits, name;
        uint64_t index;

        if (!space)
                return 0;
        digits = (ByteView){line.data, (size_t) (space - line.data)};
        name = (ByteView){space + 1, line.size - digits.size - 1};

        if (bytes_to_u64(digits, MAILDIR_LETTERS - 1, &index) < 0 || letters->names[index])
                return 0;
        if (name.size == 0 || memchr(name.data, '\0', name.size))
                return 0;

        letters->names[index] = bytes_dup(name);
        return letters->names[index] ? 0 : -ENOMEM;
}

int maildir_letters_parse(ByteView text, MaildirLetters *ret_letters) {
        _cleanup_(maildir_letters_done) MaildirLetters letters = MAILDIR_LETTERS_NULL;
        int r;

        while (text.size > 0) {
                const char *end = memchr(text.data, '\n', text.size);
                size_t n = end ? (size_t) (end - text.data) : text.size;

                r = parse_line((ByteView){text.data, n}, &letters);
                if (r < 0)
                        return r;

                n += end ? 1 : 0;
                text = (ByteView){text.data + n, text.size - n};
        }

        *ret_letters = letters;
        letters = MAILDIR_LETTERS_NULL;
        return 0;
}

int maildir_letters_format(const MaildirLetters *letters, Buffer *out) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < MAILDIR_LETTERS; i++)
                if (letters->names[i])
                        r = buffer_append_format(out, "%zu %s\n", i, letters->names[i]);

        return r;
}
