/* Fuzz the dovecot-keywords file: what was read and written is read as the same. */

#include "base/macro.h"
#include "store/maildir-name.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(maildir_letters_done) MaildirLetters letters = MAILDIR_LETTERS_NULL;
        _cleanup_(maildir_letters_done) MaildirLetters again = MAILDIR_LETTERS_NULL;
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;

        assert(maildir_letters_parse((ByteView){(const char *) data, size}, &letters) == 0);
        assert(maildir_letters_format(&letters, &text) == 0);
        assert(maildir_letters_parse(buffer_view(&text), &again) == 0);

        for (size_t i = 0; i < MAILDIR_LETTERS; i++) {
                const char *name = letters.names[i];

                assert(bytes_equal(bytes_of(name), bytes_of(again.names[i])));
                if (!name)
                        continue;
                assert(name[0] != '\0' && !strchr(name, '\n'));
                assert(maildir_letters_find(&letters, name) <= (char) ('a' + i));
        }

        return 0;
}
