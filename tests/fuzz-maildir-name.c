/* Fuzz Maildir names: what is parsed and written again means the same and keeps its base, and what
 * was written once is written the same way again. Input: a dovecot-keywords file, an empty line, a
 * name. */

#include "base/macro.h"
#include "store/maildir-name.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rewrite(ByteView name, const MaildirLetters *letters, Keywords *keywords, Buffer *out) {
        MessageFlags flags, again;
        int r;

        assert(maildir_name_flags(name, letters, keywords, &flags) == 0);
        r = maildir_name_format(name, flags, keywords, letters, out);
        assert(r == 0 || (name.size > 255 - 32 && out->size == 0));
        if (r < 0)
                return;

        assert(out->size <= 255);
        assert(bytes_equal(maildir_name_base(buffer_view(out)), maildir_name_base(name)));
        assert(maildir_name_flags(buffer_view(out), letters, keywords, &again) == 0);
        assert(again == flags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(maildir_letters_done) MaildirLetters letters = MAILDIR_LETTERS_NULL;
        _cleanup_(keywords_done) Keywords keywords = KEYWORDS_NULL;
        _cleanup_(buffer_done) Buffer once = BUFFER_NULL, twice = BUFFER_NULL;

        ByteView file = {(const char *) data, size}, name;
        const char *end = size > 0 ? memmem(data, size, "\n\n", 2) : NULL;

        if (!end)
                return 0;
        file.size = (size_t) (end - file.data) + 1;
        name = (ByteView){end + 2, size - file.size - 1};
        if (name.size == 0 || memchr(name.data, '\0', name.size))
                return 0;

        assert(maildir_letters_parse(file, &letters) == 0);
        rewrite(name, &letters, &keywords, &once);
        if (once.size == 0)
                return 0;

        rewrite(buffer_view(&once), &letters, &keywords, &twice);
        assert(bytes_equal(buffer_view(&once), buffer_view(&twice)));
        (void) maildir_name_process(name, "host");
        return 0;
}
